/* address_test.c - addresses are numeric, strict, and come back as the text they came from.
 *
 * Threads: one. */
#include "loop/address.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"

static const struct {
    const char *text, *formatted;
    int family;
    unsigned port;
    bool loopback;
} good[] = {
    {"127.0.0.1:9880", "127.0.0.1:9880", AF_INET, 9880, true},
    {"localhost:9880", "127.0.0.1:9880", AF_INET, 9880, true},
    {"127.255.255.254:1", "127.255.255.254:1", AF_INET, 1, true},
    {"0.0.0.0:80", "0.0.0.0:80", AF_INET, 80, false},
    {"128.0.0.1:80", "128.0.0.1:80", AF_INET, 80, false},
    {"192.0.2.1:65535", "192.0.2.1:65535", AF_INET, 65535, false},
    {"1.0.0.127:0", "1.0.0.127:0", AF_INET, 0, false},
    {"[::1]:9880", "[::1]:9880", AF_INET6, 9880, true},
    {"[0:0:0:0:0:0:0:1]:9880", "[::1]:9880", AF_INET6, 9880, true},
    {"[::]:0", "[::]:0", AF_INET6, 0, false},
    {"[2001:DB8::1]:443", "[2001:db8::1]:443", AF_INET6, 443, false},
    {"[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", AF_INET6, 1, false},
    {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", AF_INET6, 65535, false},
};

START_TEST(an_address_is_read_and_written_back)
{
    union gw_address address;
    char text[GW_ADDRESS_TEXT_MAX];

    ck_assert_int_eq(gw_address_parse(&address, GW_STR(good[_i].text)), 0);
    ck_assert_int_eq(address.any.sa_family, good[_i].family);
    ck_assert_uint_eq(ntohs(address.in4.sin_port), good[_i].port); /* at one place in both */
    ck_assert_int_eq(gw_address_is_loopback(&address), good[_i].loopback);
    ck_assert_uint_eq(gw_address_format(text, &address), strlen(good[_i].formatted));
    ck_assert_str_eq(text, good[_i].formatted);
}
END_TEST

START_TEST(the_length_belongs_to_the_family)
{
    union gw_address address;

    ck_assert_int_eq(gw_address_parse(&address, GW_STR("127.0.0.1:1")), 0);
    ck_assert_uint_eq(gw_address_len(&address), sizeof(struct sockaddr_in));
    ck_assert_int_eq(gw_address_parse(&address, GW_STR("[::1]:1")), 0);
    ck_assert_uint_eq(gw_address_len(&address), sizeof(struct sockaddr_in6));
}
END_TEST

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct gw_str bad[] = {
    TEXT(""),
    TEXT(":"),
    TEXT(":9880"),
    TEXT("9880"),
    TEXT("127.0.0.1"),
    TEXT("127.0.0.1:"),
    TEXT("127.0.0.1:65536"),
    TEXT("127.0.0.1:99999"),
    TEXT("127.0.0.1:100000"),
    TEXT("127.0.0.1:18446744073709551617"),
    TEXT("127.0.0.1:00"),
    TEXT("127.0.0.1:0080"),
    TEXT("127.0.0.1:+80"),
    TEXT("127.0.0.1:-1"),
    TEXT("127.0.0.1: 80"),
    TEXT("127.0.0.1:80 "),
    TEXT(" 127.0.0.1:80"),
    TEXT("127.0.0.1:0x50"),
    TEXT("127.0.0.1:80:80"),
    TEXT("127.0.0.1:80\0"),
    TEXT("127.0.0.1\0:80"),
    TEXT("127.0.0.256:80"),
    TEXT("127.0.0.01:80"),
    TEXT("127.1:80"),
    TEXT("2130706433:80"),
    TEXT("0x7f.0.0.1:80"),
    TEXT("127.0.0.1.1:80"),
    TEXT("LOCALHOST:80"),
    TEXT("localhost"),
    TEXT("localhost.:80"),
    TEXT("localhos:80"),
    TEXT("example.com:80"),
    TEXT("*:80"),
    TEXT("::1:80"),
    TEXT("[::1]"),
    TEXT("[::1]:"),
    TEXT("[::1]80"),
    TEXT("[::1] :80"),
    TEXT("[::1:80"),
    TEXT("["),
    TEXT("[]"),
    TEXT("[]:80"),
    TEXT("[::1]]:80"),
    TEXT("[[::1]]:80"),
    TEXT("[::1%lo]:80"),
    TEXT("[::1\0]:80"),
    TEXT("[127.0.0.1]:80"),
    TEXT("[localhost]:80"),
    TEXT("[1:2:3:4:5:6:7:8:9]:80"),
    TEXT("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:80"),
};

START_TEST(anything_else_is_refused_and_leaves_the_output_alone)
{
    union gw_address address, before;
    char *exact = malloc(bad[_i].len + 1); /* so that reading past the end is seen */

    memset(&address, 0x5a, sizeof(address));
    before = address;
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bad[_i].data, bad[_i].len);
    ck_assert_int_eq(gw_address_parse(&address, (struct gw_str){exact, bad[_i].len}), -EINVAL);
    ck_assert_mem_eq(&address, &before, sizeof(address));
    free(exact);
}
END_TEST

START_TEST(every_beginning_of_an_address_is_refused_up_to_its_port)
{
    static const char *const texts[] = {"127.0.0.1:9880", "[2001:db8::1]:9880", "localhost:9880"};
    const char *text = texts[_i];
    size_t port_at = strlen(text) - 4;
    union gw_address address;

    for (size_t len = 0; len <= strlen(text); len++) {
        int expect = len > port_at ? 0 : -EINVAL;

        ck_assert_int_eq(gw_address_parse(&address, (struct gw_str){text, len}), expect);
    }
}
END_TEST

static void fill_suite(TCase *tests)
{
    tcase_add_loop_test(tests, an_address_is_read_and_written_back, 0, SUITE_ROWS(good));
    tcase_add_test(tests, the_length_belongs_to_the_family);
    tcase_add_loop_test(tests, anything_else_is_refused_and_leaves_the_output_alone, 0,
                        SUITE_ROWS(bad));
    tcase_add_loop_test(tests, every_beginning_of_an_address_is_refused_up_to_its_port, 0, 3);
}

int main(void)
{
    return suite_main("loop/address", fill_suite);
}
