#include "edge/api/api.h"

#include <errno.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "core/json.h"
#include "edge/api/payload.h"
#include "edge/worker.h"
#include "proto/http/target.h"

#define PARKED_NS (5 * GW_NS_PER_S) /* a request that finds no room for so long gets a 503 */

/* Places in the server's table of variants. */
enum { VARIANT_WEBSOCKET, VARIANT_WEBSOCKET_DEFLATED };

/* What a connection keeps of a publication that is not done yet: one that found no room, or one
 * whose home has not answered. */
struct pending {
    struct gw_pub *pub; /* owned; NULL once the hub has it */
    size_t name_len;
    char name[GW_CHANNEL_NAME_MAX];
};

static struct gw_str pending_name(const struct pending *pending)
{
    return (struct gw_str){pending->name, pending->name_len};
}

static void drop_pending(struct gw_worker *worker, struct gw_conn *conn)
{
    struct pending *pending = conn->user;

    if (!pending)
        return;
    conn->user = NULL;
    gw_pub_unref(pending->pub);
    gw_alloc_put(worker->alloc, pending);
}

/* `pub` is taken. False when memory is out. */
static bool keep_pending(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name,
                         struct gw_pub *pub)
{
    struct pending *pending = gw_alloc_get(worker->alloc, sizeof(*pending));

    assert(!conn->user && name.len <= GW_CHANNEL_NAME_MAX);
    if (!pending) {
        gw_pub_unref(pub);
        return false;
    }
    pending->pub = pub;
    pending->name_len = name.len;
    memcpy(pending->name, name.data, name.len);
    conn->user = pending;
    return true;
}

/* The channel that the path names, decoded into `room`. */
static bool read_name(const struct gw_ask *ask, char room[GW_CHANNEL_NAME_MAX], struct gw_str *name)
{
    char decoded[3 * GW_CHANNEL_NAME_MAX];

    name->data = room;
    if (ask->param.len > sizeof(decoded) ||
        !gw_http_percent_decode(decoded, &name->len, ask->param, false) ||
        name->len > GW_CHANNEL_NAME_MAX)
        return false;
    memcpy(room, decoded, name->len);
    return gw_channel_name_ok(*name);
}

/* --- Publishing over HTTP --- */

static int may_publish(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    char room[GW_CHANNEL_NAME_MAX];
    struct gw_str name = {NULL, 0};

    if (!read_name(ask, room, &name)) /* on_request says what is wrong with it */
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
    else if (!keep_pending(worker, conn, name, status == GW_ERR_FULL ? pub : NULL))
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

    if (!read_name(ask, room, &name)) {
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
    struct pending pending;

    if (conn->phase == GW_CONN_OPEN && result->status != 0) /* nothing is lost in silence */
        gw_conn_close(worker, conn, 1011, GW_STR("a message could not be published"));
    if (conn->phase != GW_CONN_ANSWER || !conn->user)
        return; /* a WebSocket does not wait; or we have given up, and said so */
    pending = *(struct pending *)conn->user;
    drop_pending(worker, conn);
    if (result->status == 0)
        say_published(worker, conn, pending_name(&pending), result);
    else
        say_failed(worker, conn, result->status);
}

/* --- Subscribing --- */

static bool twice(struct gw_str query, const char *name)
{
    struct gw_str found, value;
    unsigned count = 0;

    while (gw_http_query_next(&query, &found, &value))
        count += gw_str_eq(found, GW_STR(name));
    return count > 1;
}

/* To take a parameter and not to do what it asks for would lose messages in silence. */
static const char *what_is_not_served(struct gw_str query)
{
    struct gw_str value;

    if (twice(query, "since") || twice(query, "format") || twice(query, "token"))
        return "a parameter is given twice";
    if (gw_http_query_find(query, "format", &value) && value.len > 0 &&
        !gw_str_eq(value, GW_STR("raw")))
        return "format: only raw is served yet";
    if (gw_http_query_find(query, "session", &value))
        return "session: not served yet; come back with since=";
    if (gw_http_query_find(query, "transport", &value) && !gw_str_eq(value, GW_STR("websocket")))
        return "transport: only websocket is served yet";
    return NULL;
}

/* The parameters of a subscription; false with `*reason` when one is wrong. */
static bool read_parameters(const struct gw_ask *ask, struct gw_since *since, const char **reason)
{
    char room[128];
    struct gw_str value;
    size_t len = 0;

    *reason = what_is_not_served(ask->request->query);
    if (*reason)
        return false;
    if (!gw_http_query_find(ask->request->query, "since", &value))
        value = (struct gw_str){NULL, 0};
    if (value.len > sizeof(room) || !gw_http_percent_decode(room, &len, value, true))
        *since = (struct gw_since){.kind = GW_SINCE_UNKNOWN};
    else
        *since = gw_since_read((struct gw_str){room, len});
    return true;
}

static int subscribe(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name,
                     const struct gw_since *since, const char **reason)
{
    unsigned variant =
        conn->flags & GW_CONN_DEFLATED ? VARIANT_WEBSOCKET_DEFLATED : VARIANT_WEBSOCKET;
    struct gw_subscribed result;
    int status = gw_hub_subscribe(worker->hub, name, since, variant, gw_conn_handle(worker, conn),
                                  conn->fd, &conn->subscription, &result);

    if (status == GW_PENDING)
        return GW_PENDING;
    if (status != 0) {
        conn->subscription = GW_SUBSCRIPTION_NONE;
        return status;
    }
    if (result.reset == GW_RESET_NONE)
        return 0;
    *reason = gw_reset_name(result.reset);
    return 4410;
}

static int on_open(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask,
                   const char **reason)
{
    char room[GW_CHANNEL_NAME_MAX];
    struct gw_since since;
    struct gw_str name;
    int may;

    if (!read_name(ask, room, &name)) {
        *reason = "a channel name is 1 to 255 bytes of UTF-8 without control characters or comma";
        return 4400;
    }
    may = gw_may(worker->options.auth, &conn->grant, GW_TO_SUBSCRIBE, name);
    *reason = may == GW_ERR_CREDENTIAL ? "a credential is needed" : "not allowed";
    if (may != 0)
        return may == GW_ERR_CREDENTIAL ? 4401 : 4403;
    if (!read_parameters(ask, &since, reason))
        return 4400;
    return subscribe(worker, conn, name, &since, reason);
}

static void on_subscribed(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                          const struct gw_subscribed *result)
{
    assert(result->status != 0 || conn->subscription == subscription);
    if (result->status != 0) {
        conn->subscription = GW_SUBSCRIPTION_NONE;
        gw_conn_opened(worker, conn, result->status, NULL);
    } else if (result->reset != GW_RESET_NONE)
        gw_conn_opened(worker, conn, 4410, gw_reset_name(result->reset));
    else
        gw_conn_opened(worker, conn, 0, NULL);
}

/* It was too slow for what is kept, or its stream has started over: it is told, and comes back. */
static void on_lost(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                    enum gw_reset reason)
{
    (void)subscription;
    gw_conn_close(worker, conn, reason == GW_RESET_EXPIRED ? 4408 : 4410,
                  GW_STR(gw_reset_name(reason)));
}

/* --- Publishing over a WebSocket --- */

/* The hub has `pub` (taken), or it waits for room, or the connection hears why not. */
static void publish(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name,
                    struct gw_pub *pub)
{
    struct gw_published result;
    int status = gw_hub_publish(worker->hub, name, pub, gw_conn_handle(worker, conn), &result);

    if (status == GW_ERR_FULL) {
        if (keep_pending(worker, conn, name, pub))
            gw_conn_park(worker, conn);
        else
            gw_conn_kill(worker, conn);
    } else if (status < 0)
        gw_conn_close(worker, conn, 1011, GW_STR("out of memory"));
}

/* Not when it has left its channel, because we are closing. */
static bool may_send(struct gw_worker *worker, struct gw_conn *conn)
{
    return conn->subscription != GW_SUBSCRIPTION_NONE &&
           gw_may(worker->options.auth, &conn->grant, GW_TO_PUBLISH,
                  gw_hub_channel_of(worker->hub, conn->subscription)) == 0;
}

static void on_message(struct gw_worker *worker, struct gw_conn *conn,
                       const struct gw_message *message)
{
    struct gw_str name = gw_hub_channel_of(worker->hub, conn->subscription);
    struct gw_pub_parts parts = {.kind = message->text ? GW_PUB_TEXT : GW_PUB_BINARY,
                                 .payload = {(const char *)message->data, message->len}};
    struct gw_pub *pub;

    if (!may_send(worker, conn)) {
        gw_conn_close(worker, conn, 4403, GW_STR("publishing here is not allowed"));
        return;
    }
    if (gw_pub_new(&pub, worker->alloc, &parts) != 0)
        gw_conn_close(worker, conn, 1011, GW_STR("out of memory"));
    else
        publish(worker, conn, name, pub);
}

/* --- Waiting for room --- */

static void on_room(struct gw_worker *worker, struct gw_conn *conn, bool last)
{
    struct pending pending = *(struct pending *)conn->user;
    struct gw_pub *pub = pending.pub;

    ((struct pending *)conn->user)->pub = NULL;
    drop_pending(worker, conn);
    if (conn->phase == GW_CONN_OPEN)
        publish(worker, conn, pending_name(&pending), pub);
    else if (last) {
        gw_pub_unref(pub); /* NULL when its home has it, and did not answer */
        say_failed(worker, conn, pub ? GW_ERR_FULL : GW_ERR_GONE);
    } else
        (void)post(worker, conn, pending_name(&pending), pub); /* it answers or parks again */
}

const struct gw_route gw_route_channel = {
    .path = "/channels/{channel}",
    .flags = GW_ROUTE_POST,
    .may = may_publish,
    .on_request = on_request,
    .on_open = on_open,
    .on_message = on_message,
    .may_send = may_send,
    .on_subscribed = on_subscribed,
    .on_published = on_published,
    .on_lost = on_lost,
    .on_room = on_room,
    .on_gone = drop_pending,
};
