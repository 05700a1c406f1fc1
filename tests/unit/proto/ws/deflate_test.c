/* deflate_test.c - messages into compressed frames: what zlib, called directly, makes of them. */
#include "proto/ws/deflate.h"

#include <errno.h>

#include "lib/suite.h"
#include "zpeer.h"

#define BYTES_MAX 70000u

static uint8_t plain[BYTES_MAX], back[BYTES_MAX + 1], out[BYTES_MAX + GW_WS_HEAD_MAX + 1];

static struct gw_ws_deflate *make(struct heap *heap, uint8_t window_bits, uint8_t level,
                                  bool takeover)
{
    struct gw_ws_deflate_options options = {window_bits, level, takeover};
    struct gw_ws_deflate *deflate;

    heap_init(heap);
    ck_assert_int_eq(gw_ws_deflate_new(&deflate, &heap->alloc, &options), 0);
    ck_assert_uint_eq(gw_ws_deflate_bytes(deflate), heap->held);
    return deflate;
}

static void end(struct heap *heap, struct gw_ws_deflate *deflate)
{
    gw_ws_deflate_free(deflate);
    ck_assert_int_eq(heap->live, 0);
}

/* The frame of a message, which must be compressed, or 0; nothing beyond its room is touched. */
static size_t frame(struct gw_ws_deflate *deflate, size_t len, const uint8_t *mask)
{
    size_t room = gw_ws_frame_len(len, mask != NULL), frame_len;

    memset(out, 0xee, sizeof(out));
    frame_len = gw_ws_deflate_frame(deflate, out, GW_WS_OP_TEXT, plain, len, mask);
    for (size_t i = room; i < sizeof(out) && i < room + 100; i++)
        MUST(out[i] == 0xee);
    MUST(frame_len < room);
    return frame_len;
}

/* Takes a frame apart by the letter of section 5.2; returns its payload, unmasked. */
static uint8_t *payload_of(size_t frame_len, bool masked, size_t *len)
{
    uint8_t *at = out + 2;

    MUST(out[0] == 0xc1); /* FIN, RSV1, text */
    MUST(out[1] >> 7 == masked);
    *len = out[1] & 0x7f;
    if (*len > 125) {
        size_t wide = *len == 126 ? 2 : 8;

        for (*len = 0; wide > 0; wide--)
            *len = *len << 8 | *at++;
        MUST(*len > (at == out + 4 ? 125 : 65535));
    }
    if (masked) {
        for (size_t i = 0; i < *len; i++)
            at[4 + i] ^= at[i % 4];
        at += 4;
    }
    MUST(at + *len == out + frame_len);
    return at;
}

struct zreader {
    z_stream stream;
    bool takeover;
};

static void zreader_init(struct zreader *reader, int bits, bool takeover)
{
    *reader = (struct zreader){.takeover = takeover};
    MUST(inflateInit2(&reader->stream, -bits) == Z_OK);
}

/* Inflates a payload, into rooms of `piece` bytes: where that is 1, all that is referred to must be
 * in the window. Returns how many bytes there are in `back`. */
static size_t zread(struct zreader *reader, const uint8_t *payload, size_t len, size_t piece)
{
    static const uint8_t tail[] = {0, 0, 0xff, 0xff};
    size_t made = 0;

    if (!reader->takeover)
        MUST(inflateReset(&reader->stream) == Z_OK);
    for (int part = 0; part < 2; part++) {
        reader->stream.next_in = part == 0 ? payload : tail;
        reader->stream.avail_in = part == 0 ? (uInt)len : sizeof(tail);
        do {
            size_t room = piece < sizeof(back) - made ? piece : sizeof(back) - made;
            int said;

            reader->stream.next_out = back + made;
            reader->stream.avail_out = (uInt)room;
            said = inflate(&reader->stream, Z_SYNC_FLUSH);
            MUST(said == Z_OK || said == Z_BUF_ERROR);
            made += room - reader->stream.avail_out;
        } while (reader->stream.avail_out == 0);
        MUST(reader->stream.avail_in == 0);
    }
    return made;
}

static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

static void check_frame(struct zreader *reader, size_t frame_len, size_t len, bool masked,
                        size_t piece)
{
    size_t payload_len;
    const uint8_t *payload = payload_of(frame_len, masked, &payload_len);

    MUST(zread(reader, payload, payload_len, piece) == len);
    MUST(memcmp(back, plain, len) == 0);
}

/* Every window, with and without takeover, masked and not, at three levels: what was compressed
 * fits into a window of the bits that were agreed, 8 among them. */
START_TEST(zlib_reads_our_frames_with_the_window_that_was_agreed)
{
    static const size_t lens[] = {100, 126, 300, 5000, 65535, 65536, 70000};
    static const uint8_t levels[] = {1, 6, 9};
    uint8_t bits = (uint8_t)(8 + _i / 3);
    bool takeover = _i % 2;
    struct heap heap;
    struct gw_ws_deflate *deflate = make(&heap, bits, levels[_i % 3], takeover);
    struct seeded seeded = {(uint64_t)_i};
    struct zreader reader;
    int compressed = 0;

    zreader_init(&reader, bits, takeover);
    for (int round = 0; round < 21; round++) {
        size_t len = lens[round % SUITE_ROWS(lens)], frame_len;
        enum zkind kind = (enum zkind)(round % ZKIND_COUNT);
        bool masked = round / 2 % 2;

        zfill(plain, len, kind, &seeded);
        if (kind == ZKIND_NOISE && len > 600) /* a repetition just within and just out of reach */
            for (size_t at = 256; at + 64 < len; at += 512)
                memcpy(plain + at, plain + at - 251 + (at / 512) % 3, 64);
        frame_len = frame(deflate, len, masked ? mask : NULL);
        if (frame_len == 0)
            continue;
        compressed++;
        check_frame(&reader, frame_len, len, masked, 1);
    }
    ck_assert_int_ge(compressed, 14);
    end(&heap, deflate);
    (void)inflateEnd(&reader.stream);
}
END_TEST

START_TEST(without_takeover_the_same_message_is_the_same_frame)
{
    struct heap heap;
    struct gw_ws_deflate *deflate = make(&heap, 12, 1, false);
    struct seeded seeded = {1};
    static uint8_t first[BYTES_MAX];
    size_t first_len, len;

    zfill(plain, 5000, ZKIND_TEXT, &seeded);
    first_len = frame(deflate, 5000, NULL);
    ck_assert_uint_gt(first_len, 0);
    memcpy(first, out, first_len);
    plain[0]++;
    (void)frame(deflate, 4000, NULL);
    plain[0]--;
    len = frame(deflate, 5000, NULL);
    ck_assert_uint_eq(len, first_len);
    ck_assert_mem_eq(out, first, len);
    end(&heap, deflate);
}
END_TEST

START_TEST(with_takeover_a_repetition_costs_next_to_nothing)
{
    struct heap heap;
    struct gw_ws_deflate *deflate = make(&heap, 15, 6, true);
    struct zreader reader;
    struct seeded seeded = {2};
    size_t len;

    zreader_init(&reader, 15, true);
    zfill(plain, 2000, ZKIND_NOISE, &seeded);
    memset(plain + 1000, 'a', 1000);
    len = frame(deflate, 2000, NULL);
    ck_assert_uint_gt(len, 1000);
    check_frame(&reader, len, 2000, false, 100);
    len = frame(deflate, 2000, NULL);
    ck_assert_uint_lt(len, 60);
    check_frame(&reader, len, 2000, false, 100);
    end(&heap, deflate);
    (void)inflateEnd(&reader.stream);
}
END_TEST

/* Noise, and lengths too small for it: sent as they are. The peer of a context does not see them,
 * and what follows must not refer to them. */
START_TEST(what_would_not_get_shorter_is_left_alone)
{
    struct heap heap;
    struct gw_ws_deflate *deflate = make(&heap, 15, 6, _i);
    struct zreader reader;
    struct seeded seeded = {3};

    zreader_init(&reader, 15, _i);
    for (int round = 0; round < 20; round++) {
        size_t noise_len = seeded_below(&seeded, 66000), len = 500, frame_len;

        zfill(plain, noise_len, ZKIND_NOISE, &seeded);
        ck_assert_uint_eq(frame(deflate, noise_len, NULL), 0);
        memmove(plain + 100, plain, 400); /* what follows repeats it */
        memset(plain, 'x', 100);
        frame_len = frame(deflate, len, NULL);
        if (frame_len > 0)
            check_frame(&reader, frame_len, len, false, 1);
    }
    for (size_t len = 0; len < 8; len++)
        ck_assert_uint_eq(frame(deflate, len, NULL), 0);
    end(&heap, deflate);
    (void)inflateEnd(&reader.stream);
}
END_TEST

/* For each length the least that is saved: the frame is shorter, or is not made. */
START_TEST(a_frame_is_shorter_or_is_not_made)
{
    struct heap heap;
    struct gw_ws_deflate *deflate = make(&heap, 12, 1, false);
    struct zreader reader;
    int made = 0;

    zreader_init(&reader, 12, false);
    for (size_t len = 1; len <= 300; len++)
        for (size_t same = 0; same <= 20; same++) {
            struct seeded seeded = {len};
            size_t frame_len;

            zfill(plain, len, ZKIND_NOISE, &seeded);
            memset(plain, 'z', same < len ? same : len);
            frame_len = frame(deflate, len, NULL);
            if (frame_len == 0)
                continue;
            made++;
            check_frame(&reader, frame_len, len, false, 64);
        }
    ck_assert_int_gt(made, 100);
    end(&heap, deflate);
    (void)inflateEnd(&reader.stream);
}
END_TEST

START_TEST(every_failing_allocation_is_enomem_and_leaks_nothing)
{
    struct gw_ws_deflate_options options = {12, 1, true};
    long left = 0;

    for (;; left++) {
        struct gw_ws_deflate *deflate = NULL;
        struct heap heap;
        int result;

        heap_init(&heap);
        heap.left = left;
        result = gw_ws_deflate_new(&deflate, &heap.alloc, &options);
        if (result == 0) {
            ck_assert_uint_le(heap.held, 31 * 1024); /* what the header says of 12 bits */
            gw_ws_deflate_free(deflate);
        } else {
            ck_assert_int_eq(result, -ENOMEM);
            ck_assert_ptr_null(deflate);
        }
        ck_assert_int_eq(heap.live, 0);
        if (heap.failed == 0)
            break;
    }
    ck_assert_int_gt(left, 3);
    gw_ws_deflate_free(NULL);
    ck_assert_uint_eq(gw_ws_deflate_bytes(NULL), 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, zlib_reads_our_frames_with_the_window_that_was_agreed, 0, 24);
    tcase_add_test(tests, without_takeover_the_same_message_is_the_same_frame);
    tcase_add_test(tests, with_takeover_a_repetition_costs_next_to_nothing);
    tcase_add_loop_test(tests, what_would_not_get_shorter_is_left_alone, 0, 2);
    tcase_add_test(tests, a_frame_is_shorter_or_is_not_made);
    tcase_add_test(tests, every_failing_allocation_is_enomem_and_leaks_nothing);
}

int main(void)
{
    return suite_main("proto/ws/deflate", fill);
}
