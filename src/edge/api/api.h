/* api.h - the routes of channels and of /echo: what the server does for those who use it.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_API_API_H
#define GW_EDGE_API_API_H

#include "edge/route.h"

/* /channels/{channel}: POST publishes the body; DELETE drops what is kept and starts the stream
 * over; a WebSocket subscribes, and what it sends is published. */
extern const struct gw_route gw_route_channel;

/* /channels/{channel}/history: GET reads what is kept. */
extern const struct gw_route gw_route_history;

/* /channels: POST publishes line by line, each to the channel that it names. */
extern const struct gw_route gw_route_bulk;

/* /echo: a WebSocket that sends back what it gets. */
extern const struct gw_route gw_route_echo;

#endif
