#include "sim/crowd.h"

#include <stdio.h>
#include <string.h>

#include "lib/seeded.h"
#include "sim/must.h"
#include "sim/net.h"
#include "sim/session.h"

#define EVENTS_MAX    64
#define SINCE_MAX     64
#define CUT_BYTES_MAX 3000
#define SIP_BYTES_MAX 300
#define SMALL_MAX     200 /* bytes of a small publication */

static uint64_t pick(const struct crowd *crowd, uint64_t below)
{
    return seeded_below(crowd->common.random, below);
}

static bool chance(const struct crowd *crowd, unsigned permille)
{
    return pick(crowd, 1000) < permille;
}

static void count(const struct crowd *crowd, enum sim_count what, uint64_t how_many)
{
    crowd->counts->at[what] += how_many;
}

static uint32_t channel_of(const struct crowd *crowd, unsigned index)
{
    return index % crowd->habits.channels;
}

/* --- Coming --- */

static void write_position(const struct gw_position *position, char text[SINCE_MAX])
{
    gw_position_write(text, position);
    text[GW_POSITION_LEN] = '\0';
}

/* Another position than that of the last message seen: each kind wants an answer of its own. */
static void spoil_position(const struct crowd *crowd, uint32_t channel, struct oracle_place place,
                           char text[SINCE_MAX])
{
    const struct oracle *oracle = crowd->common.oracle;
    struct gw_position position = oracle_position(oracle, channel, &place);

    switch (pick(crowd, 6)) {
    case 0: /* it has slept for long */
    case 1:
        place.offset = pick(crowd, place.offset + 1);
        position = oracle_position(oracle, channel, &place);
        break;
    case 2:
        position.epoch = seeded_next(crowd->common.random);
        break;
    case 3: /* a past that was replaced */
        position.tag ^= UINT64_C(1) << pick(crowd, 64);
        break;
    case 4:
        position.offset += 1 + pick(crowd, 1000);
        break;
    default:
        snprintf(text, SINCE_MAX, "%s", "AAECAwQFBgcICQoLDA0ODxAREhMUFR!");
        return;
    }
    if (position.offset == 0)
        position.tag = 0;
    write_position(&position, text);
}

/* Where somebody begins who comes (back). */
static void choose_since(const struct crowd *crowd, unsigned index, char text[SINCE_MAX])
{
    static const char *const fresh[] = {"new", "", "all", "last:3", "last:0"};
    const struct oracle *oracle = crowd->common.oracle;
    const struct oracle_place *place = &crowd->places[index];
    uint32_t channel = channel_of(crowd, index);
    struct gw_position position;

    if (!place->known || (!crowd->quiet && chance(crowd, 150))) {
        snprintf(text, SINCE_MAX, "%s", fresh[pick(crowd, 5)]);
        return;
    }
    count(crowd, SIM_CAME_BACK, 1);
    count(crowd, SIM_RESTART_POSITION, place->life != oracle->channels[channel].life);
    if (!crowd->quiet && chance(crowd, crowd->habits.odd_permille)) {
        spoil_position(crowd, channel, *place, text);
        return;
    }
    position = oracle_position(oracle, channel, place);
    write_position(&position, text);
}

/* --- Sessions --- */

#define NO_SESSION UINT32_MAX
#define UNNOTICED_NS                                                                               \
    (500 * GW_NS_PER_MS) /* by then nobody can have noticed that one is half-open */

/* Of six persons of a channel one has a session, and two more have one together: two tabs of one
 * browser. Or all three have one. */
static uint32_t session_of(const struct crowd *crowd, unsigned index)
{
    unsigned row = (index / crowd->habits.channels) % 6;

    if (!crowd->habits.sessions || (row != 1 && row != 3 && row != 4))
        return NO_SESSION;
    if (crowd->habits.tabs)
        return index - (row - 1) * crowd->habits.channels;
    return row == 4 ? index - crowd->habits.channels : index;
}

/* Another tab, if one is there. */
static bool other_is_there(const struct crowd *crowd, unsigned index)
{
    uint32_t session = session_of(crowd, index);

    for (unsigned i = 0; session != NO_SESSION && i < crowd->habits.clients; i++)
        if (i != index && session_of(crowd, i) == session && crowd->clients[i].phase != CLIENT_NONE)
            return true;
    return false;
}

/* The page's whole knowledge: a name, and how often it has come. Whether it says 0 or nothing is
 * the same. */
static void make_claim(struct crowd *crowd, unsigned index, struct client_claim *claim)
{
    uint32_t session = session_of(crowd, index);

    if (session == NO_SESSION)
        return;
    claim->session = &crowd->common.oracle->sessions[session];
    claim->attempt = crowd->attempts[index]++;
    claim->silent = claim->attempt == 0 && chance(crowd, 300);
}

/* Under the session of somebody who listens to another channel. It does not begin one. */
static bool make_stranger(struct crowd *crowd, unsigned index, struct client_claim *claim)
{
    unsigned other = (unsigned)pick(crowd, crowd->habits.clients);
    uint32_t session = session_of(crowd, other);

    if (session == NO_SESSION || channel_of(crowd, index) == channel_of(crowd, other))
        return false;
    claim->session = &crowd->common.oracle->sessions[session];
    claim->attempt = 1 + (uint32_t)pick(crowd, 20);
    claim->stranger = true;
    return true;
}

static enum client_pongs pongs_of(unsigned index)
{
    switch (index % 8) {
    case 3:
    case 6:
        return PONGS_LATE;
    case 4:
        return PONGS_NEVER;
    default:
        return PONGS_AT_ONCE;
    }
}

static void come(struct crowd *crowd, unsigned index)
{
    static const enum client_kind kinds[] = {CLIENT_POSTER,   CLIENT_PLAIN,    CLIENT_PLAIN,
                                             CLIENT_DEFLATED, CLIENT_DEFLATED, CLIENT_PLAIN};
    static const enum client_kind others[] = {CLIENT_POSTER, CLIENT_JSON, CLIENT_JSON_DEFLATED,
                                              CLIENT_PLAIN,  CLIENT_JSON, CLIENT_DEFLATED};
    unsigned row = (index / crowd->habits.channels) % 6;
    enum client_kind kind = crowd->habits.envelopes ? others[row] : kinds[row];
    struct client *client = &crowd->clients[index];
    struct client_claim claim = {.session = NULL};
    char since[SINCE_MAX] = "";

    if (!(kind != CLIENT_POSTER && !crowd->quiet && crowd->habits.sessions &&
          chance(crowd, crowd->habits.stranger_permille) && make_stranger(crowd, index, &claim)))
        make_claim(crowd, index, &claim);
    if (kind != CLIENT_POSTER && !claim.session)
        choose_since(crowd, index, since);
    client_start(client, &crowd->common, index, channel_of(crowd, index), kind, since, &claim);
    if (claim.session)
        client->pongs = pongs_of(index);
    if (client->pongs != PONGS_AT_ONCE) /* it may be cut for that */
        client->excuse |= EXCUSE_SLEPT;
}

/* --- Going --- */

static void count_resets(const struct crowd *crowd, const struct client *client)
{
    static const enum sim_count kinds[] = {[GW_RESET_EPOCH] = SIM_RESET_EPOCH,
                                           [GW_RESET_EXPIRED] = SIM_RESET_EXPIRED,
                                           [GW_RESET_FORKED] = SIM_RESET_FORKED,
                                           [GW_RESET_UNKNOWN] = SIM_RESET_UNKNOWN};

    for (int reset = GW_RESET_EPOCH; reset <= GW_RESET_UNKNOWN; reset++)
        count(crowd, kinds[reset], client->resets[reset]);
    if (client->kind >= CLIENT_JSON)
        count(crowd, SIM_ENVELOPES, client->delivered);
}

/* It asked for a position of the life that was, and was not told that it cannot have it. */
static bool was_honoured(const struct crowd *crowd, const struct client *client)
{
    const struct oracle_view *view = &client->view;
    const struct oracle_channel *channel = &crowd->common.oracle->channels[view->channel];

    return view->began && view->ask.since.kind == GW_SINCE_POSITION && client->close_code != 4410 &&
           !view->dishonoured && !view->told_reset &&
           view->ask.since.position.epoch == channel->lives[view->ask.present].epoch;
}

/* How it began, one who came (back): by what it got and not by what it asked for. */
static void count_beginning(const struct crowd *crowd, const struct client *client)
{
    const struct oracle_view *view = &client->view;
    bool had_some = view->seen > 0 && view->life == view->ask.present && !view->told_reset &&
                    view->next - view->seen <= view->ask.head;

    if (view->ask.since.kind == GW_SINCE_ALL || view->ask.since.kind == GW_SINCE_LAST)
        count(crowd, SIM_REPLAYED, had_some);
    if (!was_honoured(crowd, client))
        return;
    count(crowd, SIM_RECOVERED, had_some);
    count(crowd, SIM_UP_TO_DATE, view->ask.since.position.offset == view->ask.head);
}

/* One that was half-open, and could not be known to be: it had answered all pings so far. */
static bool has_beaten(const struct crowd *crowd, const struct client *client)
{
    uint64_t vanished_ns =
        crowd->vanished_ns[client->claim.session - crowd->common.oracle->sessions];

    return vanished_ns > 0 && client->in_ns > vanished_ns &&
           client->in_ns - vanished_ns < UNNOTICED_NS;
}

static void count_claim(const struct crowd *crowd, const struct client *client)
{
    const struct client_claim *claim = &client->claim;
    const struct oracle_claim *seen = &client->view.claim;
    bool resumed = claim->session && claim->attempt > 0 && client->view.seen + client->pinged > 0;

    count(crowd, SIM_SESSION_RESUMED, resumed);
    count(crowd, SIM_SESSION_MISSED, resumed && seen->missed);
    count(crowd, SIM_SESSION_REPEATS, resumed && seen->repeats > 0);
    count(crowd, SIM_SESSION_TAKEN, client->close_code == 4409 && client->view.seen > 0);
    count(crowd, SIM_SESSION_HALF_OPEN, resumed && has_beaten(crowd, client));
    count(crowd, SIM_SESSION_TOLD_AGAIN, client->told_again);
    count(crowd, SIM_SESSION_STRANGER, client->close_code == 4403);
    count(crowd, SIM_SESSION_UNKNOWN,
          claim->session && client->close_code == 4410 && client->resets[GW_RESET_UNKNOWN] > 0);
}

static void count_client(const struct crowd *crowd, const struct client *client)
{
    count_claim(crowd, client);
    count(crowd, SIM_DELIVERED, client->delivered);
    count(crowd, SIM_PINGED, client->pinged);
    count(crowd, SIM_REFUSED, client->refused);
    count(crowd, SIM_DUPLICATE, client->duplicates);
    count(crowd, SIM_BEHIND, client->close_code == 4408);
    count(crowd, SIM_DRAINED, client->close_code == 1012);
    count(crowd, SIM_GOODBYE, client->close_code == 1000);
    count(crowd, SIM_TOLD_OF_FAMINE, client->close_code == 1011);
    count(crowd, SIM_CUT_IN_MESSAGE, client->in_message);
    count_resets(crowd, client);
    count_beginning(crowd, client);
}

/* What a person remembers when its connection is over: the last message it saw; that a position is
 * worth nothing any more, if it was told so. */
static void remember(struct crowd *crowd, unsigned index)
{
    const struct client *client = &crowd->clients[index];

    if (client->kind == CLIENT_POSTER || client->claim.stranger)
        return;
    if (client->claim.session) {
        if (client->close_code == 4410)
            crowd->attempts[index] = 0;
        return;
    }
    if (client->view.exact)
        crowd->places[index] = oracle_place_of(&client->view);
    if (client->close_code == 4410)
        crowd->places[index].known = false;
}

static void bury(struct crowd *crowd, unsigned index)
{
    struct client *client = &crowd->clients[index];

    if (client->phase != CLIENT_GONE)
        return;
    client_check_end(client);
    count_client(crowd, client);
    if (client->close_code == 1000 && !(client->excuse & (EXCUSE_RESTART | EXCUSE_FAMINE)))
        crowd->goodbyes[crowd->goodbye_count++] = client->author;
    if (crowd->habits.keys && client->awaits_answer && !(client->excuse & EXCUSE_RESTART))
        crowd->unanswered[index] = client->posting + 1;
    remember(crowd, index);
    client_end(client);
}

void crowd_turn(struct crowd *crowd)
{
    struct gw_event events[EVENTS_MAX];
    int got = gw_loop_turn(crowd->common.loop, events, EVENTS_MAX, UINT64_MAX);

    for (int i = 0; i < got; i++)
        client_go(&crowd->clients[events[i].token]);
    for (unsigned i = 0; i < crowd->habits.clients; i++)
        bury(crowd, i);
}

/* --- What happens --- */

static uint32_t payload_bytes(const struct crowd *crowd)
{
    unsigned most = crowd->habits.payload_max;

    if (!chance(crowd, crowd->habits.big_permille) && most > SMALL_MAX)
        most = SMALL_MAX;
    return 16 + (uint32_t)pick(crowd, most - 15);
}

static void cut(struct crowd *crowd, struct client *client)
{
    client->excuse |= EXCUSE_CUT;
    if (pick(crowd, 2) == 0) {
        count(crowd, SIM_CUT, 1);
        tell("client", client->index, "is cut off");
        sim_net_reset(crowd->common.net, client->fd);
    } else {
        uint64_t bytes = 1 + pick(crowd, CUT_BYTES_MAX);
        bool outwards = pick(crowd, 2) == 0;

        tell("client", client->index, "will be cut off after %llu bytes %s",
             (unsigned long long)bytes, outwards ? "out" : "in");
        sim_net_cut_after(crowd->common.net, client->fd, outwards, bytes);
    }
}

static void slow_down(struct crowd *crowd, struct client *client, bool sips)
{
    client->excuse |= EXCUSE_SLEPT;
    client->wakes_ns = sim_net_now(crowd->common.net) + 1 + pick(crowd, crowd->habits.sleep_ns);
    if (sips)
        client->sip = 1 + (unsigned)pick(crowd, SIP_BYTES_MAX);
    else
        client->asleep = true;
    count(crowd, sips ? SIM_SIPPED : SIM_SLEPT, 1);
    tell("client", client->index, sips ? "reads slowly" : "stops reading");
}

/* One of the faults, to one who is there. */
static void disturb(struct crowd *crowd)
{
    const struct crowd_habits *habits = &crowd->habits;
    struct client *client = &crowd->clients[pick(crowd, habits->clients)];
    unsigned roll = (unsigned)pick(crowd, 1000);

    if (client->phase != CLIENT_SHAKING && client->phase != CLIENT_OPEN)
        return;
    if (roll < habits->cut_permille) {
        cut(crowd, client);
        return;
    }
    roll -= habits->cut_permille;
    if (roll < habits->leave_permille) {
        client_say_goodbye(client);
        return;
    }
    roll -= habits->leave_permille;
    if (roll < habits->vanish_permille) {
        if (client->claim.session && client->view.seen > 0 && client->pongs == PONGS_AT_ONCE)
            crowd->vanished_ns[client->claim.session - crowd->common.oracle->sessions] =
                sim_net_now(crowd->common.net);
        client_vanish(client);
        return;
    }
    roll -= habits->vanish_permille;
    if (roll < habits->sleep_permille + habits->sip_permille)
        slow_down(crowd, client, roll >= habits->sleep_permille);
}

static void wake_sleepers(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->habits.clients; i++) {
        struct client *client = &crowd->clients[i];

        if (!client->asleep && client->sip == 0)
            continue;
        if (!crowd->quiet && client->wakes_ns > sim_net_now(crowd->common.net)) {
            client_sip(client);
            continue;
        }
        client->asleep = false;
        client->sip = 0;
        client_go(client);
    }
}

/* Who is there for a while, and has read all that came, has its session. */
static void see_sessions(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->habits.clients; i++) {
        struct client *client = &crowd->clients[i];

        if (client->phase == CLIENT_OPEN && client->close_code == 0 && client->wakes_ns == 0 &&
            session_must_stand(&client->view, sim_net_now(crowd->common.net)))
            session_stands(&client->view);
    }
}

static void answer_pings(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->habits.clients; i++) {
        struct client *client = &crowd->clients[i];

        if (!client->ping_waits || client->phase != CLIENT_OPEN || client->asleep ||
            (!crowd->quiet && client->answers_ns > sim_net_now(crowd->common.net)))
            continue;
        client_pong(client);
        client_go(client);
    }
}

/* Whoever got no answer wants one first. */
static bool publish(struct crowd *crowd, unsigned index)
{
    struct client *client = &crowd->clients[index];
    uint32_t *unanswered = &crowd->unanswered[index];

    if (*unanswered == 0)
        return client_publish(client, payload_bytes(crowd));
    if (client_publish_again(client, *unanswered - 1)) {
        *unanswered = 0;
        count(crowd, SIM_POSTED_AGAIN, 1);
    }
    return false;
}

bool crowd_act(struct crowd *crowd)
{
    unsigned index = (unsigned)pick(crowd, crowd->habits.clients);
    bool published = false;

    if (crowd->clients[index].phase == CLIENT_NONE)
        come(crowd, index);
    else
        published = publish(crowd, index);
    count(crowd, SIM_PUBLISHED, published);
    disturb(crowd);
    wake_sleepers(crowd);
    answer_pings(crowd);
    see_sessions(crowd);
    return published;
}

/* It may hit what somebody said who has left meanwhile, too: a letter between two workers. */
void crowd_excuse(struct crowd *crowd, unsigned excuse)
{
    crowd->goodbye_count = 0;
    for (unsigned i = 0; i < crowd->habits.clients; i++)
        crowd->clients[i].excuse |= excuse;
    if (excuse & EXCUSE_RESTART) /* the keys are gone, too */
        memset(crowd->unanswered, 0, sizeof(crowd->unanswered));
}

/* --- Rest --- */

void crowd_calm(struct crowd *crowd)
{
    crowd->quiet = true;
    crowd->common.calm = true;
    wake_sleepers(crowd);
    answer_pings(crowd);
}

void crowd_gather(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->habits.clients; i++)
        if (crowd->clients[i].phase == CLIENT_NONE && !other_is_there(crowd, i))
            come(crowd, i);
}

static const char *unrest_of(const struct crowd *crowd, const struct client *client)
{
    if (client->phase != CLIENT_OPEN || client->closing)
        return "is not there";
    if (client->out.len > 0 || client->awaits_answer)
        return "waits for an answer";
    if (client->kind != CLIENT_POSTER && !oracle_caught_up(crowd->common.oracle, &client->view))
        return "has not got everything";
    return NULL;
}

const char *crowd_unrest(const struct crowd *crowd, unsigned *who)
{
    const char *what = NULL;

    for (*who = 0; *who < crowd->habits.clients; ++*who) {
        what = unrest_of(crowd, &crowd->clients[*who]);
        if (what && crowd->clients[*who].phase == CLIENT_NONE && other_is_there(crowd, *who))
            what = NULL; /* only one of two tabs has it */
        if (what)
            break;
    }
    return what;
}

unsigned crowd_connections(const struct crowd *crowd)
{
    unsigned open = 0;

    for (unsigned i = 0; i < crowd->habits.clients; i++)
        open += crowd->clients[i].phase != CLIENT_NONE;
    return open;
}

uint32_t crowd_subscribers(const struct crowd *crowd, uint32_t channel)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < crowd->habits.clients; i++) {
        const struct client *client = &crowd->clients[i];

        count += client->phase == CLIENT_OPEN && client->kind != CLIENT_POSTER &&
                 client->view.channel == channel;
    }
    return count;
}

void crowd_check(const struct crowd *crowd)
{
    for (uint32_t i = 0; i < crowd->goodbye_count; i++)
        oracle_check_author(crowd->common.oracle, crowd->goodbyes[i]);
    for (unsigned i = 0; i < crowd->habits.clients; i++) {
        const struct client *client = &crowd->clients[i];

        if (client->phase != CLIENT_OPEN || client->kind == CLIENT_POSTER)
            continue;
        oracle_check_honoured(crowd->common.oracle, &client->view);
        oracle_check_author(crowd->common.oracle, client->author);
    }
}

void crowd_leave(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->habits.clients; i++)
        client_say_goodbye(&crowd->clients[i]);
    for (unsigned i = 0; i < crowd->habits.clients; i++)
        bury(crowd, i);
}

void crowd_begin(struct crowd *crowd)
{
    must(crowd->habits.clients <= CROWD_MAX && crowd->habits.channels <= ORACLE_CHANNELS_MAX,
         "the crowd is too large");
    memset(crowd->clients, 0, sizeof(crowd->clients));
    memset(crowd->places, 0, sizeof(crowd->places));
    memset(crowd->unanswered, 0, sizeof(crowd->unanswered));
    memset(crowd->attempts, 0, sizeof(crowd->attempts));
    memset(crowd->vanished_ns, 0, sizeof(crowd->vanished_ns));
    crowd->goodbye_count = 0;
}

void crowd_end(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->habits.clients; i++)
        must(crowd->clients[i].phase == CLIENT_NONE, "client %u is still there", i);
}
