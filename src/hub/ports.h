/* ports.h - what the hub needs from outside, and declares here because it meets nobody.
 *
 * Threads: called on the hub's own, from within hub functions. A port must not call back into the
 * hub except where it says so. */
#ifndef GW_HUB_PORTS_H
#define GW_HUB_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/letter.h"

struct gw_pub;
struct gw_unit_pin;
struct gw_watermark;

/* A publication, and whose it is; borrowed for the call. */
struct gw_entry {
    const struct gw_pub *pub;
    struct gw_str channel;
    uint64_t epoch;
};

/* One way to put a publication on a wire: encoding x framing x compression. What comes out depends
 * on the entry alone; `ctx` (gw_hub_options.variant_ctx) is what it takes to make it. */
struct gw_variant {
    const char *name;
    /* Its readers can be told that the stream has started over, so all of them are; else only those
     * who had not had everything. */
    bool tells_epoch;
    size_t (*size_max)(const struct gw_entry *entry); /* of the unit: 1 to UINT32_MAX */
    /* Writes the unit into so many bytes; returns how many it is, at least 1. */
    size_t (*write)(void *ctx, const struct gw_entry *entry, uint8_t *out);
};

struct gw_published {
    int status; /* 0, or why it was not published */
    struct gw_position position;
    uint32_t subscribers;
    bool duplicate; /* its key was known: `position` is that of the first, and nothing was added */
};

struct gw_subscribed {
    int status;               /* 0, or GW_ERR_TOO_MANY (channels), -ENOMEM */
    enum gw_reset reset;      /* the position could not be honoured; it goes on from now */
    struct gw_position start; /* how far the reader has got as this begins */
};

/* Some of a channel's history. */
struct gw_page {
    int status;                  /* 0, or GW_ERR_TOO_MANY (channels), -ENOMEM */
    enum gw_reset reset;         /* the position could not be honoured; then there are none */
    struct gw_position position; /* of the newest of them; without any, of where they would begin */
    const struct gw_pub *first;  /* the oldest; borrowed, the others are along `next` */
    uint32_t count;
};

/* What became of a claim. */
struct gw_claimed {
    int status; /* 0, or as gw_hub_claim() returns */
    /* Not 0: what the session lacks is gone, the client was sent word of it, and it is not known
     * whether it heard: it is to hear it again. Then the watermark is no place but a receipt: given
     * back as it is it changes nothing, and with GW_RELEASE_FORGET it says that the client heard.
     */
    enum gw_reset told;
    bool resumed; /* the watermark says where to go on; else it begins with this connection */
    struct gw_watermark *watermark; /* taken by the receiver; NULL without status 0 */
};

struct gw_hub_ports {
    void *ctx;

    /* Puts a letter into the mailbox to worker `to` (never the own). `reply` always finds room; an
     * ordinary one returns false when there is none, and the letter stays the hub's. What it owns
     * moves with it. */
    bool (*post)(void *ctx, unsigned to, const struct gw_letter *letter, bool reply);

    /* Answers to what was pending. `subscription` is as gw_hub_subscribe() stored it. After a
     * status other than 0 the subscription is gone already. May call gw_hub_unsubscribe(). */
    void (*on_subscribed)(void *ctx, uint64_t who, uint32_t subscription,
                          const struct gw_subscribed *result);
    void (*on_published)(void *ctx, uint64_t who, const struct gw_published *result);
    void (*on_read)(void *ctx, uint64_t who,
                    const struct gw_page *page); /* borrowed for the call */

    /* The socket of `who` took no more: its subscription counts as blocked until gw_hub_unblock().
     * `pin` is NULL when it stopped between two messages; else the message it stopped in, to be
     * finished first; owned by the receiver (gw_hub_unpin()). May call gw_hub_unsubscribe(), and
     * gw_hub_block() for the other subscriptions of `who`: a batch never has two sends for one
     * socket, but the next one may. */
    void (*on_blocked)(void *ctx, uint64_t who, const struct gw_unit_pin *pin);

    /* The socket is broken (`error` is -errno). May call gw_hub_unsubscribe(). */
    void (*on_broken)(void *ctx, uint64_t who, int error);

    /* The subscription lost its place: its cursor fell off what is kept (GW_RESET_EXPIRED), or its
     * stream has started over (GW_RESET_EPOCH). Nothing more is delivered on it until
     * gw_hub_resume(), which may not be called from here: a batch for the same socket may be on its
     * way. May call gw_hub_unsubscribe(). */
    void (*on_lost)(void *ctx, uint64_t who, uint32_t subscription, enum gw_reset reason);

    /* A tracked subscription (gw_hub_track()) has moved: something of it was handed to the socket,
     * or its stream has started over and it goes on. May call gw_hub_unsubscribe(). */
    void (*on_progress)(void *ctx, uint64_t who);

    /* The answer to a claim that was pending. Takes the watermark, also when `who` is gone: then it
     * goes back by gw_hub_release(). May call any other function but those of the flush. */
    void (*on_claimed)(void *ctx, uint64_t who, const struct gw_claimed *result);

    /* Somebody else is to have the session that `who` holds. Returns its watermark, or NULL where
     * it has been released already; the connection is to end. May call gw_hub_unsubscribe(). */
    struct gw_watermark *(*on_recalled)(void *ctx, uint64_t who);
};

#endif
