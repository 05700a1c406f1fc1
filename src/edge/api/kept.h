/* kept.h - what a connection keeps in its `user` while something of it is not done.
 *
 * That is one thing at a time, and each kind knows how to drop itself: the connection may end
 * before it is done.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_API_KEPT_H
#define GW_EDGE_API_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"
#include "hub/position.h"

struct gw_conn;
struct gw_pub;
struct gw_worker;

/* The first member of whatever `user` points to. */
struct gw_kept {
    void (*drop)(struct gw_worker *worker, struct gw_kept *kept); /* frees it, and what it owns */
};

/* Drops what is kept, if anything is. A route's on_gone. */
void gw_kept_drop(struct gw_worker *worker, struct gw_conn *conn);

/* A publication that is not done yet: it found no room, or its home has not answered. */
struct gw_pending {
    struct gw_kept kept;
    struct gw_pub *pub; /* owned; NULL once the hub has it */
    size_t name_len;
    char name[GW_CHANNEL_NAME_MAX];
};

struct gw_str gw_pending_name(const struct gw_pending *pending);

/* `pub` is taken. False when memory is out. */
bool gw_pending_keep(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name,
                     struct gw_pub *pub);

#endif
