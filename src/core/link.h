/* link.h - a circular doubly linked list whose links live inside the things it links.
 *
 * A link that is in no list points at itself, so removing twice is harmless. A linked object is
 * unlinked before it is freed.
 *
 * Threads: the owner's own. */
#ifndef GW_CORE_LINK_H
#define GW_CORE_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct gw_link {
    struct gw_link *prev, *next;
};

/* The object of type `type` whose field `field` is the link at `ptr`. */
#define GW_CONTAINER(ptr, type, field) ((type *)(void *)((char *)(ptr)-offsetof(type, field)))

static inline void gw_link_init(struct gw_link *link)
{
    link->prev = link;
    link->next = link;
}

static inline bool gw_link_empty(const struct gw_link *list)
{
    return list->next == list;
}

/* `link` must be in no list. */
static inline void gw_link_append(struct gw_link *list, struct gw_link *link)
{
    link->prev = list->prev;
    link->next = list;
    list->prev->next = link;
    list->prev = link;
}

static inline void gw_link_remove(struct gw_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    gw_link_init(link);
}

/* The first link, or NULL when the list is empty. */
static inline struct gw_link *gw_link_first(const struct gw_link *list)
{
    return gw_link_empty(list) ? NULL : list->next;
}

#endif
