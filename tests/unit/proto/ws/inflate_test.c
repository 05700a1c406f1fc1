/* inflate_test.c - compressed messages back into bytes: RFC 7692 section 7.2.2, zlib as the peer,
 * every split, and the limits that hold while it runs. */
#include "proto/ws/inflate.h"

#include <errno.h>
#include <godwit/status.h>

#include "core/buf.h"
#include "core/utf8.h"
#include "lib/suite.h"
#include "zpeer.h"

#define BYTES_MAX 65536u

static uint8_t plain[4 * BYTES_MAX], wire[8 * BYTES_MAX];

/* --- One receiving half --- */

struct half {
    struct heap heap;
    struct gw_ws_inflate inflate;
    struct gw_buf message;
    uint32_t utf8_state;
    bool is_text;
};

static void half_init(struct half *half, bool takeover, size_t cap)
{
    *half = (struct half){.inflate = {.ratio_max = 100, .takeover = takeover}};
    heap_init(&half->heap);
    gw_buf_init(&half->message, &half->heap.alloc, cap);
}

static void next_message(struct half *half)
{
    if (half->message.data)
        gw_buf_fini(&half->message);
    half->utf8_state = GW_UTF8_START;
}

static void half_fini(struct half *half)
{
    next_message(half);
    gw_ws_inflate_fini(&half->inflate);
    gw_ws_inflate_fini(&half->inflate);
    MUST(gw_ws_inflate_bytes(&half->inflate) == 0);
    MUST(half->heap.live == 0 && half->heap.held == 0);
}

/* Feeds one piece out of memory of its own. */
static int feed(struct half *half, const uint8_t *data, size_t len)
{
    uint8_t *copy;
    int result;

    if (len == 0)
        return 0;
    copy = malloc(len);
    MUST(copy);
    memcpy(copy, data, len);
    result = gw_ws_inflate_feed(&half->inflate, copy, len, &half->message,
                                half->is_text ? &half->utf8_state : NULL);
    free(copy);
    return result;
}

static int finish(struct half *half)
{
    return gw_ws_inflate_finish(&half->inflate, &half->message,
                                half->is_text ? &half->utf8_state : NULL);
}

/* All of a message's bytes, the first `split` at once, then in pieces of `piece`. */
static int feed_pieces(struct half *half, const uint8_t *data, size_t len, size_t split,
                       size_t piece)
{
    int result = feed(half, data, split);

    for (size_t at = split, more; result == 0 && at < len; at += more) {
        more = len - at < piece ? len - at : piece;
        result = feed(half, data + at, more);
    }
    return result;
}

static int inflate_message(struct half *half, const uint8_t *data, size_t len, size_t split,
                           size_t piece)
{
    int result = feed_pieces(half, data, len, split, piece);

    return result ? result : finish(half);
}

static bool message_is(const struct half *half, const void *data, size_t len)
{
    return half->message.len == len && (len == 0 || memcmp(half->message.data, data, len) == 0);
}

/* --- The RFC's examples --- */

static const struct {
    const char *bytes;
    size_t len;
    const char *message;
} examples[] = {
    {"\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello"},                          /* 7.2.3.1 */
    {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11, "Hello"},         /* 7.2.3.3: stored */
    {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, "Hello"},                      /* 7.2.3.4: final */
    {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13, "Hello"}, /* 7.2.3.5: two */
    {"\x00", 1, ""},                                                       /* 7.2.3.6 */
    /* Ends with a final block, which nothing has to follow. */
    {"\xf3\x48\xcd\xc9\xc9\x07\x00", 7, "Hello"},
    {"\x01\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f", 10, "Hello"},
    /* The empty block at the end is marked as final. */
    {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x01", 11, "Hello"},
    {"\x01", 1, ""},
    /* Final blocks in mid-message, one behind the other. */
    {"\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 15, "HelloHello"},
    {"\x03\x00\x03\x00\x01\x00\x00\xff\xff\xf2\x48\xcd\xc9\xc9\x07\x00", 16, "Hello"},
    {"\x03\x00", 2, ""},
};

START_TEST(the_examples_of_the_rfc_are_inflated_under_every_split)
{
    const uint8_t *bytes = (const uint8_t *)examples[_i].bytes;

    for (size_t split = 0; split <= examples[_i].len; split++)
        for (int takeover = 0; takeover < 2; takeover++) {
            struct half half;

            half_init(&half, takeover, 100);
            half.is_text = true;
            for (int again = 0; again < 3; again++) {
                MUST(inflate_message(&half, bytes, examples[_i].len, split, 1) == 0);
                MUST(message_is(&half, examples[_i].message, strlen(examples[_i].message)));
                MUST((half.inflate.state != NULL) == takeover);
                next_message(&half);
            }
            half_fini(&half);
        }
}
END_TEST

/* Section 7.2.3.2: the second Hello refers to the first. Also where a final block stood between. */
START_TEST(with_takeover_a_message_may_refer_to_the_one_before)
{
    static const char *const firsts[] = {"\xf2\x48\xcd\xc9\xc9\x07\x00\x00",
                                         "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"};
    const uint8_t *second = (const uint8_t *)"\xf2\x00\x11\x00\x00";
    struct half half;

    for (int takeover = 0; takeover < 2; takeover++) {
        half_init(&half, takeover, 100);
        ck_assert_int_eq(inflate_message(&half, (const uint8_t *)firsts[_i], _i == 0 ? 7 : 8, 0, 3),
                         0);
        next_message(&half);
        ck_assert_int_eq(inflate_message(&half, second, 5, 0, 2), takeover ? 0 : GW_ERR_DAMAGED);
        if (takeover)
            ck_assert(message_is(&half, "Hello", 5));
        half_fini(&half);
    }
}
END_TEST

/* --- zlib as the peer --- */

struct setting {
    int level, bits, mem_level, strategy;
};

static const struct setting settings[] = {
    {6, 15, 8, Z_DEFAULT_STRATEGY}, {1, 15, 8, Z_DEFAULT_STRATEGY},
    {9, 15, 9, Z_DEFAULT_STRATEGY}, {0, 15, 8, Z_DEFAULT_STRATEGY},
    {0, 9, 1, Z_DEFAULT_STRATEGY},  {6, 15, 8, Z_FIXED},
    {6, 15, 8, Z_HUFFMAN_ONLY},     {6, 15, 8, Z_RLE},
    {6, 15, 8, Z_FILTERED},         {6, 9, 1, Z_DEFAULT_STRATEGY},
    {1, 12, 4, Z_DEFAULT_STRATEGY}, {9, 12, 1, Z_FIXED},
};

static void exchange(const struct setting *setting, bool takeover, uint64_t seed)
{
    static const size_t lens[] = {0, 1, 5, 125, 256, 4096, 16384, 65535, 65536};
    struct seeded seeded = {seed};
    struct zpeer peer;
    struct half half;

    zpeer_init(&peer, setting->level, setting->bits, setting->mem_level, setting->strategy,
               takeover);
    half_init(&half, takeover, BYTES_MAX);
    half.inflate.ratio_max = 2000; /* zeros among them */
    for (int round = 0; round < 24; round++) {
        size_t len = lens[seeded_below(&seeded, 9)], wire_len;
        enum zkind kind = (enum zkind)seeded_below(&seeded, ZKIND_COUNT);
        size_t split, piece;

        zfill(plain, len, kind, &seeded);
        wire_len = zpeer_message(&peer, wire, sizeof(wire), plain, len);
        split = seeded_below(&seeded, wire_len + 1);
        piece = 1 + seeded_below(&seeded, seeded_below(&seeded, 2) ? 10 : wire_len);
        half.is_text = kind == ZKIND_TEXT;
        MUST(feed_pieces(&half, wire, wire_len, split, piece) == 0);
        MUST(half.message.len == len); /* all that can be known is known */
        MUST(finish(&half) == 0);
        MUST(message_is(&half, plain, len));
        MUST(half.utf8_state == GW_UTF8_START);
        next_message(&half);
    }
    MUST(half.heap.peak <= BYTES_MAX + GW_WS_INFLATE_CHUNK + 41000);
    half_fini(&half);
    zpeer_fini(&peer);
}

START_TEST(whatever_zlib_compresses_comes_back)
{
    exchange(&settings[_i], false, 1);
    exchange(&settings[_i], true, 2);
}
END_TEST

/* Whatever zlib makes of a byte when it has all the room in the world, we make of it at once: also
 * where our buffer is full in the middle of it. */
START_TEST(nothing_is_held_back)
{
    static uint8_t roomy[2000];

    for (size_t len = 250; len < 1100; len++) {
        struct zpeer peer;
        struct half half;
        z_stream reference = {0};
        size_t wire_len;

        memset(plain, 'a', len);
        zpeer_init(&peer, 9, 15, 8, Z_DEFAULT_STRATEGY, false);
        wire_len = zpeer_message(&peer, wire, sizeof(wire), plain, len);
        MUST(inflateInit2(&reference, -15) == Z_OK);
        reference.next_out = roomy;
        reference.avail_out = sizeof(roomy);
        half_init(&half, false, BYTES_MAX);
        for (size_t i = 0; i < wire_len; i++) {
            reference.next_in = wire + i;
            reference.avail_in = 1;
            MUST(inflate(&reference, Z_SYNC_FLUSH) == Z_OK);
            MUST(feed(&half, wire + i, 1) == 0);
            MUST(half.message.len == reference.total_out);
        }
        MUST(half.message.len == len);
        (void)inflateEnd(&reference);
        half_fini(&half);
        zpeer_fini(&peer);
    }
}
END_TEST

/* A message in many parts, each ended by another kind of flush, with another level. */
START_TEST(blocks_of_all_kinds_may_follow_each_other)
{
    static const int flushes[] = {Z_NO_FLUSH,   Z_PARTIAL_FLUSH, Z_SYNC_FLUSH,
                                  Z_FULL_FLUSH, Z_BLOCK,         Z_SYNC_FLUSH};
    struct seeded seeded = {(uint64_t)_i};
    size_t len = 0, wire_len = 0;
    struct zpeer peer;
    struct half half;

    zpeer_init(&peer, 6, 15, 8, Z_DEFAULT_STRATEGY, true);
    half_init(&half, true, BYTES_MAX);
    for (int part = 0; part < 40; part++) {
        size_t part_len = seeded_below(&seeded, 1500);

        zfill(plain + len, part_len, (enum zkind)(seeded_below(&seeded, 2) * ZKIND_NOISE), &seeded);
        peer.stream.next_out = wire + wire_len; /* a change of level flushes */
        peer.stream.avail_out = (uInt)(sizeof(wire) - wire_len);
        MUST(deflateParams(&peer.stream, (int)seeded_below(&seeded, 10),
                           (int)seeded_below(&seeded, 5)) == Z_OK);
        wire_len = (size_t)(peer.stream.next_out - wire);
        wire_len += zpeer_part(&peer, wire + wire_len, sizeof(wire) - wire_len, plain + len,
                               part_len, flushes[seeded_below(&seeded, 6)]);
        len += part_len;
    }
    wire_len += zpeer_message(&peer, wire + wire_len, sizeof(wire) - wire_len, NULL, 0);
    for (size_t piece = 1; piece < wire_len; piece = piece * 3 + 1) {
        MUST(inflate_message(&half, wire, wire_len, 0, piece) == 0);
        MUST(message_is(&half, plain, len));
        next_message(&half);
    }
    half_fini(&half);
    zpeer_fini(&peer);
}
END_TEST

/* The most that an honest peer can waste: it flushes after every byte, and perhaps does not even
 * compress. */
START_TEST(a_peer_may_flush_after_every_byte)
{
    struct seeded seeded = {1};
    size_t len = 20000, wire_len = 0;
    struct zpeer peer;
    struct half half;

    zpeer_init(&peer, _i, 15, 8, Z_DEFAULT_STRATEGY, true);
    half_init(&half, false, BYTES_MAX);
    zfill(plain, len, ZKIND_NOISE, &seeded);
    for (size_t i = 0; i < len; i++)
        wire_len +=
            zpeer_part(&peer, wire + wire_len, sizeof(wire) - wire_len, plain + i, 1, Z_SYNC_FLUSH);
    wire_len -= 4;
    ck_assert_uint_le(wire_len, gw_ws_inflate_wire_max((uint32_t)len));
    ck_assert_int_eq(inflate_message(&half, wire, wire_len, 0, 1000), 0);
    ck_assert(message_is(&half, plain, len));
    half_fini(&half);
    zpeer_fini(&peer);
}
END_TEST

/* --- Damage --- */

static const struct {
    const char *bytes;
    size_t len;
} damaged[] = {
    {"", 0},
    {"\x07", 1},                                 /* a reserved kind of block */
    {"\x06", 1},                                 /* likewise, not final */
    {"\x00\x05\x00\xfb\xff\x48", 6},             /* a stored length and its complement differ */
    {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c", 9}, /* one byte short: takes in the tail */
    {"\x00\x05\x00\xfa\xff\x48", 6},             /* four bytes short: takes in all of it */
    {"\x00\x04\x00\xfb\xff", 5},                 /* and is nothing else */
    {"\x00\x05\x00", 3},
    {"\xf2\x48\xcd\xc9\xc9\x07", 6}, /* the last byte is missing */
    {"\xf2\x48\xcd", 3},
    {"\xf2\x00\x11\x00\x00", 5},                          /* refers to nothing */
    {"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff", 11}, /* the tail was not taken off */
    {"\xf2\x48\xcd\xc9\xc9\x07\x00\x00", 8},              /* a byte too many */
    {"\x04\x00\xfe\xff", 4},                              /* codes that are no code */
    {"\xfc\xff\xff\xff\xff\xff", 6},
    {"\xf3\x48\xcd\xc9\xc9\x07\x00\x07", 8}, /* behind a final block */
    {"Hello", 5},
};

START_TEST(damaged_data_is_refused_under_every_split)
{
    const uint8_t *bytes = (const uint8_t *)damaged[_i].bytes;

    for (size_t split = 0; split <= damaged[_i].len; split++) {
        struct half half;

        half_init(&half, true, 1000);
        if (inflate_message(&half, bytes, damaged[_i].len, split, 1) != GW_ERR_DAMAGED)
            ck_abort_msg("split %zu", split);
        half_fini(&half);
    }
}
END_TEST

/* Each bit turned over, in turn: nothing asserts, hangs, or leaves its bounds, and what becomes of
 * it is the same whole and a byte at a time. */
START_TEST(any_turned_bit_ends_the_same_way_whole_and_in_bytes)
{
    struct seeded seeded = {(uint64_t)_i};
    struct zpeer peer;
    size_t wire_len;

    zfill(plain, 900, _i == 0 ? ZKIND_TEXT : ZKIND_MIXED, &seeded);
    zpeer_init(&peer, 6, 12, 4, _i == 2 ? Z_FIXED : Z_DEFAULT_STRATEGY, false);
    wire_len = zpeer_message(&peer, wire, sizeof(wire), plain, 900);
    for (size_t bit = 0; bit < 8 * wire_len; bit++) {
        struct half whole, bytes;
        int a, b;

        half_init(&whole, false, 2000);
        half_init(&bytes, false, 2000);
        whole.is_text = bytes.is_text = _i == 0;
        wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
        a = inflate_message(&whole, wire, wire_len, wire_len, 1);
        b = inflate_message(&bytes, wire, wire_len, 0, 1);
        wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
        MUST(a == b);
        MUST(a != 0 || message_is(&whole, bytes.message.data, bytes.message.len));
        MUST(a == 0 || a == GW_ERR_DAMAGED || a == GW_ERR_UTF8 || a == GW_ERR_TOO_BIG);
        half_fini(&whole);
        half_fini(&bytes);
    }
    zpeer_fini(&peer);
}
END_TEST

/* The reference goes back 8 KiB: within DEFLATE's window, though perhaps not within the one agreed.
 * That must not depend on the split. */
START_TEST(a_far_reference_is_followed_however_the_message_is_split)
{
    static const size_t pieces[] = {1, 7, 64, 5000, 20000};
    struct seeded seeded = {7};
    struct zpeer peer;
    struct half half;
    size_t wire_len;

    zfill(plain, 8192, ZKIND_NOISE, &seeded);
    memcpy(plain + 8192, plain, 8192);
    zpeer_init(&peer, 9, 15, 8, Z_DEFAULT_STRATEGY, false);
    wire_len = zpeer_message(&peer, wire, sizeof(wire), plain, 16384);
    ck_assert_uint_lt(wire_len, 9000);
    half_init(&half, false, BYTES_MAX);
    ck_assert_int_eq(inflate_message(&half, wire, wire_len, 0, pieces[_i]), 0);
    half_fini(&half);
    zpeer_fini(&peer);
}
END_TEST

START_TEST(inflated_text_fails_at_its_first_wrong_byte)
{
    static const char text[] = "fine \xe2\x82\xac and \xff wrong, and more that is not looked at";
    struct half half;
    struct zpeer peer;
    size_t wire_len, fed = 0;
    int result = 0;

    zpeer_init(&peer, 6, 15, 8, Z_HUFFMAN_ONLY, false);
    wire_len = zpeer_message(&peer, wire, sizeof(wire), text, sizeof(text) - 1);
    half_init(&half, false, BYTES_MAX);
    half.is_text = true;
    while (result == 0 && fed < wire_len)
        result = feed(&half, wire + fed++, 1);
    ck_assert_int_eq(result, GW_ERR_UTF8);
    ck_assert_uint_eq(half.message.len, 14); /* up to the byte, and with it */
    ck_assert_uint_lt(fed, wire_len);
    half_fini(&half);
    zpeer_fini(&peer);
}
END_TEST

/* --- Limits --- */

START_TEST(a_message_is_as_long_as_the_cap_and_no_longer)
{
    static const size_t caps[] = {1, 125, 256, 1000, 16383, 16384, 16385, 40000, 65536};
    size_t cap = caps[_i];

    for (int kind = ZKIND_TEXT; kind <= ZKIND_NOISE; kind++)
        for (size_t len = cap - 1; len <= cap + 1; len++) {
            struct seeded seeded = {3};
            struct zpeer peer;
            size_t wire_len;

            zfill(plain, len, (enum zkind)kind, &seeded);
            zpeer_init(&peer, 6, 15, 8, Z_DEFAULT_STRATEGY, false);
            wire_len = zpeer_message(&peer, wire, sizeof(wire), plain, len);
            for (size_t piece = 1; piece <= wire_len; piece = piece * 11 + 1) {
                struct half half;
                size_t zlib_bytes;

                half_init(&half, true, cap);
                half.inflate.ratio_max = 5000;
                MUST(inflate_message(&half, wire, wire_len, 0, piece) ==
                     (len > cap ? GW_ERR_TOO_BIG : 0));
                MUST(message_is(&half, plain, len > cap ? cap : len));
                zlib_bytes = gw_ws_inflate_bytes(&half.inflate);
                MUST(half.heap.peak <= cap + GW_WS_INFLATE_CHUNK + zlib_bytes);
                MUST(half.heap.held == zlib_bytes + half.message.room);
                half_fini(&half);
            }
            zpeer_fini(&peer);
        }
}
END_TEST

/* Zeros at 1,030:1. Up to 4 KiB they may be as dense as they like. */
static const struct {
    size_t len;
    uint32_t ratio_max;
    int result;
} ratios[] = {
    {4096, 1, 0},
    {4096, 100, 0},
    {4097, 100, GW_ERR_TOO_BIG},
    {60000, 100, GW_ERR_TOO_BIG},
    {60000, 2000, 0},
    {60000, 500, GW_ERR_TOO_BIG},
    {4097, 1, GW_ERR_TOO_BIG},
};

START_TEST(past_4_kib_the_ratio_is_bounded)
{
    struct zpeer peer;
    size_t wire_len;

    memset(plain, 0, sizeof(plain));
    zpeer_init(&peer, 9, 15, 8, Z_DEFAULT_STRATEGY, false);
    wire_len = zpeer_message(&peer, wire, sizeof(wire), plain, ratios[_i].len);
    for (size_t split = 0; split <= wire_len; split++) {
        struct half half;

        half_init(&half, false, BYTES_MAX);
        half.inflate.ratio_max = ratios[_i].ratio_max;
        MUST(inflate_message(&half, wire, wire_len, split, 7) == ratios[_i].result);
        half_fini(&half);
    }
    zpeer_fini(&peer);
}
END_TEST

/* The ratio is that of the message at hand: what earlier ones saved up does not count. */
START_TEST(the_ratio_is_counted_afresh_for_each_message)
{
    struct seeded seeded = {4};
    struct zpeer peer;
    struct half half;
    size_t wire_len;

    zpeer_init(&peer, 9, 15, 8, Z_DEFAULT_STRATEGY, true);
    half_init(&half, true, BYTES_MAX);
    zfill(plain, 30000, ZKIND_NOISE, &seeded);
    wire_len = zpeer_message(&peer, wire, sizeof(wire), plain, 30000);
    ck_assert_int_eq(inflate_message(&half, wire, wire_len, 0, 1000), 0);
    next_message(&half);
    wire_len = zpeer_message(&peer, wire, sizeof(wire), plain, 30000); /* a reference and no more */
    ck_assert_uint_lt(wire_len, 299);
    ck_assert_int_eq(inflate_message(&half, wire, wire_len, 0, 1000), GW_ERR_TOO_BIG);
    half_fini(&half);
    zpeer_fini(&peer);
}
END_TEST

/* A long message that is 4:1, but for a run of zeros in its middle: the whole counts so far. */
START_TEST(a_run_of_zeros_in_a_long_message_is_fine)
{
    struct seeded seeded = {5};
    struct zpeer peer;
    struct half half;
    size_t wire_len;

    zfill(plain, 8000, ZKIND_NOISE, &seeded);
    memset(plain + 8000, 0, 50000);
    zpeer_init(&peer, 9, 15, 8, Z_DEFAULT_STRATEGY, true);
    wire_len = zpeer_message(&peer, wire, sizeof(wire), plain, 58000);
    for (size_t piece = 1; piece < wire_len; piece = piece * 5 + 2) {
        half_init(&half, true, BYTES_MAX);
        ck_assert_int_eq(inflate_message(&half, wire, wire_len, 0, piece), 0);
        half_fini(&half);
    }
    zpeer_fini(&peer);
}
END_TEST

/* Blocks that bring nothing, a million of each kind: `taken` is where reading must have stopped. */
static const struct {
    const char *blocks;
    size_t len;
    size_t taken_max;
} idle[] = {
    {"\x00\x00\x00\xff\xff", 5, 5 * 1025},     /* stored */
    {"\x02\x08\x20\x80\x00", 5, 2000},         /* four fixed ones, of ten bits each */
    {"\x03\x00", 2, 2 * 1025},                 /* fixed and final */
    {"\x01\x00\x00\xff\xff", 5, 5 * 1025},     /* stored and final */
    {"\x00\x00\x00\xff\xff\x03\x00", 7, 4000}, /* both */
};

START_TEST(blocks_that_bring_nothing_are_not_read_for_ever)
{
    struct half half;
    size_t fed = 0;
    int result = 0;

    half_init(&half, true, BYTES_MAX);
    for (int i = 0; result == 0 && i < 1000000; i++) {
        result = feed(&half, (const uint8_t *)idle[_i].blocks, idle[_i].len);
        fed += idle[_i].len;
    }
    ck_assert_int_eq(result, GW_ERR_TOO_BIG);
    ck_assert_uint_le(fed, idle[_i].taken_max);
    ck_assert_uint_ge(fed, 1024); /* a peer that flushes for the sake of it is served */
    ck_assert_uint_le(half.message.room, 256);
    half_fini(&half);
}
END_TEST

/* Blocks that bring a byte each, but far too dear: 138 bytes of table for one of text. */
START_TEST(input_that_brings_next_to_nothing_is_not_read_for_ever)
{
    uint8_t lens[257] = {['x'] = 1, [256] = 1}, block[200];
    size_t count = 0, fed = 0;
    struct half half;
    int result = 0;

    half_init(&half, true, BYTES_MAX);
    for (; result == 0 && count < 100000; count++) {
        struct zbits bits = {block, 0};

        zbits_table(&bits, lens);
        zbits_put(&bits, 2, 2);                             /* x, and the end */
        zbits_put(&bits, 0, 3);                             /* an empty block, */
        zbits_put(&bits, 0, 7 - (int)(bits.count + 7) % 8); /* to get to a byte's end */
        zbits_put(&bits, 0xffff0000, 32);
        result = feed(&half, block, bits.count / 8);
        fed += bits.count / 8;
        MUST(result != 0 || half.message.len == count + 1);
    }
    ck_assert_int_eq(result, GW_ERR_TOO_BIG);
    ck_assert_uint_gt(fed, GW_WS_INFLATE_CHUNK);
    ck_assert_uint_le(fed, GW_WS_INFLATE_CHUNK + 12 * count + 512);
    half_fini(&half);
}
END_TEST

/* Where the message might be long the ratio stops it long before: at most 256 bytes of input late.
 */
START_TEST(a_bomb_is_stopped_by_its_ratio_and_not_only_by_the_cap)
{
    struct zpeer peer;
    struct half half;
    size_t wire_len = 0;

    memset(plain, 0, sizeof(plain));
    zpeer_init(&peer, 9, 15, 8, Z_DEFAULT_STRATEGY, true);
    for (int i = 0; i < 40; i++) /* 10 MiB */
        wire_len += zpeer_part(&peer, wire + wire_len, sizeof(wire) - wire_len, plain,
                               sizeof(plain), Z_NO_FLUSH);
    wire_len += zpeer_message(&peer, wire + wire_len, sizeof(wire) - wire_len, NULL, 0);
    half_init(&half, false, 16u * 1024 * 1024);
    ck_assert_int_eq(feed(&half, wire, wire_len), GW_ERR_TOO_BIG);
    ck_assert_uint_le(half.message.len, 256 * 1032);
    half_fini(&half);
    zpeer_fini(&peer);
}
END_TEST

/* What one message used up does not count for the next, and that it ended with a final block does
 * not end it. */
START_TEST(with_takeover_each_message_is_counted_for_itself)
{
    struct half half;

    half_init(&half, true, BYTES_MAX);
    for (int message = 0; message < 5; message++) {
        for (int i = 0; i < 900; i++)
            ck_assert_int_eq(feed(&half, (const uint8_t *)"\x00\x00\x00\xff\xff", 5), 0);
        ck_assert_int_eq(inflate_message(&half, (const uint8_t *)"\x03\x00", 2, 0, 1), 0);
        next_message(&half);
    }
    ck_assert_int_eq(finish(&half), GW_ERR_DAMAGED); /* a message of no bytes at all */
    half_fini(&half);
}
END_TEST

/* The tail happens to end a block, in the middle of its last byte: sixteen zeros are letters, and
 * ten ones "end of block". The block that must be there at the end has not even begun. */
START_TEST(a_tail_that_was_taken_for_data_completes_nothing)
{
    uint8_t lens[257] = {[256] = 10}, block[200] = {0};
    struct zbits bits = {block, 0};
    struct half half;

    for (uint8_t i = 0; i < 10; i++)
        lens[i] = (uint8_t)(i + 1);
    zbits_table(&bits, lens);
    zbits_put(&bits, 0, (int)(8 - bits.count % 8) % 8);
    half_init(&half, true, BYTES_MAX);
    ck_assert_int_eq(inflate_message(&half, block, bits.count / 8, 0, 7), GW_ERR_DAMAGED);
    ck_assert_uint_ge(half.message.len, 16); /* so it was taken for data */
    half_fini(&half);
}
END_TEST

START_TEST(what_a_message_may_take_on_the_wire_does_not_wrap)
{
    ck_assert_uint_eq(gw_ws_inflate_wire_max(1), GW_WS_INFLATE_CHUNK + 12);
    ck_assert_uint_eq(gw_ws_inflate_wire_max(65536), GW_WS_INFLATE_CHUNK + 12 * 65536);
    ck_assert_uint_eq(gw_ws_inflate_wire_max(UINT32_MAX / 12), UINT32_MAX);
    ck_assert_uint_eq(gw_ws_inflate_wire_max(UINT32_MAX), UINT32_MAX);
}
END_TEST

/* --- Memory --- */

static bool survives(size_t wire_len, size_t len, long left, bool takeover)
{
    struct half half;
    bool ran_out;
    int result = 0;

    half_init(&half, takeover, BYTES_MAX);
    half.heap.left = left;
    for (int again = 0; result == 0 && again < 2; again++) {
        next_message(&half);
        result = inflate_message(&half, wire, wire_len, 0, 500);
    }
    ran_out = half.heap.failed > 0;
    MUST(result == (ran_out ? -ENOMEM : 0));
    MUST(ran_out || message_is(&half, plain, len));
    half_fini(&half);
    return !ran_out;
}

START_TEST(every_failing_allocation_is_enomem_and_leaks_nothing)
{
    struct seeded seeded = {6};
    struct zpeer peer;
    size_t wire_len;
    long left = 0;

    zfill(plain, 30000, ZKIND_TEXT, &seeded);
    zpeer_init(&peer, 6, 15, 8, Z_DEFAULT_STRATEGY, false);
    wire_len = zpeer_message(&peer, wire, sizeof(wire), plain, 30000);
    while (!survives(wire_len, 30000, left, _i))
        left++;
    ck_assert_int_gt(left, 4); /* else it was no test */
    zpeer_fini(&peer);
}
END_TEST

START_TEST(what_takeover_costs_is_bounded)
{
    struct half half;

    half_init(&half, true, BYTES_MAX);
    ck_assert_uint_eq(gw_ws_inflate_bytes(&half.inflate), 0);
    ck_assert_int_eq(
        inflate_message(&half, (const uint8_t *)"\xf2\x48\xcd\xc9\xc9\x07\x00", 7, 0, 7), 0);
    ck_assert_uint_eq(gw_ws_inflate_bytes(&half.inflate), half.heap.held - half.message.room);
    ck_assert_uint_le(gw_ws_inflate_bytes(&half.inflate), 42 * 1024); /* models: 40 KB */
    half_fini(&half);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, the_examples_of_the_rfc_are_inflated_under_every_split, 0,
                        SUITE_ROWS(examples));
    tcase_add_loop_test(tests, with_takeover_a_message_may_refer_to_the_one_before, 0, 2);
    tcase_add_loop_test(tests, whatever_zlib_compresses_comes_back, 0, SUITE_ROWS(settings));
    tcase_add_test(tests, nothing_is_held_back);
    tcase_add_loop_test(tests, blocks_of_all_kinds_may_follow_each_other, 0, 10);
    tcase_add_loop_test(tests, a_peer_may_flush_after_every_byte, 0, 2);
    tcase_add_loop_test(tests, damaged_data_is_refused_under_every_split, 0, SUITE_ROWS(damaged));
    tcase_add_loop_test(tests, any_turned_bit_ends_the_same_way_whole_and_in_bytes, 0, 3);
    tcase_add_loop_test(tests, a_far_reference_is_followed_however_the_message_is_split, 0, 5);
    tcase_add_test(tests, inflated_text_fails_at_its_first_wrong_byte);
    tcase_add_loop_test(tests, a_message_is_as_long_as_the_cap_and_no_longer, 0, 9);
    tcase_add_loop_test(tests, past_4_kib_the_ratio_is_bounded, 0, SUITE_ROWS(ratios));
    tcase_add_test(tests, the_ratio_is_counted_afresh_for_each_message);
    tcase_add_test(tests, a_run_of_zeros_in_a_long_message_is_fine);
    tcase_add_loop_test(tests, blocks_that_bring_nothing_are_not_read_for_ever, 0,
                        SUITE_ROWS(idle));
    tcase_add_test(tests, input_that_brings_next_to_nothing_is_not_read_for_ever);
    tcase_add_test(tests, a_bomb_is_stopped_by_its_ratio_and_not_only_by_the_cap);
    tcase_add_test(tests, with_takeover_each_message_is_counted_for_itself);
    tcase_add_test(tests, a_tail_that_was_taken_for_data_completes_nothing);
    tcase_add_test(tests, what_a_message_may_take_on_the_wire_does_not_wrap);
    tcase_add_loop_test(tests, every_failing_allocation_is_enomem_and_leaks_nothing, 0, 2);
    tcase_add_test(tests, what_takeover_costs_is_bounded);
}

int main(void)
{
    return suite_main("proto/ws/inflate", fill);
}
