// http_front.mjs - the HTTP front door over real sockets: what it answers, and above all what it refuses.
//
// Whatever is ambiguous in a request is a 400 and the end of the connection, and not one byte behind it
// is taken for another request. Every case of that kind sends a publication right behind the request,
// and then looks whether it was published.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';

import { acceptFor } from '../lib/frames.mjs';
import { assertProblem, nextResponse, request } from '../lib/http.mjs';
import { startServer, suiteServer } from '../lib/server.mjs';
import { run, test } from '../lib/tap.mjs';
import { Wire } from '../lib/wire.mjs';

const server = await suiteServer({});
let channels = 0;
const fresh = () => `front-${++channels}`;
const latin = (text) => Buffer.from(text, 'latin1');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function dial(t, port = server.port) {
  const wire = await Wire.connect(port);
  t.after(() => wire.destroy());
  return wire;
}

/** Sends one request on its own connection and resolves to the answer. */
async function ask(t, bytes, { method, port } = {}) {
  const wire = await dial(t, port);
  wire.send(bytes);
  const response = await nextResponse(wire, { method: method ?? String(bytes).split(' ', 1)[0] });
  t.note(`${response.status} ${JSON.stringify(response.headers)} ${response.body.toString('utf8').slice(0, 300)}`);
  return { wire, response };
}

function assertDynamic({ headers }) {
  assert.equal(headers['cache-control'], 'no-store, no-transform');
  assert.deepEqual(headers.vary?.split(/, */).sort(), ['Accept', 'Origin']);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['x-accel-buffering'], 'no');
}

function assertPublished(response, { channel, offset = 1, subscribers = 0 }) {
  assert.equal(response.status, 200, response.body.toString());
  assert.match(response.headers['content-type'], /^application\/json/);
  assertDynamic(response);
  const { position, ...rest } = JSON.parse(response.body);
  assert.deepEqual(rest, { channel, offset, subscribers, duplicate: false });
  assert.match(position, /^[A-Za-z0-9._~-]{1,64}$/);
}

async function assertClosedBehind(wire, response) {
  assert.match(response.headers.connection ?? '', /(^|,\s*)close(\s*,|$)/i);
  assert(await wire.untilEnd(), wire.error ? `reset: ${wire.error.code}` : 'the connection is still open');
  assert.equal(wire.data.length, 0, `more came: ${wire.data.toString('latin1').slice(0, 200)}`);
}

async function assertUntouched(t, channel) {
  const { response } = await ask(t, request('POST', `/channels/${channel}`, { body: 'first' }));
  assertPublished(response, { channel });
}

// --- publishing ---

test('a POST publishes its body and says where it stands', async (t) => {
  const channel = fresh();
  const { response } = await ask(t, request('POST', `/channels/${channel}`, { body: 'dinner is ready' }));
  assertPublished(response, { channel });
});

test('offsets count the publications of a channel, on one connection kept alive', async (t) => {
  const channel = fresh();
  const wire = await dial(t);
  for (let offset = 1; offset <= 5; offset++) {
    wire.send(request('POST', `/channels/${channel}`, { body: `message ${offset}` }));
    const response = await nextResponse(wire);
    assertPublished(response, { channel, offset });
    assert(!/close/i.test(response.headers.connection ?? ''));
  }
});

for (const oneByOne of [false, true])
  test(`ten POSTs in one piece are answered in their order${oneByOne ? ', byte by byte' : ''}`, async (t) => {
    const channel = fresh();
    const wire = await dial(t);
    const posts = Buffer.concat(Array.from({ length: 10 }, (_, at) => request('POST', `/channels/${channel}`, { body: `m${at}` })));
    if (oneByOne) await wire.sendBytes(posts, Infinity);
    else wire.send(posts);
    for (let offset = 1; offset <= 10; offset++) assertPublished(await nextResponse(wire), { channel, offset });
    assert.equal(wire.data.length, 0);
  });

test('pipelined requests of different kinds, chunked ones among them', async (t) => {
  const channel = fresh();
  const wire = await dial(t);
  wire.send(Buffer.concat([
    request('POST', `/channels/${channel}`, { body: 'a' }),
    request('GET', '/health'),
    request('POST', `/channels/${channel}`, { headers: ['Transfer-Encoding: chunked'] }), latin('1\r\nb\r\n0\r\n\r\n'),
    request('HEAD', '/health'),
    request('POST', `/channels/${channel}`, { body: '' }),
  ]));
  assertPublished(await nextResponse(wire), { channel, offset: 1 });
  assert.equal((await nextResponse(wire)).status, 200);
  assertPublished(await nextResponse(wire), { channel, offset: 2 });
  assert.equal((await nextResponse(wire, { method: 'HEAD' })).status, 200);
  assertPublished(await nextResponse(wire), { channel, offset: 3 });
});

test('a connection that has published can still be upgraded', async (t) => {
  const channel = fresh();
  const key = crypto.randomBytes(16).toString('base64');
  const wire = await dial(t);
  wire.send(Buffer.concat([
    request('POST', `/channels/${channel}`, { body: 'a' }),
    request('GET', '/echo', { headers: ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Version: 13'] }),
  ]));
  assertPublished(await nextResponse(wire), { channel });
  const response = await nextResponse(wire);
  assert.equal(response.status, 101);
  assert.equal(response.headers['sec-websocket-accept'], acceptFor(key));
});

test('a client that ends its stream behind the request is answered', async (t) => {
  const channel = fresh();
  const wire = await dial(t);
  wire.send(request('POST', `/channels/${channel}`, { body: 'and gone' }));
  wire.end();
  assertPublished(await nextResponse(wire), { channel });
  assert(await wire.untilEnd());
});

test('Connection: close closes behind the answer', async (t) => {
  const channel = fresh();
  const { wire, response } = await ask(t, request('POST', `/channels/${channel}`, { body: 'a', headers: ['Connection: close'] }));
  assertPublished(response, { channel });
  await assertClosedBehind(wire, response);
});

test('HTTP/1.0 is answered and closed', async (t) => {
  const { wire, response } = await ask(t, latin('GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n'));
  assert.equal(response.status, 200);
  assert(await wire.untilEnd());
});

for (const [what, name, decoded] of [
  ['Unicode', '%F0%9F%90%A6', '🐦'], ['a namespace', 'chat:42', 'chat:42'], ['an encoded colon', 'chat%3A43', 'chat:43'],
  ['a plus, which is a plus', 'a+b', 'a+b'], ['an encoded blank', 'a%20b', 'a b'], ['lower case hexadecimal', '%c3%a9', 'é'],
  ['255 bytes', 'n'.repeat(255), 'n'.repeat(255)], ['255 encoded bytes', '%6e'.repeat(254) + '2', 'n'.repeat(254) + '2'],
  ['a quote and a backslash', '%22%5C', '"\\'],
])
  test(`a channel's name with ${what}`, async (t) => {
    const { response } = await ask(t, request('POST', `/channels/${name}`, { body: 'a' }));
    assertPublished(response, { channel: decoded });
  });

for (const [what, name] of [
  ['256 bytes', 'n'.repeat(256)], ['a NUL', 'a%00b'], ['a line feed', 'a%0Ab'], ['a DEL', 'a%7Fb'],
  ['an encoded slash', 'a%2Fb'], ['an encoded comma', 'a%2Cb'], ['a byte that is not UTF-8', 'a%FFb'],
  ['an overlong byte pair', '%C0%AF'], ['a surrogate', '%ED%A0%80'], ['a broken escape', 'a%zzb'], ['half an escape', 'a%4'], ['a bare percent', '%'],
])
  test(`a channel's name with ${what} is a 400`, async (t) => {
    const { response } = await ask(t, request('POST', `/channels/${name}`, { body: 'a' }));
    assertProblem(response, 400);
  });

test('an empty channel name is refused', async (t) => {
  const { response } = await ask(t, request('POST', '/channels/', { body: 'a' }));
  assert([400, 404].includes(response.status), String(response.status));
  assertProblem(response, response.status);
});

for (const [type, body, status] of [
  ['text/plain', 'Grüße', 200], ['text/plain; charset=utf-8', 'Grüße', 200], ['text/plain', Buffer.from([0x41, 0xff]), 400],
  ['application/x-www-form-urlencoded', 'dinner is ready', 200], ['application/x-www-form-urlencoded', Buffer.from([0xc0, 0x80]), 400],
  [null, 'plain', 200], [null, Buffer.from([0xe2, 0x82]), 400],
  ['application/json', '{"a":[1,2.5e3,null,true,"\\u00e9"]}', 200], ['application/json; charset=utf-8', ' [] ', 200], ['Application/JSON', '1', 200],
  ['application/json', '{"a":1,}', 400], ['application/json', '', 400], ['application/json', "{'a':1}", 400], ['application/json', '01', 400],
  ['application/json', '{"a":1} x', 400], ['application/json', 'NaN', 400], ['application/json', '"\n"', 400], ['application/json', Buffer.from([0x22, 0xff, 0x22]), 400],
  ['application/octet-stream', Buffer.from([0, 0xff, 0xc0, 0x80]), 200], ['image/png', Buffer.from([0x89, 0x50]), 200], ['application/octet-stream', '', 200],
  ['text/plain', '', 200], ['text/plain', 'a\u0000b\r\nc\u2028d', 200],
])
  test(`${type ?? 'no type'} with ${JSON.stringify(body.toString('latin1'))} is a ${status}`, async (t) => {
    const channel = fresh();
    const { response } = await ask(t, request('POST', `/channels/${channel}`, { body, headers: type ? [`Content-Type: ${type}`] : [] }));
    if (status === 200) assertPublished(response, { channel });
    else {
      assertProblem(response, status);
      await assertUntouched(t, channel);
    }
  });

// --- bodies ---

for (const [what, body] of [
  ['one chunk', '5\r\nhello\r\n0\r\n\r\n'], ['three chunks', '1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n'], ['no chunk but the last', '0\r\n\r\n'],
  ['a size in capitals', 'A\r\n0123456789\r\n0\r\n\r\n'], ['a size with zeros in front', '0005\r\nhello\r\n0\r\n\r\n'], ['a last chunk of many zeros', '1\r\na\r\n0000\r\n\r\n'],
  ['chunk extensions, which are ignored', '5;a=b;c="d e"\r\nhello\r\n0;last\r\n\r\n'],
  ['trailers, which are dropped', '5\r\nhello\r\n0\r\nX-Checksum: 1\r\nContent-Length: 99\r\n\r\n'],
])
  for (const oneByOne of [false, true])
    test(`a body in chunks: ${what}${oneByOne ? ', byte by byte' : ''}`, async (t) => {
      const channel = fresh();
      const wire = await dial(t);
      const bytes = Buffer.concat([request('POST', `/channels/${channel}`, { headers: ['Transfer-Encoding: chunked'] }), latin(body)]);
      if (oneByOne) await wire.sendBytes(bytes);
      else wire.send(bytes);
      assertPublished(await nextResponse(wire), { channel });
      wire.send(request('GET', '/health')); // the body ended just where it should
      assert.equal((await nextResponse(wire)).status, 200);
    });

test('Transfer-Encoding: Chunked, in any case', async (t) => {
  const channel = fresh();
  const { response } = await ask(t, Buffer.concat([request('POST', `/channels/${channel}`, { headers: ['Transfer-Encoding: CHUNKED'] }), latin('2\r\nhi\r\n0\r\n\r\n')]));
  assertPublished(response, { channel });
});

const MIB = 1024 * 1024;
test('a body of 1 MiB is published', async (t) => {
  const channel = fresh();
  const { response } = await ask(t, request('POST', `/channels/${channel}`, { body: Buffer.alloc(MIB, 0x61) }));
  assertPublished(response, { channel });
});
test('a body of 1 MiB in chunks is published', async (t) => {
  const channel = fresh();
  const chunks = Buffer.concat([...Array.from({ length: 16 }, () => Buffer.concat([latin('10000\r\n'), Buffer.alloc(65536, 0x61), latin('\r\n')])), latin('0\r\n\r\n')]);
  const { response } = await ask(t, Buffer.concat([request('POST', `/channels/${channel}`, { headers: ['Transfer-Encoding: chunked'] }), chunks]));
  assertPublished(response, { channel });
});
test('a body above 1 MiB is refused by its announcement, before a byte of it', async (t) => {
  const channel = fresh();
  const { wire, response } = await ask(t, request('POST', `/channels/${channel}`, { headers: [`Content-Length: ${MIB + 1}`] }));
  assertProblem(response, 413);
  await assertClosedBehind(wire, response);
  await assertUntouched(t, channel);
});
for (const length of ['4294967296', '4294967301', '9223372036854775807', '9223372036854775808', '18446744073709551615'])
  test(`a length of ${length} is a 413, or no length at all`, async (t) => {
    const { wire, response } = await ask(t, request('POST', `/channels/${fresh()}`, { headers: [`Content-Length: ${length}`] }));
    assert([400, 413].includes(response.status), String(response.status));
    assertProblem(response, response.status);
    await assertClosedBehind(wire, response);
  });
test('the 413 can be read by a client that sends all of its body first', async (t) => {
  const { wire, response } = await ask(t, request('POST', `/channels/${fresh()}`, { body: Buffer.alloc(MIB + 1, 0x61) }));
  assertProblem(response, 413);
  await assertClosedBehind(wire, response);
});
test('the 413 can be read by a client that goes on sending', async (t) => {
  const wire = await dial(t);
  wire.send(request('POST', `/channels/${fresh()}`, { headers: [`Content-Length: ${64 * MIB}`] }));
  for (let at = 0; at < 10; at++) {
    wire.send(Buffer.alloc(50_000, 0x61));
    await pause(20);
  }
  const response = await nextResponse(wire);
  assertProblem(response, 413);
  await assertClosedBehind(wire, response);
});
test('chunks that sum up to more than 1 MiB are a 413', async (t) => {
  const channel = fresh();
  const chunks = Buffer.concat(Array.from({ length: 17 }, () => Buffer.concat([latin('10000\r\n'), Buffer.alloc(65536, 0x61), latin('\r\n')])));
  const { wire, response } = await ask(t, Buffer.concat([request('POST', `/channels/${channel}`, { headers: ['Transfer-Encoding: chunked'] }), chunks]));
  assertProblem(response, 413);
  await assertClosedBehind(wire, response);
  await assertUntouched(t, channel);
});

test('Expect: 100-continue is answered before the body', async (t) => {
  const channel = fresh();
  const wire = await dial(t);
  wire.send(request('POST', `/channels/${channel}`, { headers: ['Expect: 100-continue', 'Content-Length: 5'] }));
  const interim = await nextResponse(wire);
  assert.equal(interim.status, 100);
  assert.deepEqual(interim.headers, {});
  assert.equal(wire.data.length, 0);
  wire.send(latin('hello'));
  assertPublished(await nextResponse(wire), { channel });
});
test('Expect: 100-continue before chunks', async (t) => {
  const channel = fresh();
  const wire = await dial(t);
  wire.send(request('POST', `/channels/${channel}`, { headers: ['Expect: 100-Continue', 'Transfer-Encoding: chunked'] }));
  assert.equal((await nextResponse(wire)).status, 100);
  wire.send(latin('5\r\nhello\r\n0\r\n\r\n'));
  assertPublished(await nextResponse(wire), { channel });
});
test('Expect: 100-continue from a client that does not wait', async (t) => {
  const channel = fresh();
  const wire = await dial(t);
  wire.send(request('POST', `/channels/${channel}`, { body: 'hello', headers: ['Expect: 100-continue'] }));
  let response = await nextResponse(wire);
  if (response.status === 100) response = await nextResponse(wire);
  assertPublished(response, { channel });
});
for (const [what, options, status] of [
  ['a body too long', { headers: ['Expect: 100-continue', `Content-Length: ${MIB + 1}`] }, 413],
  ['a foreign Origin', { headers: ['Expect: 100-continue', 'Content-Length: 5', 'Origin: https://evil.example'] }, 403],
  ['a foreign Host', { host: 'evil.example', headers: ['Expect: 100-continue', 'Content-Length: 5'] }, 421],
  ['an expectation that nobody knows', { headers: ['Expect: 200-ok', 'Content-Length: 5'] }, 417],
])
  test(`no 100 but the refusal at once: ${what}`, async (t) => {
    const { wire, response } = await ask(t, request('POST', `/channels/${fresh()}`, options));
    assertProblem(response, status);
    await assertClosedBehind(wire, response);
  });

// --- what must be refused: one request, many readings ---

const HEAD = (channel) => `POST /channels/${channel} HTTP/1.1\r\nHost: localhost\r\n`;
const post = (lines, body = 'hello') => (channel) => HEAD(channel) + lines.map((line) => `${line}\r\n`).join('') + `\r\n${body}`;
const raw = (text) => (channel) => text.replaceAll('CHANNEL', channel);
const chunked = (body) => post(['Transfer-Encoding: chunked'], body);

const refusals = [
  ['two equal lengths', post(['Content-Length: 5', 'Content-Length: 5'])],
  ['two different lengths', post(['Content-Length: 5', 'Content-Length: 0'])],
  ['a list of lengths', post(['Content-Length: 5, 5'])],
  ['a length beside chunks', post(['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n')],
  ['chunks beside a length', post(['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n')],
  ['a length with a plus', post(['Content-Length: +5'])],
  ['a negative length', post(['Content-Length: -5'])],
  ['a negative zero', post(['Content-Length: -0'])],
  ['a hexadecimal length', post(['Content-Length: 0x5'])],
  ['a length with a letter', post(['Content-Length: 5a'])],
  ['a length with a blank inside', post(['Content-Length: 1 5'])],
  ['a length with a comma', post(['Content-Length: 5,'])],
  ['a length with a point', post(['Content-Length: 5.0'])],
  ['an empty length', post(['Content-Length: '])],
  ['a length of 2^64 + 5', post(['Content-Length: 18446744073709551621']), [400, 413]],
  ['a length of forty digits', post([`Content-Length: ${'0'.repeat(39)}5`])],
  ['chunked twice in a list', post(['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n')],
  ['chunked in two headers', post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n')],
  ['chunked, and another in a second header', post(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], '0\r\n\r\n'), [400, 501]],
  ['chunked not last', post(['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'), [400, 501]],
  ['gzip before chunked', post(['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'), [400, 501]],
  ['identity', post(['Transfer-Encoding: identity', 'Content-Length: 5']), [400, 501]],
  ['a coding that ends in chunked', post(['Transfer-Encoding: xchunked'], '0\r\n\r\n'), [400, 501]],
  ['a coding that begins with chunked', post(['Transfer-Encoding: chunkedx'], '0\r\n\r\n'), [400, 501]],
  ['chunked with a parameter', post(['Transfer-Encoding: chunked;a=b'], '0\r\n\r\n'), [400, 501]],
  ['an empty coding', post(['Transfer-Encoding: ', 'Content-Length: 5']), [400, 501]],
  ['chunked in quotes', post(['Transfer-Encoding: "chunked"'], '0\r\n\r\n'), [400, 501]],
  ['chunked behind a vertical tab', post(['Transfer-Encoding: \x0bchunked'], '0\r\n\r\n')],
  ['a blank before the colon', post(['Transfer-Encoding : chunked'], '0\r\n\r\n')],
  ['a tab before the colon', post(['Content-Length\t: 5'])],
  ['a blank before the name', post([' Content-Length: 5'])],
  ['a folded line', post(['X-A: b', ' Content-Length: 5', 'Content-Length: 5'])],
  ['a line folded with a tab', post(['X-A: b', '\tc', 'Content-Length: 5'])],
  ['a first line that is folded', raw('POST /channels/CHANNEL HTTP/1.1\r\n Host: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['a bare LF at the end of a line', raw('POST /channels/CHANNEL HTTP/1.1\r\nHost: localhost\nContent-Length: 5\r\n\r\nhello')],
  ['nothing but bare LFs', raw('POST /channels/CHANNEL HTTP/1.1\nHost: localhost\nContent-Length: 5\n\nhello')],
  ['an empty line that is a bare LF', raw('POST /channels/CHANNEL HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\nhello')],
  ['a bare CR in a value', post(['X-A: b\rContent-Length: 0', 'Content-Length: 5'])],
  ['a bare CR at the end of a value', post(['X-A: b\r', 'Content-Length: 5'])],
  ['a NUL in a value', post(['X-A: b\0c', 'Content-Length: 5'])],
  ['a NUL in a name', post(['Content-Length\0: 5', 'Content-Length: 5'])],
  ['a DEL in a value', post(['X-A: b\x7fc', 'Content-Length: 5'])],
  ['a line without a colon', post(['Content-Length', 'Content-Length: 5'])],
  ['an empty name', post([': 5', 'Content-Length: 5'])],
  ['a name with a blank inside', post(['Content Length: 5', 'Content-Length: 5'])],
  ['a name with a parenthesis', post(['X-(A): b', 'Content-Length: 5'])],
  ['a name with a byte above 127', post(['X-\xe9: b', 'Content-Length: 5'])],
  ['no Host', raw('POST /channels/CHANNEL HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello')],
  ['two equal Hosts', post(['Host: localhost', 'Content-Length: 5'])],
  ['two different Hosts', post(['Host: evil.example', 'Content-Length: 5'])],
  ['an empty Host', raw('POST /channels/CHANNEL HTTP/1.1\r\nHost: \r\nContent-Length: 5\r\n\r\nhello'), [400, 421]],
  ['a list of Hosts', raw('POST /channels/CHANNEL HTTP/1.1\r\nHost: localhost, localhost\r\nContent-Length: 5\r\n\r\nhello'), [400, 421]],
  ['a Host with a path', raw('POST /channels/CHANNEL HTTP/1.1\r\nHost: localhost/x\r\nContent-Length: 5\r\n\r\nhello'), [400, 421]],
  ['a Host with a user', raw('POST /channels/CHANNEL HTTP/1.1\r\nHost: evil@localhost\r\nContent-Length: 5\r\n\r\nhello'), [400, 421]],
  ['a Host with a port that is no number', raw('POST /channels/CHANNEL HTTP/1.1\r\nHost: localhost:http\r\nContent-Length: 5\r\n\r\nhello'), [400, 421]],
  ['an absolute target of another host', raw('POST http://evil.example/channels/CHANNEL HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello'), [400, 421]],
  ['an absolute target of another port', raw('POST http://localhost:1/channels/CHANNEL HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['an absolute target of another scheme', raw('POST ftp://localhost/channels/CHANNEL HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['two blanks in the request line', raw('POST  /channels/CHANNEL HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['a tab in the request line', raw('POST\t/channels/CHANNEL\tHTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['a blank behind the request line', raw('POST /channels/CHANNEL HTTP/1.1 \r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['a blank inside the target', raw('POST /channels/CHANNEL x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['a control byte in the target', raw('POST /channels/CHANNEL\x01 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['a target without its slash', raw('POST channels/CHANNEL HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['no target', raw('POST HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['no version', raw('POST /channels/CHANNEL\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['the request of HTTP/0.9', raw('GET /\r\n\r\n')],
  ['a version in lower case', raw('POST /channels/CHANNEL http/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello'), [400, 505]],
  ['version 1.10', raw('POST /channels/CHANNEL HTTP/1.10\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello'), [400, 505]],
  ['version 1', raw('POST /channels/CHANNEL HTTP/1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello'), [400, 505]],
  ['version 2.0', raw('POST /channels/CHANNEL HTTP/2.0\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello'), [400, 505]],
  ['the preface of HTTP/2', raw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), [400, 505]],
  ['an empty line in front', raw('\r\nPOST /channels/CHANNEL HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['a method with a parenthesis', raw('PO(ST /channels/CHANNEL HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['a TLS hello', raw('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + '\x00'.repeat(64))],
  ['chunks in HTTP/1.0', raw('POST /channels/CHANNEL HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')],
  ['a GET with a body', raw('GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')],
  ['a GET with chunks', raw('GET /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')],
  ['a chunk size that is a word', chunked('five\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size with a minus', chunked('-5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size with a plus', chunked('+5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size with 0x', chunked('0x5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size with a blank in front', chunked(' 5\r\nhello\r\n0\r\n\r\n')],
  ['an empty chunk size', chunked('\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size that is an extension alone', chunked(';a=b\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size above 64 bits', chunked('10000000000000005\r\nhello\r\n0\r\n\r\n'), [400, 413]],
  ['a chunk size with its top bit set', chunked('ffffffffffffffff\r\nhello\r\n0\r\n\r\n'), [400, 413]],
  ['a chunk size ended by a bare LF', chunked('5\nhello\r\n0\r\n\r\n')],
  ['a chunk size ended by a bare CR', chunked('5\rhello\r\n0\r\n\r\n')],
  ['an extension ended by a bare LF', chunked('5;a\nhello\r\n0\r\n\r\n')],
  ['a chunk longer than its size', chunked('5\r\nhello!\r\n0\r\n\r\n')],
  ['a chunk ended by a bare LF', chunked('5\r\nhello\n0\r\n\r\n')],
  ['an endless extension', chunked(`5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`), [400, 431]],
  ['endless trailers', chunked(`5\r\nhello\r\n0\r\n${'X-A: b\r\n'.repeat(5000)}\r\n`), [400, 431]],
  ['a trailer ended by a bare LF', chunked('5\r\nhello\r\n0\r\nX-A: b\n\r\n')],
];
for (const [what, make, statuses = 400] of refusals)
  test(`refused, and nothing behind it is read: ${what}`, async (t) => {
    const channel = fresh();
    const behind = fresh();
    const method = 'POST';
    const { wire, response } = await ask(t, Buffer.concat([latin(make(channel)), request('POST', `/channels/${behind}`, { body: 'smuggled' })]), { method });
    assert([].concat(statuses).includes(response.status), `status ${response.status} and not ${statuses}`);
    assertProblem(response, response.status);
    await assertClosedBehind(wire, response);
    await assertUntouched(t, behind);
    await assertUntouched(t, channel);
  });

test('a refusal can be read by a client that goes on sending', async (t) => {
  const wire = await dial(t);
  wire.send(latin('POST /x HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n'));
  for (let at = 0; at < 10; at++) {
    wire.send(Buffer.alloc(20_000, 0x0a));
    await pause(20);
  }
  const response = await nextResponse(wire);
  assertProblem(response, 400);
  await assertClosedBehind(wire, response);
});

test('the absolute form is taken when its host is the Host', async (t) => {
  const channel = fresh();
  const { response } = await ask(t, latin(`POST http://localhost:${server.port}/channels/${channel} HTTP/1.1\r\nHost: localhost:${server.port}\r\nContent-Length: 2\r\n\r\nhi`));
  assertPublished(response, { channel });
});

test('a head one byte at a time', async (t) => {
  const channel = fresh();
  const wire = await dial(t);
  await wire.sendBytes(request('POST', `/channels/${channel}`, { body: 'slow', headers: ['X-Filler: abc'] }));
  assertPublished(await nextResponse(wire), { channel });
});

// --- limits of the head ---

/* A request whose head, with its empty line, has exactly `length` bytes. */
function headOf(length, target = '/health') {
  const empty = request('GET', target, { headers: ['X-Filler: '] }).length;
  return request('GET', target, { headers: [`X-Filler: ${'x'.repeat(length - empty)}`] });
}
for (const [length, status] of [[8191, 200], [8192, 200], [8193, 431], [20_000, 431]])
  test(`a head of ${length} bytes is a ${status}`, async (t) => {
    const { wire, response } = await ask(t, headOf(length));
    assert.equal(response.status, status);
    if (status === 200) return;
    assertProblem(response, status);
    await assertClosedBehind(wire, response);
  });
for (const [count, status] of [[63, 200], [64, 200], [65, 431], [200, 431]])
  test(`${count} header lines are a ${status}`, async (t) => {
    const { wire, response } = await ask(t, request('GET', '/health', { headers: Array.from({ length: count - 1 }, (_, at) => `X-${at}: x`) }));
    assert.equal(response.status, status);
    if (status === 200) return;
    assertProblem(response, status);
    await assertClosedBehind(wire, response);
  });
for (const [length, status] of [[6143, 200], [6144, 200], [6145, 414], [7000, 414]])
  test(`a URL of ${length} bytes is a ${status}`, async (t) => {
    const { wire, response } = await ask(t, request('GET', `/health?${'x'.repeat(length - 8)}`));
    assert.equal(response.status, status);
    if (status === 200) return;
    assertProblem(response, status);
    await assertClosedBehind(wire, response);
  });
test('a head without an end is refused when it is too long, not when it ends', async (t) => {
  const { wire, response } = await ask(t, latin(`GET /health HTTP/1.1\r\nHost: localhost\r\nX-Filler: ${'x'.repeat(9000)}`));
  assertProblem(response, 431);
  await assertClosedBehind(wire, response);
});

// --- methods and places ---

for (const path of ['/health', '/ready', '/version'])
  test(`GET and HEAD of ${path} agree, but for the body`, async (t) => {
    const { response: got } = await ask(t, request('GET', path));
    assert.equal(got.status, 200);
    assertDynamic(got);
    assert(got.body.length > 0);
    if (path === '/version') assert.match(got.body.toString(), /[0-9]+\.[0-9]+\.[0-9]+/);
    const wire = await dial(t);
    wire.send(Buffer.concat([request('HEAD', path), request('GET', '/health')]));
    const head = await nextResponse(wire, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.headers['content-length'], String(got.body.length));
    assert.equal((await nextResponse(wire)).status, 200, 'the answer to HEAD had a body');
  });

for (const [method, path, allowed] of [
  ['POST', '/health', 'GET'], ['DELETE', '/ready', 'GET'], ['PUT', '/version', 'GET'], ['POST', '/', 'GET'], ['POST', '/echo', 'GET'],
  ['PUT', '/channels/lobby', 'POST'], ['PATCH', '/channels/lobby', 'POST'],
])
  test(`${method} ${path} is a 405 that allows ${allowed}`, async (t) => {
    const { response } = await ask(t, request(method, path, { body: '' }));
    assertProblem(response, 405);
    assert(response.headers.allow?.split(/, */).includes(allowed), `Allow: ${response.headers.allow}`);
    assert(!response.headers.allow.split(/, */).includes(method));
  });
test('a method that nobody knows is refused', async (t) => {
  const { response } = await ask(t, request('BREW', '/health', { body: '' }));
  assert([405, 501].includes(response.status), String(response.status));
  assertProblem(response, response.status);
});
test('a method in lower case is another method', async (t) => {
  const channel = fresh();
  const { response } = await ask(t, request('post', `/channels/${channel}`, { body: 'a' }));
  assert([405, 501].includes(response.status), String(response.status));
  await assertUntouched(t, channel);
});
for (const path of ['/health', '/echo', '/channels/lobby', '/'])
  test(`OPTIONS ${path} says what is allowed`, async (t) => {
    const { response } = await ask(t, request('OPTIONS', path));
    assert([200, 204].includes(response.status), String(response.status));
    assert(response.headers.allow?.split(/, */).includes(path === '/channels/lobby' ? 'POST' : 'GET'), `Allow: ${response.headers.allow}`);
  });
for (const path of ['/nowhere', '/Health', '/health/', '/channels', '/echo/x', '/channels/a/b', '//', '/index.html', '/%2e%2e/etc/passwd', '/../health'])
  test(`GET ${path} is a 404`, async (t) => {
    const { response } = await ask(t, request('GET', path));
    assert([404].includes(response.status) || (path === '/channels' && response.status === 405), String(response.status));
    assertProblem(response, response.status);
  });
test('a 404 keeps the connection', async (t) => {
  const wire = await dial(t);
  wire.send(Buffer.concat([request('GET', '/nowhere'), request('GET', '/health')]));
  assertProblem(await nextResponse(wire), 404);
  assert.equal((await nextResponse(wire)).status, 200);
});
test('a plain GET of /echo is a 426 that says how', async (t) => {
  const { wire, response } = await ask(t, request('GET', '/echo'));
  assertProblem(response, 426);
  assert.equal(response.headers.upgrade, 'websocket');
  assert.match(response.headers.connection, /\bupgrade\b/i);
  assert.equal(response.headers['sec-websocket-version'], '13');
  await assertClosedBehind(wire, response);
});

test('the page names the hashes of its style and script, and nothing else may run', async (t) => {
  const { response } = await ask(t, request('GET', '/'));
  assert.equal(response.status, 200);
  assert.match(response.headers['content-type'], /^text\/html; charset=utf-8$/i);
  assert.equal(response.headers['x-content-type-options'], 'nosniff');
  const page = response.body.toString('utf8');
  const policy = Object.fromEntries(response.headers['content-security-policy'].split(/; */).filter(Boolean).map((part) => [part.split(' ')[0], part.split(' ').slice(1)]));
  for (const tag of ['style', 'script']) {
    const inside = [...page.matchAll(new RegExp(`<${tag}>([^]*?)</${tag}>`, 'g'))];
    assert.equal(inside.length, 1);
    const hash = crypto.createHash('sha256').update(inside[0][1]).digest('base64');
    assert.deepEqual(policy[`${tag}-src`], [`'sha256-${hash}'`]);
  }
  assert.deepEqual(policy['default-src'], ["'none'"]);
  assert(!/unsafe/.test(response.headers['content-security-policy']));
  assert(!/<[a-z][^>]*\son[a-z]+=|<[a-z][^>]*\sstyle=/i.test(page), 'the policy would block an inline handler or style');
});

// --- Host and Origin ---

for (const host of ['localhost', 'LocalHost', `localhost:${server.port}`, 'localhost:1', '127.0.0.1', '127.0.0.1:80', '127.9.8.7', '[::1]', '[::1]:8080', 'app.localhost'])
  test(`Host: ${host} is this machine`, async (t) => {
    const { response } = await ask(t, request('GET', '/health', { host }));
    assert.equal(response.status, 200);
  });
for (const host of ['godwit.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'evil-localhost', 'notlocalhost', '10.0.0.1', '128.0.0.1', '0.0.0.0', '[::2]', '[::ffff:10.0.0.1]', '2130706433'])
  test(`Host: ${host} is a 421`, async (t) => {
    const channel = fresh();
    const { wire, response } = await ask(t, request('POST', `/channels/${channel}`, { host, body: 'a' }));
    assertProblem(response, 421);
    await assertClosedBehind(wire, response);
    await assertUntouched(t, channel);
  });

for (const origin of ['http://localhost', 'http://localhost:3000', 'https://localhost:3000', 'HTTP://LOCALHOST:3000', 'http://localhost.:3000', 'http://127.0.0.1:8000', 'http://127.1.2.3', 'http://[::1]:5173', 'http://app.localhost:3000'])
  test(`Origin: ${origin} may publish`, async (t) => {
    const channel = fresh();
    const { response } = await ask(t, request('POST', `/channels/${channel}`, { body: 'a', headers: [`Origin: ${origin}`] }));
    assertPublished(response, { channel });
  });
for (const origin of [
  'null', '', 'https://evil.example', 'http://localhost.evil.example', 'http://127.0.0.1.evil.example', 'http://evil.example:80', 'http://localhost@evil.example', 'http://evil.example#localhost',
  'http://evil.example/localhost', 'http://notlocalhost', 'http://10.0.0.1', 'http://0.0.0.0', 'file://', 'localhost', '//localhost', 'http://', 'http://localhost http://evil.example', 'http://localhost, http://localhost',
])
  test(`Origin: ${origin || '(empty)'} may not publish`, async (t) => {
    const channel = fresh();
    const { response } = await ask(t, request('POST', `/channels/${channel}`, { body: 'a', headers: [`Origin: ${origin}`] }));
    assertProblem(response, 403);
    await assertUntouched(t, channel);
  });
test('two Origins may not publish', async (t) => {
  const channel = fresh();
  const { response } = await ask(t, request('POST', `/channels/${channel}`, { body: 'a', headers: ['Origin: http://localhost', 'Origin: http://localhost'] }));
  assert([400, 403].includes(response.status), String(response.status));
  assertProblem(response, response.status);
  await assertUntouched(t, channel);
});

async function ownServer(t, args) {
  const own = await startServer({ args });
  t.after(async () => {
    const { code } = await own.stop();
    assert.equal(code, 0, `the server ended with ${code}: ${own.stderr().slice(-2000)}`);
  });
  return own;
}

test('an Origin on the list may publish, its neighbours may not', async (t) => {
  const own = await ownServer(t, ['--origins=https://app.example']);
  for (const [origin, status] of [
    ['https://app.example', 200], ['https://APP.example', 200], ['https://app.example:443', 200], ['https://app.example.', 200], ['http://localhost:1', 200],
    ['http://app.example', 403], ['https://app.example:8443', 403], ['https://app.example.evil', 403], ['https://x.app.example', 403], ['null', 403],
  ]) {
    const { response } = await ask(t, request('POST', '/channels/a', { body: 'a', headers: [`Origin: ${origin}`] }), { port: own.port });
    assert.equal(response.status, status, `Origin: ${origin}`);
  }
});

// --- event names, and what is not served yet ---

for (const [name, event, status] of [
  ['one character', 'e', 200],
  ['64 characters', 'e'.repeat(64), 200],
  ['64 characters of four bytes', latin(Buffer.from('\u{1f426}'.repeat(64)).toString('latin1')), 200],
  ['65 characters', 'e'.repeat(65), 400],
  ['none', '', 400],
  ['a tab', 'a\tb', 400],
  ['not UTF-8', latin('\xff'), 400],
  ...['reset', 'binary', 'error', 'open', 'message'].map((own) => [`the server's own ${own}`, own, 400]),
]) {
  test(`Godwit-Event: ${name} is ${status}`, async (t) => {
    const head = latin(`POST /channels/${fresh()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nGodwit-Event: `);
    const { response } = await ask(t, Buffer.concat([head, Buffer.from(event), latin('\r\n\r\nx')]), { method: 'POST' });
    assert.equal(response.status, status);
    if (status !== 200) assertProblem(response, status);
  });
}

test('two Godwit-Event headers are refused', async (t) => {
  const { response } = await ask(t, request('POST', `/channels/${fresh()}`, { body: 'a', headers: ['Godwit-Event: a', 'Godwit-Event: b'] }));
  assertProblem(response, 400);
});

for (const [name, headers] of [
  ['an empty one', ['Idempotency-Key:']],
  ['an empty quoted one', ['Idempotency-Key: ""']],
  ['two', ['Idempotency-Key: a', 'Idempotency-Key: b']],
  ['one that is too long', [`Idempotency-Key: ${'k'.repeat(256)}`]],
  ['a quoted one that is too long', [`Idempotency-Key: "${'k'.repeat(256)}"`]],
  ['a quote without its end', ['Idempotency-Key: "k']],
  ['a quote alone', ['Idempotency-Key: "']],
  ['something behind the quote', ['Idempotency-Key: "k" ;x']],
  ['a backslash before what needs none', ['Idempotency-Key: "a\\b"']],
  ['a backslash before the end', ['Idempotency-Key: "a\\"']],
])
  test(`Idempotency-Key, ${name}: 400, and nothing published`, async (t) => {
    const channel = fresh();
    const { response } = await ask(t, request('POST', `/channels/${channel}`, { body: 'a', headers }));
    assertProblem(response, 400);
    await assertUntouched(t, channel);
  });

test('what comes again under its Idempotency-Key is answered and not published', async (t) => {
  const channel = fresh();
  const publish = async (key, to = channel) => {
    const { response } = await ask(t, request('POST', `/channels/${to}`, { body: 'a', headers: [`Idempotency-Key: ${key}`] }));
    assert.equal(response.status, 200);
    return JSON.parse(response.body);
  };
  const first = await publish('order-7');
  assert.equal(first.duplicate, false);
  const again = await publish('order-7');
  assert.deepEqual(again, { ...first, duplicate: true });
  assert.equal((await publish('"order-7"')).offset, first.offset, 'the quotes are no part of it');
  assert.equal((await publish('"a\\"b\\\\"')).offset, 2);
  assert.equal((await publish('"a\\"b\\\\"')).duplicate, true);
  assert.equal((await publish('a"b\\')).duplicate, true, 'nor are the backslashes');
  assert.equal((await publish('k'.repeat(255))).offset, 3);
  assert.equal((await publish('order-7', fresh())).duplicate, false, 'another channel has its own');
});

// --- pages at an allowed origin ---

for (const [name, method, path, status] of [
  ['a publication', 'POST', () => `/channels/${fresh()}`, 200],
  ['health', 'GET', () => '/health', 200],
  ['a 404', 'GET', () => '/nowhere', 404],
  ['a 405', 'PUT', () => '/health', 405],
  ['a preflight', 'OPTIONS', () => `/channels/${fresh()}`, 204],
]) {
  test(`a page at an allowed origin may read the answer: ${name}`, async (t) => {
    const body = method === 'POST' ? { body: 'a' } : {};
    const { response } = await ask(t, request(method, path(), { ...body, headers: ['Origin: http://localhost:3000'] }));
    assert.equal(response.status, status);
    assert.equal(response.headers['access-control-allow-origin'], '*');
    assert.match(response.headers['access-control-expose-headers'], /Godwit-Position/);
  });
}

test('a page at another origin may not read that it was refused; nor is anything said without an origin', async (t) => {
  const { response } = await ask(t, request('GET', '/health', { headers: ['Origin: http://evil.example'] }));
  assertProblem(response, 403);
  assert.equal(response.headers['access-control-allow-origin'], undefined);
  const { response: plain } = await ask(t, request('GET', '/health'));
  assert.equal(plain.headers['access-control-allow-origin'], undefined);
});

test('a token of 4 KiB is looked at, a longer one is not', async (t) => {
  const own = await ownServer(t, ['--open=off', '--api-keys=a-long-enough-key-for-tests']);
  for (const length of [4096, 4097]) {
    const { response } = await ask(t, request('POST', `/channels/a?token=${'k'.repeat(length)}`, { body: 'a' }), { port: own.port });
    assertProblem(response, 401);
  }
  const { response } = await ask(t, request('POST', '/channels/a?token=a-long-enough-key%2Dfor-tests', { body: 'a' }), { port: own.port });
  assert.equal(response.status, 200);
});

test('two Authorizations are ambiguous', async (t) => {
  const { wire, response } = await ask(t, request('GET', '/health', { headers: ['Authorization: Bearer a', 'Authorization: Bearer b'] }));
  assertProblem(response, 400);
  await assertClosedBehind(wire, response);
});

test('OPTIONS * asks about the server as a whole', async (t) => {
  const { response } = await ask(t, request('OPTIONS', '*'));
  assert.equal(response.status, 204);
  assert.deepEqual(response.headers.allow.split(/, */).sort(), ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST']);
});

test('a POST that wants to be a WebSocket hears which methods there are', async (t) => {
  const { response } = await ask(t, request('POST', `/channels/${fresh()}`, {
    headers: ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13'],
  }));
  assertProblem(response, 405);
  assert.deepEqual(response.headers.allow.split(/, */).sort(), ['DELETE', 'GET', 'OPTIONS', 'POST']);
});

test('a connection that asked for another protocol and was answered in this one is not read on', async (t) => {
  const channel = fresh();
  const wire = await dial(t);
  wire.send(Buffer.concat([
    request('GET', '/health', { headers: ['Upgrade: h2c', 'Connection: Upgrade'] }),
    request('POST', `/channels/${channel}`, { body: 'smuggled' }),
  ]));
  const response = await nextResponse(wire);
  assert.equal(response.status, 200);
  await assertClosedBehind(wire, response);
  await assertUntouched(t, channel);
});

test('every answer bears the date', async (t) => {
  for (const path of ['/health', '/', '/nowhere']) {
    const { response } = await ask(t, request('GET', path));
    assert.match(response.headers.date, /^(Sun|Mon|Tue|Wed|Thu|Fri|Sat), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/);
    assert(Math.abs(Date.parse(response.headers.date) - Date.now()) < 60_000);
  }
});

test('HEAD of a channel answers as GET would, without a body', async (t) => {
  const { response } = await ask(t, request('HEAD', `/channels/${fresh()}`), { method: 'HEAD' });
  assert.equal(response.status, 426);
  assert.equal(response.headers.connection, 'Upgrade, close');
  assert.equal(response.body.length, 0);
});

test('with open = off publishing wants a credential, and the demonstration is gone', async (t) => {
  const own = await ownServer(t, ['--open=off', '--api-keys=a-long-enough-key-for-tests']);
  for (const [headers, status] of [
    [[], 401], [['Authorization: Bearer wrong'], 401], [['Authorization: Bearer '], 401], [['Authorization: Bearer a-long-enough-key-for-test'], 401],
    [['Authorization: Bearer a-long-enough-key-for-testss'], 401], [['Authorization: Bearer a-long-enough-key-for-tests'], 200], [['authorization: bearer a-long-enough-key-for-tests'], 200],
  ]) {
    const { response } = await ask(t, request('POST', '/channels/a', { body: 'a', headers }), { port: own.port });
    assert.equal(response.status, status, headers[0] ?? 'no credential');
    if (status !== 401) continue;
    assertProblem(response, 401);
    assert.match(response.headers['www-authenticate'] ?? '', /^Bearer\b/, 'RFC 9110 section 15.5.2: a 401 names a scheme');
  }
  const page = await ask(t, request('GET', '/'), { port: own.port });
  assertProblem(page.response, 404);
  const { response } = await ask(t, request('GET', '/health', { host: 'push.example' }), { port: own.port });
  assert.equal(response.status, 200, 'any Host is fine outside of open mode');
});

// --- time ---

test('a connection that says nothing is gone at its deadline', async (t) => {
  const own = await ownServer(t, ['--handshake-timeout=1s']);
  const begin = performance.now();
  const wire = await dial(t, own.port);
  assert(await wire.untilEnd(5000), 'still open after 5 s');
  const took = performance.now() - begin;
  assert(took > 700 && took < 4000, `gone after ${Math.round(took)} ms`);
});
test('a head that comes a byte at a time is cut at its deadline', async (t) => {
  const own = await ownServer(t, ['--handshake-timeout=1s']);
  const begin = performance.now();
  const wire = await dial(t, own.port);
  const feed = (async () => {
    for (const byte of request('GET', '/health', { headers: [`X-Filler: ${'x'.repeat(100)}`] })) {
      if (wire.over) return;
      wire.send(Buffer.from([byte]));
      await pause(100);
    }
  })();
  const ended = await wire.untilEnd(5000);
  const took = performance.now() - begin;
  wire.destroy();
  await feed;
  assert(ended, wire.error ? `reset: ${wire.error.code}` : 'still open after 5 s');
  assert(took > 700 && took < 4500, `gone after ${Math.round(took)} ms`);
  if (wire.data.length > 0) assert.match(wire.data.toString('latin1'), /^HTTP\/1\.1 408 /);
});
test('a body that does not come is a 408 at its deadline', async (t) => {
  const own = await ownServer(t, ['--body-timeout=1s']);
  const begin = performance.now();
  const wire = await dial(t, own.port);
  wire.send(Buffer.concat([request('POST', '/channels/a', { headers: ['Content-Length: 100'] }), latin('a beginning')]));
  const response = await nextResponse(wire);
  assert(performance.now() - begin > 700);
  assertProblem(response, 408);
  await assertClosedBehind(wire, response);
});
test('a smaller max_body is the limit', async (t) => {
  const own = await ownServer(t, ['--max-body=1KiB']);
  for (const [length, status] of [[1023, 200], [1024, 200], [1025, 413]]) {
    const { response } = await ask(t, request('POST', '/channels/a', { body: 'x'.repeat(length) }), { port: own.port });
    assert.equal(response.status, status, `${length} bytes`);
  }
});
test('smaller max_head, max_headers and max_url are the limits', async (t) => {
  const own = await ownServer(t, ['--max-head=1KiB', '--max-headers=8', '--max-url=256']);
  for (const [bytes, status] of [
    [headOf(1024), 200], [headOf(1025), 431],
    [request('GET', '/health', { headers: Array.from({ length: 7 }, (_, at) => `X-${at}: x`) }), 200],
    [request('GET', '/health', { headers: Array.from({ length: 8 }, (_, at) => `X-${at}: x`) }), 431],
    [request('GET', `/health?${'x'.repeat(248)}`), 200], [request('GET', `/health?${'x'.repeat(249)}`), 414],
  ]) {
    const { response } = await ask(t, bytes, { port: own.port });
    assert.equal(response.status, status, String(bytes).slice(0, 60));
  }
});

await run({ concurrency: 16 });
