/* shed_test.c - all histories together are bounded, however many channels there are. */
#include "hub/hub.h"

#include <stdio.h>

#include "lib/suite.h"
#include "unit/hub/stage.h"

#define CHANNELS 400
#define COST     (1000 + sizeof(struct gw_pub))

static struct stage stage;

static void publish(unsigned channel, size_t len)
{
    static const char payload[10000];
    const struct gw_pub_parts parts = {.payload = {payload, len}};
    struct gw_published result;
    struct gw_pub *pub;
    char name[16];

    snprintf(name, sizeof(name), "channel %u", channel);
    ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &parts), 0);
    ck_assert_int_eq(gw_hub_publish(stage.hubs[0], GW_STR(name), pub, 1, &result), 0);
}

static void publish_turn(unsigned channel, size_t len)
{
    stage_begin(&stage, 0);
    publish(channel, len);
    (void)stage_end(&stage, 0);
}

static void open_hub(uint64_t total)
{
    struct gw_hub_options options;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.channels_max = CHANNELS;
    options.history_total_bytes = total;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
}

/* A few taken at random hardly ever find it: it is the one that was published to. At most ten of
 * its publications have room, and it loses half of them at a time. */
START_TEST(a_channel_that_grows_by_itself_is_found_at_once)
{
    const uint64_t total = CHANNELS * (1 + sizeof(struct gw_pub)) + 10 * COST;

    open_hub(total);
    for (unsigned i = 0; i < CHANNELS; i++)
        publish_turn(i, 1);
    for (unsigned turn = 0; turn < 100; turn++) {
        publish_turn(CHANNELS / 2, 1000);
        ck_assert_uint_le(gw_hub_counts(stage.hubs[0]).log_bytes, total);
    }
    ck_assert_uint_ge(gw_hub_counts(stage.hubs[0]).log_bytes, total - 6 * COST);
    ck_assert_uint_le(gw_hub_counts(stage.hubs[0]).histories_halved, 30);
    stage_close(&stage);
}
END_TEST

/* Sixteen come in one turn, and there is room for four: two halvings, in the same turn. */
START_TEST(what_comes_in_one_turn_is_shed_in_it)
{
    open_hub(4 * COST);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 16; i++)
        publish(0, 1000);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).log_bytes, 4 * COST);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).histories_halved, 2);
    stage_close(&stage);
}
END_TEST

/* With the oldest one most of the bytes have gone. */
START_TEST(no_more_is_shed_than_has_to_be)
{
    open_hub(4 * COST);
    stage_begin(&stage, 0);
    publish(0, 10000);
    for (unsigned i = 0; i < 4; i++)
        publish(0, 1000);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).log_bytes, 4 * COST);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).histories_halved, 1);
    stage_close(&stage);
}
END_TEST

/* Of 200 channels with one publication each, ten have room. */
START_TEST(a_turn_sheds_a_bounded_number_of_histories)
{
    open_hub(10 * COST);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 200; i++)
        publish(i, 1000);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).histories_halved, 64);
    ck_assert_uint_le(gw_hub_wait_ns(stage.hubs[0]),
                      GW_RETRY_NS); /* nothing else will remind of it */
    for (unsigned turn = 0; turn < 20; turn++)
        (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).histories_halved, 190);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).log_bytes, 10 * COST);
    ck_assert_uint_gt(gw_hub_wait_ns(stage.hubs[0]), GW_NS_PER_S);
    stage_close(&stage);
}
END_TEST

/* History is off: what is there is kept for a reader who is behind, and the others have no log. */
START_TEST(where_there_is_no_history_nothing_is_shed)
{
    struct gw_published result;

    open_hub(100);
    stage.history.count_max = 0;
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < STAGE_CHANNELS; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, (int)i, "new", 0), 0);
    stage.readers[1].room = 0;
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(stage_publish(&stage, 0, 1, 1000, &result), 0);
    (void)stage_end(&stage, 0);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).log_bytes, 3 * COST);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).histories_halved, 0);
    stage_begin(&stage, 0);
    stage_drain(&stage, 1, STAGE_ROOM);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(stage.readers[1].messages, 3);
    stage_close(&stage);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_channel_that_grows_by_itself_is_found_at_once);
    tcase_add_test(tests, what_comes_in_one_turn_is_shed_in_it);
    tcase_add_test(tests, no_more_is_shed_than_has_to_be);
    tcase_add_test(tests, a_turn_sheds_a_bounded_number_of_histories);
    tcase_add_test(tests, where_there_is_no_history_nothing_is_shed);
}

int main(void)
{
    return suite_main("hub/shed", fill);
}
