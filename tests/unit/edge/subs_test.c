/* subs_test.c - one subscription costs nothing, a list of them is blocked, held and left as one. */
#include "edge/subs.h"

#include "lib/suite.h"
#include "unit/edge/stage.h"

static struct gw_conn *conn;

static void begin(void)
{
    stage_begin(&stage_settings);
    ck_assert(stage_connect("127.0.0.1"));
    conn = stage_last();
}

static void publish(const char *channel, const char *text)
{
    struct gw_published result;
    struct gw_pub *pub;

    ck_assert_int_eq(
        gw_pub_new(&pub, &stage.meter.alloc, &(struct gw_pub_parts){.payload = GW_STR(text)}), 0);
    ck_assert_int_eq(gw_hub_publish(stage.worker->hub, GW_STR(channel), pub, 0, &result), 0);
}

static uint32_t subscribe(const char *channel)
{
    const struct gw_since since = {.kind = GW_SINCE_NEW};
    struct gw_subscribed result;
    uint32_t subscription;

    ck_assert_int_eq(gw_hub_subscribe(stage.worker->hub, GW_STR(channel), &since, 0,
                                      gw_conn_handle(stage.worker, conn), conn->fd, &subscription,
                                      &result),
                     0);
    return subscription;
}

/* Channels `a`, `b` and `c` in a list, on a connection in this phase. */
static void begin_with_three(enum gw_conn_phase phase, uint32_t subscriptions[3])
{
    static const char *const names[] = {"a", "b", "c"};

    begin();
    gw_conn_move(conn, phase);
    ck_assert_int_eq(gw_subs_make_list(stage.worker, conn, 3), 0);
    for (int i = 0; i < 3; i++) {
        subscriptions[i] = subscribe(names[i]);
        gw_subs_add(stage.worker, conn, subscriptions[i]);
    }
}

static uint64_t subscribed(void)
{
    return gw_hub_counts(stage.worker->hub).subscriptions;
}

/* All that has been sent so far. */
static void ck_sent(const char *text)
{
    stage_go();
    ck_assert_uint_eq(stage.sent_len, strlen(text));
    ck_assert_mem_eq(stage.sent, text, strlen(text));
}

/* --- What there is --- */

START_TEST(one_stands_in_the_connection_and_takes_no_memory)
{
    uint32_t subscription;
    long taken;

    begin();
    ck_assert_uint_eq(gw_subs_count(stage.worker, conn), 0);
    gw_subs_block(stage.worker, conn); /* none is fine */
    gw_subs_unblock(stage.worker, conn);
    gw_subs_leave(stage.worker, conn);
    subscription = subscribe("a");
    taken = stage.meter.taken;
    gw_subs_add(stage.worker, conn, subscription);
    ck_assert_int_eq(stage.meter.taken, taken);
    ck_assert_uint_eq(conn->subscription, subscription);
    ck_assert_uint_eq(gw_subs_count(stage.worker, conn), 1);
    ck_assert_uint_eq(gw_subs_at(stage.worker, conn, 0), subscription);
    ck_assert_uint_eq(gw_subs_find(stage.worker, conn, subscription), 0);
    publish("a", "one ");
    ck_sent("one ");
    gw_subs_block(stage.worker, conn);
    publish("a", "two");
    ck_sent("one ");
    gw_subs_unblock(stage.worker, conn);
    ck_sent("one two");
    gw_subs_forget(stage.worker, conn, subscription);
    ck_assert_uint_eq(gw_subs_count(stage.worker, conn), 0);
    ck_assert_uint_eq(subscribed(), 1); /* that is for its hub to do */
    conn->subscription = subscription;
    gw_subs_leave(stage.worker, conn);
    stage_go();
    ck_assert_uint_eq(subscribed(), 0);
    stage_end();
}
END_TEST

START_TEST(a_list_keeps_them_in_order)
{
    uint32_t subscriptions[3];

    begin_with_three(GW_CONN_OPEN, subscriptions);
    ck_assert_uint_eq(gw_subs_count(stage.worker, conn), 3);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(gw_subs_at(stage.worker, conn, i), subscriptions[i]);
        ck_assert_uint_eq(gw_subs_find(stage.worker, conn, subscriptions[i]), i);
    }
    gw_subs_forget(stage.worker, conn, subscriptions[1]);
    gw_hub_unsubscribe(stage.worker->hub, subscriptions[1]);
    ck_assert_uint_eq(gw_subs_at(stage.worker, conn, 1), GW_SUBSCRIPTION_NONE);
    ck_assert_uint_eq(gw_subs_find(stage.worker, conn, subscriptions[2]), 2);
    gw_subs_block(stage.worker, conn); /* what is forgotten is passed over */
    gw_subs_unblock(stage.worker, conn);
    gw_subs_leave(stage.worker, conn);
    stage_go();
    ck_assert_uint_eq(subscribed(), 0);
    stage_end();
}
END_TEST

static void end_by_kill(void)
{
    gw_conn_kill(stage.worker, conn);
}

static void end_by_linger(void)
{
    gw_conn_linger(stage.worker, conn);
}

static void end_by_leave(void)
{
    gw_subs_leave(stage.worker, conn);
}

static void (*const ends[])(void) = {end_by_kill, end_by_linger, end_by_leave};

START_TEST(however_it_ends_all_are_left_and_the_list_is_gone)
{
    uint32_t subscriptions[3];

    begin_with_three(GW_CONN_OPEN, subscriptions);
    gw_subs_lose(stage.worker, conn, subscriptions[2], GW_RESET_EPOCH);
    ck_assert_uint_eq(gw_slab_count(stage.worker->lists), 1);
    ends[_i]();
    ck_assert_uint_eq(gw_slab_count(stage.worker->lists), 0);
    ck_assert_uint_eq(conn->subscription, GW_SUBSCRIPTION_NONE);
    ck_assert_uint_eq(conn->flags & (GW_CONN_MANY | GW_CONN_LOST | GW_CONN_RESTARTED), 0);
    stage_go();
    ck_assert_uint_eq(subscribed(), 0);
    stage_end();
}
END_TEST

START_TEST(a_list_that_cannot_be_made_leaves_none)
{
    begin();
    for (long left = 0;; left++) {
        int status;

        stage.meter.left = left;
        status = gw_subs_make_list(stage.worker, conn, 3);
        stage.meter.left = METER_UNLIMITED;
        ck_assert_uint_eq(gw_slab_count(stage.worker->lists), status == 0);
        if (status == 0)
            break;
        ck_assert_int_eq(status, -ENOMEM);
        ck_assert_uint_eq(conn->subscription, GW_SUBSCRIPTION_NONE);
        ck_assert_uint_eq(conn->flags & GW_CONN_MANY, 0);
    }
    ck_assert_uint_eq(gw_subs_count(stage.worker, conn), 0);
    stage_end();
}
END_TEST

/* --- Held and blocked --- */

START_TEST(a_list_is_held_until_the_connection_is_open)
{
    uint32_t subscriptions[3];

    begin_with_three(GW_CONN_OPENING, subscriptions);
    publish("a", "a");
    publish("b", "b");
    ck_sent("");
    gw_subs_unblock(stage.worker, conn); /* an answer that it was owed before is out */
    ck_sent("");
    gw_conn_move(conn, GW_CONN_OPEN);
    ck_sent("");
    gw_subs_unblock(stage.worker, conn);
    stage_go();
    ck_assert_uint_eq(stage.sent_len, 2);
    publish("c", "c");
    stage_go();
    ck_assert_uint_eq(stage.sent_len, 3);
    stage_end();
}
END_TEST

/* Stopped after `_i` bytes of "alpha": in its middle nothing else may come, whoever has it. */
START_TEST(a_socket_that_takes_no_more_blocks_all_of_them)
{
    uint32_t subscriptions[3];

    begin_with_three(GW_CONN_OPEN, subscriptions);
    gw_subs_unblock(stage.worker, conn);
    stage.takes = _i;
    stage.then = 0;
    publish("a", "alpha ");
    stage_go();
    ck_assert_ptr_nonnull(conn->owed);
    stage.takes = stage.then = STAGE_ALL; /* it would take them, if anybody asked */
    publish("b", "beta ");
    publish("c", "gamma ");
    stage_go();
    ck_assert_uint_eq(stage.sent_len, (size_t)_i);
    stage.writable = true;
    stage.writable_token = gw_conn_handle(stage.worker, conn);
    stage_go();
    stage_go();
    ck_assert_ptr_null(conn->owed);
    ck_assert_uint_eq(stage.sent_len, strlen("alpha beta gamma "));
    if (_i > 0)
        ck_assert_mem_eq(stage.sent, "alpha ", 6);
    stage_end();
}
END_TEST

/* --- Lost --- */

static const enum gw_reset reasons[] = {GW_RESET_EPOCH, GW_RESET_EXPIRED};

START_TEST(one_that_lost_its_place_is_remembered_with_the_reason)
{
    enum gw_reset reason;
    uint32_t lost;

    begin();
    gw_subs_add(stage.worker, conn, subscribe("a"));
    ck_assert(!gw_subs_take_lost(stage.worker, conn, &lost, &reason));
    for (int round = 0; round < 2; round++) {
        gw_subs_lose(stage.worker, conn, conn->subscription, reasons[_i]);
        ck_assert(conn->flags & GW_CONN_LOST);
        ck_assert(gw_subs_take_lost(stage.worker, conn, &lost, &reason));
        ck_assert_uint_eq(lost, conn->subscription);
        ck_assert_int_eq(reason, reasons[_i]);
        ck_assert(!gw_subs_take_lost(stage.worker, conn, &lost, &reason));
        ck_assert_uint_eq(conn->flags & (GW_CONN_LOST | GW_CONN_RESTARTED), 0);
    }
    stage_end();
}
END_TEST

START_TEST(of_a_list_each_is_remembered)
{
    uint32_t subscriptions[3], lost;
    enum gw_reset reason;

    begin_with_three(GW_CONN_OPEN, subscriptions);
    gw_subs_lose(stage.worker, conn, subscriptions[2], GW_RESET_EXPIRED);
    gw_subs_lose(stage.worker, conn, subscriptions[0], GW_RESET_EXPIRED);
    gw_subs_lose(stage.worker, conn, subscriptions[0], GW_RESET_EPOCH); /* the later one is told */
    ck_assert(gw_subs_take_lost(stage.worker, conn, &lost, &reason));
    ck_assert_uint_eq(lost, subscriptions[0]);
    ck_assert_int_eq(reason, GW_RESET_EPOCH);
    ck_assert(conn->flags & GW_CONN_LOST);
    ck_assert(gw_subs_take_lost(stage.worker, conn, &lost, &reason));
    ck_assert_uint_eq(lost, subscriptions[2]);
    ck_assert_int_eq(reason, GW_RESET_EXPIRED);
    ck_assert(!gw_subs_take_lost(stage.worker, conn, &lost, &reason));
    ck_assert_uint_eq(conn->flags & GW_CONN_LOST, 0);
    stage_end();
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, one_stands_in_the_connection_and_takes_no_memory);
    tcase_add_test(tests, a_list_keeps_them_in_order);
    tcase_add_loop_test(tests, however_it_ends_all_are_left_and_the_list_is_gone, 0,
                        SUITE_ROWS(ends));
    tcase_add_test(tests, a_list_that_cannot_be_made_leaves_none);
    tcase_add_test(tests, a_list_is_held_until_the_connection_is_open);
    tcase_add_loop_test(tests, a_socket_that_takes_no_more_blocks_all_of_them, 0, 6);
    tcase_add_loop_test(tests, one_that_lost_its_place_is_remembered_with_the_reason, 0,
                        SUITE_ROWS(reasons));
    tcase_add_test(tests, of_a_list_each_is_remembered);
}

int main(void)
{
    return suite_main("edge/subs", fill);
}
