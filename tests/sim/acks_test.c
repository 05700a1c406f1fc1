/* acks_test.c - how a session's watermark moves: by the exact echo of the ping that is on its way,
 * as far as that ping says, and by nothing else (product.md section 6). */
#include "lib/suite.h"
#include "sim/session_lib.h"

#define LETTERS 60
#define DAY     (24 * 3600 * DUO_S)

/* Whoever has a session gets the first ping at once, as soon as it has got something. */
static void begin_with_ping(void)
{
    begin_two(1, NULL);
    come(0, 0);
    say("a");
    ck_heard(0, "a");
    await_ping(0);
}

static void ck_comes_again(unsigned client, int attempt, const char *text)
{
    go(client);
    come(client, attempt);
    ck_heard(client, text);
}

/* --- A pong --- */

START_TEST(the_echo_of_a_ping_acknowledges_what_came_before_it)
{
    begin_with_ping();
    say("bc");
    ck_heard(0, "bc");
    pong(0);
    ck_comes_again(0, 1, "bc");
    duo_end(&duo);
}
END_TEST

START_TEST(a_late_echo_is_as_good)
{
    begin_with_ping();
    for (const char *letter = "bcdefg"; *letter; letter++) {
        publish("c", (char[]){*letter, '\0'});
        duo_run(&duo, DUO_S);
    }
    ck_heard(0, "bcdefg");
    ck_assert_uint_eq(heard.pings, 0);
    pong(0);
    await_ping(0); /* for the rest */
    ck_comes_again(0, 1, "bcdefg");
    await_ping(0);
    pong(0);
    ck_comes_again(0, 2, "");
    duo_end(&duo);
}
END_TEST

/* A browser may answer only the latest of several pings: there is never more than one. */
START_TEST(who_never_answers_is_cut_and_everything_comes_again)
{
    uint64_t from;

    begin_with_ping();
    say("bc");
    from = duo_now(&duo);
    while (duo_there(&duo, 0) && duo_now(&duo) - from < 20 * DUO_S)
        duo_run(&duo, 10 * DUO_MS);
    ck_assert_uint_le(duo_now(&duo) - from, 10 * DUO_S + LATE_NS); /* pong_timeout */
    ck_assert_uint_ge(duo_now(&duo) - from, 9 * DUO_S);
    listen_to(0);
    ck_assert_uint_eq(heard.pings, 0);
    come(0, 1);
    ck_heard(0, "abc");
    duo_end(&duo);
}
END_TEST

/* A pong that is nearly the right one: how many of its bytes, and what is done to one of them. */
static const struct {
    size_t len;
    int changed; /* -1: none */
} forgeries[] = {{0, -1}, {1, -1}, {7, -1}, {9, -1}, {16, -1}, {125, -1}, {8, 0}, {8, 4}, {8, 7}};

START_TEST(a_pong_that_is_no_exact_echo_moves_nothing)
{
    char payload[125] = "";

    begin_with_ping();
    memcpy(payload, ping_of[0].nonce, NONCE_BYTES);
    if (forgeries[_i].changed >= 0)
        payload[forgeries[_i].changed] ^= 1;
    pong_with(0, payload, forgeries[_i].len);
    ck_comes_again(0, 1, "a");
    duo_end(&duo);
}
END_TEST

/* Nor does it keep the right one from being good. */
START_TEST(a_forged_pong_does_not_spoil_the_true_one)
{
    begin_with_ping();
    pong_with(0, "forged!!", 8);
    pong(0);
    ck_comes_again(0, 1, "");
    duo_end(&duo);
}
END_TEST

START_TEST(the_nonce_of_an_earlier_ping_is_worth_nothing)
{
    char old[NONCE_BYTES];

    begin_with_ping();
    memcpy(old, ping_of[0].nonce, sizeof(old));
    pong(0);
    pong_with(0, old, sizeof(old)); /* with none on its way */
    say("b");
    ck_heard(0, "b");
    await_ping(0);
    ck_assert_mem_ne(old, ping_of[0].nonce, sizeof(old));
    pong_with(0, old, sizeof(old)); /* instead of the one that is */
    ck_comes_again(0, 1, "b");
    duo_end(&duo);
}
END_TEST

START_TEST(a_pong_before_any_ping_moves_nothing)
{
    static const char zeros[NONCE_BYTES];

    begin_two(1, NULL);
    come(0, 0);
    pong_with(0, zeros, sizeof(zeros));
    say("a");
    ck_heard(0, "a");
    ck_comes_again(0, 1, "a");
    duo_end(&duo);
}
END_TEST

/* Of another session of the same channel, and of the same session's connection before this one. */
START_TEST(a_nonce_of_another_connection_is_worth_nothing)
{
    char other[NONCE_BYTES];

    begin_with_ping();
    memcpy(other, ping_of[0].nonce, sizeof(other));
    duo_open(&duo, 1, "/channels/c?session=another-name-of-26-chars");
    say("b");
    ck_heard(1, "b");
    ck_heard(0, "b");
    await_ping(1);
    pong_with(0, ping_of[1].nonce, NONCE_BYTES);
    pong_with(1, other, sizeof(other));
    ck_comes_again(0, 1, "ab");
    await_ping(0);
    pong_with(0, other, sizeof(other));
    ck_comes_again(0, 2, "ab");
    duo_hang_up(&duo, 1);
    duo_open(&duo, 1, "/channels/c?session=another-name-of-26-chars&attempt=1");
    ck_heard(1, "b");
    duo_end(&duo);
}
END_TEST

/* The older one answers when it has been told already, and before it hears that it was. */
START_TEST(a_pong_after_the_takeover_moves_nothing)
{
    begin_with_ping();
    come(1, 1);
    pong(0);
    ck_heard(1, "a");
    ck_told(0, "", 4409, NULL);
    ck_comes_again(1, 2, "a");
    duo_end(&duo);
}
END_TEST

/* The pong is on its way when the session is taken from that connection, in one turn or in the
 * next; from then on the older one's word counts for nothing, and the newer one's for all. */
START_TEST(a_pong_that_crosses_the_takeover_moves_nothing_behind_it)
{
    begin_two(1, NULL);
    duo_connect_to(&duo, 0, (unsigned)_i / 2);
    ask_for(0, "c", 0, "", "");
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 0, NULL), 101);
    say("a");
    ck_heard(0, "a");
    duo_connect_to(&duo, 1, (unsigned)_i % 2);
    sim_net_delay(duo.net, duo.clients[0].fd, duo_now(&duo) + 30 * DUO_MS);
    pong_with(0, ping_of[0].nonce, NONCE_BYTES);
    ask_for(1, "c", 1, "", "");
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 1, NULL), 101);
    ck_heard(1, "a");
    ck_comes_again(1, 2, "a");
    await_ping(1);
    pong(1);
    ck_comes_again(1, 3, "");
    duo_end(&duo);
}
END_TEST

START_TEST(pongs_that_nobody_asked_for_are_rated)
{
    begin_with_ping();
    for (int i = 0; i < 20; i++)
        duo_frame_say(&duo, 0, DUO_PONG, "12345678", 8);
    ck_open(0);
    for (int i = 0; i < 20; i++)
        duo_frame_say(&duo, 0, DUO_PONG, "12345678", 8);
    ck_closed(0, 1008);
    duo_end(&duo);
}
END_TEST

/* It was a true echo once. */
START_TEST(an_echo_that_is_said_again_is_rated)
{
    begin_with_ping();
    for (int i = 0; i < 40; i++)
        duo_frame_say(&duo, 0, DUO_PONG, ping_of[0].nonce, NONCE_BYTES);
    ck_closed(0, 1008);
    duo_end(&duo);
}
END_TEST

START_TEST(true_echoes_are_not_rated)
{
    begin(FLAGS("--control-rate=1"));
    come(0, 0);
    duo.clients[0].pongs = true;
    for (int i = 0; i < 30; i++) {
        say("x");
        duo_run(&duo, 220 * DUO_MS);
    }
    ck_open(0);
    listen_to(0);
    ck_assert_uint_gt(heard.pings, 25);
    duo_end(&duo);
}
END_TEST

/* --- Pings --- */

/* Counts the pings that came within `ns`, and asserts that none came sooner than it may. */
static unsigned count_pings(unsigned client, uint64_t ns, const char *letters)
{
    uint64_t until = duo_now(&duo) + ns, last_ns = 0;
    unsigned count = 0;

    while (duo_now(&duo) < until) {
        if (*letters)
            duo_post(&duo, POSTER, "c", letters, 1);
        duo_run(&duo, DUO_MS);
        listen_to(client);
        if (heard.pings == 0)
            continue;
        ck_assert_uint_eq(heard.pings, 1);
        ck_assert(last_ns == 0 || duo_now(&duo) - last_ns >= ACK_NS - DUO_MS);
        last_ns = duo_now(&duo);
        count++;
    }
    return count;
}

START_TEST(one_ping_is_on_its_way_at_most)
{
    begin(NULL);
    come(0, 0);
    duo_connect(&duo, POSTER);
    ck_assert_uint_eq(count_pings(0, 3 * DUO_S, "x"), 1);
    duo_end(&duo);
}
END_TEST

/* Whoever gets a thousand messages a second is asked five times; the heartbeat is no exception. */
START_TEST(pings_are_200_ms_apart_at_least)
{
    begin(FLAGS("--ping-interval=300ms", "--pong-timeout=2s"));
    come(0, 0);
    duo.clients[0].pongs = true;
    duo_connect(&duo, POSTER);
    ck_assert_uint_ge(count_pings(0, 4 * DUO_S, "x"), 18);
    ck_assert_uint_ge(count_pings(0, 4 * DUO_S, ""), 12);
    duo_end(&duo);
}
END_TEST

/* Connections count ticks of 16 ms in 32 bits, and after 398 days the half of them is over. */
START_TEST(pings_come_at_once_however_long_the_machine_has_been_up)
{
    begin(NULL);
    duo_run(&duo, (398 + (unsigned)_i) * DAY);
    come(0, 0);
    say("a");
    ck_heard(0, "a");
    await_ping(0);
    pong(0);
    ck_comes_again(0, 1, "");
    duo_end(&duo);
}
END_TEST

/* It may be the heartbeat that is on its way when a message comes. */
START_TEST(a_message_behind_a_heartbeat_is_not_acknowledged_by_it)
{
    begin(FLAGS("--ping-interval=1s", "--pong-timeout=5s"));
    come(0, 0);
    duo_run(&duo, 1100 * DUO_MS);
    listen_to(0);
    ck_assert_uint_eq(heard.pings, 1);
    say("a");
    ck_heard(0, "a");
    pong(0);
    ck_comes_again(0, 1, "a");
    duo_end(&duo);
}
END_TEST

START_TEST(a_heartbeat_acknowledges_too)
{
    begin_with_ping();
    pong(0);
    duo_run(&duo, 30 * DUO_S); /* one comes, and is not answered */
    ck_comes_again(0, 1, "");
    duo_end(&duo);
}
END_TEST

/* Nothing of all this is for whoever has no session: what came before is what comes now. */
START_TEST(without_a_session_there_is_a_heartbeat_and_no_more)
{
    unsigned pings = 0;
    long live;

    begin(FLAGS("--history=1"));
    duo_open(&duo, 0, "/channels/c");
    say("ab");
    duo_run(&duo, DUO_S);
    live = duo.meter.live;
    for (int i = 0; i < 19; i++) {
        say("b");
        duo_run(&duo, DUO_S - 10 * DUO_MS);
        ck_assert_int_eq(duo.meter.live, live);
        listen_to(0);
        pings += heard.pings;
    }
    ck_assert_uint_eq(pings, 0);
    duo_run(&duo, 6 * DUO_S);
    listen_to(0);
    ck_assert_uint_eq(heard.pings, 1);
    duo_end(&duo);
}
END_TEST

/* With one there is its watermark, and what a ping is remembered by; at rest only the former. */
START_TEST(at_rest_a_session_costs_two_allocations)
{
    long without, with;

    begin(NULL);
    duo_open(&duo, 0, "/channels/c");
    without = duo.meter.live;
    duo_open(&duo, 1, "/channels/c");
    without = duo.meter.live - without;
    with = duo.meter.live;
    duo_open(&duo, 2, "/channels/c?session=" NAME);
    duo_run(&duo, DUO_S);
    with = duo.meter.live - with;
    ck_assert_int_le(with, without + 2 + 4); /* and the first page of each slab */
    duo_end(&duo);
}
END_TEST

/* --- A long batch --- */

/* It reads a little at a time, answers what it is asked, and is cut again and again. */
START_TEST(in_a_long_batch_to_a_slow_reader_progress_is_acknowledged)
{
    static char message[1000];
    struct sim_net_options net = SIM_NET_CALM;
    unsigned attempts = 0, most = 0, whole = 0;
    bool had[LETTERS] = {false};

    net.buffer_bytes = 2000;
    ck_assert_int_eq(duo_begin(&duo, &(struct duo_options){.net = &net,
                                                           .workers = 2,
                                                           .mailbox_slots = 1,
                                                           .flags = FLAGS("--history=100")}),
                     0);
    come(0, 0);
    go(0);
    for (int i = 0; i < LETTERS; i++) {
        memset(message, '0' + i, sizeof(message) - 1);
        ck_assert_int_eq(post_one(POSTER, "c", message), 200);
    }
    while (!had[LETTERS - 1] && ++attempts < LETTERS) {
        duo_connect(&duo, 0);
        duo.clients[0].deaf = true;
        duo.clients[0].pongs = true;
        ask_for(0, "c", (int)attempts, "", "");
        for (int i = 0; i < 900; i++) {
            duo_sip(&duo, 0, 12);
            duo_answer_pings(&duo, 0);
            duo_run(&duo, DUO_MS);
        }
        ck_assert_int_eq(duo_answer(&duo, 0, NULL), 101);
        listen_to(0);
        ck_assert_uint_eq(heard.closed, 0);
        for (unsigned i = 0; i < heard.messages; i++) {
            unsigned number = (unsigned)(heard.text[i * (sizeof(message) - 1)] - '0');

            ck_assert(number == 0 || had[number - 1]); /* nothing is missing */
            had[number] = true;
        }
        whole += heard.messages;
        most = heard.messages > most ? heard.messages : most;
        sim_net_reset(duo.net, duo.clients[0].fd);
        duo_run(&duo, 10 * DUO_MS);
    }
    ck_assert(had[LETTERS - 1]);
    ck_assert_uint_lt(most, LETTERS / 2); /* or it would show nothing */
    ck_assert_uint_lt(whole, 2 * LETTERS);
    duo_end(&duo);
}
END_TEST

/* --- Told in band --- */

/* It falls behind while it is connected: that is told, and acknowledged only once it was heard. */
START_TEST(a_loss_that_is_told_in_band_is_acknowledged_behind_the_telling)
{
    static char large[3000];
    struct sim_net_options net = SIM_NET_CALM;

    net.buffer_bytes = 2000;
    memset(large, 'x', sizeof(large) - 1);
    ck_assert_int_eq(
        duo_begin(&duo,
                  &(struct duo_options){.net = &net,
                                        .workers = 2,
                                        .mailbox_slots = 1,
                                        .flags = FLAGS("--history=2", "--history-bytes=4KiB",
                                                       "--live-log=4KiB", "--write-timeout=30s")}),
        0);
    come_with(0, "c", 0, "&format=json", "");
    listen_to(0);
    duo.clients[0].deaf = true;
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(post_one(POSTER, "c", large), 200);
    (void)wake_up(0);
    listen_to(0);
    ck_assert_ptr_nonnull(
        strstr(heard.text, "\"reset\":{\"channel\":\"c\",\"reason\":\"expired\""));
    go(0);
    come_with(0, "c", 1, "&format=json", ""); /* no pong was sent: told again */
    listen_to(0);
    ck_assert_ptr_nonnull(strstr(heard.text, NOT_RECOVERED));
    ck_assert_ptr_nonnull(strstr(heard.text, "\"reset\""));
    acknowledge(0);
    go(0);
    come_with(0, "c", 2, "&format=json", "");
    listen_to(0);
    ck_assert_ptr_nonnull(strstr(heard.text, RECOVERED));
    ck_assert_uint_eq(heard.messages, 1);
    duo_end(&duo);
}
END_TEST

/* Its channel starts over while it is in the middle of a message: a ping that joins the rest of
 * that message comes before the word of it, and says nothing. */
START_TEST(a_ping_between_a_loss_and_the_word_of_it_says_nothing)
{
    static char large[20000];
    struct sim_net_options net = SIM_NET_CALM;

    net.buffer_bytes = 2000;
    memset(large, 'x', sizeof(large) - 1);
    ck_assert_int_eq(
        duo_begin(&duo, &(struct duo_options){.net = &net, .flags = FLAGS("--api-keys=" KEY)}), 0);
    come_with(0, "c", 0, "&format=json", "");
    listen_to(0);
    ck_assert_uint_eq(heard.pings, 0);
    say("a");
    duo_run(&duo, 5 * DUO_MS);
    listen_to(0);
    pong(0); /* from here on there is none for 200 ms */
    duo.clients[0].deaf = true;
    ck_assert_int_eq(post_one(POSTER, "c", large), 200);
    say("b");
    delete_channel("c");
    duo_run(&duo, 300 * DUO_MS);
    for (int i = 0; i < 3000 && !ping_of[0].there; i++) {
        duo_sip(&duo, 0, 10);
        duo_run(&duo, DUO_MS);
        listen_to(0);
        ck_assert(!duo_has(&duo, 0, "\"reset\""));
    }
    pong(0);
    duo_run(&duo, 50 * DUO_MS);
    sim_net_reset(duo.net, duo.clients[0].fd); /* the word of it was on its way */
    duo_run(&duo, 50 * DUO_MS);
    duo.clients[0].deaf = false;
    come_with(0, "c", 1, "&format=json", "");
    listen_to(0);
    ck_assert_ptr_nonnull(strstr(heard.text, NOT_RECOVERED));
    ck_assert_ptr_nonnull(strstr(heard.text, "\"reason\":\"epoch\""));
    duo_end(&duo);
}
END_TEST

/* --- What voids it --- */

/* A proxy that answers pings itself says that the browser has what only the proxy has. What it
 * holds when its other side breaks is lost, and nobody notices: as docs/recovery.md says. */
START_TEST(a_proxy_that_answers_pings_itself_voids_the_guarantee)
{
    begin(NULL);
    come(0, 0);
    say("a");
    ck_heard(0, "a"); /* this the proxy has passed on */
    acknowledge(0);
    say("b");
    ck_heard(0, "b"); /* this it has not, */
    acknowledge(0);   /* and has answered all the same */
    go(0);
    say("c");
    come(0, 1);
    ck_heard(0, "c"); /* the page lacks `b`, and was not told */
    duo_end(&duo);
}
END_TEST

/* --- A beginning that breaks off --- */

/* The server has no memory for one thing while a session of two channels begins. Whoever comes back
 * finds no session, or one that nothing is missing of: false when all went well. */
static bool begin_short_of_memory(long left)
{
    bool failed;

    ck_assert_int_eq(duo_begin(&duo, &(struct duo_options){0}), 0);
    duo_connect(&duo, 0);
    duo.meter.left = left;
    ask_for(0, "a,b", 0, "", "");
    duo_run(&duo, 50 * DUO_MS);
    failed = duo.meter.failed > 0;
    duo.meter.left = METER_UNLIMITED;
    go(0);
    come_with(0, "a,b", 1, "", "");
    listen_to(0);
    if (heard.closed == 0) {
        ck_assert_uint_eq(heard.messages, 2);
        ck_assert_ptr_null(strstr(heard.text, "reset"));
    } else
        ck_assert_str_eq(heard.reason, "unknown");
    duo_end(&duo);
    return failed;
}

START_TEST(a_beginning_that_breaks_off_is_no_place_to_come_back_to)
{
    long left = 0;

    while (begin_short_of_memory(left))
        left++;
    ck_assert_int_gt(left, 5);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_echo_of_a_ping_acknowledges_what_came_before_it);
    tcase_add_test(tests, a_late_echo_is_as_good);
    tcase_add_test(tests, who_never_answers_is_cut_and_everything_comes_again);
    tcase_add_loop_test(tests, a_pong_that_is_no_exact_echo_moves_nothing, 0,
                        SUITE_ROWS(forgeries));
    tcase_add_test(tests, a_forged_pong_does_not_spoil_the_true_one);
    tcase_add_test(tests, the_nonce_of_an_earlier_ping_is_worth_nothing);
    tcase_add_test(tests, a_pong_before_any_ping_moves_nothing);
    tcase_add_test(tests, a_nonce_of_another_connection_is_worth_nothing);
    tcase_add_test(tests, a_pong_after_the_takeover_moves_nothing);
    tcase_add_loop_test(tests, a_pong_that_crosses_the_takeover_moves_nothing_behind_it, 0, 4);
    tcase_add_test(tests, pongs_that_nobody_asked_for_are_rated);
    tcase_add_test(tests, an_echo_that_is_said_again_is_rated);
    tcase_add_test(tests, true_echoes_are_not_rated);

    tcase_add_test(tests, one_ping_is_on_its_way_at_most);
    tcase_add_test(tests, pings_are_200_ms_apart_at_least);
    tcase_add_loop_test(tests, pings_come_at_once_however_long_the_machine_has_been_up, 0, 2);
    tcase_add_test(tests, a_message_behind_a_heartbeat_is_not_acknowledged_by_it);
    tcase_add_test(tests, a_heartbeat_acknowledges_too);
    tcase_add_test(tests, without_a_session_there_is_a_heartbeat_and_no_more);
    tcase_add_test(tests, at_rest_a_session_costs_two_allocations);

    tcase_add_test(tests, in_a_long_batch_to_a_slow_reader_progress_is_acknowledged);
    tcase_add_test(tests, a_loss_that_is_told_in_band_is_acknowledged_behind_the_telling);
    tcase_add_test(tests, a_ping_between_a_loss_and_the_word_of_it_says_nothing);
    tcase_add_test(tests, a_proxy_that_answers_pings_itself_voids_the_guarantee);
    tcase_add_test(tests, a_beginning_that_breaks_off_is_no_place_to_come_back_to);
}

int main(void)
{
    return suite_main("sim/acks", fill);
}
