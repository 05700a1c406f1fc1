#include "hub/letter.h"

#include "core/alloc.h"
#include "hub/publication.h"
#include "hub/watermark.h"

/* How many publications hang on a letter: elsewhere `count` counts subscribers. */
static uint32_t pubs_of(const struct gw_letter *letter)
{
    switch ((enum gw_letter_kind)letter->kind) {
    case GW_LETTER_PUBLISH:
        return letter->pubs ? 1 : 0;
    case GW_LETTER_RANGE:
    case GW_LETTER_RESTARTED:
    case GW_LETTER_PAGE:
    case GW_LETTER_JOINED:
        return letter->count;
    default:
        return 0;
    }
}

void gw_letter_drop(struct gw_letter *letter, const struct gw_alloc *alloc)
{
    struct gw_pub *pub = letter->pubs;

    for (uint32_t left = pubs_of(letter); left > 0; left--) {
        /* The last one's `next` is the home's to write: it is not looked at. */
        struct gw_pub *next = left > 1 ? pub->next : NULL;

        gw_pub_unref(pub);
        pub = next;
    }
    letter->pubs = NULL;
    letter->count = 0;
    gw_alloc_put(alloc, letter->name);
    letter->name = NULL;
    gw_watermark_free(letter->watermark, alloc);
    letter->watermark = NULL;
}
