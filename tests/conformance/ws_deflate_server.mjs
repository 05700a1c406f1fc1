// ws_deflate_server.mjs - compression where much is at stake for a server: bombs, and channels.
//
// Bombs first, over real sockets: each ends with its close code, another connection is as well as ever, and the
// server's memory, at its peak, is what it was. Then channels: what is published reaches all subscribers,
// compressed or not, those who agreed to compression in the same bytes; and nobody who may not publish has
// anything inflated.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import zlib from 'node:zlib';

import { AGREED, HELLO, LARGE, NAME, SMALL, agreedWith, fillers, noise, openAs, prose, repeat, zerosOf, zframe, zparts } from '../lib/compressed.mjs';
import { Bits, deflate, flush } from '../lib/deflate.mjs';
import { BIN, CLOSE, CONT, PING, TEXT, closeBody, frame, hex } from '../lib/frames.mjs';
import { startServer, suiteServer } from '../lib/server.mjs';
import { assertMessages, describe, exchange, expectClose, leaveInOrder } from '../lib/talk.mjs';
import { run, test } from '../lib/tap.mjs';

const KIB = 1024;
const MESSAGE_MAX = 64 * KIB;
const KEY = 'a-long-enough-key-for-tests';

const server = await suiteServer({ args: ['--deflate=on'] });
const locked = await suiteServer({ args: ['--deflate=on', '--open=off', `--api-keys=${KEY}`] });
const bombed = await suiteServer({ args: ['--deflate=on'] });

const bits = () => new Bits();
const openDeflate = (t, { port = server.port, client = SMALL, ...rest } = {}) => openAs(t, client, port, rest);

// --- bombs ---

const status = (pid, field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

/* Runs `body` and asserts that the server's memory was at no time more than `kib` above where it began. What a
 * sanitizer keeps for itself is not the server's. */
async function withinMemory(t, kib, body) {
  const { pid } = bombed.process.child;
  const isSanitized = /lib[atm]san/.test(readFileSync(`/proc/${pid}/maps`, 'utf8'));
  writeFileSync(`/proc/${pid}/clear_refs`, '5'); // the peak is from now on
  const before = status(pid, 'VmRSS');
  await body();
  const peak = status(pid, 'VmHWM');
  t.note(`memory: ${before} KiB, at most ${peak} KiB`);
  if (!isSanitized) assert(peak - before <= kib, `${peak - before} KiB more than before`);
}

/* Another connection is as well as ever. */
async function assertAlive(t) {
  const open = await openDeflate(t, { port: bombed.port });
  await exchange(t, open, zframe(TEXT, deflate(prose(20_000), { windowBits: 12 })), { echo: [[TEXT, prose(20_000)]] });
}

/* Sends `pieces` as fast as the server takes them, until it has closed. */
async function pour(wire, ear, pieces) {
  for (const piece of pieces) {
    if (wire.over || ear.hear(wire).close) return;
    if (!wire.socket.write(piece)) await wire.until(() => wire.socket.writableLength === 0 || ear.hear(wire).close);
    else await new Promise(setImmediate);
  }
}

/** A bomb: `frames` yields its frames. It ends with `close`, nobody else notices, and it costs next to nothing. */
function bomb(name, frames, { close = 1009, echo = [], kib = 512 } = {}) {
  test(`limits ${name}: ${close}`, async (t) => {
    await assertAlive(t);
    const { wire, ear } = await openDeflate(t, { port: bombed.port });
    const pieces = frames(); // made first: the machine that makes it is the same
    await withinMemory(t, kib, async () => {
      await pour(wire, ear, pieces);
      await expectClose(wire, ear, close);
    }).finally(() => t.note(describe(ear, wire)));
    assertMessages(ear.messages, echo);
    wire.destroy();
    await assertAlive(t);
  }, { seconds: 30, alone: true });
}

function inFragments(opcode, payload, step) {
  const count = Math.ceil(payload.length / step);
  return Array.from({ length: count }, (_, at) =>
    frame(at ? CONT : opcode, payload.subarray(at * step, (at + 1) * step), { rsv: at ? 0 : 4, fin: at === count - 1 }));
}

const MIB_OF_ZEROS = flush(Buffer.alloc(1024 * KIB), { level: 9 });
for (const [opcode, kind] of [[TEXT, 'text'], [BIN, 'binary']]) {
  bomb(`64 MiB of zeros as ${kind}, 1,030:1, in one frame`, () => [zframe(opcode, Buffer.concat([repeat(MIB_OF_ZEROS, 64), hex('00')]))]);
  bomb(`64 MiB of zeros as ${kind}, in 1,000 fragments`, () => inFragments(opcode, Buffer.concat([repeat(MIB_OF_ZEROS, 64), hex('00')]), Math.ceil((MIB_OF_ZEROS.length * 64 + 1) / 1000)));
  bomb(`64 KiB of zeros as ${kind}, no more than the limit, in 80 bytes`, () => [zframe(opcode, deflate(Buffer.alloc(MESSAGE_MAX)))]);
  bomb(`16 MiB of zeros as ${kind}, in final blocks of 32 KiB`, () => {
    const one = zlib.deflateRawSync(Buffer.alloc(32 * KIB), { level: 9 });
    return [zframe(opcode, Buffer.concat([repeat(one, 512), hex('00')]))];
  });
  bomb(`a bomb as ${kind} behind a final block in mid-message`, () => [zframe(opcode, Buffer.concat([hex('f3 48 cd c9 c9 07 00'), repeat(MIB_OF_ZEROS, 16), hex('00')]))]);
}
bomb('64 MiB of letters, as text', () => [zframe(TEXT, Buffer.concat([repeat(flush(Buffer.alloc(1024 * KIB, 'ebb '), { level: 9 }), 64), hex('00')]))]);
bomb('a bomb behind 60 KB of honest text', () => inFragments(TEXT, Buffer.concat([flush(prose(60_000)), repeat(MIB_OF_ZEROS, 16), hex('00')]), 512));

const EMPTY_BLOCKS = [
  ['fixed', Array.from({ length: 4 }).reduce((out) => out.fixed(''), bits()).done(), 4], // of 10 bits each
  ['stored', bits().stored('').done(), 1],
  ['dynamic', Array.from({ length: 8 }).reduce((out) => out.dynamic(), bits()).done(), 8], // of 93 bits each
  ['final fixed', bits().fixed('', { final: true }).done(), 1],
  ['final stored', bits().stored('', { final: true }).done(), 1],
];
for (const [kind, some, count] of EMPTY_BLOCKS) {
  bomb(`a million empty ${kind} blocks in one frame`, () => [zframe(BIN, repeat(some, 1e6 / count))]);
  bomb(`a million empty ${kind} blocks in fragments of 16 KB`, () => inFragments(TEXT, repeat(some, 1e6 / count), 16_000));
  bomb(`a million empty ${kind} blocks, the first of them with four bytes`, () => inFragments(TEXT, Buffer.concat([flush(Buffer.from('ebb ')), repeat(some, 1e6 / count)]), 16_000));
}
bomb('half a million empty blocks behind 60 KB of honest text', () => inFragments(TEXT, Buffer.concat([flush(prose(60_000)), repeat(EMPTY_BLOCKS[0][1], 125_000)]), 2000));
bomb('a million fragments of nothing', () => [zframe(TEXT, '', { fin: false }), ...Array.from({ length: 100 }, () => repeat(frame(CONT, '', { fin: false }), 10_000))], { close: 1008 });

/* docs: a message of at most 64 KiB is never carried by more than 12 times that and 16 KiB. */
const WIRE_MAX = MESSAGE_MAX * 12 + 16 * KIB;
for (const [announce, why, close] of [
  [WIRE_MAX + 1, 'one more than could carry the longest message', 1009], [2n ** 31n, '2^31', 1009], [2n ** 32n - 1n, '2^32 - 1', 1009], [2n ** 32n, '2^32', 1009],
  [2n ** 63n - 1n, '2^63 - 1', 1009], [2n ** 63n, '2^63', 1002], [2n ** 64n - 1n, '2^64 - 1', 1002],
]) {
  bomb(`a compressed frame that announces ${why}`, () => [zframe(BIN, '', { announce })], { close });
  bomb(`a continuation of a compressed message that announces ${why}`, () => [zframe(BIN, HELLO, { fin: false }), frame(CONT, '', { announce })], { close });
}
test('limits what is merely announced takes no memory', async (t) => {
  await assertAlive(t);
  await withinMemory(t, 50 * 64, async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => openDeflate(t, { port: bombed.port })));
    for (const { wire } of all) wire.send(zframe(BIN, HELLO, { announce: WIRE_MAX }));
    await assertAlive(t);
    for (const { wire, ear } of all) assert.equal(ear.hear(wire).close, null);
  });
}, { alone: true });
test('limits twenty bombs at once', async (t) => {
  await assertAlive(t);
  const payload = Buffer.concat([repeat(MIB_OF_ZEROS, 64), hex('00')]);
  const all = await Promise.all(Array.from({ length: 20 }, () => openDeflate(t, { port: bombed.port })));
  await withinMemory(t, 20 * 160 + 512, async () => {
    await Promise.all(all.map(async ({ wire, ear }) => {
      await pour(wire, ear, inFragments(BIN, payload, 100));
      await expectClose(wire, ear, 1009);
    }));
    await assertAlive(t);
  });
}, { alone: true, seconds: 20 });
test('limits a thousand messages as dense as is allowed leave nothing behind', async (t) => {
  const wires = Array.from({ length: 10 }, (_, at) => 140 + at).find((length) => fillers(length * 100, length) !== null);
  const one = zframe(BIN, zerosOf(wires * 100, wires));
  const { wire, ear } = await openDeflate(t, { port: bombed.port });
  await assertAlive(t);
  await withinMemory(t, 1024, async () => {
    for (let round = 1; round <= 20; round++) {
      wire.send(repeat(one, 50));
      await wire.until(() => ear.hear(wire).messages.length >= round * 50);
    }
  });
  assertMessages(ear.messages, Array.from({ length: 1000 }, () => [BIN, Buffer.alloc(wires * 100)]));
}, { alone: true, seconds: 20 });


/* What would be forgotten each time adds up: 300 times 40 KiB, or 64, are far more than what is allowed. */
for (const [name, send, close] of [
  ['broken off by damaged data', [zframe(BIN, flush(prose(3000)), { fin: false }), frame(CONT, hex('06'), { announce: 1000 })], 1007],
  ['that grow too long', [zframe(BIN, Buffer.concat([flush(prose(60_000)), deflate(prose(6000))]))], 1009],
  ['broken off by a frame that may not be', [zframe(BIN, flush(prose(3000)), { fin: false }), frame(3, 'x')], 1002],
  ['broken off by a close', [zframe(BIN, flush(prose(3000)), { fin: false }), frame(CLOSE, closeBody(1000))], 1000],
])
  test(`limits 300 messages ${name} leave nothing behind`, async (t) => {
    await assertAlive(t);
    await withinMemory(t, 2048, async () => {
      for (let round = 0; round < 300; round++) {
        const { wire, ear } = await openDeflate(t, { port: bombed.port });
        wire.send(Buffer.concat(send));
        await expectClose(wire, ear, close);
        wire.destroy();
      }
    });
  }, { alone: true, seconds: 20 });
test('limits 300 connections that are gone in mid-message leave nothing behind', async (t) => {
  await assertAlive(t);
  await withinMemory(t, 2048, async () => {
    for (let round = 0; round < 300; round++) {
      const { wire, ear } = await openDeflate(t, { port: bombed.port });
      wire.send(Buffer.concat([zframe(BIN, flush(prose(3000)), { fin: false }), frame(PING, 'taken?')]));
      await wire.until(() => ear.hear(wire).pongs.length > 0);
      wire.destroy();
    }
  });
}, { alone: true, seconds: 20 });
test('limits 300 echoes of 64 KiB leave nothing behind', async (t) => {
  const one = zframe(TEXT, deflate(prose(MESSAGE_MAX), { windowBits: 12 }));
  const { wire, ear } = await openDeflate(t, { port: bombed.port });
  await assertAlive(t);
  await withinMemory(t, 2048, async () => {
    for (let round = 1; round <= 100; round++) {
      wire.send(repeat(one, 3));
      await wire.until(() => ear.hear(wire).messages.length >= round * 3);
    }
  });
  assertMessages(ear.messages, Array.from({ length: 300 }, () => [TEXT, prose(MESSAGE_MAX)]));
}, { alone: true, seconds: 20 });

// --- channels ---

let channels = 0;
const fresh = () => `deflate-${++channels}`;

async function post(channel, body, { type = 'text/plain', port = server.port, key } = {}) {
  const headers = { 'Content-Type': type, ...(key && { Authorization: `Bearer ${key}` }) };
  const response = await fetch(`http://127.0.0.1:${port}/channels/${channel}`, { method: 'POST', body, headers });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

const SUBSCRIBERS = [
  { offer: [], answer: undefined },
  SMALL,
  LARGE,
  { offer: `${NAME}; server_max_window_bits=10`, answer: undefined },
  { offer: `${NAME}; server_max_window_bits=15; client_max_window_bits=9`, answer: agreedWith(9) },
  { offer: `${NAME}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12`, answer: AGREED },
];

async function heardBy(open, count) {
  await open.wire.until(() => open.ear.hear(open.wire).messages.length >= count);
  assert.equal(open.ear.messages.length, count, describe(open.ear, open.wire));
  return open.ear.messages;
}

/** All hear what was sent; those who agreed to compression the same bytes, compressed where that is due. */
async function assertHeard(all, sent) {
  const compressing = all.filter(({ agreed }) => agreed);
  assert(compressing.length >= 2);
  for (const one of all) assertMessages(await heardBy(one, sent.length), sent.map(({ opcode, bytes }) => [opcode, bytes]));
  sent.forEach(({ compressed }, index) => {
    for (const { ear } of compressing) {
      assert.equal(ear.messages[index].compressed, compressed, `message ${index + 1}`);
      assert(ear.messages[index].wire.equals(compressing[0].ear.messages[index].wire), `message ${index + 1} differs on the wire`);
    }
  });
  for (const one of all) await leaveInOrder(one.wire, one.ear);
}

const everyone = (t, target, port) => Promise.all(SUBSCRIBERS.map((client) => openDeflate(t, { client, target, port })));
const text = (length) => ({ opcode: TEXT, bytes: prose(length), compressed: length >= 256 });

for (const length of [0, 1, 255, 256, 257, 4096, 4097, 65_536, 65_537, 1024 * KIB])
  test(`channels ${length} bytes of text to subscribers with and without compression`, async (t) => {
    const channel = fresh();
    const all = await everyone(t, `/channels/${channel}`);
    await post(channel, prose(length));
    await assertHeard(all, [text(length)]);
  }, { seconds: 20 });
for (const [length, compressed] of [[255, false], [256, true], [20_000, true]])
  test(`channels ${length} zeros, which are binary, ${compressed ? 'compressed' : 'as they are'}`, async (t) => {
    const channel = fresh();
    const all = await everyone(t, `/channels/${channel}`);
    await post(channel, Buffer.alloc(length), { type: 'application/octet-stream' });
    await assertHeard(all, [{ opcode: BIN, bytes: Buffer.alloc(length), compressed }]);
  });
for (const length of [256, 5000, 200_000])
  test(`channels ${length} bytes of noise go out as they are`, async (t) => {
    const channel = fresh();
    const all = await everyone(t, `/channels/${channel}`);
    await post(channel, noise(length), { type: 'application/octet-stream' });
    await assertHeard(all, [{ opcode: BIN, bytes: noise(length), compressed: false }]);
  });
test('channels JSON is compressed as text is', async (t) => {
  const channel = fresh();
  const all = await everyone(t, `/channels/${channel}`);
  const bytes = Buffer.from(JSON.stringify(Array.from({ length: 100 }, (_, at) => ({ price: at, name: `share ${at}` }))));
  await post(channel, bytes, { type: 'application/json' });
  await assertHeard(all, [{ opcode: TEXT, bytes, compressed: true }]);
});
test('channels 100 messages of all sizes, in order', async (t) => {
  const channel = fresh();
  const all = await everyone(t, `/channels/${channel}`);
  const sent = Array.from({ length: 100 }, (_, at) => text((at * 97) % 1500));
  for (const { bytes } of sent) await post(channel, bytes);
  await assertHeard(all, sent);
});
test('channels history goes out as what comes does, byte for byte', async (t) => {
  const channel = fresh();
  const early = await everyone(t, `/channels/${channel}`);
  const sent = [text(3000), text(100), { opcode: BIN, bytes: noise(800), compressed: false }, text(70_000)];
  for (const { opcode, bytes } of sent) await post(channel, bytes, { type: opcode === BIN ? 'application/octet-stream' : 'text/plain' });
  const late = await everyone(t, `/channels/${channel}?since=all`);
  await assertHeard([...early, ...late], sent);
});
test('channels what a client sends compressed is published as what it was', async (t) => {
  const channel = fresh();
  const all = await everyone(t, `/channels/${channel}`);
  all[1].wire.send(Buffer.concat([
    zframe(TEXT, deflate(prose(3000), { windowBits: 12 })),
    zframe(TEXT, HELLO),
    ...zparts(BIN, [deflate(noise(1000)).subarray(0, 500), deflate(noise(1000)).subarray(500)]),
    zframe(TEXT, hex('00')),
    frame(TEXT, prose(2000)),
  ]));
  await assertHeard(all, [text(3000), { opcode: TEXT, bytes: Buffer.from('Hello'), compressed: false }, { opcode: BIN, bytes: noise(1000), compressed: false }, text(0), text(2000)]);
});
for (const [name, payload, close] of [['damaged data', '06', 1007], ['text that is not UTF-8', '00 01 00 fe ff ff 00', 1007]])
  test(`channels ${name} is not published: ${close}`, async (t) => {
    const channel = fresh();
    const { wire, ear } = await openDeflate(t, { target: `/channels/${channel}` });
    wire.send(zframe(TEXT, hex(payload)));
    await expectClose(wire, ear, close);
    assert.equal((await post(channel, 'first')).offset, 1);
  });
test('channels a bomb is not published: 1009', async (t) => {
  const channel = fresh();
  const { wire, ear } = await openDeflate(t, { target: `/channels/${channel}` });
  wire.send(zframe(BIN, deflate(Buffer.alloc(MESSAGE_MAX + 1))));
  await expectClose(wire, ear, 1009);
  assert.equal((await post(channel, 'first')).offset, 1);
});

for (const target of ['/echo', '/channels/crossing'])
  test(`channels a compressed message crosses the server's close at ${target}`, async (t) => {
    const own = await startServer({ args: ['--deflate=on'] });
    t.after(() => own.stop());
    const { wire, ear } = await openDeflate(t, { port: own.port, target });
    own.process.kill('SIGTERM');
    await wire.until(() => ear.hear(wire).close);
    assert.equal(ear.close?.code, 1012);
    wire.send(Buffer.concat([zframe(TEXT, HELLO), zframe(TEXT, HELLO.subarray(0, 3), { fin: false }), frame(CONT, HELLO.subarray(3)), frame(CLOSE, closeBody(1012))]));
    assert(await wire.untilEnd(), 'the server ends the TCP connection');
    assert.equal((await own.process.exited).code, 0, own.stderr());
  }, { seconds: 40 });
test('channels one who publishes too fast is cut in the midst of compressed messages: 4429', async (t) => {
  const channel = fresh();
  const { wire, ear } = await openDeflate(t, { target: `/channels/${channel}` });
  wire.send(repeat(zframe(TEXT, HELLO), 400));
  await expectClose(wire, ear, 4429);
  assert(ear.messages.every(({ payload }) => payload.equals(Buffer.from('Hello'))));
  const { offset } = await post(channel, 'after');
  assert(offset > 100 && offset < 200, `${offset - 1} of 400 were published: the burst is 100`);
});

/* Where one may not publish, one's data are not inflated: so what is wrong with them cannot be seen. */
for (const [name, bytes] of [
  ['a compressed message', zframe(TEXT, HELLO)],
  ['a long compressed message', zframe(TEXT, deflate(prose(5000)))],
  ['a compressed message in fragments', Buffer.concat(zparts(TEXT, [HELLO.subarray(0, 3), HELLO.subarray(3)]))],
  ['damaged data', zframe(BIN, hex('06'))],
  ['a reference to nothing', zframe(BIN, hex('f2 00 11 00 00'))],
  ['damaged data in fragments', Buffer.concat(zparts(BIN, [hex('06'), hex('06')]))],
  ['compressed text that is not UTF-8', zframe(TEXT, hex('00 01 00 fe ff ff 00'))],
  ['a bomb', zframe(BIN, deflate(Buffer.alloc(1024 * KIB)))],
])
  test(`channels ${name} from one who may not publish is not inflated: 4403`, async (t) => {
    const channel = fresh();
    const { wire, ear } = await openDeflate(t, { port: locked.port, target: `/channels/${channel}` });
    wire.send(bytes);
    await expectClose(wire, ear, 4403);
    assert.equal((await post(channel, 'first', { port: locked.port, key: KEY })).offset, 1);
  });
test('channels one who may not publish gets compressed messages all the same', async (t) => {
  const channel = fresh();
  const all = await everyone(t, `/channels/${channel}`, locked.port);
  await post(channel, prose(3000), { port: locked.port, key: KEY });
  await assertHeard(all, [text(3000)]);
});
test('channels one with a key publishes compressed messages', async (t) => {
  const channel = fresh();
  const lines = [`Authorization: Bearer ${KEY}`];
  const open = await openDeflate(t, { port: locked.port, target: `/channels/${channel}`, lines });
  const other = await openDeflate(t, { port: locked.port, target: `/channels/${channel}` });
  open.wire.send(zframe(TEXT, deflate(prose(3000), { windowBits: 12 })));
  await assertHeard([open, other], [text(3000)]);
});

await run({ concurrency: 16 });
