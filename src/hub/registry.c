#include "hub/state.h"

#include <errno.h>
#include <string.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "core/hash.h"

/* Which channels there are.
 *
 * A channel is made by its first use. One that was never published to vanishes with its last user,
 * so invented names cost nothing. One that was published to and then left alone becomes a husk:
 * it remembers its epoch and head, so that offsets go on where they stopped. When a husk is shed,
 * the life of its name changes, and so does the epoch of whatever is made under that name later: a
 * position of the old stream is then told from one of the new.
 *
 * Names that are forgotten cannot have a life each, so those with the same bits of a hash share it.
 * The price: a channel that was never published to, and vanished meanwhile, may come back in
 * another epoch for what has happened to another name. Its reader is told of a loss that there was
 * not. So there are many lives: quiet channels are common, and husks are shed all the time. */

unsigned gw_registry_home_of(const struct gw_hub *hub, struct gw_str name)
{
    uint64_t hash;

    if (hub->options.worker_count == 1)
        return 0;
    hash = gw_siphash(hub->options.hash_key, name.data, name.len);
    return (unsigned)(hash % hub->options.worker_count);
}

struct gw_channel *gw_registry_find(const struct gw_hub *hub, struct gw_str name, uint32_t *index)
{
    uint32_t found = gw_map_find(hub->names, name);

    if (found == GW_MAP_NONE)
        return NULL;
    *index = found;
    return gw_hub_channel(hub, found);
}

int gw_registry_copy_name(const struct gw_hub *hub, struct gw_str name, struct gw_name **out)
{
    struct gw_name *copy = gw_alloc_get(hub->options.alloc, sizeof(*copy) + name.len);

    assert(name.len > 0 && name.len <= GW_CHANNEL_NAME_MAX);
    if (!copy)
        return -ENOMEM;
    copy->len = (uint8_t)name.len;
    memcpy(copy->text, name.data, name.len);
    *out = copy;
    return 0;
}

/* The highest bits: the lowest are the same for all names of a home. */
static uint32_t *lives_of(struct gw_hub *hub, struct gw_str name)
{
    return &hub->lives[gw_siphash(hub->options.hash_key, name.data, name.len) >>
                       (64 - GW_LIVES_BITS)];
}

static uint64_t epoch_of(struct gw_hub *hub, struct gw_str name)
{
    uint64_t life = hub->options.life + *lives_of(hub, name), epoch;
    uint8_t text[sizeof(life) + GW_CHANNEL_NAME_MAX];

    memcpy(text, &life, sizeof(life));
    memcpy(text + sizeof(life), name.data, name.len);
    epoch = gw_siphash(hub->options.hash_key, text, sizeof(life) + name.len);
    return epoch != 0 ? epoch : 1;
}

uint64_t gw_registry_new_epoch(struct gw_hub *hub, struct gw_str name)
{
    ++*lives_of(hub, name);
    return epoch_of(hub, name);
}

/* A place in the slab; the oldest husk gives way to a living channel. */
static struct gw_channel *take_place(struct gw_hub *hub, uint32_t *index, int *status)
{
    struct gw_channel *channel;

    if (gw_slab_count(hub->channels) == hub->options.channels_max) {
        struct gw_link *oldest = gw_link_first(&hub->husks);

        *status = GW_ERR_TOO_MANY;
        if (!oldest)
            return NULL;
        channel = GW_CONTAINER(oldest, struct gw_channel, husk_link);
        gw_registry_shed_husk(hub, channel->timer.spare);
    }
    *status = -ENOMEM;
    channel = gw_slab_take(hub->channels, index);
    if (channel) {
        gw_timer_init(&channel->timer);
        channel->timer.spare = *index;
    }
    return channel;
}

static int make(struct gw_hub *hub, struct gw_str name, uint32_t *out)
{
    uint32_t index;
    int status;
    struct gw_channel *channel = take_place(hub, &index, &status);

    if (!channel)
        return status;
    status = gw_registry_copy_name(hub, name, &channel->name);
    if (status < 0)
        goto fail_name;
    status = gw_map_add(hub->names, name, index);
    if (status < 0)
        goto fail_map;

    channel->home_worker = (uint8_t)gw_registry_home_of(hub, name);
    if (gw_hub_is_home(hub, channel))
        channel->epoch = epoch_of(hub, name);
    *out = index;
    return 0;

fail_map:
    gw_alloc_put(hub->options.alloc, channel->name);
fail_name:
    gw_slab_give(hub->channels, index);
    return status;
}

static void leave_husks(struct gw_hub *hub, struct gw_channel *channel)
{
    assert(channel->husk);
    gw_link_remove(&channel->husk_link);
    hub->husk_count--;
    channel->husk = false;
    channel->slots = NULL;
    channel->slot_count = channel->slot_room = 0;
    channel->timer_for = GW_TIMER_NONE;
    gw_wheel_cancel(&hub->wheel, &channel->timer);
}

int gw_registry_make(struct gw_hub *hub, struct gw_str name, uint32_t *index)
{
    struct gw_channel *channel = gw_registry_find(hub, name, index);

    if (!channel) {
        int status = make(hub, name, index);

        if (status < 0)
            return status;
    } else if (channel->husk) {
        leave_husks(hub, channel);
    }
    gw_turn_tidy(hub, *index);
    return 0;
}

void gw_registry_forget(struct gw_hub *hub, uint32_t index)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    bool removed;

    assert(!channel->husk && !channel->dirty && !channel->tidy);
    assert(channel->slot_count == 0 && channel->asks == 0);
    removed = gw_map_remove(hub->names, gw_channel_name(channel), index);
    assert(removed);
    gw_wheel_cancel(&hub->wheel, &channel->timer);
    gw_log_free(channel->log);
    gw_keys_free(channel->keys);
    if (gw_hub_is_home(hub, channel))
        gw_alloc_put(hub->options.alloc, channel->branches);
    gw_alloc_put(hub->options.alloc, channel->slots);
    gw_alloc_put(hub->options.alloc, channel->name);
    gw_slab_give(hub->channels, index);
}

void gw_registry_shed_husk(struct gw_hub *hub, uint32_t index)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);

    ++*lives_of(hub, gw_channel_name(channel));
    leave_husks(hub, channel);
    gw_registry_forget(hub, index);
}

void gw_registry_make_husk(struct gw_hub *hub, uint32_t index)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);

    assert(gw_hub_is_home(hub, channel) && channel->head > 0);
    assert(!channel->dirty && !channel->tidy && channel->slot_count == 0);
    assert(!channel->branches || channel->branches->count == 0);
    assert(!channel->keys);
    gw_log_free(channel->log);
    channel->log = NULL;
    gw_alloc_put(hub->options.alloc, channel->branches);
    channel->branches = NULL;
    gw_alloc_put(hub->options.alloc, channel->slots);

    channel->husk = true;
    gw_link_init(&channel->husk_link);
    gw_link_append(&hub->husks, &channel->husk_link);
    hub->husk_count++;
    channel->timer_for = GW_TIMER_HUSK;
    gw_wheel_set(&hub->wheel, &channel->timer, hub->now.mono_ns + GW_HUSK_AGE_NS);
    if (hub->husk_count > GW_HUSKS_MAX) {
        struct gw_link *oldest = gw_link_first(&hub->husks);

        gw_registry_shed_husk(hub, GW_CONTAINER(oldest, struct gw_channel, husk_link)->timer.spare);
    }
}
