/* json_test.c - format=json over a WebSocket: what is said first, what comes in envelopes, and what
 * is told to a reader who comes back with a position. */
#include "lib/suite.h"
#include "sim/json_lib.h"

/* --- One channel --- */

START_TEST(first_comes_where_it_begins_then_what_is_published)
{
    char start[WORD], first[WORD], second[WORD];

    begin(NULL);
    duo_open(&duo, 0, "/channels/c?format=json");
    next_text(0);
    find_position(GW_STR(got), start);
    snprintf(expected, sizeof(expected), "{\"subscribed\":{\"channel\":\"c\",\"position\":\"%s\"}}",
             start);
    ck_assert_str_eq(got, expected);
    ck_silent(0);
    post("c", "one", first);
    post("c", "two", second);
    ck_envelope(0, "c", 1, first, "one");
    ck_envelope(0, "c", 2, second, "two");
    ck_silent(0);
    open_since(1, "c", start); /* where it began is a place to come back to */
    ck_subscribed(1, "c", start, RECOVERED);
    ck_envelope(1, "c", 1, first, "one");
    ck_envelope(1, "c", 2, second, "two");
    ck_silent(1);
    duo_end(&duo);
}
END_TEST

static const struct {
    const char *lines, *payload;
    size_t len;
    const char *rest;
} kinds[] = {
    {"", "plain", 5, "\"data\":\"plain\""},
    {"", "a \"b\" \\ \n\x01 \xc3\xa9", 13, "\"data\":\"a \\\"b\\\" \\\\ \\n\\u0001 \xc3\xa9\""},
    {"", "", 0, "\"data\":\"\""},
    {"Content-Type: application/json\r\n", "{\"n\": 1.50,\n \"x\":[]}", 20,
     "\"data\":{\"n\": 1.50,  \"x\":[]}"},
    {"Content-Type: application/octet-stream\r\n", "\x00\xff\x10", 3, "\"base64\":\"AP8Q\""},
    {"Godwit-Event: tick\r\n", "x", 1, "\"event\":\"tick\",\"data\":\"x\""},
};

START_TEST(an_envelope_bears_what_was_published)
{
    char position[WORD];

    begin(NULL);
    duo_open(&duo, 0, "/channels/a%20%22b%22?format=json");
    next_text(0);
    post_bytes("a%20%22b%22", kinds[_i].lines, kinds[_i].payload, kinds[_i].len, position);
    next_text(0);
    ck_envelope_text(got, "a \\\"b\\\"", 1, position, kinds[_i].rest);
    duo_end(&duo);
}
END_TEST

START_TEST(what_a_client_sends_is_published_and_comes_to_it_too)
{
    char position[WORD];

    begin(NULL);
    duo_open(&duo, 0, "/channels/c?format=json");
    next_text(0);
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, "mine", 4);
    duo_run(&duo, 50 * DUO_MS);
    where("c", position);
    ck_envelope(0, "c", 1, position, "mine");
    ck_open(0);
    duo_end(&duo);
}
END_TEST

/* Every position that was ever given out resumes exactly behind it. */
START_TEST(a_position_from_an_envelope_resumes_exactly)
{
    char text[8], positions[6][WORD];

    begin(NULL);
    where("c", positions[0]);
    for (unsigned i = 1; i <= 5; i++) {
        snprintf(text, sizeof(text), "m%u", i);
        post("c", text, positions[i]);
    }
    for (unsigned i = 0; i <= 5; i++) {
        open_since(0, "c", positions[i]);
        ck_subscribed(0, "c", positions[i], RECOVERED);
        for (unsigned k = i + 1; k <= 5; k++) {
            snprintf(text, sizeof(text), "m%u", k);
            ck_envelope(0, "c", k, positions[k], text);
        }
        ck_silent(0);
    }
    duo_end(&duo);
}
END_TEST

/* From which of three publications on; and nothing is said of recovery to one that gave no
 * position. */
static const struct {
    const char *since;
    unsigned from;
} words[] = {{"", 4}, {"new", 4}, {"all", 1}, {"last:2", 2}, {"last:9", 1}};

START_TEST(without_a_position_nothing_is_said_of_recovery)
{
    static const char *const texts[] = {"", "one", "two", "three"};
    char positions[4][WORD];

    begin(NULL);
    where("c", positions[0]);
    for (unsigned i = 1; i <= 3; i++)
        post("c", texts[i], positions[i]);
    open_since(0, "c", words[_i].since);
    ck_subscribed(0, "c", positions[words[_i].from - 1], "");
    for (unsigned i = words[_i].from; i <= 3; i++)
        ck_envelope(0, "c", i, positions[i], texts[i]);
    ck_silent(0);
    duo_end(&duo);
}
END_TEST

/* --- Positions that cannot be honoured --- */

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
} dishonoured[] = {
    {"epoch", change_epoch, 0},
    {"forked", change_tag, 0},
    {"unknown", go_ahead, 0},
    {"expired", change_nothing, 5},
};

START_TEST(a_position_that_cannot_be_honoured_is_told_and_it_goes_on_from_now)
{
    struct gw_position position;
    char word[WORD] = "", head[WORD], next[WORD];

    begin(FLAGS("--history=2"));
    post("c", "first", head);
    ck_assert(gw_position_read(&position, GW_STR(head)));
    dishonoured[_i].change(&position);
    gw_position_write(word, &position);
    for (unsigned i = 0; i < dishonoured[_i].posted; i++)
        post("c", "more", head);
    open_since(0, "c", word);
    ck_subscribed(0, "c", head, NOT_RECOVERED);
    ck_reset(0, "c", dishonoured[_i].reason, head);
    ck_silent(0);
    post("c", "next", next);
    ck_envelope(0, "c", dishonoured[_i].posted + 2, next, "next");
    ck_open(0);
    duo_end(&duo);
}
END_TEST

START_TEST(what_is_no_position_at_all_is_unknown)
{
    static const char *const what[] = {"garbage", "a,b", "%zz", "all,new", OTHER_LIFE "x"};
    char head[WORD];

    begin(NULL);
    post("c", "first", head);
    for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
        open_since(0, "c", what[i]);
        ck_subscribed(0, "c", head, NOT_RECOVERED);
        ck_reset(0, "c", "unknown", head);
    }
    duo_end(&duo);
}
END_TEST

/* --- What is refused --- */

static const struct {
    const char *target;
    unsigned code; /* 0: accepted */
} targets[] = {
    {"/channels/c?format=raw", 0},
    {"/channels/c?format=", 0},
    {"/channels/c?format=xml", 4400},
    {"/channels/c?format=JSON", 4400},
    {"/channels/c?format=json&format=json", 4400},
    {"/channels/c?format=json&since=all&since=all", 4400},
    {"/channels/c?format=json&session=0123456789abcdef", 0},
    {"/channels/c?format=json&session=0123456789abcde", 4400},
    {"/channels/c?format=json&attempt=1", 4400},
    {"/channels/c?format=json&session=0123456789abcdef&attempt=1", 4410},
    {"/channels/c?format=json&transport=sse", 4400},
    {"/channels/a,b", 0},
    {"/channels/a,b?format=json", 0},
    {"/channels/a,b?format=", 0},
    {"/channels/a,b?format=raw", 4400},
    {"/channels/a,b,", 4400},
    {"/channels/,a", 4400},
    {"/channels/a,,b", 4400},
    {"/channels/a%2Cb", 4400},
    {"/channels/a,%00", 4400},
    {"/channels/a,%", 4400},
    {"/channels/a,a", 4400},
    {"/channels/a,b,%61", 4400},
    {"/channels/a,b?since=" OTHER_LIFE, 0},
    {"/channels/a,b?since=garbage", 0},
    {"/channels/a,b?since=,,", 0},
    {"/channels/a,b?since=new,new,new", 0},
    {"/channels/a,b?since=,", 0},
    {"/channels/a,b?since=garbage%2cgarbage", 0},
    {"/channels/a,b,c,d", 0},
    {"/channels/a,b,c,d,e", 4429},
    {"/channels/a,,,,", 4429},
};

START_TEST(what_is_asked_for_wrongly_is_refused_behind_the_handshake)
{
    begin(FLAGS("--max-subscriptions=4"));
    duo_open(&duo, 0, targets[_i].target);
    if (targets[_i].code == 0)
        ck_open(0);
    else {
        ck_assert_uint_eq(duo_messages(&duo, 0), 0);
        ck_closed(0, targets[_i].code);
        ck_assert_uint_eq(gw_hub_counts(duo.assembly->workers[0]->hub).subscriptions, 0);
    }
    duo_end(&duo);
}
END_TEST

/* The ping is answered when what was read has been used up; by then it is closed. */
START_TEST(a_pong_that_is_owed_is_not_said_behind_a_close_frame)
{
    begin(NULL);
    duo_open(&duo, 0, "/channels/a,b");
    duo_frame_say(&duo, 0, DUO_PING, "x", 1);
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, "for which of them?", 18);
    ck_closed(0, 4403);
    duo_end(&duo);
}
END_TEST

/* --- Compressed --- */

static const struct {
    size_t len;
    bool compressed;
} sizes[] = {{1, false}, {100, false}, {200, true}, {2000, true}, {60000, true}};

START_TEST(an_envelope_is_compressed_once_where_that_makes_it_shorter)
{
    static char rest[TEXT_MAX];
    uint64_t made;
    char position[WORD];
    struct duo_frame frame;

    begin(FLAGS("--deflate=on"));
    for (unsigned i = 0; i < 3; i++) {
        duo_connect(&duo, i);
        duo_shake_with(&duo, i, "/channels/c?format=json", i < 2 ? OFFER : "");
        duo_run(&duo, 50 * DUO_MS);
        ck_assert_int_eq(duo_answer(&duo, i, NULL), 101);
        next_text(i); /* the greeting is too short for it */
    }
    made = gw_hub_counts(duo.assembly->workers[0]->hub).units_made;
    post_bytes("c", "", filler, sizes[_i].len, position);
    snprintf(rest, sizeof(rest), "\"data\":\"%.*s\"", (int)sizes[_i].len, filler);
    for (unsigned i = 0; i < 3; i++) {
        bool compressed = sizes[_i].compressed && i < 2;

        ck_assert(duo_frame_next(&duo, i, &frame));
        ck_assert_int_eq(frame.first, DUO_FIN | DUO_TEXT | (compressed ? DUO_RSV1 : 0));
        if (compressed) {
            ck_assert_uint_lt(frame.payload.len, sizes[_i].len + 100);
            unsqueeze(frame.payload);
        } else {
            memcpy(got, frame.payload.data, frame.payload.len);
            got[frame.payload.len] = '\0';
        }
        ck_envelope_text(got, "c", 1, position, rest);
    }
    ck_assert_uint_eq(gw_hub_counts(duo.assembly->workers[0]->hub).units_made, made + 2);
    duo_end(&duo);
}
END_TEST

/* A long name makes the greeting long: it is private, and compressed like all that is. */
START_TEST(a_long_greeting_is_compressed)
{
    char target[300], name[241] = "";
    struct duo_frame frame;

    begin(FLAGS("--deflate=on"));
    memset(name, 'n', 240);
    snprintf(target, sizeof(target), "/channels/%s?format=json", name);
    duo_connect(&duo, 0);
    duo_shake_with(&duo, 0, target, OFFER);
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 101);
    ck_assert(duo_frame_next(&duo, 0, &frame));
    ck_assert_int_eq(frame.first, DUO_FIN | DUO_RSV1 | DUO_TEXT);
    unsqueeze(frame.payload);
    snprintf(expected, sizeof(expected), "{\"subscribed\":{\"channel\":\"%s\",\"position\":\"",
             name);
    ck_assert_mem_eq(got, expected, strlen(expected));
    duo_end(&duo);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, first_comes_where_it_begins_then_what_is_published);
    tcase_add_loop_test(tests, an_envelope_bears_what_was_published, 0, SUITE_ROWS(kinds));
    tcase_add_test(tests, what_a_client_sends_is_published_and_comes_to_it_too);
    tcase_add_test(tests, a_position_from_an_envelope_resumes_exactly);
    tcase_add_loop_test(tests, without_a_position_nothing_is_said_of_recovery, 0,
                        SUITE_ROWS(words));
    tcase_add_loop_test(tests, a_position_that_cannot_be_honoured_is_told_and_it_goes_on_from_now,
                        0, SUITE_ROWS(dishonoured));
    tcase_add_test(tests, what_is_no_position_at_all_is_unknown);
    tcase_add_test(tests, a_pong_that_is_owed_is_not_said_behind_a_close_frame);
    tcase_add_loop_test(tests, what_is_asked_for_wrongly_is_refused_behind_the_handshake, 0,
                        SUITE_ROWS(targets));
    tcase_add_loop_test(tests, an_envelope_is_compressed_once_where_that_makes_it_shorter, 0,
                        SUITE_ROWS(sizes));
    tcase_add_test(tests, a_long_greeting_is_compressed);
}

int main(void)
{
    return suite_main("sim/json", fill);
}
