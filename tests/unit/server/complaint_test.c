/* complaint_test.c - whatever is quoted, a complaint is one harmless line. */
#include "server/complaint.h"

#include <stdbool.h>
#include <string.h>

#include "core/utf8.h"
#include "lib/suite.h"

static const struct {
    const char *quoted, *line;
} rows[] = {
    {"plain", "<plain>"},
    {"", "<>"},
    {"gr\xc3\xbc\xc3\x9f", "<gr\xc3\xbc\xc3\x9f>"},
    {"\xf0\x9f\x90\xa6", "<\xf0\x9f\x90\xa6>"},
    {"a\nb\rc", "<a\\x0ab\\x0dc>"},
    {"\x1b[31m", "<\\x1b[31m>"},
    {"\x7f", "<\\x7f>"},
    {"\xc2\x9b", "<\\xc2\\x9b>"}, /* CSI as one character: terminals obey it */
    {"\xc2\xa0", "<\xc2\xa0>"},   /* the first behind the C1 controls */
    {"\xff", "<\\xff>"},
    {"\xc3", "<\\xc3>"},                   /* half a character */
    {"\xed\xa0\x80", "<\\xed\\xa0\\x80>"}, /* a surrogate */
    {"%s%n", "<%s%n>"},
};

START_TEST(a_quoted_text_is_made_harmless)
{
    struct gw_complaint complaint;

    gw_complaint_set(&complaint, "<%s>", rows[_i].quoted);
    ck_assert_str_eq(complaint.text, rows[_i].line);
}
END_TEST

START_TEST(what_does_not_fit_ends_in_dots)
{
    struct gw_complaint complaint;
    char text[3 * GW_COMPLAINT_MAX];

    for (size_t len = GW_COMPLAINT_MAX - 8; len < sizeof(text); len++) {
        bool fits = len < GW_COMPLAINT_MAX - 3;

        memset(text, 'x', len);
        text[len] = '\0';
        gw_complaint_set(&complaint, "%s", text);
        ck_assert_uint_eq(strlen(complaint.text), fits ? len : GW_COMPLAINT_MAX - 1);
        ck_assert_int_eq(strstr(complaint.text, "...") != NULL, !fits);
    }
}
END_TEST

START_TEST(it_is_not_cut_inside_a_character_or_an_escape)
{
    static const char *const pieces[] = {"\xe2\x82\xac", "\x01"};

    for (size_t piece = 0; piece < 2; piece++) {
        for (size_t before = 0; before < 8; before++) {
            struct gw_complaint complaint;
            char text[GW_COMPLAINT_MAX] = {0};
            size_t used = before, piece_len = strlen(pieces[piece]), len;

            memset(text, 'x', before);
            for (; used + piece_len < sizeof(text); used += piece_len)
                memcpy(text + used, pieces[piece], piece_len);
            gw_complaint_set(&complaint, "%s", text);
            len = strlen(complaint.text);
            ck_assert_uint_lt(len, GW_COMPLAINT_MAX);
            ck_assert(gw_utf8_valid(complaint.text, len));
            ck_assert_str_eq(complaint.text + len - 3, "...");
            if (piece == 1)
                ck_assert_uint_eq((len - 3 - before) % strlen("\\x01"), 0);
        }
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_quoted_text_is_made_harmless, 0, SUITE_ROWS(rows));
    tcase_add_test(tests, what_does_not_fit_ends_in_dots);
    tcase_add_test(tests, it_is_not_cut_inside_a_character_or_an_escape);
}

int main(void)
{
    return suite_main("server/complaint", fill);
}
