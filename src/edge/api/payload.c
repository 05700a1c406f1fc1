#include "edge/api/payload.h"

#include "core/json.h"
#include "core/utf8.h"
#include "edge/api/event.h"

static struct gw_str header(const struct gw_ask *ask, const char *name, uint32_t *count)
{
    return gw_http_header_find(ask->request->headers, ask->request->header_count, name, count);
}

static const char *read_event(const struct gw_ask *ask, struct gw_str *event)
{
    uint32_t count;

    *event = header(ask, "Godwit-Event", &count);
    if (count > 1)
        return "more than one Godwit-Event";
    return count == 0 ? NULL : gw_event_fault(*event);
}

/* What stands between the quotes of a structured field's string (RFC 8941 section 3.3.3), in
 * `room`. False where it is no such string, or too long. */
static bool unquote(struct gw_str value, char room[GW_PUB_KEY_MAX], struct gw_str *out)
{
    size_t len = 0, i;

    for (i = 1; i < value.len && value.data[i] != '"'; i++) {
        if (value.data[i] == '\\' &&
            (++i == value.len || (value.data[i] != '"' && value.data[i] != '\\')))
            return false;
        if (len == GW_PUB_KEY_MAX)
            return false;
        room[len++] = value.data[i];
    }
    *out = (struct gw_str){room, len};
    return i + 1 == value.len;
}

/* Quoted or not; the quotes are not part of it. */
static const char *read_key(const struct gw_ask *ask, char room[GW_PUB_KEY_MAX], struct gw_str *key)
{
    uint32_t count;
    struct gw_str value = header(ask, "Idempotency-Key", &count);

    *key = value;
    if (count == 0)
        return NULL;
    if (count > 1)
        return "more than one Idempotency-Key";
    if (value.len > 0 && value.data[0] == '"' && !unquote(value, room, key))
        return "Idempotency-Key: a quoted one ends with its quote, and is at most 255 bytes long";
    return key->len > 0 && key->len <= GW_PUB_KEY_MAX
               ? NULL
               : "Idempotency-Key must be 1 to 255 bytes long";
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

int gw_payload_make(struct gw_pub **out, const struct gw_alloc *alloc,
                    const struct gw_pub_parts *parts)
{
    int status = gw_pub_new(out, alloc, parts);

    if (status == 0 && parts->kind == GW_PUB_JSON) /* nobody else has it yet */
        gw_json_unline((uint8_t *)(uintptr_t)gw_pub_payload(*out).data, (*out)->len);
    return status;
}

int gw_payload_read(struct gw_pub **out, const struct gw_alloc *alloc, const struct gw_ask *ask,
                    const char **detail)
{
    struct gw_pub_parts parts = {.kind = GW_PUB_TEXT, .payload = ask->body};
    char room[GW_PUB_KEY_MAX];

    *detail = read_event(ask, &parts.event);
    if (!*detail)
        *detail = read_key(ask, room, &parts.key);
    if (!*detail)
        *detail = read_kind(ask, &parts.kind);
    if (*detail)
        return 400;
    *detail = "out of memory";
    return gw_payload_make(out, alloc, &parts) == 0 ? 0 : 503;
}
