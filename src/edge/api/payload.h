/* payload.h - from a request's body to a publication: what kind it is, and whether it is that.
 *
 * Threads: any. */
#ifndef GW_EDGE_API_PAYLOAD_H
#define GW_EDGE_API_PAYLOAD_H

#include "edge/route.h"
#include "hub/publication.h"

/* Makes a publication of the request's body (product: "Publish"): `application/json` is checked and
 * loses its raw line ends; `text/...`, a form (curl's habit) or no type is text if it is UTF-8;
 * anything else is binary. Returns 0 with an owned reference; or the HTTP status to refuse with,
 * and `*detail`. */
int gw_payload_read(struct gw_pub **out, const struct gw_alloc *alloc, const struct gw_ask *ask,
                    const char **detail);

/* Makes a publication of `parts`. JSON loses its raw line ends: blanks for them are the same JSON,
 * of the same length, and no line format can be broken by it. Returns as gw_pub_new(). */
int gw_payload_make(struct gw_pub **out, const struct gw_alloc *alloc,
                    const struct gw_pub_parts *parts);

#endif
