/* net.h - a network that exists in memory: many loops, one thread, virtual time, one seed.
 *
 * A loop made here has the same operations as the one on epoll, and code that turns it cannot tell.
 * Between them lies a network that delivers late, in pieces of any size, into small buffers, that
 * refuses and cuts; everything it does follows from its seed, so that a run can be repeated to the
 * last byte. Readiness is that of edge-triggered epoll: whatever happens to a socket puts it on its
 * loop's list, and the turn reports all that is possible with it by then.
 *
 * A turn never blocks. It returns what there is; when there is nothing and its timeout is not over,
 * it returns 0 and the loop is *waiting* until its deadline. sim_net_next() moves the time to where
 * the next thing happens and says whose turn it is. So the whole of a run is:
 *
 *     struct sim_net_options options = SIM_NET_ROUGH;
 *     struct gw_loop *one, *two, *client_loop, *loop;
 *     struct sim_net *net = sim_net_new(&options, seed);
 *
 *     sim_loop_new(&one, net, &meter.alloc, 1, worker_one);         (two workers on host 1,
 *     sim_loop_new(&two, net, &meter.alloc, 1, worker_two);          which listen at one port)
 *     sim_loop_new(&client_loop, net, &meter.alloc, 2, client);     (and somebody far away)
 *     ...both workers: gw_loop_listen(one, &address, token)...
 *     ...the client: gw_loop_connect(client_loop, &address, token)...
 *     while ((loop = sim_net_next(net, end_ns))) {
 *         if (loop == client_loop)
 *             client_turn(sim_loop_ctx(loop));    (gw_loop_turn(), then what the events ask for)
 *         else
 *             worker_turn(sim_loop_ctx(loop));
 *     }
 *     ...everybody closes...
 *     ck_assert_uint_eq(sim_net_open_fds(net), 0);
 *     ...gw_loop_free() each, then sim_net_free(net)...
 *
 * A run that ends at `end_ns` instead of going quiet usually means that somebody never stops.
 *
 * To use a descriptor that is closed, or another loop's, fails an assertion here: the kernel would
 * say EBADF, or worse, nothing. The network's own memory comes from malloc() and does not run out.
 *
 * Threads: one for all of it. */
#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

struct gw_alloc;
struct sim_net;

struct sim_range {
    uint64_t min, max; /* both included */
};

struct sim_net_options {
    struct sim_range latency_ns; /* of each thing that travels; what was sent first arrives first */
    struct sim_range segment_bytes; /* how much of a stream arrives at once; min > 0 */
    uint32_t buffer_bytes;          /* of a socket: as much waits to be sent, and to be read; > 0 */
    uint32_t turn_ns; /* the time a turn takes; > 0, or who never waits stops the time */
    uint32_t short_send_permille; /* sends that take less than there is room for, or nothing */
    uint32_t emfile_permille;     /* accepts that take the connection, close it, and say -EMFILE */
    uint32_t enfile_permille;     /* accepts that leave the connection waiting and say -ENFILE */
    uint32_t early_turn_permille; /* turns that report only some of what there is */
};

/* Everything at once and in order. */
#define SIM_NET_CALM                                                                               \
    {                                                                                              \
        .latency_ns = {100000, 100000}, .segment_bytes = {65536, 65536}, .buffer_bytes = 65536,    \
        .turn_ns = 1000                                                                            \
    }

/* Late, in pieces, and never enough room. */
#define SIM_NET_ROUGH                                                                              \
    {                                                                                              \
        .latency_ns = {1000, 50000000}, .segment_bytes = {1, 600}, .buffer_bytes = 2000,           \
        .turn_ns = 1000, .short_send_permille = 200, .emfile_permille = 20, .enfile_permille = 20, \
        .early_turn_permille = 200                                                                 \
    }

/* What a run has met. One in which a count stays 0 has not been where that happens. */
struct sim_net_counts {
    uint64_t connected;                            /* connections that came about */
    uint64_t refused;                              /* ... and that did not: nobody listens there */
    uint64_t accepted;                             /* taken by accept */
    uint64_t turned_away;                          /* taken and closed with -EMFILE */
    uint64_t left_waiting;                         /* accepts that said -ENFILE */
    uint64_t aborted;                              /* accepts that said -ECONNABORTED */
    uint64_t sends_whole, sends_short, sends_full; /* all taken; some; -EAGAIN */
    uint64_t sends_failed;                         /* another error */
    uint64_t finished;                             /* ends of stream that arrived */
    uint64_t resets;                               /* ends that were told of a reset */
    uint64_t cuts;                                 /* by sim_net_cut_after(), where it said */
    uint64_t vanished; /* by sim_net_vanish(), with somebody at the other end */
    uint64_t let_go;   /* ... and that one has closed since */
    uint64_t arrivals; /* things that travelled */
    uint64_t delivered_bytes;
};

struct sim_net *sim_net_new(const struct sim_net_options *options, uint64_t seed);

/* Also what is still open or under way; the loops must be gone. NULL is fine. */
void sim_net_free(struct sim_net *net);

/* A loop on a host (0 to 65,535). `ctx` is the caller's, for sim_loop_ctx(). A loop is freed with
 * gw_loop_free(); descriptors it leaves open stay open. Returns 0 or -ENOMEM. */
int sim_loop_new(struct gw_loop **out, struct sim_net *net, const struct gw_alloc *alloc,
                 unsigned host, void *ctx);
void *sim_loop_ctx(const struct gw_loop *loop);

/* Where a host is reached from others. On itself it is reached at loopback addresses too. */
union gw_address sim_net_address(unsigned host, uint16_t port);

/* ---- Time ---- */

/* Moves the time to where some loop has something to do, but not past `until_ns`, and returns one
 * of those that do, chosen by the seed. NULL when there is none until then; the time is then
 * `until_ns`, or, with UINT64_MAX, where the last thing happened: nothing ever will again. */
struct gw_loop *sim_net_next(struct sim_net *net, uint64_t until_ns);

/* The same without choosing: how many loops have something to do; sim_loop_ready() tells which. */
size_t sim_net_advance(struct sim_net *net, uint64_t until_ns);

/* Has it something to do now: events, a wake, or a deadline that is over? */
bool sim_loop_ready(const struct gw_loop *loop);

/* When the wait that its last turn began is over; UINT64_MAX: never. Not waiting: now. */
uint64_t sim_loop_deadline(const struct gw_loop *loop);

/* A thread that gets no processor: the loop is not ready before then, whatever happens. */
void sim_loop_stall(struct gw_loop *loop, uint64_t until_ns);

uint64_t sim_net_now(const struct sim_net *net); /* monotonic, in nanoseconds */
void sim_net_wall_jump(struct sim_net *net, int64_t by_ms);

/* ---- Faults ---- */

/* Cuts the connection of `fd`: both ends are reset now, and what is under way is lost. */
void sim_net_reset(struct sim_net *net, int fd);

/* The same as soon as `fd` (or with `outwards` the other end) has been brought so many more bytes,
 * not one more and not one less. */
void sim_net_cut_after(struct sim_net *net, int fd, bool outwards, uint64_t bytes);

/* Whoever holds `fd` is gone without a word, like a phone in a tunnel: the descriptor is closed,
 * nothing that travels on its connection arrives any more, and the other end is told nothing. */
void sim_net_vanish(struct sim_net *net, int fd);

/* Whatever is sent from now on to or from `fd` arrives no sooner than `until_ns`. */
void sim_net_delay(struct sim_net *net, int fd, uint64_t until_ns);

/* `call` is made before whatever a loop asks of a descriptor (accept, receive, send), and may do
 * any of the above to others' ends: what happens between two system calls of one turn. */
void sim_net_before_calls(struct sim_net *net, void (*call)(void *ctx, const struct gw_loop *loop),
                          void *ctx);

/* New options from now on; `buffer_bytes` cannot change. To end the faults, for one. */
void sim_net_options_set(struct sim_net *net, const struct sim_net_options *options);

/* ---- Accounts ---- */

size_t sim_net_open_fds(const struct sim_net *net);
size_t sim_net_connections(const struct sim_net *net); /* also those closed but still under way */
size_t sim_net_under_way(const struct sim_net *net);   /* things that travel */
struct sim_net_counts sim_net_counts(const struct sim_net *net);

/* A hash of everything that ever happened, in order: equal hashes, equal runs. */
uint64_t sim_net_trace(const struct sim_net *net);

#endif
