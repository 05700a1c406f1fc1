/* buf_test.c - a buffer grows by doubling, stops at its cap, and fails without harm. */
#include "core/buf.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "lib/meter.h"
#include "lib/seeded.h"
#include "lib/suite.h"

START_TEST(an_empty_buffer_holds_no_memory)
{
    struct meter meter;
    struct gw_buf buf;

    meter_init(&meter);
    gw_buf_init(&buf, &meter.alloc, 100);
    ck_assert_int_eq(gw_buf_append(&buf, NULL, 0), 0);
    gw_buf_drop(&buf, 0);
    gw_buf_clear(&buf);
    ck_assert_uint_eq(gw_buf_str(&buf).len, 0);
    ck_assert_int_eq(meter.taken, 0);
    gw_buf_fini(&buf);
}
END_TEST

/* Rooms by the header's rule: from 256 by doubling, never above the cap. */
static const struct {
    size_t cap, len, room;
} rooms[] = {
    {10000, 1, 256},     {10000, 256, 256},    {10000, 257, 512},      {10000, 1025, 2048},
    {10000, 4097, 8192}, {10000, 8193, 10000}, {10000, 10000, 10000},  {100, 1, 100},
    {256, 256, 256},     {300, 257, 300},      {SIZE_MAX, 5000, 8192},
};

START_TEST(room_doubles_up_to_the_cap)
{
    static const char bytes[10000];
    struct meter meter;
    struct gw_buf buf;

    meter_init(&meter);
    gw_buf_init(&buf, &meter.alloc, rooms[_i].cap);
    ck_assert_int_eq(gw_buf_append(&buf, bytes, rooms[_i].len), 0);
    ck_assert_uint_eq(buf.len, rooms[_i].len);
    ck_assert_uint_eq(buf.room, rooms[_i].room);
    ck_assert_uint_eq(meter.largest, rooms[_i].room);
    gw_buf_fini(&buf);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

START_TEST(one_byte_past_the_cap_is_refused)
{
    struct meter meter;
    struct gw_buf buf;

    meter_init(&meter);
    gw_buf_init(&buf, &meter.alloc, 5);
    ck_assert_int_eq(gw_buf_append(&buf, "abc", 3), 0);
    ck_assert(gw_buf_fits(&buf, 2));
    ck_assert(!gw_buf_fits(&buf, 3));
    ck_assert(!gw_buf_fits(&buf, SIZE_MAX));
    ck_assert_int_eq(gw_buf_append(&buf, "def", 3), -EMSGSIZE);
    ck_assert_ptr_null(gw_buf_reserve(&buf, 3));
    ck_assert(gw_str_eq(gw_buf_str(&buf), GW_STR("abc")));
    ck_assert_int_eq(gw_buf_text(&buf, GW_STR("de")), 0);
    ck_assert(gw_str_eq(gw_buf_str(&buf), GW_STR("abcde")));
    ck_assert_int_eq(gw_buf_append(&buf, "f", 1), -EMSGSIZE);
    gw_buf_fini(&buf);
}
END_TEST

START_TEST(without_memory_the_buffer_stays_as_it_was)
{
    char bytes[300];
    struct meter meter;
    struct gw_buf buf;

    memset(bytes, 'x', sizeof(bytes));
    meter_init(&meter);
    gw_buf_init(&buf, &meter.alloc, 1000);
    meter.left = 0;
    ck_assert_int_eq(gw_buf_append(&buf, "abc", 3), -ENOMEM);
    ck_assert_uint_eq(buf.len, 0);
    meter.left = 1;
    ck_assert_int_eq(gw_buf_append(&buf, "abc", 3), 0);
    ck_assert_int_eq(gw_buf_append(&buf, bytes, sizeof(bytes)), -ENOMEM);
    ck_assert_ptr_null(gw_buf_reserve(&buf, sizeof(bytes)));
    ck_assert(gw_buf_fits(&buf, sizeof(bytes))); /* so it was not the cap */
    ck_assert(gw_str_eq(gw_buf_str(&buf), GW_STR("abc")));
    gw_buf_fini(&buf);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

START_TEST(reserved_bytes_count_only_when_added)
{
    struct meter meter;
    struct gw_buf buf;
    uint8_t *to;

    meter_init(&meter);
    gw_buf_init(&buf, &meter.alloc, 100);
    to = gw_buf_reserve(&buf, 10);
    ck_assert_ptr_nonnull(to);
    memcpy(to, "0123456789", 10);
    ck_assert_uint_eq(buf.len, 0);
    gw_buf_added(&buf, 4);
    ck_assert(gw_str_eq(gw_buf_str(&buf), GW_STR("0123")));
    ck_assert_ptr_nonnull(gw_buf_reserve(&buf, 0));
    gw_buf_fini(&buf);
}
END_TEST

START_TEST(a_finished_buffer_can_be_used_again)
{
    struct meter meter;
    struct gw_buf buf;

    meter_init(&meter);
    gw_buf_init(&buf, &meter.alloc, 3);
    ck_assert_int_eq(gw_buf_append(&buf, "abc", 3), 0);
    gw_buf_fini(&buf);
    ck_assert_int_eq(meter.live, 0);
    ck_assert_int_eq(gw_buf_append(&buf, "xyz", 3), 0);
    ck_assert_int_eq(gw_buf_append(&buf, "!", 1), -EMSGSIZE); /* the cap is kept */
    ck_assert(gw_str_eq(gw_buf_str(&buf), GW_STR("xyz")));
    gw_buf_clear(&buf);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_int_eq(meter.live, 1);
    gw_buf_fini(&buf);
}
END_TEST

START_TEST(numbers_are_written_whole_or_not_at_all)
{
    struct meter meter;
    struct gw_buf buf;

    meter_init(&meter);
    gw_buf_init(&buf, &meter.alloc, 24);
    ck_assert_int_eq(gw_buf_u64(&buf, 0), 0);
    ck_assert_int_eq(gw_buf_u64(&buf, UINT64_MAX), 0);
    ck_assert_int_eq(gw_buf_u64(&buf, 1234), -EMSGSIZE);
    ck_assert_int_eq(gw_buf_u64(&buf, 123), 0);
    ck_assert(gw_str_eq(gw_buf_str(&buf), GW_STR("018446744073709551615123")));
    gw_buf_fini(&buf);
}
END_TEST

START_TEST(it_holds_what_a_plain_array_holds)
{
    enum { CAP = 2000 };
    struct seeded seeded = {1};
    uint8_t model[CAP], piece[700];
    size_t model_len = 0;
    struct meter meter;
    struct gw_buf buf;

    meter_init(&meter);
    gw_buf_init(&buf, &meter.alloc, CAP);
    for (int step = 0; step < 3000; step++) {
        size_t len = seeded_below(&seeded, sizeof(piece));

        if (seeded_below(&seeded, 2) == 0) {
            memset(piece, step, len);
            ck_assert_int_eq(gw_buf_append(&buf, piece, len),
                             model_len + len <= CAP ? 0 : -EMSGSIZE);
            if (model_len + len <= CAP) {
                memcpy(model + model_len, piece, len);
                model_len += len;
            }
        } else {
            len = len < model_len ? len : model_len;
            gw_buf_drop(&buf, len);
            model_len -= len;
            memmove(model, model + len, model_len);
        }
        ck_assert_uint_eq(buf.len, model_len);
        if (model_len > 0)
            ck_assert_mem_eq(buf.data, model, model_len);
    }
    gw_buf_fini(&buf);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, an_empty_buffer_holds_no_memory);
    tcase_add_loop_test(tests, room_doubles_up_to_the_cap, 0, SUITE_ROWS(rooms));
    tcase_add_test(tests, one_byte_past_the_cap_is_refused);
    tcase_add_test(tests, without_memory_the_buffer_stays_as_it_was);
    tcase_add_test(tests, reserved_bytes_count_only_when_added);
    tcase_add_test(tests, a_finished_buffer_can_be_used_again);
    tcase_add_test(tests, numbers_are_written_whole_or_not_at_all);
    tcase_add_test(tests, it_holds_what_a_plain_array_holds);
}

int main(void)
{
    return suite_main("core/buf", fill);
}
