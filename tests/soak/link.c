#include "soak/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/seeded.h"
#include "soak/fail.h"

#define REQUEST_MAX 2048
#define MESSAGE_MAX (64u * 1024)

/* What a browser offers. */
static const struct gw_ws_deflate_terms offered = {15, 15, 1, 1};

/* --- Opening --- */

static bool join(struct link *link, const struct link_target *target)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(target->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    link->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->fd < 0)
        fail("socket: %s", strerror(errno));
    if (target->receive_bytes > 0)
        setsockopt(link->fd, SOL_SOCKET, SO_RCVBUF, &target->receive_bytes,
                   sizeof(target->receive_bytes));
    from.sin_addr.s_addr = htonl((INADDR_LOOPBACK & 0xffffff00u) | (target->from & 0xffu));
    setsockopt(link->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(link->fd, (struct sockaddr *)&from, sizeof(from)) != 0)
        fail("bind: %s", strerror(errno));
    if (connect(link->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        if (errno != ECONNREFUSED && errno != ECONNRESET)
            fail("connect: %s", strerror(errno));
        close(link->fd);
        link->fd = -1;
        return false;
    }
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fcntl(link->fd, F_SETFL, O_NONBLOCK) == 0;
}

bool link_open(struct link *link, const struct link_target *target, struct seeded *random)
{
    uint64_t nonce[2] = {seeded_next(random), seeded_next(random)};
    char request[REQUEST_MAX];
    size_t part;
    int len;

    *link = (struct link){.fd = -1, .deflate = target->deflate};
    if (!join(link, target))
        return false;
    len = gw_ws_request_deflate(request, sizeof(request), link->key, (const uint8_t *)nonce,
                                "127.0.0.1", target->path, NULL, NULL,
                                target->deflate ? &offered : NULL);
    if (len < 0)
        fail("the request to %s cannot be written", target->path);
    part = (size_t)len < target->request_part ? (size_t)len : target->request_part;
    /* A server that has gone in this moment shows when we read. */
    (void)send(link->fd, request, part, MSG_NOSIGNAL);
    return true;
}

/* --- Ending --- */

int link_abandon(struct link *link)
{
    int fd = link->fd;

    gw_ws_free(link->ws);
    *link = LINK_NONE;
    return fd;
}

void link_end(struct link *link, enum link_end how)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    int fd = link_abandon(link);

    if (fd < 0)
        return;
    if (how == LINK_RESET)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

/* --- Keeping count of where it stands --- */

/* Length of a server's frame after the first `have` bytes of its head, or 0: not known yet. */
static uint64_t frame_length(const uint8_t head[4], unsigned have)
{
    if (have < 2)
        return 0;
    if (head[1] < 126)
        return 2 + (uint64_t)head[1];
    if (head[1] != 126)
        fail("a masked frame, or one of more than 64 KiB");
    return have < 4 ? 0 : 4 + ((uint64_t)head[2] << 8 | head[3]);
}

static void count_head_byte(struct link *link, uint8_t byte)
{
    uint64_t length;

    link->frame_head[link->frame_head_len++] = byte;
    length = frame_length(link->frame_head, link->frame_head_len);
    link->place = LINK_IN_FRAME_HEAD;
    if (length == 0)
        return;
    link->frame_left = length - link->frame_head_len;
    link->frame_head_len = 0;
    link->place = link->frame_left > 0 ? LINK_IN_PAYLOAD : LINK_BETWEEN_FRAMES;
}

static void count_frames(struct link *link, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t step = link->frame_left < len ? (size_t)link->frame_left : len;

        if (link->place == LINK_IN_PAYLOAD) {
            link->frame_left -= step;
            if (link->frame_left == 0)
                link->place = LINK_BETWEEN_FRAMES;
        } else {
            count_head_byte(link, *data);
            step = 1;
        }
        data += step;
        len -= step;
    }
}

/* --- What arrives --- */

static void shake_hands(struct link *link)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    int status;

    if (gw_ws_check_deflate(link->head, link->head_len, link->key, NULL, &status,
                            link->deflate ? &offered : NULL, &options.deflate) != 0)
        fail("the handshake was answered with %d", status);
    if (link->deflate && options.deflate.server_window_bits == 0)
        fail("the server does not compress");
    options.role = GW_WS_CLIENT;
    options.message_bytes_max = MESSAGE_MAX;
    if (gw_ws_new(&link->ws, &options) != 0)
        fail("no memory for a connection");
    link->place = LINK_BETWEEN_FRAMES;
}

/* Takes bytes of the response's head; returns how many. */
static size_t take_head(struct link *link, const uint8_t *data, size_t len)
{
    size_t used = 0;

    while (used < len && !link->ws) {
        if (link->head_len == LINK_HEAD_MAX)
            fail("the response's head is longer than %u bytes", LINK_HEAD_MAX);
        link->head[link->head_len++] = (char)data[used++];
        if (link->head_len >= 4 && memcmp(link->head + link->head_len - 4, "\r\n\r\n", 4) == 0)
            shake_hands(link);
    }
    return used;
}

void link_take(struct link *link, uint8_t *data, size_t len, link_event_fn *on_event, void *ctx)
{
    size_t used = take_head(link, data, len);
    struct gw_ws_bytes input = {data + used, len - used};
    struct gw_ws_event event;
    int got;

    if (!link->ws)
        return;
    count_frames(link, input.data, input.len); /* before they are changed in place */
    while ((got = gw_ws_read(link->ws, &input, &event)) == 1) {
        if (event.kind == GW_WS_PING)
            (void)link_send(link, GW_WS_OP_PONG, event.data, event.len);
        else
            on_event(ctx, &event);
        if (event.kind == GW_WS_CLOSE)
            return;
    }
    if (got < 0)
        fail("what was received is no WebSocket protocol: %s", gw_strerror(got));
}

bool link_send(struct link *link, enum gw_ws_opcode opcode, const void *data, size_t len)
{
    static const uint8_t mask[4] = {0x67, 0x6f, 0x64, 0x77};
    static uint8_t frame[MESSAGE_MAX + GW_WS_HEAD_MAX];
    size_t frame_len = gw_ws_frame_len(len, 1);

    if (frame_len > sizeof(frame))
        fail("a message of %zu bytes is too long to send", len);
    (void)gw_ws_frame(frame, opcode, data, len, mask);
    return send(link->fd, frame, frame_len, MSG_NOSIGNAL) == (ssize_t)frame_len;
}
