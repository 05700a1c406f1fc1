/* client.h - a small blocking client: one connection to a server, for `pub` and `sub`.
 *
 * It waits with poll(), and never without an end: each call names how long it may take. HTTP and
 * WebSocket are taken apart by proto/http and godwit/ws.h, as in the server.
 *
 * Threads: the owner's own. */
#ifndef GW_CMD_CLIENT_H
#define GW_CMD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/str.h"

struct gw_complaint;
struct gw_url;

#define GW_CLIENT_CONNECT_MS   10000
#define GW_CLIENT_ANSWER_MS    45000 /* a server takes 30 s for a body, and 5 s to find room */
#define GW_CLIENT_INPUT_MAX    65536
#define GW_CLIENT_BODY_MAX     (1024u * 1024)
#define GW_CLIENT_REASON_SHOWN 64

struct gw_client {
    int fd;
    size_t start, end; /* input[start .. end) has arrived and was not used yet */
    uint8_t input[GW_CLIENT_INPUT_MAX];
};

/* Connects, to each of the host's addresses in turn. Returns 0, or -errno with a complaint that
 * says what to do. */
int gw_client_open(struct gw_client *client, const struct gw_url *url,
                   struct gw_complaint *complaint);
/* Takes over a connected socket. */
void gw_client_adopt(struct gw_client *client, int fd);
void gw_client_close(struct gw_client *client);

/* Sends all of both. Returns 0, -ETIMEDOUT, or -errno. */
int gw_client_send(struct gw_client *client, struct gw_str head, struct gw_str body,
                   int timeout_ms);

/* Receives once. Returns the count of new bytes, 0 at the end, -ETIMEDOUT, -ENOBUFS (the input is
 * full), or -errno. */
int gw_client_receive(struct gw_client *client, int timeout_ms);

/* Has the server closed, or said something unasked? Does not wait. */
bool gw_client_is_stale(struct gw_client *client);

/* Receives until a whole head is there, and stores its length: it stands at `start`. Returns 0,
 * GW_ERR_PROTOCOL, GW_ERR_CLOSED (it ended before), -ETIMEDOUT or -errno. */
int gw_client_head(struct gw_client *client, size_t *head_len, int timeout_ms);

struct gw_client_answer {
    int status;
    bool keep_alive;
    char reason[GW_CLIENT_REASON_SHOWN];
    struct gw_buf body;
};

/* Receives the answer to a request: interim ones (1xx but for 101) are passed over. `answer->body`
 * is initialised by the caller, and is emptied first. Returns as gw_client_head(), or
 * GW_ERR_TOO_BIG, or -ENOMEM. */
int gw_client_answer(struct gw_client *client, struct gw_client_answer *answer, int timeout_ms);

/* Says that the server refused `what`: with its status, the detail of its problem, and what to do.
 * Returns GW_EXIT_FAILED. */
int gw_client_refused(const char *what, const struct gw_client_answer *answer);

/* An error of the above in words: "the server closed the connection" and so on. */
const char *gw_client_strerror(int err);

/* May it stand in an Authorization header? Printable, without blanks. */
bool gw_client_is_credential(const char *text);

/* Appends the header lines that go with every request: who we are, and the credential unless it is
 * NULL. Returns as gw_buf_append(). */
int gw_client_common_head(struct gw_buf *out, const char *credential);

#endif
