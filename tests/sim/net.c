/* net.c - see net.h: loops and descriptors on top of the wire, and whose turn it is.
 *
 * Threads: one. */
#include "sim/net.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/link.h"
#include "sim/wire.h"

/* Far from what the process has open: a descriptor that meets the kernel by mistake is none there.
 */
#define FD_FIRST      100000
#define WALL_MS_FIRST INT64_C(1700000000000)
#define PERMILLE_HALF 500

struct sim_socket {
    struct gw_link ready; /* in its loop's list from when something happens until a turn tells it */
    struct sim_loop *loop; /* whose descriptor it is; NULL when that loop is gone */
    uint64_t token;
    int fd;
    bool added;
    struct sim_end *end;           /* one of these two */
    struct sim_listener *listener; /* is not NULL */
};

struct sim_loop {
    struct gw_loop base;
    struct gw_link link; /* in sim_net.loops */
    struct gw_link ready;
    struct sim_net *net;
    const struct gw_alloc *alloc; /* borrowed */
    void *ctx;
    unsigned host;
    struct gw_now now;
    bool woken;
    bool waiting;         /* the last turn found nothing, and its timeout was not over */
    uint64_t deadline_ns; /* when it is */
    uint64_t stalled_until_ns;
};

struct sim_net {
    struct sim_wire wire;
    struct gw_link loops;
    struct sim_socket **sockets; /* by descriptor - FD_FIRST; NULL: free */
    size_t socket_room, open_count;
    int64_t wall_ms;                                            /* at the beginning, and jumps */
    void (*before_call)(void *ctx, const struct gw_loop *loop); /* may be NULL */
    void *before_call_ctx;
};

static struct sim_loop *sim_of(const struct gw_loop *loop)
{
    return (struct sim_loop *)(uintptr_t)loop; /* the base is its first field */
}

/* ---- Descriptors ---- */

static void put_on_list(struct sim_socket *socket)
{
    if (socket->added && socket->loop && gw_link_empty(&socket->ready))
        gw_link_append(&socket->loop->ready, &socket->ready);
}

/* The lowest that is free, as the kernel does it: so a stale number soon means somebody else. */
static size_t free_place(struct sim_net *net)
{
    size_t at = 0;

    while (at < net->socket_room && net->sockets[at])
        at++;
    if (at == net->socket_room) {
        size_t room = 2 * net->socket_room + 16;

        net->sockets = realloc(net->sockets, room * sizeof(struct sim_socket *));
        assert(net->sockets);
        memset(net->sockets + at, 0, (room - at) * sizeof(struct sim_socket *));
        net->socket_room = room;
    }
    return at;
}

static struct sim_socket *open_socket(struct sim_loop *loop)
{
    struct sim_socket *socket = calloc(1, sizeof(*socket));
    size_t at = free_place(loop->net);

    assert(socket && at < INT_MAX - FD_FIRST);
    gw_link_init(&socket->ready);
    socket->loop = loop;
    socket->fd = FD_FIRST + (int)at;
    loop->net->sockets[at] = socket;
    loop->net->open_count++;
    return socket;
}

static struct sim_socket *find_socket(const struct sim_net *net, int fd)
{
    assert(fd >= FD_FIRST && (size_t)(fd - FD_FIRST) < net->socket_room);
    assert(net->sockets[fd - FD_FIRST]); /* closed already */
    return net->sockets[fd - FD_FIRST];
}

static struct sim_socket *socket_of(struct gw_loop *base, int fd)
{
    struct sim_socket *socket = find_socket(sim_of(base)->net, fd);

    assert(socket->loop == sim_of(base)); /* a descriptor of another loop's */
    return socket;
}

static struct sim_end *end_of(struct gw_loop *base, int fd)
{
    struct sim_end *end = socket_of(base, fd)->end;

    assert(end); /* a listener has no stream */
    return end;
}

static void drop_socket(struct sim_net *net, struct sim_socket *socket)
{
    gw_link_remove(&socket->ready);
    net->sockets[socket->fd - FD_FIRST] = NULL;
    net->open_count--;
    free(socket);
}

static void close_socket(struct sim_net *net, struct sim_socket *socket)
{
    if (socket->listener)
        sim_listener_close(socket->listener);
    else
        sim_end_close(socket->end);
    drop_socket(net, socket);
}

/* ---- The turn ---- */

static void read_clocks(struct sim_loop *loop)
{
    loop->now.mono_ns = loop->net->wire.now_ns;
    loop->now.wall_ms = loop->net->wall_ms + (int64_t)(loop->now.mono_ns / GW_NS_PER_MS);
}

static uint64_t later(uint64_t now_ns, uint64_t by_ns)
{
    return by_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + by_ns;
}

static struct gw_event event_of(struct sim_socket *socket)
{
    struct gw_event event;

    if (socket->listener)
        event = (struct gw_event){.readable = !gw_link_empty(&socket->listener->waiting)};
    else
        event = sim_end_event(socket->end);
    event.token = socket->token;
    return event;
}

static bool says_something(const struct gw_event *event)
{
    return event->readable || event->writable || event->peer_closed || event->failed;
}

static int take_events(struct sim_loop *loop, struct gw_event *events, size_t max)
{
    struct gw_link *first;
    size_t count = 0;

    while (count < max && (first = gw_link_first(&loop->ready))) {
        struct sim_socket *socket = GW_CONTAINER(first, struct sim_socket, ready);

        gw_link_remove(first);
        events[count] = event_of(socket);
        if (says_something(&events[count]))
            count++;
    }
    assert(count <= INT_MAX);
    return (int)count;
}

/* The deadline counts from the time that the caller knows, not from the end of this turn: so a turn
 * repeated with what is left of the timeout means the same deadline. */
static int sim_turn(struct gw_loop *base, struct gw_event *events, size_t max, uint64_t timeout_ns)
{
    struct sim_loop *loop = sim_of(base);
    struct sim_wire *wire = &loop->net->wire;
    bool woken, over;
    int count;

    assert(max > 0);
    loop->deadline_ns = later(loop->now.mono_ns, timeout_ns);
    sim_wire_run(wire, wire->now_ns + wire->options.turn_ns);
    read_clocks(loop);
    if (sim_wire_chance(wire, wire->options.early_turn_permille))
        max = 1 + seeded_below(&wire->seeded, max < 4 ? max : 4);
    count = take_events(loop, events, max);
    over = loop->deadline_ns <= wire->now_ns;
    woken = loop->woken;
    loop->woken = false;
    loop->waiting = count == 0 && !woken && !over;
    return count;
}

static void sim_wake(struct gw_loop *base)
{
    sim_of(base)->woken = true;
}

static struct gw_now sim_now(struct gw_loop *base)
{
    return sim_of(base)->now;
}

/* ---- Sockets ---- */

static void before_call(struct gw_loop *base)
{
    const struct sim_net *net = sim_of(base)->net;

    if (net->before_call)
        net->before_call(net->before_call_ctx, base);
}

static int sim_add(struct gw_loop *base, int fd, uint64_t token)
{
    struct sim_socket *socket = socket_of(base, fd);

    assert(token != UINT64_MAX && !socket->added);
    socket->token = token;
    socket->added = true;
    put_on_list(socket);
    return 0;
}

static int sim_listen(struct gw_loop *base, const union gw_address *address, uint64_t token)
{
    struct sim_loop *loop = sim_of(base);
    struct sim_socket *socket = open_socket(loop);

    socket->listener = sim_listener_open(&loop->net->wire, loop->host, address, socket);
    (void)sim_add(base, socket->fd, token); /* cannot fail here */
    return socket->fd;
}

static int sim_connect(struct gw_loop *base, const union gw_address *address, uint64_t token)
{
    struct sim_loop *loop = sim_of(base);
    struct sim_socket *socket = open_socket(loop);

    socket->end = sim_end_connect(&loop->net->wire, loop->host, address, socket);
    (void)sim_add(base, socket->fd, token); /* cannot fail here */
    return socket->fd;
}

/* 0, or why the connection that waits is not to be had. */
static int spoil_accept(struct sim_wire *wire, struct sim_listener *listener)
{
    struct sim_connection *first =
        GW_CONTAINER(gw_link_first(&listener->waiting), struct sim_connection, waiting);

    if (sim_wire_chance(wire, wire->options.enfile_permille)) {
        wire->counts.left_waiting++;
        return -ENFILE;
    }
    if (sim_wire_chance(wire, wire->options.emfile_permille)) {
        wire->counts.turned_away++;
        sim_end_close(sim_listener_take(listener));
        return -EMFILE;
    }
    /* Linux mostly hands out a connection that was reset while it waited; others do not. */
    if (first->ends[1].dead && sim_wire_chance(wire, PERMILLE_HALF)) {
        wire->counts.aborted++;
        sim_end_close(sim_listener_take(listener));
        return -ECONNABORTED;
    }
    return 0;
}

static int sim_accept(struct gw_loop *base, int listener_fd, union gw_address *peer)
{
    struct sim_loop *loop = sim_of(base);
    struct sim_wire *wire = &loop->net->wire;
    struct sim_listener *listener = socket_of(base, listener_fd)->listener;
    struct sim_socket *socket;
    int err;

    assert(listener);
    before_call(base);
    if (gw_link_empty(&listener->waiting))
        return -EAGAIN;
    err = spoil_accept(wire, listener);
    if (err < 0)
        return err;
    socket = open_socket(loop);
    socket->end = sim_listener_take(listener);
    socket->end->socket = socket;
    wire->counts.accepted++;
    sim_wire_note(wire, "accept", (uint64_t)socket->fd, socket->end->connection->id);
    if (peer)
        *peer = sim_end_peer(socket->end)->address;
    return socket->fd;
}

static ssize_t sim_receive(struct gw_loop *base, int fd, void *buf, size_t room)
{
    ssize_t len;

    assert(room > 0);
    before_call(base);
    len = sim_end_receive(end_of(base, fd), buf, room);
    sim_wire_note(&sim_of(base)->net->wire, "receive", (uint64_t)fd, (uint64_t)len);
    return len;
}

static void sim_send_batch(struct gw_loop *base, struct gw_send *sends, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert(sends[i].iov_count > 0 && sends[i].iov_count <= IOV_MAX);
        before_call(base);
        sends[i].result = sim_end_send(end_of(base, sends[i].fd), sends[i].iov, sends[i].iov_count);
        sim_wire_note(&sim_of(base)->net->wire, "send", (uint64_t)sends[i].fd,
                      (uint64_t)sends[i].result);
    }
}

static int sim_unsent(struct gw_loop *base, int fd)
{
    return sim_end_unsent(end_of(base, fd));
}

static void sim_finish(struct gw_loop *base, int fd)
{
    sim_wire_note(&sim_of(base)->net->wire, "finish", (uint64_t)fd, 0);
    sim_end_finish(end_of(base, fd));
}

static void sim_close(struct gw_loop *base, int fd)
{
    struct sim_net *net = sim_of(base)->net;

    sim_wire_note(&net->wire, "close", (uint64_t)fd, 0);
    close_socket(net, socket_of(base, fd));
}

static int sim_local_address(struct gw_loop *base, int fd, union gw_address *address)
{
    struct sim_socket *socket = socket_of(base, fd);

    *address = socket->listener ? socket->listener->address : socket->end->address;
    return 0;
}

static void sim_free(struct gw_loop *base)
{
    struct sim_loop *loop = sim_of(base);
    struct sim_net *net = loop->net;

    for (size_t i = 0; i < net->socket_room; i++) {
        if (net->sockets[i] && net->sockets[i]->loop == loop) {
            gw_link_remove(&net->sockets[i]->ready);
            net->sockets[i]->loop = NULL;
        }
    }
    gw_link_remove(&loop->link);
    gw_alloc_put(loop->alloc, loop);
}

static const struct gw_loop_ops sim_ops = {
    .free = sim_free,
    .now = sim_now,
    .turn = sim_turn,
    .wake = sim_wake,
    .listen = sim_listen,
    .accept = sim_accept,
    .add = sim_add,
    .connect = sim_connect,
    .receive = sim_receive,
    .send_batch = sim_send_batch,
    .unsent = sim_unsent,
    .finish = sim_finish,
    .close = sim_close,
    .local_address = sim_local_address,
};

/* ---- Whose turn it is ---- */

/* When `loop` has something to do, as things are. */
static uint64_t ready_at(const struct sim_loop *loop)
{
    uint64_t now_ns = loop->net->wire.now_ns;
    uint64_t at_ns = now_ns;

    if (loop->waiting && !loop->woken && gw_link_empty(&loop->ready))
        at_ns = loop->deadline_ns;
    if (at_ns < loop->stalled_until_ns)
        at_ns = loop->stalled_until_ns;
    return at_ns;
}

bool sim_loop_ready(const struct gw_loop *base)
{
    const struct sim_loop *loop = sim_of(base);

    return ready_at(loop) <= loop->net->wire.now_ns;
}

uint64_t sim_loop_deadline(const struct gw_loop *base)
{
    const struct sim_loop *loop = sim_of(base);

    return loop->waiting ? loop->deadline_ns : loop->net->wire.now_ns;
}

void sim_loop_stall(struct gw_loop *base, uint64_t until_ns)
{
    sim_of(base)->stalled_until_ns = until_ns;
}

static struct sim_loop *loop_at(struct gw_link *link)
{
    return GW_CONTAINER(link, struct sim_loop, link);
}

static size_t count_ready(const struct sim_net *net)
{
    size_t count = 0;

    for (struct gw_link *at = net->loops.next; at != &net->loops; at = at->next)
        count += sim_loop_ready(&loop_at(at)->base);
    return count;
}

static uint64_t next_ns(const struct sim_net *net)
{
    uint64_t next = sim_wire_next(&net->wire);

    for (struct gw_link *at = net->loops.next; at != &net->loops; at = at->next) {
        if (ready_at(loop_at(at)) < next)
            next = ready_at(loop_at(at));
    }
    return next;
}

size_t sim_net_advance(struct sim_net *net, uint64_t until_ns)
{
    size_t count;

    while ((count = count_ready(net)) == 0) {
        uint64_t next = next_ns(net);

        if (next == UINT64_MAX && until_ns == UINT64_MAX)
            return 0;
        if (next > until_ns) {
            if (until_ns > net->wire.now_ns)
                sim_wire_run(&net->wire, until_ns);
            return 0;
        }
        sim_wire_run(&net->wire, next);
    }
    return net->wire.now_ns <= until_ns ? count : 0;
}

struct gw_loop *sim_net_next(struct sim_net *net, uint64_t until_ns)
{
    size_t count = sim_net_advance(net, until_ns);
    struct gw_link *at;
    uint64_t skip;

    if (count == 0)
        return NULL;
    skip = seeded_below(&net->wire.seeded, count);
    for (at = net->loops.next; !sim_loop_ready(&loop_at(at)->base) || skip-- > 0; at = at->next)
        assert(at != &net->loops);
    return &loop_at(at)->base;
}

uint64_t sim_net_now(const struct sim_net *net)
{
    return net->wire.now_ns;
}

void sim_net_wall_jump(struct sim_net *net, int64_t by_ms)
{
    net->wall_ms += by_ms;
}

/* ---- Faults and accounts ---- */

void sim_net_reset(struct sim_net *net, int fd)
{
    struct sim_socket *socket = find_socket(net, fd);

    assert(socket->end);
    sim_connection_cut(socket->end->connection);
}

void sim_net_cut_after(struct sim_net *net, int fd, bool outwards, uint64_t bytes)
{
    struct sim_end *end = find_socket(net, fd)->end;

    assert(end && bytes > 0);
    sim_end_cut_after(outwards ? end : sim_end_peer(end), bytes);
}

void sim_net_vanish(struct sim_net *net, int fd)
{
    struct sim_socket *socket = find_socket(net, fd);

    assert(socket->end);
    sim_end_vanish(socket->end);
    drop_socket(net, socket);
}

void sim_net_delay(struct sim_net *net, int fd, uint64_t until_ns)
{
    struct sim_socket *socket = find_socket(net, fd);

    assert(socket->end);
    sim_connection_delay(socket->end->connection, until_ns);
}

void sim_net_before_calls(struct sim_net *net, void (*call)(void *ctx, const struct gw_loop *loop),
                          void *ctx)
{
    net->before_call = call;
    net->before_call_ctx = ctx;
}

void sim_net_options_set(struct sim_net *net, const struct sim_net_options *options)
{
    assert(options->buffer_bytes == net->wire.options.buffer_bytes);
    assert(options->segment_bytes.min > 0 && options->turn_ns > 0);
    net->wire.options = *options;
}

size_t sim_net_open_fds(const struct sim_net *net)
{
    return net->open_count;
}

size_t sim_net_connections(const struct sim_net *net)
{
    return net->wire.connection_count;
}

size_t sim_net_under_way(const struct sim_net *net)
{
    return net->wire.travel_count;
}

struct sim_net_counts sim_net_counts(const struct sim_net *net)
{
    return net->wire.counts;
}

uint64_t sim_net_trace(const struct sim_net *net)
{
    return net->wire.trace;
}

/* ---- Beginning and end ---- */

int sim_loop_new(struct gw_loop **out, struct sim_net *net, const struct gw_alloc *alloc,
                 unsigned host, void *ctx)
{
    struct sim_loop *loop = gw_alloc_get(alloc, sizeof(*loop));

    if (!loop)
        return -ENOMEM;
    assert(host <= UINT16_MAX);
    *loop = (struct sim_loop){
        .base.ops = &sim_ops, .net = net, .alloc = alloc, .ctx = ctx, .host = host};
    gw_link_init(&loop->ready);
    gw_link_append(&net->loops, &loop->link);
    read_clocks(loop);
    *out = &loop->base;
    return 0;
}

void *sim_loop_ctx(const struct gw_loop *loop)
{
    return sim_of(loop)->ctx;
}

struct sim_net *sim_net_new(const struct sim_net_options *options, uint64_t seed)
{
    struct sim_net *net = calloc(1, sizeof(*net));

    assert(net);
    sim_wire_init(&net->wire, options, seed, put_on_list);
    gw_link_init(&net->loops);
    net->wall_ms = WALL_MS_FIRST;
    return net;
}

void sim_net_free(struct sim_net *net)
{
    if (!net)
        return;
    assert(gw_link_empty(&net->loops));
    for (size_t i = 0; i < net->socket_room; i++) {
        if (net->sockets[i])
            close_socket(net, net->sockets[i]);
    }
    sim_wire_fini(&net->wire);
    free(net->sockets);
    free(net);
}
