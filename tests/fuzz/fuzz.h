/* fuzz.h - what the fuzz targets share: demands, and taking an input apart.
 *
 * A target is one function. libFuzzer calls it with what it thinks up (`make fuzz`); replay.c calls
 * it with each file of corpus/TARGET/ (`make test`), with any compiler and sanitizer.
 *
 * Threads: one. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/str.h"

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define FUZZ_SEES_UNINITIALISED 1
#endif
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* An assert() that no build leaves out. The sanitizers and libFuzzer tell where it was. */
static inline void require(bool condition)
{
    if (!condition)
        abort();
}

/* Under MemorySanitizer: nothing uninitialised leaves the house. */
static inline void require_written(const void *data, size_t len)
{
#ifdef FUZZ_SEES_UNINITIALISED
    __msan_check_mem_is_initialized(data, len);
#else
    (void)data;
    (void)len;
#endif
}

/* A copy that is exactly as long, so that one byte too far is seen; to be freed. */
static inline void *fuzz_copy(const void *data, size_t len)
{
    void *copy = malloc(len > 0 ? len : 1);

    require(copy);
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

/* FNV-1a: any sum that tells two payloads apart. */
#define FUZZ_SUM_START UINT64_C(14695981039346656037)

static inline uint64_t fuzz_sum(uint64_t sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ data[i]) * UINT64_C(1099511628211);
    return sum;
}

/* --- An input taken apart: whatever lacks at its end is 0 or empty --- */

struct fuzz_input {
    const uint8_t *data;
    size_t len;
};

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
    if (input->len == 0)
        return 0;
    input->len--;
    return *input->data++;
}

/* `bytes` bytes, the highest first. */
static inline uint64_t fuzz_number(struct fuzz_input *input, unsigned bytes)
{
    uint64_t number = 0;

    while (bytes-- > 0)
        number = number << 8 | fuzz_byte(input);
    return number;
}

/* The next `len` bytes, or what is left. */
static inline struct gw_str fuzz_bytes(struct fuzz_input *input, size_t len)
{
    struct gw_str text = {(const char *)input->data, len < input->len ? len : input->len};

    input->data += text.len;
    input->len -= text.len;
    return text;
}

/* Up to the next NUL, which is taken too. */
static inline struct gw_str fuzz_word(struct fuzz_input *input)
{
    const uint8_t *end = input->len > 0 ? memchr(input->data, 0, input->len) : NULL;
    struct gw_str word = fuzz_bytes(input, end ? (size_t)(end - input->data) : input->len);

    (void)fuzz_byte(input);
    return word;
}

#endif
