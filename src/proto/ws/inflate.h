/* inflate.h - a compressed message back into its bytes, as they arrive.
 *
 * What was sent in a thousandth of the bytes must not cost us a thousand times the memory, nor time
 * without end. So a message is inflated piece by piece straight into the buffer it is delivered
 * from, text is checked on the way, and these hold *while* it runs:
 *
 *   - the message is never longer than the buffer's cap: the byte after it is not stored;
 *   - growing, the buffer and its successor together hold at most the cap and GW_WS_INFLATE_CHUNK;
 *   - past GW_WS_INFLATE_FREE bytes the message is at most `ratio_max` times what carried it;
 *   - input that brings next to nothing (a million empty blocks) is not read on for ever.
 *
 * Whether a message passes does not depend on how its bytes were split: the last two are asked at
 * the end of blocks, at every GW_WS_INFLATE_STEP-th byte of the message, and at its end.
 *
 * A state of zlib's exists from a message's first byte to its last; where the peer may refer to
 * earlier messages (context takeover) to the connection's last.
 *
 * Sources: RFC 7692 sections 7.2.2 and 7.2.3; RFC 1951.
 *
 * Threads: the owner's own. */
#ifndef GW_PROTO_WS_INFLATE_H
#define GW_PROTO_WS_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_buf;
struct gw_ws_inflate_state;

#define GW_WS_INFLATE_CHUNK (16u * 1024)
#define GW_WS_INFLATE_FREE  (4u * 1024)
#define GW_WS_INFLATE_STEP  256u

/* The receiving half of a connection's compression. The owner fills in what the handshake agreed
 * for the peer's direction and zeroes the rest. */
struct gw_ws_inflate {
    struct gw_ws_inflate_state *state; /* owned; NULL where there is nothing to remember */
    uint32_t ratio_max;                /* above 0; limits.md has 100 */
    bool takeover;
};

/* The most bytes that may carry a message of at most `message_bytes_max`: an honest peer that
 * flushes after each single byte, and does not even compress, sends eleven times as many. */
uint32_t gw_ws_inflate_wire_max(uint32_t message_bytes_max);

/* Inflates the next `len` bytes of a message, at least 1, onto the end of `message`, which is empty
 * before the first. The allocator of `message` is borrowed until gw_ws_inflate_fini(). Text is
 * checked from `*utf8_state` on; NULL for bytes.
 *
 * Returns 0; GW_ERR_DAMAGED; GW_ERR_TOO_BIG where a limit above is passed; GW_ERR_UTF8; -ENOMEM.
 * After a failure only gw_ws_inflate_fini() may be called. */
int gw_ws_inflate_feed(struct gw_ws_inflate *inflate, const uint8_t *data, size_t len,
                       struct gw_buf *message, uint32_t *utf8_state);

/* All bytes of the message are fed: brings out the rest of it. Returns as gw_ws_inflate_feed();
 * data that ends in the middle of something is damaged. */
int gw_ws_inflate_finish(struct gw_ws_inflate *inflate, struct gw_buf *message,
                         uint32_t *utf8_state);

/* Frees what is remembered. May be called at any time, and twice. */
void gw_ws_inflate_fini(struct gw_ws_inflate *inflate);

/* Bytes that it holds, for whoever charges them. */
size_t gw_ws_inflate_bytes(const struct gw_ws_inflate *inflate);

#endif
