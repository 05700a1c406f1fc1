/* version.h - which Godwit this is, at compile time and at run time. */
#ifndef GODWIT_VERSION_H
#define GODWIT_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GW_API __attribute__((visibility("default")))
#else
#define GW_API
#endif

#define GW_VERSION_MAJOR 0
#define GW_VERSION_MINOR 1
#define GW_VERSION_PATCH 0

/* Grows with every release: compare it in `#if`. */
#define GW_VERSION_NUM (GW_VERSION_MAJOR * 10000 + GW_VERSION_MINOR * 100 + GW_VERSION_PATCH)

/* The version of the library that is running, such as "0.1.0"; static storage.
 * Threads: any. */
GW_API const char *gw_version(void);

#ifdef __cplusplus
}
#endif

#endif
