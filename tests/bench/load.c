#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <godwit/ws.h>

#define EVENTS_MAX   512
#define ROUND_TRIP_S 20.0 /* without an answer for so long, something is broken */

struct conn {
    int fd;
    uint64_t expected, got; /* bytes of answers */
};

struct load_conns {
    struct load load;
    int epoll;
    uint8_t *batch;               /* `depth` messages as they are sent */
    size_t batch_len, answer_len; /* bytes of the batch, and of one answer to one message */
    uint8_t *input;
    struct conn *conns;
};

#define INPUT_BYTES (1024u * 1024)

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, errno ? strerror(errno) : "unexpected answer");
    exit(1);
}

double load_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

        if (sent <= 0)
            give_up("send");
        data += sent;
        len -= (size_t)sent;
    }
}

/* Reads up to the end of the response's head, one byte at a time so that no frame is lost. */
static void shake_hands(int fd, const char *path)
{
    static const uint8_t nonce[16];
    char request[512], head[1024], key[GW_WS_KEY_LEN + 1];
    size_t len = 0;
    int request_len =
        gw_ws_request(request, sizeof(request), key, nonce, "127.0.0.1", path, NULL, NULL);

    write_all(fd, (const uint8_t *)request, (size_t)request_len);
    while (len < sizeof(head) && (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0)) {
        if (recv(fd, head + len, 1, 0) != 1)
            give_up("handshake");
        len++;
    }
    errno = 0;
    if (gw_ws_check(head, len, key, NULL, NULL) != 0)
        give_up("handshake");
}

static int connect_one(const struct load *load)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(load->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        give_up("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (load->path)
        shake_hands(fd, load->path);
    return fd;
}

static void make_batch(struct load_conns *conns)
{
    const struct load *load = &conns->load;
    static const uint8_t mask[4];
    size_t frame_len = gw_ws_frame_len(load->message_len, 1);
    uint8_t *payload = malloc(load->message_len);

    conns->batch_len = frame_len * load->depth;
    conns->batch = malloc(conns->batch_len);
    if (!payload || !conns->batch)
        give_up("memory");
    memset(payload, 'g', load->message_len);
    for (unsigned i = 0; i < load->depth; i++)
        gw_ws_frame(conns->batch + i * frame_len, load->binary ? GW_WS_OP_BINARY : GW_WS_OP_TEXT,
                    payload, load->message_len, mask);
    free(payload);
    /* A bare server sends back what it got; a WebSocket server's frame bears no mask. */
    conns->answer_len = load->path ? gw_ws_frame_len(load->message_len, 0) : frame_len;
}

struct load_conns *load_open(const struct load *load)
{
    struct load_conns *conns = calloc(1, sizeof(*conns));

    if (!conns)
        give_up("memory");
    conns->load = *load;
    conns->epoll = epoll_create1(EPOLL_CLOEXEC);
    conns->conns = calloc(load->conn_count, sizeof(*conns->conns));
    conns->input = malloc(INPUT_BYTES);
    if (!conns->conns || !conns->input)
        give_up("memory");
    make_batch(conns);
    for (unsigned i = 0; i < load->conn_count; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = i};

        conns->conns[i].fd = connect_one(load);
        epoll_ctl(conns->epoll, EPOLL_CTL_ADD, conns->conns[i].fd, &event);
    }
    return conns;
}

void load_close(struct load_conns *conns)
{
    for (unsigned i = 0; i < conns->load.conn_count; i++)
        close(conns->conns[i].fd);
    close(conns->epoll);
    free(conns->conns);
    free(conns->input);
    free(conns->batch);
    free(conns);
}

/* One batch goes out; everybody who is to hear it expects so much more. */
static void send_batch(struct load_conns *conns, unsigned sender)
{
    uint64_t bytes = conns->answer_len * conns->load.depth;
    unsigned first = conns->load.fan_out ? 0 : sender;
    unsigned end = conns->load.fan_out ? conns->load.conn_count : sender + 1;

    for (unsigned i = first; i < end; i++)
        conns->conns[i].expected += bytes;
    write_all(conns->conns[sender].fd, conns->batch, conns->batch_len);
}

/* Reads what is there. Returns true when that completes what the connection was waiting for. */
static bool read_answers(struct load_conns *conns, struct conn *conn)
{
    uint64_t before = conn->got;
    ssize_t got;

    do {
        got = recv(conn->fd, conns->input, INPUT_BYTES, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            give_up("receive");
        if (got > 0)
            conn->got += (uint64_t)got;
    } while (got == INPUT_BYTES);
    errno = 0;
    if (conn->got > conn->expected)
        give_up("more bytes than expected");
    return conn->got == conn->expected && conn->got > before;
}

static unsigned wait_some(struct load_conns *conns, bool echo_on)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(conns->epoll, events, EVENTS_MAX, (int)(ROUND_TRIP_S * 1000));
    unsigned complete = 0;

    if (count <= 0)
        give_up("no answer");
    for (int i = 0; i < count; i++) {
        unsigned index = events[i].data.u32;

        if (!read_answers(conns, &conns->conns[index]))
            continue;
        complete++;
        if (echo_on)
            send_batch(conns, index);
    }
    return complete;
}

/* Every connection sends its next batch when the last one is back. */
static uint64_t run_echo(struct load_conns *conns, double until)
{
    uint64_t batches = 0;
    unsigned waiting = conns->load.conn_count;

    for (unsigned i = 0; i < conns->load.conn_count; i++)
        send_batch(conns, i);
    while (load_now() < until)
        batches += wait_some(conns, true);
    while (waiting > 0) {
        unsigned complete = wait_some(conns, false);

        waiting -= complete;
        batches += complete;
    }
    return batches * conns->load.depth;
}

/* The first sends its next batch when everybody has the last one. */
static uint64_t run_fan_out(struct load_conns *conns, double until)
{
    uint64_t batches = 0;

    do {
        unsigned waiting = conns->load.conn_count;

        send_batch(conns, 0);
        while (waiting > 0)
            waiting -= wait_some(conns, false);
        batches += conns->load.conn_count;
    } while (load_now() < until);
    return batches * conns->load.depth;
}

/* A heartbeat is a ping of 8 bytes, and comes alone. */
static bool answer_ping(int fd)
{
    static const uint8_t mask[4];
    uint8_t ping[64], pong[64];
    ssize_t got = recv(fd, ping, sizeof(ping), MSG_DONTWAIT);

    if (got != 2 + 8 || ping[0] != (0x80 | GW_WS_OP_PING))
        give_up("something else than a ping on an idle connection");
    write_all(fd, pong, gw_ws_frame(pong, GW_WS_OP_PONG, ping + 2, 8, mask));
    return true;
}

uint64_t load_idle(struct load_conns *conns, double seconds)
{
    double until = load_now() + seconds;
    struct epoll_event events[EVENTS_MAX];
    uint64_t answered = 0;

    while (load_now() < until) {
        int count = epoll_wait(conns->epoll, events, EVENTS_MAX, 100);

        errno = 0;
        for (int i = 0; i < count; i++)
            answered += answer_ping(conns->conns[events[i].data.u32].fd);
    }
    return answered;
}

uint64_t load_run(struct load_conns *conns, double seconds)
{
    double until = load_now() + seconds;

    return conns->load.fan_out ? run_fan_out(conns, until) : run_echo(conns, until);
}
