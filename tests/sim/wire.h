/* wire.h - the inside of the simulated network: connections, and what travels on them when.
 *
 * A connection has two ends. Bytes that an end sends pass through its `out` pipe, in which four
 * counters follow each other: read <= delivered <= sent <= written. What lies between `written` and
 * `acked` fills the sender's buffer, and between `sent` and `read` the receiver's. Nothing here
 * knows descriptors or loops: an end or a listener to which something happens calls `wake` with its
 * socket.
 *
 * Threads: one. */
#ifndef TESTS_SIM_WIRE_H
#define TESTS_SIM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "core/link.h"
#include "lib/seeded.h"
#include "loop/loop.h"
#include "sim/net.h"

struct sim_connection;
struct sim_socket;
struct sim_travel;

struct sim_wire {
    struct sim_net_options options;
    struct seeded seeded;
    uint64_t now_ns;
    uint64_t trace;
    struct sim_net_counts counts;
    void (*wake)(struct sim_socket *socket);

    struct gw_link listeners;
    struct gw_link connections;
    size_t connection_count;
    uint64_t connection_ids;
    uint16_t last_port;

    struct sim_travel *travels; /* a heap: the first to arrive on top */
    size_t travel_count, travel_room;
    uint64_t travel_ids;
};

struct sim_pipe {
    uint8_t *ring;    /* 2 x buffer_bytes: what is written and not read, at its count modulo that */
    uint64_t written; /* taken from the sender */
    uint64_t sent;    /* under way, or there */
    uint64_t delivered;  /* there */
    uint64_t read;       /* taken by the receiver */
    uint64_t acked;      /* delivered, as far as the sender knows */
    uint64_t read_seen;  /* read, as far as the sender knows */
    uint64_t arrives_ns; /* the last thing sent; nothing overtakes it */
    bool ack_under_way;
    bool fin_sent;
};

struct sim_end {
    struct sim_connection *connection;
    struct sim_socket *socket; /* NULL: not accepted yet, or closed */
    struct sim_pipe out;
    union gw_address address;
    int error;         /* to be told once: ECONNRESET, ECONNREFUSED, EPIPE */
    bool connected;    /* the other end is known to be there */
    bool finished;     /* nothing more will be written here */
    bool fin_received; /* nor there */
    bool closed;       /* nobody holds this end */
    bool dead;         /* reset, refused, or not there yet: nothing goes in or out */
    bool wants_space;  /* somebody was told that there is no room */
    bool cut_armed;    /* the connection is cut when so much of `out` is delivered */
    uint64_t cut_at;
};

struct sim_connection {
    struct gw_link link;    /* in sim_wire.connections */
    struct gw_link waiting; /* in sim_listener.waiting until accepted */
    struct sim_wire *wire;
    uint64_t id;
    size_t under_way;       /* travels that name this connection */
    unsigned host;          /* of ends[0] */
    bool silent;            /* an end has vanished: nothing arrives any more */
    struct sim_end ends[2]; /* who connected, who accepted */
};

struct sim_listener {
    struct gw_link link;
    struct gw_link waiting; /* connections, oldest first */
    struct sim_wire *wire;
    struct sim_socket *socket;
    union gw_address address;
    unsigned host;
};

void sim_wire_init(struct sim_wire *wire, const struct sim_net_options *options, uint64_t seed,
                   void (*wake)(struct sim_socket *socket));
void sim_wire_fini(struct sim_wire *wire); /* the listeners must be closed */

/* When the next thing arrives, or UINT64_MAX. */
uint64_t sim_wire_next(const struct sim_wire *wire);

/* Moves the time (never back) and lets everything arrive that is due by then. */
void sim_wire_run(struct sim_wire *wire, uint64_t now_ns);

/* Puts a deed of somebody's into the trace. */
void sim_wire_note(struct sim_wire *wire, const char *what, uint64_t who, uint64_t how_much);

uint64_t sim_wire_draw(struct sim_wire *wire, struct sim_range range);
bool sim_wire_chance(struct sim_wire *wire, uint32_t permille);

/* ---- Ends ---- */

struct sim_end *sim_end_connect(struct sim_wire *wire, unsigned host,
                                const union gw_address *address, struct sim_socket *socket);
struct sim_end *sim_end_peer(const struct sim_end *end);
struct gw_event sim_end_event(struct sim_end *end); /* what is possible now; the token is not set */
ssize_t sim_end_send(struct sim_end *end, const struct iovec *iov, int iov_count);
ssize_t sim_end_receive(struct sim_end *end, void *buf, size_t room);
int sim_end_unsent(const struct sim_end *end);
void sim_end_finish(struct sim_end *end);
void sim_end_close(struct sim_end *end);

void sim_connection_cut(struct sim_connection *connection);
void sim_end_cut_after(struct sim_end *sender, uint64_t bytes); /* more of what it sends */
void sim_end_vanish(struct sim_end *end);                       /* nobody holds it any more */
void sim_connection_delay(struct sim_connection *connection, uint64_t until_ns);

/* ---- Listeners ---- */

struct sim_listener *sim_listener_open(struct sim_wire *wire, unsigned host,
                                       const union gw_address *address, struct sim_socket *socket);
void sim_listener_close(struct sim_listener *listener); /* resets those that wait */

/* The accepting end of the oldest connection that waits, or NULL. */
struct sim_end *sim_listener_take(struct sim_listener *listener);

#endif
