#include "proto/deflate/isal.h"

#include <stdbool.h>
#include <string.h>

#include <isa-l/igzip_lib.h>

#include "core/alloc.h"

#define LEVEL    1
#define TAIL_LEN 4u /* 00 00 ff ff, of the empty block that a flush ends with */

struct gw_isal {
    struct isal_zstream stream;
    uint8_t level_buf[ISAL_DEF_LVL1_DEFAULT];
};

struct gw_isal *gw_isal_new(const struct gw_alloc *alloc, unsigned window_bits)
{
    struct gw_isal *isal = gw_alloc_get(alloc, sizeof(*isal));

    if (!isal)
        return NULL;
    isal_deflate_init(&isal->stream);
    isal->stream.level = LEVEL;
    isal->stream.level_buf = isal->level_buf;
    isal->stream.level_buf_size = sizeof(isal->level_buf);
    isal->stream.hist_bits = (uint16_t)window_bits;
    isal->stream.flush = SYNC_FLUSH;
    return isal;
}

void gw_isal_free(struct gw_isal *isal, const struct gw_alloc *alloc)
{
    if (isal)
        gw_alloc_put(alloc, isal);
}

/* Has all input come out, up to the end of the flush? */
static bool is_done(const struct isal_zstream *stream)
{
    return stream->avail_in == 0 && stream->internal_state.state == ZSTATE_NEW_HDR;
}

size_t gw_isal_run(struct gw_isal *isal, uint8_t *out, size_t room, const void *data, size_t len)
{
    struct isal_zstream *stream = &isal->stream;
    size_t made;

    if (len > UINT32_MAX || room > UINT32_MAX)
        return 0;
    isal_deflate_reset(stream); /* whatever the last message left, its end or its middle */
    stream->next_in = (uint8_t *)(uintptr_t)data; /* it is only read */
    stream->avail_in = (uint32_t)len;
    stream->next_out = out;
    stream->avail_out = (uint32_t)room;
    if (isal_deflate(stream) != COMP_OK || !is_done(stream))
        return 0;
    made = room - stream->avail_out;
    /* Not an assert: what a peer sent decides what the library makes of it. */
    if (made <= TAIL_LEN || memcmp(out + made - TAIL_LEN, "\0\0\xff\xff", TAIL_LEN) != 0)
        return 0;
    return made - TAIL_LEN;
}
