/* accept.h - letting connections in, or not: the caps on all of them and on each address.
 *
 * Above `max_connections` a newcomer gets a 503, above `max_per_address` or `accept_rate` a 429. An
 * address is an IPv4 address or the /64 of an IPv6 one; loopback is exempt. An address is
 * remembered while it has connections or its rate has not recovered.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_ACCEPT_H
#define GW_EDGE_ACCEPT_H

#include <stddef.h>
#include <stdint.h>

struct gw_addresses;
struct gw_alloc;
struct gw_conn;
struct gw_worker;

int gw_addresses_new(struct gw_addresses **out, struct gw_worker *worker); /* 0 or -ENOMEM */
void gw_addresses_free(struct gw_addresses *addresses,
                       const struct gw_alloc *alloc); /* NULL is fine */

/* Takes what waits at the listeners that are ready, so many a turn. */
void gw_accept_waiting(struct gw_worker *worker);

/* A connection goes: its address has one less. */
void gw_accept_release(struct gw_worker *worker, struct gw_conn *conn);

/* The address that a connection is counted by: GW_ADDRESS_BYTES, or 0 where it is exempt. */
#define GW_ADDRESS_BYTES 16
size_t gw_accept_address(const struct gw_worker *worker, const struct gw_conn *conn,
                         uint8_t out[GW_ADDRESS_BYTES]);

#endif
