/* values.c - see values.h. */
#include "server/values.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "core/num.h"
#include "core/seam.h"

struct unit {
    const char *name;
    uint64_t factor;
};

#define UNIT_COUNT(units) (sizeof(units) / sizeof((units)[0]))

/* Smallest first. */
static const struct unit size_units[] = {
    {"B", 1},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
};

static const struct unit duration_units[] = {
    {"ms", GW_NS_PER_MS},      {"s", GW_NS_PER_S},         {"m", 60 * GW_NS_PER_S},
    {"h", 3600 * GW_NS_PER_S}, {"d", 86400 * GW_NS_PER_S},
};

/* Cuts the digits off the front of `*text`. */
static struct gw_str cut_digits(struct gw_str *text)
{
    struct gw_str digits = {text->data, 0};

    while (digits.len < text->len && text->data[digits.len] >= '0' && text->data[digits.len] <= '9')
        digits.len++;
    if (digits.len > 0)
        *text = (struct gw_str){text->data + digits.len, text->len - digits.len};
    return digits;
}

static const struct unit *find_unit(const struct unit *units, size_t count, struct gw_str name)
{
    for (size_t i = 0; i < count; i++)
        if (gw_str_eq(name, GW_STR(units[i].name)))
            return &units[i];
    return NULL;
}

static int read_with_unit(const struct unit *units, size_t count, struct gw_str text, uint64_t *out)
{
    struct gw_str name = text;
    struct gw_str digits = cut_digits(&name);
    const struct unit *unit;
    uint64_t number, value;

    if (digits.len > 0 && name.len > 1 && name.data[0] == ' ')
        name = (struct gw_str){name.data + 1, name.len - 1};
    unit = find_unit(units, count, name);
    if (digits.len == 0 || !unit)
        return -EINVAL;
    if (!gw_num_u64(digits, &number) || __builtin_mul_overflow(number, unit->factor, &value))
        return -ERANGE; /* they are digits: only their count can be wrong */
    *out = value;
    return 0;
}

/* With the largest unit that leaves no rest. */
static void write_with_unit(char out[GW_VALUE_TEXT_MAX], const struct unit *units, size_t count,
                            uint64_t value)
{
    size_t best = 0;

    for (size_t i = 1; i < count; i++)
        if (value > 0 && value % units[i].factor == 0)
            best = i;
    (void)snprintf(out, GW_VALUE_TEXT_MAX, "%" PRIu64 "%s", value / units[best].factor,
                   units[best].name); /* 20 digits and a unit: it fits */
}

int gw_value_read_size(struct gw_str text, uint64_t *bytes)
{
    int err = gw_value_read_count(text, bytes);

    if (err != -EINVAL)
        return err;
    return read_with_unit(size_units, UNIT_COUNT(size_units), text, bytes);
}

void gw_value_write_size(char out[GW_VALUE_TEXT_MAX], uint64_t bytes)
{
    write_with_unit(out, size_units, UNIT_COUNT(size_units), bytes);
}

int gw_value_read_duration(struct gw_str text, uint64_t *ns)
{
    return read_with_unit(duration_units, UNIT_COUNT(duration_units), text, ns);
}

void gw_value_write_duration(char out[GW_VALUE_TEXT_MAX], uint64_t ns)
{
    write_with_unit(out, duration_units, UNIT_COUNT(duration_units), ns);
}

int gw_value_read_count(struct gw_str text, uint64_t *count)
{
    struct gw_str rest = text;
    struct gw_str digits = cut_digits(&rest);

    if (digits.len == 0 || rest.len > 0)
        return -EINVAL;
    return gw_num_u64(digits, count) ? 0 : -ERANGE;
}

void gw_value_write_count(char out[GW_VALUE_TEXT_MAX], uint64_t count)
{
    (void)snprintf(out, GW_VALUE_TEXT_MAX, "%" PRIu64, count); /* 20 digits: it fits */
}
