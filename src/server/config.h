/* config.h - the configuration file: YAML, read with libyaml, and strictly.
 *
 *     max_message: 128KiB
 *     listen: [127.0.0.1:9880, "[::1]:9880"]
 *     channels:
 *       chat: {history: 50, history_age: 1h}
 *
 * A mapping of options, and under `channels:` a mapping of namespaces to mappings of options.
 * Every scalar is taken as text and read by its option's own type, so that YAML's guesses about
 * what is a number or a truth do not matter. What makes YAML dangerous is refused: aliases and
 * anchors, tags, several documents, and anything nested deeper than the above.
 *
 * Threads: as gw_options. */
#ifndef GW_SERVER_CONFIG_H
#define GW_SERVER_CONFIG_H

#include "core/str.h"

struct gw_complaint;
struct gw_options;

#define GW_CONFIG_BYTES_MAX (1024u * 1024)

/* Reads the file at `path` into `options`, between gw_options_init() and gw_options_finish(), once.
 * Returns 0, GW_ERR_VALUE (it cannot be read, or something in it is wrong) or -ENOMEM, with
 * `*complaint`. */
int gw_config_read(struct gw_options *options, const char *path, struct gw_complaint *complaint);

/* The same for text that is already here; `name` stands in complaints. */
int gw_config_parse(struct gw_options *options, const char *name, struct gw_str text,
                    struct gw_complaint *complaint);

#endif
