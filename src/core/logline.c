#include "core/logline.h"

#include <assert.h>
#include <string.h>

#include "core/date.h"
#include "core/num.h"
#include "core/utf8.h"

#define ROOM (GW_LOGLINE_MAX - 1) /* all but the LF */
#define DOTS 3

/* Writes all of a piece or, when it does not fit, ends the line at the last place where the dots
 * still do. A piece is what may not be torn apart: a character, an escape, a key. */
static void put(struct gw_logline *line, const char *piece, size_t len)
{
    if (line->full || len == 0)
        return;
    if (len > ROOM - line->len) {
        memcpy(line->text + line->cut, "...", DOTS);
        line->len = line->cut + DOTS;
        line->full = true;
        return;
    }
    memcpy(line->text + line->len, piece, len);
    line->len += len;
    if (line->len <= ROOM - DOTS)
        line->cut = line->len;
}

/* --- The time --- */

static void put_time(struct gw_logline *line, int64_t wall_ms)
{
    char text[] = "0000-00-00T00:00:00.000Z";
    struct gw_date date = gw_date_of(wall_ms);

    gw_date_digits(text, date.year, 4);
    gw_date_digits(text + 5, date.month, 2);
    gw_date_digits(text + 8, date.day, 2);
    gw_date_digits(text + 11, date.hour, 2);
    gw_date_digits(text + 14, date.minute, 2);
    gw_date_digits(text + 17, date.second, 2);
    gw_date_digits(text + 20, date.ms, 3);
    put(line, text, sizeof(text) - 1);
}

/* --- The line --- */

static const char *level_name(enum gw_log_level level)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

    assert((size_t)level < sizeof(names) / sizeof(names[0]));
    return names[level];
}

static void put_text(struct gw_logline *line, const char *text)
{
    put(line, text, strlen(text));
}

void gw_logline_begin(struct gw_logline *line, int64_t wall_ms, enum gw_log_level level,
                      const char *kind, const char *words)
{
    line->len = 0;
    line->cut = 0;
    line->full = false;
    put_time(line, wall_ms);
    put_text(line, " ");
    put_text(line, level_name(level));
    put_text(line, " ");
    put_text(line, kind);
    put_text(line, ": ");
    put_text(line, words);
}

/* How many bytes the character at `at` takes if it may stand in a line as it is; else 0, and its
 * first byte is to be escaped. */
static size_t harmless_len(const uint8_t *at, size_t len)
{
    uint32_t state = GW_UTF8_START;
    size_t count = 0;

    do {
        if (count == len || !gw_utf8_feed(&state, at + count, 1))
            return 0;
        count++;
    } while (state != GW_UTF8_START);

    if (count == 1)
        return at[0] < 0x20 || at[0] == 0x7f || at[0] == '"' || at[0] == '\\' ? 0 : 1;
    if (at[0] == 0xc2 && at[1] < 0xa0) /* U+0080 to U+009F */
        return 0;
    if (at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) /* U+2028 to U+202E */
        return 0;
    if (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9) /* U+2066 to U+2069 */
        return 0;
    return count;
}

/* Would the value be read as something else without quotes? Beyond a line's length it is cut
 * anyway, so nobody looks there. */
static bool needs_quotes(struct gw_str value)
{
    const uint8_t *at = (const uint8_t *)value.data;
    size_t count;

    for (size_t i = 0; i < value.len && i < GW_LOGLINE_MAX; i += count) {
        count = harmless_len(at + i, value.len - i);
        if (count == 0 || at[i] == ' ' || at[i] == '=')
            return true;
    }
    return value.len == 0;
}

/* Stops when the line is full: a long value costs no more than a line. */
static void put_escaped(struct gw_logline *line, struct gw_str value)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = (const uint8_t *)value.data;
    size_t count;

    for (size_t i = 0; i < value.len && !line->full; i += count > 0 ? count : 1) {
        char escape[4] = {'\\', 'x', digits[at[i] >> 4], digits[at[i] & 15]};

        count = harmless_len(at + i, value.len - i);
        if (count > 0)
            put(line, value.data + i, count);
        else
            put(line, escape, sizeof(escape));
    }
}

static void put_key(struct gw_logline *line, const char *key)
{
    put_text(line, " ");
    put_text(line, key);
    put_text(line, "=");
}

void gw_logline_str(struct gw_logline *line, const char *key, struct gw_str value)
{
    bool quotes = needs_quotes(value);

    put_key(line, key);
    if (quotes)
        put_text(line, "\"");
    put_escaped(line, value);
    if (quotes)
        put_text(line, "\"");
}

void gw_logline_u64(struct gw_logline *line, const char *key, uint64_t value)
{
    char digits[GW_U64_DIGITS];

    put_key(line, key);
    put(line, digits, gw_num_write(digits, value));
}

void gw_logline_end(struct gw_logline *line)
{
    assert(line->len < GW_LOGLINE_MAX);
    line->text[line->len++] = '\n';
}
