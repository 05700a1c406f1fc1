/* position_test.c - positions survive the wire, junk does not, and names are what they may be. */
#include "hub/position.h"

#include "lib/seeded.h"
#include "lib/suite.h"

static const struct gw_position positions[] = {
    {0, 0, 0},
    {1, 1, 1},
    {UINT64_MAX, GW_OFFSET_MAX, UINT64_MAX},
    {UINT64_C(0x0123456789abcdef), 42, UINT64_C(0xfedcba9876543210)},
    {UINT64_C(1) << 63, UINT64_C(1) << 52, UINT64_C(1) << 63},
};

START_TEST(a_position_comes_back_as_written)
{
    char word[GW_POSITION_LEN];
    struct gw_position read;

    gw_position_write(word, &positions[_i]);
    for (size_t i = 0; i < sizeof(word); i++) /* URL-safe: RFC 4648, section 5 */
        ck_assert(
            strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", word[i]) &&
            word[i] != '\0');
    ck_assert(gw_position_read(&read, (struct gw_str){word, sizeof(word)}));
    ck_assert_uint_eq(read.epoch, positions[_i].epoch);
    ck_assert_uint_eq(read.offset, positions[_i].offset);
    ck_assert_uint_eq(read.tag, positions[_i].tag);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    char word[GW_POSITION_LEN + 4] = {0};
    struct gw_position read = {.offset = 77};

    gw_position_write(word, &positions[_i]);
    word[GW_POSITION_LEN] = 'A';
    for (size_t len = 0; len <= GW_POSITION_LEN + 1; len++)
        if (len != GW_POSITION_LEN)
            ck_assert(!gw_position_read(&read, (struct gw_str){word, len}));
    ck_assert_uint_eq(read.offset, 77); /* a refusal leaves the output alone */
}
END_TEST

/* What is read is one position, written in one way: no two words mean the same. */
START_TEST(every_changed_byte_is_refused_or_means_something_else)
{
    char word[GW_POSITION_LEN], again[GW_POSITION_LEN];
    struct gw_position read;

    for (size_t i = 0; i < sizeof(word); i++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            gw_position_write(word, &positions[_i]);
            word[i] = (char)byte;
            if (!gw_position_read(&read, (struct gw_str){word, sizeof(word)}))
                continue;
            ck_assert_uint_le(read.offset, GW_OFFSET_MAX);
            gw_position_write(again, &read);
            ck_assert_mem_eq(word, again, sizeof(word));
        }
    }
}
END_TEST

/* Epoch 0 and tag 0; the offset is in characters 10 to 19, its highest byte in 10 and 11. */
static const struct {
    const char *word;
    bool ok;
} offsets[] = {
    {"AAAAAAAAAAAf________AAAAAAAAAAA", true},  /* 2^53 - 1 */
    {"AAAAAAAAAAAgAAAAAAAAAAAAAAAAAAA", false}, /* 2^53 */
    {"AAAAAAAAAACAAAAAAAAAAAAAAAAAAAA", false}, /* 2^55 */
    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE", false}, /* offset 0 with a tag, 1 */
};

START_TEST(an_offset_has_53_bits_and_none_has_no_tag)
{
    struct gw_position read;

    ck_assert_int_eq(gw_position_read(&read, GW_STR(offsets[_i].word)), offsets[_i].ok);
    if (offsets[_i].ok)
        ck_assert_uint_eq(read.offset, GW_OFFSET_MAX);
}
END_TEST

static const struct {
    const char *text;
    enum gw_since_kind kind;
    uint64_t last;
} sinces[] = {
    {"", GW_SINCE_NEW, 0},
    {"new", GW_SINCE_NEW, 0},
    {"all", GW_SINCE_ALL, 0},
    {"last:0", GW_SINCE_LAST, 0},
    {"last:10", GW_SINCE_LAST, 10},
    {"last:0010", GW_SINCE_LAST, 10},
    {"last:9999999999999999999", GW_SINCE_LAST, UINT64_C(9999999999999999999)},
    {"last:99999999999999999999", GW_SINCE_UNKNOWN, 0},
    {"last:", GW_SINCE_UNKNOWN, 0},
    {"last:-1", GW_SINCE_UNKNOWN, 0},
    {"last: 1", GW_SINCE_UNKNOWN, 0},
    {"last:1x", GW_SINCE_UNKNOWN, 0},
    {"LAST:1", GW_SINCE_UNKNOWN, 0},
    {"New", GW_SINCE_UNKNOWN, 0},
    {"all ", GW_SINCE_UNKNOWN, 0},
    {"0", GW_SINCE_UNKNOWN, 0},
    {"42", GW_SINCE_UNKNOWN, 0},
    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", GW_SINCE_UNKNOWN, 0},
    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", GW_SINCE_POSITION, 0},
};

START_TEST(since_is_read_to_the_letter)
{
    struct gw_since since = gw_since_read(GW_STR(sinces[_i].text));

    ck_assert_int_eq(since.kind, sinces[_i].kind);
    if (since.kind == GW_SINCE_LAST)
        ck_assert_uint_eq(since.last, sinces[_i].last);
}
END_TEST

START_TEST(junk_is_unknown_and_does_no_harm)
{
    struct seeded seeded = {.state = 5};
    char junk[64];

    for (unsigned round = 0; round < 20000; round++) {
        size_t len = seeded_below(&seeded, sizeof(junk) + 1);
        struct gw_since since;

        for (size_t i = 0; i < len; i++)
            junk[i] = (char)seeded_next(&seeded);
        since = gw_since_read((struct gw_str){junk, len});
        ck_assert(since.kind == GW_SINCE_UNKNOWN || len == 0);
    }
}
END_TEST

/* --- Names --- */

#define TEN "0123456789"
#define TWO_HUNDRED_FIFTY                                                                          \
    TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN    \
        TEN TEN

static const struct {
    const char *name;
    size_t len;
    bool ok;
} names[] = {
    {"a", 1, true},
    {"chat:42", 7, true},
    {"with blank", 10, true},
    {"gr\xc3\xbc\xc3\x9f", 6, true},
    {"\xf0\x9f\x90\xa6", 4, true},
    {"\xc2\xa0", 2, true}, /* U+00A0, the first behind C1 */
    {"~", 1, true},
    {"", 0, false},
    {NULL, 0, false},
    {"a/b", 3, false},
    {"a,b", 3, false},
    {"a\0b", 3, false},
    {"\n", 1, false},
    {"\x1f", 1, false},
    {" ", 1, true},
    {"\x7f", 1, false},
    {"\xc2\x80", 2, false},
    {"\xc2\x9f", 2, false},
    {"\xc2", 1, false}, /* cut off */
    {"\xff", 1, false},
    {"\xed\xa0\x80", 3, false}, /* a surrogate */
    {"\xc0\xaf", 2, false},     /* an overlong slash */
    {TWO_HUNDRED_FIFTY "1234", 254, true},
    {TWO_HUNDRED_FIFTY "12345", 255, true},
    {TWO_HUNDRED_FIFTY "123456", 256, false},
};

START_TEST(names_are_what_they_may_be)
{
    ck_assert_int_eq(gw_channel_name_ok((struct gw_str){names[_i].name, names[_i].len}),
                     names[_i].ok);
}
END_TEST

START_TEST(resets_have_the_names_of_the_interface)
{
    ck_assert_str_eq(gw_reset_name(GW_RESET_EPOCH), "epoch");
    ck_assert_str_eq(gw_reset_name(GW_RESET_EXPIRED), "expired");
    ck_assert_str_eq(gw_reset_name(GW_RESET_FORKED), "forked");
    ck_assert_str_eq(gw_reset_name(GW_RESET_UNKNOWN), "unknown");
    ck_assert_str_eq(gw_reset_name(GW_RESET_NONE), "none");
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_position_comes_back_as_written, 0, SUITE_ROWS(positions));
    tcase_add_loop_test(tests, every_truncation_is_refused, 0, SUITE_ROWS(positions));
    tcase_add_loop_test(tests, every_changed_byte_is_refused_or_means_something_else, 0,
                        SUITE_ROWS(positions));
    tcase_add_loop_test(tests, an_offset_has_53_bits_and_none_has_no_tag, 0, SUITE_ROWS(offsets));
    tcase_add_loop_test(tests, since_is_read_to_the_letter, 0, SUITE_ROWS(sinces));
    tcase_add_test(tests, junk_is_unknown_and_does_no_harm);
    tcase_add_loop_test(tests, names_are_what_they_may_be, 0, SUITE_ROWS(names));
    tcase_add_test(tests, resets_have_the_names_of_the_interface);
}

int main(void)
{
    return suite_main("hub/position", fill);
}
