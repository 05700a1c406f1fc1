/* request_test.c - what an accepted request says, and the lists and headers in it. */
#include "proto/http/head.h"

#include <check.h>
#include <stdlib.h>

static const struct gw_http_limits limits = {8192, 64, 6144};
static struct gw_http_request request;

/* Fails unless `head` is a whole request and accepted. */
static void take(const char *head)
{
    struct gw_http_refusal refusal = {0, "none"};
    struct gw_http_scan scan = {0};

    ck_assert_int_eq(gw_http_scan(&scan, &limits, head, strlen(head), &refusal), (int)strlen(head));
    ck_assert_msg(gw_http_request_parse(&request, &limits, head, strlen(head), &refusal) == 0,
                  "%d %s", refusal.status, refusal.detail);
}

#define ck_assert_text(text, expect)                                                               \
    ck_assert_msg(gw_str_eq(text, GW_STR(expect)), "\"%.*s\", not \"%s\"", (int)(text).len,        \
                  (text).data ? (text).data : "", expect)

static const struct {
    const char *line;
    enum gw_http_method method;
    const char *method_name, *target, *path, *query, *host;
} lines[] = {
    {"GET / HTTP/1.1", GW_HTTP_GET, "GET", "/", "/", "", "h:80"},
    {"HEAD /a%20b?c=%26&d HTTP/1.1", GW_HTTP_HEAD, "HEAD", "/a%20b?c=%26&d", "/a%20b", "c=%26&d",
     "h:80"},
    {"POST /a? HTTP/1.1", GW_HTTP_POST, "POST", "/a?", "/a", "", "h:80"},
    {"PUT /a?b?c HTTP/1.1", GW_HTTP_PUT, "PUT", "/a?b?c", "/a", "b?c", "h:80"},
    {"DELETE //a/../b HTTP/1.1", GW_HTTP_DELETE, "DELETE", "//a/../b", "//a/../b", "", "h:80"},
    {"OPTIONS * HTTP/1.1", GW_HTTP_OPTIONS, "OPTIONS", "*", "*", "", "h:80"},
    {"PATCH /http://x HTTP/1.1", GW_HTTP_PATCH, "PATCH", "/http://x", "/http://x", "", "h:80"},
    {"Get /GET HTTP/1.1", GW_HTTP_OTHER, "Get", "/GET", "/GET", "", "h:80"},
    {"TRACE / HTTP/1.1", GW_HTTP_OTHER, "TRACE", "/", "/", "", "h:80"},
    {"GET http://h:80/a?b HTTP/1.1", GW_HTTP_GET, "GET", "/a?b", "/a", "b", "h:80"},
    {"GET hTTps://H:80/a HTTP/1.1", GW_HTTP_GET, "GET", "/a", "/a", "", "h:80"},
    {"GET http://h:80 HTTP/1.1", GW_HTTP_GET, "GET", "/", "/", "", "h:80"},
    {"GET http://h:80?b=/ HTTP/1.1", GW_HTTP_GET, "GET", "?b=/", "/", "b=/", "h:80"},
    {"OPTIONS http://h:80 HTTP/1.1", GW_HTTP_OPTIONS, "OPTIONS", "*", "*", "", "h:80"},
    {"OPTIONS http://h:80?b HTTP/1.1", GW_HTTP_OPTIONS, "OPTIONS", "?b", "/", "b", "h:80"},
    {"OPTIONS http://h:80/ HTTP/1.1", GW_HTTP_OPTIONS, "OPTIONS", "/", "/", "", "h:80"},
};

START_TEST(the_first_line_is_taken_apart)
{
    char head[128] = "";

    strcat(strcat(head, lines[_i].line), "\r\nHost: h:80\r\n\r\n");
    take(head);
    ck_assert_int_eq(request.method, lines[_i].method);
    ck_assert_text(request.method_name, lines[_i].method_name);
    ck_assert_text(request.target, lines[_i].target);
    ck_assert_text(request.path, lines[_i].path);
    ck_assert_text(request.query, lines[_i].query);
    ck_assert_text(request.host, lines[_i].host);
}
END_TEST

START_TEST(http_1_0_may_have_no_host_or_have_it_in_the_target)
{
    take("GET / HTTP/1.0\r\n\r\n");
    ck_assert_text(request.host, "");
    take("GET http://evil.com/ HTTP/1.0\r\n\r\n");
    ck_assert_text(request.host, "evil.com");
}
END_TEST

START_TEST(headers_keep_order_case_and_inner_blanks)
{
    take("GET / HTTP/1.1\r\nHOST:a\r\nx-B: \t b \t c\t\r\nX-b:\r\n\r\n");
    ck_assert_uint_eq(request.header_count, 3);
    ck_assert_text(request.headers[0].name, "HOST");
    ck_assert_text(request.headers[0].value, "a");
    ck_assert_text(request.headers[1].name, "x-B");
    ck_assert_text(request.headers[1].value, "b \t c");
    ck_assert_text(request.headers[2].name, "X-b");
    ck_assert_text(request.headers[2].value, "");
}
END_TEST

/* RFC 9112 section 9.3; RFC 9110 sections 7.6.1 and 7.8. */
static const struct {
    const char *head;
    bool keep_alive, upgrade;
} connections[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x ,\tCLOSE\r\n\r\n", false, false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true, false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", true, false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false, false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n", false,
     false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", false, false},
    {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", true, false},
    {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", false, false},
    {"GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n", true, false},
    {"GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive, close\r\n\r\n", false, false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", true, true},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: keep-alive, uPGRADE\r\n\r\n", true,
     true},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: close, upgrade\r\n\r\n", false, true},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n", true, false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n", true, false},
    {"GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", false, false},
};

START_TEST(the_connection_options_are_obeyed)
{
    take(connections[_i].head);
    ck_assert_int_eq(request.keep_alive, connections[_i].keep_alive);
    ck_assert_int_eq(request.upgrade, connections[_i].upgrade);
}
END_TEST

/* RFC 9110 section 10.1.1: not for HTTP/1.0, not without content. */
static const struct {
    const char *head;
    bool expects;
} expectations[] = {
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", true},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-CONTINUE\r\n\r\n",
     true},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", false},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n", false},
    {"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", false},
    {"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", false},
};

START_TEST(a_continue_is_expected_only_where_one_can_be_sent)
{
    take(expectations[_i].head);
    ck_assert_int_eq(request.expects_continue, expectations[_i].expects);
}
END_TEST

START_TEST(nothing_of_an_earlier_request_stays)
{
    take("POST http://b/p?q HTTP/1.1\r\nHost: b\r\nConnection: upgrade\r\nUpgrade: x\r\n"
         "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    take("GET / HTTP/1.0\r\n\r\n");
    ck_assert_uint_eq(request.header_count, 0);
    ck_assert_text(request.host, "");
    ck_assert_text(request.query, "");
    ck_assert_int_eq(request.version_minor, 0);
    ck_assert_int_eq(request.body_kind, GW_HTTP_NO_BODY);
    ck_assert_uint_eq(request.content_length, 0);
    ck_assert(!request.upgrade && !request.expects_continue && !request.keep_alive);
}
END_TEST

START_TEST(the_parser_keeps_to_its_room_by_itself)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    const struct gw_http_limits one = {8192, 1, 6144};
    struct gw_http_refusal refusal = {0, NULL};

    ck_assert_int_lt(gw_http_request_parse(&request, &one, head, strlen(head), &refusal), 0);
    ck_assert_int_eq(refusal.status, 431);
}
END_TEST

START_TEST(the_first_header_of_a_name_is_found_and_all_are_counted)
{
    uint32_t count = 99;
    struct gw_str value;

    take("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nXX: 2\r\nx: 3\r\nY:\r\n\r\n");
    value = gw_http_header_find(request.headers, request.header_count, "X", &count);
    ck_assert_text(value, "1");
    ck_assert_uint_eq(count, 2);
    value = gw_http_header_find(request.headers, request.header_count, "y", &count);
    ck_assert_ptr_nonnull(value.data);
    ck_assert_uint_eq(value.len, 0);
    ck_assert_uint_eq(count, 1);
    value = gw_http_header_find(request.headers, request.header_count, "z", &count);
    ck_assert_ptr_null(value.data);
    ck_assert_uint_eq(count, 0);
}
END_TEST

static const struct {
    const char *list;
    const char *members; /* each with a `|` behind it */
} lists[] = {
    {"", ""},
    {" \t", ""},
    {",", ""},
    {" , ,,", ""},
    {"a", "a|"},
    {"a,b", "a|b|"},
    {" a\t,\tb ", "a|b|"},
    {",a,,b,", "a|b|"},
    {"a;q=0.5, b ; x=y ,c;", "a|b|c|"},
    {"a;x=\"b,c\",d", "a|d|"},
    {"a;x=\"b\\\",c\",d", "a|d|"},
    {"a;x=\"b,c", "a|"},
    {"a;x=\"b\\", "a|"},
    {";a,b", "b|"},
    {"text/html, */*;q=0.1", "text/html|*/*|"},
};

START_TEST(lists_are_walked)
{
    struct gw_str rest = GW_STR(lists[_i].list), member;
    char got[64] = "";

    while (gw_http_list_next(&rest, &member)) {
        strncat(got, member.data, member.len);
        strcat(got, "|");
    }
    ck_assert_str_eq(got, lists[_i].members);
}
END_TEST

START_TEST(a_list_has_a_token_in_any_case_and_nothing_less_than_all_of_it)
{
    ck_assert(gw_http_list_has(GW_STR("keep-alive, Upgrade"), "upgrade"));
    ck_assert(gw_http_list_has(GW_STR("x, text/event-stream;q=0.3"), "text/event-stream"));
    ck_assert(!gw_http_list_has(GW_STR("x-upgrade, upgrades"), "upgrade"));
    ck_assert(!gw_http_list_has(GW_STR("x;a=\"1, upgrade\""), "upgrade"));
    ck_assert(!gw_http_list_has(GW_STR("x;upgrade"), "upgrade"));
    ck_assert(!gw_http_list_has((struct gw_str){NULL, 0}, "upgrade"));
}
END_TEST

START_TEST(a_token_is_of_token_characters_and_not_empty)
{
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        /* RFC 9110 section 5.6.2. */
        bool expect = byte > 0 && strchr("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "abcdefghijklmnopqrstuvwxyz",
                                         byte);

        ck_assert_msg(gw_http_is_token((struct gw_str){&c, 1}) == expect, "0x%02x", (unsigned)byte);
    }
    ck_assert(gw_http_is_token(GW_STR("a.b")));
    ck_assert(!gw_http_is_token(GW_STR("a b")));
    ck_assert(!gw_http_is_token(GW_STR("")));
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("proto/http/request");
    TCase *tests = tcase_create("request");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, the_first_line_is_taken_apart, 0, COUNT(lines));
    tcase_add_test(tests, http_1_0_may_have_no_host_or_have_it_in_the_target);
    tcase_add_test(tests, headers_keep_order_case_and_inner_blanks);
    tcase_add_loop_test(tests, the_connection_options_are_obeyed, 0, COUNT(connections));
    tcase_add_loop_test(tests, a_continue_is_expected_only_where_one_can_be_sent, 0,
                        COUNT(expectations));
    tcase_add_test(tests, nothing_of_an_earlier_request_stays);
    tcase_add_test(tests, the_parser_keeps_to_its_room_by_itself);
    tcase_add_test(tests, the_first_header_of_a_name_is_found_and_all_are_counted);
    tcase_add_loop_test(tests, lists_are_walked, 0, COUNT(lists));
    tcase_add_test(tests, a_list_has_a_token_in_any_case_and_nothing_less_than_all_of_it);
    tcase_add_test(tests, a_token_is_of_token_characters_and_not_empty);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
