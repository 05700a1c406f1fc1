/* peek.h - what the simulator sees inside the server: read-only, and nowhere else.
 *
 * The order of a channel comes about where its home puts a publication into the log, so that is
 * where it is recorded. A few functions of the hub are called through here (the linker does that:
 * see `--wrap` in meson.build): gw_log_append() and gw_restart_home(), to tell the oracle;
 * gw_hub_sweep(), to let a turn's budget be a handful of sends instead of thousands;
 * gw_hub_settle(), to count what a batch was; gw_session_ping() and gw_session_pong(), to tell the
 * oracle when a session was asked and when the answer was read. Between turns the logs are compared
 * with what the oracle knows, and when all is quiet homes and branches with each other.
 *
 * Threads: one. */
#ifndef TESTS_SIM_PEEK_H
#define TESTS_SIM_PEEK_H

#include <stdbool.h>
#include <stdint.h>

#include "server/assembly.h"
#include "sim/oracle.h"

#define PEEK_WORKERS_MAX  4
#define PEEK_CONNS_MAX    256 /* of all workers */
#define PEEK_SESSIONS_MAX 64

struct peek {
    struct oracle *oracle;
    uint32_t sends_a_turn; /* of the sweep; 0: as many as the server likes */
    /* What was seen. */
    uint64_t paged;           /* runs that ended before the head */
    uint64_t deflated_shared; /* compressed runs that more than one reader got */
    uint64_t claims_waited;   /* for a session that somebody held */
    uint64_t claims_outdone;  /* ... when a newer one came */
    uint64_t acks_in_batch;   /* when more was to come */
    struct {
        uint64_t conn, at_ns;
    } pinged[PEEK_CONNS_MAX]; /* by the connection's place: the last ping */
    uint64_t claimants[PEEK_WORKERS_MAX][PEEK_SESSIONS_MAX]; /* by the session's place: who waits */
};

/* One turn of a worker, observed. */
void peek_turn(struct peek *peek, struct gw_worker *worker);

/* Deletes a channel by way of a worker, between two turns. Returns as gw_hub_delete(). */
int peek_delete(struct peek *peek, struct gw_worker *worker, struct gw_str name);

/* A server is gone: what was seen of it says nothing of the next. */
void peek_forget(struct peek *peek);

/* Looks through all logs of a worker's homes. */
void peek_check_logs(const struct peek *peek, const struct gw_worker *worker);

/* Nothing is under way any more: credits full, nothing owed or waiting, and each branch what its
 * home thinks it is. Says what is not so, or NULL. */
const char *peek_unrest(const struct gw_assembly *assembly);

/* The head of a channel's life that all workers know of who serve it; 0 when none does. A branch
 * hears of a publication later than its home gives it out, and who begins there begins with what it
 * knows. */
uint64_t peek_told(const struct gw_assembly *assembly, uint32_t channel, uint64_t epoch);

/* How many subscribers a channel has, as its publishers are told. */
uint32_t peek_subscribers(const struct gw_assembly *assembly, uint32_t channel);

/* So many branches have not left their home. */
unsigned peek_branches(const struct gw_assembly *assembly);

/* Nobody is connected: nothing is kept for anybody. */
void peek_check_empty(const struct gw_worker *worker);

/* The number of a channel's name, c0 to c15. */
uint32_t peek_channel_number(struct gw_str name);

#endif
