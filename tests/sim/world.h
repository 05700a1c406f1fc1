/* world.h - the whole server and its clients in one thread, from one seed.
 *
 * The assembly of src/server runs on simulated loops, one to four workers, with mailboxes as small
 * as one slot. A crowd (crowd.h) lives on a loop of its own, and comes, goes and comes back. The
 * world adds what machines do: workers that get no processor, memory that runs out, a wall clock
 * that jumps, a server that is gone and comes back with nothing.
 *
 * A run has three parts. In the first everything happens at once. In the second nothing goes wrong
 * any more: then everybody who is gone comes back and gets what it missed or is told, and the
 * server must come to rest, with nothing owed to anybody. In the third all leave, or are sent away,
 * and whatever was taken must have been given back.
 *
 * Threads: one. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdint.h>

#include "sim/counts.h"
#include "sim/crowd.h"
#include "sim/net.h"

#define WORLD_WORKERS_MAX 4

struct world_options {
    const char *name;
    struct sim_net_options net;
    unsigned workers;       /* 0: one to four, and another number after a restart */
    uint32_t mailbox_slots; /* 0: one or two */
    uint32_t sends_a_turn;  /* budget of the sweep; 0: the server's own */
    struct crowd_habits habits;
    unsigned publications; /* that are tried */
    /* Of a thousand things that happen: */
    unsigned stall_permille;   /* a worker gets no processor for a while */
    unsigned restart_permille; /* the server goes, and another comes */
    unsigned delete_permille;  /* a channel starts over */
    unsigned wall_permille;    /* the wall clock jumps by a year, there or back */
    unsigned famine_permille;  /* allocations begin to fail, some of them, for a while */
    unsigned pause_permille;   /* nobody does anything, for seconds */
    const char *const *flags;  /* options of the server, NULL-terminated; may be NULL */
};

/* A whole run. `replay` is the command that repeats it. Adds what it met to `counts`, and returns
 * what happened as one number: equal for equal runs. */
uint64_t world_run(const struct world_options *options, uint64_t seed, const char *replay,
                   struct sim_counts *counts);

#endif
