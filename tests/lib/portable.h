/* portable.h - makes a test run the code for any processor, where there is another for this one.
 *
 * Threads: the test's; in a process of its own, which cannot be brought back. */
#ifndef TESTS_LIB_PORTABLE_H
#define TESTS_LIB_PORTABLE_H

#if defined(__x86_64__)

/* What __builtin_cpu_supports() reads: the compiler's own library fills it at the start. Its
 * feature words are part of the ABI, in gcc and clang alike. */
extern __attribute__((visibility("hidden"))) struct {
    unsigned vendor, type, subtype, features[1];
} __cpu_model;

#define PORTABLE_AVX2_BIT (1u << 10)

static inline void portable_from_here(void)
{
    /* clang 14 breaks down where it meets its own look at it in the same file, so nobody looks. */
    __cpu_model.features[0] &= ~PORTABLE_AVX2_BIT;
}

#else

static inline void portable_from_here(void)
{
}

#endif

#endif
