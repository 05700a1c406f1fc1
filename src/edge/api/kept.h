/* kept.h - what a connection keeps in its `user` while something of it is not done.
 *
 * That is one thing at a time, and each kind knows how to drop itself: the connection may end
 * before it is done.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_API_KEPT_H
#define GW_EDGE_API_KEPT_H

struct gw_conn;
struct gw_worker;

/* The first member of whatever `user` points to. */
struct gw_kept {
    void (*drop)(struct gw_worker *worker, struct gw_kept *kept); /* frees it, and what it owns */
};

/* Drops what is kept, if anything is. A route's on_gone. */
void gw_kept_drop(struct gw_worker *worker, struct gw_conn *conn);

#endif
