#include "sim/world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/deflate/deflater.h"
#include "sim/client.h"
#include "sim/oracle.h"

#define SERVER_HOST 1
#define PORT        9880
#define ACTION_NS   (2 * GW_NS_PER_MS) /* between two things that somebody does */
#define CATCH_UP_NS (60 * GW_NS_PER_S)
#define RUN_NS      (3600 * GW_NS_PER_S) /* simulated; a run that takes so long never ends */
#define STALL_NS    (50 * GW_NS_PER_MS)

struct world {
    struct world_options options;
    struct seeded random;
    struct meter meter;
    struct sim_net *net;
    struct gw_options server;
    struct gw_pen pen;
    struct gw_loop *loops[WORLD_WORKERS_MAX];
    struct gw_loop *crowd;
    struct gw_assembly *assembly;
    union gw_address address;
    struct client clients[WORLD_CLIENTS_MAX];
    struct oracle oracle;
    struct world_counts counts;
    bool quiet; /* the faults have ended */
};

/* --- Making --- */

static void set_flag(struct gw_options *options, const char *flag)
{
    struct gw_complaint complaint;

    ck_assert_msg(gw_options_flag(options, flag, &complaint) == 0, "%s", flag);
}

static void make_options(struct world *world)
{
    struct gw_complaint complaint;

    ck_assert_int_eq(gw_options_init(&world->server, &gw_alloc_std), 0);
    set_flag(&world->server, "--message-rate=1000000");
    set_flag(&world->server, "--byte-rate=1GiB");
    for (const char *const *flag = world->options.flags; flag && *flag; flag++)
        set_flag(&world->server, *flag);
    ck_assert_int_eq(gw_options_finish(&world->server, &complaint), 0);
}

static void make_server(struct world *world)
{
    struct gw_assembly_options options = {
        .alloc = &world->meter.alloc,
        .options = &world->server,
        .loops = world->loops,
        .worker_count = world->options.workers,
        .mailbox_slots = world->options.mailbox_slots,
        .connections_max = 1000,
        .memory_bytes = UINT64_C(1) << 30,
        .pen = &world->pen,
    };
    int failed;

    for (unsigned i = 0; i < world->options.workers; i++)
        ck_assert_int_eq(
            sim_loop_new(&world->loops[i], world->net, &gw_alloc_std, SERVER_HOST, NULL), 0);
    ck_assert_int_eq(sim_loop_new(&world->crowd, world->net, &gw_alloc_std, SERVER_HOST, NULL), 0);
    for (size_t i = 0; i < sizeof(options.seed); i++)
        options.seed[i] = (uint8_t)seeded_next(&world->random);
    ck_assert_int_eq(gw_assembly_new(&world->assembly, &options, &failed), 0);
}

/* Clients live on the server's own machine, where open mode lets them in. */
struct world *world_new(const struct world_options *options, uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));

    ck_assert_ptr_nonnull(world);
    ck_assert_uint_le(options->clients, WORLD_CLIENTS_MAX);
    ck_assert_uint_le(options->publications, WORLD_PUBS_MAX);
    world->options = *options;
    world->random.state = seed;
    meter_init(&world->meter);
    oracle_init(&world->oracle);
    world->net = sim_net_new(&options->net, seeded_next(&world->random));
    gw_pen_init(&world->pen, STDERR_FILENO, 1, GW_LOG_ERROR + 1); /* writes nothing */
    world->address.in4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    make_options(world);
    make_server(world);
    return world;
}

/* --- Clients --- */

static uint64_t pick(struct world *world, uint64_t below)
{
    return seeded_below(&world->random, below);
}

/* The first of each channel is its witness: it listens from the beginning and is never disturbed.
 */
static bool is_witness(const struct world *world, unsigned index)
{
    return index < world->options.channels;
}

static void start(struct world *world, unsigned index)
{
    static const char *const since[] = {"new", "new", "all", "last:3", ""};
    static const enum client_kind kinds[] = {CLIENT_POSTER, CLIENT_PLAIN, CLIENT_PLAIN,
                                             CLIENT_DEFLATED};
    bool witness = is_witness(world, index);
    unsigned choice = witness ? 0 : (unsigned)pick(world, 5);
    enum client_kind kind = kinds[pick(world, 4)];

    if (witness && kind == CLIENT_POSTER)
        kind = CLIENT_DEFLATED;
    world->counts.replayed += choice == 2 || choice == 3;
    client_start(&world->clients[index], world->crowd, &world->address, index,
                 (uint32_t)(index % world->options.channels), since[choice], kind, &world->random);
    world->clients[index].view.witness = witness;
}

/* What became of one that is over. Nobody may end without a reason that it can see. */
static void count_end(struct world *world, unsigned index)
{
    struct client *client = &world->clients[index];

    if (client->phase != CLIENT_GONE)
        return;
    ck_assert_msg(!is_witness(world, index) || client->close_code == 1012 || !client->ws,
                  "the witness of channel %u was cut (close code %u)", index, client->close_code);
    world->counts.delivered += client->delivered;
    world->counts.behind += client->close_code == 4408;
    world->counts.drained += client->close_code == 1012;
    world->counts.goodbyes += client->close_code == 1000;
    world->counts.lost += client->close_code == 0;
    world->counts.cut_in_message += client->in_message;
    oracle_close(&world->oracle, &client->view);
    client_end(client);
}

static void crowd_turn(struct world *world)
{
    struct gw_event events[64];
    int count = gw_loop_turn(world->crowd, events, 64, UINT64_MAX);

    for (int i = 0; i < count; i++)
        client_go(&world->clients[events[i].token], &world->oracle, &world->random);
    for (unsigned i = 0; i < world->options.clients; i++)
        count_end(world, i);
}

static void turn(struct world *world, struct gw_loop *loop)
{
    if (loop == world->crowd) {
        crowd_turn(world);
        return;
    }
    for (unsigned i = 0; i < world->options.workers; i++)
        if (loop == world->loops[i]) {
            ck_assert_int_eq(gw_worker_turn(world->assembly->workers[i]), 0);
            gw_worker_check(world->assembly->workers[i]);
        }
}

static void run_until(struct world *world, uint64_t until_ns)
{
    struct gw_loop *loop;

    while ((loop = sim_net_next(world->net, until_ns)))
        turn(world, loop);
    ck_assert_uint_lt(sim_net_now(world->net), RUN_NS);
}

/* --- What happens --- */

static void publish(struct world *world, unsigned index)
{
    struct client *client = &world->clients[index];
    unsigned len = 16 + (unsigned)pick(world, world->options.payload_max - 15);

    if (client->phase != CLIENT_OPEN || client->closing || client->awaits_answer)
        return;
    world->counts.published++;
    client_publish(client, oracle_publish(&world->oracle, client->view.channel), len,
                   &world->random);
    client_go(client, &world->oracle, &world->random);
}

static void fall_asleep(struct world *world, struct client *client)
{
    client->asleep = true;
    client->wakes_ns = sim_net_now(world->net) + world->options.sleep_ns;
}

static void wake_sleepers(struct world *world)
{
    for (unsigned i = 0; i < world->options.clients; i++) {
        struct client *client = &world->clients[i];

        if (!client->asleep || (!world->quiet && client->wakes_ns > sim_net_now(world->net)))
            continue;
        client->asleep = false;
        client_go(client, &world->oracle, &world->random);
    }
}

/* One of the faults, on one client that may be disturbed. */
static void disturb(struct world *world, unsigned index, unsigned roll)
{
    const struct world_options *options = &world->options;
    struct client *client = &world->clients[index];
    bool open = client->phase == CLIENT_SHAKING || client->phase == CLIENT_OPEN;

    if (!open || is_witness(world, index))
        return;
    if (roll < options->cut_permille)
        sim_net_reset(world->net, client->fd);
    else if (roll < options->cut_permille + options->leave_permille) {
        client_say_goodbye(client, &world->random);
        client_go(client, &world->oracle, &world->random);
    } else if (roll < options->cut_permille + options->leave_permille + options->sleep_permille)
        fall_asleep(world, client);
}

static void act(struct world *world)
{
    unsigned index = (unsigned)pick(world, world->options.clients);

    if (world->clients[index].phase == CLIENT_NONE)
        start(world, index);
    else
        publish(world, index);
    disturb(world, (unsigned)pick(world, world->options.clients), (unsigned)pick(world, 1000));
    if (pick(world, 1000) < world->options.stall_permille)
        sim_loop_stall(world->loops[pick(world, world->options.workers)],
                       sim_net_now(world->net) + STALL_NS);
    wake_sleepers(world);
    run_until(world, sim_net_now(world->net) + pick(world, 2 * ACTION_NS));
}

static bool all_witness(const struct world *world)
{
    for (unsigned i = 0; i < world->options.channels; i++)
        if (world->clients[i].phase != CLIENT_OPEN)
            return false;
    return true;
}

/* It has sent all it had to say, and has got all that there is for it. */
static bool caught_up(const struct world *world, const struct client *client)
{
    if (client->phase == CLIENT_NONE)
        return true;
    if (client->awaits_answer || client->out.len > 0)
        return false;
    return client->poster || client->phase != CLIENT_OPEN ||
           oracle_caught_up(&world->oracle, &client->view);
}

static bool all_caught_up(const struct world *world)
{
    for (unsigned i = 0; i < world->options.clients; i++)
        if (!caught_up(world, &world->clients[i]))
            return false;
    return true;
}

static void catch_up(struct world *world)
{
    struct sim_net_options calm = SIM_NET_CALM;
    uint64_t until = sim_net_now(world->net) + CATCH_UP_NS;

    calm.buffer_bytes = world->options.net.buffer_bytes; /* cannot change */
    world->quiet = true;
    sim_net_options_set(world->net, &calm);
    wake_sleepers(world);
    run_until(world, sim_net_now(world->net) + GW_NS_PER_S);
    while (!all_caught_up(world) && sim_net_now(world->net) < until)
        run_until(world, sim_net_now(world->net) + 10 * GW_NS_PER_MS);
    for (unsigned i = 0; i < world->options.clients; i++)
        ck_assert_msg(caught_up(world, &world->clients[i]),
                      "client %u never got the rest, and was not told", i);
}

void world_run(struct world *world)
{
    for (unsigned i = 0; i < world->options.channels; i++)
        start(world, i);
    while (!all_witness(world)) {
        run_until(world, sim_net_now(world->net) + 10 * GW_NS_PER_MS);
        for (unsigned i = 0; i < world->options.channels; i++)
            if (world->clients[i].phase == CLIENT_NONE) /* it was turned away */
                start(world, i);
    }
    while (world->counts.published < world->options.publications)
        act(world);
    catch_up(world);
}

/* --- Ending --- */

static void add_hub_counts(struct world *world)
{
    struct gw_hub_counts *sum = &world->counts.hub;

    for (unsigned i = 0; i < world->options.workers; i++) {
        struct gw_hub_counts one = gw_hub_counts(world->assembly->workers[i]->hub);

        ck_assert_uint_eq(one.unit_bytes_pinned, 0);
        sum->publications += one.publications;
        sum->units_made += one.units_made;
        sum->sweeps_cut += one.sweeps_cut;
        sum->ranges_owed += one.ranges_owed;
        sum->publishes_refused += one.publishes_refused;
        sum->replies_deferred += one.replies_deferred;
        sum->trimmed_while_pinned += one.trimmed_while_pinned;
        for (size_t r = 0; r < sizeof(sum->resets) / sizeof(sum->resets[0]); r++)
            sum->resets[r] += one.resets[r];
    }
}

static bool all_gone(const struct world *world)
{
    for (unsigned i = 0; i < world->options.workers; i++)
        if (!gw_worker_gone(world->assembly->workers[i]))
            return false;
    return true;
}

static void drain(struct world *world)
{
    uint64_t until = sim_net_now(world->net) + CATCH_UP_NS;

    gw_assembly_drain(world->assembly);
    while (!all_gone(world) && sim_net_now(world->net) < until)
        run_until(world, sim_net_now(world->net) + 10 * GW_NS_PER_MS);
    ck_assert_msg(all_gone(world), "the server did not let go of everybody");
    run_until(world, sim_net_now(world->net) + GW_NS_PER_S);
}

struct world_counts world_end(struct world *world)
{
    struct world_counts counts;

    drain(world);
    add_hub_counts(world);
    for (unsigned i = 0; i < world->options.clients; i++) {
        ck_assert_int_eq(world->clients[i].phase, CLIENT_NONE); /* everybody was told */
    }
    world->counts.net = sim_net_counts(world->net);
    for (unsigned i = 0; i < world->options.workers; i++)
        if (world->assembly->deflaters[i])
            world->counts.deflated += gw_deflater_runs(world->assembly->deflaters[i]);
    for (uint32_t i = 0; i < world->oracle.count; i++)
        world->counts.acknowledged += world->oracle.acknowledged[i] > 0;
    counts = world->counts;

    oracle_check(&world->oracle);
    oracle_fini(&world->oracle);
    gw_assembly_free(world->assembly);
    ck_assert_int_eq(world->meter.live, 0);
    ck_assert_uint_eq(sim_net_open_fds(world->net), 0);
    for (unsigned i = 0; i < world->options.workers; i++)
        gw_loop_free(world->loops[i]);
    gw_loop_free(world->crowd);
    gw_options_fini(&world->server);
    sim_net_free(world->net);
    free(world);
    return counts;
}

uint64_t world_trace(const struct world *world)
{
    return sim_net_trace(world->net);
}
