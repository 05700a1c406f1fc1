/* units_test.c - encoded messages lie side by side, within a budget, and never go while in use. */
#include "hub/units.h"

#include "core/slab.h"
#include "lib/meter.h"
#include "lib/suite.h"

#define CHUNK GW_UNIT_CHUNK_BYTES

static struct meter meter;
static struct gw_units units;

static void open_units(uint64_t bytes_max)
{
    meter_init(&meter);
    ck_assert_int_eq(gw_units_init(&units, &meter.alloc, bytes_max), 0);
}

static void close_units(void)
{
    gw_units_fini(&units);
    ck_assert_int_eq(meter.live, 0);
}

/* A unit filled with `fill`. */
static struct gw_unit make(uint32_t len, uint8_t fill)
{
    struct gw_unit unit;
    uint8_t *bytes = gw_units_make(&units, &unit, len);

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, fill, len);
    return unit;
}

static bool is_filled(const uint8_t *bytes, uint32_t len, uint8_t fill)
{
    while (len > 0 && bytes[len - 1] == fill)
        len--;
    return len == 0;
}

static void check_bytes(const struct gw_unit *unit, uint8_t fill)
{
    const uint8_t *bytes = gw_units_find(&units, unit);

    ck_assert_ptr_nonnull(bytes);
    ck_assert(is_filled(bytes, unit->len, fill));
}

START_TEST(units_made_one_after_the_other_are_one_piece_of_memory)
{
    struct gw_unit unit[3];
    const uint8_t *first;

    open_units(10 * CHUNK);
    for (uint8_t i = 0; i < 3; i++)
        unit[i] = make(100, i);
    first = gw_units_find(&units, &unit[0]);
    ck_assert_ptr_eq(gw_units_find(&units, &unit[1]), first + 100);
    ck_assert_ptr_eq(gw_units_find(&units, &unit[2]), first + 200);
    for (uint8_t i = 0; i < 3; i++)
        check_bytes(&unit[i], i);
    gw_units_check(&units, 3);
    ck_assert_uint_eq(units.bytes, CHUNK);
    close_units();
}
END_TEST

static const struct {
    uint32_t len;
    uint64_t bytes; /* of chunks, with another unit of one byte before it */
} sizes[] = {
    {1, CHUNK},
    {CHUNK - 1, CHUNK},
    {CHUNK, 2 * CHUNK},
    {CHUNK + 1, CHUNK + CHUNK + 1},
    {10 * CHUNK, 11 * CHUNK},
};

START_TEST(a_large_unit_has_a_chunk_of_its_own_size)
{
    struct gw_unit one, other, third;

    open_units(20 * CHUNK);
    one = make(1, 1);
    other = make(sizes[_i].len, 2);
    ck_assert_uint_eq(units.bytes, sizes[_i].bytes);
    third = make(1, 3);
    check_bytes(&one, 1);
    check_bytes(&other, 2);
    check_bytes(&third, 3);
    gw_units_check(&units, 3);
    close_units();
}
END_TEST

START_TEST(what_a_unit_did_not_need_is_for_the_next)
{
    struct gw_unit one, other;
    const uint8_t *first;

    open_units(10 * CHUNK);
    one = make(1000, 1);
    first = gw_units_find(&units, &one);
    ck_assert_ptr_eq(gw_units_trim(&units, &one, 1000), first);
    ck_assert_ptr_eq(gw_units_trim(&units, &one, 10), first);
    ck_assert_uint_eq(one.len, 10);
    other = make(20, 2);
    ck_assert_ptr_eq(gw_units_find(&units, &other), first + 10);
    check_bytes(&one, 1);
    (void)gw_units_pin(&units, &one); /* somebody else's message in the same chunk */
    other = make(30, 3);
    ck_assert_ptr_eq(gw_units_trim(&units, &other, 1), first + 30);
    gw_units_check(&units, 3);
    gw_units_unpin(&units, 0);
    close_units();
}
END_TEST

/* A large unit, and how much of it was needed; what its chunk is then. */
static const struct {
    uint32_t room, len;
    uint64_t bytes;
} trims[] = {
    {CHUNK, 1, CHUNK}, /* not a chunk of its own */
    {CHUNK + 2, CHUNK / 2 + 2, CHUNK + 2},
    {CHUNK + 2, CHUNK / 2 + 1, CHUNK / 2 + 1},
    {10 * CHUNK, CHUNK, CHUNK},
    {10 * CHUNK, 1, 1},
};

START_TEST(a_large_chunk_becomes_as_large_as_its_unit)
{
    struct gw_unit unit;

    open_units(20 * CHUNK);
    unit = make(trims[_i].room, 7);
    ck_assert(is_filled(gw_units_trim(&units, &unit, trims[_i].len), trims[_i].len, 7));
    check_bytes(&unit, 7);
    ck_assert_uint_eq(units.bytes, trims[_i].bytes);
    gw_units_check(&units, 1);
    (void)gw_units_release(&units, &unit);
    gw_units_check(&units, 0);
    close_units();
}
END_TEST

START_TEST(a_large_chunk_stays_when_there_is_no_memory_for_a_smaller)
{
    struct gw_unit unit;

    open_units(20 * CHUNK);
    unit = make(10 * CHUNK, 7);
    meter.left = 0;
    ck_assert(is_filled(gw_units_trim(&units, &unit, 5), 5, 7));
    meter.left = METER_UNLIMITED;
    ck_assert_uint_eq(units.bytes, 10 * CHUNK);
    check_bytes(&unit, 7);
    gw_units_check(&units, 1);
    close_units();
}
END_TEST

START_TEST(a_chunk_goes_with_its_last_unit)
{
    struct gw_unit small[2], large;

    open_units(20 * CHUNK);
    small[0] = make(CHUNK / 2, 1);
    small[1] = make(CHUNK / 2, 2);
    large = make(3 * CHUNK, 3);
    ck_assert_uint_eq(units.bytes, 4 * CHUNK);
    ck_assert(!gw_units_release(&units, &large));
    ck_assert_uint_eq(units.bytes, CHUNK);
    ck_assert_uint_eq(large.chunk, 0);
    ck_assert(!gw_units_release(&units, &large)); /* none any more: harmless */
    (void)gw_units_release(&units, &small[0]);
    check_bytes(&small[1], 2);
    gw_units_check(&units, 1);
    (void)gw_units_release(&units, &small[1]);
    gw_units_check(&units, 0);
    close_units();
}
END_TEST

START_TEST(memory_is_used_again_and_not_asked_for_anew)
{
    long taken;

    open_units(20 * CHUNK);
    for (unsigned i = 0; i < 100; i++) {
        struct gw_unit unit[3];

        gw_units_begin_batch(&units);
        for (unsigned n = 0; n < 3; n++)
            unit[n] = make(CHUNK / 2, (uint8_t)n);
        for (unsigned n = 0; n < 3; n++)
            check_bytes(&unit[n], (uint8_t)n);
        for (unsigned n = 0; n < 3; n++)
            (void)gw_units_release(&units, &unit[n]);
        if (i == 1)
            taken = meter.taken;
    }
    ck_assert_int_eq(meter.taken, taken);
    ck_assert_uint_le(units.bytes, CHUNK);
    close_units();
}
END_TEST

START_TEST(over_its_budget_the_longest_unused_chunk_is_shed)
{
    struct gw_unit unit[5];

    open_units(3 * CHUNK);
    for (uint8_t i = 0; i < 3; i++) {
        gw_units_begin_batch(&units);
        unit[i] = make(CHUNK, i);
    }
    gw_units_begin_batch(&units);
    check_bytes(&unit[0], 0); /* used again: now 1 is the oldest */
    unit[3] = make(CHUNK, 3);
    ck_assert_uint_eq(units.bytes, 3 * CHUNK);
    ck_assert_ptr_null(gw_units_find(&units, &unit[1]));
    ck_assert(!gw_units_has(&units, &unit[1]));
    check_bytes(&unit[0], 0);
    check_bytes(&unit[2], 2);
    check_bytes(&unit[3], 3);
    ck_assert(!gw_units_release(&units, &unit[1])); /* stale: nothing to release */
    gw_units_check(&units, 3);
    close_units();
}
END_TEST

/* One that is used again goes to the end of the queue, and is shed when its turn comes. */
START_TEST(chunks_are_shed_in_the_order_of_their_last_use)
{
    static const unsigned order[] = {1, 2, 0, 3, 4};
    struct gw_unit unit[8];

    open_units(3 * CHUNK);
    for (uint8_t i = 0; i < 3; i++) {
        gw_units_begin_batch(&units);
        unit[i] = make(CHUNK, i);
    }
    gw_units_begin_batch(&units);
    check_bytes(&unit[0], 0);
    for (unsigned i = 0; i < 5; i++) {
        gw_units_begin_batch(&units);
        unit[3 + i] = make(CHUNK, (uint8_t)(3 + i));
        for (unsigned k = 0; k < 5; k++)
            ck_assert_int_eq(gw_units_has(&units, &unit[order[k]]), k > i && order[k] <= 3 + i);
        ck_assert_uint_eq(units.bytes, 3 * CHUNK);
        gw_units_check(&units, 3);
    }
    close_units();
}
END_TEST

START_TEST(what_was_pinned_is_shed_in_its_turn)
{
    struct gw_unit pinned, other, last;
    uint32_t chunk;

    open_units(2 * CHUNK);
    pinned = make(CHUNK, 1);
    chunk = gw_units_pin(&units, &pinned);
    gw_units_begin_batch(&units);
    other = make(CHUNK, 2);
    gw_units_begin_batch(&units);
    gw_units_unpin(&units, chunk); /* which counts as use */
    last = make(CHUNK, 3);
    ck_assert(!gw_units_has(&units, &other));
    gw_units_begin_batch(&units);
    other = make(CHUNK, 4);
    ck_assert(!gw_units_has(&units, &pinned));
    ck_assert(gw_units_has(&units, &last));
    gw_units_check(&units, 2);
    close_units();
}
END_TEST

/* Here it is the longest unused, and not the only one that has to go. */
START_TEST(the_chunk_being_filled_may_be_shed_for_a_large_one)
{
    struct gw_unit full, small, large, next;

    open_units(3 * CHUNK);
    full = make(CHUNK, 1);
    small = make(10, 2);
    gw_units_begin_batch(&units);
    check_bytes(&full, 1);
    gw_units_begin_batch(&units);
    large = make(3 * CHUNK, 3);
    ck_assert(!gw_units_has(&units, &full));
    ck_assert(!gw_units_has(&units, &small));
    next = make(10, 4);
    check_bytes(&large, 3);
    check_bytes(&next, 4);
    gw_units_check(&units, 2);
    close_units();
}
END_TEST

START_TEST(a_chunk_without_units_is_filled_from_its_beginning)
{
    static const uint32_t lens[] = {20, CHUNK};
    struct gw_unit unit;
    const uint8_t *first;

    open_units(2 * CHUNK);
    unit = make(10, 1);
    first = gw_units_find(&units, &unit);
    (void)gw_units_release(&units, &unit);
    unit = make(lens[_i], 2);
    ck_assert_ptr_eq(gw_units_find(&units, &unit), first);
    ck_assert_uint_eq(units.bytes, CHUNK);
    close_units();
}
END_TEST

static const struct {
    uint32_t last; /* bytes of the unit that comes to two chunks */
    bool shed;
} budgets[] = {{CHUNK - 1, false}, {CHUNK, false}, {CHUNK + 1, true}};

START_TEST(the_budget_is_kept_to_the_byte)
{
    struct gw_unit first, last;

    open_units(2 * CHUNK);
    first = make(CHUNK, 1);
    gw_units_begin_batch(&units);
    last = make(budgets[_i].last, 2);
    ck_assert_int_eq(gw_units_has(&units, &first), !budgets[_i].shed);
    ck_assert(gw_units_has(&units, &last));
    close_units();
}
END_TEST

START_TEST(what_the_batch_uses_is_never_shed)
{
    struct gw_unit unit[6];

    open_units(2 * CHUNK);
    gw_units_begin_batch(&units);
    for (uint8_t i = 0; i < 6; i++)
        unit[i] = make(CHUNK, i);
    for (uint8_t i = 0; i < 6; i++)
        check_bytes(&unit[i], i);
    ck_assert_uint_eq(units.bytes, 6 * CHUNK);
    gw_units_begin_batch(&units);
    unit[0] = make(CHUNK, 9); /* and then it is */
    ck_assert_uint_eq(units.bytes, 2 * CHUNK);
    close_units();
}
END_TEST

START_TEST(a_pinned_unit_stays_whatever_happens)
{
    struct gw_unit pinned, other, copy;
    const uint8_t *bytes;
    uint32_t chunk;

    open_units(2 * CHUNK);
    pinned = make(CHUNK, 7);
    bytes = gw_units_find(&units, &pinned);
    chunk = gw_units_pin(&units, &pinned);
    ck_assert_uint_eq(gw_units_pin(&units, &pinned), chunk);
    ck_assert_uint_eq(units.bytes_pinned, CHUNK);
    for (unsigned i = 0; i < 5; i++) {
        gw_units_begin_batch(&units);
        other = make(CHUNK, 1);
    }
    copy = pinned;
    ck_assert(gw_units_release(&units, &pinned)); /* its publication was trimmed */
    ck_assert(is_filled(bytes, CHUNK, 7));
    gw_units_unpin(&units, chunk);
    ck_assert(gw_units_has(&units, &copy));
    gw_units_unpin(&units, chunk);
    ck_assert(!gw_units_has(&units, &copy));
    ck_assert_uint_eq(units.bytes_pinned, 0);
    ck_assert(gw_units_has(&units, &other));
    close_units();
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    for (long left = 0;; left++) {
        struct gw_unit unit[4] = {{0}};

        meter_init(&meter);
        meter.left = left;
        if (gw_units_init(&units, &meter.alloc, 8 * CHUNK) == 0) {
            uint64_t live = 0;

            for (unsigned i = 0; i < 4; i++) {
                uint8_t *bytes = gw_units_make(&units, &unit[i], CHUNK / 2 + i * CHUNK);

                live += bytes != NULL;
                if (bytes)
                    memset(bytes, 1, CHUNK / 2 + i * CHUNK);
                ck_assert_int_eq(unit[i].chunk != 0, bytes != NULL);
            }
            gw_units_check(&units, live);
            gw_units_fini(&units);
        }
        ck_assert_int_eq(meter.live, 0);
        if (meter.failed == 0)
            break;
    }
}
END_TEST

START_TEST(when_memory_is_out_old_chunks_give_theirs)
{
    struct gw_unit old, new;

    open_units(8 * CHUNK);
    old = make(CHUNK, 1);
    gw_units_begin_batch(&units);
    meter.left = 0;
    new = make(CHUNK, 2);
    ck_assert(!gw_units_has(&units, &old));
    check_bytes(&new, 2);
    ck_assert_ptr_null(gw_units_make(&units, &old, CHUNK)); /* now all is in use */
    meter.left = METER_UNLIMITED;
    close_units();
}
END_TEST

/* What was kept for the next chunk goes first, and once. */
START_TEST(when_memory_is_out_what_is_kept_is_given_back)
{
    struct gw_unit first, second, large;
    long live;

    open_units(8 * CHUNK);
    first = make(CHUNK, 1);
    second = make(CHUNK, 2);
    (void)gw_units_release(&units, &first);
    live = meter.live;
    meter.left = 0;
    ck_assert_ptr_null(gw_units_make(&units, &large, 2 * CHUNK));
    meter.left = METER_UNLIMITED;
    ck_assert_int_eq(meter.live, live - 1);
    check_bytes(&second, 2);
    large = make(2 * CHUNK, 3);
    check_bytes(&large, 3);
    close_units();
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, units_made_one_after_the_other_are_one_piece_of_memory);
    tcase_add_loop_test(tests, a_large_unit_has_a_chunk_of_its_own_size, 0, SUITE_ROWS(sizes));
    tcase_add_test(tests, what_a_unit_did_not_need_is_for_the_next);
    tcase_add_loop_test(tests, a_large_chunk_becomes_as_large_as_its_unit, 0, SUITE_ROWS(trims));
    tcase_add_test(tests, a_large_chunk_stays_when_there_is_no_memory_for_a_smaller);
    tcase_add_test(tests, a_chunk_goes_with_its_last_unit);
    tcase_add_test(tests, memory_is_used_again_and_not_asked_for_anew);
    tcase_add_test(tests, over_its_budget_the_longest_unused_chunk_is_shed);
    tcase_add_test(tests, chunks_are_shed_in_the_order_of_their_last_use);
    tcase_add_test(tests, what_was_pinned_is_shed_in_its_turn);
    tcase_add_test(tests, the_chunk_being_filled_may_be_shed_for_a_large_one);
    tcase_add_loop_test(tests, a_chunk_without_units_is_filled_from_its_beginning, 0, 2);
    tcase_add_loop_test(tests, the_budget_is_kept_to_the_byte, 0, SUITE_ROWS(budgets));
    tcase_add_test(tests, what_the_batch_uses_is_never_shed);
    tcase_add_test(tests, a_pinned_unit_stays_whatever_happens);
    tcase_add_test(tests, every_allocation_may_fail);
    tcase_add_test(tests, when_memory_is_out_old_chunks_give_theirs);
    tcase_add_test(tests, when_memory_is_out_what_is_kept_is_given_back);
}

int main(void)
{
    return suite_main("hub/units", fill);
}
