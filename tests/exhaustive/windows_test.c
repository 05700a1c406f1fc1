/* windows_test.c - window bits in every spelling, in an offer and in an answer.
 *
 * A number of window bits has one right form, and two programs that read another one differently
 * have two windows. So behind `server_max_window_bits=` and `client_max_window_bits=`, and behind
 * these names without the equals sign, stand here all strings of up to four (in the long walk six)
 * of the bytes that have a meaning in the header, or in a number; alone and with something behind.
 * And the numbers from 0 to 20 in every form that somebody might write them in.
 *
 * The reference reads the value byte by byte by the grammar of RFC 6455 section 9.1, quotes first,
 * into a list of extensions and their parameters; what becomes of that is said in RFC 7692 sections
 * 7.1.2.1 and 7.1.2.2.
 *
 * Threads: one. */
#include "proto/ws/extension.h"

#include <stdint.h>

#include "parts.h"
#include "proto/http/head.h"

static const char alphabet[] = {'0', '1', '2', '8', '9', '"', '\\', '=', '+', ' ', ';', ',', 'x'};
#define LETTERS    sizeof(alphabet)

#define QUICK_MAX  4u
#define STRING_MAX 6u
#define TEXT_MAX   160u
#define DEFLATE    "permessage-deflate"

enum which { SERVER, CLIENT, WHICH_COUNT };

static const char *const names[WHICH_COUNT] = {"server_max_window_bits", "client_max_window_bits"};

/* --- The reference: an extension list --- */

#define MOST 24u /* extensions, and parameters of one: no text here has more */

struct param {
    char name[TEXT_MAX], value[TEXT_MAX];
    bool has_value;
};

struct extension {
    char name[TEXT_MAX];
    struct param params[4]; /* of more than four the rest is counted only */
    size_t param_count;
};

struct list {
    struct extension extensions[MOST];
    size_t count;
    bool malformed;
};

struct lexer {
    const char *at, *end;
};

static bool is_tchar(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip_blanks(struct lexer *lexer)
{
    while (lexer->at < lexer->end && (*lexer->at == ' ' || *lexer->at == '\t'))
        lexer->at++;
}

/* Takes `c`, and the blanks around it, if it is next. */
static bool take(struct lexer *lexer, char c)
{
    skip_blanks(lexer);
    if (lexer->at == lexer->end || *lexer->at != c)
        return false;
    lexer->at++;
    skip_blanks(lexer);
    return true;
}

static bool take_token(struct lexer *lexer, char out[TEXT_MAX])
{
    size_t len = 0;

    while (lexer->at < lexer->end && is_tchar(*lexer->at))
        out[len++] = *lexer->at++;
    out[len] = '\0';
    return len > 0;
}

/* `quoted-string`; "the value after quoted-string unescaping MUST conform to the token ABNF". */
static bool take_quoted(struct lexer *lexer, char out[TEXT_MAX])
{
    size_t len = 0;

    for (lexer->at++; lexer->at < lexer->end && *lexer->at != '"'; lexer->at++) {
        if (*lexer->at == '\\' && ++lexer->at == lexer->end)
            return false;
        if (!is_tchar(*lexer->at))
            return false;
        out[len++] = *lexer->at;
    }
    out[len] = '\0';
    return len > 0 && lexer->at < lexer->end && *lexer->at++ == '"';
}

static bool take_param(struct lexer *lexer, struct param *param)
{
    param->value[0] = '\0';
    param->has_value = false;
    if (!take_token(lexer, param->name))
        return false;
    param->has_value = take(lexer, '=');
    if (!param->has_value)
        return true;
    return lexer->at < lexer->end && *lexer->at == '"' ? take_quoted(lexer, param->value)
                                                       : take_token(lexer, param->value);
}

static bool take_extension(struct lexer *lexer, struct extension *extension)
{
    extension->param_count = 0;
    if (!take_token(lexer, extension->name))
        return false;
    while (take(lexer, ';')) {
        struct param spare;
        bool kept = extension->param_count < 4;

        if (!take_param(lexer, kept ? &extension->params[extension->param_count] : &spare))
            return false;
        extension->param_count++;
    }
    return true;
}

/* `#extension`: of empty elements there may be any number. */
static void read_list(struct list *list, const char *text, size_t len)
{
    struct lexer lexer = {text, text + len};

    list->count = 0;
    list->malformed = true;
    skip_blanks(&lexer);
    while (lexer.at < lexer.end) {
        if (take(&lexer, ','))
            continue;
        if (list->count == MOST || !take_extension(&lexer, &list->extensions[list->count++]))
            return;
        skip_blanks(&lexer);
        if (lexer.at < lexer.end && *lexer.at != ',')
            return;
    }
    list->malformed = false;
}

/* --- The reference: what it means --- */

struct meaning {
    bool right;
    unsigned bits[WHICH_COUNT]; /* 0: not said; 1: said without a value */
};

/* "a decimal integer value without leading zeroes between 8 to 15 inclusive" */
static unsigned bits_of(const char *value)
{
    static const char *const right[] = {"8", "9", "10", "11", "12", "13", "14", "15"};

    for (unsigned i = 0; i < 8; i++)
        if (strcmp(value, right[i]) == 0)
            return 8 + i;
    return 0;
}

static struct meaning meaning_of(const struct extension *extension, bool is_answer)
{
    static const struct meaning wrong = {.right = false};
    struct meaning meaning = {.right = true};

    if (strcmp(extension->name, DEFLATE) != 0 || extension->param_count > 4)
        return wrong;
    for (size_t i = 0; i < extension->param_count; i++) {
        const struct param *param = &extension->params[i];
        enum which which = strcmp(param->name, names[SERVER]) == 0 ? SERVER : CLIENT;

        if (strcmp(param->name, names[which]) != 0 || meaning.bits[which] != 0)
            return wrong;
        if (param->has_value)
            meaning.bits[which] = bits_of(param->value);
        else if (which == CLIENT && !is_answer) /* section 7.1.2.2: "in an extension offer" */
            meaning.bits[which] = 1;
        if (meaning.bits[which] == 0)
            return wrong;
    }
    return meaning;
}

static uint8_t limit_of(unsigned bits)
{
    return bits > 1 ? (uint8_t)bits : 15;
}

/* --- Comparing with it --- */

static bool terms_are(const struct gw_ws_deflate_terms *terms, uint8_t server, uint8_t client)
{
    uint8_t takeover = server != 0; /* no text here forbids it */

    return terms->server_window_bits == server && terms->client_window_bits == client &&
           terms->server_takeover == takeover && terms->client_takeover == takeover;
}

/* The first extension of the list that is right and allows a window of `server_bits`. */
static const struct meaning *find_offer(const struct list *list, uint8_t server_bits)
{
    static struct meaning meaning;

    for (size_t i = 0; i < list->count; i++) {
        meaning = meaning_of(&list->extensions[i], false);
        if (meaning.right && limit_of(meaning.bits[SERVER]) >= server_bits)
            return &meaning;
    }
    return NULL;
}

/* A server with a window of each size, and clients' of any. */
static bool offer_agrees(const struct list *list, const struct gw_http_header *header)
{
    if (gw_ws_extensions_well_formed(header, 1) == list->malformed)
        return false;
    for (uint8_t bits = 8; bits <= 15 && !list->malformed; bits++) {
        struct gw_ws_deflate_terms wanted = {bits, 15, 1, 1}, agreed = {77, 77, 77, 77};
        const struct meaning *offer = find_offer(list, bits);
        char out[GW_WS_EXTENSION_MAX];
        size_t len = gw_ws_extension_choose(out, header, 1, &wanted, &agreed);

        if (!offer)
            return len == 0 && terms_are(&agreed, 0, 0);
        if (len == 0 || !terms_are(&agreed, bits, limit_of(offer->bits[CLIENT])))
            return false;
    }
    return true;
}

static bool answer_agrees(const struct list *list, const struct gw_http_header *header)
{
    static const struct gw_ws_deflate_terms offered = {15, 15, 1, 1};
    struct gw_ws_deflate_terms agreed = {77, 77, 77, 77};
    struct meaning answer = {.right = false};
    bool got = gw_ws_extension_answered(header, 1, &offered, &agreed);

    if (!list->malformed && list->count == 1)
        answer = meaning_of(&list->extensions[0], true);
    if (got != answer.right)
        return false;
    return got ? terms_are(&agreed, limit_of(answer.bits[SERVER]), limit_of(answer.bits[CLIENT]))
               : terms_are(&agreed, 0, 0);
}

static struct list list;

static void check_text(const char *text, size_t len)
{
    struct gw_http_header header = {GW_STR("Sec-WebSocket-Extensions"), {text, len}};

    read_list(&list, text, len);
    if (!offer_agrees(&list, &header))
        parts_disagree("offer: %.*s", (int)len, text);
    if (!answer_agrees(&list, &header))
        parts_disagree("answer: %.*s", (int)len, text);
}

/* --- All strings --- */

static void check_string(enum which which, const char *string, size_t len)
{
    static const char *const before[] = {"=", ""};
    static const char *const behind[] = {"", "; server_max_window_bits=9",
                                         "; client_max_window_bits=10", "; client_max_window_bits",
                                         ", " DEFLATE "; client_max_window_bits=11"};

    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        for (size_t j = 0; j < sizeof(behind) / sizeof(behind[0]); j++) {
            char text[TEXT_MAX];
            int text_len = snprintf(text, sizeof(text), "%s; %s%s%.*s%s", DEFLATE, names[which],
                                    before[i], (int)len, string, behind[j]);

            check_text(text, (size_t)text_len);
        }
}

static void check_below(enum which which, char *string, size_t at, size_t len)
{
    if (at == len) {
        check_string(which, string, len);
        return;
    }
    for (size_t i = 0; i < LETTERS; i++) {
        string[at] = alphabet[i];
        check_below(which, string, at + 1, len);
    }
}

/* --- All numbers --- */

/* Each `#` becomes the number in decimal, each `x` in hexadecimal; a `\` comes before its first
 * digit, before its last one for `/`. What is right here is right for 8 to 15 and nothing else. */
static const struct {
    const char *form;
    bool right;
} forms[] = {
    {"=#", true},          {" = #", true},      {"=#  ", true},      {"\t=\t#\t", true},
    {"=\"#\"", true},      {"= \"#\" ", true},  {"=\"\\#\"", true},  {"=\"/#\"", true},
    {"=\"\\/#\"", true},   {"", false},         {"=", false},        {"=\"\"", false},
    {"=0#", false},        {"=00#", false},     {"=\"0#\"", false},  {"=\"\\0#\"", false},
    {"=+#", false},        {"=-#", false},      {"=\"+#\"", false},  {"=\"-#\"", false},
    {"=\" #\"", false},    {"=\"# \"", false},  {"=# #", false},     {"=#,#", false},
    {"=0xx", false},       {"=0Xx", false},     {"=\"0xx\"", false}, {"=#.", false},
    {"=#.0", false},       {"=#e0", false},     {"='#'", false},     {"=\"#", false},
    {"=#\"", false},       {"=\"#\"\"", false}, {"=\"#\\\"", false}, {"=\\#", false},
    {"==#", false},        {"=#=#", false},     {" #", false},       {":#", false},
    {"=#k", false},        {"=#_", false},      {"=_#", false},      {"=(#)", false},
    {"=\xd9\xa1#", false}, {"=#\x80", false},
};

static size_t spell(char out[TEXT_MAX], const char *form, unsigned number)
{
    bool first = strchr(form, '\\') != NULL, last = strchr(form, '/') != NULL;
    size_t len = 0;
    char digits[4];

    for (; *form; form++) {
        if (*form == '#' && (first || last)) {
            int count = snprintf(digits, sizeof(digits), "%u", number);

            for (int i = 0; i < count; i++) {
                if (i > 0 && last && i + 1 == count)
                    out[len++] = '\\';
                out[len++] = digits[i];
            }
        } else if (*form == '#') {
            len += (size_t)snprintf(out + len, 4, "%u", number);
        } else if (*form == 'x') {
            len += (size_t)snprintf(out + len, 4, "%x", number);
        } else if (*form != '/') {
            out[len++] = *form;
        }
    }
    return len;
}

/* In an offer and in an answer; alone, and twice in this or in the plain form. */
static void check_number(enum which which, size_t form, unsigned number)
{
    bool in_range = number >= 8 && number <= 15;
    char value[TEXT_MAX], text[TEXT_MAX];
    struct meaning meaning;
    size_t len = spell(value, forms[form].form, number);
    int text_len =
        snprintf(text, sizeof(text), "%s; %s%.*s", DEFLATE, names[which], (int)len, value);

    check_text(text, (size_t)text_len);
    meaning = list.count > 0 ? meaning_of(&list.extensions[0], true) : (struct meaning){false, {0}};
    if ((!list.malformed && list.count == 1 && meaning.right) != (forms[form].right && in_range))
        parts_disagree("the reference itself: %s", text);

    text_len = snprintf(text, sizeof(text), "%s; %s%.*s; %s%.*s", DEFLATE, names[which], (int)len,
                        value, names[which], (int)len, value);
    check_text(text, (size_t)text_len);
    text_len = snprintf(text, sizeof(text), "%s; %s=%u; %s%.*s", DEFLATE, names[which], number,
                        names[which], (int)len, value);
    check_text(text, (size_t)text_len);
}

/* Numbers that end in the same 8, 16, 32 and 64 bits as this one, for whoever counts in so many. */
static void check_too_large(enum which which, unsigned number)
{
    static const uint64_t beyond[] = {UINT64_C(1) << 8, UINT64_C(1) << 16, UINT64_C(1) << 32};
    char text[TEXT_MAX];
    int len;

    for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        len = snprintf(text, sizeof(text), "%s; %s=%llu", DEFLATE, names[which],
                       (unsigned long long)(beyond[i] + number));
        check_text(text, (size_t)len);
    }
    len = snprintf(text, sizeof(text), "%s; %s=18446744073709551%u", DEFLATE, names[which],
                   616 + number); /* 2^64 ends in 616 */
    check_text(text, (size_t)len);
}

static void check_numbers(void)
{
    for (int which = 0; which < WHICH_COUNT; which++)
        for (unsigned number = 0; number <= 20; number++) {
            for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); form++)
                check_number((enum which)which, form, number);
            check_too_large((enum which)which, number);
        }
}

/* --- The parts --- */

static void name_quick(unsigned part, char out[PARTS_NAME_MAX])
{
    if (part == WHICH_COUNT)
        (void)snprintf(out, PARTS_NAME_MAX, "window bits from 0 to 20 in %zu forms",
                       sizeof(forms) / sizeof(forms[0]));
    else
        (void)snprintf(out, PARTS_NAME_MAX, "all strings of up to %u of %zu bytes as %s", QUICK_MAX,
                       LETTERS, names[part]);
}

static void run_quick(unsigned part)
{
    char string[STRING_MAX] = {0};

    if (part == WHICH_COUNT)
        check_numbers();
    for (size_t len = 0; part < WHICH_COUNT && len <= QUICK_MAX; len++)
        check_below((enum which)part, string, 0, len);
}

static void name_all(unsigned part, char out[PARTS_NAME_MAX])
{
    (void)snprintf(out, PARTS_NAME_MAX,
                   "all strings of five and six of %zu bytes that begin with '%c' as %s", LETTERS,
                   alphabet[part / WHICH_COUNT], names[part % WHICH_COUNT]);
}

static void run_all(unsigned part)
{
    char string[STRING_MAX] = {alphabet[part / WHICH_COUNT]};

    for (size_t len = QUICK_MAX + 1; len <= STRING_MAX; len++)
        check_below((enum which)(part % WHICH_COUNT), string, 1, len);
}

int main(int argc, char **argv)
{
    static const struct parts quick = {WHICH_COUNT + 1, name_quick, run_quick};
    static const struct parts all = {WHICH_COUNT * LETTERS, name_all, run_all};

    return parts_main(parts_wants_all(argc, argv) ? &all : &quick);
}
