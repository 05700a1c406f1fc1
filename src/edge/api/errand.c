#include "edge/api/errand.h"

#include <errno.h>
#include <string.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "edge/api/page.h"
#include "edge/api/reply.h"
#include "edge/worker.h"

struct gw_errand gw_errand_make(enum gw_errand_kind kind, struct gw_str name)
{
    struct gw_errand errand = {.kind = kind, .name_len = name.len};

    assert(name.len <= GW_CHANNEL_NAME_MAX);
    memcpy(errand.name, name.data, name.len);
    return errand;
}

struct gw_str gw_errand_name(const struct gw_errand *errand)
{
    return (struct gw_str){errand->name, errand->name_len};
}

/* --- Keeping --- */

static void drop(struct gw_worker *worker, struct gw_kept *kept)
{
    struct gw_errand *errand = GW_CONTAINER(kept, struct gw_errand, kept);

    gw_pub_unref(errand->pub);
    gw_alloc_put(worker->alloc, errand);
}

bool gw_errand_keep(struct gw_worker *worker, struct gw_conn *conn, struct gw_errand *errand)
{
    struct gw_errand *copy = gw_alloc_get(worker->alloc, sizeof(*copy));

    if (!copy) {
        gw_pub_unref(errand->pub);
        return false;
    }
    *copy = *errand;
    gw_kept_add(conn, &copy->kept, drop);
    return true;
}

struct gw_errand gw_errand_take_back(struct gw_worker *worker, struct gw_conn *conn)
{
    struct gw_errand *kept = GW_CONTAINER(gw_kept_take(conn, drop), struct gw_errand, kept);
    struct gw_errand errand = *kept;

    gw_alloc_put(worker->alloc, kept);
    return errand;
}

/* --- Running --- */

/* The answer of an errand that the home has and nothing can wait for would be taken for that of the
 * next request: so there is no next one. */
static int forget(struct gw_worker *worker, struct gw_conn *conn, const struct gw_errand *errand)
{
    conn->flags |= GW_CONN_LAST;
    gw_reply_failed(worker, conn, errand->kind, errand->taken ? GW_ERR_GONE : -ENOMEM);
    return 0;
}

static int wait_for(struct gw_worker *worker, struct gw_conn *conn, struct gw_errand *errand)
{
    if (!gw_errand_keep(worker, conn, errand))
        return forget(worker, conn, errand);
    if (!errand->taken)
        gw_conn_park(worker, conn);
    return GW_PENDING;
}

/* A page is written in one piece, of up to some MiB: that is for the next turn once this one has
 * written enough. */
static int read_page(struct gw_worker *worker, const struct gw_errand *errand, uint64_t who,
                     struct gw_page *page)
{
    if (worker->page_bytes >= GW_WORKER_PAGE_BYTES)
        return GW_ERR_FULL;
    return gw_hub_read(worker->hub, gw_errand_name(errand), &errand->read, who, page);
}

/* Once: answers, or keeps the errand. */
static int attempt(struct gw_worker *worker, struct gw_conn *conn, struct gw_errand *errand)
{
    struct gw_str name = gw_errand_name(errand);
    uint64_t who = gw_conn_handle(worker, conn);
    struct gw_published result;
    struct gw_page page;
    int status;

    if (errand->kind == GW_ERRAND_PUBLISH)
        status = gw_hub_publish(worker->hub, name, errand->pub, who, &result);
    else if (errand->kind == GW_ERRAND_DELETE)
        status = gw_hub_delete(worker->hub, name, who, &result);
    else
        status = read_page(worker, errand, who, &page);

    if (status != GW_ERR_FULL)
        errand->pub = NULL;
    errand->taken = status == GW_PENDING;
    if (status == GW_PENDING || status == GW_ERR_FULL)
        return wait_for(worker, conn, errand);
    if (status != 0)
        gw_reply_failed(worker, conn, errand->kind, status);
    else if (errand->kind == GW_ERRAND_READ)
        gw_reply_page(worker, conn, name, errand->read.newest, &page);
    else
        gw_reply_done(worker, conn, errand->kind, name, &result);
    return 0;
}

int gw_errand_run(struct gw_worker *worker, struct gw_conn *conn, struct gw_errand *errand)
{
    int status = attempt(worker, conn, errand);

    if (status == GW_PENDING)
        gw_conn_set_due(worker, conn, worker->now.mono_ns + GW_ERRAND_WAITS_NS);
    return status;
}

/* --- Waiting --- */

/* Not when we have given up, and said so. */
static bool awaits(const struct gw_conn *conn)
{
    return conn->phase == GW_CONN_ANSWER && gw_kept_find(conn, drop);
}

void gw_errand_published(struct gw_worker *worker, struct gw_conn *conn,
                         const struct gw_published *result)
{
    struct gw_errand errand;

    if (!awaits(conn))
        return;
    errand = gw_errand_take_back(worker, conn);
    assert(errand.taken);
    if (result->status == 0)
        gw_reply_done(worker, conn, errand.kind, gw_errand_name(&errand), result);
    else
        gw_reply_failed(worker, conn, errand.kind, result->status);
}

void gw_errand_read(struct gw_worker *worker, struct gw_conn *conn, const struct gw_page *page)
{
    struct gw_errand errand;

    if (!awaits(conn))
        return;
    errand = gw_errand_take_back(worker, conn);
    assert(errand.taken);
    if (page->status == 0)
        gw_reply_page(worker, conn, gw_errand_name(&errand), errand.read.newest, page);
    else
        gw_reply_failed(worker, conn, errand.kind, page->status);
}

void gw_errand_room(struct gw_worker *worker, struct gw_conn *conn, bool last)
{
    struct gw_errand errand = gw_errand_take_back(worker, conn);

    if (!last) {
        (void)attempt(worker, conn, &errand); /* it answers, or is kept again */
        return;
    }
    gw_pub_unref(errand.pub); /* NULL when its home has it, and did not answer */
    gw_reply_failed(worker, conn, errand.kind, errand.taken ? GW_ERR_GONE : GW_ERR_FULL);
}
