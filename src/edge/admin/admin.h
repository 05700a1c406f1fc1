/* admin.h - the routes that are about the server itself: the page at /, health, readiness, version.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_ADMIN_ADMIN_H
#define GW_EDGE_ADMIN_ADMIN_H

#include "edge/route.h"

extern const struct gw_route gw_route_page;    /* / : open mode only, else 404 */
extern const struct gw_route gw_route_health;  /* /health : alive */
extern const struct gw_route gw_route_ready;   /* /ready : would deliver */
extern const struct gw_route gw_route_version; /* /version */

/* The page, embedded by the build from web/index.html, and the policy its headers carry. */
extern const char gw_page[];
extern const unsigned gw_page_len;
extern const char gw_page_policy[];

#endif
