#include "edge/envelope.h"

#include "hub/publication.h"

static enum gw_envelope_kind kind_of(const struct gw_pub *pub)
{
    switch (pub->kind) {
    case GW_PUB_JSON:
        return GW_ENVELOPE_JSON;
    case GW_PUB_BINARY:
        return GW_ENVELOPE_BINARY;
    default:
        return GW_ENVELOPE_TEXT;
    }
}

struct gw_envelope gw_envelope_of(const struct gw_entry *entry, char position[GW_POSITION_LEN])
{
    const struct gw_pub *pub = entry->pub;

    gw_position_write(position, &(struct gw_position){entry->epoch, pub->offset, pub->tag});
    return (struct gw_envelope){.channel = entry->channel,
                                .offset = pub->offset,
                                .position = {position, GW_POSITION_LEN},
                                .time_ms = pub->time_ms,
                                .event = gw_pub_event(pub),
                                .id = gw_pub_id(pub),
                                .kind = kind_of(pub),
                                .payload = gw_pub_payload(pub)};
}
