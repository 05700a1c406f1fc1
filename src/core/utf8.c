#include "core/utf8.h"

#include <endian.h>
#include <string.h>

#include "core/utf8_wide.h"

/* Inside a character the state says how many bytes are missing and between which bounds the next
 * one must lie. Only the second byte of a character has narrower bounds than 80..BF, and those
 * alone keep out overlong forms, surrogates and what lies above U+10FFFF (RFC 3629, section 4). */
#define EXPECT(missing, low, high)                                                                 \
    ((uint32_t)(missing) | (uint32_t)(low) << 8 | (uint32_t)(high) << 16)

#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t load(const uint8_t *from)
{
    uint64_t word;

    memcpy(&word, from, sizeof(word));
    return le64toh(word);
}

/* The first byte that is not ASCII, or `end`. */
static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 32; at += 32)
        if ((load(at) | load(at + 8) | load(at + 16) | load(at + 24)) & HIGH_BITS)
            break;
    for (; end - at >= 8; at += 8) {
        uint64_t high = load(at) & HIGH_BITS;

        if (high)
            return at + __builtin_ctzll(high) / 8;
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

/* The state after the first byte of a longer character; GW_UTF8_START where none begins so. */
static uint32_t after_lead(uint8_t lead)
{
    if (lead < 0xc2) /* a continuation, or an overlong form of ASCII */
        return GW_UTF8_START;
    if (lead < 0xe0)
        return EXPECT(1, 0x80, 0xbf);
    if (lead == 0xe0) /* below A0: overlong */
        return EXPECT(2, 0xa0, 0xbf);
    if (lead == 0xed) /* above 9F: surrogates */
        return EXPECT(2, 0x80, 0x9f);
    if (lead < 0xf0)
        return EXPECT(2, 0x80, 0xbf);
    if (lead == 0xf0) /* below 90: overlong */
        return EXPECT(3, 0x90, 0xbf);
    if (lead < 0xf4)
        return EXPECT(3, 0x80, 0xbf);
    if (lead == 0xf4) /* above 8F: above U+10FFFF */
        return EXPECT(3, 0x80, 0x8f);
    return GW_UTF8_START;
}

/* Takes one byte inside a character; false when it is out of bounds. */
static inline bool take_next(uint32_t *state, uint8_t byte)
{
    uint32_t missing = *state & 0xff;

    if (byte < (*state >> 8 & 0xff) || byte > *state >> 16)
        return false;
    *state = missing == 1 ? GW_UTF8_START : EXPECT(missing - 1, 0x80, 0xbf);
    return true;
}

static bool continues(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The character of three bytes at `at`, by the same bounds as in after_lead(). */
static bool is_three(const uint8_t *at)
{
    if (!continues(at[1]) || !continues(at[2]))
        return false;
    return (at[0] != 0xe0 || at[1] >= 0xa0) && (at[0] != 0xed || at[1] <= 0x9f);
}

/* Passes the characters of two and three bytes that lie here whole, as most of the world's letters
 * do. Stops at anything else, right or wrong: for the state to judge. */
static const uint8_t *skip_letters(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 3) {
        if (*at >= 0xc2 && *at < 0xe0 && continues(at[1]))
            at += 2;
        else if (*at >= 0xe0 && *at < 0xf0 && is_three(at))
            at += 3;
        else
            break;
    }
    return at;
}

bool gw_utf8_feed(uint32_t *state, const void *data, size_t len)
{
    const uint8_t *at = data, *end;
    uint32_t now = *state;

    if (len == 0)
        return true;
    end = at + len;
    while (now != GW_UTF8_START && at < end)
        if (!take_next(&now, *at++))
            return false;
    if ((size_t)(end - at) >= GW_UTF8_WIDE_FROM)
        at += gw_utf8_wide(at, (size_t)(end - at));
    for (;;) {
        while (now != GW_UTF8_START && at < end)
            if (!take_next(&now, *at++))
                return false;
        if (at == end)
            break;
        at = skip_letters(skip_ascii(at, end), end);
        if (at == end)
            break;
        if (*at < 0x80)
            continue;
        now = after_lead(*at++);
        if (now == GW_UTF8_START)
            return false;
    }
    *state = now;
    return true;
}

/* Most short texts are ASCII to their end, and then no state is needed. */
bool gw_utf8_valid(const void *data, size_t len)
{
    uint32_t state = GW_UTF8_START;
    const uint8_t *at, *end;

    if (len == 0)
        return true;
    end = (const uint8_t *)data + len;
    at = len < GW_UTF8_WIDE_FROM ? skip_ascii(data, end) : data;
    return at == end || (gw_utf8_feed(&state, at, (size_t)(end - at)) && state == GW_UTF8_START);
}
