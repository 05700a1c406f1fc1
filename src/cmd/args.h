/* args.h - flags and words of the verbs that are not configured by options: pub and sub.
 *
 * `--name=value` anywhere among the words; after `--` everything is a word.
 *
 * Threads: any. */
#ifndef GW_CMD_ARGS_H
#define GW_CMD_ARGS_H

#include <stddef.h>

struct gw_arg_flag {
    const char *name;   /* "url" for --url=VALUE */
    const char **value; /* where it goes; untouched when it is not given */
};

#define GW_ARG_WORDS_MAX 8

struct gw_args {
    const struct gw_arg_flag *flags; /* ends with a NULL name */
    const char *words[GW_ARG_WORDS_MAX];
    size_t word_count;
};

/* Reads `argv` up to its NULL. Returns 0, or GW_EXIT_USAGE after having said what is wrong with
 * `verb`. */
int gw_args_read(struct gw_args *args, const char *verb, char *const *argv);

#endif
