/* frames_test.c - what the frame reader makes of every header, against RFC 6455 read once more.
 *
 * All 65,536 first two bytes, with each class of extended length, for both roles, with no message
 * open and with one of text or of bytes. The reference is a list of the RFC's sentences; it says
 * what comes of the frame, and behind which byte that is known. Then every close code, in a whole
 * frame. The long walk adds all 65,536 lengths of 16 bits with their payloads.
 *
 * Each frame is read twice: in one piece, and its header byte by byte, so that a refusal must come
 * with the very byte that deserves it.
 *
 * Threads: one. */
#include <godwit/ws.h>

#include <stdint.h>

#include "parts.h"

#define MESSAGE_MAX 66000u /* above 65,536, so that the longest form of a length is taken too */
#define OPENED_LEN  3u     /* payload of the first frame of an open message */
#define CODE_NONE   1005

enum context { NOTHING_OPEN, TEXT_OPEN, BINARY_OPEN, CONTEXTS };

struct header {
    enum gw_ws_role role;
    enum context context;
    uint8_t first, second;
    unsigned extended; /* bytes of extended length: 0, 2 or 8 */
    uint64_t length;   /* what they say; for 0 bytes, what the second byte says */
};

/* What comes of a frame. */
struct outcome {
    uint16_t fail_code; /* 0: it is taken */
    unsigned known_at;  /* bytes of the header behind which a failure must come; 0: the payload */
    bool has_event;
    enum gw_ws_event_kind kind;
    uint64_t len;
    uint16_t close_code;
};

/* --- The reference --- */

static struct outcome fails(uint16_t code, unsigned known_at)
{
    return (struct outcome){.fail_code = code, .known_at = known_at};
}

/* Sections 5.2, 5.4 and 5.5, about the first byte. */
static bool first_byte_is_right(const struct header *header)
{
    bool fin = (header->first & 0x80) != 0;
    unsigned opcode = header->first & 0x0f;

    if ((header->first & 0x70) != 0)
        return false; /* "MUST be 0 unless an extension is negotiated" */
    if ((opcode >= 0x3 && opcode <= 0x7) || opcode >= 0xb)
        return false; /* "reserved" */
    if (opcode >= 0x8)
        return fin; /* "All control frames ... MUST NOT be fragmented" */
    /* "The fragments of one message MUST NOT be interleaved" */
    return (opcode == 0x0) == (header->context != NOTHING_OPEN);
}

/* Sections 5.1 and 5.5, about the second. */
static bool second_byte_is_right(const struct header *header)
{
    bool masked = (header->second & 0x80) != 0;

    if (masked != (header->role == GW_WS_SERVER))
        return false; /* "a client MUST mask all frames", "A server MUST NOT mask" */
    /* "All control frames MUST have a payload length of 125 bytes or less" */
    return (header->first & 0x0f) < 0x8 || (header->second & 0x7f) <= 125;
}

/* Section 5.2: "the minimal number of bytes MUST be used", "the most significant bit MUST be 0". */
static bool length_is_right(const struct header *header)
{
    if (header->extended == 2)
        return header->length >= 126;
    return header->extended == 0 || (header->length >= 65536 && header->length < UINT64_C(1) << 63);
}

static struct outcome control_outcome(const struct header *header)
{
    struct outcome outcome = {.has_event = true, .kind = GW_WS_PING, .len = header->length};

    switch (header->first & 0x0f) {
    case 0x9:
        return outcome;
    case 0xa:
        outcome.kind = GW_WS_PONG;
        return outcome;
    default: /* section 5.5.1: "the first two bytes of the body MUST be a 2-byte unsigned integer"
              */
        if (header->length == 1)
            return fails(1002, 0);
        outcome.kind = GW_WS_CLOSE;
        outcome.close_code = header->length == 0 ? CODE_NONE : 1000;
        outcome.len = header->length == 0 ? 0 : header->length - 2;
        return outcome;
    }
}

static struct outcome judge(const struct header *header)
{
    unsigned opcode = header->first & 0x0f;
    uint64_t before = header->context == NOTHING_OPEN ? 0 : OPENED_LEN;
    bool is_text = header->context == TEXT_OPEN || opcode == 0x1;

    if (!first_byte_is_right(header))
        return fails(1002, 1);
    if (!second_byte_is_right(header))
        return fails(1002, 2);
    if (!length_is_right(header))
        return fails(1002, 2 + header->extended);
    if (opcode >= 0x8)
        return control_outcome(header);
    if (header->length > MESSAGE_MAX - before)
        return fails(1009, 2 + header->extended); /* our own rule: not a byte of it is taken */
    if ((header->first & 0x80) == 0)
        return (struct outcome){.has_event = false};
    return (struct outcome){.has_event = true,
                            .kind = is_text ? GW_WS_TEXT : GW_WS_BINARY,
                            .len = before + header->length};
}

/* --- The frame as bytes --- */

#define FRAME_MAX (GW_WS_HEAD_MAX + MESSAGE_MAX + 1)

static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};

static size_t write_length(uint8_t *out, uint64_t length, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(length >> 8 * (bytes - 1 - i));
    return bytes;
}

static void xor_mask(uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        data[i] ^= mask[i % 4];
}

/* Letters, which are text and bytes alike; a close frame begins with the code 1000. Where the
 * length is refused anyway, none. Returns its length. */
static size_t write_payload(uint8_t *out, const struct header *header)
{
    size_t len = header->length <= MESSAGE_MAX ? (size_t)header->length : 0;

    memset(out, 'a', len);
    if ((header->first & 0x0f) == 0x8 && len >= 2)
        memcpy(out, (const uint8_t[]){1000 >> 8, 1000 & 0xff}, 2);
    if ((header->second & 0x80) != 0)
        xor_mask(out, len);
    return len;
}

/* Returns the length of the header; that of all of it in `*len`. */
static size_t write_frame(uint8_t *out, const struct header *header, size_t *len)
{
    size_t at = 2;

    out[0] = header->first;
    out[1] = header->second;
    at += write_length(out + at, header->length, header->extended);
    if ((header->second & 0x80) != 0) {
        memcpy(out + at, mask, sizeof(mask));
        at += sizeof(mask);
    }
    *len = at + write_payload(out + at, header);
    return at;
}

/* --- Reading it --- */

static struct gw_ws *new_reader(const struct header *header)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *ws;

    options.role = header->role;
    options.message_bytes_max = MESSAGE_MAX;
    if (gw_ws_new(&ws, &options) != 0)
        abort();
    return ws;
}

/* The first frame of a message, so that one is open. */
static void open_message(struct gw_ws *ws, const struct header *header)
{
    struct header opening = {.role = header->role,
                             .first = header->context == TEXT_OPEN ? 0x01 : 0x02,
                             .second = (header->role == GW_WS_SERVER ? 0x80 : 0) | OPENED_LEN,
                             .length = OPENED_LEN};
    uint8_t frame[GW_WS_HEAD_MAX + OPENED_LEN];
    struct gw_ws_bytes input = {frame, 0};
    struct gw_ws_event event;

    if (header->context == NOTHING_OPEN)
        return;
    (void)write_frame(frame, &opening, &input.len);
    if (gw_ws_read(ws, &input, &event) != 0)
        abort();
}

/* Does what the reader says agree? Of the bytes it was given there must be none left. */
static bool is_expected(int got, const struct gw_ws_event *event, const struct outcome *outcome)
{
    if (got < 0)
        return outcome->fail_code != 0 && event->close_code == outcome->fail_code;
    if (got == 0)
        return outcome->fail_code == 0 && !outcome->has_event;
    return outcome->fail_code == 0 && outcome->has_event && event->kind == outcome->kind &&
           event->len == outcome->len && event->close_code == outcome->close_code &&
           (event->len == 0 || (event->data[0] == 'a' && event->data[event->len - 1] == 'a'));
}

static bool reads_whole(const struct header *header, uint8_t *frame, size_t len,
                        const struct outcome *outcome)
{
    struct gw_ws *ws = new_reader(header);
    struct gw_ws_bytes input = {frame, len};
    struct gw_ws_event event = {0};
    bool good;
    int got;

    open_message(ws, header);
    got = gw_ws_read(ws, &input, &event);
    good = is_expected(got, &event, outcome) && (got < 0 || input.len == 0);
    gw_ws_free(ws);
    return good;
}

/* The header byte by byte, then the payload. */
static bool reads_by_byte(const struct header *header, uint8_t *frame, size_t head_len, size_t len,
                          const struct outcome *outcome)
{
    struct gw_ws *ws = new_reader(header);
    struct gw_ws_event event = {0};
    size_t at = 0;
    int got = 0;
    bool good;

    open_message(ws, header);
    while (got == 0 && at < len) {
        struct gw_ws_bytes input = {frame + at, at < head_len ? 1 : len - at};

        at += input.len;
        got = gw_ws_read(ws, &input, &event);
    }
    good = is_expected(got, &event, outcome);
    if (good && outcome->known_at > 0)
        good = at == outcome->known_at;
    gw_ws_free(ws);
    return good;
}

static void check(const struct header *header)
{
    static uint8_t frame[FRAME_MAX], copy[FRAME_MAX];
    struct outcome outcome = judge(header);
    size_t len, head_len = write_frame(frame, header, &len);

    memcpy(copy, frame, len); /* the reader unmasks in place */
    if (!reads_whole(header, frame, len, &outcome) ||
        !reads_by_byte(header, copy, head_len, len, &outcome))
        parts_disagree("%s, %s open: %02x %02x and length %llu",
                       header->role == GW_WS_SERVER ? "server" : "client",
                       header->context == NOTHING_OPEN ? "nothing"
                       : header->context == TEXT_OPEN  ? "text"
                                                       : "binary",
                       header->first, header->second, (unsigned long long)header->length);
}

/* --- All headers --- */

/* On either side of each bound there is: the shortest form, our limit (alone, and with a message
 * open), 16 and 32 bits, the top bit. */
static const uint64_t lengths[] = {
    0,
    1,
    125,
    126,
    127,
    255,
    256,
    65535,
    65536,
    MESSAGE_MAX - OPENED_LEN,
    MESSAGE_MAX - OPENED_LEN + 1,
    MESSAGE_MAX,
    MESSAGE_MAX + 1,
    UINT32_MAX,
    (uint64_t)UINT32_MAX + 1,
    (uint64_t)UINT32_MAX + 127,
    INT64_MAX,
    (uint64_t)INT64_MAX + 1,
    (uint64_t)INT64_MAX + 127,
    UINT64_MAX,
};

static void check_lengths(struct header *header)
{
    unsigned short_length = header->second & 0x7f;

    if (short_length < 126) {
        header->extended = 0;
        header->length = short_length;
        check(header);
        return;
    }
    header->extended = short_length == 126 ? 2 : 8;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        header->length = lengths[i];
        if (header->extended == 8 || header->length <= UINT16_MAX)
            check(header);
    }
}

static void check_headers(enum gw_ws_role role)
{
    struct header header = {.role = role};

    for (int context = NOTHING_OPEN; context < CONTEXTS; context++)
        for (unsigned bytes = 0; bytes < 0x10000; bytes++) {
            header.context = (enum context)context;
            header.first = (uint8_t)(bytes >> 8);
            header.second = (uint8_t)bytes;
            check_lengths(&header);
        }
}

/* --- All close codes --- */

/* Section 7.4.1 and the registry of section 11.7, in which 1012 to 1014 came later. */
static bool code_may_be_sent(unsigned code)
{
    static const unsigned known[] = {1000, 1001, 1002, 1003, 1007, 1008,
                                     1009, 1010, 1011, 1012, 1013, 1014};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (code == known[i])
            return true;
    return code >= 3000 && code <= 4999; /* section 7.4.2: libraries, and private use */
}

static void check_code_read(enum gw_ws_role role, unsigned code, size_t step)
{
    struct header header = {.role = role, .first = 0x88, .length = 2 + OPENED_LEN};
    uint8_t frame[GW_WS_HEAD_MAX + 2 + OPENED_LEN];
    struct gw_ws *ws = new_reader(&header);
    struct gw_ws_event event = {0};
    size_t len, head_len, at = 0;
    int got = 0;
    bool good;

    header.second = (uint8_t)((role == GW_WS_SERVER ? 0x80 : 0) | header.length);
    head_len = write_frame(frame, &header, &len);
    (void)write_length(frame + head_len, code, 2);
    memcpy(frame + head_len + 2, "why", OPENED_LEN);
    if (role == GW_WS_SERVER)
        xor_mask(frame + head_len, header.length);
    for (; got == 0 && at < len; at += step) {
        struct gw_ws_bytes input = {frame + at, step < len - at ? step : len - at};

        got = gw_ws_read(ws, &input, &event);
    }
    if (code_may_be_sent(code))
        good = got == 1 && event.kind == GW_WS_CLOSE && event.close_code == code &&
               event.len == 3 && memcmp(event.data, "why", 3) == 0;
    else
        good = got == GW_ERR_PROTOCOL && event.close_code == 1002;
    if (!good)
        parts_disagree("code %u read", code);
    gw_ws_free(ws);
}

static void check_code_written(unsigned code)
{
    uint8_t payload[GW_WS_CONTROL_MAX];
    size_t len = gw_ws_close_payload(payload, (uint16_t)code, "why", 3);
    bool good = len == 0;

    if (code_may_be_sent(code))
        good = len == 5 && payload[0] == code >> 8 && payload[1] == (code & 0xff) &&
               memcmp(payload + 2, "why", 3) == 0;
    if (!good || !gw_ws_close_code_valid((uint16_t)code) == code_may_be_sent(code))
        parts_disagree("code %u written", code);
}

static void check_codes(void)
{
    for (unsigned code = 0; code <= 0xffff; code++) {
        check_code_written(code);
        for (int role = GW_WS_SERVER; role <= GW_WS_CLIENT; role++) {
            check_code_read((enum gw_ws_role)role, code, SIZE_MAX / 2);
            check_code_read((enum gw_ws_role)role, code, 1);
        }
    }
}

/* --- All lengths of 16 bits --- */

static void check_16_bits(enum gw_ws_role role)
{
    struct header header = {.role = role, .first = 0x81, .extended = 2};

    header.second = (uint8_t)((role == GW_WS_SERVER ? 0x80 : 0) | 126);
    for (header.length = 0; header.length <= UINT16_MAX; header.length++)
        check(&header);
}

/* --- The parts --- */

static void name_part(unsigned part, char out[PARTS_NAME_MAX])
{
    static const char *const names[] = {
        "a server reads all first two bytes with all classes of lengths",
        "a client reads all first two bytes with all classes of lengths",
        "all close codes are read and written",
        "a server reads all lengths of 16 bits",
        "a client reads all lengths of 16 bits",
    };

    (void)snprintf(out, PARTS_NAME_MAX, "%s", names[part]);
}

static void run_part(unsigned part)
{
    if (part < 2)
        check_headers(part == 0 ? GW_WS_SERVER : GW_WS_CLIENT);
    else if (part == 2)
        check_codes();
    else
        check_16_bits(part == 3 ? GW_WS_SERVER : GW_WS_CLIENT);
}

int main(int argc, char **argv)
{
    static const struct parts quick = {3, name_part, run_part}, all = {5, name_part, run_part};

    return parts_main(parts_wants_all(argc, argv) ? &all : &quick);
}
