#include "hub/state.h"

#include <errno.h>

#include "core/alloc.h"

/* What is sent to whom.
 *
 * A sweep visits every slot of a channel that has something new, from the last to the first, and
 * sends each reader everything from its cursor to the head. Readers that stand at the same offset
 * with the same variant share one run of bytes. A sweep stops when the turn's budget is spent and
 * goes on from there in the next turn; once it has been all round, everything up to the head it
 * began with has been offered to everyone (swept_to), and what was published meanwhile is the next
 * round's. Going downwards makes removal harmless: what comes into a freed place was visited. */

enum visit { VISIT_NOTHING, VISIT_ADDED, VISIT_NO_ROOM };

/* --- Runs --- */

static const uint8_t *make_unit(struct gw_hub *hub, const struct gw_variant *how,
                                const struct gw_entry *entry, struct gw_unit *unit)
{
    size_t room = how->size_max(entry), len;
    uint8_t *bytes;

    assert(room > 0 && room <= UINT32_MAX);
    bytes = gw_units_make(&hub->units, unit, (uint32_t)room);
    if (!bytes)
        return NULL;
    len = how->write(hub->options.variant_ctx, entry, bytes);
    assert(len > 0 && len <= room);
    return len < room ? gw_units_trim(&hub->units, unit, (uint32_t)len) : bytes;
}

/* The bytes of one unit, made if need be; NULL when memory is out. */
static const uint8_t *unit_bytes(struct gw_hub *hub, const struct gw_channel *channel,
                                 unsigned variant, uint64_t offset, uint32_t *len)
{
    struct gw_unit *unit = gw_log_unit(channel->log, variant, offset);
    const uint8_t *bytes = unit ? gw_units_find(&hub->units, unit) : NULL;

    if (unit && !bytes) {
        struct gw_entry entry = {gw_log_at(channel->log, offset), gw_channel_name(channel),
                                 channel->epoch};

        bytes = make_unit(hub, &hub->options.variants[variant], &entry, unit);
    }
    if (bytes)
        *len = unit->len;
    return bytes;
}

/* Adds a unit; one that lies behind the last joins it. False when the run has all it may have. */
static bool add_to_run(struct gw_run *run, const uint8_t *bytes, uint32_t len)
{
    struct iovec *last = run->iov_count > 0 ? &run->iov[run->iov_count - 1] : NULL;

    if (run->bytes > 0 && run->bytes + len > GW_RUN_BYTES_MAX)
        return false;
    if (last && (const uint8_t *)last->iov_base + last->iov_len == bytes) {
        last->iov_len += len;
    } else {
        if (run->iov_count == GW_RUN_IOV_MAX)
            return false;
        /* iovec is used for reading too, so its pointer is not const; a send only reads. */
        run->iov[run->iov_count].iov_base = (void *)(uintptr_t)bytes;
        run->iov[run->iov_count].iov_len = len;
        run->iov_count++;
    }
    run->bytes += len;
    return true;
}

/* Returns 0, or -ENOMEM when not even its first unit can be made. */
static int fill_run(struct gw_hub *hub, const struct gw_channel *channel, struct gw_run *run)
{
    for (uint64_t offset = run->from; offset <= channel->head; offset++) {
        uint32_t len;
        const uint8_t *bytes = unit_bytes(hub, channel, run->variant, offset, &len);

        if (!bytes) {
            hub->starved = true;
            return run->bytes > 0 ? 0 : -ENOMEM;
        }
        if (!add_to_run(run, bytes, len))
            return 0;
        run->to = offset;
    }
    return 0;
}

/* The run that begins at a slot's cursor. Returns its number in the batch, GW_BATCH_RUNS when there
 * is no room for another, or -ENOMEM. */
static int run_for(struct gw_hub *hub, struct gw_batch *batch, uint32_t channel,
                   const struct gw_slot *slot)
{
    struct gw_run *run;
    int status;

    for (unsigned i = batch->run_count; i-- > 0;) {
        run = &batch->runs[i];
        if (run->from == slot->next && run->log_id == channel && run->variant == slot->variant)
            return (int)i;
    }
    if (batch->run_count == GW_BATCH_RUNS)
        return GW_BATCH_RUNS;

    run = &batch->runs[batch->run_count];
    run->from = slot->next;
    run->log_id = channel;
    run->variant = slot->variant;
    run->iov_count = 0;
    run->bytes = 0;
    status = fill_run(hub, gw_hub_channel(hub, channel), run);
    return status < 0 ? status : (int)batch->run_count++;
}

/* --- Visits --- */

/* Two sends to one socket in one batch could interleave, for the first may stop in mid-message; and
 * a reader served from the wake list may be met again by the sweep before its cursor has moved. So
 * each batch remembers its sockets. */
static uint32_t fd_place(const struct gw_hub *hub, int32_t fd)
{
    uint32_t at = ((uint32_t)fd * 2654435761u) % GW_BATCH_FDS;

    while (hub->batch_fds[at].batch == (uint32_t)hub->units.batch && hub->batch_fds[at].fd != fd)
        at = (at + 1) % GW_BATCH_FDS;
    return at;
}

static_assert(GW_BATCH_FDS >= 2 * GW_BATCH_SENDS, "there is always a free place");

static bool has_fd(const struct gw_hub *hub, int32_t fd)
{
    return hub->batch_fds[fd_place(hub, fd)].batch == (uint32_t)hub->units.batch;
}

static void lose(struct gw_hub *hub, struct gw_channel *channel, struct gw_slot *slot)
{
    uint32_t subscription = slot->subscription;

    gw_channel_lose(channel, slot, true);
    hub->counts.resets[GW_RESET_EXPIRED]++;
    hub->ports.on_lost(hub->ports.ctx, gw_hub_subscription(hub, subscription)->who, subscription,
                       GW_RESET_EXPIRED);
}

static void add_send(struct gw_hub *hub, struct gw_batch *batch, const struct gw_slot *slot,
                     unsigned run)
{
    uint32_t at = fd_place(hub, slot->fd);

    hub->batch_fds[at].batch = (uint32_t)hub->units.batch;
    hub->batch_fds[at].fd = slot->fd;
    batch->sends[batch->count] = (struct gw_send){
        .fd = slot->fd, .iov_count = batch->runs[run].iov_count, .iov = batch->runs[run].iov};
    batch->subscriptions[batch->count] = slot->subscription;
    batch->run_of[batch->count] = (uint8_t)run;
    batch->count++;
}

/* Sends a reader what it lacks, if it can take it now. */
static enum visit visit(struct gw_hub *hub, struct gw_batch *batch, uint32_t index,
                        struct gw_slot *slot)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    int run;

    if (slot->next > channel->head || slot->blocked || slot->waiting || slot->lost || slot->gone)
        return VISIT_NOTHING;
    if (slot->next < gw_channel_first(channel)) {
        lose(hub, channel, slot);
        return VISIT_NOTHING;
    }
    if (has_fd(hub, slot->fd)) {
        gw_turn_wake(hub, slot->subscription);
        return VISIT_NOTHING;
    }

    run = run_for(hub, batch, index, slot);
    if (run == GW_BATCH_RUNS)
        return VISIT_NO_ROOM;
    if (run < 0) {
        gw_turn_wake(hub, slot->subscription); /* it is tried again */
        return VISIT_NOTHING;
    }
    add_send(hub, batch, slot, (unsigned)run);
    return VISIT_ADDED;
}

/* Readers that wait on their own. Those who come back into the list while this runs are for the
 * next batch. */
static void serve_awake(struct gw_hub *hub, struct gw_batch *batch, size_t max)
{
    for (uint32_t left = hub->wake.count; left > 0; left--) {
        uint32_t subscription;

        if (batch->count >= max || hub->slots_left == 0)
            return;
        hub->slots_left--;
        subscription = gw_turn_next_awake(hub);
        if (visit(hub, batch, gw_hub_subscription(hub, subscription)->channel,
                  gw_hub_slot(hub, subscription)) == VISIT_NO_ROOM) {
            gw_turn_wake(hub, subscription);
            return;
        }
    }
}

static void begin_circle(struct gw_channel *channel)
{
    channel->circling = true;
    channel->sweep_left = channel->slot_count;
    if (channel->log)
        channel->log->circle_head = channel->head;
}

/* Everybody has been offered what there was; what came meanwhile wants another round. */
static void end_circle(struct gw_hub *hub, uint32_t index)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    struct gw_log *log = channel->log;
    uint32_t first = gw_turn_next_dirty(hub);

    assert(first == index);
    channel->circling = false;
    channel->circle_done = true;
    gw_turn_tidy(hub, index);
    if (!log)
        return;
    if (log->swept_to <= log->circle_head)
        log->swept_to = log->circle_head + 1;
    if (log->swept_to < log->next)
        gw_turn_sweep(hub, index);
}

/* Goes along the first dirty channel; true when it has been all round. */
static bool sweep_channel(struct gw_hub *hub, struct gw_batch *batch, size_t max)
{
    uint32_t index = hub->dirty.first;
    struct gw_channel *channel = gw_hub_channel(hub, index);

    if (!channel->circling)
        begin_circle(channel);
    for (; channel->sweep_left > 0; channel->sweep_left--) {
        if (batch->count >= max || hub->slots_left == 0)
            return false;
        hub->slots_left--;
        if (visit(hub, batch, index, &channel->slots[channel->sweep_left - 1]) == VISIT_NO_ROOM)
            return false;
    }
    end_circle(hub, index);
    return true;
}

size_t gw_hub_sweep(struct gw_hub *hub, struct gw_batch *batch, size_t max)
{
    if (max > GW_BATCH_SENDS)
        max = GW_BATCH_SENDS;
    batch->count = 0;
    batch->run_count = 0;
    gw_units_begin_batch(&hub->units);

    /* When both have something, each gets its half: neither can starve the other. */
    serve_awake(hub, batch, hub->dirty.count > 0 ? (max + 1) / 2 : max);
    while (hub->dirty.count > 0 && sweep_channel(hub, batch, max))
        ;
    return batch->count;
}

/* --- Results --- */

/* The socket took `taken` bytes of a run and not all: moves the cursor behind the message it
 * stopped in, or stopped before. True when it stopped within one: then `*pin` is what is still to
 * be sent. */
static bool stop_in_run(struct gw_hub *hub, const struct gw_run *run, struct gw_slot *slot,
                        size_t taken, struct gw_unit_pin *pin)
{
    struct gw_log *log = gw_hub_channel(hub, run->log_id)->log;
    uint64_t offset = run->from;
    const struct gw_unit *unit;

    for (;; offset++) {
        assert(offset <= run->to);
        unit = gw_log_unit(log, run->variant, offset);
        assert(unit && unit->len > 0);
        if (taken < unit->len)
            break;
        taken -= unit->len;
    }
    if (taken == 0) {
        slot->next = offset & GW_OFFSET_MAX;
        return false;
    }
    slot->next = (offset + 1) & GW_OFFSET_MAX;
    pin->rest = gw_units_find(&hub->units, unit) + taken;
    pin->rest_len = unit->len - (uint32_t)taken;
    pin->chunk = gw_units_pin(&hub->units, unit);
    return true;
}

static void settle_one(struct gw_hub *hub, const struct gw_run *run, uint32_t subscription,
                       ssize_t result)
{
    struct gw_slot *slot = gw_hub_slot(hub, subscription);
    uint64_t who = gw_hub_subscription(hub, subscription)->who;
    struct gw_channel *channel = gw_hub_channel(hub, run->log_id);
    struct gw_unit_pin pin;
    bool within;

    if (slot->gone)
        return;
    if (result >= 0 && (size_t)result == run->bytes) {
        slot->next = (run->to + 1) & GW_OFFSET_MAX;
        if (run->to < channel->head)
            gw_turn_wake(hub, subscription);
        return;
    }
    if (result == -EINTR) {
        gw_turn_wake(hub, subscription);
        return;
    }
    gw_channel_block(channel, slot, true);
    if (result < 0 && result != -EAGAIN) {
        hub->ports.on_broken(hub->ports.ctx, who, (int)result);
        return;
    }
    assert(result < 0 || (size_t)result < run->bytes);
    within = result > 0 && stop_in_run(hub, run, slot, (size_t)result, &pin);
    hub->ports.on_blocked(hub->ports.ctx, who, within ? &pin : NULL);
}

void gw_hub_settle(struct gw_hub *hub, const struct gw_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        uint32_t subscription = batch->subscriptions[i];
        const struct gw_slot *slot = gw_hub_slot(hub, subscription);

        settle_one(hub, &batch->runs[batch->run_of[i]], subscription, batch->sends[i].result);
        if (slot->tracked && !slot->gone && batch->sends[i].result > 0)
            hub->ports.on_progress(hub->ports.ctx, gw_hub_subscription(hub, subscription)->who);
    }
}
