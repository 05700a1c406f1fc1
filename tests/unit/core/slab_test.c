/* slab_test.c - things stay where they are, and a handle never names another one. */
#include "core/slab.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/meter.h"
#include "lib/seeded.h"
#include "lib/suite.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

static struct meter meter;

static struct gw_slab *new_slab(size_t item_size, uint32_t count_max)
{
    struct gw_slab *slab = NULL;

    meter_init(&meter);
    ck_assert_int_eq(gw_slab_new(&slab, &meter.alloc, item_size, count_max), 0);
    return slab;
}

static void end(struct gw_slab *slab)
{
    gw_slab_free(slab);
    ck_assert_int_eq(meter.live, 0);
}

START_TEST(a_thing_is_found_by_index_and_by_handle)
{
    struct gw_slab *slab = new_slab(48, 10);
    uint32_t index = GW_SLAB_NONE;
    void *thing = gw_slab_take(slab, &index);
    uint64_t handle = gw_slab_handle(slab, index);

    ck_assert_ptr_nonnull(thing);
    ck_assert_ptr_eq(gw_slab_at(slab, index), thing);
    ck_assert_ptr_eq(gw_slab_peek(slab, index), thing);
    ck_assert_ptr_eq(gw_slab_find(slab, handle), thing);
    ck_assert_uint_eq(gw_handle_index(handle), index);
    ck_assert_uint_ne(handle >> 32, 0);
    end(slab);
}
END_TEST

START_TEST(a_handle_dies_with_its_thing)
{
    struct gw_slab *slab = new_slab(48, 10);
    uint32_t index, again;
    uint64_t first, second;

    gw_slab_take(slab, &index);
    first = gw_slab_handle(slab, index);
    gw_slab_give(slab, index);
    ck_assert_ptr_null(gw_slab_find(slab, first));
    ck_assert_ptr_null(gw_slab_peek(slab, index));
    gw_slab_take(slab, &again);
    ck_assert_uint_eq(again, index); /* last given, first taken */
    second = gw_slab_handle(slab, again);
    ck_assert_uint_ne(first, second);
    ck_assert_ptr_null(gw_slab_find(slab, first));
    ck_assert_ptr_nonnull(gw_slab_find(slab, second));
    end(slab);
}
END_TEST

START_TEST(a_guessed_handle_of_a_free_slot_names_nothing)
{
    struct gw_slab *slab = new_slab(48, 10);
    uint32_t index;

    gw_slab_take(slab, &index);
    gw_slab_give(slab, index);
    for (uint64_t generation = 0; generation < 5; generation++)
        for (uint64_t i = 0; i < 12; i++)
            ck_assert_ptr_null(gw_slab_find(slab, generation << 32 | i));
    ck_assert_ptr_null(gw_slab_find(slab, UINT64_MAX));
    ck_assert_ptr_null(gw_slab_find(slab, 0));
    end(slab);
}
END_TEST

START_TEST(a_thing_is_zeroed_each_time_it_is_taken)
{
    static const char zeros[100];
    struct gw_slab *slab = new_slab(100, 3);

    for (int round = 0; round < 3; round++) {
        uint32_t indices[3];

        for (int i = 0; i < 3; i++) {
            void *thing = gw_slab_take(slab, &indices[i]);

            ck_assert_mem_eq(thing, zeros, 100);
            memset(thing, 0xff, 100);
        }
        for (int i = 0; i < 3; i++)
            gw_slab_give(slab, indices[i]);
    }
    end(slab);
}
END_TEST

static const uint32_t counts[] = {1, 2, 3, 1000, 100000};

START_TEST(one_more_than_the_most_is_refused)
{
    struct gw_slab *slab = new_slab(8, counts[_i]);
    uint32_t index, none = 77;

    for (uint32_t i = 0; i < counts[_i]; i++)
        ck_assert_ptr_nonnull(gw_slab_take(slab, &index));
    ck_assert_uint_eq(gw_slab_count(slab), counts[_i]);
    ck_assert_uint_eq(gw_slab_top(slab), counts[_i]);
    ck_assert_ptr_null(gw_slab_take(slab, &none));
    ck_assert_uint_eq(none, 77);
    gw_slab_give(slab, index);
    ck_assert_ptr_nonnull(gw_slab_take(slab, &index));
    ck_assert_ptr_null(gw_slab_take(slab, &none));
    end(slab);
}
END_TEST

/* Sizes of the things themselves, and whether they must lie on eights or on sixteens. */
static const struct {
    size_t item_size, alignment;
} sizes[] = {{1, 1}, {4, 4}, {24, 8}, {40, 8}, {96, 16}, {48, 16}, {5000, 8}, {65536, 16}};

START_TEST(things_are_aligned_and_apart)
{
    enum { COUNT = 50 };
    struct gw_slab *slab = new_slab(sizes[_i].item_size, COUNT);
    uint8_t *things[COUNT];

    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t index;

        things[i] = gw_slab_take(slab, &index);
        ck_assert_uint_eq(index, i);
        ck_assert_uint_eq((uintptr_t)things[i] % sizes[_i].alignment, 0);
        memset(things[i], (int)i + 1, sizes[_i].item_size);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        ck_assert_uint_eq(things[i][0], i + 1);
        ck_assert_uint_eq(things[i][sizes[_i].item_size - 1], i + 1);
    }
    end(slab);
}
END_TEST

START_TEST(memory_comes_in_small_chunks_and_is_kept)
{
    struct gw_slab *slab = new_slab(96, 1000000);
    uint32_t index;

    ck_assert_int_eq(meter.taken, 1); /* the slab with its table; nothing for things */
    meter.largest = 0;
    for (uint32_t i = 0; i < 10000; i++)
        gw_slab_take(slab, &index);
    ck_assert_uint_ge(meter.largest, 16 * 1024);
    ck_assert_uint_le(meter.largest, 64 * 1024);
    for (uint32_t i = 0; i < 10000; i++)
        gw_slab_give(slab, i);
    meter.left = 0;
    for (uint32_t i = 0; i < 10000; i++)
        ck_assert_ptr_nonnull(gw_slab_take(slab, &index));
    end(slab);
}
END_TEST

START_TEST(without_memory_nothing_is_taken_and_nothing_lost)
{
    for (long left = 0;; left++) {
        struct gw_slab *slab = NULL;
        uint32_t index, taken = 0;

        meter_init(&meter);
        meter.left = left;
        if (gw_slab_new(&slab, &meter.alloc, 96, 2000) < 0) {
            ck_assert_int_eq(left, 0);
            ck_assert_ptr_null(slab);
            continue;
        }
        while (gw_slab_take(slab, &index))
            taken++;
        ck_assert_uint_eq(gw_slab_count(slab), taken);
        meter.left = METER_UNLIMITED;
        for (; taken < 2000; taken++)
            ck_assert_ptr_nonnull(gw_slab_take(slab, &index));
        end(slab);
        if (meter.failed == 0)
            break;
    }
}
END_TEST

/* What a plain array knows of 300 things: where each is, and a number written into it. */
struct model {
    struct {
        uint64_t *thing, handle, number;
        bool taken;
    } rows[300];
    uint32_t count, top;
};

static void take_one(struct gw_slab *slab, struct model *model, uint64_t number)
{
    uint32_t index;
    uint64_t *thing = gw_slab_take(slab, &index);

    ck_assert_int_eq(thing != NULL, model->count < 300);
    if (!thing)
        return;
    ck_assert(!model->rows[index].taken);
    *thing = number;
    model->rows[index].thing = thing;
    model->rows[index].handle = gw_slab_handle(slab, index);
    model->rows[index].number = number;
    model->rows[index].taken = true;
    model->count++;
    if (index >= model->top)
        model->top = index + 1;
}

static void check_against(const struct gw_slab *slab, const struct model *model)
{
    ck_assert_uint_eq(gw_slab_count(slab), model->count);
    ck_assert_uint_eq(gw_slab_top(slab), model->top);
    for (uint32_t i = 0; i < model->top; i++) {
        uint64_t *thing = model->rows[i].taken ? model->rows[i].thing : NULL;

        ck_assert_ptr_eq(gw_slab_peek(slab, i), thing);
        ck_assert_ptr_eq(gw_slab_find(slab, model->rows[i].handle), thing);
        if (thing)
            ck_assert_uint_eq(*thing, model->rows[i].number);
    }
}

START_TEST(it_agrees_with_a_plain_array)
{
    struct gw_slab *slab = new_slab(200, 300);
    struct model model = {.count = 0};
    struct seeded seeded = {6};

    for (int step = 0; step < 20000; step++) {
        /* Phases of growing and shrinking, so that both ends are reached. */
        if (seeded_below(&seeded, 10) < (step / 2000 % 2 == 0 ? 7 : 3)) {
            take_one(slab, &model, seeded_next(&seeded));
        } else {
            uint32_t index = (uint32_t)seeded_below(&seeded, 300);

            if (!model.rows[index].taken)
                continue;
            gw_slab_give(slab, index);
            model.rows[index].taken = false;
            model.count--;
        }
        if (step % 50 == 0)
            check_against(slab, &model);
    }
    end(slab);
}
END_TEST

START_TEST(asking_for_what_was_given_back_aborts)
{
    struct gw_slab *slab = new_slab(8, 4);
    uint32_t index;

    gw_slab_take(slab, &index);
    gw_slab_give(slab, index);
    (void)gw_slab_at(slab, index); /* does not return */
}
END_TEST

START_TEST(giving_twice_aborts)
{
    struct gw_slab *slab = new_slab(8, 4);
    uint32_t index;

    gw_slab_take(slab, &index);
    gw_slab_give(slab, index);
    gw_slab_give(slab, index);
}
END_TEST

START_TEST(freeing_null_is_fine)
{
    gw_slab_free(NULL);
}
END_TEST

#ifdef __SANITIZE_ADDRESS__
int __asan_address_is_poisoned(void const volatile *ptr);

START_TEST(the_sanitizer_sees_use_after_giving)
{
    struct gw_slab *slab = new_slab(96, 4);
    uint32_t index;
    char *thing = gw_slab_take(slab, &index);

    ck_assert(!__asan_address_is_poisoned(thing) && !__asan_address_is_poisoned(thing + 95));
    gw_slab_give(slab, index);
    ck_assert(__asan_address_is_poisoned(thing) && __asan_address_is_poisoned(thing + 95));
    ck_assert(gw_slab_take(slab, &index) == thing);
    ck_assert(!__asan_address_is_poisoned(thing) && !__asan_address_is_poisoned(thing + 95));
    end(slab);
}
END_TEST
#endif

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_thing_is_found_by_index_and_by_handle);
    tcase_add_test(tests, a_handle_dies_with_its_thing);
    tcase_add_test(tests, a_guessed_handle_of_a_free_slot_names_nothing);
    tcase_add_test(tests, a_thing_is_zeroed_each_time_it_is_taken);
    tcase_add_loop_test(tests, one_more_than_the_most_is_refused, 0, SUITE_ROWS(counts));
    tcase_add_loop_test(tests, things_are_aligned_and_apart, 0, SUITE_ROWS(sizes));
    tcase_add_test(tests, memory_comes_in_small_chunks_and_is_kept);
    tcase_add_test(tests, without_memory_nothing_is_taken_and_nothing_lost);
    tcase_add_test(tests, it_agrees_with_a_plain_array);
    tcase_add_test_raise_signal(tests, asking_for_what_was_given_back_aborts, SIGABRT);
    tcase_add_test_raise_signal(tests, giving_twice_aborts, SIGABRT);
    tcase_add_test(tests, freeing_null_is_fine);
#ifdef __SANITIZE_ADDRESS__
    tcase_add_test(tests, the_sanitizer_sees_use_after_giving);
#endif
}

int main(void)
{
    return suite_main("core/slab", fill);
}
