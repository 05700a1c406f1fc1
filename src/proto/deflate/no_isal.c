#include "proto/deflate/isal.h"

/* For machines that ISA-L was not made for: there is none, and zlib does the work. */

struct gw_isal *gw_isal_new(const struct gw_alloc *alloc, unsigned window_bits)
{
    (void)alloc;
    (void)window_bits;
    return NULL;
}

void gw_isal_free(struct gw_isal *isal, const struct gw_alloc *alloc)
{
    (void)isal;
    (void)alloc;
}

size_t gw_isal_run(struct gw_isal *isal, uint8_t *out, size_t room, const void *data, size_t len)
{
    (void)isal;
    (void)out;
    (void)room;
    (void)data;
    (void)len;
    return 0;
}
