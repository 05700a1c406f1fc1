/* pub_test.c - a message is posted, and whatever is answered is understood or told. */
#include "cmd/pub.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <godwit/status.h>

#include "cmd/say.h"
#include "cmd/url.h"
#include "core/alloc.h"
#include "lib/suite.h"
#include "talk.h"

#define ANSWER "{\"channel\":\"lobby\",\"offset\":1}"

static struct talk talk;
static struct gw_client_answer answer;
static const struct gw_url url = {
    .host = "127.0.0.1", .port = "9880", .authority = "127.0.0.1:9880"};

static void begin(void)
{
    talk_begin(&talk);
    memset(&answer, 0, sizeof(answer));
    gw_buf_init(&answer.body, &gw_alloc_std, 1000);
}

static void end(void)
{
    gw_buf_fini(&answer.body);
    talk_end(&talk);
}

static int post(const char *key, const char *channel, struct gw_str message)
{
    const struct gw_pub_target target = {&url, key, channel};

    return gw_pub_post(&talk.client, &target, message, &answer);
}

static const struct {
    const char *key, *channel;
    struct gw_str message;
    const char *request;
} requests[] = {
    {NULL,
     "lobby",
     {"hi", 2},
     "POST /channels/lobby HTTP/1.1\r\n"
     "Host: 127.0.0.1:9880\r\n"
     "Content-Type: text/plain; charset=utf-8\r\n"
     "Content-Length: 2\r\n"
     "User-Agent: godwit/" GW_VERSION "\r\n"
     "\r\n"
     "hi"},
    {"sesame-sesame-16",
     "a b",
     {"", 0},
     "POST /channels/a%20b HTTP/1.1\r\n"
     "Host: 127.0.0.1:9880\r\n"
     "Content-Type: text/plain; charset=utf-8\r\n"
     "Content-Length: 0\r\n"
     "User-Agent: godwit/" GW_VERSION "\r\n"
     "Authorization: Bearer sesame-sesame-16\r\n"
     "\r\n"},
    {NULL,
     "x",
     {"\xff", 1},
     "POST /channels/x HTTP/1.1\r\n"
     "Host: 127.0.0.1:9880\r\n"
     "Content-Type: application/octet-stream\r\n"
     "Content-Length: 1\r\n"
     "User-Agent: godwit/" GW_VERSION "\r\n"
     "\r\n"
     "\xff"},
};

START_TEST(a_message_is_one_post)
{
    char heard[1000];
    size_t len;

    begin();
    talk_say(&talk, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38, 38);
    ck_assert_int_eq(post(requests[_i].key, requests[_i].channel, requests[_i].message), 0);
    len = talk_hear(&talk, heard, sizeof(heard) - 1);
    heard[len] = '\0';
    ck_assert_str_eq(heard, requests[_i].request);
    end();
}
END_TEST

START_TEST(the_longest_channel_and_key_fit)
{
    char channel[256], key[4097], heard[8192];
    size_t len;

    memset(channel, ' ', 255);
    memset(key, 'k', 255);
    channel[255] = key[255] = '\0';
    begin();
    talk_say(&talk, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38, 38);
    ck_assert_int_eq(post(key, channel, GW_STR("hi")), 0);
    len = talk_hear(&talk, heard, sizeof(heard));
    ck_assert_uint_gt(len, 3 * 255 + 255);
    end();
    memset(key, 'k', 4096);
    key[4096] = '\0';
    begin();
    ck_assert_int_eq(post(key, channel, GW_STR("hi")), -EMSGSIZE);
    ck_assert_uint_eq(talk_hear(&talk, heard, sizeof(heard)), 0); /* nothing was sent */
    end();
}
END_TEST

static const struct {
    const char *wire;
    bool hangs_up;
    int expect, status;
    bool keep_alive;
    const char *body;
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n" ANSWER, false, 0, 200, true, ANSWER},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 30\r\n\r\n" ANSWER, false, 0, 200,
     false, ANSWER},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", false, 0,
     200, true, "{}"},
    {"HTTP/1.1 200 OK\r\n\r\n{}", true, 0, 200, false, "{}"}, /* until it closes */
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
     false, 0, 200, true, "{}"},
    {"HTTP/1.1 204 No Content\r\n\r\n", false, 0, 204, true, ""},
    {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", false, 0, 401, true, ""},
    {"", true, GW_ERR_CLOSED, 0, false, ""},
    {"HTTP/1.1 200 OK\r\nContent-Le", true, GW_ERR_CLOSED, 0, false, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{}", true, GW_ERR_CLOSED, 200, true, "{}"},
    {"SSH-2.0-OpenSSH_9.2\r\n\r\n", false, GW_ERR_PROTOCOL, 0, false, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", false, GW_ERR_PROTOCOL,
     0, false, ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx", false, GW_ERR_PROTOCOL, 200, true,
     ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", true, GW_ERR_CLOSED, 200, true, ""},
};

START_TEST(an_answer_is_read_in_any_pieces)
{
    static const size_t pieces[] = {1, 2, 7, 1000};

    for (size_t i = 0; i < 4; i++) {
        begin();
        if (answers[_i].wire[0])
            talk_say(&talk, answers[_i].wire, strlen(answers[_i].wire), pieces[i]);
        if (answers[_i].hangs_up)
            talk_hang_up(&talk);
        ck_assert_int_eq(post(NULL, "lobby", GW_STR("hi")), answers[_i].expect);
        ck_assert_int_eq(answer.status, answers[_i].status);
        if (answers[_i].expect == 0) {
            ck_assert_int_eq(answer.keep_alive, answers[_i].keep_alive);
            ck_assert(gw_str_eq(gw_buf_str(&answer.body), GW_STR(answers[_i].body)));
        }
        end();
    }
}
END_TEST

START_TEST(an_answer_longer_than_its_room_is_refused)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n";
    char body[1001];

    memset(body, 'x', sizeof(body));
    begin();
    talk_say(&talk, head, strlen(head), 100);
    talk_say(&talk, body, sizeof(body), 500);
    ck_assert_int_eq(post(NULL, "lobby", GW_STR("hi")), GW_ERR_TOO_BIG);
    end();
}
END_TEST

START_TEST(a_head_without_an_end_is_refused)
{
    static char head[GW_CLIENT_INPUT_MAX] = "HTTP/1.1 200 OK\r\nA: ";

    memset(head + 20, 'x', sizeof(head) - 20);
    begin();
    talk_say(&talk, head, sizeof(head), 16384);
    ck_assert_int_eq(post(NULL, "lobby", GW_STR("hi")), GW_ERR_PROTOCOL);
    end();
}
END_TEST

START_TEST(two_messages_share_a_connection)
{
    static const char both[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";

    begin();
    for (int i = 0; i < 2; i++) {
        talk_say(&talk, both, strlen(both), 100);
        ck_assert_int_eq(post(NULL, "lobby", GW_STR("hi")), 0);
        ck_assert(gw_str_eq(gw_buf_str(&answer.body), GW_STR("1")));
        ck_assert(!gw_client_is_stale(&talk.client));
    }
    talk_hang_up(&talk);
    ck_assert(gw_client_is_stale(&talk.client)); /* seen before a third is sent into the void */
    end();
}
END_TEST

static const struct {
    int status;
    const char *reason, *body, *line;
} refusals[] = {
    {401, "Unauthorized", "{\"status\":401,\"detail\":\"publishing wants a key\"}",
     "godwit: line 3 was refused: 401 Unauthorized: publishing wants a key; give a key that may do "
     "this "
     "with --key or GODWIT_KEY (sub: --token)\n"},
    {413, "Content Too Large", "",
     "godwit: line 3 was refused: 413 Content Too Large; the server's "
     "max_body is the limit\n"},
    {500, "Oops", "<html>", "godwit: line 3 was refused: 500 Oops\n"},
    {400, "Bad Request", "{\"detail\":\"a \\\"quoted\\\" word\"}",
     "godwit: line 3 was refused: 400 Bad Request: a \\\"quoted\\\" word\n"},
    {400, "Bad Request", "{\"detail\":\"without end",
     "godwit: line 3 was refused: 400 Bad Request\n"},
    {400, "Bad Request", "{\"detail\":\"\\", "godwit: line 3 was refused: 400 Bad Request\n"},
    {400, "Bad\x1b[2J", "{\"detail\":\"\n\"}",
     "godwit: line 3 was refused: 400 Bad\\x1b[2J: \\x0a\n"},
};

START_TEST(a_refusal_says_why_and_what_to_do)
{
    begin();
    answer.status = refusals[_i].status;
    (void)snprintf(answer.reason, sizeof(answer.reason), "%s", refusals[_i].reason);
    ck_assert_int_eq(gw_buf_text(&answer.body, GW_STR(refusals[_i].body)), 0);
    ck_assert_int_eq(gw_client_refused("line 3", &answer), GW_EXIT_FAILED);
    ck_assert_str_eq(talk_said(&talk), refusals[_i].line);
    end();
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_message_is_one_post, 0, SUITE_ROWS(requests));
    tcase_add_test(tests, the_longest_channel_and_key_fit);
    tcase_add_loop_test(tests, an_answer_is_read_in_any_pieces, 0, SUITE_ROWS(answers));
    tcase_add_test(tests, an_answer_longer_than_its_room_is_refused);
    tcase_add_test(tests, a_head_without_an_end_is_refused);
    tcase_add_test(tests, two_messages_share_a_connection);
    tcase_add_loop_test(tests, a_refusal_says_why_and_what_to_do, 0, SUITE_ROWS(refusals));
}

int main(void)
{
    return suite_main("cmd/pub", fill);
}
