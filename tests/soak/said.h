/* said.h - what a message of `format=json` says: an envelope, `subscribed` or `reset`.
 *
 * Threads: any. */
#ifndef GW_SOAK_SAID_H
#define GW_SOAK_SAID_H

#include <stdint.h>

#include "core/str.h"

enum said_kind { SAID_PUBLICATION, SAID_SUBSCRIBED, SAID_RESET };

/* All is borrowed from the text. */
struct said {
    enum said_kind kind;
    struct gw_str channel;
    struct gw_str position;
    uint64_t offset;         /* of a publication */
    uint64_t print;          /* of its payload: payload.h */
    struct gw_str recovered; /* of `subscribed`: "true", "false", or empty */
    struct gw_str reason;    /* of a reset */
};

/* Ends the run where the text is none of the three. */
void said_read(struct said *out, struct gw_str text);

#endif
