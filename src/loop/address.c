/* address.c - see address.h. */
#include "loop/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/num.h"

#define PORT_DIGITS_MAX 5

static int read_port(struct gw_str text, in_port_t *out)
{
    uint64_t port;

    if (text.len > PORT_DIGITS_MAX || (text.len > 1 && text.data[0] == '0'))
        return -EINVAL;
    if (!gw_num_u64(text, &port) || port > UINT16_MAX)
        return -EINVAL;
    *out = htons((uint16_t)port);
    return 0;
}

/* The numeric address in `host`. inet_pton() is strict (four decimal octets, no leading zeros), but
 * it wants a NUL, and would take one inside the text for the end. */
static int read_host(int family, struct gw_str host, void *out)
{
    char text[INET6_ADDRSTRLEN];

    if (host.len >= sizeof(text) || memchr(host.data, '\0', host.len))
        return -EINVAL;
    memcpy(text, host.data, host.len);
    text[host.len] = '\0';
    return inet_pton(family, text, out) == 1 ? 0 : -EINVAL;
}

static int parse_in6(union gw_address *out, struct gw_str text)
{
    const char *bracket = memchr(text.data, ']', text.len);
    size_t host_len;
    struct gw_str host, port;

    if (!bracket)
        return -EINVAL;
    host_len = (size_t)(bracket - text.data) - 1;
    if (text.len < host_len + 3 || bracket[1] != ':')
        return -EINVAL;
    host = (struct gw_str){text.data + 1, host_len};
    port = (struct gw_str){bracket + 2, text.len - host_len - 3};
    out->in6.sin6_family = AF_INET6;
    if (read_host(AF_INET6, host, &out->in6.sin6_addr) < 0)
        return -EINVAL;
    return read_port(port, &out->in6.sin6_port);
}

static int parse_in4(union gw_address *out, struct gw_str text)
{
    struct gw_str port = text;
    struct gw_str host = gw_str_cut(&port, ':');

    if (!port.data)
        return -EINVAL;
    if (gw_str_eq(host, GW_STR("localhost")))
        host = GW_STR("127.0.0.1");
    out->in4.sin_family = AF_INET;
    if (read_host(AF_INET, host, &out->in4.sin_addr) < 0)
        return -EINVAL;
    return read_port(port, &out->in4.sin_port);
}

int gw_address_parse(union gw_address *out, struct gw_str text)
{
    union gw_address address;
    int err;

    if (text.len == 0)
        return -EINVAL;
    memset(&address, 0, sizeof(address));
    err = text.data[0] == '[' ? parse_in6(&address, text) : parse_in4(&address, text);
    if (err < 0)
        return err;
    *out = address;
    return 0;
}

size_t gw_address_format(char out[GW_ADDRESS_TEXT_MAX], const union gw_address *address)
{
    bool in6 = address->any.sa_family == AF_INET6;
    char host[INET6_ADDRSTRLEN];
    const char *text;
    int len;

    assert(in6 || address->any.sa_family == AF_INET);
    if (in6)
        text = inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host));
    else
        text = inet_ntop(AF_INET, &address->in4.sin_addr, host, sizeof(host));
    assert(text);
    if (in6)
        len = snprintf(out, GW_ADDRESS_TEXT_MAX, "[%s]:%u", text, ntohs(address->in6.sin6_port));
    else
        len = snprintf(out, GW_ADDRESS_TEXT_MAX, "%s:%u", text, ntohs(address->in4.sin_port));
    assert(len > 0 && len < GW_ADDRESS_TEXT_MAX);
    return (size_t)len;
}

bool gw_address_is_loopback(const union gw_address *address)
{
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
    assert(address->any.sa_family == AF_INET);
    return ntohl(address->in4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

socklen_t gw_address_len(const union gw_address *address)
{
    if (address->any.sa_family == AF_INET6)
        return sizeof(address->in6);
    assert(address->any.sa_family == AF_INET);
    return sizeof(address->in4);
}
