/* url.h - where the server is, as a person writes it, and channel names in a URL.
 *
 * Threads: any. */
#ifndef GW_CMD_URL_H
#define GW_CMD_URL_H

#include <stddef.h>

#include "core/buf.h"
#include "core/str.h"

struct gw_complaint;

#define GW_URL_DEFAULT  "http://127.0.0.1:9880"
#define GW_URL_HOST_MAX 254 /* a DNS name and its NUL */
#define GW_URL_PORT_MAX 6

struct gw_url {
    char host[GW_URL_HOST_MAX]; /* a name, or an address without brackets */
    char port[GW_URL_PORT_MAX]; /* decimal */
    char authority[GW_URL_HOST_MAX + GW_URL_PORT_MAX + 2]; /* for the Host header */
};

/* Reads http://HOST[:PORT] (or ws://, and a `/` behind it). Returns 0, or GW_ERR_VALUE with a
 * complaint about what was expected. */
int gw_url_parse(struct gw_url *out, const char *text, struct gw_complaint *complaint);

/* Appends `text` percent-encoded (RFC 3986): unreserved characters and `:` stand for themselves.
 * Returns as gw_buf_append(). */
int gw_url_encode(struct gw_buf *out, struct gw_str text);

#endif
