/* body.h - the body of a message, taken apart as it arrives (RFC 9112 sections 6 and 7.1).
 *
 * Chunk extensions are read over, trailers read and dropped; both within a bound, so that neither
 * can be endless. Chunk sizes are strict hexadecimal.
 *
 * Threads: the owner's own. */
#ifndef GW_PROTO_HTTP_BODY_H
#define GW_PROTO_HTTP_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"
#include "proto/http/head.h"

#define GW_HTTP_CHUNK_LINE_MAX 256  /* size and extensions, without the line's end */
#define GW_HTTP_TRAILER_MAX    4096 /* all trailer lines together, with their ends */

struct gw_http_body {
    uint64_t left; /* of the length, or of the chunk */
    uint32_t line; /* bytes of the size line or of all trailers so far */
    uint8_t kind;  /* enum gw_http_body_kind */
    uint8_t state; /* of the chunked decoder */
    bool done;     /* never for GW_HTTP_UNTIL_CLOSE */
};

void gw_http_body_init(struct gw_http_body *body, enum gw_http_body_kind kind,
                       uint64_t content_length);

/* Takes input up to the end of the body and no further. Returns 1 with a piece of payload in
 * `*piece` (pointing into the input); 0 when the input is used up or `body->done`; GW_ERR_PROTOCOL
 * when it is malformed. Call it again until it returns 0. Malformed is for good: later calls say so
 * again. */
int gw_http_body_read(struct gw_http_body *body, struct gw_span *input, struct gw_span *piece);

#endif
