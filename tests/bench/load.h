/* load.h - many clients in one process, and how much they got back.
 *
 * The clients are as plain as can be: they know how many bytes an answer has and count them, so
 * that the load costs little beside the server. Frames are masked with zeros, which the server
 * cannot know.
 *
 * Threads: one. */
#ifndef GW_BENCH_LOAD_H
#define GW_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load {
    uint16_t port;
    const char *path; /* NULL: bare TCP, no handshake */
    bool binary;
    unsigned conn_count;
    unsigned depth;     /* messages in flight for each sender */
    size_t message_len; /* payload bytes */
    bool fan_out;       /* one sender; every connection gets everything */
};

struct load_conns; /* open connections */

/* Connects all. Exits the process with a message when the server does not do what it should. */
struct load_conns *load_open(const struct load *load);
void load_close(struct load_conns *conns);

/* Keeps them busy for `seconds` and returns how many messages arrived. */
uint64_t load_run(struct load_conns *conns, double seconds);

/* For `seconds` they do nothing but answer the server's pings, as browsers do; returns how many. */
uint64_t load_idle(struct load_conns *conns, double seconds);

double load_now(void); /* seconds, monotonic */

#endif
