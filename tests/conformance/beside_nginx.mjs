// beside_nginx.mjs - what we make of requests that two programs might read differently, beside nginx.
//
// Small tables are multiplied into some hundred requests. Each is sent to five places: to us, to an
// nginx that answers alone, to an nginx in front of a backend that records what it is given, and to an
// nginx in front of us, once collecting bodies and once handing everything on as it comes.
//
//   1. What nginx calls malformed we refuse too, but for the list `deliberate`, which gives reasons.
//   2. What can be read in two ways is a 400 and the end of the connection. Inside of each request and
//      right behind it stands a publication; the next offset of its channel says whether it was read.
//   3. Behind nginx, no publication arrives that nginx's own log does not know of.
//   4. What both take, both take for the same requests.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { once } from 'node:events';

import { assertProblem, parseResponse, request } from '../lib/http.mjs';
import { startNginx } from '../lib/proxies.mjs';
import { suiteServer } from '../lib/server.mjs';
import { cleanup, run, test } from '../lib/tap.mjs';
import { Wire } from '../lib/wire.mjs';

// --- the requests ---

// Every channel's name has the same length, so that lengths can be computed before names are given.
const LETTERS = { probe: 'p', inside: 'i', behind: 'b' };
const channelOf = (place, number, what) => `${place}${String(number).padStart(4, '0')}${LETTERS[what]}`;
const publication = (what, lines = '') =>
  `POST /channels/{${what}} HTTP/1.1\r\nHost: localhost\r\n${lines}Content-Length: ${what.length}\r\n\r\n${what}`;
const INSIDE = publication('inside');
const BEHIND = publication('behind', 'Connection: close\r\n');

/** The bytes of a template with the channels of one place. */
function bytesOf(template, place, number) {
  const text = template.replace(/\{(probe|inside|behind)\}/g, (_, what) => channelOf(place, number, what));
  return Buffer.from(text, 'latin1');
}
const lengthOf = (template) => bytesOf(template, 'x', 0).length;

const AMBIGUOUS = [400];
const TAKEN = [200];
const BAD_NAME = [400]; // where the request ends is clear, so the connection may go on
const probes = [];

/** `want`: the statuses we may answer with. */
function probe(family, name, want, template) {
  const readable = name.replace(/[^\x20-\x7e]/g, (c) => `<${c.charCodeAt(0).toString(16).padStart(2, '0')}>`);
  const full = `${family}: ${readable}`;
  assert(!probes.some((one) => one.name === full), `two probes are called "${full}"`);
  const method = /^[!-~]*/.exec(template)[0];
  probes.push({ family, name: full, want, template: template + BEHIND, method, number: probes.length });
}

const LINE = 'POST /channels/{probe} HTTP/1.1';
const HOST = 'Host: localhost';
const lines = (...all) => all.filter((line) => line !== '').map((line) => `${line}\r\n`).join('');
const post = (headers, body = '') => `${lines(LINE, HOST, ...headers)}\r\n${body}`;
const sized = (body) => `Content-Length: ${lengthOf(body)}`;
const CHUNKED = 'Transfer-Encoding: chunked';
const chunk = (data) => `${lengthOf(data).toString(16)}\r\n${data}\r\n`;
const LAST = '0\r\n\r\n';
const shown = (line) => line.replaceAll('\r\n', ' | ') || 'none';

// Every length beside every coding (RFC 9112 section 6.3). # is replaced by what would hurt most: the
// whole of the body, which then begins with a last chunk and hides a publication behind it; or the first
// line of a body in chunks, so that the chunk's data looks like the next request.
const lengths = [
  ['none', ''], ['none', 'Content_Length: #'], ['none', 'X-Content-Length: #'],
  ['good', 'Content-Length: #'], ['good', 'content-length:#'], ['good', 'CONTENT-LENGTH: \t#\t '], ['good', 'Content-Length: 00#'],
  ['bad', 'Content-Length:'], ['bad', 'Content-Length: +#'], ['bad', 'Content-Length: #,#'], ['bad', 'Content-Length: 0, #'],
  ['bad', 'Content-Length: #a'], ['bad', 'Content-Length: 0x#'], ['bad', 'Content-Length: #\r\nContent-Length: #'],
  ['bad', 'Content-Length: #\r\ncontent-length: 0'], ['bad', 'Content-Length : #'], ['bad', 'Content-Length: 2^64+#'],
];
const codings = [
  ['none', ''], ['none', 'Transfer_Encoding: chunked'], ['none', 'TE: chunked'],
  ['good', CHUNKED], ['good', 'transfer-encoding:CHUNKED'], ['good', 'Transfer-Encoding: \tchunked\t '],
  ['unknown', 'Transfer-Encoding: gzip, chunked'], ['unknown', 'Transfer-Encoding: identity, chunked'],
  ['bad', 'Transfer-Encoding: chunked, chunked'], ['bad', 'Transfer-Encoding: chunked, identity'], ['bad', 'Transfer-Encoding: identity'],
  ['bad', 'Transfer-Encoding: xchunked'], ['bad', 'Transfer-Encoding: chunked;q=1'], ['bad', 'Transfer-Encoding: "chunked"'],
  ['bad', 'Transfer-Encoding:'], ['bad', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'],
  ['bad', 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked'], ['bad', 'Transfer-Encoding : chunked'],
  ['bad', 'X-A: b\r\n Transfer-Encoding: chunked'],
];

function judgeFraming(length, coding, modern) {
  if (length === 'bad' || coding === 'bad') return AMBIGUOUS;
  if (coding !== 'none' && (length === 'good' || !modern)) return AMBIGUOUS;
  return coding === 'unknown' ? [501] : TAKEN; // section 6.1: a coding that the server does not understand
}

function framed(first, lengthLine, codingLine, { body, n }) {
  const line = lengthLine
    .replace('2^64+#', String(2n ** 64n + BigInt(n)))
    .replace('0x#', `0x${n.toString(16)}`)
    .replaceAll('#', String(n));
  return `${lines(first, HOST, line, codingLine)}\r\n${body}`;
}

function bodyFor(length, coding, want, hidden) {
  if (length === 'none' && coding === 'none') return { body: '', n: 0 };
  const body = chunk(INSIDE) + LAST;
  if (want === TAKEN || coding === 'none') return { body, n: lengthOf(body) };
  return hidden ? { body: LAST + INSIDE, n: lengthOf(LAST + INSIDE) } : { body, n: body.indexOf('\r\n') + 2 };
}

for (const [atLength, [length, lengthLine]] of lengths.entries())
  for (const [atCoding, [coding, codingLine]] of codings.entries()) {
    const want = judgeFraming(length, coding, true);
    const body = bodyFor(length, coding, want, (atLength + atCoding) % 2 === 0);
    probe('framing', `${shown(lengthLine)} / ${shown(codingLine)}`, want, framed(LINE, lengthLine, codingLine, body));
  }
for (const [length, lengthLine] of lengths.slice(0, 4))
  for (const [coding, codingLine] of codings.slice(0, 9)) {
    const want = judgeFraming(length, coding, false);
    const body = bodyFor(length, coding, want, true);
    probe('HTTP/1.0', `${shown(lengthLine)} / ${shown(codingLine)}`, want, framed('POST /channels/{probe} HTTP/1.0', lengthLine, codingLine, body));
  }

// A body where the method has none (RFC 9110 section 9.3.1), and where it may have one.
for (const [method, target, plain, bodied] of [
  ['GET', '/health?{probe}', [200], AMBIGUOUS], ['HEAD', '/health?{probe}', [200], AMBIGUOUS], ['GET', '/channels/{probe}', [426], AMBIGUOUS],
  ['OPTIONS', '/health?{probe}', [200, 204], [200, 204]], ['DELETE', '/channels/{probe}', [401], [401]], ['PUT', '/channels/{probe}', [405], [405]],
  ['BREW', '/channels/{probe}', [405], [405]], ['TRACE', '/channels/{probe}', [405], [405]], ['CONNECT', 'localhost:80', [501], [400, 501]],
])
  for (const [what, framing, body, want] of [
    ['nothing', '', '', plain], ['a length of 0', 'Content-Length: 0', '', plain], ['a length', sized(INSIDE), INSIDE, bodied],
    ['chunks', CHUNKED, chunk(INSIDE) + LAST, bodied], ['the last chunk', CHUNKED, LAST, bodied],
  ])
    probe('body', `${method} ${target} with ${what}`, want, `${lines(`${method} ${target} HTTP/1.1`, HOST, framing)}\r\n${body}`);

// Ends of lines (RFC 9112 section 2.2, without what it lets a recipient forgive).
const ends = { LF: '\n', CR: '\r', 'CR CR LF': '\r\r\n', 'LF CR': '\n\r', 'CR NUL LF': '\r\0\n', VT: '\x0b', 'LS of UTF-8': '\xe2\x80\xa8' };
function withEnd(parts, place, end) {
  return parts.map((part, at) => part + (at === place ? end : '\r\n')).join('');
}
for (const [name, end] of Object.entries(ends)) {
  const head = [LINE, HOST, 'X-A: b', sized(INSIDE), ''];
  for (const [place, what] of ['request line', 'Host', 'header', 'last header', 'empty line'].entries())
    if (name !== 'LS of UTF-8' || place !== 2) probe('line end', `${name} behind the ${what}`, AMBIGUOUS, withEnd(head, place, end) + INSIDE);
  const body = ['5', 'hello', '0', 'X-T: a', ''];
  for (const [place, what] of ['chunk size', 'chunk', 'last chunk', 'trailer', 'trailers'].entries())
    if (name !== 'LS of UTF-8' || place !== 3) probe('line end', `${name} behind the ${what}`, AMBIGUOUS, post([CHUNKED], withEnd(body, place, end)));
}

// Folded lines (RFC 9112 section 5.2) and blanks around names (section 5.1).
for (const lead of [' ', '\t', '  ', ' \t']) {
  const blank = JSON.stringify(lead);
  for (const [what, before, folded] of [
    ['the first line', [], `${lead}X-A: b`], ['a value', ['X-A: b'], `${lead}c`], ['a length', ['X-A: b'], `${lead}Content-Length: 0`],
    ['a coding', ['X-A: b'], `${lead}Transfer-Encoding: chunked`], ['nothing', ['X-A: b'], lead], ['chunked', ['Transfer-Encoding:'], `${lead}chunked`],
  ])
    probe('folding', `${what} behind ${blank}`, AMBIGUOUS, `${lines(LINE, ...before, folded, HOST, sized(INSIDE))}\r\n${INSIDE}`);
  probe('folding', `a trailer behind ${blank}`, AMBIGUOUS, post([CHUNKED], `0\r\nX-T: a\r\n${lead}b\r\n\r\n`));
  probe('blank', `${blank} before a length's colon`, AMBIGUOUS, post([sized(INSIDE).replace(':', `${lead}:`)], INSIDE));
  probe('blank', `${blank} before a trailer's colon`, AMBIGUOUS, post([CHUNKED], `0\r\nX-T${lead}: a\r\n\r\n`));
  probe('blank', `${blank} inside of a name`, AMBIGUOUS, post([`Content${lead}Length: 5`, sized(INSIDE)], INSIDE));
  probe('blank', `${blank} behind a value`, TAKEN, post([`${sized(INSIDE)}${lead}`], INSIDE));
  probe('blank', `${blank} in front`, AMBIGUOUS, lead + post([sized(INSIDE)], INSIDE));
  for (const [what, line] of [
    ['behind the method', `POST ${lead}/channels/{probe} HTTP/1.1`], ['before the version', `POST /channels/{probe} ${lead}HTTP/1.1`],
    ['behind the version', `${LINE}${lead}`], ['in the target', `POST /channels/{probe}${lead}x HTTP/1.1`], ['in the version', `POST /channels/{probe} HTTP/${lead}1.1`],
  ])
    probe('blank', `${blank} ${what}`, AMBIGUOUS, `${lines(line, HOST, sized(INSIDE))}\r\n${INSIDE}`);
}
for (const [what, front] of [['an empty line', '\r\n'], ['two empty lines', '\r\n\r\n'], ['a bare LF', '\n'], ['a NUL', '\0'], ['a byte order mark', '\xef\xbb\xbf'], ['a chunk of nothing', LAST]])
  probe('blank', `${what} in front of the request`, AMBIGUOUS, front + post([sized(INSIDE)], INSIDE));

// Bytes that are no text, in every place (RFC 9110 section 5.5, RFC 9112 section 2.2).
const places = [
  ['the method', false, (c) => `${lines(`PO${c}ST /channels/{probe} HTTP/1.1`, HOST, sized(INSIDE))}\r\n${INSIDE}`],
  ['the target', false, (c) => `${lines(`POST /channels/{probe}${c} HTTP/1.1`, HOST, sized(INSIDE))}\r\n${INSIDE}`],
  ['the version', false, (c) => `${lines(`${LINE}${c}`, HOST, sized(INSIDE))}\r\n${INSIDE}`],
  ['a name', false, (c) => post([`Content-Length${c}: 0`, sized(INSIDE)], INSIDE)],
  ['a value', true, (c) => post([`X-A: b${c}c`, sized(INSIDE)], INSIDE)],
  ['a length', false, (c) => post([`${sized(INSIDE)}${c}`], INSIDE)],
  ['a coding', false, (c) => post([`Transfer-Encoding: ${c}chunked`], LAST)],
  ['a Host', false, (c) => `${lines(LINE, `Host: localhost${c}`, sized(INSIDE))}\r\n${INSIDE}`],
  ['a chunk size', false, (c) => post([CHUNKED], `5${c}\r\nhello\r\n${LAST}`)],
  ['a quoted extension', true, (c) => post([CHUNKED], `5;a="b${c}"\r\nhello\r\n${LAST}`)],
  ["a trailer's value", true, (c) => post([CHUNKED], `5\r\nhello\r\n0\r\nX-T: a${c}b\r\n\r\n`)],
];
for (const byte of [0x00, 0x01, 0x08, 0x0c, 0x1b, 0x1f, 0x7f, 0x80, 0xa0, 0xff])
  for (const [what, text, make] of places)
    probe('byte', `${byte.toString(16).padStart(2, '0')} in ${what}`, text && byte >= 0x80 ? TAKEN : AMBIGUOUS, make(String.fromCharCode(byte)));

// Host (RFC 9112 section 3.2). Another machine's name is no ambiguity but misdirected: 421.
for (const [want, ...hosts] of [
  [TAKEN, 'Host: localhost'], [TAKEN, 'HOST:localhost'], [TAKEN, 'Host: LOCALHOST:80'], [TAKEN, 'Host: [::1]:80'], [TAKEN, HOST, 'X-Forwarded-Host: evil.example'],
  [TAKEN, HOST, 'Forwarded: host=evil.example'], [[421], 'Host: evil.example'], [AMBIGUOUS, ''], [AMBIGUOUS, HOST, HOST], [AMBIGUOUS, HOST, 'hOST: localhost'],
  [AMBIGUOUS, HOST, 'Host: evil.example'], [AMBIGUOUS, 'Host: evil.example', HOST], [AMBIGUOUS, HOST, 'X-A: b', HOST], [AMBIGUOUS, HOST, 'Host:'], [AMBIGUOUS, 'Host:'],
  [AMBIGUOUS, 'Host: localhost, localhost'], [AMBIGUOUS, 'Host: localhost,evil.example'], [AMBIGUOUS, 'Host: localhost evil.example'], [AMBIGUOUS, 'Host: localhost/x'],
  [AMBIGUOUS, 'Host: localhost?x'], [AMBIGUOUS, 'Host: localhost#x'], [AMBIGUOUS, 'Host: localhost\\x'], [AMBIGUOUS, 'Host: evil.example@localhost'], [AMBIGUOUS, 'Host: http://localhost'],
  [AMBIGUOUS, 'Host: localhost:http'], [AMBIGUOUS, 'Host: localhost:65536'], [AMBIGUOUS, 'Host: localhost:-1'], [AMBIGUOUS, 'Host: localhost:80:80'], [AMBIGUOUS, 'Host: :80'],
  [AMBIGUOUS, 'Host: ::1'], [AMBIGUOUS, 'Host: [::1'], [AMBIGUOUS, 'Host: [localhost]'], [AMBIGUOUS, 'Host: [::1]evil'], [AMBIGUOUS, 'Host : localhost'], [AMBIGUOUS, ' Host: localhost'],
])
  probe('Host', hosts.map(shown).join(', ') , want, `${lines(LINE, ...hosts, sized(INSIDE))}\r\n${INSIDE}`);
for (const [want, ...hosts] of [[[400, 421], ''], [AMBIGUOUS, HOST, HOST], [TAKEN, HOST]])
  probe('Host', `in HTTP/1.0: ${hosts.map(shown).join(', ')}`, want, `${lines('POST /channels/{probe} HTTP/1.0', ...hosts, sized(INSIDE))}\r\n${INSIDE}`);

// Targets (RFC 9112 section 3.2).
for (const [want, target, host = 'localhost'] of [
  [TAKEN, 'http://localhost/channels/{probe}'], [TAKEN, 'HTTP://LOCALHOST/channels/{probe}'], [TAKEN, 'http://localhost:80/channels/{probe}', 'localhost:80'],
  [TAKEN, '/channels/{probe}?'], [TAKEN, '/channels/{probe}?a=b&c'], [TAKEN, '/channels/{probe}?http://evil.example/'],
  [AMBIGUOUS, 'http://evil.example/channels/{probe}'], [AMBIGUOUS, 'http://localhost/channels/{probe}', 'evil.example'], [AMBIGUOUS, 'http://localhost:81/channels/{probe}', 'localhost:80'],
  [AMBIGUOUS, 'http://localhost/channels/{probe}', 'localhost:80'], [AMBIGUOUS, 'http://localhost:80/channels/{probe}'], [AMBIGUOUS, 'http://evil@localhost/channels/{probe}'],
  [AMBIGUOUS, 'http:///channels/{probe}'], [AMBIGUOUS, 'http:/channels/{probe}'], [AMBIGUOUS, 'http:channels/{probe}'], [AMBIGUOUS, 'ftp://localhost/channels/{probe}'],
  [AMBIGUOUS, 'ws://localhost/channels/{probe}'], [AMBIGUOUS, 'localhost/channels/{probe}'], [AMBIGUOUS, 'channels/{probe}'], [AMBIGUOUS, '?{probe}'], [AMBIGUOUS, '*'],
  [AMBIGUOUS, 'localhost:80'], [AMBIGUOUS, '/channels/{probe}#x'], [AMBIGUOUS, '#'], [AMBIGUOUS, '\\channels\\{probe}'], [AMBIGUOUS, 'http://localhost\\@evil.example/channels/{probe}'],
  [[404], '//channels/{probe}'], [[404], '/./channels/{probe}'], [[404], '/x/../channels/{probe}'], [[404], '/%63hannels/{probe}'], [[404], '/channels/{probe}/'],
  [BAD_NAME, '/channels/{probe}%'], [BAD_NAME, '/channels/{probe}%zz'], [BAD_NAME, '/channels/{probe}%00'], [BAD_NAME, '/channels/{probe}%0d%0a'], [BAD_NAME, '/channels/{probe}%2f'],
])
  probe('target', `${target} at ${host}`, want, `${lines(`POST ${target} HTTP/1.1`, `Host: ${host}`, sized(INSIDE))}\r\n${INSIDE}`);

// Methods, versions, and request lines that are none.
for (const [want, line] of [
  [[405], 'post /channels/{probe} HTTP/1.1'], [[405], 'Post /channels/{probe} HTTP/1.1'], [[405], 'POST1 /channels/{probe} HTTP/1.1'], [[405], "!#$%&'*+-.^_`|~ /channels/{probe} HTTP/1.1"],
  [[405], 'PATCH /channels/{probe} HTTP/1.1'], [[501], `${'LONG'.repeat(9)} /channels/{probe} HTTP/1.1`], [AMBIGUOUS, 'PO(ST /channels/{probe} HTTP/1.1'], [AMBIGUOUS, 'POST: /channels/{probe} HTTP/1.1'],
  [AMBIGUOUS, '"POST" /channels/{probe} HTTP/1.1'], [AMBIGUOUS, '/channels/{probe} HTTP/1.1'], [AMBIGUOUS, 'POST HTTP/1.1'], [AMBIGUOUS, 'POST'], [AMBIGUOUS, 'POST /channels/{probe}'], [AMBIGUOUS, 'GET /channels/{probe}'],
  [AMBIGUOUS, 'POST /channels/{probe} HTTP/1'], [AMBIGUOUS, 'POST /channels/{probe} HTTP/1.'], [AMBIGUOUS, 'POST /channels/{probe} HTTP/.1'], [AMBIGUOUS, 'POST /channels/{probe} HTTP/1.10'],
  [AMBIGUOUS, 'POST /channels/{probe} HTTP/01.1'], [AMBIGUOUS, 'POST /channels/{probe} HTTP/1,1'], [AMBIGUOUS, 'POST /channels/{probe} HTTP/-1.1'], [AMBIGUOUS, 'POST /channels/{probe} HTTP/1.1.1'],
  [AMBIGUOUS, 'POST /channels/{probe} http/1.1'], [AMBIGUOUS, 'POST /channels/{probe} HTTP 1.1'], [AMBIGUOUS, 'POST /channels/{probe} HTTPS/1.1'], [AMBIGUOUS, 'POST /channels/{probe} ICY/1.1'],
  [AMBIGUOUS, 'HTTP/1.1 200 OK'], [AMBIGUOUS, 'PROXY TCP4 127.0.0.1 127.0.0.1 1 2'], [TAKEN, 'POST /channels/{probe} HTTP/1.2'], [TAKEN, 'POST /channels/{probe} HTTP/1.9'],
  [[505], 'POST /channels/{probe} HTTP/0.9'], [[505], 'POST /channels/{probe} HTTP/2.0'], [[505], 'POST /channels/{probe} HTTP/3.1'], [[505], 'PRI * HTTP/2.0'],
])
  probe('request line', line, want, `${lines(line, HOST, sized(INSIDE))}\r\n${INSIDE}`);

// Header lines that are none, and those that a proxy takes as its own.
for (const [want, line] of [
  [AMBIGUOUS, 'X-A'], [AMBIGUOUS, ': b'], [AMBIGUOUS, ':'], [AMBIGUOUS, 'Content-Length'], [AMBIGUOUS, 'X(A): b'], [AMBIGUOUS, '"X-A": b'], [AMBIGUOUS, 'X/A: b'], [AMBIGUOUS, '{"a": 1}'],
  [TAKEN, 'X-A:'], [TAKEN, 'X.A: b'], [TAKEN, 'X_A: b'], [TAKEN, 'X-A: : b'], [TAKEN, 'X-A::b'], [TAKEN, 'X-A: "b\\"'], [TAKEN, '!#$%&\'*+-.^_`|~: b'],
  [TAKEN, 'Connection: Content-Length'], [TAKEN, 'Connection: Transfer-Encoding, Host'], [TAKEN, 'Connection: close'], [TAKEN, 'Connection: close, keep-alive'], [TAKEN, 'Connection: keep-alive\r\nConnection: close'],
  [TAKEN, 'Keep-Alive: timeout=0'], [TAKEN, 'Trailer: Content-Length'], [TAKEN, 'Content-Encoding: chunked'], [TAKEN, 'X-HTTP-Method-Override: GET'],
  [[417], 'Expect: 200-ok'], [[417], 'Expect: 100-continue, x'], [TAKEN, 'Expect: 100-continue'],
])
  probe('header', line, want, post([line, sized(INSIDE)], INSIDE));

// Chunks (RFC 9112 section 7.1): the size, its extension, and the trailers. A size has at most 15 digits,
// so that it cannot overflow; one that is merely too big may be waited for, up to max_body or the deadline.
const inChunks = (body) => post([CHUNKED], body);
for (const [want, size] of [
  [TAKEN, '5'], [TAKEN, '05'], [TAKEN, '000000000000005'], [AMBIGUOUS, '0000000000000005'], [AMBIGUOUS, ''], [AMBIGUOUS, ' 5'], [AMBIGUOUS, '5h'], [AMBIGUOUS, '+5'], [AMBIGUOUS, '-5'], [AMBIGUOUS, '0x5'], [AMBIGUOUS, '5,5'], [AMBIGUOUS, '5.0'],
  [AMBIGUOUS, '4'], [AMBIGUOUS, '5 5'], [AMBIGUOUS, ';a=b'], [AMBIGUOUS, '"5"'], [[400, 413], '10000000000000005'], [[400, 413], 'fffffffffffffffb'], [[400, 413], '8000000000000005'], [[413], '100000005'],
  [AMBIGUOUS, '5:'], [AMBIGUOUS, '5='], [AMBIGUOUS, 'five'], [AMBIGUOUS, '\xb5'],
])
  probe('chunk', `a size of ${JSON.stringify(size)}`, want, inChunks(`${size}\r\nhello\r\n${LAST}`));
for (const [want, extension] of [
  [TAKEN, ';a'], [TAKEN, ';a=b'], [TAKEN, ';a="b"'], [TAKEN, ';a="b;c"'], [TAKEN, ';a=b;c=d'], [TAKEN, `;a=${'b'.repeat(100)}`],
  [AMBIGUOUS, ';a\n'], [AMBIGUOUS, ';a="\n"'], [AMBIGUOUS, ';a\r'], [AMBIGUOUS, ';a="\r"'], [AMBIGUOUS, ';a\0'], [AMBIGUOUS, ';\n5'], [[400, 431], `;a=${'b'.repeat(20_000)}`],
])
  for (const [what, make] of [['a chunk', (x) => `5${x}\r\nhello\r\n${LAST}`], ['the last chunk', (x) => `5\r\nhello\r\n0${x}\r\n\r\n`]])
    probe('chunk', `${what} with ${JSON.stringify(extension.replace(/b{9,}/, (all) => `b.. (${all.length})`))}`, want, inChunks(make(extension)));
for (const [want, trailer] of [
  [TAKEN, 'X-T: a'], [TAKEN, 'Content-Length: 99'], [TAKEN, 'Transfer-Encoding: chunked'], [TAKEN, 'Host: evil.example'], [TAKEN, 'Connection: close'],
  [AMBIGUOUS, 'X-T'], [AMBIGUOUS, ': a'], [AMBIGUOUS, 'X T: a'], [AMBIGUOUS, 'GET /health HTTP/1.1'],
])
  probe('chunk', `a trailer ${JSON.stringify(trailer)}`, want, inChunks(`5\r\nhello\r\n0\r\n${trailer}\r\n\r\n`));
for (const [want, data] of [[AMBIGUOUS, 'hello!'], [AMBIGUOUS, 'hell'], [AMBIGUOUS, ''], [AMBIGUOUS, '\r\nhello']])
  probe('chunk', `data ${JSON.stringify(data)} of 5 bytes`, want, inChunks(`5\r\n${data}\r\n${LAST}`));

// Upgrades (RFC 9110 section 7.8, RFC 6455 section 4.1): bodies beside them, bytes behind them. Whatever
// follows a 101 is WebSocket, and whatever follows a refused upgrade is nothing at all.
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
const UPGRADE = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', KEY];
const without = (word) => UPGRADE.filter((line) => !line.includes(word));
const PING = '\x89\x80\0\0\0\0';
const SWITCHED = [101];
for (const target of ['/echo?{probe}', '/channels/{probe}']) {
  const ask = (headers, { line = `GET ${target} HTTP/1.1`, rest = '' } = {}) => `${lines(line, HOST, ...headers)}\r\n${rest}`;
  for (const [what, want, template] of [
    ['a request behind it', SWITCHED, ask(UPGRADE)], ['a frame and a request behind it', SWITCHED, ask(UPGRADE, { rest: PING })],
    ['a length of 0', SWITCHED, ask([...UPGRADE, 'Content-Length: 0'])],
    ['a length', AMBIGUOUS, ask([...UPGRADE, sized(INSIDE)], { rest: INSIDE })], ['a length of a frame', AMBIGUOUS, ask([...UPGRADE, sized(PING)], { rest: PING })],
    ['chunks', AMBIGUOUS, ask([...UPGRADE, CHUNKED], { rest: chunk(INSIDE) + LAST })], ['a length and chunks', AMBIGUOUS, ask([...UPGRADE, 'Content-Length: 5', CHUNKED], { rest: LAST + INSIDE })],
    ['no key', [400], ask(without('Key'))], ['two keys', [400], ask([...UPGRADE, KEY])], ['a short key', [400], ask([...without('Key'), 'Sec-WebSocket-Key: aGVsbG8='])],
    ['no version', [400, 426], ask(without('Version'))], ['version 12', [400, 426], ask([...without('Version'), 'Sec-WebSocket-Version: 12'])], ['version 777 with a frame behind it', [400, 426], ask([...without('Version'), 'Sec-WebSocket-Version: 777'], { rest: PING })],
    ['no Connection', [400, 426], ask(without('Connection'))], ['no Upgrade', [400, 426], ask(without('Upgrade: '))], ['another Upgrade', [400, 426], ask([...without('Upgrade: '), 'Upgrade: h2c'])],
    ['HTTP/1.0', [400, 426, 505], ask(UPGRADE, { line: `GET ${target} HTTP/1.0` })], ['a foreign Origin', [403], ask([...UPGRADE, 'Origin: https://evil.example'])],
  ])
    probe('upgrade', `${target} with ${what}`, want, template);
}
probe('upgrade', 'of a path that has none', [200, 400, 404, 426], `${lines('GET /health?{probe} HTTP/1.1', HOST, ...UPGRADE)}\r\n`);
probe('upgrade', 'of a POST', [200, 400, 405], post([...UPGRADE, sized(INSIDE)], INSIDE));
probe('upgrade', 'of a POST to h2c', TAKEN, post(['Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABk', sized(INSIDE)], INSIDE));

// What nginx calls malformed and we do not: [which, why]. Nothing else may differ so.
const deliberate = [
  [/^framing: CONTENT-LENGTH: <09>|^blank: " ?\\t" behind a value/, 'a tab around a value is a blank like any other (RFC 9110 section 5.6.3)'],
  [/^target: .*\{probe\}%(zz|00|) /, 'a 400 too, but a name that cannot be a channel leaves no doubt where the request ends (RFC 9112 section 6.3): the connection goes on'],
];

// --- the five places ---

// Short, so that a request which never gets whole does not hold the suite up: the deadline ends it.
const server = await suiteServer({ args: ['--handshake-timeout=2s', '--body-timeout=2s'] });

/** The backend: another HTTP server, that of Node.js, which counts the publications that it is given. What
 * nginx hands on and it does not take is answered with a status of its own. */
const NOT_FOR_NODE = 599;
const given = new Map();
const backend = http.createServer((incoming, outgoing) => {
  incoming.resume().on('end', () => {
    const channel = /^\/channels\/([^?]*)/.exec(incoming.url)?.[1];
    if (incoming.method === 'POST' && channel) given.set(channel, (given.get(channel) ?? 0) + 1);
    outgoing.setHeader('Content-Length', 0);
    outgoing.end();
  });
});
backend.on('clientError', (_, socket) => socket.end(`HTTP/1.1 ${NOT_FOR_NODE} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`));
backend.listen(0, '127.0.0.1');
await once(backend, 'listening');
cleanup(() => {
  backend.closeAllConnections();
  backend.close();
});

/** nginx as people run it in front of a WebSocket server, with every leniency it has switched on where it
 * hands bodies on as they come. Connections to what is behind it are kept: that is where smuggling pays. */
const configuration = (ports) => `
pid nginx.pid;
error_log error.log info;
events { worker_connections 512; }
http {
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path tmp_${what};`).join(' ')}
  log_format told escape=json '{"port":"$server_port","method":"$request_method","uri":"$request_uri","upstream":"$upstream_status"}';
  access_log access.log told;
  client_header_timeout 2s;
  client_body_timeout 2s;
  map $http_upgrade $hop { default upgrade; '' ''; }
  upstream recorder { server 127.0.0.1:${backend.address().port}; keepalive 4; }
  upstream godwit { server 127.0.0.1:${server.port}; keepalive 4; }
  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $hop;
  server { listen 127.0.0.1:${ports[0]}; location / { return 200 "ok"; } }
  server { listen 127.0.0.1:${ports[1]}; location / { proxy_pass http://recorder; proxy_set_header Connection ''; proxy_set_header Host localhost; } }
  server { listen 127.0.0.1:${ports[2]}; location / { proxy_pass http://godwit; proxy_set_header Host localhost;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $hop; } }
  server { listen 127.0.0.1:${ports[3]}; ignore_invalid_headers off; underscores_in_headers on; merge_slashes off;
    location / { proxy_pass http://godwit; proxy_request_buffering off; proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $hop; } }
}
`;

const nginx = await startNginx(configuration, 4);

// Each place has a letter, with which the names of its channels begin.
const portOf = { d: server.port, n: nginx.ports[0], b: nginx.ports[1], g: nginx.ports[2], s: nginx.ports[3] };

/** All whole answers in `data`. What has no head is an answer of HTTP/0.9: a page that may name an error. */
function answersIn(data, method, ended) {
  const answers = [];
  while (data.length > 0) {
    if (!data.subarray(0, 5).equals(Buffer.from('HTTP/'))) {
      answers.push({ status: Number(/<title>(\d\d\d) /.exec(data.toString('latin1'))?.[1] ?? 200), headers: { connection: 'close' }, body: data });
      break;
    }
    const answer = parseResponse(data, { method: answers.length === 0 ? method : 'POST', ended });
    if (!answer) break;
    data = data.subarray(answer.length);
    if (answer.status === 100) continue;
    answers.push(answer);
    if (answer.status === 101) break; // frames from here on
  }
  return answers;
}

/** Sends a probe to a place, and what is behind it, and waits until that place has ended the connection. */
async function put(t, place, one) {
  const wire = await Wire.connect(portOf[place]);
  t.after(() => wire.destroy());
  wire.send(bytesOf(one.template, place, one.number));
  const inOrder = await wire.untilEnd(15_000);
  const answers = answersIn(wire.data, one.method, wire.ended);
  t.note(`${place}: ${answers.map(({ status }) => status).join(', ') || 'no answer'}${inOrder ? '' : wire.error ? ', reset' : ', still open'}`);
  return { answers, inOrder, status: answers[0]?.status ?? 0, closing: /\bclose\b/i.test(answers[0]?.headers.connection ?? '') };
}

/** How many publications each of these channels has had: one less than the offset of another one. */
async function countPublications(names) {
  const counts = [];
  const wire = await Wire.connect(server.port);
  for (let at = 0; at < names.length; at += 100) {
    const some = names.slice(at, at + 100);
    wire.send(Buffer.concat(some.map((name) => request('POST', `/channels/${name}`, { body: 'count' }))));
    for (const name of some) {
      const answer = await wire.until(() => parseResponse(wire.data, { method: 'POST' }));
      assert.equal(answer?.status, 200, `counting ${name}: ${answer?.status ?? 'no answer'} ${answer?.body}`);
      wire.data = wire.data.subarray(answer.length);
      const { channel, offset } = JSON.parse(answer.body);
      assert.equal(channel, name);
      counts.push(offset - 1);
    }
  }
  wire.destroy();
  return counts;
}
const WHAT = Object.keys(LETTERS);
const channelsOf = (place, one) => WHAT.map((what) => channelOf(place, one.number, what));

// --- the verdicts ---

const tally = { us: 0, nginx: 0, stricter: {}, looser: {}, excused: new Map() };

function compare(one, ours, plain, proxy) {
  const refusedByNginx = plain.status === 400 || proxy.status === 400;
  const weTake = ours.status > 0 && (ours.status < 400 || !ours.closing);
  const nginxTakes = plain.status === 200 && [200, NOT_FOR_NODE].includes(proxy.status);
  tally.us += weTake ? 1 : 0;
  tally.nginx += nginxTakes ? 1 : 0;
  if (nginxTakes && !weTake) tally.stricter[one.family] = (tally.stricter[one.family] ?? 0) + 1;
  if (!refusedByNginx || !weTake) return;
  tally.looser[one.family] = (tally.looser[one.family] ?? 0) + 1;
  const excuse = deliberate.find(([which]) => which.test(one.name));
  assert(excuse, `nginx refuses this as malformed, we answer ${ours.status}`);
  tally.excused.set(excuse, (tally.excused.get(excuse) ?? 0) + 1);
}

for (const one of probes)
  test(one.name, async (t) => {
    t.note(JSON.stringify(bytesOf(one.template, 'd', one.number).toString('latin1')).slice(0, 2000));
    const [ours, plain, proxy, ...ahead] = await Promise.all(['d', 'n', 'b', 'g', 's'].map((place) => put(t, place, one)));
    const [taken, inside, behind] = await countPublications(channelsOf('d', one));
    t.note(`published: ${taken} probe, ${inside} inside, ${behind} behind`);

    assert(one.want.includes(ours.status), `status ${ours.status || 'none'} and not ${one.want}`);
    assert(ours.inOrder, 'the connection did not end in order');
    assert.equal(inside, 0, 'what was inside of the request was published');
    assert.equal(taken, ours.status === 200 && one.method === 'POST' ? 1 : 0, `the request was published ${taken} times`);
    if (ours.status >= 400) assertProblem(ours.answers[0], ours.status, { method: one.method });
    const politely = ours.status < 400 || [401, 404, 405].includes(ours.status) || one.want === BAD_NAME;
    if (!politely) assert(ours.closing, 'refused, and yet the connection goes on');
    const goesOn = ours.status !== 101 && !ours.closing;
    assert.equal(behind, goesOn ? 1 : 0, `what was behind the request was published ${behind} times`);
    assert.equal(ours.answers.length, goesOn ? 2 : 1, 'more or fewer answers than requests; or an answer to HEAD with a body');

    compare(one, ours, plain, proxy);
    if (ours.status === 200 && proxy.status === 200) {
      const there = channelsOf('b', one).map((name) => given.get(name) ?? 0);
      if (ours.closing) there[2] = 0; // we read no further, and nginx may
      assert.deepEqual(there, [taken, inside, behind], 'nginx read other requests');
    }
    for (const [at, { answers }] of ahead.entries())
      for (const { status, body } of answers)
        if (status === 200 && body.includes('"channel"'))
          assert(channelsOf('gs'[at], one).includes(JSON.parse(body).channel), `the answer to another request: ${body}`);
  }, { seconds: 60 });

// --- nginx's own count ---

/** Channels whose publications and whose successful requests in nginx's log are not as many. */
function uncounted(names, arrived, log) {
  const counted = new Map();
  for (const { method, uri, upstream } of log) {
    const name = /^\/channels\/([gs]\d{4}[pib])(?![^?])/.exec(uri)?.[1];
    if (method !== 'POST' || !name) continue;
    const successes = upstream.split(/[ ,:]+/).filter((status) => status === '200').length;
    counted.set(name, (counted.get(name) ?? 0) + successes);
  }
  return names.flatMap((name, at) => ((counted.get(name) ?? 0) === arrived[at] ? [] : [{ name, counted: counted.get(name) ?? 0, arrived: arrived[at] }]));
}

test('behind nginx, no publication arrived that nginx did not count', async (t) => {
  await nginx.stop('SIGQUIT'); // it ends when its connections have, and its log is then whole
  const log = fs.readFileSync(path.join(nginx.folder, 'access.log'), 'latin1').trim().split('\n').map((line) => JSON.parse(line));
  const past = { number: probes.length };
  const unheard = channelOf('g', past.number, 'inside');
  await countPublications([unheard]); // as if it had been smuggled: a publication that nginx never saw
  const names = ['g', 's'].flatMap((place) => [...probes, past].flatMap((one) => channelsOf(place, one)));
  const arrived = await countPublications(names);
  const total = arrived.reduce((sum, count) => sum + count, 0);
  t.note(`${log.length} lines in nginx's log, ${total} publications`);
  assert(total > 100, 'next to nothing came through nginx: this proves nothing');
  assert.deepEqual(uncounted(names, arrived, log), [{ name: unheard, counted: 0, arrived: 1 }]);
}, { alone: true, seconds: 60 });

test('every deliberate difference is one', () => {
  const idle = deliberate.filter((excuse) => !tally.excused.has(excuse));
  assert.deepEqual(idle, []);
}, { alone: true });

const perFamily = (counts) => Object.entries(counts).map(([family, count]) => `${family} ${count}`).join(', ') || 'nowhere';
const sum = (counts) => Object.values(counts).reduce((all, count) => all + count, 0);
cleanup(() => {
  const told = [
    `${probes.length} requests: we take ${tally.us}, nginx takes ${tally.nginx}`,
    `stricter than nginx: ${sum(tally.stricter)} (${perFamily(tally.stricter)})`,
    `looser than nginx: ${sum(tally.looser)} (${perFamily(tally.looser)})`,
    ...[...tally.excused].map(([[, why], count]) => `  ${count}: ${why}`),
  ];
  for (const line of told) process.stdout.write(`# ${line}\n`);
});

await run({ concurrency: 16 });
