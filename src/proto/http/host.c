#include "proto/http/host.h"

#include <assert.h>

#include "core/num.h"
#include "proto/http/bytes.h"

#define PORT_DIGITS_MAX 5
#define PORT_MAX        65535
#define IPV6_GROUPS     8

static bool read_octet(struct gw_str text, uint8_t *out)
{
    uint64_t number;

    if (text.len > 3 || !gw_num_u64(text, &number) || number > 255)
        return false;
    if (text.len > 1 && text.data[0] == '0')
        return false;
    *out = (uint8_t)number;
    return true;
}

bool gw_http_host_ipv4(struct gw_str text, uint8_t out[4])
{
    uint8_t octets[4];

    for (size_t i = 0; i < 4; i++)
        if (!read_octet(gw_str_cut(&text, '.'), &octets[i]))
            return false;
    if (text.data) /* a fourth dot */
        return false;
    memcpy(out, octets, sizeof(octets));
    return true;
}

static size_t count_hex(struct gw_str text)
{
    size_t count = 0;

    while (count < text.len && gw_http_byte_hex((uint8_t)text.data[count]) >= 0)
        count++;
    return count;
}

static struct gw_str skip(struct gw_str text, size_t count)
{
    assert(count <= text.len);
    return (struct gw_str){text.data + count, text.len - count};
}

/* One group and the colon behind it, or IPv4 as the last two groups. Returns how many groups that
 * was, 0 when it is malformed. */
static unsigned take_group(struct gw_str *text)
{
    size_t digits = count_hex(*text);
    uint8_t octets[4];

    if (digits < text->len && text->data[digits] == '.') {
        if (!gw_http_host_ipv4(*text, octets))
            return 0;
        *text = skip(*text, text->len);
        return 2;
    }
    if (digits == 0 || digits > 4)
        return 0;
    *text = skip(*text, digits);
    if (text->len == 0)
        return 1;
    if (text->data[0] != ':' || text->len == 1)
        return 0;
    *text = skip(*text, 1);
    return 1;
}

/* What stands between the brackets: RFC 3986 section 3.2.2, without zones and future versions. */
static bool is_ipv6(struct gw_str text)
{
    unsigned groups = 0;
    bool gap = false;

    if (gw_str_starts(text, GW_STR("::"))) {
        gap = true;
        text = skip(text, 2);
    }
    while (text.len > 0 && groups <= IPV6_GROUPS) {
        unsigned got = take_group(&text);

        if (got == 0)
            return false;
        groups += got;
        if (text.len > 0 && text.data[0] == ':') {
            if (gap)
                return false;
            gap = true;
            text = skip(text, 1);
        }
    }
    return gap ? groups < IPV6_GROUPS : groups == IPV6_GROUPS;
}

/* Labels of at least one character; a dot at the end is the root of the DNS. */
static bool is_name(struct gw_str text)
{
    char before = '.';

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (c == '.' ? before == '.' : !gw_http_byte_is_alnum((uint8_t)c) && c != '-' && c != '_')
            return false;
        before = c;
    }
    return text.len > 0;
}

static bool read_port(struct gw_str text, int32_t *port)
{
    uint64_t number;

    if (text.len > PORT_DIGITS_MAX || !gw_num_u64(text, &number) || number > PORT_MAX)
        return false;
    *port = (int32_t)number;
    return true;
}

bool gw_http_host_parse(struct gw_http_host *host, struct gw_str text)
{
    struct gw_str name, rest = text;
    int32_t port = GW_HTTP_HOST_NO_PORT;

    if (text.len > 0 && text.data[0] == '[') {
        name = gw_str_cut(&rest, ']');
        if (!rest.data || !is_ipv6(skip(name, 1)))
            return false;
        name.len++; /* its bracket */
        if (rest.len > 0 && rest.data[0] != ':')
            return false;
        if (rest.len > 0 && !read_port(skip(rest, 1), &port))
            return false;
    } else {
        name = gw_str_cut(&rest, ':');
        if (!is_name(name) || (rest.data && !read_port(rest, &port)))
            return false;
    }
    *host = (struct gw_http_host){.name = name, .port = port};
    return true;
}
