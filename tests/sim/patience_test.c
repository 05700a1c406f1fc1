/* patience_test.c - how long the server waits, for whom, and what for; in virtual time. */
#include <stdlib.h>

#include "core/slab.h"
#include "lib/suite.h"
#include "sim/duo_lib.h"

/* --- Slow requests --- */

START_TEST(a_head_that_drips_is_cut_at_the_deadline)
{
    uint64_t from;

    begin(FLAGS("--handshake-timeout=5s"));
    from = duo_now(&duo);
    duo_connect(&duo, 0);
    duo_drip(&duo, 0, get_health, sizeof(get_health) - 1, 4 * DUO_S);
    ck_refused(0, 408);
    ck_on_time(duo.clients[0].ended_ns - from, 5 * DUO_S);
    duo_end(&duo);
}
END_TEST

START_TEST(who_says_nothing_is_cut_at_the_deadline)
{
    uint64_t from;

    begin(FLAGS("--handshake-timeout=5s"));
    from = duo_now(&duo);
    duo_connect(&duo, 0);
    duo_run(&duo, 10 * DUO_S);
    ck_assert_int_eq(duo.clients[0].end, DUO_FINISHED);
    ck_on_time(duo.clients[0].ended_ns - from, 5 * DUO_S);
    duo_end(&duo);
}
END_TEST

START_TEST(a_head_that_is_there_before_the_deadline_is_served)
{
    begin(FLAGS("--handshake-timeout=5s"));
    duo_connect(&duo, 0);
    duo_say(&duo, 0, get_health, 10);
    duo_run(&duo, 4900 * DUO_MS);
    duo_say(&duo, 0, get_health + 10, sizeof(get_health) - 11);
    ck_answered(0, 200);
    duo_end(&duo);
}
END_TEST

/* The connection's second request has a deadline of its own, from its first byte; whatever became
 * of the first. */
static const char *const first_paths[] = {"/health", "/nowhere"};

START_TEST(a_later_head_that_drips_is_cut_at_its_own_deadline)
{
    uint64_t from;
    char first[128];

    begin(FLAGS("--handshake-timeout=5s"));
    duo_connect(&duo, 0);
    snprintf(first, sizeof(first), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", first_paths[_i]);
    duo_say_text(&duo, 0, first);
    duo_run(&duo, 20 * DUO_S);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), _i == 0 ? 200 : 404);
    from = duo_now(&duo);
    duo_drip(&duo, 0, get_health, sizeof(get_health) - 1, 4 * DUO_S);
    ck_refused(0, 408);
    ck_on_time(duo.clients[0].ended_ns - from, 5 * DUO_S);
    duo_end(&duo);
}
END_TEST

static const char *const body_heads[] = {
    "POST /channels/c HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
    "POST /channels/c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n",
};

START_TEST(a_body_that_drips_is_cut_at_the_deadline)
{
    uint64_t from;

    begin(FLAGS("--body-timeout=8s"));
    duo_connect(&duo, 0);
    from = duo_now(&duo);
    duo_say_text(&duo, 0, body_heads[_i]);
    duo_drip(&duo, 0, filler, 100, 7 * DUO_S);
    ck_refused(0, 408);
    ck_on_time(duo.clients[0].ended_ns - from, 8 * DUO_S);
    duo_end(&duo);
}
END_TEST

START_TEST(a_body_that_is_there_before_the_deadline_is_published)
{
    begin(FLAGS("--body-timeout=8s"));
    duo_connect(&duo, 0);
    duo_say_text(&duo, 0, body_heads[_i]);
    duo_say(&duo, 0, filler, 50);
    duo_run(&duo, 7900 * DUO_MS);
    duo_say(&duo, 0, filler, 50);
    duo_say_text(&duo, 0, _i == 0 ? "" : "\r\n0\r\n\r\n");
    ck_answered(0, 200);
    duo_end(&duo);
}
END_TEST

/* --- Slow readers --- */

/* A poster on client 1 gives the channel `c` one message of `len` bytes. */
static void publish(size_t len)
{
    if (!duo_there(&duo, 1))
        duo_connect(&duo, 1);
    duo_post(&duo, 1, "c", filler, len);
    for (int i = 0; i < 100 && duo_answer(&duo, 1, NULL) != 200; i++)
        duo_run(&duo, 10 * DUO_MS);
    duo_hang_up(&duo, 1);
    duo_run(&duo, 10 * DUO_MS);
}

START_TEST(a_reader_without_progress_is_cut_after_write_timeout)
{
    uint64_t from;

    begin_narrow(1000, FLAGS("--write-timeout=3s"));
    duo_open(&duo, 0, "/channels/c");
    duo.clients[0].deaf = true;
    publish(8000);
    from = duo_now(&duo);
    ck_assert_uint_eq(connections(), 1);
    (void)until_left(0, 20 * DUO_S);
    ck_assert_uint_ge(duo_now(&duo) - from, 3 * DUO_S - 1500 * DUO_MS); /* publish() took a while */
    ck_assert_uint_le(duo_now(&duo) - from, 3 * DUO_S + LATE_NS);
    duo_end(&duo);
}
END_TEST

START_TEST(a_reader_with_some_progress_is_kept)
{
    begin_narrow(1000, FLAGS("--write-timeout=3s", "--message-timeout=1h"));
    duo_open(&duo, 0, "/channels/c");
    duo.clients[0].deaf = true;
    publish(8000);
    for (int i = 0; i < 40; i++) {
        duo_run(&duo, 2500 * DUO_MS);
        duo_sip(&duo, 0, 50);
    }
    ck_assert_uint_eq(connections(), 1);
    duo.clients[0].deaf = false;
    duo_sip(&duo, 0, 50);
    duo_run(&duo, DUO_S);
    ck_assert_uint_eq(duo_messages(&duo, 0), 1);
    duo_end(&duo);
}
END_TEST

static const char *const slow_targets[] = {"/channels/c", "/"};

START_TEST(one_byte_every_nine_seconds_is_cut_after_message_timeout)
{
    uint64_t from;

    begin_narrow(1000, FLAGS("--write-timeout=10s", "--message-timeout=60s"));
    duo_connect(&duo, 0);
    if (_i == 0) {
        duo_open(&duo, 0, slow_targets[_i]);
        duo.clients[0].deaf = true;
        publish(8000);
    } else {
        duo.clients[0].deaf = true;
        duo_say_text(&duo, 0, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        duo_run(&duo, 10 * DUO_MS);
    }
    from = duo_now(&duo);
    while (connections() > 0 && duo_now(&duo) - from < 100 * DUO_S) {
        duo_sip(&duo, 0, 1);
        for (int i = 0; i < 90 && connections() > 0; i++)
            duo_run(&duo, 100 * DUO_MS);
    }
    ck_assert_uint_ge(duo_now(&duo) - from, 58 * DUO_S);
    ck_assert_uint_le(duo_now(&duo) - from, 60 * DUO_S + 2 * LATE_NS);
    duo_end(&duo);
}
END_TEST

/* It is not read and nothing can be sent to it: the end is seen all the same. */
/* A message whose fragments go on and on. Seen when a heartbeat is due: within its interval. */
START_TEST(a_message_that_does_not_end_is_cut_after_message_timeout)
{
    uint64_t from;

    begin(FLAGS("--message-timeout=20s", "--ping-interval=4s"));
    duo.clients[0].pongs = true;
    duo_open(&duo, 0, "/echo");
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, "whole", 5);
    duo_run(&duo, 3 * DUO_S);
    from = duo_now(&duo);
    duo_frame_say(&duo, 0, DUO_TEXT, "a", 1);
    while (duo_now(&duo) - from < 19 * DUO_S) {
        duo_run(&duo, DUO_S);
        duo_frame_say(&duo, 0, DUO_CONT, "a", 1);
    }
    ck_assert_uint_eq(duo_close_code(&duo, 0), 0);
    if (_i == 0) { /* it ends in time, and the next has as much again */
        duo_frame_say(&duo, 0, DUO_FIN | DUO_CONT, "a", 1);
        duo_frame_say(&duo, 0, DUO_TEXT, "a", 1);
        duo_run(&duo, 19 * DUO_S);
        ck_assert_uint_eq(duo_close_code(&duo, 0), 0);
        ck_assert_uint_eq(duo_messages(&duo, 0), 2);
    } else {
        duo_run(&duo, 6 * DUO_S);
        ck_assert_uint_eq(duo_close_code(&duo, 0), 1008);
        ck_assert(duo_has(&duo, 0, "message_timeout"));
    }
    duo_end(&duo);
}
END_TEST

START_TEST(a_blocked_reader_that_is_reset_is_gone_at_once)
{
    begin_narrow(1000, NULL);
    duo_open(&duo, 0, "/channels/c");
    duo.clients[0].deaf = true;
    publish(8000);
    ck_assert_uint_eq(connections(), 1);
    sim_net_reset(duo.net, duo.clients[0].fd);
    duo_run(&duo, 10 * DUO_MS);
    ck_assert_uint_eq(connections(), 0);
    duo_end(&duo);
}
END_TEST

static const struct gw_conn *only_conn(void)
{
    const struct gw_slab *conns = duo.assembly->workers[0]->conns;

    for (uint32_t i = 0; i < gw_slab_top(conns); i++)
        if (gw_slab_peek(conns, i))
            return gw_slab_peek(conns, i);
    return NULL;
}

/* While its answers wait, it is not read, however much it says. */
START_TEST(who_talks_without_listening_is_not_read)
{
    const struct gw_conn *conn;
    char text[32];

    begin_narrow(4000, FLAGS("--max-private=1KiB", "--max-message=1KiB"));
    duo_open(&duo, 0, "/echo");
    duo.clients[0].deaf = true;
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "%08d", i);
        duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, text, 8);
    }
    duo_run(&duo, DUO_S);
    conn = only_conn();
    ck_assert_ptr_nonnull(conn);
    ck_assert_ptr_nonnull(conn->owed);
    ck_assert_uint_le(conn->owed->waiting.len, 1024 + 1024 + 64 * 1024);
    ck_assert_uint_gt(duo.clients[0].out.len, 0); /* it is stuck with the rest */

    duo.clients[0].deaf = false; /* it listens at last, and has missed nothing */
    duo_sip(&duo, 0, SIZE_MAX);
    duo_run(&duo, 10 * DUO_S);
    ck_assert_uint_eq(duo_messages(&duo, 0), 3000);
    for (int i = 0; i < 3000; i++) {
        struct duo_frame frame;

        snprintf(text, sizeof(text), "%08d", i);
        ck_assert(duo_frame_next(&duo, 0, &frame));
        ck_assert_mem_eq(frame.payload.data, text, 8);
    }
    duo_end(&duo);
}
END_TEST

/* The one answer that is being sent does not count. */
START_TEST(a_large_answer_passes_a_small_max_private)
{
    struct gw_str body;

    begin_narrow(500, FLAGS("--max-private=1KiB", "--max-message=1KiB"));
    duo_connect(&duo, 0);
    duo_say_text(&duo, 0, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    duo_run(&duo, DUO_S);
    ck_assert_int_eq(duo_answer(&duo, 0, &body), 200);
    ck_assert_uint_gt(body.len, 2048);
    duo_end(&duo);
}
END_TEST

/* --- Heartbeat --- */

/* The time of the next ping, looked for in steps of 10 ms. */
static uint64_t next_ping(unsigned client)
{
    struct duo_frame frame;

    for (int i = 0; i < 10000; i++) {
        while (duo_frame_next(&duo, client, &frame))
            if (frame.first == DUO_PING)
                return duo_now(&duo);
        duo_run(&duo, 10 * DUO_MS);
    }
    ck_abort_msg("no ping came");
}

START_TEST(a_heartbeat_comes_at_ping_interval_less_up_to_a_fifth)
{
    uint64_t least = UINT64_MAX, most = 0, last;

    begin(FLAGS("--ping-interval=10s", "--pong-timeout=5s"));
    duo_open(&duo, 0, "/channels/c");
    duo.clients[0].pongs = true;
    last = duo_now(&duo);
    for (int i = 0; i < 50; i++) {
        uint64_t now = next_ping(0), took = now - last;

        ck_assert_uint_ge(took, 8 * DUO_S - LATE_NS);
        ck_assert_uint_le(took, 10 * DUO_S + LATE_NS);
        least = took < least ? took : least;
        most = took > most ? took : most;
        last = now;
    }
    ck_assert_uint_gt(most - least, DUO_S); /* spread over most of the fifth */
    duo_end(&duo);
}
END_TEST

START_TEST(who_never_pongs_is_cut_after_pong_timeout)
{
    uint64_t from;

    begin(FLAGS("--ping-interval=10s", "--pong-timeout=5s"));
    duo_open(&duo, 0, "/channels/c");
    from = next_ping(0);
    duo_run(&duo, 4900 * DUO_MS);
    ck_assert(duo_there(&duo, 0));
    duo_run(&duo, 10 * DUO_S);
    ck_assert(!duo_there(&duo, 0));
    ck_assert_uint_le(duo.clients[0].ended_ns - from, 5 * DUO_S + LATE_NS);
    duo_end(&duo);
}
END_TEST

/* Only an exact echo answers a ping. But any byte is a sign of life. */
START_TEST(whose_bytes_keep_arriving_is_not_cut)
{
    static const uint8_t head[] = {DUO_FIN | DUO_TEXT, 0x80 | 100, 1, 2, 3, 4};
    uint64_t from;

    begin(FLAGS("--ping-interval=10s", "--pong-timeout=5s"));
    duo_open(&duo, 0, "/channels/c");
    duo_say(&duo, 0, head, sizeof(head));
    ck_assert_uint_eq(duo_drip(&duo, 0, filler, 20, 4 * DUO_S), 20);
    ck_assert(duo_there(&duo, 0));
    from = duo_now(&duo) - 4 * DUO_S; /* the last byte */
    duo_run(&duo, 30 * DUO_S);
    ck_assert_int_ne(duo.clients[0].end, DUO_THERE);
    ck_assert_uint_le(duo.clients[0].ended_ns - from, 10 * DUO_S + LATE_NS);
    duo_end(&duo);
}
END_TEST

/* What it got is not read yet, so the ping behind it is not answered: but it is alive. */
START_TEST(a_reader_whose_unsent_bytes_shrink_is_not_cut)
{
    uint64_t from;

    begin_narrow(1000, FLAGS("--ping-interval=10s", "--pong-timeout=5s"));
    duo_open(&duo, 0, "/channels/c");
    duo.clients[0].deaf = true;
    publish(1500); /* a thousand of it lie at the client, the rest is unsent */
    ck_assert_ptr_null(only_conn()->owed);
    for (int i = 0; i < 8; i++) {
        duo_run(&duo, 4 * DUO_S);
        duo_sip(&duo, 0, 50);
    }
    ck_assert_uint_eq(connections(), 1);
    from = duo_now(&duo);
    (void)until_left(0, 30 * DUO_S); /* now nothing moves any more */
    ck_assert_uint_le(duo_now(&duo) - from, 10 * DUO_S + LATE_NS);
    duo_end(&duo);
}
END_TEST

START_TEST(unsent_bytes_that_do_not_shrink_are_no_sign_of_life)
{
    uint64_t from;

    begin_narrow(1000, FLAGS("--ping-interval=10s", "--pong-timeout=5s"));
    duo_open(&duo, 0, "/channels/c");
    from = duo_now(&duo);
    duo.clients[0].deaf = true;
    publish(1500);
    (void)until_left(0, 60 * DUO_S);
    ck_assert_uint_le(duo_now(&duo) - from, 15 * DUO_S + LATE_NS);
    duo_end(&duo);
}
END_TEST

/* --- Ends --- */

START_TEST(who_does_not_answer_a_close_is_gone_after_close_timeout)
{
    begin(FLAGS("--close-timeout=2s", "--message-rate=1"));
    duo_open(&duo, 0, "/channels/c");
    say_many(0, DUO_FIN | DUO_TEXT, 3);
    duo_run(&duo, 10 * DUO_MS);
    ck_assert_uint_eq(duo_close_code(&duo, 0), 4429);
    duo_run(&duo, 1900 * DUO_MS);
    ck_assert_uint_eq(connections(), 1);
    duo_run(&duo, 200 * DUO_MS);
    ck_assert_uint_eq(connections(), 0);
    duo_end(&duo);
}
END_TEST

START_TEST(who_answers_a_close_is_gone_at_once)
{
    begin(FLAGS("--close-timeout=2s", "--message-rate=1"));
    duo_open(&duo, 0, "/channels/c");
    say_many(0, DUO_FIN | DUO_TEXT, 3);
    duo_run(&duo, 10 * DUO_MS);
    duo_frame_say(&duo, 0, DUO_CLOSE, "\x11\x4d", 2);
    duo_run(&duo, 10 * DUO_MS);
    ck_assert_int_eq(duo.clients[0].end, DUO_FINISHED);
    ck_assert_uint_eq(connections(), 0);
    duo_end(&duo);
}
END_TEST

/* Or the answer would be lost to the reset that unread bytes provoke. */
START_TEST(a_refusal_lingers_while_the_client_still_talks)
{
    uint64_t from;

    begin(FLAGS("--max-body=1000", "--close-timeout=2s"));
    duo_connect(&duo, 0);
    duo.clients[0].stays = true;
    duo_say_text(&duo, 0,
                 "POST /channels/c HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n");
    from = duo_now(&duo);
    for (int i = 0; i < 30 && connections() > 0; i++) {
        duo_say(&duo, 0, filler, 3000);
        duo_run(&duo, 100 * DUO_MS);
    }
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 413);
    ck_assert_int_eq(duo.clients[0].end, DUO_FINISHED);
    ck_assert_uint_ge(duo_now(&duo) - from, 2 * DUO_S);
    ck_assert_uint_le(duo_now(&duo) - from, 2 * DUO_S + 2 * LATE_NS);
    duo_end(&duo);
}
END_TEST

/* --- Drain --- */

/* The number in {"retry_ms":N} of the close frame. */
static long retry_ms(unsigned client)
{
    struct duo_frame frame;
    char text[64];

    while (duo_frame_next(&duo, client, &frame))
        if (frame.first == DUO_CLOSE && frame.payload.len > 2) {
            snprintf(text, sizeof(text), "%.*s", (int)frame.payload.len - 2,
                     frame.payload.data + 2);
            ck_assert_mem_eq(text, "{\"retry_ms\":", 12);
            ck_assert_int_eq(text[strlen(text) - 1], '}');
            return strtol(text + 12, NULL, 10);
        }
    return -1;
}

START_TEST(drain_says_1012_and_when_to_come_back)
{
    long least = 1000000, most = 0;

    begin(NULL);
    for (unsigned i = 0; i < 20; i++)
        duo_open(&duo, i, i % 2 ? "/echo" : "/channels/c");
    gw_assembly_drain(duo.assembly);
    duo_run(&duo, 100 * DUO_MS);
    for (unsigned i = 0; i < 20; i++) {
        long ms = retry_ms(i);

        ck_assert_uint_eq(duo_close_code(&duo, i), 1012);
        ck_assert_int_gt(ms, 0);
        ck_assert_int_le(ms, 30000);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    ck_assert_int_gt(most - least, 500); /* not all at once */
    for (unsigned i = 0; i < 10; i++)
        duo_frame_say(&duo, i, DUO_CLOSE, "\x03\xf4", 2);
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_uint_eq(connections(), 10);
    duo_run(&duo, 2 * DUO_S); /* close_timeout, for those who do not answer */
    ck_assert_uint_eq(connections(), 0);
    ck_assert(gw_worker_gone(duo.assembly->workers[0]));
    duo_end(&duo);
}
END_TEST

START_TEST(drain_lets_a_request_end_and_takes_nobody_new)
{
    begin(NULL);
    duo_connect(&duo, 0);
    duo_say_text(&duo, 0,
                 "POST /channels/c HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n");
    duo_connect(&duo, 1);
    duo_say_text(&duo, 1, get_health);
    ck_answered(1, 200);
    gw_assembly_drain(duo.assembly);
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_int_eq(duo.clients[1].end, DUO_FINISHED); /* it had nothing to wait for */
    duo_say_text(&duo, 0, "last");
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 200);
    ck_assert_int_eq(duo.clients[0].end, DUO_FINISHED);
    duo_connect(&duo, 2);
    ck_assert_int_eq(duo.clients[2].end, DUO_RESET); /* nobody listens any more */
    duo_end(&duo);
}
END_TEST

START_TEST(drain_ends_when_its_time_is_up)
{
    uint64_t from;

    begin(FLAGS("--drain=3s", "--body-timeout=60s"));
    duo_connect(&duo, 0);
    duo_say_text(&duo, 0,
                 "POST /channels/c HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n");
    duo_run(&duo, 10 * DUO_MS);
    gw_assembly_drain(duo.assembly);
    from = duo_now(&duo);
    (void)until_left(0, 20 * DUO_S);
    ck_on_time(duo_now(&duo) - from, 3 * DUO_S);
    duo_end(&duo);
}
END_TEST

START_TEST(a_drain_of_0s_cuts_them_at_once)
{
    begin(FLAGS("--drain=0s"));
    duo_open(&duo, 0, "/channels/c");
    gw_assembly_drain(duo.assembly);
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_uint_eq(connections(), 0);
    ck_assert(!duo_there(&duo, 0));
    duo_end(&duo);
}
END_TEST

/* --- Clocks --- */

#define YEAR_MS (INT64_C(365) * 24 * 3600 * 1000)

static const int64_t jumps[][2] = {{YEAR_MS, -YEAR_MS}, {-YEAR_MS, YEAR_MS}};

START_TEST(a_jump_of_the_wall_clock_ends_nothing)
{
    begin(NULL);
    ck_assert_int_eq(post_one(0, "c", "kept"), 200);
    duo_open(&duo, 1, "/channels/c");
    duo.clients[1].pongs = true;
    duo_open(&duo, 2, "/channels/quiet");
    duo_connect(&duo, 3);
    duo_say(&duo, 3, get_health, 10);
    for (int i = 0; i < 2; i++) {
        sim_net_wall_jump(duo.net, jumps[_i][i]);
        duo_run(&duo, 1500 * DUO_MS);
        ck_assert_uint_eq(connections(), 4);
        ck_assert_uint_eq(kept("c"), 1);
    }
    duo_say(&duo, 3, get_health + 10, sizeof(get_health) - 11);
    ck_answered(3, 200);
    ck_assert_int_eq(post_one(0, "c", "new"), 200);
    ck_assert_uint_eq(duo_messages(&duo, 1), 1);
    ck_assert_uint_eq(kept("c"), 2);
    duo_end(&duo);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_head_that_drips_is_cut_at_the_deadline);
    tcase_add_test(tests, who_says_nothing_is_cut_at_the_deadline);
    tcase_add_test(tests, a_head_that_is_there_before_the_deadline_is_served);
    tcase_add_loop_test(tests, a_later_head_that_drips_is_cut_at_its_own_deadline, 0,
                        SUITE_ROWS(first_paths));
    tcase_add_loop_test(tests, a_body_that_drips_is_cut_at_the_deadline, 0, SUITE_ROWS(body_heads));
    tcase_add_loop_test(tests, a_body_that_is_there_before_the_deadline_is_published, 0,
                        SUITE_ROWS(body_heads));
    tcase_add_test(tests, a_reader_without_progress_is_cut_after_write_timeout);
    tcase_add_test(tests, a_reader_with_some_progress_is_kept);
    tcase_add_test(tests, a_blocked_reader_that_is_reset_is_gone_at_once);
    tcase_add_loop_test(tests, a_message_that_does_not_end_is_cut_after_message_timeout, 0, 2);
    tcase_add_loop_test(tests, one_byte_every_nine_seconds_is_cut_after_message_timeout, 0,
                        SUITE_ROWS(slow_targets));
    tcase_add_test(tests, who_talks_without_listening_is_not_read);
    tcase_add_test(tests, a_large_answer_passes_a_small_max_private);
    tcase_add_test(tests, a_heartbeat_comes_at_ping_interval_less_up_to_a_fifth);
    tcase_add_test(tests, who_never_pongs_is_cut_after_pong_timeout);
    tcase_add_test(tests, whose_bytes_keep_arriving_is_not_cut);
    tcase_add_test(tests, a_reader_whose_unsent_bytes_shrink_is_not_cut);
    tcase_add_test(tests, unsent_bytes_that_do_not_shrink_are_no_sign_of_life);
    tcase_add_test(tests, who_does_not_answer_a_close_is_gone_after_close_timeout);
    tcase_add_test(tests, who_answers_a_close_is_gone_at_once);
    tcase_add_test(tests, a_refusal_lingers_while_the_client_still_talks);
    tcase_add_test(tests, drain_says_1012_and_when_to_come_back);
    tcase_add_test(tests, drain_lets_a_request_end_and_takes_nobody_new);
    tcase_add_test(tests, drain_ends_when_its_time_is_up);
    tcase_add_test(tests, a_drain_of_0s_cuts_them_at_once);
    tcase_add_loop_test(tests, a_jump_of_the_wall_clock_ends_nothing, 0, SUITE_ROWS(jumps));
}

int main(void)
{
    return suite_main("sim/patience", fill);
}
