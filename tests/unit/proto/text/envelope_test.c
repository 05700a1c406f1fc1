/* envelope_test.c - a publication becomes the object that the product page shows, to the byte. */
#include "proto/text/envelope.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base64.h"
#include "core/json.h"
#include "core/utf8.h"
#include "lib/seeded.h"
#include "lib/suite.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define POSITION TEXT("Zm9vYmFy-_")
#define HEAD(channel, more)                                                                        \
    "{\"channel\":" channel ",\"offset\":42,\"position\":\"Zm9vYmFy-_\"," more

/* Writes into memory of the very size, for a sanitizer to see one byte too many. The caller frees.
 */
static struct gw_str write_all(const struct gw_envelope *envelope)
{
    size_t size = gw_envelope_size(envelope);
    uint8_t *out = malloc(size);

    ck_assert_uint_eq(gw_envelope_write(envelope, out), size);
    return (struct gw_str){(const char *)out, size};
}

static void drop(struct gw_str text)
{
    free((void *)(uintptr_t)text.data);
}

static const struct {
    struct gw_envelope envelope;
    const char *expected;
} shapes[] = {
    {{.channel = TEXT("news"),
      .offset = 42,
      .position = POSITION,
      .time_ms = 1764000000123,
      .payload = TEXT("dinner is ready")},
     HEAD("\"news\"", "\"time\":1764000000123,\"data\":\"dinner is ready\"}")},
    {{.channel = TEXT("news"),
      .offset = 42,
      .position = POSITION,
      .time_ms = 0,
      .kind = GW_ENVELOPE_JSON,
      .payload = TEXT("{\"a\": [1.0, 1e400, \"\\u00e9\"]}")},
     HEAD("\"news\"", "\"time\":0,\"data\":{\"a\": [1.0, 1e400, \"\\u00e9\"]}}")},
    {{.channel = TEXT("news"),
      .offset = 42,
      .position = POSITION,
      .time_ms = 1,
      .kind = GW_ENVELOPE_BINARY,
      .payload = TEXT("\0\xff\xfe"
                      "f")},
     HEAD("\"news\"", "\"time\":1,\"base64\":\"AP/+Zg==\"}")},
    /* Every optional member, in its place. */
    {{.channel = TEXT("news"),
      .offset = 42,
      .position = POSITION,
      .time_ms = 1,
      .event = TEXT("meal"),
      .id = TEXT("7"),
      .payload = TEXT("x")},
     HEAD("\"news\"", "\"time\":1,\"event\":\"meal\",\"id\":\"7\",\"data\":\"x\"}")},
    {{.channel = TEXT("news"),
      .offset = 42,
      .position = POSITION,
      .time_ms = 1,
      .event = TEXT("meal"),
      .kind = GW_ENVELOPE_JSON,
      .payload = TEXT("null")},
     HEAD("\"news\"", "\"time\":1,\"event\":\"meal\",\"data\":null}")},
    {{.channel = TEXT("news"),
      .offset = 42,
      .position = POSITION,
      .time_ms = 1,
      .id = TEXT("7"),
      .kind = GW_ENVELOPE_BINARY,
      .payload = TEXT("")},
     HEAD("\"news\"", "\"time\":1,\"id\":\"7\",\"base64\":\"\"}")},
    /* Whatever is a string is escaped; what is not ASCII stays as it is. */
    {{.channel = TEXT("a\"\\b:\xc3\xa9"),
      .offset = 42,
      .position = POSITION,
      .time_ms = 1,
      .event = TEXT("e\"\\\xe2\x82\xac"),
      .id = TEXT("i\"\\\xf0\x9f\x98\x80"),
      .payload = TEXT("p\"\\\xe2\x80\xa8")},
     HEAD("\"a\\\"\\\\b:\xc3\xa9\"",
          "\"time\":1,\"event\":\"e\\\"\\\\\xe2\x82\xac\",\"id\":\"i\\\"\\\\\xf0\x9f\x98\x80\","
          "\"data\":\"p\\\"\\\\\xe2\x80\xa8\"}")},
    {{.channel = TEXT("news"), .offset = 42, .position = POSITION, .time_ms = 1},
     HEAD("\"news\"", "\"time\":1,\"data\":\"\"}")},
    /* A clock before 1970 is wrong, and yet a number. */
    {{.channel = TEXT("news"), .offset = 42, .position = POSITION, .time_ms = -12},
     HEAD("\"news\"", "\"time\":-12,\"data\":\"\"}")},
    {{.channel = TEXT("news"), .offset = 42, .position = POSITION, .time_ms = INT64_MIN},
     HEAD("\"news\"", "\"time\":-9223372036854775808,\"data\":\"\"}")},
    {{.channel = TEXT("news"), .offset = 42, .position = POSITION, .time_ms = INT64_MAX},
     HEAD("\"news\"", "\"time\":9223372036854775807,\"data\":\"\"}")},
};

START_TEST(an_envelope_is_what_the_product_page_shows)
{
    struct gw_str written = write_all(&shapes[_i].envelope);

    ck_assert_msg(gw_str_eq(written, GW_STR(shapes[_i].expected)), "%.*s", (int)written.len,
                  written.data);
    ck_assert(gw_json_valid(written));
    drop(written);
}
END_TEST

/* JSON of text, bytes and values: what surrounds the payload, and then the payload's own bytes. */
static struct gw_envelope around(enum gw_envelope_kind kind, struct gw_str payload)
{
    return (struct gw_envelope){.channel = TEXT("c"),
                                .offset = 1,
                                .position = TEXT("p"),
                                .time_ms = 5,
                                .kind = kind,
                                .payload = payload};
}

static const char before_data[] = "{\"channel\":\"c\",\"offset\":1,\"position\":\"p\",\"time\":5,"
                                  "\"data\":";

static void check_data(const struct gw_envelope *envelope, struct gw_str data)
{
    struct gw_str written = write_all(envelope);
    size_t len = sizeof(before_data) - 1;

    ck_assert_uint_eq(written.len, len + data.len + 1);
    ck_assert_mem_eq(written.data, before_data, len);
    ck_assert_mem_eq(written.data + len, data.data, data.len);
    ck_assert_int_eq(written.data[written.len - 1], '}');
    drop(written);
}

/* RFC 8259, section 7. */
static size_t string_of(unsigned char c, char out[9])
{
    switch (c) {
    case '"':
        return (size_t)sprintf(out, "\"\\\"\"");
    case '\\':
        return (size_t)sprintf(out, "\"\\\\\"");
    case '\b':
        return (size_t)sprintf(out, "\"\\b\"");
    case '\f':
        return (size_t)sprintf(out, "\"\\f\"");
    case '\n':
        return (size_t)sprintf(out, "\"\\n\"");
    case '\r':
        return (size_t)sprintf(out, "\"\\r\"");
    case '\t':
        return (size_t)sprintf(out, "\"\\t\"");
    default:
        if (c < 0x20)
            return (size_t)sprintf(out, "\"\\u%04x\"", (unsigned)c);
        out[0] = out[2] = '"';
        out[1] = (char)c;
        return 3;
    }
}

START_TEST(each_of_256_bytes_is_written_as_its_kind_demands)
{
    for (unsigned c = 0; c < 256; c++) {
        char byte = (char)c, string[16], json = byte == '\r' || byte == '\n' ? ' ' : byte;
        struct gw_envelope text = around(GW_ENVELOPE_TEXT, (struct gw_str){&byte, 1});
        struct gw_envelope value = around(GW_ENVELOPE_JSON, (struct gw_str){&byte, 1});

        check_data(&text, (struct gw_str){string, string_of((unsigned char)c, string)});
        check_data(&value, (struct gw_str){&json, 1});
    }
}
END_TEST

START_TEST(a_json_value_keeps_its_bytes_but_for_line_ends)
{
    struct gw_str value = GW_STR("\r\n{\n\t\"a\" :\r\n  -0.10E+02,\r\"\\r\\n\": [ ]\n\n}\r");
    struct gw_str kept = GW_STR("  { \t\"a\" :    -0.10E+02, \"\\r\\n\": [ ]  } ");
    struct gw_envelope envelope = around(GW_ENVELOPE_JSON, value);

    ck_assert(gw_json_valid(value) && gw_json_valid(kept));
    check_data(&envelope, kept);
}
END_TEST

/* --- What is written can be read --- */

/* The member's value, as its bytes; the name must come next. */
static struct gw_str member(struct gw_str *rest, const char *name)
{
    struct gw_str taken, value;

    rest->data++; /* { or a comma */
    rest->len--;
    ck_assert(gw_json_take(rest, &taken));
    ck_assert_msg(taken.len == strlen(name) + 2 && !memcmp(taken.data + 1, name, strlen(name)),
                  "%.*s for %s", (int)taken.len, taken.data, name);
    rest->data++; /* the colon */
    rest->len--;
    ck_assert(gw_json_take(rest, &value));
    return value;
}

static void check_string(struct gw_str string, struct gw_str meaning)
{
    uint8_t *room = malloc(string.len);

    ck_assert_int_eq(string.data[0], '"');
    ck_assert_uint_eq(gw_json_unquote(room, string), meaning.len);
    ck_assert(meaning.len == 0 || memcmp(room, meaning.data, meaning.len) == 0);
    free(room);
}

static void check_number(struct gw_str number, int64_t value)
{
    char digits[32];

    ck_assert_uint_eq((size_t)sprintf(digits, "%" PRId64, value), number.len);
    ck_assert_mem_eq(digits, number.data, number.len);
}

static void check_base64(struct gw_str string, struct gw_str bytes)
{
    uint8_t room[256];
    size_t len;

    ck_assert(gw_base64_decode(room, &len, string.data + 1, string.len - 2));
    ck_assert_uint_eq(len, bytes.len);
    ck_assert(len == 0 || memcmp(room, bytes.data, len) == 0);
}

static void check_read_back(const struct gw_envelope *envelope)
{
    struct gw_str written = write_all(envelope), rest = written;

    ck_assert(gw_json_valid(written));
    check_string(member(&rest, "channel"), envelope->channel);
    check_number(member(&rest, "offset"), (int64_t)envelope->offset);
    check_string(member(&rest, "position"), envelope->position);
    check_number(member(&rest, "time"), envelope->time_ms);
    if (envelope->event.len > 0)
        check_string(member(&rest, "event"), envelope->event);
    if (envelope->id.len > 0)
        check_string(member(&rest, "id"), envelope->id);
    if (envelope->kind == GW_ENVELOPE_BINARY)
        check_base64(member(&rest, "base64"), envelope->payload);
    else
        check_string(member(&rest, "data"), envelope->payload);
    ck_assert(gw_str_eq(rest, GW_STR("}")));
    drop(written);
}

/* Characters of every length, those to be escaped among them. */
static struct gw_str random_text(struct seeded *seeded, char *room, size_t len_max)
{
    static const char *const pieces[] = {
        "a",    "bc",           " ", "\"",   "\\",       "\n",   "\x01",
        "\x7f", "\xe2\x80\xa8", "/", "\x1f", "\xc3\xa9", "\r\n", "\xf0\x9f\x98\x80"};
    size_t len = 0, wanted = seeded_below(seeded, len_max - 4);

    while (len < wanted) {
        const char *piece = pieces[seeded_below(seeded, sizeof(pieces) / sizeof(pieces[0]))];

        memcpy(room + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return (struct gw_str){room, len};
}

START_TEST(random_envelopes_are_as_long_as_said_and_can_be_read)
{
    struct seeded seeded = {4};
    char channel[64], event[64], id[64], payload[200];

    for (int round = 0; round < 3000; round++) {
        struct gw_envelope envelope = {
            .channel = random_text(&seeded, channel, sizeof(channel)),
            .offset = seeded_next(&seeded) >> (11 + seeded_below(&seeded, 50)),
            .position = TEXT("AZaz09-_"),
            .time_ms = (int64_t)seeded_next(&seeded) >> seeded_below(&seeded, 60),
            .event = random_text(&seeded, event, sizeof(event)),
            .id = random_text(&seeded, id, sizeof(id)),
            .kind = seeded_below(&seeded, 2) ? GW_ENVELOPE_TEXT : GW_ENVELOPE_BINARY,
            .payload = random_text(&seeded, payload, sizeof(payload))};

        if (seeded_below(&seeded, 2))
            envelope.event.len = 0;
        check_read_back(&envelope);
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, an_envelope_is_what_the_product_page_shows, 0, SUITE_ROWS(shapes));
    tcase_add_test(tests, each_of_256_bytes_is_written_as_its_kind_demands);
    tcase_add_test(tests, a_json_value_keeps_its_bytes_but_for_line_ends);
    tcase_add_test(tests, random_envelopes_are_as_long_as_said_and_can_be_read);
}

int main(void)
{
    return suite_main("proto/text/envelope", fill);
}
