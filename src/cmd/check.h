/* check.h - the verb `check`: would `serve` start with this, and what would it go by?
 *
 * Threads: the main one. */
#ifndef GW_CMD_CHECK_H
#define GW_CMD_CHECK_H

/* `argv` is what stands behind the verb, up to its NULL. Returns the exit status. */
int gw_cmd_check(char *const *argv);

#endif
