#include "proto/http/fields.h"

#include <assert.h>

#include "core/num.h"
#include "proto/http/bytes.h"

int gw_http_version_parse(uint8_t *minor, struct gw_str text, struct gw_http_refusal *refusal)
{
    const char *at = text.data;

    if (text.len != 8 || !gw_str_starts(text, GW_STR("HTTP/")) || at[6] != '.' ||
        !gw_http_byte_is_digit((uint8_t)at[5]) || !gw_http_byte_is_digit((uint8_t)at[7]))
        return gw_http_refuse(refusal, 400, "The version is malformed.");
    if (at[5] != '1')
        return gw_http_refuse(refusal, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    /* A higher minor version is read as the highest we know (RFC 9110 section 2.5). */
    *minor = at[7] == '0' ? 0 : 1;
    return 0;
}

bool gw_http_is_token(struct gw_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!gw_http_byte_is_token((uint8_t)text.data[i]))
            return false;
    return text.len > 0;
}

/* Moves past `"..."`, which begins at `at`; an unfinished one reaches to the end. */
static size_t skip_quoted(struct gw_str text, size_t at)
{
    for (at++; at < text.len && text.data[at] != '"'; at++)
        if (text.data[at] == '\\')
            at++;
    return at < text.len ? at + 1 : text.len;
}

bool gw_http_list_next(struct gw_str *rest, struct gw_str *member)
{
    while (rest->len > 0) {
        struct gw_str list = *rest;
        size_t at = 0, end;

        while (at < list.len && list.data[at] != ',' && list.data[at] != ';')
            at++;
        end = at;
        while (at < list.len && list.data[at] != ',')
            at = list.data[at] == '"' ? skip_quoted(list, at) : at + 1;
        if (at < list.len) /* the comma */
            at++;
        *rest = (struct gw_str){list.data + at, list.len - at};
        *member = gw_str_trim((struct gw_str){list.data, end});
        if (member->len > 0)
            return true;
    }
    return false;
}

bool gw_http_list_has(struct gw_str list, const char *token)
{
    struct gw_str member;

    while (gw_http_list_next(&list, &member))
        if (gw_str_eq_nocase(member, GW_STR(token)))
            return true;
    return false;
}

struct gw_str gw_http_header_find(const struct gw_http_header *headers, uint32_t header_count,
                                  const char *name, uint32_t *found_count)
{
    struct gw_str first = {NULL, 0}, wanted = GW_STR(name);
    uint32_t count = 0;

    for (uint32_t i = 0; i < header_count; i++)
        if (gw_str_eq_nocase(headers[i].name, wanted) && count++ == 0)
            first = headers[i].value;
    *found_count = count;
    return first;
}

static void note_connection(struct gw_http_fields *fields, struct gw_str list)
{
    struct gw_str option;

    while (gw_http_list_next(&list, &option)) {
        fields->close |= gw_str_eq_nocase(option, GW_STR("close"));
        fields->keep_alive |= gw_str_eq_nocase(option, GW_STR("keep-alive"));
        fields->upgrade |= gw_str_eq_nocase(option, GW_STR("upgrade"));
    }
}

/* RFC 9110 section 10.1.1: there is one expectation, and it has no parameters. */
static void note_expectation(struct gw_http_fields *fields, struct gw_str value)
{
    if (gw_str_eq_nocase(value, GW_STR("100-continue")))
        fields->expects_continue = true;
    else
        fields->expects_other = true;
}

static void note_first(struct gw_str *first, uint32_t *count, struct gw_str value)
{
    if ((*count)++ == 0)
        *first = value;
}

static void note(struct gw_http_fields *fields, const struct gw_http_header *header)
{
    if (gw_str_eq_nocase(header->name, GW_STR("host")))
        note_first(&fields->host, &fields->host_count, header->value);
    else if (gw_str_eq_nocase(header->name, GW_STR("content-length")))
        note_first(&fields->length, &fields->length_count, header->value);
    else if (gw_str_eq_nocase(header->name, GW_STR("transfer-encoding")))
        note_first(&fields->coding, &fields->coding_count, header->value);
    else if (gw_str_eq_nocase(header->name, GW_STR("connection")))
        note_connection(fields, header->value);
    else if (gw_str_eq_nocase(header->name, GW_STR("upgrade")))
        fields->has_upgrade = true;
    else if (gw_str_eq_nocase(header->name, GW_STR("expect")))
        note_expectation(fields, header->value);
}

/* One line, up to and with its CR LF. Returns its length or a refusal. That `lines` ends in CR LF
 * stops every loop in it. */
static int cut_line(struct gw_http_header *header, struct gw_str lines,
                    struct gw_http_refusal *refusal)
{
    size_t colon = 0, end;
    const char *cr;

    while (gw_http_byte_is_token((uint8_t)lines.data[colon]))
        colon++;
    if (colon == 0 || lines.data[colon] != ':')
        return gw_http_refuse(refusal, 400, "A header name is not a token with a colon behind it.");
    cr = memchr(lines.data + colon, '\r', lines.len - colon);
    assert(cr);
    end = (size_t)(cr - lines.data);
    if (lines.data[end + 1] != '\n')
        return gw_http_refuse(refusal, 400, "A CR is not followed by LF.");
    header->name = (struct gw_str){lines.data, colon};
    header->value = gw_str_trim((struct gw_str){lines.data + colon + 1, end - colon - 1});
    return (int)(end + 2);
}

int gw_http_fields_parse(struct gw_http_fields *fields, struct gw_http_header *headers,
                         uint32_t *header_count, uint32_t headers_max, struct gw_str lines,
                         struct gw_http_refusal *refusal)
{
    uint32_t count = 0;

    assert(headers_max <= GW_HTTP_HEADERS_ROOM);
    *fields = (struct gw_http_fields){0};
    while (lines.len > 2) { /* the empty line */
        int taken;

        if (count == headers_max)
            return gw_http_refuse(refusal, 431, "There are too many header lines.");
        taken = cut_line(&headers[count], lines, refusal);
        if (taken < 0)
            return taken;
        note(fields, &headers[count++]);
        lines.data += taken;
        lines.len -= (size_t)taken;
    }
    *header_count = count;
    return 0;
}

/* RFC 9112 sections 6.1 and 6.3: codings with `chunked` at their end are ones that we do not have;
 * anything else leaves the length of the body to guessing. */
static int refuse_coding(struct gw_str codings, struct gw_http_refusal *refusal)
{
    unsigned chunked = 0;
    bool last = false;

    while (codings.data) {
        struct gw_str coding = gw_str_trim(gw_str_cut(&codings, ','));

        if (!gw_http_is_token(coding))
            return gw_http_refuse(refusal, 400, "Transfer-Encoding is malformed.");
        last = gw_str_eq_nocase(coding, GW_STR("chunked"));
        chunked += last;
    }
    if (chunked != 1 || !last)
        return gw_http_refuse(refusal, 400, "Transfer-Encoding does not end in chunked, once.");
    return gw_http_refuse(refusal, 501, "No transfer coding but chunked is known here.");
}

static int judge_coding(struct gw_http_framing *framing, const struct gw_http_fields *fields,
                        uint8_t version_minor, struct gw_http_refusal *refusal)
{
    if (fields->coding_count > 1)
        return gw_http_refuse(refusal, 400, "There is more than one Transfer-Encoding.");
    if (fields->length_count > 0)
        return gw_http_refuse(refusal, 400, "There is a Content-Length beside Transfer-Encoding.");
    if (version_minor == 0)
        return gw_http_refuse(refusal, 400, "HTTP/1.0 has no Transfer-Encoding.");
    if (!gw_str_eq_nocase(fields->coding, GW_STR("chunked")))
        return refuse_coding(fields->coding, refusal);
    *framing = (struct gw_http_framing){.kind = GW_HTTP_CHUNKED};
    return 0;
}

int gw_http_framing_judge(struct gw_http_framing *framing, const struct gw_http_fields *fields,
                          uint8_t version_minor, struct gw_http_refusal *refusal)
{
    uint64_t length;

    if (fields->length_count > 1)
        return gw_http_refuse(refusal, 400, "There is more than one Content-Length.");
    if (fields->length_count == 1 && !gw_num_u64(fields->length, &length))
        return gw_http_refuse(refusal, 400, "Content-Length is not a number.");
    if (fields->coding_count > 0)
        return judge_coding(framing, fields, version_minor, refusal);
    *framing = (struct gw_http_framing){.kind = GW_HTTP_NO_BODY};
    if (fields->length_count == 1)
        *framing = (struct gw_http_framing){.kind = GW_HTTP_LENGTH, .content_length = length};
    return 0;
}

bool gw_http_fields_keep_alive(const struct gw_http_fields *fields, uint8_t version_minor)
{
    return !fields->close && (version_minor > 0 || fields->keep_alive);
}
