/* sessions_test.c - who gets a session: it is found again, taken over, kept from others, told of
 * what is gone, and forgotten (product.md section 6). How a watermark moves: acks_test.c. */
#include "lib/suite.h"
#include "sim/session_lib.h"

#define A_PAGE "Origin: http://a.example\r\n"
#define B_PAGE "Origin: http://b.example\r\n"
#define PAGES  "--origins=http://a.example,http://b.example"
#define OTHERS "the session belongs to another user, Origin or list of channels"
#define TAKEN  "the session has been taken over"

/* At which worker the first comes, and the second: with `_i` from 0 to 3, so that each is at the
 * home of the session, and of the channel, or is not. */
#define PLACES 4

static void come_to(unsigned client, unsigned worker, int attempt)
{
    duo_connect_to(&duo, client, worker);
    ask_for(client, "c", attempt, "", "");
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, client, NULL), 101);
}

/* --- It is found again --- */

START_TEST(who_comes_back_gets_what_came_after_its_watermark)
{
    begin_two(1, NULL);
    say("a");
    come_to(0, (unsigned)_i / 2, 0);
    say("bc");
    ck_heard(0, "bc");
    acknowledge(0);
    go(0);
    say("de");
    come_to(0, (unsigned)_i % 2, 1);
    ck_heard(0, "de");
    say("f");
    ck_heard(0, "f");
    duo_end(&duo);
}
END_TEST

START_TEST(what_was_not_acknowledged_comes_again)
{
    begin_two(1, NULL);
    come_to(0, (unsigned)_i / 2, 0);
    say("ab");
    ck_heard(0, "ab");
    go(0);
    come_to(0, (unsigned)_i % 2, 1);
    ck_heard(0, "ab");
    duo_end(&duo);
}
END_TEST

/* What is published while it comes in does not come between. */
START_TEST(what_was_missed_comes_first_and_in_one_go)
{
    char letters[2] = "0";

    begin_two(1, NULL);
    come_to(0, (unsigned)_i / 2, 0);
    go(0);
    say("abcdefgh");
    duo_connect_to(&duo, 0, (unsigned)_i % 2);
    for (int i = 0; i < 10; i++, letters[0]++) {
        duo_post(&duo, POSTER, "c", letters, 1);
        duo_run(&duo, DUO_MS / 4);
        if (i == 4)
            ask_for(0, "c", 1, "", "");
    }
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 101);
    ck_heard(0, "abcdefgh0123456789");
    duo_end(&duo);
}
END_TEST

START_TEST(a_session_that_is_unknown_is_told_so)
{
    begin_two(1, NULL);
    come_to(0, (unsigned)_i % 2, 1);
    ck_told(0, "", 4410, "unknown");
    come_to(1, (unsigned)_i / 2, 4000);
    ck_told(1, "", 4410, "unknown");
    come_to(2, (unsigned)_i / 2, 0);
    say("a");
    ck_heard(2, "a");
    duo_end(&duo);
}
END_TEST

START_TEST(no_attempt_counts_as_0)
{
    begin(FLAGS("--session-ttl=5s"));
    come(0, NO_ATTEMPT);
    go(0);
    say("a");
    come(0, NO_ATTEMPT);
    ck_heard(0, "a");
    come(1, 1); /* a higher one takes it over */
    ck_told(0, "", 4409, TAKEN);
    come(0, NO_ATTEMPT);
    ck_told(0, "", 4409, TAKEN);
    go(1);
    duo_run(&duo, 6 * DUO_S);
    say("b");
    come(0, NO_ATTEMPT); /* forgotten: begins anew, and is told nothing */
    say("c");
    ck_heard(0, "c");
    duo_end(&duo);
}
END_TEST

START_TEST(a_session_is_kept_for_session_ttl)
{
    begin(FLAGS("--session-ttl=5s"));
    come(0, 0);
    go(0);
    say("a");
    duo_run(&duo, 4900 * DUO_MS);
    come(0, 1);
    ck_heard(0, "a");
    duo.clients[0].pongs = true; /* from here on: it is not forgotten while it is held */
    say("b");
    duo_run(&duo, 20 * DUO_S);
    come(1, 2);
    ck_told(0, "b", 4409, TAKEN);
    ck_heard(1, "");
    go(1);
    duo_run(&duo, 5000 * DUO_MS);
    come(0, 3);
    ck_told(0, "", 4410, "unknown");
    duo_end(&duo);
}
END_TEST

/* To the last turn: 5 ms before, and 5 ms behind. */
START_TEST(session_ttl_is_kept_to_the_millisecond)
{
    uint64_t gone_ns;

    for (int late = 0; late < 2; late++) {
        begin(FLAGS("--session-ttl=5s"));
        come(0, 0);
        gone_ns = duo_now(&duo);
        go(0);
        duo_connect(&duo, 1);
        duo_run(&duo, gone_ns + 5 * DUO_S + (late ? 5 : 0) * DUO_MS - duo_now(&duo) -
                          (late ? 0 : 5) * DUO_MS);
        ask_for(1, "c", 1, "", "");
        duo_run(&duo, 50 * DUO_MS);
        ck_assert_int_eq(duo_answer(&duo, 1, NULL), 101);
        if (late)
            ck_told(1, "", 4410, "unknown");
        else
            ck_heard(1, "");
        duo_end(&duo);
    }
}
END_TEST

/* --- `since` --- */

START_TEST(an_explicit_since_wins_over_the_watermark)
{
    begin(NULL);
    say("ab");
    come(0, 0);
    say("c");
    ck_heard(0, "c");
    come_with(0, "c", 1, "&since=all", "");
    ck_heard(0, "abc");
    come_with(0, "c", 2, "&since=last:1", "");
    ck_heard(0, "c");
    come_with(0, "c", 3, "&since=new", "");
    say("d");
    ck_heard(0, "d");
    come(0, 4); /* it has begun behind `c`, and acknowledged nothing */
    ck_heard(0, "d");
    duo_end(&duo);
}
END_TEST

START_TEST(an_empty_since_leaves_it_to_the_watermark)
{
    begin(NULL);
    come(0, 0);
    say("ab");
    come_with(0, "c", 1, "&since=", "");
    ck_heard(0, "ab");
    duo_end(&duo);
}
END_TEST

START_TEST(since_given_with_attempt_0_is_where_the_watermark_begins)
{
    begin(NULL);
    say("abc");
    come_with(0, "c", 0, "&since=all", "");
    ck_heard(0, "abc");
    come(0, 1);
    ck_heard(0, "abc");
    acknowledge(0);
    come(0, 2);
    ck_heard(0, "");
    duo_end(&duo);
}
END_TEST

/* What it asked for is gone; what its session has is not. */
START_TEST(a_since_that_is_refused_says_nothing_of_the_session)
{
    begin(NULL);
    come(0, 0);
    say("a");
    ck_heard(0, "a");
    come_with(0, "c", 1, "&since=" OTHER_LIFE, "");
    ck_told(0, "", 4410, "epoch");
    answer_close(0);
    come(0, 2);
    ck_heard(0, "a");
    duo_end(&duo);
}
END_TEST

/* --- Others --- */

static const struct {
    const char *channels, *lines, *other_channels, *other_lines;
} strangers[] = {
    {"c", "", "d", ""},         {"c", "", "c,d", ""},
    {"c,d", "", "c", ""},       {"c,d", "", "c,e", ""},
    {"c", "", "c", WITH_KEY},   {"c", WITH_KEY, "c", ""},
    {"c", A_PAGE, "c", ""},     {"c", "", "c", A_PAGE},
    {"c", A_PAGE, "c", B_PAGE}, {"c", A_PAGE, "c", A_PAGE WITH_KEY},
};

static void begin_with_strangers(void)
{
    begin_two(1, FLAGS(PAGES, "--api-keys=" KEY));
}

/* `_i` is the stranger: with whatever attempt, and in whatever state the session is. */
START_TEST(a_stranger_gets_4403_and_disturbs_nobody)
{
    const char *mine = strangers[_i].channels, *my = strangers[_i].lines;

    begin_with_strangers();
    come_with(0, mine, 1, "", my);
    ck_told(0, "", 4410, "unknown");
    come_with(0, mine, 0, "&format=json", my);
    listen_to(0);
    for (int attempt = NO_ATTEMPT; attempt < 10; attempt += 5) {
        come_with(1, strangers[_i].other_channels, attempt, "", strangers[_i].other_lines);
        ck_told(1, "", 4403, OTHERS);
    }
    ck_open(0);
    say("a");
    duo_run(&duo, 50 * DUO_MS);
    listen_to(0);
    ck_assert_uint_eq(heard.messages, 1);
    go(0); /* nobody holds it now */
    come_with(1, strangers[_i].other_channels, 9, "", strangers[_i].other_lines);
    ck_told(1, "", 4403, OTHERS);
    come_with(0, mine, 0, "&format=json", my); /* not even the attempt has been raised */
    duo_run(&duo, 50 * DUO_MS);
    ck_assert(duo_has(&duo, 0, "\"data\":\"a\""));
    ck_open(0);
    duo_end(&duo);
}
END_TEST

START_TEST(the_order_of_channels_does_not_matter)
{
    begin(NULL);
    come_with(0, "c,d", 0, "", "");
    publish("c", "x");
    publish("d", "y");
    come_with(0, "d,c", 1, "", "");
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_uint_eq(duo_messages(&duo, 0), 4);
    ck_assert(duo_has(&duo, 0, "\"data\":\"x\"") && duo_has(&duo, 0, "\"data\":\"y\""));
    duo_end(&duo);
}
END_TEST

START_TEST(raw_or_json_is_not_what_a_session_is_bound_to)
{
    begin(NULL);
    come(0, 0);
    say("a");
    come_with(0, "c", 1, "&format=json", "");
    duo_run(&duo, 50 * DUO_MS);
    ck_assert(duo_has(&duo, 0, RECOVERED));
    ck_assert(duo_has(&duo, 0, "\"data\":\"a\""));
    duo_end(&duo);
}
END_TEST

/* --- Taken over --- */

START_TEST(an_equal_or_higher_attempt_takes_over)
{
    begin_two(1, NULL);
    come_to(0, (unsigned)_i / 2, 0);
    say("ab");
    ck_heard(0, "ab");
    come_to(1, (unsigned)_i % 2, 0);
    ck_told(0, "", 4409, TAKEN);
    ck_heard(1, "ab");
    say("c");
    ck_heard(1, "c");
    come_to(2, (unsigned)_i / 2, 7);
    ck_told(1, "", 4409, TAKEN);
    ck_heard(2, "abc");
    duo_end(&duo);
}
END_TEST

START_TEST(a_lower_attempt_gets_4409_itself)
{
    begin_two(1, NULL);
    come_to(0, (unsigned)_i / 2, 0);
    come_to(0, (unsigned)_i / 2, 3);
    say("a");
    ck_heard(0, "a");
    come_to(1, (unsigned)_i % 2, 2);
    ck_told(1, "", 4409, TAKEN);
    say("b");
    ck_heard(0, "b");
    go(0); /* nor is it let in when nobody holds it: newer ones have been here */
    come_to(1, (unsigned)_i % 2, 2);
    ck_told(1, "", 4409, TAKEN);
    come_to(1, (unsigned)_i % 2, 3);
    ck_heard(1, "ab");
    duo_end(&duo);
}
END_TEST

START_TEST(a_half_open_connection_is_beaten_at_once)
{
    begin_two(1, NULL);
    come_to(0, (unsigned)_i / 2, 0);
    vanish(0);
    say("ab");
    come_to(1, (unsigned)_i % 2, 1);
    ck_heard(1, "ab");
    duo_end(&duo);
}
END_TEST

/* Of the message in whose middle it stands nothing is acknowledged. */
START_TEST(one_that_is_blocked_in_mid_message_is_beaten)
{
    static char large[20000];
    struct sim_net_options net = SIM_NET_CALM;

    net.buffer_bytes = 2000;
    memset(large, 'x', sizeof(large) - 1);
    ck_assert_int_eq(
        duo_begin(&duo, &(struct duo_options){.net = &net, .workers = 2, .mailbox_slots = 1}), 0);
    come_to(0, (unsigned)_i / 2, 0);
    duo.clients[0].deaf = true;
    say("a");
    ck_assert_int_eq(post_one(POSTER, "c", large), 200);
    say("b");
    ck_assert_uint_gt(gw_hub_counts(duo.assembly->workers[_i / 2]->hub).unit_bytes_pinned, 0);
    come_to(1, (unsigned)_i % 2, 1);
    duo_run(&duo, 200 * DUO_MS);
    listen_to(1);
    ck_assert_uint_eq(heard.messages, 3);
    ck_assert_uint_eq(heard.len, 1 + sizeof(large) - 1 + 1);
    duo_end(&duo);
}
END_TEST

static void stall(unsigned worker, uint64_t ns)
{
    sim_loop_stall(duo.loops[worker], duo_now(&duo) + ns);
}

/* Its end and the newcomer are seen in one turn, and it is not removed before that is over. */
START_TEST(one_that_has_just_died_is_beaten)
{
    begin_two(1, NULL);
    come_to(0, (unsigned)_i, 0);
    say("a");
    ck_heard(0, "a");
    duo_connect_to(&duo, 1, (unsigned)_i);
    stall((unsigned)_i, 20 * DUO_MS);
    sim_net_reset(duo.net, duo.clients[0].fd);
    ask_for(1, "c", 1, "", "");
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 1, NULL), 101);
    ck_heard(1, "a");
    duo_end(&duo);
}
END_TEST

/* Two handshakes come while the other worker gets no processor: the first waits for the session, or
 * for its channel, when the second comes. Channel names move the homes about. */
START_TEST(one_that_is_still_opening_is_beaten)
{
    char channel[8];

    for (char letter = 'a'; letter < 'i'; letter++) {
        snprintf(channel, sizeof(channel), "c%c", letter);
        begin_two(1, NULL);
        duo_connect_to(&duo, 0, (unsigned)_i / 2);
        duo_connect_to(&duo, 1, (unsigned)_i % 2);
        stall(!((unsigned)_i / 2), 30 * DUO_MS);
        ask_for(0, channel, 0, "", "");
        duo_run(&duo, 5 * DUO_MS);
        ask_for(1, channel, 1 - (_i & 1), "", "");
        duo_run(&duo, 100 * DUO_MS);
        ck_assert_int_eq(duo_answer(&duo, 0, NULL), 101);
        ck_assert_int_eq(duo_answer(&duo, 1, NULL), 101);
        publish(channel, "a");
        duo_run(&duo, 50 * DUO_MS);
        listen_to(1);
        if (heard.closed == 4410) { /* it was the first to be heard, and there was nothing */
            ck_assert_int_eq(1 - (_i & 1), 1);
            ck_assert_str_eq(heard.reason, "unknown");
            ck_heard(0, "a");
        } else {
            ck_assert_uint_eq(heard.closed, 0);
            ck_assert_str_eq(heard.text, "a");
            ck_told(0, "", 4409, TAKEN);
        }
        duo_end(&duo);
    }
}
END_TEST

/* The holder's worker sleeps while three come: the newest gets it. */
START_TEST(of_those_who_wait_for_it_the_newest_gets_it)
{
    begin_two(1, NULL);
    come_to(0, (unsigned)_i / 2, 0);
    say("a");
    ck_heard(0, "a");
    for (unsigned i = 1; i < 4; i++)
        duo_connect_to(&duo, i, (unsigned)_i % 2);
    stall((unsigned)_i / 2, 50 * DUO_MS);
    ask_for(1, "c", 1, "", "");
    duo_run(&duo, 5 * DUO_MS);
    ask_for(2, "c", 3, "", "");
    duo_run(&duo, 5 * DUO_MS);
    ask_for(3, "c", 2, "", "");
    duo_run(&duo, 200 * DUO_MS);
    for (unsigned i = 1; i < 4; i++)
        ck_assert_int_eq(duo_answer(&duo, i, NULL), 101);
    ck_told(0, "", 4409, TAKEN);
    listen_to(1); /* it may have had it for a moment */
    ck_assert_uint_eq(heard.closed, 4409);
    ck_heard(2, "a");
    ck_told(3, "", 4409, TAKEN);
    duo_end(&duo);
}
END_TEST

/* It has waited in vain: its connection was gone before the holder let go. (While it waits it is
 * not read: that it hung up is seen later, that it was reset at once.) */
START_TEST(a_claim_outlives_its_claimant_and_the_watermark_comes_home)
{
    begin_two(1, NULL);
    come_to(0, (unsigned)_i / 2 % 2, 0);
    say("a");
    ck_heard(0, "a");
    duo_connect_to(&duo, 1, (unsigned)_i % 2);
    stall((unsigned)_i / 2 % 2, 50 * DUO_MS);
    ask_for(1, "c", 1, "", "");
    duo_run(&duo, 5 * DUO_MS);
    if (_i >= PLACES)
        sim_net_reset(duo.net, duo.clients[1].fd);
    go(1);
    duo_run(&duo, 200 * DUO_MS);
    come_to(1, (unsigned)_i % 2, 1);
    ck_heard(1, "a");
    duo_end(&duo);
}
END_TEST

/* How many sessions somebody holds. */
static uint64_t held(void)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < duo.worker_count; i++) {
        struct gw_hub_counts counts = gw_hub_counts(duo.assembly->workers[i]->hub);

        count += counts.sessions - counts.sessions_kept;
    }
    return count;
}

/* There is no room for its channel, here or at its home: it is refused, lingers, and has given its
 * session back. */
START_TEST(who_is_refused_holds_nothing)
{
    char channel[2] = "a";
    unsigned refused = 0;

    for (; channel[0] < 'i'; channel[0]++) {
        begin_two(1, FLAGS("--max-channels=2"));
        publish("taken", "x");
        go(POSTER);
        duo_connect_to(&duo, 0, (unsigned)_i);
        duo.clients[0].stays = true;
        ask_for(0, channel, 0, "", "");
        duo_run(&duo, 50 * DUO_MS);
        if (!duo_accepted(&duo, 0)) {
            ck_assert_int_eq(duo_answer(&duo, 0, NULL), 503);
            ck_assert_uint_eq(gw_worker_connections(duo.assembly->workers[_i]), 1);
            ck_assert_uint_eq(held(), 0);
            refused++;
        }
        duo_end(&duo);
    }
    ck_assert_uint_gt(refused, 0);
}
END_TEST

/* The server begins to go while the home of the session, or of the channel, has not answered. */
START_TEST(a_claim_that_is_answered_when_its_claimant_was_refused_is_given_back)
{
    unsigned worker = (unsigned)_i / 2;

    begin_two(1, NULL);
    duo_connect_to(&duo, 0, worker);
    duo.clients[0].stays = true;
    stall(!worker, 30 * DUO_MS);
    ask_for(0, _i % 2 == 0 ? "c" : "c,d", 0, "", "");
    duo_run(&duo, 5 * DUO_MS);
    if (!duo_accepted(&duo, 0)) {
        gw_assembly_drain(duo.assembly);
        duo_run(&duo, 100 * DUO_MS);
        ck_assert_int_eq(duo_answer(&duo, 0, NULL), 503);
        ck_assert_uint_eq(gw_worker_connections(duo.assembly->workers[worker]), 1);
        ck_assert_uint_eq(held(), 0);
    }
    duo_end(&duo);
}
END_TEST

/* Either end has begun to close, and the other has not answered. */
START_TEST(one_that_is_closing_is_beaten)
{
    begin_two(1, FLAGS("--message-rate=1", "--close-timeout=10s"));
    come_to(0, (unsigned)_i / 2, 0);
    say("a");
    ck_heard(0, "a");
    say_many(0, DUO_FIN | DUO_TEXT, 4);
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_uint_eq(duo_close_code(&duo, 0), 4429);
    ck_assert(duo_there(&duo, 0));
    come_to(1, (unsigned)_i % 2, 0);
    duo_run(&duo, 50 * DUO_MS);
    listen_to(1);
    ck_assert_uint_eq(heard.closed, 0);
    ck_assert_int_eq(heard.text[0], 'a');
    acknowledge(1);
    duo.clients[1].stays = true;
    duo_frame_say(&duo, 1, DUO_CLOSE, "\x03\xe8", 2);
    duo_run(&duo, 20 * DUO_MS);
    ck_assert_uint_eq(duo_close_code(&duo, 1), 1000);
    say("b");
    come_to(2, (unsigned)_i / 2, 1);
    ck_heard(2, "b");
    duo_end(&duo);
}
END_TEST

/* --- What it lacks is gone --- */

/* So small a history that a session is soon behind it. */
static void begin_forgetful(void)
{
    begin_two(1, FLAGS("--history=2", "--live-log=4KiB", "--session-ttl=10s"));
}

static void leave_behind(unsigned worker)
{
    begin_forgetful();
    come_to(0, worker, 0);
    go(0);
    say("abcd");
}

START_TEST(it_is_told_4410_until_its_close_frame_answers)
{
    leave_behind((unsigned)_i / 2);
    for (int attempt = 1; attempt < 4; attempt++) { /* the news is lost with the connection */
        come_to(0, (unsigned)_i % 2, attempt);
        ck_told(0, "", 4410, "expired");
        go(0);
    }
    come_to(0, (unsigned)_i / 2, 0); /* at 0, too */
    ck_told(0, "", 4410, "expired");
    answer_close(0);
    come_to(0, (unsigned)_i % 2, 5);
    ck_told(0, "", 4410, "unknown");
    come_to(0, (unsigned)_i % 2, 0);
    say("e");
    ck_heard(0, "e");
    duo_end(&duo);
}
END_TEST

/* Its claim is answered when its connection is gone: nobody has heard that. */
START_TEST(what_reached_nobody_is_told_again)
{
    leave_behind((unsigned)_i / 2);
    come_to(0, (unsigned)_i % 2, 1);
    ck_told(0, "", 4410, "expired");
    go(0);
    duo_connect_to(&duo, 0, (unsigned)_i % 2);
    stall(!((unsigned)_i % 2), 50 * DUO_MS);
    ask_for(0, "c", 2, "", "");
    duo_run(&duo, 5 * DUO_MS);
    sim_net_reset(duo.net, duo.clients[0].fd);
    duo_run(&duo, 100 * DUO_MS);
    come_to(0, (unsigned)_i / 2, 3);
    ck_told(0, "", 4410, "expired");
    duo_end(&duo);
}
END_TEST

/* Two have been told; one has answered; the other's answer comes when the name has a new life. */
START_TEST(a_late_answer_says_nothing_of_the_next_session)
{
    leave_behind((unsigned)_i / 2);
    come_to(0, (unsigned)_i % 2, 1);
    ck_told(0, "", 4410, "expired");
    come_to(1, (unsigned)_i / 2, 2);
    ck_told(1, "", 4410, "expired");
    answer_close(1);
    come_to(1, (unsigned)_i / 2, 0);
    listen_to(0);
    heard.closed = 4410;
    answer_close(0);
    say("x");
    ck_heard(1, "x");
    come_to(2, (unsigned)_i % 2, 1);
    ck_heard(2, "x");
    ck_told(1, "", 4409, TAKEN);
    duo_end(&duo);
}
END_TEST

START_TEST(a_stranger_does_not_hear_what_it_lacks)
{
    leave_behind(0);
    come_to(0, 0, 1);
    ck_told(0, "", 4410, "expired");
    go(0);
    come_with(1, "d", 2, "", "");
    ck_told(1, "", 4403, OTHERS);
    answer_close(1);
    come_to(0, 1, 2);
    ck_told(0, "", 4410, "expired");
    duo_end(&duo);
}
END_TEST

START_TEST(that_it_was_told_is_forgotten_after_session_ttl)
{
    leave_behind((unsigned)_i / 2);
    come_to(0, (unsigned)_i % 2, 1);
    ck_told(0, "", 4410, "expired");
    go(0);
    duo_run(&duo, 11 * DUO_S);
    come_to(0, (unsigned)_i % 2, 2);
    ck_told(0, "", 4410, "unknown");
    duo_end(&duo);
}
END_TEST

/* Whoever reads envelopes is told in words, and goes on; but not before it has heard them. */
START_TEST(envelopes_tell_of_it_until_a_pong_says_that_it_was_heard)
{
    char c[WORD], d[WORD];

    begin(FLAGS("--history=2", "--live-log=4KiB"));
    come_with(0, "c,d", 0, "", "");
    where("c", c);
    where("d", d);
    listen_to(0);
    come_with(0, "c,d", 0, "", "");
    ck_subscribed(0, "c", c, RECOVERED);
    ck_subscribed(0, "d", d, RECOVERED);
    go(0);
    post("d", "y", d);
    for (int i = 0; i < 4; i++)
        post("c", "x", c);
    for (int attempt = 1; attempt < 4; attempt++) {
        duo_hang_up(&duo, 0);
        come_with(0, "c,d", attempt, "", "");
        ck_subscribed(0, "c", c, NOT_RECOVERED);
        ck_reset(0, "c", "expired", c);
        next_text(0);
        ck_assert_ptr_nonnull(strstr(got, "\"subscribed\":{\"channel\":\"d\""));
        ck_assert_ptr_nonnull(strstr(got, RECOVERED));
        ck_envelope(0, "d", 1, d, "y");
    }
    acknowledge(0);
    come_with(0, "c,d", 4, "", "");
    ck_subscribed(0, "c", c, RECOVERED);
    ck_subscribed(0, "d", d, RECOVERED);
    listen_to(0);
    ck_assert_uint_eq(heard.messages, 0);
    duo_end(&duo);
}
END_TEST

/* Of what it asked for itself, too; a session of which nothing was heard is nowhere. */
START_TEST(envelopes_tell_again_of_a_since_that_was_refused)
{
    begin(NULL);
    come_with(0, "c", 0, "&format=json&since=" OTHER_LIFE, "");
    for (int attempt = 1; attempt < 3; attempt++) {
        listen_to(0);
        ck_assert_ptr_nonnull(strstr(heard.text, NOT_RECOVERED));
        ck_assert_ptr_nonnull(strstr(heard.text, "\"reset\""));
        come_with(0, "c", attempt, "&format=json", "");
    }
    acknowledge(0);
    come_with(0, "c", 3, "&format=json", "");
    listen_to(0);
    ck_assert_ptr_nonnull(strstr(heard.text, RECOVERED));
    duo_end(&duo);
}
END_TEST

START_TEST(a_session_that_begins_has_not_recovered)
{
    char c[WORD];

    begin(NULL);
    post("c", "x", c);
    come_with(0, "c", 0, "&format=json", "");
    ck_subscribed(0, "c", c, NOT_RECOVERED);
    listen_to(0);
    ck_assert_uint_eq(heard.messages, 0);
    duo_end(&duo);
}
END_TEST

/* --- DELETE --- */

static void begin_deletable(void)
{
    begin_two(1, FLAGS("--api-keys=" KEY));
}

START_TEST(a_delete_leaves_alone_who_had_everything_and_its_mark_follows)
{
    begin_deletable();
    come_to(0, (unsigned)_i / 2, 0);
    say("ab");
    ck_heard(0, "ab");
    delete_channel("c");
    acknowledge(0);
    ck_heard(0, "");
    go(0);
    say("c");
    come_to(0, (unsigned)_i % 2, 1);
    ck_heard(0, "c");
    duo_end(&duo);
}
END_TEST

/* It had got everything, but nobody knows that it had. */
START_TEST(a_delete_before_the_pong_is_told_who_comes_back)
{
    begin_deletable();
    come_to(0, (unsigned)_i / 2, 0);
    say("ab");
    ck_heard(0, "ab");
    delete_channel("c");
    go(0);
    come_to(0, (unsigned)_i % 2, 1);
    ck_told(0, "", 4410, "epoch");
    duo_end(&duo);
}
END_TEST

/* It is in the middle of a message when its channel starts over. */
START_TEST(a_delete_is_told_to_who_is_behind)
{
    static char large[20000];
    struct sim_net_options net = SIM_NET_CALM;

    net.buffer_bytes = 2000;
    memset(large, 'x', sizeof(large) - 1);
    ck_assert_int_eq(duo_begin(&duo, &(struct duo_options){.net = &net,
                                                           .workers = 2,
                                                           .mailbox_slots = 1,
                                                           .flags = FLAGS("--api-keys=" KEY)}),
                     0);
    come_to(0, (unsigned)_i / 2, 0);
    duo.clients[0].deaf = true;
    ck_assert_int_eq(post_one(POSTER, "c", large), 200);
    say("ab");
    delete_channel("c");
    duo.clients[0].deaf = false;
    duo_sip(&duo, 0, SIZE_MAX);
    duo_run(&duo, DUO_S);
    ck_assert_uint_eq(duo_close_code(&duo, 0), 4410);
    if (_i % 2 == 0) { /* it has not heard, */
        go(0);
        come_to(0, (unsigned)_i % 2, 1);
        ck_told(0, "", 4410, "epoch");
    } else /* or it has */
        heard.closed = 4410;
    answer_close(0);
    come_to(0, (unsigned)_i % 2, 2);
    ck_told(0, "", 4410, "unknown");
    duo_end(&duo);
}
END_TEST

START_TEST(a_delete_is_told_to_who_comes_back)
{
    begin_deletable();
    come_to(0, (unsigned)_i / 2, 0);
    say("a");
    ck_heard(0, "a");
    acknowledge(0);
    go(0);
    delete_channel("c");
    come_to(0, (unsigned)_i % 2, 1);
    ck_told(0, "", 4410, "epoch");
    duo_end(&duo);
}
END_TEST

/* Its channel starts over while it is stuck in a message, and then it is asked how far it has got:
 * the ping comes before the news, and its pong must not say that they were heard. */
START_TEST(a_ping_before_the_news_of_a_delete_acknowledges_nothing_behind_it)
{
    static char large[6000];
    struct sim_net_options net = SIM_NET_CALM;

    net.buffer_bytes = 2000;
    memset(large, 'x', sizeof(large) - 1);
    ck_assert_int_eq(duo_begin(&duo, &(struct duo_options){.net = &net,
                                                           .workers = 2,
                                                           .mailbox_slots = 1,
                                                           .flags = FLAGS("--api-keys=" KEY)}),
                     0);
    come_with(0, "c", 0, "&format=json", "");
    acknowledge(0);
    say("a");
    duo_run(&duo, 20 * DUO_MS);
    listen_to(0);
    pong(0); /* the next ping is 200 ms away */
    duo.clients[0].deaf = true;
    ck_assert_int_eq(post_one(POSTER, "c", large), 200);
    ck_assert_int_eq(post_one(POSTER, "c", "b"), 200);
    delete_channel("c");
    duo_run(&duo, ACK_NS);
    while (!ping_of[0].there) {
        duo_sip(&duo, 0, 1);
        duo_run(&duo, DUO_MS);
        listen_to(0);
    }
    pong(0);
    ck_assert(!duo_has(&duo, 0, "\"reset\""));
    go(0);
    duo.clients[0].deaf = false;
    come_with(0, "c", 1, "&format=json", "");
    listen_to(0);
    ck_assert_ptr_nonnull(strstr(heard.text, "\"reason\":\"epoch\""));
    duo_end(&duo);
}
END_TEST

/* Though nothing else is sent to it, and had it not been asked it would be told again. */
START_TEST(who_was_told_of_a_delete_in_band_is_asked_whether_it_heard)
{
    begin_deletable();
    come_with(0, "c", 0, "&format=json", "");
    say("a");
    acknowledge(0);
    delete_channel("c");
    listen_to(0);
    ck_assert_ptr_nonnull(strstr(heard.text, "\"reason\":\"epoch\""));
    await_ping(0);
    pong(0);
    come_with(0, "c", 1, "&format=json", "");
    listen_to(0);
    ck_assert_ptr_nonnull(strstr(heard.text, RECOVERED));
    duo_end(&duo);
}
END_TEST

/* Nothing has ever been published there, and only this page listens: so nothing but the page
 * remembers the channel while it is away. */
START_TEST(a_delete_elsewhere_is_nothing_to_a_page_of_a_quiet_channel)
{
    begin_deletable();
    duo_connect_to(&duo, 0, (unsigned)_i / 2);
    ask_for(0, "quiet", 0, "", "");
    duo_run(&duo, 50 * DUO_MS);
    go(0);
    for (char name[] = "a"; name[0] < 'k'; name[0]++) {
        publish(name, "x");
        delete_channel(name);
    }
    duo_connect_to(&duo, 0, (unsigned)_i % 2);
    ask_for(0, "quiet", 1, "", "");
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 101);
    publish("quiet", "y");
    ck_heard(0, "y");
    duo_end(&duo);
}
END_TEST

/* --- An address --- */

/* How many of 1,100 that came from there one after the other are remembered. */
static uint64_t remembered_of_address(unsigned host, const char *per_address)
{
    struct duo_options options = {.client_host = host,
                                  .flags = FLAGS(per_address, "--accept-rate=100000")};
    uint64_t kept;

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    for (unsigned i = 0; i < 1100; i++) {
        char target[80];

        snprintf(target, sizeof(target), "/channels/c?session=session-number-%u", i);
        duo_open(&duo, 0, target);
        duo_hang_up(&duo, 0);
    }
    duo_run(&duo, 100 * DUO_MS);
    kept = gw_hub_counts(duo.assembly->workers[0]->hub).sessions_kept;
    duo_end(&duo);
    return kept;
}

/* Where an operator lets in more connections of one address, there is a proxy behind it, and they
 * break all at once. */
START_TEST(of_one_address_as_many_are_remembered_as_may_be_connected)
{
    ck_assert_uint_eq(remembered_of_address(2, "--max-per-address=256"), 1000);
    ck_assert_uint_eq(remembered_of_address(2, "--max-per-address=1050"), 1050);
    ck_assert_uint_eq(remembered_of_address(2, "--max-per-address=2000"), 1100);
    ck_assert_uint_eq(remembered_of_address(0, "--max-per-address=256"), 1100); /* loopback */
}
END_TEST

/* --- Memory --- */

/* Whatever becomes of it. */
static void try_to_come(unsigned client, const char *channels, int attempt)
{
    duo_connect(&duo, client);
    ask_for(client, channels, attempt, "", "");
    duo_run(&duo, 50 * DUO_MS);
    if (duo_answer(&duo, client, NULL) != 101)
        return;
    listen_to(client);
    if (ping_of[client].there && duo_there(&duo, client))
        pong(client);
}

static void try_to_say(const char *channel)
{
    duo_connect(&duo, POSTER);
    duo_post(&duo, POSTER, channel, "x", 1);
    duo_run(&duo, 300 * DUO_MS);
    duo_hang_up(&duo, POSTER);
}

/* It begins, is taken over, falls behind, is told, has heard, and begins again. */
static void live(const char *channels)
{
    try_to_come(0, channels, 0);
    try_to_say("c");
    try_to_come(1, channels, 1);
    go(1);
    for (int i = 0; i < 4; i++)
        try_to_say("c");
    try_to_come(0, channels, 2);
    if (heard.closed > 0 && duo_there(&duo, 0))
        answer_close(0);
    go(0);
    try_to_come(1, channels, 0);
    try_to_say("c");
    go(1);
}

/* Where nothing failed, all that is to be seen was there. */
static void ck_lived(void)
{
    uint64_t taken_over = 0, expired = 0;

    for (unsigned i = 0; i < 2; i++) {
        struct gw_hub_counts counts = gw_hub_counts(duo.assembly->workers[i]->hub);

        taken_over += counts.sessions_taken_over;
        expired += counts.resets[GW_RESET_EXPIRED];
    }
    ck_assert_uint_gt(taken_over, 0);
    ck_assert_uint_gt(expired, 0);
}

/* `_i`: only one or all from there on; raw or envelopes; and where they meet which worker. */
START_TEST(every_allocation_may_fail)
{
    static const char *const flags[] = {"--history=2", "--live-log=4KiB", NULL};
    bool failed = true;

    for (long at = 1; failed; at++) {
        struct duo_options options = {.workers = 2,
                                      .mailbox_slots = 1,
                                      .flags = flags,
                                      .fails_at = at,
                                      .fails_once = _i % 2 == 0,
                                      .seed = (uint64_t)_i / 4};

        if (duo_begin(&duo, &options) != 0)
            continue;
        live(_i / 2 % 2 == 0 ? "c" : "c,d");
        failed = duo.meter.failed > 0;
        if (!failed)
            ck_lived();
        duo.meter.left = METER_UNLIMITED;
        duo_open(&duo, 5, "/channels/c"); /* and as if nothing had been */
        say("y");
        ck_heard(5, "y");
        duo_end(&duo);
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, who_comes_back_gets_what_came_after_its_watermark, 0, PLACES);
    tcase_add_loop_test(tests, what_was_not_acknowledged_comes_again, 0, PLACES);
    tcase_add_loop_test(tests, what_was_missed_comes_first_and_in_one_go, 0, PLACES);
    tcase_add_loop_test(tests, a_session_that_is_unknown_is_told_so, 0, PLACES);
    tcase_add_test(tests, no_attempt_counts_as_0);
    tcase_add_test(tests, a_session_is_kept_for_session_ttl);
    tcase_add_test(tests, session_ttl_is_kept_to_the_millisecond);

    tcase_add_test(tests, an_explicit_since_wins_over_the_watermark);
    tcase_add_test(tests, an_empty_since_leaves_it_to_the_watermark);
    tcase_add_test(tests, since_given_with_attempt_0_is_where_the_watermark_begins);
    tcase_add_test(tests, a_since_that_is_refused_says_nothing_of_the_session);

    tcase_add_loop_test(tests, a_stranger_gets_4403_and_disturbs_nobody, 0, SUITE_ROWS(strangers));
    tcase_add_test(tests, the_order_of_channels_does_not_matter);
    tcase_add_test(tests, raw_or_json_is_not_what_a_session_is_bound_to);

    tcase_add_loop_test(tests, an_equal_or_higher_attempt_takes_over, 0, PLACES);
    tcase_add_loop_test(tests, a_lower_attempt_gets_4409_itself, 0, PLACES);
    tcase_add_loop_test(tests, a_half_open_connection_is_beaten_at_once, 0, PLACES);
    tcase_add_loop_test(tests, one_that_is_blocked_in_mid_message_is_beaten, 0, PLACES);
    tcase_add_loop_test(tests, one_that_has_just_died_is_beaten, 0, 2);
    tcase_add_loop_test(tests, one_that_is_still_opening_is_beaten, 0, PLACES);
    tcase_add_loop_test(tests, of_those_who_wait_for_it_the_newest_gets_it, 0, PLACES);
    tcase_add_loop_test(tests, a_claim_outlives_its_claimant_and_the_watermark_comes_home, 0,
                        2 * PLACES);
    tcase_add_loop_test(tests, who_is_refused_holds_nothing, 0, 2);
    tcase_add_loop_test(tests, a_claim_that_is_answered_when_its_claimant_was_refused_is_given_back,
                        0, PLACES);
    tcase_add_loop_test(tests, one_that_is_closing_is_beaten, 0, PLACES);

    tcase_add_loop_test(tests, it_is_told_4410_until_its_close_frame_answers, 0, PLACES);
    tcase_add_loop_test(tests, what_reached_nobody_is_told_again, 0, PLACES);
    tcase_add_loop_test(tests, a_late_answer_says_nothing_of_the_next_session, 0, PLACES);
    tcase_add_test(tests, a_stranger_does_not_hear_what_it_lacks);
    tcase_add_loop_test(tests, that_it_was_told_is_forgotten_after_session_ttl, 0, PLACES);
    tcase_add_test(tests, envelopes_tell_of_it_until_a_pong_says_that_it_was_heard);
    tcase_add_test(tests, envelopes_tell_again_of_a_since_that_was_refused);
    tcase_add_test(tests, a_session_that_begins_has_not_recovered);

    tcase_add_loop_test(tests, a_delete_leaves_alone_who_had_everything_and_its_mark_follows, 0,
                        PLACES);
    tcase_add_loop_test(tests, a_delete_before_the_pong_is_told_who_comes_back, 0, PLACES);
    tcase_add_loop_test(tests, a_delete_is_told_to_who_is_behind, 0, PLACES);
    tcase_add_loop_test(tests, a_delete_is_told_to_who_comes_back, 0, PLACES);
    tcase_add_test(tests, who_was_told_of_a_delete_in_band_is_asked_whether_it_heard);
    tcase_add_test(tests, a_ping_before_the_news_of_a_delete_acknowledges_nothing_behind_it);
    tcase_add_test(tests, of_one_address_as_many_are_remembered_as_may_be_connected);
    tcase_add_loop_test(tests, every_allocation_may_fail, 0, 8);
    tcase_add_loop_test(tests, a_delete_elsewhere_is_nothing_to_a_page_of_a_quiet_channel, 0,
                        PLACES);
}

int main(void)
{
    return suite_main("sim/sessions", fill);
}
