/* event.h - which names a publisher may give to events.
 *
 * Threads: any. */
#ifndef GW_EDGE_API_EVENT_H
#define GW_EDGE_API_EVENT_H

#include "core/str.h"

/* NULL: 1 to 64 characters of UTF-8, no control character (C0, DEL, C1) among them, and not one of
 * the server's own names. Else a sentence that says what is wrong with it. */
const char *gw_event_fault(struct gw_str name);

#endif
