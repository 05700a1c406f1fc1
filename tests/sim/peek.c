#include "sim/peek.h"

#include <string.h>

#include "core/num.h"
#include "core/slab.h"
#include "edge/api/session.h"
#include "edge/subs.h"
#include "edge/websocket/beat.h"
#include "edge/websocket/busy.h"
#include "edge/worker.h"
#include "hub/state.h"
#include "sim/must.h"
#include "sim/session.h"

#define CHANNEL_DEFLATED 1 /* its place in the assembly's table of variants */

static struct {
    struct peek *peek;
    struct gw_hub *hub; /* whose turn it is */
    uint32_t sends_left;
} now;

uint32_t peek_channel_number(struct gw_str name)
{
    uint64_t number = 0;
    bool read = name.len > 1 && gw_num_u64((struct gw_str){name.data + 1, name.len - 1}, &number);

    must(read && number < ORACLE_CHANNELS_MAX, "a channel that nobody uses");
    return (uint32_t)number;
}

/* --- What goes through here --- */

void peek_log_append(struct gw_log *log, struct gw_pub *pub) __asm__("__wrap_gw_log_append");
void real_log_append(struct gw_log *log, struct gw_pub *pub) __asm__("__real_gw_log_append");
size_t peek_hub_sweep(struct gw_hub *hub, struct gw_batch *batch,
                      size_t max) __asm__("__wrap_gw_hub_sweep");
size_t real_hub_sweep(struct gw_hub *hub, struct gw_batch *batch,
                      size_t max) __asm__("__real_gw_hub_sweep");
void peek_hub_settle(struct gw_hub *hub,
                     const struct gw_batch *batch) __asm__("__wrap_gw_hub_settle");
void real_hub_settle(struct gw_hub *hub,
                     const struct gw_batch *batch) __asm__("__real_gw_hub_settle");

void peek_restart_home(struct gw_hub *hub, uint32_t index,
                       struct gw_published *result) __asm__("__wrap_gw_restart_home");
void real_restart_home(struct gw_hub *hub, uint32_t index,
                       struct gw_published *result) __asm__("__real_gw_restart_home");

static const struct gw_channel *channel_of_log(const struct gw_hub *hub, const struct gw_log *log)
{
    for (uint32_t i = 0; i < gw_slab_top(hub->channels); i++) {
        const struct gw_channel *channel = gw_slab_peek(hub->channels, i);

        if (channel && !channel->husk && channel->log == log)
            return channel;
    }
    return NULL;
}

void peek_log_append(struct gw_log *log, struct gw_pub *pub)
{
    const struct gw_channel *channel = now.hub ? channel_of_log(now.hub, log) : NULL;

    real_log_append(log, pub);
    if (channel && gw_hub_is_home(now.hub, channel))
        oracle_append(now.peek->oracle, peek_channel_number(gw_channel_name(channel)),
                      channel->epoch, pub, now.hub->now.mono_ns);
}

/* The life that ends may have begun in this very turn, and some reader in it. */
void peek_restart_home(struct gw_hub *hub, uint32_t index, struct gw_published *result)
{
    const struct gw_channel *channel = gw_hub_channel(hub, index);
    uint32_t number = peek_channel_number(gw_channel_name(channel));

    oracle_name_life(now.peek->oracle, number, channel->epoch);
    real_restart_home(hub, index, result);
    oracle_name_life(now.peek->oracle, number, channel->epoch);
}

size_t peek_hub_sweep(struct gw_hub *hub, struct gw_batch *batch, size_t max)
{
    size_t count;

    if (now.hub != hub || now.peek->sends_a_turn == 0)
        return real_hub_sweep(hub, batch, max);
    if (max > now.sends_left)
        max = now.sends_left;
    if (max == 0)
        return 0;
    count = real_hub_sweep(hub, batch, max);
    now.sends_left -= (uint32_t)count;
    return count;
}

static void count_runs(const struct gw_hub *hub, const struct gw_batch *batch)
{
    unsigned readers[GW_BATCH_RUNS] = {0};

    for (size_t i = 0; i < batch->count; i++)
        readers[batch->run_of[i]]++;
    for (unsigned r = 0; r < batch->run_count; r++) {
        const struct gw_run *run = &batch->runs[r];

        now.peek->paged += readers[r] > 0 && run->to < gw_hub_channel(hub, run->log_id)->head;
        now.peek->deflated_shared += readers[r] > 1 && run->variant == CHANNEL_DEFLATED;
    }
}

void peek_hub_settle(struct gw_hub *hub, const struct gw_batch *batch)
{
    if (now.hub == hub)
        count_runs(hub, batch);
    real_hub_settle(hub, batch);
}

/* --- Sessions --- */

bool peek_session_ping(struct gw_worker *worker,
                       struct gw_conn *conn) __asm__("__wrap_gw_session_ping");
bool real_session_ping(struct gw_worker *worker,
                       struct gw_conn *conn) __asm__("__real_gw_session_ping");
void peek_session_pong(struct gw_worker *worker,
                       struct gw_conn *conn) __asm__("__wrap_gw_session_pong");
void real_session_pong(struct gw_worker *worker,
                       struct gw_conn *conn) __asm__("__real_gw_session_pong");

static uint64_t nonce_of(const struct gw_conn *conn)
{
    const struct gw_busy *busy = conn->state;
    uint64_t nonce;

    memcpy(&nonce, busy->nonce, sizeof(nonce));
    return nonce;
}

static void check_distance(const struct gw_worker *worker, const struct gw_conn *conn)
{
    uint32_t place = (worker->options.index * (PEEK_CONNS_MAX / PEEK_WORKERS_MAX) + conn->index) %
                     PEEK_CONNS_MAX;
    uint64_t handle = gw_conn_handle(worker, conn), now_ns = worker->now.mono_ns;

    must(now.peek->pinged[place].conn != handle ||
             now_ns - now.peek->pinged[place].at_ns >= GW_BEAT_ACK_NS,
         "two pings are %llu ns apart",
         (unsigned long long)(now_ns - now.peek->pinged[place].at_ns));
    now.peek->pinged[place].conn = handle;
    now.peek->pinged[place].at_ns = now_ns;
}

bool peek_session_ping(struct gw_worker *worker, struct gw_conn *conn)
{
    bool held = real_session_ping(worker, conn);

    if (!held)
        return false;
    check_distance(worker, conn);
    session_pinged(now.peek->oracle, nonce_of(conn), conn->flags & GW_CONN_LOST,
                   worker->now.mono_ns);
    return true;
}

/* More is to come that is there already. */
static bool is_in_batch(const struct gw_worker *worker, const struct gw_conn *conn)
{
    uint32_t subscription = gw_subs_at(worker, conn, 0);

    return gw_hub_slot(worker->hub, subscription)->next <=
           gw_hub_channel(worker->hub, gw_hub_subscription(worker->hub, subscription)->channel)
               ->head;
}

/* Once the session was taken from it, the connection is closing. */
void peek_session_pong(struct gw_worker *worker, struct gw_conn *conn)
{
    real_session_pong(worker, conn);
    if (!gw_session_held(conn) || conn->phase != GW_CONN_OPEN)
        return;
    now.peek->acks_in_batch += is_in_batch(worker, conn);
    session_acknowledged(now.peek->oracle, nonce_of(conn), worker->now.mono_ns);
}

static void see_claimants(struct peek *peek, const struct gw_hub *hub)
{
    const struct gw_slab *sessions = hub->sessions.slab;

    for (uint32_t i = 0; i < gw_slab_top(sessions) && i < PEEK_SESSIONS_MAX; i++) {
        const struct gw_session *session = gw_slab_peek(sessions, i);
        uint64_t *seen = &peek->claimants[hub->options.worker_index][i];
        uint64_t who = session && session->claimant.claim
                           ? session->claimant.who ^ (uint64_t)session->claimant.worker << 60
                           : 0;

        peek->claims_waited += who != 0 && *seen == 0;
        peek->claims_outdone += who != 0 && *seen != 0 && who != *seen;
        *seen = who;
    }
}

void peek_forget(struct peek *peek)
{
    memset(peek->pinged, 0, sizeof(peek->pinged));
    memset(peek->claimants, 0, sizeof(peek->claimants));
}

static const char *sessions_unrest(const struct gw_hub *hub)
{
    const struct gw_sessions *sessions = &hub->sessions;

    if (gw_sessions_must_post(hub) || !gw_link_empty(&sessions->to_recall))
        return "something is to be posted of sessions";
    for (uint32_t i = 0; i < gw_slab_top(sessions->slab); i++) {
        const struct gw_session *session = gw_slab_peek(sessions->slab, i);

        if (session && session->claimant.claim)
            return "somebody waits for a session";
    }
    return NULL;
}

/* --- The logs --- */

/* What the settings promise is there, and not more history than they allow. */
static void check_home(const struct peek *peek, const struct gw_hub *hub,
                       const struct gw_channel *channel)
{
    uint32_t number = peek_channel_number(gw_channel_name(channel));
    const struct gw_history *promised = &peek->oracle->history;
    const struct gw_log *log = channel->log;
    uint64_t kept;

    oracle_name_life(peek->oracle, number, channel->epoch);
    must(channel->head == oracle_head(peek->oracle, number), "channel %u: head %llu and not %llu",
         number, (unsigned long long)channel->head,
         (unsigned long long)oracle_head(peek->oracle, number));
    kept = oracle_kept_from(peek->oracle, number, hub->now.mono_ns);
    must((log ? log->history_first : channel->head + 1) <= kept,
         "channel %u keeps its history from %llu, and promised it from %llu", number,
         (unsigned long long)(log ? log->history_first : channel->head + 1),
         (unsigned long long)kept);
    if (log)
        must(log->next - log->history_first <= promised->count_max &&
                 log->history_bytes <= promised->bytes_max,
             "channel %u keeps more history than it may", number);
}

static bool is_seen_home(const struct gw_hub *hub, const struct gw_channel *channel)
{
    return channel && !channel->husk && gw_hub_is_home(hub, channel);
}

void peek_turn(struct peek *peek, struct gw_worker *worker)
{
    struct gw_hub *hub = worker->hub;

    now.peek = peek;
    now.hub = hub;
    now.sends_left = peek->sends_a_turn;
    must(gw_worker_turn(worker) == 0, "a turn failed");
    now.hub = NULL;
    peek->oracle->halved |= hub->counts.histories_halved > 0;
    for (uint32_t i = 0; i < gw_slab_top(hub->channels); i++) {
        const struct gw_channel *channel = gw_slab_peek(hub->channels, i);

        if (is_seen_home(hub, channel))
            check_home(peek, hub, channel);
    }
    see_claimants(peek, hub);
}

int peek_delete(struct peek *peek, struct gw_worker *worker, struct gw_str name)
{
    struct gw_published result;

    now.peek = peek;
    return gw_hub_delete(worker->hub, name, 0, &result);
}

void peek_check_logs(const struct peek *peek, const struct gw_worker *worker)
{
    const struct gw_hub *hub = worker->hub;

    for (uint32_t i = 0; i < gw_slab_top(hub->channels); i++) {
        const struct gw_channel *channel = gw_slab_peek(hub->channels, i);

        if (!is_seen_home(hub, channel) || !channel->log)
            continue;
        for (uint64_t offset = channel->log->first; offset < channel->log->next; offset++)
            oracle_check_entry(peek->oracle, peek_channel_number(gw_channel_name(channel)),
                               gw_log_at(channel->log, offset));
    }
}

/* --- Homes and branches --- */

static bool is_joined(const struct gw_channel *channel)
{
    return channel->state == GW_BRANCH_JOINED || channel->state == GW_BRANCH_LINGERING;
}

/* A branch, and what its home has written down of it. */
static const char *differs(const struct gw_assembly *assembly, const struct gw_hub *hub,
                           uint32_t index, const struct gw_channel *branch)
{
    const struct gw_hub *home_hub = assembly->workers[branch->home_worker]->hub;
    const struct gw_channel *home = gw_slab_find(home_hub->channels, branch->home);
    uint64_t handle = gw_slab_handle(hub->channels, index);

    if (!is_joined(branch))
        return "a branch is on its way";
    if (!home || !home->branches)
        return "a joined branch is unknown at home";
    for (uint32_t i = 0; i < home->branches->count; i++) {
        const struct gw_branch *record = &home->branches->at[i];

        if (record->worker != hub->options.worker_index)
            continue;
        if (record->handle != handle)
            return "the home knows another branch";
        if (record->subscribers != branch->subscribers || branch->told_count != branch->subscribers)
            return "the home counts other subscribers than the branch";
        if (record->cursor != home->head + 1 || branch->head != home->head ||
            branch->head_tag != home->head_tag || branch->epoch != home->epoch)
            return "a branch has not got what its home has";
        return record->late || branch->late ? "a branch is late" : NULL;
    }
    return "a joined branch is not in its home's list";
}

/* Each record of a home names a branch that is there; with differs() there is one for each. */
static const char *home_unrest(const struct gw_assembly *assembly, const struct gw_channel *home)
{
    for (uint32_t i = 0; home->branches && i < home->branches->count; i++) {
        const struct gw_branch *record = &home->branches->at[i];
        const struct gw_hub *there = assembly->workers[record->worker]->hub;
        const struct gw_channel *branch = gw_slab_find(there->channels, record->handle);

        if (!branch || !is_joined(branch))
            return "a home has a branch that is none";
    }
    return NULL;
}

static const char *hub_unrest(const struct gw_assembly *assembly, const struct gw_hub *hub)
{
    const char *what = NULL;

    for (unsigned i = 0; i < hub->options.worker_count; i++)
        if (i != hub->options.worker_index &&
            (hub->peers[i].credits != hub->options.mailbox_slots || hub->peers[i].first_ask))
            return "credits are out, or questions wait";
    if (hub->deferred_count > 0)
        return "an answer is kept back";
    if (hub->wake.count > 0 || hub->dirty.count > 0 || hub->gone.count > 0 || hub->tidy.count > 0)
        return "a list of things to do is not empty";
    what = sessions_unrest(hub);
    for (uint32_t i = 0; !what && i < gw_slab_top(hub->channels); i++) {
        const struct gw_channel *channel = gw_slab_peek(hub->channels, i);

        if (!channel || channel->husk)
            continue;
        if (channel->held_count > 0)
            return "somebody is behind";
        what = gw_hub_is_home(hub, channel) ? home_unrest(assembly, channel)
                                            : differs(assembly, hub, i, channel);
    }
    return what;
}

const char *peek_unrest(const struct gw_assembly *assembly)
{
    const char *what = NULL;

    for (unsigned w = 0; !what && w < assembly->worker_count; w++) {
        for (unsigned from = 0; from < assembly->worker_count; from++)
            if (from != w && gw_mailbox_waiting(assembly->in[w][from]))
                return "a letter waits";
        if (assembly->workers[w]->line_count > 0)
            return "a connection waits in the line";
        what = hub_unrest(assembly, assembly->workers[w]->hub);
    }
    return what;
}

/* What a worker knows of the head of a channel's life; UINT64_MAX when it does not serve it. One
 * that is joining may have been sent an answer long ago. */
static uint64_t told(const struct gw_hub *hub, uint32_t number, uint64_t epoch)
{
    for (uint32_t i = 0; i < gw_slab_top(hub->channels); i++) {
        const struct gw_channel *channel = gw_slab_peek(hub->channels, i);

        if (!channel || peek_channel_number(gw_channel_name(channel)) != number)
            continue;
        if (!gw_hub_is_home(hub, channel) && !is_joined(channel))
            return 0;
        return channel->epoch == epoch ? channel->head : 0;
    }
    return UINT64_MAX;
}

uint64_t peek_told(const struct gw_assembly *assembly, uint32_t number, uint64_t epoch)
{
    uint64_t least = UINT64_MAX;

    for (unsigned w = 0; w < assembly->worker_count; w++) {
        uint64_t head = told(assembly->workers[w]->hub, number, epoch);

        if (head < least)
            least = head;
    }
    return least == UINT64_MAX ? 0 : least;
}

uint32_t peek_subscribers(const struct gw_assembly *assembly, uint32_t number)
{
    uint32_t count = 0;

    for (unsigned w = 0; w < assembly->worker_count; w++) {
        const struct gw_hub *hub = assembly->workers[w]->hub;

        for (uint32_t i = 0; i < gw_slab_top(hub->channels); i++) {
            const struct gw_channel *channel = gw_slab_peek(hub->channels, i);

            if (is_seen_home(hub, channel) &&
                peek_channel_number(gw_channel_name(channel)) == number)
                count += gw_home_subscribers(channel);
        }
    }
    return count;
}

unsigned peek_branches(const struct gw_assembly *assembly)
{
    unsigned count = 0;

    for (unsigned w = 0; w < assembly->worker_count; w++) {
        const struct gw_hub *hub = assembly->workers[w]->hub;

        for (uint32_t i = 0; i < gw_slab_top(hub->channels); i++) {
            const struct gw_channel *channel = gw_slab_peek(hub->channels, i);

            count += channel && !channel->husk && !gw_hub_is_home(hub, channel);
        }
    }
    return count;
}

void peek_check_empty(const struct gw_worker *worker)
{
    const struct gw_hub *hub = worker->hub;

    must(gw_slab_count(worker->conns) == 0, "a connection is left");
    must(worker->wheel.set_count == 0, "a connection's timer is left");
    must(gw_slab_count(worker->lists) == 0, "a list of subscriptions is left");
    must(worker->line_count == 0, "somebody stands in the line, and nobody is there");
    must(hub->ask_count == 0 && hub->deferred_count == 0, "a question or an answer is left");
    must(gw_slab_count(hub->subscriptions) == 0, "a subscription is left");
    must(gw_slab_count(hub->sessions.slab) == hub->sessions.kept_count,
         "a session is held, and nobody is there");
    must(hub->units.bytes_pinned == 0, "something is still pinned");
    must(worker->buffers.used_bytes == 0, "a connection's buffer is left");
    for (uint32_t i = 0; i < gw_slab_top(hub->channels); i++) {
        const struct gw_channel *channel = gw_slab_peek(hub->channels, i);

        must(!channel || channel->husk || (channel->subscribers == 0 && channel->held_count == 0),
             "a channel counts subscribers, and nobody is there");
    }
}
