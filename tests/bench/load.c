#include "load.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <godwit/ws.h>

#include "quit.h"
#include "text.h"

#define EVENTS_MAX   512
#define ROUND_TRIP_S 20.0 /* without an answer for so long, something is broken */
#define INPUT_BYTES  (1024u * 1024)

/* Texts differ and take turns, lest a processor learn one by heart. */
#define TEXTS 16

struct conn {
    int fd;
    uint64_t expected, got; /* bytes of answers */
};

struct message {
    uint8_t *payload;
    uint8_t *batch; /* `depth` times as it is sent */
    size_t batch_len;
    size_t answer_len, answer_payload_len; /* one frame */
};

struct load_conns {
    struct load load;
    struct gw_ws_deflate_terms agreed;
    int epoll;
    struct message messages[TEXTS];
    unsigned message_count, next; /* and which goes out next */
    uint8_t *input;
    struct conn *conns;
};

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
            quit("send");
        data += sent;
        len -= (size_t)sent;
    }
}

static void read_all(int fd, uint8_t *data, size_t len)
{
    ssize_t got = recv(fd, data, len, MSG_WAITALL);

    if (got >= 0)
        errno = 0;
    if (got != (ssize_t)len)
        quit("receive");
}

/* --- Opening --- */

/* What a browser offers: anything, and a smaller window where the server likes. */
static const struct gw_ws_deflate_terms offered = {15, 15, 1, 1};

/* What the bare fan-out's clients have without a word. */
static const struct gw_ws_deflate_terms unspoken = GW_WS_DEFLATE_TERMS_INIT;

/* Reads up to the end of the response's head, one byte at a time so that no frame is lost. */
static struct gw_ws_deflate_terms shake_hands(int fd, const struct load *load)
{
    static const uint8_t nonce[16];
    const struct gw_ws_deflate_terms *offer = load->deflate ? &offered : NULL;
    struct gw_ws_deflate_terms agreed;
    char request[512], head[1024], key[GW_WS_KEY_LEN + 1];
    size_t len = 0;
    int request_len = gw_ws_request_deflate(request, sizeof(request), key, nonce, "127.0.0.1",
                                            load->path, NULL, NULL, offer);

    write_all(fd, (const uint8_t *)request, (size_t)request_len);
    while (len < sizeof(head) && (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0))
        read_all(fd, (uint8_t *)head + len++, 1);
    errno = 0;
    if (gw_ws_check_deflate(head, len, key, NULL, NULL, offer, &agreed) != 0)
        quit("handshake refused");
    if (load->deflate &&
        (agreed.server_window_bits != 12 || agreed.server_takeover || agreed.client_takeover))
        quit("the server does not compress with a window of 12 bits that begins empty");
    return agreed;
}

static int connect_one(const struct load *load)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(load->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        quit("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static void *get_memory(size_t size)
{
    void *memory = malloc(size);

    if (!memory)
        quit("memory");
    return memory;
}

static struct gw_ws *new_client(const struct load_conns *conns)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *client;

    options.role = GW_WS_CLIENT;
    options.deflate = conns->agreed;
    options.deflate_level = 6; /* as browsers do */
    if (gw_ws_new(&client, &options) != 0)
        quit("memory");
    return client;
}

static void make_message(const struct load_conns *conns, struct message *message, unsigned seed)
{
    const struct load *load = &conns->load;
    enum gw_ws_opcode opcode = load->binary ? GW_WS_OP_BINARY : GW_WS_OP_TEXT;
    static const uint8_t mask[4];
    struct gw_ws *client = new_client(conns);

    message->payload = get_memory(load->message_len);
    if (load->deflate)
        text_fill((char *)message->payload, load->message_len, seed);
    else
        memset(message->payload, 'g', load->message_len);
    message->batch = get_memory(gw_ws_frame_len(load->message_len, 1) * load->depth);
    message->batch_len = 0;
    for (unsigned i = 0; i < load->depth; i++)
        message->batch_len += gw_ws_deflate(client, message->batch + message->batch_len, opcode,
                                            message->payload, load->message_len, mask);
    gw_ws_free(client);
}

/* Reads one frame into `conns->input`; returns its length and stores that of its payload. */
static size_t read_frame(struct load_conns *conns, int fd, size_t *payload_len)
{
    uint8_t *frame = conns->input;
    size_t head_len = 2, length, mask_len;

    read_all(fd, frame, head_len);
    length = frame[1] & 0x7f;
    mask_len = frame[1] & 0x80 ? 4 : 0;
    if (length == 127)
        quit("a frame of more than 64 KiB");
    if (length == 126) {
        read_all(fd, frame + head_len, 2);
        length = (size_t)frame[2] << 8 | frame[3];
        head_len += 2;
    }
    read_all(fd, frame + head_len, mask_len + length);
    *payload_len = length;
    return head_len + mask_len + length;
}

/* Is the frame in `conns->input` the message that was sent? */
static bool is_answer(const struct load_conns *conns, const struct message *message, size_t len)
{
    struct gw_ws_bytes input = {conns->input, len};
    struct gw_ws_event event;
    struct gw_ws *client;
    bool is_same;

    if (!conns->load.path)
        return memcmp(conns->input, message->batch, len) == 0;
    client = new_client(conns);
    is_same = gw_ws_read(client, &input, &event) == 1 &&
              event.kind == (conns->load.binary ? GW_WS_BINARY : GW_WS_TEXT) &&
              event.len == conns->load.message_len &&
              memcmp(event.data, message->payload, event.len) == 0;
    gw_ws_free(client);
    return is_same;
}

/* Sends a message once, looks at the answers, and learns their length. */
static void try_message(struct load_conns *conns, struct message *message)
{
    const struct load *load = &conns->load;

    write_all(conns->conns[0].fd, message->batch, message->batch_len / load->depth);
    for (unsigned i = 0; i < (load->fan_out ? load->conn_count : 1); i++) {
        size_t len = read_frame(conns, conns->conns[i].fd, &message->answer_payload_len);

        if (!is_answer(conns, message, len) || (i > 0 && len != message->answer_len))
            quit("an answer is not what was sent");
        message->answer_len = len;
    }
}

struct load_conns *load_open(const struct load *load)
{
    struct load_conns *conns = get_memory(sizeof(*conns));

    *conns = (struct load_conns){.load = *load, .message_count = load->deflate ? TEXTS : 1};
    conns->agreed = load->deflate ? unspoken : (struct gw_ws_deflate_terms){0};
    conns->epoll = epoll_create1(EPOLL_CLOEXEC);
    conns->input = get_memory(INPUT_BYTES);
    conns->conns = get_memory(load->conn_count * sizeof(*conns->conns));
    for (unsigned i = 0; i < load->conn_count; i++) {
        conns->conns[i] = (struct conn){.fd = connect_one(load)};
        if (load->path)
            conns->agreed = shake_hands(conns->conns[i].fd, load);
    }
    errno = 0;
    for (unsigned i = 0; i < conns->message_count; i++) {
        make_message(conns, &conns->messages[i], i);
        if (load->message_len > 0)
            try_message(conns, &conns->messages[i]);
    }
    for (unsigned i = 0; i < load->conn_count; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = i};

        epoll_ctl(conns->epoll, EPOLL_CTL_ADD, conns->conns[i].fd, &event);
    }
    return conns;
}

void load_close(struct load_conns *conns)
{
    for (unsigned i = 0; i < conns->load.conn_count; i++)
        close(conns->conns[i].fd);
    close(conns->epoll);
    for (unsigned i = 0; i < conns->message_count; i++) {
        free(conns->messages[i].payload);
        free(conns->messages[i].batch);
    }
    free(conns->conns);
    free(conns->input);
    free(conns);
}

double load_answer_bytes(const struct load_conns *conns)
{
    size_t sum = 0;

    for (unsigned i = 0; i < conns->message_count; i++)
        sum += conns->messages[i].answer_payload_len;
    return (double)sum / conns->message_count;
}

/* --- Running --- */

/* One batch goes out; everybody who is to hear it expects so much more. */
static void send_batch(struct load_conns *conns, unsigned sender)
{
    const struct message *message = &conns->messages[conns->next++ % conns->message_count];
    uint64_t bytes = message->answer_len * conns->load.depth;
    unsigned first = conns->load.fan_out ? 0 : sender;
    unsigned end = conns->load.fan_out ? conns->load.conn_count : sender + 1;

    for (unsigned i = first; i < end; i++)
        conns->conns[i].expected += bytes;
    write_all(conns->conns[sender].fd, message->batch, message->batch_len);
}

/* Reads what is there. Returns true when that completes what the connection was waiting for. */
static bool read_answers(struct load_conns *conns, struct conn *conn)
{
    uint64_t before = conn->got;
    ssize_t got;

    do {
        got = recv(conn->fd, conns->input, INPUT_BYTES, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            quit("receive");
        if (got > 0)
            conn->got += (uint64_t)got;
    } while (got == INPUT_BYTES);
    errno = 0;
    if (conn->got > conn->expected)
        quit("more bytes than expected");
    return conn->got == conn->expected && conn->got > before;
}

static unsigned wait_some(struct load_conns *conns, bool echo_on)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(conns->epoll, events, EVENTS_MAX, (int)(ROUND_TRIP_S * 1000));
    unsigned complete = 0;

    if (count <= 0)
        quit("no answer");
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

/* Sends one batch and waits for all of its answers, of which it returns the number. */
static uint64_t exchange_one(struct load_conns *conns, unsigned sender)
{
    unsigned answers = conns->load.fan_out ? conns->load.conn_count : 1;
    unsigned waiting = answers;

    send_batch(conns, sender);
    while (waiting > 0)
        waiting -= wait_some(conns, false);
    return (uint64_t)answers * conns->load.depth;
}

/* The first sends its next batch when everybody has the last one. */
static uint64_t run_fan_out(struct load_conns *conns, double until)
{
    uint64_t messages = 0;

    do
        messages += exchange_one(conns, 0);
    while (load_now() < until);
    return messages;
}

uint64_t load_run_batches(struct load_conns *conns, unsigned batches)
{
    uint64_t messages = 0;

    for (unsigned i = 0; i < batches; i++)
        messages += exchange_one(conns, conns->load.fan_out ? 0 : i % conns->load.conn_count);
    return messages;
}

uint64_t load_run(struct load_conns *conns, double seconds)
{
    double until = load_now() + seconds;

    return conns->load.fan_out ? run_fan_out(conns, until) : run_echo(conns, until);
}

/* --- Idling --- */

#define PING_LEN (2 + 8) /* a heartbeat: a ping of 8 bytes */

/* Where opening all of them took its time, more than one may have come; nothing else does. Returns
 * how many were answered. */
static uint64_t answer_pings(int fd)
{
    static const uint8_t mask[4];
    uint8_t pings[16 * PING_LEN], pong[64];
    ssize_t got = recv(fd, pings, sizeof(pings), MSG_DONTWAIT);

    errno = 0;
    if (got <= 0 || got % PING_LEN != 0)
        quit("something else than a ping on an idle connection");
    for (const uint8_t *ping = pings; ping < pings + got; ping += PING_LEN) {
        if (ping[0] != (0x80 | GW_WS_OP_PING))
            quit("something else than a ping on an idle connection");
        write_all(fd, pong, gw_ws_frame(pong, GW_WS_OP_PONG, ping + 2, 8, mask));
    }
    return (uint64_t)got / PING_LEN;
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
            answered += answer_pings(conns->conns[events[i].data.u32].fd);
    }
    return answered;
}
