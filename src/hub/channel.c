#include "hub/channel.h"

#include <errno.h>

#include "core/alloc.h"

struct gw_str gw_channel_name(const struct gw_channel *channel)
{
    return (struct gw_str){channel->name->text, channel->name->len};
}

uint64_t gw_channel_first(const struct gw_channel *channel)
{
    return channel->log ? channel->log->first : channel->head + 1;
}

bool gw_channel_tag(const struct gw_channel *channel, uint64_t offset, uint64_t *tag)
{
    if (offset == channel->head)
        *tag = channel->head_tag;
    else if (offset == 0)
        *tag = 0;
    else if (offset < channel->head && offset + 1 >= gw_channel_first(channel))
        *tag = gw_log_tag(channel->log, offset);
    else
        return false;
    return true;
}

/* Returns 0 or -ENOMEM, and then everything is as it was. */
static int resize_slots(struct gw_channel *channel, const struct gw_alloc *alloc, uint32_t room)
{
    struct gw_slot *slots =
        gw_alloc_resize(alloc, channel->slots, channel->slot_count * sizeof(struct gw_slot),
                        room * sizeof(struct gw_slot));

    if (!slots)
        return -ENOMEM;
    channel->slots = slots;
    channel->slot_room = room;
    return 0;
}

/* Somebody who may be behind, or will go on from where it was told. */
static bool is_held(const struct gw_slot *slot)
{
    return slot->blocked || slot->awake || slot->lost;
}

int gw_channel_add_slot(struct gw_channel *channel, const struct gw_alloc *alloc,
                        const struct gw_slot *slot, uint32_t *index)
{
    uint32_t room = channel->slot_room;

    assert(!channel->husk);
    if (channel->slot_count == room) {
        int status = resize_slots(channel, alloc, room < 4 ? room + 1 : room + room / 2);

        if (status < 0)
            return status;
    }
    *index = channel->slot_count++;
    channel->slots[*index] = *slot;
    channel->held_count += is_held(slot);
    return 0;
}

/* Memory goes back when three quarters are free. That it cannot be had for the smaller array is no
 * harm. */
static void shrink_slots(struct gw_channel *channel, const struct gw_alloc *alloc)
{
    if (channel->slot_count == 0) {
        gw_alloc_put(alloc, channel->slots);
        channel->slots = NULL;
        channel->slot_room = 0;
    } else if (channel->slot_count <= channel->slot_room / 4) {
        (void)resize_slots(channel, alloc, channel->slot_room / 2);
    }
}

uint32_t gw_channel_remove_slot(struct gw_channel *channel, const struct gw_alloc *alloc,
                                uint32_t index)
{
    uint32_t last = channel->slot_count - 1;
    uint32_t moved = GW_NONE;
    const struct gw_slot *slot = &channel->slots[index];

    assert(index <= last);
    channel->held_count -= is_held(slot);
    if (index < last) {
        channel->slots[index] = channel->slots[last];
        moved = channel->slots[index].subscription;
    }
    channel->slot_count = last;
    if (channel->sweep_left > last)
        channel->sweep_left = last;
    shrink_slots(channel, alloc);
    return moved;
}

void gw_channel_block(struct gw_channel *channel, struct gw_slot *slot, bool blocked)
{
    channel->held_count -= is_held(slot);
    slot->blocked = blocked;
    channel->held_count += is_held(slot);
}

void gw_channel_wake(struct gw_channel *channel, struct gw_slot *slot, bool awake)
{
    channel->held_count -= is_held(slot);
    slot->awake = awake;
    channel->held_count += is_held(slot);
}

void gw_channel_lose(struct gw_channel *channel, struct gw_slot *slot, bool lost)
{
    channel->held_count -= is_held(slot);
    slot->lost = lost;
    channel->held_count += is_held(slot);
}
