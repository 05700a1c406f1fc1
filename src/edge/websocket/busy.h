/* busy.h - what a WebSocket needs only while something happens on it.
 *
 * Hangs off the connection's `state`, made when first needed, given back when a heartbeat finds
 * that nothing in it is worth remembering.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_WEBSOCKET_BUSY_H
#define GW_EDGE_WEBSOCKET_BUSY_H

#include <stdbool.h>
#include <stdint.h>

#include <godwit/ws.h>

#include "proto/ws/inflate.h"
#include "proto/ws/reader.h"

struct gw_conn;
struct gw_worker;

/* The 101 that is said when the route has answered. */
struct gw_opening {
    size_t len;
    char head[GW_WS_RESPONSE_MAX];
};

struct gw_busy {
    struct gw_opening *opening;    /* owned; phase OPENING only */
    struct gw_ws_partial *partial; /* owned; an unfinished message */
    struct gw_ws_inflate inflate;  /* owned; of that message, if it is compressed */
    uint64_t begun_ns;             /* when it began, while there is one */
    /* Rates are leaky buckets, kept as the time at which each is empty again. */
    uint64_t message_ns, byte_ns, control_ns;
    uint64_t again_ns; /* the next ping, not before */
    int unsent;        /* the kernel's unsent bytes when the pong was last waited for */
    bool ping_out;     /* a ping with `nonce` is on its way */
    bool ack_wanted;   /* somebody wants to know of one that is still to be sent */
    uint8_t nonce[8];
};

/* The connection's, made if need be. NULL, and the connection is killed, when memory is out. */
struct gw_busy *gw_busy_make(struct gw_worker *worker, struct gw_conn *conn);
void gw_busy_free(struct gw_worker *worker, struct gw_conn *conn);
void gw_busy_free_if_idle(struct gw_worker *worker, struct gw_conn *conn);

/* How this worker reads frames. */
struct gw_ws_reader gw_busy_reader(const struct gw_worker *worker); /* borrows of the worker */

#endif
