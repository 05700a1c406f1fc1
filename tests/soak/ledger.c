#include "soak/ledger.h"

#include <string.h>

#include "soak/fail.h"

/* Makes room for one more of `size` bytes. */
static void *grow(void *items, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return items;
    *room = count * 2 + 1024;
    items = realloc(items, *room * size);
    if (!items)
        fail("no memory for the ledger");
    return items;
}

static struct ledger_entry *entry_at(struct ledger *ledger, uint64_t offset)
{
    if (offset == 0)
        fail("channel %s: something was published at offset 0", ledger->channel);
    while (ledger->entry_count < offset) {
        ledger->entries = grow(ledger->entries, &ledger->entry_room, ledger->entry_count,
                               sizeof(ledger->entries[0]));
        ledger->entries[ledger->entry_count++] = (struct ledger_entry){0};
    }
    return &ledger->entries[offset - 1];
}

static void agree(const struct ledger *ledger, uint64_t offset, const struct ledger_entry *entry,
                  uint64_t print)
{
    if ((entry->seen || entry->answered) && entry->print != print)
        fail("channel %s, offset %llu: two different publications", ledger->channel,
             (unsigned long long)offset);
}

void ledger_answered(struct ledger *ledger, uint64_t offset, uint64_t print)
{
    struct ledger_entry *entry = entry_at(ledger, offset);

    agree(ledger, offset, entry, print);
    if (entry->answered)
        fail("channel %s: offset %llu was given twice", ledger->channel,
             (unsigned long long)offset);
    entry->print = print;
    entry->answered = true;
    ledger->answered_count++;
}

void ledger_seen(struct ledger *ledger, uint64_t offset, uint64_t print)
{
    struct ledger_entry *entry = entry_at(ledger, offset);

    agree(ledger, offset, entry, print);
    entry->print = print;
    entry->seen = true;
}

void ledger_sent(struct ledger *ledger, uint64_t print)
{
    ledger->sent =
        grow(ledger->sent, &ledger->sent_room, ledger->sent_count, sizeof(ledger->sent[0]));
    ledger->sent[ledger->sent_count++] = print;
}

uint64_t ledger_total(const struct ledger *ledger)
{
    return ledger->answered_count + ledger->sent_count;
}

void ledger_check(const struct ledger *ledger, bool from_start)
{
    bool begun = from_start;
    size_t sent = 0;

    if (ledger->entry_count != ledger_total(ledger))
        fail("channel %s: %zu offsets for %llu publications", ledger->channel, ledger->entry_count,
             (unsigned long long)ledger_total(ledger));
    for (size_t i = 0; i < ledger->entry_count; i++) {
        const struct ledger_entry *entry = &ledger->entries[i];

        begun = begun || entry->seen;
        if (begun && !entry->seen)
            fail("channel %s: nobody saw offset %zu", ledger->channel, i + 1);
        if (entry->answered)
            continue;
        if (sent == ledger->sent_count || (begun && entry->print != ledger->sent[sent]))
            fail("channel %s, offset %zu: not what the WebSocket sent as its number %zu",
                 ledger->channel, i + 1, sent + 1);
        sent++;
    }
}

void ledger_free(struct ledger *ledger)
{
    free(ledger->entries);
    free(ledger->sent);
    memset(ledger, 0, sizeof(*ledger));
}
