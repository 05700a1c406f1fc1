/* sha1_test.c - SHA-1 as published, at every length where its padding changes. */
#include "core/sha1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"

static void check(const void *data, size_t len, const char *want)
{
    uint8_t out[GW_SHA1_BYTES];
    char hex[2 * GW_SHA1_BYTES + 1];

    gw_sha1(out, data, len);
    for (size_t i = 0; i < sizeof(out); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned)out[i]); /* always fits */
    ck_assert_str_eq(hex, want);
}

/* The examples of NIST for FIPS 180, and the one of RFC 6455, section 1.3. */
static const struct {
    const char *text, *digest;
} vectors[] = {
    {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    {"dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
     "b37a4f2cc0624f1690f64606cf385945b2bec4ea"},
};

START_TEST(the_published_examples_come_out)
{
    check(vectors[_i].text, strlen(vectors[_i].text), vectors[_i].digest);
}
END_TEST

/* So many times the letter a; digests by Python's hashlib. */
static const struct {
    size_t len;
    const char *digest;
} lengths[] = {
    {55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
    {56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
    {57, "f08f24908d682555111be7ff6f004e78283d989a"},
    {63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
    {64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
    {65, "11655326c708d70319be2610e8a57d9a5b959d3b"},
    {119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"},
    {120, "f34c1488385346a55709ba056ddd08280dd4c6d6"},
    {128, "ad5b3fdbcb526778c2839d2f151ea753995e26a0"},
    {1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"}, /* NIST's, too */
};

START_TEST(lengths_around_a_block_come_out)
{
    char *text = malloc(lengths[_i].len);

    memset(text, 'a', lengths[_i].len);
    check(text, lengths[_i].len, lengths[_i].digest);
    free(text);
}
END_TEST

START_TEST(no_bytes_may_be_null)
{
    check(NULL, 0, vectors[0].digest);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, the_published_examples_come_out, 0, SUITE_ROWS(vectors));
    tcase_add_loop_test(tests, lengths_around_a_block_come_out, 0, SUITE_ROWS(lengths));
    tcase_add_test(tests, no_bytes_may_be_null);
}

int main(void)
{
    return suite_main("core/sha1", fill);
}
