/* restart_test.c - a deleted channel starts over: who had had everything reads on, all others are
 * told, and nobody takes the new stream for the old one. */
#include <errno.h>

#include "hub/hub.h"
#include "lib/suite.h"
#include "unit/hub/stage.h"

enum { RAW, TELLS }; /* the variants of the stage */

static struct stage stage;

static unsigned home_of(int channel)
{
    return gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[channel]));
}

static void subscribe(unsigned reader, unsigned worker, const char *since, unsigned variant)
{
    stage_begin(&stage, worker);
    (void)stage_subscribe(&stage, reader, worker, 0, since, variant);
    (void)stage_end(&stage, worker);
    stage_turns(&stage, 2);
    ck_assert_int_eq(stage.readers[reader].state, READER_STANDS);
}

static struct gw_position publish(unsigned worker, unsigned count)
{
    struct gw_published result = {0};

    stage_begin(&stage, worker);
    while (count-- > 0)
        ck_assert_int_eq(stage_publish(&stage, worker, 0, 20, &result), 0);
    (void)stage_end(&stage, worker);
    stage_turns(&stage, 2);
    return result.position;
}

static struct gw_published erase(unsigned worker)
{
    struct gw_published result = {.status = 1};
    int status;

    stage_begin(&stage, worker);
    status = stage_delete(&stage, worker, 0, &result);
    (void)stage_end(&stage, worker);
    if (status == GW_PENDING) {
        stage_turns(&stage, 2);
        result = stage.last_answer;
        status = result.status;
    }
    ck_assert_int_eq(status, 0);
    return result;
}

static void resume(unsigned reader)
{
    stage_begin(&stage, stage.readers[reader].worker);
    stage_resume(&stage, reader);
    (void)stage_end(&stage, stage.readers[reader].worker);
}

static void ck_lost(unsigned reader)
{
    ck_assert_int_eq(stage.readers[reader].state, READER_LOST);
    ck_assert_int_eq(stage.readers[reader].why, GW_RESET_EPOCH);
}

static void ck_has(unsigned reader, uint64_t messages)
{
    ck_assert_int_eq(stage.readers[reader].state, READER_STANDS);
    ck_assert_uint_eq(stage.readers[reader].messages, messages);
}

/* The worker of the readers: the home itself, or another. */
static unsigned open_stage(int elsewhere)
{
    unsigned home;

    stage_open(&stage, 2, 2);
    home = home_of(0);
    return elsewhere ? 1 - home : home;
}

/* --- Readers --- */

START_TEST(who_had_everything_reads_on_and_never_knows)
{
    unsigned worker = open_stage(_i), home = home_of(0);

    subscribe(0, worker, "new", RAW);
    publish(home, 3);
    ck_has(0, 3);
    erase(home);
    stage_turns(&stage, 2);
    ck_has(0, 3);
    ck_assert_uint_eq(publish(home, 2).offset, 2);
    ck_has(0, 5);
    ck_assert_uint_eq(stage.readers[0].expected, 3);
    stage_close(&stage);
}
END_TEST

START_TEST(who_can_be_told_is_told)
{
    unsigned worker = open_stage(_i), home = home_of(0);

    subscribe(0, worker, "new", TELLS);
    publish(home, 3);
    erase(home);
    stage_turns(&stage, 2);
    ck_lost(0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[worker]).resets[GW_RESET_EPOCH], 1);
    publish(home, 2);
    ck_assert_uint_eq(stage.readers[0].messages, 3); /* nothing comes before it goes on */
    resume(0);
    ck_has(0, 5); /* and then from the beginning of the new stream */
    stage_close(&stage);
}
END_TEST

START_TEST(who_is_behind_is_told)
{
    unsigned worker = open_stage(_i), home = home_of(0);

    subscribe(0, worker, "new", RAW);
    stage.readers[0].room = 0;
    publish(home, 3);
    erase(home);
    stage_turns(&stage, 2);
    ck_lost(0);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[worker]).resets[GW_RESET_EPOCH], 1);
    stage_close(&stage);
}
END_TEST

/* It stopped within a message, which must be finished; what came behind it is gone. */
START_TEST(a_message_that_has_begun_is_finished)
{
    unsigned worker = open_stage(_i), home = home_of(0);

    subscribe(0, worker, "new", TELLS);
    stage.readers[0].room = 10;
    publish(home, 3);
    erase(home);
    stage_turns(&stage, 2);
    ck_lost(0);
    stage_begin(&stage, worker);
    stage_drain(&stage, 0, STAGE_ROOM);
    (void)stage_end(&stage, worker);
    ck_assert_uint_eq(stage.readers[0].messages, 1);
    resume(0);
    publish(home, 1);
    ck_has(0, 2);
    stage_close(&stage);
}
END_TEST

/* It was told late: what the new stream no longer keeps it does not get, but hears where it is. */
START_TEST(who_goes_on_late_goes_on_from_now)
{
    struct gw_published result;
    unsigned worker = open_stage(_i), home = home_of(0);

    stage.history.count_max = 0;
    subscribe(0, worker, "new", TELLS);
    erase(home);
    stage_turns(&stage, 2);
    for (unsigned i = 0; i < 5; i++) { /* more than the live log holds */
        stage_begin(&stage, home);
        ck_assert_int_eq(stage_publish(&stage, home, 0, 30000, &result), 0);
        (void)stage_end(&stage, home);
        stage_turns(&stage, 2);
    }
    resume(0);
    ck_assert_uint_eq(stage.readers[0].expected, 6);
    publish(home, 1);
    ck_has(0, 1);
    stage_close(&stage);
}
END_TEST

/* --- Positions --- */

START_TEST(a_position_of_before_is_of_another_epoch)
{
    unsigned worker = open_stage(_i), home = home_of(0);
    struct gw_position before = publish(home, 3), after;
    char word[GW_POSITION_LEN + 1] = "";

    after = erase(home).position;
    ck_assert_uint_ne(after.epoch, before.epoch);
    ck_assert_uint_eq(after.offset, 0);
    ck_assert_uint_eq(after.tag, 0);
    publish(home, 3); /* as many: the offset alone would be honoured */
    gw_position_write(word, &before);
    subscribe(0, worker, word, RAW);
    ck_assert_int_eq(stage.readers[0].start.reset, GW_RESET_EPOCH);
    gw_position_write(word, &after);
    subscribe(1, worker, word, RAW);
    ck_assert_int_eq(stage.readers[1].start.reset, GW_RESET_NONE);
    ck_has(1, 3);
    subscribe(2, worker, "all", RAW);
    ck_has(2, 3);
    stage_close(&stage);
}
END_TEST

START_TEST(what_was_never_used_can_be_deleted)
{
    unsigned home;

    (void)open_stage(0);
    home = home_of(0);
    ck_assert_uint_eq(erase(_i ? 1 - home : home).position.offset, 0);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[home]).channels, 0);
    stage_close(&stage);
}
END_TEST

/* Nobody used it for a while, and only its name, epoch and head are left. */
START_TEST(a_husk_is_deleted_too)
{
    unsigned home;
    struct gw_position before;
    char word[GW_POSITION_LEN + 1] = "";

    (void)open_stage(0);
    home = home_of(0);
    stage.history.count_max = 0;
    before = publish(home, 3);
    stage_pass(&stage, 61 * GW_NS_PER_S);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[home]).channels, 0);
    erase(_i ? 1 - home : home);
    stage_turns(&stage, 2);
    gw_position_write(word, &before);
    subscribe(0, home, word, RAW);
    ck_assert_int_eq(stage.readers[0].start.reset, GW_RESET_EPOCH);
    stage_close(&stage);
}
END_TEST

/* --- Between workers --- */

/* What the branch had not been sent before the end of the old stream. */
static const struct {
    unsigned unsent, deletes, between;
    bool told;
} crossings[] = {
    {0, 1, 0, false}, {1, 1, 0, true}, {0, 2, 0, false}, {0, 2, 1, true}, {1, 2, 0, true},
};

START_TEST(a_branch_that_did_not_get_all_tells_its_readers)
{
    struct gw_published result;
    unsigned worker = open_stage(1), home = home_of(0);

    subscribe(0, worker, "new", RAW);
    publish(home, 2);
    ck_has(0, 2);
    stage_begin(&stage, home);
    for (unsigned i = 0; i < crossings[_i].unsent; i++)
        ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
    for (unsigned i = 0; i < crossings[_i].deletes; i++) {
        ck_assert_int_eq(stage_delete(&stage, home, 0, &result), 0);
        for (unsigned k = 0; i + 1 < crossings[_i].deletes && k < crossings[_i].between; k++)
            ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
    }
    ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
    (void)stage_end(&stage, home);
    stage_turns(&stage, 2);
    if (crossings[_i].told)
        ck_lost(0);
    else
        ck_has(0, 3);
    stage_close(&stage);
}
END_TEST

/* The mailbox is full: the news waits, and comes with what was published meanwhile. */
START_TEST(the_news_waits_for_room)
{
    struct gw_published result;
    unsigned worker = open_stage(1), home = home_of(0);
    struct mail *mail = &stage.mail[home][worker];

    subscribe(0, worker, "new", RAW);
    subscribe(1, worker, "new", TELLS);
    for (unsigned i = 0; i < 4; i++) { /* the branch's worker stands still */
        stage_begin(&stage, home);
        ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
        (void)stage_end(&stage, home);
    }
    ck_assert_uint_eq(mail->count, 2);
    erase(home);
    stage_begin(&stage, home);
    ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
    (void)stage_end(&stage, home);
    stage_turns(&stage, 4);
    ck_lost(0); /* two of four had not been posted */
    ck_lost(1);
    resume(1);
    ck_has(1, 3); /* two that were, and the new one */
    stage_close(&stage);
}
END_TEST

/* Another reader comes in between: the answer to its branch brings the news along. */
START_TEST(a_join_brings_the_news)
{
    struct gw_published result;
    unsigned worker = open_stage(1), home = home_of(0);

    subscribe(0, worker, "new", RAW);
    publish(home, 2);
    stage_begin(&stage, worker);
    ck_assert_int_eq(stage_subscribe(&stage, 1, worker, 0, "all", RAW), GW_PENDING);
    (void)stage_end(&stage, worker);
    stage_begin(&stage, home);
    ck_assert_int_eq(stage_delete(&stage, home, 0, &result), 0);
    ck_assert_int_eq(stage_publish(&stage, home, 0, 20, &result), 0);
    stage_letters(&stage, home);
    (void)stage_end(&stage, home);
    stage_turns(&stage, 2);
    ck_has(0, 3);
    ck_has(1, 1);
    stage_close(&stage);
}
END_TEST

START_TEST(a_full_mailbox_or_memory_is_told_to_who_deletes)
{
    struct gw_published result;
    unsigned worker = open_stage(1);

    stage_begin(&stage, worker);
    stage.meter.left = 0;
    ck_assert_int_eq(stage_delete(&stage, worker, 0, &result), -ENOMEM);
    stage.meter.left = METER_UNLIMITED;
    ck_assert_int_eq(stage_delete(&stage, worker, 0, &result), GW_PENDING);
    ck_assert_int_eq(stage_delete(&stage, worker, 0, &result), GW_PENDING);
    ck_assert_int_eq(stage_delete(&stage, worker, 0, &result), GW_ERR_FULL);
    (void)stage_end(&stage, worker);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.answered, 2);
    ck_assert_int_eq(gw_hub_delete(stage.hubs[0], GW_STR("a/b"), 1, &result), GW_ERR_NAME);
    stage_close(&stage);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, who_had_everything_reads_on_and_never_knows, 0, 2);
    tcase_add_loop_test(tests, who_can_be_told_is_told, 0, 2);
    tcase_add_loop_test(tests, who_is_behind_is_told, 0, 2);
    tcase_add_loop_test(tests, a_message_that_has_begun_is_finished, 0, 2);
    tcase_add_loop_test(tests, who_goes_on_late_goes_on_from_now, 0, 2);
    tcase_add_loop_test(tests, a_position_of_before_is_of_another_epoch, 0, 2);
    tcase_add_loop_test(tests, what_was_never_used_can_be_deleted, 0, 2);
    tcase_add_loop_test(tests, a_husk_is_deleted_too, 0, 2);
    tcase_add_loop_test(tests, a_branch_that_did_not_get_all_tells_its_readers, 0,
                        SUITE_ROWS(crossings));
    tcase_add_test(tests, the_news_waits_for_room);
    tcase_add_test(tests, a_join_brings_the_news);
    tcase_add_test(tests, a_full_mailbox_or_memory_is_told_to_who_deletes);
}

int main(void)
{
    return suite_main("hub/restart", fill);
}
