/* numbers_test.c - gw_num_u64() and gw_num_hex() over all strings of up to four bytes.
 *
 * The whole alphabet of 256 bytes, so 2^32 strings of four. The reference looks a byte up in the
 * list of digits and adds; what it found for three bytes it shares between the 256 strings that
 * begin so. The longest numbers, where a fifth to a twentieth digit matters, are the unit test's.
 *
 * Threads: one. */
#include "core/num.h"

#include <stdint.h>

#include "parts.h"

#define UNTOUCHED UINT64_C(0x5555555555555555)

/* A number, or none; of no text yet it is none. */
struct reading {
    bool is_number;
    uint64_t number;
};

struct base {
    uint64_t base;
    const char *digits;
    bool (*read)(struct gw_str text, uint64_t *out);
    int value_of[256]; /* -1: no digit */
};

static struct base bases[] = {
    {10, "0123456789", gw_num_u64, {0}},
    {16, "0123456789abcdef", gw_num_hex, {0}},
};
#define BASE_COUNT (sizeof(bases) / sizeof(bases[0]))

static void make_digits(void)
{
    for (size_t i = 0; i < BASE_COUNT; i++) {
        for (unsigned byte = 0; byte < 256; byte++)
            bases[i].value_of[byte] = -1;
        for (int value = 0; bases[i].digits[value]; value++) {
            unsigned char digit = (unsigned char)bases[i].digits[value];

            bases[i].value_of[digit] = value;
            if (value >= 10)
                bases[i].value_of[digit - 'a' + 'A'] = value;
        }
    }
}

/* What one more byte makes of a text of `len` bytes that was read as `before`. */
static inline struct reading add(const struct base *base, struct reading before, size_t len,
                                 uint8_t byte)
{
    int value = base->value_of[byte];

    if (value < 0 || (len > 0 && !before.is_number))
        return (struct reading){false, 0};
    return (struct reading){true, before.number * base->base + (uint64_t)value};
}

static inline void check(const struct base *base, const uint8_t *text, size_t len,
                         struct reading expected)
{
    uint64_t number = UNTOUCHED;
    bool got = base->read((struct gw_str){(const char *)text, len}, &number);

    if (got != expected.is_number || number != (got ? expected.number : UNTOUCHED))
        parts_disagree("base %d: %s", (int)base->base, parts_show(text, len));
}

/* All strings of `len` bytes that begin with the `at` bytes in `text`. */
static void check_below(const struct base *base, uint8_t *text, size_t at, size_t len,
                        struct reading before)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        struct reading now = add(base, before, at, (uint8_t)byte);

        text[at] = (uint8_t)byte;
        if (at + 1 == len)
            check(base, text, len, now);
        else
            check_below(base, text, at + 1, len, now);
    }
}

static void name_quick(unsigned part, char out[PARTS_NAME_MAX])
{
    (void)snprintf(out, PARTS_NAME_MAX, "all strings of up to three bytes, base %d",
                   (int)bases[part].base);
}

static void run_quick(unsigned part)
{
    uint8_t text[3] = {0};

    check(&bases[part], text, 0, (struct reading){false, 0});
    for (size_t len = 1; len <= 3; len++)
        check_below(&bases[part], text, 0, len, (struct reading){false, 0});
}

static void name_all(unsigned part, char out[PARTS_NAME_MAX])
{
    (void)snprintf(out, PARTS_NAME_MAX, "all strings of four bytes from %02x to %02x, base %d",
                   part / 2 * 32, part / 2 * 32 + 31, (int)bases[part % 2].base);
}

static void run_all(unsigned part)
{
    const struct base *base = &bases[part % 2];

    for (unsigned first = part / 2 * 32; first < part / 2 * 32 + 32; first++) {
        uint8_t text[4] = {(uint8_t)first};

        check_below(base, text, 1, 4, add(base, (struct reading){false, 0}, 0, (uint8_t)first));
    }
}

int main(int argc, char **argv)
{
    static const struct parts quick = {BASE_COUNT, name_quick, run_quick};
    static const struct parts all = {8 * BASE_COUNT, name_all, run_all};

    make_digits();
    return parts_main(parts_wants_all(argc, argv) ? &all : &quick);
}
