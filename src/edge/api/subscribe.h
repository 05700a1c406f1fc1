/* subscribe.h - the WebSocket half of a channel's route: what a client subscribes to, what it is
 * told, and what becomes of what it sends.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_API_SUBSCRIBE_H
#define GW_EDGE_API_SUBSCRIBE_H

#include "edge/route.h"

/* Handlers of the route (edge/route.h). */
int gw_subscribe_open(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask,
                      const char **reason);
void gw_subscribe_answered(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                           const struct gw_subscribed *result);
void gw_subscribe_opened(struct gw_worker *worker, struct gw_conn *conn);
void gw_subscribe_lost(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                       enum gw_reset reason);
void gw_subscribe_message(struct gw_worker *worker, struct gw_conn *conn,
                          const struct gw_message *message);
bool gw_subscribe_may_send(struct gw_worker *worker, struct gw_conn *conn);

/* Publishes what the client sent: the hub has `pub` (taken), or it waits for room, or the
 * connection hears why not. */
void gw_subscribe_publish(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name,
                          struct gw_pub *pub);

#endif
