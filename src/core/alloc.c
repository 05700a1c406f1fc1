#include "core/alloc.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *std_get(size_t size, void *ctx)
{
    (void)ctx;
    return malloc(size);
}

static void std_put(void *ptr, void *ctx)
{
    (void)ctx;
    free(ptr);
}

const struct gw_alloc gw_alloc_std = {.get = std_get, .put = std_put};

void *gw_alloc_zeroed(const struct gw_alloc *alloc, size_t count, size_t size)
{
    size_t total;
    void *ptr;

    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    ptr = gw_alloc_get(alloc, total);
    if (ptr)
        memset(ptr, 0, total);
    return ptr;
}

void *gw_alloc_resize(const struct gw_alloc *alloc, void *old, size_t old_size, size_t new_size)
{
    void *ptr;

    assert(old || old_size == 0);
    ptr = gw_alloc_get(alloc, new_size);
    if (!ptr)
        return NULL;
    if (old) { /* memcpy may not be given NULL, even for nothing */
        memcpy(ptr, old, old_size < new_size ? old_size : new_size);
        gw_alloc_put(alloc, old);
    }
    return ptr;
}
