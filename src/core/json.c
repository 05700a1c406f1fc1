#include "core/json.h"

#include <assert.h>
#include <endian.h>
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

/* A value to its end, with all that it holds. */
static bool take_whole(struct check *check)
{
    bool whole;

    do {
        if (!take_value(check, &whole))
            return false;
        if (whole && !take_end_of_value(check))
            return false;
    } while (check->depth > 0);
    return true;
}

static void leave_rest(struct gw_str *rest, const char *at)
{
    rest->len -= (size_t)(at - rest->data);
    rest->data = at;
}

void gw_json_skip_blanks(struct gw_str *rest)
{
    struct check check = {.at = rest->data, .end = rest->data};

    if (rest->len == 0) /* then there may be no text to point into */
        return;
    check.end += rest->len;
    skip_blanks(&check);
    leave_rest(rest, check.at);
}

bool gw_json_take(struct gw_str *rest, struct gw_str *value)
{
    struct gw_str front = *rest;
    struct check check;

    gw_json_skip_blanks(&front);
    if (front.len == 0)
        return false;
    check = (struct check){.at = front.data, .end = front.data + front.len};
    if (!take_whole(&check))
        return false;
    *value = (struct gw_str){front.data, (size_t)(check.at - front.data)};
    leave_rest(rest, check.at);
    return true;
}

bool gw_json_valid(struct gw_str text)
{
    struct gw_str value;

    if (!gw_utf8_valid(text.data, text.len) || !gw_json_take(&text, &value))
        return false;
    gw_json_skip_blanks(&text);
    return text.len == 0;
}

/* --- What a string means --- */

static uint8_t *put_char(uint8_t *at, uint64_t c)
{
    if (c < 0x80) {
        *at++ = (uint8_t)c;
        return at;
    }
    if (c < 0x800)
        *at++ = (uint8_t)(0xc0 | c >> 6);
    else {
        if (c < 0x10000)
            *at++ = (uint8_t)(0xe0 | c >> 12);
        else {
            *at++ = (uint8_t)(0xf0 | c >> 18);
            *at++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        }
        *at++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    }
    *at++ = (uint8_t)(0x80 | (c & 0x3f));
    return at;
}

/* The character of the one or two \uXXXX of which the first's digits come next. */
static uint64_t unquote_unit(struct check *check)
{
    uint64_t high = 0, low = 0;

    (void)take_hex4(check, &high); /* they are there: take_escape() saw them */
    if (!is_high_surrogate(high))
        return high;
    check->at += 2;
    (void)take_hex4(check, &low);
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* What follows a backslash. */
static uint8_t *unquote_escape(uint8_t *at, struct check *check)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char c = *check->at++;

    if (c == 'u')
        return put_char(at, unquote_unit(check));
    *at++ = (uint8_t)meant[strchr(letters, c) - letters];
    return at;
}

size_t gw_json_unquote(uint8_t *out, struct gw_str string)
{
    struct check check;
    uint8_t *at = out;

    assert(string.len >= 2 && string.data[0] == '"' && string.data[string.len - 1] == '"');
    check = (struct check){.at = string.data + 1, .end = string.data + string.len - 1};
    while (check.at < check.end) {
        size_t left = (size_t)(check.end - check.at);
        const char *escape = memchr(check.at, '\\', left);
        size_t len = escape ? (size_t)(escape - check.at) : left;

        memcpy(at, check.at, len);
        at += len;
        check.at += len;
        if (escape) {
            check.at++;
            at = unquote_escape(at, &check);
        }
    }
    return (size_t)(at - out);
}

/* --- Strings out --- */

/* 0: as it is; 'u': \u and its number; else the letter behind the backslash. */
static const char escapes[256] = {
    'u',         'u',           'u', 'u', 'u', 'u', 'u', 'u',
    'b',         't',           'n', 'u', 'f', 'r', 'u', 'u', /* to 0f */
    'u',         'u',           'u', 'u', 'u', 'u', 'u', 'u',
    'u',         'u',           'u', 'u', 'u', 'u', 'u', 'u', /* to 1f */
    ['"'] = '"', ['\\'] = '\\',
};

#define LOW_BITS  UINT64_C(0x0101010101010101)
#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t load(const char *from)
{
    uint64_t word;

    memcpy(&word, from, sizeof(word));
    return le64toh(word);
}

/* The high bit of each byte that is to be escaped. Above the first of them there may be wrong ones,
 * for what is subtracted borrows from the next byte. */
static uint64_t find_escapes(uint64_t word)
{
    uint64_t quotes = word ^ LOW_BITS * '"', backslashes = word ^ LOW_BITS * '\\';

    return (((word - LOW_BITS * 0x20) & ~word) | ((quotes - LOW_BITS) & ~quotes) |
            ((backslashes - LOW_BITS) & ~backslashes)) &
           HIGH_BITS;
}

/* The first byte that is to be escaped, or `end`. */
static const char *skip_unescaped(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t found = find_escapes(load(at));

        if (found)
            return at + __builtin_ctzll(found) / 8;
    }
    while (at < end && !escapes[(unsigned char)*at])
        at++;
    return at;
}

/* Writes 2 or 6 bytes for a character that a string may not hold as it is. */
static size_t put_escape(uint8_t *at, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";

    at[0] = '\\';
    at[1] = (uint8_t)escapes[c];
    if (at[1] != 'u')
        return 2;
    at[2] = at[3] = '0';
    at[4] = (uint8_t)digits[c >> 4];
    at[5] = (uint8_t)digits[c & 15];
    return 6;
}

size_t gw_json_quote_size(struct gw_str text)
{
    size_t size = 2 + text.len;
    const char *at, *end;

    if (text.len == 0)
        return size;
    end = text.data + text.len;
    for (at = skip_unescaped(text.data, end); at < end; at = skip_unescaped(at + 1, end))
        size += escapes[(unsigned char)*at] == 'u' ? 5 : 1;
    return size;
}

static uint8_t *put_text(uint8_t *to, const char *at, const char *end)
{
    while (at < end) {
        const char *next = skip_unescaped(at, end);

        memcpy(to, at, (size_t)(next - at));
        to += next - at;
        at = next;
        if (at < end)
            to += put_escape(to, (unsigned char)*at++);
    }
    return to;
}

size_t gw_json_quote(uint8_t *out, struct gw_str text)
{
    uint8_t *to = out;

    *to++ = '"';
    if (text.len > 0)
        to = put_text(to, text.data, text.data + text.len);
    *to++ = '"';
    return (size_t)(to - out);
}

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

static int append_escaped(struct gw_buf *out, unsigned char c)
{
    uint8_t escape[6];

    return gw_buf_append(out, escape, put_escape(escape, c));
}

static bool is_plain(unsigned char c)
{
    return c < 0x80 && !escapes[c];
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

void gw_json_unline(uint8_t *text, size_t len)
{
    for (const char *end = "\r\n"; *end; end++) {
        uint8_t *at = text, *found;

        while ((found = memchr(at, *end, (size_t)(text + len - at)))) {
            *found = ' ';
            at = found + 1;
        }
    }
}
