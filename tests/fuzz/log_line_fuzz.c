/* log_line_fuzz.c - whatever is logged is one line, and means what was logged.
 *
 * The input is a time (8 bytes), a level, and then fields: a byte that says number or text and
 * which key, a length and the value. The line is read back by a reader of its own: each field that
 * is there whole must come out as it went in. A value can so neither end the line nor begin a field
 * of its own.
 *
 * Threads: one. */
#include "core/logline.h"

#include "fuzz.h"

#define FIELDS_MAX 32u

struct field {
    const char *key;
    bool is_number;
    uint64_t number;
    struct gw_str value;
};

struct line {
    const char *at, *end;
};

static const char *const keys[] = {"address", "channel", "detail", "a"};

/* --- Characters, by the definition of UTF-8 --- */

/* Takes one character; -1 where there is none. */
static long take_char(struct line *line)
{
    const uint8_t *at = (const uint8_t *)line->at;
    size_t left = (size_t)(line->end - line->at);
    size_t len = left == 0 ? 1 : at[0] < 0xc0 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    static const long least[] = {0, 0, 0x80, 0x800, 0x10000};
    long number;

    if (left < len || (at[0] >= 0x80 && at[0] < 0xc0) || at[0] >= 0xf8)
        return -1;
    number = len == 1 ? at[0] : at[0] & (0x7f >> len);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return -1;
        number = number * 64 + (at[i] & 0x3f);
    }
    if (number < least[len] || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff))
        return -1;
    line->at += len;
    return number;
}

/* A terminal or a viewer would do something else with it than show it. */
static bool is_harmful(long c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static void require_one_line(const struct gw_logline *line)
{
    struct line all = {line->text, line->text + line->len - 1};

    require(line->len >= 1 && line->len <= GW_LOGLINE_MAX);
    require(line->text[line->len - 1] == '\n');
    require_written(line->text, line->len);
    while (all.at < all.end)
        require(!is_harmful(take_char(&all)));
}

/* --- Reading it back --- */

static bool take_text(struct line *line, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(line->end - line->at) < len || memcmp(line->at, text, len) != 0)
        return false;
    line->at += len;
    return true;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A byte of a value in quotes; -1 at its end. */
static int take_byte(struct line *line)
{
    int value;

    require(line->at < line->end);
    if (*line->at == '"')
        return -1;
    if (*line->at != '\\')
        return (uint8_t)*line->at++;
    require(line->end - line->at >= 4 && line->at[1] == 'x');
    value = hex(line->at[2]) * 16 + hex(line->at[3]);
    require(hex(line->at[2]) >= 0 && hex(line->at[3]) >= 0);
    line->at += 4;
    return value;
}

static void read_quoted(struct line *line, struct gw_str value)
{
    int byte;

    for (size_t i = 0; (byte = take_byte(line)) >= 0; i++)
        require(i < value.len && (uint8_t)value.data[i] == byte);
    require(take_text(line, "\""));
}

/* Without quotes it must not need them. */
static void read_plain(struct line *line, struct gw_str value)
{
    require(value.len > 0 && (size_t)(line->end - line->at) >= value.len);
    require(memcmp(line->at, value.data, value.len) == 0);
    for (size_t i = 0; i < value.len; i++)
        require(!strchr(" =\"\\", value.data[i]));
    line->at += value.len;
}

static void read_number(struct line *line, uint64_t number)
{
    uint64_t got = 0;

    require(line->at < line->end && hex(*line->at) >= 0);
    while (line->at < line->end && *line->at >= '0' && *line->at <= '9')
        got = got * 10 + (uint64_t)(*line->at++ - '0');
    require(got == number);
}

static void read_back(const struct gw_logline *text, const struct field *fields, size_t count)
{
    struct line line = {text->text, text->text + text->len - 1};

    require(line.end - line.at > 25 && line.at[23] == 'Z' && line.at[24] == ' ');
    line.at += 25;
    require(take_text(&line, "DEBUG") || take_text(&line, "INFO") || take_text(&line, "WARN") ||
            take_text(&line, "ERROR"));
    require(take_text(&line, " fuzz: a line"));
    for (size_t i = 0; i < count; i++) {
        require(take_text(&line, " ") && take_text(&line, fields[i].key) && take_text(&line, "="));
        if (fields[i].is_number)
            read_number(&line, fields[i].number);
        else if (take_text(&line, "\""))
            read_quoted(&line, fields[i].value);
        else
            read_plain(&line, fields[i].value);
    }
    require(line.at == line.end);
}

/* --- Writing it --- */

static void write_field(struct gw_logline *line, struct fuzz_input *input, struct field *field)
{
    uint8_t choice = fuzz_byte(input);

    *field = (struct field){.key = keys[choice / 4 % 4], .is_number = (choice & 3) == 3};
    if (field->is_number) {
        field->number = fuzz_number(input, 8);
        gw_logline_u64(line, field->key, field->number);
        return;
    }
    field->value = fuzz_bytes(input, (choice & 3) == 2 ? SIZE_MAX : fuzz_byte(input));
    gw_logline_str(line, field->key, field->value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_input input = {data, len};
    int64_t wall_ms = (int64_t)fuzz_number(&input, 8);
    enum gw_log_level level = (enum gw_log_level)(fuzz_byte(&input) % 4);
    struct gw_logline *line = malloc(sizeof(*line));
    struct field fields[FIELDS_MAX];
    size_t count = 0, whole = 0;

    require(line);
    gw_logline_begin(line, wall_ms, level, "fuzz", "a line");
    while (input.len > 0 && count < FIELDS_MAX) {
        write_field(line, &input, &fields[count++]);
        if (!line->full)
            whole = count;
    }
    gw_logline_end(line);
    require_one_line(line);
    if (whole == count)
        read_back(line, fields, count);
    else
        require(line->len >= 4 && memcmp(line->text + line->len - 4, "...\n", 4) == 0);
    free(line);
    return 0;
}
