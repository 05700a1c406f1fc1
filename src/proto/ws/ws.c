/* ws.c - the public face of the codec: a reader that remembers that it is done, and the two halves
 * of a connection's compression.
 *
 * The server does not come through here: it shares one reader's configuration, and one compressor,
 * between all of its connections. Embedders do, and so do our own clients and tests.
 *
 * Threads: a gw_ws belongs to one at a time. */
#include <godwit/ws.h>

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/alloc.h"
#include "proto/ws/deflate.h"
#include "proto/ws/extension.h"
#include "proto/ws/inflate.h"
#include "proto/ws/reader.h"

struct gw_ws {
    struct gw_alloc alloc;
    struct gw_ws_reader reader;    /* its alloc is the one above */
    struct gw_ws_partial *partial; /* NULL between two messages */
    struct gw_ws_inflate inflate;  /* lent to the reader where compression was agreed */
    struct gw_ws_deflate *deflate; /* NULL until needed, and without takeover between messages */
    struct gw_ws_deflate_options deflate_options; /* window_bits 0 where nothing was agreed */
    uint32_t deflate_bytes_min;
    bool done; /* a close frame came, or the connection failed */
};

/* --- Making one --- */

/* The options ended there before compression came. */
#define FIRST_SIZE offsetof(struct gw_ws_options, deflate)

static bool copy_options(struct gw_ws_options *copy, const struct gw_ws_options *options)
{
    *copy = (struct gw_ws_options)GW_WS_OPTIONS_INIT;
    if (options->size != sizeof(*copy) && options->size != FIRST_SIZE)
        return false;
    memcpy(copy, options, options->size);
    return true;
}

static bool is_agreed(const struct gw_ws_deflate_terms *terms)
{
    return terms->server_window_bits || terms->client_window_bits || terms->server_takeover ||
           terms->client_takeover;
}

static bool options_make_sense(const struct gw_ws_options *options)
{
    return (options->role == GW_WS_SERVER || options->role == GW_WS_CLIENT) &&
           options->message_bytes_max > 0 && options->fragments_max > 0 &&
           !options->get == !options->put &&
           (!is_agreed(&options->deflate) || gw_ws_terms_valid(&options->deflate)) &&
           options->deflate_ratio_max > 0 && options->deflate_level >= 1 &&
           options->deflate_level <= 9;
}

/* Each end compresses by its own half of the terms and inflates by the other's. */
static void take_terms(struct gw_ws *ws, const struct gw_ws_options *options)
{
    const struct gw_ws_deflate_terms *terms = &options->deflate;
    bool server = options->role == GW_WS_SERVER;

    ws->inflate = (struct gw_ws_inflate){
        .ratio_max = options->deflate_ratio_max,
        .takeover = server ? terms->client_takeover : terms->server_takeover,
    };
    ws->deflate_options = (struct gw_ws_deflate_options){
        .window_bits = server ? terms->server_window_bits : terms->client_window_bits,
        .level = (uint8_t)options->deflate_level,
        .takeover = server ? terms->server_takeover : terms->client_takeover,
    };
    ws->deflate_bytes_min = options->deflate_bytes_min;
    if (is_agreed(terms))
        ws->reader.inflate = &ws->inflate;
}

int gw_ws_new(struct gw_ws **out, const struct gw_ws_options *options)
{
    struct gw_alloc alloc = gw_alloc_std;
    struct gw_ws_options copy;
    struct gw_ws *ws;

    if (!options || !copy_options(&copy, options) || !options_make_sense(&copy))
        return -EINVAL;
    if (copy.get)
        alloc = (struct gw_alloc){copy.get, copy.put, copy.alloc_ctx};
    ws = gw_alloc_zeroed(&alloc, 1, sizeof(*ws));
    if (!ws)
        return -ENOMEM;

    ws->alloc = alloc;
    ws->reader = (struct gw_ws_reader){
        .alloc = &ws->alloc,
        .message_bytes_max = copy.message_bytes_max,
        .fragments_max = copy.fragments_max,
        .role = (uint8_t)copy.role,
    };
    take_terms(ws, &copy);
    *out = ws;
    return 0;
}

static void free_reading_half(struct gw_ws *ws)
{
    gw_ws_reader_free(&ws->reader, &ws->partial);
    gw_ws_inflate_fini(&ws->inflate);
}

void gw_ws_free(struct gw_ws *ws)
{
    struct gw_alloc alloc;

    if (!ws)
        return;
    free_reading_half(ws);
    gw_ws_deflate_free(ws->deflate);
    alloc = ws->alloc; /* it lies in what it frees */
    gw_alloc_put(&alloc, ws);
}

/* --- Reading --- */

int gw_ws_read(struct gw_ws *ws, struct gw_ws_bytes *input, struct gw_ws_event *event)
{
    int result = GW_ERR_CLOSED;

    if (ws->done)
        *event = (struct gw_ws_event){0};
    else
        result = gw_ws_reader_read(&ws->reader, &ws->partial, input, event);

    if (result < 0 || (result > 0 && event->kind == GW_WS_CLOSE))
        ws->done = true;
    if (result < 0) /* after a close frame its reason may still be in there */
        free_reading_half(ws);
    return result;
}

/* --- Writing --- */

/* The compressed frame's length, or 0: write it as it is. */
static size_t write_deflated(struct gw_ws *ws, uint8_t *out, enum gw_ws_opcode opcode,
                             const void *data, size_t len, const uint8_t mask[4])
{
    size_t frame_len;

    if (!ws->reader.inflate || len < ws->deflate_bytes_min)
        return 0;
    if (!ws->deflate && gw_ws_deflate_new(&ws->deflate, &ws->alloc, &ws->deflate_options) < 0)
        return 0;
    frame_len = gw_ws_deflate_frame(ws->deflate, out, opcode, data, len, mask);
    if (!ws->deflate_options.takeover) {
        gw_ws_deflate_free(ws->deflate);
        ws->deflate = NULL;
    }
    return frame_len;
}

size_t gw_ws_deflate(struct gw_ws *ws, uint8_t *out, enum gw_ws_opcode opcode, const void *data,
                     size_t len, const uint8_t mask[4])
{
    size_t frame_len;

    assert(opcode == GW_WS_OP_TEXT || opcode == GW_WS_OP_BINARY);
    frame_len = write_deflated(ws, out, opcode, data, len, mask);
    return frame_len > 0 ? frame_len : gw_ws_frame(out, opcode, data, len, mask);
}
