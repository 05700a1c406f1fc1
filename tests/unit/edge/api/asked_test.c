/* asked_test.c - what a URL asks for is read once, and in full: no channel, position or parameter
 * is passed over. */
#include "edge/api/asked.h"

#include <stdio.h>
#include <string.h>

#include "lib/suite.h"

#define P "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* a position */

static const char kinds[] = {[GW_SINCE_NEW] = 'n',
                             [GW_SINCE_ALL] = 'a',
                             [GW_SINCE_LAST] = 'l',
                             [GW_SINCE_POSITION] = 'p',
                             [GW_SINCE_UNKNOWN] = '?'};

/* `read`: each channel and what its since is; `code` 0. */
static const struct {
    const char *channels, *query;
    int code;
    bool envelopes;
    const char *read;
} rows[] = {
    {"c", "", 0, false, "c=n "},
    {"c", "since=", 0, false, "c=n "},
    {"c", "since=new", 0, false, "c=n "},
    {"c", "since=all", 0, false, "c=a "},
    {"c", "since=last:7", 0, false, "c=l7 "},
    {"c", "since=last%3A7", 0, false, "c=l7 "},
    {"c", "since=" P, 0, false, "c=p "},
    {"c", "since=" P "," P, 0, false, "c=? "},
    {"c", "since=" P P P P P, 0, false, "c=? "},
    {"c", "since=%", 0, false, "c=? "},
    {"c", "x=1&format=json&&since=all", 0, true, "c=a "},
    {"c", "format=raw", 0, false, "c=n "},
    {"c", "format", 0, false, "c=n "},
    {"c", "format=yaml", 4400, false, NULL},
    {"c", "since=&since=", 4400, false, NULL},
    {"c", "token=&token=", 4400, false, NULL},
    {"c", "format=json&format=raw", 4400, false, NULL},
    {"c", "transport=poll", 4400, false, NULL},
    {"c", "transport=websocket", 0, false, "c=n "},
    {"%63%20%C3%A9", "", 0, false, "c \xc3\xa9=n "},
    {"c%2Fd", "", 4400, false, NULL},
    {"c%ff", "", 4400, false, NULL},
    {"a,b", "", 0, true, "a=n b=n "},
    {"a,b", "since=all", 0, true, "a=a b=a "},
    {"a,b", "since=last:2", 0, true, "a=l2 b=l2 "},
    {"a,b", "since=" P, 0, true, "a=? b=? "},
    {"a,b", "since=x", 0, true, "a=? b=? "},
    {"a,b", "since=undefined", 0, true, "a=? b=? "},
    {"a,b", "since=" P "," P, 0, true, "a=p b=p "},
    {"a,b", "since=" P "%2C", 0, true, "a=p b=n "},
    {"a,b", "since=%2call", 0, true, "a=n b=a "},
    {"a,b", "since=x%2,y", 0, true, "a=? b=? "},
    {"a,b", "since=,,", 0, true, "a=? b=? "},
    {"a,b,c", "since=new,all", 0, true, "a=? b=? c=? "},
    {"a,b,c", "since=new%2Call,last:1&format=json", 0, true, "a=n b=a c=l1 "},
    {"a,b", "format=raw", 4400, true, NULL},
    {"a,,b", "", 4400, true, NULL},
    {",", "", 4400, true, NULL},
    {"a,b,c,d", "", 0, true, "a=n b=n c=n d=n "},
    {"a,b,c,d,e", "", 4429, true, NULL},
    {"a%2Cb", "", 4400, false, NULL},
};

/* A copy is walked, so that it can be walked again. */
static void ck_walk(struct gw_asked asked, const char *expect)
{
    char room[GW_CHANNEL_NAME_MAX], text[200] = "";
    struct gw_since since;
    struct gw_str name;
    size_t len = 0;

    while (gw_asked_next(&asked, room, &name, &since)) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s=%c", (int)name.len, name.data,
                                kinds[since.kind]);
        if (since.kind == GW_SINCE_LAST)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%u", (unsigned)since.last);
        len += (size_t)snprintf(text + len, sizeof(text) - len, " ");
    }
    ck_assert_str_eq(text, expect);
}

START_TEST(a_url_is_read_in_full)
{
    struct gw_asked asked;
    const char *reason = NULL;
    int code = gw_asked_channels(&asked, GW_STR(rows[_i].channels), 4, &reason);

    if (code == 0)
        code = gw_asked_parameters(&asked, GW_STR(rows[_i].query), &reason);
    ck_assert_int_eq(code, rows[_i].code);
    if (code != 0) {
        ck_assert_ptr_nonnull(reason);
        ck_assert_uint_le(strlen(reason), 123); /* it fits into a close frame */
        return;
    }
    ck_assert_int_eq(asked.envelopes, rows[_i].envelopes);
    ck_walk(asked, rows[_i].read);
    ck_walk(asked, rows[_i].read);
}
END_TEST

#define NAME_16 "0123456789abcdef"
#define NAME_64 NAME_16 "ABCDEFGHIJKLMNOP_-ABCDEFGHIJKLMN" NAME_16

static const struct {
    const char *query;
    int code;
    const char *session; /* NULL: none */
    uint32_t attempt;
    bool since_given;
} sessions[] = {
    {"", 0, NULL, 0, false},
    {"since=new", 0, NULL, 0, true},
    {"session=" NAME_16, 0, NAME_16, 0, false},
    {"session=" NAME_64, 0, NAME_64, 0, false},
    {"session=" NAME_64 "x", 4400, NULL, 0, false},
    {"session=0123456789abcde", 4400, NULL, 0, false},
    {"session=", 4400, NULL, 0, false},
    {"session", 4400, NULL, 0, false},
    {"session=0123456789abcde.", 4400, NULL, 0, false},
    {"session=0123456789abcde%41", 4400, NULL, 0, false},
    {"session=0123456789abcde+", 4400, NULL, 0, false},
    {"session=0123456789abcde\xc3\xa9", 4400, NULL, 0, false},
    {"session=0123456789abcde@", 4400, NULL, 0, false},
    {"session=0123456789abcde[", 4400, NULL, 0, false},
    {"session=0123456789abcde`", 4400, NULL, 0, false},
    {"session=0123456789abcde{", 4400, NULL, 0, false},
    {"session=0123456789abcde/", 4400, NULL, 0, false},
    {"session=0123456789abcde:", 4400, NULL, 0, false},
    {"session=0123456789abcdAZ", 0, "0123456789abcdAZ", 0, false},
    {"session=0123456789abcdaz", 0, "0123456789abcdaz", 0, false},
    {"session=" NAME_16 "&attempt=0", 0, NAME_16, 0, false},
    {"attempt=7&session=" NAME_16, 0, NAME_16, 7, false},
    {"session=" NAME_16 "&attempt=4294967295", 0, NAME_16, UINT32_MAX, false},
    {"session=" NAME_16 "&attempt=4294967296", 4400, NULL, 0, false},
    {"session=" NAME_16 "&attempt=-1", 4400, NULL, 0, false},
    {"session=" NAME_16 "&attempt=", 4400, NULL, 0, false},
    {"session=" NAME_16 "&attempt=1e3", 4400, NULL, 0, false},
    {"attempt=0", 4400, NULL, 0, false},
    {"session=" NAME_16 "&session=" NAME_16, 4400, NULL, 0, false},
    {"session=" NAME_16 "&attempt=1&attempt=1", 4400, NULL, 0, false},
    {"session=" NAME_16 "&since=", 0, NAME_16, 0, false},
    {"session=" NAME_16 "&since=all", 0, NAME_16, 0, true},
    {"session=" NAME_16 "&since=new", 0, NAME_16, 0, true},
    {"session=" NAME_16 "&since=garbage", 0, NAME_16, 0, true},
};

START_TEST(a_session_is_named_well_or_not_at_all)
{
    struct gw_asked asked;
    const char *reason = NULL;

    ck_assert_int_eq(gw_asked_channels(&asked, GW_STR("c"), 4, &reason), 0);
    ck_assert_int_eq(gw_asked_parameters(&asked, GW_STR(sessions[_i].query), &reason),
                     sessions[_i].code);
    if (sessions[_i].code != 0) {
        ck_assert_uint_le(strlen(reason), 123);
        return;
    }
    ck_assert_int_eq(asked.session.data != NULL, sessions[_i].session != NULL);
    if (sessions[_i].session)
        ck_assert(gw_str_eq(asked.session, GW_STR(sessions[_i].session)));
    ck_assert_uint_eq(asked.attempt, sessions[_i].attempt);
    ck_assert_int_eq(asked.since_given, sessions[_i].since_given);
}
END_TEST

/* Words that are empty say nothing, however many there are. */
START_TEST(a_list_of_empty_words_leaves_it_to_the_session)
{
    static const struct {
        const char *query;
        bool given;
    } lists[] = {{"since=,,", false}, {"since=%2C,", false}, {"since=,new,", true}};

    for (size_t i = 0; i < 3; i++) {
        struct gw_asked asked;
        const char *reason = NULL;

        ck_assert_int_eq(gw_asked_channels(&asked, GW_STR("a,b,c"), 4, &reason), 0);
        ck_assert_int_eq(gw_asked_parameters(&asked, GW_STR(lists[i].query), &reason), 0);
        ck_assert_int_eq(asked.since_given, lists[i].given);
    }
}
END_TEST

/* Also what is not seen in it at once: that a comma is none where it is encoded. */
START_TEST(what_a_name_must_not_have_is_told)
{
    struct gw_asked asked;
    const char *reason = NULL;

    ck_assert_int_eq(gw_asked_channels(&asked, GW_STR("a%2Cb"), 4, &reason), 4400);
    ck_assert_ptr_nonnull(strstr(reason, "slash or comma"));
}
END_TEST

/* `read`: what its since is, how many, and from which end; NULL: refused with a 400. */
static const struct {
    const char *query, *read;
} histories[] = {
    {"", "a 1000"},
    {"since=", "a 1000"},
    {"since=new", "n 1000"},
    {"since=all", "a 1000"},
    {"since=last:7&limit=3", "l7 3"},
    {"since=last%3A7&reverse=1", "l7 1000 newest"},
    {"since=" P, "p 1000"},
    {"since=" P "," P, "? 1000"},
    {"since=%", "? 1000"},
    {"limit=1", "a 1"},
    {"limit=0001", "a 1"},
    {"limit=1000&reverse=0", "a 1000"},
    {"limit=0", NULL},
    {"limit=1001", NULL},
    {"limit=4294967297", NULL},
    {"limit=", NULL},
    {"limit", NULL},
    {"limit=+1", NULL},
    {"reverse", NULL},
    {"reverse=yes", NULL},
    {"reverse=11", NULL},
    {"since=all&since=all", NULL},
    {"limit=1&x=2&limit=1", NULL},
    {"reverse=1&reverse=0", NULL},
    {"token=a&token=a", NULL},
    {"x=1&x=2&format=raw&session=1", "a 1000"},
};

START_TEST(a_history_is_asked_for_in_full)
{
    const char *detail = NULL;
    struct gw_read read;
    char text[80], last[24] = "";
    int status = gw_asked_history(&read, GW_STR(histories[_i].query), &detail);

    ck_assert_int_eq(status, histories[_i].read ? 0 : 400);
    ck_assert_int_eq(detail != NULL, status != 0);
    if (status != 0)
        return;
    if (read.since.kind == GW_SINCE_LAST)
        snprintf(last, sizeof(last), "%u", (unsigned)read.since.last);
    snprintf(text, sizeof(text), "%c%s %u%s", kinds[read.since.kind], last, read.count_max,
             read.newest ? " newest" : "");
    ck_assert_str_eq(text, histories[_i].read);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_session_is_named_well_or_not_at_all, 0, SUITE_ROWS(sessions));
    tcase_add_test(tests, a_list_of_empty_words_leaves_it_to_the_session);
    tcase_add_loop_test(tests, a_history_is_asked_for_in_full, 0, SUITE_ROWS(histories));
    tcase_add_loop_test(tests, a_url_is_read_in_full, 0, SUITE_ROWS(rows));
    tcase_add_test(tests, what_a_name_must_not_have_is_told);
}

int main(void)
{
    return suite_main("edge/api/asked", fill);
}
