/* http_request_fuzz.c - the head of a request, and the body behind it.
 *
 * The first byte of the input chooses the limits and how the body is split, the rest is what a
 * client sends. The scan must come to the same verdict in one piece and a byte at a time; what the
 * parser points to must lie in the head; the body must give the same payload and end at the same
 * byte, however it is split; the query and its percent-coding must come apart within their bounds.
 *
 * Threads: one. */
#include "http.h"
#include "proto/http/host.h"
#include "proto/http/target.h"

static void decode(struct gw_str text, bool plus)
{
    char *out = malloc(text.len + 1);
    size_t len = SIZE_MAX;

    require(out);
    if (gw_http_percent_decode(out, &len, text, plus)) {
        require(len <= text.len);
        require_written(out, len);
    } else
        require(len == SIZE_MAX);
    free(out);
}

static void take_query_apart(struct gw_str query)
{
    struct gw_str rest = query, name, value;
    size_t taken = 0;

    while (gw_http_query_next(&rest, &name, &value)) {
        taken += name.len + value.len;
        require(taken <= query.len);
        http_require_inside(name, query.data, query.len);
        http_require_inside(value, query.data, query.len);
        decode(name, true);
        decode(value, true);
    }
    require(rest.len == 0);
    (void)gw_http_query_find(query, "channel", &value); /* what it finds is the caller's to judge */
}

static void take_lists_apart(const struct gw_http_request *request)
{
    for (uint32_t i = 0; i < request->header_count; i++) {
        struct gw_str rest = request->headers[i].value, member;

        while (gw_http_list_next(&rest, &member)) {
            require(member.len > 0);
            http_require_inside(member, request->headers[i].value.data,
                                request->headers[i].value.len);
        }
    }
}

static void parse(const struct gw_http_limits *limits, const char *data, size_t head_len,
                  size_t len, size_t step)
{
    static struct gw_http_request request;
    struct gw_http_refusal refusal = {0, NULL};
    struct gw_http_host host;
    int got = gw_http_request_parse(&request, limits, data, head_len, &refusal);

    if (got < 0) {
        require(refusal.status >= 400 && refusal.status <= 599 && refusal.detail);
        return;
    }
    require(got == 0);
    http_require_headers(request.headers, request.header_count, limits, data, head_len);
    if (request.target.len != 1) /* an absolute target without a path has "/", which is ours */
        http_require_inside(request.target, data, head_len);
    http_require_inside(request.query, data, head_len);
    http_require_inside(request.host, data, head_len);
    require(request.host.len == 0 || gw_http_host_parse(&host, request.host));
    require(request.host.len > 0 || request.version_minor == 0);
    require(request.path.len > 0 && (request.path.data[0] == '/' || request.path.data[0] == '*'));
    require(request.body_kind != GW_HTTP_UNTIL_CLOSE);
    http_require_delimited(request.headers, request.header_count, request.body_kind,
                           request.content_length);
    decode(request.path, false);
    take_query_apart(request.query);
    take_lists_apart(&request);
    http_read_body_all_ways(request.body_kind, request.content_length,
                            (const uint8_t *)data + head_len, len - head_len, step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct gw_http_limits *limits;
    int head_len;

    if (len < 1)
        return 0;
    limits = data[0] & 1 ? &http_narrow : &http_wide;
    head_len = http_scan_both_ways(limits, (const char *)data + 1, len - 1);
    if (head_len > 0)
        parse(limits, (const char *)data + 1, (size_t)head_len, len - 1, 1u + data[0] / 2);
    return 0;
}
