/* parts.h - a long walk cut into parts, two at a time, told as TAP.
 *
 * Each part is one case and runs in a process of its own: it begins with the tables that were made
 * before, leaves nothing behind, and may crash without taking the others along. The line of a part
 * appears when the part ends, which is all the progress that a walk of minutes needs.
 *
 *     int main(int argc, char **argv)
 *     {
 *         static const struct parts quick = {1, name_of_part, run_part}, all = {16, ...};
 *         return parts_main(parts_wants_all(argc, argv) ? &all : &quick);
 *     }
 *
 * Threads: the main one; a part may not rely on what another one wrote. */
#ifndef TESTS_EXHAUSTIVE_PARTS_H
#define TESTS_EXHAUSTIVE_PARTS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PARTS_AT_ONCE  2
#define PARTS_MAX      96
#define PARTS_NAME_MAX 128
#define PARTS_TOLD_MAX 5 /* disagreements of one part that are told */

struct parts {
    unsigned count;
    void (*name)(unsigned part, char out[PARTS_NAME_MAX]);
    void (*run)(unsigned part); /* calls parts_disagree() for what is wrong */
};

static unsigned long parts_wrong; /* of the part that this process runs */

/* Counts a disagreement, and tells of the first few. */
static inline void __attribute__((format(printf, 1, 2))) parts_disagree(const char *format, ...)
{
    va_list args;

    if (parts_wrong++ >= PARTS_TOLD_MAX)
        return;
    va_start(args, format);
    printf("# ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

/* Bytes as text, for parts_disagree(). At most 16 of them are shown. */
static inline const char *parts_show(const void *data, size_t len)
{
    static char text[16 * 3 + 1];
    const unsigned char *bytes = data;

    text[0] = '\0';
    for (size_t i = 0; i < len && i < 16; i++)
        (void)snprintf(text + i * 3, 4, "%02x ", bytes[i]);
    return text;
}

static inline double parts_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* it is there on every Linux */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline pid_t parts_start(const struct parts *parts, unsigned part)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    parts->run(part);
    if (parts_wrong > 0)
        printf("# %lu disagreements\n", parts_wrong);
    fflush(stdout);
    _exit(parts_wrong > 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Which of the running parts is this process? */
static inline unsigned parts_index_of(const pid_t pids[PARTS_MAX], unsigned count, pid_t pid)
{
    unsigned i = 0;

    while (i < count && pids[i] != pid)
        i++;
    return i;
}

/* Runs them all; what main() returns. */
static inline int parts_main(const struct parts *parts)
{
    pid_t pids[PARTS_MAX] = {0};
    double began[PARTS_MAX];
    unsigned started = 0, ended = 0, failed = 0;

    if (parts->count == 0 || parts->count > PARTS_MAX)
        return EXIT_FAILURE;
    printf("1..%u\n", parts->count);
    while (ended < parts->count) {
        char name[PARTS_NAME_MAX];
        unsigned part;
        int status;
        bool good;

        fflush(stdout); /* or a child would print it again */
        while (started < parts->count && started - ended < PARTS_AT_ONCE) {
            began[started] = parts_now();
            pids[started] = parts_start(parts, started);
            if (pids[started++] < 0)
                return EXIT_FAILURE;
        }
        part = parts_index_of(pids, started, wait(&status));
        if (part == started)
            return EXIT_FAILURE;
        good = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
        failed += !good;
        ended++;
        parts->name(part, name);
        printf("%sok %u - %s (%.1f s)\n", good ? "" : "not ", ended, name,
               parts_now() - began[part]);
    }
    fflush(stdout);
    return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* `all` as the only argument asks for the walk that takes minutes. */
static inline bool parts_wants_all(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[1], "all") == 0;
}

#endif
