/* reader.h - frames into messages: the inside of gw_ws_read(), with its state split in two.
 *
 * A server holds very many connections and nearly all of them are between two messages. So all that
 * a reader remembers lives in one small object that exists only while a frame or message is
 * unfinished; between messages a connection stores a NULL. The configuration is shared by all.
 *
 * A frame that lies whole in the input, and is a whole message, is unmasked and checked where it
 * stands and allocates nothing. Everything else is gathered in `partial`, into one buffer a
 * message.
 *
 * A compressed message is inflated into that buffer as it arrives. What that takes is an object of
 * its own, which only a connection has that agreed on compression.
 *
 * Sources: RFC 6455 sections 5, 7 and 8.1; RFC 7692 section 6.
 *
 * Threads: the owner's own. */
#ifndef GW_PROTO_WS_READER_H
#define GW_PROTO_WS_READER_H

#include <godwit/ws.h>

struct gw_alloc;
struct gw_ws_inflate;
struct gw_ws_partial; /* an unfinished frame or message */

struct gw_ws_reader {
    const struct gw_alloc *alloc; /* borrowed */
    uint32_t message_bytes_max;
    uint32_t fragments_max;
    /* Of the one connection that is read, borrowed; NULL where nothing was agreed, and RSV1 is
     * refused. Its memory outlives `*partial`: the caller ends it with gw_ws_inflate_fini(). */
    struct gw_ws_inflate *inflate;
    /* With `inflate`: 0, or the error that a compressed message is refused with at its head. */
    int inflate_refusal;
    uint8_t role; /* enum gw_ws_role: who *we* are; a server demands masks, a client refuses them */
};

/* As gw_ws_read(), with `*partial` NULL before the first call. After a negative return, or a
 * GW_WS_CLOSE, the caller must not call again (gw_ws keeps that memory; a server knows its state).
 * An event's data may lie in `*partial`: it is borrowed until the next call.
 *
 * A message assembled in `*partial` is released by the next call, or by gw_ws_reader_trim() which a
 * caller uses when it is done with the events of a turn: then between messages `*partial` is NULL.
 */
int gw_ws_reader_read(const struct gw_ws_reader *reader, struct gw_ws_partial **partial,
                      struct gw_ws_bytes *input, struct gw_ws_event *event);
void gw_ws_reader_trim(const struct gw_ws_reader *reader, struct gw_ws_partial **partial);
void gw_ws_reader_free(const struct gw_ws_reader *reader, struct gw_ws_partial **partial);

/* Bytes that `partial` holds, for whoever charges them; 0 for NULL. */
size_t gw_ws_reader_bytes(const struct gw_ws_partial *partial);

#endif
