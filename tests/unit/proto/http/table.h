/* table.h - requests with the verdict that the RFCs and the product page give them.
 *
 * A row says which bytes decide (`head`) and what may follow them (`rest`). An accepted head ends
 * with its empty line; a refused one at the first byte after which it can be known that nothing
 * good will come of it, which for what only the parser can see is the empty line again. So feeding
 * a row byte by byte must give the verdict after exactly `head_len` bytes: not before, and not
 * later.
 *
 * Threads: the test's own. */
#ifndef GW_TESTS_HTTP_TABLE_H
#define GW_TESTS_HTTP_TABLE_H

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/http/head.h"

#define HEAD_MAX    8192
#define HEADERS_MAX 64
#define TARGET_MAX  6144

static const struct gw_http_limits limits = {
    .head_bytes_max = HEAD_MAX, .headers_max = HEADERS_MAX, .target_bytes_max = TARGET_MAX};

struct row {
    char name[120];
    char *data; /* head and rest */
    size_t head_len, len;
    int status; /* 0: accepted */
    enum gw_http_body_kind kind;
    uint64_t length;
};

struct table {
    struct row *rows;
    size_t count, room;
};

/* Text that a row is put together in. */
struct text {
    char *data;
    size_t len, room;
};

static void text_add(struct text *text, const char *data, size_t len)
{
    if (text->len + len > text->room) {
        text->room = (text->len + len) * 2;
        text->data = realloc(text->data, text->room);
        assert(text->data);
    }
    if (len > 0) /* nothing may lie at NULL, which memcpy may not be given */
        memcpy(text->data + text->len, data, len);
    text->len += len;
}

static void text_say(struct text *text, const char *words)
{
    text_add(text, words, strlen(words));
}

static void text_fill(struct text *text, char byte, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text_add(text, &byte, 1);
}

/* Adds a row that is refused with `status` or, for 0, accepted. `text` is the head and its first
 * `head_len` bytes decide; what is behind them is the rest. Takes `text`. */
static struct row *table_take(struct table *table, struct text *text, size_t head_len, int status,
                              const char *format, ...)
{
    struct row *row;
    va_list args;

    assert(head_len <= text->len);
    if (table->count == table->room) {
        table->room = table->room > 0 ? table->room * 2 : 64;
        table->rows = realloc(table->rows, table->room * sizeof(*table->rows));
        assert(table->rows);
    }
    row = &table->rows[table->count++];
    *row =
        (struct row){.data = text->data, .head_len = head_len, .len = text->len, .status = status};
    *text = (struct text){NULL, 0, 0};
    va_start(args, format);
    (void)vsnprintf(row->name, sizeof(row->name), format, args); /* cut: still a name */
    va_end(args);
    return row;
}

static void table_free(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->rows[i].data);
    free(table->rows);
}

#endif
