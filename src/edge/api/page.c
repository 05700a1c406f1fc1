#include "edge/api/page.h"

#include <errno.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "edge/api/reply.h"
#include "edge/envelope.h"
#include "edge/worker.h"
#include "hub/publication.h"

static const char front[] = "{\"position\":\"", middle[] = "\",\"messages\":[", back[] = "]}\n";

static size_t envelope_size(const struct gw_entry *entry)
{
    char position[GW_POSITION_LEN];
    struct gw_envelope envelope = gw_envelope_of(entry, position);

    return gw_envelope_size(&envelope);
}

static uint8_t *put(uint8_t *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

static uint8_t *put_envelope(uint8_t *at, const struct gw_entry *entry)
{
    char position[GW_POSITION_LEN];
    struct gw_envelope envelope = gw_envelope_of(entry, position);

    return at + gw_envelope_write(&envelope, at);
}

/* A walk along a page. Whoever follows its last publication is not ours to look at: its home may be
 * about to say so. */
struct walk {
    struct gw_entry entry;
    const struct gw_pub *next;
    uint32_t left;
};

static struct walk walk_of(struct gw_str channel, const struct gw_page *page)
{
    return (struct walk){
        .entry = {NULL, channel, page->position.epoch}, .next = page->first, .left = page->count};
}

static bool step(struct walk *walk)
{
    if (walk->left == 0)
        return false;
    walk->entry.pub = walk->next;
    walk->left--;
    walk->next = walk->left > 0 ? walk->entry.pub->next : NULL;
    return true;
}

/* Of the envelopes, with a comma between two. */
static size_t list_size(struct gw_str channel, const struct gw_page *page)
{
    struct walk walk = walk_of(channel, page);
    size_t size = page->count > 0 ? page->count - 1 : 0;

    while (step(&walk))
        size += envelope_size(&walk.entry);
    return size;
}

static void put_oldest_first(uint8_t *at, struct gw_str channel, const struct gw_page *page)
{
    struct walk walk = walk_of(channel, page);

    while (step(&walk)) {
        at = put_envelope(at, &walk.entry);
        if (walk.left > 0)
            *at++ = ',';
    }
}

/* Publications know who follows them, not whom they follow: so it is filled from its `end`. */
static void put_newest_first(uint8_t *end, struct gw_str channel, const struct gw_page *page)
{
    struct walk walk = walk_of(channel, page);

    while (step(&walk)) {
        end -= envelope_size(&walk.entry);
        (void)put_envelope(end, &walk.entry);
        if (walk.left > 0)
            *--end = ',';
    }
}

static void fill(uint8_t *body, size_t list, struct gw_str channel, bool newest,
                 const struct gw_page *page)
{
    char position[GW_POSITION_LEN];
    uint8_t *at = put(body, front, sizeof(front) - 1);

    gw_position_write(position, &page->position);
    at = put(at, position, sizeof(position));
    at = put(at, middle, sizeof(middle) - 1);
    if (newest)
        put_newest_first(at + list, channel, page);
    else
        put_oldest_first(at, channel, page);
    (void)put(at + list, back, sizeof(back) - 1);
}

static void say_messages(struct gw_worker *worker, struct gw_conn *conn, struct gw_str channel,
                         bool newest, const struct gw_page *page, const char *extra)
{
    size_t list = list_size(channel, page);
    size_t len = sizeof(front) - 1 + GW_POSITION_LEN + sizeof(middle) - 1 + list + sizeof(back) - 1;
    uint8_t *body = gw_alloc_get(&worker->buffers.alloc, len);

    worker->page_bytes += len; /* measuring it is half of the work */
    if (!body) {
        gw_reply_failed(worker, conn, GW_ERRAND_READ, -ENOMEM);
        return;
    }
    fill(body, list, channel, newest, page);
    gw_conn_answer(worker, conn,
                   &(struct gw_http_answer){.status = 200,
                                            .type = "application/json",
                                            .extra = extra,
                                            .body = {(const char *)body, len}});
    gw_alloc_put(&worker->buffers.alloc, body);
}

/* RFC 9457 section 3.2: a problem may have members of its own. Ours go before the closing brace. */
static int write_gone(struct gw_buf *body, const struct gw_page *page)
{
    char position[GW_POSITION_LEN];
    int status = gw_http_problem_body(body, 410, "that position cannot be read on from");

    gw_position_write(position, &page->position);
    if (status == 0)
        body->len--;
    status = status ? status : gw_buf_text(body, GW_STR(",\"reason\":\""));
    status = status ? status : gw_buf_text(body, GW_STR(gw_reset_name(page->reset)));
    status = status ? status : gw_buf_text(body, GW_STR("\",\"position\":\""));
    status = status ? status : gw_buf_append(body, position, sizeof(position));
    return status ? status : gw_buf_text(body, GW_STR("\"}"));
}

static void say_gone(struct gw_worker *worker, struct gw_conn *conn, const struct gw_page *page,
                     const char *extra)
{
    struct gw_buf body;

    gw_buf_init(&body, worker->alloc, 4096);
    gw_conn_problem_body(worker, conn, 410, &body, write_gone(&body, page), extra);
    gw_buf_fini(&body);
}

void gw_reply_page(struct gw_worker *worker, struct gw_conn *conn, struct gw_str channel,
                   bool newest, const struct gw_page *page)
{
    char extra[GW_POSITION_LINE_SIZE];

    assert(page->status == 0);
    gw_reply_position(extra, &page->position);
    if (page->reset == GW_RESET_NONE)
        say_messages(worker, conn, channel, newest, page, extra);
    else
        say_gone(worker, conn, page, extra);
}
