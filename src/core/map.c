#include "core/map.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/hash.h"

#define SLOTS_MIN 16u

/* Half of the name's hash is kept, so that names need be compared only when it is equal, and
 * growing needs no names at all. */
struct slot {
    uint32_t hash;
    uint32_t index; /* GW_MAP_NONE: empty */
};

/* Linear probing: a name stands at the slot its hash points at, or behind it with no empty slot in
 * between. Never full, so that every search ends. */
struct gw_map {
    const struct gw_alloc *alloc; /* borrowed */
    gw_map_is_fn is;
    void *ctx;
    uint8_t key[16];
    uint32_t count;
    uint32_t slot_mask; /* slots - 1, a power of two less one */
    struct slot *slots;
};

static struct slot *new_slots(const struct gw_alloc *alloc, size_t count)
{
    struct slot *slots = gw_alloc_get(alloc, count * sizeof(*slots));

    static_assert(GW_MAP_NONE == UINT32_MAX, "bytes of 0xff make an empty slot");
    if (slots)
        memset(slots, 0xff, count * sizeof(*slots));
    return slots;
}

int gw_map_new(struct gw_map **out, const struct gw_alloc *alloc, const uint8_t key[16],
               gw_map_is_fn is, void *ctx)
{
    struct gw_map *map = gw_alloc_get(alloc, sizeof(*map));

    if (!map)
        return -ENOMEM;
    *map = (struct gw_map){.alloc = alloc, .is = is, .ctx = ctx, .slot_mask = SLOTS_MIN - 1};
    memcpy(map->key, key, sizeof(map->key));
    map->slots = new_slots(alloc, SLOTS_MIN);
    if (!map->slots) {
        gw_alloc_put(alloc, map);
        return -ENOMEM;
    }
    *out = map;
    return 0;
}

void gw_map_free(struct gw_map *map)
{
    if (!map)
        return;
    gw_alloc_put(map->alloc, map->slots);
    gw_alloc_put(map->alloc, map);
}

static uint32_t hash_of(const struct gw_map *map, struct gw_str name)
{
    return (uint32_t)gw_siphash(map->key, name.data, name.len);
}

/* The slot where `name` stands, or the empty one where the search for it ends. */
static uint32_t slot_of(const struct gw_map *map, struct gw_str name, uint32_t hash)
{
    uint32_t at = hash & map->slot_mask;

    for (;; at = (at + 1) & map->slot_mask) {
        const struct slot *slot = &map->slots[at];

        if (slot->index == GW_MAP_NONE)
            return at;
        if (slot->hash == hash && map->is(slot->index, name, map->ctx))
            return at;
    }
}

uint32_t gw_map_find(const struct gw_map *map, struct gw_str name)
{
    return map->slots[slot_of(map, name, hash_of(map, name))].index;
}

/* Puts everything into a table of `count` slots. False when memory is out: nothing has changed. */
static bool resize(struct gw_map *map, size_t count)
{
    struct slot *slots = new_slots(map->alloc, count);
    uint32_t mask = (uint32_t)(count - 1);

    if (!slots)
        return false;
    for (size_t i = 0; i <= map->slot_mask; i++) {
        uint32_t at = map->slots[i].hash & mask;

        if (map->slots[i].index == GW_MAP_NONE)
            continue;
        while (slots[at].index != GW_MAP_NONE)
            at = (at + 1) & mask;
        slots[at] = map->slots[i];
    }
    gw_alloc_put(map->alloc, map->slots);
    map->slots = slots;
    map->slot_mask = mask;
    return true;
}

int gw_map_add(struct gw_map *map, struct gw_str name, uint32_t index)
{
    size_t slots = (size_t)map->slot_mask + 1;
    uint32_t hash = hash_of(map, name), at;

    assert(index != GW_MAP_NONE);
    if (map->count >= slots / 4 * 3 && !resize(map, slots * 2))
        return -ENOMEM;
    at = slot_of(map, name, hash);
    assert(map->slots[at].index == GW_MAP_NONE);
    map->slots[at] = (struct slot){.hash = hash, .index = index};
    map->count++;
    return 0;
}

/* Empties a slot, and moves those behind it forward that it would cut off from where their search
 * begins. So no slot needs to say "there was something here", and a map does not age. */
static void empty_slot(struct gw_map *map, uint32_t hole)
{
    uint32_t mask = map->slot_mask;

    for (uint32_t at = (hole + 1) & mask; map->slots[at].index != GW_MAP_NONE;
         at = (at + 1) & mask) {
        uint32_t searched_from_home = (at - map->slots[at].hash) & mask;

        if (searched_from_home >= ((at - hole) & mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole].index = GW_MAP_NONE;
}

bool gw_map_remove(struct gw_map *map, struct gw_str name, uint32_t index)
{
    size_t slots = (size_t)map->slot_mask + 1;
    uint32_t hash = hash_of(map, name), at = hash & map->slot_mask;

    assert(index != GW_MAP_NONE);
    /* An index stands here once at most, so it needs no look at the name, which may be gone. */
    while (map->slots[at].index != index || map->slots[at].hash != hash) {
        if (map->slots[at].index == GW_MAP_NONE)
            return false;
        at = (at + 1) & map->slot_mask;
    }
    empty_slot(map, at);
    map->count--;
    if (slots > SLOTS_MIN && map->count < slots / 8)
        (void)resize(map, slots / 2); /* without memory it stays large, and tries again later */
    return true;
}

uint32_t gw_map_count(const struct gw_map *map)
{
    return map->count;
}
