/* help.h - what `godwit --help` and `godwit help TOPIC` print: short, with examples, 80 columns.
 *
 * Threads: the main one. */
#ifndef GW_CMD_HELP_H
#define GW_CMD_HELP_H

/* Prints help about `topic`, or the overview for NULL. Returns the exit status. */
int gw_help_print(const char *topic);

#endif
