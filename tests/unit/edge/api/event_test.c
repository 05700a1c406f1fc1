/* event_test.c - an event's name is 1 to 64 characters, none of which breaks a line or a terminal,
 * and not one of the server's own. */
#include "edge/api/event.h"

#include <string.h>

#include "lib/suite.h"

#define C16                                                                                        \
    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3" \
    "\xa9"                                                                                         \
    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" /* 16 characters of two bytes */

static const struct {
    const char *name;
    size_t len; /* 0: all of it */
    bool good;
} names[] = {
    {"a", 0, true},
    {"meal time", 0, true},
    {"messages", 0, true},
    {"Reset", 0, true},
    {C16 C16 C16 C16, 0, true},
    {C16 C16 C16 C16 "x", 0, false},
    {"\xf0\x9f\x90\xa6", 0, true},
    {"\xc2\xa0", 0, true}, /* the first behind C1 */
    {"", 0, false},
    {"a\tb", 0, false},
    {"a\nb", 0, false},
    {"a\0b", 3, false},
    {"\x1f", 0, false},
    {"\x7f", 0, false},
    {"\xc2\x80", 0, false},
    {"\xc2\x9f", 0, false},
    {"\xff", 0, false},
    {"\xc2", 0, false},
    {"reset", 0, false},
    {"binary", 0, false},
    {"error", 0, false},
    {"open", 0, false},
    {"message", 0, false},
};

START_TEST(a_name_is_good_or_it_is_said_why_not)
{
    size_t len = names[_i].len > 0 ? names[_i].len : strlen(names[_i].name);

    ck_assert_int_eq(gw_event_fault((struct gw_str){names[_i].name, len}) == NULL, names[_i].good);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_name_is_good_or_it_is_said_why_not, 0, SUITE_ROWS(names));
}

int main(void)
{
    return suite_main("edge/api/event", fill);
}
