#include "proto/ws/extension.h"

#include <assert.h>

#include "core/num.h"
#include "proto/http/head.h"
#include "proto/ws/list.h"

#define HEADER_NAME "Sec-WebSocket-Extensions"
#define DEFLATE     "permessage-deflate"

static bool is_extensions(const struct gw_http_header *header)
{
    return gw_str_eq_nocase(header->name, GW_STR(HEADER_NAME));
}

/* --- The grammar --- */

/* What stands between quotes must be a token, once its quoted pairs are taken apart. A backslash
 * before the last quote makes that quote the byte that is no token. */
static bool is_quoted_token(struct gw_str text)
{
    if (text.len < 3 || text.data[0] != '"' || text.data[text.len - 1] != '"')
        return false;
    for (size_t i = 1; i < text.len - 1; i++) {
        if (text.data[i] == '\\')
            i++;
        if (!gw_http_is_token((struct gw_str){text.data + i, 1}))
            return false;
    }
    return true;
}

/* Takes the next parameter, `name`, `name=token` or `name="token"`, off those of an extension;
 * `value->data` is NULL where there is none. False where it is malformed. */
static bool next_param(struct gw_str *params, struct gw_str *name, struct gw_str *value)
{
    *value = gw_str_cut(params, ';');
    *name = gw_str_trim(gw_str_cut(value, '='));
    if (!gw_http_is_token(*name))
        return false;
    if (!value->data)
        return true;
    *value = gw_str_trim(*value);
    return gw_http_is_token(*value) || is_quoted_token(*value);
}

/* To cut at every comma and semicolon is right even though a quoted string might hold one: it would
 * not be a token then, and neither half ends its quote. */
static bool is_extension(struct gw_str extension)
{
    struct gw_str name, value;

    if (!gw_http_is_token(gw_str_trim(gw_str_cut(&extension, ';'))))
        return false;
    while (extension.data)
        if (!next_param(&extension, &name, &value))
            return false;
    return true;
}

bool gw_ws_extensions_well_formed(const struct gw_http_header *headers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct gw_str rest = headers[i].value, extension;

        if (!is_extensions(&headers[i]))
            continue;
        while (gw_ws_list_next(&rest, &extension))
            if (!is_extension(extension))
                return false;
    }
    return true;
}

/* --- The parameters of permessage-deflate --- */

enum param { SERVER_NO_TAKEOVER, CLIENT_NO_TAKEOVER, SERVER_BITS, CLIENT_BITS, PARAM_COUNT };

static const char *const param_names[PARAM_COUNT] = {
    [SERVER_NO_TAKEOVER] = "server_no_context_takeover",
    [CLIENT_NO_TAKEOVER] = "client_no_context_takeover",
    [SERVER_BITS] = "server_max_window_bits",
    [CLIENT_BITS] = "client_max_window_bits",
};

/* An offer or an answer: of each parameter ABSENT, PRESENT without a value, or its window bits. */
#define ABSENT  0u
#define PRESENT 1u
struct params {
    uint8_t said[PARAM_COUNT];
};

static_assert(GW_WS_WINDOW_BITS_MIN > PRESENT, "window bits are told from both");

static bool is_bits(enum param param)
{
    return param == SERVER_BITS || param == CLIENT_BITS;
}

/* Window bits in the one way to write them: 8 to 15, no sign, no leading zero; whether quoted, and
 * with quoted pairs, or not. 0 for anything else. */
static uint8_t bits_of(struct gw_str value)
{
    bool quoted = value.data[0] == '"';
    unsigned bits = 0;
    size_t digits = 0;

    for (size_t i = quoted; i < value.len - quoted; i++) {
        if (value.data[i] == '\\')
            i++;
        if (value.data[i] < (digits == 0 ? '1' : '0') || value.data[i] > '9' || digits == 2)
            return 0;
        bits = bits * 10 + (unsigned)(value.data[i] - '0');
        digits++;
    }
    return bits >= GW_WS_WINDOW_BITS_MIN && bits <= GW_WS_WINDOW_BITS_MAX ? (uint8_t)bits : 0;
}

static enum param param_of(struct gw_str name)
{
    int param = 0;

    while (param < PARAM_COUNT && !gw_str_eq(name, GW_STR(param_names[param])))
        param++;
    return (enum param)param;
}

/* One parameter of section 7.1. False where it is unknown, doubled, has a value that is not due or
 * wrong, or lacks one. */
static bool take_param(struct params *params, struct gw_str name, struct gw_str value,
                       bool is_answer)
{
    enum param param = param_of(name);

    if (param == PARAM_COUNT || params->said[param] != ABSENT)
        return false;
    if (value.data) {
        params->said[param] = is_bits(param) ? bits_of(value) : ABSENT;
        return params->said[param] != ABSENT;
    }
    params->said[param] = PRESENT;
    /* Only an offer may say that the client knows the parameter (section 7.1.2.2). */
    return !is_bits(param) || (param == CLIENT_BITS && !is_answer);
}

/* `extension` names permessage-deflate, with parameters that are all in order? */
static bool read_deflate(struct params *params, struct gw_str extension, bool is_answer)
{
    struct gw_str name = gw_str_trim(gw_str_cut(&extension, ';')), value;

    *params = (struct params){.said = {ABSENT}};
    if (!gw_str_eq(name, GW_STR(DEFLATE)))
        return false;
    while (extension.data)
        if (!next_param(&extension, &name, &value) || !take_param(params, name, value, is_answer))
            return false;
    return true;
}

static size_t append(char *out, size_t at, struct gw_str text)
{
    assert(text.len <= GW_WS_EXTENSION_MAX - at);
    memcpy(out + at, text.data, text.len);
    return at + text.len;
}

/* The same the other way round. */
static size_t write_deflate(char out[GW_WS_EXTENSION_MAX], const struct params *params)
{
    size_t at = append(out, 0, GW_STR(DEFLATE));

    for (int param = 0; param < PARAM_COUNT; param++) {
        char digits[GW_U64_DIGITS];

        if (params->said[param] == ABSENT)
            continue;
        at = append(out, at, GW_STR("; "));
        at = append(out, at, GW_STR(param_names[param]));
        if (params->said[param] == PRESENT)
            continue;
        at = append(out, at, GW_STR("="));
        at = append(out, at, (struct gw_str){digits, gw_num_write(digits, params->said[param])});
    }
    return at;
}

/* --- Terms --- */

static bool are_window_bits(uint8_t bits)
{
    return bits >= GW_WS_WINDOW_BITS_MIN && bits <= GW_WS_WINDOW_BITS_MAX;
}

bool gw_ws_terms_valid(const struct gw_ws_deflate_terms *terms)
{
    return are_window_bits(terms->server_window_bits) &&
           are_window_bits(terms->client_window_bits) && terms->server_takeover <= 1 &&
           terms->client_takeover <= 1;
}

static uint8_t smaller(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* Window bits that were said, or the most there are. */
static uint8_t limit_of(uint8_t said)
{
    return said > PRESENT ? said : GW_WS_WINDOW_BITS_MAX;
}

/* --- The server's choice --- */

/* Sections 7.1.1 and 7.1.2: what becomes of an offer. False where it does not suit. */
static bool agree(const struct params *offer, const struct gw_ws_deflate_terms *wanted,
                  struct gw_ws_deflate_terms *agreed)
{
    if (limit_of(offer->said[SERVER_BITS]) < wanted->server_window_bits)
        return false;
    agreed->server_window_bits = wanted->server_window_bits;
    /* A client that does not name the parameter must not be sent it, and does as it likes. */
    agreed->client_window_bits =
        offer->said[CLIENT_BITS] == ABSENT
            ? GW_WS_WINDOW_BITS_MAX
            : smaller(limit_of(offer->said[CLIENT_BITS]), wanted->client_window_bits);
    agreed->server_takeover = wanted->server_takeover && !offer->said[SERVER_NO_TAKEOVER];
    agreed->client_takeover = wanted->client_takeover && !offer->said[CLIENT_NO_TAKEOVER];
    return true;
}

/* A limit of the server's that was offered must be in the answer even where it limits nothing; one
 * that does is told unasked, since it saves the client memory. */
static struct params answer_to(const struct params *offer, const struct gw_ws_deflate_terms *agreed)
{
    struct params answer = {.said = {ABSENT}};

    if (!agreed->server_takeover)
        answer.said[SERVER_NO_TAKEOVER] = PRESENT;
    if (!agreed->client_takeover)
        answer.said[CLIENT_NO_TAKEOVER] = PRESENT;
    if (offer->said[SERVER_BITS] || agreed->server_window_bits < GW_WS_WINDOW_BITS_MAX)
        answer.said[SERVER_BITS] = agreed->server_window_bits;
    if (agreed->client_window_bits < GW_WS_WINDOW_BITS_MAX)
        answer.said[CLIENT_BITS] = agreed->client_window_bits;
    return answer;
}

size_t gw_ws_extension_choose(char out[GW_WS_EXTENSION_MAX], const struct gw_http_header *headers,
                              uint32_t count, const struct gw_ws_deflate_terms *wanted,
                              struct gw_ws_deflate_terms *agreed)
{
    assert(gw_ws_terms_valid(wanted));
    *agreed = (struct gw_ws_deflate_terms){0};
    for (uint32_t i = 0; i < count; i++) {
        struct gw_str rest = headers[i].value, extension;
        struct params offer, answer;

        if (!is_extensions(&headers[i]))
            continue;
        while (gw_ws_list_next(&rest, &extension)) {
            if (!read_deflate(&offer, extension, false) || !agree(&offer, wanted, agreed))
                continue;
            answer = answer_to(&offer, agreed);
            return write_deflate(out, &answer);
        }
    }
    return 0;
}

/* --- The client's offer, and what it thinks of the answer --- */

/* client_max_window_bits is always there: it allows the server to make our window smaller. */
static struct params offer_of(const struct gw_ws_deflate_terms *offered)
{
    struct params offer = {.said = {ABSENT}};

    if (!offered->server_takeover)
        offer.said[SERVER_NO_TAKEOVER] = PRESENT;
    if (!offered->client_takeover)
        offer.said[CLIENT_NO_TAKEOVER] = PRESENT;
    if (offered->server_window_bits < GW_WS_WINDOW_BITS_MAX)
        offer.said[SERVER_BITS] = offered->server_window_bits;
    offer.said[CLIENT_BITS] =
        offered->client_window_bits < GW_WS_WINDOW_BITS_MAX ? offered->client_window_bits : PRESENT;
    return offer;
}

size_t gw_ws_extension_offer(char out[GW_WS_EXTENSION_MAX],
                             const struct gw_ws_deflate_terms *offered)
{
    struct params offer;

    assert(gw_ws_terms_valid(offered));
    offer = offer_of(offered);
    return write_deflate(out, &offer);
}

/* Sections 7.1.1 and 7.1.2 from the other side: does the server promise what we demanded, and not
 * allow us more than we said? */
static bool fits(const struct params *answer, const struct gw_ws_deflate_terms *offered,
                 struct gw_ws_deflate_terms *agreed)
{
    if (!offered->server_takeover && !answer->said[SERVER_NO_TAKEOVER])
        return false;
    if (limit_of(answer->said[SERVER_BITS]) > offered->server_window_bits ||
        (answer->said[CLIENT_BITS] && answer->said[CLIENT_BITS] > offered->client_window_bits))
        return false;
    agreed->server_window_bits = limit_of(answer->said[SERVER_BITS]);
    agreed->client_window_bits =
        smaller(limit_of(answer->said[CLIENT_BITS]), offered->client_window_bits);
    agreed->server_takeover = !answer->said[SERVER_NO_TAKEOVER];
    agreed->client_takeover = offered->client_takeover && !answer->said[CLIENT_NO_TAKEOVER];
    return true;
}

bool gw_ws_extension_answered(const struct gw_http_header *headers, uint32_t count,
                              const struct gw_ws_deflate_terms *offered,
                              struct gw_ws_deflate_terms *agreed)
{
    struct params answer;
    bool is_there = false;

    *agreed = (struct gw_ws_deflate_terms){0};
    for (uint32_t i = 0; i < count; i++) {
        struct gw_str rest = headers[i].value, extension, more;

        if (!is_extensions(&headers[i]))
            continue;
        /* One line with one element: an answer names what was chosen, and there is no more. */
        if (is_there || !offered || !gw_ws_list_next(&rest, &extension) ||
            gw_ws_list_next(&rest, &more) || !read_deflate(&answer, extension, true))
            return false;
        is_there = true;
    }
    if (is_there && !fits(&answer, offered, agreed)) {
        *agreed = (struct gw_ws_deflate_terms){0};
        return false;
    }
    return true;
}
