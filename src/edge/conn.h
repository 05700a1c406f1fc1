/* conn.h - one connection of a client, 96 bytes while nothing happens on it.
 *
 * A server holds very many connections and nearly all are idle. So what few need hangs off a
 * pointer that is NULL for the others: `state` belongs to the transport (an HTTP exchange, a half
 * received WebSocket message), `owed` exists while the socket takes no more, `stash` while there is
 * input that could not be used yet.
 *
 * What a connection says for itself (answers, echoes, pongs, closes) is its *private* output and
 * goes through the worker's tray (tray.h); what a channel says is sent by the hub's sweep. Private
 * bytes enter only between two messages: while the socket is in mid-message they wait in `owed`,
 * behind the rest of that message.
 *
 * A connection is named by a handle wherever an answer can come later; a pointer is never kept
 * across a turn. Closing inside a turn only marks (gw_conn_kill()); it is gone at the turn's end.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_CONN_H
#define GW_EDGE_CONN_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/auth.h"
#include "core/buf.h"
#include "core/wheel.h"
#include "hub/hub.h"

struct gw_ask;
struct gw_worker;
struct gw_route;
struct gw_transport;

/* The life of a connection. gw_conn_move() asserts that a move is in the table in conn.c. */
enum gw_conn_phase {
    GW_CONN_REQUEST, /* HTTP: a request is awaited or arriving */
    GW_CONN_ANSWER,  /* HTTP: a request is being worked on; not read meanwhile */
    GW_CONN_OPENING, /* WebSocket: subscribing, the 101 is not sent yet; not read meanwhile */
    GW_CONN_OPEN,    /* WebSocket: messages both ways */
    GW_CONN_CLOSING, /* WebSocket: our close frame is sent, the peer's is awaited */
    GW_CONN_LINGER,  /* nothing more is said; input is thrown away until the peer is done or time is
                        up */
    GW_CONN_DEAD,    /* marked: removed at the end of the turn */
    GW_CONN_PHASES
};

enum gw_conn_flag {
    GW_CONN_READABLE = 1 << 0,    /* an edge was seen and not used up */
    GW_CONN_PEER_CLOSED = 1 << 1, /* the peer sends nothing more */
    GW_CONN_QUEUED = 1 << 2,      /* stands in the worker's line of those that want a turn */
    GW_CONN_PARKED = 1 << 3,      /* what it publishes found no room; asked again every turn */
    GW_CONN_FINISH = 1 << 4,      /* shut down our half when nothing is owed any more */
    GW_CONN_OPENED = 1 << 5,      /* on_open was content; on_close is due */
    GW_CONN_LAST = 1 << 6,        /* this answer is the last: do not keep alive */
    GW_CONN_HEAD_ONLY = 1 << 7,   /* the request was a HEAD */
    GW_CONN_SERVED = 1 << 8,      /* HTTP: a request has been answered; the next is a later one */
    GW_CONN_PAGE = 1 << 9,        /* asked by a page whose Origin is good: it may read the answer */
    GW_CONN_DEFLATED = 1 << 10,   /* WebSocket: permessage-deflate was agreed on */
    GW_CONN_ENVELOPES = 1 << 11,  /* what its channels say comes in envelopes, resets too */
    GW_CONN_MANY = 1 << 12,       /* `subscription` is the index of a list (subs.h) */
    GW_CONN_LOST = 1 << 13,       /* a subscription has lost its place, and the route is not told */
    GW_CONN_RESTARTED = 1 << 14, /* ... because its stream started over, where it is the only one */
};

#define GW_SUBSCRIPTION_NONE UINT32_MAX
#define GW_CONN_NONE         UINT32_MAX

struct gw_conn {
    struct gw_timer
        timer; /* its one entry in the wheel; `spare` is the tick its transport waits for */
    const struct gw_transport *transport;
    const struct gw_route *route; /* NULL before a request has named one */
    struct gw_owed *owed;         /* not NULL: the socket takes no more */
    void *state;                  /* the transport's */
    struct gw_buf *stash;         /* input that arrived and is not used up */
    void *user;                   /* the route's */
    int fd;
    uint32_t index;        /* in the worker's slab */
    uint32_t subscription; /* subs.h */
    uint32_t address;      /* index in the table of addresses, or GW_CONN_NONE */
    uint32_t next;         /* in the line */
    uint8_t phase;         /* enum gw_conn_phase */
    struct gw_grant grant;
    uint16_t flags; /* enum gw_conn_flag */
};
static_assert(sizeof(struct gw_conn) <= 96, "an idle connection is 96 bytes");

/* What a blocked socket is owed: first the rest of the message it stopped in, then private bytes.
 */
struct gw_owed {
    struct gw_unit_pin pin;
    bool pinned;
    int unsent;            /* the kernel's unsent bytes when last looked at, or -1 */
    uint64_t begun_ns;     /* when the message it stopped in, or the blocking, began */
    uint64_t progress_ns;  /* when bytes were last seen to go */
    uint64_t look_ns;      /* when to look at them next */
    struct gw_buf waiting; /* private bytes */
};

/* How a connection speaks. */
struct gw_transport {
    const char *name;
    /* Uses up to `len` bytes and returns how many; the rest is stashed and offered again together
     * with what arrives next. Not called while the connection is paused (gw_conn_paused()); must
     * stop and return as soon as it becomes so. */
    size_t (*on_input)(struct gw_worker *worker, struct gw_conn *conn, uint8_t *data, size_t len);
    /* The peer sends nothing more, and all it sent was offered. */
    void (*on_eof)(struct gw_worker *worker, struct gw_conn *conn);
    /* The time set by gw_conn_set_due() has come. */
    void (*on_due)(struct gw_worker *worker, struct gw_conn *conn);
    /* A parked publisher may try again. */
    void (*on_room)(struct gw_worker *worker, struct gw_conn *conn);
    /* The server is going. */
    void (*on_drain)(struct gw_worker *worker, struct gw_conn *conn);
    /* It is being removed: give back `state`. */
    void (*on_gone)(struct gw_worker *worker, struct gw_conn *conn);
    /* HTTP: the answer to the request of phase ANSWER has been written. May be NULL. */
    void (*on_answered)(struct gw_worker *worker, struct gw_conn *conn);
    /* WebSocket: takes a connection over from the front whose handshake has been judged good;
     * `refusal` is 0 or the close code that its credential has earned. Returns 0, or a negative
     * error: nothing was said, refuse it in HTTP. NULL for transports nobody upgrades to, as the
     * rest below. */
    int (*take)(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask,
                uint16_t refusal);
    void (*on_opened)(struct gw_worker *worker, struct gw_conn *conn, int code, const char *reason);
    void (*send)(struct gw_worker *worker, struct gw_conn *conn, bool text, uint8_t *data,
                 size_t len, size_t headroom);
    void (*close)(struct gw_worker *worker, struct gw_conn *conn, uint16_t code,
                  struct gw_str reason);
    void (*want_ack)(struct gw_worker *worker, struct gw_conn *conn);
};

void gw_conn_move(struct gw_conn *conn, enum gw_conn_phase to);

/* Is it to be left alone: blocked, parked, or waiting for an answer? Then it is not read. */
static inline bool gw_conn_paused(const struct gw_conn *conn)
{
    return conn->owed || (conn->flags & GW_CONN_PARKED) || conn->phase == GW_CONN_ANSWER ||
           conn->phase == GW_CONN_OPENING || conn->phase == GW_CONN_DEAD;
}

/* The handle to name it by; and the connection of a handle, NULL when it is gone or marked. */
uint64_t gw_conn_handle(const struct gw_worker *worker, const struct gw_conn *conn);
struct gw_conn *gw_conn_find(const struct gw_worker *worker, uint64_t handle);

/* When the transport wants its on_due() (in the past: now). Replaces the time before. */
void gw_conn_set_due(struct gw_worker *worker, struct gw_conn *conn, uint64_t due_ns);

/* For the worker: puts the timer where the earlier of the transport's time and what is owed wants
 * it; and has the transport's time come? */
void gw_conn_rearm(struct gw_worker *worker, struct gw_conn *conn);
bool gw_conn_is_due(const struct gw_worker *worker, const struct gw_conn *conn);

/* Marks it dead: nothing more is sent, read or reported; its socket is closed at the turn's end.
 * Twice is fine. */
void gw_conn_kill(struct gw_worker *worker, struct gw_conn *conn);

/* Puts it into the line of those that want a turn: to read on, to publish again, to hear what it
 * has lost. */
void gw_conn_queue(struct gw_worker *worker, struct gw_conn *conn);

/* What it publishes found no room: it is not read until its transport's on_room() has found some.
 */
void gw_conn_park(struct gw_worker *worker, struct gw_conn *conn);

/* After the pause is over: tells what is lost, offers the stash and reads on, in the same or the
 * next turn. */
void gw_conn_resume(struct gw_worker *worker, struct gw_conn *conn);

/* All has been said: when nothing is owed any more our half is shut down, and input is thrown away
 * until the peer closes too or close_timeout is over, so that the last words are not lost to a
 * reset (RFC 9112 section 9.6). */
void gw_conn_linger(struct gw_worker *worker, struct gw_conn *conn);
void gw_conn_finish(struct gw_worker *worker,
                    struct gw_conn *conn); /* for tray.c: nothing is owed any more */

#endif
