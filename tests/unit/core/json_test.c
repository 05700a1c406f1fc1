/* json_test.c - what RFC 8259 calls JSON is taken, all else refused, and strings come out safe. */
#include "core/json.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/meter.h"
#include "lib/seeded.h"
#include "lib/suite.h"

static const char *const valid[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "10",
    "-12",
    "1.5",
    "0.0",
    "-0.25e+10",
    "1e5",
    "1E-5",
    "2e0",
    "123456789012345678901234567890",
    "0e1",
    "1e+00",
    "\"\"",
    "\"a\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0000\"",
    "\"\\uABCD\\uabcd\"",
    "\"\\ud834\\udd1e\"",
    "\"\\uD834\\uDD1E\"",
    "\"\\ud7ff\\ue000\"",
    "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"",
    "\"\x7f\"",
    "\"\xe2\x80\xa8\"",
    "\"/\"",
    "[]",
    "[ ]",
    "[1]",
    "[1,2,3]",
    "[[],[[]],{}]",
    "[null,true,false,\"x\",1.5e3]",
    "{}",
    "{ }",
    "{\"a\":1}",
    "{\"a\":{\"b\":[{}]},\"c\":[]}",
    "{\"\":\"\"}",
    "{\"a\":1,\"a\":2}",
    " null",
    "null ",
    "\t\n\r [ 1 , 2 ] \t\n\r",
    "{ \"a\" : 1 , \"b\" : [ ] }",
    "[{\"a\":[]},{\"b\":{}}]",
};

START_TEST(valid_texts_are_taken)
{
    ck_assert_msg(gw_json_valid(GW_STR(valid[_i])), "%s", valid[_i]);
}
END_TEST

/* Every beginning of a value that says itself where it ends is not JSON yet; and nothing may
 * follow. */
START_TEST(a_valid_text_cut_short_or_made_longer_is_refused)
{
    struct gw_str text = gw_str_trim(GW_STR(valid[_i]));
    char longer[100];

    if (text.data[0] == '"' || text.data[0] == '[' || text.data[0] == '{')
        for (size_t len = 0; len < text.len && text.data[text.len - 1] > ' '; len++)
            ck_assert_msg(!gw_json_valid((struct gw_str){text.data, len}), "%zu of %s", len,
                          valid[_i]);
    for (const char *more = "x,]}\"[{\\\x01\xff"; *more; more++) {
        memcpy(longer, text.data, text.len);
        longer[text.len] = *more;
        ck_assert(!gw_json_valid((struct gw_str){longer, text.len + 1}));
    }
}
END_TEST

static const char *const invalid[] = {
    "",
    " ",
    "\t\n",
    "nul",
    "nulll",
    "Null",
    "TRUE",
    "truefalse",
    "true false",
    "undefined",
    "NaN",
    "Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "1.e5",
    "1e",
    "1e+",
    "1e-",
    "1e5.5",
    "0x10",
    "1 2",
    "--1",
    "1a",
    "- 1",
    "\"",
    "\"a",
    "a\"",
    "'a'",
    "\"\\\"",
    "\"\\x41\"",
    "\"\\a\"",
    "\"\\'\"",
    "\"\\u\"",
    "\"\\u12\"",
    "\"\\u123\"",
    "\"\\u123g\"",
    "\"\\u+123\"",
    "\"\\U0041\"",
    "\"\n\"",
    "\"\t\"",
    "\"\x01\"",
    "\"\x1f\"",
    /* Lone surrogate escapes, in every order. */
    "\"\\ud800\"",
    "\"\\udbff\"",
    "\"\\udc00\"",
    "\"\\udfff\"",
    "\"\\ud800x\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud800\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud800\\udc0\"",
    "\"\\ud800 \\udc00\"",
    "\"\\ud800\\udc00\\udc00\"",
    /* Not UTF-8. */
    "\"\xff\"",
    "\"\x80\"",
    "\"\xc3\"",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\xef\xbb\xbf[]",
    "\xc3\xa9",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1 2]",
    "[1,,2]",
    "[1}",
    "[1]]",
    "[[]",
    "[]]",
    "[] []",
    "[],",
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":}",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{1:1}",
    "{\"a\" 1}",
    "{\"a\"::1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1]",
    "{\"a\",\"b\"}",
    "{null:1}",
    "{\"a\":1}}",
    "{[]:1}",
    "{}{}",
    "{\"a\":1:2}",
    "[\"a\":1]",
    "[1:2]",
    ":",
    ",",
    "// x\n1",
    "/* x */1",
    "1 // x",
    "[1]\x0b",
    "\x0c"
    "1",
    "\xc2\xa0"
    "1",
    "[\\u0031]",
};

START_TEST(invalid_texts_are_refused)
{
    ck_assert_msg(!gw_json_valid(GW_STR(invalid[_i])), "%s", invalid[_i]);
}
END_TEST

START_TEST(a_nul_is_refused_wherever_it_stands)
{
    static const char text[] = "{\"a\":[1,true,\"b\\n\\u0041\"]}";
    char copy[sizeof(text)];

    for (size_t at = 0; at < sizeof(text) - 1; at++) {
        memcpy(copy, text, sizeof(text));
        copy[at] = '\0';
        ck_assert(!gw_json_valid((struct gw_str){copy, sizeof(text) - 1}));
    }
    ck_assert(!gw_json_valid((struct gw_str){text, sizeof(text)})); /* and behind it */
    ck_assert(!gw_json_valid((struct gw_str){NULL, 0}));
}
END_TEST

START_TEST(depth_ends_at_its_limit)
{
    static const struct {
        const char *open, *inner, *close;
    } shapes[] = {{"[", "1", "]"}, {"[", "", "]"}, {"{\"a\":", "1", "}"}, {"[{\"a\":", "1", "}]"}};

    for (int shape = 0; shape < SUITE_ROWS(shapes); shape++) {
        int each = strlen(shapes[shape].open) > 5 ? 2 : 1; /* the last is two deep */

        for (int depth = GW_JSON_DEPTH_MAX - 2; depth <= GW_JSON_DEPTH_MAX + 2; depth += each) {
            struct gw_buf buf;

            gw_buf_init(&buf, &gw_alloc_std, 4096);
            for (int i = 0; i < depth; i += each)
                ck_assert_int_eq(gw_buf_text(&buf, GW_STR(shapes[shape].open)), 0);
            ck_assert_int_eq(gw_buf_text(&buf, GW_STR(shapes[shape].inner)), 0);
            for (int i = 0; i < depth; i += each)
                ck_assert_int_eq(gw_buf_text(&buf, GW_STR(shapes[shape].close)), 0);
            ck_assert_int_eq(gw_json_valid(gw_buf_str(&buf)), depth <= GW_JSON_DEPTH_MAX);
            gw_buf_fini(&buf);
        }
    }
}
END_TEST

START_TEST(width_has_no_limit_and_containers_close_in_their_own_order)
{
    struct gw_buf buf;

    gw_buf_init(&buf, &gw_alloc_std, 1 << 20);
    ck_assert_int_eq(gw_buf_text(&buf, GW_STR("[0")), 0);
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(gw_buf_text(&buf, GW_STR(",[{\"a\":[]},{}]")), 0);
    ck_assert(!gw_json_valid(gw_buf_str(&buf)));
    ck_assert_int_eq(gw_buf_text(&buf, GW_STR("]")), 0);
    ck_assert(gw_json_valid(gw_buf_str(&buf)));
    gw_buf_fini(&buf);
}
END_TEST

/* --- Strings out --- */

static const struct {
    const char *text, *json;
} strings[] = {
    {"", "\"\""},
    {"plain", "\"plain\""},
    {"say \"hi\" \\ /", "\"say \\\"hi\\\" \\\\ /\""},
    {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
    {"\x01\x0b\x1f\x7f", "\"\\u0001\\u000b\\u001f\x7f\""},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
    {"a\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa",
     "\"a\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\""},
    {"a\xff"
     "b",
     "\"a\xef\xbf\xbd"
     "b\""},
    {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

START_TEST(strings_are_escaped)
{
    struct gw_buf buf;

    gw_buf_init(&buf, &gw_alloc_std, 1000);
    ck_assert_int_eq(gw_json_string(&buf, GW_STR(strings[_i].text)), 0);
    ck_assert(gw_str_eq(gw_buf_str(&buf), GW_STR(strings[_i].json)));
    gw_buf_fini(&buf);
}
END_TEST

START_TEST(a_nul_is_escaped_and_no_text_may_be_null)
{
    struct gw_buf buf;

    gw_buf_init(&buf, &gw_alloc_std, 1000);
    ck_assert_int_eq(gw_json_string(&buf, (struct gw_str){"a\0b", 3}), 0);
    ck_assert_int_eq(gw_json_string(&buf, (struct gw_str){NULL, 0}), 0);
    ck_assert(gw_str_eq(gw_buf_str(&buf), GW_STR("\"a\\u0000b\"\"\"")));
    gw_buf_fini(&buf);
}
END_TEST

START_TEST(any_bytes_come_out_as_json)
{
    struct seeded seeded = {10};

    for (int round = 0; round < 3000; round++) {
        char bytes[64];
        struct gw_str text = {bytes, seeded_below(&seeded, sizeof(bytes))};
        struct gw_buf buf;

        for (size_t i = 0; i < text.len; i++)
            bytes[i] = (char)seeded_next(&seeded);
        gw_buf_init(&buf, &gw_alloc_std, 1000);
        ck_assert_int_eq(gw_json_string(&buf, text), 0);
        ck_assert(gw_json_valid(gw_buf_str(&buf)));
        gw_buf_fini(&buf);
    }
}
END_TEST

START_TEST(a_string_that_does_not_fit_leaves_nothing_behind)
{
    struct gw_str text = GW_STR("a\n\x01\xe2\x80\xa8\xff\xc3\xa9z");
    const size_t needed = 1 + 1 + 2 + 6 + 6 + 3 + 2 + 1 + 1;

    for (size_t cap = 2; cap <= 2 + needed; cap++) {
        struct gw_buf buf;

        gw_buf_init(&buf, &gw_alloc_std, cap);
        ck_assert_int_eq(gw_buf_text(&buf, GW_STR("x:")), 0);
        ck_assert_int_eq(gw_json_string(&buf, text), cap < 2 + needed ? -EMSGSIZE : 0);
        ck_assert_uint_eq(buf.len, cap < 2 + needed ? 2 : 2 + needed);
        gw_buf_fini(&buf);
    }
}
END_TEST

START_TEST(without_memory_nothing_is_left_behind)
{
    char bytes[2000];
    struct meter meter;

    memset(bytes, '"', sizeof(bytes));
    for (long left = 0;; left++) {
        struct gw_buf buf;

        meter_init(&meter);
        meter.left = left;
        gw_buf_init(&buf, &meter.alloc, 10000);
        ck_assert_int_eq(gw_json_string(&buf, (struct gw_str){bytes, sizeof(bytes)}),
                         meter.failed > 0 ? -ENOMEM : 0);
        ck_assert_uint_eq(buf.len, meter.failed > 0 ? 0 : 2 * sizeof(bytes) + 2);
        gw_buf_fini(&buf);
        ck_assert_int_eq(meter.live, 0);
        if (meter.failed == 0)
            break;
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, valid_texts_are_taken, 0, SUITE_ROWS(valid));
    tcase_add_loop_test(tests, a_valid_text_cut_short_or_made_longer_is_refused, 0,
                        SUITE_ROWS(valid));
    tcase_add_loop_test(tests, invalid_texts_are_refused, 0, SUITE_ROWS(invalid));
    tcase_add_test(tests, a_nul_is_refused_wherever_it_stands);
    tcase_add_test(tests, depth_ends_at_its_limit);
    tcase_add_test(tests, width_has_no_limit_and_containers_close_in_their_own_order);
    tcase_add_loop_test(tests, strings_are_escaped, 0, SUITE_ROWS(strings));
    tcase_add_test(tests, a_nul_is_escaped_and_no_text_may_be_null);
    tcase_add_test(tests, any_bytes_come_out_as_json);
    tcase_add_test(tests, a_string_that_does_not_fit_leaves_nothing_behind);
    tcase_add_test(tests, without_memory_nothing_is_left_behind);
}

int main(void)
{
    return suite_main("core/json", fill);
}
