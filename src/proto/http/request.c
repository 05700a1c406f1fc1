#include "proto/http/head.h"

#include <assert.h>

#include "proto/http/bytes.h"
#include "proto/http/fields.h"
#include "proto/http/host.h"

/* Names compare to the letter: methods are case-sensitive (RFC 9110 section 9.1). */
static enum gw_http_method name_method(struct gw_str name)
{
    static const char *const names[] = {
        [GW_HTTP_GET] = "GET",     [GW_HTTP_HEAD] = "HEAD",     [GW_HTTP_POST] = "POST",
        [GW_HTTP_PUT] = "PUT",     [GW_HTTP_DELETE] = "DELETE", [GW_HTTP_OPTIONS] = "OPTIONS",
        [GW_HTTP_PATCH] = "PATCH",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (gw_str_eq(name, GW_STR(names[i])))
            return (enum gw_http_method)i;
    return GW_HTTP_OTHER;
}

/* RFC 9112 section 3: three words with one blank between each. A word ends at the first byte that
 * cannot be in it, so that the CR LF at the end of the line stops all three. `*rest` becomes what
 * follows the line. */
static int cut_request_line(struct gw_http_request *request, struct gw_str *rest,
                            struct gw_http_refusal *refusal)
{
    const char *at = rest->data;
    size_t method, target, line;

    for (method = 0; gw_http_byte_is_token((uint8_t)at[method]); method++)
        ;
    if (method == 0 || at[method] != ' ')
        return gw_http_refuse(refusal, 400, "The method is not a token with a blank behind it.");
    for (target = method + 1; gw_http_byte_is_target((uint8_t)at[target]); target++)
        ;
    if (target == method + 1 || at[target] != ' ')
        return gw_http_refuse(refusal, 400, "The request target is malformed.");
    for (line = target + 1; gw_http_byte_is_target((uint8_t)at[line]); line++)
        ;
    if (at[line] != '\r' || at[line + 1] != '\n')
        return gw_http_refuse(refusal, 400, "Something follows the version.");

    request->method_name = (struct gw_str){at, method};
    request->method = name_method(request->method_name);
    request->target = (struct gw_str){at + method + 1, target - method - 1};
    *rest = (struct gw_str){at + line + 2, rest->len - line - 2};
    return gw_http_version_parse(&request->version_minor,
                                 (struct gw_str){at + target + 1, line - target - 1}, refusal);
}

static struct gw_str behind(struct gw_str text, size_t count)
{
    return (struct gw_str){text.data + count, text.len - count};
}

/* Cuts `http://authority` off an absolute target (RFC 9112 section 3.2.2). False when it does not
 * begin so. Only these two schemes: we are nobody's proxy. */
static bool cut_authority(struct gw_str *target, struct gw_str *authority)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        struct gw_str scheme = GW_STR(schemes[i]), rest;
        size_t end = 0;

        if (target->len < scheme.len ||
            !gw_str_eq_nocase((struct gw_str){target->data, scheme.len}, scheme))
            continue;
        rest = behind(*target, scheme.len);
        while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?')
            end++;
        *authority = (struct gw_str){rest.data, end};
        *target = behind(rest, end);
        return true;
    }
    return false;
}

static void cut_query(struct gw_http_request *request)
{
    request->query = request->target;
    request->path = gw_str_cut(&request->query, '?');
}

/* `*authority` stays as it is where the target has none. */
static int judge_target(struct gw_http_request *request, struct gw_str *authority,
                        struct gw_http_refusal *refusal)
{
    if (request->method == GW_HTTP_OTHER && gw_str_eq(request->method_name, GW_STR("CONNECT")))
        return gw_http_refuse(refusal, 501, "Tunnels are not made here.");
    if (request->target.data[0] == '/') {
        cut_query(request);
        return 0;
    }
    if (request->method == GW_HTTP_OPTIONS && gw_str_eq(request->target, GW_STR("*"))) {
        cut_query(request);
        return 0;
    }
    if (!cut_authority(&request->target, authority))
        return gw_http_refuse(refusal, 400, "The request target is neither a path nor a URL.");
    cut_query(request);
    if (request->path.len > 0)
        return 0;
    /* RFC 9112 section 3.2.4: `OPTIONS http://host` is how a proxy is asked for `OPTIONS *`. */
    request->path =
        request->method == GW_HTTP_OPTIONS && !request->query.data ? GW_STR("*") : GW_STR("/");
    if (request->target.len == 0)
        request->target = request->path;
    return 0;
}

/* RFC 9112 section 3.2. A target's own authority would win over Host; since the two are read by
 * different programs on the way, they must say the same. */
static int judge_host(struct gw_http_request *request, const struct gw_http_fields *fields,
                      struct gw_str authority, struct gw_http_refusal *refusal)
{
    struct gw_http_host host;

    if (fields->host_count > 1)
        return gw_http_refuse(refusal, 400, "There is more than one Host.");
    if (fields->host_count == 0 && request->version_minor > 0)
        return gw_http_refuse(refusal, 400, "There is no Host.");
    if (fields->host_count == 1 && !gw_http_host_parse(&host, fields->host))
        return gw_http_refuse(refusal, 400, "Host is malformed.");
    if (authority.data && !gw_http_host_parse(&host, authority))
        return gw_http_refuse(refusal, 400, "The host of the request target is malformed.");
    if (authority.data && fields->host_count == 1 && !gw_str_eq_nocase(authority, fields->host))
        return gw_http_refuse(refusal, 400, "The host of the request target is not the Host.");
    request->host = fields->host_count == 1 ? fields->host : authority;
    return 0;
}

static int judge_body(struct gw_http_request *request, const struct gw_http_fields *fields,
                      struct gw_http_refusal *refusal)
{
    struct gw_http_framing framing;
    int failed = gw_http_framing_judge(&framing, fields, request->version_minor, refusal);

    if (failed)
        return failed;
    if (framing.kind == GW_HTTP_LENGTH && framing.content_length == 0)
        framing.kind = GW_HTTP_NO_BODY;
    if (framing.kind != GW_HTTP_NO_BODY &&
        (request->method == GW_HTTP_GET || request->method == GW_HTTP_HEAD))
        return gw_http_refuse(refusal, 400, "A GET or HEAD has no body.");
    if (fields->expects_other)
        return gw_http_refuse(refusal, 417, "The only expectation known here is 100-continue.");
    request->body_kind = framing.kind;
    request->content_length = framing.content_length;
    return 0;
}

int gw_http_request_parse(struct gw_http_request *request, const struct gw_http_limits *limits,
                          const char *head, size_t len, struct gw_http_refusal *refusal)
{
    struct gw_str rest = {head, len}, authority = {NULL, 0};
    struct gw_http_fields fields;
    bool modern;
    int failed;

    assert(len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0);
    failed = cut_request_line(request, &rest, refusal);
    if (!failed)
        failed = judge_target(request, &authority, refusal);
    if (!failed)
        failed = gw_http_fields_parse(&fields, request->headers, &request->header_count,
                                      limits->headers_max, rest, refusal);
    if (!failed)
        failed = judge_host(request, &fields, authority, refusal);
    if (!failed)
        failed = judge_body(request, &fields, refusal);
    if (failed)
        return failed;

    /* An HTTP/1.0 client knows neither: RFC 9110 sections 7.8 and 10.1.1. */
    modern = request->version_minor > 0;
    request->upgrade = modern && fields.upgrade && fields.has_upgrade;
    request->expects_continue =
        modern && fields.expects_continue && request->body_kind != GW_HTTP_NO_BODY;
    request->keep_alive = gw_http_fields_keep_alive(&fields, request->version_minor);
    return 0;
}
