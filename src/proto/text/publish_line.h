/* publish_line.h - one line of `POST /channels`: a publication and where it goes.
 *
 *     {"channel":"news","data":"dinner is ready","event":"meal","id":"7"}
 *
 * `data` that is a string is a publication of text, any other value one of JSON, whose bytes are
 * kept; `base64` instead of it is one of bytes (RFC 4648, section 4, with padding). Members come in
 * any order. The reader is strict: what it does not know, or finds twice, it refuses, since a
 * misspelt `event` that is dropped would be lost in silence. Whether the channel's name and the
 * event's are good ones is for those to say who know the rules.
 *
 * Threads: any. */
#ifndef GW_PROTO_TEXT_PUBLISH_LINE_H
#define GW_PROTO_TEXT_PUBLISH_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"
#include "proto/text/envelope.h"

/* Borrowed from the line and from the room given for it, until either changes. */
struct gw_publish_line {
    struct gw_str channel; /* UTF-8 without NUL, as are event and id; never empty */
    struct gw_str event;   /* empty where not given */
    struct gw_str id;      /* empty where not given */
    enum gw_envelope_kind kind;
    struct gw_str payload; /* text is UTF-8, perhaps with NULs */
};

/* What is wrong with a line. */
struct gw_publish_fault {
    const char *why;      /* static; half a sentence where `member` is its beginning */
    struct gw_str member; /* its name as the line has it, without the quotes; NULL: none */
};

/* Reads `line`, which may end in blanks and line ends. Strings are decoded into `room`, of line.len
 * bytes, which does not overlap it. Returns false and `*fault` where the line is refused; then
 * `*out` is as it was. */
bool gw_publish_line_read(struct gw_publish_line *out, struct gw_str line, uint8_t *room,
                          struct gw_publish_fault *fault);

#endif
