#include "hub/watermark.h"

#include <string.h>

#include "core/alloc.h"
#include "core/hash.h"

/* What is hashed for different ends is hashed under different keys. */
enum end { OF_ID = 1, OF_ID_TOO, OF_USER, OF_ORIGIN, OF_ADDRESS, OF_CHANNEL };

static uint64_t hash_of(const uint8_t key[16], enum end end, struct gw_str text)
{
    uint8_t own[16];

    memcpy(own, key, sizeof(own));
    own[0] ^= (uint8_t)end;
    return gw_siphash(own, text.data, text.len);
}

static struct gw_watermark *make(const struct gw_alloc *alloc, uint32_t count)
{
    struct gw_watermark *watermark;

    return gw_alloc_zeroed(alloc, 1, sizeof(*watermark) + count * sizeof(watermark->marks[0]));
}

struct gw_watermark *gw_watermark_new(const struct gw_alloc *alloc, const uint8_t key[16],
                                      const struct gw_session_name *name, uint32_t count)
{
    struct gw_watermark *watermark = make(alloc, count);

    if (!watermark)
        return NULL;
    watermark->id[0] = hash_of(key, OF_ID, name->id);
    watermark->id[1] = hash_of(key, OF_ID_TOO, name->id);
    watermark->binding = hash_of(key, OF_USER, name->user) + hash_of(key, OF_ORIGIN, name->origin);
    if (name->address.len > 0)
        watermark->address = hash_of(key, OF_ADDRESS, name->address) | 1;
    watermark->attempt = name->attempt;
    return watermark;
}

void gw_watermark_free(struct gw_watermark *watermark, const struct gw_alloc *alloc)
{
    gw_alloc_put(alloc, watermark);
}

void gw_watermark_add(struct gw_watermark *watermark, const uint8_t key[16], struct gw_str channel)
{
    uint64_t hash = hash_of(key, OF_CHANNEL, channel);

    watermark->marks[watermark->count++].channel = hash;
    watermark->binding += hash; /* a sum does not mind the order, and the key keeps it honest */
}

struct gw_watermark *gw_watermark_receipt(const struct gw_alloc *alloc,
                                          const struct gw_watermark *watermark)
{
    struct gw_watermark *receipt = make(alloc, 0);

    if (!receipt)
        return NULL;
    *receipt = *watermark;
    receipt->next = NULL;
    receipt->count = 0;
    receipt->release = GW_RELEASE_FORGET;
    return receipt;
}

static const struct gw_mark *find(const struct gw_watermark *watermark, uint32_t near,
                                  uint64_t channel)
{
    if (near < watermark->count && watermark->marks[near].channel == channel)
        return &watermark->marks[near]; /* as a rule they come in the same order */
    for (uint32_t i = 0; i < watermark->count; i++)
        if (watermark->marks[i].channel == channel)
            return &watermark->marks[i];
    return NULL;
}

/* The same binding means the same channels; were it by chance that two sums agree, a mark that is
 * not there stays empty, and its reader is told. */
void gw_watermark_take_over(struct gw_watermark *watermark, const struct gw_watermark *old)
{
    for (uint32_t i = 0; i < watermark->count; i++) {
        const struct gw_mark *mark = find(old, i, watermark->marks[i].channel);

        if (mark)
            watermark->marks[i].position = mark->position;
    }
    watermark->stood = old->stood;
}
