/* queues.h - what lies unsent and unread in the kernel, of each connection to a port.
 *
 * Both ends are on this machine, so /proc/net/tcp shows them both: how many bytes the server has
 * put into its socket that were not taken (tx_queue), and how many lie unread at the client
 * (rx_queue).
 *
 * Threads: one. */
#ifndef GW_SOAK_QUEUES_H
#define GW_SOAK_QUEUES_H

#include <stdbool.h>
#include <stdint.h>

#define QUEUES_PORTS 65536

struct queues {
    uint32_t unsent, unread; /* bytes */
    bool established;        /* to the server: it has not closed it */
};

/* Fills `out`, which has QUEUES_PORTS places, by the client's port. */
void queues_read(struct queues *out, uint16_t server_port);

#endif
