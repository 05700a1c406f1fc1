#include "edge/websocket/busy.h"

#include "core/alloc.h"
#include "edge/conn.h"
#include "edge/worker.h"

struct gw_ws_reader gw_busy_reader(const struct gw_worker *worker)
{
    return (struct gw_ws_reader){.alloc = &worker->buffers.alloc,
                                 .message_bytes_max = worker->options.settings.message_bytes_max,
                                 .fragments_max = worker->options.settings.fragments_max,
                                 .role = GW_WS_SERVER};
}

struct gw_busy *gw_busy_make(struct gw_worker *worker, struct gw_conn *conn)
{
    if (!conn->state)
        conn->state = gw_alloc_zeroed(worker->alloc, 1, sizeof(struct gw_busy));
    if (!conn->state)
        gw_conn_kill(worker, conn);
    return conn->state;
}

void gw_busy_free(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_ws_reader reader = gw_busy_reader(worker);
    struct gw_busy *busy = conn->state;

    if (!busy)
        return;
    conn->state = NULL;
    gw_ws_reader_free(&reader, &busy->partial);
    gw_ws_inflate_fini(&busy->inflate);
    gw_alloc_put(worker->alloc, busy->opening);
    gw_alloc_put(worker->alloc, busy);
}

void gw_busy_free_if_idle(struct gw_worker *worker, struct gw_conn *conn)
{
    const struct gw_busy *busy = conn->state;
    uint64_t now = worker->now.mono_ns;

    if (busy && !busy->opening && !busy->partial && !busy->ping_out && !busy->ack_wanted &&
        busy->again_ns <= now && busy->message_ns <= now && busy->byte_ns <= now &&
        busy->control_ns <= now)
        gw_busy_free(worker, conn);
}
