/* moments_test.c - one connection is closed at every event of each of its scenes, one run each.
 *
 * A scene is what one client does: subscribe, recover, publish, read slowly, say goodbye. Before
 * each turn that a worker takes, in a run of its own, that client's connection ends: it is reset,
 * hung up, or its machine vanishes. A reset may also fall between two system calls of one turn,
 * behind what was read and before what is sent: so there is a run for each of those, too. All of it
 * happens at the channel's home, and at the other worker. Two readers stand by, one at each, and
 * are not disturbed.
 *
 * Whatever the moment: the bystanders have got every message that was acknowledged, each once and
 * in one order; the victim comes back with the position of the last message that it saw and gets
 * the rest; the server serves as before, and in the end has given everything back.
 *
 * Threads: one. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/position.h"
#include "lib/suite.h"
#include "sim/duo.h"

#define PUBS_MAX 16
#define BIG      6000 /* bytes of a message: several times what lies between server and reader */

enum who { NEAR, FAR, BYSTANDERS, VICTIM = BYSTANDERS, POSTER, LATE };

static struct duo duo;

static struct {
    unsigned count;
    bool acknowledged[PUBS_MAX];
    char position[PUBS_MAX][GW_POSITION_LEN + 1]; /* where it is known */
} pubs;

/* How the connection ends, before which turn or call, and to which worker it leads. */
static enum manner { RESET, HANG_UP, VANISH, RESET_IN_TURN, MANNERS } manner;
static unsigned moment, moments, worker;
static bool hit;

static void next_moment(void)
{
    int fd = duo.clients[VICTIM].fd;

    if (moments++ != moment || fd < 0)
        return;
    hit = true;
    if (manner == RESET || manner == RESET_IN_TURN)
        sim_net_reset(duo.net, fd);
    else if (manner == HANG_UP)
        duo_hang_up(&duo, VICTIM);
    else {
        sim_net_vanish(duo.net, fd);
        duo.clients[VICTIM].fd = -1;
    }
}

static void before_turn(struct duo *d, void *ctx)
{
    (void)d;
    (void)ctx;
    if (manner != RESET_IN_TURN)
        next_moment();
}

static void before_call(void *ctx, const struct gw_loop *loop)
{
    (void)ctx;
    if (manner == RESET_IN_TURN && loop != duo.home)
        next_moment();
}

/* --- What clients do --- */

static void arrive(enum who who)
{
    if (who == VICTIM)
        duo_connect_to(&duo, who, worker);
    else
        duo_connect(&duo, who);
}

static void come_in(enum who who, const char *target)
{
    arrive(who);
    duo.clients[who].pongs = true;
    duo_shake(&duo, who, target);
    duo_run(&duo, 20 * DUO_MS);
}

/* The next message; its first byte tells which. */
static unsigned next_pub(char *payload, size_t len)
{
    ck_assert_uint_lt(pubs.count, PUBS_MAX);
    memset(payload, 'm', len);
    payload[0] = (char)('A' + pubs.count);
    return pubs.count++;
}

static void note_answer(unsigned number, int status, struct gw_str body)
{
    const char *at;

    if (status != 200)
        return;
    pubs.acknowledged[number] = true;
    at = memmem(body.data, body.len, "\"position\":\"", 12);
    ck_assert_ptr_nonnull(at);
    memcpy(pubs.position[number], at + 12, GW_POSITION_LEN);
}

/* A request in two pieces; `first` is its first line, `lines` are more of its head, each ending in
 * CR LF. Returns the answer's status; 0: none came. */
static int request(enum who who, const char *first, const char *lines, struct gw_str payload,
                   struct gw_str *body)
{
    size_t half = payload.len / 2;
    char head[300];
    int status = 0;

    if (!duo_there(&duo, who))
        arrive(who);
    snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n",
             first, lines, payload.len);
    duo_say_text(&duo, who, head);
    duo_say(&duo, who, payload.data, half);
    duo_run(&duo, 2 * DUO_MS);
    duo_say(&duo, who, payload.data + half, payload.len - half);
    for (int i = 0; i < 700 && status == 0 && duo_there(&duo, who); i++) {
        duo_run(&duo, 10 * DUO_MS);
        status = duo_answer(&duo, who, body);
    }
    return status;
}

static void post_with(enum who who, size_t len, const char *lines, unsigned times)
{
    static char payload[BIG];
    unsigned number = next_pub(payload, len);

    for (; times > 0; times--) {
        struct gw_str body = {NULL, 0};
        int status = request(who, "POST /channels/t", lines, (struct gw_str){payload, len}, &body);

        note_answer(number, status, body);
    }
}

static void post(enum who who, size_t len)
{
    post_with(who, len, "", 1);
}

static void say_message(enum who who)
{
    char payload[40];

    (void)next_pub(payload, sizeof(payload));
    duo_frame_say(&duo, who, DUO_FIN | DUO_TEXT, payload, sizeof(payload));
    duo_run(&duo, 5 * DUO_MS);
}

static void say_in_fragments(enum who who)
{
    char payload[90];

    (void)next_pub(payload, sizeof(payload));
    duo_frame_say(&duo, who, DUO_TEXT, payload, 30);
    duo_run(&duo, 2 * DUO_MS);
    duo_frame_say(&duo, who, DUO_PING, "between", 7);
    duo_frame_say(&duo, who, DUO_CONT, payload + 30, 30);
    duo_run(&duo, 2 * DUO_MS);
    duo_frame_say(&duo, who, DUO_FIN | DUO_CONT, payload + 60, 30);
    duo_run(&duo, 5 * DUO_MS);
}

/* "Hello" as RFC 7692 section 7.2.3.1 compresses it, in two fragments as in its example; `H` is the
 * eighth letter, so it comes eighth. */
static void say_compressed(enum who who)
{
    static const char hello[] = "\xf2\x48\xcd\xc9\xc9\x07";

    pubs.count = 'H' - 'A' + 1;
    duo_frame_say(&duo, who, DUO_RSV1 | DUO_TEXT, hello, 3);
    duo_run(&duo, 2 * DUO_MS);
    duo_frame_say(&duo, who, DUO_FIN | DUO_CONT, hello + 3, 4); /* with the 0 that ends the block */
    duo_run(&duo, 5 * DUO_MS);
}

/* --- What they have got --- */

/* A message's letter. A compressed one, whose payload is not looked into here, counts as '?'; a
 * control object as nothing. */
static char letter_of(const struct duo_frame *frame)
{
    static const char data[] = "\"data\":\"";
    const char *at;

    if (frame->first & DUO_RSV1)
        return '?';
    if (frame->payload.data[0] != '{')
        return frame->payload.data[0];
    at = memmem(frame->payload.data, frame->payload.len, data, sizeof(data) - 1);
    return at ? at[sizeof(data) - 1] : 0;
}

/* Which messages a client got, in order. */
static unsigned seen_by(enum who who, char seen[2 * PUBS_MAX])
{
    struct duo_frame frame;
    unsigned count = 0;

    memset(seen, 0, 2 * PUBS_MAX);
    duo.clients[who].seen = 0;
    if (!duo_accepted(&duo, who))
        return 0;
    (void)duo_answer(&duo, who, NULL);
    while (duo_frame_next(&duo, who, &frame)) {
        if ((frame.first & 0x0f) != DUO_TEXT || letter_of(&frame) == 0)
            continue;
        ck_assert_uint_lt(count, 2 * PUBS_MAX - 1);
        seen[count++] = letter_of(&frame);
    }
    return count;
}

/* What is known of the victim's session from outside. */
static struct {
    bool there;  /* the scene has one */
    bool let_in; /* before anything was published */
    char newest; /* the last message that the victim saw, on whatever connection */
} session;

static void note_seen(void)
{
    char seen[2 * PUBS_MAX];
    unsigned count = seen_by(VICTIM, seen);

    if (count > 0 && seen[count - 1] > session.newest)
        session.newest = seen[count - 1];
}

/* --- The scenes --- */

static void subscribe(void)
{
    come_in(VICTIM, "/channels/t");
    post(POSTER, 100);
    post(POSTER, 100);
}

static void recover(void)
{
    char target[64];

    for (int i = 0; i < 4; i++)
        post(POSTER, 400);
    snprintf(target, sizeof(target), "/channels/t?since=%s", pubs.position[0]);
    come_in(VICTIM, target);
    post(POSTER, 100);
}

static void publish_by_post(void)
{
    post(VICTIM, 100);
    post(VICTIM, BIG);
}

static void publish_by_websocket(void)
{
    come_in(VICTIM, "/channels/t?since=all");
    say_message(VICTIM);
    say_message(VICTIM);
    post(POSTER, 100);
}

static void fragments_and_compression(void)
{
    arrive(VICTIM);
    duo_shake_with(&duo, VICTIM, "/channels/t", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    duo_run(&duo, 20 * DUO_MS);
    say_in_fragments(VICTIM);
    say_compressed(VICTIM);
    post(POSTER, 100);
}

static void slow_reader(void)
{
    come_in(VICTIM, "/channels/t");
    duo.clients[VICTIM].deaf = true;
    post(POSTER, BIG);
    if (duo_there(&duo, VICTIM))
        duo_sip(&duo, VICTIM, 700);
    post(POSTER, 200);
    duo_frame_say(&duo, VICTIM, DUO_PING, "in the middle", 13);
    duo_run(&duo, 20 * DUO_MS);
    duo.clients[VICTIM].deaf = false;
    if (duo_there(&duo, VICTIM))
        duo_sip(&duo, VICTIM, SIZE_MAX);
    duo_run(&duo, 20 * DUO_MS);
}

static void close_handshake(void)
{
    come_in(VICTIM, "/channels/t");
    post(POSTER, 100);
    duo_frame_say(&duo, VICTIM, DUO_CLOSE, "\x03\xe8", 2);
    duo_run(&duo, 20 * DUO_MS);
    post(POSTER, 100);
}

/* Told 4410, and answers; comes again with a handshake that is none. */
static void refused(void)
{
    come_in(VICTIM, "/channels/t?since=yesterday");
    duo_frame_say(&duo, VICTIM, DUO_CLOSE, "\x11\x3a", 2);
    duo_run(&duo, 20 * DUO_MS);
    arrive(VICTIM);
    duo_say_text(&duo, VICTIM,
                 "GET /channels/t HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 12\r\n\r\nmore");
    duo_run(&duo, 20 * DUO_MS);
    post(POSTER, 100);
}

static void envelopes_of_two_channels(void)
{
    post(POSTER, 100);
    come_in(VICTIM, "/channels/t,other?since=all");
    post(POSTER, 400);
    duo.clients[VICTIM].deaf = true;
    post(POSTER, BIG);
    duo.clients[VICTIM].deaf = false;
    if (duo_there(&duo, VICTIM))
        duo_sip(&duo, VICTIM, SIZE_MAX);
    duo_run(&duo, 20 * DUO_MS);
}

/* Whoever got no answer asks again: published once all the same. */
static void publish_with_a_key(void)
{
    post_with(VICTIM, 100, "Idempotency-Key: once\r\n", 3);
    post_with(VICTIM, 100, "Idempotency-Key: \"twice\"\r\n", 2);
}

static void publish_many(void)
{
    struct gw_str body = {NULL, 0}, line;
    char text[200];
    unsigned first = pubs.count;

    snprintf(text, sizeof(text),
             "{\"channel\":\"t\",\"data\":\"%c\"}\n{\"channel\":\"other\",\"data\":\"-\"}\n"
             "{\"channel\":\"t\",\"data\":\"%c\"}\n",
             'A' + (int)first, 'B' + (int)first);
    pubs.count += 2;
    if (request(VICTIM, "POST /channels", "Content-Type: application/x-ndjson\r\n", GW_STR(text),
                &body) != 200)
        return;
    for (unsigned i = 0; i < 3; i++) {
        line = gw_str_cut(&body, '\n');
        if (i != 1)
            note_answer(first + i / 2, 200, line);
    }
}

static void read_history(void)
{
    struct gw_str body = {NULL, 0};

    post(POSTER, 100);
    post(POSTER, BIG);
    duo.clients[VICTIM].deaf = true;
    (void)request(VICTIM, "GET /channels/t/history", "", (struct gw_str){"", 0}, &body);
    duo.clients[VICTIM].deaf = false;
    if (duo_there(&duo, VICTIM))
        duo_sip(&duo, VICTIM, SIZE_MAX);
    duo_run(&duo, 20 * DUO_MS);
    post(POSTER, 100);
}

/* Comes, acknowledges, goes, and comes back; and comes once more to be judged. */
#define SESSION "/channels/t?session=the-victims-own-name"

static void come_back_with_a_session(void)
{
    session.there = true;
    come_in(VICTIM, SESSION "&attempt=0");
    session.let_in = duo_accepted(&duo, VICTIM);
    post(POSTER, 100);
    duo_run(&duo, 10 * DUO_MS);
    post(POSTER, BIG);
    note_seen();
    duo_hang_up(&duo, VICTIM);
    post(POSTER, 100);
    come_in(VICTIM, SESSION "&attempt=1");
    duo_run(&duo, 250 * DUO_MS);
    post(POSTER, 100);
    duo_run(&duo, 250 * DUO_MS);
}

/* And what comes of each when nothing is in its way. */
static const struct {
    const char *name;
    void (*play)(void);
    const char *bystanders, *victim; /* get these messages */
} scenes[] = {
    {"subscribe", subscribe, "AB", "AB"},
    {"recover", recover, "ABCDE", "BCDE"},
    {"publish by POST", publish_by_post, "AB", ""},
    {"publish by WebSocket", publish_by_websocket, "ABC", "ABC"},
    {"fragments and compression", fragments_and_compression, "AHI", "AHI"},
    {"slow reader", slow_reader, "AB", "AB"},
    {"close handshake", close_handshake, "AB", "A"},
    {"refused", refused, "A", ""},
    {"envelopes of two channels", envelopes_of_two_channels, "ABC", "ABC"},
    {"publish with a key", publish_with_a_key, "AB", ""},
    {"publish many", publish_many, "AB", ""},
    {"read a history", read_history, "ABC", ""},
    {"come back with a session", come_back_with_a_session, "ABCD", "BCD"},
};

/* --- What must hold --- */

/* Each once, in order, and all that were acknowledged. */
static void judge_bystanders(const char *scene)
{
    char near[2 * PUBS_MAX], far[2 * PUBS_MAX];

    (void)seen_by(NEAR, near);
    (void)seen_by(FAR, far);
    ck_assert(duo_there(&duo, NEAR) && duo_there(&duo, FAR));
    ck_assert_str_eq(near, far);
    for (size_t i = 1; i < strlen(near); i++)
        ck_assert_msg(near[i] > near[i - 1], "%s, moment %u: bystanders got %s", scene, moment,
                      near);
    for (unsigned i = 0; i < pubs.count; i++)
        ck_assert_msg(!pubs.acknowledged[i] || strchr(near, 'A' + (int)i),
                      "%s, moment %u: message %u was acknowledged, and bystanders got %s", scene,
                      moment, i, near);
}

/* The last message that the victim saw, if it can name its position. */
static const char *position_of_last(void)
{
    char seen[2 * PUBS_MAX];
    unsigned count = seen_by(VICTIM, seen);
    unsigned last = count > 0 && seen[count - 1] >= 'A' ? (unsigned)(seen[count - 1] - 'A') : 0;

    if (count == 0 || seen[count - 1] == '?' || !pubs.position[last][0])
        return NULL;
    return pubs.position[last];
}

/* The victim comes back, and gets what the bystanders got behind its position; or everything. */
static void judge_return(const char *scene)
{
    const char *position = position_of_last();
    char all[2 * PUBS_MAX], seen[2 * PUBS_MAX], target[64];
    const char *rest = all;

    (void)seen_by(NEAR, all);
    for (unsigned i = 0; position && i < PUBS_MAX; i++)
        if (position == pubs.position[i])
            rest = strchr(all, 'A' + (int)i) + 1;
    snprintf(target, sizeof(target), "/channels/t?since=%s", position ? position : "all");
    duo.clients[VICTIM].deaf = false;
    come_in(VICTIM, target);
    duo_run(&duo, 200 * DUO_MS);
    (void)seen_by(VICTIM, seen);
    ck_assert_msg(strcmp(seen, rest) == 0, "%s, moment %u: came back with %s and got %s, not %s",
                  scene, moment, target, seen, rest);
}

/* A higher attempt gets whatever it has not seen, and what it may not have acknowledged before it;
 * or hears that its session never came about. */
static void judge_session(void)
{
    char all[2 * PUBS_MAX], seen[2 * PUBS_MAX], missed[2] = "A";
    size_t first;

    note_seen();
    if (session.newest)
        missed[0] = (char)(session.newest + 1);
    (void)seen_by(NEAR, all);
    duo.clients[VICTIM].deaf = false;
    come_in(VICTIM, SESSION "&attempt=9");
    duo_run(&duo, 200 * DUO_MS);
    if (duo_close_code(&duo, VICTIM) == 4410) {
        ck_assert_msg(!session.let_in, "moment %u: the session is gone", moment);
        return;
    }
    ck_assert_uint_eq(duo_close_code(&duo, VICTIM), 0);
    (void)seen_by(VICTIM, seen);
    first = strlen(all) - strlen(seen);
    ck_assert_msg(strlen(seen) <= strlen(all) && strcmp(all + first, seen) == 0,
                  "moment %u: the session got %s of %s", moment, seen, all);
    ck_assert_msg(!session.let_in || !strchr(all, missed[0]) || strchr(seen, missed[0]),
                  "moment %u: the session got %s, and misses %s", moment, seen, missed);
}

static void judge_service(void)
{
    unsigned before = duo_messages(&duo, NEAR);

    duo_hang_up(&duo, POSTER);
    duo_run(&duo, 10 * DUO_MS);
    post(LATE, 50);
    ck_assert(pubs.acknowledged[pubs.count - 1]);
    duo_run(&duo, 50 * DUO_MS);
    ck_assert_uint_eq(duo_messages(&duo, NEAR), before + 1);
}

/* What the two got in the last run before the victim came back. */
static char bystanders[2 * PUBS_MAX], victim[2 * PUBS_MAX];

static void run(int scene)
{
    static const char *const flags[] = {"--deflate=on", "--ping-interval=1s", "--pong-timeout=1s",
                                        NULL};
    struct sim_net_options net = SIM_NET_CALM;
    const struct duo_options options = {
        .net = &net, .seed = 1, .workers = 2, .mailbox_slots = 1, .flags = flags};

    net.buffer_bytes = 1500;
    memset(&pubs, 0, sizeof(pubs));
    memset(&session, 0, sizeof(session));
    moments = 0;
    hit = false;
    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    for (int r = 0; r < BYSTANDERS; r++) {
        duo_connect_to(&duo, (unsigned)r, (unsigned)r);
        duo.clients[r].pongs = true;
        duo_shake(&duo, (unsigned)r, "/channels/t");
        duo_run(&duo, 20 * DUO_MS);
    }
    duo.before_turn = before_turn;
    sim_net_before_calls(duo.net, before_call, NULL);
    scenes[scene].play();
    duo_run(&duo, 50 * DUO_MS);
    duo.before_turn = NULL;
    sim_net_before_calls(duo.net, NULL, NULL);
    judge_bystanders(scenes[scene].name);
    (void)seen_by(NEAR, bystanders);
    (void)seen_by(VICTIM, victim);
    if (session.there)
        judge_session();
    judge_return(scenes[scene].name);
    judge_service();
    duo_end(&duo);
}

#define ENDS (DUO_WORKERS_MAX * MANNERS)

/* `_i` is the scene, the worker, and how the connection ends. */
START_TEST(a_connection_may_end_at_every_event)
{
    unsigned hits = 0;

    worker = (unsigned)_i / MANNERS % DUO_WORKERS_MAX;
    manner = (enum manner)(_i % MANNERS);
    for (moment = 0;; moment++) {
        run(_i / ENDS);
        hits += hit;
        if (moment >= moments)
            break;
    }
    ck_assert_uint_gt(hits, manner == RESET_IN_TURN ? 5 : 10);
}
END_TEST

/* Undisturbed, each scene gives what it should: or it would show nothing. */
START_TEST(undisturbed_a_scene_goes_to_its_end)
{
    moment = UINT32_MAX;
    worker = (unsigned)_i % DUO_WORKERS_MAX;
    run(_i / DUO_WORKERS_MAX);
    ck_assert_str_eq(bystanders, scenes[_i / DUO_WORKERS_MAX].bystanders);
    ck_assert_str_eq(victim, scenes[_i / DUO_WORKERS_MAX].victim);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, undisturbed_a_scene_goes_to_its_end, 0,
                        SUITE_ROWS(scenes) * DUO_WORKERS_MAX);
    tcase_add_loop_test(tests, a_connection_may_end_at_every_event, 0, SUITE_ROWS(scenes) * ENDS);
}

int main(void)
{
    return suite_main("sim/moments", fill);
}
