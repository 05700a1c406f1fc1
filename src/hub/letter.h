/* letter.h - what one worker's hub writes to another's.
 *
 * Handling a letter never needs room for another one, but a request's own reply, whose place in the
 * mailbox back the asker has reserved (at most `mailbox_slots` requests to one worker are
 * unanswered). Letters keep their order. A letter that is never handled (shutdown) is given to
 * gw_letter_drop().
 *
 * Threads: plain data; what it owns moves with it. */
#ifndef GW_HUB_LETTER_H
#define GW_HUB_LETTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"
#include "hub/position.h"

struct gw_pub;
struct gw_alloc;
struct gw_watermark;

/* A channel's name, owned. */
struct gw_name {
    uint8_t len;
    char text[];
};

enum gw_letter_kind {
    GW_LETTER_JOIN,      /* request, branch to home: subscribe me (again), since ... */
    GW_LETTER_JOINED,    /* reply: where it starts, and what the branch lacks of start .. head */
    GW_LETTER_LEAVE,     /* request, branch to home */
    GW_LETTER_LEFT,      /* reply: nothing comes after this */
    GW_LETTER_PUBLISH,   /* request */
    GW_LETTER_PUBLISHED, /* reply */
    GW_LETTER_DELETE,    /* request; its reply is a PUBLISHED with the position that is then */
    GW_LETTER_READ,      /* request: of the history, since ... */
    GW_LETTER_PAGE,      /* reply */
    GW_LETTER_RANGE,     /* home to branch: publications, in order */
    GW_LETTER_RESTARTED, /* home to branch: a new epoch, and its first publications */
    GW_LETTER_COUNT,     /* branch to home: how many subscribers it has, and is it behind? */
    GW_LETTER_CLAIM,     /* request, to a session's home: it is to be mine */
    GW_LETTER_CLAIMED,   /* reply: with the watermark, if so */
    GW_LETTER_RECALL,    /* home to holder: somebody else is to have it */
    GW_LETTER_RELEASE    /* holder to home: here it is */
};

struct gw_letter {
    uint8_t kind;
    uint8_t from;  /* the worker that wrote it */
    uint8_t reset; /* JOINED, PAGE: enum gw_reset; CLAIMED: what the client was told */
    uint8_t since_kind;
    bool restarted; /* JOINED: it is a RESTARTED as well */
    bool newest;    /* READ: the newest ones */
    bool duplicate; /* PUBLISHED */
    bool resumed;   /* CLAIMED: the session goes on */
    int32_t status; /* replies: 0 or an error; COUNT: 1 when the branch's sweep is behind */
    /* RANGE, RESTARTED, JOINED, PAGE: publications in `pubs`; READ: at most so many; COUNT, LEAVE,
     * JOIN: subscribers of the branch. */
    uint32_t count;
    uint32_t subscribers; /* PUBLISHED */
    uint64_t home;        /* handle of the channel on its home worker */
    uint64_t branch;      /* handle of the channel on the branch's worker */
    uint64_t asker; /* requests: given back in the reply (a subscription, or a `who`); RECALL: who
                       has it */
    uint64_t start; /* JOIN, READ: N of last:N; JOINED: first offset wanted by the asker */
    uint64_t start_tag; /* JOINED: of the publication before that one */
    /* With a restart: a reader of the old epoch that wanted this offset next had had everything; 0:
     * nobody had. */
    uint64_t complete;
    /* JOIN, READ: since; JOINED, RESTARTED, PUBLISHED, PAGE: epoch, and offset and tag of the head
     * or publication. */
    struct gw_position position;
    struct gw_name
        *name; /* JOIN, PUBLISH, DELETE, READ: owned; NULL in a PUBLISH that names `home` */
    /* PUBLISH: one, owned. RANGE, RESTARTED, JOINED, PAGE: `count` of them along `next`, a
     * reference on each. */
    struct gw_pub *pubs;
    struct gw_watermark *watermark; /* CLAIM, CLAIMED, RELEASE: owned; may be NULL in a CLAIMED */
};

/* Gives back what a letter owns. */
void gw_letter_drop(struct gw_letter *letter, const struct gw_alloc *alloc);

#endif
