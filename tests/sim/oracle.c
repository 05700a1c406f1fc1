#include "sim/oracle.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

void oracle_init(struct oracle *oracle)
{
    memset(oracle, 0, sizeof(*oracle));
}

void oracle_fini(struct oracle *oracle)
{
    for (uint32_t i = 0; i < oracle->closed_count; i++)
        free(oracle->closed[i].numbers);
    free(oracle->closed);
}

uint32_t oracle_publish(struct oracle *oracle, uint32_t channel)
{
    uint32_t number = oracle->count++;

    ck_assert_uint_lt(number, ORACLE_PUBS_MAX);
    oracle->channel_of[number] = (uint8_t)channel;
    oracle->place[number] = ORACLE_NOWHERE;
    return number;
}

void oracle_acknowledge(struct oracle *oracle, uint32_t number, uint64_t offset)
{
    ck_assert_uint_gt(offset, 0);
    ck_assert_uint_eq(oracle->acknowledged[number], 0); /* answered once */
    oracle->acknowledged[number] = offset;
}

/* Room for one more item of `size` bytes behind `count`. */
static void *grown(void *items, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room ? *room * 2 : 16;
    items = realloc(items, *room * size);
    ck_assert_ptr_nonnull(items);
    return items;
}

/* The witness sees it: this is its place. */
static void testify(struct oracle *oracle, uint32_t channel, uint32_t number)
{
    ck_assert_msg(oracle->place[number] == ORACLE_NOWHERE,
                  "publication %u of channel %u came to the witness again", number, channel);
    oracle->place[number] = oracle->order_count[channel];
    oracle->order[channel][oracle->order_count[channel]++] = number;
}

void oracle_see(struct oracle *oracle, struct oracle_view *view, uint32_t number)
{
    ck_assert_uint_lt(number, oracle->count);
    ck_assert_uint_eq(oracle->channel_of[number], view->channel);
    view->numbers = grown(view->numbers, view->count, &view->room, sizeof(*view->numbers));
    view->numbers[view->count++] = number;
    if (view->witness)
        testify(oracle, view->channel, number);
}

void oracle_close(struct oracle *oracle, struct oracle_view *view)
{
    oracle->closed =
        grown(oracle->closed, oracle->closed_count, &oracle->closed_room, sizeof(*oracle->closed));
    oracle->closed[oracle->closed_count++] = *view;
    view->numbers = NULL;
    view->count = view->room = 0;
}

bool oracle_caught_up(const struct oracle *oracle, const struct oracle_view *view)
{
    uint32_t count = oracle->order_count[view->channel];

    return view->count == 0 ||
           (count > 0 && view->numbers[view->count - 1] == oracle->order[view->channel][count - 1]);
}

static void judge(const struct oracle *oracle, const struct oracle_view *view)
{
    const uint32_t *order = oracle->order[view->channel];
    uint32_t first = view->count > 0 ? oracle->place[view->numbers[0]] : 0;

    ck_assert_msg(first != ORACLE_NOWHERE, "the witness of channel %u did not get %u",
                  view->channel, view->count > 0 ? view->numbers[0] : 0);
    for (uint32_t i = 0; i < view->count; i++)
        ck_assert_msg(first + i < oracle->order_count[view->channel] &&
                          view->numbers[i] == order[first + i],
                      "channel %u, place %u: a reader got publication %u where %u belongs",
                      view->channel, first + i, view->numbers[i], order[first + i]);
}

void oracle_check(const struct oracle *oracle)
{
    for (uint32_t i = 0; i < oracle->closed_count; i++)
        judge(oracle, &oracle->closed[i]);
    for (uint32_t number = 0; number < oracle->count; number++) {
        if (oracle->acknowledged[number] == 0)
            continue;
        ck_assert_msg(oracle->place[number] != ORACLE_NOWHERE,
                      "publication %u was acknowledged and nobody got it", number);
        ck_assert_uint_eq(oracle->acknowledged[number], oracle->place[number] + 1);
    }
}
