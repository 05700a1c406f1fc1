/* deflate.h - a message into a compressed frame, where that is shorter.
 *
 * A compressor without takeover begins afresh with each message: what it makes serves every client
 * whose window is as large, so that a server needs one, not one for each connection. With takeover
 * it belongs to one connection, and its peer must get every frame that it made.
 *
 * An endpoint may always send a message as it is (RFC 7692 section 6.1), and does so where
 * compression would not make it shorter: random bytes, and what is compressed already.
 *
 * Sources: RFC 7692 sections 7.2.1 and 7.2.3.
 *
 * Threads: a compressor belongs to one at a time. */
#ifndef GW_PROTO_WS_DEFLATE_H
#define GW_PROTO_WS_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <godwit/ws.h>

struct gw_alloc;
struct gw_ws_deflate; /* a compressor */

struct gw_ws_deflate_options {
    uint8_t window_bits; /* 8 to 15, as agreed for our direction */
    uint8_t level;       /* zlib's, 1 to 9 */
    bool takeover;
};

/* Makes a compressor: 30 KiB at 12 window bits. `alloc` is borrowed until it is freed. Returns 0 or
 * -ENOMEM; `*out` is set only on 0. */
int gw_ws_deflate_new(struct gw_ws_deflate **out, const struct gw_alloc *alloc,
                      const struct gw_ws_deflate_options *options);
void gw_ws_deflate_free(struct gw_ws_deflate *deflate); /* NULL is fine */

/* Writes the whole frame of a message into `out`, which has room for gw_ws_frame_len(len, mask !=
 * NULL) bytes and does not overlap `data`. Returns its length, or 0 where it would not be shorter
 * than gw_ws_frame() makes it: send that; `out` is then of no use. */
size_t gw_ws_deflate_frame(struct gw_ws_deflate *deflate, uint8_t *out, enum gw_ws_opcode opcode,
                           const void *data, size_t len, const uint8_t mask[4]);

/* Puts the head of a compressed message in front of its `payload_len` bytes, which stand at `out` +
 * `payload_at` and are moved up to it: for payloads that another compressor made. There is room for
 * the head in front of them: it is not longer than `payload_at`. Returns the frame's length. */
size_t gw_ws_deflate_head(uint8_t *out, size_t payload_at, enum gw_ws_opcode opcode,
                          size_t payload_len, const uint8_t mask[4]);

/* Bytes that it holds, for whoever charges them; 0 for NULL. */
size_t gw_ws_deflate_bytes(const struct gw_ws_deflate *deflate);

#endif
