/* world.h - the whole server and its clients in one thread, from one seed.
 *
 * The assembly of src/server runs on simulated loops, as many workers as wanted, with mailboxes as
 * small as one slot. A crowd of clients lives on a loop of its own: browsers' WebSockets that
 * listen and now and then publish, and posters that publish over HTTP and note the offset they were
 * answered. Every client does what real ones do: dawdles, stops reading, closes, is cut off.
 *
 * The oracle knows every publication. Each client's view of a channel must be a run of the
 * channel's one order: no gap, no repeat, no reordering. Whoever is cut or closed has been told;
 * who is still there at the end must have everything.
 *
 * Threads: one. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/meter.h"
#include "lib/seeded.h"
#include "server/assembly.h"
#include "server/options.h"
#include "sim/net.h"

#define WORLD_WORKERS_MAX  4
#define WORLD_CLIENTS_MAX  128
#define WORLD_CHANNELS_MAX 16
#define WORLD_PUBS_MAX     4000

struct world_options {
    struct sim_net_options net;
    unsigned workers;
    uint32_t mailbox_slots;
    unsigned clients, channels;
    unsigned publications;    /* that are tried */
    unsigned payload_max;     /* bytes of one, at least 16 */
    unsigned cut_permille;    /* of actions: a connection is reset */
    unsigned leave_permille;  /* ... a client says goodbye; another comes in its place */
    unsigned sleep_permille;  /* ... a client stops reading for a while */
    uint64_t sleep_ns;        /* how long */
    unsigned stall_permille;  /* ... a worker gets no processor for a while */
    const char *const *flags; /* options of the server, NULL-terminated; may be NULL */
};

struct world_counts {
    uint64_t published, acknowledged, delivered; /* acknowledged: by POST */
    uint64_t refused;                            /* POSTs answered 503 */
    uint64_t behind;                             /* closed with 4408: told that they fell behind */
    uint64_t lost;                               /* connections that just ended */
    uint64_t goodbyes;                           /* closing handshakes that were completed */
    uint64_t cut_in_message;  /* ended between the first and the last byte of a frame */
    uint64_t drained;         /* closed with 1012 */
    uint64_t replayed;        /* subscriptions that began with history */
    uint64_t deflated;        /* units that were compressed */
    struct gw_hub_counts hub; /* of all workers together */
    struct sim_net_counts net;
};

struct world;

struct world *world_new(const struct world_options *options, uint64_t seed);

/* Acts until everything was tried, ends all faults, lets everybody catch up, and asserts the
 * oracle. */
void world_run(struct world *world);

/* Drains the server, asserts that everybody was told and that nothing is left, frees all. */
struct world_counts world_end(struct world *world);

/* What happened, as one number: equal for equal runs. */
uint64_t world_trace(const struct world *world);

#endif
