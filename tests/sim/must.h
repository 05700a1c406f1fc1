/* must.h - what must hold in a simulated run, and what is told of it.
 *
 * A run is not a case of Check's: thousands of them go through one process. So what does not hold
 * is said, with the simulated time and the line that replays the run, and the process ends.
 *
 * With SIM_TRACE=1 in the environment a run also tells what happens in it, one line an event: the
 * time in milliseconds, who, what.
 *
 * Threads: one. */
#ifndef TESTS_SIM_MUST_H
#define TESTS_SIM_MUST_H

#include <stdbool.h>

struct sim_net;

/* Begins a run: `replay` is the command that repeats it, `net` has its clock; both borrowed until
 * must_end(). */
void must_begin(const char *replay, const struct sim_net *net);
void must_end(void);

bool must_telling(void);
void must_tell(const char *who, unsigned which, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

_Noreturn void must_fail(const char *where, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* must(holds, "client %u got nothing", index): the words say what is wrong if it does not. */
#define must(holds, ...) ((holds) ? (void)0 : must_fail(__FILE__, __LINE__, __VA_ARGS__))

/* tell("client", 3, "is cut"): nothing is formatted unless somebody listens. */
#define tell(who, which, ...) (must_telling() ? must_tell(who, which, __VA_ARGS__) : (void)0)

#endif
