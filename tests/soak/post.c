#include "soak/post.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "soak/fail.h"

bool post_open(struct post *post, uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    *post = POST_NONE;
    post->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (post->fd < 0)
        fail("socket: %s", strerror(errno));
    if (connect(post->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        post_end(post);
        return false;
    }
    setsockopt(post->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fcntl(post->fd, F_SETFL, O_NONBLOCK) == 0;
}

void post_end(struct post *post)
{
    if (post->fd >= 0)
        close(post->fd);
    *post = POST_NONE;
}

bool post_send(struct post *post, const char *channel, const char *type, const void *payload,
               size_t len)
{
    char head[512];
    int head_len = snprintf(head, sizeof(head),
                            "POST /channels/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                            channel, type, len);
    char request[sizeof(head) + 16384];
    size_t request_len = (size_t)head_len + len;

    if (post->waiting || request_len > sizeof(request))
        fail("this publisher cannot send %zu bytes now", len);
    memcpy(request, head, (size_t)head_len);
    memcpy(request + head_len, payload, len);
    post->waiting = true;
    post->answer_len = 0;
    return send(post->fd, request, request_len, MSG_NOSIGNAL) == (ssize_t)request_len;
}

/* The answer's one line of JSON ends it. */
static bool is_whole(const struct post *post)
{
    const char *body = strstr(post->answer, "\r\n\r\n");

    return body && strchr(body, '}');
}

int64_t post_take(struct post *post)
{
    static const char member[] = "\"offset\":";
    size_t room = sizeof(post->answer) - 1 - post->answer_len;
    ssize_t got = recv(post->fd, post->answer + post->answer_len, room, 0);
    const char *offset;

    if (got < 0 && errno == EAGAIN)
        return 0;
    if (got <= 0)
        return -1;
    post->answer_len += (size_t)got;
    post->answer[post->answer_len] = '\0';
    if (!is_whole(post))
        return 0;
    offset = strstr(post->answer, member);
    if (strncmp(post->answer, "HTTP/1.1 200 ", 13) != 0 || !offset)
        fail("a publication was answered with: %s", post->answer);
    post->waiting = false;
    return strtoll(offset + sizeof(member) - 1, NULL, 10);
}
