#include "proto/ws/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/utf8.h"
#include "proto/ws/control.h"
#include "proto/ws/inflate.h"

#define FIN_BIT       0x80u
#define RSV_BITS      0x70u
#define RSV1_BIT      0x40u
#define OPCODE_BITS   0x0fu
#define MASKED_BIT    0x80u
#define LENGTH_BITS   0x7fu
#define LENGTH_16_MAX UINT64_C(0xffff)
#define MASK_LEN      4u

/* What the head of a frame says (section 5.2). */
struct frame {
    uint64_t len; /* of its payload; of a data frame at most what the message may still take */
    uint8_t mask[MASK_LEN];
    uint8_t opcode;
    bool fin;
    bool masked;
    bool compressed; /* RSV1: it begins a compressed message (RFC 7692 section 6) */
};

/* At most one frame is unfinished: either its head (head_len > 0) or its payload (in_frame).
 * A message is open from its first frame to its last, and a control frame may stand between. */
struct gw_ws_partial {
    /* What arrived of the message's payload: unmasked, inflated, checked if text. */
    struct gw_buf message;
    struct frame frame;  /* while in_frame */
    uint32_t taken;      /* bytes of the frame's payload that arrived; below frame.len */
    uint32_t utf8_state; /* behind the last byte of a text message */
    uint32_t fragment_count;
    bool compressed; /* the open message is */
    uint8_t opcode;  /* of the open message; GW_WS_OP_CONTINUATION where none is open */
    bool in_frame;
    uint8_t head_len;
    uint8_t head[GW_WS_HEAD_MAX];
    uint8_t control[GW_WS_CONTROL_MAX]; /* payload of a control frame that came in pieces */
};

static_assert(sizeof(struct gw_ws_partial) <= 256, "what one byte of a head can make us hold");

static bool is_control(const struct frame *frame)
{
    return frame->opcode >= GW_WS_OP_CLOSE;
}

static void consume(struct gw_ws_bytes *input, size_t len)
{
    assert(len <= input->len);
    input->data += len;
    input->len -= len;
}

/* --- The head of a frame --- */

/* The checks below run in the order of the bytes they look at, so that a head that is wrong twice
 * fails in the same way however it is split. */

/* RSV1 has a meaning where an extension gave it one, on the first frame of a message. */
static bool rsv_bits_are_right(uint8_t byte, bool inflates)
{
    uint8_t opcode = byte & OPCODE_BITS;

    return (byte & RSV_BITS) == 0 || (inflates && (byte & RSV_BITS) == RSV1_BIT &&
                                      (opcode == GW_WS_OP_TEXT || opcode == GW_WS_OP_BINARY));
}

static bool take_first_byte(uint8_t byte, bool message_is_open, bool inflates, struct frame *frame)
{
    frame->fin = (byte & FIN_BIT) != 0;
    frame->opcode = byte & OPCODE_BITS;
    frame->compressed = (byte & RSV1_BIT) != 0;
    if (!rsv_bits_are_right(byte, inflates))
        return false;

    switch (frame->opcode) {
    case GW_WS_OP_CONTINUATION:
        return message_is_open;
    case GW_WS_OP_TEXT:
    case GW_WS_OP_BINARY:
        return !message_is_open;
    case GW_WS_OP_CLOSE:
    case GW_WS_OP_PING:
    case GW_WS_OP_PONG:
        return frame->fin; /* section 5.5: never fragmented */
    default:
        return false;
    }
}

static bool take_second_byte(uint8_t byte, uint8_t role, struct frame *frame)
{
    frame->masked = (byte & MASKED_BIT) != 0;
    frame->len = byte & LENGTH_BITS;
    return frame->masked == (role == GW_WS_SERVER) /* section 5.1 */
           && (!is_control(frame) || frame->len <= GW_WS_CONTROL_MAX);
}

static uint64_t read_big_endian(const uint8_t *data, size_t bytes)
{
    uint64_t number = 0;

    for (size_t i = 0; i < bytes; i++)
        number = number << 8 | data[i];
    return number;
}

/* The longer forms of the length, `data` being behind the first two bytes. Returns how many bytes
 * it takes or GW_ERR_PROTOCOL; `frame->len` is not yet right where that is more than `len`. */
static int take_length(const uint8_t *data, size_t len, struct frame *frame)
{
    size_t bytes = frame->len < 126 ? 0 : frame->len == 126 ? sizeof(uint16_t) : sizeof(uint64_t);
    uint64_t least = bytes == sizeof(uint16_t) ? GW_WS_CONTROL_MAX + 1 : LENGTH_16_MAX + 1;

    if (bytes == 0 || bytes > len)
        return (int)bytes;

    frame->len = read_big_endian(data, bytes);
    if (frame->len < least || frame->len > INT64_MAX)
        return GW_ERR_PROTOCOL; /* section 5.2: the shortest form, and the top bit 0 */
    return (int)bytes;
}

/* The longest frame that the message in hand, or a new one, may have. How long a compressed one
 * becomes is seen when it is inflated; its head can only say that it is beyond all measure. What
 * arrived is below the limit, always. */
static uint64_t longest_frame(const struct gw_ws_reader *reader,
                              const struct gw_ws_partial *partial, const struct frame *frame)
{
    size_t gathered = partial ? partial->message.len : 0;

    assert(gathered <= reader->message_bytes_max);
    if (frame->compressed || (partial && partial->compressed))
        return gw_ws_inflate_wire_max(reader->message_bytes_max);
    return reader->message_bytes_max - gathered;
}

/* May the message in hand have this frame too? */
static int check_limits(const struct gw_ws_reader *reader, const struct gw_ws_partial *partial,
                        const struct frame *frame)
{
    uint32_t fragments = partial ? partial->fragment_count : 0;

    if (is_control(frame))
        return 0;
    if (frame->compressed && reader->inflate_refusal)
        return reader->inflate_refusal;
    if (fragments >= reader->fragments_max)
        return GW_ERR_TOO_MANY;
    if (frame->len > longest_frame(reader, partial, frame))
        return GW_ERR_TOO_BIG;
    return 0;
}

/* Returns the length of the head, 0 when more of it is needed, or why the frame is refused. */
static int parse_head(const struct gw_ws_reader *reader, const struct gw_ws_partial *partial,
                      const uint8_t *data, size_t len, struct frame *frame)
{
    bool message_is_open = partial && partial->opcode != GW_WS_OP_CONTINUATION;
    size_t head_len = 2;
    int got;

    if (len < 1)
        return 0;
    if (!take_first_byte(data[0], message_is_open, reader->inflate != NULL, frame))
        return GW_ERR_PROTOCOL;
    if (len < 2)
        return 0;
    if (!take_second_byte(data[1], reader->role, frame))
        return GW_ERR_PROTOCOL;

    got = take_length(data + head_len, len - head_len, frame);
    if (got < 0)
        return got;
    head_len += (size_t)got;
    if (len < head_len)
        return 0;

    got = check_limits(reader, partial, frame);
    if (got < 0)
        return got;
    if (!frame->masked)
        return (int)head_len;
    if (len - head_len < MASK_LEN)
        return 0;
    memcpy(frame->mask, data + head_len, MASK_LEN);
    return (int)(head_len + MASK_LEN);
}

/* --- Events --- */

static int data_event(uint8_t opcode, uint8_t *data, size_t len, struct gw_ws_event *event)
{
    event->kind = opcode == GW_WS_OP_TEXT ? GW_WS_TEXT : GW_WS_BINARY;
    event->data = data;
    event->len = len;
    return 1;
}

/* --- Payload --- */

static void unmask(const struct frame *frame, uint8_t *data, size_t len, size_t taken)
{
    if (frame->masked)
        gw_ws_mask(data, len, frame->mask, taken);
}

/* The frame is an event of its own, and all of it is in the input. */
static int deliver_in_place(const struct frame *frame, struct gw_ws_bytes *input,
                            struct gw_ws_event *event)
{
    uint8_t *payload = input->data;
    size_t len = (size_t)frame->len;

    unmask(frame, payload, len, 0);
    consume(input, len);
    if (is_control(frame))
        return gw_ws_control_event(frame->opcode, payload, len, event);
    if (frame->opcode == GW_WS_OP_TEXT && !gw_utf8_valid(payload, len))
        return GW_ERR_UTF8;
    return data_event(frame->opcode, payload, len, event);
}

static uint32_t *utf8_state_of(struct gw_ws_partial *partial)
{
    return partial->opcode == GW_WS_OP_TEXT ? &partial->utf8_state : NULL;
}

/* The buffer grows with what arrived: what a head announces costs its sender bytes, not us. */
static int gather(const struct gw_ws_reader *reader, struct gw_ws_partial *partial,
                  const uint8_t *data, size_t len)
{
    uint32_t *utf8_state = utf8_state_of(partial);

    if (partial->compressed)
        return gw_ws_inflate_feed(reader->inflate, data, len, &partial->message, utf8_state);
    if (utf8_state && !gw_utf8_feed(utf8_state, data, len))
        return GW_ERR_UTF8;
    /* parse_head() made sure that it fits, so it can only be memory that lacks. */
    return gw_buf_append(&partial->message, data, len) == 0 ? 0 : -ENOMEM;
}

/* All payload of the frame in hand has arrived. */
static int finish_frame(const struct gw_ws_reader *reader, struct gw_ws_partial *partial,
                        struct gw_ws_event *event)
{
    const struct frame *frame = &partial->frame;
    uint8_t opcode = partial->opcode;
    int failed = 0;

    partial->in_frame = false;
    if (is_control(frame))
        return gw_ws_control_event(frame->opcode, partial->control, (size_t)frame->len, event);
    if (!frame->fin)
        return 0;

    if (partial->compressed)
        failed = gw_ws_inflate_finish(reader->inflate, &partial->message, utf8_state_of(partial));
    if (failed)
        return failed;
    partial->opcode = GW_WS_OP_CONTINUATION; /* closed: its memory goes at the next call */
    if (opcode == GW_WS_OP_TEXT && partial->utf8_state != GW_UTF8_START)
        return GW_ERR_UTF8;
    return data_event(opcode, partial->message.data, partial->message.len, event);
}

/* Takes what the input holds of the payload of the frame in hand. */
static int take_payload(const struct gw_ws_reader *reader, struct gw_ws_partial *partial,
                        struct gw_ws_bytes *input, struct gw_ws_event *event)
{
    const struct frame *frame = &partial->frame;
    size_t left = (size_t)frame->len - partial->taken;
    size_t len = input->len < left ? input->len : left;
    uint8_t *piece = input->data;
    int failed = 0;

    if (len > 0) {
        unmask(frame, piece, len, partial->taken);
        if (is_control(frame))
            memcpy(partial->control + partial->taken, piece, len);
        else
            failed = gather(reader, partial, piece, len);
        consume(input, len);
    }
    if (failed)
        return failed;
    partial->taken += (uint32_t)len; /* at most frame.len, which the limits hold below 2^32 */
    return len == left ? finish_frame(reader, partial, event) : 0;
}

/* --- What is kept between two calls --- */

static bool is_idle(const struct gw_ws_partial *partial)
{
    return !partial->in_frame && partial->head_len == 0 && partial->opcode == GW_WS_OP_CONTINUATION;
}

static struct gw_ws_partial *partial_of(const struct gw_ws_reader *reader,
                                        struct gw_ws_partial **slot)
{
    struct gw_ws_partial *partial = *slot;

    if (partial)
        return partial;
    partial = gw_alloc_zeroed(reader->alloc, 1, sizeof(*partial));
    if (!partial)
        return NULL;
    gw_buf_init(&partial->message, reader->alloc, reader->message_bytes_max);
    *slot = partial;
    return partial;
}

/* Keeps the beginning of a head, which is all that the input holds. */
static int keep_head(struct gw_ws_partial *partial, struct gw_ws_bytes *input)
{
    if (!partial)
        return -ENOMEM;
    assert(input->len < (size_t)GW_WS_HEAD_MAX - partial->head_len);
    memcpy(partial->head + partial->head_len, input->data, input->len);
    partial->head_len = (uint8_t)(partial->head_len + input->len);
    consume(input, input->len);
    return 0;
}

/* Takes a frame in hand whose payload has to be gathered. */
static int open_frame(struct gw_ws_partial *partial, const struct frame *frame)
{
    if (!partial)
        return -ENOMEM;
    partial->frame = *frame;
    partial->taken = 0;
    partial->in_frame = true;
    if (is_control(frame))
        return 0;
    if (frame->opcode != GW_WS_OP_CONTINUATION) {
        partial->opcode = frame->opcode;
        partial->compressed = frame->compressed;
    }
    partial->fragment_count++;
    return 0;
}

/* The head has been taken; `head_len` is its length where it lies right before the input, else 0.
 */
static int take_frame(const struct gw_ws_reader *reader, struct gw_ws_partial **slot,
                      const struct frame *frame, size_t head_len, struct gw_ws_bytes *input,
                      struct gw_ws_event *event)
{
    bool alone = is_control(frame) ||
                 (frame->fin && frame->opcode != GW_WS_OP_CONTINUATION && !frame->compressed);
    int failed;

    if (alone && frame->len <= input->len) {
        event->headroom = head_len;
        return deliver_in_place(frame, input, event);
    }
    failed = open_frame(partial_of(reader, slot), frame);
    return failed ? failed : take_payload(reader, *slot, input, event);
}

/* Takes a head, or what the input holds of it; and then what there is of its payload. */
static int take_head(const struct gw_ws_reader *reader, struct gw_ws_partial **slot,
                     struct gw_ws_bytes *input, struct gw_ws_event *event)
{
    struct gw_ws_partial *partial = *slot;
    size_t kept = partial ? partial->head_len : 0;
    uint8_t joined[GW_WS_HEAD_MAX];
    struct frame frame = {0};
    int head_len;

    if (kept == 0) {
        head_len = parse_head(reader, partial, input->data, input->len, &frame);
    } else {
        size_t more = sizeof(joined) - kept < input->len ? sizeof(joined) - kept : input->len;

        memcpy(joined, partial->head, kept);
        memcpy(joined + kept, input->data, more);
        head_len = parse_head(reader, partial, joined, kept + more, &frame);
    }
    if (head_len < 0)
        return head_len;
    if (head_len == 0)
        return keep_head(partial_of(reader, slot), input);

    assert((size_t)head_len > kept);
    consume(input, (size_t)head_len - kept);
    if (partial)
        partial->head_len = 0;
    return take_frame(reader, slot, &frame, kept == 0 ? (size_t)head_len : 0, input, event);
}

/* --- The door --- */

/* The commonest frame of all: a whole message of at most 125 bytes, in one frame, all of it in the
 * input. Of take_head()'s questions none is open for it, and not asking them halves what it costs.
 * Returns 1 with the event, GW_ERR_UTF8, or 0 with nothing done: it is another frame. */
static inline int take_short(const struct gw_ws_reader *reader, struct gw_ws_bytes *input,
                             struct gw_ws_event *event)
{
    unsigned masked_bit = reader->role == GW_WS_SERVER ? MASKED_BIT : 0u;
    size_t head_len = masked_bit ? 2 + MASK_LEN : 2;
    uint8_t *data = input->data;
    size_t len;

    if (input->len < head_len ||
        (data[0] != (FIN_BIT | GW_WS_OP_TEXT) && data[0] != (FIN_BIT | GW_WS_OP_BINARY)))
        return 0;
    len = data[1] ^ masked_bit;
    if (len > GW_WS_CONTROL_MAX || len > reader->message_bytes_max || input->len < head_len + len)
        return 0;

    if (masked_bit)
        gw_ws_mask(data + head_len, len, data + 2, 0);
    if (data[0] == (FIN_BIT | GW_WS_OP_TEXT) && !gw_utf8_valid(data + head_len, len))
        return GW_ERR_UTF8;
    *event = (struct gw_ws_event){.kind = data[0] == (FIN_BIT | GW_WS_OP_TEXT) ? GW_WS_TEXT
                                                                               : GW_WS_BINARY,
                                  .data = data + head_len,
                                  .len = len,
                                  .headroom = head_len};
    input->data += head_len + len;
    input->len -= head_len + len;
    return 1;
}

/* Apart, so that what it needs of registers and stack is not paid for by every short message. */
__attribute__((noinline)) static int read_frames(const struct gw_ws_reader *reader,
                                                 struct gw_ws_partial **partial,
                                                 struct gw_ws_bytes *input,
                                                 struct gw_ws_event *event, int result)
{
    *event = (struct gw_ws_event){0};
    gw_ws_reader_trim(reader, partial); /* what the last event borrowed */

    /* Each round takes at least a byte or ends with a result. */
    while (result == 0 && input->len > 0) {
        if (*partial && (*partial)->in_frame)
            result = take_payload(reader, *partial, input, event);
        else
            result = take_head(reader, partial, input, event);
    }
    if (result < 0)
        *event = (struct gw_ws_event){.close_code = gw_ws_control_code(result)};
    return result;
}

int gw_ws_reader_read(const struct gw_ws_reader *reader, struct gw_ws_partial **partial,
                      struct gw_ws_bytes *input, struct gw_ws_event *event)
{
    int result = *partial ? 0 : take_short(reader, input, event);

    return result > 0 ? result : read_frames(reader, partial, input, event, result);
}

void gw_ws_reader_trim(const struct gw_ws_reader *reader, struct gw_ws_partial **partial)
{
    if (*partial && is_idle(*partial))
        gw_ws_reader_free(reader, partial);
}

void gw_ws_reader_free(const struct gw_ws_reader *reader, struct gw_ws_partial **partial)
{
    if (!*partial)
        return;
    if ((*partial)->message.data) /* an embedder's put() need not take NULL */
        gw_buf_fini(&(*partial)->message);
    gw_alloc_put(reader->alloc, *partial);
    *partial = NULL;
}

size_t gw_ws_reader_bytes(const struct gw_ws_partial *partial)
{
    return partial ? sizeof(*partial) + partial->message.room : 0;
}
