/* options_test.c - options come from the default, the environment and flags, and are judged
 * strictly. */
#include "server/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <godwit/status.h>

#include "lib/meter.h"
#include "lib/suite.h"
#include "proto/http/head.h"
#include "server/option.h"

#define KIB UINT64_C(1024)
#define MS  UINT64_C(1000000)
#define KEY "0123456789abcdef"

static struct gw_options options;
static struct gw_complaint complaint;
static struct meter meter;

static void begin(void)
{
    meter_init(&meter);
    memset(&complaint, 0, sizeof(complaint));
    ck_assert_int_eq(gw_options_init(&options, &meter.alloc), 0);
}

static void end(void)
{
    gw_options_fini(&options);
    ck_assert_int_eq(meter.live, 0);
}

static uint64_t value_of(const char *name)
{
    return gw_option_value(gw_option_find(GW_STR(name)), &options, NULL);
}

/* The names and defaults of the design's page on limits, and of the product's. */
static const struct {
    const char *name;
    uint64_t value;
} defaults[] = {
    {"open", GW_OPEN_AUTO},
    {"echo", 0},
    {"max_head", 8 * KIB},
    {"max_headers", 64},
    {"max_url", 6 * KIB},
    {"handshake_timeout", 5000 * MS},
    {"body_timeout", 30000 * MS},
    {"max_message", 64 * KIB},
    {"max_body", 1024 * KIB},
    {"max_fragments", 1024},
    {"deflate", 0},
    {"control_rate", 10},
    {"message_rate", 50},
    {"byte_rate", 256 * KIB},
    {"unit_cache", 65536 * KIB},
    {"live_log", 256 * KIB},
    {"max_private", 64 * KIB},
    {"write_timeout", 10000 * MS},
    {"message_timeout", 60000 * MS},
    {"notsent_lowat", 16 * KIB},
    {"ping_interval", 25000 * MS},
    {"pong_timeout", 10000 * MS},
    {"close_timeout", 2000 * MS},
    {"max_connections", 0}, /* auto */
    {"history_total", 0},   /* auto */
    {"memory", 0},          /* auto */
    {"max_per_address", 256},
    {"accept_rate", 20},
    {"max_subscriptions", 128},
    {"max_channels", 1000000},
    {"history", 100},
    {"history_bytes", 1024 * KIB},
    {"history_age", 300000 * MS},
    {"channel_idle", 60000 * MS},
    {"idempotency_age", 300000 * MS},
    {"session_ttl", 120000 * MS},
    {"max_sessions", 100000},
    {"drain", 30000 * MS},
    {"log_rate", 100},
};

START_TEST(a_default_is_that_of_the_design)
{
    const struct gw_option *option = gw_option_find(GW_STR(defaults[_i].name));

    begin();
    ck_assert_ptr_nonnull(option);
    ck_assert_uint_eq(gw_option_value(option, &options, NULL), defaults[_i].value);
    end();
}
END_TEST

START_TEST(the_lists_are_those_of_the_design_and_no_option_is_without_a_row_here)
{
    char text[64];
    size_t count;

    begin();
    (void)gw_option_all(&count);
    ck_assert_uint_eq(count, SUITE_ROWS(defaults) + 3); /* and three lists */
    gw_option_write(text, sizeof(text), gw_option_find(GW_STR("listen")), &options, NULL);
    ck_assert_str_eq(text, "127.0.0.1:9880");
    ck_assert_uint_eq(options.origins.count, 0);
    ck_assert_uint_eq(options.api_keys.count, 0);
    ck_assert_int_eq(gw_options_finish(&options, &complaint), 0);
    end();
}
END_TEST

START_TEST(the_table_keeps_its_own_rules)
{
    size_t count;
    const struct gw_option *all = gw_option_all(&count);

    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_eq(gw_option_find(GW_STR(all[i].name)), &all[i]);
        ck_assert_uint_le(all[i].min, all[i].max);
        if (!gw_option_is_list(&all[i]) && all[i].width < 8)
            ck_assert_uint_lt(all[i].max, UINT64_C(1) << (8 * all[i].width));
        if (all[i].word)
            ck_assert_uint_gt(all[i].min, 0); /* 0 is the word's */
        for (const char *c = all[i].name; *c; c++)
            ck_assert((*c >= 'a' && *c <= 'z') || *c == '_');
    }
    ck_assert_uint_eq(gw_option_find(GW_STR("max_headers"))->max, GW_HTTP_HEADERS_ROOM);
    ck_assert_ptr_null(gw_option_find(GW_STR("max_presence")));
    ck_assert_ptr_null(gw_option_find(GW_STR("")));
    ck_assert_ptr_null(gw_option_find((struct gw_str){"echo\0", 5}));
}
END_TEST

/* The number at the edge of a range, in the option's smallest unit. */
static void write_edge(char *out, size_t room, const struct gw_option *option, uint64_t value)
{
    bool time = option->type == GW_OPTION_DURATION;
    unsigned long long number = time ? value / MS : value;

    (void)snprintf(out, room, "--%s=%llu%s", option->name, number, time ? "ms" : "");
}

START_TEST(every_range_holds_its_edges_and_nothing_past_them)
{
    size_t count;
    const struct gw_option *all = gw_option_all(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t step = all[i].type == GW_OPTION_DURATION ? MS : 1;
        const struct {
            uint64_t value;
            bool good;
        } edges[] = {{all[i].min, true},
                     {all[i].max, true},
                     {all[i].min - step, false}, /* not tried where min is 0 */
                     {all[i].max + step, false}};

        if (all[i].type > GW_OPTION_COUNT)
            continue;
        for (size_t edge = 0; edge < 4; edge++) {
            char flag[80];

            if (edge == 2 && all[i].min == 0)
                continue;
            begin();
            write_edge(flag, sizeof(flag), &all[i], edges[edge].value);
            ck_assert_msg(gw_options_flag(&options, flag, &complaint) ==
                              (edges[edge].good ? 0 : GW_ERR_VALUE),
                          "%s: %s", flag, complaint.text);
            if (edges[edge].good)
                ck_assert_uint_eq(gw_option_value(&all[i], &options, NULL), edges[edge].value);
            else
                ck_assert_ptr_nonnull(strstr(complaint.text, "is out of range: expected a "));
            end();
        }
    }
}
END_TEST

START_TEST(a_value_is_written_as_it_can_be_read)
{
    size_t count;
    const struct gw_option *all = gw_option_all(&count);

    begin();
    for (size_t i = 0; i < count; i++) {
        char text[200], flag[300];
        uint64_t value;

        if (gw_option_is_list(&all[i]))
            continue;
        value = gw_option_value(&all[i], &options, NULL);
        gw_option_write(text, sizeof(text), &all[i], &options, NULL);
        (void)snprintf(flag, sizeof(flag), "--%s=%s", all[i].name, text);
        ck_assert_int_eq(gw_options_flag(&options, flag, &complaint), 0);
        ck_assert_uint_eq(gw_option_value(&all[i], &options, NULL), value);
    }
    end();
}
END_TEST

static const struct {
    const char *flag, *name;
    uint64_t value;
} good[] = {
    {"--max-message=1MiB", "max_message", 1024 * KIB},
    {"--max_message=1MiB", "max_message", 1024 * KIB},
    {"--max-message=65537", "max_message", 65537},
    {"--ping_interval=200ms", "ping_interval", 200 * MS},
    {"--open", "open", GW_OPEN_ON},
    {"--open=on", "open", GW_OPEN_ON},
    {"--open=off", "open", GW_OPEN_OFF},
    {"--open=auto", "open", GW_OPEN_AUTO},
    {"--echo", "echo", 1},
    {"--echo=on", "echo", 1},
    {"--echo=off", "echo", 0},
    {"--history=off", "history", 0},
    {"--history=1", "history", 1},
    {"--max-connections=auto", "max_connections", 0},
    {"--max-connections=5", "max_connections", 5},
    {"--drain=0s", "drain", 0},
};

START_TEST(a_flag_sets_its_option)
{
    begin();
    ck_assert_int_eq(gw_options_flag(&options, good[_i].flag, &complaint), 0);
    ck_assert_uint_eq(value_of(good[_i].name), good[_i].value);
    end();
}
END_TEST

static const struct {
    const char *flag, *line;
} bad[] = {
    {"--max-mesage=1", "--max-mesage: there is no such option: did you mean --max-message?"},
    {"--histroy=1", "--histroy: there is no such option: did you mean --history?"},
    {"--opne", "--opne: there is no such option: see godwit help options"}, /* two slips of four */
    {"--oopen", "--oopen: there is no such option: did you mean --open?"},
    {"--frobnicate", "--frobnicate: there is no such option: see godwit help options"},
    {"--", "--: there is no such option: see godwit help options"},
    {"--=1", "--: there is no such option: see godwit help options"},
    {"--max-presence=1", "--max-presence: there is no such option: see godwit help options"},
    {"--Echo=on", "--Echo: there is no such option: did you mean --echo?"},
    {"--max-message", "--max-message: it has no value: expected \"=\" and a size from 1B to 16MiB"},
    {"--listen", "--listen: it has no value: expected \"=\" and HOST:PORT with a numeric host or "
                 "localhost, such as 127.0.0.1:9880 or [::1]:9880"},
    {"--max-message=", "--max-message: expected a size from 1B to 16MiB, not \"\""},
    {"--max-message=64KB", "--max-message: expected a size from 1B to 16MiB, not \"64KB\""},
    {"--max-message=off", "--max-message: expected a size from 1B to 16MiB, not \"off\""},
    {"--max-message=0", "--max-message: 0 is out of range: expected a size from 1B to 16MiB"},
    {"--max_message=17MiB",
     "--max-message: 17MiB is out of range: expected a size from 1B to 16MiB"},
    {"--max-message=99999999999999999999",
     "--max-message: 99999999999999999999 is out of range: expected a size from 1B to 16MiB"},
    {"--ping-interval=5", "--ping-interval: expected a time from 100ms to 1h, not \"5\""},
    {"--ping-interval=0s", "--ping-interval: 0s is out of range: expected a time from 100ms to 1h"},
    {"--history=0", "--history: 0 is out of range: expected a number from 1 to 1000000, or off"},
    {"--history=none", "--history: expected a number from 1 to 1000000, or off, not \"none\""},
    {"--history-bytes=off", "--history-bytes: expected a size from 1KiB to 1GiB, not \"off\""},
    {"--max-connections=0",
     "--max-connections: 0 is out of range: expected a number from 1 to 10000000, or auto"},
    {"--echo=auto", "--echo: expected on or off, not \"auto\""},
    {"--echo=1", "--echo: expected on or off, not \"1\""},
    {"--open=yes", "--open: expected auto, on or off, not \"yes\""},
    {"--open=\x1b[2J", "--open: expected auto, on or off, not \"\\x1b[2J\""},
};

START_TEST(a_wrong_flag_says_what_was_expected)
{
    begin();
    ck_assert_int_eq(gw_options_flag(&options, bad[_i].flag, &complaint), GW_ERR_VALUE);
    ck_assert_str_eq(complaint.text, bad[_i].line);
    end();
}
END_TEST

/* --- Lists --- */

static const struct {
    const char *name, *value;
    bool good;
} entries[] = {
    {"listen", "127.0.0.1:0", true},
    {"listen", "[::1]:9880", true},
    {"listen", "0.0.0.0:80", true},
    {"listen", "localhost:9880", true},
    {"listen", "example.org:9880", false},
    {"listen", "127.0.0.1", false},
    {"listen", "9880", false},
    {"listen", ":9880", false},
    {"listen", "127.0.0.1:65536", false},
    {"listen", "*:9880", false},
    {"origins", "https://example.org", true},
    {"origins", "http://localhost:3000", true},
    {"origins", "http://[::1]:3000", true},
    {"origins", "http://[::1]", true},
    {"origins", "capacitor://localhost", true},
    {"origins", "https://EXAMPLE.org:65535", true},
    {"origins", "https://example.org/", false},
    {"origins", "https://example.org/page", false},
    {"origins", "https://example.org:0", false},
    {"origins", "https://example.org:65536", false},
    {"origins", "https://example.org:", false},
    {"origins", "https://", false},
    {"origins", "https:example.org", false},
    {"origins", "example.org", false},
    {"origins", "null", false},
    {"origins", "*", false},
    {"origins", "https://*.example.org", false},
    {"origins", "https://user@example.org", false},
    {"origins", "https://exa mple.org", false},
    {"origins", "http://[::1", false},
    {"origins", "http://[]", false},
    {"origins", "http://[::1]3000", false},
    {"origins", "http://[::1]x:3000", false},
    {"origins", "://example.org", false},
    {"api_keys", KEY, true},
    {"api_keys", "!~!~!~!~!~!~!~!~", true},
    {"api_keys", "0123456789abcde", false},
    {"api_keys", "0123456789 abcdef", false},
    {"api_keys", "0123456789\tabcdef", false},
    {"api_keys", "0123456789abcde\x7f", false},
    {"api_keys", "0123456789abcdef\xc3\xbc", false},
};

START_TEST(an_entry_of_a_list_is_judged)
{
    char flag[100];

    begin();
    (void)snprintf(flag, sizeof(flag), "--%s=%s", entries[_i].name, entries[_i].value);
    ck_assert_msg(gw_options_flag(&options, flag, &complaint) ==
                      (entries[_i].good ? 0 : GW_ERR_VALUE),
                  "%s: %s", flag, complaint.text);
    if (!entries[_i].good)
        ck_assert_ptr_nonnull(strstr(complaint.text, "expected "));
    end();
}
END_TEST

START_TEST(a_key_has_255_characters_at_most_and_is_never_repeated)
{
    char flag[300] = "--api-keys=";
    const size_t start = strlen(flag);

    memset(flag + start, 'k', 256);
    flag[start + 256] = '\0';
    begin();
    ck_assert_int_eq(gw_options_flag(&options, flag, &complaint), GW_ERR_VALUE);
    ck_assert_str_eq(complaint.text, "--api-keys: entry 1: expected 16 to 255 printable ASCII "
                                     "characters without blanks and commas");
    flag[start + 255] = '\0';
    end();
    begin();
    ck_assert_int_eq(gw_options_flag(&options, flag, &complaint), 0);
    ck_assert_uint_eq(options.api_keys.items[0].len, 255);
    ck_assert_int_eq(gw_options_flag(&options, flag, &complaint), GW_ERR_VALUE);
    ck_assert_str_eq(complaint.text, "--api-keys: entry 2 is there twice: expected each only once");
    gw_option_write(flag, sizeof(flag), gw_option_find(GW_STR("api_keys")), &options, NULL);
    ck_assert_str_eq(flag, "1, not shown");
    end();
}
END_TEST

START_TEST(a_list_is_comma_separated_and_grows_by_more_flags)
{
    char text[100];

    begin();
    ck_assert_int_eq(gw_options_flag(&options, "--listen=127.0.0.1:0, [::1]:1", &complaint), 0);
    ck_assert_int_eq(gw_options_flag(&options, "--listen=127.0.0.1:0", &complaint), 0);
    gw_option_write(text, sizeof(text), gw_option_find(GW_STR("listen")), &options, NULL);
    ck_assert_str_eq(text, "127.0.0.1:0, [::1]:1, 127.0.0.1:0"); /* of any port, twice is two */
    ck_assert_int_eq(gw_options_flag(&options, "--listen=[0::1]:1", &complaint), GW_ERR_VALUE);
    ck_assert_str_eq(complaint.text,
                     "--listen: [0::1]:1 is there twice: expected each address only once");
    ck_assert_int_eq(gw_options_flag(&options, "--origins=http://a,,http://b", &complaint),
                     GW_ERR_VALUE);
    end();
}
END_TEST

START_TEST(a_list_has_a_longest_length)
{
    char flag[64];

    begin();
    for (int i = 0; i < GW_LISTEN_MAX; i++)
        ck_assert_int_eq(gw_options_flag(&options, "--listen=127.0.0.1:0", &complaint), 0);
    ck_assert_int_eq(gw_options_flag(&options, "--listen=127.0.0.1:0", &complaint), GW_ERR_VALUE);
    ck_assert_str_eq(complaint.text, "--listen: expected at most 16 addresses");
    for (int i = 0; i <= GW_LIST_MAX; i++) {
        (void)snprintf(flag, sizeof(flag), "--origins=http://host%d", i);
        ck_assert_int_eq(gw_options_flag(&options, flag, &complaint),
                         i < GW_LIST_MAX ? 0 : GW_ERR_VALUE);
    }
    ck_assert_str_eq(complaint.text, "--origins: expected at most 256 entries");
    end();
}
END_TEST

START_TEST(a_flag_is_given_once)
{
    begin();
    ck_assert_int_eq(gw_options_flag(&options, "--echo", &complaint), 0);
    ck_assert_int_eq(gw_options_flag(&options, "--echo=on", &complaint), GW_ERR_VALUE);
    ck_assert_str_eq(complaint.text, "--echo: it is given twice: expected it only once");
    end();
}
END_TEST

/* --- Environment --- */

static int set_variable(const char *variable)
{
    char copy[400];
    char *environment[] = {copy, NULL};

    (void)snprintf(copy, sizeof(copy), "%s", variable);
    return gw_options_environment(&options, environment, &complaint);
}

START_TEST(flags_win_over_the_environment_and_that_over_the_default)
{
    begin();
    ck_assert_int_eq(set_variable("GODWIT_MAX_MESSAGE=2KiB"), 0);
    ck_assert_int_eq(set_variable("GODWIT_MAX_BODY=3KiB"), 0);
    ck_assert_int_eq(set_variable("GODWIT_ORIGINS=http://a,http://b"), 0);
    ck_assert_int_eq(gw_options_flag(&options, "--max-message=1KiB", &complaint), 0);
    ck_assert_int_eq(gw_options_flag(&options, "--origins=http://c", &complaint), 0);
    ck_assert_uint_eq(options.max_message_bytes, 1 * KIB);
    ck_assert_uint_eq(options.max_body_bytes, 3 * KIB);
    ck_assert_uint_eq(options.origins.count, 1); /* the later list, not both */
    ck_assert_str_eq(options.origins.items[0].data, "http://c");
    ck_assert_uint_eq(options.max_head_bytes, 8 * KIB);
    end();
}
END_TEST

static const struct {
    const char *variable;
    int expect;
    const char *line;
} variables[] = {
    {"GODWIT_MAX_MESSAGE=off", GW_ERR_VALUE,
     "GODWIT_MAX_MESSAGE: expected a size from 1B to 16MiB, not \"off\""},
    {"GODWIT_MAX_MESSAGE=", GW_ERR_VALUE,
     "GODWIT_MAX_MESSAGE: expected a size from 1B to 16MiB, not \"\""},
    {"GODWIT_MAX_MESAGE=1", GW_ERR_VALUE,
     "GODWIT_MAX_MESAGE: there is no such option: did you mean GODWIT_MAX_MESSAGE?"},
    {"GODWIT_max_message=1", GW_ERR_VALUE,
     "GODWIT_max_message: there is no such option: did you mean GODWIT_MAX_MESSAGE?"},
    {"GODWIT_ORIGINS=", 0, ""}, /* an empty list */
    /* What a cluster puts there for a service called godwit, and what pub and sub read. */
    {"GODWIT_SERVICE_HOST=10.0.0.1", 0, ""},
    {"GODWIT_PORT=tcp://10.0.0.1:9880", 0, ""},
    {"GODWIT_PORT_9880_TCP_ADDR=10.0.0.1", 0, ""},
    {"GODWIT_URL=http://x", 0, ""},
    {"GODWIT_KEY=" KEY, 0, ""},
    {"GODWIT_TOKEN=" KEY, 0, ""},
    {"GODWIT_=1", 0, ""},
    {"GODWIT_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=1", 0, ""},
    {"GODWIT_ECHO", 0, ""}, /* not a variable at all */
    {"MAX_MESSAGE=1", 0, ""},
    {"=", 0, ""},
};

START_TEST(a_variable_is_read_and_a_slip_in_its_name_is_noticed)
{
    begin();
    ck_assert_int_eq(set_variable(variables[_i].variable), variables[_i].expect);
    ck_assert_str_eq(complaint.text, variables[_i].line);
    end();
}
END_TEST

/* --- The whole --- */

static const struct {
    const char *listen, *open;
    const char *line; /* NULL: good */
    bool is_open;
} modes[] = {
    {"--listen=127.0.0.1:1", "--open=auto", NULL, true},
    {"--listen=127.0.0.1:1,[::1]:1", "--open=on", NULL, true},
    {"--listen=127.0.0.1:1", "--open=off", NULL, false},
    {"--listen=127.0.0.1:1,0.0.0.0:1", "--open=auto", NULL, false},
    {"--listen=192.0.2.1:1", "--open=off", NULL, false},
    {"--listen=127.0.0.1:1,[::]:9880", "--open=on",
     "--open: open mode is for loopback listeners only, and [::]:9880 is none: expected auto or "
     "off",
     false},
    {"--listen=", "--open=on",
     "--listen: the list is empty: expected at least one address, such as 127.0.0.1:9880", false},
};

START_TEST(open_mode_is_for_loopback_listeners)
{
    begin();
    ck_assert_int_eq(gw_options_flag(&options, modes[_i].listen, &complaint), 0);
    ck_assert_int_eq(gw_options_flag(&options, modes[_i].open, &complaint), 0);
    ck_assert_int_eq(gw_options_finish(&options, &complaint), modes[_i].line ? GW_ERR_VALUE : 0);
    ck_assert_str_eq(complaint.text, modes[_i].line ? modes[_i].line : "");
    if (!modes[_i].line)
        ck_assert_int_eq(gw_options_is_open(&options), modes[_i].is_open);
    end();
}
END_TEST

static const struct {
    uint32_t max_connections, expect;
    uint64_t descriptors;
} connections[] = {
    {0, 819, 1024}, /* 819.2 */
    {0, 36, 100},   /* the reserve of 64 is more */
    {0, 1, 64},
    {0, 1, 0},
    {0, UINT32_MAX, UINT64_MAX}, /* no descriptor limit */
    {500, 500, 1024},
    {5000, 960, 1024}, /* the reserve is kept */
    {5000, 5000, UINT64_MAX},
};

START_TEST(memory_is_divided)
{
    begin();
    options.history_total_bytes = 0;
    options.memory_bytes = 0;
    ck_assert_uint_eq(gw_options_memory(&options, 4000000), 2800000);
    ck_assert_uint_eq(gw_options_history_total(&options, 4000000), 700000);
    ck_assert_uint_eq(gw_options_buffers(&options, 4000000), 700000);
    options.memory_bytes = 8000;
    ck_assert_uint_eq(gw_options_memory(&options, 4000000), 8000);
    ck_assert_uint_eq(gw_options_history_total(&options, 4000000), 2000);
    ck_assert_uint_eq(gw_options_buffers(&options, 4000000), 2000);
    options.history_total_bytes = 65536;
    ck_assert_uint_eq(gw_options_history_total(&options, 4000000), 65536);
    end();
}
END_TEST

START_TEST(connections_leave_a_reserve_of_descriptors)
{
    begin();
    options.max_connections = connections[_i].max_connections;
    ck_assert_uint_eq(gw_options_connections(&options, connections[_i].descriptors),
                      connections[_i].expect);
    end();
}
END_TEST

START_TEST(memory_that_runs_out_is_told_and_nothing_leaks)
{
    for (long left = 0;; left++) {
        int err;

        meter_init(&meter);
        meter.left = left;
        err = gw_options_init(&options, &meter.alloc);
        if (err == 0)
            err = gw_options_flag(&options, "--origins=http://a,http://b", &complaint);
        if (err == 0)
            err = gw_options_flag(&options, "--api-keys=" KEY, &complaint);
        if (err < 0) {
            ck_assert_int_eq(err, -ENOMEM);
            ck_assert_str_eq(complaint.text, "out of memory");
        }
        end();
        if (meter.failed == 0)
            break;
        ck_assert_int_lt(err, 0);
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_default_is_that_of_the_design, 0, SUITE_ROWS(defaults));
    tcase_add_test(tests, the_lists_are_those_of_the_design_and_no_option_is_without_a_row_here);
    tcase_add_test(tests, the_table_keeps_its_own_rules);
    tcase_add_test(tests, every_range_holds_its_edges_and_nothing_past_them);
    tcase_add_test(tests, a_value_is_written_as_it_can_be_read);
    tcase_add_loop_test(tests, a_flag_sets_its_option, 0, SUITE_ROWS(good));
    tcase_add_loop_test(tests, a_wrong_flag_says_what_was_expected, 0, SUITE_ROWS(bad));
    tcase_add_loop_test(tests, an_entry_of_a_list_is_judged, 0, SUITE_ROWS(entries));
    tcase_add_test(tests, a_key_has_255_characters_at_most_and_is_never_repeated);
    tcase_add_test(tests, a_list_is_comma_separated_and_grows_by_more_flags);
    tcase_add_test(tests, a_list_has_a_longest_length);
    tcase_add_test(tests, a_flag_is_given_once);
    tcase_add_test(tests, flags_win_over_the_environment_and_that_over_the_default);
    tcase_add_loop_test(tests, a_variable_is_read_and_a_slip_in_its_name_is_noticed, 0,
                        SUITE_ROWS(variables));
    tcase_add_loop_test(tests, open_mode_is_for_loopback_listeners, 0, SUITE_ROWS(modes));
    tcase_add_test(tests, memory_is_divided);
    tcase_add_loop_test(tests, connections_leave_a_reserve_of_descriptors, 0,
                        SUITE_ROWS(connections));
    tcase_add_test(tests, memory_that_runs_out_is_told_and_nothing_leaks);
}

int main(void)
{
    return suite_main("server/options", fill);
}
