/* publish_line_test.c - a line is one publication, or is refused with a reason that helps. */
#include "proto/text/publish_line.h"

#include <string.h>

#include "core/alloc.h"
#include "core/base64.h"
#include "core/buf.h"
#include "core/json.h"
#include "lib/seeded.h"
#include "lib/suite.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

/* A line and its room, in memory of their very sizes. */
struct reading {
    char *line;
    uint8_t *room;
    struct gw_publish_line out;
    struct gw_publish_fault fault;
    bool read;
};

static struct reading read_line(struct gw_str line)
{
    struct reading reading = {.line = malloc(line.len + 1), .room = malloc(line.len + 1)};
    /* The last byte of each is the line's; malloc(0) would be none. */
    char *at = reading.line + 1;
    uint8_t *room = reading.room + 1;

    if (line.len > 0)
        memcpy(at, line.data, line.len);
    reading.out.channel = GW_STR("as it was");
    reading.read =
        gw_publish_line_read(&reading.out, (struct gw_str){at, line.len}, room, &reading.fault);
    return reading;
}

static void end(struct reading *reading)
{
    free(reading->line);
    free(reading->room);
}

/* --- What is taken --- */

static const struct {
    struct gw_str line;
    struct gw_publish_line expected;
} taken[] = {
    {TEXT("{\"channel\":\"news\",\"data\":\"dinner is ready\"}"),
     {TEXT("news"), TEXT(""), TEXT(""), GW_ENVELOPE_TEXT, TEXT("dinner is ready")}},
    {TEXT("{\"channel\":\"news\",\"data\":\"d\",\"event\":\"meal\",\"id\":\"7\"}"),
     {TEXT("news"), TEXT("meal"), TEXT("7"), GW_ENVELOPE_TEXT, TEXT("d")}},
    /* Any order; blanks wherever JSON allows them, and the ends of lines. */
    {TEXT(" \t{ \"id\" : \"7\" ,\t\"data\":\"d\" , \"event\" :\"meal\",\"channel\": \"news\" } "
          "\r\n"),
     {TEXT("news"), TEXT("meal"), TEXT("7"), GW_ENVELOPE_TEXT, TEXT("d")}},
    {TEXT("{\"channel\":\"c\",\"data\":\"\"}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_TEXT, TEXT("")}},
    /* Every other value is JSON, with its bytes kept. */
    {TEXT("{\"channel\":\"c\",\"data\":null}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_JSON, TEXT("null")}},
    {TEXT("{\"channel\":\"c\",\"data\":true}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_JSON, TEXT("true")}},
    {TEXT("{\"channel\":\"c\",\"data\": -1.50E+400 ,\"id\":\"1\"}"),
     {TEXT("c"), TEXT(""), TEXT("1"), GW_ENVELOPE_JSON, TEXT("-1.50E+400")}},
    {TEXT("{\"channel\":\"c\",\"data\":123456789012345678901234567890}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_JSON, TEXT("123456789012345678901234567890")}},
    {TEXT("{\"channel\":\"c\",\"data\": { \"a\" :\t[ \"\\u00e9\\/\" ],\"a\":{}}\r}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_JSON,
      TEXT("{ \"a\" :\t[ \"\\u00e9\\/\" ],\"a\":{}}")}},
    {TEXT("{\"channel\":\"c\",\"data\":[]}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_JSON, TEXT("[]")}},
    /* Names of ours within a value are none of ours. */
    {TEXT("{\"channel\":\"c\",\"data\":{\"channel\":1,\"base64\":2,\"x\":3}}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_JSON,
      TEXT("{\"channel\":1,\"base64\":2,\"x\":3}")}},
    /* Bytes; the escaped slash is how many an encoder writes it. */
    {TEXT("{\"channel\":\"c\",\"base64\":\"AP/+Zg==\"}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_BINARY,
      TEXT("\0\xff\xfe"
           "f")}},
    {TEXT("{\"base64\":\"AP\\/+Z\\u0067==\",\"channel\":\"c\"}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_BINARY,
      TEXT("\0\xff\xfe"
           "f")}},
    {TEXT("{\"channel\":\"c\",\"base64\":\"\"}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_BINARY, TEXT("")}},
    /* Every escape of RFC 8259, section 7, and a pair of surrogates. */
    {TEXT("{\"channel\":\"c\",\"data\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\uD834\\uDD1E\"}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_TEXT, TEXT("\"\\/\b\f\n\r\tA\xf0\x9d\x84\x9e")}},
    {TEXT("{\"channel\":\"\\u0063\\u00e9\",\"data\":\"d\",\"event\":\"\\\"\",\"id\":\"\\\\\"}"),
     {TEXT("c\xc3\xa9"), TEXT("\""), TEXT("\\"), GW_ENVELOPE_TEXT, TEXT("d")}},
    /* A text may hold NULs, raw UTF-8, and U+2028. */
    {TEXT("{\"channel\":\"c\",\"data\":\"a\\u0000b\\u0000\"}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_TEXT, TEXT("a\0b\0")}},
    {TEXT("{\"channel\":\"\xc3\xa9\",\"data\":\"\xf0\x9f\x98\x80\xe2\x80\xa8\x7f\"}"),
     {TEXT("\xc3\xa9"), TEXT(""), TEXT(""), GW_ENVELOPE_TEXT,
      TEXT("\xf0\x9f\x98\x80\xe2\x80\xa8\x7f")}},
    /* A name is what it means. */
    {TEXT("{\"\\u0063hannel\":\"c\",\"d\\u0061ta\":\"d\"}"),
     {TEXT("c"), TEXT(""), TEXT(""), GW_ENVELOPE_TEXT, TEXT("d")}},
};

static void check_equal(const struct gw_publish_line *got, const struct gw_publish_line *expected)
{
    ck_assert(gw_str_eq(got->channel, expected->channel));
    ck_assert(gw_str_eq(got->event, expected->event));
    ck_assert(gw_str_eq(got->id, expected->id));
    ck_assert_int_eq(got->kind, expected->kind);
    ck_assert(gw_str_eq(got->payload, expected->payload));
}

START_TEST(a_line_is_a_publication)
{
    struct reading reading = read_line(taken[_i].line);

    ck_assert_msg(reading.read, "%s", reading.read ? "" : reading.fault.why);
    check_equal(&reading.out, &taken[_i].expected);
    end(&reading);
}
END_TEST

START_TEST(a_line_cut_short_anywhere_is_refused)
{
    struct gw_str whole = gw_str_trim(taken[_i].line);

    while (whole.data[whole.len - 1] != '}')
        whole.len--; /* the line end */
    for (size_t len = 0; len < whole.len; len++) {
        struct reading reading = read_line((struct gw_str){whole.data, len});

        ck_assert_msg(!reading.read, "%zu of %s", len, whole.data);
        ck_assert(gw_str_eq(reading.out.channel, GW_STR("as it was")));
        ck_assert(reading.fault.why && reading.fault.why[0]);
        end(&reading);
    }
}
END_TEST

/* --- What is refused --- */

static const char not_object[] = "the line is not a JSON object";
static const char no_name[] = "a member begins with its name, which is a string";
static const char no_value[] = "has no valid JSON value, or one that is nested too deeply";
static const char no_colon[] = "must have a colon behind its name";
static const char no_end[] = "a comma or the closing brace is missing";
static const char behind[] = "there is something behind the object";
static const char twice[] = "is given twice";
static const char both[] = "is one too many: a publication has data or base64";
static const char unknown[] = "is not known: channel, data or base64, event and id are";
static const char no_string[] = "must be a string";
static const char is_empty[] = "must not be empty";
static const char has_nul[] = "must not contain a NUL";
static const char no_base64[] = "is not base64 with padding (RFC 4648, section 4)";
static const char no_channel[] = "channel is missing";
static const char no_data[] = "data is missing (or base64, for bytes)";
static const char no_utf8[] = "the line is not UTF-8";

static const struct {
    struct gw_str line;
    const char *why, *member;
} refused[] = {
    {TEXT(""), not_object, ""},
    {TEXT(" \t\r\n"), not_object, ""},
    {TEXT("null"), not_object, ""},
    {TEXT("\"channel\""), not_object, ""},
    {TEXT("[{\"channel\":\"c\",\"data\":1}]"), not_object, ""},
    {TEXT("\xef\xbb\xbf{\"channel\":\"c\",\"data\":1}"), not_object, ""},
    {TEXT("\0{\"channel\":\"c\",\"data\":1}"), not_object, ""},

    {TEXT("{\"channel\":\"\xff\",\"data\":1}"), no_utf8, ""},
    {TEXT("{\"channel\":\"c\",\"data\":\"\xc0\x80\"}"), no_utf8, ""},
    {TEXT("{\"channel\":\"c\",\"data\":\"\xed\xa0\x80\"}"), no_utf8, ""},
    {TEXT("{\"channel\":\"c\",\"data\":1}\xe2\x82"), no_utf8, ""},

    {TEXT("{channel:\"c\",\"data\":1}"), no_name, ""},
    {TEXT("{1:\"c\",\"data\":1}"), no_name, ""},
    {TEXT("{,\"channel\":\"c\",\"data\":1}"), no_name, ""},
    {TEXT("{\"channel\":\"c\",\"data\":1,}"), no_name, ""},
    {TEXT("{\"channel\":\"c\",,\"data\":1}"), no_name, ""},
    {TEXT("{'channel':'c','data':1}"), no_name, ""},
    {TEXT("{\"\\ud800\":\"c\"}"), no_name, ""},
    {TEXT("{"), no_name, ""},

    {TEXT("{\"channel\"}"), no_colon, "channel"},
    {TEXT("{\"channel\" \"c\",\"data\":1}"), no_colon, "channel"},
    {TEXT("{\"channel\":\"c\",\"data\",1}"), no_colon, "data"},

    {TEXT("{\"channel\":}"), no_value, "channel"},
    {TEXT("{\"channel\"::\"c\"}"), no_value, "channel"},
    {TEXT("{\"channel\":c,\"data\":1}"), no_value, "channel"},
    {TEXT("{\"channel\":\"c\",\"data\":}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":+1}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":1.}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":NaN}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":[1,]}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":\"\n\"}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":\"\0\"}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":\"\\x41\"}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":\"\\u12g4\"}"), no_value, "data"},
    /* Lone surrogates, in a text and within a value. */
    {TEXT("{\"channel\":\"c\",\"data\":\"\\ud800\"}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":\"\\udc00\"}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":\"\\udc00\\ud800\"}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":\"\\ud800\\u0041\"}"), no_value, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":[\"\\ud800\"]}"), no_value, "data"},

    {TEXT("{\"channel\":\"c\" \"data\":1}"), no_end, ""},
    {TEXT("{\"channel\":\"c\";\"data\":1}"), no_end, ""},
    {TEXT("{\"channel\":\"c\",\"data\":01}"), no_end, ""},
    {TEXT("{\"channel\":\"c\",\"data\":1]"), no_end, ""},
    {TEXT("{\"channel\":\"c\",\"data\":1"), no_end, ""},
    {TEXT("{\"channel\":\"c\",\"data\":1\0}"), no_end, ""},

    {TEXT("{\"channel\":\"c\",\"data\":1}}"), behind, ""},
    {TEXT("{\"channel\":\"c\",\"data\":1} {}"), behind, ""},
    {TEXT("{\"channel\":\"c\",\"data\":1},"), behind, ""},
    {TEXT("{\"channel\":\"c\",\"data\":1}\n{\"channel\":\"c\",\"data\":1}"), behind, ""},
    {TEXT("{\"channel\":\"c\",\"data\":1}\0"), behind, ""},
    {TEXT("{}x"), behind, ""},

    {TEXT("{\"channel\":\"c\",\"channel\":\"c\",\"data\":1}"), twice, "channel"},
    {TEXT("{\"channel\":\"c\",\"data\":1,\"data\":1}"), twice, "data"},
    {TEXT("{\"channel\":\"c\",\"data\":1,\"d\\u0061ta\":1}"), twice, "d\\u0061ta"},
    {TEXT("{\"event\":\"c\",\"data\":1,\"event\":\"d\"}"), twice, "event"},
    {TEXT("{\"id\":\"c\",\"id\":1}"), twice, "id"},
    {TEXT("{\"base64\":\"\",\"base64\":\"\"}"), twice, "base64"},
    {TEXT("{\"channel\":\"c\",\"data\":1,\"base64\":\"\"}"), both, "base64"},
    {TEXT("{\"base64\":\"\",\"data\":null,\"channel\":\"c\"}"), both, "data"},

    {TEXT("{\"channel\":\"c\",\"data\":1,\"evnet\":\"x\"}"), unknown, "evnet"},
    {TEXT("{\"channel\":\"c\",\"data\":1,\"Event\":\"x\"}"), unknown, "Event"},
    {TEXT("{\"channel\":\"c\",\"data\":1,\"\":\"x\"}"), unknown, ""},
    {TEXT("{\"channel\":\"c\",\"data\":1,\"tags\":{}}"), unknown, "tags"},
    {TEXT("{\"channel\":\"c\",\"data\":1,\"id \":\"x\"}"), unknown, "id "},
    {TEXT("{\"channel\":\"c\",\"data\":1,\"id\\u0000\":\"x\"}"), unknown, "id\\u0000"},
    {TEXT("{\"channel\":\"c\",\"data\":1,\"offset\""), unknown, "offset"},

    {TEXT("{\"channel\":1,\"data\":1}"), no_string, "channel"},
    {TEXT("{\"channel\":null,\"data\":1}"), no_string, "channel"},
    {TEXT("{\"channel\":[\"c\"],\"data\":1}"), no_string, "channel"},
    {TEXT("{\"channel\":\"c\",\"event\":null,\"data\":1}"), no_string, "event"},
    {TEXT("{\"channel\":\"c\",\"id\":7,\"data\":1}"), no_string, "id"},
    {TEXT("{\"channel\":\"c\",\"base64\":null}"), no_string, "base64"},

    {TEXT("{\"channel\":\"\",\"data\":1}"), is_empty, "channel"},
    {TEXT("{\"channel\":\"c\",\"event\":\"\",\"data\":1}"), is_empty, "event"},
    {TEXT("{\"channel\":\"c\",\"id\":\"\",\"data\":1}"), is_empty, "id"},
    {TEXT("{\"channel\":\"c\\u0000\",\"data\":1}"), has_nul, "channel"},
    {TEXT("{\"channel\":\"c\",\"event\":\"\\u0000\",\"data\":1}"), has_nul, "event"},
    {TEXT("{\"channel\":\"c\",\"id\":\"a\\u0000b\",\"data\":1}"), has_nul, "id"},

    {TEXT("{\"channel\":\"c\",\"base64\":\"Zg\"}"), no_base64, "base64"},
    {TEXT("{\"channel\":\"c\",\"base64\":\"Zg=\"}"), no_base64, "base64"},
    {TEXT("{\"channel\":\"c\",\"base64\":\"Zh==\"}"), no_base64, "base64"},
    {TEXT("{\"channel\":\"c\",\"base64\":\"Zm9-\"}"), no_base64, "base64"},
    {TEXT("{\"channel\":\"c\",\"base64\":\"Zm9v\\n\"}"), no_base64, "base64"},
    {TEXT("{\"channel\":\"c\",\"base64\":\"\\u0000\\u0000\\u0000\\u0000\"}"), no_base64, "base64"},
    {TEXT("{\"channel\":\"c\",\"base64\":\"\xc3\xa9\xc3\xa9\"}"), no_base64, "base64"},

    {TEXT("{}"), no_channel, ""},
    {TEXT("{ }"), no_channel, ""},
    {TEXT("{\"data\":1}"), no_channel, ""},
    {TEXT("{\"channel\":\"c\"}"), no_data, ""},
    {TEXT("{\"channel\":\"c\",\"event\":\"e\",\"id\":\"i\"}"), no_data, ""},
};

START_TEST(a_line_is_refused_with_its_reason)
{
    struct reading reading = read_line(refused[_i].line);

    ck_assert(!reading.read);
    ck_assert_str_eq(reading.fault.why, refused[_i].why);
    ck_assert(gw_str_eq(reading.fault.member, GW_STR(refused[_i].member)));
    ck_assert(gw_str_eq(reading.out.channel, GW_STR("as it was")));
    end(&reading);
}
END_TEST

/* A value may be as deep here as when it is published alone: the line's object does not count. */
START_TEST(depth_ends_where_it_does_for_a_value_alone)
{
    for (int depth = GW_JSON_DEPTH_MAX - 1; depth <= GW_JSON_DEPTH_MAX + 1; depth++) {
        struct reading reading;
        struct gw_buf line;

        gw_buf_init(&line, &gw_alloc_std, 1000);
        ck_assert_int_eq(gw_buf_text(&line, GW_STR("{\"channel\":\"c\",\"data\":")), 0);
        for (int i = 0; i < depth; i++)
            ck_assert_int_eq(gw_buf_text(&line, GW_STR("[")), 0);
        for (int i = 0; i < depth; i++)
            ck_assert_int_eq(gw_buf_text(&line, GW_STR("]")), 0);
        ck_assert_int_eq(gw_buf_text(&line, GW_STR("}")), 0);
        reading = read_line(gw_buf_str(&line));
        ck_assert_int_eq(reading.read, depth <= GW_JSON_DEPTH_MAX);
        if (reading.read)
            ck_assert(gw_json_valid(reading.out.payload));
        else
            ck_assert_str_eq(reading.fault.why, no_value);
        end(&reading);
        gw_buf_fini(&line);
    }
}
END_TEST

/* --- There and back --- */

static void put(struct gw_buf *out, const char *key, struct gw_str value)
{
    ck_assert_int_eq(gw_buf_text(out, GW_STR(key)), 0);
    ck_assert_ptr_nonnull(gw_buf_reserve(out, gw_json_quote_size(value)));
    gw_buf_added(out, gw_json_quote(out->data + out->len, value));
}

static void put_line(struct gw_buf *out, const struct gw_publish_line *line)
{
    char text[GW_BASE64_LEN(100)];

    put(out, "{\"channel\":", line->channel);
    if (line->event.len > 0)
        put(out, ",\"event\":", line->event);
    if (line->kind == GW_ENVELOPE_TEXT)
        put(out, ",\"data\":", line->payload);
    else if (line->kind == GW_ENVELOPE_BINARY)
        put(out, ",\"base64\":",
            (struct gw_str){text, gw_base64_encode(text, line->payload.data, line->payload.len)});
    else {
        ck_assert_int_eq(gw_buf_text(out, GW_STR(",\"data\":")), 0);
        ck_assert_int_eq(gw_buf_text(out, line->payload), 0);
    }
    if (line->id.len > 0)
        put(out, ",\"id\":", line->id);
    ck_assert_int_eq(gw_buf_text(out, GW_STR("}")), 0);
}

/* ASCII without NUL; at least one character. */
static struct gw_str random_text(struct seeded *seeded, char *room, size_t len_max)
{
    struct gw_str text = {room, 1 + seeded_below(seeded, len_max)};

    for (size_t i = 0; i < text.len; i++)
        room[i] = (char)(1 + seeded_below(seeded, 127));
    return text;
}

START_TEST(what_is_written_as_a_line_is_read_from_it)
{
    static const char *const values[] = {"0", "{\"a\":[\"\\n\"]}", "[ 1,2 ]", "false"};
    struct seeded seeded = {7};

    for (int round = 0; round < 3000; round++) {
        char channel[50], event[50], id[50], payload[100];
        struct gw_publish_line line = {.channel = random_text(&seeded, channel, sizeof(channel)),
                                       .event = random_text(&seeded, event, sizeof(event)),
                                       .id = random_text(&seeded, id, sizeof(id)),
                                       .kind = (enum gw_envelope_kind)seeded_below(&seeded, 3),
                                       .payload = random_text(&seeded, payload, sizeof(payload))};
        const char *value = values[seeded_below(&seeded, 4)];
        struct reading reading;
        struct gw_buf out;

        if (line.kind == GW_ENVELOPE_JSON)
            line.payload = GW_STR(value);
        if (seeded_below(&seeded, 2))
            line.id.len = 0;
        gw_buf_init(&out, &gw_alloc_std, 10000);
        put_line(&out, &line);
        reading = read_line(gw_buf_str(&out));
        ck_assert_msg(reading.read, "%s: %.*s", reading.read ? "" : reading.fault.why, (int)out.len,
                      (char *)out.data);
        check_equal(&reading.out, &line);
        end(&reading);
        gw_buf_fini(&out);
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_line_is_a_publication, 0, SUITE_ROWS(taken));
    tcase_add_loop_test(tests, a_line_cut_short_anywhere_is_refused, 0, SUITE_ROWS(taken));
    tcase_add_loop_test(tests, a_line_is_refused_with_its_reason, 0, SUITE_ROWS(refused));
    tcase_add_test(tests, depth_ends_where_it_does_for_a_value_alone);
    tcase_add_test(tests, what_is_written_as_a_line_is_read_from_it);
}

int main(void)
{
    return suite_main("proto/text/publish_line", fill);
}
