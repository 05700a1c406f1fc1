#include "core/date.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define WALL_MS_MAX  INT64_C(253402300799999) /* the last millisecond of 9999 */
#define MS_PER_DAY   86400000
#define EPOCH_WAS_ON 4 /* 1970-01-01, a Thursday */

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Leap days from the year 1 to the end of `year`. */
static int leap_days(int year)
{
    return year / 4 - year / 100 + year / 400;
}

static void set_day(struct gw_date *date, int days)
{
    date->weekday = (days + EPOCH_WAS_ON) % 7;
    date->year = 1970 + days / 366; /* never too late; the loop adds what the short years left */
    date->month = 1;
    days -= (date->year - 1970) * 365 + leap_days(date->year - 1) - leap_days(1969);
    for (; days >= 365 + is_leap(date->year); date->year++)
        days -= 365 + is_leap(date->year);
    for (; days >= days_in_month(date->year, date->month); date->month++)
        days -= days_in_month(date->year, date->month);
    date->day = days + 1;
}

struct gw_date gw_date_of(int64_t wall_ms)
{
    struct gw_date date = {0};
    int in_day;

    if (wall_ms < 0)
        wall_ms = 0;
    if (wall_ms > WALL_MS_MAX)
        wall_ms = WALL_MS_MAX;
    set_day(&date, (int)(wall_ms / MS_PER_DAY));
    in_day = (int)(wall_ms % MS_PER_DAY);
    date.ms = in_day % 1000;
    date.second = in_day / 1000 % 60;
    date.minute = in_day / 60000 % 60;
    date.hour = in_day / 3600000;
    return date;
}

void gw_date_digits(char *out, int number, int count)
{
    while (count-- > 0) {
        out[count] = (char)('0' + number % 10);
        number /= 10;
    }
}

void gw_date_http(char out[GW_DATE_HTTP_LEN], int64_t wall_ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char blank[] = "Sun, 00 Jan 0000 00:00:00 GMT";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct gw_date date = gw_date_of(wall_ms);

    static_assert(sizeof(blank) == GW_DATE_HTTP_LEN + 1, "all but the NUL is copied");
    memcpy(out, blank, sizeof(blank) - 1);
    memcpy(out, days + (size_t)date.weekday * 3, 3);
    gw_date_digits(out + 5, date.day, 2);
    memcpy(out + 8, months + (size_t)(date.month - 1) * 3, 3);
    gw_date_digits(out + 12, date.year, 4);
    gw_date_digits(out + 17, date.hour, 2);
    gw_date_digits(out + 20, date.minute, 2);
    gw_date_digits(out + 23, date.second, 2);
}
