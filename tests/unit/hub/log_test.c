/* log_test.c - the ring of a channel: bounded by count, bytes and age, trimmed, grown, put in
 * front. */
#include "hub/log.h"

#include <errno.h>

#include "lib/meter.h"
#include "lib/suite.h"

static struct meter meter;
static struct gw_units units;
static uint64_t total;
static struct gw_log *ring;
static struct gw_history history;

#define PAYLOAD 100
#define COST    (sizeof(struct gw_pub) + PAYLOAD)

static struct gw_pub *pub_of(uint64_t offset, uint64_t born_ns)
{
    static const char payload[PAYLOAD];
    static const struct gw_pub_parts parts = {.payload = {payload, sizeof(payload)}};
    struct gw_pub *pub;

    ck_assert_int_eq(gw_pub_new(&pub, &meter.alloc, &parts), 0);
    pub->offset = offset;
    pub->tag = offset * 1000;
    pub->born_ns = born_ns;
    return pub;
}

static void open_log(uint64_t next)
{
    meter_init(&meter);
    total = 0;
    history = (struct gw_history){UINT32_MAX, UINT64_MAX, UINT64_MAX};
    ck_assert_int_eq(gw_units_init(&units, &meter.alloc, 1 << 20), 0);
    ck_assert_int_eq(gw_log_new(&ring, &meter.alloc, &units, &total, next, (next - 1) * 1000), 0);
}

static void close_log(void)
{
    gw_log_free(ring);
    ck_assert_uint_eq(total, 0);
    gw_units_fini(&units);
    ck_assert_int_eq(meter.live, 0);
}

/* Publication n is born at n seconds; nothing waits. */
static void append(uint64_t count)
{
    for (; count > 0; count--) {
        ck_assert_int_eq(gw_log_reserve(ring, 1), 0);
        gw_log_append(ring, pub_of(ring->next, ring->next * GW_NS_PER_S));
        ring->swept_to = ring->next;
    }
    gw_log_waits(ring, ring->next);
    (void)gw_log_check(ring);
}

START_TEST(what_is_appended_is_there_by_offset)
{
    open_log(8);
    append(1000);
    for (uint64_t offset = 8; offset < 1008; offset++)
        ck_assert_uint_eq(gw_log_at(ring, offset)->offset, offset);
    ck_assert_uint_eq(gw_log_tag(ring, 7), 7000); /* of the one before the first */
    ck_assert_uint_eq(gw_log_tag(ring, 8), 8000);
    ck_assert_uint_eq(gw_log_tag(ring, 1007), 1007000);
    ck_assert_uint_eq(total, 1000 * COST);
    close_log();
}
END_TEST

START_TEST(a_ring_has_less_than_twice_the_room_it_needs)
{
    for (uint64_t needed = 4; needed <= 300; needed++) {
        open_log(1);
        ck_assert_int_eq(gw_log_reserve(ring, needed), 0);
        ck_assert_uint_ge(ring->room, needed);
        ck_assert_uint_lt(ring->room, 2 * needed);
        close_log();
    }
}
END_TEST

/* No memory is asked for what can never be. */
START_TEST(a_ring_has_a_largest_size)
{
    const uint64_t most = UINT64_C(1) << 30;

    open_log(1);
    append(3);
    meter.left = 0;
    meter.largest = 0;
    ck_assert_int_eq(gw_log_reserve(ring, most - 2), -ENOMEM);
    ck_assert_int_eq(gw_log_reserve(ring, 4 * most), -ENOMEM);
    ck_assert_uint_eq(meter.largest, 0);
    ck_assert_int_eq(gw_log_reserve(ring, most - 3), -ENOMEM);
    ck_assert_uint_ge(meter.largest, most);
    meter.left = METER_UNLIMITED;
    append(3);
    close_log();
}
END_TEST

/* --- The history: max - 1, max, max + 1 --- */

static const struct {
    uint64_t published;
    uint64_t kept;
} by_count[] = {{0, 0}, {1, 1}, {9, 9}, {10, 10}, {11, 10}, {100, 10}};

START_TEST(history_is_bounded_by_count)
{
    open_log(1);
    history.count_max = 10;
    append(by_count[_i].published);
    gw_log_age(ring, &history, 0);
    ck_assert_uint_eq(ring->next - ring->history_first, by_count[_i].kept);
    ck_assert_uint_eq(ring->history_bytes, by_count[_i].kept * COST);
    (void)gw_log_check(ring);
    close_log();
}
END_TEST

static const struct {
    uint64_t bytes_max;
    uint64_t kept; /* of five */
} by_bytes[] = {{0, 0},        {COST - 1, 0},     {COST, 1},    {3 * COST - 1, 2},
                {3 * COST, 3}, {3 * COST + 1, 3}, {5 * COST, 5}};

START_TEST(history_is_bounded_by_bytes)
{
    open_log(1);
    history.bytes_max = by_bytes[_i].bytes_max;
    append(5);
    gw_log_age(ring, &history, 0);
    ck_assert_uint_eq(ring->next - ring->history_first, by_bytes[_i].kept);
    ck_assert_uint_le(ring->history_bytes, history.bytes_max);
    close_log();
}
END_TEST

/* Born at 1, 2 and 3 s; ten seconds is not too old. */
static const struct {
    uint64_t now_ns;
    uint64_t kept;
} by_age[] = {
    {3 * GW_NS_PER_S, 3},      {11 * GW_NS_PER_S - 1, 3}, {11 * GW_NS_PER_S, 3},
    {11 * GW_NS_PER_S + 1, 2}, {13 * GW_NS_PER_S, 1},     {13 * GW_NS_PER_S + 1, 0},
    {UINT64_MAX, 0},
};

START_TEST(history_is_bounded_by_age)
{
    open_log(1);
    history.age_ns_max = 10 * GW_NS_PER_S;
    append(3);
    ck_assert_uint_eq(gw_log_due_ns(ring, &history), 11 * GW_NS_PER_S + 1);
    gw_log_age(ring, &history, by_age[_i].now_ns);
    ck_assert_uint_eq(ring->next - ring->history_first, by_age[_i].kept);
    ck_assert_int_eq(gw_log_due_ns(ring, &history) == UINT64_MAX, by_age[_i].kept == 0);
    close_log();
}
END_TEST

START_TEST(history_can_be_off)
{
    open_log(1);
    history.count_max = 0;
    append(5);
    gw_log_age(ring, &history, 0);
    ck_assert_uint_eq(ring->history_first, ring->next);
    ck_assert_uint_eq(ring->history_bytes, 0);
    ck_assert_uint_eq(ring->bytes, 5 * COST); /* the live log has them still */
    close_log();
}
END_TEST

/* --- The live log --- */

static const struct {
    uint64_t live_bytes;
    uint64_t kept; /* besides the two of history, of eight */
} by_live[] = {{0, 0},        {COST - 1, 0},     {COST, 1},    {4 * COST - 1, 3},
               {4 * COST, 4}, {4 * COST + 1, 4}, {8 * COST, 8}};

START_TEST(the_live_log_is_bounded_by_bytes)
{
    open_log(1);
    history.count_max = 2;
    append(10);
    gw_log_age(ring, &history, 0);
    (void)gw_log_trim(ring, by_live[_i].live_bytes);
    ck_assert_uint_eq(ring->history_first - ring->first, by_live[_i].kept);
    ck_assert_uint_eq(gw_log_tag(ring, ring->first - 1), (ring->first - 1) * 1000);
    (void)gw_log_check(ring);
    close_log();
}
END_TEST

START_TEST(the_only_publication_stays_until_nobody_is_behind)
{
    open_log(1);
    history.count_max = 0;
    append(3);
    gw_log_age(ring, &history, 0);
    (void)gw_log_trim(ring, 0);
    ck_assert_uint_eq(ring->next - ring->first, 1);
    (void)gw_log_trim_all(ring);
    ck_assert_uint_eq(ring->next - ring->first, 0);
    ck_assert_uint_eq(gw_log_tag(ring, 3), 3000); /* the head's is kept */
    (void)gw_log_check(ring);
    append(1);
    ck_assert_uint_eq(gw_log_at(ring, 4)->offset, 4);
    close_log();
}
END_TEST

START_TEST(what_waits_is_never_trimmed)
{
    open_log(1);
    history.count_max = 0;
    append(2);
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_int_eq(gw_log_reserve(ring, 1), 0);
        gw_log_append(ring, pub_of(ring->next, 0));
    }
    ck_assert_uint_eq(ring->waiting_bytes, 6 * COST);
    gw_log_age(ring, &history, 0);
    for (uint64_t from = 3; from <= 9; from++) {
        ring->swept_to = from;
        gw_log_waits(ring, from);
        ck_assert_uint_eq(ring->waiting_bytes, (9 - from) * COST);
        (void)gw_log_trim_all(ring);
        ck_assert_uint_eq(ring->first, from);
        (void)gw_log_check(ring);
    }
    close_log();
}
END_TEST

/* --- In front, and again --- */

static struct gw_pub *chain(uint64_t first, uint32_t count)
{
    struct gw_pub *next = NULL;

    for (uint64_t offset = first + count; offset-- > first;) {
        struct gw_pub *pub = pub_of(offset, 0);

        pub->next = next;
        next = pub;
    }
    return next;
}

static const struct {
    uint32_t there, older;
} fronts[] = {{0, 1}, {0, 9}, {1, 1}, {3, 1}, {4, 4}, {5, 70}};

START_TEST(older_ones_can_be_put_in_front)
{
    uint32_t there = fronts[_i].there, older = fronts[_i].older;

    open_log(100);
    history.count_max = 0;
    append(there);
    gw_log_age(ring, &history, 0);
    ck_assert_int_eq(gw_log_reserve(ring, older), 0);
    gw_log_prepend(ring, chain(100 - older, older), older, 4321);
    ck_assert_uint_eq(ring->first, 100 - older);
    ck_assert_uint_eq(ring->history_first, ring->first);
    ck_assert_uint_eq(gw_log_tag(ring, ring->first - 1), 4321);
    for (uint64_t offset = ring->first; offset < ring->next; offset++)
        ck_assert_uint_eq(gw_log_at(ring, offset)->offset, offset);
    (void)gw_log_check(ring);
    append(5);
    close_log();
}
END_TEST

START_TEST(a_restarted_log_is_empty_and_goes_on_elsewhere)
{
    open_log(1);
    append(500);
    gw_log_restart(ring, 900, 5);
    ck_assert_uint_eq(total, 0);
    ck_assert_uint_eq(gw_log_tag(ring, 899), 5);
    ck_assert_uint_eq(ring->room, 0); /* a large ring goes with what was in it */
    append(3);
    ck_assert_uint_eq(gw_log_at(ring, 902)->offset, 902);
    close_log();
}
END_TEST

/* --- Units --- */

static void make_unit(unsigned variant, uint64_t offset)
{
    struct gw_unit *unit = gw_log_unit(ring, variant, offset);
    uint8_t *bytes;

    ck_assert_ptr_nonnull(unit);
    ck_assert(!gw_units_has(&units, unit));
    bytes = gw_units_make(&units, unit, 10);
    ck_assert_ptr_nonnull(bytes);
    memset(bytes, (int)(offset + variant), 10);
}

START_TEST(units_stay_with_their_publication_as_the_ring_grows)
{
    open_log(1);
    append(4);
    for (uint64_t offset = 1; offset <= 4; offset++) {
        make_unit(0, offset);
        make_unit(3, offset);
    }
    append(100);
    for (uint64_t offset = 1; offset <= 4; offset++) {
        ck_assert_uint_eq(*gw_units_find(&units, gw_log_unit(ring, 0, offset)), offset);
        ck_assert_uint_eq(*gw_units_find(&units, gw_log_unit(ring, 3, offset)), offset + 3);
    }
    ck_assert(!gw_units_has(&units, gw_log_unit(ring, 0, 5)));
    ck_assert_uint_eq(gw_log_check(ring), 8);
    gw_log_release_units(ring);
    ck_assert_uint_eq(gw_log_check(ring), 0);
    gw_units_check(&units, 0);
    make_unit(0, 2); /* below what was released: it is found again */
    gw_log_release_units(ring);
    gw_units_check(&units, 0);
    close_log();
}
END_TEST

/* Of three publications the first two have units, one of them in two variants; all share a chunk.
 */
START_TEST(a_trimmed_publication_takes_its_units_and_says_when_one_was_pinned)
{
    uint64_t dropped;
    uint32_t pin;

    open_log(1);
    history.count_max = 0;
    append(3);
    gw_log_age(ring, &history, 0);
    make_unit(0, 1);
    make_unit(3, 1);
    make_unit(0, 2);
    pin = gw_units_pin(&units, gw_log_unit(ring, 0, 1));
    dropped = _i == 0 ? gw_log_trim_all(ring) : gw_log_trim(ring, 0);
    ck_assert_uint_eq(dropped, 3);
    gw_units_check(&units, 0);
    gw_units_unpin(&units, pin);
    gw_units_check(&units, 0);
    close_log();
}
END_TEST

START_TEST(growing_fails_as_a_whole_or_not_at_all)
{
    for (long left = 0;; left++) {
        int status;

        open_log(1);
        append(4);
        for (unsigned v = 0; v < GW_VARIANTS_MAX; v++)
            make_unit(v, 2);
        meter.left = left;
        meter.failed = 0;
        status = gw_log_reserve(ring, 1);
        ck_assert_int_eq(status, meter.failed > 0 ? -ENOMEM : 0);
        ck_assert_uint_eq(gw_log_check(ring), GW_VARIANTS_MAX);
        ck_assert_uint_eq(gw_log_at(ring, 4)->offset, 4);
        close_log();
        if (status == 0)
            break;
    }
}
END_TEST

/* Those of a small ring stay, for the next units. */
START_TEST(rings_of_units_go_with_a_large_ring)
{
    uint64_t count = _i > 0 ? 257 : 256;

    open_log(1);
    append(count);
    make_unit(0, 1);
    gw_log_release_units(ring);
    ck_assert_int_eq(ring->rings[0] == NULL, _i > 0);
    make_unit(0, 1);
    gw_log_restart(ring, 1, 0);
    ck_assert_int_eq(ring->rings[0] == NULL, _i > 0);
    close_log();
}
END_TEST

/* A burst leaves one behind. */
START_TEST(a_large_ring_goes_when_nothing_is_in_it)
{
    open_log(1);
    history.count_max = 0;
    append(_i > 0 ? 257 : 256);
    gw_log_age(ring, &history, 0);
    (void)gw_log_trim_all(ring);
    ck_assert_uint_eq(ring->room, _i > 0 ? 0 : 256);
    append(1);
    close_log();
}
END_TEST

START_TEST(without_an_age_nothing_is_due)
{
    open_log(1);
    append(3);
    ck_assert_uint_eq(gw_log_due_ns(ring, &history), UINT64_MAX);
    history.age_ns_max = UINT64_MAX - GW_NS_PER_S; /* the first is born at 1 s */
    ck_assert_uint_eq(gw_log_due_ns(ring, &history), UINT64_MAX);
    history.age_ns_max--;
    ck_assert_uint_eq(gw_log_due_ns(ring, &history), UINT64_MAX);
    history.age_ns_max--;
    ck_assert_uint_eq(gw_log_due_ns(ring, &history), UINT64_MAX - 1);
    close_log();
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, what_is_appended_is_there_by_offset);
    tcase_add_test(tests, a_ring_has_less_than_twice_the_room_it_needs);
    tcase_add_test(tests, a_ring_has_a_largest_size);
    tcase_add_loop_test(tests, history_is_bounded_by_count, 0, SUITE_ROWS(by_count));
    tcase_add_loop_test(tests, history_is_bounded_by_bytes, 0, SUITE_ROWS(by_bytes));
    tcase_add_loop_test(tests, history_is_bounded_by_age, 0, SUITE_ROWS(by_age));
    tcase_add_test(tests, without_an_age_nothing_is_due);
    tcase_add_test(tests, history_can_be_off);
    tcase_add_loop_test(tests, the_live_log_is_bounded_by_bytes, 0, SUITE_ROWS(by_live));
    tcase_add_test(tests, the_only_publication_stays_until_nobody_is_behind);
    tcase_add_test(tests, what_waits_is_never_trimmed);
    tcase_add_loop_test(tests, older_ones_can_be_put_in_front, 0, SUITE_ROWS(fronts));
    tcase_add_test(tests, a_restarted_log_is_empty_and_goes_on_elsewhere);
    tcase_add_test(tests, units_stay_with_their_publication_as_the_ring_grows);
    tcase_add_loop_test(tests, a_trimmed_publication_takes_its_units_and_says_when_one_was_pinned,
                        0, 2);
    tcase_add_loop_test(tests, rings_of_units_go_with_a_large_ring, 0, 2);
    tcase_add_loop_test(tests, a_large_ring_goes_when_nothing_is_in_it, 0, 2);
    tcase_add_test(tests, growing_fails_as_a_whole_or_not_at_all);
}

int main(void)
{
    return suite_main("hub/log", fill);
}
