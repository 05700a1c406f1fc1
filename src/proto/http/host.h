/* host.h - `uri-host [":" port]`: what stands in Host, in an absolute target and in an Origin.
 *
 * RFC 3986 lets a registered name hold nearly anything. We take what a name can be in the DNS or in
 * a hosts file (letters, digits, `-`, `_`, dots between), IPv4, and IPv6 in brackets, because a
 * name that two readers understand differently is how a request gets past the one that checks.
 *
 * Threads: any. */
#ifndef GW_PROTO_HTTP_HOST_H
#define GW_PROTO_HTTP_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

#define GW_HTTP_HOST_NO_PORT (-1)

struct gw_http_host {
    struct gw_str name; /* never empty; IPv6 with its brackets; perhaps with a dot at its end */
    int32_t port;       /* 0 to 65535, or GW_HTTP_HOST_NO_PORT */
};

/* False for whatever else: empty, user information, a colon without a port, blanks. */
bool gw_http_host_parse(struct gw_http_host *host, struct gw_str text);

/* Four numbers of 0 to 255 without leading zeros: the only way of writing IPv4 that everybody reads
 * alike. `out` is written only when it is one. */
bool gw_http_host_ipv4(struct gw_str text, uint8_t out[4]);

#endif
