#include "proto/ws/deflate.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "proto/ws/zmem.h"

#define RSV1_BIT 0x40u
#define TAIL_LEN 4u /* 00 00 ff ff, which section 7.2.1 takes off each message's end */

/* zlib's least window and pace of its memory, in powers of two. */
#define ZLIB_BITS_MIN   9
#define MEM_LEVEL_LEAST 4
#define MEM_LEVEL_MOST  8

struct gw_ws_deflate {
    z_stream stream; /* zlib keeps its address */
    struct gw_zmem mem;
    bool takeover;
};

/* Can do no 8 bits, but with 9 it never refers further back than 512 - 262 bytes: 250, which a
 * window of 8 bits holds. */
static int zlib_bits(unsigned window_bits)
{
    return window_bits < ZLIB_BITS_MIN ? ZLIB_BITS_MIN : (int)window_bits;
}

/* In proportion to the window: at 12 bits half of the memory is the window's. */
static int mem_level(unsigned window_bits)
{
    int level = (int)window_bits - 8;

    return level < MEM_LEVEL_LEAST  ? MEM_LEVEL_LEAST
           : level > MEM_LEVEL_MOST ? MEM_LEVEL_MOST
                                    : level;
}

int gw_ws_deflate_new(struct gw_ws_deflate **out, const struct gw_alloc *alloc,
                      const struct gw_ws_deflate_options *options)
{
    struct gw_ws_deflate *deflate = gw_alloc_zeroed(alloc, 1, sizeof(*deflate));

    if (!deflate)
        return -ENOMEM;
    deflate->takeover = options->takeover;
    deflate->mem.alloc = alloc;
    deflate->stream.zalloc = gw_zmem_get;
    deflate->stream.zfree = gw_zmem_put;
    deflate->stream.opaque = &deflate->mem;
    if (deflateInit2(&deflate->stream, options->level, Z_DEFLATED, -zlib_bits(options->window_bits),
                     mem_level(options->window_bits), Z_DEFAULT_STRATEGY) != Z_OK) {
        gw_alloc_put(alloc, deflate);
        return -ENOMEM;
    }
    *out = deflate;
    return 0;
}

void gw_ws_deflate_free(struct gw_ws_deflate *deflate)
{
    if (!deflate)
        return;
    (void)deflateEnd(&deflate->stream); /* says that data was discarded, where it was */
    gw_alloc_put(deflate->mem.alloc, deflate);
}

size_t gw_ws_deflate_bytes(const struct gw_ws_deflate *deflate)
{
    return deflate ? sizeof(*deflate) + deflate->mem.bytes : 0;
}

/* Compresses into less than `len` bytes, without the tail; 0 where that is not possible. */
static size_t compress_payload(z_stream *stream, uint8_t *out, const void *data, size_t len)
{
    int said;

    if (len > UINT32_MAX)
        return 0;
    stream->next_in = data;
    stream->avail_in = (uInt)len;
    stream->next_out = out;
    stream->avail_out = (uInt)len;
    said = deflate(stream, Z_SYNC_FLUSH);
    /* A flush is over only when there is room left behind it. */
    if (said != Z_OK || stream->avail_out == 0)
        return 0;
    assert(stream->next_out - out > (ptrdiff_t)TAIL_LEN);
    return (size_t)(stream->next_out - out) - TAIL_LEN;
}

size_t gw_ws_deflate_head(uint8_t *out, size_t payload_at, enum gw_ws_opcode opcode,
                          size_t payload_len, const uint8_t mask[4])
{
    uint8_t head[GW_WS_HEAD_MAX];
    size_t head_len = gw_ws_head(head, opcode, payload_len, mask);

    assert(head_len <= payload_at);
    memcpy(out, head, head_len);
    out[0] |= RSV1_BIT;
    if (head_len < payload_at)
        memmove(out + head_len, out + payload_at, payload_len);
    if (mask)
        gw_ws_mask(out + head_len, payload_len, mask, 0);
    return head_len + payload_len;
}

size_t gw_ws_deflate_frame(struct gw_ws_deflate *deflate, uint8_t *out, enum gw_ws_opcode opcode,
                           const void *data, size_t len, const uint8_t mask[4])
{
    size_t payload_at = gw_ws_frame_len(len, mask != NULL) - len;
    size_t payload_len = 0;

    assert(opcode == GW_WS_OP_TEXT || opcode == GW_WS_OP_BINARY);
    if (len > 0)
        payload_len = compress_payload(&deflate->stream, out + payload_at, data, len);
    /* To begin afresh is allowed at any time, and what was given up half-way has to be forgotten:
     * the peer will not see it. */
    if (!deflate->takeover || payload_len == 0)
        (void)deflateReset(&deflate->stream); /* fails only for a stream that is none */
    return payload_len > 0 ? gw_ws_deflate_head(out, payload_at, opcode, payload_len, mask) : 0;
}
