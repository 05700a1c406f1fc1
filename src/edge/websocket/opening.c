#include "edge/websocket/opening.h"

#include <string.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "edge/route.h"
#include "edge/subs.h"
#include "edge/tray.h"
#include "edge/websocket/beat.h"
#include "edge/websocket/busy.h"
#include "edge/websocket/websocket.h"
#include "edge/worker.h"
#include "proto/deflate/deflater.h"
#include "proto/ws/extension.h"
#include "proto/ws/handshake.h"

static void put(struct gw_opening *opening, const char *text, size_t len)
{
    assert(opening->len + len <= sizeof(opening->head));
    memcpy(opening->head + opening->len, text, len);
    opening->len += len;
}

static bool offers_protocol(const struct gw_http_request *request)
{
    size_t at = 0;
    struct gw_str name;
    bool malformed;

    while (gw_ws_handshake_protocol(request, &at, &name, &malformed))
        if (gw_str_eq(name, GW_STR(GW_WEBSOCKET_PROTOCOL)))
            return true;
    return false;
}

/* RFC 7692 section 7: the first of the client's offers that suits us. True where there is one. */
static bool put_extension(struct gw_opening *opening, const struct gw_http_request *request)
{
    static const struct gw_ws_deflate_terms wanted = GW_WS_DEFLATE_TERMS_INIT;
    static const char header[] = "\r\nSec-WebSocket-Extensions: ";
    char value[GW_WS_EXTENSION_MAX];
    struct gw_ws_deflate_terms agreed;
    size_t len =
        gw_ws_extension_choose(value, request->headers, request->header_count, &wanted, &agreed);

    if (len == 0)
        return false;
    assert(agreed.server_window_bits == GW_DEFLATER_WINDOW_BITS && !agreed.server_takeover &&
           !agreed.client_takeover);
    put(opening, header, sizeof(header) - 1);
    put(opening, value, len);
    return true;
}

/* RFC 6455 section 4.2.2. */
static void write_head(const struct gw_worker *worker, struct gw_conn *conn,
                       struct gw_opening *opening, const struct gw_http_request *request)
{
    static const char begin[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Accept: ";
    static const char protocol[] = "\r\nSec-WebSocket-Protocol: " GW_WEBSOCKET_PROTOCOL;
    char accept[GW_WS_ACCEPT_LEN];
    uint32_t count;

    gw_ws_handshake_accept(accept, gw_http_header_find(request->headers, request->header_count,
                                                       "Sec-WebSocket-Key", &count));
    opening->len = 0;
    put(opening, begin, sizeof(begin) - 1);
    put(opening, accept, sizeof(accept));
    if (offers_protocol(request))
        put(opening, protocol, sizeof(protocol) - 1);
    if (worker->options.deflater && put_extension(opening, request))
        conn->flags |= GW_CONN_DEFLATED;
    put(opening, "\r\n\r\n", 4);
}

/* What the route says for itself comes behind the 101, and before anything that its channels say.
 */
static void begin(struct gw_worker *worker, struct gw_conn *conn)
{
    if (conn->route->on_opened)
        conn->route->on_opened(worker, conn);
    if (!conn->owed)
        gw_subs_unblock(worker, conn);
}

/* Says the 101, and with a code the close frame right behind it. */
static void open_now(struct gw_worker *worker, struct gw_conn *conn,
                     const struct gw_opening *opening, uint16_t code, const char *reason)
{
    gw_tray_write(worker, conn, opening->head, opening->len);
    if (conn->phase == GW_CONN_DEAD)
        return;
    gw_conn_move(conn, GW_CONN_OPEN);
    if (code == 0) {
        conn->flags |= GW_CONN_OPENED;
        gw_beat_later(worker, conn);
        begin(worker, conn);
    } else
        gw_conn_close(worker, conn, code, GW_STR(reason));
}

/* The answer comes later: keep the 101 till then. */
static int open_later(struct gw_worker *worker, struct gw_conn *conn,
                      const struct gw_opening *opening)
{
    struct gw_busy *busy = gw_busy_make(worker, conn);

    if (!busy)
        return 0;
    busy->opening = gw_alloc_get(worker->alloc, sizeof(*busy->opening));
    if (!busy->opening) {
        gw_conn_kill(worker, conn);
        return 0;
    }
    *busy->opening = *opening;
    gw_conn_move(conn, GW_CONN_OPENING);
    return 0;
}

int gw_websocket_take(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask,
                      uint16_t refusal)
{
    const char *reason = "the credential is wrong or has expired";
    struct gw_opening opening;
    int code = refusal;

    write_head(worker, conn, &opening, ask->request);
    if (code == 0)
        code = conn->route->on_open(worker, conn, ask, &reason);
    if (code < 0)
        return code;
    if (code == GW_PENDING)
        return open_later(worker, conn, &opening);
    open_now(worker, conn, &opening, (uint16_t)code, reason);
    return 0;
}

void gw_websocket_opened(struct gw_worker *worker, struct gw_conn *conn, int code,
                         const char *reason)
{
    struct gw_opening opening;

    if (conn->phase != GW_CONN_OPENING)
        return;
    opening = *((struct gw_busy *)conn->state)->opening;
    gw_busy_free(worker, conn);
    if (code < 0) {
        gw_conn_refuse_upgrade(worker, conn,
                               code == GW_ERR_CLOSED ? "the server is draining" : GW_NO_ROOM);
        return;
    }
    open_now(worker, conn, &opening, (uint16_t)code, reason);
    gw_conn_resume(worker, conn);
}
