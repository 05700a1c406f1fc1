/* server.h - the servers under measurement: started, pinned, read off, ended.
 *
 * All share the first core, so that the load has the other to itself. Where there is only one, all
 * share it.
 *
 * Threads: one. */
#ifndef GW_BENCH_SERVER_H
#define GW_BENCH_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "bare.h"

struct server {
    pid_t pid;
    uint16_t port;
};

void server_pin_load(void); /* moves the caller off the servers' core */

/* Starts the program argv[0], a `godwit serve` or one that runs it, and waits for the line in which
 * it says where on 127.0.0.1 it listens. Its log is thrown away. `argv` ends with NULL. */
struct server server_start(const char *const argv[]);
struct server server_start_bare(const struct bare *bare);
void server_stop(struct server server, int signal); /* and waits until it is gone */

double server_cpu_s(struct server server); /* of all threads, in user space and kernel */
long server_resident_bytes(struct server server);

#endif
