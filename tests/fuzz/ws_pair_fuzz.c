/* ws_pair_fuzz.c - two codecs back to back give the message back.
 *
 * The first byte of the input says who speaks and how the wire is split. Then come messages: a byte
 * for the opcode and the number of fragments, two for the length, and the payload, which is
 * repeated until it is long enough. They are framed with the public writer, pings between the
 * fragments, and read by the other end. What it tells must be what was sent, in that order, and
 * nothing else.
 *
 * Where the second byte asks for it the two have agreed on compression, and messages in one frame
 * go through gw_ws_deflate(). Not under MemorySanitizer, which does not see what the compressing
 * library writes; instead a second sender compresses the same, whose memory was full of other bytes
 * than the first one's, as is the room that it writes to: both must come to the same frame.
 *
 * Threads: one. */
#include <godwit/ws.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/utf8.h"
#include "fuzz.h"

#define SENT_MAX    64u
#define MESSAGE_MAX 70000u  /* above 65,536, so that each form of a length is written */
#define WIRE_ENOUGH 100000u /* nothing more is said above it */
#define WIRE_MAX    (WIRE_ENOUGH + 2 * MESSAGE_MAX)

struct sent {
    enum gw_ws_event_kind kind;
    uint16_t close_code;
    size_t len;
    uint64_t sum;
};

struct pair {
    struct gw_buf wire;
    struct sent sent[SENT_MAX];
    size_t sent_count, told_count;
    bool masked;
    uint32_t mask_seed;
    struct gw_ws_options options; /* of the reader; the sender has the other role */
    struct gw_ws *sender, *twin;  /* compress */
};

/* --- Memory full of what stood there before: `ctx` is the byte --- */

static void *fill_get(size_t size, void *ctx)
{
    void *ptr = malloc(size > 0 ? size : 1);

    require(ptr);
#ifndef FUZZ_SEES_UNINITIALISED
    memset(ptr, *(const uint8_t *)ctx, size);
#endif
    (void)ctx;
    return ptr;
}

static void fill_put(void *ptr, void *ctx)
{
    (void)ctx;
    free(ptr);
}

static void remember(struct pair *pair, enum gw_ws_event_kind kind, uint16_t code,
                     const uint8_t *data, size_t len)
{
    require(pair->sent_count < SENT_MAX);
    pair->sent[pair->sent_count++] =
        (struct sent){kind, code, len, fuzz_sum(FUZZ_SUM_START, data, len)};
}

/* A mask for the next frame; NULL for a server. Any four bytes will do here. */
static const uint8_t *next_mask(struct pair *pair, uint8_t mask[4])
{
    pair->mask_seed = pair->mask_seed * 1664525u + 1013904223u;
    memcpy(mask, &pair->mask_seed, 4);
    return pair->masked ? mask : NULL;
}

static void write_control(struct pair *pair, enum gw_ws_opcode opcode, const uint8_t *data,
                          size_t len)
{
    size_t frame_len = gw_ws_frame_len(len, pair->masked);
    uint8_t mask[4], *at = gw_buf_reserve(&pair->wire, frame_len);

    require(at);
    require(gw_ws_frame(at, opcode, data, len, next_mask(pair, mask)) == frame_len);
    gw_buf_added(&pair->wire, frame_len);
}

static void write_part(struct pair *pair, enum gw_ws_opcode opcode, bool fin, const uint8_t *data,
                       size_t len)
{
    uint8_t mask_bytes[4], head[GW_WS_HEAD_MAX];
    const uint8_t *mask = next_mask(pair, mask_bytes);
    size_t head_len = gw_ws_head_part(head, opcode, fin, len, mask);
    uint8_t *at;

    require(head_len + len == gw_ws_frame_len(len, pair->masked));
    at = gw_buf_reserve(&pair->wire, head_len + len);
    require(at);
    memcpy(at, head, head_len);
    if (len > 0)
        memcpy(at + head_len, data, len);
    if (mask) { /* in two pieces, as a sender of a long file would */
        gw_ws_mask(at + head_len, len / 3, mask, 0);
        gw_ws_mask(at + head_len + len / 3, len - len / 3, mask, len / 3);
    }
    gw_buf_added(&pair->wire, head_len + len);
}

/* The twin's frame must be this one. */
static void require_twin(struct pair *pair, const uint8_t *frame, size_t frame_len,
                         enum gw_ws_opcode opcode, const uint8_t *data, size_t len,
                         const uint8_t *mask)
{
    size_t most = gw_ws_frame_len(len, pair->masked);
    uint8_t *copy = malloc(most);

    require(copy);
    memset(copy, 0xff, most);
    require(gw_ws_deflate(pair->twin, copy, opcode, data, len, mask) == frame_len);
    require(memcmp(copy, frame, frame_len) == 0);
    free(copy);
}

/* In one frame, compressed where the terms have it. */
static void write_whole(struct pair *pair, enum gw_ws_opcode opcode, const uint8_t *data,
                        size_t len)
{
    size_t most = gw_ws_frame_len(len, pair->masked), frame_len;
    uint8_t mask_bytes[4], *at = gw_buf_reserve(&pair->wire, most);
    const uint8_t *mask = next_mask(pair, mask_bytes);

    require(at);
#ifndef FUZZ_SEES_UNINITIALISED
    memset(at, 0x00, most); /* the twin has it full of ones */
#endif
    frame_len = gw_ws_deflate(pair->sender, at, opcode, data, len, mask);
    require(frame_len <= most);
    require_twin(pair, at, frame_len, opcode, data, len, mask);
    gw_buf_added(&pair->wire, frame_len);
    remember(pair, opcode == GW_WS_OP_TEXT ? GW_WS_TEXT : GW_WS_BINARY, 0, data, len);
}

static void write_message(struct pair *pair, enum gw_ws_opcode opcode, unsigned parts,
                          const uint8_t *data, size_t len)
{
    size_t at = 0;

    for (unsigned i = 0; i < parts; i++) {
        size_t part_len = i + 1 == parts ? len - at : len / parts;

        if (i > 0 && pair->sent_count + 1 < SENT_MAX) {
            write_control(pair, GW_WS_OP_PING, data, i);
            remember(pair, GW_WS_PING, 0, data, i);
        }
        write_part(pair, i == 0 ? opcode : GW_WS_OP_CONTINUATION, i + 1 == parts, data + at,
                   part_len);
        at += part_len;
    }
    remember(pair, opcode == GW_WS_OP_TEXT ? GW_WS_TEXT : GW_WS_BINARY, 0, data, len);
}

/* `data` has at least GW_WS_CONTROL_MAX bytes. False after a close frame. */
static bool say(struct pair *pair, uint8_t choice, const uint8_t *data, size_t len)
{
    unsigned parts = 1u + choice / 8 % 4, code = 1000u + choice / 8 % 4;
    size_t control_len = len % (GW_WS_CONTROL_MAX + 1);
    uint8_t payload[GW_WS_CONTROL_MAX];
    enum gw_ws_opcode opcode;

    switch (choice % 8) {
    case 0:
    case 1:
        write_control(pair, choice % 8 ? GW_WS_OP_PING : GW_WS_OP_PONG, data, control_len);
        remember(pair, choice % 8 ? GW_WS_PING : GW_WS_PONG, 0, data, control_len);
        return true;
    case 2: /* a reason that is no text is not ours to send; it is cut between two characters */
        if (!gw_utf8_valid(data, len))
            len = 0;
        len = gw_ws_close_payload(payload, (uint16_t)code, (const char *)data, len);
        require_written(payload, len);
        write_control(pair, GW_WS_OP_CLOSE, payload, len);
        remember(pair, GW_WS_CLOSE, (uint16_t)code, payload + 2, len - 2);
        return false;
    default:
        opcode = gw_utf8_valid(data, len) ? GW_WS_OP_TEXT : GW_WS_OP_BINARY;
        if (parts == 1)
            write_whole(pair, opcode, data, len);
        else
            write_message(pair, opcode, parts, data, len);
        return true;
    }
}

/* Says one message of the input. False at its end. */
static bool say_next(struct pair *pair, struct fuzz_input *input)
{
    uint8_t choice = fuzz_byte(input);
    size_t len = (size_t)fuzz_number(input, 2) * 17 / 16; /* a little above 16 bits too */
    struct gw_str pattern = fuzz_bytes(input, len < input->len ? len : input->len);
    uint8_t *data = malloc(len + GW_WS_CONTROL_MAX);
    bool more;

    require(data);
    for (size_t i = 0; i < len + GW_WS_CONTROL_MAX; i++)
        data[i] = pattern.len > 0 ? (uint8_t)pattern.data[i % pattern.len] : 'p';
    more = say(pair, choice, data, len);
    free(data);
    return more && input->len > 0 && pair->sent_count + 5 < SENT_MAX &&
           pair->wire.len < WIRE_ENOUGH;
}

static void compare(struct pair *pair, const struct gw_ws_event *event)
{
    const struct sent *sent = &pair->sent[pair->told_count];

    require(pair->told_count++ < pair->sent_count);
    require(event->kind == sent->kind && event->close_code == sent->close_code);
    require(event->len == sent->len);
    require(fuzz_sum(FUZZ_SUM_START, event->data, event->len) == sent->sum);
}

static void read_all(struct pair *pair, size_t step)
{
    struct gw_ws_event event;
    struct gw_ws *ws;
    size_t piece;

    require(gw_ws_new(&ws, &pair->options) == 0);
    for (size_t at = 0; at < pair->wire.len; at += piece) {
        uint8_t *copy;
        struct gw_ws_bytes input;
        int got;

        piece = step < pair->wire.len - at ? step : pair->wire.len - at;
        copy = fuzz_copy(pair->wire.data + at, piece);
        input = (struct gw_ws_bytes){copy, piece};
        while ((got = gw_ws_read(ws, &input, &event)) > 0)
            compare(pair, &event);
        require(got == 0 || (got == GW_ERR_CLOSED && event.close_code == 0));
        free(copy);
    }
    require(pair->told_count == pair->sent_count);
    gw_ws_free(ws);
}

/* What both ends agreed on. */
static struct gw_ws_options make_options(bool masked, unsigned compression)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    uint8_t bits = (uint8_t)(9 + compression / 4 % 7), takeover = compression >> 1 & 1;

    options.role = masked ? GW_WS_SERVER : GW_WS_CLIENT;
    options.message_bytes_max = MESSAGE_MAX;
#ifndef FUZZ_SEES_UNINITIALISED
    if (compression & 1)
        options.deflate = (struct gw_ws_deflate_terms){bits, bits, takeover, takeover};
#endif
    options.deflate_bytes_min = compression & 64 ? 256 : 1;
    options.deflate_ratio_max = 2000; /* above what deflate can do */
    options.deflate_level = 1 + compression / 128 * 5;
    (void)bits, (void)takeover; /* where they are not agreed on */
    return options;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_input input = {data, len};
    unsigned how = fuzz_byte(&input);
    struct pair pair = {.masked = how & 1, .mask_seed = how};
    uint8_t zeros = 0, ones = 0xff;
    struct gw_ws_options senders;

    pair.options = make_options(pair.masked, fuzz_byte(&input));
    senders = pair.options;
    senders.role = pair.masked ? GW_WS_CLIENT : GW_WS_SERVER;
    senders.get = fill_get;
    senders.put = fill_put;
    senders.alloc_ctx = &zeros;
    require(gw_ws_new(&pair.sender, &senders) == 0);
    senders.alloc_ctx = &ones;
    require(gw_ws_new(&pair.twin, &senders) == 0);
    gw_buf_init(&pair.wire, &gw_alloc_std, WIRE_MAX);
    while (say_next(&pair, &input))
        continue;
    require_written(pair.wire.data, pair.wire.len);
    read_all(&pair, how < 0x80 ? WIRE_MAX : 1 + (size_t)(how & 0x7f) * 37);
    gw_buf_fini(&pair.wire);
    gw_ws_free(pair.sender);
    gw_ws_free(pair.twin);
    return 0;
}
