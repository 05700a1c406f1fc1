#include "proto/http/body.h"

#include <assert.h>

#include "proto/http/bytes.h"

#define SIZE_DIGITS_MAX 15 /* 60 bits: the length cannot overflow */

/* Where the chunked decoder stands (RFC 9112 section 7.1), named by what may come next. */
enum state {
    SIZE_FIRST,    /* the first digit */
    SIZE,          /* more digits, or what ends them */
    SIZE_BLANK,    /* blanks behind the size: then an extension must follow */
    EXTENSION,     /* read over up to the CR */
    SIZE_LF,       /* the LF of the size line */
    DATA,          /* `left` bytes of the chunk */
    DATA_CR,       /* the CR behind them */
    DATA_LF,       /* and its LF */
    TRAILER_FIRST, /* a trailer's name, or the CR of the empty line */
    TRAILER_NAME,  /* more of the name, or its colon */
    TRAILER_VALUE, /* read over up to the CR */
    TRAILER_LF,    /* the LF of a trailer */
    END_LF,        /* the LF of the empty line */
    BROKEN         /* for good */
};

void gw_http_body_init(struct gw_http_body *body, enum gw_http_body_kind kind,
                       uint64_t content_length)
{
    *body = (struct gw_http_body){.kind = (uint8_t)kind, .state = SIZE_FIRST};
    if (kind == GW_HTTP_LENGTH)
        body->left = content_length;
    body->done = kind == GW_HTTP_NO_BODY || (kind == GW_HTTP_LENGTH && content_length == 0);
}

static void take_piece(struct gw_span *input, struct gw_span *piece, uint64_t len_max)
{
    size_t len = input->len < len_max ? input->len : (size_t)len_max;

    *piece = (struct gw_span){input->data, len};
    input->data += len;
    input->len -= len;
}

/* A digit of the size. The last chunk has the size 0. */
static enum state take_digit(struct gw_http_body *body, uint8_t byte)
{
    int value = gw_http_byte_hex(byte);

    if (value < 0 || body->line > SIZE_DIGITS_MAX)
        return BROKEN;
    body->left = body->left << 4 | (uint64_t)value;
    return SIZE;
}

/* What may stand behind the size. A blank is only for the sake of an extension behind it. */
static enum state end_size(uint8_t byte, bool blank_before)
{
    if (byte == ' ' || byte == '\t')
        return SIZE_BLANK;
    if (byte == ';')
        return EXTENSION;
    return byte == '\r' && !blank_before ? SIZE_LF : BROKEN;
}

/* The first byte after the size line. */
static enum state end_size_line(struct gw_http_body *body)
{
    body->line = 0;
    return body->left > 0 ? DATA : TRAILER_FIRST;
}

static enum state step_size(struct gw_http_body *body, uint8_t byte)
{
    if (byte != '\r' && byte != '\n' && ++body->line > GW_HTTP_CHUNK_LINE_MAX)
        return BROKEN;
    switch ((enum state)body->state) {
    case SIZE_FIRST:
        return take_digit(body, byte);
    case SIZE:
        return gw_http_byte_hex(byte) >= 0 ? take_digit(body, byte) : end_size(byte, false);
    case SIZE_BLANK:
        return end_size(byte, true);
    case EXTENSION:
        if (byte == '\r')
            return SIZE_LF;
        return gw_http_byte_is_text(byte) ? EXTENSION : BROKEN;
    default: /* SIZE_LF */
        return byte == '\n' ? end_size_line(body) : BROKEN;
    }
}

static enum state step_trailer(struct gw_http_body *body, uint8_t byte)
{
    if (body->state == END_LF)
        return byte == '\n' ? TRAILER_FIRST : BROKEN;
    if (body->state == TRAILER_FIRST && byte == '\r')
        return END_LF;
    if (++body->line > GW_HTTP_TRAILER_MAX)
        return BROKEN;
    switch ((enum state)body->state) {
    case TRAILER_FIRST:
        return gw_http_byte_is_token(byte) ? TRAILER_NAME : BROKEN;
    case TRAILER_NAME:
        if (byte == ':')
            return TRAILER_VALUE;
        return gw_http_byte_is_token(byte) ? TRAILER_NAME : BROKEN;
    case TRAILER_VALUE:
        if (byte == '\r')
            return TRAILER_LF;
        return gw_http_byte_is_text(byte) ? TRAILER_VALUE : BROKEN;
    default: /* TRAILER_LF */
        return byte == '\n' ? TRAILER_FIRST : BROKEN;
    }
}

/* Every byte that is not payload. */
static enum state step(struct gw_http_body *body, uint8_t byte)
{
    switch ((enum state)body->state) {
    case DATA_CR:
        return byte == '\r' ? DATA_LF : BROKEN;
    case DATA_LF:
        return byte == '\n' ? SIZE_FIRST : BROKEN;
    case TRAILER_FIRST:
    case TRAILER_NAME:
    case TRAILER_VALUE:
    case TRAILER_LF:
    case END_LF:
        return step_trailer(body, byte);
    default:
        return step_size(body, byte);
    }
}

static int read_chunked(struct gw_http_body *body, struct gw_span *input, struct gw_span *piece)
{
    while (input->len > 0 && !body->done && body->state != BROKEN) {
        bool ending = body->state == END_LF;

        if (body->state == DATA) {
            take_piece(input, piece, body->left);
            body->left -= piece->len;
            if (body->left == 0)
                body->state = DATA_CR;
            return 1;
        }
        body->state = (uint8_t)step(body, input->data[0]);
        body->done = ending && body->state != BROKEN;
        input->data++;
        input->len--;
    }
    return body->state == BROKEN ? GW_ERR_PROTOCOL : 0;
}

int gw_http_body_read(struct gw_http_body *body, struct gw_span *input, struct gw_span *piece)
{
    if (body->kind == GW_HTTP_CHUNKED)
        return read_chunked(body, input, piece);
    if (body->done || input->len == 0)
        return 0;
    if (body->kind == GW_HTTP_UNTIL_CLOSE) {
        take_piece(input, piece, input->len);
        return 1;
    }
    take_piece(input, piece, body->left);
    body->left -= piece->len;
    body->done = body->left == 0;
    return 1;
}
