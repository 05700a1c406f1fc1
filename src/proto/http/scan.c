#include "proto/http/head.h"

#include <assert.h>

#include "proto/http/bytes.h"

/* A byte of the first line that is text. Method (or the version of a response) and target are
 * measured here, so that neither is collected up to the whole head's limit only to be refused. */
static int take_first_line(struct gw_http_scan *scan, const struct gw_http_limits *limits,
                           uint8_t byte, struct gw_http_refusal *refusal)
{
    uint32_t before = scan->at - scan->start;

    if (scan->words >= 2) /* the version, or the reason phrase of a response */
        return 0;
    if (byte == ' ') {
        if (before == 0)
            return gw_http_refuse(refusal, 400, "The first line has a blank too many.");
        scan->words++;
        scan->start = scan->at + 1;
        return 0;
    }
    if (scan->words == 1)
        return before < limits->target_bytes_max
                   ? 0
                   : gw_http_refuse(refusal, 414, "The request target is too long.");
    if (!gw_http_byte_is_token(byte) && byte != '/') /* the slash is that of "HTTP/1.1 200" */
        return gw_http_refuse(refusal, 400, "The method is not a token.");
    if (before >= GW_HTTP_METHOD_MAX)
        return gw_http_refuse(refusal, 501, "There is no method that long.");
    return 0;
}

/* The first byte of a header line. */
static int begin_line(const struct gw_http_scan *scan, const struct gw_http_limits *limits,
                      uint8_t byte, struct gw_http_refusal *refusal)
{
    if (byte == ' ' || byte == '\t') /* RFC 9112 section 5.2 */
        return gw_http_refuse(refusal, 400, "A header line is folded, or begins with a blank.");
    if (scan->lines > limits->headers_max)
        return gw_http_refuse(refusal, 431, "There are too many header lines.");
    return 0;
}

/* The byte after a CR. Returns 1 when it ends the head. */
static int end_line(struct gw_http_scan *scan, uint8_t byte, struct gw_http_refusal *refusal)
{
    bool empty = scan->start == scan->at - 1;

    if (byte != '\n')
        return gw_http_refuse(refusal, 400, "A CR is not followed by LF.");
    if (scan->lines > 0 && empty)
        return 1;
    scan->lines++;
    scan->start = scan->at + 1;
    scan->after_cr = false;
    return 0;
}

static int begin_line_end(struct gw_http_scan *scan, struct gw_http_refusal *refusal)
{
    if (scan->at == 0)
        return gw_http_refuse(refusal, 400, "There is an empty line before the first one.");
    if (scan->lines == 0 && scan->words < 2)
        return gw_http_refuse(refusal, 400, "The first line has less than three parts.");
    scan->after_cr = true;
    return 0;
}

static int take_byte(struct gw_http_scan *scan, const struct gw_http_limits *limits, uint8_t byte,
                     struct gw_http_refusal *refusal)
{
    if (scan->after_cr)
        return end_line(scan, byte, refusal);
    if (byte == '\r')
        return begin_line_end(scan, refusal);
    if (byte == '\n') /* RFC 9112 section 2.2 lets us take it as a line's end; others do not */
        return gw_http_refuse(refusal, 400, "A line ends in LF without CR.");
    if (!gw_http_byte_is_text(byte))
        return gw_http_refuse(refusal, 400, "There is a control character in the head.");
    if (scan->lines == 0)
        return take_first_line(scan, limits, byte, refusal);
    if (scan->at == scan->start)
        return begin_line(scan, limits, byte, refusal);
    return 0;
}

/* Within a header line nothing but the kind of byte matters; nearly all of a head is that. */
static void skip_text(struct gw_http_scan *scan, const char *data, size_t end)
{
    if (scan->lines == 0 || scan->after_cr || scan->at == scan->start)
        return;
    while (scan->at < end && gw_http_byte_is_text((uint8_t)data[scan->at]))
        scan->at++;
}

int gw_http_scan(struct gw_http_scan *scan, const struct gw_http_limits *limits, const char *data,
                 size_t len, struct gw_http_refusal *refusal)
{
    size_t end = len < limits->head_bytes_max ? len : limits->head_bytes_max;

    assert(limits->head_bytes_max <= INT32_MAX && limits->headers_max <= GW_HTTP_HEADERS_ROOM);
    assert(scan->at <= len);
    for (skip_text(scan, data, end); scan->at < end; skip_text(scan, data, end)) {
        int got = take_byte(scan, limits, (uint8_t)data[scan->at], refusal);

        if (got < 0)
            return got;
        scan->at++;
        if (got > 0)
            return (int)scan->at;
    }
    if (scan->at >= limits->head_bytes_max)
        return gw_http_refuse(refusal, 431, "The head is too long.");
    return 0;
}
