/* bombs_test.c - decompression bombs of every shape: what they hold, and what they make us do.
 *
 * inflate() is called through this file, which counts: calls, and the bytes that came out of them.
 * The heap knows its peak. Both must stay in bounds that do not depend on what the peer sends. */
#include <godwit/ws.h>

#include <dlfcn.h>

#include "lib/suite.h"
#include "proto/ws/inflate.h"
#include "zpeer.h"

#define BYTES_MAX 65536u
#define PIECE     4096u /* what one receive brings */

/* --- Counting --- */

static unsigned long calls, bytes_out;

/* The program's own definition comes before the library's. */
__attribute__((visibility("default"))) int inflate(z_stream *stream, int flush)
{
    static int (*real)(z_stream *, int);
    uInt before = stream->avail_out;
    int said;

    if (!real) {
        void *symbol = dlsym(RTLD_NEXT, "inflate");

        MUST(symbol);
        memcpy(&real, &symbol, sizeof(real)); /* ISO C has no conversion between the two */
    }
    calls++;
    said = real(stream, flush);
    bytes_out += before - stream->avail_out;
    return said;
}

/* --- The target --- */

struct target {
    struct heap heap;
    struct gw_ws *ws;
    size_t at_rest; /* bytes held before anything came */
    size_t wire_len;
    int result;
    unsigned close_code;
    size_t message_len; /* of the last message; all bytes of it were looked at */
};

static void target_init(struct target *target, uint8_t bits, uint8_t takeover, uint32_t ratio_max)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;

    *target = (struct target){.result = 0};
    heap_init(&target->heap);
    options.deflate = (struct gw_ws_deflate_terms){12, bits, 0, takeover};
    options.deflate_ratio_max = ratio_max;
    options.fragments_max = 1000;
    options.get = target->heap.alloc.get;
    options.put = target->heap.alloc.put;
    options.alloc_ctx = &target->heap;
    MUST(gw_ws_new(&target->ws, &options) == 0);
    target->at_rest = target->heap.held;
    calls = bytes_out = 0;
}

static void target_fini(struct target *target)
{
    gw_ws_free(target->ws);
    MUST(target->heap.live == 0);
}

/* Feeds bytes as they come. False when the connection is over. */
static bool feed(struct target *target, uint8_t *data, size_t len)
{
    struct gw_ws_bytes input = {data, len};
    struct gw_ws_event event = {0};

    target->wire_len += len;
    while ((target->result = gw_ws_read(target->ws, &input, &event)) > 0)
        target->message_len = event.len;
    target->close_code = event.close_code;
    return target->result == 0;
}

/* One masked frame; its payload comes in pieces. False when the connection is over. */
static bool feed_frame(struct target *target, uint8_t first, const uint8_t *payload, size_t len)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};
    uint8_t piece[PIECE + GW_WS_HEAD_MAX];
    size_t head_len = gw_ws_head(piece, GW_WS_OP_BINARY, len, mask), more;

    piece[0] = first;
    if (len == 0)
        return feed(target, piece, head_len);
    for (size_t at = 0; at < len; at += more) {
        more = len - at < PIECE ? len - at : PIECE;
        memcpy(piece + head_len, payload + at, more);
        gw_ws_mask(piece + head_len, more, mask, at);
        if (!feed(target, piece, head_len + more))
            return false;
        head_len = 0;
    }
    return true;
}

/* The bounds of this page: beside what an end holds at rest, one message, one chunk, and what zlib
 * itself takes; of calls one for each 256 bytes of input, each block and each growth of the buffer,
 * and one more message than was delivered of bytes. */
static void check_bounds(const struct target *target, unsigned long blocks)
{
    size_t zlib_bytes = 40 * 1024, partial_bytes = 256;

    ck_assert_uint_le(target->heap.peak, target->at_rest + partial_bytes + BYTES_MAX +
                                             GW_WS_INFLATE_CHUNK + zlib_bytes);
    ck_assert_uint_le(calls, target->wire_len / 64 + 2 * blocks + 20);
    ck_assert_uint_le(bytes_out, BYTES_MAX + 1 + target->message_len);
}

static void check_cut(const struct target *target, unsigned long blocks)
{
    ck_assert_int_eq(target->result, GW_ERR_TOO_BIG);
    ck_assert_uint_eq(target->close_code, 1009);
    check_bounds(target, blocks);
}

/* --- The bombs --- */

static uint8_t zeros[1000000], bomb[2000000];

/* `len` zeros at the best that there is, 1,030:1. */
static size_t make_bomb(size_t len)
{
    struct zpeer peer;
    size_t at = 0;

    zpeer_init(&peer, 9, 15, 9, Z_DEFAULT_STRATEGY, true);
    while (len > sizeof(zeros)) {
        at += zpeer_part(&peer, bomb + at, sizeof(bomb) - at, zeros, sizeof(zeros), Z_NO_FLUSH);
        len -= sizeof(zeros);
    }
    at += zpeer_message(&peer, bomb + at, sizeof(bomb) - at, zeros, len);
    zpeer_fini(&peer);
    return at;
}

static const uint32_t ratios[] = {100, UINT32_MAX};

START_TEST(a_hundred_megabytes_in_one_frame)
{
    size_t len = make_bomb(100000000);
    struct target target;

    ck_assert_uint_lt(len, 100000); /* it is one */
    target_init(&target, 15, 0, ratios[_i]);
    ck_assert(!feed_frame(&target, 0xc2, bomb, len));
    check_cut(&target, 1);
    ck_assert_uint_le(target.wire_len, PIECE + GW_WS_HEAD_MAX);
    target_fini(&target);
}
END_TEST

/* Short enough for the cap: then it is the ratio. */
START_TEST(sixty_kilobytes_in_sixty_bytes)
{
    size_t len = make_bomb(60000);
    struct target target;

    ck_assert_uint_lt(len, 100);
    target_init(&target, 15, 0, ratios[_i]);
    ck_assert_int_eq(feed_frame(&target, 0xc2, bomb, len), _i == 1);
    if (_i == 0)
        check_cut(&target, 1);
    else
        ck_assert_uint_eq(target.message_len, 60000);
    check_bounds(&target, 1);
    target_fini(&target);
}
END_TEST

START_TEST(a_bomb_in_a_thousand_fragments)
{
    size_t len = make_bomb(10000000), part = len / 999 + 1;
    struct target target;
    unsigned long fragments = 0;
    bool alive = true;

    target_init(&target, 15, 1, ratios[_i]);
    for (size_t at = 0; alive && at < len; at += part, fragments++) {
        size_t more = len - at < part ? len - at : part;

        alive = feed_frame(&target,
                           at == 0           ? 0x42
                           : at + part < len ? 0x00
                                             : 0x80,
                           bomb + at, more);
    }
    ck_assert(!alive);
    check_cut(&target, fragments);
    target_fini(&target);
}
END_TEST

/* A context full of zeros, which each message refers to again: every one is cut for itself, or is
 * no longer than it may be. */
START_TEST(bombs_over_a_carried_context)
{
    struct target target;
    struct zpeer peer;
    bool alive = true;
    size_t len;
    int messages = 0;

    zpeer_init(&peer, 9, 15, 9, Z_DEFAULT_STRATEGY, true);
    target_init(&target, 15, 1, ratios[_i]);
    for (size_t zeros_len = 4096; alive && messages < 20; zeros_len += 20000, messages++) {
        len = zpeer_message(&peer, bomb, sizeof(bomb), zeros, zeros_len);
        calls = bytes_out = 0;
        target.wire_len = 0;
        alive = feed_frame(&target, 0xc2, bomb, len);
        check_bounds(&target, 2);
    }
    ck_assert_int_eq(messages, _i == 0 ? 2 : 5); /* 24,096 at 100:1; 84,096 at any ratio */
    check_cut(&target, 2);
    target_fini(&target);
    zpeer_fini(&peer);
}
END_TEST

/* A million blocks that bring nothing. In one frame, which its head betrays, or in fragments. */
static const struct {
    const char *block;
    size_t len;
    unsigned per_block; /* blocks in it */
} blocks[] = {
    {"\x00\x00\x00\xff\xff", 5, 1},
    {"\x02\x08\x20\x80\x00", 5, 4},
    {"\x03\x00", 2, 1},
    {"\x01\x00\x00\xff\xff", 5, 1},
};

START_TEST(a_million_empty_blocks)
{
    size_t block = (size_t)_i / 2, count = sizeof(bomb) / blocks[block].len, at = 0;
    size_t part = _i % 2 ? 400000 : 2000;
    struct target target;
    bool alive = true;

    for (size_t i = 0; i < count; i++)
        memcpy(bomb + i * blocks[block].len, blocks[block].block, blocks[block].len);
    target_init(&target, 15, 1, 100);
    for (; alive && at < count * blocks[block].len; at += part)
        alive = feed_frame(&target, at == 0 ? 0x42 : 0x00, bomb + at, part);
    ck_assert(!alive);
    check_cut(&target, 1100);
    ck_assert_uint_eq(bytes_out, 0);
    ck_assert_uint_le(target.wire_len, 3 * PIECE);
    target_fini(&target);
}
END_TEST

/* Code tables are dear to build, and these serve to say "end of block" and no more. */
START_TEST(ten_thousand_code_tables_for_nothing)
{
    uint8_t lens[257] = {[0] = 1, [256] = 1};
    struct zbits bits = {bomb, 0};
    struct target target;

    while (bits.count < 8 * 150 * 10000) {
        zbits_table(&bits, lens);
        zbits_put(&bits, 1, 1);
    }
    target_init(&target, 15, 1, 100);
    ck_assert(!feed_frame(&target, 0xc2, bomb, 700000));
    check_cut(&target, 200);
    ck_assert_uint_eq(bytes_out, 0);
    ck_assert_uint_le(target.wire_len, GW_WS_INFLATE_CHUNK + 2 * PIECE);
    target_fini(&target);
}
END_TEST

/* A final block in mid-message: what stands behind it is read by the same rules, and the bomb there
 * is cut. */
START_TEST(a_bomb_behind_a_final_block)
{
    static const uint8_t final[] = {0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};
    size_t len = make_bomb(10000000);
    struct target target;

    target_init(&target, 15, (uint8_t)_i, 100);
    ck_assert(feed_frame(&target, 0x42, final, sizeof(final)));
    ck_assert(!feed_frame(&target, 0x80, bomb, len));
    check_cut(&target, 3);
    target_fini(&target);
}
END_TEST

/* Nothing is announced, nothing allocated: the head of a compressed frame that is too long. */
START_TEST(a_head_that_announces_too_much_costs_nothing)
{
    static const uint64_t lens[] = {UINT64_C(0xffffff), UINT64_C(0x7fffffff), UINT64_C(0xffffffff),
                                    UINT64_C(0x100000000), UINT64_C(0x7fffffffffffffff)};
    uint8_t head[GW_WS_HEAD_MAX];
    struct target target;

    target_init(&target, 15, 1, 100);
    gw_ws_head(head, GW_WS_OP_TEXT, lens[_i], (const uint8_t *)"mask");
    head[0] |= 0x40;
    ck_assert(!feed(&target, head, sizeof(head)));
    check_cut(&target, 0);
    ck_assert_uint_eq(target.heap.peak, target.at_rest);
    target_fini(&target);
}
END_TEST

/* Honest messages, one after the other: all that they took is given back, or is zlib's. */
START_TEST(between_messages_nothing_but_the_context_is_held)
{
    struct target target;
    struct zpeer peer;
    struct seeded seeded = {1};

    zpeer_init(&peer, 6, 12, 4, Z_DEFAULT_STRATEGY, _i);
    target_init(&target, 12, (uint8_t)_i, 100);
    for (int i = 0; i < 50; i++) {
        size_t len = seeded_below(&seeded, 60000), wire_len;

        zfill(zeros, len, ZKIND_TEXT, &seeded);
        wire_len = zpeer_message(&peer, bomb, sizeof(bomb), zeros, len);
        ck_assert(feed_frame(&target, 0xc1, bomb, wire_len));
        ck_assert_uint_eq(target.message_len, len);
        ck_assert_uint_le(target.heap.held, target.at_rest + (_i ? 42 * 1024 : 0));
    }
    target_fini(&target);
    zpeer_fini(&peer);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_hundred_megabytes_in_one_frame, 0, 2);
    tcase_add_loop_test(tests, sixty_kilobytes_in_sixty_bytes, 0, 2);
    tcase_add_loop_test(tests, a_bomb_in_a_thousand_fragments, 0, 2);
    tcase_add_loop_test(tests, bombs_over_a_carried_context, 0, 2);
    tcase_add_loop_test(tests, a_million_empty_blocks, 0, 2 * SUITE_ROWS(blocks));
    tcase_add_test(tests, ten_thousand_code_tables_for_nothing);
    tcase_add_loop_test(tests, a_bomb_behind_a_final_block, 0, 2);
    tcase_add_loop_test(tests, a_head_that_announces_too_much_costs_nothing, 0, 5);
    tcase_add_loop_test(tests, between_messages_nothing_but_the_context_is_held, 0, 2);
}

int main(void)
{
    return suite_main("proto/ws/bombs", fill);
}
