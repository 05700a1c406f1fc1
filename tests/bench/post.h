/* post.h - one publisher over HTTP, on one connection that is kept open.
 *
 * Threads: one. */
#ifndef GW_BENCH_POST_H
#define GW_BENCH_POST_H

#include <stddef.h>
#include <stdint.h>

/* Publishes `count` messages of `message_len` bytes to a channel without subscribers, each when the
 * answer to the last one is there. Exits the process with a message when one is not taken. */
void post_run(uint16_t port, size_t message_len, unsigned count);

#endif
