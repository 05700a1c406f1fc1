/* reply.h - what a request hears of what it had the hub do.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_API_REPLY_H
#define GW_EDGE_API_REPLY_H

#include "edge/api/errand.h"

/* The header line that says where a channel is, with its CR LF and a NUL. */
#define GW_POSITION_LINE_SIZE (sizeof("Godwit-Position: \r\n") + GW_POSITION_LEN)
void gw_reply_position(char out[GW_POSITION_LINE_SIZE], const struct gw_position *position);

/* Appends the JSON object that says what became of GW_ERRAND_PUBLISH or GW_ERRAND_DELETE, and a
 * line end. Returns as gw_buf_append(). */
int gw_reply_result(struct gw_buf *out, enum gw_errand_kind kind, struct gw_str channel,
                    const struct gw_published *result);

/* A sentence for a negative `error` of the hub. GW_ERR_GONE: its home has it and has not answered;
 * GW_ERR_FULL: it has not been done. */
const char *gw_reply_why(enum gw_errand_kind kind, int error);

/* Answers the request. */
void gw_reply_done(struct gw_worker *worker, struct gw_conn *conn, enum gw_errand_kind kind,
                   struct gw_str channel, const struct gw_published *result);
void gw_reply_failed(struct gw_worker *worker, struct gw_conn *conn, enum gw_errand_kind kind,
                     int error);

#endif
