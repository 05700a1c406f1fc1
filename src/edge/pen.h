/* pen.h - the hand that writes the log: lines to one descriptor, so many of a kind a second.
 *
 * Whoever decides what a line is worth stands in edge, back or server; the text is made by
 * core/logline.h, so that nothing a peer sent can forge a line. Above the rate, lines of that kind
 * are counted instead, and the count is written when the second is over.
 *
 * Threads: any; a line is one write. The counters are the writer's own guess under races, by
 * design: a lost count costs a line, a lock would cost everybody. */
#ifndef GW_EDGE_PEN_H
#define GW_EDGE_PEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/logline.h"
#include "core/seam.h"

#define GW_PEN_KINDS 64 /* buckets, by hash of the kind */

struct gw_pen {
    int fd;
    uint32_t rate; /* lines of a kind a second */
    enum gw_log_level least;
    struct {
        _Atomic uint64_t second;
        atomic_uint written, left_out;
    } kinds[GW_PEN_KINDS];
};

void gw_pen_init(struct gw_pen *pen, int fd, uint32_t rate, enum gw_log_level least);

/* Begins a line of `kind`, or returns false when it is not to be written: then write nothing. */
bool gw_pen_begin(struct gw_pen *pen, struct gw_logline *line, struct gw_now now,
                  enum gw_log_level level, const char *kind, const char *words);
void gw_pen_end(struct gw_pen *pen, struct gw_logline *line);

/* A line without values. */
void gw_pen_say(struct gw_pen *pen, struct gw_now now, enum gw_log_level level, const char *kind,
                const char *words);

#endif
