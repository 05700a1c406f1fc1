#include "hub/state.h"

/* A stream starts over: its channel was deleted.
 *
 * Offsets begin at 1 again in a new epoch, and what was before is gone for everybody. A reader who
 * had had everything misses nothing: where its wire has no words for it, it reads on and never
 * knows. All others lose their place and are told why.
 *
 * Branches hear of it in the order of all else: what is published afterwards comes behind it, or
 * with it. What a branch had not been sent of the old epoch it will not see any more; then none of
 * its readers had had everything. */

static void move_reader(struct gw_hub *hub, struct gw_channel *channel, struct gw_slot *slot,
                        uint64_t complete)
{
    bool had_all = slot->next == complete && !slot->lost;
    uint32_t subscription = slot->subscription;

    slot->next = 1;
    if (had_all && !hub->options.variants[slot->variant].tells_epoch) {
        if (slot->tracked)
            hub->ports.on_progress(hub->ports.ctx, gw_hub_subscription(hub, subscription)->who);
        return;
    }
    gw_channel_lose(channel, slot, true);
    hub->counts.resets[GW_RESET_EPOCH]++;
    hub->ports.on_lost(hub->ports.ctx, gw_hub_subscription(hub, subscription)->who, subscription,
                       GW_RESET_EPOCH);
}

void gw_restart(struct gw_hub *hub, uint32_t index, uint64_t epoch, uint64_t complete)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);

    if (channel->log)
        gw_log_restart(channel->log, 1, 0);
    channel->epoch = epoch;
    channel->head = 0;
    channel->head_tag = 0;
    for (uint32_t i = 0; i < channel->slot_count; i++) {
        struct gw_slot *slot = &channel->slots[i];

        if (!slot->waiting && !slot->gone) /* who waits will hear where it begins */
            move_reader(hub, channel, slot, complete);
    }
    gw_turn_tidy(hub, index);
}

/* A second restart before the branch heard of the first: then it missed what was between them. */
static void owe_restart(struct gw_branch *branch, uint64_t head)
{
    if (!branch->restarted)
        branch->complete = branch->cursor == head + 1 ? head + 1 : 0;
    else if (head > 0)
        branch->complete = 0;
    branch->restarted = true;
    branch->cursor = 1;
}

void gw_restart_home(struct gw_hub *hub, uint32_t index, struct gw_published *result)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    uint64_t head = channel->head;

    assert(gw_hub_is_home(hub, channel) && !channel->husk);
    gw_keys_free(channel->keys); /* what was published under them is gone */
    channel->keys = NULL;
    for (uint32_t i = 0; channel->branches && i < channel->branches->count; i++)
        owe_restart(&channel->branches->at[i], head);
    gw_restart(hub, index, gw_registry_new_epoch(hub, gw_channel_name(channel)), head + 1);
    *result = (struct gw_published){.position = {.epoch = channel->epoch},
                                    .subscribers = gw_home_subscribers(channel)};
}
