/* bare.h - the least a server can do: epoll and send, and no protocol at all.
 *
 * What the benchmark holds Godwit against. It reads into one large buffer, edge-triggered, stopping
 * at a short read, and sends back what it read; or, told to fan out, sends what came on one
 * connection to all of them. So the difference to it is what the protocol, the hub and their
 * bookkeeping cost.
 *
 * Threads: runs in a process of its own. */
#ifndef GW_BENCH_BARE_H
#define GW_BENCH_BARE_H

#include <stdbool.h>

/* Serves the listening socket for ever. */
_Noreturn void bare_serve(int listener, bool fan_out);

#endif
