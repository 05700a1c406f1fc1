#include "edge/api/kept.h"

#include <string.h>

#include "core/alloc.h"
#include "edge/worker.h"

void gw_kept_drop(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_kept *kept = conn->user;

    if (!kept)
        return;
    conn->user = NULL;
    kept->drop(worker, kept);
}

struct gw_str gw_pending_name(const struct gw_pending *pending)
{
    return (struct gw_str){pending->name, pending->name_len};
}

static void drop_pending(struct gw_worker *worker, struct gw_kept *kept)
{
    struct gw_pending *pending = GW_CONTAINER(kept, struct gw_pending, kept);

    gw_pub_unref(pending->pub);
    gw_alloc_put(worker->alloc, pending);
}

bool gw_pending_keep(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name,
                     struct gw_pub *pub)
{
    struct gw_pending *pending = gw_alloc_get(worker->alloc, sizeof(*pending));

    assert(!conn->user && name.len <= GW_CHANNEL_NAME_MAX);
    if (!pending) {
        gw_pub_unref(pub);
        return false;
    }
    pending->kept.drop = drop_pending;
    pending->pub = pub;
    pending->name_len = name.len;
    memcpy(pending->name, name.data, name.len);
    conn->user = &pending->kept;
    return true;
}
