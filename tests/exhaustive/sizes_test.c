/* sizes_test.c - sizes, times and counts of the configuration, over all short strings.
 *
 * All strings of up to five (in the long walk six) of the letters that units are made of, a few
 * digits, and what others allow in a number: signs, points, exponents, blanks, NUL. The reference
 * is the grammar of the manual: digits, one blank or none, a unit. Numbers too long for 64 bits are
 * the unit test's.
 *
 * Threads: one. */
#include "server/values.h"

#include <errno.h>
#include <stdint.h>

#include "parts.h"

static const char alphabet[] = {'0', '1', '9', 'B', 'K', 'i', 'M', 'G', 'k',  'b',
                                'm', 's', 'h', 'd', ' ', '+', '-', '.', '\t', '\0'};
#define LETTERS    sizeof(alphabet)

#define QUICK_MAX  5u
#define STRING_MAX 6u
#define UNTOUCHED  UINT64_C(0x5555555555555555)

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit sizes[] = {
    {"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};
static const struct unit times[] = {{"ms", UINT64_C(1000000)},
                                    {"s", UINT64_C(1000000000)},
                                    {"m", UINT64_C(60000000000)},
                                    {"h", UINT64_C(3600000000000)},
                                    {"d", UINT64_C(86400000000000)}};
static const struct unit counts[] = {{"", 1}};

static const struct {
    const char *name;
    int (*read)(struct gw_str text, uint64_t *out);
    const struct unit *units;
    size_t unit_count;
} readers[] = {{"a size", gw_value_read_size, sizes, sizeof(sizes) / sizeof(sizes[0])},
               {"a time", gw_value_read_duration, times, sizeof(times) / sizeof(times[0])},
               {"a count", gw_value_read_count, counts, sizeof(counts) / sizeof(counts[0])}};
#define READERS (sizeof(readers) / sizeof(readers[0]))

/* What the manual makes of it; false where it is none. */
static bool expected(size_t reader, const char *text, size_t len, uint64_t *value)
{
    size_t at = 0;

    *value = 0;
    for (; at < len && text[at] >= '0' && text[at] <= '9'; at++)
        *value = *value * 10 + (uint64_t)(text[at] - '0');
    if (at == 0)
        return false;
    if (at + 1 < len && text[at] == ' ') /* never at the end */
        at++;
    for (size_t i = 0; i < readers[reader].unit_count; i++) {
        const struct unit *unit = &readers[reader].units[i];

        if (strlen(unit->name) == len - at && memcmp(text + at, unit->name, len - at) == 0) {
            *value *= unit->factor;
            return true;
        }
    }
    return false;
}

static void check(size_t reader, const char *text, size_t len)
{
    uint64_t value, got = UNTOUCHED;
    bool right = expected(reader, text, len, &value);
    int status = readers[reader].read((struct gw_str){text, len}, &got);

    if (status != (right ? 0 : -EINVAL) || got != (right ? value : UNTOUCHED))
        parts_disagree("%s: %s", readers[reader].name, parts_show(text, len));
}

static void check_below(size_t reader, char *string, size_t at, size_t len)
{
    if (at == len) {
        check(reader, string, len);
        return;
    }
    for (size_t i = 0; i < LETTERS; i++) {
        string[at] = alphabet[i];
        check_below(reader, string, at + 1, len);
    }
}

static void name_quick(unsigned part, char out[PARTS_NAME_MAX])
{
    (void)snprintf(out, PARTS_NAME_MAX, "all strings of up to %u of %zu bytes as %s", QUICK_MAX,
                   LETTERS, readers[part].name);
}

static void run_quick(unsigned part)
{
    char string[STRING_MAX] = {0};

    for (size_t len = 0; len <= QUICK_MAX; len++)
        check_below(part, string, 0, len);
}

static void name_all(unsigned part, char out[PARTS_NAME_MAX])
{
    (void)snprintf(out, PARTS_NAME_MAX, "all strings of %u of %zu bytes as %s", STRING_MAX, LETTERS,
                   readers[part].name);
}

static void run_all(unsigned part)
{
    char string[STRING_MAX] = {0};

    check_below(part, string, 0, STRING_MAX);
}

int main(int argc, char **argv)
{
    static const struct parts quick = {READERS, name_quick, run_quick};
    static const struct parts all = {READERS, name_all, run_all};

    return parts_main(parts_wants_all(argc, argv) ? &all : &quick);
}
