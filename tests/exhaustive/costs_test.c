/* costs_test.c - what a byte on the wire costs us at worst, beside what an honest one costs.
 *
 * A bomb is cut, but until then it has been inflated; and a peer may send messages for ever each of
 * which stays just below every limit. So streams of all shapes are read here by a server's end, and
 * the processor time of this process is counted. A time would be another on each machine: what
 * counts is the proportion to honest traffic, JSON-like text, measured in the same moments. Of
 * several measurements the least is taken, since noise only adds.
 *
 * What may go on for ever is counted by bytes on the wire: the limits let one of them become 100
 * bytes of message, or in a message of up to 4 KiB 150, where an honest one becomes three or four;
 * and to copy zeros takes zlib up to twice as long as text. Four fifths more than that is borne.
 *
 * What is cut is counted by connections, since the next one begins with another handshake: none may
 * cost more than a few honest messages of the longest that is taken.
 *
 * Threads: one. */
#include <godwit/ws.h>

#include <stdint.h>
#include <zlib.h>

#include "parts.h"

/* More than this no byte may cost, in costs of an honest one; and no connection that is cut, in
 * costs of a message of MESSAGE_MAX bytes. */
#define BYTE_TIMES_MAX 160.0
#define CUT_TIMES_MAX  8.0

#define MESSAGE_MAX    65536u /* the default */

#define STREAM_MAX     400000u
#define PIECE          4096u /* what one receive brings */
#define ROUNDS         7
#define ROUND_SECS     0.02

struct stream {
    uint8_t data[STREAM_MAX + 70000];
    size_t len;
    bool takeover;
};

/* --- Frames and bits --- */

static void add_frame(struct stream *stream, uint8_t first, const void *payload, size_t len)
{
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};

    if (stream->len + len > STREAM_MAX + 60000)
        abort();
    stream->len += gw_ws_frame(stream->data + stream->len, GW_WS_OP_BINARY, payload, len, mask);
    stream->data[stream->len - gw_ws_frame_len(len, 1)] = first;
}

/* The same message again and again. */
static void add_messages(struct stream *stream, uint8_t first, const void *payload, size_t len)
{
    while (stream->len < STREAM_MAX / 4)
        add_frame(stream, first, payload, len);
}

struct bits {
    uint8_t out[STREAM_MAX];
    size_t count;
};

static void put(struct bits *bits, unsigned value, unsigned count)
{
    for (unsigned i = 0; i < count; i++, bits->count++) {
        if (bits->count % 8 == 0)
            bits->out[bits->count / 8] = 0;
        bits->out[bits->count / 8] |= (uint8_t)((value >> i & 1) << bits->count % 8);
    }
}

/* Ends a message of bits: the empty stored block whose last bytes the receiver puts there. */
static size_t end_bits(struct bits *bits)
{
    put(bits, 0, 3);
    return (bits->count + 7) / 8;
}

static struct bits bits;
static uint8_t message[70000], packed[140000];

/* Compresses `len` bytes of `message` as one of RFC 7692; returns the length of `packed`. */
static size_t pack(size_t len, int level)
{
    z_stream stream = {.next_in = message, .avail_in = (uInt)len};
    size_t packed_len;

    if (deflateInit2(&stream, level, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    stream.next_out = packed;
    stream.avail_out = sizeof(packed);
    (void)deflate(&stream, Z_SYNC_FLUSH); /* there is room for all of it */
    packed_len = (size_t)(stream.next_out - packed) - 4;
    (void)deflateEnd(&stream);
    return packed_len;
}

/* --- Shapes --- */

/* Text as programs send it: the same names, other numbers. */
static void fill_with_json(size_t len)
{
    uint64_t state = 1;
    size_t at = 0;

    while (at < len) {
        char item[96];
        int item_len;

        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        item_len =
            snprintf(item, sizeof(item), "{\"symbol\":\"%c%c%c\",\"price\":%u.%02u,\"size\":%u},",
                     'A' + (int)(state >> 33) % 26, 'A' + (int)(state >> 38) % 26,
                     'A' + (int)(state >> 43) % 26, (unsigned)(state >> 50) % 1000,
                     (unsigned)(state >> 45) % 100, (unsigned)(state >> 40) % 5000);
        for (int i = 0; i < item_len && at < len; i++)
            message[at++] = (uint8_t)item[i];
    }
}

static void longest_honest(struct stream *stream)
{
    fill_with_json(MESSAGE_MAX);
    add_frame(stream, 0xc1, packed, pack(MESSAGE_MAX, 6));
}

static void honest(struct stream *stream)
{
    fill_with_json(16384);
    add_messages(stream, 0xc1, packed, pack(16384, 6));
}

static void short_honest(struct stream *stream)
{
    fill_with_json(300);
    add_messages(stream, 0xc1, packed, pack(300, 6));
}

static void plain_honest(struct stream *stream)
{
    fill_with_json(300);
    add_messages(stream, 0x81, message, 300);
}

/* Two bombs: longer than a message may be, and only past the ratio. */
static void zeros(struct stream *stream)
{
    memset(message, 0, sizeof(message));
    add_messages(stream, 0xc2, packed, pack(sizeof(message), 9));
}

static void fewer_zeros(struct stream *stream)
{
    memset(message, 0, sizeof(message));
    add_messages(stream, 0xc2, packed, pack(60000, 9));
}

/* As many zeros as the ratio allows, behind noise that pays for them. */
static void best_ratio(struct stream *stream)
{
    uint32_t noise = 1;

    memset(message, 0, sizeof(message));
    for (size_t i = 0; i < 600; i++) {
        noise = noise * 1664525u + 1013904223u;
        message[i] = (uint8_t)(noise >> 24);
    }
    add_messages(stream, 0xc2, packed, pack(60000, 9));
}

/* What is so short that no ratio is asked. */
static void short_zeros(struct stream *stream)
{
    memset(message, 0, sizeof(message));
    add_messages(stream, 0xc1, packed, pack(4096, 9));
}

static void nothing(struct stream *stream)
{
    add_messages(stream, 0xc1, "\x00", 1);
}

static void noise(struct stream *stream)
{
    uint32_t state = 7;

    for (size_t i = 0; i < 4000; i++) {
        state = state * 1664525u + 1013904223u;
        message[i] = (uint8_t)(state >> 24);
    }
    add_messages(stream, 0xc2, packed, pack(4000, 1));
}

/* One byte in each frame, eight of these on the wire. */
static void byte_by_byte(struct stream *stream)
{
    size_t len;

    fill_with_json(1500);
    len = pack(1500, 6);
    if (len > 1000)
        abort(); /* more fragments than a message may have */
    while (stream->len < STREAM_MAX / 4)
        for (size_t i = 0; i < len; i++)
            add_frame(stream, i == 0 ? 0x41 : i + 1 == len ? 0x80 : 0x00, packed + i, 1);
}

/* Messages of a thousand blocks that bring nothing: nearly as many as are borne. */
#define EMPTY_BLOCKS 1000u

static void stored_blocks(struct stream *stream)
{
    for (size_t i = 0; i < EMPTY_BLOCKS; i++)
        memcpy(packed + 5 * i, "\x00\x00\x00\xff\xff", 5);
    packed[5 * EMPTY_BLOCKS] = 0x00;
    add_messages(stream, 0xc2, packed, 5 * EMPTY_BLOCKS + 1);
}

static void fixed_blocks(struct stream *stream)
{
    bits.count = 0;
    for (unsigned i = 0; i < EMPTY_BLOCKS; i++) {
        put(&bits, 2, 3);
        put(&bits, 0, 7);
    }
    add_messages(stream, 0xc2, bits.out, end_bits(&bits));
}

static void final_blocks(struct stream *stream)
{
    for (size_t i = 0; i < EMPTY_BLOCKS; i++)
        memcpy(packed + 2 * i, "\x03\x00", 2);
    packed[2 * EMPTY_BLOCKS] = 0x00;
    add_messages(stream, 0xc2, packed, 2 * EMPTY_BLOCKS + 1);
}

/* The beginning of a block with a code table, up to the code for code lengths, all 19 of which are
 * told (RFC 1951 section 3.2.7): `lens[i]` for the i-th in the order of the RFC. */
static void begin_table(unsigned literals, unsigned distances, const uint8_t lens[19])
{
    put(&bits, 4, 3);
    put(&bits, literals - 257, 5);
    put(&bits, distances - 1, 5);
    put(&bits, 15, 4);
    for (unsigned i = 0; i < 19; i++)
        put(&bits, lens[i], 3);
}

/* The shortest table there is, in a dozen bytes: 256 times nothing, and "end of block". */
static void short_tables(struct stream *stream)
{
    /* 18 (many zeros) and 1 have one bit each: 0 is 1, 1 is 18. */
    static const uint8_t lens[19] = {[2] = 1, [17] = 1};

    bits.count = 0;
    for (unsigned i = 0; i < EMPTY_BLOCKS; i++) {
        begin_table(257, 1, lens);
        put(&bits, 1, 1);
        put(&bits, 138 - 11, 7);
        put(&bits, 1, 1);
        put(&bits, 118 - 11, 7);
        put(&bits, 0, 1); /* "end of block" has one bit */
        put(&bits, 0, 1); /* and so has a distance */
        put(&bits, 0, 1); /* the end */
    }
    add_messages(stream, 0xc2, bits.out, end_bits(&bits));
}

/* The code length before, six more times: in this table 16 is the bit 0, and two bits follow. */
static void put_as_before(struct bits *out, unsigned times)
{
    for (; times >= 6; times -= 6)
        put(out, 3 << 1, 3);
    if (times > 0)
        put(out, (times - 3) << 1, 3);
}

/* Tables that take long to build for what they take on the wire: 286 codes and 30 of distances, in
 * 32 bytes. Half as many as of others, or it were too much on the wire for nothing. */
static void wide_tables(struct stream *stream)
{
    /* In the RFC's order: 16 has one bit, and 8, 9, 5 and 4 have three. So 4 is 100, 5 is 101, 8 is
     * 110 and 9 is 111, of which the first bit comes first. */
    static const uint8_t lens[19] = {[0] = 1, [4] = 3, [6] = 3, [9] = 3, [11] = 3};
    enum { OF_4 = 1, OF_5 = 5, OF_8 = 3, OF_9 = 7 };

    bits.count = 0;
    for (unsigned block = 0; block < EMPTY_BLOCKS / 2; block++) {
        begin_table(286, 30, lens);
        put(&bits, OF_8, 3); /* 226 codes of 8 bits */
        put_as_before(&bits, 225);
        put(&bits, OF_9, 3); /* and 60 of 9: that is all that there is room for */
        put_as_before(&bits, 59);
        put(&bits, OF_4, 3); /* the same for distances: two of 4 bits, 28 of 5 */
        put(&bits, OF_4, 3);
        put(&bits, OF_5, 3);
        put_as_before(&bits, 27);
        for (int bit = 8; bit >= 0; bit--) /* the end, the 31st of 9 bits: the first is 452 */
            put(&bits, 482u >> bit & 1, 1);
    }
    add_messages(stream, 0xc2, bits.out, end_bits(&bits));
}

/* --- Measuring --- */

static const struct {
    const char *name;
    void (*make)(struct stream *stream);
    bool takeover;
    bool is_cut;
} shapes[] = {
    {"compressed messages of 300 bytes", short_honest, false, false},
    {"messages of 300 bytes", plain_honest, false, false},
    {"zeros, longer than a message may be", zeros, false, true},
    {"zeros, 1,030 to 1", fewer_zeros, false, true},
    {"messages at the ratio that is allowed", best_ratio, false, false},
    {"messages of 4 KiB of zeros", short_zeros, false, false},
    {"messages of 4 KiB of zeros, context carried", short_zeros, true, false},
    {"compressed messages of nothing", nothing, false, false},
    {"compressed messages of nothing, context carried", nothing, true, false},
    {"noise", noise, false, false},
    {"a byte in each fragment", byte_by_byte, false, false},
    {"empty stored blocks", stored_blocks, true, false},
    {"empty fixed blocks", fixed_blocks, true, false},
    {"empty final blocks", final_blocks, true, false},
    {"the shortest code tables", short_tables, true, false},
    {"the widest code tables", wide_tables, true, false},
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static double cpu_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* it is there on every Linux */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What came of reading a stream. */
struct reading {
    size_t taken; /* bytes on the wire */
    unsigned long messages;
    bool was_cut;
};

/* On a connection of its own. */
static struct reading read_stream(const struct stream *stream)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct reading reading = {.taken = 0};
    uint8_t piece[PIECE];
    struct gw_ws *ws;

    options.deflate = (struct gw_ws_deflate_terms){15, 15, 0, stream->takeover};
    if (gw_ws_new(&ws, &options) != 0)
        abort();
    while (!reading.was_cut && reading.taken < stream->len) {
        size_t left = stream->len - reading.taken;
        struct gw_ws_bytes input = {piece, left < PIECE ? left : PIECE};
        struct gw_ws_event event;
        int got;

        memcpy(piece, stream->data + reading.taken, input.len);
        reading.taken += input.len;
        while ((got = gw_ws_read(ws, &input, &event)) > 0)
            reading.messages++;
        reading.was_cut = got < 0;
    }
    gw_ws_free(ws);
    return reading;
}

/* Seconds for one reading, on the average of many. */
static double measure(const struct stream *stream, struct reading *reading)
{
    double began = cpu_now(), spent;
    unsigned long count = 0;

    do {
        *reading = read_stream(stream);
        count++;
        spent = cpu_now() - began;
    } while (spent < ROUND_SECS);
    return spent / (double)count;
}

static struct stream base, stream;

static void run_part(unsigned part)
{
    bool is_cut = shapes[part].is_cut;
    double least = 1, least_base = 1, times;
    struct reading reading, honest_one;

    (is_cut ? longest_honest : honest)(&base);
    stream.takeover = shapes[part].takeover;
    shapes[part].make(&stream);
    for (int round = 0; round < ROUNDS; round++) {
        double base_cost = measure(&base, &honest_one), cost = measure(&stream, &reading);

        least_base = base_cost < least_base ? base_cost : least_base;
        least = cost < least ? cost : least;
    }
    if (!is_cut) { /* by bytes */
        least_base /= (double)honest_one.taken;
        least /= (double)reading.taken;
    }
    times = least / least_base;
    printf("# %s: %.1f ns a %s, %.1f times an honest one's\n", shapes[part].name, least * 1e9,
           is_cut ? "connection" : "byte", times);
    if (honest_one.messages == 0 || honest_one.was_cut || reading.was_cut != is_cut ||
        (reading.messages == 0) != is_cut)
        parts_disagree("%lu messages, %s", reading.messages, reading.was_cut ? "cut" : "not cut");
    if (times > (is_cut ? CUT_TIMES_MAX : BYTE_TIMES_MAX))
        parts_disagree("%.1f times %.1f ns", times, least_base * 1e9);
}

static void name_part(unsigned part, char out[PARTS_NAME_MAX])
{
    (void)snprintf(out, PARTS_NAME_MAX, "what comes costs in proportion: %s", shapes[part].name);
}

int main(void)
{
    static const struct parts all = {SHAPES, name_part, run_part};

    return parts_main(&all);
}
