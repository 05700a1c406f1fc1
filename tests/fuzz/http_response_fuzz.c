/* http_response_fuzz.c - the head of a response, as our own clients meet it, and its body.
 *
 * The first byte of the input chooses the limits and how the body is split, the rest is what a
 * server sends. As for requests: no verdict depends on the split, nothing points outside.
 *
 * Threads: one. */
#include "http.h"

static void parse(const struct gw_http_limits *limits, const char *data, size_t head_len,
                  size_t len, size_t step)
{
    static struct gw_http_response response;
    struct gw_http_refusal refusal = {0, NULL};
    int status;

    if (gw_http_response_parse(&response, limits, data, head_len, &refusal) < 0) {
        require(refusal.detail);
        return;
    }
    status = response.status;
    require(status >= 100 && status <= 599);
    http_require_headers(response.headers, response.header_count, limits, data, head_len);
    http_require_inside(response.reason, data, head_len);
    if (status < 200 || status == 204 || status == 304)
        require(response.body_kind == GW_HTTP_NO_BODY);
    if (response.body_kind == GW_HTTP_UNTIL_CLOSE)
        require(!response.keep_alive);
    http_read_body_all_ways(response.body_kind, response.content_length,
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
