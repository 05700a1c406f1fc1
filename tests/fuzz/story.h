/* story.h - however a stream of frames is split, its reader tells the same story.
 *
 * What a peer sends is read three times: in one piece, a byte at a time, and in pieces of uneven
 * length. Events, their bytes and the final verdict must be the same each time. What the reader
 * says is ours to overwrite (the headroom) is overwritten, so that the sanitizers see a wrong
 * promise.
 *
 * Threads: one. */
#ifndef TESTS_FUZZ_STORY_H
#define TESTS_FUZZ_STORY_H

#include <godwit/ws.h>

#include "fuzz.h"

#define STORY_EVENTS_MAX 4096u

struct told {
    enum gw_ws_event_kind kind;
    uint16_t close_code;
    size_t len;
    uint64_t sum;
};

struct story {
    struct told events[STORY_EVENTS_MAX];
    size_t count;
    int verdict;        /* 0, or why the connection failed */
    uint16_t fail_code; /* the close code that came with it */
};

static struct story story_whole, story_split;

static inline void story_check_event(const struct gw_ws_event *event,
                                     const struct gw_ws_options *options)
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

static inline void story_remember(struct story *story, const struct gw_ws_event *event)
{
    if (story->count < STORY_EVENTS_MAX)
        story->events[story->count] =
            (struct told){event->kind, event->close_code, event->len,
                          fuzz_sum(FUZZ_SUM_START, event->data, event->len)};
    story->count++;
}

/* Feeds one piece. False once the connection is over. */
static inline bool story_feed(struct story *story, struct gw_ws *ws, uint8_t *data, size_t len,
                              const struct gw_ws_options *options)
{
    struct gw_ws_bytes input = {data, len};
    struct gw_ws_event event;
    int got;

    while ((got = gw_ws_read(ws, &input, &event)) > 0) {
        story_check_event(&event, options);
        story_remember(story, &event);
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
static inline void story_tell(struct story *story, const struct gw_ws_options *options,
                              const uint8_t *data, size_t len, size_t step)
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
        copy = fuzz_copy(data + at, piece);
        alive = story_feed(story, ws, copy, piece, options);
        free(copy);
    }
    gw_ws_free(ws);
}

/* In one piece. */
static inline void story_tell_whole(struct story *story, const struct gw_ws_options *options,
                                    const uint8_t *data, size_t len)
{
    uint8_t *copy = fuzz_copy(data, len);
    struct gw_ws *ws;

    memset(story, 0, sizeof(*story));
    require(gw_ws_new(&ws, options) == 0);
    (void)story_feed(story, ws, copy, len,
                     options); /* the end of the input is the end of the story */
    gw_ws_free(ws);
    free(copy);
}

static inline void story_require_same(void)
{
    size_t kept = story_whole.count < STORY_EVENTS_MAX ? story_whole.count : STORY_EVENTS_MAX;

    require(story_whole.count == story_split.count);
    require(story_whole.verdict == story_split.verdict);
    require(story_whole.fail_code == story_split.fail_code);
    for (size_t i = 0; i < kept; i++) {
        const struct told *a = &story_whole.events[i], *b = &story_split.events[i];

        require(a->kind == b->kind && a->close_code == b->close_code);
        require(a->len == b->len && a->sum == b->sum);
    }
}

/* Reads it in all three ways. */
static inline void story_compare(const struct gw_ws_options *options, const uint8_t *data,
                                 size_t len, size_t step)
{
    story_tell_whole(&story_whole, options, data, len);
    story_tell(&story_split, options, data, len, 1);
    story_require_same();
    story_tell(&story_split, options, data, len, step);
    story_require_same();
}

#endif
