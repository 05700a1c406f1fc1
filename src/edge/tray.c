#include "edge/tray.h"

#include <errno.h>

#include "core/alloc.h"
#include "edge/subs.h"
#include "edge/worker.h"

#define LOOKS 4 /* at a blocked socket, in a write_timeout */

/* --- What a blocked socket is owed --- */

/* How much may wait: besides `max_private` the one answer or echo that is being sent, and what lay
 * in the tray. Over HTTP the longest answers are a page of a history (of 1 MiB, or one publication
 * of `max_body`; envelopes make six times as much of it at most) and what many lines are told. */
static size_t most_waiting(const struct gw_worker *worker, const struct gw_conn *conn)
{
    const struct gw_edge_settings *set = &worker->options.settings;
    size_t answer = conn->phase == GW_CONN_ANSWER
                        ? GW_ANSWER_BYTES_MAX + 6 * (size_t)set->body_bytes_max
                        : set->message_bytes_max;

    return set->private_bytes_max + answer + GW_TRAY_BYTES;
}

bool gw_owed_begin(struct gw_worker *worker, struct gw_conn *conn, const struct gw_unit_pin *pin)
{
    const struct gw_edge_settings *set = &worker->options.settings;
    struct gw_owed *owed = gw_alloc_zeroed(worker->alloc, 1, sizeof(*owed));

    assert(!conn->owed);
    if (!owed) {
        if (pin)
            gw_hub_unpin(worker->hub, pin);
        gw_conn_kill(worker, conn);
        return false;
    }
    gw_buf_init(&owed->waiting, &worker->buffers.alloc, most_waiting(worker, conn));
    if (pin) {
        owed->pin = *pin;
        owed->pinned = true;
    }
    owed->begun_ns = worker->now.mono_ns;
    owed->progress_ns = worker->now.mono_ns;
    owed->look_ns = worker->now.mono_ns + set->write_timeout_ns / LOOKS;
    owed->unsent = -1;
    conn->owed = owed;
    gw_subs_block(worker, conn);
    gw_conn_rearm(worker, conn);
    return true;
}

void gw_owed_free(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_owed *owed = conn->owed;

    if (!owed)
        return;
    conn->owed = NULL;
    if (owed->pinned)
        gw_hub_unpin(worker->hub, &owed->pin);
    gw_buf_fini(&owed->waiting);
    gw_alloc_put(worker->alloc, owed);
}

uint64_t gw_owed_due_ns(const struct gw_worker *worker, const struct gw_conn *conn)
{
    uint64_t whole = conn->owed->begun_ns + worker->options.settings.message_timeout_ns;

    return conn->owed->look_ns < whole ? conn->owed->look_ns : whole;
}

/* The socket may take nothing from us while the kernel gets rid of what it holds: that is progress.
 * So it is looked at several times in a write_timeout, and cut when none of them has seen any. */
bool gw_owed_too_slow(struct gw_worker *worker, struct gw_conn *conn)
{
    const struct gw_edge_settings *set = &worker->options.settings;
    struct gw_owed *owed = conn->owed;
    uint64_t now = worker->now.mono_ns;
    int unsent;

    if (now >= owed->begun_ns + set->message_timeout_ns)
        return true;
    if (now < owed->look_ns)
        return false;
    unsent = gw_loop_unsent(worker->loop, conn->fd);
    if (unsent >= 0 && unsent < owed->unsent)
        owed->progress_ns = now;
    owed->unsent = unsent;
    owed->look_ns = now + set->write_timeout_ns / LOOKS;
    return now - owed->progress_ns >= set->write_timeout_ns;
}

/* Bytes that must wait. Past the cap the peer lets us talk without listening: cut. */
static void keep_waiting(struct gw_worker *worker, struct gw_conn *conn, const void *data,
                         size_t len)
{
    if (gw_buf_append(&conn->owed->waiting, data, len) != 0)
        gw_conn_kill(worker, conn);
}

/* Takes `sent` bytes off what is owed: the pinned message first. */
static void owed_advance(struct gw_worker *worker, struct gw_owed *owed, size_t sent)
{
    if (owed->pinned) {
        size_t part = sent < owed->pin.rest_len ? sent : owed->pin.rest_len;

        owed->pin.rest += part;
        owed->pin.rest_len -= (uint32_t)part;
        sent -= part;
        if (owed->pin.rest_len == 0) {
            gw_hub_unpin(worker->hub, &owed->pin);
            owed->pinned = false;
        }
    }
    gw_buf_drop(&owed->waiting, sent);
}

static void owed_done(struct gw_worker *worker, struct gw_conn *conn)
{
    gw_owed_free(worker, conn);
    gw_conn_rearm(worker, conn);
    if (conn->flags & GW_CONN_FINISH)
        gw_conn_finish(worker, conn);
    gw_subs_unblock(worker, conn);
}

void gw_owed_send(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_owed *owed = conn->owed;
    struct iovec iov[2];
    struct gw_send send = {.fd = conn->fd, .iov = iov};

    if (owed->pinned)
        iov[send.iov_count++] =
            (struct iovec){(void *)(uintptr_t)owed->pin.rest, owed->pin.rest_len};
    if (owed->waiting.len > 0)
        iov[send.iov_count++] = (struct iovec){owed->waiting.data, owed->waiting.len};
    if (send.iov_count > 0)
        gw_loop_send_batch(worker->loop, &send, 1);
    if (send.result < 0 && send.result != -EAGAIN) {
        gw_conn_kill(worker, conn);
        return;
    }
    if (send.result > 0) {
        owed->progress_ns = worker->now.mono_ns;
        owed_advance(worker, owed, (size_t)send.result);
    }
    if (!owed->pinned && owed->waiting.len == 0)
        owed_done(worker, conn);
    else
        gw_conn_rearm(worker, conn);
}

/* --- The tray --- */

void gw_tray_drop(struct gw_worker *worker)
{
    worker->tray.conn = NULL;
    worker->tray.used = 0;
    worker->tray.iov_count = 0;
    worker->tray.copied = NULL;
}

/* What is left of the tray's pieces behind the first `sent` bytes has to wait. */
static void keep_rest(struct gw_worker *worker, struct gw_conn *conn, size_t sent)
{
    struct gw_tray *tray = &worker->tray;

    for (int i = 0; i < tray->iov_count && conn->phase != GW_CONN_DEAD; i++) {
        size_t part = sent < tray->iov[i].iov_len ? sent : tray->iov[i].iov_len;

        sent -= part;
        if (part < tray->iov[i].iov_len)
            keep_waiting(worker, conn, (const uint8_t *)tray->iov[i].iov_base + part,
                         tray->iov[i].iov_len - part);
    }
}

void gw_tray_send(struct gw_worker *worker)
{
    struct gw_tray *tray = &worker->tray;
    struct gw_conn *conn = tray->conn;
    struct gw_send send;
    size_t total = 0;

    if (!conn)
        return;
    for (int i = 0; i < tray->iov_count; i++)
        total += tray->iov[i].iov_len;
    send = (struct gw_send){.fd = conn->fd, .iov = tray->iov, .iov_count = tray->iov_count};
    gw_loop_send_batch(worker->loop, &send, 1);
    if (send.result < 0 && send.result != -EAGAIN) {
        gw_conn_kill(worker, conn); /* drops the tray */
        return;
    }
    tray->conn = NULL; /* from here on the pieces are only read */
    if (send.result < (ssize_t)total && gw_owed_begin(worker, conn, NULL))
        keep_rest(worker, conn, send.result > 0 ? (size_t)send.result : 0);
    gw_tray_drop(worker);
}

/* Makes the tray this connection's, with room for one more piece. False when the bytes must wait,
 * or nobody is there to get them. */
static bool tray_ready(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_tray *tray = &worker->tray;

    if (tray->conn && (tray->conn != conn || tray->iov_count == GW_TRAY_IOV_MAX))
        gw_tray_send(worker);
    if (conn->phase == GW_CONN_DEAD || conn->owed)
        return false;
    tray->conn = conn;
    return true;
}

/* For bytes behind those that were copied last there is nothing to decide: they prolong the last
 * piece. */
uint8_t *gw_tray_reserve(struct gw_worker *worker, struct gw_conn *conn, size_t len)
{
    struct gw_tray *tray = &worker->tray;
    uint8_t *place;

    assert(len <= GW_TRAY_BYTES);
    if (tray->conn == conn && tray->used + len > GW_TRAY_BYTES)
        gw_tray_send(worker);
    if (tray->conn != conn || !tray->copied) {
        if (!tray_ready(worker, conn))
            return NULL;
        tray->copied = &tray->iov[tray->iov_count++];
        *tray->copied = (struct iovec){tray->bytes + tray->used, 0};
    }
    place = tray->bytes + tray->used;
    tray->used += len;
    tray->copied->iov_len += len;
    return place;
}

void gw_tray_give_back(struct gw_worker *worker, size_t len)
{
    struct gw_tray *tray = &worker->tray;

    assert(tray->copied && len <= tray->copied->iov_len);
    tray->used -= len;
    tray->copied->iov_len -= len;
    if (tray->copied->iov_len > 0)
        return;
    tray->iov_count--; /* a piece of nothing would be a system call for nothing */
    tray->copied = NULL;
    if (tray->iov_count == 0)
        gw_tray_drop(worker);
}

void gw_tray_write(struct gw_worker *worker, struct gw_conn *conn, const void *data, size_t len)
{
    uint8_t *place;

    if (len == 0 || conn->phase == GW_CONN_DEAD)
        return;
    if (len > GW_TRAY_COPY_MAX) {
        /* Nobody promised that the bytes stay, so they leave (or are kept) before we return. */
        gw_tray_place(worker, conn, (uint8_t *)(uintptr_t)data, len);
        gw_tray_send(worker);
        return;
    }
    place = gw_tray_reserve(worker, conn, len);
    if (place)
        memcpy(place, data, len);
    else if (conn->owed && conn->phase != GW_CONN_DEAD)
        keep_waiting(worker, conn, data, len);
}

void gw_tray_place(struct gw_worker *worker, struct gw_conn *conn, uint8_t *data, size_t len)
{
    if (len <= GW_TRAY_COPY_MAX)
        gw_tray_write(worker, conn, data, len);
    else if (tray_ready(worker, conn)) {
        worker->tray.iov[worker->tray.iov_count++] = (struct iovec){data, len};
        worker->tray.copied = NULL;
    } else if (conn->owed && conn->phase != GW_CONN_DEAD)
        keep_waiting(worker, conn, data, len);
}
