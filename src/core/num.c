#include "core/num.h"

/* The longest texts that cannot overflow 64 bits; one digit more, and some of them would. */
#define DECIMAL_DIGITS_MAX 19
#define HEX_DIGITS_MAX     15

bool gw_num_u64(struct gw_str text, uint64_t *out)
{
    uint64_t number = 0;

    if (text.len == 0 || text.len > DECIMAL_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (c < '0' || c > '9')
            return false;
        number = number * 10 + (uint64_t)(c - '0');
    }
    *out = number;
    return true;
}

/* 0 to 15, or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool gw_num_hex(struct gw_str text, uint64_t *out)
{
    uint64_t number = 0;

    if (text.len == 0 || text.len > HEX_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int value = hex_value(text.data[i]);

        if (value < 0)
            return false;
        number = number << 4 | (uint64_t)value;
    }
    *out = number;
    return true;
}

size_t gw_num_write(char *out, uint64_t number)
{
    char backwards[GW_U64_DIGITS];
    size_t count = 0;

    do {
        backwards[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < count; i++)
        out[i] = backwards[count - 1 - i];
    return count;
}
