/* envelope_fuzz.c - whatever is published, its envelope is what the product page says.
 *
 * The input is a kind, an offset (7 bytes), a time (8 bytes), a channel, an event and an id, each
 * up to a NUL, and then the payload. A writer of its own, which knows no speed, must come to the
 * same bytes; they hold no line end, and are JSON wherever what went in was what it was said to be.
 * The channel is then told of, too, into a buffer that is long enough and into one that may not be.
 *
 * Threads: one. */
#include "proto/text/envelope.h"

#include <errno.h>

#include "core/alloc.h"
#include "core/json.h"
#include "core/utf8.h"
#include "fuzz.h"
#include "proto/text/control.h"

#define POSITION "AZaz09-_"

/* --- A slow writer --- */

struct slow {
    uint8_t *out;
    size_t len;
};

static void add(struct slow *slow, const char *text)
{
    while (*text)
        slow->out[slow->len++] = (uint8_t)*text++;
}

static void add_number(struct slow *slow, uint64_t number)
{
    if (number >= 10)
        add_number(slow, number / 10);
    slow->out[slow->len++] = (uint8_t)('0' + number % 10);
}

/* RFC 8259, section 7. */
static void add_string(struct slow *slow, struct gw_str text)
{
    static const char named[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt",
                      hex[] = "0123456789abcdef";

    add(slow, "\"");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.data[i];
        const char *found = c ? strchr(named, c) : NULL;

        if (found || c < 0x20)
            add(slow, found ? "\\" : "\\u00");
        if (!found && c < 0x20) {
            slow->out[slow->len++] = (uint8_t)hex[c / 16];
            c = (uint8_t)hex[c % 16];
        }
        slow->out[slow->len++] = found ? (uint8_t)letters[found - named] : c;
    }
    add(slow, "\"");
}

/* RFC 4648, section 4, a bit at a time. */
static void add_base64(struct slow *slow, struct gw_str bytes)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned value = 0;
    size_t bits = 8 * bytes.len;

    for (size_t i = 0; i < (bits + 5) / 6 * 6; i++) {
        unsigned byte = i < bits ? (uint8_t)bytes.data[i / 8] : 0;

        value = (value << 1 | (byte >> (7 - i % 8) & 1)) & 63;
        if (i % 6 == 5)
            slow->out[slow->len++] = (uint8_t)alphabet[value];
    }
    for (size_t i = bytes.len; i % 3 != 0; i++)
        add(slow, "=");
}

static void add_json(struct slow *slow, struct gw_str value)
{
    for (size_t i = 0; i < value.len; i++)
        slow->out[slow->len++] =
            value.data[i] == '\r' || value.data[i] == '\n' ? ' ' : (uint8_t)value.data[i];
}

static void add_envelope(struct slow *slow, const struct gw_envelope *envelope)
{
    add(slow, "{\"channel\":");
    add_string(slow, envelope->channel);
    add(slow, ",\"offset\":");
    add_number(slow, envelope->offset);
    add(slow, ",\"position\":\"" POSITION "\",\"time\":");
    if (envelope->time_ms < 0)
        add(slow, "-");
    add_number(slow, envelope->time_ms < 0 ? UINT64_C(0) - (uint64_t)envelope->time_ms
                                           : (uint64_t)envelope->time_ms);
    if (envelope->event.len > 0) {
        add(slow, ",\"event\":");
        add_string(slow, envelope->event);
    }
    if (envelope->id.len > 0) {
        add(slow, ",\"id\":");
        add_string(slow, envelope->id);
    }
    add(slow, envelope->kind == GW_ENVELOPE_BINARY ? ",\"base64\":\"" : ",\"data\":");
    if (envelope->kind == GW_ENVELOPE_TEXT)
        add_string(slow, envelope->payload);
    else if (envelope->kind == GW_ENVELOPE_JSON)
        add_json(slow, envelope->payload);
    else {
        add_base64(slow, envelope->payload);
        add(slow, "\"");
    }
    add(slow, "}");
}

/* --- Both beside each other --- */

static bool is_utf8(struct gw_str text)
{
    return gw_utf8_valid(text.data, text.len);
}

static bool is_as_said(const struct gw_envelope *envelope)
{
    if (!is_utf8(envelope->channel) || !is_utf8(envelope->event) || !is_utf8(envelope->id))
        return false;
    if (envelope->kind == GW_ENVELOPE_TEXT)
        return is_utf8(envelope->payload);
    return envelope->kind == GW_ENVELOPE_BINARY || gw_json_valid(envelope->payload);
}

/* The JSON checker counts the envelope as one more level: so the deepest values are not asked of.
 */
static bool is_json(struct gw_str written, const struct gw_envelope *envelope)
{
    size_t open = 0;

    if (envelope->kind == GW_ENVELOPE_JSON)
        for (size_t i = 0; i < envelope->payload.len; i++)
            open += envelope->payload.data[i] == '[' || envelope->payload.data[i] == '{';
    return open >= GW_JSON_DEPTH_MAX || gw_json_valid(written);
}

static void write_both(const struct gw_envelope *envelope, size_t room)
{
    size_t size = gw_envelope_size(envelope);
    uint8_t *out = malloc(size);
    struct slow slow = {malloc(room), 0};

    require(out && slow.out);
    require(gw_envelope_write(envelope, out) == size);
    require_written(out, size);
    add_envelope(&slow, envelope);
    require(size == slow.len && memcmp(out, slow.out, size) == 0);
    require(!memchr(out, '\n', size) && !memchr(out, '\r', size));
    if (is_as_said(envelope))
        require(is_json((struct gw_str){(const char *)out, size}, envelope));
    free(slow.out);
    free(out);
}

/* --- What else a reader is told --- */

static int append(struct gw_buf *out, struct gw_str channel, unsigned which)
{
    if (which == 3)
        return gw_control_reset(out, channel, GW_STR("expired"), GW_STR(POSITION));
    return gw_control_subscribed(out, channel, GW_STR(POSITION), (enum gw_recovered)which);
}

static void tell(struct gw_str channel, unsigned which, size_t cap)
{
    size_t len;
    struct gw_buf out;
    int failed;

    gw_buf_init(&out, &gw_alloc_std, 200 + 6 * channel.len);
    require(append(&out, channel, which) == 0);
    require_written(out.data, out.len);
    require(gw_json_valid(gw_buf_str(&out)) == is_utf8(channel));
    len = out.len;
    gw_buf_fini(&out);

    gw_buf_init(&out, &gw_alloc_std, cap);
    failed = append(&out, channel, which);
    require(failed == (len > cap ? -EMSGSIZE : 0) && out.len == (failed ? 0 : len));
    gw_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_input input = {data, len};
    struct gw_envelope envelope = {.position = GW_STR(POSITION)};
    uint8_t choice = fuzz_byte(&input);

    envelope.kind = (enum gw_envelope_kind)(choice % 3);
    envelope.offset = fuzz_number(&input, 7);
    envelope.time_ms = (int64_t)fuzz_number(&input, 8);
    envelope.channel = fuzz_word(&input);
    envelope.event = fuzz_word(&input);
    envelope.id = fuzz_word(&input);
    envelope.payload = fuzz_bytes(&input, SIZE_MAX);
    write_both(&envelope, 200 + 6 * len);
    tell(envelope.channel, choice % 4, choice);
    return 0;
}
