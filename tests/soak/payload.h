/* payload.h - what is published: any length from 1 byte to 8 KiB, text, JSON and bytes, from a
 * seed.
 *
 * Text is full of what an envelope must escape. A payload is known again by its print, a hash of
 * its kind and bytes.
 *
 * Threads: any. */
#ifndef GW_SOAK_PAYLOAD_H
#define GW_SOAK_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

struct seeded;

#define PAYLOAD_MAX 8192

enum payload_kind { PAYLOAD_TEXT, PAYLOAD_JSON, PAYLOAD_BINARY };

struct payload {
    enum payload_kind kind;
    size_t len;
    uint8_t bytes[PAYLOAD_MAX];
};

void payload_make(struct payload *out, enum payload_kind kind, struct seeded *random);
const char *payload_type(enum payload_kind kind); /* as Content-Type */

uint64_t payload_print(enum payload_kind kind, const void *bytes, size_t len);

/* 1 to `max`, each power of two as likely as the next. */
uint64_t payload_any_size(struct seeded *random, uint64_t max);

#endif
