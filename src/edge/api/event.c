#include "edge/api/event.h"

#include "core/utf8.h"

#define EVENT_CHARACTERS_MAX 64u

/* The names that the server itself gives to events (product section 4). */
static bool reserved(struct gw_str name)
{
    static const char *const taken[] = {"reset", "binary", "error", "open", "message"};

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        if (gw_str_eq(name, GW_STR(taken[i])))
            return true;
    return false;
}

static size_t characters(struct gw_str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return count;
}

/* `text` is UTF-8: so behind a C2 there is another byte, and those below A0 make it C1. */
static bool has_control(struct gw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if (byte < 0x20 || byte == 0x7f)
            return true;
        if (byte == 0xc2 && (unsigned char)text.data[i + 1] < 0xa0)
            return true;
    }
    return false;
}

const char *gw_event_fault(struct gw_str name)
{
    if (name.len == 0 || !gw_utf8_valid(name.data, name.len) ||
        characters(name) > EVENT_CHARACTERS_MAX || has_control(name))
        return "an event's name is 1 to 64 characters of UTF-8 without control characters";
    if (reserved(name))
        return "this event name is the server's own";
    return NULL;
}
