/* epoll.c - the loop on Linux's epoll.
 *
 * A descriptor is registered once, edge-triggered, for everything: from then on a connection costs
 * no epoll_ctl() more. What an accepted socket needs (TCP_NODELAY, TCP_NOTSENT_LOWAT) is set on the
 * listener and inherited, so that accepting costs accept4() and one epoll_ctl(), nothing else.
 *
 * When a turn fills its array, the kernel keeps the rest in its ready list and hands it out first
 * next time: nothing needs remembering here.
 *
 * Threads: see loop.h. */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"
#include "loop/address.h"

#define TURN_EVENTS_MAX 512
#define LISTEN_BACKLOG  4096
#define WAKE_TOKEN      UINT64_MAX

struct epoll_loop {
    struct gw_loop base;
    const struct gw_alloc *alloc; /* borrowed */
    int epoll_fd;
    int wake_fd;    /* an eventfd */
    int reserve_fd; /* kept for refuse_connection(); -1 while none can be had */
    struct gw_loop_options options;
    bool coarse; /* no epoll_pwait2() here: wait in whole milliseconds */
    struct gw_now now;
    atomic_bool woken; /* a wake is under way: another write would say the same again */
    struct epoll_event ready[TURN_EVENTS_MAX];
};

static struct epoll_loop *epoll_of(struct gw_loop *loop)
{
    return (struct epoll_loop *)loop;
}

/* ---- The turn ---- */

static void read_clocks(struct epoll_loop *loop)
{
    struct timespec mono, wall;

    /* Cannot fail: both clocks exist on every Linux. */
    (void)clock_gettime(CLOCK_MONOTONIC, &mono);
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    loop->now.mono_ns = (uint64_t)mono.tv_sec * GW_NS_PER_S + (uint64_t)mono.tv_nsec;
    loop->now.wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / (long)GW_NS_PER_MS;
}

/* Rounded up: rounded down, the last part of a millisecond would be a loop of turns of no length.
 */
static int whole_ms(uint64_t timeout_ns)
{
    uint64_t ms;

    if (timeout_ns == UINT64_MAX)
        return -1;
    ms = timeout_ns / GW_NS_PER_MS + (timeout_ns % GW_NS_PER_MS != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int wait_exact(struct epoll_loop *loop, int max, uint64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / GW_NS_PER_S),
                               .tv_nsec = (long)(timeout_ns % GW_NS_PER_S)};

    return epoll_pwait2(loop->epoll_fd, loop->ready, max,
                        timeout_ns == UINT64_MAX ? NULL : &timeout, NULL);
}

static int wait_ready(struct epoll_loop *loop, int max, uint64_t timeout_ns)
{
    int count;

    if (!loop->coarse) {
        count = wait_exact(loop, max, timeout_ns);
        if (count >= 0)
            return count;
        if (errno != ENOSYS && errno != EPERM)
            return -errno;
        loop->coarse = true; /* a kernel before 5.11, or a container's filter that is (EPERM) */
    }
    count = epoll_wait(loop->epoll_fd, loop->ready, max, whole_ms(timeout_ns));
    return count < 0 ? -errno : count;
}

/* A connection that failed is `writable` to the kernel (a send would not wait), but not to us:
 * there `writable` means that connecting is done, or that bytes can go. */
static struct gw_event event_of(const struct epoll_event *ready)
{
    uint32_t bits = ready->events;

    return (struct gw_event){
        .token = ready->data.u64,
        .readable = (bits & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
        .writable = (bits & EPOLLOUT) != 0 && (bits & EPOLLERR) == 0,
        .peer_closed = (bits & (EPOLLRDHUP | EPOLLHUP)) != 0,
        .failed = (bits & EPOLLERR) != 0,
    };
}

static int epoll_turn(struct gw_loop *base, struct gw_event *events, size_t max,
                      uint64_t timeout_ns)
{
    struct epoll_loop *loop = epoll_of(base);
    int count, stored = 0;

    assert(max > 0);
    count = wait_ready(loop, max < TURN_EVENTS_MAX ? (int)max : TURN_EVENTS_MAX, timeout_ns);
    read_clocks(loop);
    /* Taken back before the caller looks at what it was woken for, and by an exchange, so that
     * whoever found it set has its letters seen. */
    (void)atomic_exchange_explicit(&loop->woken, false, memory_order_acq_rel);
    if (count < 0)
        return count == -EINTR ? 0 : count;
    for (int i = 0; i < count; i++) {
        if (loop->ready[i].data.u64 != WAKE_TOKEN)
            events[stored++] = event_of(&loop->ready[i]);
    }
    return stored;
}

/* The eventfd is edge-triggered too: each write is an event, and nobody needs to read it. Its count
 * would be full after 2^64 writes. */
static void epoll_wake(struct gw_loop *base)
{
    struct epoll_loop *loop = epoll_of(base);
    int err;

    if (atomic_exchange_explicit(&loop->woken, true, memory_order_acq_rel))
        return;
    err = eventfd_write(loop->wake_fd, 1);
    assert(err == 0);
}

static struct gw_now epoll_now(struct gw_loop *base)
{
    return epoll_of(base)->now;
}

/* ---- Sockets ---- */

static int epoll_add(struct gw_loop *base, int fd, uint64_t token)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u64 = token};

    assert(token != WAKE_TOKEN);
    return epoll_ctl(epoll_of(base)->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_stream_options(const struct epoll_loop *loop, int fd)
{
    int err = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);

    if (err < 0 || loop->options.notsent_lowat == 0)
        return err;
    return set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)loop->options.notsent_lowat);
}

static int prepare_listener(const struct epoll_loop *loop, int fd, const union gw_address *address)
{
    int err = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

    if (err == 0 && loop->options.share_port)
        err = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (err == 0 && address->any.sa_family == AF_INET6)
        err = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (err == 0)
        err = set_stream_options(loop, fd); /* for those it accepts, which inherit them */
    if (err == 0 && bind(fd, &address->any, gw_address_len(address)) < 0)
        err = -errno;
    if (err == 0 && listen(fd, LISTEN_BACKLOG) < 0)
        err = -errno;
    return err;
}

static int open_stream(const union gw_address *address)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

/* `fd` under `token` where all went well so far; else closed, and the reason. */
static int add_or_close(struct gw_loop *base, int fd, int err, uint64_t token)
{
    if (err == 0)
        err = epoll_add(base, fd, token);
    if (err == 0)
        return fd;
    close(fd);
    return err;
}

static int epoll_listen(struct gw_loop *base, const union gw_address *address, uint64_t token)
{
    int fd = open_stream(address);
    int err;

    if (fd < 0)
        return fd;
    err = prepare_listener(epoll_of(base), fd, address);
    return add_or_close(base, fd, err, token);
}

static int begin_connect(const struct epoll_loop *loop, int fd, const union gw_address *address)
{
    int err = set_stream_options(loop, fd);

    if (err == 0 && connect(fd, &address->any, gw_address_len(address)) < 0 &&
        errno != EINPROGRESS && errno != EINTR)
        err = -errno;
    return err;
}

/* Added after connect(): a socket that has not begun to connect is reported as hung up. */
static int epoll_connect(struct gw_loop *base, const union gw_address *address, uint64_t token)
{
    int fd = open_stream(address);
    int err;

    if (fd < 0)
        return fd;
    err = begin_connect(epoll_of(base), fd, address);
    return add_or_close(base, fd, err, token);
}

/* ---- Accepting ---- */

/* An eventfd, because it needs no path: there may be no /dev/null where we run. */
static int open_reserve(void)
{
    return eventfd(0, EFD_CLOEXEC);
}

/* Linux reports what happened to a connection before it was accepted as an error of accept(); see
 * accept(2), "Error handling". */
static int accept_error(int error)
{
    switch (error) {
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return -ECONNABORTED;
    default:
        return -error;
    }
}

/* Takes the waiting connection with the descriptor kept for it, and closes it. Often none waits:
 * the kernel looks for a descriptor before it looks for a connection. And another thread may be
 * quicker to use the descriptor given up here; then the connection still waits. */
static int refuse_connection(struct epoll_loop *loop, int listener)
{
    int fd, error;

    if (loop->reserve_fd < 0)
        return -ENFILE;
    close(loop->reserve_fd);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    error = errno;
    if (fd >= 0)
        close(fd);
    loop->reserve_fd = open_reserve();
    if (fd >= 0)
        return -EMFILE;
    return error == EMFILE ? -ENFILE : accept_error(error);
}

static int epoll_accept(struct gw_loop *base, int listener, union gw_address *peer)
{
    struct epoll_loop *loop = epoll_of(base);
    union gw_address from;
    socklen_t len;
    int fd;

    if (loop->reserve_fd < 0)
        loop->reserve_fd = open_reserve();
    do {
        len = sizeof(from);
        fd = accept4(listener, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE))
        return refuse_connection(loop, listener);
    if (fd < 0)
        return accept_error(errno);
    if (peer)
        *peer = from;
    return fd;
}

/* ---- Bytes ---- */

static ssize_t epoll_receive(struct gw_loop *base, int fd, void *buf, size_t room)
{
    ssize_t len;

    (void)base;
    assert(room > 0); /* into nothing, 0 would not mean the end */
    do {
        len = recv(fd, buf, room, MSG_DONTWAIT);
    } while (len < 0 && errno == EINTR);
    return len < 0 ? -errno : len;
}

static ssize_t send_one(const struct gw_send *send_out)
{
    const struct iovec *iov = send_out->iov;
    struct msghdr message = {.msg_iovlen = (size_t)send_out->iov_count};
    ssize_t len;

    assert(send_out->iov_count > 0 && send_out->iov_count <= IOV_MAX);
    /* The kernel only reads them; its struct serves receiving too and so cannot say const. */
    message.msg_iov = (struct iovec *)(uintptr_t)iov;
    do {
        if (send_out->iov_count == 1)
            len = send(send_out->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        else
            len = sendmsg(send_out->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (len < 0 && errno == EINTR);
    return len < 0 ? -errno : len;
}

static void epoll_send_batch(struct gw_loop *base, struct gw_send *sends, size_t count)
{
    (void)base;
    for (size_t i = 0; i < count; i++)
        sends[i].result = send_one(&sends[i]);
}

static int epoll_unsent(struct gw_loop *base, int fd)
{
    int bytes;

    (void)base;
    return ioctl(fd, SIOCOUTQ, &bytes) < 0 ? -errno : bytes;
}

/* ---- Ends ---- */

static void epoll_finish(struct gw_loop *base, int fd)
{
    (void)base;
    /* It fails only when the connection is gone already, which receive tells. */
    (void)shutdown(fd, SHUT_WR);
}

static void epoll_close(struct gw_loop *base, int fd)
{
    struct epoll_loop *loop = epoll_of(base);

    /* Whatever close() answers, the descriptor is gone, and with it its registration. */
    (void)close(fd);
    if (loop->reserve_fd < 0)
        loop->reserve_fd = open_reserve();
}

static int epoll_local_address(struct gw_loop *base, int fd, union gw_address *address)
{
    union gw_address local;
    socklen_t len = sizeof(local);

    (void)base;
    if (getsockname(fd, &local.any, &len) < 0)
        return -errno;
    *address = local;
    return 0;
}

/* ---- The loop itself ---- */

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void epoll_free(struct gw_loop *base)
{
    struct epoll_loop *loop = epoll_of(base);

    close_if_open(loop->reserve_fd);
    close_if_open(loop->wake_fd);
    close_if_open(loop->epoll_fd);
    gw_alloc_put(loop->alloc, loop);
}

static const struct gw_loop_ops epoll_ops = {
    .free = epoll_free,
    .now = epoll_now,
    .turn = epoll_turn,
    .wake = epoll_wake,
    .listen = epoll_listen,
    .accept = epoll_accept,
    .add = epoll_add,
    .connect = epoll_connect,
    .receive = epoll_receive,
    .send_batch = epoll_send_batch,
    .unsent = epoll_unsent,
    .finish = epoll_finish,
    .close = epoll_close,
    .local_address = epoll_local_address,
};

static int open_descriptors(struct epoll_loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = WAKE_TOKEN};

    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        return -errno;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0)
        return -errno;
    loop->reserve_fd = open_reserve();
    if (loop->reserve_fd < 0)
        return -errno;
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) < 0 ? -errno : 0;
}

int gw_loop_epoll_new(struct gw_loop **out, const struct gw_alloc *alloc,
                      const struct gw_loop_options *options)
{
    struct epoll_loop *loop = gw_alloc_get(alloc, sizeof(*loop));
    int err;

    if (!loop)
        return -ENOMEM;
    memset(loop, 0, sizeof(*loop));
    loop->base.ops = &epoll_ops;
    loop->alloc = alloc;
    loop->epoll_fd = loop->wake_fd = loop->reserve_fd = -1;
    loop->options = *options;
    atomic_init(&loop->woken, false);
    err = open_descriptors(loop);
    if (err < 0) {
        epoll_free(&loop->base);
        return err;
    }
    /* send() says MSG_NOSIGNAL itself; this is for whatever else the process writes to. */
    (void)signal(SIGPIPE, SIG_IGN);
    read_clocks(loop);
    *out = &loop->base;
    return 0;
}
