/* main.c - the program: which verb was meant.
 *
 * `godwit` alone, or with nothing but options, is `godwit serve`.
 *
 * Threads: the main one. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/check.h"
#include "cmd/help.h"
#include "cmd/pub.h"
#include "cmd/say.h"
#include "cmd/serve.h"
#include "cmd/sub.h"

static int run_help(char *const *argv)
{
    if (argv[0] && argv[1])
        return gw_say_usage("help takes one topic: serve, check, options, pub or sub");
    return gw_help_print(argv[0]);
}

static const struct {
    const char *name;
    int (*run)(char *const *argv);
} verbs[] = {
    {"serve", gw_cmd_serve}, {"check", gw_cmd_check}, {"pub", gw_cmd_pub},
    {"sub", gw_cmd_sub},     {"help", run_help},
};

static bool asks_for_help(char *const *argv)
{
    for (; *argv && strcmp(*argv, "--") != 0; argv++)
        if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
            return true;
    return false;
}

static int run_verb(const char *name, char *const *argv)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(name, verbs[i].name) != 0)
            continue;
        if (asks_for_help(argv))
            return gw_help_print(verbs[i].run == run_help ? NULL : name);
        return verbs[i].run(argv);
    }
    return gw_say_usage("there is no verb \"%.64s\": there are serve, check, pub, sub and help",
                        name);
}

/* A caller may have closed them. The next socket would then be our stdout, and get what is
 * meant for a person. */
static void keep_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", O_RDWR); /* the lowest free descriptor: this one */
}

static int run(int argc, char **argv)
{
    if (argc < 2)
        return run_verb("serve", argv + argc); /* nothing behind it */
    if (strcmp(argv[1], "--version") == 0) {
        puts("godwit " GW_VERSION);
        return GW_EXIT_GOOD;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return gw_help_print(NULL);
    if (argv[1][0] == '-')
        return run_verb("serve", argv + 1);
    return run_verb(argv[1], argv + 2);
}

int main(int argc, char **argv)
{
    int status;

    keep_standard_files();
    status = run(argc, argv);
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno == EPIPE) /* whoever reads has had enough */
        return status;
    return gw_say_failed("cannot write all to stdout: is the disk full?");
}
