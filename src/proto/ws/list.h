/* list.h - the elements of a comma separated header value, as the handshake's headers have them.
 *
 * The room's own. Unlike gw_http_list_next() it leaves an element its parameters, and does not look
 * at quotes: what these headers may quote is a token, which holds no comma.
 *
 * Threads: any. */
#ifndef GW_PROTO_WS_LIST_H
#define GW_PROTO_WS_LIST_H

#include "core/str.h"

/* The next element, without the blanks around it. Empty ones are passed over (RFC 9110 section
 * 5.6.1.2). False at the list's end. */
static inline bool gw_ws_list_next(struct gw_str *rest, struct gw_str *element)
{
    while (rest->data) {
        *element = gw_str_trim(gw_str_cut(rest, ','));
        if (element->len > 0)
            return true;
    }
    return false;
}

#endif
