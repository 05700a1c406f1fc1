/* crowd.h - very many readers of one channel, of whom some freeze.
 *
 * Each checks that the numbered messages come one after the other. Who is awake takes the time that
 * each took, from the clock in it; who is frozen leaves its socket alone until it is thawed.
 *
 * Threads: one. */
#ifndef GW_SOAK_CROWD_H
#define GW_SOAK_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "soak/link.h"

#define CROWD_CHANNEL     "crowd"
#define CROWD_MESSAGE_LEN 1024

enum listener_state {
    LISTENER_OPENING,
    LISTENER_AWAKE,
    LISTENER_FROZEN,
    LISTENER_TOLD, /* it was closed with 4408, and lacks the rest */
    LISTENER_CUT   /* its connection ended without a word */
};

struct listener {
    struct link link;
    struct crowd *crowd;
    enum listener_state state;
    bool freezes;
    uint16_t port;
    uint32_t next;           /* the number it wants, from 1 */
    uint32_t told;           /* close code */
    uint32_t unsent, unread; /* queues.h, when last looked at */
    uint64_t changed_ns;     /* when they were last seen to change */
    uint64_t ended_ns;       /* when the server was seen to have closed it; 0: not yet */
};

struct crowd {
    int epoll;
    uint16_t server_port;
    struct listener *listeners; /* the frozen last */
    uint32_t count, frozen_count;
    uint32_t *latencies_us; /* of every delivery to who was awake all the while */
    size_t latency_count, latency_room;
    uint32_t open_count;
};

uint64_t clock_ns(void);

/* Makes the message of that number, at this time, CROWD_MESSAGE_LEN bytes. */
void crowd_message(char *out, uint32_t number);

/* Connects all, who are open when this returns; the last `frozen_count` freeze then. At most
 * `message_count` messages will come. */
void crowd_open(struct crowd *crowd, uint16_t server_port, uint32_t count, uint32_t frozen_count,
                uint32_t message_count);
void crowd_close(struct crowd *crowd);

/* Takes what there is, and waits for at most so long for it. */
void crowd_turn(struct crowd *crowd, int wait_ms);

void crowd_thaw(struct crowd *crowd);

/* How many of those who freeze, or of the others, are in `state` and have all up to `number`. */
uint32_t crowd_count(const struct crowd *crowd, bool freezes, enum listener_state state,
                     uint32_t number);

/* Looks at the connections of the frozen. Returns how many of them are blocked: something lies
 * unsent at the server, and neither that nor what they have not read changed since they were looked
 * at before. */
uint32_t crowd_look(struct crowd *crowd);

/* How many of the frozen the server has closed, as far as was looked. (The end of a connection does
 * not reach who has no room for what stands before it.) */
uint32_t crowd_ended_count(const struct crowd *crowd);

#endif
