/* deflater.h - a message into a compressed frame, with nothing carried over from the one before.
 *
 * A server that agrees on no context takeover compresses each message for itself. That needs none
 * of what zlib can do beyond others, and ISA-L compresses 16 KiB of JSON in less than a third of
 * the time that zlib takes at level 1, and into fewer bytes (docs/adr/0002-dependencies.md). Where
 * there is no ISA-L for a machine, zlib does it.
 *
 * One deflater serves all connections of a worker. Its window is 12 bits: what it makes is right
 * for every client that allows 12 or more, so that one frame serves all subscribers of a channel.
 *
 * Sources: RFC 7692 sections 7.2.1 and 7.2.3; RFC 1951.
 *
 * Threads: a deflater belongs to one at a time. */
#ifndef GW_PROTO_DEFLATE_DEFLATER_H
#define GW_PROTO_DEFLATE_DEFLATER_H

#include <stddef.h>
#include <stdint.h>

#include <godwit/ws.h>

struct gw_alloc;
struct gw_deflater;

#define GW_DEFLATER_WINDOW_BITS 12
#define GW_DEFLATER_BYTES_MIN   256u /* a shorter message saves less than it costs both ends */

enum gw_deflater_engine {
    GW_DEFLATER_FASTEST, /* ISA-L if the build has it */
    GW_DEFLATER_ZLIB,    /* level 1 */
};

/* Makes a deflater: 360 KiB with ISA-L, 31 KiB with zlib. `alloc` is borrowed until it is freed.
 * Returns 0 or -ENOMEM; `*out` is set only on 0. */
int gw_deflater_new(struct gw_deflater **out, const struct gw_alloc *alloc,
                    enum gw_deflater_engine engine);
void gw_deflater_free(struct gw_deflater *deflater); /* NULL is fine */

/* "ISA-L" or "zlib": what does the work. */
const char *gw_deflater_engine(const struct gw_deflater *deflater);

/* Writes the whole unmasked frame of a message into `out`, which has room for
 * gw_ws_frame_len(len, 0) bytes and does not overlap `data`. Returns its length, or 0 where the
 * message is below GW_DEFLATER_BYTES_MIN, or would not be shorter than gw_ws_frame() makes it: send
 * that; `out` is then of no use. */
size_t gw_deflater_frame(struct gw_deflater *deflater, uint8_t *out, enum gw_ws_opcode opcode,
                         const void *data, size_t len);

/* How many messages it has worked on. */
uint64_t gw_deflater_runs(const struct gw_deflater *deflater);

#endif
