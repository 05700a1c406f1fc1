/* control_test.c - what a JSON reader is told besides publications, whole or not at all. */
#include "proto/text/control.h"

#include <errno.h>
#include <string.h>

#include "core/json.h"
#include "lib/meter.h"
#include "lib/suite.h"

/* One object of either kind: a reset where a reason is given. */
static const struct row {
    const char *channel, *position, *reason;
    enum gw_recovered recovered;
    const char *expected;
} objects[] = {
    {"news", "AB-_", NULL, GW_RECOVERED_NOT_ASKED,
     "{\"subscribed\":{\"channel\":\"news\",\"position\":\"AB-_\"}}"},
    {"news", "AB-_", NULL, GW_RECOVERED_YES,
     "{\"subscribed\":{\"channel\":\"news\",\"position\":\"AB-_\",\"recovered\":true}}"},
    {"news", "AB-_", NULL, GW_RECOVERED_NO,
     "{\"subscribed\":{\"channel\":\"news\",\"position\":\"AB-_\",\"recovered\":false}}"},
    {"a\"\\\xc3\xa9", "AB-_", NULL, GW_RECOVERED_NOT_ASKED,
     "{\"subscribed\":{\"channel\":\"a\\\"\\\\\xc3\xa9\",\"position\":\"AB-_\"}}"},
    {"news", "AB-_", "expired", GW_RECOVERED_NOT_ASKED,
     "{\"reset\":{\"channel\":\"news\",\"reason\":\"expired\",\"position\":\"AB-_\"}}"},
    {"a\"\\\xc3\xa9", "AB-_", "epoch", GW_RECOVERED_NOT_ASKED,
     "{\"reset\":{\"channel\":\"a\\\"\\\\\xc3\xa9\",\"reason\":\"epoch\",\"position\":\"AB-_\"}}"},
};

static int append(struct gw_buf *out, const struct row *row)
{
    if (row->reason)
        return gw_control_reset(out, GW_STR(row->channel), GW_STR(row->reason),
                                GW_STR(row->position));
    return gw_control_subscribed(out, GW_STR(row->channel), GW_STR(row->position), row->recovered);
}

START_TEST(a_control_object_is_what_the_product_page_shows)
{
    struct gw_buf out;

    gw_buf_init(&out, &gw_alloc_std, 1000);
    ck_assert_int_eq(append(&out, &objects[_i]), 0);
    ck_assert(gw_str_eq(gw_buf_str(&out), GW_STR(objects[_i].expected)));
    ck_assert(gw_json_valid(gw_buf_str(&out)));
    gw_buf_fini(&out);
}
END_TEST

START_TEST(one_object_goes_behind_what_is_there)
{
    struct gw_buf out;

    gw_buf_init(&out, &gw_alloc_std, 1000);
    ck_assert_int_eq(gw_buf_text(&out, GW_STR("before\n")), 0);
    ck_assert_int_eq(append(&out, &objects[_i]), 0);
    ck_assert(gw_str_starts(gw_buf_str(&out), GW_STR("before\n{")));
    ck_assert_uint_eq(out.len, strlen("before\n") + strlen(objects[_i].expected));
    gw_buf_fini(&out);
}
END_TEST

START_TEST(one_byte_past_the_cap_nothing_is_appended)
{
    size_t needed = 2 + strlen(objects[_i].expected);

    for (size_t cap = 2; cap <= needed; cap++) {
        struct gw_buf out;

        gw_buf_init(&out, &gw_alloc_std, cap);
        ck_assert_int_eq(gw_buf_text(&out, GW_STR("x:")), 0);
        ck_assert_int_eq(append(&out, &objects[_i]), cap < needed ? -EMSGSIZE : 0);
        ck_assert_uint_eq(out.len, cap < needed ? 2 : needed);
        ck_assert_mem_eq(out.data, "x:", 2);
        gw_buf_fini(&out);
    }
}
END_TEST

START_TEST(without_memory_nothing_is_appended)
{
    for (long left = 0;; left++) {
        struct meter meter;
        struct gw_buf out;

        meter_init(&meter);
        meter.left = left;
        gw_buf_init(&out, &meter.alloc, 1000);
        ck_assert_int_eq(append(&out, &objects[_i]), meter.failed > 0 ? -ENOMEM : 0);
        ck_assert_uint_eq(out.len, meter.failed > 0 ? 0 : strlen(objects[_i].expected));
        gw_buf_fini(&out);
        ck_assert_int_eq(meter.live, 0);
        if (meter.failed == 0)
            break;
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_control_object_is_what_the_product_page_shows, 0,
                        SUITE_ROWS(objects));
    tcase_add_loop_test(tests, one_object_goes_behind_what_is_there, 0, SUITE_ROWS(objects));
    tcase_add_loop_test(tests, one_byte_past_the_cap_nothing_is_appended, 0, SUITE_ROWS(objects));
    tcase_add_loop_test(tests, without_memory_nothing_is_appended, 0, SUITE_ROWS(objects));
}

int main(void)
{
    return suite_main("proto/text/control", fill);
}
