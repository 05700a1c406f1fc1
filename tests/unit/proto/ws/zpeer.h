/* zpeer.h - zlib's own compressor as a peer, and a heap that knows its peak: for the tests of
 * compression.
 *
 * What is inflated here was made by zlib called directly, with every setting that it has, so that
 * our two halves cannot agree on the same mistake.
 *
 * Threads: one. */
#ifndef TESTS_PROTO_WS_ZPEER_H
#define TESTS_PROTO_WS_ZPEER_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "core/alloc.h"
#include "lib/must.h"
#include "lib/seeded.h"

/* --- A heap --- */

#define HEAP_PREFIX 16u

struct heap {
    struct gw_alloc alloc; /* its ctx is the heap: it stays where it was made */
    size_t held, peak;     /* bytes */
    long live, left, failed;
};

static inline void *heap_get(size_t size, void *ctx)
{
    struct heap *heap = ctx;
    uint8_t *ptr = NULL;

    if (heap->left != 0)
        ptr = malloc(size + HEAP_PREFIX);
    if (!ptr) {
        heap->failed++;
        return NULL;
    }
    heap->left -= heap->left > 0;
    memcpy(ptr, &size, sizeof(size));
    memset(ptr + HEAP_PREFIX, 0xa5, size);
    heap->live++;
    heap->held += size;
    if (heap->held > heap->peak)
        heap->peak = heap->held;
    return ptr + HEAP_PREFIX;
}

static inline void heap_put(void *ptr, void *ctx)
{
    struct heap *heap = ctx;
    uint8_t *start = ptr;
    size_t size;

    MUST(ptr); /* an embedder's put() need not take NULL */
    start -= HEAP_PREFIX;
    memcpy(&size, start, sizeof(size));
    heap->live--;
    heap->held -= size;
    free(start);
}

static inline void heap_init(struct heap *heap)
{
    *heap = (struct heap){.alloc = {.get = heap_get, .put = heap_put, .ctx = heap}, .left = -1};
}

/* --- A peer --- */

struct zpeer {
    z_stream stream;
    bool takeover;
};

static inline void zpeer_init(struct zpeer *peer, int level, int bits, int mem_level, int strategy,
                              bool takeover)
{
    *peer = (struct zpeer){.takeover = takeover};
    MUST(deflateInit2(&peer->stream, level, Z_DEFLATED, -bits, mem_level, strategy) == Z_OK);
}

static inline void zpeer_fini(struct zpeer *peer)
{
    (void)deflateEnd(&peer->stream);
}

/* Compresses `len` more bytes and flushes; all of the output must fit. Returns its length. */
static inline size_t zpeer_part(struct zpeer *peer, uint8_t *out, size_t room, const void *data,
                                size_t len, int flush)
{
    peer->stream.next_in = data;
    peer->stream.avail_in = (uInt)len;
    peer->stream.next_out = out;
    peer->stream.avail_out = (uInt)room;
    (void)deflate(&peer->stream, flush); /* Z_BUF_ERROR where there was nothing to do */
    MUST(peer->stream.avail_in == 0 && peer->stream.avail_out > 0);
    return (size_t)(peer->stream.next_out - out);
}

/* A message as RFC 7692 section 7.2.1 has it: flushed, and without the four bytes at its end. */
static inline size_t zpeer_message(struct zpeer *peer, uint8_t *out, size_t room, const void *data,
                                   size_t len)
{
    size_t out_len = zpeer_part(peer, out, room, data, len, Z_SYNC_FLUSH);

    if (!peer->takeover)
        MUST(deflateReset(&peer->stream) == Z_OK);
    if (out_len == 0) { /* a second flush in a row makes nothing: section 7.2.3.6 */
        out[0] = 0x00;
        return 1;
    }
    MUST(out_len > 4 && memcmp(out + out_len - 4, "\x00\x00\xff\xff", 4) == 0);
    return out_len - 4;
}

/* --- Blocks made by hand --- */

struct zbits {
    uint8_t *out;
    size_t count; /* of bits */
};

/* The lowest `count` bits of `value`, the lowest first, as RFC 1951 packs all but codes. */
static inline void zbits_put(struct zbits *bits, uint32_t value, int count)
{
    for (int i = 0; i < count; i++, bits->count++) {
        if (bits->count % 8 == 0)
            bits->out[bits->count / 8] = 0;
        bits->out[bits->count / 8] |= (uint8_t)((value >> i & 1) << bits->count % 8);
    }
}

/* The head of a block with a code table of its own (RFC 1951 section 3.2.7), in the longest form:
 * 138 bytes. `lens` are the code lengths of the literals and of "end of block", 257; there is one
 * distance code, which is not used. */
static inline void zbits_table(struct zbits *bits, const uint8_t lens[257])
{
    zbits_put(bits, 4, 3);  /* not final, a table */
    zbits_put(bits, 0, 10); /* 257 lengths, and 1 */
    zbits_put(bits, 15, 4); /* 19 lengths of the code for these lengths: */
    for (int i = 0; i < 19; i++)
        zbits_put(bits, i < 3 ? 0 : 4, 3); /* none for repetitions, 4 bits for each of the others */
    for (int i = 0; i < 258; i++)
        for (int bit = 3; bit >= 0; bit--) /* codes have their highest bit first */
            zbits_put(bits, (i < 257 ? lens[i] : 0u) >> bit & 1, 1);
}

/* --- Messages --- */

enum zkind { ZKIND_TEXT, ZKIND_ZEROS, ZKIND_NOISE, ZKIND_MIXED, ZKIND_COUNT };

static inline void zfill(uint8_t *data, size_t len, enum zkind kind, struct seeded *seeded)
{
    static const char *const words[] = {"{\"price\":", "godwit ", "\xe2\x82\xac", "12.5},", "a"};
    size_t at = 0;

    if (kind == ZKIND_ZEROS || kind == ZKIND_MIXED)
        memset(data, 0, len);
    if (kind == ZKIND_NOISE)
        for (at = 0; at < len; at++)
            data[at] = (uint8_t)seeded_next(seeded);
    if (kind == ZKIND_MIXED)
        for (at = 0; at < len; at += 1 + seeded_below(seeded, 100))
            data[at] = (uint8_t)seeded_next(seeded);
    while (kind == ZKIND_TEXT && at < len) {
        const char *word = words[seeded_below(seeded, 5)];
        size_t word_len = strlen(word);

        if (word_len > len - at) {
            word = "a";
            word_len = 1;
        }
        memcpy(data + at, word, word_len);
        at += word_len;
    }
}

#endif
