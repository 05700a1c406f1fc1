/* seeds.c - sim_seeds: runs the simulator over many seeds, and says what it has met.
 *
 *     sim_seeds [--seeds=N] [--first=SEED] [--jobs=N] [--tap] [SCENARIO[:SEED]]
 *
 * N runs are spread over all scenarios (or those of one). They go through `--jobs` processes, and a
 * run that fails ends its process: another takes its place, so that one failure does not hide the
 * next. A failure is followed by the command that repeats it; with SIM_TRACE=1 in front of that, it
 * tells what happens, one line an event.
 *
 * It fails when a run fails, when a run that is repeated is not the same to the last byte, and,
 * with enough runs to expect it, when one of the counters (counts.h) is still 0 at the end.
 *
 * Threads: one in each process. */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/seam.h"
#include "sim/counts.h"
#include "sim/must.h"
#include "sim/scenarios.h"

#define JOBS_MAX       64
#define SCENARIOS_MAX  64
#define REPLAY_EVERY   29  /* runs; prime to the number of scenarios, so that all have their turn */
#define RUN_SECONDS    120 /* a run that takes so long hangs */
#define FAILURES_MAX   20
#define COUNTED_RUNS   200 /* from so many on each counter must have moved */
#define NAME_MAX_BYTES 64
#define PATH_MAX_BYTES 4096

static struct {
    uint64_t seeds, first;
    unsigned jobs;
    bool tap;
    int only; /* scenario, or -1 */
    bool one; /* run: seed `first` of `only` */
    char program[PATH_MAX_BYTES];
} ask = {.seeds = 300, .first = 1, .jobs = 2, .only = -1};

/* What the processes share. */
struct job {
    uint64_t next; /* the run it is at, or will begin with */
    uint64_t replayed;
    struct sim_counts counts;
};

static struct {
    struct job jobs[JOBS_MAX];
    unsigned failed[SCENARIOS_MAX];
} * shared;

static pid_t pids[JOBS_MAX];

/* --- One run --- */

static unsigned scenario_of(uint64_t run)
{
    return ask.only >= 0 ? (unsigned)ask.only : (unsigned)(run % scenario_count);
}

static uint64_t seed_of(uint64_t run)
{
    return ask.first + (ask.only >= 0 ? run : run / scenario_count);
}

static void write_replay(char *out, size_t room, unsigned scenario, uint64_t seed)
{
    snprintf(out, room, "SIM_TRACE=1 %s %s:%llu", ask.program, scenarios[scenario].name,
             (unsigned long long)seed);
}

static void do_run(struct job *job, unsigned scenario, uint64_t seed, bool twice)
{
    char replay[PATH_MAX_BYTES + NAME_MAX_BYTES];
    uint64_t trace;

    write_replay(replay, sizeof(replay), scenario, seed);
    alarm(RUN_SECONDS);
    trace = world_run(&scenarios[scenario], seed, replay, &job->counts);
    if (twice) {
        struct sim_counts other = {0};

        must(world_run(&scenarios[scenario], seed, replay, &other) == trace,
             "%s:%llu was another run when it was repeated", scenarios[scenario].name,
             (unsigned long long)seed);
        job->replayed++;
    }
    alarm(0);
}

/* --- Many runs --- */

static _Noreturn void work(struct job *job)
{
    for (; job->next < ask.seeds; job->next += ask.jobs)
        do_run(job, scenario_of(job->next), seed_of(job->next), job->next % REPLAY_EVERY == 0);
    _exit(EXIT_SUCCESS);
}

static void begin_job(unsigned index)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(EXIT_FAILURE);
    }
    if (pid == 0)
        work(&shared->jobs[index]);
    pids[index] = pid;
}

static unsigned job_of(pid_t pid)
{
    unsigned index = 0;

    while (index < ask.jobs && pids[index] != pid)
        index++;
    return index;
}

/* Says what failed; true when the process had more to do. */
static bool count_failure(struct job *job, int status)
{
    unsigned scenario = scenario_of(job->next);
    char replay[PATH_MAX_BYTES + NAME_MAX_BYTES];

    write_replay(replay, sizeof(replay), scenario, seed_of(job->next));
    printf("# run %llu failed, by %s %d: %s\n", (unsigned long long)job->next + 1,
           WIFSIGNALED(status) ? "signal" : "status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), replay);
    shared->failed[scenario]++;
    job->next += ask.jobs;
    return job->next < ask.seeds;
}

static unsigned failures(void)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < scenario_count; i++)
        sum += shared->failed[i];
    return sum;
}

static void run_all(void)
{
    unsigned running = 0;

    for (; running < ask.jobs; running++) {
        shared->jobs[running].next = running;
        begin_job(running);
    }
    while (running > 0) {
        int status;
        unsigned index = job_of(wait(&status));

        if (index == ask.jobs)
            continue;
        running--;
        if (status != 0 && count_failure(&shared->jobs[index], status) &&
            failures() < FAILURES_MAX) {
            begin_job(index);
            running++;
        }
    }
}

/* --- What came of it --- */

static struct sim_counts sum_up(uint64_t *replayed)
{
    struct sim_counts sum = {0};

    *replayed = 0;
    for (unsigned j = 0; j < ask.jobs; j++) {
        const struct job *job = &shared->jobs[j];

        for (unsigned i = 0; i < SIM_COUNT_KINDS; i++)
            sum.at[i] += job->counts.at[i];
        sum.events += job->counts.events;
        sum.turns += job->counts.turns;
        sum.simulated_ns += job->counts.simulated_ns;
        *replayed += job->replayed;
    }
    return sum;
}

/* Prints the counters; returns how many are 0. */
static unsigned print_counts(const struct sim_counts *counts)
{
#define WORDS(name, words) [SIM_##name] = words,
    static const char *const words[] = {SIM_COUNTS(WORDS)};
#undef WORDS
    unsigned zeros = 0;

    for (unsigned i = 0; i < SIM_COUNT_KINDS; i++) {
        printf("# %12llu  %s%s\n", (unsigned long long)counts->at[i], words[i],
               counts->at[i] == 0 ? "   <- never" : "");
        zeros += counts->at[i] == 0;
    }
    return zeros;
}

static void print_case(bool good, unsigned number, const char *name)
{
    if (ask.tap)
        printf("%sok %u - %s\n", good ? "" : "not ", number, name);
    else if (!good)
        printf("failed: %s\n", name);
}

/* A case a scenario, and one for the counters. Returns how many failed. */
static unsigned report(double seconds)
{
    uint64_t replayed;
    struct sim_counts counts = sum_up(&replayed);
    bool whole = ask.only < 0 && ask.seeds >= COUNTED_RUNS;
    unsigned failed = 0, zeros;

    for (unsigned i = 0; i < scenario_count; i++) {
        print_case(shared->failed[i] == 0, i + 1, scenarios[i].name);
        failed += shared->failed[i] > 0;
    }
    zeros = print_counts(&counts);
    print_case(zeros == 0 || !whole, scenario_count + 1, "the hard places are reached");
    failed += zeros > 0 && whole;
    printf("# %llu seeds in %.1f s, %u failed; %llu run twice, and the same\n",
           (unsigned long long)ask.seeds, seconds, failures(), (unsigned long long)replayed);
    printf("# %.0f events and %.0f turns a second; %.0f simulated seconds a second\n",
           (double)counts.events / seconds, (double)counts.turns / seconds,
           (double)counts.simulated_ns / 1e9 / seconds);
    if (ask.tap)
        printf("1..%u\n", scenario_count + 1);
    else
        printf("%u passed, %u failed\n", scenario_count + 1 - failed, failed);
    return failed;
}

/* --- What is asked for --- */

static _Noreturn void refuse(const char *argument)
{
    fprintf(stderr,
            "sim_seeds: %s? I know --seeds=N --first=SEED --jobs=N --tap SCENARIO[:SEED]; "
            "scenarios:",
            argument);
    for (unsigned i = 0; i < scenario_count; i++)
        fprintf(stderr, " %s", scenarios[i].name);
    fputc('\n', stderr);
    exit(2);
}

static bool number_after(const char *argument, const char *key, uint64_t *number)
{
    size_t len = strlen(key);
    char *end;

    if (strncmp(argument, key, len) != 0)
        return false;
    *number = strtoull(argument + len, &end, 10);
    if (end == argument + len || *end)
        refuse(argument);
    return true;
}

static void read_scenario(const char *argument)
{
    size_t len = strcspn(argument, ":");

    for (unsigned i = 0; i < scenario_count; i++)
        if (strlen(scenarios[i].name) == len && memcmp(scenarios[i].name, argument, len) == 0)
            ask.only = (int)i;
    if (ask.only < 0)
        refuse(argument);
    ask.one = argument[len] == ':' && number_after(argument + len, ":", &ask.first);
}

static void read_arguments(int argc, char **argv)
{
    uint64_t jobs = ask.jobs;

    if (!realpath(argv[0], ask.program))
        snprintf(ask.program, sizeof(ask.program), "%s", argv[0]);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tap") == 0)
            ask.tap = true;
        else if (!number_after(argv[i], "--seeds=", &ask.seeds) &&
                 !number_after(argv[i], "--first=", &ask.first) &&
                 !number_after(argv[i], "--jobs=", &jobs))
            read_scenario(argv[i]);
    }
    if (jobs == 0 || jobs > JOBS_MAX)
        refuse("so many jobs");
    ask.jobs = (unsigned)jobs;
}

static double now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* that clock is always there */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    double began = now_s();

    read_arguments(argc, argv);
    /* A world takes and gives back megabytes: not each time from and to the kernel. */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || scenario_count > SCENARIOS_MAX) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (ask.one) {
        do_run(&shared->jobs[0], (unsigned)ask.only, ask.first, !must_telling());
        printf("%s:%llu holds\n", scenarios[ask.only].name, (unsigned long long)ask.first);
        return EXIT_SUCCESS;
    }
    run_all();
    return report(now_s() - began) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
