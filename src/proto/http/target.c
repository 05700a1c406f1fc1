#include "proto/http/target.h"

#include "proto/http/bytes.h"

bool gw_http_percent_decode(char *out, size_t *out_len, struct gw_str text, bool plus)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (c == '%') {
            int high, low;

            if (text.len - i < 3)
                return false;
            high = gw_http_byte_hex((uint8_t)text.data[i + 1]);
            low = gw_http_byte_hex((uint8_t)text.data[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[len++] = c;
    }
    *out_len = len;
    return true;
}

bool gw_http_query_next(struct gw_str *rest, struct gw_str *name, struct gw_str *value)
{
    while (rest->len > 0) {
        struct gw_str pair = gw_str_cut(rest, '&');

        if (pair.len == 0)
            continue;
        *name = gw_str_cut(&pair, '=');
        *value = pair;
        return true;
    }
    return false;
}

bool gw_http_query_find(struct gw_str query, const char *name, struct gw_str *value)
{
    struct gw_str wanted = GW_STR(name), found, content;

    while (gw_http_query_next(&query, &found, &content))
        if (gw_str_eq(found, wanted)) {
            *value = content;
            return true;
        }
    return false;
}
