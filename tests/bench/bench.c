/* bench.c - Godwit beside a bare epoll server, in one run.
 *
 * Machines are noisy and differ, so no figure stands alone: both servers run at the same time,
 * pinned to one core, and take turns under the same load from the other; what counts is messages
 * per second of *server CPU* (user and system), and the ratio of the two round by round. A
 * round is many short slices, so that both see the same machine, and who goes first changes each
 * time, so that what drifts cancels. What is printed is the median ratio and how sure one may be of
 * it (stats.h). Then 15,000 idle subscribers, and what each costs in resident memory. */
#include <signal.h>
#include <unistd.h>

#include "load.h"
#include "quit.h"
#include "server.h"
#include "stats.h"

#define ROUNDS_MAX     99
#define ROUNDS_DEFAULT 24
#define ROUND_S        0.4 /* of load on each side */

/* How long one side has the load before the other gets it. A fan-out after 200 ms of silence (the
 * kernel's shortest retransmission timeout) delivers a third less per second of CPU for the next
 * 0.4 s, from any server. So nobody may be silent for so long, even where his slices are the first
 * and the last of four. */
#define SLICE_S 0.05

/* For so long both run unmeasured, until that is over. */
#define WARM_S     0.5

#define IDLE_COUNT 15000
#define IDLE_S     7 /* every one of them gets and answers a heartbeat meanwhile */

struct shape {
    const char *name;
    struct load load;
    struct bare bare;
};

static const struct shape shapes[] = {
    {"echo     64 x 32 B, one at a time", {.conn_count = 64, .depth = 1, .message_len = 32}, {0}},
    {"echo     64 x 32 B, 16 in flight", {.conn_count = 64, .depth = 16, .message_len = 32}, {0}},
    {"echo  1,000 x 125 B, one at a time",
     {.conn_count = 1000, .depth = 1, .message_len = 125},
     {0}},
    {"echo     64 x 16 KiB binary",
     {.conn_count = 64, .depth = 1, .message_len = 16384, .binary = true},
     {0}},
    {"echo     64 x 16 KiB text, deflated : zlib 6",
     {.conn_count = 64, .depth = 1, .message_len = 16384, .deflate = true},
     {BARE_DEFLATE, 6}},
    {"echo     64 x 16 KiB text, deflated : zlib 1",
     {.conn_count = 64, .depth = 1, .message_len = 16384, .deflate = true},
     {BARE_DEFLATE, 1}},
    {"fan-out 1 to 1,000, 128 B",
     {.conn_count = 1000, .depth = 1, .message_len = 128, .fan_out = true},
     {.kind = BARE_FAN_OUT}},
    {"fan-out 1 to 1,000, 128 B, 16 in flight",
     {.conn_count = 1000, .depth = 16, .message_len = 128, .fan_out = true},
     {.kind = BARE_FAN_OUT}},
    {"fan-out 1 to 1,000, 1 KiB text, deflated",
     {.conn_count = 1000, .depth = 1, .message_len = 1024, .fan_out = true, .deflate = true},
     {.kind = BARE_FAN_OUT}},
};

/* A server and its clients. */
struct side {
    struct server server;
    struct load_conns *conns;
};

/* What both sides did, round by round. */
struct rounds {
    int count;
    double ours[ROUNDS_MAX], theirs[ROUNDS_MAX], ratio[ROUNDS_MAX];
};

/* --- Both sides --- */

static struct server start_godwit(const char *program, bool deflate, const char *pings)
{
    const char *argv[] = {program,
                          "serve",
                          "--listen=127.0.0.1:0",
                          "--message-rate=1000000",
                          "--byte-rate=1GiB",
                          pings,
                          deflate ? "--deflate=on" : NULL,
                          NULL};

    return server_start(argv);
}

static struct side open_ours(const struct shape *shape, const char *program)
{
    struct server server = start_godwit(program, shape->load.deflate, "--ping-interval=1h");
    struct load load = shape->load;

    load.port = server.port;
    load.path = load.fan_out ? "/channels/bench" : "/echo";
    return (struct side){server, load_open(&load)};
}

static struct side open_theirs(const struct shape *shape)
{
    struct server server = server_start_bare(&shape->bare);
    struct load load = shape->load;

    load.port = server.port;
    load.path = shape->bare.kind == BARE_DEFLATE ? "/" : NULL;
    return (struct side){server, load_open(&load)};
}

static void close_side(struct side side)
{
    load_close(side.conns);
    server_stop(side.server, SIGKILL);
}

/* --- Rounds --- */

/* Both sides have the load for `seconds` each, in slices; `round` chooses who begins. */
static void run_round(struct rounds *rounds, int round, struct side sides[2], double seconds)
{
    int slices = seconds > SLICE_S ? (int)(seconds / SLICE_S + 0.5) : 1;
    double before[2] = {server_cpu_s(sides[0].server), server_cpu_s(sides[1].server)};
    uint64_t messages[2] = {0, 0};
    double rate[2];

    for (int i = 0; i < slices; i++) {
        int first = (round + i) % 2;

        messages[first] += load_run(sides[first].conns, seconds / slices);
        messages[!first] += load_run(sides[!first].conns, seconds / slices);
    }
    for (int i = 0; i < 2; i++)
        rate[i] = (double)messages[i] / (server_cpu_s(sides[i].server) - before[i]);
    rounds->ours[round] = rate[0];
    rounds->theirs[round] = rate[1];
    rounds->ratio[round] = rate[0] / rate[1];
}

/* On a terminal, and there it is gone when the line that it foretold is printed. */
static void show_progress(const char *name, int round, int count)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (round < count)
        fprintf(stderr, "\r%-46s round %d of %d\033[K", name, round + 1, count);
    else
        fprintf(stderr, "\r\033[K");
}

static void run_rounds(struct rounds *rounds, const char *name, struct side sides[2],
                       double seconds)
{
    run_round(rounds, 0, sides, WARM_S); /* its figures are overwritten */
    for (int i = 0; i < rounds->count; i++) {
        show_progress(name, i, rounds->count);
        run_round(rounds, i, sides, seconds);
    }
    show_progress(name, rounds->count, rounds->count);
}

static void print_row(const char *name, struct rounds *rounds, double our_bytes, double their_bytes)
{
    double low, high;

    stats_sort(rounds->ours, rounds->count);
    stats_sort(rounds->theirs, rounds->count);
    stats_sort(rounds->ratio, rounds->count);
    printf("%-46s %9.0f %9.0f   %5.2f ", name, stats_median(rounds->ours, rounds->count),
           stats_median(rounds->theirs, rounds->count), stats_median(rounds->ratio, rounds->count));
    if (stats_median_interval(rounds->ratio, rounds->count, &low, &high))
        printf("%5.2f to %5.2f", low, high);
    else
        printf("%14s", "unknown");
    printf("   %7.0f %7.0f\n", our_bytes, their_bytes);
    fflush(stdout);
}

static void run_shape(const struct shape *shape, const char *program, int count, double seconds)
{
    struct side sides[2] = {open_ours(shape, program), open_theirs(shape)};
    struct rounds rounds = {.count = count};

    run_rounds(&rounds, shape->name, sides, seconds);
    print_row(shape->name, &rounds, load_answer_bytes(sides[0].conns),
              load_answer_bytes(sides[1].conns));
    close_side(sides[0]);
    close_side(sides[1]);
}

static void print_head(int rounds, double seconds)
{
    printf("Godwit beside a bare server, in %d interleaved rounds of %.2f s each.\n\n"
           "godwit, bare   messages echoed or delivered per second of the server's CPU: the median "
           "round\n"
           "ratio          of the two, godwit : bare, round by round: the median\n"
           "95 %%           so sure is it that the true median ratio lies between these (sign "
           "test)%s\n"
           "bytes          of payload in one answer on the wire, godwit's and the bare server's\n\n"
           "Bare is epoll and send without a protocol; \"zlib 6\" and \"zlib 1\" also inflate and "
           "deflate, at that level.\n\n"
           "%-46s %9s %9s   %5s %14s   %15s\n",
           rounds, seconds, rounds < 6 ? "; fewer than 6 rounds cannot say" : "", "", "godwit",
           "bare", "ratio", "95 %", "bytes");
    fflush(stdout);
}

/* --- Idle memory --- */

static void run_idle(const char *program)
{
    struct server godwit = start_godwit(program, false, "--ping-interval=4s");
    struct load load = {.port = godwit.port, .path = "/channels/idle", .conn_count = 1, .depth = 1};
    struct load_conns *first = load_open(&load), *all;
    long before = server_resident_bytes(godwit), after;
    uint64_t answered;

    load.conn_count = IDLE_COUNT;
    all = load_open(&load);
    answered = load_idle(all, IDLE_S);
    after = server_resident_bytes(godwit);
    printf("\n%d idle subscribers, after %.1f heartbeats each: %.0f resident bytes each (the "
           "server grew from %ld to %ld KiB)\n",
           IDLE_COUNT, (double)answered / IDLE_COUNT, (double)(after - before) / IDLE_COUNT,
           before / 1024, after / 1024);
    load_close(all);
    load_close(first);
    server_stop(godwit, SIGKILL);
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : ROUNDS_DEFAULT;
    double seconds = argc > 3 ? atof(argv[3]) : ROUND_S;
    const char *only = argc > 4 ? argv[4] : "";

    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX || seconds <= 0) {
        fprintf(stderr, "usage: bench GODWIT [ROUNDS 1..%d [SECONDS [PART-OF-A-NAME]]]\n",
                ROUNDS_MAX);
        return 2;
    }
    server_pin_load();
    print_head(rounds, seconds);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (strstr(shapes[i].name, only))
            run_shape(&shapes[i], argv[1], rounds, seconds);
    if (strstr("idle", only))
        run_idle(argv[1]);
    return 0;
}
