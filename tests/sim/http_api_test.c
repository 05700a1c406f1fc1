/* http_api_test.c - deleting, reading a history and publishing many at a time over HTTP: what is
 * answered, in which order, and what becomes of it when the hub has no room, memory runs out or the
 * connection is cut.
 *
 * With two workers a channel's home is one of them: whatever is asked is asked of both. */
#include "lib/suite.h"
#include "sim/json_lib.h"

#define API_KEY "0123456789abcdef0123456789abcdef"
#define BEARER  "Authorization: Bearer " API_KEY "\r\n"
#define WITHKEY FLAGS("--api-keys=" API_KEY)
#define NDJSON  "Content-Type: application/x-ndjson\r\n"
#define ASKER   30 /* and 31: one at each worker */

static char large[256 * 1024]; /* a body */

/* --- Asking --- */

static void say(unsigned client, const char *method, const char *target, const char *lines,
                struct gw_str body)
{
    char head[1024];

    snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: localhost\r\n%s", method, target, lines);
    duo_say_text(&duo, client, head);
    if (body.data) {
        snprintf(head, sizeof(head), "Content-Length: %zu\r\n", body.len);
        duo_say_text(&duo, client, head);
    }
    duo_say_text(&duo, client, "\r\n");
    if (body.data)
        duo_say(&duo, client, body.data, body.len);
}

/* The body of the answer is in `got`. */
static int heard(unsigned client, uint64_t most_ns)
{
    struct gw_str body = {NULL, 0};
    uint64_t from = duo_now(&duo);
    int status;

    while ((status = duo_answer(&duo, client, &body)) == 0 && duo_now(&duo) - from < most_ns)
        duo_run(&duo, DUO_MS);
    ck_assert_uint_lt(body.len, sizeof(got));
    if (body.len > 0)
        memcpy(got, body.data, body.len);
    got[body.len] = '\0';
    return status;
}

static int ask(unsigned client, const char *method, const char *target, const char *lines,
               const char *body)
{
    if (!duo_there(&duo, client))
        duo_connect(&duo, client);
    say(client, method, target, lines, body ? GW_STR(body) : (struct gw_str){NULL, 0});
    return heard(client, 10 * DUO_S);
}

/* Two workers, a client at each. */
static void begin_both(const char *const *flags)
{
    begin_two(1, flags);
    for (unsigned worker = 0; worker < 2; worker++)
        duo_connect_to(&duo, ASKER + worker, worker);
}

static int read_history(unsigned client, const char *channel, const char *query)
{
    char target[512];

    snprintf(target, sizeof(target), "/channels/%s/history%s", channel, query);
    return ask(client, "GET", target, "", NULL);
}

static int publish_lines(unsigned client, const char *lines)
{
    return ask(client, "POST", "/channels", NDJSON, lines);
}

/* --- Deleting --- */

START_TEST(delete_drops_the_history_and_starts_over)
{
    char old[WORD], start[WORD], next[WORD], query[64];

    begin_both(WITHKEY);
    post("c", "one", old);
    duo_open(&duo, 0, "/channels/c?format=json");
    duo_open(&duo, 1, "/channels/c");
    next_text(0);
    ck_assert_int_eq(ask(ASKER + (unsigned)_i, "DELETE", "/channels/c", BEARER, NULL), 200);
    find_position(GW_STR(got), start);
    snprintf(expected, sizeof(expected),
             "{\"channel\":\"c\",\"position\":\"%s\",\"subscribers\":2}\n", start);
    ck_assert_str_eq(got, expected);
    snprintf(expected, sizeof(expected), "\r\nGodwit-Position: %s\r\n", start);
    ck_assert(duo_has(&duo, ASKER + (unsigned)_i, expected));
    duo_run(&duo, 50 * DUO_MS);
    ck_reset(0, "c", "epoch", start);
    snprintf(query, sizeof(query), "?since=%s", old);
    ck_assert_int_eq(read_history(ASKER, "c", query), 410);
    post("c", "new", next);
    ck_envelope(0, "c", 1, next, "new");
    ck_assert_uint_eq(duo_messages(&duo, 1), 1); /* it had had everything, and reads on */
    duo_end(&duo);
}
END_TEST

static const struct {
    const char *open, *lines;
    int status;
} keys[] = {
    {"auto", "", 401},
    {"auto", "Authorization: Bearer wrong-wrong-wrong-wrong\r\n", 401},
    {"auto", BEARER, 200},
    {"off", "", 401},
    {"off", BEARER, 200},
    {"off", BEARER "Origin: http://evil.example\r\n", 403},
    {"off", BEARER "Origin: http://localhost\r\n", 200},
};

START_TEST(delete_wants_an_api_key_also_in_open_mode)
{
    char option[16];

    snprintf(option, sizeof(option), "--open=%s", keys[_i].open);
    begin(FLAGS("--api-keys=" API_KEY, option));
    ck_assert_int_eq(ask(0, "POST", "/channels/c", BEARER, "one"), 200);
    ck_assert_int_eq(ask(0, "DELETE", "/channels/c", keys[_i].lines, NULL), keys[_i].status);
    ck_assert_uint_eq(kept("c"), keys[_i].status == 200 ? 0 : 1);
    duo_end(&duo);
}
END_TEST

/* --- What is allowed where --- */

static const struct {
    const char *method, *target;
    int status;
    const char *allow;
} methods[] = {
    {"OPTIONS", "/channels/c", 204, "GET, POST, DELETE, OPTIONS"},
    {"PUT", "/channels/c", 405, "GET, POST, DELETE, OPTIONS"},
    {"OPTIONS", "/channels/c/history", 204, "GET, HEAD, OPTIONS"},
    {"POST", "/channels/c/history", 405, "GET, HEAD, OPTIONS"},
    {"DELETE", "/channels/c/history", 405, "GET, HEAD, OPTIONS"},
    {"OPTIONS", "/channels", 204, "POST, OPTIONS"},
    {"GET", "/channels", 405, "POST, OPTIONS"},
    {"DELETE", "/channels", 405, "POST, OPTIONS"},
};

START_TEST(a_path_says_which_methods_it_takes)
{
    begin(NULL);
    ck_assert_int_eq(ask(0, methods[_i].method, methods[_i].target, "", NULL), methods[_i].status);
    snprintf(expected, sizeof(expected), "\r\nAllow: %s\r\n", methods[_i].allow);
    ck_assert(duo_has(&duo, 0, expected));
    duo_end(&duo);
}
END_TEST

START_TEST(a_page_may_ask_first_and_then_delete)
{
    begin(WITHKEY);
    ck_assert_int_eq(ask(0, "OPTIONS", "/channels/c",
                         "Origin: http://localhost:8000\r\n"
                         "Access-Control-Request-Method: DELETE\r\n",
                         NULL),
                     204);
    ck_assert(duo_has(&duo, 0, "\r\nAccess-Control-Allow-Methods: GET, POST, DELETE\r\n"));
    ck_assert_int_eq(
        ask(1, "DELETE", "/channels/c", BEARER "Origin: http://localhost:8000\r\n", NULL), 200);
    ck_assert(duo_has(&duo, 1, "\r\nAccess-Control-Allow-Origin: *\r\n"));
    duo_end(&duo);
}
END_TEST

static const struct {
    const char *method, *target;
} names[] = {{"DELETE", "/channels/a,b"},
             {"DELETE", "/channels/%ff"},
             {"GET", "/channels/a,b/history"},
             {"GET", "/channels/%00/history"}};

START_TEST(what_is_no_name_of_one_channel_is_a_400)
{
    begin(WITHKEY);
    ck_assert_int_eq(ask(0, names[_i].method, names[_i].target, BEARER, NULL), 400);
    duo_end(&duo);
}
END_TEST

/* --- Reading --- */

/* In `got`: a page of the messages `from`, and so on to `to`, of which the text is the offset. */
static void ck_page(const char *channel, char (*positions)[WORD], unsigned from, unsigned to,
                    const char *position)
{
    static char envelope[4096];
    char rest[64];
    const char *at = got;
    size_t len;

    snprintf(envelope, sizeof(envelope), "{\"position\":\"%s\",\"messages\":[", position);
    ck_assert_int_eq(strncmp(at, envelope, strlen(envelope)), 0);
    at += strlen(envelope);
    for (unsigned i = from; from > 0; i = to > from ? i + 1 : i - 1) {
        const char *end = strchr(at, '}');

        ck_assert_ptr_nonnull(end);
        len = (size_t)(end + 1 - at);
        memcpy(envelope, at, len);
        envelope[len] = '\0';
        snprintf(rest, sizeof(rest), "\"data\":\"%u\"", i);
        ck_envelope_text(envelope, channel, i, positions[i], rest);
        at += len;
        if (i == to)
            break;
        ck_assert_int_eq(*at++, ',');
    }
    ck_assert_str_eq(at, "]}\n");
}

/* Publications 1 to 5, whose text is their offset. */
static void post_five(const char *channel, char positions[6][WORD])
{
    char text[8];

    where(channel, positions[0]);
    for (unsigned i = 1; i <= 5; i++) {
        snprintf(text, sizeof(text), "%u", i);
        post(channel, text, positions[i]);
    }
}

/* `%s` is where a position goes, that of `behind`. */
static const struct {
    const char *query;
    unsigned behind, from, to, head;
} pages[] = {
    {"", 0, 1, 5, 5},
    {"?since=", 0, 1, 5, 5},
    {"?since=all", 0, 1, 5, 5},
    {"?since=new", 0, 0, 0, 5},
    {"?since=last:2", 0, 4, 5, 5},
    {"?since=last:9", 0, 1, 5, 5},
    {"?since=last:0", 0, 0, 0, 5},
    {"?since=%s", 0, 1, 5, 5},
    {"?since=%s", 3, 4, 5, 5},
    {"?since=%s", 5, 0, 0, 5},
    {"?limit=2", 0, 1, 2, 2},
    {"?limit=1000", 0, 1, 5, 5},
    {"?since=%s&limit=1", 3, 4, 4, 4},
    {"?since=%s&limit=3", 4, 5, 5, 5},
    {"?reverse=1", 0, 5, 1, 5},
    {"?reverse=0", 0, 1, 5, 5},
    {"?reverse=1&limit=2", 0, 5, 4, 5},
    {"?reverse=1&since=%s", 3, 5, 4, 5},
    {"?since=last:4&reverse=1&limit=3&colour=blue&colour=red", 0, 5, 3, 5},
};

START_TEST(a_history_is_read_in_pages)
{
    char positions[6][WORD], query[128];

    begin_both(NULL);
    post_five("a%20b", positions);
    for (unsigned worker = 0; worker < 2; worker++) {
        const char *position = positions[pages[_i].head];

        snprintf(query, sizeof(query), pages[_i].query, positions[pages[_i].behind]);
        ck_assert_int_eq(read_history(ASKER + worker, "a%20b", query), 200);
        ck_page("a b", positions, pages[_i].from, pages[_i].to, position);
        snprintf(expected, sizeof(expected), "\r\nGodwit-Position: %s\r\n", position);
        ck_assert(duo_has(&duo, ASKER + worker, expected));
    }
    duo_end(&duo);
}
END_TEST

static const struct {
    const char *query;
    int status;
} queries[] = {
    {"?limit=0", 400},
    {"?limit=1", 200},
    {"?limit=1000", 200},
    {"?limit=1001", 400},
    {"?limit=", 400},
    {"?limit=-1", 400},
    {"?limit=1x", 400},
    {"?limit=99999999999999999999", 400},
    {"?reverse=", 400},
    {"?reverse=2", 400},
    {"?reverse=true", 400},
    {"?limit=1&limit=1", 400},
    {"?reverse=1&reverse=1", 400},
    {"?since=all&since=all", 400},
    {"?unknown=1&unknown=2", 200},
    {"?since=garbage", 410},
    {"?since=%zz", 410},
};

START_TEST(what_is_asked_of_a_history_wrongly_is_refused)
{
    begin(NULL);
    ck_assert_int_eq(read_history(0, "c", queries[_i].query), queries[_i].status);
    duo_end(&duo);
}
END_TEST

static void change_epoch(struct gw_position *position)
{
    position->epoch++;
}

static void change_tag(struct gw_position *position)
{
    position->tag++;
}

static void go_ahead(struct gw_position *position)
{
    position->offset += 100;
}

static void change_nothing(struct gw_position *position)
{
    (void)position;
}

static const struct {
    const char *reason;
    void (*change)(struct gw_position *position);
    unsigned posted; /* behind the position */
} gone[] = {
    {"epoch", change_epoch, 0},
    {"forked", change_tag, 0},
    {"unknown", go_ahead, 0},
    {"expired", change_nothing, 5},
};

START_TEST(a_position_that_is_gone_is_a_410_with_reason_and_a_place_to_go_on_from)
{
    char word[WORD] = "", positions[8][WORD], query[64];
    unsigned last = 1 + gone[_i].posted;
    struct gw_position position;
    char text[16];

    begin_both(FLAGS("--history=2"));
    post("c", "first", positions[1]);
    ck_assert(gw_position_read(&position, GW_STR(positions[1])));
    gone[_i].change(&position);
    gw_position_write(word, &position);
    for (unsigned i = 2; i <= last; i++)
        post("c", "more", positions[i]);
    snprintf(query, sizeof(query), "?since=%s", word);
    snprintf(text, sizeof(text), "%u", last + 1);
    for (unsigned worker = 0; worker < 2; worker++) {
        ck_assert_int_eq(read_history(ASKER + worker, "c", query), 410);
        snprintf(expected, sizeof(expected),
                 "{\"type\":\"urn:godwit:problem:gone\",\"title\":\"Gone\",\"status\":410,"
                 "\"detail\":\"that position cannot be read on from\",\"reason\":\"%s\","
                 "\"position\":\"%s\"}",
                 gone[_i].reason, positions[last]);
        ck_assert_str_eq(got, expected);
        ck_assert(duo_has(&duo, ASKER + worker, "application/problem+json"));
    }
    post("c", text, positions[last + 1]);
    snprintf(query, sizeof(query), "?since=%s", positions[last]);
    ck_assert_int_eq(read_history(ASKER, "c", query), 200);
    ck_page("c", positions, last + 1, last + 1, positions[last + 1]);
    duo_end(&duo);
}
END_TEST

START_TEST(an_envelope_in_a_page_bears_what_was_published)
{
    static const struct {
        const char *lines, *payload;
        size_t len;
        const char *rest;
    } kinds[] = {
        {"", "a \"b\" \\ \n\x01 \xc3\xa9", 13, "\"data\":\"a \\\"b\\\" \\\\ \\n\\u0001 \xc3\xa9\""},
        {"Content-Type: application/json\r\n", "[1.50,\n 2]", 10, "\"data\":[1.50,  2]"},
        {"Content-Type: application/octet-stream\r\n", "\x00\xff\x10", 3, "\"base64\":\"AP8Q\""},
        {"Godwit-Event: tick\r\n", "x", 1, "\"event\":\"tick\",\"data\":\"x\""},
    };
    static char envelope[1024];
    char position[WORD];
    size_t front, len;

    begin_both(NULL);
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        post_bytes("a%20%22b%22", kinds[i].lines, kinds[i].payload, kinds[i].len, position);
        for (unsigned worker = 0; worker < 2; worker++) {
            ck_assert_int_eq(read_history(ASKER + worker, "a%20%22b%22", "?since=last:1"), 200);
            snprintf(envelope, sizeof(envelope), "{\"position\":\"%s\",\"messages\":[", position);
            front = strlen(envelope);
            ck_assert_mem_eq(got, envelope, front);
            len = strlen(got) - front - 3;
            memcpy(envelope, got + front, len);
            envelope[len] = '\0';
            ck_envelope_text(envelope, "a \\\"b\\\"", i + 1, position, kinds[i].rest);
            ck_assert_str_eq(got + front + len, "]}\n");
        }
    }
    duo_end(&duo);
}
END_TEST

START_TEST(head_says_the_length_of_a_history_and_no_more)
{
    char length[64];
    const char *at;

    begin(NULL);
    ck_assert_int_eq(ask(0, "POST", "/channels/c", "", "one"), 200);
    ck_assert_int_eq(read_history(0, "c", ""), 200);
    snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", strlen(got));
    duo_connect(&duo, 1);
    say(1, "HEAD", "/channels/c/history", "", (struct gw_str){NULL, 0});
    duo_run(&duo, 50 * DUO_MS);
    ck_assert(duo_has(&duo, 1, length));
    ck_assert_uint_gt(duo.clients[1].in.len, 4);
    at = (const char *)duo.clients[1].in.data + duo.clients[1].in.len - 4;
    ck_assert_mem_eq(at, "\r\n\r\n", 4);
    duo_end(&duo);
}
END_TEST

/* As a subscription does: whoever may listen may read. */
START_TEST(a_history_is_read_by_whoever_may_subscribe)
{
    begin(FLAGS("--open=off", "--api-keys=" API_KEY));
    ck_assert_int_eq(ask(0, "GET", "/channels/c/history", "", NULL), 200);
    ck_assert_int_eq(ask(0, "GET", "/channels/c/history", BEARER, NULL), 200);
    ck_assert_int_eq(ask(0, "GET", "/channels/c/history", "Authorization: Bearer no\r\n", NULL),
                     401);
    duo_end(&duo);
}
END_TEST

START_TEST(a_page_has_1000_messages_at_most_and_the_next_one_follows)
{
    char position[WORD], query[64];
    unsigned count = 0;
    struct gw_str body;
    size_t len = 0;

    begin(FLAGS("--history=2000"));
    for (unsigned i = 1; i <= 1001; i++)
        len += (size_t)snprintf(large + len, sizeof(large) - len,
                                "{\"channel\":\"c\",\"data\":%u}\n", i);
    duo_connect(&duo, 0);
    say(0, "POST", "/channels", NDJSON, (struct gw_str){large, len});
    duo_run(&duo, DUO_S);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 200);
    say(0, "GET", "/channels/c/history", "", (struct gw_str){NULL, 0});
    duo_run(&duo, DUO_S);
    ck_assert_int_eq(duo_answer(&duo, 0, &body), 200);
    for (size_t i = 0; i + 9 < body.len; i++)
        count += memcmp(body.data + i, ",\"offset\":", 10) == 0;
    ck_assert_uint_eq(count, 1000);
    find_position(body, position);
    snprintf(query, sizeof(query), "?since=%s", position);
    ck_assert_int_eq(read_history(0, "c", query), 200);
    ck_assert_ptr_nonnull(strstr(got, "\"offset\":1001,"));
    ck_assert_ptr_null(strstr(got, "\"offset\":1000,"));
    duo_end(&duo);
}
END_TEST

/* Control characters are six times as long in an envelope: nearly 6 MiB go to a reader who takes
 * little at a time, whole and in order. */
START_TEST(the_longest_page_reaches_a_slow_reader_whole)
{
    enum { EACH = 60000, COUNT = 17 };
    struct gw_str body;
    char position[WORD];
    const char *at;

    begin_narrow(65536, NULL);
    memset(large, 1, EACH);
    for (unsigned i = 0; i < COUNT; i++) {
        large[0] = (char)('a' + i);
        post_bytes("c", "", large, EACH, position);
    }
    duo_connect(&duo, 0);
    duo.clients[0].deaf = true;
    say(0, "GET", "/channels/c/history", "", (struct gw_str){NULL, 0});
    for (unsigned i = 0; i < 400; i++) {
        duo_run(&duo, 100 * DUO_MS);
        duo_sip(&duo, 0, 30000);
    }
    ck_assert_int_eq(duo_answer(&duo, 0, &body), 200);
    ck_assert_uint_gt(body.len, (size_t)COUNT * (EACH - 1) * 6);
    at = body.data;
    for (unsigned i = 0; i < COUNT; i++) {
        at = memmem(at, body.len - (size_t)(at - body.data), "\"data\":\"", 8);
        ck_assert_ptr_nonnull(at);
        ck_assert_int_eq(at[8], (char)('a' + i));
        at += 8 + 1 + 6 * (EACH - 1);
        ck_assert_mem_eq(at, "\"}", 2);
    }
    ck_assert_uint_eq(body.len - (size_t)(at - body.data), 5);
    ck_assert_mem_eq(at, "\"}]}\n", 5);
    duo_end(&duo);
}
END_TEST

/* --- Publishing many --- */

/* `answer` of one line: what it begins with. */
static const struct {
    const char *line, *answer;
} lines[] = {
    {"{\"channel\":\"c\",\"data\":\"x\"}", "{\"channel\":\"c\",\"offset\":1,\"position\":\""},
    {"{\"data\":{\"a\": [1]},\"id\":\"7\",\"channel\":\"c\",\"event\":\"tick\"} \r",
     "{\"channel\":\"c\",\"offset\":1,\"position\":\""},
    {"{\"channel\":\"a \\\"b\\\"\",\"base64\":\"AP8Q\"}",
     "{\"channel\":\"a \\\"b\\\"\",\"offset\":1,\"position\":\""},
    {"garbage", "{\"status\":400,\"detail\":\"the line is not a JSON object\"}\n"},
    {"{\"channel\":\"c\",\"data\":1,\"data\":2}",
     "{\"status\":400,\"detail\":\"data is given twice\"}\n"},
    {"{\"channel\":\"c\",\"colour\":1}", "{\"status\":400,\"detail\":\"colour is not known: "
                                         "channel, data or base64, event and id are\"}\n"},
    {"{\"channel\":\"a/b\",\"data\":1}", "{\"status\":400,\"detail\":\"a channel name is"},
    {"{\"channel\":\"c\",\"data\":1,\"event\":\"reset\"}",
     "{\"status\":400,\"detail\":\"this event name is the server's own\"}\n"},
    {"{\"channel\":\"c\",\"data\":1,\"event\":\"a\\nb\"}", "{\"status\":400,\"detail\":\"an event"},
};

/* Between two that are good, which it does not keep from being published. */
START_TEST(each_line_is_answered_in_its_place)
{
    char body[512];
    const char *at;

    begin_both(NULL);
    for (unsigned worker = 0; worker < 2; worker++) {
        snprintf(
            body, sizeof(body),
            "{\"channel\":\"first%u\",\"data\":1}\n\n \r\n%s\n{\"channel\":\"last%u\",\"data\":2}",
            worker, lines[_i].line, worker);
        ck_assert_int_eq(publish_lines(ASKER + worker, body), 200);
        ck_assert(duo_has(&duo, ASKER + worker, "\r\nContent-Type: application/x-ndjson\r\n"));
        ck_assert_int_eq(strncmp(got, "{\"channel\":\"first", 17), 0);
        at = strchr(got, '\n') + 1;
        if (worker == 0)
            ck_assert_int_eq(strncmp(at, lines[_i].answer, strlen(lines[_i].answer)), 0);
        at = strchr(at, '\n') + 1;
        ck_assert_int_eq(strncmp(at, "{\"channel\":\"last", 16), 0);
        at = strchr(at, '\n');
        ck_assert_str_eq(at, "\n");
    }
    duo_end(&duo);
}
END_TEST

START_TEST(the_answer_to_a_line_is_that_of_a_post)
{
    char position[WORD];

    begin_both(NULL);
    duo_open(&duo, 0, "/channels/c?format=json");
    duo_open(&duo, 1, "/channels/c");
    next_text(0);
    ck_assert_int_eq(publish_lines(ASKER + (unsigned)_i,
                                   "{\"channel\":\"c\",\"data\":[1,\r2],\"event\":\"e\","
                                   "\"id\":\"i\"}\n"),
                     200);
    find_position(GW_STR(got), position);
    snprintf(expected, sizeof(expected),
             "{\"channel\":\"c\",\"offset\":1,\"position\":\"%s\",\"subscribers\":2,"
             "\"duplicate\":false}\n",
             position);
    ck_assert_str_eq(got, expected);
    duo_run(&duo, 50 * DUO_MS);
    next_text(0);
    ck_envelope_text(got, "c", 1, position, "\"event\":\"e\",\"id\":\"i\",\"data\":[1, 2]");
    next_text(1);
    ck_assert_str_eq(got, "[1, 2]");
    duo_end(&duo);
}
END_TEST

/* Offsets count up in each channel as the lines do, wherever its home is. */
START_TEST(lines_for_many_channels_stand_in_order)
{
    unsigned count = 0;
    size_t len = 0;
    const char *at;

    begin_both(NULL);
    for (unsigned i = 0; i < 60; i++)
        len += (size_t)snprintf(large + len, sizeof(large) - len,
                                "{\"channel\":\"c%u\",\"data\":\"%u\"}\n", i % 6, i);
    say(ASKER + (unsigned)_i, "POST", "/channels", NDJSON, (struct gw_str){large, len});
    ck_assert_int_eq(heard(ASKER + (unsigned)_i, 5 * DUO_S), 200);
    for (at = got; *at; at = strchr(at, '\n') + 1, count++) {
        snprintf(expected, sizeof(expected), "{\"channel\":\"c%u\",\"offset\":%u,", count % 6,
                 count / 6 + 1);
        ck_assert_int_eq(strncmp(at, expected, strlen(expected)), 0);
    }
    ck_assert_uint_eq(count, 60);
    ck_assert_int_eq(read_history(ASKER, "c5", "?since=last:1"), 200);
    ck_assert_ptr_nonnull(strstr(got, "\"offset\":10,"));
    ck_assert_ptr_nonnull(strstr(got, "\"data\":\"59\"}]}"));
    duo_end(&duo);
}
END_TEST

START_TEST(lines_may_come_byte_by_byte)
{
    static const char body[] = "{\"channel\":\"c\",\"data\":1}\n{\"channel\":\"d\",\"data\":2}\n";
    char head[256];

    begin_both(NULL);
    snprintf(head, sizeof(head),
             "POST /channels HTTP/1.1\r\nHost: localhost\r\n" NDJSON
             "Content-Length: %zu\r\n\r\n%s",
             sizeof(body) - 1, body);
    ck_assert_uint_eq(duo_drip(&duo, ASKER, head, strlen(head), DUO_MS), strlen(head));
    ck_assert_int_eq(heard(ASKER, DUO_S), 200);
    ck_assert_ptr_nonnull(strstr(got, "}\n{\"channel\":\"d\",\"offset\":1,"));
    duo_end(&duo);
}
END_TEST

static const struct {
    const char *head, *body;
    int status;
} requests[] = {
    {"", "{\"channel\":\"c\",\"data\":1}", 415},
    {"Content-Type: application/json\r\n", "{\"channel\":\"c\",\"data\":1}", 415},
    {NDJSON NDJSON, "{\"channel\":\"c\",\"data\":1}", 415},
    {"Content-Type: APPLICATION/X-NDJSON; charset=utf-8\r\n", "{\"channel\":\"c\",\"data\":1}",
     200},
    {NDJSON "Idempotency-Key: a\r\n", "{\"channel\":\"c\",\"data\":1}", 501},
    {NDJSON "Godwit-Event: a\r\n", "{\"channel\":\"c\",\"data\":1}", 400},
    {NDJSON, "", 200},
    {NDJSON, "\n\r\n \t\n", 200},
};

START_TEST(what_is_not_lines_is_refused_and_nothing_published)
{
    begin(NULL);
    ck_assert_int_eq(ask(0, "POST", "/channels", requests[_i].head, requests[_i].body),
                     requests[_i].status);
    if (requests[_i].status == 200 && requests[_i].body[0] != '{')
        ck_assert_str_eq(got, "");
    else
        ck_assert_uint_eq(kept("c"), requests[_i].status == 200 ? 1 : 0);
    duo_end(&duo);
}
END_TEST

static const struct {
    unsigned count;
    int status;
} line_counts[] = {{9999, 200}, {10000, 200}, {10001, 413}};

START_TEST(ten_thousand_lines_and_no_more)
{
    unsigned answers = 0;
    struct gw_str body;
    size_t len = 0;

    begin(NULL);
    for (unsigned i = 0; i < line_counts[_i].count; i++)
        len += (size_t)snprintf(large + len, sizeof(large) - len, "x\n\n");
    duo_connect(&duo, 0);
    say(0, "POST", "/channels", NDJSON, (struct gw_str){large, len});
    duo_run(&duo, DUO_S);
    ck_assert_int_eq(duo_answer(&duo, 0, &body), line_counts[_i].status);
    for (size_t i = 0; line_counts[_i].status == 200 && i < body.len; i++)
        answers += body.data[i] == '\n';
    ck_assert_uint_eq(answers, line_counts[_i].status == 200 ? line_counts[_i].count : 0);
    duo_end(&duo);
}
END_TEST

START_TEST(an_id_has_255_bytes_at_most)
{
    char body[600];

    begin(NULL);
    for (int len = 254; len <= 256; len++) {
        snprintf(body, sizeof(body), "{\"channel\":\"c\",\"data\":1,\"id\":\"%.*s\"}", len, filler);
        ck_assert_int_eq(publish_lines(0, body), 200);
        ck_assert_int_eq(strncmp(got, "{\"status\":400,", 14) == 0, len > 255);
    }
    ck_assert_uint_eq(kept("c"), 2);
    duo_end(&duo);
}
END_TEST

START_TEST(lines_want_the_right_to_publish)
{
    static const char body[] = "{\"channel\":\"c\",\"data\":1}";

    begin(FLAGS("--open=off", "--api-keys=" API_KEY));
    ck_assert_int_eq(ask(0, "POST", "/channels", NDJSON, body), 401);
    ck_assert_int_eq(ask(0, "POST", "/channels", NDJSON BEARER, body), 200);
    ck_assert_uint_eq(kept("c"), 1);
    duo_end(&duo);
}
END_TEST

/* --- Waiting --- */

/* A name whose home is worker 1, as those at worker 0 see it. */
static void find_far(char name[16])
{
    for (int i = 0;; i++) {
        uint64_t before = gw_hub_counts(duo.assembly->workers[1]->hub).publications;
        char target[32];

        snprintf(name, 16, "far%d", i);
        snprintf(target, sizeof(target), "/channels/%s", name);
        ck_assert_int_eq(ask(ASKER, "POST", target, "", "first"), 200);
        if (gw_hub_counts(duo.assembly->workers[1]->hub).publications > before)
            return;
        ck_assert_int_lt(i, 64);
    }
}

static const struct {
    const char *method, *path, *lines;
} waits[] = {{"DELETE", "", BEARER}, {"GET", "/history", ""}, {"POST", "", ""}};

/* The first is with its home, which is asleep; the second finds no room in the mailbox. */
static void ask_of_one_asleep(unsigned row, uint64_t asleep_ns)
{
    char name[16], target[64];

    begin_both(WITHKEY);
    find_far(name);
    snprintf(target, sizeof(target), "/channels/%s%s", name, waits[row].path);
    for (unsigned i = 0; i < 2; i++)
        duo_connect_to(&duo, i, 0);
    duo_run(&duo, DUO_S); /* a request's time is its own, not its connection's */
    sim_loop_stall(duo.loops[1], duo_now(&duo) + asleep_ns);
    for (unsigned i = 0; i < 2; i++) {
        say(i, waits[row].method, target, waits[row].lines,
            waits[row].method[0] == 'P' ? GW_STR("x") : (struct gw_str){NULL, 0});
        duo_run(&duo, 10 * DUO_MS);
    }
}

START_TEST(who_has_to_wait_is_answered_when_there_is_room)
{
    ask_of_one_asleep((unsigned)_i, 4900 * DUO_MS);
    duo_run(&duo, 4 * DUO_S);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(duo_answer(&duo, i, NULL), 0);
    duo_run(&duo, DUO_S);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(duo_answer(&duo, i, NULL), 200);
    duo_end(&duo);
}
END_TEST

START_TEST(who_waits_5_seconds_gets_a_503_that_says_whether_it_may_have_been_done)
{
    static const char *const unanswered[] = {
        "may have been deleted or not", "did not answer in time", "may have been published or not"};
    static const char *const unasked[] = {"nothing was deleted", "there is no room now",
                                          "it was not published"};

    ask_of_one_asleep((unsigned)_i, 20 * DUO_S);
    duo_run(&duo, 4900 * DUO_MS);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(duo_answer(&duo, i, NULL), 0);
    duo_run(&duo, 200 * DUO_MS);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert(duo_has(&duo, i, "Connection: close"));
        ck_assert(duo_has(&duo, i, "Retry-After: "));
        ck_assert_int_eq(heard(i, DUO_MS), 503);
        ck_assert_ptr_nonnull(strstr(got, i == 0 ? unanswered[_i] : unasked[_i]));
    }
    duo_run(&duo, 30 * DUO_S); /* and the late answer finds nobody */
    duo_end(&duo);
}
END_TEST

/* Lines before the one that waits stand; of the one that waits nobody knows; those behind it were
 * not published. */
START_TEST(lines_that_wait_too_long_are_told_apart)
{
    char name[16], body[512];
    unsigned parked = (unsigned)_i; /* somebody else has the one place in the mailbox */

    begin_both(NULL);
    find_far(name);
    for (unsigned i = 0; i < 2; i++)
        duo_connect_to(&duo, i, 0);
    duo_run(&duo, DUO_S);
    sim_loop_stall(duo.loops[1], duo_now(&duo) + 20 * DUO_S);
    if (parked) {
        duo_post(&duo, 0, name, "x", 1);
        duo_run(&duo, 10 * DUO_MS);
    }
    snprintf(body, sizeof(body),
             "bad\n{\"channel\":\"%s\",\"data\":\"two\"}\n\n{\"channel\":\"%s\",\"data\":3}\nbad",
             name, name);
    say(1, "POST", "/channels", NDJSON, GW_STR(body));
    duo_run(&duo, 4900 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 1, NULL), 0);
    duo_run(&duo, 200 * DUO_MS);
    ck_assert_int_eq(heard(1, DUO_MS), 200);
    snprintf(expected, sizeof(expected),
             "{\"status\":400,\"detail\":\"the line is not a JSON object\"}\n"
             "{\"status\":503,\"detail\":\"%s\"}\n"
             "{\"status\":503,\"detail\":\"the lines before it took too long: it was not "
             "published\"}\n"
             "{\"status\":503,\"detail\":\"the lines before it took too long: it was not "
             "published\"}\n",
             parked ? "readers are behind: it was not published; try again in a moment"
                    : "the channel did not answer in time: it may have been published or not");
    ck_assert_str_eq(got, expected);
    ck_assert(duo_has(&duo, 1, "Connection: close"));
    duo_run(&duo, 30 * DUO_S);
    ck_assert_uint_eq(kept(name), 2); /* the first of all, and the one of which nobody knew */
    duo_end(&duo);
}
END_TEST

START_TEST(lines_go_on_when_there_is_room_again)
{
    char name[16], body[512];

    begin_both(NULL);
    find_far(name);
    for (unsigned i = 0; i < 2; i++)
        duo_connect_to(&duo, i, 0);
    sim_loop_stall(duo.loops[1], duo_now(&duo) + 3 * DUO_S);
    duo_post(&duo, 0, name, "x", 1);
    duo_run(&duo, 10 * DUO_MS);
    snprintf(body, sizeof(body), "{\"channel\":\"%s\",\"data\":1}\n{\"channel\":\"%s\",\"data\":2}",
             name, name);
    say(1, "POST", "/channels", NDJSON, GW_STR(body));
    duo_run(&duo, 10 * DUO_MS);
    for (unsigned i = 0; i < 4; i++) /* others send, into the same memory */
        duo_post(&duo, ASKER, "near", filler, 60000);
    ck_assert_int_eq(heard(1, 4 * DUO_S), 200);
    ck_assert_ptr_nonnull(strstr(got, "\"offset\":3,"));
    ck_assert_ptr_nonnull(strstr(got, "\"offset\":4,"));
    ck_assert_uint_eq(kept(name), 4);
    duo_end(&duo);
}
END_TEST

/* What became of the first line is no matter of the second: somebody else was before it. */
START_TEST(a_line_that_found_no_room_behind_one_that_was_published)
{
    char name[16], body[512];
    uint64_t published;

    begin_both(NULL);
    find_far(name);
    for (unsigned i = 0; i < 2; i++)
        duo_connect_to(&duo, i, 0);
    published = gw_hub_counts(duo.assembly->workers[1]->hub).publications;
    sim_loop_stall(duo.loops[1], duo_now(&duo) + 100 * DUO_MS);
    snprintf(body, sizeof(body), "{\"channel\":\"%s\",\"data\":1}\n{\"channel\":\"%s\",\"data\":2}",
             name, name);
    say(1, "POST", "/channels", NDJSON, GW_STR(body));
    duo_run(&duo, 10 * DUO_MS);
    duo_post(&duo, 0, name, "x", 1);
    while (gw_hub_counts(duo.assembly->workers[1]->hub).publications == published)
        duo_run(&duo, 1000);
    sim_loop_stall(duo.loops[1], duo_now(&duo) + 20 * DUO_S);
    ck_assert_int_eq(heard(1, 6 * DUO_S), 200);
    ck_assert_int_eq(strncmp(got, "{\"channel\":\"far", 15), 0);
    ck_assert_str_eq(strchr(got, '\n') + 1,
                     "{\"status\":503,\"detail\":\"readers are behind: it was not published; try "
                     "again in a moment\"}\n");
    duo_run(&duo, 30 * DUO_S);
    ck_assert_uint_eq(kept(name), 3); /* the first of all, the first line, and somebody else's */
    duo_end(&duo);
}
END_TEST

/* A home that has no room for another channel says so behind the mailbox, too. */
START_TEST(above_max_channels_a_line_is_refused_and_the_others_go_on)
{
    const char *at;
    unsigned published = 0, refused = 0;

    begin_two(1, FLAGS("--max-channels=2"));
    duo_connect_to(&duo, ASKER, 0);
    ck_assert_int_eq(publish_lines(ASKER, "{\"channel\":\"a\",\"data\":1}\n"
                                          "{\"channel\":\"b\",\"data\":1}\n"
                                          "{\"channel\":\"c\",\"data\":1}\n"
                                          "{\"channel\":\"d\",\"data\":1}\n"
                                          "{\"channel\":\"e\",\"data\":1}\n"
                                          "{\"channel\":\"a\",\"data\":2}\n"),
                     200);
    for (at = got; *at; at = strchr(at, '\n') + 1)
        if (strncmp(at, "{\"channel\":", 11) == 0)
            published++;
        else {
            ck_assert_int_eq(strncmp(at, "{\"status\":503,\"detail\":\"max_channels is", 39), 0);
            refused++;
        }
    ck_assert_uint_eq(published + refused, 6);
    ck_assert_uint_ge(refused, 3); /* a channel for each worker at most */
    ck_assert_ptr_nonnull(strstr(got, "{\"channel\":\"a\",\"offset\":2,"));
    duo_end(&duo);
}
END_TEST

/* --- Cuts, and memory --- */

static const struct {
    const char *method, *target, *lines, *body;
} all[] = {
    {"POST", "/channels", NDJSON,
     "{\"channel\":\"a\",\"data\":1}\n{\"channel\":\"b\",\"data\":2}\n{\"channel\":\"c\",\"data\":"
     "3}\n"
     "bad\n{\"channel\":\"d\",\"data\":4}\n"},
    {"POST", "/channels/a", "", "one"},
    {"POST", "/channels/b", "", "two"},
    {"GET", "/channels/a/history", "", NULL},
    {"GET", "/channels/b/history?reverse=1", "", NULL},
    {"GET", "/channels/b/history?since=" OTHER_LIFE, "", NULL},
    {"DELETE", "/channels/a", BEARER, NULL},
    {"DELETE", "/channels/b", BEARER, NULL},
    {"PUT", "/channels/b", "", NULL},
};
#define ALL ((int)(sizeof(all) / sizeof(all[0])))

/* How many of the four have an answer after `ns`; then all are cut. */
static unsigned cut_after(int row, uint64_t ns)
{
    const char *body = all[row].body;
    unsigned answered = 0;

    for (unsigned i = 0; i < 4; i++)
        duo_connect_to(&duo, i, i % 2);
    for (unsigned i = 0; i < 4; i++)
        say(i, all[row].method, all[row].target, all[row].lines,
            body ? GW_STR(body) : (struct gw_str){NULL, 0});
    duo_run(&duo, ns);
    for (unsigned i = 0; i < 4; i++) {
        answered += duo_answer(&duo, i, NULL) != 0;
        duo_hang_up(&duo, i);
    }
    return answered;
}

/* The request is on its way, the other worker has it or has answered, it waits for room: from none
 * answered to all. */
START_TEST(a_connection_may_be_cut_at_every_moment)
{
    uint64_t ns = 0;

    begin_both(WITHKEY);
    ck_assert_uint_eq(cut_after(_i, 0), 0);
    while (cut_after(_i, ns) < 4) {
        ns += 10 * 1000;
        ck_assert_uint_lt(ns, 100 * DUO_MS);
    }
    ck_assert_uint_gt(ns, 100 * 1000);
    duo_run(&duo, 10 * DUO_S);
    ck_assert_uint_eq(connections(), 0);
    ck_assert_int_eq(publish_lines(ASKER, all[0].body), 200);
    duo_end(&duo);
}
END_TEST

/* An answer is whole, or the connection ends: one or the other, at once. */
static void ck_answered_or_cut(unsigned client, int row)
{
    int status = heard(client, 6 * DUO_S);
    unsigned answers = 0;

    if (status == 0) {
        ck_assert(!duo_there(&duo, client));
        return;
    }
    ck_assert(status == 200 || status == 410 || status == 405 || status == 503);
    if (status != 200 || row > 0)
        return;
    for (const char *at = got; *at; at = strchr(at, '\n') + 1, answers++)
        ck_assert(strncmp(at, "{\"channel\":", 11) == 0 || strncmp(at, "{\"status\":", 10) == 0);
    ck_assert_uint_eq(answers, 5);
}

/* Every request, at both workers at a time; false when the server could not even be made. */
static bool live(long fails_at, bool once)
{
    const struct duo_options options = {.workers = 2,
                                        .mailbox_slots = 1,
                                        .flags = WITHKEY,
                                        .fails_at = fails_at,
                                        .fails_once = once};

    if (duo_begin(&duo, &options) != 0)
        return false;
    for (int i = 0; i < ALL; i++) {
        for (unsigned worker = 0; worker < 2; worker++) {
            const char *body = all[i].body;

            duo_connect_to(&duo, worker, worker);
            if (duo_there(&duo, worker))
                say(worker, all[i].method, all[i].target, all[i].lines,
                    body ? GW_STR(body) : (struct gw_str){NULL, 0});
        }
        for (unsigned worker = 0; worker < 2; worker++)
            ck_answered_or_cut(worker, i);
    }
    return true;
}

START_TEST(every_allocation_may_fail)
{
    for (long at = 1;; at++) {
        bool failed;

        if (!live(at, _i == 0))
            continue;
        failed = duo.meter.failed > 0;
        duo_end(&duo);
        if (!failed)
            break;
        ck_assert_int_lt(at, 10000);
    }
}
END_TEST

/* The publication is with its home, and there was no memory to wait for the answer: what is asked
 * next on that connection must not get it. */
START_TEST(an_answer_is_never_taken_for_that_of_the_next_request)
{
    const struct duo_options options = {
        .workers = 2, .mailbox_slots = 1, .flags = WITHKEY, .fails_once = true};
    char name[16], target[32];
    unsigned unknown = 0;

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    duo_connect_to(&duo, ASKER, 0);
    find_far(name);
    snprintf(target, sizeof(target), "/channels/%s", name);
    for (long left = 0, failed = -1; failed != duo.meter.failed; left++) {
        failed = duo.meter.failed;
        duo_connect_to(&duo, 0, 0);
        duo.meter.left = left;
        duo_post(&duo, 0, name, "x", 1);
        say(0, "DELETE", target, BEARER, (struct gw_str){NULL, 0});
        duo_run(&duo, 50 * DUO_MS);
        duo.meter.left = METER_UNLIMITED;
        duo_run(&duo, 6 * DUO_S);
        if (heard(0, DUO_MS) == 200)
            ck_assert_ptr_nonnull(strstr(got, "\"offset\":"));
        unknown += strstr(got, "may have been published or not") != NULL;
        if (heard(0, DUO_MS) == 200)
            ck_assert_ptr_null(strstr(got, "\"offset\":"));
        duo_hang_up(&duo, 0);
        ck_assert_int_lt(left, 100);
    }
    ck_assert_uint_eq(unknown, 1);
    duo_end(&duo);
}
END_TEST

/* --- Idempotency keys --- */

static int publish_with_key(unsigned client, const char *key)
{
    char header[64];

    snprintf(header, sizeof(header), "Idempotency-Key: %s\r\n", key);
    return ask(client, "POST", "/channels/c", header, "text");
}

/* At whichever worker it is tried again. */
START_TEST(a_publication_that_is_tried_again_is_there_once)
{
    begin_both(FLAGS("--idempotency-age=10s"));
    for (unsigned turn = 0; turn < 4; turn++) {
        ck_assert_int_eq(publish_with_key(ASKER + turn % 2, "a"), 200);
        ck_assert_ptr_nonnull(strstr(got, "\"offset\":1,"));
        ck_assert_int_eq(strstr(got, "\"duplicate\":true") != NULL, turn > 0);
    }
    ck_assert_int_eq(publish_with_key(ASKER, "b"), 200);
    ck_assert_ptr_nonnull(strstr(got, "\"offset\":2,"));
    ck_assert_uint_eq(kept("c"), 2);
    duo_run(&duo, 11 * DUO_S);
    ck_assert_int_eq(publish_with_key(ASKER, "a"), 200);
    ck_assert_ptr_nonnull(strstr(got, "\"duplicate\":false"));
    ck_assert_uint_eq(kept("c"), 3);
    duo_end(&duo);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_publication_that_is_tried_again_is_there_once);
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, delete_drops_the_history_and_starts_over, 0, 2);
    tcase_add_loop_test(tests, delete_wants_an_api_key_also_in_open_mode, 0, SUITE_ROWS(keys));
    tcase_add_loop_test(tests, a_path_says_which_methods_it_takes, 0, SUITE_ROWS(methods));
    tcase_add_test(tests, a_page_may_ask_first_and_then_delete);
    tcase_add_loop_test(tests, what_is_no_name_of_one_channel_is_a_400, 0, SUITE_ROWS(names));
    tcase_add_loop_test(tests, a_history_is_read_in_pages, 0, SUITE_ROWS(pages));
    tcase_add_loop_test(tests, what_is_asked_of_a_history_wrongly_is_refused, 0,
                        SUITE_ROWS(queries));
    tcase_add_loop_test(tests,
                        a_position_that_is_gone_is_a_410_with_reason_and_a_place_to_go_on_from, 0,
                        SUITE_ROWS(gone));
    tcase_add_test(tests, an_envelope_in_a_page_bears_what_was_published);
    tcase_add_test(tests, head_says_the_length_of_a_history_and_no_more);
    tcase_add_test(tests, a_history_is_read_by_whoever_may_subscribe);
    tcase_add_test(tests, a_page_has_1000_messages_at_most_and_the_next_one_follows);
    tcase_add_test(tests, the_longest_page_reaches_a_slow_reader_whole);
    tcase_add_loop_test(tests, each_line_is_answered_in_its_place, 0, SUITE_ROWS(lines));
    tcase_add_loop_test(tests, the_answer_to_a_line_is_that_of_a_post, 0, 2);
    tcase_add_loop_test(tests, lines_for_many_channels_stand_in_order, 0, 2);
    tcase_add_test(tests, lines_may_come_byte_by_byte);
    tcase_add_loop_test(tests, what_is_not_lines_is_refused_and_nothing_published, 0,
                        SUITE_ROWS(requests));
    tcase_add_loop_test(tests, ten_thousand_lines_and_no_more, 0, SUITE_ROWS(line_counts));
    tcase_add_test(tests, an_id_has_255_bytes_at_most);
    tcase_add_test(tests, lines_want_the_right_to_publish);
    tcase_add_loop_test(tests, who_has_to_wait_is_answered_when_there_is_room, 0,
                        SUITE_ROWS(waits));
    tcase_add_loop_test(tests,
                        who_waits_5_seconds_gets_a_503_that_says_whether_it_may_have_been_done, 0,
                        SUITE_ROWS(waits));
    tcase_add_loop_test(tests, lines_that_wait_too_long_are_told_apart, 0, 2);
    tcase_add_test(tests, lines_go_on_when_there_is_room_again);
    tcase_add_test(tests, a_line_that_found_no_room_behind_one_that_was_published);
    tcase_add_test(tests, an_answer_is_never_taken_for_that_of_the_next_request);
    tcase_add_test(tests, above_max_channels_a_line_is_refused_and_the_others_go_on);
    tcase_add_loop_test(tests, a_connection_may_be_cut_at_every_moment, 0, ALL);
    tcase_add_loop_test(tests, every_allocation_may_fail, 0, 2);
}

int main(void)
{
    return suite_main("sim/http_api", fill);
}
