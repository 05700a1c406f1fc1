#include "proto/ws/handshake.h"

#include <assert.h>
#include <godwit/ws.h>

#include "core/base64.h"
#include "core/sha1.h"
#include "proto/http/head.h"
#include "proto/ws/extension.h"
#include "proto/ws/list.h"

#define GUID                "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* section 1.3 */
#define GUID_LEN            (sizeof(GUID) - 1)
#define NONCE_LEN           16u

#define SWITCHING_PROTOCOLS 101

static_assert(GW_BASE64_LEN(GW_SHA1_BYTES) == GW_WS_ACCEPT_LEN, "the accept value");
static_assert(GW_BASE64_LEN(NONCE_LEN) == GW_WS_KEY_LEN, "the key");

/* A head's header lines, of either side. */
struct lines {
    const struct gw_http_header *headers;
    uint32_t count;
};

static bool is_named(const struct gw_http_header *header, const char *name)
{
    return gw_str_eq_nocase(header->name, GW_STR(name));
}

/* Does the list, over all lines of that name, hold the token (any case)? */
static bool list_has(struct lines lines, const char *name, const char *token)
{
    for (uint32_t i = 0; i < lines.count; i++)
        if (is_named(&lines.headers[i], name) && gw_http_list_has(lines.headers[i].value, token))
            return true;
    return false;
}

/* --- Subprotocols --- */

/* `*at` is an index into the header lines and an offset in that line's value. */
static_assert(GW_HTTP_HEADERS_ROOM < 512, "nine bits hold the index of a line");
#define AT_INDEX(at)           ((uint32_t)((at)&511u))
#define AT_OFFSET(at)          ((at) >> 9)
#define AT_MAKE(index, offset) ((size_t)(offset) << 9 | (index))

bool gw_ws_handshake_protocol(const struct gw_http_request *request, size_t *at,
                              struct gw_str *name, bool *malformed)
{
    size_t offset = AT_OFFSET(*at);

    for (uint32_t i = AT_INDEX(*at); i < request->header_count; i++, offset = 0) {
        struct gw_str value = request->headers[i].value, rest;

        if (!is_named(&request->headers[i], "Sec-WebSocket-Protocol") || offset >= value.len)
            continue;
        rest = (struct gw_str){value.data + offset, value.len - offset};
        if (!gw_ws_list_next(&rest, name))
            continue;
        if (!gw_http_is_token(*name)) {
            *malformed = true;
            *at = AT_MAKE(request->header_count, 0);
            return false;
        }
        *at = rest.data ? AT_MAKE(i, value.len - rest.len) : AT_MAKE(i + 1, 0);
        return true;
    }
    *at = AT_MAKE(request->header_count, 0);
    return false;
}

static bool protocols_are_well_formed(const struct gw_http_request *request)
{
    struct gw_str name;
    bool malformed = false;
    size_t at = 0;

    while (gw_ws_handshake_protocol(request, &at, &name, &malformed))
        continue;
    return !malformed;
}

/* --- The server's judgement --- */

static bool is_key(struct gw_str key)
{
    uint8_t nonce[GW_WS_KEY_LEN / 4 * 3];
    size_t len;

    return key.len == GW_WS_KEY_LEN && gw_base64_decode(nonce, &len, key.data, key.len) &&
           len == NONCE_LEN;
}

/* Section 4.2.1, item 6, and 4.4. Before the key, which another version may not have. */
static enum gw_ws_verdict judge_version(struct lines lines, const char **detail)
{
    uint32_t count;
    struct gw_str version =
        gw_http_header_find(lines.headers, lines.count, "Sec-WebSocket-Version", &count);

    if (count > 1) {
        *detail = "Sec-WebSocket-Version stands there more than once.";
        return GW_WS_MALFORMED;
    }
    if (count == 0 || !gw_str_eq(version, GW_STR("13"))) {
        *detail = "Sec-WebSocket-Version must be 13.";
        return GW_WS_WRONG_VERSION;
    }
    return GW_WS_IS_HANDSHAKE;
}

/* Whatever else a handshake must have: a sentence about the first thing that it lacks, or NULL. */
static const char *find_fault(const struct gw_http_request *request, struct lines lines)
{
    uint32_t count;
    struct gw_str key =
        gw_http_header_find(lines.headers, lines.count, "Sec-WebSocket-Key", &count);

    if (count != 1)
        return "There must be one Sec-WebSocket-Key.";
    if (!is_key(key))
        return "Sec-WebSocket-Key must be 16 bytes in base64.";
    if (!protocols_are_well_formed(request))
        return "Sec-WebSocket-Protocol is malformed.";
    if (!gw_ws_extensions_well_formed(lines.headers, lines.count))
        return "Sec-WebSocket-Extensions is malformed.";
    return NULL;
}

/* The line of the request, and what makes it an upgrade. */
static enum gw_ws_verdict judge_upgrade(const struct gw_http_request *request, struct lines lines,
                                        const char **detail)
{
    if (!list_has(lines, "Upgrade", "websocket")) {
        *detail = "This is no WebSocket handshake: Upgrade does not name websocket.";
        return GW_WS_IS_NOT;
    }
    if (request->method != GW_HTTP_GET) {
        *detail = "A WebSocket handshake is a GET.";
        return GW_WS_WRONG_METHOD;
    }
    if (request->version_minor < 1) {
        *detail = "A WebSocket handshake is HTTP/1.1.";
        return GW_WS_MALFORMED;
    }
    if (request->host.len == 0) {
        *detail = "Host is missing.";
        return GW_WS_MALFORMED;
    }
    if (!list_has(lines, "Connection", "upgrade")) {
        *detail = "Connection does not name Upgrade.";
        return GW_WS_MALFORMED;
    }
    return GW_WS_IS_HANDSHAKE;
}

enum gw_ws_verdict gw_ws_handshake_judge(const struct gw_http_request *request, const char **detail)
{
    struct lines lines = {request->headers, request->header_count};
    enum gw_ws_verdict verdict = judge_upgrade(request, lines, detail);
    const char *fault;

    if (verdict == GW_WS_IS_HANDSHAKE)
        verdict = judge_version(lines, detail);
    if (verdict != GW_WS_IS_HANDSHAKE)
        return verdict;

    fault = find_fault(request, lines);
    if (!fault)
        return GW_WS_IS_HANDSHAKE;
    *detail = fault;
    return GW_WS_MALFORMED;
}

void gw_ws_handshake_accept(char out[GW_WS_ACCEPT_LEN], struct gw_str key)
{
    char text[GW_WS_KEY_LEN + GUID_LEN];
    uint8_t digest[GW_SHA1_BYTES];

    assert(key.len == GW_WS_KEY_LEN);
    memcpy(text, key.data, GW_WS_KEY_LEN);
    memcpy(text + GW_WS_KEY_LEN, GUID, GUID_LEN);
    gw_sha1(digest, text, sizeof(text));
    (void)gw_base64_encode(out, digest, sizeof(digest)); /* always GW_WS_ACCEPT_LEN */
}

/* --- The client's --- */

static bool was_offered(struct gw_str protocols, struct gw_str name)
{
    struct gw_str element;

    while (gw_ws_list_next(&protocols, &element))
        if (gw_str_eq(element, name))
            return true;
    return false;
}

/* The value of a header that must be there once; data NULL where it is not. */
static struct gw_str only_value(struct lines lines, const char *name)
{
    uint32_t count;
    struct gw_str value = gw_http_header_find(lines.headers, lines.count, name, &count);

    return count == 1 ? value : (struct gw_str){0};
}

bool gw_ws_handshake_answered(const struct gw_http_response *response, struct gw_str key,
                              struct gw_str protocols)
{
    struct lines lines = {response->headers, response->header_count};
    char accept[GW_WS_ACCEPT_LEN];
    struct gw_str protocol;
    uint32_t count;

    if (response->status != SWITCHING_PROTOCOLS || response->version_minor < 1 ||
        key.len != GW_WS_KEY_LEN)
        return false;
    if (!gw_str_eq_nocase(only_value(lines, "Upgrade"), GW_STR("websocket")) ||
        !list_has(lines, "Connection", "upgrade"))
        return false;

    gw_ws_handshake_accept(accept, key);
    if (!gw_str_eq(only_value(lines, "Sec-WebSocket-Accept"),
                   (struct gw_str){accept, sizeof(accept)}))
        return false;

    protocol = gw_http_header_find(lines.headers, lines.count, "Sec-WebSocket-Protocol", &count);
    return count == 0 || (count == 1 && was_offered(protocols, protocol));
}
