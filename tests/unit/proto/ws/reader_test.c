/* reader_test.c - frames into messages: RFC 6455 sections 5, 7 and 8.1, under every split. */
#include "proto/ws/reader.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/meter.h"
#include "lib/seeded.h"
#include "lib/suite.h"
#include "proto/ws/inflate.h"

#define HELD_MAX 256u /* the largest that a struct gw_ws_partial may be */

static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

/* ck_assert() writes a word to its parent each time that it holds: too slow where it does so a
 * million times. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s", #condition);                                                        \
    } while (0)

/* --- One end, and a log of what it said --- */

struct end {
    struct meter meter;
    struct gw_ws_reader reader;
    struct gw_ws_inflate inflate; /* lent to the reader where compression was agreed on */
    struct gw_ws_partial *partial;
    char *log; /* a line an event, grown as it must */
    size_t log_len;
    int result; /* of the last call */
};

static void end_init(struct end *end, enum gw_ws_role role, uint32_t message_bytes_max,
                     uint32_t fragments_max)
{
    *end = (struct end){.result = 0};
    meter_init(&end->meter);
    end->reader = (struct gw_ws_reader){.alloc = &end->meter.alloc,
                                        .message_bytes_max = message_bytes_max,
                                        .fragments_max = fragments_max,
                                        .role = (uint8_t)role};
}

static void end_agree(struct end *end)
{
    end->inflate.ratio_max = 100;
    end->reader.inflate = &end->inflate;
}

static void end_fini(struct end *end)
{
    gw_ws_reader_free(&end->reader, &end->partial);
    gw_ws_inflate_fini(&end->inflate);
    MUST(end->meter.live == 0);
    free(end->log);
}

static void log_bytes(struct end *end, const void *data, size_t len)
{
    char *log = realloc(end->log, end->log_len + len + 1);

    MUST(log);
    end->log = log;
    if (len > 0)
        memcpy(log + end->log_len, data, len);
    end->log_len += len;
    log[end->log_len] = '\0';
}

static void log_event(struct end *end, const struct gw_ws_event *event)
{
    static const char *const names[] = {"text", "binary", "ping", "pong", "close"};
    char line[64];
    int len;

    if (end->result < 0)
        len = snprintf(line, sizeof(line), "fail %d %u\n", end->result, event->close_code);
    else
        len = snprintf(line, sizeof(line), "%s %u %zu ", names[event->kind], event->close_code,
                       event->len);
    log_bytes(end, line, (size_t)len);
    if (end->result < 0)
        return;
    log_bytes(end, event->data, event->len);
    log_bytes(end, "\n", 1);
}

static bool is_over(const struct end *end, const struct gw_ws_event *event)
{
    return end->result < 0 || (end->result > 0 && event->kind == GW_WS_CLOSE);
}

/* Feeds a copy of `len` bytes (that ASan knows the end of) and logs all events. False when it is
 * over: nothing may be read any more. */
static bool feed(struct end *end, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    struct gw_ws_bytes input = {copy, len};
    struct gw_ws_event event = {0};

    MUST(copy);
    if (len > 0)
        memcpy(copy, data, len);
    do {
        end->result = gw_ws_reader_read(&end->reader, &end->partial, &input, &event);
        MUST(input.data + input.len == copy + len);
        if (end->result != 0)
            log_event(end, &event);
        /* The room before it is always the input's. */
        MUST(event.headroom == 0 || event.headroom <= (size_t)(event.data - copy));
    } while (end->result > 0 && event.kind != GW_WS_CLOSE);
    MUST(end->result != 0 || input.len == 0);
    free(copy);
    return !is_over(end, &event);
}

/* --- Frames, written without the writer that goes with the reader --- */

struct script {
    uint8_t *data;
    size_t len;
    bool masked;
};

static void put(struct script *script, const void *data, size_t len)
{
    uint8_t *grown = realloc(script->data, script->len + len + 1);

    MUST(grown);
    script->data = grown;
    if (len > 0)
        memcpy(grown + script->len, data, len);
    script->len += len;
}

/* The head of a frame with the length in its shortest form; `first` is its first byte. */
static void put_head(struct script *script, uint8_t first, uint64_t len)
{
    size_t wide = len < 126 ? 0 : len <= 0xffff ? 2 : 8;
    uint8_t second = (uint8_t)(wide == 0 ? len : wide == 2 ? 126 : 127);

    if (script->masked)
        second |= 0x80;
    put(script, &first, 1);
    put(script, &second, 1);
    while (wide-- > 0)
        put(script, &(uint8_t){(uint8_t)(len >> (8 * wide))}, 1);
    if (script->masked)
        put(script, mask, sizeof(mask));
}

static void put_frame(struct script *script, uint8_t first, const void *payload, size_t len)
{
    size_t at;

    put_head(script, first, len);
    at = script->len;
    put(script, payload, len);
    for (size_t i = 0; script->masked && i < len; i++)
        script->data[at + i] ^= mask[i % 4];
}

static void put_text(struct script *script, uint8_t first, const char *payload)
{
    put_frame(script, first, payload, strlen(payload));
}

/* --- The RFC's own examples --- */

static const struct {
    enum gw_ws_role role;
    size_t len;
    const char *bytes;
    const char *log;
} examples[] = {
    {GW_WS_CLIENT, 7, "\x81\x05Hello", "text 0 5 Hello\n"},
    {GW_WS_SERVER, 11, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "text 0 5 Hello\n"},
    {GW_WS_CLIENT, 9,
     "\x01\x03Hel\x80\x02"
     "lo",
     "text 0 5 Hello\n"},
    {GW_WS_CLIENT, 7, "\x89\x05Hello", "ping 0 5 Hello\n"},
    {GW_WS_SERVER, 11, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "pong 0 5 Hello\n"},
};

START_TEST(the_examples_of_the_rfc_are_read)
{
    struct end end;

    end_init(&end, examples[_i].role, 65536, 1024);
    ck_assert(feed(&end, (const uint8_t *)examples[_i].bytes, examples[_i].len));
    ck_assert_str_eq(end.log, examples[_i].log);
    end_fini(&end);
}
END_TEST

START_TEST(the_long_examples_of_the_rfc_are_read)
{
    static const struct {
        size_t head_len, len;
        uint8_t head[10];
    } rows[] = {{4, 256, {0x82, 0x7e, 0x01, 0x00}},
                {10, 65536, {0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}}};
    static uint8_t frame[10 + 65536];
    struct gw_ws_bytes input = {frame, rows[_i].head_len + rows[_i].len};
    struct gw_ws_event event;
    struct end end;

    end_init(&end, GW_WS_CLIENT, 65536, 1024);
    memcpy(frame, rows[_i].head, rows[_i].head_len);
    ck_assert_int_eq(gw_ws_reader_read(&end.reader, &end.partial, &input, &event), 1);
    ck_assert_int_eq(event.kind, GW_WS_BINARY);
    ck_assert_uint_eq(event.len, rows[_i].len);
    end_fini(&end);
}
END_TEST

/* --- Heads: every length, opcode, mask, RSV1, FIN, and every split of them --- */

static const uint64_t lens[] = {0,
                                1,
                                125,
                                126,
                                127,
                                65535,
                                65536,
                                UINT64_C(0x7fffffff),
                                UINT64_C(0x80000000),
                                UINT64_C(0xffffffff),
                                UINT64_C(0x100000000),
                                UINT64_C(0x7fffffffffffffff),
                                UINT64_C(0x8000000000000000),
                                UINT64_C(0xffffffffffffffff)};
/* The last two put a bound for compressed ones right below a length of the table, and on it. */
static const uint32_t maxima[] = {
    125, 65535, 65536, UINT32_MAX, (0x80000000u - 16384) / 12, (0xffffffffu - 16384) / 12 + 1};

struct head {
    uint64_t len;
    uint8_t opcode;
    bool masked, rsv1, fin;
    bool agreed; /* that RSV1 means compression */
};

/* Is it, if it is right, the first frame of a compressed message? (RFC 7692 section 6) */
static bool is_compressed(const struct head *head)
{
    return head->agreed && head->rsv1 && (head->opcode == 1 || head->opcode == 2);
}

/* What sections 5.1, 5.2, 5.4 and 5.5 want of the first frame of a connection: 0, 1002 or 1009. A
 * compressed one may be as long on the wire as twelve times the message and 16 KiB; and one that
 * ends the message before it has a byte is damaged. */
static unsigned expected_code(const struct head *head, enum gw_ws_role role, uint32_t max)
{
    bool control = head->opcode >= 8;
    uint64_t most = max;

    if ((head->rsv1 && !is_compressed(head)) || head->opcode == 0 ||
        (head->opcode > 2 && head->opcode < 8) || head->opcode > 10)
        return 1002;
    if (head->masked != (role == GW_WS_SERVER) || head->len >= UINT64_C(1) << 63)
        return 1002;
    if (control)
        return head->fin && head->len <= 125 ? 0 : 1002;
    if (is_compressed(head) && head->fin && head->len == 0)
        return 1007;
    if (is_compressed(head))
        most = most * 12 + 16384 < UINT32_MAX ? most * 12 + 16384 : UINT32_MAX;
    return head->len > most ? 1009 : 0;
}

static int error_of(unsigned code)
{
    return code == 1002 ? GW_ERR_PROTOCOL : code == 1007 ? GW_ERR_DAMAGED : GW_ERR_TOO_BIG;
}

static void check_head(const struct head *head, enum gw_ws_role role, uint32_t max)
{
    unsigned code = expected_code(head, role, max);
    struct script script = {.masked = head->masked};

    put_head(&script, (uint8_t)((head->fin ? 0x80 : 0) | (head->rsv1 ? 0x40 : 0) | head->opcode),
             head->len);
    for (size_t split = 0; split <= script.len; split++) {
        struct end end;
        char line[64];

        end_init(&end, role, max, 1024);
        if (head->agreed)
            end_agree(&end);
        if (feed(&end, script.data, split))
            feed(&end, script.data + split, script.len - split);
        snprintf(line, sizeof(line), "fail %d %u\n", error_of(code), code);
        if (code != 0 ? !end.log || strcmp(end.log, line) != 0 : end.result < 0)
            ck_abort_msg("length %llx, role %d, maximum %u, split %zu: not %u but %s",
                         (unsigned long long)head->len, role, max, split, code, end.log);
        /* Not a byte for what is announced; what was damaged had to be begun. */
        MUST(code == 1007 || end.meter.largest <= HELD_MAX);
        MUST(code == 0 || code == 1007 || split < script.len || end.meter.taken == 0);
        end_fini(&end);
    }
    free(script.data);
}

START_TEST(heads_are_judged_alike_under_every_split)
{
    uint8_t opcode = (uint8_t)_i;

    for (int role = GW_WS_SERVER; role <= GW_WS_CLIENT; role++)
        for (int max = 0; max < SUITE_ROWS(maxima); max++)
            for (int len = 0; len < SUITE_ROWS(lens); len++)
                for (int flags = 0; flags < 16; flags++) {
                    struct head head = {lens[len], opcode,    flags & 1,
                                        flags & 2, flags & 4, flags & 8};

                    check_head(&head, (enum gw_ws_role)role, maxima[max]);
                }
}
END_TEST

/* A server that has no use for compressed messages now refuses each at its head, and no other. */
START_TEST(a_compressed_message_may_be_refused_at_its_head)
{
    struct script script = {.masked = true};

    put_text(&script, 0x81, "plain");
    put_text(&script, 0x89, "ping");
    put_head(&script, 0x41, 7); /* no payload follows it */
    for (size_t split = 0; split <= script.len; split++) {
        struct end end;

        end_init(&end, GW_WS_SERVER, 65536, 1024);
        end_agree(&end);
        end.reader.inflate_refusal = GW_ERR_TOO_BIG;
        if (feed(&end, script.data, split))
            feed(&end, script.data + split, script.len - split);
        ck_assert_str_eq(end.log, "text 0 5 plain\nping 0 4 ping\nfail -10002 1009\n");
        ck_assert_uint_le(end.meter.largest, HELD_MAX);
        end_fini(&end);
    }
    free(script.data);
}
END_TEST

/* Heads that are wrong in a way of their own: a row is bytes to a client, and the code. */
static const struct {
    size_t len;
    const char *bytes;
    const char *log;
} wrong[] = {
    {2, "\xa1\x00", "fail -10000 1002\n"},                          /* RSV2 */
    {2, "\x91\x00", "fail -10000 1002\n"},                          /* RSV3 */
    {2, "\xf1\x00", "fail -10000 1002\n"},                          /* all of them */
    {1, "\xc1", "fail -10000 1002\n"},                              /* at the first byte */
    {1, "\x83", "fail -10000 1002\n"},                              /* a reserved opcode too */
    {1, "\x09", "fail -10000 1002\n"},                              /* a fragmented ping */
    {1, "\x08", "fail -10000 1002\n"},                              /* a fragmented close */
    {2, "\x89\x7e", "fail -10000 1002\n"},                          /* a ping of over 125 */
    {2, "\x88\x7f", "fail -10000 1002\n"},                          /* a close of over 65535 */
    {4, "\x82\x7e\x00\x7d", "fail -10000 1002\n"},                  /* 125 in 16 bits */
    {4, "\x82\x7e\x00\x00", "fail -10000 1002\n"},                  /* 0 in 16 bits */
    {10, "\x82\x7f\0\0\0\0\0\0\xff\xff", "fail -10000 1002\n"},     /* 65535 in 64 bits */
    {10, "\x82\x7f\0\0\0\0\0\0\0\x05", "fail -10000 1002\n"},       /* 5 in 64 bits */
    {10, "\x82\x7f\x80\0\0\0\0\0\0\0", "fail -10000 1002\n"},       /* the top bit */
    {1, "\x80", "fail -10000 1002\n"},                              /* continues nothing */
    {1, "\x00", "fail -10000 1002\n"},                              /* likewise */
    {4, "\x01\x01x\x81", "fail -10000 1002\n"},                     /* text inside a message */
    {4, "\x01\x01x\x02", "fail -10000 1002\n"},                     /* binary inside of one */
    {6, "\x01\x01x\x89\x00\x82", "ping 0 0 \nfail -10000 1002\n"},  /* also behind a ping */
    {6, "\x01\x01x\x80\x00\x80", "text 0 1 x\nfail -10000 1002\n"}, /* the message is over */
    {7, "\x81\x01x\x8a\x00\x80\x00", "text 0 1 x\npong 0 0 \nfail -10000 1002\n"},
    {3, "\x88\x01\x03", "fail -10000 1002\n"}, /* half a close code */
    {2, "\x81\x80", "fail -10000 1002\n"},     /* masked, to a client */
};

START_TEST(what_the_rfc_forbids_is_1002)
{
    const uint8_t *bytes = (const uint8_t *)wrong[_i].bytes;

    for (size_t split = 0; split <= wrong[_i].len; split++) {
        struct end end;

        end_init(&end, GW_WS_CLIENT, 65536, 1024);
        if (feed(&end, bytes, split))
            feed(&end, bytes + split, wrong[_i].len - split);
        ck_assert_str_eq(end.log, wrong[_i].log);
        end_fini(&end);
    }
}
END_TEST

/* --- Limits --- */

START_TEST(a_message_is_refused_at_the_head_that_takes_it_past_its_limit)
{
    struct script script = {.masked = true};
    struct end end;

    end_init(&end, GW_WS_SERVER, 10, 1024);
    put_text(&script, 0x01, "1234");
    put_text(&script, 0x00, "567890");
    put_text(&script, 0x80, "");
    put_text(&script, 0x01, "1234");
    put_head(&script, 0x80, 7); /* no payload follows it */
    ck_assert(!feed(&end, script.data, script.len));
    ck_assert_str_eq(end.log, "text 0 10 1234567890\nfail -10002 1009\n");
    ck_assert_uint_le(end.meter.largest, HELD_MAX);
    free(script.data);
    end_fini(&end);
}
END_TEST

/* Sums that could wrap: a fragment, and then one whose length is near the top of each type. */
START_TEST(lengths_do_not_wrap_when_added)
{
    static const uint64_t second[] = {UINT64_C(0xffffffff), UINT64_C(0xfffffffe),
                                      UINT64_C(0x100000000), UINT64_C(0x7fffffffffffffff),
                                      UINT64_C(0x7ffffffffffffffe)};
    struct script script = {.masked = true};
    struct end end;

    end_init(&end, GW_WS_SERVER, UINT32_MAX, 1024);
    put_text(&script, 0x02, "ab");
    put_head(&script, 0x80, second[_i]);
    ck_assert(!feed(&end, script.data, script.len));
    ck_assert_str_eq(end.log, "fail -10002 1009\n");
    free(script.data);
    end_fini(&end);
}
END_TEST

/* Repeats one short frame inside a message; returns which of them ended it. Without the ceremony of
 * feed(): there are millions. */
static long repeat(struct end *end, const struct script *frame, long most)
{
    struct gw_ws_event event = {0};

    for (long count = 1; count <= most; count++) {
        uint8_t copy[16];
        struct gw_ws_bytes input = {copy, frame->len};

        memcpy(copy, frame->data, frame->len);
        end->result = gw_ws_reader_read(&end->reader, &end->partial, &input, &event);
        if (end->result < 0) {
            log_event(end, &event);
            return count;
        }
    }
    return most + 1;
}

START_TEST(a_message_has_at_most_so_many_frames)
{
    static const char *const payloads[] = {"", "x"};
    struct script first = {.masked = true}, next = {.masked = true}, ping = {.masked = true};
    struct end end;

    put_text(&first, 0x01, payloads[_i]);
    put_text(&next, 0x00, payloads[_i]);
    put_text(&ping, 0x89, "");
    end_init(&end, GW_WS_SERVER, 65536, 1024);
    ck_assert(feed(&end, first.data, first.len));
    ck_assert_int_eq(repeat(&end, &ping, 2000), 2001);    /* these are not counted */
    ck_assert_int_eq(repeat(&end, &next, 1000000), 1024); /* the 1,025th frame of the message */
    ck_assert_str_eq(end.log, "fail -10003 1008\n");
    end_fini(&end);
    free(first.data);
    free(next.data);
    free(ping.data);
}
END_TEST

START_TEST(exactly_the_limit_of_frames_is_taken)
{
    struct script script = {.masked = true};
    struct end end;

    put_text(&script, 0x01, "a");
    put_text(&script, 0x00, "");
    put_text(&script, 0x80, "b");
    put_text(&script, 0x81, "alone"); /* counts from 1 again */
    put_text(&script, 0x01, "a");
    put_text(&script, 0x00, "");
    put_text(&script, 0x00, "");
    put_head(&script, 0x80, 0);
    end_init(&end, GW_WS_SERVER, 65536, 3);
    ck_assert(!feed(&end, script.data, script.len));
    ck_assert_str_eq(end.log, "text 0 2 ab\ntext 0 5 alone\nfail -10003 1008\n");
    free(script.data);
    end_fini(&end);
}
END_TEST

/* A million fragments where nothing but memory would bound them: the heap stays that of the bytes.
 */
START_TEST(a_million_fragments_hold_no_more_than_their_bytes)
{
    static const char *const payloads[] = {"", "x"};
    struct script first = {.masked = true}, next = {.masked = true};
    long expect = _i == 0 ? 1000001 : 65536; /* empty ones go on for ever */
    struct end end;

    put_text(&first, 0x01, payloads[_i]);
    put_text(&next, 0x00, payloads[_i]);
    end_init(&end, GW_WS_SERVER, 65536, UINT32_MAX);
    ck_assert(feed(&end, first.data, first.len));
    ck_assert_int_eq(repeat(&end, &next, 1000000), expect);
    ck_assert_int_le(end.meter.live, 2);
    ck_assert_uint_le(end.meter.largest, 65536);
    end_fini(&end);
    free(first.data);
    free(next.data);
}
END_TEST

START_TEST(the_buffer_grows_with_what_arrived)
{
    static uint8_t piece[1000];
    struct script head = {.masked = true};
    struct end end;
    size_t arrived = 0;

    end_init(&end, GW_WS_SERVER, 100u * 1000 * 1000, 1024);
    put_head(&head, 0x82, 100u * 1000 * 1000);
    ck_assert(feed(&end, head.data, head.len));
    ck_assert_uint_le(end.meter.largest, HELD_MAX);
    for (int i = 0; i < 200; i++) {
        arrived += sizeof(piece);
        ck_assert(feed(&end, piece, sizeof(piece)));
        ck_assert_uint_le(end.meter.largest, 2 * arrived);
        ck_assert_uint_ge(gw_ws_reader_bytes(end.partial), arrived);
        ck_assert_uint_le(gw_ws_reader_bytes(end.partial), HELD_MAX + 2 * arrived);
    }
    ck_assert_uint_eq(gw_ws_reader_bytes(NULL), 0);
    free(head.data);
    end_fini(&end);
}
END_TEST

/* --- The fast path --- */

START_TEST(a_whole_message_allocates_nothing_and_lies_in_the_input)
{
    static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536};
    static const size_t head_lens[] = {2, 2, 2, 4, 4, 10};
    static uint8_t payload[65536];
    struct script script = {.masked = _i == 0};
    struct gw_ws_bytes input;
    struct gw_ws_event event;
    struct end end;

    end_init(&end, _i == 0 ? GW_WS_SERVER : GW_WS_CLIENT, 65536, 1);
    memset(payload, 'p', sizeof(payload));
    for (int i = 0; i < SUITE_ROWS(sizes); i++)
        put_frame(&script, 0x81, payload, sizes[i]);
    put_text(&script, 0x89, "ping");
    put_text(&script, 0x88, "\x03\xe8why");

    input = (struct gw_ws_bytes){script.data, script.len};
    for (int i = 0; i < SUITE_ROWS(sizes); i++) {
        size_t head_len = head_lens[i] + (_i == 0 ? 4 : 0);
        uint8_t *at = input.data;

        ck_assert_int_eq(gw_ws_reader_read(&end.reader, &end.partial, &input, &event), 1);
        ck_assert_int_eq(event.kind, GW_WS_TEXT);
        ck_assert_ptr_eq(event.data, at + head_len);
        ck_assert_uint_eq(event.headroom, head_len);
        ck_assert_uint_eq(event.len, sizes[i]);
        ck_assert_uint_eq(event.close_code, 0);
        ck_assert(memcmp(event.data, payload, sizes[i]) == 0);
    }
    ck_assert_int_eq(gw_ws_reader_read(&end.reader, &end.partial, &input, &event), 1);
    ck_assert_int_eq(event.kind, GW_WS_PING);
    ck_assert_mem_eq(event.data, "ping", 4);
    ck_assert_int_eq(gw_ws_reader_read(&end.reader, &end.partial, &input, &event), 1);
    ck_assert_uint_eq(event.close_code, 1000);
    ck_assert_mem_eq(event.data, "why", 3);
    ck_assert_uint_eq(event.headroom, (_i == 0 ? 6u : 2u) + 2u); /* the code's bytes too */
    ck_assert_ptr_null(end.partial);
    ck_assert_int_eq(end.meter.taken, 0);
    free(script.data);
    end_fini(&end);
}
END_TEST

START_TEST(a_gathered_message_lives_until_the_next_call_or_trim)
{
    struct script script = {.masked = true};
    struct gw_ws_event event;
    struct gw_ws_bytes input;
    struct end end;

    end_init(&end, GW_WS_SERVER, 65536, 1024);
    put_text(&script, 0x81, "gathered");
    input = (struct gw_ws_bytes){script.data, 8};
    ck_assert_int_eq(gw_ws_reader_read(&end.reader, &end.partial, &input, &event), 0);
    gw_ws_reader_trim(&end.reader, &end.partial); /* the message is not there yet: it stays */
    ck_assert_ptr_nonnull(end.partial);
    input = (struct gw_ws_bytes){script.data + 8, script.len - 8};
    ck_assert_int_eq(gw_ws_reader_read(&end.reader, &end.partial, &input, &event), 1);
    memset(script.data, 0, script.len); /* it does not lie in there */
    ck_assert_uint_eq(event.headroom, 0);
    ck_assert_uint_eq(event.len, 8);
    ck_assert_mem_eq(event.data, "gathered", 8);
    if (_i == 0)
        gw_ws_reader_trim(&end.reader, &end.partial);
    else
        ck_assert_int_eq(gw_ws_reader_read(&end.reader, &end.partial, &input, &event), 0);
    ck_assert_ptr_null(end.partial);
    ck_assert_int_eq(end.meter.live, 0);
    free(script.data);
    end_fini(&end);
}
END_TEST

/* --- Sessions: the same events, however they are cut --- */

struct session {
    struct script script;
    const char *log;
};

/* Everything that may stand in a connection, in one. */
static void put_everything(struct session *session)
{
    struct script *script = &session->script;

    put_text(script, 0x81, "whole");
    put_text(script, 0x82, "\x01\x02");
    put_text(script, 0x81, "");
    put_text(script, 0x01, "a \xe2");     /* one character */
    put_text(script, 0x89, "in between"); /* over three fragments, */
    put_text(script, 0x00, "\x82");       /* with controls */
    put_text(script, 0x8a, "");           /* and an empty fragment in between */
    put_text(script, 0x00, "");
    put_text(script, 0x89, "again");
    put_text(script, 0x80, "\xac b");
    put_text(script, 0x02, "ends with nothing");
    put_text(script, 0x80, "");
    put_text(script, 0x01, "");
    put_text(script, 0x80, "");
    put_text(script, 0x8a, "\xff\xfe is no text");
    put_text(script, 0x88, "\x0f\xa1g\xc3\xb6ne");
    put_text(script, 0x81, "not read any more");
    session->log = "text 0 5 whole\n"
                   "binary 0 2 \x01\x02\n"
                   "text 0 0 \n"
                   "ping 0 10 in between\n"
                   "pong 0 0 \n"
                   "ping 0 5 again\n"
                   "text 0 7 a \xe2\x82\xac b\n"
                   "binary 0 17 ends with nothing\n"
                   "text 0 0 \n"
                   "pong 0 13 \xff\xfe is no text\n"
                   "close 4001 5 g\xc3\xb6ne\n";
}

/* Its last fragment is not UTF-8, at its third byte. */
static void put_bad_text(struct session *session)
{
    put_text(&session->script, 0x81, "fine");
    put_text(&session->script, 0x01, "begins \xf0\x9f");
    put_text(&session->script, 0x80, "\x98\x80\xc0 and goes on for a while");
    session->log = "text 0 4 fine\nfail -10001 1007\n";
}

/* 126 bytes and more: the head with 16 bits of length, and several growths of the buffer. */
static void put_long(struct session *session)
{
    static char log[2048];
    char payload[700];
    int len;

    memset(payload, 'l', sizeof(payload));
    put_frame(&session->script, 0x01, payload, 126);
    put_frame(&session->script, 0x89, payload, 125);
    put_frame(&session->script, 0x80, payload, 574);
    put_text(&session->script, 0x88, "");
    len = snprintf(log, sizeof(log), "ping 0 125 %.125s\ntext 0 700 %.700s\nclose 1005 0 \n",
                   payload, payload);
    ck_assert_int_lt(len, (int)sizeof(log));
    session->log = log;
}

static void (*const sessions[])(struct session *) = {put_everything, put_bad_text, put_long};

/* Feeds the session in pieces of `piece` bytes from `split` on, the first `split` bytes whole. */
static void play(const struct session *session, enum gw_ws_role role, size_t split, size_t piece)
{
    const struct script *script = &session->script;
    struct end end;
    size_t at = split;

    end_init(&end, role, 65536, 1024);
    if (feed(&end, script->data, split))
        for (size_t len; at < script->len; at += len) {
            len = script->len - at < piece ? script->len - at : piece;
            if (!feed(&end, script->data + at, len))
                break;
        }
    if (strcmp(end.log, session->log) != 0)
        ck_abort_msg("split %zu, pieces of %zu: %s", split, piece, end.log);
    end_fini(&end);
}

START_TEST(any_split_gives_the_same_events)
{
    for (int masked = 0; masked < 2; masked++) {
        enum gw_ws_role role = masked ? GW_WS_SERVER : GW_WS_CLIENT;
        struct session session = {.script.masked = masked};

        sessions[_i](&session);
        for (size_t split = 0; split <= session.script.len; split++)
            play(&session, role, split, session.script.len);
        for (size_t piece = 1; piece <= 40; piece++)
            for (size_t split = 0; split < piece; split++)
                play(&session, role, split, piece);
        free(session.script.data);
    }
}
END_TEST

/* --- Text --- */

static const char *const characters[] = {
    "\x24",         "\xc2\x80",     "\xdf\xbf",         "\xe0\xa0\x80",     "\xed\x9f\xbf",
    "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xef\xbb\xbf"};

START_TEST(a_character_may_be_cut_by_fragments_and_pieces)
{
    const char *text = characters[_i];
    size_t len = strlen(text);

    for (size_t first = 0; first <= len; first++)
        for (size_t second = first; second <= len; second++) {
            struct script script = {.masked = true};
            struct session session = {.log = NULL};
            char log[64];

            put_frame(&script, 0x01, text, first);
            put_frame(&script, 0x00, text + first, second - first);
            put_frame(&script, 0x80, text + second, len - second);
            snprintf(log, sizeof(log), "text 0 %zu %s\n", len, text);
            session = (struct session){script, log};
            for (size_t split = 0; split <= script.len; split++)
                play(&session, GW_WS_SERVER, split, script.len);
            play(&session, GW_WS_SERVER, 0, 1);
            free(script.data);
        }
}
END_TEST

/* Text, and the index of the first byte that cannot be part of UTF-8 any more. */
static const struct {
    const char *text;
    size_t wrong_at;
} bad_texts[] = {
    {"\x80", 0},
    {"\xbf", 0},
    {"\xc0\x80", 0},         /* overlong */
    {"\xc1\xbf", 0},         /* overlong */
    {"\xe0\x80\x80", 1},     /* overlong */
    {"\xe0\x9f\xbf", 1},     /* overlong */
    {"\xf0\x80\x80\x80", 1}, /* overlong */
    {"\xf0\x8f\xbf\xbf", 1}, /* overlong */
    {"\xed\xa0\x80", 1},     /* the first surrogate */
    {"\xed\xbf\xbf", 1},     /* the last */
    {"\xf4\x90\x80\x80", 1}, /* U+110000 */
    {"\xf5\x80\x80\x80", 0}, /* above all */
    {"\xff", 0},
    {"\xfe", 0},
    {"good \xc3(", 6}, /* no continuation */
    {"\xe2\x82(", 2},
    {"\xf0\x9f\x98(", 3},
    {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80 edited", 12},
};

/* The frame announces more than ever comes, so that only a check of what has come can find it. */
START_TEST(text_fails_at_its_first_wrong_byte)
{
    const char *text = bad_texts[_i].text;
    size_t wrong_at = bad_texts[_i].wrong_at;

    for (size_t fragment = 0; fragment <= wrong_at; fragment++) {
        struct script script = {.masked = true};
        struct end end;
        size_t head_len;

        end_init(&end, GW_WS_SERVER, 65536, 1024);
        put_frame(&script, 0x01, text, fragment);
        put_head(&script, 0x80, 1000);
        head_len = script.len;
        put(&script, text + fragment, wrong_at + 1 - fragment);
        for (size_t i = head_len; i < script.len; i++)
            script.data[i] ^= mask[(i - head_len) % 4];

        for (size_t i = 0; i < script.len - 1; i++)
            ck_assert(feed(&end, script.data + i, 1));
        ck_assert(!feed(&end, script.data + script.len - 1, 1));
        ck_assert_str_eq(end.log, "fail -10001 1007\n");
        free(script.data);
        end_fini(&end);
    }
}
END_TEST

START_TEST(text_must_end_with_a_whole_character)
{
    static const char *const texts[] = {"\xc3", "\xe2\x82", "\xf0\x9f\x98", "ok \xf0"};
    size_t len = strlen(texts[_i]);

    for (size_t fragment = 0; fragment <= len; fragment++) {
        struct session session = {.script.masked = true, .log = "fail -10001 1007\n"};

        put_frame(&session.script, 0x01, texts[_i], fragment);
        put_frame(&session.script, 0x80, texts[_i] + fragment, len - fragment);
        play(&session, GW_WS_SERVER, session.script.len, 1);
        play(&session, GW_WS_SERVER, 0, 1);
        free(session.script.data);
    }
}
END_TEST

START_TEST(binary_messages_may_hold_anything)
{
    struct session session = {.script.masked = true, .log = "binary 0 4 \xff\xc0\x80\xed\n"};

    put_text(&session.script, 0x82, "\xff\xc0\x80\xed");
    for (size_t split = 0; split <= session.script.len; split++)
        play(&session, GW_WS_SERVER, split, session.script.len);
    free(session.script.data);
}
END_TEST

/* --- Closes --- */

static const struct {
    size_t len;
    const char *payload;
    const char *log;
} closes[] = {
    {0, "", "close 1005 0 \n"},
    {1, "\x03", "fail -10000 1002\n"},
    {2, "\x03\xe8", "close 1000 0 \n"},
    {5,
     "\x03\xe9"
     "bye",
     "close 1001 3 bye\n"},
    {2, "\x03\xeb", "close 1003 0 \n"},
    {2, "\x03\xf6", "close 1014 0 \n"},
    {2, "\x0b\xb8", "close 3000 0 \n"},
    {2, "\x13\x87", "close 4999 0 \n"},
    {2, "\x00\x00", "fail -10000 1002\n"},
    {2, "\x03\xe7", "fail -10000 1002\n"}, /* 999 */
    {2, "\x03\xec", "fail -10000 1002\n"}, /* 1004 */
    {2, "\x03\xed", "fail -10000 1002\n"}, /* 1005 */
    {2, "\x03\xee", "fail -10000 1002\n"}, /* 1006 */
    {2, "\x03\xf7", "fail -10000 1002\n"}, /* 1015 */
    {2, "\x03\xf8", "fail -10000 1002\n"}, /* 1016 */
    {2, "\x0b\xb7", "fail -10000 1002\n"}, /* 2999 */
    {2, "\x13\x88", "fail -10000 1002\n"}, /* 5000 */
    {2, "\xff\xff", "fail -10000 1002\n"},
    {4, "\x03\xe8\xc3\xb6", "close 1000 2 \xc3\xb6\n"},
    {3, "\x03\xe8\xc3", "fail -10001 1007\n"},
    {5, "\x03\xe8\xed\xa0\x80", "fail -10001 1007\n"},
    {4, "\x03\xed\xc3\x28", "fail -10000 1002\n"}, /* the code is wrong before the reason */
};

START_TEST(closes_are_judged)
{
    for (int masked = 0; masked < 2; masked++) {
        struct session session = {.script.masked = masked, .log = closes[_i].log};

        put_frame(&session.script, 0x88, closes[_i].payload, closes[_i].len);
        for (size_t split = 0; split <= session.script.len; split++)
            play(&session, masked ? GW_WS_SERVER : GW_WS_CLIENT, split, session.script.len);
        free(session.script.data);
    }
}
END_TEST

START_TEST(a_close_may_interrupt_a_message)
{
    struct session session = {.script.masked = true, .log = "close 1000 3 bye\n"};

    put_text(&session.script, 0x01, "never");
    put_text(&session.script, 0x88,
             "\x03\xe8"
             "bye");
    for (size_t split = 0; split <= session.script.len; split++)
        play(&session, GW_WS_SERVER, split, session.script.len);
    free(session.script.data);
}
END_TEST

/* --- Memory --- */

/* How a session ends when its n-th allocation fails, fed in pieces so that it takes many. */
static bool survives(const struct script *script, long left, size_t piece)
{
    bool ran_out;
    struct end end;

    end_init(&end, GW_WS_SERVER, 65536, 1024);
    end.meter.left = left;
    for (size_t at = 0, len; at < script->len; at += len) {
        len = script->len - at < piece ? script->len - at : piece;
        if (!feed(&end, script->data + at, len))
            break;
    }
    ran_out = end.meter.failed > 0;
    if (ran_out) {
        ck_assert_int_eq(end.result, -ENOMEM);
        ck_assert_ptr_nonnull(strstr(end.log, "fail -12 1011\n"));
    }
    end_fini(&end);
    return !ran_out;
}

START_TEST(every_failing_allocation_is_1011_and_leaks_nothing)
{
    static const size_t pieces[] = {1, 3, 50, 300, 5000};
    static char payload[3000];
    struct script script = {.masked = true};
    long left = 0;

    memset(payload, 'm', sizeof(payload));
    put_text(&script, 0x81, "whole");
    put_frame(&script, 0x81, payload, sizeof(payload));
    put_text(&script, 0x01, "fragment");
    put_text(&script, 0x89, "ping");
    put_frame(&script, 0x80, payload, 600);
    put_text(&script, 0x88, "\x03\xe8");
    while (!survives(&script, left, pieces[_i]))
        left++;
    ck_assert_int_gt(left, 1); /* else it was no test */
    free(script.data);
}
END_TEST

/* --- Anything at all --- */

/* Random bytes with likely beginnings: nothing asserts, leaks or reads past its input, and what
 * comes out does not depend on the split. */
START_TEST(noise_gives_the_same_events_under_every_split)
{
    struct seeded seeded = {(uint64_t)_i + 1};
    uint8_t noise[64];
    struct end whole;

    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)(seeded_below(&seeded, 3) == 0 ? 0x80 | seeded_below(&seeded, 12)
                                                           : seeded_next(&seeded));
    noise[0] = (uint8_t)(seeded_below(&seeded, 2) << 7 | (seeded_below(&seeded, 2) + 1));
    noise[1] = (uint8_t)(0x80 | seeded_below(&seeded, 12));
    end_init(&whole, GW_WS_SERVER, 200, 4);
    feed(&whole, noise, sizeof(noise));
    log_bytes(&whole, "", 0);
    for (size_t split = 0; split <= sizeof(noise); split++) {
        struct end end;

        end_init(&end, GW_WS_SERVER, 200, 4);
        log_bytes(&end, "", 0);
        if (feed(&end, noise, split))
            feed(&end, noise + split, sizeof(noise) - split);
        MUST(end.log_len == whole.log_len && memcmp(end.log, whole.log, whole.log_len) == 0);
        end_fini(&end);
    }
    end_fini(&whole);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, the_examples_of_the_rfc_are_read, 0, SUITE_ROWS(examples));
    tcase_add_loop_test(tests, the_long_examples_of_the_rfc_are_read, 0, 2);
    tcase_add_loop_test(tests, heads_are_judged_alike_under_every_split, 0, 16);
    tcase_add_test(tests, a_compressed_message_may_be_refused_at_its_head);
    tcase_add_loop_test(tests, what_the_rfc_forbids_is_1002, 0, SUITE_ROWS(wrong));
    tcase_add_test(tests, a_message_is_refused_at_the_head_that_takes_it_past_its_limit);
    tcase_add_loop_test(tests, lengths_do_not_wrap_when_added, 0, 5);
    tcase_add_loop_test(tests, a_message_has_at_most_so_many_frames, 0, 2);
    tcase_add_test(tests, exactly_the_limit_of_frames_is_taken);
    tcase_add_loop_test(tests, a_million_fragments_hold_no_more_than_their_bytes, 0, 2);
    tcase_add_test(tests, the_buffer_grows_with_what_arrived);
    tcase_add_loop_test(tests, a_whole_message_allocates_nothing_and_lies_in_the_input, 0, 2);
    tcase_add_loop_test(tests, a_gathered_message_lives_until_the_next_call_or_trim, 0, 2);
    tcase_add_loop_test(tests, any_split_gives_the_same_events, 0, SUITE_ROWS(sessions));
    tcase_add_loop_test(tests, a_character_may_be_cut_by_fragments_and_pieces, 0,
                        SUITE_ROWS(characters));
    tcase_add_loop_test(tests, text_fails_at_its_first_wrong_byte, 0, SUITE_ROWS(bad_texts));
    tcase_add_loop_test(tests, text_must_end_with_a_whole_character, 0, 4);
    tcase_add_test(tests, binary_messages_may_hold_anything);
    tcase_add_loop_test(tests, closes_are_judged, 0, SUITE_ROWS(closes));
    tcase_add_test(tests, a_close_may_interrupt_a_message);
    tcase_add_loop_test(tests, every_failing_allocation_is_1011_and_leaks_nothing, 0, 5);
    tcase_add_loop_test(tests, noise_gives_the_same_events_under_every_split, 0, 300);
}

int main(void)
{
    return suite_main("proto/ws/reader", fill);
}
