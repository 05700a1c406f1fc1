/* channels_test.c - how many channels there are, what is kept of each, and who waits when a log is
 * full. */
#include "lib/suite.h"
#include "sim/duo_lib.h"

/* --- Channels --- */

START_TEST(above_max_channels_a_channel_is_refused_with_503)
{
    begin(FLAGS("--max-channels=2"));
    ck_assert_int_eq(post_one(0, "one", "x"), 200);
    duo_open(&duo, 1, "/channels/two"); /* a subscription makes one, too */
    ck_assert_int_eq(post_one(0, "three", "x"), 503);
    ck_assert(duo_has(&duo, 0, "Retry-After: "));
    duo_connect(&duo, 2);
    duo_shake(&duo, 2, "/channels/three");
    ck_refused(2, 503);
    ck_assert_int_eq(post_one(0, "one", "y"), 200); /* those that are there go on */
    duo_hang_up(&duo, 1);                           /* never published to: it vanishes */
    duo_run(&duo, 10 * DUO_MS);
    ck_assert_int_eq(post_one(0, "three", "x"), 200);
    duo_end(&duo);
}
END_TEST

/* Whichever worker is the channel's home, and whichever is asked. */
START_TEST(above_max_channels_a_subscription_is_refused_with_503)
{
    char target[32];

    begin_two(4, FLAGS("--max-channels=1"));
    for (unsigned worker = 0; worker < 2; worker++) /* until both have no place */
        for (int i = 0; i < 8 && !duo_accepted(&duo, worker); i++) {
            snprintf(target, sizeof(target), "/channels/first%d", i);
            duo_connect_to(&duo, worker, worker);
            duo_shake(&duo, worker, target);
            duo_run(&duo, 100 * DUO_MS);
        }
    ck_assert(duo_accepted(&duo, 0) || duo_accepted(&duo, 1));
    for (unsigned i = 0; i < 16; i++) {
        snprintf(target, sizeof(target), "/channels/more%u", i);
        duo_connect_to(&duo, 2, i % 2);
        duo_shake(&duo, 2, target);
        ck_refused(2, 503);
    }
    duo_end(&duo);
}
END_TEST

START_TEST(history_is_that_many_publications)
{
    begin(FLAGS("--history=3"));
    for (unsigned i = 1; i <= 5; i++) {
        ck_assert_int_eq(post_one(0, "c", "x"), 200);
        ck_assert_uint_eq(kept("c"), i < 3 ? i : 3);
    }
    duo_end(&duo);
}
END_TEST

/* Above it the largest gives way, and the small one stays. */
START_TEST(history_total_is_a_cap_on_all_channels)
{
    char text[1001] = "";

    begin(FLAGS("--history-total=64KiB"));
    memset(text, 'x', 1000);
    ck_assert_int_eq(post_one(0, "small", "one"), 200);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(post_one(0, "large", text), 200);
    ck_assert_uint_le(gw_hub_counts(duo.assembly->workers[0]->hub).log_bytes, 66 * 1024);
    ck_assert_uint_lt(kept("large"), 64);
    ck_assert_uint_ge(kept("large"), 16); /* a half of it at a time, not all */
    ck_assert_uint_eq(kept("small"), 1);
    duo_end(&duo);
}
END_TEST

START_TEST(history_off_keeps_nothing)
{
    begin(FLAGS("--history=off"));
    ck_assert_int_eq(post_one(0, "c", "x"), 200);
    ck_assert_uint_eq(kept("c"), 0);
    duo_end(&duo);
}
END_TEST

START_TEST(history_bytes_is_a_cap_on_all_of_them)
{
    char text[401] = "";

    begin(FLAGS("--history-bytes=1KiB", "--live-log=4KiB"));
    memset(text, 'x', 400);
    ck_assert_int_eq(post_one(0, "c", text), 200);
    ck_assert_int_eq(post_one(0, "c", text), 200);
    ck_assert_uint_eq(kept("c"), 2); /* less than 1,024 with what each costs besides */
    ck_assert_int_eq(post_one(0, "c", text), 200);
    ck_assert_uint_eq(kept("c"), 2); /* three would be more */
    duo_end(&duo);
}
END_TEST

START_TEST(history_age_is_how_long_it_is_kept)
{
    begin(FLAGS("--history-age=10s"));
    ck_assert_int_eq(post_one(0, "c", "x"), 200);
    duo_run(&duo, 9 * DUO_S);
    ck_assert_uint_eq(kept("c"), 1);
    duo_run(&duo, DUO_S);
    ck_assert_uint_eq(kept("c"), 0);
    duo_end(&duo);
}
END_TEST

/* The value of Godwit-Position in the last answer, copied. */
static void last_position(unsigned client, char out[80])
{
    const char *text = (const char *)duo.clients[client].in.data, *at = NULL, *next = text;
    size_t left = duo.clients[client].in.len;

    while ((next = memmem(next, left - (size_t)(next - text), "Godwit-Position: ", 17)))
        at = next += 17;
    ck_assert_ptr_nonnull(at);
    snprintf(out, 80, "%.*s", (int)strcspn(at, "\r"), at);
}

START_TEST(what_has_aged_is_told_to_who_comes_back)
{
    char position[80], target[160];

    begin(FLAGS("--history-age=10s"));
    ck_assert_int_eq(post_one(0, "c", "one"), 200);
    last_position(0, position);
    ck_assert_int_eq(post_one(0, "c", "two"), 200);
    snprintf(target, sizeof(target), "/channels/c?since=%s", position);
    duo_open(&duo, 1, target);
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_uint_eq(duo_messages(&duo, 1), 1);
    duo_hang_up(&duo, 1);
    duo_run(&duo, 11 * DUO_S);
    duo_open(&duo, 1, target);
    ck_closed(1, 4410);
    ck_assert(duo_has(&duo, 1, "expired"));
    duo_end(&duo);
}
END_TEST

/* Forgotten, but for its epoch and offset: who has everything is not told otherwise. */
START_TEST(an_idle_channel_is_forgotten_after_channel_idle)
{
    char position[80], target[160];
    struct gw_str body;

    begin(FLAGS("--channel-idle=10s", "--history=off"));
    ck_assert_int_eq(post_one(0, "c", "one"), 200);
    last_position(0, position);
    duo_hang_up(&duo, 0);
    duo_run(&duo, 9 * DUO_S);
    ck_assert_uint_eq(gw_hub_counts(duo.assembly->workers[0]->hub).channels, 1);
    duo_run(&duo, 2 * DUO_S);
    ck_assert_uint_eq(gw_hub_counts(duo.assembly->workers[0]->hub).channels, 0);
    snprintf(target, sizeof(target), "/channels/c?since=%s", position);
    duo_open(&duo, 1, target);
    duo_connect(&duo, 0);
    duo_post(&duo, 0, "c", "two", 3);
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_int_eq(duo_answer(&duo, 0, &body), 200);
    ck_assert_ptr_nonnull(memmem(body.data, body.len, "\"offset\":2,", 11));
    ck_assert_uint_eq(duo_messages(&duo, 1), 1);
    ck_open(1);
    duo_end(&duo);
}
END_TEST

/* --- The live log --- */

/* Finds a channel whose home is worker 0, with the poster (client 2) on that worker. */
static void find_channel(char name[16])
{
    for (int i = 0;; i++) {
        snprintf(name, 16, "c%d", i);
        duo_connect_to(&duo, 2, 0);
        ck_assert_int_eq(post_one(2, name, "first"), 200);
        if (gw_hub_counts(duo.assembly->workers[0]->hub).publications > 0)
            break; /* it was counted where it was put in order: at home */
        ck_assert_int_lt(i, 64);
    }
}

/* Client 0 reads it from worker 1. */
static void open_at_one(const char *name)
{
    char target[64];

    snprintf(target, sizeof(target), "/channels/%s", name);
    duo_connect_to(&duo, 0, 1);
    duo_open(&duo, 0, target);
}

START_TEST(when_the_live_log_is_full_publishers_wait_and_then_get_503)
{
    char name[16], text[501] = "";
    unsigned published = 0;
    uint64_t from = 0;
    int status = 200;

    begin_two(1, FLAGS("--live-log=4KiB", "--history=1"));
    memset(text, 'x', 500);
    find_channel(name);
    open_at_one(name);
    sim_loop_stall(duo.loops[1], duo_now(&duo) + 20 * DUO_S);
    while (status == 200 && published < 100) {
        from = duo_now(&duo);
        status = post_one(2, name, text);
        published += status == 200;
    }
    ck_assert_int_eq(status, 503);
    ck_on_time(duo_now(&duo) - from, 5 * DUO_S);
    ck_assert_uint_ge(published, 2); /* half of it at least was taken */
    ck_assert(duo_has(&duo, 2, "Retry-After: "));

    duo_run(&duo, 20 * DUO_S); /* the stall is over */
    ck_assert_uint_eq(duo_messages(&duo, 0), published);
    ck_assert_int_eq(post_one(2, name, text), 200);
    duo_run(&duo, 100 * DUO_MS);
    ck_assert_uint_eq(duo_messages(&duo, 0), published + 1);
    duo_end(&duo);
}
END_TEST

START_TEST(a_publisher_that_waits_goes_on_when_there_is_room)
{
    char name[16], text[501] = "", target[64];

    begin_two(1, FLAGS("--live-log=4KiB", "--history=1"));
    memset(text, 'x', 500);
    find_channel(name);
    open_at_one(name);
    snprintf(target, sizeof(target), "/channels/%s", name);
    duo_connect_to(&duo, 3, 0);
    duo_open(&duo, 3, target);
    sim_loop_stall(duo.loops[1], duo_now(&duo) + 15 * DUO_S);
    for (int i = 0; i < 20; i++) /* by WebSocket: it is only not read meanwhile */
        duo_frame_say(&duo, 3, DUO_FIN | DUO_TEXT, text, 500);
    duo_run(&duo, 14 * DUO_S);
    ck_assert_uint_lt(duo_messages(&duo, 3), 20);
    ck_assert_uint_eq(duo_close_code(&duo, 3), 0);
    duo_run(&duo, 6 * DUO_S);
    ck_assert_uint_eq(duo_messages(&duo, 0), 20);
    ck_assert_uint_eq(duo_messages(&duo, 3), 20);
    duo_end(&duo);
}
END_TEST

START_TEST(a_publisher_that_leaves_while_it_waits_leaves_nothing)
{
    char name[16], text[501] = "", target[64];

    begin_two(1, FLAGS("--live-log=4KiB", "--history=1"));
    memset(text, 'x', 500);
    find_channel(name);
    open_at_one(name);
    snprintf(target, sizeof(target), "/channels/%s", name);
    duo_connect_to(&duo, 3, 0);
    duo_open(&duo, 3, target);
    sim_loop_stall(duo.loops[1], duo_now(&duo) + 15 * DUO_S);
    for (int i = 0; i < 20; i++)
        duo_frame_say(&duo, 3, DUO_FIN | DUO_TEXT, text, 500);
    for (int i = 0; i < 10; i++)
        duo_post(&duo, 2, name, text, 500);
    duo_run(&duo, DUO_S);
    sim_net_reset(duo.net, duo.clients[3].fd);
    sim_net_reset(duo.net, duo.clients[2].fd);
    duo_run(&duo, 10 * DUO_MS);
    ck_assert_uint_eq(gw_worker_connections(duo.assembly->workers[0]), 0);
    duo_run(&duo, 20 * DUO_S);
    ck_assert_uint_lt(duo_messages(&duo, 0), 30);
    ck_assert(duo_there(&duo, 0));
    duo_end(&duo); /* which counts */
}
END_TEST

/* The end of its stream is behind what it says, and is not forgotten while it waits. */
START_TEST(a_publisher_that_waits_and_ends_is_heard_to_the_end)
{
    char name[16], text[501] = "", target[64];

    begin_two(1, FLAGS("--live-log=4KiB", "--history=1"));
    memset(text, 'x', 500);
    find_channel(name);
    open_at_one(name);
    snprintf(target, sizeof(target), "/channels/%s", name);
    duo_connect_to(&duo, 3, 0);
    duo_open(&duo, 3, target);
    sim_loop_stall(duo.loops[1], duo_now(&duo) + 5 * DUO_S);
    for (int i = 0; i < 20; i++)
        duo_frame_say(&duo, 3, DUO_FIN | DUO_TEXT, text, 500);
    gw_loop_finish(duo.home, duo.clients[3].fd); /* arrives with the last of it */
    duo_run(&duo, 4 * DUO_S);
    ck_assert_uint_lt(duo_messages(&duo, 3), 20);
    duo_run(&duo, 2 * DUO_S); /* the stall is over */
    ck_assert_uint_eq(duo_messages(&duo, 0), 20);
    ck_assert(!duo_there(&duo, 3));
    duo_end(&duo);
}
END_TEST

/* It is not left waiting for room: its goodbye is the last thing it hears, and its answer to that
 * is read. */
START_TEST(a_publisher_that_waits_is_told_of_a_drain_and_nothing_more)
{
    char name[16], text[501] = "", target[64];

    begin_two(1, FLAGS("--live-log=4KiB", "--history=1", "--close-timeout=10s"));
    memset(text, 'x', 500);
    find_channel(name);
    open_at_one(name);
    snprintf(target, sizeof(target), "/channels/%s", name);
    duo_connect_to(&duo, 3, 0);
    duo_open(&duo, 3, target);
    sim_loop_stall(duo.loops[1], duo_now(&duo) + 15 * DUO_S);
    for (int i = 0; i < 20; i++)
        duo_frame_say(&duo, 3, DUO_FIN | DUO_TEXT, text, 500);
    duo_run(&duo, DUO_S);
    ck_assert_uint_lt(duo_messages(&duo, 3), 20);
    gw_assembly_drain(duo.assembly);
    duo_run(&duo, DUO_S);
    ck_assert_uint_eq(duo_close_code(&duo, 3), 1012);
    duo_frame_say(&duo, 3, DUO_CLOSE, "\x03\xf4", 2);
    duo_run(&duo, DUO_S); /* less than close_timeout */
    ck_assert(!duo_there(&duo, 3));
    duo_run(&duo, 15 * DUO_S); /* there is room again */
    ck_assert(duo_closed_last(&duo, 3));
    duo_end(&duo);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, above_max_channels_a_channel_is_refused_with_503);
    tcase_add_test(tests, above_max_channels_a_subscription_is_refused_with_503);
    tcase_add_test(tests, history_is_that_many_publications);
    tcase_add_test(tests, history_total_is_a_cap_on_all_channels);
    tcase_add_test(tests, history_off_keeps_nothing);
    tcase_add_test(tests, history_bytes_is_a_cap_on_all_of_them);
    tcase_add_test(tests, history_age_is_how_long_it_is_kept);
    tcase_add_test(tests, what_has_aged_is_told_to_who_comes_back);
    tcase_add_test(tests, an_idle_channel_is_forgotten_after_channel_idle);
    tcase_add_test(tests, when_the_live_log_is_full_publishers_wait_and_then_get_503);
    tcase_add_test(tests, a_publisher_that_waits_goes_on_when_there_is_room);
    tcase_add_test(tests, a_publisher_that_leaves_while_it_waits_leaves_nothing);
    tcase_add_test(tests, a_publisher_that_waits_and_ends_is_heard_to_the_end);
    tcase_add_test(tests, a_publisher_that_waits_is_told_of_a_drain_and_nothing_more);
}

int main(void)
{
    return suite_main("sim/channels", fill);
}
