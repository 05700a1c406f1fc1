#include "hub/state.h"

/* The histories of a million channels, each within its own bounds, are together more than any
 * machine has. Above history_total_bytes the largest lose their oldest half.
 *
 * To know the largest at any time would cost every publication something. The largest of a few
 * taken at random is nearly always large, and the channel that was just published to is asked too:
 * so one that grows by itself is found at once. */

#define HALVES_A_TURN 64u
#define SAMPLES       16u

static uint64_t history_bytes(const struct gw_hub *hub, uint32_t index)
{
    const struct gw_channel *channel = gw_slab_peek(hub->channels, index);

    return channel && gw_hub_is_home(hub, channel) && channel->log ? channel->log->history_bytes
                                                                   : 0;
}

/* GW_NONE when none of those looked at has a history. */
static uint32_t a_large_one(struct gw_hub *hub)
{
    uint32_t largest = GW_NONE;
    uint64_t most = 0;

    for (unsigned i = 0; i <= SAMPLES; i++) {
        uint32_t index = hub->grown;
        uint64_t bytes;

        if (i < SAMPLES)
            index = (uint32_t)gw_rng_below(&hub->rng, gw_slab_top(hub->channels));
        bytes = index < gw_slab_top(hub->channels) ? history_bytes(hub, index) : 0;
        if (bytes > most) {
            most = bytes;
            largest = index;
        }
    }
    return largest;
}

/* What leaves a history is dropped when its channel is tidied, unless a reader still lacks it. */
void gw_shed_history(struct gw_hub *hub)
{
    uint64_t excess = hub->counts.log_bytes > hub->options.history_total_bytes
                          ? hub->counts.log_bytes - hub->options.history_total_bytes
                          : 0;

    hub->shedding = false;
    for (unsigned left = HALVES_A_TURN; excess > 0; left--) {
        uint32_t index = a_large_one(hub);
        uint64_t before;

        hub->shedding = left == 0 && index != GW_NONE; /* then it goes on in the next turn */
        if (left == 0 || index == GW_NONE)
            return;
        before = history_bytes(hub, index);
        gw_log_halve_history(gw_hub_channel(hub, index)->log);
        hub->counts.histories_halved++;
        gw_turn_tidy(hub, index);
        before -= history_bytes(hub, index);
        excess -= before < excess ? before : excess;
    }
}
