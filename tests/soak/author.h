/* author.h - publishes to one channel at a rate, over HTTP or on a WebSocket, for as long as asked.
 *
 * Threads: one. */
#ifndef GW_SOAK_AUTHOR_H
#define GW_SOAK_AUTHOR_H

#include <stdbool.h>
#include <stdint.h>

#include "soak/ledger.h"
#include "soak/link.h"
#include "soak/payload.h"
#include "soak/post.h"

struct seeded;

struct author {
    bool by_websocket;
    struct ledger *ledger; /* of the channel's present life, borrowed */
    struct seeded *random;
    uint64_t interval_ns, due_ns; /* between two publications; when the next is due */
    struct post post;
    struct link link;
    struct payload payload; /* what went out last */
};

/* Connects; the ledger is that of the server's life that it meets. */
void author_open(struct author *author, uint16_t port);
void author_end(struct author *author);
int author_fd(const struct author *author);

/* Publishes the next where it is due, and the last is answered. */
void author_write(struct author *author, uint64_t now_ns);

/* Takes what its socket has for it: answers, or what the channel brings to everybody. */
void author_read(struct author *author);

/* Has everything that it sent been answered? */
bool author_is_idle(const struct author *author);

#endif
