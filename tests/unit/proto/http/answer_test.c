/* answer_test.c - answers to the letter, whole or not at all. */
#include "proto/http/answer.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"

static int live; /* allocations not yet given back */
static int left; /* allocations until memory runs out */

static void *meter_get(size_t size, void *ctx)
{
    (void)ctx;
    if (left-- <= 0)
        return NULL;
    live++;
    return malloc(size);
}

static void meter_put(void *ptr, void *ctx)
{
    (void)ctx;
    live -= ptr != NULL;
    free(ptr);
}

static const struct gw_alloc meter = {.get = meter_get, .put = meter_put};

/* RFC 9110 section 5.6.7 has this very date: 784111777 s after 1970. */
#define DATE    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define WALL_MS INT64_C(784111777000)

#define DYNAMIC                                                                                    \
    "Cache-Control: no-store, no-transform\r\n"                                                    \
    "Vary: Accept, Origin\r\n"                                                                     \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "X-Accel-Buffering: no\r\n"

static const struct {
    struct gw_http_answer answer;
    const char *expect;
} answers[] = {
    {{.status = 200, .type = "text/plain", .body = {"hi", 2}, .keep_alive = true},
     "HTTP/1.1 200 OK\r\n" DATE "Content-Type: text/plain\r\nContent-Length: 2\r\n" DYNAMIC
     "\r\nhi"},
    {{.status = 200,
      .type = "text/plain",
      .body = {"hi", 2},
      .keep_alive = true,
      .head_only = true},
     "HTTP/1.1 200 OK\r\n" DATE "Content-Type: text/plain\r\nContent-Length: 2\r\n" DYNAMIC "\r\n"},
    {{.status = 400},
     "HTTP/1.1 400 Bad Request\r\n" DATE "Content-Length: 0\r\nConnection: close\r\n" DYNAMIC
     "\r\n"},
    {{.status = 200, .keep_alive = true, .version_1_0 = true, .may_cache = true},
     "HTTP/1.1 200 OK\r\n" DATE "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n"},
    {{.status = 200, .version_1_0 = true, .may_cache = true},
     "HTTP/1.1 200 OK\r\n" DATE "Content-Length: 0\r\nConnection: close\r\n\r\n"},
    {{.status = 200, .may_cache = true, .keep_alive = true, .extra = "ETag: \"x\"\r\nA: b\r\n"},
     "HTTP/1.1 200 OK\r\n" DATE "Content-Length: 0\r\nETag: \"x\"\r\nA: b\r\n\r\n"},
    {{.status = 204, .keep_alive = true}, "HTTP/1.1 204 No Content\r\n" DATE DYNAMIC "\r\n"},
    {{.status = 304, .may_cache = true},
     "HTTP/1.1 304 Not Modified\r\n" DATE "Connection: close\r\n\r\n"},
    {{.status = 100}, "HTTP/1.1 100 Continue\r\n\r\n"},
    {{.status = 101, .extra = "Upgrade: websocket\r\nConnection: Upgrade\r\n"},
     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"},
    {{.status = 426, .extra = "Upgrade: websocket\r\n", .upgrade = true, .may_cache = true},
     "HTTP/1.1 426 Upgrade Required\r\n" DATE
     "Content-Length: 0\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"},
    {{.status = 204, .keep_alive = true, .any_origin = true, .may_cache = true},
     "HTTP/1.1 204 No Content\r\n" DATE "Access-Control-Allow-Origin: *\r\n"
     "Access-Control-Expose-Headers: Godwit-Position, Retry-After\r\n\r\n"},
    {{.status = 299, .may_cache = true, .keep_alive = true},
     "HTTP/1.1 299 \r\n" DATE "Content-Length: 0\r\n\r\n"},
};

START_TEST(an_answer_is_written_to_the_letter)
{
    struct gw_http_answer answer = answers[_i].answer;
    struct gw_buf out;

    left = 99;
    answer.wall_ms = WALL_MS;
    gw_buf_init(&out, &meter, 4096);
    ck_assert_int_eq(gw_buf_text(&out, GW_STR("before ")), 0);
    ck_assert_int_eq(gw_http_answer_write(&out, &answer), 0);
    ck_assert_int_eq(gw_buf_append(&out, "", 1), 0);
    ck_assert_str_eq((const char *)out.data + strlen("before "), answers[_i].expect);
    gw_buf_fini(&out);
    ck_assert_int_eq(live, 0);
}
END_TEST

/* The type's last word is for ever: clients compare it. */
static const struct {
    int status;
    const char *slug, *title;
} problems[] = {
    {400, "malformed", "Bad Request"},
    {401, "credential", "Unauthorized"},
    {403, "not-allowed", "Forbidden"},
    {404, "not-found", "Not Found"},
    {405, "method", "Method Not Allowed"},
    {408, "too-slow", "Request Timeout"},
    {410, "gone", "Gone"},
    {413, "too-large", "Content Too Large"},
    {414, "target-too-long", "URI Too Long"},
    {415, "media-type", "Unsupported Media Type"},
    {417, "expectation", "Expectation Failed"},
    {421, "wrong-host", "Misdirected Request"},
    {426, "upgrade-required", "Upgrade Required"},
    {429, "too-many", "Too Many Requests"},
    {431, "head-too-large", "Request Header Fields Too Large"},
    {500, "internal", "Internal Server Error"},
    {501, "not-implemented", "Not Implemented"},
    {503, "unavailable", "Service Unavailable"},
    {505, "version", "HTTP Version Not Supported"},
};

START_TEST(a_problem_has_a_stable_type)
{
    char expect[256];
    struct gw_buf out;

    left = 99;
    gw_buf_init(&out, &meter, 4096);
    ck_assert_int_eq(gw_http_problem_body(&out, problems[_i].status, NULL), 0);
    ck_assert_int_eq(gw_buf_append(&out, "", 1), 0);
    (void)snprintf(expect, sizeof(expect),
                   "{\"type\":\"urn:godwit:problem:%s\",\"title\":\"%s\",\"status\":%d}",
                   problems[_i].slug, problems[_i].title, problems[_i].status);
    ck_assert_str_eq((const char *)out.data, expect);
    ck_assert_str_eq(gw_http_reason(problems[_i].status), problems[_i].title);
    gw_buf_fini(&out);
}
END_TEST

START_TEST(a_problems_detail_cannot_break_out_of_it)
{
    struct gw_buf out;

    left = 99;
    gw_buf_init(&out, &meter, 4096);
    ck_assert_int_eq(gw_http_problem_body(&out, 404, "No \"x\\y\"."), 0);
    ck_assert_int_eq(gw_buf_append(&out, "", 1), 0);
    ck_assert_str_eq((const char *)out.data,
                     "{\"type\":\"urn:godwit:problem:not-found\",\"title\":\"Not Found\","
                     "\"status\":404,\"detail\":\"No \\\"x\\\\y\\\".\"}");
    gw_buf_fini(&out);
}
END_TEST

START_TEST(an_unknown_status_has_no_reason)
{
    ck_assert_str_eq(gw_http_reason(299), "");
    ck_assert_str_eq(gw_http_reason(0), "");
    ck_assert_str_eq(gw_http_reason(-1), "");
}
END_TEST

static int write_something(struct gw_buf *out, bool problem)
{
    return problem ? gw_http_problem_body(out, 503, "Every detail of it.")
                   : gw_http_answer_write(out, &answers[0].answer);
}

START_TEST(what_does_not_fit_leaves_the_buffer_as_it_was)
{
    struct gw_buf out;
    size_t need;

    left = 9999;
    gw_buf_init(&out, &meter, 4096);
    ck_assert_int_eq(write_something(&out, _i), 0);
    need = out.len;
    gw_buf_fini(&out);

    for (size_t room = 0; room <= need; room++) {
        gw_buf_init(&out, &meter, 2 + room);
        ck_assert_int_eq(gw_buf_append(&out, "xy", 2), 0);
        ck_assert_int_eq(write_something(&out, _i), room < need ? -EMSGSIZE : 0);
        ck_assert_uint_eq(out.len, room < need ? 2 : 2 + need);
        ck_assert_mem_eq(out.data, "xy", 2);
        gw_buf_fini(&out);
    }
    ck_assert_int_eq(live, 0);
}
END_TEST

START_TEST(any_failing_allocation_leaves_the_buffer_as_it_was)
{
    static const char full[GW_BUF_FIRST] =
        "what was there"; /* so that the next byte needs memory */
    int failures = 0;

    for (int count = 0;; count++) {
        struct gw_buf out;
        int failed;

        gw_buf_init(&out, &meter, 4096);
        left = 1;
        ck_assert_int_eq(gw_buf_append(&out, full, sizeof(full)), 0);
        left = count;
        failed = write_something(&out, _i);
        if (failed) {
            failures++;
            ck_assert_int_eq(failed, -ENOMEM);
            ck_assert_uint_eq(out.len, sizeof(full));
            ck_assert_mem_eq(out.data, full, sizeof(full));
        }
        gw_buf_fini(&out);
        ck_assert_int_eq(live, 0);
        if (!failed)
            break;
    }
    ck_assert_int_gt(failures, 0);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("proto/http/answer");
    TCase *tests = tcase_create("answer");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, an_answer_is_written_to_the_letter, 0, COUNT(answers));
    tcase_add_loop_test(tests, a_problem_has_a_stable_type, 0, COUNT(problems));
    tcase_add_test(tests, a_problems_detail_cannot_break_out_of_it);
    tcase_add_test(tests, an_unknown_status_has_no_reason);
    tcase_add_loop_test(tests, what_does_not_fit_leaves_the_buffer_as_it_was, 0, 2);
    tcase_add_loop_test(tests, any_failing_allocation_leaves_the_buffer_as_it_was, 0, 2);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
