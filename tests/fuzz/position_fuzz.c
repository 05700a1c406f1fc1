/* position_fuzz.c - a position and its word are one to one, and any text is something.
 *
 * The first 24 bytes are an epoch, an offset and a tag: written and read they must come back. The
 * rest is a text: what is read from it as a position must, written, be that text again, and a
 * channel's name must be what the documentation says.
 *
 * Threads: one. */
#include "hub/position.h"

#include "core/utf8.h"
#include "fuzz.h"

static void write_and_read(struct fuzz_input *input)
{
    struct gw_position position = {fuzz_number(input, 8), fuzz_number(input, 8) & GW_OFFSET_MAX,
                                   fuzz_number(input, 8)};
    char *word = malloc(GW_POSITION_LEN);
    struct gw_position back;

    require(word);
    if (position.offset == 0)
        position.tag = 0;
    gw_position_write(word, &position);
    require_written(word, GW_POSITION_LEN);
    for (size_t i = 0; i < GW_POSITION_LEN; i++)
        require(
            strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", word[i]));
    require(gw_position_read(&back, (struct gw_str){word, GW_POSITION_LEN}));
    require(back.epoch == position.epoch && back.offset == position.offset &&
            back.tag == position.tag);
    free(word);
}

static void read_and_write(struct gw_str text)
{
    struct gw_since since = gw_since_read(text);
    char word[GW_POSITION_LEN];

    if (since.kind != GW_SINCE_POSITION)
        return;
    require(since.position.offset <= GW_OFFSET_MAX);
    gw_position_write(word, &since.position);
    require(gw_str_eq(text, (struct gw_str){word, sizeof(word)}));
}

static void judge_name(struct gw_str name)
{
    bool good = name.len >= 1 && name.len <= GW_CHANNEL_NAME_MAX;

    good = good && gw_utf8_valid(name.data, name.len);
    for (size_t i = 0; good && i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];

        good = c >= 0x20 && c != 0x7f && c != '/' && c != ',';
        if (c == 0xc2) /* U+0080 to U+00BF, of which the lower half are controls */
            good = good && (unsigned char)name.data[i + 1] >= 0xa0;
    }
    require(gw_channel_name_ok(name) == good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_input input = {data, len};
    struct gw_str text;

    write_and_read(&input);
    text = fuzz_bytes(&input, SIZE_MAX);
    read_and_write(text);
    judge_name(text);
    return 0;
}
