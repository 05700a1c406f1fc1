/* keys.h - the idempotency keys of one channel: what was published under each, for a while.
 *
 * A publisher that got no answer asks again with the same key, and is told what became of the
 * first. Keys are forgotten in the order in which they came: when they are old, or when there are
 * too many. The sets of all channels stand in one list, so that what they take together can be
 * bounded without asking which of them is to blame.
 *
 * Threads: the hub's own. */
#ifndef GW_HUB_KEYS_H
#define GW_HUB_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/link.h"
#include "core/str.h"

struct gw_alloc;
struct gw_keys;

#define GW_KEYS_MAX 10000u /* of a channel */

/* All sets of a hub. The one that has lost none for the longest time stands first. */
struct gw_key_sets {
    struct gw_link list;
    uint32_t count;
    uint64_t bytes; /* what they take together, about */
};

void gw_key_sets_init(struct gw_key_sets *sets);

/* The channel of the first; there is one. */
uint32_t gw_key_sets_first(const struct gw_key_sets *sets);

/* An empty set, of the channel with that index. `hash_key` is 16 random bytes; `sets` is borrowed.
 * Returns 0 or -ENOMEM. */
int gw_keys_new(struct gw_keys **out, const struct gw_alloc *alloc, const uint8_t hash_key[16],
                struct gw_key_sets *sets, uint32_t channel);
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

/* Forgets the older half, but for what is to stay; then it is another set's turn. */
void gw_keys_halve(struct gw_keys *keys, uint32_t count_min);

uint32_t gw_keys_count(const struct gw_keys *keys);     /* 0 for NULL */
uint64_t gw_keys_oldest_ns(const struct gw_keys *keys); /* when the oldest came; there is one */

#endif
