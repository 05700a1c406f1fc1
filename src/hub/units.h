/* units.h - the encoded bytes of messages, made when first needed and shared by all who need them.
 *
 * A unit is one publication in one variant: bytes as they go on the wire. Units made one after the
 * other lie next to each other in chunks, so that a run of messages is one piece of memory. They
 * are a cache with a budget in bytes: a publication can always be encoded again. So a chunk may be
 * shed whole, and a unit whose chunk was shed is noticed by its handle.
 *
 * Three things keep a chunk: the batch that is being sent points into it (until the next batch
 * begins), a connection is in the middle of one of its units (a pin), or it is the one being
 * filled. A chunk that nobody has units in or pins on goes at once.
 *
 * Threads: the hub's own. */
#ifndef GW_HUB_UNITS_H
#define GW_HUB_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/link.h"

struct gw_alloc;
struct gw_slab;

#define GW_UNIT_CHUNK_BYTES (64u * 1024) /* a larger unit has a chunk of exactly its size */

/* Where a unit lies. `chunk` is a handle, 0 for none: it may be stale. */
struct gw_unit {
    uint64_t chunk;
    uint32_t at, len;
};

struct gw_units {
    const struct gw_alloc *alloc; /* borrowed */
    struct gw_slab *chunks;       /* of struct gw_chunk */
    struct gw_link idle;          /* chunks without pins, the longest unused first */
    struct gw_link pinned;
    uint32_t current; /* the chunk being filled; GW_SLAB_NONE when there is none */
    uint8_t *spare;   /* GW_UNIT_CHUNK_BYTES kept for the next chunk, or NULL */
    uint64_t batch;   /* the number of the batch being filled or sent */
    uint64_t bytes_max, bytes, bytes_pinned; /* of chunks */
    uint64_t made;
};

int gw_units_init(struct gw_units *units, const struct gw_alloc *alloc, uint64_t bytes_max);
void gw_units_fini(struct gw_units *units);

/* A new batch: nothing points into the last one's chunks any more. */
void gw_units_begin_batch(struct gw_units *units);

/* Room for a new unit of `len` > 0 bytes, to be written at once; NULL when memory is out. Sheds the
 * oldest chunks when the budget is passed. It counts as used by the batch. */
uint8_t *gw_units_make(struct gw_units *units, struct gw_unit *unit, uint32_t len);

/* The unit that was made last (asserted) turned out to be `len` > 0 bytes long: gives the rest
 * back. Returns where its bytes are now. */
uint8_t *gw_units_trim(struct gw_units *units, struct gw_unit *unit, uint32_t len);

/* The bytes of a unit, now used by the batch; NULL when it has none (any more). */
const uint8_t *gw_units_find(struct gw_units *units, const struct gw_unit *unit);

/* The unit is not needed any more; it becomes none. Returns whether its chunk is pinned. */
bool gw_units_release(struct gw_units *units, struct gw_unit *unit);

/* Keeps the chunk of a unit that is there (asserted); returns its index, for gw_units_unpin(). */
uint32_t gw_units_pin(struct gw_units *units, const struct gw_unit *unit);
void gw_units_unpin(struct gw_units *units, uint32_t chunk);

/* Asserts every invariant; `live` is how many units the logs hold, of all that are not stale. */
void gw_units_check(const struct gw_units *units, uint64_t live);

/* Is it in a chunk that is there? Does not count as use. */
bool gw_units_has(const struct gw_units *units, const struct gw_unit *unit);

#endif
