/* session.h - a connection that holds a session, and acknowledges what it gets.
 *
 * The bare page has no library to say how far it got. But its browser answers every ping, and a
 * pong says that all that was sent before the ping has arrived (edge/websocket/beat.h). So each
 * ping is remembered with the places of all subscriptions as it was sent, and its pong moves the
 * watermark there. What no pong has confirmed comes again when the session does: at least once,
 * never less.
 *
 * The watermark goes back to the session's home when the connection is gone, or when somebody newer
 * claims it: then this connection is closed, and whatever pong it still gets moves nothing.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_API_SESSION_H
#define GW_EDGE_API_SESSION_H

#include "edge/api/asked.h"
#include "edge/route.h"

/* Claims the session that a URL names, for a connection that may have all the channels; as
 * gw_hub_claim(). */
int gw_session_claim(struct gw_worker *worker, struct gw_conn *conn, const struct gw_asked *asked,
                     const struct gw_ask *ask, struct gw_claimed *claimed);

/* Takes what became of a claim: `status` as gw_hub_claim() returned it, or as it stands in
 * `*claimed`. With `since_given` the URL says where to begin, and not the session. Returns 0: the
 * connection holds it; or what on_open returns then, and `*reason`. */
int gw_session_begin(struct gw_worker *worker, struct gw_conn *conn, int status,
                     const struct gw_claimed *claimed, bool since_given, const char **reason);

/* Does it hold one; and does that go on, because another connection has held it before? */
bool gw_session_held(const struct gw_conn *conn);
bool gw_session_resumed(const struct gw_conn *conn);

/* Is it the session that says where to begin? Then stores where in its channel number `i`. */
bool gw_session_says(const struct gw_conn *conn);
void gw_session_since(const struct gw_conn *conn, uint32_t i, struct gw_since *since);

/* Subscription number `i` stands, as all others do: to be said of each in turn, from 0 on. */
void gw_session_stands(struct gw_worker *worker, struct gw_conn *conn, uint32_t i,
                       const struct gw_subscribed *result);

/* The client is about to be told, by close code 4410, that what its session lacks is gone. Whoever
 * comes back is told so again, until a client has answered. */
void gw_session_told(struct gw_worker *worker, struct gw_conn *conn, enum gw_reset reason);

/* The watermark, which is the caller's from now on; NULL when there is none. */
struct gw_watermark *gw_session_let_go(struct gw_conn *conn);

#define GW_SESSION_TAKEN "the session has been taken over"

/* Handlers of a route whose connections may hold a session. Those without one pay nothing. */
void gw_session_progress(struct gw_worker *worker, struct gw_conn *conn);
bool gw_session_ping(struct gw_worker *worker, struct gw_conn *conn);
void gw_session_pong(struct gw_worker *worker, struct gw_conn *conn);
void gw_session_farewell(struct gw_worker *worker, struct gw_conn *conn);

#endif
