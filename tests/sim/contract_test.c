/* contract_test.c - what loop.h promises, asked of every loop: of the kernel's, and of the
 * simulated one on a calm and on several rough networks. What the simulator gets wrong about Linux,
 * every test above it would get wrong too.
 *
 * Threads: one. */
#include "loop/loop.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "lib/seeded.h"
#include "lib/suite.h"
#include "sim/net.h"

/* Longer than any machine is busy; only failures wait for it. */
#define PATIENCE_NS (10 * GW_NS_PER_S)

enum { LISTENER = 100, CLIENT = 1, SERVER = 2 };
enum { KERNEL, CALM, ROUGH, LOOPS = ROUGH + 20 }; /* from ROUGH on, each is a seed */

static struct sim_net *net; /* NULL: the kernel's */
static struct gw_loop *loop;
static int listener, client, server;
static union gw_address address; /* of the listener */

static void begin(int which)
{
    static const struct gw_loop_options options = {0};
    static const struct sim_net_options calm = SIM_NET_CALM;
    struct sim_net_options rough = SIM_NET_ROUGH;

    rough.emfile_permille = rough.enfile_permille = 0; /* they have their own tests */
    net = NULL;
    if (which == KERNEL) {
        ck_assert_int_eq(gw_loop_epoll_new(&loop, &gw_alloc_std, &options), 0);
    } else {
        net = sim_net_new(which == CALM ? &calm : &rough, (uint64_t)which);
        ck_assert_int_eq(sim_loop_new(&loop, net, &gw_alloc_std, 0, NULL), 0);
    }
    ck_assert_int_eq(gw_address_parse(&address, GW_STR("127.0.0.1:0")), 0);
    listener = gw_loop_listen(loop, &address, LISTENER);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(gw_loop_local_address(loop, listener, &address), 0);
}

/* Until everything under way has arrived and was told. On loopback the kernel does that at once. */
static void settle(void)
{
    struct gw_event events[16];
    int count;

    do {
        if (net && !sim_net_next(net, UINT64_MAX))
            return;
        count = gw_loop_turn(loop, events, 16, net ? UINT64_MAX : 0);
        ck_assert_int_ge(count, 0);
    } while (count > 0 || net);
}

static void end(void)
{
    gw_loop_close(loop, listener);
    if (net) {
        settle();
        ck_assert_uint_eq(sim_net_open_fds(net), 0);
        ck_assert_uint_eq(sim_net_connections(net), 0);
    }
    gw_loop_free(loop);
    sim_net_free(net);
}

/* One turn; what it told of `token`. */
static struct gw_event turn_for(uint64_t token)
{
    struct gw_event events[16], seen = {.token = token};
    int count;

    if (net)
        ck_assert_ptr_eq(sim_net_next(net, sim_net_now(net) + PATIENCE_NS), loop);
    count = gw_loop_turn(loop, events, 16, PATIENCE_NS);
    ck_assert_int_ge(count, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].token == token) {
            seen.readable |= events[i].readable;
            seen.writable |= events[i].writable;
            seen.peer_closed |= events[i].peer_closed;
            seen.failed |= events[i].failed;
        }
    }
    return seen;
}

/* Turns until everything in `wanted` was told of its token. */
static void await(struct gw_event wanted)
{
    uint64_t deadline = gw_loop_now(loop).mono_ns + PATIENCE_NS;

    while (wanted.readable || wanted.writable || wanted.peer_closed || wanted.failed) {
        struct gw_event seen = turn_for(wanted.token);

        wanted.readable &= !seen.readable;
        wanted.writable &= !seen.writable;
        wanted.peer_closed &= !seen.peer_closed;
        wanted.failed &= !seen.failed;
        ck_assert_uint_lt(gw_loop_now(loop).mono_ns, deadline);
    }
}

static void connect_client(void)
{
    client = gw_loop_connect(loop, &address, CLIENT);
    ck_assert_int_ge(client, 0);
    await((struct gw_event){.token = CLIENT, .writable = true});
}

static void begin_pair(int which)
{
    union gw_address peer, local;

    begin(which);
    connect_client();
    server = gw_loop_accept(loop, listener, &peer);
    ck_assert_int_ge(server, 0);
    ck_assert_int_eq(gw_loop_accept(loop, listener, NULL), -EAGAIN);
    ck_assert_int_eq(gw_loop_local_address(loop, client, &local), 0);
    ck_assert_mem_eq(&peer, &local, gw_address_len(&local));
    ck_assert_int_eq(gw_loop_add(loop, server, SERVER), 0);
    await((struct gw_event){.token = SERVER, .writable = true});
    settle();
}

static void end_pair(void)
{
    gw_loop_close(loop, client);
    gw_loop_close(loop, server);
    end();
}

static ssize_t try_send(int fd, const void *bytes, size_t len)
{
    struct iovec iov = {.iov_len = len};
    struct gw_send out = {.fd = fd, .iov_count = 1, .iov = &iov};

    iov.iov_base = (void *)(uintptr_t)bytes; /* an iovec cannot say const */
    gw_loop_send_batch(loop, &out, 1);
    return out.result;
}

/* Sends it all, however often that takes. */
static void send_all(int fd, uint64_t token, const char *bytes)
{
    size_t len = strlen(bytes);

    while (len > 0) {
        ssize_t sent = try_send(fd, bytes, len);

        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        } else {
            ck_assert_int_eq(sent, -EAGAIN);
        }
        if (len > 0)
            await((struct gw_event){.token = token, .writable = true});
    }
}

/* Exactly these bytes arrive, sooner or later. */
static void expect_bytes(int fd, const char *bytes)
{
    uint64_t deadline = gw_loop_now(loop).mono_ns + PATIENCE_NS;
    size_t at = 0;
    char buf[64];

    while (at < strlen(bytes)) {
        ssize_t len = gw_loop_receive(loop, fd, buf, sizeof(buf));

        if (len == -EAGAIN) {
            (void)turn_for(0);
            ck_assert_uint_lt(gw_loop_now(loop).mono_ns, deadline);
            continue;
        }
        ck_assert_int_gt(len, 0);
        ck_assert_uint_le(at + (size_t)len, strlen(bytes));
        ck_assert_mem_eq(buf, bytes + at, (size_t)len);
        at += (size_t)len;
    }
}

static ssize_t receive_one(int fd)
{
    char byte;

    return gw_loop_receive(loop, fd, &byte, 1);
}

START_TEST(bytes_go_both_ways_and_each_side_hears_of_the_end)
{
    begin_pair(_i);
    ck_assert_int_eq(receive_one(server), -EAGAIN);
    send_all(client, CLIENT, "hello");
    settle();
    expect_bytes(server, "hello");
    ck_assert_int_eq(receive_one(server), -EAGAIN);
    gw_loop_finish(loop, client);
    await((struct gw_event){.token = SERVER, .readable = true, .peer_closed = true});
    ck_assert_int_eq(receive_one(server), 0);
    ck_assert_int_eq(try_send(client, "x", 1), -EPIPE);
    send_all(server, SERVER, "bye");
    settle();
    expect_bytes(client, "bye");
    gw_loop_finish(loop, server);
    await((struct gw_event){.token = CLIENT, .readable = true, .peer_closed = true});
    ck_assert_int_eq(receive_one(client), 0);
    end_pair();
}
END_TEST

START_TEST(what_was_sent_before_a_close_still_arrives)
{
    begin_pair(_i);
    send_all(server, SERVER, "last words");
    gw_loop_close(loop, server);
    await((struct gw_event){.token = CLIENT, .readable = true, .peer_closed = true});
    settle();
    expect_bytes(client, "last words");
    ck_assert_int_eq(receive_one(client), 0);
    gw_loop_close(loop, client);
    end();
}
END_TEST

START_TEST(connecting_to_nobody_fails_and_receive_says_why)
{
    struct gw_event event;

    begin(_i);
    gw_loop_close(loop, listener);
    client = gw_loop_connect(loop, &address, CLIENT);
    ck_assert_int_ge(client, 0);
    do {
        event = turn_for(CLIENT);
    } while (!event.readable);
    ck_assert(event.failed && !event.writable);
    ck_assert_int_eq(receive_one(client), -ECONNREFUSED);
    gw_loop_close(loop, client);
    listener = gw_loop_listen(loop, &address, LISTENER);
    end();
}
END_TEST

START_TEST(closing_with_unread_input_resets_but_what_came_before_can_be_read)
{
    begin_pair(_i);
    send_all(client, CLIENT, "unread");
    await((struct gw_event){.token = SERVER, .readable = true});
    send_all(server, SERVER, "answer");
    gw_loop_close(loop, server);
    await((struct gw_event){.token = CLIENT, .readable = true, .failed = true});
    expect_bytes(client, "answer");
    ck_assert_int_eq(receive_one(client), -ECONNRESET); /* told once */
    ck_assert_int_eq(receive_one(client), 0);
    ck_assert_int_eq(try_send(client, "x", 1), -EPIPE);
    ck_assert_int_eq(gw_loop_unsent(loop, client), 0);
    gw_loop_close(loop, client);
    end();
}
END_TEST

START_TEST(a_send_tells_of_a_reset_too)
{
    begin_pair(_i);
    send_all(client, CLIENT, "unread");
    await((struct gw_event){.token = SERVER, .readable = true});
    gw_loop_close(loop, server);
    await((struct gw_event){.token = CLIENT, .failed = true});
    ck_assert_int_eq(try_send(client, "x", 1), -ECONNRESET);
    ck_assert_int_eq(try_send(client, "x", 1), -EPIPE);
    ck_assert_int_eq(receive_one(client), 0);
    gw_loop_close(loop, client);
    end();
}
END_TEST

START_TEST(sending_to_who_has_closed_brings_a_reset_behind_the_end)
{
    begin_pair(_i);
    gw_loop_close(loop, client);
    await((struct gw_event){.token = SERVER, .peer_closed = true});
    ck_assert_int_eq(receive_one(server), 0);
    send_all(server, SERVER, "x");
    await((struct gw_event){.token = SERVER, .failed = true});
    ck_assert_int_eq(receive_one(server), 0); /* the end stays the end */
    ck_assert_int_eq(try_send(server, "x", 1), -EPIPE);
    gw_loop_close(loop, server);
    end();
}
END_TEST

START_TEST(readiness_is_told_once_and_again_when_more_arrives)
{
    struct gw_event event;

    begin_pair(_i);
    send_all(client, CLIENT, "a");
    await((struct gw_event){.token = SERVER, .readable = true});
    settle();
    gw_loop_wake(loop);
    event = turn_for(SERVER);
    ck_assert(!event.readable); /* although the byte is still there */
    send_all(client, CLIENT, "b");
    await((struct gw_event){.token = SERVER, .readable = true});
    expect_bytes(server, "ab");
    end_pair();
}
END_TEST

START_TEST(what_arrived_before_the_descriptor_was_added_is_told)
{
    begin(_i);
    connect_client();
    send_all(client, CLIENT, "early");
    settle();
    server = gw_loop_accept(loop, listener, NULL);
    ck_assert_int_ge(server, 0);
    ck_assert_int_eq(gw_loop_add(loop, server, SERVER), 0);
    await((struct gw_event){.token = SERVER, .readable = true, .writable = true});
    expect_bytes(server, "early");
    end_pair();
}
END_TEST

START_TEST(who_finishes_is_told_so_and_again_when_both_have)
{
    struct gw_event event;

    begin_pair(_i);
    gw_loop_finish(loop, client);
    event = turn_for(CLIENT);
    while (!event.writable) /* a rough network reports of the other end first */
        event = turn_for(CLIENT);
    ck_assert(!event.readable && !event.peer_closed && !event.failed);
    gw_loop_finish(loop, server);
    await((struct gw_event){.token = CLIENT, .readable = true, .peer_closed = true});
    end_pair();
}
END_TEST

START_TEST(a_closed_descriptor_reports_nothing_more)
{
    begin_pair(_i);
    send_all(client, CLIENT, "x");
    gw_loop_close(loop, server);
    gw_loop_wake(loop);
    ck_assert(!turn_for(SERVER).readable);
    gw_loop_close(loop, client);
    end();
}
END_TEST

START_TEST(who_waits_to_be_accepted_is_reset_when_the_listener_closes)
{
    begin(_i);
    connect_client();
    settle();
    gw_loop_close(loop, listener);
    await((struct gw_event){.token = CLIENT, .failed = true});
    ck_assert_int_eq(receive_one(client), -ECONNRESET);
    gw_loop_close(loop, client);
    listener = gw_loop_listen(loop, &address, LISTENER);
    end();
}
END_TEST

START_TEST(a_batch_gathers_pieces)
{
    char text[] = "one two three";
    struct iovec pieces[] = {{text, 3}, {text, 0}, {text + 3, 4}, {text + 7, 6}};
    struct gw_send out = {.iov_count = 4, .iov = pieces};

    begin_pair(_i);
    out.fd = server;
    gw_loop_send_batch(loop, &out, 1);
    if (out.result == -EAGAIN)
        out.result = 0;
    ck_assert_int_ge(out.result, 0);
    if (text[out.result] != '\0') {
        ck_assert_ptr_nonnull(net); /* the kernel has room */
        await((struct gw_event){.token = SERVER, .writable = true});
        send_all(server, SERVER, text + out.result);
    }
    settle();
    expect_bytes(client, "one two three");
    end_pair();
}
END_TEST

START_TEST(a_wake_ends_one_wait)
{
    struct gw_event event;

    begin(_i);
    settle();
    gw_loop_wake(loop);
    gw_loop_wake(loop);
    if (net)
        ck_assert_ptr_eq(sim_net_next(net, UINT64_MAX), loop);
    ck_assert_int_eq(gw_loop_turn(loop, &event, 1, UINT64_MAX), 0);
    if (net)
        ck_assert(sim_loop_ready(loop)); /* it did return */
    end();
}
END_TEST

/* ---- A long stream ---- */

enum { STREAM_BYTES = 3000000, CHUNK_MAX = 50000 };

struct stream {
    struct seeded content_out, content_in; /* the same numbers on both sides */
    struct seeded sizes;
    size_t sent, received, waits;
    uint8_t chunk[CHUNK_MAX];
    size_t chunk_at, chunk_len;
};

static void next_chunk(struct stream *stream)
{
    size_t rest = STREAM_BYTES - stream->sent;

    stream->chunk_at = 0;
    stream->chunk_len = 1 + seeded_below(&stream->sizes, CHUNK_MAX);
    if (stream->chunk_len > rest)
        stream->chunk_len = rest;
    for (size_t i = 0; i < stream->chunk_len; i++)
        stream->chunk[i] = (uint8_t)seeded_next(&stream->content_out);
}

/* Sends until the socket is full, and finishes behind the last byte. */
static void feed(struct stream *stream)
{
    while (stream->sent < STREAM_BYTES) {
        size_t len;
        ssize_t sent;

        if (stream->chunk_at == stream->chunk_len)
            next_chunk(stream);
        len = stream->chunk_len - stream->chunk_at;
        sent = try_send(server, stream->chunk + stream->chunk_at, len);
        if (sent < 0) {
            ck_assert_int_eq(sent, -EAGAIN);
            stream->waits++;
            return;
        }
        stream->chunk_at += (size_t)sent;
        stream->sent += (size_t)sent;
        if (stream->sent == STREAM_BYTES)
            gw_loop_finish(loop, server);
        if ((size_t)sent < len)
            return; /* short: an event follows */
    }
}

/* Reads to a short read; true at the end of the stream. */
static bool drink(struct stream *stream)
{
    static uint8_t buf[10000];
    ssize_t len;

    do {
        len = gw_loop_receive(loop, client, buf, sizeof(buf));
        for (ssize_t i = 0; i < len; i++) {
            if (buf[i] != (uint8_t)seeded_next(&stream->content_in))
                ck_abort_msg("byte %zu is wrong", stream->received + (size_t)i);
        }
        stream->received += len > 0 ? (size_t)len : 0;
    } while (len == sizeof(buf));
    ck_assert(len >= 0 || len == -EAGAIN);
    return len == 0;
}

/* Acts on events alone, so a missing edge leaves it waiting for ever. */
START_TEST(a_long_stream_arrives_whole_on_edges_alone)
{
    static struct stream stream;
    struct gw_event events[4];
    bool over = false;

    memset(&stream, 0, sizeof(stream));
    stream.sizes.state = (uint64_t)_i;
    begin_pair(_i);
    feed(&stream);
    while (!over) {
        int count;

        if (net)
            ck_assert_ptr_nonnull(sim_net_next(net, UINT64_MAX));
        count = gw_loop_turn(loop, events, 4, PATIENCE_NS);
        ck_assert(count >= 0 && (count > 0 || net));
        for (int i = 0; i < count && !over; i++) {
            if (events[i].token == SERVER && events[i].writable)
                feed(&stream);
            if (events[i].token == CLIENT && events[i].readable)
                over = drink(&stream) || (events[i].peer_closed && drink(&stream));
        }
    }
    ck_assert_uint_eq(stream.received, STREAM_BYTES);
    settle();
    if (net) /* the kernel's receiver may take its time to acknowledge the last of it */
        ck_assert_int_eq(gw_loop_unsent(loop, server), 0);
    end_pair();
}
END_TEST

static void fill_suite(TCase *tests)
{
    const TTest *const all[] = {
        bytes_go_both_ways_and_each_side_hears_of_the_end,
        what_was_sent_before_a_close_still_arrives,
        connecting_to_nobody_fails_and_receive_says_why,
        closing_with_unread_input_resets_but_what_came_before_can_be_read,
        a_send_tells_of_a_reset_too,
        sending_to_who_has_closed_brings_a_reset_behind_the_end,
        readiness_is_told_once_and_again_when_more_arrives,
        what_arrived_before_the_descriptor_was_added_is_told,
        who_finishes_is_told_so_and_again_when_both_have,
        a_closed_descriptor_reports_nothing_more,
        who_waits_to_be_accepted_is_reset_when_the_listener_closes,
        a_batch_gathers_pieces,
        a_wake_ends_one_wait,
    };

    for (int i = 0; i < SUITE_ROWS(all); i++)
        tcase_add_loop_test(tests, all[i], 0, LOOPS);
    tcase_add_loop_test(tests, a_long_stream_arrives_whole_on_edges_alone, 0, ROUGH + 3);
}

int main(void)
{
    return suite_main("sim/contract", fill_suite);
}
