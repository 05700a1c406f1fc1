/* turn_test.c - what begins and ends a turn: timers, and who was there before them. */
#include "hub/hub.h"

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

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, an_idle_channel_that_is_used_in_time_is_not_forgotten, 0,
                        SUITE_ROWS(uses));
}

int main(void)
{
    return suite_main("hub/turn", fill);
}
