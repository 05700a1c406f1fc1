/* suite.h - the main() of a test program with one suite of one case.
 *
 *     static void fill(TCase *tests)
 *     {
 *         tcase_add_test(tests, last_unref_frees);
 *         tcase_add_loop_test(tests, limits_are_kept, 0, SUITE_ROWS(limits));
 *     }
 *
 *     int main(void)
 *     {
 *         return suite_main("core/msgbuf", fill);
 *     }
 *
 * Threads: the main one. */
#ifndef TESTS_LIB_SUITE_H
#define TESTS_LIB_SUITE_H

#include <check.h>
#include <stdlib.h>

/* How many rows a table has: what a loop test over it runs to. */
#define SUITE_ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

static inline int suite_main(const char *name, void (*fill)(TCase *tests))
{
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create(name);
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    fill(tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
