/* args.c - see args.h. */
#include "cmd/args.h"

#include <stdbool.h>
#include <string.h>

#include "cmd/say.h"
#include "server/complaint.h"

/* A value may be a secret: it is never repeated. */
static int read_flag(const struct gw_args *args, const char *verb, const char *text)
{
    const char *equals = strchr(text, '=');
    struct gw_str name = {text, equals ? (size_t)(equals - text) : strlen(text)};

    for (const struct gw_arg_flag *flag = args->flags; flag->name; flag++) {
        if (!gw_str_eq(name, GW_STR(flag->name)))
            continue;
        if (!equals)
            return gw_say_usage("--%s: it has no value: expected --%s=VALUE", flag->name,
                                flag->name);
        *flag->value = equals + 1;
        return 0;
    }
    return gw_say_usage("--%.*s: %s has no such flag: see godwit help %s", GW_SHOWN(name), verb,
                        verb);
}

int gw_args_read(struct gw_args *args, const char *verb, char *const *argv)
{
    bool only_words = false;

    args->word_count = 0;
    for (; *argv; argv++) {
        int status = 0;

        if (!only_words && strcmp(*argv, "--") == 0)
            only_words = true;
        else if (!only_words && strncmp(*argv, "--", 2) == 0)
            status = read_flag(args, verb, *argv + 2);
        else if (args->word_count == GW_ARG_WORDS_MAX)
            return gw_say_usage("too many arguments: see godwit help %s", verb);
        else
            args->words[args->word_count++] = *argv;
        if (status)
            return status;
    }
    return 0;
}
