#include "edge/front/front.h"

#include <errno.h>
#include <string.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "edge/front/judge.h"
#include "edge/route.h"
#include "edge/tray.h"
#include "edge/worker.h"
#include "proto/http/body.h"

/* How long a connection that has been answered may stay without asking again. */
#define KEEP_ALIVE_NS (60 * GW_NS_PER_S)

#define BODY_TOO_LONG "the body is longer than max_body allows"

/* A request that does not lie whole in one read. */
struct exchange {
    struct gw_http_scan scan; /* of the head, which lies in the stash */
    bool in_body;
    struct gw_buf head; /* kept while the body is gathered */
    struct gw_buf body;
    struct gw_http_body reader;
};

static void exchange_free(struct gw_worker *worker, struct gw_conn *conn)
{
    struct exchange *exchange = conn->state;

    if (!exchange)
        return;
    conn->state = NULL;
    gw_buf_fini(&exchange->head);
    gw_buf_fini(&exchange->body);
    gw_alloc_put(worker->alloc, exchange);
}

/* NULL, and the connection is killed, when memory is out. */
static struct exchange *exchange_make(struct gw_worker *worker, struct gw_conn *conn)
{
    const struct gw_edge_settings *set = &worker->options.settings;
    struct exchange *exchange = conn->state;

    if (exchange)
        return exchange;
    exchange = gw_alloc_zeroed(worker->alloc, 1, sizeof(*exchange));
    if (!exchange) {
        gw_conn_kill(worker, conn);
        return NULL;
    }
    gw_buf_init(&exchange->head, &worker->buffers.alloc, set->http.head_bytes_max);
    gw_buf_init(&exchange->body, &worker->buffers.alloc, set->body_bytes_max);
    conn->state = exchange;
    return exchange;
}

/* --- Answers --- */

static void problem(struct gw_worker *worker, struct gw_conn *conn, int status, const char *detail,
                    const char *extra)
{
    if (conn->phase == GW_CONN_REQUEST)
        gw_conn_move(conn, GW_CONN_ANSWER);
    gw_conn_problem(worker, conn, status, detail, extra);
}

/* Refused for its form: whatever follows is not interpreted. */
static void refuse(struct gw_worker *worker, struct gw_conn *conn, int status, const char *detail)
{
    conn->flags |= GW_CONN_LAST;
    problem(worker, conn, status, detail, status == 503 ? "Retry-After: 5\r\n" : NULL);
}

static void on_answered(struct gw_worker *worker, struct gw_conn *conn)
{
    if (conn->phase != GW_CONN_ANSWER) /* the socket broke, or it lingers */
        return;
    if (conn->flags & GW_CONN_LAST || worker->draining) {
        gw_conn_linger(worker, conn);
        return;
    }
    gw_conn_move(conn, GW_CONN_REQUEST);
    conn->flags &= (uint16_t) ~(GW_CONN_HEAD_ONLY | GW_CONN_PAGE);
    conn->flags |= GW_CONN_SERVED;
    gw_conn_set_due(worker, conn, worker->now.mono_ns + KEEP_ALIVE_NS);
    gw_conn_resume(worker, conn);
}

static void ask_route(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    int status;

    gw_conn_move(conn, GW_CONN_ANSWER);
    status = conn->route->on_request(worker, conn, ask);
    assert(status == 0 || status == GW_PENDING);
    assert(status == GW_PENDING || conn->phase != GW_CONN_ANSWER);
}

/* --- Bodies --- */

static void continue_if_expected(struct gw_worker *worker, struct gw_conn *conn,
                                 const struct gw_http_request *request)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (request->expects_continue && request->version_minor >= 1)
        gw_tray_write(worker, conn, go_on, sizeof(go_on) - 1);
}

/* The body is not all there: keep the head, gather the rest. */
static void begin_body(struct gw_worker *worker, struct gw_conn *conn,
                       const struct gw_http_request *request, struct gw_str head)
{
    struct exchange *exchange = exchange_make(worker, conn);

    if (!exchange)
        return;
    if (gw_buf_text(&exchange->head, head) != 0) {
        gw_conn_kill(worker, conn);
        return;
    }
    exchange->in_body = true;
    gw_http_body_init(&exchange->reader, request->body_kind, request->content_length);
    continue_if_expected(worker, conn, request);
    gw_conn_set_due(worker, conn, worker->now.mono_ns + worker->options.settings.body_timeout_ns);
}

/* The head was judged when it came; here it is only read again, to stand beside its body. */
static void ask_with_body(struct gw_worker *worker, struct gw_conn *conn, struct exchange *exchange)
{
    struct gw_http_request request;
    struct gw_http_refusal refusal;
    struct gw_ask ask = {.request = &request, .body = gw_buf_str(&exchange->body)};
    int status =
        gw_http_request_parse(&request, &worker->options.settings.http,
                              (const char *)exchange->head.data, exchange->head.len, &refusal);

    assert(status == 0);
    gw_route_find(worker->options.routes, worker->options.route_count, request.path, &ask.param);
    ask_route(worker, conn, &ask);
    exchange_free(worker, conn);
}

/* Whatever is in a body, it is worked on in one piece: that is for the next turn once this one has
 * worked on enough. */
static bool is_body_s_turn(const struct gw_worker *worker)
{
    return worker->body_bytes < GW_WORKER_BODY_BYTES;
}

static void ask_in_turn(struct gw_worker *worker, struct gw_conn *conn)
{
    struct exchange *exchange = conn->state;

    if (!is_body_s_turn(worker)) {
        gw_conn_park(worker, conn);
        return;
    }
    worker->body_bytes += exchange->body.len;
    ask_with_body(worker, conn, exchange);
}

static size_t take_body(struct gw_worker *worker, struct gw_conn *conn, uint8_t *data, size_t len)
{
    struct exchange *exchange = conn->state;
    struct gw_span input = {data, len}, piece;
    int status = 0;
    int got;

    while ((got = gw_http_body_read(&exchange->reader, &input, &piece)) > 0) {
        status = gw_buf_append(&exchange->body, piece.data, piece.len);
        if (status != 0)
            break;
    }
    if (got == 0 && !gw_buf_fits(&exchange->body, exchange->reader.left))
        status = -EMSGSIZE; /* so many bytes are announced: why wait for them? */
    if (got < 0)
        refuse(worker, conn, 400, "the chunked body is malformed");
    else if (status != 0)
        refuse(worker, conn, status == -EMSGSIZE ? 413 : 503,
               status == -EMSGSIZE ? BODY_TOO_LONG : "out of memory");
    else if (exchange->reader.done)
        ask_in_turn(worker, conn);
    return got < 0 || status != 0 ? len : len - input.len;
}

/* --- Heads --- */

/* Hands a judged request on. Returns how many bytes behind the head it used. */
static size_t dispatch(struct gw_worker *worker, struct gw_conn *conn, struct gw_ask *ask,
                       struct gw_str head, uint8_t *behind, size_t behind_len)
{
    const struct gw_http_request *request = ask->request;

    if (request->body_kind == GW_HTTP_NO_BODY ||
        (request->body_kind == GW_HTTP_LENGTH && request->content_length <= behind_len &&
         is_body_s_turn(worker))) {
        size_t len = request->body_kind == GW_HTTP_LENGTH ? (size_t)request->content_length : 0;

        ask->body = (struct gw_str){(const char *)behind, len};
        worker->body_bytes += len;
        ask_route(worker, conn, ask);
        return len;
    }
    begin_body(worker, conn, request, head);
    return 0;
}

static void upgrade(struct gw_worker *worker, struct gw_conn *conn, struct gw_ask *ask,
                    const struct gw_judgement *judgement)
{
    int status;

    exchange_free(worker, conn);
    conn->transport = worker->options.websocket;
    status = conn->transport->take(worker, conn, ask, judgement->close_code);
    if (status < 0)
        gw_conn_refuse_upgrade(worker, conn, GW_NO_ROOM);
}

static void turn_down(struct gw_worker *worker, struct gw_conn *conn,
                      const struct gw_judgement *judgement)
{
    if (judgement->status != 204) {
        problem(worker, conn, judgement->status, judgement->detail, judgement->extra);
        return;
    }
    gw_conn_move(conn, GW_CONN_ANSWER);
    gw_conn_answer(worker, conn,
                   &(struct gw_http_answer){.status = 204, .extra = judgement->extra});
}

static size_t take_request(struct gw_worker *worker, struct gw_conn *conn,
                           struct gw_http_request *request, struct gw_str head, uint8_t *behind,
                           size_t behind_len)
{
    struct gw_ask ask = {.request = request};
    struct gw_judgement judgement;

    gw_judge(worker, conn, &ask, &judgement);
    if (request->method == GW_HTTP_HEAD)
        conn->flags |= GW_CONN_HEAD_ONLY;
    /* A body that nobody is going to read would be taken for the next request. */
    if (!request->keep_alive || request->version_minor == 0 || judgement.close ||
        worker->draining || (judgement.status != 0 && request->body_kind != GW_HTTP_NO_BODY))
        conn->flags |= GW_CONN_LAST;
    if (judgement.status != 0)
        turn_down(worker, conn, &judgement);
    else if (judgement.websocket && worker->draining)
        gw_conn_refuse_upgrade(worker, conn, "the server is draining");
    else if (judgement.websocket)
        upgrade(worker, conn, &ask, &judgement);
    else if (request->body_kind == GW_HTTP_LENGTH &&
             request->content_length > worker->options.settings.body_bytes_max)
        refuse(worker, conn, 413, BODY_TOO_LONG);
    else
        return dispatch(worker, conn, &ask, head, behind, behind_len);
    return 0;
}

/* The head has begun and is not all there. The first one's time runs from the connection's
 * beginning, that of a later one from its first byte. */
static void keep_scan(struct gw_worker *worker, struct gw_conn *conn,
                      const struct gw_http_scan *scan)
{
    bool begins = !conn->state;
    struct exchange *exchange = exchange_make(worker, conn);

    if (!exchange)
        return;
    exchange->scan = *scan;
    if (begins && conn->flags & GW_CONN_SERVED)
        gw_conn_set_due(worker, conn,
                        worker->now.mono_ns + worker->options.settings.handshake_timeout_ns);
}

static size_t take_head(struct gw_worker *worker, struct gw_conn *conn, uint8_t *data, size_t len)
{
    const struct gw_http_limits *limits = &worker->options.settings.http;
    const struct exchange *exchange = conn->state;
    struct gw_http_scan scan = {0};
    struct gw_http_refusal refusal;
    struct gw_http_request request;
    int head;

    if (exchange)
        scan = exchange->scan;
    head = gw_http_scan(&scan, limits, (const char *)data, len, &refusal);
    if (head == 0) {
        keep_scan(worker, conn, &scan);
        return 0;
    }
    exchange_free(worker, conn);
    if (head < 0 ||
        gw_http_request_parse(&request, limits, (const char *)data, (size_t)head, &refusal) != 0) {
        if (len >= 5 && memcmp(data, "HEAD ", 5) == 0) /* whatever else it is: no body is read */
            conn->flags |= GW_CONN_HEAD_ONLY;
        refuse(worker, conn, refusal.status, refusal.detail);
        return len;
    }
    return (size_t)head + take_request(worker, conn, &request,
                                       (struct gw_str){(const char *)data, (size_t)head},
                                       data + head, len - (size_t)head);
}

static size_t on_input(struct gw_worker *worker, struct gw_conn *conn, uint8_t *data, size_t len)
{
    size_t used = 0;

    while (used < len && conn->phase == GW_CONN_REQUEST && !gw_conn_paused(conn) &&
           conn->transport == &gw_front) {
        const struct exchange *exchange = conn->state;
        size_t took = exchange && exchange->in_body
                          ? take_body(worker, conn, data + used, len - used)
                          : take_head(worker, conn, data + used, len - used);

        if (took == 0)
            break;
        used += took;
    }
    return used;
}

/* --- Ends --- */

static void on_eof(struct gw_worker *worker, struct gw_conn *conn)
{
    gw_conn_linger(worker, conn);
    gw_conn_kill(worker, conn);
}

/* Nothing has come, or not all of it; or an answer is waited for too long. */
static void on_due(struct gw_worker *worker, struct gw_conn *conn)
{
    if (conn->phase == GW_CONN_ANSWER) {
        conn->flags &= (uint16_t)~GW_CONN_PARKED;
        conn->flags |= GW_CONN_LAST;
        conn->route->on_room(worker, conn, true);
    } else if (conn->flags & GW_CONN_PARKED) { /* it is all there, and has waited long enough */
        conn->flags &= (uint16_t)~GW_CONN_PARKED;
        ask_with_body(worker, conn, conn->state);
    } else if (conn->state)
        refuse(worker, conn, 408, "the request took too long to arrive");
    else
        gw_conn_linger(worker, conn);
}

static void on_room(struct gw_worker *worker, struct gw_conn *conn)
{
    if (conn->phase == GW_CONN_REQUEST)
        ask_in_turn(worker, conn);
    else
        conn->route->on_room(worker, conn, false);
}

static void on_drain(struct gw_worker *worker, struct gw_conn *conn)
{
    if (conn->phase == GW_CONN_REQUEST && !conn->state && !conn->stash)
        gw_conn_linger(worker, conn);
    else
        conn->flags |= GW_CONN_LAST;
}

static void on_gone(struct gw_worker *worker, struct gw_conn *conn)
{
    exchange_free(worker, conn);
    if (conn->route && conn->route->on_gone)
        conn->route->on_gone(worker, conn);
}

const struct gw_transport gw_front = {
    .name = "http",
    .on_input = on_input,
    .on_eof = on_eof,
    .on_due = on_due,
    .on_room = on_room,
    .on_drain = on_drain,
    .on_gone = on_gone,
    .on_answered = on_answered,
};
