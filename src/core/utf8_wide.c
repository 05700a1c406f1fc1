#include "core/utf8_wide.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdbool.h>

/* Validation by lookup (J. Keiser, D. Lemire: Validating UTF-8 in less than one instruction per
 * byte, 2021).
 *
 * Every way for two neighbours to be wrong shows in three half bytes: both of the first and the
 * upper one of the second. Each of the three has a table that says which mistakes it leaves
 * possible, a bit a mistake; what all three leave possible has happened. Continuations in third and
 * fourth place are the one thing that two neighbours cannot judge: TWO_CONTINUATIONS must have
 * happened exactly where the byte two before it begins three or four, or the one three before it
 * four. So it has the highest bit, which a comparison yields as well. */
enum {
    TOO_SHORT = 1 << 0,      /* a beginning, and no continuation behind it */
    TOO_LONG = 1 << 1,       /* a continuation behind ASCII */
    OVERLONG_3 = 1 << 2,     /* E0 and below A0 */
    TOO_LARGE = 1 << 3,      /* F4 and above 8F, or beyond F4 and above 8F */
    SURROGATE = 1 << 4,      /* ED and above 9F */
    OVERLONG_2 = 1 << 5,     /* C0, C1 */
    TOO_LARGE_1000 = 1 << 6, /* beyond F4 and 80 to 8F */
    OVERLONG_4 = 1 << 6,     /* F0 and below 90 */
    TWO_CONTINUATIONS = 1 << 7,
    /* What does not depend on the lower half of the first. */
    ANY_LOWER = TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS,
    BEYOND_F4 = ANY_LOWER | TOO_LARGE | TOO_LARGE_1000,
    /* What a continuation as the second leaves possible, whatever its lower half. */
    ANY_NEXT = TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS
};

/* By the upper half of the first, its lower half, and the upper half of the second: sixteen each,
 * twice, for both lanes of a register. */
static const uint8_t first_upper[32] __attribute__((aligned(32))) = {
#define ROW                                                                                        \
    TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,                \
        TWO_CONTINUATIONS, TWO_CONTINUATIONS, TWO_CONTINUATIONS, TWO_CONTINUATIONS,                \
        TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE,                     \
        TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4
    ROW, ROW
#undef ROW
};
static const uint8_t first_lower[32] __attribute__((aligned(32))) = {
#define ROW                                                                                        \
    ANY_LOWER | OVERLONG_3 | OVERLONG_2 | OVERLONG_4, ANY_LOWER | OVERLONG_2, ANY_LOWER,           \
        ANY_LOWER, ANY_LOWER | TOO_LARGE, BEYOND_F4, BEYOND_F4, BEYOND_F4, BEYOND_F4, BEYOND_F4,   \
        BEYOND_F4, BEYOND_F4, BEYOND_F4, BEYOND_F4 | SURROGATE, BEYOND_F4, BEYOND_F4
    ROW, ROW
#undef ROW
};
static const uint8_t second_upper[32] __attribute__((aligned(32))) = {
#define ROW                                                                                        \
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,        \
        ANY_NEXT | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4, ANY_NEXT | OVERLONG_3 | TOO_LARGE,    \
        ANY_NEXT | SURROGATE | TOO_LARGE, ANY_NEXT | SURROGATE | TOO_LARGE, TOO_SHORT, TOO_SHORT,  \
        TOO_SHORT, TOO_SHORT
    ROW, ROW
#undef ROW
};

#define AVX2  __attribute__((target("avx2")))
#define BLOCK 32u

AVX2 static inline __m256i load(const uint8_t *from)
{
    return _mm256_loadu_si256((const __m256i_u *)from);
}

AVX2 static inline __m256i upper_halves(__m256i bytes)
{
    return _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
}

/* `block` moved up by 1, 2 or 3 bytes, those before it coming in. */
#define BEFORE(count, block, joint) _mm256_alignr_epi8(block, joint, 16 - (count))

/* Not zero where a byte of `block` does not fit to those before it, of which `before` has the last.
 */
AVX2 static inline __m256i mistakes(__m256i block, __m256i before)
{
    /* The upper lane of `before` and the lower one of `block`: alignr works lane by lane. */
    __m256i joint = _mm256_permute2x128_si256(before, block, 0x21);
    __m256i one = BEFORE(1, block, joint), two = BEFORE(2, block, joint),
            three = BEFORE(3, block, joint);
    __m256i pairs = _mm256_and_si256(
        _mm256_shuffle_epi8(load(first_upper), upper_halves(one)),
        _mm256_and_si256(
            _mm256_shuffle_epi8(load(first_lower), _mm256_and_si256(one, _mm256_set1_epi8(0x0f))),
            _mm256_shuffle_epi8(load(second_upper), upper_halves(block))));
    /* The highest bit is set from E0 on, and from F0 on. */
    __m256i third = _mm256_subs_epu8(two, _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(three, _mm256_set1_epi8(0xf0 - 0x80));
    __m256i wanted = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));

    return _mm256_xor_si256(pairs, wanted);
}

/* Of `len` bytes that are right as far as they go: without a character that is not at its end. */
static size_t whole_characters(const uint8_t *text, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        uint8_t byte = text[len - back];
        size_t needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;

        if (byte < 0x80 || byte >= 0xc0)
            return needs > back ? len - back : len;
    }
    return len;
}

AVX2 static size_t wide(const uint8_t *text, size_t len)
{
    __m256i before = _mm256_setzero_si256();
    bool ascii = true; /* the block before was nothing else */
    size_t at = 0;

    for (; len - at >= 2 * BLOCK; at += 2 * BLOCK) {
        __m256i first = load(text + at), second = load(text + at + BLOCK);
        bool more_ascii = _mm256_movemask_epi8(_mm256_or_si256(first, second)) == 0;

        if (!ascii || !more_ascii) {
            __m256i wrong = _mm256_or_si256(mistakes(first, before), mistakes(second, first));

            if (!_mm256_testz_si256(wrong, wrong))
                break;
        }
        before = second;
        ascii = more_ascii;
    }
    return whole_characters(text, at);
}

size_t gw_utf8_wide(const uint8_t *text, size_t len)
{
    return __builtin_cpu_supports("avx2") ? wide(text, len) : 0;
}

#else

size_t gw_utf8_wide(const uint8_t *text, size_t len)
{
    (void)text;
    (void)len;
    return 0;
}

#endif
