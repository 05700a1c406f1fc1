#include "proto/text/control.h"

#include <errno.h>

#include "proto/text/sink.h"

static void put_subscribed(struct gw_sink *sink, struct gw_str channel, struct gw_str position,
                           enum gw_recovered recovered)
{
    gw_sink_put(sink, GW_STR("{\"subscribed\":{\"channel\":"));
    gw_sink_quoted(sink, channel);
    gw_sink_put(sink, GW_STR(",\"position\":\""));
    gw_sink_put(sink, position);
    gw_sink_put(sink, GW_STR("\""));
    if (recovered == GW_RECOVERED_YES)
        gw_sink_put(sink, GW_STR(",\"recovered\":true"));
    else if (recovered == GW_RECOVERED_NO)
        gw_sink_put(sink, GW_STR(",\"recovered\":false"));
    gw_sink_put(sink, GW_STR("}}"));
}

static void put_reset(struct gw_sink *sink, struct gw_str channel, struct gw_str reason,
                      struct gw_str position)
{
    gw_sink_put(sink, GW_STR("{\"reset\":{\"channel\":"));
    gw_sink_quoted(sink, channel);
    gw_sink_put(sink, GW_STR(",\"reason\":\""));
    gw_sink_put(sink, reason);
    gw_sink_put(sink, GW_STR("\",\"position\":\""));
    gw_sink_put(sink, position);
    gw_sink_put(sink, GW_STR("\"}}"));
}

/* Turns a sink that has counted into one that writes behind what `out` holds. */
static int open_sink(struct gw_sink *sink, struct gw_buf *out)
{
    if (!gw_buf_fits(out, sink->len))
        return -EMSGSIZE;
    sink->out = gw_buf_reserve(out, sink->len);
    sink->len = 0;
    return sink->out ? 0 : -ENOMEM;
}

int gw_control_subscribed(struct gw_buf *out, struct gw_str channel, struct gw_str position,
                          enum gw_recovered recovered)
{
    struct gw_sink sink = {NULL, 0};
    int failed;

    put_subscribed(&sink, channel, position, recovered);
    failed = open_sink(&sink, out);
    if (failed)
        return failed;
    put_subscribed(&sink, channel, position, recovered);
    gw_buf_added(out, sink.len);
    return 0;
}

int gw_control_reset(struct gw_buf *out, struct gw_str channel, struct gw_str reason,
                     struct gw_str position)
{
    struct gw_sink sink = {NULL, 0};
    int failed;

    put_reset(&sink, channel, reason, position);
    failed = open_sink(&sink, out);
    if (failed)
        return failed;
    put_reset(&sink, channel, reason, position);
    gw_buf_added(out, sink.len);
    return 0;
}
