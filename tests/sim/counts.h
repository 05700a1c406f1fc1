/* counts.h - what a run of the simulator has met, and what a whole suite of them must have met.
 *
 * A simulator can pass by never reaching the hard places. So they are counted, and a suite in which
 * one of these stays 0 fails and names it.
 *
 * Threads: plain data. */
#ifndef TESTS_SIM_COUNTS_H
#define TESTS_SIM_COUNTS_H

#include <stdint.h>

#define SIM_COUNTS(X)                                                                              \
    X(PUBLISHED, "published")                                                                      \
    X(ACKNOWLEDGED, "acknowledged")                                                                \
    X(REFUSED, "POST answered 503")                                                                \
    X(POSTED_AGAIN, "posted again with its key")                                                   \
    X(DUPLICATE, "... and had been published")                                                     \
    X(DELIVERED, "delivered")                                                                      \
    X(ENVELOPES, "... in envelopes")                                                               \
    X(DELETED, "channel deleted")                                                                  \
    X(REPLAYED, "began with history")                                                              \
    X(CAME_BACK, "came back with a position")                                                      \
    X(RECOVERED, "... and got what it had missed")                                                 \
    X(UP_TO_DATE, "... and had missed nothing")                                                    \
    X(RESET_EPOCH, "reset: epoch")                                                                 \
    X(RESET_EXPIRED, "reset: expired")                                                             \
    X(RESET_FORKED, "reset: forked")                                                               \
    X(RESET_UNKNOWN, "reset: unknown")                                                             \
    X(BEHIND, "fell behind: 4408")                                                                 \
    X(PAGED, "batch larger than one run")                                                          \
    X(SWEEP_CUT, "sweep cut by its budget")                                                        \
    X(RANGE_OWED, "mailbox full: range owed")                                                      \
    X(PUBLISH_WAITED, "publisher held back")                                                       \
    X(REPLY_DEFERRED, "answer kept back")                                                          \
    X(TRIMMED_PINNED, "trimmed while pinned")                                                      \
    X(HALVED, "histories halved")                                                                  \
    X(DEFLATED, "units deflated")                                                                  \
    X(DEFLATED_SHARED, "... and shared")                                                           \
    X(CUT, "connection reset")                                                                     \
    X(CUT_AT_BYTE, "... at a chosen byte")                                                         \
    X(CUT_IN_MESSAGE, "in mid-message when closed")                                                \
    X(PINNED_AT_RESTART, "in mid-message when the server went")                                    \
    X(VANISHED, "half-open")                                                                       \
    X(NOTICED, "... and noticed")                                                                  \
    X(PINGED, "heartbeats")                                                                        \
    X(SLEPT, "stopped reading")                                                                    \
    X(SIPPED, "read in sips")                                                                      \
    X(GOODBYE, "closing handshake")                                                                \
    X(DRAINED, "told of a drain")                                                                  \
    X(RESTART, "server restarted")                                                                 \
    X(RESTART_POSITION, "position of an earlier life")                                             \
    X(STALLED, "worker stalled")                                                                   \
    X(WALL_JUMP, "wall clock jumped")                                                              \
    X(STARVED, "allocation failed")                                                                \
    X(TOLD_OF_FAMINE, "told of it: 1011")                                                          \
    X(SESSION_RESUMED, "session resumed")                                                          \
    X(SESSION_MISSED, "... with something missed")                                                 \
    X(SESSION_REPEATS, "... with repeats")                                                         \
    X(SESSION_TAKEN, "session taken over: 4409")                                                   \
    X(SESSION_HALF_OPEN, "... from one that was half-open")                                        \
    X(SESSION_TOLD_AGAIN, "session told 4410 again")                                               \
    X(SESSION_UNKNOWN, "session unknown")                                                          \
    X(SESSION_STRANGER, "stranger's session: 4403")                                                \
    X(CLAIM_WAITED, "claim waited for a recall")                                                   \
    X(CLAIM_OUTDONE, "... and a newer one came")                                                   \
    X(ACK_IN_BATCH, "acknowledged within a batch")                                                 \
    X(LINGERED, "branches left their home")                                                        \
    X(SHORT_SEND, "short send")                                                                    \
    X(FULL_SEND, "socket full")                                                                    \
    X(TURNED_AWAY, "out of descriptors")                                                           \
    X(NOBODY_THERE, "connection refused")

#define SIM_COUNT_ENUM(name, words) SIM_##name,
enum sim_count { SIM_COUNTS(SIM_COUNT_ENUM) SIM_COUNT_KINDS };
#undef SIM_COUNT_ENUM

struct sim_counts {
    uint64_t at[SIM_COUNT_KINDS];
    uint64_t events, turns, simulated_ns; /* how much there was to do */
};

#endif
