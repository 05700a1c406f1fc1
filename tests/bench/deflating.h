/* deflating.h - the other end of a compressing client, made of zlib and as little else as will do.
 *
 * It answers the handshake, and each message with the same one: inflated, and deflated again with a
 * window of 12 bits that begins empty. zlib does both, with its default memory and with streams
 * that all connections share; nothing of Godwit's inflates or deflates here, so it stays what it is
 * while Godwit changes. It trusts its client: unfragmented compressed messages and nothing else.
 *
 * Threads: one. */
#ifndef GW_BENCH_DEFLATING_H
#define GW_BENCH_DEFLATING_H

#include <stddef.h>
#include <stdint.h>

struct deflating; /* the streams, and the unfinished input of each connection */

struct deflating *deflating_new(int zlib_level);

/* Takes what arrived on `fd`, which it may change in place, and writes the answers to all that is
 * whole into `out` with its `room`. Returns their length. */
size_t deflating_take(struct deflating *deflating, int fd, uint8_t *data, size_t len, uint8_t *out,
                      size_t room);

void deflating_forget(struct deflating *deflating, int fd); /* the connection is gone */

#endif
