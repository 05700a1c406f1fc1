#include "server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "quit.h"

#define ARGS_MAX 31

static void pin_to(int core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    (void)sched_setaffinity(0, sizeof(set), &set); /* with one core only, all share it */
}

void server_pin_load(void)
{
    pin_to(1);
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
    errno = 0;
    quit("the server did not say where it listens");
}

/* In the child. It dies with us, however we end. */
static void become_server(void)
{
    pin_to(0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* exec() promises to leave its arguments alone, but its type does not. */
static void run_program(const char *const argv[])
{
    char *copies[ARGS_MAX + 1] = {NULL};

    for (size_t i = 0; argv[i] && i < ARGS_MAX; i++)
        copies[i] = strdup(argv[i]);
    execvp(copies[0], copies);
}

/* Our end of the pipe stays open, lest the server's last words fail. */
struct server server_start(const char *const argv[])
{
    struct server server;
    int out[2];

    if (pipe2(out, O_CLOEXEC) != 0)
        quit("pipe");
    server.pid = fork();
    if (server.pid == 0) {
        become_server();
        dup2(out[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO); /* its log does not belong in our table */
        run_program(argv);
        _exit(127);
    }
    close(out[1]);
    server.port = read_port(out[0]);
    return server;
}

struct server server_start_bare(const struct bare *bare)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct server server;

    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 4096) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        quit("bare server");
    server.port = ntohs(address.sin_port);
    server.pid = fork();
    if (server.pid == 0) {
        become_server();
        bare_serve(listener, bare);
    }
    close(listener);
    return server;
}

void server_stop(struct server server, int signal)
{
    kill(server.pid, signal);
    waitpid(server.pid, NULL, 0);
}

double server_cpu_s(struct server server)
{
    struct timespec spent = {0, 0};
    clockid_t clock;

    errno = clock_getcpuclockid(server.pid, &clock);
    if (errno != 0 || clock_gettime(clock, &spent) != 0)
        quit("CPU time of the server");
    return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

long server_resident_bytes(struct server server)
{
    char path[64], line[256];
    long kib = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)server.pid);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib * 1024;
}
