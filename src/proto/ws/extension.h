/* extension.h - Sec-WebSocket-Extensions: what is offered, what is agreed.
 *
 * The one extension we speak is permessage-deflate. A client offers it, as often as it likes with
 * other parameters, the one it likes best first; the server takes the first offer that suits it
 * and says what is agreed; the client looks whether that is what it offered. An offer that is wrong
 * in any way is declined, never the connection; an answer that is wrong fails the handshake.
 *
 * Sources: RFC 6455 section 9.1 (the grammar), RFC 7692 sections 5 and 7.1.
 *
 * Threads: any. */
#ifndef GW_PROTO_WS_EXTENSION_H
#define GW_PROTO_WS_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <godwit/ws.h>

struct gw_http_header;

#define GW_WS_WINDOW_BITS_MIN 8u
#define GW_WS_WINDOW_BITS_MAX 15u

/* What a header's value, written by us, can at most be long. */
#define GW_WS_EXTENSION_MAX 160u

/* Have these terms a meaning, other than "none"? */
bool gw_ws_terms_valid(const struct gw_ws_deflate_terms *terms);

/* Does every Sec-WebSocket-Extensions among the header lines obey the grammar of section 9.1? */
bool gw_ws_extensions_well_formed(const struct gw_http_header *headers, uint32_t count);

/* The server's choice for a request that is well formed, by the rules of gw_ws_accept_deflate().
 * Writes the value to answer into `out` and returns its length, or 0 where no offer suits, with
 * `*agreed` zeroed. `wanted` is valid. */
size_t gw_ws_extension_choose(char out[GW_WS_EXTENSION_MAX], const struct gw_http_header *headers,
                              uint32_t count, const struct gw_ws_deflate_terms *wanted,
                              struct gw_ws_deflate_terms *agreed);

/* The value of a client's one offer; returns its length. `offered` is valid. */
size_t gw_ws_extension_offer(char out[GW_WS_EXTENSION_MAX],
                             const struct gw_ws_deflate_terms *offered);

/* The client's judgement of an answer to `offered` (NULL: nothing was). `*agreed` is zeroed where
 * the server chose nothing. False is a failed handshake, with `*agreed` zeroed too. */
bool gw_ws_extension_answered(const struct gw_http_header *headers, uint32_t count,
                              const struct gw_ws_deflate_terms *offered,
                              struct gw_ws_deflate_terms *agreed);

#endif
