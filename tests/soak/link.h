/* link.h - one WebSocket client on a real socket, which can be made to break at any byte.
 *
 * It connects, sends its request whole or only so far, and is then fed what its owner reads from
 * the socket, in whatever pieces; so the owner decides which byte is the last. Pings are answered.
 *
 * Threads: one. */
#ifndef GW_SOAK_LINK_H
#define GW_SOAK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <godwit/ws.h>

struct seeded;

#define LINK_HEAD_MAX 1024

/* Where in what it received a link stands. */
enum link_place { LINK_IN_HEAD, LINK_BETWEEN_FRAMES, LINK_IN_FRAME_HEAD, LINK_IN_PAYLOAD };

struct link {
    int fd; /* -1 where there is none; not blocking */
    bool deflate;
    struct gw_ws *ws; /* once the handshake is done */
    char key[GW_WS_KEY_LEN + 1];
    char head[LINK_HEAD_MAX];
    size_t head_len;
    enum link_place place;
    uint8_t frame_head[4]; /* as far as the length can be told from it */
    unsigned frame_head_len;
    uint64_t frame_left; /* bytes of the frame still to come, once its length is known */
};

struct link_target {
    uint16_t port;       /* of 127.0.0.1 */
    const char *path;    /* with its query */
    bool deflate;        /* offered, and demanded */
    int receive_bytes;   /* SO_RCVBUF, or 0 for the system's own */
    unsigned from;       /* last byte of our address, 127.0.0.x: each has its own ports */
    size_t request_part; /* send no more of the request than this; SIZE_MAX for all of it */
};

#define LINK_NONE ((struct link){.fd = -1})

/* How a connection ends. */
enum link_end {
    LINK_RESET, /* a reset, as when a machine goes down */
    LINK_CLOSED /* a plain close (which the kernel makes a reset where bytes lie unread) */
};

/* Makes a connection in `link`, which has none, and sends the request. False when nobody
 * listens. */
bool link_open(struct link *link, const struct link_target *target, struct seeded *random);

/* Ends it; then there is none. Fine where there is none already. */
void link_end(struct link *link, enum link_end how);

/* Ends it too, but hands out the descriptor, for whoever wants to leave it open and silent. */
int link_abandon(struct link *link);

/* An event of the connection, borrowed for the call. Must not end the link. */
typedef void link_event_fn(void *ctx, const struct gw_ws_event *event);

/* Takes `len` bytes that were received, which it may change. Ends the run where they break the
 * protocol. */
void link_take(struct link *link, uint8_t *data, size_t len, link_event_fn *on_event, void *ctx);

/* Sends a whole message, masked. False where the socket did not take all of it. */
bool link_send(struct link *link, enum gw_ws_opcode opcode, const void *data, size_t len);

#endif
