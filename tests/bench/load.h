/* load.h - many clients in one process, and how much they got back.
 *
 * The clients are as plain as can be. What they send is made beforehand, compressed too where it is
 * to be; the first answer to each message is looked at, inflated and compared; from then on they
 * know how many bytes an answer has and count them, so that the load costs little beside the
 * server. Frames are masked with zeros, which the server cannot know.
 *
 * Threads: one. */
#ifndef GW_BENCH_LOAD_H
#define GW_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load {
    uint16_t port;
    const char *path; /* NULL: bare TCP, no handshake, and what is sent comes back as it is */
    bool binary;
    bool deflate; /* permessage-deflate; the messages are such text as text.h makes */
    unsigned conn_count;
    unsigned depth;     /* messages in flight for each sender */
    size_t message_len; /* payload bytes; 0: nothing will be sent */
    bool fan_out;       /* one sender; every connection gets everything */
};

struct load_conns; /* open connections */

/* Connects all. Exits the process with a message when the server does not do what it should. */
struct load_conns *load_open(const struct load *load);
void load_close(struct load_conns *conns);

/* Keeps them busy for `seconds` and returns how many messages arrived. */
uint64_t load_run(struct load_conns *conns, double seconds);

/* One batch of `depth` messages after the other, each when the last one's answers are all there, so
 * that the server has the same to do on every run. Returns how many messages arrived. */
uint64_t load_run_batches(struct load_conns *conns, unsigned batches);

/* Bytes of payload in an answer as it comes over the wire, on average. */
double load_answer_bytes(const struct load_conns *conns);

/* For `seconds` they do nothing but answer the server's pings, as browsers do; returns how many. */
uint64_t load_idle(struct load_conns *conns, double seconds);

double load_now(void); /* seconds, monotonic */

#endif
