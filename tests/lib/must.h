/* must.h - an assertion for where it holds a million times.
 *
 * ck_assert() writes a word to its parent each time that it holds, which is a system call.
 *
 * Threads: the test's. */
#ifndef TESTS_LIB_MUST_H
#define TESTS_LIB_MUST_H

#include <check.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s", #condition);                                                        \
    } while (0)

#endif
