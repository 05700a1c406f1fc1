/* smuggling_test.c - requests that two programs might read differently, and the verdict on each. */
#include "proto/http/head.h"

#include <check.h>

#include "table.h"

/* --- Written out --- */

static const struct {
    int status;
    enum gw_http_body_kind kind;
    uint64_t length;
    const char *name;
    const char *head;
    size_t head_len;
    const char *rest;
    size_t rest_len;
} written[] = {
#define ROW(status, kind, length, name, head, rest)                                                \
    {                                                                                              \
        status, kind, length, name, head, sizeof(head) - 1, rest, sizeof(rest) - 1                 \
    }
#define YES(name, head, rest)  ROW(0, GW_HTTP_NO_BODY, 0, name, head, rest)
#define NO(status, name, head) ROW(status, GW_HTTP_NO_BODY, 0, name, head, "")
/* Refused before the head is complete: `rest` must not be waited for. */
#define SOON(status, name, head, rest) ROW(status, GW_HTTP_NO_BODY, 0, name, head, rest)

    /* Line ends: CR LF and nothing else (RFC 9112 section 2.2, without what it lets us forgive). */
    YES("the plainest request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    YES("bytes behind the head", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /2 HTTP/1.1\r\n\r\n"),
    YES("bytes behind that are no request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\0\n\r\x16"),
    SOON(400, "bare LF after the request line", "GET / HTTP/1.1\n", "Host: a\r\n\r\n"),
    SOON(400, "bare LF after a header", "GET / HTTP/1.1\r\nHost: a\n", "\r\n"),
    SOON(400, "bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", ""),
    SOON(400, "LF LF at the end", "GET / HTTP/1.1\r\nHost: a\n", "\n"),
    SOON(400, "LF CR at the end", "GET / HTTP/1.1\r\nHost: a\n", "\r\n\r"),
    SOON(400, "bare LF inside a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\n", "Y: b\r\n\r\n"),
    SOON(400, "bare CR after the request line", "GET / HTTP/1.1\rH", "ost: a\r\n\r\n"),
    SOON(400, "bare CR inside a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb", "\r\n\r\n"),
    SOON(400, "bare CR inside a name", "GET / HTTP/1.1\r\nHo\rs", "t: a\r\n\r\n"),
    SOON(400, "CR CR LF after a header", "GET / HTTP/1.1\r\nHost: a\r\r", "\n\r\n"),
    SOON(400, "CR CR LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\r\r", "\n"),
    SOON(400, "CR then text at the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\rX", ": b\r\n\r\n"),
    SOON(400, "CR NUL", "GET / HTTP/1.1\r\nHost: a\r\0", "\n\r\n"),
    SOON(400, "an empty line first", "\r", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    SOON(400, "LF first", "\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    SOON(400, "a blank first", " ", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    SOON(400, "a tab first", "\t", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),

    /* Folding and blanks (RFC 9112 sections 5, 5.1, 5.2). */
    SOON(400, "folding with a blank", "GET / HTTP/1.1\r\nHost: a\r\n ", "b\r\n\r\n"),
    SOON(400, "folding with a tab", "GET / HTTP/1.1\r\nHost: a\r\n\t", "b\r\n\r\n"),
    SOON(400, "folding of nothing", "GET / HTTP/1.1\r\nHost: a\r\n ", "\r\n\r\n"),
    SOON(400, "a blank before the first header", "GET / HTTP/1.1\r\n ", "Host: a\r\n\r\n"),
    SOON(400, "a tab before the first header", "GET / HTTP/1.1\r\n\t", "Host: a\r\n\r\n"),
    SOON(400, "Transfer-Encoding folded", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n ",
         "chunked\r\n\r\n"),
    NO(400, "a blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    NO(400, "a tab before the colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"),
    NO(400, "a blank before a second colon", "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"),
    NO(400, "a blank inside a name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n"),
    NO(400, "no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
    NO(400, "no colon in the only line", "GET / HTTP/1.1\r\nHost\r\n\r\n"),
    NO(400, "no name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
    NO(400, "a colon alone", "GET / HTTP/1.1\r\nHost: a\r\n:\r\n\r\n"),
    YES("no blank behind the colon", "GET / HTTP/1.1\r\nHost:a\r\n\r\n", ""),
    YES("tabs around a value", "GET / HTTP/1.1\r\nHost:\t a\t \r\n\r\n", ""),
    YES("an empty value", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", ""),
    YES("a value of blanks", "GET / HTTP/1.1\r\nHost: a\r\nX: \t \r\n\r\n", ""),
    YES("colons in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: :b::\r\n\r\n", ""),
    YES("bytes above 0x7f in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\xff\r\n\r\n", ""),
    NO(400, "bytes above 0x7f in a name", "GET / HTTP/1.1\r\nHost: a\r\n\xc3\xa9: b\r\n\r\n"),

    /* The request line (RFC 9112 section 3). */
    SOON(400, "two blanks before the target", "GET  ", "/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "two blanks before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "a blank behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    NO(400, "a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "a tab before the version", "GET /\tHTTP/1.1 x\r\nHost: a\r\n\r\n"),
    SOON(400, "a tab after the method", "GET\t", "/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    SOON(400, "a method alone", "GET\r", "\n\r\n"),
    SOON(400, "HTTP/0.9", "GET /\r", "\n\r\n"),
    NO(400, "a target without a version", "GET / \r\nHost: a\r\n\r\n"),
    NO(400, "a lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "a mixed-case version", "GET / HTTp/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    NO(400, "HTTP/1", "GET / HTTP/1\r\nHost: a\r\n\r\n"),
    NO(400, "HTTP/1.", "GET / HTTP/1.\r\nHost: a\r\n\r\n"),
    NO(400, "HTTP/.1", "GET / HTTP/.1\r\nHost: a\r\n\r\n"),
    NO(400, "HTTP/01.1", "GET / HTTP/01.1\r\nHost: a\r\n\r\n"),
    NO(400, "HTTP/1,1", "GET / HTTP/1,1\r\nHost: a\r\n\r\n"),
    NO(400, "HTTP/1.x", "GET / HTTP/1.x\r\nHost: a\r\n\r\n"),
    NO(400, "HTTP/x.1", "GET / HTTP/x.1\r\nHost: a\r\n\r\n"),
    NO(400, "HTTP/ .1", "GET / HTTP/ .1\r\nHost: a\r\n\r\n"),
    NO(400, "HTTP/+1.1", "GET / HTTP/+1.1\r\nHost: a\r\n\r\n"),
    NO(400, "HTTP 1.1", "GET / HTTP 1.1\r\nHost: a\r\n\r\n"),
    NO(400, "HTTPS/1.1", "GET / HTTPS/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "ICY/1.1", "GET / ICY/1.1\r\nHost: a\r\n\r\n"),
    NO(505, "HTTP/0.9 in so many words", "GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
    NO(505, "HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    NO(505, "HTTP/3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n"),
    NO(505, "HTTP/9.9", "GET / HTTP/9.9\r\nHost: a\r\n\r\n"),
    ROW(505, GW_HTTP_NO_BODY, 0, "the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n", "SM\r\n\r\n"),
    YES("HTTP/1.2 is read as 1.1", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", ""),
    YES("HTTP/1.9 is read as 1.1", "GET / HTTP/1.9\r\nHost: a\r\n\r\n", ""),
    NO(400, "HTTP/1.2 without a Host", "GET / HTTP/1.2\r\n\r\n"),
    YES("HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", ""),
    YES("HTTP/1.0 without any header", "GET / HTTP/1.0\r\n\r\n", ""),
    SOON(400, "a TLS ClientHello", "\x16", "\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    SOON(400, "an SSLv2 hello", "\x80", "\x2e\x01\x00\x02"),
    SOON(400, "a PROXY line of version 2", "\r", "\n\r\n\0\r\nQUIT\n"),
    NO(400, "a PROXY line of version 1", "PROXY TCP4 1.2.3.4 1.2.3.4 5 6\r\n\r\n"),
    SOON(400, "NUL first", "\0", "GET / HTTP/1.1\r\n"),
    SOON(400, "a byte order mark first", "\xef", "\xbb\xbfGET / HTTP/1.1\r\n"),
    SOON(400, "a quote in the method", "G\"", "T / HTTP/1.1\r\n"),
    SOON(400, "a colon in the method", "Host:", " a\r\n"),
    NO(400, "a slash in the method", "G/T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "a response", "HTTP/1.1 200 OK\r\nHost: a\r\n\r\n"),
    YES("a method nobody knows", "FROB / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    YES("a lower-case method is another", "get / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    YES("a method of signs", "!#$%&'*+-.^_`|~ / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    YES("a method of 32 bytes", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 / HTTP/1.1\r\nHost: a\r\n\r\n",
        ""),
    SOON(501, "a method of 33 bytes", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456", " / HTTP/1.1\r\n\r\n"),
    NO(501, "CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
    NO(501, "CONNECT of a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"),

    /* The target (RFC 9112 section 3.2). */
    YES("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    YES("OPTIONS of a path", "OPTIONS /a HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    NO(400, "GET *", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "OPTIONS *?x", "OPTIONS *?x HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "a target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "a query alone", "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "authority form", "GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    NO(400, "bytes above 0x7f in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"),
    YES("two slashes", "GET //b/c HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    YES("what browsers do not encode", "GET /?a|b^c`{d}\"<>\\ HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    YES("absolute form", "GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    YES("absolute form over TLS", "GET https://a/b HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    YES("absolute form in another case", "GET HTTP://A.b/c HTTP/1.1\r\nHost: a.B\r\n\r\n", ""),
    YES("absolute form with a port", "GET http://a:80/ HTTP/1.1\r\nHost: a:80\r\n\r\n", ""),
    YES("absolute form without a path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    YES("absolute form with a query alone", "GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    YES("absolute form of IPv6", "GET http://[::1]:80/ HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", ""),
    YES("absolute form in HTTP/1.0 without a Host", "GET http://a/ HTTP/1.0\r\n\r\n", ""),
    NO(400, "absolute form of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "absolute form of another port", "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "absolute form, Host has a port", "GET http://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    NO(400, "absolute form of a longer host", "GET http://a.b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "absolute form without a Host", "GET http://a/ HTTP/1.1\r\n\r\n"),
    NO(400, "absolute form with user information", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "the same user in both", "GET http://u@a/ HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    NO(400, "absolute form without a host", "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "absolute form with one slash", "GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "a malformed absolute host in HTTP/1.0", "GET http://a@b/ HTTP/1.0\r\n\r\n"),
    NO(400, "another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "the scheme ws", "GET ws://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    NO(400, "a script", "GET javascript:alert(1) HTTP/1.1\r\nHost: a\r\n\r\n"),

    /* Host (RFC 9112 section 3.2, RFC 9110 section 7.2). */
    NO(400, "no header at all", "GET / HTTP/1.1\r\n\r\n"),
    NO(400, "no Host", "GET / HTTP/1.1\r\nX: a\r\n\r\n"),
    NO(400, "two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    NO(400, "two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    NO(400, "two Hosts in other cases", "GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n"),
    NO(400, "two Hosts apart", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nHost: a\r\n\r\n"),
    NO(400, "two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
    NO(400, "an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    NO(400, "a Host of blanks", "GET / HTTP/1.1\r\nHost: \t\r\n\r\n"),
    NO(400, "an empty Host in HTTP/1.0", "GET / HTTP/1.0\r\nHost:\r\n\r\n"),
    NO(400, "two hosts in one", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    NO(400, "two hosts and no blank", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
    NO(400, "a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    NO(400, "a Host with a scheme", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"),
    NO(400, "a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    NO(400, "a Host with a query", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"),
    NO(400, "a Host with a fragment", "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n"),
    NO(400, "a Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    NO(400, "a Host with a backslash", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n"),
    NO(400, "a Host with bytes above 0x7f", "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"),
    NO(400, "a port too high", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"),
    NO(400, "a port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
    NO(400, "a negative port", "GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n"),
    NO(400, "two ports", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"),
    NO(400, "a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
    NO(400, "IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"),
    NO(400, "IPv6 with a zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n"),
    NO(400, "a bracket alone", "GET / HTTP/1.1\r\nHost: [\r\n\r\n"),
    NO(400, "empty brackets", "GET / HTTP/1.1\r\nHost: []\r\n\r\n"),
    NO(400, "a name in brackets", "GET / HTTP/1.1\r\nHost: [a.example]\r\n\r\n"),
    NO(400, "text behind brackets", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n"),
    YES("a name", "GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n", ""),
    YES("a name with a port", "GET / HTTP/1.1\r\nHost: www.example.org:9880\r\n\r\n", ""),
    YES("a name with its root", "GET / HTTP/1.1\r\nHost: example.org.\r\n\r\n", ""),
    YES("a name of a compose file", "GET / HTTP/1.1\r\nHost: my_app-1\r\n\r\n", ""),
    YES("IPv4", "GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", ""),
    YES("IPv6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n", ""),
    YES("the highest port", "GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n", ""),
    YES("HOST", "GET / HTTP/1.1\r\nHOST: a\r\n\r\n", ""),

    /* Bodies where they have no place, and names that look like others (RFC 9112 section 6). */
    ROW(0, GW_HTTP_LENGTH, 2, "a body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n",
        "hi"),
    ROW(0, GW_HTTP_CHUNKED, 0, "chunks",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "2;x=y\r\nhi\r\n0\r\n\r\n"),
    ROW(0, GW_HTTP_LENGTH, 1, "DELETE with a body",
        "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", "x"),
    ROW(0, GW_HTTP_LENGTH, 1, "another method with a body",
        "FROB / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", "x"),
    NO(400, "a length split over two headers",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nX: y\r\nContent-Length: 1\r\n\r\n"),
    NO(400, "a length of CL and TE behind",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"),
    NO(400, "TE and a length behind",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"),
    NO(400, "TE and a second, unknown one",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"),
    SOON(400, "TE with a vertical tab", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b",
         "chunked\r\n\r\n"),
    SOON(400, "TE with NUL", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\0",
         "\r\n\r\n"),
    NO(400, "TE with a byte above 0x7f",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\xff\r\n\r\n"),
    NO(400, "TE behind a name without colon",
       "POST / HTTP/1.1\r\nHost: a\r\nX\r\nTransfer-Encoding: chunked\r\n\r\n"),

    /* Upgrades (RFC 9110 section 7.8). */
    YES("an upgrade",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "\x81\x80\x01\x02\x03\x04"),
    NO(400, "an upgrade with a body",
       "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
       "Content-Length: 6\r\n\r\n"),
    NO(400, "an upgrade with chunks",
       "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
       "Transfer-Encoding: chunked\r\n\r\n"),
    YES("an upgrade with a length of 0",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Content-Length: 0\r\n\r\n",
        ""),
    ROW(0, GW_HTTP_LENGTH, 2, "curl's h2c upgrade of a POST may be ignored",
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AAMAAABk\r\nContent-Length: 2\r\n\r\n",
        "hi"),

    /* Expect (RFC 9110 section 10.1.1). */
    ROW(0, GW_HTTP_LENGTH, 2, "100-continue",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n", ""),
    NO(417, "another expectation",
       "POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 2\r\n\r\n"),
    NO(417, "another expectation beside it",
       "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\nContent-Length: 2\r\n\r\n"),
    NO(417, "an empty expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n"),
    NO(417, "a second expectation",
       "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: x\r\n\r\n"),
};

static void add_written(struct table *table)
{
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        struct text text = {NULL, 0, 0};
        struct row *row;

        text_add(&text, written[i].head, written[i].head_len);
        text_add(&text, written[i].rest, written[i].rest_len);
        row =
            table_take(table, &text, written[i].head_len, written[i].status, "%s", written[i].name);
        row->kind = written[i].kind;
        row->length = written[i].length;
    }
}

/* --- Every length beside every coding, method and version (RFC 9112 section 6) --- */

enum says { NOTHING, GOOD, BAD };

static const struct {
    enum says says;
    uint64_t length;
    const char *lines;
} lengths[] = {
    {NOTHING, 0, ""},
    {NOTHING, 0, "Content_Length: 5\r\n"},
    {NOTHING, 0, "X-Content-Length: 5\r\n"},
    {GOOD, 0, "Content-Length: 0\r\n"},
    {GOOD, 5, "Content-Length: 5\r\n"},
    {GOOD, 5, "content-length:5\r\n"},
    {GOOD, 5, "CONTENT-LENGTH: \t5\t \r\n"},
    {GOOD, 5, "Content-Length: 005\r\n"},
    {GOOD, 9999999999999999999u, "Content-Length: 9999999999999999999\r\n"},
    {BAD, 0, "Content-Length: 10000000000000000000\r\n"},
    {BAD, 0, "Content-Length: 18446744073709551616\r\n"},
    {BAD, 0, "Content-Length: 00000000000000000005\r\n"},
    {BAD, 0, "Content-Length:\r\n"},
    {BAD, 0, "Content-Length: +5\r\n"},
    {BAD, 0, "Content-Length: -1\r\n"},
    {BAD, 0, "Content-Length: -0\r\n"},
    {BAD, 0, "Content-Length: 5,5\r\n"},
    {BAD, 0, "Content-Length: 5, 5\r\n"},
    {BAD, 0, "Content-Length: 5,\r\n"},
    {BAD, 0, "Content-Length: 5 5\r\n"},
    {BAD, 0, "Content-Length: 5;\r\n"},
    {BAD, 0, "Content-Length: 5.0\r\n"},
    {BAD, 0, "Content-Length: 1e1\r\n"},
    {BAD, 0, "Content-Length: 0x5\r\n"},
    {BAD, 0, "Content-Length: 5a\r\n"},
    {BAD, 0, "Content-Length: \"5\"\r\n"},
    {BAD, 0, "Content-Length: \xd9\xa5\r\n"},
    {BAD, 0, "Content-Length: chunked\r\n"},
    {BAD, 0, "Content-Length: 5\r\nContent-Length: 5\r\n"},
    {BAD, 0, "Content-Length: 5\r\nContent-Length: 6\r\n"},
    {BAD, 0, "Content-Length: 5\r\ncontent-length: 5\r\n"},
    {BAD, 0, "Content-Length: 0\r\nContent-Length: 0\r\n"},
    {BAD, 0, "Content-Length: 5\r\nContent-Length:\r\n"},
    {BAD, 0, "Content-Length : 5\r\n"},
};

static const struct {
    enum says says;
    int status; /* of BAD */
    const char *lines;
} codings[] = {
    {NOTHING, 0, ""},
    {NOTHING, 0, "Transfer_Encoding: chunked\r\n"},
    {NOTHING, 0, "TE: chunked\r\n"},
    {GOOD, 0, "Transfer-Encoding: chunked\r\n"},
    {GOOD, 0, "transfer-encoding:Chunked\r\n"},
    {GOOD, 0, "Transfer-Encoding: \tCHUNKED\t\r\n"},
    {BAD, 501, "Transfer-Encoding: gzip, chunked\r\n"},
    {BAD, 501, "Transfer-Encoding: identity, chunked\r\n"},
    {BAD, 501, "Transfer-Encoding: gzip,chunked\r\n"},
    {BAD, 400, "Transfer-Encoding: chunked, chunked\r\n"},
    {BAD, 400, "Transfer-Encoding: chunked, gzip, chunked\r\n"},
    {BAD, 400, "Transfer-Encoding: chunked, gzip\r\n"},
    {BAD, 400, "Transfer-Encoding: chunked, identity\r\n"},
    {BAD, 400, "Transfer-Encoding: gzip\r\n"},
    {BAD, 400, "Transfer-Encoding: identity\r\n"},
    {BAD, 400, "Transfer-Encoding: xchunked\r\n"},
    {BAD, 400, "Transfer-Encoding: chunkedx\r\n"},
    {BAD, 400, "Transfer-Encoding: chunk\r\n"},
    {BAD, 400, "Transfer-Encoding: ,chunked\r\n"},
    {BAD, 400, "Transfer-Encoding: chunked,\r\n"},
    {BAD, 400, "Transfer-Encoding: gzip,,chunked\r\n"},
    {BAD, 400, "Transfer-Encoding: chunked;q=1\r\n"},
    {BAD, 400, "Transfer-Encoding: gzip chunked\r\n"},
    {BAD, 400, "Transfer-Encoding: \"chunked\"\r\n"},
    {BAD, 400, "Transfer-Encoding: 'chunked'\r\n"},
    {BAD, 400, "Transfer-Encoding: : chunked\r\n"},
    {BAD, 400, "Transfer-Encoding:\r\n"},
    {BAD, 400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"},
    {BAD, 400, "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"},
    {BAD, 400, "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"},
    {BAD, 400, "Transfer-Encoding : chunked\r\n"},
};

/* The section's rules, with everything that it calls an error, or lets a recipient repair, refused.
 */
static int judge(size_t length, size_t coding, bool takes_body, bool modern)
{
    bool chunked = codings[coding].says != NOTHING;

    if (lengths[length].says == BAD)
        return 400;
    if (chunked && (lengths[length].says == GOOD || !modern))
        return 400;
    if (codings[coding].says == BAD)
        return codings[coding].status;
    return (chunked || lengths[length].length > 0) && !takes_body ? 400 : 0;
}

static void add_framing(struct table *table, const char *method, bool takes_body, bool modern)
{
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        for (size_t j = 0; j < sizeof(codings) / sizeof(codings[0]); j++) {
            struct text text = {NULL, 0, 0};
            struct row *row;

            text_say(&text, method);
            text_say(&text, modern ? " / HTTP/1.1\r\nHost: a\r\n" : " / HTTP/1.0\r\nHost: a\r\n");
            text_say(&text, lengths[i].lines);
            text_say(&text, codings[j].lines);
            text_say(&text, "\r\n");
            row = table_take(table, &text, text.len, judge(i, j, takes_body, modern),
                             "%s 1.%d %s %s", method, modern, lengths[i].lines, codings[j].lines);
            if (codings[j].says == GOOD)
                row->kind = GW_HTTP_CHUNKED;
            else if (lengths[i].length > 0)
                row->kind = GW_HTTP_LENGTH;
            row->length = lengths[i].length;
        }
}

/* --- Every byte in every place --- */

enum place { IN_METHOD, IN_TARGET, IN_VERSION, IN_NAME, IN_VALUE };

static const struct {
    const char *before, *after;
} places[] = {
    [IN_METHOD] = {"GE", "T / HTTP/1.1\r\nHost: a\r\n\r\n"},
    [IN_TARGET] = {"GET /a", "b HTTP/1.1\r\nHost: a\r\n\r\n"},
    [IN_VERSION] = {"GET / HTTP/1", ".1\r\nHost: a\r\n\r\n"},
    [IN_NAME] = {"GET / HTTP/1.1\r\nHost: a\r\nX", "Y: b\r\n\r\n"},
    [IN_VALUE] = {"GET / HTTP/1.1\r\nHost: a\r\nX: y", "z\r\n\r\n"},
};

static bool is_tchar(int byte)
{
    return byte > 0 && strchr("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz",
                              byte);
}

/* What RFC 9110 says of the byte there, and where that is known: with the byte itself, with the one
 * behind it (`*later` 1), or only when the line is taken apart (-1). */
static int judge_byte(enum place place, int byte, int *later)
{
    bool text = byte == '\t' || (byte >= 0x20 && byte != 0x7f);

    *later = 0;
    if (byte == '\r') { /* a CR without its LF; in the first two words not even that is awaited */
        *later = place == IN_METHOD || place == IN_TARGET ? 0 : 1;
        return 400;
    }
    if (!text)
        return 400;
    if (place == IN_METHOD && !is_tchar(byte) && byte != ' ' && byte != '/')
        return 400;
    *later = -1;
    switch (place) {
    case IN_METHOD:
        return is_tchar(byte) ? 0 : 400;
    case IN_TARGET:
        return byte > 0x20 && byte < 0x7f && byte != '#' ? 0 : 400;
    case IN_VERSION:
        return 400;
    case IN_NAME:
        return is_tchar(byte) || byte == ':' ? 0 : 400;
    default:
        return 0;
    }
}

static void add_bytes(struct table *table)
{
    for (int place = IN_METHOD; place <= IN_VALUE; place++)
        for (int byte = 0; byte < 256; byte++) {
            struct text text = {NULL, 0, 0};
            char c = (char)byte;
            int later, status = judge_byte((enum place)place, byte, &later);
            size_t head_len;

            text_say(&text, places[place].before);
            text_add(&text, &c, 1);
            head_len = text.len + (size_t)(later > 0);
            text_say(&text, places[place].after);
            (void)table_take(table, &text, later < 0 ? text.len : head_len, status,
                             "byte 0x%02x in place %d", (unsigned)byte, place);
        }
}

/* --- At the limits --- */

static void add_targets(struct table *table)
{
    for (size_t len = TARGET_MAX - 1; len <= TARGET_MAX + 1; len++) {
        struct text text = {NULL, 0, 0};
        bool over = len > TARGET_MAX;

        text_say(&text, "GET /");
        text_fill(&text, 'a', len - 1);
        text_say(&text, " HTTP/1.1\r\nHost: a\r\n\r\n");
        (void)table_take(table, &text, over ? strlen("GET ") + len : text.len, over ? 414 : 0,
                         "a target of %zu bytes", len);
    }
}

static void add_heads(struct table *table)
{
    for (size_t len = HEAD_MAX - 1; len <= HEAD_MAX + 1; len++) {
        struct text text = {NULL, 0, 0};

        text_say(&text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
        text_fill(&text, 'x', len - text.len - 4);
        text_say(&text, "\r\n\r\n");
        assert(text.len == len);
        (void)table_take(table, &text, len > HEAD_MAX ? HEAD_MAX : len, len > HEAD_MAX ? 431 : 0,
                         "a head of %zu bytes", len);
    }
}

/* A method without an end, and a value without one. */
static void add_endless(struct table *table)
{
    static const struct {
        int status;
        size_t known;
        const char *begin;
        char filler;
    } endless[] = {
        {501, GW_HTTP_METHOD_MAX + 1, "", 'A'},
        {414, 4 + TARGET_MAX + 1, "GET ", '/'},
        {431, HEAD_MAX, "GET / ", 'H'},
        {431, HEAD_MAX, "GET / HTTP/1.1\r\n", 'H'},
        {431, HEAD_MAX, "GET / HTTP/1.1\r\nHost:", ' '},
        {431, HEAD_MAX, "GET / HTTP/1.1\r\nHost: ", '\xff'},
    };

    for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
        struct text text = {NULL, 0, 0};

        text_say(&text, endless[i].begin);
        text_fill(&text, endless[i].filler, 100000);
        (void)table_take(table, &text, endless[i].known, endless[i].status, "endless %zu", i);
    }
}

/* The one that something depends on is the last of `count` header lines: had the surplus been
 * dropped, it would be missed. */
static void add_counted(struct table *table, size_t count)
{
    static const struct {
        enum gw_http_body_kind kind;
        int status;
        const char *first, *last;
    } mandatory[] = {
        {GW_HTTP_NO_BODY, 0, "X: y\r\n", "Host: a\r\n"},
        {GW_HTTP_LENGTH, 0, "Host: a\r\n", "Content-Length: 7\r\n"},
        {GW_HTTP_CHUNKED, 0, "Host: a\r\n", "Transfer-Encoding: chunked\r\n"},
        {GW_HTTP_NO_BODY, 400, "Host: a\r\n", "Host: a\r\n"},
        {GW_HTTP_NO_BODY, 417, "Host: a\r\n", "Expect: x\r\n"},
    };

    for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++) {
        struct text text = {NULL, 0, 0};
        bool over = count > HEADERS_MAX;
        size_t known = 0;
        struct row *row;

        text_say(&text, "POST / HTTP/1.1\r\n");
        for (size_t line = 0; line < count; line++) {
            if (line == HEADERS_MAX)
                known = text.len + 1;
            text_say(&text, line == 0           ? mandatory[i].first
                            : line == count - 1 ? mandatory[i].last
                                                : "A:b\r\n");
        }
        text_say(&text, "\r\n");
        row = table_take(table, &text, over ? known : text.len, over ? 431 : mandatory[i].status,
                         "%zu header lines, the last %s", count, mandatory[i].last);
        row->kind = mandatory[i].kind;
        row->length = row->kind == GW_HTTP_LENGTH ? 7 : 0;
    }
}

/* --- Feeding --- */

static struct table table;

/* Takes a scan's answer to the end: the status of the verdict, 0 for accepted, -1 for "more". */
static int conclude(const struct row *row, const char *data, int got,
                    const struct gw_http_refusal *scanned)
{
    static struct gw_http_request request;
    struct gw_http_refusal refusal = {0, NULL};

    if (got == 0)
        return -1;
    if (got < 0) {
        ck_assert_ptr_nonnull(scanned->detail);
        return scanned->status;
    }
    ck_assert_msg((size_t)got == row->head_len, "%s: a head of %d", row->name, got);
    if (gw_http_request_parse(&request, &limits, data, (size_t)got, &refusal) != 0) {
        ck_assert_ptr_nonnull(refusal.detail);
        return refusal.status;
    }
    ck_assert_msg(request.body_kind == row->kind, "%s: kind %d", row->name, (int)request.body_kind);
    if (row->kind == GW_HTTP_LENGTH)
        ck_assert_msg(request.content_length == row->length, "%s: length", row->name);
    return 0;
}

static int scan_to(struct gw_http_scan *scan, const struct row *row, size_t len)
{
    struct gw_http_refusal refusal = {0, NULL};
    int got = gw_http_scan(scan, &limits, row->data, len, &refusal);

    return conclude(row, row->data, got, &refusal);
}

static void feed_whole(const struct row *row)
{
    char *exact = malloc(row->len); /* so that a sanitizer sees a byte too many */
    struct gw_http_refusal refusal = {0, NULL};
    struct gw_http_scan scan = {0};
    int got, status;

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, row->data, row->len);
    got = gw_http_scan(&scan, &limits, exact, row->len, &refusal);
    status = conclude(row, exact, got, &refusal);
    ck_assert_msg(status == row->status, "%s: %d, not %d", row->name, status, row->status);
    ck_assert_msg(scan.at <= row->head_len, "%s: looked at %u bytes", row->name, scan.at);
    free(exact);
}

/* Every place to cut; within the filler of a very long row only every 97th, since trying them all
 * costs the square of its length. */
static size_t next_cut(const struct row *row, size_t cut)
{
    bool filler = cut > 100 && cut + 200 < row->head_len && row->head_len > 1000;

    return cut + (filler ? 97 : 1);
}

static void feed_in_two(const struct row *row)
{
    size_t last = row->len < row->head_len + 8 ? row->len : row->head_len + 8;

    for (size_t cut = 0; cut <= last; cut = next_cut(row, cut)) {
        struct gw_http_scan scan = {0};
        int status = scan_to(&scan, row, cut);

        ck_assert_msg((status >= 0) == (cut >= row->head_len), "%s: %d after %zu bytes, not %zu",
                      row->name, status, cut, row->head_len);
        if (status < 0) {
            ck_assert_msg(scan.at == cut, "%s: left %zu to look at", row->name, cut - scan.at);
            status = scan_to(&scan, row, row->len);
        }
        ck_assert_msg(status == row->status, "%s: %d, not %d, when cut at %zu", row->name, status,
                      row->status, cut);
    }
}

/* One byte at a time, in a buffer where every byte but the new one is an LF, which would be
 * refused: what was looked at is not looked at again, nor what has not come yet. So the work is one
 * look a byte. */
static void feed_bytes(const struct row *row)
{
    char *lure = malloc(row->len);
    struct gw_http_scan scan = {0};
    int status = -1;
    size_t given = 0;

    ck_assert_ptr_nonnull(lure);
    memset(lure, '\n', row->len);
    while (status < 0 && given < row->len) {
        struct gw_http_refusal refusal = {0, NULL};
        uint32_t before = scan.at;
        int got;

        lure[given] = row->data[given];
        got = gw_http_scan(&scan, &limits, lure, given + 1, &refusal);
        lure[given++] = '\n';
        status = conclude(row, row->data, got, &refusal);
        ck_assert_msg(scan.at >= before && scan.at <= given, "%s: went back", row->name);
        ck_assert_msg(status >= 0 || scan.at == given, "%s: stood still", row->name);
    }
    ck_assert_msg(given == row->head_len, "%s: known after %zu bytes, not %zu", row->name, given,
                  row->head_len);
    ck_assert_msg(status == row->status, "%s: %d, not %d", row->name, status, row->status);
    free(lure);
}

#define ROWS_A_TEST 64

START_TEST(every_split_gives_the_right_verdict_at_the_first_byte_that_can)
{
    size_t first = (size_t)_i * ROWS_A_TEST;

    for (size_t i = first; i < first + ROWS_A_TEST && i < table.count; i++) {
        feed_whole(&table.rows[i]);
        feed_in_two(&table.rows[i]);
        feed_bytes(&table.rows[i]);
    }
}
END_TEST

START_TEST(the_limits_are_those_that_were_given)
{
    static const char head[] = "GET /12345 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    static const struct {
        struct gw_http_limits limits;
        int status;
    } cases[] = {
        {{sizeof(head) - 1, 2, 6}, 0},   {{sizeof(head) - 2, 2, 6}, 431},
        {{sizeof(head) - 1, 1, 6}, 431}, {{sizeof(head) - 1, 2, 5}, 414},
        {{sizeof(head) - 1, 0, 6}, 431}, {{0, 2, 6}, 431},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_http_refusal refusal = {0, NULL};
        struct gw_http_scan scan = {0};

        (void)gw_http_scan(&scan, &cases[i].limits, head, sizeof(head) - 1, &refusal);
        ck_assert_msg(refusal.status == cases[i].status, "%zu: %d", i, refusal.status);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proto/http/smuggling");
    TCase *tests = tcase_create("smuggling");
    SRunner *runner = srunner_create(suite);
    static const size_t counts[] = {2, HEADERS_MAX - 1, HEADERS_MAX, HEADERS_MAX + 1, 100000};
    int failed;

    add_written(&table);
    add_framing(&table, "GET", false, true);
    add_framing(&table, "HEAD", false, true);
    add_framing(&table, "POST", true, true);
    add_framing(&table, "POST", true, false);
    add_bytes(&table);
    add_targets(&table);
    add_heads(&table);
    add_endless(&table);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        add_counted(&table, counts[i]);

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, every_split_gives_the_right_verdict_at_the_first_byte_that_can, 0,
                        (int)((table.count + ROWS_A_TEST - 1) / ROWS_A_TEST));
    tcase_add_test(tests, the_limits_are_those_that_were_given);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    table_free(&table);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
