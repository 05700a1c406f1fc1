#include "sim/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/base64.h"
#include "lib/seeded.h"
#include "sim/must.h"
#include "sim/net.h"
#include "sim/peek.h"
#include "sim/session.h"

#define OUT_MAX       (8u * 1024 * 1024)
#define PAYLOAD_MAX   65536u
#define FRAGMENTS_MAX 4
#define PONG_LATE_NS  (1500 * GW_NS_PER_MS) /* at most: some of them come too late */

static void random_bytes(struct client *client, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)seeded_next(client->common->random);
}

static void say(struct client *client, const void *data, size_t len)
{
    must(gw_buf_append(&client->out, data, len) == 0, "a client has no memory");
}

static void say_frame(struct client *client, enum gw_ws_opcode opcode, const void *data, size_t len)
{
    uint8_t mask[4];
    uint8_t *place = gw_buf_reserve(&client->out, gw_ws_frame_len(len, 1));

    must(place, "a client has no memory");
    random_bytes(client, mask, sizeof(mask));
    gw_buf_added(&client->out, gw_ws_frame(place, opcode, data, len, mask));
}

/* Compressed where that was agreed on. */
static void say_whole(struct client *client, enum gw_ws_opcode opcode, const void *data, size_t len)
{
    uint8_t mask[4];
    uint8_t *place = gw_buf_reserve(&client->out, gw_ws_frame_len(len, 1));

    must(place, "a client has no memory");
    random_bytes(client, mask, sizeof(mask));
    gw_buf_added(&client->out, gw_ws_deflate(client->ws, place, opcode, data, len, mask));
}

/* RFC 6455 section 5.4; a control frame may stand between two fragments. */
static void say_in_fragments(struct client *client, enum gw_ws_opcode opcode, const uint8_t *data,
                             size_t len)
{
    for (unsigned left = 2 + (unsigned)seeded_below(client->common->random, FRAGMENTS_MAX - 1);
         left > 0; left--) {
        size_t part = left == 1 ? len : (size_t)seeded_below(client->common->random, len + 1);
        uint8_t mask[4], head[GW_WS_HEAD_MAX];
        uint8_t *place;

        random_bytes(client, mask, sizeof(mask));
        say(client, head, gw_ws_head_part(head, opcode, left == 1, part, mask));
        place = gw_buf_reserve(&client->out, part + 1);
        must(place, "a client has no memory");
        memcpy(place, data, part);
        gw_ws_mask(place, part, mask, 0);
        gw_buf_added(&client->out, part);
        if (left == 2)
            say_frame(client, GW_WS_OP_PING, "still there?", 12);
        opcode = GW_WS_OP_CONTINUATION;
        data += part;
        len -= part;
    }
}

/* --- Beginning --- */

static const struct gw_ws_deflate_terms *offer_of(const struct client *client)
{
    static const struct gw_ws_deflate_terms terms = GW_WS_DEFLATE_TERMS_INIT;

    return client->kind == CLIENT_DEFLATED || client->kind == CLIENT_JSON_DEFLATED ? &terms : NULL;
}

static bool reads_envelopes(const struct client *client)
{
    return client->kind == CLIENT_JSON || client->kind == CLIENT_JSON_DEFLATED;
}

/* What it says of its session, which is all that it knows. */
static void write_claim(const struct client *client, char *out, size_t room)
{
    const struct client_claim *claim = &client->claim;
    unsigned number = (unsigned)(claim->session - client->common->oracle->sessions);

    if (claim->silent)
        snprintf(out, room, "session=the-session-of-%02u", number);
    else
        snprintf(out, room, "session=the-session-of-%02u&attempt=%u", number, claim->attempt);
}

static void say_handshake(struct client *client, const char *since)
{
    char target[128], request[1024], begin[64];
    uint8_t nonce[16];
    int len;

    random_bytes(client, nonce, sizeof(nonce));
    snprintf(begin, sizeof(begin), "since=%s", since);
    if (client->claim.session)
        write_claim(client, begin, sizeof(begin));
    snprintf(target, sizeof(target), "/channels/c%u?%s%s", client->view.channel, begin,
             reads_envelopes(client) ? "&format=json" : "");
    len = gw_ws_request_deflate(request, sizeof(request), client->key, nonce, "localhost:9880",
                                target, NULL, NULL, offer_of(client));
    must(len > 0, "no room for a handshake");
    say(client, request, (size_t)len);
}

static uint64_t now_ns(const struct client *client)
{
    return sim_net_now(client->common->net);
}

/* What the oracle is to know of it before it comes. */
static void ask(struct client *client, uint32_t channel, const char *text)
{
    const struct client_common *common = client->common;
    const struct client_claim *claim = &client->claim;
    struct gw_since since = gw_since_read((struct gw_str){text, strlen(text)});
    uint64_t told = 0;

    if (common->assembly)
        told = peek_told(common->assembly, channel, oracle_epoch(common->oracle, channel));
    oracle_ask(common->oracle, &client->view, channel, &since, told);
    if (claim->stranger)
        client->foreign = session_seen(common->oracle, claim->session, now_ns(client));
    else if (claim->session)
        session_ask(common->oracle, &client->view, claim->session, claim->attempt, now_ns(client));
}

static void tell_of_coming(const struct client *client, const char *since)
{
    char claim[64] = "";

    if (client->claim.session)
        write_claim(client, claim, sizeof(claim));
    if (client->kind == CLIENT_POSTER)
        tell("client", client->index, "comes to post to %u", client->view.channel);
    else
        tell("client", client->index, "comes to %u, %s%s", client->view.channel,
             client->claim.session ? "" : "since=", client->claim.session ? claim : since);
}

void client_start(struct client *client, struct client_common *common, unsigned index,
                  uint32_t channel, enum client_kind kind, const char *text,
                  const struct client_claim *claim)
{
    memset(client, 0, sizeof(*client));
    client->common = common;
    client->index = index;
    client->kind = kind;
    client->excuse = common->newcomers;
    client->author = common->authors++;
    if (claim)
        client->claim = *claim;
    must(client->author < ORACLE_PUBS_MAX, "too many connections");
    ask(client, channel, text);
    gw_buf_init(&client->out, &gw_alloc_std, OUT_MAX);
    gw_buf_init(&client->in, &gw_alloc_std, OUT_MAX);
    if (kind != CLIENT_POSTER)
        say_handshake(client, text);
    client->phase = CLIENT_CONNECTING;
    client->fd = gw_loop_connect(common->loop, &common->server, index);
    must(client->fd >= 0, "a client cannot connect");
    tell_of_coming(client, text);
}

static void gone(struct client *client)
{
    client->phase = CLIENT_GONE;
    gw_loop_close(client->common->loop, client->fd);
}

void client_vanish(struct client *client)
{
    tell("client", client->index, "vanishes");
    client->phase = CLIENT_GONE;
    client->excuse |= EXCUSE_CUT;
    sim_net_vanish(client->common->net, client->fd);
}

/* --- Understanding --- */

/* The length of the head that `in` begins with, or 0. */
static size_t head_len(const struct client *client)
{
    const uint8_t *end =
        client->in.len ? memmem(client->in.data, client->in.len, "\r\n\r\n", 4) : NULL;

    return end ? (size_t)(end - client->in.data) + 4 : 0;
}

/* A handshake is refused in HTTP only by a server that is overloaded or going. */
static void refuse_handshake(struct client *client, int status)
{
    tell("client", client->index, "is refused with %d", status);
    must(status == 503 && client->excuse & (EXCUSE_FAMINE | EXCUSE_RESTART),
         "client %u: the handshake was answered %d", client->index, status);
    gone(client);
}

static void finish_handshake(struct client *client)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    size_t len = head_len(client);
    int status = 0;

    if (len == 0)
        return;
    if (gw_ws_check_deflate((const char *)client->in.data, len, client->key, NULL, &status,
                            offer_of(client), &options.deflate) != 0) {
        refuse_handshake(client, status);
        return;
    }
    gw_buf_drop(&client->in, len);
    options.role = GW_WS_CLIENT;
    must(gw_ws_new(&client->ws, &options) == 0, "a client has no memory");
    client->phase = CLIENT_OPEN;
    oracle_begin(client->common->oracle, &client->view, now_ns(client));
    tell("client", client->index, "is in");
}

static enum gw_reset reset_named(struct gw_str reason)
{
    for (int reset = GW_RESET_EPOCH; reset <= GW_RESET_UNKNOWN; reset++) {
        const char *name = gw_reset_name((enum gw_reset)reset);

        if (reason.len == strlen(name) && memcmp(reason.data, name, reason.len) == 0)
            return (enum gw_reset)reset;
    }
    return GW_RESET_NONE;
}

/* 4410: what it lacks is gone, or there is no such session. In envelopes the former is said in
 * words, unless it has been told to others before. */
static void judge_reset(struct client *client, enum gw_reset reason)
{
    struct oracle *oracle = client->common->oracle;

    client->resets[reason]++;
    if (client->claim.stranger) {
        must(reason == GW_RESET_UNKNOWN, "client %u: a stranger hears what a session lacks",
             client->index);
        session_judge_stranger(oracle, &client->foreign, 4410, now_ns(client));
        return;
    }
    must(client->claim.session || !reads_envelopes(client), "client %u: closed with 4410",
         client->index);
    oracle_refused(oracle, &client->view, reason, now_ns(client));
    if (client->claim.session)
        client->told_again = session_over(&client->view, reason, now_ns(client));
}

/* What a close code claims is checked as it is heard. */
static void judge_close(struct client *client, const struct gw_ws_event *event)
{
    struct gw_str reason = {(const char *)event->data, event->len};

    switch (event->close_code) {
    case 1000:
        must(client->closing, "client %u: closed with 1000, and never said so", client->index);
        break;
    case 1011: /* what it published, or the frames it got, cost more memory than there was */
        must(client->excuse & EXCUSE_FAMINE, "client %u: closed with 1011, and memory there was",
             client->index);
        break;
    case 1012:
        must(client->excuse & EXCUSE_RESTART, "client %u: closed with 1012, and nobody drains",
             client->index);
        break;
    case 4408: /* who reads envelopes is told in words, and goes on */
        must(!reads_envelopes(client), "client %u: closed with 4408", client->index);
        oracle_lost(client->common->oracle, &client->view, now_ns(client));
        break;
    case 4403:
        must(client->claim.stranger, "client %u: closed with 4403", client->index);
        session_judge_stranger(client->common->oracle, &client->foreign, 4403, now_ns(client));
        break;
    case 4409:
        session_taken(&client->view);
        break;
    case 4410:
        judge_reset(client, reset_named(reason));
        break;
    default:
        must_fail(__FILE__, __LINE__, "client %u: closed with %u", client->index,
                  event->close_code);
    }
}

static void take_close(struct client *client, const struct gw_ws_event *event)
{
    uint8_t payload[GW_WS_CONTROL_MAX];

    client->close_code = event->close_code;
    tell("client", client->index, "is closed with %u %.*s", event->close_code, (int)event->len,
         event->len > 0 ? (const char *)event->data : "");
    judge_close(client, event);
    if (!client->closing)
        say_frame(client, GW_WS_OP_CLOSE, payload,
                  gw_ws_close_payload(payload, event->close_code, NULL, 0));
    client->closing = true;
}

/* --- Envelopes: read by looking for their members, which come in one order --- */

/* What stands behind `key` up to the next quote; false when it is not there. */
static bool member(struct gw_str text, const char *key, struct gw_str *value)
{
    const char *at = memmem(text.data, text.len, key, strlen(key)), *end;

    if (!at)
        return false;
    at += strlen(key);
    end = memchr(at, '"', (size_t)(text.data + text.len - at));
    *value = (struct gw_str){at, end ? (size_t)(end - at) : 0};
    return end != NULL;
}

static struct gw_position position_in(const struct client *client, struct gw_str text)
{
    struct gw_position position;
    struct gw_str word;
    bool read = member(text, "\"position\":\"", &word) && gw_position_read(&position, word);

    must(read, "client %u: no position in %.*s", client->index, (int)text.len, text.data);
    return position;
}

static void take_control(struct client *client, struct gw_str text)
{
    struct gw_position position = position_in(client, text);
    struct gw_str reason;
    int recovered = -1;

    tell("client", client->index, "is told %.*s", (int)text.len, text.data);
    if (member(text, "\"reason\":\"", &reason)) {
        client->resets[reset_named(reason)]++;
        oracle_reset(client->common->oracle, &client->view, reset_named(reason), &position,
                     now_ns(client));
        return;
    }
    if (memmem(text.data, text.len, "\"recovered\":", 12))
        recovered = memmem(text.data, text.len, "\"recovered\":true", 16) != NULL;
    oracle_started(client->common->oracle, &client->view, &position, recovered);
}

static void see(struct client *client, const uint8_t *data, size_t len, bool binary)
{
    must(!client->claim.stranger, "client %u: a stranger got a session", client->index);
    if (client->in_ns == 0)
        client->in_ns = now_ns(client);
    oracle_see(client->common->oracle, &client->view, data, len, binary);
    client->delivered++;
    tell("client", client->index, "gets %.8s at %u.%llu", (const char *)data, client->view.life,
         (unsigned long long)client->view.next - 1);
}

/* The position that an envelope bears must be that of the message. */
static void check_position(const struct client *client, struct gw_str text)
{
    struct oracle_place place = oracle_place_of(&client->view);
    struct gw_position is = oracle_position(client->common->oracle, client->view.channel, &place);
    struct gw_position said = position_in(client, text);

    must(said.epoch == is.epoch && said.offset == is.offset && said.tag == is.tag,
         "client %u: an envelope bears another position than its message has", client->index);
}

static bool begins_with(struct gw_str text, const char *words)
{
    return text.len >= strlen(words) && memcmp(text.data, words, strlen(words)) == 0;
}

static void take_text(struct client *client, struct gw_str text)
{
    static uint8_t bytes[PAYLOAD_MAX + 3];
    struct gw_str payload;
    size_t len;
    bool read;

    if (!begins_with(text, "{\"channel\":")) {
        take_control(client, text);
        return;
    }
    if (member(text, "\"data\":\"", &payload))
        see(client, (const uint8_t *)payload.data, payload.len, false);
    else {
        read = member(text, "\"base64\":\"", &payload) &&
               payload.len <= GW_BASE64_LEN(PAYLOAD_MAX) &&
               gw_base64_decode(bytes, &len, payload.data, payload.len);
        must(read, "client %u: not an envelope: %.*s", client->index, (int)text.len, text.data);
        see(client, bytes, len, true);
    }
    check_position(client, text);
}

/* The server waits for the pong before it pings again. */
static void take_ping(struct client *client, const struct gw_ws_event *event)
{
    uint64_t nonce;

    must(!client->ping_waits, "client %u: a second ping is on its way", client->index);
    must(event->len == sizeof(nonce), "client %u: a ping of %zu bytes", client->index, event->len);
    memcpy(&nonce, event->data, sizeof(nonce));
    session_got_ping(client->common->oracle, &client->view, nonce);
    client->pinged++;
    client->ping_waits = true;
    client->ping_len = event->len;
    memcpy(client->ping, event->data, event->len);
    if (client->pongs == PONGS_AT_ONCE || client->common->calm)
        client_pong(client);
    else if (client->pongs == PONGS_NEVER)
        client->answers_ns = UINT64_MAX;
    else
        client->answers_ns = now_ns(client) + seeded_below(client->common->random, PONG_LATE_NS);
}

void client_pong(struct client *client)
{
    if (!client->ping_waits)
        return;
    client->ping_waits = false;
    say_frame(client, GW_WS_OP_PONG, client->ping, client->ping_len);
}

static void take_event(struct client *client, const struct gw_ws_event *event)
{
    switch (event->kind) {
    case GW_WS_TEXT:
    case GW_WS_BINARY:
        if (!reads_envelopes(client))
            see(client, event->data, event->len, event->kind == GW_WS_BINARY);
        else {
            must(event->kind == GW_WS_TEXT, "client %u: an envelope is text", client->index);
            take_text(client, (struct gw_str){(const char *)event->data, event->len});
        }
        break;
    case GW_WS_PING:
        take_ping(client, event);
        break;
    case GW_WS_PONG:
        break;
    case GW_WS_CLOSE:
        take_close(client, event);
        break;
    }
}

static void take_frames(struct client *client)
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
        take_event(client, &event);
        client->in_message = false;
    }
    must(got >= 0 || got == GW_ERR_CLOSED, "client %u: the server broke the protocol: %s",
         client->index, gw_strerror(got));
    must(client->close_code == 0 || input.len == 0,
         "client %u: something comes behind the close frame", client->index);
    gw_buf_clear(&client->in);
}

static void take_acknowledgement(struct client *client, const char *body, size_t len)
{
    const char *at = memmem(body, len, "\"position\":\"", 12);
    struct gw_position position;
    bool read = at && gw_position_read(&position, (struct gw_str){at + 12, GW_POSITION_LEN});

    must(read, "an answer without a position: %.*s", (int)len, body);
    tell("client", client->index, "is told that %u is at %llu", client->posting,
         (unsigned long long)position.offset);
    if (memmem(body, len, "\"duplicate\":true", 16)) {
        must(client->asks_again, "publication %u was posted once, and is called a duplicate",
             client->posting);
        client->duplicates++;
    }
    oracle_acknowledge(client->common->oracle, client->posting, &position);
}

/* An answer to a POST: 200 with a position, or 503 with what that means. */
static void take_answer(struct client *client)
{
    static const char not_published[] = "it was not published";
    size_t len = head_len(client), body_len;
    const char *text = (const char *)client->in.data, *at;
    int status = 0;

    if (len == 0)
        return;
    must(sscanf(text, "HTTP/1.1 %d ", &status) == 1, "not an HTTP answer");
    at = memmem(text, len, "Content-Length: ", 16);
    must(at, "an answer without a length");
    body_len = (size_t)atol(at + 16); /* a CR ends it */
    if (client->in.len < len + body_len)
        return;
    if (!client->awaits_answer) { /* a server without memory says so to whoever comes */
        must(status == 408 || (status == 503 && client->excuse & EXCUSE_FAMINE),
             "client %u: an answer to nothing", client->index);
        client->refused++;
    } else if (status == 200)
        take_acknowledgement(client, text + len, body_len);
    else {
        must(status == 503 || status == 408, "client %u: a POST was answered %d", client->index,
             status);
        tell("client", client->index, "is told %d for %u", status, client->posting);
        /* 408 was said before the request came, to one who had kept silent for long. And to be told
         * that it was not published now says nothing of what was posted before. */
        if (client->asks_again)
            ;
        else if (status == 408 ||
                 memmem(text + len, body_len, not_published, sizeof(not_published) - 1))
            oracle_retract(client->common->oracle, client->posting);
        client->refused++;
    }
    client->awaits_answer = false;
    gw_buf_drop(&client->in, len + body_len);
}

static void understand(struct client *client)
{
    if (client->kind == CLIENT_POSTER) {
        take_answer(client);
        return;
    }
    if (client->phase == CLIENT_SHAKING)
        finish_handshake(client);
    if (client->phase == CLIENT_OPEN && client->in.len > 0)
        take_frames(client);
}

/* --- Going on --- */

static void send_out(struct client *client)
{
    struct iovec iov = {client->out.data, client->out.len};
    struct gw_send send = {.fd = client->fd, .iov_count = 1, .iov = &iov};

    if (client->out.len == 0)
        return;
    gw_loop_send_batch(client->common->loop, &send, 1);
    if (send.result > 0)
        gw_buf_drop(&client->out, (size_t)send.result);
    /* An error shows when it reads. */
}

/* Once; false when there is nothing more for now. */
static bool read_some(struct client *client, size_t most)
{
    uint8_t buffer[4096];
    ssize_t got = gw_loop_receive(client->common->loop, client->fd, buffer,
                                  most < sizeof(buffer) ? most : sizeof(buffer));

    if (got == -EAGAIN)
        return false;
    if (got <= 0) {
        tell("client", client->index, "finds its connection %s", got == 0 ? "ended" : "reset");
        gone(client);
        return false;
    }
    client->excuse &= ~(unsigned)EXCUSE_CROWDED;
    must(gw_buf_append(&client->in, buffer, (size_t)got) == 0, "a client has no memory");
    understand(client);
    return client->phase != CLIENT_GONE;
}

void client_go(struct client *client)
{
    if (client->phase == CLIENT_NONE || client->phase == CLIENT_GONE)
        return;
    if (client->phase == CLIENT_CONNECTING)
        client->phase = client->kind == CLIENT_POSTER ? CLIENT_OPEN : CLIENT_SHAKING;
    send_out(client);
    while (!client->asleep && client->sip == 0 && read_some(client, SIZE_MAX))
        ;
    if (client->phase != CLIENT_GONE)
        send_out(client);
}

void client_sip(struct client *client)
{
    if (client->phase != CLIENT_SHAKING && client->phase != CLIENT_OPEN)
        return;
    if (!client->asleep && client->sip > 0)
        (void)read_some(client, client->sip);
    if (client->phase != CLIENT_GONE)
        send_out(client);
}

static void post(struct client *client, const uint8_t *payload, uint32_t len)
{
    char head[256], key[64] = "";
    int head_bytes;

    if (client->common->keys)
        snprintf(key, sizeof(key), "Idempotency-Key: number %u\r\n", client->posting);
    head_bytes = snprintf(head, sizeof(head),
                          "POST /channels/c%u HTTP/1.1\r\nHost: localhost:9880\r\n%s"
                          "Content-Length: %u\r\n\r\n",
                          client->view.channel, key, len);
    say(client, head, (size_t)head_bytes);
    say(client, payload, len);
    client->awaits_answer = true;
}

bool client_publish(struct client *client, uint32_t len)
{
    static uint8_t payload[PAYLOAD_MAX];
    bool binary = client->kind != CLIENT_POSTER && seeded_below(client->common->random, 2) == 0;
    enum gw_ws_opcode opcode = binary ? GW_WS_OP_BINARY : GW_WS_OP_TEXT;

    must(len <= sizeof(payload), "a payload is too long");
    if (client->phase != CLIENT_OPEN || client->closing || client->awaits_answer)
        return false;
    client->asks_again = false;
    client->posting =
        oracle_publish(client->common->oracle, client->view.channel, len, binary, client->author);
    oracle_payload(client->posting, len, payload);
    tell("client", client->index, "publishes %u, %u bytes", client->posting, len);
    if (client->kind == CLIENT_POSTER)
        post(client, payload, len);
    else if (!offer_of(client) && seeded_below(client->common->random, 4) == 0)
        say_in_fragments(client, opcode, payload, len);
    else
        say_whole(client, opcode, payload, len);
    client_go(client);
    return true;
}

bool client_publish_again(struct client *client, uint32_t number)
{
    static uint8_t payload[PAYLOAD_MAX];
    uint32_t len = client->common->oracle->pubs[number].len;

    if (client->phase != CLIENT_OPEN || client->awaits_answer)
        return false;
    client->asks_again = true;
    client->posting = number;
    oracle_payload(number, len, payload);
    tell("client", client->index, "publishes %u again", number);
    post(client, payload, len);
    client_go(client);
    return true;
}

void client_say_goodbye(struct client *client)
{
    uint8_t payload[GW_WS_CONTROL_MAX];

    if (client->phase != CLIENT_OPEN || client->closing)
        return;
    tell("client", client->index, "says goodbye");
    if (client->kind == CLIENT_POSTER) {
        client->excuse |= EXCUSE_CUT;
        gone(client);
        return;
    }
    say_frame(client, GW_WS_OP_CLOSE, payload, gw_ws_close_payload(payload, 1000, "bye", 3));
    client->closing = true;
    client_go(client);
}

/* A poster that rests may be hung up on: its connection is kept alive for a while only. */
void client_check_end(const struct client *client)
{
    bool rests = client->kind == CLIENT_POSTER && !client->awaits_answer;

    must(client->excuse != 0 || client->close_code != 0 || rests,
         "client %u was cut, without a word and without a reason", client->index);
}

void client_end(struct client *client)
{
    if (client->phase == CLIENT_NONE)
        return;
    if (client->phase != CLIENT_GONE)
        gone(client);
    gw_ws_free(client->ws);
    gw_buf_fini(&client->out);
    gw_buf_fini(&client->in);
    client->phase = CLIENT_NONE;
}
