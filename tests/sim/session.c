#include "sim/session.h"

#include "sim/must.h"

#define HEARD_NS (300 * GW_NS_PER_MS) /* by then all has come that was sent with the 101 */
#define SETTLED_NS                                                                                 \
    (5 * GW_NS_PER_S) /* by then the server has seen everything that was ever sent                 \
                       */

static uint16_t present(const struct oracle *oracle, const struct oracle_view *view)
{
    return oracle->channels[view->channel].life;
}

static uint64_t count_of(const struct oracle *oracle, const struct oracle_view *view, uint16_t life)
{
    return oracle->channels[view->channel].lives[life].count;
}

static bool is_before(const struct oracle_place *a, const struct oracle_place *b)
{
    return a->life < b->life || (a->life == b->life && a->offset < b->offset);
}

static void reach(struct oracle_place *place, const struct oracle_place *to)
{
    if (to->known && (!place->known || is_before(place, to)))
        *place = *to;
}

static unsigned number_of(const struct oracle *oracle, const struct oracle_view *view)
{
    return (unsigned)(view->claim.session - oracle->sessions);
}

/* --- A claim --- */

static bool is_sure(const struct oracle *oracle, const struct oracle_session *session,
                    uint64_t now_ns)
{
    return session->sure && now_ns < session->alive_ns + oracle->session_ttl_ns;
}

/* One that begins does so behind what every worker knows of by now, unless the channel has begun
 * another life meanwhile and its worker has not heard of that. One that was told of may be told of
 * again: its client's answer need not have been heard. */
static void begin_anew(const struct oracle *oracle, const struct oracle_view *view,
                       struct oracle_session *session, uint64_t now_ns)
{
    const struct oracle_channel *channel = &oracle->channels[view->channel];
    struct oracle_place floor = {true, channel->life, view->ask.told};

    if (session->dead && !session->told && channel->life == channel->server_life)
        reach(&session->acked, &floor);
    session->dead = false;
    session->begun_ns = now_ns;
    if (is_sure(oracle, session, now_ns))
        return;
    session->sure = false; /* perhaps it was forgotten, and then all others find the new one */
    session->promised = false;
    session->let_in = 0;
}

struct oracle_claim session_seen(const struct oracle *oracle, struct oracle_session *session,
                                 uint64_t now_ns)
{
    return (struct oracle_claim){.session = session,
                                 .let_in = session->let_in,
                                 .incarnation = session->incarnation,
                                 .acked = session->acked,
                                 .sure = is_sure(oracle, session, now_ns),
                                 .dead = session->dead};
}

void session_ask(struct oracle *oracle, struct oracle_view *view, struct oracle_session *session,
                 uint32_t attempt, uint64_t now_ns)
{
    bool dead = session->dead;

    if (attempt == 0)
        begin_anew(oracle, view, session, now_ns);
    view->claim = session_seen(oracle, session, now_ns);
    view->claim.attempt = attempt;
    view->claim.dead = dead;
    if (attempt > session->attempt)
        session->attempt = attempt;
    session->claims++;
}

/* Was there this very session from when it asked until now? */
static bool was_there(const struct oracle *oracle, const struct oracle_view *view, uint64_t now_ns)
{
    const struct oracle_claim *claim = &view->claim;

    return claim->sure && claim->session->incarnation == claim->incarnation &&
           is_sure(oracle, claim->session, now_ns);
}

void session_begin(const struct oracle *oracle, struct oracle_view *view, uint64_t now_ns)
{
    struct oracle_claim *claim = &view->claim;
    struct oracle_session *session = claim->session;
    struct oracle_place head = {true, view->life, view->most - 1};

    claim->must_resume = was_there(oracle, view, now_ns);
    claim->outdone = claim->must_resume && claim->attempt < claim->let_in;
    claim->may_begin = !session->promised || (claim->attempt == 0 && !claim->must_resume);
    claim->got = session->got;
    if (claim->may_begin)
        reach(&claim->got, &head);
    claim->begun_ns = now_ns;
    view->life = claim->got.life;
    view->most = claim->got.offset + 1;
    if (!claim->dead || claim->attempt > 0)
        view->least = 1; /* somebody may have begun it, of whom nothing was heard */
    if (claim->acked.known && claim->acked.life == view->life && view->least <= claim->acked.offset)
        view->least = claim->acked.offset + 1;
}

/* From here on nothing may be missing. Where it began, at the latest, is known already. And whoever
 * had been let in before it asked, it was not with a higher attempt. */
void session_stands(struct oracle_view *view)
{
    struct oracle_claim *claim = &view->claim;
    struct oracle_session *session = claim->session;

    if (session->incarnation != claim->incarnation)
        return;
    must(!claim->outdone, "channel %u: attempt %u is let in after %u was", view->channel,
         claim->attempt, claim->let_in);
    if (claim->attempt > session->let_in)
        session->let_in = claim->attempt;
    session->sure = true;
    session->promised = true;
    reach(&session->got, &claim->got);
}

bool session_must_stand(const struct oracle_view *view, uint64_t now_ns)
{
    return view->claim.session && view->began && now_ns > view->claim.begun_ns + HEARD_NS;
}

void session_check_honoured(const struct oracle_view *view)
{
    must(view->claim.session->incarnation != view->claim.incarnation || view->claim.attempt == 0 ||
             !view->claim.dead || !view->claim.session->dead,
         "channel %u: attempt %u found a session that was forgotten", view->channel,
         view->claim.attempt);
}

/* --- Where it begins --- */

/* May a reader who had got `got` go on behind `place`? */
static bool misses_nothing(const struct oracle *oracle, const struct oracle_view *view,
                           struct oracle_place got, const struct oracle_place *place)
{
    while (got.life < place->life && got.offset == count_of(oracle, view, got.life))
        got = (struct oracle_place){true, (uint16_t)(got.life + 1), 0};
    return !is_before(&got, place);
}

static void check_place(const struct oracle *oracle, const struct oracle_view *view,
                        const struct oracle_place *place)
{
    const struct oracle_claim *claim = &view->claim;

    session_check_honoured(view);
    must(misses_nothing(oracle, view, claim->got, place),
         "session %u goes on behind %u.%llu, and its clients had got no more than %u.%llu",
         number_of(oracle, view), place->life, (unsigned long long)place->offset, claim->got.life,
         (unsigned long long)claim->got.offset);
    must(!claim->acked.known || !is_before(place, &claim->acked),
         "session %u goes on behind %u.%llu, and had acknowledged %u.%llu", number_of(oracle, view),
         place->life, (unsigned long long)place->offset, claim->acked.life,
         (unsigned long long)claim->acked.offset);
}

void session_first(const struct oracle *oracle, const struct oracle_view *view,
                   const struct oracle_pub *pub)
{
    struct oracle_place place = {true, pub->life, pub->offset - 1};

    if (!view->claim.may_begin || pub->life < view->life)
        check_place(oracle, view, &place);
}

void session_started(const struct oracle *oracle, struct oracle_view *view,
                     const struct gw_position *start, uint16_t life, int recovered)
{
    struct oracle_claim *claim = &view->claim;
    struct oracle_place place = {true, life, start->offset};

    must(recovered >= 0, "session %u: nothing is said of its recovery", number_of(oracle, view));
    if (recovered) {
        check_place(oracle, view, &place);
        return;
    }
    must(life != view->ask.life || start->offset >= view->ask.told,
         "session %u: not recovered, and begins in the past", number_of(oracle, view));
    if (claim->may_begin)
        view->fresh = true;
    else
        view->dishonoured = true;
}

void session_see(struct oracle_view *view)
{
    struct oracle_claim *claim = &view->claim;
    struct oracle_place place = oracle_place_of(view);

    if (is_before(&claim->got, &place))
        claim->missed |=
            view->seen > 0 && place.life == view->ask.life && place.offset <= view->ask.head;
    else
        claim->repeats += view->seen > 0;
    if (claim->session->told && claim->attempt == 0)
        claim->session->told = false;
    session_stands(view);
    reach(&claim->session->got, &place);
}

/* --- Refusals --- */

/* Who comes next finds nothing, or what somebody has begun of whom nothing was heard. */
static void end_incarnation(struct oracle_session *session)
{
    session->sure = false;
    session->promised = false;
    session->let_in = 0;
    session->incarnation++;
}

/* The least that its mark can be, if somebody knows. */
static bool may_be_gone(const struct oracle *oracle, const struct oracle_view *view,
                        enum gw_reset reason, uint64_t now_ns)
{
    const struct oracle_place *acked = &view->claim.acked;
    bool old = !acked->known || acked->life < present(oracle, view);
    uint64_t least = old ? 0 : acked->offset;

    if (reason == GW_RESET_EPOCH)
        return old;
    if (reason == GW_RESET_EXPIRED)
        return (old && view->ask.life < present(oracle, view)) ||
               least + 1 < oracle_kept_from(oracle, view->channel, now_ns);
    return false;
}

void session_refused(const struct oracle *oracle, const struct oracle_view *view,
                     enum gw_reset reason, uint64_t now_ns)
{
    must(view->seen == 0, "a session was refused after messages had come");
    if (reason != GW_RESET_UNKNOWN) {
        must(may_be_gone(oracle, view, reason, now_ns),
             "session %u had acknowledged %u.%llu, and what follows was called %s",
             number_of(oracle, view), view->claim.acked.life,
             (unsigned long long)view->claim.acked.offset, gw_reset_name(reason));
        return;
    }
    must(view->claim.attempt > 0, "session %u is unknown, and was to begin",
         number_of(oracle, view));
    must(!was_there(oracle, view, now_ns), "session %u is unknown, and must not be",
         number_of(oracle, view));
}

bool session_over(struct oracle_view *view, enum gw_reset reason, uint64_t now_ns)
{
    struct oracle_session *session = view->claim.session;
    bool again = session->told && reason != GW_RESET_UNKNOWN;

    session->told = reason != GW_RESET_UNKNOWN;
    if (session->incarnation != view->claim.incarnation) {
        if (session->told) /* perhaps it waited until this one had begun */
            end_incarnation(session);
        return again;
    }
    end_incarnation(session);
    session->dead = now_ns > session->begun_ns + SETTLED_NS;
    return again;
}

void session_taken(const struct oracle_view *view)
{
    const struct oracle_claim *claim = &view->claim;

    must(claim->session, "4409, and there is no session");
    must(claim->session->claims > 1 && claim->session->attempt >= claim->attempt,
         "attempt %u was taken over, and nobody else has come", claim->attempt);
}

void session_judge_stranger(const struct oracle *oracle, const struct oracle_claim *claim,
                            uint16_t code, uint64_t now_ns)
{
    const struct oracle_session *session = claim->session;

    must(code == 4403 || !claim->sure || session->incarnation != claim->incarnation ||
             !is_sure(oracle, session, now_ns),
         "a stranger was told %u of a session that is there", code);
    must(code != 4403 || !claim->dead || !session->dead ||
             session->incarnation != claim->incarnation,
         "a stranger was told 4403 of a session that is forgotten");
}

void session_restart(struct oracle *oracle, uint64_t now_ns)
{
    for (unsigned i = 0; i < ORACLE_SESSIONS_MAX; i++) {
        struct oracle_session *session = &oracle->sessions[i];

        end_incarnation(session);
        /* Who has come shortly before reaches the next server. */
        session->dead = session->begun_ns == 0 || now_ns > session->begun_ns + HEARD_NS;
        session->told = false;
    }
    oracle->ping_count = 0;
}

/* --- Pings --- */

static struct oracle_ping *find_ping(struct oracle *oracle, uint64_t nonce)
{
    uint32_t count = oracle->ping_count;

    for (uint32_t i = 1; i <= count && i <= ORACLE_PINGS_MAX; i++)
        if (oracle->pings[(count - i) % ORACLE_PINGS_MAX].nonce == nonce)
            return &oracle->pings[(count - i) % ORACLE_PINGS_MAX];
    return NULL;
}

void session_pinged(struct oracle *oracle, uint64_t nonce, bool says_nothing, uint64_t now_ns)
{
    must(!find_ping(oracle, nonce), "a nonce has come before");
    oracle->pings[oracle->ping_count++ % ORACLE_PINGS_MAX] =
        (struct oracle_ping){.nonce = nonce, .sent_ns = now_ns, .says_nothing = says_nothing};
}

void session_got_ping(struct oracle *oracle, struct oracle_view *view, uint64_t nonce)
{
    struct oracle_ping *ping = find_ping(oracle, nonce);
    struct oracle_session *session = view->claim.session;

    if (!ping || !session)
        return;
    session_check_honoured(view);
    ping->session = session;
    if (!view->dishonoured)
        ping->place = oracle_place_of(view);
    session_stands(view);
    if (session->incarnation == view->claim.incarnation && ping->sent_ns > session->alive_ns)
        session->alive_ns = ping->sent_ns;
}

void session_acknowledged(struct oracle *oracle, uint64_t nonce, uint64_t now_ns)
{
    const struct oracle_ping *ping = find_ping(oracle, nonce);

    if (!ping)
        return;
    must(ping->session, "the server has read a pong that nobody sent");
    if (!ping->says_nothing)
        reach(&ping->session->acked, &ping->place);
    if (ping->session->sure)
        ping->session->alive_ns = now_ns;
}
