/* progress_test.c - a tracked subscription says that it has moved, and others say nothing. */
#include "hub/hub.h"

#include "lib/suite.h"
#include "unit/hub/stage.h"

static struct stage stage;

static void subscribe(unsigned reader, unsigned variant, bool tracked)
{
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_subscribe(&stage, reader, 0, 0, "new", variant), 0);
    if (tracked)
        gw_hub_track(stage.hubs[0], stage.readers[reader].subscription);
    (void)stage_end(&stage, 0);
}

static void publish(size_t len)
{
    struct gw_published result;

    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, len, &result), 0);
    (void)stage_end(&stage, 0);
}

static void drain(unsigned reader, size_t room)
{
    stage_begin(&stage, 0);
    stage_drain(&stage, reader, room);
    (void)stage_end(&stage, 0);
}

static void delete_it(void)
{
    struct gw_published result;

    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_delete(&stage, 0, 0, &result), 0);
    (void)stage_end(&stage, 0);
}

/* Two readers of a kind, one of which is tracked: it was told of `count` moves, the other of none.
 */
static void check_progress(uint64_t count)
{
    ck_assert_uint_eq(stage.readers[0].progress, count);
    ck_assert_uint_eq(stage.readers[1].progress, 0);
}

static void open_two(unsigned variant)
{
    stage_open(&stage, 1, 0);
    subscribe(0, variant, true);
    subscribe(1, variant, false);
}

START_TEST(what_was_sent_whole_is_progress)
{
    open_two((unsigned)_i);
    check_progress(0);
    publish(20);
    check_progress(1);
    publish(20);
    check_progress(2);
    stage_close(&stage);
}
END_TEST

START_TEST(what_the_socket_does_not_take_is_none)
{
    open_two(0);
    stage.readers[0].room = stage.readers[1].room = 0;
    publish(20);
    publish(20);
    check_progress(0);
    drain(0, STAGE_ROOM);
    drain(1, STAGE_ROOM);
    check_progress(1); /* both in one send */
    stage_close(&stage);
}
END_TEST

/* 32 bytes are a message: so many are taken of two. */
static const size_t rooms[] = {1, 31, 32, 33, 63};

START_TEST(what_was_sent_in_part_is_progress)
{
    open_two(0);
    stage.readers[0].room = stage.readers[1].room = 0;
    publish(20);
    publish(20);
    check_progress(0);
    drain(0, rooms[_i]);
    drain(1, rooms[_i]);
    ck_assert_int_eq(stage.readers[0].pinned, rooms[_i] != 32);
    check_progress(1);
    /* Where it is behind the message that it stopped in, whose rest its owner sends. */
    ck_assert_uint_eq(gw_hub_where(stage.hubs[0], stage.readers[0].subscription).offset,
                      1 + (rooms[_i] > 32));
    drain(0, STAGE_ROOM);
    drain(1, STAGE_ROOM);
    check_progress(rooms[_i] > 32 ? 1 : 2);
    stage_close(&stage);
}
END_TEST

START_TEST(a_broken_socket_makes_none)
{
    open_two(0);
    stage.readers[0].broken = stage.readers[1].broken = -EPIPE;
    publish(20);
    check_progress(0);
    stage_close(&stage);
}
END_TEST

START_TEST(a_restart_that_is_survived_is_progress)
{
    open_two(0);
    publish(20);
    check_progress(1);
    delete_it();
    check_progress(2);
    ck_assert_int_eq(stage.readers[0].state, READER_STANDS);
    publish(20);
    check_progress(3);
    stage_close(&stage);
}
END_TEST

/* Neither for one who is told of every restart, nor for one who lacked something. */
START_TEST(a_restart_that_is_not_survived_is_none)
{
    open_two(_i == 0);
    if (_i == 1) {
        stage.readers[0].room = stage.readers[1].room = 0;
        publish(20);
    }
    delete_it();
    check_progress(0);
    ck_assert_int_eq(stage.readers[0].state, READER_LOST);
    stage_close(&stage);
}
END_TEST

/* When all was sent, or stopped between two messages, or within one; and in a restart. */
START_TEST(who_hears_of_it_may_leave)
{
    static const size_t takes[] = {STAGE_ROOM, 32, 40, STAGE_ROOM};

    open_two(0);
    stage.readers[0].leaves = _i < 3;
    stage.readers[0].room = 0;
    publish(20);
    publish(20);
    drain(0, takes[_i]);
    check_progress(1);
    stage.readers[0].leaves = true;
    if (_i == 3) {
        delete_it();
        check_progress(2);
    }
    ck_assert_int_eq(stage.readers[0].state, READER_FREE);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).subscriptions, 1);
    publish(20);
    ck_assert_int_eq(stage.readers[1].state, READER_STANDS);
    stage_close(&stage);
}
END_TEST

/* A place that is used again is not tracked because the one before was. */
START_TEST(the_next_subscription_is_not_tracked)
{
    open_two(0);
    stage_begin(&stage, 0);
    stage_unsubscribe(&stage, 0);
    (void)stage_end(&stage, 0);
    subscribe(0, 0, false);
    publish(20);
    check_progress(0);
    stage_close(&stage);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, what_was_sent_whole_is_progress, 0, 2);
    tcase_add_test(tests, what_the_socket_does_not_take_is_none);
    tcase_add_loop_test(tests, what_was_sent_in_part_is_progress, 0, SUITE_ROWS(rooms));
    tcase_add_test(tests, a_broken_socket_makes_none);
    tcase_add_test(tests, a_restart_that_is_survived_is_progress);
    tcase_add_loop_test(tests, a_restart_that_is_not_survived_is_none, 0, 2);
    tcase_add_loop_test(tests, who_hears_of_it_may_leave, 0, 4);
    tcase_add_test(tests, the_next_subscription_is_not_tracked);
}

int main(void)
{
    return suite_main("hub/progress", fill);
}
