/* ws_check_fuzz.c - the client's half of the opening handshake, for any answer.
 *
 * The key is the one of RFC 6455 section 1.3, so that the right answer is known. Its bytes must
 * stand in whatever is accepted, the status must be 101, and it answers no other key; the answer of
 * section 4.2.2 is accepted; and without the offer of a subprotocol, or of compression, nothing
 * more may be accepted than with it.
 *
 * What is agreed on compression is never more than was offered, and is nothing where the answer
 * does not name it.
 *
 * Threads: one. */
#include <godwit/ws.h>

#include "fuzz.h"

#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define RIGHT                                                                                      \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n"

static bool names_deflate(const uint8_t *data, size_t len)
{
    static const char name[] = "permessage-deflate";

    return memmem(data, len, name, sizeof(name) - 1) != NULL;
}

/* `without` is what came of the same answer where no compression was offered. */
static void check_compressed(const uint8_t *data, size_t len,
                             const struct gw_ws_deflate_terms *offered, int without)
{
    struct gw_ws_deflate_terms agreed = {77, 77, 77, 77};
    int status;
    int got = gw_ws_check_deflate((const char *)data, len, KEY, "chat, superchat", &status, offered,
                                  &agreed);
    bool is_nothing = agreed.server_window_bits == 0;

    require(got == 0 || got == GW_ERR_HANDSHAKE);
    if (is_nothing) {
        require(agreed.client_window_bits == 0);
        require(agreed.server_takeover == 0 && agreed.client_takeover == 0);
        require(got == without); /* it was no answer to the offer */
        return;
    }
    require(got == 0 && without < 0 && names_deflate(data, len));
    require(agreed.server_window_bits >= 8 &&
            agreed.server_window_bits <= offered->server_window_bits);
    require(agreed.client_window_bits >= 8 &&
            agreed.client_window_bits <= offered->client_window_bits);
    require(agreed.server_takeover <= offered->server_takeover);
    require(agreed.client_takeover <= offered->client_takeover);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct gw_ws_deflate_terms any = {15, 15, 1, 1}, meek = GW_WS_DEFLATE_TERMS_INIT;
    const char *head = (const char *)data;
    int status = -1, status_without = -1;
    int got = gw_ws_check(head, len, KEY, "chat, superchat", &status);
    int without = gw_ws_check(head, len, KEY, NULL, &status_without);

    require(got == 0 || got == GW_ERR_HANDSHAKE);
    require(status == 0 || (status >= 100 && status <= 599));
    require(status == status_without);
    check_compressed(data, len, &any, got);
    check_compressed(data, len, &meek, got);
    if (len == strlen(RIGHT) && memcmp(data, RIGHT, len) == 0)
        require(got == 0 && without == 0);
    if (got < 0) {
        require(without < 0);
        return 0;
    }
    require(status == 101 && memmem(data, len, ACCEPT, sizeof(ACCEPT) - 1));
    require(gw_ws_check(head, len, "bm90IHRoYXQgbm9uY2UhIQ==", "chat, superchat", NULL) < 0);
    return 0;
}
