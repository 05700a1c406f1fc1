#include "edge/api/api.h"
#include "edge/api/asked.h"
#include "edge/api/errand.h"
#include "edge/api/may.h"
#include "edge/api/name.h"
#include "edge/api/reply.h"

static int may(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    return gw_api_may_there(worker, conn, GW_TO_SUBSCRIBE, ask);
}

static int on_request(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    char room[GW_CHANNEL_NAME_MAX];
    const char *detail = GW_BAD_NAME;
    struct gw_errand errand;
    struct gw_str name;
    int status = 400;

    if (gw_name_read(ask->param, room, &name)) {
        errand = gw_errand_make(GW_ERRAND_READ, name);
        status = gw_asked_history(&errand.read, ask->request->query, &detail);
    }
    if (status == 0)
        return gw_errand_run(worker, conn, &errand);
    gw_conn_problem(worker, conn, status, detail, NULL);
    return 0;
}

const struct gw_route gw_route_history = {
    .path = "/channels/{channel}/history",
    .flags = GW_ROUTE_GET,
    .may = may,
    .on_request = on_request,
    .on_read = gw_errand_read,
    .on_room = gw_errand_room,
    .on_gone = gw_kept_drop,
};
