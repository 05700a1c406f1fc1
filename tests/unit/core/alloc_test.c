/* alloc_test.c - memory is zeroed, resized and counted without losing any. */
#include "core/alloc.h"

#include <stdint.h>
#include <string.h>

#include "lib/meter.h"
#include "lib/suite.h"

START_TEST(standard_allocator_gives_memory_that_can_be_used)
{
    char *text = gw_alloc_get(&gw_alloc_std, 6);

    ck_assert_ptr_nonnull(text);
    memcpy(text, "hello", 6);
    ck_assert_str_eq(text, "hello");
    gw_alloc_put(&gw_alloc_std, text);
    gw_alloc_put(&gw_alloc_std, NULL);
}
END_TEST

START_TEST(zeroed_memory_is_zero)
{
    struct meter meter;
    uint8_t *bytes;

    meter_init(&meter);
    bytes = gw_alloc_zeroed(&meter.alloc, 100, 3);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(meter.largest, 300);
    for (size_t i = 0; i < 300; i++)
        ck_assert_uint_eq(bytes[i], 0);
    gw_alloc_put(&meter.alloc, bytes);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

START_TEST(a_size_that_overflows_is_never_asked_for)
{
    struct meter meter;

    meter_init(&meter);
    ck_assert_ptr_null(gw_alloc_zeroed(&meter.alloc, SIZE_MAX / 2, 3));
    ck_assert_ptr_null(gw_alloc_zeroed(&meter.alloc, 3, SIZE_MAX / 2));
    ck_assert_int_eq(meter.taken + meter.failed, 0);
}
END_TEST

START_TEST(zeroed_says_when_memory_is_out)
{
    struct meter meter;

    meter_init(&meter);
    meter.left = 0;
    ck_assert_ptr_null(gw_alloc_zeroed(&meter.alloc, 1, 1));
}
END_TEST

static const struct {
    size_t old_size, new_size, kept;
} resizes[] = {{0, 5, 0}, {5, 5, 5}, {5, 100, 5}, {100, 5, 5}};

START_TEST(resizing_keeps_what_fits)
{
    struct meter meter;
    size_t old_size = resizes[_i].old_size;
    char pattern[100], *old = NULL, *new;

    meter_init(&meter);
    memset(pattern, 'x', sizeof(pattern));
    if (old_size > 0) {
        old = gw_alloc_get(&meter.alloc, old_size);
        memcpy(old, pattern, old_size);
    }
    new = gw_alloc_resize(&meter.alloc, old, old_size, resizes[_i].new_size);
    ck_assert_ptr_nonnull(new);
    ck_assert_mem_eq(new, pattern, resizes[_i].kept);
    ck_assert_int_eq(meter.live, 1);
    gw_alloc_put(&meter.alloc, new);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

START_TEST(a_failed_resize_leaves_the_old)
{
    struct meter meter;
    char *old;

    meter_init(&meter);
    meter.left = 1;
    old = gw_alloc_get(&meter.alloc, 3);
    memcpy(old, "abc", 3);
    ck_assert_ptr_null(gw_alloc_resize(&meter.alloc, old, 3, 6));
    ck_assert_mem_eq(old, "abc", 3);
    ck_assert_int_eq(meter.live, 1);
    gw_alloc_put(&meter.alloc, old);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, standard_allocator_gives_memory_that_can_be_used);
    tcase_add_test(tests, zeroed_memory_is_zero);
    tcase_add_test(tests, a_size_that_overflows_is_never_asked_for);
    tcase_add_test(tests, zeroed_says_when_memory_is_out);
    tcase_add_loop_test(tests, resizing_keeps_what_fits, 0, SUITE_ROWS(resizes));
    tcase_add_test(tests, a_failed_resize_leaves_the_old);
}

int main(void)
{
    return suite_main("core/alloc", fill);
}
