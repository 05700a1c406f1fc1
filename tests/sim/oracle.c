#include "sim/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/num.h"
#include "sim/must.h"
#include "sim/session.h"

#define NUMBER_LEN 8 /* digits that every payload begins with */

void oracle_init(struct oracle *oracle, uint32_t channel_count)
{
    memset(oracle, 0, sizeof(*oracle));
    must(channel_count <= ORACLE_CHANNELS_MAX, "too many channels");
    oracle->channel_count = channel_count;
    session_restart(oracle, UINT64_MAX); /* there are none */
}

void oracle_fini(struct oracle *oracle)
{
    for (uint32_t c = 0; c < oracle->channel_count; c++)
        for (uint32_t l = 0; l <= oracle->channels[c].life; l++)
            free(oracle->channels[c].lives[l].entries);
}

static const struct oracle_life *life_of(const struct oracle *oracle, uint32_t channel,
                                         uint16_t life)
{
    must(life <= oracle->channels[channel].life, "a life that has not come yet");
    return &oracle->channels[channel].lives[life];
}

static const struct oracle_life *present(const struct oracle *oracle, uint32_t channel)
{
    return life_of(oracle, channel, oracle->channels[channel].life);
}

/* --- What is published --- */

uint32_t oracle_publish(struct oracle *oracle, uint32_t channel, uint32_t len, bool binary,
                        uint32_t author)
{
    uint32_t number = oracle->count++;

    must(number < ORACLE_PUBS_MAX && len >= NUMBER_LEN, "too many publications, or too short");
    oracle->pubs[number] = (struct oracle_pub){
        .channel = (uint8_t)channel, .binary = binary, .len = len, .author = author};
    return number;
}

/* Twice as long as it need be, so that it can be compressed. */
void oracle_payload(uint32_t number, uint32_t len, uint8_t *out)
{
    uint32_t left = number;

    for (uint32_t i = 0, mix = number; i < len; i++, mix = mix * 1103515245u + 12345u)
        out[i] = (uint8_t)('a' + (mix >> 16 & 15));
    for (unsigned i = NUMBER_LEN; i-- > 0; left /= 10)
        out[i] = (uint8_t)('0' + left % 10);
}

static uint32_t number_of(const struct oracle *oracle, const uint8_t *data, size_t len)
{
    uint64_t number = UINT64_MAX;
    bool has =
        len >= NUMBER_LEN && gw_num_u64((struct gw_str){(const char *)data, NUMBER_LEN}, &number);

    must(has && number < oracle->count, "a message that nobody published");
    return (uint32_t)number;
}

static void check_payload(const struct oracle *oracle, uint32_t number, const uint8_t *data,
                          size_t len)
{
    static uint8_t wanted[1 << 20];

    must(len == oracle->pubs[number].len && len <= sizeof(wanted),
         "publication %u came with %zu bytes instead of %u", number, len, oracle->pubs[number].len);
    oracle_payload(number, (uint32_t)len, wanted);
    must(memcmp(wanted, data, len) == 0, "publication %u came with another payload", number);
}

static void begin_life(struct oracle_channel *channel)
{
    must(channel->life + 1 < ORACLE_LIVES_MAX, "too many lives");
    channel->life++;
}

void oracle_restart(struct oracle *oracle, uint64_t now_ns)
{
    for (uint32_t c = 0; c < oracle->channel_count; c++) {
        begin_life(&oracle->channels[c]);
        oracle->channels[c].server_life = oracle->channels[c].life;
    }
    session_restart(oracle, now_ns);
}

void oracle_name_life(struct oracle *oracle, uint32_t index, uint64_t epoch)
{
    struct oracle_channel *channel = &oracle->channels[index];

    must(epoch != 0, "a channel without an epoch");
    if (channel->lives[channel->life].epoch == epoch)
        return;
    for (uint32_t l = 0; l < channel->life; l++)
        must(channel->lives[l].epoch != epoch,
             "channel %u has begun another life with the epoch of an earlier one", index);
    if (channel->lives[channel->life].epoch != 0)
        begin_life(channel);
    channel->lives[channel->life].epoch = epoch;
}

static struct oracle_entry *add_entry(struct oracle_life *life)
{
    if (life->count == life->room) {
        life->room = life->room * 2 + 64;
        life->entries = realloc(life->entries, life->room * sizeof(*life->entries));
        must(life->entries, "no memory for the oracle");
    }
    return &life->entries[life->count++];
}

void oracle_append(struct oracle *oracle, uint32_t index, uint64_t epoch, const struct gw_pub *pub,
                   uint64_t now_ns)
{
    struct oracle_channel *channel = &oracle->channels[index];
    struct gw_str payload = gw_pub_payload(pub);
    uint32_t number = number_of(oracle, (const uint8_t *)payload.data, payload.len);
    struct oracle_pub *known = &oracle->pubs[number];
    struct oracle_life *life;

    oracle_name_life(oracle, index, epoch);
    life = &channel->lives[channel->life];
    check_payload(oracle, number, (const uint8_t *)payload.data, payload.len);
    must(known->channel == index, "publication %u went to channel %u", number, index);
    must(known->offset == 0, "publication %u is in the log a second time", number);
    must(!known->retracted, "publication %u is in the log, and its publisher was told otherwise",
         number);
    must(pub->offset == life->count + 1, "channel %u gave offset %llu where %u comes next", index,
         (unsigned long long)pub->offset, life->count + 1);
    must(pub->tag != 0, "publication %u has no tag", number);
    must(oracle->last_of_author[known->author] <= number,
         "publication %u came about after %llu of the same connection", number,
         (unsigned long long)oracle->last_of_author[known->author] - 1);
    oracle->last_of_author[known->author] = number + 1;
    known->life = channel->life;
    known->offset = pub->offset;
    *add_entry(life) = (struct oracle_entry){
        .number = number, .tag = pub->tag, .born_ns = now_ns, .cost_before = life->cost};
    life->cost += gw_pub_cost(pub);
    tell("channel", index, "has publication %u at %u.%llu", number, known->life,
         (unsigned long long)known->offset);
}

void oracle_check_entry(const struct oracle *oracle, uint32_t index, const struct gw_pub *pub)
{
    const struct oracle_life *life = present(oracle, index);
    struct gw_str payload = gw_pub_payload(pub);

    must(pub->offset > 0 && pub->offset <= life->count, "channel %u keeps what it never had",
         index);
    must(life->entries[pub->offset - 1].tag == pub->tag &&
             life->entries[pub->offset - 1].number ==
                 number_of(oracle, (const uint8_t *)payload.data, payload.len),
         "channel %u has another publication at offset %llu than it had", index,
         (unsigned long long)pub->offset);
}

void oracle_acknowledge(struct oracle *oracle, uint32_t number, const struct gw_position *where)
{
    struct oracle_pub *known = &oracle->pubs[number];
    const struct oracle_life *life;

    must(!known->acked && !known->retracted, "publication %u was answered twice", number);
    known->acked = true;
    must(known->offset != 0, "publication %u was acknowledged, and is in no log", number);
    life = life_of(oracle, known->channel, known->life);
    must(where->offset == known->offset && where->epoch == life->epoch &&
             where->tag == life->entries[known->offset - 1].tag,
         "publication %u was acknowledged at offset %llu, and is at %llu (or epoch or tag differ)",
         number, (unsigned long long)where->offset, (unsigned long long)known->offset);
}

void oracle_retract(struct oracle *oracle, uint32_t number)
{
    oracle->pubs[number].retracted = true;
    must(oracle->pubs[number].offset == 0,
         "publication %u is in the log, and its publisher was told that it is not", number);
}

/* --- What is kept --- */

uint64_t oracle_head(const struct oracle *oracle, uint32_t channel)
{
    return present(oracle, channel)->count;
}

uint64_t oracle_epoch(const struct oracle *oracle, uint32_t channel)
{
    return present(oracle, channel)->epoch;
}

/* Of the publications `offset` .. `before` - 1. */
static uint64_t cost_of(const struct oracle_life *life, uint64_t offset, uint64_t before)
{
    uint64_t to = before <= life->count ? life->entries[before - 1].cost_before : life->cost;

    return offset < before ? to - life->entries[offset - 1].cost_before : 0;
}

uint64_t oracle_kept_from(const struct oracle *oracle, uint32_t channel, uint64_t now_ns)
{
    const struct oracle_life *life = present(oracle, channel);
    const struct gw_history *history = &oracle->history;
    uint64_t first = life->count + 1;

    if (oracle->halved)
        return first;
    while (first > 1 && life->count + 2 - first <= history->count_max &&
           cost_of(life, first - 1, life->count + 1) <= history->bytes_max &&
           now_ns - life->entries[first - 2].born_ns <= history->age_ns_max)
        first--;
    return first;
}

/* Behind the history lies the live log, as much as its bytes allow, and one publication whatever
 * its size. */
uint64_t oracle_live_from(const struct oracle *oracle, uint32_t channel, uint64_t now_ns)
{
    const struct oracle_life *life = present(oracle, channel);
    uint64_t kept = oracle_kept_from(oracle, channel, now_ns), first = kept;

    if (oracle->starved || oracle->halved)
        return life->count + 1;
    while (first > 1 && cost_of(life, first - 1, kept) <= oracle->live_log_bytes)
        first--;
    return first > life->count && first > 1 ? life->count : first;
}

/* --- Readers --- */

struct gw_position oracle_position(const struct oracle *oracle, uint32_t channel,
                                   const struct oracle_place *place)
{
    const struct oracle_life *life = life_of(oracle, channel, place->life);

    return (struct gw_position){.epoch = life->epoch,
                                .offset = place->offset,
                                .tag =
                                    place->offset > 0 ? life->entries[place->offset - 1].tag : 0};
}

void oracle_ask(const struct oracle *oracle, struct oracle_view *view, uint32_t channel,
                const struct gw_since *since, uint64_t told)
{
    uint16_t life = oracle->channels[channel].life;

    *view = (struct oracle_view){.channel = channel,
                                 .ask = {.since = *since,
                                         .life = life,
                                         .present = life,
                                         .head = oracle_head(oracle, channel),
                                         .told = told}};
    /* A branch that has not heard yet that its channel began another life begins in the old one. */
    if (since->kind == GW_SINCE_NEW)
        view->ask.life = oracle->channels[channel].server_life;
}

/* What a life could have said to a position, a bit for each enum gw_reset; GW_RESET_NONE is that it
 * was honoured. Between question and answer the channel went on, so there may be several. */
static unsigned verdicts_of(const struct oracle *oracle, const struct oracle_view *view,
                            uint16_t index, uint64_t now_ns)
{
    const struct gw_position *position = &view->ask.since.position;
    const struct oracle_life *life = life_of(oracle, view->channel, index);
    uint64_t head_then = index == view->ask.life ? view->ask.head : 0;
    unsigned verdicts = 0;
    uint64_t tag;

    if (life->epoch != position->epoch)
        return 1u << GW_RESET_EPOCH;
    if (position->offset > head_then)
        verdicts |= 1u << GW_RESET_UNKNOWN;
    if (position->offset > life->count)
        return verdicts;
    if (index != oracle->channels[view->channel].life ||
        position->offset + 1 < oracle_kept_from(oracle, view->channel, now_ns))
        verdicts |= 1u << GW_RESET_EXPIRED;
    tag = position->offset > 0 ? life->entries[position->offset - 1].tag : 0;
    return verdicts | 1u << (position->tag == tag ? GW_RESET_NONE : GW_RESET_FORKED);
}

static unsigned verdicts(const struct oracle *oracle, const struct oracle_view *view,
                         uint64_t now_ns)
{
    unsigned all = 0;

    if (view->ask.since.kind == GW_SINCE_UNKNOWN)
        return 1u << GW_RESET_UNKNOWN;
    if (view->ask.since.kind != GW_SINCE_POSITION)
        return 1u << GW_RESET_NONE;
    for (uint16_t life = view->ask.life; life <= oracle->channels[view->channel].life; life++)
        all |= verdicts_of(oracle, view, life, now_ns);
    return all;
}

static uint64_t least_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The 101 is there: what is published from here on is delivered, and what was asked for besides.
 * The bounds hold for the present life; a 101 of a server that is gone by now is followed by
 * nothing but what was under way, and that need only be a run. */
void oracle_begin(const struct oracle *oracle, struct oracle_view *view, uint64_t now_ns)
{
    uint64_t head = oracle_head(oracle, view->channel);
    uint64_t kept = oracle_kept_from(oracle, view->channel, now_ns);
    uint64_t last = view->ask.since.last;

    view->began = true;
    view->life = oracle->channels[view->channel].life;
    view->least = 1;
    view->most = head + 1;
    switch (view->ask.since.kind) {
    case GW_SINCE_ALL:
        view->most = kept;
        break;
    case GW_SINCE_LAST:
        view->most =
            kept > head + 1 - least_of(last, head) ? kept : head + 1 - least_of(last, head);
        if (view->life == view->ask.present)
            view->least = view->ask.head + 1 - least_of(last, view->ask.head);
        break;
    case GW_SINCE_POSITION: /* the channel may have started over while the 101 was on its way */
        view->least = view->most = view->ask.since.position.offset + 1;
        if (life_of(oracle, view->channel, view->ask.present)->epoch ==
            view->ask.since.position.epoch)
            view->life = view->ask.present;
        break;
    case GW_SINCE_NEW: /* and nothing of what was there before */
        if (view->life == view->ask.present)
            view->least = view->ask.told + 1;
        break;
    case GW_SINCE_UNKNOWN:
        break;
    }
    if (view->claim.session)
        session_begin(oracle, view, now_ns);
}

/* Which life a position names; it must be a true one, of this reader's time. */
static uint16_t life_named(const struct oracle *oracle, const struct oracle_view *view,
                           const struct gw_position *position)
{
    for (uint16_t l = view->ask.life; l <= oracle->channels[view->channel].life; l++) {
        const struct oracle_life *life = life_of(oracle, view->channel, l);

        if (life->epoch != position->epoch)
            continue;
        must(position->offset <= life->count, "channel %u: a reader is told of a position ahead",
             view->channel);
        must(position->tag == (position->offset > 0 ? life->entries[position->offset - 1].tag : 0),
             "channel %u: a reader is told of position %llu with a wrong tag", view->channel,
             (unsigned long long)position->offset);
        return l;
    }
    must_fail(__FILE__, __LINE__, "channel %u: a reader is told of a position of no life",
              view->channel);
}

static void go_on_from(struct oracle_view *view, uint16_t life, uint64_t offset)
{
    view->exact = true;
    view->life = life;
    view->next = offset + 1;
}

void oracle_started(const struct oracle *oracle, struct oracle_view *view,
                    const struct gw_position *start, int recovered)
{
    const struct gw_since *since = &view->ask.since;
    bool asked = since->kind == GW_SINCE_POSITION || since->kind == GW_SINCE_UNKNOWN;
    uint16_t life = life_named(oracle, view, start);

    must(view->began && !view->exact, "channel %u: `subscribed` is not the first", view->channel);
    if (view->claim.session) {
        session_started(oracle, view, start, life, recovered);
        go_on_from(view, life, start->offset);
        if (!view->dishonoured)
            session_see(view);
        return;
    }
    must(asked == (recovered >= 0), "channel %u: recovered is said, or not, to the wrong reader",
         view->channel);
    if (recovered == 1) {
        oracle_check_honoured(oracle, view);
        must(start->epoch == since->position.epoch && start->offset == since->position.offset,
             "channel %u: recovered, but from %llu on instead of %llu", view->channel,
             (unsigned long long)start->offset, (unsigned long long)since->position.offset);
    } else if (recovered == 0) {
        must(life != view->ask.life || start->offset >= view->ask.head,
             "channel %u: not recovered, and begins in the past", view->channel);
        view->dishonoured = true;
    } else if (life == view->life)
        must(start->offset + 1 >= view->least && start->offset + 1 <= view->most,
             "channel %u: begins behind %llu, and must with one of %llu to %llu", view->channel,
             (unsigned long long)start->offset, (unsigned long long)view->least,
             (unsigned long long)view->most);
    go_on_from(view, life, start->offset);
}

void oracle_reset(const struct oracle *oracle, struct oracle_view *view, enum gw_reset reason,
                  const struct gw_position *from, uint64_t now_ns)
{
    uint16_t life = life_named(oracle, view, from);

    must(view->exact, "channel %u: a reset before `subscribed`", view->channel);
    if (view->dishonoured ||
        (view->fresh && view->seen == 0 && life == view->life && from->offset + 1 == view->next)) {
        oracle_refused(oracle, view, reason, now_ns);
        must(life == view->life && from->offset + 1 == view->next,
             "channel %u: a reset names another position than `subscribed` did", view->channel);
        view->dishonoured = false;
        view->told_reset = true;
    } else if (reason == GW_RESET_EXPIRED) {
        oracle_lost(oracle, view, now_ns);
        must(life > view->life || from->offset >= view->next,
             "channel %u: a reader lost its place, and goes on with what it had", view->channel);
    } else
        must(reason == GW_RESET_EPOCH && life > view->life,
             "channel %u: a reset, called %s, of a stream that goes on", view->channel,
             gw_reset_name(reason));
    go_on_from(view, life, from->offset);
    if (view->claim.session)
        session_see(view);
}

/* The channel has started over while a raw reader was connected that had not got everything. */
static bool fell_with_its_life(const struct oracle *oracle, const struct oracle_view *view)
{
    uint16_t present_life = oracle->channels[view->channel].life;
    bool fell = view->life < present_life &&
                view->next <= life_of(oracle, view->channel, view->life)->count;

    if (!view->began || !view->exact)
        return view->began && view->ask.life < present_life;
    for (uint16_t life = view->life; !fell && ++life < present_life;)
        fell = life_of(oracle, view->channel, life)->count > 0;
    return fell;
}

void oracle_refused(const struct oracle *oracle, const struct oracle_view *view,
                    enum gw_reset reason, uint64_t now_ns)
{
    must(reason != GW_RESET_NONE, "a position was refused with a reason that is none");
    if (reason == GW_RESET_EPOCH && fell_with_its_life(oracle, view))
        return;
    if (view->claim.session) {
        session_refused(oracle, view, reason, now_ns);
        return;
    }
    must(view->seen == 0, "a position was refused after messages had come");
    must(verdicts(oracle, view, now_ns) & 1u << reason,
         "position %llu of channel %u was called %s: kept from %llu, head %llu, now %llu",
         (unsigned long long)view->ask.since.position.offset, view->channel, gw_reset_name(reason),
         (unsigned long long)oracle_kept_from(oracle, view->channel, now_ns),
         (unsigned long long)view->ask.head,
         (unsigned long long)oracle_head(oracle, view->channel));
}

void oracle_lost(const struct oracle *oracle, const struct oracle_view *view, uint64_t now_ns)
{
    const struct oracle_life *life = present(oracle, view->channel);
    bool known = view->exact ? view->life == oracle->channels[view->channel].life
                             : view->ask.since.kind == GW_SINCE_POSITION &&
                                   view->ask.since.position.epoch == life->epoch;
    uint64_t next = view->exact ? view->next : view->most;

    /* Said by a server that is gone, whose log is gone, too; or who knows where it began? */
    if (!known)
        return;
    must(next <= oracle_head(oracle, view->channel),
         "a reader of channel %u who had got everything was told that it fell behind",
         view->channel);
    must(next < oracle_live_from(oracle, view->channel, now_ns),
         "a reader of channel %u was told that %llu is gone, and everything from %llu is kept",
         view->channel, (unsigned long long)next,
         (unsigned long long)oracle_live_from(oracle, view->channel, now_ns));
}

/* The first message says where it really began. */
static void see_first(const struct oracle *oracle, struct oracle_view *view,
                      const struct oracle_pub *pub, uint32_t number)
{
    must(view->began, "a message before the handshake");
    must(verdicts(oracle, view, 0) & 1u << GW_RESET_NONE,
         "position %llu of channel %u was honoured, and must not be",
         (unsigned long long)view->ask.since.position.offset, view->channel);
    if (view->claim.session)
        session_first(oracle, view, pub);
    else
        must(pub->life >= view->ask.life, "channel %u: the first message is of a life that is over",
             view->channel);
    if (pub->life > view->life) { /* it started over, and this reader had had everything */
        must(view->most > life_of(oracle, view->channel, view->life)->count,
             "channel %u: a reader was left behind in an earlier life", view->channel);
        go_on_from(view, view->life, life_of(oracle, view->channel, view->life)->count);
        return;
    }
    must(pub->life != view->life || (pub->offset >= view->least && pub->offset <= view->most),
         "channel %u: the first message is %u at offset %llu, and must be one of %llu to %llu",
         view->channel, number, (unsigned long long)pub->offset, (unsigned long long)view->least,
         (unsigned long long)view->most);
    if (view->ask.since.kind == GW_SINCE_POSITION)
        must(pub->offset == view->ask.since.position.offset + 1 &&
                 life_of(oracle, view->channel, pub->life)->epoch == view->ask.since.position.epoch,
             "channel %u: came back with %llu, and got %llu next", view->channel,
             (unsigned long long)view->ask.since.position.offset, (unsigned long long)pub->offset);
    go_on_from(view, pub->life, pub->offset - 1);
}

void oracle_see(struct oracle *oracle, struct oracle_view *view, const uint8_t *data, size_t len,
                bool binary)
{
    uint32_t number = number_of(oracle, data, len);
    const struct oracle_pub *pub = &oracle->pubs[number];

    check_payload(oracle, number, data, len);
    must(pub->channel == view->channel, "publication %u of channel %u came to a reader of %u",
         number, pub->channel, view->channel);
    must(pub->offset != 0, "publication %u was delivered, and is in no log", number);
    must(pub->binary == binary, "publication %u came as %s", number, binary ? "binary" : "text");
    if (!view->exact)
        see_first(oracle, view, pub, number);
    /* A channel that starts over goes on with 1 for those who had everything. */
    while (pub->life > view->life && view->next > life_of(oracle, view->channel, view->life)->count)
        go_on_from(view, (uint16_t)(view->life + 1), 0);
    must(pub->life == view->life && pub->offset == view->next,
         "channel %u: publication %u at %u.%llu came where %u.%llu belongs", view->channel, number,
         pub->life, (unsigned long long)pub->offset, view->life, (unsigned long long)view->next);
    view->next++;
    view->seen++;
    if (view->claim.session)
        session_see(view);
}

struct oracle_place oracle_place_of(const struct oracle_view *view)
{
    return (struct oracle_place){
        .known = view->exact, .life = view->life, .offset = view->next - 1};
}

bool oracle_caught_up(const struct oracle *oracle, const struct oracle_view *view)
{
    uint16_t life = view->life;
    bool all =
        view->began && !view->dishonoured &&
        (view->exact ? view->next : view->most) > life_of(oracle, view->channel, life)->count;

    while (all && life < oracle->channels[view->channel].life)
        all = life_of(oracle, view->channel, ++life)->count == 0;
    return all;
}

/* --- At the end --- */

void oracle_check_honoured(const struct oracle *oracle, const struct oracle_view *view)
{
    if (view->told_reset)
        return;
    if (view->claim.session)
        session_check_honoured(view);
    must(verdicts(oracle, view, 0) & 1u << GW_RESET_NONE,
         "position %llu of channel %u was honoured, and must not be",
         (unsigned long long)view->ask.since.position.offset, view->channel);
}

void oracle_check_author(const struct oracle *oracle, uint32_t author)
{
    for (uint32_t number = 0; number < oracle->count; number++)
        must(oracle->pubs[number].author != author || oracle->pubs[number].offset != 0,
             "publication %u is lost, and its author was not told", number);
}
