#include "post.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "quit.h"

/* Reads one response, head and body, which come in one piece: it is short, and nothing follows. */
static void read_answer(int fd)
{
    char answer[2048];
    ssize_t got = recv(fd, answer, sizeof(answer) - 1, 0);

    if (got < 0)
        quit("receive");
    errno = 0;
    answer[got] = '\0';
    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0 || answer[got - 1] != '\n')
        quit("a publication was not taken");
}

void post_run(uint16_t port, size_t message_len, unsigned count)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char request[1024];
    int head_len = snprintf(request, sizeof(request),
                            "POST /channels/bench HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                            message_len);
    size_t len = (size_t)head_len + message_len;

    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        quit("connect");
    errno = 0;
    if (len > sizeof(request))
        quit("a message too long for this publisher");
    memset(request + head_len, 'g', message_len);
    for (unsigned i = 0; i < count; i++) {
        if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
            quit("send");
        read_answer(fd);
    }
    close(fd);
}
