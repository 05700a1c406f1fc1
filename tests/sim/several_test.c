/* several_test.c - several channels on one connection, and whoever reads envelopes and lacks
 * something: each is told in its place, and nothing comes between the halves of a message. */
#include "lib/seeded.h"
#include "lib/suite.h"
#include "sim/json_lib.h"

/* --- How many --- */

/* `count` channels in one URL. */
static void open_so_many(unsigned client, unsigned count)
{
    static char target[8192];
    size_t len = (size_t)snprintf(target, sizeof(target), "GET /channels/c1");

    for (unsigned i = 2; i <= count; i++)
        len += (size_t)snprintf(target + len, sizeof(target) - len, ",c%u", i);
    snprintf(target + len, sizeof(target) - len,
             " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    duo_connect(&duo, client);
    duo_say_text(&duo, client, target);
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, client, NULL), 101);
}

START_TEST(max_subscriptions_is_how_many_channels_one_may_name)
{
    begin_two(1, NULL);
    open_so_many(0, 127);
    open_so_many(1, 128);
    open_so_many(2, 129);
    ck_assert_uint_eq(duo_messages(&duo, 0), 127);
    ck_assert_uint_eq(duo_messages(&duo, 1), 128);
    ck_open(1);
    ck_closed(2, 4429);
    duo_end(&duo);
}
END_TEST

START_TEST(several_channels_want_a_credential_for_each)
{
    begin(FLAGS("--open=off", "--api-keys=0123456789abcdef0123456789abcdef"));
    duo_open(&duo, 0, "/channels/a,b");
    ck_assert_uint_eq(duo_messages(&duo, 0), 2); /* subscribing is free where publishing is not */
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, "x", 1);
    ck_closed(0, 4403);
    duo_end(&duo);
}
END_TEST

START_TEST(above_max_channels_none_of_several_is_subscribed)
{
    begin(FLAGS("--max-channels=2"));
    duo_connect(&duo, 0);
    duo_shake(&duo, 0, "/channels/a,b,c");
    ck_refused(0, 503);
    ck_assert_uint_eq(gw_hub_counts(duo.assembly->workers[0]->hub).subscriptions, 0);
    duo_open(&duo, 0, "/channels/a,b");
    ck_assert_uint_eq(duo_messages(&duo, 0), 2);
    duo_end(&duo);
}
END_TEST

/* The home of one of them says no when another stands already. */
START_TEST(a_home_without_room_refuses_all_of_several)
{
    begin_two(1, FLAGS("--max-channels=4"));
    for (unsigned worker = 0; worker < 2; worker++) {
        duo_connect_to(&duo, worker, worker);
        duo_shake(&duo, worker, "/channels/a,b,c,d,e,f,g,h,i,j");
        ck_refused(worker, 503);
        for (unsigned i = 0; i < 2; i++)
            ck_assert_uint_eq(gw_hub_counts(duo.assembly->workers[i]->hub).subscriptions, 0);
    }
    duo_end(&duo);
}
END_TEST

/* --- Several channels --- */

START_TEST(several_channels_come_on_one_connection)
{
    char a[2][WORD], b[2][WORD];

    begin(NULL);
    where("a", a[0]);
    where("b", b[0]);
    duo_open(&duo, 0, "/channels/a,b");
    ck_subscribed(0, "a", a[0], "");
    ck_subscribed(0, "b", b[0], "");
    post("b", "to b", b[1]);
    post("a", "to a", a[1]);
    ck_envelope(0, "b", 1, b[1], "to b");
    ck_envelope(0, "a", 1, a[1], "to a");
    ck_silent(0);
    ck_open(0);
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, "whose?", 6);
    ck_closed(0, 4403);
    where("a", a[0]);
    ck_assert_str_eq(a[0], a[1]); /* it was not published */
    duo_end(&duo);
}
END_TEST

/* The comma between two positions may come encoded, or not. */
START_TEST(each_of_several_positions_is_for_its_channel)
{
    static const char *const commas[] = {",", "%2C", "%2c"};
    char a[3][WORD], b[3][WORD], since[2 * WORD + 8];

    begin(NULL);
    for (unsigned i = 0; i < 3; i++) {
        post("a", "to a", a[i]);
        post("b", "to b", b[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        snprintf(since, sizeof(since), "%s%s%s", b[0], commas[i], a[1]);
        open_since(0, "b,a", since);
        ck_subscribed(0, "b", b[0], RECOVERED);
        ck_subscribed(0, "a", a[1], RECOVERED);
        ck_assert_uint_eq(duo_messages(&duo, 0), 5);
        for (unsigned k = 0; k < 3; k++) { /* either channel may come first */
            next_text(0);
            if (strstr(got, "\"a\""))
                ck_envelope_text(got, "a", 3, a[2], "\"data\":\"to a\"");
            else
                ck_assert_ptr_nonnull(strstr(got, "\"channel\":\"b\""));
        }
        ck_silent(0);
    }
    duo_end(&duo);
}
END_TEST

START_TEST(one_word_is_for_all_of_several_channels)
{
    char a[2][WORD], b[2][WORD];

    begin(NULL);
    where("a", a[0]);
    where("b", b[0]);
    post("a", "x", a[1]);
    post("b", "y", b[1]);
    open_since(0, "a,b", "all");
    ck_subscribed(0, "a", a[0], "");
    ck_subscribed(0, "b", b[0], "");
    ck_assert_uint_eq(duo_messages(&duo, 0), 4);
    open_since(0, "a,b", "last:1");
    ck_assert_uint_eq(duo_messages(&duo, 0), 4);
    open_since(0, "a,b", "");
    ck_subscribed(0, "a", a[1], "");
    ck_subscribed(0, "b", b[1], "");
    ck_silent(0);
    duo_end(&duo);
}
END_TEST

/* One is recovered, one has a new life, one was given no position. */
START_TEST(each_channel_hears_of_its_own_recovery)
{
    char a[2][WORD], b[WORD], c[WORD], since[3 * WORD];

    begin(NULL);
    post("a", "one", a[0]);
    post("a", "two", a[1]);
    post("b", "x", b);
    post("c", "x", c);
    snprintf(since, sizeof(since), "%s,%s,", a[0], OTHER_LIFE);
    open_since(0, "a,b,c", since);
    ck_subscribed(0, "a", a[0], RECOVERED);
    ck_subscribed(0, "b", b, NOT_RECOVERED);
    ck_reset(0, "b", "epoch", b);
    ck_subscribed(0, "c", c, "");
    ck_envelope(0, "a", 2, a[1], "two");
    ck_silent(0);
    duo_end(&duo);
}
END_TEST

/* --- Two workers --- */

/* A channel for each home: `a` at worker 0, `b` at worker 1. */
static void find_homes(char a[8], char b[8])
{
    unsigned found = 0;

    for (char letter = 'a'; found != 3; letter++) {
        uint64_t before = gw_hub_counts(duo.assembly->workers[0]->hub).publications;
        char name[8], position[WORD];
        bool at_zero;

        ck_assert_int_le(letter, 'z');
        snprintf(name, sizeof(name), "h-%c", letter);
        post(name, "x", position);
        at_zero = gw_hub_counts(duo.assembly->workers[0]->hub).publications > before;
        memcpy(at_zero ? a : b, name, sizeof(name));
        found |= at_zero ? 1 : 2;
    }
}

START_TEST(channels_of_two_homes_come_whole_through_mailboxes_of_one_slot)
{
    char name[8], position[WORD];

    begin_two(1, NULL);
    for (unsigned worker = 0; worker < 2; worker++) {
        duo_connect_to(&duo, worker, worker);
        duo_open(&duo, worker, "/channels/c0,c1,c2,c3,c4,c5,c6,c7");
        for (unsigned i = 0; i < 8; i++) {
            next_text(worker);
            snprintf(expected, sizeof(expected), "{\"subscribed\":{\"channel\":\"c%u\",", i);
            ck_assert_mem_eq(got, expected, strlen(expected));
        }
    }
    for (unsigned i = 0; i < 24; i++) {
        snprintf(name, sizeof(name), "c%c", (char)('0' + i % 8));
        post(name, name, position);
        for (unsigned worker = 0; worker < 2; worker++)
            ck_envelope(worker, name, i / 8 + 1, position, name);
    }
    ck_silent(0);
    ck_silent(1);
    duo_end(&duo);
}
END_TEST

/* Client 0, on worker 0, asks for a channel at home there and one at worker 1, which is asleep. */
static void begin_half_open(char a[8], char b[8], char at_a[WORD], char at_b[WORD])
{
    char target[64];

    begin_two(1, NULL);
    duo_connect_to(&duo, POSTER, 0);
    find_homes(a, b);
    where(a, at_a);
    where(b, at_b);
    duo_connect_to(&duo, 0, 0);
    sim_loop_stall(duo.loops[1], duo_now(&duo) + DUO_S);
    snprintf(target, sizeof(target), "/channels/%s,%s?since=,last:1", a, b);
    duo_shake(&duo, 0, target);
    duo_run(&duo, 100 * DUO_MS);
    ck_assert(!duo_accepted(&duo, 0));
}

/* In one breath it has asked for what its socket does not take, and for two channels: they stand
 * when the answers are still owed. */
START_TEST(what_was_owed_before_the_handshake_comes_before_its_channels)
{
    static const char version[] = "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct sim_net_options net = SIM_NET_CALM;
    const struct duo_options options = {.net = &net, .workers = 2, .mailbox_slots = 1};
    char a[8], b[8], position[WORD], breath[1024] = "";

    net.buffer_bytes = 1000; /* all that it says, and less than a half of what it is told */
    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    duo_connect_to(&duo, POSTER, 0);
    find_homes(a, b);
    duo_connect_to(&duo, 0, 0);
    duo.clients[0].deaf = true;
    sim_loop_stall(duo.loops[1], duo_now(&duo) + DUO_S);
    for (int i = 0; i < 14; i++)
        memcpy(breath + (size_t)i * (sizeof(version) - 1), version, sizeof(version));
    snprintf(breath + strlen(breath), sizeof(breath) - strlen(breath),
             "GET /channels/%s,%s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
             a, b);
    ck_assert_uint_lt(strlen(breath), net.buffer_bytes);
    duo_say_text(&duo, 0, breath);
    duo_run(&duo, 2 * DUO_S);
    post(a, "news", position);
    (void)wake_up(0);
    for (int i = 0; i < 14; i++)
        ck_assert_int_eq(duo_answer(&duo, 0, NULL), 200);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 101);
    for (int i = 0; i < 2; i++) {
        next_text(0);
        ck_assert_mem_eq(got, "{\"subscribed\":", 14);
    }
    next_text(0);
    ck_assert_ptr_nonnull(strstr(got, position));
    ck_silent(0);
    duo_end(&duo);
}
END_TEST

START_TEST(nothing_of_one_channel_is_sent_before_all_of_them_stand)
{
    char a[8], b[8], at_a[WORD], at_b[WORD], before_b[WORD], next[WORD];

    begin_half_open(a, b, at_a, at_b);
    post(a, "early", next);
    ck_assert(!duo_accepted(&duo, 0));
    duo_run(&duo, 2 * DUO_S);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 101);
    ck_subscribed(0, a, at_a, "");
    next_text(0);
    find_position(GW_STR(got), before_b);
    snprintf(expected, sizeof(expected),
             "{\"subscribed\":{\"channel\":\"%s\",\"position\":\"%s\"}}", b, before_b);
    ck_assert_str_eq(got, expected);
    ck_assert_uint_eq(duo_messages(&duo, 0), 4);
    ck_assert(duo_has(&duo, 0, next));
    ck_assert(duo_has(&duo, 0, at_b));
    duo_end(&duo);
}
END_TEST

static const bool drained[] = {false, true};

START_TEST(one_that_goes_while_it_waits_leaves_nothing)
{
    char a[8], b[8], at_a[WORD], at_b[WORD];

    begin_half_open(a, b, at_a, at_b);
    if (drained[_i])
        gw_assembly_drain(duo.assembly);
    else
        duo_hang_up(&duo, 0);
    duo_run(&duo, 2 * DUO_S);
    ck_assert(!duo_accepted(&duo, 0));
    for (unsigned i = 0; i < 2; i++)
        ck_assert_uint_eq(gw_hub_counts(duo.assembly->workers[i]->hub).subscriptions, 0);
    duo_end(&duo);
}
END_TEST

/* --- A stream that starts over --- */

static void delete_channel(const char *channel)
{
    struct gw_published result;

    ck_assert_int_ge(gw_hub_delete(duo.assembly->workers[0]->hub, GW_STR(channel), 0, &result), 0);
    gw_loop_wake(duo.loops[0]);
    duo_run(&duo, 50 * DUO_MS);
}

START_TEST(a_deleted_channel_is_told_to_readers_of_envelopes_only)
{
    char old[WORD], at_b[WORD], new[WORD], first[WORD];

    begin(NULL);
    post("a", "old", old);
    where("b", at_b);
    duo_open(&duo, 0, "/channels/a?format=json");
    duo_open(&duo, 1, "/channels/b,a");
    duo_open(&duo, 2, "/channels/a"); /* raw, and had everything */
    ck_subscribed(0, "a", old, "");
    ck_subscribed(1, "b", at_b, "");
    ck_subscribed(1, "a", old, "");
    delete_channel("a");
    where("a", new);
    ck_assert_str_ne(new, old);
    ck_reset(0, "a", "epoch", new);
    ck_reset(1, "a", "epoch", new);
    ck_silent(0);
    ck_silent(1);
    post("a", "first", first);
    ck_envelope(0, "a", 1, first, "first");
    ck_envelope(1, "a", 1, first, "first");
    ck_open(0);
    ck_open(1);
    ck_open(2);
    ck_assert_uint_eq(duo_messages(&duo, 2), 1);
    open_since(3, "a", new);
    ck_subscribed(3, "a", new, RECOVERED);
    ck_envelope(3, "a", 1, first, "first");
    open_since(3, "a", old);
    ck_subscribed(3, "a", first, NOT_RECOVERED);
    ck_reset(3, "a", "epoch", first);
    duo_end(&duo);
}
END_TEST

START_TEST(one_deleted_while_others_are_awaited_is_told_behind_the_greeting)
{
    char a[8], b[8], at_a[WORD], at_b[WORD], new[WORD];

    begin_half_open(a, b, at_a, at_b);
    delete_channel(a);
    ck_assert(!duo_accepted(&duo, 0));
    duo_run(&duo, 2 * DUO_S);
    where(a, new);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 101);
    ck_subscribed(0, a, at_a, "");
    next_text(0); /* of b */
    ck_assert_uint_eq(duo_messages(&duo, 0), 4);
    snprintf(expected, sizeof(expected),
             "{\"reset\":{\"channel\":\"%s\",\"reason\":\"epoch\",\"position\":\"%s\"}}", a, new);
    ck_assert(duo_has(&duo, 0, expected));
    ck_open(0);
    duo_end(&duo);
}
END_TEST

/* --- Slow readers --- */

/* Stuck in a long message of one channel; a short one of the other must not get in between, and
 * neither may be sent beside the other. */
START_TEST(a_reader_in_mid_message_gets_nothing_else_before_its_end)
{
    char a[3][WORD], b[4][WORD], rest[9000];

    begin_narrow(1500, NULL);
    where("a", a[0]);
    where("b", b[0]);
    duo_open(&duo, 0, "/channels/a,b");
    ck_subscribed(0, "a", a[0], "");
    ck_subscribed(0, "b", b[0], "");
    duo.clients[0].deaf = true;
    post_bytes("a", "", filler, 8000, a[1]);
    for (unsigned i = 1; i < 4; i++)
        post("b", "short", b[i]);
    post("a", "last", a[2]);
    ck_assert_uint_gt(gw_hub_counts(duo.assembly->workers[0]->hub).unit_bytes_pinned, 8000);
    ck_assert_uint_eq(wake_up(0), 7);
    next_text(0);
    snprintf(rest, sizeof(rest), "\"data\":\"%.8000s\"", filler);
    ck_envelope_text(got, "a", 1, a[1], rest);
    for (unsigned k = 0, at_b = 1; k < 4; k++) { /* the other order is as good */
        next_text(0);
        if (strstr(got, "\"channel\":\"a\""))
            ck_envelope_text(got, "a", 2, a[2], "\"data\":\"last\"");
        else {
            ck_envelope_text(got, "b", at_b, b[at_b], "\"data\":\"short\"");
            at_b++;
        }
    }
    ck_silent(0);
    duo_end(&duo);
}
END_TEST

/* The history keeps next to nothing: while it did not read, what it wanted next went. */
START_TEST(a_reader_that_fell_behind_is_told_and_goes_on)
{
    char head[WORD], next[WORD], other[WORD];

    begin_narrow(1500, FLAGS("--history=1", "--live-log=8KiB"));
    where("b", other);
    duo_open(&duo, 0, _i == 0 ? "/channels/a?format=json" : "/channels/b,a");
    ck_assert_uint_eq(duo_messages(&duo, 0), (unsigned)_i + 1);
    duo.clients[0].deaf = true;
    for (unsigned i = 0; i < 30; i++)
        post_bytes("a", "", filler, 1000, head);
    ck_assert_uint_lt(wake_up(0), 20);
    for (int i = 0; i <= _i; i++)
        next_text(0); /* the greeting */
    for (next_text(0); !strstr(got, "reset"); next_text(0))
        ck_assert_ptr_nonnull(strstr(got, "\"channel\":\"a\""));
    snprintf(expected, sizeof(expected),
             "{\"reset\":{\"channel\":\"a\",\"reason\":\"expired\",\"position\":\"%s\"}}", head);
    ck_assert_str_eq(got, expected);
    ck_silent(0);
    post("a", "next", next);
    ck_envelope(0, "a", 31, next, "next");
    ck_open(0);
    ck_assert_uint_ge(gw_hub_counts(duo.assembly->workers[0]->hub).resets[GW_RESET_EXPIRED], 1);
    duo_end(&duo);
}
END_TEST

/* The news waits behind the message that the socket is in the middle of. */
START_TEST(a_channel_deleted_while_its_reader_is_stuck_is_told_between_two_messages)
{
    char old[WORD], new[WORD], first[WORD];

    begin_narrow(1500, NULL);
    duo_open(&duo, 0, "/channels/b,a");
    duo.clients[0].deaf = true;
    post_bytes("a", "", filler, 8000, old);
    post("a", "never seen", old);
    delete_channel("a");
    where("a", new);
    post("a", "first", first);
    ck_assert_uint_eq(wake_up(0), 5);
    for (unsigned i = 0; i < 3; i++)
        next_text(0); /* the greeting, and the long one */
    ck_assert_uint_gt(strlen(got), 8000);
    ck_reset(0, "a", "epoch", new);
    ck_envelope(0, "a", 1, first, "first");
    ck_open(0);
    duo_end(&duo);
}
END_TEST

/* The very first words find a socket that takes only some of them. */
START_TEST(a_greeting_longer_than_the_socket_takes_comes_whole_and_first)
{
    char head[WORD];

    begin_narrow(700, NULL);
    post("c1", "there already", head);
    open_so_many(0, 128);
    ck_assert_uint_eq(duo_messages(&duo, 0), 128);
    for (unsigned i = 1; i <= 128; i++) {
        next_text(0);
        snprintf(expected, sizeof(expected), "{\"subscribed\":{\"channel\":\"c%u\",", i);
        ck_assert_mem_eq(got, expected, strlen(expected));
    }
    post("c1", "next", head);
    ck_envelope(0, "c1", 2, head, "next");
    duo_end(&duo);
}
END_TEST

/* --- Judged: no gap, no repeat, and no reset in silence --- */

/* How far somebody has got in channels `a`, `b` and `c`, over all its connections. */
struct view {
    char at[3][WORD];
    unsigned next[3]; /* 0: it has not been told where it begins */
    unsigned resets;
};

static void judge_text(struct view *view)
{
    bool subscribed, reset;
    struct gw_position position;
    char word[WORD], channel;
    unsigned offset, i;

    find_position(GW_STR(got), word);
    ck_assert(gw_position_read(&position, GW_STR(word)));
    subscribed = sscanf(got, "{\"subscribed\":{\"channel\":\"%c\"", &channel) == 1;
    reset = sscanf(got, "{\"reset\":{\"channel\":\"%c\"", &channel) == 1;
    if (!subscribed && !reset)
        ck_assert_int_eq(sscanf(got, "{\"channel\":\"%c\",\"offset\":%u,", &channel, &offset), 2);
    i = (unsigned)(channel - 'a');
    ck_assert_uint_lt(i, 3);
    if (subscribed && strstr(got, RECOVERED))
        ck_assert_str_eq(word, view->at[i]);
    else if (!subscribed && !reset) {
        ck_assert_uint_eq(offset, view->next[i]);
        ck_assert_uint_eq(offset, position.offset);
    }
    view->resets += reset;
    view->next[i] = (unsigned)position.offset + 1;
    memcpy(view->at[i], word, sizeof(word));
}

/* What a client has got since it was last asked. */
static void judge(unsigned client, struct view *view)
{
    struct duo_frame frame;

    if (!duo_accepted(&duo, client))
        return;
    if (duo.clients[client].seen == 0)
        (void)duo_answer(&duo, client, NULL);
    while (duo_frame_next(&duo, client, &frame)) {
        if ((frame.first & ~DUO_RSV1) != (DUO_FIN | DUO_TEXT))
            continue;
        if (frame.first & DUO_RSV1)
            unsqueeze(frame.payload);
        else
            snprintf(got, sizeof(got), "%.*s", (int)frame.payload.len, frame.payload.data);
        judge_text(view);
    }
}

/* --- A rough network --- */

#define READERS 4
#define ROUNDS  300

static struct seeded chance;
static struct view views[READERS];

static void come_back(unsigned client)
{
    const struct view *view = &views[client];
    char target[200] = "/channels/a,b,c?since=all";

    judge(client, &views[client]);
    if (view->next[0] && view->next[1] && view->next[2])
        snprintf(target, sizeof(target), "/channels/a,b,c?since=%s,%s,%s", view->at[0], view->at[1],
                 view->at[2]);
    duo_connect(&duo, client);
    duo.clients[client].deaf = seeded_below(&chance, 2) == 0;
    duo_shake(&duo, client, target);
}

static void play_round(void)
{
    unsigned client = (unsigned)seeded_below(&chance, READERS);
    char channel[2] = {(char)('a' + seeded_below(&chance, 3)), '\0'};

    if (!duo_there(&duo, POSTER))
        duo_connect(&duo, POSTER);
    if (duo_there(&duo, POSTER))
        duo_post(&duo, POSTER, channel, filler, seeded_below(&chance, 3000));
    if (!duo_there(&duo, client))
        come_back(client);
    else if (seeded_below(&chance, 6) == 0)
        sim_net_reset(duo.net, duo.clients[client].fd);
    else
        duo_sip(&duo, client, seeded_below(&chance, 4000));
    duo_run(&duo, seeded_below(&chance, 200) * DUO_MS);
}

/* Whoever is cut comes back by the positions it has seen. In the end all have the same. */
START_TEST(who_comes_back_by_position_misses_nothing_on_a_rough_network)
{
    struct sim_net_options rough = SIM_NET_ROUGH, calm = SIM_NET_CALM;
    struct duo_options options = {.net = &rough,
                                  .seed = (uint64_t)_i + 1,
                                  .workers = 2,
                                  .mailbox_slots = 1,
                                  .flags = FLAGS("--history=1000", "--write-timeout=1h",
                                                 "--message-timeout=1h", "--live-log=1MiB")};
    struct view whole = {0};

    memset(views, 0, sizeof(views));
    memset(filler, 'x', sizeof(filler));
    chance = (struct seeded){(uint64_t)_i};
    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    for (int round = 0; round < ROUNDS; round++)
        play_round();
    calm.buffer_bytes = rough.buffer_bytes;
    sim_net_options_set(duo.net, &calm);
    duo_run(&duo, 10 * DUO_S);
    open_since(READERS, "a,b,c", "all");
    duo_run(&duo, 10 * DUO_S);
    judge(READERS, &whole);
    for (unsigned i = 0; i < READERS; i++) {
        come_back(i);
        duo.clients[i].deaf = false;
        duo_run(&duo, 10 * DUO_S);
        judge(i, &views[i]);
        ck_assert_uint_eq(views[i].resets, 0);
        ck_assert_mem_eq(views[i].next, whole.next, sizeof(whole.next));
    }
    ck_assert_uint_gt(whole.next[0] + whole.next[1] + whole.next[2], 100);
    ck_assert_uint_gt(sim_net_counts(duo.net).resets, 10);
    ck_assert_uint_gt(sim_net_counts(duo.net).sends_short, 100);
    duo_end(&duo);
}
END_TEST

/* --- Memory --- */

/* Readers of one and of several channels, one of which falls behind and one that starts over; false
 * when the server could not even be made. */
static bool live(long fails_at, bool once)
{
    const char *const flags[] = {"--deflate=on", "--history=1", "--live-log=4KiB", NULL};
    static const char *const what[] = {"/channels/a?format=json", "/channels/a,b,c",
                                       "/channels/c,a?since=all,garbage"};
    struct sim_net_options net = SIM_NET_CALM;
    struct duo_options options = {.net = &net,
                                  .workers = 2,
                                  .mailbox_slots = 1,
                                  .flags = flags,
                                  .fails_at = fails_at,
                                  .fails_once = once};

    net.buffer_bytes = 1500;
    if (duo_begin(&duo, &options) != 0)
        return false;
    for (unsigned i = 0; i < 3; i++) {
        duo_connect(&duo, i);
        duo_shake_with(&duo, i, what[i], i < 2 ? OFFER : "");
        duo_run(&duo, 20 * DUO_MS);
        (void)duo_answer(&duo, i, NULL);
        duo.clients[i].deaf = i > 0;
    }
    duo_connect(&duo, POSTER);
    for (unsigned i = 0; i < 36 && duo_there(&duo, POSTER); i++) {
        duo_post(&duo, POSTER, i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "c", filler, 1000);
        duo_run(&duo, 20 * DUO_MS);
    }
    return true;
}

static void end_life(void)
{
    struct gw_published result;

    (void)gw_hub_delete(duo.assembly->workers[0]->hub, GW_STR("a"), 0, &result);
    gw_loop_wake(duo.loops[0]);
    duo_run(&duo, 50 * DUO_MS);
    for (unsigned i = 1; i < 3; i++)
        for (unsigned k = 0; k < 30; k++) {
            duo_sip(&duo, i, 700);
            duo_run(&duo, DUO_MS);
        }
    for (unsigned i = 0; i < 3; i++) {
        struct view view = {0};

        judge(i, &view);
    }
}

/* Where nothing failed, all that is to be seen was there. */
static void ck_lived(void)
{
    uint64_t resets[GW_RESET_UNKNOWN + 1] = {0};

    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k <= GW_RESET_UNKNOWN; k++)
            resets[k] += gw_hub_counts(duo.assembly->workers[i]->hub).resets[k];
    ck_assert_uint_gt(resets[GW_RESET_EXPIRED], 0);
    ck_assert_uint_gt(resets[GW_RESET_EPOCH], 0);
    ck_assert_uint_gt(resets[GW_RESET_UNKNOWN], 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert(duo_has(&duo, i, "101"));
}

START_TEST(every_allocation_may_fail)
{
    for (long at = 1;; at++) {
        bool failed;

        for (unsigned i = 0; i < sizeof(filler); i++)
            filler[i] = (char)('a' + i * i % 23);
        if (!live(at, _i == 0))
            continue;
        end_life();
        failed = duo.meter.failed > 0;
        if (!failed)
            ck_lived();
        duo_end(&duo);
        if (!failed)
            break;
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, max_subscriptions_is_how_many_channels_one_may_name);
    tcase_add_test(tests, several_channels_want_a_credential_for_each);
    tcase_add_test(tests, above_max_channels_none_of_several_is_subscribed);
    tcase_add_test(tests, a_home_without_room_refuses_all_of_several);
    tcase_add_test(tests, several_channels_come_on_one_connection);
    tcase_add_test(tests, each_of_several_positions_is_for_its_channel);
    tcase_add_test(tests, one_word_is_for_all_of_several_channels);
    tcase_add_test(tests, each_channel_hears_of_its_own_recovery);
    tcase_add_test(tests, channels_of_two_homes_come_whole_through_mailboxes_of_one_slot);
    tcase_add_test(tests, what_was_owed_before_the_handshake_comes_before_its_channels);
    tcase_add_test(tests, nothing_of_one_channel_is_sent_before_all_of_them_stand);
    tcase_add_loop_test(tests, one_that_goes_while_it_waits_leaves_nothing, 0, SUITE_ROWS(drained));
    tcase_add_test(tests, a_deleted_channel_is_told_to_readers_of_envelopes_only);
    tcase_add_test(tests, one_deleted_while_others_are_awaited_is_told_behind_the_greeting);
    tcase_add_test(tests, a_reader_in_mid_message_gets_nothing_else_before_its_end);
    tcase_add_loop_test(tests, a_reader_that_fell_behind_is_told_and_goes_on, 0, 2);
    tcase_add_test(tests, a_channel_deleted_while_its_reader_is_stuck_is_told_between_two_messages);
    tcase_add_test(tests, a_greeting_longer_than_the_socket_takes_comes_whole_and_first);
    tcase_add_loop_test(tests, who_comes_back_by_position_misses_nothing_on_a_rough_network, 0, 20);
    tcase_add_loop_test(tests, every_allocation_may_fail, 0, 2);
}

int main(void)
{
    return suite_main("sim/several", fill);
}
