#include "core/slab.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/alloc.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* Under AddressSanitizer a thing that was given back is poisoned, so that touching it is seen
 * although its memory stays ours. */
#ifdef __SANITIZE_ADDRESS__
void __asan_poison_memory_region(void const volatile *ptr, size_t size);
void __asan_unpoison_memory_region(void const volatile *ptr, size_t size);
#define poison(ptr, size)   __asan_poison_memory_region(ptr, size)
#define unpoison(ptr, size) __asan_unpoison_memory_region(ptr, size)
#else
#define poison(ptr, size)   ((void)(ptr), (void)(size))
#define unpoison(ptr, size) ((void)(ptr), (void)(size))
#endif

#define CHUNK_BYTES_MAX ((size_t)64 * 1024)

/* In `next` of a slot: not on the free list, for its thing is taken. */
#define TAKEN (UINT32_MAX - 1)

/* What the slab knows of a slot, beside the thing itself. `next` is the next free index, or
 * GW_SLAB_NONE at the end of the free list. */
struct slot {
    uint32_t generation, next;
};

/* A chunk is one allocation: its slots first, then its things. The slots take a multiple of 16
 * bytes, so that the things are as aligned as the allocation is. */
struct gw_slab {
    const struct gw_alloc *alloc; /* borrowed */
    size_t item_size;
    uint32_t count_max, count;
    uint32_t top;       /* indices from here on were never taken */
    uint32_t free_head; /* of those below `top` */
    uint32_t chunk_count;
    unsigned chunk_shift; /* a chunk holds 1 << chunk_shift things */
    uint8_t *chunks[];
};

/* The largest power of two of things in CHUNK_BYTES_MAX, but not more than are ever asked for. */
static unsigned shift_for(size_t item_size, uint32_t count_max)
{
    size_t each = item_size + sizeof(struct slot);
    unsigned shift = 1;

    while (((uint64_t)1 << shift) < count_max && each << (shift + 1) <= CHUNK_BYTES_MAX)
        shift++;
    return shift;
}

int gw_slab_new(struct gw_slab **out, const struct gw_alloc *alloc, size_t item_size,
                uint32_t count_max)
{
    unsigned shift;
    size_t chunks;
    struct gw_slab *slab;

    assert(item_size > 0 && item_size <= CHUNK_BYTES_MAX);
    assert(count_max > 0 && count_max < TAKEN);
    shift = shift_for(item_size, count_max);
    chunks = ((size_t)count_max + ((size_t)1 << shift) - 1) >> shift;
    slab = gw_alloc_get(alloc, sizeof(*slab) + chunks * sizeof(slab->chunks[0]));
    if (!slab)
        return -ENOMEM;
    /* The table stays as it is: what lies beyond chunk_count is never read, so never paged in. */
    *slab = (struct gw_slab){.alloc = alloc,
                             .item_size = item_size,
                             .count_max = count_max,
                             .free_head = GW_SLAB_NONE,
                             .chunk_shift = shift};
    *out = slab;
    return 0;
}

static size_t slots_bytes(const struct gw_slab *slab)
{
    return sizeof(struct slot) << slab->chunk_shift;
}

void gw_slab_free(struct gw_slab *slab)
{
    if (!slab)
        return;
    for (uint32_t i = 0; i < slab->chunk_count; i++) {
        unpoison(slab->chunks[i] + slots_bytes(slab), slab->item_size << slab->chunk_shift);
        gw_alloc_put(slab->alloc, slab->chunks[i]);
    }
    gw_alloc_put(slab->alloc, slab);
}

static uint32_t place_in_chunk(const struct gw_slab *slab, uint32_t index)
{
    return index & (((uint32_t)1 << slab->chunk_shift) - 1);
}

static struct slot *slot_at(const struct gw_slab *slab, uint32_t index)
{
    struct slot *slots = (struct slot *)(void *)slab->chunks[index >> slab->chunk_shift];

    return &slots[place_in_chunk(slab, index)];
}

static void *item_at(const struct gw_slab *slab, uint32_t index)
{
    uint8_t *items = slab->chunks[index >> slab->chunk_shift] + slots_bytes(slab);

    return items + place_in_chunk(slab, index) * slab->item_size;
}

static bool is_taken(const struct gw_slab *slab, uint32_t index)
{
    return index < slab->top && slot_at(slab, index)->next == TAKEN;
}

static bool add_chunk(struct gw_slab *slab)
{
    size_t items_bytes = slab->item_size << slab->chunk_shift;
    uint8_t *chunk = gw_alloc_get(slab->alloc, slots_bytes(slab) + items_bytes);

    if (!chunk)
        return false;
    poison(chunk + slots_bytes(slab), items_bytes);
    slab->chunks[slab->chunk_count++] = chunk;
    return true;
}

/* An index that was never taken, or GW_SLAB_NONE. */
static uint32_t take_new(struct gw_slab *slab)
{
    uint32_t index = slab->top;

    if (index == slab->count_max)
        return GW_SLAB_NONE;
    if (index >> slab->chunk_shift == slab->chunk_count && !add_chunk(slab))
        return GW_SLAB_NONE;
    slot_at(slab, index)->generation = 1;
    slab->top++;
    return index;
}

void *gw_slab_take(struct gw_slab *slab, uint32_t *index)
{
    uint32_t taken = slab->free_head;
    void *item;

    if (taken != GW_SLAB_NONE)
        slab->free_head = slot_at(slab, taken)->next;
    else
        taken = take_new(slab);
    if (taken == GW_SLAB_NONE)
        return NULL;
    slot_at(slab, taken)->next = TAKEN;
    slab->count++;
    item = item_at(slab, taken);
    unpoison(item, slab->item_size);
    memset(item, 0, slab->item_size);
    *index = taken;
    return item;
}

void gw_slab_give(struct gw_slab *slab, uint32_t index)
{
    struct slot *slot;

    assert(is_taken(slab, index));
    slot = slot_at(slab, index);
    slot->generation++;
    if (slot->generation == 0)
        slot->generation = 1;
    slot->next = slab->free_head;
    slab->free_head = index;
    slab->count--;
    poison(item_at(slab, index), slab->item_size);
}

void *gw_slab_at(const struct gw_slab *slab, uint32_t index)
{
    assert(is_taken(slab, index));
    return item_at(slab, index);
}

uint64_t gw_slab_handle(const struct gw_slab *slab, uint32_t index)
{
    assert(is_taken(slab, index));
    return (uint64_t)slot_at(slab, index)->generation << 32 | index;
}

void *gw_slab_find(const struct gw_slab *slab, uint64_t handle)
{
    uint32_t index = gw_handle_index(handle);

    if (!is_taken(slab, index) || slot_at(slab, index)->generation != handle >> 32)
        return NULL;
    return item_at(slab, index);
}

uint32_t gw_slab_count(const struct gw_slab *slab)
{
    return slab->count;
}

uint32_t gw_slab_top(const struct gw_slab *slab)
{
    return slab->top;
}

void *gw_slab_peek(const struct gw_slab *slab, uint32_t index)
{
    return is_taken(slab, index) ? item_at(slab, index) : NULL;
}
