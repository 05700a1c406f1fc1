/* base64_test.c - RFC 4648's vectors, and nothing lax taken. */
#include "core/base64.h"

#include <string.h>

#include "lib/seeded.h"
#include "lib/suite.h"

/* RFC 4648, section 10; and two that show the alphabets' difference, by section 4 and 5. */
static const struct {
    const char *bytes, *standard, *url;
} vectors[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff", "+/8=", "-_8"},
    {"\xff\xff\xfe", "///+", "___-"},
};

START_TEST(the_vectors_of_the_rfc_go_both_ways)
{
    const char *bytes = vectors[_i].bytes, *standard = vectors[_i].standard, *url = vectors[_i].url;
    char text[16];
    uint8_t back[16];
    size_t len = 99;

    ck_assert_uint_eq(gw_base64_encode(text, bytes, strlen(bytes)), strlen(standard));
    ck_assert_mem_eq(text, standard, strlen(standard));
    ck_assert_uint_eq(GW_BASE64_LEN(strlen(bytes)), strlen(standard));
    ck_assert(gw_base64_decode(back, &len, standard, strlen(standard)));
    ck_assert_uint_eq(len, strlen(bytes));
    ck_assert_mem_eq(back, bytes, len);

    ck_assert_uint_eq(gw_base64url_encode(text, bytes, strlen(bytes)), strlen(url));
    ck_assert_mem_eq(text, url, strlen(url));
    ck_assert(gw_base64url_decode(back, &len, url, strlen(url)));
    ck_assert_uint_eq(len, strlen(bytes));
    ck_assert_mem_eq(back, bytes, len);
}
END_TEST

static const char *const refused_standard[] = {
    "Z",      "Zg",    "Zg=",   "Zm8",  "Zm9vY", "=",    "==",      "===",
    "====",   "Z===",  "Zg===", "Zg=g", "=Zg=",  "Zm=v", "Zm9v=",   "Zm9vZg==Zm9v",
    "Zm9v\n", " Zm9v", "Zm 9",  "Zm9-", "Zm9_",  "Zm9.", "Zm9\x80", "Zh==", /* stray bits */
    "Zm9{",   "Zm9`",  "Zm9@",  "Zm9[", "Zm9=",                             /* stray bits */
    "Zn==",
};

START_TEST(the_standard_form_is_strict)
{
    const char *text = refused_standard[_i];
    uint8_t out[16];
    size_t len = 99;

    ck_assert(!gw_base64_decode(out, &len, text, strlen(text)));
    ck_assert_uint_eq(len, 99);
}
END_TEST

static const char *const refused_url[] = {
    "Z", "Zg==", "Zm8=", "Zm9vY", "Zm9+", "Zm9/", "Zh", "Zm9", "Zm9v\n", "Zm9 ", "=",
};

START_TEST(the_url_form_is_strict)
{
    const char *text = refused_url[_i];
    uint8_t out[16];
    size_t len = 99;

    ck_assert(!gw_base64url_decode(out, &len, text, strlen(text)));
    ck_assert_uint_eq(len, 99);
}
END_TEST

START_TEST(a_nul_among_the_characters_is_refused)
{
    uint8_t out[16];
    size_t len;

    ck_assert(!gw_base64_decode(out, &len, "Zm\0v", 4));
    ck_assert(!gw_base64url_decode(out, &len, "Zm\0v", 4));
}
END_TEST

/* Each group of four characters has one meaning: 64^2 texts with one byte, 64^3 with two. */
START_TEST(no_two_texts_mean_the_same)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned valid = 0;

    for (unsigned i = 0; i < 64 * 64; i++) {
        char text[2] = {alphabet[i / 64], alphabet[i % 64]};
        uint8_t out[2];
        size_t len;

        if (gw_base64url_decode(out, &len, text, 2)) {
            ck_assert_uint_eq(len, 1);
            ck_assert_uint_eq(out[0],
                              valid); /* in the order of the alphabet, so in that of bytes */
            valid++;
        }
    }
    ck_assert_uint_eq(valid, 256);
}
END_TEST

START_TEST(any_bytes_come_back)
{
    struct seeded seeded = {4};

    for (size_t len = 0; len < 200; len++) {
        uint8_t bytes[200], back[203];
        char text[GW_BASE64_LEN(200)];
        size_t text_len, back_len;

        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)seeded_next(&seeded);
        text_len = gw_base64_encode(text, bytes, len);
        ck_assert_uint_eq(text_len, GW_BASE64_LEN(len));
        ck_assert(gw_base64_decode(back, &back_len, text, text_len));
        ck_assert_uint_eq(back_len, len);
        ck_assert_mem_eq(back, bytes, len);
        ck_assert(gw_base64_decode((uint8_t *)text, &back_len, text, text_len)); /* in place */
        ck_assert_uint_eq(back_len, len);
        ck_assert_mem_eq(text, bytes, len);
        text_len = gw_base64url_encode(text, bytes, len);
        ck_assert(gw_base64url_decode(back, &back_len, text, text_len));
        ck_assert_uint_eq(back_len, len);
        ck_assert_mem_eq(back, bytes, len);
        ck_assert(gw_base64url_decode((uint8_t *)text, &back_len, text, text_len)); /* in place */
        ck_assert_uint_eq(back_len, len);
        ck_assert_mem_eq(text, bytes, len);
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, the_vectors_of_the_rfc_go_both_ways, 0, SUITE_ROWS(vectors));
    tcase_add_loop_test(tests, the_standard_form_is_strict, 0, SUITE_ROWS(refused_standard));
    tcase_add_loop_test(tests, the_url_form_is_strict, 0, SUITE_ROWS(refused_url));
    tcase_add_test(tests, a_nul_among_the_characters_is_refused);
    tcase_add_test(tests, no_two_texts_mean_the_same);
    tcase_add_test(tests, any_bytes_come_back);
}

int main(void)
{
    return suite_main("core/base64", fill);
}
