#include "hub/state.h"

/* Scans everything, and asserts what must be true between two turns. */

static void check_slot(const struct gw_hub *hub, const struct gw_channel *channel, uint32_t index,
                       uint32_t place)
{
    const struct gw_slot *slot = &channel->slots[place];
    const struct gw_subscription *subscription = gw_hub_subscription(hub, slot->subscription);

    assert(subscription->channel == index && subscription->slot == place);
    assert(!(slot->gone && slot->awake));
    assert(slot->waiting || (slot->next > 0 && slot->next <= channel->head + 1));
    /* A reader that is behind and able is either awake or still to be visited. */
    assert(slot->waiting || slot->lost || slot->gone || slot->blocked || slot->awake ||
           channel->dirty || slot->next == channel->head + 1);
    assert(!slot->waiting || !gw_hub_is_home(hub, channel));
}

static void check_home(const struct gw_hub *hub, const struct gw_channel *channel)
{
    assert(channel->epoch != 0);
    assert(channel->asks == 0 && channel->state == GW_BRANCH_NONE);
    assert(!channel->keys || gw_keys_count(channel->keys) > 0);
    for (uint32_t i = 0; channel->branches && i < channel->branches->count; i++) {
        const struct gw_branch *branch = &channel->branches->at[i];

        assert(branch->worker < hub->options.worker_count);
        assert(branch->worker != hub->options.worker_index);
        assert(branch->cursor <= channel->head + 1);
        assert(branch->cursor >= gw_channel_first(channel));
        assert((branch->cursor == channel->head + 1 && !branch->restarted) || channel->tidy);
        for (uint32_t other = 0; other < i; other++)
            assert(channel->branches->at[other].worker != branch->worker);
    }
}

static void check_branch(const struct gw_channel *channel)
{
    assert(channel->state != GW_BRANCH_JOINING || channel->asks > 0 || channel->tidy);
    assert(channel->state != GW_BRANCH_NONE || channel->tidy || channel->dirty);
    assert(!channel->log || channel->state != GW_BRANCH_JOINING);
}

/* Returns how many units the channel's log has. */
static uint64_t check_channel(const struct gw_hub *hub, const struct gw_channel *channel,
                              uint32_t index)
{
    uint32_t subscribers = 0, held = 0, found;

    assert(channel->timer.spare == index);
    assert(gw_timer_is_set(&channel->timer) == (channel->timer_for != GW_TIMER_NONE));
    assert(gw_registry_find(hub, gw_channel_name(channel), &found) == channel && found == index);
    assert(channel->head > 0 || channel->head_tag == 0);
    if (channel->husk) {
        assert(!channel->dirty && !channel->tidy && !channel->log && channel->head > 0);
        assert(channel->timer_for == GW_TIMER_HUSK);
        return 0;
    }

    assert(channel->slot_count <= channel->slot_room);
    assert(channel->sweep_left <= channel->slot_count);
    assert(!channel->circling || channel->dirty);
    for (uint32_t i = 0; i < channel->slot_count; i++) {
        check_slot(hub, channel, index, i);
        subscribers += !channel->slots[i].gone;
        held += channel->slots[i].blocked || channel->slots[i].awake || channel->slots[i].lost;
    }
    assert(subscribers == channel->subscribers);
    assert(held == channel->held_count);
    if (gw_hub_is_home(hub, channel))
        check_home(hub, channel);
    else
        check_branch(channel);
    if (!channel->log)
        return 0;
    assert(channel->log->next == channel->head + 1);
    assert(channel->dirty || channel->log->swept_to == channel->log->next);
    return gw_log_check(channel->log);
}

static void check_lists(const struct gw_hub *hub)
{
    uint32_t index, prev = GW_NONE, seen = 0;

    for (index = hub->wake.first; seen < hub->wake.count; seen++) {
        const struct gw_subscription *subscription = gw_hub_subscription(hub, index);

        assert(subscription->prev == prev && gw_hub_slot(hub, index)->awake);
        prev = index;
        index = subscription->next;
    }
    prev = GW_NONE;
    for (index = hub->gone.first, seen = 0; seen < hub->gone.count; seen++) {
        const struct gw_subscription *subscription = gw_hub_subscription(hub, index);

        assert(subscription->prev == prev && gw_hub_slot(hub, index)->gone);
        prev = index;
        index = subscription->next;
    }
    for (index = hub->dirty.first, seen = 0; seen < hub->dirty.count; seen++) {
        assert(gw_hub_channel(hub, index)->dirty);
        index = gw_hub_channel(hub, index)->dirty_next;
    }
    for (index = hub->tidy.first, seen = 0; seen < hub->tidy.count; seen++) {
        assert(gw_hub_channel(hub, index)->tidy);
        index = gw_hub_channel(hub, index)->tidy_next;
    }
}

static void check_asks(const struct gw_hub *hub)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < hub->options.worker_count; i++) {
        const struct gw_peer *peer = &hub->peers[i];

        assert(peer->credits <= hub->options.mailbox_slots);
        assert(!peer->first_ask == !peer->last_ask);
        for (const struct gw_join *ask = peer->first_ask; ask; ask = ask->next) {
            assert(gw_hub_channel(hub, ask->channel)->home_worker == i);
            assert(gw_hub_channel(hub, ask->channel)->asks > 0);
            count++;
        }
    }
    assert(count == hub->ask_count);
}

void gw_hub_check(const struct gw_hub *hub)
{
    uint64_t units = 0, log_bytes = 0;
    uint32_t slots = 0, husks = 0, awake = 0, dirty = 0, tidy = 0, channels = 0;

    for (uint32_t i = 0; i < gw_slab_top(hub->channels); i++) {
        const struct gw_channel *channel = gw_slab_peek(hub->channels, i);

        if (!channel)
            continue;
        channels++;
        units += check_channel(hub, channel, i);
        husks += channel->husk;
        dirty += channel->dirty;
        tidy += channel->tidy;
        log_bytes += channel->log ? channel->log->bytes : 0;
        for (uint32_t s = 0; !channel->husk && s < channel->slot_count; s++) {
            slots++;
            awake += channel->slots[s].awake;
        }
    }
    assert(channels == gw_slab_count(hub->channels) && channels == gw_map_count(hub->names));
    assert(slots == gw_slab_count(hub->subscriptions));
    assert(husks == hub->husk_count);
    assert(awake == hub->wake.count);
    assert(dirty == hub->dirty.count && tidy == hub->tidy.count);
    assert(log_bytes == hub->counts.log_bytes);
    check_lists(hub);
    check_asks(hub);
    gw_sessions_check(hub);
    gw_units_check(&hub->units, units);
}
