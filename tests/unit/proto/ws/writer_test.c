/* writer_test.c - heads in their shortest form, masks at every phase, closes that may be sent. */
#include <godwit/ws.h>

#include <stdbool.h>
#include <string.h>

#include "lib/portable.h"
#include "lib/seeded.h"
#include "lib/suite.h"

static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d}; /* that of RFC 6455 section 5.7 */

static const struct {
    enum gw_ws_opcode opcode;
    int fin;
    uint64_t len;
    const uint8_t *mask;
    size_t head_len;
    uint8_t head[GW_WS_HEAD_MAX];
} heads[] = {
    {GW_WS_OP_TEXT, 1, 0, NULL, 2, {0x81, 0x00}},
    {GW_WS_OP_TEXT, 1, 5, NULL, 2, {0x81, 0x05}},
    {GW_WS_OP_TEXT, 1, 5, mask, 6, {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d}},
    {GW_WS_OP_TEXT, 0, 3, NULL, 2, {0x01, 0x03}},
    {GW_WS_OP_CONTINUATION, 1, 2, NULL, 2, {0x80, 0x02}},
    {GW_WS_OP_CONTINUATION, 0, 0, NULL, 2, {0x00, 0x00}},
    {GW_WS_OP_PING, 1, 5, NULL, 2, {0x89, 0x05}},
    {GW_WS_OP_PONG, 1, 125, mask, 6, {0x8a, 0xfd, 0x37, 0xfa, 0x21, 0x3d}},
    {GW_WS_OP_CLOSE, 1, 2, NULL, 2, {0x88, 0x02}},
    {GW_WS_OP_BINARY, 1, 125, NULL, 2, {0x82, 0x7d}},
    {GW_WS_OP_BINARY, 1, 126, NULL, 4, {0x82, 0x7e, 0x00, 0x7e}},
    {GW_WS_OP_BINARY, 1, 256, NULL, 4, {0x82, 0x7e, 0x01, 0x00}},
    {GW_WS_OP_BINARY, 1, 65535, mask, 8, {0x82, 0xfe, 0xff, 0xff, 0x37, 0xfa, 0x21, 0x3d}},
    {GW_WS_OP_BINARY, 1, 65536, NULL, 10, {0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}},
    {GW_WS_OP_BINARY,
     1,
     UINT64_C(0x7fffffffffffffff),
     mask,
     14,
     {0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x37, 0xfa, 0x21, 0x3d}},
};

START_TEST(heads_take_the_shortest_form)
{
    uint8_t out[GW_WS_HEAD_MAX];
    size_t len =
        gw_ws_head_part(out, heads[_i].opcode, heads[_i].fin, heads[_i].len, heads[_i].mask);

    ck_assert_uint_eq(len, heads[_i].head_len);
    ck_assert_mem_eq(out, heads[_i].head, len);
    if (heads[_i].fin) {
        ck_assert_uint_eq(gw_ws_head(out, heads[_i].opcode, heads[_i].len, heads[_i].mask), len);
        ck_assert_mem_eq(out, heads[_i].head, len);
    }
    ck_assert_uint_eq(gw_ws_frame_len((size_t)heads[_i].len, heads[_i].mask != NULL),
                      len + heads[_i].len);
}
END_TEST

/* Section 5.3, to the letter. */
static void mask_bytewise(uint8_t *data, size_t len, uint64_t offset)
{
    for (size_t i = 0; i < len; i++)
        data[i] ^= mask[(offset + i) % 4];
}

/* --- Masking, with the processor that is here and with one that can do less --- */

#define MASKING_MAX 4500u /* above several blocks of whatever width */

/* Compares a stretch of `len` bytes that begins `from` bytes behind an aligned one. */
static void check_masking(size_t from, size_t len, uint64_t offset, struct seeded *seeded)
{
    static _Alignas(64) uint8_t fast[64 + MASKING_MAX + 64], slow[sizeof(fast)];
    size_t end = from + len + 64;

    for (size_t i = 0; i < end; i++)
        slow[i] = fast[i] = (uint8_t)(seeded_next(seeded) >> 32);
    gw_ws_mask(fast + from, len, mask, offset);
    mask_bytewise(slow + from, len, offset);
    if (memcmp(fast, slow, end) != 0) /* and not a byte beside it */
        ck_abort_msg("%zu bytes at %zu, offset %llu", len, from, (unsigned long long)offset);
}

/* Row 0 is the machine's own best, row 1 the portable one. */
START_TEST(masking_is_that_of_the_rfc_at_every_alignment_length_and_phase)
{
    struct seeded seeded = {1};

    if (_i == 1)
        portable_from_here();
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; len <= 300; len++)
            for (uint64_t offset = 0; offset < 9; offset++)
                check_masking(from, len, offset, &seeded);
}
END_TEST

/* Around the length from which on it goes in blocks, and around several blocks. */
START_TEST(long_masking_is_that_of_the_rfc_too)
{
    static const struct {
        size_t from, to;
    } ranges[] = {{496, 660}, {1020, 1030}, {2040, 2056}, {4080, 4112}, {4224, 4240}};
    struct seeded seeded = {2};

    if (_i == 1)
        portable_from_here();
    for (int range = 0; range < SUITE_ROWS(ranges); range++)
        for (size_t len = ranges[range].from; len <= ranges[range].to; len++)
            for (size_t from = 0; from < 64; from += from < 9 ? 1 : 11)
                for (uint64_t offset = 0; offset < 8; offset += from < 9 ? 1 : 2)
                    check_masking(from, len, offset, &seeded);
}
END_TEST

START_TEST(masking_goes_on_far_behind_the_first_4_gib)
{
    uint8_t fast[16] = {0}, slow[16] = {0};

    gw_ws_mask(NULL, 0, mask, 3); /* nothing is fine too */
    gw_ws_mask(fast, sizeof(fast), mask, UINT64_MAX - 5);
    mask_bytewise(slow, sizeof(slow), UINT64_MAX - 5);
    ck_assert_mem_eq(fast, slow, sizeof(fast));
}
END_TEST

static const size_t frame_lens[] = {0, 1, 63, 64, 65, 125, 126, 127, 65535, 65536, 65537};

START_TEST(a_frame_is_its_head_and_its_masked_payload)
{
    static uint8_t payload[65537], copy[65537], out[65537 + GW_WS_HEAD_MAX + 1];
    size_t len = frame_lens[_i];
    struct seeded seeded = {2};

    for (size_t i = 0; i < len; i++)
        copy[i] = payload[i] = (uint8_t)seeded_next(&seeded);
    for (int masked = 0; masked < 2; masked++) {
        const uint8_t *with = masked ? mask : NULL;
        uint8_t head[GW_WS_HEAD_MAX];
        size_t head_len = gw_ws_head(head, GW_WS_OP_BINARY, len, with);
        size_t total = gw_ws_frame_len(len, masked);

        out[total] = 0x5a;
        ck_assert_uint_eq(total, head_len + len);
        ck_assert_uint_eq(gw_ws_frame(out, GW_WS_OP_BINARY, len ? payload : NULL, len, with),
                          total);
        ck_assert_uint_eq(out[total], 0x5a);
        ck_assert_mem_eq(out, head, head_len);
        if (masked)
            mask_bytewise(out + head_len, len, 0);
        ck_assert(memcmp(out + head_len, copy, len) == 0);
        ck_assert(memcmp(payload, copy, len) == 0); /* it was ours to read only */
    }
}
END_TEST

/* By the classes of section 7.4.2, with the codes that section 7.4.1 and the registry keep off the
 * wire. */
static bool code_may_be_sent(unsigned code)
{
    switch (code) {
    case 1000: /* normal */
    case 1001: /* going away */
    case 1002: /* protocol error */
    case 1003: /* data of a kind that is not accepted */
    case 1007: /* not UTF-8 */
    case 1008: /* policy */
    case 1009: /* too big */
    case 1010: /* missing extension */
    case 1011: /* internal error */
    case 1012: /* service restart, registered later */
    case 1013: /* try again later, likewise */
    case 1014: /* bad gateway, likewise */
        return true;
    default:
        return code / 1000 == 3 || code / 1000 == 4; /* libraries, and private use */
    }
}

START_TEST(close_codes_are_valid_by_class)
{
    for (unsigned code = 0; code <= UINT16_MAX; code++)
        ck_assert_msg(!!gw_ws_close_code_valid((uint16_t)code) == code_may_be_sent(code), "%u",
                      code);
}
END_TEST

static const struct {
    uint16_t code;
    const char *reason;
    size_t len;
    const char *payload;
} closes[] = {
    {1000, "", 2, "\x03\xe8"},
    {1001, "bye", 5,
     "\x03\xe9"
     "bye"},
    {4999, "x", 3, "\x13\x87x"},
    {0, "unsaid", 0, ""},    /* a close without a code has no reason */
    {1005, "unsaid", 0, ""}, /* no code */
    {1006, "unsaid", 0, ""}, /* and these may not be sent */
    {1015, "unsaid", 0, ""},
    {999, "unsaid", 0, ""},
    {5000, "unsaid", 0, ""},
};

START_TEST(a_close_says_its_code_and_reason)
{
    uint8_t out[GW_WS_CONTROL_MAX];
    size_t len =
        gw_ws_close_payload(out, closes[_i].code, closes[_i].reason, strlen(closes[_i].reason));

    ck_assert_uint_eq(len, closes[_i].len);
    ck_assert(memcmp(out, closes[_i].payload, len) == 0);
}
END_TEST

/* Characters of 1 to 4 bytes, at every position against the limit of 123. */
START_TEST(a_long_reason_is_cut_between_two_characters)
{
    static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    size_t width = strlen(characters[_i]);

    for (size_t lead = 0; lead < width; lead++) {
        uint8_t out[GW_WS_CONTROL_MAX];
        char reason[300] = "xxxx";
        size_t reason_len = lead, len;

        while (reason_len + width <= sizeof(reason)) {
            memcpy(reason + reason_len, characters[_i], width);
            reason_len += width;
        }
        len = gw_ws_close_payload(out, 1000, reason, reason_len);
        ck_assert_uint_eq(len, 2 + lead + (123 - lead) / width * width);
        ck_assert_mem_eq(out + 2, reason, len - 2);
    }
}
END_TEST

START_TEST(a_reason_of_123_bytes_is_whole)
{
    uint8_t out[GW_WS_CONTROL_MAX];
    char reason[124];

    memset(reason, 'r', sizeof(reason));
    ck_assert_uint_eq(gw_ws_close_payload(out, 1000, reason, 123), 125);
    ck_assert_uint_eq(gw_ws_close_payload(out, 1000, reason, 124), 125);
    ck_assert_uint_eq(gw_ws_close_payload(out, 1000, reason, 122), 124);
    ck_assert_uint_eq(gw_ws_close_payload(out, 1000, NULL, 0), 2);
}
END_TEST

/* No UTF-8, so against the contract; but then no part of it is the right one to send. */
START_TEST(a_reason_without_a_place_to_cut_is_left_out)
{
    uint8_t out[GW_WS_CONTROL_MAX];
    char reason[124];

    memset(reason, 0x80, sizeof(reason));
    ck_assert_uint_eq(gw_ws_close_payload(out, 1000, reason, sizeof(reason)), 2);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, heads_take_the_shortest_form, 0, SUITE_ROWS(heads));
    tcase_add_loop_test(tests, masking_is_that_of_the_rfc_at_every_alignment_length_and_phase, 0,
                        2);
    tcase_add_loop_test(tests, long_masking_is_that_of_the_rfc_too, 0, 2);
    tcase_add_test(tests, masking_goes_on_far_behind_the_first_4_gib);
    tcase_add_loop_test(tests, a_frame_is_its_head_and_its_masked_payload, 0,
                        SUITE_ROWS(frame_lens));
    tcase_add_test(tests, close_codes_are_valid_by_class);
    tcase_add_loop_test(tests, a_close_says_its_code_and_reason, 0, SUITE_ROWS(closes));
    tcase_add_loop_test(tests, a_long_reason_is_cut_between_two_characters, 0, 4);
    tcase_add_test(tests, a_reason_of_123_bytes_is_whole);
    tcase_add_test(tests, a_reason_without_a_place_to_cut_is_left_out);
}

int main(void)
{
    return suite_main("proto/ws/writer", fill);
}
