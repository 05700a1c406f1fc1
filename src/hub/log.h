/* log.h - a channel's publications by offset: history, live log, and the queue of all its readers.
 *
 * A ring without gaps of the publications `first` .. `next` - 1, one reference on each, with a ring
 * of units beside it for every variant that some reader has needed.
 *
 *     first            history_first                 next
 *       |   live log         |        history          |
 *
 * The history is bounded by count, bytes and age; what is older is the live log, kept for readers
 * that are behind. What still `waits` (for the sweep, or to be posted to a branch) is never
 * trimmed, and is what publishers are slowed down by.
 *
 * Threads: the hub's own. */
#ifndef GW_HUB_LOG_H
#define GW_HUB_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "hub/hub.h"
#include "hub/units.h"

/* first <= history_first <= next; first <= waits_from <= next; first <= swept_to <= next. */
struct gw_log {
    const struct gw_alloc *alloc; /* borrowed */
    struct gw_units *units;       /* borrowed */
    uint64_t *total_bytes;        /* borrowed: of all logs together */
    uint64_t first, next, history_first;
    uint64_t swept_to;    /* what is below has been offered to every reader who could take it */
    uint64_t circle_head; /* the head when the running sweep began */
    uint64_t waits_from;
    uint64_t units_from; /* no unit below it */
    uint64_t before_tag; /* of first - 1 */
    uint64_t bytes, history_bytes, waiting_bytes;
    struct gw_pub **pubs;
    uint32_t room; /* of each ring: a power of two, or 0 */
    struct gw_unit *rings[GW_VARIANTS_MAX];
};

/* An empty log whose first publication will be `next`. Returns 0 or -ENOMEM. */
int gw_log_new(struct gw_log **out, const struct gw_alloc *alloc, struct gw_units *units,
               uint64_t *total_bytes, uint64_t next, uint64_t before_tag);
void gw_log_free(struct gw_log *log); /* NULL is fine */

/* Room for `more` publications. Returns 0 or -ENOMEM. */
int gw_log_reserve(struct gw_log *log, uint64_t more);

/* Adds the publication `next` (taken), for which there is room. */
void gw_log_append(struct gw_log *log, struct gw_pub *pub);

/* Adds `count` publications (taken), chained from the oldest, in front of `first`; there is room.
 * They belong to the history until gw_log_age() says otherwise. */
void gw_log_prepend(struct gw_log *log, struct gw_pub *chain, uint32_t count, uint64_t before_tag);

struct gw_pub *gw_log_at(const struct gw_log *log, uint64_t offset); /* first <= offset < next */

/* The tag of publication `offset`, first - 1 <= offset < next. */
uint64_t gw_log_tag(const struct gw_log *log, uint64_t offset);

/* The unit of a publication, perhaps none; NULL when there is no memory for the variant's ring. */
struct gw_unit *gw_log_unit(struct gw_log *log, unsigned variant, uint64_t offset);

/* Leaves in the history what its settings allow at `now_ns`. */
void gw_log_age(struct gw_log *log, const struct gw_history *history, uint64_t now_ns);

/* When gw_log_age() will have something to do; UINT64_MAX when the history is empty. */
uint64_t gw_log_due_ns(const struct gw_log *log, const struct gw_history *history);

/* Everything below `offset` is neither to be swept nor to be posted any more. */
void gw_log_waits(struct gw_log *log, uint64_t offset);

/* Drops what is older than the history and does not wait, oldest first, while the live log has more
 * than `live_bytes`. The only publication of a log stays, so that however large it is, it can be
 * read. Returns how many of the units dropped were in pinned memory. */
uint64_t gw_log_trim(struct gw_log *log, uint64_t live_bytes);

/* Nobody is behind: drops all of the live log. Returns the same. */
uint64_t gw_log_trim_all(struct gw_log *log);

/* Takes the oldest half of the history's bytes, at least one publication, out of it. */
void gw_log_halve_history(struct gw_log *log);

/* There is no history here from now on: everything belongs to the live log. */
void gw_log_forget_history(struct gw_log *log);

/* Drops everything, and goes on at `next`. */
void gw_log_restart(struct gw_log *log, uint64_t next, uint64_t before_tag);

/* Gives all units back: they can be made again. Memory of a large ring goes with them. */
void gw_log_release_units(struct gw_log *log);

/* Asserts every invariant; returns how many units are there and not stale. */
uint64_t gw_log_check(const struct gw_log *log);

#endif
