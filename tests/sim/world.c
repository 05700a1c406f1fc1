#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "lib/meter.h"
#include "lib/seeded.h"
#include "proto/deflate/deflater.h"
#include "server/assembly.h"
#include "server/options.h"
#include "sim/must.h"
#include "sim/peek.h"

#define SERVER_HOST     1
#define PORT            9880
#define MEMORY_BYTES    (UINT64_C(1) << 30)
#define CONNECTIONS_MAX 256
#define ACTION_NS       (2 * GW_NS_PER_MS)   /* between two things that somebody does */
#define PAUSE_NS        (3 * GW_NS_PER_S)    /* long enough for heartbeats */
#define STALL_NS        (50 * GW_NS_PER_MS)  /* a worker without a processor */
#define DOWN_NS         (100 * GW_NS_PER_MS) /* between two servers */
#define REST_NS         (120 * GW_NS_PER_S)  /* by then all must be quiet: keep-alive is 60 s */
#define LINGER_NS       (70 * GW_NS_PER_S)   /* by then branches have left: they linger for 60 s */
#define RUN_NS          (7200 * GW_NS_PER_S) /* a run that takes so long never ends */
#define STEP_NS         (10 * GW_NS_PER_MS)
#define YEAR_MS         (365 * INT64_C(86400000))
#define FAMINE_PERMILLE 150 /* of the allocations, while it lasts */
#define FAMINE_ACTIONS  10
#define CHECK_TURNS     4 /* the costly checks come in every so manieth turn */

struct world {
    const struct world_options *options;
    struct seeded random;
    struct seeded luck; /* of allocations: apart, so that their number changes nothing else */
    struct meter meter;
    struct gw_alloc alloc; /* the server's: the meter's, and it may fail */
    bool famine;
    unsigned famine_left; /* actions until it is over */
    long failed_seen;
    struct sim_net *net;
    struct gw_options server;
    struct gw_pen pen;
    unsigned workers;
    struct gw_loop *loops[WORLD_WORKERS_MAX];
    struct gw_assembly *assembly; /* NULL: there is no server now */
    struct oracle oracle;
    struct peek peek;
    struct crowd crowd;
    struct sim_counts *counts;
    uint64_t turns;
};

static uint64_t pick(struct world *world, uint64_t below)
{
    return seeded_below(&world->random, below);
}

static bool chance(struct world *world, unsigned permille)
{
    return pick(world, 1000) < permille;
}

/* --- The server --- */

static void *get_with_luck(size_t size, void *ctx)
{
    struct world *world = ctx;

    if (world->famine && seeded_below(&world->luck, 1000) < FAMINE_PERMILLE) {
        world->meter.failed++;
        return NULL;
    }
    return meter_get(size, &world->meter);
}

static void put_back(void *ptr, void *ctx)
{
    meter_put(ptr, &((struct world *)ctx)->meter);
}

static void set_flag(struct gw_options *options, const char *flag)
{
    struct gw_complaint complaint;

    must(gw_options_flag(options, flag, &complaint) == 0, "no such option: %s", flag);
}

static void make_options(struct world *world)
{
    struct gw_complaint complaint;

    must(gw_options_init(&world->server, &gw_alloc_std) == 0, "no options");
    set_flag(&world->server, "--message-rate=1000000");
    set_flag(&world->server, "--byte-rate=1GiB");
    set_flag(&world->server, "--ping-interval=2s");
    set_flag(&world->server, "--pong-timeout=1s");
    set_flag(&world->server, "--write-timeout=2s");
    set_flag(&world->server, "--drain=2s");
    for (const char *const *flag = world->options->flags; flag && *flag; flag++)
        set_flag(&world->server, *flag);
    must(gw_options_finish(&world->server, &complaint) == 0, "options do not fit");
}

static uint32_t slots(struct world *world)
{
    return world->options->mailbox_slots ? world->options->mailbox_slots
                                         : 1 + (uint32_t)pick(world, 2);
}

static void make_server(struct world *world)
{
    struct gw_assembly_options options = {
        .alloc = &world->alloc,
        .options = &world->server,
        .loops = world->loops,
        .mailbox_slots = slots(world),
        .connections_max = CONNECTIONS_MAX,
        .memory_bytes = MEMORY_BYTES,
        .pen = &world->pen,
    };
    int failed;

    world->workers = world->options->workers ? world->options->workers
                                             : 1 + (unsigned)pick(world, WORLD_WORKERS_MAX);
    options.worker_count = world->workers;
    for (unsigned i = 0; i < world->workers; i++)
        must(sim_loop_new(&world->loops[i], world->net, &gw_alloc_std, SERVER_HOST, NULL) == 0,
             "no loop");
    for (size_t i = 0; i < sizeof(options.seed); i++)
        options.seed[i] = (uint8_t)seeded_next(&world->random);
    must(gw_assembly_new(&world->assembly, &options, &failed) == 0, "no server");
    world->crowd.common.assembly = world->assembly;
    tell("server", 0, "comes, with %u workers and %u slots", world->workers, options.mailbox_slots);
}

static void add_hub_counts(struct world *world)
{
    uint64_t *at = world->counts->at;

    for (unsigned i = 0; i < world->workers; i++) {
        const struct gw_worker *worker = world->assembly->workers[i];
        struct gw_hub_counts hub = gw_hub_counts(worker->hub);

        at[SIM_SWEEP_CUT] += hub.sweeps_cut;
        at[SIM_RANGE_OWED] += hub.ranges_owed;
        at[SIM_PUBLISH_WAITED] += hub.publishes_refused;
        at[SIM_REPLY_DEFERRED] += hub.replies_deferred;
        at[SIM_TRIMMED_PINNED] += hub.trimmed_while_pinned;
        at[SIM_HALVED] += hub.histories_halved;
        at[SIM_PINNED_AT_RESTART] += hub.unit_bytes_pinned > 0;
        if (world->assembly->deflaters[i])
            at[SIM_DEFLATED] += gw_deflater_runs(world->assembly->deflaters[i]);
    }
}

static void end_server(struct world *world)
{
    tell("server", 0, "is gone");
    add_hub_counts(world);
    gw_assembly_free(world->assembly);
    peek_forget(&world->peek);
    world->assembly = NULL;
    world->crowd.common.assembly = NULL;
    must(world->meter.live == 0, "the server kept %ld pieces of memory", world->meter.live);
    for (unsigned i = 0; i < world->workers; i++)
        gw_loop_free(world->loops[i]);
}

/* --- Turns --- */

/* Whoever is there may be hit by an allocation that failed; and a branch may have lost its copy. */
static void see_famine(struct world *world)
{
    if (world->meter.failed == world->failed_seen)
        return;
    tell("server", 0, "is short of memory, %ld times", world->meter.failed - world->failed_seen);
    world->failed_seen = world->meter.failed;
    world->oracle.starved = true;
    crowd_excuse(&world->crowd, EXCUSE_FAMINE);
}

static void turn(struct world *world, const struct gw_loop *loop)
{
    bool thorough = world->turns++ % CHECK_TURNS == 0;

    if (loop == world->crowd.common.loop) {
        crowd_turn(&world->crowd);
        return;
    }
    for (unsigned i = 0; i < world->workers; i++) {
        if (loop != world->loops[i])
            continue;
        peek_turn(&world->peek, world->assembly->workers[i]);
        see_famine(world);
        if (thorough) {
            gw_worker_check(world->assembly->workers[i]);
            peek_check_logs(&world->peek, world->assembly->workers[i]);
        }
    }
}

static void run_for(struct world *world, uint64_t ns)
{
    uint64_t until = sim_net_now(world->net) + ns;
    struct gw_loop *loop;

    while ((loop = sim_net_next(world->net, until)))
        turn(world, loop);
    must(sim_net_now(world->net) < RUN_NS, "it never ends");
}

/* --- What machines do --- */

static bool all_gone(const struct world *world)
{
    for (unsigned i = 0; i < world->workers; i++)
        if (!gw_worker_gone(world->assembly->workers[i]))
            return false;
    return true;
}

static void drain(struct world *world)
{
    uint64_t until = sim_net_now(world->net) + REST_NS;

    tell("server", 0, "drains");
    crowd_excuse(&world->crowd, EXCUSE_RESTART);
    world->crowd.common.newcomers |= EXCUSE_RESTART;
    gw_assembly_drain(world->assembly);
    while (!all_gone(world) && sim_net_now(world->net) < until)
        run_for(world, STEP_NS);
    must(all_gone(world), "the server does not let go of everybody");
}

/* With a word to everybody, or like a kill -9. What it held in memory is gone, so each channel
 * begins another life. */
static void restart(struct world *world)
{
    world->counts->at[SIM_RESTART]++;
    world->famine = false;
    if (pick(world, 2) == 0)
        drain(world);
    crowd_excuse(&world->crowd, EXCUSE_RESTART);
    world->crowd.common.newcomers |= EXCUSE_RESTART;
    end_server(world);
    oracle_restart(&world->oracle, sim_net_now(world->net));
    run_for(world, pick(world, DOWN_NS));
    make_server(world);
    world->crowd.common.newcomers &= ~(unsigned)EXCUSE_RESTART;
}

/* As DELETE asks a worker to, its home or another. It may find no room, or no memory. */
static void delete_channel(struct world *world)
{
    unsigned worker = (unsigned)pick(world, world->workers);
    uint32_t channel = (uint32_t)pick(world, world->options->habits.channels);
    char name[16];
    int status;

    snprintf(name, sizeof(name), "c%u", channel);
    status = peek_delete(&world->peek, world->assembly->workers[worker], GW_STR(name));
    tell("channel", channel, "is deleted by worker %u: %s", worker, gw_strerror(status));
    world->counts->at[SIM_DELETED] += status >= 0;
    gw_loop_wake(world->loops[worker]);
}

static void stall(struct world *world)
{
    unsigned worker = (unsigned)pick(world, world->workers);

    world->counts->at[SIM_STALLED]++;
    tell("worker", worker, "gets no processor");
    sim_loop_stall(world->loops[worker], sim_net_now(world->net) + 1 + pick(world, STALL_NS));
}

static void jump(struct world *world)
{
    int64_t by_ms = pick(world, 2) == 0 ? YEAR_MS : -YEAR_MS;

    world->counts->at[SIM_WALL_JUMP]++;
    tell("server", 0, "has another year on its clock: %+lld ms", (long long)by_ms);
    sim_net_wall_jump(world->net, by_ms);
}

static void end_famine(struct world *world)
{
    world->famine = false;
    world->crowd.common.newcomers &= ~(unsigned)EXCUSE_FAMINE;
}

static void begin_famine(struct world *world)
{
    tell("server", 0, "will be short of memory");
    world->famine = true;
    world->famine_left = 1 + (unsigned)pick(world, FAMINE_ACTIONS);
    world->crowd.common.newcomers |= EXCUSE_FAMINE;
}

static void disturb(struct world *world)
{
    const struct world_options *options = world->options;

    if (chance(world, options->stall_permille))
        stall(world);
    if (chance(world, options->restart_permille))
        restart(world);
    if (chance(world, options->delete_permille))
        delete_channel(world);
    if (chance(world, options->wall_permille))
        jump(world);
    if (world->famine && --world->famine_left == 0)
        end_famine(world);
    if (!world->famine && chance(world, options->famine_permille))
        begin_famine(world);
    if (chance(world, options->pause_permille))
        run_for(world, pick(world, PAUSE_NS));
}

/* --- Rest --- */

static const char *unrest(const struct world *world, unsigned *who)
{
    struct sim_net_counts net = sim_net_counts(world->net);
    const char *what = crowd_unrest(&world->crowd, who);
    uint64_t connections = 0;

    if (what)
        return what;
    *who = 0;
    if (sim_net_under_way(world->net) > 0)
        return "is a network with something on its way";
    if (net.vanished != net.let_go)
        return "is a server that has not noticed who vanished";
    for (unsigned i = 0; i < world->workers; i++)
        connections += gw_worker_connections(world->assembly->workers[i]);
    if (connections != crowd_connections(&world->crowd))
        return "is a server that counts other connections than there are";
    return peek_unrest(world->assembly);
}

static void come_to_rest(struct world *world)
{
    struct sim_net_options calm = SIM_NET_CALM;
    uint64_t until = sim_net_now(world->net) + REST_NS;
    const char *what;
    unsigned who;

    tell("world", 0, "calms down");
    calm.buffer_bytes = world->options->net.buffer_bytes; /* cannot change */
    sim_net_options_set(world->net, &calm);
    end_famine(world);
    world->crowd.common.newcomers = 0;
    crowd_calm(&world->crowd);
    run_for(world, STALL_NS); /* whoever is stalled goes on */
    do {
        crowd_gather(&world->crowd);
        run_for(world, STEP_NS);
        what = unrest(world, &who);
    } while (what && sim_net_now(world->net) < until);
    must(!what, "%u %s, and nothing is in the way", who, what);
    crowd_check(&world->crowd);
    for (uint32_t c = 0; c < world->options->habits.channels; c++)
        must(peek_subscribers(world->assembly, c) == crowd_subscribers(&world->crowd, c),
             "channel %u counts %u subscribers, and has %u", c,
             peek_subscribers(world->assembly, c), crowd_subscribers(&world->crowd, c));
    for (unsigned i = 0; i < world->workers; i++) {
        gw_worker_check(world->assembly->workers[i]);
        peek_check_logs(&world->peek, world->assembly->workers[i]);
    }
}

/* All leave by themselves; then branches have nobody left, and go. */
static void leave(struct world *world)
{
    unsigned branches = peek_branches(world->assembly);

    tell("world", 0, "goes home");
    crowd_leave(&world->crowd);
    run_for(world, LINGER_NS);
    must(crowd_connections(&world->crowd) == 0, "somebody is kept from leaving");
    must(peek_branches(world->assembly) == 0, "a branch stays, and nobody is there");
    world->counts->at[SIM_LINGERED] += branches;
}

static void finish(struct world *world)
{
    if (pick(world, 2) == 0)
        leave(world);
    drain(world);
    run_for(world, GW_NS_PER_S);
    must(crowd_connections(&world->crowd) == 0, "somebody was not told that the server goes");
    for (unsigned i = 0; i < world->workers; i++)
        peek_check_empty(world->assembly->workers[i]);
    end_server(world);
    must(sim_net_open_fds(world->net) == 0, "a descriptor is left");
}

/* --- A run --- */

static void count_up(struct world *world)
{
    struct sim_net_counts net = sim_net_counts(world->net);
    uint64_t *at = world->counts->at;

    for (uint32_t i = 0; i < world->oracle.count; i++)
        at[SIM_ACKNOWLEDGED] += world->oracle.pubs[i].acked;
    at[SIM_PAGED] += world->peek.paged;
    at[SIM_DEFLATED_SHARED] += world->peek.deflated_shared;
    at[SIM_CLAIM_WAITED] += world->peek.claims_waited;
    at[SIM_CLAIM_OUTDONE] += world->peek.claims_outdone;
    at[SIM_ACK_IN_BATCH] += world->peek.acks_in_batch;
    at[SIM_STARVED] += (uint64_t)world->meter.failed;
    at[SIM_CUT_AT_BYTE] += net.cuts;
    at[SIM_VANISHED] += net.vanished;
    at[SIM_NOTICED] += net.let_go;
    at[SIM_SHORT_SEND] += net.sends_short;
    at[SIM_FULL_SEND] += net.sends_full;
    at[SIM_TURNED_AWAY] += net.turned_away;
    at[SIM_NOBODY_THERE] += net.refused;
    world->counts->events += net.arrivals;
    world->counts->turns += world->turns;
    world->counts->simulated_ns += sim_net_now(world->net);
}

/* Clients live on the server's own machine, where open mode lets them in. */
static void begin_crowd(struct world *world)
{
    struct client_common *common = &world->crowd.common;

    *common = (struct client_common){
        .net = world->net, .oracle = &world->oracle, .random = &world->random};
    common->server.in4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must(sim_loop_new(&common->loop, world->net, &gw_alloc_std, SERVER_HOST, NULL) == 0, "no loop");
    if (world->options->net.emfile_permille > 0)
        common->newcomers = EXCUSE_CROWDED;
    common->keys = world->options->habits.keys;
    world->crowd.habits = world->options->habits;
    world->crowd.counts = world->counts;
    crowd_begin(&world->crowd);
}

static struct world *begin(const struct world_options *options, uint64_t seed, const char *replay,
                           struct sim_counts *counts)
{
    struct world *world = calloc(1, sizeof(*world));

    must(world, "no world");
    world->options = options;
    world->counts = counts;
    world->random.state = seed;
    world->luck.state = ~seed;
    meter_init(&world->meter);
    world->alloc = (struct gw_alloc){.get = get_with_luck, .put = put_back, .ctx = world};
    world->net = sim_net_new(&options->net, seeded_next(&world->random));
    must_begin(replay, world->net);
    gw_pen_init(&world->pen, STDERR_FILENO, 1, GW_LOG_ERROR + 1); /* writes nothing */
    make_options(world);
    oracle_init(&world->oracle, options->habits.channels);
    world->oracle.history = world->server.history;
    world->oracle.live_log_bytes = world->server.live_log_bytes;
    world->oracle.session_ttl_ns = world->server.session_ttl_ns;
    world->peek = (struct peek){.oracle = &world->oracle, .sends_a_turn = options->sends_a_turn};
    begin_crowd(world);
    make_server(world);
    return world;
}

uint64_t world_run(const struct world_options *options, uint64_t seed, const char *replay,
                   struct sim_counts *counts)
{
    struct world *world = begin(options, seed, replay, counts);
    unsigned published = 0;
    uint64_t trace;

    while (published < options->publications) {
        published += crowd_act(&world->crowd);
        disturb(world);
        run_for(world, pick(world, 2 * ACTION_NS));
    }
    come_to_rest(world);
    finish(world);
    count_up(world);
    trace = sim_net_trace(world->net);
    crowd_end(&world->crowd);
    oracle_fini(&world->oracle);
    gw_loop_free(world->crowd.common.loop);
    gw_options_fini(&world->server);
    sim_net_free(world->net);
    must_end();
    free(world);
    return trace;
}
