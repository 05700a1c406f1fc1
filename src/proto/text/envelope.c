#include "proto/text/envelope.h"

#include <assert.h>

#include "core/base64.h"
#include "core/json.h"
#include "proto/text/sink.h"

static void put_member(struct gw_sink *sink, struct gw_str key, struct gw_str value)
{
    if (value.len == 0)
        return;
    gw_sink_put(sink, key);
    gw_sink_quoted(sink, value);
}

static void put_json(struct gw_sink *sink, struct gw_str value)
{
    gw_sink_put(sink, value);
    if (sink->out)
        gw_json_unline(sink->out + sink->len - value.len, value.len);
}

static void put_base64(struct gw_sink *sink, struct gw_str bytes)
{
    if (sink->out && bytes.len > 0)
        (void)gw_base64_encode((char *)sink->out + sink->len, bytes.data, bytes.len);
    sink->len += GW_BASE64_LEN(bytes.len);
}

static void put_payload(struct gw_sink *sink, const struct gw_envelope *envelope)
{
    if (envelope->kind == GW_ENVELOPE_BINARY) {
        gw_sink_put(sink, GW_STR(",\"base64\":\""));
        put_base64(sink, envelope->payload);
        gw_sink_put(sink, GW_STR("\""));
        return;
    }
    gw_sink_put(sink, GW_STR(",\"data\":"));
    if (envelope->kind == GW_ENVELOPE_TEXT)
        gw_sink_quoted(sink, envelope->payload);
    else {
        assert(envelope->kind == GW_ENVELOPE_JSON);
        put_json(sink, envelope->payload);
    }
}

static size_t put_envelope(struct gw_sink sink, const struct gw_envelope *envelope)
{
    gw_sink_put(&sink, GW_STR("{\"channel\":"));
    gw_sink_quoted(&sink, envelope->channel);
    gw_sink_put(&sink, GW_STR(",\"offset\":"));
    gw_sink_u64(&sink, envelope->offset);
    gw_sink_put(&sink, GW_STR(",\"position\":\""));
    gw_sink_put(&sink, envelope->position);
    gw_sink_put(&sink, GW_STR("\",\"time\":"));
    gw_sink_i64(&sink, envelope->time_ms);
    put_member(&sink, GW_STR(",\"event\":"), envelope->event);
    put_member(&sink, GW_STR(",\"id\":"), envelope->id);
    put_payload(&sink, envelope);
    gw_sink_put(&sink, GW_STR("}"));
    return sink.len;
}

size_t gw_envelope_size(const struct gw_envelope *envelope)
{
    return put_envelope((struct gw_sink){NULL, 0}, envelope);
}

size_t gw_envelope_write(const struct gw_envelope *envelope, uint8_t *out)
{
    return put_envelope((struct gw_sink){out, 0}, envelope);
}
