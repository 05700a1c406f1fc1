/* ports.h - the hub's ports, as the worker implements them.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_PORTS_H
#define GW_EDGE_PORTS_H

#include "hub/ports.h"

struct gw_worker;

struct gw_hub_ports gw_edge_ports(struct gw_worker *worker);

#endif
