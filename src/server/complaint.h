/* complaint.h - one line for a person about what is wrong, which nothing quoted in it can break.
 *
 * Options, files and peers are quoted in complaints, and what they hold may be anything. So control
 * characters and bytes that are not UTF-8 come out as \xHH, and what does not fit ends in "...".
 *
 * Threads: any; a complaint belongs to whoever made it. */
#ifndef GW_SERVER_COMPLAINT_H
#define GW_SERVER_COMPLAINT_H

#include <stdarg.h>

#define GW_COMPLAINT_MAX 1024

struct gw_complaint {
    char text[GW_COMPLAINT_MAX]; /* ends in a NUL, holds no line end */
};

/* How much of a value is shown in a complaint: `%.*s` with GW_SHOWN(text). */
#define GW_SHOWN_MAX    64
#define GW_SHOWN(value) (int)((value).len < GW_SHOWN_MAX ? (value).len : GW_SHOWN_MAX), (value).data

void gw_complaint_set(struct gw_complaint *complaint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void gw_complaint_vset(struct gw_complaint *complaint, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
