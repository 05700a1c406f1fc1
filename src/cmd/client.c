/* client.c - see client.h. */
#include "cmd/client.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <godwit/status.h>

#include "cmd/say.h"
#include "cmd/url.h"
#include "core/seam.h"
#include "proto/http/body.h"
#include "proto/http/head.h"
#include "server/complaint.h"

static const struct gw_http_limits limits = {
    .head_bytes_max = 16384, .headers_max = 128, .target_bytes_max = 8192};

static int64_t now_ms(void)
{
    struct timespec now;
    int err = clock_gettime(CLOCK_MONOTONIC, &now);

    assert(err == 0); /* there is one on every Linux */
    return (int64_t)now.tv_sec * 1000 + (int64_t)(now.tv_nsec / (long)GW_NS_PER_MS);
}

/* Waits until `fd` can do one of `events`, or has failed. Returns 0, -ETIMEDOUT or -errno. */
static int wait_for(int fd, short events, int64_t deadline_ms)
{
    struct pollfd item = {.fd = fd, .events = events};

    for (;;) {
        int64_t left = deadline_ms - now_ms();
        int count = poll(&item, 1, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);

        if (count > 0)
            return 0;
        if (count == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

/* --- The connection --- */

void gw_client_adopt(struct gw_client *client, int fd)
{
    client->fd = fd;
    client->start = client->end = 0;
}

void gw_client_close(struct gw_client *client)
{
    if (client->fd >= 0)
        (void)close(client->fd); /* everything that mattered was sent and answered */
    client->fd = -1;
}

/* Finds out that the other machine is gone even where it never says so. */
static void watch_peer(int fd)
{
    const int on = 1, idle_s = 60, interval_s = 15;

    /* Without these it only takes longer to notice: no reason to give up. */
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int finish_connecting(int fd, int64_t deadline_ms)
{
    int failure = 0;
    socklen_t len = sizeof(failure);
    int err = wait_for(fd, POLLOUT, deadline_ms);

    if (err < 0)
        return err;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) < 0)
        return -errno;
    return -failure;
}

/* Returns a connected descriptor, or -errno. */
static int connect_one(const struct addrinfo *address, int64_t deadline_ms)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int err = 0;

    if (fd < 0)
        return -errno;
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
        err = errno == EINPROGRESS ? finish_connecting(fd, deadline_ms) : -errno;
    if (err < 0) {
        (void)close(fd); /* nothing went over it */
        return err;
    }
    watch_peer(fd);
    return fd;
}

static int connect_any(const struct addrinfo *addresses)
{
    int64_t deadline_ms = now_ms() + GW_CLIENT_CONNECT_MS;
    int fd = -EADDRNOTAVAIL;

    for (; addresses && fd < 0; addresses = addresses->ai_next)
        fd = connect_one(addresses, deadline_ms);
    return fd;
}

int gw_client_open(struct gw_client *client, const struct gw_url *url,
                   struct gw_complaint *complaint)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int failure = getaddrinfo(url->host, url->port, &hints, &addresses);
    int fd;

    if (failure) {
        gw_complaint_set(complaint, "cannot find %s: %s; is the name right?", url->host,
                         gai_strerror(failure));
        return -EHOSTUNREACH;
    }
    fd = connect_any(addresses);
    freeaddrinfo(addresses);
    if (fd < 0) {
        gw_complaint_set(complaint,
                         "cannot connect to %s%s%s: %s; is the server running? start it with: "
                         "godwit serve",
                         url->authority, strcmp(url->port, "80") == 0 ? ":" : "",
                         strcmp(url->port, "80") == 0 ? "80" : "", gw_client_strerror(fd));
        return fd;
    }
    gw_client_adopt(client, fd);
    return 0;
}

int gw_client_send(struct gw_client *client, struct gw_str head, struct gw_str body, int timeout_ms)
{
    int64_t deadline_ms = now_ms() + timeout_ms;

    while (head.len + body.len > 0) {
        const char *data = head.len > 0 ? head.data : body.data;
        size_t len = head.len > 0 ? head.len : body.len;
        int more = head.len > 0 && body.len > 0 ? MSG_MORE : 0;
        ssize_t sent = send(client->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT | more);
        struct gw_str *from = head.len > 0 ? &head : &body;

        if (sent < 0 && errno == EAGAIN) {
            int err = wait_for(client->fd, POLLOUT, deadline_ms);

            if (err < 0)
                return err;
        } else if (sent < 0 && errno != EINTR) {
            return -errno;
        } else if (sent > 0) {
            *from = (struct gw_str){from->data + sent, from->len - (size_t)sent};
        }
    }
    return 0;
}

int gw_client_receive(struct gw_client *client, int timeout_ms)
{
    int64_t deadline_ms = now_ms() + timeout_ms;

    if (client->start == client->end)
        client->start = client->end = 0;
    if (client->end == sizeof(client->input) && client->start > 0) {
        memmove(client->input, client->input + client->start, client->end - client->start);
        client->end -= client->start;
        client->start = 0;
    }
    if (client->end == sizeof(client->input))
        return -ENOBUFS;
    for (;;) {
        int err = wait_for(client->fd, POLLIN, deadline_ms);
        ssize_t got;

        if (err < 0)
            return err;
        got = recv(client->fd, client->input + client->end, sizeof(client->input) - client->end,
                   MSG_DONTWAIT);
        if (got >= 0) {
            client->end += (size_t)got;
            return (int)got; /* at most GW_CLIENT_INPUT_MAX */
        }
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
}

bool gw_client_is_stale(struct gw_client *client)
{
    struct pollfd item = {.fd = client->fd, .events = POLLIN};

    return client->start != client->end || poll(&item, 1, 0) != 0;
}

/* --- Answers --- */

int gw_client_head(struct gw_client *client, size_t *head_len, int timeout_ms)
{
    int64_t deadline_ms = now_ms() + timeout_ms;
    struct gw_http_scan scan = {0};
    struct gw_http_refusal refusal;

    for (;;) {
        int64_t left = deadline_ms - now_ms();
        int len = gw_http_scan(&scan, &limits, (const char *)client->input + client->start,
                               client->end - client->start, &refusal);

        if (len < 0)
            return len;
        if (len > 0) {
            *head_len = (size_t)len;
            return 0;
        }
        len = gw_client_receive(client, left < 0 ? 0 : (int)left);
        if (len <= 0)
            return len == 0 ? GW_ERR_CLOSED : len;
    }
}

static int add_pieces(struct gw_client *client, struct gw_http_body *body, struct gw_buf *out)
{
    struct gw_span input = {client->input + client->start, client->end - client->start};
    struct gw_span piece;
    int got;

    while ((got = gw_http_body_read(body, &input, &piece)) > 0) {
        int err = gw_buf_append(out, piece.data, piece.len);

        if (err < 0)
            return err == -EMSGSIZE ? GW_ERR_TOO_BIG : err;
    }
    client->start = client->end - input.len;
    return got;
}

static int read_body(struct gw_client *client, const struct gw_http_response *response,
                     struct gw_buf *out, int timeout_ms)
{
    int64_t deadline_ms = now_ms() + timeout_ms;
    struct gw_http_body body;

    gw_http_body_init(&body, response->body_kind, response->content_length);
    for (;;) {
        int64_t left = deadline_ms - now_ms();
        int got = add_pieces(client, &body, out);

        if (got < 0 || body.done)
            return got;
        got = gw_client_receive(client, left < 0 ? 0 : (int)left);
        if (got == 0 && response->body_kind == GW_HTTP_UNTIL_CLOSE)
            return 0;
        if (got <= 0)
            return got == 0 ? GW_ERR_CLOSED : got;
    }
}

static bool is_interim(int status)
{
    return status >= 100 && status < 200 && status != 101;
}

/* Reads a head and takes it out of the input; what `response` points to stays until the next
 * receive. */
static int read_head(struct gw_client *client, struct gw_http_response *response, int timeout_ms)
{
    struct gw_http_refusal refusal;
    size_t len;
    int err = gw_client_head(client, &len, timeout_ms);

    if (err < 0)
        return err;
    err = gw_http_response_parse(response, &limits, (const char *)client->input + client->start,
                                 len, &refusal);
    if (err < 0)
        return err;
    client->start += len;
    return 0;
}

int gw_client_answer(struct gw_client *client, struct gw_client_answer *answer, int timeout_ms)
{
    struct gw_http_response response;
    int err;

    gw_buf_clear(&answer->body);
    do
        err = read_head(client, &response, timeout_ms);
    while (err == 0 && is_interim(response.status));
    if (err < 0)
        return err;
    answer->status = response.status;
    answer->keep_alive = response.keep_alive;
    (void)snprintf(answer->reason, sizeof(answer->reason), "%.*s", GW_SHOWN(response.reason));
    return read_body(client, &response, &answer->body, timeout_ms);
}

/* --- In words --- */

/* The text of `"detail":"..."` in a problem (RFC 9457), with its escapes as they stand: it is for a
 * person, and a parser would be for nothing else. */
static struct gw_str find_detail(struct gw_str body)
{
    static const char key[] = "\"detail\":\"";
    const char *at = body.len > 0 ? memmem(body.data, body.len, key, sizeof(key) - 1) : NULL;
    struct gw_str detail = {NULL, 0};

    if (!at)
        return detail;
    detail.data = at + sizeof(key) - 1;
    while (detail.data + detail.len < body.data + body.len && detail.data[detail.len] != '"')
        detail.len += detail.data[detail.len] == '\\' ? 2 : 1;
    if (detail.data + detail.len >= body.data + body.len)
        return (struct gw_str){NULL, 0}; /* it has no end */
    return detail;
}

static const char *advice(int status)
{
    switch (status) {
    case 401:
    case 403:
        return "; give a key that may do this with --key or GODWIT_KEY (sub: --token)";
    case 404:
        return "; is this the URL of a Godwit server?";
    case 413:
        return "; the server's max_body is the limit";
    case 421:
        return "; call the server by the name it expects, such as localhost";
    case 429:
    case 503:
        return "; try again later";
    default:
        return "";
    }
}

int gw_client_refused(const char *what, const struct gw_client_answer *answer)
{
    struct gw_str detail = find_detail(gw_buf_str(&answer->body));
    int shown = detail.len < 300 ? (int)detail.len : 300;

    return gw_say_failed("%s was refused: %d %s%s%.*s%s", what, answer->status, answer->reason,
                         detail.len > 0 ? ": " : "", shown, detail.len > 0 ? detail.data : "",
                         advice(answer->status));
}

const char *gw_client_strerror(int err)
{
    switch (err) {
    case -ECONNREFUSED:
        return "connection refused";
    case -ETIMEDOUT:
        return "no answer in time";
    case GW_ERR_CLOSED:
        return "the server closed the connection";
    case GW_ERR_PROTOCOL:
    case -ENOBUFS:
        return "what answers there does not speak HTTP as it should";
    case GW_ERR_TOO_BIG:
        return "the answer is too long";
    default:
        return err > GW_ERR_FIRST ? strerror(-err) : gw_strerror(err);
    }
}

bool gw_client_is_credential(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

int gw_client_common_head(struct gw_buf *out, const char *credential)
{
    int err = gw_buf_text(out, GW_STR("User-Agent: godwit/" GW_VERSION "\r\n"));

    if (err == 0 && credential)
        err = gw_buf_text(out, GW_STR("Authorization: Bearer "));
    if (err == 0 && credential)
        err = gw_buf_text(out, GW_STR(credential));
    if (err == 0 && credential)
        err = gw_buf_text(out, GW_STR("\r\n"));
    return err;
}
