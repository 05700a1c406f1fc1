/* writer.c - messages into bytes: frame heads, masking, and what a close frame says.
 *
 * Nothing here keeps state. A head is at most 14 bytes and a payload is masked in blocks, so that
 * what a frame costs is one pass over its bytes.
 *
 * Sources: RFC 6455 sections 5.2, 5.3, 5.5.1 and 7.4.
 *
 * Threads: any. */
#include <godwit/ws.h>

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Values of the 7-bit length that announce a longer one, and the largest that each form holds. */
#define LENGTH_IS_16_BITS 126u
#define LENGTH_IS_64_BITS 127u
#define LENGTH_16_MAX     UINT64_C(0xffff)
#define LENGTH_64_MAX     (UINT64_MAX >> 1) /* the top bit must be 0 */

#define FIN_BIT           0x80u
#define MASKED_BIT        0x80u
#define MASK_LEN          4u

/* Of a close frame: its code, and what that leaves for the reason. */
#define CODE_LEN   2u
#define REASON_MAX (GW_WS_CONTROL_MAX - CODE_LEN)

/* Words are loaded and stored where they lie: through memcpy gcc does not use the vector unit. */
typedef uint64_t __attribute__((may_alias, aligned(1))) loose_word;

/* From here on a payload is worth the widest registers that the processor at hand has: blocks whose
 * length the compiler knows, in a version compiled for it. */
#define WIDE_FROM   512u
#define BLOCK_WORDS 16u

static bool opcode_is_known(enum gw_ws_opcode opcode)
{
    return opcode <= GW_WS_OP_BINARY || (opcode >= GW_WS_OP_CLOSE && opcode <= GW_WS_OP_PONG);
}

static size_t write_big_endian(uint8_t *out, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    return bytes;
}

/* Section 5.2: always in the shortest of the three forms. Returns its length. */
static size_t write_length(uint8_t *out, uint64_t len, unsigned masked_bit)
{
    if (len <= GW_WS_CONTROL_MAX) {
        out[0] = (uint8_t)(masked_bit | len);
        return 1;
    }
    if (len <= LENGTH_16_MAX) {
        out[0] = (uint8_t)(masked_bit | LENGTH_IS_16_BITS);
        return 1 + write_big_endian(out + 1, len, sizeof(uint16_t));
    }
    out[0] = (uint8_t)(masked_bit | LENGTH_IS_64_BITS);
    return 1 + write_big_endian(out + 1, len, sizeof(uint64_t));
}

size_t gw_ws_head_part(uint8_t out[GW_WS_HEAD_MAX], enum gw_ws_opcode opcode, int fin, uint64_t len,
                       const uint8_t mask[4])
{
    size_t at;

    assert(opcode_is_known(opcode));
    assert(len <= LENGTH_64_MAX);
    assert(opcode < GW_WS_OP_CLOSE || (fin && len <= GW_WS_CONTROL_MAX)); /* section 5.5 */

    out[0] = (uint8_t)((fin ? FIN_BIT : 0u) | (unsigned)opcode);
    at = 1 + write_length(out + 1, len, mask ? MASKED_BIT : 0u);
    if (mask) {
        memcpy(out + at, mask, MASK_LEN);
        at += MASK_LEN;
    }
    return at;
}

size_t gw_ws_head(uint8_t out[GW_WS_HEAD_MAX], enum gw_ws_opcode opcode, uint64_t len,
                  const uint8_t mask[4])
{
    return gw_ws_head_part(out, opcode, 1, len, mask);
}

static inline void mask_words(loose_word *words, size_t count, uint64_t key)
{
    for (size_t i = 0; i < count; i++)
        words[i] ^= key;
}

static inline void mask_blocks(loose_word *words, size_t count, uint64_t key)
{
    for (; count > 0; count--, words += BLOCK_WORDS)
        mask_words(words, BLOCK_WORDS, key);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void mask_blocks_avx2(loose_word *words, size_t count,
                                                             uint64_t key)
{
    mask_blocks(words, count, key);
}
#endif

static void mask_wide(loose_word *words, size_t count, uint64_t key)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        mask_blocks_avx2(words, count, key);
        return;
    }
#endif
    mask_blocks(words, count, key);
}

/* The mask as a word, begun where `offset` stands in it. Both halves are the same, so it is the
 * same word on any machine; and it is put together in a register, since to load what was just
 * stored in parts is slow. */
static inline uint64_t key_from(const uint8_t mask[MASK_LEN], uint64_t offset)
{
    uint8_t turned[MASK_LEN];
    uint32_t half;

    if (offset % MASK_LEN != 0) {
        for (size_t i = 0; i < MASK_LEN; i++)
            turned[i] = mask[(offset + i) % MASK_LEN];
        mask = turned;
    }
    memcpy(&half, mask, sizeof(half));
    return (uint64_t)half << 32 | half;
}

void gw_ws_mask(uint8_t *data, size_t len, const uint8_t mask[4], uint64_t offset)
{
    uint64_t key = key_from(mask, offset);
    uint8_t key_bytes[sizeof(key)];
    size_t at = 0;

    if (len == 0) /* `data` may then be NULL */
        return;
    if (len >= WIDE_FROM) {
        size_t blocks = len / (BLOCK_WORDS * sizeof(key));

        mask_wide((loose_word *)data, blocks, key);
        at = blocks * BLOCK_WORDS * sizeof(key);
    }
    mask_words((loose_word *)(data + at), (len - at) / sizeof(key), key);
    memcpy(key_bytes, &key, sizeof(key));
    for (at = len - len % sizeof(key); at < len; at++)
        data[at] ^= key_bytes[at % sizeof(key)];
}

size_t gw_ws_frame_len(size_t len, int masked)
{
    size_t mask_len = masked ? MASK_LEN : 0;

    if (len <= GW_WS_CONTROL_MAX)
        return 2 + mask_len + len;
    if (len <= LENGTH_16_MAX)
        return 2 + sizeof(uint16_t) + mask_len + len;
    assert(len <= SIZE_MAX - GW_WS_HEAD_MAX);
    return 2 + sizeof(uint64_t) + mask_len + len;
}

size_t gw_ws_frame(uint8_t *out, enum gw_ws_opcode opcode, const void *data, size_t len,
                   const uint8_t mask[4])
{
    size_t head_len = 2;

    assert(data || len == 0);
    if (len <= GW_WS_CONTROL_MAX && !mask) { /* what a server mostly sends */
        assert(opcode_is_known(opcode));
        out[0] = (uint8_t)(FIN_BIT | (unsigned)opcode);
        out[1] = (uint8_t)len;
    } else
        head_len = gw_ws_head(out, opcode, len, mask);
    if (len > 0)
        memcpy(out + head_len, data, len);
    if (mask)
        gw_ws_mask(out + head_len, len, mask, 0);
    return head_len + len;
}

/* The longest beginning of `reason` that fits and does not end inside a character. */
static size_t reason_that_fits(const char *reason, size_t len)
{
    if (len <= REASON_MAX)
        return len;
    len = REASON_MAX;
    while (len > 0 && ((uint8_t)reason[len] & 0xc0u) == 0x80u)
        len--;
    return len;
}

size_t gw_ws_close_payload(uint8_t out[GW_WS_CONTROL_MAX], uint16_t code, const char *reason,
                           size_t reason_len)
{
    assert(reason || reason_len == 0);
    if (!gw_ws_close_code_valid(code))
        return 0;

    (void)write_big_endian(out, code, CODE_LEN); /* as many as we asked for */
    reason_len = reason_that_fits(reason, reason_len);
    if (reason_len > 0)
        memcpy(out + CODE_LEN, reason, reason_len);
    return CODE_LEN + reason_len;
}

/* Section 7.4.1 and the registry of section 11.7: 1004 is undefined; 1005, 1006 and 1015 are names
 * for what happened and never sent; up to 2999 the rest is kept for the protocol. */
int gw_ws_close_code_valid(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}
