/* upgrade.c - the opening handshake on raw bytes: the part of godwit/ws.h that parses heads.
 *
 * The server does not come through here: its front door has parsed the head already. Embedders do,
 * and so do our own clients and tests.
 *
 * Threads: any. */
#include <godwit/ws.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>

#include "core/base64.h"
#include "core/num.h"
#include "core/str.h"
#include "proto/http/head.h"
#include "proto/ws/extension.h"
#include "proto/ws/handshake.h"

/* --- Text out of parts --- */

#define PARTS_MAX 24u

/* A head about to be written. Gathered first and measured, so that nothing is written that does not
 * fit. */
struct text {
    struct gw_str parts[PARTS_MAX];
    size_t count, len;
};

static void add(struct text *text, struct gw_str part)
{
    assert(text->count < PARTS_MAX);
    text->parts[text->count++] = part;
    text->len += part.len;
}

static void add_str(struct text *text, const char *part)
{
    add(text, GW_STR(part));
}

/* A whole header line. */
static void add_line(struct text *text, const char *name, struct gw_str value)
{
    add_str(text, name);
    add_str(text, ": ");
    add(text, value);
    add_str(text, "\r\n");
}

static bool text_write(const struct text *text, char *out, size_t room)
{
    if (text->len > room)
        return false;
    for (size_t i = 0; i < text->count; i++) {
        if (text->parts[i].len > 0) /* an empty part may be NULL, which memcpy may not */
            memcpy(out, text->parts[i].data, text->parts[i].len);
        out += text->parts[i].len;
    }
    return true;
}

/* --- The server's half of the handshake --- */

/* The caller has read the head already and had limits of its own: these are the widest. */
static const struct gw_http_limits wide_limits = {
    .head_bytes_max = 64 * 1024,
    .headers_max = GW_HTTP_HEADERS_ROOM,
    .target_bytes_max = 64 * 1024,
};

/* A longer one would not fit into GW_WS_RESPONSE_MAX; it is as if we did not speak it. */
#define PROTOCOL_LEN_MAX 255u

/* The index of `name` among the first `count` of our protocols; `count` where it is not there. */
static int index_of(const char *const *protocols, int count, struct gw_str name)
{
    int i = 0;

    while (i < count && !gw_str_eq(GW_STR(protocols[i]), name))
        i++;
    return i;
}

/* The best of ours that the client offers too, or -1. */
static int choose_protocol(const struct gw_http_request *request, const char *const *protocols)
{
    struct gw_str name;
    bool malformed = false;
    int count = 0, best;
    size_t at = 0;

    while (protocols && protocols[count])
        count++;
    best = count;
    while (best > 0 && gw_ws_handshake_protocol(request, &at, &name, &malformed))
        if (name.len <= PROTOCOL_LEN_MAX)
            best = index_of(protocols, best, name);
    return best < count ? best : -1;
}

/* `extension` is empty where none was chosen. */
static size_t write_acceptance(char out[GW_WS_RESPONSE_MAX], const struct gw_http_request *request,
                               const char *protocol, struct gw_str extension)
{
    uint32_t count;
    struct gw_str key =
        gw_http_header_find(request->headers, request->header_count, "Sec-WebSocket-Key", &count);
    char accept[GW_WS_ACCEPT_LEN];
    struct text text = {.count = 0};
    bool fits;

    gw_ws_handshake_accept(accept, key);
    add_str(&text, "HTTP/1.1 101 Switching Protocols\r\n"
                   "Upgrade: websocket\r\n"
                   "Connection: Upgrade\r\n");
    add_line(&text, "Sec-WebSocket-Accept", (struct gw_str){accept, sizeof(accept)});
    if (protocol)
        add_line(&text, "Sec-WebSocket-Protocol", GW_STR(protocol));
    if (extension.len > 0)
        add_line(&text, "Sec-WebSocket-Extensions", extension);
    add_str(&text, "\r\n");
    fits = text_write(&text, out, GW_WS_RESPONSE_MAX);
    assert(fits); /* PROTOCOL_LEN_MAX and GW_WS_EXTENSION_MAX bound the parts that vary */
    return text.len;
}

static size_t write_refusal(char out[GW_WS_RESPONSE_MAX], enum gw_ws_verdict verdict,
                            const char *detail)
{
    char digits[GW_U64_DIGITS];
    struct text text = {.count = 0};
    bool fits;

    if (verdict == GW_WS_WRONG_METHOD)
        add_str(&text, "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nConnection: close\r\n");
    else if (verdict == GW_WS_WRONG_VERSION)
        add_str(&text, "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n");
    else
        add_str(&text, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n");
    add_str(&text, "Content-Type: text/plain\r\n");
    add_line(&text, "Content-Length",
             (struct gw_str){digits, gw_num_write(digits, strlen(detail) + 1)});
    add_str(&text, "\r\n");
    add_str(&text, detail);
    add_str(&text, "\n");
    fits = text_write(&text, out, GW_WS_RESPONSE_MAX);
    assert(fits); /* a detail is one sentence of ours */
    return text.len;
}

/* Is it exactly one head? A byte more would be read by nobody. */
static bool is_one_head(const char *head, size_t len)
{
    struct gw_http_scan scan = {0};
    struct gw_http_refusal refusal = {0};
    int head_len = gw_http_scan(&scan, &wide_limits, head, len, &refusal);

    return head_len > 0 && (size_t)head_len == len;
}

static enum gw_ws_verdict judge_bytes(struct gw_http_request *request, const char *head, size_t len,
                                      const char **detail)
{
    struct gw_http_refusal refusal = {0};
    enum gw_ws_verdict verdict;

    if (!is_one_head(head, len)) {
        *detail = "This is not the head of an HTTP/1.1 request.";
        return GW_WS_MALFORMED;
    }
    if (gw_http_request_parse(request, &wide_limits, head, len, &refusal) < 0) {
        *detail = refusal.detail;
        return GW_WS_MALFORMED;
    }
    verdict = gw_ws_handshake_judge(request, detail);
    /* Nothing but handshakes is served here, so that a method other than GET is the plainer news.
     */
    if (verdict == GW_WS_IS_NOT && request->method != GW_HTTP_GET)
        return GW_WS_WRONG_METHOD;
    return verdict;
}

static size_t accept_judged(char out[GW_WS_RESPONSE_MAX], const struct gw_http_request *request,
                            const char *protocol, const struct gw_ws_deflate_terms *wanted,
                            struct gw_ws_deflate_terms *agreed)
{
    char value[GW_WS_EXTENSION_MAX];
    struct gw_str extension = {0};

    if (wanted)
        extension =
            (struct gw_str){value, gw_ws_extension_choose(value, request->headers,
                                                          request->header_count, wanted, agreed)};
    return write_acceptance(out, request, protocol, extension);
}

int gw_ws_accept_deflate(char out[GW_WS_RESPONSE_MAX], size_t *out_len, const char *head,
                         size_t len, const char *const *protocols, int *protocol,
                         const struct gw_ws_deflate_terms *wanted,
                         struct gw_ws_deflate_terms *agreed)
{
    struct gw_http_request request;
    const char *detail = NULL;
    enum gw_ws_verdict verdict;
    int chosen = -1;

    if (wanted && !gw_ws_terms_valid(wanted))
        return -EINVAL;
    *agreed = (struct gw_ws_deflate_terms){0};
    verdict = judge_bytes(&request, head, len, &detail);
    if (verdict == GW_WS_IS_HANDSHAKE) {
        chosen = choose_protocol(&request, protocols);
        *out_len =
            accept_judged(out, &request, chosen < 0 ? NULL : protocols[chosen], wanted, agreed);
    } else {
        *out_len = write_refusal(out, verdict, detail);
    }
    if (protocol)
        *protocol = chosen;
    return verdict == GW_WS_IS_HANDSHAKE ? 0 : GW_ERR_HANDSHAKE;
}

int gw_ws_accept(char out[GW_WS_RESPONSE_MAX], size_t *out_len, const char *head, size_t len,
                 const char *const *protocols, int *protocol)
{
    struct gw_ws_deflate_terms agreed;

    return gw_ws_accept_deflate(out, out_len, head, len, protocols, protocol, NULL, &agreed);
}

/* --- The client's --- */

/* Printable ASCII, no blank, and none of `forbidden`. */
static bool is_plain(struct gw_str text, const char *forbidden)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~' || strchr(forbidden, text.data[i]))
            return false;
    return text.len > 0;
}

/* Section 4.1, item 10: tokens, each of them once. */
static bool is_protocol_list(struct gw_str list)
{
    do {
        struct gw_str name = gw_str_trim(gw_str_cut(&list, ',')), rest = list;

        if (!gw_http_is_token(name))
            return false;
        while (rest.data)
            if (gw_str_eq(gw_str_trim(gw_str_cut(&rest, ',')), name))
                return false;
    } while (list.data);
    return true;
}

/* What we write ourselves, and what would give the request a body. */
static bool is_ours(struct gw_str name)
{
    static const char *const ours[] = {"Host", "Upgrade", "Connection", "Content-Length",
                                       "Transfer-Encoding"};
    struct gw_str prefix = GW_STR("Sec-WebSocket-");

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (gw_str_eq_nocase(name, GW_STR(ours[i])))
            return true;
    return name.len >= prefix.len &&
           gw_str_eq_nocase((struct gw_str){name.data, prefix.len}, prefix);
}

static bool is_header_line(struct gw_str line)
{
    struct gw_str value = line, name = gw_str_cut(&value, ':');

    if (!value.data || !gw_http_is_token(name) || is_ours(name))
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (((uint8_t)value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f)
            return false;
    return true;
}

/* Lines that each end in CR LF; none of them empty, for that would end the head. */
static bool are_header_lines(struct gw_str lines)
{
    while (lines.len > 0) {
        struct gw_str line = gw_str_cut(&lines, '\n');

        if (!lines.data || line.len == 0 || line.data[line.len - 1] != '\r')
            return false;
        line.len--;
        if (!is_header_line(line))
            return false;
    }
    return true;
}

int gw_ws_request_deflate(char *out, size_t room, char key[GW_WS_KEY_LEN + 1],
                          const uint8_t nonce[16], const char *host, const char *target,
                          const char *protocols, const char *extra,
                          const struct gw_ws_deflate_terms *offered)
{
    char key_text[GW_WS_KEY_LEN + 1], extension[GW_WS_EXTENSION_MAX];
    struct text text = {.count = 0};

    if (!is_plain(GW_STR(host), "/?#@\\,") || !is_plain(GW_STR(target), "#") || target[0] != '/' ||
        (protocols && !is_protocol_list(GW_STR(protocols))) ||
        (extra && !are_header_lines(GW_STR(extra))) || (offered && !gw_ws_terms_valid(offered)))
        return -EINVAL;

    key_text[gw_base64_encode(key_text, nonce, 16)] = '\0';
    add_str(&text, "GET ");
    add_str(&text, target);
    add_str(&text, " HTTP/1.1\r\n");
    add_line(&text, "Host", GW_STR(host));
    add_str(&text, "Upgrade: websocket\r\n"
                   "Connection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\n");
    add_line(&text, "Sec-WebSocket-Key", GW_STR(key_text));
    if (protocols)
        add_line(&text, "Sec-WebSocket-Protocol", GW_STR(protocols));
    if (offered)
        add_line(&text, "Sec-WebSocket-Extensions",
                 (struct gw_str){extension, gw_ws_extension_offer(extension, offered)});
    if (extra)
        add_str(&text, extra);
    add_str(&text, "\r\n");
    if (text.len > INT_MAX || !text_write(&text, out, room))
        return -EMSGSIZE;
    memcpy(key, key_text, sizeof(key_text));
    return (int)text.len;
}

int gw_ws_request(char *out, size_t room, char key[GW_WS_KEY_LEN + 1], const uint8_t nonce[16],
                  const char *host, const char *target, const char *protocols, const char *extra)
{
    return gw_ws_request_deflate(out, room, key, nonce, host, target, protocols, extra, NULL);
}

int gw_ws_check_deflate(const char *head, size_t len, const char *key, const char *protocols,
                        int *status, const struct gw_ws_deflate_terms *offered,
                        struct gw_ws_deflate_terms *agreed)
{
    struct gw_http_response response;
    struct gw_http_refusal refusal = {0};
    struct gw_str names = {0};

    *agreed = (struct gw_ws_deflate_terms){0};
    if (status)
        *status = 0;
    if (!is_one_head(head, len) ||
        gw_http_response_parse(&response, &wide_limits, head, len, &refusal) < 0)
        return GW_ERR_HANDSHAKE;
    if (status)
        *status = response.status;
    if (protocols)
        names = GW_STR(protocols);
    return gw_ws_handshake_answered(&response, GW_STR(key), names) &&
                   gw_ws_extension_answered(response.headers, response.header_count, offered,
                                            agreed)
               ? 0
               : GW_ERR_HANDSHAKE;
}

int gw_ws_check(const char *head, size_t len, const char *key, const char *protocols, int *status)
{
    struct gw_ws_deflate_terms agreed;

    return gw_ws_check_deflate(head, len, key, protocols, status, NULL, &agreed);
}
