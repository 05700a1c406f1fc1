/* utf8.h - is this UTF-8, as far as it has come?
 *
 * Text arrives in pieces cut anywhere. The state between two pieces is one word; the first byte
 * that cannot be part of valid text is refused at once (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF).
 *
 * Threads: any. */
#ifndef GW_CORE_UTF8_H
#define GW_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_UTF8_START 0u /* the state before the first byte, and after every whole character */

/* Goes on from `*state` over `len` bytes. Returns true and the new state, or false at the first
 * wrong byte (`*state` is then worthless). Text is whole when the state is GW_UTF8_START. */
bool gw_utf8_feed(uint32_t *state, const void *data, size_t len);

/* Is it whole and valid? */
bool gw_utf8_valid(const void *data, size_t len);

#endif
