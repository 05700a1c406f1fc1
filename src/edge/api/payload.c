#include "edge/api/payload.h"

#include "core/json.h"
#include "core/utf8.h"

#define EVENT_CHARACTERS_MAX 64u

static struct gw_str header(const struct gw_ask *ask, const char *name, uint32_t *count)
{
    return gw_http_header_find(ask->request->headers, ask->request->header_count, name, count);
}

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

/* 1 to 64 characters; a header's value has no control characters but HTAB. */
static const char *read_event(const struct gw_ask *ask, struct gw_str *event)
{
    uint32_t count;

    *event = header(ask, "Godwit-Event", &count);
    if (count == 0)
        return NULL;
    if (count > 1 || event->len == 0 || !gw_utf8_valid(event->data, event->len) ||
        characters(*event) > EVENT_CHARACTERS_MAX || memchr(event->data, '\t', event->len))
        return "Godwit-Event must be one name of 1 to 64 characters";
    if (reserved(*event))
        return "this event name is the server's own";
    return NULL;
}

static const char *read_kind(const struct gw_ask *ask, enum gw_pub_kind *kind)
{
    uint32_t count;
    struct gw_str rest = header(ask, "Content-Type", &count);
    struct gw_str type = gw_str_trim(gw_str_cut(&rest, ';'));

    if (count > 1)
        return "more than one Content-Type";
    if (gw_str_eq_nocase(type, GW_STR("application/json"))) {
        *kind = GW_PUB_JSON;
        return gw_json_valid(ask->body) ? NULL : "the body is not one valid JSON value";
    }
    *kind = GW_PUB_TEXT;
    if (type.len == 0 || gw_str_eq_nocase(type, GW_STR("application/x-www-form-urlencoded")) ||
        (type.len > 5 && gw_str_eq_nocase((struct gw_str){type.data, 5}, GW_STR("text/"))))
        return gw_utf8_valid(ask->body.data, ask->body.len)
                   ? NULL
                   : "the body is not UTF-8: for bytes use Content-Type: application/octet-stream";
    *kind = GW_PUB_BINARY;
    return NULL;
}

/* Blanks for line ends: the same JSON, of the same length, and no line format can be broken by it.
 */
static void unline(struct gw_pub *pub)
{
    uint8_t *payload = (uint8_t *)(uintptr_t)gw_pub_payload(pub).data; /* nobody else has it yet */

    for (uint32_t i = 0; i < pub->len; i++)
        if (payload[i] == '\r' || payload[i] == '\n')
            payload[i] = ' ';
}

int gw_payload_read(struct gw_pub **out, const struct gw_alloc *alloc, const struct gw_ask *ask,
                    const char **detail)
{
    enum gw_pub_kind kind = GW_PUB_TEXT;
    struct gw_str event;
    uint32_t count;

    (void)header(ask, "Idempotency-Key", &count);
    *detail = "Idempotency-Key is not supported yet: publish without it";
    if (count > 0) /* to take it and not to keep its promise would be worse */
        return 501;
    *detail = read_event(ask, &event);
    if (!*detail)
        *detail = read_kind(ask, &kind);
    if (*detail)
        return 400;
    *detail = "out of memory";
    if (gw_pub_new(out, alloc,
                   &(struct gw_pub_parts){.kind = kind, .event = event, .payload = ask->body}) != 0)
        return 503;
    if (kind == GW_PUB_JSON)
        unline(*out);
    return 0;
}
