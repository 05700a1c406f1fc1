#include "edge/pen.h"

#include <assert.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static_assert(GW_LOGLINE_MAX <= PIPE_BUF, "a line is written whole");

void gw_pen_init(struct gw_pen *pen, int fd, uint32_t rate, enum gw_log_level least)
{
    memset(pen, 0, sizeof(*pen));
    pen->fd = fd;
    pen->rate = rate;
    pen->least = least;
}

/* Kinds are few and our own words; two that share a bucket share its rate. */
static unsigned bucket_of(const char *kind)
{
    unsigned sum = 5381;

    for (; *kind; kind++)
        sum = sum * 33 + (unsigned char)*kind;
    return sum % GW_PEN_KINDS;
}

static void say_left_out(struct gw_pen *pen, struct gw_now now, const char *kind, unsigned count)
{
    struct gw_logline line;

    gw_logline_begin(&line, now.wall_ms, GW_LOG_WARN, kind, "lines of this kind were left out");
    gw_logline_u64(&line, "count", count);
    gw_pen_end(pen, &line);
}

bool gw_pen_begin(struct gw_pen *pen, struct gw_logline *line, struct gw_now now,
                  enum gw_log_level level, const char *kind, const char *words)
{
    unsigned bucket = bucket_of(kind);
    uint64_t second = now.mono_ns / GW_NS_PER_S;
    uint64_t before;

    if (level < pen->least)
        return false;
    before = atomic_exchange_explicit(&pen->kinds[bucket].second, second, memory_order_relaxed);
    if (before != second) {
        unsigned left_out =
            atomic_exchange_explicit(&pen->kinds[bucket].left_out, 0, memory_order_relaxed);

        atomic_store_explicit(&pen->kinds[bucket].written, 0, memory_order_relaxed);
        if (left_out > 0)
            say_left_out(pen, now, kind, left_out);
    }
    if (atomic_fetch_add_explicit(&pen->kinds[bucket].written, 1, memory_order_relaxed) >=
        pen->rate) {
        atomic_fetch_add_explicit(&pen->kinds[bucket].left_out, 1, memory_order_relaxed);
        return false;
    }
    gw_logline_begin(line, now.wall_ms, level, kind, words);
    return true;
}

/* A pipe that is ready takes a line whole (PIPE_BUF), so the write does not block. One that nobody
 * reads is never ready: a log must not stop what it tells about, and there is nobody else to tell.
 * The descriptor is not made non-blocking, since we share it with whoever started us. */
void gw_pen_end(struct gw_pen *pen, struct gw_logline *line)
{
    struct pollfd ready = {.fd = pen->fd, .events = POLLOUT};

    gw_logline_end(line);
    if (poll(&ready, 1, 0) == 1 && ready.revents & POLLOUT)
        (void)!write(pen->fd, line->text, line->len); /* as above */
}

void gw_pen_say(struct gw_pen *pen, struct gw_now now, enum gw_log_level level, const char *kind,
                const char *words)
{
    struct gw_logline line;

    if (gw_pen_begin(pen, &line, now, level, kind, words))
        gw_pen_end(pen, &line);
}
