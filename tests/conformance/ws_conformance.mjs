// ws_conformance.mjs - RFC 6455 over real sockets, case by case, against /echo.
//
// Written from the RFC; a case's name begins with the section it is about. What the RFC leaves open is
// settled by docs/limits.md and the product's interface: a message is at most 64 KiB, 10 control frames a
// second with a burst of 20, 1,024 fragments a message.
//
// A frame case is data: bytes to send and what must come of them. It runs twice, its bytes sent in one
// piece and one at a time. "Nothing more is wrong with this connection" is part of every case that is not
// about a failure: it must still answer a ping and close in order.
import assert from 'node:assert/strict';

import { BIN, CLOSE, CONT, Ear, PING, PONG, TEXT, acceptFor, closeBody, frame } from '../lib/frames.mjs';
import { assertProblem, nextResponse, request } from '../lib/http.mjs';
import { suiteServer } from '../lib/server.mjs';
import { run, test } from '../lib/tap.mjs';
import { Wire } from '../lib/wire.mjs';

const KIB = 1024;
const MESSAGE_MAX = 64 * KIB;
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='; // of section 1.3
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

const plain = await suiteServer({});
const roomy = await suiteServer({ args: ['--max-message=1MiB'] });

function upgrade({ host = `127.0.0.1:${plain.port}`, target = '/echo', lines = [], drop = [], method = 'GET', version = 'HTTP/1.1' } = {}) {
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

async function openEcho(t, port = plain.port) {
  const wire = await Wire.connect(port);
  t.after(() => wire.destroy());
  wire.send(upgrade({ host: `127.0.0.1:${port}` }));
  const response = await nextResponse(wire);
  assert.equal(response.status, 101);
  return wire;
}

function describe(ear, wire) {
  const brief = (bytes) => (bytes.length > 40 ? `${bytes.length} bytes` : bytes.toString('hex'));
  const heard = ear.messages.map(({ opcode, payload }) => `${opcode === TEXT ? 'text' : 'binary'} ${brief(payload)}`);
  const state = wire.error ? `reset (${wire.error.code})` : wire.ended ? 'ended' : 'open';
  return `heard: messages [${heard}], pongs [${ear.pongs.map(brief)}], close ${JSON.stringify(ear.close)}, ${state}`;
}

function assertMessages(heard, expected) {
  assert.equal(heard.length, expected.length, `${heard.length} messages and not ${expected.length}`);
  expected.forEach(([opcode, payload], index) => {
    assert.equal(heard[index].opcode, opcode, `opcode of message ${index + 1}`);
    assert(heard[index].payload.equals(Buffer.from(payload)), `payload of message ${index + 1} differs`);
  });
}

/* Section 5.5.3: a pong for each ping, or for the latest of several only; so what came must be a part of
 * what was asked, in its order, and end with the last one, where no close came between. */
function assertPongs(heard, pings, { closed = false } = {}) {
  let at = 0;
  for (const pong of heard) {
    while (at < pings.length && !pong.equals(Buffer.from(pings[at]))) at++;
    assert(at < pings.length, `a pong that nobody asked for: ${pong.toString('hex')}`);
    at++;
  }
  if (pings.length > 0 && !closed) assert.equal(at, pings.length, 'the last ping has no pong');
}

/* Waits for what a case is about, so that nothing sent later can stand in for it. */
async function hearAll(wire, ear, count, lastPing) {
  const done = () =>
    ear.hear(wire).close ||
    (ear.messages.length >= count && (lastPing === undefined || ear.pongs.at(-1)?.equals(Buffer.from(lastPing))));
  await wire.until(done);
}

/* The connection is still good: a ping is answered, a close is answered with the same code, and then
 * the server ends the TCP connection, which is its part (section 7.1.1). */
async function leaveInOrder(wire, ear, sentinel = Buffer.from('still there?')) {
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
async function expectClose(wire, ear, codes) {
  await wire.until(() => ear.hear(wire).close);
  assert(ear.close, 'no close frame');
  assert([].concat(codes).includes(ear.close.code), `closed with ${ear.close.code} and not ${codes}`);
  assert(Buffer.byteLength(ear.close.reason) <= 123);
  assert(await wire.untilEnd(), 'the server ends the TCP connection');
  ear.hear(wire);
}

/** One frame case, twice. `send` is a list of buffers; `echo` the messages that come back; `pongs` the
 * pings to be answered; `close` the code(s) the server closes with: without one the connection stays. */
function frames(section, name, { send, echo = [], pongs = [], close, server = plain, check }) {
  const bytes = Buffer.concat(send);
  const body = (oneByOne) => async (t) => {
    const wire = await openEcho(t, server.port);
    const ear = new Ear();
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
  };
  test(`${section} ${name}`, body(false));
  test(`${section} ${name} (byte by byte)`, body(true), { seconds: 20 });
}

const fill = (length, seed = 7) => Buffer.from(Array.from({ length }, (_, at) => (at * 31 + seed) & 0xff));
const letters = (length) => Buffer.from(Array.from({ length }, (_, at) => 97 + (at % 26)));
const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');

// --- 5.2 base framing: lengths ---

for (const length of [0, 1, 2, 124, 125, 126, 127, 128, 255, 256, 65535, 65536]) {
  frames('5.2', `a text message of ${length} bytes comes back`, {
    send: [frame(TEXT, letters(length))],
    echo: [[TEXT, letters(length)]],
  });
  frames('5.2', `a binary message of ${length} bytes comes back`, {
    send: [frame(BIN, fill(length))],
    echo: [[BIN, fill(length)]],
  });
}

for (const [length, form] of [[0, 16], [1, 16], [125, 16], [0, 64], [1, 64], [125, 64], [126, 64], [65535, 64]])
  frames('5.2', `a length of ${length} written in ${form} bits is not the shortest form: 1002`, {
    send: [frame(BIN, fill(length), { form })],
    close: 1002,
  });

for (const [announce, why] of [[2n ** 63n, '2^63'], [2n ** 63n + 1n, '2^63 + 1'], [2n ** 64n - 1n, '2^64 - 1']])
  frames('5.2', `a 64-bit length of ${why} has its top bit set: 1002`, {
    send: [frame(BIN, '', { announce })],
    close: 1002,
  });

// --- limits: message size ---

for (const [announce, why] of [
  [MESSAGE_MAX + 1, 'the limit + 1'],
  [2n ** 31n - 1n, '2^31 - 1'],
  [2n ** 31n, '2^31'],
  [2n ** 32n - 1n, '2^32 - 1'],
  [2n ** 32n, '2^32'],
  [2n ** 53n, '2^53'],
  [2n ** 63n - 1n, '2^63 - 1'],
])
  for (const [opcode, kind] of [[TEXT, 'text'], [BIN, 'binary']])
    frames('7.4.1', `a ${kind} length of ${why} is refused at its header: 1009`, {
      send: [frame(opcode, '', { announce })],
      close: 1009,
    });

frames('7.4.1', 'fragments that sum up to the limit are one message', {
  send: [frame(BIN, fill(65000), { fin: false }), frame(CONT, fill(536))],
  echo: [[BIN, Buffer.concat([fill(65000), fill(536)])]],
});
frames('7.4.1', 'the fragment that passes the limit is refused at its header: 1009', {
  send: [frame(BIN, fill(65000), { fin: false }), frame(CONT, '', { announce: 537 })],
  close: 1009,
});
frames('7.4.1', 'a raised limit is the limit: 1 MiB comes back', {
  server: roomy,
  send: [frame(BIN, fill(1024 * KIB))],
  echo: [[BIN, fill(1024 * KIB)]],
});
frames('7.4.1', 'a raised limit is the limit: 1 MiB + 1 is refused', {
  server: roomy,
  send: [frame(BIN, '', { announce: 1024 * KIB + 1 })],
  close: 1009,
});
frames('7.4.1', 'a raised limit: 1 MiB of text in 17 fragments comes back', {
  server: roomy,
  send: Array.from({ length: 17 }, (_, at) =>
    frame(at === 0 ? TEXT : CONT, letters(at === 16 ? 0 : 64 * KIB), { fin: at === 16 })),
  echo: [[TEXT, Buffer.concat(Array.from({ length: 16 }, () => letters(64 * KIB)))]],
});

// --- 5.2 reserved bits and opcodes ---

const bits = { 1: 'RSV3', 2: 'RSV2', 3: 'RSV2 and RSV3', 4: 'RSV1', 5: 'RSV1 and RSV3', 6: 'RSV1 and RSV2', 7: 'all three' };
for (const [rsv, which] of Object.entries(bits)) {
  for (const [opcode, kind] of [[TEXT, 'text'], [BIN, 'binary'], [CLOSE, 'close'], [PING, 'ping'], [PONG, 'pong']])
    frames('5.2', `${which} set on a ${kind} frame: 1002`, {
      send: [frame(opcode, opcode === CLOSE ? closeBody(1000) : 'x', { rsv: Number(rsv) })],
      close: 1002,
    });
  frames('5.2', `${which} set on a continuation: 1002`, {
    send: [frame(TEXT, 'a', { fin: false }), frame(CONT, 'b', { rsv: Number(rsv) })],
    close: 1002,
  });
}
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  frames('5.2', `the reserved opcode ${opcode}: 1002`, { send: [frame(opcode, 'x')], close: 1002 });
  frames('5.2', `the reserved opcode ${opcode} without FIN and empty: 1002`, {
    send: [frame(opcode, '', { fin: false })],
    close: 1002,
  });
}
frames('5.2', 'a message that came before a broken frame has its echo', {
  send: [frame(TEXT, 'first'), frame(3, 'x')],
  echo: [[TEXT, 'first']],
  close: 1002,
});
frames('5.2', 'a broken frame is refused at its first two bytes, the rest of it never sent', {
  send: [hex('f1 fe')],
  close: 1002,
});

// --- 5.1, 5.3 masking ---

for (const [opcode, kind] of [[TEXT, 'text'], [BIN, 'binary'], [PING, 'ping'], [PONG, 'pong'], [CLOSE, 'close']]) {
  const payload = opcode === CLOSE ? closeBody(1000) : 'Hello';
  frames('5.1', `an unmasked ${kind} frame: 1002`, { send: [frame(opcode, payload, { mask: null })], close: 1002 });
  frames('5.1', `an unmasked, empty ${kind} frame: 1002`, { send: [frame(opcode, '', { mask: null })], close: 1002 });
}
frames('5.1', 'an unmasked continuation after a masked fragment: 1002', {
  send: [frame(TEXT, 'a', { fin: false }), frame(CONT, 'b', { mask: null })],
  close: 1002,
});
frames('5.3', 'a mask of zeros is a mask', {
  send: [frame(TEXT, 'Hello', { mask: Buffer.alloc(4) })],
  echo: [[TEXT, 'Hello']],
});
frames('5.3', 'a mask of ones is a mask', {
  send: [frame(BIN, fill(300), { mask: Buffer.alloc(4, 0xff) })],
  echo: [[BIN, fill(300)]],
});
frames('5.7', 'the masked "Hello" of the RFC, bit for bit', {
  send: [hex('81 85 37 fa 21 3d 7f 9f 4d 51 58')],
  echo: [[TEXT, 'Hello']],
});
frames('5.3', 'every fragment has a mask of its own, and starts it anew', {
  send: [
    frame(BIN, fill(5), { fin: false, mask: hex('01020304') }),
    frame(CONT, fill(6, 1), { fin: false, mask: hex('ff00ff00') }),
    frame(CONT, fill(7, 2), { mask: hex('a0b0c0d0') }),
  ],
  echo: [[BIN, Buffer.concat([fill(5), fill(6, 1), fill(7, 2)])]],
});
for (let length = 1; length <= 9; length++)
  frames('5.3', `the mask goes on over all of ${length} bytes`, {
    send: [frame(BIN, fill(length), { mask: hex('1f2e3d4c') })],
    echo: [[BIN, fill(length)]],
  });

// --- 5.4 fragmentation ---

const inParts = (opcode, parts) =>
  parts.map((part, at) => frame(at === 0 ? opcode : CONT, part, { fin: at === parts.length - 1 }));

frames('5.4', 'two fragments are one text message', { send: inParts(TEXT, ['Hel', 'lo']), echo: [[TEXT, 'Hello']] });
frames('5.4', 'two fragments are one binary message', { send: inParts(BIN, [fill(3), fill(4)]), echo: [[BIN, Buffer.concat([fill(3), fill(4)])]] });
frames('5.4', 'a message in fragments of one byte', { send: inParts(TEXT, [...'fragments']), echo: [[TEXT, 'fragments']] });
frames('5.4', 'empty fragments at every place', { send: inParts(TEXT, ['', 'a', '', '', 'b', '']), echo: [[TEXT, 'ab']] });
frames('5.4', 'a message of nothing but empty fragments', { send: inParts(BIN, ['', '', '']), echo: [[BIN, '']] });
frames('5.4', 'fragments whose lengths take all three forms', {
  send: inParts(BIN, [fill(100), fill(400), fill(0), fill(65036)]),
  echo: [[BIN, Buffer.concat([fill(100), fill(400), fill(65036)])]],
});
frames('5.4', 'a fragmented message after another one', {
  send: [...inParts(TEXT, ['a', 'b']), ...inParts(BIN, ['c', 'd'])],
  echo: [[TEXT, 'ab'], [BIN, 'cd']],
});
frames('5.4', 'a continuation with nothing to continue: 1002', { send: [frame(CONT, 'x')], close: 1002 });
frames('5.4', 'a continuation without FIN and with nothing to continue: 1002', { send: [frame(CONT, 'x', { fin: false })], close: 1002 });
frames('5.4', 'a continuation after a whole message: 1002', {
  send: [frame(TEXT, 'whole'), frame(CONT, 'x')],
  echo: [[TEXT, 'whole']],
  close: 1002,
});
frames('5.4', 'a continuation after a fragmented message has ended: 1002', {
  send: [...inParts(TEXT, ['a', 'b']), frame(CONT, 'c')],
  echo: [[TEXT, 'ab']],
  close: 1002,
});
for (const [opcode, kind] of [[TEXT, 'text'], [BIN, 'binary']])
  for (const fin of [true, false])
    frames('5.4', `a new ${kind} frame ${fin ? 'with' : 'without'} FIN in the middle of a message: 1002`, {
      send: [frame(TEXT, 'a', { fin: false }), frame(opcode, 'b', { fin })],
      close: 1002,
    });
frames('limits', '1,024 fragments are one message', {
  send: inParts(BIN, Array.from({ length: 1024 }, () => 'x')),
  echo: [[BIN, 'x'.repeat(1024)]],
});
frames('limits', 'the fragment after 1,024: 1008', {
  send: inParts(BIN, Array.from({ length: 1026 }, () => 'x')).slice(0, 1025),
  close: 1008,
});
frames('limits', 'empty fragments count as well: 1008', {
  send: inParts(TEXT, Array.from({ length: 1026 }, () => '')).slice(0, 1025),
  close: 1008,
});

// --- 5.5 control frames ---

for (const length of [0, 1, 2, 63, 124, 125])
  frames('5.5.2', `a ping with ${length} bytes has a pong with the same`, { send: [frame(PING, fill(length))], pongs: [fill(length)] });
frames('5.5.2', 'the payload of a ping need not be UTF-8', { send: [frame(PING, hex('ff fe c0 80'))], pongs: [hex('ff fe c0 80')] });
frames('5.5.3', 'an unsolicited pong is passed over', { send: [frame(PONG, 'unasked')] });
frames('5.5.3', 'an unsolicited, empty pong is passed over', { send: [frame(PONG)] });
frames('5.5.3', 'a pong with 125 bytes, and a message after it', { send: [frame(PONG, fill(125)), frame(TEXT, 'on')], echo: [[TEXT, 'on']] });
frames('5.5.3', 'of several pings the last one at least is answered, in order', {
  send: Array.from({ length: 10 }, (_, at) => frame(PING, `ping ${at}`)),
  pongs: Array.from({ length: 10 }, (_, at) => `ping ${at}`),
});
frames('5.5.2', 'pings among messages', {
  send: [frame(PING, 'a'), frame(TEXT, 'one'), frame(PING, 'b'), frame(TEXT, 'two')],
  echo: [[TEXT, 'one'], [TEXT, 'two']],
  pongs: ['a', 'b'],
});
for (const [opcode, kind] of [[PING, 'ping'], [PONG, 'pong'], [CLOSE, 'close']]) {
  frames('5.5', `a ${kind} without FIN: 1002`, {
    send: [frame(opcode, opcode === CLOSE ? closeBody(1000) : 'x', { fin: false })],
    close: 1002,
  });
  for (const length of [126, 127, 65535, 65536])
    frames('5.5', `a ${kind} of ${length} bytes is too long: 1002`, {
      send: [frame(opcode, '', { announce: length })],
      close: 1002,
    });
  frames('5.5', `a ${kind} with a length of 64 bits: 1002`, { send: [frame(opcode, '', { form: 64 })], close: 1002 });
}
for (const [opcode, kind, pongs] of [[PING, 'ping', ['between']], [PONG, 'pong', []]]) {
  frames('5.4', `a ${kind} between two fragments`, {
    send: [frame(TEXT, 'Hel', { fin: false }), frame(opcode, 'between'), frame(CONT, 'lo')],
    echo: [[TEXT, 'Hello']],
    pongs,
  });
  frames('5.4', `a ${kind} behind every one of many fragments`, {
    send: inParts(TEXT, [...'Godwit']).flatMap((part, at) => [part, frame(opcode, `${kind} ${at}`)]),
    echo: [[TEXT, 'Godwit']],
    pongs: opcode === PING ? [...'Godwit'].map((_, at) => `ping ${at}`) : [],
  });
  frames('5.4', `a ${kind} between the bytes of one character`, {
    send: [frame(TEXT, hex('e2 82'), { fin: false }), frame(opcode, 'between'), frame(CONT, hex('ac'))],
    echo: [[TEXT, '€']],
    pongs,
  });
}
frames('5.5', 'a fragmented ping between two fragments: 1002', {
  send: [frame(TEXT, 'a', { fin: false }), frame(PING, 'x', { fin: false })],
  close: 1002,
});
frames('5.5.1', 'a close in the middle of a message is answered, the message dropped', {
  send: [frame(TEXT, 'never whole', { fin: false }), frame(CLOSE, closeBody(1001))],
  close: 1001,
});
frames('limits', '20 control frames at once are within the burst', {
  // 18 and the two with which every case ends
  send: Array.from({ length: 18 }, () => frame(PONG, 'x')),
});
for (const [opcode, kind] of [[PING, 'pings'], [PONG, 'pongs']])
  frames('limits', `200 ${kind} at once are a flood: 1008`, {
    send: Array.from({ length: 200 }, () => frame(opcode, 'same')),
    close: 1008,
    pongs: opcode === PING ? Array.from({ length: 200 }, () => 'same') : [],
    check: (ear) => assert(ear.pongs.length <= 40, `${ear.pongs.length} pongs`),
  });

// --- 5.6, 8.1 text is UTF-8 ---

const good = [
  ['U+0000', '00'], ['U+007F', '7f'], ['U+0080', 'c2 80'], ['U+07FF', 'df bf'], ['U+0800', 'e0 a0 80'],
  ['U+D7FF', 'ed 9f bf'], ['U+E000', 'ee 80 80'], ['U+FEFF (kept, not taken for a mark)', 'ef bb bf'],
  ['U+FFFD', 'ef bf bd'], ['U+FFFE', 'ef bf be'], ['U+FFFF', 'ef bf bf'], ['U+10000', 'f0 90 80 80'],
  ['U+3FFFF', 'f0 bf bf bf'], ['U+40000', 'f1 80 80 80'], ['U+FFFFF', 'f3 bf bf bf'],
  ['U+100000', 'f4 80 80 80'], ['U+10FFFF', 'f4 8f bf bf'],
];
for (const [name, bytes] of good)
  frames('8.1', `${name} is text`, { send: [frame(TEXT, hex(bytes))], echo: [[TEXT, hex(bytes)]] });
frames('8.1', 'text in many scripts, 20 KB of it', {
  send: [frame(TEXT, 'Godwit κύμα 渉禽 🐦 fliegt 𝄞 '.repeat(500))],
  echo: [[TEXT, 'Godwit κύμα 渉禽 🐦 fliegt 𝄞 '.repeat(500)]],
});

for (const [name, bytes] of [['a character of 2 bytes', hex('c3 a9')], ['a character of 3 bytes', hex('e2 82 ac')], ['a character of 4 bytes', hex('f0 9f 90 a6')]])
  for (let at = 1; at < bytes.length; at++) {
    frames('8.1', `${name} cut by a fragment after byte ${at}`, {
      send: inParts(TEXT, [bytes.subarray(0, at), bytes.subarray(at)]),
      echo: [[TEXT, bytes]],
    });
    frames('8.1', `${name} that ends with the message after byte ${at}: 1007`, {
      send: [frame(TEXT, Buffer.concat([Buffer.from('ok '), bytes.subarray(0, at)]))],
      close: 1007,
    });
    frames('8.1', `${name} that ends with the last fragment after byte ${at}: 1007`, {
      send: inParts(TEXT, ['ok ', bytes.subarray(0, at)]),
      close: 1007,
    });
    frames('8.1', `${name} broken off after byte ${at} by a letter in the next fragment: 1007`, {
      send: [frame(TEXT, bytes.subarray(0, at), { fin: false }), frame(CONT, 'a', { fin: false })],
      close: 1007,
    });
  }
frames('8.1', 'a character of 4 bytes in 4 fragments with empty ones between', {
  send: inParts(TEXT, [hex('f0'), '', hex('9f'), '', hex('90'), '', hex('a6')]),
  echo: [[TEXT, '🐦']],
});

/* Each of these is wrong at its last byte; what stands before it could still become text. */
const bad = [
  ['a lone continuation byte 80', '80'], ['a lone continuation byte BF', 'bf'], ['the overlong C0', 'c0'],
  ['the overlong C1', 'c1'], ['an overlong of 3 bytes, E0 80', 'e0 80'], ['an overlong of 3 bytes, E0 9F', 'e0 9f'],
  ['an overlong of 4 bytes, F0 80', 'f0 80'], ['an overlong of 4 bytes, F0 8F', 'f0 8f'],
  ['the lowest surrogate, ED A0', 'ed a0'], ['the highest surrogate, ED BF', 'ed bf'],
  ['U+110000, F4 90', 'f4 90'], ['F4 BF', 'f4 bf'], ['F5', 'f5'], ['F7', 'f7'], ['F8', 'f8'], ['FB', 'fb'], ['FC', 'fc'], ['FE', 'fe'], ['FF', 'ff'],
  ['a letter inside a character of 2 bytes', 'c3 41'], ['a letter inside a character of 3 bytes', 'e2 82 41'],
  ['a letter inside a character of 4 bytes', 'f0 9f 90 41'], ['a new character inside another', 'e2 82 c3'],
];
for (const [name, bytes] of bad)
  frames('8.1', `${name} fails at once, with most of its frame still to come: 1007`, {
    send: [frame(TEXT, Buffer.concat([Buffer.from('κόσμε '), hex(bytes)]), { announce: 1000 })],
    close: 1007,
  });
for (const [name, bytes] of [['a lone continuation byte', '80'], ['an overlong slash', 'c0 af'], ['an overlong NUL', 'e0 80 80'], ['a surrogate pair', 'ed a0 80 ed b0 80'], ['U+110000', 'f4 90 80 80'], ['5 bytes', 'f8 88 80 80 80'], ['6 bytes', 'fc 84 80 80 80 80']])
  frames('8.1', `${name} in a whole message: 1007`, { send: [frame(TEXT, hex(bytes))], close: 1007 });
frames('8.1', 'the first fragment fails before the message is whole: 1007', {
  send: [frame(TEXT, hex('41 ff 42'), { fin: false })],
  close: 1007,
});
frames('8.1', 'a message that came before bad text has its echo', {
  send: [frame(TEXT, 'good'), frame(TEXT, hex('ff'))],
  echo: [[TEXT, 'good']],
  close: 1007,
});
frames('5.6', 'binary may be anything', { send: [frame(BIN, hex('ff fe c0 80 ed a0 80'))], echo: [[BIN, hex('ff fe c0 80 ed a0 80')]] });
frames('5.6', 'a continuation of binary may be anything', { send: inParts(BIN, [hex('e2'), hex('ff')]), echo: [[BIN, hex('e2 ff')]] });

// --- 5.5.1, 7 closing ---

for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
  frames('7.4', `a close with ${code} is answered with ${code}`, { send: [frame(CLOSE, closeBody(code))], close: code });
for (const code of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
  frames('7.4', `a close with ${code}, which may not be sent: 1002`, { send: [frame(CLOSE, closeBody(code))], close: 1002 });
frames('5.5.1', 'a close without a code is answered without one', { send: [frame(CLOSE)], close: [1005, 1000] });
frames('5.5.1', 'a close with a payload of one byte: 1002', { send: [frame(CLOSE, hex('03'))], close: 1002 });
frames('5.5.1', 'a close with a reason', { send: [frame(CLOSE, closeBody(1000, 'the tide is out'))], close: 1000 });
frames('5.5.1', 'a close with a reason of 123 bytes', { send: [frame(CLOSE, closeBody(1000, letters(123)))], close: 1000 });
frames('5.5.1', 'a close with a reason in UTF-8', { send: [frame(CLOSE, closeBody(4000, 'ebb 🐦 flood'))], close: 4000 });
frames('5.5.1', 'a close with a reason of 124 bytes is too long: 1002', { send: [frame(CLOSE, closeBody(1000, letters(124)))], close: 1002 });
for (const [name, bytes] of [['a wrong byte', 'ff'], ['half a character', '41 e2 82'], ['a surrogate', 'ed a0 80']])
  frames('5.5.1', `a close whose reason has ${name}: 1007`, { send: [frame(CLOSE, closeBody(1000, hex(bytes)))], close: 1007 });
frames('5.5.1', 'a message after the close is not answered', {
  send: [frame(CLOSE, closeBody(1000)), frame(TEXT, 'late')],
  close: 1000,
});
frames('5.5.1', 'a ping after the close is not answered', {
  send: [frame(CLOSE, closeBody(1000)), frame(PING, 'late')],
  close: 1000,
});
frames('5.5.1', 'a second close is not answered', {
  send: [frame(CLOSE, closeBody(1000)), frame(CLOSE, closeBody(1001))],
  close: 1000,
});
frames('7.1.7', 'after a failure nothing is interpreted', {
  send: [frame(TEXT, 'x', { rsv: 7 }), frame(TEXT, 'late'), frame(CLOSE, closeBody(1000))],
  close: 1002,
});
frames('5.5.1', 'messages before the close have their echo', {
  send: [frame(TEXT, 'one'), frame(BIN, 'two'), frame(CLOSE, closeBody(1000))],
  echo: [[TEXT, 'one'], [BIN, 'two']],
  close: 1000,
});

frames('5.4', '50 messages in one piece come back in order', {
  send: Array.from({ length: 50 }, (_, at) => frame(TEXT, `message ${at}`)),
  echo: Array.from({ length: 50 }, (_, at) => [TEXT, `message ${at}`]),
});

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
