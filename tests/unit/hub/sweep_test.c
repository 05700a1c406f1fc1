/* sweep_test.c - what one send carries: runs of units, to the byte. */
#include "hub/hub.h"

#include <stdio.h>

#include "lib/suite.h"
#include "unit/hub/stage.h"

#define MOST GW_RUN_BYTES_MAX

static struct stage stage;

/* A unit is its payload and nothing else. */
static size_t bare_size(const struct gw_entry *entry)
{
    return entry->pub->len;
}

static size_t bare_write(void *ctx, const struct gw_entry *entry, uint8_t *out)
{
    (void)ctx;
    memcpy(out, gw_pub_payload(entry->pub).data, entry->pub->len);
    return entry->pub->len;
}

static const struct gw_variant bare = {"bare", false, bare_size, bare_write};

/* One reader, who is not of the stage; nothing is sent but by hand. */
static void open_bare(void)
{
    const struct gw_since now = {.kind = GW_SINCE_NEW};
    struct gw_hub_options options;
    struct gw_subscribed subscribed;
    uint32_t subscription;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.variants = &bare;
    options.variant_count = 1;
    options.live_log_bytes = 16 * MOST;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    stage_begin(&stage, 0);
    ck_assert_int_eq(
        gw_hub_subscribe(stage.hubs[0], GW_STR("lobby"), &now, 0, 1, 0, &subscription, &subscribed),
        0);
}

static void publish_bare(size_t len)
{
    static const char payload[MOST + 1];
    const struct gw_pub_parts parts = {.payload = {payload, len}};
    struct gw_published result;
    struct gw_pub *pub;

    ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &parts), 0);
    ck_assert_int_eq(gw_hub_publish(stage.hubs[0], GW_STR("lobby"), pub, 1, &result), 0);
}

/* --- Runs --- */

static const struct {
    size_t units[3]; /* bytes of each; 0: none */
    size_t run;      /* of the first send */
} runs[] = {
    {{1, 1, 1}, 3}, {{MOST - 1, 1, 1}, MOST}, {{MOST, 1}, MOST},  {{MOST + 1, 1}, MOST + 1},
    {{1, MOST}, 1}, {{1, MOST - 1, 1}, MOST}, {{1, MOST + 1}, 1}, {{2, MOST - 1}, 2},
};

START_TEST(a_run_has_bytes_at_most_but_one_unit_at_least)
{
    size_t total = 0, sent = 0;

    open_bare();
    for (unsigned i = 0; i < 3 && runs[_i].units[i] > 0; i++) {
        publish_bare(runs[_i].units[i]);
        total += runs[_i].units[i];
    }
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 10), 1);
    ck_assert_uint_eq(stage.batch.runs[0].bytes, runs[_i].run);
    do { /* the others come behind it */
        sent += stage.batch.runs[0].bytes;
        stage.batch.sends[0].result = (ssize_t)stage.batch.runs[0].bytes;
        gw_hub_settle(stage.hubs[0], &stage.batch);
    } while (gw_hub_sweep(stage.hubs[0], &stage.batch, 10) > 0);
    ck_assert_uint_eq(sent, total);
    gw_hub_end_turn(stage.hubs[0]);
    stage_close(&stage);
}
END_TEST

START_TEST(readers_who_stand_at_one_place_share_a_run)
{
    struct gw_published result;

    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 50; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, "new", i % 2), 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 100), 50);
    ck_assert_uint_eq(stage.batch.run_count, 2); /* as many as there are variants */
    for (size_t i = 0; i < 50; i++)
        stage_send(&stage, &stage.batch.sends[i]);
    gw_hub_settle(stage.hubs[0], &stage.batch);
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

static void publish_one(void)
{
    struct gw_published result;

    ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0);
}

static_assert(GW_BATCH_RUNS < 40, "some of forty readers, each at another place, must wait");

static void check_forty(uint64_t head)
{
    for (unsigned i = 0; i < 40; i++)
        ck_assert_uint_eq(stage.readers[i].expected, head + 1);
}

START_TEST(more_backlogs_than_a_batch_has_runs_all_come)
{
    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 40; i++)
        publish_one();
    (void)stage_end(&stage, 0);
    stage_begin(&stage, 0); /* in which nothing is to be swept */
    for (unsigned i = 0; i < 40; i++) {
        char since[16];

        snprintf(since, sizeof(since), "last:%u", i + 1);
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, since, 0), 0);
    }
    (void)stage_end(&stage, 0);
    check_forty(40);
    stage_close(&stage);
}
END_TEST

/* A sweep so slow that each has got a little more than the one before it. */
START_TEST(more_places_in_a_sweep_than_a_batch_has_runs_are_all_visited)
{
    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 40; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, "new", 0), 0);
    (void)stage_end(&stage, 0);
    stage.send_max = 1;
    for (unsigned turn = 0; turn < 40; turn++) {
        stage_begin(&stage, 0);
        publish_one();
        (void)stage_end(&stage, 0);
    }
    for (unsigned i = 1; i < 40; i++)
        ck_assert_uint_ne(stage.readers[i].expected, stage.readers[i - 1].expected);
    stage.send_max = 1000;
    stage_begin(&stage, 0);
    publish_one();
    (void)stage_end(&stage, 0);
    check_forty(41);
    stage_close(&stage);
}
END_TEST

/* --- Visits --- */

START_TEST(a_sweep_looks_at_so_many_slots_and_no_more)
{
    unsigned served = 0;

    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, "new", 0), 0);
    publish_one();
    stage.hubs[0]->slots_left = (uint32_t)_i;
    (void)stage_end(&stage, 0);
    for (unsigned i = 0; i < 5; i++)
        served += stage.readers[i].messages > 0;
    ck_assert_uint_eq(served, (unsigned)_i);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).sweeps_cut, _i < 5);
    (void)stage_turn(&stage, 0);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_uint_eq(stage.readers[i].messages, 1);
    stage_close(&stage);
}
END_TEST

/* Ten readers have a backlog, and a sweep is to visit ten others. */
static const struct {
    size_t max, awake_least, swept_least;
} halves[] = {{1, 1, 0}, {2, 1, 1}, {3, 1, 1}, {6, 3, 3}, {7, 3, 3}, {20, 10, 10}};

START_TEST(neither_the_awake_nor_the_sweep_starves)
{
    size_t awake = 0, count;

    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    publish_one();
    for (unsigned i = 0; i < 20; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, i < 10 ? "all" : "new", 0), 0);
    publish_one();
    count = gw_hub_sweep(stage.hubs[0], &stage.batch, halves[_i].max);
    ck_assert_uint_eq(count, halves[_i].max);
    for (size_t i = 0; i < count; i++)
        awake += stage.batch.sends[i].fd < 10;
    ck_assert_uint_ge(awake, halves[_i].awake_least);
    ck_assert_uint_ge(count - awake, halves[_i].swept_least);
    stage_close(&stage);
}
END_TEST

START_TEST(without_a_sweep_a_batch_is_for_the_awake)
{
    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    publish_one();
    (void)stage_end(&stage, 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, "all", 0), 0);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 10), 10);
    stage_close(&stage);
}
END_TEST

START_TEST(a_send_that_was_interrupted_is_tried_again)
{
    open_bare();
    publish_bare(10);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 10), 1);
    stage.batch.sends[0].result = -EINTR;
    gw_hub_settle(stage.hubs[0], &stage.batch);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 10), 1);
    ck_assert_uint_eq(stage.batch.runs[0].bytes, 10);
    stage.batch.sends[0].result = 10;
    gw_hub_settle(stage.hubs[0], &stage.batch);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 10), 0);
    stage_close(&stage);
}
END_TEST

/* A batch remembers its sockets in 512 places: these have the same. */
START_TEST(sockets_in_one_place_are_not_taken_for_one)
{
    const struct gw_since now = {.kind = GW_SINCE_NEW};
    struct gw_subscribed subscribed;
    struct gw_published result;
    uint32_t subscription;
    unsigned seen = 0;

    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    for (int i = 0; i < 8; i++) /* four sockets, twice each */
        ck_assert_int_eq(gw_hub_subscribe(stage.hubs[0], GW_STR("lobby"), &now, 0, 1,
                                          _i + i % 4 * (int)GW_BATCH_FDS, &subscription,
                                          &subscribed),
                         0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 100), 4);
    for (unsigned i = 0; i < 4; i++)
        seen |= 1u << (stage.batch.sends[i].fd - _i) / (int)GW_BATCH_FDS;
    ck_assert_uint_eq(seen, 15);
    stage_close(&stage);
}
END_TEST

/* --- Memory --- */

/* There is memory for the first unit of two, and not for the second. */
START_TEST(what_can_be_made_is_sent)
{
    bool reached = false;

    for (long left = 0, failed = 1; failed > 0; left++) {
        size_t count;

        open_bare();
        publish_bare(1);
        publish_bare(100000);
        stage.meter.left = left;
        count = gw_hub_sweep(stage.hubs[0], &stage.batch, 10);
        failed = stage.meter.failed;
        stage.meter.left = METER_UNLIMITED;
        if (count > 0)
            ck_assert_uint_eq(stage.batch.runs[0].bytes, failed > 0 ? 1 : 100001);
        reached = reached || (count > 0 && failed > 0);
        stage_close(&stage);
    }
    ck_assert(reached);
}
END_TEST

/* It is tried again, but not at once: the next turn would find as little. */
START_TEST(a_sweep_without_memory_is_followed_by_a_pause)
{
    struct gw_published result;

    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_subscribe(&stage, 0, 0, 0, "new", 0), 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0);
    stage.meter.left = 0;
    ck_assert_uint_eq(stage_end(&stage, 0), 0);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[0]), GW_RETRY_NS);
    stage.meter.left = METER_UNLIMITED;
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(stage.readers[0].messages, 1);
    stage_close(&stage);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_run_has_bytes_at_most_but_one_unit_at_least, 0, SUITE_ROWS(runs));
    tcase_add_test(tests, readers_who_stand_at_one_place_share_a_run);
    tcase_add_test(tests, more_backlogs_than_a_batch_has_runs_all_come);
    tcase_add_test(tests, more_places_in_a_sweep_than_a_batch_has_runs_are_all_visited);
    tcase_add_loop_test(tests, a_sweep_looks_at_so_many_slots_and_no_more, 0, 6);
    tcase_add_loop_test(tests, neither_the_awake_nor_the_sweep_starves, 0, SUITE_ROWS(halves));
    tcase_add_test(tests, without_a_sweep_a_batch_is_for_the_awake);
    tcase_add_test(tests, a_send_that_was_interrupted_is_tried_again);
    tcase_add_loop_test(tests, sockets_in_one_place_are_not_taken_for_one, 0, 2);
    tcase_add_test(tests, what_can_be_made_is_sent);
    tcase_add_test(tests, a_sweep_without_memory_is_followed_by_a_pause);
}

int main(void)
{
    return suite_main("hub/sweep", fill);
}
