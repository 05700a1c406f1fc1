/* Publishing many at a time: POST /channels, one publication a line (proto/text/publish_line.h).
 *
 * Lines are worked off one after the other, each when the one before it is done, so that they stand
 * in their channels in the order of the request; and each gets its line in the answer, also one
 * that is refused. Where a line has to wait, the others wait with it: for room, parked, or for the
 * answer of another worker. After GW_ERRAND_WAITS_NS what is left is not published, and said not to
 * be. */
#include "edge/api/api.h"

#include <godwit/status.h>

#include "core/alloc.h"
#include "core/json.h"
#include "edge/api/event.h"
#include "edge/api/may.h"
#include "edge/api/name.h"
#include "edge/api/payload.h"
#include "edge/api/reply.h"
#include "edge/worker.h"
#include "proto/text/publish_line.h"

#define LINES_MAX         10000u /* of a request */
#define LINES_A_TURN      256u
#define MEMBER_SHOWN_MAX  64u
#define DETAIL_BYTES_MAX  256u
#define ANSWER_LINE_BYTES 800u /* a name, all of it escaped, and the rest; or a detail likewise */

static_assert(LINES_MAX * ANSWER_LINE_BYTES <= GW_ANSWER_BYTES_MAX, "all answers find room");

struct bulk {
    struct gw_kept kept;
    struct gw_str lines;   /* to come; borrowed of the request's body, or of `left` */
    struct gw_buf left;    /* of the body, once that is gone */
    struct gw_buf room;    /* where the strings of a line are decoded */
    struct gw_buf answers; /* so far */
    struct gw_pub *pub;    /* owned: it found no room */
    bool taken;            /* the hub has the line, its home has not answered */
    size_t name_len;       /* of the channel of that line */
    char name[GW_CHANNEL_NAME_MAX];
};

/* What became of a line, or of all that could be done with the lines now. */
enum step { STEP_ON, STEP_WAITS, STEP_FULL, STEP_BROKEN };

static void drop(struct gw_worker *worker, struct gw_kept *kept)
{
    struct bulk *bulk = GW_CONTAINER(kept, struct bulk, kept);

    gw_pub_unref(bulk->pub);
    gw_buf_fini(&bulk->answers);
    gw_buf_fini(&bulk->room);
    gw_buf_fini(&bulk->left);
    gw_alloc_put(worker->alloc, bulk);
}

static struct bulk *make(struct gw_worker *worker, struct gw_str body)
{
    struct bulk *bulk = gw_alloc_zeroed(worker->alloc, 1, sizeof(*bulk));
    size_t body_max = worker->options.settings.body_bytes_max;

    if (!bulk)
        return NULL;
    bulk->lines = body;
    gw_buf_init(&bulk->left, &worker->buffers.alloc, body_max);
    gw_buf_init(&bulk->room, &worker->buffers.alloc, body_max);
    gw_buf_init(&bulk->answers, &worker->buffers.alloc, GW_ANSWER_BYTES_MAX);
    return bulk;
}

static struct bulk *bulk_of(const struct gw_conn *conn)
{
    return GW_CONTAINER(gw_kept_find(conn, drop), struct bulk, kept);
}

/* --- Lines --- */

static bool is_empty(struct gw_str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r')
            return false;
    return true;
}

/* The next that is not empty; false behind the last. */
static bool next_line(struct gw_str *lines, struct gw_str *line)
{
    while (lines->data) {
        *line = gw_str_cut(lines, '\n');
        if (!is_empty(*line))
            return true;
    }
    return false;
}

static bool has_more(const struct bulk *bulk)
{
    struct gw_str lines = bulk->lines, line;

    return next_line(&lines, &line);
}

static bool too_many(struct gw_str lines)
{
    struct gw_str line;
    unsigned count = 0;

    while (count <= LINES_MAX && next_line(&lines, &line))
        count++;
    return count > LINES_MAX;
}

/* --- Answers --- */

static enum step say_refused(struct bulk *bulk, int code, struct gw_str detail)
{
    int status = gw_buf_text(&bulk->answers, GW_STR("{\"status\":"));

    status = status ? status : gw_buf_u64(&bulk->answers, (uint64_t)code);
    status = status ? status : gw_buf_text(&bulk->answers, GW_STR(",\"detail\":"));
    status = status ? status : gw_json_string(&bulk->answers, detail);
    status = status ? status : gw_buf_text(&bulk->answers, GW_STR("}\n"));
    return status ? STEP_BROKEN : STEP_ON;
}

static enum step say_failed(struct bulk *bulk, int error)
{
    return say_refused(bulk, 503, GW_STR(gw_reply_why(GW_ERRAND_PUBLISH, error)));
}

static enum step say_published(struct bulk *bulk, const struct gw_published *result)
{
    struct gw_str name = {bulk->name, bulk->name_len};

    return gw_reply_result(&bulk->answers, GW_ERRAND_PUBLISH, name, result) == 0 ? STEP_ON
                                                                                 : STEP_BROKEN;
}

/* The member, where it is the beginning of the sentence, and the rest of that. */
static enum step say_fault(struct bulk *bulk, const struct gw_publish_fault *fault)
{
    char detail[DETAIL_BYTES_MAX];
    size_t why = strlen(fault->why), len = 0;

    assert(MEMBER_SHOWN_MAX + 1 + why <= sizeof(detail));
    if (fault->member.data) {
        len = fault->member.len < MEMBER_SHOWN_MAX ? fault->member.len : MEMBER_SHOWN_MAX;
        memcpy(detail, fault->member.data, len);
        detail[len++] = ' ';
    }
    memcpy(detail + len, fault->why, why);
    return say_refused(bulk, 400, (struct gw_str){detail, len + why});
}

/* --- One line --- */

/* Hands over the publication of the line. */
static enum step publish(struct gw_worker *worker, struct gw_conn *conn, struct bulk *bulk)
{
    struct gw_published result;
    int status = gw_hub_publish(worker->hub, (struct gw_str){bulk->name, bulk->name_len}, bulk->pub,
                                gw_conn_handle(worker, conn), &result);

    if (status == GW_ERR_FULL)
        return STEP_FULL;
    bulk->pub = NULL;
    bulk->taken = status == GW_PENDING;
    if (status == GW_PENDING)
        return STEP_WAITS;
    return status == 0 ? say_published(bulk, &result) : say_failed(bulk, status);
}

static const char *find_fault(const struct gw_publish_line *line)
{
    if (!gw_channel_name_ok(line->channel))
        return GW_BAD_NAME;
    if (line->id.len > GW_PUB_ID_MAX)
        return "id has at most 255 bytes";
    return line->event.len > 0 ? gw_event_fault(line->event) : NULL;
}

static enum gw_pub_kind kind_of(const struct gw_publish_line *line)
{
    switch (line->kind) {
    case GW_ENVELOPE_JSON:
        return GW_PUB_JSON;
    case GW_ENVELOPE_BINARY:
        return GW_PUB_BINARY;
    default:
        return GW_PUB_TEXT;
    }
}

static enum step take(struct gw_worker *worker, struct gw_conn *conn, struct bulk *bulk,
                      const struct gw_publish_line *line)
{
    const struct gw_pub_parts parts = {
        .kind = kind_of(line), .event = line->event, .id = line->id, .payload = line->payload};
    const char *fault = find_fault(line);
    int may;

    if (fault)
        return say_refused(bulk, 400, GW_STR(fault));
    may = gw_api_may(worker, conn, GW_TO_PUBLISH, line->channel);
    if (may != 0)
        return say_refused(bulk, may, GW_STR("this credential does not allow that"));
    if (gw_payload_make(&bulk->pub, worker->alloc, &parts) != 0)
        return say_refused(bulk, 503, GW_STR("out of memory"));
    bulk->name_len = line->channel.len;
    memcpy(bulk->name, line->channel.data, line->channel.len);
    return publish(worker, conn, bulk);
}

static enum step read_line(struct gw_worker *worker, struct gw_conn *conn, struct bulk *bulk,
                           struct gw_str text)
{
    struct gw_publish_fault fault;
    struct gw_publish_line line;
    uint8_t *room = gw_buf_reserve(&bulk->room, text.len);

    if (!room)
        return say_refused(bulk, 503, GW_STR("out of memory"));
    if (!gw_publish_line_read(&line, text, room, &fault))
        return say_fault(bulk, &fault);
    return take(worker, conn, bulk, &line);
}

/* --- All of them --- */

static void finish(struct gw_worker *worker, struct gw_conn *conn)
{
    gw_conn_answer(worker, conn,
                   &(struct gw_http_answer){.status = 200,
                                            .type = "application/x-ndjson",
                                            .body = gw_buf_str(&bulk_of(conn)->answers)});
    gw_kept_drop(worker, conn);
}

/* Goes on as far as it can now. Then it is answered, or waits, or has its place in the line. */
static void go_on(struct gw_worker *worker, struct gw_conn *conn)
{
    struct bulk *bulk = bulk_of(conn);
    enum step step = STEP_ON;
    struct gw_str line;

    for (unsigned done = 0; step == STEP_ON && done < LINES_A_TURN; done++) {
        if (bulk->pub)
            step = publish(worker, conn, bulk);
        else if (next_line(&bulk->lines, &line))
            step = read_line(worker, conn, bulk, line);
        else {
            finish(worker, conn);
            return;
        }
    }
    if (step == STEP_BROKEN)
        gw_conn_kill(worker, conn); /* what it cannot be told of it must not take for not done */
    else if (step != STEP_WAITS)
        gw_conn_park(worker, conn);
}

/* Nothing more is published. Of each line it is said whether that may have been. */
static void give_up(struct gw_worker *worker, struct gw_conn *conn)
{
    struct bulk *bulk = bulk_of(conn);
    enum step step = STEP_ON;
    struct gw_str line;

    if (bulk->taken)
        step = say_failed(bulk, GW_ERR_GONE);
    else if (bulk->pub)
        step = say_failed(bulk, GW_ERR_FULL);
    while (step == STEP_ON && next_line(&bulk->lines, &line))
        step = say_refused(bulk, 503,
                           GW_STR("the lines before it took too long: it was not published"));
    if (step == STEP_ON)
        finish(worker, conn);
    else
        gw_conn_kill(worker, conn);
}

/* --- The request --- */

static int may_at_all(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    int status = gw_api_may(worker, conn, GW_TO_PUBLISH, (struct gw_str){NULL, 0});

    (void)ask;
    return status == 401 ? 401 : 0; /* where it may, each line asks */
}

static uint32_t header_count(const struct gw_ask *ask, const char *name)
{
    uint32_t count;

    (void)gw_http_header_find(ask->request->headers, ask->request->header_count, name, &count);
    return count;
}

static bool is_ndjson(const struct gw_ask *ask)
{
    uint32_t count;
    struct gw_str type = gw_http_header_find(ask->request->headers, ask->request->header_count,
                                             "Content-Type", &count);

    return count == 1 &&
           gw_str_eq_nocase(gw_str_trim(gw_str_cut(&type, ';')), GW_STR("application/x-ndjson"));
}

static int judge(const struct gw_ask *ask, const char **detail)
{
    *detail = "many at a time are published as Content-Type: application/x-ndjson";
    if (!is_ndjson(ask))
        return 415;
    *detail = "Idempotency-Key is not supported here: it would be one for many";
    if (header_count(ask, "Idempotency-Key") > 0)
        return 501;
    *detail = "each line names its event itself";
    if (header_count(ask, "Godwit-Event") > 0)
        return 400;
    *detail = "more than 10,000 lines";
    return too_many(ask->body) ? 413 : 0;
}

/* The body is borrowed only until the handler returns. */
static void keep_left(struct gw_worker *worker, struct gw_conn *conn)
{
    struct bulk *bulk = bulk_of(conn);

    if (gw_buf_text(&bulk->left, bulk->lines) == 0)
        bulk->lines = gw_buf_str(&bulk->left);
    else
        gw_conn_kill(worker, conn);
}

static int on_request(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    const char *detail;
    int status = judge(ask, &detail);
    struct bulk *bulk = status == 0 ? make(worker, ask->body) : NULL;

    if (!bulk) {
        gw_conn_problem(worker, conn, status ? status : 503, status ? detail : "out of memory",
                        status ? NULL : "Retry-After: 1\r\n");
        return 0;
    }
    gw_kept_add(conn, &bulk->kept, drop);
    go_on(worker, conn);
    if (conn->phase != GW_CONN_ANSWER)
        return 0;
    gw_conn_set_due(worker, conn, worker->now.mono_ns + GW_ERRAND_WAITS_NS);
    keep_left(worker, conn);
    return GW_PENDING;
}

/* A port of the hub is no place to publish from: the next line follows in the next turn. */
static void on_published(struct gw_worker *worker, struct gw_conn *conn,
                         const struct gw_published *result)
{
    struct bulk *bulk;
    enum step step;

    if (conn->phase != GW_CONN_ANSWER || !conn->user)
        return; /* we have given up, and said so */
    bulk = bulk_of(conn);
    assert(bulk->taken);
    bulk->taken = false;
    step = result->status == 0 ? say_published(bulk, result) : say_failed(bulk, result->status);
    if (step == STEP_BROKEN)
        gw_conn_kill(worker, conn);
    else if (has_more(bulk))
        gw_conn_park(worker, conn);
    else
        finish(worker, conn);
}

static void on_room(struct gw_worker *worker, struct gw_conn *conn, bool last)
{
    if (last)
        give_up(worker, conn);
    else
        go_on(worker, conn);
}

const struct gw_route gw_route_bulk = {
    .path = "/channels",
    .flags = GW_ROUTE_POST,
    .may = may_at_all,
    .on_request = on_request,
    .on_published = on_published,
    .on_room = on_room,
    .on_gone = gw_kept_drop,
};
