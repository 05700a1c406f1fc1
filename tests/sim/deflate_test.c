/* deflate_test.c - permessage-deflate in the whole server: made once for all, inflated only for
 * those who may speak, and no trace of it anywhere when it is over. */
#include <zlib.h>

#include "lib/seeded.h"
#include "lib/suite.h"
#include "proto/deflate/deflater.h"
#include "sim/duo_lib.h"

#define OFFER       "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
#define TEXT_MAX    (64 * 1024)
#define SUBSCRIBERS 1000

static char text[TEXT_MAX], back[TEXT_MAX + 1];
static uint8_t squeezed[TEXT_MAX + 1024];

/* Words and numbers, which become a quarter of their length. */
static void fill_text(size_t len, uint64_t seed)
{
    static const char *const words[] = {"{\"price\":", "\"name\":\"godwit\"", "},", "true", "[1,"};
    struct seeded seeded = {seed};
    size_t at = 0;

    while (at < len) {
        char word[64];
        int n = snprintf(word, sizeof(word), "%s%u,", words[seeded_below(&seeded, 5)],
                         (unsigned)seeded_below(&seeded, 10000));

        if ((size_t)n > len - at)
            n = (int)(len - at);
        memcpy(text + at, word, (size_t)n);
        at += (size_t)n;
    }
}

/* text[0..len] as RFC 7692 section 7.2.1 has it. */
static size_t squeeze(size_t len)
{
    z_stream stream = {0};
    size_t made;

    ck_assert_int_eq(deflateInit2(&stream, 6, Z_DEFLATED, -12, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)text;
    stream.avail_in = (uInt)len;
    stream.next_out = squeezed;
    stream.avail_out = sizeof(squeezed);
    ck_assert_int_eq(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
    made = sizeof(squeezed) - stream.avail_out;
    (void)deflateEnd(&stream);
    return made - 4;
}

/* Inflates a payload into `back`; returns its length. */
static size_t unsqueeze(struct gw_str payload)
{
    static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff};
    z_stream stream = {.next_out = (Bytef *)back, .avail_out = sizeof(back)};

    ck_assert_int_eq(inflateInit2(&stream, -12), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)payload.data;
    stream.avail_in = (uInt)payload.len;
    ck_assert_int_eq(inflate(&stream, Z_SYNC_FLUSH), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)tail;
    stream.avail_in = sizeof(tail);
    (void)inflate(&stream, Z_SYNC_FLUSH);
    ck_assert_uint_eq(stream.avail_in, 0);
    (void)inflateEnd(&stream);
    return sizeof(back) - stream.avail_out;
}

static void open_with_offer(unsigned client, const char *target)
{
    duo_connect(&duo, client);
    duo_shake_with(&duo, client, target, OFFER);
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, client, NULL), 101);
    ck_assert(duo_has(&duo, client, "permessage-deflate"));
}

static void say_squeezed(unsigned client, size_t len)
{
    duo_frame_say(&duo, client, DUO_FIN | DUO_RSV1 | DUO_TEXT, squeezed, squeeze(len));
}

/* The next message is text[0..len], compressed or not. */
static void ck_text(unsigned client, size_t len, bool compressed)
{
    struct duo_frame frame;

    ck_assert(duo_frame_next(&duo, client, &frame));
    ck_assert_int_eq(frame.first, DUO_FIN | DUO_TEXT | (compressed ? DUO_RSV1 : 0));
    if (compressed) {
        ck_assert_uint_lt(frame.payload.len, len);
        ck_assert_uint_eq(unsqueeze(frame.payload), len);
        ck_assert_mem_eq(back, text, len);
    } else {
        ck_assert_uint_eq(frame.payload.len, len);
        ck_assert_mem_eq(frame.payload.data, text, len);
    }
}

static struct gw_hub_counts counts(void)
{
    return gw_hub_counts(duo.assembly->workers[0]->hub);
}

static uint64_t runs(void)
{
    return gw_deflater_runs(duo.assembly->deflaters[0]);
}

/* --- What is agreed --- */

static const struct {
    const char *flag, *line, *answer; /* NULL: none */
} offers[] = {
    {"--deflate=off", OFFER, NULL},
    {"--deflate=on", "", NULL},
    {"--deflate=on", "Sec-WebSocket-Extensions: x-webkit-deflate-frame\r\n", NULL},
    {"--deflate=on", "Sec-WebSocket-Extensions: permessage-deflate\r\n",
     "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=12\r\n"},
    {"--deflate=on", OFFER,
     "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=12\r\n"},
    {"--deflate=on", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12\r\n",
     "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=12\r\n"},
    {"--deflate=on", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=11\r\n",
     NULL},
};

START_TEST(it_is_agreed_on_where_both_want_it)
{
    begin(FLAGS(offers[_i].flag));
    duo_connect(&duo, 0);
    duo_shake_with(&duo, 0, "/echo", offers[_i].line);
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 101);
    if (offers[_i].answer)
        ck_assert(duo_has(&duo, 0, offers[_i].answer));
    else
        ck_assert(!duo_has(&duo, 0, "Extensions"));
    fill_text(1000, 1);
    say_squeezed(0, 1000);
    duo_run(&duo, 50 * DUO_MS);
    if (offers[_i].answer)
        ck_text(0, 1000, true);
    else
        ck_closed(0, 1002); /* RSV1 that nobody agreed on */
    duo_end(&duo);
}
END_TEST

/* --- Echoes --- */

static const struct {
    size_t len;
    bool compressed;
} sizes[] = {{1, false},
             {255, false},
             {256, true},
             {2048, true},
             {30000, true},
             {65519, true},
             {65526, true} /* fills the tray */,
             {65527, true},
             {65535, true},
             {65536, true}};

START_TEST(an_echo_is_compressed_from_256_bytes_on)
{
    begin(FLAGS("--deflate=on"));
    open_with_offer(0, "/echo");
    fill_text(sizes[_i].len, 2);
    say_squeezed(0, sizes[_i].len);
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, text, sizes[_i].len); /* a client need not */
    duo_run(&duo, 50 * DUO_MS);
    ck_text(0, sizes[_i].len, sizes[_i].compressed);
    ck_text(0, sizes[_i].len, sizes[_i].compressed);
    ck_open(0);
    duo_end(&duo);
}
END_TEST

START_TEST(what_would_not_be_shorter_goes_out_as_it_is)
{
    struct seeded seeded = {5};

    begin(FLAGS("--deflate=on"));
    open_with_offer(0, "/echo");
    for (size_t i = 0; i < TEXT_MAX; i++)
        text[i] = (char)seeded_next(&seeded);
    for (size_t len = 256; len <= TEXT_MAX; len *= 4) {
        struct duo_frame frame;

        duo_frame_say(&duo, 0, DUO_FIN | DUO_BINARY, text, len);
        duo_run(&duo, 50 * DUO_MS);
        ck_assert(duo_frame_next(&duo, 0, &frame));
        ck_assert_int_eq(frame.first, DUO_FIN | DUO_BINARY);
        ck_assert_uint_eq(frame.payload.len, len);
        ck_assert_mem_eq(frame.payload.data, text, len);
    }
    duo_end(&duo);
}
END_TEST

/* Many in one piece, more than the tray has room for; and in fragments with pings between. */
START_TEST(echoes_keep_their_order)
{
    static const size_t lens[] = {300, 20000, 100, 60000, 65536, 4000, 65000, 5000};

    begin(FLAGS("--deflate=on"));
    open_with_offer(0, "/echo");
    for (int i = 0; i < SUITE_ROWS(lens); i++) {
        size_t len;

        fill_text(lens[i], (uint64_t)i);
        len = squeeze(lens[i]);
        duo_frame_say(&duo, 0, DUO_RSV1 | DUO_TEXT, squeezed, len / 2);
        duo_frame_say(&duo, 0, DUO_CONT, NULL, 0);
        duo_frame_say(&duo, 0, DUO_FIN | DUO_CONT, squeezed + len / 2, len - len / 2);
    }
    duo_run(&duo, 100 * DUO_MS);
    for (int i = 0; i < SUITE_ROWS(lens); i++) {
        fill_text(lens[i], (uint64_t)i);
        ck_text(0, lens[i], lens[i] >= 256);
    }
    ck_open(0);
    duo_end(&duo);
}
END_TEST

/* Repeats itself after more than our window, and less than the client's: so it comes small and goes
 * large, and the second echo of one read finds the socket full. */
START_TEST(an_echo_that_must_wait_is_compressed_too)
{
    begin_narrow(8 * 1024, FLAGS("--deflate=on"));
    open_with_offer(0, "/echo");
    for (int round = 0; round < 3; round++) {
        z_stream stream = {0};

        fill_text(8000, (uint64_t)round);
        for (size_t at = 8000; at < 65000; at++)
            text[at] = text[at - 8000];
        ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
        stream.next_in = (Bytef *)text;
        stream.avail_in = 65000;
        stream.next_out = squeezed;
        stream.avail_out = sizeof(squeezed);
        ck_assert_int_eq(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
        ck_assert_uint_lt(stream.total_out, 3000);
        duo_frame_say(&duo, 0, DUO_FIN | DUO_RSV1 | DUO_TEXT, squeezed, stream.total_out - 4);
        (void)deflateEnd(&stream);
    }
    duo_run(&duo, DUO_S);
    for (int round = 0; round < 3; round++) {
        fill_text(8000, (uint64_t)round);
        for (size_t at = 8000; at < 65000; at++)
            text[at] = text[at - 8000];
        ck_text(0, 65000, true);
    }
    duo_end(&duo);
}
END_TEST

/* --- Channels --- */

START_TEST(a_message_is_compressed_once_for_a_thousand_subscribers)
{
    const struct duo_options options = {.connections_max = SUBSCRIBERS + 1,
                                        .flags = FLAGS("--deflate=on")};
    struct gw_hub_counts before;
    uint64_t runs_before;

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    for (unsigned i = 0; i < SUBSCRIBERS; i++) {
        duo_connect(&duo, i);
        duo_shake_with(&duo, i, "/channels/many", OFFER);
    }
    duo_run(&duo, 50 * DUO_MS);
    for (unsigned i = 0; i < SUBSCRIBERS; i++)
        ck_assert_int_eq(duo_answer(&duo, i, NULL), 101);
    fill_text(4000, 3);
    before = counts();
    runs_before = runs();
    duo_connect(&duo, SUBSCRIBERS);
    duo_post(&duo, SUBSCRIBERS, "many", text, 4000);
    duo_run(&duo, DUO_S);
    ck_assert_int_eq(duo_answer(&duo, SUBSCRIBERS, NULL), 200);
    for (unsigned i = 0; i < SUBSCRIBERS; i++)
        ck_text(i, 4000, true);
    ck_assert_uint_eq(counts().units_made, before.units_made + 1);
    ck_assert_uint_eq(runs(), runs_before + 1);
    duo_end(&duo);
}
END_TEST

START_TEST(those_who_did_not_agree_get_it_as_it_is)
{
    uint64_t made;

    begin(FLAGS("--deflate=on"));
    open_with_offer(0, "/channels/c");
    duo_open(&duo, 1, "/channels/c");
    open_with_offer(2, "/channels/c");
    made = counts().units_made;
    fill_text(5000, 4);
    duo_connect(&duo, 3);
    duo_post(&duo, 3, "c", text, 5000);
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 3, NULL), 200);
    ck_text(0, 5000, true);
    ck_text(1, 5000, false);
    ck_text(2, 5000, true);
    ck_assert_uint_eq(counts().units_made, made + 2);
    ck_assert_int_eq(post_one(3, "c", "short"), 200);
    duo_run(&duo, 50 * DUO_MS);
    memcpy(text, "short", 5);
    for (unsigned i = 0; i < 3; i++)
        ck_text(i, 5, false);
    duo_end(&duo);
}
END_TEST

START_TEST(history_comes_compressed)
{
    begin(FLAGS("--deflate=on"));
    for (uint64_t i = 0; i < 3; i++) {
        memset(text, 0, sizeof(text));
        fill_text(1000 + i, i);
        ck_assert_int_eq(post_one(1, "c", text), 200);
    }
    open_with_offer(0, "/channels/c?since=all");
    duo_run(&duo, 50 * DUO_MS);
    for (uint64_t i = 0; i < 3; i++) {
        fill_text(1000 + i, i);
        ck_text(0, 1000 + i, true);
    }
    duo_end(&duo);
}
END_TEST

/* What is compressed costs us to look at: so it is not looked at where nothing may be said. */
START_TEST(nothing_is_inflated_for_one_who_may_not_publish)
{
    begin(FLAGS("--deflate=on", "--open=off"));
    open_with_offer(0, "/channels/c");
    duo.meter.largest = 0;
    fill_text(3000, 1);
    say_squeezed(0, 3000);
    ck_closed(0, 4403);
    ck_assert_uint_lt(duo.meter.largest, 4096); /* zlib's state is larger */
    ck_assert(duo_has(&duo, 0, "publishing here is not allowed"));
    duo_end(&duo);
}
END_TEST

START_TEST(one_with_a_key_may_publish_compressed)
{
    begin(FLAGS("--deflate=on", "--open=off", "--api-keys=sixteen-characters"));
    open_with_offer(0, "/channels/c");
    duo_connect(&duo, 1);
    duo_shake_with(&duo, 1, "/channels/c", OFFER "Authorization: Bearer sixteen-characters\r\n");
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 1, NULL), 101);
    fill_text(3000, 1);
    say_squeezed(1, 3000);
    duo_run(&duo, 50 * DUO_MS);
    ck_text(0, 3000, true);
    ck_text(1, 3000, true);
    duo_end(&duo);
}
END_TEST

/* Both had their say at once: the close frame that we sent, and what the client sent before it saw
 * that. */
START_TEST(a_compressed_message_may_cross_our_close_frame)
{
    begin(FLAGS("--deflate=on", "--message-rate=1"));
    open_with_offer(0, "/channels/c");
    say_many(0, DUO_FIN | DUO_TEXT, 3); /* one more than a burst of two */
    duo_run(&duo, 50 * DUO_MS);         /* the client has not looked yet */
    fill_text(3000, 1);
    say_squeezed(0, 3000);
    ck_closed(0, 4429);
    ck_assert_uint_eq(kept("c"), 2);
    duo_end(&duo);
}
END_TEST

/* --- Limits --- */

static const struct {
    size_t len;
    unsigned code; /* 0: it is echoed */
} lengths[] = {{9999, 0}, {10000, 0}, {10001, 1009}};

START_TEST(max_message_counts_what_comes_out)
{
    begin(FLAGS("--deflate=on", "--max-message=10000"));
    open_with_offer(0, "/echo");
    fill_text(lengths[_i].len, 6);
    say_squeezed(0, lengths[_i].len);
    duo_run(&duo, 50 * DUO_MS);
    if (lengths[_i].code == 0)
        ck_text(0, lengths[_i].len, true);
    else
        ck_closed(0, lengths[_i].code);
    duo_end(&duo);
}
END_TEST

START_TEST(a_bomb_is_cut)
{
    begin(FLAGS("--deflate=on"));
    open_with_offer(0, "/echo");
    memset(text, 0, sizeof(text));
    say_squeezed(0, 4000); /* up to 4 KiB a message may be as thin as it likes */
    duo_run(&duo, 50 * DUO_MS);
    ck_text(0, 4000, true);
    say_squeezed(0, 60000);
    ck_closed(0, 1009);
    open_with_offer(1, "/echo");
    duo_frame_say(&duo, 1, DUO_FIN | DUO_RSV1 | DUO_TEXT, "\xff\xff\xff", 3);
    ck_closed(1, 1007);
    duo_end(&duo);
}
END_TEST

/* Frames of 4 KiB of zeros in 16 bytes each, as many as one read takes: a turn works off its share
 * of them, and the others are not kept waiting. */
#define FLOOD_CONNS 8
#define FLOOD_LEN   4096

static uint64_t most_runs_a_turn, runs_before_turn;

static void count_runs(struct duo *d, void *ctx)
{
    uint64_t now = gw_deflater_runs(d->assembly->deflaters[0]);

    (void)ctx;
    if (now - runs_before_turn > most_runs_a_turn)
        most_runs_a_turn = now - runs_before_turn;
    runs_before_turn = now;
}

START_TEST(a_turn_inflates_so_much_at_most)
{
    size_t squeezed_len, count;

    begin(FLAGS("--deflate=on"));
    memset(text, 0, FLOOD_LEN);
    squeezed_len = squeeze(FLOOD_LEN);
    count = GW_WORKER_READ_BYTES / (squeezed_len + 6);
    for (unsigned c = 0; c < FLOOD_CONNS; c++)
        open_with_offer(c, "/echo");
    open_with_offer(FLOOD_CONNS, "/echo");
    runs_before_turn = runs();
    most_runs_a_turn = 0;
    duo.before_turn = count_runs;
    for (unsigned c = 0; c < FLOOD_CONNS; c++)
        for (size_t i = 0; i < count; i++)
            duo_frame_say(&duo, c, DUO_FIN | DUO_RSV1 | DUO_BINARY, squeezed, squeezed_len);
    duo_frame_say(&duo, FLOOD_CONNS, DUO_FIN | DUO_TEXT, "hello", 5);
    duo_run(&duo, 60 * DUO_S);
    /* 2 MiB in 4.5 KiB each; and when these are spent each connection still gets its least. */
    ck_assert_uint_gt(most_runs_a_turn, 400);
    ck_assert_uint_le(most_runs_a_turn, 470 + FLOOD_CONNS * (2048 / (squeezed_len + 6) + 1));
    for (unsigned c = 0; c < FLOOD_CONNS; c++) {
        ck_assert_uint_eq(duo_close_code(&duo, c), 0);
        ck_assert_uint_eq(duo_messages(&duo, c), count);
    }
    ck_assert_uint_eq(duo_messages(&duo, FLOOD_CONNS), 1);
    duo_end(&duo);
}
END_TEST

static uint64_t charged(void)
{
    return duo.assembly->workers[0]->buffers.used_bytes;
}

/* A few bytes of a compressed message make a state and a window of zlib's: all of it is charged,
 * and given back with the message, or as soon as it is refused. */
START_TEST(what_an_unfinished_message_holds_is_charged)
{
    uint64_t before;

    begin(FLAGS("--deflate=on"));
    open_with_offer(0, "/echo");
    before = charged();
    fill_text(60000, 3);
    duo_frame_say(&duo, 0, DUO_RSV1 | DUO_TEXT, squeezed, squeeze(60000) - 5);
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_uint_ge(charged() - before, 60000 - 100 + 32768);
    ck_assert_uint_le(charged() - before, 65536 + 16384 + 48 * 1024);
    if (_i == 0) {
        duo_frame_say(&duo, 0, DUO_FIN | DUO_CONT, squeezed + squeeze(60000) - 5, 5);
        duo_run(&duo, 50 * DUO_MS);
        ck_text(0, 60000, true);
    } else {
        duo.clients[0].stays = true;
        duo_frame_say(&duo, 0, 0x83, "x", 1); /* an opcode that is none */
        duo_run(&duo, 50 * DUO_MS);
        ck_assert_uint_eq(duo_close_code(&duo, 0), 1002);
    }
    ck_assert_uint_eq(charged(), before);
    duo_end(&duo);
}
END_TEST

/* Nineteen bytes each, of which every one holds 40 KiB: they get half of what there is for buffers,
 * and the others go on. */
START_TEST(unfinished_messages_leave_others_their_half)
{
    unsigned refused = 0;

    begin(FLAGS("--deflate=on", "--memory=16MiB"));
    duo_open(&duo, 999, "/echo");
    memcpy(text, "hello world", 11);
    for (unsigned i = 0; i < 100; i++) {
        open_with_offer(i, "/echo");
        duo_frame_say(&duo, i, DUO_RSV1 | DUO_TEXT, squeezed, squeeze(11));
    }
    duo_run(&duo, 50 * DUO_MS);
    for (unsigned i = 0; i < 100; i++) {
        refused += duo_close_code(&duo, i) == 1011;
        ck_assert(duo_close_code(&duo, i) == 0 || duo_close_code(&duo, i) == 1011);
    }
    ck_assert_uint_gt(refused, 0);
    ck_assert_uint_le(charged(), duo.assembly->workers[0]->buffers.max_bytes / 2 + 64 * 1024);
    duo_frame_say(&duo, 999, DUO_TEXT, filler, 60000);
    duo_frame_say(&duo, 999, DUO_FIN | DUO_CONT, filler, 5000);
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_uint_eq(duo_messages(&duo, 999), 1);
    ck_assert_int_eq(post_one(998, "c", "published"), 200);
    duo_end(&duo);
}
END_TEST

/* --- Faults --- */

/* A short life with echoes and a channel; returns false when the server could not even be made. */
static bool live(long fails_at, bool once)
{
    const char *const flags[] = {"--deflate=on", NULL};
    const struct duo_options options = {.flags = flags, .fails_at = fails_at, .fails_once = once};

    if (duo_begin(&duo, &options) != 0)
        return false;
    for (unsigned i = 0; i < 3; i++) {
        duo_connect(&duo, i);
        duo_shake_with(&duo, i, i == 0 ? "/echo" : "/channels/c", OFFER);
        duo_run(&duo, 20 * DUO_MS);
        (void)duo_answer(&duo, i, NULL);
    }
    for (unsigned i = 0; i < 2; i++)
        if (duo_accepted(&duo, i)) {
            size_t len;

            fill_text(65536, i);
            len = squeeze(65536);
            duo_frame_say(&duo, i, DUO_RSV1 | DUO_TEXT, squeezed, len / 3);
            duo_run(&duo, 5 * DUO_MS);
            duo_frame_say(&duo, i, DUO_FIN | DUO_CONT, squeezed + len / 3, len - len / 3);
            duo_run(&duo, 20 * DUO_MS);
        }
    return true;
}

/* Each in turn, once, or all from there on: nothing crashes or leaks (duo_end() asserts it), and
 * what arrives is right. */
START_TEST(every_allocation_may_fail)
{
    for (long at = 1;; at++) {
        struct duo_frame frame;
        bool failed;

        if (!live(at, _i == 0))
            continue;
        failed = duo.meter.failed > 0;
        for (unsigned i = 0; i < 3; i++)
            while (duo_accepted(&duo, i) && duo_frame_next(&duo, i, &frame))
                if (frame.first == (DUO_FIN | DUO_RSV1 | DUO_TEXT)) {
                    fill_text(65536, i == 0 ? 0 : 1);
                    ck_assert_uint_eq(unsqueeze(frame.payload), 65536);
                    ck_assert_mem_eq(back, text, 65536);
                } else
                    ck_assert_int_ne(frame.first & DUO_RSV1, DUO_RSV1);
        duo_end(&duo);
        if (!failed)
            break;
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, it_is_agreed_on_where_both_want_it, 0, SUITE_ROWS(offers));
    tcase_add_loop_test(tests, an_echo_is_compressed_from_256_bytes_on, 0, SUITE_ROWS(sizes));
    tcase_add_test(tests, what_would_not_be_shorter_goes_out_as_it_is);
    tcase_add_test(tests, echoes_keep_their_order);
    tcase_add_test(tests, an_echo_that_must_wait_is_compressed_too);
    tcase_add_test(tests, a_message_is_compressed_once_for_a_thousand_subscribers);
    tcase_add_test(tests, those_who_did_not_agree_get_it_as_it_is);
    tcase_add_test(tests, history_comes_compressed);
    tcase_add_test(tests, nothing_is_inflated_for_one_who_may_not_publish);
    tcase_add_test(tests, one_with_a_key_may_publish_compressed);
    tcase_add_test(tests, a_compressed_message_may_cross_our_close_frame);
    tcase_add_loop_test(tests, max_message_counts_what_comes_out, 0, SUITE_ROWS(lengths));
    tcase_add_test(tests, a_bomb_is_cut);
    tcase_add_test(tests, a_turn_inflates_so_much_at_most);
    tcase_add_loop_test(tests, what_an_unfinished_message_holds_is_charged, 0, 2);
    tcase_add_test(tests, unfinished_messages_leave_others_their_half);
    tcase_add_loop_test(tests, every_allocation_may_fail, 0, 2);
}

int main(void)
{
    return suite_main("sim/deflate", fill);
}
