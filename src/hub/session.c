#include "hub/session.h"

#include <errno.h>
#include <string.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "hub/state.h"

/* Sessions, at their home and towards it.
 *
 * The watermark of a session is in one place at a time, and moves: with a CLAIMED to the connection
 * that gets the session, with a RELEASE back. So nothing has to be sent while messages flow and are
 * acknowledged; and when a newcomer wants a session that is held, its home writes to the holder's
 * worker (RECALL), which gives it back in whatever state the holder is, alive or half-open.
 *
 * A RECALL and a RELEASE are no requests: nobody waits for an answer to them, and what finds no
 * room in the mailbox is posted later. A RECALL may meet a connection that is gone: then the
 * RELEASE is on its way, or in the queue. */

static struct gw_str id_text(const uint64_t id[2])
{
    return (struct gw_str){(const char *)id, 2 * sizeof(id[0])};
}

static bool bears_id(uint32_t index, struct gw_str name, void *ctx)
{
    const struct gw_sessions *sessions = ctx;
    const struct gw_session *session = gw_slab_at(sessions->slab, index);

    return gw_str_eq(id_text(session->id), name);
}

static struct gw_str hash_text(const uint64_t *hash)
{
    return (struct gw_str){(const char *)hash, sizeof(*hash)};
}

static bool bears_hash(uint32_t index, struct gw_str name, void *ctx)
{
    const struct gw_sessions *sessions = ctx;
    const struct gw_session_address *address = gw_slab_at(sessions->addresses, index);

    return gw_str_eq(hash_text(&address->hash), name);
}

int gw_sessions_init(struct gw_hub *hub)
{
    struct gw_sessions *sessions = &hub->sessions;
    const struct gw_hub_options *options = &hub->options;
    /* One is held by a connection, which has a subscription at least; or else it is counted. */
    uint64_t most = (uint64_t)options->sessions_max + options->subscriptions_max;
    uint32_t count_max = most < GW_SLAB_NONE - 1 ? (uint32_t)most : GW_SLAB_NONE - 1;
    int status;

    gw_link_init(&sessions->kept);
    gw_link_init(&sessions->to_recall);
    status = gw_slab_new(&sessions->slab, options->alloc, sizeof(struct gw_session), count_max);
    if (status == 0)
        status = gw_slab_new(&sessions->addresses, options->alloc,
                             sizeof(struct gw_session_address), options->sessions_max + 1);
    if (status == 0)
        status =
            gw_map_new(&sessions->by_id, options->alloc, options->hash_key, bears_id, sessions);
    if (status == 0)
        status = gw_map_new(&sessions->by_address, options->alloc, options->hash_key, bears_hash,
                            sessions);
    if (status != 0)
        gw_sessions_fini(hub);
    return status;
}

static void free_queue(struct gw_watermark *first, const struct gw_alloc *alloc)
{
    while (first) {
        struct gw_watermark *next = first->next;

        gw_watermark_free(first, alloc);
        first = next;
    }
}

void gw_sessions_fini(struct gw_hub *hub)
{
    const struct gw_alloc *alloc = hub->options.alloc;
    struct gw_sessions *sessions = &hub->sessions;

    for (uint32_t i = 0; sessions->slab && i < gw_slab_top(sessions->slab); i++) {
        struct gw_session *session = gw_slab_peek(sessions->slab, i);

        if (!session)
            continue;
        gw_watermark_free(session->watermark, alloc);
        gw_watermark_free(session->claimant.claim, alloc);
    }
    for (unsigned i = 0; i < hub->options.worker_count; i++) {
        free_queue(hub->peers[i].claims.first, alloc);
        free_queue(hub->peers[i].releases.first, alloc);
    }
    gw_map_free(sessions->by_address);
    gw_map_free(sessions->by_id);
    gw_slab_free(sessions->addresses);
    gw_slab_free(sessions->slab);
}

/* --- Those that nobody holds --- */

/* The record of an address, or GW_SLAB_NONE: it is not counted. */
static uint32_t find_address(struct gw_sessions *sessions, uint64_t hash)
{
    struct gw_session_address *address;
    uint32_t index;

    if (hash == 0)
        return GW_SLAB_NONE;
    index = gw_map_find(sessions->by_address, hash_text(&hash));
    if (index != GW_MAP_NONE)
        return index;
    address = gw_slab_take(sessions->addresses, &index);
    if (!address)
        return GW_SLAB_NONE;
    address->hash = hash;
    gw_link_init(&address->sessions);
    if (gw_map_add(sessions->by_address, hash_text(&hash), index) != 0) {
        gw_slab_give(sessions->addresses, index);
        return GW_SLAB_NONE;
    }
    return index;
}

static void leave_address(struct gw_sessions *sessions, struct gw_session *session)
{
    struct gw_session_address *address;

    if (session->address == GW_SLAB_NONE)
        return;
    address = gw_slab_at(sessions->addresses, session->address);
    gw_link_remove(&session->beside);
    if (--address->count == 0) {
        gw_map_remove(sessions->by_address, hash_text(&address->hash), session->address);
        gw_slab_give(sessions->addresses, session->address);
    }
    session->address = GW_SLAB_NONE;
}

/* Its watermark is the caller's from now on. */
static struct gw_watermark *take_out(struct gw_sessions *sessions, struct gw_session *session)
{
    struct gw_watermark *watermark = session->watermark;

    assert(watermark);
    session->watermark = NULL;
    gw_link_remove(&session->link);
    leave_address(sessions, session);
    sessions->kept_count--;
    return watermark;
}

static void drop(struct gw_hub *hub, struct gw_session *session)
{
    struct gw_sessions *sessions = &hub->sessions;
    uint32_t index = gw_handle_index(session->handle);

    assert(gw_slab_at(sessions->slab, index) == session && !session->claimant.claim);
    if (session->watermark)
        gw_watermark_free(take_out(sessions, session), hub->options.alloc);
    gw_link_remove(&session->link);
    gw_map_remove(sessions->by_id, id_text(session->id), index);
    gw_slab_give(sessions->slab, index);
}

static void drop_oldest(struct gw_hub *hub, struct gw_session_address *address)
{
    struct gw_link *first =
        address ? gw_link_first(&address->sessions) : gw_link_first(&hub->sessions.kept);

    hub->counts.sessions_shed++;
    drop(hub, address ? GW_CONTAINER(first, struct gw_session, beside)
                      : GW_CONTAINER(first, struct gw_session, link));
}

static uint32_t per_address_max(const struct gw_hub *hub)
{
    unsigned homes = hub->options.worker_count;

    return (hub->options.sessions_per_address + homes - 1) / homes;
}

/* Nobody holds it now; not for ever, and not too many. */
static void keep(struct gw_hub *hub, struct gw_session *session, struct gw_watermark *watermark)
{
    struct gw_sessions *sessions = &hub->sessions;
    struct gw_session_address *address = NULL;

    session->watermark = watermark;
    session->holder = 0;
    session->expires_ns = hub->now.mono_ns + hub->options.session_ttl_ns;
    gw_link_remove(&session->link);
    gw_link_append(&sessions->kept, &session->link);
    sessions->kept_count++;
    session->address = find_address(sessions, watermark->address);
    if (session->address != GW_SLAB_NONE) {
        address = gw_slab_at(sessions->addresses, session->address);
        gw_link_append(&address->sessions, &session->beside);
        if (++address->count > per_address_max(hub))
            drop_oldest(hub, address);
    }
    if (sessions->kept_count > hub->options.sessions_max)
        drop_oldest(hub, NULL);
}

void gw_sessions_tick(struct gw_hub *hub)
{
    struct gw_link *first;

    for (unsigned left = GW_TIMERS_A_TURN; left > 0; left--) {
        struct gw_session *session;

        first = gw_link_first(&hub->sessions.kept);
        if (!first)
            return;
        session = GW_CONTAINER(first, struct gw_session, link);
        if (session->expires_ns > hub->now.mono_ns)
            return;
        drop(hub, session);
    }
}

uint64_t gw_sessions_wait_ns(const struct gw_hub *hub)
{
    struct gw_link *first = gw_link_first(&hub->sessions.kept);
    uint64_t expires_ns;

    if (!first)
        return UINT64_MAX;
    expires_ns = GW_CONTAINER(first, struct gw_session, link)->expires_ns;
    return expires_ns > hub->now.mono_ns ? expires_ns - hub->now.mono_ns : 0;
}

/* --- A claim at the home --- */

static struct gw_session *find(const struct gw_sessions *sessions, const uint64_t id[2])
{
    uint32_t index = gw_map_find(sessions->by_id, id_text(id));

    return index == GW_MAP_NONE ? NULL : gw_slab_at(sessions->slab, index);
}

/* The newcomer holds it: its claim is the watermark from now on. */
static void hold(struct gw_session *session, const struct gw_claimant *newcomer,
                 struct gw_claimed *result)
{
    session->holder = newcomer->who;
    session->holder_worker = newcomer->worker;
    newcomer->claim->session = session->handle;
    newcomer->claim->release = GW_RELEASE_KEEP;
    *result = (struct gw_claimed){.watermark = newcomer->claim};
}

static int begin(struct gw_hub *hub, const struct gw_claimant *newcomer, struct gw_claimed *result)
{
    struct gw_sessions *sessions = &hub->sessions;
    struct gw_watermark *claim = newcomer->claim;
    bool full = gw_slab_count(sessions->slab) ==
                hub->options.sessions_max + (uint64_t)hub->options.subscriptions_max;
    struct gw_session *session;
    uint32_t index;

    if (claim->attempt > 0)
        return GW_ERR_GONE;
    session = gw_slab_take(sessions->slab, &index);
    if (!session)
        return full ? GW_ERR_TOO_MANY : -ENOMEM;
    memcpy(session->id, claim->id, sizeof(session->id));
    session->binding = claim->binding;
    session->handle = gw_slab_handle(sessions->slab, index);
    session->address = GW_SLAB_NONE;
    gw_link_init(&session->link);
    gw_link_init(&session->beside);
    if (gw_map_add(sessions->by_id, id_text(session->id), index) != 0) {
        gw_slab_give(sessions->slab, index);
        return -ENOMEM;
    }
    hold(session, newcomer, result);
    return 0;
}

/* It is told what the one before was told. Whoever has the claim changes it to GW_RELEASE_FORGET
 * when the client has answered. */
static void tell(const struct gw_session *session, struct gw_watermark *claim,
                 struct gw_claimed *result)
{
    claim->session = session->handle;
    claim->release = GW_RELEASE_UNHEARD;
    *result = (struct gw_claimed){.watermark = claim, .told = (enum gw_reset)session->told};
}

/* It is the newcomer's from now on, as far as it had got. */
static void grant(const struct gw_hub *hub, struct gw_session *session,
                  const struct gw_claimant *newcomer, struct gw_watermark *old,
                  struct gw_claimed *result)
{
    gw_watermark_take_over(newcomer->claim, old);
    gw_watermark_free(old, hub->options.alloc);
    hold(session, newcomer, result);
    result->resumed = newcomer->claim->stood;
}

/* The claimant hears what became of its claim. */
static void answer(struct gw_hub *hub, const struct gw_claimant *claimant,
                   const struct gw_claimed *result)
{
    struct gw_letter letter = {.kind = GW_LETTER_CLAIMED,
                               .from = (uint8_t)hub->options.worker_index,
                               .reset = (uint8_t)result->told,
                               .resumed = result->resumed,
                               .status = result->status,
                               .asker = claimant->who,
                               .watermark = result->watermark};

    if (claimant->worker == hub->options.worker_index)
        hub->ports.on_claimed(hub->ports.ctx, claimant->who, result);
    else
        gw_home_reply(hub, claimant->worker, &letter);
}

/* Its holder has let go of it. */
static void take_back(struct gw_hub *hub, struct gw_session *session,
                      struct gw_watermark *watermark)
{
    struct gw_claimant next = session->claimant;
    struct gw_claimed result;

    assert(!session->watermark);
    session->claimant.claim = NULL;
    session->recalled = false;
    gw_link_remove(&session->link);
    if (watermark->release == GW_RELEASE_TOLD)
        session->told = watermark->reset;
    if (!next.claim || session->told != GW_RESET_NONE)
        keep(hub, session, watermark);
    if (!next.claim)
        return;
    if (session->told != GW_RESET_NONE)
        tell(session, next.claim, &result);
    else
        grant(hub, session, &next, watermark, &result);
    answer(hub, &next, &result);
}

static void on_release(struct gw_hub *hub, struct gw_watermark *watermark)
{
    struct gw_session *session = gw_slab_find(hub->sessions.slab, watermark->session);

    if (watermark->release != GW_RELEASE_FORGET) {
        assert(session); /* it is not forgotten while somebody has its watermark */
        take_back(hub, session, watermark);
        return;
    }
    if (session && session->told != GW_RESET_NONE)
        drop(hub, session);
    gw_watermark_free(watermark, hub->options.alloc);
}

/* --- A session that somebody holds --- */

static bool post_recall(struct gw_hub *hub, const struct gw_session *session)
{
    struct gw_letter letter = {.kind = GW_LETTER_RECALL,
                               .from = (uint8_t)hub->options.worker_index,
                               .asker = session->holder};
    struct gw_peer *peer = &hub->peers[session->holder_worker];

    if (!peer->full)
        peer->full = !hub->ports.post(hub->ports.ctx, session->holder_worker, &letter, false);
    return !peer->full;
}

/* Asks for the watermark. Returns it where it is on this worker. */
static struct gw_watermark *recall(struct gw_hub *hub, struct gw_session *session)
{
    if (session->recalled)
        return NULL;
    if (session->holder_worker == hub->options.worker_index)
        return hub->ports.on_recalled(hub->ports.ctx, session->holder);
    session->recalled = true;
    if (!post_recall(hub, session))
        gw_link_append(&hub->sessions.to_recall, &session->link);
    return NULL;
}

/* The newcomer waits; who waited before it gets nothing. */
static void wait_for(struct gw_hub *hub, struct gw_session *session,
                     const struct gw_claimant *newcomer)
{
    const struct gw_claimed refused = {.status = GW_ERR_TAKEN};
    struct gw_claimant before = session->claimant;

    session->claimant = *newcomer;
    if (!before.claim)
        return;
    gw_watermark_free(before.claim, hub->options.alloc);
    answer(hub, &before, &refused);
}

/* Returns 0 with `*result`, which has the claim; GW_PENDING: it waits; or an error. */
static int enter(struct gw_hub *hub, const struct gw_claimant *newcomer, struct gw_claimed *result)
{
    struct gw_watermark *claim = newcomer->claim, *old;
    struct gw_session *session = find(&hub->sessions, claim->id);

    if (!session)
        return begin(hub, newcomer, result);
    if (session->binding != claim->binding)
        return GW_ERR_DENIED;
    if (session->told != GW_RESET_NONE) {
        tell(session, claim, result);
        return 0;
    }
    if (claim->attempt < session->attempt)
        return GW_ERR_TAKEN;
    session->attempt = claim->attempt;
    hub->counts.sessions_taken_over += !session->watermark;
    old = session->watermark ? take_out(&hub->sessions, session) : recall(hub, session);
    if (!old) {
        wait_for(hub, session, newcomer);
        return GW_PENDING;
    }
    grant(hub, session, newcomer, old, result);
    return 0;
}

static int claim_here(struct gw_hub *hub, const struct gw_claimant *newcomer,
                      struct gw_claimed *result)
{
    int status = enter(hub, newcomer, result);

    if (status < 0)
        gw_watermark_free(newcomer->claim, hub->options.alloc);
    return status;
}

/* --- Towards the home --- */

static unsigned home_of(const struct gw_hub *hub, const struct gw_watermark *watermark)
{
    return (unsigned)(watermark->id[0] % hub->options.worker_count);
}

static void queue(struct gw_watermarks *list, struct gw_watermark *watermark)
{
    watermark->next = NULL;
    if (list->first)
        list->last->next = watermark;
    else
        list->first = watermark;
    list->last = watermark;
}

/* What is posted is the other worker's at that moment, and may be freed before post() returns: so
 * what comes behind it is looked up first. */
static void post_releases(struct gw_hub *hub, unsigned to)
{
    struct gw_peer *peer = &hub->peers[to];

    while (peer->releases.first && !peer->full) {
        struct gw_watermark *next = peer->releases.first->next;
        struct gw_letter letter = {.kind = GW_LETTER_RELEASE,
                                   .from = (uint8_t)hub->options.worker_index,
                                   .watermark = peer->releases.first};

        peer->full = !hub->ports.post(hub->ports.ctx, to, &letter, false);
        if (!peer->full)
            peer->releases.first = next;
    }
}

static void post_claims(struct gw_hub *hub, unsigned to)
{
    struct gw_peer *peer = &hub->peers[to];

    while (peer->claims.first) {
        struct gw_watermark *next = peer->claims.first->next;
        struct gw_letter letter = {.kind = GW_LETTER_CLAIM,
                                   .from = (uint8_t)hub->options.worker_index,
                                   .asker = peer->claims.first->who,
                                   .watermark = peer->claims.first};

        if (!gw_branch_request(hub, to, &letter))
            return;
        peer->claims.first = next;
    }
}

static void post_recalls(struct gw_hub *hub)
{
    struct gw_link *link = hub->sessions.to_recall.next;

    while (link != &hub->sessions.to_recall) {
        struct gw_session *session = GW_CONTAINER(link, struct gw_session, link);

        link = link->next;
        if (post_recall(hub, session))
            gw_link_remove(&session->link);
    }
}

/* What is given back comes first: for it others may be waiting. */
void gw_sessions_post(struct gw_hub *hub)
{
    post_recalls(hub);
    for (unsigned i = 0; i < hub->options.worker_count; i++) {
        post_releases(hub, i);
        post_claims(hub, i);
    }
}

bool gw_sessions_must_post(const struct gw_hub *hub)
{
    bool must = !gw_link_empty(&hub->sessions.to_recall);

    for (unsigned i = 0; i < hub->options.worker_count; i++) {
        const struct gw_peer *peer = &hub->peers[i];

        must = must || peer->releases.first || (peer->claims.first && peer->credits > 0);
    }
    return must;
}

/* --- The door --- */

struct gw_watermark *gw_hub_session(const struct gw_hub *hub, const struct gw_session_name *name,
                                    uint32_t count)
{
    return gw_watermark_new(hub->options.alloc, hub->options.hash_key, name, count);
}

void gw_hub_session_add(const struct gw_hub *hub, struct gw_watermark *claim, struct gw_str channel)
{
    gw_watermark_add(claim, hub->options.hash_key, channel);
}

int gw_hub_claim(struct gw_hub *hub, struct gw_watermark *claim, uint64_t who,
                 struct gw_claimed *result)
{
    unsigned home = home_of(hub, claim);

    claim->who = who;
    if (home == hub->options.worker_index)
        return claim_here(
            hub, &(struct gw_claimant){claim, who, (uint8_t)hub->options.worker_index}, result);
    queue(&hub->peers[home].claims, claim);
    post_claims(hub, home);
    return GW_PENDING;
}

void gw_hub_release(struct gw_hub *hub, struct gw_watermark *watermark)
{
    unsigned home;

    if (!watermark)
        return;
    if (watermark->release == GW_RELEASE_UNHEARD) {
        gw_watermark_free(watermark, hub->options.alloc);
        return;
    }
    home = home_of(hub, watermark);
    if (home == hub->options.worker_index) {
        on_release(hub, watermark);
        return;
    }
    queue(&hub->peers[home].releases, watermark);
    post_releases(hub, home);
}

static void on_claim(struct gw_hub *hub, struct gw_letter *letter)
{
    struct gw_claimant newcomer = {letter->watermark, letter->asker, letter->from};
    struct gw_claimed result;
    int status;

    letter->watermark = NULL;
    status = claim_here(hub, &newcomer, &result);
    if (status == GW_PENDING)
        return;
    if (status < 0)
        result = (struct gw_claimed){.status = status};
    answer(hub, &newcomer, &result);
}

static void on_claimed(struct gw_hub *hub, struct gw_letter *letter)
{
    struct gw_claimed result = {.status = letter->status,
                                .told = (enum gw_reset)letter->reset,
                                .resumed = letter->resumed,
                                .watermark = letter->watermark};

    gw_branch_answered(hub, letter->from);
    letter->watermark = NULL;
    hub->ports.on_claimed(hub->ports.ctx, letter->asker, &result);
}

void gw_sessions_receive(struct gw_hub *hub, struct gw_letter *letter)
{
    struct gw_watermark *watermark = letter->watermark;

    switch (letter->kind) {
    case GW_LETTER_CLAIM:
        on_claim(hub, letter);
        break;
    case GW_LETTER_CLAIMED:
        on_claimed(hub, letter);
        break;
    case GW_LETTER_RECALL:
        gw_hub_release(hub, hub->ports.on_recalled(hub->ports.ctx, letter->asker));
        break;
    default:
        letter->watermark = NULL;
        on_release(hub, watermark);
        break;
    }
}

/* --- What must be true --- */

static void check_kept(const struct gw_hub *hub, const struct gw_session *session)
{
    const struct gw_session_address *address;

    assert(!session->claimant.claim && !session->recalled && session->holder == 0);
    assert(session->watermark->binding == session->binding);
    if (session->address == GW_SLAB_NONE)
        return;
    address = gw_slab_at(hub->sessions.addresses, session->address);
    assert(address->hash == session->watermark->address);
    assert(address->count > 0 && !gw_link_empty(&address->sessions));
}

static uint32_t length(const struct gw_link *list)
{
    uint32_t count = 0;

    for (const struct gw_link *link = list->next; link != list; link = link->next)
        count++;
    return count;
}

void gw_sessions_check(const struct gw_hub *hub)
{
    const struct gw_sessions *sessions = &hub->sessions;
    uint32_t kept = 0, counted = 0;

    for (uint32_t i = 0; i < gw_slab_top(sessions->slab); i++) {
        const struct gw_session *session = gw_slab_peek(sessions->slab, i);

        if (!session)
            continue;
        assert(find(sessions, session->id) == session);
        assert(gw_slab_find(sessions->slab, session->handle) == session);
        assert(session->told == GW_RESET_NONE || session->watermark);
        if (session->watermark) {
            check_kept(hub, session);
            kept++;
            counted += session->address != GW_SLAB_NONE;
        } else
            assert(session->holder != 0);
    }
    for (uint32_t i = 0; i < gw_slab_top(sessions->addresses); i++) {
        const struct gw_session_address *address = gw_slab_peek(sessions->addresses, i);

        if (!address)
            continue;
        assert(length(&address->sessions) == address->count);
        assert(address->count <= per_address_max(hub));
        counted -= address->count;
    }
    assert(counted == 0);
    assert(kept == sessions->kept_count && kept == length(&sessions->kept));
    assert(kept <= hub->options.sessions_max);
    assert(gw_map_count(sessions->by_id) == gw_slab_count(sessions->slab));
    assert(gw_map_count(sessions->by_address) == gw_slab_count(sessions->addresses));
}
