/* answer.h - writing responses (RFC 9112) and problems (RFC 9457).
 *
 * Threads: any. */
#ifndef GW_PROTO_HTTP_ANSWER_H
#define GW_PROTO_HTTP_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/str.h"

/* The reason phrase of a status we use; "" for others. */
const char *gw_http_reason(int status);

struct gw_http_answer {
    int status;
    const char *type;  /* Content-Type, or NULL */
    const char *extra; /* more header lines, each ending in CR LF, or NULL */
    struct gw_str body;
    int64_t wall_ms;  /* the time, in Unix milliseconds: an origin server with a clock says it (RFC
                         9110 section 6.6.1) */
    bool head_only;   /* the request was HEAD: the length is said, the body not sent */
    bool keep_alive;  /* else Connection: close */
    bool may_cache;   /* a page or file: without the headers of dynamic answers */
    bool version_1_0; /* the request was HTTP/1.0: a kept connection must be said to be kept */
    bool upgrade;     /* `extra` names what to upgrade to (426): Connection says so */
    bool any_origin;  /* a page whose Origin has been judged may read it (CORS) */
};

/* Appends the whole response: status line, Date, Content-Length (not for 1xx, 204, 304),
 * Connection (`close`; `keep-alive` is never said on 1.1), and for dynamic answers `Cache-Control:
 * no-store, no-transform`, `Vary: Accept, Origin`, `X-Content-Type-Options: nosniff`,
 * `X-Accel-Buffering: no`. A 1xx is its status line and `extra`. Asserts that a status without a
 * body was given none. Returns as gw_buf_append(); on failure nothing was appended. */
int gw_http_answer_write(struct gw_buf *out, const struct gw_http_answer *answer);

/* The JSON body of a problem:
 * {"type":"urn:godwit:problem:SLUG","title":REASON,"status":N,"detail":...}; the slug is a stable
 * word for the status ("malformed", "not-allowed" ...). `detail` NULL: without one. Asserts that
 * the status has a slug. Returns as gw_buf_append(); on failure nothing was appended. */
int gw_http_problem_body(struct gw_buf *out, int status, const char *detail);
#define GW_HTTP_PROBLEM_TYPE "application/problem+json"

#endif
