/* duo.h - a server in simulation, and beside it clients that do exactly what a test says.
 *
 * Where world.h lets a crowd do what crowds do, here a test writes every byte that a client sends,
 * looks at every byte it gets, and says how much time goes by. A client understands HTTP answers
 * and WebSocket frames as far as it takes to look at them; it is written from the RFCs and uses
 * nothing of the server's own parsers.
 *
 * The server runs turn by turn until nothing is left to do or the time is over, and after each turn
 * everything that must hold is asserted. When the duo ends the server drains, and whatever it took
 * must have been given back.
 *
 * Threads: one. */
#ifndef TESTS_SIM_DUO_H
#define TESTS_SIM_DUO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "lib/meter.h"
#include "server/assembly.h"
#include "server/options.h"
#include "sim/net.h"

#define DUO_CLIENTS_MAX 1024
#define DUO_WORKERS_MAX 2

#define DUO_MS          GW_NS_PER_MS
#define DUO_S           GW_NS_PER_S

/* First bytes of frames (RFC 6455 section 5.2). */
#define DUO_FIN    0x80
#define DUO_RSV1   0x40 /* compressed */
#define DUO_CONT   0x00
#define DUO_TEXT   0x01
#define DUO_BINARY 0x02
#define DUO_CLOSE  0x88
#define DUO_PING   0x89
#define DUO_PONG   0x8a

struct duo_options {
    const struct sim_net_options *net; /* NULL: calm */
    uint64_t seed;                     /* of the network and the server */
    unsigned workers;                  /* 0: one */
    uint32_t mailbox_slots;            /* 0: 8 */
    uint32_t connections_max;          /* 0: 1,000 */
    unsigned client_host;              /* 0: on the server's machine, by its loopback address */
    const char *const *flags;          /* options of the server, NULL-terminated; may be NULL */
    long fails_at;   /* the allocation of the server, from 1, that fails; 0: none */
    bool fails_once; /* only that one; else all that follow, too */
};

enum duo_end { DUO_THERE, DUO_FINISHED, DUO_RESET };

struct duo_client {
    int fd; /* -1: none */
    enum duo_end end;
    uint64_t ended_ns;
    bool deaf;         /* does not read; see duo_sip() */
    bool pongs;        /* answers pings, as every browser does */
    bool stays;        /* does not close when the other side has */
    struct gw_buf in;  /* everything it got */
    struct gw_buf out; /* what its socket has not taken yet */
    size_t seen;       /* how far the test has looked at `in` */
    size_t ponged;     /* how far pings were answered */
};

struct duo {
    struct sim_net *net;
    struct meter meter; /* of the server's memory */
    struct gw_options options;
    struct gw_pen pen;
    struct gw_assembly *assembly;
    unsigned worker_count;
    struct gw_loop *loops[DUO_WORKERS_MAX];
    struct gw_loop *home; /* the clients' loop */
    unsigned client_host;
    struct duo_client clients[DUO_CLIENTS_MAX];
    /* For faults: called before every turn of a worker; may be NULL. */
    void (*before_turn)(struct duo *duo, void *ctx);
    void *ctx;
};

/* Returns 0, or -ENOMEM when the server could not be made: then there is nothing to end. */
int duo_begin(struct duo *duo, const struct duo_options *options);

/* Hangs all clients up, drains the server, and asserts that nothing is left. */
void duo_end(struct duo *duo);

/* Lets `ns` go by. */
void duo_run(struct duo *duo, uint64_t ns);
uint64_t duo_now(const struct duo *duo);

/* --- A client --- */

void duo_connect(struct duo *duo, unsigned client);                     /* and lets 10 ms go by */
void duo_connect_to(struct duo *duo, unsigned client, unsigned worker); /* the same, to that one */
void duo_hang_up(struct duo *duo, unsigned client);

void duo_say(struct duo *duo, unsigned client, const void *data, size_t len);
void duo_say_text(struct duo *duo, unsigned client, const char *text);

/* One byte every `step_ns`, until all is said or the other side has ended it. Returns how many. */
size_t duo_drip(struct duo *duo, unsigned client, const void *data, size_t len, uint64_t step_ns);

/* A deaf client reads this many bytes at most, now. */
void duo_sip(struct duo *duo, unsigned client, size_t len);

/* Answers the pings that it has got, if it is one who does; who hears of nothing but what it sips
 * does that only here. */
void duo_answer_pings(struct duo *duo, unsigned client);

bool duo_there(const struct duo *duo, unsigned client);

/* The status of the next whole answer, which is then behind us; 0: there is none. `*body` may be
 * NULL. */
int duo_answer(struct duo *duo, unsigned client, struct gw_str *body);

/* Publishes `payload` by POST on a connection that is there. */
void duo_post(struct duo *duo, unsigned client, const char *channel, const void *payload,
              size_t len);

/* --- A WebSocket --- */

struct duo_frame {
    uint8_t first; /* fin and opcode */
    struct gw_str payload;
};

/* Says a handshake; with more header lines, each ending in CR LF. */
void duo_shake(struct duo *duo, unsigned client, const char *target);
void duo_shake_with(struct duo *duo, unsigned client, const char *target, const char *lines);

/* Connects, shakes hands, and asserts that it was accepted. */
void duo_open(struct duo *duo, unsigned client, const char *target);

/* A masked frame; `first` is fin and opcode. */
void duo_frame_say(struct duo *duo, unsigned client, uint8_t first, const void *data, size_t len);

/* The next whole frame, which is then behind us; false: there is none. */
bool duo_frame_next(struct duo *duo, unsigned client, struct duo_frame *frame);

/* Has its handshake been accepted? */
bool duo_accepted(const struct duo *duo, unsigned client);

/* Looks through all that came: how many messages, and the code of the close frame (0: none). */
unsigned duo_messages(const struct duo *duo, unsigned client);
unsigned duo_close_code(const struct duo *duo, unsigned client);

/* Has it got a close frame, and not one byte behind it? */
bool duo_closed_last(const struct duo *duo, unsigned client);

bool duo_has(const struct duo *duo, unsigned client, const char *text);

#endif
