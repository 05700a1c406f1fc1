/* ws_frames_fuzz.c - however a stream of frames is split, its reader tells the same story.
 *
 * The first two bytes of the input choose the role, the limits and where to split; the rest is what
 * the peer sends. It is read three times: in one piece, a byte at a time, and in pieces of uneven
 * length. Events, their bytes and the final verdict must be the same each time. What the reader
 * says is ours to overwrite (the headroom) is overwritten, so that the sanitizers see a wrong
 * promise.
 *
 * Threads: one. */
#include <godwit/ws.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 4096u

struct told {
    enum gw_ws_event_kind kind;
    uint16_t close_code;
    size_t len;
    uint64_t sum;
};

struct story {
    struct told events[EVENTS_MAX];
    size_t count;
    int verdict;        /* 0, or why the connection failed */
    uint16_t fail_code; /* the close code that came with it */
};

static struct story whole, split;

static void require(int condition)
{
    if (!condition)
        abort();
}

/* FNV-1a: any sum that tells two payloads apart. */
static uint64_t sum_of(const uint8_t *data, size_t len)
{
    uint64_t sum = 14695981039346656037u;

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ data[i]) * 1099511628211u;
    return sum;
}

static void check_event(const struct gw_ws_event *event, const struct gw_ws_options *options)
{
    switch (event->kind) {
    case GW_WS_TEXT:
    case GW_WS_BINARY:
        require(event->len <= options->message_bytes_max);
        break;
    case GW_WS_PING:
    case GW_WS_PONG:
        require(event->len <= GW_WS_CONTROL_MAX);
        break;
    case GW_WS_CLOSE:
        require(event->len <= GW_WS_CONTROL_MAX - 2);
        require(event->close_code == 1005 || gw_ws_close_code_valid(event->close_code));
        break;
    }
}

static void remember(struct story *story, const struct gw_ws_event *event)
{
    if (story->count < EVENTS_MAX)
        story->events[story->count] = (struct told){event->kind, event->close_code, event->len,
                                                    sum_of(event->data, event->len)};
    story->count++;
}

/* Feeds one piece. False once the connection is over. */
static bool feed(struct story *story, struct gw_ws *ws, uint8_t *data, size_t len,
                 const struct gw_ws_options *options)
{
    struct gw_ws_bytes input = {data, len};
    struct gw_ws_event event;
    int got;

    while ((got = gw_ws_read(ws, &input, &event)) > 0) {
        check_event(&event, options);
        remember(story, &event);
        if (event.headroom > 0)
            memset(event.data - event.headroom, 0xee, event.headroom);
    }
    if (got == 0) {
        require(input.len == 0);
        return true;
    }
    story->verdict = got;
    story->fail_code = got == GW_ERR_CLOSED ? 0 : event.close_code;
    require(got == GW_ERR_CLOSED || gw_ws_close_code_valid(story->fail_code));
    require(gw_ws_read(ws, &input, &event) == GW_ERR_CLOSED);
    return false;
}

/* Reads a copy of the peer's bytes in pieces of 1 to `step` bytes, each in memory of its own. */
static void tell(struct story *story, const struct gw_ws_options *options, const uint8_t *data,
                 size_t len, size_t step)
{
    struct gw_ws *ws;
    bool alive = true;
    size_t piece;

    memset(story, 0, sizeof(*story));
    require(gw_ws_new(&ws, options) == 0);
    for (size_t at = 0; alive && at < len; at += piece) {
        uint8_t *copy;

        piece = 1 + (at * 7 + step) % step;
        if (piece > len - at)
            piece = len - at;
        copy = malloc(piece);
        require(copy != NULL);
        memcpy(copy, data + at, piece);
        alive = feed(story, ws, copy, piece, options);
        free(copy);
    }
    gw_ws_free(ws);
}

/* In one piece. */
static void tell_whole(struct story *story, const struct gw_ws_options *options,
                       const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len + 1);
    struct gw_ws *ws;

    require(copy != NULL);
    memset(story, 0, sizeof(*story));
    require(gw_ws_new(&ws, options) == 0);
    memcpy(copy, data, len);
    (void)feed(story, ws, copy, len, options); /* the end of the input is the end of the story */
    gw_ws_free(ws);
    free(copy);
}

static void require_same(void)
{
    size_t kept = whole.count < EVENTS_MAX ? whole.count : EVENTS_MAX;

    require(whole.count == split.count);
    require(whole.verdict == split.verdict);
    require(whole.fail_code == split.fail_code);
    for (size_t i = 0; i < kept; i++) {
        const struct told *a = &whole.events[i], *b = &split.events[i];

        require(a->kind == b->kind && a->close_code == b->close_code);
        require(a->len == b->len && a->sum == b->sum);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;

    if (len < 2)
        return 0;
    options.role = data[0] & 1 ? GW_WS_CLIENT : GW_WS_SERVER;
    if (data[0] & 2)
        options.message_bytes_max = 200;
    if (data[0] & 4)
        options.fragments_max = 3;

    tell_whole(&whole, &options, data + 2, len - 2);
    tell(&split, &options, data + 2, len - 2, 1);
    require_same();
    tell(&split, &options, data + 2, len - 2, 2u + data[1]);
    require_same();
    return 0;
}
