/* websocket.h - the WebSocket transport, and the variants that it carries.
 *
 * Takes a connection over from the front when its handshake has been judged good, lets its route
 * open it, and then carries messages both ways: what arrives goes to the route, what a channel
 * publishes is sent by the hub's sweep as units of a variant.
 *
 * An open connection on which nothing happens has no memory of its own here: what a half received
 * message, a ping on its way or a rate needs exists only meanwhile.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_WEBSOCKET_WEBSOCKET_H
#define GW_EDGE_WEBSOCKET_WEBSOCKET_H

#include "edge/conn.h"
#include "hub/ports.h"

extern const struct gw_transport gw_websocket;

/* A publication as one unmasked frame: text where it is text or JSON, binary where it is binary.
 * Deflated where that makes it shorter: then the variants' ctx is a struct gw_deflater. */
extern const struct gw_variant gw_variant_websocket, gw_variant_websocket_deflated;

/* The same as JSON: an envelope (proto/text/envelope.h), in one text frame. */
extern const struct gw_variant gw_variant_envelope, gw_variant_envelope_deflated;

/* The subprotocol we speak, if it is offered. */
#define GW_WEBSOCKET_PROTOCOL "godwit"

#endif
