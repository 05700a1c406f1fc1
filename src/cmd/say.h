/* say.h - what the command says to the person who called it.
 *
 * Errors are one line on stderr that begins with `godwit: ` and says what to do next. Whatever they
 * quote is made harmless to a terminal first. Results are lines on stdout, written at once.
 *
 * Threads: the main one. */
#ifndef GW_CMD_SAY_H
#define GW_CMD_SAY_H

#include "core/str.h"

/* The exit statuses of every verb. */
enum gw_exit {
    GW_EXIT_GOOD = 0,
    GW_EXIT_FAILED = 1, /* it was tried, and did not work */
    GW_EXIT_USAGE = 2   /* it was asked wrongly: nothing was begun */
};

void gw_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says it, and returns GW_EXIT_USAGE or GW_EXIT_FAILED. */
int gw_say_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
int gw_say_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes all of `text` to `fd`, however often that takes. Returns 0 or -errno. */
int gw_put(int fd, struct gw_str text);

#endif
