#include "hub/units.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/slab.h"

#define CHUNKS_MAX (1u << 20)

/* 0 <= used <= size. In units->pinned while pins > 0, else in units->idle. */
struct gw_chunk {
    struct gw_link link;
    uint8_t *bytes;
    uint64_t batch; /* the last one that used it */
    uint32_t index; /* its own, in units->chunks */
    uint32_t size, used;
    uint32_t live; /* units that a log holds */
    uint32_t pins;
};

int gw_units_init(struct gw_units *units, const struct gw_alloc *alloc, uint64_t bytes_max)
{
    struct gw_slab *chunks;
    int status = gw_slab_new(&chunks, alloc, sizeof(struct gw_chunk), CHUNKS_MAX);

    if (status < 0)
        return status;

    *units = (struct gw_units){.alloc = alloc,
                               .chunks = chunks,
                               .current = GW_SLAB_NONE,
                               .batch = 1,
                               .bytes_max = bytes_max};
    gw_link_init(&units->idle);
    gw_link_init(&units->pinned);
    return 0;
}

void gw_units_fini(struct gw_units *units)
{
    for (uint32_t i = 0; i < gw_slab_top(units->chunks); i++) {
        struct gw_chunk *chunk = gw_slab_peek(units->chunks, i);

        if (chunk)
            gw_alloc_put(units->alloc, chunk->bytes);
    }
    gw_alloc_put(units->alloc, units->spare);
    gw_slab_free(units->chunks);
}

void gw_units_begin_batch(struct gw_units *units)
{
    units->batch++;
}

/* Frees the memory and, by the handle's generation, makes every unit in it stale. */
static void drop_chunk(struct gw_units *units, struct gw_chunk *chunk)
{
    assert(chunk->pins == 0);
    gw_link_remove(&chunk->link);
    units->bytes -= chunk->size;
    if (chunk->size == GW_UNIT_CHUNK_BYTES && !units->spare)
        units->spare = chunk->bytes;
    else
        gw_alloc_put(units->alloc, chunk->bytes);
    if (units->current == chunk->index)
        units->current = GW_SLAB_NONE;
    gw_slab_give(units->chunks, chunk->index);
}

/* A chunk that nobody holds goes; the one being filled begins anew. */
static void tidy_chunk(struct gw_units *units, struct gw_chunk *chunk)
{
    if (chunk->live > 0 || chunk->pins > 0)
        return;
    if (units->current == chunk->index)
        chunk->used = 0;
    else
        drop_chunk(units, chunk);
}

/* Marks it used by the batch; so the idle list is in the order of last use, and the first chunk
 * that the batch uses has only such behind it. */
static void touch(struct gw_units *units, struct gw_chunk *chunk)
{
    if (chunk->batch == units->batch)
        return;
    chunk->batch = units->batch;
    if (chunk->pins == 0) {
        gw_link_remove(&chunk->link);
        gw_link_append(&units->idle, &chunk->link);
    }
}

static bool shed_oldest(struct gw_units *units)
{
    struct gw_link *first = gw_link_first(&units->idle);
    struct gw_chunk *chunk = first ? GW_CONTAINER(first, struct gw_chunk, link) : NULL;

    if (!chunk || chunk->batch == units->batch)
        return false;
    drop_chunk(units, chunk);
    return true;
}

/* Within the budget if shedding can make it so: what is pinned, and what one batch needs at a time,
 * may pass it. When memory is out, older chunks give theirs. */
static uint8_t *get_bytes(struct gw_units *units, uint32_t size)
{
    while (units->bytes + size > units->bytes_max && shed_oldest(units))
        ;
    for (;;) {
        uint8_t *spare = units->spare, *bytes;

        if (spare && size == GW_UNIT_CHUNK_BYTES) {
            units->spare = NULL;
            return spare;
        }
        bytes = gw_alloc_get(units->alloc, size);
        if (bytes)
            return bytes;
        if (!spare && !shed_oldest(units))
            return NULL;
        if (spare) {
            gw_alloc_put(units->alloc, spare);
            units->spare = NULL;
        }
    }
}

static struct gw_chunk *new_chunk(struct gw_units *units, uint32_t size)
{
    uint8_t *bytes = get_bytes(units, size);
    struct gw_chunk *chunk;
    uint32_t index;

    if (!bytes)
        return NULL;
    chunk = gw_slab_take(units->chunks, &index);
    if (!chunk) {
        gw_alloc_put(units->alloc, bytes);
        return NULL;
    }
    *chunk = (struct gw_chunk){.bytes = bytes, .batch = units->batch, .index = index, .size = size};
    gw_link_append(&units->idle, &chunk->link);
    units->bytes += size;
    return chunk;
}

/* The chunk for a unit of `len` bytes. A large one has its own, and the current one goes on. */
static struct gw_chunk *chunk_for(struct gw_units *units, uint32_t len)
{
    struct gw_chunk *chunk, *full = NULL;

    if (len > GW_UNIT_CHUNK_BYTES)
        return new_chunk(units, len);
    if (units->current != GW_SLAB_NONE) {
        full = gw_slab_at(units->chunks, units->current);
        if (full->size - full->used >= len)
            return full;
    }
    units->current = GW_SLAB_NONE;
    if (full)
        tidy_chunk(units, full);
    chunk = new_chunk(units, GW_UNIT_CHUNK_BYTES);
    if (chunk)
        units->current = chunk->index;
    return chunk;
}

uint8_t *gw_units_make(struct gw_units *units, struct gw_unit *unit, uint32_t len)
{
    struct gw_chunk *chunk;
    uint32_t at;

    assert(len > 0);
    chunk = chunk_for(units, len);
    if (!chunk)
        return NULL;

    touch(units, chunk);
    at = chunk->used;
    chunk->used += len;
    chunk->live++;
    assert(chunk->used <= chunk->size);
    *unit = (struct gw_unit){
        .chunk = gw_slab_handle(units->chunks, chunk->index), .at = at, .len = len};
    units->made++;
    return chunk->bytes + at;
}

/* A chunk of one unit, of which less than half is needed, becomes as large as it has to be. Where
 * there is no memory for that it stays. */
static void shrink_chunk(struct gw_units *units, struct gw_chunk *chunk)
{
    uint8_t *bytes;

    if (chunk->size <= GW_UNIT_CHUNK_BYTES || chunk->used > chunk->size / 2)
        return;
    assert(chunk->pins == 0);
    bytes = gw_alloc_get(units->alloc, chunk->used);
    if (!bytes)
        return;
    memcpy(bytes, chunk->bytes, chunk->used);
    gw_alloc_put(units->alloc, chunk->bytes);
    units->bytes -= chunk->size - chunk->used;
    chunk->bytes = bytes;
    chunk->size = chunk->used;
}

uint8_t *gw_units_trim(struct gw_units *units, struct gw_unit *unit, uint32_t len)
{
    struct gw_chunk *chunk = gw_slab_find(units->chunks, unit->chunk);

    assert(chunk && unit->at + unit->len == chunk->used);
    assert(len > 0 && len <= unit->len);
    chunk->used -= unit->len - len;
    unit->len = len;
    shrink_chunk(units, chunk);
    return chunk->bytes + unit->at;
}

bool gw_units_has(const struct gw_units *units, const struct gw_unit *unit)
{
    return gw_slab_find(units->chunks, unit->chunk) != NULL;
}

const uint8_t *gw_units_find(struct gw_units *units, const struct gw_unit *unit)
{
    struct gw_chunk *chunk = gw_slab_find(units->chunks, unit->chunk);

    if (!chunk)
        return NULL;
    assert(unit->at + unit->len <= chunk->used);
    touch(units, chunk);
    return chunk->bytes + unit->at;
}

bool gw_units_release(struct gw_units *units, struct gw_unit *unit)
{
    struct gw_chunk *chunk = gw_slab_find(units->chunks, unit->chunk);
    bool pinned = chunk && chunk->pins > 0;

    *unit = (struct gw_unit){0};
    if (chunk) {
        assert(chunk->live > 0);
        chunk->live--;
        tidy_chunk(units, chunk);
    }
    return pinned;
}

uint32_t gw_units_pin(struct gw_units *units, const struct gw_unit *unit)
{
    struct gw_chunk *chunk = gw_slab_find(units->chunks, unit->chunk);

    assert(chunk);
    if (chunk->pins++ == 0) {
        gw_link_remove(&chunk->link);
        gw_link_append(&units->pinned, &chunk->link);
        units->bytes_pinned += chunk->size;
    }
    return chunk->index;
}

void gw_units_unpin(struct gw_units *units, uint32_t index)
{
    struct gw_chunk *chunk = gw_slab_at(units->chunks, index);

    assert(chunk->pins > 0);
    if (--chunk->pins > 0)
        return;
    /* Counts as just used: the batch may still point into it, and the idle list stays in order. */
    gw_link_remove(&chunk->link);
    gw_link_append(&units->idle, &chunk->link);
    chunk->batch = units->batch;
    units->bytes_pinned -= chunk->size;
    tidy_chunk(units, chunk);
}

void gw_units_check(const struct gw_units *units, uint64_t live)
{
    uint64_t bytes = 0, pinned = 0, counted = 0;

    for (uint32_t i = 0; i < gw_slab_top(units->chunks); i++) {
        const struct gw_chunk *chunk = gw_slab_peek(units->chunks, i);

        if (!chunk)
            continue;
        assert(chunk->index == i);
        assert(chunk->used <= chunk->size);
        assert(chunk->batch <= units->batch);
        assert(chunk->live > 0 || chunk->pins > 0 || units->current == i);
        bytes += chunk->size;
        pinned += chunk->pins > 0 ? chunk->size : 0;
        counted += chunk->live;
    }
    assert(bytes == units->bytes);
    assert(pinned == units->bytes_pinned);
    assert(counted == live);
}
