/* map_test.c - every name leads to its index, whatever came and went before. */
#include "core/map.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"

#include "lib/meter.h"
#include "lib/seeded.h"
#include "lib/suite.h"

static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static struct meter meter;
static unsigned long asked; /* how often the map wanted to know a name */

/* The name of the thing at `index`: "name-" and the number, in `out`. */
static struct gw_str name_of(char out[32], uint32_t index)
{
    int len = snprintf(out, 32, "name-%u", (unsigned)index);

    return (struct gw_str){out, (size_t)len};
}

static bool is_named(uint32_t index, struct gw_str name, void *ctx)
{
    char text[32];

    if (ctx != &meter)
        ck_abort_msg("another context");
    asked++;
    return gw_str_eq(name_of(text, index), name);
}

static struct gw_map *new_map(void)
{
    struct gw_map *map = NULL;

    meter_init(&meter);
    ck_assert_int_eq(gw_map_new(&map, &meter.alloc, key, is_named, &meter), 0);
    return map;
}

static void end(struct gw_map *map)
{
    gw_map_free(map);
    ck_assert_int_eq(meter.live, 0);
}

static int add(struct gw_map *map, uint32_t index)
{
    char text[32];

    return gw_map_add(map, name_of(text, index), index);
}

static uint32_t find(const struct gw_map *map, uint32_t index)
{
    char text[32];

    return gw_map_find(map, name_of(text, index));
}

static bool take_out(struct gw_map *map, uint32_t index)
{
    char text[32];

    return gw_map_remove(map, name_of(text, index), index);
}

START_TEST(an_empty_map_finds_nothing)
{
    struct gw_map *map = new_map();

    ck_assert_uint_eq(find(map, 1), GW_MAP_NONE);
    ck_assert_uint_eq(gw_map_find(map, GW_STR("")), GW_MAP_NONE);
    ck_assert(!take_out(map, 1));
    ck_assert_uint_eq(gw_map_count(map), 0);
    end(map);
}
END_TEST

START_TEST(only_the_right_name_and_index_are_taken_out)
{
    struct gw_map *map = new_map();

    ck_assert_int_eq(add(map, 7), 0);
    ck_assert(!gw_map_remove(map, GW_STR("name-7"), 8));
    ck_assert(!gw_map_remove(map, GW_STR("name-8"), 7));
    ck_assert_uint_eq(find(map, 7), 7);
    ck_assert(take_out(map, 7));
    ck_assert(!take_out(map, 7));
    ck_assert_uint_eq(find(map, 7), GW_MAP_NONE);
    end(map);
}
END_TEST

START_TEST(adding_a_name_twice_aborts)
{
    struct gw_map *map = new_map();

    ck_assert_int_eq(add(map, 7), 0);
    (void)add(map, 7); /* does not return */
}
END_TEST

START_TEST(it_agrees_with_a_plain_array)
{
    enum { NAMES = 3000 };
    static bool there[NAMES];
    struct gw_map *map = new_map();
    struct seeded seeded = {9};
    uint32_t count = 0;

    for (int step = 0; step < 60000; step++) {
        uint32_t index = (uint32_t)seeded_below(&seeded, NAMES);
        bool growing = step / 15000 % 2 == 0;

        if (there[index] && seeded_below(&seeded, 10) < (growing ? 1 : 9)) {
            ck_assert(take_out(map, index));
            there[index] = false;
            count--;
        } else if (!there[index] && seeded_below(&seeded, 10) < (growing ? 9 : 1)) {
            ck_assert_int_eq(add(map, index), 0);
            there[index] = true;
            count++;
        }
        if (step % 2000 > 0)
            continue;
        ck_assert_uint_eq(gw_map_count(map), count);
        for (uint32_t i = 0; i < NAMES; i++)
            ck_assert_uint_eq(find(map, i), there[i] ? i : GW_MAP_NONE);
    }
    end(map);
}
END_TEST

START_TEST(memory_follows_the_count_both_ways)
{
    struct gw_map *map = new_map();

    for (uint32_t i = 0; i < 12288; i++)
        ck_assert_int_eq(add(map, i), 0);
    ck_assert_uint_eq(meter.largest, 16384 * 8); /* three quarters full, at 8 bytes a slot */
    for (uint32_t i = 0; i < 12288; i++)
        ck_assert(take_out(map, i));
    meter.largest = 0;
    for (uint32_t i = 0; i < 13; i++)
        ck_assert_int_eq(add(map, i), 0);
    ck_assert_uint_eq(meter.largest, 32 * 8); /* it was down to 16 slots */
    ck_assert_int_eq(meter.live, 2);
    end(map);
}
END_TEST

START_TEST(names_are_compared_only_when_their_hashes_are_equal)
{
    struct gw_map *map = new_map();

    for (uint32_t i = 0; i < 5000; i++)
        ck_assert_int_eq(add(map, i), 0);
    asked = 0;
    for (uint32_t i = 0; i < 10000; i++)
        ck_assert_uint_eq(find(map, i), i < 5000 ? i : GW_MAP_NONE);
    /* Each of 5000, and next to no others: two in 2^32 have equal hashes. */
    ck_assert_uint_le(asked, 5010);
    end(map);
}
END_TEST

struct hashed {
    uint32_t hash, index;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *left = a, *right = b;

    return (left->hash > right->hash) - (left->hash < right->hash);
}

/* Among 200,000 names about five pairs share the 32 bits that are kept of their hashes. */
static struct hashed *find_twins(struct hashed *all, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char text[32];
        struct gw_str name = name_of(text, i);

        all[i] = (struct hashed){(uint32_t)gw_siphash(key, name.data, name.len), i};
    }
    qsort(all, count, sizeof(*all), by_hash);
    for (uint32_t i = 1; i < count; i++)
        if (all[i].hash == all[i - 1].hash)
            return &all[i - 1];
    return NULL;
}

START_TEST(names_of_equal_hashes_are_told_apart)
{
    enum { COUNT = 200000 };
    struct hashed *all = malloc(COUNT * sizeof(*all)), *twins = find_twins(all, COUNT);
    struct gw_map *map = new_map();

    ck_assert_ptr_nonnull(twins);
    ck_assert_int_eq(add(map, twins[0].index), 0);
    ck_assert_uint_eq(find(map, twins[1].index), GW_MAP_NONE);
    ck_assert_int_eq(add(map, twins[1].index), 0);
    ck_assert_uint_eq(find(map, twins[0].index), twins[0].index);
    ck_assert_uint_eq(find(map, twins[1].index), twins[1].index);
    ck_assert(take_out(map, twins[0].index));
    ck_assert_uint_eq(find(map, twins[0].index), GW_MAP_NONE);
    ck_assert_uint_eq(find(map, twins[1].index), twins[1].index);
    end(map);
    free(all);
}
END_TEST

START_TEST(without_memory_a_name_is_refused_and_the_others_stay)
{
    for (long left = 0;; left++) {
        struct gw_map *map = NULL;
        uint32_t count = 0;

        meter_init(&meter);
        meter.left = left;
        if (gw_map_new(&map, &meter.alloc, key, is_named, &meter) < 0) {
            ck_assert_ptr_null(map);
            ck_assert_int_eq(meter.live, 0);
            continue;
        }
        while (count < 200 && add(map, count) == 0)
            count++;
        ck_assert_uint_eq(gw_map_count(map), count);
        ck_assert_int_eq(count<200, meter.failed> 0);
        for (uint32_t i = 0; i < 200; i++)
            ck_assert_uint_eq(find(map, i), i < count ? i : GW_MAP_NONE);
        end(map);
        if (meter.failed == 0)
            break;
    }
}
END_TEST

START_TEST(taking_out_never_needs_memory)
{
    struct gw_map *map = new_map();

    for (uint32_t i = 0; i < 1000; i++)
        ck_assert_int_eq(add(map, i), 0);
    meter.left = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        ck_assert(take_out(map, i));
        ck_assert_uint_eq(find(map, 999), i < 999 ? 999 : GW_MAP_NONE);
    }
    ck_assert_int_gt(meter.failed, 0); /* it did try to shrink */
    end(map);
}
END_TEST

START_TEST(freeing_null_is_fine)
{
    gw_map_free(NULL);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, an_empty_map_finds_nothing);
    tcase_add_test(tests, only_the_right_name_and_index_are_taken_out);
    tcase_add_test_raise_signal(tests, adding_a_name_twice_aborts, SIGABRT);
    tcase_add_test(tests, it_agrees_with_a_plain_array);
    tcase_add_test(tests, memory_follows_the_count_both_ways);
    tcase_add_test(tests, names_are_compared_only_when_their_hashes_are_equal);
    tcase_add_test(tests, names_of_equal_hashes_are_told_apart);
    tcase_add_test(tests, without_memory_a_name_is_refused_and_the_others_stay);
    tcase_add_test(tests, taking_out_never_needs_memory);
    tcase_add_test(tests, freeing_null_is_fine);
}

int main(void)
{
    return suite_main("core/map", fill);
}
