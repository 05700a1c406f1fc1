/* str.h - text and bytes that somebody else owns, with their length.
 *
 * Nothing a peer sends ends in a NUL, so nothing here relies on one.
 *
 * Threads: any. */
#ifndef GW_CORE_STR_H
#define GW_CORE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct gw_str {
    const char *data; /* borrowed; may be NULL where len is 0 */
    size_t len;
};

/* Bytes that may be changed in place, such as what is left of an input. */
struct gw_span {
    uint8_t *data;
    size_t len;
};

/* A string literal or other NUL-terminated text. */
#define GW_STR(text) ((struct gw_str){(text), strlen(text)})

static inline bool gw_str_eq(struct gw_str a, struct gw_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ASCII letters compare without case; everything else to the letter. */
bool gw_str_eq_nocase(struct gw_str a, struct gw_str b);

bool gw_str_starts(struct gw_str text, struct gw_str prefix);

/* Without the blanks (SP and HTAB) at both ends. */
struct gw_str gw_str_trim(struct gw_str text);

/* Cuts `*rest` at the first `separator`: returns what stood before it and leaves what stands
 * behind it (data NULL when there was no separator, so that "a," yields "a" and then ""). */
struct gw_str gw_str_cut(struct gw_str *rest, char separator);

/* Equal in a time that depends on the lengths alone: for keys and tokens. */
bool gw_str_eq_secret(struct gw_str a, struct gw_str b);

#endif
