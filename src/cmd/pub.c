/* pub.c - see pub.h. */
#include "cmd/pub.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <godwit/status.h>

#include "cmd/args.h"
#include "cmd/client.h"
#include "cmd/say.h"
#include "cmd/url.h"
#include "core/alloc.h"
#include "core/buf.h"
#include "core/utf8.h"
#include "hub/position.h"
#include "server/complaint.h"

#define READ_PIECE 65536
#define HEAD_MAX   4096 /* a channel of 255 bytes, each encoded as three, and a key */

struct publisher {
    struct gw_pub_target target;
    struct gw_client client;
    bool connected;
    char what[GW_SHOWN_MAX]; /* is being published: "the message", "line 3" */
    struct gw_client_answer answer;
};

/* --- One message --- */

/* Without a type, or as text, a payload must be UTF-8 (the server says 400): other bytes are sent
 * as what they are. */
static const char *content_type(struct gw_str message)
{
    return gw_utf8_valid(message.data, message.len) ? "text/plain; charset=utf-8"
                                                    : "application/octet-stream";
}

/* Appends the texts up to a NULL. */
static int add_texts(struct gw_buf *out, const char *const *texts)
{
    int err = 0;

    for (; err == 0 && *texts; texts++)
        err = gw_buf_text(out, GW_STR(*texts));
    return err;
}

static int write_head(struct gw_buf *out, const struct gw_pub_target *target, struct gw_str message)
{
    const char *middle[] = {" HTTP/1.1\r\nHost: ", target->url->authority, "\r\nContent-Type: ",
                            content_type(message), "\r\nContent-Length: ", NULL};
    int err = gw_buf_text(out, GW_STR("POST /channels/"));

    if (err == 0)
        err = gw_url_encode(out, GW_STR(target->channel));
    if (err == 0)
        err = add_texts(out, middle);
    if (err == 0)
        err = gw_buf_u64(out, message.len);
    if (err == 0)
        err = gw_buf_text(out, GW_STR("\r\n"));
    if (err == 0)
        err = gw_client_common_head(out, target->key);
    if (err == 0)
        err = gw_buf_text(out, GW_STR("\r\n"));
    return err;
}

int gw_pub_post(struct gw_client *client, const struct gw_pub_target *target, struct gw_str message,
                struct gw_client_answer *answer)
{
    struct gw_buf head;
    int sent, err;

    gw_buf_init(&head, &gw_alloc_std, HEAD_MAX);
    err = write_head(&head, target, message);
    if (err < 0) {
        gw_buf_fini(&head);
        return err;
    }
    sent = gw_client_send(client, gw_buf_str(&head), message, GW_CLIENT_ANSWER_MS);
    gw_buf_fini(&head);
    if (sent < 0 && sent != -EPIPE && sent != -ECONNRESET)
        return sent;
    /* Who refuses a body early closes on us, but has said why before. */
    err = gw_client_answer(client, answer, GW_CLIENT_ANSWER_MS);
    return err < 0 && sent < 0 ? sent : err;
}

/* --- All of them --- */

/* Between two messages the server may have closed a connection that was idle for long: that is seen
 * before the next is sent. What was sent is never sent again: it may have been published. */
static int connect_at_need(struct publisher *publisher)
{
    struct gw_complaint complaint;

    if (publisher->connected && !gw_client_is_stale(&publisher->client))
        return 0;
    if (publisher->connected)
        gw_client_close(&publisher->client);
    publisher->connected =
        gw_client_open(&publisher->client, publisher->target.url, &complaint) == 0;
    return publisher->connected ? 0 : gw_say_failed("%s", complaint.text);
}

/* Answers are lines already, or not: here each is one. */
static int print_answer(struct publisher *publisher)
{
    struct gw_str body = gw_buf_str(&publisher->answer.body);
    int err;

    while (body.len > 0 && strchr("\r\n", body.data[body.len - 1]))
        body.len--;
    err = gw_put(STDOUT_FILENO, body);
    if (err == 0)
        err = gw_put(STDOUT_FILENO, GW_STR("\n"));
    if (err == 0 || err == -EPIPE) /* whoever stops reading answers does not stop the messages */
        return GW_EXIT_GOOD;
    return gw_say_failed("cannot write the answer: %s", strerror(-err));
}

static int publish(struct publisher *publisher, struct gw_str message)
{
    int status = connect_at_need(publisher);
    int err;

    if (status)
        return status;
    err = gw_pub_post(&publisher->client, &publisher->target, message, &publisher->answer);
    if (err < 0)
        return gw_say_failed("no answer about %s: %s; it may have been published or not",
                             publisher->what, gw_client_strerror(err));
    if (!publisher->answer.keep_alive) {
        gw_client_close(&publisher->client);
        publisher->connected = false;
    }
    if (publisher->answer.status != 200)
        return gw_client_refused(publisher->what, &publisher->answer);
    return print_answer(publisher);
}

struct lines {
    struct gw_buf buf;
    size_t scanned; /* of the buffer: no line ends there */
    uint64_t number;
};

static int publish_line(struct publisher *publisher, struct lines *lines, struct gw_str line)
{
    lines->number++;
    (void)snprintf(publisher->what, sizeof(publisher->what), "line %" PRIu64, lines->number);
    return publish(publisher, line); /* 20 digits at most: it fits */
}

/* Publishes every whole line of the buffer, then drops them together. */
static int publish_whole_lines(struct publisher *publisher, struct lines *lines)
{
    struct gw_str all = gw_buf_str(&lines->buf);
    size_t start = 0;
    const char *end;

    while (lines->scanned < all.len &&
           (end = memchr(all.data + lines->scanned, '\n', all.len - lines->scanned))) {
        size_t end_at = (size_t)(end - all.data);
        int status =
            publish_line(publisher, lines, (struct gw_str){all.data + start, end_at - start});

        if (status)
            return status;
        start = lines->scanned = end_at + 1;
    }
    gw_buf_drop(&lines->buf, start);
    lines->scanned = all.len - start;
    return 0;
}

/* Returns the count of bytes read, 0 at the end, or -errno. */
static ssize_t read_piece(struct lines *lines)
{
    uint8_t *room = gw_buf_reserve(&lines->buf, READ_PIECE);
    ssize_t got;

    if (!room)
        return gw_buf_fits(&lines->buf, READ_PIECE) ? -ENOMEM : -EMSGSIZE;
    do
        got = read(STDIN_FILENO, room, READ_PIECE);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    gw_buf_added(&lines->buf, (size_t)got);
    return got;
}

static int publish_lines(struct publisher *publisher, struct lines *lines)
{
    for (;;) {
        ssize_t got = read_piece(lines);
        int status;

        if (got == -EMSGSIZE)
            return gw_say_failed("line %" PRIu64 " is too long: expected at most 16MiB",
                                 lines->number + 1);
        if (got < 0)
            return gw_say_failed("cannot read stdin: %s", strerror((int)-got));
        if (got == 0)
            break;
        status = publish_whole_lines(publisher, lines);
        if (status)
            return status;
    }
    if (lines->buf.len == 0)
        return GW_EXIT_GOOD;
    return publish_line(publisher, lines, gw_buf_str(&lines->buf)); /* without a line end */
}

static int publish_stdin(struct publisher *publisher)
{
    struct lines lines = {0};
    int status;

    gw_buf_init(&lines.buf, &gw_alloc_std, GW_PUB_LINE_MAX + READ_PIECE);
    status = publish_lines(publisher, &lines);
    gw_buf_fini(&lines.buf);
    return status;
}

static int publish_all(const struct gw_pub_target *target, const char *message)
{
    struct publisher publisher = {.target = *target, .what = "the message"};
    int status;

    gw_buf_init(&publisher.answer.body, &gw_alloc_std, GW_CLIENT_BODY_MAX);
    if (message)
        status = publish(&publisher, GW_STR(message));
    else
        status = publish_stdin(&publisher);
    if (publisher.connected)
        gw_client_close(&publisher.client);
    gw_buf_fini(&publisher.answer.body);
    return status;
}

int gw_cmd_pub(char *const *argv)
{
    const char *url_text = getenv("GODWIT_URL"), *key = getenv("GODWIT_KEY");
    const struct gw_arg_flag flags[] = {{"url", &url_text}, {"key", &key}, {NULL, NULL}};
    struct gw_args args = {.flags = flags};
    struct gw_complaint complaint;
    struct gw_url url;
    int status = gw_args_read(&args, "pub", argv);

    if (status)
        return status;
    if (args.word_count < 1 || args.word_count > 2)
        return gw_say_usage("expected: godwit pub CHANNEL [MESSAGE], with \"...\" around a message "
                            "of several words; see godwit help pub");
    if (gw_url_parse(&url, url_text && *url_text ? url_text : GW_URL_DEFAULT, &complaint) < 0)
        return gw_say_usage("%s", complaint.text);
    if (key && !gw_client_is_credential(key))
        return gw_say_usage("the key is none: expected printable characters without blanks");
    if (!gw_channel_name_ok(GW_STR(args.words[0])))
        return gw_say_usage("\"%.64s\" is no channel: expected 1 to 255 bytes of UTF-8 without "
                            "control characters, \"/\" and \",\"",
                            args.words[0]);
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write(), not the end */
    return publish_all(&(struct gw_pub_target){&url, key && *key ? key : NULL, args.words[0]},
                       args.word_count == 2 ? args.words[1] : NULL);
}
