#include "proto/http/answer.h"

#include <assert.h>

#include "core/date.h"
#include "core/json.h"

/* `slug`: the stable end of a problem's type. Never change one; clients compare them. */
static const struct status {
    int status;
    const char *reason;
    const char *slug; /* NULL for what is no problem */
} statuses[] = {
    {100, "Continue", NULL},
    {101, "Switching Protocols", NULL},
    {200, "OK", NULL},
    {201, "Created", NULL},
    {202, "Accepted", NULL},
    {204, "No Content", NULL},
    {206, "Partial Content", NULL},
    {301, "Moved Permanently", NULL},
    {302, "Found", NULL},
    {303, "See Other", NULL},
    {304, "Not Modified", NULL},
    {307, "Temporary Redirect", NULL},
    {308, "Permanent Redirect", NULL},
    {400, "Bad Request", "malformed"},
    {401, "Unauthorized", "credential"},
    {403, "Forbidden", "not-allowed"},
    {404, "Not Found", "not-found"},
    {405, "Method Not Allowed", "method"},
    {408, "Request Timeout", "too-slow"},
    {410, "Gone", "gone"},
    {413, "Content Too Large", "too-large"},
    {414, "URI Too Long", "target-too-long"},
    {415, "Unsupported Media Type", "media-type"},
    {417, "Expectation Failed", "expectation"},
    {421, "Misdirected Request", "wrong-host"},
    {426, "Upgrade Required", "upgrade-required"},
    {429, "Too Many Requests", "too-many"},
    {431, "Request Header Fields Too Large", "head-too-large"},
    {500, "Internal Server Error", "internal"},
    {501, "Not Implemented", "not-implemented"},
    {503, "Service Unavailable", "unavailable"},
    {505, "HTTP Version Not Supported", "version"},
};

static const struct status *find_status(int status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].status == status)
            return &statuses[i];
    return NULL;
}

const char *gw_http_reason(int status)
{
    const struct status *found = find_status(status);

    return found ? found->reason : "";
}

/* What is written so far, and the first failure: so that a list of appends reads as a list. */
struct writer {
    struct gw_buf *out;
    size_t before; /* the buffer's length when we began */
    int failed;
};

static void put(struct writer *writer, struct gw_str text)
{
    if (!writer->failed)
        writer->failed = gw_buf_text(writer->out, text);
}

static void put_text(struct writer *writer, const char *text)
{
    put(writer, GW_STR(text));
}

static void put_number(struct writer *writer, uint64_t number)
{
    if (!writer->failed)
        writer->failed = gw_buf_u64(writer->out, number);
}

static void put_json(struct writer *writer, const char *text)
{
    if (!writer->failed)
        writer->failed = gw_json_string(writer->out, GW_STR(text));
}

static int finish(struct writer *writer)
{
    if (writer->failed)
        writer->out->len = writer->before;
    return writer->failed;
}

static void put_status_line(struct writer *writer, int status)
{
    put_text(writer, "HTTP/1.1 ");
    put_number(writer, (uint64_t)status);
    put_text(writer, " ");
    put_text(writer, gw_http_reason(status));
    put_text(writer, "\r\n");
}

static void put_connection(struct writer *writer, const struct gw_http_answer *answer)
{
    if (answer->upgrade)
        put_text(writer,
                 answer->keep_alive ? "Connection: Upgrade\r\n" : "Connection: Upgrade, close\r\n");
    else if (!answer->keep_alive)
        put_text(writer, "Connection: close\r\n");
    else if (answer->version_1_0)
        put_text(writer, "Connection: keep-alive\r\n");
}

static void put_date(struct writer *writer, int64_t wall_ms)
{
    char date[GW_DATE_HTTP_LEN];

    gw_date_http(date, wall_ms);
    put_text(writer, "Date: ");
    put(writer, (struct gw_str){date, sizeof(date)});
    put_text(writer, "\r\n");
}

static void put_headers(struct writer *writer, const struct gw_http_answer *answer, bool has_body)
{
    put_date(writer, answer->wall_ms);
    if (answer->type) {
        put_text(writer, "Content-Type: ");
        put_text(writer, answer->type);
        put_text(writer, "\r\n");
    }
    if (has_body) {
        put_text(writer, "Content-Length: ");
        put_number(writer, answer->body.len);
        put_text(writer, "\r\n");
    }
    put_connection(writer, answer);
    if (answer->any_origin)
        put_text(writer, "Access-Control-Allow-Origin: *\r\n"
                         "Access-Control-Expose-Headers: Godwit-Position, Retry-After\r\n");
    if (!answer->may_cache)
        put_text(writer, "Cache-Control: no-store, no-transform\r\n"
                         "Vary: Accept, Origin\r\n"
                         "X-Content-Type-Options: nosniff\r\n"
                         "X-Accel-Buffering: no\r\n");
}

int gw_http_answer_write(struct gw_buf *out, const struct gw_http_answer *answer)
{
    struct writer writer = {.out = out, .before = out->len};
    int status = answer->status;
    bool has_body = status >= 200 && status != 204 && status != 304;

    assert(status >= 100 && status <= 599);
    assert(has_body || answer->body.len == 0);
    put_status_line(&writer, status);
    if (status >= 200)
        put_headers(&writer, answer, has_body);
    if (answer->extra)
        put_text(&writer, answer->extra);
    put_text(&writer, "\r\n");
    if (!answer->head_only)
        put(&writer, answer->body);
    return finish(&writer);
}

int gw_http_problem_body(struct gw_buf *out, int status, const char *detail)
{
    struct writer writer = {.out = out, .before = out->len};
    const struct status *found = find_status(status);

    assert(found && found->slug);
    put_text(&writer, "{\"type\":\"urn:godwit:problem:");
    put_text(&writer, found->slug);
    put_text(&writer, "\",\"title\":");
    put_json(&writer, found->reason);
    put_text(&writer, ",\"status\":");
    put_number(&writer, (uint64_t)status);
    if (detail) {
        put_text(&writer, ",\"detail\":");
        put_json(&writer, detail);
    }
    put_text(&writer, "}");
    return finish(&writer);
}
