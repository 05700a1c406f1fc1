/* reconnects.c - readers are cut at random bytes, ten thousand times, and nothing is lost.
 *
 *     soak_reconnects GODWIT [--reconnects=10000] [--readers=50] [--rate=250] [--seed=1]
 * [--restart]
 *
 * Readers of one or several channels, in envelopes, a third of them compressed, read in random
 * pieces and are cut after a random number of bytes: in their request, in the answer's head, in a
 * frame. They come back with the position of the last whole envelope, mostly at once, sometimes
 * after seconds, and find that offsets go on without gap and without repeat (reader.h). Meanwhile
 * each channel is published to, over HTTP and on a WebSocket, `--rate` times a second; the history
 * holds 12 s of that, and publishing waits where a reader is behind by half of it: so nobody has a
 * reason to be told `reset`.
 *
 * With --restart the server is killed half way, with SIGKILL, and another takes its port: then each
 * reader must hear `epoch` once for each of its channels, and goes on.
 *
 * At last nobody is cut any more, and all must get all.
 *
 * Threads: one. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/server.h"
#include "lib/seeded.h"
#include "soak/author.h"
#include "soak/fail.h"
#include "soak/reader.h"

#define READERS_MAX   1000
#define LIVES_MAX     2
#define AUTHORS       (2 * CHANNELS_MAX)
#define EVENTS_MAX    256
#define HISTORY_S     12 /* seconds of publications that the history holds */
#define GRAVES        32 /* connections left open and silent */
#define BYTES_MAX     (1024u * 1024)
#define PIECE_MAX     8192
#define PIECES_A_TURN 8
#define NS_PER_S      UINT64_C(1000000000)
#define PATIENCE_NS   (60 * NS_PER_S) /* for all to get all in the end */
#define HANDSHAKE_LEN 200             /* about that of a request, and of its answer */

static struct {
    const char *program;
    unsigned reconnects, readers, rate;
    uint64_t seed;
    bool restart;
} ask = {.reconnects = 10000, .readers = 50, .rate = 250, .seed = 1};

/* A reader, and what is in store for it. */
struct victim {
    struct reader reader;
    bool cut_in_request;
    bool cut_at_frame; /* around a frame's head, once `left` bytes have come */
    uint64_t left;     /* bytes until it is cut */
    uint64_t back_ns;  /* when it comes back; it has no connection */
};

static struct {
    struct server server;
    int epoll;
    struct seeded random;
    struct reader_common common;
    struct ledger ledgers[LIVES_MAX][CHANNELS_MAX];
    struct author authors[AUTHORS];
    struct victim victims[READERS_MAX];
    unsigned reconnects;
    bool over; /* nobody is cut any more, and nothing is published */
    int graves[GRAVES];
    unsigned next_grave;
    struct {
        unsigned in_request, at[LINK_IN_PAYLOAD + 1];
        unsigned ended[3]; /* enum link_end, and left open */
        unsigned away;     /* for seconds */
        uint64_t bytes;
    } count;
} run;

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void watch(int fd, uint64_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};

    if (epoll_ctl(run.epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        fail("epoll_ctl: %s", strerror(errno));
}

/* --- The server and who publishes --- */

static void start_server(uint16_t port)
{
    char listen[64], history[64];

    snprintf(listen, sizeof(listen), "--listen=127.0.0.1:%u", port);
    snprintf(history, sizeof(history), "--history=%u", HISTORY_S * ask.rate);
    run.server = server_start(
        (const char *const[]){ask.program, "serve", listen, history, "--history-bytes=64MiB",
                              "--deflate=on", "--message-rate=100000", "--byte-rate=256MiB", NULL});
    run.common.port = run.server.port;
}

static void open_authors(void)
{
    for (unsigned i = 0; i < AUTHORS; i++) {
        struct author *author = &run.authors[i];

        author->ledger = &run.ledgers[run.common.life][i / 2];
        author_open(author, run.server.port);
        watch(author_fd(author), READERS_MAX + i);
    }
}

static void make_authors(void)
{
    for (unsigned i = 0; i < AUTHORS; i++)
        run.authors[i] = (struct author){.by_websocket = i % 2,
                                         .random = &run.random,
                                         .interval_ns = 2 * NS_PER_S / ask.rate,
                                         .post = POST_NONE,
                                         .link = LINK_NONE};
    open_authors();
}

/* Killed; what it had not sent is gone with it. Who publishes does not wait for answers. */
static void restart_server(void)
{
    uint16_t port = run.server.port;

    server_stop(run.server, SIGKILL);
    for (unsigned i = 0; i < AUTHORS; i++)
        author_end(&run.authors[i]);
    run.common.life++;
    start_server(port);
    open_authors();
}

/* --- Readers: their ways to be cut, and back --- */

/* Where it is cut: one of 16 in its request, one in the head of the answer, two where a frame ends
 * or begins, which random bytes would seldom hit, and the rest anywhere behind the handshake. */
static void plan(struct victim *victim)
{
    uint64_t dice = seeded_below(&run.random, 16);

    victim->left = UINT64_MAX;
    victim->cut_in_request = victim->cut_at_frame = false;
    if (run.over)
        return;
    victim->cut_in_request = dice == 0;
    victim->cut_at_frame = dice == 2 || dice == 3;
    victim->left = dice == 1 ? 1 + seeded_below(&run.random, HANDSHAKE_LEN)
                             : HANDSHAKE_LEN + payload_any_size(&run.random, BYTES_MAX);
}

static void bury(int fd)
{
    int *grave = &run.graves[run.next_grave++ % GRAVES];

    epoll_ctl(run.epoll, EPOLL_CTL_DEL, fd, NULL);
    if (*grave >= 0)
        close(*grave);
    *grave = fd;
}

static void end_connection(struct victim *victim)
{
    unsigned how = (unsigned)seeded_below(&run.random, 3);

    run.count.ended[how]++;
    if (how == LINK_RESET || how == LINK_CLOSED)
        link_end(&victim->reader.link, how);
    else
        bury(link_abandon(&victim->reader.link));
}

/* It has no connection any more, and comes back: mostly at once. */
static void stay_away(struct victim *victim)
{
    uint64_t dice = seeded_below(&run.random, 256);
    uint64_t pause_ns = 0;

    if (dice == 0) {
        pause_ns = 2 * NS_PER_S + seeded_below(&run.random, 3 * NS_PER_S);
        run.count.away++;
    } else if (dice < 64)
        pause_ns = seeded_below(&run.random, NS_PER_S / 20);
    victim->back_ns = now_ns() + pause_ns;
}

static void cut(struct victim *victim)
{
    if (victim->cut_in_request)
        run.count.in_request++;
    else
        run.count.at[victim->reader.link.place]++;
    end_connection(victim);
    stay_away(victim);
}

static void come_back(struct victim *victim)
{
    size_t part = SIZE_MAX;

    plan(victim);
    if (victim->cut_in_request)
        part = seeded_below(&run.random, HANDSHAKE_LEN);
    run.reconnects++;
    if (!reader_connect(&victim->reader, part))
        fail("reader %u: nobody listens", victim->reader.index);
    if (victim->cut_in_request)
        cut(victim);
    else
        watch(victim->reader.link.fd, victim->reader.index);
}

/* The server ended the connection: when it was killed, and never else. */
static void take_end(struct victim *victim)
{
    const struct reader *reader = &victim->reader;
    bool killed = false;

    for (unsigned i = 0; i < reader->view_count; i++)
        killed = killed || !reader->views[i].word[0] || reader->views[i].life != run.common.life;
    if (!killed || run.common.life == 0)
        fail("reader %u was cut by the server", reader->index);
    link_end(&victim->reader.link, LINK_CLOSED);
    victim->back_ns = now_ns();
}

/* The next piece. Near its end, who is to be cut around a frame's head stops where the frame ends,
 * and goes on byte by byte. */
static uint64_t piece_size(const struct victim *victim)
{
    const struct link *link = &victim->reader.link;

    if (run.over)
        return PIECE_MAX;
    if (victim->left > 0) {
        uint64_t size = payload_any_size(&run.random, PIECE_MAX);

        return size < victim->left ? size : victim->left;
    }
    if (link->place != LINK_IN_PAYLOAD)
        return 1;
    return link->frame_left < PIECE_MAX ? link->frame_left : PIECE_MAX;
}

static bool is_time(const struct victim *victim)
{
    if (victim->left > 0 || !victim->cut_at_frame)
        return victim->left == 0;
    return victim->reader.link.place != LINK_IN_PAYLOAD && seeded_below(&run.random, 4) == 0;
}

/* False: nothing is there, or no connection any more. */
static bool read_piece(struct victim *victim)
{
    static uint8_t input[PIECE_MAX];
    ssize_t got = recv(victim->reader.link.fd, input, piece_size(victim), 0);

    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0) {
        take_end(victim);
        return false;
    }
    run.count.bytes += (uint64_t)got;
    if (victim->left != UINT64_MAX)
        victim->left -= victim->left < (uint64_t)got ? victim->left : (uint64_t)got;
    reader_take(&victim->reader, input, (size_t)got);
    if (!is_time(victim))
        return true;
    cut(victim);
    return false;
}

/* Two of five read several channels; a third is compressed. */
static void make_readers(void)
{
    for (unsigned i = 0; i < ask.readers; i++) {
        struct reader *reader = &run.victims[i].reader;
        unsigned first = (unsigned)seeded_below(&run.random, CHANNELS_MAX);

        *reader = (struct reader){.common = &run.common,
                                  .index = i,
                                  .link = LINK_NONE,
                                  .deflate = i % 3 == 0,
                                  .view_count = i % 5 < 3 ? 1 : 2 + i % 3};
        for (unsigned k = 0; k < reader->view_count; k++)
            reader->views[k].channel = (first + k) % CHANNELS_MAX;
    }
}

/* --- The run --- */

/* Does a reader lack half of what the history holds of this channel? Then publishing waits for it,
 * so that nobody ever lacks what is gone. */
static bool is_far_behind(const struct ledger *ledger)
{
    const struct ledger *ledgers = run.ledgers[run.common.life];

    for (unsigned i = 0; i < ask.readers; i++) {
        const struct reader *reader = &run.victims[i].reader;

        for (unsigned k = 0; k < reader->view_count; k++) {
            const struct view *view = &reader->views[k];

            if (&ledgers[view->channel] == ledger && view->life == run.common.life &&
                ledger_total(ledger) > view->position.offset + ask.rate * HISTORY_S / 2)
                return true;
        }
    }
    return false;
}

static void turn(void)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(run.epoll, events, EVENTS_MAX, 1);
    uint64_t now = now_ns();

    for (int i = 0; i < count; i++) {
        uint64_t what = events[i].data.u64;

        if (what >= READERS_MAX)
            author_read(&run.authors[what - READERS_MAX]);
        else if (run.victims[what].reader.link.fd >= 0)
            for (unsigned pieces = 0; pieces < PIECES_A_TURN && read_piece(&run.victims[what]);)
                pieces++;
    }
    for (unsigned i = 0; i < ask.readers; i++)
        if (run.victims[i].reader.link.fd < 0 && now >= run.victims[i].back_ns)
            come_back(&run.victims[i]);
    for (unsigned i = 0; i < AUTHORS && !run.over; i++)
        if (!is_far_behind(run.authors[i].ledger))
            author_write(&run.authors[i], now);
}

static bool is_all_done(void)
{
    for (unsigned i = 0; i < AUTHORS; i++)
        if (!author_is_idle(&run.authors[i]))
            return false;
    for (unsigned i = 0; i < ask.readers; i++)
        if (!reader_is_done(&run.victims[i].reader))
            return false;
    return true;
}

static void say_who_lacks(void)
{
    for (unsigned i = 0; i < ask.readers; i++)
        for (unsigned k = 0; k < run.victims[i].reader.view_count; k++) {
            const struct view *view = &run.victims[i].reader.views[k];

            printf("  reader %u, c%u: has %llu of %llu, life %u\n", i, view->channel,
                   (unsigned long long)view->position.offset,
                   (unsigned long long)ledger_total(&run.ledgers[run.common.life][view->channel]),
                   view->life);
        }
}

/* Nobody is cut any more; who is connected stays so. */
static void let_all_finish(void)
{
    uint64_t end = now_ns() + PATIENCE_NS;

    run.over = true;
    for (unsigned i = 0; i < ask.readers; i++)
        run.victims[i].left = UINT64_MAX;
    while (!is_all_done()) {
        turn();
        if (now_ns() > end) {
            say_who_lacks();
            fail("after %llu s not everybody has everything",
                 (unsigned long long)(PATIENCE_NS / NS_PER_S));
        }
    }
}

static void check_end(void)
{
    uint64_t views = 0;

    for (unsigned i = 0; i < ask.readers; i++)
        views += run.victims[i].reader.view_count;
    for (unsigned i = 0; i < CHANNELS_MAX; i++)
        ledger_check(&run.ledgers[run.common.life][i], run.common.life == 0);
    if (run.common.resets != (ask.restart ? views : 0))
        fail("%llu resets for %llu views", (unsigned long long)run.common.resets,
             (unsigned long long)views);
}

static void say(double seconds)
{
    uint64_t published = 0;

    for (unsigned i = 0; i < LIVES_MAX; i++)
        for (unsigned k = 0; k < CHANNELS_MAX; k++)
            published += ledger_total(&run.ledgers[i][k]);
    printf("%u reconnects of %u readers in %.1f s; %llu published, %llu read in %.1f MB\n",
           run.reconnects, ask.readers, seconds, (unsigned long long)published,
           (unsigned long long)run.common.publications, (double)run.count.bytes / 1e6);
    printf("cut in the request %u, in the answer's head %u, between frames %u, in a frame's head "
           "%u, in a payload %u\n",
           run.count.in_request, run.count.at[LINK_IN_HEAD], run.count.at[LINK_BETWEEN_FRAMES],
           run.count.at[LINK_IN_FRAME_HEAD], run.count.at[LINK_IN_PAYLOAD]);
    printf("by a reset %u, a close %u, left open %u; away for 2 to 5 s %u\n",
           run.count.ended[LINK_RESET], run.count.ended[LINK_CLOSED], run.count.ended[2],
           run.count.away);
    if (ask.restart)
        printf("the server was killed once: %llu times a reader was told `epoch`\n",
               (unsigned long long)run.common.resets);
    printf("nothing lost, nothing twice\n");
}

static void read_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"reconnects", required_argument, NULL, 'n'}, {"readers", required_argument, NULL, 'c'},
        {"rate", required_argument, NULL, 'r'},       {"seed", required_argument, NULL, 's'},
        {"restart", no_argument, NULL, 'k'},          {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        uint64_t number = optarg ? strtoull(optarg, NULL, 10) : 0;

        if (option == 'n')
            ask.reconnects = (unsigned)number;
        else if (option == 'c')
            ask.readers = (unsigned)number;
        else if (option == 'r')
            ask.rate = (unsigned)number;
        else if (option == 's')
            ask.seed = number;
        else if (option == 'k')
            ask.restart = true;
        else
            exit(2);
    }
    ask.program = argv[optind];
    if (!ask.program || ask.readers == 0 || ask.readers > READERS_MAX || ask.rate == 0)
        fail("usage: soak_reconnects GODWIT [--reconnects=N] [--readers=1..%u] [--rate=N] "
             "[--seed=N] [--restart]",
             READERS_MAX);
}

static void prepare(void)
{
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.random.state = ask.seed;
    run.common.ledgers = run.ledgers;
    run.common.random = &run.random;
    memset(run.graves, 0xff, sizeof(run.graves)); /* -1 */
    for (unsigned i = 0; i < LIVES_MAX; i++)
        for (unsigned k = 0; k < CHANNELS_MAX; k++)
            snprintf(run.ledgers[i][k].channel, sizeof(run.ledgers[i][k].channel), "c%u", k);
    start_server(0);
    make_readers();
    make_authors();
}

int main(int argc, char **argv)
{
    uint64_t begun;

    read_arguments(argc, argv);
    begun = now_ns();
    prepare();
    while (run.reconnects < ask.reconnects + ask.readers) { /* the first time is no return */
        turn();
        if (ask.restart && run.common.life == 0 && run.reconnects > ask.reconnects / 2)
            restart_server();
    }
    run.reconnects -= ask.readers;
    let_all_finish();
    check_end();
    say((double)(now_ns() - begun) / 1e9);
    server_stop(run.server, SIGTERM);
    return 0;
}
