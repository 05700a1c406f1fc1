/* wheel.h - a hashed timer wheel, as data: it knows no clock.
 *
 * A server has one timer a connection, nearly all of which are moved before they fire. So setting
 * and moving is two list operations, and expiry looks only at the buckets that time has passed.
 * A bucket holds every timer whose tick is equal modulo the bucket count; those of a later round
 * stay. Resolution is one tick of GW_WHEEL_TICK_MS: a timer fires at its time or up to a tick late,
 * never early.
 *
 * Threads: the owner's own. */
#ifndef GW_CORE_WHEEL_H
#define GW_CORE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/link.h"

#define GW_WHEEL_TICK_MS 16u
#define GW_WHEEL_BUCKETS 4096u /* 65 s a round: the default intervals fit in one */

/* Lives inside its owner; 24 bytes. Zeroed or gw_timer_init()ed is idle. */
struct gw_timer {
    struct gw_link link;
    uint32_t due_tick; /* valid while set; ticks wrap, differences do not mind */
    uint32_t spare;    /* the owner's to use */
};

/* Buckets are worked off tick by tick: every timer due before `now_tick` is in `due` or has been
 * returned, so a caller that stops early goes on where it stopped. A bit of `occupied` is set
 * exactly where the bucket is not empty. */
struct gw_wheel {
    uint64_t now_ns;    /* the latest time that expiry was told */
    uint64_t now_tick;  /* the next tick to work off, at most one above that of now_ns */
    uint32_t set_count; /* timers in the buckets and in `due` */
    struct gw_link due;
    uint64_t occupied[GW_WHEEL_BUCKETS / 64];
    struct gw_link buckets[GW_WHEEL_BUCKETS];
};

void gw_wheel_init(struct gw_wheel *wheel, uint64_t now_ns);

void gw_timer_init(struct gw_timer *timer);
bool gw_timer_is_set(const struct gw_timer *timer);

/* Sets or moves a timer to fire at `due_ns` (in the past: at the next expiry). A time further away
 * than 2^30 ticks (198 days) is brought down to that. */
void gw_wheel_set(struct gw_wheel *wheel, struct gw_timer *timer, uint64_t due_ns);
void gw_wheel_cancel(struct gw_wheel *wheel, struct gw_timer *timer); /* idle is fine */

/* Takes out one timer that is due at `now_ns`, or NULL when there is none (left). Call it until
 * NULL or until the turn's budget is spent: what is left stays due. Those of an earlier tick come
 * first, but not after a jump of more than a round. One call works off one bucket that is not empty
 * or, while nothing is due, several. Within a turn, a timer set to a
 * time not after `now_ns` by the handler of another may be returned again: budget your loop. */
struct gw_timer *gw_wheel_expire(struct gw_wheel *wheel, uint64_t now_ns);

/* How long from `now_ns` until the wheel wants to be looked at: 0 when something is due,
 * UINT64_MAX when nothing is set. May be early (a bucket of a later round), never late. */
uint64_t gw_wheel_wait_ns(const struct gw_wheel *wheel, uint64_t now_ns);

#endif
