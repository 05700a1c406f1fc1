/* json_check_fuzz.c - gw_json_valid() beside a reader that is written as the grammar is.
 *
 * The reference recurses as RFC 8259 does, keeps to the same bounds (depth, no lone surrogates) and
 * leaves UTF-8 to be judged by itself. The two must agree on every input; and on every beginning of
 * a short one, for that is where a checker reads too far.
 *
 * Threads: one. */
#include "core/json.h"

#include "core/utf8.h"
#include "fuzz.h"

/* Each returns what follows, or NULL. */
static const char *value(const char *at, const char *end, unsigned depth);

static const char *blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

static const char *text(const char *at, const char *end, const char *expected)
{
    size_t len = strlen(expected);

    return (size_t)(end - at) >= len && memcmp(at, expected, len) == 0 ? at + len : NULL;
}

static const char *digits(const char *at, const char *end)
{
    const char *start = at;

    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at > start ? at : NULL;
}

/* number = [ minus ] int [ frac ] [ exp ] */
static const char *number(const char *at, const char *end)
{
    if (at < end && *at == '-')
        at++;
    at = at < end && *at == '0' ? at + 1 : digits(at, end);
    if (at && at < end && *at == '.')
        at = digits(at + 1, end);
    if (at && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        at = digits(at, end);
    }
    return at;
}

/* The four digits of \uXXXX; -1 where there are none. */
static long unit(const char *at, const char *end)
{
    static const char all[] = "0123456789abcdef0123456789ABCDEF";
    long result = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const char *found = at[i] ? strchr(all, at[i]) : NULL;

        if (!found)
            return -1;
        result = result * 16 + (found - all) % 16;
    }
    return result;
}

/* At what follows the backslash. */
static const char *escape(const char *at, const char *end)
{
    long high, low;

    if (at == end)
        return NULL;
    if (*at != 'u')
        return *at && strchr("\"\\/bfnrt", *at) ? at + 1 : NULL;
    high = unit(at + 1, end);
    if (high < 0 || (high >= 0xdc00 && high <= 0xdfff))
        return NULL;
    at += 5;
    if (high < 0xd800 || high > 0xdbff)
        return at;
    at = text(at, end, "\\u");
    low = at ? unit(at, end) : -1;
    return low >= 0xdc00 && low <= 0xdfff ? at + 4 : NULL;
}

static const char *string(const char *at, const char *end)
{
    at = text(at, end, "\"");
    while (at && at < end && *at != '"') {
        if ((unsigned char)*at < 0x20)
            return NULL;
        at = *at == '\\' ? escape(at + 1, end) : at + 1;
    }
    return at && at < end ? at + 1 : NULL;
}

static const char *member(const char *at, const char *end, unsigned depth)
{
    at = string(blanks(at, end), end);
    at = at ? text(blanks(at, end), end, ":") : NULL;
    return at ? value(at, end, depth) : NULL;
}

/* Behind the bracket. */
static const char *container(const char *at, const char *end, unsigned depth, bool is_object)
{
    const char *closing = is_object ? "}" : "]";
    const char *empty = text(blanks(at, end), end, closing);

    if (depth > GW_JSON_DEPTH_MAX)
        return NULL;
    if (empty)
        return empty;
    for (;;) {
        const char *comma;

        at = is_object ? member(at, end, depth) : value(at, end, depth);
        if (!at)
            return NULL;
        comma = text(at, end, ",");
        if (!comma)
            return text(at, end, closing);
        at = comma;
    }
}

/* With the blanks on both sides. */
static const char *value(const char *at, const char *end, unsigned depth)
{
    at = blanks(at, end);
    if (at == end)
        return NULL;
    switch (*at) {
    case '{':
    case '[':
        at = container(at + 1, end, depth + 1, *at == '{');
        break;
    case '"':
        at = string(at, end);
        break;
    case 't':
        at = text(at, end, "true");
        break;
    case 'f':
        at = text(at, end, "false");
        break;
    case 'n':
        at = text(at, end, "null");
        break;
    default:
        at = number(at, end);
    }
    return at ? blanks(at, end) : NULL;
}

static void compare(const char *data, size_t len)
{
    const char *end = data + len;

    require(gw_json_valid((struct gw_str){data, len}) ==
            (value(data, end, 0) == end && gw_utf8_valid(data, len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    compare((const char *)data, len);
    for (size_t shorter = 0; shorter < len && shorter < 128; shorter++) {
        char *copy = fuzz_copy(data, shorter);

        compare(copy, shorter);
        free(copy);
    }
    return 0;
}
