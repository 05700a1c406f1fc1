#include "core/base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Three bytes as four characters, fewer bytes as one character more than bytes. */
static size_t encode(char *out, const uint8_t *data, size_t len, const char *alphabet)
{
    char *to = out;

    while (len > 0) {
        size_t take = len < 3 ? len : 3;
        uint32_t bits = (uint32_t)data[0] << 16;

        if (take > 1)
            bits |= (uint32_t)data[1] << 8;
        if (take > 2)
            bits |= data[2];
        for (size_t i = 0; i <= take; i++)
            *to++ = alphabet[bits >> (18 - 6 * i) & 63];
        data += take;
        len -= take;
    }
    return (size_t)(to - out);
}

size_t gw_base64_encode(char *out, const void *data, size_t len)
{
    size_t written = encode(out, data, len, standard);

    while (written % 4 != 0)
        out[written++] = '=';
    return written;
}

size_t gw_base64url_encode(char *out, const void *data, size_t len)
{
    return encode(out, data, len, url_safe);
}

/* 0 to 63, or -1. */
static int value_of(char c, const char *alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == alphabet[62])
        return 62;
    if (c == alphabet[63])
        return 63;
    return -1;
}

/* The characters that stand for data, without padding. */
static bool decode(uint8_t *out, size_t *out_len, const char *text, size_t len,
                   const char *alphabet)
{
    uint32_t bits = 0;
    unsigned held = 0; /* bits not yet written, 0 to 7 between two characters */
    uint8_t *to = out;

    if (len % 4 == 1)
        return false;
    for (size_t i = 0; i < len; i++) {
        int value = value_of(text[i], alphabet);

        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *to++ = (uint8_t)(bits >> held);
        }
    }
    if (bits & ((1u << held) - 1)) /* stray bits: two texts would mean the same */
        return false;
    *out_len = (size_t)(to - out);
    return true;
}

bool gw_base64_decode(uint8_t *out, size_t *out_len, const char *text, size_t len)
{
    if (len % 4 != 0)
        return false;
    for (int padding = 0; padding < 2 && len > 0 && text[len - 1] == '='; padding++)
        len--;
    return decode(out, out_len, text, len, standard);
}

bool gw_base64url_decode(uint8_t *out, size_t *out_len, const char *text, size_t len)
{
    return decode(out, out_len, text, len, url_safe);
}
