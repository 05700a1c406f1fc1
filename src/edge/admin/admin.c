#include "edge/admin/admin.h"

#include <godwit/version.h>

#include "edge/worker.h"

static int answer(struct gw_worker *worker, struct gw_conn *conn, int status, const char *json)
{
    gw_conn_answer(worker, conn,
                   &(struct gw_http_answer){
                       .status = status, .type = "application/json", .body = GW_STR(json)});
    return 0;
}

static int on_health(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    (void)ask;
    return answer(worker, conn, 200, "{\"status\":\"alive\"}\n");
}

static int on_ready(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    (void)ask;
    if (!worker->draining)
        return answer(worker, conn, 200, "{\"status\":\"ready\"}\n");
    gw_conn_problem(worker, conn, 503, "the server is draining", "Retry-After: 5\r\n");
    return 0;
}

static int on_version(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    (void)ask;
    return answer(worker, conn, 200, "{\"name\":\"godwit\",\"version\":\"" GW_VERSION "\"}\n");
}

static int may_see_page(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    (void)conn;
    (void)ask;
    return worker->options.auth->open ? 0 : 404;
}

static int on_page(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    (void)ask;
    gw_conn_answer(worker, conn,
                   &(struct gw_http_answer){.status = 200,
                                            .type = "text/html; charset=utf-8",
                                            .extra = gw_page_policy,
                                            .body = {gw_page, gw_page_len},
                                            .may_cache = true});
    return 0;
}

const struct gw_route gw_route_page = {
    .path = "/", .flags = GW_ROUTE_GET, .may = may_see_page, .on_request = on_page};
const struct gw_route gw_route_health = {
    .path = "/health", .flags = GW_ROUTE_GET, .on_request = on_health};
const struct gw_route gw_route_ready = {
    .path = "/ready", .flags = GW_ROUTE_GET, .on_request = on_ready};
const struct gw_route gw_route_version = {
    .path = "/version", .flags = GW_ROUTE_GET, .on_request = on_version};
