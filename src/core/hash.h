/* hash.h - SipHash-2-4: a keyed 64-bit hash of bytes.
 *
 * For maps whose names come from outside, for choosing a channel's home, for epochs.
 *
 * Threads: any. */
#ifndef GW_CORE_HASH_H
#define GW_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t gw_siphash(const uint8_t key[16], const void *data, size_t len);

#endif
