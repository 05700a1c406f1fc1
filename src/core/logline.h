/* logline.h - one line of the log, made so that nothing a peer sent can forge another.
 *
 * A line is `2026-01-31T12:00:00.123Z LEVEL kind: words key=value key="value with blanks"`.
 * Bytes below 0x20, 0x7f, `"`, `\` and whatever is not valid UTF-8 are written \xHH inside quotes.
 * So are the characters with which valid UTF-8 can fool a reader: the controls U+0080 to U+009F (a
 * terminal may obey them), line separators, and those that turn the direction of text.
 * A line is at most GW_LOGLINE_MAX bytes and ends in LF; what does not fit ends in "...".
 *
 * Threads: any; the line belongs to whoever made it. */
#ifndef GW_CORE_LOGLINE_H
#define GW_CORE_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

#define GW_LOGLINE_MAX 1024

enum gw_log_level { GW_LOG_DEBUG, GW_LOG_INFO, GW_LOG_WARN, GW_LOG_ERROR };

struct gw_logline {
    size_t len;
    size_t cut; /* where "..." goes if the line gets too long: between two characters or escapes */
    bool full;  /* it did, and nothing more is taken */
    char text[GW_LOGLINE_MAX];
};

/* Begins a line: the time (Unix milliseconds, printed in UTC; before 1970 or after 9999 as the
 * nearest of these), the level, the kind and a sentence of our own. */
void gw_logline_begin(struct gw_logline *line, int64_t wall_ms, enum gw_log_level level,
                      const char *kind, const char *words);
void gw_logline_str(struct gw_logline *line, const char *key, struct gw_str value);
void gw_logline_u64(struct gw_logline *line, const char *key, uint64_t value);
void gw_logline_end(struct gw_logline *line); /* the LF */

#endif
