/* assembly.h - a server put together: workers, the mailboxes between them, routes, transports.
 *
 * Everything is handed in that decides how it runs: the loops (epoll in the program, simulated ones
 * in the simulator), the seed, the pen. So the simulator runs this very server, with as many
 * workers as it likes in one thread.
 *
 * Threads: gw_assembly_drain() from any; the workers each in one of their own, or all in one. */
#ifndef GW_SERVER_ASSEMBLY_H
#define GW_SERVER_ASSEMBLY_H

#include <stdint.h>

#include "auth/auth.h"
#include "edge/variants.h"
#include "edge/worker.h"

struct gw_alloc;
struct gw_loop;
struct gw_options;

struct gw_assembly_options {
    const struct gw_alloc *alloc;     /* borrowed */
    const struct gw_options *options; /* finished; borrowed */
    struct gw_loop **loops;           /* one for each worker; borrowed */
    unsigned worker_count;            /* 1 to GW_WORKERS_MAX */
    uint32_t mailbox_slots;           /* a power of two */
    uint32_t connections_max;         /* of each worker */
    uint64_t memory_bytes;            /* that the machine, or what confines us, has */
    uint8_t seed[32];
    struct gw_pen *pen; /* borrowed */
};

struct gw_assembly {
    const struct gw_alloc *alloc;
    struct gw_auth auth;
    struct gw_variant variants[GW_EDGE_VARIANTS];
    unsigned worker_count;
    struct gw_worker *workers[GW_WORKERS_MAX];
    struct gw_deflater *deflaters[GW_WORKERS_MAX]; /* one each; NULL where `deflate` is off */
    /* boxes[from][to]; NULL on the diagonal. in[to][from] is the same the other way round. */
    struct gw_mailbox *boxes[GW_WORKERS_MAX][GW_WORKERS_MAX];
    struct gw_mailbox *in[GW_WORKERS_MAX][GW_WORKERS_MAX];
};

/* Makes the workers, and lets each listen at every address of the options. Returns 0, -ENOMEM, or
 * the -errno of listening, with `*failed` the index of the address (or -1). */
int gw_assembly_new(struct gw_assembly **out, const struct gw_assembly_options *options,
                    int *failed);
void gw_assembly_free(struct gw_assembly *assembly); /* NULL is fine; no worker may be running */

void gw_assembly_drain(struct gw_assembly *assembly);

/* The mailboxes that a server has between two of its workers when nothing else is asked for. */
#define GW_ASSEMBLY_MAILBOX_SLOTS 1024

#endif
