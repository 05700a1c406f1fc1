/* status.h - what a function of Godwit answers when it cannot do what it was asked.
 *
 * A function that can fail returns an int: 0 or a count is success, a negative number the reason.
 * -1 to -4095 are the kernel's errors as -errno; Godwit's own begin at GW_ERR_FIRST.
 *
 * Threads: any. */
#ifndef GODWIT_STATUS_H
#define GODWIT_STATUS_H

#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GW_ERR_FIRST (-10000)

enum gw_err {
    GW_ERR_PROTOCOL = GW_ERR_FIRST, /* the peer broke the protocol */
    GW_ERR_UTF8 = -10001,           /* text that is not valid UTF-8 */
    GW_ERR_TOO_BIG = -10002,        /* a message, body or name above its limit */
    GW_ERR_TOO_MANY = -10003,       /* more fragments, headers or things than the limit allows */
    GW_ERR_CLOSED = -10004,         /* the closing handshake has begun, or the other end is gone */
    GW_ERR_FULL = -10005,           /* no room now; it comes back by itself */
    GW_ERR_NAME = -10006,           /* not a channel name */
    GW_ERR_DENIED = -10007,         /* may not */
    GW_ERR_CREDENTIAL = -10008,     /* a credential is missing, wrong or expired */
    GW_ERR_GONE = -10009,           /* a position, channel or session that no longer exists */
    GW_ERR_SLOW_CONSUMER = -10010,  /* the reader fell behind what is kept */
    GW_ERR_HANDSHAKE = -10011,      /* not a WebSocket handshake, or not one we can accept */
    GW_ERR_VALUE = -10012,          /* a parameter or option with a wrong value */
    GW_ERR_DAMAGED = -10013,        /* compressed data that does not inflate */
    GW_ERR_TAKEN = -10014,          /* a session that a later attempt has */
};

/* The name of an error of either kind, as a short phrase in English; static storage, or, for a
 * number nobody gave a meaning, "unknown error". `status` >= 0 is "success".
 * Threads: any. */
GW_API const char *gw_strerror(int status);

#ifdef __cplusplus
}
#endif

#endif
