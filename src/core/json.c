#include "core/json.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/num.h"
#include "core/utf8.h"

/* --- The checker ---
 *
 * A cursor over the text, and one bit for each container that is open: an object or an array. The
 * take_ functions move the cursor past what they are named for and return true, or return false;
 * then the text is not JSON, and where the cursor stands does not matter. That the bytes are valid
 * UTF-8 is settled before. */
struct check {
    const char *at, *end;
    unsigned depth;
    uint64_t objects; /* bit depth - 1: the innermost container is an object */
};

static_assert(GW_JSON_DEPTH_MAX <= 64, "one bit of `objects` for each");

/* 0 at the end, and where a NUL stands: neither begins or continues anything. */
static char peek(const struct check *check)
{
    return check->at < check->end ? *check->at : '\0';
}

static bool take(struct check *check, char c)
{
    if (check->at == check->end || *check->at != c)
        return false;
    check->at++;
    return true;
}

static void skip_blanks(struct check *check)
{
    while (take(check, ' ') || take(check, '\n') || take(check, '\r') || take(check, '\t'))
        continue;
}

static bool take_word(struct check *check, struct gw_str word)
{
    struct gw_str rest = {check->at, (size_t)(check->end - check->at)};

    if (!gw_str_starts(rest, word))
        return false;
    check->at += word.len;
    return true;
}

static bool take_digits(struct check *check)
{
    const char *start = check->at;

    while (peek(check) >= '0' && peek(check) <= '9')
        check->at++;
    return check->at > start;
}

static bool take_number(struct check *check)
{
    (void)take(check, '-'); /* may be missing */
    if (!take(check, '0') && !take_digits(check))
        return false;
    if (take(check, '.') && !take_digits(check))
        return false;
    if (take(check, 'e') || take(check, 'E')) {
        if (!take(check, '+'))
            (void)take(check, '-'); /* either, or none */
        return take_digits(check);
    }
    return true;
}

/* The four digits behind \u; false where there are none. */
static bool take_hex4(struct check *check, uint64_t *unit)
{
    if (check->end - check->at < 4 || !gw_num_hex((struct gw_str){check->at, 4}, unit))
        return false;
    check->at += 4;
    return true;
}

static bool is_high_surrogate(uint64_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(uint64_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* What follows a backslash. RFC 8259 lets a lone surrogate pass (section 8.2) and warns of it;
 * those who read on would each do something else with it. */
static bool take_escape(struct check *check)
{
    char c = peek(check);
    uint64_t unit;

    if (c == '\0' || !strchr("\"\\/bfnrtu", c))
        return false;
    check->at++;
    if (c != 'u')
        return true;
    if (!take_hex4(check, &unit))
        return false;
    if (!is_high_surrogate(unit))
        return !is_low_surrogate(unit);
    return take_word(check, GW_STR("\\u")) && take_hex4(check, &unit) && is_low_surrogate(unit);
}

static bool take_string(struct check *check)
{
    if (!take(check, '"'))
        return false;
    while (check->at < check->end) {
        unsigned char c = (unsigned char)*check->at++;

        if (c == '"')
            return true;
        if (c < 0x20)
            return false;
        if (c == '\\' && !take_escape(check))
            return false;
    }
    return false;
}

static bool in_object(const struct check *check)
{
    return check->depth > 0 && (check->objects >> (check->depth - 1) & 1);
}

static bool open_container(struct check *check, bool is_object)
{
    uint64_t bit;

    if (check->depth == GW_JSON_DEPTH_MAX)
        return false;
    bit = (uint64_t)1 << check->depth++;
    check->objects = is_object ? check->objects | bit : check->objects & ~bit;
    return true;
}

/* The name of a member and its colon. */
static bool take_name(struct check *check)
{
    skip_blanks(check);
    if (!take_string(check))
        return false;
    skip_blanks(check);
    return take(check, ':');
}

/* Takes a value, or the opening of one with everything up to the first value in it. Sets `*whole`
 * when a value has come to its end. */
static bool take_value(struct check *check, bool *whole)
{
    char c;

    skip_blanks(check);
    c = peek(check);
    *whole = true;
    if (c == '{' || c == '[') {
        check->at++;
        if (!open_container(check, c == '{'))
            return false;
        skip_blanks(check);
        if (take(check, c == '{' ? '}' : ']')) {
            check->depth--;
            return true;
        }
        *whole = false;
        return c == '[' || take_name(check);
    }
    if (c == '"')
        return take_string(check);
    if (c == 't')
        return take_word(check, GW_STR("true"));
    if (c == 'f')
        return take_word(check, GW_STR("false"));
    if (c == 'n')
        return take_word(check, GW_STR("null"));
    return take_number(check);
}

/* After a whole value: closes what ends here, or takes the comma before the next one. */
static bool take_end_of_value(struct check *check)
{
    while (check->depth > 0) {
        bool is_object = in_object(check);

        skip_blanks(check);
        if (take(check, ','))
            return !is_object || take_name(check);
        if (!take(check, is_object ? '}' : ']'))
            return false;
        check->depth--;
    }
    return true;
}

bool gw_json_valid(struct gw_str text)
{
    struct check check = {.at = text.data, .end = text.data};
    bool whole;

    if (text.len == 0 || !gw_utf8_valid(text.data, text.len))
        return false;
    check.end += text.len;
    do {
        if (!take_value(&check, &whole))
            return false;
        if (whole && !take_end_of_value(&check))
            return false;
    } while (check.depth > 0);
    skip_blanks(&check);
    return check.at == check.end;
}

/* --- Strings out --- */

/* How many bytes the character at `at` takes; 0 when it is not valid UTF-8. */
static size_t char_len(const char *at, size_t len)
{
    uint32_t state = GW_UTF8_START;
    size_t count = 0;

    do {
        if (count == len || !gw_utf8_feed(&state, at + count, 1))
            return 0;
        count++;
    } while (state != GW_UTF8_START);
    return count;
}

/* An ASCII character that a string may not hold as it is. */
static int append_escaped(struct gw_buf *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c != '\0' ? strchr(plain, c) : NULL;
    char escape[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

    if (!found)
        return gw_buf_append(out, escape, 6);
    escape[1] = letters[found - plain];
    return gw_buf_append(out, escape, 2);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Appends the beginning of `text`, at least one byte, and stores how many it was. */
static int append_some(struct gw_buf *out, struct gw_str text, size_t *taken)
{
    unsigned char first = (unsigned char)text.data[0];
    size_t len = 0;

    while (len < text.len && is_plain((unsigned char)text.data[len]))
        len++;
    *taken = len > 0 ? len : 1;
    if (len > 0)
        return gw_buf_append(out, text.data, len);
    if (first < 0x80)
        return append_escaped(out, first);
    len = char_len(text.data, text.len);
    if (len == 0)
        return gw_buf_text(out, GW_STR("\xef\xbf\xbd")); /* U+FFFD */
    *taken = len;
    if (len == 3 && memcmp(text.data, "\xe2\x80\xa8", 3) == 0)
        return gw_buf_text(out, GW_STR("\\u2028"));
    if (len == 3 && memcmp(text.data, "\xe2\x80\xa9", 3) == 0)
        return gw_buf_text(out, GW_STR("\\u2029"));
    return gw_buf_append(out, text.data, len);
}

int gw_json_string(struct gw_buf *out, struct gw_str text)
{
    size_t len_before = out->len, taken;
    int result = gw_buf_append(out, "\"", 1);

    while (result == 0 && text.len > 0) {
        result = append_some(out, text, &taken);
        text.data += taken;
        text.len -= taken;
    }
    if (result == 0)
        result = gw_buf_append(out, "\"", 1);
    if (result < 0)
        out->len = len_before; /* half a string is worse than none */
    return result;
}
