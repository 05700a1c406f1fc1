/* pen_test.c - so many lines of a kind a second, and what is left out is counted. */
#include "edge/pen.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/suite.h"

#define RATE 3

static int ends[2]; /* of a pipe: ends[0] is where the test reads */
static char text[65536];

static void begin(struct gw_pen *pen, enum gw_log_level least)
{
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    gw_pen_init(pen, ends[1], RATE, least);
}

/* What was written since the last look. */
static const char *look(void)
{
    ssize_t len = read(ends[0], text, sizeof(text) - 1);

    text[len > 0 ? len : 0] = '\0';
    return text;
}

static int lines(const char *from)
{
    int count = 0;

    for (; *from; from++)
        count += *from == '\n';
    return count;
}

static struct gw_now at(uint64_t ms)
{
    return (struct gw_now){.mono_ns = ms * GW_NS_PER_MS, .wall_ms = 0};
}

static void finish(void)
{
    close(ends[0]);
    close(ends[1]);
}

START_TEST(a_line_is_written_whole)
{
    struct gw_logline line;
    struct gw_pen pen;

    begin(&pen, GW_LOG_INFO);
    ck_assert(gw_pen_begin(&pen, &line, at(5000), GW_LOG_WARN, "origin", "who is this"));
    gw_logline_str(&line, "origin", GW_STR("http://x\ny"));
    gw_pen_end(&pen, &line);
    ck_assert_str_eq(look(), "1970-01-01T00:00:00.000Z WARN origin: who is this "
                             "origin=\"http://x\\x0ay\"\n");
    finish();
}
END_TEST

START_TEST(a_level_below_the_least_is_not_written)
{
    struct gw_pen pen;

    begin(&pen, GW_LOG_WARN);
    gw_pen_say(&pen, at(0), GW_LOG_DEBUG, "kind", "no");
    gw_pen_say(&pen, at(0), GW_LOG_INFO, "kind", "no");
    gw_pen_say(&pen, at(0), GW_LOG_WARN, "kind", "yes");
    gw_pen_say(&pen, at(0), GW_LOG_ERROR, "kind", "yes");
    ck_assert_int_eq(lines(look()), 2);
    ck_assert_ptr_null(strstr(text, "no"));
    finish();
}
END_TEST

/* Also in second 0, with which the counters begin. */
static const uint64_t beginnings[] = {0, 7000, 7999};

START_TEST(above_the_rate_lines_are_counted_until_the_second_is_over)
{
    uint64_t from = beginnings[_i];
    struct gw_pen pen;

    begin(&pen, GW_LOG_INFO);
    for (int i = 0; i < RATE + 5; i++)
        gw_pen_say(&pen, at(from), GW_LOG_INFO, "kind", "word");
    ck_assert_int_eq(lines(look()), RATE);
    gw_pen_say(&pen, at(from / 1000 * 1000 + 1000), GW_LOG_INFO, "kind", "after");
    look();
    ck_assert_int_eq(lines(text), 2);
    ck_assert_ptr_nonnull(strstr(text, " kind: lines of this kind were left out count=5\n"));
    ck_assert_ptr_nonnull(strstr(text, "after"));
    ck_assert(strstr(text, "count=5") < strstr(text, "after"));
    finish();
}
END_TEST

START_TEST(at_the_rate_nothing_is_left_out)
{
    struct gw_pen pen;

    begin(&pen, GW_LOG_INFO);
    for (uint64_t second = 0; second < 4; second++) {
        for (int i = 0; i < RATE; i++)
            gw_pen_say(&pen, at(second * 1000 + 900), GW_LOG_INFO, "kind", "word");
        ck_assert_int_eq(lines(look()), RATE);
        ck_assert_ptr_null(strstr(text, "left out"));
    }
    finish();
}
END_TEST

START_TEST(each_kind_has_a_rate_of_its_own)
{
    struct gw_pen pen;

    begin(&pen, GW_LOG_INFO);
    for (int i = 0; i < 2 * RATE; i++) {
        gw_pen_say(&pen, at(0), GW_LOG_INFO, "one", "word");
        gw_pen_say(&pen, at(0), GW_LOG_INFO, "two", "word");
    }
    ck_assert_int_eq(lines(look()), 2 * RATE);
    gw_pen_say(&pen, at(1000), GW_LOG_INFO, "one", "word");
    ck_assert_int_eq(lines(look()), 2); /* the count of the other is told when it writes again */
    ck_assert_ptr_nonnull(strstr(text, " one: lines of this kind were left out count=3\n"));
    finish();
}
END_TEST

START_TEST(a_log_that_takes_nothing_stops_nobody)
{
    struct gw_pen pen;

    begin(&pen, GW_LOG_INFO);
    pen.rate = 1000000;
    for (int i = 0; i < 5000; i++) /* far more than a pipe holds */
        gw_pen_say(&pen, at(0), GW_LOG_INFO, "kind", "a line that nobody reads, again and again");
    ck_assert_int_gt(lines(look()), 0);
    close(ends[1]);
    gw_pen_say(&pen, at(0), GW_LOG_INFO, "kind", "and this has nowhere to go");
    close(ends[0]);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_line_is_written_whole);
    tcase_add_test(tests, a_level_below_the_least_is_not_written);
    tcase_add_loop_test(tests, above_the_rate_lines_are_counted_until_the_second_is_over, 0,
                        SUITE_ROWS(beginnings));
    tcase_add_test(tests, at_the_rate_nothing_is_left_out);
    tcase_add_test(tests, each_kind_has_a_rate_of_its_own);
    tcase_add_test(tests, a_log_that_takes_nothing_stops_nobody);
}

int main(void)
{
    return suite_main("edge/pen", fill);
}
