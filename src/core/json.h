/* json.h - JSON that is hot: strings in and out, and a checker that keeps nothing.
 *
 * A JSON publication is kept as the bytes it came in: a parsed tree would alter its numbers and
 * inflate its memory. So all that is needed is to say whether it is JSON (RFC 8259), one value,
 * valid UTF-8, no lone surrogate escapes, and no deeper than GW_JSON_DEPTH_MAX. An object of ours
 * is read by taking its names and values one after the other, each as its bytes.
 *
 * Threads: any. */
#ifndef GW_CORE_JSON_H
#define GW_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/str.h"

#define GW_JSON_DEPTH_MAX 64

/* Is `text` exactly one JSON value, blanks around it allowed? Linear in its length, no recursion.
 */
bool gw_json_valid(struct gw_str text);

/* Takes the value at the front of `*rest`, with the blanks before it, and stores its bytes, without
 * blanks around them. It need not be followed by anything in particular: `1x` is 1, and leaves the
 * x. The depth counts from this value. That `*rest` is UTF-8 is for the caller to ask. Returns
 * false where no value stands; then both are as they were. */
bool gw_json_take(struct gw_str *rest, struct gw_str *value);
void gw_json_skip_blanks(struct gw_str *rest);

/* What a string means. `string` is one with its quotes, as gw_json_take() gives it; `out` has room
 * for string.len - 2 bytes and may not overlap it. Returns how many bytes it came to. */
size_t gw_json_unquote(uint8_t *out, struct gw_str string);

/* `text` as a JSON string with its quotes, and no more escaped than RFC 8259, section 7 demands:
 * `"`, `\` and the control characters below U+0020. Everything else is as it was, so that valid
 * UTF-8 stays that. gw_json_quote() writes, and returns, as many bytes as gw_json_quote_size()
 * says, at most 6 for each of `text` and 2. For what must be written in one go, and fast. */
size_t gw_json_quote_size(struct gw_str text);
size_t gw_json_quote(uint8_t *out, struct gw_str text);

/* Appends `text` as a JSON string with its quotes, fit for places where nobody looked at `text`:
 * U+2028 and U+2029, which break scripts, are escaped too, and a byte that is not UTF-8 becomes
 * U+FFFD. Returns as gw_buf_append(). */
int gw_json_string(struct gw_buf *out, struct gw_str text);

/* Puts a space for each CR and LF of a valid text, in place. Outside of strings they are blanks
 * (RFC 8259, section 2), and inside they cannot stand raw: so it is the same JSON, and no line
 * format can be broken by it. */
void gw_json_unline(uint8_t *text, size_t len);

#endif
