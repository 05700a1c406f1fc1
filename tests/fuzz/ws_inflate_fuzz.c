/* ws_inflate_fuzz.c - compressed messages: the same story for any split, within bounded memory.
 *
 * The input begins with four bytes: role, takeover and limits; where to split; the window; how far
 * a message may grow. Then come messages: a byte for opcode, compression and number of fragments,
 * two for the length, and that many bytes, which are framed with the public writer and RSV1. Most
 * of them are no deflated data, as a peer might have it.
 *
 * Besides the story the memory is watched: what a reader holds is never more than the longest
 * message, one chunk, and what zlib needs for its window.
 *
 * Threads: one. */
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

static void write_message(struct gw_buf *wire, struct fuzz_input *input, bool masked)
{
    unsigned choice = fuzz_byte(input), parts = 1u + choice / 4 % 4;
    struct gw_str left = fuzz_bytes(input, (size_t)fuzz_number(input, 2));
    unsigned first = choice & 1 ? GW_WS_OP_TEXT : GW_WS_OP_BINARY;

    first |= choice & 2 ? 0 : 0x40;
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
    options.message_bytes_max = how & 4 ? 300 : 60000;
    options.deflate_ratio_max = 1u + fuzz_byte(&input);
    options.get = count_get;
    options.put = count_put;

    gw_buf_init(&wire, &gw_alloc_std, WIRE_MAX);
    while (input.len > 0 && wire.len < WIRE_MAX / 4)
        write_message(&wire, &input, options.role == GW_WS_SERVER);
    peak_bytes = 0;
    if (wire.len > 0)
        story_compare(&options, wire.data, wire.len, step);
    require(live_bytes == 0);
    require(peak_bytes <= options.message_bytes_max + CHUNK + ZLIB_BYTES);
    gw_buf_fini(&wire);
    return 0;
}
