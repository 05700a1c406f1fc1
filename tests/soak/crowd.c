#include "soak/crowd.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/seeded.h"
#include "soak/fail.h"
#include "soak/queues.h"

#define RECEIVE_BYTES 4096
#define EVENTS_MAX    1024
#define OPENING_MAX   512 /* at a time */
#define HEAD_LEN      32  /* of a message: its number and time */

uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void crowd_message(char *out, uint32_t number)
{
    char head[HEAD_LEN + 1];

    snprintf(head, sizeof(head), "%010u %020llu ", number, (unsigned long long)clock_ns());
    memcpy(out, head, HEAD_LEN);
    memset(out + HEAD_LEN, 'g', CROWD_MESSAGE_LEN - HEAD_LEN);
}

/* --- What they are sent --- */

static bool is_message(const struct gw_ws_event *event)
{
    return event->kind == GW_WS_TEXT && event->len == CROWD_MESSAGE_LEN &&
           event->data[HEAD_LEN] == 'g' &&
           memcmp(event->data + HEAD_LEN, event->data + HEAD_LEN + 1,
                  CROWD_MESSAGE_LEN - HEAD_LEN - 1) == 0;
}

static void take_time(struct crowd *crowd, uint64_t sent_ns)
{
    uint64_t us = (clock_ns() - sent_ns) / 1000;

    if (crowd->latency_count == crowd->latency_room)
        fail("more was delivered than published");
    crowd->latencies_us[crowd->latency_count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static void on_event(void *ctx, const struct gw_ws_event *event)
{
    struct listener *listener = ctx;
    char head[HEAD_LEN + 1];
    unsigned number;
    unsigned long long sent_ns;

    if (event->kind == GW_WS_CLOSE) {
        listener->told = event->close_code;
        return;
    }
    if (!is_message(event))
        fail("a reader got what nobody published");
    memcpy(head, event->data, HEAD_LEN);
    head[HEAD_LEN] = '\0';
    if (sscanf(head, "%u %llu", &number, &sent_ns) != 2 || number != listener->next)
        fail("a reader %s message %u, and got %u",
             listener->freezes ? "that froze wanted" : "wants", listener->next, number);
    listener->next++;
    if (!listener->freezes)
        take_time(listener->crowd, sent_ns);
}

/* --- Their sockets --- */

static void interest(const struct crowd *crowd, struct listener *listener, int op, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = listener};

    if (epoll_ctl(crowd->epoll, op, listener->link.fd, &event) != 0)
        fail("epoll_ctl: %s", strerror(errno));
}

static void opened(struct crowd *crowd, struct listener *listener)
{
    crowd->open_count++;
    listener->state = listener->freezes ? LISTENER_FROZEN : LISTENER_AWAKE;
    if (listener->freezes)
        interest(crowd, listener, EPOLL_CTL_MOD, 0); /* a reset is reported all the same */
}

static void end(struct listener *listener, enum listener_state state)
{
    if (!listener->freezes || listener->state == LISTENER_OPENING)
        fail("the server ended a connection that reads (code %u)", listener->told);
    listener->state = state;
    link_end(&listener->link, LINK_RESET);
}

static void read_socket(struct crowd *crowd, struct listener *listener)
{
    static uint8_t input[64 * 1024];
    ssize_t got = recv(listener->link.fd, input, sizeof(input), 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        end(listener, LISTENER_CUT);
        return;
    }
    link_take(&listener->link, input, (size_t)got, on_event, listener);
    if (listener->told != 0 && listener->told != 4408)
        fail("a reader was closed with %u", listener->told);
    if (listener->told != 0)
        end(listener, LISTENER_TOLD);
    else if (listener->state == LISTENER_OPENING && listener->link.ws)
        opened(crowd, listener);
}

void crowd_turn(struct crowd *crowd, int wait_ms)
{
    static struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(crowd->epoll, events, EVENTS_MAX, wait_ms);

    for (int i = 0; i < count; i++)
        read_socket(crowd, events[i].data.ptr);
}

/* --- All of them --- */

static void open_one(struct crowd *crowd, struct listener *listener, struct seeded *random)
{
    const struct link_target target = {.port = crowd->server_port,
                                       .path = "/channels/" CROWD_CHANNEL,
                                       .receive_bytes = RECEIVE_BYTES,
                                       .from = 1,
                                       .request_part = SIZE_MAX};
    struct sockaddr_in address;
    socklen_t len = sizeof(address);

    if (!link_open(&listener->link, &target, random) ||
        getsockname(listener->link.fd, (struct sockaddr *)&address, &len) != 0)
        fail("connecting: %s", strerror(errno));
    listener->port = ntohs(address.sin_port);
    interest(crowd, listener, EPOLL_CTL_ADD, EPOLLIN);
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);

    if (!memory)
        fail("no memory for the crowd");
    return memory;
}

void crowd_open(struct crowd *crowd, uint16_t server_port, uint32_t count, uint32_t frozen_count,
                uint32_t message_count)
{
    struct seeded random = {server_port};

    *crowd = (struct crowd){.epoll = epoll_create1(EPOLL_CLOEXEC),
                            .server_port = server_port,
                            .count = count,
                            .frozen_count = frozen_count};
    crowd->listeners = zeroed(count, sizeof(*crowd->listeners));
    crowd->latency_room = (size_t)(count - frozen_count) * message_count;
    crowd->latencies_us = zeroed(crowd->latency_room, sizeof(*crowd->latencies_us));
    for (uint32_t i = 0; i < count; i++) {
        struct listener *listener = &crowd->listeners[i];

        *listener =
            (struct listener){.crowd = crowd, .next = 1, .freezes = i >= count - frozen_count};
        open_one(crowd, listener, &random);
        while (i - crowd->open_count >= OPENING_MAX && i >= crowd->open_count)
            crowd_turn(crowd, 1000);
    }
    while (crowd->open_count < count)
        crowd_turn(crowd, 1000);
}

void crowd_close(struct crowd *crowd)
{
    for (uint32_t i = 0; i < crowd->count; i++)
        link_end(&crowd->listeners[i].link, LINK_RESET);
    close(crowd->epoll);
    free(crowd->listeners);
    free(crowd->latencies_us);
}

void crowd_thaw(struct crowd *crowd)
{
    for (uint32_t i = crowd->count - crowd->frozen_count; i < crowd->count; i++)
        if (crowd->listeners[i].state == LISTENER_FROZEN) {
            crowd->listeners[i].state = LISTENER_AWAKE;
            interest(crowd, &crowd->listeners[i], EPOLL_CTL_MOD, EPOLLIN);
        }
}

uint32_t crowd_count(const struct crowd *crowd, bool freezes, enum listener_state state,
                     uint32_t number)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < crowd->count; i++) {
        const struct listener *listener = &crowd->listeners[i];

        count +=
            listener->freezes == freezes && listener->state == state && listener->next > number;
    }
    return count;
}

uint32_t crowd_look(struct crowd *crowd)
{
    static struct queues queues[QUEUES_PORTS];
    uint64_t now = clock_ns();
    uint32_t blocked = 0;

    queues_read(queues, crowd->server_port);
    for (uint32_t i = crowd->count - crowd->frozen_count; i < crowd->count; i++) {
        struct listener *listener = &crowd->listeners[i];
        struct queues seen = queues[listener->port];

        if (listener->state != LISTENER_FROZEN || listener->ended_ns > 0)
            continue;
        if (!seen.established) {
            listener->ended_ns = now;
            continue;
        }
        if (seen.unsent != listener->unsent || seen.unread != listener->unread)
            listener->changed_ns = now;
        else
            blocked += seen.unsent > 0;
        listener->unsent = seen.unsent;
        listener->unread = seen.unread;
    }
    return blocked;
}

uint32_t crowd_ended_count(const struct crowd *crowd)
{
    uint32_t count = 0;

    for (uint32_t i = crowd->count - crowd->frozen_count; i < crowd->count; i++)
        count += crowd->listeners[i].ended_ns > 0;
    return count;
}
