/* page.h - a page of a channel's history, as a poll is answered.
 *
 *     {"position":"...","messages":[{"channel":"news","offset":1,...},...]}
 *
 * Made in one piece of its exact size, charged to what all connections together may take. Where the
 * position that was given cannot be honoured it is a problem, 410, with two more members: `reason`,
 * and `position`, from where to go on.
 *
 * Threads: the worker's own. */
#ifndef GW_EDGE_API_PAGE_H
#define GW_EDGE_API_PAGE_H

#include "edge/route.h"

/* Answers the request; page->status is 0. */
void gw_reply_page(struct gw_worker *worker, struct gw_conn *conn, struct gw_str channel,
                   bool newest, const struct gw_page *page);

#endif
