#include "hub/hub.h"

#include <errno.h>
#include <string.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "hub/state.h"

/* --- A hub --- */

static bool bears_name(uint32_t index, struct gw_str name, void *ctx)
{
    const struct gw_hub *hub = ctx;

    return gw_str_eq(gw_channel_name(gw_hub_channel(hub, index)), name);
}

static int make_parts(struct gw_hub *hub)
{
    const struct gw_hub_options *options = &hub->options;
    int status;

    status = gw_slab_new(&hub->channels, options->alloc, sizeof(struct gw_channel),
                         options->channels_max);
    if (status < 0)
        return status;
    status = gw_slab_new(&hub->subscriptions, options->alloc, sizeof(struct gw_subscription),
                         options->subscriptions_max);
    if (status < 0)
        goto fail_subscriptions;
    status = gw_map_new(&hub->names, options->alloc, options->hash_key, bears_name, hub);
    if (status < 0)
        goto fail_names;
    status = gw_units_init(&hub->units, options->alloc, options->unit_cache_bytes);
    if (status < 0)
        goto fail_units;
    status = gw_sessions_init(hub);
    if (status < 0)
        goto fail_sessions;
    return 0;

fail_sessions:
    gw_units_fini(&hub->units);
fail_units:
    gw_map_free(hub->names);
fail_names:
    gw_slab_free(hub->subscriptions);
fail_subscriptions:
    gw_slab_free(hub->channels);
    return status;
}

int gw_hub_new(struct gw_hub **out, const struct gw_hub_options *options,
               const struct gw_hub_ports *ports)
{
    struct gw_hub *hub;
    int status;

    assert(options->worker_count > 0 && options->worker_count <= GW_WORKERS_MAX);
    assert(options->worker_index < options->worker_count);
    assert(options->variant_count <= GW_VARIANTS_MAX);
    assert(options->channels_max > 0 && options->subscriptions_max > 0);
    /* What is kept is there, and not shed on the spot. */
    assert(options->sessions_max > 0 && options->sessions_per_address > 0);
    assert(options->mailbox_slots > 0 || options->worker_count == 1);

    hub = gw_alloc_zeroed(options->alloc, 1, sizeof(*hub));
    if (!hub)
        return -ENOMEM;
    hub->options = *options;
    hub->ports = *ports;
    gw_link_init(&hub->husks);
    gw_key_sets_init(&hub->keys);
    gw_rng_init(&hub->rng, options->seed);
    gw_wheel_init(&hub->wheel, 0);
    for (unsigned i = 0; i < options->worker_count; i++)
        hub->peers[i].credits = options->mailbox_slots;

    status = make_parts(hub);
    if (status < 0) {
        gw_alloc_put(options->alloc, hub);
        return status;
    }
    *out = hub;
    return 0;
}

static void free_channel(struct gw_hub *hub, struct gw_channel *channel)
{
    gw_log_free(channel->log);
    gw_keys_free(channel->keys);
    if (!channel->husk)
        gw_alloc_put(hub->options.alloc, channel->slots);
    if (gw_hub_is_home(hub, channel))
        gw_alloc_put(hub->options.alloc, channel->branches);
    gw_alloc_put(hub->options.alloc, channel->name);
}

void gw_hub_free(struct gw_hub *hub)
{
    if (!hub)
        return;
    for (uint32_t i = 0; i < gw_slab_top(hub->channels); i++) {
        struct gw_channel *channel = gw_slab_peek(hub->channels, i);

        if (channel)
            free_channel(hub, channel);
    }
    for (unsigned i = 0; i < hub->options.worker_count; i++) {
        struct gw_join *next;

        for (struct gw_join *ask = hub->peers[i].first_ask; ask; ask = next) {
            next = ask->next;
            gw_alloc_put(hub->options.alloc, ask);
        }
    }
    gw_alloc_put(hub->options.alloc, hub->deferred);
    gw_sessions_fini(hub);
    gw_units_fini(&hub->units);
    gw_map_free(hub->names);
    gw_slab_free(hub->subscriptions);
    gw_slab_free(hub->channels);
    gw_alloc_put(hub->options.alloc, hub);
}

/* --- Publish --- */

static int publish_here(struct gw_hub *hub, struct gw_str name, struct gw_pub *pub,
                        struct gw_published *result)
{
    uint32_t index;
    const struct gw_channel *channel = gw_registry_find(hub, name, &index);
    int status;

    if (channel && !channel->husk && gw_home_knows(hub, index, pub, result)) {
        gw_pub_unref(pub);
        return 0;
    }
    if (channel && !channel->husk && gw_home_is_full(hub, gw_hub_channel(hub, index)))
        return GW_ERR_FULL;
    status = gw_registry_make(hub, name, &index);
    if (status < 0) {
        gw_pub_unref(pub);
        return status;
    }
    return gw_home_append(hub, index, pub, result);
}

int gw_hub_publish(struct gw_hub *hub, struct gw_str name, struct gw_pub *pub, uint64_t who,
                   struct gw_published *result)
{
    unsigned home;
    int status;

    if (!gw_channel_name_ok(name)) {
        gw_pub_unref(pub);
        return GW_ERR_NAME;
    }
    home = gw_registry_home_of(hub, name);
    if (home == hub->options.worker_index)
        status = publish_here(hub, name, pub, result);
    else
        status = gw_branch_publish(hub, home, name, pub, who);
    hub->counts.publishes_refused += status == GW_ERR_FULL;
    return status;
}

/* The channel, where this hub is its home; GW_PENDING where that is `*home`. */
static int open_home(struct gw_hub *hub, struct gw_str name, unsigned *home, uint32_t *index)
{
    if (!gw_channel_name_ok(name))
        return GW_ERR_NAME;
    *home = gw_registry_home_of(hub, name);
    if (*home != hub->options.worker_index)
        return GW_PENDING;
    return gw_registry_make(hub, name, index);
}

int gw_hub_delete(struct gw_hub *hub, struct gw_str name, uint64_t who, struct gw_published *result)
{
    unsigned home;
    uint32_t index;
    int status = open_home(hub, name, &home, &index);

    if (status == GW_PENDING)
        return gw_branch_delete(hub, home, name, who);
    if (status == 0)
        gw_restart_home(hub, index, result);
    return status;
}

int gw_hub_read(struct gw_hub *hub, struct gw_str name, const struct gw_read *read, uint64_t who,
                struct gw_page *page)
{
    unsigned home;
    uint32_t index;
    int status = open_home(hub, name, &home, &index);

    if (status == GW_PENDING)
        return gw_branch_read(hub, home, name, read, who);
    if (status == 0)
        gw_read_home(hub, index, read, page);
    return status;
}

/* --- Subscribe --- */

/* A subscription with its slot, of which nothing is known yet. */
static int take_subscription(struct gw_hub *hub, uint32_t channel, unsigned variant, uint64_t who,
                             int fd, uint32_t *out)
{
    struct gw_slot slot = {.variant = variant & 15u, .waiting = 1, .fd = fd};
    bool full = gw_slab_count(hub->subscriptions) == hub->options.subscriptions_max;
    struct gw_subscription *subscription = gw_slab_take(hub->subscriptions, &slot.subscription);
    uint32_t place;
    int status;

    if (!subscription)
        return full ? GW_ERR_TOO_MANY : -ENOMEM;
    status = gw_channel_add_slot(gw_hub_channel(hub, channel), hub->options.alloc, &slot, &place);
    if (status < 0) {
        gw_slab_give(hub->subscriptions, slot.subscription);
        return status;
    }
    *subscription = (struct gw_subscription){
        .who = who, .channel = channel, .slot = place, .prev = GW_NONE, .next = GW_NONE};
    gw_hub_channel(hub, channel)->subscribers++;
    *out = slot.subscription;
    return 0;
}

void gw_hub_start(struct gw_hub *hub, uint32_t index, const struct gw_start *start,
                  struct gw_subscribed *result)
{
    struct gw_slot *slot = gw_hub_slot(hub, index);
    const struct gw_channel *channel =
        gw_hub_channel(hub, gw_hub_subscription(hub, index)->channel);

    assert(slot->waiting && !slot->gone);
    assert(start->next > 0 && start->next <= channel->head + 1);
    assert(start->next >= gw_channel_first(channel));
    slot->waiting = false;
    slot->next = start->next & GW_OFFSET_MAX;
    if (start->next <= channel->head)
        gw_turn_wake(hub, index);
    if (start->reset != GW_RESET_NONE)
        hub->counts.resets[start->reset]++;
    *result = (struct gw_subscribed){.reset = start->reset,
                                     .start = {channel->epoch, start->next - 1, start->tag}};
}

int gw_hub_subscribe(struct gw_hub *hub, struct gw_str name, const struct gw_since *since,
                     unsigned variant, uint64_t who, int fd, uint32_t *subscription,
                     struct gw_subscribed *result)
{
    uint32_t channel, index;
    int status;

    assert(variant < hub->options.variant_count);
    if (!gw_channel_name_ok(name))
        return GW_ERR_NAME;
    status = gw_registry_make(hub, name, &channel);
    if (status < 0)
        return status;
    status = take_subscription(hub, channel, variant, who, fd, &index);
    if (status < 0)
        return status;

    if (gw_hub_is_home(hub, gw_hub_channel(hub, channel))) {
        struct gw_start start = gw_home_resolve(hub, channel, since);

        gw_hub_start(hub, index, &start, result);
    } else {
        status = gw_branch_subscribe(hub, index, since, result);
        if (status < 0) { /* its slot is the last: nothing moves */
            gw_hub_channel(hub, channel)->subscribers--;
            gw_turn_remove(hub, index);
            return status;
        }
    }
    *subscription = index;
    return status;
}

void gw_hub_block(struct gw_hub *hub, uint32_t index)
{
    gw_channel_block(gw_hub_channel(hub, gw_hub_subscription(hub, index)->channel),
                     gw_hub_slot(hub, index), true);
}

void gw_hub_unblock(struct gw_hub *hub, uint32_t index)
{
    uint32_t at = gw_hub_subscription(hub, index)->channel;
    struct gw_channel *channel = gw_hub_channel(hub, at);
    struct gw_slot *slot = gw_hub_slot(hub, index);

    if (!slot->blocked)
        return;
    gw_channel_block(channel, slot, false);
    if (slot->next <= channel->head && !slot->waiting && !slot->lost && !slot->gone)
        gw_turn_wake(hub, index);
    gw_turn_tidy(hub, at); /* if it was the last one behind, the live log can go */
}

void gw_hub_resume(struct gw_hub *hub, uint32_t index)
{
    uint32_t at = gw_hub_subscription(hub, index)->channel;
    struct gw_channel *channel = gw_hub_channel(hub, at);
    struct gw_slot *slot = gw_hub_slot(hub, index);

    assert(!slot->gone && !slot->waiting);
    if (!slot->lost)
        return;
    gw_channel_lose(channel, slot, false);
    gw_turn_tidy(hub, at); /* if it was the last one behind, the live log can go */
    if (slot->next < gw_channel_first(channel))
        slot->next = (channel->head + 1) & GW_OFFSET_MAX;
    else if (slot->next <= channel->head && !slot->blocked)
        gw_turn_wake(hub, index);
}

struct gw_position gw_hub_where(const struct gw_hub *hub, uint32_t index)
{
    const struct gw_slot *slot = gw_hub_slot(hub, index);
    const struct gw_channel *channel =
        gw_hub_channel(hub, gw_hub_subscription(hub, index)->channel);
    struct gw_position position = {.epoch = channel->epoch};

    if (slot->waiting)
        return (struct gw_position){0};
    position.offset = slot->next - 1;
    if (!gw_channel_tag(channel, position.offset, &position.tag))
        position.tag = 0; /* it fell off: whoever comes back with this is told so */
    return position;
}

void gw_hub_track(struct gw_hub *hub, uint32_t index)
{
    gw_hub_slot(hub, index)->tracked = true;
}

struct gw_str gw_hub_channel_of(const struct gw_hub *hub, uint32_t index)
{
    return gw_channel_name(gw_hub_channel(hub, gw_hub_subscription(hub, index)->channel));
}

void gw_hub_unpin(struct gw_hub *hub, const struct gw_unit_pin *pin)
{
    gw_units_unpin(&hub->units, pin->chunk);
}

void gw_hub_receive(struct gw_hub *hub, struct gw_letter *letter)
{
    assert(letter->from < hub->options.worker_count);
    assert(letter->from != hub->options.worker_index);
    assert(letter->kind <= GW_LETTER_RELEASE);
    switch ((enum gw_letter_kind)letter->kind) {
    case GW_LETTER_JOIN:
    case GW_LETTER_LEAVE:
    case GW_LETTER_PUBLISH:
    case GW_LETTER_DELETE:
    case GW_LETTER_READ:
    case GW_LETTER_COUNT:
        gw_home_receive(hub, letter);
        return;
    case GW_LETTER_JOINED:
    case GW_LETTER_LEFT:
    case GW_LETTER_PUBLISHED:
    case GW_LETTER_RANGE:
    case GW_LETTER_RESTARTED:
    case GW_LETTER_PAGE:
        gw_branch_receive(hub, letter);
        return;
    case GW_LETTER_CLAIM:
    case GW_LETTER_CLAIMED:
    case GW_LETTER_RECALL:
    case GW_LETTER_RELEASE:
        gw_sessions_receive(hub, letter);
        return;
    }
}

void gw_hub_trim(struct gw_hub *hub, struct gw_channel *channel)
{
    struct gw_history history = gw_hub_history(hub, channel);
    struct gw_log *log = channel->log;
    bool all_there = channel->held_count == 0 && !channel->dirty;
    uint64_t pinned;

    gw_log_age(log, &history, hub->now.mono_ns);
    if (all_there && !gw_hub_is_home(hub, channel))
        gw_log_forget_history(log); /* the home has it */
    pinned = all_there ? gw_log_trim_all(log) : gw_log_trim(log, hub->options.live_log_bytes);
    hub->counts.trimmed_while_pinned += pinned;
    if (all_there && channel->circle_done) {
        gw_log_release_units(log);
        channel->circle_done = false;
    }
}

struct gw_hub_counts gw_hub_counts(const struct gw_hub *hub)
{
    struct gw_hub_counts counts = hub->counts;

    counts.channels = gw_slab_count(hub->channels) - hub->husk_count;
    counts.subscriptions = gw_slab_count(hub->subscriptions);
    counts.sessions = gw_slab_count(hub->sessions.slab);
    counts.sessions_kept = hub->sessions.kept_count;
    counts.units_made = hub->units.made;
    counts.unit_bytes = hub->units.bytes;
    counts.unit_bytes_pinned = hub->units.bytes_pinned;
    counts.key_bytes = hub->keys.bytes;
    return counts;
}
