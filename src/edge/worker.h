/* worker.h - one thread's whole world: its loop, its connections, its share of the hub, and the
 * turn.
 *
 * Threads: gw_worker_drain() and gw_worker_wake() from any; everything else from the worker's own.
 */
#ifndef GW_EDGE_WORKER_H
#define GW_EDGE_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "auth/auth.h"
#include "core/budget.h"
#include "core/rng.h"
#include "core/wheel.h"
#include "edge/conn.h"
#include "edge/pen.h"
#include "edge/tray.h"
#include "hub/hub.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "proto/http/head.h"

struct gw_addresses;
struct gw_deflater;
struct gw_slab;

#define GW_WORKER_EVENTS     512 /* taken a turn */
#define GW_WORKER_ACCEPTS    64  /* a turn and listener */
#define GW_WORKER_READ_BYTES (256u * 1024)
#define GW_WORKER_LETTERS    256                /* handled a turn and mailbox */
#define GW_WORKER_TIMERS     1024               /* run a turn */
#define GW_WORKER_SENDS      4096               /* of the sweep, a turn */
#define GW_WORKER_PAGE_BYTES (2u * 1024 * 1024) /* of histories, a turn; the last may pass it */
#define GW_WORKER_BODY_BYTES (4u * 1024 * 1024) /* of requests, a turn; the last may pass it */
#define GW_WORKER_LISTENERS  16

/* Limits and times, as numbers; server/options.h has their names, units and reasons. */
struct gw_edge_settings {
    struct gw_http_limits http;
    uint64_t handshake_timeout_ns, body_timeout_ns, write_timeout_ns, message_timeout_ns;
    uint64_t ping_interval_ns, pong_timeout_ns, close_timeout_ns, drain_ns;
    uint64_t buffer_bytes_max; /* of what all connections have not finished sending or taking */
    uint32_t message_bytes_max, body_bytes_max, fragments_max, private_bytes_max;
    uint32_t control_rate, message_rate; /* a second */
    uint64_t byte_rate;
    uint32_t subscriptions_max; /* of a connection */
    uint32_t connections_max, per_address_max, accept_rate;
    bool echo; /* /echo also outside open mode */
};

struct gw_worker_options {
    const struct gw_alloc *alloc; /* borrowed */
    struct gw_loop *loop;         /* borrowed */
    unsigned index, count;
    /* out[i] to, in[i] from worker i; NULL at the own index. Borrowed. */
    struct gw_mailbox **out, **in;
    struct gw_worker **workers; /* to wake them; borrowed; may be NULL when count is 1 */
    struct gw_edge_settings settings;
    const struct gw_auth *auth; /* borrowed */
    struct gw_hub_options hub;  /* alloc, worker_* and variant* are filled in */
    const struct gw_variant *variants;
    unsigned variant_count;
    /* Compresses what this worker sends, and is lent to the variants; NULL: nothing is compressed,
     * and permessage-deflate never agreed on. Borrowed. */
    struct gw_deflater *deflater;
    const struct gw_transport *front, *websocket; /* borrowed */
    const struct gw_route *const *routes;
    size_t route_count;
    struct gw_pen *pen; /* borrowed */
    uint8_t seed[32];
    void *api; /* for the routes: whatever the server hangs here */
};

struct gw_worker {
    const struct gw_alloc *alloc;
    struct gw_loop *loop;
    struct gw_hub *hub;
    struct gw_slab *conns;
    struct gw_slab *lists; /* of subscriptions, where a connection has several: struct gw_subs */
    struct gw_now now;     /* of this turn */
    struct gw_wheel wheel;
    struct gw_rng rng;
    struct gw_tray tray;
    struct gw_worker_options options;
    struct gw_addresses *addresses;
    struct gw_budget buffers; /* where connections' buffers come from: all of them have one cap */

    int listeners[GW_WORKER_LISTENERS];
    bool listener_ready[GW_WORKER_LISTENERS]; /* the accept budget ended before the queue did */
    unsigned listener_count;
    uint64_t
        accept_after_ns; /* descriptors ran out, and the queue could not be emptied: not before */

    uint32_t line_first, line_last; /* connections that want a turn (gw_conn_queue()) */
    uint32_t line_count;
    struct gw_link dead; /* marked, removed at the end of the turn; by their timers' links */
    uint64_t inflating;  /* what compressed input has cost in this turn (edge/websocket) */
    uint64_t page_bytes; /* of histories that were written in this turn (edge/api) */
    uint64_t body_bytes; /* of requests that were worked on in this turn (edge/front) */
    bool flushed;        /* the last flush sent something: there may be room again */
    uint64_t to_wake;    /* workers that were written to in this turn, a bit each */

    atomic_bool drain_asked;
    bool draining;
    uint64_t drain_until_ns;

    struct gw_batch batch;
    struct gw_event events[GW_WORKER_EVENTS];
    uint8_t input[GW_WORKER_READ_BYTES];
};

/* Everything in `options` is copied, what it points to borrowed. Returns 0 or -ENOMEM. */
int gw_worker_new(struct gw_worker **out, const struct gw_worker_options *options);
void gw_worker_free(struct gw_worker *worker); /* closes what is open; NULL is fine */

/* Adds a listening address before the first turn. Returns 0, or -errno. */
int gw_worker_listen(struct gw_worker *worker, const union gw_address *address);

/* One turn (docs/internals/loop-turn.md). Returns 0, or -errno when the loop itself failed. */
int gw_worker_turn(struct gw_worker *worker);

/* Asks it to say goodbye to everybody; gw_worker_gone() tells when that is done. Threads: any. */
void gw_worker_drain(struct gw_worker *worker);
bool gw_worker_gone(const struct gw_worker *worker);

/* Looks after a connection's descriptor and memory once it is dead, and counts. */
uint32_t gw_worker_connections(const struct gw_worker *worker);

/* Walks all and asserts what must hold between two turns: for tests and the simulator. */
void gw_worker_check(const struct gw_worker *worker);

#endif
