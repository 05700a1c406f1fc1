/* seam.h - the two shapes that cross between the pure middle and the loop: the time, and a send.
 *
 * Threads: plain data. */
#ifndef GW_CORE_SEAM_H
#define GW_CORE_SEAM_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Read once a turn, and passed down from there. */
struct gw_now {
    uint64_t mono_ns; /* never goes back: all timeouts */
    int64_t wall_ms;  /* Unix milliseconds, may jump: only what people read */
};

#define GW_NS_PER_MS UINT64_C(1000000)
#define GW_NS_PER_S  UINT64_C(1000000000)

/* One send to one socket. Several sends may share one iov. Nothing is retained after the batch
 * call: result is the count of bytes the socket took, or -errno. */
struct gw_send {
    int fd;
    int iov_count;
    const struct iovec *iov;
    ssize_t result;
};

#endif
