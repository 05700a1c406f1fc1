#include "hub/state.h"

#include <errno.h>

#include <godwit/status.h>

#include "core/alloc.h"

/* A channel whose home is another worker.
 *
 * The first subscriber makes the branch ask the home (JOIN); from the answer on, the home posts
 * everything it appends, and the branch's log is a copy of the home's without gaps, kept as long as
 * somebody here is behind. Who begins `new` on a joined branch begins at once; who wants something
 * older asks the home again, which sends what is missing.
 *
 * Requests take credits. What does not get one waits: a JOIN in the queue of asks, a publisher
 * outside. When memory runs out here the copy is given up, and readers who had not got everything
 * are told that they lost their place, as if they had been too slow. */

static void move(struct gw_channel *channel, enum gw_branch_state to)
{
    static const uint8_t allowed[] = {
        [GW_BRANCH_NONE] = 1u << GW_BRANCH_JOINING,
        [GW_BRANCH_JOINING] = 1u << GW_BRANCH_NONE | 1u << GW_BRANCH_JOINED,
        [GW_BRANCH_JOINED] = 1u << GW_BRANCH_LINGERING,
        [GW_BRANCH_LINGERING] = 1u << GW_BRANCH_JOINED | 1u << GW_BRANCH_LEAVING,
        [GW_BRANCH_LEAVING] = 1u << GW_BRANCH_NONE | 1u << GW_BRANCH_JOINING,
    };

    assert(allowed[channel->state] & 1u << to);
    channel->state = (uint8_t)to;
}

static bool is_joined(const struct gw_channel *channel)
{
    return channel->state == GW_BRANCH_JOINED || channel->state == GW_BRANCH_LINGERING;
}

bool gw_branch_request(struct gw_hub *hub, unsigned to, const struct gw_letter *letter)
{
    struct gw_peer *peer = &hub->peers[to];

    if (peer->credits == 0 || peer->full)
        return false;
    if (!hub->ports.post(hub->ports.ctx, to, letter, false)) {
        peer->full = true;
        return false;
    }
    peer->credits--;
    return true;
}

/* --- Asking to join --- */

static int post_join(struct gw_hub *hub, const struct gw_join *ask)
{
    struct gw_channel *channel = gw_hub_channel(hub, ask->channel);
    struct gw_letter letter = {.kind = GW_LETTER_JOIN,
                               .from = (uint8_t)hub->options.worker_index,
                               .since_kind = (uint8_t)ask->since.kind,
                               .count = channel->subscribers,
                               .branch = gw_slab_handle(hub->channels, ask->channel),
                               .asker = ask->subscription,
                               .start = ask->since.last,
                               .position = ask->since.position};
    int status = gw_registry_copy_name(hub, gw_channel_name(channel), &letter.name);

    if (status < 0)
        return status;
    if (!gw_branch_request(hub, channel->home_worker, &letter)) {
        gw_letter_drop(&letter, hub->options.alloc);
        return GW_ERR_FULL;
    }
    channel->told_count = channel->subscribers;
    return 0;
}

/* One JOIN less to wait for. */
static void asked(struct gw_hub *hub, uint32_t index)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);

    assert(channel->asks > 0);
    channel->asks--;
    gw_turn_tidy(hub, index);
}

static void drop_first_ask(struct gw_hub *hub, struct gw_peer *peer)
{
    struct gw_join *ask = peer->first_ask;

    peer->first_ask = ask->next;
    if (!peer->first_ask)
        peer->last_ask = NULL;
    hub->ask_count--;
    gw_alloc_put(hub->options.alloc, ask);
}

static bool is_wanted(const struct gw_hub *hub, const struct gw_join *ask)
{
    return gw_slab_find(hub->subscriptions, ask->subscription) &&
           !gw_hub_slot(hub, gw_handle_index(ask->subscription))->gone;
}

void gw_branch_send_asks(struct gw_hub *hub, unsigned home)
{
    struct gw_peer *peer = &hub->peers[home];

    while (peer->first_ask) {
        if (is_wanted(hub, peer->first_ask)) {
            int status = GW_ERR_FULL;

            if (peer->credits > 0 && !peer->full)
                status = post_join(hub, peer->first_ask);
            if (status == -ENOMEM)
                hub->starved = true;
            if (status < 0)
                return;
        } else {
            asked(hub, peer->first_ask->channel);
        }
        drop_first_ask(hub, peer);
    }
}

static int ask(struct gw_hub *hub, uint32_t subscription, const struct gw_since *since)
{
    uint32_t index = gw_hub_subscription(hub, subscription)->channel;
    struct gw_channel *channel = gw_hub_channel(hub, index);
    struct gw_peer *peer = &hub->peers[channel->home_worker];
    struct gw_join *new;

    /* Those who gave up while they waited are still in the queue. */
    if (hub->ask_count >= hub->options.subscriptions_max)
        return GW_ERR_TOO_MANY;
    new = gw_alloc_get(hub->options.alloc, sizeof(*new));
    if (!new)
        return -ENOMEM;
    *new = (struct gw_join){.subscription = gw_slab_handle(hub->subscriptions, subscription),
                            .channel = index,
                            .since = *since};
    if (peer->last_ask)
        peer->last_ask->next = new;
    else
        peer->first_ask = new;
    peer->last_ask = new;
    hub->ask_count++;
    channel->asks++;
    if (channel->state == GW_BRANCH_NONE)
        move(channel, GW_BRANCH_JOINING);
    gw_branch_send_asks(hub, channel->home_worker);
    return GW_PENDING;
}

int gw_branch_subscribe(struct gw_hub *hub, uint32_t subscription, const struct gw_since *since,
                        struct gw_subscribed *result)
{
    struct gw_channel *channel =
        gw_hub_channel(hub, gw_hub_subscription(hub, subscription)->channel);
    struct gw_start now = {.next = channel->head + 1, .tag = channel->head_tag};

    if (!is_joined(channel) || since->kind != GW_SINCE_NEW)
        return ask(hub, subscription, since);
    gw_hub_start(hub, subscription, &now, result);
    return 0;
}

/* --- The copy of the home's log --- */

static void drop_chain(struct gw_pub *chain, uint32_t count)
{
    for (; count > 0; count--) {
        struct gw_pub *next = count > 1 ? chain->next : NULL;

        gw_pub_unref(chain);
        chain = next;
    }
}

static void free_log(struct gw_channel *channel)
{
    gw_log_free(channel->log);
    channel->log = NULL;
}

/* Makes sure of a log with room. `first` is where an empty one begins. */
static int make_room(struct gw_hub *hub, struct gw_channel *channel, uint64_t first,
                     uint64_t before_tag, uint32_t more)
{
    int status;

    if (channel->log)
        return gw_log_reserve(channel->log, more);
    status = gw_log_new(&channel->log, hub->options.alloc, &hub->units, &hub->counts.log_bytes,
                        first, before_tag);
    if (status < 0)
        return status;
    status = gw_log_reserve(channel->log, more);
    if (status < 0)
        free_log(channel);
    return status;
}

/* Splits a chain without gaps (taken): what is older than the log goes in front, what is newer to
 * the end; what is there already is dropped. There is room. */
static void take_chain(struct gw_hub *hub, struct gw_channel *channel, struct gw_pub *chain,
                       uint32_t count, uint64_t before_tag)
{
    struct gw_log *log = channel->log;

    if (chain->offset < log->first) {
        uint32_t older = (uint32_t)(log->first - chain->offset);
        struct gw_pub *rest = chain;

        assert(older <= count);
        for (uint32_t i = 0; i < older; i++)
            rest = i + 1 < count ? rest->next : NULL;
        gw_log_prepend(log, chain, older, before_tag);
        gw_wheel_cancel(&hub->wheel, &channel->timer); /* something older ages sooner */
        channel->timer_for = GW_TIMER_NONE;
        chain = rest;
        count -= older;
    }
    for (; count > 0; count--) {
        struct gw_pub *next = count > 1 ? chain->next : NULL;

        if (chain->offset == log->next)
            gw_log_append(log, chain);
        else
            gw_pub_unref(chain);
        chain = next;
    }
}

static struct gw_pub *last_of(struct gw_pub *chain, uint32_t count)
{
    while (--count > 0)
        chain = chain->next;
    return chain;
}

/* Nothing is kept from here on: readers who are behind are told in the next sweep. */
static void give_up(struct gw_hub *hub, uint32_t index, uint64_t head, uint64_t head_tag)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);

    free_log(channel);
    channel->head = head;
    channel->head_tag = head_tag;
    gw_turn_sweep(hub, index);
    gw_turn_tidy(hub, index);
}

/* Takes over `count` > 0 publications (taken), without a gap to what is there; `before_tag` is that
 * of the one before them. Returns 0, or -ENOMEM: then the new ones are not kept. */
static int absorb(struct gw_hub *hub, uint32_t index, struct gw_pub *chain, uint32_t count,
                  uint64_t before_tag)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    struct gw_history history = gw_hub_history(hub, channel);
    const struct gw_pub *last = last_of(chain, count);
    uint64_t head = last->offset, head_tag = last->tag, old_head = channel->head;
    int status;

    assert(chain->offset <= old_head + 1 && head >= old_head);
    if (channel->slot_count == 0) { /* nobody is there to read it */
        drop_chain(chain, count);
        free_log(channel);
        channel->head = head;
        channel->head_tag = head_tag;
        return 0;
    }
    status = make_room(hub, channel, chain->offset, before_tag, count);
    if (status < 0) {
        drop_chain(chain, count);
        if (head > old_head)
            give_up(hub, index, head, head_tag);
        return status;
    }
    take_chain(hub, channel, chain, count, before_tag);
    channel->head = head;
    channel->head_tag = head_tag;
    gw_log_age(channel->log, &history, hub->now.mono_ns);
    /* With no sweep to come, what the branch had before has been offered to its readers. */
    if (!channel->dirty && channel->log->swept_to <= old_head)
        channel->log->swept_to = old_head + 1;
    if (channel->log->swept_to <= head)
        gw_turn_sweep(hub, index);
    gw_turn_tidy(hub, index);
    return 0;
}

/* --- Letters --- */

static void joined_first(struct gw_channel *channel, const struct gw_letter *letter)
{
    move(channel, GW_BRANCH_JOINED);
    channel->home = letter->home;
    channel->epoch = letter->position.epoch;
    assert(!channel->log);
    /* Nobody here has a cursor yet, so nobody is behind. */
    channel->head = letter->position.offset;
    channel->head_tag = letter->position.tag;
    if (letter->count > 0) { /* the copy begins with what came along */
        channel->head = letter->pubs->offset - 1;
        channel->head_tag = letter->start_tag;
    }
}

/* The branch's part of JOINED; `letter` keeps none of its publications. */
static int take_joined(struct gw_hub *hub, uint32_t index, struct gw_letter *letter)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    struct gw_pub *chain = letter->pubs;
    uint32_t count = letter->count;

    if (channel->state == GW_BRANCH_JOINING)
        joined_first(channel, letter);
    else if (letter->restarted)
        gw_restart(hub, index, letter->position.epoch, letter->complete);
    letter->pubs = NULL;
    letter->count = 0;
    if (count == 0)
        return 0;
    /* Either it begins where the asker wanted, or where the branch stands. */
    return absorb(hub, index, chain, count,
                  chain->offset == letter->start ? letter->start_tag : channel->head_tag);
}

/* Tells the asker. That it is gone meanwhile is nothing special. */
static void answer_asker(struct gw_hub *hub, const struct gw_letter *letter, int status)
{
    uint32_t subscription = gw_handle_index(letter->asker);
    struct gw_start start = {letter->start, letter->start_tag, letter->reset};
    struct gw_subscribed result = {.status = status};
    const struct gw_subscription *asker = gw_slab_find(hub->subscriptions, letter->asker);
    uint64_t who;

    if (!asker || gw_hub_slot(hub, subscription)->gone)
        return;
    who = asker->who;
    if (status == 0 && start.next < gw_channel_first(gw_hub_channel(hub, asker->channel)))
        result.status = -ENOMEM; /* what it wanted could not be kept */
    if (result.status == 0)
        gw_hub_start(hub, subscription, &start, &result);
    else
        gw_hub_unsubscribe(hub, subscription);
    hub->ports.on_subscribed(hub->ports.ctx, who, subscription, &result);
}

static void on_joined(struct gw_hub *hub, struct gw_letter *letter)
{
    uint32_t index = gw_handle_index(letter->branch);
    int status = letter->status;

    if (!gw_slab_find(hub->channels, letter->branch))
        return; /* cannot be: its asks keep a channel */
    asked(hub, index);
    if (status == 0)
        status = take_joined(hub, index, letter);
    answer_asker(hub, letter, status);
}

static void on_left(struct gw_hub *hub, const struct gw_letter *letter)
{
    struct gw_channel *channel = gw_slab_find(hub->channels, letter->branch);

    if (!channel || channel->state != GW_BRANCH_LEAVING)
        return;
    free_log(channel);
    channel->head = channel->head_tag = channel->epoch = channel->home = 0;
    channel->late = channel->told_late = false;
    move(channel, channel->asks > 0 ? GW_BRANCH_JOINING : GW_BRANCH_NONE);
    gw_turn_tidy(hub, gw_handle_index(letter->branch));
}

static void on_range(struct gw_hub *hub, struct gw_letter *letter)
{
    struct gw_channel *channel = gw_slab_find(hub->channels, letter->branch);
    uint32_t index = gw_handle_index(letter->branch);
    struct gw_pub *chain = letter->pubs;
    uint32_t count = letter->count;

    if (!channel || count == 0 || channel->state == GW_BRANCH_LEAVING)
        return;
    assert(is_joined(channel));
    letter->pubs = NULL;
    letter->count = 0;
    if (absorb(hub, index, chain, count, channel->head_tag) < 0)
        hub->starved = true;
}

static void on_restarted(struct gw_hub *hub, struct gw_letter *letter)
{
    struct gw_channel *channel = gw_slab_find(hub->channels, letter->branch);

    if (!channel || channel->state == GW_BRANCH_LEAVING)
        return;
    assert(is_joined(channel));
    gw_restart(hub, gw_handle_index(letter->branch), letter->position.epoch, letter->complete);
    on_range(hub, letter);
}

static void on_page(struct gw_hub *hub, const struct gw_letter *letter)
{
    const struct gw_page page = {.status = letter->status,
                                 .reset = (enum gw_reset)letter->reset,
                                 .position = letter->position,
                                 .first = letter->pubs,
                                 .count = letter->count};

    hub->ports.on_read(hub->ports.ctx, letter->asker, &page);
}

static void on_published(struct gw_hub *hub, const struct gw_letter *letter)
{
    struct gw_published result = {letter->status, letter->position, letter->subscribers,
                                  letter->duplicate};

    if (letter->asker != 0)
        hub->ports.on_published(hub->ports.ctx, letter->asker, &result);
}

void gw_branch_answered(struct gw_hub *hub, unsigned from)
{
    struct gw_peer *peer = &hub->peers[from];

    assert(peer->credits < hub->options.mailbox_slots);
    peer->credits++;
}

void gw_branch_receive(struct gw_hub *hub, struct gw_letter *letter)
{
    if (letter->kind != GW_LETTER_RANGE && letter->kind != GW_LETTER_RESTARTED)
        gw_branch_answered(hub, letter->from);
    switch (letter->kind) {
    case GW_LETTER_JOINED:
        on_joined(hub, letter);
        break;
    case GW_LETTER_LEFT:
        on_left(hub, letter);
        break;
    case GW_LETTER_PUBLISHED:
        on_published(hub, letter);
        break;
    case GW_LETTER_RESTARTED:
        on_restarted(hub, letter);
        break;
    case GW_LETTER_PAGE:
        on_page(hub, letter);
        break;
    default:
        on_range(hub, letter);
        break;
    }
    gw_branch_send_asks(hub, letter->from);
    gw_letter_drop(letter, hub->options.alloc);
}

int gw_branch_publish(struct gw_hub *hub, unsigned home, struct gw_str name, struct gw_pub *pub,
                      uint64_t who)
{
    struct gw_letter letter = {.kind = GW_LETTER_PUBLISH,
                               .from = (uint8_t)hub->options.worker_index,
                               .asker = who,
                               .pubs = pub};
    uint32_t index;
    const struct gw_channel *channel = gw_registry_find(hub, name, &index);

    gw_branch_send_asks(hub, home);
    if (hub->peers[home].first_ask) /* who came first asks first */
        return GW_ERR_FULL;
    if (channel && is_joined(channel)) {
        letter.home = channel->home;
    } else {
        int status = gw_registry_copy_name(hub, name, &letter.name);

        if (status < 0) {
            gw_pub_unref(pub);
            return status;
        }
    }
    if (!gw_branch_request(hub, home, &letter)) {
        gw_alloc_put(hub->options.alloc, letter.name);
        return GW_ERR_FULL;
    }
    return GW_PENDING;
}

/* A request about a channel that need not have a branch here. */
static int request_by_name(struct gw_hub *hub, unsigned home, struct gw_str name,
                           struct gw_letter *letter)
{
    int status;

    gw_branch_send_asks(hub, home);
    if (hub->peers[home].first_ask) /* who came first asks first */
        return GW_ERR_FULL;
    status = gw_registry_copy_name(hub, name, &letter->name);
    if (status < 0)
        return status;
    if (!gw_branch_request(hub, home, letter)) {
        gw_letter_drop(letter, hub->options.alloc);
        return GW_ERR_FULL;
    }
    return GW_PENDING;
}

int gw_branch_delete(struct gw_hub *hub, unsigned home, struct gw_str name, uint64_t who)
{
    struct gw_letter letter = {
        .kind = GW_LETTER_DELETE, .from = (uint8_t)hub->options.worker_index, .asker = who};

    return request_by_name(hub, home, name, &letter);
}

int gw_branch_read(struct gw_hub *hub, unsigned home, struct gw_str name,
                   const struct gw_read *read, uint64_t who)
{
    struct gw_letter letter = {.kind = GW_LETTER_READ,
                               .from = (uint8_t)hub->options.worker_index,
                               .since_kind = (uint8_t)read->since.kind,
                               .newest = read->newest,
                               .count = read->count_max,
                               .asker = who,
                               .start = read->since.last,
                               .position = read->since.position};

    return request_by_name(hub, home, name, &letter);
}

/* --- As a turn ends, and later --- */

/* The home wants to know how many listen, and whether their sweep is so far behind that publishers
 * had better wait. */
static bool tell_home(struct gw_hub *hub, uint32_t index, struct gw_channel *channel)
{
    struct gw_letter letter = {.kind = GW_LETTER_COUNT,
                               .from = (uint8_t)hub->options.worker_index,
                               .status = channel->late,
                               .count = channel->subscribers,
                               .home = channel->home,
                               .branch = gw_slab_handle(hub->channels, index)};
    struct gw_peer *peer = &hub->peers[channel->home_worker];

    if (channel->told_count == channel->subscribers && channel->told_late == channel->late)
        return true;
    if (peer->full)
        return false;
    if (!hub->ports.post(hub->ports.ctx, channel->home_worker, &letter, false)) {
        peer->full = true;
        return false;
    }
    channel->told_count = channel->subscribers;
    channel->told_late = channel->late;
    return true;
}

static void set_linger(struct gw_hub *hub, struct gw_channel *channel, uint64_t in_ns)
{
    channel->timer_for = GW_TIMER_LINGER;
    gw_wheel_set(&hub->wheel, &channel->timer, hub->now.mono_ns + in_ns);
}

void gw_branch_linger_is_over(struct gw_hub *hub, uint32_t index)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);
    struct gw_letter letter = {.kind = GW_LETTER_LEAVE,
                               .from = (uint8_t)hub->options.worker_index,
                               .home = channel->home,
                               .branch = gw_slab_handle(hub->channels, index)};

    gw_turn_tidy(hub, index);
    if (channel->state != GW_BRANCH_LINGERING || channel->slot_count > 0)
        return;
    if (channel->asks == 0 && gw_branch_request(hub, channel->home_worker, &letter))
        move(channel, GW_BRANCH_LEAVING);
    else
        set_linger(hub, channel, GW_NS_PER_S);
}

static void trim(struct gw_hub *hub, struct gw_channel *channel)
{
    struct gw_log *log = channel->log;

    if (channel->slot_count == 0)
        log->swept_to = log->next;
    gw_log_waits(log, log->swept_to);
    channel->late = log->waiting_bytes > 0 && log->waiting_bytes >= hub->options.live_log_bytes / 2;
    gw_hub_trim(hub, channel);
    if (channel->slot_count == 0)
        free_log(channel);
}

/* The timer: of an age while somebody is behind, of lingering when nobody is there. */
static void set_timer(struct gw_hub *hub, struct gw_channel *channel)
{
    struct gw_history history = gw_hub_history(hub, channel);
    uint64_t due = channel->log ? gw_log_due_ns(channel->log, &history) : UINT64_MAX;

    if (channel->state == GW_BRANCH_LINGERING) {
        if (channel->timer_for != GW_TIMER_LINGER)
            set_linger(hub, channel, GW_LINGER_NS);
        return;
    }
    if (due == UINT64_MAX) {
        channel->timer_for = GW_TIMER_NONE;
        gw_wheel_cancel(&hub->wheel, &channel->timer);
    } else if (channel->timer_for != GW_TIMER_AGE) {
        channel->timer_for = GW_TIMER_AGE;
        gw_wheel_set(&hub->wheel, &channel->timer, due);
    }
}

void gw_branch_tidy(struct gw_hub *hub, uint32_t index)
{
    struct gw_channel *channel = gw_hub_channel(hub, index);

    if (channel->log)
        trim(hub, channel);
    else
        channel->late = false;
    if (channel->state == GW_BRANCH_JOINING && channel->asks == 0)
        move(channel, GW_BRANCH_NONE); /* none of its JOINs succeeded */
    if (channel->state == GW_BRANCH_JOINED && channel->slot_count == 0)
        move(channel, GW_BRANCH_LINGERING);
    else if (channel->state == GW_BRANCH_LINGERING && channel->slot_count > 0)
        move(channel, GW_BRANCH_JOINED);

    if (is_joined(channel) && !tell_home(hub, index, channel))
        gw_turn_tidy(hub, index); /* again in the next turn */
    if (channel->state == GW_BRANCH_NONE && channel->slot_count == 0 && !channel->dirty &&
        !channel->tidy)
        gw_registry_forget(hub, index);
    else
        set_timer(hub, channel);
}
