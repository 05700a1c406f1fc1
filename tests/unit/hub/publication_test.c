/* publication_test.c - copied once, shared, gone with its last reference; letters own theirs. */
#include "hub/publication.h"

#include <errno.h>

#include "hub/letter.h"
#include "lib/meter.h"
#include "lib/suite.h"

static struct meter meter;

static const struct {
    const char *event, *id, *key, *payload;
} contents[] = {
    {"", "", "", ""},     {"", "", "", "x"},       {"price", "", "", ""},
    {"", "7", "", ""},    {"", "7", "", "42"},     {"", "", "key", ""},
    {"", "", "key", "x"}, {"price", "7", "", "x"}, {"price", "7", "key", "42"},
};

START_TEST(its_parts_come_back_as_given)
{
    const struct gw_pub_parts parts = {.kind = GW_PUB_JSON,
                                       .event = GW_STR(contents[_i].event),
                                       .id = GW_STR(contents[_i].id),
                                       .key = GW_STR(contents[_i].key),
                                       .payload = GW_STR(contents[_i].payload)};
    struct gw_pub *pub;

    meter_init(&meter);
    ck_assert_int_eq(gw_pub_new(&pub, &meter.alloc, &parts), 0);
    ck_assert(gw_str_eq(gw_pub_event(pub), parts.event));
    ck_assert(gw_str_eq(gw_pub_id(pub), parts.id));
    ck_assert(gw_str_eq(gw_pub_key(pub), parts.key));
    ck_assert(gw_str_eq(gw_pub_payload(pub), parts.payload));
    ck_assert_int_eq(pub->kind, GW_PUB_JSON);
    ck_assert_uint_eq(gw_pub_cost(pub), sizeof(*pub) + parts.event.len + parts.id.len +
                                            parts.key.len + parts.payload.len);
    gw_pub_unref(pub);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

START_TEST(the_last_unref_frees)
{
    static const struct gw_pub_parts parts = {.payload = {"hi", 2}};
    struct gw_pub *pub;

    meter_init(&meter);
    ck_assert_int_eq(gw_pub_new(&pub, &meter.alloc, &parts), 0);
    gw_pub_unref(gw_pub_ref(pub));
    ck_assert_int_eq(meter.live, 1);
    gw_pub_unref(pub);
    ck_assert_int_eq(meter.live, 0);
    gw_pub_unref(NULL);
}
END_TEST

static const struct {
    size_t event, id, key, payload;
    long left;
    int expect;
} limits[] = {
    {GW_PUB_EVENT_MAX - 1, 0, 0, 0, 1, 0},
    {GW_PUB_EVENT_MAX, GW_PUB_ID_MAX, GW_PUB_KEY_MAX, 0, 1, 0},
    {GW_PUB_EVENT_MAX + 1, 0, 0, 0, 1, -EMSGSIZE},
    {0, GW_PUB_ID_MAX - 1, 0, 0, 1, 0},
    {0, GW_PUB_ID_MAX + 1, 0, 0, 1, -EMSGSIZE},
    {0, 0, GW_PUB_KEY_MAX - 1, 0, 1, 0},
    {0, 0, GW_PUB_KEY_MAX + 1, 0, 1, -EMSGSIZE},
    {0, 0, 0, UINT32_MAX, 0, -ENOMEM},               /* not too long, but too much here */
    {0, 0, 0, (size_t)UINT32_MAX + 1, 1, -EMSGSIZE}, /* refused before a byte of it is read */
    {1, 1, 1, 1, 0, -ENOMEM},
};

START_TEST(limits_are_kept)
{
    static const char bytes[GW_PUB_EVENT_MAX + 1];
    const struct gw_pub_parts parts = {.event = {bytes, limits[_i].event},
                                       .id = {bytes, limits[_i].id},
                                       .key = {bytes, limits[_i].key},
                                       .payload = {bytes, limits[_i].payload}};
    struct gw_pub *pub = NULL;

    meter_init(&meter);
    meter.left = limits[_i].left;
    ck_assert_int_eq(gw_pub_new(&pub, &meter.alloc, &parts), limits[_i].expect);
    ck_assert(!pub == (limits[_i].expect != 0)); /* a refusal leaves the output alone */
    gw_pub_unref(pub);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

/* --- Letters --- */

static struct gw_pub *chain(unsigned count)
{
    struct gw_pub *first = NULL;

    while (count-- > 0) {
        static const struct gw_pub_parts parts = {.payload = {"x", 1}};
        struct gw_pub *pub;

        ck_assert_int_eq(gw_pub_new(&pub, &meter.alloc, &parts), 0);
        pub->next = first;
        first = pub;
    }
    return first;
}

static const struct {
    enum gw_letter_kind kind;
    uint32_t count;
    unsigned pubs;
    bool name;
} letters[] = {
    {GW_LETTER_JOIN, 17, 0, true},    {GW_LETTER_PUBLISH, 0, 1, true},
    {GW_LETTER_PUBLISH, 0, 1, false}, {GW_LETTER_RANGE, 1, 1, false},
    {GW_LETTER_RANGE, 5, 5, false},   {GW_LETTER_JOINED, 0, 0, false},
    {GW_LETTER_JOINED, 3, 3, false},  {GW_LETTER_COUNT, 9, 0, false},
    {GW_LETTER_LEAVE, 9, 0, false},
};

START_TEST(a_dropped_letter_gives_back_what_it_owns)
{
    struct gw_letter letter = {.kind = (uint8_t)letters[_i].kind, .count = letters[_i].count};

    meter_init(&meter);
    letter.pubs = chain(letters[_i].pubs);
    if (letters[_i].name)
        letter.name = gw_alloc_get(&meter.alloc, sizeof(struct gw_name) + 3);
    gw_letter_drop(&letter, &meter.alloc);
    ck_assert_int_eq(meter.live, 0);
    gw_letter_drop(&letter, &meter.alloc); /* nothing is left to drop */
}
END_TEST

/* Behind the last of a range come others, whom the letter does not own. */
START_TEST(a_range_ends_where_its_count_says)
{
    struct gw_letter letter = {.kind = GW_LETTER_RANGE, .count = 2};
    struct gw_pub *third;

    meter_init(&meter);
    letter.pubs = chain(3);
    third = letter.pubs->next->next;
    gw_letter_drop(&letter, &meter.alloc);
    ck_assert_int_eq(meter.live, 1);
    gw_pub_unref(third);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, its_parts_come_back_as_given, 0, SUITE_ROWS(contents));
    tcase_add_test(tests, the_last_unref_frees);
    tcase_add_loop_test(tests, limits_are_kept, 0, SUITE_ROWS(limits));
    tcase_add_loop_test(tests, a_dropped_letter_gives_back_what_it_owns, 0, SUITE_ROWS(letters));
    tcase_add_test(tests, a_range_ends_where_its_count_says);
}

int main(void)
{
    return suite_main("hub/publication", fill);
}
