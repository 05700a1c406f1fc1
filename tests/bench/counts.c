/* counts.c - how many instructions of user space the server spends on a message.
 *
 * Times differ from run to run; instructions hardly do. So a small change of the code, lost in the
 * benchmark's noise, shows here. The real server runs under callgrind while one load after the
 * other sends it N messages, and in another run 2 N: what it spends more in the second is theirs,
 * and start, handshakes and end cancel. One exchange follows the other, so that each turn of the
 * server has the same to do.
 *
 * What the kernel spends is not in it, and that is most of what a short message costs: `make bench`
 * tells of that. The figures stand in the tree (counts.txt). Compilers, libraries and processors
 * differ (callgrind knows AVX2, where the machine has it, but not AVX-512), so a figure fails only
 * where it grew by more than a quarter; the change printed is what to read. */
#include <signal.h>
#include <unistd.h>

#include "load.h"
#include "post.h"
#include "quit.h"
#include "server.h"

#define GROWTH_MAX  0.25
#define CROWD_COUNT 256
#define CROWD_PINGS "--ping-interval=328s" /* less up to a fifth, which is 65 s */

struct shape {
    const char *name;
    struct load load;
    bool http;        /* published over HTTP instead */
    unsigned batches; /* the N above; so many that what is kept of a channel is full long before */
};

static const struct shape shapes[] = {
    {"echo 32 B, one at a time", {.conn_count = 1, .depth = 1, .message_len = 32}, false, 8000},
    {"echo 32 B, 16 in flight", {.conn_count = 1, .depth = 16, .message_len = 32}, false, 4000},
    {"echo 125 B", {.conn_count = 1, .depth = 1, .message_len = 125}, false, 8000},
    {"echo 16 KiB binary",
     {.conn_count = 1, .depth = 1, .message_len = 16384, .binary = true},
     false,
     2000},
    {"echo 16 KiB text, deflated",
     {.conn_count = 1, .depth = 1, .message_len = 16384, .deflate = true},
     false,
     160},
    {"fan-out 1 to 100, 128 B, a delivery",
     {.conn_count = 100, .depth = 1, .message_len = 128, .fan_out = true},
     false,
     400},
    {"publish over HTTP, 128 B", {.message_len = 128}, true, 2000},
};

#define SHAPE_COUNT (sizeof(shapes) / sizeof(shapes[0]))

/* --- Counting --- */

/* A server under callgrind, which writes its total to `log`. */
static struct server start_counted(const char *program, bool deflate, FILE *log)
{
    char log_fd[32];
    const char *argv[] = {"valgrind",
                          "--tool=callgrind",
                          "--callgrind-out-file=/dev/null",
                          log_fd,
                          program,
                          "serve",
                          "--listen=127.0.0.1:0",
                          "--message-rate=1000000",
                          "--byte-rate=1GiB",
                          CROWD_PINGS,
                          "--drain=0s",
                          deflate ? "--deflate=on" : NULL,
                          NULL};

    snprintf(log_fd, sizeof(log_fd), "--log-fd=%d", fileno(log));
    return server_start(argv);
}

/* Connections that never say anything. Each turn the server looks for its next timer, in a wheel of
 * 65 s with a bit for each 16 ms, and what that costs depends on how far away it is. Theirs, for a
 * ping each, are spread evenly over the whole wheel, so that one is always near. */
static struct load_conns *open_crowd(uint16_t port)
{
    struct load load = {
        .port = port, .path = "/channels/idle", .conn_count = CROWD_COUNT, .depth = 1};

    return load_open(&load);
}

static double read_total(FILE *log)
{
    char line[256];
    double total = 0;

    rewind(log);
    while (fgets(line, sizeof(line), log)) {
        const char *at = strstr(line, "Collected : ");

        if (at && sscanf(at, "Collected : %lf", &total) == 1)
            return total;
    }
    errno = 0;
    quit("callgrind did not say what it counted");
}

/* What the server spends from its start to its end; and how many messages that were. */
static double instructions_of(const struct shape *shape, const char *program, unsigned batches,
                              uint64_t *messages)
{
    FILE *log = tmpfile();
    struct load load = shape->load;
    struct server server;
    double total;
    struct load_conns *crowd;

    if (!log)
        quit("temporary file");
    server = start_counted(program, load.deflate, log);
    crowd = open_crowd(server.port);
    load.port = server.port;
    load.path = load.fan_out ? "/channels/bench" : "/echo";
    if (shape->http) {
        post_run(server.port, load.message_len, batches);
        *messages = batches;
    } else {
        struct load_conns *conns = load_open(&load);

        *messages = load_run_batches(conns, batches);
        load_close(conns);
    }
    load_close(crowd);
    server_stop(server, SIGTERM);
    total = read_total(log);
    fclose(log);
    return total;
}

static double count_shape(const struct shape *shape, const char *program)
{
    uint64_t few, many;
    double less = instructions_of(shape, program, shape->batches, &few);
    double more = instructions_of(shape, program, 2 * shape->batches, &many);

    return (more - less) / (double)(many - few);
}

/* --- The figures kept in the tree: a line each, the name and the number; after # remarks --- */

static double kept_figure(const char *path, const char *name)
{
    FILE *file = fopen(path, "r");
    char line[256];
    double figure = 0;

    while (file && figure <= 0 && fgets(line, sizeof(line), file))
        if (strncmp(line, name, strlen(name)) == 0 &&
            sscanf(line + strlen(name), " %lf", &figure) != 1)
            figure = 0;
    if (file)
        fclose(file);
    return figure;
}

static void keep_figures(const char *path, const double figures[SHAPE_COUNT])
{
    FILE *file = fopen(path, "w");

    if (!file)
        quit("the file of figures");
    fprintf(file, "# Instructions of user space per message, counted by callgrind in the release "
                  "build of gcc.\n# `make counts` compares with these, `make counts KEEP=1` "
                  "replaces them.\n");
    for (size_t i = 0; i < SHAPE_COUNT; i++)
        fprintf(file, "%-38s %9.0f\n", shapes[i].name, figures[i]);
    if (fclose(file) != 0)
        quit("the file of figures");
}

/* --- Comparing --- */

/* Returns whether the figure is good enough. */
static bool print_row(const char *name, double now, double kept)
{
    double change = kept > 0 ? now / kept - 1 : 0;
    bool good = change <= GROWTH_MAX;

    if (kept > 0)
        printf("%-38s %9.0f %9.0f %+7.1f %%%s\n", name, now, kept, change * 100,
               good ? "" : "   grew too much");
    else
        printf("%-38s %9.0f %9s\n", name, now, "new");
    fflush(stdout);
    return good;
}

static void show_progress(const char *name)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s\033[K%s", name, *name ? " ..." : "");
}

int main(int argc, char **argv)
{
    double figures[SHAPE_COUNT];
    int failed = 0;

    if (argc < 3 || argc > 4 || (argc == 4 && strcmp(argv[3], "keep") != 0)) {
        fprintf(stderr, "usage: counts GODWIT FILE-OF-FIGURES [keep]\n");
        return 2;
    }
    server_pin_load();
    printf("Instructions of user space per message, and those kept in the tree.\n\n%-38s %9s %9s "
           "%9s\n",
           "", "now", "kept", "change");
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        show_progress(shapes[i].name);
        figures[i] = count_shape(&shapes[i], argv[1]);
        show_progress("");
        failed += !print_row(shapes[i].name, figures[i], kept_figure(argv[2], shapes[i].name));
    }
    if (argc == 4) {
        keep_figures(argv[2], figures);
        printf("kept\n");
        return 0;
    }
    printf("%d passed, %d failed\n", (int)SHAPE_COUNT - failed, failed);
    return failed ? 1 : 0;
}
