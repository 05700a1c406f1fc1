/* client.h - one simulated client: a WebSocket that listens and publishes, or a poster over HTTP.
 *
 * Written on the public godwit/ws.h, as a program of somebody else's would be.
 *
 * Threads: one. */
#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <godwit/ws.h>

#include "core/buf.h"
#include "loop/loop.h"
#include "sim/oracle.h"

struct seeded;

enum client_phase { CLIENT_NONE, CLIENT_CONNECTING, CLIENT_SHAKING, CLIENT_OPEN, CLIENT_GONE };

struct client {
    struct gw_loop *loop;
    int fd;
    enum client_phase phase;
    bool poster;       /* speaks HTTP; else a WebSocket */
    bool closing;      /* our close frame is sent */
    bool asleep;       /* does not read */
    uint64_t wakes_ns; /* till then */
    struct oracle_view view;
    bool offers_deflate; /* and then compresses all it can, if the server agrees */
    struct gw_ws *ws;
    char key[GW_WS_KEY_LEN + 1];
    struct gw_buf out, in; /* not yet sent; not yet understood */
    uint32_t posting;      /* the number of the publication whose answer is awaited */
    bool awaits_answer;
    uint16_t close_code; /* what the server said in its close frame, else 0 */
    uint64_t delivered;
    bool in_message; /* input ended in mid-frame */
    bool refused;    /* the last POST was answered 503 */
};

/* What a client is: speaks HTTP and publishes, or is a WebSocket, with or without compression. */
enum client_kind { CLIENT_POSTER, CLIENT_PLAIN, CLIENT_DEFLATED };

/* Begins to connect, to `since` ("" for new) of the channel, or as a poster. */
void client_start(struct client *client, struct gw_loop *loop, const union gw_address *to,
                  uint64_t token, uint32_t channel, const char *since, enum client_kind kind,
                  struct seeded *random);

/* An event of its descriptor, or time to go on. */
void client_go(struct client *client, struct oracle *oracle, struct seeded *random);

/* Publishes publication `number` with a payload of `len` bytes, on whatever way it has. */
void client_publish(struct client *client, uint32_t number, unsigned len, struct seeded *random);

void client_say_goodbye(struct client *client, struct seeded *random);

/* Gives everything back; closes its descriptor if it is open. */
void client_end(struct client *client);

#endif
