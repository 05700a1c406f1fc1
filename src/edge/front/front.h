/* front.h - the HTTP/1.1 front door, as a transport.
 *
 * Every connection begins here. A request's head is found and parsed where it lies, judged (Host,
 * Origin, route, method, credential), and then either answered by its route or, when it is a
 * WebSocket handshake, handed to that transport. A request that lies whole in one read costs no
 * memory; one that arrives in pieces gets an exchange, bounded by max_head and max_body.
 *
 * Whatever is refused for its form closes the connection, and not a byte behind it is interpreted.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_FRONT_FRONT_H
#define GW_EDGE_FRONT_FRONT_H

#include "edge/conn.h"

extern const struct gw_transport gw_front;

#endif
