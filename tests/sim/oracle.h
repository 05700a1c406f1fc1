/* oracle.h - who has published what, and in which order everybody must see it.
 *
 * Every payload begins with a number of its own. Each channel has a witness, who was there before
 * the first publication, is never disturbed, and so sees the channel's whole order. What anybody
 * else saw must be a run of that order without a gap, a repeat or a swap; it is judged at the end,
 * because others may be ahead of the witness. An answer to a POST says which offset it got, and
 * that must be its place.
 *
 * Threads: one. */
#ifndef TESTS_SIM_ORACLE_H
#define TESTS_SIM_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define ORACLE_PUBS_MAX     4000
#define ORACLE_CHANNELS_MAX 16
#define ORACLE_NOWHERE      UINT32_MAX

struct oracle {
    uint32_t count; /* publications tried so far: their numbers are 0 .. count - 1 */
    uint8_t channel_of[ORACLE_PUBS_MAX];
    uint64_t acknowledged[ORACLE_PUBS_MAX]; /* offset, or 0 */
    uint32_t place[ORACLE_PUBS_MAX];        /* in its channel's order, or ORACLE_NOWHERE */
    uint32_t order[ORACLE_CHANNELS_MAX][ORACLE_PUBS_MAX];
    uint32_t order_count[ORACLE_CHANNELS_MAX];
    struct oracle_view *closed; /* views of readers that are over, still to be judged */
    uint32_t closed_count, closed_room;
};

/* What one reader saw of one channel. */
struct oracle_view {
    uint32_t channel;
    bool witness;
    uint32_t *numbers; /* owned; by the oracle once it is closed */
    uint32_t count, room;
};

void oracle_init(struct oracle *oracle);
void oracle_fini(struct oracle *oracle);
uint32_t oracle_publish(struct oracle *oracle, uint32_t channel); /* its number */
void oracle_acknowledge(struct oracle *oracle, uint32_t number, uint64_t offset);

/* A reader has got publication `number`. */
void oracle_see(struct oracle *oracle, struct oracle_view *view, uint32_t number);

/* A reader is over: its view is kept, and begins anew. */
void oracle_close(struct oracle *oracle, struct oracle_view *view);

/* Has a reader who is still there got to the end of the order? */
bool oracle_caught_up(const struct oracle *oracle, const struct oracle_view *view);

/* Asserts that every closed view is a run of its channel's order, and that everything acknowledged
 * is where its offset says. */
void oracle_check(const struct oracle *oracle);

#endif
