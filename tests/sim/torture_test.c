/* torture_test.c - one short life of a server, and every way to spoil it: each allocation fails
 * once, or from there on; each connection is cut before each turn that a worker takes.
 *
 * Whatever happens: no crash, nothing leaks, and whoever is still connected has got every message
 * that was acknowledged after its handshake, in order. Who is not has been told, by a close frame
 * or by the end of its connection. Afterwards the server serves as before.
 *
 * The network is calm but narrow; or, with TORTURE_SEEDS, rough, with that many seeds: then the
 * moments are other ones each time. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"
#include "sim/duo.h"

#define PUBS_MAX 32
#define BIG      6000 /* bytes of a message: many times what lies between server and reader */

/* Clients. The readers are the first three. */
enum who { NEAR, FAR, SLOW, READERS, POSTER = READERS, LATE, CLIENTS };

static struct duo duo;

static struct {
    unsigned count;
    bool acknowledged[PUBS_MAX];
    bool due[PUBS_MAX][READERS]; /* the reader was there, and accepted, when it was begun */
} pubs;

/* The fault of this run: the turn or the allocation that it comes with, and the network's seed; 0:
 * the calm one. */
static unsigned moment;
static uint64_t seed;

static struct {
    unsigned victim; /* whose connection is cut before turn `moment`; CLIENTS: nobody's */
    unsigned turns;  /* of workers, so far */
    bool hit;
} cut;

static void before_turn(struct duo *d, void *ctx)
{
    (void)ctx;
    if (cut.turns++ != moment || cut.victim >= CLIENTS || d->clients[cut.victim].fd < 0)
        return;
    sim_net_reset(d->net, d->clients[cut.victim].fd);
    cut.hit = true;
}

/* --- The scenario --- */

static bool was_in_message;

static bool someone_is_in_message(void)
{
    for (unsigned w = 0; w < duo.worker_count; w++)
        if (gw_hub_counts(duo.assembly->workers[w]->hub).unit_bytes_pinned > 0)
            return true;
    return false;
}

/* The next message: its number, and as many bytes as it is to have. */
static unsigned next_pub(char *payload, size_t len)
{
    unsigned number = pubs.count++;

    ck_assert_uint_lt(number, PUBS_MAX);
    memset(payload, 'm', len);
    payload[0] = (char)('A' + number);
    for (unsigned r = 0; r < READERS; r++)
        pubs.due[number][r] = duo_accepted(&duo, r) && duo_there(&duo, r);
    return number;
}

/* By POST, in two pieces. */
static void post(enum who who, size_t len)
{
    static char payload[BIG];
    char head[200];
    unsigned number;
    int status = 0;

    if (!duo_there(&duo, who))
        duo_connect(&duo, who);
    number = next_pub(payload, len);
    snprintf(head, sizeof(head),
             "POST /channels/t HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", len);
    duo_say_text(&duo, who, head);
    duo_say(&duo, who, payload, len / 2);
    duo_run(&duo, 5 * DUO_MS);
    duo_say(&duo, who, payload + len / 2, len - len / 2);
    for (int i = 0; i < 700 && status == 0 && duo_there(&duo, who); i++) {
        duo_run(&duo, 10 * DUO_MS);
        status = duo_answer(&duo, who, NULL);
    }
    pubs.acknowledged[number] = status == 200;
}

/* By WebSocket, in three fragments with a ping between them. Nobody acknowledges it. */
static void say_in_fragments(enum who who)
{
    char payload[300];

    if (!duo_accepted(&duo, who))
        return;
    (void)next_pub(payload, sizeof(payload));
    duo_frame_say(&duo, who, DUO_TEXT, payload, 100);
    duo_run(&duo, 2 * DUO_MS);
    duo_frame_say(&duo, who, DUO_PING, "are you there?", 14);
    duo_frame_say(&duo, who, DUO_CONT, payload + 100, 100);
    duo_run(&duo, 2 * DUO_MS);
    duo_frame_say(&duo, who, DUO_FIN | DUO_CONT, payload + 200, 100);
    duo_run(&duo, 20 * DUO_MS);
}

static void come_in(enum who who, unsigned worker, const char *target)
{
    duo_connect_to(&duo, who, worker);
    duo.clients[who].pongs = true;
    duo_shake(&duo, who, target);
    duo_run(&duo, 50 * DUO_MS);
}

static void play(void)
{
    come_in(NEAR, 0, "/channels/t");
    come_in(FAR, 1, "/channels/t?since=all");
    come_in(SLOW, 1, "/channels/t");
    post(POSTER, 100);
    duo.clients[SLOW].deaf = true;
    say_in_fragments(FAR);
    post(POSTER, BIG);
    duo_sip(&duo, SLOW, 700);
    post(POSTER, 200);
    duo_sip(&duo, SLOW, 700);
    duo_frame_say(&duo, SLOW, DUO_PING, "in the middle", 13);
    duo_run(&duo, 50 * DUO_MS);
    was_in_message = someone_is_in_message();
    duo.clients[SLOW].deaf = false;
    duo_sip(&duo, SLOW, SIZE_MAX);
    duo_run(&duo, 2500 * DUO_MS); /* heartbeats */
    post(POSTER, 100);
}

/* --- What must hold --- */

static void judge_reader(unsigned r)
{
    bool seen[PUBS_MAX] = {false};
    struct duo_frame frame;
    int last = -1;

    if (!duo_accepted(&duo, r))
        return;
    duo.clients[r].seen = 0;
    (void)duo_answer(&duo, r, NULL);
    while (duo_frame_next(&duo, r, &frame)) {
        int number;

        if (frame.first != (DUO_FIN | DUO_TEXT))
            continue;
        number = frame.payload.data[0] - 'A';
        ck_assert_int_gt(number, last);
        last = number;
        seen[number] = true;
    }
    if (!duo_there(&duo, r) || duo_close_code(&duo, r) != 0)
        return; /* it has been told */
    for (unsigned i = 0; i < pubs.count; i++)
        ck_assert_msg(seen[i] || !pubs.acknowledged[i] || !pubs.due[i][r],
                      "moment %u: message %u never came to reader %u, who was not told", moment, i,
                      r);
}

/* If it has begun. */
static void end_famine(void)
{
    if (duo.meter.failed > 0)
        duo.meter.left = METER_UNLIMITED;
}

/* Somebody new comes, with nothing in the way any more but what this run has still in store. */
static void ck_serves(void)
{
    bool served = false;

    for (int tries = 0; tries < 10 && !served; tries++) {
        int status;

        duo_hang_up(&duo, POSTER);
        duo_connect(&duo, LATE);
        duo_shake(&duo, LATE, "/channels/t");
        duo_run(&duo, DUO_S);
        duo_connect(&duo, POSTER);
        duo_post(&duo, POSTER, "t", "late", 4);
        duo_run(&duo, 2 * DUO_S);
        status = duo_answer(&duo, POSTER, NULL);
        served = status == 200 && duo_accepted(&duo, LATE) && duo_messages(&duo, LATE) == 1;
        duo_hang_up(&duo, LATE);
        end_famine();
    }
    ck_assert_msg(served, "moment %u: it does not serve any more", moment);
}

static void leave(void)
{
    if (duo_accepted(&duo, NEAR) && duo_there(&duo, NEAR)) {
        duo_frame_say(&duo, NEAR, DUO_CLOSE, "\x03\xe8", 2);
        duo_run(&duo, 2 * DUO_S);
        ck_assert(!duo_there(&duo, NEAR));
    }
    gw_assembly_drain(duo.assembly);
    duo_run(&duo, 3 * DUO_S);
    for (unsigned r = 0; r < READERS; r++)
        if (duo_accepted(&duo, r))
            ck_assert(!duo_there(&duo, r)); /* with 1012, or however else it ended */
}

/* One run; false when the server could not be made. */
static bool run(long fails_at, bool once)
{
    static const char *const flags[] = {"--ping-interval=1s", "--pong-timeout=1s",
                                        "--live-log=32KiB", NULL};
    const struct sim_net_options rough = SIM_NET_ROUGH;
    struct sim_net_options net = SIM_NET_CALM;
    struct duo_options options = {
        .net = &net, .seed = seed, .workers = 2, .mailbox_slots = 2, .flags = flags};

    if (seed > 0)
        net = rough;
    net.buffer_bytes = 1500;
    memset(&pubs, 0, sizeof(pubs));
    cut.turns = 0;
    cut.hit = false;
    options.fails_at = fails_at;
    options.fails_once = once;
    if (duo_begin(&duo, &options) != 0)
        return false;
    duo.before_turn = before_turn;
    play();
    end_famine();
    duo_run(&duo, 3 * DUO_S);
    for (unsigned r = 0; r < READERS; r++)
        judge_reader(r);
    ck_serves();
    leave();
    duo_end(&duo);
    return true;
}

/* --- The tests --- */

static int seeds(void)
{
    const char *text = getenv("TORTURE_SEEDS");

    return text ? atoi(text) : 0;
}

/* Nothing is in the way: then everybody gets everything, and the hard places are met. */
START_TEST(undisturbed_all_goes_well)
{
    cut.victim = CLIENTS;
    ck_assert(run(0, false));
    ck_assert_uint_eq(pubs.count, 5);
    for (unsigned i = 0; i < pubs.count; i++) {
        ck_assert(pubs.acknowledged[i] || i == 1);
        for (unsigned r = 0; r < READERS; r++)
            ck_assert(pubs.due[i][r]);
    }
    ck_assert(was_in_message);
}
END_TEST

/* `_i` is twice the seed, and 1 more where one failure is not the last. */
START_TEST(every_allocation_may_fail)
{
    cut.victim = CLIENTS;
    seed = (uint64_t)_i / 2;
    for (moment = 1;; moment++)
        if (run((long)moment, _i % 2 == 0) && duo.meter.failed == 0)
            break;
    ck_assert_int_gt(moment, 100); /* so many there are at least */
}
END_TEST

/* `_i` is the seed and the victim. */
START_TEST(every_connection_may_be_cut_at_every_moment)
{
    unsigned hits = 0;

    cut.victim = (unsigned)_i % CLIENTS;
    seed = (uint64_t)_i / CLIENTS;
    for (moment = 0;; moment++) {
        ck_assert(run(0, false));
        hits += cut.hit;
        if (moment >= cut.turns)
            break;
    }
    ck_assert(hits > 10 || seed > 0);
}
END_TEST

static void fill(TCase *tests)
{
    int first = seeds() > 0, end = seeds() + 1;

    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, undisturbed_all_goes_well);
    tcase_add_loop_test(tests, every_allocation_may_fail, 2 * first, 2 * end);
    tcase_add_loop_test(tests, every_connection_may_be_cut_at_every_moment, CLIENTS * first,
                        CLIENTS * end);
}

int main(void)
{
    return suite_main("sim/torture", fill);
}
