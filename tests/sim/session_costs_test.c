/* session_costs_test.c - what a session costs on the wire and in memory, and that whoever has none
 * pays nothing. The figures are printed; the bounds are those of the design. */
#include "sim/duo.h"

#include <stdio.h>
#include <string.h>

#include "hub/hub.h"
#include "lib/suite.h"

#define SECONDS    20u
#define READERS    500u
#define PING_BYTES 10u /* its header and 8 random bytes */
#define PONG_BYTES 14u /* the same, masked */

static struct duo duo;

static const struct duo_options roomy = {.connections_max = 2000};

static unsigned pings_of(unsigned client)
{
    struct duo_frame frame;
    unsigned pings = 0;

    while (duo_frame_next(&duo, client, &frame))
        pings += frame.first == DUO_PING;
    return pings;
}

/* --- On the wire --- */

static const struct {
    unsigned rate;  /* messages a second */
    unsigned pings; /* a second */
} rates[] = {{1, 1}, {2, 2}, {5, 5}, {10, 5}, {100, 5}};

/* A ping for each message as long as they are rare, and no more than one each 200 ms. */
START_TEST(pings_follow_messages_and_no_more_than_five_a_second)
{
    unsigned count = rates[_i].rate * SECONDS, pings;
    double each;

    ck_assert_int_eq(duo_begin(&duo, &roomy), 0);
    duo_open(&duo, 0, "/channels/c?session=0123456789abcdef");
    duo.clients[0].pongs = true;
    duo_connect(&duo, 1);
    duo_run(&duo, DUO_S);
    (void)pings_of(0);
    for (unsigned i = 0; i < count; i++) {
        duo_post(&duo, 1, "c", "x", 1);
        duo_run(&duo, DUO_S / rates[_i].rate);
    }
    duo_run(&duo, DUO_S);
    pings = pings_of(0);
    ck_assert_uint_ge(pings, SECONDS * rates[_i].pings * 9 / 10);
    ck_assert_uint_le(pings, SECONDS * rates[_i].pings + 2);
    each = (double)pings * (PING_BYTES + PONG_BYTES) / count;
    printf("# %u messages a second: %.2f pings each, %.1f bytes of ping and pong\n", rates[_i].rate,
           (double)pings / count, each);
    duo_end(&duo);
}
END_TEST

/* No ping for a message, and nothing kept. */
START_TEST(a_connection_without_a_session_is_asked_for_its_heartbeat_only)
{
    long before;

    ck_assert_int_eq(duo_begin(&duo, &roomy), 0);
    duo_open(&duo, 0, "/channels/c");
    duo.clients[0].pongs = true;
    duo_connect(&duo, 1);
    duo_post(&duo, 1, "c", "x", 1);
    duo_run(&duo, 60 * DUO_S);
    (void)pings_of(0);
    before = duo.meter.live;
    for (unsigned i = 0; i < 200; i++) {
        duo_post(&duo, 1, "c", "x", 1);
        duo_run(&duo, DUO_S / 10);
    }
    ck_assert_uint_le(pings_of(0), 1); /* in 20 s */
    ck_assert_uint_eq(gw_hub_counts(duo.assembly->workers[0]->hub).sessions, 0);
    duo_run(&duo, 400 * DUO_S); /* the history has aged */
    ck_assert_int_le(duo.meter.live, before);
    duo_end(&duo);
}
END_TEST

/* --- In memory --- */

/* Bytes of one reader, all of them being idle. */
static double bytes_each(const char *query)
{
    char target[100];
    size_t before;
    double each;

    ck_assert_int_eq(duo_begin(&duo, &roomy), 0);
    duo_open(&duo, 0, "/channels/c"); /* what all share */
    duo.clients[0].pongs = true;
    duo_run(&duo, DUO_S);
    before = duo.meter.bytes;
    for (unsigned i = 1; i <= READERS; i++) {
        snprintf(target, sizeof(target), "/channels/c%s%.0u", query, query[0] ? 1000000 + i : 0);
        duo_open(&duo, i, target);
        duo.clients[i].pongs = true;
    }
    duo_run(&duo, 60 * DUO_S);
    each = (double)(duo.meter.bytes - before) / READERS;
    for (unsigned i = 0; i <= READERS; i++)
        ck_assert(duo_there(&duo, i));
    duo_end(&duo);
    return each;
}

START_TEST(a_session_at_rest_is_some_hundred_bytes)
{
    double without = bytes_each(""), with = bytes_each("?session=0123456789");

    printf("# an idle reader with a session: %.0f bytes more than one without\n", with - without);
    ck_assert(with > without);
    ck_assert(with - without < 512);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, pings_follow_messages_and_no_more_than_five_a_second, 0,
                        SUITE_ROWS(rates));
    tcase_add_test(tests, a_connection_without_a_session_is_asked_for_its_heartbeat_only);
    tcase_add_test(tests, a_session_at_rest_is_some_hundred_bytes);
}

int main(void)
{
    return suite_main("sim/session_costs", fill);
}
