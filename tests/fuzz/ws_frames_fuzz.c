/* ws_frames_fuzz.c - however a stream of frames is split, its reader tells the same story.
 *
 * The first two bytes of the input choose the role, the limits and where to split; the rest is what
 * the peer sends.
 *
 * Threads: one. */
#include "story.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;

    if (len < 2)
        return 0;
    options.role = data[0] & 1 ? GW_WS_CLIENT : GW_WS_SERVER;
    if (data[0] & 2)
        options.message_bytes_max = 200;
    if (data[0] & 4)
        options.fragments_max = 3;
    story_compare(&options, data + 2, len - 2, 2u + data[1]);
    return 0;
}
