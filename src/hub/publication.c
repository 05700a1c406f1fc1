#include "hub/publication.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/alloc.h"

int gw_pub_new(struct gw_pub **out, const struct gw_alloc *alloc, enum gw_pub_kind kind,
               struct gw_str event, struct gw_str payload)
{
    struct gw_pub *pub;

    if (event.len > GW_PUB_EVENT_MAX || payload.len > UINT32_MAX)
        return -EMSGSIZE;

    pub = gw_alloc_get(alloc, sizeof(*pub) + event.len + payload.len);
    if (!pub)
        return -ENOMEM;

    *pub = (struct gw_pub){.alloc = alloc,
                           .kind = (uint8_t)kind,
                           .event_len = (uint16_t)event.len,
                           .len = (uint32_t)payload.len};
    atomic_init(&pub->refs, 1);
    if (event.len > 0) /* empty ones may be NULL, which memcpy may not */
        memcpy(pub->bytes, event.data, event.len);
    if (payload.len > 0)
        memcpy(pub->bytes + event.len, payload.data, payload.len);
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

struct gw_str gw_pub_payload(const struct gw_pub *pub)
{
    return (struct gw_str){(const char *)pub->bytes + pub->event_len, pub->len};
}

size_t gw_pub_cost(const struct gw_pub *pub)
{
    return sizeof(*pub) + pub->event_len + pub->len;
}
