/* holders.h - connections that claim sessions, on top of the stage.
 *
 * A holder is a connection: it asks for a session once, holds its watermark or is told why not, and
 * ends. Whatever a hub says to it is checked against the state that it is in; what it was granted
 * stays to be looked at.
 *
 * Threads: one at a time. */
#ifndef TESTS_UNIT_HUB_HOLDERS_H
#define TESTS_UNIT_HUB_HOLDERS_H

#include <stdio.h>

#include "unit/hub/stage.h"

#define HOLDERS 2048

enum holder_state {
    HOLDER_FREE,
    HOLDER_WAITS,
    HOLDER_HOLDS,
    HOLDER_TOLD,    /* has a claim that says so, to be given back when it was heard */
    HOLDER_REFUSED, /* `status` says why */
    HOLDER_RECALLED,
    HOLDER_ENDED,
    HOLDER_VANISHED /* while it waited */
};

struct holder {
    enum holder_state state;
    unsigned worker;
    struct gw_watermark *watermark; /* owned, when it holds or was told */
    struct gw_claimed claimed;      /* as it was answered; its watermark may be gone */
};

struct house {
    struct stage stage;
    struct holder holders[HOLDERS]; /* known to the hubs as their index + 1 */
    /* Is told of what happens, when not NULL. */
    void (*on_granted)(struct house *house, unsigned holder);
    void (*on_given)(struct house *house, const struct gw_watermark *watermark);
};

/* What a connection names, and may have. */
struct ask {
    const char *id, *user, *origin, *address;
    const char *channels; /* separated by commas */
    uint32_t attempt;
};

static inline struct house *house_of(struct actor *actor)
{
    return GW_CONTAINER(actor->stage, struct house, stage);
}

static inline struct gw_hub *house_hub(const struct house *house, unsigned holder)
{
    return house->stage.hubs[house->holders[holder].worker];
}

/* --- What a hub says --- */

static inline void holder_hears(struct house *house, unsigned index,
                                const struct gw_claimed *claimed)
{
    struct holder *holder = &house->holders[index];

    MUST(claimed->status <= 0);
    MUST((claimed->status == 0) == (claimed->watermark != NULL));
    holder->claimed = *claimed;
    holder->watermark = claimed->watermark;
    holder->state = claimed->status < 0 ? HOLDER_REFUSED
                    : claimed->told     ? HOLDER_TOLD
                                        : HOLDER_HOLDS;
    if (holder->state == HOLDER_HOLDS && house->on_granted)
        house->on_granted(house, index);
}

static inline void house_give(struct house *house, unsigned worker, struct gw_watermark *watermark)
{
    if (watermark && house->on_given)
        house->on_given(house, watermark);
    gw_hub_release(house->stage.hubs[worker], watermark);
}

static inline void port_claimed(void *ctx, uint64_t who, const struct gw_claimed *claimed)
{
    struct actor *actor = ctx;
    struct house *house = house_of(actor);
    struct holder *holder = &house->holders[who - 1];

    MUST(who > 0 && who <= HOLDERS);
    MUST(holder->worker == actor->worker);
    if (holder->state == HOLDER_VANISHED) {
        holder->state = HOLDER_ENDED;
        holder->claimed = *claimed;
        if (claimed->watermark && !claimed->told && house->on_granted)
            house->on_granted(house, (unsigned)who - 1);
        house_give(house, actor->worker, claimed->watermark);
        return;
    }
    MUST(holder->state == HOLDER_WAITS);
    holder_hears(house, (unsigned)who - 1, claimed);
}

static inline struct gw_watermark *port_recalled(void *ctx, uint64_t who)
{
    struct actor *actor = ctx;
    struct house *house = house_of(actor);
    struct holder *holder = &house->holders[who - 1];
    struct gw_watermark *watermark = holder->watermark;

    MUST(who > 0 && who <= HOLDERS);
    MUST(holder->worker == actor->worker);
    MUST(holder->state == HOLDER_HOLDS || holder->state == HOLDER_ENDED);
    holder->watermark = NULL;
    if (holder->state == HOLDER_HOLDS)
        holder->state = HOLDER_RECALLED;
    if (watermark && house->on_given)
        house->on_given(house, watermark);
    return watermark;
}

/* --- The house --- */

static inline int house_open_hub(struct house *house, unsigned worker,
                                 const struct gw_hub_options *options)
{
    struct gw_hub_ports ports = stage_ports(&house->stage, worker);

    ports.on_claimed = port_claimed;
    ports.on_recalled = port_recalled;
    return gw_hub_new(&house->stage.hubs[worker], options, &ports);
}

static inline void house_init(struct house *house, unsigned workers, uint32_t slots)
{
    memset(house, 0, sizeof(*house));
    stage_init(&house->stage, workers, slots);
}

static inline void house_open(struct house *house, unsigned workers, uint32_t slots,
                              uint32_t sessions_max)
{
    house_init(house, workers, slots);
    for (unsigned i = 0; i < workers; i++) {
        struct gw_hub_options options = stage_options(&house->stage, i);

        options.sessions_max = sessions_max;
        MUST(house_open_hub(house, i, &options) == 0);
    }
}

/* Nothing may be left over. */
static inline void house_close(struct house *house)
{
    for (unsigned i = 0; i < HOLDERS; i++)
        gw_watermark_free(house->holders[i].watermark, &house->stage.meter.alloc);
    stage_close(&house->stage);
}

/* --- What a test does within a turn --- */

/* A claim that is not asked for yet; NULL when memory is out. */
static inline struct gw_watermark *house_make(struct house *house, unsigned worker,
                                              const struct ask *ask)
{
    const struct gw_hub *hub = house->stage.hubs[worker];
    const struct gw_session_name name = {GW_STR(ask->id), GW_STR(ask->user), GW_STR(ask->origin),
                                         GW_STR(ask->address), ask->attempt};
    struct gw_str rest = GW_STR(ask->channels), channel;
    struct gw_watermark *claim;
    uint32_t count = 1;

    for (size_t i = 0; i < rest.len; i++)
        count += rest.data[i] == ',';
    claim = gw_hub_session(hub, &name, count);
    while (claim && count-- > 0) {
        const char *comma = memchr(rest.data, ',', rest.len);

        channel = (struct gw_str){rest.data, comma ? (size_t)(comma - rest.data) : rest.len};
        gw_hub_session_add(hub, claim, channel);
        if (comma)
            rest = (struct gw_str){comma + 1, rest.len - channel.len - 1};
    }
    return claim;
}

/* Returns as gw_hub_claim() does; -ENOMEM too when the claim itself could not be made. */
static inline int house_claim(struct house *house, unsigned index, unsigned worker,
                              const struct ask *ask)
{
    struct holder *holder = &house->holders[index];
    struct gw_watermark *claim = house_make(house, worker, ask);
    struct gw_claimed claimed = {.status = 1};
    int status;

    MUST(holder->state == HOLDER_FREE);
    *holder = (struct holder){.state = HOLDER_WAITS, .worker = worker};
    status = claim ? gw_hub_claim(house->stage.hubs[worker], claim, index + 1, &claimed) : -ENOMEM;
    if (status == GW_PENDING)
        return status;
    if (status < 0)
        claimed = (struct gw_claimed){.status = status};
    MUST(claimed.status == status);
    holder_hears(house, index, &claimed);
    return status;
}

/* The connection is gone: back goes what it holds. A claim that was told is not known to have been
 * heard. */
static inline void house_end(struct house *house, unsigned index)
{
    struct holder *holder = &house->holders[index];
    struct gw_watermark *watermark = holder->watermark;

    holder->watermark = NULL;
    holder->state = holder->state == HOLDER_WAITS ? HOLDER_VANISHED : HOLDER_ENDED;
    house_give(house, holder->worker, watermark);
}

/* It was told, and has answered. */
static inline void house_hear(struct house *house, unsigned index)
{
    struct holder *holder = &house->holders[index];

    MUST(holder->state == HOLDER_TOLD);
    holder->watermark->release = GW_RELEASE_FORGET;
    house_end(house, index);
}

/* What it lacks is gone. Returns the receipt, for when the client has heard that. */
static inline struct gw_watermark *house_tell(struct house *house, unsigned index,
                                              enum gw_reset reset)
{
    struct holder *holder = &house->holders[index];
    struct gw_watermark *receipt =
        gw_watermark_receipt(&house->stage.meter.alloc, holder->watermark);

    MUST(holder->state == HOLDER_HOLDS);
    holder->watermark->release = GW_RELEASE_TOLD;
    holder->watermark->reset = (uint8_t)reset;
    house_end(house, index);
    return receipt;
}

/* It has got so far in all of its channels: another place in each. */
static inline void house_reach(struct house *house, unsigned index, uint64_t offset)
{
    struct gw_watermark *watermark = house->holders[index].watermark;

    for (uint32_t i = 0; i < watermark->count; i++)
        watermark->marks[i].position = (struct gw_position){
            1, offset + watermark->marks[i].channel % 1000, watermark->marks[i].channel};
    watermark->stood = true;
}

/* And that is where it stands. */
static inline bool house_stands(const struct house *house, unsigned index, uint64_t offset)
{
    const struct gw_watermark *watermark = house->holders[index].watermark;
    bool stands = watermark->stood;

    for (uint32_t i = 0; i < watermark->count; i++)
        stands =
            stands && watermark->marks[i].position.epoch == 1 &&
            watermark->marks[i].position.offset == offset + watermark->marks[i].channel % 1000 &&
            watermark->marks[i].position.tag == watermark->marks[i].channel;
    return stands;
}

/* --- Turns with one deed --- */

static inline int house_claim_turn(struct house *house, unsigned index, unsigned worker,
                                   const struct ask *ask)
{
    int status;

    stage_begin(&house->stage, worker);
    status = house_claim(house, index, worker, ask);
    (void)stage_end(&house->stage, worker);
    return status;
}

static inline void house_end_turn(struct house *house, unsigned index)
{
    stage_begin(&house->stage, house->holders[index].worker);
    house_end(house, index);
    (void)stage_end(&house->stage, house->holders[index].worker);
}

static inline void house_hear_turn(struct house *house, unsigned index)
{
    stage_begin(&house->stage, house->holders[index].worker);
    house_hear(house, index);
    (void)stage_end(&house->stage, house->holders[index].worker);
}

static inline struct gw_watermark *house_tell_turn(struct house *house, unsigned index,
                                                   enum gw_reset reset)
{
    struct gw_watermark *receipt;

    stage_begin(&house->stage, house->holders[index].worker);
    receipt = house_tell(house, index, reset);
    (void)stage_end(&house->stage, house->holders[index].worker);
    return receipt;
}

static inline void house_give_turn(struct house *house, unsigned worker,
                                   struct gw_watermark *watermark)
{
    stage_begin(&house->stage, worker);
    house_give(house, worker, watermark);
    (void)stage_end(&house->stage, worker);
}

/* Writes a name whose home that is, another one for each `number`. */
static inline const char *house_name(struct house *house, unsigned home, unsigned number,
                                     char out[32])
{
    for (unsigned tried = 0;; tried++) {
        struct ask ask = {.id = out, .user = "", .origin = "", .address = "", .channels = "a"};
        struct gw_watermark *made;
        bool there;

        snprintf(out, 32, "session-%u-%u", number, tried);
        made = house_make(house, 0, &ask);
        MUST(made);
        there = made->id[0] % house->stage.workers == home;
        gw_watermark_free(made, &house->stage.meter.alloc);
        if (there)
            return out;
    }
}

#endif
