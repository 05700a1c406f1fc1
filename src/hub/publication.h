/* publication.h - one message of a channel, shared by every subscriber it fans out to.
 *
 * Copied in once, made a part of its channel's order by the channel's home (which alone writes
 * offset, tag, times and next), never changed afterwards, freed by whoever lets go of it last.
 *
 * Threads: everything up to gw_pub_get() and `next` is immutable once the home has handed it on;
 * the count is atomic: ref and unref may be called from any thread. */
#ifndef GW_HUB_PUBLICATION_H
#define GW_HUB_PUBLICATION_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/str.h"

struct gw_alloc;

enum gw_pub_kind { GW_PUB_TEXT, GW_PUB_JSON, GW_PUB_BINARY };

#define GW_PUB_EVENT_MAX 256 /* bytes of an event name: 64 characters of at most 4 */
#define GW_PUB_ID_MAX    255 /* bytes of an id */
#define GW_PUB_KEY_MAX   255 /* bytes of an idempotency key */

struct gw_pub {
    const struct gw_alloc *alloc; /* borrowed */
    atomic_uint refs;
    uint8_t kind;
    uint8_t id_len, key_len; /* bytes of the id and of the idempotency key */
    uint16_t event_len;      /* bytes of event name */
    uint32_t len;            /* of the payload */
    /* Written by the home when it appends, before anybody else sees the publication. */
    uint64_t offset;
    uint64_t tag;
    int64_t time_ms;  /* wall clock: what people see */
    uint64_t born_ns; /* monotonic: what age is measured by */
    /* The publication after this one in its channel. Set by the home when it appends that one; only
     * read along a chain whose every link somebody holds (hub/letter.h). */
    struct gw_pub *next;
    uint8_t bytes[]; /* event name, id, key, payload */
};

/* What its publisher gives; event, id and key may be empty: it has none. */
struct gw_pub_parts {
    enum gw_pub_kind kind;
    struct gw_str event, id, key, payload;
};

/* Copies the parts into a new publication with one reference, owned. Returns 0, -EMSGSIZE (an event
 * longer than GW_PUB_EVENT_MAX, an id than GW_PUB_ID_MAX, a key than GW_PUB_KEY_MAX or a payload
 * than UINT32_MAX) or -ENOMEM. */
int gw_pub_new(struct gw_pub **out, const struct gw_alloc *alloc, const struct gw_pub_parts *parts);

struct gw_pub *gw_pub_ref(struct gw_pub *pub);
void gw_pub_unref(struct gw_pub *pub); /* NULL is fine */

/* Borrowed for as long as the caller holds its reference. */
struct gw_str gw_pub_event(const struct gw_pub *pub);
struct gw_str gw_pub_id(const struct gw_pub *pub);
struct gw_str gw_pub_key(const struct gw_pub *pub);
struct gw_str gw_pub_payload(const struct gw_pub *pub);

/* What a publication is charged with: itself and its parts. */
size_t gw_pub_cost(const struct gw_pub *pub);

#endif
