/* option.c - see option.h: the table, and what is said about an option. */
#include "server/option.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/seam.h"
#include "proto/http/head.h"
#include "server/options.h"
#include "server/values.h"

#define KIB     UINT64_C(1024)
#define MIB     (1024 * KIB)
#define GIB     (1024 * MIB)
#define MS      GW_NS_PER_MS
#define SECOND  GW_NS_PER_S
#define MINUTE  (60 * SECOND)
#define HOUR    (60 * MINUTE)
#define DAY     (24 * HOUR)
#define MILLION UINT64_C(1000000)

#define FIELD(member)                                                                              \
    .field = offsetof(struct gw_options, member),                                                  \
    .width = sizeof(((const struct gw_options *)NULL)->member)

#define LISTENING   "Where it listens, and to whom"
#define REQUESTS    "Requests"
#define MESSAGES    "Messages from clients"
#define DELIVERY    "Delivery"
#define CONNECTIONS "Connections"
#define CHANNELS    "Channels and their history"
#define OPERATION   "Operation"

/* Names, defaults and reasons are those of the design's page on limits. A limit is never 0: nothing
 * here can be made unlimited by accident. */
static const struct gw_option table[] = {
    {.name = "listen",
     .type = GW_OPTION_ADDRESSES,
     .normal = "127.0.0.1:9880",
     .section = LISTENING,
     .sentence = "addresses to listen at: numeric, or localhost; port 0 lets the system choose",
     FIELD(listen)},
    {.name = "open",
     .type = GW_OPTION_OPEN,
     .max = GW_OPEN_AUTO,
     .normal = "auto",
     .section = LISTENING,
     .sentence =
         "may anyone on this machine publish? auto: as long as every listener is a loopback "
         "address",
     FIELD(open)},
    {.name = "origins",
     .type = GW_OPTION_ORIGINS,
     .normal = "",
     .section = LISTENING,
     .sentence = "origins of web pages that may come, besides the server's own",
     FIELD(origins)},
    {.name = "api_keys",
     .type = GW_OPTION_KEYS,
     .normal = "",
     .section = LISTENING,
     .sentence = "keys that may do everything; better set in the file or the environment, since "
                 "everyone on the machine can read command lines",
     FIELD(api_keys)},
    {.name = "echo",
     .type = GW_OPTION_SWITCH,
     .max = 1,
     .normal = "off",
     .section = LISTENING,
     .sentence = "offer /echo, which sends back what it gets; open mode offers it anyway",
     FIELD(echo)},

    {.name = "max_head",
     .type = GW_OPTION_SIZE,
     .min = 1 * KIB,
     .max = 64 * KIB,
     .normal = "8KiB",
     .section = REQUESTS,
     .sentence = "request head, with its empty line; above it 431",
     FIELD(max_head_bytes)},
    {.name = "max_headers",
     .type = GW_OPTION_COUNT,
     .min = 8,
     .max = GW_HTTP_HEADERS_ROOM,
     .normal = "64",
     .section = REQUESTS,
     .sentence = "header lines; above it 431",
     FIELD(max_headers)},
    {.name = "max_url",
     .type = GW_OPTION_SIZE,
     .min = 256,
     .max = 64 * KIB,
     .normal = "6KiB",
     .section = REQUESTS,
     .sentence = "URL; above it 414",
     FIELD(max_url_bytes)},
    {.name = "handshake_timeout",
     .type = GW_OPTION_DURATION,
     .min = 100 * MS,
     .max = 10 * MINUTE,
     .normal = "5s",
     .section = REQUESTS,
     .sentence = "time for a request's whole head to arrive",
     FIELD(handshake_timeout_ns)},
    {.name = "body_timeout",
     .type = GW_OPTION_DURATION,
     .min = 100 * MS,
     .max = 1 * HOUR,
     .normal = "30s",
     .section = REQUESTS,
     .sentence = "time for a request's whole body to arrive; after it 408",
     FIELD(body_timeout_ns)},
    {.name = "max_body",
     .type = GW_OPTION_SIZE,
     .min = 1,
     .max = 16 * MIB,
     .normal = "1MiB",
     .section = REQUESTS,
     .sentence = "body published over HTTP; above it 413",
     FIELD(max_body_bytes)},

    {.name = "max_message",
     .type = GW_OPTION_SIZE,
     .min = 1,
     .max = 16 * MIB,
     .normal = "64KiB",
     .section = MESSAGES,
     .sentence = "message from a client; above it close 1009",
     FIELD(max_message_bytes)},
    {.name = "max_fragments",
     .type = GW_OPTION_COUNT,
     .min = 1,
     .max = 65536,
     .normal = "1024",
     .section = MESSAGES,
     .sentence = "fragments of one message, empty ones counted; above it close 1008",
     FIELD(max_fragments)},
    {.name = "deflate",
     .type = GW_OPTION_SWITCH,
     .max = 1,
     .normal = "off",
     .section = MESSAGES,
     .sentence =
         "agree to permessage-deflate: messages of 256 bytes and more are compressed, those "
         "of a channel once for all its subscribers",
     FIELD(deflate)},
    {.name = "control_rate",
     .type = GW_OPTION_COUNT,
     .min = 1,
     .max = 10000,
     .normal = "10",
     .section = MESSAGES,
     .sentence = "control frames a second from a connection, twice that in a burst; above it close "
                 "1008",
     FIELD(control_rate)},
    {.name = "message_rate",
     .type = GW_OPTION_COUNT,
     .min = 1,
     .max = MILLION,
     .normal = "50",
     .section = MESSAGES,
     .sentence = "messages a second from a connection, twice that in a burst; above it close 4429; "
                 "/echo is exempt",
     FIELD(message_rate)},
    {.name = "byte_rate",
     .type = GW_OPTION_SIZE,
     .min = 1 * KIB,
     .max = 1 * GIB,
     .normal = "256KiB",
     .section = MESSAGES,
     .sentence = "bytes a second from a connection; above it close 4429; /echo is exempt",
     FIELD(byte_rate_bytes)},

    {.name = "unit_cache",
     .type = GW_OPTION_SIZE,
     .min = 1 * MIB,
     .max = 64 * GIB,
     .normal = "64MiB",
     .section = DELIVERY,
     .sentence =
         "encoded messages kept by a worker; the oldest go first and are made again at need",
     FIELD(unit_cache_bytes)},
    {.name = "live_log",
     .type = GW_OPTION_SIZE,
     .min = 4 * KIB,
     .max = 1 * GIB,
     .normal = "256KiB",
     .section = DELIVERY,
     .sentence =
         "log of a channel besides its history; publishers wait when it is full, and get 503 "
         "after 5s",
     FIELD(live_log_bytes)},
    {.name = "max_private",
     .type = GW_OPTION_SIZE,
     .min = 1 * KIB,
     .max = 16 * MIB,
     .normal = "64KiB",
     .section = DELIVERY,
     .sentence = "answers, pongs and the like waiting for one connection; above it it is cut",
     FIELD(max_private_bytes)},
    {.name = "write_timeout",
     .type = GW_OPTION_DURATION,
     .min = 100 * MS,
     .max = 1 * HOUR,
     .normal = "10s",
     .section = DELIVERY,
     .sentence = "time without progress after which a reader is cut",
     FIELD(write_timeout_ns)},
    {.name = "message_timeout",
     .type = GW_OPTION_DURATION,
     .min = 100 * MS,
     .max = 1 * DAY,
     .normal = "60s",
     .section = DELIVERY,
     .sentence = "time for one message to reach one reader, progress or not",
     FIELD(message_timeout_ns)},
    {.name = "notsent_lowat",
     .type = GW_OPTION_SIZE,
     .min = 1 * KIB,
     .max = 16 * MIB,
     .normal = "16KiB",
     .section = DELIVERY,
     .sentence = "unsent bytes of a connection in the kernel, beyond what is on its way",
     FIELD(notsent_lowat_bytes)},

    {.name = "ping_interval",
     .type = GW_OPTION_DURATION,
     .min = 100 * MS,
     .max = 1 * HOUR,
     .normal = "25s",
     .section = CONNECTIONS,
     .sentence = "time between pings, less up to a fifth of jitter",
     FIELD(ping_interval_ns)},
    {.name = "pong_timeout",
     .type = GW_OPTION_DURATION,
     .min = 100 * MS,
     .max = 1 * HOUR,
     .normal = "10s",
     .section = CONNECTIONS,
     .sentence = "time without a sign of life after a ping, after which a connection is cut",
     FIELD(pong_timeout_ns)},
    {.name = "close_timeout",
     .type = GW_OPTION_DURATION,
     .min = 100 * MS,
     .max = 1 * MINUTE,
     .normal = "2s",
     .section = CONNECTIONS,
     .sentence = "time for the other end to answer a close",
     FIELD(close_timeout_ns)},
    {.name = "max_connections",
     .type = GW_OPTION_COUNT,
     .word = "auto",
     .min = 1,
     .max = 10 * MILLION,
     .normal = "auto",
     .section = CONNECTIONS,
     .sentence = "connections; auto is 80 % of the descriptor limit; above it 503",
     FIELD(max_connections)},
    {.name = "max_per_address",
     .type = GW_OPTION_COUNT,
     .min = 1,
     .max = 10 * MILLION,
     .normal = "256",
     .section = CONNECTIONS,
     .sentence = "connections from one address (a /64 of IPv6), loopback exempt; above it 429",
     FIELD(max_per_address)},
    {.name = "accept_rate",
     .type = GW_OPTION_COUNT,
     .min = 1,
     .max = 100000,
     .normal = "20",
     .section = CONNECTIONS,
     .sentence = "new connections a second from one address, five times that in a burst, loopback "
                 "exempt; above it 429",
     FIELD(accept_rate)},

    {.name = "max_subscriptions",
     .type = GW_OPTION_COUNT,
     .min = 1,
     .max = 1000,
     .normal = "128",
     .section = CONNECTIONS,
     .sentence = "channels that one connection may name; above it close 4429",
     FIELD(max_subscriptions)},
    {.name = "max_channels",
     .type = GW_OPTION_COUNT,
     .min = 1,
     .max = 100 * MILLION,
     .normal = "1000000",
     .section = CHANNELS,
     .sentence = "channels; above it 503",
     FIELD(max_channels)},
    {.name = "history",
     .type = GW_OPTION_COUNT,
     .by_namespace = true,
     .word = "off",
     .min = 1,
     .max = MILLION,
     .normal = "100",
     .section = CHANNELS,
     .sentence = "publications kept of a channel, for those who come back",
     FIELD(history.count_max)},
    {.name = "history_bytes",
     .type = GW_OPTION_SIZE,
     .by_namespace = true,
     .min = 1 * KIB,
     .max = 1 * GIB,
     .normal = "1MiB",
     .section = CHANNELS,
     .sentence = "bytes of them",
     FIELD(history.bytes_max)},
    {.name = "history_age",
     .type = GW_OPTION_DURATION,
     .by_namespace = true,
     .min = 100 * MS,
     .max = 30 * DAY,
     .normal = "5m",
     .section = CHANNELS,
     .sentence = "how long they are kept",
     FIELD(history.age_ns_max)},
    {.name = "history_total",
     .type = GW_OPTION_SIZE,
     .word = "auto",
     .min = 64 * KIB,
     .max = 1024 * GIB,
     .normal = "auto",
     .section = CHANNELS,
     .sentence = "bytes kept of all channels together; auto is a quarter of memory; above it the "
                 "largest histories are halved",
     FIELD(history_total_bytes)},
    {.name = "channel_idle",
     .type = GW_OPTION_DURATION,
     .min = 100 * MS,
     .max = 30 * DAY,
     .normal = "60s",
     .section = CHANNELS,
     .sentence = "a channel without subscribers and history is forgotten after this time",
     FIELD(channel_idle_ns)},
    {.name = "idempotency_age",
     .type = GW_OPTION_DURATION,
     .min = 100 * MS,
     .max = 1 * DAY,
     .normal = "5m",
     .section = CHANNELS,
     .sentence = "what was published under an Idempotency-Key is not published again within this "
                 "time",
     FIELD(idempotency_age_ns)},
    {.name = "session_ttl",
     .type = GW_OPTION_DURATION,
     .min = 1 * SECOND,
     .max = 1 * DAY,
     .normal = "2m",
     .section = CHANNELS,
     .sentence = "how far a session had got is remembered so long after its connection is gone",
     FIELD(session_ttl_ns)},
    {.name = "max_sessions",
     .type = GW_OPTION_COUNT,
     .min = 1,
     .max = 10 * MILLION,
     .normal = "100000",
     .section = CHANNELS,
     .sentence = "sessions remembered without a connection, 1,000 of them of one address (or "
                 "max_per_address, where that is more); above it the oldest are forgotten",
     FIELD(max_sessions)},

    {.name = "memory",
     .type = GW_OPTION_SIZE,
     .word = "auto",
     .min = 16 * MIB,
     .max = 64 * 1024 * GIB,
     .normal = "auto",
     .section = OPERATION,
     .sentence =
         "memory of the server; auto is 70 % of the machine's or cgroup's; a quarter is for "
         "what connections have not finished sending or taking, above it 503 or cut",
     FIELD(memory_bytes)},
    {.name = "drain",
     .type = GW_OPTION_DURATION,
     .min = 0,
     .max = 1 * HOUR,
     .normal = "30s",
     .section = OPERATION,
     .sentence = "time for connections to leave after SIGTERM; 0s cuts them at once",
     FIELD(drain_ns)},
    {.name = "log_rate",
     .type = GW_OPTION_COUNT,
     .min = 1,
     .max = MILLION,
     .normal = "100",
     .section = OPERATION,
     .sentence = "log lines of one kind a second; above it they are only counted",
     FIELD(log_rate)},
};

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))
static_assert(TABLE_COUNT <= GW_OPTIONS_MAX, "each option has its place");

const struct gw_option *gw_option_all(size_t *count)
{
    *count = TABLE_COUNT;
    return table;
}

size_t gw_option_index(const struct gw_option *option)
{
    assert(option >= table && option < table + TABLE_COUNT);
    return (size_t)(option - table);
}

bool gw_option_is_list(const struct gw_option *option)
{
    return option->type == GW_OPTION_ADDRESSES || option->type == GW_OPTION_ORIGINS ||
           option->type == GW_OPTION_KEYS;
}

static char underscored(char c)
{
    return c == '-' ? '_' : c;
}

const struct gw_option *gw_option_find(struct gw_str name)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        size_t at = 0;

        if (strlen(table[i].name) != name.len)
            continue;
        while (at < name.len && underscored(name.data[at]) == table[i].name[at])
            at++;
        if (at == name.len)
            return &table[i];
    }
    return NULL;
}

#define NAME_MAX_COMPARED 32

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be put in, taken out or changed to make one name the other (Levenshtein):
 * the table of the textbook, of which only the last row is kept. */
static size_t distance(struct gw_str a, struct gw_str b)
{
    size_t row[NAME_MAX_COMPARED + 1];

    assert(b.len <= NAME_MAX_COMPARED);
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = diagonal + (underscored(a.data[i - 1]) != b.data[j - 1]);

            diagonal = row[j];
            row[j] = least(change, 1 + least(row[j], row[j - 1]));
        }
    }
    return row[b.len];
}

/* Two slips, or one in a short name; more is another word. */
static size_t slips_allowed(size_t len)
{
    return len <= 5 ? 1 : 2;
}

const struct gw_option *gw_option_nearest(struct gw_str name)
{
    const struct gw_option *best = NULL;
    size_t best_distance = SIZE_MAX;

    if (name.len > NAME_MAX_COMPARED)
        return NULL;
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        struct gw_str known = GW_STR(table[i].name);
        size_t slips = distance(name, known);

        if (slips <= slips_allowed(known.len) && slips < best_distance) {
            best = &table[i];
            best_distance = slips;
        }
    }
    return best;
}

static void write_number(char out[GW_VALUE_TEXT_MAX], const struct gw_option *option,
                         uint64_t value)
{
    if (option->type == GW_OPTION_SIZE)
        gw_value_write_size(out, value);
    else if (option->type == GW_OPTION_DURATION)
        gw_value_write_duration(out, value);
    else
        gw_value_write_count(out, value);
}

static const char *number_noun(enum gw_option_type type)
{
    return type == GW_OPTION_SIZE ? "size" : type == GW_OPTION_DURATION ? "time" : "number";
}

void gw_option_expected(char out[GW_OPTION_EXPECTED_MAX], const struct gw_option *option)
{
    char min[GW_VALUE_TEXT_MAX], max[GW_VALUE_TEXT_MAX];
    const char *sentence = NULL;

    switch (option->type) {
    case GW_OPTION_SIZE:
    case GW_OPTION_DURATION:
    case GW_OPTION_COUNT:
        write_number(min, option, option->min);
        write_number(max, option, option->max);
        (void)snprintf(out, GW_OPTION_EXPECTED_MAX, "a %s from %s to %s%s%s", /* it fits */
                       number_noun(option->type), min, max, option->word ? ", or " : "",
                       option->word ? option->word : "");
        return;
    case GW_OPTION_SWITCH:
        sentence = "on or off";
        break;
    case GW_OPTION_OPEN:
        sentence = "auto, on or off";
        break;
    case GW_OPTION_ADDRESSES:
        sentence =
            "HOST:PORT with a numeric host or localhost, such as 127.0.0.1:9880 or [::1]:9880";
        break;
    case GW_OPTION_ORIGINS:
        sentence = "an origin such as https://example.org or http://localhost:3000, without a path";
        break;
    case GW_OPTION_KEYS:
        sentence = "16 to 255 printable ASCII characters without blanks and commas";
        break;
    }
    (void)snprintf(out, GW_OPTION_EXPECTED_MAX, "%s", sentence); /* ours: it fits */
}

static void write_texts(char *out, size_t room, const struct gw_texts *texts)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < texts->count && used < room; i++) {
        int len = snprintf(out + used, room - used, "%s%s", i ? ", " : "", texts->items[i].data);

        used += len > 0 ? (size_t)len : 0;
    }
}

static void write_addresses(char *out, size_t room, const struct gw_options *options)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < options->listen_count && used < room; i++) {
        char text[GW_ADDRESS_TEXT_MAX];
        int len;

        (void)gw_address_format(text, &options->listen[i]); /* the length is snprintf's to find */
        len = snprintf(out + used, room - used, "%s%s", i ? ", " : "", text);
        used += len > 0 ? (size_t)len : 0;
    }
}

uint64_t gw_option_value(const struct gw_option *option, const struct gw_options *options,
                         const struct gw_namespace *space)
{
    const uint8_t *at = (const uint8_t *)options + option->field;
    uint32_t word;
    uint64_t value;

    if (space)
        at =
            (const uint8_t *)&space->history + option->field - offsetof(struct gw_options, history);
    if (option->width == sizeof(uint8_t))
        return *at;
    if (option->width == sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        return word;
    }
    assert(option->width == sizeof(value));
    memcpy(&value, at, sizeof(value));
    return value;
}

static void write_scalar(char *out, size_t room, const struct gw_option *option, uint64_t value)
{
    static const char *const words[] = {
        [GW_OPEN_OFF] = "off", [GW_OPEN_ON] = "on", [GW_OPEN_AUTO] = "auto"};
    char number[GW_VALUE_TEXT_MAX];
    const char *text = number;

    if (option->type == GW_OPTION_SWITCH || option->type == GW_OPTION_OPEN)
        text = words[value];
    else if (option->word && value == 0)
        text = option->word;
    else
        write_number(number, option, value);
    (void)snprintf(out, room, "%s", text); /* cut, where the caller has less room */
}

void gw_option_write(char *out, size_t room, const struct gw_option *option,
                     const struct gw_options *options, const struct gw_namespace *space)
{
    switch (option->type) {
    case GW_OPTION_ADDRESSES:
        write_addresses(out, room, options);
        break;
    case GW_OPTION_ORIGINS:
        write_texts(out, room, &options->origins);
        break;
    case GW_OPTION_KEYS:
        (void)snprintf(out, room, "%zu, not shown", options->api_keys.count); /* cut at `room` */
        break;
    default:
        write_scalar(out, room, option, gw_option_value(option, options, space));
    }
}
