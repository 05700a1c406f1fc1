/* crowd.h - the clients of a run: who they are, what they do, and that they come back.
 *
 * A person subscribes to a channel and remembers how far it got. Whatever ends its connection, it
 * comes back later, mostly with the position of the last message it saw; sometimes with an old one,
 * with one of another life of the channel, or with one that was made up. What it is told then is
 * judged by the oracle.
 *
 * Threads: one. */
#ifndef TESTS_SIM_CROWD_H
#define TESTS_SIM_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/client.h"
#include "sim/counts.h"
#include "sim/oracle.h"

#define CROWD_MAX 64

struct crowd_habits {
    unsigned clients, channels;
    unsigned payload_max;  /* bytes of a publication, at least 16 */
    unsigned big_permille; /* publications that are as large as that; the others are small */
    /* Of a thousand things that happen: */
    unsigned cut_permille;    /* a connection is reset, now or in mid-stream */
    unsigned leave_permille;  /* somebody says goodbye */
    unsigned vanish_permille; /* somebody's machine is gone */
    unsigned sleep_permille;  /* somebody stops reading for a while */
    unsigned sip_permille;    /* somebody reads little by little, for as long */
    uint64_t sleep_ns;
    unsigned odd_permille; /* of those who come back: with another position than they should */
    bool envelopes;        /* some read JSON */
    bool keys;             /* who posted and got no answer posts again, with the same key */
    bool sessions;         /* half of the subscribers have a session and a counter, and no more */
    bool tabs;             /* and all of those of six persons have the same one */
    unsigned stranger_permille; /* of those who come: under somebody else's session */
};

struct crowd {
    struct client_common common;
    struct crowd_habits habits;
    struct client clients[CROWD_MAX];
    struct oracle_place places[CROWD_MAX]; /* how far each person got in its channel */
    uint32_t attempts[CROWD_MAX];          /* each person's counter: with which to come next */
    uint64_t vanished_ns[CROWD_MAX]; /* when one of its clients last became half-open: by session */
    uint32_t unanswered[CROWD_MAX]; /* what each has posted and got no answer to, + 1; 0: nothing */
    /* Authors who said goodbye and heard it back: what they had said before is not lost. */
    uint32_t goodbyes[ORACLE_PUBS_MAX], goodbye_count;
    struct sim_counts *counts;
    bool quiet; /* nothing goes wrong any more, and everybody is honest */
};

/* `common` is filled in already. */
void crowd_begin(struct crowd *crowd);
void crowd_end(struct crowd *crowd);

/* The clients' turn. */
void crowd_turn(struct crowd *crowd);

/* Somebody comes, or publishes; and somebody has bad luck. True: something was published. */
bool crowd_act(struct crowd *crowd);

/* From now on nothing goes wrong. */
void crowd_calm(struct crowd *crowd);

/* Everybody who is gone comes back. */
void crowd_gather(struct crowd *crowd);

/* Is somebody not there, or has not got everything? Says what and who, or NULL. */
const char *crowd_unrest(const struct crowd *crowd, unsigned *who);

/* How many connections they hold; and how many of them read a channel. */
unsigned crowd_connections(const struct crowd *crowd);
uint32_t crowd_subscribers(const struct crowd *crowd, uint32_t channel);

/* Those who are there have got all there is, and so has everybody what they said, and what those
 * said who left in good order. */
void crowd_check(const struct crowd *crowd);

/* All say goodbye. */
void crowd_leave(struct crowd *crowd);

/* Something has happened that may end the connections of all. */
void crowd_excuse(struct crowd *crowd, unsigned excuse);

#endif
