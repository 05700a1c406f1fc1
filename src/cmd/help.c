/* help.c - see help.h. */
#include "cmd/help.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd/say.h"
#include "server/option.h"

#define COLUMNS 80
#define INDENT  6

static const char overview[] =
    "Godwit pushes messages to browsers, devices and programs that hold a connection.\n"
    "\n"
    "  godwit [serve] [--config=FILE] [--OPTION=VALUE ...]   run the server\n"
    "  godwit check   [--config=FILE] [--OPTION=VALUE ...]   try its configuration\n"
    "  godwit pub     CHANNEL [MESSAGE]                      publish\n"
    "  godwit sub     CHANNEL...                             listen\n"
    "  godwit help    [serve|check|options|pub|sub]          explain\n"
    "  godwit --version\n"
    "\n"
    "Try it, in three terminals:\n"
    "\n"
    "  godwit serve\n"
    "  godwit sub lobby\n"
    "  godwit pub lobby \"dinner is ready\"\n"
    "\n"
    "Options of serve and check (godwit help options explains them):\n"
    "\n";

static const char serve_text[] =
    "godwit [serve] [--config=FILE] [--OPTION=VALUE ...]\n"
    "\n"
    "Runs the server until SIGTERM or SIGINT. It needs no configuration: alone it\n"
    "listens at 127.0.0.1:9880, and anyone on this machine may subscribe and publish\n"
    "(open mode). Open http://localhost:9880/ to see it work.\n"
    "\n"
    "Settings come from, the later winning: the built-in default, the file, the\n"
    "environment, the command line. All of these say the same:\n"
    "\n"
    "  max_message: 128KiB                in the file (YAML)\n"
    "  GODWIT_MAX_MESSAGE=128KiB          in the environment\n"
    "  --max-message=128KiB               on the command line\n"
    "\n"
    "A server that others can reach wants a key for those who publish:\n"
    "\n"
    "  # godwit.yaml\n"
    "  listen: 0.0.0.0:9880\n"
    "  origins: [https://example.org]\n"
    "  api_keys: [replace-me-by-32-random-letters]\n"
    "  channels:\n"
    "    chat: {history: 50, history_age: 1h}   # for channels like chat:42\n"
    "\n"
    "  godwit check --config=godwit.yaml && godwit serve --config=godwit.yaml\n"
    "\n"
    "Exit status: 0 after a clean stop, 1 when it could not start, 2 for a setting\n"
    "that is wrong. See also: godwit help options, godwit help check.\n";

static const char check_text[] =
    "godwit check [--config=FILE] [--OPTION=VALUE ...]\n"
    "\n"
    "Says whether godwit serve would take these settings, and starts nothing. Prints\n"
    "what differs from the defaults, and where it was set; keys are only counted.\n"
    "\n"
    "  $ GODWIT_HISTORY=off godwit check --config=godwit.yaml --max-message=128KiB\n"
    "  configuration is good\n"
    "  origins = https://example.org    (godwit.yaml:2; default none)\n"
    "  max_message = 128KiB    (command line; default 64KiB)\n"
    "  history = off    (environment; default 100)\n"
    "\n"
    "A wrong setting is one line that names the place and what was expected:\n"
    "\n"
    "  $ godwit check --max-message=1GiB\n"
    "  godwit: --max-message: 1GiB is out of range: expected a size from 1B to 16MiB\n"
    "\n"
    "Exit status: 0 when all is good, 2 when not.\n";

static const char pub_text[] =
    "godwit pub [--url=URL] [--key=KEY] CHANNEL [MESSAGE]\n"
    "\n"
    "Publishes MESSAGE, or without one each line of stdin, over one connection.\n"
    "Prints the server's answer to each as a line of JSON.\n"
    "\n"
    "  godwit pub lobby \"dinner is ready\"\n"
    "  tail -F access.log | godwit pub log > /dev/null\n"
    "  godwit pub lobby -- --starts-with-dashes\n"
    "\n"
    "  --url=URL   where the server is; default GODWIT_URL, else\n"
    "              http://127.0.0.1:9880\n"
    "  --key=KEY   an API key; default GODWIT_KEY, which others on the machine cannot\n"
    "              read, as they can a command line\n"
    "\n"
    "It stops at the first message that is refused. Exit status: 0 when all were\n"
    "published, 1 when one was not, 2 when it was called wrongly.\n";

static const char sub_text[] =
    "godwit sub [--url=URL] [--token=TOKEN] [--since=WHERE] [--format=FORMAT]\n"
    "           CHANNEL...\n"
    "\n"
    "Prints each message of the channels as a line, as soon as it comes; binary ones\n"
    "as their bytes. Ctrl-C ends it.\n"
    "\n"
    "  godwit sub lobby\n"
    "  godwit sub --since=last:10 log | grep error\n"
    "  godwit sub --since=all lobby news | jq .data\n"
    "\n"
    "  --url=URL        where the server is; default GODWIT_URL, else\n"
    "                   http://127.0.0.1:9880\n"
    "  --token=TOKEN    a credential; default GODWIT_TOKEN\n"
    "  --since=WHERE    new (default), all, last:N, or a position; with several\n"
    "                   channels one for each, with commas between\n"
    "  --format=FORMAT  raw: what was published and no more (default with one\n"
    "                   channel); json: in an envelope with its channel and position\n"
    "\n"
    "Exit status: 0 when you ended it, or the server did with 1000 or 1001; 1 when\n"
    "the connection failed or was closed for another reason, which is told on\n"
    "stderr; 2 when it was called wrongly.\n";

static const char options_text[] =
    "Options of godwit serve and godwit check\n"
    "\n"
    "The same names serve in the file (max_message: 128KiB), in the environment\n"
    "(GODWIT_MAX_MESSAGE=128KiB) and on the command line (--max-message=128KiB).\n"
    "Sizes take B, KiB, MiB, GiB; times ms, s, m, h, d. Lists are comma separated; in\n"
    "the file they may be YAML lists. Nothing is unlimited, and 0 never means so.\n"
    "\n"
    "Under `channels:` in the file, history, history_bytes and history_age may be set\n"
    "for a namespace: the channels whose name begins with it and a colon.\n";

/* --- Made from the declarations --- */

/* Prints words, going on in the next line at `indent` where one would pass the last column. The
 * first goes where the line is, at `column`. Ends the line. */
static void print_words(const char *text, size_t indent, size_t column)
{
    bool first = true;

    for (; *text; first = false) {
        size_t len = strcspn(text, " ");

        if (!first && column + 1 + len > COLUMNS) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)len, text);
        column += len;
        text += len + strspn(text + len, " ");
    }
    putchar('\n');
}

static void print_indented(const char *text)
{
    printf("%*s", INDENT, "");
    print_words(text, INDENT, INDENT);
}

/* --max-message */
static void print_flag(const char *name)
{
    printf("--");
    for (; *name; name++)
        putchar(*name == '_' ? '-' : *name);
}

static const char *placeholder(const struct gw_option *option)
{
    switch (option->type) {
    case GW_OPTION_SIZE:
        return "SIZE";
    case GW_OPTION_DURATION:
        return "TIME";
    case GW_OPTION_COUNT:
        return "NUMBER";
    case GW_OPTION_SWITCH:
        return "on|off";
    case GW_OPTION_OPEN:
        return "auto|on|off";
    case GW_OPTION_ADDRESSES:
        return "HOST:PORT,...";
    case GW_OPTION_ORIGINS:
        return "ORIGIN,...";
    case GW_OPTION_KEYS:
        return "KEY,...";
    }
    return "VALUE";
}

static void print_option(const struct gw_option *option)
{
    char expected[GW_OPTION_EXPECTED_MAX], range[2 * GW_OPTION_EXPECTED_MAX];

    printf("  ");
    print_flag(option->name);
    printf("=%s%s%s\n", placeholder(option), option->word ? "|" : "",
           option->word ? option->word : "");
    print_indented(option->sentence);
    gw_option_expected(expected, option);
    (void)snprintf(range, sizeof(range), "(%s; default %s)", expected,
                   option->normal[0] ? option->normal : "none"); /* both are ours: it fits */
    print_indented(range);
}

static void print_options(void)
{
    const char *section = "";
    size_t count;
    const struct gw_option *all = gw_option_all(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(section, all[i].section) != 0)
            printf("\n%s\n", all[i].section);
        section = all[i].section;
        print_option(&all[i]);
    }
}

static void print_option_names(void)
{
    size_t count, column = 0;
    const struct gw_option *all = gw_option_all(&count);

    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(all[i].name) + 4; /* two blanks and two dashes */

        if (column > 0 && column + len > COLUMNS) {
            putchar('\n');
            column = 0;
        }
        printf("  ");
        print_flag(all[i].name);
        column += len;
    }
    putchar('\n');
}

/* --- Topics --- */

static const struct {
    const char *name, *text;
    void (*print_more)(void); /* may be NULL */
} topics[] = {
    {"serve", serve_text, NULL},
    {"check", check_text, NULL},
    {"options", options_text, print_options},
    {"pub", pub_text, NULL},
    {"sub", sub_text, NULL},
};

int gw_help_print(const char *topic)
{
    if (!topic) {
        printf("%s", overview);
        print_option_names();
        return GW_EXIT_GOOD;
    }
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        if (strcmp(topic, topics[i].name) != 0)
            continue;
        printf("%s", topics[i].text);
        if (topics[i].print_more)
            topics[i].print_more();
        return GW_EXIT_GOOD;
    }
    return gw_say_usage("there is no help about \"%.64s\": there are serve, check, options, pub "
                        "and sub",
                        topic);
}
