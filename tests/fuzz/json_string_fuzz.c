/* json_string_fuzz.c - any bytes become a JSON string that means them.
 *
 * What gw_json_string() writes must be JSON, hold nothing that ends a script, and give back the
 * text when a reader of its own takes the escapes apart, each byte that is not UTF-8 having become
 * U+FFFD. Where it does not fit, the buffer is as it was.
 *
 * Threads: one. */
#include "core/json.h"

#include <errno.h>

#include "core/alloc.h"
#include "core/utf8.h"
#include "fuzz.h"

/* --- What it must mean --- */

/* Bytes of the character at `at`; 0 where there is none. */
static size_t char_len(const char *at, size_t left)
{
    for (size_t len = 1; len <= 4 && len <= left; len++)
        if (gw_utf8_valid(at, len))
            return len;
    return 0;
}

/* Takes as many bytes of `text` as `piece` stands for, and demands that it does. */
static void take(struct gw_str *text, const char *piece, size_t len)
{
    size_t real = text->len > 0 ? char_len(text->data, text->len) : 0;

    require(text->len > 0);
    if (real == 0) {
        require(len == 3 && memcmp(piece, "\xef\xbf\xbd", 3) == 0);
        real = 1;
    } else
        require(len == real && memcmp(piece, text->data, len) == 0);
    text->data += real;
    text->len -= real;
}

/* The character for \uXXXX; none needs two of them. */
static size_t encode(const char *digits, char out[3])
{
    unsigned number = 0;

    for (int i = 0; i < 4; i++) {
        const char *all = "0123456789abcdef", *found = strchr(all, digits[i]);

        require(digits[i] && found);
        number = number * 16 + (unsigned)(found - all);
    }
    if (number < 0x80) {
        out[0] = (char)number;
        return 1;
    }
    require(number >= 0x800 && (number < 0xd800 || number > 0xdfff));
    out[0] = (char)(0xe0 | number >> 12);
    out[1] = (char)(0x80 | (number >> 6 & 0x3f));
    out[2] = (char)(0x80 | (number & 0x3f));
    return 3;
}

/* Returns how long the escape is. */
static size_t take_escape(struct gw_str *text, const char *at, size_t left)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *found;
    char piece[3];

    require(left >= 2);
    if (at[1] == 'u') {
        require(left >= 6);
        take(text, piece, encode(at + 2, piece));
        return 6;
    }
    found = strchr(letters, at[1]);
    require(at[1] && found);
    take(text, &meant[found - letters], 1);
    return 2;
}

static void require_means(struct gw_str json, struct gw_str text)
{
    const char *at = json.data + 1, *end = json.data + json.len - 1;

    require(json.len >= 2 && json.data[0] == '"' && *end == '"');
    while (at < end) {
        size_t len = char_len(at, (size_t)(end - at));

        require(len > 0 && (unsigned char)*at >= 0x20 && *at != '"');
        require(len != 3 || (memcmp(at, "\xe2\x80\xa8", 3) && memcmp(at, "\xe2\x80\xa9", 3)));
        if (*at == '\\')
            len = take_escape(&text, at, (size_t)(end - at));
        else
            take(&text, at, len);
        at += len;
    }
    require(text.len == 0);
}

/* --- Writing it --- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct gw_str text = {(const char *)data, len};
    size_t cap = len > 0 ? 3u + data[0] : 0;
    struct gw_buf out;
    int failed;

    gw_buf_init(&out, &gw_alloc_std, 16 + 6 * len);
    require(gw_json_string(&out, text) == 0);
    require_written(out.data, out.len);
    require(gw_json_valid(gw_buf_str(&out)));
    require_means(gw_buf_str(&out), text);
    gw_buf_fini(&out);

    gw_buf_init(&out, &gw_alloc_std, cap);
    failed = gw_buf_append(&out, "ab", cap < 2 ? cap : 2);
    require(failed == 0);
    failed = gw_json_string(&out, text);
    require(failed == 0 || (failed == -EMSGSIZE && out.len == (cap < 2 ? cap : 2)));
    gw_buf_fini(&out);
    return 0;
}
