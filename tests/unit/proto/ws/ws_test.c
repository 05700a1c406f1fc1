/* ws_test.c - the public gw_ws: two ends back to back, what it remembers, and what memory it holds.
 */
#include <godwit/ws.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/meter.h"
#include "lib/seeded.h"
#include "lib/suite.h"

static struct meter meter;

static struct gw_ws *end_new(enum gw_ws_role role, uint32_t message_bytes_max)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *ws;

    options.role = role;
    options.message_bytes_max = message_bytes_max;
    options.get = meter.alloc.get;
    options.put = meter.alloc.put;
    options.alloc_ctx = &meter;
    ck_assert_int_eq(gw_ws_new(&ws, &options), 0);
    return ws;
}

static void end_free(struct gw_ws *ws)
{
    gw_ws_free(ws);
    ck_assert_int_eq(meter.live, 0);
}

/* --- Making one --- */

START_TEST(the_defaults_are_those_of_the_manual)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *ws;

    ck_assert_uint_eq(options.size, sizeof(options));
    ck_assert_int_eq(options.role, GW_WS_SERVER);
    ck_assert_uint_eq(options.message_bytes_max, 64 * 1024);
    ck_assert_uint_eq(options.fragments_max, 1024);
    ck_assert_int_eq(gw_ws_new(&ws, &options), 0); /* with malloc */
    gw_ws_free(ws);
    gw_ws_free(NULL);
}
END_TEST

enum { SIZE_0, SIZE_LESS, SIZE_MORE, ROLE, BYTES_0, FRAGMENTS_0, NO_PUT, NO_GET, WRONG_COUNT };

START_TEST(options_that_make_no_sense_are_refused)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *ws = NULL;

    options.get = meter_get;
    options.put = meter_put;
    options.alloc_ctx = &meter;
    if (_i == SIZE_0 || _i == SIZE_LESS || _i == SIZE_MORE)
        options.size = _i == SIZE_0 ? 0 : _i == SIZE_LESS ? options.size - 1 : options.size + 8;
    if (_i == ROLE)
        options.role = (enum gw_ws_role)2;
    if (_i == BYTES_0)
        options.message_bytes_max = 0;
    if (_i == FRAGMENTS_0)
        options.fragments_max = 0;
    if (_i == NO_PUT)
        options.put = NULL;
    if (_i == NO_GET)
        options.get = NULL;
    ck_assert_int_eq(gw_ws_new(&ws, &options), -EINVAL);
    ck_assert_int_eq(gw_ws_new(&ws, NULL), -EINVAL);
    ck_assert_ptr_null(ws);
    ck_assert_int_eq(meter.taken, 0);
}
END_TEST

START_TEST(no_memory_for_an_end_is_enomem)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *ws = NULL;

    options.get = meter.alloc.get;
    options.put = meter.alloc.put;
    options.alloc_ctx = &meter;
    meter.left = 0;
    ck_assert_int_eq(gw_ws_new(&ws, &options), -ENOMEM);
    ck_assert_ptr_null(ws);
}
END_TEST

/* --- What it remembers --- */

static const struct {
    const char *bytes; /* to a client; a text message behind them */
    size_t len;
    uint32_t max;
    int result;
    unsigned close_code;
} failures[] = {
    {"\x83\x00\x81\x00", 4, 100, GW_ERR_PROTOCOL, 1002},
    {"\x81\x01\xff\x81\x00", 5, 100, GW_ERR_UTF8, 1007},
    {"\x81\x05\xff\x81\x00", 5, 100, GW_ERR_UTF8, 1007}, /* while the frame is unfinished */
    {"\x81\x05Hello\x81\x00", 9, 4, GW_ERR_TOO_BIG, 1009},
    {"\x01\x00\x00\x00\x00\x00\x81\x00", 8, 100, GW_ERR_TOO_MANY, 1008},
};

START_TEST(a_failure_is_for_good_and_gives_its_memory_back)
{
    uint8_t bytes[16];
    struct gw_ws_bytes input = {bytes, failures[_i].len};
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws_event event;
    struct gw_ws *ws;

    options.role = GW_WS_CLIENT;
    options.message_bytes_max = failures[_i].max;
    options.fragments_max = 2;
    options.get = meter.alloc.get;
    options.put = meter.alloc.put;
    options.alloc_ctx = &meter;
    ck_assert_int_eq(gw_ws_new(&ws, &options), 0);
    memcpy(bytes, failures[_i].bytes, failures[_i].len);

    ck_assert_int_eq(gw_ws_read(ws, &input, &event), failures[_i].result);
    ck_assert_uint_eq(event.close_code, failures[_i].close_code);
    ck_assert_int_eq(meter.live, 1); /* the end itself */
    input = (struct gw_ws_bytes){(uint8_t[]){0x81, 0x00}, 2};
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(gw_ws_read(ws, &input, &event), GW_ERR_CLOSED);
        ck_assert_uint_eq(input.len, 2);
    }
    end_free(ws);
}
END_TEST

START_TEST(running_out_of_memory_is_1011)
{
    uint8_t bytes[] = {0x81};
    struct gw_ws_bytes input = {bytes, sizeof(bytes)};
    struct gw_ws_event event;
    struct gw_ws *ws = end_new(GW_WS_CLIENT, 100);

    meter.left = 0;
    ck_assert_int_eq(gw_ws_read(ws, &input, &event), -ENOMEM);
    ck_assert_uint_eq(event.close_code, 1011);
    ck_assert_int_eq(gw_ws_read(ws, &input, &event), GW_ERR_CLOSED);
    end_free(ws);
}
END_TEST

/* The close frame comes whole, or in two pieces, so that its reason lies in the input or not. */
START_TEST(nothing_is_read_after_a_close_and_its_reason_stays_until_then)
{
    uint8_t bytes[] = {0x88, 0x05, 0x03, 0xe8, 'b', 'y', 'e', 0x81, 0x00};
    size_t split = (size_t)_i;
    struct gw_ws_bytes input = {bytes, split};
    struct gw_ws_event event;
    struct gw_ws *ws = end_new(GW_WS_CLIENT, 100);

    ck_assert_int_eq(gw_ws_read(ws, &input, &event), 0);
    input = (struct gw_ws_bytes){bytes + split, sizeof(bytes) - split};
    ck_assert_int_eq(gw_ws_read(ws, &input, &event), 1);
    ck_assert_int_eq(event.kind, GW_WS_CLOSE);
    ck_assert_uint_eq(event.close_code, 1000);
    ck_assert_uint_eq(event.len, 3);
    ck_assert_mem_eq(event.data, "bye", 3);
    ck_assert_uint_eq(input.len, 2);
    ck_assert_int_eq(gw_ws_read(ws, &input, &event), GW_ERR_CLOSED);
    ck_assert_uint_eq(input.len, 2);
    ck_assert_int_eq(meter.live, 1); /* the end itself */
    end_free(ws);
}
END_TEST

START_TEST(an_end_may_be_freed_in_the_middle_of_anything)
{
    uint8_t bytes[] = {0x01, 0x03, 'o', 'n', 'e', 0x89, 0x02, 'h', 'i', 0x80, 0x02, 'o', 'k'};
    struct gw_ws_bytes input = {bytes, (size_t)_i};
    struct gw_ws_event event;
    struct gw_ws *ws = end_new(GW_WS_CLIENT, 100);

    while (gw_ws_read(ws, &input, &event) > 0)
        continue;
    end_free(ws);
}
END_TEST

START_TEST(between_two_messages_an_end_holds_no_buffer)
{
    uint8_t bytes[] = {0x81, 0x02, 'h', 'i'};
    struct gw_ws_event event;
    struct gw_ws *ws = end_new(GW_WS_CLIENT, 100);

    for (size_t split = 0; split <= sizeof(bytes); split++) {
        struct gw_ws_bytes first = {bytes, split};
        struct gw_ws_bytes rest = {bytes + split, sizeof(bytes) - split};
        int got = gw_ws_read(ws, &first, &event) + gw_ws_read(ws, &rest, &event);

        ck_assert_int_eq(got, 1);
        ck_assert_int_eq(gw_ws_read(ws, &rest, &event), 0);
        ck_assert_int_eq(meter.live, 1);
    }
    end_free(ws);
}
END_TEST

/* --- Two ends back to back --- */

#define MESSAGE_MAX 65600u
#define WIRE_MAX    (4 * (MESSAGE_MAX + GW_WS_HEAD_MAX) + 1024)

static uint8_t message[MESSAGE_MAX], wire[WIRE_MAX];

static size_t random_len(struct seeded *seeded)
{
    static const size_t around[] = {0, 1, 125, 126, 1000, 65535, 65536};
    size_t base = around[seeded_below(seeded, SUITE_ROWS(around))];

    return base + seeded_below(seeded, 4) - (base > 3 ? 2 : 0);
}

static const uint8_t *random_mask(struct seeded *seeded, enum gw_ws_role from, uint8_t mask[4])
{
    for (int i = 0; i < 4; i++)
        mask[i] = (uint8_t)seeded_next(seeded);
    return from == GW_WS_CLIENT ? mask : NULL;
}

/* Writes the message as one frame or as several, with pings in between; returns the bytes, and how
 * many pings there are. */
static size_t write_message(struct seeded *seeded, enum gw_ws_role from, enum gw_ws_opcode opcode,
                            size_t len, int *pings)
{
    uint64_t frames = 1 + seeded_below(seeded, 4);
    size_t at = 0, sent = 0;
    uint8_t mask_bytes[4];

    *pings = 0;
    for (uint64_t i = 0; i < frames; i++) {
        const uint8_t *mask = random_mask(seeded, from, mask_bytes);
        bool last = i == frames - 1;
        size_t part = last ? len - sent : seeded_below(seeded, len - sent + 1);

        at += gw_ws_head_part(wire + at, i == 0 ? opcode : GW_WS_OP_CONTINUATION, last, part, mask);
        memcpy(wire + at, message + sent, part);
        if (mask)
            gw_ws_mask(wire + at, part, mask, 0);
        at += part;
        sent += part;
        if (!last && seeded_below(seeded, 2)) {
            at += gw_ws_frame(wire + at, GW_WS_OP_PING, "are you there?", 14, mask);
            ++*pings;
        }
    }
    return at;
}

/* Reads all of it in random pieces: the pings, and then the message. */
static void read_back(struct seeded *seeded, struct gw_ws *ws, size_t wire_len,
                      enum gw_ws_event_kind kind, size_t len, int pings)
{
    int messages = 0;

    for (size_t at = 0, piece; at < wire_len; at += piece) {
        struct gw_ws_bytes input;
        struct gw_ws_event event;

        piece = 1 + seeded_below(seeded, seeded_below(seeded, 2) ? 16 : wire_len);
        piece = piece < wire_len - at ? piece : wire_len - at;
        input = (struct gw_ws_bytes){wire + at, piece};
        while (gw_ws_read(ws, &input, &event) == 1) {
            if (event.kind == GW_WS_PING) {
                pings--;
                ck_assert_uint_eq(event.len, 14);
                ck_assert_mem_eq(event.data, "are you there?", 14);
                continue;
            }
            messages++;
            ck_assert_int_eq(event.kind, kind);
            ck_assert_uint_eq(event.len, len);
            ck_assert(len == 0 || memcmp(event.data, message, len) == 0);
        }
        ck_assert_uint_eq(input.len, 0);
    }
    ck_assert_int_eq(messages, 1);
    ck_assert_int_eq(pings, 0);
}

START_TEST(what_one_end_says_the_other_hears)
{
    enum gw_ws_role from = _i % 2 ? GW_WS_CLIENT : GW_WS_SERVER;
    struct gw_ws *ws = end_new(from == GW_WS_CLIENT ? GW_WS_SERVER : GW_WS_CLIENT, MESSAGE_MAX);
    struct seeded seeded = {(uint64_t)_i + 100};

    for (int round = 0; round < 20; round++) {
        bool text = seeded_below(&seeded, 2);
        size_t len = random_len(&seeded), wire_len;
        int pings;

        for (size_t i = 0; i < len; i++)
            message[i] = (uint8_t)(text ? 'a' + i % 26 : seeded_next(&seeded));
        if (text && len >= 4) /* a character to be cut somewhere */
            memcpy(message + seeded_below(&seeded, len - 3), "\xf0\x9f\x98\x80", 4);
        wire_len =
            write_message(&seeded, from, text ? GW_WS_OP_TEXT : GW_WS_OP_BINARY, len, &pings);
        read_back(&seeded, ws, wire_len, text ? GW_WS_TEXT : GW_WS_BINARY, len, pings);
    }
    ck_assert_uint_le(meter.largest, MESSAGE_MAX);
    end_free(ws);
}
END_TEST

/* An echo in place: a server's head for the same message fits into the headroom it was given. */
START_TEST(an_echo_fits_where_the_message_lay)
{
    static const size_t lens[] = {0, 1, 125, 126, 65535, 65536};
    static const uint8_t mask[4] = {1, 2, 3, 4};
    size_t len = lens[_i], wire_len, head_len;
    struct gw_ws *server = end_new(GW_WS_SERVER, MESSAGE_MAX);
    uint8_t head[GW_WS_HEAD_MAX];
    struct gw_ws_bytes input;
    struct gw_ws_event event;

    memset(message, 'e', len);
    wire_len = gw_ws_frame(wire, GW_WS_OP_TEXT, message, len, mask);
    input = (struct gw_ws_bytes){wire, wire_len};
    ck_assert_int_eq(gw_ws_read(server, &input, &event), 1);
    head_len = gw_ws_head(head, GW_WS_OP_TEXT, event.len, NULL);
    ck_assert_uint_le(head_len, event.headroom);
    ck_assert_ptr_eq(event.data - event.headroom, wire);
    end_free(server);
}
END_TEST

static void set_up(void)
{
    meter_init(&meter);
}

static void fill(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, the_defaults_are_those_of_the_manual);
    tcase_add_loop_test(tests, options_that_make_no_sense_are_refused, 0, WRONG_COUNT);
    tcase_add_test(tests, no_memory_for_an_end_is_enomem);
    tcase_add_loop_test(tests, a_failure_is_for_good_and_gives_its_memory_back, 0,
                        SUITE_ROWS(failures));
    tcase_add_test(tests, running_out_of_memory_is_1011);
    tcase_add_loop_test(tests, nothing_is_read_after_a_close_and_its_reason_stays_until_then, 0, 7);
    tcase_add_loop_test(tests, an_end_may_be_freed_in_the_middle_of_anything, 0, 14);
    tcase_add_test(tests, between_two_messages_an_end_holds_no_buffer);
    tcase_add_loop_test(tests, what_one_end_says_the_other_hears, 0, 20);
    tcase_add_loop_test(tests, an_echo_fits_where_the_message_lay, 0, 6);
}

int main(void)
{
    return suite_main("proto/ws/ws", fill);
}
