/* str_test.c - text is compared, trimmed and cut by its length, never by a NUL. */
#include "core/str.h"

#include <string.h>

#include "lib/suite.h"

static const struct {
    const char *a, *b;
    bool equal, equal_nocase;
} pairs[] = {
    {"", "", true, true},
    {"a", "", false, false},
    {"abc", "abc", true, true},
    {"abc", "aBC", false, true},
    {"AZ", "az", false, true},
    {"abc", "abd", false, false},
    {"abc", "abcd", false, false},
    {"xbc", "abc", false, false},
    /* Neighbours of the letters, 32 apart: only letters have a case. */
    {"@", "`", false, false},
    {"[", "{", false, false},
    {"1", "Q", false, false},
    /* A and O with umlauts in Latin-1: outside ASCII nothing folds. */
    {"\xc4", "\xe4", false, false},
};

START_TEST(texts_compare_with_and_without_case)
{
    struct gw_str a = GW_STR(pairs[_i].a), b = GW_STR(pairs[_i].b);

    ck_assert_int_eq(gw_str_eq(a, b), pairs[_i].equal);
    ck_assert_int_eq(gw_str_eq(b, a), pairs[_i].equal);
    ck_assert_int_eq(gw_str_eq_secret(a, b), pairs[_i].equal);
    ck_assert_int_eq(gw_str_eq_secret(b, a), pairs[_i].equal);
    ck_assert_int_eq(gw_str_eq_nocase(a, b), pairs[_i].equal_nocase);
    ck_assert_int_eq(gw_str_eq_nocase(b, a), pairs[_i].equal_nocase);
}
END_TEST

START_TEST(a_nul_is_a_byte_like_others)
{
    struct gw_str a = {"a\0b", 3}, b = {"a\0c", 3};

    ck_assert(!gw_str_eq(a, b));
    ck_assert(!gw_str_eq_nocase(a, b));
    ck_assert(!gw_str_eq_secret(a, b));
    ck_assert(!gw_str_starts(a, b));
}
END_TEST

START_TEST(empty_text_may_be_null)
{
    struct gw_str none = {NULL, 0}, rest = none, empty = GW_STR("");

    ck_assert(gw_str_eq(none, empty));
    ck_assert(gw_str_eq_nocase(none, empty));
    ck_assert(gw_str_eq_secret(none, empty));
    ck_assert(gw_str_starts(empty, none));
    ck_assert(gw_str_starts(none, empty));
    ck_assert_uint_eq(gw_str_trim(none).len, 0);
    ck_assert_uint_eq(gw_str_cut(&rest, ',').len, 0);
    ck_assert_ptr_null(rest.data);
}
END_TEST

START_TEST(one_different_bit_anywhere_tells_secrets_apart)
{
    char a[32], b[32];

    memset(a, 'k', sizeof(a));
    for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
        memcpy(b, a, sizeof(b));
        b[bit / 8] = (char)(b[bit / 8] ^ (char)(1u << (bit % 8)));
        ck_assert(!gw_str_eq_secret((struct gw_str){a, 32}, (struct gw_str){b, 32}));
    }
}
END_TEST

static const struct {
    const char *text, *prefix;
    bool starts;
} prefixes[] = {
    {"", "", true},        {"abc", "", true},      {"abc", "a", true},   {"abc", "abc", true},
    {"abc", "abx", false}, {"abc", "abcd", false}, {"abc", "bc", false}, {"", "a", false},
};

START_TEST(a_text_starts_with_its_prefixes)
{
    ck_assert_int_eq(gw_str_starts(GW_STR(prefixes[_i].text), GW_STR(prefixes[_i].prefix)),
                     prefixes[_i].starts);
}
END_TEST

static const struct {
    const char *text, *trimmed;
} trims[] = {
    {"", ""},       {" ", ""},           {" \t \t", ""},     {"a", "a"}, {"  a", "a"},
    {"a\t\t", "a"}, {"\ta b\t ", "a b"}, {"\na\r", "\na\r"}, /* only SP and HTAB are blanks */
};

START_TEST(blanks_go_at_both_ends)
{
    ck_assert(gw_str_eq(gw_str_trim(GW_STR(trims[_i].text)), GW_STR(trims[_i].trimmed)));
}
END_TEST

static const struct {
    const char *text;
    int count;
    const char *pieces[4];
} cuts[] = {
    {"", 1, {""}},
    {"a", 1, {"a"}},
    {"a,", 2, {"a", ""}},
    {",a", 2, {"", "a"}},
    {",", 2, {"", ""}},
    {"a,b,c", 3, {"a", "b", "c"}},
    {"a,,b", 3, {"a", "", "b"}},
};

START_TEST(cutting_yields_every_piece_and_then_null)
{
    struct gw_str rest = GW_STR(cuts[_i].text);

    for (int i = 0; i < cuts[_i].count; i++) {
        ck_assert_ptr_nonnull(rest.data);
        ck_assert(gw_str_eq(gw_str_cut(&rest, ','), GW_STR(cuts[_i].pieces[i])));
    }
    ck_assert_ptr_null(rest.data);
    ck_assert_uint_eq(rest.len, 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, texts_compare_with_and_without_case, 0, SUITE_ROWS(pairs));
    tcase_add_test(tests, a_nul_is_a_byte_like_others);
    tcase_add_test(tests, empty_text_may_be_null);
    tcase_add_test(tests, one_different_bit_anywhere_tells_secrets_apart);
    tcase_add_loop_test(tests, a_text_starts_with_its_prefixes, 0, SUITE_ROWS(prefixes));
    tcase_add_loop_test(tests, blanks_go_at_both_ends, 0, SUITE_ROWS(trims));
    tcase_add_loop_test(tests, cutting_yields_every_piece_and_then_null, 0, SUITE_ROWS(cuts));
}

int main(void)
{
    return suite_main("core/str", fill);
}
