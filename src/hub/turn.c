#include "hub/state.h"

/* What begins and ends a turn, and the lists that say what is to be done in it. Slots are only ever
 * removed here, as a turn ends: all through the flush a batch may name them. */

/* --- Channels: `dirty` and `tidy`, linked one way --- */

static void push_channel(struct gw_hub *hub, struct gw_list *list, uint32_t index, bool dirty)
{
    struct gw_channel *last = list->count > 0 ? gw_hub_channel(hub, list->last) : NULL;

    if (!last)
        list->first = index;
    else if (dirty)
        last->dirty_next = index;
    else
        last->tidy_next = index;
    list->last = index;
    list->count++;
}

void gw_turn_sweep(struct gw_hub *hub, uint32_t index)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);

    if (channel->dirty)
        return;
    channel->dirty = true;
    push_channel(hub, &hub->dirty, index, true);
}

uint32_t gw_turn_next_dirty(struct gw_hub *hub)
{
    uint32_t index = hub->dirty.first;
    struct gw_channel *channel = gw_hub_channel(hub, index);

    assert(hub->dirty.count > 0 && channel->dirty);
    channel->dirty = false;
    hub->dirty.first = channel->dirty_next;
    hub->dirty.count--;
    return index;
}

void gw_turn_tidy(struct gw_hub *hub, uint32_t index)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);

    if (channel->tidy)
        return;
    channel->tidy = true;
    push_channel(hub, &hub->tidy, index, false);
}

static uint32_t next_tidy(struct gw_hub *hub)
{
    uint32_t index = hub->tidy.first;
    struct gw_channel *channel = gw_hub_channel(hub, index);

    assert(hub->tidy.count > 0 && channel->tidy);
    channel->tidy = false;
    hub->tidy.first = channel->tidy_next;
    hub->tidy.count--;
    return index;
}

/* --- Subscriptions: `wake` and `gone`, linked both ways --- */

static void link_subscription(struct gw_hub *hub, struct gw_list *list, uint32_t index)
{
    struct gw_subscription *subscription = gw_hub_subscription(hub, index);

    subscription->next = GW_NONE;
    subscription->prev = list->count > 0 ? list->last : GW_NONE;
    if (list->count > 0)
        gw_hub_subscription(hub, list->last)->next = index;
    else
        list->first = index;
    list->last = index;
    list->count++;
}

static void unlink_subscription(struct gw_hub *hub, struct gw_list *list, uint32_t index)
{
    const struct gw_subscription *subscription = gw_hub_subscription(hub, index);

    assert(list->count > 0);
    if (subscription->prev == GW_NONE)
        list->first = subscription->next;
    else
        gw_hub_subscription(hub, subscription->prev)->next = subscription->next;
    if (subscription->next == GW_NONE)
        list->last = subscription->prev;
    else
        gw_hub_subscription(hub, subscription->next)->prev = subscription->prev;
    list->count--;
}

void gw_turn_wake(struct gw_hub *hub, uint32_t index)
{
    struct gw_slot *slot = gw_hub_slot(hub, index);

    assert(!slot->gone);
    if (slot->awake)
        return;
    gw_channel_wake(gw_hub_channel(hub, gw_hub_subscription(hub, index)->channel), slot, true);
    link_subscription(hub, &hub->wake, index);
}

static void let_sleep(struct gw_hub *hub, uint32_t index)
{
    uint32_t channel = gw_hub_subscription(hub, index)->channel;

    unlink_subscription(hub, &hub->wake, index);
    gw_channel_wake(gw_hub_channel(hub, channel), gw_hub_slot(hub, index), false);
    gw_turn_tidy(hub, channel); /* if it was the last one behind, the live log can go */
}

uint32_t gw_turn_next_awake(struct gw_hub *hub)
{
    uint32_t index = hub->wake.first;

    assert(hub->wake.count > 0);
    let_sleep(hub, index);
    return index;
}

void gw_hub_unsubscribe(struct gw_hub *hub, uint32_t index)
{
    struct gw_slot *slot = gw_hub_slot(hub, index);

    if (slot->gone)
        return;
    if (slot->awake)
        let_sleep(hub, index);
    slot->gone = true;
    gw_hub_channel(hub, gw_hub_subscription(hub, index)->channel)->subscribers--;
    link_subscription(hub, &hub->gone, index);
}

void gw_turn_remove(struct gw_hub *hub, uint32_t index)
{
    const struct gw_subscription *subscription = gw_hub_subscription(hub, index);
    struct gw_channel *channel = gw_hub_channel(hub, subscription->channel);
    uint32_t place = subscription->slot;
    uint32_t moved = gw_channel_remove_slot(channel, hub->options.alloc, place);

    if (moved != GW_NONE)
        gw_hub_subscription(hub, moved)->slot = place;
    gw_turn_tidy(hub, subscription->channel);
    gw_slab_give(hub->subscriptions, index);
}

static void remove_gone(struct gw_hub *hub)
{
    while (hub->gone.count > 0) {
        uint32_t index = hub->gone.first;

        unlink_subscription(hub, &hub->gone, index);
        gw_turn_remove(hub, index);
    }
}

/* --- The turn --- */

void gw_hub_begin_turn(struct gw_hub *hub, struct gw_now now)
{
    if (!hub->begun)
        gw_wheel_init(&hub->wheel, now.mono_ns);
    hub->begun = true;
    hub->starved = false;
    hub->now = now;
    hub->slots_left = GW_SLOTS_A_TURN;
    for (unsigned i = 0; i < hub->options.worker_count; i++)
        hub->peers[i].full = false;
}

static void on_timer(struct gw_hub *hub, uint32_t index)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    enum gw_channel_timer was = channel->timer_for;

    channel->timer_for = GW_TIMER_NONE;
    switch (was) {
    case GW_TIMER_IDLE:
        if (!channel->dirty && !channel->tidy)
            gw_registry_make_husk(hub, index);
        else
            gw_turn_tidy(hub, index);
        return;
    case GW_TIMER_HUSK:
        gw_registry_shed_husk(hub, index);
        return;
    case GW_TIMER_LINGER:
        gw_branch_linger_is_over(hub, index);
        return;
    case GW_TIMER_AGE:
    case GW_TIMER_NONE:
        gw_turn_tidy(hub, index);
        return;
    }
}

void gw_hub_tick(struct gw_hub *hub)
{
    for (unsigned left = GW_TIMERS_A_TURN; left > 0; left--) {
        struct gw_timer *timer = gw_wheel_expire(&hub->wheel, hub->now.mono_ns);

        if (!timer)
            break;
        on_timer(hub, timer->spare);
    }
    gw_sessions_tick(hub);
}

/* A sweep that did not come to its end in this turn goes on in the next, behind the other channels:
 * a hundred thousand readers of one do not keep the others waiting. */
static void cut_sweep(struct gw_hub *hub)
{
    if (hub->dirty.count == 0 || !gw_hub_channel(hub, hub->dirty.first)->circling)
        return;
    hub->counts.sweeps_cut++;
    gw_turn_sweep(hub, gw_turn_next_dirty(hub));
}

static void tidy_channels(struct gw_hub *hub)
{
    uint32_t left = hub->tidy.count;

    if (left > GW_CHANNELS_A_TURN)
        left = GW_CHANNELS_A_TURN;
    for (; left > 0; left--) {
        uint32_t index = next_tidy(hub);

        if (gw_hub_is_home(hub, gw_hub_channel(hub, index)))
            gw_home_tidy(hub, index);
        else
            gw_branch_tidy(hub, index);
    }
}

void gw_hub_end_turn(struct gw_hub *hub)
{
    cut_sweep(hub);
    remove_gone(hub);
    gw_shed_history(hub);
    for (unsigned i = 0; i < hub->options.worker_count; i++)
        gw_branch_send_asks(hub, i);
    gw_sessions_post(hub);
    tidy_channels(hub);
    gw_home_answer_deferred(hub);
}

/* Something could not be done in this turn, and no letter or timer will remind of it: a mailbox was
 * full, or memory out. An ask without a credit is not of this kind, for an answer is to come. */
static bool must_retry(const struct gw_hub *hub)
{
    bool retry = hub->starved || hub->shedding || hub->tidy.count > 0 || gw_sessions_must_post(hub);

    for (unsigned i = 0; i < hub->options.worker_count; i++)
        retry = retry || (hub->peers[i].first_ask && hub->peers[i].credits > 0);
    return retry;
}

uint64_t gw_hub_wait_ns(const struct gw_hub *hub)
{
    uint64_t wait = gw_wheel_wait_ns(&hub->wheel, hub->now.mono_ns);
    uint64_t sessions = gw_sessions_wait_ns(hub);

    if (sessions < wait)
        wait = sessions;
    if ((hub->wake.count > 0 || hub->dirty.count > 0) && !hub->starved)
        return 0;
    if (hub->gone.count > 0)
        return 0;
    return must_retry(hub) && wait > GW_RETRY_NS ? GW_RETRY_NS : wait;
}
