/* errand.h - what a request has the hub do with one channel, and the wait until it is done.
 *
 * The hub may have no room now, or enough of histories was read in this turn: then the connection
 * is parked, and the errand run again each turn. Or the channel's home is another worker: then its
 * answer is awaited. Either way a request waits GW_ERRAND_WAITS_NS and no longer; that it may have
 * been done all the same is said where it may.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_API_ERRAND_H
#define GW_EDGE_API_ERRAND_H

#include "edge/api/kept.h"
#include "edge/route.h"

#define GW_ERRAND_WAITS_NS (5 * GW_NS_PER_S)

enum gw_errand_kind { GW_ERRAND_PUBLISH, GW_ERRAND_DELETE, GW_ERRAND_READ };

struct gw_errand {
    struct gw_kept kept;
    enum gw_errand_kind kind;
    bool taken;          /* the hub has it, and its home has not answered; else it found no room */
    struct gw_pub *pub;  /* GW_ERRAND_PUBLISH: owned; NULL once the hub has it */
    struct gw_read read; /* GW_ERRAND_READ */
    size_t name_len;
    char name[GW_CHANNEL_NAME_MAX];
};

/* `name` is that of a channel. */
struct gw_errand gw_errand_make(enum gw_errand_kind kind, struct gw_str name);
struct gw_str gw_errand_name(const struct gw_errand *errand);

/* Keeps a copy. What it owns is taken. False when memory is out. */
bool gw_errand_keep(struct gw_worker *worker, struct gw_conn *conn, struct gw_errand *errand);

/* The one that is kept, with all that it owns; nothing is kept any more. */
struct gw_errand gw_errand_take_back(struct gw_worker *worker, struct gw_conn *conn);

/* For a request's on_request: runs it, and answers (0) or waits (GW_PENDING). What it owns is
 * taken. */
int gw_errand_run(struct gw_worker *worker, struct gw_conn *conn, struct gw_errand *errand);

/* Handlers of a route whose requests run errands (edge/route.h). */
void gw_errand_published(struct gw_worker *worker, struct gw_conn *conn,
                         const struct gw_published *result);
void gw_errand_read(struct gw_worker *worker, struct gw_conn *conn, const struct gw_page *page);
void gw_errand_room(struct gw_worker *worker, struct gw_conn *conn, bool last);

#endif
