#include "bare.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deflating.h"

#define CONNS_MAX  20000
#define EVENTS_MAX 512

static uint8_t input[256 * 1024], output[1024 * 1024];
static int conns[CONNS_MAX];
static int conn_count;
static int position[CONNS_MAX];     /* by descriptor: where it stands in conns[] */
static struct deflating *deflating; /* NULL: what comes is sent as it is */

static void forget(int fd)
{
    int last = conns[--conn_count];

    conns[position[fd]] = last;
    position[last] = position[fd];
    if (deflating)
        deflating_forget(deflating, fd);
    close(fd);
}

static void accept_all(int epoll, int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                    .data.fd = fd};

        assert(fd < CONNS_MAX);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        position[fd] = conn_count;
        conns[conn_count++] = fd;
    }
}

/* A bare server for a well-behaved load: what the socket does not take at once is waited for. */
static void send_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno != EAGAIN)
            return;
        if (sent > 0) {
            data += sent;
            len -= (size_t)sent;
        }
    }
}

static void answer(int fd, size_t len, enum bare_kind kind)
{
    switch (kind) {
    case BARE_ECHO:
        send_all(fd, input, len);
        break;
    case BARE_FAN_OUT:
        for (int i = 0; i < conn_count; i++)
            send_all(conns[i], input, len);
        break;
    case BARE_DEFLATE:
        send_all(fd, output, deflating_take(deflating, fd, input, len, output, sizeof(output)));
        break;
    }
}

static void serve_conn(int fd, enum bare_kind kind)
{
    ssize_t got;

    do {
        got = recv(fd, input, sizeof(input), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            forget(fd);
            return;
        }
        if (got > 0)
            answer(fd, (size_t)got, kind);
    } while (got == (ssize_t)sizeof(input));
}

_Noreturn void bare_serve(int listener, const struct bare *bare)
{
    struct epoll_event events[EVENTS_MAX];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};

    if (bare->kind == BARE_DEFLATE)
        deflating = deflating_new(bare->zlib_level);
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else if (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLERR))
                serve_conn(events[i].data.fd, bare->kind);
        }
    }
}
