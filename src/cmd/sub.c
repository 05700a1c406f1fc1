/* sub.c - see sub.h.
 *
 * One loop waits for three things at once: the server, a signal to stop, and the reader of our
 * output to go away. Messages are gathered while the input lasts and are written before it waits
 * again, so that a line is out as soon as it is here, and a burst does not cost a write each. While
 * the reader of our output takes nothing, nothing is read from the server: it is the server that
 * decides how long it keeps what we miss. */
#include "cmd/sub.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <godwit/ws.h>

#include "cmd/args.h"
#include "cmd/client.h"
#include "cmd/say.h"
#include "cmd/url.h"
#include "core/alloc.h"
#include "core/buf.h"
#include "hub/position.h"
#include "server/complaint.h"

#define REQUEST_MAX   8192
#define SEND_MS       10000
#define CLOSE_MS      2000
#define OUTPUT_ENOUGH 65536 /* written before more is gathered */
#define OUTPUT_MAX    (OUTPUT_ENOUGH + GW_SUB_MESSAGE_MAX + 1)

/* Fills `out` with bytes nobody can predict. Returns 0 or -errno. */
static int draw_random(uint8_t *out, size_t len)
{
    ssize_t got;

    assert(len <= 256); /* so few come whole, or not at all */
    do
        got = getrandom(out, len, 0);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : 0;
}

/* --- Beginning --- */

static int write_target(struct gw_buf *out, const struct gw_sub_source *source)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < source->channel_count; i++) {
        err = gw_buf_text(out, i == 0 ? GW_STR("/channels/") : GW_STR(","));
        if (err == 0)
            err = gw_url_encode(out, GW_STR(source->channels[i]));
    }
    if (err == 0 && source->json)
        err = gw_buf_text(out, GW_STR("?format=json"));
    if (err == 0 && source->since)
        err = gw_buf_text(out, source->json ? GW_STR("&since=") : GW_STR("?since="));
    if (err == 0 && source->since)
        err = gw_url_encode(out, GW_STR(source->since));
    return err == 0 ? gw_buf_append(out, "", 1) : err; /* its NUL */
}

/* Writes the request into `out` and returns its length, or an error. */
static int write_request(char out[REQUEST_MAX], char key[GW_WS_KEY_LEN + 1],
                         const struct gw_sub_source *source)
{
    uint8_t nonce[16];
    struct gw_buf target, extra;
    int err = draw_random(nonce, sizeof(nonce));

    gw_buf_init(&target, &gw_alloc_std, REQUEST_MAX / 2);
    gw_buf_init(&extra, &gw_alloc_std, REQUEST_MAX / 2);
    if (err == 0)
        err = write_target(&target, source);
    if (err == 0)
        err = gw_client_common_head(&extra, source->token);
    if (err == 0)
        err = gw_buf_append(&extra, "", 1);
    if (err == 0)
        err = gw_ws_request(out, REQUEST_MAX, key, nonce, source->url->authority,
                            (const char *)target.data, NULL, (const char *)extra.data);
    gw_buf_fini(&extra);
    gw_buf_fini(&target);
    return err;
}

/* The answer is no handshake: read it as what it is, for what it says. */
static int explain_refusal(struct gw_client *client)
{
    struct gw_client_answer answer = {0};
    int err, status;

    gw_buf_init(&answer.body, &gw_alloc_std, GW_CLIENT_BODY_MAX);
    err = gw_client_answer(client, &answer, CLOSE_MS);
    if (answer.status == 101)
        status = gw_say_failed("the answer is not a WebSocket handshake; is this a Godwit server?");
    else if (answer.status > 0) /* without its body it still says enough */
        status = gw_client_refused("the subscription", &answer);
    else
        status = gw_say_failed("the subscription failed: %s", gw_client_strerror(err));
    gw_buf_fini(&answer.body);
    return status;
}

static int send_request(struct gw_client *client, char key[GW_WS_KEY_LEN + 1],
                        const struct gw_sub_source *source)
{
    char request[REQUEST_MAX];
    int len = write_request(request, key, source);

    if (len < 0)
        return len;
    return gw_client_send(client, (struct gw_str){request, (size_t)len}, GW_STR(""), SEND_MS);
}

int gw_sub_begin(struct gw_client *client, const struct gw_sub_source *source)
{
    char key[GW_WS_KEY_LEN + 1];
    int err = send_request(client, key, source);
    size_t head_len = 0;

    if (err == -EMSGSIZE)
        return gw_say_usage("the token, or channels and positions are too long: expected at most "
                            "3KiB");
    if (err == 0)
        err = gw_client_head(client, &head_len, GW_CLIENT_ANSWER_MS);
    if (err < 0)
        return gw_say_failed("the subscription failed: %s", gw_client_strerror(err));
    if (gw_ws_check((const char *)client->input + client->start, head_len, key, NULL, NULL) < 0)
        return explain_refusal(client);
    client->start += head_len;
    return 0;
}

/* --- Listening --- */

enum state {
    OPEN,
    CLOSING, /* we have sent a close frame: what still comes is printed until the answer */
    DONE
};

struct subscriber {
    struct gw_client *client;
    struct gw_ws *ws;
    int out, stop;
    enum state state;
    int64_t close_by_ms; /* while CLOSING */
    int status;          /* when DONE */
    struct gw_buf output;
};

static int64_t now_ms(void)
{
    struct timespec now;
    int err = clock_gettime(CLOCK_MONOTONIC, &now);

    assert(err == 0); /* there is one on every Linux */
    return (int64_t)now.tv_sec * 1000 + (int64_t)(now.tv_nsec / 1000000);
}

static void finish(struct subscriber *subscriber, int status)
{
    subscriber->state = DONE;
    subscriber->status = status;
}

static void lose(struct subscriber *subscriber, int err)
{
    if (subscriber->state == CLOSING)
        finish(subscriber, GW_EXIT_GOOD); /* we were leaving anyway */
    else
        finish(subscriber, gw_say_failed("the connection is lost: %s", gw_client_strerror(err)));
}

/* A control frame: its payload is short. */
static void send_frame(struct subscriber *subscriber, enum gw_ws_opcode opcode, const void *data,
                       size_t len)
{
    uint8_t frame[GW_WS_HEAD_MAX + GW_WS_CONTROL_MAX], mask[4];
    int err = draw_random(mask, sizeof(mask));

    assert(len <= GW_WS_CONTROL_MAX);
    if (err == 0) {
        size_t frame_len = gw_ws_frame(frame, opcode, data, len, mask);

        err = gw_client_send(subscriber->client, (struct gw_str){(const char *)frame, frame_len},
                             GW_STR(""), SEND_MS);
    }
    if (err < 0)
        lose(subscriber, err);
}

static void send_close(struct subscriber *subscriber, uint16_t code)
{
    uint8_t payload[GW_WS_CONTROL_MAX];
    size_t len = gw_ws_close_payload(payload, code, "", 0);

    send_frame(subscriber, GW_WS_OP_CLOSE, payload, len);
}

/* --- Output --- */

/* Waits until one of the three has something; `out_events` is what the output is waited for, and
 * while it is anything the server is not read. Returns false when the time to close is over. */
static bool wait_for(const struct subscriber *subscriber, struct pollfd items[3], short out_events)
{
    int64_t left = subscriber->close_by_ms - now_ms();
    int timeout_ms = subscriber->state != CLOSING ? -1 : left < 0 ? 0 : (int)left;
    int count;

    items[0] = (struct pollfd){.fd = out_events ? -1 : subscriber->client->fd, .events = POLLIN};
    items[1] = (struct pollfd){.fd = subscriber->stop, .events = POLLIN};
    items[2] = (struct pollfd){.fd = subscriber->out, .events = out_events};
    do
        count = poll(items, 3, timeout_ms);
    while (count < 0 && errno == EINTR);
    return count > 0;
}

/* Leaves, in the way RFC 6455 section 7.1.2 wants it. */
static void leave(struct subscriber *subscriber)
{
    struct signalfd_siginfo info;

    if (read(subscriber->stop, &info, sizeof(info)) < 0 || subscriber->state != OPEN) {
        finish(subscriber, GW_EXIT_GOOD); /* told twice: at once */
        return;
    }
    subscriber->state = CLOSING;
    subscriber->close_by_ms = now_ms() + CLOSE_MS;
    send_close(subscriber, 1000);
}

/* Whoever read our output has had enough: no error, and nothing to say. */
static void lose_reader(struct subscriber *subscriber)
{
    gw_buf_clear(&subscriber->output);
    if (subscriber->state == OPEN)
        send_close(subscriber, 1000);
    if (subscriber->state != DONE)
        finish(subscriber, GW_EXIT_GOOD);
}

/* Writes what poll() promised to take at once, and no more. Returns how much was taken. */
static size_t write_some(struct subscriber *subscriber, size_t from)
{
    size_t left = subscriber->output.len - from;
    ssize_t put =
        write(subscriber->out, subscriber->output.data + from, left < PIPE_BUF ? left : PIPE_BUF);

    if (put >= 0)
        return (size_t)put;
    if (errno == EPIPE) {
        lose_reader(subscriber);
    } else if (errno != EINTR && errno != EAGAIN) {
        finish(subscriber, gw_say_failed("cannot write: %s", strerror(errno)));
        gw_buf_clear(&subscriber->output);
    }
    return 0;
}

/* Writes all that is gathered, also when all else is done; only being told to stop prevents it. */
static void flush(struct subscriber *subscriber)
{
    size_t written = 0;

    while (written < subscriber->output.len) {
        struct pollfd items[3];

        if (!wait_for(subscriber, items, POLLOUT)) {
            finish(subscriber, GW_EXIT_GOOD); /* it took too long to close */
            break;
        }
        if (items[1].revents) {
            leave(subscriber);
            if (subscriber->state == DONE)
                break;
        }
        if (items[2].revents & (POLLERR | POLLNVAL))
            lose_reader(subscriber);
        else if (items[2].revents)
            written += write_some(subscriber, written);
    }
    gw_buf_clear(&subscriber->output);
}

/* --- Events --- */

static const char *advice(uint16_t code)
{
    switch (code) {
    case 1012:
        return "; the server restarts: try again";
    case 4401:
        return "; give a credential with --token or GODWIT_TOKEN";
    case 4403:
        return "; this credential may not read the channel";
    case 4408:
        return "; the reader was too slow";
    case 4410:
        return "; messages may be missing: start again with --since=all or --since=new";
    case 4429:
        return "; too many at once: try again later";
    default:
        return "";
    }
}

static void take_close(struct subscriber *subscriber, const struct gw_ws_event *event)
{
    uint16_t code = event->close_code;

    if (subscriber->state == CLOSING) {
        finish(subscriber, GW_EXIT_GOOD);
        return;
    }
    send_close(subscriber, code == 1005 ? 0 : code); /* the same code back */
    flush(subscriber); /* what came before it is printed before it is told */
    if (subscriber->state == DONE)
        return;
    gw_say("closed by the server: %" PRIu16 "%s%.*s%s", code, event->len > 0 ? " " : "",
           (int)event->len, (const char *)event->data, advice(code));
    finish(subscriber, code == 1000 || code == 1001 ? GW_EXIT_GOOD : GW_EXIT_FAILED);
}

static int gather(struct gw_buf *output, const struct gw_ws_event *event)
{
    int err = gw_buf_append(output, event->data, event->len);

    return err == 0 ? gw_buf_append(output, "\n", 1) : err;
}

static void take_event(struct subscriber *subscriber, const struct gw_ws_event *event)
{
    switch (event->kind) {
    case GW_WS_TEXT:
    case GW_WS_BINARY:
        if (gather(&subscriber->output, event) < 0)
            finish(subscriber, gw_say_failed("out of memory"));
        break;
    case GW_WS_PING:
        if (subscriber->state == OPEN) /* after our close frame there is nothing more to say */
            send_frame(subscriber, GW_WS_OP_PONG, event->data, event->len);
        break;
    case GW_WS_PONG:
        break;
    case GW_WS_CLOSE:
        take_close(subscriber, event);
        break;
    }
}

/* Takes events from what has arrived, until it is used up or enough is gathered. */
static void take_input(struct subscriber *subscriber)
{
    struct gw_client *client = subscriber->client;
    struct gw_ws_bytes input = {client->input + client->start, client->end - client->start};
    struct gw_ws_event event;
    int got = 1;

    while (subscriber->state != DONE && subscriber->output.len < OUTPUT_ENOUGH &&
           (got = gw_ws_read(subscriber->ws, &input, &event)) > 0)
        take_event(subscriber, &event);
    client->start = client->end - input.len;
    if (got < 0) {
        send_close(subscriber, event.close_code);
        finish(subscriber, gw_say_failed("the server breaks the protocol: %s", gw_strerror(got)));
    }
}

/* Waits until the server has sent more. */
static void wait_for_more(struct subscriber *subscriber)
{
    struct pollfd items[3];
    int got;

    if (!wait_for(subscriber, items, 0)) {
        finish(subscriber, GW_EXIT_GOOD); /* no answer to our close frame: we have waited enough */
        return;
    }
    if (items[1].revents)
        leave(subscriber);
    else if (items[2].revents)
        lose_reader(subscriber);
    else if (items[0].revents) {
        got = gw_client_receive(subscriber->client, 0);
        if (got <= 0)
            lose(subscriber, got == 0 ? GW_ERR_CLOSED : got);
    }
}

int gw_sub_run(struct gw_client *client, struct gw_ws *ws, int out, int stop)
{
    struct subscriber subscriber = {
        .client = client, .ws = ws, .out = out, .stop = stop, .state = OPEN};

    gw_buf_init(&subscriber.output, &gw_alloc_std, OUTPUT_MAX);
    while (subscriber.state != DONE) {
        take_input(&subscriber);
        flush(&subscriber);
        if (subscriber.state != DONE && client->start == client->end)
            wait_for_more(&subscriber);
    }
    gw_buf_fini(&subscriber.output);
    return subscriber.status;
}

/* A descriptor that becomes readable when we are asked to stop, or -errno. Left to themselves the
 * signals would end us without a closing handshake. */
static int watch_signals(void)
{
    sigset_t stops;
    int fd;

    (void)sigemptyset(&stops); /* these three cannot fail with valid arguments */
    (void)sigaddset(&stops, SIGINT);
    (void)sigaddset(&stops, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &stops, NULL) < 0)
        return -errno;
    fd = signalfd(-1, &stops, SFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int listen_to(struct gw_client *client)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *ws;
    int stop = watch_signals();
    int status;

    if (stop < 0)
        return gw_say_failed("cannot watch for signals: %s", strerror(-stop));
    options.role = GW_WS_CLIENT;
    options.message_bytes_max = GW_SUB_MESSAGE_MAX;
    if (gw_ws_new(&ws, &options) < 0) {
        (void)close(stop); /* it holds nothing */
        return gw_say_failed("out of memory");
    }
    status = gw_sub_run(client, ws, STDOUT_FILENO, stop);
    gw_ws_free(ws);
    (void)close(stop); /* it holds nothing */
    return status;
}

static int subscribe(const struct gw_sub_source *source)
{
    struct gw_complaint complaint;
    struct gw_client client;
    int status;

    if (gw_client_open(&client, source->url, &complaint) < 0)
        return gw_say_failed("%s", complaint.text);
    status = gw_sub_begin(&client, source);
    if (status == 0)
        status = listen_to(&client);
    gw_client_close(&client);
    return status;
}

/* Returns 0, or GW_EXIT_USAGE after having said what is wrong. */
static int check_words(const struct gw_args *args, const char *format)
{
    bool raw = format && strcmp(format, "raw") == 0;

    if (format && !raw && strcmp(format, "json") != 0)
        return gw_say_usage("--format=%.64s: expected raw or json", format);
    if (raw && args->word_count > 1)
        return gw_say_usage("several channels come as --format=json only");
    if (args->word_count == 0)
        return gw_say_usage("expected: godwit sub CHANNEL...; see godwit help sub");
    for (size_t i = 0; i < args->word_count; i++)
        if (!gw_channel_name_ok(GW_STR(args->words[i])))
            return gw_say_usage("\"%.64s\" is no channel: expected 1 to 255 bytes of UTF-8 without "
                                "control characters, \"/\" and \",\"",
                                args->words[i]);
    return 0;
}

int gw_cmd_sub(char *const *argv)
{
    const char *url_text = getenv("GODWIT_URL"), *token = getenv("GODWIT_TOKEN");
    const char *since = NULL, *format = NULL;
    const struct gw_arg_flag flags[] = {{"url", &url_text},
                                        {"token", &token},
                                        {"since", &since},
                                        {"format", &format},
                                        {NULL, NULL}};
    struct gw_args args = {.flags = flags};
    struct gw_complaint complaint;
    struct gw_url url;
    int status = gw_args_read(&args, "sub", argv);

    if (status == 0)
        status = check_words(&args, format);
    if (status)
        return status;
    if (gw_url_parse(&url, url_text && *url_text ? url_text : GW_URL_DEFAULT, &complaint) < 0)
        return gw_say_usage("%s", complaint.text);
    if (token && !gw_client_is_credential(token))
        return gw_say_usage("the token is none: expected printable characters without blanks");
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write(), not the end */
    return subscribe(
        &(struct gw_sub_source){.url = &url,
                                .token = token && *token ? token : NULL,
                                .since = since,
                                .json = args.word_count > 1 || (format && *format == 'j'),
                                .channels = args.words,
                                .channel_count = args.word_count});
}
