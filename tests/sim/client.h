/* client.h - one simulated client: a WebSocket that listens and publishes, or a poster over HTTP.
 *
 * Written on the public godwit/ws.h, as a program of somebody else's would be. It is honest, and
 * its network is not: whatever it is told goes to the oracle at once, and when its connection ends
 * there must be a reason for that: it was told, or something was done to it.
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

struct gw_assembly;

struct seeded;
struct sim_net;

/* What all clients of a run share. */
struct client_common {
    struct gw_loop *loop;
    struct sim_net *net;
    struct oracle *oracle;
    struct seeded *random;
    union gw_address server;
    const struct gw_assembly *assembly; /* NULL: there is no server now */
    uint32_t authors;                   /* connections so far */
    bool keys;                          /* posters give keys, and ask again with them */
    bool calm;                          /* everybody answers pings at once */
    unsigned newcomers; /* what excuses those who come now: bits of enum client_excuse */
};

enum client_phase { CLIENT_NONE, CLIENT_CONNECTING, CLIENT_SHAKING, CLIENT_OPEN, CLIENT_GONE };

/* Speaks HTTP and publishes, or is a WebSocket: reads raw messages or envelopes, with or without
 * compression. */
enum client_kind {
    CLIENT_POSTER,
    CLIENT_PLAIN,
    CLIENT_DEFLATED,
    CLIENT_JSON,
    CLIENT_JSON_DEFLATED
};

/* How it answers pings: browsers answer at once, or the latest when they come to it. */
enum client_pongs { PONGS_AT_ONCE, PONGS_LATE, PONGS_NEVER };

/* The session under which it comes, if it does. */
struct client_claim {
    struct oracle_session *session; /* NULL: none */
    uint32_t attempt;
    bool silent;   /* does not say its attempt, which is 0 */
    bool stranger; /* the session is somebody else's */
};

/* Why its connection may end without a word. */
enum client_excuse {
    EXCUSE_CUT = 1 << 0,     /* its network was cut, or will be */
    EXCUSE_SLEPT = 1 << 1,   /* it did not read when it should have */
    EXCUSE_RESTART = 1 << 2, /* the server went */
    EXCUSE_FAMINE = 1 << 3,  /* the server had no memory */
    EXCUSE_CROWDED = 1 << 4, /* the server had no descriptors when it came */
};

struct client {
    struct client_common *common;
    unsigned index;
    int fd;
    enum client_phase phase;
    enum client_kind kind;
    bool closing;      /* our close frame is sent */
    bool asleep;       /* does not read */
    unsigned sip;      /* reads so many bytes at a time, and only when the world says so; 0: all */
    uint64_t wakes_ns; /* till then */
    unsigned excuse;   /* bits of enum client_excuse */
    struct oracle_view view;
    struct client_claim claim;
    struct oracle_claim foreign; /* a stranger's */
    enum client_pongs pongs;
    bool ping_waits; /* is not answered yet, and will be then, or never */
    uint64_t answers_ns;
    uint8_t ping[GW_WS_CONTROL_MAX];
    size_t ping_len;
    uint64_t in_ns;  /* when its session first did something for it; 0: it has not */
    bool told_again; /* with 4410, what another connection had been told before */
    struct gw_ws *ws;
    char key[GW_WS_KEY_LEN + 1];
    struct gw_buf out, in; /* not yet sent; not yet understood */
    uint32_t author;       /* of what this connection publishes */
    uint32_t posting;      /* the publication whose answer is awaited */
    bool awaits_answer;
    bool asks_again;     /* with the key of one that was posted before and not answered */
    uint16_t close_code; /* what the server said in its close frame, else 0 */
    uint32_t resets[GW_RESET_UNKNOWN + 1]; /* why, with 4410; or those after which it went on */
    uint64_t delivered, pinged, refused;   /* messages, pings, POSTs answered 503 */
    uint64_t duplicates;                   /* answers that it had been published */
    bool in_message;                       /* input ended in mid-frame */
};

/* Begins to connect: a poster, or a subscriber that begins at `since`, written as `text`, or where
 * its session says (`claim` may be NULL). */
void client_start(struct client *client, struct client_common *common, unsigned index,
                  uint32_t channel, enum client_kind kind, const char *text,
                  const struct client_claim *claim);

/* An event of its descriptor, or time to go on. */
void client_go(struct client *client);

/* Answers the ping that waits, if one does. */
void client_pong(struct client *client);

/* A slow one reads a little. */
void client_sip(struct client *client);

/* Publishes `len` bytes on whatever way it has, if it can now; says whether it did. */
bool client_publish(struct client *client, uint32_t len);

/* A poster posts once more what was posted by another connection that got no answer; says whether
 * it could now. */
bool client_publish_again(struct client *client, uint32_t number);

void client_say_goodbye(struct client *client);

/* Its machine is gone: nobody is told. */
void client_vanish(struct client *client);

/* Its connection is over, and may be. */
void client_check_end(const struct client *client);

/* Gives everything back; closes its descriptor if it is open. */
void client_end(struct client *client);

#endif
