/* map.h - from a name (bytes) to a 32-bit index, by keyed hash.
 *
 * The map does not hold the names: it holds hashes and indices, and asks its owner whether the
 * thing at an index bears a name. Open addressing; grows by doubling at three quarters, shrinks by
 * halving below an eighth. The hash is keyed, so that nobody outside can make names collide.
 *
 * Threads: the owner's own. */
#ifndef GW_CORE_MAP_H
#define GW_CORE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct gw_alloc;
struct gw_map;

#define GW_MAP_NONE UINT32_MAX

/* Does the thing at `index` bear `name`? */
typedef bool (*gw_map_is_fn)(uint32_t index, struct gw_str name, void *ctx);

/* `key` is 16 random bytes, copied. Returns 0 or -ENOMEM. */
int gw_map_new(struct gw_map **out, const struct gw_alloc *alloc, const uint8_t key[16],
               gw_map_is_fn is, void *ctx);
void gw_map_free(struct gw_map *map); /* NULL is fine */

/* The index stored under `name`, or GW_MAP_NONE. */
uint32_t gw_map_find(const struct gw_map *map, struct gw_str name);

/* Stores `index` under a name that is not there yet (asserted). Returns 0 or -ENOMEM. */
int gw_map_add(struct gw_map *map, struct gw_str name, uint32_t index);

/* Takes out exactly (`name`, `index`); false when it was not there. Never fails for memory. */
bool gw_map_remove(struct gw_map *map, struct gw_str name, uint32_t index);

uint32_t gw_map_count(const struct gw_map *map);

#endif
