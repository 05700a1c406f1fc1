/* envelope.h - a publication as its envelope says it: for all who write those (proto/text).
 *
 * Threads: any. */
#ifndef GW_EDGE_ENVELOPE_H
#define GW_EDGE_ENVELOPE_H

#include "hub/ports.h"
#include "proto/text/envelope.h"

/* Borrows from the entry, and from `position`, where its word is put. */
struct gw_envelope gw_envelope_of(const struct gw_entry *entry, char position[GW_POSITION_LEN]);

#endif
