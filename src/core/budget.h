/* budget.h - an allocator that knows how much it has given out, and has a cap on it.
 *
 * Each connection's buffers have a cap of their own; ten thousand connections together had none.
 * What takes its memory from a budget fails as if memory were out once all of it together is at the
 * cap, and so does what it already does then: refuse, or cut.
 *
 * Threads: the owner's own. */
#ifndef GW_CORE_BUDGET_H
#define GW_CORE_BUDGET_H

#include <stddef.h>
#include <stdint.h>

#include "core/alloc.h"

struct gw_budget {
    struct gw_alloc
        alloc; /* to be handed to those who take; its ctx is the budget: it stays where it is */
    const struct gw_alloc *from; /* borrowed */
    uint64_t used_bytes, max_bytes;
    uint64_t refused_count;
};

void gw_budget_init(struct gw_budget *budget, const struct gw_alloc *from, uint64_t max_bytes);

#endif
