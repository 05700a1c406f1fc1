#include "proto/ws/inflate.h"

#include <assert.h>
#include <errno.h>
#include <godwit/status.h>

#include "core/buf.h"
#include "core/utf8.h"
#include "proto/ws/zmem.h"

/* Blocks that bring nothing: so many, and one more for each byte of the message. A peer that
 * flushes after each byte has one of them a byte. */
#define IDLE_BLOCKS 1024u
/* Bytes of input: so many times the message, and GW_WS_INFLATE_CHUNK. */
#define WIRE_RATIO 12u

/* Parts of z_stream.data_type, which zlib.h tells of at inflate(). */
#define UNUSED_BITS   63
#define LAST_BLOCK    64
#define AT_BLOCKS_END 128

/* What the sender took off the end of each message (section 7.2.1). */
static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff};

struct gw_ws_inflate_state {
    z_stream stream; /* zlib keeps its address: a state stays where it was made */
    struct gw_zmem mem;
    /* Of the message in hand: */
    uint64_t taken;       /* bytes of input */
    size_t block_start;   /* its length when the last block ended */
    uint32_t idle_blocks; /* that did not change it */
    bool is_closed;       /* nothing came behind the last block, which was marked as final */
};

/* The window is always zlib's largest, whatever was agreed for the peer. zlib looks at a smaller
 * one only between two calls: so a reference that goes too far would pass or not by how the message
 * was split. */
#define ZLIB_BITS_MAX 15

/* --- The state --- */

static int open_state(struct gw_ws_inflate *inflate, const struct gw_alloc *alloc)
{
    struct gw_ws_inflate_state *state;

    if (inflate->state)
        return 0;
    state = gw_alloc_zeroed(alloc, 1, sizeof(*state));
    if (!state)
        return -ENOMEM;
    state->mem.alloc = alloc;
    state->stream.zalloc = gw_zmem_get;
    state->stream.zfree = gw_zmem_put;
    state->stream.opaque = &state->mem;
    if (inflateInit2(&state->stream, -ZLIB_BITS_MAX) != Z_OK) {
        gw_alloc_put(alloc, state);
        return -ENOMEM;
    }
    inflate->state = state;
    return 0;
}

void gw_ws_inflate_fini(struct gw_ws_inflate *inflate)
{
    struct gw_ws_inflate_state *state = inflate->state;

    if (!state)
        return;
    inflate->state = NULL;
    (void)inflateEnd(&state->stream); /* fails only for a state that is none */
    gw_alloc_put(state->mem.alloc, state);
}

size_t gw_ws_inflate_bytes(const struct gw_ws_inflate *inflate)
{
    return inflate->state ? sizeof(*inflate->state) + inflate->state->mem.bytes : 0;
}

/* --- Limits --- */

uint32_t gw_ws_inflate_wire_max(uint32_t message_bytes_max)
{
    uint64_t most = (uint64_t)message_bytes_max * WIRE_RATIO + GW_WS_INFLATE_CHUNK;

    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

static int check_proportion(const struct gw_ws_inflate *inflate, const struct gw_buf *message)
{
    uint64_t taken = inflate->state->taken, made = message->len;

    if (made > GW_WS_INFLATE_FREE && made > taken * inflate->ratio_max)
        return GW_ERR_TOO_BIG;
    return taken > made * WIRE_RATIO + GW_WS_INFLATE_CHUNK ? GW_ERR_TOO_BIG : 0;
}

static int count_block(struct gw_ws_inflate_state *state, const struct gw_buf *message)
{
    if (message->len == state->block_start)
        state->idle_blocks++;
    state->block_start = message->len;
    return state->idle_blocks > IDLE_BLOCKS + message->len ? GW_ERR_TOO_BIG : 0;
}

/* --- Inflating --- */

/* By how much a full buffer grows. Doubling, from a guess at what the input in hand becomes; but
 * from GW_WS_INFLATE_CHUNK on at once to the cap, since old and new buffer exist side by side. */
static size_t growth(const struct gw_buf *message, size_t input_len)
{
    size_t left = message->cap - message->len, more = message->room;

    if (more == 0)
        more = input_len * 4 < GW_WS_INFLATE_CHUNK ? input_len * 4 : GW_WS_INFLATE_CHUNK;
    else if (more >= GW_WS_INFLATE_CHUNK)
        more = left;
    return more < left ? more : left;
}

/* Where the next bytes go: what is left of the buffer, which grows if that is nothing; or, where
 * the message is as long as it may be, `spill`, to see whether it is at its end. */
static int make_room(struct gw_buf *message, z_stream *stream, uint8_t spill[1])
{
    size_t room = message->room - message->len;

    if (message->len == message->cap) {
        stream->next_out = spill;
        stream->avail_out = 1;
        return 0;
    }
    if (room == 0 && !gw_buf_reserve(message, growth(message, stream->avail_in)))
        return -ENOMEM;
    room = message->room - message->len;
    stream->next_out = message->data + message->len;
    stream->avail_out = room < UINT32_MAX ? (uInt)room : UINT32_MAX;
    return 0;
}

/* What zlib put behind the message becomes part of it. */
static int take_output(struct gw_buf *message, size_t made, uint32_t *utf8_state)
{
    const uint8_t *piece;

    if (made == 0)
        return 0;
    if (message->len == message->cap)
        return GW_ERR_TOO_BIG;
    piece = message->data + message->len;
    gw_buf_added(message, made);
    return !utf8_state || gw_utf8_feed(utf8_state, piece, made) ? 0 : GW_ERR_UTF8;
}

/* What inflate() said, once its output is taken. */
static int judge(struct gw_ws_inflate_state *state, int said, const struct gw_buf *message)
{
    state->is_closed = said == Z_STREAM_END;
    switch (said) {
    case Z_OK:
        return state->stream.data_type & AT_BLOCKS_END ? count_block(state, message) : 0;
    case Z_BUF_ERROR: /* it could do nothing, which is well where it had nothing */
        return state->stream.avail_in == 0 ? 0 : GW_ERR_DAMAGED;
    case Z_STREAM_END:
        /* What follows a final block goes on at the next byte (section 7.2.3.5), and may refer to
         * what was before it: the window is kept. */
        (void)inflateResetKeep(&state->stream); /* fails only for a state that is none */
        return 0;
    case Z_MEM_ERROR:
        return -ENOMEM;
    default:
        return GW_ERR_DAMAGED;
    }
}

/* Is there more to come out, without more going in? Between two blocks there is nothing, and to ask
 * would begin the next one; but behind a final block zlib has still to say that it was. */
static bool has_more(const z_stream *stream, int said)
{
    if (said != Z_OK)
        return false;
    if (stream->data_type & AT_BLOCKS_END)
        return stream->data_type & LAST_BLOCK;
    return stream->avail_out == 0;
}

/* Takes all of the input, and all output there is. Each round takes a byte, makes one, or ends a
 * final block: any block takes ten bits, and zlib never holds more than seven. */
static int run(struct gw_ws_inflate_state *state, const uint8_t *data, size_t len,
               struct gw_buf *message, uint32_t *utf8_state)
{
    z_stream *stream = &state->stream;
    int failed;
    bool more;

    stream->next_in = data;
    stream->avail_in = (uInt)len;
    do {
        uint8_t spill[1];
        uInt room;
        int said;

        failed = make_room(message, stream, spill);
        if (failed)
            return failed;
        room = stream->avail_out;
        said = inflate(stream, Z_BLOCK);
        failed = take_output(message, room - stream->avail_out, utf8_state);
        more = stream->avail_in > 0 || has_more(stream, said);
        if (!failed)
            failed = judge(state, said, message);
    } while (!failed && more);
    return failed;
}

int gw_ws_inflate_feed(struct gw_ws_inflate *inflate, const uint8_t *data, size_t len,
                       struct gw_buf *message, uint32_t *utf8_state)
{
    struct gw_ws_inflate_state *state;
    int failed = open_state(inflate, message->alloc);

    assert(inflate->ratio_max > 0);
    assert(len > 0);
    state = inflate->state;
    /* By what there is in all, before it is cut into steps. */
    if (!failed && message->room == 0 && !gw_buf_reserve(message, growth(message, len)))
        failed = -ENOMEM;
    while (!failed && len > 0) {
        size_t step = GW_WS_INFLATE_STEP - state->taken % GW_WS_INFLATE_STEP;

        if (step > len)
            step = len;
        failed = run(state, data, step, message, utf8_state);
        state->taken += step;
        if (!failed && state->taken % GW_WS_INFLATE_STEP == 0)
            failed = check_proportion(inflate, message);
        data += step;
        len -= step;
    }
    return failed;
}

/* Puts back what the sender took off, which must complete an empty block (section 7.2.2): to take
 * it for data would make up what nobody sent. A message that ended with a final block is whole
 * without.
 */
static int complete(struct gw_ws_inflate_state *state, struct gw_buf *message, uint32_t *utf8_state)
{
    size_t len = message->len;
    int failed;

    if (state->is_closed)
        return 0;
    failed = run(state, tail, sizeof(tail), message, utf8_state);
    if (failed)
        return failed;
    if (message->len > len)
        return GW_ERR_DAMAGED;
    if (state->is_closed)
        return 0;
    return (state->stream.data_type & (AT_BLOCKS_END | UNUSED_BITS)) == AT_BLOCKS_END
               ? 0
               : GW_ERR_DAMAGED;
}

int gw_ws_inflate_finish(struct gw_ws_inflate *inflate, struct gw_buf *message,
                         uint32_t *utf8_state)
{
    struct gw_ws_inflate_state *state;
    int failed = open_state(inflate, message->alloc);

    state = inflate->state;
    if (!failed)
        failed = complete(state, message, utf8_state);
    if (!failed)
        failed = check_proportion(inflate, message);
    if (failed)
        return failed;
    if (!inflate->takeover) {
        gw_ws_inflate_fini(inflate);
        return 0;
    }
    state->taken = 0;
    state->block_start = 0;
    state->idle_blocks = 0;
    state->is_closed = false;
    return 0;
}
