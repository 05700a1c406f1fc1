/* ws.h - RFC 6455, the WebSocket protocol, without I/O: bytes in, events out; messages in, bytes
 * out.
 *
 * For any event loop. You own the socket; a `struct gw_ws` is one end of one connection. Feed it
 * what arrived with gw_ws_read() and act on its events; frame what you want to say with
 * gw_ws_head() or gw_ws_frame() and send those bytes in one piece. The opening handshake is two
 * functions at each end (gw_ws_accept(), and gw_ws_request() with gw_ws_check()). Needs no other
 * library.
 *
 *     struct gw_ws_bytes in = {buffer, received};
 *     struct gw_ws_event event;
 *     while ((got = gw_ws_read(ws, &in, &event)) > 0)
 *         if (event.kind == GW_WS_PING) ...send gw_ws_frame(GW_WS_OP_PONG, event.data, event.len)
 *     if (got < 0) ...send a close frame with event.close_code, and go
 *
 * It takes any split of its input alike: one byte at a time gives the same events. Memory is
 * allocated only for bytes of an unfinished message that have arrived, never for what a peer
 * merely announces; between messages a codec holds no buffer.
 *
 * Compression (RFC 7692) is not offered yet. Its place is kept: RSV1 is refused with 1002 as the
 * RFC demands where nothing was negotiated.
 *
 * Threads: a gw_ws belongs to one thread at a time; the plain functions may be called from any. */
#ifndef GODWIT_WS_H
#define GODWIT_WS_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"
#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gw_ws; /* one end of a connection after the handshake */

enum gw_ws_role { GW_WS_SERVER, GW_WS_CLIENT };

/* Frame opcodes, RFC 6455 section 11.8. */
enum gw_ws_opcode {
    GW_WS_OP_CONTINUATION = 0x0,
    GW_WS_OP_TEXT = 0x1,
    GW_WS_OP_BINARY = 0x2,
    GW_WS_OP_CLOSE = 0x8,
    GW_WS_OP_PING = 0x9,
    GW_WS_OP_PONG = 0xa
};

enum gw_ws_event_kind {
    GW_WS_TEXT,   /* a whole message of valid UTF-8 */
    GW_WS_BINARY, /* a whole message of bytes */
    GW_WS_PING,   /* answer it with a pong that bears the same data */
    GW_WS_PONG,
    GW_WS_CLOSE /* the peer closes: `close_code`, and its reason in `data`. Answer with a close
                   frame if you have not sent one. Nothing is read after it: later calls return
                   GW_ERR_CLOSED. */
};

struct gw_ws_event {
    enum gw_ws_event_kind kind;
    /* Borrowed until the next gw_ws_read() on the same gw_ws or until the input buffer is reused,
     * whichever is first. May be NULL where `len` is 0. */
    uint8_t *data;
    size_t len;
    /* Bytes just before `data` that are yours to overwrite: the frame's own header (and the code,
     * in a close frame) when all of the frame lies in the input, else 0. A server's header for the
     * same message always fits in the room of a client's. */
    size_t headroom;
    /* GW_WS_CLOSE: the peer's code, 1005 where it gave none. After a failure: the code to send,
     * 1002, 1007, 1008, 1009 or 1011. Else 0. */
    uint16_t close_code;
};

/* What is left of an input: gw_ws_read() moves it forward. The bytes are changed in place
 * (unmasked). */
struct gw_ws_bytes {
    uint8_t *data;
    size_t len;
};

/* Set with GW_WS_OPTIONS_INIT, so that the struct can grow. */
struct gw_ws_options {
    size_t size;                /* sizeof(struct gw_ws_options) */
    enum gw_ws_role role;       /* which end we are */
    uint32_t message_bytes_max; /* longest message taken, above it 1009; default 64 KiB */
    /* Frames of one message, empty ones counted, above it 1008; default 1,024. */
    uint32_t fragments_max;
    void *(*get)(size_t size, void *ctx); /* NULL: malloc and free */
    void (*put)(void *ptr, void *ctx);
    void *alloc_ctx;
};

#define GW_WS_OPTIONS_INIT                                                                         \
    {                                                                                              \
        sizeof(struct gw_ws_options), GW_WS_SERVER, 65536u, 1024u, NULL, NULL, NULL                \
    }

/* Makes one end. `options` is borrowed for the call only.
 * Returns 0, -EINVAL (a role, size or limit that makes no sense) or -ENOMEM; `*out` is set only on
 * 0. */
GW_API int gw_ws_new(struct gw_ws **out, const struct gw_ws_options *options);
GW_API void gw_ws_free(struct gw_ws *ws); /* NULL is fine */

/* Takes input until there is one event.
 *
 * Returns 1 with `*event` filled and `*input` moved past what it took (call again: more may be
 * there); 0 when all input is taken and no event came of it; or, for good, the reason to fail the
 * connection, with `event->close_code` the code to send: GW_ERR_PROTOCOL, GW_ERR_UTF8,
 * GW_ERR_TOO_BIG, GW_ERR_TOO_MANY, -ENOMEM; or GW_ERR_CLOSED after a close frame or a failure. Text
 * is refused at its first wrong byte, a message at the header of the frame that takes it past its
 * limit. */
GW_API int gw_ws_read(struct gw_ws *ws, struct gw_ws_bytes *input, struct gw_ws_event *event);

/* The longest frame header, and the longest payload of a control frame. */
#define GW_WS_HEAD_MAX    14
#define GW_WS_CONTROL_MAX 125

/* Writes the header of one unfragmented frame with `len` bytes of payload (section 5.2) and returns
 * its length, 2 to 14. A client passes 4 fresh unpredictable bytes as `mask` and masks the payload
 * with gw_ws_mask(); a server passes NULL. Asserts that a control frame is at most 125 bytes. */
GW_API size_t gw_ws_head(uint8_t out[GW_WS_HEAD_MAX], enum gw_ws_opcode opcode, uint64_t len,
                         const uint8_t mask[4]);
/* The same for a frame of a fragmented message: `fin` 0 or 1. */
GW_API size_t gw_ws_head_part(uint8_t out[GW_WS_HEAD_MAX], enum gw_ws_opcode opcode, int fin,
                              uint64_t len, const uint8_t mask[4]);

/* Masks or unmasks (section 5.3) `len` bytes in place; `offset` is how many bytes of the payload
 * went before these. */
GW_API void gw_ws_mask(uint8_t *data, size_t len, const uint8_t mask[4], uint64_t offset);

/* How many bytes gw_ws_frame() writes for a payload of `len` bytes. */
GW_API size_t gw_ws_frame_len(size_t len, int masked);
/* A whole frame into `out`, header and (masked) payload; returns gw_ws_frame_len(). `out` and
 * `data` may not overlap; `data` may be NULL where `len` is 0. */
GW_API size_t gw_ws_frame(uint8_t *out, enum gw_ws_opcode opcode, const void *data, size_t len,
                          const uint8_t mask[4]);

/* The payload of a close frame: the code in network order and the reason, cut to 123 bytes between
 * two characters. `code` 0, 1005 or another that may not stand on the wire writes nothing: a close
 * without a code. `reason` is UTF-8 and may be NULL where `reason_len` is 0. Returns the payload's
 * length. */
GW_API size_t gw_ws_close_payload(uint8_t out[GW_WS_CONTROL_MAX], uint16_t code, const char *reason,
                                  size_t reason_len);
/* May this code stand in a close frame on the wire (section 7.4)? 1000 to 1003, 1007 to 1014, 3000
 * to 4999. */
GW_API int gw_ws_close_code_valid(uint16_t code);

/* --- The opening handshake --- */

#define GW_WS_RESPONSE_MAX 512
#define GW_WS_KEY_LEN      24

/* The server's half, section 4.2. `head` is exactly a request's head with its empty line, `len`
 * bytes, borrowed. `protocols` is NULL or a NULL-terminated list of the subprotocols the server
 * speaks, best first: the first one that the client offers too is chosen; none in common is no
 * error. One of more than 255 bytes is never chosen.
 *
 * Writes the whole response into `out`, a 101 or a refusal (400; 405 for a method other than GET;
 * 426 with the version we speak), `*out_len` bytes, and stores the index of the chosen protocol or
 * -1 in `*protocol` (may be NULL). Returns 0 when the response is a 101, GW_ERR_HANDSHAKE when it
 * is a refusal: send it and close. */
GW_API int gw_ws_accept(char out[GW_WS_RESPONSE_MAX], size_t *out_len, const char *head, size_t len,
                        const char *const *protocols, int *protocol);

/* The client's half, section 4.1. Writes a GET of `target` at `host` (with its port where it is not
 * 80) from 16 fresh unpredictable bytes `nonce`; `protocols` may be NULL, else a comma separated
 * list; `extra` may be NULL, else more header lines, each ending in CR LF. Also writes the key to
 * check the answer against, with a NUL.
 *
 * Returns the length written (without a NUL), -EMSGSIZE, or -EINVAL: a part with control characters
 * or blanks; a `host` or `target` with bytes that are not ASCII; a `target` that does not begin
 * with
 * `/` or has a `#`; a protocol that is no token, or stands there twice; a line in `extra` that is
 * malformed or ours to write (Host, Connection, Upgrade, Content-Length, Transfer-Encoding, and all
 * that begins with Sec-WebSocket-). On failure `out` and `key` are untouched. */
GW_API int gw_ws_request(char *out, size_t room, char key[GW_WS_KEY_LEN + 1],
                         const uint8_t nonce[16], const char *host, const char *target,
                         const char *protocols, const char *extra);

/* Looks at the answer: `head` is exactly a response's head with its empty line, `protocols` what
 * was offered (or NULL). Returns 0, or GW_ERR_HANDSHAKE when it is not a 101, or one that
 * section 4.1 forbids us to accept (wrong Upgrade, Connection or accept value, an extension or a
 * subprotocol we did not offer). `*status` (may be NULL) is the response's status where one could
 * be read, else 0. */
GW_API int gw_ws_check(const char *head, size_t len, const char *key, const char *protocols,
                       int *status);

#ifdef __cplusplus
}
#endif

#endif
