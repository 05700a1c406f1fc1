/* loop.h - the seam: everything a worker asks of the machine, once a turn.
 *
 * A loop reports what happened to descriptors and carries out what the turn decided. It knows no
 * protocol. Behind this header stand epoll (loop/epoll.c) and the simulator's loop (tests/sim), and
 * later io_uring; which one, a worker cannot tell.
 *
 * Readiness is edge-triggered: an event says that something *became* possible. Whoever does not use
 * it up (stops reading before a short read) must remember that.
 *
 * Sends are finished when gw_loop_send_batch() returns: no buffer outlives a turn.
 *
 * Threads: gw_loop_wake() from any; everything else from the thread that turns the loop. */
#ifndef GW_LOOP_LOOP_H
#define GW_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/seam.h"
#include "loop/address.h"

struct gw_loop;

struct gw_event {
    uint64_t token;   /* as given to listen, add or connect; UINT64_MAX is the loop's own */
    bool readable;    /* something to receive, or accept; also at end of stream and on error */
    bool writable;    /* the socket takes bytes again */
    bool peer_closed; /* the peer will send nothing more: a short read is the last but one */
    bool failed;      /* the connection is broken: receive tells the error */
};

struct gw_loop_ops {
    void (*free)(struct gw_loop *loop);
    struct gw_now (*now)(struct gw_loop *loop);
    int (*turn)(struct gw_loop *loop, struct gw_event *events, size_t max, uint64_t timeout_ns);
    void (*wake)(struct gw_loop *loop);
    int (*listen)(struct gw_loop *loop, const union gw_address *address, uint64_t token);
    int (*accept)(struct gw_loop *loop, int listener, union gw_address *peer);
    int (*add)(struct gw_loop *loop, int fd, uint64_t token);
    int (*connect)(struct gw_loop *loop, const union gw_address *address, uint64_t token);
    ssize_t (*receive)(struct gw_loop *loop, int fd, void *buf, size_t room);
    void (*send_batch)(struct gw_loop *loop, struct gw_send *sends, size_t count);
    int (*unsent)(struct gw_loop *loop, int fd);
    void (*finish)(struct gw_loop *loop, int fd);
    void (*close)(struct gw_loop *loop, int fd);
    int (*local_address)(struct gw_loop *loop, int fd, union gw_address *address);
};

/* The implementations begin with this. */
struct gw_loop {
    const struct gw_loop_ops *ops;
};

struct gw_alloc;

struct gw_loop_options {
    /* TCP_NOTSENT_LOWAT of accepted and connecting sockets, in bytes; 0 leaves the kernel's. */
    uint32_t notsent_lowat;
    /* Several loops listen at one address (SO_REUSEPORT) and share what arrives. Without it a
     * second listener, also another process, gets -EADDRINUSE: half of the clients going to a
     * server that was forgotten is worse than one that does not start. */
    bool share_port;
};

/* The epoll loop. Ignores SIGPIPE for the process. Returns 0 or -errno. */
int gw_loop_epoll_new(struct gw_loop **out, const struct gw_alloc *alloc,
                      const struct gw_loop_options *options);

static inline void gw_loop_free(struct gw_loop *loop) /* NULL is fine */
{
    if (loop)
        loop->ops->free(loop);
}

/* The time, read at the start of the turn and again by nobody. */
static inline struct gw_now gw_loop_now(struct gw_loop *loop)
{
    return loop->ops->now(loop);
}

/* Waits for at most `timeout_ns` (UINT64_MAX: until something happens) and stores at most `max`
 * events. Returns their count (0: the time is over, or it was woken) or -errno. */
static inline int gw_loop_turn(struct gw_loop *loop, struct gw_event *events, size_t max,
                               uint64_t timeout_ns)
{
    return loop->ops->turn(loop, events, max, timeout_ns);
}

/* Ends the wait of a turn, now or the next one. Several wakes are one. Threads: any. */
static inline void gw_loop_wake(struct gw_loop *loop)
{
    loop->ops->wake(loop);
}

/* Listens (SO_REUSEADDR, SO_REUSEPORT where the options say so, backlog 4096, IPV6_V6ONLY). Port 0:
 * the kernel chooses, see gw_loop_local_address(). Returns the descriptor or -errno. */
static inline int gw_loop_listen(struct gw_loop *loop, const union gw_address *address,
                                 uint64_t token)
{
    return loop->ops->listen(loop, address, token);
}

/* Takes one waiting connection: non-blocking, close-on-exec, TCP_NODELAY. Returns its descriptor
 * (not yet added), -EAGAIN when none waits, -ECONNABORTED for one that is gone already, -EMFILE
 * when descriptors are out: the connection was then taken by the reserve descriptor and closed, so
 * that the listener does not spin. Any other error leaves the connection waiting, and no event will
 * tell of it again: stop, and try in a later turn. `peer` may be NULL. */
static inline int gw_loop_accept(struct gw_loop *loop, int listener, union gw_address *peer)
{
    return loop->ops->accept(loop, listener, peer);
}

/* Reports reading and writing of `fd` under `token` from now on, edge-triggered. 0 or -errno. */
static inline int gw_loop_add(struct gw_loop *loop, int fd, uint64_t token)
{
    return loop->ops->add(loop, fd, token);
}

/* Begins to connect, already added under `token`; `writable` tells that it is done, `failed` that
 * it is not. Returns the descriptor or -errno. */
static inline int gw_loop_connect(struct gw_loop *loop, const union gw_address *address,
                                  uint64_t token)
{
    return loop->ops->connect(loop, address, token);
}

/* Bytes received, 0 at end of stream, -EAGAIN, or another -errno; `room` > 0. Fewer than `room`:
 * nothing more now. */
static inline ssize_t gw_loop_receive(struct gw_loop *loop, int fd, void *buf, size_t room)
{
    return loop->ops->receive(loop, fd, buf, room);
}

/* Carries out all sends, each of 1 to 1,024 pieces; done when it returns. A short or -EAGAIN result
 * means the socket is full: a `writable` event follows when it is not. */
static inline void gw_loop_send_batch(struct gw_loop *loop, struct gw_send *sends, size_t count)
{
    loop->ops->send_batch(loop, sends, count);
}

/* Bytes of ours that the peer's kernel has not acknowledged yet, or -errno: to tell a slow reader
 * from a dead one. */
static inline int gw_loop_unsent(struct gw_loop *loop, int fd)
{
    return loop->ops->unsent(loop, fd);
}

/* Says that we send nothing more (shutdown of the writing half). Reading goes on. */
static inline void gw_loop_finish(struct gw_loop *loop, int fd)
{
    loop->ops->finish(loop, fd);
}

/* Closes at once; unread input makes it a reset. No event of it is reported afterwards, also not in
 * a turn that is being worked off (the token's handle is stale). */
static inline void gw_loop_close(struct gw_loop *loop, int fd)
{
    loop->ops->close(loop, fd);
}

static inline int gw_loop_local_address(struct gw_loop *loop, int fd, union gw_address *address)
{
    return loop->ops->local_address(loop, fd, address);
}

#endif
