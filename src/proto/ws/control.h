/* control.h - what a control frame says, and what a failure is called on the wire.
 *
 * Threads: any. */
#ifndef GW_PROTO_WS_CONTROL_H
#define GW_PROTO_WS_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include <godwit/ws.h>

/* Fills in the event of a whole control frame (RFC 6455 section 5.5), whose unmasked payload is
 * lent to it; `event->headroom` is set already. Returns 1, or why the frame is refused. */
int gw_ws_control_event(uint8_t opcode, uint8_t *payload, size_t len, struct gw_ws_event *event);

/* The close code for a reason to fail the connection (section 7.4.1). */
uint16_t gw_ws_control_code(int reason);

#endif
