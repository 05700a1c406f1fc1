/* ws_inflate_fuzz.c - compressed messages: the same story for any split, within bounded memory.
 *
 * The input begins with four bytes: role, takeover and limits; where to split; the window; how far
 * a message may grow. Then come messages: a byte for opcode, compression and number of fragments,
 * two for the length, and that many bytes, which are framed with the public writer and RSV1. Most
 * of them are no deflated data, as a peer might have it.
 *
 * Besides the story the memory is watched: what a reader holds is never more than the longest
 * message, one chunk, and what zlib needs for its window. And what is delivered is what zlib alone
 * makes of it, called once with the whole message: nothing that it calls damaged, nothing that is
 * too long, and no other bytes. What it calls whole is not called damaged here.
 *
 * Threads: one. */
#include <zlib.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "story.h"

#define WIRE_MAX   (1u << 18)
#define CHUNK      (16u * 1024)
#define ZLIB_BYTES (48u * 1024) /* a window of 32 KiB, and its tables */

/* --- Memory that is counted in bytes --- */

union counted {
    size_t size;
    max_align_t aligned;
};

static size_t live_bytes, peak_bytes;

static void *count_get(size_t size, void *ctx)
{
    union counted *counted = malloc(sizeof(*counted) + size);

    (void)ctx;
    require(counted);
    counted->size = size;
    live_bytes += size;
    if (live_bytes > peak_bytes)
        peak_bytes = live_bytes;
    return counted + 1;
}

static void count_put(void *ptr, void *ctx)
{
    union counted *counted = ptr;

    (void)ctx;
    require(ptr); /* an embedder's put() need not take NULL */
    live_bytes -= (--counted)->size;
    free(counted);
}

/* --- What zlib alone makes of it --- */

#define LONGEST 60000u

struct meant {
    bool right; /* it is whole, and no longer than the most that is taken */
    size_t len;
    uint64_t sum;
};

static struct meant meant[STORY_EVENTS_MAX];
static size_t meant_count;
static z_stream alone;

static void mean(struct meant message)
{
    if (meant_count < STORY_EVENTS_MAX)
        meant[meant_count] = message;
    meant_count++;
}

/* Behind a final block the data goes on (RFC 7692 section 7.2.3.5); `*closed` if it does not. */
static int inflate_alone(const uint8_t *data, size_t len, bool *closed)
{
    int said = Z_OK;

    *closed = false;
    alone.next_in = (Bytef *)(uintptr_t)data; /* it is only read */
    alone.avail_in = (uInt)len;
    while (said == Z_OK && alone.avail_in > 0) {
        said = inflate(&alone, Z_SYNC_FLUSH);
        *closed = said == Z_STREAM_END;
        if (*closed)
            said = inflateResetKeep(&alone);
    }
    return said;
}

static void mean_compressed(struct gw_str payload, bool takeover)
{
    static uint8_t out[LONGEST + 1];
    static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff};
    size_t len, before_tail;
    bool closed = false, whole;
    int said = Z_OK;

    alone.next_out = out;
    alone.avail_out = sizeof(out);
    if (payload.len > 0)
        said = inflate_alone((const uint8_t *)payload.data, payload.len, &closed);
    before_tail = sizeof(out) - alone.avail_out;
    if (said == Z_OK && !closed) /* a message that is whole needs no tail */
        said = inflate_alone(tail, sizeof(tail), &closed);
    len = sizeof(out) - alone.avail_out;
    /* zlib.h, at inflate(): 128 right behind a block, and how many bits are left of a byte. */
    whole = said == Z_OK && (closed || (alone.data_type & (128 | 63)) == 128) &&
            len == before_tail; /* the tail is no data */
    mean((struct meant){whole && len <= LONGEST, len, fuzz_sum(FUZZ_SUM_START, out, len)});
    if (!takeover)
        require(inflateReset(&alone) == Z_OK);
}

static void require_meant(const struct gw_ws_options *options)
{
    size_t message = 0;

    for (size_t i = 0; i < story_whole.count && i < STORY_EVENTS_MAX; i++) {
        const struct told *told = &story_whole.events[i];

        if (told->kind != GW_WS_TEXT && told->kind != GW_WS_BINARY)
            continue;
        require(message < meant_count);
        require(meant[message].right && meant[message].len <= options->message_bytes_max);
        require(told->len == meant[message].len && told->sum == meant[message].sum);
        message++;
    }
    if (story_whole.verdict == GW_ERR_DAMAGED && message < STORY_EVENTS_MAX)
        require(message < meant_count && !meant[message].right);
}

/* --- What the peer sends --- */

static void write_part(struct gw_buf *wire, unsigned first, bool fin, struct gw_str payload,
                       bool masked)
{
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    uint8_t head[GW_WS_HEAD_MAX];
    size_t head_len = gw_ws_head_part(head, (enum gw_ws_opcode)(first & 0xf), fin, payload.len,
                                      masked ? mask : NULL);

    head[0] |= (uint8_t)(first & 0x40);
    require(gw_buf_append(wire, head, head_len) == 0);
    require(gw_buf_append(wire, payload.data, payload.len) == 0);
    if (masked)
        gw_ws_mask(wire->data + wire->len - payload.len, payload.len, mask, 0);
}

static void write_message(struct gw_buf *wire, struct fuzz_input *input, bool masked, bool takeover)
{
    unsigned choice = fuzz_byte(input), parts = 1u + choice / 4 % 4;
    struct gw_str left = fuzz_bytes(input, (size_t)fuzz_number(input, 2));
    unsigned first = choice & 1 ? GW_WS_OP_TEXT : GW_WS_OP_BINARY;

    first |= choice & 2 ? 0 : 0x40;
    if (first & 0x40)
        mean_compressed(left, takeover);
    else
        mean((struct meant){true, left.len,
                            fuzz_sum(FUZZ_SUM_START, (const uint8_t *)left.data, left.len)});
    for (unsigned i = 0; i < parts; i++) {
        bool fin = i + 1 == parts;
        struct gw_str piece = {left.data, fin ? left.len : left.len / (parts - i)};

        write_part(wire, i == 0 ? first : GW_WS_OP_CONTINUATION, fin, piece, masked);
        left.data += piece.len;
        left.len -= piece.len;
        if (choice & 16)
            write_part(wire, GW_WS_OP_PING, true, (struct gw_str){"?", 1}, masked);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct fuzz_input input = {data, len};
    unsigned how = fuzz_byte(&input), step = 2u + fuzz_byte(&input);
    uint8_t bits = 8 + fuzz_byte(&input) % 8, takeover = how >> 1 & 1;
    struct gw_buf wire;

    options.role = how & 1 ? GW_WS_CLIENT : GW_WS_SERVER;
    options.deflate = (struct gw_ws_deflate_terms){bits, bits, takeover, takeover};
    options.message_bytes_max = how & 4 ? 300 : LONGEST;
    options.deflate_ratio_max = 1u + fuzz_byte(&input);
    options.get = count_get;
    options.put = count_put;

    gw_buf_init(&wire, &gw_alloc_std, WIRE_MAX);
    meant_count = 0;
    memset(&alone, 0, sizeof(alone));
    require(inflateInit2(&alone, -15) == Z_OK);
    while (input.len > 0 && wire.len < WIRE_MAX / 4)
        write_message(&wire, &input, options.role == GW_WS_SERVER, takeover);
    (void)inflateEnd(&alone);
    peak_bytes = 0;
    if (wire.len > 0)
        story_compare(&options, wire.data, wire.len, step);
    if (wire.len > 0)
        require_meant(&options);
    require(live_bytes == 0);
    require(peak_bytes <= options.message_bytes_max + CHUNK + ZLIB_BYTES);
    gw_buf_fini(&wire);
    return 0;
}
