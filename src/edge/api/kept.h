/* kept.h - what a connection keeps in its `user` while something of it is not done.
 *
 * One thing of a kind at most, and each kind knows how to drop itself: the connection may end
 * before it is done. The kinds are told from each other by just that.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_API_KEPT_H
#define GW_EDGE_API_KEPT_H

struct gw_conn;
struct gw_kept;
struct gw_worker;

typedef void (*gw_kept_drop_fn)(struct gw_worker *worker, struct gw_kept *kept);

/* A member of whatever is kept. */
struct gw_kept {
    struct gw_kept *next;
    gw_kept_drop_fn drop; /* frees it, and what it owns */
};

/* Keeps one; `drop` says of what kind. */
void gw_kept_add(struct gw_conn *conn, struct gw_kept *kept, gw_kept_drop_fn drop);

/* The one of that kind, or NULL; and the same, but it is the caller's again. */
struct gw_kept *gw_kept_find(const struct gw_conn *conn, gw_kept_drop_fn drop);
struct gw_kept *gw_kept_take(struct gw_conn *conn, gw_kept_drop_fn drop);

/* Drops all that is kept. A route's on_gone. */
void gw_kept_drop(struct gw_worker *worker, struct gw_conn *conn);

#endif
