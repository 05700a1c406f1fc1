#include "edge/api/kept.h"

#include "edge/worker.h"

void gw_kept_add(struct gw_conn *conn, struct gw_kept *kept, gw_kept_drop_fn drop)
{
    assert(!gw_kept_find(conn, drop));
    kept->drop = drop;
    kept->next = conn->user;
    conn->user = kept;
}

struct gw_kept *gw_kept_find(const struct gw_conn *conn, gw_kept_drop_fn drop)
{
    struct gw_kept *kept = conn->user;

    while (kept && kept->drop != drop)
        kept = kept->next;
    return kept;
}

struct gw_kept *gw_kept_take(struct gw_conn *conn, gw_kept_drop_fn drop)
{
    struct gw_kept *found = gw_kept_find(conn, drop), *before = conn->user;

    if (!found)
        return NULL;
    if (before == found)
        conn->user = found->next;
    else {
        while (before->next != found)
            before = before->next;
        before->next = found->next;
    }
    return found;
}

void gw_kept_drop(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_kept *kept;

    while ((kept = conn->user)) {
        conn->user = kept->next;
        kept->drop(worker, kept);
    }
}
