/* subs.h - the subscriptions of a connection: none, one, or a list of them.
 *
 * Nearly every connection has one, and to it nothing here costs anything: the subscription's index
 * stands in the connection. One with several channels (GW_CONN_MANY) has the index of a list there
 * instead, in a slab of its worker.
 *
 * A socket can be in the middle of one message only. So when it takes no more, all subscriptions
 * are blocked, whichever of them it stopped in; and as long as a list is being put together (phase
 * OPENING) those in it that stand already are held in the same way.
 *
 * A subscription that has lost its place is remembered here until the route can be told: the hub
 * finds out in the middle of a flush, with bytes for that very socket on their way.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_SUBS_H
#define GW_EDGE_SUBS_H

#include <stdbool.h>
#include <stdint.h>

#include "hub/position.h"

struct gw_conn;
struct gw_worker;

/* One of a list. */
struct gw_sub {
    uint32_t subscription; /* GW_SUBSCRIPTION_NONE: it has been forgotten */
    uint8_t lost;          /* enum gw_reset: why it lost its place, and the route does not know */
};

/* What a list is in the slab. */
struct gw_subs {
    struct gw_sub *at; /* owned */
    uint32_t count, room;
};

/* Turns none into an empty list with room for so many. Returns 0 or -ENOMEM. */
int gw_subs_make_list(struct gw_worker *worker, struct gw_conn *conn, uint32_t room);

/* Adds one: to the list, where there is one and it has room, else as the only one. */
void gw_subs_add(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription);

/* Its hub has dropped it by itself. */
void gw_subs_forget(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription);

/* How many were added; the one added as number `i`; and the number of one that was. */
uint32_t gw_subs_count(const struct gw_worker *worker, const struct gw_conn *conn);
uint32_t gw_subs_at(const struct gw_worker *worker, const struct gw_conn *conn, uint32_t i);
uint32_t gw_subs_find(const struct gw_worker *worker, const struct gw_conn *conn,
                      uint32_t subscription);

/* The socket takes no more; and takes bytes again. */
void gw_subs_block(struct gw_worker *worker, struct gw_conn *conn);
void gw_subs_unblock(struct gw_worker *worker, struct gw_conn *conn);

/* Unsubscribes from all, and lets go of a list. */
void gw_subs_leave(struct gw_worker *worker, struct gw_conn *conn);

/* Remembers that one has lost its place; and takes one of those remembered, false where none is
 * left. The flag GW_CONN_LOST says whether there may be one. */
void gw_subs_lose(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                  enum gw_reset reason);
bool gw_subs_take_lost(struct gw_worker *worker, struct gw_conn *conn, uint32_t *subscription,
                       enum gw_reset *reason);

#endif
