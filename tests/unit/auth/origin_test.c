/* origin_test.c - which hosts are answered, and which pages may ask. */
#include "auth/auth.h"

#include <check.h>
#include <stdlib.h>

static const struct {
    const char *host;
    bool loopback;
} hosts[] = {
    {"localhost", true},
    {"LOCALHOST", true},
    {"LocalHost:9880", true},
    {"localhost.", true},
    {"localhost.:9880", true},
    {"app.localhost", true},
    {"a.b.Localhost.:80", true},
    {"127.0.0.1", true},
    {"127.0.0.1:9880", true},
    {"127.1.2.3", true},
    {"127.255.255.255", true},
    {"[::1]", true},
    {"[::1]:9880", true},
    {"", false},
    {".", false},
    {":9880", false},
    {"evil.com", false},
    {"127.0.0.1.evil.com", false},
    {"localhost.evil.com", false},
    {"evillocalhost", false},
    {"evil-localhost", false},
    {".localhost", false},
    {"localhost..", false},
    {"localhost:99999", false},
    {"localhost:", false},
    {"localhost:80@evil.com", false},
    {"localhost@evil.com", false},
    {"evil.com@localhost", false},
    {"localhost/", false},
    {"localhost evil.com", false},
    {"localhost,evil.com", false},
    {"localhost\t", false},
    {"0.0.0.0", false},
    {"128.0.0.1", false},
    {"126.255.255.255", false},
    {"10.0.0.1", false},
    {"127.0.0.1.", false},
    {"127.0.0.256", false},
    {"127.0.0.01", false},
    {"0127.0.0.1", false},
    {"0x7f.0.0.1", false},
    {"0x7f000001", false},
    {"2130706433", false},
    {"017700000001", false},
    {"127.1", false},
    {"127", false},
    {"[::]", false},
    {"[::2]", false},
    {"::1", false},
    {"[::1", false},
    {"[::1]evil.com", false},
    {"[::1].evil.com", false},
    {"[::ffff:127.0.0.1]", false},
    {"[::ffff:7f00:1]", false},
    {"[0:0:0:0:0:0:0:1]", false},
    {"[::1%25lo]", false},
};

START_TEST(open_mode_answers_loopback_hosts_alone)
{
    const struct gw_auth open = {.open = true}, closed = {.open = false};
    struct gw_str host = GW_STR(hosts[_i].host);

    ck_assert_msg(gw_auth_is_loopback(host) == hosts[_i].loopback, "%s", hosts[_i].host);
    ck_assert_msg(gw_auth_host_ok(&open, host) == hosts[_i].loopback, "%s", hosts[_i].host);
    ck_assert(gw_auth_host_ok(&closed, host));
}
END_TEST

static const struct gw_str listed[] = {
    {"https://Example.org", 19},
    {"http://dev.example.org:3000", 27},
    {"https://v6.example", 18},
    {"https://[2001:db8::1]:444", 25},
    {"chrome-extension://abcdef", 25},
    {"not an origin", 13},
    {"null", 4},
    {"*", 1},
};

enum mode { CLOSED, OPEN };

static const struct {
    enum mode mode;
    bool secure;
    const char *host, *origin;
    bool expect;
} origins[] = {
    /* The same origin as Host. */
    {CLOSED, false, "a.example", "http://a.example", true},
    {CLOSED, true, "a.example", "https://a.example", true},
    {CLOSED, false, "a.example", "http://a.example:80", true},
    {CLOSED, false, "a.example:80", "http://a.example", true},
    {CLOSED, true, "a.example:443", "https://a.example", true},
    {CLOSED, true, "a.example", "https://a.example:443", true},
    {CLOSED, false, "a.example:9880", "http://a.example:9880", true},
    {CLOSED, false, "a.example", "HTTP://A.EXAMPLE", true},
    {CLOSED, false, "A.Example", "http://a.example", true},
    {CLOSED, false, "a.example", "http://a.example.", true},
    {CLOSED, false, "a.example.", "http://a.example", true},
    {CLOSED, false, "a.example.:80", "http://a.example.:80", true},
    {CLOSED, false, "[2001:db8::2]:9880", "http://[2001:db8::2]:9880", true},
    {CLOSED, false, "[2001:DB8::2]", "http://[2001:db8::2]:80", true},
    {CLOSED, false, "127.0.0.1:9880", "http://127.0.0.1:9880", true},
    /* Another one. */
    {CLOSED, true, "a.example", "http://a.example", false},
    {CLOSED, false, "a.example", "https://a.example", false},
    {CLOSED, false, "a.example", "http://a.example:81", false},
    {CLOSED, false, "a.example:9880", "http://a.example", false},
    {CLOSED, false, "a.example:443", "https://a.example", false},
    {CLOSED, true, "a.example:80", "https://a.example", false},
    {CLOSED, false, "a.example", "http://b.example", false},
    {CLOSED, false, "a.example", "http://a.example.evil.com", false},
    {CLOSED, false, "a.example", "http://evil-a.example", false},
    {CLOSED, false, "a.example", "http://x.a.example", false},
    {CLOSED, false, "a.example", "http://a.example..", false},
    {CLOSED, false, "a.example", "ws://a.example", false},
    {CLOSED, false, "a.example", "ftp://a.example", false},
    {CLOSED, false, "", "http://a.example", false},
    {CLOSED, false, "[2001:db8::2]", "http://[2001:db8::3]", false},
    {CLOSED, false, "a.example", "http://localhost", false},
    {CLOSED, false, "a.example", "http://127.0.0.1:9880", false},
    /* None at all. */
    {CLOSED, false, "a.example", "null", false},
    {CLOSED, false, "a.example", "NULL", false},
    {CLOSED, false, "null", "null", false},
    {CLOSED, false, "a.example", "", false},
    {CLOSED, false, "", "", false},
    {CLOSED, false, "a.example", "*", false},
    {CLOSED, false, "a.example", "a.example", false},
    {CLOSED, false, "a.example", "//a.example", false},
    {CLOSED, false, "a.example", "http:a.example", false},
    {CLOSED, false, "a.example", "http:/a.example", false},
    {CLOSED, false, "a.example", "http://", false},
    {CLOSED, false, "a.example", "://a.example", false},
    {CLOSED, false, "a.example", "http://a.example/", false},
    {CLOSED, false, "a.example", "http://a.example/path", false},
    {CLOSED, false, "a.example", "http://a.example?q", false},
    {CLOSED, false, "a.example", "http://a.example#f", false},
    {CLOSED, false, "a.example", "http://u@a.example", false},
    {CLOSED, false, "a.example", "http://u:p@a.example", false},
    {CLOSED, false, "a.example", "http://a.example@evil.com", false},
    {CLOSED, false, "a.example", "http://a.example\\.evil.com", false},
    {CLOSED, false, "a.example", "http://a.example http://b.example", false},
    {CLOSED, false, "a.example", "http://a.example, http://b.example", false},
    {CLOSED, false, "a.example", "http://a.example:", false},
    {CLOSED, false, "a.example", "http://a.example:65616", false},
    {CLOSED, false, "a.example", "http://a.example:080000", false},
    {CLOSED, false, "a.example", "file://", false},
    {CLOSED, false, "a.example", "not an origin", false},
    {CLOSED, false, "::1", "http://::1", false},
    /* Listed. */
    {CLOSED, false, "a.example", "https://example.org", true},
    {CLOSED, false, "a.example", "https://EXAMPLE.ORG", true},
    {CLOSED, false, "a.example", "https://example.org:443", true},
    {CLOSED, false, "a.example", "https://example.org.", true},
    {CLOSED, true, "a.example", "http://dev.example.org:3000", true},
    {CLOSED, false, "a.example", "https://[2001:db8::1]:444", true},
    {CLOSED, false, "a.example", "chrome-extension://abcdef", true},
    {CLOSED, false, "", "https://example.org", true},
    {CLOSED, false, "a.example", "http://example.org", false},
    {CLOSED, false, "a.example", "https://example.org:444", false},
    {CLOSED, false, "a.example", "https://www.example.org", false},
    {CLOSED, false, "a.example", "http://dev.example.org", false},
    {CLOSED, false, "a.example", "http://dev.example.org:30000", false},
    {CLOSED, false, "a.example", "https://[2001:db8::1]", false},
    {CLOSED, false, "a.example", "chrome-extension://abcdeg", false},
    /* Open mode: this machine's pages, whatever their port, and the list. */
    {OPEN, false, "localhost:9880", "http://localhost:9880", true},
    {OPEN, false, "localhost:9880", "http://localhost:3000", true},
    {OPEN, false, "localhost:9880", "https://localhost", true},
    {OPEN, false, "localhost:9880", "HTTP://LOCALHOST.:1", true},
    {OPEN, false, "localhost:9880", "http://app.localhost", true},
    {OPEN, false, "127.0.0.1:9880", "http://localhost:9880", true},
    {OPEN, false, "127.0.0.1:9880", "http://127.8.9.10", true},
    {OPEN, false, "localhost:9880", "http://[::1]:9880", true},
    {OPEN, false, "localhost:9880", "https://example.org", true},
    {OPEN, false, "localhost:9880", "chrome-extension://abcdef", true},
    {OPEN, false, "localhost:9880", "http://evil.com", false},
    {OPEN, false, "evil.com", "http://evil.com", false}, /* DNS rebinding */
    {OPEN, false, "evil.com:9880", "http://evil.com:9880", false},
    {OPEN, false, "localhost:9880", "http://localhost.evil.com", false},
    {OPEN, false, "localhost:9880", "http://127.0.0.1.evil.com", false},
    {OPEN, false, "localhost:9880", "http://evil.com:localhost", false},
    {OPEN, false, "localhost:9880", "http://localhost@evil.com", false},
    {OPEN, false, "localhost:9880", "http://[::ffff:127.0.0.1]", false},
    {OPEN, false, "localhost:9880", "http://2130706433", false},
    {OPEN, false, "localhost:9880", "http://0.0.0.0:9880", false},
    {OPEN, false, "localhost:9880", "ftp://localhost", false},
    {OPEN, false, "localhost:9880", "chrome-extension://localhost", false},
    {OPEN, false, "localhost:9880", "localhost", false},
    {OPEN, false, "localhost:9880", "http://localhost/", false},
    {OPEN, false, "localhost:9880", "null", false},
    {OPEN, false, "localhost:9880", "", false},
};

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

START_TEST(an_origin_is_that_of_the_host_or_listed_or_refused_with_a_reason)
{
    const struct gw_auth auth = {.open = origins[_i].mode == OPEN,
                                 .origins = listed,
                                 .origin_count = sizeof(listed) / sizeof(listed[0])};
    const char *why = NULL;
    bool fine = gw_auth_origin_ok(&auth, GW_STR(origins[_i].origin), 1, GW_STR(origins[_i].host),
                                  origins[_i].secure, &why);

    ck_assert_msg(fine == origins[_i].expect, "%s asks %s", origins[_i].origin, origins[_i].host);
    ck_assert((why != NULL) == !fine);
}
END_TEST

START_TEST(no_origin_is_fine_and_two_are_not)
{
    const struct gw_auth modes[] = {{.open = false}, {.open = true}};
    struct gw_str host = GW_STR("localhost"), origin = GW_STR("http://localhost");

    for (size_t i = 0; i < 2; i++) {
        const char *why = NULL;

        ck_assert(gw_auth_origin_ok(&modes[i], (struct gw_str){NULL, 0}, 0, host, false, &why));
        ck_assert(
            gw_auth_origin_ok(&modes[i], (struct gw_str){NULL, 0}, 0, GW_STR(""), true, &why));
        ck_assert(gw_auth_origin_ok(&modes[i], origin, 1, host, false, &why));
        ck_assert_ptr_null(why);
        ck_assert(!gw_auth_origin_ok(&modes[i], origin, 2, host, false, &why));
        ck_assert_ptr_nonnull(why);
    }
}
END_TEST

START_TEST(null_is_refused_in_its_own_words)
{
    const struct gw_auth auth = {.open = true};
    const char *null_why = NULL, *other_why = NULL;
    struct gw_str host = GW_STR("localhost");

    ck_assert(!gw_auth_origin_ok(&auth, GW_STR("null"), 1, host, false, &null_why));
    ck_assert(!gw_auth_origin_ok(&auth, GW_STR("http://evil.com"), 1, host, false, &other_why));
    ck_assert_ptr_nonnull(strstr(null_why, "opened from a file"));
    ck_assert_str_ne(null_why, other_why);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("auth/origin");
    TCase *tests = tcase_create("origin");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, open_mode_answers_loopback_hosts_alone, 0, COUNT(hosts));
    tcase_add_loop_test(tests, an_origin_is_that_of_the_host_or_listed_or_refused_with_a_reason, 0,
                        COUNT(origins));
    tcase_add_test(tests, no_origin_is_fine_and_two_are_not);
    tcase_add_test(tests, null_is_refused_in_its_own_words);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
