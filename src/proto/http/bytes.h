/* bytes.h - which bytes may stand where (RFC 9110 section 5, RFC 3986), and how one says no.
 *
 * The room's own. Nothing here asks the locale, and nothing takes a `char`, which may be negative.
 *
 * Threads: any. */
#ifndef GW_PROTO_HTTP_BYTES_H
#define GW_PROTO_HTTP_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include <godwit/status.h>

#include "proto/http/head.h"

/* What may stand in a line: everything but control characters, HTAB excepted. Bytes from 0x80 on
 * (obs-text) are somebody's UTF-8 or Latin-1 and opaque. */
static inline bool gw_http_byte_is_text(uint8_t byte)
{
    return byte >= 0x20 ? byte != 0x7f : byte == '\t';
}

static inline bool gw_http_byte_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static inline bool gw_http_byte_is_alnum(uint8_t byte)
{
    uint8_t folded = byte | 0x20;

    return gw_http_byte_is_digit(byte) || (folded >= 'a' && folded <= 'z');
}

/* 0 to 15, or -1. */
static inline int gw_http_byte_hex(uint8_t byte)
{
    uint8_t folded = byte | 0x20;

    if (gw_http_byte_is_digit(byte))
        return byte - '0';
    return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

/* tchar, RFC 9110 section 5.6.2. */
static inline bool gw_http_byte_is_token(uint8_t byte)
{
    switch (byte) {
    case '!':
    case '#':
    case '$':
    case '%':
    case '&':
    case '\'':
    case '*':
    case '+':
    case '-':
    case '.':
    case '^':
    case '_':
    case '`':
    case '|':
    case '~':
        return true;
    default:
        return gw_http_byte_is_alnum(byte);
    }
}

/* What we take in a target: visible ASCII without `#`, which begins a fragment and is never sent.
 * More than RFC 3986 has, since browsers send `|`, `^` and their like as they are. */
static inline bool gw_http_byte_is_target(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7f && byte != '#';
}

/* Says no: `return gw_http_refuse(...)`. */
static inline int gw_http_refuse(struct gw_http_refusal *refusal, int status, const char *detail)
{
    refusal->status = status;
    refusal->detail = detail;
    return GW_ERR_PROTOCOL;
}

#endif
