/* options_file_fuzz.c - the configuration file: any text is taken or refused in one line.
 *
 * The first byte says after how many allocations memory runs out (0: never), the rest is the file.
 * A refusal names the file and is one line of text; whatever happens, all memory comes back.
 *
 * Threads: one. */
#include "server/config.h"

#include <errno.h>
#include <godwit/status.h>

#include "core/utf8.h"
#include "fuzz.h"
#include "lib/meter.h"
#include "server/complaint.h"
#include "server/options.h"

static void require_one_line(const struct gw_complaint *complaint)
{
    const char *end = memchr(complaint->text, '\0', sizeof(complaint->text));

    require(end && end > complaint->text);
    require(gw_utf8_valid(complaint->text, (size_t)(end - complaint->text)));
    for (const char *at = complaint->text; at < end; at++)
        require((unsigned char)*at >= 0x20 && *at != 0x7f);
}

static void use(const struct gw_options *options)
{
    struct gw_history history = gw_options_channel(options, GW_STR("chat:lobby"));

    (void)history;
    (void)gw_options_is_open(options); /* either will do: only that it can be asked */
    require(options->listen_count >= 1 && options->listen_count <= GW_LISTEN_MAX);
    require(options->namespace_count <= GW_NAMESPACES_MAX);
    require(gw_options_connections(options, 1024) <= 1024);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_input input = {data, len};
    uint8_t allocations = fuzz_byte(&input);
    struct gw_complaint complaint = {""};
    struct gw_options options;
    struct meter meter;
    int failed;

    meter_init(&meter);
    require(gw_options_init(&options, &meter.alloc) == 0);
    if (allocations > 0)
        meter.left = allocations - 1;
    failed = gw_config_parse(&options, "fuzz.yaml",
                             (struct gw_str){(const char *)input.data, input.len}, &complaint);
    if (failed == 0)
        failed = gw_options_finish(&options, &complaint);
    require(failed == 0 || failed == GW_ERR_VALUE || (failed == -ENOMEM && meter.failed > 0));
    if (failed)
        require_one_line(&complaint);
    else
        use(&options);
    gw_options_fini(&options);
    require(meter.live == 0);
    return 0;
}
