/* serve.c - see serve.h. */
#include "cmd/serve.h"

#include "cmd/say.h"
#include "cmd/setup.h"
#include "server/options.h"
#include "server/serve.h"

int gw_cmd_serve(char *const *argv)
{
    struct gw_options options;
    int status = gw_setup(&options, "serve", argv);

    if (status)
        return status;
    status = gw_serve(&options) < 0 ? GW_EXIT_FAILED : GW_EXIT_GOOD;
    gw_options_fini(&options);
    return status;
}
