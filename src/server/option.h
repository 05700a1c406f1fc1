/* option.h - the declaration of an option, from which everything that names options is made.
 *
 * One row says what an option is called, what it takes, what it is normally, and why one would set
 * it. A new option is a field in struct gw_options and a row in option.c.
 *
 * Threads: any; the table is constant. */
#ifndef GW_SERVER_OPTION_H
#define GW_SERVER_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct gw_namespace;
struct gw_options;

enum gw_option_type {
    GW_OPTION_SIZE,
    GW_OPTION_DURATION,
    GW_OPTION_COUNT,
    GW_OPTION_SWITCH, /* on, off */
    GW_OPTION_OPEN,   /* auto, on, off */
    GW_OPTION_ADDRESSES,
    GW_OPTION_ORIGINS,
    GW_OPTION_KEYS, /* never shown */
};

struct gw_option {
    const char *name; /* with underscores */
    enum gw_option_type type;
    bool by_namespace; /* may be set under `channels:` too */
    const char *word;  /* NULL, or a word that may stand instead of the number (and is kept as 0) */
    uint64_t min, max; /* of the value, both included */
    const char *normal; /* the default, as a person would write it */
    const char *section;
    const char *sentence;
    size_t field, width; /* where in struct gw_options */
};

/* All of them, by section, in the order in which help shows them. */
const struct gw_option *gw_option_all(size_t *count);
/* By name, `-` and `_` alike; NULL where there is none. */
const struct gw_option *gw_option_find(struct gw_str name);
/* The one that was probably meant, or NULL. */
const struct gw_option *gw_option_nearest(struct gw_str name);
bool gw_option_is_list(const struct gw_option *option);

/* "a size from 1KiB to 64KiB", "on or off": what an option takes. */
#define GW_OPTION_EXPECTED_MAX 160
void gw_option_expected(char out[GW_OPTION_EXPECTED_MAX], const struct gw_option *option);

/* The number in the field of an option that is no list; `space` is NULL, or the namespace whose
 * value is meant. */
uint64_t gw_option_value(const struct gw_option *option, const struct gw_options *options,
                         const struct gw_namespace *space);
/* The value as a person would write it (lists comma separated; keys only counted), cut to `room`.
 */
void gw_option_write(char *out, size_t room, const struct gw_option *option,
                     const struct gw_options *options, const struct gw_namespace *space);

/* The index of a row: of its place and its bit. */
size_t gw_option_index(const struct gw_option *option);

#endif
