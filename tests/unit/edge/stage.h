/* stage.h - a worker on a loop that does what the test says, byte by byte.
 *
 * The loop hands out the connections that wait in `waiting`, takes as many bytes of each send as
 * the script allows, and keeps what it took. The worker's transport does nothing, its one variant
 * writes a publication as it is. So a test sees what the corridor does by itself.
 *
 * Threads: one. */
#ifndef TESTS_UNIT_EDGE_STAGE_H
#define TESTS_UNIT_EDGE_STAGE_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <godwit/status.h>

#include "core/slab.h"
#include "edge/accept.h"
#include "edge/worker.h"
#include "lib/meter.h"

#define STAGE_WAITING_MAX 64
#define STAGE_SENT_MAX    (1024u * 1024)
#define STAGE_ALL         INT32_MAX

struct stage {
    struct gw_loop loop; /* first: a loop is where its stage is */
    struct gw_now now;
    struct meter meter;
    struct gw_pen pen;
    struct gw_auth auth;
    struct gw_worker *worker;

    union gw_address waiting[STAGE_WAITING_MAX]; /* at the listener */
    unsigned waiting_count;
    int accept_error; /* instead of the next connection, once */
    int next_fd, open_fds;

    /* The next send takes so many bytes or fails so; afterwards it is `then`. */
    ssize_t takes, then;
    bool writable; /* the next turn reports it for connection `writable_token` */
    uint64_t writable_token;
    int unsent;
    unsigned send_count, finish_count, gone_count;
    size_t sent_len;
    char sent[STAGE_SENT_MAX];
};

static struct stage stage; /* one for the test that runs */

/* --- The loop --- */

static struct gw_now stage_now(struct gw_loop *loop)
{
    (void)loop;
    return stage.now;
}

static int stage_turn(struct gw_loop *loop, struct gw_event *events, size_t max, uint64_t timeout)
{
    int count = 0;

    (void)loop;
    (void)timeout;
    ck_assert_uint_ge(max, 2);
    if (stage.waiting_count > 0)
        events[count++] = (struct gw_event){.token = 0, .readable = true};
    if (stage.writable)
        events[count++] = (struct gw_event){.token = stage.writable_token, .writable = true};
    stage.writable = false;
    return count;
}

static int stage_listen(struct gw_loop *loop, const union gw_address *address, uint64_t token)
{
    (void)loop;
    (void)address;
    (void)token;
    stage.open_fds++;
    return stage.next_fd++;
}

static int stage_accept(struct gw_loop *loop, int listener, union gw_address *peer)
{
    int error = stage.accept_error;

    (void)loop;
    (void)listener;
    stage.accept_error = 0;
    if (error != 0)
        return error;
    if (stage.waiting_count == 0)
        return -EAGAIN;
    *peer = stage.waiting[0];
    memmove(stage.waiting, stage.waiting + 1, --stage.waiting_count * sizeof(*stage.waiting));
    stage.open_fds++;
    return stage.next_fd++;
}

static int stage_add(struct gw_loop *loop, int fd, uint64_t token)
{
    (void)loop;
    (void)fd;
    (void)token;
    return 0;
}

static ssize_t stage_receive(struct gw_loop *loop, int fd, void *buf, size_t room)
{
    (void)loop;
    (void)fd;
    (void)buf;
    (void)room;
    return -EAGAIN;
}

static ssize_t take(const struct gw_send *send)
{
    ssize_t left = stage.takes, took = 0;

    stage.takes = stage.then;
    stage.send_count++;
    if (left < 0)
        return left;
    for (int i = 0; i < send->iov_count; i++) {
        ssize_t part = (ssize_t)send->iov[i].iov_len;

        part = part < left - took ? part : left - took;
        ck_assert_uint_le(stage.sent_len + (size_t)part, STAGE_SENT_MAX);
        memcpy(stage.sent + stage.sent_len, send->iov[i].iov_base, (size_t)part);
        stage.sent_len += (size_t)part;
        took += part;
    }
    return took > 0 ? took : -EAGAIN;
}

static void stage_send_batch(struct gw_loop *loop, struct gw_send *sends, size_t count)
{
    (void)loop;
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_gt(sends[i].iov_count, 0);
        sends[i].result = take(&sends[i]);
    }
}

static int stage_unsent(struct gw_loop *loop, int fd)
{
    (void)loop;
    (void)fd;
    return stage.unsent;
}

static void stage_finish(struct gw_loop *loop, int fd)
{
    (void)loop;
    (void)fd;
    stage.finish_count++;
}

static void stage_close(struct gw_loop *loop, int fd)
{
    (void)loop;
    (void)fd;
    stage.open_fds--;
}

static const struct gw_loop_ops stage_ops = {
    .now = stage_now,
    .turn = stage_turn,
    .listen = stage_listen,
    .accept = stage_accept,
    .add = stage_add,
    .receive = stage_receive,
    .send_batch = stage_send_batch,
    .unsent = stage_unsent,
    .finish = stage_finish,
    .close = stage_close,
};

/* --- The transport, the variant --- */

static size_t stage_input(struct gw_worker *worker, struct gw_conn *conn, uint8_t *data, size_t len)
{
    (void)worker;
    (void)conn;
    (void)data;
    return len;
}

static void stage_nothing(struct gw_worker *worker, struct gw_conn *conn)
{
    (void)worker;
    (void)conn;
}

static void stage_gone(struct gw_worker *worker, struct gw_conn *conn)
{
    (void)worker;
    (void)conn;
    stage.gone_count++;
}

static const struct gw_transport stage_transport = {
    .name = "stage",
    .on_input = stage_input,
    .on_eof = stage_nothing,
    .on_due = stage_nothing,
    .on_room = stage_nothing,
    .on_drain = stage_nothing,
    .on_gone = stage_gone,
};

static size_t stage_size(const struct gw_entry *entry)
{
    return entry->pub->len;
}

static size_t stage_write(void *ctx, const struct gw_entry *entry, uint8_t *out)
{
    (void)ctx;
    memcpy(out, gw_pub_payload(entry->pub).data, entry->pub->len);
    return entry->pub->len;
}

static const struct gw_variant stage_variant = {"stage", false, stage_size, stage_write};

static struct gw_history stage_history(void *ctx, struct gw_str name)
{
    (void)ctx;
    (void)name;
    return (struct gw_history){10, 1024 * 1024, 3600 * GW_NS_PER_S};
}

/* --- Beginning and end --- */

static const struct gw_edge_settings stage_settings = {
    .handshake_timeout_ns = 3600 * GW_NS_PER_S,
    .write_timeout_ns = 10 * GW_NS_PER_S,
    .message_timeout_ns = 60 * GW_NS_PER_S,
    .close_timeout_ns = 2 * GW_NS_PER_S,
    .message_bytes_max = 1024,
    .private_bytes_max = 1024,
    .connections_max = 100,
    .per_address_max = 1000,
    .accept_rate = 1000,
};

/* Returns gw_worker_new()'s result; after a failure there is nothing to end. */
static inline int stage_try(const struct gw_edge_settings *settings, long left)
{
    struct gw_worker_options options = {
        .alloc = &stage.meter.alloc,
        .loop = &stage.loop,
        .count = 1,
        .settings = *settings,
        .auth = &stage.auth,
        .hub = {.channels_max = 10,
                .subscriptions_max = 100,
                .live_log_bytes = 64 * 1024,
                .history_total_bytes = UINT64_MAX,
                .unit_cache_bytes = 1024 * 1024,
                .channel_idle_ns = GW_NS_PER_S,
                .session_ttl_ns = GW_NS_PER_S,
                .sessions_max = 10,
                .sessions_per_address = 10,
                .history = stage_history,
                .mailbox_slots = 1},
        .variants = &stage_variant,
        .variant_count = 1,
        .front = &stage_transport,
        .websocket = &stage_transport,
        .pen = &stage.pen,
    };
    union gw_address any = {.in4 = {.sin_family = AF_INET}};
    int status;

    if (options.settings.buffer_bytes_max == 0)
        options.settings.buffer_bytes_max = UINT64_MAX;
    memset(&stage, 0, sizeof(stage));
    stage.loop.ops = &stage_ops;
    stage.now = (struct gw_now){1000 * GW_NS_PER_S, 0};
    stage.next_fd = 1000;
    stage.takes = stage.then = STAGE_ALL;
    meter_init(&stage.meter);
    stage.meter.left = left;
    gw_pen_init(&stage.pen, STDERR_FILENO, 1, GW_LOG_ERROR + 1); /* writes nothing */
    status = gw_worker_new(&stage.worker, &options);
    if (status == 0)
        ck_assert_int_eq(gw_worker_listen(stage.worker, &any), 0);
    return status;
}

static inline void stage_begin(const struct gw_edge_settings *settings)
{
    ck_assert_int_eq(stage_try(settings, METER_UNLIMITED), 0);
}

static inline void stage_end(void)
{
    gw_worker_free(stage.worker);
    ck_assert_int_eq(stage.meter.live, 0);
    ck_assert_int_eq(stage.open_fds, 0);
}

static inline void stage_go(void)
{
    ck_assert_int_eq(gw_worker_turn(stage.worker), 0);
    gw_worker_check(stage.worker);
}

/* Lets time go by, in steps of `step_ns`. */
static inline void stage_wait(uint64_t ns, uint64_t step_ns)
{
    for (uint64_t left = ns; left > 0; left -= step_ns < left ? step_ns : left) {
        stage.now.mono_ns += step_ns < left ? step_ns : left;
        stage_go();
    }
}

/* Somebody connects from a numeric address; true if that was let in. */
static inline bool stage_connect(const char *from)
{
    uint32_t before = gw_worker_connections(stage.worker);
    union gw_address address = {.in4 = {.sin_family = AF_INET}};

    if (strchr(from, ':')) {
        address.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
        ck_assert_int_eq(inet_pton(AF_INET6, from, &address.in6.sin6_addr), 1);
    } else
        ck_assert_int_eq(inet_pton(AF_INET, from, &address.in4.sin_addr), 1);
    ck_assert_uint_lt(stage.waiting_count, STAGE_WAITING_MAX);
    stage.waiting[stage.waiting_count++] = address;
    stage_go();
    return gw_worker_connections(stage.worker) > before;
}

/* The connection that came last; NULL when there is none. */
static inline struct gw_conn *stage_last(void)
{
    struct gw_conn *last = NULL;

    for (uint32_t i = 0; i < gw_slab_top(stage.worker->conns); i++) {
        struct gw_conn *conn = gw_slab_peek(stage.worker->conns, i);

        if (conn && (!last || conn->fd > last->fd))
            last = conn;
    }
    return last;
}

static inline void stage_hang_up(struct gw_conn *conn)
{
    gw_conn_kill(stage.worker, conn);
    stage_go();
}

#endif
