/* tray_test.c - what a connection says for itself leaves in one send and in order, whatever the
 * socket takes of it; and never in the middle of a message of its channel. */
#include "edge/tray.h"

#include <stdlib.h>

#include "lib/suite.h"
#include "unit/edge/stage.h"

#define PRIVATE "private"
#define CAP     (1024u + 1024 + GW_TRAY_BYTES) /* max_private, max_message, and the tray */

static struct gw_conn *conn;
static char large[300 * 1024]; /* no two neighbours alike */

static void begin(void)
{
    stage_begin(&stage_settings);
    ck_assert(stage_connect("127.0.0.1"));
    conn = stage_last();
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (char)('a' + i % 23);
}

/* The socket takes `then` bytes a send from now on: lets the loop say so until nothing is owed. */
static void let_go(ssize_t then)
{
    stage.takes = stage.then = then;
    for (int i = 0; conn->owed && i < 1000000; i++) {
        stage.writable = true;
        stage.writable_token = gw_conn_handle(stage.worker, conn);
        stage_go();
    }
    ck_assert_ptr_null(conn->owed);
}

static void ck_sent(const char *text, size_t len)
{
    ck_assert_uint_eq(stage.sent_len, len);
    ck_assert_mem_eq(stage.sent, text, len);
}

static void ck_alive(void)
{
    ck_assert_int_ne(conn->phase, GW_CONN_DEAD);
}

/* --- The tray --- */

START_TEST(what_is_written_leaves_in_one_send)
{
    begin();
    gw_tray_write(stage.worker, conn, "one ", 4);
    gw_tray_write(stage.worker, conn, "", 0);
    gw_tray_place(stage.worker, conn, (uint8_t *)large, 5000);
    memcpy(gw_tray_reserve(stage.worker, conn, 4), " two", 4);
    ck_assert_uint_eq(stage.send_count, 0);
    gw_tray_send(stage.worker);
    gw_tray_send(stage.worker); /* nothing is there any more */
    ck_assert_uint_eq(stage.send_count, 1);
    ck_assert_uint_eq(stage.sent_len, 5008);
    ck_assert_mem_eq(stage.sent, "one ", 4);
    ck_assert_mem_eq(stage.sent + 4, large, 5000);
    ck_assert_mem_eq(stage.sent + 5004, " two", 4);
    stage_end();
}
END_TEST

/* Reserved, and not all of it needed: behind other pieces, or as the first. */
START_TEST(what_was_not_needed_is_not_sent)
{
    begin();
    memcpy(gw_tray_reserve(stage.worker, conn, GW_TRAY_BYTES), "half", 4);
    gw_tray_give_back(stage.worker, GW_TRAY_BYTES - 4);
    memcpy(gw_tray_reserve(stage.worker, conn, 100), " of it", 6);
    gw_tray_give_back(stage.worker, 94);
    gw_tray_place(stage.worker, conn, (uint8_t *)large, 5000);
    (void)gw_tray_reserve(stage.worker, conn, 3000);
    gw_tray_give_back(stage.worker, 3000);
    gw_tray_send(stage.worker);
    ck_assert_uint_eq(stage.send_count, 1);
    ck_assert_uint_eq(stage.sent_len, 5010);
    ck_assert_mem_eq(stage.sent, "half of it", 10);
    (void)gw_tray_reserve(stage.worker, conn, 3000);
    gw_tray_give_back(stage.worker, 3000);
    gw_tray_send(stage.worker); /* nothing is there: no system call */
    ck_assert_uint_eq(stage.send_count, 1);
    stage_end();
}
END_TEST

START_TEST(what_is_thrown_away_is_not_sent)
{
    begin();
    gw_tray_write(stage.worker, conn, "no", 2);
    gw_tray_drop(stage.worker);
    gw_tray_write(stage.worker, conn, "yes", 3);
    gw_tray_send(stage.worker);
    ck_sent("yes", 3);
    stage_end();
}
END_TEST

START_TEST(what_is_written_for_another_sends_the_first_ones)
{
    struct gw_conn *other;

    begin();
    ck_assert(stage_connect("127.0.0.1"));
    other = stage_last();
    gw_tray_write(stage.worker, conn, "first", 5);
    gw_tray_write(stage.worker, other, "second", 6);
    ck_sent("first", 5);
    gw_tray_send(stage.worker);
    ck_sent("firstsecond", 11);
    stage_end();
}
END_TEST

/* Pieces of this size until more have come than the tray has places or bytes. */
static const size_t sizes[] = {1, 700, GW_TRAY_COPY_MAX, GW_TRAY_COPY_MAX + 1, 4000};

START_TEST(more_than_the_tray_holds_keeps_its_order)
{
    size_t len = sizes[_i], at = 0;

    begin();
    for (int i = 0; i < 3 * GW_TRAY_IOV_MAX && at + 2 * len < sizeof(large); i++, at += 2 * len) {
        gw_tray_place(stage.worker, conn, (uint8_t *)large + at, len);
        gw_tray_write(stage.worker, conn, large + at + len, len);
    }
    gw_tray_send(stage.worker);
    ck_sent(large, at);
    stage_end();
}
END_TEST

START_TEST(nothing_is_written_for_the_dead)
{
    begin();
    gw_tray_write(stage.worker, conn, "gone", 4);
    gw_conn_kill(stage.worker, conn); /* with what lay in the tray */
    gw_tray_write(stage.worker, conn, "gone", 4);
    gw_tray_place(stage.worker, conn, (uint8_t *)large, 5000);
    ck_assert_ptr_null(gw_tray_reserve(stage.worker, conn, 4));
    gw_tray_send(stage.worker);
    ck_assert_uint_eq(stage.send_count, 0);
    stage_go();
    stage_end();
}
END_TEST

/* --- Sockets that take a part --- */

static const ssize_t later[] = {1, 7, STAGE_ALL};

/* Small pieces, and a large one in the middle, which the test makes small. */
#define SAID "head." PRIVATE ".tail.and more of it"

START_TEST(wherever_a_send_stops_the_rest_follows)
{
    for (ssize_t takes = 0; takes <= (ssize_t)strlen(SAID); takes++) {
        begin();
        stage.takes = takes;
        stage.then = 0;
        gw_tray_write(stage.worker, conn, SAID, 20);
        gw_tray_send(stage.worker);
        ck_assert_int_eq(conn->owed != NULL, takes < 20);
        ck_assert_int_eq(gw_conn_paused(conn), takes < 20);
        gw_tray_write(stage.worker, conn, &SAID[20], strlen(SAID) - 20);
        if (takes >= 20)
            gw_tray_send(stage.worker);
        if (conn->owed)
            let_go(later[_i]);
        ck_sent(SAID, strlen(SAID));
        ck_alive();
        stage_end();
    }
}
END_TEST

/* The pieces of one send: copied ones and placed ones; every position of the borders between. */
START_TEST(a_send_of_many_pieces_stops_anywhere)
{
    static const size_t stops[] = {0, 1, 99, 100, 101, 5099, 5100, 5101, 5199, 5200, 7999, 10200};

    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        begin();
        stage.takes = (ssize_t)stops[i];
        gw_tray_write(stage.worker, conn, large, 100);
        gw_tray_place(stage.worker, conn, (uint8_t *)large + 100, 5000);
        gw_tray_write(stage.worker, conn, large + 5100, 100);
        gw_tray_place(stage.worker, conn, (uint8_t *)large + 5200, 5000);
        gw_tray_send(stage.worker);
        if (conn->owed)
            let_go(later[_i] == 1 ? 13 : later[_i]);
        ck_sent(large, 10200);
        stage_end();
    }
}
END_TEST

START_TEST(while_something_is_owed_nothing_overtakes_it)
{
    begin();
    stage.takes = stage.then = 0;
    gw_tray_write(stage.worker, conn, large, 10);
    gw_tray_send(stage.worker);
    ck_assert_ptr_nonnull(conn->owed);
    gw_tray_write(stage.worker, conn, large + 10, 10);
    ck_assert_ptr_null(gw_tray_reserve(stage.worker, conn, 4));
    gw_tray_place(stage.worker, conn, (uint8_t *)large + 20, 5000);
    gw_tray_write(stage.worker, conn, large + 5020, 5000);
    gw_tray_send(stage.worker);
    ck_assert_uint_eq(stage.sent_len, 0);
    ck_assert_uint_eq(stage.send_count, 1);
    let_go(1000);
    ck_sent(large, 10020);
    gw_tray_write(stage.worker, conn, large + 10020, 10); /* and then as before */
    gw_tray_send(stage.worker);
    ck_sent(large, 10030);
    stage_end();
}
END_TEST

static const ssize_t errors[] = {-ECONNRESET, -EPIPE, -ETIMEDOUT};

START_TEST(a_broken_socket_ends_the_connection)
{
    begin();
    stage.takes = errors[_i];
    gw_tray_write(stage.worker, conn, "lost", 4);
    gw_tray_send(stage.worker);
    ck_assert_int_eq(conn->phase, GW_CONN_DEAD);
    stage_go();
    ck_assert_uint_eq(stage.gone_count, 1);
    stage_end();

    begin(); /* or later, with something owed */
    stage.takes = 2;
    gw_tray_write(stage.worker, conn, "lost", 4);
    gw_tray_send(stage.worker);
    stage.takes = errors[_i];
    gw_owed_send(stage.worker, conn);
    ck_assert_int_eq(conn->phase, GW_CONN_DEAD);
    stage_go();
    ck_assert_uint_eq(stage.gone_count, 1);
    stage_end();
}
END_TEST

/* --- Between two messages of a channel --- */

#define ONE "[the first message]"
#define TWO "[the second one, a little longer]"

static void publish(const char *text)
{
    struct gw_published result;
    struct gw_pub *pub;

    ck_assert_int_eq(
        gw_pub_new(&pub, &stage.meter.alloc, &(struct gw_pub_parts){.payload = GW_STR(text)}), 0);
    ck_assert_int_eq(gw_hub_publish(stage.worker->hub, GW_STR("c"), pub, 0, &result), 0);
}

static void subscribe(void)
{
    const struct gw_since since = {.kind = GW_SINCE_NEW};
    struct gw_subscribed result;

    ck_assert_int_eq(gw_hub_subscribe(stage.worker->hub, GW_STR("c"), &since, 0,
                                      gw_conn_handle(stage.worker, conn), conn->fd,
                                      &conn->subscription, &result),
                     0);
}

/* Where the private bytes must be when the sweep's send stopped after `takes`. */
static const char *order(ssize_t takes)
{
    if (takes == 0)
        return PRIVATE ONE TWO;
    return takes <= (ssize_t)strlen(ONE) ? ONE PRIVATE TWO : ONE TWO PRIVATE;
}

/* All that is owed, and what the channel has behind that, `then` bytes at a time. */
static void let_all_go(ssize_t then)
{
    do {
        let_go(then);
        stage_go();
    } while (conn->owed);
}

START_TEST(private_bytes_enter_only_between_two_messages)
{
    ssize_t all = (ssize_t)strlen(ONE TWO);

    for (ssize_t takes = 0; takes <= all; takes++) {
        bool within = takes != 0 && takes != (ssize_t)strlen(ONE) && takes != all;

        begin();
        subscribe();
        publish(ONE);
        publish(TWO);
        stage.takes = takes;
        stage.then = 0;
        stage_go();
        ck_assert_int_eq(conn->owed != NULL, takes < all);
        ck_assert_int_eq(conn->owed && conn->owed->pinned, within);
        gw_tray_write(stage.worker, conn, PRIVATE, 3);
        gw_tray_write(stage.worker, conn, &PRIVATE[3], strlen(PRIVATE) - 3);
        stage.takes = stage.then = later[_i];
        gw_tray_send(stage.worker);
        let_all_go(later[_i]);
        ck_sent(order(takes), strlen(PRIVATE ONE TWO));
        ck_assert_uint_eq(gw_hub_counts(stage.worker->hub).unit_bytes_pinned, 0);
        stage_end();
    }
}
END_TEST

/* What it is in the middle of is kept for it, whatever becomes of the channel meanwhile. */
START_TEST(a_message_that_was_begun_is_finished)
{
    begin();
    subscribe();
    publish(ONE);
    stage.takes = 5;
    stage.then = 0;
    stage_go();
    ck_assert(conn->owed->pinned);
    gw_hub_unsubscribe(stage.worker->hub, conn->subscription);
    conn->subscription = GW_SUBSCRIPTION_NONE;
    stage_wait(8 * GW_NS_PER_S, GW_NS_PER_S);
    let_go(3);
    ck_sent(ONE, strlen(ONE));
    stage_end();
}
END_TEST

START_TEST(who_dies_in_mid_message_gives_its_pin_back)
{
    begin();
    subscribe();
    publish(ONE);
    stage.takes = 5;
    stage.then = 0;
    stage_go();
    ck_assert(conn->owed->pinned);
    gw_conn_kill(stage.worker, conn);
    stage_go();
    ck_assert_uint_eq(gw_hub_counts(stage.worker->hub).unit_bytes_pinned, 0);
    stage_end();
}
END_TEST

/* Our half is shut down behind the last byte, not before. */
START_TEST(a_goodbye_waits_for_what_is_owed)
{
    begin();
    stage.takes = 2;
    stage.then = 0;
    gw_tray_write(stage.worker, conn, "last words", 10);
    gw_conn_linger(stage.worker, conn);
    ck_assert_uint_eq(stage.finish_count, 0);
    let_go(1);
    ck_assert_uint_eq(stage.finish_count, 1);
    ck_sent("last words", 10);
    stage_end();
}
END_TEST

/* --- Limits --- */

static const struct {
    int above;
    bool alive;
} edges[] = {{-1, true}, {0, true}, {1, false}};

START_TEST(what_waits_is_bounded)
{
    size_t len = CAP + (size_t)edges[_i].above;

    begin();
    stage.takes = stage.then = 0;
    gw_tray_write(stage.worker, conn, large, 1000);
    gw_tray_send(stage.worker);
    gw_tray_write(stage.worker, conn, large + 1000, len - 1000);
    ck_assert_int_eq(conn->phase != GW_CONN_DEAD, edges[_i].alive);
    if (edges[_i].alive) {
        let_go(STAGE_ALL);
        ck_sent(large, len);
    }
    stage_go();
    stage_end();
}
END_TEST

/* Over HTTP one answer is as long as it is: that is no reason to cut. */
START_TEST(an_answer_may_be_longer)
{
    size_t len = CAP + 100000;

    begin();
    gw_conn_move(conn, GW_CONN_ANSWER);
    stage.takes = stage.then = 0;
    gw_tray_write(stage.worker, conn, large, 1000);
    gw_tray_write(stage.worker, conn, large + 1000, len - 1000);
    ck_alive();
    gw_conn_move(conn, GW_CONN_REQUEST);
    let_go(4096);
    ck_sent(large, len);
    stage_go();
    stage_end();
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    for (long left = 0;; left++) {
        begin();
        subscribe();
        publish(ONE);
        stage.takes = 5;
        stage.then = 0;
        stage.meter.left = left;
        stage_go();
        if (stage.gone_count == 0) {
            gw_tray_write(stage.worker, conn, PRIVATE, strlen(PRIVATE));
            gw_tray_send(stage.worker);
            stage_go();
        }
        stage.meter.left = METER_UNLIMITED;
        if (stage.meter.failed == 0) {
            let_go(STAGE_ALL);
            ck_sent(ONE PRIVATE, strlen(ONE PRIVATE));
            stage_end();
            break;
        }
        ck_assert_uint_le(stage.gone_count, 1); /* it is gone, or all is well */
        stage_end();
    }
}
END_TEST

/* Half a message is out, and then nothing: cut when write_timeout is over, a look later at most. */
START_TEST(a_socket_that_takes_nothing_is_given_up)
{
    begin();
    stage.takes = 2;
    stage.then = 0;
    stage.unsent = 1000;
    gw_tray_write(stage.worker, conn, "stuck", 5);
    gw_tray_send(stage.worker);
    stage_wait(9900 * GW_NS_PER_MS, 100 * GW_NS_PER_MS);
    ck_alive();
    stage_wait(2600 * GW_NS_PER_MS, 100 * GW_NS_PER_MS);
    ck_assert_uint_eq(stage.gone_count, 1);
    stage_end();
}
END_TEST

START_TEST(a_kernel_that_gets_rid_of_bytes_makes_progress)
{
    begin();
    stage.takes = 2;
    stage.then = 0;
    stage.unsent = 1000;
    gw_tray_write(stage.worker, conn, "slow", 4);
    gw_tray_send(stage.worker);
    for (int i = 0; i < 5; i++) {
        stage_wait(9 * GW_NS_PER_S, 100 * GW_NS_PER_MS);
        stage.unsent -= 1;
    }
    ck_alive();
    stage_wait(20 * GW_NS_PER_S, 100 * GW_NS_PER_MS); /* message_timeout, progress or not */
    ck_assert_uint_eq(stage.gone_count, 1);
    stage_end();
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, what_is_written_leaves_in_one_send);
    tcase_add_test(tests, what_was_not_needed_is_not_sent);
    tcase_add_test(tests, what_is_thrown_away_is_not_sent);
    tcase_add_test(tests, what_is_written_for_another_sends_the_first_ones);
    tcase_add_loop_test(tests, more_than_the_tray_holds_keeps_its_order, 0, SUITE_ROWS(sizes));
    tcase_add_test(tests, nothing_is_written_for_the_dead);
    tcase_add_loop_test(tests, wherever_a_send_stops_the_rest_follows, 0, SUITE_ROWS(later));
    tcase_add_loop_test(tests, a_send_of_many_pieces_stops_anywhere, 0, SUITE_ROWS(later));
    tcase_add_test(tests, while_something_is_owed_nothing_overtakes_it);
    tcase_add_loop_test(tests, a_broken_socket_ends_the_connection, 0, SUITE_ROWS(errors));
    tcase_add_loop_test(tests, private_bytes_enter_only_between_two_messages, 0, SUITE_ROWS(later));
    tcase_add_test(tests, a_message_that_was_begun_is_finished);
    tcase_add_test(tests, who_dies_in_mid_message_gives_its_pin_back);
    tcase_add_test(tests, a_goodbye_waits_for_what_is_owed);
    tcase_add_loop_test(tests, what_waits_is_bounded, 0, SUITE_ROWS(edges));
    tcase_add_test(tests, an_answer_may_be_longer);
    tcase_add_test(tests, memory_may_run_out_anywhere);
    tcase_add_test(tests, a_socket_that_takes_nothing_is_given_up);
    tcase_add_test(tests, a_kernel_that_gets_rid_of_bytes_makes_progress);
}

int main(void)
{
    return suite_main("edge/tray", fill);
}
