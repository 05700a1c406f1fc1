#include "edge/websocket/out.h"

#include <string.h>

#include "core/alloc.h"
#include "edge/conn.h"
#include "edge/tray.h"
#include "edge/worker.h"
#include "proto/deflate/deflater.h"

void gw_out_frame(struct gw_worker *worker, struct gw_conn *conn, enum gw_ws_opcode opcode,
                  const void *data, size_t len)
{
    uint8_t head[GW_WS_HEAD_MAX];
    size_t frame_len = gw_ws_frame_len(len, 0);
    uint8_t *place = NULL;

    if (frame_len <= GW_TRAY_COPY_MAX)
        place = gw_tray_reserve(worker, conn, frame_len);
    if (place) {
        gw_ws_frame(place, opcode, data, len, NULL);
        return;
    }
    gw_tray_write(worker, conn, head, gw_ws_head(head, opcode, len, NULL));
    gw_tray_write(worker, conn, data, len);
}

/* A large message that lies in the read buffer gets its header written in front of it there, over
 * the client's own, which was longer: no copy. */
static void send_in_place(struct gw_worker *worker, struct gw_conn *conn, enum gw_ws_opcode opcode,
                          uint8_t *data, size_t len)
{
    uint8_t head[GW_WS_HEAD_MAX];
    size_t head_len = gw_ws_head(head, opcode, len, NULL);

    memcpy(data - head_len, head, head_len);
    gw_tray_place(worker, conn, data - head_len, head_len + len);
}

/* Compressed, if that makes it shorter; in memory of its own, for a message that is too large for
 * the tray or has to wait. */
static bool send_deflated_apart(struct gw_worker *worker, struct gw_conn *conn,
                                enum gw_ws_opcode opcode, const uint8_t *data, size_t len)
{
    uint8_t *frame = gw_alloc_get(&worker->buffers.alloc, gw_ws_frame_len(len, 0));
    size_t used = frame ? gw_deflater_frame(worker->options.deflater, frame, opcode, data, len) : 0;

    gw_tray_write(worker, conn, frame, used);
    gw_alloc_put(&worker->buffers.alloc, frame);
    return used > 0;
}

/* The same into the tray, next to what is there. */
static bool send_deflated_into_tray(struct gw_worker *worker, struct gw_conn *conn,
                                    enum gw_ws_opcode opcode, const uint8_t *data, size_t len)
{
    size_t room = gw_ws_frame_len(len, 0), used;
    uint8_t *place = gw_tray_reserve(worker, conn, room);

    if (!place) /* what was in the tray filled the socket */
        return send_deflated_apart(worker, conn, opcode, data, len);
    used = gw_deflater_frame(worker->options.deflater, place, opcode, data, len);
    gw_tray_give_back(worker, room - used);
    return used > 0;
}

static bool send_deflated(struct gw_worker *worker, struct gw_conn *conn, enum gw_ws_opcode opcode,
                          const uint8_t *data, size_t len)
{
    bool in_tray = gw_ws_frame_len(len, 0) <= GW_TRAY_BYTES;

    if (!(conn->flags & GW_CONN_DEFLATED) || len < GW_DEFLATER_BYTES_MIN)
        return false;
    return in_tray ? send_deflated_into_tray(worker, conn, opcode, data, len)
                   : send_deflated_apart(worker, conn, opcode, data, len);
}

void gw_out_message(struct gw_worker *worker, struct gw_conn *conn, bool text, uint8_t *data,
                    size_t len, size_t headroom)
{
    enum gw_ws_opcode opcode = text ? GW_WS_OP_TEXT : GW_WS_OP_BINARY;

    if (conn->phase != GW_CONN_OPEN || send_deflated(worker, conn, opcode, data, len))
        return;
    if (len <= GW_TRAY_COPY_MAX || headroom < gw_ws_frame_len(len, 0) - len)
        gw_out_frame(worker, conn, opcode, data, len);
    else
        send_in_place(worker, conn, opcode, data, len);
}
