/* tell.h - what a reader of envelopes is told of its channels, besides what they say.
 *
 * Each is one private text message (proto/text/control.h). Where memory is out the connection ends,
 * and that tells it too.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_API_TELL_H
#define GW_EDGE_API_TELL_H

#include "edge/route.h"
#include "proto/text/control.h"

/* Where its stream starts. */
void gw_tell_subscribed(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                        const struct gw_position *start, enum gw_recovered recovered);

/* Something is missing: it goes on behind `position`. */
void gw_tell_reset(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                   enum gw_reset reason, const struct gw_position *position);

#endif
