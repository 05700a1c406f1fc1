#include "edge/websocket/websocket.h"

#include <godwit/ws.h>

#include "hub/publication.h"
#include "proto/deflate/deflater.h"

static size_t unit_size(const struct gw_entry *entry)
{
    return gw_ws_frame_len(entry->pub->len, 0);
}

static enum gw_ws_opcode opcode_of(const struct gw_pub *pub)
{
    return pub->kind == GW_PUB_BINARY ? GW_WS_OP_BINARY : GW_WS_OP_TEXT;
}

static size_t unit_write(void *ctx, const struct gw_entry *entry, uint8_t *out)
{
    struct gw_str payload = gw_pub_payload(entry->pub);

    (void)ctx;
    return gw_ws_frame(out, opcode_of(entry->pub), payload.data, payload.len, NULL);
}

static size_t deflated_write(void *ctx, const struct gw_entry *entry, uint8_t *out)
{
    struct gw_str payload = gw_pub_payload(entry->pub);
    size_t len = gw_deflater_frame(ctx, out, opcode_of(entry->pub), payload.data, payload.len);

    return len > 0 ? len : unit_write(ctx, entry, out);
}

const struct gw_variant gw_variant_websocket = {"websocket", false, unit_size, unit_write};
const struct gw_variant gw_variant_websocket_deflated = {"websocket, deflated", false, unit_size,
                                                         deflated_write};
