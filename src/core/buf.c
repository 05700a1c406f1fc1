#include "core/buf.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/num.h"

void gw_buf_init(struct gw_buf *buf, const struct gw_alloc *alloc, size_t cap)
{
    *buf = (struct gw_buf){.alloc = alloc, .cap = cap};
}

void gw_buf_fini(struct gw_buf *buf)
{
    gw_alloc_put(buf->alloc, buf->data);
    gw_buf_init(buf, buf->alloc, buf->cap);
}

bool gw_buf_fits(const struct gw_buf *buf, size_t more)
{
    return more <= buf->cap - buf->len;
}

/* The smallest doubling of GW_BUF_FIRST that holds `need`, or the cap where that is less. */
static size_t room_for(const struct gw_buf *buf, size_t need)
{
    size_t room = buf->room > 0 ? buf->room : GW_BUF_FIRST;

    while (room < need && room <= buf->cap / 2)
        room *= 2;
    return room < need || room > buf->cap ? buf->cap : room;
}

uint8_t *gw_buf_reserve(struct gw_buf *buf, size_t more)
{
    assert(buf->len <= buf->room && buf->room <= buf->cap);
    if (!gw_buf_fits(buf, more))
        return NULL;
    if (!buf->data || more > buf->room - buf->len) {
        size_t room = room_for(buf, buf->len + more);
        uint8_t *data = gw_alloc_resize(buf->alloc, buf->data, buf->len, room);

        if (!data)
            return NULL;
        buf->data = data;
        buf->room = room;
    }
    return buf->data + buf->len;
}

void gw_buf_added(struct gw_buf *buf, size_t more)
{
    assert(more <= buf->room - buf->len);
    buf->len += more;
}

int gw_buf_append(struct gw_buf *buf, const void *data, size_t len)
{
    uint8_t *to;

    if (len == 0) /* `data` may be NULL then, which memcpy may not be given */
        return 0;
    if (!gw_buf_fits(buf, len))
        return -EMSGSIZE;
    to = gw_buf_reserve(buf, len);
    if (!to)
        return -ENOMEM;
    memcpy(to, data, len);
    gw_buf_added(buf, len);
    return 0;
}

int gw_buf_text(struct gw_buf *buf, struct gw_str text)
{
    return gw_buf_append(buf, text.data, text.len);
}

int gw_buf_u64(struct gw_buf *buf, uint64_t number)
{
    char digits[GW_U64_DIGITS];

    return gw_buf_append(buf, digits, gw_num_write(digits, number));
}

void gw_buf_drop(struct gw_buf *buf, size_t len)
{
    assert(len <= buf->len);
    if (len == 0)
        return;
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
}

void gw_buf_clear(struct gw_buf *buf)
{
    buf->len = 0;
}
