/* zmem.h - zlib's memory, out of a struct gw_alloc.
 *
 * The room's own. zlib asks for a few pieces at the beginning (and inflate() for its window when
 * it first needs one), and gives none back before the end, so that a sum of what it took is what it
 * holds.
 *
 * Threads: those of the allocator. */
#ifndef GW_PROTO_WS_ZMEM_H
#define GW_PROTO_WS_ZMEM_H

#include <stddef.h>

#define ZLIB_CONST
#include <zlib.h>

#include "core/alloc.h"

struct gw_zmem {
    const struct gw_alloc *alloc; /* borrowed */
    size_t bytes;                 /* taken so far */
};

static inline void *gw_zmem_get(void *ctx, uInt count, uInt size)
{
    struct gw_zmem *mem = ctx;
    size_t bytes;
    void *ptr;

    if (__builtin_mul_overflow((size_t)count, (size_t)size, &bytes))
        return NULL;
    ptr = gw_alloc_get(mem->alloc, bytes);
    if (ptr)
        mem->bytes += bytes;
    return ptr;
}

static inline void gw_zmem_put(void *ctx, void *ptr)
{
    struct gw_zmem *mem = ctx;

    if (ptr) /* an embedder's put() need not take NULL */
        gw_alloc_put(mem->alloc, ptr);
}

#endif
