/* lengths_test.c - numbers in HTTP, over all short strings of interesting bytes.
 *
 * Where two programs read a length differently a request can be smuggled past one of them. So
 * Content-Length (of a request and of a response) and the size of a chunk are read here with every
 * string of up to four of these bytes in their place, five in the long walk: digits of both bases
 * and what stands beside them in ASCII, signs, points, separators, blanks, line ends, NUL, DEL and
 * a byte that is not ASCII. And so is the port behind a host, which says who is meant. A CR LF
 * among them makes other lines of what follows, so that the reference, which is the grammar of RFC
 * 9112 with the leniencies taken out, reads all of the text and not the string alone.
 *
 * Threads: one. */
#include "proto/http/head.h"

#include <stdint.h>

#include "parts.h"
#include "proto/http/body.h"
#include "proto/http/host.h"

static const char alphabet[] = {'0', '1', '2',  '3', '4',  '5',  '6', '7', '8',  '9',    'a',
                                'b', 'c', 'd',  'e', 'f',  'F',  'g', 'x', '+',  '-',    '.',
                                ',', ';', '\t', ' ', '\r', '\n', ':', '"', '\0', '\x7f', '\x80'};
#define LETTERS    sizeof(alphabet)

#define STRING_MAX 5u
#define TEXT_MAX   160u

/* --- Kinds of bytes, as RFC 9110 lists them --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_tchar(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* VCHAR, obs-text, and the blanks between them. */
static bool is_field_byte(char c)
{
    return c == '\t' || ((unsigned char)c >= ' ' && c != 0x7f);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* --- The reference for heads --- */

struct reading {
    bool refused;
    size_t head_len; /* 0: its end has not come */
    bool has_length;
    uint64_t length;
};

static const struct reading refusal = {.refused = true};

/* Bytes of the line at `text`, without its CR LF; -1 where it has no such end or holds what no line
 * may hold. A CR or LF alone is such a byte. */
static long line_len(const char *text, size_t len)
{
    size_t at = 0;

    while (at < len && is_field_byte(text[at]))
        at++;
    return at + 1 < len && text[at] == '\r' && text[at + 1] == '\n' ? (long)at : -1;
}

/* `field-name ":" OWS field-value OWS`; returns the length of the name, -1 for anything else. */
static long name_len(const char *line, size_t len)
{
    size_t at = 0;

    while (at < len && is_tchar(line[at]))
        at++;
    return at > 0 && at < len && line[at] == ':' ? (long)at : -1;
}

/* `Content-Length = 1*DIGIT`, blanks around it taken away. */
static bool read_length(const char *value, size_t len, uint64_t *number)
{
    while (len > 0 && is_blank(value[0]))
        value++, len--;
    while (len > 0 && is_blank(value[len - 1]))
        len--;
    *number = 0;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(value[i]))
            return false;
        *number = *number * 10 + (uint64_t)(value[i] - '0');
    }
    return len > 0;
}

/* Every text here begins with a first line that is right, and ends in an empty line. */
static struct reading read_head(const char *text, size_t len)
{
    struct reading reading = {.refused = false};
    size_t at = (size_t)line_len(text, len) + 2;

    for (;;) {
        long line = line_len(text + at, len - at), name;

        if (line < 0)
            return refusal;
        if (line == 0) {
            reading.head_len = at + 2;
            return reading;
        }
        name = name_len(text + at, (size_t)line);
        if (name < 0)
            return refusal;
        if (name == 14 && memcmp(text + at, "Content-Length", 14) == 0) {
            reading.has_length = true;
            if (!read_length(text + at + name + 1, (size_t)(line - name - 1), &reading.length))
                return refusal;
        }
        at += (size_t)line + 2;
    }
}

/* --- Heads --- */

static const struct gw_http_limits limits = {8192, 64, 6144};

static bool request_agrees(const char *text, size_t head_len, const struct reading *expected)
{
    static struct gw_http_request request;
    struct gw_http_refusal why;
    enum gw_http_body_kind kind = expected->length > 0 ? GW_HTTP_LENGTH : GW_HTTP_NO_BODY;

    if (gw_http_request_parse(&request, &limits, text, head_len, &why) != 0)
        return expected->refused;
    return !expected->refused && request.body_kind == kind &&
           request.content_length == expected->length;
}

static bool response_agrees(const char *text, size_t head_len, const struct reading *expected)
{
    static struct gw_http_response response;
    struct gw_http_refusal why;

    if (gw_http_response_parse(&response, &limits, text, head_len, &why) != 0)
        return expected->refused;
    return !expected->refused && response.body_kind == GW_HTTP_LENGTH &&
           response.content_length == expected->length;
}

/* `first` is all of the head up to the string. */
static bool head_agrees(const char *first, bool is_request, const char *string, size_t string_len)
{
    char text[TEXT_MAX];
    size_t first_len = strlen(first), len = first_len + string_len + 4;
    struct gw_http_scan scan = {0};
    struct gw_http_refusal why;
    struct reading expected;
    int head_len;

    memcpy(text, first, first_len);
    memcpy(text + first_len, string, string_len);
    memcpy(text + first_len + string_len, "\r\n\r\n", 4);
    expected = read_head(text, len);
    head_len = gw_http_scan(&scan, &limits, text, len, &why);
    if (head_len <= 0)
        return expected.refused;
    if (!expected.refused && (size_t)head_len != expected.head_len)
        return false;
    return is_request ? request_agrees(text, (size_t)head_len, &expected)
                      : response_agrees(text, (size_t)head_len, &expected);
}

static void check_heads(const char *string, size_t len)
{
    if (!head_agrees("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:", true, string, len))
        parts_disagree("length of a request: %s", parts_show(string, len));
    if (!head_agrees("HTTP/1.1 200 OK\r\nContent-Length:", false, string, len))
        parts_disagree("length of a response: %s", parts_show(string, len));
}

/* --- The reference for chunks --- */

enum verdict { MORE, DONE, MALFORMED };

struct chunks {
    const char *at, *end;
    size_t payload;
};

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;

    return found ? (int)((found - digits) % 16) : -1;
}

/* CR LF, of which nothing, one or both may have come. */
static enum verdict take_line_end(struct chunks *chunks)
{
    for (const char *c = "\r\n"; *c; c++, chunks->at++) {
        if (chunks->at == chunks->end)
            return MORE;
        if (*chunks->at != *c)
            return MALFORMED;
    }
    return DONE;
}

/* chunk-ext, of which we demand no more than that it begins with a semicolon, blanks before it
 * allowed, and holds what a line may hold. */
static enum verdict take_extension(struct chunks *chunks)
{
    bool blank = false;

    for (; chunks->at < chunks->end && is_blank(*chunks->at); chunks->at++)
        blank = true;
    if (chunks->at == chunks->end)
        return MORE;
    if (*chunks->at != ';')
        return blank ? MALFORMED : DONE;
    while (chunks->at < chunks->end && is_field_byte(*chunks->at))
        chunks->at++;
    return chunks->at == chunks->end ? MORE : DONE;
}

/* `chunk-size [ chunk-ext ] CRLF` */
static enum verdict take_size(struct chunks *chunks, uint64_t *size)
{
    const char *start = chunks->at;
    enum verdict verdict;

    *size = 0;
    while (chunks->at < chunks->end && hex_value(*chunks->at) >= 0)
        *size = *size * 16 + (uint64_t)hex_value(*chunks->at++);
    if (chunks->at == chunks->end)
        return MORE;
    if (chunks->at == start)
        return MALFORMED;
    verdict = take_extension(chunks);
    return verdict == DONE ? take_line_end(chunks) : verdict;
}

/* `trailer-section CRLF` */
static enum verdict take_trailers(struct chunks *chunks)
{
    for (;;) {
        const char *start = chunks->at;
        enum verdict verdict;

        if (chunks->at < chunks->end && *chunks->at == '\r')
            return take_line_end(chunks);
        while (chunks->at < chunks->end && is_tchar(*chunks->at))
            chunks->at++;
        if (chunks->at == chunks->end)
            return MORE;
        if (chunks->at == start || *chunks->at != ':')
            return MALFORMED;
        while (chunks->at < chunks->end && is_field_byte(*chunks->at))
            chunks->at++;
        verdict = take_line_end(chunks);
        if (verdict != DONE)
            return verdict;
    }
}

/* `*chunk last-chunk trailer-section CRLF` */
static enum verdict read_chunks(struct chunks *chunks)
{
    for (;;) {
        size_t left, piece;
        uint64_t size;
        enum verdict verdict = take_size(chunks, &size);

        if (verdict != DONE)
            return verdict;
        if (size == 0)
            return take_trailers(chunks);
        left = (size_t)(chunks->end - chunks->at);
        piece = size < left ? (size_t)size : left;
        chunks->payload += piece;
        chunks->at += piece;
        verdict = take_line_end(chunks);
        if (verdict != DONE)
            return verdict;
    }
}

/* --- Chunks --- */

static bool chunks_agree(const char *text, size_t len, size_t step)
{
    struct chunks chunks = {text, text + len, 0};
    enum verdict expected = read_chunks(&chunks);
    uint8_t copy[TEXT_MAX];
    struct gw_http_body body;
    size_t payload = 0, at = 0;
    int got = 0;

    memcpy(copy, text, len);
    gw_http_body_init(&body, GW_HTTP_CHUNKED, 0);
    while (at < len && got >= 0 && !body.done) {
        struct gw_span input = {copy + at, step < len - at ? step : len - at}, piece;
        size_t given = input.len;

        while ((got = gw_http_body_read(&body, &input, &piece)) > 0)
            payload += piece.len;
        at += given - input.len;
    }
    if (expected == MALFORMED || got < 0)
        return expected == MALFORMED && got < 0;
    return payload == chunks.payload && body.done == (expected == DONE) &&
           at == (size_t)(chunks.at - text);
}

static void check_chunks(const char *string, size_t string_len)
{
    static const char *const tails[] = {"", "\n", "\r\n", "\r\nabc\r\n0\r\n\r\n",
                                        "\r\na\r\n0\r\nb:c\r\n\r\nbehind"};

    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        size_t len = string_len + strlen(tails[i]);
        char text[TEXT_MAX];

        memcpy(text, string, string_len);
        memcpy(text + string_len, tails[i], strlen(tails[i]));
        if (!chunks_agree(text, len, len + 1) || !chunks_agree(text, len, 1))
            parts_disagree("size of a chunk, end %zu: %s", i, parts_show(string, string_len));
    }
}

/* --- Ports --- */

/* `port = *DIGIT` (RFC 3986 section 3.2.3), of which ours has one digit to five and is a port. */
static long port_of(const char *string, size_t len)
{
    long port = 0;

    if (len == 0 || len > 5)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(string[i]))
            return -1;
        port = port * 10 + (string[i] - '0');
    }
    return port <= 65535 ? port : -1;
}

static void check_port(const char *string, size_t len)
{
    static const char *const hosts[] = {"h:", "1.2.3.4:", "[::1]:"};

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        size_t host_len = strlen(hosts[i]);
        struct gw_http_host host;
        char text[TEXT_MAX];
        bool got;

        memcpy(text, hosts[i], host_len);
        memcpy(text + host_len, string, len);
        got = gw_http_host_parse(&host, (struct gw_str){text, host_len + len});
        if (got ? host.port != port_of(string, len) || host.name.len != host_len - 1
                : port_of(string, len) >= 0)
            parts_disagree("port of %s%s", hosts[i], parts_show(string, len));
    }
}

/* All numbers of up to six digits, with zeros in front of them to five and to six too. */
static void check_port_numbers(void)
{
    for (unsigned number = 0; number <= 999999; number++)
        for (int digits = 1; digits <= 6; digits += digits == 1 ? 4 : 1) {
            char text[8];

            check_port(text, (size_t)snprintf(text, sizeof(text), "%0*u", digits, number));
        }
}

/* --- All strings --- */

typedef void check_fn(const char *string, size_t len);

static const struct {
    check_fn *check;
    const char *name;
} readers[] = {
    {check_heads, "Content-Length"}, {check_chunks, "the size of a chunk"}, {check_port, "a port"}};
#define READERS (sizeof(readers) / sizeof(readers[0]))

static void check_below(check_fn *check, char *string, size_t at, size_t len)
{
    if (at == len) {
        check(string, len);
        return;
    }
    for (size_t i = 0; i < LETTERS; i++) {
        string[at] = alphabet[i];
        check_below(check, string, at + 1, len);
    }
}

static void name_quick(unsigned part, char out[PARTS_NAME_MAX])
{
    (void)snprintf(out, PARTS_NAME_MAX, "all strings of up to four of %zu bytes as %s", LETTERS,
                   readers[part].name);
}

static void run_quick(unsigned part)
{
    char string[STRING_MAX] = {0};

    for (size_t len = 0; len < STRING_MAX; len++)
        check_below(readers[part].check, string, 0, len);
    if (readers[part].check == check_port)
        check_port_numbers();
}

/* Two parts for each reader, the letters shared between them. */
static void name_all(unsigned part, char out[PARTS_NAME_MAX])
{
    (void)snprintf(out, PARTS_NAME_MAX, "all strings of five of %zu bytes as %s, half %u", LETTERS,
                   readers[part / 2].name, 1 + part % 2);
}

static void run_all(unsigned part)
{
    for (size_t first = part % 2; first < LETTERS; first += 2) {
        char string[STRING_MAX] = {alphabet[first]};

        check_below(readers[part / 2].check, string, 1, STRING_MAX);
    }
}

int main(int argc, char **argv)
{
    static const struct parts quick = {READERS, name_quick, run_quick};
    static const struct parts all = {2 * READERS, name_all, run_all};

    return parts_main(parts_wants_all(argc, argv) ? &all : &quick);
}
