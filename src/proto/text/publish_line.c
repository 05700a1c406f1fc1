#include "proto/text/publish_line.h"

#include <assert.h>
#include <string.h>

#include "core/base64.h"
#include "core/json.h"
#include "core/utf8.h"

enum member { CHANNEL, EVENT, ID, DATA, BASE64, MEMBER_COUNT };

static const char *const names[] = {"channel", "event", "id", "data", "base64"};

static_assert(sizeof(names) / sizeof(names[0]) == MEMBER_COUNT, "a name for each");

/* Functions that read return NULL, or why they refuse. */
struct reader {
    struct gw_str rest;   /* of the line */
    struct gw_str member; /* whose name was taken last, as the line has it */
    unsigned seen;        /* a bit for each member */
    uint8_t *room;
    size_t
        used; /* of `room`; never more than is taken of the line: decoding makes nothing longer */
    struct gw_publish_line line;
};

static bool is_string(struct gw_str value)
{
    return value.data[0] == '"';
}

static bool take_mark(struct gw_str *rest, char mark)
{
    gw_json_skip_blanks(rest);
    if (rest->len == 0 || rest->data[0] != mark)
        return false;
    rest->data++;
    rest->len--;
    return true;
}

/* What `string` means, behind what `room` holds already; kept there only once `used` counts it. */
static struct gw_str decode(struct reader *reader, struct gw_str string)
{
    uint8_t *to = reader->room + reader->used;

    return (struct gw_str){(const char *)to, gw_json_unquote(to, string)};
}

/* --- Values --- */

static const char *read_data(struct reader *reader, struct gw_str value)
{
    reader->line.kind = GW_ENVELOPE_JSON;
    reader->line.payload = value;
    if (!is_string(value))
        return NULL;
    reader->line.kind = GW_ENVELOPE_TEXT;
    reader->line.payload = decode(reader, value);
    reader->used += reader->line.payload.len;
    return NULL;
}

/* JSON may have escaped the characters (many write `\/`), so they are decoded first, and then read
 * and written over in place. */
static const char *read_base64(struct reader *reader, struct gw_str value)
{
    uint8_t *to = reader->room + reader->used;
    struct gw_str text;
    size_t len;

    if (!is_string(value))
        return "must be a string";
    text = decode(reader, value);
    if (!gw_base64_decode(to, &len, text.data, text.len))
        return "is not base64 with padding (RFC 4648, section 4)";
    reader->line.kind = GW_ENVELOPE_BINARY;
    reader->line.payload = (struct gw_str){text.data, len};
    reader->used += len;
    return NULL;
}

static const char *read_name(struct reader *reader, struct gw_str value, struct gw_str *name)
{
    struct gw_str text;

    if (!is_string(value))
        return "must be a string";
    text = decode(reader, value);
    if (text.len == 0)
        return "must not be empty";
    if (memchr(text.data, '\0', text.len))
        return "must not contain a NUL";
    *name = text;
    reader->used += text.len;
    return NULL;
}

static const char *read_value(struct reader *reader, enum member member, struct gw_str value)
{
    switch (member) {
    case CHANNEL:
        return read_name(reader, value, &reader->line.channel);
    case EVENT:
        return read_name(reader, value, &reader->line.event);
    case ID:
        return read_name(reader, value, &reader->line.id);
    case DATA:
        return read_data(reader, value);
    default:
        assert(member == BASE64);
        return read_base64(reader, value);
    }
}

/* --- Members --- */

/* MEMBER_COUNT for a name that is not known. */
static enum member find_member(struct gw_str name)
{
    enum member member = CHANNEL;

    while (member < MEMBER_COUNT && !gw_str_eq(name, GW_STR(names[member])))
        member++;
    return member;
}

/* Enters a member among those that were seen. */
static const char *see(struct reader *reader, enum member member)
{
    if (member == MEMBER_COUNT)
        return "is not known: channel, data or base64, event and id are";
    if (reader->seen >> member & 1)
        return "is given twice";
    reader->seen |= 1u << member;
    if ((reader->seen >> DATA & 1) && (reader->seen >> BASE64 & 1))
        return "is one too many: a publication has data or base64";
    return NULL;
}

static const char *read_member(struct reader *reader)
{
    struct gw_str name, value;
    enum member member;
    const char *why;

    if (!gw_json_take(&reader->rest, &name) || !is_string(name))
        return "a member begins with its name, which is a string";
    member = find_member(decode(reader, name));
    reader->member = (struct gw_str){name.data + 1, name.len - 2};
    why = see(reader, member);
    if (why)
        return why;
    if (!take_mark(&reader->rest, ':'))
        return "must have a colon behind its name";
    if (!gw_json_take(&reader->rest, &value))
        return "has no valid JSON value, or one that is nested too deeply";
    why = read_value(reader, member, value);
    if (!why)
        reader->member = (struct gw_str){NULL, 0}; /* what else may be wrong is not its fault */
    return why;
}

static const char *read_members(struct reader *reader)
{
    do {
        const char *why = read_member(reader);

        if (why)
            return why;
    } while (take_mark(&reader->rest, ','));
    return take_mark(&reader->rest, '}') ? NULL : "a comma or the closing brace is missing";
}

static const char *read_line(struct reader *reader)
{
    const char *why = NULL;

    if (!gw_utf8_valid(reader->rest.data, reader->rest.len))
        return "the line is not UTF-8";
    if (!take_mark(&reader->rest, '{'))
        return "the line is not a JSON object";
    if (!take_mark(&reader->rest, '}'))
        why = read_members(reader);
    if (why)
        return why;
    gw_json_skip_blanks(&reader->rest);
    if (reader->rest.len > 0)
        return "there is something behind the object";
    if (!(reader->seen >> CHANNEL & 1))
        return "channel is missing";
    if (!(reader->seen >> DATA & 1) && !(reader->seen >> BASE64 & 1))
        return "data is missing (or base64, for bytes)";
    return NULL;
}

bool gw_publish_line_read(struct gw_publish_line *out, struct gw_str line, uint8_t *room,
                          struct gw_publish_fault *fault)
{
    struct reader reader = {.rest = line, .room = room};
    const char *why = read_line(&reader);

    assert(reader.used <= line.len);
    if (why) {
        *fault = (struct gw_publish_fault){why, reader.member};
        return false;
    }
    *out = reader.line;
    return true;
}
