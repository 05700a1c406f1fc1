/* name.h - a channel's name as a URL has it.
 *
 * Threads: any. */
#ifndef GW_EDGE_API_NAME_H
#define GW_EDGE_API_NAME_H

#include <stdbool.h>

#include "core/str.h"
#include "hub/position.h"

/* What whoever gave something else is told; it fits into a close frame. */
#define GW_BAD_NAME                                                                                \
    "a channel name is 1 to 255 bytes of UTF-8 without control characters, slash or comma"

/* Decodes a percent-encoded name into `room`, and lets `*name` be what is there. False where it is
 * no name of a channel; then `*name` is worth nothing. */
bool gw_name_read(struct gw_str encoded, char room[GW_CHANNEL_NAME_MAX], struct gw_str *name);

#endif
