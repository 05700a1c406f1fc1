/* options.c - see options.h: from text to values. */
#include "server/options.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "core/num.h"
#include "hub/position.h"
#include "server/option.h"
#include "server/values.h"

static_assert(GW_LISTEN_MAX <= GW_LIST_MAX, "addresses are a list too");

/* --- Complaints --- */

static const char no_memory[] = "out of memory";

static int complain_of_memory(struct gw_complaint *complaint)
{
    gw_complaint_set(complaint, "%s", no_memory);
    return -ENOMEM;
}

/* `max_message` as it is written on the command line or in the environment. */
static void spell(char *out, size_t room, struct gw_str key, enum gw_source source)
{
    size_t len = key.len < room - 1 ? key.len : room - 1;

    for (size_t i = 0; i < len; i++) {
        char c = key.data[i];

        if (source == GW_BY_FLAG && c == '_')
            c = '-';
        else if (source == GW_BY_ENVIRONMENT && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        out[i] = c;
    }
    out[len] = '\0';
}

int gw_options_refuse(const struct gw_options *options, const struct gw_namespace *space,
                      struct gw_str key, struct gw_place place, struct gw_complaint *complaint,
                      const char *format, ...)
{
    char name[GW_SHOWN_MAX];
    struct gw_complaint what;
    va_list args;

    va_start(args, format);
    gw_complaint_vset(&what, format, args);
    va_end(args);
    spell(name, sizeof(name), key, place.source);
    if (place.source == GW_BY_FILE && space)
        gw_complaint_set(complaint, "%.300s:%u: channels.%.*s.%s: %s", options->file_name,
                         place.line, GW_SHOWN(space->name), name, what.text);
    else if (place.source == GW_BY_FILE)
        gw_complaint_set(complaint, "%.300s:%u: %s: %s", options->file_name, place.line, name,
                         what.text);
    else if (place.source == GW_BY_ENVIRONMENT)
        gw_complaint_set(complaint, "GODWIT_%s: %s", name, what.text);
    else if (place.source == GW_BY_FLAG)
        gw_complaint_set(complaint, "--%s: %s", name, what.text);
    else
        gw_complaint_set(complaint, "%s: %s", name, what.text);
    return GW_ERR_VALUE;
}

static struct gw_place *place_of(struct gw_options *options, struct gw_namespace *space,
                                 const struct gw_option *option)
{
    size_t index = gw_option_index(option);

    return space ? &space->places[index] : &options->places[index];
}

/* Complains about the option that is being set, at the place where it is. */
#define REFUSE(options, space, option, complaint, ...)                                             \
    gw_options_refuse((options), (space), GW_STR((option)->name),                                  \
                      *place_of((options), (space), (option)), (complaint), __VA_ARGS__)

/* --- Lists of text --- */

static int texts_add(struct gw_texts *texts, const struct gw_alloc *alloc, struct gw_str text)
{
    size_t old_bytes = texts->count * sizeof(*texts->items);
    struct gw_str *items;
    char *copy = gw_alloc_get(alloc, text.len + 1);

    if (!copy)
        return -ENOMEM;
    items = gw_alloc_resize(alloc, texts->items, old_bytes, old_bytes + sizeof(*items));
    if (!items) {
        gw_alloc_put(alloc, copy);
        return -ENOMEM;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    items[texts->count++] = (struct gw_str){copy, text.len};
    texts->items = items;
    return 0;
}

/* What a gw_str borrows, where it is we who own it. */
static void put_text(const struct gw_alloc *alloc, struct gw_str text)
{
    union {
        const char *borrowed;
        char *owned;
    } memory = {.borrowed = text.data};

    gw_alloc_put(alloc, memory.owned);
}

static void texts_clear(struct gw_texts *texts, const struct gw_alloc *alloc)
{
    for (size_t i = 0; i < texts->count; i++)
        put_text(alloc, texts->items[i]);
    gw_alloc_put(alloc, texts->items);
    *texts = (struct gw_texts){NULL, 0};
}

static bool texts_have(const struct gw_texts *texts, struct gw_str text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (gw_str_eq(texts->items[i], text))
            return true;
    return false;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool all_of(struct gw_str text, const char *others)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_alnum(text.data[i]) && (text.data[i] == '\0' || !strchr(others, text.data[i])))
            return false;
    return text.len > 0;
}

static bool is_port(struct gw_str text)
{
    uint64_t port;

    return text.len <= 5 && gw_num_u64(text, &port) && port >= 1 && port <= UINT16_MAX;
}

/* scheme://host[:port] and nothing behind it (RFC 6454 section 6.2). `null` is none: it is every
 * page without an origin. */
static bool is_origin(struct gw_str text)
{
    const char *colon = text.len > 0 ? memchr(text.data, ':', text.len) : NULL;
    struct gw_str scheme, host, port;
    size_t scheme_len;

    if (!colon || text.len > GW_ORIGIN_MAX)
        return false;
    scheme_len = (size_t)(colon - text.data);
    scheme = (struct gw_str){text.data, scheme_len};
    host = (struct gw_str){colon, text.len - scheme_len};
    if (!all_of(scheme, "+-.") || !gw_str_starts(host, GW_STR("://")))
        return false;
    host = (struct gw_str){host.data + 3, host.len - 3};
    if (host.len > 0 && host.data[0] == '[') {
        const char *bracket = memchr(host.data, ']', host.len);

        if (!bracket)
            return false;
        port = (struct gw_str){bracket + 1, host.len - (size_t)(bracket + 1 - host.data)};
        host = (struct gw_str){host.data + 1, (size_t)(bracket - host.data) - 1};
        if (port.len > 0 && port.data[0] != ':')
            return false;
        (void)gw_str_cut(&port, ':'); /* what stands before the colon is empty */
        return all_of(host, ":.") && (!port.data || is_port(port));
    }
    port = host;
    host = gw_str_cut(&port, ':');
    return all_of(host, "-._") && (!port.data || is_port(port));
}

/* What a header can carry, and a comma separated list can tell apart. */
static bool is_api_key(struct gw_str text)
{
    if (text.len < GW_API_KEY_MIN || text.len > GW_API_KEY_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~' || text.data[i] == ',')
            return false;
    return true;
}

static int take_text(struct gw_options *options, struct gw_texts *texts,
                     const struct gw_option *option, struct gw_str text,
                     struct gw_complaint *complaint)
{
    bool secret = option->type == GW_OPTION_KEYS;
    char expected[GW_OPTION_EXPECTED_MAX];

    gw_option_expected(expected, option);
    if (secret && !is_api_key(text))
        return REFUSE(options, NULL, option, complaint, "entry %zu: expected %s", texts->count + 1,
                      expected);
    if (!secret && !is_origin(text))
        return REFUSE(options, NULL, option, complaint, "expected %s, not \"%.*s\"", expected,
                      GW_SHOWN(text));
    if (texts_have(texts, text))
        return REFUSE(options, NULL, option, complaint,
                      "entry %zu is there twice: expected each only once", texts->count + 1);
    if (texts->count == GW_LIST_MAX)
        return REFUSE(options, NULL, option, complaint, "expected at most %d entries", GW_LIST_MAX);
    if (texts_add(texts, options->alloc, text) < 0)
        return complain_of_memory(complaint);
    return 0;
}

static bool addresses_equal(const union gw_address *a, const union gw_address *b)
{
    char a_text[GW_ADDRESS_TEXT_MAX], b_text[GW_ADDRESS_TEXT_MAX];
    struct gw_str a_str = {a_text, gw_address_format(a_text, a)};
    struct gw_str b_str = {b_text, gw_address_format(b_text, b)};

    return gw_str_eq(a_str, b_str);
}

/* Of any port, the same address twice is two listeners: each gets a port of its own. */
static bool has_any_port(const union gw_address *address)
{
    return address->any.sa_family == AF_INET6 ? address->in6.sin6_port == 0
                                              : address->in4.sin_port == 0;
}

static int take_address(struct gw_options *options, const struct gw_option *option,
                        struct gw_str text, struct gw_complaint *complaint)
{
    char expected[GW_OPTION_EXPECTED_MAX];
    union gw_address address;

    gw_option_expected(expected, option);
    if (gw_address_parse(&address, text) < 0)
        return REFUSE(options, NULL, option, complaint, "expected %s, not \"%.*s\"", expected,
                      GW_SHOWN(text));
    for (uint32_t i = 0; i < options->listen_count && !has_any_port(&address); i++)
        if (addresses_equal(&address, &options->listen[i]))
            return REFUSE(options, NULL, option, complaint,
                          "%.*s is there twice: expected each address only once", GW_SHOWN(text));
    if (options->listen_count == GW_LISTEN_MAX)
        return REFUSE(options, NULL, option, complaint, "expected at most %d addresses",
                      GW_LISTEN_MAX);
    options->listen[options->listen_count++] = address;
    return 0;
}

/* --- Scalars --- */

static void store(struct gw_options *options, struct gw_namespace *space,
                  const struct gw_option *option, uint64_t value)
{
    uint8_t *at = (uint8_t *)options + option->field;
    uint32_t word = (uint32_t)value;

    if (space)
        at = (uint8_t *)&space->history + option->field - offsetof(struct gw_options, history);
    if (option->width == sizeof(uint8_t)) {
        assert(value <= UINT8_MAX); /* the option's range says so */
        *at = (uint8_t)value;
    } else if (option->width == sizeof(word)) {
        assert(value <= UINT32_MAX);
        memcpy(at, &word, sizeof(word));
    } else {
        assert(option->width == sizeof(value));
        memcpy(at, &value, sizeof(value));
    }
}

static int read_scalar(const struct gw_option *option, struct gw_str text, uint64_t *value)
{
    if (option->word && gw_str_eq(text, GW_STR(option->word))) {
        *value = 0;
        return 0;
    }
    switch (option->type) {
    case GW_OPTION_SIZE:
        return gw_value_read_size(text, value);
    case GW_OPTION_DURATION:
        return gw_value_read_duration(text, value);
    case GW_OPTION_COUNT:
        return gw_value_read_count(text, value);
    default:
        break;
    }
    if (gw_str_eq(text, GW_STR("off")))
        *value = GW_OPEN_OFF;
    else if (gw_str_eq(text, GW_STR("on")))
        *value = GW_OPEN_ON;
    else if (gw_str_eq(text, GW_STR("auto")) && option->type == GW_OPTION_OPEN)
        *value = GW_OPEN_AUTO;
    else
        return -EINVAL;
    return 0;
}

static bool in_range(const struct gw_option *option, struct gw_str text, uint64_t value)
{
    if (option->word && gw_str_eq(text, GW_STR(option->word)))
        return true;
    return value >= option->min && value <= option->max;
}

static int take_scalar(struct gw_options *options, struct gw_namespace *space,
                       const struct gw_option *option, struct gw_str text,
                       struct gw_complaint *complaint)
{
    char expected[GW_OPTION_EXPECTED_MAX];
    uint64_t value = 0;
    int err = read_scalar(option, text, &value);

    gw_option_expected(expected, option);
    if (err == -EINVAL)
        return REFUSE(options, space, option, complaint, "expected %s, not \"%.*s\"", expected,
                      GW_SHOWN(text));
    if (err < 0 || !in_range(option, text, value))
        return REFUSE(options, space, option, complaint, "%.*s is out of range: expected %s",
                      GW_SHOWN(text), expected);
    store(options, space, option, value);
    return 0;
}

/* --- Setting --- */

static void clear_list(struct gw_options *options, const struct gw_option *option)
{
    if (option->type == GW_OPTION_ADDRESSES)
        options->listen_count = 0;
    else if (option->type == GW_OPTION_ORIGINS)
        texts_clear(&options->origins, options->alloc);
    else if (option->type == GW_OPTION_KEYS)
        texts_clear(&options->api_keys, options->alloc);
}

int gw_options_begin(struct gw_options *options, struct gw_namespace *space,
                     const struct gw_option *option, struct gw_place place,
                     struct gw_complaint *complaint)
{
    struct gw_place *known = place_of(options, space, option);
    bool again = known->source == place.source && place.source != GW_BY_DEFAULT;

    assert(!space || option->by_namespace);
    if (again && place.source == GW_BY_FILE)
        return gw_options_refuse(options, space, GW_STR(option->name), place, complaint,
                                 "it is set in line %u already: expected each key only once",
                                 known->line);
    if (again && !(place.source == GW_BY_FLAG && gw_option_is_list(option)))
        return gw_options_refuse(options, space, GW_STR(option->name), place, complaint,
                                 "it is given twice: expected it only once");
    if (!again)
        clear_list(options, option);
    *known = place;
    return 0;
}

int gw_options_take(struct gw_options *options, struct gw_namespace *space,
                    const struct gw_option *option, struct gw_str text,
                    struct gw_complaint *complaint)
{
    switch (option->type) {
    case GW_OPTION_ADDRESSES:
        return take_address(options, option, text, complaint);
    case GW_OPTION_ORIGINS:
        return take_text(options, &options->origins, option, text, complaint);
    case GW_OPTION_KEYS:
        return take_text(options, &options->api_keys, option, text, complaint);
    default:
        return take_scalar(options, space, option, text, complaint);
    }
}

int gw_options_take_all(struct gw_options *options, struct gw_namespace *space,
                        const struct gw_option *option, struct gw_str text,
                        struct gw_complaint *complaint)
{
    struct gw_str rest = text;

    if (!gw_option_is_list(option))
        return gw_options_take(options, space, option, text, complaint);
    if (text.len == 0)
        return 0; /* an empty list */
    while (rest.data) {
        struct gw_str entry = gw_str_trim(gw_str_cut(&rest, ','));
        int err = gw_options_take(options, space, option, entry, complaint);

        if (err < 0)
            return err;
    }
    return 0;
}

int gw_options_namespace_new(struct gw_options *options, struct gw_namespace **out,
                             struct gw_str name, struct gw_place place,
                             struct gw_complaint *complaint)
{
    size_t old_bytes = options->namespace_count * sizeof(*options->namespaces);
    struct gw_str key = GW_STR("channels");
    struct gw_namespace *spaces;
    char *copy;

    if (!gw_channel_name_ok(name) || memchr(name.data, ':', name.len))
        return gw_options_refuse(options, NULL, key, place, complaint,
                                 "\"%.*s\" is no namespace: expected 1 to %d bytes without control "
                                 "characters, \":\", \"/\" and \",\"",
                                 GW_SHOWN(name), GW_CHANNEL_NAME_MAX);
    for (size_t i = 0; i < options->namespace_count; i++)
        if (gw_str_eq(options->namespaces[i].name, name))
            return gw_options_refuse(options, NULL, key, place, complaint,
                                     "\"%.*s\" is there twice: expected each namespace only once",
                                     GW_SHOWN(name));
    if (options->namespace_count == GW_NAMESPACES_MAX)
        return gw_options_refuse(options, NULL, key, place, complaint,
                                 "expected at most %d namespaces", GW_NAMESPACES_MAX);
    copy = gw_alloc_get(options->alloc, name.len);
    if (!copy)
        return complain_of_memory(complaint);
    spaces = gw_alloc_resize(options->alloc, options->namespaces, old_bytes,
                             old_bytes + sizeof(*spaces));
    if (!spaces) {
        gw_alloc_put(options->alloc, copy);
        return complain_of_memory(complaint);
    }
    memcpy(copy, name.data, name.len);
    options->namespaces = spaces;
    *out = &spaces[options->namespace_count++];
    **out = (struct gw_namespace){.name = {copy, name.len}};
    return 0;
}

/* --- Life --- */

int gw_options_init(struct gw_options *options, const struct gw_alloc *alloc)
{
    struct gw_complaint complaint;
    size_t count;
    const struct gw_option *all = gw_option_all(&count);

    memset(options, 0, sizeof(*options));
    options->alloc = alloc;
    for (size_t i = 0; i < count; i++) {
        int err = gw_options_take_all(options, NULL, &all[i], GW_STR(all[i].normal), &complaint);

        assert(err != GW_ERR_VALUE); /* our own table */
        if (err < 0) {
            gw_options_fini(options);
            return err;
        }
    }
    return 0;
}

void gw_options_fini(struct gw_options *options)
{
    texts_clear(&options->origins, options->alloc);
    texts_clear(&options->api_keys, options->alloc);
    for (size_t i = 0; i < options->namespace_count; i++)
        put_text(options->alloc, options->namespaces[i].name);
    gw_alloc_put(options->alloc, options->namespaces);
    gw_alloc_put(options->alloc, options->file_name);
    options->namespaces = NULL;
    options->namespace_count = 0;
    options->file_name = NULL;
}

/* --- Environment and flags --- */

/* Cuts NAME off NAME=VALUE; false where there is no `=`. */
static bool cut_name(const char *text, struct gw_str *name, struct gw_str *value)
{
    const char *equals = strchr(text, '=');

    *name = (struct gw_str){text, equals ? (size_t)(equals - text) : strlen(text)};
    *value = equals ? GW_STR(equals + 1) : (struct gw_str){NULL, 0};
    return equals != NULL;
}

#define VARIABLE_MAX 64

/* GODWIT_MAX_MESSAGE's own part in small letters; false where it has small ones itself. */
static bool to_small(char out[VARIABLE_MAX], struct gw_str name)
{
    bool capital = true;

    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        capital = capital && !(c >= 'a' && c <= 'z');
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return capital;
}

static int take_variable(struct gw_options *options, struct gw_str name, struct gw_str value,
                         struct gw_complaint *complaint)
{
    const struct gw_place place = {GW_BY_ENVIRONMENT, 0};
    const struct gw_option *option, *meant;
    char small[VARIABLE_MAX], known[VARIABLE_MAX];
    struct gw_str key = {small, name.len};
    bool capital;
    int err;

    if (name.len > sizeof(small))
        return 0; /* longer than any of ours, and than any slip in one */
    capital = to_small(small, name);
    option = gw_option_find(key);
    if (!option || !capital) {
        meant = gw_option_nearest(key);
        if (!meant)
            return 0;
        spell(known, sizeof(known), GW_STR(meant->name), GW_BY_ENVIRONMENT);
        gw_complaint_set(complaint, "GODWIT_%.*s: there is no such option: did you mean GODWIT_%s?",
                         GW_SHOWN(name), known);
        return GW_ERR_VALUE;
    }
    err = gw_options_begin(options, NULL, option, place, complaint);
    return err < 0 ? err : gw_options_take_all(options, NULL, option, value, complaint);
}

int gw_options_environment(struct gw_options *options, char *const *environment,
                           struct gw_complaint *complaint)
{
    struct gw_str prefix = GW_STR("GODWIT_");

    for (; *environment; environment++) {
        struct gw_str name, value;
        int err;

        if (!cut_name(*environment, &name, &value) || !gw_str_starts(name, prefix))
            continue;
        name = (struct gw_str){name.data + prefix.len, name.len - prefix.len};
        err = take_variable(options, name, value, complaint);
        if (err < 0)
            return err;
    }
    return 0;
}

static int refuse_flag(struct gw_str name, struct gw_complaint *complaint)
{
    const struct gw_option *meant = gw_option_nearest(name);
    char known[GW_SHOWN_MAX];

    if (meant) {
        spell(known, sizeof(known), GW_STR(meant->name), GW_BY_FLAG);
        gw_complaint_set(complaint, "--%.*s: there is no such option: did you mean --%s?",
                         GW_SHOWN(name), known);
    } else {
        gw_complaint_set(complaint, "--%.*s: there is no such option: see godwit help options",
                         GW_SHOWN(name));
    }
    return GW_ERR_VALUE;
}

int gw_options_flag(struct gw_options *options, const char *argument,
                    struct gw_complaint *complaint)
{
    const struct gw_place place = {GW_BY_FLAG, 0};
    const struct gw_option *option;
    char expected[GW_OPTION_EXPECTED_MAX];
    struct gw_str name, value;
    bool has_value;
    int err;

    assert(argument[0] == '-' && argument[1] == '-');
    has_value = cut_name(argument + 2, &name, &value);
    option = gw_option_find(name);
    if (!option)
        return refuse_flag(name, complaint);
    if (!has_value && (option->type == GW_OPTION_SWITCH || option->type == GW_OPTION_OPEN)) {
        value = GW_STR("on");
    } else if (!has_value) {
        gw_option_expected(expected, option);
        return gw_options_refuse(options, NULL, name, place, complaint,
                                 "it has no value: expected \"=\" and %s", expected);
    }
    err = gw_options_begin(options, NULL, option, place, complaint);
    return err < 0 ? err : gw_options_take_all(options, NULL, option, value, complaint);
}

/* --- The whole --- */

static const struct gw_option *option_named(const char *name)
{
    const struct gw_option *option = gw_option_find(GW_STR(name));

    assert(option);
    return option;
}

static const union gw_address *find_foreign(const struct gw_options *options)
{
    for (uint32_t i = 0; i < options->listen_count; i++)
        if (!gw_address_is_loopback(&options->listen[i]))
            return &options->listen[i];
    return NULL;
}

/* What a namespace was not given is as for all channels. */
static void fill_in(struct gw_options *options, struct gw_namespace *space)
{
    size_t count;
    const struct gw_option *all = gw_option_all(&count);

    for (size_t i = 0; i < count; i++)
        if (all[i].by_namespace && space->places[i].source == GW_BY_DEFAULT)
            store(options, space, &all[i], gw_option_value(&all[i], options, NULL));
}

int gw_options_finish(struct gw_options *options, struct gw_complaint *complaint)
{
    const union gw_address *foreign = find_foreign(options);
    char text[GW_ADDRESS_TEXT_MAX];

    if (options->listen_count == 0)
        return REFUSE(options, NULL, option_named("listen"), complaint,
                      "the list is empty: expected at least one address, such as 127.0.0.1:9880");
    if (options->open == GW_OPEN_ON && foreign) {
        (void)gw_address_format(text, foreign); /* ends in a NUL */
        return REFUSE(options, NULL, option_named("open"), complaint,
                      "open mode is for loopback listeners only, and %s is none: expected auto or "
                      "off",
                      text);
    }
    for (size_t i = 0; i < options->namespace_count; i++)
        fill_in(options, &options->namespaces[i]);
    return 0;
}

struct gw_history gw_options_channel(const struct gw_options *options, struct gw_str name)
{
    struct gw_str rest = name;
    struct gw_str space = gw_str_cut(&rest, ':');

    if (!rest.data)
        return options->history; /* no `:`, no namespace */
    for (size_t i = 0; i < options->namespace_count; i++)
        if (gw_str_eq(options->namespaces[i].name, space))
            return options->namespaces[i].history;
    return options->history;
}

bool gw_options_is_open(const struct gw_options *options)
{
    return options->open != GW_OPEN_OFF && !find_foreign(options);
}

uint32_t gw_options_connections(const struct gw_options *options, uint64_t descriptors_max)
{
    uint64_t most =
        descriptors_max > GW_DESCRIPTORS_RESERVED ? descriptors_max - GW_DESCRIPTORS_RESERVED : 1;
    uint64_t wanted = options->max_connections;

    if (wanted == 0)
        wanted = descriptors_max / 5 * 4 + descriptors_max % 5 * 4 / 5; /* without overflow */
    if (wanted > most)
        wanted = most;
    if (wanted == 0)
        wanted = 1;
    return wanted < UINT32_MAX ? (uint32_t)wanted : UINT32_MAX;
}

uint64_t gw_options_memory(const struct gw_options *options, uint64_t machine_bytes)
{
    return options->memory_bytes ? options->memory_bytes : machine_bytes / 100 * 70;
}

uint64_t gw_options_history_total(const struct gw_options *options, uint64_t machine_bytes)
{
    return options->history_total_bytes ? options->history_total_bytes
                                        : gw_options_memory(options, machine_bytes) / 4;
}

uint64_t gw_options_buffers(const struct gw_options *options, uint64_t machine_bytes)
{
    return gw_options_memory(options, machine_bytes) / 4;
}
