#include "edge/api/subscribe.h"

#include <errno.h>
#include <string.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "edge/api/asked.h"
#include "edge/api/errand.h"
#include "edge/api/kept.h"
#include "edge/api/may.h"
#include "edge/api/session.h"
#include "edge/api/tell.h"
#include "edge/subs.h"
#include "edge/variants.h"
#include "edge/worker.h"

static enum gw_edge_variant variant_of(const struct gw_conn *conn)
{
    bool deflated = conn->flags & GW_CONN_DEFLATED;

    if (conn->flags & GW_CONN_ENVELOPES)
        return deflated ? GW_EDGE_ENVELOPE_DEFLATED : GW_EDGE_ENVELOPE;
    return deflated ? GW_EDGE_WEBSOCKET_DEFLATED : GW_EDGE_WEBSOCKET;
}

static int subscribe(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name,
                     const struct gw_since *since, struct gw_subscribed *result)
{
    uint32_t subscription;
    int status = gw_hub_subscribe(worker->hub, name, since, variant_of(conn),
                                  gw_conn_handle(worker, conn), conn->fd, &subscription, result);

    if (status >= 0)
        gw_subs_add(worker, conn, subscription);
    return status;
}

/* --- Raw: one channel, and nothing is said but what it says --- */

/* What on_open returns of a subscription that stands. */
static int raw_stands(struct gw_worker *worker, struct gw_conn *conn,
                      const struct gw_subscribed *result, const char **reason)
{
    if (result->reset == GW_RESET_NONE) {
        gw_session_stands(worker, conn, 0, result);
        return 0;
    }
    if (gw_session_says(conn))
        gw_session_told(worker, conn, result->reset);
    *reason = gw_reset_name(result->reset);
    return 4410;
}

static int open_raw(struct gw_worker *worker, struct gw_conn *conn, struct gw_asked *asked,
                    const char **reason)
{
    char room[GW_CHANNEL_NAME_MAX];
    struct gw_subscribed result;
    struct gw_since since;
    struct gw_str name;
    int status;

    (void)gw_asked_next(asked, room, &name, &since);
    gw_session_since(conn, 0, &since);
    status = subscribe(worker, conn, name, &since, &result);
    return status == 0 ? raw_stands(worker, conn, &result, reason) : status;
}

static void raw_answered(struct gw_worker *worker, struct gw_conn *conn,
                         const struct gw_subscribed *result)
{
    const char *reason = NULL;
    int code = raw_stands(worker, conn, result, &reason);

    gw_conn_opened(worker, conn, code, reason);
}

/* --- Envelopes: any number of channels, and a word about each --- */

/* How a subscription begins. */
struct welcome {
    struct gw_subscribed answer; /* once it stands */
    enum gw_recovered recovered; /* if nothing is missing */
};

/* What is kept until all stand: then all begin together, behind the 101. */
struct greeting {
    struct gw_kept kept;
    uint32_t count, waiting; /* for homes that have not answered */
    struct welcome of[];     /* in the order of the subscriptions */
};

static void drop_greeting(struct gw_worker *worker, struct gw_kept *kept)
{
    gw_alloc_put(worker->alloc, GW_CONTAINER(kept, struct greeting, kept));
}

static struct greeting *keep_greeting(struct gw_worker *worker, struct gw_conn *conn,
                                      uint32_t count)
{
    struct greeting *greeting =
        gw_alloc_zeroed(worker->alloc, 1, sizeof(*greeting) + count * sizeof(greeting->of[0]));

    if (greeting)
        gw_kept_add(conn, &greeting->kept, drop_greeting);
    return greeting;
}

static struct greeting *greeting_of(const struct gw_conn *conn)
{
    return GW_CONTAINER(gw_kept_find(conn, drop_greeting), struct greeting, kept);
}

static bool has_channel(const struct gw_worker *worker, const struct gw_conn *conn,
                        struct gw_str name)
{
    for (uint32_t i = 0; i < gw_subs_count(worker, conn); i++)
        if (gw_str_eq(gw_hub_channel_of(worker->hub, gw_subs_at(worker, conn, i)), name))
            return true;
    return false;
}

/* Who gave a position, or came with a session, wants to hear what became of that. */
static enum gw_recovered recovered_by(const struct gw_conn *conn, const struct gw_since *since)
{
    if (since->kind == GW_SINCE_POSITION || since->kind == GW_SINCE_UNKNOWN)
        return GW_RECOVERED_YES;
    if (!gw_session_held(conn))
        return GW_RECOVERED_NOT_ASKED;
    return gw_session_resumed(conn) ? GW_RECOVERED_YES : GW_RECOVERED_NO;
}

static int subscribe_all(struct gw_worker *worker, struct gw_conn *conn, struct gw_asked *asked,
                         struct greeting *greeting, const char **reason)
{
    char room[GW_CHANNEL_NAME_MAX];
    struct gw_since since;
    struct gw_str name;

    while (gw_asked_next(asked, room, &name, &since)) {
        struct welcome *welcome = &greeting->of[greeting->count];
        int status;

        *reason = "a channel is named twice";
        if (has_channel(worker, conn, name))
            return 4400;
        gw_session_since(conn, greeting->count++, &since);
        status = subscribe(worker, conn, name, &since, &welcome->answer);
        if (status < 0)
            return status;
        welcome->recovered = recovered_by(conn, &since);
        greeting->waiting += status == GW_PENDING;
    }
    return greeting->waiting > 0 ? GW_PENDING : 0;
}

static void give_up(struct gw_worker *worker, struct gw_conn *conn)
{
    gw_subs_leave(worker, conn);
    gw_kept_drop(worker, conn);
}

static int open_envelopes(struct gw_worker *worker, struct gw_conn *conn, struct gw_asked *asked,
                          const char **reason)
{
    struct greeting *greeting = keep_greeting(worker, conn, asked->count);
    int status = greeting ? 0 : -ENOMEM;

    conn->flags |= GW_CONN_ENVELOPES;
    if (status == 0 && asked->count > 1)
        status = gw_subs_make_list(worker, conn, asked->count);
    if (status == 0)
        status = subscribe_all(worker, conn, asked, greeting, reason);
    if (status != 0 && status != GW_PENDING)
        give_up(worker, conn);
    return status;
}

static void envelopes_answered(struct gw_worker *worker, struct gw_conn *conn,
                               uint32_t subscription, const struct gw_subscribed *result)
{
    struct greeting *greeting = greeting_of(conn);

    greeting->of[gw_subs_find(worker, conn, subscription)].answer = *result;
    if (--greeting->waiting == 0)
        gw_conn_opened(worker, conn, 0, NULL);
}

static void tell(struct gw_worker *worker, struct gw_conn *conn, uint32_t i,
                 const struct welcome *welcome)
{
    uint32_t subscription = gw_subs_at(worker, conn, i);
    const struct gw_subscribed *answer = &welcome->answer;
    bool honoured = answer->reset == GW_RESET_NONE;

    gw_tell_subscribed(worker, conn, subscription, &answer->start,
                       honoured ? welcome->recovered : GW_RECOVERED_NO);
    if (!honoured && conn->phase == GW_CONN_OPEN)
        gw_tell_reset(worker, conn, subscription, answer->reset, &answer->start);
    if (conn->phase == GW_CONN_OPEN)
        gw_session_stands(worker, conn, i, answer);
}

void gw_subscribe_opened(struct gw_worker *worker, struct gw_conn *conn)
{
    struct greeting *greeting;

    if (!(conn->flags & GW_CONN_ENVELOPES))
        return;
    greeting = greeting_of(conn);
    for (uint32_t i = 0; i < greeting->count && conn->phase == GW_CONN_OPEN; i++)
        tell(worker, conn, i, &greeting->of[i]);
    drop_greeting(worker, gw_kept_take(conn, drop_greeting));
}

/* --- Any --- */

static int may_subscribe(struct gw_worker *worker, struct gw_conn *conn, struct gw_asked asked,
                         const char **reason)
{
    char room[GW_CHANNEL_NAME_MAX];
    struct gw_str name;
    int may = 0;

    while (may == 0 && gw_asked_next(&asked, room, &name, NULL))
        may = gw_api_may(worker, conn, GW_TO_SUBSCRIBE, name);
    if (may == 0)
        return 0;
    *reason = may == 401 ? "a credential is needed" : "not allowed";
    return 4000 + may;
}

static int open_channels(struct gw_worker *worker, struct gw_conn *conn, struct gw_asked *asked,
                         const char **reason)
{
    return asked->envelopes ? open_envelopes(worker, conn, asked, reason)
                            : open_raw(worker, conn, asked, reason);
}

/* --- With a session --- */

/* The URL, until the home of its session has answered. */
struct question {
    struct gw_kept kept;
    struct gw_str channels, query; /* in `text` */
    char text[];
};

static void drop_question(struct gw_worker *worker, struct gw_kept *kept)
{
    gw_alloc_put(worker->alloc, GW_CONTAINER(kept, struct question, kept));
}

static int keep_question(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask)
{
    struct gw_str channels = ask->param, query = ask->request->query;
    struct question *question =
        gw_alloc_get(worker->alloc, sizeof(*question) + channels.len + query.len);

    if (!question)
        return -ENOMEM;
    memcpy(question->text, channels.data, channels.len);
    memcpy(question->text + channels.len, query.data, query.len);
    question->channels = (struct gw_str){question->text, channels.len};
    question->query = (struct gw_str){question->text + channels.len, query.len};
    gw_kept_add(conn, &question->kept, drop_question);
    return GW_PENDING;
}

/* Its session is known, or why it has none. */
static int open_claimed(struct gw_worker *worker, struct gw_conn *conn, struct gw_asked *asked,
                        int status, const struct gw_claimed *claimed, const char **reason)
{
    int code = gw_session_begin(worker, conn, status, claimed, asked->since_given, reason);

    if (code == 0)
        code = open_channels(worker, conn, asked, reason);
    if (code < 0)
        gw_kept_drop(worker, conn);
    return code;
}

static int open_session(struct gw_worker *worker, struct gw_conn *conn, struct gw_asked *asked,
                        const struct gw_ask *ask, const char **reason)
{
    struct gw_claimed claimed;
    int status = gw_session_claim(worker, conn, asked, ask, &claimed);

    return status == GW_PENDING ? keep_question(worker, conn, ask)
                                : open_claimed(worker, conn, asked, status, &claimed, reason);
}

/* The question was good when it was asked. */
static void read_again(struct gw_worker *worker, const struct question *question,
                       struct gw_asked *asked)
{
    const char *reason;
    int code = gw_asked_channels(asked, question->channels,
                                 worker->options.settings.subscriptions_max, &reason);

    assert(code == 0);
    code = gw_asked_parameters(asked, question->query, &reason);
    assert(code == 0);
}

void gw_subscribe_claimed(struct gw_worker *worker, struct gw_conn *conn,
                          const struct gw_claimed *claimed)
{
    struct gw_kept *kept = gw_kept_take(conn, drop_question);
    struct gw_asked asked;
    const char *reason = NULL;
    int code;

    if (!kept || conn->phase != GW_CONN_OPENING) { /* it was refused meanwhile */
        if (kept)
            drop_question(worker, kept);
        gw_hub_release(worker->hub, claimed->watermark);
        return;
    }
    read_again(worker, GW_CONTAINER(kept, struct question, kept), &asked);
    code = open_claimed(worker, conn, &asked, claimed->status, claimed, &reason);
    drop_question(worker, kept);
    if (code != GW_PENDING)
        gw_conn_opened(worker, conn, code, reason);
}

struct gw_watermark *gw_subscribe_recalled(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_watermark *watermark = gw_session_let_go(conn);

    if (watermark && conn->phase == GW_CONN_OPENING)
        gw_conn_opened(worker, conn, 4409, GW_SESSION_TAKEN);
    else if (watermark && conn->phase == GW_CONN_OPEN)
        gw_conn_close(worker, conn, 4409, GW_STR(GW_SESSION_TAKEN));
    return watermark;
}

/* --- Either --- */

int gw_subscribe_open(struct gw_worker *worker, struct gw_conn *conn, const struct gw_ask *ask,
                      const char **reason)
{
    struct gw_asked asked;
    int code =
        gw_asked_channels(&asked, ask->param, worker->options.settings.subscriptions_max, reason);

    if (code == 0)
        code = may_subscribe(worker, conn, asked, reason);
    if (code == 0)
        code = gw_asked_parameters(&asked, ask->request->query, reason);
    if (code != 0)
        return code;
    return asked.session.data ? open_session(worker, conn, &asked, ask, reason)
                              : open_channels(worker, conn, &asked, reason);
}

void gw_subscribe_answered(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                           const struct gw_subscribed *result)
{
    if (result->status != 0) {
        gw_subs_forget(worker, conn, subscription);
        give_up(worker, conn);
        gw_conn_opened(worker, conn, result->status, NULL);
    } else if (conn->flags & GW_CONN_ENVELOPES)
        envelopes_answered(worker, conn, subscription, result);
    else
        raw_answered(worker, conn, result);
}

/* It was too slow for what is kept, or its stream has started over: it is told. Where there are no
 * words for that but the end, it comes back; else it goes on, with what begins now. */
void gw_subscribe_lost(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                       enum gw_reset reason)
{
    struct gw_position position;

    if (!(conn->flags & GW_CONN_ENVELOPES)) {
        if (reason == GW_RESET_EPOCH)
            gw_session_told(worker, conn, reason);
        gw_conn_close(worker, conn, reason == GW_RESET_EXPIRED ? 4408 : 4410,
                      GW_STR(gw_reset_name(reason)));
        return;
    }
    gw_hub_resume(worker->hub, subscription);
    position = gw_hub_where(worker->hub, subscription);
    gw_tell_reset(worker, conn, subscription, reason, &position);
    gw_session_progress(worker, conn);
}

/* --- Publishing over a WebSocket --- */

/* The hub has `pub` (taken), or it waits for room, or the connection hears why not. */
static void publish(struct gw_worker *worker, struct gw_conn *conn, struct gw_str name,
                    struct gw_pub *pub)
{
    struct gw_published result;
    int status = gw_hub_publish(worker->hub, name, pub, gw_conn_handle(worker, conn), &result);

    if (status == GW_ERR_FULL) {
        struct gw_errand errand = gw_errand_make(GW_ERRAND_PUBLISH, name);

        errand.pub = pub;
        if (gw_errand_keep(worker, conn, &errand))
            gw_conn_park(worker, conn);
        else
            gw_conn_kill(worker, conn);
    } else if (status < 0)
        gw_conn_close(worker, conn, 1011, GW_STR("out of memory"));
}

/* Not when it has left its channel, because we are closing; and with several it could not say for
 * which it means it. */
bool gw_subscribe_may_send(struct gw_worker *worker, struct gw_conn *conn)
{
    return !(conn->flags & GW_CONN_MANY) && conn->subscription != GW_SUBSCRIPTION_NONE &&
           gw_api_may(worker, conn, GW_TO_PUBLISH,
                      gw_hub_channel_of(worker->hub, conn->subscription)) == 0;
}

void gw_subscribe_message(struct gw_worker *worker, struct gw_conn *conn,
                          const struct gw_message *message)
{
    struct gw_pub_parts parts = {.kind = message->text ? GW_PUB_TEXT : GW_PUB_BINARY,
                                 .payload = {(const char *)message->data, message->len}};
    struct gw_pub *pub;

    if (!gw_subscribe_may_send(worker, conn)) {
        gw_conn_close(worker, conn, 4403, GW_STR("publishing here is not allowed"));
        return;
    }
    if (gw_pub_new(&pub, worker->alloc, &parts) != 0)
        gw_conn_close(worker, conn, 1011, GW_STR("out of memory"));
    else
        publish(worker, conn, gw_hub_channel_of(worker->hub, conn->subscription), pub);
}

void gw_subscribe_room(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_errand errand = gw_errand_take_back(worker, conn);

    publish(worker, conn, gw_errand_name(&errand), errand.pub);
}
