/* bare.h - the least a server can do: epoll and send, and no protocol at all.
 *
 * What the benchmark holds Godwit against. It reads into one large buffer, edge-triggered, stopping
 * at a short read, and sends back what it read; or, told to fan out, sends what came on one
 * connection to all of them. So the difference to it is what the protocol, the hub and their
 * bookkeeping cost. Of compression there is no less than zlib: told so, it speaks as much WebSocket
 * as that needs (deflating.h).
 *
 * Threads: runs in a process of its own. */
#ifndef GW_BENCH_BARE_H
#define GW_BENCH_BARE_H

enum bare_kind { BARE_ECHO, BARE_FAN_OUT, BARE_DEFLATE };

struct bare {
    enum bare_kind kind;
    int zlib_level; /* BARE_DEFLATE: 1 (fastest) to 9 */
};

/* Serves the listening socket for ever. */
_Noreturn void bare_serve(int listener, const struct bare *bare);

#endif
