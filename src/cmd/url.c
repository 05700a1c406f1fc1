/* url.c - see url.h. */
#include "cmd/url.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <godwit/status.h>

#include "core/num.h"
#include "server/complaint.h"

static const char expected[] = "expected http://HOST:PORT, such as " GW_URL_DEFAULT;

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c));
}

static bool cut_scheme(struct gw_str *rest, const char *scheme)
{
    struct gw_str prefix = GW_STR(scheme);
    struct gw_str start = {rest->data, rest->len < prefix.len ? rest->len : prefix.len};

    if (!gw_str_eq_nocase(start, prefix))
        return false;
    *rest = (struct gw_str){rest->data + prefix.len, rest->len - prefix.len};
    return true;
}

/* Cuts "[::1]" or a name off the front, and leaves ":PORT" or nothing. */
static bool cut_host(struct gw_str *host, struct gw_str *rest)
{
    bool bracket = rest->len > 0 && rest->data[0] == '[';
    size_t len = 0, start = bracket ? 1 : 0;

    while (start + len < rest->len &&
           (is_unreserved(rest->data[start + len]) || (bracket && rest->data[start + len] == ':')))
        len++;
    *host = (struct gw_str){rest->data + start, len};
    if (bracket && (start + len >= rest->len || rest->data[start + len] != ']'))
        return false;
    *rest = (struct gw_str){rest->data + 2 * start + len, rest->len - 2 * start - len};
    return len > 0 && len < GW_URL_HOST_MAX;
}

static bool is_port(struct gw_str text)
{
    uint64_t port;

    return text.len < GW_URL_PORT_MAX && gw_num_u64(text, &port) && port >= 1 && port <= 65535;
}

static void fill(struct gw_url *out, struct gw_str host, struct gw_str port)
{
    bool in6 = memchr(host.data, ':', host.len) != NULL;
    bool usual = gw_str_eq(port, GW_STR("80"));

    memcpy(out->host, host.data, host.len);
    out->host[host.len] = '\0';
    memcpy(out->port, port.data, port.len);
    out->port[port.len] = '\0';
    (void)snprintf(out->authority, sizeof(out->authority), "%s%s%s%s%s", in6 ? "[" : "", out->host,
                   in6 ? "]" : "", usual ? "" : ":", usual ? "" : out->port); /* it fits */
}

int gw_url_parse(struct gw_url *out, const char *text, struct gw_complaint *complaint)
{
    struct gw_str rest = GW_STR(text), host, port = GW_STR("80");

    if (cut_scheme(&rest, "https://") || cut_scheme(&rest, "wss://")) {
        gw_complaint_set(complaint,
                         "https and wss are not supported yet: expected http or ws, such as "
                         "%s",
                         GW_URL_DEFAULT);
        return GW_ERR_VALUE;
    }
    if (!cut_scheme(&rest, "http://") && !cut_scheme(&rest, "ws://")) {
        gw_complaint_set(complaint, "\"%.64s\" is no URL of a server: %s", text, expected);
        return GW_ERR_VALUE;
    }
    if (!cut_host(&host, &rest)) {
        gw_complaint_set(complaint, "\"%.64s\" names no host: %s", text, expected);
        return GW_ERR_VALUE;
    }
    if (rest.len > 0 && rest.data[rest.len - 1] == '/')
        rest.len--;
    if (rest.len > 0 && rest.data[0] == ':')
        port = (struct gw_str){rest.data + 1, rest.len - 1};
    else if (rest.len > 0)
        port = rest; /* a path, which is no port */
    if (!is_port(port)) {
        gw_complaint_set(complaint, "\"%.64s\" has more than a host and a port: %s", text,
                         expected);
        return GW_ERR_VALUE;
    }
    fill(out, host, port);
    return 0;
}

int gw_url_encode(struct gw_buf *out, struct gw_str text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        bool plain = is_unreserved(text.data[i]) || text.data[i] == ':';
        int err = plain ? gw_buf_append(out, &text.data[i], 1) : gw_buf_append(out, escape, 3);

        if (err < 0)
            return err;
    }
    return 0;
}
