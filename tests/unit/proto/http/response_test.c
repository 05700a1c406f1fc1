/* response_test.c - answers as our own clients meet them. */
#include "proto/http/head.h"

#include <check.h>
#include <stdlib.h>

static const struct gw_http_limits limits = {8192, 64, 6144};

static const struct {
    const char *head;
    int refused; /* the refusal's status, 0: accepted */
    int status;
    const char *reason;
    enum gw_http_body_kind kind;
    uint64_t length;
    bool keep_alive;
} rows[] = {
    /* Status lines: RFC 9112 section 4. */
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 0, 200, "OK", GW_HTTP_LENGTH, 3, true},
    {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 0, 200, "", GW_HTTP_LENGTH, 0, true},
    {"HTTP/1.1 404 Not\tFound \xe9 !\r\nContent-Length: 0\r\n\r\n", 0, 404, "Not\tFound \xe9 !",
     GW_HTTP_LENGTH, 0, true},
    {"HTTP/1.1 200  OK\r\nContent-Length: 0\r\n\r\n", 0, 200, " OK", GW_HTTP_LENGTH, 0, true},
    {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 200, "OK", GW_HTTP_LENGTH, 0, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", 0, 200, "OK",
     GW_HTTP_LENGTH, 0, true},
    {"HTTP/1.1 599 x\r\nContent-Length: 0\r\n\r\n", 0, 599, "x", GW_HTTP_LENGTH, 0, true},
    {"HTTP/1.1 200\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 20 OK\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 2000 OK\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 099 OK\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 600 OK\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 +20 OK\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 2x0 OK\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1  200 OK\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1\t200 OK x\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"http/1.1 200 OK\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"ICY 200 OK\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/2.0 200 OK\r\n\r\n", 505, 0, NULL, 0, 0, false},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 200 OK\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 200 O\x01K\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", 400, 0, NULL, 0, 0, false},
    /* Bodies: RFC 9112 section 6.3. */
    {"HTTP/1.1 200 OK\r\n\r\n", 0, 200, "OK", GW_HTTP_UNTIL_CLOSE, 0, false},
    {"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", 0, 200, "OK", GW_HTTP_UNTIL_CLOSE, 0,
     false},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n", 0, 200, "OK",
     GW_HTTP_LENGTH, 1, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 200, "OK", GW_HTTP_CHUNKED, 0,
     true},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 0, 101,
     "Switching Protocols", GW_HTTP_NO_BODY, 0, true},
    {"HTTP/1.1 100 Continue\r\n\r\n", 0, 100, "Continue", GW_HTTP_NO_BODY, 0, true},
    {"HTTP/1.1 204 No Content\r\n\r\n", 0, 204, "No Content", GW_HTTP_NO_BODY, 0, true},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 0, 304, "Not Modified",
     GW_HTTP_NO_BODY, 9, true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, 0, NULL, 0, 0,
     false},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0, NULL, 0,
     0, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 400, 0, NULL, 0, 0, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, 0, NULL, 0, 0, false},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0, NULL, 0, 0, false},
};

static void judge(size_t row, const char *head, int got, const struct gw_http_refusal *scanned)
{
    static struct gw_http_response response;
    struct gw_http_refusal refusal = *scanned;

    if (got > 0)
        got = gw_http_response_parse(&response, &limits, head, (size_t)got, &refusal);
    if (rows[row].refused) {
        ck_assert_int_lt(got, 0);
        ck_assert_int_eq(refusal.status, rows[row].refused);
        return;
    }
    ck_assert_msg(got == 0, "%s", refusal.detail);
    ck_assert_int_eq(response.status, rows[row].status);
    ck_assert(gw_str_eq(response.reason, GW_STR(rows[row].reason)));
    ck_assert_int_eq(response.body_kind, rows[row].kind);
    ck_assert_uint_eq(response.content_length, rows[row].length);
    ck_assert_int_eq(response.keep_alive, rows[row].keep_alive);
}

START_TEST(every_split_gives_the_same_response)
{
    const char *head = rows[_i].head;
    size_t len = strlen(head);

    for (size_t cut = 0; cut <= len; cut++) {
        struct gw_http_refusal refusal = {0, NULL};
        struct gw_http_scan scan = {0};
        int got = gw_http_scan(&scan, &limits, head, cut, &refusal);

        if (got == 0)
            got = gw_http_scan(&scan, &limits, head, len, &refusal);
        ck_assert_int_ne(got, 0);
        judge((size_t)_i, head, got, &refusal);
    }
}
END_TEST

START_TEST(headers_are_there)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n";
    static struct gw_http_response response;
    struct gw_http_refusal refusal;
    uint32_t count;

    ck_assert_int_eq(gw_http_response_parse(&response, &limits, head, strlen(head), &refusal), 0);
    ck_assert_uint_eq(response.header_count, 2);
    ck_assert(gw_str_eq(gw_http_header_find(response.headers, 2, "c", &count), GW_STR("d")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proto/http/response");
    TCase *tests = tcase_create("response");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, every_split_gives_the_same_response, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tests, headers_are_there);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
