/* setup.h - options from where they come: the file, the environment, the command line.
 *
 * Threads: the main one. */
#ifndef GW_CMD_SETUP_H
#define GW_CMD_SETUP_H

struct gw_options;

/* Fills `options` from `argv` (flags alone, up to its NULL; --config=FILE names the file) and the
 * environment. Returns 0, to be undone with gw_options_fini(); or the exit status, after having
 * said what is wrong with `verb`. */
int gw_setup(struct gw_options *options, const char *verb, char *const *argv);

#endif
