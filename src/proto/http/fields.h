/* fields.h - the header lines that requests and responses share: cut, and what frames the message.
 *
 * The room's own. Which lines there are is read here, and what they mean together is judged where
 * the message's kind and version are known; the framing, whose rules are the same for both, here.
 *
 * Threads: any. */
#ifndef GW_PROTO_HTTP_FIELDS_H
#define GW_PROTO_HTTP_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"
#include "proto/http/head.h"

struct gw_http_fields {
    struct gw_str host, length, coding; /* the first of each */
    uint32_t host_count, length_count, coding_count;
    bool close, keep_alive, upgrade; /* named by Connection */
    bool has_upgrade;                /* there is an Upgrade header */
    bool expects_continue, expects_other;
};

/* How the body is delimited. */
struct gw_http_framing {
    enum gw_http_body_kind
        kind; /* never GW_HTTP_UNTIL_CLOSE: GW_HTTP_NO_BODY where nothing is said */
    uint64_t content_length;
};

/* Takes "HTTP/1.1": the minor version, 0 or 1. Returns 0, or a refusal: 400, or 505 for another
 * major version. */
int gw_http_version_parse(uint8_t *minor, struct gw_str text, struct gw_http_refusal *refusal);

/* Cuts `lines` (all that follows the first line, with the empty line at its end) into `headers`. */
int gw_http_fields_parse(struct gw_http_fields *fields, struct gw_http_header *headers,
                         uint32_t *header_count, uint32_t headers_max, struct gw_str lines,
                         struct gw_http_refusal *refusal);

/* RFC 9112 section 6.3, without its leniencies. */
int gw_http_framing_judge(struct gw_http_framing *framing, const struct gw_http_fields *fields,
                          uint8_t version_minor, struct gw_http_refusal *refusal);

/* RFC 9112 section 9.3. */
bool gw_http_fields_keep_alive(const struct gw_http_fields *fields, uint8_t version_minor);

#endif
