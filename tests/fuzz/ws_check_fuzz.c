/* ws_check_fuzz.c - the client's half of the opening handshake, for any answer.
 *
 * The key is the one of RFC 6455 section 1.3, so that the right answer is known. Its bytes must
 * stand in whatever is accepted, the status must be 101, and it answers no other key; the answer of
 * section 4.2.2 is accepted; and without the offer of a subprotocol nothing more may be accepted
 * than with it.
 *
 * Threads: one. */
#include <godwit/ws.h>

#include "fuzz.h"

#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define RIGHT                                                                                      \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *head = (const char *)data;
    int status = -1, status_without = -1;
    int got = gw_ws_check(head, len, KEY, "chat, superchat", &status);
    int without = gw_ws_check(head, len, KEY, NULL, &status_without);

    require(got == 0 || got == GW_ERR_HANDSHAKE);
    require(status == 0 || (status >= 100 && status <= 599));
    require(status == status_without);
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
