/* num.h - numbers out of text, and into it.
 *
 * atoi() takes signs, blanks and overflow, and each has been somebody's endless loop. Here a number
 * is digits and nothing else.
 *
 * Threads: any. */
#ifndef GW_CORE_NUM_H
#define GW_CORE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

#define GW_U64_DIGITS 20

/* One to 19 decimal digits, the whole text: no sign, no blank. Leading zeros are digits. */
bool gw_num_u64(struct gw_str text, uint64_t *out);

/* One to 15 hexadecimal digits, the whole text, either case. */
bool gw_num_hex(struct gw_str text, uint64_t *out);

/* Decimal digits without NUL into `out` (GW_U64_DIGITS bytes); returns their count. */
size_t gw_num_write(char *out, uint64_t number);

#endif
