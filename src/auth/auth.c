#include "auth/auth.h"

#include <godwit/status.h>

int gw_auth_identify(const struct gw_auth *auth, struct gw_str credential, struct gw_grant *grant)
{
    bool known = false;

    if (!credential.data) {
        grant->kind = GW_GRANT_NOBODY;
        return 0;
    }
    /* All keys are looked at, so that the time does not tell which of them was near. An empty key
     * is a mistake in somebody's configuration and opens nothing. */
    for (size_t i = 0; i < auth->api_key_count; i++)
        known |= auth->api_keys[i].len > 0 && gw_str_eq_secret(auth->api_keys[i], credential);
    if (!known)
        return GW_ERR_CREDENTIAL;
    grant->kind = GW_GRANT_API_KEY;
    return 0;
}

/* Channels do not matter yet to anybody's grant; every asker names one all the same, so that the
 * day they do no way to a message has to be found. */
int gw_may(const struct gw_auth *auth, const struct gw_grant *grant, enum gw_action action,
           struct gw_str channel)
{
    (void)channel;
    if (grant->kind == GW_GRANT_API_KEY)
        return 0;
    if (grant->kind != GW_GRANT_NOBODY)
        return GW_ERR_DENIED;
    switch (action) {
    case GW_TO_SUBSCRIBE:
        return 0;
    case GW_TO_PUBLISH:
        return auth->open ? 0 : GW_ERR_CREDENTIAL;
    case GW_TO_ADMINISTER:
        return GW_ERR_CREDENTIAL;
    }
    return GW_ERR_DENIED;
}
