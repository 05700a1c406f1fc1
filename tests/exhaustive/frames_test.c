/* frames_test.c - what the frame reader makes of every header, against RFC 6455 read once more.
 *
 * All 65,536 first two bytes, with each class of extended length, for both roles, with no message
 * open and with one of text or of bytes; with compression agreed on or not, and then with a
 * compressed message open too. The reference is a list of the sentences of RFC 6455 and of RFC 7692
 * section 6; it says what comes of the frame, and behind which byte that is known. Then every close
 * code, in a whole frame. The long walk adds all 65,536 lengths of 16 bits with their payloads.
 *
 * Each frame is read twice: in one piece, and its header byte by byte, so that a refusal must come
 * with the very byte that deserves it, and must not have cost memory by what was announced.
 *
 * What is compressed here is deflated by hand: letters in stored blocks, so that its length on the
 * wire can be any, and that of the message is known.
 *
 * Threads: one. */
#include <godwit/ws.h>

#include <stdint.h>

#include "parts.h"

#define MESSAGE_MAX 66000u /* above 65,536, so that the longest form of a length is taken too */
#define OPENED_LEN  3u     /* bytes that the first frame of an open message brought */
#define CODE_NONE   1005

/* Ours: the most bytes on the wire for a message of MESSAGE_MAX, twelve times it and 16 KiB. */
#define WIRE_MAX (12u * MESSAGE_MAX + 16u * 1024)

/* Payloads up to here are written out; of a longer one the header stands alone. */
#define PAYLOAD_MAX (MESSAGE_MAX + 2 * STORED_HEAD + 2)

#define STORED_HEAD 5u /* of a stored block, RFC 1951 section 3.2.4 */
#define STORED_MAX  65535u

/* What a reader holds of an unfinished message, besides its bytes. */
#define PARTIAL_MAX 256u

enum context {
    NOTHING_OPEN,
    TEXT_OPEN,
    BINARY_OPEN,
    PLAIN_CONTEXTS,
    DEFLATED_TEXT_OPEN = PLAIN_CONTEXTS,
    DEFLATED_BINARY_OPEN,
    CONTEXTS
};

struct header {
    enum gw_ws_role role;
    enum context context;
    bool agreed; /* on permessage-deflate; in the deflated contexts always */
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

static bool deflated_is_open(const struct header *header)
{
    return header->context == DEFLATED_TEXT_OPEN || header->context == DEFLATED_BINARY_OPEN;
}

static bool is_control(const struct header *header)
{
    return (header->first & 0x0f) >= 0x8;
}

/* Does this frame, if it is right, carry a part of a compressed message? */
static bool is_deflated(const struct header *header)
{
    return !is_control(header) && (deflated_is_open(header) || (header->first & 0x40) != 0);
}

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

    /* "MUST be 0 unless an extension is negotiated"; and then RSV1 is set "only on the first
     * fragment of a message", never on a control frame (RFC 7692 section 6). */
    if ((header->first & 0x30) != 0)
        return false;
    if ((header->first & 0x40) != 0 && (!header->agreed || opcode == 0x0 || opcode >= 0x8))
        return false;
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

/* How many letters write_deflated() makes stand in so many bytes. */
static uint64_t letters_in(uint64_t wire_len)
{
    if (wire_len <= STORED_HEAD)
        return 0;
    return wire_len - 1 - STORED_HEAD <= STORED_MAX ? wire_len - 1 - STORED_HEAD
                                                    : wire_len - 1 - 2 * STORED_HEAD;
}

static struct outcome deflated_outcome(const struct header *header, uint64_t before)
{
    bool fin = (header->first & 0x80) != 0;
    bool is_text = header->context == DEFLATED_TEXT_OPEN || (header->first & 0x0f) == 0x1;
    uint64_t len = before + letters_in(header->length);

    if (header->length > WIRE_MAX)
        return fails(1009, 2 + header->extended);
    if (header->length > PAYLOAD_MAX)
        return (struct outcome){.has_event = false}; /* its payload is yet to come */
    if (len > MESSAGE_MAX)
        return fails(1009, 0);
    if (fin && header->length == 0)
        return fails(1007, 0); /* not even the empty block that each message ends in */
    return (struct outcome){
        .has_event = fin, .kind = is_text ? GW_WS_TEXT : GW_WS_BINARY, .len = len};
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
    if (is_deflated(header))
        return deflated_outcome(header, before);
    if (header->length > MESSAGE_MAX - before)
        return fails(1009, 2 + header->extended); /* our own rule: not a byte of it is taken */
    if ((header->first & 0x80) == 0)
        return (struct outcome){.has_event = false};
    return (struct outcome){.has_event = true,
                            .kind = is_text ? GW_WS_TEXT : GW_WS_BINARY,
                            .len = before + header->length};
}

/* --- The frame as bytes --- */

#define FRAME_MAX (GW_WS_HEAD_MAX + PAYLOAD_MAX)

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

/* A stored block of letters; returns its length. */
static size_t write_stored(uint8_t *out, size_t letters)
{
    out[0] = 0x00; /* not the last, stored */
    out[1] = (uint8_t)letters;
    out[2] = (uint8_t)(letters >> 8);
    out[3] = (uint8_t)~out[1];
    out[4] = (uint8_t)~out[2];
    memset(out + STORED_HEAD, 'a', letters);
    return STORED_HEAD + letters;
}

/* Just so many bytes of deflated letters. They end in 00, which begins the empty block that the
 * receiver completes; short ones are made of final blocks, which RFC 7692 section 7.2.3.4 allows,
 * and of empty ones. */
static void write_deflated(uint8_t *out, size_t len)
{
    static const char *const shortest[] = {
        "", "\x00", "\x02\x00", "\x03\x00\x00", "\x03\x00\x02\x00", "\x03\x00\x03\x00\x00"};
    size_t letters = (size_t)letters_in(len), at = 0;

    if (len <= STORED_HEAD) {
        memcpy(out, shortest[len], len);
        return;
    }
    if (letters + STORED_HEAD + 1 < len) { /* two of them */
        at = write_stored(out, STORED_MAX - 10);
        letters -= STORED_MAX - 10;
    }
    at += write_stored(out + at, letters);
    out[at] = 0x00;
}

/* Letters, which are text and bytes alike; a close frame begins with the code 1000. Where the
 * length is refused anyway, none. Returns its length. */
static size_t write_payload(uint8_t *out, const struct header *header)
{
    size_t len = header->length <= PAYLOAD_MAX ? (size_t)header->length : 0;

    if (is_deflated(header))
        write_deflated(out, len);
    else
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

/* --- Memory, counted --- */

static size_t held, peak;

static void *count_get(size_t size, void *ctx)
{
    size_t *start = malloc(sizeof(max_align_t) + size);

    (void)ctx;
    if (!start)
        abort();
    *start = size;
    held += size;
    if (held > peak)
        peak = held;
    return (uint8_t *)start + sizeof(max_align_t);
}

static void count_put(void *ptr, void *ctx)
{
    size_t *start = (size_t *)(void *)((uint8_t *)ptr - sizeof(max_align_t));

    (void)ctx;
    held -= *start;
    free(start);
}

/* --- Reading it --- */

static struct gw_ws *new_reader(const struct header *header)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws *ws;

    options.role = header->role;
    options.message_bytes_max = MESSAGE_MAX;
    if (header->agreed)
        options.deflate = (struct gw_ws_deflate_terms){15, 15, 0, 0};
    options.get = count_get;
    options.put = count_put;
    if (gw_ws_new(&ws, &options) != 0)
        abort();
    return ws;
}

/* The first frame of a message, so that one is open. */
static void open_message(struct gw_ws *ws, const struct header *header)
{
    bool is_text = header->context == TEXT_OPEN || header->context == DEFLATED_TEXT_OPEN;
    unsigned masked = header->role == GW_WS_SERVER ? 0x80 : 0;
    uint8_t frame[GW_WS_HEAD_MAX + STORED_HEAD + OPENED_LEN];
    size_t len = OPENED_LEN, head_len = masked ? 6 : 2;
    struct gw_ws_bytes input = {frame, 0};
    struct gw_ws_event event;

    if (header->context == NOTHING_OPEN)
        return;
    memset(frame + head_len, 'a', len);
    if (deflated_is_open(header))
        len = write_stored(frame + head_len, OPENED_LEN);
    frame[0] = (uint8_t)((deflated_is_open(header) ? 0x40 : 0) | (is_text ? 0x01 : 0x02));
    frame[1] = (uint8_t)(masked | len);
    if (masked) {
        memcpy(frame + 2, mask, sizeof(mask));
        xor_mask(frame + head_len, len);
    }
    input.len = head_len + len;
    if (gw_ws_read(ws, &input, &event) != 0)
        abort();
}

/* A frame that is refused at its header has cost no more than what keeps the header. */
static bool is_cheap(const struct outcome *outcome, size_t held_before)
{
    return outcome->fail_code == 0 || outcome->known_at == 0 || peak <= held_before + PARTIAL_MAX;
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
    size_t before;
    bool good;
    int got;

    open_message(ws, header);
    before = peak = held;
    got = gw_ws_read(ws, &input, &event);
    good = is_expected(got, &event, outcome) && (got < 0 || input.len == 0) &&
           is_cheap(outcome, before);
    gw_ws_free(ws);
    return good && held == 0;
}

/* The header byte by byte, then the payload. */
static bool reads_by_byte(const struct header *header, uint8_t *frame, size_t head_len, size_t len,
                          const struct outcome *outcome)
{
    struct gw_ws *ws = new_reader(header);
    struct gw_ws_event event = {0};
    size_t at = 0, before;
    int got = 0;
    bool good;

    open_message(ws, header);
    before = peak = held;
    while (got == 0 && at < len) {
        struct gw_ws_bytes input = {frame + at, at < head_len ? 1 : len - at};

        at += input.len;
        got = gw_ws_read(ws, &input, &event);
    }
    good = is_expected(got, &event, outcome) && is_cheap(outcome, before);
    if (good && outcome->known_at > 0)
        good = at == outcome->known_at;
    gw_ws_free(ws);
    return good && held == 0;
}

static void check(const struct header *header)
{
    static const char *const contexts[] = {"nothing", "text", "bytes", "deflated text",
                                           "deflated bytes"};
    static uint8_t frame[FRAME_MAX], copy[FRAME_MAX];
    struct outcome outcome = judge(header);
    size_t len, head_len = write_frame(frame, header, &len);

    memcpy(copy, frame, len); /* the reader unmasks in place */
    if (!reads_whole(header, frame, len, &outcome) ||
        !reads_by_byte(header, copy, head_len, len, &outcome))
        parts_disagree("%s, %s, %s open: %02x %02x and length %llu",
                       header->role == GW_WS_SERVER ? "server" : "client",
                       header->agreed ? "agreed" : "not agreed", contexts[header->context],
                       header->first, header->second, (unsigned long long)header->length);
}

/* --- All headers --- */

/* On either side of each bound there is: the shortest form, our limit (alone, and with a message
 * open; of letters, and of what carries them), 16, 31 and 32 bits, the top bit. */
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
    MESSAGE_MAX + 2 * STORED_HEAD + 1 - OPENED_LEN, /* letters up to the limit, and one more */
    MESSAGE_MAX + 2 * STORED_HEAD + 2 - OPENED_LEN,
    MESSAGE_MAX + 2 * STORED_HEAD + 1,
    MESSAGE_MAX + 2 * STORED_HEAD + 2,
    WIRE_MAX,
    WIRE_MAX + 1,
    INT32_MAX,
    (uint64_t)INT32_MAX + 1,
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

static void check_headers(enum gw_ws_role role, bool agreed)
{
    struct header header = {.role = role, .agreed = agreed};

    for (int context = NOTHING_OPEN; context < (agreed ? CONTEXTS : PLAIN_CONTEXTS); context++)
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

static void check_16_bits(enum gw_ws_role role, bool agreed)
{
    struct header header = {.role = role, .agreed = agreed, .extended = 2};

    header.first = agreed ? 0xc1 : 0x81;
    header.second = (uint8_t)((role == GW_WS_SERVER ? 0x80 : 0) | 126);
    for (header.length = 0; header.length <= UINT16_MAX; header.length++)
        check(&header);
}

/* --- The parts --- */

#define QUICK_PARTS 5u
#define ALL_PARTS   9u

static enum gw_ws_role role_of(unsigned part)
{
    return part % 2 == 0 ? GW_WS_SERVER : GW_WS_CLIENT;
}

static void name_part(unsigned part, char out[PARTS_NAME_MAX])
{
    const char *role = role_of(part) == GW_WS_SERVER ? "server" : "client";

    if (part < 4)
        (void)snprintf(out, PARTS_NAME_MAX,
                       "a %s reads all first two bytes with all classes of lengths, %s", role,
                       part < 2 ? "plain" : "compression agreed");
    else if (part < QUICK_PARTS)
        (void)snprintf(out, PARTS_NAME_MAX, "all close codes are read and written");
    else
        (void)snprintf(out, PARTS_NAME_MAX, "a %s reads all lengths of 16 bits, %s", role,
                       part < 7 ? "plain" : "compressed");
}

static void run_part(unsigned part)
{
    if (part < 4)
        check_headers(role_of(part), part >= 2);
    else if (part < QUICK_PARTS)
        check_codes();
    else
        check_16_bits(role_of(part), part >= 7);
}

int main(int argc, char **argv)
{
    static const struct parts quick = {QUICK_PARTS, name_part, run_part};
    static const struct parts all = {ALL_PARTS, name_part, run_part};

    return parts_main(parts_wants_all(argc, argv) ? &all : &quick);
}
