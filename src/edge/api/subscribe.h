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
void gw_subscribe_claimed(struct gw_worker *worker, struct gw_conn *conn,
                          const struct gw_claimed *claimed);
struct gw_watermark *gw_subscribe_recalled(struct gw_worker *worker, struct gw_conn *conn);
void gw_subscribe_opened(struct gw_worker *worker, struct gw_conn *conn);
void gw_subscribe_lost(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                       enum gw_reset reason);
void gw_subscribe_message(struct gw_worker *worker, struct gw_conn *conn,
                          const struct gw_message *message);
bool gw_subscribe_may_send(struct gw_worker *worker, struct gw_conn *conn);

/* A message that found no room is published again. */
void gw_subscribe_room(struct gw_worker *worker, struct gw_conn *conn);

#endif
