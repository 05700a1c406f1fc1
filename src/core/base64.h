/* base64.h - RFC 4648, section 4 (with padding) and section 5 (URL-safe, without).
 *
 * Threads: any. */
#ifndef GW_CORE_BASE64_H
#define GW_CORE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_BASE64_LEN(bytes) (((bytes) + 2) / 3 * 4)

/* Writes GW_BASE64_LEN(len) characters, no NUL, and returns that. */
size_t gw_base64_encode(char *out, const void *data, size_t len);
/* The URL-safe alphabet without padding; never more than GW_BASE64_LEN(len). */
size_t gw_base64url_encode(char *out, const void *data, size_t len);

/* Strict: the alphabet, right padding, and no stray bits in the last character. Returns false and
 * leaves `*out_len` alone when it is not; `out` has room for len / 4 * 3 (+ 2 for the URL form),
 * and may be where `text` is. */
bool gw_base64_decode(uint8_t *out, size_t *out_len, const char *text, size_t len);
bool gw_base64url_decode(uint8_t *out, size_t *out_len, const char *text, size_t len);

#endif
