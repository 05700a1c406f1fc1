/* stage.h - hubs, the mailboxes between them, and readers on scripted sockets.
 *
 * A test says how many bytes each reader's socket has room for; the stage carries out what the hubs
 * ask for, finishes the messages that a socket stopped in, and checks every byte that arrives: each
 * reader gets whole messages, the next offset each time, and at one offset the same payload as
 * everybody else.
 *
 * A unit is: offset (8 bytes), length of the payload (4), payload, and in variant 1 a '!' behind
 * it. Every payload begins with a number (4 bytes) that the stage counts up.
 *
 * Threads: one at a time. */
#ifndef TESTS_UNIT_HUB_STAGE_H
#define TESTS_UNIT_HUB_STAGE_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <godwit/status.h>

#include "core/seam.h"
#include "hub/hub.h"
#include "hub/state.h"
#include "lib/meter.h"
#include "lib/must.h"
#include "lib/seeded.h"

#define STAGE_WORKERS  3
#define STAGE_READERS  64
#define STAGE_CHANNELS 4
#define STAGE_OFFSETS  8192
#define STAGE_LIVES    256
#define STAGE_PAGE     64 /* publications of a page that are kept */
#define STAGE_MAIL     16
#define STAGE_ROOM     SIZE_MAX /* a socket that takes everything */

enum reader_state { READER_FREE, READER_PENDING, READER_STANDS, READER_REFUSED, READER_LOST };

struct reader {
    enum reader_state state;
    unsigned worker, variant;
    int channel;
    uint32_t subscription;
    struct gw_subscribed start;
    size_t room; /* bytes its socket takes before it is full */
    int broken;  /* -errno of every send, or 0 */
    bool blocked, closed;
    bool pinned; /* in the middle of a message: */
    struct gw_unit_pin pin;
    size_t pin_sent;
    enum gw_reset why; /* it is lost */
    uint32_t epoch;    /* of the last message; its lower half, as units have it */
    uint64_t expected; /* offset of the next message */
    uint64_t messages; /* whole ones so far */
    uint8_t head[16];  /* of the message that is arriving: offset, epoch, length, number */
    size_t len;        /* how much of it has arrived */
    uint64_t sends;
    int last_iov_count;
    uint64_t progress; /* how often it was told of */
    bool leaves;       /* when it is */
};

/* One epoch of a channel, as its home has seen it. */
struct life {
    uint32_t epoch;
    uint64_t head;
    uint32_t truth[STAGE_OFFSETS]; /* which number has which offset; 0 unknown */
};

struct mail {
    struct gw_letter letters[STAGE_MAIL];
    unsigned first, count;
    bool refused; /* a letter, in this turn of its writer */
};

struct stage {
    struct meter meter;
    unsigned workers;
    uint32_t slots;
    struct gw_hub *hubs[STAGE_WORKERS];
    struct actor {
        struct stage *stage;
        unsigned worker;
    } actors[STAGE_WORKERS];
    struct mail mail[STAGE_WORKERS][STAGE_WORKERS]; /* from, to */
    struct gw_now now;
    long failed; /* allocations, when the turn began */
    struct gw_history history;
    size_t send_max; /* sends of a turn */
    struct gw_batch batch;
    struct reader readers[STAGE_READERS];
    struct life *lives[STAGE_CHANNELS][STAGE_LIVES]; /* in their order; owned */
    unsigned life_count[STAGE_CHANNELS];
    uint32_t number; /* of the latest payload */
    uint64_t pending_published, answered, failed_publishes;
    struct gw_published last_answer;
    struct gw_page last_page; /* `first` is gone: */
    uint64_t page_offsets[STAGE_PAGE];
};

static const char *const stage_names[STAGE_CHANNELS] = {"lobby", "news", "chat:42", "prices"};

static inline void put_number(uint8_t *out, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(number >> (8 * i));
}

static inline uint64_t get_number(const uint8_t *in, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = bytes; i-- > 0;)
        number = number << 8 | in[i];
    return number;
}

static inline size_t unit_size(const struct gw_entry *entry)
{
    return 12 + entry->pub->len;
}

static inline size_t unit_write(void *ctx, const struct gw_entry *entry, uint8_t *out)
{
    const struct gw_pub *pub = entry->pub;

    (void)ctx;
    MUST(entry->channel.len > 0 && entry->epoch != 0);
    put_number(out, pub->offset, 4);
    put_number(out + 4, entry->epoch, 4);
    put_number(out + 8, pub->len, 4);
    memcpy(out + 12, pub->bytes, pub->len);
    return unit_size(entry);
}

/* Asks for more room than it takes, as a variant that compresses does. */
static inline size_t loud_size(const struct gw_entry *entry)
{
    return 113 + 2 * (size_t)entry->pub->len;
}

static inline size_t loud_write(void *ctx, const struct gw_entry *entry, uint8_t *out)
{
    size_t len = unit_write(ctx, entry, out);

    out[len] = '!';
    return len + 1;
}

static const struct gw_variant stage_variants[] = {{"plain", false, unit_size, unit_write},
                                                   {"loud", true, loud_size, loud_write}};

/* --- What arrives --- */

static inline unsigned life_of(const struct stage *stage, int channel, uint32_t epoch)
{
    unsigned i = stage->life_count[channel];

    while (i > 0 && stage->lives[channel][i - 1]->epoch != epoch)
        i--;
    MUST(i > 0);
    return i - 1;
}

/* The stream has started over, and the reader was not told: then it had had everything, and there
 * was nothing in between. */
static inline void check_new_life(const struct stage *stage, const struct reader *reader,
                                  unsigned life)
{
    struct life *const *lives = stage->lives[reader->channel];
    unsigned old = life_of(stage, reader->channel, reader->epoch);

    MUST(reader->variant == 0);
    MUST(reader->expected == lives[old]->head + 1);
    MUST(old < life);
    while (++old < life)
        MUST(lives[old]->head == 0);
}

static inline void check_message(struct stage *stage, struct reader *reader)
{
    uint64_t offset = get_number(reader->head, 4);
    uint32_t epoch = (uint32_t)get_number(reader->head + 4, 4);
    uint32_t number = (uint32_t)get_number(reader->head + 12, 4);
    unsigned life = life_of(stage, reader->channel, epoch);
    uint32_t *truth;

    MUST(reader->state == READER_STANDS || (reader->state == READER_LOST && reader->pinned));
    if (epoch != reader->epoch) {
        check_new_life(stage, reader, life);
        reader->epoch = epoch;
        reader->expected = 1;
    }
    MUST(offset == reader->expected); /* no gap, no repeat */
    MUST(offset < STAGE_OFFSETS);
    truth = &stage->lives[reader->channel][life]->truth[offset];
    if (*truth == 0)
        *truth = number;
    MUST(number == *truth); /* one order for everybody */
    reader->expected = offset + 1;
    reader->messages++;
}

static inline void reader_gets(struct stage *stage, struct reader *reader, const uint8_t *bytes,
                               size_t len)
{
    for (size_t i = 0; i < len; i++) {
        size_t whole;

        if (reader->len < sizeof(reader->head))
            reader->head[reader->len] = bytes[i];
        reader->len++;
        if (reader->len < sizeof(reader->head))
            continue;
        whole = 12 + get_number(reader->head + 8, 4) + reader->variant;
        if (reader->len < whole)
            continue;
        if (reader->variant == 1)
            MUST(bytes[i] == '!');
        check_message(stage, reader);
        reader->len = 0;
    }
}

static inline size_t take_room(struct reader *reader, size_t wanted)
{
    size_t taken = wanted < reader->room ? wanted : reader->room;

    if (reader->room != STAGE_ROOM)
        reader->room -= taken;
    return taken;
}

static inline void stage_send(struct stage *stage, struct gw_send *send)
{
    struct reader *reader = &stage->readers[send->fd];
    size_t total = 0, taken;

    for (int i = 0; i < send->iov_count; i++)
        total += send->iov[i].iov_len;
    MUST(total > 0);
    MUST(!reader->pinned); /* nothing slips into the middle of a message */
    MUST(!reader->blocked);
    MUST(!reader->closed);
    reader->sends++;
    reader->last_iov_count = send->iov_count;
    if (reader->broken) {
        send->result = reader->broken;
        return;
    }
    taken = take_room(reader, total);
    send->result = taken > 0 ? (ssize_t)taken : -EAGAIN;
    for (int i = 0; i < send->iov_count && taken > 0; i++) {
        size_t part = send->iov[i].iov_len < taken ? send->iov[i].iov_len : taken;

        reader_gets(stage, reader, send->iov[i].iov_base, part);
        taken -= part;
    }
}

/* --- Ports --- */

static inline void stage_keep_page(struct stage *stage, const struct gw_page *page)
{
    const struct gw_pub *pub = page->first;

    stage->last_page = *page;
    stage->last_page.first = NULL;
    for (uint32_t i = 0; i < page->count && i < STAGE_PAGE; i++) {
        stage->page_offsets[i] = pub->offset;
        pub = i + 1 < page->count ? pub->next : NULL;
    }
}

/* What is posted is another thread's at once, which may have freed it by the time that post()
 * returns: whoever looks at it once more looks at nothing. */
static inline void stage_move(struct gw_letter *letter)
{
    struct gw_watermark *old = letter->watermark;
    size_t size = old ? sizeof(*old) + old->count * sizeof(old->marks[0]) : 0;

    if (!old)
        return;
    letter->watermark = malloc(size);
    MUST(letter->watermark);
    memcpy(letter->watermark, old, size);
    memset(old, 0xdd, size);
    free(old);
}

static inline bool port_post(void *ctx, unsigned to, const struct gw_letter *letter, bool reply)
{
    const struct actor *actor = ctx;
    struct mail *mail = &actor->stage->mail[actor->worker][to];

    MUST(to != actor->worker);
    MUST(letter->from == actor->worker);
    if (!reply && mail->count >= actor->stage->slots) {
        MUST(!mail->refused); /* once is enough: it stays full as long as the turn lasts */
        mail->refused = true;
        return false;
    }
    MUST(mail->count < 2 * actor->stage->slots);
    MUST(mail->count < STAGE_MAIL);
    mail->letters[(mail->first + mail->count) % STAGE_MAIL] = *letter;
    stage_move(&mail->letters[(mail->first + mail->count++) % STAGE_MAIL]);
    return true;
}

static inline void reader_stands(struct reader *reader, const struct gw_subscribed *result)
{
    reader->start = *result;
    reader->state = result->status == 0 ? READER_STANDS : READER_REFUSED;
    reader->epoch = (uint32_t)result->start.epoch;
    reader->expected = result->start.offset + 1;
}

static inline void port_subscribed(void *ctx, uint64_t who, uint32_t subscription,
                                   const struct gw_subscribed *result)
{
    const struct actor *actor = ctx;
    struct reader *reader = &actor->stage->readers[who - 1];

    MUST(reader->state == READER_PENDING);
    MUST(reader->subscription == subscription);
    reader_stands(reader, result);
}

static inline void port_published(void *ctx, uint64_t who, const struct gw_published *result)
{
    struct stage *stage = ((const struct actor *)ctx)->stage;

    MUST(who != 0);
    stage->answered++;
    stage->failed_publishes += result->status < 0;
    stage->last_answer = *result;
}

static inline void port_read(void *ctx, uint64_t who, const struct gw_page *page)
{
    struct stage *stage = ((const struct actor *)ctx)->stage;

    MUST(who != 0);
    stage->answered++;
    stage_keep_page(stage, page);
}

static inline void port_blocked(void *ctx, uint64_t who, const struct gw_unit_pin *pin)
{
    const struct actor *actor = ctx;
    struct reader *reader = &actor->stage->readers[who - 1];

    MUST(!reader->blocked);
    reader->blocked = true;
    reader->pinned = pin != NULL;
    MUST((reader->len > 0) == reader->pinned);
    if (pin)
        reader->pin = *pin;
    reader->pin_sent = 0;
}

static inline void port_broken(void *ctx, uint64_t who, int error)
{
    const struct actor *actor = ctx;
    struct reader *reader = &actor->stage->readers[who - 1];

    MUST(error == reader->broken);
    reader->closed = true;
    gw_hub_unsubscribe(actor->stage->hubs[actor->worker], reader->subscription);
    reader->state = READER_FREE;
}

static inline void port_lost(void *ctx, uint64_t who, uint32_t subscription, enum gw_reset reason)
{
    const struct actor *actor = ctx;
    struct reader *reader = &actor->stage->readers[who - 1];

    MUST(reader->state == READER_STANDS ||
         (reader->state == READER_LOST && reason == GW_RESET_EPOCH));
    MUST(reader->subscription == subscription);
    reader->state = READER_LOST;
    reader->why = reason;
}

static inline void stage_unsubscribe(struct stage *stage, unsigned index);

static inline void port_progress(void *ctx, uint64_t who)
{
    struct stage *stage = ((const struct actor *)ctx)->stage;

    stage->readers[who - 1].progress++;
    if (stage->readers[who - 1].leaves)
        stage_unsubscribe(stage, (unsigned)who - 1);
}

/* --- The stage --- */

static inline struct gw_history stage_history(void *ctx, struct gw_str name)
{
    (void)name;
    return ((const struct stage *)ctx)->history;
}

static inline struct gw_hub_options stage_options(struct stage *stage, unsigned worker)
{
    return (struct gw_hub_options){.alloc = &stage->meter.alloc,
                                   .worker_index = worker,
                                   .worker_count = stage->workers,
                                   .mailbox_slots = stage->slots,
                                   .hash_key = {7, 1, 8},
                                   .life = 4711,
                                   .seed = {(uint8_t)(worker + 1)},
                                   .channels_max = 16,
                                   .subscriptions_max = 256,
                                   .live_log_bytes = 64 * 1024,
                                   .history_total_bytes = UINT64_MAX,
                                   .unit_cache_bytes = 1024 * 1024,
                                   .channel_idle_ns = 60 * GW_NS_PER_S,
                                   .idempotency_age_ns = 300 * GW_NS_PER_S,
                                   .session_ttl_ns = 120 * GW_NS_PER_S,
                                   .sessions_max = 100,
                                   .sessions_per_address = 1000,
                                   .variants = stage_variants,
                                   .variant_count = 2,
                                   .history = stage_history,
                                   .history_ctx = stage};
}

/* All but those of sessions (holders.h). */
static inline struct gw_hub_ports stage_ports(struct stage *stage, unsigned worker)
{
    stage->actors[worker].stage = stage;
    stage->actors[worker].worker = worker;
    return (struct gw_hub_ports){.ctx = &stage->actors[worker],
                                 .post = port_post,
                                 .on_subscribed = port_subscribed,
                                 .on_published = port_published,
                                 .on_read = port_read,
                                 .on_blocked = port_blocked,
                                 .on_broken = port_broken,
                                 .on_lost = port_lost,
                                 .on_progress = port_progress};
}

static inline int stage_open_hub(struct stage *stage, unsigned worker,
                                 const struct gw_hub_options *options)
{
    struct gw_hub_ports ports = stage_ports(stage, worker);

    return gw_hub_new(&stage->hubs[worker], options, &ports);
}

/* Everything but the hubs. A stage is large: tests keep theirs static. */
static inline void stage_init(struct stage *stage, unsigned workers, uint32_t slots)
{
    memset(stage, 0, sizeof(*stage));
    meter_init(&stage->meter);
    stage->workers = workers;
    stage->slots = slots;
    stage->send_max = 1000;
    stage->now = (struct gw_now){.mono_ns = 1000 * GW_NS_PER_S, .wall_ms = 1764000000123};
    stage->history = (struct gw_history){100, 1024 * 1024, 300 * GW_NS_PER_S};
}

static inline void stage_open(struct stage *stage, unsigned workers, uint32_t slots)
{
    stage_init(stage, workers, slots);
    for (unsigned i = 0; i < workers; i++) {
        struct gw_hub_options options = stage_options(stage, i);

        MUST(stage_open_hub(stage, i, &options) == 0);
    }
}

/* Nothing may be left over. */
static inline void stage_close(struct stage *stage)
{
    for (unsigned from = 0; from < stage->workers; from++)
        for (unsigned to = 0; to < stage->workers; to++)
            for (struct mail *mail = &stage->mail[from][to]; mail->count > 0; mail->count--)
                gw_letter_drop(&mail->letters[mail->first++ % STAGE_MAIL], &stage->meter.alloc);
    for (unsigned i = 0; i < stage->workers; i++)
        gw_hub_free(stage->hubs[i]);
    for (int channel = 0; channel < STAGE_CHANNELS; channel++)
        while (stage->life_count[channel] > 0)
            free(stage->lives[channel][--stage->life_count[channel]]);
    MUST(stage->meter.live == 0);
}

/* Looks what has become of the channels whose home this is: to be called after whatever may have
 * changed them. */
static inline void stage_watch(struct stage *stage, unsigned worker)
{
    for (int channel = 0; channel < STAGE_CHANNELS; channel++) {
        unsigned count = stage->life_count[channel];
        struct life *last = count > 0 ? stage->lives[channel][count - 1] : NULL;
        uint32_t index;
        const struct gw_channel *c =
            gw_registry_find(stage->hubs[worker], GW_STR(stage_names[channel]), &index);

        if (!c || c->home_worker != worker)
            continue;
        if (!last || last->epoch != (uint32_t)c->epoch) {
            MUST(count < STAGE_LIVES);
            last = calloc(1, sizeof(*last));
            MUST(last);
            last->epoch = (uint32_t)c->epoch;
            stage->lives[channel][stage->life_count[channel]++] = last;
        }
        last->head = c->head;
    }
}

static inline void stage_begin(struct stage *stage, unsigned worker)
{
    for (unsigned to = 0; to < stage->workers; to++)
        stage->mail[worker][to].refused = false;
    stage->failed = stage->meter.failed;
    gw_hub_begin_turn(stage->hubs[worker], stage->now);
}

/* The oldest letter of one worker to another; there is one. */
static inline void stage_letter(struct stage *stage, unsigned from, unsigned to)
{
    struct mail *mail = &stage->mail[from][to];
    struct gw_letter letter = mail->letters[mail->first];

    MUST(mail->count > 0);
    mail->first = (mail->first + 1) % STAGE_MAIL;
    mail->count--;
    gw_hub_receive(stage->hubs[to], &letter);
    stage_watch(stage, to);
}

static inline void stage_letters(struct stage *stage, unsigned worker)
{
    for (unsigned from = 0; from < stage->workers; from++)
        for (unsigned left = stage->mail[from][worker].count; left > 0; left--)
            stage_letter(stage, from, worker);
}

/* Returns how many sends it took. */
static inline size_t stage_flush(struct stage *stage, unsigned worker)
{
    struct gw_hub *hub = stage->hubs[worker];
    size_t left = stage->send_max, count;

    while (left > 0 && (count = gw_hub_sweep(hub, &stage->batch, left)) > 0) {
        MUST(count <= left);
        for (size_t i = 0; i < count; i++)
            stage_send(stage, &stage->batch.sends[i]);
        gw_hub_settle(hub, &stage->batch);
        left -= count;
    }
    return stage->send_max - left;
}

static inline size_t stage_end(struct stage *stage, unsigned worker)
{
    size_t sends;

    gw_hub_tick(stage->hubs[worker]);
    sends = stage_flush(stage, worker);
    gw_hub_end_turn(stage->hubs[worker]);
    gw_hub_check(stage->hubs[worker]);
    MUST(!stage->hubs[worker]->starved || stage->meter.failed > stage->failed);
    return sends;
}

/* A turn in which nothing but letters comes. */
static inline size_t stage_turn(struct stage *stage, unsigned worker)
{
    stage_begin(stage, worker);
    stage_letters(stage, worker);
    return stage_end(stage, worker);
}

static inline void stage_turns(struct stage *stage, unsigned rounds)
{
    while (rounds-- > 0)
        for (unsigned i = 0; i < stage->workers; i++)
            (void)stage_turn(stage, i);
}

static inline void stage_pass(struct stage *stage, uint64_t ns)
{
    stage->now.mono_ns += ns;
    stage->now.wall_ms += (int64_t)(ns / GW_NS_PER_MS);
}

/* --- What a test does within a turn --- */

/* Publishes a payload of `len` >= 4 bytes. Returns what gw_hub_publish() does; -ENOMEM too when the
 * publication itself could not be made. */
static inline int stage_publish(struct stage *stage, unsigned worker, int channel, size_t len,
                                struct gw_published *result)
{
    static char payload[65536];
    struct gw_str text = {payload, len};
    struct gw_pub *pub;
    int status;

    MUST(len >= 4);
    MUST(len <= sizeof(payload));
    stage->number++;
    put_number((uint8_t *)payload, stage->number, 4);
    status = gw_pub_new(&pub, &stage->meter.alloc,
                        &(struct gw_pub_parts){.kind = GW_PUB_BINARY, .payload = text});
    if (status < 0)
        return status;
    status = gw_hub_publish(stage->hubs[worker], GW_STR(stage_names[channel]), pub, 99, result);
    stage_watch(stage, worker);
    if (status == GW_ERR_FULL)
        gw_pub_unref(pub);
    if (status == GW_PENDING)
        stage->pending_published++;
    return status;
}

static inline int stage_delete(struct stage *stage, unsigned worker, int channel,
                               struct gw_published *result)
{
    int status = gw_hub_delete(stage->hubs[worker], GW_STR(stage_names[channel]), 99, result);

    stage_watch(stage, worker);
    if (status == GW_PENDING)
        stage->pending_published++;
    return status;
}

/* The answer, now or later, is in last_page and page_offsets. */
static inline int stage_read(struct stage *stage, unsigned worker, int channel, const char *since,
                             uint32_t count_max, bool newest)
{
    const struct gw_read read = {gw_since_read(GW_STR(since)), count_max, newest};
    struct gw_page page;
    int status = gw_hub_read(stage->hubs[worker], GW_STR(stage_names[channel]), &read, 99, &page);

    stage_watch(stage, worker);
    if (status == GW_PENDING)
        stage->pending_published++;
    if (status == 0)
        stage_keep_page(stage, &page);
    return status;
}

/* Reader `index` has the fd `index` and is known to the hub as `index` + 1. */
static inline int stage_subscribe(struct stage *stage, unsigned index, unsigned worker, int channel,
                                  const char *since, unsigned variant)
{
    struct reader *reader = &stage->readers[index];
    struct gw_since from = gw_since_read(GW_STR(since));
    struct gw_subscribed result;
    int status;

    *reader = (struct reader){.state = READER_PENDING,
                              .worker = worker,
                              .variant = variant,
                              .channel = channel,
                              .room = STAGE_ROOM};
    status = gw_hub_subscribe(stage->hubs[worker], GW_STR(stage_names[channel]), &from, variant,
                              index + 1, (int)index, &reader->subscription, &result);
    stage_watch(stage, worker);
    if (status == 0)
        reader_stands(reader, &result);
    else if (status != GW_PENDING)
        reader->state = READER_REFUSED;
    return status;
}

static inline void stage_unsubscribe(struct stage *stage, unsigned index)
{
    struct reader *reader = &stage->readers[index];
    struct gw_hub *hub = stage->hubs[reader->worker];

    if (reader->state == READER_FREE || reader->state == READER_REFUSED)
        return;
    if (reader->pinned)
        gw_hub_unpin(hub, &reader->pin);
    gw_hub_unsubscribe(hub, reader->subscription);
    reader->pinned = false;
    reader->state = READER_FREE;
}

/* It was told that it lost its place, and goes on. */
static inline void stage_resume(struct stage *stage, unsigned index)
{
    struct reader *reader = &stage->readers[index];
    struct gw_hub *hub = stage->hubs[reader->worker];
    struct gw_position position;

    MUST(reader->state == READER_LOST);
    MUST(!reader->pinned);
    gw_hub_resume(hub, reader->subscription);
    position = gw_hub_where(hub, reader->subscription);
    reader->epoch = (uint32_t)position.epoch;
    reader->expected = position.offset + 1;
    reader->state = READER_STANDS;
}

/* The socket has room for `room` more bytes: finishes the message it stopped in, and goes on. */
static inline void stage_drain(struct stage *stage, unsigned index, size_t room)
{
    struct reader *reader = &stage->readers[index];
    struct gw_hub *hub = stage->hubs[reader->worker];

    reader->room = room;
    if (reader->pinned) {
        size_t part = take_room(reader, reader->pin.rest_len - reader->pin_sent);

        reader_gets(stage, reader, reader->pin.rest + reader->pin_sent, part);
        reader->pin_sent += part;
        if (reader->pin_sent < reader->pin.rest_len)
            return;
        gw_hub_unpin(hub, &reader->pin);
        reader->pinned = false;
    }
    if (reader->blocked && reader->state != READER_FREE) {
        reader->blocked = false;
        gw_hub_unblock(hub, reader->subscription);
    }
}

#endif
