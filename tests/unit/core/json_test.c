/* json_test.c - what RFC 8259 calls JSON is taken, all else refused, and strings come in and out
 * safe. */
#include "core/json.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
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
            struct gw_str rest, value;
            struct gw_buf buf;

            gw_buf_init(&buf, &gw_alloc_std, 4096);
            for (int i = 0; i < depth; i += each)
                ck_assert_int_eq(gw_buf_text(&buf, GW_STR(shapes[shape].open)), 0);
            ck_assert_int_eq(gw_buf_text(&buf, GW_STR(shapes[shape].inner)), 0);
            for (int i = 0; i < depth; i += each)
                ck_assert_int_eq(gw_buf_text(&buf, GW_STR(shapes[shape].close)), 0);
            ck_assert_int_eq(gw_json_valid(gw_buf_str(&buf)), depth <= GW_JSON_DEPTH_MAX);
            rest = gw_buf_str(&buf);
            ck_assert_int_eq(gw_json_take(&rest, &value), depth <= GW_JSON_DEPTH_MAX);
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

/* --- Values taken one by one --- */

static const struct {
    const char *rest, *value, *left;
} takes[] = {
    {"1", "1", ""},
    {" \t\r\n1 ", "1", " "},
    {"1x", "1", "x"},
    {"-0.5e3,4", "-0.5e3", ",4"},
    {"01", "0", "1"},
    {"true}", "true", "}"},
    {"nullnull", "null", "null"},
    {"\"a\\\"b\":1", "\"a\\\"b\"", ":1"},
    {"\"\"\"\"", "\"\"", "\"\""},
    {"{\"a\" : [ 1, {} ] } ]", "{\"a\" : [ 1, {} ] }", " ]"},
    {"[]]", "[]", "]"},
    {"[[1],[2]],3", "[[1],[2]]", ",3"},
};

START_TEST(a_value_is_taken_and_what_follows_is_left)
{
    struct gw_str rest = GW_STR(takes[_i].rest), value;

    ck_assert(gw_json_take(&rest, &value));
    ck_assert(gw_str_eq(value, GW_STR(takes[_i].value)));
    ck_assert(gw_str_eq(rest, GW_STR(takes[_i].left)));
    ck_assert_ptr_eq(rest.data, value.data + value.len);
}
END_TEST

static const char *const nothing_to_take[] = {
    "",      " ", ",1", ":",    "]",   "}",  "[1", "{\"a\"}", "\"a",
    "\"\\x", "-", "1.", "nul]", "[1}", "+1", "\\", "x",       "\"\\ud800\"",
};

START_TEST(where_no_value_stands_nothing_is_taken)
{
    struct gw_str text = GW_STR(nothing_to_take[_i]), rest = text, value = {"before", 6};

    ck_assert(!gw_json_take(&rest, &value));
    ck_assert_ptr_eq(rest.data, text.data);
    ck_assert_uint_eq(rest.len, text.len);
    ck_assert(gw_str_eq(value, GW_STR("before")));
}
END_TEST

START_TEST(what_is_not_there_is_no_value_and_has_no_blanks)
{
    struct gw_str rest = {NULL, 0}, value;

    ck_assert(!gw_json_take(&rest, &value));
    gw_json_skip_blanks(&rest);
    ck_assert_ptr_null(rest.data);
    rest = GW_STR(" \t\r\n\v");
    gw_json_skip_blanks(&rest);
    ck_assert(gw_str_eq(rest, GW_STR("\v"))); /* no blank of JSON */
}
END_TEST

/* --- What strings mean --- */

static const struct {
    const char *json, *meaning;
    size_t len;
} meanings[] = {
    {"\"\"", "", 0},
    {"\"plain\"", "plain", 5},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
    {"\"a\\nb\\\\n\"", "a\nb\\n", 5},
    {"\"\\u0000\"", "\0", 1},
    {"\"x\\u0000y\"", "x\0y", 3},
    {"\"\\u0041\\u007f\"", "A\x7f", 2},
    {"\"\\u0080\\u07ff\"", "\xc2\x80\xdf\xbf", 4},
    {"\"\\u0800\\uFFFF\"", "\xe0\xa0\x80\xef\xbf\xbf", 6},
    {"\"\\ud7ff\\uE000\"", "\xed\x9f\xbf\xee\x80\x80", 6},
    /* RFC 8259, section 7: the G clef, U+1D11E. */
    {"\"\\uD834\\uDD1E\"", "\xf0\x9d\x84\x9e", 4},
    {"\"\\ud87e\\udc00\"", "\xf0\xaf\xa0\x80", 4}, /* U+2F800 */
    {"\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8},
    {"\"\xc3\xa9\\u00e9\xf0\x9f\x98\x80\"", "\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80", 8},
};

START_TEST(strings_mean_what_their_escapes_say)
{
    struct gw_str json = GW_STR(meanings[_i].json);
    uint8_t *room =
        malloc(json.len); /* its very size, for a sanitizer; a byte more than is needed */

    ck_assert(gw_json_valid(json));
    memset(room, 0xee, json.len);
    ck_assert_uint_eq(gw_json_unquote(room, json), meanings[_i].len);
    ck_assert_mem_eq(room, meanings[_i].meaning, meanings[_i].len);
    for (size_t i = json.len - 2; i < json.len; i++)
        ck_assert_uint_eq(room[i], 0xee);
    free(room);
}
END_TEST

/* RFC 3629, section 3. */
static size_t utf8_of(unsigned c, uint8_t out[3])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 + c / 64);
        out[1] = (uint8_t)(0x80 + c % 64);
        return 2;
    }
    out[0] = (uint8_t)(0xe0 + c / 4096);
    out[1] = (uint8_t)(0x80 + c / 64 % 64);
    out[2] = (uint8_t)(0x80 + c % 64);
    return 3;
}

START_TEST(every_unit_that_is_no_surrogate_is_its_character)
{
    static const char digits[] = "0123456789abcdef";

    for (unsigned c = 0; c < 0x10000; c++) {
        char json[] = {'"',
                       '\\',
                       'u',
                       digits[c >> 12],
                       digits[c >> 8 & 15],
                       digits[c >> 4 & 15],
                       digits[c & 15],
                       '"'};
        uint8_t room[6], expected[3];
        size_t len = utf8_of(c, expected);

        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        if (gw_json_unquote(room, (struct gw_str){json, sizeof(json)}) != len ||
            memcmp(room, expected, len) != 0)
            ck_abort_msg("U+%04X", c);
    }
}
END_TEST

/* --- Strings out --- */

/* RFC 8259, section 7, as the sentences stand there. */
static size_t quote_slowly(char *out, struct gw_str text)
{
    char *to = out;

    *to++ = '"';
    for (size_t i = 0; i < text.len; i++) {
        static const char named[] = "\b\f\n\r\t", letters[] = "bfnrt";
        char c = text.data[i];
        const char *found = c != '\0' ? strchr(named, c) : NULL;

        if (c == '"' || c == '\\' || found) {
            *to++ = '\\';
            *to++ = found ? letters[found - named] : c;
        } else if ((unsigned char)c < 0x20)
            to += sprintf(to, "\\u%04x", (unsigned)c);
        else
            *to++ = c;
    }
    *to++ = '"';
    return (size_t)(to - out);
}

static void check_quote(struct gw_str text)
{
    char expected[1024];
    size_t len = quote_slowly(expected, text), size = gw_json_quote_size(text);
    uint8_t *out = malloc(size), *back = malloc(text.len + 1);

    ck_assert_uint_eq(size, len);
    ck_assert_uint_eq(gw_json_quote(out, text), len);
    ck_assert_mem_eq(out, expected, len);
    ck_assert_uint_eq(size > 2 ? gw_json_unquote(back, (struct gw_str){(char *)out, size}) : 0,
                      text.len);
    ck_assert(text.len == 0 || memcmp(back, text.data, text.len) == 0);
    free(out);
    free(back);
}

/* Eight bytes are looked at together: so each byte, at each place, among bytes of each kind. */
START_TEST(every_byte_is_quoted_at_every_place)
{
    static const char around[] = {'a', '!', '[', ']', '#', '\x20', '\x7f', '"', '\x1f', '\xff'};

    for (size_t i = 0; i < sizeof(around); i++)
        for (unsigned c = 0; c < 256; c++)
            for (size_t at = 0; at < 18; at++) {
                char text[19];

                memset(text, around[i], sizeof(text));
                text[at] = (char)c;
                check_quote((struct gw_str){text, at + 1});
                check_quote((struct gw_str){text, sizeof(text)});
            }
}
END_TEST

START_TEST(random_strings_are_quoted)
{
    static const char likely[] = "\"\\\n\x01 a\xc3\xa9";
    struct seeded seeded = {12};

    check_quote((struct gw_str){NULL, 0});
    check_quote((struct gw_str){"", 0});
    for (int round = 0; round < 5000; round++) {
        char bytes[100];
        struct gw_str text = {bytes, seeded_below(&seeded, sizeof(bytes))};

        for (size_t i = 0; i < text.len; i++)
            bytes[i] = seeded_below(&seeded, 4) ? likely[seeded_below(&seeded, sizeof(likely))]
                                                : (char)seeded_next(&seeded);
        check_quote(text);
    }
}
END_TEST

START_TEST(quoted_text_is_json_and_line_separators_stay)
{
    uint8_t out[64];
    size_t len = gw_json_quote(out, GW_STR("a\xe2\x80\xa8/<\x7f"));

    ck_assert(gw_str_eq((struct gw_str){(char *)out, len}, GW_STR("\"a\xe2\x80\xa8/<\x7f\"")));
    ck_assert(gw_json_valid((struct gw_str){(char *)out, len}));
}
END_TEST

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

START_TEST(line_ends_become_spaces_and_nothing_else_changes)
{
    static const char before[] = "\r{\n\"a\":\r\n[1,\t2],\"b\":\"\\n\"}\n";
    static const char after[] = " { \"a\":  [1,\t2],\"b\":\"\\n\"} ";
    uint8_t text[sizeof(before)];

    memcpy(text, before, sizeof(before));
    gw_json_unline(text, sizeof(before) - 2); /* the last one stays: it is not asked for */
    ck_assert_mem_eq(text, after, sizeof(after) - 2);
    ck_assert_uint_eq(text[sizeof(before) - 2], '\n');
    ck_assert(gw_json_valid((struct gw_str){(const char *)text, sizeof(before) - 1}));
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, line_ends_become_spaces_and_nothing_else_changes);
    tcase_add_loop_test(tests, valid_texts_are_taken, 0, SUITE_ROWS(valid));
    tcase_add_loop_test(tests, a_valid_text_cut_short_or_made_longer_is_refused, 0,
                        SUITE_ROWS(valid));
    tcase_add_loop_test(tests, invalid_texts_are_refused, 0, SUITE_ROWS(invalid));
    tcase_add_test(tests, a_nul_is_refused_wherever_it_stands);
    tcase_add_test(tests, depth_ends_at_its_limit);
    tcase_add_test(tests, width_has_no_limit_and_containers_close_in_their_own_order);
    tcase_add_loop_test(tests, a_value_is_taken_and_what_follows_is_left, 0, SUITE_ROWS(takes));
    tcase_add_loop_test(tests, where_no_value_stands_nothing_is_taken, 0,
                        SUITE_ROWS(nothing_to_take));
    tcase_add_test(tests, what_is_not_there_is_no_value_and_has_no_blanks);
    tcase_add_loop_test(tests, strings_mean_what_their_escapes_say, 0, SUITE_ROWS(meanings));
    tcase_add_test(tests, every_unit_that_is_no_surrogate_is_its_character);
    tcase_add_test(tests, every_byte_is_quoted_at_every_place);
    tcase_add_test(tests, random_strings_are_quoted);
    tcase_add_test(tests, quoted_text_is_json_and_line_separators_stay);
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
