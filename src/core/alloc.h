/* alloc.h - where memory comes from.
 *
 * Whoever creates a thing says where its memory comes from, so that tests can count it and let it
 * run out, and so that the server can charge it to something that has a cap.
 *
 * Threads: those of the allocator; gw_alloc_std may be used from any. */
#ifndef GW_CORE_ALLOC_H
#define GW_CORE_ALLOC_H

#include <stddef.h>

struct gw_alloc {
    void *(*get)(size_t size, void *ctx); /* uninitialised bytes aligned for anything, or NULL */
    void (*put)(void *ptr, void *ctx);    /* NULL is fine */
    void *ctx;
};

/* malloc and free. */
extern const struct gw_alloc gw_alloc_std;

static inline void *gw_alloc_get(const struct gw_alloc *alloc, size_t size)
{
    return alloc->get(size, alloc->ctx);
}

static inline void gw_alloc_put(const struct gw_alloc *alloc, void *ptr)
{
    alloc->put(ptr, alloc->ctx);
}

/* Zeroed; NULL also when count * size overflows. */
void *gw_alloc_zeroed(const struct gw_alloc *alloc, size_t count, size_t size);

/* A copy of `old_size` bytes of `old` (NULL is fine with 0) in `new_size` bytes; `old` is put back.
 * On failure returns NULL and `old` stays as it was. */
void *gw_alloc_resize(const struct gw_alloc *alloc, void *old, size_t old_size, size_t new_size);

#endif
