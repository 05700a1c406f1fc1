/* accept_test.c - an address has so many connections, and new ones only so often. */
#include "edge/accept.h"

#include "lib/suite.h"
#include "unit/edge/stage.h"

static struct gw_edge_settings caps(uint32_t per_address, uint32_t rate)
{
    struct gw_edge_settings settings = stage_settings;

    settings.per_address_max = per_address;
    settings.accept_rate = rate;
    return settings;
}

/* Two connections from `first`, which is all there may be: may `then` have one? */
static const struct {
    const char *first, *then;
    bool in;
} addresses[] = {
    {"192.0.2.1", "192.0.2.1", false},
    {"192.0.2.1", "192.0.2.2", true},
    {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", false},
    {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::1", false}, /* the same /64 */
    {"2001:db8:1:2::1", "2001:db8:1:3::1", true},
    {"192.0.2.1", "::ffff:192.0.2.1", false},
    {"::ffff:192.0.2.1", "::ffff:192.0.2.2", true},
    {"127.0.0.1", "127.0.0.1", true},
    {"127.8.9.10", "127.8.9.10", true},
    {"::1", "::1", true},
    {"::2", "::2", false},
    {"126.255.255.255", "126.255.255.255", false},
    {"128.0.0.0", "128.0.0.0", false},
};

START_TEST(an_address_has_at_most_max_per_address)
{
    const struct gw_edge_settings settings = caps(2, 1000);

    stage_begin(&settings);
    ck_assert(stage_connect(addresses[_i].first));
    ck_assert(stage_connect(addresses[_i].first));
    ck_assert_int_eq(stage_connect(addresses[_i].then), addresses[_i].in);
    if (!addresses[_i].in) {
        ck_assert_mem_eq(stage.sent, "HTTP/1.1 429 ", 13);
        ck_assert_ptr_nonnull(strstr(stage.sent, "\r\nRetry-After: "));
        ck_assert_ptr_nonnull(strstr(stage.sent, "\r\nConnection: close\r\n\r\n"));
        stage_hang_up(stage_last()); /* one goes, one may come */
        ck_assert(stage_connect(addresses[_i].then));
    }
    stage_end();
}
END_TEST

START_TEST(a_burst_is_five_times_accept_rate)
{
    const struct gw_edge_settings settings = caps(1000, 4);

    stage_begin(&settings);
    for (int i = 0; i < 20; i++)
        ck_assert(stage_connect("192.0.2.1"));
    ck_assert(!stage_connect("192.0.2.1"));
    ck_assert_mem_eq(stage.sent, "HTTP/1.1 429 ", 13);
    ck_assert(stage_connect("192.0.2.2"));
    ck_assert(stage_connect("127.0.0.1"));
    stage_end();
}
END_TEST

START_TEST(a_rate_recovers_with_time)
{
    const struct gw_edge_settings settings = caps(1000, 4);

    stage_begin(&settings);
    for (int i = 0; i < 20; i++)
        ck_assert(stage_connect("192.0.2.1"));
    ck_assert(!stage_connect("192.0.2.1"));
    stage_wait(250 * GW_NS_PER_MS - 1, GW_NS_PER_S);
    ck_assert(!stage_connect("192.0.2.1"));
    stage_wait(1, 1);
    ck_assert(stage_connect("192.0.2.1"));
    ck_assert(!stage_connect("192.0.2.1"));
    stage_wait(5 * GW_NS_PER_S, GW_NS_PER_S);
    for (int i = 0; i < 20; i++)
        ck_assert(stage_connect("192.0.2.1"));
    ck_assert(!stage_connect("192.0.2.1"));
    stage_end();
}
END_TEST

/* Coming and going does not help: the rate is remembered without any connection. */
START_TEST(a_rate_is_remembered_when_all_have_left)
{
    const struct gw_edge_settings settings = caps(1000, 1);

    stage_begin(&settings);
    for (int i = 0; i < 5; i++) {
        ck_assert(stage_connect("192.0.2.1"));
        stage_hang_up(stage_last());
    }
    ck_assert(!stage_connect("192.0.2.1"));
    stage_end();
}
END_TEST

static void come_and_go(uint32_t address)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr in4 = {htonl(address)};

    ck_assert_ptr_nonnull(inet_ntop(AF_INET, &in4, text, sizeof(text)));
    ck_assert_msg(stage_connect(text), "%s", text);
    stage_hang_up(stage_last());
}

/* However many come, 4,096 are remembered for their rate alone: the first of them is forgotten, and
 * there is always a place for one more. */
START_TEST(addresses_without_connections_are_bounded)
{
    const struct gw_edge_settings settings = caps(1000, 1);
    size_t taken;

    stage_begin(&settings);
    for (int i = 0; i < 5; i++) {
        ck_assert(stage_connect("192.0.2.1"));
        stage_hang_up(stage_last());
    }
    for (uint32_t i = 0; i < 4000; i++)
        come_and_go(0x0a000000 + i);
    ck_assert(!stage_connect("192.0.2.1"));
    for (uint32_t i = 4000; i < 6000; i++)
        come_and_go(0x0a000000 + i);
    ck_assert(stage_connect("192.0.2.1"));
    stage_hang_up(stage_last());
    taken = (size_t)stage.meter.live;
    for (uint32_t i = 6000; i < 12000; i++)
        come_and_go(0x0a000000 + i);
    ck_assert_uint_le((size_t)stage.meter.live, taken);
    stage_end();
}
END_TEST

START_TEST(above_max_connections_the_answer_is_503)
{
    struct gw_edge_settings settings = caps(1000, 1000);

    settings.connections_max = 3;
    stage_begin(&settings);
    for (int i = 0; i < 3; i++)
        ck_assert(stage_connect("192.0.2.1"));
    ck_assert(!stage_connect("192.0.2.2"));
    ck_assert_mem_eq(stage.sent, "HTTP/1.1 503 ", 13);
    ck_assert_ptr_nonnull(strstr(stage.sent, "\r\nRetry-After: "));
    stage_hang_up(stage_last());
    ck_assert(stage_connect("192.0.2.2"));
    stage_end();
}
END_TEST

/* Who is refused because the house is full has not used up its own number. */
START_TEST(a_refusal_does_not_count_as_a_connection)
{
    struct gw_edge_settings settings = caps(1, 1000);

    settings.connections_max = 1;
    stage_begin(&settings);
    ck_assert(stage_connect("127.0.0.1"));
    for (int i = 0; i < 5; i++)
        ck_assert(!stage_connect("192.0.2.1"));
    stage_hang_up(stage_last());
    ck_assert(stage_connect("192.0.2.1"));
    stage_end();
}
END_TEST

/* -ECONNABORTED and -EMFILE are about that one connection; with -ENFILE it still waits, and no
 * event will tell of it again. */
static const struct {
    int error;
    bool later;
} errors[] = {{-ECONNABORTED, false}, {-EMFILE, false}, {-ENFILE, true}};

START_TEST(an_accept_that_fails_does_not_stop_the_next)
{
    stage_begin(&stage_settings);
    stage.accept_error = errors[_i].error;
    ck_assert_int_eq(stage_connect("192.0.2.1"), !errors[_i].later);
    stage_wait(200 * GW_NS_PER_MS, 50 * GW_NS_PER_MS);
    ck_assert_uint_eq(gw_worker_connections(stage.worker), 1);
    stage_end();
}
END_TEST

START_TEST(a_turn_takes_a_bounded_number)
{
    stage_begin(&stage_settings);
    for (int i = 0; i < STAGE_WAITING_MAX; i++)
        stage.waiting[stage.waiting_count++] =
            (union gw_address){.in4 = {.sin_family = AF_INET, .sin_addr = {htonl(0xc0000201)}}};
    stage_go();
    ck_assert_uint_le(gw_worker_connections(stage.worker), GW_WORKER_ACCEPTS);
    stage_go();
    ck_assert_uint_eq(gw_worker_connections(stage.worker), STAGE_WAITING_MAX);
    stage_end();
}
END_TEST

/* Refused or in, and nothing is lost by it. */
START_TEST(memory_may_run_out_anywhere)
{
    for (long left = 0;; left++) {
        bool in;

        if (stage_try(&stage_settings, left) != 0) {
            ck_assert_int_eq(stage.meter.live, 0);
            continue;
        }
        in = stage_connect("192.0.2.1");
        if (stage.meter.failed > 0)
            ck_assert(!in);
        ck_assert_int_eq(stage.open_fds, in ? 2 : 1);
        stage.meter.left = METER_UNLIMITED;
        ck_assert(stage_connect("192.0.2.1"));
        if (stage.meter.failed == 0) {
            stage_end();
            break;
        }
        stage_end();
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, an_address_has_at_most_max_per_address, 0, SUITE_ROWS(addresses));
    tcase_add_test(tests, a_burst_is_five_times_accept_rate);
    tcase_add_test(tests, a_rate_recovers_with_time);
    tcase_add_test(tests, a_rate_is_remembered_when_all_have_left);
    tcase_add_test(tests, addresses_without_connections_are_bounded);
    tcase_add_test(tests, above_max_connections_the_answer_is_503);
    tcase_add_test(tests, a_refusal_does_not_count_as_a_connection);
    tcase_add_loop_test(tests, an_accept_that_fails_does_not_stop_the_next, 0, SUITE_ROWS(errors));
    tcase_add_test(tests, a_turn_takes_a_bounded_number);
    tcase_add_test(tests, memory_may_run_out_anywhere);
}

int main(void)
{
    return suite_main("edge/accept", fill);
}
