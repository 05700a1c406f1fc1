/* ledger.h - one life of a channel: what was published at which offset, as far as anybody knows.
 *
 * A publisher over HTTP learns the offset from its answer. One on a WebSocket gets no answer: there
 * what the first reader sees is taken down, everybody else must see the same, and in the end what
 * no answer named must be what was sent without one, in that order.
 *
 * Threads: one. */
#ifndef GW_SOAK_LEDGER_H
#define GW_SOAK_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger_entry {
    uint64_t print;
    bool seen;     /* by a reader */
    bool answered; /* its publisher was told the offset */
};

struct ledger {
    char channel[16];
    struct ledger_entry *entries; /* [i] is offset i + 1 */
    size_t entry_count, entry_room;
    uint64_t *sent; /* prints of what was sent without an answer, in order */
    size_t sent_count, sent_room;
    size_t answered_count;
};

/* Each ends the run where it contradicts what is known. */
void ledger_answered(struct ledger *ledger, uint64_t offset, uint64_t print);
void ledger_seen(struct ledger *ledger, uint64_t offset, uint64_t print);
void ledger_sent(struct ledger *ledger, uint64_t print);

/* How many were published: the head, once every answer is there. */
uint64_t ledger_total(const struct ledger *ledger);

/* All was seen, each at one offset, and nothing else: or the run ends. Unless `from_start`, what
 * stands before the first that was seen may have come before the first reader. */
void ledger_check(const struct ledger *ledger, bool from_start);
void ledger_free(struct ledger *ledger);

#endif
