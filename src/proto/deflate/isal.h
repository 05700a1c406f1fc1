/* isal.h - raw DEFLATE by ISA-L.
 *
 * The room's own.
 *
 * Threads: as its deflater. */
#ifndef GW_PROTO_DEFLATE_ISAL_H
#define GW_PROTO_DEFLATE_ISAL_H

#include <stddef.h>
#include <stdint.h>

struct gw_alloc;
struct gw_isal;

/* NULL when memory is out, or where the build has no ISA-L. */
struct gw_isal *gw_isal_new(const struct gw_alloc *alloc, unsigned window_bits);
void gw_isal_free(struct gw_isal *isal, const struct gw_alloc *alloc); /* NULL is fine */

/* Compresses `len` bytes into less than `room` bytes and returns how many they are without the tail
 * of section 7.2.1; 0 where that is not possible. */
size_t gw_isal_run(struct gw_isal *isal, uint8_t *out, size_t room, const void *data, size_t len);

#endif
