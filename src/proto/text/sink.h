/* sink.h - where text is counted, and then written.
 *
 * What goes onto a wire is written into memory of exactly its size, so its size is asked first.
 * Here both are one function, run twice, once without a place to write to: they cannot disagree.
 *
 * Threads: the owner's own. */
#ifndef GW_PROTO_TEXT_SINK_H
#define GW_PROTO_TEXT_SINK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/json.h"
#include "core/num.h"
#include "core/str.h"

struct gw_sink {
    uint8_t *out; /* borrowed; NULL: bytes are only counted */
    size_t len;
};

static inline void gw_sink_put(struct gw_sink *sink, struct gw_str text)
{
    if (sink->out && text.len > 0) /* empty text may be NULL, which memcpy may not be given */
        memcpy(sink->out + sink->len, text.data, text.len);
    sink->len += text.len;
}

static inline void gw_sink_u64(struct gw_sink *sink, uint64_t number)
{
    char digits[GW_U64_DIGITS];

    gw_sink_put(sink, (struct gw_str){digits, gw_num_write(digits, number)});
}

static inline void gw_sink_i64(struct gw_sink *sink, int64_t number)
{
    if (number < 0)
        gw_sink_put(sink, GW_STR("-"));
    gw_sink_u64(sink, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

/* With its quotes. */
static inline void gw_sink_quoted(struct gw_sink *sink, struct gw_str text)
{
    sink->len += sink->out ? gw_json_quote(sink->out + sink->len, text) : gw_json_quote_size(text);
}

#endif
