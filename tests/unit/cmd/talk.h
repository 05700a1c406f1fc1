/* talk.h - the other end of a client, written in advance: what a server says, piece by piece, waits
 * in a socket pair whose records stay apart, so that a test needs neither a thread nor a pause.
 *
 * Threads: one. */
#ifndef TESTS_UNIT_CMD_TALK_H
#define TESTS_UNIT_CMD_TALK_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/client.h"

struct talk {
    struct gw_client client;
    int peer;       /* the server's end */
    int said, real; /* where stderr goes meanwhile, and where it went */
};

static inline void talk_begin(struct talk *talk)
{
    int ends[2];

    /* Each send is one receive: a server's pieces arrive as they were sent. */
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    gw_client_adopt(&talk->client, ends[0]);
    talk->peer = ends[1];
    talk->said = memfd_create("stderr", MFD_CLOEXEC);
    talk->real = dup(STDERR_FILENO);
    ck_assert_int_ge(talk->said, 0);
    ck_assert_int_ge(talk->real, 0);
    ck_assert_int_eq(dup2(talk->said, STDERR_FILENO), STDERR_FILENO);
}

static inline void talk_end(struct talk *talk)
{
    ck_assert_int_eq(dup2(talk->real, STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(close(talk->real), 0);
    ck_assert_int_eq(close(talk->said), 0);
    gw_client_close(&talk->client);
    if (talk->peer >= 0)
        ck_assert_int_eq(close(talk->peer), 0);
}

/* The server says `len` bytes, in records of `piece`. */
static inline void talk_say(struct talk *talk, const void *data, size_t len, size_t piece)
{
    for (size_t at = 0; at < len; at += piece) {
        size_t some = len - at < piece ? len - at : piece;

        ck_assert_int_eq(send(talk->peer, (const char *)data + at, some, MSG_DONTWAIT),
                         (ssize_t)some);
    }
}

/* The server hears all that the client has sent so far; returns its length. */
static inline size_t talk_hear(struct talk *talk, void *out, size_t room)
{
    size_t len = 0;
    ssize_t got;

    while (len < room && (got = recv(talk->peer, (char *)out + len, room - len, MSG_DONTWAIT)) > 0)
        len += (size_t)got;
    return len;
}

static inline void talk_hang_up(struct talk *talk)
{
    ck_assert_int_eq(shutdown(talk->peer, SHUT_WR), 0);
}

/* What a person saw on stderr, with a NUL. */
static inline const char *talk_said(struct talk *talk)
{
    static char text[2048];
    ssize_t len = pread(talk->said, text, sizeof(text) - 1, 0);

    ck_assert_int_ge(len, 0);
    text[len] = '\0';
    return text;
}

#endif
