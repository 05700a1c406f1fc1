#include "text.h"

#include <stdio.h>
#include <string.h>

#include "lib/seeded.h"

static const char *const names[] = {
    "amelie", "bjorn", "chiara", "dmitri", "elena", "farid", "grace",  "hiroshi",
    "ines",   "jonas", "katya",  "liam",   "maren", "nadia", "oliver", "priya",
};
static const char *const places[] = {
    "harbour", "airport", "museum", "station", "market", "library", "stadium", "clinic",
};
static const char *const states[] = {"open", "packed", "shipped", "delivered", "returned"};
static const char *const words[] = {
    "the",   "order",   "was",   "late",  "customer", "asked",   "for",  "a",
    "blue",  "parcel",  "with",  "two",   "labels",   "please",  "call", "before",
    "noon",  "driver",  "found", "no",    "one",      "at",      "home", "left",
    "it",    "next",    "door",  "and",   "sent",     "picture", "to",   "support",
    "price", "changed", "again", "today", "invoice",  "follows", "by",   "mail",
};

static const char *pick(struct seeded *seeded, const char *const table[], size_t count)
{
    return table[seeded_below(seeded, count)];
}

static unsigned number(struct seeded *seeded, unsigned below)
{
    return (unsigned)seeded_below(seeded, below);
}

#define PICK(seeded, table) pick(seeded, table, sizeof(table) / sizeof((table)[0]))

/* Each of these writes one member and returns its length. */

static int write_identity(char *out, size_t room, struct seeded *seeded)
{
    unsigned id = number(seeded, 100000000), born = number(seeded, 1000);

    return snprintf(out, room, "{\"id\":%u,\"user\":\"%s.%u\",", id, PICK(seeded, names), born);
}

static int write_time(char *out, size_t room, struct seeded *seeded)
{
    unsigned day = number(seeded, 365), ms = number(seeded, 86400000);

    return snprintf(out, room, "\"at\":\"2026-%02u-%02uT%02u:%02u:%02u.%03uZ\",", 1 + day / 31,
                    1 + day % 28, ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

static int write_order(char *out, size_t room, struct seeded *seeded)
{
    unsigned price = number(seeded, 50000);

    return snprintf(out, room, "\"state\":\"%s\",\"price\":%u.%02u,", PICK(seeded, states),
                    price / 100, price % 100);
}

static int write_place(char *out, size_t room, struct seeded *seeded)
{
    unsigned latitude = number(seeded, 90000000);

    return snprintf(out, room, "\"lat\":%u.%06u,\"place\":\"%s\",", latitude / 1000000,
                    latitude % 1000000, PICK(seeded, places));
}

static int write_note(char *out, size_t room, struct seeded *seeded)
{
    unsigned count = 3 + number(seeded, 8);
    int len = snprintf(out, room, "\"note\":\"%s", PICK(seeded, words));

    for (unsigned i = 1; i < count; i++)
        len += snprintf(out + len, room - (size_t)len, " %s", PICK(seeded, words));
    return len + snprintf(out + len, room - (size_t)len, "\"},\n");
}

static size_t write_record(char *out, size_t room, struct seeded *seeded)
{
    static int (*const members[])(char *, size_t, struct seeded *) = {
        write_identity, write_time, write_order, write_place, write_note};
    size_t len = 0;

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        len += (size_t)members[i](out + len, room - len, seeded);
    return len;
}

void text_fill(char *out, size_t len, unsigned seed)
{
    struct seeded seeded = {seed};
    char record[512];

    for (size_t at = 0, written; at < len; at += written) {
        written = write_record(record, sizeof(record), &seeded);
        if (written > len - at)
            written = len - at;
        memcpy(out + at, record, written);
    }
}
