#include "edge/api/api.h"

#include <godwit/status.h>

#include "edge/api/errand.h"
#include "edge/api/may.h"
#include "edge/api/name.h"
#include "edge/api/payload.h"
#include "edge/api/reply.h"
#include "edge/api/session.h"
#include "edge/api/subscribe.h"
#include "edge/worker.h"

/* To delete is to administer, also in open mode: it cannot be undone. */
static int may(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    bool deletes = ask->request->method == GW_HTTP_DELETE;

    return gw_api_may_there(worker, conn, deletes ? GW_TO_ADMINISTER : GW_TO_PUBLISH, ask);
}

static int drop_all(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name)
{
    struct gw_errand errand = gw_errand_make(GW_ERRAND_DELETE, name);

    return gw_errand_run(worker, conn, &errand);
}

static int publish(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name,
                   const struct gw_ask *ask)
{
    struct gw_errand errand = gw_errand_make(GW_ERRAND_PUBLISH, name);
    const char *detail;
    int status = gw_payload_read(&errand.pub, worker->alloc, ask, &detail);

    if (status == 0)
        return gw_errand_run(worker, conn, &errand);
    gw_conn_problem(worker, conn, status, detail, NULL);
    return 0;
}

static int on_request(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    bool deletes = ask->request->method == GW_HTTP_DELETE;
    char room[GW_CHANNEL_NAME_MAX];
    struct gw_str name;

    if (!gw_name_read(ask->param, room, &name)) {
        gw_conn_problem(worker, conn, 400, GW_BAD_NAME, NULL);
        return 0;
    }
    return deletes ? drop_all(worker, conn, name) : publish(worker, conn, name, ask);
}

/* A WebSocket does not wait for that; but nothing is lost in silence. */
static void on_published(struct gw_worker *worker, struct gw_conn *conn,
                         const struct gw_published *result)
{
    if (conn->phase == GW_CONN_OPEN && result->status != 0)
        gw_conn_close(worker, conn, 1011, GW_STR("a message could not be published"));
    else if (conn->phase == GW_CONN_ANSWER)
        gw_errand_published(worker, conn, result);
}

static void on_room(struct gw_worker *worker, struct gw_conn *conn, bool last)
{
    if (conn->phase == GW_CONN_OPEN)
        gw_subscribe_room(worker, conn);
    else
        gw_errand_room(worker, conn, last);
}

const struct gw_route gw_route_channel = {
    .path = "/channels/{channel}",
    .flags = GW_ROUTE_POST | GW_ROUTE_DELETE,
    .may = may,
    .on_request = on_request,
    .on_open = gw_subscribe_open,
    .on_opened = gw_subscribe_opened,
    .on_message = gw_subscribe_message,
    .may_send = gw_subscribe_may_send,
    .on_subscribed = gw_subscribe_answered,
    .on_published = on_published,
    .on_lost = gw_subscribe_lost,
    .on_claimed = gw_subscribe_claimed,
    .on_recalled = gw_subscribe_recalled,
    .on_progress = gw_session_progress,
    .on_ping = gw_session_ping,
    .on_pong = gw_session_pong,
    .on_farewell = gw_session_farewell,
    .on_room = on_room,
    .on_gone = gw_kept_drop,
};
