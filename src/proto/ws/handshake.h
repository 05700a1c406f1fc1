/* handshake.h - RFC 6455 section 4 on heads that proto/http has parsed.
 *
 * The server's front door has parsed the head already; it asks here whether it is a WebSocket
 * handshake, and writes the 101 itself from what it gets. gw_ws_accept() and gw_ws_check() are
 * these on raw bytes.
 *
 * Threads: any. */
#ifndef GW_PROTO_WS_HANDSHAKE_H
#define GW_PROTO_WS_HANDSHAKE_H

#include <stdbool.h>

#include "core/str.h"

struct gw_http_request;
struct gw_http_response;

#define GW_WS_ACCEPT_LEN 28 /* base64 of 20 bytes */

enum gw_ws_verdict {
    GW_WS_IS_HANDSHAKE,  /* answer 101 */
    GW_WS_IS_NOT,        /* it does not ask for an upgrade to websocket at all */
    GW_WS_WRONG_METHOD,  /* not a GET: 405 */
    GW_WS_WRONG_VERSION, /* version missing or not 13: 426 with Sec-WebSocket-Version: 13 */
    GW_WS_MALFORMED      /* a header missing, doubled or malformed: 400 */
};

/* Section 4.2.1, every header rule: GET, HTTP/1.1, Host, `Upgrade` with the token websocket and
 * `Connection` with the token upgrade (lists, any case), exactly one Sec-WebSocket-Version of 13,
 * exactly one Sec-WebSocket-Key that decodes to 16 bytes; and Sec-WebSocket-Protocol and
 * Sec-WebSocket-Extensions, where they are present, well formed (extension.h chooses among them).
 * `*detail` becomes a sentence for the refusal (static), and stays as it was for a handshake. */
enum gw_ws_verdict gw_ws_handshake_judge(const struct gw_http_request *request,
                                         const char **detail);

/* Sec-WebSocket-Accept for a key of GW_WS_KEY_LEN characters, as the judge has made sure (section
 * 4.2.2, item 5.4). */
void gw_ws_handshake_accept(char out[GW_WS_ACCEPT_LEN], struct gw_str key);

/* Walks the subprotocols a client offers (all Sec-WebSocket-Protocol headers, in order): `*at`
 * starts at 0. Returns false when there are no more. A name that is not a token ends the walk with
 * `*malformed` set, which is not touched otherwise; it does not happen to a judged request. */
bool gw_ws_handshake_protocol(const struct gw_http_request *request, size_t *at,
                              struct gw_str *name, bool *malformed);

/* The client's side, section 4.1: is it a 101 that answers `key`, with no subprotocol that is not
 * in the list `protocols` we offered? Of its extensions gw_ws_extension_answered() is the judge. */
bool gw_ws_handshake_answered(const struct gw_http_response *response, struct gw_str key,
                              struct gw_str protocols);

#endif
