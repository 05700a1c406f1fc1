#include "core/rng.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

static uint32_t rotate(uint32_t word, unsigned count)
{
    return word << count | word >> (32 - count);
}

/* RFC 8439, section 2.1. */
static inline void quarter_round(uint32_t x[16], int a, int b, int c, int d)
{
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 7);
}

/* RFC 8439, section 2.3. The block counter goes on into the first word of the nonce: the key is
 * never used with another nonce, and so it never comes round. */
static void next_block(struct gw_rng *rng)
{
    uint32_t x[16];

    memcpy(x, rng->state, sizeof(x));
    for (int i = 0; i < 10; i++) {
        quarter_round(x, 0, 4, 8, 12);
        quarter_round(x, 1, 5, 9, 13);
        quarter_round(x, 2, 6, 10, 14);
        quarter_round(x, 3, 7, 11, 15);
        quarter_round(x, 0, 5, 10, 15);
        quarter_round(x, 1, 6, 11, 12);
        quarter_round(x, 2, 7, 8, 13);
        quarter_round(x, 3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i++) {
        uint32_t word = htole32(x[i] + rng->state[i]);

        memcpy(rng->block + 4 * i, &word, sizeof(word));
    }
    rng->state[12]++;
    if (rng->state[12] == 0)
        rng->state[13]++;
    rng->used = 0;
}

void gw_rng_init(struct gw_rng *rng, const uint8_t seed[32])
{
    static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

    *rng = (struct gw_rng){.used = sizeof(rng->block)};
    memcpy(rng->state, constants, sizeof(constants));
    for (int i = 0; i < 8; i++) {
        uint32_t word;

        memcpy(&word, seed + 4 * i, sizeof(word));
        rng->state[4 + i] = le32toh(word);
    }
}

void gw_rng_bytes(struct gw_rng *rng, void *out, size_t len)
{
    uint8_t *to = out;

    while (len > 0) {
        size_t take;

        if (rng->used == sizeof(rng->block))
            next_block(rng);
        take = sizeof(rng->block) - rng->used;
        if (take > len)
            take = len;
        memcpy(to, rng->block + rng->used, take);
        /* What was given out is forgotten: it may be somebody's key. */
        memset(rng->block + rng->used, 0, take);
        rng->used += (uint32_t)take;
        to += take;
        len -= take;
    }
}

uint64_t gw_rng_u64(struct gw_rng *rng)
{
    uint64_t number;

    gw_rng_bytes(rng, &number, sizeof(number));
    return le64toh(number);
}

uint64_t gw_rng_below(struct gw_rng *rng, uint64_t below)
{
    uint64_t uneven, number;

    assert(below > 0);
    /* 2^64 modulo `below`: so many numbers are left over when the rest falls into even shares. */
    uneven = (0 - below) % below;
    do
        number = gw_rng_u64(rng);
    while (number < uneven);
    return number % below;
}
