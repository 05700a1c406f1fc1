/* may.h - the one question that every way to a message asks: may whoever is there do this, with
 * this channel?
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_API_MAY_H
#define GW_EDGE_API_MAY_H

#include "edge/route.h"

/* Returns 0, 401 (a credential is due, and none was given) or 403. */
int gw_api_may(const struct gw_worker *worker, const struct gw_conn *conn, enum gw_action action,
               struct gw_str channel);

/* The same of the channel in a request's path. Whether that is a channel's name is not asked here.
 */
int gw_api_may_there(const struct gw_worker *worker, const struct gw_conn *conn,
                     enum gw_action action, const struct gw_ask *ask);

#endif
