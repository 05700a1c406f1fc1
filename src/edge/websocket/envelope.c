#include "edge/websocket/websocket.h"

#include <string.h>

#include <godwit/ws.h>

#include "edge/envelope.h"
#include "proto/deflate/deflater.h"

static size_t text_size(const struct gw_entry *entry)
{
    char position[GW_POSITION_LEN];
    struct gw_envelope envelope = gw_envelope_of(entry, position);

    return gw_envelope_size(&envelope);
}

static size_t unit_size(const struct gw_entry *entry)
{
    return gw_ws_frame_len(text_size(entry), 0);
}

static size_t unit_write(void *ctx, const struct gw_entry *entry, uint8_t *out)
{
    char position[GW_POSITION_LEN];
    struct gw_envelope envelope = gw_envelope_of(entry, position);
    size_t head_len = gw_ws_head(out, GW_WS_OP_TEXT, gw_envelope_size(&envelope), NULL);

    (void)ctx;
    return head_len + gw_envelope_write(&envelope, out + head_len);
}

/* The text is not there yet, as that of a raw message is: it is written behind where its compressed
 * frame goes, so the unit has room for both and gives back what it did not need. */
static size_t deflated_size(const struct gw_entry *entry)
{
    size_t len = text_size(entry), frame_len = gw_ws_frame_len(len, 0);

    return len < GW_DEFLATER_BYTES_MIN ? frame_len : 2 * frame_len;
}

static size_t deflated_write(void *ctx, const struct gw_entry *entry, uint8_t *out)
{
    char position[GW_POSITION_LEN];
    struct gw_envelope envelope = gw_envelope_of(entry, position);
    size_t len = gw_envelope_size(&envelope), used;
    uint8_t *text = out + gw_ws_frame_len(len, 0);

    if (len < GW_DEFLATER_BYTES_MIN)
        return unit_write(NULL, entry, out);
    (void)gw_envelope_write(&envelope, text);
    used = gw_deflater_frame(ctx, out, GW_WS_OP_TEXT, text, len);
    return used > 0 ? used : gw_ws_frame(out, GW_WS_OP_TEXT, text, len, NULL);
}

const struct gw_variant gw_variant_envelope = {"envelope", true, unit_size, unit_write};
const struct gw_variant gw_variant_envelope_deflated = {"envelope, deflated", true, deflated_size,
                                                        deflated_write};
