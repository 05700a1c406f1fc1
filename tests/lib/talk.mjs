// talk.mjs - how a case talks with a server: it shakes hands, says its frames, hears what comes of them, and
// leaves in order.
//
// "Nothing more is wrong with this connection" is part of every case that is not about a failure: it must
// still answer a ping and close in order.
import assert from 'node:assert/strict';

import { CLOSE, DEFLATE_TERMS, Ear, PING, TEXT, closeBody, frame } from './frames.mjs';
import { nextResponse } from './http.mjs';
import { Wire } from './wire.mjs';

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='; // of RFC 6455 section 1.3

/** The request of a handshake. `lines` are added to the fields that must be there, but for those in `drop`. */
export function upgrade({ port, host = `127.0.0.1:${port}`, target = '/echo', lines = [], drop = [], method = 'GET', version = 'HTTP/1.1' }) {
  const fields = {
    Host: host,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
  };
  for (const name of drop) delete fields[name];
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from([`${method} ${target} ${version}`, ...head, ...lines, '', ''].join('\r\n'), 'latin1');
}

/** Shakes hands: {wire, ear, agreed}, `agreed` being the extensions as the server answered them. `offer` is
 * the value of one Sec-WebSocket-Extensions, or a list of such values; `lines` are more header lines; `behind`
 * is sent in the same piece. */
export async function openWs(t, port, { target, offer = [], lines = [], behind = Buffer.alloc(0) } = {}) {
  const wire = await Wire.connect(port);
  t.after(() => wire.destroy());
  const offers = [].concat(offer).map((value) => `Sec-WebSocket-Extensions: ${value}`);
  wire.send(Buffer.concat([upgrade({ port, target, lines: [...lines, ...offers] }), behind]));
  const response = await nextResponse(wire);
  assert.equal(response.status, 101);
  const agreed = response.headers['sec-websocket-extensions'];
  return { wire, ear: new Ear({ deflate: agreed === undefined ? null : DEFLATE_TERMS }), agreed };
}

export function describe(ear, wire) {
  const brief = (bytes) => (bytes.length > 40 ? `${bytes.length} bytes` : bytes.toString('hex'));
  const heard = ear.messages.map(({ opcode, payload }) => `${opcode === TEXT ? 'text' : 'binary'} ${brief(payload)}`);
  const state = wire.error ? `reset (${wire.error.code})` : wire.ended ? 'ended' : 'open';
  return `heard: messages [${heard}], pongs [${ear.pongs.map(brief)}], close ${JSON.stringify(ear.close)}, ${state}`;
}

export function assertMessages(heard, expected) {
  assert.equal(heard.length, expected.length, `${heard.length} messages and not ${expected.length}`);
  expected.forEach(([opcode, payload], index) => {
    assert.equal(heard[index].opcode, opcode, `opcode of message ${index + 1}`);
    assert(heard[index].payload.equals(Buffer.from(payload)), `payload of message ${index + 1} differs`);
  });
}

/* Section 5.5.3: a pong for each ping, or for the latest of several only; so what came must be a part of
 * what was asked, in its order, and end with the last one, where no close came between. */
export function assertPongs(heard, pings, { closed = false } = {}) {
  let at = 0;
  for (const pong of heard) {
    while (at < pings.length && !pong.equals(Buffer.from(pings[at]))) at++;
    assert(at < pings.length, `a pong that nobody asked for: ${pong.toString('hex')}`);
    at++;
  }
  if (pings.length > 0 && !closed) assert.equal(at, pings.length, 'the last ping has no pong');
}

/* Waits for what a case is about, so that nothing sent later can stand in for it. */
export async function hearAll(wire, ear, count, lastPing) {
  const done = () =>
    ear.hear(wire).close ||
    (ear.messages.length >= count && (lastPing === undefined || ear.pongs.at(-1)?.equals(Buffer.from(lastPing))));
  await wire.until(done);
}

/* The connection is still good: a ping is answered, a close is answered with the same code, and then
 * the server ends the TCP connection, which is its part (section 7.1.1). */
export async function leaveInOrder(wire, ear, sentinel = Buffer.from('still there?')) {
  wire.send(frame(PING, sentinel));
  await wire.until(() => ear.hear(wire).close || ear.pongs.some((pong) => pong.equals(sentinel)));
  assert(ear.pongs.at(-1)?.equals(sentinel), 'no pong for the last ping');
  ear.pongs.pop();
  wire.send(frame(CLOSE, closeBody(1000)));
  await wire.until(() => ear.hear(wire).close);
  assert.equal(ear.close?.code, 1000, 'the close frame is answered with its code');
  assert(await wire.untilEnd(), 'the server ends the TCP connection');
}

/* The server closes: with this code, nothing after it, and then the end of the stream, not a reset. */
export async function expectClose(wire, ear, codes) {
  await wire.until(() => ear.hear(wire).close);
  assert(ear.close, 'no close frame');
  assert([].concat(codes).includes(ear.close.code), `closed with ${ear.close.code} and not ${codes}`);
  assert(Buffer.byteLength(ear.close.reason) <= 123);
  assert(await wire.untilEnd(), 'the server ends the TCP connection');
  ear.hear(wire);
}

/** Says `bytes`, in one piece or one at a time, and asserts that what must come of it comes: `echo`, the
 * messages; `pongs`, the pings to be answered; `close`, the code(s) the server closes with, or nothing is
 * wrong with the connection. */
export async function exchange(t, { wire, ear }, bytes, { oneByOne = false, echo = [], pongs = [], close, check }) {
  try {
    if (oneByOne) await wire.sendBytes(bytes);
    else wire.send(bytes);
    if (close === undefined) {
      await hearAll(wire, ear, echo.length, pongs.at(-1));
      await leaveInOrder(wire, ear);
    } else {
      await expectClose(wire, ear, close);
    }
    assertMessages(ear.messages, echo);
    assertPongs(ear.pongs, pongs, { closed: close !== undefined });
    check?.(ear);
  } finally {
    t.note(describe(ear, wire));
  }
}
