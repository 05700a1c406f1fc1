#include "edge/api/reply.h"

#include <godwit/status.h>

#include "core/json.h"
#include "edge/api/name.h"
#include "edge/worker.h"

#define RESULT_BYTES_MAX 4096u /* the longest name, all of it escaped, is well below */

void gw_reply_position(char out[GW_POSITION_LINE_SIZE], const struct gw_position *position)
{
    static const char key[] = "Godwit-Position: ";

    memcpy(out, key, sizeof(key) - 1);
    gw_position_write(out + sizeof(key) - 1, position);
    memcpy(out + sizeof(key) - 1 + GW_POSITION_LEN, "\r\n", 3);
}

/* --- Done --- */

int gw_reply_result(struct gw_buf *out, enum gw_errand_kind kind, struct gw_str channel,
                    const struct gw_published *result)
{
    bool published = kind == GW_ERRAND_PUBLISH;
    char position[GW_POSITION_LEN];
    int status = gw_buf_text(out, GW_STR("{\"channel\":"));

    gw_position_write(position, &result->position);
    status = status ? status : gw_json_string(out, channel);
    if (published) {
        status = status ? status : gw_buf_text(out, GW_STR(",\"offset\":"));
        status = status ? status : gw_buf_u64(out, result->position.offset);
    }
    status = status ? status : gw_buf_text(out, GW_STR(",\"position\":\""));
    status = status ? status : gw_buf_append(out, position, sizeof(position));
    status = status ? status : gw_buf_text(out, GW_STR("\",\"subscribers\":"));
    status = status ? status : gw_buf_u64(out, result->subscribers);
    if (published)
        status = status ? status
                        : gw_buf_text(out, result->duplicate ? GW_STR(",\"duplicate\":true")
                                                             : GW_STR(",\"duplicate\":false"));
    return status ? status : gw_buf_text(out, GW_STR("}\n"));
}

void gw_reply_done(struct gw_worker *worker, struct gw_conn *conn, enum gw_errand_kind kind,
                   struct gw_str channel, const struct gw_published *result)
{
    char position[GW_POSITION_LINE_SIZE];
    struct gw_buf body;

    gw_reply_position(position, &result->position);
    gw_buf_init(&body, worker->alloc, RESULT_BYTES_MAX);
    if (gw_reply_result(&body, kind, channel, result) == 0)
        gw_conn_answer(worker, conn,
                       &(struct gw_http_answer){.status = 200,
                                                .type = "application/json",
                                                .extra = position,
                                                .body = gw_buf_str(&body)});
    else
        gw_conn_kill(worker, conn);
    gw_buf_fini(&body);
}

/* --- Not done --- */

/* In the order of enum gw_errand_kind. */
static const char *const no_room[] = {
    "readers are behind: it was not published; try again in a moment",
    "there is no room now: nothing was deleted; try again in a moment",
    "there is no room now; try again in a moment",
};
static const char *const no_answer[] = {
    "the channel did not answer in time: it may have been published or not",
    "the channel did not answer in time: it may have been deleted or not",
    "the channel did not answer in time",
};

const char *gw_reply_why(enum gw_errand_kind kind, int error)
{
    switch (error) {
    case GW_ERR_NAME:
        return GW_BAD_NAME;
    case GW_ERR_TOO_MANY:
        return "max_channels is reached";
    case GW_ERR_FULL:
        return no_room[kind];
    case GW_ERR_GONE:
        return no_answer[kind];
    default:
        return "out of memory";
    }
}

void gw_reply_failed(struct gw_worker *worker, struct gw_conn *conn, enum gw_errand_kind kind,
                     int error)
{
    bool name = error == GW_ERR_NAME;

    gw_conn_problem(worker, conn, name ? 400 : 503, gw_reply_why(kind, error),
                    name ? NULL : "Retry-After: 1\r\n");
}
