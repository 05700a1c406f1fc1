#include "soak/author.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/seeded.h"
#include "soak/fail.h"

#define BEHIND_MAX_NS UINT64_C(100000000) /* what it missed before that it does not make up for */

void author_open(struct author *author, uint16_t port)
{
    char path[64];
    struct link_target target = {.port = port, .path = path, .from = 1, .request_part = SIZE_MAX};
    bool joined;

    snprintf(path, sizeof(path), "/channels/%s", author->ledger->channel);
    joined = author->by_websocket ? link_open(&author->link, &target, author->random)
                                  : post_open(&author->post, port);
    if (!joined)
        fail("nobody listens");
}

void author_end(struct author *author)
{
    link_end(&author->link, LINK_CLOSED);
    post_end(&author->post);
}

int author_fd(const struct author *author)
{
    return author->by_websocket ? author->link.fd : author->post.fd;
}

/* A WebSocket has no words for JSON: what it sends is text or bytes. */
static void make_next(struct author *author)
{
    uint64_t dice = seeded_below(author->random, 8);

    payload_make(&author->payload,
                 dice < 2                            ? PAYLOAD_BINARY
                 : dice < 4 && !author->by_websocket ? PAYLOAD_JSON
                                                     : PAYLOAD_TEXT,
                 author->random);
}

static void send_next(struct author *author)
{
    const struct payload *payload = &author->payload;
    bool sent;

    if (author->by_websocket) {
        enum gw_ws_opcode opcode = payload->kind == PAYLOAD_TEXT ? GW_WS_OP_TEXT : GW_WS_OP_BINARY;

        ledger_sent(author->ledger, payload_print(payload->kind, payload->bytes, payload->len));
        sent = link_send(&author->link, opcode, payload->bytes, payload->len);
    } else
        sent = post_send(&author->post, author->ledger->channel, payload_type(payload->kind),
                         payload->bytes, payload->len);
    if (!sent)
        fail("the server does not take what is published to %s", author->ledger->channel);
}

void author_write(struct author *author, uint64_t now_ns)
{
    if (now_ns < author->due_ns || (author->by_websocket ? !author->link.ws : author->post.waiting))
        return;
    if (now_ns - author->due_ns > BEHIND_MAX_NS)
        author->due_ns = now_ns;
    author->due_ns += author->interval_ns;
    make_next(author);
    send_next(author);
}

static void pass_over(void *ctx, const struct gw_ws_event *event)
{
    const struct author *author = ctx;

    if (event->kind == GW_WS_CLOSE)
        fail("who publishes to %s was closed with %u", author->ledger->channel, event->close_code);
}

static void read_websocket(struct author *author)
{
    static uint8_t input[64 * 1024];
    ssize_t got = recv(author->link.fd, input, sizeof(input), 0);

    if (got == 0 || (got < 0 && errno != EAGAIN))
        fail("who publishes to %s was cut", author->ledger->channel);
    if (got > 0)
        link_take(&author->link, input, (size_t)got, pass_over, author);
}

void author_read(struct author *author)
{
    const struct payload *payload = &author->payload;
    int64_t offset;

    if (author->by_websocket) {
        read_websocket(author);
        return;
    }
    offset = post_take(&author->post);
    if (offset < 0)
        fail("who publishes to %s was cut", author->ledger->channel);
    if (offset > 0)
        ledger_answered(author->ledger, (uint64_t)offset,
                        payload_print(payload->kind, payload->bytes, payload->len));
}

bool author_is_idle(const struct author *author)
{
    return author->by_websocket || !author->post.waiting;
}
