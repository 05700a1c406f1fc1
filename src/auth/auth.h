/* auth.h - who is asking, and may they? The one place that answers.
 *
 * Every way to a message (live, history, publish, over whatever transport) asks gw_may(). A
 * connection keeps only the grant it got when it came; the question is asked anew each time.
 *
 * Open mode (all listeners on loopback): anyone on this machine may subscribe and publish, but the
 * Host must be localhost or a loopback literal (or DNS rebinding would let any page in), and an
 * Origin, where there is one, loopback too or on the list. Otherwise: an Origin must be that of the
 * Host or on the list, publishing and administration want a credential. A credential that is wrong
 * is refused even where none is needed.
 *
 * Threads: any; an auth does not change once it is made. */
#ifndef GW_AUTH_AUTH_H
#define GW_AUTH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct gw_auth {
    bool open;
    const struct gw_str *origins; /* borrowed; "https://example.org", "http://localhost:3000" */
    size_t origin_count;
    const struct gw_str *api_keys; /* borrowed */
    size_t api_key_count;
};

/* What a connection was granted. Small, so that every connection can carry it. */
struct gw_grant {
    uint8_t kind; /* enum gw_grant_kind */
};
enum gw_grant_kind { GW_GRANT_NOBODY, GW_GRANT_API_KEY };

enum gw_action { GW_TO_SUBSCRIBE, GW_TO_PUBLISH, GW_TO_ADMINISTER };

/* From a credential (data NULL: none was given) to a grant. Keys are compared in constant time.
 * Returns 0 or GW_ERR_CREDENTIAL. */
int gw_auth_identify(const struct gw_auth *auth, struct gw_str credential, struct gw_grant *grant);

/* Returns 0, GW_ERR_CREDENTIAL (a credential is due and there is none) or GW_ERR_DENIED. */
int gw_may(const struct gw_auth *auth, const struct gw_grant *grant, enum gw_action action,
           struct gw_str channel);

/* Is a request for this Host answered at all? `host` as sent, with or without a port. */
bool gw_auth_host_ok(const struct gw_auth *auth, struct gw_str host);

/* Is a request with this Origin? `origin_count` is how many Origin headers there were (0: fine;
 * more than one: refused), `secure` whether it came over TLS, `host` its Host. `*why` becomes a
 * sentence for the log and the answer. Origins compare as scheme, host (any case, one trailing dot
 * dropped) and port (80 and 443 where missing); `null` is refused. */
bool gw_auth_origin_ok(const struct gw_auth *auth, struct gw_str origin, uint32_t origin_count,
                       struct gw_str host, bool secure, const char **why);

/* Is it localhost, something.localhost, 127.0.0.0/8 or [::1], with or without a port? Addresses
 * only as browsers write them: whatever else some resolver would read as one (127.1, 2130706433,
 * [::ffff:127.0.0.1]) is not. */
bool gw_auth_is_loopback(struct gw_str host);

#endif
