/* watermark.h - how far a session has got in each of its channels.
 *
 * A session is what survives a connection: its client made up a name for it, and comes back under
 * that name. The watermark is all there is to know of it. It belongs to one place at a time: to the
 * session's home while nobody is connected, else to the connection that holds the session; so there
 * is no second copy that could be behind, and whoever has lost it cannot move it.
 *
 * Names, users, origins and addresses are kept as keyed hashes only: they are compared, never read.
 *
 * Threads: plain data. */
#ifndef GW_HUB_WATERMARK_H
#define GW_HUB_WATERMARK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"
#include "hub/position.h"

struct gw_alloc;

struct gw_mark {
    uint64_t channel; /* hash of its name */
    struct gw_position position;
};

/* What its home is to do with one that is given back. */
enum gw_release {
    GW_RELEASE_KEEP, /* for whoever comes back */
    GW_RELEASE_TOLD, /* what it lacks is gone, and the client has been sent word of that (`reset`):
                        whoever comes back is told the same */
    GW_RELEASE_UNHEARD, /* nothing: it says what is to be told, and nobody is known to have heard */
    GW_RELEASE_FORGET   /* the client has had that word: if the session still is as TOLD left it */
};

struct gw_watermark {
    struct gw_watermark *next; /* in the queue of those that wait to be posted */
    uint64_t id[2];            /* hash of the name */
    uint64_t binding;          /* hash of user, Origin and channels: others may not have it */
    uint64_t address;          /* hash of the client's; 0: not counted by address */
    uint64_t session;          /* handle at its home, once claimed */
    uint64_t who;              /* while it waits to be posted as a claim: for whom */
    uint32_t attempt;
    uint8_t release; /* enum gw_release */
    uint8_t reset;   /* enum gw_reset, with GW_RELEASE_TOLD */
    bool stood;      /* `marks` say where to go on; false until its subscriptions stand */
    uint32_t count;
    struct gw_mark marks[];
};

/* Whose session, and what it is called. Borrowed. */
struct gw_session_name {
    struct gw_str id;   /* as the client made it up */
    struct gw_str user; /* what distinguishes it from others: any bytes */
    struct gw_str origin;
    struct gw_str address; /* len 0: not counted by address */
    uint32_t attempt;
};

/* Makes one with room for `count` channels, none of which is in it yet; `key` is that of all hubs
 * of the node. Returns NULL when memory is out. Given back with gw_watermark_free(). */
struct gw_watermark *gw_watermark_new(const struct gw_alloc *alloc, const uint8_t key[16],
                                      const struct gw_session_name *name, uint32_t count);
void gw_watermark_free(struct gw_watermark *watermark,
                       const struct gw_alloc *alloc); /* NULL: fine */

/* Adds a channel. In whatever order they come: the same channels make the same binding. */
void gw_watermark_add(struct gw_watermark *watermark, const uint8_t key[16], struct gw_str channel);

/* A small one that says GW_RELEASE_FORGET of the same session; NULL when memory is out. */
struct gw_watermark *gw_watermark_receipt(const struct gw_alloc *alloc,
                                          const struct gw_watermark *watermark);

/* Takes over how far `old`, of the same session, had got. */
void gw_watermark_take_over(struct gw_watermark *watermark, const struct gw_watermark *old);

#endif
