/* channel_test.c - the slots of a channel, and which tags it knows. */
#include "hub/channel.h"

#include "lib/meter.h"
#include "lib/must.h"
#include "lib/seeded.h"
#include "lib/suite.h"

static struct meter meter;
static struct gw_units units;
static struct gw_channel channel;
static uint64_t total;

static void open_channel(void)
{
    meter_init(&meter);
    channel = (struct gw_channel){0};
}

static void close_channel(void)
{
    while (channel.slot_count > 0)
        (void)gw_channel_remove_slot(&channel, &meter.alloc, 0);
    ck_assert_ptr_null(channel.slots);
    ck_assert_int_eq(meter.live, 0);
}

/* The slot of subscription `number`; returns its place. */
static uint32_t add(uint32_t number)
{
    const struct gw_slot slot = {.subscription = number};
    uint32_t place;

    MUST(gw_channel_add_slot(&channel, &meter.alloc, &slot, &place) == 0);
    return place;
}

/* --- Slots --- */

START_TEST(a_new_slot_is_the_last)
{
    open_channel();
    for (uint32_t i = 0; i < 100; i++)
        ck_assert_uint_eq(add(1000 + i), i);
    for (uint32_t i = 0; i < 100; i++)
        ck_assert_uint_eq(channel.slots[i].subscription, 1000 + i);
    close_channel();
}
END_TEST

/* For twice as many at most two allocations, and never more room than for half as many again. */
START_TEST(room_for_slots_grows_by_half)
{
    long before = 0;

    open_channel();
    for (uint32_t count = 1; count <= 16384; count++) {
        (void)add(count);
        MUST(channel.slot_room <= count + count / 2);
        if ((count & (count - 1)) != 0)
            continue;
        if (count > 4)
            ck_assert_int_le(meter.taken, before + 2);
        before = meter.taken;
    }
    close_channel();
}
END_TEST

/* And not before; then there is still room for twice as many, so that the next one costs nothing.
 */
START_TEST(memory_of_slots_goes_back_when_three_quarters_are_free)
{
    uint32_t room;
    long taken;

    open_channel();
    for (uint32_t i = 0; i < 1000; i++)
        (void)add(i);
    room = channel.slot_room;
    taken = meter.taken;
    while (channel.slot_count > room / 4 + 1)
        (void)gw_channel_remove_slot(&channel, &meter.alloc, 0);
    ck_assert_uint_eq(channel.slot_room, room);
    ck_assert_int_eq(meter.taken, taken);
    (void)gw_channel_remove_slot(&channel, &meter.alloc, 0);
    ck_assert_uint_lt(channel.slot_room, room);
    ck_assert_uint_ge(channel.slot_room, 2 * channel.slot_count);
    close_channel();
}
END_TEST

static const struct {
    uint32_t count, index;
    uint32_t moved; /* the subscription that is at `index` then */
} removals[] = {{1, 0, GW_NONE}, {2, 1, GW_NONE}, {2, 0, 101}, {10, 3, 109}, {10, 9, GW_NONE}};

START_TEST(the_last_slot_takes_the_place_of_one_that_goes)
{
    open_channel();
    for (uint32_t i = 0; i < removals[_i].count; i++)
        (void)add(100 + i);
    ck_assert_uint_eq(gw_channel_remove_slot(&channel, &meter.alloc, removals[_i].index),
                      removals[_i].moved);
    ck_assert_uint_eq(channel.slot_count, removals[_i].count - 1);
    for (uint32_t i = 0; i < channel.slot_count; i++)
        ck_assert_uint_eq(channel.slots[i].subscription,
                          i == removals[_i].index ? removals[_i].moved : 100 + i);
    close_channel();
}
END_TEST

/* A sweep goes downwards: of ten, `left` are still to be visited. */
START_TEST(a_sweep_visits_no_more_than_there_are)
{
    for (uint32_t left = 0; left <= 10; left++) {
        open_channel();
        for (uint32_t i = 0; i < 10; i++)
            (void)add(i);
        channel.sweep_left = left;
        (void)gw_channel_remove_slot(&channel, &meter.alloc, 0);
        ck_assert_uint_eq(channel.sweep_left, left < 9 ? left : 9);
        close_channel();
    }
}
END_TEST

/* In any order of three flags, one slot is held as long as it has one. */
START_TEST(a_slot_is_held_once_whatever_holds_it)
{
    void (*const set[])(struct gw_channel *, struct gw_slot *,
                        bool) = {gw_channel_block, gw_channel_wake, gw_channel_lose};
    const struct gw_slot blocked = {.blocked = 1};
    struct seeded seeded = {.state = 1};
    uint32_t place;
    unsigned flags = 0;

    open_channel();
    (void)add(1);
    ck_assert_int_eq(gw_channel_add_slot(&channel, &meter.alloc, &blocked, &place), 0);
    for (unsigned step = 0; step < 1000; step++) {
        unsigned which = (unsigned)seeded_below(&seeded, 3);
        bool on = seeded_below(&seeded, 2) == 1;

        set[which](&channel, &channel.slots[0], on);
        flags = on ? flags | 1u << which : flags & ~(1u << which);
        ck_assert_uint_eq(channel.held_count, 1 + (flags != 0));
    }
    gw_channel_wake(&channel, &channel.slots[0], true);
    (void)gw_channel_remove_slot(&channel, &meter.alloc, 0);
    ck_assert_uint_eq(channel.held_count, 1);
    (void)gw_channel_remove_slot(&channel, &meter.alloc, 0);
    ck_assert_uint_eq(channel.held_count, 0);
    close_channel();
}
END_TEST

/* --- Tags --- */

/* Publications 5 to 9 are kept, and the tag of 4; each is a hundred times the offset. */
static const struct {
    uint64_t offset, tag;
    bool known;
} tags[] = {
    {0, 0, true},
    {1, 0, false},
    {3, 0, false},
    {4, 400, true},
    {5, 500, true},
    {7, 700, true},
    {8, 800, true},
    {9, 900, true},
    {10, 0, false},
    {11, 0, false},
    {GW_OFFSET_MAX, 0, false},
};

START_TEST(tags_are_known_from_before_the_first_to_the_head)
{
    uint64_t tag = 77;

    open_channel();
    ck_assert_int_eq(gw_units_init(&units, &meter.alloc, 1 << 20), 0);
    ck_assert_int_eq(gw_log_new(&channel.log, &meter.alloc, &units, &total, 5, 400), 0);
    ck_assert_int_eq(gw_log_reserve(channel.log, 5), 0);
    for (uint64_t offset = 5; offset < 10; offset++) {
        struct gw_pub *pub;

        ck_assert_int_eq(gw_pub_new(&pub, &meter.alloc, &(struct gw_pub_parts){.kind = 0}), 0);
        pub->offset = offset;
        pub->tag = 100 * offset;
        gw_log_append(channel.log, pub);
    }
    channel.head = 9;
    channel.head_tag = 900;
    ck_assert_uint_eq(gw_channel_first(&channel), 5);
    ck_assert_int_eq(gw_channel_tag(&channel, tags[_i].offset, &tag), tags[_i].known);
    if (tags[_i].known)
        ck_assert_uint_eq(tag, tags[_i].tag);
    gw_log_free(channel.log);
    channel.log = NULL;
    ck_assert_uint_eq(gw_channel_first(&channel), 10); /* and of the head without a log */
    ck_assert_int_eq(gw_channel_tag(&channel, tags[_i].offset, &tag),
                     tags[_i].offset == 0 || tags[_i].offset == 9);
    gw_units_fini(&units);
    close_channel();
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_new_slot_is_the_last);
    tcase_add_test(tests, room_for_slots_grows_by_half);
    tcase_add_test(tests, memory_of_slots_goes_back_when_three_quarters_are_free);
    tcase_add_loop_test(tests, the_last_slot_takes_the_place_of_one_that_goes, 0,
                        SUITE_ROWS(removals));
    tcase_add_test(tests, a_sweep_visits_no_more_than_there_are);
    tcase_add_test(tests, a_slot_is_held_once_whatever_holds_it);
    tcase_add_loop_test(tests, tags_are_known_from_before_the_first_to_the_head, 0,
                        SUITE_ROWS(tags));
}

int main(void)
{
    return suite_main("hub/channel", fill);
}
