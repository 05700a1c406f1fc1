#include "server/assembly.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "edge/admin/admin.h"
#include "edge/api/api.h"
#include "edge/front/front.h"
#include "edge/websocket/websocket.h"
#include "proto/deflate/deflater.h"
#include "server/options.h"

#define SUBSCRIPTIONS_MAX    (1u << 30) /* of a worker */
#define SESSIONS_PER_ADDRESS 1000u

/* The server program: this table. */
static const struct gw_route *const routes[] = {
    &gw_route_channel, &gw_route_history, &gw_route_bulk,  &gw_route_echo,
    &gw_route_page,    &gw_route_health,  &gw_route_ready, &gw_route_version,
};

static struct gw_edge_settings settings_of(const struct gw_assembly_options *options)
{
    const struct gw_options *o = options->options;

    return (struct gw_edge_settings){
        .http = {.head_bytes_max = o->max_head_bytes,
                 .headers_max = o->max_headers,
                 .target_bytes_max = o->max_url_bytes},
        .handshake_timeout_ns = o->handshake_timeout_ns,
        .body_timeout_ns = o->body_timeout_ns,
        .write_timeout_ns = o->write_timeout_ns,
        .message_timeout_ns = o->message_timeout_ns,
        .ping_interval_ns = o->ping_interval_ns,
        .pong_timeout_ns = o->pong_timeout_ns,
        .close_timeout_ns = o->close_timeout_ns,
        .drain_ns = o->drain_ns,
        .buffer_bytes_max = gw_options_buffers(o, options->memory_bytes) / options->worker_count,
        .message_bytes_max = o->max_message_bytes,
        .body_bytes_max = o->max_body_bytes,
        .fragments_max = o->max_fragments,
        .private_bytes_max = o->max_private_bytes,
        .control_rate = o->control_rate,
        .message_rate = o->message_rate,
        .byte_rate = o->byte_rate_bytes,
        .connections_max = options->connections_max,
        .per_address_max = o->max_per_address,
        .accept_rate = o->accept_rate,
        .subscriptions_max = o->max_subscriptions,
        .echo = o->echo,
    };
}

static struct gw_history history_of(void *ctx, struct gw_str name)
{
    return gw_options_channel(ctx, name);
}

/* Nobody is refused a subscription for lack of indices, as long as there can be so many. */
static uint32_t subscriptions_of(const struct gw_assembly_options *options)
{
    uint64_t most = (uint64_t)options->connections_max * options->options->max_subscriptions;

    return most < SUBSCRIPTIONS_MAX ? (uint32_t)most : SUBSCRIPTIONS_MAX;
}

/* Sessions of one address without a connection. Where so many connections of it are let in that a
 * proxy must be behind it, all of them may break at once. */
static uint32_t sessions_per_address(const struct gw_options *o)
{
    return o->max_per_address > SESSIONS_PER_ADDRESS ? o->max_per_address : SESSIONS_PER_ADDRESS;
}

/* What all hubs share: the key that finds homes and the life of the node. Tags are each one's own.
 */
static void fill_hub(struct gw_hub_options *hub, const struct gw_assembly_options *options,
                     struct gw_rng shared, struct gw_rng *own)
{
    const struct gw_options *o = options->options;

    gw_rng_bytes(&shared, hub->hash_key, sizeof(hub->hash_key));
    hub->life = gw_rng_u64(&shared);
    gw_rng_bytes(own, hub->seed, sizeof(hub->seed));
    hub->mailbox_slots = options->mailbox_slots;
    hub->channels_max = (o->max_channels + options->worker_count - 1) / options->worker_count;
    hub->subscriptions_max = subscriptions_of(options);
    hub->live_log_bytes = o->live_log_bytes;
    hub->history_total_bytes =
        gw_options_history_total(o, options->memory_bytes) / options->worker_count;
    hub->unit_cache_bytes = o->unit_cache_bytes;
    hub->channel_idle_ns = o->channel_idle_ns;
    hub->idempotency_age_ns = o->idempotency_age_ns;
    hub->session_ttl_ns = o->session_ttl_ns;
    hub->sessions_max = (o->max_sessions + options->worker_count - 1) / options->worker_count;
    hub->sessions_per_address = sessions_per_address(o);
    hub->history = history_of;
    hub->history_ctx = (void *)(uintptr_t)o;
}

static int make_worker(struct gw_assembly *assembly, const struct gw_assembly_options *options,
                       unsigned index, const struct gw_rng *shared, struct gw_rng *own)
{
    struct gw_worker_options worker = {
        .alloc = options->alloc,
        .loop = options->loops[index],
        .index = index,
        .count = options->worker_count,
        .out = assembly->boxes[index],
        .in = assembly->in[index],
        .workers = assembly->workers,
        .settings = settings_of(options),
        .auth = &assembly->auth,
        .variants = assembly->variants,
        .variant_count = sizeof(assembly->variants) / sizeof(assembly->variants[0]),
        .front = &gw_front,
        .websocket = &gw_websocket,
        .routes = routes,
        .route_count = sizeof(routes) / sizeof(routes[0]),
        .pen = options->pen,
        .deflater = assembly->deflaters[index],
    };

    fill_hub(&worker.hub, options, *shared, own);
    gw_rng_bytes(own, worker.seed, sizeof(worker.seed));
    return gw_worker_new(&assembly->workers[index], &worker);
}

static int make_deflaters(struct gw_assembly *assembly, const struct gw_assembly_options *options)
{
    int status = 0;

    for (unsigned i = 0; options->options->deflate && status == 0 && i < options->worker_count; i++)
        status = gw_deflater_new(&assembly->deflaters[i], options->alloc, GW_DEFLATER_FASTEST);
    return status;
}

static int make_boxes(struct gw_assembly *assembly, const struct gw_assembly_options *options)
{
    for (unsigned from = 0; from < options->worker_count; from++)
        for (unsigned to = 0; to < options->worker_count; to++) {
            int status = from == to
                             ? 0
                             : gw_mailbox_new(&assembly->boxes[from][to], options->alloc,
                                              options->mailbox_slots, sizeof(struct gw_letter));

            if (status != 0)
                return status;
            assembly->in[to][from] = assembly->boxes[from][to];
        }
    return 0;
}

static int listen_everywhere(struct gw_worker *worker, const struct gw_options *options,
                             int *failed)
{
    for (uint32_t i = 0; i < options->listen_count; i++) {
        int status = gw_worker_listen(worker, &options->listen[i]);

        if (status != 0) {
            *failed = (int)i;
            return status;
        }
    }
    return 0;
}

static int make_parts(struct gw_assembly *assembly, const struct gw_assembly_options *options,
                      int *failed)
{
    struct gw_rng own, shared;
    uint8_t seed[32];
    int status = make_boxes(assembly, options);

    if (status == 0)
        status = make_deflaters(assembly, options);
    gw_rng_init(&own, options->seed);
    gw_rng_bytes(&own, seed, sizeof(seed));
    gw_rng_init(&shared, seed);
    for (unsigned i = 0; status == 0 && i < options->worker_count; i++) {
        status = make_worker(assembly, options, i, &shared, &own);
        if (status == 0)
            status = listen_everywhere(assembly->workers[i], options->options, failed);
    }
    return status;
}

int gw_assembly_new(struct gw_assembly **out, const struct gw_assembly_options *options,
                    int *failed)
{
    const struct gw_options *o = options->options;
    struct gw_assembly *assembly = gw_alloc_zeroed(options->alloc, 1, sizeof(*assembly));
    int status;

    *failed = -1;
    if (!assembly)
        return -ENOMEM;
    assembly->alloc = options->alloc;
    assembly->worker_count = options->worker_count;
    assembly->auth = (struct gw_auth){.open = gw_options_is_open(o),
                                      .origins = o->origins.items,
                                      .origin_count = o->origins.count,
                                      .api_keys = o->api_keys.items,
                                      .api_key_count = o->api_keys.count};
    assembly->variants[GW_EDGE_WEBSOCKET] = gw_variant_websocket;
    assembly->variants[GW_EDGE_WEBSOCKET_DEFLATED] = gw_variant_websocket_deflated;
    assembly->variants[GW_EDGE_ENVELOPE] = gw_variant_envelope;
    assembly->variants[GW_EDGE_ENVELOPE_DEFLATED] = gw_variant_envelope_deflated;
    status = make_parts(assembly, options, failed);
    if (status != 0) {
        gw_assembly_free(assembly);
        return status;
    }
    *out = assembly;
    return 0;
}

/* Letters that nobody will read own publications. */
static void empty_box(struct gw_mailbox *box, const struct gw_alloc *alloc)
{
    struct gw_letter letter;

    while (box && gw_mailbox_take(box, &letter))
        gw_letter_drop(&letter, alloc);
    gw_mailbox_free(box);
}

void gw_assembly_free(struct gw_assembly *assembly)
{
    if (!assembly)
        return;
    for (unsigned i = 0; i < assembly->worker_count; i++)
        gw_worker_free(assembly->workers[i]);
    for (unsigned i = 0; i < assembly->worker_count; i++)
        gw_deflater_free(assembly->deflaters[i]);
    for (unsigned from = 0; from < assembly->worker_count; from++)
        for (unsigned to = 0; to < assembly->worker_count; to++)
            empty_box(assembly->boxes[from][to], assembly->alloc);
    gw_alloc_put(assembly->alloc, assembly);
}

void gw_assembly_drain(struct gw_assembly *assembly)
{
    for (unsigned i = 0; i < assembly->worker_count; i++)
        gw_worker_drain(assembly->workers[i]);
}
