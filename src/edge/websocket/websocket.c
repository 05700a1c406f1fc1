#include "edge/websocket/websocket.h"

#include <errno.h>
#include <string.h>

#include <godwit/ws.h>

#include "core/num.h"
#include "edge/route.h"
#include "edge/subs.h"
#include "edge/websocket/beat.h"
#include "edge/websocket/busy.h"
#include "edge/websocket/opening.h"
#include "edge/websocket/out.h"
#include "edge/worker.h"

#define RETRY_MS_LEAST 500u
#define RETRY_MS_MORE  4500u /* spread over this much besides */

/* What a compressed message may become, in parts of what carried it (proto/ws/inflate.h). */
#define INFLATE_RATIO_MAX 100u

/* What compressed input may cost the worker in a turn, counted in bytes that come out: so many for
 * each message besides, and for each byte on the wire, which may be a code table. What a connection
 * is read at a time; and what when the turn has spent all. */
#define INFLATING_MAX     (2u * 1024 * 1024)
#define INFLATING_MESSAGE 512u
#define INFLATING_WIRE    8u
#define INFLATING_PIECE   (32u * 1024)
#define INFLATING_LEAST   2048u

/* --- The close --- */

static void send_close(struct gw_worker *worker, struct gw_conn *conn, uint16_t code,
                       struct gw_str reason)
{
    uint8_t payload[GW_WS_CONTROL_MAX];
    size_t len = gw_ws_close_payload(payload, code, reason.data, reason.len);

    gw_out_frame(worker, conn, GW_WS_OP_CLOSE, payload, len);
}

/* Nothing may follow a close frame, a message of the channel neither. */
static void ws_close(struct gw_worker *worker, struct gw_conn *conn, uint16_t code,
                     struct gw_str reason)
{
    if (conn->phase != GW_CONN_OPEN)
        return;
    gw_subs_leave(worker, conn);
    send_close(worker, conn, code, reason);
    if (conn->phase == GW_CONN_DEAD)
        return;
    gw_conn_move(conn, GW_CONN_CLOSING);
    conn->flags &= (uint16_t)~GW_CONN_PARKED;
    gw_conn_set_due(worker, conn, worker->now.mono_ns + worker->options.settings.close_timeout_ns);
    gw_conn_resume(worker, conn);
}

static void tell_closed(struct gw_worker *worker, struct gw_conn *conn, uint16_t code)
{
    if (!(conn->flags & GW_CONN_OPENED))
        return;
    conn->flags &= (uint16_t)~GW_CONN_OPENED;
    if (conn->route->on_close)
        conn->route->on_close(worker, conn, code);
}

/* The peer broke the protocol: say why and go (RFC 6455 section 7.1.7). */
static void fail(struct gw_worker *worker, struct gw_conn *conn, int error, uint16_t code,
                 const char *reason)
{
    bool was_open = conn->phase == GW_CONN_OPEN;

    if (conn->flags & GW_CONN_OPENED && conn->route->on_error)
        conn->route->on_error(worker, conn, error);
    gw_subs_leave(worker, conn);
    if (was_open)
        send_close(worker, conn, code, GW_STR(reason));
    tell_closed(worker, conn, 1006);
    gw_conn_linger(worker, conn);
}

/* --- Rates --- */

/* One more of `cost_ns` into the bucket; false when it would be fuller than `burst_ns`. An empty
 * one takes anything. */
static bool pour(uint64_t *empty_ns, uint64_t now_ns, uint64_t cost_ns, uint64_t burst_ns)
{
    if (*empty_ns < now_ns)
        *empty_ns = now_ns;
    if (*empty_ns > now_ns && *empty_ns - now_ns + cost_ns > burst_ns)
        return false;
    *empty_ns += cost_ns;
    return true;
}

/* A burst of twice the rate. */
static bool pour_one(uint64_t *empty_ns, uint64_t now_ns, uint32_t rate)
{
    return pour(empty_ns, now_ns, GW_NS_PER_S / rate, 2 * GW_NS_PER_S);
}

/* May this message come now? A single one larger than byte_rate may, when nothing came before it.
 */
static bool within_rates(struct gw_worker *worker, struct gw_conn *conn, size_t len)
{
    const struct gw_edge_settings *set = &worker->options.settings;
    uint64_t now = worker->now.mono_ns;
    struct gw_busy *busy;

    if (conn->route->flags & GW_ROUTE_UNRATED)
        return true;
    busy = gw_busy_make(worker, conn);
    return busy && pour_one(&busy->message_ns, now, set->message_rate) &&
           pour(&busy->byte_ns, now, len * GW_NS_PER_S / set->byte_rate, GW_NS_PER_S);
}

static bool control_within_rate(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_busy *busy = gw_busy_make(worker, conn);

    if (!busy)
        return false;
    if (pour_one(&busy->control_ns, worker->now.mono_ns, worker->options.settings.control_rate))
        return true;
    fail(worker, conn, GW_ERR_TOO_MANY, 1008, "too many control frames");
    return false;
}

/* --- In --- */

static void take_message(struct gw_worker *worker, struct gw_conn *conn,
                         const struct gw_ws_event *event)
{
    struct gw_message message = {.text = event->kind == GW_WS_TEXT,
                                 .data = event->data,
                                 .len = event->len,
                                 .headroom = event->headroom};

    if (conn->phase != GW_CONN_OPEN)
        return;
    if (within_rates(worker, conn, event->len))
        conn->route->on_message(worker, conn, &message);
    else if (conn->phase == GW_CONN_OPEN)
        gw_conn_close(worker, conn, 4429, GW_STR("too many messages, or too many bytes"));
}

/* Of the pings that came in one read the latest is answered (RFC 6455 section 5.5.3). */
struct pong {
    bool owed;
    uint8_t len;
    uint8_t data[GW_WS_CONTROL_MAX];
};

static void take_ping(struct gw_worker *worker, struct gw_conn *conn,
                      const struct gw_ws_event *event, struct pong *pong)
{
    if (conn->phase != GW_CONN_OPEN || !control_within_rate(worker, conn))
        return;
    pong->owed = true;
    pong->len = (uint8_t)event->len;
    if (event->len > 0)
        memcpy(pong->data, event->data, event->len);
}

static void say_pong(struct gw_worker *worker, struct gw_conn *conn, struct pong *pong)
{
    if (!pong->owed || conn->phase != GW_CONN_OPEN)
        return;
    pong->owed = false;
    gw_out_frame(worker, conn, GW_WS_OP_PONG, pong->data, pong->len);
}

/* One that answers no ping of ours is allowed, and worth nothing. */
static void take_pong(struct gw_worker *worker, struct gw_conn *conn,
                      const struct gw_ws_event *event)
{
    if (!gw_beat_pong(worker, conn, (struct gw_str){(const char *)event->data, event->len}))
        (void)control_within_rate(worker, conn); /* it has closed the connection if not */
}

/* The peer's close frame answers ours, or we answer it with its own code (RFC 6455 section 5.5.1).
 */
static void take_close(struct gw_worker *worker, struct gw_conn *conn, uint16_t code,
                       struct pong *pong)
{
    gw_subs_leave(worker, conn);
    say_pong(worker, conn, pong);
    if (conn->route->on_farewell)
        conn->route->on_farewell(worker, conn);
    if (conn->phase == GW_CONN_OPEN)
        send_close(worker, conn, code, (struct gw_str){NULL, 0});
    tell_closed(worker, conn, code);
    gw_conn_linger(worker, conn);
}

static void take_event(struct gw_worker *worker, struct gw_conn *conn,
                       const struct gw_ws_event *event, struct pong *pong)
{
    switch (event->kind) {
    case GW_WS_TEXT:
    case GW_WS_BINARY:
        take_message(worker, conn, event);
        break;
    case GW_WS_PING:
        take_ping(worker, conn, event, pong);
        break;
    case GW_WS_PONG:
        take_pong(worker, conn, event);
        break;
    case GW_WS_CLOSE:
        take_close(worker, conn, event->close_code, pong);
        break;
    }
}

static bool is_reading(const struct gw_conn *conn)
{
    return conn->phase == GW_CONN_OPEN || conn->phase == GW_CONN_CLOSING;
}

/* What is left of a message goes to where it lives between two reads. */
static void keep_partial(struct gw_worker *worker, struct gw_conn *conn,
                         const struct gw_ws_reader *reader, struct gw_ws_partial *partial,
                         struct gw_ws_inflate *inflate, bool is_new)
{
    struct gw_busy *busy = conn->state;

    gw_ws_reader_trim(reader, &partial);
    if (partial && !is_reading(conn)) /* it was refused: nothing more is read */
        gw_ws_reader_free(reader, &partial);
    if (partial && !busy)
        busy = gw_busy_make(worker, conn);
    if (busy && partial) {
        busy->partial = partial;
        busy->inflate = *inflate;
        if (is_new)
            busy->begun_ns = worker->now.mono_ns;
        return;
    }
    gw_ws_reader_free(reader, &partial);
    gw_ws_inflate_fini(inflate);
}

static const char *words_of(int error)
{
    switch (error) {
    case GW_ERR_UTF8:
        return "text that is not UTF-8";
    case GW_ERR_TOO_BIG:
        return "a message longer than max_message, or inflated from next to nothing";
    case GW_ERR_DAMAGED:
        return "compressed data that does not inflate";
    case GW_ERR_DENIED:
        return "publishing here is not allowed";
    case GW_ERR_TOO_MANY:
        return "a message of more fragments than max_fragments";
    case -ENOMEM:
        return "out of memory";
    case -ETIMEDOUT:
        return "a message that did not end in message_timeout";
    default:
        return "protocol error";
    }
}

/* Only once a peer may say something is it worth inflating what it says; and the memory that this
 * takes, many times what came on the wire, leaves the others at least half. */
static void read_compressed(struct gw_worker *worker, struct gw_conn *conn,
                            struct gw_ws_reader *reader, struct gw_ws_inflate *inflate)
{
    reader->inflate = inflate;
    if (conn->route->may_send && !conn->route->may_send(worker, conn))
        reader->inflate_refusal = GW_ERR_DENIED;
    else if (worker->buffers.used_bytes > worker->buffers.max_bytes / 2)
        reader->inflate_refusal = -ENOMEM;
}

static bool listening(const struct gw_conn *conn)
{
    return !gw_conn_paused(conn) && is_reading(conn);
}

/* --- A turn's share of inflating --- */

/* How much of the input is read now: elsewhere all. */
static size_t share_of(const struct gw_worker *worker, const struct gw_conn *conn, size_t len)
{
    size_t most = worker->inflating < INFLATING_MAX ? INFLATING_PIECE : INFLATING_LEAST;

    return conn->flags & GW_CONN_DEFLATED && len > most ? most : len;
}

/* Something was read of a connection that compresses; may it go on in this turn? */
static bool has_more_share(struct gw_worker *worker, const struct gw_conn *conn, size_t made)
{
    if (!(conn->flags & GW_CONN_DEFLATED))
        return true;
    worker->inflating += made + INFLATING_MESSAGE;
    return worker->inflating < INFLATING_MAX;
}

static size_t on_input(struct gw_worker *worker, struct gw_conn *conn, uint8_t *data, size_t len)
{
    struct gw_ws_reader reader = gw_busy_reader(worker);
    size_t share = share_of(worker, conn, len);
    struct gw_ws_bytes input = {data, share};
    struct gw_ws_event event;
    struct gw_ws_partial *partial = NULL;
    struct gw_ws_inflate inflate = {.ratio_max = INFLATE_RATIO_MAX};
    struct gw_busy *busy = conn->state;
    bool pinging = busy && busy->ping_out;
    bool is_new = !busy || !busy->partial, goes_on = true;
    struct pong pong;
    int got = 0;

    pong.owed = false;
    if (busy && busy->partial) { /* it is ours while we read: a handler may end the connection */
        partial = busy->partial;
        inflate = busy->inflate;
        busy->partial = NULL;
        busy->inflate.state = NULL;
    }
    gw_beat_alive(worker, conn);
    if (conn->flags & GW_CONN_DEFLATED)
        read_compressed(worker, conn, &reader, &inflate);
    while (goes_on && listening(conn) &&
           (got = gw_ws_reader_read(&reader, &partial, &input, &event)) > 0) {
        is_new = is_new || event.kind == GW_WS_TEXT || event.kind == GW_WS_BINARY;
        take_event(worker, conn, &event, &pong);
        goes_on = has_more_share(worker, conn, event.len);
    }
    len -= share - input.len;
    if (got < 0)
        fail(worker, conn, got, got == GW_ERR_DENIED ? 4403 : event.close_code, words_of(got));
    else
        say_pong(worker, conn, &pong);
    keep_partial(worker, conn, &reader, partial, &inflate, is_new);
    /* The pong may have been the last thing it was kept for. */
    if (pinging && conn->phase == GW_CONN_OPEN)
        gw_busy_free_if_idle(worker, conn);
    if (conn->flags & GW_CONN_DEFLATED)
        worker->inflating += (share - input.len) * INFLATING_WIRE;
    if (len > 0 && listening(conn)) /* the rest is for the next turn */
        gw_conn_queue(worker, conn);
    return share - input.len;
}

/* --- Time --- */

static void on_due(struct gw_worker *worker, struct gw_conn *conn)
{
    const struct gw_busy *busy = conn->phase == GW_CONN_OPEN ? conn->state : NULL;

    if (conn->phase != GW_CONN_OPEN) {
        gw_conn_kill(worker, conn); /* no answer to our close frame, or to our question */
        return;
    }
    if (!gw_conn_paused(conn) && busy && busy->partial &&
        worker->now.mono_ns - busy->begun_ns >= worker->options.settings.message_timeout_ns)
        fail(worker, conn, -ETIMEDOUT, 1008, words_of(-ETIMEDOUT));
    else
        gw_beat_due(worker, conn);
}

/* --- Ends --- */

static void on_eof(struct gw_worker *worker, struct gw_conn *conn)
{
    tell_closed(worker, conn, 1006);
    gw_conn_kill(worker, conn);
}

static void on_room(struct gw_worker *worker, struct gw_conn *conn)
{
    conn->route->on_room(worker, conn, false);
}

static void on_drain(struct gw_worker *worker, struct gw_conn *conn)
{
    char reason[48] = "{\"retry_ms\":";
    size_t len = strlen(reason);

    if (conn->phase == GW_CONN_OPENING) {
        gw_websocket_opened(worker, conn, GW_ERR_CLOSED, NULL);
        return;
    }
    len += gw_num_write(reason + len, RETRY_MS_LEAST + gw_rng_below(&worker->rng, RETRY_MS_MORE));
    reason[len++] = '}';
    gw_conn_close(worker, conn, 1012, (struct gw_str){reason, len});
}

static void on_gone(struct gw_worker *worker, struct gw_conn *conn)
{
    tell_closed(worker, conn, 1006);
    if (conn->route->on_gone)
        conn->route->on_gone(worker, conn);
    gw_busy_free(worker, conn);
}

const struct gw_transport gw_websocket = {
    .name = "websocket",
    .on_input = on_input,
    .on_eof = on_eof,
    .on_due = on_due,
    .on_room = on_room,
    .on_drain = on_drain,
    .on_gone = on_gone,
    .take = gw_websocket_take,
    .on_opened = gw_websocket_opened,
    .send = gw_out_message,
    .want_ack = gw_beat_want_ack,
    .close = ws_close,
};
