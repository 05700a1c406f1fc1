/* door_test.c - hubs that are made and freed, and readers that go on and go. */
#include "hub/hub.h"

#include <stdio.h>

#include "lib/suite.h"
#include "unit/hub/stage.h"

static struct stage stage;

static void publish_turn(size_t len)
{
    struct gw_published result;

    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, len, &result), 0);
    (void)stage_end(&stage, 0);
}

static void subscribe_turn(unsigned reader, const char *since)
{
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_subscribe(&stage, reader, 0, 0, since, 0), 0);
    (void)stage_end(&stage, 0);
}

/* --- Hubs --- */

static struct gw_position position_in_life(uint64_t life)
{
    struct gw_hub_options options;
    struct gw_position position;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.life = life;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    subscribe_turn(0, "new");
    position = stage.readers[0].start.start;
    stage_close(&stage);
    return position;
}

START_TEST(each_life_of_a_node_has_its_epochs)
{
    ck_assert_uint_eq(position_in_life(1).epoch, position_in_life(1).epoch);
    ck_assert_uint_ne(position_in_life(1).epoch, position_in_life(2).epoch);
    ck_assert_uint_ne(position_in_life(1).epoch, position_in_life(UINT64_MAX).epoch);
}
END_TEST

/* A publication from the last of the workers, to a channel whose home is the first, and which has
 * no room: its answer is kept back, and goes with the hub. */
START_TEST(a_node_may_have_so_many_workers)
{
    const struct gw_since now = {.kind = GW_SINCE_NEW};
    const struct gw_pub_parts parts = {.payload = {"text", 4}};
    struct gw_letter letter = {.kind = GW_LETTER_PUBLISH, .from = GW_WORKERS_MAX - 1, .asker = 1};
    struct gw_hub_options options;
    struct gw_subscribed subscribed;
    uint32_t subscription;
    char name[16] = "";

    stage_init(&stage, 1, 2);
    options = stage_options(&stage, 0);
    options.worker_count = GW_WORKERS_MAX;
    options.live_log_bytes = 2;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    for (unsigned i = 0; i == 0 || gw_registry_home_of(stage.hubs[0], GW_STR(name)) != 0; i++)
        snprintf(name, sizeof(name), "name %u", i);
    stage_begin(&stage, 0);
    ck_assert_int_eq(
        gw_hub_subscribe(stage.hubs[0], GW_STR(name), &now, 0, 1, 0, &subscription, &subscribed),
        0);
    ck_assert_int_eq(gw_pub_new(&letter.pubs, &stage.meter.alloc, &parts), 0);
    ck_assert_int_eq(gw_registry_copy_name(stage.hubs[0], GW_STR(name), &letter.name), 0);
    gw_hub_receive(stage.hubs[0], &letter);
    stage.send_max = 0;
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).replies_deferred, 1);
    stage_begin(&stage, 0);
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

/* Whichever worker they wait for. */
START_TEST(asks_that_wait_go_with_their_hub)
{
    unsigned worker;
    int channel = 0;

    stage_open(&stage, 3, 1);
    worker = (unsigned)_i % 3;
    while (channel < STAGE_CHANNELS &&
           gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[channel])) != worker)
        channel++;
    ck_assert_int_lt(channel, STAGE_CHANNELS);
    worker = (worker + 1) % 3;
    stage_begin(&stage, worker);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, worker, channel, "all", 0), GW_PENDING);
    (void)stage_end(&stage, worker);
    ck_assert_uint_eq(stage.hubs[worker]->ask_count, 2);
    stage_close(&stage);
}
END_TEST

/* --- Readers --- */

/* Its connection, which was full, was closed in the same turn. */
START_TEST(who_is_gone_may_be_unblocked)
{
    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    stage.readers[0].room = 0;
    publish_turn(20);
    ck_assert(stage.readers[0].blocked);
    stage_begin(&stage, 0);
    gw_hub_unsubscribe(stage.hubs[0], stage.readers[0].subscription);
    gw_hub_unblock(stage.hubs[0], stage.readers[0].subscription);
    stage.readers[0].state = READER_FREE;
    ck_assert_uint_eq(stage_end(&stage, 0), 0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).subscriptions, 0);
    stage_close(&stage);
}
END_TEST

/* The live log was kept for it as long as it might still have wanted some of it. */
START_TEST(the_live_log_goes_when_the_last_one_goes_on)
{
    stage_open(&stage, 1, 0);
    stage.history.count_max = 0;
    subscribe_turn(0, "new");
    stage.readers[0].room = 0;
    for (unsigned turn = 0; turn < 3; turn++)
        publish_turn(40000);
    stage_begin(&stage, 0);
    stage_drain(&stage, 0, STAGE_ROOM);
    (void)stage_end(&stage, 0);
    ck_assert_int_eq(stage.readers[0].state, READER_LOST);
    ck_assert_uint_gt(gw_hub_counts(stage.hubs[0]).log_bytes, 0);
    stage_begin(&stage, 0);
    stage_resume(&stage, 0);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).log_bytes, 0);
    stage_close(&stage);
}
END_TEST

/* One comes after the other, with nothing published in between: what was made for the first is
 * still there, though there has been a sweep before. */
START_TEST(a_backlog_is_encoded_once_for_many)
{
    uint64_t made;

    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    for (unsigned i = 0; i < 5; i++)
        publish_turn(20);
    made = gw_hub_counts(stage.hubs[0]).units_made;
    for (unsigned reader = 1; reader < 10; reader++) {
        subscribe_turn(reader, "all");
        ck_assert_uint_eq(stage.readers[reader].messages, 5);
    }
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).units_made, made + 5);
    stage_close(&stage);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, each_life_of_a_node_has_its_epochs);
    tcase_add_test(tests, a_node_may_have_so_many_workers);
    tcase_add_loop_test(tests, asks_that_wait_go_with_their_hub, 0, 3);
    tcase_add_test(tests, who_is_gone_may_be_unblocked);
    tcase_add_test(tests, the_live_log_goes_when_the_last_one_goes_on);
    tcase_add_test(tests, a_backlog_is_encoded_once_for_many);
}

int main(void)
{
    return suite_main("hub/door", fill);
}
