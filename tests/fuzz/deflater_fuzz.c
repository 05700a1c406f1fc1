/* deflater_fuzz.c - a compressed frame is the message and nothing else.
 *
 * The first byte chooses the engine. Then come messages: a byte for the opcode and how long, and a
 * pattern up to the next NUL, which is repeated. One deflater makes a frame of each, one after the
 * other, as a worker's does; so does a fresh one, whose memory and whose room to write to were full
 * of other bytes. A client that carries nothing over must be told the message by either frame. What
 * zlib makes is the same both times: nothing of an earlier message, and of what lay in memory, can
 * be in it. ISA-L chooses its matches also by where things lie, so that only the message is asked
 * for.
 *
 * Not among the targets of `make msan`, which does not see what a library writes.
 *
 * Threads: one. */
#include "proto/deflate/deflater.h"

#include "core/alloc.h"
#include "core/utf8.h"
#include "fuzz.h"

#define MESSAGE_MAX 70000u /* above 65,536, so that each form of a length is written */
#define ENOUGH      100000u

static void *fill_get(size_t size, void *ctx)
{
    void *ptr = malloc(size > 0 ? size : 1);

    require(ptr);
    return memset(ptr, *(const uint8_t *)ctx, size);
}

static void fill_put(void *ptr, void *ctx)
{
    (void)ctx;
    free(ptr);
}

static struct gw_deflater *new_deflater(const struct gw_alloc *alloc, unsigned how)
{
    struct gw_deflater *deflater;

    require(gw_deflater_new(&deflater, alloc, how & 1 ? GW_DEFLATER_ZLIB : GW_DEFLATER_FASTEST) ==
            0);
    return deflater;
}

/* The client agreed on the least window that such frames suit. */
static struct gw_ws *new_client(void)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *client;

    options.role = GW_WS_CLIENT;
    options.message_bytes_max = MESSAGE_MAX;
    options.deflate = (struct gw_ws_deflate_terms){GW_DEFLATER_WINDOW_BITS, 15, 0, 0};
    options.deflate_ratio_max = 2000; /* above what deflate can do */
    require(gw_ws_new(&client, &options) == 0);
    return client;
}

static void require_told(struct gw_ws *client, uint8_t *frame, size_t frame_len,
                         enum gw_ws_opcode opcode, const uint8_t *message, size_t len)
{
    struct gw_ws_bytes input = {frame, frame_len};
    struct gw_ws_event event;

    require(gw_ws_read(client, &input, &event) == 1 && input.len == 0);
    require(event.kind == (opcode == GW_WS_OP_TEXT ? GW_WS_TEXT : GW_WS_BINARY));
    require(event.len == len && memcmp(event.data, message, len) == 0);
    require(gw_ws_read(client, &input, &event) == 0);
}

static void deflate_one(struct gw_deflater *worker, struct gw_ws *client, unsigned how,
                        enum gw_ws_opcode opcode, const uint8_t *message, size_t len)
{
    static uint8_t ones = 0xff;
    const struct gw_alloc alloc = {fill_get, fill_put, &ones};
    struct gw_deflater *fresh = new_deflater(&alloc, how);
    size_t most = gw_ws_frame_len(len, 0), frame_len, twin_len;
    uint8_t *frame = malloc(most), *twin = malloc(most);

    require(frame && twin);
    memset(frame, 0x00, most);
    memset(twin, 0xff, most);
    frame_len = gw_deflater_frame(worker, frame, opcode, message, len);
    twin_len = gw_deflater_frame(fresh, twin, opcode, message, len);
    require(frame_len < most && twin_len < most);
    if (strcmp(gw_deflater_engine(fresh), "zlib") == 0)
        require(twin_len == frame_len && memcmp(frame, twin, frame_len) == 0);
    if (frame_len > 0)
        require_told(client, frame, frame_len, opcode, message, len);
    if (twin_len > 0)
        require_told(client, twin, twin_len, opcode, message, len);
    free(frame);
    free(twin);
    gw_deflater_free(fresh);
}

/* The pattern, which is changed a little where it is repeated. */
static size_t write_message(uint8_t *out, struct fuzz_input *input, unsigned choice)
{
    struct gw_str pattern = fuzz_word(input);
    size_t times = 1 + (size_t)(choice >> 2) * (choice & 2 ? 40 : 1), len = 0;

    for (size_t i = 0; pattern.len > 0 && i < times && len + pattern.len <= MESSAGE_MAX; i++) {
        memcpy(out + len, pattern.data, pattern.len);
        out[len + i % pattern.len] ^= (uint8_t)(i & 3);
        len += pattern.len;
    }
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t message[MESSAGE_MAX], zeros = 0x00;
    const struct gw_alloc alloc = {fill_get, fill_put, &zeros};
    struct fuzz_input input = {data, len};
    unsigned how = fuzz_byte(&input);
    struct gw_deflater *worker = new_deflater(&alloc, how);
    struct gw_ws *client = new_client();

    for (size_t total = 0; input.len > 0 && total < ENOUGH;) {
        size_t message_len = write_message(message, &input, fuzz_byte(&input));
        bool is_text = gw_utf8_valid(message, message_len);

        deflate_one(worker, client, how, is_text ? GW_WS_OP_TEXT : GW_WS_OP_BINARY, message,
                    message_len);
        total += message_len + 10000;
    }
    gw_ws_free(client);
    gw_deflater_free(worker);
    return 0;
}
