#include "sim/client.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/num.h"
#include "lib/seeded.h"

#define OUT_MAX (1024u * 1024)

static void random_bytes(struct seeded *random, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)seeded_next(random);
}

static void say(struct client *client, const void *data, size_t len)
{
    ck_assert_int_eq(gw_buf_append(&client->out, data, len), 0);
}

/* A message, compressed where that was agreed on. */
static void say_message(struct client *client, enum gw_ws_opcode opcode, const void *data,
                        size_t len, struct seeded *random)
{
    uint8_t mask[4];
    uint8_t *place = gw_buf_reserve(&client->out, gw_ws_frame_len(len, 1));

    ck_assert_ptr_nonnull(place);
    random_bytes(random, mask, sizeof(mask));
    gw_buf_added(&client->out, gw_ws_deflate(client->ws, place, opcode, data, len, mask));
}

static void say_frame(struct client *client, enum gw_ws_opcode opcode, const void *data, size_t len,
                      struct seeded *random)
{
    uint8_t mask[4];
    uint8_t *place = gw_buf_reserve(&client->out, gw_ws_frame_len(len, 1));

    ck_assert_ptr_nonnull(place);
    random_bytes(random, mask, sizeof(mask));
    gw_buf_added(&client->out, gw_ws_frame(place, opcode, data, len, mask));
}

/* --- Beginning --- */

static const struct gw_ws_deflate_terms *offer_of(const struct client *client)
{
    static const struct gw_ws_deflate_terms terms = GW_WS_DEFLATE_TERMS_INIT;

    return client->offers_deflate ? &terms : NULL;
}

static void say_handshake(struct client *client, const char *since, struct seeded *random)
{
    char target[128], request[1024];
    uint8_t nonce[16];
    int len;

    random_bytes(random, nonce, sizeof(nonce));
    snprintf(target, sizeof(target), "/channels/c%u?since=%s", client->view.channel, since);
    len = gw_ws_request_deflate(request, sizeof(request), client->key, nonce, "localhost:9880",
                                target, NULL, NULL, offer_of(client));
    ck_assert_int_gt(len, 0);
    say(client, request, (size_t)len);
}

void client_start(struct client *client, struct gw_loop *loop, const union gw_address *to,
                  uint64_t token, uint32_t channel, const char *since, enum client_kind kind,
                  struct seeded *random)
{
    memset(client, 0, sizeof(*client));
    client->loop = loop;
    client->poster = kind == CLIENT_POSTER;
    client->offers_deflate = kind == CLIENT_DEFLATED;
    client->view.channel = channel;
    gw_buf_init(&client->out, &gw_alloc_std, OUT_MAX);
    gw_buf_init(&client->in, &gw_alloc_std, OUT_MAX);
    if (!client->poster)
        say_handshake(client, since, random);
    client->phase = CLIENT_CONNECTING;
    client->fd = gw_loop_connect(loop, to, token);
    ck_assert_int_ge(client->fd, 0);
}

static void gone(struct client *client)
{
    client->phase = CLIENT_GONE;
    gw_loop_close(client->loop, client->fd);
}

/* --- Understanding --- */

/* The length of the head that `in` begins with, or 0. */
static size_t head_len(const struct client *client)
{
    const uint8_t *end =
        client->in.len ? memmem(client->in.data, client->in.len, "\r\n\r\n", 4) : NULL;

    return end ? (size_t)(end - client->in.data) + 4 : 0;
}

static void finish_handshake(struct client *client)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    size_t len = head_len(client);
    int status;

    if (len == 0)
        return;
    ck_assert_msg(gw_ws_check_deflate((const char *)client->in.data, len, client->key, NULL,
                                      &status, offer_of(client), &options.deflate) == 0,
                  "the handshake was answered %d", status);
    gw_buf_drop(&client->in, len);
    options.role = GW_WS_CLIENT;
    ck_assert_int_eq(gw_ws_new(&client->ws, &options), 0);
    client->phase = CLIENT_OPEN;
}

static uint32_t number_of(const uint8_t *data, size_t len)
{
    uint64_t number;

    ck_assert_uint_ge(len, 8);
    ck_assert(gw_num_u64((struct gw_str){(const char *)data, 8}, &number));
    return (uint32_t)number;
}

static void take_event(struct client *client, const struct gw_ws_event *event,
                       struct oracle *oracle, struct seeded *random)
{
    uint8_t payload[GW_WS_CONTROL_MAX];

    switch (event->kind) {
    case GW_WS_TEXT:
    case GW_WS_BINARY:
        oracle_see(oracle, &client->view, number_of(event->data, event->len));
        client->delivered++;
        break;
    case GW_WS_PING:
        say_frame(client, GW_WS_OP_PONG, event->data, event->len, random);
        break;
    case GW_WS_PONG:
        break;
    case GW_WS_CLOSE:
        client->close_code = event->close_code;
        if (!client->closing)
            say_frame(client, GW_WS_OP_CLOSE, payload,
                      gw_ws_close_payload(payload, event->close_code, NULL, 0), random);
        client->closing = true;
        break;
    }
}

static void take_frames(struct client *client, struct oracle *oracle, struct seeded *random)
{
    struct gw_ws_bytes input = {client->in.data, client->in.len};
    struct gw_ws_event event;
    int got = 0;

    while (client->close_code == 0) {
        size_t left = input.len;

        got = gw_ws_read(client->ws, &input, &event);
        if (got <= 0) {
            client->in_message |= left > 0;
            break;
        }
        take_event(client, &event, oracle, random);
        client->in_message = false;
    }
    ck_assert_msg(got >= 0 || got == GW_ERR_CLOSED, "the server broke the protocol: %s",
                  gw_strerror(got));
    gw_buf_clear(&client->in);
}

/* An answer to a POST: 200 with an offset, or 503 and it was not published. */
static void take_answer(struct client *client, struct oracle *oracle)
{
    size_t len = head_len(client), body_len;
    const char *text = (const char *)client->in.data, *at;
    int status = 0;

    if (len == 0)
        return;
    ck_assert_int_eq(sscanf(text, "HTTP/1.1 %d ", &status), 1);
    at = memmem(text, len, "Content-Length: ", 16);
    ck_assert_ptr_nonnull(at);
    body_len = (size_t)atol(at + 16);
    if (client->in.len < len + body_len)
        return;
    if (status == 200) {
        at = memmem(text + len, body_len, "\"offset\":", 9);
        ck_assert_ptr_nonnull(at);
        oracle_acknowledge(oracle, client->posting, (uint64_t)atol(at + 9));
    } else
        ck_assert_int_eq(status, 503);
    client->refused = status != 200;
    client->awaits_answer = false;
    gw_buf_drop(&client->in, len + body_len);
}

static void understand(struct client *client, struct oracle *oracle, struct seeded *random)
{
    if (client->poster) {
        take_answer(client, oracle);
        return;
    }
    if (client->phase == CLIENT_SHAKING)
        finish_handshake(client);
    if (client->phase == CLIENT_OPEN && client->in.len > 0)
        take_frames(client, oracle, random);
}

/* --- Going on --- */

static void send_out(struct client *client)
{
    struct iovec iov = {client->out.data, client->out.len};
    struct gw_send send = {.fd = client->fd, .iov_count = 1, .iov = &iov};

    if (client->out.len == 0)
        return;
    gw_loop_send_batch(client->loop, &send, 1);
    if (send.result > 0)
        gw_buf_drop(&client->out, (size_t)send.result);
    /* An error shows when it reads. */
}

static void read_in(struct client *client, struct oracle *oracle, struct seeded *random)
{
    uint8_t buffer[4096];

    while (client->phase == CLIENT_SHAKING || client->phase == CLIENT_OPEN) {
        ssize_t got = gw_loop_receive(client->loop, client->fd, buffer, sizeof(buffer));

        if (got == -EAGAIN)
            return;
        if (got <= 0) {
            gone(client);
            return;
        }
        ck_assert_int_eq(gw_buf_append(&client->in, buffer, (size_t)got), 0);
        understand(client, oracle, random);
    }
}

void client_go(struct client *client, struct oracle *oracle, struct seeded *random)
{
    if (client->phase == CLIENT_NONE || client->phase == CLIENT_GONE)
        return;
    if (client->phase == CLIENT_CONNECTING)
        client->phase = client->poster ? CLIENT_OPEN : CLIENT_SHAKING;
    send_out(client);
    if (!client->asleep)
        read_in(client, oracle, random);
    if (client->phase != CLIENT_GONE)
        send_out(client);
}

void client_publish(struct client *client, uint32_t number, unsigned len, struct seeded *random)
{
    char payload[65536], head[256];
    int head_bytes;

    ck_assert_uint_le(len, sizeof(payload));
    for (unsigned i = 0, mix = number; i < len; i++, mix = mix * 1103515245u + 12345u)
        payload[i] = (char)('a' + (mix >> 16 & 15)); /* twice as long as it need be */
    snprintf(payload, sizeof(payload), "%08u", number);
    payload[8] = 'g';
    if (!client->poster) {
        say_message(client, number % 2 ? GW_WS_OP_TEXT : GW_WS_OP_BINARY, payload, len, random);
        return;
    }
    ck_assert(!client->awaits_answer);
    head_bytes = snprintf(head, sizeof(head),
                          "POST /channels/c%u HTTP/1.1\r\nHost: localhost:9880\r\n"
                          "Content-Length: %u\r\n\r\n",
                          client->view.channel, len);
    say(client, head, (size_t)head_bytes);
    say(client, payload, len);
    client->posting = number;
    client->awaits_answer = true;
}

void client_say_goodbye(struct client *client, struct seeded *random)
{
    uint8_t payload[GW_WS_CONTROL_MAX];

    if (client->poster || client->phase != CLIENT_OPEN || client->closing)
        return;
    say_frame(client, GW_WS_OP_CLOSE, payload, gw_ws_close_payload(payload, 1000, "bye", 3),
              random);
    client->closing = true;
}

void client_end(struct client *client)
{
    if (client->phase == CLIENT_NONE)
        return;
    if (client->phase != CLIENT_GONE)
        gone(client);
    ck_assert_ptr_null(client->view.numbers); /* the oracle has them */
    gw_ws_free(client->ws);
    gw_buf_fini(&client->out);
    gw_buf_fini(&client->in);
    client->phase = CLIENT_NONE;
}
