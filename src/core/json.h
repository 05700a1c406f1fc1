/* json.h - JSON that is hot: strings out, and a checker that keeps nothing.
 *
 * A JSON publication is kept as the bytes it came in: a parsed tree would alter its numbers and
 * inflate its memory. So all that is needed is to say whether it is JSON (RFC 8259), one value,
 * valid UTF-8, no lone surrogate escapes, and no deeper than GW_JSON_DEPTH_MAX.
 *
 * Threads: any. */
#ifndef GW_CORE_JSON_H
#define GW_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/str.h"

#define GW_JSON_DEPTH_MAX 64

/* Is `text` exactly one JSON value, blanks around it allowed? Linear in its length, no recursion.
 */
bool gw_json_valid(struct gw_str text);

/* Appends `text` as a JSON string with its quotes. Control characters, `"` and `\` are escaped;
 * so are U+2028 and U+2029, which break scripts. `text` is valid UTF-8 (a wrong byte becomes
 * U+FFFD). Returns as gw_buf_append(). */
int gw_json_string(struct gw_buf *out, struct gw_str text);

#endif
