/* http.h - demands on heads and bodies, which the targets of requests and responses share.
 *
 * Threads: one. */
#ifndef TESTS_FUZZ_HTTP_H
#define TESTS_FUZZ_HTTP_H

#include "fuzz.h"
#include "proto/http/body.h"
#include "proto/http/head.h"

/* Limits that all heads of a corpus fit in, and such as few do. */
static const struct gw_http_limits http_wide = {8192, 64, 6144}, http_narrow = {256, 3, 32};

static inline void http_require_inside(struct gw_str part, const char *head, size_t len)
{
    require(part.len == 0 ||
            (part.data >= head && part.len <= len && part.data + part.len <= head + len));
}

static inline void http_require_headers(const struct gw_http_header *headers, uint32_t count,
                                        const struct gw_http_limits *limits, const char *head,
                                        size_t len)
{
    require(count <= limits->headers_max);
    for (uint32_t i = 0; i < count; i++) {
        require(gw_http_is_token(headers[i].name));
        http_require_inside(headers[i].name, head, len);
        http_require_inside(headers[i].value, head, len);
        for (size_t j = 0; j < headers[i].value.len; j++) {
            unsigned char c = (unsigned char)headers[i].value.data[j];

            require(c == '\t' || (c >= ' ' && c != 0x7f));
        }
    }
}

/* The head's length, 0 or an error, as gw_http_scan() says it: in one piece and byte by byte. */
static inline int http_scan_both_ways(const struct gw_http_limits *limits, const char *data,
                                      size_t len)
{
    struct gw_http_refusal refusal = {0, NULL}, refusal_by_byte = {0, NULL};
    struct gw_http_scan scan = {0}, scan_by_byte = {0};
    int whole = gw_http_scan(&scan, limits, data, len, &refusal), by_byte = 0;

    for (size_t seen = 1; by_byte == 0 && seen <= len; seen++)
        by_byte = gw_http_scan(&scan_by_byte, limits, data, seen, &refusal_by_byte);
    require(whole == by_byte);
    if (whole > 0)
        require((size_t)whole <= len && (size_t)whole <= limits->head_bytes_max);
    if (whole < 0)
        require(refusal.detail && refusal.status >= 400 &&
                refusal.status == refusal_by_byte.status);
    return whole;
}

/* How the body is delimited, by a look at the header lines alone (RFC 9112 section 6.3): where both
 * ways are named, or one twice, nothing is taken; a length is what its digits say. For requests. */
static inline void http_require_delimited(const struct gw_http_header *headers, uint32_t count,
                                          enum gw_http_body_kind kind, uint64_t length)
{
    unsigned lengths = 0, codings = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct gw_str value = headers[i].value;
        uint64_t number = 0;

        codings += gw_str_eq_nocase(headers[i].name, GW_STR("Transfer-Encoding"));
        if (!gw_str_eq_nocase(headers[i].name, GW_STR("Content-Length")))
            continue;
        lengths++;
        require(value.len > 0 && value.len < 20);
        for (size_t j = 0; j < value.len; j++) {
            require(value.data[j] >= '0' && value.data[j] <= '9');
            number = number * 10 + (uint64_t)(value.data[j] - '0');
        }
        require(number == length);
    }
    require(lengths + codings <= 1);
    require((kind == GW_HTTP_CHUNKED) == (codings == 1));
    require(kind != GW_HTTP_LENGTH || lengths == 1);
    require(kind != GW_HTTP_NO_BODY || length == 0);
}

struct http_payload {
    size_t taken; /* bytes of input used */
    size_t len;
    uint64_t sum;
    int verdict;
    bool done;
};

/* Reads a body in pieces of `step` bytes. */
static inline struct http_payload http_read_body(enum gw_http_body_kind kind, uint64_t length,
                                                 const uint8_t *data, size_t len, size_t step)
{
    struct http_payload payload = {.sum = FUZZ_SUM_START};
    uint8_t *copy = fuzz_copy(data, len);
    struct gw_http_body body;

    gw_http_body_init(&body, kind, length);
    while (payload.taken < len && !body.done && payload.verdict >= 0) {
        size_t left = len - payload.taken, given = left < step ? left : step;
        struct gw_span input = {copy + payload.taken, given}, piece;

        while ((payload.verdict = gw_http_body_read(&body, &input, &piece)) > 0) {
            require(piece.len > 0 && piece.data >= copy && piece.data + piece.len == input.data);
            payload.len += piece.len;
            payload.sum = fuzz_sum(payload.sum, piece.data, piece.len);
        }
        require(input.len <= given);
        require(payload.verdict < 0 || body.done || input.len == 0);
        payload.taken += given - input.len;
        if (payload.verdict < 0) /* for good */
            require(gw_http_body_read(&body, &input, &piece) == payload.verdict);
    }
    payload.done = body.done;
    free(copy);
    return payload;
}

/* In one piece, byte by byte and in pieces of `step` bytes: the same payload, and the same end. */
static inline void http_read_body_all_ways(enum gw_http_body_kind kind, uint64_t length,
                                           const uint8_t *data, size_t len, size_t step)
{
    struct http_payload whole = http_read_body(kind, length, data, len, len + 1);
    const size_t steps[] = {1, step};

    for (size_t i = 0; i < 2; i++) {
        struct http_payload split = http_read_body(kind, length, data, len, steps[i]);

        require(whole.verdict == split.verdict && whole.done == split.done);
        require(whole.len == split.len && whole.sum == split.sum);
        require(whole.verdict < 0 || whole.taken == split.taken);
    }
    require(kind != GW_HTTP_LENGTH || whole.len <= length);
}

#endif
