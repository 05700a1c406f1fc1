#include "hub/position.h"

#include <string.h>

#include "core/base64.h"
#include "core/num.h"
#include "core/utf8.h"

/* On the wire: epoch 8 bytes, offset 7, tag 8, each with its highest byte first, in base64url. */
#define EPOCH_BYTES    8
#define OFFSET_BYTES   7
#define TAG_BYTES      8
#define POSITION_BYTES (EPOCH_BYTES + OFFSET_BYTES + TAG_BYTES)

static uint8_t *put(uint8_t *at, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    return at + bytes;
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < bytes; i++)
        number = number << 8 | at[i];
    return number;
}

void gw_position_write(char out[GW_POSITION_LEN], const struct gw_position *position)
{
    uint8_t bytes[POSITION_BYTES];
    char text[GW_BASE64_LEN(POSITION_BYTES)];

    put(put(put(bytes, position->epoch, EPOCH_BYTES), position->offset, OFFSET_BYTES),
        position->tag, TAG_BYTES);
    (void)gw_base64url_encode(text, bytes, sizeof(bytes)); /* always GW_POSITION_LEN */
    memcpy(out, text, GW_POSITION_LEN);
}

bool gw_position_read(struct gw_position *out, struct gw_str word)
{
    uint8_t bytes[GW_POSITION_LEN / 4 * 3 + 2];
    struct gw_position position;
    size_t len;

    if (word.len != GW_POSITION_LEN || !gw_base64url_decode(bytes, &len, word.data, word.len) ||
        len != POSITION_BYTES)
        return false;

    position.epoch = get(bytes, EPOCH_BYTES);
    position.offset = get(bytes + EPOCH_BYTES, OFFSET_BYTES);
    position.tag = get(bytes + EPOCH_BYTES + OFFSET_BYTES, TAG_BYTES);
    if (position.offset > GW_OFFSET_MAX || (position.offset == 0 && position.tag != 0))
        return false; /* never written by us */
    *out = position;
    return true;
}

struct gw_since gw_since_read(struct gw_str text)
{
    struct gw_since since = {.kind = GW_SINCE_UNKNOWN};
    struct gw_str last = GW_STR("last:");

    if (text.len == 0 || gw_str_eq(text, GW_STR("new"))) {
        since.kind = GW_SINCE_NEW;
    } else if (gw_str_eq(text, GW_STR("all"))) {
        since.kind = GW_SINCE_ALL;
    } else if (gw_str_starts(text, last)) {
        struct gw_str digits = {text.data + last.len, text.len - last.len};

        if (gw_num_u64(digits, &since.last))
            since.kind = GW_SINCE_LAST;
    } else if (gw_position_read(&since.position, text)) {
        since.kind = GW_SINCE_POSITION;
    }
    return since;
}

const char *gw_reset_name(enum gw_reset reset)
{
    switch (reset) {
    case GW_RESET_EPOCH:
        return "epoch";
    case GW_RESET_EXPIRED:
        return "expired";
    case GW_RESET_FORKED:
        return "forked";
    case GW_RESET_UNKNOWN:
        return "unknown";
    case GW_RESET_NONE:
        break;
    }
    return "none";
}

bool gw_channel_name_ok(struct gw_str name)
{
    if (name.len == 0 || name.len > GW_CHANNEL_NAME_MAX || !gw_utf8_valid(name.data, name.len))
        return false;

    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = (uint8_t)name.data[i];

        if (byte < 0x20 || byte == 0x7f || byte == '/' || byte == ',')
            return false;
        /* C1 controls, U+0080 to U+009F, are C2 80 to C2 9F; a second byte follows, it is valid. */
        if (byte == 0xc2 && (uint8_t)name.data[i + 1] < 0xa0)
            return false;
    }
    return true;
}
