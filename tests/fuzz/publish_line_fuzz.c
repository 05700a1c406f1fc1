/* publish_line_fuzz.c - a line of NDJSON is one publication or is refused, as the grammar has it.
 *
 * The input is the line. What is read from it must, written as the simplest line, be read again as
 * the same; a beginning of it may be taken only if nothing but blanks follows; and where the names
 * and values are plain enough for a reader that only counts brackets, the two must agree on whether
 * it is taken at all.
 *
 * Threads: one. */
#include "proto/text/publish_line.h"

#include "core/alloc.h"
#include "core/base64.h"
#include "core/buf.h"
#include "core/json.h"
#include "core/utf8.h"
#include "fuzz.h"

/* --- A simple line for what was read --- */

static void put_text(struct gw_buf *out, const char *text)
{
    require(gw_buf_text(out, GW_STR(text)) == 0);
}

static void put_string(struct gw_buf *out, const char *key, struct gw_str value)
{
    size_t size = gw_json_quote_size(value);
    uint8_t *to;

    put_text(out, key);
    to = gw_buf_reserve(out, size);
    require(to && gw_json_quote(to, value) == size);
    gw_buf_added(out, size);
}

static void put_base64(struct gw_buf *out, struct gw_str bytes)
{
    char *text = malloc(GW_BASE64_LEN(bytes.len) + 1);
    size_t len;

    require(text);
    len = bytes.len > 0 ? gw_base64_encode(text, bytes.data, bytes.len) : 0;
    put_string(out, "{\"base64\":", (struct gw_str){text, len});
    free(text);
}

static void put_line(struct gw_buf *out, const struct gw_publish_line *line)
{
    if (line->kind == GW_ENVELOPE_TEXT)
        put_string(out, "{\"data\":", line->payload);
    else if (line->kind == GW_ENVELOPE_BINARY)
        put_base64(out, line->payload);
    else {
        put_text(out, "{\"data\":");
        require(gw_buf_text(out, line->payload) == 0);
    }
    if (line->id.len > 0)
        put_string(out, ",\"id\":", line->id);
    if (line->event.len > 0)
        put_string(out, ",\"event\":", line->event);
    put_string(out, ",\"channel\":", line->channel);
    put_text(out, "}");
}

static bool same(const struct gw_publish_line *one, const struct gw_publish_line *other)
{
    return gw_str_eq(one->channel, other->channel) && gw_str_eq(one->event, other->event) &&
           gw_str_eq(one->id, other->id) && one->kind == other->kind &&
           gw_str_eq(one->payload, other->payload);
}

static void write_and_read(const struct gw_publish_line *line, size_t len)
{
    struct gw_publish_fault fault;
    struct gw_publish_line again;
    struct gw_buf out;
    uint8_t *room;

    gw_buf_init(&out, &gw_alloc_std, 200 + 8 * len);
    put_line(&out, line);
    room = malloc(out.len);
    require(room && gw_publish_line_read(&again, gw_buf_str(&out), room, &fault));
    require(same(line, &again));
    free(room);
    gw_buf_fini(&out);
}

/* --- A reader that only counts brackets --- */

enum verdict { TAKEN, REFUSED, TOO_HARD };

struct simple {
    struct gw_str names[8], values[8];
    unsigned count;
};

/* The end of what begins at `at` in valid JSON, up to a comma, a colon or a closing bracket. */
static size_t piece_end(struct gw_str line, size_t at)
{
    unsigned depth = 0;
    bool quoted = false;

    for (; at < line.len; at++) {
        char c = line.data[at];

        if (quoted && c == '\\')
            at++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && depth == 0 && strchr(",:}]", c))
            break;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
    }
    return at;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct gw_str blank_free(struct gw_str piece)
{
    while (piece.len > 0 && blank(piece.data[0]))
        piece = (struct gw_str){piece.data + 1, piece.len - 1};
    while (piece.len > 0 && blank(piece.data[piece.len - 1]))
        piece.len--;
    return piece;
}

/* False when there are too many, or escapes that it does not understand. */
static bool split(struct simple *simple, struct gw_str line)
{
    for (size_t at = 1; at < line.len - 1;) {
        size_t colon = piece_end(line, at), end = piece_end(line, colon + 1);
        struct gw_str name = blank_free((struct gw_str){line.data + at, colon - at});
        struct gw_str value = {line.data + colon + 1, end - colon - 1};

        if (simple->count == 8 || memchr(name.data, '\\', name.len) ||
            memmem(value.data, value.len, "\\\\", 2))
            return false;
        simple->names[simple->count] = (struct gw_str){name.data + 1, name.len - 2};
        simple->values[simple->count++] = blank_free(value);
        at = end + 1;
    }
    return true;
}

static unsigned count_of(const struct simple *simple, const char *name, struct gw_str *value)
{
    unsigned count = 0;

    for (unsigned i = 0; i < simple->count; i++)
        if (gw_str_eq(simple->names[i], GW_STR(name))) {
            *value = simple->values[i];
            count++;
        }
    return count;
}

static bool is_good_name(struct gw_str value)
{
    return value.data[0] == '"' && value.len > 2 && !memmem(value.data, value.len, "\\u0000", 6);
}

static enum verdict judge_base64(struct gw_str value)
{
    uint8_t *room = malloc(value.len);
    bool good;
    size_t len;

    require(room);
    good = value.data[0] == '"' && gw_base64_decode(room, &len, value.data + 1, value.len - 2);
    free(room);
    if (memchr(value.data, '\\', value.len))
        return TOO_HARD;
    return good ? TAKEN : REFUSED;
}

static enum verdict judge(struct gw_str line)
{
    struct gw_str value = {NULL, 0};
    struct simple simple = {.count = 0};
    unsigned known, all;

    line = blank_free(line);
    if (!gw_json_valid(line) || line.data[0] != '{') /* or too deep with the object around it */
        return line.len > GW_JSON_DEPTH_MAX ? TOO_HARD : REFUSED;
    if (blank_free((struct gw_str){line.data + 1, line.len - 2}).len == 0)
        return REFUSED;
    if (!split(&simple, line))
        return TOO_HARD;
    all = known = count_of(&simple, "channel", &value);
    if (known != 1 || !is_good_name(value))
        return REFUSED;
    for (int i = 0; i < 2; i++) {
        known = count_of(&simple, i == 0 ? "event" : "id", &value);
        if (known > 1 || (known == 1 && !is_good_name(value)))
            return REFUSED;
        all += known;
    }
    if (count_of(&simple, "data", &value) + count_of(&simple, "base64", &value) != 1 ||
        all + 1 != simple.count)
        return REFUSED;
    return count_of(&simple, "base64", &value) == 1 ? judge_base64(value) : TAKEN;
}

/* --- The line --- */

static void require_well_read(const struct gw_publish_line *line)
{
    require(line->channel.len > 0 && gw_utf8_valid(line->channel.data, line->channel.len));
    require(gw_utf8_valid(line->event.data, line->event.len));
    require(gw_utf8_valid(line->id.data, line->id.len));
    require(!memchr(line->channel.data, 0, line->channel.len));
    if (line->kind == GW_ENVELOPE_TEXT)
        require(gw_utf8_valid(line->payload.data, line->payload.len));
    if (line->kind == GW_ENVELOPE_JSON)
        require(gw_json_valid(line->payload) && line->payload.data[0] != '"');
}

static void require_fault(const struct gw_publish_fault *fault, struct gw_str line)
{
    require(fault->why && fault->why[0]);
    require(fault->member.len == 0 ||
            (fault->member.data > line.data &&
             fault->member.data + fault->member.len < line.data + line.len));
}

/* Reads a copy of the very size into a room of the very size. */
static bool read(const uint8_t *data, size_t len, bool and_again)
{
    char *copy = fuzz_copy(data, len);
    uint8_t *room = malloc(len > 0 ? len : 1);
    struct gw_str line = {copy, len};
    struct gw_publish_line out;
    struct gw_publish_fault fault;
    bool taken;

    require(room);
    taken = gw_publish_line_read(&out, line, room, &fault);
    if (!taken)
        require_fault(&fault, line);
    else {
        require_well_read(&out);
        if (and_again)
            write_and_read(&out, len);
    }
    free(room);
    free(copy);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    enum verdict verdict = judge((struct gw_str){(const char *)data, len});
    bool taken = read(data, len, true);

    require(verdict == TOO_HARD || taken == (verdict == TAKEN));
    for (size_t shorter = 0; shorter < len && shorter < 128; shorter++) {
        struct gw_str behind = {(const char *)data + shorter, len - shorter};

        if (read(data, shorter, false))
            require(taken == (blank_free(behind).len == 0));
    }
    return 0;
}
