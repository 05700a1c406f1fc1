#include "edge/subs.h"

#include <errno.h>

#include "core/alloc.h"
#include "core/slab.h"
#include "edge/worker.h"

static struct gw_subs *list_of(const struct gw_worker *worker, const struct gw_conn *conn)
{
    assert(conn->flags & GW_CONN_MANY);
    return gw_slab_at(worker->lists, conn->subscription);
}

int gw_subs_make_list(struct gw_worker *worker, struct gw_conn *conn, uint32_t room)
{
    struct gw_subs *list;
    uint32_t index;

    assert(conn->subscription == GW_SUBSCRIPTION_NONE && room > 0);
    list = gw_slab_take(worker->lists, &index);
    if (!list)
        return -ENOMEM;
    list->at = gw_alloc_zeroed(worker->alloc, room, sizeof(list->at[0]));
    if (!list->at) {
        gw_slab_give(worker->lists, index);
        return -ENOMEM;
    }
    list->room = room;
    conn->subscription = index;
    conn->flags |= GW_CONN_MANY;
    return 0;
}

void gw_subs_add(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription)
{
    struct gw_subs *list;

    if (!(conn->flags & GW_CONN_MANY)) {
        assert(conn->subscription == GW_SUBSCRIPTION_NONE);
        conn->subscription = subscription;
        return;
    }
    list = list_of(worker, conn);
    assert(list->count < list->room);
    list->at[list->count++] = (struct gw_sub){subscription, GW_RESET_NONE};
    gw_hub_block(worker->hub, subscription); /* until all of them stand */
}

uint32_t gw_subs_count(const struct gw_worker *worker, const struct gw_conn *conn)
{
    if (conn->flags & GW_CONN_MANY)
        return list_of(worker, conn)->count;
    return conn->subscription != GW_SUBSCRIPTION_NONE;
}

uint32_t gw_subs_at(const struct gw_worker *worker, const struct gw_conn *conn, uint32_t i)
{
    assert(i < gw_subs_count(worker, conn));
    return conn->flags & GW_CONN_MANY ? list_of(worker, conn)->at[i].subscription
                                      : conn->subscription;
}

uint32_t gw_subs_find(const struct gw_worker *worker, const struct gw_conn *conn,
                      uint32_t subscription)
{
    uint32_t i = 0;

    while (gw_subs_at(worker, conn, i) != subscription)
        i++;
    return i;
}

void gw_subs_forget(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription)
{
    uint32_t i = gw_subs_find(worker, conn, subscription);

    if (conn->flags & GW_CONN_MANY)
        list_of(worker, conn)->at[i].subscription = GW_SUBSCRIPTION_NONE;
    else
        conn->subscription = GW_SUBSCRIPTION_NONE;
}

static void for_each(struct gw_worker *worker, struct gw_conn *conn,
                     void (*what)(struct gw_hub *hub, uint32_t subscription))
{
    uint32_t count = gw_subs_count(worker, conn);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t subscription = gw_subs_at(worker, conn, i);

        if (subscription != GW_SUBSCRIPTION_NONE)
            what(worker->hub, subscription);
    }
}

void gw_subs_block(struct gw_worker *worker, struct gw_conn *conn)
{
    for_each(worker, conn, gw_hub_block);
}

void gw_subs_unblock(struct gw_worker *worker, struct gw_conn *conn)
{
    if (!(conn->flags & GW_CONN_MANY) || conn->phase != GW_CONN_OPENING)
        for_each(worker, conn, gw_hub_unblock);
}

void gw_subs_leave(struct gw_worker *worker, struct gw_conn *conn)
{
    for_each(worker, conn, gw_hub_unsubscribe);
    if (conn->flags & GW_CONN_MANY) {
        gw_alloc_put(worker->alloc, list_of(worker, conn)->at);
        gw_slab_give(worker->lists, conn->subscription);
    }
    conn->subscription = GW_SUBSCRIPTION_NONE;
    conn->flags &= (uint16_t) ~(GW_CONN_MANY | GW_CONN_LOST | GW_CONN_RESTARTED);
}

void gw_subs_lose(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                  enum gw_reset reason)
{
    uint32_t i = gw_subs_find(worker, conn, subscription);

    assert(reason == GW_RESET_EPOCH || reason == GW_RESET_EXPIRED);
    conn->flags |= GW_CONN_LOST;
    if (conn->flags & GW_CONN_MANY)
        list_of(worker, conn)->at[i].lost = (uint8_t)reason;
    else if (reason == GW_RESET_EPOCH)
        conn->flags |= GW_CONN_RESTARTED;
}

static bool take_only_one(struct gw_conn *conn, uint32_t *subscription, enum gw_reset *reason)
{
    *subscription = conn->subscription;
    *reason = conn->flags & GW_CONN_RESTARTED ? GW_RESET_EPOCH : GW_RESET_EXPIRED;
    conn->flags &= (uint16_t) ~(GW_CONN_LOST | GW_CONN_RESTARTED);
    return true;
}

bool gw_subs_take_lost(struct gw_worker *worker, struct gw_conn *conn, uint32_t *subscription,
                       enum gw_reset *reason)
{
    struct gw_subs *list;

    if (!(conn->flags & GW_CONN_LOST))
        return false;
    if (!(conn->flags & GW_CONN_MANY))
        return take_only_one(conn, subscription, reason);
    list = list_of(worker, conn);
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->at[i].lost == GW_RESET_NONE)
            continue;
        *subscription = list->at[i].subscription;
        *reason = (enum gw_reset)list->at[i].lost;
        list->at[i].lost = GW_RESET_NONE;
        return true;
    }
    conn->flags &= (uint16_t)~GW_CONN_LOST;
    return false;
}
