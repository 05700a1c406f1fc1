/* utf8_wide.h - the part of a text that whole registers of the processor can pass over.
 *
 * The room's own.
 *
 * Threads: any. */
#ifndef GW_CORE_UTF8_WIDE_H
#define GW_CORE_UTF8_WIDE_H

#include <stddef.h>
#include <stdint.h>

/* A shorter text is done before this has begun. */
#define GW_UTF8_WIDE_FROM 128u

/* How many of the `len` bytes at `text`, where a character begins, are valid and whole characters:
 * all but fewer than 68 unless something is wrong, and then all but fewer than 68 of those before
 * it. 0 on a processor that cannot do it. */
size_t gw_utf8_wide(const uint8_t *text, size_t len);

#endif
