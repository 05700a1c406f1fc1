/* pages_test.c - bare pages with sessions on a rough network, judged by what they were promised
 * (docs/recovery.md): whatever cuts them, nothing is missing and nothing is out of order, unless
 * they were told; what a later ping shows to have been acknowledged does not come again; and who
 * lost nothing is not told that it did.
 *
 * Messages are numbers, of each channel from 1. A page goes on as docs/recovery.md has it. It is
 * cut at any byte, or leaves a half-open connection behind; it reads a little at a time, or all; it
 * answers pings at once, late, or only the latest, or never; workers get no processor for a while.
 */
#include "lib/seeded.h"
#include "lib/suite.h"
#include "sim/session_lib.h"

#define KEY_OF_PAGES "0123456789abcdef0123456789abcdef"

#define PAGES        4u
#define CHANNELS     2u
#define ROUNDS       400

enum manner { AT_ONCE, LATE, NEVER, MANNERS };

struct page {
    unsigned client; /* the one of its two that is in use */
    unsigned name;   /* a new one each time that it begins again */
    unsigned attempt;
    enum manner manner;
    bool json;               /* both channels, in envelopes; else the first */
    bool known;              /* the server has let it in under this name */
    bool let_in;             /* this connection was */
    unsigned had[CHANNELS];  /* the last number; 0: it may begin with any */
    bool began[CHANNELS];    /* something came on this connection */
    unsigned sure[CHANNELS]; /* acknowledged, and the server is known to know */
    bool asked, answered;    /* by a ping, of when it had `then` */
    char nonce[NONCE_BYTES];
    unsigned then[CHANNELS];
    unsigned told, cuts;
};

static const struct {
    const char *const *flags;
    bool may_be_told; /* histories are short, channels are deleted, or memory runs out */
    bool deletes, starves;
} worlds[] = {
    {FLAGS("--history=1000", "--session-ttl=1h", "--live-log=1MiB"), false, false, false},
    {FLAGS("--history=1000", "--session-ttl=1h", "--live-log=1MiB", "--deflate=on"), false, false,
     false},
    {FLAGS("--history=5", "--live-log=4KiB", "--session-ttl=20s"), true, false, false},
    {FLAGS("--history=1000", "--session-ttl=1h", "--api-keys=" KEY_OF_PAGES), true, true, false},
    {FLAGS("--history=1000", "--session-ttl=1h", "--live-log=1MiB"), true, false, true},
};

static struct page pages[PAGES];
static struct seeded chance;
static unsigned said[CHANNELS];
static bool may_be_told;

static unsigned below(unsigned most)
{
    return (unsigned)seeded_below(&chance, most);
}

/* --- Publishing --- */

static const char *name_of(unsigned channel)
{
    return channel == 0 ? "a" : "b";
}

/* Until it is answered: so all numbers are there, each once. */
static void ask_server(const char *head, const char *body)
{
    int status = 0;

    for (int i = 0; i < 100 && status != 200; i++) {
        duo_hang_up(&duo, POSTER);
        duo_connect(&duo, POSTER);
        duo_say_text(&duo, POSTER, head);
        duo_say_text(&duo, POSTER, body);
        status = 0;
        for (int k = 0; k < 100 && status == 0 && duo_there(&duo, POSTER); k++) {
            duo_run(&duo, 20 * DUO_MS);
            status = duo_answer(&duo, POSTER, NULL);
        }
    }
    ck_assert_int_eq(status, 200);
    duo_hang_up(&duo, POSTER);
}

static void publish_next(unsigned channel)
{
    static char body[4096];
    unsigned number = ++said[channel];
    size_t len = (size_t)snprintf(body, sizeof(body), "%u.", number), more = below(1500);
    char head[300];

    memset(body + len, 'x', more);
    body[len + more] = '\0';
    snprintf(head, sizeof(head),
             "POST /channels/%s HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: %u\r\n"
             "Content-Length: %zu\r\n\r\n",
             name_of(channel), number, len + more);
    ask_server(head, body);
}

static void delete_one(unsigned channel)
{
    char head[300];

    snprintf(head, sizeof(head),
             "DELETE /channels/%s HTTP/1.1\r\nHost: localhost\r\n"
             "Authorization: Bearer " KEY_OF_PAGES "\r\n\r\n",
             name_of(channel));
    ask_server(head, "");
}

/* --- What a page hears --- */

static void told(struct page *page, unsigned channel)
{
    ck_assert_msg(may_be_told, "told of a loss that there was not");
    page->had[channel] = 0;
    page->sure[channel] = 0;
    page->asked = page->answered = false; /* what it says of what was before is worth nothing */
    page->told++;
}

static void hear_number(struct page *page, unsigned channel, unsigned number)
{
    unsigned had = page->had[channel];

    ck_assert_uint_gt(number, 0);
    if (had > 0 && page->began[channel])
        ck_assert_uint_eq(number, had + 1);
    if (had > 0 && !page->began[channel]) {
        ck_assert_uint_le(number, had + 1);
        ck_assert_uint_gt(number, page->sure[channel]);
    }
    page->began[channel] = true;
    page->had[channel] = number;
}

static void hear_text(struct page *page, const char *text)
{
    const char *data = strstr(text, "\"data\":\""), *name = strstr(text, "\"channel\":\"");
    unsigned channel = name && name[11] == 'b';

    if (!page->json)
        hear_number(page, 0, (unsigned)atoi(text));
    else if (data)
        hear_number(page, channel, (unsigned)atoi(data + 8));
    else if (strstr(text, "\"reset\""))
        told(page, channel);
}

/* That another ping comes shows that the last pong was read. */
static void hear_ping(struct page *page, struct gw_str nonce)
{
    ck_assert_uint_eq(nonce.len, NONCE_BYTES);
    ck_assert(!page->asked || page->answered);
    for (unsigned i = 0; page->answered && i < CHANNELS; i++)
        if (page->then[i] > page->sure[i])
            page->sure[i] = page->then[i];
    memcpy(page->nonce, nonce.data, NONCE_BYTES);
    for (unsigned i = 0; i < CHANNELS;
         i++) /* of what came before this connection it says nothing */
        page->then[i] = page->began[i] ? page->had[i] : page->sure[i];
    page->asked = true;
    page->answered = false;
}

static void begin_again(struct page *page)
{
    static unsigned names;

    page->name = ++names;
    page->attempt = 0;
    page->known = false;
    memset(page->had, 0, sizeof(page->had));
    memset(page->sure, 0, sizeof(page->sure));
}

static void hear_closed(struct page *page, struct gw_str payload)
{
    unsigned code = (unsigned)((uint8_t)payload.data[0] << 8 | (uint8_t)payload.data[1]);

    ck_assert_uint_ne(code, 4409); /* it has one connection at a time */
    ck_assert_uint_ne(code, 4403);
    ck_assert_uint_ne(code, 4400);
    if (code == 4410) {
        /* Or it was never let in, as far as it knows. */
        if (page->known)
            ck_assert_msg(may_be_told, "4410 %.*s", (int)payload.len - 2, payload.data + 2);
        page->told++;
        duo_frame_say(&duo, page->client, DUO_CLOSE, payload.data, 2);
        begin_again(page);
    } else
        page->known = page->known || page->let_in;
}

static void hear_frame(struct page *page, const struct duo_frame *frame)
{
    static char text[TEXT_MAX];

    if (frame->first == DUO_PING) {
        page->known = true;
        hear_ping(page, frame->payload);
    } else if (frame->first == DUO_CLOSE) {
        hear_closed(page, frame->payload);
    } else if ((frame->first & 0x8f) == (DUO_FIN | DUO_TEXT)) {
        page->known = true;
        if (frame->first & DUO_RSV1) {
            unsqueeze(frame->payload);
            hear_text(page, got);
            return;
        }
        memcpy(text, frame->payload.data, frame->payload.len);
        text[frame->payload.len] = '\0';
        hear_text(page, text);
    }
}

static void hear(struct page *page)
{
    struct duo_frame frame;
    unsigned name = page->name;

    if (!page->let_in && duo_answer(&duo, page->client, NULL) == 101)
        page->let_in = true;
    while (page->let_in && page->name == name && duo_frame_next(&duo, page->client, &frame))
        hear_frame(page, &frame);
}

/* --- What it does --- */

static void connect_page(struct page *page, bool deflate)
{
    char target[200];

    /* What it was asked on the connection before is no more. */
    page->asked = page->answered = page->let_in = false;
    memset(page->began, 0, sizeof(page->began));
    page->client = page->client % 2 == 0 ? page->client + 1 : page->client - 1;
    duo_connect(&duo, page->client);
    duo.clients[page->client].deaf = below(2) == 0;
    page->manner = (enum manner)below(MANNERS);
    snprintf(target, sizeof(target), "/channels/%s?session=the-name-of-page-%u-%u&attempt=%u",
             page->json ? "a,b" : "a", (unsigned)(page - pages), page->name, page->attempt++);
    duo_shake_with(&duo, page->client, target, deflate ? OFFER : "");
}

static void cut(struct page *page)
{
    int fd = duo.clients[page->client].fd;

    hear(page);
    page->cuts++;
    switch (below(4)) {
    case 0:
        sim_net_reset(duo.net, fd);
        break;
    case 1:
        vanish(page->client);
        break;
    case 2:
        sim_net_cut_after(duo.net, fd, below(2) == 0, 1 + below(3000));
        break;
    default:
        duo_hang_up(&duo, page->client);
        break;
    }
}

static void answer_ping(struct page *page)
{
    if (!page->asked || page->answered || page->manner == NEVER)
        return;
    if (page->manner == LATE && below(4) > 0)
        return;
    duo_frame_say(&duo, page->client, DUO_PONG, page->nonce, NONCE_BYTES);
    page->answered = true;
}

static void play_page(struct page *page, bool deflate)
{
    hear(page);
    if (!duo_there(&duo, page->client))
        connect_page(page, deflate);
    else if (below(8) == 0)
        cut(page);
    else if (duo.clients[page->client].deaf)
        duo_sip(&duo, page->client, below(4000));
    hear(page);
    if (duo_there(&duo, page->client))
        answer_ping(page);
}

static void play_round(unsigned world)
{
    if (below(3) > 0)
        publish_next(below(CHANNELS));
    if (worlds[world].deletes && below(40) == 0)
        delete_one(below(CHANNELS));
    if (worlds[world].starves && below(4) == 0) {
        duo.meter.left = (long)below(30);
        duo.meter.failed = 0;
    }
    if (below(10) == 0)
        sim_loop_stall(duo.loops[below(2)], duo_now(&duo) + below(50) * DUO_MS);
    play_page(&pages[below(PAGES)], world % 2 == 1);
    duo_run(&duo, below(100) * DUO_MS);
}

/* In the end all have all. */
static void catch_up(struct page *page)
{
    unsigned channels = page->json ? CHANNELS : 1;

    for (int i = 0; i < 100; i++) {
        hear(page);
        if (!duo_there(&duo, page->client))
            connect_page(page, false);
        duo.clients[page->client].deaf = false;
        duo_sip(&duo, page->client, SIZE_MAX);
        page->manner = AT_ONCE;
        answer_ping(page);
        duo_run(&duo, 300 * DUO_MS);
    }
    for (unsigned i = 0; i < channels; i++)
        if (page->had[i] > 0)
            ck_assert_uint_eq(page->had[i], said[i]);
    ck_assert(page->had[0] > 0 || may_be_told);
}

START_TEST(nothing_is_missing_and_nobody_is_told_falsely)
{
    struct sim_net_options rough = SIM_NET_ROUGH, calm = SIM_NET_CALM;
    unsigned world = (unsigned)_i % SUITE_ROWS(worlds), cuts = 0;
    struct duo_options options = {.net = &rough,
                                  .seed = (uint64_t)_i + 1,
                                  .workers = 2,
                                  .mailbox_slots = 1,
                                  .flags = worlds[world].flags,
                                  .fails_at = 1000000000,
                                  .fails_once = true};

    may_be_told = worlds[world].may_be_told;
    chance = (struct seeded){(uint64_t)_i};
    memset(said, 0, sizeof(said));
    memset(pages, 0, sizeof(pages));
    ck_assert_int_eq(duo_begin(&duo, &options), 0);
    for (unsigned i = 0; i < PAGES; i++) {
        pages[i].client = 2 * i;
        pages[i].json = i % 2 == 1;
        begin_again(&pages[i]);
    }
    for (int round = 0; round < ROUNDS; round++)
        play_round(world);
    duo.meter.left = METER_UNLIMITED;
    calm.buffer_bytes = rough.buffer_bytes;
    sim_net_options_set(duo.net, &calm);
    duo_run(&duo, 10 * DUO_S);
    for (unsigned i = 0; i < PAGES; i++) {
        catch_up(&pages[i]);
        cuts += pages[i].cuts;
    }
    ck_assert_uint_gt(cuts, ROUNDS / 20);
    duo_end(&duo);
}
END_TEST

static void fill(TCase *tests)
{
    const char *seeds = getenv("PAGES_SEEDS");
    int count = seeds ? atoi(seeds) : 4;

    tcase_set_timeout(tests, 600);
    tcase_add_loop_test(tests, nothing_is_missing_and_nobody_is_told_falsely, 0,
                        count * (int)SUITE_ROWS(worlds));
}

int main(void)
{
    return suite_main("sim/pages", fill);
}
