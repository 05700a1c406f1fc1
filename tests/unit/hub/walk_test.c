/* walk_test.c - sessions in any order of events: two and three hubs, full mailboxes, letters that
 * come late, connections that end at any moment, memory that is out now and then.
 *
 * What must be true after each step: the watermark of a session is in one place; and whoever is
 * granted a session gets it as the one before gave it away, or begins a life of its own where the
 * life before had a reason to end. */
#include "hub/hub.h"

#include "lib/suite.h"
#include "unit/hub/holders.h"

#define SESSIONS 6
#define STEPS    500

/* What the test knows of a session. */
struct known {
    uint64_t id[2];
    uint64_t life; /* its handle: another one each time that it begins; 0: it never has */
    uint64_t binding;
    struct gw_watermark *last; /* owned: as it was given away last, in this life */
    uint64_t given_ns;         /* when that was */
    uint64_t shed;             /* how many had been shed by then */
    enum gw_reset told;
    bool heard;           /* somebody has said so, in this life */
    uint32_t attempt;     /* of who had it last, in this life */
    uint32_t attempt_max; /* that ever asked */
    uint64_t reached;     /* counts up, in all lives */
};

static struct house house;
static struct stage *const stage = &house.stage;
static struct known known[SESSIONS];
static char names[SESSIONS][32];
static unsigned which[HOLDERS]; /* session a holder asked for */
static struct ask asks[HOLDERS];
static unsigned asked; /* holders in use */
static struct gw_watermark *receipts[HOLDERS];
static unsigned receipt_workers[HOLDERS], receipt_count;
static struct seeded seeded;
static uint64_t reached_resumed, reached_new, reached_expired, reached_shed, reached_told,
    reached_recalled, reached_displaced, reached_gone, reached_denied, reached_late, reached_credit,
    reached_room, reached_memory, reached_heard;

static unsigned below(unsigned limit)
{
    return (unsigned)seeded_below(&seeded, limit);
}

static struct known *known_of(const struct gw_watermark *watermark)
{
    for (unsigned i = 0; i < SESSIONS; i++)
        if (memcmp(known[i].id, watermark->id, sizeof(watermark->id)) == 0)
            return &known[i];
    ck_abort_msg("no session has that name");
    return NULL;
}

static uint64_t shed_count(void)
{
    uint64_t count = 0;

    for (unsigned w = 0; w < stage->workers; w++)
        count += gw_hub_counts(stage->hubs[w]).sessions_shed;
    return count;
}

/* --- What is granted, and what is given --- */

static const struct gw_mark *mark_of(const struct gw_watermark *watermark, uint64_t channel)
{
    for (uint32_t i = 0; i < watermark->count; i++)
        if (watermark->marks[i].channel == channel)
            return &watermark->marks[i];
    ck_abort_msg("no mark is of that channel");
    return NULL;
}

static void check_same_marks(const struct gw_watermark *one, const struct gw_watermark *other)
{
    MUST(one->count == other->count);
    for (uint32_t i = 0; i < one->count; i++) {
        const struct gw_mark *mark = mark_of(other, one->marks[i].channel);

        MUST(memcmp(&mark->position, &one->marks[i].position, sizeof(mark->position)) == 0);
    }
}

/* Nobody has seen the life before end: then it was told and heard, or too old, or one too many. */
static void check_end_of_life(const struct known *session)
{
    uint64_t age = stage->now.mono_ns - session->given_ns;

    if (session->life == 0)
        return;
    MUST(session->last); /* what is held does not end */
    if (session->heard)
        reached_heard++;
    else if (age >= 120 * GW_NS_PER_S)
        reached_expired++;
    else {
        MUST(shed_count() > session->shed);
        reached_shed++;
    }
}

static void begin_life(struct known *session, const struct gw_watermark *watermark)
{
    check_end_of_life(session);
    gw_watermark_free(session->last, &stage->meter.alloc);
    session->last = NULL;
    session->life = watermark->session;
    session->binding = watermark->binding;
    session->told = GW_RESET_NONE;
    session->heard = false;
    session->attempt = 0;
}

static void on_granted(struct house *in, unsigned holder)
{
    const struct gw_claimed *claimed = &in->holders[holder].claimed;
    const struct gw_watermark *watermark = claimed->watermark;
    struct known *session = known_of(watermark);

    MUST(session == &known[which[holder]]);
    MUST(watermark->release == GW_RELEASE_KEEP);
    if (watermark->session != session->life) {
        MUST(!claimed->resumed && !watermark->stood);
        MUST(watermark->attempt == 0);
        for (uint32_t i = 0; i < watermark->count; i++)
            MUST(watermark->marks[i].position.offset == 0);
        begin_life(session, watermark);
        reached_new++;
        return;
    }
    MUST(session->last); /* else somebody has it */
    MUST(session->told == GW_RESET_NONE);
    MUST(watermark->binding == session->binding);
    MUST(watermark->attempt >= session->attempt);
    session->attempt = watermark->attempt;
    MUST(claimed->resumed == session->last->stood);
    check_same_marks(watermark, session->last);
    reached_resumed += claimed->resumed;
    gw_watermark_free(session->last, &stage->meter.alloc);
    session->last = NULL;
}

/* It says where its session stands, rather than what became of that. */
static bool is_place(const struct gw_watermark *watermark)
{
    return watermark->release == GW_RELEASE_KEEP || watermark->release == GW_RELEASE_TOLD;
}

static void on_given(struct house *in, const struct gw_watermark *watermark)
{
    struct known *session = known_of(watermark);
    size_t size = sizeof(*watermark) + watermark->count * sizeof(watermark->marks[0]);

    if (!is_place(watermark))
        return;
    MUST(watermark->session == session->life);
    MUST(!session->last);
    if (watermark->release == GW_RELEASE_TOLD)
        session->told = (enum gw_reset)watermark->reset;
    session->last = malloc(size);
    MUST(session->last);
    memcpy(session->last, watermark, size);
    in->stage.meter.live++; /* it is freed as all others are */
    session->given_ns = in->stage.now.mono_ns;
    session->shed = shed_count();
}

/* --- What must be true after each step --- */

static bool letter_has(const struct gw_letter *letter, const struct known *session)
{
    return letter->watermark && letter->kind != GW_LETTER_CLAIM && is_place(letter->watermark) &&
           known_of(letter->watermark) == session;
}

static const struct gw_session *session_at(unsigned worker, const struct known *session)
{
    const struct gw_sessions *sessions = &stage->hubs[worker]->sessions;

    for (uint32_t i = 0; i < gw_slab_top(sessions->slab); i++) {
        const struct gw_session *at = gw_slab_peek(sessions->slab, i);

        if (at && memcmp(at->id, session->id, sizeof(at->id)) == 0)
            return at;
    }
    return NULL;
}

static unsigned places_of(const struct known *session)
{
    unsigned places = 0;

    for (unsigned i = 0; i < asked; i++)
        places += house.holders[i].watermark && is_place(house.holders[i].watermark) &&
                  known_of(house.holders[i].watermark) == session;
    for (unsigned from = 0; from < stage->workers; from++) {
        for (unsigned to = 0; to < stage->workers; to++) {
            const struct mail *mail = &stage->mail[from][to];
            const struct gw_watermark *release = stage->hubs[from]->peers[to].releases.first;

            for (unsigned i = 0; i < mail->count; i++)
                places += letter_has(&mail->letters[(mail->first + i) % STAGE_MAIL], session);
            for (; release; release = release->next)
                places += is_place(release) && known_of(release) == session;
        }
    }
    return places;
}

static void check_places(void)
{
    for (unsigned i = 0; i < SESSIONS; i++) {
        const struct gw_session *there = NULL;
        unsigned homes = 0, places = places_of(&known[i]);

        for (unsigned w = 0; w < stage->workers; w++) {
            const struct gw_session *at = session_at(w, &known[i]);

            MUST(!at || known[i].id[0] % stage->workers == w);
            homes += at != NULL;
            there = at ? at : there;
        }
        MUST(homes <= 1);
        MUST(places + (there && there->watermark) == homes);
    }
}

/* A refusal has a reason. */
static void check_refused(unsigned holder)
{
    const struct known *session = &known[which[holder]];

    switch (house.holders[holder].claimed.status) {
    case GW_ERR_GONE:
        MUST(asks[holder].attempt > 0);
        reached_gone++;
        break;
    case GW_ERR_TAKEN:
        MUST(session->attempt_max >= asks[holder].attempt);
        reached_displaced++;
        break;
    case GW_ERR_DENIED:
        MUST(which[holder] % 2 == 1); /* the others have one user only */
        reached_denied++;
        break;
    default:
        MUST(house.holders[holder].claimed.status == -ENOMEM);
        reached_memory++;
        break;
    }
}

static void check_holders(void)
{
    for (unsigned i = 0; i < asked; i++) {
        struct holder *holder = &house.holders[i];

        if (holder->state == HOLDER_REFUSED) {
            check_refused(i);
            holder->state = HOLDER_ENDED;
        }
        if (holder->state == HOLDER_RECALLED) {
            reached_recalled++;
            holder->state = HOLDER_ENDED;
        }
        if (holder->state == HOLDER_TOLD)
            MUST(holder->watermark->session != known[which[i]].life ||
                 holder->claimed.told == known[which[i]].told);
    }
}

/* --- Deeds --- */

static void claim(unsigned worker)
{
    static const char *const orders[] = {"a,b,c", "c,b,a", "b,a,c"};
    unsigned session = below(SESSIONS), i = asked;

    if (asked == HOLDERS)
        return;
    asked++;
    which[i] = session;
    asks[i] = (struct ask){names[session],      session % 2 == 1 && below(4) == 0 ? "bert" : "anna",
                           "https://a.example", below(2) ? "10.0.0.1" : "",
                           orders[below(3)],    below(3) == 0 ? 0 : below(6)};
    if (asks[i].attempt > known[session].attempt_max)
        known[session].attempt_max = asks[i].attempt;
    (void)house_claim(&house, i, worker, &asks[i]);
}

static void move_marks(struct holder *holder)
{
    struct gw_watermark *watermark = holder->watermark;
    struct known *session = known_of(watermark);

    for (uint32_t i = 0; i < watermark->count; i++)
        if (below(2) || !watermark->stood)
            watermark->marks[i].position =
                (struct gw_position){1 + watermark->marks[i].channel, ++session->reached, 7};
    watermark->stood = true;
}

static void tell(unsigned holder)
{
    struct gw_watermark *receipt =
        house_tell(&house, holder, below(2) ? GW_RESET_EPOCH : GW_RESET_EXPIRED);

    reached_told++;
    receipt_workers[receipt_count] = house.holders[holder].worker;
    receipts[receipt_count] = receipt;
    receipt_count += receipt != NULL;
}

static void is_heard(const struct gw_watermark *receipt)
{
    struct known *session = known_of(receipt);

    session->heard = session->heard || receipt->session == session->life;
}

/* One that was told says, sooner or later or never, that it has heard. */
static void give_receipt(unsigned worker)
{
    unsigned i;

    if (receipt_count == 0)
        return;
    i = below(receipt_count);
    if (receipt_workers[i] != worker)
        return;
    is_heard(receipts[i]);
    house_give(&house, worker, receipts[i]);
    receipt_count--;
    receipts[i] = receipts[receipt_count];
    receipt_workers[i] = receipt_workers[receipt_count];
}

static void do_something(unsigned worker)
{
    unsigned i = asked > 0 ? below(asked) : 0;
    struct holder *holder;

    if (asked > 12 && below(3) > 0)
        i = asked - 1 - below(12); /* rather one that is still there */
    holder = &house.holders[i];
    if (below(4) == 0)
        claim(worker);
    else if (below(6) == 0)
        give_receipt(worker);
    else if (holder->worker != worker)
        return;
    else if (holder->state == HOLDER_HOLDS && below(2))
        move_marks(holder);
    else if (holder->state == HOLDER_HOLDS && below(6) == 0)
        tell(i);
    else if (holder->state == HOLDER_TOLD && below(2)) {
        is_heard(holder->watermark);
        house_hear(&house, i);
    } else if (holder->state == HOLDER_TOLD || holder->state == HOLDER_HOLDS ||
               (holder->state == HOLDER_WAITS && below(3) == 0))
        house_end(&house, i);
}

/* --- A walk --- */

static void some_letters(unsigned worker)
{
    for (unsigned tries = below(8); tries > 0; tries--) {
        unsigned from = below(stage->workers);

        if (stage->mail[from][worker].count > 0)
            stage_letter(stage, from, worker);
    }
}

static void step(void)
{
    unsigned worker = below(stage->workers);

    stage_begin(stage, worker);
    if (below(10) == 0)
        stage->meter.left = below(3);
    some_letters(worker);
    for (unsigned deeds = below(5); deeds > 0; deeds--)
        do_something(worker);
    (void)stage_end(stage, worker);
    stage->meter.left = METER_UNLIMITED;
    for (unsigned to = 0; to < stage->workers; to++) {
        const struct gw_peer *peer = &stage->hubs[worker]->peers[to];

        reached_credit += peer->claims.first && peer->credits == 0;
        reached_room += peer->releases.first != NULL;
    }
    reached_late += !gw_link_empty(&stage->hubs[worker]->sessions.to_recall);
    check_places();
    check_holders();
    stage_pass(stage, below(100) == 0 ? below(150) * GW_NS_PER_S : below(2) * GW_NS_PER_S);
}

static void open_walk(uint64_t seed)
{
    seeded.state = seed;
    asked = receipt_count = 0;
    memset(known, 0, sizeof(known));
    house_open(&house, 2 + (unsigned)(seed % 2), 1 + (uint32_t)(seed / 2 % 2),
               seed % 3 == 0 ? 2 : 10);
    house.on_granted = on_granted;
    house.on_given = on_given;
    for (unsigned i = 0; i < SESSIONS; i++) {
        const struct ask ask = {
            .id = names[i], .user = "", .origin = "", .channels = "a", .address = ""};
        struct gw_watermark *made;

        snprintf(names[i], sizeof(names[i]), "session %u of %u", i, (unsigned)seed);
        made = house_make(&house, 0, &ask);
        memcpy(known[i].id, made->id, sizeof(made->id));
        gw_watermark_free(made, &stage->meter.alloc);
    }
}

/* Everybody ends, and all letters come. */
static void calm_down(void)
{
    stage_turns(stage, 2 * HOLDERS);
    check_holders();
    for (unsigned w = 0; w < stage->workers; w++) {
        stage_begin(stage, w);
        for (unsigned i = 0; i < asked; i++) {
            struct holder *holder = &house.holders[i];

            MUST(holder->state != HOLDER_WAITS && holder->state != HOLDER_VANISHED);
            if (holder->worker == w && holder->state != HOLDER_ENDED)
                house_end(&house, i);
        }
        (void)stage_end(stage, w);
    }
    stage_turns(stage, 2 * HOLDERS);
    check_places();
}

static void check_calm(bool over)
{
    for (unsigned w = 0; w < stage->workers; w++) {
        struct gw_hub_counts counts = gw_hub_counts(stage->hubs[w]);

        ck_assert_uint_eq(counts.sessions, counts.sessions_kept);
        ck_assert_uint_gt(gw_hub_wait_ns(stage->hubs[w]), GW_RETRY_NS);
        if (over)
            ck_assert_uint_eq(counts.sessions, 0);
        for (unsigned i = 0; i < stage->workers; i++) {
            ck_assert_uint_eq(stage->mail[w][i].count, 0);
            ck_assert_uint_eq(stage->hubs[w]->peers[i].credits, stage->slots);
        }
    }
}

static void walk(uint64_t seed)
{
    open_walk(seed);
    for (unsigned i = 0; i < STEPS; i++)
        step();
    calm_down();
    check_calm(false);
    stage_pass(stage, 120 * GW_NS_PER_S);
    stage_turns(stage, 1);
    check_calm(true);
    for (unsigned i = 0; i < SESSIONS; i++)
        gw_watermark_free(known[i].last, &stage->meter.alloc);
    while (receipt_count > 0)
        gw_watermark_free(receipts[--receipt_count], &stage->meter.alloc);
    house_close(&house);
}

START_TEST(in_any_order_of_events_a_watermark_is_in_one_place)
{
    for (uint64_t seed = 1; seed <= 300; seed++)
        walk(seed);
    /* Walks that never reach the hard places show nothing. */
    ck_assert_uint_gt(reached_resumed, 100);
    ck_assert_uint_gt(reached_new, 100);
    ck_assert_uint_gt(reached_expired, 10);
    ck_assert_uint_gt(reached_shed, 10);
    ck_assert_uint_gt(reached_told, 100);
    ck_assert_uint_gt(reached_heard, 10);
    ck_assert_uint_gt(reached_recalled, 100);
    ck_assert_uint_gt(reached_displaced, 100);
    ck_assert_uint_gt(reached_gone, 10);
    ck_assert_uint_gt(reached_denied, 10);
    ck_assert_uint_gt(reached_late, 10);
    ck_assert_uint_gt(reached_credit, 100);
    ck_assert_uint_gt(reached_room, 100);
    ck_assert_uint_gt(reached_memory, 10);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, in_any_order_of_events_a_watermark_is_in_one_place);
}

int main(void)
{
    return suite_main("hub/walk", fill);
}
