/* session_lib.h - what tests of sessions have in common: to come, to go, and what was heard.
 *
 * A message is one letter as a rule, so that what somebody heard is one word. Clients answer no
 * ping of themselves: a test says when, and with what. Whether a watermark has moved is seen from
 * outside only, by going and coming back.
 *
 * For test programs of one duo: these are the including file's own.
 *
 * Threads: one. */
#ifndef TESTS_SIM_SESSION_LIB_H
#define TESTS_SIM_SESSION_LIB_H

#include "sim/json_lib.h"

#define NAME        "a-name-of-16-letters"
#define NO_ATTEMPT  (-1)
#define NONCE_BYTES 8
#define ACK_NS      (200 * DUO_MS) /* between two pings */

#define KEY         "0123456789abcdef0123456789abcdef"
#define WITH_KEY    "Authorization: Bearer " KEY "\r\n"

/* What a client has heard since it was last asked. */
struct heard {
    char text[TEXT_MAX]; /* all messages, one behind the other */
    size_t len;
    unsigned messages, pings;
    unsigned closed; /* with this code; 0: not */
    char reason[128];
};

static struct heard heard;

/* The last ping that each client got and has not answered. */
static struct {
    bool there;
    char nonce[NONCE_BYTES];
} ping_of[DUO_CLIENTS_MAX];

static inline void hear_close(struct gw_str payload)
{
    const uint8_t *code = (const uint8_t *)payload.data;

    ck_assert_uint_ge(payload.len, 2);
    heard.closed = (unsigned)(code[0] << 8 | code[1]);
    snprintf(heard.reason, sizeof(heard.reason), "%.*s", (int)payload.len - 2, payload.data + 2);
}

static inline void listen_to(unsigned client)
{
    struct duo_frame frame;

    memset(&heard, 0, sizeof(heard));
    while (duo_frame_next(&duo, client, &frame)) {
        ck_assert_uint_eq(heard.closed, 0);
        if (frame.first == DUO_PING) {
            ck_assert_uint_eq(frame.payload.len, NONCE_BYTES);
            memcpy(ping_of[client].nonce, frame.payload.data, NONCE_BYTES);
            ping_of[client].there = true;
            heard.pings++;
        } else if (frame.first == DUO_CLOSE)
            hear_close(frame.payload);
        else if (frame.first == (DUO_FIN | DUO_TEXT)) {
            ck_assert_uint_lt(heard.len + frame.payload.len, sizeof(heard.text));
            memcpy(heard.text + heard.len, frame.payload.data, frame.payload.len);
            heard.len += frame.payload.len;
            heard.messages++;
        }
    }
}

/* Has it heard just these messages since it was last asked, and is it still there? */
static inline void ck_heard(unsigned client, const char *text)
{
    duo_run(&duo, 50 * DUO_MS);
    listen_to(client);
    ck_assert_str_eq(heard.text, text);
    ck_assert_uint_eq(heard.closed, 0);
    ck_assert(duo_there(&duo, client));
}

/* Just these, and then the close frame. */
static inline void ck_told(unsigned client, const char *text, unsigned code, const char *reason)
{
    duo_run(&duo, 50 * DUO_MS);
    listen_to(client);
    ck_assert_str_eq(heard.text, text);
    ck_assert_uint_eq(heard.closed, code);
    if (reason)
        ck_assert_str_eq(heard.reason, reason);
}

static inline void write_target(char target[512], const char *channels, int attempt,
                                const char *more)
{
    char number[32] = "";

    if (attempt != NO_ATTEMPT)
        snprintf(number, sizeof(number), "&attempt=%d", attempt);
    snprintf(target, 512, "/channels/%s?session=%s%s%s", channels, NAME, number, more);
}

/* Says its handshake on a connection that is there, or on one that it makes. */
static inline void ask_for(unsigned client, const char *channels, int attempt, const char *more,
                           const char *lines)
{
    char target[512];

    if (duo.clients[client].fd < 0)
        duo_connect(&duo, client);
    ping_of[client].there = false;
    write_target(target, channels, attempt, more);
    duo_shake_with(&duo, client, target, lines);
}

static inline void come_with(unsigned client, const char *channels, int attempt, const char *more,
                             const char *lines)
{
    duo_hang_up(&duo, client);
    ask_for(client, channels, attempt, more, lines);
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, client, NULL), 101);
}

/* To channel `c`. */
static inline void come(unsigned client, int attempt)
{
    come_with(client, "c", attempt, "", "");
}

static inline void go(unsigned client)
{
    duo_hang_up(&duo, client);
    duo_run(&duo, 10 * DUO_MS);
}

/* Half-open: the server is told nothing. */
static inline void vanish(unsigned client)
{
    sim_net_vanish(duo.net, duo.clients[client].fd);
    duo.clients[client].fd = -1;
}

/* Each letter is a message. */
static inline void publish(const char *channel, const char *letters)
{
    for (; *letters; letters++)
        ck_assert_int_eq(post_one(POSTER, channel, (char[]){*letters, '\0'}), 200);
}

static inline void say(const char *letters)
{
    publish("c", letters);
}

static inline void pong_with(unsigned client, const void *data, size_t len)
{
    duo_frame_say(&duo, client, DUO_PONG, data, len);
    duo_run(&duo, 10 * DUO_MS);
}

static inline void pong(unsigned client)
{
    ck_assert(ping_of[client].there);
    ping_of[client].there = false;
    pong_with(client, ping_of[client].nonce, NONCE_BYTES);
}

/* Its channel starts over. The key is among those of `--api-keys`. */
static inline void delete_channel(const char *channel)
{
    char text[128];

    duo_hang_up(&duo, 21);
    duo_connect(&duo, 21);
    snprintf(text, sizeof(text),
             "DELETE /channels/%s HTTP/1.1\r\nHost: localhost\r\n" WITH_KEY "\r\n", channel);
    duo_say_text(&duo, 21, text);
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 21, NULL), 200);
    duo_hang_up(&duo, 21);
}

/* Waits for the next ping, if none is there, and stays silent. */
static inline void await_ping(unsigned client)
{
    if (ping_of[client].there)
        return;
    duo_run(&duo, ACK_NS + 50 * DUO_MS);
    listen_to(client);
    ck_assert_uint_eq(heard.pings, 1);
}

/* Answers pings until nothing is left to be acknowledged. */
static inline void acknowledge(unsigned client)
{
    for (bool more = true; more; more = ping_of[client].there) {
        if (ping_of[client].there)
            pong(client);
        duo_run(&duo, ACK_NS + 50 * DUO_MS);
        listen_to(client);
    }
}

/* Answers a close frame as browsers do. */
static inline void answer_close(unsigned client)
{
    uint8_t code[2] = {(uint8_t)(heard.closed >> 8), (uint8_t)heard.closed};

    ck_assert_uint_ne(heard.closed, 0);
    duo_frame_say(&duo, client, DUO_CLOSE, code, 2);
    duo_run(&duo, 10 * DUO_MS);
}

#endif
