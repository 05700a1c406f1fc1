/* num_test.c - a number is digits and nothing else. */
#include "core/num.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/seeded.h"
#include "lib/suite.h"

/* What the C library makes of it, asked only when every character is a digit. */
static bool expected(const char *text, size_t len, const char *digits, int base, uint64_t *number)
{
    if (len == 0 || strspn(text, digits) != len)
        return false;
    *number = strtoull(text, NULL, base);
    return true;
}

static bool agrees(const char *text, size_t len)
{
    static const char decimal[] = "0123456789", hexadecimal[] = "0123456789abcdefABCDEF";
    struct gw_str str = {text, len};
    uint64_t want = 77, got = 77; /* and 77 it stays where it is not a number */

    if (gw_num_u64(str, &got) != expected(text, len, decimal, 10, &want) || got != want)
        return false;
    want = got = 77;
    return gw_num_hex(str, &got) == expected(text, len, hexadecimal, 16, &want) && got == want;
}

START_TEST(every_short_text_is_a_number_only_if_it_is_all_digits)
{
    static const char alphabet[] = "0123456789+- \t,abcdefABFGgx";
    const size_t letters = sizeof(alphabet) - 1;

    for (size_t len = 0, texts = 1; len <= 4; len++, texts *= letters) {
        for (size_t i = 0; i < texts; i++) {
            char text[5] = {0};

            for (size_t at = 0, rest = i; at < len; at++, rest /= letters)
                text[at] = alphabet[rest % letters];
            if (!agrees(text, len)) /* an assertion each would take longer than the work */
                ck_abort_msg("\"%s\"", text);
        }
    }
}
END_TEST

START_TEST(no_byte_but_a_digit_is_taken)
{
    for (int byte = 0; byte < 256; byte++) {
        char text[2] = {'1', (char)byte};
        uint64_t number;
        bool decimal = byte >= '0' && byte <= '9';
        bool letter = (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');

        ck_assert_int_eq(gw_num_u64((struct gw_str){text, 2}, &number), decimal);
        ck_assert_int_eq(gw_num_hex((struct gw_str){text, 2}, &number), decimal || letter);
    }
}
END_TEST

static const struct {
    const char *text;
    bool valid;
    uint64_t number;
} decimals[] = {
    {"9999999999999999999", true, UINT64_C(9999999999999999999)},
    {"0000000000000000001", true, 1},
    {"00000000000000000001", false, 0}, /* 20 digits, whatever they say */
    {"18446744073709551615", false, 0},
    {"18446744073709551616", false, 0},
    {"99999999999999999999", false, 0},
};

START_TEST(decimals_end_at_nineteen_digits)
{
    uint64_t number = 0;

    ck_assert_int_eq(gw_num_u64(GW_STR(decimals[_i].text), &number), decimals[_i].valid);
    ck_assert_uint_eq(number, decimals[_i].number);
}
END_TEST

static const struct {
    const char *text;
    bool valid;
    uint64_t number;
} hexes[] = {
    {"fffffffffffffff", true, UINT64_C(0xfffffffffffffff)},
    {"00000000000000A", true, 10},
    {"0000000000000000", false, 0},
    {"ffffffffffffffff", false, 0},
    {"10000000000000000", false, 0},
    {"0x1", false, 0},
};

START_TEST(hexadecimals_end_at_fifteen_digits)
{
    uint64_t number = 0;

    ck_assert_int_eq(gw_num_hex(GW_STR(hexes[_i].text), &number), hexes[_i].valid);
    ck_assert_uint_eq(number, hexes[_i].number);
}
END_TEST

START_TEST(empty_text_may_be_null)
{
    uint64_t number = 0;

    ck_assert(!gw_num_u64((struct gw_str){NULL, 0}, &number));
    ck_assert(!gw_num_hex((struct gw_str){NULL, 0}, &number));
}
END_TEST

static void check_writing(uint64_t number)
{
    char want[GW_U64_DIGITS + 1], got[GW_U64_DIGITS];
    size_t len = (size_t)snprintf(want, sizeof(want), "%" PRIu64, number);

    ck_assert_uint_eq(gw_num_write(got, number), len);
    ck_assert_mem_eq(got, want, len);
}

START_TEST(numbers_are_written_as_printf_writes_them)
{
    struct seeded seeded = {2};

    check_writing(0);
    check_writing(UINT64_MAX);
    for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
        check_writing(power);
        check_writing(power * 10 - 1);
    }
    for (int i = 0; i < 1000; i++)
        check_writing(seeded_next(&seeded) >> seeded_below(&seeded, 64));
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, every_short_text_is_a_number_only_if_it_is_all_digits);
    tcase_add_test(tests, no_byte_but_a_digit_is_taken);
    tcase_add_loop_test(tests, decimals_end_at_nineteen_digits, 0, SUITE_ROWS(decimals));
    tcase_add_loop_test(tests, hexadecimals_end_at_fifteen_digits, 0, SUITE_ROWS(hexes));
    tcase_add_test(tests, empty_text_may_be_null);
    tcase_add_test(tests, numbers_are_written_as_printf_writes_them);
}

int main(void)
{
    return suite_main("core/num", fill);
}
