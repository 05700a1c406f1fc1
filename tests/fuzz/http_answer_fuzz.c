/* http_answer_fuzz.c - every answer we write is one that can be read, and says what was meant.
 *
 * Three bytes choose the status, the flags and how little room there is; the rest is the body. What
 * comes out is scanned and parsed as a response: status, length and body must be those given. Where
 * there is no room, nothing is written. The body of a problem must be JSON.
 *
 * Threads: one. */
#include "proto/http/answer.h"

#include <errno.h>

#include "core/alloc.h"
#include "core/json.h"
#include "http.h"

static void require_readable(const struct gw_buf *out, const struct gw_http_answer *answer)
{
    static struct gw_http_response response;
    const char *text = (const char *)out->data;
    struct gw_http_refusal refusal = {0, NULL};
    int head_len = http_scan_both_ways(&http_wide, text, out->len);
    size_t behind;
    uint32_t count;

    require(head_len > 0);
    require(gw_http_response_parse(&response, &http_wide, text, (size_t)head_len, &refusal) == 0);
    require(response.status == answer->status && response.version_minor == 1);
    (void)gw_http_header_find(response.headers, response.header_count, "X-Extra", &count);
    require(count == (answer->extra ? 1 : 0));
    behind = out->len - (size_t)head_len;
    require(behind == (answer->head_only ? 0 : answer->body.len));
    require(behind == 0 || memcmp(text + head_len, answer->body.data, behind) == 0);
    if (answer->status < 200)
        return;
    require(response.keep_alive == answer->keep_alive);
    if (response.body_kind == GW_HTTP_LENGTH)
        require(response.content_length == answer->body.len);
}

static void write_answer(const struct gw_http_answer *answer, size_t room)
{
    struct gw_buf out;
    int failed;

    gw_buf_init(&out, &gw_alloc_std, room);
    failed = gw_http_answer_write(&out, answer);
    require(failed == 0 || failed == -EMSGSIZE);
    if (failed)
        require(out.len == 0);
    else {
        require_written(out.data, out.len);
        require_readable(&out, answer);
    }
    gw_buf_fini(&out);
}

static void write_problem(int status, struct gw_str detail)
{
    char *text = fuzz_copy(detail.data, detail.len + 1);
    struct gw_buf out;

    text[detail.len] = '\0';
    gw_buf_init(&out, &gw_alloc_std, 1u << 20);
    require(gw_http_problem_body(&out, status, text) == 0);
    require_written(out.data, out.len);
    require(gw_json_valid(gw_buf_str(&out)));
    gw_buf_fini(&out);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const int statuses[] = {100, 101, 200, 201, 204, 304, 308, 400, 404, 426, 503, 299, 599};
    static const int problems[] = {400, 401, 403, 413, 431, 500, 503, 505};
    struct fuzz_input input = {data, len};
    unsigned status = fuzz_byte(&input), flags = fuzz_byte(&input), room = fuzz_byte(&input);
    struct gw_http_answer answer = {
        .status = statuses[status % (sizeof(statuses) / sizeof(statuses[0]))],
        .type = flags & 1 ? "text/plain" : NULL,
        .extra = flags & 2 ? "X-Extra: yes\r\n" : NULL,
        .body = {(const char *)input.data, input.len},
        .head_only = flags & 4,
        .keep_alive = flags & 8,
        .may_cache = flags & 16,
        .version_1_0 = flags & 32,
    };

    if (answer.status < 200 || answer.status == 204 || answer.status == 304)
        answer.body = (struct gw_str){NULL, 0};
    write_answer(&answer, 1u << 20);
    write_answer(&answer, room);
    if (input.len > 0) /* its last byte gives way to the NUL */
        write_problem(problems[status % 8],
                      (struct gw_str){(const char *)input.data, input.len - 1});
    return 0;
}
