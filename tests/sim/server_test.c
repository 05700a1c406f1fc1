/* server_test.c - the whole server in simulation: one order for all, nothing lost in silence,
 * nothing left. */
#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/suite.h"

#define SEEDS    12     /* of each scenario, in `make test` */
#define SCENARIO 100000 /* a run's number is SCENARIO * its scenario + its seed */

static const char *const tight[] = {"--live-log=4KiB",
                                    "--history=20",
                                    "--history-bytes=4KiB",
                                    "--unit-cache=1MiB",
                                    "--write-timeout=2s",
                                    "--deflate=on",
                                    NULL};
static const char *const roomy[] = {"--deflate=on", NULL};

/* Everything in order and at once, but never much room. */
#define NARROW                                                                                     \
    {                                                                                              \
        .latency_ns = {100000, 100000}, .segment_bytes = {65536, 65536}, .buffer_bytes = 3000,     \
        .turn_ns = 1000                                                                            \
    }

/* Every scenario runs with two workers and mailboxes of one slot, and each has its own trouble. */
static const struct scenario {
    const char *name;
    struct world_options options;
} scenarios[] = {
    {"calm",
     {.net = SIM_NET_CALM,
      .workers = 2,
      .mailbox_slots = 1,
      .clients = 40,
      .channels = 6,
      .publications = 400,
      .payload_max = 400,
      .flags = roomy}},
    {"rough",
     {.net = SIM_NET_ROUGH,
      .workers = 2,
      .mailbox_slots = 1,
      .clients = 40,
      .channels = 6,
      .publications = 400,
      .payload_max = 1500,
      .flags = roomy}},
    {"coming and going",
     {.net = SIM_NET_ROUGH,
      .workers = 2,
      .mailbox_slots = 1,
      .clients = 60,
      .channels = 8,
      .publications = 400,
      .payload_max = 600,
      .cut_permille = 80,
      .leave_permille = 80,
      .stall_permille = 30,
      .flags = roomy}},
    {"slow readers",
     {.net = NARROW,
      .workers = 2,
      .mailbox_slots = 1,
      .clients = 40,
      .channels = 4,
      .publications = 600,
      .payload_max = 1500,
      .sleep_permille = 30,
      .sleep_ns = GW_NS_PER_S,
      .flags = tight}},
    {"stalled workers",
     {.net = SIM_NET_CALM,
      .workers = 3,
      .mailbox_slots = 2,
      .clients = 60,
      .channels = 6,
      .publications = 600,
      .payload_max = 300,
      .stall_permille = 200,
      .flags = tight}},
};

START_TEST(nothing_is_lost_in_silence)
{
    const struct scenario *scenario = &scenarios[_i / SCENARIO];
    struct world *world = world_new(&scenario->options, (uint64_t)(_i % SCENARIO));

    fprintf(stderr, "# %s: replay with SIM_RUN=%d\n", scenario->name, _i);
    world_run(world);
    (void)world_end(world);
}
END_TEST

START_TEST(a_seed_replays)
{
    uint64_t trace[2];

    for (int run = 0; run < 2; run++) {
        struct world *world = world_new(&scenarios[_i].options, 77);

        world_run(world);
        trace[run] = world_trace(world);
        (void)world_end(world);
    }
    ck_assert_uint_eq(trace[0], trace[1]);
}
END_TEST

/* A simulator can pass by never reaching the hard places: so these must all have been met. */
START_TEST(the_hard_places_are_reached)
{
    struct world_counts sum = {0};

    for (int s = 0; s < SUITE_ROWS(scenarios); s++)
        for (uint64_t seed = 1; seed <= 4; seed++) {
            struct world *world = world_new(&scenarios[s].options, seed);
            struct world_counts counts;

            world_run(world);
            counts = world_end(world);
            sum.delivered += counts.delivered;
            sum.acknowledged += counts.acknowledged;
            sum.behind += counts.behind;
            sum.lost += counts.lost;
            sum.goodbyes += counts.goodbyes;
            sum.cut_in_message += counts.cut_in_message;
            sum.drained += counts.drained;
            sum.replayed += counts.replayed;
            sum.deflated += counts.deflated;
            sum.hub.ranges_owed += counts.hub.ranges_owed;
            sum.hub.publishes_refused += counts.hub.publishes_refused;
            sum.hub.replies_deferred += counts.hub.replies_deferred;
            sum.hub.trimmed_while_pinned += counts.hub.trimmed_while_pinned;
            sum.net.sends_short += counts.net.sends_short;
            sum.net.turned_away += counts.net.turned_away;
        }
    ck_assert_uint_gt(sum.delivered, 0);
    ck_assert_uint_gt(sum.acknowledged, 0);
    ck_assert_uint_gt(sum.behind, 0);
    ck_assert_uint_gt(sum.lost, 0);
    ck_assert_uint_gt(sum.goodbyes, 0);
    ck_assert_uint_gt(sum.cut_in_message, 0);
    ck_assert_uint_gt(sum.drained, 0);
    ck_assert_uint_gt(sum.replayed, 0);
    ck_assert_uint_gt(sum.deflated, 0);
    ck_assert_uint_gt(sum.hub.ranges_owed, 0);
    ck_assert_uint_gt(sum.hub.publishes_refused, 0);
    ck_assert_uint_gt(sum.hub.replies_deferred, 0);
    ck_assert_uint_gt(sum.hub.trimmed_while_pinned, 0);
    ck_assert_uint_gt(sum.net.sends_short, 0);
    ck_assert_uint_gt(sum.net.turned_away, 0);
}
END_TEST

static void fill(TCase *tests)
{
    const char *run = getenv("SIM_RUN"); /* the number of one run, to replay it alone */
    int number = run ? atoi(run) : 0;

    tcase_set_timeout(tests, 120);
    if (number > 0 && number / SCENARIO < SUITE_ROWS(scenarios)) {
        tcase_add_loop_test(tests, nothing_is_lost_in_silence, number, number + 1);
        return;
    }
    for (int s = 0; s < SUITE_ROWS(scenarios); s++)
        tcase_add_loop_test(tests, nothing_is_lost_in_silence, s * SCENARIO + 1,
                            s * SCENARIO + 1 + SEEDS);
    tcase_add_loop_test(tests, a_seed_replays, 0, SUITE_ROWS(scenarios));
    tcase_add_test(tests, the_hard_places_are_reached);
}

int main(void)
{
    return suite_main("sim/server", fill);
}
