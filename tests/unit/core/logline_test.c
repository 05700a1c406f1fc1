/* logline_test.c - no value can end a line, begin another, or obey a terminal. */
#include "core/logline.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/utf8.h"

#include "lib/seeded.h"
#include "lib/suite.h"

/* The line begins so in all tests that do not look at its beginning: 38 bytes. */
static const char prefix[] = "2026-01-31T12:00:00.123Z INFO k: words";
#define WALL_MS INT64_C(1769860800123)

static void begin(struct gw_logline *line)
{
    gw_logline_begin(line, WALL_MS, GW_LOG_INFO, "k", "words");
}

static struct gw_str text_of(const struct gw_logline *line)
{
    return (struct gw_str){line->text, line->len};
}

/* Is the line the prefix, then `rest`, then LF? */
static void check_line(struct gw_logline *line, const char *rest)
{
    char want[GW_LOGLINE_MAX + 1];
    int len = snprintf(want, sizeof(want), "%s%s\n", prefix, rest);

    gw_logline_end(line);
    ck_assert_uint_eq(line->len, (size_t)len);
    ck_assert_mem_eq(line->text, want, (size_t)len);
}

START_TEST(a_line_without_values_is_its_beginning)
{
    struct gw_logline line;

    begin(&line);
    check_line(&line, "");
}
END_TEST

START_TEST(a_line_may_be_without_words)
{
    static const char want[] = "1970-01-01T00:00:00.000Z INFO k: \n";
    struct gw_logline line;

    gw_logline_begin(&line, 0, GW_LOG_INFO, "k", "");
    gw_logline_end(&line);
    ck_assert_uint_eq(line.len, sizeof(want) - 1);
    ck_assert_mem_eq(line.text, want, sizeof(want) - 1);
}
END_TEST

static const struct {
    enum gw_log_level level;
    const char *name;
} levels[] = {
    {GW_LOG_DEBUG, "DEBUG"}, {GW_LOG_INFO, "INFO"}, {GW_LOG_WARN, "WARN"}, {GW_LOG_ERROR, "ERROR"}};

START_TEST(levels_have_their_names)
{
    struct gw_logline line;
    char want[64];
    int len =
        snprintf(want, sizeof(want), "1970-01-01T00:00:00.000Z %s start: here\n", levels[_i].name);

    gw_logline_begin(&line, 0, levels[_i].level, "start", "here");
    gw_logline_end(&line);
    ck_assert_uint_eq(line.len, (size_t)len);
    ck_assert_mem_eq(line.text, want, (size_t)len);
}
END_TEST

static const struct {
    int64_t wall_ms;
    const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {86399999, "1970-01-01T23:59:59.999Z"},
    {86400000, "1970-01-02T00:00:00.000Z"},
    {951782400000, "2000-02-29T00:00:00.000Z"},
    {951868800000, "2000-03-01T00:00:00.000Z"},
    {4107542399999, "2100-02-28T23:59:59.999Z"},
    {4107542400000, "2100-03-01T00:00:00.000Z"}, /* 2100 is no leap year */
    {253402300799999, "9999-12-31T23:59:59.999Z"},
    {253402300800000, "9999-12-31T23:59:59.999Z"},
    {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    {-1, "1970-01-01T00:00:00.000Z"},
    {INT64_MIN, "1970-01-01T00:00:00.000Z"},
};

START_TEST(times_are_written_in_utc)
{
    struct gw_logline line;

    gw_logline_begin(&line, times[_i].wall_ms, GW_LOG_WARN, "k", "w");
    ck_assert_mem_eq(line.text, times[_i].text, 24);
}
END_TEST

START_TEST(times_agree_with_the_c_library)
{
    struct seeded seeded = {11};

    for (int i = 0; i < 5000; i++) {
        int64_t wall_ms = (int64_t)seeded_below(&seeded, 253402300800000);
        time_t seconds = (time_t)(wall_ms / 1000);
        char want[32], ms[8];
        struct gw_logline line;
        struct tm tm;

        ck_assert_ptr_nonnull(gmtime_r(&seconds, &tm));
        ck_assert_uint_eq(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm), 19);
        (void)snprintf(ms, sizeof(ms), ".%03dZ", (int)(wall_ms % 1000)); /* always fits */
        gw_logline_begin(&line, wall_ms, GW_LOG_INFO, "k", "w");
        ck_assert_mem_eq(line.text, want, 19);
        ck_assert_mem_eq(line.text + 19, ms, 5);
    }
}
END_TEST

static const struct {
    const char *value, *written;
} values[] = {
    {"plain", "plain"},
    {"", "\"\""},
    {"two words", "\"two words\""},
    {"a=b", "\"a=b\""}, /* would look like another key */
    {"/path?q&r:8080", "/path?q&r:8080"},
    {"say \"hi\"", "\"say \\x22hi\\x22\""},
    {"back\\slash", "\"back\\x5cslash\""},
    {"x\r\n2026-01-31T12:00:00.123Z ERROR forged: line",
     "\"x\\x0d\\x0a2026-01-31T12:00:00.123Z ERROR forged: line\""},
    {"\x1b[31mred\x07", "\"\\x1b[31mred\\x07\""},
    {"\t\x01\x1f\x7f", "\"\\x09\\x01\\x1f\\x7f\""},
    {"caf\xc3\xa9 \xe2\x82\xac", "\"caf\xc3\xa9 \xe2\x82\xac\""},
    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    {"\xff", "\"\\xff\""},
    {"a\xc3", "\"a\\xc3\""},
    {"\xe2\x82z", "\"\\xe2\\x82z\""},
    {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""},
    {"\xc0\x8a", "\"\\xc0\\x8a\""}, /* an overlong LF */
    {"\xc2\x9b"
     "31m",
     "\"\\xc2\\x9b31m\""},                   /* U+009B, a terminal's ESC [ in one */
    {"\xc2\x85", "\"\\xc2\\x85\""},          /* U+0085, next line */
    {"\xc2\xa0", "\xc2\xa0"},                /* the first behind the controls */
    {"\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\""}, /* line separator */
    {"\xe2\x80\xae", "\"\\xe2\\x80\\xae\""}, /* right-to-left override */
    {"\xe2\x81\xa6", "\"\\xe2\\x81\\xa6\""}, /* an isolate */
    {"\xe2\x80\xa7\xe2\x80\xaf", "\xe2\x80\xa7\xe2\x80\xaf"}, /* their neighbours */
};

START_TEST(values_are_quoted_and_escaped_where_they_must_be)
{
    struct gw_logline line;
    char rest[200];

    begin(&line);
    gw_logline_str(&line, "key", GW_STR(values[_i].value));
    gw_logline_u64(&line, "n", 7);
    (void)snprintf(rest, sizeof(rest), " key=%s n=7", values[_i].written); /* always fits */
    check_line(&line, rest);
}
END_TEST

START_TEST(a_nul_is_escaped_and_no_value_may_be_null)
{
    struct gw_logline line;

    begin(&line);
    gw_logline_str(&line, "a", (struct gw_str){"x\0y", 3});
    gw_logline_str(&line, "b", (struct gw_str){NULL, 0});
    check_line(&line, " a=\"x\\x00y\" b=\"\"");
}
END_TEST

START_TEST(numbers_are_written_in_decimal)
{
    struct gw_logline line;

    begin(&line);
    gw_logline_u64(&line, "a", 0);
    gw_logline_u64(&line, "b", UINT64_MAX);
    check_line(&line, " a=0 b=18446744073709551615");
}
END_TEST

/* A unit is what may not be torn: how it is given, how it is written, whether it needs quotes. */
static const struct {
    const char *given, *written;
    bool quotes;
} units[] = {
    {"a", "a", false},
    {"\xc3\xa9", "\xc3\xa9", false},
    {"\xe2\x82\xac", "\xe2\x82\xac", false},
    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", false},
    {"\n", "\\x0a", true},
    {" ", " ", true},
};

START_TEST(a_line_is_whole_to_the_last_byte_and_else_cut_between_units)
{
    const size_t given_len = strlen(units[_i].given), written_len = strlen(units[_i].written);
    const size_t before = strlen(prefix) + strlen(" k=") + units[_i].quotes;
    bool exact = false, cut = false;

    for (size_t count = 1; count * written_len < GW_LOGLINE_MAX + 20; count++) {
        size_t whole = before + count * written_len + units[_i].quotes + 1, kept;
        static char value[2 * GW_LOGLINE_MAX];
        struct gw_logline line;

        for (size_t i = 0; i < count; i++)
            memcpy(value + i * given_len, units[_i].given, given_len);
        begin(&line);
        gw_logline_str(&line, "k", (struct gw_str){value, count * given_len});
        gw_logline_end(&line);
        ck_assert_uint_le(line.len, GW_LOGLINE_MAX);
        ck_assert_int_eq(line.text[line.len - 1], '\n');
        if (whole <= GW_LOGLINE_MAX) {
            ck_assert_uint_eq(line.len, whole);
            exact |= whole == GW_LOGLINE_MAX;
            continue;
        }
        ck_assert_mem_eq(line.text + line.len - 4, "...\n", 4);
        kept = line.len - 4 - before;
        ck_assert_uint_eq(kept % written_len, 0);
        ck_assert_uint_gt(kept + written_len, GW_LOGLINE_MAX - 4 - before); /* no more would fit */
        for (size_t at = 0; at < kept; at += written_len)
            ck_assert_mem_eq(line.text + before + at, units[_i].written, written_len);
        cut = true;
    }
    ck_assert(cut);
    ck_assert(exact || written_len > 1);
}
END_TEST

START_TEST(nothing_is_added_to_a_line_that_is_full)
{
    static char value[3000];
    struct gw_logline line;
    size_t len;

    memset(value, 'v', sizeof(value));
    begin(&line);
    gw_logline_str(&line, "long", (struct gw_str){value, sizeof(value)});
    ck_assert(line.full);
    len = line.len;
    gw_logline_str(&line, "k", GW_STR("x"));
    gw_logline_u64(&line, "n", 1);
    ck_assert_uint_eq(line.len, len);
    gw_logline_end(&line);
    ck_assert_uint_eq(line.len, GW_LOGLINE_MAX);
    ck_assert_mem_eq(line.text + line.len - 5, "v...\n", 5);
}
END_TEST

START_TEST(words_of_our_own_that_are_too_long_do_no_harm)
{
    static char words[5000];
    struct gw_logline line;

    memset(words, 'w', sizeof(words) - 1);
    gw_logline_begin(&line, WALL_MS, GW_LOG_INFO, "k", words);
    gw_logline_str(&line, "key", GW_STR("x"));
    gw_logline_end(&line);
    ck_assert(gw_str_eq(text_of(&line), GW_STR("2026-01-31T12:00:00.123Z INFO k: ...\n")));
}
END_TEST

/* Bytes that mean trouble, and some that do not. */
static char hostile_byte(struct seeded *seeded)
{
    static const char bytes[] = "\r\n\x1b\"\\= \x80\xc2\x9b\xe2\x80\xa8\xf0\xff"
                                "aaa";

    if (seeded_below(seeded, 3) == 0)
        return (char)seeded_next(seeded);
    return bytes[seeded_below(seeded, sizeof(bytes) - 1)];
}

START_TEST(any_bytes_make_one_line_of_harmless_text)
{
    struct seeded seeded = {12};

    for (int round = 0; round < 3000; round++) {
        struct gw_logline line;
        char value[400];
        int quotes = 0;

        begin(&line);
        for (uint64_t left = seeded_below(&seeded, 5); left > 0; left--) {
            size_t len = seeded_below(&seeded, sizeof(value));

            for (size_t i = 0; i < len; i++)
                value[i] = hostile_byte(&seeded);
            gw_logline_str(&line, "key", (struct gw_str){value, len});
        }
        gw_logline_end(&line);
        ck_assert_uint_le(line.len, GW_LOGLINE_MAX);
        ck_assert(gw_utf8_valid(line.text, line.len));
        ck_assert_ptr_eq(memchr(line.text, '\n', line.len), line.text + line.len - 1);
        for (size_t i = 0; i < line.len - 1; i++) {
            if ((unsigned char)line.text[i] < 0x20 || line.text[i] == 0x7f)
                ck_abort_msg("byte %02x", (unsigned)line.text[i]);
            quotes += line.text[i] == '"';
        }
        ck_assert(line.full || quotes % 2 == 0);
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_line_without_values_is_its_beginning);
    tcase_add_test(tests, a_line_may_be_without_words);
    tcase_add_loop_test(tests, levels_have_their_names, 0, SUITE_ROWS(levels));
    tcase_add_loop_test(tests, times_are_written_in_utc, 0, SUITE_ROWS(times));
    tcase_add_test(tests, times_agree_with_the_c_library);
    tcase_add_loop_test(tests, values_are_quoted_and_escaped_where_they_must_be, 0,
                        SUITE_ROWS(values));
    tcase_add_test(tests, a_nul_is_escaped_and_no_value_may_be_null);
    tcase_add_test(tests, numbers_are_written_in_decimal);
    tcase_add_loop_test(tests, a_line_is_whole_to_the_last_byte_and_else_cut_between_units, 0,
                        SUITE_ROWS(units));
    tcase_add_test(tests, nothing_is_added_to_a_line_that_is_full);
    tcase_add_test(tests, words_of_our_own_that_are_too_long_do_no_harm);
    tcase_add_test(tests, any_bytes_make_one_line_of_harmless_text);
}

int main(void)
{
    return suite_main("core/logline", fill);
}
