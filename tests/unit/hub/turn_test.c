/* turn_test.c - what begins and ends a turn: its lists, its timers, its bounds, and when the next
 * one is wanted. */
#include "hub/hub.h"

#include <stdio.h>

#include "lib/suite.h"
#include "unit/hub/stage.h"

static struct stage stage;

static uint64_t channels(void)
{
    return gw_hub_counts(stage.hubs[0]).channels;
}

/* --- A channel that was left alone --- */

static const struct {
    const char *what;
    uint64_t left; /* of the channel */
} uses[] = {{"publish", 1}, {"subscribe", 1}, {"read", 1}, {"delete", 0}};

static void use(const char *what)
{
    struct gw_published result;

    if (strcmp(what, "publish") == 0) {
        ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0);
        ck_assert_uint_eq(result.position.offset, 2);
    } else if (strcmp(what, "subscribe") == 0) {
        ck_assert_int_eq(stage_subscribe(&stage, 0, 0, 0, "new", 0), 0);
    } else if (strcmp(what, "read") == 0) {
        ck_assert_int_eq(stage_read(&stage, 0, 0, "all", 5, false), 0);
    } else {
        ck_assert_int_eq(stage_delete(&stage, 0, 0, &result), 0);
    }
}

/* Its time is over in the very turn in which somebody comes, who comes first. */
START_TEST(an_idle_channel_that_is_used_in_time_is_not_forgotten)
{
    struct gw_published result;

    stage_open(&stage, 1, 0);
    stage.history.count_max = 0;
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0);
    (void)stage_end(&stage, 0);
    stage_pass(&stage, 61 * GW_NS_PER_S);
    stage_begin(&stage, 0);
    use(uses[_i].what);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(channels(), uses[_i].left);
    stage_begin(&stage, 0);
    stage_unsubscribe(&stage, 0);
    (void)stage_end(&stage, 0);
    stage_pass(&stage, 61 * GW_NS_PER_S);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(channels(), 0); /* and a minute later it is */
    stage_close(&stage);
}
END_TEST

START_TEST(a_channel_is_idle_for_its_time_and_no_longer)
{
    struct gw_published result;

    stage_open(&stage, 1, 0);
    stage.history.count_max = 0;
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0);
    (void)stage_end(&stage, 0);
    for (unsigned second = 0; second < 59; second++) {
        stage_pass(&stage, GW_NS_PER_S);
        (void)stage_turn(&stage, 0);
        ck_assert_uint_eq(channels(), 1);
    }
    stage_pass(&stage, 2 * GW_NS_PER_S);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(channels(), 0);
    stage_close(&stage);
}
END_TEST

/* --- Lists --- */

static void publish_turn(int channel)
{
    struct gw_published result;

    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_publish(&stage, 0, channel, 20, &result), 0);
    (void)stage_end(&stage, 0);
}

/* Of five who have a backlog each goes in turn, before it was served; and then another comes. */
START_TEST(who_goes_takes_nobody_along)
{
    unsigned gone = (unsigned)_i;

    stage_open(&stage, 1, 0);
    publish_turn(0);
    stage.send_max = 0;
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, "all", 0), 0);
    stage_unsubscribe(&stage, gone);
    ck_assert_int_eq(stage_subscribe(&stage, 5, 0, 0, "all", 0), 0);
    (void)stage_end(&stage, 0);
    stage.send_max = 1000;
    (void)stage_turn(&stage, 0);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_eq(stage.readers[i].messages, i != gone);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).subscriptions, 5);
    stage_close(&stage);
}
END_TEST

/* Twenty readers of one channel take four turns, and one of another is served in the second. */
START_TEST(a_long_sweep_lets_the_others_in_between)
{
    struct gw_published result;

    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 21; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, i < 20 ? 0 : 1, "new", 0), 0);
    (void)stage_end(&stage, 0);
    stage.send_max = 5;
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 1, 20, &result), 0);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(stage.readers[20].messages, 0);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(stage.readers[20].messages, 1);
    for (unsigned turn = 0; turn < 3; turn++)
        (void)stage_turn(&stage, 0);
    for (unsigned i = 0; i < 20; i++)
        ck_assert_uint_eq(stage.readers[i].messages, 1);
    stage_close(&stage);
}
END_TEST

/* --- Bounds --- */

static void open_large(uint32_t channels_max)
{
    struct gw_hub_options options;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.channels_max = channels_max;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
}

static struct gw_str name_of(unsigned number)
{
    static char name[16];

    snprintf(name, sizeof(name), "name %u", number);
    return GW_STR(name);
}

START_TEST(a_turn_runs_a_bounded_number_of_timers)
{
    const struct gw_pub_parts parts = {.payload = {"text", 4}};

    open_large(GW_TIMERS_A_TURN + 10);
    stage.history.count_max = 0;
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < GW_TIMERS_A_TURN + 10; i++) {
        struct gw_published result;
        struct gw_pub *pub;

        ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &parts), 0);
        ck_assert_int_eq(gw_hub_publish(stage.hubs[0], name_of(i), pub, 1, &result), 0);
    }
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(channels(), GW_TIMERS_A_TURN + 10);
    stage_pass(&stage, 61 * GW_NS_PER_S);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(channels(), 10);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[0]), 0);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(channels(), 0);
    stage_close(&stage);
}
END_TEST

/* Names that somebody has asked for vanish again, but for one in this turn. */
START_TEST(a_turn_tidies_a_bounded_number_of_channels)
{
    const struct gw_read read = {.count_max = 1};
    struct gw_page page;

    open_large(GW_CHANNELS_A_TURN + 1);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i <= GW_CHANNELS_A_TURN; i++)
        MUST(gw_hub_read(stage.hubs[0], name_of(i), &read, 1, &page) == 0);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(channels(), 1);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[0]), GW_RETRY_NS);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(channels(), 0);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[0]), UINT64_MAX);
    stage_close(&stage);
}
END_TEST

/* The last reader of a branch goes, and the branch is not tidied in that turn, for there are too
 * many others: it still has a log when something comes, and somebody new after that. */
START_TEST(a_branch_that_is_tidied_late_loses_nothing)
{
    const struct gw_read read = {.count_max = 1};
    struct gw_published result;
    unsigned home, branch;
    struct gw_page page;

    stage_init(&stage, 2, 2);
    for (unsigned w = 0; w < 2; w++) {
        struct gw_hub_options options = stage_options(&stage, w);

        options.channels_max = GW_CHANNELS_A_TURN + 10;
        ck_assert_int_eq(stage_open_hub(&stage, w, &options), 0);
    }
    home = gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[0]));
    branch = 1 - home;
    stage_begin(&stage, branch);
    ck_assert_int_eq(stage_subscribe(&stage, 0, branch, 0, "new", 0), GW_PENDING);
    (void)stage_end(&stage, branch);
    stage_turns(&stage, 2);
    stage.readers[0].room = 0;
    for (unsigned i = 0; i < 2; i++) {
        stage_begin(&stage, home);
        ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
        (void)stage_end(&stage, home);
        if (i == 0)
            (void)stage_turn(&stage, branch);
    }
    stage_begin(&stage, branch); /* a second one is in the mailbox now */
    for (unsigned i = 0, made = 0; made < GW_CHANNELS_A_TURN; i++) {
        if (gw_registry_home_of(stage.hubs[0], name_of(i)) != branch)
            continue;
        made++;
        MUST(gw_hub_read(stage.hubs[branch], name_of(i), &read, 1, &page) == 0);
    }
    stage_unsubscribe(&stage, 0);
    (void)stage_end(&stage, branch);
    stage_begin(&stage, branch);
    stage_letters(&stage, branch);
    ck_assert_int_eq(stage_subscribe(&stage, 1, branch, 0, "new", 0), 0);
    stage_begin(&stage, home);
    ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
    (void)stage_end(&stage, home);
    stage_letters(&stage, branch);
    (void)stage_end(&stage, branch);
    ck_assert_uint_eq(stage.readers[1].messages, 1);
    stage_close(&stage);
}
END_TEST

/* --- When the next turn is wanted --- */

START_TEST(a_single_thing_to_do_is_enough_for_a_next_turn)
{
    struct gw_published result;

    stage_open(&stage, 1, 0);
    publish_turn(0);
    stage.send_max = 0;
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_subscribe(&stage, 0, 0, 0, "all", 0), 0); /* woken */
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[0]), 0);
    stage.send_max = 1000;
    (void)stage_turn(&stage, 0);
    ck_assert_uint_gt(gw_hub_wait_ns(stage.hubs[0]), 0);

    stage.send_max = 0;
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0); /* swept */
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[0]), 0);
    stage.send_max = 1000;
    (void)stage_turn(&stage, 0);
    ck_assert_uint_gt(gw_hub_wait_ns(stage.hubs[0]), 0);

    stage_unsubscribe(&stage, 0); /* removed */
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[0]), 0);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).subscriptions, 0);
    stage_close(&stage);
}
END_TEST

/* The only place of the mailbox is taken by a count. Whichever worker is asked. */
START_TEST(an_ask_without_room_wants_a_turn_a_little_later)
{
    unsigned home = (unsigned)_i, worker = (home + 1) % 3;
    int channel = 0;

    stage_open(&stage, 3, 1);
    while (gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[channel])) != home)
        ck_assert_int_lt(++channel, STAGE_CHANNELS);
    stage_begin(&stage, worker);
    (void)stage_subscribe(&stage, 0, worker, channel, "new", 0);
    (void)stage_end(&stage, worker);
    stage_turns(&stage, 2);
    stage_begin(&stage, worker);
    (void)stage_subscribe(&stage, 1, worker, channel, "new", 0);
    (void)stage_end(&stage, worker);
    ck_assert_uint_eq(stage.mail[worker][home].count, 1);
    stage_begin(&stage, worker);
    stage_unsubscribe(&stage, 1);
    ck_assert_int_eq(stage_subscribe(&stage, 2, worker, channel, "all", 0), GW_PENDING);
    (void)stage_end(&stage, worker);
    ck_assert_uint_eq(stage.hubs[worker]->tidy.count, 0);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[worker]), GW_RETRY_NS);
    stage_turns(&stage, 3);
    ck_assert_int_eq(stage.readers[2].state, READER_STANDS);
    stage_close(&stage);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, an_idle_channel_that_is_used_in_time_is_not_forgotten, 0,
                        SUITE_ROWS(uses));
    tcase_add_test(tests, a_channel_is_idle_for_its_time_and_no_longer);
    tcase_add_loop_test(tests, who_goes_takes_nobody_along, 0, 5);
    tcase_add_test(tests, a_long_sweep_lets_the_others_in_between);
    tcase_add_test(tests, a_turn_runs_a_bounded_number_of_timers);
    tcase_add_test(tests, a_turn_tidies_a_bounded_number_of_channels);
    tcase_add_test(tests, a_branch_that_is_tidied_late_loses_nothing);
    tcase_add_test(tests, a_single_thing_to_do_is_enough_for_a_next_turn);
    tcase_add_loop_test(tests, an_ask_without_room_wants_a_turn_a_little_later, 0, 3);
}

int main(void)
{
    return suite_main("hub/turn", fill);
}
