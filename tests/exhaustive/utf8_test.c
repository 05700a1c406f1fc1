/* utf8_test.c - gw_utf8_valid() and gw_utf8_feed() against a reference, over all strings of up to
 * four bytes.
 *
 * The reference is made from the definition alone (RFC 3629 section 3): every scalar value of
 * Unicode is encoded by the table of the RFC and entered into a tree. A string is right as long as
 * it walks along the tree, from the root again after each character, and whole when it ends at the
 * root. Four bytes are as long as a character gets, so that no longer string has a character in it
 * that was not seen here; what can still depend on the length is how the checker passes over whole
 * blocks, and so all strings of three bytes stand in longer texts too, at every distance from both
 * ends; and behind ASCII of each length up to 40 all strings of four that begin with the first two
 * bytes of a character, or, to be quick, those of bytes that stand at some border.
 *
 * A prefix shared by many strings is walked once: 2^32 strings need 2^24 prefixes, and only those
 * of them that are right are gone on from. The string as a whole is fed each time.
 *
 * Threads: one. */
#include "core/utf8.h"

#include <stdint.h>

#include "parts.h"

/* --- The reference --- */

#define WRONG     0u
#define ROOT      1u
#define NODES_MAX 20000u

static uint16_t tree[NODES_MAX][256]; /* the node behind each byte; 0: no character goes on so */
static unsigned node_count = 2;

/* RFC 3629 section 3, the table. Returns how many bytes it takes. */
static size_t encode(uint32_t scalar, uint8_t out[4])
{
    if (scalar <= 0x7f) {
        out[0] = (uint8_t)scalar;
        return 1;
    }
    if (scalar <= 0x7ff) {
        out[0] = (uint8_t)(0xc0 + scalar / 64);
        out[1] = (uint8_t)(0x80 + scalar % 64);
        return 2;
    }
    if (scalar <= 0xffff) {
        out[0] = (uint8_t)(0xe0 + scalar / 4096);
        out[1] = (uint8_t)(0x80 + scalar / 64 % 64);
        out[2] = (uint8_t)(0x80 + scalar % 64);
        return 3;
    }
    out[0] = (uint8_t)(0xf0 + scalar / 262144);
    out[1] = (uint8_t)(0x80 + scalar / 4096 % 64);
    out[2] = (uint8_t)(0x80 + scalar / 64 % 64);
    out[3] = (uint8_t)(0x80 + scalar % 64);
    return 4;
}

static void enter(uint32_t scalar)
{
    uint8_t bytes[4];
    size_t len = encode(scalar, bytes);
    unsigned node = ROOT;

    for (size_t i = 0; i + 1 < len; i++) {
        if (tree[node][bytes[i]] == 0) {
            if (node_count == NODES_MAX)
                abort();
            tree[node][bytes[i]] = (uint16_t)node_count++;
        }
        node = tree[node][bytes[i]];
    }
    tree[node][bytes[len - 1]] = ROOT;
}

static void make_tree(void)
{
    for (uint32_t scalar = 0; scalar <= 0x10ffff; scalar++)
        if (scalar < 0xd800 || scalar > 0xdfff)
            enter(scalar);
}

/* The node behind `len` bytes; there is no way on from WRONG, whose row is empty. */
static unsigned walk(unsigned node, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        node = tree[node][bytes[i]];
    return node;
}

/* --- Comparing with it --- */

/* Goes on from `state` over `len` bytes, behind which the reference stands at `node`. */
static inline bool agrees_from(uint32_t state, const uint8_t *bytes, size_t len, unsigned node)
{
    bool right = gw_utf8_feed(&state, bytes, len);

    return right == (node != WRONG) && (!right || (state == GW_UTF8_START) == (node == ROOT));
}

/* One string: in one piece, and cut in two at each place to which it is right. */
static void check(const uint8_t *bytes, size_t len)
{
    unsigned node = walk(ROOT, bytes, len);

    if (gw_utf8_valid(bytes, len) != (node == ROOT))
        parts_disagree("valid: %s", parts_show(bytes, len));
    for (size_t cut = 0; cut <= len && walk(ROOT, bytes, cut) != WRONG; cut++) {
        uint32_t state = GW_UTF8_START;

        if (!gw_utf8_feed(&state, bytes, cut) || !agrees_from(state, bytes + cut, len - cut, node))
            parts_disagree("cut at %zu: %s", cut, parts_show(bytes, len));
    }
}

static void check_up_to_two(void)
{
    check((const uint8_t *)"", 0);
    for (unsigned i = 0; i < 0x10000; i++) {
        uint8_t bytes[2] = {(uint8_t)(i >> 8), (uint8_t)i};

        check(bytes, 2);
        if (i < 0x100)
            check(bytes + 1, 1);
    }
}

static void check_three(unsigned first_low, unsigned first_high)
{
    for (uint32_t i = first_low << 16; i < (first_high + 1) << 16; i++) {
        uint8_t bytes[3] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

        check(bytes, 3);
    }
}

/* The 256 strings that begin with the same three bytes. `states` and `nodes` are those behind none,
 * one, two and three of them. */
static void check_four(uint8_t bytes[4], const uint32_t states[4], const unsigned nodes[4])
{
    for (unsigned last = 0; last < 256; last++) {
        unsigned node = tree[nodes[3]][last];
        bool good = true;

        bytes[3] = (uint8_t)last;
        good &= gw_utf8_valid(bytes, 4) == (node == ROOT);
        for (size_t cut = 0; cut < 4 && nodes[cut] != WRONG; cut++)
            good &= agrees_from(states[cut], bytes + cut, 4 - cut, node);
        if (!good)
            parts_disagree("%s", parts_show(bytes, 4));
    }
}

static void check_all_four(unsigned first_low, unsigned first_high)
{
    for (uint32_t i = first_low << 16; i < (first_high + 1) << 16; i++) {
        uint8_t bytes[4] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 0};
        uint32_t states[4] = {GW_UTF8_START};
        unsigned nodes[4] = {ROOT};

        for (size_t at = 1; at < 4; at++) {
            nodes[at] = tree[nodes[at - 1]][bytes[at - 1]];
            states[at] = states[at - 1];
            if (nodes[at] != WRONG && !gw_utf8_feed(&states[at], bytes + at - 1, 1))
                parts_disagree("%s", parts_show(bytes, at));
        }
        check_four(bytes, states, nodes);
    }
}

/* Every string of three bytes at every place of a longer text: blocks of ASCII and of letters are
 * passed over at once, and what stands across their edges must not be. */
static void check_in_text(const char *filling, size_t len)
{
    uint8_t text[64];

    memcpy(text, filling, len);
    for (size_t at = 0; at + 3 <= len; at++) {
        unsigned before = walk(ROOT, text, at), behind = walk(ROOT, text + at + 3, len - at - 3);
        bool tail_is_whole = behind == ROOT;

        for (uint32_t i = 0; i < 0x1000000; i++) {
            const uint8_t bytes[3] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
            unsigned node = walk(before, bytes, 3);
            bool expected;

            memcpy(text + at, bytes, 3);
            expected =
                node == ROOT ? tail_is_whole : walk(node, text + at + 3, len - at - 3) == ROOT;
            if (gw_utf8_valid(text, len) != expected)
                parts_disagree("at %zu of %zu: %s", at, len, parts_show(bytes, 3));
        }
        memcpy(text, filling, len);
    }
}

/* --- Behind ASCII, whose blocks are passed over at once --- */

#define PREFIX_MAX 40u
#define BEHIND     37u /* bytes of ASCII that follow, or none */

/* `bytes` are four behind `prefix` of ASCII, and then there are `behind` more; `node` is where the
 * reference stands after the four. */
static inline bool agrees_behind(const uint8_t *text, size_t prefix, size_t behind, unsigned node)
{
    bool whole = node == ROOT; /* nothing but ASCII follows: only what is whole goes on so */

    return gw_utf8_valid(text, prefix + 4 + behind) == whole;
}

/* The same in two pieces, cut within the four or at their ends. */
static bool agrees_when_cut(const uint8_t *text, size_t prefix, size_t behind)
{
    size_t len = prefix + 4 + behind;

    for (size_t cut = prefix; cut <= prefix + 4; cut++) {
        unsigned before = walk(ROOT, text + prefix, cut - prefix);
        uint32_t state = GW_UTF8_START;

        if (gw_utf8_feed(&state, text, cut) != (before != WRONG))
            return false;
        if (before == WRONG)
            continue;
        if (!agrees_from(state, text + cut, len - cut, walk(before, text + cut, len - cut)))
            return false;
    }
    return true;
}

static void fill_with_ascii(uint8_t text[PREFIX_MAX + 4 + BEHIND])
{
    for (size_t i = 0; i < PREFIX_MAX + 4 + BEHIND; i++)
        text[i] = (uint8_t)(0x20 + i % 0x5f);
}

/* Bytes on both sides of each border that RFC 3629 draws. */
static const uint8_t borders[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1,
                                  0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf4, 0xf5};
#define BORDERS sizeof(borders)

static void check_borders_behind(size_t prefix)
{
    uint8_t text[PREFIX_MAX + 4 + BEHIND];

    fill_with_ascii(text);
    for (size_t i = 0; i < BORDERS * BORDERS * BORDERS * BORDERS; i++) {
        unsigned node;

        for (size_t at = 0, rest = i; at < 4; at++, rest /= BORDERS)
            text[prefix + at] = borders[rest % BORDERS];
        node = walk(ROOT, text + prefix, 4);
        if (!agrees_behind(text, prefix, 0, node) || !agrees_behind(text, prefix, BEHIND, node) ||
            !agrees_when_cut(text, prefix, 0) || !agrees_when_cut(text, prefix, BEHIND))
            parts_disagree("behind %zu: %s", prefix, parts_show(text + prefix, 4));
    }
}

/* All four bytes that begin with two of a character, and not with ASCII: that is a longer prefix.
 */
static void check_all_behind(size_t prefix)
{
    uint8_t text[PREFIX_MAX + 4 + BEHIND];
    uint8_t *four = text + prefix;

    fill_with_ascii(text);
    for (unsigned first = 0x8000; first < 0x10000; first++) {
        unsigned node;

        four[0] = (uint8_t)(first >> 8);
        four[1] = (uint8_t)first;
        node = walk(ROOT, four, 2);
        for (unsigned last = 0; node != WRONG && last < 0x10000; last++) {
            unsigned end = tree[tree[node][last >> 8]][last & 0xff];

            four[2] = (uint8_t)(last >> 8);
            four[3] = (uint8_t)last;
            if (!agrees_behind(text, prefix, 0, end) || !agrees_behind(text, prefix, BEHIND, end))
                parts_disagree("behind %zu: %s", prefix, parts_show(four, 4));
        }
    }
}

/* --- In a text so long that whole registers pass over it --- */

#define LONG 192u /* three times the largest block, and above what is done without */

/* Four bytes at `at`, and ASCII around; with a letter on both sides, or without: blocks of ASCII
 * alone are a way of their own. */
static uint8_t *four_in_blocks(uint8_t text[LONG], size_t at, bool letters)
{
    for (size_t i = 0; i < LONG; i++)
        text[i] = (uint8_t)(0x20 + i % 0x5f);
    if (letters && at >= 3)
        memcpy(text + at - 3, "\xe2\x82\xac", 3);
    if (letters && at + 4 + 3 <= LONG)
        memcpy(text + at + 4, "\xe2\x82\xac", 3);
    return text + at;
}

static void check_borders_in_blocks(size_t at, bool letters)
{
    uint8_t text[LONG], *four = four_in_blocks(text, at, letters);

    for (size_t i = 0; i < BORDERS * BORDERS * BORDERS * BORDERS; i++) {
        for (size_t k = 0, rest = i; k < 4; k++, rest /= BORDERS)
            four[k] = borders[rest % BORDERS];
        if (gw_utf8_valid(text, LONG) != (walk(ROOT, four, 4) == ROOT))
            parts_disagree("at %zu of %u: %s", at, LONG, parts_show(four, 4));
    }
}

/* Before, across and behind the edges of blocks of 32 and of 64. */
static const size_t edges[] = {28, 29, 30, 31, 32, 60, 61, 62, 63, 64};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

/* All but those that begin with ASCII, of which the other three have been seen. */
static void check_all_in_blocks(size_t at)
{
    uint8_t text[LONG], *four = four_in_blocks(text, at, at % 2);

    for (uint32_t head = 0x800000; head < 0x1000000; head++) {
        unsigned node;

        four[0] = (uint8_t)(head >> 16);
        four[1] = (uint8_t)(head >> 8);
        four[2] = (uint8_t)head;
        node = walk(ROOT, four, 3);
        for (unsigned last = 0; last < 256; last++) {
            four[3] = (uint8_t)last;
            if (gw_utf8_valid(text, LONG) != (tree[node][last] == ROOT))
                parts_disagree("at %zu of %u: %s", at, LONG, parts_show(four, 4));
        }
    }
}

/* --- The parts --- */

static void name_quick(unsigned part, char out[PARTS_NAME_MAX])
{
    (void)snprintf(out, PARTS_NAME_MAX, "%s",
                   part == 0   ? "all strings of up to three bytes are judged alike"
                   : part == 1 ? "strings of four bytes at all borders, behind up to 40 of ASCII"
                               : "the same at each place of a text that is passed over in blocks");
}

static void run_quick(unsigned part)
{
    if (part == 0) {
        check_up_to_two();
        check_three(0x00, 0xff);
        return;
    }
    for (size_t prefix = 0; part == 1 && prefix <= PREFIX_MAX; prefix++)
        check_borders_behind(prefix);
    for (size_t at = 0; part == 2 && at + 4 <= LONG; at++) {
        check_borders_in_blocks(at, false);
        check_borders_in_blocks(at, true);
    }
}

static const char *const fillings[] = {
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEF", /* ASCII alone: blocks of 32 and of 8 */
    "\xc3\xa4\xe2\x82\xac\xc3\xb6\xe2\x82\xac\xc3\xbc\xe2\x82\xac" /* letters of two and three */
    "\xf0\x9f\x98\x80"
    "z",
};

#define FILLINGS    (sizeof(fillings) / sizeof(fillings[0]))
#define BLOCK_PARTS (16 + FILLINGS + PREFIX_MAX + 1) /* the first of those in blocks */

static void name_all(unsigned part, char out[PARTS_NAME_MAX])
{
    if (part < 16)
        (void)snprintf(out, PARTS_NAME_MAX, "all strings of four bytes from %02x to %02x",
                       part * 16, part * 16 + 15);
    else if (part < 16 + FILLINGS)
        (void)snprintf(out, PARTS_NAME_MAX,
                       "all strings of three bytes at each place of a text of %zu bytes",
                       strlen(fillings[part - 16]));
    else if (part < BLOCK_PARTS)
        (void)snprintf(out, PARTS_NAME_MAX,
                       "all strings of four bytes that begin well behind %zu of ASCII",
                       part - 16 - FILLINGS);
    else
        (void)snprintf(out, PARTS_NAME_MAX,
                       "all strings of four bytes at %zu of a text passed over in blocks",
                       edges[part - BLOCK_PARTS]);
}

static void run_all(unsigned part)
{
    if (part < 16)
        check_all_four(part * 16, part * 16 + 15);
    else if (part < 16 + FILLINGS)
        check_in_text(fillings[part - 16], strlen(fillings[part - 16]));
    else if (part < BLOCK_PARTS)
        check_all_behind(part - 16 - FILLINGS);
    else
        check_all_in_blocks(edges[part - BLOCK_PARTS]);
}

int main(int argc, char **argv)
{
    static const struct parts quick = {3, name_quick, run_quick};
    static const struct parts all = {BLOCK_PARTS + EDGES, name_all, run_all};

    make_tree();
    return parts_main(parts_wants_all(argc, argv) ? &all : &quick);
}
