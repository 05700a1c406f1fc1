#include "hub/state.h"

#include <errno.h>
#include <string.h>

#include <godwit/status.h>

#include "core/alloc.h"

/* The home of a channel: it alone gives out offsets, keeps the history, says where a reader begins,
 * and tells the branches.
 *
 * A branch is a cursor in the home's log. When a turn ends, what lies between cursor and head goes
 * to it in one letter; where the mailbox has no room the cursor stays, and a later letter carries
 * more. Nothing that some branch has not been posted is trimmed, and once half of the live log
 * waits in this way, publishers do. */

void gw_home_reply(struct gw_hub *hub, unsigned to, const struct gw_letter *letter)
{
    bool posted = hub->ports.post(hub->ports.ctx, to, letter, true);

    assert(posted); /* the asker has kept its place */
}

static struct gw_branch *find_branch(const struct gw_channel *channel, unsigned worker)
{
    for (uint32_t i = 0; channel->branches && i < channel->branches->count; i++)
        if (channel->branches->at[i].worker == worker)
            return &channel->branches->at[i];
    return NULL;
}

/* --- Since --- */

static struct gw_start start_at(const struct gw_channel *channel, uint64_t next)
{
    struct gw_start start = {.next = next};
    bool known = gw_channel_tag(channel, next - 1, &start.tag);

    assert(known);
    return start;
}

static struct gw_start start_now(const struct gw_channel *channel, enum gw_reset reset)
{
    return (struct gw_start){channel->head + 1, channel->head_tag, reset};
}

static struct gw_start start_after(const struct gw_channel *channel,
                                   const struct gw_position *position)
{
    uint64_t tag;

    if (position->epoch != channel->epoch)
        return start_now(channel, GW_RESET_EPOCH);
    if (position->offset > channel->head)
        return start_now(channel, GW_RESET_UNKNOWN);
    if (position->offset + 1 < gw_channel_first(channel) ||
        !gw_channel_tag(channel, position->offset, &tag))
        return start_now(channel, GW_RESET_EXPIRED);
    if (position->tag != tag)
        return start_now(channel, GW_RESET_FORKED);
    return start_at(channel, position->offset + 1);
}

struct gw_start gw_home_resolve(struct gw_hub *hub, uint32_t index, const struct gw_since *since)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    uint64_t oldest = channel->head + 1;

    assert(gw_hub_is_home(hub, channel));
    if (channel->log) {
        struct gw_history history = gw_hub_history(hub, channel);

        gw_log_age(channel->log, &history, hub->now.mono_ns);
        oldest = channel->log->history_first;
    }
    switch (since->kind) {
    case GW_SINCE_NEW:
        break;
    case GW_SINCE_ALL:
        return start_at(channel, oldest);
    case GW_SINCE_LAST:
        if (since->last < channel->head + 1 - oldest)
            oldest = channel->head + 1 - since->last;
        return start_at(channel, oldest);
    case GW_SINCE_POSITION:
        return start_after(channel, &since->position);
    case GW_SINCE_UNKNOWN:
        return start_now(channel, GW_RESET_UNKNOWN);
    }
    return start_now(channel, GW_RESET_NONE);
}

/* --- Publishing --- */

static void update_waits(struct gw_channel *channel)
{
    uint64_t from = channel->log->swept_to;

    for (uint32_t i = 0; channel->branches && i < channel->branches->count; i++)
        if (channel->branches->at[i].cursor < from)
            from = channel->branches->at[i].cursor;
    gw_log_waits(channel->log, from);
}

bool gw_home_is_full(struct gw_hub *hub, struct gw_channel *channel)
{
    for (uint32_t i = 0; channel->branches && i < channel->branches->count; i++)
        if (channel->branches->at[i].late)
            return true;
    if (!channel->log)
        return false;
    update_waits(channel);
    return channel->log->waiting_bytes > 0 &&
           channel->log->waiting_bytes >= hub->options.live_log_bytes / 2;
}

uint32_t gw_home_subscribers(const struct gw_channel *channel)
{
    uint32_t count = channel->subscribers;

    for (uint32_t i = 0; channel->branches && i < channel->branches->count; i++)
        count += channel->branches->at[i].subscribers;
    return count;
}

static int make_room(struct gw_hub *hub, struct gw_channel *channel)
{
    if (!channel->log) {
        int status = gw_log_new(&channel->log, hub->options.alloc, &hub->units,
                                &hub->counts.log_bytes, channel->head + 1, channel->head_tag);

        if (status < 0)
            return status;
    }
    return gw_log_reserve(channel->log, 1);
}

/* --- Idempotency keys --- */

/* All keys of this hub together have so much: a part of what all histories have. */
static uint64_t key_bytes_max(const struct gw_hub *hub)
{
    return hub->options.history_total_bytes / 16;
}

/* Nothing is kept for no keys. */
static void drop_empty_keys(struct gw_channel *channel)
{
    if (channel->keys && gw_keys_count(channel->keys) == 0) {
        gw_keys_free(channel->keys);
        channel->keys = NULL;
    }
}

static void shed_keys(const struct gw_hub *hub, struct gw_channel *channel)
{
    uint64_t age = hub->options.idempotency_age_ns, now = hub->now.mono_ns;

    if (channel->keys)
        gw_keys_shed(channel->keys, now > age ? now - age : 0, GW_KEYS_MAX);
    drop_empty_keys(channel);
}

/* While there are too many in all, one channel after the other forgets its older half, whoever has
 * added the last. That one is kept, however long it is: its publication is about to be appended. */
static void shed_all_keys(struct gw_hub *hub, const struct gw_channel *adder)
{
    while (hub->keys.bytes > key_bytes_max(hub)) {
        uint32_t index = gw_key_sets_first(&hub->keys);
        struct gw_channel *channel = gw_hub_channel(hub, index);

        if (hub->keys.count == 1 && gw_keys_count(channel->keys) == 1)
            return;
        gw_keys_halve(channel->keys, channel == adder ? 1 : 0);
        drop_empty_keys(channel);
        gw_turn_tidy(hub, index);
    }
}

bool gw_home_knows(struct gw_hub *hub, uint32_t index, const struct gw_pub *pub,
                   struct gw_published *result)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    struct gw_published known = {.position = {.epoch = channel->epoch}, .duplicate = true};

    shed_keys(hub, channel);
    if (pub->key_len == 0 || !channel->keys ||
        !gw_keys_find(channel->keys, gw_pub_key(pub), &known.position.offset, &known.position.tag))
        return false;
    known.subscribers = gw_home_subscribers(channel);
    *result = known;
    return true;
}

/* Remembers the key of a publication that is about to be appended. */
static int add_key(struct gw_hub *hub, uint32_t index, const struct gw_pub *pub)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    int status = 0;

    if (pub->key_len == 0)
        return 0;
    if (!channel->keys)
        status = gw_keys_new(&channel->keys, hub->options.alloc, hub->options.hash_key, &hub->keys,
                             index);
    if (status == 0)
        status = gw_keys_add(channel->keys, gw_pub_key(pub), hub->now.mono_ns);
    if (status != 0) {
        drop_empty_keys(channel);
        return status;
    }
    gw_keys_shed(channel->keys, 0, GW_KEYS_MAX);
    shed_all_keys(hub, channel);
    return 0;
}

/* --- Appending --- */

/* What can fail comes first: a publication has its place and its key, or neither. */
static int prepare(struct gw_hub *hub, uint32_t index, const struct gw_pub *pub)
{
    int status = make_room(hub, gw_hub_channel(hub, index));

    return status < 0 ? status : add_key(hub, index, pub);
}

int gw_home_append(struct gw_hub *hub, uint32_t index, struct gw_pub *pub,
                   struct gw_published *result)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    struct gw_history history = gw_hub_history(hub, channel);
    struct gw_log *log;
    int status = prepare(hub, index, pub);

    assert(gw_hub_is_home(hub, channel) && channel->head < GW_OFFSET_MAX - 1);
    if (status < 0) {
        gw_pub_unref(pub);
        return status;
    }
    log = channel->log;
    pub->offset = channel->head + 1;
    pub->tag = gw_rng_u64(&hub->rng);
    pub->time_ms = hub->now.wall_ms;
    pub->born_ns = hub->now.mono_ns;
    pub->next = NULL;
    if (log->next > log->first)
        gw_log_at(log, log->next - 1)->next = pub;
    gw_log_append(log, pub);
    channel->head = pub->offset;
    channel->head_tag = pub->tag;
    hub->counts.publications++;
    hub->grown = index;

    if (pub->key_len > 0)
        gw_keys_name_last(channel->keys, pub->offset, pub->tag);

    gw_log_age(log, &history, hub->now.mono_ns);
    if (channel->slot_count > 0)
        gw_turn_sweep(hub, index);
    else
        log->swept_to = log->next;
    gw_turn_tidy(hub, index);
    *result = (struct gw_published){.position = {channel->epoch, channel->head, channel->head_tag},
                                    .subscribers = gw_home_subscribers(channel)};
    return 0;
}

/* --- Letters --- */

struct gw_pub *gw_home_chain(const struct gw_channel *channel, uint64_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        (void)gw_pub_ref(gw_log_at(channel->log, from + i)); /* the log holds it all the while */
    return count > 0 ? gw_log_at(channel->log, from) : NULL;
}

/* A place for one more branch. */
static int reserve_branch(const struct gw_hub *hub, struct gw_channel *channel)
{
    struct gw_branches *old = channel->branches, *more;
    uint32_t count = old ? old->count : 0;
    uint32_t room = old ? old->room : 0;

    if (count < room)
        return 0;
    room = room == 0 ? 1 : room * 2;
    more = gw_alloc_resize(hub->options.alloc, old,
                           old ? sizeof(*old) + count * sizeof(old->at[0]) : 0,
                           sizeof(*more) + room * sizeof(more->at[0]));
    if (!more)
        return -ENOMEM;
    more->count = count;
    more->room = room;
    channel->branches = more;
    return 0;
}

/* The record of the branch that joins, made if it is its first JOIN. */
static int join_branch(const struct gw_hub *hub, struct gw_channel *channel,
                       const struct gw_letter *letter, struct gw_branch **out)
{
    struct gw_branch *branch = find_branch(channel, letter->from);

    if (!branch) {
        int status = reserve_branch(hub, channel);

        if (status < 0)
            return status;
        branch = &channel->branches->at[channel->branches->count++];
        *branch = (struct gw_branch){
            .handle = letter->branch, .cursor = UINT64_MAX, .worker = letter->from};
    }
    assert(branch->handle == letter->branch);
    branch->subscribers = letter->count;
    *out = branch;
    return 0;
}

/* Fills the answer and joins the branch in one step: what is recovered ends where what is live
 * begins. */
static int join(struct gw_hub *hub, const struct gw_letter *letter, struct gw_letter *answer)
{
    struct gw_str name = {letter->name->text, letter->name->len};
    struct gw_since since = {letter->since_kind, letter->start, letter->position};
    struct gw_channel *channel;
    struct gw_branch *branch;
    struct gw_start start;
    uint64_t from;
    uint32_t index;
    int status = gw_registry_make(hub, name, &index);

    if (status < 0)
        return status;
    channel = gw_hub_channel(hub, index);
    status = join_branch(hub, channel, letter, &branch);
    if (status < 0)
        return status;

    start = gw_home_resolve(hub, index, &since);
    from = start.next < branch->cursor ? start.next : branch->cursor;
    answer->home = gw_slab_handle(hub->channels, index);
    answer->reset = (uint8_t)start.reset;
    answer->start = start.next;
    answer->start_tag = start.tag;
    answer->position = (struct gw_position){channel->epoch, channel->head, channel->head_tag};
    answer->count = (uint32_t)(channel->head + 1 - from);
    answer->pubs = gw_home_chain(channel, from, answer->count);
    answer->restarted = branch->restarted;
    answer->complete = branch->complete;
    branch->restarted = false;
    branch->cursor = channel->head + 1;
    return 0;
}

static void on_join(struct gw_hub *hub, const struct gw_letter *letter)
{
    struct gw_letter answer = {.kind = GW_LETTER_JOINED,
                               .from = (uint8_t)hub->options.worker_index,
                               .branch = letter->branch,
                               .asker = letter->asker};

    answer.status = join(hub, letter, &answer);
    gw_home_reply(hub, letter->from, &answer);
}

static void on_leave(struct gw_hub *hub, const struct gw_letter *letter)
{
    struct gw_letter answer = {.kind = GW_LETTER_LEFT,
                               .from = (uint8_t)hub->options.worker_index,
                               .branch = letter->branch,
                               .asker = letter->asker};
    struct gw_channel *channel = gw_slab_find(hub->channels, letter->home);
    struct gw_branch *branch = channel ? find_branch(channel, letter->from) : NULL;

    if (branch && branch->handle == letter->branch) {
        *branch = channel->branches->at[--channel->branches->count];
        gw_turn_tidy(hub, gw_handle_index(letter->home));
    }
    gw_home_reply(hub, letter->from, &answer);
}

static void on_count(struct gw_hub *hub, const struct gw_letter *letter)
{
    const struct gw_channel *channel = gw_slab_find(hub->channels, letter->home);
    struct gw_branch *branch = channel ? find_branch(channel, letter->from) : NULL;

    if (!branch || branch->handle != letter->branch)
        return;
    branch->subscribers = letter->count;
    branch->late = letter->status != 0;
}

/* Keeps an answer back. When there is no memory for it, it goes at once: the publisher is then a
 * little faster than it should be. */
static bool defer(struct gw_hub *hub, unsigned to, const struct gw_letter *letter)
{
    if (hub->deferred_count == hub->deferred_room) {
        uint32_t room = hub->deferred_room == 0 ? 8 : hub->deferred_room * 2;
        struct gw_deferred *more =
            gw_alloc_resize(hub->options.alloc, hub->deferred, hub->deferred_count * sizeof(*more),
                            room * sizeof(*more));

        if (!more)
            return false;
        hub->deferred = more;
        hub->deferred_room = room;
    }
    hub->deferred[hub->deferred_count++] = (struct gw_deferred){to, *letter};
    hub->counts.replies_deferred++;
    return true;
}

void gw_home_answer_deferred(struct gw_hub *hub)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < hub->deferred_count; i++) {
        const struct gw_deferred *deferred = &hub->deferred[i];
        struct gw_channel *channel = gw_slab_find(hub->channels, deferred->letter.home);

        if (channel && !channel->husk && gw_home_is_full(hub, channel))
            hub->deferred[kept++] = *deferred;
        else
            gw_home_reply(hub, deferred->to, &deferred->letter);
    }
    hub->deferred_count = kept;
}

/* The channel that a PUBLISH means: a joined branch knows its handle. */
static int channel_of(struct gw_hub *hub, const struct gw_letter *letter, uint32_t *index)
{
    if (letter->name)
        return gw_registry_make(hub, (struct gw_str){letter->name->text, letter->name->len}, index);
    if (!gw_slab_find(hub->channels, letter->home))
        return GW_ERR_GONE;
    *index = gw_handle_index(letter->home);
    return 0;
}

/* It has come, so it is taken; but while the channel is full its publisher hears nothing, and the
 * worker that sent it has a credit less. */
static void on_publish(struct gw_hub *hub, struct gw_letter *letter)
{
    struct gw_letter answer = {.kind = GW_LETTER_PUBLISHED,
                               .from = (uint8_t)hub->options.worker_index,
                               .asker = letter->asker};
    struct gw_published result;
    uint32_t index;

    answer.status = channel_of(hub, letter, &index);
    if (answer.status == 0 && !gw_home_knows(hub, index, letter->pubs, &result)) {
        answer.status = gw_home_append(hub, index, letter->pubs, &result);
        letter->pubs = NULL;
    }
    if (answer.status == 0) {
        answer.position = result.position;
        answer.subscribers = result.subscribers;
        answer.duplicate = result.duplicate;
        answer.home = gw_slab_handle(hub->channels, index);
        if (gw_home_is_full(hub, gw_hub_channel(hub, index)) && defer(hub, letter->from, &answer))
            return;
    }
    gw_home_reply(hub, letter->from, &answer);
}

static void on_delete(struct gw_hub *hub, const struct gw_letter *letter)
{
    struct gw_letter answer = {.kind = GW_LETTER_PUBLISHED,
                               .from = (uint8_t)hub->options.worker_index,
                               .asker = letter->asker};
    struct gw_str name = {letter->name->text, letter->name->len};
    struct gw_published result;
    uint32_t index;

    answer.status = gw_registry_make(hub, name, &index);
    if (answer.status == 0) {
        gw_restart_home(hub, index, &result);
        answer.position = result.position;
        answer.subscribers = result.subscribers;
    }
    gw_home_reply(hub, letter->from, &answer);
}

static void on_read(struct gw_hub *hub, const struct gw_letter *letter)
{
    struct gw_letter answer = {
        .kind = GW_LETTER_PAGE, .from = (uint8_t)hub->options.worker_index, .asker = letter->asker};

    gw_read_answer(hub, letter, &answer);
    gw_home_reply(hub, letter->from, &answer);
}

void gw_home_receive(struct gw_hub *hub, struct gw_letter *letter)
{
    switch (letter->kind) {
    case GW_LETTER_JOIN:
        on_join(hub, letter);
        break;
    case GW_LETTER_LEAVE:
        on_leave(hub, letter);
        break;
    case GW_LETTER_PUBLISH:
        on_publish(hub, letter);
        break;
    case GW_LETTER_DELETE:
        on_delete(hub, letter);
        break;
    case GW_LETTER_READ:
        on_read(hub, letter);
        break;
    default:
        on_count(hub, letter);
        break;
    }
    gw_letter_drop(letter, hub->options.alloc);
}

/* --- As a turn ends --- */

/* Posts to one branch what it has not been told; false when its mailbox has no room. */
static bool post_range(struct gw_hub *hub, const struct gw_channel *channel,
                       struct gw_branch *branch)
{
    struct gw_letter letter = {.kind = branch->restarted ? GW_LETTER_RESTARTED : GW_LETTER_RANGE,
                               .from = (uint8_t)hub->options.worker_index,
                               .branch = branch->handle,
                               .count = (uint32_t)(channel->head + 1 - branch->cursor),
                               .complete = branch->complete,
                               .position = {.epoch = channel->epoch}};
    struct gw_peer *peer = &hub->peers[branch->worker];

    if (peer->full)
        return false;
    letter.pubs = gw_home_chain(channel, branch->cursor, letter.count);
    if (!hub->ports.post(hub->ports.ctx, branch->worker, &letter, false)) {
        gw_letter_drop(&letter, hub->options.alloc);
        peer->full = true;
        return false;
    }
    branch->restarted = false;
    branch->cursor = channel->head + 1;
    return true;
}

static bool post_ranges(struct gw_hub *hub, struct gw_channel *channel)
{
    bool all = true;

    for (uint32_t i = 0; channel->branches && i < channel->branches->count; i++) {
        struct gw_branch *branch = &channel->branches->at[i];

        if ((branch->restarted || branch->cursor <= channel->head) &&
            !post_range(hub, channel, branch)) {
            hub->counts.ranges_owed++;
            all = false;
        }
    }
    return all;
}

static bool is_used(const struct gw_channel *channel)
{
    return channel->slot_count > 0 || (channel->branches && channel->branches->count > 0);
}

/* What the channel's timer is for now. */
static void set_timer(struct gw_hub *hub, struct gw_channel *channel)
{
    struct gw_history history = gw_hub_history(hub, channel);
    bool keyed = gw_keys_count(channel->keys) > 0;
    bool kept = keyed || (channel->log && channel->log->history_first < channel->log->next);
    uint64_t due = channel->log ? gw_log_due_ns(channel->log, &history) : UINT64_MAX;
    uint64_t key_due =
        keyed ? gw_keys_oldest_ns(channel->keys) + hub->options.idempotency_age_ns + 1 : UINT64_MAX;
    enum gw_channel_timer want = GW_TIMER_NONE;

    if (key_due < due)
        due = key_due;
    if (due < UINT64_MAX) {
        want = GW_TIMER_AGE;
    } else if (!kept && !is_used(channel) && channel->head > 0) {
        want = GW_TIMER_IDLE;
        due = hub->now.mono_ns + hub->options.channel_idle_ns;
    }
    if (channel->timer_for == want) /* an early one is set again when it fires */
        return;
    channel->timer_for = (uint8_t)want;
    if (want == GW_TIMER_NONE)
        gw_wheel_cancel(&hub->wheel, &channel->timer);
    else
        gw_wheel_set(&hub->wheel, &channel->timer, due);
}

void gw_home_tidy(struct gw_hub *hub, uint32_t index)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    bool posted = post_ranges(hub, channel);

    shed_keys(hub, channel);
    if (channel->log) {
        if (channel->slot_count == 0)
            channel->log->swept_to = channel->log->next;
        update_waits(channel);
        gw_hub_trim(hub, channel);
    }
    if (!posted)
        gw_turn_tidy(hub, index); /* again in the next turn */
    if (channel->head == 0 && !is_used(channel) && !channel->dirty)
        gw_registry_forget(hub, index);
    else
        set_timer(hub, channel);
}
