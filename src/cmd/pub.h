/* pub.h - the verb `pub`: publishes a message, or each line of stdin.
 *
 * Threads: the main one. */
#ifndef GW_CMD_PUB_H
#define GW_CMD_PUB_H

#include "core/str.h"

struct gw_client;
struct gw_client_answer;
struct gw_url;

#define GW_PUB_LINE_MAX (16u * 1024 * 1024) /* no server takes more */

/* `argv` is what stands behind the verb, up to its NULL. Returns the exit status. */
int gw_cmd_pub(char *const *argv);

struct gw_pub_target {
    const struct gw_url *url;
    const char *key; /* NULL: none */
    const char *channel;
};

/* Posts one message over an open connection and waits for the answer. Returns 0 with whatever
 * the server answered, or as gw_client_answer(). */
int gw_pub_post(struct gw_client *client, const struct gw_pub_target *target, struct gw_str message,
                struct gw_client_answer *answer);

#endif
