/* budget_test.c - what is given out is counted to the byte, and not a byte more is given. */
#include "core/budget.h"

#include <stdalign.h>

#include "lib/meter.h"
#include "lib/suite.h"

static struct meter meter;
static struct gw_budget budget;

static void begin(uint64_t max_bytes)
{
    meter_init(&meter);
    gw_budget_init(&budget, &meter.alloc, max_bytes);
}

START_TEST(what_is_given_back_can_be_given_again)
{
    begin(1000);
    for (int i = 0; i < 100; i++) {
        void *ptr = gw_alloc_get(&budget.alloc, 900);

        ck_assert_ptr_nonnull(ptr);
        ck_assert_uint_eq((uintptr_t)ptr % alignof(max_align_t), 0);
        ck_assert_ptr_null(gw_alloc_get(&budget.alloc, 900)); /* not both */
        gw_alloc_put(&budget.alloc, ptr);
    }
    ck_assert_uint_eq(budget.used_bytes, 0);
    ck_assert_uint_eq(budget.refused_count, 100);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

START_TEST(the_cap_is_kept_to_the_byte)
{
    uint64_t overhead;
    void *ptr;

    begin(1000);
    ptr = gw_alloc_get(&budget.alloc, 100);
    overhead = budget.used_bytes - 100;
    gw_alloc_put(&budget.alloc, ptr);
    ptr = gw_alloc_get(&budget.alloc, 1000 - overhead);
    ck_assert_ptr_nonnull(ptr);
    ck_assert_uint_eq(budget.used_bytes, 1000);
    ck_assert_ptr_null(gw_alloc_get(&budget.alloc, 0));
    gw_alloc_put(&budget.alloc, ptr);
    ck_assert_ptr_null(gw_alloc_get(&budget.alloc, 1000 - overhead + 1));
    ck_assert_ptr_null(gw_alloc_get(&budget.alloc, SIZE_MAX));
    ck_assert_uint_eq(budget.used_bytes, 0);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

START_TEST(memory_that_runs_out_below_is_not_counted)
{
    begin(1000);
    meter.left = 0;
    ck_assert_ptr_null(gw_alloc_get(&budget.alloc, 10));
    ck_assert_uint_eq(budget.used_bytes, 0);
    gw_alloc_put(&budget.alloc, NULL);
    ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, what_is_given_back_can_be_given_again);
    tcase_add_test(tests, the_cap_is_kept_to_the_byte);
    tcase_add_test(tests, memory_that_runs_out_below_is_not_counted);
}

int main(void)
{
    return suite_main("core/budget", fill);
}
