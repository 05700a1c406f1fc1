/* target.h - paths and queries: cutting, percent-decoding, parameters.
 *
 * Threads: any. */
#ifndef GW_PROTO_HTTP_TARGET_H
#define GW_PROTO_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"

/* Decodes %HH (and `+` as a blank where `plus` is set) into `out`, which has room for text.len
 * bytes. False for a `%` without two hexadecimal digits: `*out_len` is then left alone, `out` is of
 * no use. %00 becomes a NUL. */
bool gw_http_percent_decode(char *out, size_t *out_len, struct gw_str text, bool plus);

/* Walks the parameters of a query: `*rest` starts as the query. Returns false at its end. Name and
 * value are still encoded; a parameter without `=` has an empty value, and empty pieces between two
 * `&` are passed over. */
bool gw_http_query_next(struct gw_str *rest, struct gw_str *name, struct gw_str *value);

/* The first parameter called `name` (names compared undecoded), still encoded. */
bool gw_http_query_find(struct gw_str query, const char *name, struct gw_str *value);

#endif
