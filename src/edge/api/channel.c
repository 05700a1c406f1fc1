#include "edge/api/api.h"

#include <errno.h>

#include <godwit/status.h>

#include "core/json.h"
#include "edge/api/kept.h"
#include "edge/api/name.h"
#include "edge/api/payload.h"
#include "edge/api/subscribe.h"
#include "edge/worker.h"

#define PARKED_NS (5 * GW_NS_PER_S) /* a request that finds no room for so long gets a 503 */

/* --- Publishing over HTTP --- */

static int may_publish(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    char room[GW_CHANNEL_NAME_MAX];
    struct gw_str name = {NULL, 0};

    if (!gw_name_read(ask->param, room, &name)) /* on_request says what is wrong with it */
        name = (struct gw_str){NULL, 0};
    switch (gw_may(worker->options.auth, &conn->grant, GW_TO_PUBLISH, name)) {
    case 0:
        return 0;
    case GW_ERR_CREDENTIAL:
        return 401;
    default:
        return 403;
    }
}

static int write_result(struct gw_buf *body, struct gw_str name, const struct gw_published *result,
                        const char *position)
{
    int status = gw_buf_text(body, GW_STR("{\"channel\":"));

    status = status ? status : gw_json_string(body, name);
    status = status ? status : gw_buf_text(body, GW_STR(",\"offset\":"));
    status = status ? status : gw_buf_u64(body, result->position.offset);
    status = status ? status : gw_buf_text(body, GW_STR(",\"position\":\""));
    status = status ? status : gw_buf_append(body, position, GW_POSITION_LEN);
    status = status ? status : gw_buf_text(body, GW_STR("\",\"subscribers\":"));
    status = status ? status : gw_buf_u64(body, result->subscribers);
    return status ? status : gw_buf_text(body, GW_STR(",\"duplicate\":false}\n"));
}

static void say_published(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name,
                          const struct gw_published *result)
{
    static const char key[] = "Godwit-Position: ";
    char extra[sizeof(key) + GW_POSITION_LEN + 2];
    char *position = extra + sizeof(key) - 1;
    struct gw_buf body;

    memcpy(extra, key, sizeof(key) - 1);
    gw_position_write(position, &result->position);
    memcpy(position + GW_POSITION_LEN, "\r\n", 3);
    gw_buf_init(&body, worker->alloc, 4096);
    if (write_result(&body, name, result, position) == 0)
        gw_conn_answer(worker, conn,
                       &(struct gw_http_answer){.status = 200,
                                                .type = "application/json",
                                                .extra = extra,
                                                .body = gw_buf_str(&body)});
    else
        gw_conn_kill(worker, conn);
    gw_buf_fini(&body);
}

static const char *why_not(int error)
{
    switch (error) {
    case GW_ERR_TOO_MANY:
        return "max_channels is reached";
    case GW_ERR_FULL:
        return "readers are behind: it was not published; try again in a moment";
    case GW_ERR_GONE:
        return "the channel did not answer in time: it may have been published or not";
    default:
        return "out of memory";
    }
}

static void say_failed(struct gw_worker *worker, struct gw_conn *conn, int error)
{
    if (error == GW_ERR_NAME)
        gw_conn_problem(worker, conn, 400,
                        "a channel name is 1 to 255 bytes of UTF-8 without control characters, "
                        "slash or comma",
                        NULL);
    else
        gw_conn_problem(worker, conn, 503, why_not(error), "Retry-After: 1\r\n");
}

/* Hands `pub` (taken) to the hub, and answers, or waits for room or for the home's answer. */
static int post(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name,
                struct gw_pub *pub)
{
    struct gw_published result;
    int status = gw_hub_publish(worker->hub, name, pub, gw_conn_handle(worker, conn), &result);

    if (status == 0)
        say_published(worker, conn, name, &result);
    else if (status != GW_PENDING && status != GW_ERR_FULL)
        say_failed(worker, conn, status);
    else if (!gw_pending_keep(worker, conn, name, status == GW_ERR_FULL ? pub : NULL))
        say_failed(worker, conn, -ENOMEM);
    else {
        if (status == GW_ERR_FULL)
            gw_conn_park(worker, conn);
        return GW_PENDING;
    }
    return 0;
}

static int on_request(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    char room[GW_CHANNEL_NAME_MAX];
    const char *detail;
    struct gw_str name;
    struct gw_pub *pub;
    int status;

    if (!gw_name_read(ask->param, room, &name)) {
        say_failed(worker, conn, GW_ERR_NAME);
        return 0;
    }
    status = gw_payload_read(&pub, worker->alloc, ask, &detail);
    if (status != 0) {
        gw_conn_problem(worker, conn, status, detail, NULL);
        return 0;
    }
    status = post(worker, conn, name, pub);
    if (status == GW_PENDING)
        gw_conn_set_due(worker, conn, worker->now.mono_ns + PARKED_NS);
    return status;
}

static void on_published(struct gw_worker *worker, struct gw_conn *conn,
                         const struct gw_published *result)
{
    struct gw_pending pending;

    if (conn->phase == GW_CONN_OPEN && result->status != 0) /* nothing is lost in silence */
        gw_conn_close(worker, conn, 1011, GW_STR("a message could not be published"));
    if (conn->phase != GW_CONN_ANSWER || !conn->user)
        return; /* a WebSocket does not wait; or we have given up, and said so */
    pending = *(struct gw_pending *)conn->user;
    gw_kept_drop(worker, conn);
    if (result->status == 0)
        say_published(worker, conn, gw_pending_name(&pending), result);
    else
        say_failed(worker, conn, result->status);
}

/* --- Waiting for room --- */

static void on_room(struct gw_worker *worker, struct gw_conn *conn, bool last)
{
    struct gw_pending pending = *(struct gw_pending *)conn->user;
    struct gw_pub *pub = pending.pub;

    ((struct gw_pending *)conn->user)->pub = NULL;
    gw_kept_drop(worker, conn);
    if (conn->phase == GW_CONN_OPEN)
        gw_subscribe_publish(worker, conn, gw_pending_name(&pending), pub);
    else if (last) {
        gw_pub_unref(pub); /* NULL when its home has it, and did not answer */
        say_failed(worker, conn, pub ? GW_ERR_FULL : GW_ERR_GONE);
    } else
        (void)post(worker, conn, gw_pending_name(&pending), pub); /* it answers or parks again */
}

const struct gw_route gw_route_channel = {
    .path = "/channels/{channel}",
    .flags = GW_ROUTE_POST,
    .may = may_publish,
    .on_request = on_request,
    .on_open = gw_subscribe_open,
    .on_opened = gw_subscribe_opened,
    .on_message = gw_subscribe_message,
    .may_send = gw_subscribe_may_send,
    .on_subscribed = gw_subscribe_answered,
    .on_published = on_published,
    .on_lost = gw_subscribe_lost,
    .on_room = on_room,
    .on_gone = gw_kept_drop,
};
