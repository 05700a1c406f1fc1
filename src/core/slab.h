/* slab.h - things of one size, named by a 32-bit index, that never move.
 *
 * An index is half the size of a pointer, and with a generation it becomes a handle: a name that
 * can outlive what it names. Memory comes in chunks as indices are first used and is kept for
 * reuse, the lowest free index first used last (LIFO), so that the hot ones stay in the cache.
 *
 * Each slot carries a 32-bit generation of its own, outside the object, that moves on when the slot
 * is given back; it is never 0. A handle is (index, generation), packed as
 * (uint64_t)generation << 32 | index, so a handle is never 0 either.
 *
 * Threads: the owner's own. */
#ifndef GW_CORE_SLAB_H
#define GW_CORE_SLAB_H

#include <stddef.h>
#include <stdint.h>

struct gw_alloc;
struct gw_slab;

#define GW_SLAB_NONE UINT32_MAX

/* `item_size` in bytes; at most `count_max` things live at a time. Returns 0 or -ENOMEM. */
int gw_slab_new(struct gw_slab **out, const struct gw_alloc *alloc, size_t item_size,
                uint32_t count_max);
void gw_slab_free(struct gw_slab *slab); /* NULL is fine; the things in it are simply gone */

/* Takes a zeroed thing and stores its index. NULL when `count_max` is reached or memory is out. */
void *gw_slab_take(struct gw_slab *slab, uint32_t *index);
void gw_slab_give(struct gw_slab *slab, uint32_t index);

/* The thing at an index that is taken (asserted). */
void *gw_slab_at(const struct gw_slab *slab, uint32_t index);

/* The handle of a taken index; and the thing that a handle names, with its index, or NULL when it
 * has been given back since. Any 64 bits may be asked for. */
uint64_t gw_slab_handle(const struct gw_slab *slab, uint32_t index);
void *gw_slab_find(const struct gw_slab *slab, uint64_t handle);

static inline uint32_t gw_handle_index(uint64_t handle)
{
    return (uint32_t)handle;
}

uint32_t gw_slab_count(const struct gw_slab *slab); /* taken now */
uint32_t gw_slab_top(const struct gw_slab *slab);   /* one above the highest index ever taken */

/* The thing at an index below gw_slab_top(), or NULL where it is not taken: for walking all. */
void *gw_slab_peek(const struct gw_slab *slab, uint32_t index);

#endif
