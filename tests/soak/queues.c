#include "soak/queues.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "soak/fail.h"

#define ESTABLISHED 1 /* as the kernel numbers the states of TCP */

void queues_read(struct queues *out, uint16_t server_port)
{
    FILE *file = fopen("/proc/net/tcp", "r");
    unsigned local, remote, state, unsent, unread;
    char line[512];

    if (!file)
        fail("/proc/net/tcp: %s", strerror(errno));
    memset(out, 0, QUEUES_PORTS * sizeof(*out));
    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, " %*u: %*x:%x %*x:%x %x %x:%x", &local, &remote, &state, &unsent,
                   &unread) != 5)
            continue; /* the heading */
        if (local == server_port && remote < QUEUES_PORTS) {
            out[remote].unsent = unsent;
            out[remote].established = state == ESTABLISHED;
        } else if (remote == server_port && local < QUEUES_PORTS)
            out[local].unread = unread;
    }
    fclose(file);
}
