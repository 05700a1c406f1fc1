/* out.h - what a WebSocket says for itself, as frames in the worker's tray.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_WEBSOCKET_OUT_H
#define GW_EDGE_WEBSOCKET_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <godwit/ws.h>

struct gw_conn;
struct gw_worker;

/* One frame, as it is. Copies. */
void gw_out_frame(struct gw_worker *worker, struct gw_conn *conn, enum gw_ws_opcode opcode,
                  const void *data, size_t len);

/* A message, compressed where that was agreed on and makes it shorter; as the transport's `send`.
 */
void gw_out_message(struct gw_worker *worker, struct gw_conn *conn, bool text, uint8_t *data,
                    size_t len, size_t headroom);

#endif
