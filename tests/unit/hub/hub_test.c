/* hub_test.c - one worker: publish, subscribe, sweep, settle, remember, forget. */
#include "hub/hub.h"

#include "lib/suite.h"
#include "unit/hub/stage.h"

static struct stage stage;

static void publish(size_t len)
{
    struct gw_published result;

    ck_assert_int_eq(stage_publish(&stage, 0, 0, len, &result), 0);
}

static void publish_many(unsigned count)
{
    while (count-- > 0)
        publish(20);
}

/* A turn with `count` publications of 20 bytes; returns its sends. */
static size_t publish_turn(unsigned count)
{
    stage_begin(&stage, 0);
    publish_many(count);
    return stage_end(&stage, 0);
}

static void subscribe_turn(unsigned reader, const char *since)
{
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_subscribe(&stage, reader, 0, 0, since, 0), 0);
    (void)stage_end(&stage, 0);
}

static struct gw_hub_counts counts(void)
{
    return gw_hub_counts(stage.hubs[0]);
}

/* --- Delivery --- */

START_TEST(sixteen_publications_to_many_cost_one_send_each)
{
    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 50; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, "new", 0), 0);
    ck_assert_uint_eq(stage_end(&stage, 0), 0);

    ck_assert_uint_eq(publish_turn(16), 50);
    for (unsigned i = 0; i < 50; i++) {
        ck_assert_uint_eq(stage.readers[i].messages, 16);
        ck_assert_uint_eq(stage.readers[i].sends, 1);
        ck_assert_int_eq(stage.readers[i].last_iov_count, 1);
    }
    ck_assert_uint_eq(counts().units_made, 16);
    ck_assert_uint_eq(stage_turn(&stage, 0), 0);
    ck_assert_uint_gt(gw_hub_wait_ns(stage.hubs[0]), GW_NS_PER_S);
    stage_close(&stage);
}
END_TEST

START_TEST(more_readers_than_a_batch_has_sends_all_get_it)
{
    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < STAGE_READERS; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, "new", i % 2), 0);
    (void)stage_end(&stage, 0);
    stage.send_max = 7;
    stage_begin(&stage, 0);
    publish_many(3);
    for (unsigned left = STAGE_READERS; left > 0; left -= left < 7 ? left : 7) {
        ck_assert_uint_eq(stage_end(&stage, 0), left < 7 ? left : 7);
        ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[0]) == 0, left > 7);
        stage_begin(&stage, 0);
    }
    for (unsigned i = 0; i < STAGE_READERS; i++)
        ck_assert_uint_eq(stage.readers[i].messages, 3);
    ck_assert_uint_eq(counts().units_made, 6);
    ck_assert_uint_eq(counts().sweeps_cut, 9);
    stage_close(&stage);
}
END_TEST

START_TEST(what_is_published_during_a_circle_comes_in_the_next_or_before)
{
    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 20; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, "new", 0), 0);
    (void)stage_end(&stage, 0);
    stage.send_max = 7;
    for (unsigned turn = 0; turn < 10; turn++)
        (void)publish_turn(1);
    for (unsigned turn = 0; turn < 6; turn++)
        (void)stage_turn(&stage, 0);
    for (unsigned i = 0; i < 20; i++)
        ck_assert_uint_eq(stage.readers[i].messages, 10);
    ck_assert_uint_gt(gw_hub_wait_ns(stage.hubs[0]), 0);
    stage_close(&stage);
}
END_TEST

/* In the middle of a circle over 20 readers, each pair (one removed, and another) is taken out. */
START_TEST(removal_in_mid_circle_passes_nobody_over)
{
    for (unsigned other = 0; other < 20; other++) {
        unsigned one = (unsigned)_i;

        stage_open(&stage, 1, 0);
        stage_begin(&stage, 0);
        for (unsigned i = 0; i < 20; i++)
            ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, "new", 0), 0);
        (void)stage_end(&stage, 0);
        stage.send_max = 7;
        (void)publish_turn(2);
        stage_begin(&stage, 0);
        stage_unsubscribe(&stage, one);
        (void)stage_end(&stage, 0);
        stage_begin(&stage, 0);
        stage_unsubscribe(&stage, other);
        publish_many(1);
        (void)stage_end(&stage, 0);
        for (unsigned turn = 0; turn < 4; turn++)
            (void)stage_turn(&stage, 0);
        for (unsigned i = 0; i < 20; i++)
            if (i != one && i != other)
                ck_assert_uint_eq(stage.readers[i].messages, 3);
        stage_close(&stage);
    }
}
END_TEST

/* The socket takes 0, 1, 2 ... bytes of three messages (variants: 32 and 33 bytes each). */
START_TEST(a_socket_may_stop_at_every_byte)
{
    for (unsigned variant = 0; variant < 2; variant++) {
        size_t unit = 32 + variant;

        for (size_t room = 0; room <= 3 * unit; room++) {
            struct reader *reader = &stage.readers[0];

            stage_open(&stage, 1, 0);
            stage_begin(&stage, 0);
            ck_assert_int_eq(stage_subscribe(&stage, 0, 0, 0, "new", variant), 0);
            ck_assert_int_eq(stage_subscribe(&stage, 1, 0, 0, "new", variant), 0);
            reader->room = room;
            publish_many(3);
            (void)stage_end(&stage, 0);

            ck_assert_int_eq(reader->blocked, room < 3 * unit);
            ck_assert_int_eq(reader->pinned, room % unit != 0);
            ck_assert_uint_eq(counts().unit_bytes_pinned > 0, reader->pinned);
            /* A message it stopped in counts as had: the rest of it is on its way. */
            ck_assert_uint_eq(gw_hub_where(stage.hubs[0], reader->subscription).offset,
                              (room + unit - 1) / unit);
            ck_assert_uint_eq(stage.readers[1].messages, 3); /* delays nobody */
            publish_turn(2);
            stage_begin(&stage, 0);
            stage_drain(&stage, 0, STAGE_ROOM);
            (void)stage_end(&stage, 0);
            ck_assert_uint_eq(reader->messages, 5);
            ck_assert_uint_eq(counts().unit_bytes_pinned, 0);
            stage_close(&stage);
        }
    }
}
END_TEST

START_TEST(one_byte_at_a_time_arrives_too)
{
    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    stage.readers[0].room = 0;
    (void)publish_turn(4);
    for (unsigned byte = 0; byte < 4 * 32 + 4; byte++) {
        stage_begin(&stage, 0);
        stage_drain(&stage, 0, 1);
        (void)stage_end(&stage, 0);
    }
    ck_assert_uint_eq(stage.readers[0].messages, 4);
    stage_close(&stage);
}
END_TEST

START_TEST(a_broken_socket_is_reported_and_the_others_go_on)
{
    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    subscribe_turn(1, "new");
    subscribe_turn(2, "new");
    stage.readers[1].broken = -EPIPE;
    (void)publish_turn(2);
    ck_assert(stage.readers[1].closed);
    (void)publish_turn(1);
    ck_assert_uint_eq(stage.readers[1].sends, 1);
    ck_assert_uint_eq(stage.readers[0].messages, 3);
    ck_assert_uint_eq(stage.readers[2].messages, 3);
    ck_assert_uint_eq(counts().subscriptions, 2);
    stage_close(&stage);
}
END_TEST

START_TEST(a_blocked_reader_is_skipped_until_unblocked)
{
    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    stage_begin(&stage, 0);
    gw_hub_block(stage.hubs[0], stage.readers[0].subscription);
    gw_hub_block(stage.hubs[0], stage.readers[0].subscription);
    publish_many(2);
    ck_assert_uint_eq(stage_end(&stage, 0), 0);
    ck_assert_uint_eq(publish_turn(1), 0);
    stage_begin(&stage, 0);
    gw_hub_unblock(stage.hubs[0], stage.readers[0].subscription);
    ck_assert_uint_eq(stage_end(&stage, 0), 1);
    ck_assert_uint_eq(stage.readers[0].messages, 3);
    stage_close(&stage);
}
END_TEST

/* A turn looks at 65,536 slots. The reader who can be sent something is the last of 70,000. */
START_TEST(a_turn_looks_at_a_bounded_number_of_slots)
{
    enum { MANY = 70000 };
    struct gw_since now = {.kind = GW_SINCE_NEW};
    struct gw_hub_options options;
    struct gw_subscribed subscribed;
    uint32_t subscription;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.subscriptions_max = MANY;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    subscribe_turn(0, "new");
    stage_begin(&stage, 0);
    for (unsigned i = 1; i < MANY; i++) {
        ck_assert_int_eq(gw_hub_subscribe(stage.hubs[0], GW_STR(stage_names[0]), &now, 0, 2, 1,
                                          &subscription, &subscribed),
                         0);
        gw_hub_block(stage.hubs[0], subscription);
    }
    publish(20);
    ck_assert_uint_eq(stage_end(&stage, 0), 0);
    ck_assert_uint_eq(counts().sweeps_cut, 1);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[0]), 0);
    ck_assert_uint_eq(stage_turn(&stage, 0), 1);
    ck_assert_uint_gt(gw_hub_wait_ns(stage.hubs[0]), 0);
    stage_close(&stage);
}
END_TEST

/* Two subscriptions of one connection have one socket. */
/* Those who are woken one by one are counted like those whom a sweep visits. */
START_TEST(a_turn_wakes_a_bounded_number_of_readers)
{
    unsigned served = 0;

    stage_open(&stage, 1, 0);
    (void)publish_turn(1);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, "all", 0), 0);
    stage.hubs[0]->slots_left = 3;
    (void)stage_end(&stage, 0);
    for (unsigned i = 0; i < 5; i++)
        served += stage.readers[i].messages > 0;
    ck_assert_uint_eq(served, 3);
    ck_assert_uint_eq(gw_hub_wait_ns(stage.hubs[0]), 0);
    (void)stage_turn(&stage, 0);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_uint_eq(stage.readers[i].messages, 1);
    stage_close(&stage);
}
END_TEST

/* And one batch has the sends of several channels. */
START_TEST(half_of_a_batch_is_for_readers_that_are_awake)
{
    struct gw_published result;
    unsigned awake = 0, channels = 0;

    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 3, 20, &result), 0);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 3, "all", 0), 0);
    for (unsigned i = 4; i < 8; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, (int)(i - 4) / 2, "new", 0), 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 1, 20, &result), 0);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 6), 6);
    for (size_t i = 0; i < 6; i++) {
        awake += stage.batch.sends[i].fd < 4;
        channels |= 1u << stage.readers[stage.batch.sends[i].fd].channel;
        stage_send(&stage, &stage.batch.sends[i]);
    }
    gw_hub_settle(stage.hubs[0], &stage.batch);
    ck_assert_uint_eq(awake, 3);
    ck_assert_uint_eq(channels, 1u << 0 | 1u << 1 | 1u << 3);
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

/* Sockets of no reader: nothing is sent. */
START_TEST(a_batch_has_no_more_sends_than_there_is_room_for)
{
    struct gw_hub_options options;
    struct gw_since all = {.kind = GW_SINCE_ALL};
    struct gw_subscribed subscribed;
    struct gw_published result;
    uint32_t subscription;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.subscriptions_max = 1000;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    stage_begin(&stage, 0);
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(gw_hub_subscribe(stage.hubs[0], GW_STR("lobby"), &all, 0, 1, i,
                                          &subscription, &subscribed),
                         0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 300), GW_BATCH_SENDS);
    stage_close(&stage);
}
END_TEST

START_TEST(a_socket_that_takes_nothing_is_full_and_not_broken)
{
    struct gw_published result;

    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &result), 0);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 10), 1);
    stage.batch.sends[0].result = 0;
    gw_hub_settle(stage.hubs[0], &stage.batch);
    ck_assert(stage.readers[0].blocked && !stage.readers[0].closed);
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

START_TEST(one_socket_has_one_send_in_a_batch)
{
    struct gw_since now = {.kind = GW_SINCE_NEW};
    struct gw_published result;
    struct gw_subscribed subscribed;
    uint32_t other;

    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    stage_begin(&stage, 0);
    ck_assert_int_eq(
        gw_hub_subscribe(stage.hubs[0], GW_STR(stage_names[1]), &now, 0, 1, 0, &other, &subscribed),
        0);
    publish(20);
    ck_assert_int_eq(stage_publish(&stage, 0, 1, 20, &result), 0);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 10), 1);
    stage.batch.sends[0].result = 32;
    gw_hub_settle(stage.hubs[0], &stage.batch);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 10), 1);
    stage.batch.sends[0].result = 32;
    gw_hub_settle(stage.hubs[0], &stage.batch);
    ck_assert_uint_eq(gw_hub_sweep(stage.hubs[0], &stage.batch, 10), 0);
    gw_hub_end_turn(stage.hubs[0]);
    gw_hub_check(stage.hubs[0]);
    stage_close(&stage);
}
END_TEST

/* A run has 256 KiB: four of the six messages, then the other two. */
START_TEST(a_long_backlog_comes_in_runs)
{
    struct gw_published result;

    stage_open(&stage, 1, 0);
    for (unsigned i = 0; i < 6; i++) {
        stage_begin(&stage, 0);
        ck_assert_int_eq(stage_publish(&stage, 0, 0, 60000, &result), 0);
        (void)stage_end(&stage, 0);
    }
    subscribe_turn(0, "all");
    ck_assert_uint_eq(stage.readers[0].messages, 6);
    ck_assert_uint_eq(stage.readers[0].sends, 2);
    stage_close(&stage);
}
END_TEST

START_TEST(a_message_larger_than_a_run_goes_alone)
{
    static char payload[300000] = {1};
    struct gw_str text = {payload, sizeof(payload)};
    struct gw_published result;
    struct gw_pub *pub;

    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    stage_begin(&stage, 0);
    ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &(struct gw_pub_parts){.payload = text}),
                     0);
    ck_assert_int_eq(gw_hub_publish(stage.hubs[0], GW_STR("lobby"), pub, 1, &result), 0);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(stage.readers[0].messages, 1);
    (void)publish_turn(1);
    ck_assert_uint_eq(stage.readers[0].messages, 2);
    stage_close(&stage);
}
END_TEST

/* --- Since --- */

static const struct {
    const char *since;
    uint64_t start; /* offset of the last publication it need not get */
    enum gw_reset reset;
} sinces[] = {
    {"new", 30, GW_RESET_NONE},
    {"", 30, GW_RESET_NONE},
    {"all", 20, GW_RESET_NONE},
    {"last:0", 30, GW_RESET_NONE},
    {"last:1", 29, GW_RESET_NONE},
    {"last:9", 21, GW_RESET_NONE},
    {"last:10", 20, GW_RESET_NONE},
    {"last:11", 20, GW_RESET_NONE},
    {"last:1000000000000000000", 20, GW_RESET_NONE},
    {"last:", 30, GW_RESET_UNKNOWN},
    {"nonsense", 30, GW_RESET_UNKNOWN},
};

START_TEST(since_says_where_a_reader_begins)
{
    stage_open(&stage, 1, 0);
    stage.history.count_max = 10;
    (void)publish_turn(30);
    subscribe_turn(0, sinces[_i].since);
    ck_assert_uint_eq(stage.readers[0].start.start.offset, sinces[_i].start);
    ck_assert_int_eq(stage.readers[0].start.reset, sinces[_i].reset);
    ck_assert_uint_eq(stage.readers[0].messages, 30 - sinces[_i].start);
    (void)publish_turn(1);
    ck_assert_uint_eq(stage.readers[0].messages, 31 - sinces[_i].start);
    if (sinces[_i].reset != GW_RESET_NONE)
        ck_assert_uint_eq(counts().resets[sinces[_i].reset], 1);
    stage_close(&stage);
}
END_TEST

/* A position, altered: which is honoured, and why the others are not. Offsets 21 to 30 are kept,
 * and the tag of 20. */
static const struct {
    uint64_t offset;
    uint64_t epoch_xor, tag_xor;
    enum gw_reset reset;
} positions[] = {
    {30, 0, 0, GW_RESET_NONE},    {29, 0, 0, GW_RESET_NONE},
    {21, 0, 0, GW_RESET_NONE},    {20, 0, 0, GW_RESET_NONE},
    {19, 0, 0, GW_RESET_EXPIRED}, {1, 0, 0, GW_RESET_EXPIRED},
    {0, 0, 0, GW_RESET_EXPIRED},  {30, 1, 0, GW_RESET_EPOCH},
    {20, 1, 0, GW_RESET_EPOCH},   {30, 0, 1, GW_RESET_FORKED},
    {20, 0, 1, GW_RESET_FORKED},  {25, 0, 1, GW_RESET_FORKED},
    {31, 0, 0, GW_RESET_UNKNOWN}, {GW_OFFSET_MAX, 0, 0, GW_RESET_UNKNOWN},
};

START_TEST(a_position_is_honoured_or_the_reason_is_told)
{
    struct gw_published published[31] = {0};
    struct gw_position position;
    char word[GW_POSITION_LEN + 1] = {0};
    uint64_t offset = positions[_i].offset;
    bool honoured = positions[_i].reset == GW_RESET_NONE;

    stage_open(&stage, 1, 0);
    stage.history.count_max = 10;
    stage_begin(&stage, 0);
    for (unsigned i = 1; i <= 30; i++) {
        ck_assert_int_eq(stage_publish(&stage, 0, 0, 20, &published[i]), 0);
        ck_assert_uint_eq(published[i].position.offset, i);
    }
    (void)stage_end(&stage, 0);

    position = published[offset <= 30 ? offset : 30].position;
    position.epoch = published[1].position.epoch ^ positions[_i].epoch_xor;
    position.offset = offset;
    position.tag ^= positions[_i].tag_xor;
    gw_position_write(word, &position);
    subscribe_turn(0, word);
    ck_assert_int_eq(stage.readers[0].start.reset, positions[_i].reset);
    ck_assert_uint_eq(stage.readers[0].start.start.offset, honoured ? offset : 30);
    ck_assert_uint_eq(stage.readers[0].start.start.tag,
                      honoured ? position.tag : published[30].position.tag);
    ck_assert_uint_eq(stage.readers[0].messages, honoured ? 30 - offset : 0);
    if (!honoured)
        ck_assert_uint_eq(counts().resets[positions[_i].reset], 1);
    stage_close(&stage);
}
END_TEST

START_TEST(a_reader_who_saw_nothing_yet_comes_back_to_the_start_of_the_stream)
{
    char word[GW_POSITION_LEN + 1] = {0};

    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    gw_position_write(word, &stage.readers[0].start.start);
    stage_begin(&stage, 0);
    stage_unsubscribe(&stage, 0);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(counts().channels, 0);
    (void)publish_turn(3);
    subscribe_turn(1, word);
    ck_assert_int_eq(stage.readers[1].start.reset, GW_RESET_NONE);
    ck_assert_uint_eq(stage.readers[1].messages, 3);
    stage_close(&stage);
}
END_TEST

START_TEST(where_is_the_last_whole_message_and_resumes)
{
    char word[GW_POSITION_LEN + 1] = {0};
    struct gw_position where;

    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    stage.readers[0].room = 2 * 32;
    (void)publish_turn(5);
    where = gw_hub_where(stage.hubs[0], stage.readers[0].subscription);
    ck_assert_uint_eq(where.offset, 2);
    gw_position_write(word, &where);
    subscribe_turn(1, word);
    ck_assert_uint_eq(stage.readers[1].messages, 3);
    stage_close(&stage);
}
END_TEST

/* --- History and live log --- */

/* Told that it fell behind, it goes on from now: it gets all that comes, and nothing of before. */
START_TEST(a_reader_that_fell_behind_may_go_on)
{
    stage_open(&stage, 1, 0);
    stage.history.count_max = 0;
    subscribe_turn(0, "new");
    stage.readers[0].room = 0;
    for (unsigned turn = 0; turn < 70; turn++) {
        stage_begin(&stage, 0);
        publish(1024 - sizeof(struct gw_pub));
        (void)stage_end(&stage, 0);
    }
    stage_begin(&stage, 0);
    stage_drain(&stage, 0, STAGE_ROOM);
    (void)stage_end(&stage, 0);
    ck_assert_int_eq(stage.readers[0].state, READER_LOST);
    ck_assert_int_eq(stage.readers[0].why, GW_RESET_EXPIRED);
    (void)publish_turn(1);
    stage_begin(&stage, 0);
    stage_resume(&stage, 0);
    ck_assert_uint_eq(stage.readers[0].expected, 72);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(stage.readers[0].messages, 0);
    (void)publish_turn(3);
    ck_assert_uint_eq(stage.readers[0].messages, 3);
    stage_begin(&stage, 0);
    gw_hub_resume(stage.hubs[0], stage.readers[0].subscription); /* twice is harmless */
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

/* With no history a reader has what the live log holds: 64 KiB, in units of about 1 KiB. */
START_TEST(a_blocked_reader_falls_off_the_live_log_and_is_told)
{
    stage_open(&stage, 1, 0);
    stage.history.count_max = 0;
    subscribe_turn(0, "new");
    subscribe_turn(1, "new");
    stage.readers[0].room = 10;
    for (unsigned turn = 0; turn < 63; turn++) {
        stage_begin(&stage, 0);
        publish(1024 - sizeof(struct gw_pub));
        (void)stage_end(&stage, 0);
    }
    ck_assert_int_eq(stage.readers[0].state, READER_STANDS);
    for (unsigned turn = 0; turn < 3; turn++) {
        stage_begin(&stage, 0);
        publish(1024 - sizeof(struct gw_pub));
        (void)stage_end(&stage, 0);
    }
    ck_assert_uint_eq(counts().log_bytes, 64 * 1024);
    stage_begin(&stage, 0);
    stage_drain(&stage, 0, STAGE_ROOM);
    (void)stage_end(&stage, 0);
    ck_assert_int_eq(stage.readers[0].state, READER_LOST);
    ck_assert_uint_eq(stage.readers[0].messages, 1); /* the one it was in */
    ck_assert_uint_eq(stage.readers[1].messages, 66);
    ck_assert_uint_eq(counts().resets[GW_RESET_EXPIRED], 1);
    ck_assert_uint_gt(counts().trimmed_while_pinned, 0);
    ck_assert_uint_le(counts().trimmed_while_pinned, counts().units_made);
    (void)publish_turn(1);
    ck_assert_uint_eq(stage.readers[0].messages, 1);
    stage_begin(&stage, 0);
    stage_unsubscribe(&stage, 0); /* it may have gone on: the live log was kept for it */
    (void)stage_end(&stage, 0);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(counts().log_bytes, 0);
    stage_close(&stage);
}
END_TEST

START_TEST(the_live_log_goes_when_nobody_is_behind)
{
    stage_open(&stage, 1, 0);
    stage.history.count_max = 0;
    subscribe_turn(0, "new");
    stage.readers[0].room = 0;
    (void)publish_turn(5);
    ck_assert_uint_gt(counts().log_bytes, 0);
    stage_begin(&stage, 0);
    stage_drain(&stage, 0, STAGE_ROOM);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(stage.readers[0].messages, 5);
    ck_assert_uint_eq(counts().log_bytes, 0);
    stage_close(&stage);
}
END_TEST

/* It had everything; what its connection said for itself blocked it, and then no more. */
START_TEST(the_live_log_goes_when_the_last_one_is_unblocked)
{
    stage_open(&stage, 1, 0);
    stage.history.count_max = 0;
    subscribe_turn(0, "new");
    stage_begin(&stage, 0);
    publish(20);
    (void)stage_flush(&stage, 0);
    gw_hub_block(stage.hubs[0], stage.readers[0].subscription);
    (void)stage_end(&stage, 0);
    ck_assert_uint_gt(counts().log_bytes, 0);
    stage_begin(&stage, 0);
    gw_hub_unblock(stage.hubs[0], stage.readers[0].subscription);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(counts().log_bytes, 0);
    stage_close(&stage);
}
END_TEST

/* Six of 60,000 bytes are two runs, for which there are two turns. */
START_TEST(the_live_log_goes_when_the_last_one_has_caught_up)
{
    struct gw_hub_options options;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.live_log_bytes = 1024 * 1024;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    stage.history.count_max = 0;
    subscribe_turn(0, "new");
    stage.send_max = 1;
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 6; i++)
        publish(60000);
    (void)stage_end(&stage, 0);
    ck_assert_uint_lt(stage.readers[0].messages, 6);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(stage.readers[0].messages, 6);
    ck_assert_uint_eq(counts().log_bytes, 0);
    stage_close(&stage);
}
END_TEST

START_TEST(units_are_given_back_when_a_circle_ends_with_nobody_behind)
{
    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    for (unsigned turn = 0; turn < 50; turn++) {
        stage_begin(&stage, 0);
        publish(20000);
        stage_flush(&stage, 0);
        ck_assert_uint_eq(counts().unit_bytes, GW_UNIT_CHUNK_BYTES);
        gw_hub_end_turn(stage.hubs[0]);
        gw_hub_check(stage.hubs[0]);
    }
    ck_assert_uint_eq(stage.readers[0].messages, 50);
    ck_assert_uint_le(counts().unit_bytes, GW_UNIT_CHUNK_BYTES);
    stage_close(&stage);
}
END_TEST

START_TEST(history_ages_by_itself)
{
    stage_open(&stage, 1, 0);
    (void)publish_turn(5);
    stage_pass(&stage, 200 * GW_NS_PER_S);
    (void)publish_turn(3);
    subscribe_turn(0, "all");
    ck_assert_uint_eq(stage.readers[0].messages, 8);
    stage_pass(&stage, 100 * GW_NS_PER_S + 1);
    subscribe_turn(1, "all");
    ck_assert_uint_eq(stage.readers[1].messages, 3);
    stage_pass(&stage, GW_NS_PER_S);
    (void)stage_turn(&stage, 0);
    stage_pass(&stage, 200 * GW_NS_PER_S);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(counts().log_bytes, 0);
    stage_close(&stage);
}
END_TEST

START_TEST(publishers_wait_while_half_of_the_live_log_waits)
{
    struct gw_published result;
    unsigned accepted = 0;

    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    stage_begin(&stage, 0);
    while (stage_publish(&stage, 0, 0, 1024 - sizeof(struct gw_pub), &result) == 0)
        accepted++;
    ck_assert_uint_eq(accepted, 32);
    ck_assert_uint_eq(counts().publishes_refused, 1);
    ck_assert_int_eq(stage_publish(&stage, 0, 1, 20, &result), 0); /* another channel */
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(stage.readers[0].messages, 32);
    stage_begin(&stage, 0);
    publish(20);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(stage.readers[0].messages, 33);
    stage_close(&stage);
}
END_TEST

START_TEST(one_publication_is_accepted_however_large)
{
    struct gw_hub_options options;
    struct gw_published result;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.live_log_bytes = 100;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    stage.history.count_max = 0;
    subscribe_turn(0, "new");
    stage.readers[0].room = 0;
    for (unsigned turn = 1; turn <= 3; turn++) {
        stage_begin(&stage, 0);
        ck_assert_int_eq(stage_publish(&stage, 0, 0, 1000, &result), 0);
        ck_assert_int_eq(stage_publish(&stage, 0, 0, 1000, &result), GW_ERR_FULL);
        (void)stage_end(&stage, 0);
    }
    ck_assert_uint_eq(counts().log_bytes, 1000 + sizeof(struct gw_pub));
    stage_close(&stage);
}
END_TEST

START_TEST(a_slow_reader_is_never_cut_by_a_sweep_that_has_not_reached_it)
{
    struct gw_published result;

    stage_open(&stage, 1, 0);
    stage.history.count_max = 0;
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 40; i++)
        ck_assert_int_eq(stage_subscribe(&stage, i, 0, 0, "new", 0), 0);
    (void)stage_end(&stage, 0);
    stage.send_max = 3;
    for (unsigned turn = 0; turn < 300; turn++) {
        stage_begin(&stage, 0);
        (void)stage_publish(&stage, 0, 0, 3000, &result); /* refused while it is full */
        (void)stage_end(&stage, 0);
    }
    for (unsigned turn = 0; turn < 40; turn++)
        (void)stage_turn(&stage, 0);
    ck_assert_uint_gt(counts().publishes_refused, 0);
    ck_assert_uint_eq(counts().resets[GW_RESET_EXPIRED], 0);
    for (unsigned i = 0; i < 40; i++)
        ck_assert_uint_eq(stage.readers[i].messages, counts().publications);
    stage_close(&stage);
}
END_TEST

/* --- All channels together --- */

/* Ten publications to each channel, of one cost, where so many bytes are allowed in all. */
static void publish_ten_each(uint64_t total, uint64_t *halved)
{
    struct gw_hub_options options;
    struct gw_published result;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.history_total_bytes = total;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    for (int i = 0; i < 10 * STAGE_CHANNELS; i++) {
        stage_begin(&stage, 0);
        ck_assert_int_eq(stage_publish(&stage, 0, i % STAGE_CHANNELS, 100, &result), 0);
        (void)stage_end(&stage, 0);
        ck_assert_uint_le(counts().log_bytes, total);
    }
    *halved = counts().histories_halved;
}

START_TEST(all_histories_together_are_bounded)
{
    const uint64_t cost = 100 + sizeof(struct gw_pub), all = 10 * STAGE_CHANNELS * cost;
    uint64_t halved;

    publish_ten_each(all, &halved);
    ck_assert_uint_eq(halved, 0);
    ck_assert_uint_eq(counts().log_bytes, all);
    stage_close(&stage);

    publish_ten_each(all - 1, &halved); /* one byte less: only the last publication is too many */
    ck_assert_uint_eq(halved, 1);
    ck_assert_uint_lt(counts().log_bytes, all);
    ck_assert_uint_ge(counts().log_bytes, all - 5 * cost);
    stage_close(&stage);

    publish_ten_each(2 * cost, &halved); /* less than one publication for each channel */
    ck_assert_uint_gt(halved, 30);
    stage_close(&stage);
}
END_TEST

START_TEST(the_largest_history_gives_way_not_the_small_ones)
{
    struct gw_hub_options options;
    struct gw_published result;
    struct gw_since all = gw_since_read(GW_STR("all"));
    struct gw_subscribed subscribed;
    uint32_t subscription;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.history_total_bytes = 5000;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    for (int i = 0; i < 50; i++) {
        stage_begin(&stage, 0);
        ck_assert_int_eq(stage_publish(&stage, 0, i == 0 ? 1 : 0, 300, &result), 0);
        (void)stage_end(&stage, 0);
    }
    stage_begin(&stage, 0);
    ck_assert_int_eq(gw_hub_subscribe(stage.hubs[0], GW_STR(stage_names[1]), &all, 0, 1, 0,
                                      &subscription, &subscribed),
                     0);
    ck_assert_uint_eq(subscribed.start.offset, 0); /* its one publication is still there */
    gw_hub_unsubscribe(stage.hubs[0], subscription);
    (void)stage_end(&stage, 0);
    ck_assert_uint_gt(counts().histories_halved, 1);
    stage_close(&stage);
}
END_TEST

/* The one that goes beyond what there is is small, and beside them is one that has no log. */
START_TEST(the_largest_history_gives_way_though_another_grew)
{
    struct gw_hub_options options;
    struct gw_published result;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.seed[1] = (uint8_t)_i;
    options.history_total_bytes = 10 * (3000 + sizeof(struct gw_pub));
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_eq(stage_publish(&stage, 0, 0, 3000, &result), 0);
    ck_assert_int_eq(stage_subscribe(&stage, 0, 0, 3, "new", 0), 0);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(counts().histories_halved, 0);
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 1, 20, &result), 0);
    ck_assert_int_eq(stage_publish(&stage, 0, 2, 20, &result), 0);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(counts().histories_halved, 1);
    ck_assert_uint_eq(counts().log_bytes,
                      5 * (3000 + sizeof(struct gw_pub)) + 2 * (20 + sizeof(struct gw_pub)));
    stage_close(&stage);
}
END_TEST

/* --- Channels come and go --- */

START_TEST(a_channel_never_published_to_vanishes_with_its_last_subscriber)
{
    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    subscribe_turn(1, "all");
    ck_assert_uint_eq(counts().channels, 1);
    for (unsigned i = 0; i < 2; i++) {
        stage_begin(&stage, 0);
        stage_unsubscribe(&stage, i);
        (void)stage_end(&stage, 0);
        ck_assert_uint_eq(counts().channels, 1 - i);
    }
    stage_close(&stage);
}
END_TEST

START_TEST(names_are_checked)
{
    struct gw_since now = {.kind = GW_SINCE_NEW};
    struct gw_subscribed subscribed;
    struct gw_published published;
    uint32_t subscription;
    struct gw_pub *pub;

    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    ck_assert_int_eq(
        gw_hub_subscribe(stage.hubs[0], GW_STR("a/b"), &now, 0, 1, 0, &subscription, &subscribed),
        GW_ERR_NAME);
    ck_assert_int_eq(
        gw_pub_new(&pub, &stage.meter.alloc, &(struct gw_pub_parts){.payload = GW_STR("x")}), 0);
    ck_assert_int_eq(gw_hub_publish(stage.hubs[0], GW_STR(""), pub, 1, &published), GW_ERR_NAME);
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

static int publish_to(const char *name, struct gw_published *result)
{
    struct gw_pub *pub;

    ck_assert_int_eq(
        gw_pub_new(&pub, &stage.meter.alloc, &(struct gw_pub_parts){.payload = GW_STR("text")}), 0);
    return gw_hub_publish(stage.hubs[0], GW_STR(name), pub, 1, result);
}

START_TEST(channels_have_a_maximum)
{
    struct gw_published result;
    char name[] = "a";

    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 16; i++, name[0]++)
        ck_assert_int_eq(publish_to(name, &result), 0);
    ck_assert_int_eq(publish_to(name, &result), GW_ERR_TOO_MANY);
    ck_assert_int_eq(stage_subscribe(&stage, 0, 0, 0, "new", 0), GW_ERR_TOO_MANY);
    ck_assert_int_eq(publish_to("a", &result), 0);
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

START_TEST(that_there_is_no_memory_for_a_channel_is_told)
{
    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    stage.meter.left = 0;
    ck_assert_int_eq(stage_subscribe(&stage, 0, 0, 0, "new", 0), -ENOMEM);
    stage.meter.left = METER_UNLIMITED;
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

START_TEST(subscriptions_have_a_maximum)
{
    struct gw_hub_options options;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.subscriptions_max = 3;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    subscribe_turn(0, "new");
    subscribe_turn(1, "new");
    subscribe_turn(2, "new");
    stage_begin(&stage, 0);
    ck_assert_int_eq(stage_subscribe(&stage, 3, 0, 1, "new", 0), GW_ERR_TOO_MANY);
    stage_unsubscribe(&stage, 1);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(counts().channels, 1); /* the refused one left none behind */
    subscribe_turn(3, "new");
    stage_close(&stage);
}
END_TEST

/* Published to, left alone until its history is too old and a minute more. */
static void make_husk(const char *name, struct gw_published *result)
{
    stage_begin(&stage, 0);
    ck_assert_int_eq(publish_to(name, result), 0);
    (void)stage_end(&stage, 0);
    for (unsigned i = 0; i < 3; i++) {
        stage_pass(&stage, i < 1 ? 301 * GW_NS_PER_S : 61 * GW_NS_PER_S);
        (void)stage_turn(&stage, 0);
    }
}

START_TEST(a_forgotten_channel_goes_on_where_it_stopped)
{
    struct gw_published before, after;
    char word[GW_POSITION_LEN + 1] = {0};

    stage_open(&stage, 1, 0);
    make_husk("lobby", &before);
    ck_assert_uint_eq(counts().channels, 0);
    gw_position_write(word, &before.position);
    subscribe_turn(0, word); /* up to date: not expired */
    ck_assert_int_eq(stage.readers[0].start.reset, GW_RESET_NONE);
    ck_assert_uint_eq(counts().channels, 1);
    stage_begin(&stage, 0);
    ck_assert_int_eq(publish_to("lobby", &after), 0);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(after.position.epoch, before.position.epoch);
    ck_assert_uint_eq(after.position.offset, before.position.offset + 1);
    ck_assert_uint_eq(stage.readers[0].messages, 1);
    stage_close(&stage);
}
END_TEST

START_TEST(a_day_later_it_is_another_stream)
{
    struct gw_published before, after;

    stage_open(&stage, 1, 0);
    make_husk("lobby", &before);
    stage_pass(&stage, 24 * 3600 * GW_NS_PER_S + GW_NS_PER_S);
    (void)stage_turn(&stage, 0);
    stage_begin(&stage, 0);
    ck_assert_int_eq(publish_to("lobby", &after), 0);
    (void)stage_end(&stage, 0);
    ck_assert_uint_eq(after.position.offset, 1);
    ck_assert_uint_ne(after.position.epoch, before.position.epoch);
    stage_close(&stage);
}
END_TEST

/* A restart and a husk that is shed change the life of a name, each in its way: neither undoes what
 * the other has done. */
START_TEST(no_epoch_comes_again)
{
    struct gw_published first, second, other;

    stage_open(&stage, 1, 0);
    if (_i == 0)
        make_husk("news", &other);
    stage_begin(&stage, 0);
    ck_assert_int_eq(publish_to("lobby", &first), 0);
    ck_assert_int_eq(stage_delete(&stage, 0, 0, &second), 0);
    (void)stage_end(&stage, 0);
    ck_assert_uint_ne(first.position.epoch, second.position.epoch);
    if (_i == 1)
        make_husk("news", &other);
    stage_pass(&stage, GW_HUSK_AGE_NS + GW_NS_PER_S);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(stage.hubs[0]->husk_count, 0);
    stage_begin(&stage, 0);
    ck_assert_int_eq(publish_to("lobby", &second), 0);
    (void)stage_end(&stage, 0);
    ck_assert_uint_ne(first.position.epoch, second.position.epoch);
    stage_close(&stage);
}
END_TEST

static uint64_t epoch_of_number(unsigned number)
{
    const struct gw_read read = {.since = {.kind = GW_SINCE_NEW}, .count_max = 1};
    struct gw_page page = {0};
    char name[16];
    int status;

    snprintf(name, sizeof(name), "quiet %u", number);
    stage_begin(&stage, 0);
    status = gw_hub_read(stage.hubs[0], (struct gw_str){name, strlen(name)}, &read, 0, &page);
    (void)stage_end(&stage, 0);
    ck_assert_int_eq(status, 0);
    return page.position.epoch;
}

/* One that was never published to is remembered by nobody, and its readers come back to it with
 * the epoch that it had: which another name's new beginning (`_i` 0: a husk that is shed, 1: a
 * DELETE) must not change, but for those few that share its counter. */
START_TEST(what_happens_to_one_name_is_nothing_to_others)
{
    uint64_t epochs[200];
    struct gw_published result;
    unsigned changed = 0;

    stage_open(&stage, 1, 0);
    make_husk("lobby", &result);
    for (unsigned i = 0; i < 200; i++)
        epochs[i] = epoch_of_number(i);
    if (_i == 1) {
        stage_begin(&stage, 0);
        ck_assert_int_eq(stage_delete(&stage, 0, 0, &result), 0);
        (void)stage_end(&stage, 0);
    }
    stage_pass(&stage, GW_HUSK_AGE_NS + GW_NS_PER_S);
    (void)stage_turn(&stage, 0);
    ck_assert_uint_eq(stage.hubs[0]->husk_count, 0);
    ck_assert_uint_eq(counts().channels, 0);
    for (unsigned i = 0; i < 200; i++)
        changed += epoch_of_number(i) != epochs[i];
    ck_assert_uint_le(changed, 1);
    stage_close(&stage);
}
END_TEST

START_TEST(the_oldest_husk_gives_way_to_a_new_channel)
{
    struct gw_published first, second, result;
    char name[] = "a";

    stage_open(&stage, 1, 0);
    make_husk("first", &first);
    make_husk("second", &second);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < 15; i++, name[0]++)
        ck_assert_int_eq(publish_to(name, &result), 0);
    ck_assert_int_eq(publish_to("second", &result), 0);
    ck_assert_uint_eq(result.position.offset, 2);
    ck_assert_uint_eq(result.position.epoch, second.position.epoch);
    ck_assert_int_eq(publish_to("first", &result), GW_ERR_TOO_MANY);
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

/* 100,000 names are remembered; of one more the oldest is forgotten. */
START_TEST(only_so_many_forgotten_channels_are_remembered)
{
    struct gw_hub_options options;
    struct gw_published result;
    char name[] = "name-000000";

    stage_init(&stage, 1, 0);
    stage.history.count_max = 0;
    options = stage_options(&stage, 0);
    options.channels_max = 200000;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    for (unsigned i = 0; i <= GW_HUSKS_MAX; i++) {
        if (i % 1000 == 0) {
            gw_hub_end_turn(stage.hubs[0]);
            stage_pass(&stage, GW_NS_PER_S);
            stage_begin(&stage, 0);
            gw_hub_tick(stage.hubs[0]);
        }
        for (unsigned digit = 0, rest = i; digit < 6; digit++, rest /= 10)
            name[10 - digit] = (char)('0' + rest % 10);
        ck_assert_int_eq(publish_to(name, &result), 0);
    }
    for (unsigned turn = 0; turn < 80; turn++) {
        gw_hub_end_turn(stage.hubs[0]);
        stage_pass(&stage, GW_NS_PER_S);
        stage_begin(&stage, 0);
        gw_hub_tick(stage.hubs[0]);
    }
    ck_assert_uint_eq(counts().channels, 0);
    ck_assert_uint_eq(stage.hubs[0]->husk_count, GW_HUSKS_MAX);
    ck_assert_int_eq(publish_to("name-000000", &result), 0);
    ck_assert_uint_eq(result.position.offset, 1);
    ck_assert_int_eq(publish_to("name-000001", &result), 0);
    ck_assert_uint_eq(result.position.offset, 2);
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

START_TEST(history_without_an_age_is_not_forgotten)
{
    struct gw_published result;

    stage_open(&stage, 1, 0);
    stage.history.age_ns_max = UINT64_MAX;
    make_husk("lobby", &result);
    subscribe_turn(0, "all");
    ck_assert_uint_eq(stage.readers[0].messages, 1);
    stage_close(&stage);
}
END_TEST

/* --- Memory --- */

/* One story, told with every allocation failing in turn. Whoever stands has everything. */
static void tell_story(long left)
{
    struct gw_hub_options options;
    struct gw_published result;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    stage.meter.left = left;
    if (stage_open_hub(&stage, 0, &options) < 0) {
        ck_assert_int_eq(stage.meter.live, 0);
        return;
    }
    for (unsigned turn = 0; turn < 12; turn++) {
        stage_begin(&stage, 0);
        if (turn < 6)
            (void)stage_subscribe(&stage, turn, 0, turn % 2, turn % 3 ? "new" : "all", turn % 2);
        for (unsigned i = 0; i < turn; i++)
            (void)stage_publish(&stage, 0, i % 2, 20 + i, &result);
        if (turn == 3)
            stage.readers[2].room = 50;
        if (turn == 9)
            stage_drain(&stage, 2, STAGE_ROOM);
        if (turn == 10)
            stage_unsubscribe(&stage, 1);
        (void)stage_end(&stage, 0);
    }
    stage.meter.left = METER_UNLIMITED; /* memory is back: nobody is stuck */
    stage_turns(&stage, 3);
    for (unsigned i = 0; i < 6; i++) {
        const struct reader *reader = &stage.readers[i];

        if (reader->state == READER_STANDS)
            ck_assert_uint_eq(gw_hub_where(stage.hubs[0], reader->subscription).offset + 1,
                              reader->expected);
    }
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

/* With the slab's 8 bytes each, one slot, a name of 7 letters and its length. */
START_TEST(a_channel_with_one_subscriber_is_small)
{
    ck_assert_uint_le(sizeof(struct gw_channel) + 8 + sizeof(struct gw_slot) + 1 + 7, 160);
    ck_assert_uint_le(sizeof(struct gw_subscription) + 8 + sizeof(struct gw_slot), 48);
    stage_open(&stage, 1, 0);
    subscribe_turn(0, "new");
    ck_assert_ptr_null(gw_hub_channel(stage.hubs[0], 0)->log); /* and no log yet */
    ck_assert_uint_eq(gw_hub_channel(stage.hubs[0], 0)->slot_room, 1);
    stage_close(&stage);
}
END_TEST

START_TEST(a_publication_bears_the_time_of_its_turn)
{
    static const struct gw_read all = {{.kind = GW_SINCE_ALL}, 10, false};
    struct gw_page page;

    stage_open(&stage, 1, 0);
    (void)publish_turn(1);
    stage_pass(&stage, 5 * GW_NS_PER_S);
    (void)publish_turn(1);
    stage_begin(&stage, 0);
    ck_assert_int_eq(gw_hub_read(stage.hubs[0], GW_STR(stage_names[0]), &all, 1, &page), 0);
    ck_assert_uint_eq(page.count, 2);
    ck_assert_int_eq(page.first->time_ms, stage.now.wall_ms - 5000);
    ck_assert_int_eq(page.first->next->time_ms, stage.now.wall_ms);
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

/* Room for half as many again, and what three quarters of is free goes back. */
START_TEST(slots_take_the_room_they_need)
{
    const struct gw_channel *channel;

    stage_open(&stage, 1, 0);
    for (unsigned count = 1; count <= STAGE_READERS; count++) {
        subscribe_turn(count - 1, "new");
        channel = gw_hub_channel(stage.hubs[0], 0);
        ck_assert_uint_ge(channel->slot_room, count);
        ck_assert_uint_le(channel->slot_room, count + count / 2);
    }
    for (unsigned count = STAGE_READERS; count-- > 1;) {
        stage_begin(&stage, 0);
        stage_unsubscribe(&stage, count);
        (void)stage_end(&stage, 0);
        ck_assert_uint_le(channel->slot_room, count > 0 ? 4 * count - 1 : 0);
    }
    stage_close(&stage);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, sixteen_publications_to_many_cost_one_send_each);
    tcase_add_test(tests, more_readers_than_a_batch_has_sends_all_get_it);
    tcase_add_test(tests, what_is_published_during_a_circle_comes_in_the_next_or_before);
    tcase_add_loop_test(tests, removal_in_mid_circle_passes_nobody_over, 0, 20);
    tcase_add_test(tests, a_socket_may_stop_at_every_byte);
    tcase_add_test(tests, one_byte_at_a_time_arrives_too);
    tcase_add_test(tests, a_broken_socket_is_reported_and_the_others_go_on);
    tcase_add_test(tests, a_blocked_reader_is_skipped_until_unblocked);
    tcase_add_test(tests, a_turn_looks_at_a_bounded_number_of_slots);
    tcase_add_test(tests, a_turn_wakes_a_bounded_number_of_readers);
    tcase_add_test(tests, half_of_a_batch_is_for_readers_that_are_awake);
    tcase_add_test(tests, a_batch_has_no_more_sends_than_there_is_room_for);
    tcase_add_test(tests, a_socket_that_takes_nothing_is_full_and_not_broken);
    tcase_add_test(tests, one_socket_has_one_send_in_a_batch);
    tcase_add_test(tests, a_long_backlog_comes_in_runs);
    tcase_add_test(tests, a_message_larger_than_a_run_goes_alone);
    tcase_add_loop_test(tests, since_says_where_a_reader_begins, 0, SUITE_ROWS(sinces));
    tcase_add_loop_test(tests, a_position_is_honoured_or_the_reason_is_told, 0,
                        SUITE_ROWS(positions));
    tcase_add_test(tests, a_reader_who_saw_nothing_yet_comes_back_to_the_start_of_the_stream);
    tcase_add_test(tests, where_is_the_last_whole_message_and_resumes);
    tcase_add_test(tests, a_reader_that_fell_behind_may_go_on);
    tcase_add_test(tests, a_blocked_reader_falls_off_the_live_log_and_is_told);
    tcase_add_test(tests, the_live_log_goes_when_nobody_is_behind);
    tcase_add_test(tests, the_live_log_goes_when_the_last_one_is_unblocked);
    tcase_add_test(tests, the_live_log_goes_when_the_last_one_has_caught_up);
    tcase_add_test(tests, units_are_given_back_when_a_circle_ends_with_nobody_behind);
    tcase_add_test(tests, history_ages_by_itself);
    tcase_add_test(tests, publishers_wait_while_half_of_the_live_log_waits);
    tcase_add_test(tests, one_publication_is_accepted_however_large);
    tcase_add_test(tests, a_slow_reader_is_never_cut_by_a_sweep_that_has_not_reached_it);
    tcase_add_test(tests, all_histories_together_are_bounded);
    tcase_add_test(tests, the_largest_history_gives_way_not_the_small_ones);
    tcase_add_loop_test(tests, the_largest_history_gives_way_though_another_grew, 0, 8);
    tcase_add_test(tests, a_channel_never_published_to_vanishes_with_its_last_subscriber);
    tcase_add_test(tests, names_are_checked);
    tcase_add_test(tests, channels_have_a_maximum);
    tcase_add_test(tests, that_there_is_no_memory_for_a_channel_is_told);
    tcase_add_test(tests, subscriptions_have_a_maximum);
    tcase_add_test(tests, a_forgotten_channel_goes_on_where_it_stopped);
    tcase_add_test(tests, a_day_later_it_is_another_stream);
    tcase_add_loop_test(tests, no_epoch_comes_again, 0, 2);
    tcase_add_loop_test(tests, what_happens_to_one_name_is_nothing_to_others, 0, 2);
    tcase_add_test(tests, the_oldest_husk_gives_way_to_a_new_channel);
    tcase_add_test(tests, only_so_many_forgotten_channels_are_remembered);
    tcase_add_test(tests, history_without_an_age_is_not_forgotten);
    tcase_add_test(tests, every_allocation_may_fail);
    tcase_add_test(tests, a_channel_with_one_subscriber_is_small);
    tcase_add_test(tests, a_publication_bears_the_time_of_its_turn);
    tcase_add_test(tests, slots_take_the_room_they_need);
}

int main(void)
{
    return suite_main("hub/hub", fill);
}
