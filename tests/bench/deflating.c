#include "deflating.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <godwit/ws.h>
#define ZLIB_CONST
#include <zlib.h>

#define FDS_MAX     1024
#define WINDOW_BITS 12
#define MEM_LEVEL   8 /* zlib's default */
#define MESSAGE_MAX 65535u
#define PARTIAL_MAX (128u * 1024)
#define RSV1_TEXT   0xc1 /* the first byte of a compressed text of one frame */
#define HEAD_LEN    4    /* of a frame of 126 to 65,535 bytes, unmasked */
#define MASK_LEN    4

/* What section 7.2.1 of RFC 7692 takes off each message's end, and 7.2.2 puts back. */
static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff};

struct peer {
    bool upgraded;
    uint8_t *partial; /* PARTIAL_MAX bytes for the beginning of what has not come whole, or NULL */
    size_t partial_len;
};

struct deflating {
    z_stream in, out;
    uint8_t message[MESSAGE_MAX];
    struct peer peers[FDS_MAX]; /* by descriptor */
};

struct deflating *deflating_new(int zlib_level)
{
    struct deflating *deflating = calloc(1, sizeof(*deflating));

    if (!deflating || inflateInit2(&deflating->in, -WINDOW_BITS) != Z_OK ||
        deflateInit2(&deflating->out, zlib_level, Z_DEFLATED, -WINDOW_BITS, MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    return deflating;
}

/* Returns the length of the message; it stands in `deflating->message`. */
static size_t inflate_message(struct deflating *deflating, uint8_t *payload, size_t len)
{
    z_stream *in = &deflating->in;

    (void)inflateReset(in);
    in->next_out = deflating->message;
    in->avail_out = sizeof(deflating->message);
    in->next_in = payload;
    in->avail_in = (uInt)len;
    (void)inflate(in, Z_SYNC_FLUSH);
    in->next_in = tail;
    in->avail_in = sizeof(tail);
    (void)inflate(in, Z_SYNC_FLUSH);
    assert(in->avail_in == 0 && in->avail_out > 0);
    return sizeof(deflating->message) - in->avail_out;
}

/* Writes a frame of the message and returns its length. */
static size_t deflate_message(struct deflating *deflating, size_t len, uint8_t *frame, size_t room)
{
    z_stream *out = &deflating->out;
    size_t payload_len, head_len;

    (void)deflateReset(out);
    out->next_in = deflating->message;
    out->avail_in = (uInt)len;
    out->next_out = frame + HEAD_LEN;
    out->avail_out = (uInt)(room - HEAD_LEN);
    (void)deflate(out, Z_SYNC_FLUSH);
    assert(out->avail_in == 0 && out->avail_out > 0);
    payload_len = room - HEAD_LEN - out->avail_out - sizeof(tail);
    head_len = gw_ws_head(frame, GW_WS_OP_TEXT, payload_len, NULL);
    assert(head_len == HEAD_LEN); /* the benchmark has no message that gets so short */
    frame[0] = RSV1_TEXT;
    return head_len + payload_len;
}

/* How long the frame is that begins here, or 0 where its header is not whole. */
static size_t frame_len(const uint8_t *data, size_t len)
{
    if (len < HEAD_LEN)
        return 0;
    assert(data[0] == RSV1_TEXT && data[1] == (0x80 | 126));
    return HEAD_LEN + MASK_LEN + ((size_t)data[2] << 8 | data[3]);
}

static size_t answer_frame(struct deflating *deflating, uint8_t *frame, size_t len, uint8_t *out,
                           size_t room)
{
    uint8_t *payload = frame + HEAD_LEN + MASK_LEN;
    size_t payload_len = len - HEAD_LEN - MASK_LEN;

    gw_ws_mask(payload, payload_len, frame + HEAD_LEN, 0);
    return deflate_message(deflating, inflate_message(deflating, payload, payload_len), out, room);
}

/* A client that waits for the answer has sent its request and nothing behind it. */
static size_t answer_request(struct peer *peer, const uint8_t *data, size_t len, uint8_t *out)
{
    struct gw_ws_deflate_terms wanted = GW_WS_DEFLATE_TERMS_INIT, agreed;
    char response[GW_WS_RESPONSE_MAX];
    size_t response_len;

    if (len < 4 || memcmp(data + len - 4, "\r\n\r\n", 4) != 0)
        return 0;
    if (gw_ws_accept_deflate(response, &response_len, (const char *)data, len, NULL, NULL, &wanted,
                             &agreed) != 0 ||
        agreed.server_window_bits != WINDOW_BITS || agreed.client_window_bits != WINDOW_BITS)
        abort();
    peer->upgraded = true;
    memcpy(out, response, response_len);
    return response_len;
}

/* Answers what is whole of `data`, and says in `*taken` how much that was. */
static size_t answer(struct deflating *deflating, struct peer *peer, uint8_t *data, size_t len,
                     uint8_t *out, size_t room, size_t *taken)
{
    size_t written = 0, frame;

    *taken = 0;
    if (!peer->upgraded) {
        written = answer_request(peer, data, len, out);
        *taken = written > 0 ? len : 0;
        return written;
    }
    while ((frame = frame_len(data + *taken, len - *taken)) > 0 && frame <= len - *taken) {
        written += answer_frame(deflating, data + *taken, frame, out + written, room - written);
        *taken += frame;
    }
    return written;
}

/* Keeps what is not whole for the next time. It may stand in `peer->partial` already. */
static void keep(struct peer *peer, const uint8_t *rest, size_t len)
{
    if (len > 0 && !peer->partial && !(peer->partial = malloc(PARTIAL_MAX)))
        abort();
    assert(len <= PARTIAL_MAX);
    if (len > 0)
        memmove(peer->partial, rest, len);
    peer->partial_len = len;
}

size_t deflating_take(struct deflating *deflating, int fd, uint8_t *data, size_t len, uint8_t *out,
                      size_t room)
{
    struct peer *peer = &deflating->peers[fd];
    size_t written, taken;

    assert(fd < FDS_MAX);
    if (peer->partial_len > 0) {
        assert(len <= PARTIAL_MAX - peer->partial_len);
        memcpy(peer->partial + peer->partial_len, data, len);
        data = peer->partial;
        len += peer->partial_len;
    }
    written = answer(deflating, peer, data, len, out, room, &taken);
    keep(peer, data + taken, len - taken);
    return written;
}

void deflating_forget(struct deflating *deflating, int fd)
{
    free(deflating->peers[fd].partial);
    deflating->peers[fd] = (struct peer){0};
}
