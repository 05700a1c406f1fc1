/* compressed_test.c - compressed messages among frames: RFC 7692 section 6 through the public door,
 * from the handshake to the last message, under every split. */
#include <godwit/ws.h>

#include <errno.h>
#include <stdio.h>

#include "lib/suite.h"
#include "zpeer.h"

#define HELLO     "\xf2\x48\xcd\xc9\xc9\x07\x00" /* "Hello", section 7.2.3.1 */
#define HELLO_LEN 7

/* --- One end, and a log of what it said --- */

struct end {
    struct heap heap;
    struct gw_ws *ws;
    char log[1024];
    size_t log_len;
    int result;
};

static const struct gw_ws_deflate_terms no_takeover = GW_WS_DEFLATE_TERMS_INIT;
static const struct gw_ws_deflate_terms takeover = {15, 15, 1, 1};

static void end_init(struct end *end, enum gw_ws_role role, const struct gw_ws_deflate_terms *terms,
                     uint32_t fragments_max)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;

    *end = (struct end){.result = 0};
    heap_init(&end->heap);
    options.role = role;
    options.message_bytes_max = 100000;
    options.fragments_max = fragments_max;
    options.deflate = *terms;
    options.deflate_bytes_min = 0;
    options.get = end->heap.alloc.get;
    options.put = end->heap.alloc.put;
    options.alloc_ctx = &end->heap;
    MUST(gw_ws_new(&end->ws, &options) == 0);
}

static void end_fini(struct end *end)
{
    gw_ws_free(end->ws);
    MUST(end->heap.live == 0);
}

static void log_event(struct end *end, const struct gw_ws_event *event)
{
    static const char *const names[] = {"text", "binary", "ping", "pong", "close"};
    char *at = end->log + end->log_len;
    size_t room = sizeof(end->log) - end->log_len;
    int len;

    if (end->result < 0)
        len = snprintf(at, room, "fail %d %u\n", end->result, event->close_code);
    else
        len = snprintf(at, room, "%s %.*s\n", names[event->kind], (int)event->len,
                       event->len > 0 ? (char *)event->data : "");
    MUST(len > 0 && (size_t)len < room);
    end->log_len += (size_t)len;
}

/* Feeds a copy. False when it is over. */
static bool feed(struct end *end, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len + 1);
    struct gw_ws_bytes input = {copy, len};
    struct gw_ws_event event = {0};

    MUST(copy);
    memcpy(copy, data, len);
    while ((end->result = gw_ws_read(end->ws, &input, &event)) > 0) {
        log_event(end, &event);
        MUST(event.headroom == 0 || event.headroom <= (size_t)(event.data - copy));
    }
    if (end->result < 0 && end->result != GW_ERR_CLOSED)
        log_event(end, &event);
    free(copy);
    return end->result == 0;
}

/* --- Scripts of frames --- */

struct script {
    uint8_t data[4096];
    size_t len;
    bool masked;
};

static void put_frame(struct script *script, uint8_t first, const void *payload, size_t len)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    size_t at = script->len;

    MUST(at + len + GW_WS_HEAD_MAX <= sizeof(script->data));
    script->len +=
        gw_ws_frame(script->data + at, GW_WS_OP_BINARY, payload, len, script->masked ? mask : NULL);
    script->data[at] = first;
}

/* Plays the script in every split in two, and in pieces of every small size. */
static void play(const struct script *script, const struct gw_ws_deflate_terms *terms,
                 const char *log)
{
    for (size_t split = 0; split <= script->len; split++)
        for (size_t piece = 1; piece <= 64; piece += piece < 8 ? 1 : 56) {
            struct end end;
            bool alive;

            end_init(&end, script->masked ? GW_WS_SERVER : GW_WS_CLIENT, terms, 8);
            alive = feed(&end, script->data, split);
            for (size_t at = split, more; alive && at < script->len; at += more) {
                more = script->len - at < piece ? script->len - at : piece;
                alive = feed(&end, script->data + at, more);
            }
            if (strcmp(end.log, log) != 0)
                ck_abort_msg("split %zu, pieces of %zu: %s instead of %s", split, piece, end.log,
                             log);
            end_fini(&end);
            if (split > 8 && piece == 8) /* the rest differs in nothing */
                break;
        }
}

/* --- RSV1 --- */

/* Frames to a client that agreed, and what it makes of them. */
static const struct {
    const char *bytes;
    size_t len;
    const char *log;
} frames[] = {
    {"\xc1\x07" HELLO, 9, "text Hello\n"},
    {"\xc2\x07" HELLO, 9, "binary Hello\n"},
    {"\x81\x05Hello", 7, "text Hello\n"}, /* one may always send it as it is */
    {"\xc1\x01\x00", 3, "text \n"},
    {"\xc1\x07" HELLO "\x81\x02hi\xc1\x07" HELLO, 22, "text Hello\ntext hi\ntext Hello\n"},
    /* Fragments, section 6.1 and 7.2.3.1: RSV1 on the first frame alone. */
    {"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00", 11, "text Hello\n"},
    {"\x41\x00\x00\x03\xf2\x48\xcd\x00\x00\x80\x04\xc9\xc9\x07\x00", 15, "text Hello\n"},
    {"\x41\x07" HELLO "\x80\x00", 11, "text Hello\n"},
    {"\x41\x03\xf2\x48\xcd\x89\x02hi\x00\x02\xc9\xc9\x8a\x00\x80\x02\x07\x00", 19,
     "ping hi\npong \ntext Hello\n"},
    {"\x41\x03\xf2\x48\xcd\x88\x02\x03\xe8", 9, "close \n"},
    /* Where it may not stand. */
    {"\x41\x03\xf2\x48\xcd\xc0\x04\xc9\xc9\x07\x00", 11, "fail -10000 1002\n"},
    {"\x01\x01x\xc0\x01\x00", 6, "fail -10000 1002\n"},
    {"\x41\x03\xf2\x48\xcd\xc1", 6, "fail -10000 1002\n"}, /* a message within a message */
    {"\xc0", 1, "fail -10000 1002\n"},
    {"\xc8", 1, "fail -10000 1002\n"},
    {"\xc9", 1, "fail -10000 1002\n"},
    {"\xca", 1, "fail -10000 1002\n"},
    {"\xc3", 1, "fail -10000 1002\n"},
    {"\xe1", 1, "fail -10000 1002\n"},
    {"\xd1", 1, "fail -10000 1002\n"},
    {"\xa1", 1, "fail -10000 1002\n"},
    {"\x91", 1, "fail -10000 1002\n"},
    /* Damage. */
    {"\xc1\x00", 2, "fail -10013 1007\n"}, /* not even an empty block */
    {"\xc2\x01\x07", 3, "fail -10013 1007\n"},
    {"\xc1\x06\xf2\x48\xcd\xc9\xc9\x07", 8, "fail -10013 1007\n"},
    {"\x41\x06\xf2\x48\xcd\xc9\xc9\x07\x80\x00", 10, "fail -10013 1007\n"},
    /* Text that is none: stored blocks of it. */
    {"\xc1\x07\x00\x01\x00\xfe\xff\xff\x00", 9, "fail -10001 1007\n"},
    {"\xc1\x07\x00\x01\x00\xfe\xff\xc3\x00", 9, "fail -10001 1007\n"}, /* half a character */
    {"\xc2\x07\x00\x01\x00\xfe\xff\xc3\x00", 9, "binary \xc3\n"},
    {"\x41\x06\x00\x01\x00\xfe\xff\xc3\x80\x07\x00\x01\x00\xfe\xff\xb6\x00", 17, "text \xc3\xb6\n"},
    /* A ninth frame. */
    {"\x41\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01", 18,
     "fail -10003 1008\n"},
};

START_TEST(rsv1_is_taken_where_it_may_stand)
{
    struct script script = {.len = frames[_i].len};

    memcpy(script.data, frames[_i].bytes, script.len);
    play(&script, &no_takeover, frames[_i].log);
    play(&script, &takeover, frames[_i].log);
}
END_TEST

START_TEST(without_terms_rsv1_is_refused)
{
    static const struct gw_ws_deflate_terms none = {0, 0, 0, 0};
    struct script script = {.masked = _i};

    put_frame(&script, 0xc1, HELLO, HELLO_LEN);
    play(&script, &none, "fail -10000 1002\n");
}
END_TEST

/* --- Contexts --- */

/* A conversation with everything in it, from a peer that carries its context or does not. */
START_TEST(a_conversation_is_the_same_under_every_split)
{
    static const char line[] = "{\"channel\":\"news\",\"data\":\"something or other\"}";
    struct script script = {.masked = true};
    struct zpeer peer;
    uint8_t out[512];
    char log[1024];
    size_t len, lens[3];

    zpeer_init(&peer, 6, 15, 8, Z_DEFAULT_STRATEGY, _i);
    for (int i = 0; i < 3; i++) {
        lens[i] = len = zpeer_message(&peer, out, sizeof(out), line, sizeof(line) - 1);
        put_frame(&script, 0x41, out, len / 3);
        put_frame(&script, 0x89, "ping", 4);
        put_frame(&script, 0x00, out + len / 3, len / 3);
        put_frame(&script, 0x00, NULL, 0);
        put_frame(&script, 0x80, out + len / 3 * 2, len - len / 3 * 2);
        put_frame(&script, 0x81, "between", 7);
        len = zpeer_message(&peer, out, sizeof(out), NULL, 0);
        put_frame(&script, 0xc2, out, len);
    }
    ck_assert_int_eq(lens[1] < lens[0], _i); /* the context serves */
    put_frame(&script, 0x88, "\x03\xe8", 2);
    len = (size_t)snprintf(log, sizeof(log), "ping ping\ntext %s\ntext between\nbinary \n", line);
    memcpy(log + len, log, len);
    memcpy(log + 2 * len, log, len);
    memcpy(log + 3 * len, "close \n", sizeof("close \n"));
    play(&script, _i ? &takeover : &no_takeover, log);
    zpeer_fini(&peer);
}
END_TEST

/* A sender may begin afresh whenever it likes; a receiver that carries the context goes on. */
START_TEST(a_reset_of_the_senders_context_harms_nobody)
{
    struct script script = {.masked = true};
    struct zpeer fresh, carried;
    uint8_t out[512];
    size_t len;

    zpeer_init(&fresh, 6, 15, 8, Z_DEFAULT_STRATEGY, false);
    zpeer_init(&carried, 6, 9, 1, Z_DEFAULT_STRATEGY, true);
    for (int i = 0; i < 2; i++) {
        len = zpeer_message(&fresh, out, sizeof(out), "abcabcabcabc", 12);
        put_frame(&script, 0xc1, out, len);
    }
    for (int i = 0; i < 2; i++) {
        len = zpeer_message(&carried, out, sizeof(out), "defdefdefdef", 12);
        put_frame(&script, 0xc1, out, len);
    }
    play(&script, &takeover,
         "text abcabcabcabc\ntext abcabcabcabc\ntext defdefdefdef\ntext defdefdefdef\n");
    zpeer_fini(&fresh);
    zpeer_fini(&carried);
}
END_TEST

/* --- Two of our own, from the handshake on --- */

#define BIG 66000u

static uint8_t message[BIG], wire[BIG + GW_WS_HEAD_MAX];

/* Both ends of a connection, on the terms that their handshake came to. */
static void shake_hands(struct end *server, struct end *client,
                        const struct gw_ws_deflate_terms *wanted,
                        const struct gw_ws_deflate_terms *offered)
{
    char request[640], response[GW_WS_RESPONSE_MAX], key[GW_WS_KEY_LEN + 1];
    struct gw_ws_deflate_terms agreed, seen;
    int len =
        gw_ws_request_deflate(request, sizeof(request), key, (const uint8_t *)"sixteen bytes!!!",
                              "localhost", "/", NULL, NULL, offered);
    size_t response_len;

    MUST(len > 0);
    MUST(gw_ws_accept_deflate(response, &response_len, request, (size_t)len, NULL, NULL, wanted,
                              &agreed) == 0);
    MUST(gw_ws_check_deflate(response, response_len, key, NULL, NULL, offered, &seen) == 0);
    MUST(memcmp(&agreed, &seen, sizeof(agreed)) == 0);
    end_init(server, GW_WS_SERVER, &agreed, 100);
    end_init(client, GW_WS_CLIENT, &seen, 100);
}

static size_t say(struct end *from, struct end *to, bool masked, size_t len)
{
    size_t wire_len = gw_ws_deflate(from->ws, wire, GW_WS_OP_BINARY, message, len,
                                    masked ? (const uint8_t *)"mask" : NULL);
    struct gw_ws_bytes input = {wire, wire_len};
    struct gw_ws_event event;

    MUST(wire_len <= gw_ws_frame_len(len, masked));
    MUST(gw_ws_read(to->ws, &input, &event) == 1);
    MUST(event.kind == GW_WS_BINARY && event.len == len && input.len == 0);
    MUST(len == 0 || memcmp(event.data, message, len) == 0);
    MUST(gw_ws_read(to->ws, &input, &event) == 0);
    return wire_len;
}

START_TEST(two_ends_understand_each_other_on_any_terms)
{
    static const uint8_t bits[] = {8, 10, 12, 15};
    struct gw_ws_deflate_terms wanted = {bits[_i % 4], bits[_i / 4 % 4], (uint8_t)(_i / 16 % 2),
                                         (uint8_t)(_i / 32)};
    struct gw_ws_deflate_terms offered = {15, bits[3 - _i % 4], 1, 1};
    struct seeded seeded = {(uint64_t)_i};
    struct end server, client;
    size_t rest;

    shake_hands(&server, &client, &wanted, &offered);
    rest = server.heap.held;
    for (int round = 0; round < 12; round++) {
        size_t len = seeded_below(&seeded, seeded_below(&seeded, 2) ? 500 : BIG);

        zfill(message, len, (enum zkind)(seeded_below(&seeded, 2) * ZKIND_NOISE), &seeded);
        (void)say(&server, &client, false, len);
        (void)say(&client, &server, true, len);
    }
    if (!wanted.server_takeover && !wanted.client_takeover)
        ck_assert_uint_eq(server.heap.held, rest); /* nothing between messages */
    end_fini(&server);
    end_fini(&client);
}
END_TEST

/* A message as long as it may be, in stored blocks: longer than itself, in any two fragments. */
START_TEST(what_carries_a_message_may_be_longer_than_it)
{
    static uint8_t payload[100000], out[110000], frame[110000 + GW_WS_HEAD_MAX];
    struct seeded seeded = {9};
    struct zpeer peer;
    struct end end;
    size_t len, cut;

    zfill(payload, sizeof(payload), ZKIND_NOISE, &seeded);
    zpeer_init(&peer, 0, 9, 1, Z_DEFAULT_STRATEGY, false);
    len = zpeer_message(&peer, out, sizeof(out), payload, sizeof(payload));
    ck_assert_uint_gt(len, sizeof(payload));
    cut = len / 4 * (size_t)_i;
    end_init(&end, GW_WS_CLIENT, &takeover, 2);
    for (int part = 0; part < 2; part++) {
        size_t part_len = part == 0 ? cut : len - cut;
        struct gw_ws_bytes input = {frame, 0};
        struct gw_ws_event event;

        input.len =
            gw_ws_frame(frame, GW_WS_OP_BINARY, out + (part == 0 ? 0 : cut), part_len, NULL);
        frame[0] = part == 0 ? 0x42 : 0x80;
        ck_assert_int_eq(gw_ws_read(end.ws, &input, &event), part);
        if (part == 1)
            ck_assert(event.len == sizeof(payload) &&
                      memcmp(event.data, payload, sizeof(payload)) == 0);
    }
    end_fini(&end);
    zpeer_fini(&peer);
}
END_TEST

START_TEST(short_messages_go_out_as_they_are)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *ws;

    options.deflate = takeover;
    ck_assert_int_eq(gw_ws_new(&ws, &options), 0);
    memset(message, 'a', 256);
    ck_assert_uint_eq(gw_ws_deflate(ws, wire, GW_WS_OP_TEXT, message, 255, NULL), 4 + 255);
    ck_assert_uint_eq(wire[0], 0x81);
    ck_assert_uint_lt(gw_ws_deflate(ws, wire, GW_WS_OP_TEXT, message, 256, NULL), 30);
    ck_assert_uint_eq(wire[0], 0xc1);
    ck_assert_uint_eq(gw_ws_deflate(ws, wire, GW_WS_OP_TEXT, NULL, 0, NULL), 2);
    gw_ws_free(ws);

    options.deflate = (struct gw_ws_deflate_terms){0};
    ck_assert_int_eq(gw_ws_new(&ws, &options), 0);
    ck_assert_uint_eq(gw_ws_deflate(ws, wire, GW_WS_OP_TEXT, message, 256, NULL), 4 + 256);
    ck_assert_uint_eq(wire[0], 0x81);
    gw_ws_free(ws);
}
END_TEST

/* --- Memory --- */

/* A conversation in which the server's n-th allocation fails. Reading fails with 1011; writing goes
 * on without compression. */
static bool survives(long left, bool carried)
{
    struct end server, client;
    struct gw_ws_event event = {0};
    int result = 0;
    bool ran_out;

    shake_hands(&server, &client, carried ? &takeover : &no_takeover, &takeover);
    server.heap.left = left;
    memset(message, 'm', 3000);
    for (int i = 0; result == 0 && i < 3; i++) {
        size_t len;

        (void)say(&server, &client, false, 3000);
        len = gw_ws_deflate(client.ws, wire, GW_WS_OP_TEXT, message, 3000, (const uint8_t *)"mask");
        for (size_t at = 0; result == 0 && at < len; at++) {
            struct gw_ws_bytes input = {wire + at, 1};

            result = gw_ws_read(server.ws, &input, &event);
            if (result > 0)
                result = gw_ws_read(server.ws, &input, &event);
        }
    }
    ran_out = server.heap.failed > 0;
    MUST(result == 0 || (ran_out && result == -ENOMEM && event.close_code == 1011));
    end_fini(&server);
    end_fini(&client);
    return !ran_out;
}

START_TEST(every_failing_allocation_is_survived_and_leaks_nothing)
{
    long left = 0;

    while (!survives(left, _i))
        left++;
    ck_assert_int_gt(left, 9); /* else it was no test */
}
END_TEST

START_TEST(a_failure_gives_all_memory_back_but_the_ends_own)
{
    struct end end;
    size_t rest;

    end_init(&end, GW_WS_CLIENT, &takeover, 8);
    rest = end.heap.held;
    ck_assert(feed(&end, (const uint8_t *)"\xc1\x07" HELLO, 9));
    ck_assert_uint_gt(end.heap.held, rest); /* the context */
    ck_assert(!feed(&end, (const uint8_t *)"\xc1\x01\x07", 3));
    ck_assert_uint_eq(end.heap.held, rest);
    ck_assert(!feed(&end, (const uint8_t *)"\xc1\x07" HELLO, 9));
    ck_assert_int_eq(end.result, GW_ERR_CLOSED);
    end_fini(&end);
}
END_TEST

/* --- Options and handshakes --- */

START_TEST(options_from_before_compression_still_do)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *ws;
    uint8_t bytes[] = {0xc1, 0x01, 0x00};
    struct gw_ws_bytes input = {bytes, sizeof(bytes)};
    struct gw_ws_event event;

    options.size = offsetof(struct gw_ws_options, deflate);
    options.role = GW_WS_CLIENT;
    memset((char *)&options + options.size, 0xa5, sizeof(options) - options.size); /* not read */
    ck_assert_int_eq(gw_ws_new(&ws, &options), 0);
    ck_assert_int_eq(gw_ws_read(ws, &input, &event), GW_ERR_PROTOCOL);
    gw_ws_free(ws);
}
END_TEST

enum { SERVER_BITS, CLIENT_BITS, TAKEOVER, HALF, RATIO, LEVEL_0, LEVEL_10, WRONG_COUNT };

START_TEST(options_that_make_no_sense_are_refused)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *ws = NULL;

    options.deflate = takeover;
    if (_i == SERVER_BITS)
        options.deflate.server_window_bits = 7;
    if (_i == CLIENT_BITS)
        options.deflate.client_window_bits = 16;
    if (_i == TAKEOVER)
        options.deflate.server_takeover = 2;
    if (_i == HALF)
        options.deflate = (struct gw_ws_deflate_terms){0, 12, 0, 0};
    if (_i == RATIO)
        options.deflate_ratio_max = 0;
    if (_i == LEVEL_0 || _i == LEVEL_10)
        options.deflate_level = _i == LEVEL_0 ? 0 : 10;
    ck_assert_int_eq(gw_ws_new(&ws, &options), -EINVAL);
    ck_assert_ptr_null(ws);
}
END_TEST

#define REQUEST                                                                                    \
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                   \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define RESPONSE                                                                                   \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

START_TEST(a_server_says_what_is_agreed_in_its_101)
{
    static const char request[] =
        REQUEST "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    static const char answer[] =
        "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
        "client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=12\r\n\r\n";
    struct gw_ws_deflate_terms agreed = takeover, wrong = {7, 12, 0, 0};
    char out[GW_WS_RESPONSE_MAX + 1] = "untouched";
    size_t len = 77;

    ck_assert_int_eq(
        gw_ws_accept_deflate(out, &len, request, sizeof(request) - 1, NULL, NULL, &wrong, &agreed),
        -EINVAL);
    ck_assert_str_eq(out, "untouched");
    ck_assert_uint_eq(len, 77);

    ck_assert_int_eq(gw_ws_accept_deflate(out, &len, request, sizeof(request) - 1, NULL, NULL,
                                          &no_takeover, &agreed),
                     0);
    out[len] = '\0';
    ck_assert_ptr_nonnull(strstr(out, answer));
    ck_assert_uint_eq(agreed.server_window_bits, 12);

    ck_assert_int_eq(gw_ws_accept(out, &len, request, sizeof(request) - 1, NULL, NULL), 0);
    out[len] = '\0';
    ck_assert_ptr_null(strstr(out, "Extensions"));

    ck_assert_int_eq(gw_ws_accept_deflate(out, &len, REQUEST, strlen(REQUEST), NULL, NULL,
                                          &no_takeover, &agreed),
                     GW_ERR_HANDSHAKE); /* its empty line is missing */
    ck_assert_uint_eq(agreed.server_window_bits, 0);
}
END_TEST

/* The longest response there is: a subprotocol of 255 bytes beside the longest answer. */
START_TEST(the_longest_response_fits)
{
    char request[1024], name[256], out[GW_WS_RESPONSE_MAX + 1];
    const char *const protocols[] = {name, NULL};
    struct gw_ws_deflate_terms wanted = {10, 10, 0, 0}, agreed;
    int protocol;
    size_t len;

    memset(name, 'p', 255);
    name[255] = '\0';
    len = (size_t)snprintf(request, sizeof(request),
                           REQUEST "Sec-WebSocket-Protocol: %s\r\nSec-WebSocket-Extensions: "
                                   "permessage-deflate; client_max_window_bits\r\n\r\n",
                           name);
    ck_assert_int_eq(
        gw_ws_accept_deflate(out, &len, request, len, protocols, &protocol, &wanted, &agreed), 0);
    ck_assert_int_eq(protocol, 0);
    ck_assert_uint_le(len, GW_WS_RESPONSE_MAX);
    ck_assert_uint_eq(agreed.client_window_bits, 10);
}
END_TEST

START_TEST(a_client_offers_in_its_request_and_checks_the_answer)
{
    static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
    static const char fits[] = RESPONSE "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    static const char none[] = RESPONSE "\r\n";
    struct gw_ws_deflate_terms agreed = {1, 1, 1, 1}, wrong = {16, 12, 0, 0};
    char out[640], written[GW_WS_KEY_LEN + 1];
    int len =
        gw_ws_request_deflate(out, sizeof(out) - 1, written, (const uint8_t *)"the sample nonce",
                              "a", "/", NULL, NULL, &takeover);

    ck_assert_int_gt(len, 0);
    out[len] = '\0';
    ck_assert_ptr_nonnull(strstr(
        out, "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"));
    ck_assert_int_eq(gw_ws_request_deflate(out, sizeof(out), written,
                                           (const uint8_t *)"the sample nonce", "a", "/", NULL,
                                           NULL, &wrong),
                     -EINVAL);

    ck_assert_int_eq(gw_ws_check_deflate(fits, strlen(fits), key, NULL, NULL, &takeover, &agreed),
                     0);
    ck_assert_uint_eq(agreed.server_window_bits, 15);
    ck_assert_int_eq(gw_ws_check_deflate(none, strlen(none), key, NULL, NULL, &takeover, &agreed),
                     0);
    ck_assert_uint_eq(agreed.server_window_bits, 0);
    ck_assert_int_eq(
        gw_ws_check_deflate(fits, strlen(fits), key, NULL, NULL, &no_takeover, &agreed),
        GW_ERR_HANDSHAKE); /* it does not promise what we demanded */
    ck_assert_uint_eq(agreed.server_window_bits, 0);
    ck_assert_int_eq(gw_ws_check(fits, strlen(fits), key, NULL, NULL), GW_ERR_HANDSHAKE);
    ck_assert_int_eq(gw_ws_check(none, strlen(none), key, NULL, NULL), 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, rsv1_is_taken_where_it_may_stand, 0, SUITE_ROWS(frames));
    tcase_add_loop_test(tests, without_terms_rsv1_is_refused, 0, 2);
    tcase_add_loop_test(tests, a_conversation_is_the_same_under_every_split, 0, 2);
    tcase_add_test(tests, a_reset_of_the_senders_context_harms_nobody);
    tcase_add_loop_test(tests, two_ends_understand_each_other_on_any_terms, 0, 64);
    tcase_add_loop_test(tests, what_carries_a_message_may_be_longer_than_it, 0, 5);
    tcase_add_test(tests, short_messages_go_out_as_they_are);
    tcase_add_loop_test(tests, every_failing_allocation_is_survived_and_leaks_nothing, 0, 2);
    tcase_add_test(tests, a_failure_gives_all_memory_back_but_the_ends_own);
    tcase_add_test(tests, options_from_before_compression_still_do);
    tcase_add_loop_test(tests, options_that_make_no_sense_are_refused, 0, WRONG_COUNT);
    tcase_add_test(tests, a_server_says_what_is_agreed_in_its_101);
    tcase_add_test(tests, the_longest_response_fits);
    tcase_add_test(tests, a_client_offers_in_its_request_and_checks_the_answer);
}

int main(void)
{
    return suite_main("proto/ws/compressed", fill);
}
