/* ws_request_fuzz.c - the request that our client sends is one request, whatever it is asked for.
 *
 * The input is 16 bytes of nonce, then host, target, subprotocols and further header lines, each
 * ended by a NUL; an empty list or no lines stand for NULL. What is written must be exactly one
 * head: no part of it may begin another, or a body. Where the host is one and nothing was added,
 * our server accepts it and our client takes the answer. The same with an offer of compression.
 *
 * Threads: one. */
#include <errno.h>
#include <godwit/ws.h>

#include "http.h"
#include "proto/http/host.h"

#define ROOM 4096u

struct wish {
    uint8_t nonce[16];
    char *host, *target, *protocols, *extra;
};

static char *text_of(struct gw_str word)
{
    char *text = malloc(word.len + 1);

    require(text);
    if (word.len > 0)
        memcpy(text, word.data, word.len);
    text[word.len] = '\0';
    return text;
}

static struct wish read_wish(struct fuzz_input *input)
{
    struct wish wish = {.nonce = {0}};
    struct gw_str nonce = fuzz_bytes(input, sizeof(wish.nonce));

    if (nonce.len > 0)
        memcpy(wish.nonce, nonce.data, nonce.len);
    wish.host = text_of(fuzz_word(input));
    wish.target = text_of(fuzz_word(input));
    wish.protocols = text_of(fuzz_word(input));
    wish.extra = text_of(fuzz_word(input));
    return wish;
}

static int make(const struct wish *wish, char *out, size_t room, char key[GW_WS_KEY_LEN + 1])
{
    return gw_ws_request(out, room, key, wish->nonce, wish->host, wish->target,
                         wish->protocols[0] ? wish->protocols : NULL,
                         wish->extra[0] ? wish->extra : NULL);
}

/* One head and nothing behind it, or one that a server refuses as a whole. */
static void require_one_head(const char *out, size_t len)
{
    static struct gw_http_request request;
    struct gw_http_limits widest = {64 * 1024, GW_HTTP_HEADERS_ROOM, 64 * 1024};
    struct gw_http_refusal refusal = {0, NULL};
    int head_len = http_scan_both_ways(&widest, out, len);

    require(head_len < 0 || (size_t)head_len == len);
    if (head_len < 0 || gw_http_request_parse(&request, &widest, out, len, &refusal) < 0)
        return;
    require(request.method == GW_HTTP_GET && request.body_kind == GW_HTTP_NO_BODY);
    require(request.upgrade);
}

static void shake_hands(const struct wish *wish, const char *out, size_t len, const char *key)
{
    char answer[GW_WS_RESPONSE_MAX];
    struct gw_http_host host;
    size_t answer_len;
    int status;

    if (wish->extra[0] || !gw_http_host_parse(&host, GW_STR(wish->host)))
        return;
    require(gw_ws_accept(answer, &answer_len, out, len, NULL, NULL) == 0);
    require(gw_ws_check(answer, answer_len, key, NULL, &status) == 0);
}

static struct gw_ws_deflate_terms make_terms(uint8_t windows, uint8_t takeovers)
{
    return (struct gw_ws_deflate_terms){(uint8_t)(8 + windows % 8), (uint8_t)(8 + windows / 8 % 8),
                                        takeovers & 1, takeovers >> 1 & 1};
}

/* The same with compression, whose terms are made of the nonce: both ends come to the same ones,
 * and neither allows what the other one forbade. */
static void shake_hands_compressed(const struct wish *wish)
{
    struct gw_ws_deflate_terms offered = make_terms(wish->nonce[0], wish->nonce[1]),
                               wanted = make_terms(wish->nonce[2], wish->nonce[3]), here, there;
    char request[ROOM], key[GW_WS_KEY_LEN + 1], answer[GW_WS_RESPONSE_MAX];
    size_t answer_len;
    int status, len = gw_ws_request_deflate(request, ROOM, key, wish->nonce, "h", "/", NULL, NULL,
                                            &offered);

    require(len > 0);
    require_written(request, (size_t)len);
    require(gw_ws_accept_deflate(answer, &answer_len, request, (size_t)len, NULL, NULL, &wanted,
                                 &there) == 0);
    require_written(answer, answer_len);
    require(gw_ws_check_deflate(answer, answer_len, key, NULL, &status, &offered, &here) == 0);
    require(memcmp(&here, &there, sizeof(here)) == 0);
    require(here.server_takeover <= (offered.server_takeover & wanted.server_takeover));
    require(here.client_takeover <= (offered.client_takeover & wanted.client_takeover));
    require(here.server_window_bits <= offered.server_window_bits);
}

static void try_wish(const struct wish *wish)
{
    char *out = malloc(ROOM), key[GW_WS_KEY_LEN + 1];
    int len, again;

    require(out);
    memset(out, 0xa5, ROOM);
    memset(key, 0xa5, sizeof(key));
    len = make(wish, out, ROOM, key);
    require(len > 0 || len == -EINVAL || len == -EMSGSIZE);
    if (len < 0) {
        require((uint8_t)out[0] == 0xa5 && (uint8_t)key[0] == 0xa5);
    } else {
        require(len <= (int)ROOM && key[GW_WS_KEY_LEN] == '\0');
        require_written(out, (size_t)len);
        require_written(key, sizeof(key));
        require_one_head(out, (size_t)len);
        shake_hands(wish, out, (size_t)len, key);
        again = make(wish, out, (size_t)len - 1, key);
        require(again == -EMSGSIZE);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_input input = {data, len};
    struct wish wish = read_wish(&input);

    try_wish(&wish);
    shake_hands_compressed(&wish);
    free(wish.host);
    free(wish.target);
    free(wish.protocols);
    free(wish.extra);
    return 0;
}
