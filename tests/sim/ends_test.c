/* ends_test.c - how connections end, what an idle one costs, and what all together may: in virtual
 * time. */
#include "sim/duo.h"

#include <stdio.h>
#include <string.h>

#include "lib/suite.h"

static struct duo duo;

/* A socket takes so little that whatever is longer has to wait. */
static const struct sim_net_options narrow = {.latency_ns = {100000, 100000},
                                              .segment_bytes = {65536, 65536},
                                              .buffer_bytes = 3000,
                                              .turn_ns = 1000};

/* --- The last words --- */

/* 5 KB a second, never without progress: far longer than close_timeout, far below write_timeout. */
static void sip_all(unsigned client)
{
    for (int i = 0; i < 400 && duo_there(&duo, client); i++) {
        duo_run(&duo, 100 * DUO_MS);
        duo_sip(&duo, client, 500);
    }
    duo.clients[client].deaf = false;
    duo_run(&duo, 5 * DUO_S);
}

START_TEST(a_slow_reader_gets_all_of_the_last_answer)
{
    static const char ask[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct duo_options options = {.net = &narrow};
    struct gw_str body;

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    duo_connect(&duo, 0);
    duo.clients[0].deaf = true;
    duo_say_text(&duo, 0, ask);
    sip_all(0);
    ck_assert_int_eq(duo_answer(&duo, 0, &body), 200); /* whole, as its Content-Length says */
    ck_assert_uint_gt(body.len, 20000);
    ck_assert_int_eq(duo.clients[0].end, DUO_FINISHED);
    duo_end(&duo);
}
END_TEST

START_TEST(a_slow_reader_is_told_why_its_websocket_fails)
{
    static char big[20000];
    struct duo_options options = {.net = &narrow};

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    duo_open(&duo, 0, "/echo");
    duo.clients[0].deaf = true;
    duo_frame_say(&duo, 0, DUO_FIN | DUO_BINARY, big, sizeof(big));
    duo_say(&duo, 0,
            "\x83\x80"
            "abcd",
            6); /* a reserved opcode */
    sip_all(0);
    ck_assert_uint_eq(duo_close_code(&duo, 0), 1002);
    duo_end(&duo);
}
END_TEST

START_TEST(an_answered_connection_that_asks_nothing_more_has_a_minute)
{
    struct duo_options options = {0};

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    duo_connect(&duo, 0);
    duo_say_text(&duo, 0, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    duo_run(&duo, 59 * DUO_S);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 200);
    ck_assert(duo_there(&duo, 0));
    duo_say_text(&duo, 0, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"); /* another one */
    duo_run(&duo, 59 * DUO_S);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 200);
    ck_assert(duo_there(&duo, 0));
    duo_run(&duo, 2 * DUO_S);
    ck_assert_int_eq(duo.clients[0].end, DUO_FINISHED);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 0); /* no 408: it had asked nothing */
    duo_end(&duo);
}
END_TEST

static unsigned long turns;

static void count_turn(struct duo *of, void *ctx)
{
    (void)of;
    (void)ctx;
    turns++;
}

/* What is owed wants its timer a little before the transport does; whatever tick that falls into,
 * it must not fire again and again until then. */
START_TEST(a_timer_that_fires_early_does_not_spin)
{
    static const char *const flags[] = {"--write-timeout=7960ms", "--close-timeout=2s", NULL};
    static const char ask[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct duo_options options = {.net = &narrow, .flags = flags};

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    duo_run(&duo, (uint64_t)_i * DUO_MS);
    duo_connect(&duo, 0);
    duo.clients[0].deaf = true;
    duo_say_text(&duo, 0, ask);
    duo.before_turn = count_turn;
    turns = 0;
    duo_run(&duo, 7 * DUO_S);
    ck_assert_uint_lt(turns, 60);
    duo.before_turn = NULL;
    duo_end(&duo);
}
END_TEST

/* --- While the server drains --- */

static const char half_a_handshake[] =
    "GET /channels/x HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";

START_TEST(nobody_becomes_a_websocket_while_the_server_drains)
{
    struct duo_options options = {0};

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    duo_connect(&duo, 0);
    duo_say_text(&duo, 0, half_a_handshake);
    duo_run(&duo, 100 * DUO_MS);
    gw_assembly_drain(duo.assembly);
    duo_run(&duo, 100 * DUO_MS);
    duo_say_text(&duo, 0, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    duo_run(&duo, 3 * DUO_S);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 503);
    ck_assert_int_eq(duo.clients[0].end, DUO_FINISHED);
    ck_assert(gw_worker_gone(duo.assembly->workers[0]));
    duo_end(&duo);
}
END_TEST

/* Its home does not answer, for the home's worker gets no processor. */
START_TEST(one_that_waits_for_its_channel_is_told_that_the_server_drains)
{
    struct duo_options options = {.workers = 2};
    unsigned told = 0;
    char target[32];

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    for (unsigned i = 0; i < 8; i++)
        duo_connect_to(&duo, i, 0);
    sim_loop_stall(duo.loops[1], duo_now(&duo) + 10 * DUO_S);
    for (unsigned i = 0; i < 8; i++) {
        snprintf(target, sizeof(target), "/channels/c%u", i);
        duo_shake(&duo, i, target);
    }
    duo_run(&duo, 100 * DUO_MS);
    gw_assembly_drain(duo.assembly);
    duo_run(&duo, 5 * DUO_S);
    for (unsigned i = 0; i < 8; i++) {
        ck_assert(!duo_there(&duo, i));
        if (duo_accepted(&duo, i))
            ck_assert_uint_eq(duo_close_code(&duo, i), 1012);
        else {
            ck_assert_int_eq(duo_answer(&duo, i, NULL), 503);
            told++;
        }
    }
    ck_assert_uint_gt(told, 0); /* some channel of eight has its home there: the seed is fixed */
    ck_assert_uint_lt(told, 8);
    duo_end(&duo);
}
END_TEST

/* --- A message that cannot be published --- */

/* On a connection of worker 0, to a channel of either worker, while memory runs out `left`
 * allocations after the message was sent. Whoever sent it gets it back, or hears that it was lost.
 */
static bool is_told(const char *target, long left, bool *by_home)
{
    struct duo_options options = {.workers = 2};
    struct duo_frame frame;
    bool back = false, told = false;

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    duo_connect_to(&duo, 0, 0);
    duo_shake(&duo, 0, target);
    duo_run(&duo, DUO_S);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 101);
    duo.meter.left = left;
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, "hello", 5);
    duo_run(&duo, DUO_S);
    duo.meter.left = METER_UNLIMITED;
    duo_run(&duo, 3 * DUO_S);
    while (duo_frame_next(&duo, 0, &frame)) {
        back |= frame.first == (DUO_FIN | DUO_TEXT);
        told |= frame.first == DUO_CLOSE;
        *by_home |= frame.first == DUO_CLOSE && frame.payload.len > 2 &&
                    memmem(frame.payload.data, frame.payload.len, "could not be published", 22);
    }
    told |= !duo_there(&duo, 0);
    duo_end(&duo);
    return back || told;
}

START_TEST(a_message_that_could_not_be_published_is_not_lost_in_silence)
{
    bool by_home = false;
    char target[32];

    for (unsigned channel = 0; channel < 4;
         channel++) /* some have their home on the other worker */
        for (long left = 0; left < 12; left++) {
            snprintf(target, sizeof(target), "/channels/c%u", channel);
            ck_assert_msg(is_told(target, left, &by_home), "%s: silence with %ld allocations left",
                          target, left);
        }
    ck_assert(by_home); /* the other worker's answer was met */
}
END_TEST

/* Not waiting for the 101 is not forbidden, and nothing else will remind of what lies there. */
START_TEST(what_comes_behind_a_handshake_is_read_at_once)
{
    ck_assert_int_eq(duo_begin(&duo, &(struct duo_options){.workers = 1}), 0);
    duo_connect(&duo, 0);
    duo_shake(&duo, 0, "/channels/c");
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, "hello", 5);
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_uint_eq(duo_messages(&duo, 0), 1);
    duo_end(&duo);
}
END_TEST

/* --- What is refused for want of room --- */

START_TEST(max_channels_is_a_503_wherever_the_home_is)
{
    static const char *const flags[] = {"--max-channels=2", NULL};
    struct duo_options options = {.workers = 2, .flags = flags};
    unsigned accepted = 0, refused = 0;
    char target[32];

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    for (unsigned i = 0; i < 24; i++) {
        snprintf(target, sizeof(target), "/channels/c%u", i);
        duo_connect(&duo, i);
        duo_shake(&duo, i, target);
        duo_run(&duo, 50 * DUO_MS);
        if (duo_accepted(&duo, i)) {
            ck_assert_uint_eq(duo_close_code(&duo, i), 0);
            accepted++;
        } else {
            ck_assert_int_eq(duo_answer(&duo, i, NULL), 503);
            refused++;
        }
    }
    ck_assert_uint_gt(accepted, 0);
    ck_assert_uint_gt(refused, 20);
    duo_end(&duo);
}
END_TEST

/* Each body is within max_body; all of them together are more than there is. */
START_TEST(unfinished_bodies_have_one_cap_for_all)
{
    static const char *const flags[] = {"--memory=16MiB", "--max-body=1MiB", NULL};
    static const char head[] = "POST /channels/x HTTP/1.1\r\nHost: localhost\r\n"
                               "Content-Length: 1048576\r\n\r\n";
    static char most[1048576 - 1];
    struct duo_options options = {.flags = flags};
    unsigned refused = 0;

    memset(most, 'g', sizeof(most));
    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    for (unsigned i = 0; i < 12; i++) {
        duo_connect(&duo, i);
        duo_say(&duo, i, head, sizeof(head) - 1);
        duo_say(&duo, i, most, sizeof(most));
        duo_run(&duo, DUO_S);
        ck_assert_uint_le(duo.assembly->workers[0]->buffers.used_bytes, 4u << 20);
    }
    for (unsigned i = 0; i < 12; i++) {
        duo_say(&duo, i, "g", 1);
        duo_run(&duo, DUO_S);
        switch (duo_answer(&duo, i, NULL)) {
        case 200:
            break;
        case 503:
            refused++;
            break;
        default:
            ck_abort_msg("client %u was not answered", i);
        }
    }
    ck_assert_uint_ge(refused, 12 - 4);
    ck_assert_uint_lt(refused, 12);
    ck_assert_uint_eq(duo.assembly->workers[0]->buffers.used_bytes, 0);
    duo_end(&duo);
}
END_TEST

/* --- What an idle connection costs --- */

START_TEST(an_idle_websocket_costs_no_more_after_its_heartbeats)
{
    struct duo_options options = {0};
    long before;

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    for (unsigned i = 0; i < 20; i++) {
        duo_open(&duo, i, "/channels/x");
        duo.clients[i].pongs = true;
    }
    duo_run(&duo, 2 * DUO_S);
    before = duo.meter.live;
    duo_run(&duo, 120 * DUO_S);
    ck_assert_int_eq(duo.meter.live, before);
    for (unsigned i = 0; i < 20; i++)
        ck_assert(duo_there(&duo, i));
    duo_end(&duo);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_slow_reader_gets_all_of_the_last_answer);
    tcase_add_test(tests, a_slow_reader_is_told_why_its_websocket_fails);
    tcase_add_test(tests, an_answered_connection_that_asks_nothing_more_has_a_minute);
    tcase_add_loop_test(tests, a_timer_that_fires_early_does_not_spin, 0, 33);
    tcase_add_test(tests, nobody_becomes_a_websocket_while_the_server_drains);
    tcase_add_test(tests, one_that_waits_for_its_channel_is_told_that_the_server_drains);
    tcase_add_test(tests, a_message_that_could_not_be_published_is_not_lost_in_silence);
    tcase_add_test(tests, what_comes_behind_a_handshake_is_read_at_once);
    tcase_add_test(tests, max_channels_is_a_503_wherever_the_home_is);
    tcase_add_test(tests, unfinished_bodies_have_one_cap_for_all);
    tcase_add_test(tests, an_idle_websocket_costs_no_more_after_its_heartbeats);
}

int main(void)
{
    return suite_main("sim/ends", fill);
}
