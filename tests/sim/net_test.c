/* net_test.c - the simulated network: its time, its faults, its accounts. That its sockets behave
 * like the kernel's is contract_test.c's business.
 *
 * Threads: one. */
#include "sim/net.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "lib/meter.h"
#include "lib/suite.h"

#define US 1000ull

enum { LISTENER = 100, CLIENT = 1, SERVER = 2 };

static const struct sim_net_options calm = SIM_NET_CALM;
static const struct sim_net_options rough = SIM_NET_ROUGH;

static struct sim_net *net;
static struct meter meter;
static struct gw_loop *near, *far; /* on hosts 1 and 2 */
static int listener, client, server;
static union gw_address address;

static struct gw_loop *new_loop(unsigned host, void *ctx)
{
    struct gw_loop *loop = NULL;

    ck_assert_int_eq(sim_loop_new(&loop, net, &meter.alloc, host, ctx), 0);
    return loop;
}

static void begin(const struct sim_net_options *options, uint64_t seed)
{
    meter_init(&meter);
    net = sim_net_new(options, seed);
    near = new_loop(1, NULL);
    far = new_loop(2, NULL);
}

static void end(void)
{
    gw_loop_free(near);
    gw_loop_free(far);
    sim_net_free(net);
    ck_assert_int_eq(meter.live, 0);
}

static struct gw_event turn_for(struct gw_loop *loop, uint64_t token)
{
    struct gw_event events[16], seen = {.token = token};
    int count = gw_loop_turn(loop, events, 16, UINT64_MAX);

    ck_assert_int_ge(count, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].token == token)
            seen = events[i];
    }
    return seen;
}

/* Lets everything happen that will, with nobody doing anything about it. */
static void settle(void)
{
    struct gw_loop *loop;

    while ((loop = sim_net_next(net, UINT64_MAX)))
        (void)turn_for(loop, 0);
}

static void listen_near(const char *text)
{
    ck_assert_int_eq(gw_address_parse(&address, GW_STR(text)), 0);
    listener = gw_loop_listen(near, &address, LISTENER);
}

static void connect_far(void)
{
    union gw_address to = sim_net_address(1, 9880);

    client = gw_loop_connect(far, &to, CLIENT);
    settle();
}

static void begin_pair(const struct sim_net_options *options, uint64_t seed)
{
    begin(options, seed);
    listen_near("0.0.0.0:9880");
    connect_far();
    server = gw_loop_accept(near, listener, NULL);
    ck_assert_int_ge(server, 0);
    ck_assert_int_eq(gw_loop_add(near, server, SERVER), 0);
    settle();
}

static void close_all(void)
{
    gw_loop_close(near, listener);
    gw_loop_close(near, server);
    gw_loop_close(far, client);
    settle();
    ck_assert_uint_eq(sim_net_open_fds(net), 0);
    ck_assert_uint_eq(sim_net_connections(net), 0);
    ck_assert_uint_eq(sim_net_under_way(net), 0);
    end();
}

static ssize_t send_bytes(struct gw_loop *loop, int fd, const char *bytes)
{
    struct iovec iov = {.iov_len = strlen(bytes)};
    struct gw_send out = {.fd = fd, .iov_count = 1, .iov = &iov};

    iov.iov_base = (void *)(uintptr_t)bytes; /* an iovec cannot say const */
    gw_loop_send_batch(loop, &out, 1);
    return out.result;
}

static ssize_t receive_one(struct gw_loop *loop, int fd)
{
    char byte;

    return gw_loop_receive(loop, fd, &byte, 1);
}

/* ---- Time ---- */

START_TEST(what_travels_arrives_after_the_latency_and_not_before)
{
    uint64_t sent_ns;

    begin_pair(&calm, 1);
    sent_ns = sim_net_now(net);
    ck_assert_int_eq(send_bytes(far, client, "x"), 1);
    ck_assert_ptr_null(sim_net_next(net, sent_ns + 100 * US - 1));
    ck_assert_uint_eq(sim_net_now(net), sent_ns + 100 * US - 1);
    ck_assert_int_eq(receive_one(near, server), -EAGAIN);
    ck_assert_ptr_eq(sim_net_next(net, UINT64_MAX), near);
    ck_assert_uint_eq(sim_net_now(net), sent_ns + 100 * US);
    ck_assert(turn_for(near, SERVER).readable);
    ck_assert_int_eq(receive_one(near, server), 1);
    close_all();
}
END_TEST

START_TEST(a_loop_waits_for_its_deadline_and_no_longer)
{
    struct gw_event event;
    uint64_t start_ns;

    begin(&calm, 1);
    settle();
    start_ns = gw_loop_now(near).mono_ns;
    ck_assert_int_eq(gw_loop_turn(near, &event, 1, 5 * GW_NS_PER_S), 0);
    ck_assert(!sim_loop_ready(near));
    ck_assert_uint_eq(sim_loop_deadline(near), start_ns + 5 * GW_NS_PER_S);
    ck_assert_uint_eq(sim_loop_deadline(far), UINT64_MAX);
    ck_assert_ptr_eq(sim_net_next(net, UINT64_MAX), near);
    ck_assert_uint_eq(sim_net_now(net), start_ns + 5 * GW_NS_PER_S);

    /* What is left of the timeout, as somebody with timers would say it. */
    ck_assert_int_eq(
        gw_loop_turn(near, &event, 1, start_ns + 5 * GW_NS_PER_S - gw_loop_now(near).mono_ns), 0);
    ck_assert_uint_ge(gw_loop_now(near).mono_ns, start_ns + 5 * GW_NS_PER_S);
    ck_assert(sim_loop_ready(near)); /* that wait has ended; now its timers may say a new one */
    settle();
    ck_assert_uint_eq(sim_net_advance(net, UINT64_MAX), 0); /* nothing ever will happen */
    end();
}
END_TEST

START_TEST(a_turn_takes_time_so_who_never_waits_stops_nobody)
{
    struct gw_event event;
    uint64_t before_ns;

    begin(&calm, 1);
    before_ns = sim_net_now(net);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(gw_loop_turn(near, &event, 1, 0), 0);
        ck_assert(sim_loop_ready(near));
    }
    ck_assert_uint_eq(sim_net_now(net), before_ns + 10 * calm.turn_ns);
    ck_assert_uint_eq(gw_loop_now(near).mono_ns, sim_net_now(net));
    end();
}
END_TEST

START_TEST(a_wake_ends_a_wait_without_end)
{
    begin(&calm, 1);
    settle();
    ck_assert_ptr_null(sim_net_next(net, UINT64_MAX));
    gw_loop_wake(far);
    gw_loop_wake(far);
    ck_assert(sim_loop_ready(far) && !sim_loop_ready(near));
    ck_assert_ptr_eq(sim_net_next(net, UINT64_MAX), far);
    (void)turn_for(far, 0); /* returns because of the wake */
    ck_assert(sim_loop_ready(far));
    (void)turn_for(far, 0); /* waits again */
    ck_assert(!sim_loop_ready(far));
    end();
}
END_TEST

START_TEST(a_stalled_loop_gets_no_turn_and_time_goes_on_without_it)
{
    uint64_t start_ns;

    begin_pair(&calm, 1);
    start_ns = sim_net_now(net);
    sim_loop_stall(near, start_ns + GW_NS_PER_S);
    ck_assert_int_eq(send_bytes(far, client, "x"), 1);
    gw_loop_wake(near);
    ck_assert_ptr_null(sim_net_next(net, start_ns + GW_NS_PER_S - 1));
    ck_assert_ptr_eq(sim_net_next(net, UINT64_MAX), near);
    ck_assert_uint_eq(sim_net_now(net), start_ns + GW_NS_PER_S);
    ck_assert(turn_for(near, SERVER).readable);
    close_all();
}
END_TEST

START_TEST(a_jump_of_the_wall_clock_moves_nothing_else)
{
    struct gw_now before, after;

    begin(&calm, 1);
    settle();
    before = gw_loop_now(near);
    sim_net_wall_jump(net, -INT64_C(365) * 86400 * 1000);
    ck_assert_int_eq(gw_loop_now(near).wall_ms, before.wall_ms); /* not within a turn */
    (void)turn_for(near, 0);
    after = gw_loop_now(near);
    ck_assert_int_le(after.wall_ms - before.wall_ms + INT64_C(365) * 86400 * 1000, 1);
    ck_assert_int_ge(after.wall_ms - before.wall_ms + INT64_C(365) * 86400 * 1000, 0);
    ck_assert_uint_eq(after.mono_ns, before.mono_ns + calm.turn_ns);
    end();
}
END_TEST

START_TEST(what_does_not_fit_into_a_turn_comes_in_the_next)
{
    struct gw_event events[2];

    begin(&calm, 1);
    listen_near("0.0.0.0:9880");
    address = sim_net_address(1, 9880);
    for (uint64_t token = 0; token < 5; token++)
        ck_assert_int_ge(gw_loop_connect(far, &address, token), 0);
    sim_loop_stall(far, UINT64_MAX);
    settle();
    sim_loop_stall(far, 0);
    ck_assert_int_eq(gw_loop_turn(far, events, 2, 0), 2);
    ck_assert_uint_eq(events[0].token, 0);
    ck_assert_uint_eq(events[1].token, 1);
    ck_assert_int_eq(gw_loop_turn(far, events, 2, 0), 2);
    ck_assert_uint_eq(events[0].token, 2);
    ck_assert_uint_eq(events[1].token, 3);
    ck_assert_int_eq(gw_loop_turn(far, events, 2, 0), 1);
    ck_assert_uint_eq(events[0].token, 4);
    end(); /* with everything open: sim_net_free() cleans up */
}
END_TEST

/* ---- Addresses ---- */

static const struct {
    const char *listens, *connects;
    bool from_near, from_far;
} places[] = {
    {"127.0.0.1:9880", "127.0.0.1:9880", true, false},
    {"127.0.0.1:9880", "127.0.0.2:9880", false, false},
    {"127.0.0.1:9880", "127.0.0.1:9881", false, false},
    {"127.0.0.1:9880", "10.1.0.1:9880", false, false},
    {"0.0.0.0:9880", "127.0.0.1:9880", true, false},
    {"0.0.0.0:9880", "10.1.0.1:9880", true, true},
    {"0.0.0.0:9880", "10.1.0.2:9880", false, false},
    {"10.1.0.1:9880", "10.1.0.1:9880", true, true},
    {"10.1.0.1:9880", "127.0.0.1:9880", false, false},
    {"[::1]:9880", "[::1]:9880", true, false},
    {"[::]:9880", "[fd00::1]:9880", true, true},
    {"[::]:9880", "[::1]:9880", true, false},
    {"[::]:9880", "10.1.0.1:9880", false, false},
    {"0.0.0.0:9880", "[::1]:9880", false, false},
};

static bool can_connect(struct gw_loop *loop, const char *text)
{
    union gw_address to, local, peer;
    int fd, accepted;

    ck_assert_int_eq(gw_address_parse(&to, GW_STR(text)), 0);
    fd = gw_loop_connect(loop, &to, CLIENT);
    settle();
    accepted = gw_loop_accept(near, listener, &peer);
    ck_assert_int_eq(gw_loop_local_address(loop, fd, &local), 0);
    if (accepted >= 0) {
        ck_assert_mem_eq(&local, &peer, gw_address_len(&local));
        ck_assert_int_eq(gw_address_is_loopback(&local), gw_address_is_loopback(&to));
        gw_loop_close(near, accepted);
    } else {
        ck_assert_int_eq(receive_one(loop, fd), -ECONNREFUSED);
    }
    gw_loop_close(loop, fd);
    return accepted >= 0;
}

START_TEST(loopback_stays_on_its_host_and_the_rest_is_reached_from_anywhere)
{
    begin(&calm, 1);
    listen_near(places[_i].listens);
    ck_assert_int_eq(can_connect(near, places[_i].connects), places[_i].from_near);
    ck_assert_int_eq(can_connect(far, places[_i].connects), places[_i].from_far);
    end();
}
END_TEST

START_TEST(loops_that_listen_at_one_port_share_what_comes)
{
    int second, count[2] = {0, 0};

    begin(&calm, 1);
    listen_near("0.0.0.0:9880");
    second = gw_loop_listen(near, &address, LISTENER + 1);
    address = sim_net_address(1, 9880);
    for (uint64_t i = 0; i < 64; i++)
        ck_assert_int_ge(gw_loop_connect(far, &address, i), 0);
    settle();
    while (gw_loop_accept(near, listener, NULL) >= 0)
        count[0]++;
    while (gw_loop_accept(near, second, NULL) >= 0)
        count[1]++;
    ck_assert_int_eq(count[0] + count[1], 64);
    ck_assert_int_gt(count[0], 10);
    ck_assert_int_gt(count[1], 10);
    end();
}
END_TEST

/* ---- Faults ---- */

START_TEST(out_of_descriptors_takes_the_connection_and_closes_it)
{
    struct sim_net_options options = calm;

    options.emfile_permille = 1000;
    begin(&options, 1);
    listen_near("0.0.0.0:9880");
    connect_far();
    ck_assert_int_eq(gw_loop_accept(near, listener, NULL), -EMFILE);
    ck_assert_int_eq(gw_loop_accept(near, listener, NULL), -EAGAIN);
    settle();
    ck_assert_int_eq(receive_one(far, client), 0);
    ck_assert_uint_eq(sim_net_counts(net).turned_away, 1);
    end();
}
END_TEST

START_TEST(a_missing_reserve_leaves_the_connection_waiting)
{
    struct sim_net_options options = calm;

    options.enfile_permille = 1000;
    begin(&options, 1);
    listen_near("0.0.0.0:9880");
    connect_far();
    ck_assert_int_eq(gw_loop_accept(near, listener, NULL), -ENFILE);
    ck_assert_int_eq(gw_loop_accept(near, listener, NULL), -ENFILE);
    sim_net_options_set(net, &calm);
    server = gw_loop_accept(near, listener, NULL);
    ck_assert_int_ge(server, 0);
    close_all();
}
END_TEST

START_TEST(a_cut_resets_both_ends_and_loses_what_is_under_way)
{
    begin_pair(&calm, 1);
    ck_assert_int_eq(send_bytes(far, client, "lost"), 4);
    sim_net_reset(net, server);
    ck_assert_ptr_nonnull(sim_net_next(net, sim_net_now(net))); /* at once */
    ck_assert(turn_for(near, SERVER).failed);
    ck_assert(turn_for(far, CLIENT).failed);
    settle();
    ck_assert_int_eq(receive_one(near, server), -ECONNRESET);
    ck_assert_int_eq(send_bytes(far, client, "x"), -ECONNRESET);
    ck_assert_int_eq(gw_loop_unsent(far, client), 0);
    ck_assert_uint_eq(sim_net_counts(net).resets, 2);
    ck_assert_uint_eq(sim_net_counts(net).delivered_bytes, 0);
    close_all();
}
END_TEST

START_TEST(a_cut_comes_after_exactly_so_many_bytes)
{
    char got[16];

    begin_pair(&calm, 1);
    sim_net_cut_after(net, client, true, 3);
    ck_assert_int_eq(send_bytes(far, client, "ab"), 2);
    settle();
    ck_assert_int_eq(send_bytes(far, client, "cde"), 3);
    settle();
    ck_assert_int_eq(gw_loop_receive(near, server, got, sizeof(got)), 3);
    ck_assert_mem_eq(got, "abc", 3);
    ck_assert_int_eq(receive_one(near, server), -ECONNRESET);
    ck_assert_int_eq(receive_one(far, client), -ECONNRESET);
    ck_assert_uint_eq(sim_net_counts(net).cuts, 1);
    close_all();
}
END_TEST

START_TEST(a_cut_inwards_counts_what_is_brought)
{
    begin_pair(&calm, 1);
    sim_net_cut_after(net, client, false, 1);
    ck_assert_int_eq(send_bytes(far, client, "not counted"), 11);
    settle();
    ck_assert_int_eq(receive_one(far, client), -EAGAIN);
    ck_assert_int_eq(send_bytes(near, server, "xy"), 2);
    settle();
    ck_assert_int_eq(receive_one(far, client), 1);
    ck_assert_int_eq(receive_one(far, client), -ECONNRESET);
    close_all();
}
END_TEST

/* As long as it asks nothing of its socket, the other end has no way to know. */
START_TEST(who_vanishes_tells_nobody)
{
    struct gw_event event;
    char got[16];

    begin_pair(&calm, 1);
    ck_assert_int_eq(send_bytes(far, client, "last words"), 10);
    settle();
    ck_assert_int_eq(send_bytes(far, client, "under way"), 9);
    sim_net_vanish(net, client);
    event = turn_for(near, SERVER);
    ck_assert(!event.peer_closed && !event.failed);
    settle();
    ck_assert_int_eq(gw_loop_receive(near, server, got, sizeof(got)), 10);
    ck_assert_int_eq(receive_one(near, server), -EAGAIN);
    ck_assert_int_eq(send_bytes(near, server, "hello?"), 6);
    settle();
    ck_assert_int_eq(receive_one(near, server), -EAGAIN);
    ck_assert_int_eq(gw_loop_unsent(near, server), 6);
    ck_assert_uint_eq(sim_net_counts(net).vanished, 1);
    ck_assert_uint_eq(sim_net_counts(net).let_go, 0);
    gw_loop_close(near, listener);
    gw_loop_close(near, server);
    settle();
    ck_assert_uint_eq(sim_net_counts(net).let_go, 1);
    ck_assert_uint_eq(sim_net_open_fds(net), 0);
    ck_assert_uint_eq(sim_net_connections(net), 0);
    end();
}
END_TEST

START_TEST(a_delay_holds_back_what_is_sent_from_then_on)
{
    uint64_t until_ns;

    begin_pair(&calm, 1);
    until_ns = sim_net_now(net) + 30 * GW_NS_PER_S;
    sim_net_delay(net, server, until_ns);
    ck_assert_int_eq(send_bytes(far, client, "slow"), 4);
    ck_assert_ptr_null(sim_net_next(net, until_ns - 1));
    ck_assert_ptr_eq(sim_net_next(net, UINT64_MAX), near);
    ck_assert_uint_eq(sim_net_now(net), until_ns);
    ck_assert_int_eq(receive_one(near, server), 1);
    close_all();
}
END_TEST

START_TEST(a_full_receiver_stops_the_sender_and_both_buffers_are_bounded)
{
    struct sim_net_options options = calm;
    size_t taken = 0;
    char buf[16];

    options.buffer_bytes = 10;
    begin_pair(&options, 1);
    for (int i = 0; i < 10; i++) {
        ssize_t sent = send_bytes(near, server, "1234567");

        if (sent > 0)
            taken += (size_t)sent;
        else
            ck_assert_int_eq(sent, -EAGAIN);
        settle();
    }
    ck_assert_uint_eq(taken, 20); /* ten there, ten here */
    ck_assert_int_eq(gw_loop_unsent(near, server), 10);
    ck_assert_int_eq(gw_loop_receive(far, client, buf, sizeof(buf)), 10);
    ck_assert_mem_eq(buf, "1234567123", 10);
    settle();
    ck_assert_int_eq(gw_loop_receive(far, client, buf, sizeof(buf)), 10);
    ck_assert_mem_eq(buf, "4567123456", 10);
    ck_assert_int_eq(receive_one(far, client), -EAGAIN);
    settle();
    ck_assert_int_eq(gw_loop_unsent(near, server), 0);
    close_all();
}
END_TEST

START_TEST(descriptors_are_reused_lowest_first)
{
    int first;

    begin_pair(&calm, 1);
    ck_assert_uint_eq(sim_net_open_fds(net), 3);
    first = client;
    gw_loop_close(far, client);
    ck_assert_uint_eq(sim_net_open_fds(net), 2);
    connect_far();
    ck_assert_int_eq(client, first);
    close_all();
}
END_TEST

START_TEST(without_memory_there_is_no_loop)
{
    struct gw_loop *loop = NULL;

    begin(&calm, 1);
    meter.left = 0;
    ck_assert_int_eq(sim_loop_new(&loop, net, &meter.alloc, 1, NULL), -ENOMEM);
    ck_assert_ptr_null(loop);
    end();
}
END_TEST

START_TEST(a_descriptor_that_is_not_the_loops_own_is_a_bug)
{
    begin_pair(&calm, 1);
    switch (_i) {
    case 0:
        gw_loop_close(near, server);
        gw_loop_close(near, server);
        break;
    case 1:
        (void)receive_one(far, server);
        break;
    case 2:
        (void)receive_one(near, listener);
        break;
    case 3:
        (void)receive_one(near, 0);
        break;
    case 4:
        (void)gw_loop_add(near, server, SERVER);
        break;
    default:
        (void)gw_loop_accept(near, server, NULL);
        break;
    }
}
END_TEST

/* ---- A small town: workers that echo, and clients that check what comes back ---- */

enum { WORKERS = 2, CLIENTS = 6, SAY_BYTES = 3000, PEERS_MAX = 400 };

struct peer {
    struct gw_loop *loop;
    int fd; /* -1: none */
    bool finished, over;
    uint8_t said, heard; /* the next byte of the count that goes round and round */
    size_t said_bytes, heard_bytes;
    uint8_t buf[100]; /* of an echo: heard, and not yet said again */
    size_t at, len;
};

struct town {
    struct gw_loop *workers[WORKERS];
    int listeners[WORKERS];
    struct gw_loop *clients;
    struct peer peers[PEERS_MAX];
    size_t peer_count;
    size_t came_through; /* clients that heard all they said */
};

static void close_peer(struct peer *peer)
{
    gw_loop_close(peer->loop, peer->fd);
    peer->fd = -1;
}

/* Says again what is in its buffer, then hears more, until one of both cannot go on. */
static void echo(struct peer *peer)
{
    while (peer->fd >= 0) {
        struct iovec iov = {.iov_base = peer->buf + peer->at, .iov_len = peer->len - peer->at};
        struct gw_send out = {.fd = peer->fd, .iov_count = 1, .iov = &iov};
        ssize_t len;

        if (peer->at < peer->len) {
            gw_loop_send_batch(peer->loop, &out, 1);
            if (out.result < 0 && out.result != -EAGAIN)
                close_peer(peer);
            if (out.result < 0)
                return;
            peer->at += (size_t)out.result;
            continue;
        }
        len = gw_loop_receive(peer->loop, peer->fd, peer->buf, sizeof(peer->buf));
        if (len == -EAGAIN)
            return;
        if (len <= 0) {
            close_peer(peer);
            return;
        }
        peer->at = 0;
        peer->len = (size_t)len;
    }
}

static void say(struct peer *peer)
{
    while (peer->said_bytes < SAY_BYTES) {
        size_t rest = SAY_BYTES - peer->said_bytes;
        size_t len = rest < 100 ? rest : 1 + peer->said_bytes % 100;
        uint8_t buf[100];
        struct iovec iov = {.iov_base = buf, .iov_len = len};
        struct gw_send out = {.fd = peer->fd, .iov_count = 1, .iov = &iov};

        for (size_t i = 0; i < len; i++)
            buf[i] = (uint8_t)(peer->said + i);
        gw_loop_send_batch(peer->loop, &out, 1);
        if (out.result <= 0)
            return; /* full, or broken: then hearing will tell */
        peer->said = (uint8_t)(peer->said + out.result);
        peer->said_bytes += (size_t)out.result;
    }
    if (!peer->finished)
        gw_loop_finish(peer->loop, peer->fd);
    peer->finished = true;
}

/* False when the connection is over. */
static bool hear(struct peer *peer)
{
    uint8_t buf[77];
    ssize_t len;

    while ((len = gw_loop_receive(peer->loop, peer->fd, buf, sizeof(buf))) > 0) {
        for (ssize_t i = 0; i < len; i++)
            ck_assert_uint_eq(buf[i], peer->heard++);
        peer->heard_bytes += (size_t)len;
    }
    ck_assert_uint_le(peer->heard_bytes, peer->said_bytes);
    return len == -EAGAIN;
}

static struct peer *new_peer(struct town *town, struct gw_loop *loop)
{
    struct peer *peer = &town->peers[town->peer_count++];

    ck_assert_uint_lt(town->peer_count, PEERS_MAX);
    peer->loop = loop;
    return peer;
}

static void new_client(struct town *town)
{
    union gw_address to = sim_net_address(1, 9880);
    struct peer *peer = new_peer(town, town->clients);

    peer->fd = gw_loop_connect(town->clients, &to, (uint64_t)(peer - town->peers));
    ck_assert_int_ge(peer->fd, 0);
}

static void run_client(struct town *town, struct peer *peer, const struct gw_event *event)
{
    bool on = true;

    if (event->writable && !event->failed)
        say(peer);
    if (event->readable)
        on = hear(peer);
    if (on)
        return;
    close_peer(peer);
    if (peer->heard_bytes == SAY_BYTES)
        town->came_through++;
    else
        new_client(town); /* turned away, or cut: once more */
}

static void accept_all(struct town *town, int which)
{
    struct gw_loop *loop = town->workers[which];
    int fd;

    while ((fd = gw_loop_accept(loop, town->listeners[which], NULL)) != -EAGAIN) {
        struct peer *peer;

        if (fd == -ENFILE) {
            gw_loop_wake(loop); /* try again in the next turn */
            return;
        }
        if (fd < 0)
            continue;
        peer = new_peer(town, loop);
        peer->fd = fd;
        ck_assert_int_eq(gw_loop_add(loop, fd, (uint64_t)(peer - town->peers)), 0);
    }
}

static void run_turn(struct town *town, struct gw_loop *loop)
{
    struct gw_event events[5];
    int count = gw_loop_turn(loop, events, 5, UINT64_MAX);

    ck_assert_int_ge(count, 0);
    for (int i = 0; i < WORKERS; i++) {
        if (loop == town->workers[i] && town->listeners[i] >= 0)
            accept_all(town, i);
    }
    for (int i = 0; i < count; i++) {
        struct peer *peer;

        if (events[i].token >= PEERS_MAX)
            continue; /* a listener */
        peer = &town->peers[events[i].token];
        if (peer->fd >= 0 && loop == town->clients)
            run_client(town, peer, &events[i]);
        else if (peer->fd >= 0)
            echo(peer);
    }
}

static void open_town(struct town *town, const struct sim_net_options *options, uint64_t seed)
{
    union gw_address any;

    memset(town, 0, sizeof(*town));
    meter_init(&meter);
    net = sim_net_new(options, seed);
    ck_assert_int_eq(gw_address_parse(&any, GW_STR("0.0.0.0:9880")), 0);
    for (int i = 0; i < WORKERS; i++) {
        town->workers[i] = new_loop(1, town);
        ck_assert_ptr_eq(sim_loop_ctx(town->workers[i]), town);
        town->listeners[i] = gw_loop_listen(town->workers[i], &any, PEERS_MAX + (uint64_t)i);
    }
    town->clients = new_loop(2, town);
    for (int i = 0; i < CLIENTS; i++)
        new_client(town);
}

/* Closes what is open; then nothing may be left. Returns the trace of the whole run. */
static uint64_t close_town(struct town *town)
{
    struct gw_loop *loop;
    uint64_t trace;

    for (int i = 0; i < WORKERS; i++) {
        gw_loop_close(town->workers[i], town->listeners[i]);
        town->listeners[i] = -1;
    }
    for (size_t i = 0; i < town->peer_count; i++) {
        if (town->peers[i].fd >= 0)
            close_peer(&town->peers[i]);
    }
    while ((loop = sim_net_next(net, UINT64_MAX)))
        run_turn(town, loop);
    ck_assert_uint_eq(sim_net_open_fds(net), 0);
    ck_assert_uint_eq(sim_net_connections(net), 0);
    ck_assert_uint_eq(sim_net_under_way(net), 0);
    trace = sim_net_trace(net);
    for (int i = 0; i < WORKERS; i++)
        gw_loop_free(town->workers[i]);
    gw_loop_free(town->clients);
    sim_net_free(net);
    ck_assert_int_eq(meter.live, 0);
    return trace;
}

static struct town town;

static uint64_t live_in_town(uint64_t seed)
{
    struct gw_loop *loop;

    open_town(&town, &rough, seed);
    while ((loop = sim_net_next(net, UINT64_MAX)))
        run_turn(&town, loop);
    ck_assert_uint_eq(town.came_through, CLIENTS);
    return close_town(&town);
}

START_TEST(everybody_comes_through_on_any_seed)
{
    (void)live_in_town((uint64_t)_i);
}
END_TEST

START_TEST(one_seed_is_one_run_and_another_is_another)
{
    uint64_t first = live_in_town(7);

    ck_assert_uint_eq(live_in_town(7), first);
    ck_assert_uint_ne(live_in_town(8), first);
}
END_TEST

static uint64_t trace_of(const char *bytes)
{
    uint64_t trace;

    begin_pair(&calm, 1);
    ck_assert_int_eq(send_bytes(far, client, bytes), (ssize_t)strlen(bytes));
    settle();
    trace = sim_net_trace(net);
    close_all();
    return trace;
}

START_TEST(what_is_said_is_a_part_of_the_trace)
{
    ck_assert_uint_eq(trace_of("the same"), trace_of("the same"));
    ck_assert_uint_ne(trace_of("the same"), trace_of("as long."));
}
END_TEST

/* Which connection it is, the number says; when it was closed before, nothing happens. */
static void cut_some_peer(uint64_t number)
{
    struct peer *peer = &town.peers[number % town.peer_count];

    if (peer->fd >= 0)
        sim_net_reset(net, peer->fd);
}

START_TEST(a_rough_town_with_cuts_gets_everywhere)
{
    struct sim_net_counts counts, all = {0};

    for (uint64_t seed = 0; seed < 10; seed++) {
        struct gw_loop *loop;
        uint64_t turns = 0;

        open_town(&town, &rough, seed);
        while ((loop = sim_net_next(net, UINT64_MAX))) {
            if (++turns % 64 == 0 && turns < 1000)
                cut_some_peer(turns / 64);
            run_turn(&town, loop);
        }
        ck_assert_uint_eq(town.came_through, CLIENTS);
        counts = sim_net_counts(net);
        all.turned_away += counts.turned_away;
        all.left_waiting += counts.left_waiting;
        all.sends_short += counts.sends_short;
        all.sends_full += counts.sends_full;
        all.sends_failed += counts.sends_failed;
        all.resets += counts.resets;
        all.finished += counts.finished;
        (void)close_town(&town);
    }
    ck_assert_uint_gt(all.turned_away, 0);
    ck_assert_uint_gt(all.left_waiting, 0);
    ck_assert_uint_gt(all.sends_short, 0);
    ck_assert_uint_gt(all.sends_full, 0);
    ck_assert_uint_gt(all.sends_failed, 0);
    ck_assert_uint_gt(all.resets, 0);
    ck_assert_uint_gt(all.finished, 0);
}
END_TEST

/* The town is left after every number of turns there is, by closing and by cutting. */
START_TEST(whenever_it_ends_everything_is_given_back)
{
    bool went_quiet = false;

    for (uint64_t turns = 0; !went_quiet; turns++) {
        struct gw_loop *loop = NULL;

        ck_assert_uint_lt(turns, 100000);
        open_town(&town, &rough, 3);
        for (uint64_t i = 0; i < turns; i++) {
            loop = sim_net_next(net, UINT64_MAX);
            if (!loop)
                break;
            run_turn(&town, loop);
        }
        went_quiet = turns > 0 && !loop;
        for (size_t i = 0; _i == 1 && i < town.peer_count; i++) {
            if (town.peers[i].fd >= 0)
                sim_net_reset(net, town.peers[i].fd);
        }
        (void)close_town(&town);
        turns += turns / 16; /* every one at first, where most is new */
    }
}
END_TEST

START_TEST(a_connection_cut_while_it_waits_is_aborted_or_fails_later)
{
    uint64_t aborted = 0, accepted = 0;

    for (uint64_t seed = 0; seed < 32; seed++) {
        begin(&calm, seed);
        listen_near("0.0.0.0:9880");
        connect_far();
        sim_net_reset(net, client);
        server = gw_loop_accept(near, listener, NULL);
        if (server >= 0) {
            ck_assert_int_eq(receive_one(near, server), -ECONNRESET);
            accepted++;
        } else {
            ck_assert_int_eq(server, -ECONNABORTED);
            ck_assert_int_eq(gw_loop_accept(near, listener, NULL), -EAGAIN);
            aborted += sim_net_counts(net).aborted;
        }
        end();
    }
    ck_assert_uint_gt(aborted, 0);
    ck_assert_uint_gt(accepted, 0);
}
END_TEST

static void add_bug_tests(TCase *tests)
{
    const char *fork_mode = getenv("CK_FORK");

    if (!fork_mode || strcmp(fork_mode, "no") != 0) /* each ends its process */
        tcase_add_loop_test_raise_signal(tests, a_descriptor_that_is_not_the_loops_own_is_a_bug,
                                         SIGABRT, 0, 6);
}

static void fill_suite(TCase *tests)
{
    tcase_add_test(tests, what_travels_arrives_after_the_latency_and_not_before);
    tcase_add_test(tests, a_loop_waits_for_its_deadline_and_no_longer);
    tcase_add_test(tests, a_turn_takes_time_so_who_never_waits_stops_nobody);
    tcase_add_test(tests, a_wake_ends_a_wait_without_end);
    tcase_add_test(tests, a_stalled_loop_gets_no_turn_and_time_goes_on_without_it);
    tcase_add_test(tests, a_jump_of_the_wall_clock_moves_nothing_else);
    tcase_add_test(tests, what_does_not_fit_into_a_turn_comes_in_the_next);
    tcase_add_loop_test(tests, loopback_stays_on_its_host_and_the_rest_is_reached_from_anywhere, 0,
                        SUITE_ROWS(places));
    tcase_add_test(tests, loops_that_listen_at_one_port_share_what_comes);
    tcase_add_test(tests, out_of_descriptors_takes_the_connection_and_closes_it);
    tcase_add_test(tests, a_missing_reserve_leaves_the_connection_waiting);
    tcase_add_test(tests, a_cut_resets_both_ends_and_loses_what_is_under_way);
    tcase_add_test(tests, a_cut_comes_after_exactly_so_many_bytes);
    tcase_add_test(tests, a_cut_inwards_counts_what_is_brought);
    tcase_add_test(tests, who_vanishes_tells_nobody);
    tcase_add_test(tests, a_delay_holds_back_what_is_sent_from_then_on);
    tcase_add_test(tests, a_full_receiver_stops_the_sender_and_both_buffers_are_bounded);
    tcase_add_test(tests, descriptors_are_reused_lowest_first);
    tcase_add_test(tests, without_memory_there_is_no_loop);
    tcase_add_test(tests, a_connection_cut_while_it_waits_is_aborted_or_fails_later);
    add_bug_tests(tests);
    tcase_add_loop_test(tests, everybody_comes_through_on_any_seed, 0, 50);
    tcase_add_test(tests, one_seed_is_one_run_and_another_is_another);
    tcase_add_test(tests, what_is_said_is_a_part_of_the_trace);
    tcase_add_test(tests, a_rough_town_with_cuts_gets_everywhere);
    tcase_add_loop_test(tests, whenever_it_ends_everything_is_given_back, 0, 2);
}

int main(void)
{
    return suite_main("sim/net", fill_suite);
}
