/* branch_test.c - a branch in the narrow places: asks that wait, memory that lacks, and letters
 * that come while it is leaving. */
#include "hub/hub.h"

#include "lib/suite.h"
#include "unit/hub/stage.h"

static struct stage stage;
static unsigned home, branch;

static void open_pair(uint32_t slots)
{
    stage_open(&stage, 2, slots);
    home = gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[0]));
    branch = 1 - home;
}

static struct gw_channel *channel_on(unsigned worker)
{
    uint32_t index;

    return gw_registry_find(stage.hubs[worker], GW_STR(stage_names[0]), &index);
}

static int subscribe_turn(unsigned reader, const char *since)
{
    int status;

    stage_begin(&stage, branch);
    status = stage_subscribe(&stage, reader, branch, 0, since, 0);
    (void)stage_end(&stage, branch);
    return status;
}

static void unsubscribe_turn(unsigned reader)
{
    stage_begin(&stage, branch);
    stage_unsubscribe(&stage, reader);
    (void)stage_end(&stage, branch);
}

static struct gw_position publish_turn(unsigned count)
{
    struct gw_published result;

    stage_begin(&stage, home);
    while (count-- > 0)
        ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
    (void)stage_end(&stage, home);
    return result.position;
}

static void check_where(unsigned reader, const struct gw_position *expected)
{
    struct gw_position where = gw_hub_where(stage.hubs[branch], stage.readers[reader].subscription);

    ck_assert_mem_eq(&where, expected, sizeof(where));
}

/* --- Asks --- */

/* Those who gave up while they waited are in the queue until it moves, and so count. */
START_TEST(only_so_many_asks_wait)
{
    stage_init(&stage, 2, 1);
    for (unsigned w = 0; w < 2; w++) {
        struct gw_hub_options options = stage_options(&stage, w);

        options.subscriptions_max = 4;
        ck_assert_int_eq(stage_open_hub(&stage, w, &options), 0);
    }
    home = gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[0]));
    branch = 1 - home;
    ck_assert_int_eq(subscribe_turn(0, "all"), GW_PENDING); /* has the only credit */
    ck_assert_int_eq(subscribe_turn(1, "all"), GW_PENDING); /* and this one waits */
    for (unsigned i = 2; i < 5; i++) {
        ck_assert_int_eq(subscribe_turn(i, "all"), GW_PENDING);
        unsubscribe_turn(i);
    }
    ck_assert_int_eq(subscribe_turn(5, "all"), GW_ERR_TOO_MANY);
    stage_turns(&stage, 4);
    ck_assert_int_eq(subscribe_turn(5, "all"), GW_PENDING);
    stage_turns(&stage, 2);
    ck_assert_int_eq(stage.readers[1].state, READER_STANDS);
    ck_assert_int_eq(stage.readers[5].state, READER_STANDS);
    stage_close(&stage);
}
END_TEST

START_TEST(an_ask_without_a_credit_waits_for_an_answer_and_not_for_time)
{
    static const struct gw_position nowhere;

    open_pair(1);
    for (unsigned i = 0; i < 4; i++)
        (void)subscribe_turn(i, "all");
    ck_assert_uint_eq(stage.hubs[branch]->ask_count, 3);
    check_where(0, &nowhere);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[branch]), UINT64_MAX);
    stage_close(&stage); /* what waits goes with its hub */
}
END_TEST

/* The only place of the mailbox is taken by a count, which is no request; nothing else is to be
 * done, and nobody tells when there is room. */
START_TEST(an_ask_without_room_is_tried_again_a_little_later)
{
    open_pair(1);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    (void)subscribe_turn(1, "new");
    ck_assert_uint_eq(stage.mail[branch][home].count, 1);
    stage_begin(&stage, branch);
    stage_unsubscribe(&stage, 1);
    ck_assert_int_eq(stage_subscribe(&stage, 2, branch, 0, "all", 0), GW_PENDING);
    (void)stage_end(&stage, branch);
    ck_assert_uint_eq(stage.hubs[branch]->ask_count, 1);
    ck_assert_uint_eq(stage.hubs[branch]->tidy.count, 0);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[branch]), GW_RETRY_NS);
    (void)stage_turn(&stage, home);
    stage_turns(&stage, 3);
    ck_assert_int_eq(stage.readers[2].state, READER_STANDS);
    stage_close(&stage);
}
END_TEST

/* With something to be swept besides, for which the next turn would come at once. */
START_TEST(an_ask_without_memory_is_tried_again_a_little_later)
{
    struct gw_published result;
    bool reached = false;
    int other = 1;

    for (long left = 0; !reached; left++) {
        open_pair(2);
        while (gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[other])) != branch)
            other++;
        stage_begin(&stage, branch);
        (void)stage_subscribe(&stage, 1, branch, other, "new", 0);
        ck_assert_int_eq(stage_publish(&stage, branch, other, 20, &result), 0);
        stage.send_max = 0;
        stage.meter.left = left;
        /* What it needs itself was there, and then the letter's copy of the name was not. */
        reached = stage_subscribe(&stage, 0, branch, 0, "all", 0) == GW_PENDING;
        ck_assert_int_gt(stage.meter.failed, 0);
        (void)stage_end(&stage, branch);
        stage.meter.left = METER_UNLIMITED;
        if (reached)
            ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[branch]), GW_RETRY_NS);
        stage_close(&stage);
    }
}
END_TEST

/* A request in the turn that has begun; what the hub says to it. */
static int request_of(int kind)
{
    struct gw_published result;

    if (kind == 0)
        return stage_publish(&stage, branch, 0, 20, &result);
    if (kind == 1)
        return stage_delete(&stage, branch, 0, &result);
    return stage_read(&stage, branch, 0, "all", 5, false);
}

START_TEST(who_came_first_asks_first)
{
    open_pair(1);
    (void)subscribe_turn(0, "all");
    (void)subscribe_turn(1, "all");
    (void)stage_turn(&stage, home);
    stage_begin(&stage, branch); /* in which there is room, but no credit yet */
    ck_assert_int_eq(request_of(_i), GW_ERR_FULL);
    stage_letters(&stage, branch);
    ck_assert_int_eq(request_of(_i), GW_ERR_FULL); /* and the credit was for the second one */
    (void)stage_end(&stage, branch);
    stage_turns(&stage, 2);
    ck_assert_int_eq(stage.readers[1].state, READER_STANDS);
    stage_begin(&stage, branch);
    ck_assert_int_eq(request_of(_i), GW_PENDING);
    (void)stage_end(&stage, branch);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.answered, 1);
    stage_close(&stage);
}
END_TEST

/* Two counts were in the mailbox. Now it is empty: there is room for the one who waited, and for
 * another request behind it. */
START_TEST(who_comes_second_need_not_wait_longer_than_the_first)
{
    open_pair(2);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    (void)subscribe_turn(1, "new");
    (void)subscribe_turn(2, "new");
    (void)subscribe_turn(3, "all");
    ck_assert_uint_eq(stage.hubs[branch]->ask_count, 1);
    (void)stage_turn(&stage, home);
    stage_begin(&stage, branch);
    ck_assert_int_eq(request_of(_i), GW_PENDING);
    (void)stage_end(&stage, branch);
    stage_turns(&stage, 3);
    ck_assert_int_eq(stage.readers[3].state, READER_STANDS);
    ck_assert_uint_eq(stage.answered, 1);
    stage_close(&stage);
}
END_TEST

/* --- What a branch was sent --- */

static const struct {
    const char *since;
    uint64_t messages;
} befores[] = {{"all", 5}, {"last:2", 2}, {"last:1", 1}};

START_TEST(what_was_before_is_nothing_to_sweep)
{
    open_pair(2);
    (void)publish_turn(5);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    (void)subscribe_turn(1, befores[_i].since);
    (void)stage_turn(&stage, home);
    stage_begin(&stage, branch);
    stage_letters(&stage, branch);
    ck_assert_int_eq(stage.readers[1].state, READER_STANDS);
    ck_assert(!channel_on(branch)->dirty); /* its reader is served on its own */
    (void)stage_end(&stage, branch);
    ck_assert_uint_eq(stage.readers[1].messages, befores[_i].messages);
    stage_close(&stage);
}
END_TEST

/* On a fresh branch, and on a joined one. */
START_TEST(where_a_reader_stands_before_it_got_anything_is_known)
{
    struct gw_position expected;

    open_pair(2);
    expected = publish_turn(13);
    (void)publish_turn(7);
    if (_i > 0)
        (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    (void)subscribe_turn(1, "last:7");
    stage.readers[1].room = 0;
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.readers[1].messages, 0);
    check_where(1, &expected);
    stage_close(&stage);
}
END_TEST

/* A JOIN finds three publications that the branch has not been posted: they come with its answer.
 */
START_TEST(where_a_reader_stands_is_known_too_when_another_brought_the_news)
{
    struct gw_published result;
    struct gw_position expected;

    open_pair(2);
    expected = publish_turn(5);
    (void)subscribe_turn(0, "new");
    stage.readers[0].room = 0;
    stage_turns(&stage, 2);
    (void)subscribe_turn(1, "last:0");
    stage_begin(&stage, home);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
    stage_letters(&stage, home);
    (void)stage_end(&stage, home);
    (void)stage_turn(&stage, branch);
    check_where(0, &expected);
    check_where(1, &result.position);
    stage_close(&stage);
}
END_TEST

/* The one who is behind keeps what the branch has for it. */
START_TEST(older_ones_that_do_not_fit_into_memory_cost_nobody_else)
{
    for (long left = 0, failed = 1; failed > 0; left++) {
        open_pair(2);
        (void)publish_turn(5);
        (void)subscribe_turn(0, "new");
        stage.readers[0].room = 0;
        stage_turns(&stage, 2);
        (void)publish_turn(3);
        stage_turns(&stage, 2);
        (void)subscribe_turn(1, "all");
        (void)stage_turn(&stage, home);
        stage_begin(&stage, branch);
        stage.meter.left = left;
        stage_letters(&stage, branch);
        failed = stage.meter.failed;
        stage.meter.left = METER_UNLIMITED;
        stage_drain(&stage, 0, STAGE_ROOM);
        (void)stage_end(&stage, branch);
        ck_assert_int_eq(stage.readers[1].state, failed > 0 ? READER_REFUSED : READER_STANDS);
        ck_assert_int_eq(stage.readers[0].state, READER_STANDS);
        ck_assert_uint_eq(stage.readers[0].messages, 3);
        stage_close(&stage);
    }
}
END_TEST

/* To tell its readers that they lost their place there is time later. */
START_TEST(a_range_without_memory_is_followed_by_a_pause)
{
    open_pair(2);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    (void)publish_turn(3);
    stage_begin(&stage, branch);
    stage.meter.left = 0;
    stage_letters(&stage, branch);
    stage.meter.left = METER_UNLIMITED;
    stage.send_max = 0;
    (void)stage_end(&stage, branch);
    ck_assert(channel_on(branch)->dirty);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[branch]), GW_RETRY_NS);
    stage.send_max = 1000;
    (void)stage_turn(&stage, branch);
    ck_assert_int_eq(stage.readers[0].state, READER_LOST);
    stage_close(&stage);
}
END_TEST

/* What a home has kept because its own sweep is not done. */
static const struct {
    size_t small, large;                    /* bytes of payload; 0: none */
} unswept[] = {{0, 60000}, {20000, 60000}}; /* the live log has 64 KiB */

/* It came with the answer to the first JOIN, and there is no time for it yet. */
START_TEST(what_a_fresh_branch_was_sent_waits_for_its_first_sweep)
{
    struct gw_position before;
    struct gw_published result;
    char word[GW_POSITION_LEN + 1] = "";

    open_pair(2);
    stage.history.count_max = 0;
    stage_begin(&stage, home);
    ck_assert_int_eq(stage_subscribe(&stage, 9, home, 0, "new", 0), 0);
    (void)stage_end(&stage, home);
    before = publish_turn(1);
    gw_position_write(word, &before);
    stage.send_max = 0;
    stage_begin(&stage, home);
    if (unswept[_i].small > 0)
        ck_assert_int_eq(stage_publish(&stage, home, 0, unswept[_i].small, &result), 0);
    ck_assert_int_eq(stage_publish(&stage, home, 0, unswept[_i].large, &result), 0);
    (void)stage_end(&stage, home);
    ck_assert_int_eq(subscribe_turn(0, word), GW_PENDING);
    stage_turns(&stage, 2);
    ck_assert_int_eq(stage.readers[0].start.reset, GW_RESET_NONE);
    ck_assert(channel_on(branch)->late);
    stage.send_max = 1000;
    stage_turns(&stage, 2);
    ck_assert_int_eq(stage.readers[0].state, READER_STANDS);
    ck_assert_uint_eq(stage.readers[0].expected, result.position.offset + 1);
    ck_assert(!channel_on(branch)->late);
    stage_close(&stage);
}
END_TEST

/* Of what the branch needs to take in five older ones, each allocation fails in turn. */
START_TEST(older_ones_that_do_not_fit_into_memory_are_not_promised)
{
    for (long left = 0, failed = 1; failed > 0; left++) {
        open_pair(2);
        (void)publish_turn(5);
        (void)subscribe_turn(0, "new");
        stage_turns(&stage, 2);
        (void)subscribe_turn(1, "all");
        (void)stage_turn(&stage, home);
        stage_begin(&stage, branch);
        stage.meter.left = left;
        stage_letters(&stage, branch);
        failed = stage.meter.failed;
        stage.meter.left = METER_UNLIMITED;
        (void)stage_end(&stage, branch);
        if (failed > 0) {
            ck_assert_int_eq(stage.readers[1].state, READER_REFUSED);
            ck_assert_int_eq(stage.readers[1].start.status, -ENOMEM);
        }
        (void)publish_turn(1);
        stage_turns(&stage, 2);
        ck_assert_uint_eq(stage.readers[0].messages, 1);
        ck_assert_uint_eq(stage.readers[1].messages, failed > 0 ? 0 : 6);
        stage_close(&stage);
    }
}
END_TEST

START_TEST(a_range_is_posted_once)
{
    open_pair(2);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    (void)publish_turn(3);
    ck_assert_uint_eq(stage.mail[home][branch].count, 1);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[home]).ranges_owed, 0);
    ck_assert_uint_gt(gw_hub_wait_ns(stage.hubs[home]), GW_RETRY_NS);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.mail[home][branch].count, 0);
    stage_close(&stage);
}
END_TEST

/* The home has the history: nobody here is behind. */
START_TEST(a_branch_keeps_no_history)
{
    open_pair(2);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    (void)publish_turn(5);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.readers[0].messages, 5);
    ck_assert_uint_gt(gw_hub_counts(stage.hubs[home]).log_bytes, 0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[branch]).log_bytes, 0);
    stage_close(&stage);
}
END_TEST

/* --- What the home is told --- */

START_TEST(a_count_is_told_once)
{
    open_pair(2);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    ck_assert_int_eq(subscribe_turn(1, "new"), 0);
    ck_assert_uint_eq(stage.mail[branch][home].count, 1);
    ck_assert_uint_eq(stage.hubs[branch]->tidy.count, 0);
    ck_assert_uint_gt(gw_hub_wait_ns(stage.hubs[branch]), GW_RETRY_NS);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.mail[branch][home].count, 0);
    stage_close(&stage);
}
END_TEST

START_TEST(subscribers_are_those_of_all_workers)
{
    struct gw_published result;

    stage_open(&stage, 3, 2);
    home = gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[0]));
    for (unsigned i = 0; i < 6; i++) { /* 1, 2 and 3 of them */
        branch = (home + (i < 1 ? 0 : i < 3 ? 1 : 2)) % 3;
        (void)subscribe_turn(i, "new");
        stage_turns(&stage, 2);
    }
    stage_begin(&stage, home);
    ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
    ck_assert_uint_eq(result.subscribers, 6);
    (void)stage_end(&stage, home);
    stage_turns(&stage, 2);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_eq(stage.readers[i].messages, 1);
    stage_close(&stage);
}
END_TEST

static int publish_large(void)
{
    struct gw_published result;
    int status;

    stage_begin(&stage, home);
    stage_letters(&stage, home);
    status = stage_publish(&stage, home, 0, 10000, &result);
    (void)stage_end(&stage, home);
    return status;
}

/* The turns of a branch that has no time for its readers. */
static void turn_without_sends(void)
{
    stage.send_max = 0;
    (void)stage_turn(&stage, branch);
    stage.send_max = 1000;
}

/* Half of the live log is 32 KiB. */
START_TEST(a_branch_is_late_when_half_of_the_live_log_waits_and_not_before)
{
    open_pair(2);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(publish_large(), 0);
        turn_without_sends();
        ck_assert(!channel_on(branch)->late);
    }
    ck_assert_int_eq(publish_large(), 0);
    turn_without_sends();
    ck_assert(channel_on(branch)->late); /* with one reader as with many */
    ck_assert_int_eq(publish_large(), GW_ERR_FULL);
    (void)stage_turn(&stage, branch);
    ck_assert_int_eq(publish_large(), 0);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.readers[0].messages, 5);
    stage_close(&stage);
}
END_TEST

/* One publication, and what the live log may have. */
static const struct {
    uint64_t live_log_bytes;
    bool late;
} shares[] = {
    {2 * (20 + sizeof(struct gw_pub)) - 1, true},
    {2 * (20 + sizeof(struct gw_pub)), true},
    {2 * (20 + sizeof(struct gw_pub)) + 2, false},
};

START_TEST(half_of_the_live_log_is_late_to_the_byte)
{
    stage_init(&stage, 2, 2);
    for (unsigned w = 0; w < 2; w++) {
        struct gw_hub_options options = stage_options(&stage, w);

        options.live_log_bytes = shares[_i].live_log_bytes;
        ck_assert_int_eq(stage_open_hub(&stage, w, &options), 0);
    }
    home = gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[0]));
    branch = 1 - home;
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    (void)publish_turn(1);
    turn_without_sends();
    ck_assert_int_eq(channel_on(branch)->late, shares[_i].late);
    stage_close(&stage);
}
END_TEST

START_TEST(a_branch_without_readers_is_not_late)
{
    open_pair(2);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(publish_large(), 0);
        turn_without_sends();
    }
    ck_assert_int_eq(publish_large(), GW_ERR_FULL);
    stage.send_max = 0;
    unsubscribe_turn(0);
    ck_assert_int_eq(publish_large(), 0);
    stage_close(&stage);
}
END_TEST

/* It gives up its copy, and with it what waited. */
START_TEST(a_branch_without_memory_is_not_late_for_ever)
{
    struct gw_published result;

    open_pair(2);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(publish_large(), 0);
        turn_without_sends();
    }
    ck_assert_int_eq(publish_large(), GW_ERR_FULL);
    stage_begin(&stage, branch);
    ck_assert_int_eq(stage_publish(&stage, branch, 0, 20, &result), GW_PENDING);
    stage.send_max = 0;
    (void)stage_end(&stage, branch);
    (void)stage_turn(&stage, home);
    stage_begin(&stage, branch);
    stage.meter.left = 0;
    stage_letters(&stage, branch); /* a fifth publication, for which the ring has to grow */
    stage.meter.left = METER_UNLIMITED;
    ck_assert_ptr_null(channel_on(branch)->log);
    (void)stage_end(&stage, branch);
    stage.send_max = 1000;
    stage_turns(&stage, 3);
    ck_assert_int_eq(stage.readers[0].state, READER_LOST);
    ck_assert_int_eq(publish_large(), 0);
    stage_close(&stage);
}
END_TEST

/* Where nothing may wait, nothing that does not wait holds up anybody. */
START_TEST(without_a_live_log_publishers_wait_only_for_what_waits)
{
    stage_init(&stage, 2, 2);
    for (unsigned w = 0; w < 2; w++) {
        struct gw_hub_options options = stage_options(&stage, w);

        options.live_log_bytes = 0;
        ck_assert_int_eq(stage_open_hub(&stage, w, &options), 0);
    }
    home = gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[0]));
    branch = 1 - home;
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(publish_large(), 0);
        stage_turns(&stage, 2);
    }
    ck_assert_uint_eq(stage.readers[0].messages, 3);
    stage_close(&stage);
}
END_TEST

/* --- Age --- */

/* Ten publications of 10 KiB are within the history, and more than the live log when they leave it
 * after 300 s: nobody else has to do anything for that. */
START_TEST(what_is_too_old_leaves_a_branch_by_itself)
{
    uint64_t first;

    open_pair(2);
    (void)subscribe_turn(0, "new");
    stage.readers[0].room = 0;
    stage_turns(&stage, 2);
    for (unsigned i = 0; i < 10; i++) {
        ck_assert_int_eq(publish_large(), 0);
        stage_turns(&stage, 1);
    }
    first = channel_on(branch)->log->first;
    ck_assert_uint_eq(first, 1);
    ck_assert_uint_le(gw_hub_wait_ns(stage.hubs[branch]), 301 * GW_NS_PER_S);
    stage_pass(&stage, 301 * GW_NS_PER_S);
    (void)stage_turn(&stage, branch);
    ck_assert_uint_gt(channel_on(branch)->log->first, first);
    stage_close(&stage);
}
END_TEST

/* --- Answers --- */

static void publish_as(uint64_t who)
{
    const struct gw_pub_parts parts = {.payload = {"text", 4}};
    struct gw_published result;
    struct gw_pub *pub;

    ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &parts), 0);
    stage_begin(&stage, branch);
    ck_assert_int_eq(gw_hub_publish(stage.hubs[branch], GW_STR(stage_names[0]), pub, who, &result),
                     GW_PENDING);
    (void)stage_end(&stage, branch);
    stage_turns(&stage, 2);
}

START_TEST(only_who_gave_a_name_is_answered)
{
    open_pair(2);
    publish_as(0);
    ck_assert_uint_eq(stage.answered, 0);
    publish_as(1);
    ck_assert_uint_eq(stage.answered, 1);
    ck_assert_uint_eq(stage.last_answer.position.offset, 2);
    stage_close(&stage);
}
END_TEST

START_TEST(who_deletes_elsewhere_hears_where_the_stream_begins)
{
    struct gw_published result;

    open_pair(2);
    (void)publish_turn(3);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    stage_begin(&stage, branch);
    ck_assert_int_eq(stage_delete(&stage, branch, 0, &result), GW_PENDING);
    (void)stage_end(&stage, branch);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.answered, 1);
    ck_assert_uint_eq(stage.last_answer.position.epoch, channel_on(home)->epoch);
    ck_assert_uint_eq(stage.last_answer.position.offset, 0);
    ck_assert_uint_eq(stage.last_answer.subscribers, 1);
    stage_close(&stage);
}
END_TEST

/* --- Leaving --- */

START_TEST(a_branch_lingers_without_a_log_until_somebody_comes)
{
    open_pair(2);
    (void)subscribe_turn(0, "new");
    stage.readers[0].room = 0;
    stage_turns(&stage, 2);
    (void)publish_turn(3);
    stage_turns(&stage, 2);
    ck_assert_ptr_nonnull(channel_on(branch)->log);
    unsubscribe_turn(0);
    ck_assert_ptr_null(channel_on(branch)->log);
    ck_assert_int_eq(channel_on(branch)->state, GW_BRANCH_LINGERING);
    (void)publish_turn(1);
    stage_turns(&stage, 2);
    ck_assert_ptr_null(channel_on(branch)->log);
    ck_assert_int_eq(subscribe_turn(1, "new"), 0);
    ck_assert_int_eq(channel_on(branch)->state, GW_BRANCH_JOINED);
    stage_close(&stage);
}
END_TEST

/* Somebody comes in the very turn in which it would leave. */
START_TEST(a_branch_that_somebody_came_to_in_time_stays)
{
    open_pair(2);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    unsubscribe_turn(0);
    stage_turns(&stage, 2);
    ck_assert_int_eq(channel_on(branch)->state, GW_BRANCH_LINGERING);
    stage_pass(&stage, 61 * GW_NS_PER_S);
    ck_assert_int_eq(subscribe_turn(1, "new"), 0);
    ck_assert_int_eq(channel_on(branch)->state, GW_BRANCH_JOINED);
    stage_turns(&stage, 2);
    (void)publish_turn(1);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.readers[1].messages, 1);
    stage_close(&stage);
}
END_TEST

/* The home was told that it is late, and for want of room not that it is so no more. */
START_TEST(a_branch_that_comes_back_begins_anew)
{
    open_pair(1);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(publish_large(), 0);
        turn_without_sends();
    }
    ck_assert_int_eq(publish_large(), GW_ERR_FULL);
    stage_begin(&stage, branch);
    stage_unsubscribe(&stage, 0);
    ck_assert_int_eq(stage_read(&stage, branch, 0, "all", 1, false), GW_PENDING);
    (void)stage_end(&stage, branch);
    (void)stage_turn(&stage, home);
    stage_pass(&stage, 61 * GW_NS_PER_S);
    (void)stage_turn(&stage, branch);
    ck_assert_int_eq(channel_on(branch)->state, GW_BRANCH_LEAVING);
    ck_assert_int_eq(subscribe_turn(1, "all"), GW_PENDING);
    (void)stage_turn(&stage, home);
    (void)stage_turn(&stage, branch);
    ck_assert_int_eq(channel_on(branch)->state, GW_BRANCH_JOINING);
    (void)stage_turn(&stage, home);
    turn_without_sends(); /* all four come at once */
    ck_assert(channel_on(branch)->late);
    ck_assert_int_eq(publish_large(), GW_ERR_FULL);
    (void)stage_turn(&stage, branch);
    ck_assert_int_eq(publish_large(), 0);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.readers[1].messages, 5);
    stage_close(&stage);
}
END_TEST

/* The home does not know yet that the branch is leaving, and goes on telling it. */
START_TEST(who_is_leaving_hears_no_more)
{
    struct gw_published result;

    open_pair(4);
    (void)publish_turn(3);
    (void)subscribe_turn(0, "new");
    stage_turns(&stage, 2);
    unsubscribe_turn(0);
    stage_turns(&stage, 2);
    stage_pass(&stage, 61 * GW_NS_PER_S);
    stage_begin(&stage, home);
    if (_i == 0)
        ck_assert_int_eq(stage_delete(&stage, home, 0, &result), 0);
    else
        ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
    (void)stage_end(&stage, home);
    ck_assert_uint_eq(stage.mail[home][branch].count, 1);
    stage_begin(&stage, branch);
    gw_hub_tick(stage.hubs[branch]);
    ck_assert_int_eq(channel_on(branch)->state, GW_BRANCH_LEAVING);
    stage_letters(&stage, branch);
    (void)stage_end(&stage, branch);
    stage_turns(&stage, 3);
    ck_assert_ptr_null(channel_on(branch));
    stage_close(&stage);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, only_so_many_asks_wait);
    tcase_add_test(tests, an_ask_without_a_credit_waits_for_an_answer_and_not_for_time);
    tcase_add_test(tests, an_ask_without_room_is_tried_again_a_little_later);
    tcase_add_test(tests, an_ask_without_memory_is_tried_again_a_little_later);
    tcase_add_loop_test(tests, who_came_first_asks_first, 0, 3);
    tcase_add_loop_test(tests, who_comes_second_need_not_wait_longer_than_the_first, 0, 3);
    tcase_add_loop_test(tests, what_was_before_is_nothing_to_sweep, 0, SUITE_ROWS(befores));
    tcase_add_loop_test(tests, where_a_reader_stands_before_it_got_anything_is_known, 0, 2);
    tcase_add_test(tests, where_a_reader_stands_is_known_too_when_another_brought_the_news);
    tcase_add_test(tests, older_ones_that_do_not_fit_into_memory_cost_nobody_else);
    tcase_add_test(tests, a_range_without_memory_is_followed_by_a_pause);
    tcase_add_loop_test(tests, what_a_fresh_branch_was_sent_waits_for_its_first_sweep, 0,
                        SUITE_ROWS(unswept));
    tcase_add_test(tests, older_ones_that_do_not_fit_into_memory_are_not_promised);
    tcase_add_test(tests, a_branch_keeps_no_history);
    tcase_add_test(tests, a_range_is_posted_once);
    tcase_add_test(tests, a_count_is_told_once);
    tcase_add_test(tests, subscribers_are_those_of_all_workers);
    tcase_add_test(tests, a_branch_is_late_when_half_of_the_live_log_waits_and_not_before);
    tcase_add_loop_test(tests, half_of_the_live_log_is_late_to_the_byte, 0, SUITE_ROWS(shares));
    tcase_add_test(tests, a_branch_without_readers_is_not_late);
    tcase_add_test(tests, a_branch_without_memory_is_not_late_for_ever);
    tcase_add_test(tests, without_a_live_log_publishers_wait_only_for_what_waits);
    tcase_add_test(tests, what_is_too_old_leaves_a_branch_by_itself);
    tcase_add_test(tests, only_who_gave_a_name_is_answered);
    tcase_add_test(tests, who_deletes_elsewhere_hears_where_the_stream_begins);
    tcase_add_test(tests, a_branch_lingers_without_a_log_until_somebody_comes);
    tcase_add_test(tests, a_branch_that_somebody_came_to_in_time_stays);
    tcase_add_test(tests, a_branch_that_comes_back_begins_anew);
    tcase_add_loop_test(tests, who_is_leaving_hears_no_more, 0, 2);
}

int main(void)
{
    return suite_main("hub/branch", fill);
}
