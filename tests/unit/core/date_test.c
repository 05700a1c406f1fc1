/* date_test.c - Unix time becomes the date that the calendar says. */
#include "core/date.h"

#include <stdbool.h>
#include <string.h>

#include "lib/suite.h"

/* The dates are those of the RFC, of leap years' rules, and of `date -u -d @N`. */
static const struct {
    int64_t wall_ms;
    const char *http;
} dates[] = {
    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
    {-1, "Thu, 01 Jan 1970 00:00:00 GMT"},
    {INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT"},
    {784111777000, "Sun, 06 Nov 1994 08:49:37 GMT"}, /* RFC 9110 section 5.6.7 */
    {784111777999, "Sun, 06 Nov 1994 08:49:37 GMT"},
    {951782399000, "Mon, 28 Feb 2000 23:59:59 GMT"}, /* 2000 was a leap year */
    {951782400000, "Tue, 29 Feb 2000 00:00:00 GMT"},
    {951868800000, "Wed, 01 Mar 2000 00:00:00 GMT"},
    {4107542400000, "Mon, 01 Mar 2100 00:00:00 GMT"}, /* 2100 will not be */
    {4107542399000, "Sun, 28 Feb 2100 23:59:59 GMT"},
    {1735689599000, "Tue, 31 Dec 2024 23:59:59 GMT"},
    {253402300799000, "Fri, 31 Dec 9999 23:59:59 GMT"},
    {253402300800000, "Fri, 31 Dec 9999 23:59:59 GMT"},
    {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
};

START_TEST(a_date_is_what_the_calendar_says)
{
    char text[GW_DATE_HTTP_LEN + 1] = {0};

    gw_date_http(text, dates[_i].wall_ms);
    ck_assert_str_eq(text, dates[_i].http);
}
END_TEST

START_TEST(days_follow_each_other_through_four_centuries)
{
    struct gw_date before = gw_date_of(0);

    for (int64_t day = 1; day <= 146097; day++) { /* as many as four centuries have */
        struct gw_date date = gw_date_of(day * 86400000);
        bool next_day = date.day == before.day + 1 && date.month == before.month;
        bool next_month = date.day == 1 && date.month == before.month + 1 && before.day >= 28;
        bool next_year = date.day == 1 && date.month == 1 && before.day == 31 &&
                         before.month == 12 && date.year == before.year + 1;

        if (!next_day && !next_month && !next_year)
            ck_abort_msg("%d-%d-%d after %d-%d-%d", date.year, date.month, date.day, before.year,
                         before.month, before.day);
        if (date.weekday != (before.weekday + 1) % 7)
            ck_abort_msg("the weekday of %d-%d-%d", date.year, date.month, date.day);
        before = date;
    }
    ck_assert_int_eq(before.year, 2370); /* the calendar repeats after 400 years */
    ck_assert_int_eq(before.month, 1);
    ck_assert_int_eq(before.day, 1);
    ck_assert_int_eq(before.weekday, 4);
}
END_TEST

START_TEST(the_parts_of_a_day_are_right)
{
    struct gw_date date = gw_date_of(((23 * 60 + 59) * 60 + 58) * INT64_C(1000) + 7);

    ck_assert_int_eq(date.hour, 23);
    ck_assert_int_eq(date.minute, 59);
    ck_assert_int_eq(date.second, 58);
    ck_assert_int_eq(date.ms, 7);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_date_is_what_the_calendar_says, 0, SUITE_ROWS(dates));
    tcase_add_test(tests, days_follow_each_other_through_four_centuries);
    tcase_add_test(tests, the_parts_of_a_day_are_right);
}

int main(void)
{
    return suite_main("core/date", fill);
}
