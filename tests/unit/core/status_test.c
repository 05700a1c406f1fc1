/* status_test.c - every error has a name, and the version is the one that was built. */
#include "godwit/status.h"
#include "godwit/version.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/suite.h"

static const struct {
    int status;
    const char *phrase;
} known[] = {
    {0, "success"},
    {1, "success"},
    {INT_MAX, "success"},
    {-EINVAL, "Invalid argument"},
    {-ENOMEM, "Cannot allocate memory"},
    {-ECONNRESET, "Connection reset by peer"},
    {-4095, "unknown error"},
    {-4096, "unknown error"},
    {GW_ERR_FIRST + 1, "unknown error"},
    {GW_ERR_TAKEN - 1, "unknown error"},
    {INT_MIN, "unknown error"},
};

START_TEST(numbers_of_both_kinds_have_a_phrase)
{
    ck_assert_str_eq(gw_strerror(known[_i].status), known[_i].phrase);
}
END_TEST

START_TEST(each_of_our_errors_has_a_phrase_of_its_own)
{
    for (int a = GW_ERR_FIRST; a >= GW_ERR_TAKEN; a--) {
        ck_assert_str_ne(gw_strerror(a), "unknown error");
        for (int b = a - 1; b >= GW_ERR_TAKEN; b--)
            ck_assert_str_ne(gw_strerror(a), gw_strerror(b));
    }
}
END_TEST

START_TEST(the_header_and_the_build_agree_on_the_version)
{
    ck_assert_str_eq(gw_version(), GW_VERSION);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, numbers_of_both_kinds_have_a_phrase, 0, SUITE_ROWS(known));
    tcase_add_test(tests, each_of_our_errors_has_a_phrase_of_its_own);
    tcase_add_test(tests, the_header_and_the_build_agree_on_the_version);
}

int main(void)
{
    return suite_main("core/status", fill);
}
