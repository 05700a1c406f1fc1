/* oracle.h - what was published, in which order everybody must see it, and what may be kept from
 * whom.
 *
 * The order is not inferred from what somebody received: it is recorded where it comes about, when
 * a home puts a publication into its log (peek.h). From then on a message that a reader gets, an
 * answer that a publisher gets, and a refusal that a position earns are each judged at once,
 * against the record and against what the settings promise to keep. The oracle believes the server
 * nothing but the order itself.
 *
 * A channel has *lives*, one after the other: a life is what one epoch names. It ends when the
 * server restarts, or when the channel starts over.
 *
 * Threads: one. */
#ifndef TESTS_SIM_ORACLE_H
#define TESTS_SIM_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "hub/hub.h"

#define ORACLE_PUBS_MAX     4096
#define ORACLE_CHANNELS_MAX 16
#define ORACLE_LIVES_MAX    64
#define ORACLE_NOBODY       UINT32_MAX /* published by nobody in particular */
#define ORACLE_SESSIONS_MAX 64
#define ORACLE_PINGS_MAX    256 /* that are remembered */

/* One publication, by its number. */
struct oracle_pub {
    uint8_t channel;
    bool binary;     /* as which it must arrive */
    bool acked;      /* its publisher was told so */
    bool retracted;  /* its publisher was told that it was not published */
    uint32_t len;    /* of its payload */
    uint32_t author; /* who published it: of one author's, the order is kept */
    uint16_t life;   /* where it is, once `offset` is not 0 */
    uint64_t offset;
};

struct oracle_entry {
    uint32_t number;
    uint64_t tag, born_ns;
    uint64_t cost_before; /* gw_pub_cost() of all before it in this life */
};

struct oracle_life {
    uint64_t epoch; /* 0: the server has not named it yet */
    struct oracle_entry *entries;
    uint32_t count, room;
    uint64_t cost; /* of all */
};

struct oracle_channel {
    struct oracle_life lives[ORACLE_LIVES_MAX];
    uint16_t life;        /* the present one */
    uint16_t server_life; /* the first one of the present server */
};

/* How far a reader has got: for coming back. */
struct oracle_place {
    bool known;
    uint16_t life;
    uint64_t offset;
};

/* What the clients of one session know of it, all together: see session.h. */
struct oracle_session {
    struct oracle_place got;   /* the last that any of them got, or may have begun behind */
    struct oracle_place acked; /* what the server has read an acknowledgement of */
    unsigned incarnation;      /* one ends when the server forgets it, or says so */
    bool promised;            /* a client of this one has been let in: now nothing may be missing */
    bool sure;                /* this one exists at the server, if session_ttl is not over */
    bool dead;                /* there is none, and nobody has come to begin one */
    bool told;                /* that it lacks something, and nobody has begun anew since */
    uint32_t attempt, claims; /* the highest with which any of them came; how many came */
    uint32_t let_in;          /* the highest that was let in, of this incarnation */
    uint64_t alive_ns;        /* when the server certainly held it for somebody */
    uint64_t begun_ns;        /* when somebody last came with attempt 0 */
};

struct oracle_ping {
    uint64_t nonce, sent_ns;
    bool says_nothing; /* as the server means it: its reader is still to hear of a loss */
    struct oracle_session *session; /* whose client has got it; NULL: none yet */
    struct oracle_place place;      /* how far that had got by then */
};

struct oracle {
    struct oracle_pub pubs[ORACLE_PUBS_MAX];
    uint32_t count; /* numbers 0 .. count - 1 have been tried */
    struct oracle_channel channels[ORACLE_CHANNELS_MAX];
    uint32_t channel_count;
    /* What the server promises to keep. */
    struct gw_history history;
    uint64_t live_log_bytes, session_ttl_ns;
    bool halved;  /* all histories together were too large: nothing is promised */
    bool starved; /* an allocation has failed: a branch may have lost its copy */
    uint64_t last_of_author[ORACLE_PUBS_MAX]; /* number + 1 of the last one appended */
    struct oracle_session sessions[ORACLE_SESSIONS_MAX];
    struct oracle_ping pings[ORACLE_PINGS_MAX]; /* a ring */
    uint32_t ping_count;
};

/* Where a reader began. Made as it asks; judged as it is answered. */
struct oracle_ask {
    struct gw_since since;
    uint16_t life;    /* the oldest that may answer it */
    uint16_t present; /* the channel's, as it asked */
    uint64_t head;    /* the same */
    uint64_t told;    /* what every worker that serves the channel had been told of by then */
};

/* The session that a connection asked for, as its clients knew it then. */
struct oracle_claim {
    struct oracle_session *session; /* NULL: none */
    uint32_t attempt;
    uint32_t let_in; /* as it asked; so are these */
    unsigned incarnation;
    struct oracle_place acked;
    bool sure, dead;
    bool outdone;                /* a higher attempt was let in before it asked */
    bool must_resume, may_begin; /* as the 101 came: neither: it must, if it is there */
    uint64_t repeats;            /* messages that somebody had got before */
    bool missed;                 /* there was something that nobody had got */
    struct oracle_place got;     /* as the 101 came */
    uint64_t begun_ns;           /* when that was */
};

/* What one connection saw of one channel. */
struct oracle_view {
    uint32_t channel;
    struct oracle_ask ask;
    bool began; /* its handshake has succeeded */
    bool exact; /* `next` is what must come; before, something between `least` and `most` */
    struct oracle_claim claim;
    bool dishonoured; /* it was told that a reset follows */
    bool fresh;       /* a session that begins: there may be nothing to be told of */
    bool told_reset;  /* and that came */
    uint16_t life;
    uint64_t next, least, most;
    uint32_t seen;
};

void oracle_init(struct oracle *oracle, uint32_t channel_count);
void oracle_fini(struct oracle *oracle);

/* --- What is published --- */

uint32_t oracle_publish(struct oracle *oracle, uint32_t channel, uint32_t len, bool binary,
                        uint32_t author); /* its number */

/* The payload of a publication: `len` bytes into `out`, the same each time. */
void oracle_payload(uint32_t number, uint32_t len, uint8_t *out);

/* The server has restarted: every channel begins a life whose epoch will be another. */
void oracle_restart(struct oracle *oracle, uint64_t now_ns);

/* A home has this epoch for the channel: it names the present life, or begins the next. */
void oracle_name_life(struct oracle *oracle, uint32_t channel, uint64_t epoch);

/* A home has put a publication into its log. */
void oracle_append(struct oracle *oracle, uint32_t channel, uint64_t epoch,
                   const struct gw_pub *pub, uint64_t now_ns);

/* Is this what the log should have there? */
void oracle_check_entry(const struct oracle *oracle, uint32_t channel, const struct gw_pub *pub);

/* The publisher of `number` was told that it is in the log, and where. */
void oracle_acknowledge(struct oracle *oracle, uint32_t number, const struct gw_position *where);
void oracle_retract(struct oracle *oracle, uint32_t number); /* that it was not published */

/* --- What is kept --- */

uint64_t oracle_head(const struct oracle *oracle, uint32_t channel);
uint64_t oracle_epoch(const struct oracle *oracle, uint32_t channel);

/* The first offset that the settings promise to keep of the present life: for whoever comes back;
 * and for a reader who is there. */
uint64_t oracle_kept_from(const struct oracle *oracle, uint32_t channel, uint64_t now_ns);
uint64_t oracle_live_from(const struct oracle *oracle, uint32_t channel, uint64_t now_ns);

/* --- Readers --- */

struct gw_position oracle_position(const struct oracle *oracle, uint32_t channel,
                                   const struct oracle_place *place);

/* A reader is about to ask; `told` is the head that every worker knows of. */
void oracle_ask(const struct oracle *oracle, struct oracle_view *view, uint32_t channel,
                const struct gw_since *since, uint64_t told);

/* Its handshake has succeeded; it may still be told that its position was not honoured. */
void oracle_begin(const struct oracle *oracle, struct oracle_view *view, uint64_t now_ns);

/* Who reads envelopes hears where it begins, and whether it has recovered what it missed (-1:
 * nothing was said of that); and of each reset, and where it goes on from there. */
void oracle_started(const struct oracle *oracle, struct oracle_view *view,
                    const struct gw_position *start, int recovered);
void oracle_reset(const struct oracle *oracle, struct oracle_view *view, enum gw_reset reason,
                  const struct gw_position *from, uint64_t now_ns);

/* It was told so (close code 4410). */
void oracle_refused(const struct oracle *oracle, const struct oracle_view *view,
                    enum gw_reset reason, uint64_t now_ns);

/* It was told that what it lacks is gone (4408). */
void oracle_lost(const struct oracle *oracle, const struct oracle_view *view, uint64_t now_ns);

/* It has got a message. */
void oracle_see(struct oracle *oracle, struct oracle_view *view, const uint8_t *data, size_t len,
                bool binary);

/* What it would come back with. */
struct oracle_place oracle_place_of(const struct oracle_view *view);

/* Has it got everything, if it is still there? */
bool oracle_caught_up(const struct oracle *oracle, const struct oracle_view *view);

/* --- At the end --- */

/* Who is still there was not told anything: then what it asked for was to be had. */
void oracle_check_honoured(const struct oracle *oracle, const struct oracle_view *view);

/* What this author has published has all come about: it was not told otherwise. */
void oracle_check_author(const struct oracle *oracle, uint32_t author);

#endif
