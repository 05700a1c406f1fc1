/* state.h - the inside of a hub, shared by the files of this room and by nobody else.
 *
 * One struct, and the parts that work on it: registry.c (which channels there are), home.c (the
 * order of a channel, and its branches), branch.c (a channel whose home is another worker), sweep.c
 * (what is sent to whom), session.c (who comes back as whom), turn.c (what begins and ends a turn),
 * hub.c (the door).
 *
 * Things are named by index here: channels and subscriptions live in slabs and never move. Three
 * lists say what is to be done: `wake` holds readers to be served on their own, `dirty` channels to
 * be swept, `tidy` channels to be looked at when the turn ends.
 *
 * Threads: the hub's own. */
#ifndef GW_HUB_STATE_H
#define GW_HUB_STATE_H

#include "core/map.h"
#include "core/rng.h"
#include "core/slab.h"
#include "core/wheel.h"
#include "hub/channel.h"
#include "hub/hub.h"
#include "hub/session.h"
#include "hub/units.h"

#define GW_HUSKS_MAX       100000u
#define GW_HUSK_AGE_NS     (24 * 3600 * GW_NS_PER_S)
#define GW_LIVES_BITS      14u
#define GW_LINGER_NS       (60 * GW_NS_PER_S)
#define GW_RETRY_NS        GW_NS_PER_MS /* when a mailbox was full, or memory out */
#define GW_SLOTS_A_TURN    65536u       /* looked at */
#define GW_CHANNELS_A_TURN 65536u       /* tidied */
#define GW_TIMERS_A_TURN   1024u
#define GW_BATCH_FDS       512u /* places, twice as many as a batch has sends */

/* First in, first out, of indices; linked inside the things themselves. */
struct gw_list {
    uint32_t first, last, count;
};

/* A JOIN that waits for a credit or a place in the mailbox. */
struct gw_join {
    struct gw_join *next;
    uint64_t subscription; /* handle */
    uint32_t channel;      /* index; its count of asks keeps it */
    struct gw_since since;
};

/* First in, first out. */
struct gw_watermarks {
    struct gw_watermark *first, *last;
};

struct gw_peer {
    uint32_t credits; /* requests that may still be asked before an answer comes */
    bool full;        /* the mailbox to it refused a letter in this turn */
    struct gw_join *first_ask, *last_ask;
    struct gw_watermarks claims;   /* wait for a credit or a place in the mailbox */
    struct gw_watermarks releases; /* wait for a place in it */
};

/* A publisher's answer, kept back until the channel has room again. `letter.home` is the channel.
 */
struct gw_deferred {
    unsigned to;
    struct gw_letter letter;
};

struct gw_hub {
    struct gw_hub_options options;
    struct gw_hub_ports ports;
    struct gw_now now;
    bool begun;    /* a first turn has begun: the wheel has the time */
    bool shedding; /* all histories together are still too large */
    bool starved;  /* memory ran out in this turn: wait a little before the next */
    struct gw_slab *channels, *subscriptions;
    struct gw_map *names;
    struct gw_link husks; /* the oldest first */
    uint32_t husk_count;
    uint32_t lives[1u << GW_LIVES_BITS]; /* how often names began anew; by their hash */
    struct gw_units units;
    struct gw_sessions sessions;
    struct gw_key_sets keys;    /* of the channels whose home is here */
    struct gw_list wake, gone;  /* subscriptions */
    struct gw_list dirty, tidy; /* channels */
    uint32_t slots_left;        /* of GW_SLOTS_A_TURN */
    struct gw_peer peers[GW_WORKERS_MAX];
    uint32_t ask_count;
    struct gw_deferred *deferred; /* in order of arrival */
    uint32_t deferred_count, deferred_room;
    struct {
        uint32_t batch;
        int32_t fd;
    } batch_fds[GW_BATCH_FDS];
    uint32_t grown; /* the channel that was published to last */
    struct gw_hub_counts counts;
    struct gw_rng rng;
    struct gw_wheel wheel;
};

static inline struct gw_channel *gw_hub_channel(const struct gw_hub *hub, uint32_t index)
{
    return gw_slab_at(hub->channels, index);
}

static inline struct gw_subscription *gw_hub_subscription(const struct gw_hub *hub, uint32_t index)
{
    return gw_slab_at(hub->subscriptions, index);
}

static inline struct gw_slot *gw_hub_slot(const struct gw_hub *hub, uint32_t subscription)
{
    const struct gw_subscription *s = gw_hub_subscription(hub, subscription);

    return &gw_hub_channel(hub, s->channel)->slots[s->slot];
}

static inline bool gw_hub_is_home(const struct gw_hub *hub, const struct gw_channel *channel)
{
    return channel->home_worker == hub->options.worker_index;
}

static inline struct gw_history gw_hub_history(const struct gw_hub *hub,
                                               const struct gw_channel *channel)
{
    return hub->options.history(hub->options.history_ctx, gw_channel_name(channel));
}

/* --- shed.c --- */

/* Keeps all logs together below history_total_bytes. */
void gw_shed_history(struct gw_hub *hub);

/* --- turn.c --- */

/* Puts a channel into a list; being in it already is fine. */
void gw_turn_sweep(struct gw_hub *hub, uint32_t channel);
void gw_turn_tidy(struct gw_hub *hub, uint32_t channel);
uint32_t gw_turn_next_dirty(struct gw_hub *hub); /* takes the first one out; there is one */

/* Serves one reader in the next flush, unless it is there already. */
void gw_turn_wake(struct gw_hub *hub, uint32_t subscription);
uint32_t gw_turn_next_awake(struct gw_hub *hub); /* takes the first one out; there is one */

/* Takes a subscription and its slot away at once. */
void gw_turn_remove(struct gw_hub *hub, uint32_t subscription);

/* --- registry.c --- */

unsigned gw_registry_home_of(const struct gw_hub *hub, struct gw_str name);
struct gw_channel *gw_registry_find(const struct gw_hub *hub, struct gw_str name, uint32_t *index);

/* The channel of this name, made or called back to life when need be; it vanishes at the end of the
 * turn unless somebody has come to use it. Returns 0, GW_ERR_TOO_MANY or -ENOMEM. */
int gw_registry_make(struct gw_hub *hub, struct gw_str name, uint32_t *index);

void gw_registry_forget(struct gw_hub *hub, uint32_t index);    /* nobody uses it */
void gw_registry_make_husk(struct gw_hub *hub, uint32_t index); /* the same, at home */
void gw_registry_shed_husk(struct gw_hub *hub, uint32_t index);
int gw_registry_copy_name(const struct gw_hub *hub, struct gw_str name, struct gw_name **out);

/* Another epoch for the name. */
uint64_t gw_registry_new_epoch(struct gw_hub *hub, struct gw_str name);

/* --- restart.c --- */

/* The stream of a channel starts over in that epoch: everything is dropped. `complete` is what a
 * reader who had had everything wanted next; 0: nobody had. */
void gw_restart(struct gw_hub *hub, uint32_t channel, uint64_t epoch, uint64_t complete);

/* The same at its home, which makes the epoch and tells the branches. */
void gw_restart_home(struct gw_hub *hub, uint32_t channel, struct gw_published *result);

/* --- read.c --- */

/* A page of what a channel, here at its home, has kept. */
void gw_read_home(struct gw_hub *hub, uint32_t channel, const struct gw_read *read,
                  struct gw_page *page);

/* The same for a READ; fills in the PAGE. */
void gw_read_answer(struct gw_hub *hub, const struct gw_letter *letter, struct gw_letter *answer);

/* --- home.c --- */

/* Posts the answer to a request: there is always room. */
void gw_home_reply(struct gw_hub *hub, unsigned to, const struct gw_letter *letter);

/* `count` publications from offset `from` on, with a reference on each; NULL when `count` is 0. */
struct gw_pub *gw_home_chain(const struct gw_channel *channel, uint64_t from, uint32_t count);

/* Where a reader begins. */
struct gw_start {
    uint64_t next; /* the first publication it wants */
    uint64_t tag;  /* of the one before that */
    enum gw_reset reset;
};

struct gw_start gw_home_resolve(struct gw_hub *hub, uint32_t channel, const struct gw_since *since);

/* The publication of this one's key, if it has one that is known. */
bool gw_home_knows(struct gw_hub *hub, uint32_t channel, const struct gw_pub *pub,
                   struct gw_published *result);

/* Half of the live log waits, here or at a branch. */
bool gw_home_is_full(struct gw_hub *hub, struct gw_channel *channel);

/* Gives `pub` (taken), whose key is not known, its place in the order. Returns 0 or -ENOMEM. */
int gw_home_append(struct gw_hub *hub, uint32_t channel, struct gw_pub *pub,
                   struct gw_published *result);

uint32_t gw_home_subscribers(const struct gw_channel *channel); /* here and at all branches */

/* JOIN, LEAVE, PUBLISH, DELETE, READ, COUNT */
void gw_home_receive(struct gw_hub *hub, struct gw_letter *letter);
void gw_home_tidy(struct gw_hub *hub, uint32_t channel);
void gw_home_answer_deferred(struct gw_hub *hub);

/* --- branch.c --- */

/* Posts a request, if there is a credit and room for it; and gives the credit back: its reply has
 * come. */
bool gw_branch_request(struct gw_hub *hub, unsigned to, const struct gw_letter *letter);
void gw_branch_answered(struct gw_hub *hub, unsigned from);

/* Returns 0 with `*result`, GW_PENDING, GW_ERR_TOO_MANY or -ENOMEM. */
int gw_branch_subscribe(struct gw_hub *hub, uint32_t subscription, const struct gw_since *since,
                        struct gw_subscribed *result);

/* Returns GW_PENDING, GW_ERR_FULL (`pub` stays the caller's) or -ENOMEM (it is gone). */
int gw_branch_publish(struct gw_hub *hub, unsigned home, struct gw_str name, struct gw_pub *pub,
                      uint64_t who);

/* Both return as the one before, but take nothing. */
int gw_branch_delete(struct gw_hub *hub, unsigned home, struct gw_str name, uint64_t who);
int gw_branch_read(struct gw_hub *hub, unsigned home, struct gw_str name,
                   const struct gw_read *read, uint64_t who);

void gw_branch_receive(struct gw_hub *hub, struct gw_letter *letter); /* the others */
void gw_branch_tidy(struct gw_hub *hub, uint32_t channel);
void gw_branch_linger_is_over(struct gw_hub *hub, uint32_t channel);
void gw_branch_send_asks(struct gw_hub *hub, unsigned home); /* as far as credits and room go */

/* --- hub.c --- */

/* A subscription stands: sets its cursor and says where it begins. */
void gw_hub_start(struct gw_hub *hub, uint32_t subscription, const struct gw_start *start,
                  struct gw_subscribed *result);

/* Trims a log by its history and by who is behind, and gives units back. */
void gw_hub_trim(struct gw_hub *hub, struct gw_channel *channel);

#endif
