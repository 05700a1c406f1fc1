/* handshake_test.c - RFC 6455 section 4, rule by rule, for both sides, and what may not be
 * injected. */
#include "proto/ws/handshake.h"

#include <errno.h>
#include <godwit/ws.h>
#include <stdio.h>
#include <string.h>

#include "lib/suite.h"
#include "proto/http/head.h"

/* The request of section 1.2, a line each. */
#define GET      "GET /chat HTTP/1.1\r\n"
#define HOST     "Host: server.example.com\r\n"
#define UPG      "Upgrade: websocket\r\n"
#define CON      "Connection: Upgrade\r\n"
#define KEY      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VER      "Sec-WebSocket-Version: 13\r\n"
#define ALL      GET HOST UPG CON KEY VER
#define END      "\r\n"

#define PROTOCOL "Sec-WebSocket-Protocol: "
#define EXTENDED "Sec-WebSocket-Extensions: "

static const uint8_t nonce[16] = "the sample nonce";
static const char sample_key[] = "dGhlIHNhbXBsZSBub25jZQ==";

START_TEST(the_sample_key_has_the_sample_answer)
{
    char accept[GW_WS_ACCEPT_LEN];

    gw_ws_handshake_accept(accept, GW_STR(sample_key));
    ck_assert_mem_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", sizeof(accept));
}
END_TEST

/* --- The server's side --- */

static const struct {
    const char *head;
    int status;
} requests[] = {
    {ALL END, 101},
    {VER KEY "" END, 400}, /* not a request at all */
    /* Any order, any case, blanks and lists. */
    {GET VER KEY CON UPG HOST END, 101},
    {GET "hOST: a\r\nuPGRADE: WebSocket\r\ncONNECTION: uPGRADE\r\n"
         "sEC-wEBSOCKET-kEY: dGhlIHNhbXBsZSBub25jZQ==\r\nSEC-WEBSOCKET-VERSION: 13\r\n" END,
     101},
    {GET HOST "Upgrade:websocket\r\nConnection:\tUpgrade \t\r\n"
              "Sec-WebSocket-Key:  dGhlIHNhbXBsZSBub25jZQ==  \r\nSec-WebSocket-Version:13\r\n" END,
     101},
    {GET HOST UPG "Connection: keep-alive, Upgrade\r\n" KEY VER END, 101},
    {GET HOST UPG "Connection: keep-alive\r\nConnection: , Upgrade,\r\n" KEY VER END, 101},
    {GET HOST "Upgrade: h2c, WEBSOCKET\r\n" CON KEY VER END, 101},
    {GET HOST "Upgrade: h2c\r\n" UPG CON KEY VER END, 101},
    {ALL "Origin: http://example.com\r\nCookie: a=b\r\nUser-Agent: x\r\n" END, 101},
    /* Not a GET. */
    {"POST /chat HTTP/1.1\r\nContent-Length: 0\r\n" HOST UPG CON KEY VER END, 405},
    {"HEAD /chat HTTP/1.1\r\n" HOST UPG CON KEY VER END, 405},
    {"OPTIONS /chat HTTP/1.1\r\n" HOST UPG CON KEY VER END, 405},
    {"DELETE /chat HTTP/1.1\r\n" HOST END, 405}, /* not even a handshake */
    /* HTTP before 1.1, or not HTTP. */
    {"GET /chat HTTP/1.0\r\n" HOST UPG CON KEY VER END, 400},
    {"GET /chat HTTP/2.0\r\n" HOST UPG CON KEY VER END, 400},
    {"GET /chat\r\n" HOST UPG CON KEY VER END, 400},
    /* Host. */
    {GET UPG CON KEY VER END, 400},
    {GET "Host: \r\n" UPG CON KEY VER END, 400},
    {ALL "Host: other\r\n" END, 400},
    /* Upgrade. */
    {GET HOST CON KEY VER END, 400},
    {GET HOST "Upgrade: \r\n" CON KEY VER END, 400},
    {GET HOST "Upgrade: websockets\r\n" CON KEY VER END, 400},
    {GET HOST "Upgrade: web socket\r\n" CON KEY VER END, 400},
    {GET HOST "Upgrade: websocket/13\r\n" CON KEY VER END, 400},
    /* Connection. */
    {GET HOST UPG KEY VER END, 400},
    {GET HOST UPG "Connection: keep-alive\r\n" KEY VER END, 400},
    {GET HOST UPG "Connection: Upgraded\r\n" KEY VER END, 400},
    /* The version: one, and 13; and before the key, which another version may not have. */
    {GET HOST UPG CON KEY END, 426},
    {GET HOST UPG CON KEY "Sec-WebSocket-Version: 8\r\n" END, 426},
    {GET HOST UPG CON KEY "Sec-WebSocket-Version: 14\r\n" END, 426},
    {GET HOST UPG CON KEY "Sec-WebSocket-Version: 013\r\n" END, 426},
    {GET HOST UPG CON KEY "Sec-WebSocket-Version: 13, 8\r\n" END, 426},
    {GET HOST UPG CON KEY "Sec-WebSocket-Version: \r\n" END, 426},
    {GET HOST UPG CON "Sec-WebSocket-Version: 0\r\n" END, 426},
    {ALL VER END, 400},
    {ALL "Sec-WebSocket-Version: 8\r\n" END, 400},
    /* The key: one, 16 bytes in base64. */
    {GET HOST UPG CON VER END, 400},
    {ALL KEY END, 400},
    {ALL "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" END, 400},
    {GET HOST UPG CON VER "Sec-WebSocket-Key: \r\n" END, 400},
    {GET HOST UPG CON VER "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" END, 101},
    {GET HOST UPG CON VER "Sec-WebSocket-Key: //////////////////+AAg==\r\n" END, 101},
    {GET HOST UPG CON VER "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n" END, 400},     /* 15 */
    {GET HOST UPG CON VER "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\r\n" END, 400}, /* 17 */
    {GET HOST UPG CON VER "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA\r\n" END, 400}, /* 18 */
    {GET HOST UPG CON VER "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA\r\n" END, 400},   /* bare */
    {GET HOST UPG CON VER "Sec-WebSocket-Key: AAAAAAAAAA-AAAAAAAAAAA==\r\n" END, 400}, /* URL's */
    {GET HOST UPG CON VER "Sec-WebSocket-Key: AAAAAAAAAA AAAAAAAAAAA==\r\n" END, 400},
    {GET HOST UPG CON VER "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==, x\r\n" END, 400},
    /* Subprotocols and extensions: none of them has to be spoken, but they must be well formed. */
    {ALL PROTOCOL "chat, superchat\r\n" END, 101},
    {ALL PROTOCOL "chat\r\n" PROTOCOL "superchat\r\n" END, 101},
    {ALL PROTOCOL "chat,, superchat,\r\n" END, 101},
    {ALL PROTOCOL "chat superchat\r\n" END, 400},
    {ALL PROTOCOL "chat, (super)\r\n" END, 400},
    {ALL PROTOCOL "chat\r\n" PROTOCOL "\"super\"\r\n" END, 400},
    {ALL EXTENDED "permessage-deflate\r\n" END, 101},
    {ALL EXTENDED "permessage-deflate; client_max_window_bits; a=\"10\", x\r\n" END, 101},
    {ALL EXTENDED "a;b = c ;d= \"e\" , f\r\n" EXTENDED "g\r\n" END, 101},
    {ALL EXTENDED "a; b=\"\\c\\d\"\r\n" END, 101},
    {ALL EXTENDED "a b\r\n" END, 400},
    {ALL EXTENDED "a;\r\n" END, 400},
    {ALL EXTENDED "a;;b\r\n" END, 400},
    {ALL EXTENDED ";a\r\n" END, 400},
    {ALL EXTENDED "a;b=\r\n" END, 400},
    {ALL EXTENDED "a;=b\r\n" END, 400},
    {ALL EXTENDED "a;b=c=d\r\n" END, 400},
    {ALL EXTENDED "a;b=\"\"\r\n" END, 400},
    {ALL EXTENDED "a;b=\"c\r\n" END, 400},
    {ALL EXTENDED "a;b=\"cd\r\n" END, 400},
    {ALL EXTENDED "a;b=\"c,d\"\r\n" END, 400},
    {ALL EXTENDED "a;b=\"c;d\"\r\n" END, 400},
    {ALL EXTENDED "a;b=\"c d\"\r\n" END, 400},
    {ALL EXTENDED "a;b=\"c\\\"\r\n" END, 400},
    {ALL EXTENDED "a;b=\"\r\n" END, 400},
    {ALL EXTENDED "ok\r\n" EXTENDED "=\r\n" END, 400},
    /* Not one whole head. */
    {"", 400},
    {ALL, 400},
    {ALL "\r", 400},
    {ALL END "x", 400},
    {ALL "Folded: a\r\n b\r\n" END, 400},
    {ALL "Blank : a\r\n" END, 400},
    {GET HOST UPG CON KEY "Sec-WebSocket-Version: 13\n" END, 400},
    {"\r\n" ALL END, 400},
    {ALL "Content-Length: 5\r\n" END, 400}, /* a body, which would be read as frames */
};

static int status_of(const char *response, size_t len)
{
    int status = 0;

    ck_assert_uint_gt(len, 12);
    ck_assert_int_eq(sscanf(response, "HTTP/1.1 %3d ", &status), 1);
    return status;
}

static bool has(const char *response, const char *text)
{
    return strstr(response, text) != NULL;
}

/* The response is one HTTP message: its body is as long as it says, and a refusal ends the
 * connection. */
static void check_response(const char *out, size_t len, int status)
{
    const char *body = strstr(out, "\r\n\r\n"), *length = strstr(out, "Content-Length: ");

    ck_assert_ptr_nonnull(body);
    body += 4;
    ck_assert_int_eq(status_of(out, len), status);
    if (status == 101) {
        ck_assert_uint_eq((size_t)(body - out), len);
        ck_assert(has(out, "\r\nUpgrade: websocket\r\n") &&
                  has(out, "\r\nConnection: Upgrade\r\n"));
        return;
    }
    ck_assert_ptr_nonnull(length);
    ck_assert_uint_eq(strtoul(length + 16, NULL, 10), len - (size_t)(body - out));
    ck_assert(has(out, "\r\nConnection: close\r\n") ||
              has(out, "\r\nConnection: Upgrade, close\r\n"));
    ck_assert_int_eq(has(out, "\r\nAllow: GET\r\n"), status == 405);
    ck_assert_int_eq(has(out, "\r\nSec-WebSocket-Version: 13\r\n"), status == 426);
    ck_assert_int_eq(has(out, "\r\nUpgrade: websocket\r\n"), status == 426); /* RFC 9110 15.5.22 */
}

/* `out` has a byte more than the function may use. */
static int accept_text(char out[GW_WS_RESPONSE_MAX + 1], size_t *len, const char *head,
                       const char *const *protocols, int *protocol)
{
    int result;

    memset(out, '~', GW_WS_RESPONSE_MAX + 1);
    result = gw_ws_accept(out, len, head, strlen(head), protocols, protocol);
    ck_assert_uint_le(*len, GW_WS_RESPONSE_MAX);
    ck_assert_int_eq(out[*len], '~');
    out[*len] = '\0';
    return result;
}

START_TEST(requests_are_judged_by_every_rule)
{
    char out[GW_WS_RESPONSE_MAX + 1];
    int status = requests[_i].status, protocol = 7;
    size_t len;
    int result = accept_text(out, &len, requests[_i].head, NULL, &protocol);

    ck_assert_msg(status_of(out, len) == status, "%s\n%s", requests[_i].head, out);
    ck_assert_int_eq(result, status == 101 ? 0 : GW_ERR_HANDSHAKE);
    ck_assert_int_eq(protocol, -1);
    check_response(out, len, status);
}
END_TEST

START_TEST(the_answer_to_the_sample_is_that_of_the_rfc)
{
    char out[GW_WS_RESPONSE_MAX + 1];
    size_t len;

    ck_assert_int_eq(accept_text(out, &len, ALL END, NULL, NULL), 0);
    ck_assert_str_eq(out, "HTTP/1.1 101 Switching Protocols\r\n"
                          "Upgrade: websocket\r\n"
                          "Connection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}
END_TEST

static const struct {
    const char *head;
    enum gw_ws_verdict verdict;
} verdicts[] = {
    {ALL END, GW_WS_IS_HANDSHAKE},
    {GET HOST END, GW_WS_IS_NOT},
    {"POST /chat HTTP/1.1\r\nContent-Length: 0\r\n" HOST END, GW_WS_IS_NOT},
    {GET HOST "Upgrade: h2c\r\n" CON END, GW_WS_IS_NOT},
    {GET HOST CON KEY VER END, GW_WS_IS_NOT},
    {"PUT /chat HTTP/1.1\r\nContent-Length: 0\r\n" HOST UPG CON KEY VER END, GW_WS_WRONG_METHOD},
    {GET HOST UPG CON KEY END, GW_WS_WRONG_VERSION},
    {GET HOST UPG CON VER END, GW_WS_MALFORMED},
    {GET HOST UPG KEY VER END, GW_WS_MALFORMED},
};

START_TEST(the_judge_tells_its_verdicts_apart)
{
    static const struct gw_http_limits limits = {8192, 100, 2048};
    static struct gw_http_request request;
    struct gw_http_refusal refusal = {0};
    const char *head = verdicts[_i].head, *detail = NULL;

    ck_assert_int_eq(gw_http_request_parse(&request, &limits, head, strlen(head), &refusal), 0);
    ck_assert_int_eq(gw_ws_handshake_judge(&request, &detail), verdicts[_i].verdict);
    ck_assert_int_eq(detail != NULL, verdicts[_i].verdict != GW_WS_IS_HANDSHAKE);
}
END_TEST

/* The parser lets none pass; the judge does not rely on that. */
START_TEST(a_request_without_host_is_no_handshake)
{
    static const struct gw_http_limits limits = {8192, 100, 2048};
    static struct gw_http_request request;
    struct gw_http_refusal refusal = {0};
    const char *detail = NULL;

    ck_assert_int_eq(gw_http_request_parse(&request, &limits, ALL END, strlen(ALL END), &refusal),
                     0);
    request.host = (struct gw_str){0};
    ck_assert_int_eq(gw_ws_handshake_judge(&request, &detail), GW_WS_MALFORMED);
    ck_assert_ptr_nonnull(detail);
}
END_TEST

/* --- Subprotocols --- */

static const char *const none[] = {NULL};
static const char *const ab[] = {"a", "b", NULL};

static char long_name[GW_WS_RESPONSE_MAX + 100];
static const char *const with_long[] = {long_name, "b", NULL};

static const struct {
    const char *offered; /* header lines */
    const char *const *ours;
    int chosen;
} protocols[] = {
    {"", NULL, -1},
    {"", ab, -1},
    {PROTOCOL "a\r\n", NULL, -1},
    {PROTOCOL "a\r\n", none, -1},
    {PROTOCOL "a\r\n", ab, 0},
    {PROTOCOL "b\r\n", ab, 1},
    {PROTOCOL "c, b, a\r\n", ab, 0}, /* by our preference, not by the client's */
    {PROTOCOL "c,b\r\n", ab, 1},
    {PROTOCOL "c\r\n" PROTOCOL "b\r\n" PROTOCOL "d\r\n", ab, 1},
    {PROTOCOL "b\r\n" PROTOCOL "\r\n" PROTOCOL ",a,\r\n", ab, 0},
    {PROTOCOL " \t, ,b\t,\r\n", ab, 1},
    {PROTOCOL "A\r\n", ab, -1}, /* names have their case */
    {PROTOCOL "ab, aa, ba\r\n", ab, -1},
    {PROTOCOL "\r\n", ab, -1},
    {PROTOCOL "a, a\r\n", ab, 0},
};

START_TEST(our_first_protocol_that_is_offered_is_chosen)
{
    const char *const *ours = protocols[_i].ours;
    char head[1024], out[GW_WS_RESPONSE_MAX + 1], line[64] = PROTOCOL;
    int chosen = 7;
    size_t len;

    snprintf(head, sizeof(head), ALL "%s" END, protocols[_i].offered);
    ck_assert_int_eq(accept_text(out, &len, head, ours, &chosen), 0);
    ck_assert_int_eq(chosen, protocols[_i].chosen);
    if (chosen >= 0)
        snprintf(line, sizeof(line), "\r\n" PROTOCOL "%s\r\n\r\n", ours[chosen]);
    ck_assert_int_eq(has(out, line), chosen >= 0);
}
END_TEST

/* One of 255 bytes fits; a longer one would not always, and counts as not spoken. */
START_TEST(a_protocol_too_long_for_the_response_is_passed_over)
{
    static const size_t lens[] = {1, 255, 256, sizeof(long_name) - 1};
    char head[2048], out[GW_WS_RESPONSE_MAX + 1];
    size_t len;
    int chosen;

    memset(long_name, 'l', lens[_i]);
    snprintf(head, sizeof(head), ALL PROTOCOL "%s, b\r\n" END, long_name);
    ck_assert_int_eq(accept_text(out, &len, head, with_long, &chosen), 0);
    ck_assert_int_eq(chosen, lens[_i] <= 255 ? 0 : 1);
}
END_TEST

START_TEST(the_walk_yields_every_name_in_order_and_then_nothing)
{
    static const char *const names[] = {"a", "bc", "d", "e"};
    struct gw_http_header headers[] = {{GW_STR("X"), GW_STR("no")},
                                       {GW_STR("sec-websocket-protocol"), GW_STR("a ,\tbc,,")},
                                       {GW_STR("Sec-WebSocket-Protocol"), GW_STR("")},
                                       {GW_STR("Sec-WebSocket-Protocols"), GW_STR("no")},
                                       {GW_STR("SEC-WEBSOCKET-PROTOCOL"), GW_STR(",d,e")}};
    static struct gw_http_request request;
    bool malformed = false;
    struct gw_str name;
    size_t at = 0;

    memcpy(request.headers, headers, sizeof(headers));
    request.header_count = SUITE_ROWS(headers);
    for (int i = 0; i < SUITE_ROWS(names); i++) {
        ck_assert(gw_ws_handshake_protocol(&request, &at, &name, &malformed));
        ck_assert(gw_str_eq(name, GW_STR(names[i])));
    }
    for (int again = 0; again < 2; again++)
        ck_assert(!gw_ws_handshake_protocol(&request, &at, &name, &malformed));
    ck_assert(!malformed);
}
END_TEST

START_TEST(the_walk_ends_at_what_is_no_token)
{
    static struct gw_http_request request;
    bool malformed = false;
    struct gw_str name;
    size_t at = 0;

    request.header_count = 1;
    request.headers[0] =
        (struct gw_http_header){GW_STR("Sec-WebSocket-Protocol"), GW_STR("a, b c, d")};
    ck_assert(gw_ws_handshake_protocol(&request, &at, &name, &malformed));
    ck_assert(!malformed);
    ck_assert(!gw_ws_handshake_protocol(&request, &at, &name, &malformed));
    ck_assert(malformed);
    ck_assert(!gw_ws_handshake_protocol(&request, &at, &name, &malformed));
}
END_TEST

/* --- The client's side --- */

#define SWITCH "HTTP/1.1 101 Switching Protocols\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define GOOD   SWITCH UPG CON ACCEPT

static const struct {
    const char *head;
    const char *offered;
    int result, status;
} answers[] = {
    {GOOD END, NULL, 0, 101},
    {GOOD END, "chat", 0, 101}, /* the server need not choose any */
    {SWITCH ACCEPT CON UPG END, NULL, 0, 101},
    {"HTTP/1.1 101 \r\n" UPG CON ACCEPT END, NULL, 0, 101},
    {SWITCH "upgrade: WEBsocket\r\nconnection: x, UPGRADE\r\n"
            "sec-websocket-accept:\ts3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n" END,
     NULL, 0, 101},
    {GOOD "Server: x\r\nDate: y\r\n" END, NULL, 0, 101},
    /* Another status, or none. */
    {"HTTP/1.1 200 OK\r\n" UPG CON ACCEPT END, NULL, GW_ERR_HANDSHAKE, 200},
    {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n" END, NULL, GW_ERR_HANDSHAKE, 401},
    {"HTTP/1.1 302 Found\r\nLocation: /\r\n" END, NULL, GW_ERR_HANDSHAKE, 302},
    {"HTTP/1.0 101 Switching Protocols\r\n" UPG CON ACCEPT END, NULL, GW_ERR_HANDSHAKE, 101},
    {"HTTP/1.1 10 x\r\n" UPG CON ACCEPT END, NULL, GW_ERR_HANDSHAKE, 0},
    {"ICY 101 x\r\n" UPG CON ACCEPT END, NULL, GW_ERR_HANDSHAKE, 0},
    {"", NULL, GW_ERR_HANDSHAKE, 0},
    {GOOD, NULL, GW_ERR_HANDSHAKE, 0},
    {GOOD END "\x81\x05Hello", NULL, GW_ERR_HANDSHAKE, 0}, /* more than the head */
    /* Upgrade must be websocket and nothing else; Connection is a list. */
    {SWITCH CON ACCEPT END, NULL, GW_ERR_HANDSHAKE, 101},
    {SWITCH "Upgrade: h2c\r\n" CON ACCEPT END, NULL, GW_ERR_HANDSHAKE, 101},
    {SWITCH "Upgrade: websocket, h2c\r\n" CON ACCEPT END, NULL, GW_ERR_HANDSHAKE, 101},
    {GOOD UPG END, NULL, GW_ERR_HANDSHAKE, 101},
    {SWITCH UPG ACCEPT END, NULL, GW_ERR_HANDSHAKE, 101},
    {SWITCH UPG "Connection: close\r\n" ACCEPT END, NULL, GW_ERR_HANDSHAKE, 101},
    /* The accept value, to the letter. */
    {SWITCH UPG CON END, NULL, GW_ERR_HANDSHAKE, 101},
    {GOOD ACCEPT END, NULL, GW_ERR_HANDSHAKE, 101},
    {SWITCH UPG CON "Sec-WebSocket-Accept: \r\n" END, NULL, GW_ERR_HANDSHAKE, 101},
    {SWITCH UPG CON "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" END, NULL,
     GW_ERR_HANDSHAKE, 101},
    {SWITCH UPG CON "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n" END, NULL,
     GW_ERR_HANDSHAKE, 101},
    {SWITCH UPG CON "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo= x\r\n" END, NULL,
     GW_ERR_HANDSHAKE, 101},
    {SWITCH UPG CON "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n" END, NULL,
     GW_ERR_HANDSHAKE, 101}, /* the key itself */
    /* What we did not offer. */
    {GOOD EXTENDED "permessage-deflate\r\n" END, NULL, GW_ERR_HANDSHAKE, 101},
    {GOOD PROTOCOL "chat\r\n" END, NULL, GW_ERR_HANDSHAKE, 101},
    {GOOD PROTOCOL "chat\r\n" END, "chat", 0, 101},
    {GOOD PROTOCOL "chat\r\n" END, "superchat, chat", 0, 101},
    {GOOD PROTOCOL "chat\r\n" END, "superchat,chat2", GW_ERR_HANDSHAKE, 101},
    {GOOD PROTOCOL "Chat\r\n" END, "chat", GW_ERR_HANDSHAKE, 101},
    {GOOD PROTOCOL "\r\n" END, "chat", GW_ERR_HANDSHAKE, 101},
    {GOOD PROTOCOL "a, b\r\n" END, "a, b", GW_ERR_HANDSHAKE, 101}, /* one, not all */
    {GOOD PROTOCOL "a\r\n" PROTOCOL "a\r\n" END, "a", GW_ERR_HANDSHAKE, 101},
};

START_TEST(answers_are_judged_by_every_rule)
{
    const char *head = answers[_i].head;
    int status = 7;

    ck_assert_int_eq(gw_ws_check(head, strlen(head), sample_key, answers[_i].offered, &status),
                     answers[_i].result);
    ck_assert_int_eq(status, answers[_i].status);
    ck_assert_int_eq(gw_ws_check(head, strlen(head), sample_key, answers[_i].offered, NULL),
                     answers[_i].result);
}
END_TEST

START_TEST(an_answer_to_another_key_is_none)
{
    static const char *const keys[] = {"AAAAAAAAAAAAAAAAAAAAAA==", "",
                                       "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ==="};

    ck_assert_int_eq(gw_ws_check(GOOD END, strlen(GOOD END), keys[_i], NULL, NULL),
                     GW_ERR_HANDSHAKE);
}
END_TEST

START_TEST(the_request_is_that_of_the_rfc)
{
    char out[512], key[GW_WS_KEY_LEN + 1];
    int len = gw_ws_request(out, sizeof(out), key, nonce, "server.example.com", "/chat",
                            "chat, superchat", "Origin: http://example.com\r\nX-A:\tb\r\n");
    const char *expect = "GET /chat HTTP/1.1\r\n"
                         "Host: server.example.com\r\n"
                         "Upgrade: websocket\r\n"
                         "Connection: Upgrade\r\n"
                         "Sec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                         "Sec-WebSocket-Protocol: chat, superchat\r\n"
                         "Origin: http://example.com\r\nX-A:\tb\r\n\r\n";

    ck_assert_int_eq(len, (int)strlen(expect));
    ck_assert_mem_eq(out, expect, strlen(expect));
    ck_assert_str_eq(key, sample_key);
}
END_TEST

static const struct {
    const char *host, *target, *protocols, *extra;
    int valid;
} parts[] = {
    {"a", "/", NULL, NULL, 1},
    {"a:8080", "/x?y=z&%20", "a", "", 1},
    {"[::1]:9880", "/~", "a,b", "A: b\r\n", 1},
    {"a", "/", "a , b\t,c", "A:\r\nB: \t\r\nC: \xc3\xa9\r\n", 1},
    /* The host. */
    {"", "/", NULL, NULL, 0},
    {"a b", "/", NULL, NULL, 0},
    {"a\r\nX: y", "/", NULL, NULL, 0},
    {"a\n", "/", NULL, NULL, 0},
    {"a\t", "/", NULL, NULL, 0},
    {"a\x7f", "/", NULL, NULL, 0},
    {"\xc3\xa9", "/", NULL, NULL, 0},
    {"user@a", "/", NULL, NULL, 0},
    {"a/b", "/", NULL, NULL, 0},
    {"a?b", "/", NULL, NULL, 0},
    {"a#b", "/", NULL, NULL, 0},
    {"a,b", "/", NULL, NULL, 0},
    /* The target. */
    {"a", "", NULL, NULL, 0},
    {"a", "x", NULL, NULL, 0},
    {"a", "http://a/", NULL, NULL, 0},
    {"a", "/ HTTP/1.1\r\nX: y", NULL, NULL, 0},
    {"a", "/ ", NULL, NULL, 0},
    {"a", "/\r", NULL, NULL, 0},
    {"a", "/\n", NULL, NULL, 0},
    {"a", "/\x01", NULL, NULL, 0},
    {"a", "/#fragment", NULL, NULL, 0}, /* section 3 */
    {"a", "/\xc3\xa9", NULL, NULL, 0},
    /* The subprotocols: tokens, each once (section 4.1, item 10). */
    {"a", "/", "", NULL, 0},
    {"a", "/", "a,", NULL, 0},
    {"a", "/", ",a", NULL, 0},
    {"a", "/", "a,,b", NULL, 0},
    {"a", "/", "a b", NULL, 0},
    {"a", "/", "a,b,a", NULL, 0},
    {"a", "/", "a\r\nX: y", NULL, 0},
    {"a", "/", "\"a\"", NULL, 0},
    /* More lines. */
    {"a", "/", NULL, "X-Forwarded-Protocol: https\r\n", 1},
    {"a", "/", NULL, "A: b", 0},
    {"a", "/", NULL, "A: b\n", 0},
    {"a", "/", NULL, "A: b\r", 0},
    {"a", "/", NULL, "\n", 0},
    {"a", "/", NULL, "A: b\r\n\n", 0},
    {"a", "/", NULL, "\r\n", 0},
    {"a", "/", NULL, "A: b\r\n\r\n", 0},
    {"a", "/", NULL, "A: b\r\n\r\nGET / HTTP/1.1\r\n", 0},
    {"a", "/", NULL, "A: b\r\nC", 0},
    {"a", "/", NULL, "A: b\rc\r\n", 0},
    {"a", "/", NULL, "A: \x01\r\n", 0},
    {"a", "/", NULL, "A: \x7f\r\n", 0},
    {"a", "/", NULL, "A : b\r\n", 0},
    {"a", "/", NULL, " A: b\r\n", 0},
    {"a", "/", NULL, ": b\r\n", 0},
    {"a", "/", NULL, "no colon\r\n", 0},
    {"a", "/", NULL, "A: b\r\n folded\r\n", 0},
    {"a", "/", NULL, "host: b\r\n", 0}, /* what we write, twice */
    {"a", "/", NULL, "Upgrade: h2c\r\n", 0},
    {"a", "/", NULL, "CONNECTION: close\r\n", 0},
    {"a", "/", NULL, "Sec-WebSocket-Key: x\r\n", 0},
    {"a", "/", NULL, "sec-websocket-extensions: x\r\n", 0}, /* gw_ws_check() would refuse it */
    {"a", "/", NULL, "Content-Length: 5\r\n", 0},
    {"a", "/", NULL, "A: b\r\nTransfer-Encoding: chunked\r\n", 0},
};

START_TEST(nothing_can_be_injected_into_a_request)
{
    char out[512] = "untouched", key[GW_WS_KEY_LEN + 1] = "untouched";
    int len = gw_ws_request(out, sizeof(out), key, nonce, parts[_i].host, parts[_i].target,
                            parts[_i].protocols, parts[_i].extra);

    if (parts[_i].valid) {
        ck_assert_int_gt(len, 0);
        return;
    }
    ck_assert_int_eq(len, -EINVAL);
    ck_assert_str_eq(out, "untouched");
    ck_assert_str_eq(key, "untouched");
}
END_TEST

START_TEST(a_request_that_does_not_fit_is_not_begun)
{
    char out[512], key[GW_WS_KEY_LEN + 1] = "untouched";
    int len = gw_ws_request(out, sizeof(out), key, nonce, "a", "/", NULL, NULL);

    ck_assert_int_gt(len, 0);
    memset(out, '~', sizeof(out));
    memcpy(key, "untouched", 10);
    for (size_t room = 0; room < (size_t)len; room++) {
        ck_assert_int_eq(gw_ws_request(out, room, key, nonce, "a", "/", NULL, NULL), -EMSGSIZE);
        ck_assert_int_eq(out[0], '~');
        ck_assert_str_eq(key, "untouched");
    }
    ck_assert_int_eq(gw_ws_request(out, (size_t)len, key, nonce, "a", "/", NULL, NULL), len);
    ck_assert_int_eq(out[len], '~');
}
END_TEST

START_TEST(our_client_and_our_server_agree)
{
    static const char *const ours[] = {"superchat", "chat", NULL};
    char request[512], response[GW_WS_RESPONSE_MAX], key[GW_WS_KEY_LEN + 1];
    uint8_t fresh[16];
    int len, chosen, status;
    size_t response_len;

    for (size_t i = 0; i < sizeof(fresh); i++)
        fresh[i] = (uint8_t)(i * 37 + (size_t)_i * 91);
    len = gw_ws_request(request, sizeof(request), key, fresh, "localhost:9880", "/channels/a?x=y",
                        "chat, superchat", "Origin: null\r\n");
    ck_assert_int_gt(len, 0);
    ck_assert_int_eq(gw_ws_accept(response, &response_len, request, (size_t)len, ours, &chosen), 0);
    ck_assert_int_eq(chosen, 0);
    ck_assert_int_eq(gw_ws_check(response, response_len, key, "chat, superchat", &status), 0);
    ck_assert_int_eq(status, 101);
    key[3] = key[3] == 'A' ? 'B' : 'A';
    ck_assert_int_eq(gw_ws_check(response, response_len, key, "chat, superchat", &status),
                     GW_ERR_HANDSHAKE);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, the_sample_key_has_the_sample_answer);
    tcase_add_loop_test(tests, requests_are_judged_by_every_rule, 0, SUITE_ROWS(requests));
    tcase_add_test(tests, the_answer_to_the_sample_is_that_of_the_rfc);
    tcase_add_loop_test(tests, the_judge_tells_its_verdicts_apart, 0, SUITE_ROWS(verdicts));
    tcase_add_test(tests, a_request_without_host_is_no_handshake);
    tcase_add_loop_test(tests, our_first_protocol_that_is_offered_is_chosen, 0,
                        SUITE_ROWS(protocols));
    tcase_add_loop_test(tests, a_protocol_too_long_for_the_response_is_passed_over, 0, 4);
    tcase_add_test(tests, the_walk_yields_every_name_in_order_and_then_nothing);
    tcase_add_test(tests, the_walk_ends_at_what_is_no_token);
    tcase_add_loop_test(tests, answers_are_judged_by_every_rule, 0, SUITE_ROWS(answers));
    tcase_add_loop_test(tests, an_answer_to_another_key_is_none, 0, 4);
    tcase_add_test(tests, the_request_is_that_of_the_rfc);
    tcase_add_loop_test(tests, nothing_can_be_injected_into_a_request, 0, SUITE_ROWS(parts));
    tcase_add_test(tests, a_request_that_does_not_fit_is_not_begun);
    tcase_add_loop_test(tests, our_client_and_our_server_agree, 0, 3);
}

int main(void)
{
    return suite_main("proto/ws/handshake", fill);
}
