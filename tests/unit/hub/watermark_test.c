/* watermark_test.c - who is the same session, who may have it, and how far it has got. */
#include "hub/watermark.h"

#include <string.h>

#include "lib/meter.h"
#include "lib/must.h"
#include "lib/suite.h"

static const uint8_t key[16] = {1, 2, 3}, another_key[16] = {1, 2, 4};
static struct meter meter;

struct given {
    const char *id, *user, *origin, *address;
    const char *channels[4];
};

static const struct given first = {"mine", "anna", "https://a.example", "10.0.0.1", {"a", "b"}};

static struct gw_watermark *make_with(const uint8_t with[16], const struct given *given)
{
    const struct gw_session_name name = {GW_STR(given->id), GW_STR(given->user),
                                         GW_STR(given->origin), GW_STR(given->address), 3};
    struct gw_watermark *made = gw_watermark_new(&meter.alloc, with, &name, 4);

    ck_assert_ptr_nonnull(made);
    for (int i = 0; i < 4 && given->channels[i]; i++)
        gw_watermark_add(made, with, GW_STR(given->channels[i]));
    return made;
}

static struct gw_watermark *make(const struct given *given)
{
    return make_with(key, given);
}

static void end(struct gw_watermark *one, struct gw_watermark *other)
{
    gw_watermark_free(one, &meter.alloc);
    gw_watermark_free(other, &meter.alloc);
    ck_assert_int_eq(meter.live, 0);
}

static bool same_id(const struct gw_watermark *one, const struct gw_watermark *other)
{
    return one->id[0] == other->id[0] && one->id[1] == other->id[1];
}

/* --- Whose it is --- */

START_TEST(the_same_name_makes_the_same_session)
{
    struct gw_watermark *one, *other;

    meter_init(&meter);
    one = make(&first);
    other = make(&first);
    ck_assert(same_id(one, other));
    ck_assert_uint_ne(one->id[0], one->id[1]); /* 128 bits, and not twice the same */
    ck_assert_uint_eq(one->binding, other->binding);
    ck_assert_uint_eq(one->address, other->address);
    ck_assert_uint_eq(one->attempt, 3);
    ck_assert_uint_eq(one->count, 2);
    ck_assert(!one->stood && one->release == GW_RELEASE_KEEP);
    end(one, other);
}
END_TEST

/* Pairs that a careless hash would mix up: what one ends with, another begins with. */
static const struct {
    struct given one, other;
} others[] = {
    {{"m", "u", "o", "", {"a"}}, {"m", "v", "o", "", {"a"}}},
    {{"m", "u", "o", "", {"a"}}, {"m", "", "o", "", {"a"}}},
    {{"m", "u", "o", "", {"a"}}, {"m", "uu", "o", "", {"a"}}},
    {{"m", "u", "o", "", {"a"}}, {"m", "u", "p", "", {"a"}}},
    {{"m", "u", "o", "", {"a"}}, {"m", "u", "", "", {"a"}}},
    {{"m", "u", "o", "", {"a"}}, {"m", "o", "u", "", {"a"}}},
    {{"m", "ab", "c", "", {"d"}}, {"m", "a", "bc", "", {"d"}}},
    {{"m", "ab", "", "", {"d"}}, {"m", "", "ab", "", {"d"}}},
    {{"m", "u", "ab", "", {"c"}}, {"m", "u", "a", "", {"bc"}}},
    {{"m", "u", "o", "", {"a"}}, {"m", "u", "o", "", {"b"}}},
    {{"m", "u", "o", "", {"a"}}, {"m", "u", "o", "", {"a", "b"}}},
    {{"m", "u", "o", "", {"a"}}, {"m", "u", "o", "", {0}}},
    {{"m", "u", "o", "", {"ab", "c"}}, {"m", "u", "o", "", {"a", "bc"}}},
    {{"m", "u", "o", "", {"ab"}}, {"m", "u", "o", "", {"a", "b"}}},
    {{"m", "u", "o", "", {"a", "b"}}, {"m", "u", "o", "", {"a", "a"}}},
    {{"m", "u", "o", "", {"u"}}, {"m", "o", "u", "", {"u"}}},
    {{"m", "u", "o", "", {"o"}}, {"m", "o", "o", "", {"u"}}},
    {{"m", "u", "o", "", {"o"}}, {"m", "u", "u", "", {"u"}}},
};

START_TEST(others_may_not_have_it)
{
    struct gw_watermark *one, *other;

    meter_init(&meter);
    one = make(&others[_i].one);
    other = make(&others[_i].other);
    ck_assert(same_id(one, other));
    ck_assert_uint_ne(one->binding, other->binding);
    end(one, other);
}
END_TEST

static const char *const names[] = {"",     "m",   "mm",  "mn",   "nm",
                                    "mine", "min", "ine", "Mine", "0000000000000000"};

START_TEST(names_that_share_a_part_are_not_the_same)
{
    struct given a = first, b = first;

    meter_init(&meter);
    for (int i = 0; i < SUITE_ROWS(names); i++) {
        for (int j = 0; j < SUITE_ROWS(names); j++) {
            struct gw_watermark *one, *other;

            a.id = a.address = names[i];
            b.id = b.address = names[j];
            one = make(&a);
            other = make(&b);
            MUST(same_id(one, other) == (i == j));
            MUST(one->id[0] != other->id[0] || i == j);
            MUST(one->id[1] != other->id[1] || i == j);
            MUST((one->address == other->address) == (i == j));
            MUST((one->address == 0) == (i == 0)); /* without one it is not counted */
            MUST(one->binding == other->binding);  /* neither belongs to it */
            end(one, other);
        }
    }
}
END_TEST

START_TEST(the_order_of_channels_does_not_matter)
{
    static const char *const orders[][3] = {{"a", "b", "c"}, {"a", "c", "b"}, {"b", "a", "c"},
                                            {"b", "c", "a"}, {"c", "a", "b"}, {"c", "b", "a"}};
    struct given given = first;
    struct gw_watermark *one, *other;

    meter_init(&meter);
    memcpy(given.channels, orders[0], sizeof(orders[0]));
    one = make(&given);
    memcpy(given.channels, orders[_i], sizeof(orders[0]));
    other = make(&given);
    ck_assert_uint_eq(one->binding, other->binding);
    end(one, other);
}
END_TEST

/* Nobody outside can tell which names make what. */
START_TEST(every_hash_is_keyed)
{
    struct gw_watermark *one, *other;

    meter_init(&meter);
    one = make(&first);
    other = make_with(another_key, &first);
    ck_assert_uint_ne(one->id[0], other->id[0]);
    ck_assert_uint_ne(one->id[1], other->id[1]);
    ck_assert_uint_ne(one->binding, other->binding);
    ck_assert_uint_ne(one->address, other->address);
    ck_assert_uint_ne(one->marks[0].channel, other->marks[0].channel);
    end(one, other);
}
END_TEST

/* --- How far it has got --- */

static const struct gw_position *mark_of(const struct gw_watermark *watermark, const char *channel)
{
    struct given given = {"", "", "", "", {channel}};
    struct gw_watermark *made = make(&given);
    const struct gw_position *found = NULL;

    for (uint32_t i = 0; i < watermark->count; i++)
        if (watermark->marks[i].channel == made->marks[0].channel)
            found = &watermark->marks[i].position;
    gw_watermark_free(made, &meter.alloc);
    return found;
}

static const char *const takings[][3] = {
    {"a", "b", "c"}, {"c", "b", "a"}, {"b", "c", "a"}, {"c", "a", "b"}};

START_TEST(each_channel_takes_its_own_mark)
{
    struct given given = first;
    struct gw_watermark *one, *other;

    meter_init(&meter);
    memcpy(given.channels, takings[0], sizeof(takings[0]));
    one = make(&given);
    for (uint32_t i = 0; i < 3; i++)
        one->marks[i].position = (struct gw_position){7, 100 + i, 1000 + i};
    one->stood = true;
    memcpy(given.channels, takings[_i], sizeof(takings[0]));
    other = make(&given);
    gw_watermark_take_over(other, one);
    ck_assert(other->stood);
    ck_assert_uint_eq(mark_of(other, "a")->offset, 100);
    ck_assert_uint_eq(mark_of(other, "b")->offset, 101);
    ck_assert_uint_eq(mark_of(other, "c")->offset, 102);
    ck_assert_uint_eq(mark_of(other, "c")->epoch, 7);
    ck_assert_uint_eq(mark_of(other, "c")->tag, 1002);
    end(one, other);
}
END_TEST

START_TEST(one_that_never_stood_passes_that_on)
{
    struct gw_watermark *one, *other;

    meter_init(&meter);
    one = make(&first);
    other = make(&first);
    other->stood = true;
    gw_watermark_take_over(other, one);
    ck_assert(!other->stood);
    end(one, other);
}
END_TEST

START_TEST(a_mark_that_is_not_there_stays_empty)
{
    const struct given less = {"m", "u", "o", "", {"b"}}, more = {"m", "u", "o", "", {"a", "b"}};
    struct gw_watermark *one, *other;

    meter_init(&meter);
    one = make(&less);
    one->marks[0].position.offset = 9;
    other = make(&more);
    gw_watermark_take_over(other, one);
    ck_assert_uint_eq(mark_of(other, "a")->offset, 0);
    ck_assert_uint_eq(mark_of(other, "b")->offset, 9);
    end(one, other);
}
END_TEST

START_TEST(a_receipt_is_small_and_says_forget)
{
    struct gw_watermark *one, *receipt;

    meter_init(&meter);
    one = make(&first);
    one->session = 77;
    one->next = one;
    meter.largest = 0;
    receipt = gw_watermark_receipt(&meter.alloc, one);
    ck_assert_ptr_nonnull(receipt);
    ck_assert_uint_eq(meter.largest, sizeof(*receipt));
    ck_assert(same_id(one, receipt));
    ck_assert_uint_eq(receipt->session, 77);
    ck_assert_uint_eq(receipt->release, GW_RELEASE_FORGET);
    ck_assert_uint_eq(receipt->count, 0);
    ck_assert_ptr_null(receipt->next);
    ck_assert_uint_eq(one->release, GW_RELEASE_KEEP);
    end(one, receipt);
}
END_TEST

START_TEST(memory_may_be_out)
{
    const struct gw_session_name name = {.id = {"m", 1}};
    struct gw_watermark *one;

    meter_init(&meter);
    one = make(&first);
    meter.left = 0;
    ck_assert_ptr_null(gw_watermark_new(&meter.alloc, key, &name, 4));
    ck_assert_ptr_null(gw_watermark_receipt(&meter.alloc, one));
    end(one, NULL);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, the_same_name_makes_the_same_session);
    tcase_add_loop_test(tests, others_may_not_have_it, 0, SUITE_ROWS(others));
    tcase_add_test(tests, names_that_share_a_part_are_not_the_same);
    tcase_add_loop_test(tests, the_order_of_channels_does_not_matter, 0, 6);
    tcase_add_test(tests, every_hash_is_keyed);
    tcase_add_loop_test(tests, each_channel_takes_its_own_mark, 0, SUITE_ROWS(takings));
    tcase_add_test(tests, one_that_never_stood_passes_that_on);
    tcase_add_test(tests, a_mark_that_is_not_there_stays_empty);
    tcase_add_test(tests, a_receipt_is_small_and_says_forget);
    tcase_add_test(tests, memory_may_be_out);
}

int main(void)
{
    return suite_main("hub/watermark", fill);
}
