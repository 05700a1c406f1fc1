// ws_conformance.mjs - RFC 6455 over real sockets, case by case, against /echo.
//
// Written from the RFC; a case's name begins with the section it is about. What the RFC leaves open is
// settled by docs/limits.md and the product's interface: a message is at most 64 KiB, 10 control frames a
// second with a burst of 20, 1,024 fragments a message.
//
// The frame cases are data, in ws_cases.mjs. Each runs twice, its bytes sent in one piece and one at a time.
import assert from 'node:assert/strict';

import { CLOSE, Ear, PING, TEXT, acceptFor, closeBody, frame, hex } from '../lib/frames.mjs';
import { assertProblem, nextResponse, request } from '../lib/http.mjs';
import { suiteServer } from '../lib/server.mjs';
import { KEY, assertMessages, assertPongs, exchange, expectClose, leaveInOrder, openWs, upgrade as upgradeAt } from '../lib/talk.mjs';
import { run, test } from '../lib/tap.mjs';
import { Wire } from '../lib/wire.mjs';
import { frameCases, plainBytes } from './ws_cases.mjs';

const KIB = 1024;
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='; // what section 1.3 makes of its key

const plain = await suiteServer({});
const roomy = await suiteServer({ args: ['--max-message=1MiB'] });

const upgrade = (options) => upgradeAt({ port: plain.port, ...options });
const openEcho = async (t) => (await openWs(t, plain.port)).wire;

for (const { section, name, send, roomy: isRoomy, ...rest } of frameCases) {
  const bytes = plainBytes(send);
  const { port } = isRoomy ? roomy : plain;
  const body = (oneByOne) => async (t) => exchange(t, await openWs(t, port), bytes, { oneByOne, ...rest });
  test(`${section} ${name}`, body(false));
  test(`${section} ${name} (byte by byte)`, body(true), { seconds: 20 });
}

test('7.1.1 the connection ends in order when the client just ends its stream', async (t) => {
  const wire = await openEcho(t);
  wire.end();
  assert(await wire.untilEnd());
});
test('7.1.1 the connection ends in order when the client ends its stream inside a frame', async (t) => {
  const wire = await openEcho(t);
  wire.send(frame(TEXT, 'cut short').subarray(0, 6));
  wire.end();
  assert(await wire.untilEnd());
});
test('7.1.7 the close frame can be read although the client goes on sending', async (t) => {
  const wire = await openEcho(t);
  const ear = new Ear();
  wire.send(Buffer.concat([frame(TEXT, 'x', { rsv: 1 }), Buffer.alloc(100 * KIB, 0x5a)]));
  for (let at = 0; at < 10; at++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    wire.send(Buffer.alloc(10 * KIB, 0x5a));
  }
  await expectClose(wire, ear, 1002);
});
test('7.1.1 a client that answers no close is left within a few seconds', async (t) => {
  const wire = await openEcho(t);
  const ear = new Ear();
  wire.send(frame(TEXT, hex('ff')));
  await expectClose(wire, ear, 1007);
}, { seconds: 6 });

// --- 4 the opening handshake ---

/** One handshake that must succeed: and the connection behind it must work. */
function accepted(section, name, options, { protocol, key = KEY } = {}) {
  test(`${section} ${name}`, async (t) => {
    const wire = await Wire.connect(plain.port);
    t.after(() => wire.destroy());
    wire.send(upgrade(options));
    const response = await nextResponse(wire);
    t.note(JSON.stringify(response));
    assert.equal(response.status, 101);
    assert.equal(response.headers.upgrade?.toLowerCase(), 'websocket');
    assert.equal(response.headers.connection?.toLowerCase(), 'upgrade');
    assert.equal(response.headers['sec-websocket-accept'], acceptFor(key));
    assert.equal(response.headers['sec-websocket-protocol'], protocol);
    assert.equal(response.headers['sec-websocket-extensions'], undefined);
    assert.equal(response.headers['content-length'], undefined);
    await leaveInOrder(wire, new Ear());
  });
}

/** One that must be refused, with one of these statuses, and the connection closed behind the answer. */
function refused(section, name, options, statuses, check) {
  test(`${section} ${name}`, async (t) => {
    const wire = await Wire.connect(plain.port);
    t.after(() => wire.destroy());
    wire.send(upgrade(options));
    const method = options.method ?? 'GET';
    const response = await nextResponse(wire, { method });
    t.note(JSON.stringify(response));
    assert([].concat(statuses).includes(response.status), `status ${response.status} and not ${statuses}`);
    assertProblem(response, response.status, { method });
    assert.match(response.headers.connection ?? '', /(^|,\s*)close(\s*,|$)/i);
    assert.equal(response.headers['sec-websocket-accept'], undefined);
    check?.(response);
    assert(await wire.untilEnd(), 'the connection is closed');
    assert.equal(wire.data.length, 0, 'nothing comes after the answer');
  });
}

function offersVersion(response) {
  assert.equal(response.headers['sec-websocket-version'], '13');
  assert.equal(response.headers.upgrade, 'websocket');
  assert.match(response.headers.connection, /\bupgrade\b/i);
}

test('1.3 the key of the RFC has the answer of the RFC', async (t) => {
  const wire = await Wire.connect(plain.port);
  t.after(() => wire.destroy());
  wire.send(upgrade());
  assert.equal((await nextResponse(wire)).headers['sec-websocket-accept'], ACCEPT);
});
accepted('4.2.1', 'a plain handshake is accepted', {});
accepted('4.2.1', 'an empty query is fine', { target: '/echo?' });
accepted('4.2.1', 'a query is fine', { target: '/echo?a=b' });
accepted('4.2.1', 'header names in lower case', {
  drop: ['Upgrade', 'Connection', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version'],
  lines: ['upgrade: websocket', 'connection: upgrade', `sec-websocket-key: ${KEY}`, 'sec-websocket-version: 13'],
});
accepted('4.2.1', 'header names in upper case', {
  drop: ['Upgrade', 'Connection', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version'],
  lines: ['UPGRADE: websocket', 'CONNECTION: Upgrade', `SEC-WEBSOCKET-KEY: ${KEY}`, 'SEC-WEBSOCKET-VERSION: 13'],
});
for (const value of ['WebSocket', 'WEBSOCKET', 'wEbSoCkEt', 'foo, websocket', 'websocket, h2c', 'foo,,websocket'])
  accepted('4.2.1', `Upgrade: ${value}`, { drop: ['Upgrade'], lines: [`Upgrade: ${value}`] });
for (const value of ['upgrade', 'UPGRADE', 'keep-alive, Upgrade', 'Upgrade, keep-alive', 'keep-alive,Upgrade', 'keep-alive , , Upgrade'])
  accepted('4.2.1', `Connection: ${value}`, { drop: ['Connection'], lines: [`Connection: ${value}`] });
accepted('4.2.1', 'Connection in two headers', { drop: ['Connection'], lines: ['Connection: keep-alive', 'Connection: Upgrade'] });
accepted('4.2.1', 'Upgrade in two headers', { drop: ['Upgrade'], lines: ['Upgrade: h2c', 'Upgrade: websocket'] });
accepted('4.2.1', 'blanks around the values', {
  drop: ['Upgrade', 'Connection', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version'],
  lines: ['Upgrade: \t websocket \t', 'Connection:Upgrade', `Sec-WebSocket-Key:   ${KEY}  `, 'Sec-WebSocket-Version:\t13\t'],
});
accepted('4.2.1', 'headers that nobody knows', {
  lines: ['X-Requested-With: test', 'Cookie: a=b; c=d', 'User-Agent: Godwit/1.0', 'Pragma: no-cache', 'Cache-Control: no-cache', 'Accept-Language: mi'],
});
accepted('4.2.1', 'the mandatory headers after fifty others', {
  drop: ['Upgrade', 'Connection', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version'],
  lines: [
    ...Array.from({ length: 50 }, (_, at) => `X-Filler-${at}: x`),
    'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Key: ${KEY}`, 'Sec-WebSocket-Version: 13',
  ],
});
accepted('4.2.1', 'an Origin on loopback', { lines: ['Origin: http://localhost:3000'] });
accepted('4.2.2', 'another key has another answer', { drop: ['Sec-WebSocket-Key'], lines: ['Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='] }, { key: 'AAAAAAAAAAAAAAAAAAAAAA==' });
accepted('4.2.2', 'a key with every odd character of base64', { drop: ['Sec-WebSocket-Key'], lines: ['Sec-WebSocket-Key: ++//++//++//++//++//+w=='] }, { key: '++//++//++//++//++//+w==' });
accepted('9.1', 'an extension that is not spoken is not chosen', { lines: ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'] });
accepted('9.1', 'extensions in several headers, with quoted parameters', {
  lines: ['Sec-WebSocket-Extensions: foo; bar="baz", x-webkit-deflate-frame', 'Sec-WebSocket-Extensions: permessage-bzip2'],
});
accepted('4.2.2', 'the subprotocol godwit is chosen', { lines: ['Sec-WebSocket-Protocol: godwit'] }, { protocol: 'godwit' });
accepted('4.2.2', 'the subprotocol godwit is chosen among others', { lines: ['Sec-WebSocket-Protocol: chat, godwit, superchat'] }, { protocol: 'godwit' });
accepted('4.2.2', 'the subprotocol godwit is chosen from a second header', { lines: ['Sec-WebSocket-Protocol: chat', 'Sec-WebSocket-Protocol: godwit'] }, { protocol: 'godwit' });
accepted('4.2.2', 'no subprotocol in common: none is named', { lines: ['Sec-WebSocket-Protocol: chat, superchat'] });
accepted('4.2.2', 'a subprotocol in another case is another one', { lines: ['Sec-WebSocket-Protocol: Godwit'] });
accepted('4.2.2', 'a token beside the subprotocol is not echoed', { drop: [], lines: ['Sec-WebSocket-Protocol: godwit, chat.v2'] }, { protocol: 'godwit' });

/* Not an upgrade to websocket at all: /echo wants one (426); or, read strictly, a broken one (400). */
const NOT_ONE = [400, 426];
refused('4.2.1', 'no Upgrade header', { drop: ['Upgrade'] }, NOT_ONE);
refused('4.2.1', 'no Connection header', { drop: ['Connection'] }, NOT_ONE);
refused('4.2.1', 'neither', { drop: ['Upgrade', 'Connection'] }, 426, offersVersion);
refused('4.2.1', 'an upgrade to something else', { drop: ['Upgrade'], lines: ['Upgrade: h2c'] }, NOT_ONE);
refused('4.2.1', 'an Upgrade that only begins with websocket', { drop: ['Upgrade'], lines: ['Upgrade: websockets'] }, NOT_ONE);
refused('4.2.1', 'a Connection without the token upgrade', { drop: ['Connection'], lines: ['Connection: keep-alive'] }, NOT_ONE);
refused('4.2.1', 'a Connection that only begins with upgrade', { drop: ['Connection'], lines: ['Connection: upgraded'] }, NOT_ONE);
refused('4.2.1', 'no key', { drop: ['Sec-WebSocket-Key'] }, 400);
refused('4.2.1', 'two keys', { lines: ['Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='] }, 400);
refused('4.2.1', 'the same key twice', { lines: [`Sec-WebSocket-Key: ${KEY}`] }, 400);
for (const [name, key] of [
  ['an empty key', ''], ['a key of 15 bytes', 'AAAAAAAAAAAAAAAAAAAA'], ['a key of 17 bytes', 'AAAAAAAAAAAAAAAAAAAAAAA='],
  ['a key without its padding', 'AAAAAAAAAAAAAAAAAAAAAA'], ['a key with one padding sign', 'AAAAAAAAAAAAAAAAAAAAAA='],
  ['a key in the URL alphabet', '--__AAAAAAAAAAAAAAAAAA=='], ['a key with a blank inside', 'AAAAAAAAAA AAAAAAAAAAA=='],
  ['a key that is a word', 'secret'], ['a key with padding in front', '==AAAAAAAAAAAAAAAAAAAAAA'],
  ['two keys in one', `${KEY}, ${KEY}`],
])
  refused('4.2.1', name, { drop: ['Sec-WebSocket-Key'], lines: [`Sec-WebSocket-Key: ${key}`] }, 400);
for (const [name, lines] of [
  ['no version', []], ['version 0', ['Sec-WebSocket-Version: 0']], ['version 8', ['Sec-WebSocket-Version: 8']],
  ['version 12', ['Sec-WebSocket-Version: 12']], ['version 14', ['Sec-WebSocket-Version: 14']], ['version 255', ['Sec-WebSocket-Version: 255']],
])
  refused('4.4', `${name}: 426 with the version we speak`, { drop: ['Sec-WebSocket-Version'], lines }, 426, offersVersion);
for (const [name, lines] of [
  ['version 13 twice', ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 13']],
  ['version 8 beside 13', ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 8']],
  ['a list of versions', ['Sec-WebSocket-Version: 13, 8']], ['version 013', ['Sec-WebSocket-Version: 013']],
  ['version +13', ['Sec-WebSocket-Version: +13']], ['an empty version', ['Sec-WebSocket-Version: ']],
])
  refused('4.2.1', name, { drop: ['Sec-WebSocket-Version'], lines }, NOT_ONE);
refused('4.2.1', 'no Host', { drop: ['Host'] }, 400);
refused('4.2.1', 'two Hosts', { lines: ['Host: localhost'] }, 400);
refused('4.2.1', 'a Host from elsewhere', { host: 'godwit.example' }, 421);
refused('4.2.1', 'an Origin from elsewhere', { lines: ['Origin: https://evil.example'] }, 403);
refused('4.2.1', 'the Origin null', { lines: ['Origin: null'] }, 403);
refused('4.2.1', 'two Origins', { lines: ['Origin: http://localhost', 'Origin: http://localhost'] }, [400, 403]);
refused('4.2.1', 'HTTP/1.0', { version: 'HTTP/1.0' }, [400, 426, 505]);
refused('4.2.1', 'HTTP/2.0 in the request line', { version: 'HTTP/2.0' }, [400, 505]);
refused('4.2.1', 'POST', { method: 'POST' }, [400, 405]);
refused('4.2.1', 'PUT', { method: 'PUT' }, [400, 405]);
refused('4.2.1', 'a GET with a body', { lines: ['Content-Length: 5'] }, 400);
refused('4.2.1', 'a GET with a body in chunks', { lines: ['Transfer-Encoding: chunked'] }, 400);
refused('4.2.1', 'no such place', { target: '/nowhere' }, 404);

test('4.1 the handshake one byte at a time', async (t) => {
  const wire = await Wire.connect(plain.port);
  t.after(() => wire.destroy());
  await wire.sendBytes(upgrade());
  assert.equal((await nextResponse(wire)).status, 101);
  await leaveInOrder(wire, new Ear());
});
test('4.1 frames in the same segment as the handshake', async (t) => {
  const wire = await Wire.connect(plain.port);
  t.after(() => wire.destroy());
  wire.send(Buffer.concat([upgrade(), frame(TEXT, 'early'), frame(PING, 'bird')]));
  assert.equal((await nextResponse(wire)).status, 101);
  const ear = new Ear();
  await wire.until(() => ear.hear(wire).pongs.length > 0 && ear.messages.length > 0);
  assertMessages(ear.messages, [[TEXT, 'early']]);
  assertPongs(ear.pongs, ['bird']);
  ear.pongs = [];
  await leaveInOrder(wire, ear);
});
test('4.1 half a frame in the same segment as the handshake', async (t) => {
  const wire = await Wire.connect(plain.port);
  t.after(() => wire.destroy());
  const early = frame(TEXT, 'cut in two');
  wire.send(Buffer.concat([upgrade(), early.subarray(0, 9)]));
  assert.equal((await nextResponse(wire)).status, 101);
  wire.send(early.subarray(9));
  const ear = new Ear();
  await leaveInOrder(wire, ear);
  assertMessages(ear.messages, [[TEXT, 'cut in two']]);
});
test('4.1 a handshake, frames and a close all in one segment', async (t) => {
  const wire = await Wire.connect(plain.port);
  t.after(() => wire.destroy());
  wire.send(Buffer.concat([upgrade(), frame(TEXT, 'all at once'), frame(CLOSE, closeBody(1000))]));
  assert.equal((await nextResponse(wire)).status, 101);
  const ear = new Ear();
  await expectClose(wire, ear, 1000);
  assertMessages(ear.messages, [[TEXT, 'all at once']]);
});
for (const [name, options] of [
  ['no key', { drop: ['Sec-WebSocket-Key'] }],
  ['the wrong version', { drop: ['Sec-WebSocket-Version'], lines: ['Sec-WebSocket-Version: 8'] }],
  ['a foreign Origin', { lines: ['Origin: https://evil.example'] }],
  ['no such place', { target: '/nowhere' }],
])
  test(`4.2.2 not one byte behind a refused upgrade is interpreted: ${name}`, async (t) => {
    const channel = `smuggled-${name.replaceAll(' ', '-')}`;
    const publish = request('POST', `/channels/${channel}`, { body: 'smuggled' });
    const wire = await Wire.connect(plain.port);
    t.after(() => wire.destroy());
    wire.send(Buffer.concat([upgrade(options), publish]));
    assert((await nextResponse(wire)).status >= 400);
    wire.send(publish);
    assert(await wire.untilEnd());
    assert.equal(wire.data.length, 0, 'a second answer came');
    const other = await Wire.connect(plain.port);
    t.after(() => other.destroy());
    other.send(publish);
    assert.equal(JSON.parse((await nextResponse(other)).body).offset, 1, 'the smuggled message was published');
  });
test('4.2.2 frames behind a refused upgrade are not answered', async (t) => {
  const wire = await Wire.connect(plain.port);
  t.after(() => wire.destroy());
  wire.send(Buffer.concat([upgrade({ drop: ['Sec-WebSocket-Key'] }), frame(TEXT, 'hello'), frame(PING, 'x')]));
  assert.equal((await nextResponse(wire)).status, 400);
  assert(await wire.untilEnd());
  assert.equal(wire.data.length, 0);
});
test('4.1 sixteen clients at once, each with its own echo', async (t) => {
  await Promise.all(
    Array.from({ length: 16 }, async (_, at) => {
      const wire = await openEcho(t);
      const ear = new Ear();
      wire.send(frame(TEXT, `client ${at}`));
      await leaveInOrder(wire, ear);
      assertMessages(ear.messages, [[TEXT, `client ${at}`]]);
    }),
  );
});

await run({ concurrency: 16 });
