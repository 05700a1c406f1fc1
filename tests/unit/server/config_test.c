/* config_test.c - the file is read strictly, and what is wrong in it is told with its line. */
#include "server/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <godwit/status.h>

#include "lib/meter.h"
#include "lib/suite.h"
#include "server/option.h"
#include "server/options.h"

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

static int parse(const char *text)
{
    return gw_config_parse(&options, "g.yaml", GW_STR(text), &complaint);
}

START_TEST(a_file_sets_options_lists_and_namespaces)
{
    begin();
    ck_assert_int_eq(parse("# a comment\n"
                           "max_message: 128 KiB\n"
                           "ping-interval: \"200ms\"\n"
                           "echo: on\n"
                           "history: off\n"
                           "listen: [127.0.0.1:0, '[::1]:0']\n"
                           "origins:\n"
                           "  - https://example.org\n"
                           "  - http://localhost:3000\n"
                           "api_keys: " KEY "\n"
                           "channels:\n"
                           "  chat: {history: 50, history_age: 1h}\n"
                           "  sport:\n"
                           "    history_bytes: 2MiB\n"),
                     0);
    ck_assert_int_eq(gw_options_finish(&options, &complaint), 0);
    ck_assert_uint_eq(options.max_message_bytes, 131072);
    ck_assert_uint_eq(options.ping_interval_ns, 200 * MS);
    ck_assert(options.echo);
    ck_assert_uint_eq(options.history.count_max, 0);
    ck_assert_uint_eq(options.listen_count, 2);
    ck_assert_uint_eq(options.origins.count, 2);
    ck_assert_str_eq(options.origins.items[1].data, "http://localhost:3000");
    ck_assert_uint_eq(options.api_keys.count, 1);
    ck_assert_uint_eq(options.namespace_count, 2);
    end();
}
END_TEST

static const struct {
    const char *channel;
    uint32_t count_max;
    uint64_t bytes_max, age_ns_max;
} histories[] = {
    {"chat:42", 50, 4096, 3600000 * MS},
    {"chat:", 50, 4096, 3600000 * MS},
    {"chat:a:b", 50, 4096, 3600000 * MS},
    {"sport:x", 7, 2048, 1000 * MS},
    {"none:x", 0, 4096, 1000 * MS},
    {"chat", 7, 4096, 1000 * MS}, /* no colon: in no namespace */
    {"chatter:1", 7, 4096, 1000 * MS},
    {"cha:1", 7, 4096, 1000 * MS},
    {":chat:1", 7, 4096, 1000 * MS},
    {"Chat:1", 7, 4096, 1000 * MS},
    {"other:1", 7, 4096, 1000 * MS},
    {"", 7, 4096, 1000 * MS},
};

START_TEST(a_channel_goes_by_its_namespace_and_that_by_the_rest)
{
    struct gw_history got;

    begin();
    ck_assert_int_eq(parse("channels:\n"
                           "  chat: {history: 50, history_age: 1h}\n"
                           "  sport: {history_bytes: 2KiB}\n"
                           "  none: {history: off}\n"
                           "  empty: {}\n"
                           "history: 9\n"
                           "history_bytes: 4KiB\n"
                           "history_age: 1s\n"),
                     0);
    /* A later source is for all channels, but not for those of which the file says otherwise. */
    ck_assert_int_eq(gw_options_flag(&options, "--history=7", &complaint), 0);
    ck_assert_int_eq(gw_options_finish(&options, &complaint), 0);
    got = gw_options_channel(&options, GW_STR(histories[_i].channel));
    ck_assert_uint_eq(got.count_max, histories[_i].count_max);
    ck_assert_uint_eq(got.bytes_max, histories[_i].bytes_max);
    ck_assert_uint_eq(got.age_ns_max, histories[_i].age_ns_max);
    end();
}
END_TEST

static const char *const harmless[] = {
    "",
    "\n\n",
    "# nothing\n",
    "---\n",
    "---\n...\n",
    "{}\n",
    "%YAML 1.1\n---\necho: on\n",
    "\xef\xbb\xbf# begins with a byte order mark\necho: on\n",
    "echo: on\r\nopen: off\r\n",
    "{\"echo\": \"on\"}", /* JSON is YAML */
    "origins: []\n",
    "origins:\n",
    "origins: http://a, http://b\n",
    "channels: {}\n",
    "echo: 'on'\nopen: >-\n  auto\n",
    "? echo\n: on\n",
};

START_TEST(a_harmless_file_is_taken)
{
    begin();
    ck_assert_msg(parse(harmless[_i]) == 0, "%s", complaint.text);
    ck_assert_int_eq(gw_options_finish(&options, &complaint), 0);
    end();
}
END_TEST

static const struct {
    const char *text, *line;
} bad[] = {
    {"max_mesage: 1\n", "g.yaml:1: max_mesage: there is no such option: did you mean max_message?"},
    {"\n\nfrob: 1\n", "g.yaml:3: frob: there is no such option: see godwit help options"},
    {"<<: {echo: on}\n", "g.yaml:1: <<: there is no such option: see godwit help options"},
    {"echo: on\nmax_message: 17MiB\n",
     "g.yaml:2: max_message: 17MiB is out of range: expected a size from 1B to 16MiB"},
    {"max_message: 0\n",
     "g.yaml:1: max_message: 0 is out of range: expected a size from 1B to 16MiB"},
    {"max_message: ~\n", "g.yaml:1: max_message: expected a size from 1B to 16MiB, not \"~\""},
    {"max_message:\n", "g.yaml:1: max_message: expected a size from 1B to 16MiB, not \"\""},
    {"echo: yes\n", "g.yaml:1: echo: expected on or off, not \"yes\""},
    {"echo: on\nopen: off\necho: off\n",
     "g.yaml:3: echo: it is set in line 1 already: expected each key only once"},
    {"max-url: 1KiB\nmax_url: 2KiB\n",
     "g.yaml:2: max_url: it is set in line 1 already: expected each key only once"},
    {"origins: [http://a]\norigins: [http://b]\n",
     "g.yaml:2: origins: it is set in line 1 already: expected each key only once"},
    {"max_message: [1]\n", "g.yaml:1: max_message: expected one value, not a list"},
    {"max_message:\n  - 1\n", "g.yaml:2: max_message: expected one value, not a list"},
    {"max_message: {a: 1}\n", "g.yaml:1: max_message: expected one value, not a mapping"},
    {"origins: {a: 1}\n", "g.yaml:1: origins: expected a list of plain values, not a mapping"},
    {"origins: [[http://a]]\n", "g.yaml:1: origins: expected a list of plain values"},
    {"origins:\n- {a: 1}\n", "g.yaml:2: origins: expected a list of plain values"},
    {"origins:\n- http://a\n- http://b/c\n",
     "g.yaml:3: origins: expected an origin such as https://example.org or http://localhost:3000, "
     "without a path, not \"http://b/c\""},
    {"- echo\n", "g.yaml:1: expected options, each on a line as name: value"},
    {"echo\n", "g.yaml:1: expected options, each on a line as name: value"},
    {"[echo: on]: 1\n", "g.yaml:1: expected the name of an option, not a list or mapping"},
    {"echo: on\n---\nopen: on\n", "g.yaml:2: a second document begins: expected only one"},
    {"echo: &a on\n",
     "g.yaml:1: anchors and aliases (& and *) are not taken: expected plain values"},
    {"open: off\necho: *a\n",
     "g.yaml:2: anchors and aliases (& and *) are not taken: expected plain values"},
    {"origins: &a [http://a]\n",
     "g.yaml:1: anchors and aliases (& and *) are not taken: expected plain values"},
    {"&a {echo: on}\n",
     "g.yaml:1: anchors and aliases (& and *) are not taken: expected plain values"},
    {"echo: !!str on\n", "g.yaml:1: tags (!) are not taken: expected plain values"},
    {"origins: !!seq [http://a]\n", "g.yaml:1: tags (!) are not taken: expected plain values"},
    {"!!map {echo: on}\n", "g.yaml:1: tags (!) are not taken: expected plain values"},
    {"echo: \"on\\0\"\n",
     "g.yaml:1: a control character in a value: expected printable text on one line"},
    {"\"ec\\nho\": on\n",
     "g.yaml:1: a control character in a value: expected printable text on one line"},
    {"open: |\n  auto\n",
     "g.yaml:1: a control character in a value: expected printable text on one line"},
    {"echo: on\n\x01\n", "g.yaml:2: a control character: expected plain text"},
    {"echo: on\x7f\n", "g.yaml:1: a control character: expected plain text"},
    {"# \xff\n", "g.yaml:1: a byte that is not UTF-8: expected UTF-8 text"},
    {"\n# \xc0\x80\n", "g.yaml:2: a byte that is not UTF-8: expected UTF-8 text"},
    {"\xff\xfe"
     "e",
     "g.yaml:1: a byte that is not UTF-8: expected UTF-8 text"}, /* UTF-16 */
    {"# \xe2\x82", "g.yaml:1: it ends inside a character: expected UTF-8 text"},
    {"api_keys: [" KEY ", secretsecret]\n",
     "g.yaml:1: api_keys: entry 2: expected 16 to 255 printable ASCII characters without blanks "
     "and commas"},
    /* Namespaces. */
    {"channels: on\n",
     "g.yaml:1: channels: expected namespaces with their settings, such as {chat: "
     "{history: 50}}"},
    {"channels:\n- chat\n", "g.yaml:2: channels: expected namespaces with their settings, such as "
                            "{chat: {history: 50}}"},
    {"channels: {[chat]: {}}\n",
     "g.yaml:1: channels: expected namespaces with their settings, such "
     "as {chat: {history: 50}}"},
    {"channels: {chat: 50}\n",
     "g.yaml:1: channels: expected settings for the namespace \"chat\", such as {history: 50}"},
    {"channels: {chat: [50]}\n",
     "g.yaml:1: channels: expected settings for the namespace \"chat\", such as {history: 50}"},
    {"channels:\n  chat:\n    histroy: 5\n",
     "g.yaml:3: channels.chat.histroy: there is no such option: did you mean history?"},
    {"channels:\n  chat:\n    max_message: 5\n",
     "g.yaml:3: channels.chat.max_message: it cannot be set for a namespace: expected history, "
     "history_bytes or history_age"},
    {"channels:\n  chat:\n    max_mesage: 5\n",
     "g.yaml:3: channels.chat.max_mesage: it cannot be set for a namespace: expected history, "
     "history_bytes or history_age"},
    {"channels:\n  chat:\n    history: 0\n",
     "g.yaml:3: channels.chat.history: 0 is out of range: expected a number from 1 to 1000000, or "
     "off"},
    {"channels:\n  chat:\n    history: {a: 1}\n",
     "g.yaml:3: channels.chat.history: expected one value, not a mapping"},
    {"channels:\n  chat: {history: 1, history: 2}\n",
     "g.yaml:2: channels.chat.history: it is set in line 2 already: expected each key only once"},
    {"channels:\n  chat: {[history]: 1}\n",
     "g.yaml:2: expected the name of an option, not a list or mapping"},
    {"channels:\n  chat: {}\n  chat: {}\n",
     "g.yaml:3: channels: \"chat\" is there twice: expected each namespace only once"},
    {"channels: {}\nchannels: {}\n",
     "g.yaml:2: channels: it is set in line 1 already: expected each key only once"},
    {"channels: {'a:b': {}}\n",
     "g.yaml:1: channels: \"a:b\" is no namespace: expected 1 to 255 bytes without control "
     "characters, \":\", \"/\" and \",\""},
    {"channels: {'': {}}\n",
     "g.yaml:1: channels: \"\" is no namespace: expected 1 to 255 bytes without control "
     "characters, \":\", \"/\" and \",\""},
};

START_TEST(a_wrong_file_is_refused_in_one_line_that_says_where_and_what)
{
    begin();
    ck_assert_int_eq(parse(bad[_i].text), GW_ERR_VALUE);
    ck_assert_str_eq(complaint.text, bad[_i].line);
    end();
}
END_TEST

/* What libyaml calls these is its own affair; that it is told with the line is ours. */
static const struct {
    const char *text, *start;
} broken[] = {
    {"origins: [\n", "g.yaml:2: this is not YAML: "},
    {"echo: on\nopen: 'x\n", "g.yaml:3: this is not YAML: "},
    {"echo: on\n\topen: on\n", "g.yaml:2: this is not YAML: "},
    {"}\n", "g.yaml:1: this is not YAML: "},
    {"echo: \"\\q\"\n", "g.yaml:1: this is not YAML: "},
    {"\n@\n", "g.yaml:2: this is not YAML: "},
    {"%FOO\necho: on\n", "g.yaml:1: this is not YAML: "},
    {"%YAML 9.9\n---\necho: on\n", "g.yaml:1: this is not YAML: "},
    {"# fine\necho: on # \xc2\x81\n", "g.yaml:2: this is not YAML: "}, /* a C1 control */
};

START_TEST(what_is_not_yaml_is_told_with_its_line)
{
    begin();
    ck_assert_int_eq(parse(broken[_i].text), GW_ERR_VALUE);
    complaint.text[strlen(broken[_i].start)] = '\0';
    ck_assert_str_eq(complaint.text, broken[_i].start);
    end();
}
END_TEST

/* Files of a megabyte, each made of one piece again and again: none may take more than a moment. */
static const char *const pieces[] = {
    "[",   "{",  "- ", "? ", "{a: ", "[a, ", "&a [*a, ", "'",      "\"\\x41",      "a",
    "a: ", "\n", "#",  "!",  "%",    "|",    "a:\n ",    "--- \n", "\xe2\x82\xac",
};

START_TEST(a_hostile_megabyte_is_refused_or_taken_at_once)
{
    static char text[GW_CONFIG_BYTES_MAX];
    size_t len = strlen(pieces[_i]), used = 0;
    int err;

    while (used + len <= sizeof(text)) {
        memcpy(text + used, pieces[_i], len);
        used += len;
    }
    begin();
    err = gw_config_parse(&options, "g.yaml", (struct gw_str){text, used}, &complaint);
    ck_assert(err == 0 || err == GW_ERR_VALUE);
    ck_assert_ptr_null(strchr(complaint.text, '\n'));
    end();
}
END_TEST

/* Every cut, and every byte changed: a complaint or not, but never an assertion or a leak. */
START_TEST(a_mangled_file_is_refused_or_taken)
{
    static const char file[] = "listen: [127.0.0.1:0]\nchannels: {chat: {history: 50}}\n"
                               "origins:\n- \"http://a\"\nopen: auto\n";
    static const char replacements[] = "\n:-?[]{},#&*!|>'\"%@` \tx0";
    char text[sizeof(file)];

    for (size_t at = 0; at < strlen(file); at++) {
        begin();
        (void)gw_config_parse(&options, "g.yaml", (struct gw_str){file, at}, &complaint);
        end();
        for (const char *with = replacements; *with; with++) {
            memcpy(text, file, sizeof(text));
            text[at] = *with;
            begin();
            (void)parse(text);
            ck_assert_ptr_null(strchr(complaint.text, '\n'));
            end();
        }
    }
}
END_TEST

START_TEST(there_are_at_most_256_namespaces)
{
    char text[16384] = "channels:\n";
    size_t used = strlen(text);

    for (int i = 1; i <= GW_NAMESPACES_MAX + 1; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "  n%d: {history: 1}\n", i);
        if (i < GW_NAMESPACES_MAX - 1)
            continue;
        begin();
        ck_assert_int_eq(parse(text), i <= GW_NAMESPACES_MAX ? 0 : GW_ERR_VALUE);
        ck_assert_int_eq((int)options.namespace_count,
                         i <= GW_NAMESPACES_MAX ? i : GW_NAMESPACES_MAX);
        end();
    }
    ck_assert_str_eq(complaint.text, "g.yaml:258: channels: expected at most 256 namespaces");
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
            err = parse("origins: [http://a]\nchannels: {a: {}, b: {history: 1}}\n");
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

/* --- Files --- */

static char path[] = "/tmp/godwit-config-XXXXXX";

static void write_file(size_t bytes)
{
    static const char line[] = "# 2345678901234567890123456789\n";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    for (size_t left = bytes; left > 0;) {
        size_t some = left < sizeof(line) - 1 ? left : sizeof(line) - 1;

        ck_assert_int_eq(write(fd, line, some), (ssize_t)some);
        left -= some;
    }
    (void)close(fd); /* on a temporary file: nothing is lost */
}

static const struct {
    size_t bytes;
    int expect;
} files[] = {
    {0, 0},
    {GW_CONFIG_BYTES_MAX - 1, 0},
    {GW_CONFIG_BYTES_MAX, 0},
    {GW_CONFIG_BYTES_MAX + 1, GW_ERR_VALUE},
    {2 * GW_CONFIG_BYTES_MAX, GW_ERR_VALUE},
};

START_TEST(a_file_has_a_mebibyte_at_most)
{
    char line[100];

    write_file(files[_i].bytes);
    begin();
    ck_assert_int_eq(gw_config_read(&options, path, &complaint), files[_i].expect);
    (void)snprintf(line, sizeof(line), "%s: it is too large: expected at most 1MiB", path);
    ck_assert_str_eq(complaint.text, files[_i].expect ? line : "");
    end();
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_told)
{
    begin();
    ck_assert_int_eq(gw_config_read(&options, "/nonexistent/g.yaml", &complaint), GW_ERR_VALUE);
    ck_assert_str_eq(complaint.text,
                     "/nonexistent/g.yaml: it cannot be read: No such file or directory");
    ck_assert_int_eq(gw_config_read(&options, "/tmp", &complaint), GW_ERR_VALUE);
    ck_assert_str_eq(complaint.text, "/tmp: it cannot be read: Is a directory");
    end();
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_file_sets_options_lists_and_namespaces);
    tcase_add_loop_test(tests, a_channel_goes_by_its_namespace_and_that_by_the_rest, 0,
                        SUITE_ROWS(histories));
    tcase_add_loop_test(tests, a_harmless_file_is_taken, 0, SUITE_ROWS(harmless));
    tcase_add_loop_test(tests, a_wrong_file_is_refused_in_one_line_that_says_where_and_what, 0,
                        SUITE_ROWS(bad));
    tcase_add_loop_test(tests, what_is_not_yaml_is_told_with_its_line, 0, SUITE_ROWS(broken));
    tcase_add_loop_test(tests, a_hostile_megabyte_is_refused_or_taken_at_once, 0,
                        SUITE_ROWS(pieces));
    tcase_add_test(tests, a_mangled_file_is_refused_or_taken);
    tcase_add_test(tests, there_are_at_most_256_namespaces);
    tcase_add_test(tests, memory_that_runs_out_is_told_and_nothing_leaks);
    tcase_add_loop_test(tests, a_file_has_a_mebibyte_at_most, 0, SUITE_ROWS(files));
    tcase_add_test(tests, a_file_that_cannot_be_read_is_told);
}

int main(void)
{
    return suite_main("server/config", fill);
}
