/* deflater_test.c - messages into compressed frames with both engines, read back by zlib's
 * inflate(), called directly, with the window that was agreed and no memory of the message before.
 */
#include "proto/deflate/deflater.h"

#include <errno.h>

#include "lib/suite.h"
#include "unit/proto/ws/zpeer.h"

#define BYTES_MAX   (1100u * 1024)
#define WINDOW      (1u << GW_DEFLATER_WINDOW_BITS)
#define RSV1_TEXT   0xc1
#define RSV1_BINARY 0xc2

static uint8_t plain[BYTES_MAX], back[BYTES_MAX + 1], out[BYTES_MAX + GW_WS_HEAD_MAX + 100];

static struct gw_deflater *make(struct heap *heap, int engine)
{
    struct gw_deflater *deflater;

    heap_init(heap);
    ck_assert_int_eq(gw_deflater_new(&deflater, &heap->alloc, (enum gw_deflater_engine)engine), 0);
    return deflater;
}

static void end(struct heap *heap, struct gw_deflater *deflater)
{
    gw_deflater_free(deflater);
    ck_assert_int_eq(heap->live, 0);
}

/* Frames plain[0..len], or says 0; nothing beyond its room is touched. */
static size_t frame(struct gw_deflater *deflater, enum gw_ws_opcode opcode, size_t len)
{
    size_t room = gw_ws_frame_len(len, 0), frame_len;

    memset(out + room, 0xee, 100);
    frame_len = gw_deflater_frame(deflater, out, opcode, plain, len);
    for (size_t i = 0; i < 100; i++)
        MUST(out[room + i] == 0xee);
    MUST(frame_len < room);
    return frame_len;
}

/* The payload of a frame, by the letter of RFC 6455 section 5.2. */
static const uint8_t *payload_of(size_t frame_len, uint8_t first, size_t *len)
{
    const uint8_t *at = out + 2;
    size_t wide = out[1] == 126 ? 2 : out[1] == 127 ? 8 : 0;

    MUST(out[0] == first && out[1] <= 127);
    *len = out[1];
    if (wide > 0)
        for (*len = 0; at < out + 2 + wide; at++)
            *len = *len << 8 | *at;
    MUST(wide == (*len <= 125 ? 0 : *len <= 65535 ? 2 : 8)); /* the shortest form */
    MUST(at + *len == out + frame_len);
    return at;
}

/* Inflates with a window of 12 bits. zlib looks at how far back a reference goes only between two
 * calls; so with a `room` of 1 each must be within the window. Returns how many bytes came out. */
static size_t inflate_alone(const uint8_t *payload, size_t len, uInt room)
{
    static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff};
    z_stream stream = {0};
    size_t made = 0;

    MUST(inflateInit2(&stream, -GW_DEFLATER_WINDOW_BITS) == Z_OK);
    for (int part = 0; part < 2; part++) {
        stream.next_in = part == 0 ? payload : tail;
        stream.avail_in = part == 0 ? (uInt)len : sizeof(tail);
        do {
            int said;

            stream.next_out = back + made;
            stream.avail_out = made + room < sizeof(back) ? room : (uInt)(sizeof(back) - made);
            said = inflate(&stream, Z_SYNC_FLUSH);
            MUST(said == Z_OK || said == Z_BUF_ERROR);
            made = (size_t)(stream.next_out - back);
        } while (stream.avail_out == 0);
        MUST(stream.avail_in == 0);
    }
    (void)inflateEnd(&stream);
    return made;
}

/* Is what came of it a compressed frame of the first `len` bytes? False where it is none at all. */
static bool check(struct gw_deflater *deflater, size_t len, uInt room)
{
    size_t frame_len = frame(deflater, GW_WS_OP_TEXT, len), payload_len;
    const uint8_t *payload;

    if (frame_len == 0)
        return false;
    payload = payload_of(frame_len, RSV1_TEXT, &payload_len);
    MUST(payload_len < len);
    MUST(inflate_alone(payload, payload_len, room) == len);
    MUST(memcmp(back, plain, len) == 0);
    return true;
}

/* --- What it makes --- */

static const int engines[] = {GW_DEFLATER_FASTEST, GW_DEFLATER_ZLIB};

START_TEST(zlib_reads_each_frame_by_itself_with_a_window_of_12_bits)
{
    static const size_t lens[] = {256,        257,   400,   1024,  WINDOW - 1, WINDOW,
                                  WINDOW + 1, 16384, 65535, 65536, 65536 + 5,  200000};
    struct heap heap;
    struct gw_deflater *deflater = make(&heap, engines[_i]);
    struct seeded seeded = {(uint64_t)_i + 1};
    int compressed = 0;

    for (int round = 0; round < 3 * SUITE_ROWS(lens) * ZKIND_COUNT; round++) {
        size_t len = lens[round % SUITE_ROWS(lens)];
        enum zkind kind = (enum zkind)(round / SUITE_ROWS(lens) % ZKIND_COUNT);

        zfill(plain, len, kind, &seeded);
        compressed += check(deflater, len, 1);
        if (kind == ZKIND_TEXT || kind == ZKIND_ZEROS)
            MUST(out[0] == RSV1_TEXT);
    }
    ck_assert_int_ge(compressed, 2 * SUITE_ROWS(lens) * 3); /* texts and zeros, at least */
    end(&heap, deflater);
}
END_TEST

/* Repetitions that a window of 12 bits just holds, and just does not, and those of larger ones. */
START_TEST(it_never_refers_further_back_than_the_window)
{
    static const size_t distances[] = {WINDOW - 300, WINDOW - 258, WINDOW - 1, WINDOW, WINDOW + 1,
                                       WINDOW + 258, 2 * WINDOW,   8192,       16384,  32768};
    struct heap heap;
    struct gw_deflater *deflater = make(&heap, engines[_i % 2]);
    size_t distance = distances[_i / 2];
    struct seeded seeded = {(uint64_t)_i};

    zfill(plain, distance, ZKIND_NOISE, &seeded);
    for (size_t i = 0; i < distance; i++)
        plain[i] &= 0x3f; /* to be compressed at all */
    for (size_t at = distance; at < distance + 40000; at++)
        plain[at] = plain[at - distance];
    ck_assert(check(deflater, distance + 40000, 1));
    end(&heap, deflater);
}
END_TEST

START_TEST(a_large_message_is_one_frame)
{
    struct heap heap;
    struct gw_deflater *deflater = make(&heap, engines[_i]);
    struct seeded seeded = {7};

    zfill(plain, BYTES_MAX, ZKIND_TEXT, &seeded);
    ck_assert(check(deflater, BYTES_MAX, 1 << 16));
    zfill(plain, 1000, ZKIND_TEXT, &seeded); /* and then goes on as if nothing had been */
    ck_assert(check(deflater, 1000, 1));
    end(&heap, deflater);
}
END_TEST

/* Neither from a message that was compressed before nor from one that was given up: each is read by
 * itself, and what zlib's engine makes of it is the same to the byte. */
START_TEST(nothing_is_carried_over)
{
    struct heap heap;
    struct gw_deflater *deflater = make(&heap, engines[_i]);
    struct seeded seeded = {3};
    static uint8_t keep[20000], first[sizeof(keep)];
    size_t first_len;

    zfill(keep, sizeof(keep), ZKIND_TEXT, &seeded);
    memcpy(plain, keep, sizeof(keep));
    first_len = frame(deflater, GW_WS_OP_TEXT, sizeof(keep));
    ck_assert_uint_gt(first_len, 0);
    memcpy(first, out, first_len);
    for (int round = 0; round < 8; round++) {
        size_t len = 300 + seeded_below(&seeded, 60000);

        zfill(plain, len, round % 2 ? ZKIND_NOISE : ZKIND_MIXED, &seeded);
        (void)frame(deflater, GW_WS_OP_BINARY, len);
        memcpy(plain, keep, sizeof(keep));
        ck_assert(check(deflater, sizeof(keep), 1));
        if (engines[_i] == GW_DEFLATER_ZLIB)
            ck_assert_mem_eq(out, first, first_len);
    }
    end(&heap, deflater);
}
END_TEST

START_TEST(text_and_binary_are_told_apart)
{
    struct heap heap;
    struct gw_deflater *deflater = make(&heap, engines[_i]);

    memset(plain, 'x', 1000);
    ck_assert_uint_gt(frame(deflater, GW_WS_OP_TEXT, 1000), 0);
    ck_assert_int_eq(out[0], RSV1_TEXT);
    ck_assert_uint_gt(frame(deflater, GW_WS_OP_BINARY, 1000), 0);
    ck_assert_int_eq(out[0], RSV1_BINARY);
    ck_assert_uint_eq(gw_deflater_runs(deflater), 2);
    end(&heap, deflater);
}
END_TEST

/* --- What it does not make --- */

START_TEST(a_short_message_is_not_even_tried)
{
    struct heap heap;
    struct gw_deflater *deflater = make(&heap, engines[_i]);

    memset(plain, 'x', GW_DEFLATER_BYTES_MIN);
    ck_assert_uint_eq(gw_deflater_frame(deflater, out, GW_WS_OP_TEXT, NULL, 0), 0);
    ck_assert_uint_eq(frame(deflater, GW_WS_OP_TEXT, GW_DEFLATER_BYTES_MIN - 1), 0);
    ck_assert_uint_eq(gw_deflater_runs(deflater), 0);
    ck_assert_uint_gt(frame(deflater, GW_WS_OP_TEXT, GW_DEFLATER_BYTES_MIN), 0);
    ck_assert_uint_eq(gw_deflater_runs(deflater), 1);
    end(&heap, deflater);
}
END_TEST

/* Random bytes with more and more of them alike: from what cannot be made shorter to what can, so
 * that the room ends at every point of what the engine makes. */
START_TEST(a_frame_is_shorter_or_there_is_none)
{
    struct heap heap;
    struct gw_deflater *deflater = make(&heap, engines[_i]);
    struct seeded seeded = {11};
    int compressed = 0, given_up = 0;

    for (size_t alike = 0; alike < 200; alike++)
        for (size_t len = 256; len < 6000; len += 719) {
            zfill(plain, len, ZKIND_NOISE, &seeded);
            memset(plain + len / 2, 'a', alike);
            if (check(deflater, len, 1))
                compressed++;
            else
                given_up++;
        }
    ck_assert_int_gt(compressed, 100);
    ck_assert_int_gt(given_up, 100);
    end(&heap, deflater);
}
END_TEST

/* --- What it takes --- */

START_TEST(the_fastest_engine_is_there)
{
    struct heap heap;
    struct gw_deflater *deflater = make(&heap, GW_DEFLATER_FASTEST);
    struct gw_deflater *zlib;

    ck_assert(strcmp(gw_deflater_engine(deflater), "ISA-L") == 0 ||
              strcmp(gw_deflater_engine(deflater), "zlib") == 0);
    end(&heap, deflater);
    zlib = make(&heap, GW_DEFLATER_ZLIB);
    ck_assert_str_eq(gw_deflater_engine(zlib), "zlib");
    end(&heap, zlib);
    gw_deflater_free(NULL);
}
END_TEST

/* Where there is memory for zlib alone, it is zlib that does the work. */
START_TEST(every_allocation_may_fail)
{
    for (long left = 0;; left++) {
        struct gw_deflater *deflater = NULL;
        struct heap heap;
        int status;

        heap_init(&heap);
        heap.left = left;
        status = gw_deflater_new(&deflater, &heap.alloc, (enum gw_deflater_engine)engines[_i]);
        if (status == 0) {
            heap.left = -1;
            memset(plain, 'x', 1000);
            ck_assert(check(deflater, 1000, 1));
            end(&heap, deflater);
        } else {
            ck_assert_int_eq(status, -ENOMEM);
            ck_assert_ptr_null(deflater);
            ck_assert_int_eq(heap.live, 0);
        }
        if (heap.failed == 0)
            break;
    }
}
END_TEST

static void fill(TCase *tests)
{
    int both = SUITE_ROWS(engines);

    tcase_add_loop_test(tests, zlib_reads_each_frame_by_itself_with_a_window_of_12_bits, 0, both);
    tcase_add_loop_test(tests, it_never_refers_further_back_than_the_window, 0, 2 * 10);
    tcase_add_loop_test(tests, a_large_message_is_one_frame, 0, both);
    tcase_add_loop_test(tests, nothing_is_carried_over, 0, both);
    tcase_add_loop_test(tests, text_and_binary_are_told_apart, 0, both);
    tcase_add_loop_test(tests, a_short_message_is_not_even_tried, 0, both);
    tcase_add_loop_test(tests, a_frame_is_shorter_or_there_is_none, 0, both);
    tcase_add_test(tests, the_fastest_engine_is_there);
    tcase_add_loop_test(tests, every_allocation_may_fail, 0, both);
}

int main(void)
{
    return suite_main("proto/deflate/deflater", fill);
}
