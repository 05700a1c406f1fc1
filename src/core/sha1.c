#include "core/sha1.h"

#include <endian.h>
#include <string.h>

#define BLOCK 64

static uint32_t rotate(uint32_t word, unsigned count)
{
    return word << count | word >> (32 - count);
}

/* The message schedule, section 6.1.2 step 1. */
static void expand(uint32_t w[80], const uint8_t *block)
{
    for (int t = 0; t < 16; t++) {
        memcpy(&w[t], block + 4 * t, sizeof(w[t]));
        w[t] = be32toh(w[t]);
    }
    for (int t = 16; t < 80; t++)
        w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
}

/* The functions and constants of sections 4.1.1 and 4.2.1, together. */
static uint32_t mix(int t, uint32_t b, uint32_t c, uint32_t d)
{
    if (t < 20)
        return ((b & c) ^ (~b & d)) + 0x5a827999;
    if (t < 40)
        return (b ^ c ^ d) + 0x6ed9eba1;
    if (t < 60)
        return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
    return (b ^ c ^ d) + 0xca62c1d6;
}

static void take_block(uint32_t h[5], const uint8_t *block)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

    expand(w, block);
    for (int t = 0; t < 80; t++) {
        uint32_t next = rotate(a, 5) + mix(t, b, c, d) + e + w[t];

        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

/* What is left of the message, a 1 bit, zeros, and its length in bits (section 5.1.1): one block or
 * two. */
static void take_tail(uint32_t h[5], const uint8_t *rest, size_t rest_len, uint64_t len)
{
    uint8_t tail[2 * BLOCK] = {0};
    size_t tail_len = rest_len + 1 + 8 <= BLOCK ? BLOCK : 2 * BLOCK;
    uint64_t bits = htobe64(len * 8);

    if (rest_len > 0)
        memcpy(tail, rest, rest_len);
    tail[rest_len] = 0x80;
    memcpy(tail + tail_len - sizeof(bits), &bits, sizeof(bits));
    for (size_t at = 0; at < tail_len; at += BLOCK)
        take_block(h, tail + at);
}

void gw_sha1(uint8_t out[GW_SHA1_BYTES], const void *data, size_t len)
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const uint8_t *at = data;
    size_t left = len;

    for (; left >= BLOCK; left -= BLOCK, at += BLOCK)
        take_block(h, at);
    take_tail(h, at, left, len);
    for (int i = 0; i < 5; i++) {
        uint32_t word = htobe32(h[i]);

        memcpy(out + 4 * i, &word, sizeof(word));
    }
}
