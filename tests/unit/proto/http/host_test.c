/* host_test.c - what is a host, and what only looks like one. */
#include "proto/http/host.h"

#include <check.h>
#include <stdlib.h>

#define NONE GW_HTTP_HOST_NO_PORT

static const struct {
    const char *text;
    const char *name; /* NULL: refused */
    int32_t port;
} hosts[] = {
    {"a", "a", NONE},
    {"example.org", "example.org", NONE},
    {"EXAMPLE.org:80", "EXAMPLE.org", 80},
    {"example.org.", "example.org.", NONE},
    {"example.org.:443", "example.org.", 443},
    {"my_app-1", "my_app-1", NONE},
    {"xn--bcher-kva.example", "xn--bcher-kva.example", NONE},
    {"127.0.0.1:9880", "127.0.0.1", 9880},
    {"1.2.3.4.5", "1.2.3.4.5", NONE},
    {"2130706433", "2130706433", NONE},
    {"a:0", "a", 0},
    {"a:00080", "a", 80},
    {"a:65535", "a", 65535},
    {"a:65536", NULL, 0},
    {"a:99999", NULL, 0},
    {"a:000080", NULL, 0},
    {"a:18446744073709551696", NULL, 0},
    {"a:", NULL, 0},
    {"a:b", NULL, 0},
    {"a: 80", NULL, 0},
    {"a:+80", NULL, 0},
    {"a:80:", NULL, 0},
    {"", NULL, 0},
    {":80", NULL, 0},
    {".", NULL, 0},
    {"..", NULL, 0},
    {".a", NULL, 0},
    {"a..b", NULL, 0},
    {"a..", NULL, 0},
    {"a b", NULL, 0},
    {" a", NULL, 0},
    {"a,b", NULL, 0},
    {"u@a", NULL, 0},
    {"u:p@a", NULL, 0},
    {"a/", NULL, 0},
    {"a?b", NULL, 0},
    {"a#b", NULL, 0},
    {"a%2eb", NULL, 0},
    {"a\\b", NULL, 0},
    {"a;b", NULL, 0},
    {"*", NULL, 0},
    {"\xc3\xa9", NULL, 0},
    {"[::1]", "[::1]", NONE},
    {"[::1]:9880", "[::1]", 9880},
    {"[::]", "[::]", NONE},
    {"[1::]", "[1::]", NONE},
    {"[2001:DB8::8:800:200c:417a]", "[2001:DB8::8:800:200c:417a]", NONE},
    {"[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", NONE},
    {"[1::3:4:5:6:7:8]", "[1::3:4:5:6:7:8]", NONE},
    {"[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]", NONE},
    {"[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", NONE},
    {"[1:2:3:4:5:6:7]", NULL, 0},
    {"[1:2:3:4:5:6:7:8:9]", NULL, 0},
    {"[1:2:3:4:5:6:7:8:9:a]", NULL, 0},
    {"[1:2:3:4:5:6::8]", "[1:2:3:4:5:6::8]", NONE},
    {"[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", NONE},
    {"[1:2:3:4:5:6:7::8]", NULL, 0},
    {"[1:2:3:4:5:6:7:8::]", NULL, 0},
    {"[1:2:3:4:5:6:7:1.2.3.4]", NULL, 0},
    {"[1.2.3.4]", NULL, 0},
    {"[::1.2.3]", NULL, 0},
    {"[::1.2.3.256]", NULL, 0},
    {"[::1.2.3.4:5]", NULL, 0},
    {"[12345::]", NULL, 0},
    {"[::g]", NULL, 0},
    {"[:1]", NULL, 0},
    {"[1:]", NULL, 0},
    {"[:]", NULL, 0},
    {"[:::]", NULL, 0},
    {"[1::2::3]", NULL, 0},
    {"[1:::2]", NULL, 0},
    {"[::1%lo]", NULL, 0},
    {"[v1.a]", NULL, 0},
    {"[a]", NULL, 0},
    {"[]", NULL, 0},
    {"[", NULL, 0},
    {"]", NULL, 0},
    {"[::1", NULL, 0},
    {"[::1]]", NULL, 0},
    {"[[::1]]", NULL, 0},
    {"[::1]a", NULL, 0},
    {"[::1]a80", NULL, 0},
    {"[1:2:3:4:5:6:7:8:]", NULL, 0},
    {"[1::2:]", NULL, 0},
    {"[::1]:", NULL, 0},
    {"[::1]:x", NULL, 0},
    {"::1", NULL, 0},
};

START_TEST(hosts_are_taken_apart_or_refused)
{
    struct gw_str text = GW_STR(hosts[_i].text);
    char *exact = malloc(text.len + 1);
    struct gw_http_host host = {{NULL, 0}, 7};
    bool fine;

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, text.data, text.len);
    fine = gw_http_host_parse(&host, (struct gw_str){exact, text.len});
    ck_assert_msg(fine == (hosts[_i].name != NULL), "%s", hosts[_i].text);
    if (fine) {
        ck_assert(gw_str_eq(host.name, GW_STR(hosts[_i].name)));
        ck_assert_int_eq(host.port, hosts[_i].port);
    } else {
        ck_assert_int_eq(host.port, 7); /* a refusal leaves it alone */
    }
    free(exact);
}
END_TEST

static const struct {
    const char *text;
    bool fine;
} addresses[] = {
    {"0.0.0.0", true},     {"255.255.255.255", true}, {"127.0.0.1", true}, {"", false},
    {"1.2.3", false},      {"1.2.3.4.5", false},      {"1.2.3.4.", false}, {".1.2.3.4", false},
    {"1..2.3", false},     {"1.2.3.256", false},      {"01.2.3.4", false}, {"1.2.3.00", false},
    {"0x7f.0.0.1", false}, {"127.1", false},          {"1.2.3.-4", false}, {"1.2.3.1000", false},
    {"1.2.3.4 ", false},   {"2130706433", false},
};

START_TEST(ipv4_is_written_in_one_way)
{
    uint8_t octets[4] = {9, 9, 9, 9};

    ck_assert_msg(gw_http_host_ipv4(GW_STR(addresses[_i].text), octets) == addresses[_i].fine, "%s",
                  addresses[_i].text);
    ck_assert((octets[0] == 9) != addresses[_i].fine);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("proto/http/host");
    TCase *tests = tcase_create("host");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, hosts_are_taken_apart_or_refused, 0, COUNT(hosts));
    tcase_add_loop_test(tests, ipv4_is_written_in_one_way, 0, COUNT(addresses));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
