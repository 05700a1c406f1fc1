/* check.c - see check.h. */
#include "cmd/check.h"

#include <stdio.h>
#include <string.h>

#include "cmd/say.h"
#include "cmd/setup.h"
#include "core/alloc.h"
#include "server/complaint.h"
#include "server/option.h"
#include "server/options.h"

#define VALUE_SHOWN_MAX 400

static void print_place(const struct gw_options *options, struct gw_place place)
{
    struct gw_complaint file; /* its name may hold anything */

    if (place.source == GW_BY_FILE) {
        gw_complaint_set(&file, "%s", options->file_name);
        printf("%s:%u", file.text, place.line);
    } else {
        printf("%s", place.source == GW_BY_FLAG ? "command line" : "environment");
    }
}

static void print_setting(const struct gw_option *option, const struct gw_options *options,
                          const char *value, struct gw_place place)
{
    printf("%s = %s    (", option->name, value);
    print_place(options, place);
    printf("; default %s)\n", option->normal[0] ? option->normal : "none");
}

static void print_changed(const struct gw_options *options, const struct gw_options *normal)
{
    size_t count;
    const struct gw_option *all = gw_option_all(&count);

    for (size_t i = 0; i < count; i++) {
        char value[VALUE_SHOWN_MAX], usual[VALUE_SHOWN_MAX];

        gw_option_write(value, sizeof(value), &all[i], options, NULL);
        gw_option_write(usual, sizeof(usual), &all[i], normal, NULL);
        if (strcmp(value, usual) != 0)
            print_setting(&all[i], options, value, options->places[i]);
    }
}

static void print_namespace(const struct gw_options *options, const struct gw_namespace *space)
{
    size_t count;
    const struct gw_option *all = gw_option_all(&count);

    for (size_t i = 0; i < count; i++) {
        char value[VALUE_SHOWN_MAX];

        if (space->places[i].source == GW_BY_DEFAULT)
            continue;
        gw_option_write(value, sizeof(value), &all[i], options, space);
        printf("channels.%.*s.%s = %s    (", (int)space->name.len, space->name.data, all[i].name,
               value);
        print_place(options, space->places[i]);
        puts(")");
    }
}

static void print_notes(const struct gw_options *options)
{
    if (!gw_options_is_open(options) && options->api_keys.count == 0)
        puts("note: nobody can publish: this is not open mode, and there are no api_keys");
}

int gw_cmd_check(char *const *argv)
{
    struct gw_options options, normal;
    int status = gw_setup(&options, "check", argv);

    if (status)
        return status;
    if (gw_options_init(&normal, &gw_alloc_std) < 0) {
        gw_options_fini(&options);
        return gw_say_failed("out of memory");
    }
    puts("configuration is good");
    print_changed(&options, &normal);
    for (size_t i = 0; i < options.namespace_count; i++)
        print_namespace(&options, &options.namespaces[i]);
    print_notes(&options);
    gw_options_fini(&normal);
    gw_options_fini(&options);
    return GW_EXIT_GOOD;
}
