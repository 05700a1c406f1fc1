#include "server/serve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "server/assembly.h"
#include "server/memory.h"
#include "server/options.h"

/* One worker is started yet; the simulator runs two and more. */
#define WORKERS 1

struct running {
    struct gw_assembly *assembly;
    struct gw_pen *pen;
    pthread_t threads[WORKERS];
    unsigned started;
    int failures[WORKERS]; /* what ended a worker before its time */
};

struct thread_start {
    struct running *running;
    unsigned index;
};

/* --- What is said --- */

static struct gw_now now(void)
{
    struct timespec mono, wall;

    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct gw_now){.mono_ns = (uint64_t)mono.tv_sec * GW_NS_PER_S + (uint64_t)mono.tv_nsec,
                           .wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000};
}

static void log_error(struct gw_pen *pen, const char *kind, const char *words, const char *key,
                      const char *value, int error)
{
    struct gw_logline line;

    if (!gw_pen_begin(pen, &line, now(), GW_LOG_ERROR, kind, words))
        return;
    if (key)
        gw_logline_str(&line, key, GW_STR(value));
    gw_logline_str(&line, "error", GW_STR(gw_strerror(error)));
    gw_pen_end(pen, &line);
}

static void log_fewer(struct gw_pen *pen, uint32_t connections)
{
    struct gw_logline line;

    if (!gw_pen_begin(pen, &line, now(), GW_LOG_WARN, "start",
                      "fewer connections than max_connections: the descriptor limit (ulimit -n) is "
                      "too low for them"))
        return;
    gw_logline_u64(&line, "connections", connections);
    gw_pen_end(pen, &line);
}

static void log_listening(struct gw_pen *pen, const char *address, bool open)
{
    struct gw_logline line;

    if (!gw_pen_begin(pen, &line, now(), GW_LOG_INFO, "start", "listening"))
        return;
    gw_logline_str(&line, "address", GW_STR(address));
    gw_logline_str(&line, "mode", GW_STR(open ? "open" : "closed"));
    gw_logline_str(&line, "version", GW_STR(GW_VERSION));
    gw_pen_end(pen, &line);
}

static const char *mode_of(const struct gw_options *options)
{
    if (gw_options_is_open(options))
        return "Open mode: whoever is on this machine may subscribe and publish.";
    return options->api_keys.count > 0 ? "Publishing needs one of the api_keys."
                                       : "Nobody can publish: there are no api_keys.";
}

/* For the person who started it: where to look, and what to type. An address of all interfaces is
 * nothing to connect to, but this machine is behind it. */
static void greet(const union gw_address *listener, const struct gw_options *options)
{
    bool open = gw_options_is_open(options);
    char listens[GW_ADDRESS_TEXT_MAX], at[GW_ADDRESS_TEXT_MAX];
    union gw_address reach = *listener;

    gw_address_format(listens, listener);
    if (reach.any.sa_family == AF_INET && reach.in4.sin_addr.s_addr == htonl(INADDR_ANY))
        reach.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (reach.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&reach.in6.sin6_addr))
        reach.in6.sin6_addr = in6addr_loopback;
    gw_address_format(at, &reach);

    printf("Godwit " GW_VERSION " listens at %s.\n\n", listens);
    if (open)
        printf("  page      http://%s/\n", at);
    printf("  listen    new WebSocket(\"ws://%s/channels/lobby\")\n", at);
    printf("  publish   curl%s -d 'dinner is ready' http://%s/channels/lobby\n\n",
           open ? "" : " -H 'Authorization: Bearer YOUR-API-KEY'", at);
    printf("%s Stop it with Ctrl-C.\n", mode_of(options));
    (void)fflush(stdout); /* a greeting that nobody can read is no reason to stop */
}

static void tell_addresses(const struct running *running, const struct gw_options *options)
{
    const struct gw_worker *worker = running->assembly->workers[0];

    for (unsigned i = 0; i < worker->listener_count; i++) {
        char text[GW_ADDRESS_TEXT_MAX];
        union gw_address address;

        if (gw_loop_local_address(worker->loop, worker->listeners[i], &address) != 0)
            address = options->listen[i];
        gw_address_format(text, &address);
        log_listening(running->pen, text, gw_options_is_open(options));
        if (i == 0)
            greet(&address, options);
    }
}

/* --- Threads --- */

static void *run_worker(void *ctx)
{
    struct thread_start start = *(struct thread_start *)ctx;
    struct gw_worker *worker = start.running->assembly->workers[start.index];
    int status = 0;

    free(ctx);
    while (status == 0 && !gw_worker_gone(worker))
        status = gw_worker_turn(worker);
    start.running->failures[start.index] = status;
    if (status != 0)
        kill(getpid(), SIGTERM); /* the others must not go on without it */
    return NULL;
}

static int start_workers(struct running *running)
{
    for (unsigned i = 0; i < running->assembly->worker_count; i++) {
        struct thread_start *start = malloc(sizeof(*start));
        int status;

        if (!start)
            return -ENOMEM;
        *start = (struct thread_start){running, i};
        status = pthread_create(&running->threads[i], NULL, run_worker, start);
        if (status != 0) {
            free(start);
            return -status;
        }
        running->started++;
    }
    return 0;
}

static int join_workers(struct running *running)
{
    int status = 0;

    for (unsigned i = 0; i < running->started; i++) {
        pthread_join(running->threads[i], NULL);
        if (running->failures[i] != 0) {
            status = running->failures[i];
            log_error(running->pen, "loop", "a worker failed", NULL, NULL, status);
        }
    }
    return status;
}

/* --- Signals --- */

/* Blocked in all threads, so that they reach nobody but wait_for_end(). */
static sigset_t block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return set;
}

static void wait_for_end(struct running *running, const sigset_t *set)
{
    struct gw_pen *pen = running->pen;
    sigset_t second = *set;
    int number = 0;

    while (sigwait(set, &number) == 0 && number == SIGHUP)
        gw_pen_say(pen, now(), GW_LOG_WARN, "reload",
                   "SIGHUP: nothing can be reloaded yet; restart to change a setting");
    gw_pen_say(pen, now(), GW_LOG_INFO, "stop",
               number == SIGINT ? "SIGINT: saying goodbye" : "SIGTERM: saying goodbye");
    gw_assembly_drain(running->assembly);
    /* From here on a second one of these ends the process at once; a terminal that goes does not.
     */
    sigdelset(&second, SIGHUP);
    pthread_sigmask(SIG_UNBLOCK, &second, NULL);
}

/* --- The whole --- */

/* As many descriptors as may be had. */
static uint64_t raise_descriptors(void)
{
    struct rlimit limit = {1024, 1024};

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

static int make_assembly(struct running *running, const struct gw_options *options,
                         struct gw_loop **loops)
{
    struct gw_assembly_options made = {
        .alloc = &gw_alloc_std,
        .options = options,
        .loops = loops,
        .worker_count = WORKERS,
        .mailbox_slots = GW_ASSEMBLY_MAILBOX_SLOTS,
        .connections_max = gw_options_connections(options, raise_descriptors()),
        .memory_bytes = gw_memory_bytes(),
        .pen = running->pen,
    };
    char text[GW_ADDRESS_TEXT_MAX];
    int failed;
    int status;

    if (made.connections_max < options->max_connections)
        log_fewer(running->pen, made.connections_max);
    if (getrandom(made.seed, sizeof(made.seed), 0) != (ssize_t)sizeof(made.seed))
        return -EIO;
    status = gw_assembly_new(&running->assembly, &made, &failed);
    if (status != 0 && failed >= 0) {
        gw_address_format(text, &options->listen[failed]);
        log_error(running->pen, "listen",
                  status == -EADDRINUSE
                      ? "cannot listen: something else does already; stop it, or choose another "
                        "--listen=HOST:PORT"
                      : "cannot listen",
                  "address", text, status);
    } else if (status != 0)
        log_error(running->pen, "start", "cannot start", NULL, NULL, status);
    return status;
}

static int run(struct running *running, const struct gw_options *options, const sigset_t *set)
{
    int status = start_workers(running);
    int failed;

    if (status == 0) {
        tell_addresses(running, options);
        wait_for_end(running, set);
    } else
        gw_assembly_drain(running->assembly);
    failed = join_workers(running);
    if (status == 0 && failed == 0)
        gw_pen_say(running->pen, now(), GW_LOG_INFO, "stop", "gone");
    return status != 0 ? status : failed;
}

int gw_serve(const struct gw_options *options)
{
    const struct gw_loop_options loop = {.notsent_lowat = options->notsent_lowat_bytes,
                                         .share_port = WORKERS > 1};
    struct gw_loop *loops[WORKERS] = {NULL};
    struct running running = {.pen = NULL};
    struct gw_pen pen;
    sigset_t set = block_signals();
    int status = 0;

    gw_pen_init(&pen, STDERR_FILENO, options->log_rate, GW_LOG_INFO);
    running.pen = &pen;
    for (unsigned i = 0; i < WORKERS && status == 0; i++)
        status = gw_loop_epoll_new(&loops[i], &gw_alloc_std, &loop);
    if (status == 0)
        status = make_assembly(&running, options, loops);
    else
        log_error(&pen, "start", "cannot make an event loop", NULL, NULL, status);
    if (status == 0)
        status = run(&running, options, &set);
    gw_assembly_free(running.assembly);
    for (unsigned i = 0; i < WORKERS; i++)
        gw_loop_free(loops[i]);
    return status;
}
