#include "sim/duo.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVER_HOST 1
#define PORT        9880
#define IN_MAX      (64u * 1024 * 1024)
#define LEAVE_NS    (60 * DUO_S)

/* --- Beginning and end --- */

static union gw_address server_address(const struct duo *duo)
{
    union gw_address address = sim_net_address(SERVER_HOST, PORT);

    if (duo->client_host == SERVER_HOST)
        address.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void make_options(struct duo *duo, const struct duo_options *options)
{
    struct gw_complaint complaint;

    ck_assert_int_eq(gw_options_init(&duo->options, &gw_alloc_std), 0);
    duo->options.open = GW_OPEN_ON;
    for (const char *const *flag = options->flags; flag && *flag; flag++)
        ck_assert_msg(gw_options_flag(&duo->options, *flag, &complaint) == 0, "%s", *flag);
    ck_assert_int_eq(gw_options_finish(&duo->options, &complaint), 0);
    duo->options.listen[0] = server_address(duo);
}

static void *get_once(size_t size, void *ctx)
{
    struct meter *meter = ctx;
    void *ptr = meter_get(size, meter);

    if (!ptr)
        meter->left = METER_UNLIMITED;
    return ptr;
}

static void free_rest(struct duo *duo)
{
    for (unsigned i = 0; i < duo->worker_count; i++)
        gw_loop_free(duo->loops[i]);
    gw_loop_free(duo->home);
    sim_net_free(duo->net);
    gw_options_fini(&duo->options);
}

static int make_server(struct duo *duo, const struct duo_options *options)
{
    struct gw_assembly_options made = {
        .alloc = &duo->meter.alloc,
        .options = &duo->options,
        .loops = duo->loops,
        .worker_count = duo->worker_count,
        .mailbox_slots = options->mailbox_slots ? options->mailbox_slots : 8,
        .connections_max = options->connections_max ? options->connections_max : 1000,
        .memory_bytes = UINT64_C(1) << 30,
        .seed = {(uint8_t)options->seed},
        .pen = &duo->pen,
    };
    int failed;

    return gw_assembly_new(&duo->assembly, &made, &failed);
}

int duo_begin(struct duo *duo, const struct duo_options *options)
{
    static const struct sim_net_options calm = SIM_NET_CALM;
    int status;

    memset(duo, 0, sizeof(*duo));
    duo->client_host = options->client_host ? options->client_host : SERVER_HOST;
    duo->worker_count = options->workers ? options->workers : 1;
    ck_assert_uint_le(duo->worker_count, DUO_WORKERS_MAX);
    meter_init(&duo->meter);
    if (options->fails_at > 0)
        duo->meter.left = options->fails_at - 1;
    if (options->fails_once)
        duo->meter.alloc.get = get_once;
    gw_pen_init(&duo->pen, STDERR_FILENO, 1, GW_LOG_ERROR + 1); /* writes nothing */
    make_options(duo, options);
    duo->net = sim_net_new(options->net ? options->net : &calm, options->seed);
    for (unsigned i = 0; i < duo->worker_count; i++)
        ck_assert_int_eq(sim_loop_new(&duo->loops[i], duo->net, &gw_alloc_std, SERVER_HOST, NULL),
                         0);
    ck_assert_int_eq(sim_loop_new(&duo->home, duo->net, &gw_alloc_std, duo->client_host, NULL), 0);
    for (unsigned i = 0; i < DUO_CLIENTS_MAX; i++) {
        duo->clients[i].fd = -1;
        gw_buf_init(&duo->clients[i].in, &gw_alloc_std, IN_MAX);
        gw_buf_init(&duo->clients[i].out, &gw_alloc_std, IN_MAX);
    }
    status = make_server(duo, options);
    if (status != 0) {
        ck_assert_int_eq(status, -ENOMEM);
        ck_assert_int_eq(duo->meter.live, 0);
        ck_assert_uint_eq(sim_net_open_fds(duo->net), 0);
        free_rest(duo);
    }
    return status;
}

static bool all_gone(const struct duo *duo)
{
    for (unsigned i = 0; i < duo->worker_count; i++)
        if (!gw_worker_gone(duo->assembly->workers[i]))
            return false;
    return true;
}

void duo_end(struct duo *duo)
{
    uint64_t until = duo_now(duo) + LEAVE_NS;

    for (unsigned i = 0; i < DUO_CLIENTS_MAX; i++)
        duo_hang_up(duo, i);
    duo_run(duo, DUO_S);
    gw_assembly_drain(duo->assembly);
    while (!all_gone(duo) && duo_now(duo) < until)
        duo_run(duo, 100 * DUO_MS);
    ck_assert_msg(all_gone(duo), "the server did not let go of everybody");
    for (unsigned i = 0; i < duo->worker_count; i++)
        ck_assert_uint_eq(gw_hub_counts(duo->assembly->workers[i]->hub).unit_bytes_pinned, 0);
    gw_assembly_free(duo->assembly);
    ck_assert_int_eq(duo->meter.live, 0);
    ck_assert_uint_eq(sim_net_open_fds(duo->net), 0);
    for (unsigned i = 0; i < DUO_CLIENTS_MAX; i++) {
        gw_buf_fini(&duo->clients[i].in);
        gw_buf_fini(&duo->clients[i].out);
    }
    free_rest(duo);
}

/* --- Bytes --- */

static void send_out(struct duo *duo, struct duo_client *client)
{
    struct iovec iov = {client->out.data, client->out.len};
    struct gw_send send = {.fd = client->fd, .iov_count = 1, .iov = &iov};

    if (client->fd < 0 || client->out.len == 0)
        return;
    gw_loop_send_batch(duo->home, &send, 1);
    if (send.result > 0)
        gw_buf_drop(&client->out, (size_t)send.result);
    /* An error shows when it reads. */
}

static void ended(struct duo *duo, struct duo_client *client, enum duo_end how)
{
    if (client->end != DUO_THERE)
        return;
    client->end = how;
    client->ended_ns = duo_now(duo);
    if (client->stays && how == DUO_FINISHED)
        return;
    gw_loop_close(duo->home, client->fd);
    client->fd = -1;
}

/* Reads `room` bytes at most. False: there is nothing more for now. */
static bool read_some(struct duo *duo, struct duo_client *client, size_t room)
{
    uint8_t buffer[4096];
    ssize_t got;

    if (client->fd < 0 || client->end != DUO_THERE)
        return false;
    got = gw_loop_receive(duo->home, client->fd, buffer,
                          room < sizeof(buffer) ? room : sizeof(buffer));
    if (got == -EAGAIN)
        return false;
    if (got <= 0) {
        ended(duo, client, got == 0 ? DUO_FINISHED : DUO_RESET);
        return false;
    }
    ck_assert_int_eq(gw_buf_append(&client->in, buffer, (size_t)got), 0);
    return true;
}

/* The length of the head that begins at `at`, or 0. */
static size_t head_len(const struct duo_client *client, size_t at)
{
    const uint8_t *end = client->in.len > at
                             ? memmem(client->in.data + at, client->in.len - at, "\r\n\r\n", 4)
                             : NULL;

    return end ? (size_t)(end - client->in.data) + 4 - at : 0;
}

/* Where the frames begin; 0: there are none. */
static size_t frames_at(const struct duo_client *client)
{
    if (client->in.len < 12 || memcmp(client->in.data, "HTTP/1.1 101", 12) != 0)
        return 0;
    return head_len(client, 0);
}

/* RSV1 is for the first frame of a message (it is the only one here), where compression was agreed
 * on (RFC 7692 section 6). */
static bool rsv_bits_are_right(const struct duo_client *client, uint8_t first)
{
    if ((first & 0x70) == 0)
        return true;
    return ((first & 0x8f) == (DUO_FIN | DUO_TEXT) || (first & 0x8f) == (DUO_FIN | DUO_BINARY)) &&
           (first & 0x70) == DUO_RSV1 &&
           memmem(client->in.data, frames_at(client), "permessage-deflate", 18);
}

/* The frame at `at`; returns its whole length, or 0. A server's frames are not masked. */
static size_t frame_at(const struct duo_client *client, size_t at, struct duo_frame *frame)
{
    const uint8_t *data = client->in.data + at;
    size_t room = client->in.len - at, head = 2, bytes;
    uint64_t len;

    if (client->in.len < at + 2)
        return 0;
    ck_assert(rsv_bits_are_right(client, data[0]));
    ck_assert_uint_eq(data[1] & 0x80, 0);
    len = data[1];
    bytes = len == 126 ? 2 : len == 127 ? 8 : 0;
    head += bytes;
    if (room < head)
        return 0;
    if (bytes > 0)
        len = 0;
    for (size_t i = 0; i < bytes; i++)
        len = len << 8 | data[2 + i];
    if (room - head < len)
        return 0;
    frame->first = data[0];
    frame->payload = (struct gw_str){(const char *)data + head, (size_t)len};
    return head + (size_t)len;
}

void duo_answer_pings(struct duo *duo, unsigned index)
{
    struct duo_client *client = &duo->clients[index];
    struct duo_frame frame;
    size_t len;

    if (client->ponged == 0)
        client->ponged = frames_at(client);
    if (!client->pongs || client->ponged == 0)
        return;
    while ((len = frame_at(client, client->ponged, &frame)) > 0) {
        client->ponged += len;
        if (frame.first == DUO_PING)
            duo_frame_say(duo, index, DUO_PONG, frame.payload.data, frame.payload.len);
    }
}

/* --- Time --- */

static void clients_turn(struct duo *duo)
{
    struct gw_event events[DUO_CLIENTS_MAX];
    int count = gw_loop_turn(duo->home, events, DUO_CLIENTS_MAX, UINT64_MAX);

    for (int i = 0; i < count; i++) {
        struct duo_client *client = &duo->clients[events[i].token];

        send_out(duo, client);
        while (!client->deaf && read_some(duo, client, SIZE_MAX))
            ;
        duo_answer_pings(duo, (unsigned)events[i].token);
    }
}

void duo_run(struct duo *duo, uint64_t ns)
{
    uint64_t until = duo_now(duo) + ns;
    struct gw_loop *loop;

    while ((loop = sim_net_next(duo->net, until))) {
        if (loop == duo->home) {
            clients_turn(duo);
            continue;
        }
        if (duo->before_turn)
            duo->before_turn(duo, duo->ctx);
        for (unsigned i = 0; i < duo->worker_count; i++)
            if (loop == duo->loops[i]) {
                ck_assert_int_eq(gw_worker_turn(duo->assembly->workers[i]), 0);
                gw_worker_check(duo->assembly->workers[i]);
            }
    }
}

uint64_t duo_now(const struct duo *duo)
{
    return sim_net_now(duo->net);
}

/* --- Clients --- */

void duo_connect(struct duo *duo, unsigned index)
{
    struct duo_client *client = &duo->clients[index];
    union gw_address address = server_address(duo);

    duo_hang_up(duo, index);
    client->end = DUO_THERE;
    client->seen = client->ponged = 0;
    gw_buf_clear(&client->in);
    gw_buf_clear(&client->out);
    client->fd = gw_loop_connect(duo->home, &address, index);
    ck_assert_int_ge(client->fd, 0);
    duo_run(duo, 10 * DUO_MS);
}

/* How many connections there are, as seen by each worker. */
static void count_connections(const struct duo *duo, uint32_t counts[DUO_WORKERS_MAX])
{
    for (unsigned i = 0; i < duo->worker_count; i++)
        counts[i] = gw_worker_connections(duo->assembly->workers[i]);
}

void duo_connect_to(struct duo *duo, unsigned index, unsigned worker)
{
    uint32_t before[DUO_WORKERS_MAX], after[DUO_WORKERS_MAX];

    for (int tries = 0; tries < 200; tries++) {
        count_connections(duo, before);
        duo_connect(duo, index);
        count_connections(duo, after);
        for (int i = 0; i < 20 && memcmp(before, after, duo->worker_count * sizeof(*after)) == 0 &&
                        duo_there(duo, index);
             i++) {
            duo_run(duo, 10 * DUO_MS);
            count_connections(duo, after);
        }
        if (after[worker] > before[worker] || !duo_there(duo, index))
            return;
        duo_hang_up(duo, index);
        duo_run(duo, 100 * DUO_MS);
    }
    ck_abort_msg("the network never chose worker %u", worker);
}

void duo_hang_up(struct duo *duo, unsigned index)
{
    struct duo_client *client = &duo->clients[index];

    if (client->fd >= 0)
        gw_loop_close(duo->home, client->fd);
    client->fd = -1;
}

void duo_say(struct duo *duo, unsigned index, const void *data, size_t len)
{
    struct duo_client *client = &duo->clients[index];

    if (client->fd < 0)
        return;
    ck_assert_int_eq(gw_buf_append(&client->out, data, len), 0);
    send_out(duo, client);
}

void duo_say_text(struct duo *duo, unsigned index, const char *text)
{
    duo_say(duo, index, text, strlen(text));
}

size_t duo_drip(struct duo *duo, unsigned index, const void *data, size_t len, uint64_t step_ns)
{
    size_t said = 0;

    while (said < len && duo_there(duo, index)) {
        duo_say(duo, index, (const uint8_t *)data + said, 1);
        said++;
        duo_run(duo, step_ns);
    }
    return said;
}

void duo_sip(struct duo *duo, unsigned index, size_t len)
{
    struct duo_client *client = &duo->clients[index];
    size_t had = client->in.len;

    while (client->in.len - had < len && read_some(duo, client, len - (client->in.len - had)))
        ;
}

bool duo_there(const struct duo *duo, unsigned index)
{
    return duo->clients[index].fd >= 0 && duo->clients[index].end == DUO_THERE;
}

int duo_answer(struct duo *duo, unsigned index, struct gw_str *body)
{
    struct duo_client *client = &duo->clients[index];
    size_t len = head_len(client, client->seen), body_len = 0;
    const char *text, *at;
    char line[16] = "";
    int status = 0;

    if (len == 0)
        return 0;
    text = (const char *)client->in.data + client->seen;
    memcpy(line, text, sizeof(line) - 1); /* a head is longer; and no NUL ends it */
    ck_assert_int_eq(sscanf(line, "HTTP/1.1 %d ", &status), 1);
    at = memmem(text, len, "Content-Length: ", 16);
    if (at)
        body_len = (size_t)atol(at + 16); /* a CR ends it */
    if (client->in.len - client->seen < len + body_len)
        return 0;
    if (body)
        *body = (struct gw_str){text + len, body_len};
    client->seen += len + body_len;
    return status;
}

void duo_post(struct duo *duo, unsigned index, const char *channel, const void *payload, size_t len)
{
    char head[512];

    snprintf(head, sizeof(head),
             "POST /channels/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n",
             channel, len);
    duo_say_text(duo, index, head);
    duo_say(duo, index, payload, len);
}

/* --- WebSockets --- */

void duo_shake_with(struct duo *duo, unsigned index, const char *target, const char *lines)
{
    char request[1024];

    snprintf(request, sizeof(request),
             "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
             target, lines);
    duo_say_text(duo, index, request);
}

void duo_shake(struct duo *duo, unsigned index, const char *target)
{
    duo_shake_with(duo, index, target, "");
}

void duo_open(struct duo *duo, unsigned index, const char *target)
{
    if (duo->clients[index].fd < 0)
        duo_connect(duo, index);
    duo_shake(duo, index, target);
    duo_run(duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(duo, index, NULL), 101);
}

void duo_frame_say(struct duo *duo, unsigned index, uint8_t first, const void *data, size_t len)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t head[14] = {first}, *masked = malloc(len + 1);
    size_t bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;

    ck_assert_ptr_nonnull(masked);
    head[1] = (uint8_t)(0x80 | (bytes == 0 ? len : bytes == 2 ? 126 : 127));
    for (size_t i = 0; i < bytes; i++)
        head[2 + i] = (uint8_t)((uint64_t)len >> 8 * (bytes - 1 - i));
    memcpy(head + 2 + bytes, mask, 4);
    for (size_t i = 0; i < len; i++)
        masked[i] = ((const uint8_t *)data)[i] ^ mask[i % 4];
    duo_say(duo, index, head, 6 + bytes);
    duo_say(duo, index, masked, len);
    free(masked);
}

bool duo_frame_next(struct duo *duo, unsigned index, struct duo_frame *frame)
{
    struct duo_client *client = &duo->clients[index];
    size_t len = frame_at(client, client->seen, frame);

    client->seen += len;
    return len > 0;
}

bool duo_accepted(const struct duo *duo, unsigned index)
{
    return frames_at(&duo->clients[index]) > 0;
}

unsigned duo_messages(const struct duo *duo, unsigned index)
{
    const struct duo_client *client = &duo->clients[index];
    struct duo_frame frame;
    size_t at = frames_at(client), len;
    unsigned count = 0;

    for (; at > 0 && (len = frame_at(client, at, &frame)) > 0; at += len)
        count += (frame.first & ~DUO_RSV1) == (DUO_FIN | DUO_TEXT) ||
                 (frame.first & ~DUO_RSV1) == (DUO_FIN | DUO_BINARY);
    return count;
}

unsigned duo_close_code(const struct duo *duo, unsigned index)
{
    const struct duo_client *client = &duo->clients[index];
    struct duo_frame frame;
    size_t at = frames_at(client), len;

    for (; at > 0 && (len = frame_at(client, at, &frame)) > 0; at += len)
        if (frame.first == DUO_CLOSE && frame.payload.len >= 2)
            return (unsigned)((uint8_t)frame.payload.data[0] << 8 | (uint8_t)frame.payload.data[1]);
    return 0;
}

bool duo_closed_last(const struct duo *duo, unsigned index)
{
    const struct duo_client *client = &duo->clients[index];
    struct duo_frame frame = {0};
    size_t at = frames_at(client), len;

    while (at > 0 && frame.first != DUO_CLOSE && (len = frame_at(client, at, &frame)) > 0)
        at += len;
    return frame.first == DUO_CLOSE && at == client->in.len;
}

bool duo_has(const struct duo *duo, unsigned index, const char *text)
{
    const struct duo_client *client = &duo->clients[index];

    return client->in.len > 0 && memmem(client->in.data, client->in.len, text, strlen(text));
}
