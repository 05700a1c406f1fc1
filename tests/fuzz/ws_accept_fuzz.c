/* ws_accept_fuzz.c - the server's half of the opening handshake, for any head.
 *
 * The first byte chooses the subprotocols that the server speaks and the compression that it wants,
 * the rest is the head. Whatever it is, the answer fits, can be read as a response, and has the
 * status that the verdict promises; what the server accepts, our client, with the key that stands
 * in the head, accepts too; and what is agreed on compression is what the answer says.
 *
 * Threads: one. */
#include <godwit/ws.h>

#include "http.h"
#include "proto/ws/extension.h"

static const char *const one[] = {"chat", NULL}, *const more[] = {"v2.chat", "chat", "", NULL},
                         *const none[] = {NULL};
static const char *const *const spoken[] = {NULL, none, one, more};

static struct gw_http_limits widest = {64 * 1024, GW_HTTP_HEADERS_ROOM, 64 * 1024};

static int status_of(const char *out, size_t len)
{
    static struct gw_http_response response;
    struct gw_http_refusal refusal = {0, NULL};
    int head_len = http_scan_both_ways(&widest, out, len);

    require(head_len > 0);
    require(gw_http_response_parse(&response, &widest, out, (size_t)head_len, &refusal) == 0);
    if (response.body_kind == GW_HTTP_LENGTH)
        require((size_t)head_len + response.content_length == len);
    else
        require((size_t)head_len == len);
    return response.status;
}

/* What a client that had sent this head would say to the answer. */
static void require_accepted(const char *head, size_t len, const char *out, size_t out_len)
{
    static struct gw_http_request request;
    struct gw_http_refusal refusal = {0, NULL};
    char key[GW_WS_KEY_LEN + 1] = {0};
    struct gw_str value;
    uint32_t count;
    int status;

    require(gw_http_request_parse(&request, &widest, head, len, &refusal) == 0);
    value = gw_http_header_find(request.headers, request.header_count, "Sec-WebSocket-Key", &count);
    require(count == 1 && value.len == GW_WS_KEY_LEN);
    memcpy(key, value.data, GW_WS_KEY_LEN);
    require(gw_ws_check(out, out_len, key, "chat, v2.chat", &status) == 0 && status == 101);
    if (strcmp(key, "dGhlIHNhbXBsZSBub25jZQ==") == 0) /* the example of section 1.3 */
        require(memmem(out, out_len, "Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", 38));
    key[0] = key[0] == 'A' ? 'B' : 'A';
    require(gw_ws_check(out, out_len, key, "chat, v2.chat", &status) == GW_ERR_HANDSHAKE);
}

/* Agreed is what the answer says to a client that can do anything, and no more than was wanted. */
static void require_agreed(const struct gw_ws_deflate_terms *agreed,
                           const struct gw_ws_deflate_terms *wanted, const char *out,
                           size_t out_len)
{
    static const char name[] = "\r\nSec-WebSocket-Extensions: permessage-deflate";
    static const struct gw_ws_deflate_terms nothing, any = {15, 15, 1, 1};
    static struct gw_http_response response;
    struct gw_http_refusal refusal = {0, NULL};
    struct gw_ws_deflate_terms told;

    if (!memmem(out, out_len, name, sizeof(name) - 1)) {
        require(memcmp(agreed, &nothing, sizeof(nothing)) == 0);
        return;
    }
    require(gw_http_response_parse(&response, &widest, out, out_len, &refusal) == 0);
    require(gw_ws_extension_answered(response.headers, response.header_count, &any, &told));
    require(memcmp(agreed, &told, sizeof(told)) == 0);
    require(agreed->server_window_bits == wanted->server_window_bits);
    require(agreed->server_takeover <= wanted->server_takeover);
    require(agreed->client_takeover <= wanted->client_takeover);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_input input = {data, len};
    unsigned choice = fuzz_byte(&input);
    uint8_t bits = (uint8_t)(8 + choice / 8 % 8), takeover = choice >> 6 & 1;
    struct gw_ws_deflate_terms wanted = {bits, bits, takeover, takeover}, agreed = {0};
    const char *const *protocols = spoken[choice % 4];
    const char *head = (const char *)input.data;
    char *out = malloc(GW_WS_RESPONSE_MAX);
    size_t out_len = 0;
    int protocol = -2, status, got;

    require(out);
    if (choice & 4)
        got = gw_ws_accept_deflate(out, &out_len, head, input.len, protocols, &protocol, &wanted,
                                   &agreed);
    else
        got = gw_ws_accept(out, &out_len, head, input.len, protocols, &protocol);
    require(got == 0 || got == GW_ERR_HANDSHAKE);
    require(out_len > 0 && out_len <= GW_WS_RESPONSE_MAX);
    require_written(out, out_len);
    status = status_of(out, out_len);
    if (got == 0) {
        require(status == 101);
        require(protocol == -1 || (protocols && protocol >= 0 && protocols[protocol][0] != '\0'));
        require_agreed(&agreed, &wanted, out, out_len);
        if (agreed.server_window_bits == 0) /* else that client would not have offered it */
            require_accepted(head, input.len, out, out_len);
    } else {
        require(status == 400 || status == 405 || status == 426);
        require(protocol == -1);
    }
    free(out);
    return 0;
}
