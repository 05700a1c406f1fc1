#include "sim/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/net.h"

static const char *replay_with;
static const struct sim_net *clock_net;

static double now_ms(void)
{
    return clock_net ? (double)sim_net_now(clock_net) / (double)GW_NS_PER_MS : 0;
}

void must_begin(const char *replay, const struct sim_net *net)
{
    replay_with = replay;
    clock_net = net;
}

void must_end(void)
{
    replay_with = NULL;
    clock_net = NULL;
}

bool must_telling(void)
{
    static int wanted = -1;

    if (wanted < 0)
        wanted = getenv("SIM_TRACE") && strcmp(getenv("SIM_TRACE"), "0") != 0;
    return wanted > 0;
}

void must_tell(const char *who, unsigned which, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%12.3f  %s %-3u ", now_ms(), who, which);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void must_fail(const char *where, int line, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%s:%d: at %.3f ms: ", where, line, now_ms());
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nreplay: %s\n", replay_with ? replay_with : "(no run)");
    abort();
}
