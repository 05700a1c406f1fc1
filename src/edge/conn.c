#include "edge/conn.h"

#include "core/alloc.h"
#include "core/slab.h"
#include "edge/subs.h"
#include "edge/tray.h"
#include "edge/worker.h"

#define TICK_NS    (GW_WHEEL_TICK_MS * GW_NS_PER_MS)
#define MAY(phase) (1u << GW_CONN_##phase)

/* From each phase, where a connection may go. DEAD is reached from everywhere, once. */
static const unsigned moves[GW_CONN_PHASES] = {
    [GW_CONN_REQUEST] =
        MAY(ANSWER) | MAY(OPENING) | MAY(OPEN) | MAY(CLOSING) | MAY(LINGER) | MAY(DEAD),
    [GW_CONN_ANSWER] = MAY(REQUEST) | MAY(LINGER) | MAY(DEAD),
    [GW_CONN_OPENING] = MAY(ANSWER) | MAY(OPEN) | MAY(CLOSING) | MAY(LINGER) | MAY(DEAD),
    [GW_CONN_OPEN] = MAY(CLOSING) | MAY(LINGER) | MAY(DEAD),
    [GW_CONN_CLOSING] = MAY(LINGER) | MAY(DEAD),
    [GW_CONN_LINGER] = MAY(DEAD),
    [GW_CONN_DEAD] = 0,
};

void gw_conn_move(struct gw_conn *conn, enum gw_conn_phase to)
{
    assert(conn->phase < GW_CONN_PHASES);
    assert(moves[conn->phase] & (1u << to));
    conn->phase = (uint8_t)to;
}

uint64_t gw_conn_handle(const struct gw_worker *worker, const struct gw_conn *conn)
{
    return gw_slab_handle(worker->conns, conn->index);
}

struct gw_conn *gw_conn_find(const struct gw_worker *worker, uint64_t handle)
{
    struct gw_conn *conn = gw_slab_find(worker->conns, handle);

    return conn && conn->phase != GW_CONN_DEAD ? conn : NULL;
}

/* Ticks of 16 ms, rounded up, so that nothing is ever early. They wrap; differences do not mind, as
 * long as they are differences of less than 398 days. */
static uint32_t tick_of(uint64_t ns)
{
    return (uint32_t)((ns + TICK_NS - 1) / TICK_NS);
}

/* How many ticks are left until the transport's time; 0 or less: it has come. The tick that now is
 * in, rounded down, counts: for both questions below, or a timer that fires for what is owed, just
 * before, would be set to fire at once again and again. */
static int32_t ticks_left(const struct gw_worker *worker, const struct gw_conn *conn)
{
    return (int32_t)(conn->timer.spare - (uint32_t)(worker->now.mono_ns / TICK_NS));
}

void gw_conn_rearm(struct gw_worker *worker, struct gw_conn *conn)
{
    uint64_t now_tick = worker->now.mono_ns / TICK_NS;
    int32_t left = ticks_left(worker, conn);
    uint64_t due = left > 0 ? (now_tick + (uint32_t)left) * TICK_NS : worker->now.mono_ns;

    if (conn->owed && gw_owed_due_ns(worker, conn) < due)
        due = gw_owed_due_ns(worker, conn);
    gw_wheel_set(&worker->wheel, &conn->timer, due);
}

bool gw_conn_is_due(const struct gw_worker *worker, const struct gw_conn *conn)
{
    return ticks_left(worker, conn) <= 0;
}

void gw_conn_set_due(struct gw_worker *worker, struct gw_conn *conn, uint64_t due_ns)
{
    if (conn->phase == GW_CONN_DEAD)
        return;
    if (due_ns < worker->now.mono_ns) /* perhaps 0: on a machine long up a difference too large */
        due_ns = worker->now.mono_ns / TICK_NS * TICK_NS;
    conn->timer.spare = tick_of(due_ns);
    gw_conn_rearm(worker, conn);
}

void gw_conn_kill(struct gw_worker *worker, struct gw_conn *conn)
{
    if (conn->phase == GW_CONN_DEAD)
        return;
    gw_conn_move(conn, GW_CONN_DEAD);
    if (worker->tray.conn == conn)
        gw_tray_drop(worker);
    gw_subs_leave(worker, conn);
    /* Its timer will not be needed again, and so its link is free for the list of the dead. */
    gw_wheel_cancel(&worker->wheel, &conn->timer);
    gw_link_init(&conn->timer.link);
    gw_link_append(&worker->dead, &conn->timer.link);
}

void gw_conn_queue(struct gw_worker *worker, struct gw_conn *conn)
{
    if (conn->flags & GW_CONN_QUEUED || conn->phase == GW_CONN_DEAD)
        return;
    conn->flags |= GW_CONN_QUEUED;
    conn->next = GW_CONN_NONE;
    if (worker->line_last == GW_CONN_NONE)
        worker->line_first = conn->index;
    else
        ((struct gw_conn *)gw_slab_at(worker->conns, worker->line_last))->next = conn->index;
    worker->line_last = conn->index;
    worker->line_count++;
}

void gw_conn_resume(struct gw_worker *worker, struct gw_conn *conn)
{
    if (!gw_conn_paused(conn) && (conn->stash || conn->flags & (GW_CONN_READABLE | GW_CONN_LOST)))
        gw_conn_queue(worker, conn);
}

void gw_conn_park(struct gw_worker *worker, struct gw_conn *conn)
{
    conn->flags |= GW_CONN_PARKED;
    gw_conn_queue(worker, conn);
}

/* The last words are out: from here on the peer has close_timeout. (Until then what is owed has its
 * own.) */
void gw_conn_finish(struct gw_worker *worker, struct gw_conn *conn)
{
    conn->flags &= (uint16_t)~GW_CONN_FINISH;
    gw_loop_finish(worker->loop, conn->fd);
    gw_conn_set_due(worker, conn, worker->now.mono_ns + worker->options.settings.close_timeout_ns);
}

void gw_conn_linger(struct gw_worker *worker, struct gw_conn *conn)
{
    if (conn->phase == GW_CONN_DEAD || conn->phase == GW_CONN_LINGER)
        return;
    if (worker->tray.conn == conn)
        gw_tray_send(worker);
    if (conn->phase == GW_CONN_DEAD) /* the send found the socket broken */
        return;
    gw_conn_move(conn, GW_CONN_LINGER);
    conn->flags &= (uint16_t)~GW_CONN_PARKED;
    gw_subs_leave(worker, conn);
    if (conn->owed)
        conn->flags |= GW_CONN_FINISH;
    else
        gw_conn_finish(worker, conn);
    gw_conn_resume(worker, conn);
}
