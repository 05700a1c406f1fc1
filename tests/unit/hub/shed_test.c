/* shed_test.c - all histories together are bounded, however many channels there are. */
#include "hub/hub.h"

#include <stdio.h>

#include "lib/suite.h"
#include "unit/hub/stage.h"

#define CHANNELS 400
#define COST     (1000 + sizeof(struct gw_pub))

static struct stage stage;

static void publish_turn(unsigned channel, size_t len)
{
    static const char payload[1000];
    const struct gw_pub_parts parts = {.payload = {payload, len}};
    struct gw_published result;
    struct gw_pub *pub;
    char name[16];

    snprintf(name, sizeof(name), "channel %u", channel);
    ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &parts), 0);
    stage_begin(&stage, 0);
    ck_assert_int_eq(gw_hub_publish(stage.hubs[0], GW_STR(name), pub, 1, &result), 0);
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

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_channel_that_grows_by_itself_is_found_at_once);
}

int main(void)
{
    return suite_main("hub/shed", fill);
}
