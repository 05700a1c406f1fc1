/* http_body_fuzz.c - a body of each kind, split anyhow.
 *
 * The first byte chooses the kind, the second how it is split, the third is the Content-Length; the
 * rest is the body and what follows it.
 *
 * Threads: one. */
#include "http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const enum gw_http_body_kind kinds[] = {GW_HTTP_CHUNKED, GW_HTTP_LENGTH,
                                                   GW_HTTP_UNTIL_CLOSE, GW_HTTP_NO_BODY};
    struct fuzz_input input = {data, len};
    enum gw_http_body_kind kind = kinds[fuzz_byte(&input) % 4];
    size_t step = 1u + fuzz_byte(&input);
    uint64_t length = fuzz_byte(&input);

    http_read_body_all_ways(kind, length, input.data, input.len, step);
    return 0;
}
