/* json_lib.h - what tests of format=json have in common: exact words, and what is to be heard.
 *
 * For test programs of one duo: these are the including file's own. Whatever is expected is put
 * together here by hand, from the product's page, and compared as it stands.
 *
 * Threads: one. */
#ifndef TESTS_SIM_JSON_LIB_H
#define TESTS_SIM_JSON_LIB_H

#include <zlib.h>

#include "hub/position.h"
#include "sim/duo_lib.h"

#define OFFER      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
#define WORD       (GW_POSITION_LEN + 1)
#define TEXT_MAX   (64 * 1024)
#define POSTER     20
#define OTHER_LIFE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static char expected[TEXT_MAX], got[TEXT_MAX];

/* --- What is said, and what comes back --- */

/* The word behind `"position":"` in `text`. */
static inline void find_position(struct gw_str text, char position[WORD])
{
    const char *at = memmem(text.data, text.len, "\"position\":\"", 12);

    ck_assert_ptr_nonnull(at);
    memcpy(position, at + 12, GW_POSITION_LEN);
    position[GW_POSITION_LEN] = '\0';
    ck_assert_int_eq(at[12 + GW_POSITION_LEN], '"');
}

/* Publishes on client POSTER; where the stream is then. */
static inline void post_bytes(const char *channel, const char *lines, const void *data, size_t len,
                              char position[WORD])
{
    char head[512];
    struct gw_str body;
    int status = 0;

    if (!duo_there(&duo, POSTER))
        duo_connect(&duo, POSTER);
    snprintf(head, sizeof(head),
             "POST /channels/%s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n",
             channel, lines, len);
    duo_say_text(&duo, POSTER, head);
    duo_say(&duo, POSTER, data, len);
    for (int i = 0; i < 1000 && status == 0; i++) {
        duo_run(&duo, 10 * DUO_MS);
        status = duo_answer(&duo, POSTER, &body);
    }
    ck_assert_int_eq(status, 200);
    find_position(body, position);
}

static inline void post(const char *channel, const char *text, char position[WORD])
{
    post_bytes(channel, "", text, strlen(text), position);
}

static inline void open_since(unsigned client, const char *channels, const char *since)
{
    char target[900];

    snprintf(target, sizeof(target), "/channels/%s?format=json&since=%s", channels, since);
    duo_hang_up(&duo, client);
    duo_open(&duo, client, target);
}

/* The next message, in `got`. */
static inline void next_text(unsigned client)
{
    struct duo_frame frame;

    ck_assert(duo_frame_next(&duo, client, &frame));
    ck_assert_int_eq(frame.first, DUO_FIN | DUO_TEXT);
    ck_assert_uint_lt(frame.payload.len, sizeof(got));
    memcpy(got, frame.payload.data, frame.payload.len);
    got[frame.payload.len] = '\0';
}

static inline void ck_silent(unsigned client)
{
    struct duo_frame frame;

    duo_run(&duo, 50 * DUO_MS);
    ck_assert(!duo_frame_next(&duo, client, &frame));
}

/* `recovered` as it stands there: ",\"recovered\":true", or nothing. */
static inline void ck_subscribed(unsigned client, const char *channel, const char *position,
                                 const char *recovered)
{
    next_text(client);
    snprintf(expected, sizeof(expected),
             "{\"subscribed\":{\"channel\":\"%s\",\"position\":\"%s\"%s}}", channel, position,
             recovered);
    ck_assert_str_eq(got, expected);
}

#define RECOVERED     ",\"recovered\":true"
#define NOT_RECOVERED ",\"recovered\":false"

static inline void ck_reset(unsigned client, const char *channel, const char *reason,
                            const char *position)
{
    next_text(client);
    snprintf(expected, sizeof(expected),
             "{\"reset\":{\"channel\":\"%s\",\"reason\":\"%s\",\"position\":\"%s\"}}", channel,
             reason, position);
    ck_assert_str_eq(got, expected);
}

/* `rest` is what stands behind the time, which is now, or not long ago. */
static inline void ck_envelope_text(const char *text, const char *channel, unsigned offset,
                                    const char *position, const char *rest)
{
    const char *at = strstr(text, ",\"time\":");
    long long time_ms = at ? atoll(at + 8) : 0;
    int64_t now_ms = gw_loop_now(duo.home).wall_ms;

    snprintf(expected, sizeof(expected),
             "{\"channel\":\"%s\",\"offset\":%u,\"position\":\"%s\",\"time\":%lld,%s}", channel,
             offset, position, time_ms, rest);
    ck_assert_str_eq(text, expected);
    ck_assert_int_le(time_ms, now_ms);
    ck_assert_int_ge(time_ms, now_ms - 60000);
}

static inline void ck_envelope(unsigned client, const char *channel, unsigned offset,
                               const char *position, const char *data)
{
    char rest[600];

    next_text(client);
    snprintf(rest, sizeof(rest), "\"data\":\"%s\"", data);
    ck_envelope_text(got, channel, offset, position, rest);
}

/* Whoever publishes nothing says where it is by asking. */
static inline void where(const char *channel, char position[WORD])
{
    open_since(19, channel, "new");
    next_text(19);
    find_position(GW_STR(got), position);
    duo_hang_up(&duo, 19);
    duo_run(&duo, 10 * DUO_MS);
}

/* Reads on, a little at a time, and looks for whole messages only; returns how many came. */
static inline unsigned wake_up(unsigned client)
{
    for (int i = 0; i < 2000; i++) {
        duo_sip(&duo, client, 700);
        duo_run(&duo, DUO_MS);
    }
    duo.clients[client].deaf = false;
    duo_run(&duo, 100 * DUO_MS);
    return duo_messages(&duo, client);
}

/* Inflates a payload into `got`. */
static inline void unsqueeze(struct gw_str payload)
{
    static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff};
    z_stream stream = {.next_out = (Bytef *)got, .avail_out = sizeof(got) - 1};

    ck_assert_int_eq(inflateInit2(&stream, -12), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)payload.data;
    stream.avail_in = (uInt)payload.len;
    ck_assert_int_eq(inflate(&stream, Z_SYNC_FLUSH), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)tail;
    stream.avail_in = sizeof(tail);
    (void)inflate(&stream, Z_SYNC_FLUSH);
    got[sizeof(got) - 1 - stream.avail_out] = '\0';
    (void)inflateEnd(&stream);
}

#endif
