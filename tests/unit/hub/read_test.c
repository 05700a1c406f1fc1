/* read_test.c - a page of a history: from the oldest or the newest, within its bounds, wherever the
 * channel's home is. */
#include <errno.h>

#include "hub/hub.h"
#include "lib/suite.h"
#include "unit/hub/stage.h"

static struct stage stage;
static struct gw_position at[64]; /* of what was published */

static unsigned home_of(int channel)
{
    return gw_registry_home_of(stage.hubs[0], GW_STR(stage_names[channel]));
}

/* Publishes `count` of `len` bytes each. */
static void publish(unsigned count, size_t len)
{
    struct gw_published result;
    unsigned home = home_of(0);

    for (unsigned i = 0; i < count; i++) {
        stage_begin(&stage, home);
        ck_assert_int_eq(stage_publish(&stage, home, 0, len, &result), 0);
        (void)stage_end(&stage, home);
        at[result.position.offset] = result.position;
    }
}

/* Reads at the home, or elsewhere. */
static void read_page(int elsewhere, const char *since, uint32_t count_max, bool newest)
{
    unsigned worker = elsewhere ? 1 - home_of(0) : home_of(0);
    int status;

    stage_begin(&stage, worker);
    status = stage_read(&stage, worker, 0, since, count_max, newest);
    (void)stage_end(&stage, worker);
    ck_assert_int_eq(status, elsewhere ? GW_PENDING : 0);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(stage.answered, stage.pending_published);
    ck_assert_int_eq(stage.last_page.status, 0);
}

static void ck_page(uint64_t first, uint64_t last)
{
    ck_assert_int_eq(stage.last_page.reset, GW_RESET_NONE);
    ck_assert_uint_eq(stage.last_page.count, last + 1 - first);
    for (uint64_t offset = first; offset <= last; offset++)
        ck_assert_uint_eq(stage.page_offsets[offset - first], offset);
    ck_assert_uint_eq(stage.last_page.position.offset, last);
    ck_assert_uint_eq(stage.last_page.position.tag, at[last].tag);
}

static const struct {
    const char *since; /* NULL: the position of the 4th */
    uint32_t count_max;
    bool newest;
    uint64_t first, last;
} pages[] = {
    {"all", 100, false, 1, 10},  {"all", 100, true, 1, 10},     {"all", 3, false, 1, 3},
    {"all", 3, true, 8, 10},     {"last:4", 100, false, 7, 10}, {"last:4", 2, false, 7, 8},
    {"last:4", 2, true, 9, 10},  {NULL, 100, false, 5, 10},     {NULL, 2, false, 5, 6},
    {NULL, 2, true, 9, 10},      {NULL, 1, true, 10, 10},       {"last:1", 5, false, 10, 10},
    {"last:1", 5, true, 10, 10}, {"last:0", 5, false, 11, 10},  {"new", 5, false, 11, 10},
    {"new", 5, true, 11, 10},
};

START_TEST(a_page_is_what_was_asked_for)
{
    int row = _i / 2;
    char word[GW_POSITION_LEN + 1] = "";

    stage_open(&stage, 2, 2);
    publish(10, 20);
    gw_position_write(word, &at[4]);
    read_page(_i % 2, pages[row].since ? pages[row].since : word, pages[row].count_max,
              pages[row].newest);
    ck_page(pages[row].first, pages[row].last);
    stage_close(&stage);
}
END_TEST

/* Page by page, each from where the last one ended: nothing is left out, nothing comes twice. */
START_TEST(pages_join)
{
    char word[GW_POSITION_LEN + 1] = "all";
    uint64_t next = 1;

    stage_open(&stage, 2, 2);
    publish(23, 20);
    while (next <= 23) {
        read_page(_i, word, 5, false);
        ck_page(next, next + 4 < 23 ? next + 4 : 23);
        next += stage.last_page.count;
        gw_position_write(word, &stage.last_page.position);
    }
    read_page(_i, word, 5, false);
    ck_page(24, 23);
    stage_close(&stage);
}
END_TEST

/* Of 60,000 bytes each, 18 make more than the most; from either end as many as fit. */
START_TEST(a_page_has_bytes_at_most)
{
    uint64_t fit = GW_PAGE_BYTES_MAX / (60000 + sizeof(struct gw_pub));

    stage_open(&stage, 2, 2);
    stage.history.bytes_max = 4 * (uint64_t)GW_PAGE_BYTES_MAX;
    publish(30, 60000);
    read_page(_i, "all", 100, false);
    ck_page(1, fit);
    read_page(_i, "all", 100, true);
    ck_page(31 - fit, 30);
    stage_close(&stage);
}
END_TEST

/* Small ones at the one end, large ones at the other: those count that are read. */
START_TEST(the_bytes_of_a_page_are_those_at_its_end_of_the_history)
{
    uint64_t fit = GW_PAGE_BYTES_MAX / (60000 + sizeof(struct gw_pub));

    stage_open(&stage, 2, 2);
    stage.history.bytes_max = 4 * (uint64_t)GW_PAGE_BYTES_MAX;
    publish(20, 100);
    publish(20, 60000);
    read_page(_i, "all", 100, true);
    ck_page(41 - fit, 40);
    read_page(_i, "all", 20, false);
    ck_page(1, 20);
    stage_close(&stage);
}
END_TEST

/* Sixteen of 64 KiB with what they cost are the most, to the byte. */
START_TEST(a_page_may_have_all_of_its_bytes)
{
    stage_open(&stage, 2, 2);
    stage.history.bytes_max = 4 * (uint64_t)GW_PAGE_BYTES_MAX;
    publish(17, GW_PAGE_BYTES_MAX / 16 - sizeof(struct gw_pub));
    read_page(_i, "all", 100, false);
    ck_page(1, 16);
    stage_close(&stage);
}
END_TEST

START_TEST(one_is_read_however_large_it_is)
{
    static const char payload[2 * GW_PAGE_BYTES_MAX];
    static const struct gw_pub_parts parts = {.payload = {payload, sizeof(payload)}};
    struct gw_published result;
    unsigned home;

    stage_open(&stage, 2, 2);
    home = home_of(0);
    stage.history.bytes_max = 4 * sizeof(payload);
    stage_begin(&stage, home);
    for (int i = 0; i < 2; i++) {
        struct gw_pub *pub;

        ck_assert_int_eq(gw_pub_new(&pub, &stage.meter.alloc, &parts), 0);
        ck_assert_int_eq(gw_hub_publish(stage.hubs[home], GW_STR(stage_names[0]), pub, 1, &result),
                         0);
    }
    stage_watch(&stage, home);
    (void)stage_end(&stage, home);
    read_page(_i, "all", 100, false);
    ck_assert_uint_eq(stage.last_page.count, 1);
    ck_assert_uint_eq(stage.page_offsets[0], 1);
    read_page(_i, "all", 100, true);
    ck_assert_uint_eq(stage.last_page.count, 1);
    ck_assert_uint_eq(stage.page_offsets[0], 2);
    stage_close(&stage);
}
END_TEST

START_TEST(a_position_that_cannot_be_honoured_is_told)
{
    char word[GW_POSITION_LEN + 1] = "";
    struct gw_position forged;

    stage_open(&stage, 2, 2);
    publish(10, 20);
    forged = at[5];
    forged.tag++;
    gw_position_write(word, &forged);
    read_page(_i, word, 5, false);
    ck_assert_int_eq(stage.last_page.reset, GW_RESET_FORKED);
    ck_assert_uint_eq(stage.last_page.count, 0);
    ck_assert_uint_eq(stage.last_page.position.offset, 10);
    read_page(_i, "nonsense", 5, false);
    ck_assert_int_eq(stage.last_page.reset, GW_RESET_UNKNOWN);
    stage_close(&stage);
}
END_TEST

START_TEST(what_was_never_used_is_empty_and_stays_so)
{
    stage_open(&stage, 2, 2);
    read_page(_i, "all", 5, false);
    ck_assert_uint_eq(stage.last_page.count, 0);
    ck_assert_uint_eq(stage.last_page.position.offset, 0);
    stage_turns(&stage, 2);
    ck_assert_uint_eq(gw_hub_counts(stage.hubs[home_of(0)]).channels, 0);
    stage_close(&stage);
}
END_TEST

START_TEST(no_room_and_no_memory_are_told)
{
    const struct gw_read read = {.count_max = 1};
    struct gw_page page;
    unsigned worker;

    stage_open(&stage, 2, 2);
    worker = 1 - home_of(0);
    stage_begin(&stage, worker);
    stage.meter.left = 0;
    ck_assert_int_eq(stage_read(&stage, worker, 0, "all", 1, false), -ENOMEM);
    stage.meter.left = METER_UNLIMITED;
    ck_assert_int_eq(stage_read(&stage, worker, 0, "all", 1, false), GW_PENDING);
    ck_assert_int_eq(stage_read(&stage, worker, 0, "all", 1, false), GW_PENDING);
    ck_assert_int_eq(stage_read(&stage, worker, 0, "all", 1, false), GW_ERR_FULL);
    (void)stage_end(&stage, worker);
    stage_turns(&stage, 2);
    ck_assert_int_eq(gw_hub_read(stage.hubs[0], GW_STR("a,b"), &read, 1, &page), GW_ERR_NAME);
    stage.meter.left = 0;
    ck_assert_int_eq(stage_read(&stage, home_of(1), 1, "all", 1, false), -ENOMEM);
    stage.meter.left = METER_UNLIMITED;
    stage_close(&stage);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_page_is_what_was_asked_for, 0, 2 * SUITE_ROWS(pages));
    tcase_add_loop_test(tests, pages_join, 0, 2);
    tcase_add_loop_test(tests, a_page_has_bytes_at_most, 0, 2);
    tcase_add_loop_test(tests, the_bytes_of_a_page_are_those_at_its_end_of_the_history, 0, 2);
    tcase_add_loop_test(tests, a_page_may_have_all_of_its_bytes, 0, 2);
    tcase_add_loop_test(tests, one_is_read_however_large_it_is, 0, 2);
    tcase_add_loop_test(tests, a_position_that_cannot_be_honoured_is_told, 0, 2);
    tcase_add_loop_test(tests, what_was_never_used_is_empty_and_stays_so, 0, 2);
    tcase_add_test(tests, no_room_and_no_memory_are_told);
}

int main(void)
{
    return suite_main("hub/read", fill);
}
