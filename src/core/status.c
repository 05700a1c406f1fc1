#include "godwit/status.h"
#include "godwit/version.h"

#include <stddef.h>
#include <string.h>

static const char *own_phrase(enum gw_err err)
{
    switch (err) {
    case GW_ERR_PROTOCOL:
        return "the peer broke the protocol";
    case GW_ERR_UTF8:
        return "not valid UTF-8";
    case GW_ERR_TOO_BIG:
        return "too big";
    case GW_ERR_TOO_MANY:
        return "too many";
    case GW_ERR_CLOSED:
        return "closed";
    case GW_ERR_FULL:
        return "full for now";
    case GW_ERR_NAME:
        return "not a channel name";
    case GW_ERR_DENIED:
        return "not allowed";
    case GW_ERR_CREDENTIAL:
        return "credential missing, wrong or expired";
    case GW_ERR_GONE:
        return "no longer there";
    case GW_ERR_SLOW_CONSUMER:
        return "the reader fell too far behind";
    case GW_ERR_HANDSHAKE:
        return "not an acceptable WebSocket handshake";
    case GW_ERR_VALUE:
        return "wrong value";
    case GW_ERR_DAMAGED:
        return "compressed data is damaged";
    case GW_ERR_TAKEN:
        return "taken over by a later attempt";
    }
    return NULL;
}

const char *gw_strerror(int status)
{
    const char *phrase = NULL;

    if (status >= 0)
        return "success";
    if (status <= GW_ERR_FIRST)
        phrase = own_phrase((enum gw_err)status);
    else if (status >= -4095)
        phrase = strerrordesc_np(-status); /* strerror() translates, and may use a shared buffer */
    return phrase ? phrase : "unknown error";
}

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)

const char *gw_version(void)
{
    return TEXT(GW_VERSION_MAJOR) "." TEXT(GW_VERSION_MINOR) "." TEXT(GW_VERSION_PATCH);
}
