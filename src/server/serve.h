/* serve.h - a server made from options, run until it is told to stop.
 *
 * Threads: the main one. */
#ifndef GW_SERVER_SERVE_H
#define GW_SERVER_SERVE_H

struct gw_options;

/* Listens, serves, and drains on SIGTERM and SIGINT. `options` is finished, and borrowed until it
 * returns. What goes wrong is in the log by then. Returns 0 after a clean stop, or the error that
 * prevented the start. */
int gw_serve(const struct gw_options *options);

#endif
