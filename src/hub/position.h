/* position.h - how far a reader has got, and where a subscription begins.
 *
 * A position is (epoch, offset, tag), written as one opaque URL-safe word. It resumes only where
 * the server's own record for that offset bears that tag, so that a past which was replaced is
 * noticed.
 *
 * Threads: any. */
#ifndef GW_HUB_POSITION_H
#define GW_HUB_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

#define GW_OFFSET_MAX       ((UINT64_C(1) << 53) - 1)
#define GW_POSITION_LEN     31 /* characters: base64url of 8 + 7 + 8 bytes */
#define GW_CHANNEL_NAME_MAX 255

struct gw_position {
    uint64_t epoch;
    uint64_t offset; /* of the last publication had; 0 before the first */
    uint64_t tag;    /* of that publication; 0 with offset 0 */
};

void gw_position_write(char out[GW_POSITION_LEN], const struct gw_position *position);
bool gw_position_read(struct gw_position *out, struct gw_str word);

enum gw_since_kind {
    GW_SINCE_NEW,
    GW_SINCE_ALL,
    GW_SINCE_LAST,
    GW_SINCE_POSITION,
    GW_SINCE_UNKNOWN
};

struct gw_since {
    enum gw_since_kind kind;
    uint64_t last; /* of GW_SINCE_LAST */
    struct gw_position position;
};

/* `new` or empty, `all`, `last:N`, or a position; anything else is GW_SINCE_UNKNOWN (not an error:
 * the subscriber is told that its position is unknown). */
struct gw_since gw_since_read(struct gw_str text);

/* Why a position cannot be honoured (product: epoch, expired, forked, unknown). */
enum gw_reset {
    GW_RESET_NONE,
    GW_RESET_EPOCH,
    GW_RESET_EXPIRED,
    GW_RESET_FORKED,
    GW_RESET_UNKNOWN
};
const char *gw_reset_name(enum gw_reset reset);

/* 1 to 255 bytes of UTF-8 without control characters (C0, DEL, C1), `/` or `,`. */
bool gw_channel_name_ok(struct gw_str name);

#endif
