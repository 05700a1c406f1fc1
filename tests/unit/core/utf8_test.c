/* utf8_test.c - exactly the text of RFC 3629 is taken, however it is cut, and refused at the first
 * wrong byte. */
#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

#include "lib/must.h"
#include "lib/portable.h"
#include "lib/seeded.h"
#include "lib/suite.h"

/* --- A reference, slow and straight from the definition of the encoding --- */

/* Bytes of a character by its first byte; 0 when none begins so. */
static size_t length_by_lead(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if ((lead & 0xe0) == 0xc0)
        return 2;
    if ((lead & 0xf0) == 0xe0)
        return 3;
    if ((lead & 0xf8) == 0xf0)
        return 4;
    return 0;
}

/* Does any character of Unicode begin with these bytes? `given` of its `len` bytes are there: the
 * rest can make it any number from `low` to `high`. */
static bool some_character_begins(const uint8_t *bytes, size_t given, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000},
                          lead_bits[] = {0, 0x7f, 0x1f, 0xf, 7};
    uint32_t low = bytes[0] & lead_bits[len], high;

    for (size_t i = 1; i < given; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return false;
        low = low << 6 | (bytes[i] & 0x3f);
    }
    low <<= 6 * (len - given);
    high = low + (1u << 6 * (len - given)) - 1;
    if (low < least[len])
        low = least[len];
    if (high > 0x10ffff)
        high = 0x10ffff;
    return low <= high && !(low >= 0xd800 && high <= 0xdfff);
}

/* The index of the first wrong byte, or `len`; `*whole` when the text then ends between two
 * characters. */
static size_t first_wrong(const uint8_t *text, size_t len, bool *whole)
{
    size_t at = 0;

    *whole = false;
    while (at < len) {
        size_t need = length_by_lead(text[at]);

        if (need == 0)
            return at;
        for (size_t given = 1; given <= need; given++) {
            if (at + given > len)
                return len;
            if (!some_character_begins(text + at, given, need))
                return at + given - 1;
        }
        at += need;
    }
    *whole = true;
    return len;
}

/* --- Comparing with it --- */

/* Feeds the first `cut` bytes and then the others. */
static bool agrees_when_cut(const uint8_t *text, size_t len, size_t cut, size_t wrong, bool whole)
{
    uint32_t state = GW_UTF8_START;

    if (gw_utf8_feed(&state, text, cut) != (wrong >= cut))
        return false;
    if (wrong < cut)
        return true;
    if (gw_utf8_feed(&state, text + cut, len - cut) != (wrong == len))
        return false;
    return wrong < len || (state == GW_UTF8_START) == whole;
}

static bool agrees(const uint8_t *text, size_t len)
{
    bool whole;
    size_t wrong = first_wrong(text, len, &whole);

    if (gw_utf8_valid(text, len) != whole)
        return false;
    for (size_t cut = 0; cut <= len; cut++)
        if (!agrees_when_cut(text, len, cut, wrong, whole))
            return false;
    return true;
}

static void check(const uint8_t *text, size_t len)
{
    ck_assert_msg(agrees(text, len), "%zu bytes: %02x %02x %02x %02x", len, text[0],
                  len > 1 ? text[1] : 0, len > 2 ? text[2] : 0, len > 3 ? text[3] : 0);
}

START_TEST(all_texts_of_one_and_two_bytes)
{
    for (unsigned i = 0; i < 0x10000; i++) {
        uint8_t text[2] = {(uint8_t)(i >> 8), (uint8_t)i};

        check(text, 1);
        check(text, 2);
    }
}
END_TEST

/* Split over the first byte, so that each part is a short test. */
START_TEST(all_texts_of_three_bytes)
{
    for (unsigned i = 0; i < 0x40000; i++) {
        uint8_t text[3] = {(uint8_t)(4 * (unsigned)_i + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i};

        if (!agrees(text, 3)) /* an assertion each would take longer than the work */
            check(text, 3);
    }
}
END_TEST

START_TEST(texts_of_four_bytes_at_every_border)
{
    static const uint8_t borders[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                      0xbf, 0xc0, 0xc2, 0xed, 0xf0, 0xf4, 0xff};

    for (unsigned lead = 0xe0; lead <= 0xff; lead++)
        for (int i = 0; i < SUITE_ROWS(borders); i++)
            for (int j = 0; j < SUITE_ROWS(borders); j++)
                for (int k = 0; k < SUITE_ROWS(borders); k++) {
                    uint8_t text[4] = {(uint8_t)lead, borders[i], borders[j], borders[k]};

                    check(text, 4);
                }
}
END_TEST

START_TEST(every_number_of_four_bytes_up_to_the_last_of_unicode)
{
    for (uint32_t number = 0x10000; number < 0x140000; number++) {
        uint8_t text[4] = {(uint8_t)(0xf0 | number >> 18), (uint8_t)(0x80 | (number >> 12 & 0x3f)),
                           (uint8_t)(0x80 | (number >> 6 & 0x3f)),
                           (uint8_t)(0x80 | (number & 0x3f))};

        if (gw_utf8_valid(text, 4) != (number <= 0x10ffff))
            ck_abort_msg("U+%x", number);
    }
}
END_TEST

/* Where the wrong byte is, by RFC 3629's own reasons; the reference is not asked. */
static const struct {
    const char *text;
    size_t wrong;
} refused[] = {
    {"\x80", 0},             /* begins in the middle */
    {"\xc0\x80", 0},         /* an overlong NUL */
    {"\xc1\xbf", 0},         /* overlong */
    {"\xe0\x9f\xbf", 1},     /* overlong */
    {"\xed\xa0\x80", 1},     /* a surrogate */
    {"\xed\xbf\xbf", 1},     /* a surrogate */
    {"\xf0\x8f\xbf\xbf", 1}, /* overlong */
    {"\xf4\x90\x80\x80", 1}, /* U+110000 */
    {"\xf5\x80\x80\x80", 0}, /* above anything */
    {"\xfe", 0},
    {"\xff", 0},
    {"a\xc3(", 2}, /* a character broken off */
    {"\xe2\x82(", 2},
    {"\xf0\x9f\x98(", 3},
};

START_TEST(the_first_wrong_byte_is_refused_and_no_other)
{
    uint32_t state = GW_UTF8_START;

    for (size_t i = 0; i <= refused[_i].wrong; i++)
        ck_assert_int_eq(gw_utf8_feed(&state, refused[_i].text + i, 1), i < refused[_i].wrong);
}
END_TEST

START_TEST(a_strange_byte_is_seen_at_any_place_among_ascii)
{
    static const char *const strange[] = {"\xff", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                          "\xe2\x82"};

    for (int i = 0; i < SUITE_ROWS(strange); i++)
        for (size_t len = strlen(strange[i]); len <= 75; len++)
            for (size_t at = 0; at + strlen(strange[i]) <= len; at++) {
                /* In memory of just that size, so that a sanitizer sees a read beyond it. */
                uint8_t *text = malloc(len);

                memset(text, 'a', len);
                memcpy(text + at, strange[i], strlen(strange[i]));
                ck_assert_int_eq(gw_utf8_valid(text, len), i >= 1 && i <= 3);
                if (len % 25 == 0)
                    ck_assert(agrees(text, len));
                free(text);
            }
}
END_TEST

/* The shorter ones are gone through byte by byte; of the longer ones most is passed over in blocks.
 * Row 0 is the machine's own best way, row 1 the portable one. */
START_TEST(long_texts_of_mixed_pieces_agree_at_every_split)
{
    static const char *const pieces[] = {"a",
                                         "plain text, eight and more",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\xed\x9f\xbf",
                                         "\xef\xbf\xbf",
                                         "\xf4\x8f\xbf\xbf",
                                         "\xc3"};
    struct seeded seeded = {3};

    if (_i == 1)
        portable_from_here();
    for (int round = 0; round < 2000; round++) {
        uint8_t text[4 * 7 * 26];
        size_t len = 0;

        for (int i = 0; i < 7 * (1 + round % 4); i++) {
            /* The last piece is half a character: most texts do without. */
            bool half = round % 8 == 0 && seeded_below(&seeded, 5) == 0;
            const char *piece = pieces[half ? 8 : seeded_below(&seeded, 8)];

            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        MUST(agrees(text, len));
    }
}
END_TEST

/* Each of these at each place of a long text of letters, so that a block ends in all of it. */
START_TEST(a_wrong_byte_is_seen_at_any_place_among_letters)
{
    uint8_t text[3 * 100 + 4];

    if (_i / SUITE_ROWS(refused) == 1)
        portable_from_here();
    for (size_t letters = 0; letters <= 100; letters++) {
        const char *wrong = refused[_i % SUITE_ROWS(refused)].text;
        size_t at = 3 * letters;

        for (size_t i = 0; i < 100; i++)
            memcpy(text + 3 * i + (i < letters ? 0 : strlen(wrong)), "\xe2\x82\xac", 3);
        MUST(gw_utf8_valid(text, at));
        memcpy(text + at, wrong, strlen(wrong));
        MUST(!gw_utf8_valid(text, 300 + strlen(wrong)));
        MUST(!gw_utf8_valid(text, at + strlen(wrong)));
    }
}
END_TEST

START_TEST(nothing_is_valid_and_changes_nothing)
{
    uint32_t state = GW_UTF8_START;

    ck_assert(gw_utf8_valid(NULL, 0));
    ck_assert(gw_utf8_feed(&state, "\xe2", 1));
    ck_assert(gw_utf8_feed(&state, NULL, 0));
    ck_assert(state != GW_UTF8_START);
    ck_assert(gw_utf8_feed(&state, "\x82\xac", 2));
    ck_assert_uint_eq(state, GW_UTF8_START);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, all_texts_of_one_and_two_bytes);
    tcase_add_loop_test(tests, all_texts_of_three_bytes, 0, 64);
    tcase_add_test(tests, texts_of_four_bytes_at_every_border);
    tcase_add_test(tests, every_number_of_four_bytes_up_to_the_last_of_unicode);
    tcase_add_loop_test(tests, the_first_wrong_byte_is_refused_and_no_other, 0,
                        SUITE_ROWS(refused));
    tcase_add_test(tests, a_strange_byte_is_seen_at_any_place_among_ascii);
    tcase_add_loop_test(tests, long_texts_of_mixed_pieces_agree_at_every_split, 0, 2);
    tcase_add_loop_test(tests, a_wrong_byte_is_seen_at_any_place_among_letters, 0,
                        2 * SUITE_ROWS(refused));
    tcase_add_test(tests, nothing_is_valid_and_changes_nothing);
}

int main(void)
{
    return suite_main("core/utf8", fill);
}
