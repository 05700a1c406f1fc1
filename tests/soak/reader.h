/* reader.h - a client that is cut again and again, comes back by position, and checks what it gets.
 *
 * Of each of its channels it wants the next offset, no other, and what the ledger says was
 * published there; before that, once a connection, `subscribed` with the place where it left off. A
 * `reset` it takes only after the server was restarted, once and with the reason `epoch`.
 *
 * It never forgets: the position it comes back with is that of the last whole envelope it got (or
 * of `subscribed` or `reset`, where nothing came after that).
 *
 * Threads: one. */
#ifndef GW_SOAK_READER_H
#define GW_SOAK_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/position.h"
#include "soak/ledger.h"
#include "soak/link.h"

struct seeded;

#define CHANNELS_MAX 4

/* What a reader knows of one of its channels. */
struct view {
    unsigned channel;
    unsigned life;                  /* of the server */
    char word[GW_POSITION_LEN + 1]; /* where it stands; empty before it knows */
    struct gw_position position;    /* the same, taken apart */
    bool begun;                     /* `subscribed` has come on this connection */
    bool awaits_reset;              /* and said that it could not go on */
};

/* What all readers of a run share. */
struct reader_common {
    uint16_t port;
    unsigned life;                          /* of the server, from 0 */
    struct ledger (*ledgers)[CHANNELS_MAX]; /* of each life */
    struct seeded *random;
    uint64_t publications, subscriptions, resets; /* that readers were told of */
};

struct reader {
    struct reader_common *common;
    unsigned index;
    struct link link;
    struct view views[CHANNELS_MAX];
    unsigned view_count;
    bool deflate;
};

/* Connects, with the positions it has. `request_part` as in link.h. False: nobody listens. */
bool reader_connect(struct reader *reader, size_t request_part);

/* Takes what was read from its socket. */
void reader_take(struct reader *reader, uint8_t *data, size_t len);

/* Has it everything of every channel? */
bool reader_is_done(const struct reader *reader);

#endif
