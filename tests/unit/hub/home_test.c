/* home_test.c - the home of a channel: whom publishers wait for, and who is answered when. */
#include "hub/hub.h"

#include "lib/suite.h"
#include "unit/hub/stage.h"

static struct stage stage;
static unsigned home;

static void open_stage(unsigned workers, uint32_t slots)
{
    stage_open(&stage, workers, slots);
    home = gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[0]));
}

static void subscribe_turn(unsigned reader, unsigned worker)
{
    stage_begin(&stage, worker);
    (void)stage_subscribe(&stage, reader, worker, 0, "new", 0);
    (void)stage_end(&stage, worker);
}

static int publish_turn(unsigned worker, size_t len)
{
    struct gw_published result;
    int status;

    stage_begin(&stage, worker);
    stage_letters(&stage, worker);
    status = stage_publish(&stage, worker, 0, len, &result);
    (void)stage_end(&stage, worker);
    return status;
}

static uint32_t deferred_count(void)
{
    return stage.hubs[home]->deferred_count;
}

/* --- Whom publishers wait for --- */

/* What it has not been offered is neither dropped nor added to without end. */
START_TEST(publishers_wait_for_a_single_reader_too)
{
    unsigned accepted = 0;

    open_stage(1, 0);
    stage.history.count_max = 0;
    subscribe_turn(0, home);
    stage.send_max = 0;
    for (unsigned turn = 0; turn < 20; turn++)
        accepted += publish_turn(home, 10000) == 0;
    ck_assert_uint_eq(accepted, 4); /* half of 64 KiB */
    stage.send_max = 1000;
    (void)stage_turn(&stage, home);
    ck_assert_int_eq(stage.readers[0].state, READER_STANDS);
    ck_assert_uint_eq(stage.readers[0].messages, 4);
    stage_close(&stage);
}
END_TEST

START_TEST(publishers_wait_for_whichever_branch_is_late)
{
    unsigned late;

    open_stage(3, 4);
    subscribe_turn(0, (home + 1) % 3);
    stage_turns(&stage, 2);
    subscribe_turn(1, (home + 2) % 3);
    stage_turns(&stage, 2);
    late = (home + 1 + (unsigned)_i) % 3;
    ck_assert_int_eq(publish_turn(home, 40000), 0);
    for (unsigned worker = 0; worker < 3; worker++) {
        stage.send_max = worker == late ? 0 : 1000;
        (void)stage_turn(&stage, worker);
    }
    ck_assert_int_eq(publish_turn(home, 20), GW_ERR_FULL);
    stage.send_max = 1000;
    (void)stage_turn(&stage, late);
    ck_assert_int_eq(publish_turn(home, 20), 0);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.readers[0].messages, 2);
    ck_assert_uint_eq(stage.readers[1].messages, 2);
    stage_close(&stage);
}
END_TEST

/* --- Answers that are kept back --- */

/* Two workers have published eight times each, into a channel without room. */
static void defer_sixteen(void)
{
    open_stage(3, 8);
    subscribe_turn(0, home);
    stage.send_max = 0;
    ck_assert_int_eq(publish_turn(home, 40000), 0);
    for (unsigned i = 0; i < 16; i++)
        ck_assert_int_eq(publish_turn((home + 1 + i % 2) % 3, 20), GW_PENDING);
    (void)stage_turn(&stage, home);
}

START_TEST(all_answers_that_are_kept_back_come_in_the_end)
{
    defer_sixteen();
    ck_assert_uint_eq(deferred_count(), 16);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[home]).replies_deferred, 16);
    (void)stage_turn(&stage, home);
    ck_assert_uint_eq(deferred_count(), 16);
    stage.send_max = 1000;
    (void)stage_turn(&stage, home);
    ck_assert_uint_eq(deferred_count(), 0);
    stage_turns(&stage, 1);
    ck_assert_uint_eq(stage.answered, 16);
    ck_assert_uint_eq(stage.readers[0].messages, 17);
    stage_close(&stage);
}
END_TEST

/* It goes at once: the publisher is a little faster than it should be. */
START_TEST(an_answer_that_cannot_be_kept_back_is_not_lost)
{
    open_stage(2, 4);
    subscribe_turn(0, home);
    stage.send_max = 0;
    ck_assert_int_eq(publish_turn(home, 40000), 0);
    ck_assert_int_eq(publish_turn(1 - home, 20), GW_PENDING);
    ck_assert_int_eq(publish_turn(1 - home, 20), GW_PENDING);
    stage_begin(&stage, home);
    stage.meter.left = 0;
    stage_letters(&stage, home);
    stage.meter.left = METER_UNLIMITED;
    (void)stage_end(&stage, home);
    ck_assert_uint_eq(deferred_count(), 0);
    (void)stage_turn(&stage, 1 - home);
    ck_assert_uint_eq(stage.answered, 2);
    ck_assert_uint_eq(stage.failed_publishes, 0);
    stage.send_max = 1000;
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.readers[0].messages, 3);
    stage_close(&stage);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, publishers_wait_for_a_single_reader_too);
    tcase_add_loop_test(tests, publishers_wait_for_whichever_branch_is_late, 0, 2);
    tcase_add_test(tests, all_answers_that_are_kept_back_come_in_the_end);
    tcase_add_test(tests, an_answer_that_cannot_be_kept_back_is_not_lost);
}

int main(void)
{
    return suite_main("hub/home", fill);
}
