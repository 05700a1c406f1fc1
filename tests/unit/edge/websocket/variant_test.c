/* variant_test.c - what a variant writes fits into what it asked for, at every length. */
#include "edge/websocket/websocket.h"

#include <stdlib.h>
#include <string.h>

#include "hub/publication.h"
#include "lib/meter.h"
#include "lib/suite.h"
#include "proto/deflate/deflater.h"

#define LEN_MAX 700 /* below and above what is worth compressing, and a two-byte length */
#define FENCE   64  /* bytes behind the room that are nobody's */

static const struct gw_variant *const variants[] = {
    &gw_variant_websocket, &gw_variant_websocket_deflated, &gw_variant_envelope,
    &gw_variant_envelope_deflated};

static struct meter meter;
static struct gw_deflater *deflater;

static struct gw_pub *make_pub(enum gw_pub_kind kind, const char *payload, size_t len)
{
    const struct gw_pub_parts parts = {.kind = kind, .payload = {payload, len}};
    struct gw_pub *pub;

    ck_assert_int_eq(gw_pub_new(&pub, &meter.alloc, &parts), 0);
    pub->offset = 1;
    return pub;
}

static void ck_fits(const struct gw_variant *variant, const struct gw_pub *pub)
{
    const struct gw_entry entry = {pub, {"channel", 7}, 1};
    size_t room = variant->size_max(&entry), len;
    uint8_t *out = malloc(room + FENCE);

    ck_assert_ptr_nonnull(out);
    memset(out + room, 0xa5, FENCE);
    len = variant->write(deflater, &entry, out);
    ck_assert_msg(len > 0 && len <= room, "%s: %zu bytes in room for %zu", variant->name, len,
                  room);
    for (size_t i = 0; i < FENCE; i++)
        ck_assert_msg(out[room + i] == 0xa5, "%s, %u bytes: writes %zu behind its room",
                      variant->name, pub->len, i + 1);
    free(out);
}

/* `_i` is the variant, and whether the payload can be compressed. */
START_TEST(a_unit_stays_within_its_room)
{
    static char payload[LEN_MAX];

    meter_init(&meter);
    ck_assert_int_eq(gw_deflater_new(&deflater, &meter.alloc, GW_DEFLATER_FASTEST), 0);
    for (size_t i = 0; i < LEN_MAX; i++)
        payload[i] = _i % 2 == 0 ? 'x' : (char)('0' + i * i * 7919 % 75);
    for (size_t len = 0; len <= LEN_MAX; len++)
        for (int kind = GW_PUB_TEXT; kind <= GW_PUB_BINARY; kind++) {
            struct gw_pub *pub;

            if (kind == GW_PUB_JSON)
                continue; /* the payload is none */
            pub = make_pub((enum gw_pub_kind)kind, payload, len);
            ck_fits(variants[_i / 2], pub);
            gw_pub_unref(pub);
        }
    gw_deflater_free(deflater);
    ck_assert_int_eq(meter.live, 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_unit_stays_within_its_room, 0, 2 * SUITE_ROWS(variants));
}

int main(void)
{
    return suite_main("edge/websocket/variant", fill);
}
