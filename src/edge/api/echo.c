#include "edge/api/api.h"
#include "edge/worker.h"

static int on_open(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask,
                   const char **reason)
{
    (void)conn;
    (void)ask;
    if (worker->options.auth->open || worker->options.settings.echo)
        return 0;
    *reason = "echo is off; start the server with --echo";
    return 4403;
}

static void on_message(struct gw_worker *worker, struct gw_conn *conn,
                       const struct gw_message *message)
{
    gw_conn_send(worker, conn, message->text, message->data, message->len, message->headroom);
}

const struct gw_route gw_route_echo = {
    .path = "/echo",
    .flags = GW_ROUTE_UNRATED,
    .on_open = on_open,
    .on_message = on_message,
};
