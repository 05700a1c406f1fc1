#include "soak/payload.h"

#include <stdio.h>
#include <string.h>

#include "lib/seeded.h"

/* Fills with pieces of text; what is too long for the rest gives way to dots. */
static void fill_text(uint8_t *out, size_t len, const char *const *pieces, size_t count,
                      struct seeded *random)
{
    while (len > 0) {
        const char *piece = pieces[seeded_below(random, count)];
        size_t step = strlen(piece);

        if (step > len) {
            piece = ".";
            step = 1;
        }
        memcpy(out, piece, step);
        out += step;
        len -= step;
    }
}

static void make_text(struct payload *out, struct seeded *random)
{
    static const char *const pieces[] = {
        "dinner ", "is ",     "ready ",   "\"",       "\\",           "\n",
        "\r\n",    "\t",      "\x01",     "\x7f",     "\xc3\xbc",     "\xe2\x82\xac",
        "</b>",    "\\u0041", "\\\"",     "{\"a\":1", "\xe2\x80\xa8", "\xf0\x9f\x90\xa6",
        "42 ",     "lobby ",  "message ", "godwit ",  "message ",     "position "};

    fill_text(out->bytes, out->len, pieces, sizeof(pieces) / sizeof(pieces[0]), random);
}

/* A number where an object has no room. */
static void make_json(struct payload *out, struct seeded *random)
{
    static const char *const pieces[] = {"\\n",       "\\u20ac", "bar-tailed ", "flies ",
                                         "\xc3\xa4 ", "\\\"",    "11000 km "};
    char head[64];
    size_t head_len = (size_t)snprintf(head, sizeof(head), "{\"n\": %llu, \"text\": \"",
                                       (unsigned long long)seeded_next(random));

    if (out->len < head_len + 2) {
        memset(out->bytes, (int)('1' + seeded_below(random, 9)), out->len);
        return;
    }
    memcpy(out->bytes, head, head_len);
    fill_text(out->bytes + head_len, out->len - head_len - 2, pieces,
              sizeof(pieces) / sizeof(pieces[0]), random);
    memcpy(out->bytes + out->len - 2, "\"}", 2);
}

uint64_t payload_any_size(struct seeded *random, uint64_t max)
{
    unsigned bits = 1;
    uint64_t size;

    while (max >> bits > 0)
        bits++;
    size = (uint64_t)1 << seeded_below(random, bits);
    size += seeded_below(random, size);
    return size < max ? size : max;
}

void payload_make(struct payload *out, enum payload_kind kind, struct seeded *random)
{
    out->kind = kind;
    out->len = payload_any_size(random, PAYLOAD_MAX);
    if (kind == PAYLOAD_TEXT)
        make_text(out, random);
    else if (kind == PAYLOAD_JSON)
        make_json(out, random);
    else
        for (size_t i = 0; i < out->len; i++)
            out->bytes[i] = (uint8_t)seeded_next(random);
}

const char *payload_type(enum payload_kind kind)
{
    static const char *const types[] = {"text/plain", "application/json",
                                        "application/octet-stream"};

    return types[kind];
}

uint64_t payload_print(enum payload_kind kind, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t print = 0xcbf29ce484222325u ^ (uint64_t)kind; /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        print = (print ^ at[i]) * 0x100000001b3u;
    return print;
}
