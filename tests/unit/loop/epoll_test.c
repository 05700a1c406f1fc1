/* epoll_test.c - the epoll loop keeps the contract of loop.h, over loopback.
 *
 * Threads: two where a loop is woken from outside, one elsewhere. */
#include "loop/loop.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"
#include "lib/meter.h"
#include "lib/suite.h"

/* Longer than any machine is busy; only failures wait for it. */
#define PATIENCE_NS (10 * GW_NS_PER_S)

enum { LISTENER = 100, CLIENT = 1, SERVER = 2 };

static struct meter meter;

static struct gw_loop *loop;
static int listener, client, server;
static union gw_address address; /* of the listener */
static int fds_before;

static int open_fd_count(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void begin(void)
{
    static const struct gw_loop_options options = {.notsent_lowat = 16384};

    fds_before = open_fd_count();
    meter_init(&meter);
    ck_assert_int_eq(gw_loop_epoll_new(&loop, &meter.alloc, &options), 0);
}

static void end(void)
{
    gw_loop_free(loop);
    ck_assert_int_eq(meter.live, 0);
    ck_assert_int_eq(open_fd_count(), fds_before);
}

static void merge(struct gw_event *into, const struct gw_event *event)
{
    into->readable |= event->readable;
    into->writable |= event->writable;
    into->peer_closed |= event->peer_closed;
    into->failed |= event->failed;
}

/* Turns once; what happened to `token`. */
static struct gw_event turn_for(uint64_t token, uint64_t timeout_ns)
{
    struct gw_event events[16], seen = {.token = token};
    int count = gw_loop_turn(loop, events, 16, timeout_ns);

    ck_assert_int_ge(count, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].token == token)
            merge(&seen, &events[i]);
    }
    return seen;
}

/* Turns until everything in `wanted` was reported of its token. */
static void await(struct gw_event wanted)
{
    struct gw_event seen = {.token = wanted.token};
    uint64_t deadline = gw_loop_now(loop).mono_ns + PATIENCE_NS;

    while ((wanted.readable && !seen.readable) || (wanted.writable && !seen.writable) ||
           (wanted.peer_closed && !seen.peer_closed) || (wanted.failed && !seen.failed)) {
        struct gw_event event = turn_for(wanted.token, PATIENCE_NS);

        merge(&seen, &event);
        ck_assert_uint_lt(gw_loop_now(loop).mono_ns, deadline);
    }
}

static void await_nothing(void)
{
    struct gw_event event;

    ck_assert_int_eq(gw_loop_turn(loop, &event, 1, 0), 0);
}

static void listen_at(const char *text)
{
    ck_assert_int_eq(gw_address_parse(&address, GW_STR(text)), 0);
    listener = gw_loop_listen(loop, &address, LISTENER);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(gw_loop_local_address(loop, listener, &address), 0);
    ck_assert_uint_ne(ntohs(address.in4.sin_port), 0);
}

static void connect_client(void)
{
    client = gw_loop_connect(loop, &address, CLIENT);
    ck_assert_int_ge(client, 0);
    await((struct gw_event){.token = CLIENT, .writable = true});
}

static void accept_server(void)
{
    union gw_address peer, local;

    server = gw_loop_accept(loop, listener, &peer);
    ck_assert_int_ge(server, 0);
    ck_assert_int_eq(gw_loop_local_address(loop, client, &local), 0);
    ck_assert_mem_eq(&peer, &local, gw_address_len(&local));
}

/* One connection, both ends in the loop, the events of their beginning taken. */
static void begin_pair(void)
{
    begin();
    listen_at("127.0.0.1:0");
    connect_client();
    accept_server();
    ck_assert_int_eq(gw_loop_accept(loop, listener, NULL), -EAGAIN);
    ck_assert_int_eq(gw_loop_add(loop, server, SERVER), 0);
    await((struct gw_event){.token = SERVER, .writable = true});
    await_nothing();
}

static void end_pair(void)
{
    gw_loop_close(loop, client);
    gw_loop_close(loop, server);
    gw_loop_close(loop, listener);
    await_nothing();
    end();
}

static ssize_t send_bytes(int fd, const void *bytes, size_t len)
{
    struct iovec iov = {.iov_len = len};
    struct gw_send out = {.fd = fd, .iov_count = 1, .iov = &iov};

    iov.iov_base = (void *)(uintptr_t)bytes; /* an iovec cannot say const */
    gw_loop_send_batch(loop, &out, 1);
    return out.result;
}

/* ---- Connections ---- */

static const char *const places[] = {"127.0.0.1:0", "[::1]:0", "localhost:0"};

START_TEST(bytes_go_both_ways_and_each_side_hears_of_the_end)
{
    char buf[16];

    begin();
    listen_at(places[_i]);
    connect_client();
    accept_server();
    ck_assert_int_eq(gw_loop_add(loop, server, SERVER), 0);
    ck_assert_int_eq(send_bytes(client, "hello", 5), 5);
    await((struct gw_event){.token = SERVER, .readable = true});
    ck_assert_int_eq(gw_loop_receive(loop, server, buf, sizeof(buf)), 5);
    ck_assert_mem_eq(buf, "hello", 5);
    ck_assert_int_eq(gw_loop_receive(loop, server, buf, sizeof(buf)), -EAGAIN);

    gw_loop_finish(loop, client);
    await((struct gw_event){.token = SERVER, .readable = true, .peer_closed = true});
    ck_assert_int_eq(gw_loop_receive(loop, server, buf, sizeof(buf)), 0);
    ck_assert_int_eq(send_bytes(server, "bye", 3), 3); /* only one half is closed */
    await((struct gw_event){.token = CLIENT, .readable = true});
    ck_assert_int_eq(gw_loop_receive(loop, client, buf, sizeof(buf)), 3);
    gw_loop_close(loop, server);
    await((struct gw_event){.token = CLIENT, .readable = true, .peer_closed = true});
    ck_assert_int_eq(gw_loop_receive(loop, client, buf, sizeof(buf)), 0);
    gw_loop_close(loop, client);
    gw_loop_close(loop, listener);
    end();
}
END_TEST

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

START_TEST(an_accepted_socket_inherits_what_it_needs)
{
    begin();
    listen_at(places[_i]);
    connect_client();
    accept_server();
    ck_assert_int_ne(option_of(server, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_assert_int_eq(option_of(server, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 16384);
    ck_assert_int_ne(option_of(client, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_assert_int_ne(fcntl(server, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(server, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(client, F_GETFD) & FD_CLOEXEC, 0);
    gw_loop_close(loop, server);
    gw_loop_close(loop, client);
    gw_loop_close(loop, listener);
    end();
}
END_TEST

START_TEST(loops_that_share_listen_at_one_port)
{
    static const struct gw_loop_options options = {.share_port = true};
    struct gw_loop *loops[2];
    int listeners[2];

    ck_assert_int_eq(gw_address_parse(&address, GW_STR("127.0.0.1:0")), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(gw_loop_epoll_new(&loops[i], &gw_alloc_std, &options), 0);
        listeners[i] = gw_loop_listen(loops[i], &address, LISTENER);
        ck_assert_int_ge(listeners[i], 0);
        ck_assert_int_eq(gw_loop_local_address(loops[i], listeners[i], &address), 0);
    }
    for (int i = 0; i < 2; i++) {
        gw_loop_close(loops[i], listeners[i]);
        gw_loop_free(loops[i]);
    }
}
END_TEST

START_TEST(a_port_that_is_not_shared_has_one_listener)
{
    static const struct gw_loop_options options = {.share_port = true};
    struct gw_loop *other;

    begin();
    listen_at("127.0.0.1:0");
    ck_assert_int_eq(gw_loop_listen(loop, &address, LISTENER), -EADDRINUSE);
    ck_assert_int_eq(gw_loop_epoll_new(&other, &gw_alloc_std, &options), 0);
    ck_assert_int_eq(gw_loop_listen(other, &address, LISTENER), -EADDRINUSE);
    gw_loop_free(other);
    gw_loop_close(loop, listener);
    end();
}
END_TEST

START_TEST(an_address_of_somebody_else_cannot_be_listened_at)
{
    begin();
    /* RFC 5737: 192.0.2.0/24 is for examples, so no machine has it. */
    ck_assert_int_eq(gw_address_parse(&address, GW_STR("192.0.2.1:0")), 0);
    ck_assert_int_eq(gw_loop_listen(loop, &address, LISTENER), -EADDRNOTAVAIL);
    end();
}
END_TEST

START_TEST(connecting_to_nobody_fails_and_receive_says_why)
{
    char buf[1];
    struct gw_event event;

    begin();
    listen_at("127.0.0.1:0");
    gw_loop_close(loop, listener);
    client = gw_loop_connect(loop, &address, CLIENT);
    ck_assert_int_ge(client, 0);
    event = turn_for(CLIENT, PATIENCE_NS);
    ck_assert(event.failed && event.readable && !event.writable);
    ck_assert_int_eq(gw_loop_receive(loop, client, buf, 1), -ECONNREFUSED);
    gw_loop_close(loop, client);
    end();
}
END_TEST

START_TEST(closing_with_unread_input_resets_the_connection)
{
    char buf[1];

    begin_pair();
    ck_assert_int_eq(send_bytes(client, "unread", 6), 6);
    await((struct gw_event){.token = SERVER, .readable = true});
    gw_loop_close(loop, server);
    await((struct gw_event){.token = CLIENT, .readable = true, .failed = true});
    ck_assert_int_eq(gw_loop_receive(loop, client, buf, 1), -ECONNRESET);
    server = dup(client); /* for end_pair() */
    end_pair();
}
END_TEST

START_TEST(a_closed_descriptor_reports_nothing_more)
{
    begin_pair();
    ck_assert_int_eq(send_bytes(client, "x", 1), 1);
    gw_loop_close(loop, server); /* the event waits in the kernel by now */
    ck_assert(!turn_for(SERVER, 0).readable);
    server = dup(client);
    end_pair();
}
END_TEST

/* ---- Readiness ---- */

START_TEST(readiness_is_told_once_and_again_when_more_arrives)
{
    char buf[16];

    begin_pair();
    ck_assert_int_eq(send_bytes(client, "a", 1), 1);
    await((struct gw_event){.token = SERVER, .readable = true});
    await_nothing(); /* although the byte is still there */
    ck_assert_int_eq(send_bytes(client, "b", 1), 1);
    await((struct gw_event){.token = SERVER, .readable = true});
    ck_assert_int_eq(gw_loop_receive(loop, server, buf, sizeof(buf)), 2);
    ck_assert_mem_eq(buf, "ab", 2);
    end_pair();
}
END_TEST

START_TEST(what_arrived_before_the_descriptor_was_added_is_told)
{
    begin();
    listen_at("127.0.0.1:0");
    connect_client();
    ck_assert_int_eq(send_bytes(client, "early", 5), 5);
    accept_server();
    ck_assert_int_eq(gw_loop_add(loop, server, SERVER), 0);
    await((struct gw_event){.token = SERVER, .readable = true, .writable = true});
    end_pair();
}
END_TEST

START_TEST(what_does_not_fit_into_a_turn_comes_in_the_next)
{
    enum { COUNT = 10, AT_A_TIME = 3 };
    int fds[COUNT], reported[COUNT] = {0}, total = 0;
    struct gw_event events[AT_A_TIME];

    begin();
    listen_at("127.0.0.1:0");
    for (int i = 0; i < COUNT; i++) {
        connect_client();
        accept_server();
        gw_loop_close(loop, client);
        fds[i] = server;
    }
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(gw_loop_add(loop, fds[i], (uint64_t)i), 0);
    while (total < COUNT) {
        int count = gw_loop_turn(loop, events, AT_A_TIME, PATIENCE_NS);

        ck_assert_int_gt(count, 0);
        ck_assert_int_le(count, AT_A_TIME);
        for (int i = 0; i < count; i++) {
            ck_assert(events[i].peer_closed);
            ck_assert_int_eq(reported[events[i].token]++, 0);
        }
        total += count;
    }
    for (int i = 0; i < COUNT; i++)
        gw_loop_close(loop, fds[i]);
    gw_loop_close(loop, listener);
    end();
}
END_TEST

/* ---- Sending ---- */

/* Sends until the socket takes no more; returns how much it took. */
static size_t fill(int fd)
{
    static const char bytes[65536];
    size_t total = 0;
    ssize_t sent;

    while ((sent = send_bytes(fd, bytes, sizeof(bytes))) > 0)
        total += (size_t)sent;
    ck_assert_int_eq(sent, -EAGAIN);
    return total;
}

static size_t drain(int fd)
{
    static char buf[65536];
    size_t total = 0;
    ssize_t len;

    while ((len = gw_loop_receive(loop, fd, buf, sizeof(buf))) > 0)
        total += (size_t)len;
    ck_assert_int_eq(len, -EAGAIN);
    return total;
}

START_TEST(a_full_socket_is_writable_again_when_the_peer_has_read)
{
    size_t sent, received = 0;

    begin_pair();
    sent = fill(server);
    ck_assert_int_gt(gw_loop_unsent(loop, server), 0);
    while (!turn_for(SERVER, 0).writable)
        received += drain(client);
    while (received < sent) {
        await((struct gw_event){.token = CLIENT, .readable = true});
        received += drain(client);
    }
    ck_assert_uint_eq(received, sent);
    end_pair();
}
END_TEST

START_TEST(a_batch_gathers_pieces_and_an_error_stays_with_its_send)
{
    char text[] = "one two three";
    struct iovec pieces[] = {{text, 3}, {text, 0}, {text + 3, 4}, {text + 7, 6}};
    struct gw_send sends[] = {
        {.fd = -1, .iov_count = 1, .iov = pieces},
        {.fd = server, .iov_count = 4, .iov = pieces},
        {.fd = client, .iov_count = 1, .iov = pieces},
    };
    char buf[16];

    begin_pair();
    gw_loop_finish(loop, client);
    await((struct gw_event){.token = SERVER, .peer_closed = true});
    sends[1].fd = server;
    sends[2].fd = client;
    gw_loop_send_batch(loop, sends, 3);
    ck_assert_int_eq(sends[0].result, -EBADF);
    ck_assert_int_eq(sends[1].result, 13);
    ck_assert_int_eq(sends[2].result, -EPIPE); /* and no SIGPIPE, which would end this test */
    await((struct gw_event){.token = CLIENT, .readable = true});
    ck_assert_int_eq(gw_loop_receive(loop, client, buf, sizeof(buf)), 13);
    ck_assert_mem_eq(buf, "one two three", 13);
    end_pair();
}
END_TEST

START_TEST(sending_into_a_reset_connection_is_an_error_and_no_signal)
{
    ssize_t sent;

    begin_pair();
    ck_assert_int_eq(send_bytes(client, "unread", 6), 6);
    gw_loop_close(loop, server);
    await((struct gw_event){.token = CLIENT, .failed = true});
    sent = send_bytes(client, "x", 1);
    ck_assert(sent == -ECONNRESET || sent == -EPIPE);
    ck_assert_int_eq(send_bytes(client, "x", 1), -EPIPE);
    server = dup(client);
    end_pair();
}
END_TEST

START_TEST(sigpipe_is_ignored)
{
    int fds[2];

    begin();
    ck_assert_int_eq(pipe(fds), 0);
    close(fds[0]);
    ck_assert_int_eq(write(fds[1], "x", 1), -1);
    ck_assert_int_eq(errno, EPIPE);
    close(fds[1]);
    end();
}
END_TEST

/* ---- Descriptors running out ---- */

static void allow_descriptors(rlim_t count)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The number that the next descriptor would get; the limit counts numbers, not descriptors. */
static rlim_t next_descriptor(void)
{
    int fd = dup(0);

    ck_assert_int_ge(fd, 0);
    close(fd);
    return (rlim_t)fd;
}

START_TEST(without_descriptors_a_connection_is_taken_and_closed)
{
    rlim_t next;
    char buf[1];

    begin();
    listen_at("127.0.0.1:0");
    connect_client();
    next = next_descriptor();
    allow_descriptors(next);
    ck_assert_int_eq(gw_loop_accept(loop, listener, NULL), -EMFILE);
    ck_assert_int_eq(gw_loop_accept(loop, listener, NULL), -EAGAIN);
    ck_assert_int_eq(gw_loop_accept(loop, listener, NULL), -EAGAIN);
    allow_descriptors(1024);
    ck_assert_uint_eq(next_descriptor(), next); /* the reserve is back in its place */
    await((struct gw_event){.token = CLIENT, .peer_closed = true});
    ck_assert_int_eq(gw_loop_receive(loop, client, buf, 1), 0);
    gw_loop_close(loop, client);

    connect_client();
    accept_server();
    end_pair();
}
END_TEST

START_TEST(a_lost_reserve_leaves_the_connection_waiting_and_is_got_back)
{
    int reserve;

    begin();
    reserve = (int)next_descriptor() - 1; /* the one the loop opened last */
    listen_at("127.0.0.1:0");
    connect_client();
    allow_descriptors((rlim_t)reserve); /* as if another thread had taken its number */
    ck_assert_int_eq(gw_loop_accept(loop, listener, NULL), -ENFILE);
    ck_assert_int_eq(gw_loop_accept(loop, listener, NULL), -ENFILE);
    allow_descriptors(1024);
    accept_server();
    allow_descriptors(next_descriptor());
    ck_assert_int_eq(gw_loop_accept(loop, listener, NULL), -EAGAIN);
    allow_descriptors(1024);
    end_pair();
}
END_TEST

START_TEST(a_loop_that_cannot_be_made_leaves_nothing_behind)
{
    static const struct gw_loop_options options = {0};
    rlim_t next = next_descriptor();
    int before = open_fd_count(), err;

    loop = NULL;
    meter_init(&meter);
    meter.left = 0;
    ck_assert_int_eq(gw_loop_epoll_new(&loop, &meter.alloc, &options), -ENOMEM);
    for (rlim_t more = 0;; more++) {
        meter_init(&meter);
        allow_descriptors(next + more);
        err = gw_loop_epoll_new(&loop, &meter.alloc, &options);
        allow_descriptors(1024);
        if (err == 0)
            break;
        ck_assert_int_eq(err, -EMFILE);
        ck_assert_ptr_null(loop);
        ck_assert_int_eq(meter.live, 0);
        ck_assert_int_eq(open_fd_count(), before);
        ck_assert_uint_lt(more, 10);
    }
    gw_loop_free(loop);
    ck_assert_int_eq(meter.live, 0);
    ck_assert_int_eq(open_fd_count(), before);
}
END_TEST

/* ---- Time and wakes ---- */

/* From now on epoll_pwait2() does not exist, as on a kernel before 5.11 (ENOSYS), or behind an old
 * container's filter (EPERM). */
static void forbid_epoll_pwait2(unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = code};

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static const unsigned wait_errors[] = {0, ENOSYS, EPERM};

START_TEST(a_turn_without_events_lasts_as_long_as_it_was_told)
{
    static const uint64_t waits[] = {0, 1, 999999, 1000000, 1000001, 20000000};
    struct gw_event event;

    begin();
    if (wait_errors[_i] != 0)
        forbid_epoll_pwait2(wait_errors[_i]);
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        uint64_t before;

        ck_assert_int_eq(gw_loop_turn(loop, &event, 1, 0), 0);
        before = gw_loop_now(loop).mono_ns;
        ck_assert_int_eq(gw_loop_turn(loop, &event, 1, waits[i]), 0);
        /* Never early: a turn that ends before its timer is due would be turned again for nothing.
         */
        ck_assert_uint_ge(gw_loop_now(loop).mono_ns - before, waits[i]);
    }
    gw_loop_wake(loop); /* the longest waits there are do not overflow into short ones */
    ck_assert_int_eq(gw_loop_turn(loop, &event, 1, UINT64_MAX - 1), 0);
    gw_loop_wake(loop);
    ck_assert_int_eq(gw_loop_turn(loop, &event, 1, UINT64_MAX), 0);
    end();
}
END_TEST

START_TEST(the_wall_clock_is_unix_time)
{
    struct timespec now;

    begin();
    ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &now), 0);
    ck_assert_int_ge(gw_loop_now(loop).wall_ms, (int64_t)now.tv_sec * 1000 - 60000);
    ck_assert_int_le(gw_loop_now(loop).wall_ms, (int64_t)now.tv_sec * 1000 + 60000);
    end();
}
END_TEST

START_TEST(time_stands_still_within_a_turn)
{
    struct gw_now now;

    begin();
    now = gw_loop_now(loop);
    ck_assert_uint_gt(now.mono_ns, 0);
    open_fd_count(); /* takes some time */
    ck_assert_uint_eq(gw_loop_now(loop).mono_ns, now.mono_ns);
    await_nothing();
    ck_assert_uint_gt(gw_loop_now(loop).mono_ns, now.mono_ns);
    end();
}
END_TEST

START_TEST(several_wakes_end_one_wait)
{
    uint64_t before;
    struct gw_event event;

    begin();
    gw_loop_wake(loop);
    gw_loop_wake(loop);
    gw_loop_wake(loop);
    ck_assert_int_eq(gw_loop_turn(loop, &event, 1, UINT64_MAX), 0);
    before = gw_loop_now(loop).mono_ns;
    ck_assert_int_eq(gw_loop_turn(loop, &event, 1, 5 * GW_NS_PER_MS), 0);
    ck_assert_uint_ge(gw_loop_now(loop).mono_ns - before, 5 * GW_NS_PER_MS);
    gw_loop_wake(loop); /* and after that, it works again */
    ck_assert_int_eq(gw_loop_turn(loop, &event, 1, UINT64_MAX), 0);
    end();
}
END_TEST

START_TEST(a_wake_does_not_hide_other_events)
{
    char buf[1];

    begin_pair();
    gw_loop_wake(loop);
    ck_assert_int_eq(send_bytes(client, "x", 1), 1);
    await((struct gw_event){.token = SERVER, .readable = true});
    ck_assert_int_eq(gw_loop_receive(loop, server, buf, 1), 1);
    (void)turn_for(SERVER, 0); /* takes the wake, if the kernel told it separately */
    end_pair();
}
END_TEST

enum { ROUNDS = 2000 };

static atomic_int rounds_asked, rounds_done;

static void *wake_from_outside(void *ctx)
{
    (void)ctx;
    for (int i = 1; i <= ROUNDS; i++) {
        atomic_store_explicit(&rounds_asked, i, memory_order_release);
        gw_loop_wake(loop);
        while (atomic_load_explicit(&rounds_done, memory_order_acquire) < i)
            sched_yield();
    }
    return NULL;
}

/* A lost wake would leave the loop in a turn without end, and Check would end the test. */
START_TEST(no_wake_from_another_thread_is_lost)
{
    struct gw_event event;
    pthread_t thread;
    int done = 0;

    begin();
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_from_outside, NULL), 0);
    while (done < ROUNDS) {
        ck_assert_int_eq(gw_loop_turn(loop, &event, 1, UINT64_MAX), 0);
        done = atomic_load_explicit(&rounds_asked, memory_order_acquire);
        atomic_store_explicit(&rounds_done, done, memory_order_release);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    end();
}
END_TEST

static void note_signal(int number)
{
    (void)number;
}

START_TEST(a_signal_ends_the_wait_and_is_no_error)
{
    struct gw_event event;
    struct sigaction action = {.sa_handler = note_signal};
    struct itimerspec soon = {.it_value.tv_nsec = 1000000};
    struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_t timer;

    begin();
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &how, &timer), 0);
    soon.it_interval = soon.it_value; /* again, should the first come before the wait */
    ck_assert_int_eq(timer_settime(timer, 0, &soon, NULL), 0);
    ck_assert_int_eq(gw_loop_turn(loop, &event, 1, UINT64_MAX), 0);
    ck_assert_int_eq(timer_delete(timer), 0);
    end();
}
END_TEST

static void fill_suite(TCase *tests)
{
    tcase_add_loop_test(tests, bytes_go_both_ways_and_each_side_hears_of_the_end, 0,
                        SUITE_ROWS(places));
    tcase_add_loop_test(tests, an_accepted_socket_inherits_what_it_needs, 0, SUITE_ROWS(places));
    tcase_add_test(tests, loops_that_share_listen_at_one_port);
    tcase_add_test(tests, a_port_that_is_not_shared_has_one_listener);
    tcase_add_test(tests, an_address_of_somebody_else_cannot_be_listened_at);
    tcase_add_test(tests, connecting_to_nobody_fails_and_receive_says_why);
    tcase_add_test(tests, closing_with_unread_input_resets_the_connection);
    tcase_add_test(tests, a_closed_descriptor_reports_nothing_more);
    tcase_add_test(tests, readiness_is_told_once_and_again_when_more_arrives);
    tcase_add_test(tests, what_arrived_before_the_descriptor_was_added_is_told);
    tcase_add_test(tests, what_does_not_fit_into_a_turn_comes_in_the_next);
    tcase_add_test(tests, a_full_socket_is_writable_again_when_the_peer_has_read);
    tcase_add_test(tests, a_batch_gathers_pieces_and_an_error_stays_with_its_send);
    tcase_add_test(tests, sending_into_a_reset_connection_is_an_error_and_no_signal);
    tcase_add_test(tests, sigpipe_is_ignored);
    tcase_add_test(tests, without_descriptors_a_connection_is_taken_and_closed);
    tcase_add_test(tests, a_lost_reserve_leaves_the_connection_waiting_and_is_got_back);
    tcase_add_test(tests, a_loop_that_cannot_be_made_leaves_nothing_behind);
    tcase_add_loop_test(tests, a_turn_without_events_lasts_as_long_as_it_was_told, 0,
                        SUITE_ROWS(wait_errors));
    tcase_add_test(tests, the_wall_clock_is_unix_time);
    tcase_add_test(tests, time_stands_still_within_a_turn);
    tcase_add_test(tests, several_wakes_end_one_wait);
    tcase_add_test(tests, a_wake_does_not_hide_other_events);
    tcase_add_test(tests, no_wake_from_another_thread_is_lost);
    tcase_add_test(tests, a_signal_ends_the_wait_and_is_no_error);
}

int main(void)
{
    return suite_main("loop/epoll", fill_suite);
}
