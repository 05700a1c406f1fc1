/* serve.h - the verb `serve`.
 *
 * Threads: the main one. */
#ifndef GW_CMD_SERVE_H
#define GW_CMD_SERVE_H

/* `argv` is what stands behind the verb, up to its NULL. Returns the exit status. */
int gw_cmd_serve(char *const *argv);

#endif
