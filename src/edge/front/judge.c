#include "edge/front/judge.h"

#include <godwit/status.h>

#include "edge/worker.h"
#include "proto/http/target.h"
#include "proto/ws/handshake.h"

#define TOKEN_BYTES_MAX 4096u
#define NOTHING_HERE    "there is nothing at this path"
#define VERSION_EXTRA   "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"

static void refuse(struct gw_judgement *judgement, int status, const char *detail)
{
    judgement->status = status;
    judgement->detail = detail;
}

static void add_extra(struct gw_judgement *judgement, const char *lines)
{
    size_t used = strlen(judgement->extra);

    assert(used + strlen(lines) < sizeof(judgement->extra));
    memcpy(judgement->extra + used, lines, strlen(lines) + 1);
}

static struct gw_str header(const struct gw_http_request *request, const char *name,
                            uint32_t *count)
{
    uint32_t ignored;

    return gw_http_header_find(request->headers, request->header_count, name,
                               count ? count : &ignored);
}

/* --- Who asks, and from where --- */

static void log_origin(struct gw_worker *worker, struct gw_str origin, struct gw_str host,
                       const char *why)
{
    struct gw_logline line;

    if (!gw_pen_begin(worker->options.pen, &line, worker->now, GW_LOG_WARN, "origin", why))
        return;
    gw_logline_str(&line, "origin", origin);
    gw_logline_str(&line, "host", host);
    gw_pen_end(worker->options.pen, &line);
}

static bool judge_place(struct gw_worker *worker, struct gw_conn *conn,
                        const struct gw_http_request *request, struct gw_judgement *judgement)
{
    uint32_t origins, credentials;
    struct gw_str origin = header(request, "Origin", &origins);
    const char *why = NULL;

    if (!gw_auth_host_ok(worker->options.auth, request->host)) {
        refuse(judgement, 421, "in open mode the Host must be localhost or a loopback address");
        judgement->close = true;
        return false;
    }
    if (!gw_auth_origin_ok(worker->options.auth, origin, origins, request->host, false, &why)) {
        log_origin(worker, origin, request->host, why);
        refuse(judgement, 403, why);
        judgement->close = true;
        return false;
    }
    (void)header(request, "Authorization", &credentials);
    if (credentials > 1) {
        refuse(judgement, 400, "more than one Authorization");
        judgement->close = true;
        return false;
    }
    if (origins > 0)
        conn->flags |= GW_CONN_PAGE;
    return true;
}

/* A bearer token: from the header, the query, or a WebSocket subprotocol `bearer.TOKEN`. Stores it
 * decoded in `room`. False: there is one, but it cannot be right. */
static bool find_credential(const struct gw_http_request *request, char room[TOKEN_BYTES_MAX],
                            struct gw_str *credential)
{
    static const char scheme[] = "Bearer ";
    struct gw_str value = header(request, "Authorization", NULL), name;
    size_t at = 0, len;
    bool malformed;

    *credential = (struct gw_str){NULL, 0};
    if (value.data) {
        if (value.len < sizeof(scheme) ||
            !gw_str_eq_nocase((struct gw_str){value.data, sizeof(scheme) - 1}, GW_STR(scheme)))
            return false;
        *credential = gw_str_trim(
            (struct gw_str){value.data + sizeof(scheme) - 1, value.len - (sizeof(scheme) - 1)});
        return credential->len <= TOKEN_BYTES_MAX;
    }
    if (gw_http_query_find(request->query, "token", &value)) {
        if (value.len > TOKEN_BYTES_MAX || !gw_http_percent_decode(room, &len, value, true))
            return false;
        *credential = (struct gw_str){room, len};
        return true;
    }
    while (gw_ws_handshake_protocol(request, &at, &name, &malformed))
        if (gw_str_starts(name, GW_STR("bearer."))) {
            *credential = (struct gw_str){name.data + 7, name.len - 7};
            return credential->len <= TOKEN_BYTES_MAX;
        }
    return true;
}

static int identify(struct gw_worker *worker, struct gw_conn *conn,
                    const struct gw_http_request *request)
{
    char room[TOKEN_BYTES_MAX];
    struct gw_str credential;

    if (!find_credential(request, room, &credential))
        return GW_ERR_CREDENTIAL;
    return gw_auth_identify(worker->options.auth, credential, &conn->grant);
}

/* --- What is asked --- */

static void allow_line(const struct gw_route *route, struct gw_judgement *judgement)
{
    add_extra(judgement, "Allow: ");
    if (route->flags & GW_ROUTE_GET)
        add_extra(judgement, "GET, HEAD, ");
    else if (route->on_open)
        add_extra(judgement, "GET, ");
    if (route->flags & GW_ROUTE_POST)
        add_extra(judgement, "POST, ");
    if (route->flags & GW_ROUTE_DELETE)
        add_extra(judgement, "DELETE, ");
    add_extra(judgement, "OPTIONS\r\n");
}

/* OPTIONS, also a browser's preflight: the Origin has been judged, so anyone who gets here may
 * read. */
static void answer_options(const struct gw_route *route, struct gw_judgement *judgement)
{
    judgement->status = 204;
    allow_line(route, judgement);
    add_extra(judgement, "Access-Control-Allow-Methods: GET, POST, DELETE\r\n"
                         "Access-Control-Allow-Headers: Authorization, Content-Type, Godwit-Event, "
                         "Idempotency-Key\r\n"
                         "Access-Control-Max-Age: 600\r\n");
}

/* OPTIONS * asks about the server as a whole (RFC 9110 section 9.3.7). */
static void answer_asterisk(struct gw_judgement *judgement)
{
    judgement->status = 204;
    add_extra(judgement, "Allow: GET, HEAD, POST, DELETE, OPTIONS\r\n");
}

static bool method_served(const struct gw_route *route, enum gw_http_method method)
{
    switch (method) {
    case GW_HTTP_GET:
    case GW_HTTP_HEAD:
        return route->flags & GW_ROUTE_GET;
    case GW_HTTP_POST:
        return route->flags & GW_ROUTE_POST;
    case GW_HTTP_DELETE:
        return route->flags & GW_ROUTE_DELETE;
    default:
        return false;
    }
}

static void judge_method(const struct gw_route *route, const struct gw_http_request *request,
                         struct gw_judgement *judgement)
{
    if (method_served(route, request->method))
        return;
    if (request->method == GW_HTTP_OPTIONS)
        answer_options(route, judgement);
    else if (route->on_open &&
             (request->method == GW_HTTP_GET || request->method == GW_HTTP_HEAD)) {
        refuse(judgement, 426,
               route->flags & GW_ROUTE_POST
                   ? "listen here with new WebSocket(url), or publish with a POST"
                   : "this is a WebSocket: connect to it with new WebSocket(url)");
        add_extra(judgement, VERSION_EXTRA);
        judgement->close = true;
    } else {
        refuse(judgement, 405, "this path does not take that method");
        allow_line(route, judgement);
    }
}

/* A request that wants to become a WebSocket: if it cannot, the connection is of no further use. */
static bool judge_upgrade(const struct gw_http_request *request, const struct gw_route *route,
                          struct gw_judgement *judgement)
{
    const char *detail = NULL;
    enum gw_ws_verdict verdict = gw_ws_handshake_judge(request, &detail);

    if (verdict == GW_WS_IS_NOT)
        return false;
    judgement->close = true;
    if (verdict == GW_WS_WRONG_METHOD) {
        refuse(judgement, 405, detail);
        if (route)
            allow_line(route, judgement);
        else
            add_extra(judgement, "Allow: GET\r\n");
    } else if (verdict == GW_WS_WRONG_VERSION) {
        refuse(judgement, 426, detail);
        add_extra(judgement, VERSION_EXTRA);
    } else if (verdict == GW_WS_MALFORMED)
        refuse(judgement, 400, detail);
    else if (!route || !route->on_open)
        refuse(judgement, 404, "there is no WebSocket at this path");
    else
        judgement->websocket = true;
    return true;
}

/* The route says whether this grant may; a wrong credential is refused even where none is needed.
 */
static void judge_grant(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask,
                        struct gw_judgement *judgement)
{
    const char *detail = "the credential is wrong or has expired";
    int status = identify(worker, conn, ask->request) == 0 ? 0 : 401;

    if (judgement->websocket) {
        judgement->close_code = status == 0 ? 0 : 4401;
        return;
    }
    if (status == 0 && conn->route->may) {
        status = conn->route->may(worker, conn, ask);
        detail = status == 401   ? "a credential is needed here: Authorization: Bearer KEY"
                 : status == 404 ? NOTHING_HERE
                                 : "this credential does not allow that";
    }
    if (status != 0)
        refuse(judgement, status, detail);
    if (status == 401)
        add_extra(judgement, "WWW-Authenticate: Bearer\r\n");
}

void gw_judge(struct gw_worker *worker, struct gw_conn *conn, struct gw_ask *ask,
              struct gw_judgement *judgement)
{
    const struct gw_http_request *request = ask->request;

    judgement->status = 0;
    judgement->detail = NULL;
    judgement->extra[0] = '\0';
    judgement->close = request->upgrade; /* whatever becomes of it: RFC 9110 section 7.8 */
    judgement->websocket = false;
    judgement->close_code = 0;

    if (!judge_place(worker, conn, request, judgement))
        return;
    conn->route = gw_route_find(worker->options.routes, worker->options.route_count, request->path,
                                &ask->param);
    if (!judge_upgrade(request, conn->route, judgement)) {
        if (request->method == GW_HTTP_OPTIONS && gw_str_eq(request->path, GW_STR("*")))
            answer_asterisk(judgement);
        else if (!conn->route)
            refuse(judgement, 404, NOTHING_HERE);
        else
            judge_method(conn->route, request, judgement);
    }
    if (judgement->status == 0)
        judge_grant(worker, conn, ask, judgement);
}
