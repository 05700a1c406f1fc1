/* duo_lib.h - what the tests of limits have in common: ways to begin, and to see what became of it.
 *
 * For test programs of one duo: it and the rest here are the including file's own.
 *
 * Threads: one. */
#ifndef TESTS_SIM_DUO_LIB_H
#define TESTS_SIM_DUO_LIB_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "edge/worker.h"
#include "sim/duo.h"

#define LATE_NS    (100 * DUO_MS) /* ticks of 16 ms, and the way there and back */

#define FLAGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct duo duo;
static const char get_health[] = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
static char filler[128 * 1024]; /* letters, to cut from */

static inline void begin(const char *const *flags)
{
    memset(filler, 'x', sizeof(filler));
    ck_assert_int_eq(duo_begin(&duo, &(struct duo_options){.flags = flags}), 0);
}

/* Little room on the way: `bytes` at the sender's, and as many at the reader's. */
static inline void begin_narrow(uint32_t bytes, const char *const *flags)
{
    struct sim_net_options net = SIM_NET_CALM;

    net.buffer_bytes = bytes;
    memset(filler, 'x', sizeof(filler));
    ck_assert_int_eq(duo_begin(&duo, &(struct duo_options){.net = &net, .flags = flags}), 0);
}

static inline void begin_two(uint32_t slots, const char *const *flags)
{
    const struct duo_options options = {.workers = 2, .mailbox_slots = slots, .flags = flags};

    memset(filler, 'x', sizeof(filler));
    ck_assert_int_eq(duo_begin(&duo, &options), 0);
}

static inline uint32_t connections(void)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < duo.worker_count; i++)
        count += gw_worker_connections(duo.assembly->workers[i]);
    return count;
}

/* `ns` is the limit: reached, and not much passed. */
#define ck_on_time(took, ns)                                                                       \
    do {                                                                                           \
        ck_assert_uint_ge(took, ns);                                                               \
        ck_assert_uint_le(took, (ns) + LATE_NS);                                                   \
    } while (0)

/* Runs until the server has let go of all but `left` connections; returns how long that took. */
static inline uint64_t until_left(uint32_t left, uint64_t most_ns)
{
    uint64_t from = duo_now(&duo);

    while (connections() > left && duo_now(&duo) - from < most_ns)
        duo_run(&duo, 10 * DUO_MS);
    ck_assert_uint_eq(connections(), left);
    return duo_now(&duo) - from;
}

/* The answer, and what a refusal for the form of a request means: the end. */
static inline void ck_refused(unsigned client, int status)
{
    duo_run(&duo, 100 * DUO_MS);
    ck_assert(duo_has(&duo, client, "Connection: close"));
    ck_assert_int_eq(duo_answer(&duo, client, NULL), status);
    ck_assert_int_eq(duo.clients[client].end, DUO_FINISHED);
    ck_assert_uint_eq(duo.clients[client].seen, duo.clients[client].in.len); /* nothing behind it */
}

static inline void ck_answered(unsigned client, int status)
{
    duo_run(&duo, 100 * DUO_MS);
    if (status >= 400)
        ck_refused(client, status);
    else
        ck_assert_int_eq(duo_answer(&duo, client, NULL), status);
}

static inline void ck_open(unsigned client)
{
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_uint_eq(duo_close_code(&duo, client), 0);
    ck_assert(duo_there(&duo, client));
}

/* The close frame, and the end of the connection with it: either because we answer, or after
 * close_timeout. */
static inline void ck_closed(unsigned client, unsigned code)
{
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_uint_eq(duo_close_code(&duo, client), code);
    duo_run(&duo, 2 * DUO_S + LATE_NS); /* close_timeout */
    ck_assert(!duo_there(&duo, client));
    ck_assert(duo_closed_last(&duo, client));
}

static inline void say_many(unsigned client, uint8_t first, int count)
{
    for (int i = 0; i < count; i++)
        duo_frame_say(&duo, client, first, "x", 1);
}

static inline int post_one(unsigned client, const char *channel, const char *text)
{
    int status;

    if (!duo_there(&duo, client))
        duo_connect(&duo, client);
    duo_post(&duo, client, channel, text, strlen(text));
    for (int i = 0; i < 1000; i++) {
        duo_run(&duo, 10 * DUO_MS);
        status = duo_answer(&duo, client, NULL);
        if (status != 0)
            return status;
    }
    return 0;
}

/* How many messages somebody gets who wants all there is. */
static inline unsigned kept(const char *channel)
{
    char target[64];
    unsigned count;

    snprintf(target, sizeof(target), "/channels/%s?since=all", channel);
    duo_hang_up(&duo, 9);
    duo_open(&duo, 9, target);
    duo_run(&duo, 100 * DUO_MS);
    count = duo_messages(&duo, 9);
    duo_hang_up(&duo, 9);
    duo_run(&duo, 100 * DUO_MS);
    return count;
}

#endif
