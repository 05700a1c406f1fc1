/* body_test.c - bodies come out alike however they are cut, and end where they end. */
#include "proto/http/body.h"

#include <check.h>
#include <stdlib.h>

#include <godwit/status.h>

enum verdict { DONE, MORE, BROKEN };

struct row {
    enum verdict verdict;
    const char *input;
    size_t len;
    const char *payload;
    size_t taken; /* bytes that belong to the body, or up to the first wrong one, with it */
};

#define ROW(verdict, head, rest, payload)                                                          \
    {                                                                                              \
        verdict, head rest, sizeof(head rest) - 1, payload, sizeof(head) - 1                       \
    }
#define WHOLE(head, rest, payload) ROW(DONE, head, rest, payload)
#define PART(head, payload)        ROW(MORE, head, "", payload)
#define WRONG(head, rest, payload) ROW(BROKEN, head, rest, payload)

/* RFC 9112 section 7.1. What is wrong is wrong at the first byte that says so. */
static const struct row chunks[] = {
    WHOLE("0\r\n\r\n", "", ""),
    WHOLE("0\r\n\r\n", "GET / HTTP/1.1\r\n", ""),
    WHOLE("0000\r\n\r\n", "x", ""),
    WHOLE("5\r\nhello\r\n0\r\n\r\n", "5\r\n", "hello"),
    WHOLE("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "", "abc"),
    WHOLE("00a\r\n0123456789\r\n0\r\n\r\n", "", "0123456789"),
    WHOLE("A\r\n0123456789\r\n0\r\n\r\n", "", "0123456789"),
    WHOLE("4\r\n\r\n\r\n\r\n0\r\n\r\n", "", "\r\n\r\n"),
    WHOLE("000000000000005\r\nhello\r\n0\r\n\r\n", "", "hello"),
    /* Extensions are read over, with the blanks that section 7.1.1 puts up with. */
    WHOLE("1;a\r\nx\r\n0\r\n\r\n", "", "x"),
    WHOLE("1;a=b;c=\"d e\"\r\nx\r\n0;z\r\n\r\n", "", "x"),
    WHOLE("1 ; a = b\r\nx\r\n0\t;\tz\r\n\r\n", "", "x"),
    WHOLE("1;\r\nx\r\n0;\r\n\r\n", "", "x"),
    WRONG("1 \r", "\nx\r\n0\r\n\r\n", ""),
    WRONG("1\t\r", "\nx\r\n0\r\n\r\n", ""),
    WRONG("1 2", "\r\nx\r\n", ""),
    WRONG("1 a", "\r\nx\r\n", ""),
    WRONG("1;a\n", "x\r\n0\r\n\r\n", ""),
    WRONG("1;a\0", "\r\nx\r\n", ""),
    WRONG("1;a\x7f", "\r\nx\r\n", ""),
    WRONG("1;a\rx", "\r\nx\r\n", ""),
    /* Sizes are hexadecimal digits, at least one and at most 15. */
    WRONG("\r", "\n", ""),
    WRONG("\n", "", ""),
    WRONG(" ", "1\r\nx\r\n", ""),
    WRONG("\t", "1\r\nx\r\n", ""),
    WRONG("+", "1\r\nx\r\n", ""),
    WRONG("-", "1\r\nx\r\n", ""),
    WRONG("0x", "1\r\nx\r\n", ""),
    WRONG("0X", "1\r\nx\r\n", ""),
    WRONG("1_", "0\r\n", ""),
    WRONG("1h", "\r\n", ""),
    WRONG("g", "\r\n", ""),
    WRONG(";", "a\r\n", ""),
    WRONG("1.", "0\r\n", ""),
    WRONG("1,", "1\r\n", ""),
    WRONG("\0", "1\r\n", ""),
    WRONG("\xb9", "\r\n", ""),
    WRONG("0000000000000005", "\r\nhello\r\n", ""),
    WRONG("ffffffffffffffff", "\r\n", ""),
    WRONG("1000000000000000", "0\r\n", ""),
    WRONG("8000000000000000", "\r\n", ""),
    /* Line ends are CR LF. */
    WRONG("1\n", "x\r\n0\r\n\r\n", ""),
    WRONG("1\rx", "\r\n0\r\n\r\n", ""),
    WRONG("1\r\r", "\nx\r\n", ""),
    WRONG("1\r\nx\n", "0\r\n\r\n", "x"),
    WRONG("1\r\nxy", "\r\n0\r\n\r\n", "x"),
    WRONG("1\r\nx\r0", "\r\n\r\n", "x"),
    WRONG("1\r\nx0", "\r\n\r\n", "x"),
    WRONG("2\r\nx\r\n", "0\r\n\r\n", "x\r"),
    WRONG("1\r\nx\r\n\r", "\n", "x"),
    WRONG("0\n", "\r\n", ""),
    WRONG("0\r\n\n", "", ""),
    WRONG("0\r\n\rx", "", ""),
    /* Trailers are dropped, but they are header lines. */
    WHOLE("0\r\nA: b\r\n\r\n", "x", ""),
    WHOLE("0\r\nA:\r\nContent-Length: 5\r\nHost: x\xff\r\n\r\n", "hello", ""),
    WRONG("0\r\nA: b\n", "\r\n", ""),
    WRONG("0\r\nA: b\rc", "\r\n", ""),
    WRONG("0\r\nA: b\r\n ", "c\r\n\r\n", ""),
    WRONG("0\r\n ", "A: b\r\n\r\n", ""),
    WRONG("0\r\nA ", ": b\r\n\r\n", ""),
    WRONG("0\r\nA\r", "\n\r\n", ""),
    WRONG("0\r\n:", "b\r\n\r\n", ""),
    WRONG("0\r\nA: \0", "\r\n\r\n", ""),
    WRONG("0\r\nA: \x01", "\r\n\r\n", ""),
    WRONG("0\r\nA: b\r\n\n", "", ""),
    /* Not yet. */
    PART("", ""),
    PART("0", ""),
    PART("fffffffffffffff\r\nabc", "abc"),
    PART("1\r\nx\r\n0\r\n", "x"),
    PART("1\r\nx\r\n0\r\n\r", "x"),
    PART("0\r\nA: b\r\n\r", ""),
};

/* What came of an input so far. */
struct outcome {
    char payload[64];
    size_t len, taken;
    int last;
};

/* Feeds one piece from memory of its own, which is gone afterwards. */
static void feed(struct gw_http_body *body, const char *data, size_t len, struct outcome *outcome)
{
    uint8_t *copy = malloc(len + 1);
    struct gw_span input = {copy, len}, piece = {NULL, 0};
    size_t left;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, len);
    for (left = len; (outcome->last = gw_http_body_read(body, &input, &piece)) == 1;) {
        ck_assert_uint_gt(piece.len, 0);
        ck_assert(piece.data >= copy);
        ck_assert_uint_lt(input.len, left); /* it consumes or it returns */
        left = input.len;
        ck_assert_uint_le(outcome->len + piece.len, sizeof(outcome->payload));
        memcpy(outcome->payload + outcome->len, piece.data, piece.len);
        outcome->len += piece.len;
    }
    outcome->taken += len - input.len;
    ck_assert(outcome->last < 0 || body->done || input.len == 0);
    free(copy);
}

static void expect(const struct row *row, const struct gw_http_body *body,
                   const struct outcome *outcome, size_t how)
{
    ck_assert_msg((outcome->last < 0) == (row->verdict == BROKEN), "%s, %zu: %d", row->input, how,
                  outcome->last);
    ck_assert_msg(body->done == (row->verdict == DONE), "%s, %zu: done", row->input, how);
    ck_assert_msg(outcome->taken == row->taken, "%s, %zu: took %zu", row->input, how,
                  outcome->taken);
    ck_assert_msg(outcome->len == strlen(row->payload) &&
                      memcmp(outcome->payload, row->payload, outcome->len) == 0,
                  "%s, %zu: payload %.*s", row->input, how, (int)outcome->len, outcome->payload);
}

static void feed_every_way(const struct row *row, enum gw_http_body_kind kind, uint64_t length)
{
    for (size_t cut = 0; cut <= row->len; cut++) {
        struct outcome outcome = {.last = 0};
        struct gw_http_body body;

        gw_http_body_init(&body, kind, length);
        feed(&body, row->input, cut, &outcome);
        if (outcome.last == 0)
            feed(&body, row->input + cut, row->len - cut, &outcome);
        expect(row, &body, &outcome, cut);
    }
    for (size_t step = 1; step <= 3; step++) {
        struct outcome outcome = {.last = 0};
        struct gw_http_body body;

        gw_http_body_init(&body, kind, length);
        for (size_t at = 0; at < row->len && outcome.last == 0; at += step)
            feed(&body, row->input + at, row->len - at < step ? row->len - at : step, &outcome);
        expect(row, &body, &outcome, step);
    }
}

START_TEST(chunks_come_out_alike_in_every_split)
{
    feed_every_way(&chunks[_i], GW_HTTP_CHUNKED, 0);
}
END_TEST

START_TEST(a_length_is_kept_to_the_byte)
{
    static const struct row rows[] = {WHOLE("hello", " world", "hello"), WHOLE("h", "", "h"),
                                      WHOLE("", "GET", ""), PART("hel", "hel")};

    feed_every_way(&rows[0], GW_HTTP_LENGTH, 5);
    feed_every_way(&rows[1], GW_HTTP_LENGTH, 1);
    feed_every_way(&rows[2], GW_HTTP_LENGTH, 0);
    feed_every_way(&rows[3], GW_HTTP_LENGTH, UINT64_MAX);
}
END_TEST

START_TEST(no_body_takes_nothing_and_one_until_close_everything)
{
    static const struct row none = WHOLE("", "GET", ""), all = PART("0\r\n\r\n", "0\r\n\r\n");

    feed_every_way(&none, GW_HTTP_NO_BODY, 0);
    feed_every_way(&all, GW_HTTP_UNTIL_CLOSE, 0);
}
END_TEST

START_TEST(broken_is_for_good)
{
    struct outcome outcome = {.last = 0};
    struct gw_http_body body;

    gw_http_body_init(&body, GW_HTTP_CHUNKED, 0);
    feed(&body, "x", 1, &outcome);
    ck_assert_int_eq(outcome.last, GW_ERR_PROTOCOL);
    feed(&body, "0\r\n\r\n", 5, &outcome);
    ck_assert_int_eq(outcome.last, GW_ERR_PROTOCOL);
    ck_assert(!body.done);
    ck_assert_uint_eq(outcome.taken, 1);
}
END_TEST

/* Feeds `begin`, then `filler` up to `count` bytes of it, then `end`, a byte at a time; returns how
 * many bytes of it all were taken before it broke, or 0 when it did not. */
static size_t break_at(const char *begin, char filler, size_t count, const char *end)
{
    size_t before = strlen(begin), all = before + count + strlen(end);
    struct gw_http_body body;

    gw_http_body_init(&body, GW_HTTP_CHUNKED, 0);
    for (size_t i = 0; i < all; i++) {
        char c = i < before ? begin[i] : i < before + count ? filler : end[i - before - count];
        struct outcome outcome = {.last = 0};

        feed(&body, &c, 1, &outcome);
        if (outcome.last < 0)
            return i + 1;
    }
    ck_assert(body.done);
    return 0;
}

START_TEST(extensions_and_trailers_are_bounded)
{
    const size_t line = GW_HTTP_CHUNK_LINE_MAX, trailer = GW_HTTP_TRAILER_MAX;

    ck_assert_uint_eq(break_at("0;", 'e', line - 3, "\r\n\r\n"), 0);
    ck_assert_uint_eq(break_at("0;", 'e', line - 2, "\r\n\r\n"), 0);
    ck_assert_uint_eq(break_at("0;", 'e', line - 1, "\r\n\r\n"), line + 1);
    ck_assert_uint_eq(break_at("0", ' ', line + 5, ";\r\n\r\n"), line + 1);
    /* The bound is each line's own. */
    ck_assert_uint_eq(break_at("1;aaaaaaaaaaaa\r\nx\r\n0;", 'e', line - 2, "\r\n\r\n"), 0);

    ck_assert_uint_eq(break_at("0\r\nA:", 't', trailer - 5, "\r\n\r\n"), 0);
    ck_assert_uint_eq(break_at("0\r\nA:", 't', trailer - 4, "\r\n\r\n"), 0);
    ck_assert_uint_eq(break_at("0\r\nA:", 't', trailer - 3, "\r\n\r\n"), 3 + trailer + 1);
    ck_assert_uint_eq(break_at("0\r\n", 'n', 100000, ""), 3 + trailer + 1);
    /* The trailers' bound is that of them all. */
    ck_assert_uint_eq(break_at("0\r\nA:b\r\nC:", 't', trailer - 9, "\r\n\r\n"), 0);
    ck_assert_uint_eq(break_at("0\r\nA:b\r\nC:", 't', trailer - 8, "\r\n\r\n"), 3 + trailer + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proto/http/body");
    TCase *tests = tcase_create("body");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, chunks_come_out_alike_in_every_split, 0,
                        (int)(sizeof(chunks) / sizeof(chunks[0])));
    tcase_add_test(tests, a_length_is_kept_to_the_byte);
    tcase_add_test(tests, no_body_takes_nothing_and_one_until_close_everything);
    tcase_add_test(tests, broken_is_for_good);
    tcase_add_test(tests, extensions_and_trailers_are_bounded);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
