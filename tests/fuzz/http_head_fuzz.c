/* http_head_fuzz.c - the head of a request or response, and the body behind it.
 *
 * The first byte of the input chooses the limits, the rest is what a peer sends. The scan must come
 * to the same verdict in one piece and a byte at a time; what the parsers then point to must lie in
 * the head; the body must give the same payload and end at the same byte, however it is split.
 *
 * Threads: one. */
#include "proto/http/head.h"

#include <stdlib.h>
#include <string.h>

#include "proto/http/body.h"

struct payload {
    size_t taken; /* bytes of input used */
    size_t len;
    uint64_t sum;
    int verdict;
    bool done;
};

static void require(int condition)
{
    if (!condition)
        abort();
}

static void require_inside(struct gw_str part, const char *head, size_t len)
{
    require(part.len == 0 ||
            (part.data >= head && part.len <= len && part.data + part.len <= head + len));
}

static void require_headers_inside(const struct gw_http_header *headers, uint32_t count,
                                   const struct gw_http_limits *limits, const char *head,
                                   size_t len)
{
    require(count <= limits->headers_max);
    for (uint32_t i = 0; i < count; i++) {
        require(gw_http_is_token(headers[i].name));
        require_inside(headers[i].name, head, len);
        require_inside(headers[i].value, head, len);
        for (size_t j = 0; j < headers[i].value.len; j++) {
            unsigned char c = (unsigned char)headers[i].value.data[j];

            require(c == '\t' || (c >= ' ' && c != 0x7f));
        }
    }
}

/* The head's length, 0 or an error, as gw_http_scan() says it: in one piece and byte by byte. */
static int scan_both_ways(const struct gw_http_limits *limits, const char *data, size_t len)
{
    struct gw_http_refusal refusal = {0, NULL}, refusal_by_byte = {0, NULL};
    struct gw_http_scan scan = {0}, scan_by_byte = {0};
    int whole = gw_http_scan(&scan, limits, data, len, &refusal);
    int by_byte = 0;

    for (size_t seen = 1; by_byte == 0 && seen <= len; seen++)
        by_byte = gw_http_scan(&scan_by_byte, limits, data, seen, &refusal_by_byte);
    require(whole == by_byte);
    if (whole > 0)
        require((size_t)whole <= len && (size_t)whole <= limits->head_bytes_max);
    if (whole < 0)
        require(refusal.detail != NULL && refusal.status >= 400 &&
                refusal.status == refusal_by_byte.status);
    return whole;
}

/* Reads a body in pieces of `step` bytes. */
static struct payload read_body(enum gw_http_body_kind kind, uint64_t content_length,
                                const uint8_t *data, size_t len, size_t step)
{
    struct payload payload = {.sum = 14695981039346656037u};
    struct gw_http_body body;
    uint8_t *copy = malloc(len + 1);

    require(copy != NULL);
    memcpy(copy, data, len);
    gw_http_body_init(&body, kind, content_length);
    while (payload.taken < len && !body.done && payload.verdict >= 0) {
        size_t left = len - payload.taken;
        struct gw_span input = {copy + payload.taken, left < step ? left : step}, piece;
        size_t given = input.len;

        while ((payload.verdict = gw_http_body_read(&body, &input, &piece)) > 0) {
            payload.len += piece.len;
            for (size_t i = 0; i < piece.len; i++)
                payload.sum = (payload.sum ^ piece.data[i]) * 1099511628211u;
        }
        require(input.len <= given);
        require(payload.verdict < 0 || body.done || input.len == 0);
        payload.taken += given - input.len;
    }
    payload.done = body.done;
    free(copy);
    return payload;
}

static void read_body_both_ways(enum gw_http_body_kind kind, uint64_t content_length,
                                const char *data, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)data;
    struct payload whole = read_body(kind, content_length, bytes, len, len + 1);
    struct payload by_byte = read_body(kind, content_length, bytes, len, 1);

    require(whole.verdict == by_byte.verdict && whole.done == by_byte.done);
    require(whole.len == by_byte.len && whole.sum == by_byte.sum);
    require(whole.verdict < 0 || whole.taken == by_byte.taken);
    require(kind != GW_HTTP_LENGTH || whole.len <= content_length);
}

static void parse_request(const struct gw_http_limits *limits, const char *data, size_t head_len,
                          size_t len)
{
    static struct gw_http_request request;
    struct gw_http_refusal refusal = {0, NULL};
    int got = gw_http_request_parse(&request, limits, data, head_len, &refusal);

    if (got < 0) {
        require(refusal.status >= 400 && refusal.detail != NULL);
        return;
    }
    require(got == 0);
    require_headers_inside(request.headers, request.header_count, limits, data, head_len);
    if (request.target.len != 1) /* an absolute target without a path has "/", which is ours */
        require_inside(request.target, data, head_len);
    require_inside(request.query, data, head_len);
    require_inside(request.host, data, head_len);
    require(request.path.len > 0 && (request.path.data[0] == '/' || request.path.data[0] == '*'));
    require(request.body_kind != GW_HTTP_UNTIL_CLOSE);
    read_body_both_ways(request.body_kind, request.content_length, data + head_len, len - head_len);
}

static void parse_response(const struct gw_http_limits *limits, const char *data, size_t head_len,
                           size_t len)
{
    static struct gw_http_response response;
    struct gw_http_refusal refusal = {0, NULL};

    if (gw_http_response_parse(&response, limits, data, head_len, &refusal) < 0)
        return;
    require(response.status >= 100 && response.status <= 999);
    require_headers_inside(response.headers, response.header_count, limits, data, head_len);
    require_inside(response.reason, data, head_len);
    read_body_both_ways(response.body_kind, response.content_length, data + head_len,
                        len - head_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct gw_http_limits limits = {8192, 64, 6144};
    const char *text;
    int head_len;

    if (len < 1)
        return 0;
    if (data[0] & 1)
        limits = (struct gw_http_limits){256, 3, 32};
    text = (const char *)data + 1;
    len--;

    head_len = scan_both_ways(&limits, text, len);
    if (head_len > 0) {
        parse_request(&limits, text, (size_t)head_len, len);
        parse_response(&limits, text, (size_t)head_len, len);
    }
    return 0;
}
