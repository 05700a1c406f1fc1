/* quit.h - a measurement that cannot be trusted ends at once, and says why.
 *
 * Threads: any. */
#ifndef GW_BENCH_QUIT_H
#define GW_BENCH_QUIT_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names the system's error where `errno` has one: set it to 0 where it does not count. */
static inline _Noreturn void quit(const char *what)
{
    fprintf(stderr, "bench: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

#endif
