/* control.h - what the server tells a JSON reader besides publications.
 *
 *     {"subscribed":{"channel":"news","position":"...","recovered":true}}
 *     {"reset":{"channel":"news","reason":"expired","position":"..."}}
 *
 * Objects without `data`, for one connection alone. There is no line end in them or behind them.
 *
 * Threads: the buffer's. */
#ifndef GW_PROTO_TEXT_CONTROL_H
#define GW_PROTO_TEXT_CONTROL_H

#include "core/buf.h"
#include "core/str.h"

/* Whether a reader got what it had missed; nothing is said to one that gave no position. */
enum gw_recovered { GW_RECOVERED_NOT_ASKED, GW_RECOVERED_NO, GW_RECOVERED_YES };

/* Each appends one object. `channel` is UTF-8; `position` and `reason` are words with nothing in
 * them to escape. Returns 0, -EMSGSIZE (the buffer's cap) or -ENOMEM; on failure the buffer is as
 * it was. */
int gw_control_subscribed(struct gw_buf *out, struct gw_str channel, struct gw_str position,
                          enum gw_recovered recovered);
int gw_control_reset(struct gw_buf *out, struct gw_str channel, struct gw_str reason,
                     struct gw_str position);

#endif
