/* The turn, in order (docs/internals/loop-turn.md tells why):
 *
 *   1. work off the line: those that had to leave something the last time, readers that lost their
 *      place, and parked publishers, who may find room since the last flush
 *   2. take the I/O events; read, parse, answer each connection alone
 *   3. drain the mailboxes
 *   4. run the timers that are due
 *   5. flush once: one send for every connection that has something
 *   6. remove the dead, post what is owed to other workers, wait
 */
#include "edge/worker.h"

#include <errno.h>
#include <string.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "core/slab.h"
#include "edge/accept.h"
#include "edge/ports.h"
#include "edge/route.h"
#include "edge/subs.h"

#define PARKED_WAIT_NS                                                                             \
    GW_NS_PER_MS /* room made by another worker is not announced: look again soon */

/* --- Reading --- */

static void drop_stash(struct gw_worker *worker, struct gw_conn *conn)
{
    if (conn->stash) {
        gw_buf_fini(conn->stash);
        gw_alloc_put(worker->alloc, conn->stash);
        conn->stash = NULL;
    }
}

/* Keeps input that could not be used yet. */
static void stash(struct gw_worker *worker, struct gw_conn *conn, const uint8_t *data, size_t len)
{
    if (!conn->stash) {
        conn->stash = gw_alloc_get(worker->alloc, sizeof(*conn->stash));
        if (conn->stash)
            gw_buf_init(conn->stash, &worker->buffers.alloc, 2 * (size_t)GW_WORKER_READ_BYTES);
    }
    if (!conn->stash || gw_buf_append(conn->stash, data, len) != 0)
        gw_conn_kill(worker, conn);
}

/* Gives the transport what has arrived and was not used up: the stash, where there is one. What it
 * answers has left (or waits in `owed`) before the input goes. */
static void offer(struct gw_worker *worker, struct gw_conn *conn, uint8_t *data, size_t len)
{
    const struct gw_transport *transport = conn->transport;
    size_t used;

    if (conn->phase == GW_CONN_LINGER) {
        drop_stash(worker, conn);
        return;
    }
    if (conn->stash) {
        if (len > 0)
            stash(worker, conn, data, len);
        if (conn->phase == GW_CONN_DEAD)
            return;
        data = conn->stash->data;
        len = conn->stash->len;
    }
    used = transport->on_input(worker, conn, data, len);
    assert(used <= len);
    gw_tray_send(worker);
    if (conn->phase == GW_CONN_DEAD)
        return;
    if (conn->phase == GW_CONN_LINGER || used == len)
        drop_stash(worker, conn);
    else if (conn->stash)
        gw_buf_drop(conn->stash, used);
    else
        stash(worker, conn, data + used, len - used);
    if (conn->transport != transport) /* what came behind an upgrade is for the new one */
        gw_conn_resume(worker, conn);
}

static void end_of_input(struct gw_worker *worker, struct gw_conn *conn)
{
    if (conn->phase == GW_CONN_LINGER)
        gw_conn_kill(worker, conn);
    else
        conn->transport->on_eof(worker, conn);
    gw_tray_send(worker);
}

static void broken(struct gw_worker *worker, struct gw_conn *conn, int error)
{
    if (conn->route && conn->route->on_error && conn->flags & GW_CONN_OPENED)
        conn->route->on_error(worker, conn, error);
    gw_conn_kill(worker, conn);
}

/* One read a turn: a connection that sends without end does not hold up the others. */
static void read_once(struct gw_worker *worker, struct gw_conn *conn)
{
    ssize_t got = gw_loop_receive(worker->loop, conn->fd, worker->input, sizeof(worker->input));
    bool all = got < (ssize_t)sizeof(worker->input); /* a short read: nothing more now */

    if (got == -EAGAIN) {
        conn->flags &= (uint16_t)~GW_CONN_READABLE;
        return;
    }
    if (got < 0) {
        broken(worker, conn, (int)got);
        return;
    }
    if (all)
        conn->flags &= (uint16_t)~GW_CONN_READABLE;
    if (got > 0)
        offer(worker, conn, worker->input, (size_t)got);
    if (conn->phase == GW_CONN_DEAD)
        return;
    if (got == 0 ||
        (all && conn->flags & GW_CONN_PEER_CLOSED && !conn->stash && !gw_conn_paused(conn)))
        end_of_input(worker, conn);
    else if (conn->flags & GW_CONN_PEER_CLOSED) {
        conn->flags |= GW_CONN_READABLE; /* the end is still to be read when the pause is over */
        gw_conn_resume(worker, conn);
    } else if (!all)
        gw_conn_resume(worker, conn);
}

static void read_on(struct gw_worker *worker, struct gw_conn *conn)
{
    if (gw_conn_paused(conn))
        return;
    if (conn->stash)
        offer(worker, conn, NULL, 0);
    /* One that has had its share of this turn stands in the line again, with what it has. */
    if (conn->phase != GW_CONN_DEAD && !gw_conn_paused(conn) && conn->flags & GW_CONN_READABLE &&
        !(conn->flags & GW_CONN_QUEUED))
        read_once(worker, conn);
}

/* Before anything else is sent to it, a reader that lost its place hears of it. */
static void tell_lost(struct gw_worker *worker, struct gw_conn *conn)
{
    uint32_t subscription;
    enum gw_reset reason;

    while (conn->phase == GW_CONN_OPEN && !conn->owed &&
           gw_subs_take_lost(worker, conn, &subscription, &reason))
        conn->route->on_lost(worker, conn, subscription, reason);
}

/* Whoever is rid of what it was owed is told and read in the same turn, before more is sent to it
 * and blocks it again: a reader that is slow all through a long batch must be heard, too. */
static void send_owed(struct gw_worker *worker, struct gw_conn *conn)
{
    gw_owed_send(worker, conn);
    tell_lost(worker, conn);
    if (conn->stash && !(conn->flags & GW_CONN_QUEUED))
        read_on(worker, conn);
}

static void take_event(struct gw_worker *worker, const struct gw_event *event)
{
    struct gw_conn *conn;

    if (event->token < worker->listener_count) {
        worker->listener_ready[event->token] = true;
        return;
    }
    conn = gw_conn_find(worker, event->token);
    if (!conn)
        return;
    if (event->peer_closed)
        conn->flags |= GW_CONN_PEER_CLOSED;
    if (event->readable || event->failed)
        conn->flags |= GW_CONN_READABLE;
    if (event->failed && gw_conn_paused(conn)) {
        broken(worker, conn, -ECONNRESET);
        return;
    }
    if (event->writable && conn->owed)
        send_owed(worker, conn);
    if (conn->flags & GW_CONN_READABLE && conn->phase != GW_CONN_DEAD &&
        !(conn->flags & GW_CONN_QUEUED))
        read_on(worker, conn);
}

/* Those that stood in the line when it began; who joins it meanwhile is served in the next turn. */
static void work_line(struct gw_worker *worker)
{
    uint32_t index = worker->line_first;

    worker->line_first = GW_CONN_NONE;
    worker->line_last = GW_CONN_NONE;
    worker->line_count = 0;
    while (index != GW_CONN_NONE) {
        struct gw_conn *conn = gw_slab_at(worker->conns, index);

        index = conn->next;
        conn->flags &= (uint16_t)~GW_CONN_QUEUED;
        tell_lost(worker, conn);
        if (conn->phase == GW_CONN_DEAD)
            continue;
        if (conn->flags & GW_CONN_PARKED) {
            conn->flags &= (uint16_t)~GW_CONN_PARKED;
            conn->transport->on_room(worker, conn);
            gw_tray_send(worker);
        }
        read_on(worker, conn);
    }
}

/* --- Timers, mailboxes --- */

static void run_timer(struct gw_worker *worker, struct gw_conn *conn)
{
    if (conn->owed && gw_owed_too_slow(worker, conn)) {
        broken(worker, conn, GW_ERR_SLOW_CONSUMER);
        return;
    }
    if (!gw_conn_is_due(worker, conn))
        gw_conn_rearm(worker, conn);
    else if (conn->phase == GW_CONN_LINGER && conn->flags & GW_CONN_FINISH)
        gw_conn_set_due(worker, conn, gw_owed_due_ns(worker, conn));
    else if (conn->phase == GW_CONN_LINGER)
        gw_conn_kill(worker, conn);
    else
        conn->transport->on_due(worker, conn);
}

static void run_timers(struct gw_worker *worker)
{
    for (int ran = 0; ran < GW_WORKER_TIMERS; ran++) {
        struct gw_timer *timer = gw_wheel_expire(&worker->wheel, worker->now.mono_ns);

        if (!timer)
            break;
        run_timer(worker, GW_CONTAINER(timer, struct gw_conn, timer));
    }
    gw_tray_send(worker);
    gw_hub_tick(worker->hub);
}

static void drain_mailboxes(struct gw_worker *worker)
{
    struct gw_letter letter;

    for (unsigned from = 0; from < worker->options.count; from++) {
        struct gw_mailbox *box = from == worker->options.index ? NULL : worker->options.in[from];

        for (int taken = 0; box && taken < GW_WORKER_LETTERS; taken++) {
            if (!gw_mailbox_take(box, &letter))
                break;
            gw_hub_receive(worker->hub, &letter);
        }
    }
    gw_tray_send(worker);
}

/* --- Flush --- */

static void flush(struct gw_worker *worker)
{
    size_t left = GW_WORKER_SENDS;
    size_t count;

    gw_tray_send(worker);
    worker->flushed = false;
    while (left > 0 && (count = gw_hub_sweep(worker->hub, &worker->batch, left)) > 0) {
        gw_loop_send_batch(worker->loop, worker->batch.sends, count);
        gw_hub_settle(worker->hub, &worker->batch);
        left -= count;
        worker->flushed = true;
    }
    gw_tray_send(worker);
}

static void remove_conn(struct gw_worker *worker, struct gw_conn *conn)
{
    gw_link_remove(&conn->timer.link);
    conn->transport->on_gone(worker, conn);
    gw_owed_free(worker, conn);
    drop_stash(worker, conn);
    gw_loop_close(worker->loop, conn->fd);
    gw_accept_release(worker, conn);
    gw_slab_give(worker->conns, conn->index);
}

/* One that still stands in the line stays until the line has let go of it. */
static void remove_dead(struct gw_worker *worker)
{
    struct gw_link *link = worker->dead.next;

    while (link != &worker->dead) {
        struct gw_conn *conn = GW_CONTAINER(link, struct gw_conn, timer.link);

        link = link->next;
        if (!(conn->flags & GW_CONN_QUEUED))
            remove_conn(worker, conn);
    }
}

static void wake_others(struct gw_worker *worker)
{
    for (unsigned to = 0; worker->to_wake; to++) {
        if (worker->to_wake & (UINT64_C(1) << to)) {
            worker->to_wake &= ~(UINT64_C(1) << to);
            gw_loop_wake(worker->options.workers[to]->loop);
        }
    }
}

/* --- Draining --- */

static void begin_drain(struct gw_worker *worker)
{
    worker->draining = true;
    worker->drain_until_ns = worker->now.mono_ns + worker->options.settings.drain_ns;
    for (unsigned i = 0; i < worker->listener_count; i++)
        gw_loop_close(worker->loop, worker->listeners[i]);
    worker->listener_count = 0;
    for (uint32_t i = 0; i < gw_slab_top(worker->conns); i++) {
        struct gw_conn *conn = gw_slab_peek(worker->conns, i);

        if (conn && conn->phase != GW_CONN_DEAD && conn->phase != GW_CONN_LINGER)
            conn->transport->on_drain(worker, conn);
    }
    gw_tray_send(worker);
}

static void end_drain(struct gw_worker *worker)
{
    for (uint32_t i = 0; i < gw_slab_top(worker->conns); i++) {
        struct gw_conn *conn = gw_slab_peek(worker->conns, i);

        if (conn)
            gw_conn_kill(worker, conn);
    }
}

static void see_to_drain(struct gw_worker *worker)
{
    if (!worker->draining && atomic_load_explicit(&worker->drain_asked, memory_order_acquire))
        begin_drain(worker);
    else if (worker->draining && worker->now.mono_ns >= worker->drain_until_ns)
        end_drain(worker);
}

void gw_worker_drain(struct gw_worker *worker)
{
    atomic_store_explicit(&worker->drain_asked, true, memory_order_release);
    gw_loop_wake(worker->loop);
}

bool gw_worker_gone(const struct gw_worker *worker)
{
    return worker->draining && gw_slab_count(worker->conns) == 0;
}

/* --- The turn --- */

/* Is everybody in the line there only to try to publish again? */
static bool line_is_parked(const struct gw_worker *worker)
{
    for (uint32_t i = worker->line_first; i != GW_CONN_NONE;) {
        const struct gw_conn *conn = gw_slab_at(worker->conns, i);

        if (!(conn->flags & GW_CONN_PARKED))
            return false;
        i = conn->next;
    }
    return true;
}

static bool someone_waits(const struct gw_worker *worker)
{
    for (unsigned i = 0; i < worker->listener_count; i++)
        if (worker->listener_ready[i])
            return true;
    return false;
}

static bool something_left(const struct gw_worker *worker)
{
    if (!line_is_parked(worker))
        return true;
    if (someone_waits(worker) && worker->now.mono_ns >= worker->accept_after_ns)
        return true;
    for (unsigned i = 0; i < worker->options.count; i++)
        if (i != worker->options.index && gw_mailbox_waiting(worker->options.in[i]))
            return true;
    return false;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t until(const struct gw_worker *worker, uint64_t ns)
{
    return ns > worker->now.mono_ns ? ns - worker->now.mono_ns : 0;
}

/* How long nothing can want us, but for what the loop itself will report. */
static uint64_t wait_ns(const struct gw_worker *worker)
{
    uint64_t wait;

    if (something_left(worker) || !gw_link_empty(&worker->dead))
        return 0;
    wait =
        sooner(gw_wheel_wait_ns(&worker->wheel, worker->now.mono_ns), gw_hub_wait_ns(worker->hub));
    if (worker->line_count > 0)
        wait = sooner(wait, worker->flushed ? 0 : PARKED_WAIT_NS);
    if (someone_waits(worker))
        wait = sooner(wait, until(worker, worker->accept_after_ns));
    if (worker->draining)
        wait = sooner(wait, until(worker, worker->drain_until_ns));
    return wait;
}

int gw_worker_turn(struct gw_worker *worker)
{
    int count = gw_loop_turn(worker->loop, worker->events, GW_WORKER_EVENTS, wait_ns(worker));

    if (count < 0 && count != -EINTR)
        return count;
    worker->now = gw_loop_now(worker->loop);
    worker->inflating = 0;
    worker->page_bytes = 0;
    worker->body_bytes = 0;
    gw_hub_begin_turn(worker->hub, worker->now);

    work_line(worker);
    for (int i = 0; i < count; i++)
        take_event(worker, &worker->events[i]);
    gw_accept_waiting(worker);
    drain_mailboxes(worker);
    run_timers(worker);
    see_to_drain(worker);
    flush(worker);
    gw_hub_end_turn(worker->hub);
    remove_dead(worker);
    wake_others(worker);
    return 0;
}

/* --- Making and ending --- */

static int make_hub(struct gw_worker *worker, const struct gw_worker_options *options)
{
    struct gw_hub_options hub = options->hub;
    struct gw_hub_ports ports = gw_edge_ports(worker);

    hub.alloc = options->alloc;
    hub.worker_index = options->index;
    hub.worker_count = options->count;
    hub.variants = options->variants;
    hub.variant_count = options->variant_count;
    hub.variant_ctx = options->deflater;
    return gw_hub_new(&worker->hub, &hub, &ports);
}

int gw_worker_new(struct gw_worker **out, const struct gw_worker_options *options)
{
    struct gw_worker *worker = gw_alloc_zeroed(options->alloc, 1, sizeof(*worker));
    int status;

    if (!worker)
        return -ENOMEM;
    worker->alloc = options->alloc;
    worker->options = *options;
    worker->loop = options->loop;
    worker->now = gw_loop_now(options->loop);
    worker->line_first = GW_CONN_NONE;
    worker->line_last = GW_CONN_NONE;
    gw_link_init(&worker->dead);
    gw_budget_init(&worker->buffers, options->alloc, options->settings.buffer_bytes_max);
    gw_wheel_init(&worker->wheel, worker->now.mono_ns);
    gw_rng_init(&worker->rng, options->seed);
    status = gw_slab_new(&worker->conns, options->alloc, sizeof(struct gw_conn),
                         options->settings.connections_max);
    if (status == 0)
        status = gw_slab_new(&worker->lists, options->alloc, sizeof(struct gw_subs),
                             options->settings.connections_max);
    if (status == 0)
        status = gw_addresses_new(&worker->addresses, worker);
    if (status == 0)
        status = make_hub(worker, options);
    if (status != 0) {
        gw_worker_free(worker);
        return status;
    }
    *out = worker;
    return 0;
}

void gw_worker_free(struct gw_worker *worker)
{
    if (!worker)
        return;
    if (worker->conns) {
        end_drain(worker);
        /* Nobody stands in the line any more. */
        worker->line_first = GW_CONN_NONE;
        for (uint32_t i = 0; i < gw_slab_top(worker->conns); i++) {
            struct gw_conn *conn = gw_slab_peek(worker->conns, i);

            if (conn)
                remove_conn(worker, conn);
        }
    }
    for (unsigned i = 0; i < worker->listener_count; i++)
        gw_loop_close(worker->loop, worker->listeners[i]);
    gw_hub_free(worker->hub);
    gw_addresses_free(worker->addresses, worker->alloc);
    gw_slab_free(worker->lists);
    gw_slab_free(worker->conns);
    gw_alloc_put(worker->alloc, worker);
}

int gw_worker_listen(struct gw_worker *worker, const union gw_address *address)
{
    int fd;

    if (worker->listener_count == GW_WORKER_LISTENERS)
        return GW_ERR_TOO_MANY;
    fd = gw_loop_listen(worker->loop, address, worker->listener_count);
    if (fd < 0)
        return fd;
    worker->listeners[worker->listener_count++] = fd;
    return 0;
}

uint32_t gw_worker_connections(const struct gw_worker *worker)
{
    return gw_slab_count(worker->conns);
}

static void check_conn(const struct gw_worker *worker, const struct gw_conn *conn)
{
    assert(conn->phase != GW_CONN_DEAD || conn->flags & GW_CONN_QUEUED);
    assert(conn->phase == GW_CONN_DEAD || gw_timer_is_set(&conn->timer));
    assert(conn->phase == GW_CONN_DEAD || !conn->owed || conn->owed->pinned ||
           conn->owed->waiting.len > 0 || conn->subscription != GW_SUBSCRIPTION_NONE);
    assert(!(conn->flags & GW_CONN_PARKED) || conn->flags & GW_CONN_QUEUED);
    /* Input that could be used is waiting for something: for more of it, or for its turn. What is
     * to be told, too. */
    assert(!(conn->flags & (GW_CONN_READABLE | GW_CONN_LOST)) || gw_conn_paused(conn) ||
           conn->flags & GW_CONN_QUEUED);
    (void)worker; /* for symmetry with what the simulator checks */
}

void gw_worker_check(const struct gw_worker *worker)
{
    assert(!worker->tray.conn);
    for (uint32_t i = 0; i < gw_slab_top(worker->conns); i++) {
        const struct gw_conn *conn = gw_slab_peek(worker->conns, i);

        if (conn)
            check_conn(worker, conn);
    }
    gw_hub_check(worker->hub);
}
