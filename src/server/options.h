/* options.h - everything about a server that can be set, declared once.
 *
 * The table in option.c names each option with its type, range, default and a sentence. From that
 * one declaration come the flag (--max-message=64KiB), the variable (GODWIT_MAX_MESSAGE), the key
 * of the YAML file (max_message), `godwit help options`, and what `godwit check` says. The values
 * live in the plain struct gw_options.
 *
 * To load: gw_options_init() sets the defaults; then, the later winning, gw_config_read()
 * (config.h), gw_options_environment(), gw_options_flag() for each flag; then gw_options_finish(),
 * which judges the whole. Everything that can be wrong with what a person wrote is one struct
 * gw_complaint that names the place, the key and what was expected.
 *
 * Threads: any, one at a time while loading; afterwards nothing changes. */
#ifndef GW_SERVER_OPTIONS_H
#define GW_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"
#include "hub/hub.h"
#include "loop/address.h"
#include "server/complaint.h"

struct gw_alloc;
struct gw_option;

#define GW_OPTIONS_MAX    64  /* rows of the table, at most: they are bits of a word */
#define GW_LISTEN_MAX     16  /* addresses in `listen` */
#define GW_LIST_MAX       256 /* entries of any other list */
#define GW_NAMESPACES_MAX 256
#define GW_API_KEY_MIN    16 /* characters */
#define GW_API_KEY_MAX    255
#define GW_ORIGIN_MAX     300 /* scheme, a DNS name and a port */

enum gw_open { GW_OPEN_OFF, GW_OPEN_ON, GW_OPEN_AUTO };

/* Where a value came from, the later winning. */
enum gw_source { GW_BY_DEFAULT, GW_BY_FILE, GW_BY_ENVIRONMENT, GW_BY_FLAG };

struct gw_place {
    enum gw_source source;
    uint32_t line; /* of the file; 0 elsewhere */
};

struct gw_texts {
    struct gw_str *items; /* each ends in a NUL too */
    size_t count;
};

/* Settings of the channels `name:...`; what the file does not give is as for all channels. */
struct gw_namespace {
    struct gw_str name;
    struct gw_history history;
    struct gw_place places[GW_OPTIONS_MAX]; /* GW_BY_DEFAULT: as for all channels */
};

struct gw_options {
    union gw_address listen[GW_LISTEN_MAX];
    uint32_t listen_count; /* at least 1 after gw_options_finish() */
    uint8_t open;          /* enum gw_open; what it comes to: gw_options_is_open() */
    bool echo;             /* besides open mode */
    bool deflate;
    struct gw_texts origins, api_keys;

    uint32_t max_head_bytes, max_headers, max_url_bytes;
    uint64_t handshake_timeout_ns, body_timeout_ns;

    uint32_t max_message_bytes, max_body_bytes, max_fragments;
    uint32_t control_rate, message_rate; /* a second */
    uint32_t byte_rate_bytes;            /* a second */

    uint64_t unit_cache_bytes, live_log_bytes;
    uint32_t max_private_bytes, notsent_lowat_bytes;
    uint64_t write_timeout_ns, message_timeout_ns;
    uint64_t ping_interval_ns, pong_timeout_ns, close_timeout_ns;

    uint32_t max_connections; /* 0: auto, see gw_options_connections() */
    uint32_t max_per_address;
    uint32_t accept_rate;       /* a second */
    uint32_t max_subscriptions; /* of a connection */

    uint32_t max_channels;
    struct gw_history history;    /* of a channel in no namespace with settings of its own */
    uint64_t history_total_bytes; /* 0: auto, see gw_options_history_total() */
    uint64_t channel_idle_ns;
    uint64_t idempotency_age_ns;
    uint64_t session_ttl_ns;
    uint32_t max_sessions;

    uint64_t memory_bytes; /* 0: auto, see gw_options_memory() */
    uint64_t drain_ns;
    uint32_t log_rate; /* a second, lines of one kind */

    struct gw_namespace *namespaces;
    size_t namespace_count;

    /* How it was loaded: for complaints, and for `godwit check`. */
    const struct gw_alloc *alloc; /* borrowed */
    char *file_name;              /* NULL: there was no file */
    struct gw_place places[GW_OPTIONS_MAX];
};

/* The defaults. Returns 0 or -ENOMEM; after a failure there is nothing to undo. */
int gw_options_init(struct gw_options *options, const struct gw_alloc *alloc);
void gw_options_fini(struct gw_options *options);

/* Reads what begins with GODWIT_ in `environment` (NULL-terminated, NAME=VALUE). A name that is no
 * option's is refused where it looks like a slip, and left alone otherwise: clusters put variables
 * like GODWIT_SERVICE_HOST there themselves.
 * Returns 0, GW_ERR_VALUE or -ENOMEM, with `*complaint` (as do all of these). */
int gw_options_environment(struct gw_options *options, char *const *environment,
                           struct gw_complaint *complaint);

/* One argument that begins with `--`. A list may be given by several flags. */
int gw_options_flag(struct gw_options *options, const char *argument,
                    struct gw_complaint *complaint);

/* Judges what only the whole can show, and fills in the namespaces. */
int gw_options_finish(struct gw_options *options, struct gw_complaint *complaint);

/* --- What they come to, after gw_options_finish() --- */

/* The settings of channel `name`: those of the part before its first `:`. */
struct gw_history gw_options_channel(const struct gw_options *options, struct gw_str name);

/* Open mode: `on`, or `auto` and every listener a loopback address. */
bool gw_options_is_open(const struct gw_options *options);

/* How many connections are taken where the process may have so many descriptors: `max_connections`,
 * or 80 % of them; and never so many that the reserve is touched. */
#define GW_DESCRIPTORS_RESERVED 64
uint32_t gw_options_connections(const struct gw_options *options, uint64_t descriptors_max);

/* The server's memory on a machine with so much: `memory`, or 70 % of it; what all histories have
 * of it
 * (`history_total`, or a quarter); and what connections have for what is not finished. */
uint64_t gw_options_memory(const struct gw_options *options, uint64_t machine_bytes);
uint64_t gw_options_history_total(const struct gw_options *options, uint64_t machine_bytes);
uint64_t gw_options_buffers(const struct gw_options *options, uint64_t machine_bytes);

/* --- For the reader of the file --- */

/* Says that `option` is now set at `place`: refuses the second time from one source (but for flags
 * of a list) and empties a list that an earlier source had set. */
int gw_options_begin(struct gw_options *options, struct gw_namespace *space,
                     const struct gw_option *option, struct gw_place place,
                     struct gw_complaint *complaint);
/* Reads the value, or one more entry of a list. */
int gw_options_take(struct gw_options *options, struct gw_namespace *space,
                    const struct gw_option *option, struct gw_str text,
                    struct gw_complaint *complaint);
/* The same for a list in one text, comma separated; anything else as gw_options_take(). */
int gw_options_take_all(struct gw_options *options, struct gw_namespace *space,
                        const struct gw_option *option, struct gw_str text,
                        struct gw_complaint *complaint);

/* Adds a namespace; it is borrowed until the next one is added. */
int gw_options_namespace_new(struct gw_options *options, struct gw_namespace **out,
                             struct gw_str name, struct gw_place place,
                             struct gw_complaint *complaint);

/* Complains about `key`, as it is called where it was given. Returns GW_ERR_VALUE. */
int gw_options_refuse(const struct gw_options *options, const struct gw_namespace *space,
                      struct gw_str key, struct gw_place place, struct gw_complaint *complaint,
                      const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
