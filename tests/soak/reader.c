#include "soak/reader.h"

#include <stdio.h>
#include <string.h>

#include "lib/seeded.h"
#include "soak/fail.h"
#include "soak/said.h"

/* A name and a place for every complaint. */
#define FAIL(reader, view, format, ...)                                                            \
    fail("reader %u, channel c%u, at offset %llu (%s): " format, (reader)->index, (view)->channel, \
         (unsigned long long)(view)->position.offset, (view)->word, __VA_ARGS__)

bool reader_connect(struct reader *reader, size_t request_part)
{
    char path[512];
    struct link_target target = {.port = reader->common->port,
                                 .path = path,
                                 .deflate = reader->deflate,
                                 .from = 2 + reader->index % 16,
                                 .request_part = request_part};
    int len = snprintf(path, sizeof(path), "/channels/");

    for (unsigned i = 0; i < reader->view_count; i++)
        len += snprintf(path + len, sizeof(path) - (size_t)len, "%sc%u", i > 0 ? "," : "",
                        reader->views[i].channel);
    len += snprintf(path + len, sizeof(path) - (size_t)len, "?format=json&since=");
    for (unsigned i = 0; i < reader->view_count; i++) {
        struct view *view = &reader->views[i];

        len += snprintf(path + len, sizeof(path) - (size_t)len, "%s%s", i > 0 ? "," : "",
                        view->word[0] ? view->word : "all");
        view->begun = false;
        view->awaits_reset = false;
    }
    return link_open(&reader->link, &target, reader->common->random);
}

/* --- What it is told --- */

static struct view *view_of(struct reader *reader, struct gw_str channel)
{
    for (unsigned i = 0; i < reader->view_count; i++) {
        char name[16];

        snprintf(name, sizeof(name), "c%u", reader->views[i].channel);
        if (gw_str_eq(channel, GW_STR(name)))
            return &reader->views[i];
    }
    fail("reader %u was told of channel %.*s", reader->index, (int)channel.len, channel.data);
}

/* It stands there now. */
static void move_to(struct reader *reader, struct view *view, struct gw_str word)
{
    struct gw_position position;

    if (!gw_position_read(&position, word))
        FAIL(reader, view, "%.*s is no position", (int)word.len, word.data);
    memcpy(view->word, word.data, word.len);
    view->word[word.len] = '\0';
    view->position = position;
}

static void take_subscribed(struct reader *reader, struct view *view, const struct said *said)
{
    bool asked = view->word[0] != '\0';

    if (view->begun)
        FAIL(reader, view, "%s", "`subscribed` twice on one connection");
    view->begun = true;
    reader->common->subscriptions++;
    if (!asked) {
        move_to(reader, view, said->position);
        view->life = reader->common->life;
        if (said->recovered.len > 0 || view->position.offset != 0)
            FAIL(reader, view, "%s", "since=all did not begin at the beginning");
    } else if (gw_str_eq(said->recovered, GW_STR("false"))) {
        view->awaits_reset = true; /* which brings the position to go on from */
    } else if (!gw_str_eq(said->recovered, GW_STR("true")) ||
               !gw_str_eq(said->position, GW_STR(view->word))) {
        FAIL(reader, view, "subscribed with recovered=%.*s at %.*s", (int)said->recovered.len,
             said->recovered.data, (int)said->position.len, said->position.data);
    }
}

static void take_reset(struct reader *reader, struct view *view, const struct said *said)
{
    uint64_t epoch = view->position.epoch;

    if (!view->awaits_reset || view->life == reader->common->life ||
        !gw_str_eq(said->reason, GW_STR("epoch")))
        FAIL(reader, view, "%s reset with reason %.*s, though history holds it (%zu in life %u)",
             view->awaits_reset ? "at once" : "later", (int)said->reason.len, said->reason.data,
             reader->common->ledgers[view->life][view->channel].entry_count, view->life);
    view->awaits_reset = false;
    view->life = reader->common->life;
    reader->common->resets++;
    move_to(reader, view, said->position);
    if (view->position.epoch == epoch)
        FAIL(reader, view, "%s", "reset to the epoch it had");
}

static void take_publication(struct reader *reader, struct view *view, const struct said *said)
{
    struct gw_position before = view->position;

    if (!view->begun || view->awaits_reset)
        FAIL(reader, view, "%s", "a publication before it was told where it stands");
    if (said->offset != before.offset + 1)
        FAIL(reader, view, "%s: the next was %llu", said->offset > before.offset ? "lost" : "again",
             (unsigned long long)said->offset);
    move_to(reader, view, said->position);
    if (view->position.offset != said->offset || view->position.epoch != before.epoch)
        FAIL(reader, view, "%s", "an envelope whose position is another's");
    ledger_seen(&reader->common->ledgers[view->life][view->channel], said->offset, said->print);
    reader->common->publications++;
}

static void on_event(void *ctx, const struct gw_ws_event *event)
{
    struct reader *reader = ctx;
    struct said said;
    struct view *view;

    if (event->kind == GW_WS_CLOSE)
        fail("reader %u was closed with %u", reader->index, event->close_code);
    if (event->kind != GW_WS_TEXT)
        fail("reader %u got something that is no text", reader->index);
    said_read(&said, (struct gw_str){(const char *)event->data, event->len});
    view = view_of(reader, said.channel);
    if (said.kind == SAID_SUBSCRIBED)
        take_subscribed(reader, view, &said);
    else if (said.kind == SAID_RESET)
        take_reset(reader, view, &said);
    else
        take_publication(reader, view, &said);
}

void reader_take(struct reader *reader, uint8_t *data, size_t len)
{
    link_take(&reader->link, data, len, on_event, reader);
}

bool reader_is_done(const struct reader *reader)
{
    for (unsigned i = 0; i < reader->view_count; i++) {
        const struct view *view = &reader->views[i];
        const struct ledger *ledger = &reader->common->ledgers[reader->common->life][view->channel];

        if (view->life != reader->common->life || !view->word[0] ||
            view->position.offset != ledger_total(ledger))
            return false;
    }
    return true;
}
