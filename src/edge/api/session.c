#include "edge/api/session.h"

#include <errno.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "edge/accept.h"
#include "edge/api/kept.h"
#include "edge/subs.h"
#include "edge/worker.h"

struct hold {
    struct gw_kept kept;
    struct gw_watermark *watermark; /* owned; NULL: somebody else has it, or its home */
    struct gw_watermark *receipt; /* owned: for when the client has heard that it lost something */
    bool resumed;
    bool since_given;
    bool pinged;               /* `sent` is what the pong of the last ping says */
    struct gw_position sent[]; /* as many as marks of the watermark */
};

static void drop(struct gw_worker *worker, struct gw_kept *kept)
{
    struct hold *hold = GW_CONTAINER(kept, struct hold, kept);

    gw_hub_release(worker->hub, hold->watermark);
    gw_watermark_free(hold->receipt, worker->alloc);
    gw_alloc_put(worker->alloc, hold);
}

/* NULL where the connection holds none. */
static struct hold *hold_of(const struct gw_conn *conn)
{
    struct gw_kept *kept = gw_kept_find(conn, drop);

    return kept ? GW_CONTAINER(kept, struct hold, kept) : NULL;
}

static struct hold *make_hold(struct gw_worker *worker, struct gw_conn *conn, uint32_t count)
{
    struct hold *hold =
        gw_alloc_zeroed(worker->alloc, 1, sizeof(*hold) + count * sizeof(hold->sent[0]));

    if (hold)
        gw_kept_add(conn, &hold->kept, drop);
    return hold;
}

/* --- Claiming --- */

int gw_session_claim(struct gw_worker *worker, struct gw_conn *conn, const struct gw_asked *asked,
                     const struct gw_ask *ask, struct gw_claimed *claimed)
{
    const struct gw_http_request *request = ask->request;
    uint8_t address[GW_ADDRESS_BYTES];
    uint32_t origins;
    struct gw_session_name name = {
        .id = asked->session,
        .user = {(const char *)&conn->grant.kind, sizeof(conn->grant.kind)},
        .origin = gw_http_header_find(request->headers, request->header_count, "Origin", &origins),
        .address = {(const char *)address, gw_accept_address(worker, conn, address)},
        .attempt = asked->attempt};
    struct gw_watermark *claim = gw_hub_session(worker->hub, &name, asked->count);
    char room[GW_CHANNEL_NAME_MAX];
    struct gw_asked walked = *asked;
    struct gw_str channel;

    if (!claim)
        return -ENOMEM;
    while (gw_asked_next(&walked, room, &channel, NULL))
        gw_hub_session_add(worker->hub, claim, channel);
    return gw_hub_claim(worker->hub, claim, gw_conn_handle(worker, conn), claimed);
}

static int refusal_of(int status, const char **reason)
{
    switch (status) {
    case GW_ERR_GONE:
        *reason = gw_reset_name(GW_RESET_UNKNOWN);
        return 4410;
    case GW_ERR_DENIED:
        *reason = "the session belongs to another user, Origin or list of channels";
        return 4403;
    case GW_ERR_TAKEN:
        *reason = GW_SESSION_TAKEN;
        return 4409;
    default:
        return status;
    }
}

int gw_session_begin(struct gw_worker *worker, struct gw_conn *conn, int status,
                     const struct gw_claimed *claimed, bool since_given, const char **reason)
{
    struct hold *hold;

    if (status != 0)
        return refusal_of(status, reason);
    hold = make_hold(worker, conn, claimed->watermark->count);
    if (!hold) {
        gw_hub_release(worker->hub, claimed->watermark);
        return -ENOMEM;
    }
    if (claimed->told != GW_RESET_NONE) {
        hold->receipt = claimed->watermark;
        hold->receipt->release = GW_RELEASE_FORGET;
        *reason = gw_reset_name(claimed->told);
        return 4410;
    }
    hold->watermark = claimed->watermark;
    hold->resumed = claimed->resumed;
    hold->since_given = since_given;
    return 0;
}

/* --- Beginning --- */

bool gw_session_held(const struct gw_conn *conn)
{
    return hold_of(conn) != NULL;
}

bool gw_session_resumed(const struct gw_conn *conn)
{
    const struct hold *hold = hold_of(conn);

    return hold && hold->resumed;
}

bool gw_session_says(const struct gw_conn *conn)
{
    const struct hold *hold = hold_of(conn);

    return hold && hold->resumed && !hold->since_given;
}

void gw_session_since(const struct gw_conn *conn, uint32_t i, struct gw_since *since)
{
    if (gw_session_says(conn))
        *since = (struct gw_since){.kind = GW_SINCE_POSITION,
                                   .position = hold_of(conn)->watermark->marks[i].position};
}

/* Where its reader is told that something is missing, the mark stays where it is until a pong says
 * that it has heard: one of a session that has just begun is nowhere, and whoever came back with
 * that would be told. */
void gw_session_stands(struct gw_worker *worker, struct gw_conn *conn, uint32_t i,
                       const struct gw_subscribed *result)
{
    struct hold *hold = hold_of(conn);

    if (!hold || !hold->watermark)
        return;
    gw_hub_track(worker->hub, gw_subs_at(worker, conn, i));
    if (i + 1 == hold->watermark->count)
        hold->watermark->stood = true;
    if (result->reset != GW_RESET_NONE)
        gw_conn_want_ack(worker, conn);
    else if (hold->since_given || !hold->resumed)
        hold->watermark->marks[i].position = result->start;
}

/* --- Acknowledging --- */

void gw_session_progress(struct gw_worker *worker, struct gw_conn *conn)
{
    if (gw_session_held(conn))
        gw_conn_want_ack(worker, conn);
}

/* A subscription that has lost its place may stand behind what its reader has not been told of yet:
 * such a ping says nothing. Another follows when it has been told. */
bool gw_session_ping(struct gw_worker *worker, struct gw_conn *conn)
{
    struct hold *hold = hold_of(conn);

    if (!hold)
        return false;
    hold->pinged = hold->watermark && hold->watermark->stood && !(conn->flags & GW_CONN_LOST);
    for (uint32_t i = 0; hold->pinged && i < hold->watermark->count; i++)
        hold->sent[i] = gw_hub_where(worker->hub, gw_subs_at(worker, conn, i));
    return true;
}

void gw_session_pong(struct gw_worker *worker, struct gw_conn *conn)
{
    struct hold *hold = hold_of(conn);

    (void)worker;
    if (!hold || !hold->pinged || !hold->watermark)
        return;
    for (uint32_t i = 0; i < hold->watermark->count; i++)
        hold->watermark->marks[i].position = hold->sent[i];
}

/* --- Ends --- */

void gw_session_told(struct gw_worker *worker, struct gw_conn *conn, enum gw_reset reason)
{
    struct hold *hold = hold_of(conn);
    struct gw_watermark *watermark = gw_session_let_go(conn);

    if (!watermark)
        return;
    hold->receipt = gw_watermark_receipt(worker->alloc, watermark);
    watermark->release = GW_RELEASE_TOLD;
    watermark->reset = (uint8_t)reason;
    gw_hub_release(worker->hub, watermark);
}

void gw_session_farewell(struct gw_worker *worker, struct gw_conn *conn)
{
    struct hold *hold = hold_of(conn);

    if (!hold || !hold->receipt)
        return;
    gw_hub_release(worker->hub, hold->receipt);
    hold->receipt = NULL;
}

struct gw_watermark *gw_session_let_go(struct gw_conn *conn)
{
    struct hold *hold = hold_of(conn);
    struct gw_watermark *watermark = hold ? hold->watermark : NULL;

    if (hold)
        hold->watermark = NULL;
    return watermark;
}
