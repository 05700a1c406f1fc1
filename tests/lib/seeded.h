/* seeded.h - pseudo-random numbers for tests: the same on every run and machine.
 *
 * Not the generator of core/rng.h, which is itself under test. (splitmix64.)
 *
 * Threads: one at a time per state. */
#ifndef TESTS_LIB_SEEDED_H
#define TESTS_LIB_SEEDED_H

#include <stdint.h>

struct seeded {
    uint64_t state; /* the seed, any number */
};

static inline uint64_t seeded_next(struct seeded *seeded)
{
    uint64_t z = seeded->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 to below - 1, near enough even. */
static inline uint64_t seeded_below(struct seeded *seeded, uint64_t below)
{
    return seeded_next(seeded) % below;
}

#endif
