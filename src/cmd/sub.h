/* sub.h - the verb `sub`: prints each message of one or more channels as a line.
 *
 * Threads: the main one. */
#ifndef GW_CMD_SUB_H
#define GW_CMD_SUB_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"

struct gw_client;
struct gw_url;
struct gw_ws;

#define GW_SUB_MESSAGE_MAX (16u * 1024 * 1024) /* no server takes more */

/* `argv` is what stands behind the verb, up to its NULL. Returns the exit status. */
int gw_cmd_sub(char *const *argv);

struct gw_sub_source {
    const struct gw_url *url;
    const char *token; /* NULL: none */
    const char *since; /* NULL: from now */
    bool json;         /* format=json: always so with several channels */
    const char *const *channels;
    size_t channel_count; /* at least one */
};

/* The opening handshake over an open connection. Returns 0, or GW_EXIT_FAILED after having said
 * why. */
int gw_sub_begin(struct gw_client *client, const struct gw_sub_source *source);

/* Prints messages to `out` until the server closes, `out` is closed, or `stop` becomes readable (a
 * signalfd or the like). Returns the exit status. */
int gw_sub_run(struct gw_client *client, struct gw_ws *ws, int out, int stop);

#endif
