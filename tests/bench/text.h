/* text.h - text as applications send it: JSON with names, numbers, times and words.
 *
 * A repeated byte compresses to nothing and random bytes do not compress at all, so neither tells
 * what compression costs. With zlib at level 1 and a window of 12 bits, 16 KiB of this come to
 * about 5 KiB and 1 KiB to somewhat less than 500 bytes.
 *
 * Threads: any. */
#ifndef GW_BENCH_TEXT_H
#define GW_BENCH_TEXT_H

#include <stddef.h>

/* Fills `out` with exactly `len` characters of ASCII, the same for the same `seed`. */
void text_fill(char *out, size_t len, unsigned seed);

#endif
