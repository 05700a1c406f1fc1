/* url_test.c - where the server is, and channel names in a path. */
#include "cmd/url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "lib/suite.h"
#include "server/complaint.h"

static const struct {
    const char *text, *host, *port, *authority;
} good[] = {
    {"http://127.0.0.1:9880", "127.0.0.1", "9880", "127.0.0.1:9880"},
    {"http://127.0.0.1:9880/", "127.0.0.1", "9880", "127.0.0.1:9880"},
    {"ws://push.example.org", "push.example.org", "80", "push.example.org"},
    {"http://push.example.org:80", "push.example.org", "80", "push.example.org"},
    {"HTTP://Push.Example.ORG:65535", "Push.Example.ORG", "65535", "Push.Example.ORG:65535"},
    {"http://[::1]:9880", "::1", "9880", "[::1]:9880"},
    {"http://[::1]", "::1", "80", "[::1]"},
    {"http://[2001:db8::1]/", "2001:db8::1", "80", "[2001:db8::1]"},
};

START_TEST(a_url_is_a_host_and_a_port)
{
    struct gw_complaint complaint;
    struct gw_url url;

    ck_assert_int_eq(gw_url_parse(&url, good[_i].text, &complaint), 0);
    ck_assert_str_eq(url.host, good[_i].host);
    ck_assert_str_eq(url.port, good[_i].port);
    ck_assert_str_eq(url.authority, good[_i].authority);
}
END_TEST

static const struct {
    const char *text, *why;
} bad[] = {
    {"", "\"\" is no URL of a server: "},
    {"127.0.0.1:9880", "\"127.0.0.1:9880\" is no URL of a server: "},
    {"ftp://x", "\"ftp://x\" is no URL of a server: "},
    {"http:/x", "\"http:/x\" is no URL of a server: "},
    {"https://x", "https and wss are not supported yet: "},
    {"WSS://x:1", "https and wss are not supported yet: "},
    {"http://", "\"http://\" names no host: "},
    {"http://:9880", "\"http://:9880\" names no host: "},
    {"http://[::1", "\"http://[::1\" names no host: "},
    {"http://[]", "\"http://[]\" names no host: "},
    {"http://x:", "\"http://x:\" has more than a host and a port: "},
    {"http://x:0", "\"http://x:0\" has more than a host and a port: "},
    {"http://x:65536", "\"http://x:65536\" has more than a host and a port: "},
    {"http://x:+1", "\"http://x:+1\" has more than a host and a port: "},
    {"http://x:1:2", "\"http://x:1:2\" has more than a host and a port: "},
    {"http://x/channels/lobby", "\"http://x/channels/lobby\" has more than a host and a port: "},
    {"http://x?y", "\"http://x?y\" has more than a host and a port: "},
    {"http://user@x", "\"http://user@x\" has more than a host and a port: "},
    {"http://x\r\nA: b", "\"http://x\\x0d\\x0aA: b\" has more than a host and a port: "},
    {"http://[::1]x", "\"http://[::1]x\" has more than a host and a port: "},
};

START_TEST(anything_else_is_refused_with_what_was_expected)
{
    struct gw_complaint complaint;
    struct gw_url url;

    ck_assert_int_eq(gw_url_parse(&url, bad[_i].text, &complaint), GW_ERR_VALUE);
    ck_assert_ptr_nonnull(strstr(complaint.text, GW_URL_DEFAULT));
    complaint.text[strlen(bad[_i].why)] = '\0';
    ck_assert_str_eq(complaint.text, bad[_i].why);
}
END_TEST

START_TEST(a_host_name_has_253_characters_at_most)
{
    struct gw_complaint complaint;
    struct gw_url url;
    char text[300] = "http://";

    memset(text + 7, 'x', 254);
    text[7 + 254] = '\0';
    ck_assert_int_eq(gw_url_parse(&url, text, &complaint), GW_ERR_VALUE);
    text[7 + 253] = '\0';
    ck_assert_int_eq(gw_url_parse(&url, text, &complaint), 0);
    (void)snprintf(text + 7 + 253, 10, ":65535");
    ck_assert_int_eq(gw_url_parse(&url, text, &complaint), 0);
    ck_assert_uint_eq(strlen(url.authority), 253 + 6);
}
END_TEST

static const struct {
    const char *text, *encoded;
} encodings[] = {
    {"lobby", "lobby"}, {"chat:42", "chat:42"},           {"a b", "a%20b"},
    {"-._~", "-._~"},   {"?#&=+%", "%3F%23%26%3D%2B%25"}, {"gr\xc3\xbc\xc3\x9f", "gr%C3%BC%C3%9F"},
    {"", ""},
};

START_TEST(what_a_path_cannot_hold_is_percent_encoded)
{
    struct gw_buf buf;

    gw_buf_init(&buf, &gw_alloc_std, 100);
    ck_assert_int_eq(gw_url_encode(&buf, GW_STR(encodings[_i].text)), 0);
    ck_assert(gw_str_eq(gw_buf_str(&buf), GW_STR(encodings[_i].encoded)));
    gw_buf_fini(&buf);
}
END_TEST

START_TEST(what_does_not_fit_is_told)
{
    struct gw_buf buf;

    gw_buf_init(&buf, &gw_alloc_std, 3);
    ck_assert_int_eq(gw_url_encode(&buf, GW_STR("a b")), -EMSGSIZE);
    gw_buf_fini(&buf);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_url_is_a_host_and_a_port, 0, SUITE_ROWS(good));
    tcase_add_loop_test(tests, anything_else_is_refused_with_what_was_expected, 0, SUITE_ROWS(bad));
    tcase_add_test(tests, a_host_name_has_253_characters_at_most);
    tcase_add_loop_test(tests, what_a_path_cannot_hold_is_percent_encoded, 0,
                        SUITE_ROWS(encodings));
    tcase_add_test(tests, what_does_not_fit_is_told);
}

int main(void)
{
    return suite_main("cmd/url", fill);
}
