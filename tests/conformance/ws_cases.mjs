// ws_cases.mjs - the frame cases of RFC 6455: data, run plain by ws_conformance.mjs and compressed by
// ws_deflate.mjs.
//
// A case is what is sent and what must come of it: `send`, a list of frames, or of bytes where a frame is
// given bit by bit; `echo`, the messages that come back; `pongs`, the pings to be answered; `close`, the
// code(s) the server closes with: without one the connection stays. `roomy`: the server takes messages of
// 1 MiB. `plainOnly`: compressed, it would be another case.
//
// compressedBytes() makes compressed messages of the same frames, in one of two ways: the whole message is
// compressed and its bytes are cut into as many fragments; or each fragment's bytes are flushed into blocks
// of their own, which is also what becomes of a message that is never finished.
import assert from 'node:assert/strict';

import { deflate, flush, honest } from '../lib/deflate.mjs';
import { BIN, CLOSE, CONT, PING, PONG, TEXT, closeBody, hex, frame as bytesOf } from '../lib/frames.mjs';

const KIB = 1024;
const MESSAGE_MAX = 64 * KIB;

export const frameCases = [];
const frames = (section, name, one) => frameCases.push({ section, name, echo: [], pongs: [], ...one });

const frame = (opcode, payload = '', options = {}) => ({ opcode, payload: Buffer.from(payload), options });
const fill = (length, seed = 7) => Buffer.from(Array.from({ length }, (_, at) => (at * 31 + seed) & 0xff));
const letters = (length) => Buffer.from(Array.from({ length }, (_, at) => 97 + (at % 26)));

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
      plainOnly: announce === MESSAGE_MAX + 1, // what it inflates to is another matter
      send: [frame(opcode, '', { announce })],
      close: 1009,
    });

frames('7.4.1', 'fragments that sum up to the limit are one message', {
  send: [frame(BIN, fill(65000), { fin: false }), frame(CONT, fill(536))],
  echo: [[BIN, Buffer.concat([fill(65000), fill(536)])]],
});
frames('7.4.1', 'the fragment that passes the limit is refused at its header: 1009', {
  plainOnly: true,
  send: [frame(BIN, fill(65000), { fin: false }), frame(CONT, '', { announce: 537 })],
  close: 1009,
});
frames('7.4.1', 'a raised limit is the limit: 1 MiB comes back', {
  roomy: true,
  send: [frame(BIN, fill(1024 * KIB))],
  echo: [[BIN, fill(1024 * KIB)]],
});
frames('7.4.1', 'a raised limit is the limit: 1 MiB + 1 is refused', {
  plainOnly: true,
  roomy: true,
  send: [frame(BIN, '', { announce: 1024 * KIB + 1 })],
  close: 1009,
});
frames('7.4.1', 'a raised limit: 1 MiB of text in 17 fragments comes back', {
  roomy: true,
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

// --- the bytes of a case ---

export function plainBytes(send) {
  return Buffer.concat(send.map((one) => (Buffer.isBuffer(one) ? one : bytesOf(one.opcode, one.payload, one.options))));
}

/* The fragments of each message that has no reserved bit set. */
function messagesOf(send) {
  const messages = [];
  let open = null;
  for (const one of send) {
    if (Buffer.isBuffer(one) || one.options.rsv) continue;
    if (one.opcode === TEXT || one.opcode === BIN) messages.push((open = { parts: [one], isWhole: false }));
    else if (one.opcode === CONT && open) open.parts.push(one);
    else continue;
    if (one.options.fin === false) continue;
    open.isWhole = one.options.announce === undefined;
    open = null;
  }
  return messages;
}

function cut(bytes, count) {
  return Array.from({ length: count }, (_, at) =>
    bytes.subarray(Math.floor((bytes.length * at) / count), Math.floor((bytes.length * (at + 1)) / count)));
}

function compressParts({ parts, isWhole }, { byBlocks, windowBits }) {
  const payloads = parts.map(({ payload }) => payload);
  const whole = Buffer.concat(payloads);
  const options = honest(whole, { windowBits });
  if (isWhole && !byBlocks) return cut(deflate(whole, options), parts.length);
  return payloads.map((payload, at) =>
    isWhole && at === parts.length - 1 ? deflate(payload, options) : flush(payload, options));
}

/** Is there a message that can be compressed? */
export const hasMessages = (send) => messagesOf(send).length > 0;

/** The same with every message compressed. A length that is not the shortest form stands with the payload
 * that it was chosen for. */
export function compressedBytes(send, { byBlocks = false, windowBits = 12 } = {}) {
  const changed = new Map();
  for (const message of messagesOf(send)) {
    const payloads = compressParts(message, { byBlocks, windowBits });
    message.parts.forEach((part, at) => {
      const payload = part.options.form ? part.payload : payloads[at];
      changed.set(part, { ...part, payload, options: { ...part.options, rsv: at === 0 ? 4 : 0 } });
    });
  }
  return plainBytes(send.map((one) => changed.get(one) ?? one));
}
