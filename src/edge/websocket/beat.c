#include "edge/websocket/beat.h"

#include <errno.h>
#include <string.h>

#include "edge/route.h"
#include "edge/websocket/busy.h"
#include "edge/websocket/out.h"
#include "edge/worker.h"

#define PING_BYTES 10 /* of a ping as it is sent: its header and the nonce */

void gw_beat_later(struct gw_worker *worker, struct gw_conn *conn)
{
    uint64_t interval = worker->options.settings.ping_interval_ns;

    gw_conn_set_due(worker, conn,
                    worker->now.mono_ns + interval - gw_rng_below(&worker->rng, interval / 5 + 1));
}

static void await_pong(struct gw_worker *worker, struct gw_conn *conn)
{
    gw_conn_set_due(worker, conn, worker->now.mono_ns + worker->options.settings.pong_timeout_ns);
}

static void ping(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_busy *busy = gw_busy_make(worker, conn);

    if (!busy)
        return;
    gw_rng_bytes(&worker->rng, busy->nonce, sizeof(busy->nonce));
    busy->ping_out = true;
    busy->ack_wanted = false;
    busy->unsent = gw_loop_unsent(worker->loop, conn->fd) + PING_BYTES;
    if (conn->route->on_ping && conn->route->on_ping(worker, conn))
        busy->again_ns = worker->now.mono_ns + GW_BEAT_ACK_NS;
    await_pong(worker, conn);
    gw_out_frame(worker, conn, GW_WS_OP_PING, busy->nonce, sizeof(busy->nonce));
}

/* No pong. But a slow phone must not be cut in a loop: as long as the kernel gets rid of what it
 * holds for it, it is alive. */
static void wait_or_cut(struct gw_worker *worker, struct gw_conn *conn, struct gw_busy *busy)
{
    int unsent = gw_loop_unsent(worker->loop, conn->fd);

    if (unsent > 0 && unsent < busy->unsent) {
        busy->unsent = unsent;
        await_pong(worker, conn);
        return;
    }
    if (conn->flags & GW_CONN_OPENED && conn->route->on_error)
        conn->route->on_error(worker, conn, -ETIMEDOUT);
    gw_conn_kill(worker, conn);
}

/* While it is not read it cannot be seen to be alive; what it is owed has a deadline of its own.
 * But a ping that is to be answered one day may join what it is owed: in a long batch, too, its
 * reader must be seen to get on. */
void gw_beat_due(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_busy *busy = conn->state;
    bool ping_out = busy && busy->ping_out, ack_wanted = busy && busy->ack_wanted;

    if (gw_conn_paused(conn) && (ping_out || !ack_wanted)) {
        gw_beat_later(worker, conn);
    } else if (ping_out) {
        wait_or_cut(worker, conn, busy);
    } else {
        gw_busy_free_if_idle(worker, conn);
        ping(worker, conn);
    }
}

void gw_beat_want_ack(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_busy *busy = conn->phase == GW_CONN_OPEN ? gw_busy_make(worker, conn) : NULL;

    if (!busy || busy->ack_wanted)
        return;
    busy->ack_wanted = true;
    if (!busy->ping_out)
        gw_conn_set_due(worker, conn, busy->again_ns);
}

void gw_beat_alive(struct gw_worker *worker, struct gw_conn *conn)
{
    const struct gw_busy *busy = conn->state;

    if (busy && busy->ping_out && conn->phase == GW_CONN_OPEN)
        await_pong(worker, conn);
}

bool gw_beat_pong(struct gw_worker *worker, struct gw_conn *conn, struct gw_str payload)
{
    struct gw_busy *busy = conn->state;

    if (!busy || !busy->ping_out || payload.len != sizeof(busy->nonce) ||
        memcmp(payload.data, busy->nonce, sizeof(busy->nonce)) != 0)
        return false;
    busy->ping_out = false;
    if (conn->route->on_pong)
        conn->route->on_pong(worker, conn);
    if (conn->phase != GW_CONN_OPEN)
        return true;
    if (busy->ack_wanted)
        gw_conn_set_due(worker, conn, busy->again_ns);
    else
        gw_beat_later(worker, conn);
    return true;
}
