/* opening.h - from a good handshake to an open WebSocket, or to one that is closed with a reason.
 *
 * A bare page cannot see an HTTP status. So what concerns credentials, permissions or parameters
 * completes the handshake and then closes, with a code that the page does see.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_WEBSOCKET_OPENING_H
#define GW_EDGE_WEBSOCKET_OPENING_H

#include <stdint.h>

struct gw_ask;
struct gw_conn;
struct gw_worker;

/* As the transport's `take` and `on_opened` (edge/conn.h). */
int gw_websocket_take(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask,
                      uint16_t refusal);
void gw_websocket_opened(struct gw_worker *worker, struct gw_conn *conn, int code,
                         const char *reason);

#endif
