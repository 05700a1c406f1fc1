#include "proto/http/head.h"

#include <assert.h>

#include "core/num.h"
#include "proto/http/bytes.h"
#include "proto/http/fields.h"

/* The bytes before a reason phrase: "HTTP/1.1 200 ". The blank behind the status is there even when
 * the phrase is not (RFC 9112 section 4). */
#define STATUS_LINE_LEN 13

static int cut_status_line(struct gw_http_response *response, struct gw_str *rest,
                           struct gw_http_refusal *refusal)
{
    const char *at = rest->data;
    const char *cr = memchr(at, '\r', rest->len);
    uint64_t status;
    size_t line;
    int failed;

    assert(cr);
    line = (size_t)(cr - at);
    if (line < STATUS_LINE_LEN || at[8] != ' ' || at[12] != ' ' || cr[1] != '\n')
        return gw_http_refuse(refusal, 400, "The status line is malformed.");
    failed = gw_http_version_parse(&response->version_minor, (struct gw_str){at, 8}, refusal);
    if (failed)
        return failed;
    if (!gw_num_u64((struct gw_str){at + 9, 3}, &status) || status < 100 || status > 599)
        return gw_http_refuse(refusal, 400, "The status is none.");

    response->status = (int)status;
    response->reason = (struct gw_str){at + STATUS_LINE_LEN, line - STATUS_LINE_LEN};
    *rest = (struct gw_str){cr + 2, rest->len - line - 2};
    return 0;
}

/* RFC 9112 section 6.3, in its order. */
static enum gw_http_body_kind judge_kind(const struct gw_http_response *response,
                                         const struct gw_http_fields *fields,
                                         const struct gw_http_framing *framing)
{
    if (response->status < 200 || response->status == 204 || response->status == 304)
        return GW_HTTP_NO_BODY;
    if (fields->coding_count == 0 && fields->length_count == 0)
        return GW_HTTP_UNTIL_CLOSE;
    return framing->kind;
}

int gw_http_response_parse(struct gw_http_response *response, const struct gw_http_limits *limits,
                           const char *head, size_t len, struct gw_http_refusal *refusal)
{
    struct gw_str rest = {head, len};
    struct gw_http_framing framing;
    struct gw_http_fields fields;
    int failed;

    assert(len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0);
    failed = cut_status_line(response, &rest, refusal);
    if (!failed)
        failed = gw_http_fields_parse(&fields, response->headers, &response->header_count,
                                      limits->headers_max, rest, refusal);
    if (!failed)
        failed = gw_http_framing_judge(&framing, &fields, response->version_minor, refusal);
    if (failed)
        return failed;

    response->body_kind = judge_kind(response, &fields, &framing);
    response->content_length = framing.content_length;
    response->keep_alive = response->body_kind != GW_HTTP_UNTIL_CLOSE &&
                           gw_http_fields_keep_alive(&fields, response->version_minor);
    return 0;
}
