/* extension_test.c - permessage-deflate is agreed on, or is not: RFC 6455 section 9.1 and RFC 7692
 * section 7.1, every parameter in every form, on both sides. */
#include "proto/ws/extension.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/suite.h"
#include "proto/http/head.h"

#define LINES_MAX 4

/* A head's lines: the values of Sec-WebSocket-Extensions, separated by '\n', between others. */
struct lines {
    struct gw_http_header headers[LINES_MAX + 2];
    uint32_t count;
};

static struct lines lines_of(const char *values)
{
    static const char *const spellings[] = {"Sec-WebSocket-Extensions", "sec-websocket-extensions"};
    struct lines lines = {.count = 0};
    struct gw_str rest = {values, values ? strlen(values) : 0};

    lines.headers[lines.count++] = (struct gw_http_header){GW_STR("Host"), GW_STR("a")};
    while (rest.data) {
        struct gw_str value = gw_str_cut(&rest, '\n');

        ck_assert_uint_lt(lines.count, LINES_MAX);
        lines.headers[lines.count] =
            (struct gw_http_header){GW_STR(spellings[lines.count % 2]), value};
        lines.count++;
    }
    lines.headers[lines.count++] =
        (struct gw_http_header){GW_STR("X-Extensions"), GW_STR("permessage-deflate")};
    return lines;
}

static void check_terms(const struct gw_ws_deflate_terms *terms,
                        const struct gw_ws_deflate_terms *expected)
{
    ck_assert_uint_eq(terms->server_window_bits, expected->server_window_bits);
    ck_assert_uint_eq(terms->client_window_bits, expected->client_window_bits);
    ck_assert_uint_eq(terms->server_takeover, expected->server_takeover);
    ck_assert_uint_eq(terms->client_takeover, expected->client_takeover);
}

/* --- The server's choice --- */

#define D   "permessage-deflate"
#define SNT "server_no_context_takeover"
#define CNT "client_no_context_takeover"
#define SMB "server_max_window_bits"
#define CMB "client_max_window_bits"

/* What a server answers that wants the defaults: 12 bits both ways, no takeover. */
#define YES    D "; " SNT "; " CNT "; " SMB "=12"
#define YES_12 YES "; " CMB "=12"

static const struct {
    const char *offers; /* NULL: no such header */
    const char *answer; /* NULL: none */
} choices[] = {
    {NULL, NULL},
    {"", NULL},
    {D, YES},
    {D "; " SNT, YES},
    {D "; " CNT, YES},
    {D "; " SNT "; " CNT "; " SMB "=15; " CMB "=15", YES_12},
    {D ";" SNT ";" CNT, YES},
    {"  " D "\t;\t" CNT " ;  " SNT "  ", YES},
    {D "; " CMB, YES_12},
    {D "; " CMB "=12", YES_12},
    {D "; " CMB "=8", YES "; " CMB "=8"},
    {D "; " CMB "=11", YES "; " CMB "=11"},
    {D "; " CMB "=15", YES_12},
    {D "; " CMB "=\"12\"", YES_12},
    {D "; " CMB "=\"\\1\\2\"", YES_12},
    {D "; " CMB " = 10", YES "; " CMB "=10"},
    {D "; " SMB "=15", YES},
    {D "; " SMB "=12", YES},
    {D "; " SMB "=\"12\"", YES},
    /* What the browsers send. */
    {D "; " CMB, YES_12},
    {D ", x-webkit-deflate-frame", YES},
    /* Not ours, or not quite. */
    {"permessage-bzip2", NULL},
    {"x-webkit-deflate-frame", NULL},
    {"permessage-deflate2", NULL},
    {"permessage-deflat", NULL},
    {"PERMESSAGE-DEFLATE", NULL},
    {"mux; " D, NULL},
    /* A window below ours. */
    {D "; " SMB "=11", NULL},
    {D "; " SMB "=8", NULL},
    {D "; " SMB "=11, " D, YES},
    {D "; " SMB "=11, " D "; " SMB "=10", NULL},
    /* Doubled, unknown, in another case. */
    {D "; " SNT "; " SNT, NULL},
    {D "; " CNT "; " CNT, NULL},
    {D "; " SMB "=12; " SMB "=12", NULL},
    {D "; " CMB "; " CMB, NULL},
    {D "; " CMB "; " CMB "=12", NULL},
    {D "; " CMB "=12; " CMB, NULL},
    {D "; x", NULL},
    {D "; x=1", NULL},
    {D "; server_no_context_takeove", NULL},
    {D "; Server_No_Context_Takeover", NULL},
    {D "; " D, NULL},
    /* A value that is not due, or missing. */
    {D "; " SNT "=1", NULL},
    {D "; " SNT "=12", NULL},
    {D "; " SNT "=\"true\"", NULL},
    {D "; " CNT "=0", NULL},
    {D "; " CNT "=15", NULL},
    {D "; " SMB, NULL},
    /* Numbers that are none, or not these. */
    {D "; " SMB "=012", NULL},
    {D "; " SMB "=+12", NULL},
    {D "; " SMB "=-12", NULL},
    {D "; " SMB "=12.0", NULL},
    {D "; " SMB "=1e1", NULL},
    {D "; " SMB "=0xc", NULL},
    {D "; " SMB "=112", NULL},
    {D "; " SMB "=120", NULL},
    {D "; " SMB "=4294967308", NULL}, /* 12 modulo 2^32 */
    {D "; " SMB "=268", NULL},        /* 12 modulo 2^8 */
    {D "; " CMB "=twelve", NULL},
    {D "; " CMB "=\"012\"", NULL},
    {D "; " CMB "=\"\\0\\9\"", NULL},
    {D "; " CMB "=\"123\"", NULL},
    /* The first that suits is taken, whatever stands before it, on whatever line. */
    {"a, b;c=d, " D "; x, " D "; " SMB ", " D "; " CMB "=9, " D, YES "; " CMB "=9"},
    {"a\n" D "; " SNT "=1\n" D "; " CMB "=10", YES "; " CMB "=10"},
    {"\n" D, YES},
    {D "; " CMB "=10\n" D "; " CMB "=11", YES "; " CMB "=10"},
    {", ,," D "; " CMB "=10,,", YES "; " CMB "=10"},
    {"a; b=\"\\c\", " D, YES},
};

START_TEST(the_first_offer_that_is_right_and_suits_is_taken)
{
    static const struct gw_ws_deflate_terms wanted = GW_WS_DEFLATE_TERMS_INIT;
    struct lines lines = lines_of(choices[_i].offers);
    char out[GW_WS_EXTENSION_MAX + 1];
    struct gw_ws_deflate_terms agreed = {77, 77, 77, 77};
    size_t len = gw_ws_extension_choose(out, lines.headers, lines.count, &wanted, &agreed);

    ck_assert_uint_le(len, GW_WS_EXTENSION_MAX);
    out[len] = '\0';
    if (choices[_i].answer) {
        ck_assert_str_eq(out, choices[_i].answer);
        ck_assert_uint_eq(agreed.server_window_bits, 12);
        ck_assert_uint_eq(agreed.server_takeover, 0);
        ck_assert_uint_eq(agreed.client_takeover, 0);
    } else {
        ck_assert_uint_eq(len, 0);
        check_terms(&agreed, &(struct gw_ws_deflate_terms){0});
    }
}
END_TEST

/* Every number from 0 to 20, and some spellings of each. Only the plain and the quoted one of 8 to
 * 15 are numbers of window bits. */
START_TEST(window_bits_are_8_to_15_and_have_one_spelling)
{
    static const struct gw_ws_deflate_terms wanted = {8, 8, 1, 1};
    static const struct {
        const char *format;
        bool right;
    } spellings[] = {{"=%d", true},       {"=\"%d\"", true},    {" = %d", true}, {"=0%d", false},
                     {"=\"0%d\"", false}, {"=%d0", false},      {"=+%d", false}, {"=-%d", false},
                     {"=%d.", false},     {"=\"%d\\0\"", false}};
    static const char *const names[] = {SMB, CMB};

    for (int which = 0; which < 2; which++)
        for (int form = 0; form < SUITE_ROWS(spellings); form++) {
            bool right = spellings[form].right && _i >= 8 && _i <= 15;
            char offer[128], value[32], out[GW_WS_EXTENSION_MAX];
            struct gw_ws_deflate_terms agreed;
            struct lines lines;
            size_t len;

            (void)snprintf(value, sizeof(value), spellings[form].format, _i);
            if (_i == 1 && (form == 5 || form == 9)) /* 10 */
                right = true;
            (void)snprintf(offer, sizeof(offer), D "; %s%s", names[which], value);
            lines = lines_of(offer);
            ck_assert(gw_ws_extensions_well_formed(lines.headers, lines.count));
            len = gw_ws_extension_choose(out, lines.headers, lines.count, &wanted, &agreed);
            if ((len > 0) != right)
                ck_abort_msg("%s", offer);
        }
}
END_TEST

/* Other wishes than the defaults: what is agreed, and what is said of it. */
static const struct {
    struct gw_ws_deflate_terms wanted, agreed;
    const char *offer, *answer;
} wishes[] = {
    {{15, 15, 1, 1}, {15, 15, 1, 1}, D, D},
    {{15, 15, 1, 1}, {15, 15, 1, 1}, D "; " CMB, D},
    {{15, 15, 1, 1}, {15, 15, 1, 1}, D "; " CMB "=15", D},
    {{15, 15, 1, 1}, {15, 10, 1, 1}, D "; " CMB "=10", D "; " CMB "=10"},
    {{15, 15, 1, 1}, {15, 15, 1, 1}, D "; " SMB "=15", D "; " SMB "=15"},
    {{15, 15, 1, 1}, {15, 15, 0, 1}, D "; " SNT, D "; " SNT},
    {{15, 15, 1, 1}, {15, 15, 1, 0}, D "; " CNT, D "; " CNT},
    {{15, 15, 1, 1}, {15, 15, 0, 0}, D "; " SNT "; " CNT, D "; " SNT "; " CNT},
    {{15, 15, 0, 1}, {15, 15, 0, 1}, D, D "; " SNT},
    {{15, 15, 1, 0}, {15, 15, 1, 0}, D, D "; " CNT},
    {{12, 15, 0, 1}, {12, 15, 0, 1}, D, D "; " SNT "; " SMB "=12"},
    {{12, 9, 0, 1}, {12, 15, 0, 1}, D, D "; " SNT "; " SMB "=12"}, /* it did not say it can */
    {{12, 9, 0, 1}, {12, 9, 0, 1}, D "; " CMB, D "; " SNT "; " SMB "=12; " CMB "=9"},
    {{8, 8, 1, 1}, {8, 8, 1, 1}, D "; " SMB "=8; " CMB "=8", D "; " SMB "=8; " CMB "=8"},
    {{9, 8, 1, 1}, {0, 0, 0, 0}, D "; " SMB "=8", ""},
    {{15, 8, 1, 1}, {0, 0, 0, 0}, D "; " SMB "=14", ""},
};

START_TEST(what_a_server_wants_decides_what_it_answers)
{
    struct lines lines = lines_of(wishes[_i].offer);
    char out[GW_WS_EXTENSION_MAX + 1];
    struct gw_ws_deflate_terms agreed;

    out[gw_ws_extension_choose(out, lines.headers, lines.count, &wishes[_i].wanted, &agreed)] = 0;
    ck_assert_str_eq(out, wishes[_i].answer);
    check_terms(&agreed, &wishes[_i].agreed);
}
END_TEST

/* --- The grammar --- */

static const struct {
    const char *values;
    bool right;
} grammar[] = {
    {D, true},
    {"a;b;c=d;e=\"f\"", true},
    {"a ; b = c", true},
    {",a,,b,", true},
    {"", true},
    {"a\nb", true},
    {"a;b=\"\\\\\"", false}, /* a backslash is no token */
    {"a;", false},
    {"a;;b", false},
    {";a", false},
    {"a b", false},
    {"a=b", false},
    {"a;=b", false},
    {"a;b=", false},
    {"a;b=\"\"", false},
    {"a;b=\"", false},
    {"a;b=\"c", false},
    {"a;b=c\"", false},
    {"a;b=\"c d\"", false},
    {"a;b=\"c,d\"", false},
    {"a;b=\"c;d\"", false},
    {"a;b=\"c\\\"", false},
    {"a;b=c=d", false},
    {"a;b='c d'", false},
    {"\"a\"", false},
    {"a;\"b\"", false},
    {"a\nb c", false},
};

START_TEST(the_grammar_of_extensions_is_kept)
{
    struct lines lines = lines_of(grammar[_i].values);

    ck_assert_int_eq(gw_ws_extensions_well_formed(lines.headers, lines.count), grammar[_i].right);
}
END_TEST

/* Malformed offers do not get past the judge; where they come here all the same, nothing is agreed
 * on that is not whole. */
START_TEST(a_malformed_offer_is_never_taken)
{
    static const char *const malformed[] = {
        D ";",  D "; " CMB "=", D "; " CMB "=\"12", D "; " CMB "=\"\"",
        D " x", D "; =12",      "\"" D "\""};
    static const struct gw_ws_deflate_terms wanted = GW_WS_DEFLATE_TERMS_INIT;
    struct lines lines = lines_of(malformed[_i]);
    struct gw_ws_deflate_terms agreed;
    char out[GW_WS_EXTENSION_MAX];

    ck_assert_uint_eq(gw_ws_extension_choose(out, lines.headers, lines.count, &wanted, &agreed), 0);
    ck_assert_uint_eq(agreed.server_window_bits, 0);
}
END_TEST

/* --- The client --- */

static const struct {
    struct gw_ws_deflate_terms offered;
    const char *value;
} offers[] = {
    {{15, 15, 1, 1}, D "; " CMB},
    {{12, 12, 0, 0}, D "; " SNT "; " CNT "; " SMB "=12; " CMB "=12"},
    {{8, 15, 1, 1}, D "; " SMB "=8; " CMB},
    {{15, 8, 0, 1}, D "; " SNT "; " CMB "=8"},
    {{15, 15, 1, 0}, D "; " CNT "; " CMB},
};

START_TEST(a_client_offers_what_its_terms_say)
{
    char out[GW_WS_EXTENSION_MAX + 1];

    out[gw_ws_extension_offer(out, &offers[_i].offered)] = '\0';
    ck_assert_str_eq(out, offers[_i].value);
}
END_TEST

#define ANY                                                                                        \
    {                                                                                              \
        15, 15, 1, 1                                                                               \
    }
#define MEEK                                                                                       \
    {                                                                                              \
        12, 12, 0, 0                                                                               \
    }
#define NONE                                                                                       \
    {                                                                                              \
        0, 0, 0, 0                                                                                 \
    }

static const struct {
    struct gw_ws_deflate_terms offered;
    const char *answer; /* NULL: no such header */
    bool right;
    struct gw_ws_deflate_terms agreed;
} answers[] = {
    {ANY, NULL, true, NONE},
    {ANY, D, true, ANY},
    {ANY, D "; " SNT, true, {15, 15, 0, 1}},
    {ANY, D "; " CNT, true, {15, 15, 1, 0}},
    {ANY, D "; " SMB "=10", true, {10, 15, 1, 1}},
    {ANY, D "; " SMB "=\"10\"", true, {10, 15, 1, 1}},
    {ANY, D "; " SMB "=8", true, {8, 15, 1, 1}},
    {ANY, D "; " CMB "=10", true, {15, 10, 1, 1}},
    {ANY, D "; " CMB "=8", true, {15, 8, 1, 1}},
    {ANY, D "; " CMB "=9; " CNT "; " SMB "=8; " SNT, true, {8, 9, 0, 0}},
    {MEEK, NULL, true, NONE},
    {MEEK, D "; " SNT "; " SMB "=12", true, MEEK}, /* bound by what we said of ourselves */
    {MEEK, D "; " SNT "; " SMB "=9; " CMB "=10; " CNT, true, {9, 10, 0, 0}},
    /* A demand of ours that is not granted. */
    {MEEK, D, false, NONE},
    {MEEK, D "; " SNT, false, NONE},
    {MEEK, D "; " SMB "=12", false, NONE},
    {MEEK, D "; " SNT "; " SMB "=13", false, NONE},
    {MEEK, D "; " SNT "; " SMB "=12; " CMB "=13", false, NONE}, /* more than we said we can */
    /* Not offered, not one, not there. */
    {ANY, "", false, NONE},
    {ANY, ",", false, NONE},
    {ANY, "permessage-bzip2", false, NONE},
    {ANY, D ", " D, false, NONE},
    {ANY, D ", x", false, NONE},
    {ANY, D "\n" D, false, NONE},
    {ANY, D "\n", false, NONE},
    {ANY, "\n" D, false, NONE},
    /* Wrong parameters. */
    {ANY, D "; x", false, NONE},
    {ANY, D "; " SNT "; " SNT, false, NONE},
    {ANY, D "; " CNT "; " CNT, false, NONE},
    {ANY, D "; " SMB "=9; " SMB "=9", false, NONE},
    {ANY, D "; " SNT "=1", false, NONE},
    {ANY, D "; " CNT "=1", false, NONE},
    {ANY, D "; " SMB, false, NONE},
    {ANY, D "; " CMB, false, NONE}, /* right in an offer only */
    {ANY, D "; " SMB "=7", false, NONE},
    {ANY, D "; " SMB "=16", false, NONE},
    {ANY, D "; " SMB "=09", false, NONE},
    {ANY, D "; " CMB "=0", false, NONE},
    {ANY, D "; " CMB "=16", false, NONE},
    {ANY, D "; " CMB "=", false, NONE},
    {ANY, D ";", false, NONE},
    {ANY, D " " SNT, false, NONE},
};

START_TEST(a_client_fails_an_answer_that_does_not_fit_its_offer)
{
    struct lines lines = lines_of(answers[_i].answer);
    struct gw_ws_deflate_terms agreed = {77, 77, 77, 77};

    ck_assert_int_eq(
        gw_ws_extension_answered(lines.headers, lines.count, &answers[_i].offered, &agreed),
        answers[_i].right);
    check_terms(&agreed, &answers[_i].agreed);
}
END_TEST

START_TEST(a_client_that_offered_nothing_takes_no_extension)
{
    static const char *const values[] = {D, "", "x"};
    struct lines lines = lines_of(values[_i]), none = lines_of(NULL);
    struct gw_ws_deflate_terms agreed;

    ck_assert(!gw_ws_extension_answered(lines.headers, lines.count, NULL, &agreed));
    ck_assert(gw_ws_extension_answered(none.headers, none.count, NULL, &agreed));
    check_terms(&agreed, &(struct gw_ws_deflate_terms){0});
}
END_TEST

/* Whatever a server wants, and whatever a client offers: the answer fits the offer, and both think
 * that they agreed on the same. Both ends: five sizes of window each way, and the four takeovers.
 */
START_TEST(both_ends_agree_on_the_same)
{
    static const uint8_t bits[] = {8, 9, 12, 14, 15};
    struct gw_ws_deflate_terms wanted = {bits[_i % 5], bits[_i / 5 % 5], (uint8_t)(_i / 25 % 2),
                                         (uint8_t)(_i / 50)};

    for (int i = 0; i < 100; i++) {
        struct gw_ws_deflate_terms offered = {bits[i % 5], bits[i / 5 % 5], (uint8_t)(i / 25 % 2),
                                              (uint8_t)(i / 50)};
        char offer[GW_WS_EXTENSION_MAX + 1], answer[GW_WS_EXTENSION_MAX + 1];
        struct gw_ws_deflate_terms server, client;
        struct lines lines;
        size_t len;

        offer[gw_ws_extension_offer(offer, &offered)] = '\0';
        lines = lines_of(offer);
        len = gw_ws_extension_choose(answer, lines.headers, lines.count, &wanted, &server);
        answer[len] = '\0';
        ck_assert_int_eq(len > 0, offered.server_window_bits >= wanted.server_window_bits);
        lines = lines_of(len > 0 ? answer : NULL);
        ck_assert(gw_ws_extension_answered(lines.headers, lines.count, &offered, &client));
        check_terms(&client, &server);
        ck_assert_uint_le(server.client_window_bits, offered.client_window_bits);
    }
}
END_TEST

START_TEST(terms_have_a_meaning_or_not)
{
    static const struct {
        struct gw_ws_deflate_terms terms;
        bool valid;
    } rows[] = {{GW_WS_DEFLATE_TERMS_INIT, true}, {{8, 8, 1, 1}, true},
                {{15, 15, 0, 1}, true},           {{0, 0, 0, 0}, false},
                {{7, 12, 0, 0}, false},           {{12, 7, 0, 0}, false},
                {{16, 12, 0, 0}, false},          {{12, 16, 0, 0}, false},
                {{12, 12, 2, 0}, false},          {{12, 12, 0, 2}, false},
                {{0, 12, 0, 0}, false},           {{12, 0, 0, 0}, false}};

    for (int i = 0; i < SUITE_ROWS(rows); i++)
        ck_assert_int_eq(gw_ws_terms_valid(&rows[i].terms), rows[i].valid);
}
END_TEST

/* Time per byte is the same for short and for long: each byte is looked at so many times. A long
 * header of likely beginnings must not take more than its length says. */
START_TEST(a_long_header_is_read_to_its_end)
{
    static char long_offer[60000];
    static const char likely[] = D "; " SMB "=11, ";
    static const struct gw_ws_deflate_terms wanted = GW_WS_DEFLATE_TERMS_INIT;
    char out[GW_WS_EXTENSION_MAX];
    struct gw_ws_deflate_terms agreed;
    struct lines lines;
    size_t at = 0;

    while (at + sizeof(likely) + sizeof(D) < sizeof(long_offer)) {
        memcpy(long_offer + at, likely, sizeof(likely) - 1);
        at += sizeof(likely) - 1;
    }
    memcpy(long_offer + at, D, sizeof(D));
    lines = lines_of(long_offer);
    ck_assert(gw_ws_extensions_well_formed(lines.headers, lines.count));
    ck_assert_uint_gt(gw_ws_extension_choose(out, lines.headers, lines.count, &wanted, &agreed), 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, the_first_offer_that_is_right_and_suits_is_taken, 0,
                        SUITE_ROWS(choices));
    tcase_add_loop_test(tests, window_bits_are_8_to_15_and_have_one_spelling, 0, 21);
    tcase_add_loop_test(tests, what_a_server_wants_decides_what_it_answers, 0, SUITE_ROWS(wishes));
    tcase_add_loop_test(tests, the_grammar_of_extensions_is_kept, 0, SUITE_ROWS(grammar));
    tcase_add_loop_test(tests, a_malformed_offer_is_never_taken, 0, 7);
    tcase_add_loop_test(tests, a_client_offers_what_its_terms_say, 0, SUITE_ROWS(offers));
    tcase_add_loop_test(tests, a_client_fails_an_answer_that_does_not_fit_its_offer, 0,
                        SUITE_ROWS(answers));
    tcase_add_loop_test(tests, a_client_that_offered_nothing_takes_no_extension, 0, 3);
    tcase_add_loop_test(tests, both_ends_agree_on_the_same, 0, 100);
    tcase_add_test(tests, terms_have_a_meaning_or_not);
    tcase_add_test(tests, a_long_header_is_read_to_its_end);
}

int main(void)
{
    return suite_main("proto/ws/extension", fill);
}
