#include "core/str.h"

/* Not tolower(): that one asks the locale, and is undefined for a negative char. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool gw_str_eq_nocase(struct gw_str a, struct gw_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool gw_str_starts(struct gw_str text, struct gw_str prefix)
{
    if (prefix.len > text.len)
        return false;
    return prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct gw_str gw_str_trim(struct gw_str text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

struct gw_str gw_str_cut(struct gw_str *rest, char separator)
{
    struct gw_str before = *rest;
    const char *at = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;

    if (!at) {
        *rest = (struct gw_str){NULL, 0};
        return before;
    }
    before.len = (size_t)(at - before.data);
    rest->data = at + 1;
    rest->len -= before.len + 1;
    return before;
}

bool gw_str_eq_secret(struct gw_str a, struct gw_str b)
{
    /* volatile: else the compiler may see that one difference settles it, and leave early. */
    volatile unsigned char differ = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        differ = (unsigned char)(differ | (unsigned char)(a.data[i] ^ b.data[i]));
    return differ == 0;
}
