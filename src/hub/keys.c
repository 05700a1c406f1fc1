#include "hub/keys.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/map.h"

#define ROOM_FIRST  8u
#define NUMBER_MASK 0x7fffffffu /* numbers of keys go round below GW_MAP_NONE */

/* What is taken besides the keys themselves, about: by a set at its smallest, and by a key in its
 * ring and map. */
#define SET_BYTES 384u
#define KEY_BYTES 48u

struct key {
    uint64_t born_ns, offset, tag;
    uint8_t len;
    char text[];
};

/* A ring of the keys `first` .. `first` + `count` - 1, in the order in which they came, each found
 * by its number through the map. */
struct gw_keys {
    const struct gw_alloc *alloc;
    struct gw_key_sets *sets;
    struct gw_link link; /* in `sets` */
    uint32_t channel;
    struct gw_map *numbers;
    struct key **ring;
    uint32_t room; /* a power of two, or 0 */
    uint32_t first, count;
};

static struct key **place(const struct gw_keys *keys, uint32_t number)
{
    return &keys->ring[number & (keys->room - 1)];
}

static struct gw_str text_of(const struct key *key)
{
    return (struct gw_str){key->text, key->len};
}

static bool is_named(uint32_t number, struct gw_str name, void *ctx)
{
    return gw_str_eq(text_of(*place(ctx, number)), name);
}

void gw_key_sets_init(struct gw_key_sets *sets)
{
    gw_link_init(&sets->list);
    sets->count = 0;
    sets->bytes = 0;
}

uint32_t gw_key_sets_first(const struct gw_key_sets *sets)
{
    struct gw_link *first = gw_link_first(&sets->list);

    assert(first);
    return GW_CONTAINER(first, struct gw_keys, link)->channel;
}

static uint64_t cost_of(const struct key *key)
{
    return sizeof(*key) + key->len + KEY_BYTES;
}

int gw_keys_new(struct gw_keys **out, const struct gw_alloc *alloc, const uint8_t hash_key[16],
                struct gw_key_sets *sets, uint32_t channel)
{
    struct gw_keys *keys = gw_alloc_zeroed(alloc, 1, sizeof(*keys));

    if (!keys)
        return -ENOMEM;
    keys->alloc = alloc;
    keys->sets = sets;
    keys->channel = channel;
    gw_link_init(&keys->link);
    if (gw_map_new(&keys->numbers, alloc, hash_key, is_named, keys) != 0) {
        gw_alloc_put(alloc, keys);
        return -ENOMEM;
    }
    gw_link_append(&sets->list, &keys->link);
    sets->count++;
    sets->bytes += SET_BYTES;
    *out = keys;
    return 0;
}

static void drop(struct gw_keys *keys, uint32_t number)
{
    struct key *key = *place(keys, number);
    bool removed = gw_map_remove(keys->numbers, text_of(key), number);

    assert(removed && keys->count > 0);
    keys->sets->bytes -= cost_of(key);
    gw_alloc_put(keys->alloc, key);
    keys->count--;
}

void gw_keys_free(struct gw_keys *keys)
{
    if (!keys)
        return;
    gw_keys_shed(keys, UINT64_MAX, 0);
    gw_link_remove(&keys->link);
    keys->sets->count--;
    keys->sets->bytes -= SET_BYTES;
    gw_map_free(keys->numbers);
    gw_alloc_put(keys->alloc, keys->ring);
    gw_alloc_put(keys->alloc, keys);
}

bool gw_keys_find(const struct gw_keys *keys, struct gw_str key, uint64_t *offset, uint64_t *tag)
{
    uint32_t number = gw_map_find(keys->numbers, key);

    if (number == GW_MAP_NONE)
        return false;
    *offset = (*place(keys, number))->offset;
    *tag = (*place(keys, number))->tag;
    return true;
}

/* Room for one more; the numbers stay, their places do not. */
static int make_room(struct gw_keys *keys)
{
    uint32_t room = keys->room > 0 ? keys->room * 2 : ROOM_FIRST;
    struct key **ring;

    if (keys->count < keys->room)
        return 0;
    ring = gw_alloc_zeroed(keys->alloc, room, sizeof(struct key *));
    if (!ring)
        return -ENOMEM;
    for (uint32_t i = 0; i < keys->count; i++) {
        uint32_t number = (keys->first + i) & NUMBER_MASK;

        ring[number & (room - 1)] = *place(keys, number);
    }
    gw_alloc_put(keys->alloc, keys->ring);
    keys->ring = ring;
    keys->room = room;
    return 0;
}

static uint32_t number_of_last(const struct gw_keys *keys)
{
    assert(keys->count > 0);
    return (keys->first + keys->count - 1) & NUMBER_MASK;
}

int gw_keys_add(struct gw_keys *keys, struct gw_str text, uint64_t now_ns)
{
    struct key *key;
    uint32_t number = (keys->first + keys->count) & NUMBER_MASK;

    assert(text.len > 0 && text.len <= UINT8_MAX);
    if (make_room(keys) != 0)
        return -ENOMEM;
    key = gw_alloc_get(keys->alloc, sizeof(*key) + text.len);
    if (!key)
        return -ENOMEM;
    *key = (struct key){.born_ns = now_ns, .len = (uint8_t)text.len};
    memcpy(key->text, text.data, text.len);
    *place(keys, number) = key;
    if (gw_map_add(keys->numbers, text, number) != 0) {
        gw_alloc_put(keys->alloc, key);
        return -ENOMEM;
    }
    keys->count++;
    keys->sets->bytes += cost_of(key);
    return 0;
}

void gw_keys_name_last(struct gw_keys *keys, uint64_t offset, uint64_t tag)
{
    struct key *key = *place(keys, number_of_last(keys));

    key->offset = offset;
    key->tag = tag;
}

void gw_keys_shed(struct gw_keys *keys, uint64_t before_ns, uint32_t count_max)
{
    while (keys->count > count_max ||
           (keys->count > 0 && (*place(keys, keys->first))->born_ns < before_ns)) {
        drop(keys, keys->first);
        keys->first = (keys->first + 1) & NUMBER_MASK;
    }
}

void gw_keys_halve(struct gw_keys *keys, uint32_t count_min)
{
    uint32_t half = keys->count / 2;

    gw_keys_shed(keys, 0, half > count_min ? half : count_min);
    gw_link_remove(&keys->link);
    gw_link_append(&keys->sets->list, &keys->link);
}

uint32_t gw_keys_count(const struct gw_keys *keys)
{
    return keys ? keys->count : 0;
}

uint64_t gw_keys_oldest_ns(const struct gw_keys *keys)
{
    assert(keys->count > 0);
    return (*place(keys, keys->first))->born_ns;
}
