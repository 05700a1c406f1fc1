/* bench.c - Godwit beside a bare epoll server, in one run.
 *
 * Machines are noisy and differ, so no figure stands alone: both servers run at the same time,
 * pinned to one core, and take turns under the same load from the other; what counts is messages
 * per second of *server CPU* (user and system), and the ratio of the two round by round. Then
 * 15,000 idle subscribers, and what each costs in resident memory. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bare.h"
#include "load.h"

#define ROUNDS_MAX 99
#define IDLE_COUNT 15000
#define IDLE_S     7 /* every one of them gets and answers a heartbeat meanwhile */
#define IDLE_PINGS "--ping-interval=4s"

struct server {
    pid_t pid;
    uint16_t port;
};

struct shape {
    const char *name;
    struct load load;
};

static const struct shape shapes[] = {
    {"echo     64 x 32 B, one at a time", {.conn_count = 64, .depth = 1, .message_len = 32}},
    {"echo     64 x 32 B, 16 in flight", {.conn_count = 64, .depth = 16, .message_len = 32}},
    {"echo  1,000 x 125 B, one at a time", {.conn_count = 1000, .depth = 1, .message_len = 125}},
    {"echo     64 x 16 KiB binary",
     {.conn_count = 64, .depth = 1, .message_len = 16384, .binary = true}},
    {"fan-out 1 to 1,000, 128 B",
     {.conn_count = 1000, .depth = 1, .message_len = 128, .fan_out = true}},
    {"fan-out 1 to 1,000, 128 B, 16 in flight",
     {.conn_count = 1000, .depth = 16, .message_len = 128, .fan_out = true}},
};

/* --- Servers --- */

static void pin_to(int core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    (void)sched_setaffinity(0, sizeof(set), &set); /* with one core only, all share it */
}

static struct server start_bare(bool fan_out)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct server server;

    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 4096) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0) {
        perror("bench: bare server");
        exit(1);
    }
    server.port = ntohs(address.sin_port);
    server.pid = fork();
    if (server.pid == 0) {
        pin_to(0);
        bare_serve(listener, fan_out);
    }
    close(listener);
    return server;
}

/* Reads the port from the line in which it says where it listens. */
static uint16_t read_port(int from)
{
    char text[4096];
    size_t len = 0;
    ssize_t got;
    const char *at;
    unsigned port;

    while (len < sizeof(text) - 1 && (got = read(from, text + len, sizeof(text) - 1 - len)) > 0) {
        len += (size_t)got;
        text[len] = '\0';
        at = strstr(text, "127.0.0.1:");
        if (at && strchr(at, '\n') && sscanf(at, "127.0.0.1:%u", &port) == 1)
            return (uint16_t)port;
    }
    fprintf(stderr, "bench: godwit did not say where it listens\n");
    exit(1);
}

static struct server start_godwit(const char *program, const char *flag)
{
    struct server server;
    int out[2];

    if (pipe(out) != 0) {
        perror("bench: pipe");
        exit(1);
    }
    server.pid = fork();
    if (server.pid == 0) {
        pin_to(0);
        dup2(out[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO); /* its log does not belong in our table */
        close(out[0]);
        execl(program, program, "serve", "--listen=127.0.0.1:0", "--message-rate=1000000",
              "--byte-rate=1GiB", flag, (char *)NULL);
        perror(program);
        _exit(127);
    }
    close(out[1]);
    server.port = read_port(out[0]);
    return server;
}

static void stop(struct server server)
{
    kill(server.pid, SIGKILL);
    waitpid(server.pid, NULL, 0);
}

/* CPU seconds of all threads of a process, to the nanosecond. */
static double cpu_of(pid_t pid)
{
    struct timespec spent = {0, 0};
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) == 0)
        clock_gettime(clock, &spent);
    return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

/* --- Rounds --- */

static double rate(struct load_conns *conns, struct server server, double seconds)
{
    double before = cpu_of(server.pid);
    uint64_t messages = load_run(conns, seconds);

    return (double)messages / (cpu_of(server.pid) - before);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void run_shape(const struct shape *shape, const char *program, int rounds, double seconds)
{
    struct server godwit = start_godwit(program, NULL);
    struct server bare = start_bare(shape->load.fan_out);
    struct load ours = shape->load, theirs = shape->load;
    struct load_conns *our_conns, *their_conns;
    double our_rate[ROUNDS_MAX], their_rate[ROUNDS_MAX], ratio[ROUNDS_MAX];

    ours.port = godwit.port;
    ours.path = ours.fan_out ? "/channels/bench" : "/echo";
    theirs.port = bare.port;
    our_conns = load_open(&ours);
    their_conns = load_open(&theirs);
    (void)rate(our_conns, godwit, seconds / 4); /* warm */
    (void)rate(their_conns, bare, seconds / 4);
    for (int i = 0; i < rounds; i++) {
        our_rate[i] = rate(our_conns, godwit, seconds);
        their_rate[i] = rate(their_conns, bare, seconds);
        ratio[i] = our_rate[i] / their_rate[i];
    }
    load_close(our_conns);
    load_close(their_conns);
    stop(godwit);
    stop(bare);
    double middle = median(ratio, rounds);
    printf("%-42s %11.0f %11.0f   %5.2f  (%.2f to %.2f)\n", shape->name, median(our_rate, rounds),
           median(their_rate, rounds), middle, ratio[0], ratio[rounds - 1]);
    fflush(stdout);
}

/* --- Idle memory --- */

static long resident_bytes(pid_t pid)
{
    char path[64], line[256];
    long kib = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib * 1024;
}

static void run_idle(const char *program)
{
    struct server godwit = start_godwit(program, IDLE_PINGS);
    struct load load = {.port = godwit.port, .path = "/channels/idle", .conn_count = 1, .depth = 1};
    struct load_conns *first = load_open(&load), *all;
    long before = resident_bytes(godwit.pid), after;
    uint64_t answered;

    load.conn_count = IDLE_COUNT;
    all = load_open(&load);
    answered = load_idle(all, IDLE_S);
    after = resident_bytes(godwit.pid);
    printf("\n%d idle subscribers, after %.1f heartbeats each: %.0f resident bytes each (the "
           "server grew "
           "from %ld to %ld KiB)\n",
           IDLE_COUNT, (double)answered / IDLE_COUNT, (double)(after - before) / IDLE_COUNT,
           before / 1024, after / 1024);
    load_close(all);
    load_close(first);
    stop(godwit);
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 9;
    double seconds = argc > 3 ? atof(argv[3]) : 0.7;
    const char *only = argc > 4 ? argv[4] : "";

    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX || seconds <= 0) {
        fprintf(stderr, "usage: bench GODWIT [ROUNDS 1..%d [SECONDS [PART-OF-A-NAME]]]\n",
                ROUNDS_MAX);
        return 2;
    }
    pin_to(1);
    printf(
        "Messages per second of server CPU; medians of %d interleaved rounds of %.1f s.\n\n%-42s "
        "%11s %11s   ratio\n",
        rounds, seconds, "", "godwit", "bare epoll");
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (strstr(shapes[i].name, only))
            run_shape(&shapes[i], argv[1], rounds, seconds);
    if (strstr("idle", only))
        run_idle(argv[1]);
    return 0;
}
