/* mailbox.c - see mailbox.h.
 *
 * The two counters only ever grow (modulo 2^32); their difference is what waits. Each side writes
 * its own counter, and keeps a copy of the other's, so that as long as the copy says enough the two
 * processors exchange no cache line but those of the letters.
 *
 * Threads: see mailbox.h. */
#include "loop/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "core/alloc.h"

#define SLOTS_MAX        65536u
#define CACHE_LINE_BYTES 64

/* The padding, and not an alignment, keeps the two sides on different cache lines: memory from a
 * gw_alloc is aligned for no more than a max_align_t. */
struct gw_mailbox {
    const struct gw_alloc *alloc; /* borrowed */
    size_t letter_bytes;
    uint32_t slots;
    uint32_t mask; /* 2 x slots - 1 */
    uint8_t *ring; /* 2 x slots letters, behind this struct */

    char pad_producer[CACHE_LINE_BYTES];
    _Atomic uint32_t posted; /* letters ever put in: written by the producer */
    uint32_t taken_seen;     /* the producer's copy of `taken`: never ahead of it */

    char pad_consumer[CACHE_LINE_BYTES];
    _Atomic uint32_t taken; /* letters ever taken out: written by the consumer */
    uint32_t posted_seen;   /* the consumer's copy of `posted`: never ahead of it */
};

static_assert(2 * SLOTS_MAX <= UINT32_MAX / 2, "the difference of the counters is the count");

int gw_mailbox_new(struct gw_mailbox **out, const struct gw_alloc *alloc, uint32_t slots,
                   size_t letter_bytes)
{
    struct gw_mailbox *mailbox;

    if (slots == 0 || slots > SLOTS_MAX || (slots & (slots - 1)) != 0 || letter_bytes == 0)
        return -EINVAL;
    if (letter_bytes > (SIZE_MAX - sizeof(*mailbox)) / (2 * (size_t)slots))
        return -ENOMEM;
    mailbox = gw_alloc_get(alloc, sizeof(*mailbox) + 2 * (size_t)slots * letter_bytes);
    if (!mailbox)
        return -ENOMEM;
    mailbox->alloc = alloc;
    mailbox->letter_bytes = letter_bytes;
    mailbox->slots = slots;
    mailbox->mask = 2 * slots - 1;
    mailbox->ring = (uint8_t *)(mailbox + 1);
    atomic_init(&mailbox->posted, 0);
    atomic_init(&mailbox->taken, 0);
    mailbox->taken_seen = 0;
    mailbox->posted_seen = 0;
    *out = mailbox;
    return 0;
}

void gw_mailbox_free(struct gw_mailbox *mailbox)
{
    if (mailbox)
        gw_alloc_put(mailbox->alloc, mailbox);
}

/* The producer's: do fewer than `limit` letters wait? */
static bool has_room(struct gw_mailbox *mailbox, uint32_t posted, uint32_t limit)
{
    if (posted - mailbox->taken_seen < limit)
        return true;
    /* Acquire: the consumer has copied the letter out before we write over it. */
    mailbox->taken_seen = atomic_load_explicit(&mailbox->taken, memory_order_acquire);
    return posted - mailbox->taken_seen < limit;
}

static bool put_in(struct gw_mailbox *mailbox, const void *letter, uint32_t limit)
{
    uint32_t posted = atomic_load_explicit(&mailbox->posted, memory_order_relaxed);

    if (!has_room(mailbox, posted, limit))
        return false;
    memcpy(mailbox->ring + (posted & mailbox->mask) * mailbox->letter_bytes, letter,
           mailbox->letter_bytes);
    /* Release: who sees the count sees the letter. */
    atomic_store_explicit(&mailbox->posted, posted + 1, memory_order_release);
    return true;
}

bool gw_mailbox_post(struct gw_mailbox *mailbox, const void *letter)
{
    return put_in(mailbox, letter, mailbox->slots);
}

void gw_mailbox_reply(struct gw_mailbox *mailbox, const void *letter)
{
    bool fits = put_in(mailbox, letter, 2 * mailbox->slots);

    assert(fits);
}

bool gw_mailbox_take(struct gw_mailbox *mailbox, void *letter)
{
    uint32_t taken = atomic_load_explicit(&mailbox->taken, memory_order_relaxed);

    if (mailbox->posted_seen == taken) {
        /* Acquire: the letter was written before the count. */
        mailbox->posted_seen = atomic_load_explicit(&mailbox->posted, memory_order_acquire);
        if (mailbox->posted_seen == taken)
            return false;
    }
    memcpy(letter, mailbox->ring + (taken & mailbox->mask) * mailbox->letter_bytes,
           mailbox->letter_bytes);
    /* Release: our copy is finished before the place is given back. */
    atomic_store_explicit(&mailbox->taken, taken + 1, memory_order_release);
    return true;
}

bool gw_mailbox_waiting(const struct gw_mailbox *mailbox)
{
    uint32_t taken = atomic_load_explicit(&mailbox->taken, memory_order_relaxed);

    return atomic_load_explicit(&mailbox->posted, memory_order_acquire) != taken;
}
