/* head.h - the head of an HTTP/1.1 message (RFC 9112), found, then parsed where it lies.
 *
 * Two steps, so that any split of the input gives the same result and no byte is looked at twice:
 * gw_http_scan() looks for the empty line as bytes arrive, refusing at once what can never become a
 * head (a control byte, a bare LF, too much of anything); gw_http_request_parse() then takes the
 * whole head, once, and points into it.
 *
 * Strict, because every leniency has been somebody's request smuggling: CR LF only, no folding, no
 * blank before a colon, token names, one Host (HTTP/1.1), one Content-Length of digits, never
 * beside Transfer-Encoding, `chunked` alone and once. Ambiguous is 400, and the connection is
 * closed.
 *
 * Threads: any. */
#ifndef GW_PROTO_HTTP_HEAD_H
#define GW_PROTO_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct gw_http_limits {
    uint32_t head_bytes_max;   /* with the empty line: above it 431 */
    uint32_t headers_max;      /* header lines, at most GW_HTTP_HEADERS_ROOM: above it 431 */
    uint32_t target_bytes_max; /* above it 414 */
};

#define GW_HTTP_HEADERS_ROOM 256 /* what `max_headers` can at most be set to */
#define GW_HTTP_METHOD_MAX   32  /* the longest registered one has 16 letters; above it 501 */

/* Why a message is refused: the status to answer and a sentence for the problem's detail. */
struct gw_http_refusal {
    int status; /* 400, 414, 417, 431, 501 (a transfer coding or method we do not know), 505 */
    const char *detail; /* static */
};

/* What the scan remembers between two pieces; zeroed before the first. */
struct gw_http_scan {
    uint32_t at;    /* bytes looked at */
    uint32_t start; /* of the line being looked at; within the first line, of its word */
    uint16_t lines; /* ended so far */
    uint8_t words;  /* of the first line that have ended, at most 2 */
    bool after_cr;  /* the last byte was a CR: only an LF may come now */
};

/* Looks at `data[scan->at .. len)` and at nothing else; `data` always begins at the head's first
 * byte. Requests and responses alike. Leading empty lines are not skipped: they are a 400. Returns
 * the head's length with its empty line, 0 when more is needed, or GW_ERR_PROTOCOL with `*refusal`.
 * Not to be called again once it has returned anything but 0. */
int gw_http_scan(struct gw_http_scan *scan, const struct gw_http_limits *limits, const char *data,
                 size_t len, struct gw_http_refusal *refusal);

enum gw_http_method {
    GW_HTTP_GET,
    GW_HTTP_HEAD,
    GW_HTTP_POST,
    GW_HTTP_PUT,
    GW_HTTP_DELETE,
    GW_HTTP_OPTIONS,
    GW_HTTP_PATCH,
    GW_HTTP_OTHER /* a token that is none of these; never CONNECT, which is a 501 */
};

struct gw_http_header {
    struct gw_str name;  /* as sent; compare without case */
    struct gw_str value; /* without blanks around it; no control character but HTAB */
};

enum gw_http_body_kind { GW_HTTP_NO_BODY, GW_HTTP_LENGTH, GW_HTTP_CHUNKED, GW_HTTP_UNTIL_CLOSE };

/* Everything points into the head (but for the path of an absolute target that has none).
 * `headers` is filled with the header lines in order. */
struct gw_http_request {
    enum gw_http_method method;
    struct gw_str method_name;
    struct gw_str target;  /* as sent, but without scheme and host where it was absolute */
    struct gw_str path;    /* begins with `/`, still percent-encoded; "*" for OPTIONS * */
    struct gw_str query;   /* behind the `?`, without it; empty where there is none */
    struct gw_str host;    /* as gw_http_host_parse() takes it; empty for HTTP/1.0 without one */
    uint8_t version_minor; /* 0 or 1; HTTP/1.2 and above count as 1 (RFC 9110 section 2.5) */
    bool keep_alive;       /* by version and Connection */
    bool upgrade; /* Connection names upgrade and there is an Upgrade header; never in 1.0 */
    bool expects_continue; /* and has a body; never in 1.0 */
    enum gw_http_body_kind body_kind;
    uint64_t content_length; /* of GW_HTTP_LENGTH */
    uint32_t header_count;
    struct gw_http_header headers[GW_HTTP_HEADERS_ROOM];
};

/* `head` is exactly what gw_http_scan() measured. Returns 0, or GW_ERR_PROTOCOL with `*refusal` and
 * `*request` of no use. A body on GET or HEAD (a length of 0 is none), two lengths (even equal), a
 * length beside chunks, a chunked HTTP/1.0 request, two Hosts, a missing or malformed Host, an
 * absolute target whose host is not the Host, an `Expect` other than 100-continue (417): refused.
 */
int gw_http_request_parse(struct gw_http_request *request, const struct gw_http_limits *limits,
                          const char *head, size_t len, struct gw_http_refusal *refusal);

struct gw_http_response {
    int status;
    struct gw_str reason;
    uint8_t version_minor;
    bool keep_alive;
    enum gw_http_body_kind body_kind;
    uint64_t content_length;
    uint32_t header_count;
    struct gw_http_header headers[GW_HTTP_HEADERS_ROOM];
};

/* The same for a response, as our own clients meet it. A 1xx, 204 or 304 has no body; an answer to
 * HEAD has none either, which only the caller can know. */
int gw_http_response_parse(struct gw_http_response *response, const struct gw_http_limits *limits,
                           const char *head, size_t len, struct gw_http_refusal *refusal);

/* The value of the first header of that name (any case), and how many there are; data NULL and 0
 * where there is none. */
struct gw_str gw_http_header_find(const struct gw_http_header *headers, uint32_t header_count,
                                  const char *name, uint32_t *found_count);

/* The next member of a comma separated list (RFC 9110 section 5.6.1), without blanks and without
 * its parameters; empty ones are passed over. A comma within a quoted parameter does not separate.
 * `*rest` starts as the list. False at its end. */
bool gw_http_list_next(struct gw_str *rest, struct gw_str *member);

/* Does a comma separated list hold `token` (any case)? Parameters after `;` are ignored. */
bool gw_http_list_has(struct gw_str list, const char *token);

/* Is it a token (RFC 9110 section 5.6.2), so at least one character? */
bool gw_http_is_token(struct gw_str text);

#endif
