/* channel.h - a channel on one worker, and the dense array of its subscribers' slots.
 *
 * On its home worker a channel gives out offsets and knows the branches; elsewhere it is a branch,
 * a copy of the home's log as far as readers need it. A channel that never saw a publication has no
 * log; one that nobody has used for a while is a husk: name, epoch, head and tag.
 *
 * The slots are what a sweep reads, one after the other, so they hold all that it needs to decide,
 * in 16 bytes. A subscription knows its place in them, and is what others name.
 *
 * Threads: the hub's own. */
#ifndef GW_HUB_CHANNEL_H
#define GW_HUB_CHANNEL_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/wheel.h"
#include "hub/keys.h"
#include "hub/letter.h"
#include "hub/log.h"

#define GW_NONE UINT32_MAX /* no index */

/* A cursor: `next` is the offset of the publication that its reader wants next. */
struct gw_slot {
    uint64_t next : 53;
    uint64_t variant : 4;
    uint64_t blocked : 1; /* its connection says: not now */
    uint64_t awake : 1;   /* in the hub's wake list */
    uint64_t waiting : 1; /* the home has not answered yet: there is no cursor */
    uint64_t lost : 1;    /* it lost its place and was told: nothing more until it goes on */
    uint64_t gone : 1;    /* unsubscribed: in the hub's gone list */
    uint64_t tracked : 1; /* its connection wants to know when something was sent */
    int32_t fd;
    uint32_t subscription;
};

/* In the wake list while its slot is awake, in the gone list while it is gone; never in both. */
struct gw_subscription {
    uint64_t who;
    uint32_t channel, slot; /* indices */
    uint32_t prev, next;    /* in the list */
};

static_assert(sizeof(struct gw_slot) == 16, "four slots to a cache line");
static_assert(sizeof(struct gw_subscription) + 8 + sizeof(struct gw_slot) <= 48,
              "a subscription, with the slab's 8 bytes and its slot");
static_assert(GW_VARIANTS_MAX <= 16, "a slot's variant has 4 bits");

/* A branch as its home knows it. */
struct gw_branch {
    uint64_t handle;   /* of the channel on the branch's worker */
    uint64_t cursor;   /* the first publication not yet posted to it */
    uint64_t complete; /* while `restarted`: as in its letter */
    uint32_t subscribers;
    uint8_t worker;
    bool late;      /* its own sweep is behind: publishers wait */
    bool restarted; /* the stream has started over, and it has not been told */
};

struct gw_branches {
    uint32_t count, room;
    struct gw_branch at[];
};

/* What a branch is to its home (home.c, branch.c). */
enum gw_branch_state {
    GW_BRANCH_NONE,      /* the home knows nothing of it */
    GW_BRANCH_JOINING,   /* it has asked, and not been answered yet */
    GW_BRANCH_JOINED,    /* everything the home appends is posted to it */
    GW_BRANCH_LINGERING, /* the same, but the last subscriber is gone */
    GW_BRANCH_LEAVING    /* it has said so; until LEFT comes the old life goes on */
};

/* What a channel's one timer is set for. */
enum gw_channel_timer {
    GW_TIMER_NONE,
    GW_TIMER_AGE,
    GW_TIMER_IDLE,
    GW_TIMER_HUSK,
    GW_TIMER_LINGER
};

struct gw_channel {
    struct gw_timer timer; /* `spare` is the channel's own index */
    struct gw_log *log;    /* NULL: first is head + 1 */
    union {
        struct {
            struct gw_slot *slots;
            uint32_t slot_count, slot_room;
        };
        struct gw_link husk_link; /* while `husk`: in the hub's list of them */
    };
    union {
        struct gw_branches *branches; /* at home; NULL while there is none */
        uint64_t home;                /* at a branch, from JOINED to LEFT: handle there */
    };
    struct gw_name *name; /* owned */
    struct gw_keys *keys; /* at home; NULL while there is none */
    uint64_t epoch;       /* 0 at a branch that has not joined */
    uint64_t head;        /* the last offset given out, 0 before the first */
    uint64_t head_tag;
    uint32_t subscribers; /* slots not gone */
    uint32_t held_count;  /* slots blocked, awake or lost: somebody may be behind */
    uint32_t sweep_left;  /* slots 0 .. sweep_left - 1 are still to be visited */
    uint32_t dirty_next;  /* in the hub's list of channels to be swept */
    uint32_t tidy_next;   /* in the hub's list of channels to be looked at as a turn ends */
    uint32_t asks;        /* at a branch: JOINs queued or unanswered */
    uint32_t told_count;  /* at a branch: the subscribers that the home knows of */
    uint8_t home_worker;
    uint8_t state;     /* at a branch: enum gw_branch_state */
    uint8_t timer_for; /* enum gw_channel_timer */
    bool husk : 1;
    bool dirty : 1, tidy : 1;     /* in these lists */
    bool circling : 1;            /* a sweep has begun and not ended */
    bool circle_done : 1;         /* one has ended since units were last given back */
    bool late : 1, told_late : 1; /* at a branch: its sweep is behind; the home knows */
};

static_assert(sizeof(struct gw_channel) <= 128, "a channel without its slots and name");

struct gw_str gw_channel_name(const struct gw_channel *channel);

/* The first offset that is kept; head + 1 when nothing is. */
uint64_t gw_channel_first(const struct gw_channel *channel);

/* Whether the tag of publication `offset` is known, and which. That of 0 is 0. */
bool gw_channel_tag(const struct gw_channel *channel, uint64_t offset, uint64_t *tag);

/* Adds a slot at the end, its place in `*index`; 0 or -ENOMEM. It is not in a running sweep. */
int gw_channel_add_slot(struct gw_channel *channel, const struct gw_alloc *alloc,
                        const struct gw_slot *slot, uint32_t *index);

/* Takes a slot out; the last one comes in its place. Returns the subscription of that one, which is
 * now at `index`, or GW_NONE. A running sweep goes downwards, so that what comes in has been
 * visited already or is visited (again): nobody is passed over. */
uint32_t gw_channel_remove_slot(struct gw_channel *channel, const struct gw_alloc *alloc,
                                uint32_t index);

/* Sets these flags of a slot, and keeps held_count. */
void gw_channel_block(struct gw_channel *channel, struct gw_slot *slot, bool blocked);
void gw_channel_wake(struct gw_channel *channel, struct gw_slot *slot, bool awake);
void gw_channel_lose(struct gw_channel *channel, struct gw_slot *slot, bool lost);

#endif
