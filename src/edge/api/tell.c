#include "edge/api/tell.h"

#include "edge/worker.h"

#define TELL_BYTES_MAX 4096u /* the longest name, all of it escaped, is well below */

static void say(struct gw_worker *worker, struct gw_conn *conn, struct gw_buf *text, int status)
{
    if (status == 0)
        gw_conn_send(worker, conn, true, text->data, text->len, 0);
    else
        gw_conn_kill(worker, conn);
    gw_buf_fini(text);
}

void gw_tell_subscribed(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                        const struct gw_position *start, enum gw_recovered recovered)
{
    char word[GW_POSITION_LEN];
    struct gw_buf text;

    gw_position_write(word, start);
    gw_buf_init(&text, worker->alloc, TELL_BYTES_MAX);
    say(worker, conn, &text,
        gw_control_subscribed(&text, gw_hub_channel_of(worker->hub, subscription),
                              (struct gw_str){word, sizeof(word)}, recovered));
}

void gw_tell_reset(struct gw_worker *worker, struct gw_conn *conn, uint32_t subscription,
                   enum gw_reset reason, const struct gw_position *position)
{
    char word[GW_POSITION_LEN];
    struct gw_buf text;

    gw_position_write(word, position);
    gw_buf_init(&text, worker->alloc, TELL_BYTES_MAX);
    say(worker, conn, &text,
        gw_control_reset(&text, gw_hub_channel_of(worker->hub, subscription),
                         GW_STR(gw_reset_name(reason)), (struct gw_str){word, sizeof(word)}));
}
