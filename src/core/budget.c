#include "core/budget.h"

#include <stdalign.h>

/* What is given out begins with its size, and stays aligned for anything. */
struct head {
    alignas(max_align_t) size_t size;
};

static void *take(size_t size, void *ctx)
{
    struct gw_budget *budget = ctx;
    struct head *head = NULL;

    if (size <= SIZE_MAX - sizeof(*head) &&
        size + sizeof(*head) <= budget->max_bytes - budget->used_bytes)
        head = gw_alloc_get(budget->from, size + sizeof(*head));
    if (!head) {
        budget->refused_count++;
        return NULL;
    }
    head->size = size + sizeof(*head);
    budget->used_bytes += head->size;
    return head + 1;
}

static void give(void *ptr, void *ctx)
{
    struct gw_budget *budget = ctx;
    struct head *head = ptr;

    if (!ptr)
        return;
    head--;
    budget->used_bytes -= head->size;
    gw_alloc_put(budget->from, head);
}

void gw_budget_init(struct gw_budget *budget, const struct gw_alloc *from, uint64_t max_bytes)
{
    *budget = (struct gw_budget){
        .alloc = {.get = take, .put = give, .ctx = budget}, .from = from, .max_bytes = max_bytes};
}
