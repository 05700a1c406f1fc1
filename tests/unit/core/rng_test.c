/* rng_test.c - the stream of ChaCha20 as RFC 8439 gives it, in pieces of any size, and even shares
 * of it. */
#include "core/rng.h"

#include <stdio.h>
#include <string.h>

#include "lib/seeded.h"
#include "lib/suite.h"

/* RFC 8439, appendix A.1, test vectors 1 to 4: all with a nonce of zeros, so that they are blocks
 * of the stream under their key. `at` of the key is set to `byte`. */
static const struct {
    unsigned at, byte, block;
    const char *hex;
} vectors[] = {
    {0, 0x00, 0,
     "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
     "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"},
    {0, 0x00, 1,
     "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
     "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"},
    {31, 0x01, 1,
     "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
     "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"},
    {1, 0xff, 2,
     "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
     "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096"},
};

START_TEST(the_blocks_of_the_rfc_come_out)
{
    uint8_t seed[32] = {0}, block[64];
    char hex[129];
    struct gw_rng rng;

    seed[vectors[_i].at] = (uint8_t)vectors[_i].byte;
    gw_rng_init(&rng, seed);
    for (unsigned i = 0; i <= vectors[_i].block; i++)
        gw_rng_bytes(&rng, block, sizeof(block));
    for (size_t i = 0; i < sizeof(block); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned)block[i]); /* always fits */
    ck_assert_str_eq(hex, vectors[_i].hex);
}
END_TEST

START_TEST(pieces_of_any_size_are_the_same_stream)
{
    const uint8_t seed[32] = {1, 2, 3};
    uint8_t whole[1000], pieces[1000];
    struct seeded seeded = {5};
    struct gw_rng rng;

    gw_rng_init(&rng, seed);
    gw_rng_bytes(&rng, whole, sizeof(whole));
    gw_rng_init(&rng, seed);
    for (size_t at = 0; at < sizeof(pieces);) {
        size_t len = seeded_below(&seeded, 150);

        if (len > sizeof(pieces) - at)
            len = sizeof(pieces) - at;
        gw_rng_bytes(&rng, pieces + at, len);
        at += len;
    }
    ck_assert_mem_eq(pieces, whole, sizeof(whole));
}
END_TEST

START_TEST(a_number_is_eight_bytes_of_the_stream_lowest_first)
{
    const uint8_t seed[32] = {0};
    struct gw_rng rng;

    gw_rng_init(&rng, seed);
    ck_assert_uint_eq(gw_rng_u64(&rng), 0x903df1a0ade0b876); /* the first vector, read backwards */
}
END_TEST

START_TEST(what_was_given_out_is_forgotten)
{
    const uint8_t seed[32] = {9}, zeros[64] = {0};
    uint8_t out[64];
    struct gw_rng rng;

    gw_rng_init(&rng, seed);
    gw_rng_bytes(&rng, out, 40);
    ck_assert_mem_eq(rng.block, zeros, 40);
}
END_TEST

START_TEST(after_the_last_block_number_the_stream_does_not_begin_again)
{
    const uint8_t seed[32] = {7};
    uint8_t first[64], later[64];
    struct gw_rng rng;

    gw_rng_init(&rng, seed);
    gw_rng_bytes(&rng, first, sizeof(first));
    rng.state[12] = UINT32_MAX;
    gw_rng_bytes(&rng, later, sizeof(later));
    gw_rng_bytes(&rng, later, sizeof(later)); /* block 2^32 */
    ck_assert_mem_ne(later, first, sizeof(first));
}
END_TEST

static const uint64_t limits[] = {
    1, 2, 3, 7, 10, 1000, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX};

START_TEST(numbers_stay_below_the_limit)
{
    const uint8_t seed[32] = {4};
    struct gw_rng rng;

    gw_rng_init(&rng, seed);
    for (int i = 0; i < 1000; i++)
        ck_assert_uint_lt(gw_rng_below(&rng, limits[_i]), limits[_i]);
}
END_TEST

/* Of 70,000 draws each seventh is expected 10,000 times, with a deviation of 93: six of them either
 * way. Three quarters of 2^64 is the worst limit for a plain remainder, where the first third
 * would come twice as often. */
START_TEST(shares_are_even)
{
    const uint8_t seed[32] = {6};
    const uint64_t quarter = UINT64_C(1) << 62;
    unsigned sevenths[7] = {0}, thirds[3] = {0};
    struct gw_rng rng;

    gw_rng_init(&rng, seed);
    for (int i = 0; i < 70000; i++)
        sevenths[gw_rng_below(&rng, 7)]++;
    for (int i = 0; i < 7; i++)
        ck_assert(sevenths[i] > 9440 && sevenths[i] < 10560);
    for (int i = 0; i < 30000; i++)
        thirds[gw_rng_below(&rng, 3 * quarter) / quarter]++;
    for (int i = 0; i < 3; i++)
        ck_assert(thirds[i] > 9500 && thirds[i] < 10500);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, the_blocks_of_the_rfc_come_out, 0, SUITE_ROWS(vectors));
    tcase_add_test(tests, pieces_of_any_size_are_the_same_stream);
    tcase_add_test(tests, a_number_is_eight_bytes_of_the_stream_lowest_first);
    tcase_add_test(tests, what_was_given_out_is_forgotten);
    tcase_add_test(tests, after_the_last_block_number_the_stream_does_not_begin_again);
    tcase_add_loop_test(tests, numbers_stay_below_the_limit, 0, SUITE_ROWS(limits));
    tcase_add_test(tests, shares_are_even);
}

int main(void)
{
    return suite_main("core/rng", fill);
}
