/* fleet_test.c - two and three hubs, joined by mailboxes of one and two slots: one order for
 * everybody, nothing lost, nothing twice, and in the end nothing left over. */
#include "hub/hub.h"

#include "lib/suite.h"
#include "unit/hub/stage.h"

static struct stage stage;

static unsigned home_of(int channel)
{
    return gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[channel]));
}

/* A worker that is not the home of a channel. */
static unsigned branch_of(int channel)
{
    return (home_of(channel) + 1) % stage.workers;
}

static int publish(unsigned worker, int channel)
{
    struct gw_published result;

    return stage_publish(&stage, worker, channel, 20, &result);
}

static const struct gw_channel *channel_on(unsigned worker, int channel)
{
    uint32_t index;

    return gw_registry_find(stage.hubs[worker], GW_STR(stage_names[channel]), &index);
}

static void subscribe_turn(unsigned reader, unsigned worker, int channel, const char *since)
{
    stage_begin(&stage, worker);
    (void)stage_subscribe(&stage, reader, worker, channel, since, 0);
    (void)stage_end(&stage, worker);
}

static void publish_turn(unsigned worker, int channel, unsigned count)
{
    stage_begin(&stage, worker);
    while (count-- > 0)
        ck_assert_int_ge(publish(worker, channel), 0);
    (void)stage_end(&stage, worker);
}

/* --- What must be true when everything is quiet --- */

static void check_quiet(void)
{
    for (unsigned w = 0; w < stage.workers; w++) {
        const struct gw_hub *hub = stage.hubs[w];

        ck_assert_uint_eq(hub->ask_count, 0);
        ck_assert_uint_eq(hub->deferred_count, 0);
        ck_assert_uint_eq(hub->tidy.count, 0);
        ck_assert_uint_eq(hub->dirty.count, 0);
        ck_assert_uint_eq(hub->wake.count, 0);
        ck_assert_uint_gt(gw_hub_wait_ns(hub), 0);
        for (unsigned i = 0; i < stage.workers; i++) {
            ck_assert_uint_eq(hub->peers[i].credits, stage.slots);
            ck_assert_uint_eq(stage.mail[w][i].count, 0);
        }
    }
    ck_assert_uint_eq(stage.answered, stage.pending_published);
}

/* The home's record of a branch and the branch itself say the same. */
static void check_branches(int channel)
{
    unsigned home = home_of(channel);
    const struct gw_channel *at_home = channel_on(home, channel);
    uint32_t joined = 0;

    for (unsigned w = 0; w < stage.workers; w++) {
        const struct gw_channel *branch = w == home ? NULL : channel_on(w, channel);
        const struct gw_branch *record = NULL;

        if (!branch)
            continue;
        ck_assert(branch->state == GW_BRANCH_JOINED || branch->state == GW_BRANCH_LINGERING);
        joined++;
        ck_assert_ptr_nonnull(at_home);
        ck_assert_ptr_nonnull(at_home->branches);
        for (uint32_t i = 0; i < at_home->branches->count; i++)
            if (at_home->branches->at[i].worker == w)
                record = &at_home->branches->at[i];
        ck_assert_ptr_nonnull(record);
        ck_assert_uint_eq(record->handle,
                          gw_slab_handle(stage.hubs[w]->channels, branch->timer.spare));
        ck_assert_uint_eq(record->subscribers, branch->subscribers);
        ck_assert_uint_eq(record->cursor, at_home->head + 1);
        ck_assert(!record->late);
        ck_assert_uint_eq(branch->head, at_home->head);
        ck_assert_uint_eq(branch->head_tag, at_home->head_tag);
        ck_assert_uint_eq(branch->epoch, at_home->epoch);
    }
    if (at_home && !at_home->husk && at_home->branches)
        ck_assert_uint_eq(at_home->branches->count, joined);
}

static void check_readers(void)
{
    for (unsigned i = 0; i < STAGE_READERS; i++) {
        const struct reader *reader = &stage.readers[i];
        const struct gw_channel *at_home;

        ck_assert_int_ne(reader->state, READER_PENDING);
        if (reader->state != READER_STANDS)
            continue;
        /* A reader that had everything when the stream started over does not know of it yet. */
        at_home = channel_on(home_of(reader->channel), reader->channel);
        if (reader->epoch == (uint32_t)at_home->epoch)
            ck_assert_uint_eq(reader->expected, at_home->head + 1);
        else
            ck_assert_uint_eq(at_home->head, 0);
        ck_assert_uint_eq(reader->len, 0);
    }
}

/* All sockets have room again, and every worker runs. */
static void calm_down(unsigned rounds)
{
    stage.send_max = 1000;
    for (unsigned i = 0; i < STAGE_READERS; i++) {
        if (stage.readers[i].state == READER_FREE || stage.readers[i].state == READER_REFUSED)
            continue;
        stage_begin(&stage, stage.readers[i].worker);
        stage_drain(&stage, i, STAGE_ROOM);
        (void)stage_end(&stage, stage.readers[i].worker);
    }
    stage_turns(&stage, rounds);
}

/* Everybody leaves; a while later only husks are left, and at the homes alone. */
static void check_all_gone(void)
{
    for (unsigned i = 0; i < STAGE_READERS; i++) {
        if (stage.readers[i].state == READER_FREE || stage.readers[i].state == READER_REFUSED)
            continue;
        stage_begin(&stage, stage.readers[i].worker);
        stage_unsubscribe(&stage, i);
        (void)stage_end(&stage, stage.readers[i].worker);
    }
    for (unsigned i = 0; i < 16; i++) {
        stage_pass(&stage, 61 * GW_NS_PER_S);
        stage_turns(&stage, 4);
    }
    check_quiet();
    for (unsigned w = 0; w < stage.workers; w++) {
        struct gw_hub_counts counts = gw_hub_counts(stage.hubs[w]);

        ck_assert_uint_eq(counts.channels, 0);
        ck_assert_uint_eq(counts.subscriptions, 0);
        ck_assert_uint_eq(counts.log_bytes, 0);
        ck_assert_uint_eq(counts.unit_bytes_pinned, 0);
    }
}

/* --- Scripted --- */

START_TEST(a_branch_gets_what_its_home_appends)
{
    unsigned home, branch;

    stage_open(&stage, 2, 2);
    home = home_of(0);
    branch = branch_of(0);
    subscribe_turn(0, branch, 0, "new");
    ck_assert_int_eq(stage.readers[0].state, READER_PENDING);
    stage_turns(&stage, 2);
    ck_assert_int_eq(stage.readers[0].state, READER_STANDS);
    publish_turn(home, 0, 5);
    publish_turn(home, 0, 5);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.readers[0].messages, 10);
    check_quiet();
    check_branches(0);
    check_all_gone();
    stage_close(&stage);
}
END_TEST

START_TEST(new_on_a_joined_branch_begins_at_once)
{
    unsigned branch;

    stage_open(&stage, 2, 2);
    branch = branch_of(0);
    subscribe_turn(0, branch, 0, "new");
    stage_turns(&stage, 2);
    stage_begin(&stage, branch);
    ck_assert_int_eq(stage_subscribe(&stage, 1, branch, 0, "new", 0), 0);
    ck_assert_int_eq(stage_subscribe(&stage, 2, branch, 0, "all", 0), GW_PENDING);
    (void)stage_end(&stage, branch);
    stage_turns(&stage, 2);
    check_branches(0);
    check_all_gone();
    stage_close(&stage);
}
END_TEST

static const struct {
    const char *since;
    uint64_t messages;
} backlogs[] = {{"new", 0}, {"all", 20}, {"last:7", 7}, {"last:100", 20}};

START_TEST(a_branch_recovers_what_was_before_it)
{
    unsigned home, branch;

    stage_open(&stage, 2, 2);
    home = home_of(0);
    branch = branch_of(0);
    publish_turn(home, 0, 20);
    for (unsigned first = 0; first < 2; first++) { /* on a fresh branch, and on a joined one */
        subscribe_turn(first, branch, 0, backlogs[_i].since);
        stage_turns(&stage, 2);
        ck_assert_uint_eq(stage.readers[first].messages, backlogs[_i].messages);
        ck_assert_uint_eq(stage.readers[first].start.start.offset, 20 - backlogs[_i].messages);
    }
    publish_turn(home, 0, 1);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.readers[0].messages, backlogs[_i].messages + 1);
    ck_assert_uint_eq(stage.readers[1].messages, backlogs[_i].messages + 1);
    check_quiet();
    check_branches(0);
    check_all_gone();
    stage_close(&stage);
}
END_TEST

/* With a reader in the middle, the branch has 15 to 20; whoever wants more gets it in front. */
START_TEST(older_ones_come_in_front_of_what_a_branch_has)
{
    unsigned home, branch;

    stage_open(&stage, 2, 2);
    home = home_of(0);
    branch = branch_of(0);
    publish_turn(home, 0, 14);
    subscribe_turn(0, branch, 0, "new");
    stage_turns(&stage, 2);
    stage.readers[0].room = 10;
    publish_turn(home, 0, 6);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(channel_on(branch, 0)->log->first, 15);
    subscribe_turn(1, branch, 0, "last:10");
    subscribe_turn(2, branch, 0, "all");
    subscribe_turn(3, branch, 0, "last:3");
    stage_turns(&stage, 3);
    ck_assert_uint_eq(stage.readers[1].messages, 10);
    ck_assert_uint_eq(stage.readers[2].messages, 20);
    ck_assert_uint_eq(stage.readers[3].messages, 3);
    ck_assert_uint_eq(channel_on(branch, 0)->log->first, 1);
    ck_assert_uint_eq(stage.readers[0].messages, 0);
    calm_down(2);
    ck_assert_uint_eq(stage.readers[0].messages, 6);
    check_quiet();
    check_branches(0);
    check_all_gone();
    stage_close(&stage);
}
END_TEST

START_TEST(a_position_is_judged_by_the_home)
{
    static const enum gw_reset expect[] = {GW_RESET_NONE, GW_RESET_EPOCH, GW_RESET_FORKED,
                                           GW_RESET_UNKNOWN, GW_RESET_EXPIRED};
    struct gw_published result;
    char word[GW_POSITION_LEN + 1] = {0};
    unsigned home, branch;

    stage_open(&stage, 2, 2);
    stage.history.count_max = 10;
    home = home_of(0);
    branch = branch_of(0);
    publish_turn(home, 0, 20);
    stage_begin(&stage, home);
    ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
    (void)stage_end(&stage, home);
    result.position.epoch += _i == 1;
    result.position.tag += _i == 2;
    result.position.offset += _i == 3;
    if (_i == 4)
        result.position.offset = 10;
    gw_position_write(word, &result.position);
    subscribe_turn(0, branch, 0, word);
    stage_turns(&stage, 2);
    ck_assert_int_eq(stage.readers[0].state, READER_STANDS);
    ck_assert_int_eq(stage.readers[0].start.reset, expect[_i]);
    ck_assert_uint_eq(stage.readers[0].start.start.offset, 21);
    if (_i > 0)
        ck_assert_uint_eq(gw_hub_counts(stage.hubs[branch]).resets[expect[_i]], 1);
    publish_turn(home, 0, 1);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.readers[0].messages, 1);
    stage_close(&stage);
}
END_TEST

START_TEST(a_publisher_elsewhere_is_answered)
{
    unsigned home, branch;

    stage_open(&stage, 3, 2);
    home = home_of(0);
    branch = branch_of(0);
    subscribe_turn(0, home, 0, "new");
    subscribe_turn(1, branch, 0, "new");
    stage_turns(&stage, 3);
    stage_begin(&stage, branch);
    ck_assert_int_eq(publish(branch, 0), GW_PENDING);
    ck_assert_int_eq(publish(branch, 0), GW_PENDING);
    ck_assert_int_eq(publish(branch, 0), GW_ERR_FULL); /* two credits */
    (void)stage_end(&stage, branch);
    stage_turns(&stage, 3);
    ck_assert_uint_eq(stage.answered, 2);
    ck_assert_int_eq(stage.last_answer.status, 0);
    ck_assert_uint_eq(stage.last_answer.position.offset, 2);
    ck_assert_uint_eq(stage.last_answer.subscribers, 2);
    ck_assert_uint_eq(stage.readers[0].messages, 2);
    ck_assert_uint_eq(stage.readers[1].messages, 2);
    check_quiet();
    check_all_gone();
    stage_close(&stage);
}
END_TEST

START_TEST(a_stalled_branch_gets_its_range_in_one_letter_later)
{
    unsigned home, branch;

    stage_open(&stage, 2, 1);
    home = home_of(0);
    branch = branch_of(0);
    subscribe_turn(0, branch, 0, "new");
    stage_turns(&stage, 2);
    for (unsigned i = 0; i < 30; i++) /* the branch's worker does not run */
        publish_turn(home, 0, 3);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[home]).ranges_owed, 29); /* as each turn ends */
    ck_assert_uint_eq(stage.mail[home][branch].count, 1);
    (void)stage_turn(&stage, branch);
    ck_assert_uint_eq(stage.readers[0].messages, 3);
    (void)stage_turn(&stage, home);
    (void)stage_turn(&stage, branch);
    ck_assert_uint_eq(stage.readers[0].messages, 90);
    stage_turns(&stage, 1);
    check_quiet();
    check_branches(0);
    check_all_gone();
    stage_close(&stage);
}
END_TEST

/* What a stalled branch has not been posted is not trimmed: publishers wait instead. */
START_TEST(a_stalled_branch_slows_publishers_and_loses_nothing)
{
    struct gw_published result;
    unsigned home, branch, refused = 0;

    stage_open(&stage, 2, 1);
    stage.history.count_max = 0;
    home = home_of(0);
    branch = branch_of(0);
    subscribe_turn(0, branch, 0, "new");
    stage_turns(&stage, 2);
    for (unsigned i = 0; i < 100; i++) {
        stage_begin(&stage, home);
        refused += stage_publish(&stage, home, 0, 1000, &result) == GW_ERR_FULL;
        (void)stage_end(&stage, home);
    }
    ck_assert_uint_gt(refused, 50);
    stage_turns(&stage, 4);
    ck_assert_uint_eq(stage.readers[0].messages, 100 - refused);
    ck_assert_int_eq(stage.readers[0].state, READER_STANDS);
    stage_begin(&stage, home);
    ck_assert_int_eq(stage_publish(&stage, home, 0, 1000, &result), 0);
    (void)stage_end(&stage, home);
    stage_turns(&stage, 4);
    check_quiet();
    check_all_gone();
    stage_close(&stage);
}
END_TEST

/* A branch that runs, but whose sweep is too slow for what its home could publish. */
START_TEST(a_slow_sweep_elsewhere_slows_publishers_too)
{
    struct gw_published result;
    unsigned home, branch, accepted = 0;
    uint64_t most = 0;

    stage_open(&stage, 2, 2);
    stage.history.count_max = 0;
    home = home_of(0);
    branch = branch_of(0);
    for (unsigned i = 0; i < 40; i++) {
        subscribe_turn(i, branch, 0, "new");
        stage_turns(&stage, 2);
    }
    for (unsigned turn = 0; turn < 400; turn++) {
        stage.send_max = 1000;
        stage_begin(&stage, home);
        stage_letters(&stage, home);
        accepted += stage_publish(&stage, home, 0, 8000, &result) == 0;
        accepted += stage_publish(&stage, home, 0, 8000, &result) == 0;
        (void)stage_end(&stage, home);
        stage.send_max = 2;
        (void)stage_turn(&stage, branch);
        if (gw_hub_counts(stage.hubs[branch]).log_bytes > most)
            most = gw_hub_counts(stage.hubs[branch]).log_bytes;
    }
    ck_assert_uint_le(most, 2 * 64 * 1024);
    ck_assert_uint_gt(gw_hub_counts(stage.hubs[home]).publishes_refused, 100);
    calm_down(6);
    for (unsigned i = 0; i < 40; i++)
        ck_assert_uint_eq(stage.readers[i].messages, accepted);
    check_quiet();
    check_branches(0);
    stage_begin(&stage, home);
    ck_assert_int_eq(stage_publish(&stage, home, 0, 8000, &result), 0);
    (void)stage_end(&stage, home);
    check_all_gone();
    stage_close(&stage);
}
END_TEST

START_TEST(an_answer_is_kept_back_while_the_channel_is_full)
{
    struct gw_published result;
    unsigned home, branch;

    stage_open(&stage, 2, 2);
    home = home_of(0);
    branch = branch_of(0);
    subscribe_turn(0, home, 0, "new");
    subscribe_turn(1, home, 0, "new");
    stage.send_max = 1;
    stage_begin(&stage, branch);
    ck_assert_int_eq(stage_publish(&stage, branch, 0, 40000, &result), GW_PENDING);
    (void)stage_end(&stage, branch);
    (void)stage_turn(&stage, home); /* one of two has been sent it */
    (void)stage_turn(&stage, branch);
    ck_assert_uint_eq(stage.answered, 0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[home]).replies_deferred, 1);
    (void)stage_turn(&stage, home);
    (void)stage_turn(&stage, branch);
    ck_assert_uint_eq(stage.answered, 1);
    check_quiet();
    stage_close(&stage);
}
END_TEST

START_TEST(joins_wait_for_credits_in_order)
{
    unsigned home, branch;

    stage_open(&stage, 2, 1);
    home = home_of(0);
    branch = branch_of(0);
    publish_turn(home, 0, 5);
    stage_begin(&stage, branch);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, branch, 0, "all", 0), GW_PENDING);
    ck_assert_int_eq(publish(branch, 0), GW_ERR_FULL);
    for (unsigned i = 0; i < 10; i += 3)
        stage_unsubscribe(&stage, i);
    (void)stage_end(&stage, branch);
    stage_turns(&stage, 12);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_uint_eq(stage.readers[i].messages, i % 3 == 0 ? 0 : 5);
    check_quiet();
    check_branches(0);
    check_all_gone();
    stage_close(&stage);
}
END_TEST

START_TEST(a_branch_lingers_then_leaves_and_may_come_back_at_any_moment)
{
    unsigned home, branch;

    /* Which of the next turns (of branch and home in turn) the newcomer comes before. */
    for (unsigned moment = 0; moment < 6; moment++) {
        stage_open(&stage, 2, 1);
        home = home_of(0);
        branch = branch_of(0);
        publish_turn(home, 0, 3);
        subscribe_turn(0, branch, 0, "new");
        stage_turns(&stage, 2);
        stage_begin(&stage, branch);
        stage_unsubscribe(&stage, 0);
        (void)stage_end(&stage, branch);
        stage_turns(&stage, 2);
        ck_assert_int_eq(channel_on(branch, 0)->state, GW_BRANCH_LINGERING);
        publish_turn(home, 0, 1);
        stage_turns(&stage, 2);

        stage_pass(&stage, 61 * GW_NS_PER_S);
        for (unsigned turn = 0; turn < 6; turn++) {
            if (turn == moment)
                subscribe_turn(1, branch, 0, "last:2");
            publish_turn(home, 0, 1);
            (void)stage_turn(&stage, turn % 2 == 0 ? branch : home);
        }
        stage_turns(&stage, 6);
        ck_assert_int_eq(stage.readers[1].state, READER_STANDS);
        check_quiet();
        check_branches(0);
        check_readers();
        check_all_gone();
        stage_close(&stage);
    }
}
END_TEST

START_TEST(too_many_channels_at_home_is_told)
{
    struct gw_hub_options options;
    unsigned home, branch;

    stage_init(&stage, 2, 2);
    for (unsigned w = 0; w < 2; w++) {
        options = stage_options(&stage, w);
        options.channels_max = 1;
        ck_assert_int_eq(stage_open_hub(&stage, w, &options), 0);
    }
    home = home_of(0);
    branch = branch_of(0);
    for (int other = 1; other < STAGE_CHANNELS; other++)
        if (home_of(other) == home) { /* its place is taken */
            subscribe_turn(9, home, other, "new");
            break;
        }
    ck_assert_int_eq(stage.readers[9].state, READER_STANDS);
    subscribe_turn(0, branch, 0, "new");
    stage_turns(&stage, 2);
    ck_assert_int_eq(stage.readers[0].state, READER_REFUSED);
    ck_assert_int_eq(stage.readers[0].start.status, GW_ERR_TOO_MANY);
    ck_assert_ptr_null(channel_on(branch, 0));
    stage_begin(&stage, branch);
    ck_assert_int_eq(publish(branch, 0), GW_PENDING);
    (void)stage_end(&stage, branch);
    stage_turns(&stage, 2);
    ck_assert_int_eq(stage.last_answer.status, GW_ERR_TOO_MANY);
    check_quiet();
    check_all_gone();
    stage_close(&stage);
}
END_TEST

/* A letter for a channel that is gone is dropped, and a request still answered. */
START_TEST(letters_to_a_channel_that_is_gone_do_no_harm)
{
    static const enum gw_letter_kind kinds[] = {GW_LETTER_LEAVE, GW_LETTER_COUNT, GW_LETTER_RANGE,
                                                GW_LETTER_PUBLISH, GW_LETTER_RESTARTED};
    struct gw_letter letter = {.kind = (uint8_t)kinds[_i],
                               .from = 1,
                               .home = UINT64_C(77) << 32,
                               .branch = UINT64_C(78) << 32,
                               .asker = 5};

    stage_open(&stage, 2, 2);
    if (kinds[_i] != GW_LETTER_LEAVE && kinds[_i] != GW_LETTER_COUNT) {
        ck_assert_int_eq(gw_pub_new(&letter.pubs, &stage.meter.alloc,
                                    &(struct gw_pub_parts){.payload = GW_STR("x")}),
                         0);
        letter.count = 1;
    }
    stage_begin(&stage, 0);
    gw_hub_receive(stage.hubs[0], &letter);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(stage.mail[0][1].count,
                      kinds[_i] == GW_LETTER_LEAVE || kinds[_i] == GW_LETTER_PUBLISH);
    stage_close(&stage);
}
END_TEST

/* --- Memory --- */

static void tell_story(long left)
{
    unsigned made;

    stage_init(&stage, 2, 1);
    stage.meter.left = left;
    for (made = 0; made < 2; made++) {
        struct gw_hub_options options = stage_options(&stage, made);

        if (stage_open_hub(&stage, made, &options) < 0)
            break;
    }
    if (made < 2) {
        if (made == 1)
            gw_hub_free(stage.hubs[0]);
        ck_assert_int_eq(stage.meter.live, 0);
        return;
    }
    for (unsigned turn = 0; turn < 24; turn++) {
        unsigned worker = turn % 2;

        stage_begin(&stage, worker);
        stage_letters(&stage, worker);
        if (turn % 3 == 0)
            (void)stage_subscribe(&stage, turn / 3, worker, (int)(turn / 6) % 2,
                                  turn % 2 ? "new" : "all", 0);
        if (turn % 4 < 2)
            (void)publish(worker, 0);
        (void)publish(worker, 1);
        if (turn == 11)
            stage.readers[1].room = stage.readers[2].room = 50;
        if (turn == 18)
            stage_unsubscribe(&stage, 0);
        (void)stage_end(&stage, worker);
    }
    stage.meter.left = METER_UNLIMITED; /* memory is back: nobody is stuck */
    calm_down(16);
    check_quiet();
    check_readers();
    check_branches(0);
    check_branches(1);
    check_all_gone();
    stage_close(&stage);
}

START_TEST(every_allocation_may_fail)
{
    for (long left = 0;; left++) {
        tell_story(left);
        if (stage.meter.failed == 0)
            break;
    }
}
END_TEST

/* Memory fails now and then, and comes back at once. */
START_TEST(single_failures_leave_nothing_behind)
{
    struct seeded seeded = {.state = (uint64_t)_i};

    stage_open(&stage, 2, 1);
    for (unsigned turn = 0; turn < 60; turn++) {
        unsigned worker = (unsigned)seeded_below(&seeded, 2);

        stage_begin(&stage, worker);
        stage.meter.left = (long)seeded_below(&seeded, 6);
        stage_letters(&stage, worker);
        if (turn < STAGE_READERS)
            (void)stage_subscribe(&stage, turn, worker, (int)seeded_below(&seeded, 4), "all", 0);
        (void)publish(worker, (int)seeded_below(&seeded, 4));
        (void)stage_end(&stage, worker);
        stage.meter.left = METER_UNLIMITED;
    }
    calm_down(64);
    check_quiet();
    check_readers();
    check_all_gone();
    stage_close(&stage);
}
END_TEST

/* --- Random --- */

static struct seeded seeded;
static uint64_t reached_owed, reached_deferred, reached_refused, reached_cut, reached_expired,
    reached_pinned_trim, reached_recovered, reached_deleted, reached_resumed, reached_epoch;

static unsigned below(unsigned limit)
{
    return (unsigned)seeded_below(&seeded, limit);
}

/* Where some reader of the same channel stands; false when nobody does. */
static bool position_of_another(int channel, char word[GW_POSITION_LEN + 1])
{
    unsigned from = below(STAGE_READERS);

    for (unsigned i = 0; i < STAGE_READERS; i++) {
        const struct reader *reader = &stage.readers[(from + i) % STAGE_READERS];
        struct gw_position position;

        if (reader->state != READER_STANDS || reader->channel != channel)
            continue;
        position = gw_hub_where(stage.hubs[reader->worker], reader->subscription);
        gw_position_write(word, &position);
        word[GW_POSITION_LEN] = '\0';
        return true;
    }
    return false;
}

static void random_subscribe(unsigned worker)
{
    char since[GW_POSITION_LEN + 1] = "new";
    unsigned reader = below(STAGE_READERS);
    int channel = (int)below(STAGE_CHANNELS);

    if (stage.readers[reader].state != READER_FREE && stage.readers[reader].state != READER_REFUSED)
        return;
    switch (below(4)) {
    case 0:
        strcpy(since, "all");
        break;
    case 1:
        strcpy(since, "last:5");
        break;
    case 2:
        reached_recovered += position_of_another(channel, since);
        break;
    default:
        break;
    }
    (void)stage_subscribe(&stage, reader, worker, channel, since, below(2));
    if (below(3) == 0)
        stage.readers[reader].room = below(2000);
}

static void random_deed(unsigned worker)
{
    struct gw_published result;
    unsigned reader = below(STAGE_READERS);

    switch (below(10)) {
    case 0:
    case 1:
        random_subscribe(worker);
        break;
    case 2:
        if (stage.readers[reader].worker == worker && below(2) == 0)
            stage_unsubscribe(&stage, reader);
        break;
    case 3:
        if (stage.readers[reader].worker == worker)
            stage_drain(&stage, reader, below(4) == 0 ? STAGE_ROOM : below(3000));
        break;
    case 4:
        if (below(10) == 0) {
            reached_deleted++;
            (void)stage_delete(&stage, worker, (int)below(STAGE_CHANNELS), &result);
        } else if (stage.readers[reader].worker == worker &&
                   stage.readers[reader].state == READER_LOST && !stage.readers[reader].pinned) {
            reached_resumed++;
            stage_resume(&stage, reader);
        }
        break;
    default:
        (void)stage_publish(&stage, worker, (int)below(STAGE_CHANNELS),
                            4 + below(below(6) == 0 ? 6000 : 60), &result);
        break;
    }
}

static void collect(void)
{
    for (unsigned w = 0; w < stage.workers; w++) {
        struct gw_hub_counts counts = gw_hub_counts(stage.hubs[w]);

        reached_owed += counts.ranges_owed;
        reached_deferred += counts.replies_deferred;
        reached_refused += counts.publishes_refused;
        reached_cut += counts.sweeps_cut;
        reached_expired += counts.resets[GW_RESET_EXPIRED];
        reached_pinned_trim += counts.trimmed_while_pinned;
        reached_epoch += counts.resets[GW_RESET_EPOCH];
        ck_assert_uint_eq(counts.resets[GW_RESET_FORKED], 0);
        ck_assert_uint_eq(counts.resets[GW_RESET_UNKNOWN], 0);
    }
}

static void random_run(uint64_t seed)
{
    unsigned stalled = STAGE_WORKERS, stalled_for = 0;

    seeded.state = seed;
    stage_init(&stage, 2 + (unsigned)(seed % 2), 1 + (uint32_t)(seed / 2 % 2));
    for (unsigned worker = 0; worker < stage.workers; worker++) {
        struct gw_hub_options options = stage_options(&stage, worker);

        if (seed % 3 == 0)
            options.unit_cache_bytes = 1; /* units are shed as soon as they may be */
        ck_assert_int_eq(stage_open_hub(&stage, worker, &options), 0);
    }
    stage.history.count_max = (uint32_t)(seed % 5 * 10);
    for (unsigned step = 0; step < 600; step++) {
        unsigned worker = below(stage.workers);

        if (stalled_for > 0 && worker == stalled) {
            stalled_for--;
            continue;
        }
        if (below(40) == 0) {
            stalled = below(stage.workers);
            stalled_for = below(30);
        }
        stage_begin(&stage, worker);
        stage_letters(&stage, worker);
        for (unsigned deeds = below(8); deeds > 0; deeds--)
            random_deed(worker);
        stage.send_max = below(3) == 0 ? below(8) : 1000;
        (void)stage_end(&stage, worker);
        stage_pass(&stage, below(20) == 0 ? below(40) * GW_NS_PER_S : GW_NS_PER_MS);
    }
    calm_down(80);
    check_quiet();
    check_readers();
    for (int channel = 0; channel < STAGE_CHANNELS; channel++)
        check_branches(channel);
    collect();
    check_all_gone();
    stage_close(&stage);
}

START_TEST(in_any_order_of_events_everybody_sees_one_order)
{
    for (uint64_t seed = 1; seed <= 80; seed++)
        random_run(seed);
    /* A run that never reaches the hard places shows nothing. */
    ck_assert_uint_gt(reached_owed, 0);
    ck_assert_uint_gt(reached_deferred, 0);
    ck_assert_uint_gt(reached_refused, 0);
    ck_assert_uint_gt(reached_cut, 0);
    ck_assert_uint_gt(reached_expired, 0);
    ck_assert_uint_gt(reached_pinned_trim, 0);
    ck_assert_uint_gt(reached_recovered, 0);
    ck_assert_uint_gt(reached_deleted, 0);
    ck_assert_uint_gt(reached_resumed, 0);
    ck_assert_uint_gt(reached_epoch, 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_branch_gets_what_its_home_appends);
    tcase_add_test(tests, new_on_a_joined_branch_begins_at_once);
    tcase_add_loop_test(tests, a_branch_recovers_what_was_before_it, 0, SUITE_ROWS(backlogs));
    tcase_add_test(tests, older_ones_come_in_front_of_what_a_branch_has);
    tcase_add_loop_test(tests, a_position_is_judged_by_the_home, 0, 5);
    tcase_add_test(tests, a_publisher_elsewhere_is_answered);
    tcase_add_test(tests, a_stalled_branch_gets_its_range_in_one_letter_later);
    tcase_add_test(tests, a_stalled_branch_slows_publishers_and_loses_nothing);
    tcase_add_test(tests, a_slow_sweep_elsewhere_slows_publishers_too);
    tcase_add_test(tests, an_answer_is_kept_back_while_the_channel_is_full);
    tcase_add_test(tests, joins_wait_for_credits_in_order);
    tcase_add_test(tests, a_branch_lingers_then_leaves_and_may_come_back_at_any_moment);
    tcase_add_test(tests, too_many_channels_at_home_is_told);
    tcase_add_loop_test(tests, letters_to_a_channel_that_is_gone_do_no_harm, 0, 5);
    tcase_add_test(tests, every_allocation_may_fail);
    tcase_add_loop_test(tests, single_failures_leave_nothing_behind, 1, 41);
    tcase_add_test(tests, in_any_order_of_events_everybody_sees_one_order);
}

int main(void)
{
    return suite_main("hub/fleet", fill);
}
