#include "edge/accept.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/map.h"
#include "core/slab.h"
#include "edge/worker.h"

#define IDLE_ADDRESSES_MAX                                                                         \
    4096u                    /* remembered only for their rate; the oldest is forgotten first      \
                              */
#define BURST             5u /* times accept_rate */
#define NO_DESCRIPTORS_NS (100 * GW_NS_PER_MS) /* before the next try */

struct address {
    struct gw_link idle; /* among those without connections, oldest first */
    uint8_t name[GW_ADDRESS_BYTES];
    uint32_t count; /* connections now */
    uint64_t
        ready_ns; /* when its rate has recovered in full (a leaky bucket, as a point in time) */
};

struct gw_addresses {
    struct gw_map *map;
    struct gw_slab *slab;
    struct gw_link idle;
    uint32_t idle_count;
};

/* --- Addresses --- */

static bool is_address(uint32_t index, struct gw_str name, void *ctx)
{
    const struct gw_addresses *addresses = ctx;
    const struct address *address = gw_slab_at(addresses->slab, index);

    return memcmp(address->name, name.data, sizeof(address->name)) == 0;
}

int gw_addresses_new(struct gw_addresses **out, struct gw_worker *worker)
{
    struct gw_addresses *addresses = gw_alloc_zeroed(worker->alloc, 1, sizeof(*addresses));
    uint8_t key[16];
    int status;

    if (!addresses)
        return -ENOMEM;
    gw_link_init(&addresses->idle);
    gw_rng_bytes(&worker->rng, key, sizeof(key));
    status = gw_map_new(&addresses->map, worker->alloc, key, is_address, addresses);
    if (status == 0)
        status = gw_slab_new(&addresses->slab, worker->alloc, sizeof(struct address),
                             worker->options.settings.connections_max + IDLE_ADDRESSES_MAX);
    if (status != 0) {
        gw_addresses_free(addresses, worker->alloc);
        return status;
    }
    *out = addresses;
    return 0;
}

void gw_addresses_free(struct gw_addresses *addresses, const struct gw_alloc *alloc)
{
    if (!addresses)
        return;
    gw_map_free(addresses->map);
    gw_slab_free(addresses->slab);
    gw_alloc_put(alloc, addresses);
}

static struct gw_str name_of(const struct address *address)
{
    return (struct gw_str){(const char *)address->name, sizeof(address->name)};
}

static void forget(struct gw_addresses *addresses, uint32_t index)
{
    struct address *address = gw_slab_at(addresses->slab, index);

    gw_link_remove(&address->idle);
    addresses->idle_count--;
    gw_map_remove(addresses->map, name_of(address), index);
    gw_slab_give(addresses->slab, index);
}

/* Those whose rate has recovered need not be remembered; and never too many. */
static void forget_recovered(struct gw_addresses *addresses, uint64_t now_ns)
{
    struct gw_link *first;

    while ((first = gw_link_first(&addresses->idle))) {
        struct address *address = GW_CONTAINER(first, struct address, idle);

        if (address->ready_ns > now_ns && addresses->idle_count < IDLE_ADDRESSES_MAX)
            break;
        forget(addresses, gw_map_find(addresses->map, name_of(address)));
    }
}

/* The name of an address: IPv4 mapped, the /64 of IPv6. False for loopback, which is exempt. */
static bool name_address(uint8_t name[GW_ADDRESS_BYTES], const union gw_address *peer)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const uint8_t *in6 = peer->in6.sin6_addr.s6_addr;

    memset(name, 0, GW_ADDRESS_BYTES);
    if (peer->any.sa_family == AF_INET) {
        memcpy(name, mapped, sizeof(mapped));
        memcpy(name + 12, &peer->in4.sin_addr, 4);
        return name[12] != 127;
    }
    if (peer->any.sa_family != AF_INET6 || IN6_IS_ADDR_LOOPBACK(&peer->in6.sin6_addr))
        return false;
    memcpy(name, in6, memcmp(in6, mapped, sizeof(mapped)) == 0 ? 16 : 8);
    return true;
}

static uint32_t find_or_add(struct gw_addresses *addresses, const uint8_t name[GW_ADDRESS_BYTES])
{
    struct gw_str text = {(const char *)name, 16};
    uint32_t index = gw_map_find(addresses->map, text);
    struct address *address;

    if (index != GW_MAP_NONE)
        return index;
    address = gw_slab_take(addresses->slab, &index);
    if (!address)
        return GW_CONN_NONE;
    memcpy(address->name, name, sizeof(address->name));
    gw_link_init(&address->idle);
    if (gw_map_add(addresses->map, text, index) != 0) {
        gw_slab_give(addresses->slab, index);
        return GW_CONN_NONE;
    }
    gw_link_append(&addresses->idle, &address->idle);
    addresses->idle_count++;
    return index;
}

/* Is one more connection from there within both caps? Counts the attempt either way. */
static bool within_caps(const struct gw_worker *worker, struct address *address)
{
    const struct gw_edge_settings *set = &worker->options.settings;
    uint64_t step_ns = GW_NS_PER_S / set->accept_rate;
    uint64_t now_ns = worker->now.mono_ns;

    if (address->ready_ns < now_ns)
        address->ready_ns = now_ns;
    if (address->ready_ns - now_ns > (BURST * (uint64_t)set->accept_rate - 1) * step_ns)
        return false;
    address->ready_ns += step_ns;
    return address->count < set->per_address_max;
}

/* Stores the index of the peer's address, or GW_CONN_NONE for one that is not counted. */
static bool admit_address(struct gw_worker *worker, const union gw_address *peer, uint32_t *index)
{
    struct gw_addresses *addresses = worker->addresses;
    struct address *address;
    uint8_t name[GW_ADDRESS_BYTES];

    *index = GW_CONN_NONE;
    if (!name_address(name, peer))
        return true;
    forget_recovered(addresses, worker->now.mono_ns);
    *index = find_or_add(addresses, name);
    if (*index == GW_CONN_NONE)
        return false;
    address = gw_slab_at(addresses->slab, *index);
    if (!within_caps(worker, address))
        return false;
    if (address->count++ == 0) {
        gw_link_remove(&address->idle);
        addresses->idle_count--;
    }
    return true;
}

static void release_address(struct gw_worker *worker, uint32_t index)
{
    struct gw_addresses *addresses = worker->addresses;
    struct address *address;

    if (index == GW_CONN_NONE)
        return;
    address = gw_slab_at(addresses->slab, index);
    assert(address->count > 0);
    if (--address->count == 0) {
        gw_link_append(&addresses->idle, &address->idle);
        addresses->idle_count++;
    }
}

size_t gw_accept_address(const struct gw_worker *worker, const struct gw_conn *conn,
                         uint8_t out[GW_ADDRESS_BYTES])
{
    const struct address *address;

    if (conn->address == GW_CONN_NONE)
        return 0;
    address = gw_slab_at(worker->addresses->slab, conn->address);
    memcpy(out, address->name, GW_ADDRESS_BYTES);
    return GW_ADDRESS_BYTES;
}

void gw_accept_release(struct gw_worker *worker, struct gw_conn *conn)
{
    release_address(worker, conn->address);
}

/* --- Accepting --- */

/* A few words before the door closes. Whether they arrive is not worth a connection's memory. */
static void turn_away(struct gw_worker *worker, int fd, bool overload)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                               "Retry-After: 5\r\nConnection: close\r\n\r\n";
    static const char often[] = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n"
                                "Retry-After: 5\r\nConnection: close\r\n\r\n";
    struct iovec iov = {(void *)(uintptr_t)(overload ? busy : often),
                        overload ? sizeof(busy) - 1 : sizeof(often) - 1};
    struct gw_send send = {.fd = fd, .iov_count = 1, .iov = &iov};

    gw_loop_send_batch(worker->loop, &send, 1);
    gw_loop_finish(worker->loop, fd);
    gw_loop_close(worker->loop, fd);
    gw_pen_say(worker->options.pen, worker->now, GW_LOG_WARN, overload ? "overload" : "address",
               overload ? "a connection was refused: max_connections is reached"
                        : "a connection was refused: its address has too many, or comes too often");
}

static void admit(struct gw_worker *worker, int fd, const union gw_address *peer)
{
    uint32_t address, index;
    struct gw_conn *conn;

    if (!admit_address(worker, peer, &address)) {
        turn_away(worker, fd, false);
        return;
    }
    conn = gw_slab_take(worker->conns, &index);
    if (!conn) {
        release_address(worker, address);
        turn_away(worker, fd, true);
        return;
    }
    conn->fd = fd;
    conn->index = index;
    conn->address = address;
    conn->subscription = GW_SUBSCRIPTION_NONE;
    conn->next = GW_CONN_NONE;
    conn->phase = GW_CONN_REQUEST;
    conn->transport = worker->options.front;
    gw_timer_init(&conn->timer);
    gw_conn_set_due(worker, conn,
                    worker->now.mono_ns + worker->options.settings.handshake_timeout_ns);
    if (gw_loop_add(worker->loop, fd, gw_conn_handle(worker, conn)) != 0)
        gw_conn_kill(worker, conn);
}

static void say_no_descriptors(struct gw_worker *worker)
{
    gw_pen_say(worker->options.pen, worker->now, GW_LOG_ERROR, "descriptors",
               "a connection could not be taken: no descriptors are left; raise the limit "
               "(ulimit -n) or lower max_connections");
}

/* Returns false when the listener has nothing more for now. */
static bool accept_one(struct gw_worker *worker, int listener)
{
    union gw_address peer;
    int fd = gw_loop_accept(worker->loop, listener, &peer);

    if (fd >= 0) {
        admit(worker, fd, &peer);
        return true;
    }
    if (fd == -EAGAIN)
        return false;
    if (fd != -ECONNABORTED)
        say_no_descriptors(worker);
    /* Any other leaves it waiting, and nothing will tell of it again: come back, but do not spin.
     */
    if (fd != -ECONNABORTED && fd != -EMFILE)
        worker->accept_after_ns = worker->now.mono_ns + NO_DESCRIPTORS_NS;
    return true;
}

void gw_accept_waiting(struct gw_worker *worker)
{
    for (unsigned i = 0; i < worker->listener_count; i++) {
        int left = GW_WORKER_ACCEPTS;

        while (worker->listener_ready[i] && left-- > 0 &&
               worker->now.mono_ns >= worker->accept_after_ns)
            worker->listener_ready[i] = accept_one(worker, worker->listeners[i]);
    }
}
