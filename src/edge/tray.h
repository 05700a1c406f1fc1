/* tray.h - the worker's out-tray: private output of one connection, gathered and sent at once.
 *
 * While a connection's input is worked off, its answers collect here: small ones copied next to
 * each other, large echoes left where they stand in the read buffer. When the input is used up all
 * of it leaves in one send. What the socket does not take moves to the connection's `owed`.
 *
 * The tray belongs to one connection at a time: writing for another sends the first one's.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_TRAY_H
#define GW_EDGE_TRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/seam.h"

struct gw_conn;
struct gw_unit_pin;
struct gw_worker;

#define GW_TRAY_BYTES    (64u * 1024)
#define GW_TRAY_IOV_MAX  64
#define GW_TRAY_COPY_MAX 2048u /* up to here copying is cheaper than another iovec */

struct gw_tray {
    struct gw_conn *conn; /* NULL: empty */
    size_t used;          /* of bytes[] */
    struct iovec *copied; /* the last piece, while it ends at bytes[used]; else NULL */
    int iov_count;
    struct iovec iov[GW_TRAY_IOV_MAX];
    uint8_t bytes[GW_TRAY_BYTES];
};

/* An HTTP answer may be so long, and six times max_body besides. */
#define GW_ANSWER_BYTES_MAX (8u * 1024 * 1024)

/* Copies. */
void gw_tray_write(struct gw_worker *worker, struct gw_conn *conn, const void *data, size_t len);

/* Room for `len` <= GW_TRAY_BYTES bytes to write into right now; counted as written. NULL when
 * the bytes have to wait (gw_tray_write() them) or the connection is dead. */
uint8_t *gw_tray_reserve(struct gw_worker *worker, struct gw_conn *conn, size_t len);

/* Of what was reserved last the last `len` bytes were not needed. */
void gw_tray_give_back(struct gw_worker *worker, size_t len);

/* Does not copy: `data` must stay until gw_tray_send(): the read buffer, the stash. */
void gw_tray_place(struct gw_worker *worker, struct gw_conn *conn, uint8_t *data, size_t len);

/* Sends what is there; or throws it away. */
void gw_tray_send(struct gw_worker *worker);
void gw_tray_drop(struct gw_worker *worker);

/* The socket takes bytes again: sends what is owed, and unblocks when that is all. */
void gw_owed_send(struct gw_worker *worker, struct gw_conn *conn);

/* Makes the record of a blocked socket; `pin` may be NULL. False (and the connection is killed)
 * when memory is out. */
bool gw_owed_begin(struct gw_worker *worker, struct gw_conn *conn, const struct gw_unit_pin *pin);
void gw_owed_free(struct gw_worker *worker, struct gw_conn *conn);

/* When a blocked socket is to be looked at again, and is it too slow to be kept? */
uint64_t gw_owed_due_ns(const struct gw_worker *worker, const struct gw_conn *conn);
bool gw_owed_too_slow(struct gw_worker *worker, struct gw_conn *conn);

#endif
