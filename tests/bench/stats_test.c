/* stats_test.c - the median and its interval are those of the tables. */
#include "stats.h"

#include "lib/suite.h"

START_TEST(the_median_is_the_middle_one_or_between_the_middle_two)
{
    double odd[] = {9, 1, 4}, even[] = {8, 1, 2, 5};

    stats_sort(odd, 3);
    stats_sort(even, 4);
    ck_assert_double_eq(stats_median(odd, 3), 4);
    ck_assert_double_eq(stats_median(even, 4), 3.5);
    ck_assert_double_eq(stats_median(odd, 1), 1);
}
END_TEST

/* Two-sided 5 % of the sign test, as every table of it has them: with r or fewer signs of the rarer
 * kind it rejects; the interval begins at the (r + 1)-th smallest figure. By hand for 6: all six on
 * one side has 1/64 = 0.0156; five and one more 7/64 = 0.109, too much. For 9: (1 + 9)/512 = 0.0195
 * and (1 + 9 + 36)/512 = 0.09. */
static const struct {
    int count, low, high; /* the rank that the interval begins and ends with; 0: none */
} ranks[] = {
    {1, 0, 0},   {2, 0, 0},    {5, 0, 0},    {6, 1, 6},    {8, 1, 8},
    {9, 2, 8},   {11, 2, 10},  {12, 3, 10},  {15, 4, 12},  {20, 6, 15},
    {25, 8, 18}, {30, 10, 21}, {40, 14, 27}, {50, 18, 33}, {100, 40, 61},
};

START_TEST(the_interval_has_the_ranks_of_the_sign_test)
{
    double figures[100], low = -1, high = -1;

    for (int i = 0; i < 100; i++)
        figures[i] = i + 1; /* a figure is its own rank */
    ck_assert_int_eq(stats_median_interval(figures, ranks[_i].count, &low, &high),
                     ranks[_i].low > 0);
    ck_assert_double_eq(low, ranks[_i].low > 0 ? ranks[_i].low : -1);
    ck_assert_double_eq(high, ranks[_i].high > 0 ? ranks[_i].high : -1);
}
END_TEST

START_TEST(one_wild_figure_moves_the_interval_by_a_rank_at_most)
{
    double figures[] = {1, 2, 3, 4, 5, 6, 7, 8, 1e9}, low, high;

    ck_assert(stats_median_interval(figures, 9, &low, &high));
    ck_assert_double_eq(low, 2);
    ck_assert_double_eq(high, 8);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, the_median_is_the_middle_one_or_between_the_middle_two);
    tcase_add_loop_test(tests, the_interval_has_the_ranks_of_the_sign_test, 0, SUITE_ROWS(ranks));
    tcase_add_test(tests, one_wild_figure_moves_the_interval_by_a_rank_at_most);
}

int main(void)
{
    return suite_main("bench/stats", fill);
}
