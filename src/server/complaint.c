/* complaint.c - see complaint.h. */
#include "server/complaint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

#define ESCAPE_LEN 4 /* \xHH */

/* How many bytes of printable text begin here: a whole character of UTF-8, or 0. The C1 controls
 * (U+0080 to U+009F) are characters too, but terminals obey them. */
static size_t printable(const char *text, size_t len)
{
    uint8_t first = (uint8_t)text[0];
    size_t take = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first < 0x20 || first == 0x7f || take > len || !gw_utf8_valid(text, take))
        return 0;
    if (first == 0xc2 && (uint8_t)text[1] < 0xa0)
        return 0;
    return take;
}

static void copy_escaped(char out[GW_COMPLAINT_MAX], const char *text, size_t len)
{
    static const char dots[] = "...";
    const size_t room = GW_COMPLAINT_MAX - sizeof(dots);
    size_t used = 0, at = 0;

    while (at < len) {
        size_t take = printable(text + at, len - at);
        size_t need = take ? take : ESCAPE_LEN;

        if (used + need > room)
            break;
        if (take)
            memcpy(out + used, text + at, take);
        else
            (void)snprintf(out + used, ESCAPE_LEN + 1, "\\x%02x", (uint8_t)text[at]); /* fits */
        used += need;
        at += take ? take : 1;
    }
    memcpy(out + used, at < len ? dots : "", at < len ? sizeof(dots) : 1);
}

void gw_complaint_vset(struct gw_complaint *complaint, const char *format, va_list args)
{
    char plain[GW_COMPLAINT_MAX];
    int len = vsnprintf(plain, sizeof(plain), format, args);

    if (len < 0)
        len = 0; /* only a broken format or locale: an empty complaint is still a line */
    copy_escaped(complaint->text, plain,
                 (size_t)len < sizeof(plain) ? (size_t)len : sizeof(plain) - 1);
}

void gw_complaint_set(struct gw_complaint *complaint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    gw_complaint_vset(complaint, format, args);
    va_end(args);
}
