/* limits_test.c - every limit of the server at one below, at it and one above. */
#include "lib/seeded.h"
#include "lib/suite.h"
#include "sim/duo_lib.h"

/* --- Requests --- */

static const struct {
    int above, status;
} edges[] = {{-1, 200}, {0, 200}, {1, 431}};

START_TEST(a_head_is_at_most_max_head_long)
{
    char head[2048];
    int len = 1024 + edges[_i].above, used;

    begin(FLAGS("--max-head=1KiB"));
    duo_connect(&duo, 0);
    used = snprintf(head, sizeof(head), "GET /health HTTP/1.1\r\nHost: localhost\r\nX: ");
    memset(head + used, 'x', (size_t)(len - used - 4));
    memcpy(head + len - 4, "\r\n\r\n", 4);
    duo_say(&duo, 0, head, (size_t)len);
    ck_answered(0, edges[_i].status);
    duo_end(&duo);
}
END_TEST

START_TEST(a_head_without_an_end_is_refused_as_soon_as_it_is_too_long)
{
    char head[1024] = "GET /health HTTP/1.1\r\nHost: localhost\r\nX: ";

    begin(FLAGS("--max-head=1KiB"));
    duo_connect(&duo, 0);
    memset(head + strlen(head), 'x', sizeof(head) - strlen(head));
    duo_say(&duo, 0, head, 1023); /* one more could still not end it, but that is not looked at */
    duo_run(&duo, 100 * DUO_MS);
    ck_assert(duo_there(&duo, 0));
    duo_say(&duo, 0, "xx", 2);
    ck_refused(0, 431);
    duo_end(&duo);
}
END_TEST

/* With Host, which the server cannot do without, the last one. */
START_TEST(a_request_has_at_most_max_headers)
{
    begin(FLAGS("--max-headers=8"));
    duo_connect(&duo, 0);
    duo_say_text(&duo, 0, "GET /health HTTP/1.1\r\n");
    for (int i = 1; i < 8 + edges[_i].above; i++)
        duo_say_text(&duo, 0, "X: y\r\n");
    duo_say_text(&duo, 0, "Host: localhost\r\n\r\n");
    ck_answered(0, edges[_i].status);
    duo_end(&duo);
}
END_TEST

START_TEST(a_url_is_at_most_max_url_long)
{
    begin(FLAGS("--max-url=256"));
    duo_connect(&duo, 0);
    duo_say_text(&duo, 0, "GET /health?");
    duo_say(&duo, 0, filler, (size_t)(256 + edges[_i].above) - strlen("/health?"));
    duo_say_text(&duo, 0, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ck_answered(0, edges[_i].status == 431 ? 414 : 200);
    duo_end(&duo);
}
END_TEST

static void say_chunks(unsigned client, int len)
{
    char size[16];

    for (int left = len; left > 0; left -= 100) {
        snprintf(size, sizeof(size), "%x\r\n", left < 100 ? left : 100);
        duo_say_text(&duo, client, size);
        duo_say(&duo, client, filler, (size_t)(left < 100 ? left : 100));
        duo_say_text(&duo, client, "\r\n");
    }
    duo_say_text(&duo, client, "0\r\n\r\n");
}

static void ck_body(int len, bool chunked, int status)
{
    char head[256];

    duo_connect(&duo, 0);
    if (chunked) {
        duo_say_text(&duo, 0,
                     "POST /channels/c HTTP/1.1\r\nHost: localhost\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n");
        say_chunks(0, len);
    } else {
        snprintf(head, sizeof(head),
                 "POST /channels/c HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", len);
        duo_say_text(&duo, 0, head);
        if (status == 200) /* too much is refused before a byte of it comes */
            duo_say(&duo, 0, filler, (size_t)len);
    }
    ck_answered(0, status);
    duo_hang_up(&duo, 0);
}

START_TEST(a_body_is_at_most_max_body_long)
{
    int len = 1000 + edges[_i].above, status = edges[_i].status == 431 ? 413 : 200;

    begin(FLAGS("--max-body=1000"));
    ck_body(len, false, status);
    ck_body(len, true, status);
    duo_end(&duo);
}
END_TEST

/* --- Messages --- */

START_TEST(a_message_is_at_most_max_message_long)
{
    size_t len = (size_t)(1000 + edges[_i].above);
    bool fits = edges[_i].above <= 0;

    begin(FLAGS("--max-message=1000"));
    duo_open(&duo, 0, "/echo");
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, filler, len);
    duo_open(&duo, 1, "/echo");
    duo_frame_say(&duo, 1, DUO_TEXT, filler, len - 300);
    duo_frame_say(&duo, 1, DUO_FIN | DUO_CONT, filler, 300);
    for (unsigned i = 0; i < 2; i++) {
        if (fits)
            ck_open(i);
        else
            ck_closed(i, 1009);
        ck_assert_uint_eq(duo_messages(&duo, i), fits);
    }
    duo_end(&duo);
}
END_TEST

/* A frame that only says how long it is going to be is believed, and costs nothing. */
static const struct {
    uint8_t len[8];
    unsigned code;
} lengths[] = {
    {{0, 0, 0, 0, 0, 1, 0, 1}, 1009},                         /* 65,537 */
    {{0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff}, 1009},             /* 2^31 - 1 */
    {{0, 0, 0, 1, 0, 0, 0, 0}, 1009},                         /* 2^32 */
    {{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1009}, /* 2^63 - 1 */
    {{0x80, 0, 0, 0, 0, 0, 0, 0}, 1002},                      /* the top bit must be 0 */
    {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1002},
};

START_TEST(an_announced_length_costs_nothing)
{
    uint8_t head[14] = {DUO_FIN | DUO_TEXT, 0x80 | 127};

    begin(NULL);
    duo_open(&duo, 0, "/echo");
    duo.meter.largest = 0;
    memcpy(head + 2, lengths[_i].len, 8);
    duo_say(&duo, 0, head, sizeof(head));
    ck_closed(0, lengths[_i].code);
    ck_assert_uint_le(duo.meter.largest, 64 * 1024);
    duo_end(&duo);
}
END_TEST

START_TEST(a_message_has_at_most_max_fragments)
{
    int count = 8 + edges[_i].above;

    begin(FLAGS("--max-fragments=8"));
    for (unsigned client = 0; client < 2; client++) { /* one byte each; nothing in them */
        duo_open(&duo, client, "/echo");
        for (int i = 1; i <= count; i++)
            duo_frame_say(&duo, client,
                          (uint8_t)((i == 1 ? DUO_TEXT : DUO_CONT) | (i == count ? DUO_FIN : 0)),
                          "x", client == 0 ? 1 : 0);
        if (edges[_i].above <= 0)
            ck_open(client);
        else
            ck_closed(client, 1008);
        ck_assert_uint_eq(duo_messages(&duo, client), edges[_i].above <= 0);
    }
    duo_end(&duo);
}
END_TEST

/* --- Rates: a burst of twice the rate, and the rate after that --- */

static const struct {
    uint8_t first;
    const char *flag;
    unsigned code;
} rates[] = {
    {DUO_PING, "--control-rate=5", 1008},
    {DUO_PONG, "--control-rate=5", 1008},
    {DUO_FIN | DUO_TEXT, "--message-rate=5", 4429},
};

START_TEST(a_burst_is_twice_the_rate)
{
    begin(FLAGS(rates[_i].flag));
    for (int above = -1; above <= 1; above++) {
        duo_open(&duo, 0, "/channels/c");
        say_many(0, rates[_i].first, 10 + above);
        if (above <= 0)
            ck_open(0);
        else
            ck_closed(0, rates[_i].code);
        duo_hang_up(&duo, 0);
    }
    duo_end(&duo);
}
END_TEST

START_TEST(a_rate_recovers_with_time)
{
    begin(FLAGS(rates[_i].flag));
    duo_open(&duo, 0, "/channels/c");
    say_many(0, rates[_i].first, 10);
    duo_run(&duo, DUO_S);
    say_many(0, rates[_i].first, 5);
    duo_run(&duo, DUO_MS);
    ck_assert_uint_eq(duo_close_code(&duo, 0), 0);
    say_many(0, rates[_i].first, 1);
    ck_closed(0, rates[_i].code);
    duo_end(&duo);
}
END_TEST

START_TEST(a_steady_rate_is_kept_for_ever)
{
    begin(FLAGS(rates[_i].flag));
    duo_open(&duo, 0, "/channels/c");
    duo.clients[0].pongs = true;
    for (int i = 0; i < 300; i++) {
        say_many(0, rates[_i].first, 1);
        duo_run(&duo, 200 * DUO_MS);
    }
    ck_open(0);
    duo_end(&duo);
}
END_TEST

START_TEST(echo_has_no_message_or_byte_rate)
{
    begin(FLAGS("--message-rate=1", "--byte-rate=1KiB"));
    duo_open(&duo, 0, "/echo");
    for (int i = 0; i < 200; i++)
        duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, filler, 500);
    ck_open(0);
    ck_assert_uint_eq(duo_messages(&duo, 0), 200);
    duo_end(&duo);
}
END_TEST

START_TEST(byte_rate_is_a_second_s_worth)
{
    begin(FLAGS("--byte-rate=1KiB"));
    duo_open(&duo, 0, "/channels/c");
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, filler, 1000);
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, filler, (size_t)(24 + edges[_i].above));
    if (edges[_i].above <= 0)
        ck_open(0);
    else
        ck_closed(0, 4429);
    duo_end(&duo);
}
END_TEST

START_TEST(byte_rate_recovers_with_time)
{
    begin(FLAGS("--byte-rate=1KiB"));
    duo_open(&duo, 0, "/channels/c");
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, filler, 1024);
    duo_run(&duo, 500 * DUO_MS);
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, filler, 512);
    duo_run(&duo, DUO_MS);
    ck_assert_uint_eq(duo_close_code(&duo, 0), 0);
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, filler, 8);
    ck_closed(0, 4429);
    duo_end(&duo);
}
END_TEST

/* Or a byte_rate below max_message would forbid what max_message allows. */
START_TEST(one_large_message_may_come_after_silence)
{
    begin(FLAGS("--byte-rate=1KiB"));
    duo_open(&duo, 0, "/channels/c");
    duo.clients[0].pongs = true;
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, filler, 4096);
    duo_run(&duo, 3900 * DUO_MS);
    ck_assert_uint_eq(duo_close_code(&duo, 0), 0);
    duo_run(&duo, 200 * DUO_MS); /* the four seconds that it cost are over */
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, filler, 4096);
    ck_open(0);
    duo_frame_say(&duo, 0, DUO_FIN | DUO_TEXT, filler, 1);
    ck_closed(0, 4429);
    duo_end(&duo);
}
END_TEST

START_TEST(of_many_pings_the_latest_is_answered)
{
    struct duo_frame frame;

    begin(FLAGS("--control-rate=10"));
    duo_open(&duo, 0, "/channels/c");
    for (char c = 'a'; c < 'a' + 20; c++)
        duo_frame_say(&duo, 0, DUO_PING, &c, 1);
    duo_run(&duo, 100 * DUO_MS);
    while (duo_frame_next(&duo, 0, &frame))
        ck_assert_uint_eq(frame.first, DUO_PONG);
    ck_assert_uint_eq(frame.payload.len, 1);
    ck_assert_int_eq(frame.payload.data[0], 'a' + 19);
    duo_end(&duo);
}
END_TEST

/* --- Connections --- */

START_TEST(above_max_connections_a_newcomer_gets_a_503)
{
    ck_assert_int_eq(duo_begin(&duo, &(struct duo_options){.connections_max = 3}), 0);
    for (unsigned i = 0; i < 4; i++)
        duo_connect(&duo, i);
    ck_assert_uint_eq(connections(), 3);
    ck_assert(duo_has(&duo, 3, "Retry-After: "));
    ck_refused(3, 503);
    duo_say_text(&duo, 2, get_health);
    ck_answered(2, 200);
    duo_hang_up(&duo, 1);
    duo_run(&duo, 10 * DUO_MS);
    duo_connect(&duo, 3);
    duo_say_text(&duo, 3, get_health);
    ck_answered(3, 200);
    duo_end(&duo);
}
END_TEST

START_TEST(above_max_per_address_a_newcomer_gets_a_429)
{
    const struct duo_options options = {.client_host = 2, .flags = FLAGS("--max-per-address=2")};

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    for (unsigned i = 0; i < 3; i++)
        duo_connect(&duo, i);
    ck_assert_uint_eq(connections(), 2);
    ck_assert(duo_has(&duo, 2, "Retry-After: "));
    ck_refused(2, 429);
    duo_hang_up(&duo, 0);
    duo_run(&duo, 10 * DUO_MS);
    duo_connect(&duo, 2);
    duo_say_text(&duo, 2, get_health);
    ck_answered(2, 200);
    duo_end(&duo);
}
END_TEST

START_TEST(above_accept_rate_a_newcomer_gets_a_429)
{
    const struct duo_options options = {.client_host = 2, .flags = FLAGS("--accept-rate=1")};

    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    for (unsigned i = 0; i < 6; i++) /* a burst is five times the rate */
        duo_connect(&duo, i);
    ck_assert_uint_eq(connections(), 5);
    ck_refused(5, 429);
    duo_run(&duo, DUO_S);
    duo_connect(&duo, 5);
    duo_say_text(&duo, 5, get_health);
    ck_answered(5, 200);
    duo_connect(&duo, 6);
    ck_refused(6, 429);
    duo_end(&duo);
}
END_TEST

static void count_turn(struct duo *d, void *ctx)
{
    (void)d;
    ++*(unsigned *)ctx;
}

START_TEST(no_descriptors_left_do_not_make_it_spin)
{
    struct sim_net_options net = SIM_NET_CALM;
    unsigned turns = 0;

    net.enfile_permille = 1000;
    ck_assert_int_eq(duo_begin(&duo, &(struct duo_options){.net = &net}), 0);
    duo_connect(&duo, 0);
    duo.before_turn = count_turn;
    duo.ctx = &turns;
    duo_run(&duo, 10 * DUO_S);
    ck_assert_uint_le(turns, 250);
    net.enfile_permille = 0;
    sim_net_options_set(duo.net, &net);
    duo_say_text(&duo, 0, get_health);
    ck_answered(0, 200);
    duo_end(&duo);
}
END_TEST

/* --- Two tenants --- */

#define SECRETS 2

static const char *const secrets[SECRETS] = {"alpha-secret-7f3a", "omega-secret-c01d"};

/* Says something in which the tenant's secret stands, in one of many ways, some of them broken. */
static void tell_secret(unsigned client, unsigned tenant, struct seeded *random)
{
    static const uint8_t bad[] = {0xc1, 0xff, 0xff, 0xff};
    char text[3000], head[256];
    size_t len = 17 + seeded_below(random, sizeof(text) - 18);

    for (size_t i = 0; i < len; i++)
        text[i] = secrets[tenant][i % 17];
    switch (seeded_below(random, 7)) {
    case 0:
        duo_open(&duo, client, "/echo");
        duo_frame_say(&duo, client, DUO_FIN | DUO_TEXT, text, len);
        break;
    case 1:
        duo_open(&duo, client, tenant ? "/channels/omega" : "/channels/alpha");
        duo_frame_say(&duo, client, DUO_FIN | DUO_TEXT, text, len);
        break;
    case 2:
        duo_open(&duo, client, tenant ? "/channels/omega?since=all" : "/channels/alpha?since=all");
        duo_frame_say(&duo, client, DUO_TEXT, text, len); /* and never the rest */
        break;
    case 3:
        duo_post(&duo, client, tenant ? "omega" : "alpha", text, len);
        break;
    case 4:
        snprintf(head, sizeof(head), "GET /%.100s HTTP/1.1\r\nHost: localhost\r\n\r\n", text);
        duo_say_text(&duo, client, head);
        break;
    case 5:
        duo_open(&duo, client, "/echo");
        duo_frame_say(&duo, client, DUO_PING, text, len % 126);
        duo_say(&duo, client, bad, sizeof(bad));
        break;
    default:
        duo_say(&duo, client, text, len);
        break;
    }
}

START_TEST(a_secret_of_one_tenant_never_reaches_the_other)
{
    struct seeded random = {(uint64_t)_i};
    unsigned seen[SECRETS] = {0};

    begin_narrow(2000, NULL);
    for (int step = 0; step < 600; step++) {
        unsigned client = (unsigned)seeded_below(&random, 24), tenant = client % SECRETS;

        if (!duo_there(&duo, client) || seeded_below(&random, 3) == 0) {
            duo_connect(&duo, client);
            tell_secret(client, tenant, &random);
        }
        duo_run(&duo, seeded_below(&random, 100 * DUO_MS));
        for (unsigned i = 0; i < 24; i++) {
            ck_assert(!duo_has(&duo, i, secrets[(i + 1) % SECRETS]));
            seen[i % SECRETS] += duo_has(&duo, i, secrets[i % SECRETS]);
        }
    }
    ck_assert_uint_gt(seen[0], 100); /* its own it has got */
    ck_assert_uint_gt(seen[1], 100);
    duo_end(&duo);
}
END_TEST

/* --- Histories --- */

#define READERS    12
#define PAGE_BYTES 1000000u /* 10 publications of 100,000 */

static uint64_t buffered_before_turn, most_a_turn;

static void watch_buffers(struct duo *d, void *ctx)
{
    uint64_t now = d->assembly->workers[0]->buffers.used_bytes;

    (void)ctx;
    if (now > buffered_before_turn && now - buffered_before_turn > most_a_turn)
        most_a_turn = now - buffered_before_turn;
    buffered_before_turn = now;
}

/* A page is written in one piece, so a turn writes two or three: the others wait for theirs, and
 * nobody who asked for something small waits for all of them. */
START_TEST(a_turn_writes_so_much_of_histories_at_most)
{
    begin_narrow(65536, NULL);
    duo_connect(&duo, READERS);
    for (unsigned i = 0; i < 10; i++) {
        duo_post(&duo, READERS, "c", filler, PAGE_BYTES / 10);
        ck_answered(READERS, 200);
    }
    for (unsigned c = 0; c < READERS; c++)
        duo_connect(&duo, c);
    buffered_before_turn = duo.assembly->workers[0]->buffers.used_bytes;
    most_a_turn = 0;
    duo.before_turn = watch_buffers;
    for (unsigned c = 0; c < READERS; c++)
        duo_say_text(&duo, c, "GET /channels/c/history HTTP/1.1\r\nHost: localhost\r\n\r\n");
    duo_run(&duo, 20 * DUO_S);
    ck_assert_uint_gt(most_a_turn, PAGE_BYTES);
    ck_assert_uint_lt(most_a_turn, 7 * PAGE_BYTES / 2);
    for (unsigned c = 0; c < READERS; c++) {
        struct gw_str body;

        ck_assert_int_eq(duo_answer(&duo, c, &body), 200);
        ck_assert_uint_gt(body.len, PAGE_BYTES);
    }
    duo_end(&duo);
}
END_TEST

/* --- Bodies of one turn --- */

#define BODY_BYTES (512u * 1024)
#define POSTERS    40u

static uint64_t published_before_turn;

static void watch_publications(struct duo *d, void *ctx)
{
    uint64_t now = gw_hub_counts(d->assembly->workers[0]->hub).publications;

    (void)ctx;
    if (now - published_before_turn > most_a_turn)
        most_a_turn = now - published_before_turn;
    published_before_turn = now;
}

/* The last byte of each comes at the same moment. In all they are five times what a turn takes. */
START_TEST(a_turn_takes_so_much_of_bodies_at_most)
{
    static char body[BODY_BYTES];
    char head[200];

    memset(body, 'x', sizeof(body));
    begin(FLAGS("--history=off"));
    snprintf(head, sizeof(head),
             "POST /channels/c HTTP/1.1\r\nHost: localhost\r\nContent-Length: %u\r\n\r\n",
             BODY_BYTES);
    for (unsigned c = 0; c < POSTERS; c++) {
        duo_connect(&duo, c);
        duo_say_text(&duo, c, head);
        duo_say(&duo, c, body, sizeof(body) - 1);
    }
    duo_run(&duo, 5 * DUO_S);
    published_before_turn = 0;
    most_a_turn = 0;
    duo.before_turn = watch_publications;
    for (unsigned c = 0; c < POSTERS; c++)
        duo_say(&duo, c, "x", 1);
    duo_run(&duo, 5 * DUO_S);
    ck_assert_uint_eq(published_before_turn, POSTERS);
    ck_assert_uint_ge(most_a_turn, 2);
    ck_assert_uint_le(most_a_turn * BODY_BYTES, GW_WORKER_BODY_BYTES + BODY_BYTES);
    for (unsigned c = 0; c < POSTERS; c++)
        ck_answered(c, 200);
    duo_end(&duo);
}
END_TEST

/* The same of bodies that come whole, in one read. */
START_TEST(a_turn_takes_so_much_of_bodies_that_come_whole)
{
    const size_t len = 100 * 1024;
    char head[200];

    begin(FLAGS("--history=off"));
    for (unsigned c = 0; c < 2 * POSTERS; c++)
        duo_connect(&duo, c);
    duo_run(&duo, DUO_S);
    published_before_turn = 0;
    most_a_turn = 0;
    duo.before_turn = watch_publications;
    snprintf(head, sizeof(head),
             "POST /channels/c HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", len);
    for (unsigned c = 0; c < 2 * POSTERS; c++) {
        duo_say_text(&duo, c, head);
        duo_say(&duo, c, filler, len);
    }
    duo_run(&duo, 5 * DUO_S);
    ck_assert_uint_eq(published_before_turn, 2 * POSTERS);
    ck_assert_uint_le(most_a_turn * len, GW_WORKER_BODY_BYTES + len);
    for (unsigned c = 0; c < 2 * POSTERS; c++)
        ck_answered(c, 200);
    duo_end(&duo);
}
END_TEST

static void fill(TCase *tests)
{
    int row = SUITE_ROWS(edges);

    tcase_add_loop_test(tests, a_head_is_at_most_max_head_long, 0, row);
    tcase_add_test(tests, a_head_without_an_end_is_refused_as_soon_as_it_is_too_long);
    tcase_add_loop_test(tests, a_request_has_at_most_max_headers, 0, row);
    tcase_add_loop_test(tests, a_url_is_at_most_max_url_long, 0, row);
    tcase_add_loop_test(tests, a_body_is_at_most_max_body_long, 0, row);
    tcase_add_loop_test(tests, a_message_is_at_most_max_message_long, 0, row);
    tcase_add_loop_test(tests, an_announced_length_costs_nothing, 0, SUITE_ROWS(lengths));
    tcase_add_loop_test(tests, a_message_has_at_most_max_fragments, 0, row);
    tcase_add_loop_test(tests, a_burst_is_twice_the_rate, 0, SUITE_ROWS(rates));
    tcase_add_loop_test(tests, a_rate_recovers_with_time, 0, SUITE_ROWS(rates));
    tcase_add_loop_test(tests, a_steady_rate_is_kept_for_ever, 0, SUITE_ROWS(rates));
    tcase_add_test(tests, echo_has_no_message_or_byte_rate);
    tcase_add_loop_test(tests, byte_rate_is_a_second_s_worth, 0, row);
    tcase_add_test(tests, byte_rate_recovers_with_time);
    tcase_add_test(tests, one_large_message_may_come_after_silence);
    tcase_add_test(tests, of_many_pings_the_latest_is_answered);
    tcase_add_test(tests, above_max_connections_a_newcomer_gets_a_503);
    tcase_add_test(tests, above_max_per_address_a_newcomer_gets_a_429);
    tcase_add_test(tests, above_accept_rate_a_newcomer_gets_a_429);
    tcase_add_test(tests, no_descriptors_left_do_not_make_it_spin);
    tcase_add_loop_test(tests, a_secret_of_one_tenant_never_reaches_the_other, 1, 5);
    tcase_add_test(tests, a_turn_writes_so_much_of_histories_at_most);
    tcase_add_test(tests, a_turn_takes_so_much_of_bodies_at_most);
    tcase_add_test(tests, a_turn_takes_so_much_of_bodies_that_come_whole);
}

int main(void)
{
    return suite_main("sim/limits", fill);
}
