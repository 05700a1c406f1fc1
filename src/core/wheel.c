#include "core/wheel.h"

#include <assert.h>
#include <stddef.h>

#define TICK_NS   (GW_WHEEL_TICK_MS * UINT64_C(1000000))
#define MASK      (GW_WHEEL_BUCKETS - 1)
#define TICKS_MAX ((uint64_t)1 << 30) /* a timer lies no further ahead than this */

static_assert((GW_WHEEL_BUCKETS & MASK) == 0, "ticks wrap, so the buckets must divide 2^32");
static_assert(GW_WHEEL_BUCKETS % 64 == 0, "the bits fill their words");
static_assert(sizeof(struct gw_timer) <= 24, "every connection has one");

void gw_wheel_init(struct gw_wheel *wheel, uint64_t now_ns)
{
    *wheel = (struct gw_wheel){.now_ns = now_ns, .now_tick = now_ns / TICK_NS};
    gw_link_init(&wheel->due);
    for (uint32_t i = 0; i < GW_WHEEL_BUCKETS; i++)
        gw_link_init(&wheel->buckets[i]);
}

void gw_timer_init(struct gw_timer *timer)
{
    *timer = (struct gw_timer){.due_tick = 0};
    gw_link_init(&timer->link);
}

bool gw_timer_is_set(const struct gw_timer *timer)
{
    return timer->link.next && !gw_link_empty(&timer->link);
}

static void mark(struct gw_wheel *wheel, uint32_t bucket)
{
    uint64_t bit = (uint64_t)1 << (bucket % 64);

    if (gw_link_empty(&wheel->buckets[bucket]))
        wheel->occupied[bucket / 64] &= ~bit;
    else
        wheel->occupied[bucket / 64] |= bit;
}

void gw_wheel_cancel(struct gw_wheel *wheel, struct gw_timer *timer)
{
    if (!gw_timer_is_set(timer))
        return;
    gw_link_remove(&timer->link);
    wheel->set_count--;
    mark(wheel, timer->due_tick & MASK); /* right for one that was in `due`, too: nothing changes */
}

void gw_wheel_set(struct gw_wheel *wheel, struct gw_timer *timer, uint64_t due_ns)
{
    uint64_t tick = due_ns / TICK_NS + (due_ns % TICK_NS > 0); /* never early: rounded up */

    gw_wheel_cancel(wheel, timer);
    if (tick > wheel->now_tick + TICKS_MAX)
        tick = wheel->now_tick + TICKS_MAX;
    timer->due_tick = (uint32_t)tick;
    wheel->set_count++;
    if (due_ns <= wheel->now_ns) {
        gw_link_append(&wheel->due, &timer->link);
        return;
    }
    gw_link_append(&wheel->buckets[tick & MASK], &timer->link);
    mark(wheel, tick & MASK);
}

/* Moves the timers of the bucket at `now_tick` that are due into `due`, and time on by a tick. */
static void work_off_bucket(struct gw_wheel *wheel)
{
    uint32_t tick = (uint32_t)wheel->now_tick, bucket = tick & MASK;
    struct gw_link *list = &wheel->buckets[bucket], *next;

    for (struct gw_link *link = list->next; link != list; link = next) {
        struct gw_timer *timer = GW_CONTAINER(link, struct gw_timer, link);

        next = link->next;
        if ((int32_t)(timer->due_tick - tick) > 0) /* of a later round */
            continue;
        gw_link_remove(link);
        gw_link_append(&wheel->due, link);
    }
    mark(wheel, bucket);
    wheel->now_tick++;
}

/* Ticks from `now_tick` to the next bucket with something in it; GW_WHEEL_BUCKETS when all are
 * empty. */
static uint32_t ticks_to_occupied(const struct gw_wheel *wheel)
{
    uint32_t start = (uint32_t)wheel->now_tick & MASK;

    for (uint32_t ahead = 0; ahead < GW_WHEEL_BUCKETS;) {
        uint32_t bucket = (start + ahead) & MASK;
        uint64_t bits = wheel->occupied[bucket / 64] >> (bucket % 64);

        if (bits) {
            ahead += (uint32_t)__builtin_ctzll(bits);
            return ahead < GW_WHEEL_BUCKETS ? ahead : GW_WHEEL_BUCKETS;
        }
        ahead += 64 - bucket % 64;
    }
    return GW_WHEEL_BUCKETS;
}

/* After so long a jump that whatever is set is due. */
static void take_all(struct gw_wheel *wheel)
{
    for (uint32_t i = 0; i < GW_WHEEL_BUCKETS; i++) {
        struct gw_link *list = &wheel->buckets[i], *last = wheel->due.prev;

        if (gw_link_empty(list))
            continue;
        last->next = list->next;
        list->next->prev = last;
        wheel->due.prev = list->prev;
        list->prev->next = &wheel->due;
        gw_link_init(list);
        mark(wheel, i);
    }
}

/* Works off buckets up to and with that of `last_tick`, but no more than it takes to find something
 * that is due, and always one: else a timer that is set to the past again and again by its own
 * handler would keep all others waiting. */
static void work_off(struct gw_wheel *wheel, uint64_t last_tick)
{
    if (last_tick - wheel->now_tick > TICKS_MAX)
        take_all(wheel);
    /* After more than a round, its last GW_WHEEL_BUCKETS ticks meet every bucket once, and what the
     * others had left is taken along. (Right while no bucket waits longer than 2^31 ticks, more
     * than a year, for its turn.) */
    if (last_tick - wheel->now_tick >= GW_WHEEL_BUCKETS)
        wheel->now_tick = last_tick - MASK;
    do {
        uint32_t ahead = ticks_to_occupied(wheel);

        if (ahead > last_tick - wheel->now_tick) {
            wheel->now_tick = last_tick + 1;
            return;
        }
        wheel->now_tick += ahead;
        work_off_bucket(wheel);
    } while (gw_link_empty(&wheel->due) && wheel->now_tick <= last_tick);
}

struct gw_timer *gw_wheel_expire(struct gw_wheel *wheel, uint64_t now_ns)
{
    struct gw_link *first;

    if (now_ns > wheel->now_ns)
        wheel->now_ns = now_ns;
    if (wheel->now_tick <= now_ns / TICK_NS)
        work_off(wheel, now_ns / TICK_NS);
    first = gw_link_first(&wheel->due);
    if (!first)
        return NULL;
    gw_link_remove(first);
    wheel->set_count--;
    return GW_CONTAINER(first, struct gw_timer, link);
}

uint64_t gw_wheel_wait_ns(const struct gw_wheel *wheel, uint64_t now_ns)
{
    uint64_t tick;

    if (!gw_link_empty(&wheel->due))
        return 0;
    if (wheel->set_count == 0)
        return UINT64_MAX;
    tick = wheel->now_tick + ticks_to_occupied(wheel);
    if (tick <= now_ns / TICK_NS)
        return 0;
    return tick * TICK_NS - now_ns;
}
