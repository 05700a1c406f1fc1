/* setup.c - see setup.h. */
#include "cmd/setup.h"

#include <string.h>
#include <unistd.h>

#include "cmd/say.h"
#include "core/alloc.h"
#include "server/complaint.h"
#include "server/config.h"
#include "server/options.h"

static const char config_flag[] = "--config=";

static int is_config(const char *argument)
{
    return strncmp(argument, config_flag, strlen(config_flag)) == 0;
}

/* What can be wrong with the arguments before any of them is looked into. */
static int find_file(const char **path, const char *verb, char *const *argv)
{
    *path = NULL;
    for (; *argv; argv++) {
        if (strcmp(*argv, "--config") == 0)
            return gw_say_usage("--config: it has no value: expected --config=FILE");
        if (strncmp(*argv, "--", 2) != 0)
            return gw_say_usage("%s takes no argument \"%.64s\": expected --NAME=VALUE, see godwit "
                                "help %s",
                                verb, *argv, verb);
        if (!is_config(*argv))
            continue;
        if (*path)
            return gw_say_usage("--config: it is given twice: expected one file");
        *path = *argv + strlen(config_flag);
        if (**path == '\0')
            return gw_say_usage("--config: it is empty: expected --config=FILE");
    }
    return 0;
}

static int load(struct gw_options *options, const char *path, char *const *argv,
                struct gw_complaint *complaint)
{
    int err = path ? gw_config_read(options, path, complaint) : 0;

    if (err == 0)
        err = gw_options_environment(options, environ, complaint);
    for (; err == 0 && *argv; argv++)
        if (!is_config(*argv))
            err = gw_options_flag(options, *argv, complaint);
    if (err == 0)
        err = gw_options_finish(options, complaint);
    return err;
}

int gw_setup(struct gw_options *options, const char *verb, char *const *argv)
{
    struct gw_complaint complaint;
    const char *path;
    int status = find_file(&path, verb, argv);

    if (status)
        return status;
    if (gw_options_init(options, &gw_alloc_std) < 0)
        return gw_say_failed("out of memory");
    if (load(options, path, argv, &complaint) < 0) {
        gw_options_fini(options);
        return gw_say_usage("%s", complaint.text);
    }
    return 0;
}
