/* session.h - the sessions whose home this hub is.
 *
 * A session is found by the hash of its name. Either nobody holds it, and then its watermark is
 * here, until session_ttl is over or there are too many of the kind; or a connection does, on
 * whatever worker, and has the watermark with it. Whoever comes back under the name of a session
 * that is held makes its home call the watermark back, and waits for that.
 *
 * Internal to the room; others see hub.h.
 *
 * Threads: the hub's own. */
#ifndef GW_HUB_SESSION_H
#define GW_HUB_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/link.h"
#include "core/map.h"
#include "core/slab.h"
#include "hub/watermark.h"

struct gw_hub;
struct gw_letter;

/* Who has asked for a session, and waits for the one who holds it. */
struct gw_claimant {
    struct gw_watermark *claim; /* owned; NULL: nobody */
    uint64_t who;
    uint8_t worker;
};

struct gw_session {
    struct gw_link link;   /* not held: among all of those, the oldest first; held: perhaps among
                              those to be recalled */
    struct gw_link beside; /* not held: among those of its address, the oldest first */
    struct gw_watermark *watermark; /* owned; NULL while it is held */
    struct gw_claimant claimant;
    uint64_t id[2], binding;
    uint64_t handle; /* its own */
    uint64_t holder; /* who */
    uint64_t expires_ns;
    uint32_t attempt; /* the highest so far */
    uint32_t address; /* index, while not held; GW_SLAB_NONE: not counted */
    uint8_t holder_worker;
    uint8_t told;  /* enum gw_reset: word of it is on its way to the client */
    bool recalled; /* its holder has been written to, or will be */
};

/* The sessions of one address that nobody holds. */
struct gw_session_address {
    struct gw_link sessions; /* the oldest first */
    uint64_t hash;
    uint32_t count;
};

struct gw_sessions {
    struct gw_slab *slab, *addresses;
    struct gw_map *by_id, *by_address;
    struct gw_link kept;      /* that nobody holds, the oldest first */
    struct gw_link to_recall; /* from their holders, when there is room for the letter */
    uint32_t kept_count;
};

int gw_sessions_init(struct gw_hub *hub); /* 0 or -ENOMEM */
void gw_sessions_fini(struct gw_hub *hub);

void gw_sessions_receive(struct gw_hub *hub, struct gw_letter *letter);

/* Posts what waits for room in a mailbox, or for a credit; and does something that nothing else
 * will remind of? */
void gw_sessions_post(struct gw_hub *hub);
bool gw_sessions_must_post(const struct gw_hub *hub);

void gw_sessions_tick(struct gw_hub *hub);
uint64_t gw_sessions_wait_ns(const struct gw_hub *hub);
void gw_sessions_check(const struct gw_hub *hub);

#endif
