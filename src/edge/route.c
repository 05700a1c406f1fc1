#include "edge/route.h"

#include "core/alloc.h"
#include "edge/worker.h"

#define HEAD_BYTES_MAX 4096u /* what we say in front of a body is well below */

/* "/channels/{channel}": the braces take exactly one segment that is not empty. */
static bool path_matches(struct gw_str pattern, struct gw_str path, struct gw_str *param)
{
    *param = (struct gw_str){NULL, 0};
    while (pattern.data && path.data) {
        struct gw_str want = gw_str_cut(&pattern, '/');
        struct gw_str have = gw_str_cut(&path, '/');

        if (want.len > 1 && want.data[0] == '{') {
            if (have.len == 0)
                return false;
            *param = have;
        } else if (!gw_str_eq(want, have))
            return false;
    }
    return !pattern.data && !path.data;
}

const struct gw_route *gw_route_find(const struct gw_route *const *routes, size_t count,
                                     struct gw_str path, struct gw_str *param)
{
    for (size_t i = 0; i < count; i++)
        if (path_matches(GW_STR(routes[i]->path), path, param))
            return routes[i];
    return NULL;
}

void gw_conn_answer(struct gw_worker *worker, struct gw_conn *conn, struct gw_http_answer *answer)
{
    struct gw_buf head;

    if (conn->phase == GW_CONN_DEAD)
        return;
    answer->head_only = true; /* the body is sent from where it is */
    answer->keep_alive = !(conn->flags & GW_CONN_LAST);
    answer->any_origin = (conn->flags & GW_CONN_PAGE) != 0;
    answer->upgrade = answer->status == 426;
    answer->wall_ms = worker->now.wall_ms;
    gw_buf_init(&head, worker->alloc, HEAD_BYTES_MAX);
    if (gw_http_answer_write(&head, answer) == 0) {
        gw_tray_write(worker, conn, head.data, head.len);
        if (!(conn->flags & GW_CONN_HEAD_ONLY))
            gw_tray_write(worker, conn, answer->body.data, answer->body.len);
        conn->transport->on_answered(worker, conn);
    } else
        gw_conn_kill(worker, conn);
    gw_buf_fini(&head);
}

void gw_conn_problem_body(struct gw_worker *worker, struct gw_conn *conn, int status,
                          const struct gw_buf *body, int status_of_body, const char *extra)
{
    if (status_of_body == 0)
        gw_conn_answer(worker, conn,
                       &(struct gw_http_answer){.status = status,
                                                .type = GW_HTTP_PROBLEM_TYPE,
                                                .extra = extra,
                                                .body = gw_buf_str(body)});
    else
        gw_conn_kill(worker, conn);
}

void gw_conn_problem(struct gw_worker *worker, struct gw_conn *conn, int status, const char *detail,
                     const char *extra)
{
    struct gw_buf body;

    gw_buf_init(&body, worker->alloc, 4096);
    gw_conn_problem_body(worker, conn, status, &body, gw_http_problem_body(&body, status, detail),
                         extra);
    gw_buf_fini(&body);
}

void gw_conn_refuse_upgrade(struct gw_worker *worker, struct gw_conn *conn, const char *detail)
{
    conn->transport = worker->options.front;
    conn->flags |= GW_CONN_LAST;
    gw_conn_move(conn, GW_CONN_ANSWER);
    gw_conn_problem(worker, conn, 503, detail, "Retry-After: 5\r\n");
}

void gw_conn_opened(struct gw_worker *worker, struct gw_conn *conn, int code, const char *reason)
{
    conn->transport->on_opened(worker, conn, code, reason);
}

void gw_conn_send(struct gw_worker *worker, struct gw_conn *conn, bool text, uint8_t *data,
                  size_t len, size_t headroom)
{
    conn->transport->send(worker, conn, text, data, len, headroom);
}

void gw_conn_close(struct gw_worker *worker, struct gw_conn *conn, uint16_t code,
                   struct gw_str reason)
{
    conn->transport->close(worker, conn, code, reason);
}

void gw_conn_want_ack(struct gw_worker *worker, struct gw_conn *conn)
{
    conn->transport->want_ack(worker, conn);
}
