/* wheel_test.c - no timer fires early, none more than a tick late, and none is forgotten. */
#include "core/wheel.h"

#include <stdlib.h>

#include "lib/seeded.h"
#include "lib/suite.h"

#define MS      UINT64_C(1000000)
#define TICK_NS (GW_WHEEL_TICK_MS * MS)
#define ROUND   (GW_WHEEL_BUCKETS * TICK_NS)
#define DAY     (UINT64_C(24) * 3600 * 1000 * MS)

static struct gw_wheel wheel;

/* Everything below runs once from each of these times: the first and last ticks of what 32 bits of
 * them hold, where differences must not mind. */
static const uint64_t starts[] = {
    0,
    12345678901,
    ((UINT64_C(1) << 31) - 10) * TICK_NS,
    ((UINT64_C(1) << 32) - 10) * TICK_NS + 1,
    ((UINT64_C(1) << 32) - GW_WHEEL_BUCKETS - 3) * TICK_NS,
};

START_TEST(a_timer_fires_at_its_time_or_a_tick_late)
{
    uint64_t start = starts[_i];

    for (uint64_t after = 1; after < 3 * TICK_NS; after += TICK_NS / 5) {
        struct gw_timer timer;
        uint64_t now = start;

        gw_wheel_init(&wheel, start);
        gw_timer_init(&timer);
        gw_wheel_set(&wheel, &timer, start + after);
        for (; now < start + after; now += MS)
            ck_assert_ptr_null(gw_wheel_expire(&wheel, now));
        while (!gw_wheel_expire(&wheel, now))
            now += MS;
        ck_assert_uint_lt(now, start + after + TICK_NS + MS);
        ck_assert(!gw_timer_is_set(&timer));
    }
}
END_TEST

START_TEST(a_time_in_the_past_is_due_at_the_next_expiry)
{
    uint64_t now = starts[_i] + 10 * TICK_NS + 5;
    struct gw_timer timer = {.due_tick = 0};

    gw_wheel_init(&wheel, starts[_i]);
    ck_assert_ptr_null(gw_wheel_expire(&wheel, now));
    for (uint64_t ago = 0; ago <= 10 * TICK_NS; ago += TICK_NS / 2) {
        gw_wheel_set(&wheel, &timer, now - ago);
        ck_assert_uint_eq(gw_wheel_wait_ns(&wheel, now), 0);
        ck_assert_ptr_eq(gw_wheel_expire(&wheel, now), &timer);
        ck_assert_ptr_null(gw_wheel_expire(&wheel, now));
    }
    gw_wheel_set(&wheel, &timer, 0);
    ck_assert_ptr_eq(gw_wheel_expire(&wheel, now), &timer);
}
END_TEST

START_TEST(a_timer_can_be_moved_both_ways_and_cancelled)
{
    uint64_t now = starts[_i];
    struct gw_timer timer = {.due_tick = 0};

    gw_wheel_init(&wheel, now);
    ck_assert(!gw_timer_is_set(&timer));
    gw_wheel_cancel(&wheel, &timer);
    gw_wheel_set(&wheel, &timer, now + 10 * TICK_NS);
    gw_wheel_set(&wheel, &timer, now + 20 * TICK_NS);
    ck_assert_uint_eq(wheel.set_count, 1);
    ck_assert(gw_timer_is_set(&timer));
    ck_assert_ptr_null(gw_wheel_expire(&wheel, now + 19 * TICK_NS));
    gw_wheel_set(&wheel, &timer, now + 40 * TICK_NS);
    gw_wheel_set(&wheel, &timer, now + 30 * TICK_NS);
    ck_assert_ptr_eq(gw_wheel_expire(&wheel, now + 31 * TICK_NS), &timer);
    gw_wheel_set(&wheel, &timer, now + 50 * TICK_NS);
    gw_wheel_cancel(&wheel, &timer);
    gw_wheel_cancel(&wheel, &timer);
    ck_assert_uint_eq(wheel.set_count, 0);
    ck_assert_uint_eq(gw_wheel_wait_ns(&wheel, now + 31 * TICK_NS), UINT64_MAX);
    ck_assert_ptr_null(gw_wheel_expire(&wheel, now + 100 * TICK_NS));
}
END_TEST

START_TEST(timers_of_later_rounds_stay_in_their_bucket)
{
    uint64_t now = starts[_i];
    struct gw_timer timers[4] = {{.due_tick = 0}};

    gw_wheel_init(&wheel, now);
    for (uint64_t i = 0; i < 4; i++)
        gw_wheel_set(&wheel, &timers[3 - i], now + TICK_NS + (3 - i) * ROUND);
    for (uint64_t i = 0; i < 4; i++) {
        now = starts[_i] + i * ROUND + 2 * TICK_NS;
        ck_assert_ptr_eq(gw_wheel_expire(&wheel, now), &timers[i]);
        ck_assert_ptr_null(gw_wheel_expire(&wheel, now));
    }
}
END_TEST

START_TEST(earlier_ticks_come_first_and_equal_ones_in_order)
{
    enum { COUNT = 60 };
    uint64_t now = starts[_i];
    struct gw_timer timers[COUNT] = {{.due_tick = 0}};

    gw_wheel_init(&wheel, now);
    for (uint64_t i = 0; i < COUNT; i++) /* three to a tick, the last ticks first */
        gw_wheel_set(&wheel, &timers[i], now + (COUNT / 3 - i / 3) * TICK_NS);
    for (uint64_t i = 0; i < COUNT; i++) {
        uint64_t tick = i / 3, place = i % 3;

        ck_assert_ptr_eq(gw_wheel_expire(&wheel, now + 100 * TICK_NS),
                         &timers[(COUNT / 3 - 1 - tick) * 3 + place]);
    }
}
END_TEST

START_TEST(a_caller_that_stops_early_finds_the_rest_later)
{
    enum { COUNT = 500 };
    uint64_t now = starts[_i];
    struct gw_timer timers[COUNT] = {{.due_tick = 0}};

    gw_wheel_init(&wheel, now);
    for (uint64_t i = 0; i < COUNT; i++)
        gw_wheel_set(&wheel, &timers[i], now + i * 3 * MS + 1);
    now += ROUND / 2;
    for (uint64_t i = 0; i < COUNT; i++) {
        ck_assert_uint_eq(gw_wheel_wait_ns(&wheel, now), 0);
        ck_assert_ptr_nonnull(gw_wheel_expire(&wheel, now));
        now += i % 3 * TICK_NS; /* time goes on meanwhile */
    }
    ck_assert_uint_eq(gw_wheel_wait_ns(&wheel, now), UINT64_MAX);
    ck_assert_ptr_null(gw_wheel_expire(&wheel, now));
}
END_TEST

START_TEST(a_timer_that_is_due_but_not_yet_returned_can_be_moved)
{
    uint64_t now = starts[_i];
    struct gw_timer timers[3] = {{.due_tick = 0}};

    gw_wheel_init(&wheel, now);
    for (int i = 0; i < 3; i++)
        gw_wheel_set(&wheel, &timers[i], now + TICK_NS);
    now += 2 * TICK_NS;
    ck_assert_ptr_eq(gw_wheel_expire(&wheel, now), &timers[0]);
    gw_wheel_set(&wheel, &timers[1], now + 10 * TICK_NS);
    gw_wheel_cancel(&wheel, &timers[2]);
    ck_assert_ptr_null(gw_wheel_expire(&wheel, now));
    ck_assert_uint_eq(wheel.set_count, 1);
    ck_assert_ptr_eq(gw_wheel_expire(&wheel, now + 11 * TICK_NS), &timers[1]);
}
END_TEST

START_TEST(one_that_is_always_due_does_not_keep_others_waiting)
{
    uint64_t now = starts[_i];
    struct gw_timer busy = {.due_tick = 0}, patient = {.due_tick = 0};
    int turns = 0;

    gw_wheel_init(&wheel, now);
    gw_wheel_set(&wheel, &busy, now);
    gw_wheel_set(&wheel, &patient, now + 100 * TICK_NS);
    now += 200 * TICK_NS;
    while (gw_wheel_expire(&wheel, now) == &busy) {
        gw_wheel_set(&wheel, &busy, now);
        ck_assert_int_lt(turns++, 10);
    }
    ck_assert(!gw_timer_is_set(&patient));
}
END_TEST

static const uint64_t jumps[] = {
    ROUND - TICK_NS, ROUND,     ROUND + TICK_NS, 5 * ROUND + 7,
    30 * DAY,        250 * DAY, 1000 * DAY,      (uint64_t)100000 * DAY};

START_TEST(after_a_jump_everything_that_is_due_comes_once)
{
    enum { COUNT = 300 };
    struct seeded seeded = {8};

    for (int start = 0; start < SUITE_ROWS(starts); start++) {
        uint64_t now = starts[start], then = now + jumps[_i];
        struct gw_timer timers[COUNT] = {{.due_tick = 0}};
        unsigned due = 0, later = 0, fired = 0;

        gw_wheel_init(&wheel, now);
        for (int i = 0; i < COUNT; i++) {
            uint64_t after =
                seeded_below(&seeded, jumps[_i] < 90 * DAY ? 2 * jumps[_i] : 190 * DAY);

            gw_wheel_set(&wheel, &timers[i], now + after);
            due += after <= jumps[_i] - TICK_NS;
            later += after > jumps[_i];
        }
        while (gw_wheel_expire(&wheel, then))
            fired++;
        ck_assert_uint_ge(fired, due);
        ck_assert_uint_le(fired, COUNT - later);
        ck_assert_uint_eq(wheel.set_count, COUNT - fired);
        ck_assert_uint_gt(gw_wheel_wait_ns(&wheel, then), 0);
    }
}
END_TEST

START_TEST(a_time_too_far_away_is_brought_nearer)
{
    uint64_t now = starts[_i], limit = (UINT64_C(1) << 30) * TICK_NS;
    struct gw_timer timers[2] = {{.due_tick = 0}};

    gw_wheel_init(&wheel, now);
    gw_wheel_set(&wheel, &timers[0], UINT64_MAX);
    gw_wheel_set(&wheel, &timers[1], now + 3 * limit);
    ck_assert_ptr_null(gw_wheel_expire(&wheel, now + limit - TICK_NS));
    ck_assert_ptr_nonnull(gw_wheel_expire(&wheel, now + limit + TICK_NS));
    ck_assert_ptr_nonnull(gw_wheel_expire(&wheel, now + limit + TICK_NS));
}
END_TEST

START_TEST(waiting_ends_with_the_first_timer_of_the_round)
{
    uint64_t now = starts[_i];
    struct gw_timer timers[2] = {{.due_tick = 0}};

    gw_wheel_init(&wheel, now);
    ck_assert_uint_eq(gw_wheel_wait_ns(&wheel, now), UINT64_MAX);
    ck_assert_ptr_null(
        gw_wheel_expire(&wheel, now)); /* else the bucket of this tick is still ahead */
    for (uint64_t ticks = 1; ticks < GW_WHEEL_BUCKETS; ticks += 37) {
        uint64_t due = (now / TICK_NS + ticks) * TICK_NS;

        gw_wheel_set(&wheel, &timers[0], due);
        gw_wheel_set(&wheel, &timers[1], now + ROUND - TICK_NS);
        ck_assert_uint_eq(gw_wheel_wait_ns(&wheel, now), due - now);
    }
}
END_TEST

/* --- Against a model: an array of times, looked through each time --- */

enum { TIMERS = 400 };

static struct row {
    struct gw_timer timer;
    uint64_t due_ns; /* 0: not set */
} rows[TIMERS];

static uint64_t fires_from(const struct row *row)
{
    return (row->due_ns + TICK_NS - 1) / TICK_NS * TICK_NS;
}

/* What is wrong with a row, given how long the wheel would wait; NULL when nothing is. Plain code,
 * as it runs too often for assertions. */
static const char *fault_of(const struct row *row, uint64_t now, uint64_t wait, bool all_returned)
{
    if (gw_timer_is_set(&row->timer) != (row->due_ns != 0))
        return "set or idle, and should not be";
    if (row->due_ns == 0)
        return NULL;
    if (all_returned && fires_from(row) <= now / TICK_NS * TICK_NS)
        return "due, and not returned";
    if (wait > 0 && now + wait > fires_from(row))
        return "the wheel would sleep through it";
    return NULL;
}

/* Returns how many timers are set. */
static uint32_t check_rows(uint64_t now, bool all_returned)
{
    uint64_t wait = gw_wheel_wait_ns(&wheel, now);
    uint32_t set = 0;

    for (int i = 0; i < TIMERS; i++) {
        const char *fault = fault_of(&rows[i], now, wait, all_returned);

        if (fault)
            ck_abort_msg("timer %d: %s", i, fault);
        set += rows[i].due_ns != 0;
    }
    ck_assert_int_eq(wait == UINT64_MAX, set == 0);
    return set;
}

static uint64_t some_time(struct seeded *seeded)
{
    static const uint64_t most[] = {3 * TICK_NS, 100 * TICK_NS, ROUND, 4 * ROUND, 100 * DAY};

    return seeded_below(seeded, most[seeded_below(seeded, 5)]);
}

/* Sets, moves or cancels; the past is a choice, too. */
static void change_one(struct seeded *seeded, uint64_t now)
{
    struct row *row = &rows[seeded_below(seeded, TIMERS)];
    uint64_t kind = seeded_below(seeded, 10), after = some_time(seeded);

    if (kind < 2) {
        gw_wheel_cancel(&wheel, &row->timer);
        row->due_ns = 0;
        return;
    }
    row->due_ns = kind == 2 && after < now ? now - after : now + after;
    row->due_ns += row->due_ns == 0;
    gw_wheel_set(&wheel, &row->timer, row->due_ns);
}

START_TEST(it_agrees_with_a_plain_array)
{
    struct seeded seeded = {(uint64_t)_i + 100};
    uint64_t now = starts[_i];

    gw_wheel_init(&wheel, now);
    for (int step = 0; step < 4000; step++) {
        uint64_t budget = seeded_below(&seeded, 40);
        bool all_returned = false;

        for (uint64_t i = seeded_below(&seeded, 20); i > 0; i--)
            change_one(&seeded, now);
        now += some_time(&seeded) >> seeded_below(&seeded, 10);
        for (; budget > 0; budget--) {
            struct gw_timer *timer = gw_wheel_expire(&wheel, now);
            struct row *row;

            all_returned = !timer;
            if (all_returned)
                break;
            row = GW_CONTAINER(timer, struct row, timer);
            ck_assert(row->due_ns != 0 && row->due_ns <= now);
            row->due_ns = 0;
        }
        ck_assert_uint_eq(wheel.set_count, check_rows(now, all_returned));
    }
}
END_TEST

static void fill(TCase *tests)
{
    const int count = SUITE_ROWS(starts);

    tcase_add_loop_test(tests, a_timer_fires_at_its_time_or_a_tick_late, 0, count);
    tcase_add_loop_test(tests, a_time_in_the_past_is_due_at_the_next_expiry, 0, count);
    tcase_add_loop_test(tests, a_timer_can_be_moved_both_ways_and_cancelled, 0, count);
    tcase_add_loop_test(tests, timers_of_later_rounds_stay_in_their_bucket, 0, count);
    tcase_add_loop_test(tests, earlier_ticks_come_first_and_equal_ones_in_order, 0, count);
    tcase_add_loop_test(tests, a_caller_that_stops_early_finds_the_rest_later, 0, count);
    tcase_add_loop_test(tests, a_timer_that_is_due_but_not_yet_returned_can_be_moved, 0, count);
    tcase_add_loop_test(tests, one_that_is_always_due_does_not_keep_others_waiting, 0, count);
    tcase_add_loop_test(tests, after_a_jump_everything_that_is_due_comes_once, 0,
                        SUITE_ROWS(jumps));
    tcase_add_loop_test(tests, a_time_too_far_away_is_brought_nearer, 0, count);
    tcase_add_loop_test(tests, waiting_ends_with_the_first_timer_of_the_round, 0, count);
    tcase_add_loop_test(tests, it_agrees_with_a_plain_array, 0, count);
}

int main(void)
{
    return suite_main("core/wheel", fill);
}
