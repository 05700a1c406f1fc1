#include "edge/websocket/websocket.h"

#include <godwit/ws.h>

#include "hub/publication.h"

static size_t unit_size(const struct gw_pub *pub)
{
    return gw_ws_frame_len(pub->len, 0);
}

static void unit_write(const struct gw_pub *pub, uint8_t *out)
{
    struct gw_str payload = gw_pub_payload(pub);

    gw_ws_frame(out, pub->kind == GW_PUB_BINARY ? GW_WS_OP_BINARY : GW_WS_OP_TEXT, payload.data,
                payload.len, NULL);
}

const struct gw_variant gw_variant_websocket = {"websocket", unit_size, unit_write};
