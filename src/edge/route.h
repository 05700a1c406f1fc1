/* route.h - the table through which connections meet the rest of the program.
 *
 * A route is a path and what is to happen there. The server program is itself nothing but a table
 * of them; this is what will become godwit/server.h.
 *
 * Threads: handlers run on the connection's worker and must not block. They may call everything
 * declared here for their own connection. */
#ifndef GW_EDGE_ROUTE_H
#define GW_EDGE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/conn.h"
#include "proto/http/answer.h"
#include "proto/http/head.h"

/* What a handler sees of a request; borrowed until it returns. */
struct gw_ask {
    const struct gw_http_request *request;
    struct gw_str param; /* what stood for {name} in the route's path, still percent-encoded */
    struct gw_str body;  /* on_request: all of it */
};

/* A message of a WebSocket client; `data` is borrowed until the handler returns, and may be
 * overwritten by it together with `headroom` bytes before it. */
struct gw_message {
    bool text;
    uint8_t *data;
    size_t len, headroom;
};

#define GW_ROUTE_GET     (1u << 0)
#define GW_ROUTE_POST    (1u << 1)
#define GW_ROUTE_DELETE  (1u << 2)
#define GW_ROUTE_UNRATED (1u << 8) /* message_rate and byte_rate do not apply */

struct gw_route {
    const char *path; /* "/echo", or "/channels/{channel}": the braces take one whole segment */
    unsigned flags;   /* methods that on_request serves (GET brings HEAD), and GW_ROUTE_UNRATED */

    /* Before a body is read: 0, or the HTTP status to refuse with. May be NULL. */
    int (*may)(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask);

    /* An HTTP request. Returns 0 when it has called gw_conn_answer() or gw_conn_problem(),
     * GW_PENDING when it will, by handle. NULL together with on_open: the route is for WebSocket
     * only. */
    int (*on_request)(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask);

    /* A WebSocket asks in. Returns 0: it is open; GW_PENDING: gw_conn_opened() follows; 1000 or
     * above: the handshake is completed and then closed with that code and `*reason` (static); or a
     * negative error: refused with 503. NULL: no WebSocket here. */
    int (*on_open)(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask,
                   const char **reason);
    /* It is open, and nothing that its channels say has been sent: what comes first? May be NULL.
     */
    void (*on_opened)(struct gw_worker *worker, struct gw_conn *conn);
    /* May call gw_conn_park() when it cannot deal with the message yet: on_room() follows, and no
     * other message before. */
    void (*on_message)(struct gw_worker *worker, struct gw_conn *conn,
                       const struct gw_message *message);
    /* Would on_message() take a message now, or close for lack of a right? Asked where it costs
     * something to find out what a message says: what is compressed is not inflated for someone who
     * may not send it. NULL: always. */
    bool (*may_send)(struct gw_worker *worker, struct gw_conn *conn);
    /* The connection is over; `code` as in RFC 6455 (1006 when it just broke). Not called after a
     * refused on_open. May be NULL. */
    void (*on_close)(struct gw_worker *worker, struct gw_conn *conn, uint16_t code);
    /* The peer broke the protocol or the socket failed; on_close follows. May be NULL. */
    void (*on_error)(struct gw_worker *worker, struct gw_conn *conn, int error);

    /* Answers of the hub to what the route asked of it (hub/ports.h); on_lost comes in a turn when
     * the connection is open and can be written to, and may do anything. NULL where it asks
     * nothing. */
    void (*on_subscribed)(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                          const struct gw_subscribed *result);
    void (*on_published)(struct gw_worker *worker, struct gw_conn *conn,
                         const struct gw_published *result);
    void (*on_read)(struct gw_worker *worker, struct gw_conn *conn, const struct gw_page *page);
    void (*on_lost)(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                    enum gw_reset reason);

    /* The same of sessions: the answer to a claim, whose watermark is taken; and the watermark of
     * the session it holds, or NULL, after which it is closed. Also for a connection that is dead
     * and not yet removed. */
    void (*on_claimed)(struct gw_worker *worker, struct gw_conn *conn,
                       const struct gw_claimed *result);
    struct gw_watermark *(*on_recalled)(struct gw_worker *worker, struct gw_conn *conn);

    /* A tracked subscription has moved, as a rule in a flush: this is no time to write. */
    void (*on_progress)(struct gw_worker *worker, struct gw_conn *conn);
    /* A ping is about to be sent, behind all that was handed to the socket before: does it matter
     * here? And its pong has come. Between the two there is no other. */
    bool (*on_ping)(struct gw_worker *worker, struct gw_conn *conn);
    void (*on_pong)(struct gw_worker *worker, struct gw_conn *conn);
    /* The peer's own close frame has come: it has read all that was sent before ours, if ours was
     * sent. Also after a refused on_open. */
    void (*on_farewell)(struct gw_worker *worker, struct gw_conn *conn);

    /* A parked connection may try again: it parks itself anew if there is still no room, but not
     * when this is the `last` time (a request has waited too long): then it answers that it could
     * not. */
    void (*on_room)(struct gw_worker *worker, struct gw_conn *conn, bool last);

    /* The connection is removed: give back what `user` holds. May be NULL. */
    void (*on_gone)(struct gw_worker *worker, struct gw_conn *conn);
};

/* Finds the route of a path; `*param` gets what stood for the braces. NULL: none. */
const struct gw_route *gw_route_find(const struct gw_route *const *routes, size_t count,
                                     struct gw_str path, struct gw_str *param);

/* Answers the request of `conn`. keep_alive and head_only of `answer` are filled in here. */
void gw_conn_answer(struct gw_worker *worker, struct gw_conn *conn, struct gw_http_answer *answer);
void gw_conn_problem(struct gw_worker *worker, struct gw_conn *conn, int status, const char *detail,
                     const char *extra);

/* The same with a body that was written (`status_of_body` 0) or for which there was no memory. */
void gw_conn_problem_body(struct gw_worker *worker, struct gw_conn *conn, int status,
                          const struct gw_buf *body, int status_of_body, const char *extra);

#define GW_NO_ROOM "there is no room for another subscription now"

/* Refuses in HTTP, with a 503, a WebSocket that has not been told anything yet. */
void gw_conn_refuse_upgrade(struct gw_worker *worker, struct gw_conn *conn, const char *detail);

/* Answers a pending on_open: `code` as on_open returns, but not GW_PENDING. */
void gw_conn_opened(struct gw_worker *worker, struct gw_conn *conn, int code, const char *reason);

/* Sends one message (text must be valid UTF-8). With `headroom` the bytes before `data` may be
 * overwritten, and nothing is copied where `data` is an incoming message. */
void gw_conn_send(struct gw_worker *worker, struct gw_conn *conn, bool text, uint8_t *data,
                  size_t len, size_t headroom);

/* on_ping() and on_pong() are to follow soon, for all that has been sent until then. */
void gw_conn_want_ack(struct gw_worker *worker, struct gw_conn *conn);

/* Begins the closing handshake; once is enough. */
void gw_conn_close(struct gw_worker *worker, struct gw_conn *conn, uint16_t code,
                   struct gw_str reason);

#endif
