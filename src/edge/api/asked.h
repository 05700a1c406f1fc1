/* asked.h - what the URL of a subscription asks for: which channels, from where on, in what form;
 * and that of a history.
 *
 *     /channels/a,b,c?format=json&since=...,...,...
 *     /channels/a?session=...&attempt=3
 *
 * Channels are separated by commas and percent-encoded one by one, so a %2C is part of a name (and
 * no name has one). Positions have nothing in them that needs encoding, and whoever encodes their
 * list as a whole turns its commas into %2C: there both separate.
 *
 * Threads: any. */
#ifndef GW_EDGE_API_ASKED_H
#define GW_EDGE_API_ASKED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"
#include "hub/hub.h"

/* Borrows of the request. A copy can be walked, and the original walked again. */
struct gw_asked {
    struct gw_str channels; /* those to come; data NULL behind the last */
    uint32_t count;         /* of all of them, at least 1 */
    struct gw_str since;    /* of those to come */
    bool one_since;         /* it is for each of them */
    bool envelopes;         /* format=json */
    bool since_given;       /* it wins over how far a session had got */
    struct gw_str session;  /* its name; data NULL: none */
    uint32_t attempt;       /* of that session */
};

/* Reads the list of channels. Returns 0, or the code to close with and `*reason`. */
int gw_asked_channels(struct gw_asked *asked, struct gw_str list, uint32_t count_max,
                      const char **reason);

/* Then the query. The same. */
int gw_asked_parameters(struct gw_asked *asked, struct gw_str query, const char **reason);

/* The next channel, decoded into `room`, and where to begin in it (`since` may be NULL, before the
 * query is read). False behind the last. */
bool gw_asked_next(struct gw_asked *asked, char room[GW_CHANNEL_NAME_MAX], struct gw_str *name,
                   struct gw_since *since);

/* What is read of a history at most, in one go: `recovery_batch`. */
#define GW_ASKED_LIMIT_MAX 1000u

/* The query of a history: since (all of it, where not given), limit and reverse. Returns 0, or the
 * HTTP status to refuse with and `*detail`. */
int gw_asked_history(struct gw_read *read, struct gw_str query, const char **detail);

#endif
