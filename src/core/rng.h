/* rng.h - unguessable numbers from one seed.
 *
 * The output of ChaCha20 (RFC 8439) under a 32-byte key: the server draws the key from the kernel
 * once, the simulator from its seed, and a run is then the same every time.
 *
 * Threads: the owner's own. */
#ifndef GW_CORE_RNG_H
#define GW_CORE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct gw_rng {
    uint32_t state[16];
    uint8_t block[64];
    uint32_t used; /* bytes of block already given out */
};

void gw_rng_init(struct gw_rng *rng, const uint8_t seed[32]);
void gw_rng_bytes(struct gw_rng *rng, void *out, size_t len);
uint64_t gw_rng_u64(struct gw_rng *rng);

/* Even over 0 .. below - 1; `below` > 0. */
uint64_t gw_rng_below(struct gw_rng *rng, uint64_t below);

#endif
