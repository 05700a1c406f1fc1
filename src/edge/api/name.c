#include "edge/api/name.h"

#include <string.h>

#include "proto/http/target.h"

bool gw_name_read(struct gw_str encoded, char room[GW_CHANNEL_NAME_MAX], struct gw_str *name)
{
    char decoded[3 * GW_CHANNEL_NAME_MAX];

    name->data = room;
    if (encoded.len > sizeof(decoded) ||
        !gw_http_percent_decode(decoded, &name->len, encoded, false) ||
        name->len > GW_CHANNEL_NAME_MAX)
        return false;
    memcpy(room, decoded, name->len);
    return gw_channel_name_ok(*name);
}
