/* post.h - publishes over HTTP, one request at a time on one connection, without waiting for it.
 *
 * Threads: one. */
#ifndef GW_SOAK_POST_H
#define GW_SOAK_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POST_ANSWER_MAX 2048

struct post {
    int fd;       /* -1 where there is no connection; not blocking */
    bool waiting; /* for an answer */
    char answer[POST_ANSWER_MAX];
    size_t answer_len;
};

#define POST_NONE ((struct post){.fd = -1})

bool post_open(struct post *post, uint16_t port); /* false when nobody listens */
void post_end(struct post *post);                 /* fine where there is no connection */

/* Sends a whole request, where none is waiting. False when the connection is gone. */
bool post_send(struct post *post, const char *channel, const char *type, const void *payload,
               size_t len);

/* Takes what of the answer is there. Returns the publication's offset once it is whole; 0 for not
 * yet; -1 when the connection is gone. Ends the run where the answer is not 200. */
int64_t post_take(struct post *post);

#endif
