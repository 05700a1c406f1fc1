/* target_test.c - percent-encoding and query parameters. */
#include "proto/http/target.h"

#include <check.h>
#include <stdlib.h>

static const struct {
    const char *text;
    bool plus;
    const char *expect; /* NULL: refused */
    size_t len;
} encoded[] = {
    {"", false, "", 0},
    {"abc", false, "abc", 3},
    {"%41%6a%6A", false, "Ajj", 3},
    {"%c3%A9", false, "\xc3\xa9", 2},
    {"a+b", false, "a+b", 3},
    {"a+b%2B", true, "a b+", 4},
    {"%00", false, "\0", 1},
    {"%2f%2F", false, "//", 2},
    {"%2541", false, "%41", 3}, /* once, not again */
    {"%", false, NULL, 0},
    {"a%", false, NULL, 0},
    {"%4", false, NULL, 0},
    {"%g0", false, NULL, 0},
    {"%0g", false, NULL, 0},
    {"% 1", false, NULL, 0},
    {"%+1", true, NULL, 0},
    {"%-1", false, NULL, 0},
    {"%0x41", false, NULL, 0},
    {"%%41", false, NULL, 0},
    {"ab%4", false, NULL, 0},
};

START_TEST(percent_encoding_is_undone_or_refused)
{
    struct gw_str text = GW_STR(encoded[_i].text);
    char *out = malloc(text.len + 1), *exact = malloc(text.len + 1);
    size_t len = 99;
    bool fine;

    ck_assert(out && exact);
    memcpy(exact, text.data, text.len);
    fine = gw_http_percent_decode(out, &len, (struct gw_str){exact, text.len}, encoded[_i].plus);
    ck_assert_int_eq(fine, encoded[_i].expect != NULL);
    ck_assert_uint_eq(len, fine ? encoded[_i].len : 99);
    if (fine && len > 0)
        ck_assert_mem_eq(out, encoded[_i].expect, len);
    free(exact);
    free(out);
}
END_TEST

START_TEST(every_byte_survives_being_encoded)
{
    static const char digits[] = "0123456789abcdef";

    for (unsigned byte = 0; byte < 256; byte++) {
        char text[3] = {'%', digits[byte >> 4], digits[byte & 15]}, out[3];
        size_t len;

        ck_assert(gw_http_percent_decode(out, &len, (struct gw_str){text, 3}, false));
        ck_assert_uint_eq(len, 1);
        ck_assert_uint_eq((unsigned char)out[0], byte);
    }
}
END_TEST

static const struct {
    const char *query, *pairs; /* as name>value| */
} queries[] = {
    {"", ""},
    {"a", "a>|"},
    {"a=", "a>|"},
    {"a=b", "a>b|"},
    {"a=b&c=d", "a>b|c>d|"},
    {"&&a=b&&c&", "a>b|c>|"},
    {"=b", ">b|"},
    {"a=b=c", "a>b=c|"},
    {"a=b;c=d", "a>b;c=d|"},
    {"a=%26&b=+", "a>%26|b>+|"},
    {"a=1&a=2", "a>1|a>2|"},
    {"since=last:5&format=json", "since>last:5|format>json|"},
    {"?a=b", "?a>b|"},
};

START_TEST(parameters_are_walked)
{
    struct gw_str rest = GW_STR(queries[_i].query), name, value;
    char got[64] = "";

    while (gw_http_query_next(&rest, &name, &value)) {
        if (name.len > 0)
            strncat(got, name.data, name.len);
        strcat(got, ">");
        if (value.len > 0)
            strncat(got, value.data, value.len);
        strcat(got, "|");
    }
    ck_assert_str_eq(got, queries[_i].pairs);
}
END_TEST

START_TEST(the_first_parameter_of_a_name_is_found)
{
    struct gw_str query = GW_STR("aa=0&a=1&a=2&A=3&b"), value = GW_STR("untouched");

    ck_assert(!gw_http_query_find(query, "c", &value));
    ck_assert(!gw_http_query_find(query, "", &value));
    ck_assert(!gw_http_query_find((struct gw_str){NULL, 0}, "a", &value));
    ck_assert(gw_str_eq(value, GW_STR("untouched")));
    ck_assert(gw_http_query_find(query, "a", &value));
    ck_assert(gw_str_eq(value, GW_STR("1")));
    ck_assert(gw_http_query_find(query, "A", &value));
    ck_assert(gw_str_eq(value, GW_STR("3")));
    ck_assert(gw_http_query_find(query, "b", &value));
    ck_assert_uint_eq(value.len, 0);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("proto/http/target");
    TCase *tests = tcase_create("target");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, percent_encoding_is_undone_or_refused, 0, COUNT(encoded));
    tcase_add_test(tests, every_byte_survives_being_encoded);
    tcase_add_loop_test(tests, parameters_are_walked, 0, COUNT(queries));
    tcase_add_test(tests, the_first_parameter_of_a_name_is_found);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
