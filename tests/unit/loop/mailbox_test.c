/* mailbox_test.c - letters arrive in order, whole, and a reply always finds room.
 *
 * Threads: two in the last test, one elsewhere. */
#include "loop/mailbox.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "lib/meter.h"
#include "lib/suite.h"

static struct meter meter;

static struct gw_mailbox *new_mailbox(uint32_t slots, size_t letter_bytes)
{
    struct gw_mailbox *mailbox = NULL;

    meter_init(&meter);
    ck_assert_int_eq(gw_mailbox_new(&mailbox, &meter.alloc, slots, letter_bytes), 0);
    return mailbox;
}

static const struct {
    size_t letter_bytes;
    uint32_t slots;
    int left, expect;
} sizes[] = {
    {1, 1, 1, 0},
    {8, 2, 1, 0},
    {4, 65536, 1, 0},
    {8, 0, 1, -EINVAL},
    {8, 3, 1, -EINVAL},
    {8, 65535, 1, -EINVAL},
    {8, 131072, 1, -EINVAL},
    {8, 1u << 31, 1, -EINVAL},
    {0, 1, 1, -EINVAL},
    {SIZE_MAX / 2, 1, 1, -ENOMEM},
    {SIZE_MAX / 65536, 65536, 1, -ENOMEM},
    {8, 1, 0, -ENOMEM},
};

START_TEST(sizes_are_checked_and_memory_may_run_out)
{
    struct gw_mailbox *mailbox = NULL;

    meter_init(&meter);
    meter.left = sizes[_i].left;
    ck_assert_int_eq(
        gw_mailbox_new(&mailbox, &meter.alloc, sizes[_i].slots, sizes[_i].letter_bytes),
        sizes[_i].expect);
    ck_assert_int_eq(mailbox != NULL, sizes[_i].expect == 0);
    gw_mailbox_free(mailbox);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

static const uint32_t slot_counts[] = {1, 2, 4, 64};

START_TEST(an_ordinary_letter_is_taken_while_fewer_than_slots_wait)
{
    uint32_t slots = slot_counts[_i], letter;
    struct gw_mailbox *mailbox = new_mailbox(slots, sizeof(letter));

    ck_assert(!gw_mailbox_waiting(mailbox));
    ck_assert(!gw_mailbox_take(mailbox, &letter));
    for (letter = 0; letter < slots; letter++)
        ck_assert(gw_mailbox_post(mailbox, &letter));
    ck_assert(!gw_mailbox_post(mailbox, &letter));
    ck_assert(gw_mailbox_waiting(mailbox));
    ck_assert(gw_mailbox_take(mailbox, &letter));
    ck_assert_uint_eq(letter, 0);
    letter = slots;
    ck_assert(gw_mailbox_post(mailbox, &letter));
    ck_assert(!gw_mailbox_post(mailbox, &letter));
    gw_mailbox_free(mailbox); /* the letters in it are dropped */
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

START_TEST(replies_find_room_behind_a_full_mailbox_and_keep_the_order)
{
    uint32_t slots = slot_counts[_i], letter;
    struct gw_mailbox *mailbox = new_mailbox(slots, sizeof(letter));

    for (letter = 0; letter < slots; letter++)
        ck_assert(gw_mailbox_post(mailbox, &letter));
    for (; letter < 2 * slots; letter++)
        gw_mailbox_reply(mailbox, &letter);
    /* The replies count too: post finds room only when fewer than `slots` wait in all. */
    for (uint32_t i = 0; i < 2 * slots; i++) {
        if (i <= slots)
            ck_assert(!gw_mailbox_post(mailbox, &letter));
        ck_assert(gw_mailbox_take(mailbox, &letter));
        ck_assert_uint_eq(letter, i);
    }
    ck_assert(!gw_mailbox_take(mailbox, &letter));
    ck_assert(!gw_mailbox_waiting(mailbox));
    gw_mailbox_free(mailbox);
}
END_TEST

START_TEST(a_reply_that_was_never_asked_for_is_a_bug)
{
    struct gw_mailbox *mailbox = new_mailbox(1, 1);

    gw_mailbox_reply(mailbox, "a");
    gw_mailbox_reply(mailbox, "b");
    gw_mailbox_reply(mailbox, "c");
}
END_TEST

START_TEST(a_failed_take_leaves_the_letter_alone)
{
    struct gw_mailbox *mailbox = new_mailbox(1, 4);
    char letter[4] = "abc";

    ck_assert(!gw_mailbox_take(mailbox, letter));
    ck_assert_str_eq(letter, "abc");
    gw_mailbox_free(mailbox);
}
END_TEST

/* Every fill level at every place of the ring, with letters of an odd size. */
START_TEST(letters_stay_whole_wherever_they_lie_in_the_ring)
{
    enum { SLOTS = 4, BYTES = 13 };
    struct gw_mailbox *mailbox = new_mailbox(SLOTS, BYTES);
    uint8_t next_in = 0, next_out = 0, letter[BYTES], expect[BYTES];

    for (int round = 0; round < 2 * SLOTS * 5; round++) {
        int fill = 1 + round % SLOTS;

        for (int i = 0; i < fill; i++) {
            memset(letter, next_in++, BYTES);
            ck_assert(gw_mailbox_post(mailbox, letter));
        }
        while (gw_mailbox_waiting(mailbox)) {
            memset(expect, next_out++, BYTES);
            ck_assert(gw_mailbox_take(mailbox, letter));
            ck_assert_mem_eq(letter, expect, BYTES);
        }
        ck_assert_uint_eq(next_in, next_out);
    }
    gw_mailbox_free(mailbox);
}
END_TEST

/* ---- Two threads ---- */

enum { LETTERS = 100000 };

/* Ordinary letters and replies are numbered in one row. A reply is sent only for a question, and
 * the consumer has at most as many questions open as there are slots. */
struct correspondence {
    struct gw_mailbox *mailbox;
    struct gw_mailbox *questions;
};

struct letter {
    uint64_t number;
    uint64_t inverse; /* ~number: a letter torn in two would not match */
    bool reply;
};

static struct letter letter_of(uint64_t number, bool reply)
{
    return (struct letter){.number = number, .inverse = ~number, .reply = reply};
}

static void *produce(void *ctx)
{
    struct correspondence *c = ctx;
    uint64_t number = 0;

    while (number < LETTERS) {
        struct letter out = letter_of(number, false);
        uint8_t question;

        if (gw_mailbox_take(c->questions, &question)) {
            out.reply = true;
            gw_mailbox_reply(c->mailbox, &out);
            number++;
        } else if (gw_mailbox_post(c->mailbox, &out)) {
            number++;
        } else {
            sched_yield();
        }
    }
    return NULL;
}

START_TEST(two_threads_exchange_letters_in_order)
{
    uint32_t slots = slot_counts[_i], unanswered = 0;
    struct correspondence c;
    pthread_t producer;
    uint64_t expect = 0;
    struct letter in;

    meter_init(&meter);
    ck_assert_int_eq(gw_mailbox_new(&c.mailbox, &meter.alloc, slots, sizeof(struct letter)), 0);
    ck_assert_int_eq(gw_mailbox_new(&c.questions, &meter.alloc, slots, 1), 0);
    ck_assert_int_eq(pthread_create(&producer, NULL, produce, &c), 0);
    while (expect < LETTERS) {
        if (unanswered < slots && gw_mailbox_post(c.questions, "?"))
            unanswered++;
        if (!gw_mailbox_take(c.mailbox, &in)) {
            sched_yield();
            continue;
        }
        if (in.number != expect || in.inverse != ~expect)
            ck_abort_msg("letter %ju where %ju was due", (uintmax_t)in.number, (uintmax_t)expect);
        expect++;
        unanswered -= in.reply;
    }
    ck_assert_int_eq(pthread_join(producer, NULL), 0);
    ck_assert(!gw_mailbox_waiting(c.mailbox));
    gw_mailbox_free(c.mailbox);
    gw_mailbox_free(c.questions);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

static void fill_suite(TCase *tests)
{
    const char *fork_mode = getenv("CK_FORK");

    if (!fork_mode || strcmp(fork_mode, "no") != 0) /* it ends its process */
        tcase_add_test_raise_signal(tests, a_reply_that_was_never_asked_for_is_a_bug, SIGABRT);
    tcase_add_loop_test(tests, sizes_are_checked_and_memory_may_run_out, 0, SUITE_ROWS(sizes));
    tcase_add_loop_test(tests, an_ordinary_letter_is_taken_while_fewer_than_slots_wait, 0,
                        SUITE_ROWS(slot_counts));
    tcase_add_loop_test(tests, replies_find_room_behind_a_full_mailbox_and_keep_the_order, 0,
                        SUITE_ROWS(slot_counts));
    tcase_add_test(tests, a_failed_take_leaves_the_letter_alone);
    tcase_add_test(tests, letters_stay_whole_wherever_they_lie_in_the_ring);
    tcase_add_loop_test(tests, two_threads_exchange_letters_in_order, 0, SUITE_ROWS(slot_counts));
}

int main(void)
{
    return suite_main("loop/mailbox", fill_suite);
}
