/* beat.h - pings: the heartbeat, and the question how far the peer has got.
 *
 * RFC 6455 section 5.5.3 obliges every peer to answer a ping with a pong of the same payload. So a
 * pong says two things: that the peer is there, and that it has got everything that was sent before
 * the ping. The first is asked every ping_interval; the second when a route wants to know
 * (gw_conn_want_ack()). Both are the same ping, of which one is on its way at most, and at most one
 * begins every GW_BEAT_ACK_NS. Only an exact echo of its random payload counts.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_WEBSOCKET_BEAT_H
#define GW_EDGE_WEBSOCKET_BEAT_H

#include "core/seam.h"
#include "core/str.h"

struct gw_conn;
struct gw_worker;

#define GW_BEAT_ACK_NS (200 * GW_NS_PER_MS)

/* The next heartbeat: ping_interval from now, less up to a fifth, so that those that came together
 * do not stay together. */
void gw_beat_later(struct gw_worker *worker, struct gw_conn *conn);

/* As the transport's want_ack (edge/conn.h). */
void gw_beat_want_ack(struct gw_worker *worker, struct gw_conn *conn);

/* The time has come that was set here: pings, or waits on for the pong, or kills the connection. */
void gw_beat_due(struct gw_worker *worker, struct gw_conn *conn);

/* Bytes have come: a sign of life. */
void gw_beat_alive(struct gw_worker *worker, struct gw_conn *conn);

/* A pong has come: was it the one? */
bool gw_beat_pong(struct gw_worker *worker, struct gw_conn *conn, struct gw_str payload);

#endif
