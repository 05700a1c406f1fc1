#include "hub/state.h"

/* Reading a history, without subscribing: a page of it, from the one place where all of it is. */

/* How many of `from` .. `to` fit, counted from one end; at least one if there is any. */
static uint64_t count_that_fits(const struct gw_log *log, uint64_t from, uint64_t to,
                                const struct gw_read *read)
{
    uint64_t count = 0, bytes = 0;

    while (count < read->count_max && from + count <= to) {
        const struct gw_pub *pub = gw_log_at(log, read->newest ? to - count : from + count);

        bytes += gw_pub_cost(pub);
        if (count > 0 && bytes > GW_PAGE_BYTES_MAX)
            break;
        count++;
    }
    return count;
}

void gw_read_home(struct gw_hub *hub, uint32_t index, const struct gw_read *read,
                  struct gw_page *page)
{
    const struct gw_channel *channel = gw_hub_channel(hub, index);
    struct gw_start start = gw_home_resolve(hub, index, &read->since);
    uint64_t first = start.next, last;

    assert(read->count_max > 0);
    *page = (struct gw_page){.reset = start.reset,
                             .position = {channel->epoch, start.next - 1, start.tag}};
    if (first > channel->head)
        return;
    page->count = (uint32_t)count_that_fits(channel->log, first, channel->head, read);
    if (read->newest)
        first = channel->head + 1 - page->count;
    last = first + page->count - 1;
    page->first = gw_log_at(channel->log, first);
    page->position.offset = last;
    page->position.tag = gw_log_tag(channel->log, last);
}

void gw_read_answer(struct gw_hub *hub, const struct gw_letter *letter, struct gw_letter *answer)
{
    const struct gw_read read = {
        .since = {(enum gw_since_kind)letter->since_kind, letter->start, letter->position},
        .count_max = letter->count,
        .newest = letter->newest};
    struct gw_page page;
    uint32_t index;

    answer->status =
        gw_registry_make(hub, (struct gw_str){letter->name->text, letter->name->len}, &index);
    if (answer->status != 0)
        return;
    gw_read_home(hub, index, &read, &page);
    answer->reset = (uint8_t)page.reset;
    answer->position = page.position;
    answer->count = page.count;
    if (page.count > 0)
        answer->pubs = gw_home_chain(gw_hub_channel(hub, index), page.first->offset, page.count);
}
