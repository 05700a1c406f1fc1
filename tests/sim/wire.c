/* wire.c - see wire.h. What Linux does at each point was tried on Linux; the comments say so where
 * it surprises.
 *
 * Threads: one. */
#include "sim/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/hash.h"

#define PORT_FIRST  32768
#define PORT_LAST   60999
#define WAITING_MAX 4096 /* the backlog that loop.h promises */

enum travel_kind {
    TRAVEL_SYN,     /* from who connects */
    TRAVEL_WELCOME, /* back: connected */
    TRAVEL_REFUSAL, /* back: nobody listens */
    TRAVEL_DATA,
    TRAVEL_FIN,
    TRAVEL_RESET,
    TRAVEL_ACK,   /* from the receiver: how much arrived, and was read */
    TRAVEL_SPACE, /* to oneself: a send that was cut short for no reason may be tried again */
};

struct sim_travel {
    uint64_t arrives_ns;
    uint64_t id; /* ever growing: of two that arrive together, the older first */
    enum travel_kind kind;
    struct sim_end *from;
    uint64_t bytes; /* TRAVEL_DATA */
};

static const char *const travel_names[] = {
    [TRAVEL_SYN] = "syn",   [TRAVEL_WELCOME] = "welcome", [TRAVEL_REFUSAL] = "refusal",
    [TRAVEL_DATA] = "data", [TRAVEL_FIN] = "fin",         [TRAVEL_RESET] = "reset",
    [TRAVEL_ACK] = "ack",   [TRAVEL_SPACE] = "space",
};

/* ---- Chance and trace ---- */

uint64_t sim_wire_draw(struct sim_wire *wire, struct sim_range range)
{
    assert(range.min <= range.max && range.max - range.min < UINT64_MAX);
    return range.min + seeded_below(&wire->seeded, range.max - range.min + 1);
}

bool sim_wire_chance(struct sim_wire *wire, uint32_t permille)
{
    return permille > 0 && seeded_below(&wire->seeded, 1000) < permille;
}

static void trace_number(struct sim_wire *wire, uint64_t number)
{
    struct seeded mixer = {.state = wire->trace ^ number};

    wire->trace = seeded_next(&mixer);
}

void sim_wire_note(struct sim_wire *wire, const char *what, uint64_t who, uint64_t how_much)
{
    while (*what)
        trace_number(wire, (uint64_t)(unsigned char)*what++);
    trace_number(wire, who);
    trace_number(wire, how_much);
    trace_number(wire, wire->now_ns);
}

/* ---- The heap of what travels ---- */

static bool arrives_before(const struct sim_travel *a, const struct sim_travel *b)
{
    return a->arrives_ns < b->arrives_ns || (a->arrives_ns == b->arrives_ns && a->id < b->id);
}

static void swap_travels(struct sim_wire *wire, size_t a, size_t b)
{
    struct sim_travel travel = wire->travels[a];

    wire->travels[a] = wire->travels[b];
    wire->travels[b] = travel;
}

static void push_travel(struct sim_wire *wire, struct sim_travel travel)
{
    size_t at = wire->travel_count++;

    if (wire->travel_count > wire->travel_room) {
        wire->travel_room = 2 * wire->travel_count + 64;
        wire->travels = realloc(wire->travels, wire->travel_room * sizeof(travel));
        assert(wire->travels);
    }
    wire->travels[at] = travel;
    while (at > 0 && arrives_before(&wire->travels[at], &wire->travels[(at - 1) / 2])) {
        swap_travels(wire, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static struct sim_travel pop_travel(struct sim_wire *wire)
{
    struct sim_travel first = wire->travels[0];
    size_t at = 0;

    wire->travels[0] = wire->travels[--wire->travel_count];
    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < wire->travel_count &&
                arrives_before(&wire->travels[child], &wire->travels[least]))
                least = child;
        }
        if (least == at)
            return first;
        swap_travels(wire, at, least);
        at = least;
    }
}

static struct sim_wire *wire_of(const struct sim_end *end)
{
    return end->connection->wire;
}

static uint64_t who(const struct sim_end *end)
{
    return 2 * end->connection->id + (end == &end->connection->ends[1]);
}

struct sim_end *sim_end_peer(const struct sim_end *end)
{
    struct sim_connection *connection = end->connection;

    return &connection->ends[end == &connection->ends[0]];
}

static void set_out(struct sim_end *from, enum travel_kind kind, uint64_t arrives_ns,
                    uint64_t bytes)
{
    struct sim_wire *wire = wire_of(from);

    from->connection->under_way++;
    push_travel(wire, (struct sim_travel){.arrives_ns = arrives_ns,
                                          .id = ++wire->travel_ids,
                                          .kind = kind,
                                          .from = from,
                                          .bytes = bytes});
}

/* What belongs to the stream: arrives in the order in which it was sent. */
static void set_out_in_order(struct sim_end *from, enum travel_kind kind, uint64_t bytes)
{
    struct sim_wire *wire = wire_of(from);
    uint64_t arrives_ns = wire->now_ns + sim_wire_draw(wire, wire->options.latency_ns);

    if (arrives_ns < from->out.arrives_ns)
        arrives_ns = from->out.arrives_ns;
    from->out.arrives_ns = arrives_ns;
    set_out(from, kind, arrives_ns, bytes);
}

static void set_out_anyhow(struct sim_end *from, enum travel_kind kind)
{
    struct sim_wire *wire = wire_of(from);

    set_out(from, kind, wire->now_ns + sim_wire_draw(wire, wire->options.latency_ns), 0);
}

/* ---- Pipes ---- */

static size_t buffer_bytes(const struct sim_end *end)
{
    return wire_of(end)->options.buffer_bytes;
}

static void copy_in(struct sim_end *end, const uint8_t *bytes, size_t len)
{
    size_t size = 2 * buffer_bytes(end);
    size_t at = end->out.written % size;
    size_t first = len < size - at ? len : size - at;

    memcpy(end->out.ring + at, bytes, first);
    memcpy(end->out.ring, bytes + first, len - first);
    end->out.written += len;
    assert(end->out.written - end->out.read <= size);
}

static void copy_out(struct sim_end *sender, uint8_t *bytes, size_t len)
{
    size_t size = 2 * buffer_bytes(sender);
    size_t at = sender->out.read % size;
    size_t first = len < size - at ? len : size - at;

    memcpy(bytes, sender->out.ring + at, first);
    memcpy(bytes + first, sender->out.ring, len - first);
    sender->out.read += len;
    assert(sender->out.read <= sender->out.delivered);
}

static size_t least_of(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Sends what the receiver has room for, in pieces; and the end of the stream behind the last one.
 */
static void transmit(struct sim_end *end)
{
    struct sim_wire *wire = wire_of(end);
    struct sim_pipe *pipe = &end->out;

    while (pipe->sent < pipe->written && pipe->sent - pipe->read_seen < buffer_bytes(end)) {
        size_t bytes =
            least_of(sim_wire_draw(wire, wire->options.segment_bytes), pipe->written - pipe->sent,
                     buffer_bytes(end) - (pipe->sent - pipe->read_seen));

        pipe->sent += bytes;
        set_out_in_order(end, TRAVEL_DATA, bytes);
    }
    if (end->finished && !pipe->fin_sent && pipe->sent == pipe->written) {
        pipe->fin_sent = true;
        set_out_in_order(end, TRAVEL_FIN, 0);
    }
}

static void acknowledge(struct sim_end *receiver)
{
    struct sim_pipe *in = &sim_end_peer(receiver)->out;

    if (in->ack_under_way)
        return;
    in->ack_under_way = true;
    set_out_anyhow(receiver, TRAVEL_ACK);
}

/* ---- Connections ---- */

static void wake(struct sim_end *end)
{
    if (end->socket)
        wire_of(end)->wake(end->socket);
}

static void free_connection(struct sim_connection *connection)
{
    assert(gw_link_empty(&connection->waiting));
    gw_link_remove(&connection->link);
    connection->wire->connection_count--;
    free(connection->ends[0].out.ring);
    free(connection->ends[1].out.ring);
    gw_alloc_put(&gw_alloc_std, connection);
}

static void free_if_over(struct sim_connection *connection)
{
    if (connection->ends[0].closed && connection->ends[1].closed && connection->under_way == 0)
        free_connection(connection);
}

/* Nothing goes in or out any more. What has arrived can still be read: so it is on Linux. */
static void kill_end(struct sim_end *end, int error)
{
    end->dead = true;
    end->error = error;
    end->out.acked = end->out.sent = end->out.written; /* given up */
    wake(end);
}

static void kill_by_reset(struct sim_end *end)
{
    if (end->dead)
        return;
    wire_of(end)->counts.resets++;
    kill_end(end, end->fin_received ? EPIPE : ECONNRESET);
}

/* This end is no more, and tells the other. */
static void reset_peer(struct sim_end *end)
{
    kill_end(end, 0);
    set_out_in_order(end, TRAVEL_RESET, 0);
}

static bool same_host_address(const union gw_address *a, const union gw_address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
    return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
}

static bool is_any(const union gw_address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->in4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr);
}

/* Addresses are 10.1.x.y and fd00::xy; sim_net_address() tells the first kind. */
static union gw_address host_address(unsigned host, sa_family_t family)
{
    union gw_address address;

    memset(&address, 0, sizeof(address));
    address.any.sa_family = family;
    if (family == AF_INET) {
        address.in4.sin_addr.s_addr = htonl(0x0a010000u | host);
    } else {
        address.in6.sin6_addr.s6_addr[0] = 0xfd;
        address.in6.sin6_addr.s6_addr[14] = (uint8_t)(host >> 8);
        address.in6.sin6_addr.s6_addr[15] = (uint8_t)host;
    }
    return address;
}

union gw_address sim_net_address(unsigned host, uint16_t port)
{
    union gw_address address = host_address(host, AF_INET);

    address.in4.sin_port = htons(port);
    return address;
}

static in_port_t next_port(struct sim_wire *wire)
{
    wire->last_port = wire->last_port >= PORT_LAST ? PORT_FIRST : (uint16_t)(wire->last_port + 1);
    return htons(wire->last_port);
}

/* The two families have the port at one place. */
static in_port_t port_of(const union gw_address *address)
{
    return address->in4.sin_port;
}

static bool listens_at(const struct sim_listener *listener, const struct sim_connection *connection)
{
    const union gw_address *to = &connection->ends[1].address;
    union gw_address own = host_address(listener->host, to->any.sa_family);
    bool here = listener->host == connection->host;

    if (listener->address.any.sa_family != to->any.sa_family ||
        port_of(&listener->address) != port_of(to))
        return false;
    if (gw_address_is_loopback(to) && !here)
        return false;
    if (is_any(&listener->address))
        return gw_address_is_loopback(to) || same_host_address(&own, to);
    return same_host_address(&listener->address, to);
}

/* One of those that listen there, as SO_REUSEPORT does it. */
static struct sim_listener *find_listener(struct sim_connection *connection)
{
    struct sim_wire *wire = connection->wire;
    struct sim_listener *found = NULL;
    uint64_t count = 0;

    for (struct gw_link *at = wire->listeners.next; at != &wire->listeners; at = at->next) {
        struct sim_listener *listener = GW_CONTAINER(at, struct sim_listener, link);

        if (listens_at(listener, connection) && seeded_below(&wire->seeded, ++count) == 0)
            found = listener;
    }
    return found;
}

static struct sim_connection *new_connection(struct sim_wire *wire)
{
    struct sim_connection *connection = gw_alloc_zeroed(&gw_alloc_std, 1, sizeof(*connection));

    assert(connection);
    connection->wire = wire;
    connection->id = ++wire->connection_ids;
    gw_link_init(&connection->waiting);
    gw_link_append(&wire->connections, &connection->link);
    wire->connection_count++;
    for (int i = 0; i < 2; i++) {
        connection->ends[i].connection = connection;
        connection->ends[i].out.ring = malloc(2 * (size_t)wire->options.buffer_bytes);
        assert(connection->ends[i].out.ring);
    }
    connection->ends[1].closed = true; /* nobody is there yet */
    connection->ends[1].dead = true;
    return connection;
}

struct sim_end *sim_end_connect(struct sim_wire *wire, unsigned host,
                                const union gw_address *address, struct sim_socket *socket)
{
    struct sim_connection *connection = new_connection(wire);
    struct sim_end *end = &connection->ends[0];

    connection->host = host;
    connection->ends[1].address = *address;
    if (gw_address_is_loopback(address))
        end->address = *address;
    else
        end->address = host_address(host, address->any.sa_family);
    end->address.in4.sin_port = next_port(wire);
    end->socket = socket;
    set_out_in_order(end, TRAVEL_SYN, 0);
    return end;
}

/* ---- Arrivals ---- */

static void arrive_syn(struct sim_end *client)
{
    struct sim_connection *connection = client->connection;
    struct sim_listener *listener = find_listener(connection);
    struct sim_end *server = &connection->ends[1];
    size_t waiting = 0;

    if (client->dead) /* has thought better of it */
        return;
    if (listener) {
        for (struct gw_link *at = listener->waiting.next; at != &listener->waiting; at = at->next)
            waiting++;
    }
    if (!listener || waiting >= WAITING_MAX) {
        set_out_in_order(server, TRAVEL_REFUSAL, 0);
        return;
    }
    server->dead = false;
    server->closed = false;
    server->connected = true;
    gw_link_append(&listener->waiting, &connection->waiting);
    connection->wire->wake(listener->socket);
    set_out_in_order(server, TRAVEL_WELCOME, 0);
}

static void arrive_welcome(struct sim_end *server)
{
    struct sim_end *client = sim_end_peer(server);

    if (client->dead)
        return;
    wire_of(client)->counts.connected++;
    client->connected = true;
    wake(client);
}

static void arrive_refusal(struct sim_end *server)
{
    struct sim_end *client = sim_end_peer(server);

    if (client->dead)
        return;
    wire_of(client)->counts.refused++;
    kill_end(client, ECONNREFUSED);
}

static void deliver(struct sim_end *sender, uint64_t bytes)
{
    sender->out.delivered += bytes;
    wire_of(sender)->counts.delivered_bytes += bytes;
    wake(sim_end_peer(sender));
}

static void arrive_data(struct sim_end *sender, uint64_t bytes)
{
    struct sim_end *receiver = sim_end_peer(sender);

    if (receiver->dead)
        return;
    if (receiver->closed) { /* nobody will read it, and the sender shall know */
        reset_peer(receiver);
        return;
    }
    if (sender->cut_armed && sender->out.delivered + bytes >= sender->cut_at) {
        wire_of(sender)->counts.cuts++;
        deliver(sender, sender->cut_at - sender->out.delivered);
        sim_connection_cut(sender->connection);
        return;
    }
    deliver(sender, bytes);
    acknowledge(receiver);
}

static void arrive_fin(struct sim_end *sender)
{
    struct sim_end *receiver = sim_end_peer(sender);

    if (receiver->dead)
        return;
    wire_of(sender)->counts.finished++;
    receiver->fin_received = true;
    wake(receiver);
}

/* Linux calls a socket writable again when a third of its buffer is free, and wakes only those that
 * were told that there is no room. */
static bool is_writable(struct sim_end *end)
{
    size_t queued = end->out.written - end->out.acked;

    if (end->dead || end->finished)
        return true; /* a send does not wait: it fails */
    if (buffer_bytes(end) - queued >= queued / 2 && queued < buffer_bytes(end))
        return true;
    end->wants_space = true;
    return false;
}

static void tell_of_space(struct sim_end *end)
{
    if (end->dead || !end->wants_space || !is_writable(end))
        return;
    end->wants_space = false;
    wake(end);
}

static void arrive_ack(struct sim_end *receiver)
{
    struct sim_end *sender = sim_end_peer(receiver);

    sender->out.ack_under_way = false;
    if (sender->dead)
        return;
    sender->out.acked = sender->out.delivered;
    sender->out.read_seen = sender->out.read;
    tell_of_space(sender);
    transmit(sender);
}

static void arrive(struct sim_wire *wire, const struct sim_travel *travel)
{
    sim_wire_note(wire, travel_names[travel->kind], who(travel->from), travel->bytes);
    wire->counts.arrivals++;
    if (travel->from->connection->silent && travel->kind != TRAVEL_SPACE)
        return;
    switch (travel->kind) {
    case TRAVEL_SYN:
        arrive_syn(travel->from);
        break;
    case TRAVEL_WELCOME:
        arrive_welcome(travel->from);
        break;
    case TRAVEL_REFUSAL:
        arrive_refusal(travel->from);
        break;
    case TRAVEL_DATA:
        arrive_data(travel->from, travel->bytes);
        break;
    case TRAVEL_FIN:
        arrive_fin(travel->from);
        break;
    case TRAVEL_RESET:
        kill_by_reset(sim_end_peer(travel->from));
        break;
    case TRAVEL_ACK:
        arrive_ack(travel->from);
        break;
    case TRAVEL_SPACE:
        tell_of_space(travel->from);
        break;
    }
}

uint64_t sim_wire_next(const struct sim_wire *wire)
{
    return wire->travel_count > 0 ? wire->travels[0].arrives_ns : UINT64_MAX;
}

void sim_wire_run(struct sim_wire *wire, uint64_t now_ns)
{
    assert(now_ns >= wire->now_ns);
    while (sim_wire_next(wire) <= now_ns) {
        struct sim_travel travel = pop_travel(wire);

        if (travel.arrives_ns > wire->now_ns)
            wire->now_ns = travel.arrives_ns;
        arrive(wire, &travel);
        travel.from->connection->under_way--;
        free_if_over(travel.from->connection);
    }
    wire->now_ns = now_ns;
}

/* ---- What an end is asked for ---- */

static size_t unread(const struct sim_end *end)
{
    const struct sim_pipe *in = &sim_end_peer(end)->out;

    return in->delivered - in->read;
}

struct gw_event sim_end_event(struct sim_end *end)
{
    bool hung_up = end->dead || end->fin_received;

    if (!end->connected && !end->dead)
        return (struct gw_event){0};
    return (struct gw_event){
        .readable = hung_up || unread(end) > 0,
        .peer_closed = hung_up,
        .failed = end->error != 0,
        .writable = is_writable(end) && end->error == 0,
    };
}

static int take_error(struct sim_end *end)
{
    int error = end->error;

    end->error = 0;
    return error;
}

/* What arrived before a reset can be read before the reset is told; and after the end of the stream
 * there is only the end of the stream. Both are Linux. */
ssize_t sim_end_receive(struct sim_end *end, void *buf, size_t room)
{
    size_t len = unread(end) < room ? unread(end) : room;

    if (len > 0) {
        copy_out(sim_end_peer(end), buf, len);
        if (!end->dead)
            acknowledge(end);
        return (ssize_t)len;
    }
    if (end->fin_received)
        return 0;
    if (end->error != 0)
        return -take_error(end);
    return end->dead ? 0 : -EAGAIN;
}

/* How much of `len` bytes the socket takes now; less than that only if it wakes somebody later. */
static size_t admit(struct sim_end *end, size_t len)
{
    struct sim_wire *wire = wire_of(end);
    size_t room = buffer_bytes(end) - (end->out.written - end->out.acked);
    size_t taken = len < room ? len : room;

    if (taken > 0 && sim_wire_chance(wire, wire->options.short_send_permille)) {
        taken = seeded_below(&wire->seeded, taken);
        set_out_anyhow(end, TRAVEL_SPACE);
    }
    if (taken < len)
        end->wants_space = true;
    return taken;
}

static void write_pieces(struct sim_end *end, const struct iovec *iov, size_t len)
{
    static const uint8_t no_key[16];

    for (; len > 0; iov++) {
        size_t piece = iov->iov_len < len ? iov->iov_len : len;

        if (piece > 0) {
            copy_in(end, iov->iov_base, piece);
            trace_number(wire_of(end), gw_siphash(no_key, iov->iov_base, piece));
        }
        len -= piece;
    }
    transmit(end);
}

static ssize_t try_send(struct sim_end *end, const struct iovec *iov, int iov_count)
{
    size_t len = 0, taken;

    if (end->error != 0)
        return -take_error(end);
    if (end->dead || end->finished)
        return -EPIPE;
    if (!end->connected) {
        end->wants_space = true;
        return -EAGAIN;
    }
    for (int i = 0; i < iov_count; i++)
        len += iov[i].iov_len;
    taken = admit(end, len);
    if (taken == 0 && len > 0)
        return -EAGAIN;
    write_pieces(end, iov, taken);
    if (taken < len)
        wire_of(end)->counts.sends_short++;
    else
        wire_of(end)->counts.sends_whole++;
    return (ssize_t)taken;
}

ssize_t sim_end_send(struct sim_end *end, const struct iovec *iov, int iov_count)
{
    ssize_t result = try_send(end, iov, iov_count);

    if (result == -EAGAIN)
        wire_of(end)->counts.sends_full++;
    else if (result < 0)
        wire_of(end)->counts.sends_failed++;
    return result;
}

int sim_end_unsent(const struct sim_end *end)
{
    return (int)(end->out.written - end->out.acked);
}

/* On Linux whoever shuts a half down is woken by that, too. */
void sim_end_finish(struct sim_end *end)
{
    if (end->dead || end->finished || !end->connected)
        return;
    end->finished = true;
    transmit(end);
    wake(end);
}

void sim_end_close(struct sim_end *end)
{
    assert(!end->closed);
    end->closed = true;
    end->socket = NULL;
    wire_of(end)->counts.let_go += end->connection->silent;
    if (!end->dead && end->connected && unread(end) == 0) {
        end->finished = true;
        transmit(end);
    } else if (!end->dead) {
        reset_peer(end); /* unread, or connecting still: who listens learns that nobody is there */
    }
    free_if_over(end->connection);
}

void sim_connection_cut(struct sim_connection *connection)
{
    sim_wire_note(connection->wire, "cut", connection->id, 0);
    kill_by_reset(&connection->ends[0]);
    kill_by_reset(&connection->ends[1]);
}

void sim_end_cut_after(struct sim_end *sender, uint64_t bytes)
{
    sender->cut_armed = true;
    sender->cut_at = sender->out.delivered + bytes;
}

void sim_end_vanish(struct sim_end *end)
{
    sim_wire_note(wire_of(end), "vanish", who(end), 0);
    assert(!end->closed);
    wire_of(end)->counts.vanished += !sim_end_peer(end)->closed;
    end->connection->silent = true;
    end->closed = true;
    end->dead = true;
    end->socket = NULL;
    free_if_over(end->connection);
}

void sim_connection_delay(struct sim_connection *connection, uint64_t until_ns)
{
    for (int i = 0; i < 2; i++) {
        if (connection->ends[i].out.arrives_ns < until_ns)
            connection->ends[i].out.arrives_ns = until_ns;
    }
}

/* ---- Listeners ---- */

struct sim_listener *sim_listener_open(struct sim_wire *wire, unsigned host,
                                       const union gw_address *address, struct sim_socket *socket)
{
    struct sim_listener *listener = calloc(1, sizeof(*listener));

    assert(listener);
    listener->wire = wire;
    listener->host = host;
    listener->socket = socket;
    listener->address = *address;
    if (port_of(address) == 0)
        listener->address.in4.sin_port = next_port(wire);
    gw_link_init(&listener->waiting);
    gw_link_append(&wire->listeners, &listener->link);
    return listener;
}

struct sim_end *sim_listener_take(struct sim_listener *listener)
{
    struct gw_link *first = gw_link_first(&listener->waiting);

    if (!first)
        return NULL;
    gw_link_remove(first);
    return &GW_CONTAINER(first, struct sim_connection, waiting)->ends[1];
}

void sim_listener_close(struct sim_listener *listener)
{
    struct sim_end *end;

    while ((end = sim_listener_take(listener))) {
        if (!end->dead)
            reset_peer(end);
        sim_end_close(end);
    }
    gw_link_remove(&listener->link);
    free(listener);
}

/* ---- The wire ---- */

void sim_wire_init(struct sim_wire *wire, const struct sim_net_options *options, uint64_t seed,
                   void (*wake_socket)(struct sim_socket *socket))
{
    assert(options->buffer_bytes > 0 && options->segment_bytes.min > 0 && options->turn_ns > 0);
    *wire = (struct sim_wire){.options = *options,
                              .seeded = {.state = seed},
                              .now_ns = GW_NS_PER_S, /* the time is never 0 on a real machine */
                              .wake = wake_socket,
                              .last_port = PORT_FIRST - 1};
    gw_link_init(&wire->listeners);
    gw_link_init(&wire->connections);
}

void sim_wire_fini(struct sim_wire *wire)
{
    struct gw_link *at;

    assert(gw_link_empty(&wire->listeners));
    while ((at = gw_link_first(&wire->connections)))
        free_connection(GW_CONTAINER(at, struct sim_connection, link));
    free(wire->travels);
}
