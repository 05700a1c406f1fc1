/* values.h - sizes and times as people write them, and back.
 *
 * `64KiB`, `30s`: digits, then a unit; one blank between them is fine. A size without a unit is
 * bytes; a time without one is refused, because half of the readers would take it for
 * milliseconds. No signs, fractions or exponents. What is written reads back as the same value.
 *
 * Threads: any. */
#ifndef GW_SERVER_VALUES_H
#define GW_SERVER_VALUES_H

#include <stdint.h>

#include "core/str.h"

#define GW_VALUE_TEXT_MAX 32

/* B, KiB, MiB, GiB. Returns 0, -EINVAL (not a size), or -ERANGE (one, but above 64 bits). */
int gw_value_read_size(struct gw_str text, uint64_t *bytes);
void gw_value_write_size(char out[GW_VALUE_TEXT_MAX], uint64_t bytes);

/* ms, s, m, h, d. Returns as gw_value_read_size(). Writing takes whole milliseconds. */
int gw_value_read_duration(struct gw_str text, uint64_t *ns);
void gw_value_write_duration(char out[GW_VALUE_TEXT_MAX], uint64_t ns);

/* Digits alone. Returns as gw_value_read_size(). */
int gw_value_read_count(struct gw_str text, uint64_t *count);
void gw_value_write_count(char out[GW_VALUE_TEXT_MAX], uint64_t count);

#endif
