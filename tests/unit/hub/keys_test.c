/* keys_test.c - what was published under a key is remembered for a while, and not published again.
 */
#include "hub/keys.h"

#include <errno.h>
#include <stdio.h>

#include "hub/hub.h"
#include "lib/meter.h"
#include "lib/suite.h"
#include "unit/hub/stage.h"

static const uint8_t hash_key[16] = {1, 2, 3};
static struct meter meter;
static struct gw_keys *keys;
static struct gw_key_sets sets;

static void open_keys(void)
{
    meter_init(&meter);
    gw_key_sets_init(&sets);
    ck_assert_int_eq(gw_keys_new(&keys, &meter.alloc, hash_key, &sets, 0), 0);
}

static void close_keys(void)
{
    gw_keys_free(keys);
    ck_assert_uint_eq(sets.bytes, 0);
    ck_assert_uint_eq(sets.count, 0);
    ck_assert(gw_link_empty(&sets.list));
    ck_assert_int_eq(meter.live, 0);
}

static struct gw_str key_of(unsigned number)
{
    static char text[16];

    snprintf(text, sizeof(text), "key %u", number);
    return GW_STR(text);
}

static void add(unsigned number, uint64_t now_ns)
{
    ck_assert_int_eq(gw_keys_add(keys, key_of(number), now_ns), 0);
    gw_keys_name_last(keys, number + 1, number * 7);
}

static bool known(unsigned number)
{
    uint64_t offset, tag;

    if (!gw_keys_find(keys, key_of(number), &offset, &tag))
        return false;
    MUST(offset == number + 1 && tag == number * 7);
    return true;
}

/* --- The keys --- */

/* Many times round the ring, and through every growth of it. */
START_TEST(the_oldest_go_and_the_others_stay)
{
    open_keys();
    for (unsigned i = 0; i < 5000; i++) {
        unsigned kept = 1 + i / 3 % 700;

        add(i, i);
        gw_keys_shed(keys, 0, kept);
        MUST(gw_keys_count(keys) <= kept);
        MUST(known(i));
        MUST(known(i + 1 - gw_keys_count(keys)));
        MUST(i + 1 == gw_keys_count(keys) || !known(i - gw_keys_count(keys)));
        MUST(gw_keys_oldest_ns(keys) == i + 1 - gw_keys_count(keys));
    }
    close_keys();
}
END_TEST

START_TEST(old_ones_are_forgotten)
{
    open_keys();
    for (unsigned i = 0; i < 10; i++)
        add(i, 100 + i / 2);
    gw_keys_shed(keys, 100, 100);
    ck_assert_uint_eq(gw_keys_count(keys), 10);
    gw_keys_shed(keys, 103, 100);
    ck_assert_uint_eq(gw_keys_count(keys), 4);
    ck_assert(!known(5) && known(6));
    gw_keys_shed(keys, UINT64_MAX, 100);
    ck_assert_uint_eq(gw_keys_count(keys), 0);
    ck_assert_uint_eq(gw_keys_count(NULL), 0);
    add(11, 200); /* and it goes on */
    ck_assert(known(11));
    close_keys();
}
END_TEST

START_TEST(a_key_is_bytes)
{
    static char longest[255];
    const struct gw_str odd[] = {
        {"\0", 1}, {"\0\0", 2}, {"\xff", 1}, {longest, 255}, {longest, 254}};
    uint64_t offset, tag;

    open_keys();
    for (size_t i = 0; i < 5; i++) {
        ck_assert(!gw_keys_find(keys, odd[i], &offset, &tag));
        ck_assert_int_eq(gw_keys_add(keys, odd[i], i), 0);
        gw_keys_name_last(keys, i, i);
    }
    for (size_t i = 0; i < 5; i++) {
        ck_assert(gw_keys_find(keys, odd[i], &offset, &tag));
        ck_assert_uint_eq(offset, i);
    }
    close_keys();
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    for (long left = 0;; left++) {
        unsigned added = 0;

        meter_init(&meter);
        meter.left = left;
        gw_key_sets_init(&sets);
        keys = NULL;
        if (gw_keys_new(&keys, &meter.alloc, hash_key, &sets, 0) == 0) {
            for (; added < 20 && gw_keys_add(keys, key_of(added), 1) == 0; added++)
                gw_keys_name_last(keys, added + 1, added * 7);
            ck_assert_uint_eq(gw_keys_count(keys), added);
            for (unsigned i = 0; i < 20; i++)
                ck_assert_int_eq(known(i), i < added);
        }
        close_keys();
        if (meter.failed == 0)
            break;
    }
}
END_TEST

/* Nine keys: for the ninth the ring has to grow, for which there is no memory, while there is some
 * for the key. */
static void *get_small(size_t size, void *ctx)
{
    return size <= 100 ? meter.alloc.get(size, ctx) : NULL;
}

START_TEST(a_key_for_which_the_ring_cannot_grow_costs_no_other)
{
    struct gw_alloc tight;

    meter_init(&meter);
    tight = meter.alloc;
    gw_key_sets_init(&sets);
    ck_assert_int_eq(gw_keys_new(&keys, &tight, hash_key, &sets, 0), 0);
    for (unsigned i = 0; i < 8; i++)
        add(i, i);
    tight.get = get_small;
    ck_assert_int_eq(gw_keys_add(keys, key_of(8), 8), -ENOMEM);
    ck_assert_uint_eq(gw_keys_count(keys), 8);
    for (unsigned i = 0; i < 9; i++)
        ck_assert_int_eq(known(i), i < 8);
    tight.get = meter.alloc.get;
    add(8, 8);
    for (unsigned i = 0; i < 9; i++)
        ck_assert(known(i));
    close_keys();
}
END_TEST

/* --- In a hub --- */

static struct stage stage;

static unsigned home_of(int channel)
{
    return gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[channel]));
}

/* Publishes under a key, at the home or elsewhere; returns the answer. */
static struct gw_published publish(int elsewhere, const char *key)
{
    unsigned worker = elsewhere ? 1 - home_of(0) : home_of(0);
    const struct gw_pub_parts parts = {.key = GW_STR(key), .payload = {"text", 4}};
    struct gw_published result = {.status = 1};
    struct gw_pub *pub;
    int status;

    ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &parts), 0);
    stage_begin(&stage, worker);
    status = gw_hub_publish(stage.hubs[worker], GW_STR(stage_names[0]), pub, 99, &result);
    stage_watch(&stage, worker);
    (void)stage_end(&stage, worker);
    if (status == GW_PENDING) {
        stage.pending_published++;
        stage_turns(&stage, 2);
        result = stage.last_answer;
        status = result.status;
    }
    ck_assert_int_eq(status, 0);
    return result;
}

START_TEST(the_same_key_is_the_same_publication)
{
    struct gw_published first, again;

    stage_open(&stage, 2, 2);
    first = publish(_i, "a");
    ck_assert(!first.duplicate);
    ck_assert(!publish(_i, "b").duplicate);
    ck_assert(!publish(_i, "").duplicate);
    ck_assert(!publish(_i, "").duplicate); /* none is not one */
    again = publish(_i, "a");
    ck_assert(again.duplicate);
    ck_assert_mem_eq(&again.position, &first.position, sizeof(first.position));
    ck_assert_uint_eq(publish(_i, "c").position.offset, 5);
    stage_close(&stage);
}
END_TEST

/* And keeps its channel so long, though there is neither history nor reader. */
START_TEST(a_key_is_known_for_idempotency_age)
{
    stage_open(&stage, 2, 2);
    stage.history.count_max = 0;
    (void)publish(_i, "a");
    for (int minute = 0; minute < 5; minute++) {
        stage_pass(&stage, 60 * GW_NS_PER_S);
        stage_turns(&stage, 2);
        ck_assert_uint_gt(gw_hub_counts(stage.hubs[home_of(0)]).channels, 0);
    }
    ck_assert(publish(_i, "a").duplicate); /* as old as that is not too old */
    stage_pass(&stage, GW_NS_PER_MS);
    ck_assert(!publish(_i, "a").duplicate);
    stage_pass(&stage, 301 * GW_NS_PER_S);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[home_of(0)]).key_bytes, 0);
    stage_pass(&stage, 61 * GW_NS_PER_S);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[home_of(0)]).channels, 0);
    stage_close(&stage);
}
END_TEST

/* Without one, a channel that has nothing to remember is forgotten, and its keys with it. */
static void keep_a_reader(void)
{
    stage_begin(&stage, home_of(0));
    ck_assert_int_eq(stage_subscribe(&stage, 0, home_of(0), 0, "new", 0), 0);
    (void)stage_end(&stage, home_of(0));
}

/* Who asks again need not wait for room: nothing is published. */
START_TEST(a_known_key_is_answered_although_the_log_is_full)
{
    const struct gw_pub_parts parts = {.key = GW_STR("a"), .payload = {"text", 4}};
    struct gw_published first, again;
    unsigned home;
    struct gw_pub *pub;

    stage_open(&stage, 2, 2);
    home = home_of(0);
    keep_a_reader();
    first = publish(0, "a");
    stage_begin(&stage, home);
    while (stage_publish(&stage, home, 0, 1000, &again) == 0)
        ck_assert_uint_lt(again.position.offset, 10000);
    ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &parts), 0);
    ck_assert_int_eq(gw_hub_publish(stage.hubs[home], GW_STR(stage_names[0]), pub, 0, &again), 0);
    (void)stage_end(&stage, home);
    ck_assert(again.duplicate);
    ck_assert_mem_eq(&again.position, &first.position, sizeof(first.position));
    stage_close(&stage);
}
END_TEST

START_TEST(a_deleted_channel_knows_no_keys)
{
    struct gw_published result;
    unsigned home;

    stage_open(&stage, 2, 2);
    home = home_of(0);
    keep_a_reader();
    (void)publish(_i, "a");
    stage_begin(&stage, home);
    ck_assert_int_eq(stage_delete(&stage, home, 0, &result), 0);
    (void)stage_end(&stage, home);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[home]).key_bytes, 0);
    result = publish(_i, "a");
    ck_assert(!result.duplicate);
    ck_assert_uint_eq(result.position.offset, 1);
    stage_close(&stage);
}
END_TEST

START_TEST(a_channel_knows_so_many_keys_at_most)
{
    char key[32];

    stage_open(&stage, 2, 2);
    for (unsigned i = 0; i <= GW_KEYS_MAX; i++) {
        snprintf(key, sizeof(key), "%u", i);
        (void)publish(0, key);
    }
    ck_assert(publish(0, "1").duplicate);
    ck_assert(!publish(0, "0").duplicate);
    stage_close(&stage);
}
END_TEST

/* All in one turn, and at no time in it one more. */
START_TEST(a_channel_never_has_more_keys_than_it_may)
{
    const struct gw_pub_parts parts = {.payload = {"text", 4}};
    char key[32];
    uint64_t one = 0, more = 0; /* the first takes, and each that follows */

    stage_open(&stage, 1, 0);
    stage_begin(&stage, 0);
    for (unsigned i = 0; i < GW_KEYS_MAX + 3; i++) {
        struct gw_pub_parts keyed = parts;
        struct gw_published result;
        struct gw_pub *pub;
        uint64_t bytes;

        snprintf(key, sizeof(key), "%05u", i);
        keyed.key = GW_STR(key);
        ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &keyed), 0);
        ck_assert_int_eq(gw_hub_publish(stage.hubs[0], GW_STR(stage_names[0]), pub, 99, &result),
                         0);
        bytes = gw_hub_counts(stage.hubs[0]).key_bytes;
        one = i == 0 ? bytes : one;
        more = i == 1 ? bytes - one : more;
        MUST(bytes == one + more * (i < GW_KEYS_MAX ? i : GW_KEYS_MAX - 1));
    }
    stage_watch(&stage, 0);
    (void)stage_end(&stage, 0);
    stage_close(&stage);
}
END_TEST

/* It is forgotten when it is too old, and until then nobody has to look. */
START_TEST(a_key_does_not_keep_a_worker_awake)
{
    stage_open(&stage, 1, 0);
    stage.history.count_max = 0;
    (void)publish(0, "a");
    ck_assert_uint_gt(gw_hub_wait_ns(stage.hubs[0]), GW_NS_PER_S);
    stage_pass(&stage, 150 * GW_NS_PER_S);
    (void)publish(0, "b");
    ck_assert_uint_gt(gw_hub_wait_ns(stage.hubs[0]), GW_NS_PER_S);
    ck_assert_uint_le(gw_hub_wait_ns(stage.hubs[0]), 151 * GW_NS_PER_S);
    stage_close(&stage);
}
END_TEST

/* What one key of a letter takes, and two of them. */
static void measure(uint64_t *one, uint64_t *two)
{
    stage_open(&stage, 1, 0);
    (void)publish(0, "a");
    *one = gw_hub_counts(stage.hubs[0]).key_bytes;
    (void)publish(0, "b");
    *two = gw_hub_counts(stage.hubs[0]).key_bytes;
    stage_close(&stage);
}

/* All of them together have a share of what histories have, one in 16 bytes: here a few more than
 * two short ones need. */
START_TEST(keys_have_bytes_at_most)
{
    struct gw_hub_options options;
    char key[GW_PUB_KEY_MAX + 1] = "";
    uint64_t one, two;

    measure(&one, &two);
    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.history_total_bytes = 16 * (two + 100);
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    (void)publish(0, "a");
    (void)publish(0, "b");
    ck_assert(publish(0, "a").duplicate);
    memset(key, 'k', GW_PUB_KEY_MAX);
    (void)publish(0, key);
    ck_assert(publish(0, key).duplicate); /* the last one is kept, however long it is */
    ck_assert(!publish(0, "b").duplicate);
    ck_assert(!publish(0, key).duplicate);
    stage_close(&stage);
}
END_TEST

/* To the byte: two keys that need what there is, and two that need a byte more. */
START_TEST(keys_have_their_share_to_the_byte)
{
    struct gw_hub_options options;
    uint64_t one, two;

    measure(&one, &two);
    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.history_total_bytes = 16 * two - (unsigned)_i;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    (void)publish(0, "a");
    (void)publish(0, "b");
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[0]).key_bytes, _i == 0 ? two : one);
    stage_close(&stage);
}
END_TEST

/* A keyed publication in one of many channels of a hub that is alone. Is it a duplicate? */
static bool repeats(unsigned channel, const char *key)
{
    const struct gw_pub_parts parts = {.key = GW_STR(key), .payload = {"text", 4}};
    struct gw_published result;
    struct gw_pub *pub;
    char name[16];

    snprintf(name, sizeof(name), "c%u", channel);
    ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &parts), 0);
    stage_begin(&stage, 0);
    ck_assert_int_eq(gw_hub_publish(stage.hubs[0], GW_STR(name), pub, 99, &result), 0);
    gw_hub_check(stage.hubs[0]);
    (void)stage_end(&stage, 0);
    return result.duplicate;
}

/* Of many channels with few keys, too: there the oldest are not the adder's own. And what a key
 * takes besides its bytes is counted. */
START_TEST(keys_of_many_channels_have_bytes_at_most)
{
    struct gw_hub_options options;
    long before;

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.history_total_bytes = 16 * 100000;
    options.channels_max = 3000;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    stage.history.count_max = 0;
    for (unsigned i = 0; i < 2000; i++)
        (void)repeats(i, "");
    before = stage.meter.live;
    for (unsigned i = 0; i < 2000; i++) {
        ck_assert(!repeats(i, "k"));
        ck_assert(repeats(i, "k"));
        ck_assert_uint_le(gw_hub_counts(stage.hubs[0]).key_bytes, 100000);
    }
    ck_assert_int_le(stage.meter.live - before,
                     5 * 300); /* a lone key is five pieces of 400 bytes */
    ck_assert(repeats(1999, "k") && repeats(1900, "k"));
    ck_assert(!repeats(0, "k"));
    stage_close(&stage);
}
END_TEST

/* One channel with many keys loses half of them before the others lose theirs. */
START_TEST(one_with_many_keys_does_not_drive_out_the_others)
{
    struct gw_hub_options options;
    char key[16];

    stage_init(&stage, 1, 0);
    options = stage_options(&stage, 0);
    options.history_total_bytes = 16 * 100000;
    options.channels_max = 3000;
    ck_assert_int_eq(stage_open_hub(&stage, 0, &options), 0);
    for (unsigned i = 0; i < 4000; i++) {
        snprintf(key, sizeof(key), "%u", i);
        (void)repeats(0, key);
    }
    for (unsigned i = 1; i <= 20; i++) {
        ck_assert(!repeats(i, "a"));
        ck_assert(!repeats(i, "b"));
    }
    for (unsigned i = 1; i <= 20; i++)
        ck_assert(repeats(i, "a") && repeats(i, "b"));
    stage_close(&stage);
}
END_TEST

START_TEST(a_duplicate_is_told_how_many_listen)
{
    struct gw_published again;

    stage_open(&stage, 2, 2);
    (void)publish(_i, "a");
    keep_a_reader();
    again = publish(_i, "a");
    ck_assert(again.duplicate);
    ck_assert_uint_eq(again.subscribers, 1);
    stage_close(&stage);
}
END_TEST

/* A publication has its place and its key, or neither. */
START_TEST(when_memory_is_out_nothing_is_published)
{
    const struct gw_pub_parts parts = {.key = {"a", 1}, .payload = {"text", 4}};

    for (long left = 0;; left++) {
        struct gw_published result;
        struct gw_pub *pub;
        int status;

        stage_open(&stage, 1, 0);
        keep_a_reader();
        ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &parts), 0);
        stage_begin(&stage, 0);
        stage.meter.left = left;
        status = gw_hub_publish(stage.hubs[0], GW_STR(stage_names[0]), pub, 99, &result);
        stage.meter.left = METER_UNLIMITED;
        gw_hub_check(stage.hubs[0]); /* in the same turn: no key, and no room for keys either */
        stage_watch(&stage, 0);
        (void)stage_end(&stage, 0);
        ck_assert_int_eq(publish(0, "a").duplicate, status == 0);
        ck_assert_uint_eq(publish(0, "b").position.offset, 2);
        stage_close(&stage);
        if (status == 0)
            break;
        ck_assert_int_eq(status, -ENOMEM);
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, the_oldest_go_and_the_others_stay);
    tcase_add_test(tests, old_ones_are_forgotten);
    tcase_add_test(tests, a_key_is_bytes);
    tcase_add_test(tests, every_allocation_may_fail);
    tcase_add_test(tests, a_key_for_which_the_ring_cannot_grow_costs_no_other);
    tcase_add_loop_test(tests, the_same_key_is_the_same_publication, 0, 2);
    tcase_add_loop_test(tests, a_key_is_known_for_idempotency_age, 0, 2);
    tcase_add_test(tests, a_known_key_is_answered_although_the_log_is_full);
    tcase_add_loop_test(tests, a_deleted_channel_knows_no_keys, 0, 2);
    tcase_add_test(tests, a_channel_knows_so_many_keys_at_most);
    tcase_add_test(tests, a_channel_never_has_more_keys_than_it_may);
    tcase_add_test(tests, a_key_does_not_keep_a_worker_awake);
    tcase_add_test(tests, keys_have_bytes_at_most);
    tcase_add_loop_test(tests, keys_have_their_share_to_the_byte, 0, 2);
    tcase_add_test(tests, keys_of_many_channels_have_bytes_at_most);
    tcase_add_test(tests, one_with_many_keys_does_not_drive_out_the_others);
    tcase_add_loop_test(tests, a_duplicate_is_told_how_many_listen, 0, 2);
    tcase_add_test(tests, when_memory_is_out_nothing_is_published);
}

int main(void)
{
    return suite_main("hub/keys", fill);
}
