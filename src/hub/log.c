#include "hub/log.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/alloc.h"

#define ROOM_FIRST 4u
#define ROOM_MAX   (1u << 30)
#define ROOM_KEPT  256u /* a ring of this size is kept while it is empty */

int gw_log_new(struct gw_log **out, const struct gw_alloc *alloc, struct gw_units *units,
               uint64_t *total_bytes, uint64_t next, uint64_t before_tag)
{
    struct gw_log *log = gw_alloc_get(alloc, sizeof(*log));

    assert(next > 0);
    if (!log)
        return -ENOMEM;
    *log = (struct gw_log){.alloc = alloc,
                           .units = units,
                           .total_bytes = total_bytes,
                           .first = next,
                           .next = next,
                           .history_first = next,
                           .swept_to = next,
                           .circle_head = next - 1,
                           .waits_from = next,
                           .units_from = next,
                           .before_tag = before_tag};
    *out = log;
    return 0;
}

static uint32_t place(const struct gw_log *log, uint64_t offset)
{
    return (uint32_t)(offset & (log->room - 1));
}

static void free_rings(struct gw_log *log)
{
    for (unsigned v = 0; v < GW_VARIANTS_MAX; v++) {
        gw_alloc_put(log->alloc, log->rings[v]);
        log->rings[v] = NULL;
    }
}

void gw_log_free(struct gw_log *log)
{
    if (!log)
        return;
    gw_log_restart(log, log->next, 0);
    free_rings(log);
    gw_alloc_put(log->alloc, log->pubs);
    gw_alloc_put(log->alloc, log);
}

struct gw_pub *gw_log_at(const struct gw_log *log, uint64_t offset)
{
    struct gw_pub *pub;

    assert(offset >= log->first && offset < log->next);
    pub = log->pubs[place(log, offset)];
    assert(pub->offset == offset);
    return pub;
}

uint64_t gw_log_tag(const struct gw_log *log, uint64_t offset)
{
    return offset + 1 == log->first ? log->before_tag : gw_log_at(log, offset)->tag;
}

/* Moves every entry of a ring of things of `size` bytes to its place in one of `room` things. */
static void move_ring(const struct gw_log *log, uint8_t *to, uint32_t room, const uint8_t *from,
                      size_t size)
{
    for (uint64_t offset = log->first; offset < log->next; offset++)
        memcpy(to + (offset & (room - 1)) * size, from + place(log, offset) * size, size);
}

/* All rings are replaced, or none. */
static int grow(struct gw_log *log, uint32_t room)
{
    struct gw_pub **pubs = gw_alloc_zeroed(log->alloc, room, sizeof(struct gw_pub *));
    struct gw_unit *rings[GW_VARIANTS_MAX] = {NULL};

    if (!pubs)
        return -ENOMEM;
    for (unsigned v = 0; v < GW_VARIANTS_MAX; v++) {
        if (!log->rings[v])
            continue;
        rings[v] = gw_alloc_zeroed(log->alloc, room, sizeof(struct gw_unit));
        if (!rings[v])
            goto fail_rings;
    }

    if (log->pubs)
        move_ring(log, (uint8_t *)pubs, room, (const uint8_t *)log->pubs, sizeof(*pubs));
    gw_alloc_put(log->alloc, log->pubs);
    log->pubs = pubs;
    for (unsigned v = 0; v < GW_VARIANTS_MAX; v++) {
        if (!rings[v])
            continue;
        move_ring(log, (uint8_t *)rings[v], room, (const uint8_t *)log->rings[v],
                  sizeof(struct gw_unit));
        gw_alloc_put(log->alloc, log->rings[v]);
        log->rings[v] = rings[v];
    }
    log->room = room;
    return 0;

fail_rings:
    for (unsigned v = 0; v < GW_VARIANTS_MAX; v++)
        gw_alloc_put(log->alloc, rings[v]);
    gw_alloc_put(log->alloc, pubs);
    return -ENOMEM;
}

int gw_log_reserve(struct gw_log *log, uint64_t more)
{
    uint64_t needed = log->next - log->first + more;
    uint64_t room = log->room > 0 ? log->room : ROOM_FIRST;

    if (needed <= log->room)
        return 0;
    if (needed > ROOM_MAX)
        return -ENOMEM;
    while (room < needed)
        room *= 2;
    return grow(log, (uint32_t)room);
}

static void put_in(struct gw_log *log, uint64_t offset, struct gw_pub *pub)
{
    uint64_t cost = gw_pub_cost(pub);

    assert(pub->offset == offset);
    log->pubs[place(log, offset)] = pub;
    for (unsigned v = 0; v < GW_VARIANTS_MAX; v++)
        if (log->rings[v])
            log->rings[v][place(log, offset)] = (struct gw_unit){0};
    log->bytes += cost;
    log->history_bytes += cost;
    *log->total_bytes += cost;
}

void gw_log_append(struct gw_log *log, struct gw_pub *pub)
{
    assert(log->next - log->first < log->room);
    put_in(log, log->next, pub);
    log->waiting_bytes += gw_pub_cost(pub);
    log->next++;
}

void gw_log_prepend(struct gw_log *log, struct gw_pub *chain, uint32_t count, uint64_t before_tag)
{
    assert(count > 0);
    assert(log->next - log->first + count <= log->room);
    assert(chain->offset + count == log->first);

    /* The live log between them counts as history again, for that has no gap either. */
    log->history_bytes = log->bytes;
    for (uint32_t i = 0; i < count; i++) {
        struct gw_pub *next = i + 1 < count ? chain->next : NULL;

        put_in(log, log->first - count + i, chain);
        chain = next;
    }
    log->first -= count;
    log->history_first = log->first;
    log->before_tag = before_tag;
    assert(log->history_bytes == log->bytes);
}

struct gw_unit *gw_log_unit(struct gw_log *log, unsigned variant, uint64_t offset)
{
    assert(variant < GW_VARIANTS_MAX);
    assert(offset >= log->first && offset < log->next);
    if (!log->rings[variant]) {
        log->rings[variant] = gw_alloc_zeroed(log->alloc, log->room, sizeof(struct gw_unit));
        if (!log->rings[variant])
            return NULL;
    }
    if (offset < log->units_from)
        log->units_from = offset;
    return &log->rings[variant][place(log, offset)];
}

void gw_log_age(struct gw_log *log, const struct gw_history *history, uint64_t now_ns)
{
    while (log->history_first < log->next) {
        const struct gw_pub *oldest = gw_log_at(log, log->history_first);

        if (log->next - log->history_first <= history->count_max &&
            log->history_bytes <= history->bytes_max && now_ns <= gw_log_due_ns(log, history) - 1)
            return;
        log->history_bytes -= gw_pub_cost(oldest);
        log->history_first++;
    }
}

uint64_t gw_log_due_ns(const struct gw_log *log, const struct gw_history *history)
{
    uint64_t born;

    if (log->history_first == log->next)
        return UINT64_MAX;
    born = gw_log_at(log, log->history_first)->born_ns;
    if (history->age_ns_max >= UINT64_MAX - born)
        return UINT64_MAX;
    return born + history->age_ns_max + 1; /* as old as the limit says is not too old */
}

void gw_log_waits(struct gw_log *log, uint64_t offset)
{
    assert(offset <= log->next);
    for (; log->waits_from < offset; log->waits_from++)
        log->waiting_bytes -= gw_pub_cost(gw_log_at(log, log->waits_from));
}

static uint64_t release_units_of(struct gw_log *log, uint64_t offset)
{
    uint64_t pinned = 0;

    for (unsigned v = 0; v < GW_VARIANTS_MAX; v++)
        if (log->rings[v] && log->rings[v][place(log, offset)].chunk != 0)
            pinned += gw_units_release(log->units, &log->rings[v][place(log, offset)]);
    return pinned;
}

/* A burst leaves large rings behind: an empty one goes. */
static void shrink_when_empty(struct gw_log *log)
{
    if (log->first < log->next || log->room <= ROOM_KEPT)
        return;
    free_rings(log);
    gw_alloc_put(log->alloc, log->pubs);
    log->pubs = NULL;
    log->room = 0;
}

static uint64_t drop_first(struct gw_log *log)
{
    struct gw_pub *pub = gw_log_at(log, log->first);
    uint64_t pinned = release_units_of(log, log->first);

    assert(log->first < log->waits_from);
    log->bytes -= gw_pub_cost(pub);
    *log->total_bytes -= gw_pub_cost(pub);
    log->before_tag = pub->tag;
    log->pubs[place(log, log->first)] = NULL;
    log->first++;
    if (log->units_from < log->first)
        log->units_from = log->first;
    gw_pub_unref(pub);
    return pinned;
}

static uint64_t trim_end(const struct gw_log *log)
{
    return log->history_first < log->waits_from ? log->history_first : log->waits_from;
}

uint64_t gw_log_trim(struct gw_log *log, uint64_t live_bytes)
{
    uint64_t pinned = 0, end = trim_end(log);

    while (log->first < end && log->bytes - log->history_bytes > live_bytes &&
           log->next - log->first > 1)
        pinned += drop_first(log);
    return pinned;
}

uint64_t gw_log_trim_all(struct gw_log *log)
{
    uint64_t pinned = 0, end = trim_end(log);

    while (log->first < end)
        pinned += drop_first(log);
    shrink_when_empty(log);
    return pinned;
}

void gw_log_halve_history(struct gw_log *log)
{
    uint64_t left = log->history_bytes / 2;

    while (log->history_first < log->next && log->history_bytes > left)
        log->history_bytes -= gw_pub_cost(gw_log_at(log, log->history_first++));
}

void gw_log_forget_history(struct gw_log *log)
{
    log->history_first = log->next;
    log->history_bytes = 0;
}

void gw_log_restart(struct gw_log *log, uint64_t next, uint64_t before_tag)
{
    gw_log_waits(log, log->next);
    while (log->first < log->next)
        (void)drop_first(log); /* that a unit is pinned does not matter here */
    log->first = log->next = log->history_first = next;
    log->swept_to = log->waits_from = log->units_from = next;
    log->circle_head = next - 1;
    log->before_tag = before_tag;
    log->history_bytes = 0;
    assert(log->bytes == 0 && log->waiting_bytes == 0);
    shrink_when_empty(log);
}

void gw_log_release_units(struct gw_log *log)
{
    for (; log->units_from < log->next; log->units_from++)
        (void)release_units_of(log, log->units_from); /* a pin keeps its chunk by itself */
    if (log->room > ROOM_KEPT)
        free_rings(log);
}

uint64_t gw_log_check(const struct gw_log *log)
{
    uint64_t bytes = 0, history_bytes = 0, waiting_bytes = 0, units = 0;

    assert(log->first <= log->history_first && log->history_first <= log->next);
    assert(log->first <= log->waits_from && log->waits_from <= log->next);
    assert(log->first <= log->swept_to && log->swept_to <= log->next);
    assert(log->first <= log->units_from && log->units_from <= log->next);
    assert(log->circle_head < log->next);
    assert((log->room & (log->room - 1)) == 0 && log->next - log->first <= log->room);
    for (uint64_t offset = log->first; offset < log->next; offset++) {
        const struct gw_pub *pub = gw_log_at(log, offset);

        bytes += gw_pub_cost(pub);
        history_bytes += offset >= log->history_first ? gw_pub_cost(pub) : 0;
        waiting_bytes += offset >= log->waits_from ? gw_pub_cost(pub) : 0;
        for (unsigned v = 0; v < GW_VARIANTS_MAX; v++) {
            const struct gw_unit *unit = log->rings[v] ? &log->rings[v][place(log, offset)] : NULL;

            assert(!unit || unit->chunk == 0 || offset >= log->units_from);
            units += unit && unit->chunk != 0 && gw_units_has(log->units, unit);
        }
    }
    assert(bytes == log->bytes);
    assert(history_bytes == log->history_bytes);
    assert(waiting_bytes == log->waiting_bytes);
    return units;
}
