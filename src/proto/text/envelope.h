/* envelope.h - one publication as a JSON object: what `format=json` sends.
 *
 *     {"channel":"news","offset":42,"position":"...","time":1764000000123,"data":"dinner"}
 *
 * Made once for each publication and shared by all who read it, so it is written straight into
 * memory of its exact size. Members come in this order, `event` and `id` (where set) before the
 * payload, which is last: a reader that looks for the small ones finds them in front of the large
 * one. The payload is `data`: a string for text, the value itself for JSON; or `base64` for bytes.
 * There is no line end in it and none behind it.
 *
 * Threads: any. */
#ifndef GW_PROTO_TEXT_ENVELOPE_H
#define GW_PROTO_TEXT_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

enum gw_envelope_kind { GW_ENVELOPE_TEXT, GW_ENVELOPE_JSON, GW_ENVELOPE_BINARY };

/* Everything is borrowed for the call. `channel`, `event`, `id` and a payload of text are UTF-8; a
 * payload of JSON is one value. */
struct gw_envelope {
    struct gw_str channel;
    uint64_t offset;
    struct gw_str position; /* a word with nothing in it to escape */
    int64_t time_ms;        /* since 1970 */
    struct gw_str event;    /* empty where not set */
    struct gw_str id;       /* empty where not set */
    enum gw_envelope_kind kind;
    struct gw_str payload;
};

size_t gw_envelope_size(const struct gw_envelope *envelope);

/* Writes, and returns, exactly as many bytes as gw_envelope_size() says. The bytes of JSON are
 * kept, but for raw CR and LF, which become spaces. */
size_t gw_envelope_write(const struct gw_envelope *envelope, uint8_t *out);

#endif
