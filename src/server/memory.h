/* memory.h - how much memory there is for us: the machine's, or less where a cgroup confines us.
 *
 * Threads: any. */
#ifndef GW_SERVER_MEMORY_H
#define GW_SERVER_MEMORY_H

#include <stdint.h>

/* In bytes. The least of the machine's memory and the limits of the process's cgroup and of those
 * it lies in (version 2; of version 1 the memory controller's own). Never 0. */
uint64_t gw_memory_bytes(void);

#endif
