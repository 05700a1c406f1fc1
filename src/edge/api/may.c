#include "edge/api/may.h"

#include <godwit/status.h>

#include "edge/api/name.h"
#include "edge/worker.h"

int gw_api_may(const struct gw_worker *worker, const struct gw_conn *conn, enum gw_action action,
               struct gw_str channel)
{
    switch (gw_may(worker->options.auth, &conn->grant, action, channel)) {
    case 0:
        return 0;
    case GW_ERR_CREDENTIAL:
        return 401;
    default:
        return 403;
    }
}

int gw_api_may_there(const struct gw_worker *worker, const struct gw_conn *conn,
                     enum gw_action action, const struct gw_ask *ask)
{
    char room[GW_CHANNEL_NAME_MAX];
    struct gw_str name;

    if (!gw_name_read(ask->param, room, &name)) /* on_request says what is wrong with it */
        name = (struct gw_str){NULL, 0};
    return gw_api_may(worker, conn, action, name);
}
