#include "soak/said.h"

#include <stdlib.h>

#include "core/base64.h"
#include "core/json.h"
#include "soak/fail.h"
#include "soak/payload.h"

static _Noreturn void fail_at(struct gw_str text, const char *what)
{
    int len = text.len < 300 ? (int)text.len : 300;

    fail("%s: %.*s", what, len, text.data);
}

static bool eat(struct gw_str *rest, char wanted)
{
    gw_json_skip_blanks(rest);
    if (rest->len == 0 || rest->data[0] != wanted)
        return false;
    rest->data++;
    rest->len--;
    return true;
}

static bool is_string(struct gw_str value)
{
    return value.len >= 2 && value.data[0] == '"';
}

/* Of strings with nothing in them that is escaped. */
static struct gw_str inside(struct gw_str value)
{
    return is_string(value) ? (struct gw_str){value.data + 1, value.len - 2} : value;
}

static uint64_t print_of_data(struct gw_str value)
{
    static uint8_t room[64 * 1024];

    if (!is_string(value))
        return payload_print(PAYLOAD_JSON, value.data, value.len);
    if (value.len > sizeof(room))
        fail_at(value, "longer than what was published");
    return payload_print(PAYLOAD_TEXT, room, gw_json_unquote(room, value));
}

static uint64_t print_of_base64(struct gw_str value)
{
    static uint8_t room[64 * 1024];
    struct gw_str text = inside(value);
    size_t len;

    if (text.len > sizeof(room) || !gw_base64_decode(room, &len, text.data, text.len))
        fail_at(value, "not base64");
    return payload_print(PAYLOAD_BINARY, room, len);
}

/* One member; what it does not know it passes over. */
static void take_member(struct said *out, struct gw_str name, struct gw_str value)
{
    if (gw_str_eq(name, GW_STR("channel")))
        out->channel = inside(value);
    else if (gw_str_eq(name, GW_STR("position")))
        out->position = inside(value);
    else if (gw_str_eq(name, GW_STR("offset")))
        out->offset = strtoull(value.data, NULL, 10); /* a comma or brace follows */
    else if (gw_str_eq(name, GW_STR("recovered")))
        out->recovered = value;
    else if (gw_str_eq(name, GW_STR("reason")))
        out->reason = inside(value);
    else if (gw_str_eq(name, GW_STR("data")))
        out->print = print_of_data(value);
    else if (gw_str_eq(name, GW_STR("base64")))
        out->print = print_of_base64(value);
}

/* Takes `"name":` and a value from an object's inside. */
static bool next_member(struct gw_str *rest, struct gw_str *name, struct gw_str *value)
{
    if (!gw_json_take(rest, name) || !is_string(*name) || !eat(rest, ':') ||
        !gw_json_take(rest, value))
        return false;
    *name = inside(*name);
    return true;
}

static void read_members(struct said *out, struct gw_str text)
{
    struct gw_str rest = text, name, value;

    if (!eat(&rest, '{'))
        fail_at(text, "not an object");
    do {
        if (!next_member(&rest, &name, &value))
            fail_at(text, "not an object");
        take_member(out, name, value);
    } while (eat(&rest, ','));
    if (!eat(&rest, '}') || rest.len > 0)
        fail_at(text, "not an object");
}

/* The object within `{"name":...}`, or nothing where its first member has another name. */
static struct gw_str control(struct gw_str text, struct gw_str wanted)
{
    struct gw_str rest = text, name, value;

    if (!eat(&rest, '{') || !next_member(&rest, &name, &value) || !gw_str_eq(name, wanted))
        return (struct gw_str){NULL, 0};
    return value;
}

void said_read(struct said *out, struct gw_str text)
{
    struct gw_str subscribed = control(text, GW_STR("subscribed"));
    struct gw_str reset = control(text, GW_STR("reset"));

    *out = (struct said){.kind = subscribed.data ? SAID_SUBSCRIBED
                                 : reset.data    ? SAID_RESET
                                                 : SAID_PUBLICATION};
    read_members(out, subscribed.data ? subscribed : reset.data ? reset : text);
    if (out->channel.len == 0 || out->position.len == 0 ||
        (out->kind == SAID_PUBLICATION && (out->offset == 0 || out->print == 0)))
        fail_at(text, "a member is missing");
}
