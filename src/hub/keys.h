/* keys.h - the idempotency keys of one channel: what was published under each, for a while.
 *
 * A publisher that got no answer asks again with the same key, and is told what became of the
 * first. Keys are forgotten in the order in which they came: when they are old, or when there are
 * too many.
 *
 * Threads: the hub's own. */
#ifndef GW_HUB_KEYS_H
#define GW_HUB_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct gw_alloc;
struct gw_keys;

#define GW_KEYS_MAX 10000u /* of a channel */

/* `hash_key` is 16 random bytes. `total_bytes` (borrowed) is of all such together. Returns 0 or
 * -ENOMEM. */
int gw_keys_new(struct gw_keys **out, const struct gw_alloc *alloc, const uint8_t hash_key[16],
                uint64_t *total_bytes);
void gw_keys_free(struct gw_keys *keys); /* NULL is fine */

/* What was published under `key`; false when nothing was, or it is forgotten. */
bool gw_keys_find(const struct gw_keys *keys, struct gw_str key, uint64_t *offset, uint64_t *tag);

/* Remembers a key, of 1 to 255 bytes, that is not there. Returns 0 or -ENOMEM. */
int gw_keys_add(struct gw_keys *keys, struct gw_str key, uint64_t now_ns);

/* The key that was added last is that of this publication. */
void gw_keys_name_last(struct gw_keys *keys, uint64_t offset, uint64_t tag);

/* Forgets those that came before `before_ns`, and the oldest while there are more than `count_max`.
 */
void gw_keys_shed(struct gw_keys *keys, uint64_t before_ns, uint32_t count_max);

uint32_t gw_keys_count(const struct gw_keys *keys);     /* 0 for NULL */
uint64_t gw_keys_oldest_ns(const struct gw_keys *keys); /* when the oldest came; there is one */

#endif
