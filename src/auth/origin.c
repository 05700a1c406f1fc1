#include "auth/auth.h"

#include "proto/http/host.h"

/* An origin taken apart (RFC 6454 section 4). */
struct origin {
    struct gw_str scheme;
    struct gw_http_host host;
};

/* One dot at the end says the same name; an address has none. */
static struct gw_str without_dot(struct gw_str name)
{
    if (name.len > 0 && name.data[name.len - 1] == '.')
        name.len--;
    return name;
}

static bool is_loopback_name(struct gw_str name)
{
    struct gw_str suffix = GW_STR(".localhost");
    uint8_t octets[4];

    if (gw_http_host_ipv4(name, octets))
        return octets[0] == 127;
    if (gw_str_eq(name, GW_STR("[::1]"))) /* as every browser writes it */
        return true;
    name = without_dot(name);
    if (gw_str_eq_nocase(name, GW_STR("localhost")))
        return true;
    if (name.len <= suffix.len)
        return false;
    name.data += name.len - suffix.len;
    name.len = suffix.len;
    return gw_str_eq_nocase(name, suffix);
}

bool gw_auth_is_loopback(struct gw_str host)
{
    struct gw_http_host parsed;

    return gw_http_host_parse(&parsed, host) && is_loopback_name(parsed.name);
}

bool gw_auth_host_ok(const struct gw_auth *auth, struct gw_str host)
{
    return !auth->open || gw_auth_is_loopback(host);
}

/* Host and port and nothing behind them: a path, a slash even, is no origin. */
static bool parse_origin(struct origin *origin, struct gw_str text)
{
    struct gw_str rest = text;
    struct gw_str scheme = gw_str_cut(&rest, ':');

    if (scheme.len == 0 || !gw_str_starts(rest, GW_STR("//")))
        return false;
    origin->scheme = scheme;
    return gw_http_host_parse(&origin->host, (struct gw_str){rest.data + 2, rest.len - 2});
}

static bool is_web(struct gw_str scheme)
{
    return gw_str_eq_nocase(scheme, GW_STR("http")) || gw_str_eq_nocase(scheme, GW_STR("https"));
}

static int32_t port_of(const struct origin *origin)
{
    if (origin->host.port != GW_HTTP_HOST_NO_PORT)
        return origin->host.port;
    if (gw_str_eq_nocase(origin->scheme, GW_STR("http")))
        return 80;
    return gw_str_eq_nocase(origin->scheme, GW_STR("https")) ? 443 : GW_HTTP_HOST_NO_PORT;
}

static bool is_same(const struct origin *a, const struct origin *b)
{
    return gw_str_eq_nocase(a->scheme, b->scheme) && port_of(a) == port_of(b) &&
           gw_str_eq_nocase(without_dot(a->host.name), without_dot(b->host.name));
}

static bool is_listed(const struct gw_auth *auth, const struct origin *origin)
{
    struct origin listed;

    for (size_t i = 0; i < auth->origin_count; i++)
        if (parse_origin(&listed, auth->origins[i]) && is_same(&listed, origin))
            return true;
    return false;
}

static bool is_of_host(const struct origin *origin, struct gw_str host, bool secure)
{
    struct origin own = {.scheme = secure ? GW_STR("https") : GW_STR("http")};

    return gw_http_host_parse(&own.host, host) && is_same(&own, origin);
}

static const char *judge_origin(const struct gw_auth *auth, struct gw_str text, struct gw_str host,
                                bool secure)
{
    struct origin origin;

    if (gw_str_eq(text, GW_STR("null")))
        return "The Origin is null: a page opened from a file, or from a sandbox, has none.";
    if (!parse_origin(&origin, text))
        return "The Origin is malformed.";
    if (is_listed(auth, &origin))
        return NULL;
    /* In open mode the same origin is not enough: a name that was made to point here (DNS
     * rebinding) is the same in both. */
    if (auth->open)
        return is_web(origin.scheme) && is_loopback_name(origin.host.name)
                   ? NULL
                   : "The Origin is neither on this machine nor on the list of origins.";
    return is_of_host(&origin, host, secure)
               ? NULL
               : "The Origin is neither that of the Host nor on the list of origins.";
}

bool gw_auth_origin_ok(const struct gw_auth *auth, struct gw_str origin, uint32_t origin_count,
                       struct gw_str host, bool secure, const char **why)
{
    const char *refused = NULL;

    if (origin_count > 1)
        refused = "There is more than one Origin.";
    else if (origin_count == 1)
        refused = judge_origin(auth, origin, host, secure);
    if (refused)
        *why = refused;
    return !refused;
}
