#include "edge/api/kept.h"

#include "edge/worker.h"

void gw_kept_drop(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_kept *kept = conn->user;

    if (!kept)
        return;
    conn->user = NULL;
    kept->drop(worker, kept);
}
