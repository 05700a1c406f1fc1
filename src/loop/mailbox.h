/* mailbox.h - from one worker to one other: a bounded queue of letters, without locks.
 *
 * One producer, one consumer, a ring of 2 x `slots` letters of a fixed size. An ordinary letter is
 * taken only while fewer than `slots` wait; a *reply* always finds room, because nobody asks more
 * than `slots` questions at a time in the other direction (gw_mailbox keeps no count of that: the
 * asker does). So handling a letter never has to wait for room, and nobody ever waits for a
 * mailbox: order is kept over both kinds.
 *
 * Threads: post and reply from the producer's, take from the consumer's. */
#ifndef GW_LOOP_MAILBOX_H
#define GW_LOOP_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_alloc;
struct gw_mailbox;

/* `slots` is a power of two from 1 to 65,536. Returns 0, -EINVAL or -ENOMEM. */
int gw_mailbox_new(struct gw_mailbox **out, const struct gw_alloc *alloc, uint32_t slots,
                   size_t letter_bytes);
void gw_mailbox_free(struct gw_mailbox *mailbox); /* NULL is fine; letters in it are dropped */

/* Copies an ordinary letter in. False when there is no room: try again in a later turn. */
bool gw_mailbox_post(struct gw_mailbox *mailbox, const void *letter);

/* Copies a reply in; asserts that it fits. */
void gw_mailbox_reply(struct gw_mailbox *mailbox, const void *letter);

/* Copies the oldest letter out; false when there is none. */
bool gw_mailbox_take(struct gw_mailbox *mailbox, void *letter);

/* Seen from the consumer: does one wait? */
bool gw_mailbox_waiting(const struct gw_mailbox *mailbox);

#endif
