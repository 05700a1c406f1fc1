/* values_test.c - sizes and times are digits and a unit, and nothing else is one. */
#include "server/values.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/suite.h"

#define UNTOUCHED 77

static const struct {
    const char *text;
    int expect;
    uint64_t value;
} sizes[] = {
    {"0", 0, 0},
    {"1", 0, 1},
    {"65536", 0, 65536},
    {"007", 0, 7},
    {"1B", 0, 1},
    {"1KiB", 0, 1024},
    {"64KiB", 0, 65536},
    {"64 KiB", 0, 65536},
    {"1MiB", 0, 1048576},
    {"1GiB", 0, 1073741824},
    {"0GiB", 0, 0},
    {"9999999999999999999", 0, UINT64_C(9999999999999999999)},
    {"17179869183GiB", 0, UINT64_C(18446744072635809792)}, /* 2^64 - 2^30: the last that fits */
    {"17179869184GiB", -ERANGE, 0},
    {"18014398509481983KiB", 0, UINT64_C(18446744073709550592)},
    {"18014398509481984KiB", -ERANGE, 0},
    {"99999999999999999999", -ERANGE, 0},
    {"99999999999999999999999999999999999999KiB", -ERANGE, 0},
    {"", -EINVAL, 0},
    {" ", -EINVAL, 0},
    {"KiB", -EINVAL, 0},
    {" 1", -EINVAL, 0},
    {"1 ", -EINVAL, 0},
    {"1  KiB", -EINVAL, 0},
    {"1KiB ", -EINVAL, 0},
    {"1\tKiB", -EINVAL, 0},
    {"1KB", -EINVAL, 0},
    {"1kib", -EINVAL, 0},
    {"1K", -EINVAL, 0},
    {"1TiB", -EINVAL, 0},
    {"1KiBKiB", -EINVAL, 0},
    {"-1", -EINVAL, 0},
    {"+1", -EINVAL, 0},
    {"1.5MiB", -EINVAL, 0},
    {"1e3", -EINVAL, 0},
    {"0x10", -EINVAL, 0},
    {"1_000", -EINVAL, 0},
    {"1,000", -EINVAL, 0},
    {"off", -EINVAL, 0},
    {"1s", -EINVAL, 0},
    {"\xd9\xa1", -EINVAL, 0}, /* an Arabic one */
};

START_TEST(a_size_is_digits_and_a_unit)
{
    uint64_t value = UNTOUCHED;

    ck_assert_int_eq(gw_value_read_size(GW_STR(sizes[_i].text), &value), sizes[_i].expect);
    ck_assert_uint_eq(value, sizes[_i].expect == 0 ? sizes[_i].value : UNTOUCHED);
}
END_TEST

#define MS UINT64_C(1000000)

static const struct {
    const char *text;
    int expect;
    uint64_t value;
} durations[] = {
    {"0s", 0, 0},
    {"1ms", 0, MS},
    {"5s", 0, 5000 * MS},
    {"5 s", 0, 5000 * MS},
    {"2m", 0, 120000 * MS},
    {"1h", 0, 3600000 * MS},
    {"1d", 0, 86400000 * MS},
    {"18446744073s", 0, UINT64_C(18446744073000000000)}, /* the last second before 2^64 ns */
    {"18446744074s", -ERANGE, 0},
    {"213503d", 0, UINT64_C(18446659200000000000)},
    {"213504d", -ERANGE, 0},
    {"99999999999999999999ms", -ERANGE, 0},
    {"", -EINVAL, 0},
    {"5", -EINVAL, 0},
    {"0", -EINVAL, 0},
    {"s", -EINVAL, 0},
    {"5S", -EINVAL, 0},
    {"5sec", -EINVAL, 0},
    {"5us", -EINVAL, 0},
    {"5ns", -EINVAL, 0},
    {"5w", -EINVAL, 0},
    {"1h30m", -EINVAL, 0},
    {"1.5s", -EINVAL, 0},
    {"-5s", -EINVAL, 0},
    {"5s ", -EINVAL, 0},
    {"5KiB", -EINVAL, 0},
};

START_TEST(a_time_is_digits_and_a_unit)
{
    uint64_t value = UNTOUCHED;

    ck_assert_int_eq(gw_value_read_duration(GW_STR(durations[_i].text), &value),
                     durations[_i].expect);
    ck_assert_uint_eq(value, durations[_i].expect == 0 ? durations[_i].value : UNTOUCHED);
}
END_TEST

static const struct {
    const char *text;
    int expect;
    uint64_t value;
} counts[] = {
    {"0", 0, 0},
    {"1024", 0, 1024},
    {"9999999999999999999", 0, UINT64_C(9999999999999999999)},
    {"99999999999999999999", -ERANGE, 0},
    {"", -EINVAL, 0},
    {"1 ", -EINVAL, 0},
    {"1K", -EINVAL, 0},
    {"1,000", -EINVAL, 0},
    {"-1", -EINVAL, 0},
    {"ten", -EINVAL, 0},
};

START_TEST(a_number_is_digits)
{
    uint64_t value = UNTOUCHED;

    ck_assert_int_eq(gw_value_read_count(GW_STR(counts[_i].text), &value), counts[_i].expect);
    ck_assert_uint_eq(value, counts[_i].expect == 0 ? counts[_i].value : UNTOUCHED);
}
END_TEST

START_TEST(a_nul_inside_ends_nothing)
{
    uint64_t value;

    ck_assert_int_eq(gw_value_read_size((struct gw_str){"1\0", 2}, &value), -EINVAL);
    ck_assert_int_eq(gw_value_read_size((struct gw_str){"1KiB\0", 5}, &value), -EINVAL);
    ck_assert_int_eq(gw_value_read_duration((struct gw_str){"1s\0", 3}, &value), -EINVAL);
    ck_assert_int_eq(gw_value_read_count((struct gw_str){"1\0", 2}, &value), -EINVAL);
    ck_assert_int_eq(gw_value_read_size((struct gw_str){NULL, 0}, &value), -EINVAL);
    ck_assert_int_eq(gw_value_read_duration((struct gw_str){NULL, 0}, &value), -EINVAL);
}
END_TEST

static const struct {
    void (*write)(char out[GW_VALUE_TEXT_MAX], uint64_t value);
    int (*read)(struct gw_str text, uint64_t *value);
    uint64_t value;
    const char *text;
} written[] = {
    {gw_value_write_size, gw_value_read_size, 0, "0B"},
    {gw_value_write_size, gw_value_read_size, 1023, "1023B"},
    {gw_value_write_size, gw_value_read_size, 1024, "1KiB"},
    {gw_value_write_size, gw_value_read_size, 1536, "1536B"},
    {gw_value_write_size, gw_value_read_size, 1048576, "1MiB"},
    {gw_value_write_size, gw_value_read_size, 1049600, "1025KiB"},
    {gw_value_write_size, gw_value_read_size, UINT64_C(1) << 40, "1024GiB"},
    {gw_value_write_duration, gw_value_read_duration, 0, "0ms"},
    {gw_value_write_duration, gw_value_read_duration, 999 * MS, "999ms"},
    {gw_value_write_duration, gw_value_read_duration, 1500 * MS, "1500ms"},
    {gw_value_write_duration, gw_value_read_duration, 60000 * MS, "1m"},
    {gw_value_write_duration, gw_value_read_duration, 61000 * MS, "61s"},
    {gw_value_write_duration, gw_value_read_duration, 86400000 * MS, "1d"},
    {gw_value_write_count, gw_value_read_count, 1000000, "1000000"},
};

START_TEST(what_is_written_reads_back)
{
    char text[GW_VALUE_TEXT_MAX];
    uint64_t value = UNTOUCHED;

    written[_i].write(text, written[_i].value);
    ck_assert_str_eq(text, written[_i].text);
    ck_assert_int_eq(written[_i].read(GW_STR(text), &value), 0);
    ck_assert_uint_eq(value, written[_i].value);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_size_is_digits_and_a_unit, 0, SUITE_ROWS(sizes));
    tcase_add_loop_test(tests, a_time_is_digits_and_a_unit, 0, SUITE_ROWS(durations));
    tcase_add_loop_test(tests, a_number_is_digits, 0, SUITE_ROWS(counts));
    tcase_add_test(tests, a_nul_inside_ends_nothing);
    tcase_add_loop_test(tests, what_is_written_reads_back, 0, SUITE_ROWS(written));
}

int main(void)
{
    return suite_main("server/values", fill);
}
