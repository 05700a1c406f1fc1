#include "edge/ports.h"

#include "core/slab.h"
#include "edge/route.h"
#include "edge/subs.h"
#include "edge/worker.h"

static bool post(void *ctx, unsigned to, const struct gw_letter *letter, bool reply)
{
    struct gw_worker *worker = ctx;

    if (reply)
        gw_mailbox_reply(worker->options.out[to], letter);
    else if (!gw_mailbox_post(worker->options.out[to], letter))
        return false;
    worker->to_wake |= UINT64_C(1) << to;
    return true;
}

/* The route that subscribed or published gets the answer: it named itself in the connection's
 * route. */
static void on_subscribed(void *ctx, uint64_t who, uint32_t subscription,
                          const struct gw_subscribed *result)
{
    struct gw_worker *worker = ctx;
    struct gw_conn *conn = gw_conn_find(worker, who);

    if (conn && conn->route && conn->route->on_subscribed)
        conn->route->on_subscribed(worker, conn, subscription, result);
}

static void on_published(void *ctx, uint64_t who, const struct gw_published *result)
{
    struct gw_worker *worker = ctx;
    struct gw_conn *conn = gw_conn_find(worker, who);

    if (conn && conn->route && conn->route->on_published)
        conn->route->on_published(worker, conn, result);
}

static void on_read(void *ctx, uint64_t who, const struct gw_page *page)
{
    struct gw_worker *worker = ctx;
    struct gw_conn *conn = gw_conn_find(worker, who);

    if (conn && conn->route && conn->route->on_read)
        conn->route->on_read(worker, conn, page);
}

static void on_blocked(void *ctx, uint64_t who, const struct gw_unit_pin *pin)
{
    struct gw_worker *worker = ctx;
    struct gw_conn *conn = gw_conn_find(worker, who);

    if (!conn) {
        if (pin)
            gw_hub_unpin(worker->hub, pin);
        return;
    }
    assert(worker->tray.conn != conn); /* the tray was sent before the sweep */
    gw_owed_begin(worker, conn, pin);
}

static void on_broken(void *ctx, uint64_t who, int error)
{
    struct gw_worker *worker = ctx;
    struct gw_conn *conn = gw_conn_find(worker, who);

    if (!conn)
        return;
    if (conn->route && conn->route->on_error)
        conn->route->on_error(worker, conn, error);
    gw_conn_kill(worker, conn);
}

/* The route may want to speak and to go on, for which a flush is no time: it is told when the
 * connection's turn comes. */
static void on_lost(void *ctx, uint64_t who, uint32_t subscription, enum gw_reset reason)
{
    struct gw_worker *worker = ctx;
    struct gw_conn *conn = gw_conn_find(worker, who);

    if (!conn)
        return;
    gw_subs_lose(worker, conn, subscription, reason);
    gw_conn_resume(worker, conn);
}

static void on_progress(void *ctx, uint64_t who)
{
    struct gw_worker *worker = ctx;
    struct gw_conn *conn = gw_conn_find(worker, who);

    if (conn && conn->route->on_progress)
        conn->route->on_progress(worker, conn);
}

static void on_claimed(void *ctx, uint64_t who, const struct gw_claimed *result)
{
    struct gw_worker *worker = ctx;
    struct gw_conn *conn = gw_conn_find(worker, who);

    if (conn)
        conn->route->on_claimed(worker, conn, result);
    else
        gw_hub_release(worker->hub, result->watermark);
}

/* What a dead connection held it holds until it is removed. */
static struct gw_watermark *on_recalled(void *ctx, uint64_t who)
{
    struct gw_worker *worker = ctx;
    struct gw_conn *conn = gw_slab_find(worker->conns, who);

    return conn ? conn->route->on_recalled(worker, conn) : NULL;
}

struct gw_hub_ports gw_edge_ports(struct gw_worker *worker)
{
    return (struct gw_hub_ports){
        .ctx = worker,
        .post = post,
        .on_subscribed = on_subscribed,
        .on_published = on_published,
        .on_read = on_read,
        .on_blocked = on_blocked,
        .on_broken = on_broken,
        .on_lost = on_lost,
        .on_progress = on_progress,
        .on_claimed = on_claimed,
        .on_recalled = on_recalled,
    };
}
