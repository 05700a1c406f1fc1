/* frozen.c - half of ten thousand readers stop reading, and nobody else is harmed.
 *
 *     soak_frozen GODWIT [--readers=1000] [--publications=600] [--rate=100] [--rounds=5]
 *                        [RUN...]
 *
 * The whole: --readers=10000 --publications=1000 --rate=20. Readers have a receive buffer of 4 KiB
 * and are raw WebSockets of one channel, to which messages of 1 KiB are published over HTTP, one at
 * a time. Runs, all of them where none is named:
 *
 *   control   the healthy half alone
 *   default   half freeze; with the default history most of what they lack is gone in the end: they
 *             are told by 4408
 *   deep      half freeze; the history holds everything: they get everything
 *   cut       half freeze, and are cut when nothing went to them for write_timeout; memory returns
 *
 * In `default` and `deep` write_timeout, message_timeout and the pings' interval are raised, or the
 * server would have cut the frozen before they are thawed.
 *
 * Claimed: at least 90 % of the frozen block (crowd_look()); the healthy get everything, and with a
 * p99 of the latency of at most twice that of `control` (of each the best of up to `--rounds`); the
 * server's memory (RssAnon) grows by no more than allowed_bytes(); nobody who froze misses a
 * message without being told.
 *
 * Threads: one. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "bench/server.h"
#include "soak/crowd.h"
#include "soak/fail.h"
#include "soak/post.h"

#define NS_PER_S         UINT64_C(1000000000)
#define NS_PER_MS        UINT64_C(1000000)
#define KIB              1024.0
#define NEVER            1e9
#define NOISE_MS         5.0 /* more than twice the control by so much is no claim yet */
#define SAMPLE_NS        (100 * NS_PER_MS)
#define LOOK_NS          (500 * NS_PER_MS)
#define PATIENCE_NS      (180 * NS_PER_S)
#define WRITE_TIMEOUT_NS (10 * NS_PER_S) /* the server's default */
#define CUT_SLACK_NS     (5 * NS_PER_S)
#define PUBLICATIONS_MIN 500 /* more than sockets, log and history hold together */

/* The server's defaults, and what it may take for the rest. */
#define LIVE_LOG_BYTES    (256 * 1024)
#define HISTORY_COUNT     100
#define PUBLICATION_BYTES (CROWD_MESSAGE_LEN + 256) /* with its record and its place in the log */
#define UNIT_BYTES        (CROWD_MESSAGE_LEN + 4)
#define CHUNK_BYTES       (64 * 1024)
#define BLOCKED_BYTES     256 /* the record of what is owed, a pin and a timer */
#define ALLOCATOR_BYTES   (1024 * 1024)

static struct {
    const char *program;
    uint32_t readers, publications, rate, rounds;
} ask = {.readers = 1000, .publications = 600, .rate = 100, .rounds = 5};

struct kind {
    const char *name;
    bool freezes;
    const char *const *options;
    bool history_holds_all;
    bool cuts; /* before they are thawed */
};

struct result {
    uint32_t blocked, complete, told, cut;
    double median_ms, p99_ms, max_ms;
    double rate;
    long base, peak, after;         /* RssAnon, in bytes */
    double cut_first_s, cut_last_s; /* since something went to them */
};

/* A run. */
static struct {
    struct kind kind;
    struct server server;
    struct crowd crowd;
    struct post post;
    struct result result;
    uint64_t sample_ns, look_ns;
} now;

/* --- Memory --- */

static long anonymous_bytes(void)
{
    char path[64], line[256];
    long kib = -1;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)now.server.pid);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    if (kib < 0)
        fail("the server is gone");
    return kib * 1024;
}

static void sample_memory(void)
{
    uint64_t time = clock_ns();
    long bytes;

    if (time < now.sample_ns)
        return;
    now.sample_ns = time + SAMPLE_NS;
    bytes = anonymous_bytes();
    if (bytes > now.result.peak)
        now.result.peak = bytes;
}

/* What the server may grow by: the log and the history; the units, which a cache of 64 MiB keeps;
 * and for each blocked connection what is owed to it. Its unit is pinned, not copied: all pins
 * together are in the cache's chunks. What the C library keeps for itself comes on top. */
static long allowed_bytes(const struct kind *kind, uint32_t frozen)
{
    uint32_t kept = kind->history_holds_all || ask.publications < HISTORY_COUNT ? ask.publications
                                                                                : HISTORY_COUNT;

    return LIVE_LOG_BYTES / CROWD_MESSAGE_LEN * PUBLICATION_BYTES + (long)kept * PUBLICATION_BYTES +
           (long)ask.publications * UNIT_BYTES + CHUNK_BYTES + (long)frozen * BLOCKED_BYTES +
           ALLOCATOR_BYTES;
}

/* What of it stays when no frozen reader is left: history, units, the library's own. */
static long returned_bytes(void)
{
    return HISTORY_COUNT * PUBLICATION_BYTES + (long)ask.publications * UNIT_BYTES + CHUNK_BYTES +
           ALLOCATOR_BYTES;
}

/* --- Publishing --- */

static void publish(uint32_t number)
{
    char message[CROWD_MESSAGE_LEN];

    crowd_message(message, number);
    if (!post_send(&now.post, CROWD_CHANNEL, "text/plain", message, sizeof(message)))
        fail("the server does not take what is published");
}

static void take_answer(void)
{
    if (now.post.waiting && post_take(&now.post) < 0)
        fail("the publisher was cut");
}

static bool is_before(uint64_t time_ns)
{
    return clock_ns() < time_ns || now.post.waiting;
}

/* At the frozen. */
static void look(void)
{
    uint32_t blocked;

    if (clock_ns() < now.look_ns)
        return;
    blocked = crowd_look(&now.crowd);
    now.result.blocked = blocked > now.result.blocked ? blocked : now.result.blocked;
    now.look_ns = clock_ns() + LOOK_NS;
}

/* The frozen are looked at when 9 of 10 went out, and at the end: looking takes time, and would
 * show in the latency. Where they are to be cut, all the while. */
static void publish_all(void)
{
    uint64_t begun = clock_ns(), interval = NS_PER_S / ask.rate;

    for (uint32_t number = 1; number <= ask.publications; number++) {
        publish(number);
        while (is_before(begun + number * interval)) {
            crowd_turn(&now.crowd, 1);
            take_answer();
            sample_memory();
            if (now.kind.cuts)
                look();
        }
        if (number == ask.publications / 10 * 9)
            (void)crowd_look(&now.crowd);
    }
    now.result.rate = ask.publications / ((double)(clock_ns() - begun) / 1e9);
    if (!now.kind.cuts)
        now.result.blocked = crowd_look(&now.crowd);
}

/* --- Waiting for an end --- */

static uint32_t healthy_count(void)
{
    return now.crowd.count - now.crowd.frozen_count;
}

static bool healthy_have_all(void)
{
    return crowd_count(&now.crowd, false, LISTENER_AWAKE, ask.publications) == healthy_count();
}

static bool frozen_have_all_or_know(void)
{
    return crowd_count(&now.crowd, true, LISTENER_AWAKE, ask.publications) +
               crowd_count(&now.crowd, true, LISTENER_TOLD, 0) +
               crowd_count(&now.crowd, true, LISTENER_CUT, 0) ==
           now.crowd.frozen_count;
}

static bool frozen_are_cut(void)
{
    look();
    return crowd_ended_count(&now.crowd) == now.crowd.frozen_count;
}

static void wait_until(bool (*is_so)(void), const char *what)
{
    uint64_t end = clock_ns() + PATIENCE_NS, ask_ns = 0;

    for (;;) {
        crowd_turn(&now.crowd, 10);
        sample_memory();
        if (clock_ns() < ask_ns)
            continue;
        ask_ns = clock_ns() + 20 * NS_PER_MS; /* counting ten thousand takes a moment */
        if (is_so())
            return;
        if (clock_ns() > end)
            fail("%s: after %llu s not %s", now.kind.name,
                 (unsigned long long)(PATIENCE_NS / NS_PER_S), what);
    }
}

static void settle(uint64_t ns)
{
    uint64_t end = clock_ns() + ns;

    while (clock_ns() < end)
        crowd_turn(&now.crowd, 10);
}

/* --- What came of it --- */

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void rank_latencies(void)
{
    uint32_t *us = now.crowd.latencies_us;
    size_t count = now.crowd.latency_count;

    qsort(us, count, sizeof(*us), ascending);
    now.result.median_ms = us[count / 2] / 1e3;
    now.result.p99_ms = us[count - 1 - count / 100] / 1e3;
    now.result.max_ms = us[count - 1] / 1e3;
}

static void time_cuts(void)
{
    now.result.cut_first_s = 1e9;
    for (uint32_t i = healthy_count(); i < now.crowd.count; i++) {
        const struct listener *listener = &now.crowd.listeners[i];
        double after_s = ((double)listener->ended_ns - (double)listener->changed_ns) / 1e9;

        if (after_s < now.result.cut_first_s)
            now.result.cut_first_s = after_s;
        if (after_s > now.result.cut_last_s)
            now.result.cut_last_s = after_s;
    }
}

static void start(const struct kind *kind)
{
    const char *argv[32] = {ask.program, "serve", "--listen=127.0.0.1:0"};
    size_t count = 3;

    memset(&now, 0, sizeof(now));
    now.kind = *kind;
    for (size_t i = 0; kind->options[i]; i++)
        argv[count++] = kind->options[i];
    now.server = server_start(argv);
    crowd_open(&now.crowd, now.server.port, ask.readers / (kind->freezes ? 1 : 2),
               kind->freezes ? ask.readers / 2 : 0, ask.publications);
    if (!post_open(&now.post, now.server.port))
        fail("nobody listens");
    settle(NS_PER_S / 2);
    now.result.base = now.result.peak = anonymous_bytes();
}

static void finish_frozen(void)
{
    if (now.kind.cuts) {
        wait_until(frozen_are_cut, "all of the frozen are cut");
        time_cuts();
        settle(NS_PER_S);
        now.result.after = anonymous_bytes();
    }
    if (now.kind.freezes) {
        crowd_thaw(&now.crowd);
        wait_until(frozen_have_all_or_know, "each of the frozen has everything or was told");
    }
    now.result.complete = crowd_count(&now.crowd, true, LISTENER_AWAKE, ask.publications);
    now.result.told = crowd_count(&now.crowd, true, LISTENER_TOLD, 0);
    now.result.cut = crowd_count(&now.crowd, true, LISTENER_CUT, 0);
}

static struct result run(const struct kind *kind)
{
    start(kind);
    publish_all();
    wait_until(healthy_have_all, "every healthy reader has everything");
    rank_latencies();
    finish_frozen();
    if (!kind->cuts) {
        settle(NS_PER_S);
        now.result.after = anonymous_bytes();
    }
    post_end(&now.post);
    crowd_close(&now.crowd);
    server_stop(now.server, SIGKILL);
    return now.result;
}

/* --- Runs and claims --- */

static char history_option[64];

static const char *const no_options[] = {NULL};
static const char *const patient[] = {"--write-timeout=1h", "--message-timeout=1h",
                                      "--ping-interval=1h", NULL};
static const char *const patient_deep[] = {"--write-timeout=1h",    "--message-timeout=1h",
                                           "--ping-interval=1h",    history_option,
                                           "--history-bytes=64MiB", NULL};

static const struct kind kinds[] = {
    {.name = "control", .options = patient},
    {.name = "default", .options = patient, .freezes = true},
    {.name = "deep", .options = patient_deep, .freezes = true, .history_holds_all = true},
    {.name = "cut", .options = no_options, .freezes = true, .cuts = true},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static unsigned failed;

static void claim(bool holds, const char *run_name, const char *what)
{
    if (!holds) {
        printf("FAILED: %s: %s\n", run_name, what);
        failed++;
    }
}

static void say(const struct kind *kind, const struct result *result)
{
    uint32_t frozen = kind->freezes ? ask.readers / 2 : 0;

    printf("%-8s %6u %6u %7u %6.1f %7.2f %7.2f %8.2f %8.0f %8.0f %8.0f %8.0f %6u %6u %6u\n",
           kind->name, ask.readers - ask.readers / 2, frozen, result->blocked, result->rate,
           result->median_ms, result->p99_ms, result->max_ms, (double)result->base / KIB,
           (double)(result->peak - result->base) / KIB, (double)allowed_bytes(kind, frozen) / KIB,
           (double)(result->after - result->base) / KIB, result->complete, result->told,
           result->cut);
    if (kind->cuts)
        printf("         cut %.1f to %.1f s after the last byte went to them\n",
               result->cut_first_s, result->cut_last_s);
    fflush(stdout);
}

static void judge(const struct kind *kind, const struct result *result)
{
    uint32_t frozen = kind->freezes ? ask.readers / 2 : 0;

    claim(result->peak - result->base <= allowed_bytes(kind, frozen), kind->name,
          "memory grew by more than log, history and what is owed");
    if (!kind->freezes)
        return;
    claim(result->blocked >= frozen - frozen / 10, kind->name,
          "fewer than 90 % were seen to block");
    if (kind->cuts) {
        claim(result->after - result->base <= returned_bytes(), kind->name,
              "memory did not return when the frozen were cut");
        claim(result->cut_last_s <= (double)(WRITE_TIMEOUT_NS + CUT_SLACK_NS) / 1e9, kind->name,
              "a frozen reader was not cut in time");
        claim(result->cut_first_s >= (double)(WRITE_TIMEOUT_NS - NS_PER_S) / 1e9, kind->name,
              "a frozen reader was cut before its time");
        return;
    }
    claim(result->complete + result->told == frozen, kind->name,
          "one that froze lacks something and was not told");
    claim(kind->history_holds_all ? result->complete == frozen : result->told > 0, kind->name,
          kind->history_holds_all ? "the history had everything, and one that froze has not"
                                  : "nobody was told");
}

static void read_arguments(int argc, char **argv)
{
    static const struct option options[] = {{"readers", required_argument, NULL, 'c'},
                                            {"publications", required_argument, NULL, 'n'},
                                            {"rate", required_argument, NULL, 'r'},
                                            {"rounds", required_argument, NULL, 't'},
                                            {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        uint32_t number = optarg ? (uint32_t)strtoul(optarg, NULL, 10) : 0;

        if (option == 'c')
            ask.readers = number;
        else if (option == 'n')
            ask.publications = number;
        else if (option == 'r')
            ask.rate = number;
        else if (option == 't')
            ask.rounds = number;
        else
            exit(2);
    }
    ask.program = argv[optind];
    if (!ask.program || ask.readers < 2 || ask.publications < PUBLICATIONS_MIN || ask.rate == 0 ||
        ask.rounds == 0)
        fail("usage: soak_frozen GODWIT [--readers=N] [--publications=%u or more] [--rate=N] "
             "[--rounds=N] [RUN...]",
             PUBLICATIONS_MIN);
    snprintf(history_option, sizeof(history_option), "--history=%u", ask.publications);
}

static bool is_asked_for(const char *name, char *const *names)
{
    if (!*names)
        return true;
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* Of all rounds so far the best: what else the machine does can only make it worse. Without a
 * control run there is nothing to compare with. */
static bool latency_holds(const double best_p99_ms[KINDS], size_t kind)
{
    return !kinds[kind].freezes || kinds[kind].cuts || best_p99_ms[kind] == NEVER ||
           best_p99_ms[0] == NEVER || best_p99_ms[kind] <= 2 * best_p99_ms[0] + NOISE_MS;
}

static bool latencies_hold(const double best_p99_ms[KINDS])
{
    for (size_t i = 0; i < KINDS; i++)
        if (!latency_holds(best_p99_ms, i))
            return false;
    return true;
}

/* The cut is not timed, and takes long: once is enough. */
static void run_round(unsigned round, char *const *names, double best_p99_ms[KINDS])
{
    for (size_t i = 0; i < KINDS; i++) {
        struct result result;

        if (!is_asked_for(kinds[i].name, names) || (kinds[i].cuts && round > 0))
            continue;
        result = run(&kinds[i]);
        say(&kinds[i], &result);
        judge(&kinds[i], &result);
        if (result.p99_ms < best_p99_ms[i])
            best_p99_ms[i] = result.p99_ms;
    }
}

int main(int argc, char **argv)
{
    double best_p99_ms[KINDS];

    read_arguments(argc, argv);
    server_pin_load();
    for (size_t i = 0; i < KINDS; i++)
        best_p99_ms[i] = NEVER;
    printf("%u publications of %u bytes; memory in KiB\n", ask.publications, CROWD_MESSAGE_LEN);
    printf("run     healthy frozen blocked  a second  p50 ms  p99 ms   max ms  RssAnon    grew  "
           "allowed    after    all   4408    cut\n");
    for (unsigned round = 0; round < ask.rounds && (round == 0 || !latencies_hold(best_p99_ms));
         round++)
        run_round(round, argv + optind + 1, best_p99_ms);
    for (size_t i = 0; i < KINDS; i++)
        claim(latency_holds(best_p99_ms, i), kinds[i].name,
              "the p99 of the healthy is above twice the control's");
    if (failed == 0)
        printf("nobody harmed, nothing lost unsaid\n");
    return failed > 0;
}
