/* ws.h - RFC 6455 and RFC 7692, the WebSocket protocol and its compression, without I/O: bytes in,
 * events out; messages in, bytes out.
 *
 * For any event loop. You own the socket; a `struct gw_ws` is one end of one connection. Feed it
 * what arrived with gw_ws_read() and act on its events; frame what you want to say with
 * gw_ws_head() or gw_ws_frame() and send those bytes in one piece. The opening handshake is two
 * functions at each end (gw_ws_accept(), and gw_ws_request() with gw_ws_check()). Needs no library
 * but zlib.
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
 * Compression is off until both ends agree on it: the functions of the handshake have sisters that
 * end in _deflate and yield the terms, which go into the options of gw_ws_new(). Then compressed
 * messages arrive as any others, inflated piece by piece under the same limits, and gw_ws_deflate()
 * frames a message compressed where that makes it shorter.
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

/* Terms of permessage-deflate (RFC 7692 section 7.1): what one end wants, or both agreed. Set with
 * GW_WS_DEFLATE_TERMS_INIT, or zeroed: no compression. */
struct gw_ws_deflate_terms {
    uint8_t server_window_bits; /* 8 to 15: how far back the server's data may refer, as 2^bits */
    uint8_t client_window_bits; /* the same for the client's */
    uint8_t server_takeover;    /* 0 or 1: may the server's data refer to its earlier messages? */
    uint8_t client_takeover;    /* the same for the client's */
};

/* Small windows that are not carried from message to message: what a message costs is given back
 * at its end, and a message that a server compressed once serves all of its clients. */
#define GW_WS_DEFLATE_TERMS_INIT                                                                   \
    {                                                                                              \
        12, 12, 0, 0                                                                               \
    }

/* Set with GW_WS_OPTIONS_INIT, so that the struct can grow: an end that was compiled with a shorter
 * one gets the defaults for the rest. */
struct gw_ws_options {
    size_t size;                /* sizeof(struct gw_ws_options) */
    enum gw_ws_role role;       /* which end we are */
    uint32_t message_bytes_max; /* longest message taken, above it 1009; default 64 KiB */
    /* Frames of one message, empty ones counted, above it 1008; default 1,024. */
    uint32_t fragments_max;
    void *(*get)(size_t size, void *ctx); /* NULL: malloc and free */
    void (*put)(void *ptr, void *ctx);
    void *alloc_ctx;

    struct gw_ws_deflate_terms deflate; /* as agreed in the handshake; default: no compression */
    uint32_t deflate_bytes_min;         /* shorter messages are framed as they are; default 256 */
    /* A message of more than 4 KiB may be at most so many times as long as what carried it, above
     * it 1009; default 100. */
    uint32_t deflate_ratio_max;
    uint32_t deflate_level; /* zlib's, 1 (fastest, the default) to 9 */
};

#define GW_WS_OPTIONS_INIT                                                                         \
    {                                                                                              \
        sizeof(struct gw_ws_options), GW_WS_SERVER, 65536u, 1024u, NULL, NULL, NULL, {0, 0, 0, 0}, \
            256u, 100u, 1u                                                                         \
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
 * GW_ERR_DAMAGED, GW_ERR_TOO_BIG, GW_ERR_TOO_MANY, -ENOMEM; or GW_ERR_CLOSED after a close frame or
 * a failure. Text is refused at its first wrong byte, a message at the header of the frame that
 * takes it past its limit, a compressed one as soon as it is inflated that far: never more is held
 * than the longest message and 16 KiB. */
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

/* Writes a whole message as one frame, as gw_ws_frame() does; compressed where the terms of `ws`
 * have it, the message is not shorter than `deflate_bytes_min`, and that makes it shorter.
 * `out` has room for gw_ws_frame_len(len, mask != NULL) bytes and does not overlap `data`, which
 * may be NULL where `len` is 0; `opcode` is GW_WS_OP_TEXT or GW_WS_OP_BINARY. Returns the frame's
 * length. Where memory lacks the message goes out as it is.
 *
 * With takeover the peer must get these frames all, and in order. Where the terms have none for our
 * direction, a server may send the frame to every client that agreed to as large a window. */
GW_API size_t gw_ws_deflate(struct gw_ws *ws, uint8_t *out, enum gw_ws_opcode opcode,
                            const void *data, size_t len, const uint8_t mask[4]);

/* --- The opening handshake --- */

#define GW_WS_RESPONSE_MAX 640
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

/* The same for a server that compresses. Takes the first of the client's offers that suits `wanted`
 * (NULL: none does) and stores what is agreed by the 101 in `*agreed`, zeroed where that is
 * nothing.
 *
 * Our own window is `server_window_bits`: an offer that allows only a smaller one is declined. The
 * client's is made as small as `client_window_bits` where it says that it can do so, else it is 15.
 * A takeover that we do not want is forbidden; one that the client does not want is not used.
 *
 * Also returns -EINVAL, with nothing written, where `wanted` makes no sense. */
GW_API int gw_ws_accept_deflate(char out[GW_WS_RESPONSE_MAX], size_t *out_len, const char *head,
                                size_t len, const char *const *protocols, int *protocol,
                                const struct gw_ws_deflate_terms *wanted,
                                struct gw_ws_deflate_terms *agreed);

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

/* The same for a client that offers compression on the terms `offered` (NULL: none): it demands
 * that the server keeps to the server's ones, and binds itself to keep to the client's. Also
 * returns -EINVAL where they make no sense. */
GW_API int gw_ws_request_deflate(char *out, size_t room, char key[GW_WS_KEY_LEN + 1],
                                 const uint8_t nonce[16], const char *host, const char *target,
                                 const char *protocols, const char *extra,
                                 const struct gw_ws_deflate_terms *offered);

/* Looks at the answer: `head` is exactly a response's head with its empty line, `protocols` what
 * was offered (or NULL). Returns 0, or GW_ERR_HANDSHAKE when it is not a 101, or one that
 * section 4.1 forbids us to accept (wrong Upgrade, Connection or accept value, an extension or a
 * subprotocol we did not offer). `*status` (may be NULL) is the response's status where one could
 * be read, else 0. */
GW_API int gw_ws_check(const char *head, size_t len, const char *key, const char *protocols,
                       int *status);

/* The same where `offered` (NULL: nothing) was offered. Stores what is agreed in `*agreed`, zeroed
 * where the server declined, and on failure. An answer that does not fit the offer, or that section
 * 7.1 of RFC 7692 forbids, is a failed handshake. */
GW_API int gw_ws_check_deflate(const char *head, size_t len, const char *key, const char *protocols,
                               int *status, const struct gw_ws_deflate_terms *offered,
                               struct gw_ws_deflate_terms *agreed);

#ifdef __cplusplus
}
#endif

#endif
