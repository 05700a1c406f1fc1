#include "edge/api/asked.h"

#include "core/num.h"
#include "edge/api/name.h"
#include "proto/http/target.h"

#define SINCE_BYTES_MAX   128 /* a longer one is no position */
#define SESSION_BYTES_MIN 16
#define SESSION_BYTES_MAX 64

/* --- Channels --- */

int gw_asked_channels(struct gw_asked *asked, struct gw_str list, uint32_t count_max,
                      const char **reason)
{
    char room[GW_CHANNEL_NAME_MAX];
    struct gw_str name;

    *asked = (struct gw_asked){.channels = list, .count = 1};
    for (size_t i = 0; i < list.len; i++)
        asked->count += list.data[i] == ',';
    if (asked->count > count_max) {
        *reason = "more channels than max_subscriptions";
        return 4429;
    }
    while (list.data)
        if (!gw_name_read(gw_str_cut(&list, ','), room, &name)) {
            *reason = GW_BAD_NAME;
            return 4400;
        }
    return 0;
}

/* --- The query --- */

static bool twice(struct gw_str query, const char *name)
{
    struct gw_str found, value;
    unsigned count = 0;

    while (gw_http_query_next(&query, &found, &value))
        count += gw_str_eq(found, GW_STR(name));
    return count > 1;
}

/* To take a parameter and not to do what it asks for would lose messages in silence. */
static const char *what_is_not_served(struct gw_str query)
{
    struct gw_str value;

    if (twice(query, "since") || twice(query, "format") || twice(query, "token") ||
        twice(query, "session") || twice(query, "attempt"))
        return "a parameter is given twice";
    if (gw_http_query_find(query, "transport", &value) && !gw_str_eq(value, GW_STR("websocket")))
        return "transport: only websocket is served yet";
    return NULL;
}

static const char *read_format(struct gw_asked *asked, struct gw_str query)
{
    struct gw_str value;

    asked->envelopes = asked->count > 1;
    if (!gw_http_query_find(query, "format", &value) || value.len == 0)
        return NULL;
    asked->envelopes = gw_str_eq(value, GW_STR("json"));
    if (!asked->envelopes && !gw_str_eq(value, GW_STR("raw")))
        return "format: raw or json";
    if (!asked->envelopes && asked->count > 1)
        return "format: several channels come as json only";
    return NULL;
}

/* Cuts `*list` at its first comma, encoded or not, as gw_str_cut() does. */
static struct gw_str cut_since(struct gw_str *list)
{
    struct gw_str first = *list;

    for (size_t i = 0; i < list->len; i++) {
        struct gw_str rest = {list->data + i, list->len - i};
        bool encoded = rest.len >= 3 && (gw_str_eq((struct gw_str){rest.data, 3}, GW_STR("%2C")) ||
                                         gw_str_eq((struct gw_str){rest.data, 3}, GW_STR("%2c")));
        size_t comma = rest.data[0] == ',' ? 1 : encoded ? 3 : 0;

        if (comma > 0) {
            first.len = i;
            *list = (struct gw_str){rest.data + comma, rest.len - comma};
            return first;
        }
    }
    *list = (struct gw_str){NULL, 0};
    return first;
}

static struct gw_since read_since(struct gw_str word)
{
    char room[SINCE_BYTES_MAX];
    size_t len = 0;

    if (word.len > sizeof(room) || !gw_http_percent_decode(room, &len, word, true))
        return (struct gw_since){.kind = GW_SINCE_UNKNOWN};
    return gw_since_read((struct gw_str){room, len});
}

/* A list of nothing but empty words says as little as none. */
static bool says_something(struct gw_str list)
{
    while (list.data)
        if (cut_since(&list).len > 0)
            return true;
    return false;
}

/* Of one channel all of it is the word. What does not fit the channels is no position of any of
 * them: their reader is told so, not refused. */
static void read_since_list(struct gw_asked *asked, struct gw_str query)
{
    struct gw_str rest;
    uint32_t count = 0;

    if (!gw_http_query_find(query, "since", &asked->since))
        asked->since = GW_STR("");
    asked->since_given = says_something(asked->since);
    asked->one_since = true;
    if (asked->count == 1)
        return;
    for (rest = asked->since; rest.data; count++)
        (void)cut_since(&rest);
    if (count == asked->count)
        asked->one_since = false;
    else if (count > 1 || read_since(asked->since).kind == GW_SINCE_POSITION)
        asked->since = GW_STR("?");
}

/* None of these needs to be percent-encoded, and nobody encodes them. */
static bool is_session_name(struct gw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_')
            return false;
    }
    return text.len >= SESSION_BYTES_MIN && text.len <= SESSION_BYTES_MAX;
}

static const char *read_session(struct gw_asked *asked, struct gw_str query)
{
    uint64_t attempt = 0;
    struct gw_str value;

    if (gw_http_query_find(query, "attempt", &value) &&
        (!gw_num_u64(value, &attempt) || attempt > UINT32_MAX))
        return "attempt: a number from 0 to 4294967295";
    asked->attempt = (uint32_t)attempt;
    if (!gw_http_query_find(query, "session", &asked->session))
        return gw_http_query_find(query, "attempt", &value) ? "attempt: of which session?" : NULL;
    return is_session_name(asked->session) ? NULL : "session: 16 to 64 of A-Z a-z 0-9 - and _";
}

int gw_asked_parameters(struct gw_asked *asked, struct gw_str query, const char **reason)
{
    *reason = what_is_not_served(query);
    if (!*reason)
        *reason = read_format(asked, query);
    read_since_list(asked, query);
    if (!*reason)
        *reason = read_session(asked, query);
    return *reason ? 4400 : 0;
}

/* --- One after the other --- */

bool gw_asked_next(struct gw_asked *asked, char room[GW_CHANNEL_NAME_MAX], struct gw_str *name,
                   struct gw_since *since)
{
    if (!asked->channels.data)
        return false;
    (void)gw_name_read(gw_str_cut(&asked->channels, ','), room, name); /* it was one before */
    if (since)
        *since = read_since(asked->one_since ? asked->since : cut_since(&asked->since));
    return true;
}

/* --- A history --- */

static const char *read_limit(struct gw_read *read, struct gw_str query)
{
    struct gw_str value;
    uint64_t limit = GW_ASKED_LIMIT_MAX;

    if (gw_http_query_find(query, "limit", &value) &&
        (!gw_num_u64(value, &limit) || limit < 1 || limit > GW_ASKED_LIMIT_MAX))
        return "limit: 1 to 1000";
    read->count_max = (uint32_t)limit;
    return NULL;
}

static const char *read_reverse(struct gw_read *read, struct gw_str query)
{
    struct gw_str value = GW_STR("0");

    (void)gw_http_query_find(query, "reverse", &value); /* it stays 0 */
    read->newest = gw_str_eq(value, GW_STR("1"));
    return read->newest || gw_str_eq(value, GW_STR("0")) ? NULL : "reverse: 1 or 0";
}

int gw_asked_history(struct gw_read *read, struct gw_str query, const char **detail)
{
    struct gw_str value;

    *detail = NULL;
    if (twice(query, "since") || twice(query, "limit") || twice(query, "reverse") ||
        twice(query, "token"))
        *detail = "a parameter is given twice";
    if (!*detail)
        *detail = read_limit(read, query);
    if (!*detail)
        *detail = read_reverse(read, query);
    read->since = (struct gw_since){.kind = GW_SINCE_ALL};
    if (gw_http_query_find(query, "since", &value) && value.len > 0)
        read->since = read_since(value);
    return *detail ? 400 : 0;
}
