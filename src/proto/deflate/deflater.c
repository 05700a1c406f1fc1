#include "proto/deflate/deflater.h"

#include <assert.h>
#include <errno.h>

#include "core/alloc.h"
#include "proto/deflate/isal.h"
#include "proto/ws/deflate.h"

#define ZLIB_LEVEL 1

/* One of the two does the work, the other is NULL. */
struct gw_deflater {
    const struct gw_alloc *alloc;
    struct gw_isal *isal;
    struct gw_ws_deflate *zlib;
    uint64_t runs;
};

static int open_engine(struct gw_deflater *deflater, enum gw_deflater_engine engine)
{
    static const struct gw_ws_deflate_options zlib = {.window_bits = GW_DEFLATER_WINDOW_BITS,
                                                      .level = ZLIB_LEVEL};

    if (engine == GW_DEFLATER_FASTEST)
        deflater->isal = gw_isal_new(deflater->alloc, GW_DEFLATER_WINDOW_BITS);
    return deflater->isal ? 0 : gw_ws_deflate_new(&deflater->zlib, deflater->alloc, &zlib);
}

int gw_deflater_new(struct gw_deflater **out, const struct gw_alloc *alloc,
                    enum gw_deflater_engine engine)
{
    struct gw_deflater *deflater = gw_alloc_zeroed(alloc, 1, sizeof(*deflater));

    if (!deflater)
        return -ENOMEM;
    deflater->alloc = alloc;
    if (open_engine(deflater, engine) != 0) {
        gw_alloc_put(alloc, deflater);
        return -ENOMEM;
    }
    *out = deflater;
    return 0;
}

void gw_deflater_free(struct gw_deflater *deflater)
{
    if (!deflater)
        return;
    gw_isal_free(deflater->isal, deflater->alloc);
    gw_ws_deflate_free(deflater->zlib);
    gw_alloc_put(deflater->alloc, deflater);
}

const char *gw_deflater_engine(const struct gw_deflater *deflater)
{
    return deflater->isal ? "ISA-L" : "zlib";
}

uint64_t gw_deflater_runs(const struct gw_deflater *deflater)
{
    return deflater->runs;
}

size_t gw_deflater_frame(struct gw_deflater *deflater, uint8_t *out, enum gw_ws_opcode opcode,
                         const void *data, size_t len)
{
    size_t payload_at = gw_ws_frame_len(len, 0) - len;
    size_t payload_len;

    assert(opcode == GW_WS_OP_TEXT || opcode == GW_WS_OP_BINARY);
    if (len < GW_DEFLATER_BYTES_MIN)
        return 0;
    deflater->runs++;
    if (!deflater->isal)
        return gw_ws_deflate_frame(deflater->zlib, out, opcode, data, len, NULL);
    payload_len = gw_isal_run(deflater->isal, out + payload_at, len, data, len);
    return payload_len > 0 ? gw_ws_deflate_head(out, payload_at, opcode, payload_len, NULL) : 0;
}
