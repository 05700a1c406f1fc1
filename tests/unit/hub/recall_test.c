/* recall_test.c - a session whose home, holder and claimant are on different workers: its watermark
 * is in one place, whatever crosses what on the way. */
#include "hub/hub.h"

#include "lib/suite.h"
#include "unit/hub/holders.h"

static struct house house;
static char name[32], other_name[32];

static struct ask ask_for(const char *id, uint32_t attempt)
{
    return (struct ask){id, "anna", "https://a.example", "10.0.0.1", "news,chat", attempt};
}

static int claim(unsigned holder, unsigned worker, uint32_t attempt)
{
    const struct ask ask = ask_for(name, attempt);

    return house_claim_turn(&house, holder, worker, &ask);
}

static int claim_other(unsigned holder, unsigned worker)
{
    const struct ask ask = ask_for(other_name, 0);

    return house_claim_turn(&house, holder, worker, &ask);
}

static void turn(unsigned worker)
{
    (void)stage_turn(&house.stage, worker);
}

static enum holder_state state_of(unsigned holder)
{
    return house.holders[holder].state;
}

static uint64_t wait_ns(unsigned worker)
{
    return gw_hub_wait_ns(house.stage.hubs[worker]);
}

static uint32_t waiting(unsigned from, unsigned to)
{
    return house.stage.mail[from][to].count;
}

static void open_with_home(unsigned workers, uint32_t slots, unsigned home)
{
    house_open(&house, workers, slots, 10);
    (void)house_name(&house, home, 1, name);
    (void)house_name(&house, home, 2, other_name);
}

/* Both names have worker 0 for their home. */
static void open_house(unsigned workers, uint32_t slots)
{
    open_with_home(workers, slots, 0);
}

/* Holder 0 has it on `worker`, and has got to offset 1,000. */
static void hold(unsigned worker)
{
    (void)claim(0, worker, 0);
    stage_turns(&house.stage, 2);
    ck_assert_int_eq(state_of(0), HOLDER_HOLDS);
    house_reach(&house, 0, 1000);
}

/* Nothing is under way; of all sessions so many are there, all of which nobody holds. */
static void check_calm(uint64_t kept)
{
    uint64_t sessions = 0;

    stage_turns(&house.stage, 20);
    for (unsigned w = 0; w < house.stage.workers; w++) {
        const struct gw_hub *hub = house.stage.hubs[w];
        struct gw_hub_counts counts = gw_hub_counts(hub);

        ck_assert_uint_eq(counts.sessions, counts.sessions_kept);
        sessions += counts.sessions;
        ck_assert(gw_link_empty(&hub->sessions.to_recall));
        ck_assert(gw_hub_wait_ns(hub) > GW_RETRY_NS);
        for (unsigned i = 0; i < house.stage.workers; i++) {
            ck_assert_ptr_null(hub->peers[i].claims.first);
            ck_assert_ptr_null(hub->peers[i].releases.first);
            ck_assert_uint_eq(hub->peers[i].credits, house.stage.slots);
            ck_assert_uint_eq(waiting(w, i), 0);
        }
    }
    ck_assert_uint_eq(sessions, kept);
}

/* Ends whoever holds it; then it is kept, and as far as it had got. */
static void check_kept_at(unsigned holder, uint64_t offset)
{
    ck_assert_int_eq(state_of(holder), HOLDER_HOLDS);
    ck_assert(house.holders[holder].claimed.resumed);
    ck_assert(house_stands(&house, holder, offset));
    house_end_turn(&house, holder);
    check_calm(1);
}

/* --- From elsewhere --- */

START_TEST(a_claim_from_elsewhere_is_answered)
{
    struct ask ask;

    open_house(2, 2);
    ck_assert_int_eq(claim(1, 1, 1), GW_PENDING);
    stage_turns(&house.stage, 2);
    ck_assert_int_eq(house.holders[1].claimed.status, GW_ERR_GONE);
    ck_assert_int_eq(claim(2, 1, 0), GW_PENDING);
    stage_turns(&house.stage, 2);
    ck_assert_int_eq(state_of(2), HOLDER_HOLDS);
    ck_assert(!house.holders[2].claimed.resumed);
    house_reach(&house, 2, 77);
    house_end_turn(&house, 2);
    turn(0);
    ck_assert_uint_eq(gw_hub_counts(house.stage.hubs[0]).sessions_kept, 1);
    ask = ask_for(name, 1);
    ask.user = "bert";
    ck_assert_int_eq(house_claim_turn(&house, 3, 1, &ask), GW_PENDING);
    ck_assert_int_eq(claim(4, 1, 3), GW_PENDING);
    stage_turns(&house.stage, 2);
    ck_assert_int_eq(house.holders[3].claimed.status, GW_ERR_DENIED);
    ck_assert_int_eq(claim(5, 1, 2), GW_PENDING);
    stage_turns(&house.stage, 2);
    ck_assert_int_eq(house.holders[5].claimed.status, GW_ERR_TAKEN);
    check_kept_at(4, 77);
    house_close(&house);
}
END_TEST

START_TEST(what_is_told_is_told_everywhere)
{
    open_house(3, 2);
    hold(1);
    house_give_turn(&house, 1, NULL);
    gw_watermark_free(house_tell_turn(&house, 0, GW_RESET_EPOCH), &house.stage.meter.alloc);
    turn(0);
    for (unsigned i = 1; i < 4; i++) {
        (void)claim(i, 2 - i % 3, i);
        stage_turns(&house.stage, 2);
        ck_assert_int_eq(state_of(i), HOLDER_TOLD);
        ck_assert_int_eq(house.holders[i].claimed.told, GW_RESET_EPOCH);
    }
    house_end_turn(&house, 1); /* is gone, and has not heard */
    check_calm(1);
    house_hear_turn(&house, 2);
    check_calm(0);
    house_hear_turn(&house, 3);
    check_calm(0);
    house_close(&house);
}
END_TEST

/* Who is told, and gone when the answer comes, has not heard. */
START_TEST(the_news_is_not_lost_with_the_claimant)
{
    open_house(2, 2);
    hold(1);
    gw_watermark_free(house_tell_turn(&house, 0, GW_RESET_EPOCH), &house.stage.meter.alloc);
    ck_assert_int_eq(claim(1, 1, 1), GW_PENDING);
    house_end_turn(&house, 1);
    ck_assert_int_eq(state_of(1), HOLDER_VANISHED);
    check_calm(1);
    ck_assert_int_eq(state_of(1), HOLDER_ENDED);
    ck_assert_int_eq(claim(2, 1, 2), GW_PENDING);
    stage_turns(&house.stage, 2);
    ck_assert_int_eq(state_of(2), HOLDER_TOLD);
    house_close(&house);
}
END_TEST

/* --- Recalls --- */

/* Every way in which a home, a holder and a claimant can be on three workers. */
START_TEST(the_watermark_goes_to_the_newcomer)
{
    unsigned holder = (unsigned)_i % 3, claimant = (unsigned)_i / 3;

    open_house(3, 1);
    hold(holder);
    (void)claim(1, claimant, 1);
    stage_turns(&house.stage, 4);
    ck_assert_int_eq(state_of(0), HOLDER_RECALLED);
    ck_assert_uint_eq(gw_hub_counts(house.stage.hubs[0]).sessions_taken_over, 1);
    check_kept_at(1, 1000);
    house_close(&house);
}
END_TEST

/* Holder on 1, waiter on 2, `_i` is where the third comes from. */
START_TEST(a_newer_one_displaces_who_waits)
{
    open_house(3, 2);
    hold(1);
    ck_assert_int_eq(claim(1, 2, 3), GW_PENDING);
    turn(0); /* the recall is on its way */
    ck_assert_uint_eq(waiting(0, 1), 1);
    (void)claim(2, (unsigned)_i, 3); /* as high is high enough */
    turn(0);
    turn(2);
    ck_assert_int_eq(house.holders[1].claimed.status, GW_ERR_TAKEN);
    ck_assert_int_eq(state_of(2), HOLDER_WAITS);
    stage_turns(&house.stage, 4);
    ck_assert_int_eq(state_of(0), HOLDER_RECALLED);
    check_kept_at(2, 1000);
    house_close(&house);
}
END_TEST

START_TEST(a_lower_one_does_not_displace_who_waits)
{
    open_house(3, 2);
    hold(1);
    ck_assert_int_eq(claim(1, 2, 3), GW_PENDING);
    turn(0);
    ck_assert_uint_eq(waiting(0, 1), 1);
    (void)claim(2, (unsigned)_i, 2);
    turn(0);
    turn((unsigned)_i);
    if (_i != 1) /* its worker hears of the recall as well */
        ck_assert_int_eq(state_of(1), HOLDER_WAITS);
    stage_turns(&house.stage, 4);
    ck_assert_int_eq(house.holders[2].claimed.status, GW_ERR_TAKEN);
    check_kept_at(1, 1000);
    house_close(&house);
}
END_TEST

START_TEST(others_do_not_displace_who_waits)
{
    struct ask ask;

    open_house(3, 2);
    hold(1);
    ck_assert_int_eq(claim(1, 2, 3), GW_PENDING);
    turn(0);
    ask = ask_for(name, 9);
    ask.origin = "https://b.example";
    ck_assert_int_eq(house_claim_turn(&house, 2, 0, &ask), GW_ERR_DENIED);
    stage_turns(&house.stage, 4);
    check_kept_at(1, 1000);
    house_close(&house);
}
END_TEST

/* --- What crosses --- */

/* The holder is gone, and its watermark on the way, when it is recalled. */
START_TEST(a_recall_may_cross_a_release)
{
    open_house(3, 2);
    hold(1);
    ck_assert_int_eq(claim(1, 2, 1), GW_PENDING);
    turn(0);
    ck_assert_uint_eq(waiting(0, 1), 1);
    stage_begin(&house.stage, 1);
    house_end(&house, 0);
    stage_letters(&house.stage, 1); /* in the same turn, or in the next */
    (void)stage_end(&house.stage, 1);
    ck_assert_uint_eq(waiting(1, 0), 1); /* given back once */
    stage_turns(&house.stage, 2);
    check_kept_at(1, 1000);
    house_close(&house);
}
END_TEST

/* The release comes while the recall still lies there: it means nothing any more, also when there
 * is a new holder on the same worker. */
START_TEST(a_recall_that_comes_late_recalls_nobody)
{
    open_house(3, 2);
    hold(1);
    house_end_turn(&house, 0);
    ck_assert_int_eq(claim(1, 1, 1), GW_PENDING);
    stage_begin(&house.stage, 0);
    (void)house_claim(&house, 2, 0,
                      &(struct ask){name, "anna", "https://a.example", "10.0.0.1", "news,chat", 0});
    ck_assert_int_eq(state_of(2), HOLDER_WAITS); /* it claims before the release is read */
    (void)stage_end(&house.stage, 0);
    ck_assert_uint_eq(waiting(0, 1), 1);
    turn(0); /* release, and a newer claim */
    stage_turns(&house.stage, 4);
    ck_assert_int_eq(state_of(2), HOLDER_RECALLED);
    check_kept_at(1, 1000);
    house_close(&house);
}
END_TEST

/* What it lacks was found to be gone just before: then the claimant is told. */
START_TEST(a_recall_may_cross_the_news)
{
    open_house(3, 2);
    hold(1);
    ck_assert_int_eq(claim(1, 2, 1), GW_PENDING);
    turn(0);
    gw_watermark_free(house_tell_turn(&house, 0, GW_RESET_EXPIRED), &house.stage.meter.alloc);
    stage_turns(&house.stage, 3);
    ck_assert_int_eq(state_of(1), HOLDER_TOLD);
    ck_assert_int_eq(house.holders[1].claimed.told, GW_RESET_EXPIRED);
    check_calm(1);
    house_hear_turn(&house, 1);
    check_calm(0);
    house_close(&house);
}
END_TEST

START_TEST(a_claimant_may_be_gone_before_the_answer)
{
    open_house(3, 2);
    hold(1);
    ck_assert_int_eq(claim(1, (unsigned)_i, 1), GW_PENDING);
    house_end_turn(&house, 1);
    stage_turns(&house.stage, 6);
    ck_assert_int_eq(state_of(0), HOLDER_RECALLED);
    ck_assert_int_eq(state_of(1), HOLDER_ENDED);
    check_calm(1);
    (void)claim(2, (unsigned)_i, 2);
    stage_turns(&house.stage, 2);
    check_kept_at(2, 1000);
    house_close(&house);
}
END_TEST

/* The one that is granted a session is recalled before it knows. */
START_TEST(a_claimant_may_be_recalled_at_once)
{
    open_house(3, 2);
    hold(0);
    ck_assert_int_eq(claim(1, 1, 1), GW_PENDING);
    ck_assert_int_eq(claim(2, 2, 2), GW_PENDING);
    turn(0);
    ck_assert_uint_eq(waiting(0, 1), 2); /* granted, and recalled */
    if (_i == 1)
        house_end(&house, 1);
    turn(1);
    ck_assert_int_eq(state_of(1), _i == 1 ? HOLDER_ENDED : HOLDER_RECALLED);
    stage_turns(&house.stage, 4);
    check_kept_at(2, 1000);
    house_close(&house);
}
END_TEST

/* --- Room --- */

/* Fills the mailbox from one worker to another with claims that need an answer. */
static void fill_mailbox(unsigned from, unsigned to, unsigned holder)
{
    char id[32];

    for (unsigned i = 0; waiting(from, to) < house.stage.slots; i++) {
        const struct ask ask = ask_for(house_name(&house, to, 100 + i, id), 0);

        ck_assert_int_eq(house_claim_turn(&house, holder + i, from, &ask), GW_PENDING);
    }
}

START_TEST(a_recall_waits_for_room)
{
    open_house(3, 2);
    hold(1);
    fill_mailbox(0, 1, 20);
    ck_assert_int_eq(claim(1, 0, 1), GW_PENDING);
    ck_assert_uint_eq(waiting(0, 1), 2);
    ck_assert_uint_le(wait_ns(0), GW_RETRY_NS); /* and nothing else will remind of it */
    turn(0);
    turn(0);
    ck_assert_int_eq(state_of(0), HOLDER_HOLDS);
    turn(1);
    turn(0);
    ck_assert_uint_gt(wait_ns(0), GW_RETRY_NS);
    turn(1);
    ck_assert_int_eq(state_of(0), HOLDER_RECALLED);
    turn(0);
    ck_assert_int_eq(state_of(1), HOLDER_HOLDS);
    house_end(&house, 20);
    house_end(&house, 21);
    stage_turns(&house.stage, 2);
    ck_assert(house_stands(&house, 1, 1000));
    house_end_turn(&house, 1);
    check_calm(3);
    house_close(&house);
}
END_TEST

/* The release comes by itself: then nobody needs to be recalled. */
START_TEST(a_recall_that_waits_is_not_posted_in_vain)
{
    open_house(3, 2);
    hold(1);
    fill_mailbox(0, 1, 20);
    ck_assert_int_eq(claim(1, 0, 1), GW_PENDING);
    ck_assert(!gw_link_empty(&house.stage.hubs[0]->sessions.to_recall));
    house_end_turn(&house, 0);
    turn(0);
    ck_assert_int_eq(state_of(1), HOLDER_HOLDS);
    ck_assert(gw_link_empty(&house.stage.hubs[0]->sessions.to_recall));
    ck_assert(house_stands(&house, 1, 1000));
    house_end(&house, 20);
    house_end(&house, 21);
    stage_turns(&house.stage, 4);
    house_end_turn(&house, 1);
    check_calm(3);
    house_close(&house);
}
END_TEST

START_TEST(a_release_waits_for_room)
{
    unsigned home = (unsigned)_i, elsewhere = 1 - home;

    open_with_home(2, 2, home);
    hold(elsewhere);
    fill_mailbox(elsewhere, home, 20);
    house_end_turn(&house, 0);
    ck_assert_ptr_nonnull(house.stage.hubs[elsewhere]->peers[home].releases.first);
    ck_assert_uint_le(wait_ns(elsewhere), GW_RETRY_NS);
    turn(elsewhere);
    turn(home);
    turn(elsewhere);
    turn(home);
    ck_assert_uint_eq(gw_hub_counts(house.stage.hubs[home]).sessions_kept, 1);
    ck_assert_int_eq(claim(1, home, 1), 0);
    house_end_turn(&house, 20);
    house_end_turn(&house, 21);
    ck_assert(house_stands(&house, 1, 1000));
    house_end_turn(&house, 1);
    check_calm(3);
    house_close(&house);
}
END_TEST

/* First that it is told, then that it was heard. */
START_TEST(releases_that_wait_keep_their_order)
{
    struct gw_watermark *receipt;

    open_house(2, 1);
    hold(1);
    fill_mailbox(1, 0, 20);
    receipt = house_tell_turn(&house, 0, GW_RESET_EPOCH);
    house_give_turn(&house, 1, receipt);
    house_end_turn(&house, 20);
    check_calm(1); /* what filled the mailbox */
    house_close(&house);
}
END_TEST

/* More claims than there may be questions: each is asked and answered in the end. */
START_TEST(claims_wait_for_a_credit_in_their_order)
{
    char id[32];

    open_house(2, 1);
    for (unsigned i = 0; i < 8; i++) {
        const struct ask ask = ask_for(house_name(&house, 0, i, id), 0);

        ck_assert_int_eq(house_claim_turn(&house, i, 1, &ask), GW_PENDING);
    }
    ck_assert_uint_eq(house.stage.hubs[1]->peers[0].credits, 0);
    ck_assert_uint_gt(wait_ns(1), GW_RETRY_NS); /* an answer will come, and reminds of them */
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned j = 0; j < 8; j++)
            ck_assert_int_eq(state_of(j), j < i ? HOLDER_HOLDS : HOLDER_WAITS);
        turn(0);
        turn(1);
    }
    stage_begin(&house.stage, 1);
    for (unsigned i = 0; i < 8; i++)
        house_end(&house, i);
    (void)stage_end(&house.stage, 1);
    check_calm(8);
    house_close(&house);
}
END_TEST

/* All credits of worker 1 are taken by claims that wait for a holder: of their own worker, which
 * has the watermark and no credit. To give back takes none. */
START_TEST(a_release_passes_claims_that_wait)
{
    const struct ask again = {name, "anna", "https://a.example", "10.0.0.1", "news,chat", 1};

    open_house(2, 1);
    hold(1);
    stage_begin(&house.stage, 1);
    ck_assert_int_eq(house_claim(&house, 1, 1, &again), GW_PENDING);
    (void)stage_end(&house.stage, 1);
    ck_assert_int_eq(claim_other(2, 1), GW_PENDING);
    ck_assert_ptr_nonnull(house.stage.hubs[1]->peers[0].claims.first);
    turn(0);
    ck_assert_uint_eq(house.stage.hubs[1]->peers[0].credits, 0);
    if (_i == 0) /* by itself; or for the recall */
        house_end_turn(&house, 0);
    turn(1);
    turn(0);
    turn(1);
    ck_assert_int_eq(state_of(1), HOLDER_HOLDS);
    ck_assert(house_stands(&house, 1, 1000));
    turn(0);
    turn(1);
    ck_assert_int_eq(state_of(2), HOLDER_HOLDS);
    house_end_turn(&house, 1);
    house_end_turn(&house, 2);
    check_calm(2);
    house_close(&house);
}
END_TEST

/* Each of two workers holds what the other one wants, with the home of each at the other, and no
 * credit is left anywhere. */
START_TEST(two_that_want_what_the_other_has_both_get_it)
{
    char names[2][32];

    house_open(&house, 2, 1, 10);
    for (unsigned w = 0; w < 2; w++) {
        const struct ask ask = ask_for(house_name(&house, 1 - w, w, names[w]), 0);

        ck_assert_int_eq(house_claim_turn(&house, w, w, &ask), GW_PENDING);
    }
    stage_turns(&house.stage, 2);
    house_reach(&house, 0, 100);
    house_reach(&house, 1, 101);
    for (unsigned i = 0; i < 6; i++) {
        const struct ask ask = ask_for(names[(i + (unsigned)_i) % 2], 1 + i / 2);

        (void)house_claim_turn(&house, 10 + i, i % 2, &ask);
    }
    stage_turns(&house.stage, 20);
    for (unsigned i = 0; i < 4; i++)
        ck_assert(state_of(10 + i) == HOLDER_RECALLED || state_of(10 + i) == HOLDER_REFUSED);
    for (unsigned i = 4; i < 6; i++) {
        ck_assert_int_eq(state_of(10 + i), HOLDER_HOLDS);
        ck_assert(house_stands(&house, 10 + i, 100 + (i + (unsigned)_i) % 2));
        house_end_turn(&house, 10 + i);
    }
    check_calm(2);
    house_close(&house);
}
END_TEST

/* --- Ends --- */

/* The node stops in the middle of all of this. */
START_TEST(everything_that_is_pending_is_given_back)
{
    unsigned home = (unsigned)_i, holder = (home + 1) % 3, claimant = (home + 2) % 3;

    open_with_home(3, 1, home);
    hold(holder);
    ck_assert_int_eq(claim(1, claimant, 1), GW_PENDING);
    turn(home);                                          /* a claimant, and a recall on its way */
    ck_assert_int_eq(claim(2, claimant, 2), GW_PENDING); /* waits for a credit */
    ck_assert_int_eq(claim_other(3, home), 0);
    house_end_turn(&house, 3); /* kept */
    fill_mailbox(holder, home, 20);
    house_end_turn(&house, 0); /* a release that waits for room */
    ck_assert_ptr_nonnull(house.stage.hubs[holder]->peers[home].releases.first);
    ck_assert_ptr_nonnull(house.stage.hubs[claimant]->peers[home].claims.first);
    ck_assert_uint_eq(gw_hub_counts(house.stage.hubs[home]).sessions, 2);
    house_close(&house);
}
END_TEST

START_TEST(single_failures_lose_nothing)
{
    bool enough = false;

    for (long left = 0; !enough; left++) {
        open_house(3, 1);
        hold(1);
        house.stage.meter.left = left;
        (void)claim(1, 2, 1);
        stage_turns(&house.stage, 4);
        (void)claim_other(2, 1);
        stage_turns(&house.stage, 4);
        enough = house.stage.meter.failed == 0;
        house.stage.meter.left = METER_UNLIMITED;
        for (unsigned i = 1; i < 3; i++)
            ck_assert(state_of(i) == HOLDER_HOLDS || house.holders[i].claimed.status == -ENOMEM);
        ck_assert_int_eq(claim(4, 2, 2), GW_PENDING);
        stage_turns(&house.stage, 4);
        if (state_of(2) == HOLDER_HOLDS)
            house_end_turn(&house, 2);
        ck_assert_int_eq(state_of(4), HOLDER_HOLDS);
        ck_assert(house_stands(&house, 4, 1000));
        house_end_turn(&house, 4);
        check_calm(1 + (state_of(2) == HOLDER_ENDED));
        house_close(&house);
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_claim_from_elsewhere_is_answered);
    tcase_add_test(tests, what_is_told_is_told_everywhere);
    tcase_add_test(tests, the_news_is_not_lost_with_the_claimant);
    tcase_add_loop_test(tests, the_watermark_goes_to_the_newcomer, 0, 9);
    tcase_add_loop_test(tests, a_newer_one_displaces_who_waits, 0, 3);
    tcase_add_loop_test(tests, a_lower_one_does_not_displace_who_waits, 0, 3);
    tcase_add_test(tests, others_do_not_displace_who_waits);
    tcase_add_test(tests, a_recall_may_cross_a_release);
    tcase_add_test(tests, a_recall_that_comes_late_recalls_nobody);
    tcase_add_test(tests, a_recall_may_cross_the_news);
    tcase_add_loop_test(tests, a_claimant_may_be_gone_before_the_answer, 0, 3);
    tcase_add_loop_test(tests, a_claimant_may_be_recalled_at_once, 0, 2);
    tcase_add_test(tests, a_recall_waits_for_room);
    tcase_add_test(tests, a_recall_that_waits_is_not_posted_in_vain);
    tcase_add_loop_test(tests, a_release_waits_for_room, 0, 2);
    tcase_add_test(tests, releases_that_wait_keep_their_order);
    tcase_add_test(tests, claims_wait_for_a_credit_in_their_order);
    tcase_add_loop_test(tests, a_release_passes_claims_that_wait, 0, 2);
    tcase_add_loop_test(tests, two_that_want_what_the_other_has_both_get_it, 0, 2);
    tcase_add_loop_test(tests, everything_that_is_pending_is_given_back, 0, 3);
    tcase_add_test(tests, single_failures_lose_nothing);
}

int main(void)
{
    return suite_main("hub/recall", fill);
}
