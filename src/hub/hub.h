/* hub.h - a worker's share of all channels: publish, subscribe, and what is to be sent to whom.
 *
 * Each channel has a home worker (keyed hash of its name) that gives out offsets and keeps the
 * history; other workers with subscribers keep a branch. On the home worker both are one object.
 * There is no queue per subscriber: a channel is a log by offset, a subscription a cursor into it
 * (its slot), and to deliver is to send from the cursor to the head.
 *
 * In a turn: gw_hub_begin_turn(); then receive letters, publish, subscribe, unsubscribe, unblock as
 * the turn's events demand, and gw_hub_tick(); then the flush:
 *
 *     while (left > 0 && (count = gw_hub_sweep(hub, batch, left)) > 0) {
 *         gw_loop_send_batch(loop, batch->sends, count);
 *         gw_hub_settle(hub, batch);
 *     }
 *
 * and gw_hub_end_turn(), which removes what was unsubscribed, trims, and posts what is owed to
 * other workers.
 *
 * Threads: one hub, one worker. */
#ifndef GW_HUB_HUB_H
#define GW_HUB_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/seam.h"
#include "hub/ports.h"
#include "hub/position.h"
#include "hub/publication.h"
#include "hub/watermark.h"

struct gw_alloc;
struct gw_hub;

#define GW_WORKERS_MAX   64
#define GW_PENDING       1 /* the answer comes through a port */
#define GW_VARIANTS_MAX  8
#define GW_BATCH_SENDS   256
#define GW_BATCH_RUNS    16
#define GW_RUN_IOV_MAX   16
#define GW_RUN_BYTES_MAX (256u * 1024) /* but always at least one unit */

/* The settings of a channel, by its namespace. */
struct gw_history {
    uint32_t count_max; /* publications; 0: off */
    uint64_t bytes_max; /* of publications, gw_pub_cost() */
    uint64_t age_ns_max;
};

struct gw_hub_options {
    const struct gw_alloc *alloc;
    unsigned worker_index, worker_count; /* at most 64 */
    uint32_t mailbox_slots;              /* requests unanswered by one worker at most */
    uint8_t hash_key[16];                /* the same on all workers: homes, epochs, maps */
    uint64_t life;    /* of the node: drawn at its start, the same on all workers */
    uint8_t seed[32]; /* for tags; another on each worker */
    uint32_t channels_max;
    uint32_t subscriptions_max;
    uint64_t live_log_bytes;
    uint64_t history_total_bytes; /* all logs of this hub together */
    uint64_t unit_cache_bytes;
    uint64_t channel_idle_ns;
    uint64_t idempotency_age_ns;
    uint64_t session_ttl_ns;
    uint32_t sessions_max;             /* that nobody holds */
    uint32_t sessions_per_address;     /* the same, of one address, in all hubs together */
    const struct gw_variant *variants; /* borrowed; at most GW_VARIANTS_MAX */
    unsigned variant_count;
    void *variant_ctx; /* borrowed */
    /* The history of a channel; `name` is borrowed. Pure. */
    struct gw_history (*history)(void *ctx, struct gw_str name);
    void *history_ctx;
};

int gw_hub_new(struct gw_hub **out, const struct gw_hub_options *options,
               const struct gw_hub_ports *ports); /* 0 or -ENOMEM; both are copied */
void gw_hub_free(struct gw_hub *hub);             /* NULL is fine; calls no port */

void gw_hub_begin_turn(struct gw_hub *hub, struct gw_now now);

/* Appends `pub` (taken, whatever is returned but GW_ERR_FULL) to channel `name`; not where its
 * idempotency key is that of one that was published not longer than idempotency_age_ns ago: that
 * one is then the result. Returns 0 with `*result`; GW_PENDING: the home is another worker,
 * on_published(who) follows (not for `who` 0); GW_ERR_NAME; GW_ERR_TOO_MANY (channels); -ENOMEM;
 * GW_ERR_FULL: no room now (half of the live log waits to be swept, or the mailbox to the home is
 * full): `pub` is still the caller's: try again in a later turn. */
int gw_hub_publish(struct gw_hub *hub, struct gw_str name, struct gw_pub *pub, uint64_t who,
                   struct gw_published *result);

/* Drops everything that channel `name` has, and starts a new epoch. Whoever had had everything, and
 * cannot be told (gw_variant.tells_epoch), reads on; the others lose their place. Returns 0 with
 * `*result` (the position then, and the subscribers); GW_PENDING: on_published(who) follows;
 * GW_ERR_NAME; GW_ERR_TOO_MANY (channels); -ENOMEM; GW_ERR_FULL: no room now in the mailbox to its
 * home: try again in a later turn. */
int gw_hub_delete(struct gw_hub *hub, struct gw_str name, uint64_t who,
                  struct gw_published *result);

/* What is read of a history: from `since` on the oldest, or the newest; at least one if there is
 * any. */
struct gw_read {
    struct gw_since since;
    uint32_t count_max; /* at least 1 */
    bool newest;
};
#define GW_PAGE_BYTES_MAX (1024u * 1024) /* gw_pub_cost() of what is read at a time */

/* Reads of channel `name`. Returns 0 with `*page`, whose publications are borrowed until the end of
 * the turn; or GW_PENDING: on_read(who) follows, or GW_ERR_NAME, GW_ERR_TOO_MANY, -ENOMEM,
 * GW_ERR_FULL (no room in the mailbox to its home: try again in a later turn). */
int gw_hub_read(struct gw_hub *hub, struct gw_str name, const struct gw_read *read, uint64_t who,
                struct gw_page *page);

/* Subscribes connection `who`, whose socket is `fd`, to channel `name`. Stores the subscription (an
 * index) and returns 0 with `*result`, or GW_PENDING: on_subscribed() follows, or GW_ERR_NAME,
 * GW_ERR_TOO_MANY, -ENOMEM. Nothing is delivered before the flush of the turn in which it stands. A
 * subscription begins unblocked. */
int gw_hub_subscribe(struct gw_hub *hub, struct gw_str name, const struct gw_since *since,
                     unsigned variant, uint64_t who, int fd, uint32_t *subscription,
                     struct gw_subscribed *result);

/* Marks it gone; its place is freed at the end of the turn. Nothing of it is reported any more.
 * Also for a pending one. */
void gw_hub_unsubscribe(struct gw_hub *hub, uint32_t subscription);

/* The connection has private bytes waiting (or its message in mid-air): skip it; and go on. */
void gw_hub_block(struct gw_hub *hub, uint32_t subscription);
void gw_hub_unblock(struct gw_hub *hub, uint32_t subscription);

/* A reader that lost its place, and was told so, goes on: where its stream began anew, or from now
 * where that is not kept either. gw_hub_where() says from where. In a turn, not in its flush. */
void gw_hub_resume(struct gw_hub *hub, uint32_t subscription);

/* How far has it got: the position after the last whole message handed to the socket. */
struct gw_position gw_hub_where(const struct gw_hub *hub, uint32_t subscription);

/* From now on on_progress() tells of it. */
void gw_hub_track(struct gw_hub *hub, uint32_t subscription);

/* The channel's name; borrowed until the end of the turn. */
struct gw_str gw_hub_channel_of(const struct gw_hub *hub, uint32_t subscription);

/* --- Sessions --- */

/* A claim on the session of that name: an empty watermark with room for `count` channels, to be
 * added. NULL when memory is out. */
struct gw_watermark *gw_hub_session(const struct gw_hub *hub, const struct gw_session_name *name,
                                    uint32_t count);
void gw_hub_session_add(const struct gw_hub *hub, struct gw_watermark *claim,
                        struct gw_str channel);

/* Connection `who` wants to hold the session of `claim` (taken, whatever is returned). Whoever
 * holds it now loses it. Returns 0 with `*result`; GW_PENDING: on_claimed(who) follows;
 * GW_ERR_GONE: it is not the first attempt, and there is no such session; GW_ERR_DENIED: it is
 * somebody else's, or of other channels; GW_ERR_TAKEN: a later attempt has it; GW_ERR_TOO_MANY
 * (sessions); -ENOMEM. May call on_recalled(). */
int gw_hub_claim(struct gw_hub *hub, struct gw_watermark *claim, uint64_t who,
                 struct gw_claimed *result);

/* The connection is over: how far it had got (taken; NULL is fine). gw_watermark.release says what
 * is to become of the session. */
void gw_hub_release(struct gw_hub *hub, struct gw_watermark *watermark);

/* A letter from another worker; what it owns is taken. */
void gw_hub_receive(struct gw_hub *hub, struct gw_letter *letter);

/* Timers that are due: ages, idle channels, lingering branches; bounded. */
void gw_hub_tick(struct gw_hub *hub);

/* When it wants its next turn at the latest: 0 now (something is to be swept), UINT64_MAX not at
 * all. */
uint64_t gw_hub_wait_ns(const struct gw_hub *hub);

/* --- The flush --- */

/* The bytes from one cursor to the head: shared by all subscribers that stand there. */
struct gw_run {
    uint64_t from, to; /* offsets, both included */
    uint32_t log_id;   /* whose */
    uint8_t variant;
    int iov_count;
    size_t bytes;
    struct iovec iov[GW_RUN_IOV_MAX];
};

struct gw_batch {
    size_t count;
    struct gw_send sends[GW_BATCH_SENDS];
    uint32_t subscriptions[GW_BATCH_SENDS];
    uint8_t run_of[GW_BATCH_SENDS];
    unsigned run_count;
    struct gw_run runs[GW_BATCH_RUNS];
};

/* Fills a batch with at most `max` sends: first to readers that wait on their own (new ones with a
 * backlog, unblocked ones), then along the channels with something new, circularly, going on where
 * it stopped. Looks at a bounded number of slots. Returns their count; 0 when there is nothing
 * (more). */
size_t gw_hub_sweep(struct gw_hub *hub, struct gw_batch *batch, size_t max);

/* Takes the results: moves cursors, blocks, reports. */
void gw_hub_settle(struct gw_hub *hub, const struct gw_batch *batch);

void gw_hub_end_turn(struct gw_hub *hub);

/* The unit that a connection is in the middle of: pinned in memory until unpinned. */
struct gw_unit_pin {
    const uint8_t *rest; /* what is still to be sent of the message */
    uint32_t rest_len;
    uint32_t chunk; /* the hub's own */
};
void gw_hub_unpin(struct gw_hub *hub, const struct gw_unit_pin *pin);

/* --- For tests and metrics --- */

struct gw_hub_counts {
    uint64_t channels, subscriptions, publications; /* now; now; ever */
    uint64_t units_made, unit_bytes, unit_bytes_pinned;
    uint64_t log_bytes;
    uint64_t key_bytes; /* of idempotency keys, and what finds them */
    uint64_t histories_halved;
    uint64_t sweeps_cut, ranges_owed, publishes_refused, replies_deferred, trimmed_while_pinned;
    uint64_t sessions, sessions_kept;            /* now; of them those that nobody holds */
    uint64_t sessions_taken_over, sessions_shed; /* ever; shed: for a limit */
    uint64_t resets[5];                          /* by enum gw_reset */
};
struct gw_hub_counts gw_hub_counts(const struct gw_hub *hub);

/* Scans everything and asserts every invariant: for tests and the simulator. */
void gw_hub_check(const struct gw_hub *hub);

#endif
