/* variants.h - the variants of a publication, by their places in the server's table.
 *
 * Transports define them (gw_variant_websocket and its like), the server puts them together, and
 * whoever subscribes names one.
 *
 * Threads: any. */
#ifndef GW_EDGE_VARIANTS_H
#define GW_EDGE_VARIANTS_H

enum gw_edge_variant {
    GW_EDGE_WEBSOCKET,
    GW_EDGE_WEBSOCKET_DEFLATED,
    GW_EDGE_ENVELOPE,
    GW_EDGE_ENVELOPE_DEFLATED,
    GW_EDGE_VARIANTS
};

#endif
