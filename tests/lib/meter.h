/* meter.h - an allocator for tests, that counts what is taken and can run out.
 *
 * `meter.alloc` goes wherever a struct gw_alloc is asked for. Memory comes filled with a pattern,
 * so that code which takes it for zeroed is found out. The usual test of a function that allocates
 * lets each allocation fail in turn, until one run needs fewer than it was given:
 *
 *     for (long left = 0;; left++) {
 *         meter_init(&meter);
 *         meter.left = left;
 *         result = gw_thing_new(&thing, &meter.alloc);
 *         ...with 0: free it; else: it is -ENOMEM, and nothing was harmed...
 *         ck_assert_int_eq(meter.live, 0);
 *         if (meter.failed == 0)
 *             break;
 *     }
 *
 * Threads: one at a time. */
#ifndef TESTS_LIB_METER_H
#define TESTS_LIB_METER_H

#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

#define METER_UNLIMITED (-1)

struct meter {
    struct gw_alloc alloc; /* its ctx is the meter: a meter stays where it was made */
    long left;             /* allocations until memory runs out, or METER_UNLIMITED */
    long live;             /* allocations not yet given back */
    long taken;            /* allocations that succeeded */
    long failed;           /* allocations that were refused */
    size_t largest;        /* bytes of the largest one asked for */
    size_t bytes;          /* of all that live, as the C library rounds them up */
};

static inline void *meter_get(size_t size, void *ctx)
{
    struct meter *meter = ctx;
    void *ptr;

    if (size > meter->largest)
        meter->largest = size;
    if (meter->left == 0 || !(ptr = malloc(size > 0 ? size : 1))) {
        meter->failed++;
        return NULL;
    }
    if (meter->left > 0)
        meter->left--;
    memset(ptr, 0xa5, size);
    meter->live++;
    meter->bytes += malloc_usable_size(ptr);
    meter->taken++;
    return ptr;
}

static inline void meter_put(void *ptr, void *ctx)
{
    struct meter *meter = ctx;

    if (!ptr)
        return;
    meter->live--;
    meter->bytes -= malloc_usable_size(ptr);
    free(ptr);
}

static inline void meter_init(struct meter *meter)
{
    *meter = (struct meter){.alloc = {.get = meter_get, .put = meter_put, .ctx = meter},
                            .left = METER_UNLIMITED};
}

#endif
