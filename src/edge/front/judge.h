/* judge.h - everything that is asked of a request before its route sees it.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_FRONT_JUDGE_H
#define GW_EDGE_FRONT_JUDGE_H

#include <stdbool.h>

#include "edge/route.h"

struct gw_judgement {
    int status; /* 0: go on; else the answer's status, a problem but for 204 */
    const char *detail;
    char extra[512];     /* more header lines of that answer, or "" */
    bool close;          /* not a byte behind this request is to be interpreted */
    bool websocket;      /* a good handshake for a route that takes them */
    uint16_t close_code; /* of a WebSocket whose credential is wrong: open, then close */
};

/* Fills conn->route and conn->grant, `ask->param` and `*judgement`. `ask->request` is given. */
void gw_judge(struct gw_worker *worker, struct gw_conn *conn, struct gw_ask *ask,
              struct gw_judgement *judgement);

#endif
