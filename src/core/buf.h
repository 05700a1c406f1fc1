/* buf.h - bytes that grow, up to a cap.
 *
 * No growable buffer without its cap: that is why the cap is given when it is made. Grows by
 * doubling from GW_BUF_FIRST, never above the cap, and allocates only for bytes that are there.
 *
 * Threads: the owner's own. */
#ifndef GW_CORE_BUF_H
#define GW_CORE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct gw_alloc;

#define GW_BUF_FIRST 256u

struct gw_buf {
    const struct gw_alloc *alloc; /* borrowed */
    uint8_t *data;                /* NULL until something is in it */
    size_t len, room, cap;        /* len <= room <= cap */
};

void gw_buf_init(struct gw_buf *buf, const struct gw_alloc *alloc, size_t cap);
void gw_buf_fini(struct gw_buf *buf); /* frees; the buffer is empty and usable again */

/* Room for `more` bytes behind what is there; returns where they go. NULL when that would pass the
 * cap or memory is out (ask gw_buf_fits() which). The bytes count only after gw_buf_added(). */
uint8_t *gw_buf_reserve(struct gw_buf *buf, size_t more);
void gw_buf_added(struct gw_buf *buf, size_t more);
bool gw_buf_fits(const struct gw_buf *buf, size_t more);

/* Returns 0, -EMSGSIZE (the cap) or -ENOMEM; on failure the buffer is as it was. */
int gw_buf_append(struct gw_buf *buf, const void *data, size_t len);
int gw_buf_text(struct gw_buf *buf, struct gw_str text);
int gw_buf_u64(struct gw_buf *buf, uint64_t number); /* in decimal */

/* Drops `len` bytes from the front. */
void gw_buf_drop(struct gw_buf *buf, size_t len);
void gw_buf_clear(struct gw_buf *buf); /* empty, memory kept */

static inline struct gw_str gw_buf_str(const struct gw_buf *buf)
{
    return (struct gw_str){(const char *)buf->data, buf->len};
}

#endif
