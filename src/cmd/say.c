/* say.c - see say.h. */
#include "cmd/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "server/complaint.h"

static void say(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void say(const char *format, va_list args)
{
    struct gw_complaint line;

    gw_complaint_vset(&line, format, args);
    (void)fprintf(stderr, "godwit: %s\n", line.text); /* nobody is left to be told that it failed */
}

void gw_say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
}

int gw_say_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
    return GW_EXIT_USAGE;
}

int gw_say_failed(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
    return GW_EXIT_FAILED;
}

int gw_put(int fd, struct gw_str text)
{
    while (text.len > 0) {
        ssize_t put = write(fd, text.data, text.len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        text = (struct gw_str){text.data + put, text.len - (size_t)put};
    }
    return 0;
}
