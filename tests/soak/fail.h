/* fail.h - a claim that does not hold ends the run, with a sentence that says which.
 *
 * Threads: any. */
#ifndef GW_SOAK_FAIL_H
#define GW_SOAK_FAIL_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 1, 2))) static inline _Noreturn void fail(const char *format, ...)
{
    va_list args;

    fflush(stdout); /* what went before comes before */
    fputs("FAILED: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

#endif
