#include "hub/publication.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/alloc.h"

/* Empty text may be NULL, which memcpy may not be given. */
static uint8_t *put(uint8_t *at, struct gw_str text)
{
    if (text.len > 0)
        memcpy(at, text.data, text.len);
    return at + text.len;
}

int gw_pub_new(struct gw_pub **out, const struct gw_alloc *alloc, const struct gw_pub_parts *parts)
{
    struct gw_pub *pub;

    if (parts->event.len > GW_PUB_EVENT_MAX || parts->id.len > GW_PUB_ID_MAX ||
        parts->key.len > GW_PUB_KEY_MAX || parts->payload.len > UINT32_MAX)
        return -EMSGSIZE;

    pub = gw_alloc_get(alloc, sizeof(*pub) + parts->event.len + parts->id.len + parts->key.len +
                                  parts->payload.len);
    if (!pub)
        return -ENOMEM;

    *pub = (struct gw_pub){.alloc = alloc,
                           .kind = (uint8_t)parts->kind,
                           .id_len = (uint8_t)parts->id.len,
                           .key_len = (uint8_t)parts->key.len,
                           .event_len = (uint16_t)parts->event.len,
                           .len = (uint32_t)parts->payload.len};
    atomic_init(&pub->refs, 1);
    (void)put(put(put(put(pub->bytes, parts->event), parts->id), parts->key), parts->payload);
    *out = pub;
    return 0;
}

struct gw_pub *gw_pub_ref(struct gw_pub *pub)
{
    /* Relaxed is enough: the caller's own reference already keeps it alive. */
    unsigned before = atomic_fetch_add_explicit(&pub->refs, 1, memory_order_relaxed);

    assert(before > 0 && before < UINT_MAX);
    return pub;
}

void gw_pub_unref(struct gw_pub *pub)
{
    unsigned before;

    if (!pub)
        return;

    /* Our reads must finish before the count drops, and everyone's before the memory goes. */
    before = atomic_fetch_sub_explicit(&pub->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1)
        gw_alloc_put(pub->alloc, pub);
}

struct gw_str gw_pub_event(const struct gw_pub *pub)
{
    return (struct gw_str){(const char *)pub->bytes, pub->event_len};
}

struct gw_str gw_pub_id(const struct gw_pub *pub)
{
    return (struct gw_str){(const char *)pub->bytes + pub->event_len, pub->id_len};
}

struct gw_str gw_pub_key(const struct gw_pub *pub)
{
    return (struct gw_str){(const char *)pub->bytes + pub->event_len + pub->id_len, pub->key_len};
}

struct gw_str gw_pub_payload(const struct gw_pub *pub)
{
    return (struct gw_str){(const char *)pub->bytes + pub->event_len + pub->id_len + pub->key_len,
                           pub->len};
}

size_t gw_pub_cost(const struct gw_pub *pub)
{
    return sizeof(*pub) + pub->event_len + pub->id_len + pub->key_len + pub->len;
}
