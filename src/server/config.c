/* config.c - see config.h. */
#include "server/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

#include <godwit/status.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/utf8.h"
#include "server/complaint.h"
#include "server/option.h"
#include "server/options.h"

struct reader {
    struct gw_options *options;
    struct gw_complaint *complaint;
    struct gw_str text;
    yaml_parser_t parser;
    yaml_event_t event;     /* the current one; deleted by next() */
    uint32_t channels_line; /* where `channels:` stood; 0: not yet */
};

static int complain_of_memory(struct gw_complaint *complaint)
{
    gw_complaint_set(complaint, "out of memory");
    return -ENOMEM;
}

/* --- Events --- */

static uint32_t line_of(yaml_mark_t mark)
{
    return (uint32_t)mark.line + 1; /* a file of 1 MiB has no more lines than fit */
}

static struct gw_place here(const struct reader *reader)
{
    return (struct gw_place){GW_BY_FILE, line_of(reader->event.start_mark)};
}

/* Complains about the file's shape at the current event. */
static int refuse(struct reader *reader, const char *what)
{
    gw_complaint_set(reader->complaint, "%.300s:%u: %s", reader->options->file_name,
                     here(reader).line, what);
    return GW_ERR_VALUE;
}

static uint32_t line_at(struct gw_str text, size_t offset)
{
    uint32_t line = 1;

    for (size_t i = 0; i < offset && i < text.len; i++)
        line += text.data[i] == '\n';
    return line;
}

/* libyaml names what it found in a phrase of its own, and where; a character it does not take is
 * counted in bytes, before there are lines. */
static int refuse_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    uint32_t line = parser->error == YAML_READER_ERROR
                        ? line_at(reader->text, parser->problem_offset)
                        : line_of(parser->problem_mark);

    if (parser->error == YAML_MEMORY_ERROR)
        return complain_of_memory(reader->complaint);
    gw_complaint_set(reader->complaint, "%.300s:%u: this is not YAML: %s%s%s",
                     reader->options->file_name, line,
                     parser->problem ? parser->problem : "it cannot be understood",
                     parser->context ? ", " : "", parser->context ? parser->context : "");
    return GW_ERR_VALUE;
}

static bool has_anchor(const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT)
        return event->data.scalar.anchor;
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return event->data.sequence_start.anchor;
    return event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor;
}

static bool has_tag(const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT)
        return event->data.scalar.tag;
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return event->data.sequence_start.tag;
    return event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.tag;
}

static struct gw_str scalar(const struct reader *reader)
{
    assert(reader->event.type == YAML_SCALAR_EVENT);
    return (struct gw_str){(const char *)reader->event.data.scalar.value,
                           reader->event.data.scalar.length};
}

/* Escapes in double quotes can make what the file itself may not hold. */
static bool has_control(struct gw_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return true;
    return false;
}

static int next(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    if (!yaml_parser_parse(&reader->parser, &reader->event))
        return refuse_syntax(reader);
    if (reader->event.type == YAML_ALIAS_EVENT || has_anchor(&reader->event))
        return refuse(reader, "anchors and aliases (& and *) are not taken: expected plain values");
    if (has_tag(&reader->event))
        return refuse(reader, "tags (!) are not taken: expected plain values");
    if (reader->event.type == YAML_SCALAR_EVENT && has_control(scalar(reader)))
        return refuse(reader,
                      "a control character in a value: expected printable text on one line");
    return 0;
}

/* --- Options --- */

/* One entry of a list: what is wrong with it is told with its own line, not with that of the key.
 */
static int read_list_entry(struct reader *reader, const struct gw_option *option)
{
    struct gw_place *place = &reader->options->places[gw_option_index(option)];
    uint32_t key_line = place->line;
    int err;

    if (reader->event.type != YAML_SCALAR_EVENT)
        return gw_options_refuse(reader->options, NULL, GW_STR(option->name), here(reader),
                                 reader->complaint, "expected a list of plain values");
    place->line = here(reader).line;
    err = gw_options_take(reader->options, NULL, option, scalar(reader), reader->complaint);
    place->line = key_line;
    return err;
}

static int read_list(struct reader *reader, const struct gw_option *option)
{
    int err;

    while ((err = next(reader)) == 0 && reader->event.type != YAML_SEQUENCE_END_EVENT) {
        err = read_list_entry(reader, option);
        if (err < 0)
            return err;
    }
    return err;
}

/* The value of `option`, whose key is the current event, for all channels or for `space`. */
static int read_option(struct reader *reader, struct gw_namespace *space,
                       const struct gw_option *option)
{
    int err = gw_options_begin(reader->options, space, option, here(reader), reader->complaint);

    if (err == 0)
        err = next(reader);
    if (err < 0)
        return err;
    if (reader->event.type == YAML_SCALAR_EVENT)
        return gw_options_take_all(reader->options, space, option, scalar(reader),
                                   reader->complaint);
    if (gw_option_is_list(option) && reader->event.type == YAML_SEQUENCE_START_EVENT)
        return read_list(reader, option);
    return gw_options_refuse(reader->options, space, GW_STR(option->name), here(reader),
                             reader->complaint, "expected %s, not a %s",
                             gw_option_is_list(option) ? "a list of plain values" : "one value",
                             reader->event.type == YAML_SEQUENCE_START_EVENT ? "list" : "mapping");
}

static int refuse_key(struct reader *reader, const struct gw_namespace *space)
{
    struct gw_str key = scalar(reader);
    const struct gw_option *meant = gw_option_nearest(key);

    if (meant && (!space || meant->by_namespace))
        return gw_options_refuse(reader->options, space, key, here(reader), reader->complaint,
                                 "there is no such option: did you mean %s?", meant->name);
    if (space)
        return gw_options_refuse(reader->options, space, key, here(reader), reader->complaint,
                                 "it cannot be set for a namespace: expected history, "
                                 "history_bytes or history_age");
    return gw_options_refuse(reader->options, space, key, here(reader), reader->complaint,
                             "there is no such option: see godwit help options");
}

static int expect_key(struct reader *reader)
{
    return reader->event.type == YAML_SCALAR_EVENT
               ? 0
               : refuse(reader, "expected the name of an option, not a list or mapping");
}

/* --- Namespaces --- */

static int read_namespace(struct reader *reader)
{
    struct gw_namespace *space;
    int err = gw_options_namespace_new(reader->options, &space, scalar(reader), here(reader),
                                       reader->complaint);

    if (err == 0)
        err = next(reader);
    if (err < 0)
        return err;
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return gw_options_refuse(reader->options, NULL, GW_STR("channels"), here(reader),
                                 reader->complaint,
                                 "expected settings for the namespace \"%.*s\", such as "
                                 "{history: 50}",
                                 GW_SHOWN(space->name));
    while ((err = next(reader)) == 0 && reader->event.type != YAML_MAPPING_END_EVENT) {
        const struct gw_option *option;

        err = expect_key(reader);
        if (err < 0)
            return err;
        option = gw_option_find(scalar(reader));
        if (!option || !option->by_namespace)
            return refuse_key(reader, space);
        err = read_option(reader, space, option);
        if (err < 0)
            return err;
    }
    return err;
}

static int read_channels(struct reader *reader)
{
    static const char expected[] =
        "expected namespaces with their settings, such as {chat: {history: 50}}";
    struct gw_str key = GW_STR("channels");
    int err;

    if (reader->channels_line > 0)
        return gw_options_refuse(reader->options, NULL, key, here(reader), reader->complaint,
                                 "it is set in line %u already: expected each key only once",
                                 reader->channels_line);
    reader->channels_line = here(reader).line;
    err = next(reader);
    if (err < 0)
        return err;
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return gw_options_refuse(reader->options, NULL, key, here(reader), reader->complaint, "%s",
                                 expected);
    while ((err = next(reader)) == 0 && reader->event.type != YAML_MAPPING_END_EVENT) {
        if (reader->event.type != YAML_SCALAR_EVENT)
            return gw_options_refuse(reader->options, NULL, key, here(reader), reader->complaint,
                                     "%s", expected);
        err = read_namespace(reader);
        if (err < 0)
            return err;
    }
    return err;
}

/* --- The file --- */

static int read_entry(struct reader *reader)
{
    const struct gw_option *option;
    int err = expect_key(reader);

    if (err < 0)
        return err;
    if (gw_str_eq(scalar(reader), GW_STR("channels")))
        return read_channels(reader);
    option = gw_option_find(scalar(reader));
    return option ? read_option(reader, NULL, option) : refuse_key(reader, NULL);
}

/* A document is a mapping, or nothing. */
static int read_document(struct reader *reader)
{
    int err = next(reader);

    if (err < 0)
        return err;
    if (reader->event.type == YAML_SCALAR_EVENT && scalar(reader).len == 0)
        return next(reader); /* `---` alone */
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return refuse(reader, "expected options, each on a line as name: value");
    while ((err = next(reader)) == 0 && reader->event.type != YAML_MAPPING_END_EVENT) {
        err = read_entry(reader);
        if (err < 0)
            return err;
    }
    return err < 0 ? err : next(reader);
}

static int read_stream(struct reader *reader)
{
    int err = next(reader); /* the start of the stream */

    if (err == 0)
        err = next(reader);
    if (err == 0 && reader->event.type == YAML_DOCUMENT_START_EVENT) {
        err = read_document(reader);
        if (err == 0)
            err = next(reader);
    }
    if (err == 0 && reader->event.type != YAML_STREAM_END_EVENT)
        err = refuse(reader, "a second document begins: expected only one");
    return err;
}

/* The file itself must be text: libyaml would take UTF-16, and would stop at what it does not like
 * without a word about the line. */
static int check_text(struct gw_options *options, struct gw_str text,
                      struct gw_complaint *complaint)
{
    uint32_t line = 1, utf8 = GW_UTF8_START;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (!gw_utf8_feed(&utf8, &c, 1)) {
            gw_complaint_set(complaint, "%.300s:%u: a byte that is not UTF-8: expected UTF-8 text",
                             options->file_name, line);
            return GW_ERR_VALUE;
        }
        if (((uint8_t)c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
            gw_complaint_set(complaint, "%.300s:%u: a control character: expected plain text",
                             options->file_name, line);
            return GW_ERR_VALUE;
        }
        if (c == '\n')
            line++;
    }
    if (utf8 == GW_UTF8_START)
        return 0;
    gw_complaint_set(complaint, "%.300s:%u: it ends inside a character: expected UTF-8 text",
                     options->file_name, line);
    return GW_ERR_VALUE;
}

static int name_file(struct gw_options *options, const char *name)
{
    size_t len = strlen(name) + 1;

    assert(!options->file_name); /* there is one file */
    options->file_name = gw_alloc_get(options->alloc, len);
    if (!options->file_name)
        return -ENOMEM;
    memcpy(options->file_name, name, len);
    return 0;
}

int gw_config_parse(struct gw_options *options, const char *name, struct gw_str text,
                    struct gw_complaint *complaint)
{
    struct reader reader = {.options = options, .complaint = complaint, .text = text};
    int err;

    if (name_file(options, name) < 0)
        return complain_of_memory(complaint);
    err = check_text(options, text, complaint);
    if (err < 0 || text.len == 0)
        return err;
    if (!yaml_parser_initialize(&reader.parser))
        return complain_of_memory(complaint);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.data, text.len);
    err = read_stream(&reader);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    return err;
}

/* Reads until the end, or one piece past the limit: the file may be a pipe that tells no size. */
static int read_all(struct gw_buf *buf, int fd)
{
    const size_t piece = 16 * 1024;

    while (buf->len <= GW_CONFIG_BYTES_MAX) {
        uint8_t *room = gw_buf_reserve(buf, piece);
        ssize_t got;

        if (!room)
            return -ENOMEM;
        got = read(fd, room, piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : 0;
        gw_buf_added(buf, (size_t)got);
    }
    return -EFBIG;
}

static int read_file(struct gw_buf *buf, const char *path, struct gw_complaint *complaint)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 ? -errno : read_all(buf, fd);

    if (fd >= 0)
        (void)close(fd); /* it was only read */
    if (err == 0)
        return 0;
    if (err == -ENOMEM)
        return complain_of_memory(complaint);
    if (err == -EFBIG)
        gw_complaint_set(complaint, "%.300s: it is too large: expected at most 1MiB", path);
    else
        gw_complaint_set(complaint, "%.300s: it cannot be read: %s", path, strerror(-err));
    return GW_ERR_VALUE;
}

int gw_config_read(struct gw_options *options, const char *path, struct gw_complaint *complaint)
{
    struct gw_buf buf;
    int err;

    gw_buf_init(&buf, options->alloc, GW_CONFIG_BYTES_MAX + 64 * 1024);
    err = read_file(&buf, path, complaint);
    if (err == 0)
        err = gw_config_parse(options, path, gw_buf_str(&buf), complaint);
    gw_buf_fini(&buf);
    return err;
}
