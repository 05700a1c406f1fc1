/* sub_test.c - messages come out as lines, pings are answered, and every end has its exit status.
 */
#include "cmd/sub.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <godwit/ws.h>

#include "cmd/say.h"
#include "cmd/url.h"
#include "lib/suite.h"
#include "talk.h"

static struct talk talk;
static struct gw_ws *ws;    /* the client's */
static int out[2], stop[2]; /* pipes: read from the first, write to the second */

static void begin(void)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;

    (void)signal(SIGPIPE, SIG_IGN); /* as the verb does */
    options.role = GW_WS_CLIENT;
    talk_begin(&talk);
    ck_assert_int_eq(gw_ws_new(&ws, &options), 0);
    ck_assert_int_eq(pipe2(out, O_NONBLOCK), 0);
    ck_assert_int_eq(pipe2(stop, O_NONBLOCK), 0);
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        ck_assert_int_eq(close(fd), 0);
}

static void end(void)
{
    for (int i = 0; i < 2; i++) {
        close_if_open(out[i]);
        close_if_open(stop[i]);
    }
    gw_ws_free(ws);
    talk_end(&talk);
}

/* The server sends a frame, in pieces. */
static void say(enum gw_ws_opcode opcode, const void *data, size_t len, size_t piece)
{
    uint8_t frame[512];
    size_t frame_len = gw_ws_frame_len(len, 0);

    ck_assert_uint_le(frame_len, sizeof(frame));
    ck_assert_uint_eq(gw_ws_frame(frame, opcode, data, len, NULL), frame_len);
    talk_say(&talk, frame, frame_len, piece);
}

static void say_close(uint16_t code, const char *reason, size_t piece)
{
    uint8_t payload[GW_WS_CONTROL_MAX];

    say(GW_WS_OP_CLOSE, payload, gw_ws_close_payload(payload, code, reason, strlen(reason)), piece);
}

static int run(void)
{
    return gw_sub_run(&talk.client, ws, out[1], stop[0]);
}

static const char *printed(void)
{
    static char text[1000];
    ssize_t len = read(out[0], text, sizeof(text) - 1);

    text[len > 0 ? len : 0] = '\0';
    return text;
}

/* Reads what the client has sent, as a server does. */
struct heard {
    char pongs[100];
    int close_code; /* 0: none was sent */
};

static struct heard hear(void)
{
    struct gw_ws_options options =
        GW_WS_OPTIONS_INIT; /* a server's end refuses what is not masked */
    struct heard heard = {.close_code = 0};
    struct gw_ws_event event;
    struct gw_ws_bytes input;
    struct gw_ws *server;
    uint8_t bytes[1000];
    int got;

    ck_assert_int_eq(gw_ws_new(&server, &options), 0);
    input = (struct gw_ws_bytes){bytes, talk_hear(&talk, bytes, sizeof(bytes))};
    while ((got = gw_ws_read(server, &input, &event)) > 0) {
        if (event.kind == GW_WS_PONG)
            (void)snprintf(heard.pongs + strlen(heard.pongs), 50, "<%.*s>", (int)event.len,
                           (const char *)event.data);
        if (event.kind == GW_WS_CLOSE) {
            heard.close_code = event.close_code;
            break;
        }
    }
    ck_assert_int_ge(got, 0);
    gw_ws_free(server);
    return heard;
}

START_TEST(messages_are_lines_and_pings_are_answered_in_any_pieces)
{
    static const size_t pieces[] = {1, 2, 3, 512};

    for (size_t i = 0; i < 4; i++) {
        struct heard heard;

        begin();
        say(GW_WS_OP_TEXT, "hello", 5, pieces[i]);
        say(GW_WS_OP_PING, "one", 3, pieces[i]);
        say(GW_WS_OP_BINARY, "\x01\xff", 2, pieces[i]);
        say(GW_WS_OP_TEXT, "", 0, pieces[i]);
        say(GW_WS_OP_PONG, "unasked", 7, pieces[i]);
        say(GW_WS_OP_PING, "", 0, pieces[i]);
        say_close(1000, "bye", pieces[i]);
        ck_assert_int_eq(run(), GW_EXIT_GOOD);
        ck_assert_str_eq(printed(), "hello\n\x01\xff\n\n");
        ck_assert_str_eq(talk_said(&talk), "godwit: closed by the server: 1000 bye\n");
        heard = hear();
        ck_assert_str_eq(heard.pongs, "<one><>");
        ck_assert_int_eq(heard.close_code, 1000);
        end();
    }
}
END_TEST

static const struct {
    uint16_t code;
    int status;
    const char *reason, *line;
} closes[] = {
    {1000, GW_EXIT_GOOD, "", "godwit: closed by the server: 1000\n"},
    {1001, GW_EXIT_GOOD, "going away", "godwit: closed by the server: 1001 going away\n"},
    {1005, GW_EXIT_FAILED, "", "godwit: closed by the server: 1005\n"}, /* without a code */
    {1012, GW_EXIT_FAILED, "{\"retry_ms\":7}",
     "godwit: closed by the server: 1012 {\"retry_ms\":7}; the server restarts: try again\n"},
    {4401, GW_EXIT_FAILED, "",
     "godwit: closed by the server: 4401; give a credential with --token or GODWIT_TOKEN\n"},
    {4410, GW_EXIT_FAILED, "expired",
     "godwit: closed by the server: 4410 expired; messages may be missing: start again with "
     "--since=all or --since=new\n"},
    {4999, GW_EXIT_FAILED, "\x1b[2J", "godwit: closed by the server: 4999 \\x1b[2J\n"},
};

START_TEST(a_close_is_answered_told_and_judged)
{
    begin();
    say_close(closes[_i].code, closes[_i].reason, 512);
    ck_assert_int_eq(run(), closes[_i].status);
    ck_assert_str_eq(talk_said(&talk), closes[_i].line);
    ck_assert_int_eq(hear().close_code, closes[_i].code); /* the same back, or none */
    end();
}
END_TEST

START_TEST(a_connection_that_ends_without_a_word_is_a_failure)
{
    begin();
    say(GW_WS_OP_TEXT, "last", 4, 512);
    talk_hang_up(&talk);
    ck_assert_int_eq(run(), GW_EXIT_FAILED);
    ck_assert_str_eq(printed(), "last\n");
    ck_assert_str_eq(talk_said(&talk),
                     "godwit: the connection is lost: the server closed the connection\n");
    end();
}
END_TEST

static const struct {
    const char *wire;
    size_t len;
    int close_code;
} wrongs[] = {
    {"\x81\x80\x00\x00\x00\x00", 6, 1002}, /* masked, RFC 6455 section 5.1 */
    {"\x91\x00", 2, 1002},                 /* RSV3 */
    {"\x83\x00", 2, 1002},                 /* a reserved opcode */
    {"\x81\x01\xff", 3, 1007},             /* not UTF-8 */
};

START_TEST(a_server_that_breaks_the_protocol_is_told_which_way)
{
    begin();
    say(GW_WS_OP_TEXT, "before", 6, 512);
    talk_say(&talk, wrongs[_i].wire, wrongs[_i].len, 1);
    ck_assert_int_eq(run(), GW_EXIT_FAILED);
    ck_assert_str_eq(printed(), "before\n");
    ck_assert_ptr_nonnull(strstr(talk_said(&talk), "the server breaks the protocol"));
    ck_assert_int_eq(hear().close_code, wrongs[_i].close_code);
    end();
}
END_TEST

START_TEST(who_is_told_to_stop_closes_with_1000_and_prints_what_still_comes)
{
    char siginfo[128] = {0};

    begin();
    ck_assert_int_eq(write(stop[1], siginfo, sizeof(siginfo)), sizeof(siginfo));
    say(GW_WS_OP_TEXT, "late", 4, 512);
    say(GW_WS_OP_PING, "no more", 7, 512);
    say_close(1000, "", 512);
    ck_assert_int_eq(run(), GW_EXIT_GOOD);
    ck_assert_str_eq(printed(), "late\n");
    ck_assert_str_eq(talk_said(&talk), "");
    ck_assert_int_eq(hear().close_code, 1000);
    end();
}
END_TEST

START_TEST(who_is_told_twice_goes_at_once)
{
    char siginfo[256] = {0}; /* two of them */

    begin();
    ck_assert_int_eq(write(stop[1], siginfo, sizeof(siginfo)), sizeof(siginfo));
    ck_assert_int_eq(run(), GW_EXIT_GOOD); /* although the server never answers */
    ck_assert_int_eq(hear().close_code, 1000);
    end();
}
END_TEST

START_TEST(a_reader_that_goes_ends_it_quietly_even_if_no_message_comes)
{
    begin();
    close_if_open(out[0]);
    out[0] = -1;
    ck_assert_int_eq(run(), GW_EXIT_GOOD);
    ck_assert_str_eq(talk_said(&talk), "");
    ck_assert_int_eq(hear().close_code, 1000);
    end();
}
END_TEST

START_TEST(a_reader_that_goes_while_there_is_something_to_write_ends_it_quietly)
{
    begin();
    say(GW_WS_OP_TEXT, "unheard", 7, 512);
    close_if_open(out[0]);
    out[0] = -1;
    ck_assert_int_eq(run(), GW_EXIT_GOOD);
    ck_assert_str_eq(talk_said(&talk), "");
    end();
}
END_TEST

START_TEST(being_told_to_stop_reaches_it_although_nobody_takes_its_output)
{
    char siginfo[256] = {0}; /* once to leave, once to go at once */
    char full[4096] = {0};

    begin();
    while (write(out[1], full, sizeof(full)) > 0)
        continue; /* until the pipe takes no more */
    say(GW_WS_OP_TEXT, "stuck", 5, 512);
    ck_assert_int_eq(write(stop[1], siginfo, sizeof(siginfo)), sizeof(siginfo));
    ck_assert_int_eq(run(), GW_EXIT_GOOD);
    ck_assert_int_eq(hear().close_code, 1000);
    end();
}
END_TEST

/* --- The opening handshake --- */

static const struct gw_url url = {
    .host = "127.0.0.1", .port = "9880", .authority = "127.0.0.1:9880"};

static const struct {
    const char *wire, *line;
} refusals[] = {
    {"HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\nContent-Length: 27\r\n"
     "Connection: close\r\n\r\n{\"detail\":\"a wrong Origin\"}",
     "godwit: the subscription was refused: 403 Forbidden: a wrong Origin; give a key that may do "
     "this with --key or GODWIT_KEY (sub: --token)\n"},
    {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 500\r\n\r\n",
     "godwit: the subscription was refused: 503 Service Unavailable; try again later\n"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     "godwit: the subscription was refused: 200 OK\n"},
    /* The accept value of section 1.3 of the RFC, which belongs to another key. */
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
     "godwit: the answer is not a WebSocket handshake; is this a Godwit server?\n"},
    {"SSH-2.0-OpenSSH_9.2\r\n\r\n",
     "godwit: the subscription failed: what answers there does not speak HTTP as it should\n"},
    {"", "godwit: the subscription failed: the server closed the connection\n"},
};

START_TEST(a_refused_handshake_says_why)
{
    static const char *const channel = "a b";
    const struct gw_sub_source source = {&url, "token", "last:5", false, &channel, 1};
    char heard[2000];

    begin();
    if (refusals[_i].wire[0])
        talk_say(&talk, refusals[_i].wire, strlen(refusals[_i].wire), 1);
    talk_hang_up(&talk);
    ck_assert_int_eq(gw_sub_begin(&talk.client, &source), GW_EXIT_FAILED);
    ck_assert_str_eq(talk_said(&talk), refusals[_i].line);
    heard[talk_hear(&talk, heard, sizeof(heard) - 1)] = '\0';
    ck_assert_ptr_nonnull(strstr(heard, "GET /channels/a%20b?since=last:5 HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(heard, "\r\nHost: 127.0.0.1:9880\r\n"));
    ck_assert_ptr_nonnull(strstr(heard, "\r\nAuthorization: Bearer token\r\n"));
    end();
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, messages_are_lines_and_pings_are_answered_in_any_pieces);
    tcase_add_loop_test(tests, a_close_is_answered_told_and_judged, 0, SUITE_ROWS(closes));
    tcase_add_test(tests, a_connection_that_ends_without_a_word_is_a_failure);
    tcase_add_loop_test(tests, a_server_that_breaks_the_protocol_is_told_which_way, 0,
                        SUITE_ROWS(wrongs));
    tcase_add_test(tests, who_is_told_to_stop_closes_with_1000_and_prints_what_still_comes);
    tcase_add_test(tests, who_is_told_twice_goes_at_once);
    tcase_add_test(tests, a_reader_that_goes_ends_it_quietly_even_if_no_message_comes);
    tcase_add_test(tests, a_reader_that_goes_while_there_is_something_to_write_ends_it_quietly);
    tcase_add_test(tests, being_told_to_stop_reaches_it_although_nobody_takes_its_output);
    tcase_add_loop_test(tests, a_refused_handshake_says_why, 0, SUITE_ROWS(refusals));
}

int main(void)
{
    return suite_main("cmd/sub", fill);
}
