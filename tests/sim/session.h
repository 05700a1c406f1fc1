/* session.h - what must hold of sessions: the oracle's part that knows what their clients know.
 *
 * Whoever comes back with a session begins behind its watermark, and nobody outside sees that. But
 * it lies between two places that are known. It is no further than the last message that a client
 * of the session ever got, or something would be missing; and no less far than what the server has
 * read an acknowledgement of, or something would come again that must not. So the first message
 * must be one of those, and from then on the reader is one like all others.
 *
 * What had come before a ping is what its pong acknowledges. When the server reads the pong, and
 * whether it still holds the session then, is seen there (peek.h); how far the client had got is
 * not asked of the server.
 *
 * Threads: one. */
#ifndef TESTS_SIM_SESSION_H
#define TESTS_SIM_SESSION_H

#include "sim/oracle.h"

/* A client is about to come with this attempt; oracle_ask() was called. */
void session_ask(struct oracle *oracle, struct oracle_view *view, struct oracle_session *session,
                 uint32_t attempt, uint64_t now_ns);

/* The same of somebody who has no right to it. */
struct oracle_claim session_seen(const struct oracle *oracle, struct oracle_session *session,
                                 uint64_t now_ns);

/* The 101 is there: where it may begin. */
void session_begin(const struct oracle *oracle, struct oracle_view *view, uint64_t now_ns);

/* Something has come that comes to nobody but who holds it; or so long nothing that it must be its.
 */
void session_stands(struct oracle_view *view);
bool session_must_stand(const struct oracle_view *view, uint64_t now_ns);

/* It was told where it begins, by `subscribed`. */
void session_started(const struct oracle *oracle, struct oracle_view *view,
                     const struct gw_position *start, uint16_t life, int recovered);

/* The first message says where it has begun; each message, and each word of a new place, how far it
 * is. */
void session_first(const struct oracle *oracle, const struct oracle_view *view,
                   const struct oracle_pub *pub);
void session_see(struct oracle_view *view);

/* It was told that what it lacks is gone (by 4410, or in band), or that there is no such session.
 */
void session_refused(const struct oracle *oracle, const struct oracle_view *view,
                     enum gw_reset reason, uint64_t now_ns);

/* That was by 4410: so ends the session. True: that news has come before. */
bool session_over(struct oracle_view *view, enum gw_reset reason, uint64_t now_ns);

/* It was told that another has it now (4409). */
void session_taken(const struct oracle_view *view);

/* Whoever is still there was not refused: could it have been granted? */
void session_check_honoured(const struct oracle_view *view);

/* Whether a stranger was told the right thing: 4403 or, with 4410, that it is unknown. */
void session_judge_stranger(const struct oracle *oracle, const struct oracle_claim *claim,
                            uint16_t code, uint64_t now_ns);

/* The server is gone, and all sessions with it. */
void session_restart(struct oracle *oracle, uint64_t now_ns);

/* --- Pings --- */

/* The server sends one on a connection that holds a session; a client gets one; the server has read
 * the pong of one on a connection that holds the session still. */
void session_pinged(struct oracle *oracle, uint64_t nonce, bool says_nothing, uint64_t now_ns);
void session_got_ping(struct oracle *oracle, struct oracle_view *view, uint64_t nonce);
void session_acknowledged(struct oracle *oracle, uint64_t nonce, uint64_t now_ns);

#endif
