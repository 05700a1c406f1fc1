/* date.h - Unix time as a date in UTC: for people's eyes and for HTTP, not for arithmetic.
 *
 * Threads: any. */
#ifndef GW_CORE_DATE_H
#define GW_CORE_DATE_H

#include <stdint.h>

struct gw_date {
    int year;  /* 1970 to 9999 */
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
    int hour, minute, second, ms;
    int weekday; /* 0 is Sunday */
};

/* `wall_ms` in Unix milliseconds; what is before 1970 or after 9999 is taken for its first or last.
 */
struct gw_date gw_date_of(int64_t wall_ms);

/* `count` decimal digits of a number, with zeros in front, without NUL. */
void gw_date_digits(char *out, int number, int count);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7), without NUL. */
#define GW_DATE_HTTP_LEN 29
void gw_date_http(char out[GW_DATE_HTTP_LEN], int64_t wall_ms);

#endif
