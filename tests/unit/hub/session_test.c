/* session_test.c - sessions at their home: who may have one, who has it, and for how long it is
 * kept when nobody does. */
#include "hub/hub.h"

#include "lib/suite.h"
#include "unit/hub/holders.h"

#define TTL_NS (120 * GW_NS_PER_S)

static struct house house;

static const struct ask mine = {"mine", "anna", "https://a.example", "10.0.0.1", "news,chat", 0};

static struct ask later(uint32_t attempt)
{
    struct ask ask = mine;

    ask.attempt = attempt;
    return ask;
}

static int claim(unsigned holder, uint32_t attempt)
{
    const struct ask ask = later(attempt);

    return house_claim_turn(&house, holder, 0, &ask);
}

static int claim_id(unsigned holder, unsigned number, const char *address)
{
    char id[32];
    struct ask ask = mine;

    snprintf(id, sizeof(id), "session %u", number);
    ask.id = id;
    ask.address = address;
    return house_claim_turn(&house, holder, 0, &ask);
}

static struct gw_hub_counts counts(void)
{
    return gw_hub_counts(house.stage.hubs[0]);
}

static void pass(uint64_t ns)
{
    stage_pass(&house.stage, ns);
    (void)stage_turn(&house.stage, 0);
}

static enum holder_state state_of(unsigned holder)
{
    return house.holders[holder].state;
}

/* Held by holder 0, which has got to offset 1,000. */
static void open_held(void)
{
    house_open(&house, 1, 0, 10);
    ck_assert_int_eq(claim(0, 0), 0);
    house_reach(&house, 0, 1000);
}

/* The same, given back. */
static void open_kept(void)
{
    open_held();
    house_end_turn(&house, 0);
}

/* --- Attempts --- */

START_TEST(attempt_0_creates_a_session)
{
    const struct gw_claimed *claimed = &house.holders[0].claimed;

    house_open(&house, 1, 0, 10);
    ck_assert_int_eq(claim(0, 0), 0);
    ck_assert(!claimed->resumed);
    ck_assert_int_eq(claimed->told, GW_RESET_NONE);
    ck_assert_uint_eq(claimed->watermark->count, 2);
    ck_assert_uint_eq(claimed->watermark->marks[1].position.epoch, 0);
    ck_assert_uint_eq(counts().sessions, 1);
    ck_assert_uint_eq(counts().sessions_kept, 0);
    house_close(&house);
}
END_TEST

static const uint32_t attempts[] = {1, 2, 1000, UINT32_MAX};

START_TEST(later_attempts_must_find_it)
{
    house_open(&house, 1, 0, 10);
    ck_assert_int_eq(claim(0, attempts[_i]), GW_ERR_GONE);
    ck_assert_uint_eq(counts().sessions, 0);
    ck_assert_int_eq(claim(1, 0), 0); /* and leave nothing behind that would be in the way */
    house_close(&house);
}
END_TEST

START_TEST(who_comes_back_gets_the_watermark)
{
    open_kept();
    ck_assert_uint_eq(counts().sessions_kept, 1);
    ck_assert_int_eq(claim(1, 1), 0);
    ck_assert(house.holders[1].claimed.resumed);
    ck_assert(house_stands(&house, 1, 1000));
    ck_assert_uint_eq(counts().sessions_kept, 0);
    ck_assert_uint_eq(counts().sessions, 1);
    ck_assert_uint_eq(counts().sessions_taken_over, 0);
    house_close(&house);
}
END_TEST

/* No `attempt` counts as 0: a session that is there goes on all the same. */
START_TEST(attempt_0_finds_one_too)
{
    open_kept();
    ck_assert_int_eq(claim(1, 0), 0);
    ck_assert(house.holders[1].claimed.resumed);
    ck_assert(house_stands(&house, 1, 1000));
    house_close(&house);
}
END_TEST

START_TEST(as_high_an_attempt_takes_over)
{
    static const uint32_t takers[] = {4, 5, UINT32_MAX};

    open_held();
    ck_assert_int_eq(claim(1, 4), 0);
    ck_assert_int_eq(claim(2, takers[_i]), 0);
    ck_assert_int_eq(state_of(1), HOLDER_RECALLED);
    ck_assert(house.holders[2].claimed.resumed);
    ck_assert(house_stands(&house, 2, 1000));
    ck_assert_uint_eq(counts().sessions_taken_over, 2);
    ck_assert_uint_eq(counts().sessions, 1);
    house_close(&house);
}
END_TEST

/* The lower one is a handshake that was delayed. */
START_TEST(a_lower_attempt_gets_nothing)
{
    open_held();
    ck_assert_int_eq(claim(1, 5), 0);
    if (_i == 1)
        house_end_turn(&house, 1);
    ck_assert_int_eq(claim(2, 4), GW_ERR_TAKEN);
    ck_assert_int_eq(claim(3, 0), GW_ERR_TAKEN);
    ck_assert_int_eq(state_of(1), _i == 1 ? HOLDER_ENDED : HOLDER_HOLDS);
    ck_assert_int_eq(claim(4, 5), 0); /* and changes nothing */
    ck_assert(house_stands(&house, 4, 1000));
    house_close(&house);
}
END_TEST

/* --- Others --- */

static const struct ask others[] = {
    {"mine", "bert", "https://a.example", "10.0.0.1", "news,chat", 9},
    {"mine", "", "https://a.example", "10.0.0.1", "news,chat", 9},
    {"mine", "anna", "https://b.example", "10.0.0.1", "news,chat", 9},
    {"mine", "anna", "", "10.0.0.1", "news,chat", 9},
    {"mine", "https://a.example", "anna", "10.0.0.1", "news,chat", 9},
    {"mine", "anna", "https://a.example", "10.0.0.1", "news", 9},
    {"mine", "anna", "https://a.example", "10.0.0.1", "news,chat,more", 9},
    {"mine", "anna", "https://a.example", "10.0.0.1", "news,chats", 9},
    {"mine", "anna", "https://a.example", "10.0.0.1", "chat,more", 9},
};

START_TEST(others_are_denied_while_it_is_held_and_disturb_nobody)
{
    open_held();
    ck_assert_int_eq(house_claim_turn(&house, 1, 0, &others[_i]), GW_ERR_DENIED);
    ck_assert_int_eq(state_of(0), HOLDER_HOLDS);
    ck_assert_uint_eq(counts().sessions_taken_over, 0);
    ck_assert_int_eq(claim(2, 1), 0); /* their attempts do not count */
    ck_assert(house_stands(&house, 2, 1000));
    house_close(&house);
}
END_TEST

START_TEST(others_are_denied_while_it_is_kept_and_do_not_make_it_last)
{
    open_kept();
    stage_pass(&house.stage, TTL_NS - 1);
    ck_assert_int_eq(house_claim_turn(&house, 1, 0, &others[_i]), GW_ERR_DENIED);
    ck_assert_uint_eq(gw_hub_wait_ns(house.stage.hubs[0]), 1);
    ck_assert_int_eq(claim(2, 1), 0);
    ck_assert(house_stands(&house, 2, 1000));
    house_close(&house);
}
END_TEST

START_TEST(others_are_not_told_either)
{
    open_held();
    gw_watermark_free(house_tell_turn(&house, 0, GW_RESET_EXPIRED), &house.stage.meter.alloc);
    ck_assert_int_eq(house_claim_turn(&house, 1, 0, &others[_i]), GW_ERR_DENIED);
    ck_assert_int_eq(claim(2, 1), 0);
    ck_assert_int_eq(state_of(2), HOLDER_TOLD);
    house_close(&house);
}
END_TEST

START_TEST(another_address_is_nobody_else)
{
    struct ask ask = later(1);

    open_kept();
    ask.address = "192.0.2.77";
    ck_assert_int_eq(house_claim_turn(&house, 1, 0, &ask), 0);
    ck_assert(house_stands(&house, 1, 1000));
    house_close(&house);
}
END_TEST

START_TEST(the_order_of_channels_does_not_matter)
{
    struct ask ask = later(1);

    open_kept();
    ask.channels = "chat,news";
    ck_assert_int_eq(house_claim_turn(&house, 1, 0, &ask), 0);
    ck_assert(house_stands(&house, 1, 1000)); /* each channel its own place */
    house_close(&house);
}
END_TEST

START_TEST(another_name_is_another_session)
{
    static const char *const names[] = {"min", "mines", "Mine", "ine"};
    struct ask ask = later(0);

    open_kept();
    ask.id = names[_i];
    ck_assert_int_eq(house_claim_turn(&house, 1, 0, &ask), 0);
    ck_assert(!house.holders[1].claimed.resumed);
    ck_assert_uint_eq(counts().sessions, 2);
    house_close(&house);
}
END_TEST

/* --- What is gone --- */

START_TEST(what_is_told_is_told_to_every_attempt)
{
    struct gw_watermark *receipt;

    open_held();
    ck_assert_int_eq(claim(1, 5), 0);
    receipt = house_tell_turn(&house, 1, GW_RESET_EPOCH);
    for (unsigned holder = 2; holder < 8; holder++) {
        ck_assert_int_eq(claim(holder, (holder - 2) * 2), 0); /* lower, and higher */
        ck_assert_int_eq(state_of(holder), HOLDER_TOLD);
        ck_assert_int_eq(house.holders[holder].claimed.told, GW_RESET_EPOCH);
        ck_assert(!house.holders[holder].claimed.resumed);
        ck_assert_uint_eq(counts().sessions_kept, 1);
    }
    house_give_turn(&house, 0, receipt);
    ck_assert_uint_eq(counts().sessions, 0);
    ck_assert_int_eq(claim(8, 6), GW_ERR_GONE);
    ck_assert_int_eq(claim(9, 0), 0); /* and the page starts again */
    ck_assert(!house.holders[9].claimed.resumed);
    house_close(&house);
}
END_TEST

START_TEST(whoever_was_told_may_say_that_it_heard)
{
    open_held();
    gw_watermark_free(house_tell_turn(&house, 0, GW_RESET_EXPIRED), &house.stage.meter.alloc);
    ck_assert_int_eq(claim(1, 1), 0);
    house_hear_turn(&house, 1);
    ck_assert_uint_eq(counts().sessions, 0);
    house_close(&house);
}
END_TEST

/* The news must not be lost with the connection that was to hear it. */
START_TEST(who_was_told_and_is_gone_has_not_heard)
{
    open_held();
    gw_watermark_free(house_tell_turn(&house, 0, GW_RESET_EXPIRED), &house.stage.meter.alloc);
    ck_assert_int_eq(claim(1, 1), 0);
    house_end_turn(&house, 1);
    ck_assert_int_eq(claim(2, 2), 0);
    ck_assert_int_eq(state_of(2), HOLDER_TOLD);
    ck_assert_int_eq(house.holders[2].claimed.told, GW_RESET_EXPIRED);
    house_close(&house);
}
END_TEST

/* To hear it does not make it last. */
START_TEST(what_is_told_is_forgotten_as_everything_is)
{
    open_held();
    gw_watermark_free(house_tell_turn(&house, 0, GW_RESET_EXPIRED), &house.stage.meter.alloc);
    pass(TTL_NS - 1);
    ck_assert_int_eq(claim(1, 1), 0);
    ck_assert_int_eq(state_of(1), HOLDER_TOLD);
    pass(1);
    ck_assert_uint_eq(counts().sessions, 0);
    house_hear_turn(&house, 1); /* late, and harmless */
    ck_assert_int_eq(claim(2, 2), GW_ERR_GONE);
    house_close(&house);
}
END_TEST

/* --- A receipt for something else --- */

static struct gw_watermark *receipt_of(unsigned holder)
{
    return gw_watermark_receipt(&house.stage.meter.alloc, house.holders[holder].watermark);
}

START_TEST(a_receipt_does_nothing_to_what_was_not_told)
{
    struct gw_watermark *receipt;

    open_held();
    receipt = receipt_of(0);
    if (_i == 1)
        house_end_turn(&house, 0);
    house_give_turn(&house, 0, receipt);
    ck_assert_uint_eq(counts().sessions, 1);
    ck_assert_int_eq(claim(1, 1), 0);
    ck_assert(house_stands(&house, 1, 1000));
    house_close(&house);
}
END_TEST

START_TEST(a_receipt_for_what_is_gone_does_nothing)
{
    struct gw_watermark *receipt;

    open_held();
    receipt = receipt_of(0);
    house_end_turn(&house, 0);
    pass(TTL_NS);
    ck_assert_uint_eq(counts().sessions, 0);
    house_give_turn(&house, 0, receipt);
    ck_assert_uint_eq(counts().sessions, 0);
    house_close(&house);
}
END_TEST

/* The session of that name lives again, in the same place, and has been told something as well. */
START_TEST(a_receipt_of_an_earlier_life_does_nothing)
{
    struct gw_watermark *receipt, *old;

    open_held();
    receipt = house_tell_turn(&house, 0, GW_RESET_EXPIRED);
    old = gw_watermark_receipt(&house.stage.meter.alloc, receipt);
    house_give_turn(&house, 0, receipt);
    ck_assert_int_eq(claim(1, 0), 0);
    ck_assert_uint_eq(gw_handle_index(house.holders[1].watermark->session),
                      gw_handle_index(old->session));
    if (_i == 1)
        gw_watermark_free(house_tell_turn(&house, 1, GW_RESET_EPOCH), &house.stage.meter.alloc);
    house_give_turn(&house, 0, old);
    ck_assert_uint_eq(counts().sessions, 1);
    ck_assert_int_eq(claim(2, 1), 0);
    ck_assert_int_eq(state_of(2), _i == 1 ? HOLDER_TOLD : HOLDER_HOLDS);
    ck_assert_int_eq(house.holders[2].claimed.told, _i == 1 ? GW_RESET_EPOCH : GW_RESET_NONE);
    house_close(&house);
}
END_TEST

/* --- Without a place --- */

START_TEST(what_never_stood_is_not_resumed)
{
    house_open(&house, 1, 0, 10);
    ck_assert_int_eq(claim(0, 0), 0);
    house_end_turn(&house, 0);
    ck_assert_int_eq(claim(1, 1), 0); /* it is there */
    ck_assert(!house.holders[1].claimed.resumed);
    ck_assert_int_eq(claim(2, 2), 0); /* also when it is taken over */
    ck_assert(!house.holders[2].claimed.resumed);
    house_close(&house);
}
END_TEST

/* Its subscriptions did not stand, but those of the one before did. */
START_TEST(who_ends_before_it_stands_loses_nothing)
{
    open_kept();
    ck_assert_int_eq(claim(1, 1), 0);
    house_end_turn(&house, 1);
    ck_assert_int_eq(claim(2, 2), 0);
    ck_assert_int_eq(claim(3, 3), 0);
    ck_assert(house.holders[3].claimed.resumed);
    ck_assert(house_stands(&house, 3, 1000));
    house_close(&house);
}
END_TEST

/* --- Time --- */

START_TEST(a_session_is_kept_for_session_ttl)
{
    static const struct {
        uint64_t passed;
        int status;
    } times[] = {{0, 0}, {TTL_NS - 1, 0}, {TTL_NS, GW_ERR_GONE}, {TTL_NS + 1, GW_ERR_GONE}};

    open_kept();
    ck_assert_uint_eq(gw_hub_wait_ns(house.stage.hubs[0]), TTL_NS);
    pass(times[_i].passed);
    ck_assert_uint_eq(gw_hub_wait_ns(house.stage.hubs[0]),
                      times[_i].status == 0 ? TTL_NS - times[_i].passed : UINT64_MAX);
    ck_assert_uint_eq(counts().sessions, times[_i].status == 0);
    ck_assert_int_eq(claim(1, 1), times[_i].status);
    ck_assert_uint_eq(counts().sessions_shed, 0);
    house_close(&house);
}
END_TEST

START_TEST(what_is_held_lasts)
{
    open_held();
    ck_assert_uint_eq(gw_hub_wait_ns(house.stage.hubs[0]), UINT64_MAX);
    pass(10 * TTL_NS);
    ck_assert_int_eq(state_of(0), HOLDER_HOLDS);
    house_end_turn(&house, 0);
    ck_assert_uint_eq(gw_hub_wait_ns(house.stage.hubs[0]), TTL_NS);
    pass(TTL_NS - 1);
    ck_assert_int_eq(claim(1, 1), 0);
    ck_assert(house_stands(&house, 1, 1000));
    house_close(&house);
}
END_TEST

/* Who was there in between is the younger one. */
START_TEST(the_oldest_is_forgotten_first)
{
    house_open(&house, 1, 0, 10);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(claim_id(i, i, ""), 0);
        house_end_turn(&house, i);
        pass(GW_NS_PER_S);
    }
    ck_assert_int_eq(claim_id(3, 0, ""), 0);
    house_end_turn(&house, 3);
    ck_assert_uint_eq(gw_hub_wait_ns(house.stage.hubs[0]), TTL_NS - 2 * GW_NS_PER_S);
    for (unsigned left = 3; left > 0; left--) {
        ck_assert_uint_eq(counts().sessions, left);
        pass(gw_hub_wait_ns(house.stage.hubs[0]) - 1);
        ck_assert_uint_eq(counts().sessions, left);
        pass(1);
    }
    ck_assert_uint_eq(counts().sessions, 0);
    house_close(&house);
}
END_TEST

/* A turn does not take for ever over it, and wants another one at once. */
START_TEST(a_crowd_is_forgotten_in_several_turns)
{
    house_open(&house, 1, 0, HOLDERS);
    for (unsigned i = 0; i < 2 * GW_TIMERS_A_TURN - 1; i++) {
        MUST(claim_id(i, i, "") == 0);
        house_end_turn(&house, i);
    }
    pass(TTL_NS);
    ck_assert_uint_eq(counts().sessions, GW_TIMERS_A_TURN - 1);
    ck_assert_uint_eq(gw_hub_wait_ns(house.stage.hubs[0]), 0);
    pass(0);
    ck_assert_uint_eq(counts().sessions, 0);
    house_close(&house);
}
END_TEST

/* --- How many --- */

START_TEST(above_sessions_max_the_oldest_is_forgotten)
{
    unsigned many = 9 + (unsigned)_i;
    struct ask ask = mine;

    house_open(&house, 1, 0, 10);
    for (unsigned i = 0; i < many; i++) {
        ck_assert_int_eq(claim_id(i, i, ""), 0);
        house_reach(&house, i, 1000 * i);
    }
    ck_assert_uint_eq(counts().sessions, many); /* those that are held are not counted */
    for (unsigned i = 0; i < many; i++)
        house_end_turn(&house, i);
    ck_assert_uint_eq(counts().sessions_kept, many < 10 ? many : 10);
    ck_assert_uint_eq(counts().sessions_shed, many > 10);
    ask.id = "session 0";
    ask.address = "";
    ask.attempt = 1;
    ck_assert_int_eq(house_claim_turn(&house, 20, 0, &ask), many > 10 ? GW_ERR_GONE : 0);
    for (unsigned i = 1; i < many; i++) {
        ck_assert_int_eq(claim_id(20 + i, i, ""), 0);
        ck_assert(house_stands(&house, 20 + i, 1000 * i));
    }
    house_close(&house);
}
END_TEST

START_TEST(there_is_a_last_one_that_can_be_held)
{
    house_open(&house, 1, 0, 10); /* and 256 subscriptions */
    for (unsigned i = 0; i < 266; i++)
        ck_assert_int_eq(claim_id(i, i, ""), 0);
    ck_assert_int_eq(claim_id(266, 266, ""), GW_ERR_TOO_MANY);
    ck_assert_uint_eq(counts().sessions, 266);
    ck_assert_int_eq(claim_id(267, 7, ""), 0); /* one that is there */
    ck_assert_int_eq(state_of(7), HOLDER_RECALLED);
    for (unsigned i = 20; i < 31; i++)
        house_end_turn(&house, i); /* one is forgotten for it */
    ck_assert_int_eq(claim_id(268, 266, ""), 0);
    house_close(&house);
}
END_TEST

/* A turn for each would scan them all each time. */
static void keep_many(unsigned from, unsigned count, const char *address)
{
    stage_begin(&house.stage, 0);
    for (unsigned i = from; i < from + count; i++) {
        char id[32];
        struct ask ask = mine;

        snprintf(id, sizeof(id), "session %u", i);
        ask.id = id;
        ask.address = address;
        MUST(house_claim(&house, i, 0, &ask) == 0);
        house_reach(&house, i, i);
        house_end(&house, i);
    }
    (void)stage_end(&house.stage, 0);
}

START_TEST(one_address_has_1000_at_most)
{
    unsigned many = 999 + (unsigned)_i;

    house_open(&house, 1, 0, 2000);
    keep_many(1100, 1, "10.0.0.2");
    keep_many(0, many, "10.0.0.1");
    ck_assert_uint_eq(counts().sessions_kept, 1 + (many < 1000 ? many : 1000));
    ck_assert_uint_eq(counts().sessions_shed, many > 1000);
    ck_assert_int_eq(claim_id(1200, 1100, ""), 0); /* of others nothing is forgotten */
    ck_assert(house_stands(&house, 1200, 1100));
    ck_assert_int_eq(claim_id(1201, 0, ""), 0);
    ck_assert_int_eq(house.holders[1201].claimed.resumed, many <= 1000);
    ck_assert_int_eq(claim_id(1202, 1, ""), 0);
    ck_assert(house_stands(&house, 1202, 1));
    house_close(&house);
}
END_TEST

START_TEST(who_has_no_address_is_not_counted_by_it)
{
    house_open(&house, 1, 0, 2000);
    keep_many(0, 1500, "");
    ck_assert_uint_eq(counts().sessions_kept, 1500);
    ck_assert_uint_eq(counts().sessions_shed, 0);
    house_close(&house);
}
END_TEST

/* There is a record for every address, though each has one session only. */
START_TEST(whatever_is_kept_is_counted)
{
    const struct gw_sessions *sessions;

    house_open(&house, 1, 0, 10);
    sessions = &house.stage.hubs[0]->sessions;
    for (unsigned i = 0; i < 20; i++) {
        char address[16];

        snprintf(address, sizeof(address), "10.0.0.%u", i);
        ck_assert_int_eq(claim_id(i, i, address), 0);
        house_end_turn(&house, i);
        ck_assert_uint_eq(gw_slab_count(sessions->addresses), i < 10 ? i + 1 : 10);
    }
    house_close(&house);
}
END_TEST

START_TEST(homes_share_what_an_address_may_have)
{
    char id[32];

    house_open(&house, 3, 4, 2000);
    for (unsigned i = 0; i < 400; i++) {
        struct ask ask = mine;

        ask.id = house_name(&house, 0, i, id);
        stage_begin(&house.stage, 0);
        MUST(house_claim(&house, i, 0, &ask) == 0);
        house_end(&house, i);
        gw_hub_end_turn(house.stage.hubs[0]);
    }
    ck_assert_uint_eq(counts().sessions_kept, 334);
    ck_assert_uint_eq(counts().sessions_shed, 66);
    house_close(&house);
}
END_TEST

/* Whoever comes back gives its place back, and whoever is forgotten does: else an address would be
 * full of those who are long gone. */
START_TEST(an_address_gets_its_places_back)
{
    house_open(&house, 1, 0, 2000);
    keep_many(0, 1000, "10.0.0.1");
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_eq(claim_id(1000 + i, i, "10.0.0.1"), 0);
    keep_many(1010, 10, "10.0.0.1");
    ck_assert_uint_eq(counts().sessions_shed, 0);
    keep_many(1020, 1, "10.0.0.1");
    ck_assert_uint_eq(counts().sessions_shed, 1);
    pass(TTL_NS);
    ck_assert_uint_eq(counts().sessions_kept, 0);
    keep_many(1021, 1000, "10.0.0.1");
    ck_assert_uint_eq(counts().sessions_shed, 1);
    ck_assert_uint_eq(counts().sessions_kept, 1000);
    house_close(&house);
}
END_TEST

/* It counts for where it comes from now. */
START_TEST(a_session_moves_with_its_address)
{
    house_open(&house, 1, 0, 2000);
    keep_many(0, 1000, "10.0.0.1");
    ck_assert_int_eq(claim_id(1000, 0, "10.0.0.2"), 0);
    house_end_turn(&house, 1000);
    keep_many(1001, 1, "10.0.0.1");
    ck_assert_uint_eq(counts().sessions_shed, 0);
    keep_many(1002, 1, "10.0.0.1");
    ck_assert_uint_eq(counts().sessions_shed, 1);
    house_close(&house);
}
END_TEST

/* --- Memory --- */

/* 30 sessions, so that maps and slabs grow on the way. */
static bool claim_with(long left)
{
    unsigned held = 0;
    bool enough;

    house_open(&house, 1, 0, 40);
    ck_assert_int_eq(claim(100, 0), 0);
    house_reach(&house, 100, 1000);
    house.stage.meter.left = left;
    for (unsigned i = 0; i < 30; i++) {
        char address[16];
        int status;

        snprintf(address, sizeof(address), "10.0.0.%u", i);
        status = claim_id(i, i, i % 4 ? address : "");
        ck_assert(status == 0 || status == -ENOMEM);
        held += status == 0;
        if (i % 3 != 0)
            house_end_turn(&house, i);
    }
    ck_assert_int_eq(state_of(100), HOLDER_HOLDS);
    ck_assert_uint_eq(counts().sessions, held + 1);
    enough = house.stage.meter.failed == 0;
    if (house.stage.meter.left > 0)
        house.stage.meter.left = 0;
    house_end_turn(&house, 100); /* to give back takes no memory that could be out */
    house.stage.meter.left = METER_UNLIMITED;
    ck_assert_int_eq(claim(101, 1), 0);
    ck_assert(house_stands(&house, 101, 1000));
    for (unsigned i = 0; i < 30; i++)
        ck_assert_int_eq(claim_id(200 + i, i, ""), 0);
    house_close(&house);
    return enough;
}

START_TEST(every_allocation_may_fail)
{
    for (long left = 0; !claim_with(left); left++)
        ;
}
END_TEST

START_TEST(a_hub_that_cannot_be_made_leaves_nothing)
{
    for (long left = 0;; left++) {
        struct gw_hub_options options;
        int status;

        house_init(&house, 1, 0);
        house.stage.meter.left = left;
        options = stage_options(&house.stage, 0);
        status = house_open_hub(&house, 0, &options);
        ck_assert_int_eq(status, house.stage.meter.failed ? -ENOMEM : 0);
        if (status == 0)
            break;
        ck_assert_int_eq(house.stage.meter.live, 0);
    }
    house_close(&house);
}
END_TEST

START_TEST(nothing_is_nothing_to_give_back)
{
    house_open(&house, 1, 0, 10);
    house_give_turn(&house, 0, NULL);
    ck_assert_uint_eq(counts().sessions, 0);
    house_close(&house);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, attempt_0_creates_a_session);
    tcase_add_loop_test(tests, later_attempts_must_find_it, 0, SUITE_ROWS(attempts));
    tcase_add_test(tests, who_comes_back_gets_the_watermark);
    tcase_add_test(tests, attempt_0_finds_one_too);
    tcase_add_loop_test(tests, as_high_an_attempt_takes_over, 0, 3);
    tcase_add_loop_test(tests, a_lower_attempt_gets_nothing, 0, 2);
    tcase_add_loop_test(tests, others_are_denied_while_it_is_held_and_disturb_nobody, 0,
                        SUITE_ROWS(others));
    tcase_add_loop_test(tests, others_are_denied_while_it_is_kept_and_do_not_make_it_last, 0,
                        SUITE_ROWS(others));
    tcase_add_loop_test(tests, others_are_not_told_either, 0, SUITE_ROWS(others));
    tcase_add_test(tests, another_address_is_nobody_else);
    tcase_add_test(tests, the_order_of_channels_does_not_matter);
    tcase_add_loop_test(tests, another_name_is_another_session, 0, 4);
    tcase_add_test(tests, what_is_told_is_told_to_every_attempt);
    tcase_add_test(tests, whoever_was_told_may_say_that_it_heard);
    tcase_add_test(tests, who_was_told_and_is_gone_has_not_heard);
    tcase_add_test(tests, what_is_told_is_forgotten_as_everything_is);
    tcase_add_loop_test(tests, a_receipt_does_nothing_to_what_was_not_told, 0, 2);
    tcase_add_test(tests, a_receipt_for_what_is_gone_does_nothing);
    tcase_add_loop_test(tests, a_receipt_of_an_earlier_life_does_nothing, 0, 2);
    tcase_add_test(tests, what_never_stood_is_not_resumed);
    tcase_add_test(tests, who_ends_before_it_stands_loses_nothing);
    tcase_add_loop_test(tests, a_session_is_kept_for_session_ttl, 0, 4);
    tcase_add_test(tests, what_is_held_lasts);
    tcase_add_test(tests, the_oldest_is_forgotten_first);
    tcase_add_test(tests, a_crowd_is_forgotten_in_several_turns);
    tcase_add_loop_test(tests, above_sessions_max_the_oldest_is_forgotten, 0, 3);
    tcase_add_test(tests, there_is_a_last_one_that_can_be_held);
    tcase_add_loop_test(tests, one_address_has_1000_at_most, 0, 3);
    tcase_add_test(tests, who_has_no_address_is_not_counted_by_it);
    tcase_add_test(tests, whatever_is_kept_is_counted);
    tcase_add_test(tests, homes_share_what_an_address_may_have);
    tcase_add_test(tests, an_address_gets_its_places_back);
    tcase_add_test(tests, a_session_moves_with_its_address);
    tcase_add_test(tests, every_allocation_may_fail);
    tcase_add_test(tests, a_hub_that_cannot_be_made_leaves_nothing);
    tcase_add_test(tests, nothing_is_nothing_to_give_back);
}

int main(void)
{
    return suite_main("hub/session", fill);
}
