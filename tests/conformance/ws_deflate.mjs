// ws_deflate.mjs - RFC 7692 over real sockets, against a server with `deflate = on`.
//
// First the frame cases of RFC 6455 once more, with their messages compressed: in one piece, cut anywhere;
// and byte by byte, a block for each fragment. Then what RFC 7692 itself says, the name of a case beginning
// with the section: the handshake (7.1), the messages (7.2). Bombs and channels are in ws_deflate_server.mjs.
//
// What the server may do is godwit's promise (docs/limits.md), and the Ear holds it to it: nothing is taken
// over from message to message, no reference goes further back than 4,096 bytes, a message of less than
// 256 bytes is not compressed, nor one that would not become shorter.
import assert from 'node:assert/strict';
import zlib from 'node:zlib';

import { AGREED, HELLO, LARGE, NAME, SMALL, agreedWith, assertCompressed, fillers, noise, openAs, prose, zerosOf, zframe, zparts } from '../lib/compressed.mjs';
import { Bits, TAIL, deflate, flush, honest, inflate } from '../lib/deflate.mjs';
import { BIN, CLOSE, CONT, DEFLATE_TERMS, Ear, PING, PONG, TEXT, closeBody, frame, hex } from '../lib/frames.mjs';
import { assertProblem, nextResponse } from '../lib/http.mjs';
import { startServer, suiteServer } from '../lib/server.mjs';
import { assertMessages, exchange, expectClose, openWs, upgrade } from '../lib/talk.mjs';
import { run, test } from '../lib/tap.mjs';
import { Wire } from '../lib/wire.mjs';
import { compressedBytes, frameCases, hasMessages } from './ws_cases.mjs';

const KIB = 1024;
const MESSAGE_MAX = 64 * KIB;

const server = await suiteServer({ args: ['--deflate=on'] });
const roomy = await suiteServer({ args: ['--deflate=on', '--max-message=1MiB'] });

const bits = () => new Bits();
const openDeflate = (t, { port = server.port, client = SMALL, ...rest } = {}) => openAs(t, client, port, rest);

/** A case in frames as they are, twice: in one piece to a client with a small window, byte by byte to one with the
 * largest. `send`, `echo` and so on are as in ws_cases.mjs; `send` may be a function. */
function messages(section, name, { send, port = server.port, seconds = 20, check, ...rest }) {
  const body = (oneByOne) => async (t) => {
    const bytes = Buffer.concat(typeof send === 'function' ? send() : send);
    const open = await openDeflate(t, { port, client: oneByOne ? LARGE : SMALL });
    const checkAll = (ear) => {
      assertCompressed(ear);
      check?.(ear);
    };
    await exchange(t, open, bytes, { oneByOne, check: checkAll, ...rest });
  };
  test(`${section} ${name}`, body(false), { seconds });
  test(`${section} ${name} (byte by byte)`, body(true), { seconds });
}

// --- the cases of RFC 6455, compressed ---

for (const { section, name, send, plainOnly, roomy: isRoomy, check, ...rest } of frameCases) {
  if (plainOnly || !hasMessages(send)) continue;
  const { port } = isRoomy ? roomy : server;
  const body = (oneByOne) => async (t) => {
    const client = oneByOne ? LARGE : SMALL;
    const bytes = compressedBytes(send, { byBlocks: oneByOne, windowBits: client.windowBits });
    const checkAll = (ear) => {
      assertCompressed(ear);
      check?.(ear);
    };
    await exchange(t, await openDeflate(t, { port, client }), bytes, { oneByOne, check: checkAll, ...rest });
  };
  test(`${section} ${name}, compressed`, body(false));
  test(`${section} ${name}, compressed (a block for each fragment, byte by byte)`, body(true), { seconds: 20 });
}

// --- the Ear itself: what it must not let pass ---

const backBy = (distance) => bits().stored(noise(distance)).fixed('', { copies: [[3, distance]] }).message().done();
const earOf = (payload, options) => {
  const ear = new Ear({ deflate: DEFLATE_TERMS });
  ear.hear({ data: frame(TEXT, payload, { mask: null, rsv: 4, ...options }) });
  return ear;
};

test('7.1.2.1 the Ear takes a reference of 4,096 bytes, and not of 4,097', () => {
  assert.equal(inflate(backBy(4096), { windowBits: 12 }).length, 4099);
  assert.throws(() => inflate(backBy(4097), { windowBits: 12 }), /4097 bytes back/);
  assert.equal(inflate(backBy(4097), { windowBits: 13 }).length, 4100);
});
test('7.1.2.1 the Ear refuses what zlib makes of 20 KB with 15 bits, and takes it with 12', () => {
  const page = prose(5 * KIB);
  const far = Buffer.concat([page, noise(5 * KIB), page, page]); // only the first page's echo is far
  assert(earOf(deflate(far, { windowBits: 12 })).messages[0].payload.equals(far));
  assert.throws(() => earOf(deflate(far, { windowBits: 15 })), /bytes back, in a window of 4096/);
});
test('7.2 the Ear refuses what is not a message of its own, short, or no shorter', () => {
  assert.throws(() => earOf(hex('f2 00 11 00 00')), /before the message/);
  assert.throws(() => earOf(HELLO), /compressed a message of 5 bytes/);
  assert.throws(() => earOf(deflate(noise(300))), /made \d+ bytes of 300/);
  assert.throws(() => earOf(Buffer.concat([deflate(prose(300)), TAIL])));
  assert.throws(() => earOf(deflate(prose(300)).subarray(0, -1)));
  assert.throws(() => earOf(deflate(prose(300)), { rsv: 6 }), /RSV2/);
  assert.throws(() => new Ear().hear({ data: frame(TEXT, 'x', { mask: null, rsv: 4 }) }), /RSV1/);
});
test('7.2 two readers of deflate data agree on all kinds of blocks', () => {
  const { Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE, Z_FILTERED } = zlib.constants;
  for (const bytes of [Buffer.alloc(0), prose(10), prose(30_000), noise(3000), Buffer.alloc(70_000)])
    for (const options of [{}, { level: 0 }, { level: 1 }, { level: 9 }, { strategy: Z_FIXED }, { strategy: Z_HUFFMAN_ONLY }, { strategy: Z_RLE }, { strategy: Z_FILTERED }, { windowBits: 9 }])
      assert(inflate(deflate(bytes, options), { windowBits: options.windowBits }).equals(bytes));
});

// --- 7.1 the handshake ---

/** One offer, or several, and what must come of it: what the 101 says to the letter; null where the server
 * declines, and goes on without; 400 where it is no header. */
function offered(section, name, offer, expected) {
  const agree = async (t) => {
    const { wire, ear, agreed } = await openWs(t, server.port, { offer });
    assert.equal(agreed, expected);
    const windowBits = Number(/client_max_window_bits=(\d+)/.exec(expected)?.[1] ?? 15);
    const options = windowBits < 9 ? { strategy: zlib.constants.Z_HUFFMAN_ONLY } : { windowBits };
    const text = prose(2000);
    const bytes = Buffer.concat([zframe(TEXT, HELLO), zframe(TEXT, deflate(text, options))]);
    const check = () => assert(ear.messages[1].compressed, 'agreed, and not done');
    await exchange(t, { wire, ear }, bytes, { echo: [[TEXT, 'Hello'], [TEXT, text]], check });
  };
  const decline = async (t) => {
    const { wire, ear, agreed } = await openWs(t, server.port, { offer });
    assert.equal(agreed, undefined);
    const bytes = Buffer.concat([frame(TEXT, prose(2000)), zframe(TEXT, HELLO)]);
    await exchange(t, { wire, ear }, bytes, { echo: [[TEXT, prose(2000)]], close: 1002 });
  };
  const refuse = async (t) => {
    const wire = await Wire.connect(server.port);
    t.after(() => wire.destroy());
    const lines = [].concat(offer).map((value) => `Sec-WebSocket-Extensions: ${value}`);
    wire.send(upgrade({ port: server.port, lines }));
    const response = await nextResponse(wire);
    t.note(JSON.stringify(response));
    assertProblem(response, 400);
    assert.equal(response.headers['sec-websocket-extensions'], undefined);
    assert(await wire.untilEnd(), 'the connection is closed');
  };
  test(`${section} ${name}`, expected === 400 ? refuse : expected === null ? decline : agree);
}

/** The same, named by what is offered. */
const offers = (section, offer, expected) => {
  const verdict = expected === 400 ? '400' : expected === null ? 'declined' : `client_max_window_bits ${/client_max_window_bits=(.*)/.exec(expected)?.[1] ?? 'not named'}`;
  const shown = [].concat(offer).join(' | ').replaceAll('\t', '<tab>');
  offered(section, `${shown.length > 150 ? `${shown.slice(0, 150)}...` : shown}: ${verdict}`, offer, expected);
};
const withParams = (...params) => [NAME, ...params].join('; ');

test('7.1 without an offer nothing is agreed', async (t) => {
  const { wire, ear, agreed } = await openWs(t, server.port);
  assert.equal(agreed, undefined);
  await exchange(t, { wire, ear }, Buffer.concat([frame(TEXT, prose(2000)), zframe(TEXT, HELLO)]), { echo: [[TEXT, prose(2000)]], close: 1002 });
});
offers('7.1', NAME, AGREED);
offers('7.1.1.1', withParams('server_no_context_takeover'), AGREED);
offers('7.1.1.2', withParams('client_no_context_takeover'), AGREED);
offers('7.1.1', withParams('server_no_context_takeover', 'client_no_context_takeover'), AGREED);
offers('7.1.1', withParams('client_no_context_takeover', 'server_no_context_takeover'), AGREED);
offers('7.1.2.1', withParams('server_max_window_bits'), null);
offers('7.1.2.2', withParams('client_max_window_bits'), agreedWith(12));
offers('7.1', withParams('server_no_context_takeover', 'client_no_context_takeover', 'server_max_window_bits=15', 'client_max_window_bits=15'), agreedWith(12));
offers('7.1', withParams('client_max_window_bits', 'server_max_window_bits=12', 'client_no_context_takeover', 'server_no_context_takeover'), agreedWith(12));
offers('7.1', withParams('client_max_window_bits=9', 'server_max_window_bits=14'), agreedWith(9));
offers('7.1', withParams('client_max_window_bits=9', 'server_max_window_bits=9'), null);
offers('7.1', withParams('client_max_window_bits', 'server_max_window_bits=11'), null);
offers('7.1', withParams('client_max_window_bits=7', 'server_max_window_bits=12'), null);

for (let value = 0; value <= 20; value++)
  for (const spelling of [`${value}`, `"${value}"`]) {
    offers('7.1.2.1', withParams(`server_max_window_bits=${spelling}`), value >= 12 && value <= 15 ? AGREED : null);
    offers('7.1.2.2', withParams(`client_max_window_bits=${spelling}`), value >= 8 && value <= 15 ? agreedWith(Math.min(value, 12)) : null);
  }
for (const [param, good] of [['server_max_window_bits', AGREED], ['client_max_window_bits', agreedWith(12)]]) {
  const section = param[0] === 's' ? '7.1.2.1' : '7.1.2.2';
  // Other ways to write such a number, which are none.
  for (const value of ['08', '09', '012', '0012', '+12', '-12', '12.0', '1e1', '0xc', '0x0c', '12a', 'a12', '120', '1200', '12_', "'12'", '4294967308', '18446744073709551628', 'twelve', 'true', '*'])
    offers(section, withParams(`${param}=${value}`), null);
  for (const value of ['"09"', '"012"', '"+12"', '"-12"', '"12.0"', '"true"', '"120"', '"\\0\\1\\2"'])
    offers(section, withParams(`${param}=${value}`), null);
  // RFC 6455 section 9.1: what is quoted is a token, once its quoted pairs are taken apart.
  for (const value of ['"1\\2"', '"\\12"', '"\\1\\2"']) offers(section, withParams(`${param}=${value}`), good);
  for (const value of ['', ' ', '""', '"', '"12', '12"', '"12\\"', '" 12"', '"12 "', '"1 2"', '1 2', '=12', '12=', '"12"3', '"12""12"', '\u00b9\u00b2', '{12}', '"{12}"', '12;', '12 ;'])
    offers('9.1', withParams(`${param}=${value}`), 400);
  offers(section, withParams(`${param}=12`, `${param}=12`), null);
  offers(section, withParams(`${param}=12`, `${param}=13`), null);
  offers(section, withParams(`${param}=12`, 'client_no_context_takeover', `${param}="12"`), null);
  offers(section, withParams(param.toUpperCase() + '=12'), null);
}
offers('7.1.2.2', withParams('client_max_window_bits', 'client_max_window_bits'), null);
offers('7.1.2.2', withParams('client_max_window_bits', 'client_max_window_bits=12'), null);
for (const [section, param] of [['7.1.1.1', 'server_no_context_takeover'], ['7.1.1.2', 'client_no_context_takeover']]) {
  for (const value of ['0', '1', 'true', 'false', '"true"', '"1"', '12'])
    offers(section, withParams(`${param}=${value}`), null);
  for (const value of ['', '""', '"', '"true', 'a b']) offers('9.1', withParams(`${param}=${value}`), 400);
  offers(section, withParams(param, param), null);
  offers(section, withParams(param, 'client_max_window_bits', param), null);
  offers(section, withParams(param.toUpperCase()), null);
}
for (const param of ['foo', 'foo=1', 'foo="bar"', 'client_max_window_bit=12', 'client_max_window_bitss=12', 'max_window_bits=12', 'no_context_takeover', 'mux', 'client-max-window-bits=12'])
  offers('7.1', withParams(param), null);
offers('7.1', withParams('client_max_window_bits', 'foo'), null);
for (const name of ['Permessage-Deflate', 'PERMESSAGE-DEFLATE', 'permessage_deflate', 'permessage-deflat', 'permessage-deflate2', 'perframe-deflate', 'x-webkit-deflate-frame', 'deflate', 'permessage-bzip2'])
  offers('7', name, null);

for (const offer of [
  `${NAME};client_max_window_bits`, `${NAME} ;client_max_window_bits`, `${NAME}\t;\tclient_max_window_bits`, `  ${NAME} ;  client_max_window_bits  `,
  `${NAME}; client_max_window_bits = 12`, `${NAME}; client_max_window_bits\t=\t"12"`, `,${NAME}; client_max_window_bits`, `, ,\t, ${NAME}; client_max_window_bits, ,`,
])
  offers('9.1', offer, agreedWith(12));
for (const offer of [
  `${NAME};`, `${NAME};;client_max_window_bits`, `;${NAME}`, `${NAME}; =12`, `${NAME}; =`, `${NAME} client_max_window_bits`, `${NAME}=1`, `"${NAME}"`, `${NAME}; "client_max_window_bits"`,
  `${NAME}; client_max_window_bits, foo bar`, `${NAME}, foo/bar`, `foo; bar="a,b", ${NAME}`, `foo; bar="a;b", ${NAME}`, `foo; bar="", ${NAME}`, `${NAME}; client max window bits`, `${NAME}; a=b=c`, `foo\u00e9, ${NAME}`,
])
  offers('9.1', offer, 400);

for (const [offer, expected] of [
  [`${NAME}, ${NAME}`, AGREED],
  [`${withParams('client_max_window_bits=10')}, ${NAME}`, agreedWith(10)],
  [`${NAME}, ${withParams('client_max_window_bits=10')}`, AGREED],
  [`${withParams('server_max_window_bits=8')}, ${withParams('client_max_window_bits=10')}`, agreedWith(10)],
  [`${withParams('server_max_window_bits=16')}, ${NAME}`, AGREED],
  [`${withParams('foo')}, ${withParams('client_max_window_bits')}`, agreedWith(12)],
  [`${withParams('server_max_window_bits=8')}, ${withParams('server_max_window_bits=11')}, ${withParams('server_max_window_bits=12')}`, AGREED],
  [`${withParams('server_max_window_bits=8')}, ${withParams('server_max_window_bits=9')}`, null],
  [`${Array.from({ length: 100 }, () => withParams('server_max_window_bits=8')).join(', ')}, ${NAME}`, AGREED],
  [`foo, ${NAME}`, AGREED],
  [`${NAME}, foo`, AGREED],
  [`foo; bar="baz"; qux, ${withParams('client_max_window_bits')}, permessage-bzip2; x=1`, agreedWith(12)],
  [`x-webkit-deflate-frame; max_window_bits=12, ${NAME}`, AGREED],
  [[NAME, withParams('client_max_window_bits')], AGREED],
  [[withParams('server_max_window_bits=8'), withParams('client_max_window_bits')], agreedWith(12)],
  [['foo, bar', `${withParams('server_max_window_bits=8')}, ${withParams('foo')}`, `baz, ${withParams('client_max_window_bits=11')}`], agreedWith(11)],
  [[withParams('server_max_window_bits=8'), withParams('server_no_context_takeover=1')], null],
  [[NAME, `${NAME};`], 400],
  [['foo bar', NAME], 400],
])
  offers('5', offer, expected);
test('5 the name of the header may be in any case', async (t) => {
  for (const header of ['sec-websocket-extensions', 'SEC-WEBSOCKET-EXTENSIONS'])
    assert.equal((await openWs(t, server.port, { lines: [`${header}: ${NAME}`] })).agreed, AGREED);
});
test('5 the subprotocol is chosen beside it', async (t) => {
  const { agreed } = await openWs(t, server.port, { offer: NAME, lines: ['Sec-WebSocket-Protocol: chat, godwit'] });
  assert.equal(agreed, AGREED);
});
test('5 with deflate = off every offer is declined', async (t) => {
  for (const args of [[], ['--deflate=off']]) {
    const own = await startServer({ args });
    t.after(() => own.stop());
    for (const offer of [SMALL.offer, LARGE.offer, `${SMALL.offer}, ${LARGE.offer}`]) {
      const { wire, ear, agreed } = await openWs(t, own.port, { offer });
      assert.equal(agreed, undefined);
      wire.send(Buffer.concat([frame(TEXT, prose(2000)), zframe(TEXT, HELLO)]));
      await expectClose(wire, ear, 1002);
      assertMessages(ear.messages, [[TEXT, prose(2000)]]);
    }
  }
});

// --- 7.2.3 the examples ---

messages('7.2.3.1', '"Hello" in one compressed block', {
  send: [hex('c1 87 00 00 00 00 f2 48 cd c9 c9 07 00')],
  echo: [[TEXT, 'Hello']],
});
messages('7.2.3.1', '"Hello" in two fragments, of which the first alone has RSV1', {
  send: [hex('41 83 00 00 00 00 f2 48 cd'), hex('80 84 00 00 00 00 c9 c9 07 00')],
  echo: [[TEXT, 'Hello']],
});
messages('7.2.3.2', '"Hello" that refers to the one before: nothing is taken over, 1007', {
  send: [zframe(TEXT, HELLO), zframe(TEXT, hex('f2 00 11 00 00'))],
  echo: [[TEXT, 'Hello']],
  close: 1007,
});
messages('7.2.3.2', 'the second "Hello" made anew', {
  send: [zframe(TEXT, HELLO), zframe(TEXT, HELLO)],
  echo: [[TEXT, 'Hello'], [TEXT, 'Hello']],
});
messages('7.2.3.3', '"Hello" in a block without compression', {
  send: [zframe(TEXT, hex('00 05 00 fa ff 48 65 6c 6c 6f 00'))],
  echo: [[TEXT, 'Hello']],
});
messages('7.2.3.4', '"Hello" in a final block', {
  send: [zframe(TEXT, hex('f3 48 cd c9 c9 07 00 00'))],
  echo: [[TEXT, 'Hello']],
});
messages('7.2.3.4', 'after a final block the next message begins afresh', {
  send: [zframe(TEXT, hex('f3 48 cd c9 c9 07 00 00')), zframe(TEXT, HELLO), zframe(TEXT, hex('f3 48 cd c9 c9 07 00 00'))],
  echo: [[TEXT, 'Hello'], [TEXT, 'Hello'], [TEXT, 'Hello']],
});
messages('7.2.3.5', '"Hello" in two blocks', {
  send: [zframe(TEXT, hex('f2 48 05 00 00 00 ff ff ca c9 c9 07 00'))],
  echo: [[TEXT, 'Hello']],
});
messages('7.2.3.6', 'an empty message is one octet', {
  send: [zframe(TEXT, hex('00')), zframe(BIN, hex('00')), zframe(TEXT, HELLO)],
  echo: [[TEXT, ''], [BIN, ''], [TEXT, 'Hello']],
});

// --- 6, 7.2 how a message is cut ---

const LINE = prose(160);
for (const [name, payload, bytes] of [
  ['"Hello"', HELLO, 'Hello'],
  ['"Hello" in two blocks', hex('f2 48 05 00 00 00 ff ff ca c9 c9 07 00'), 'Hello'],
  ['"Hello" without compression', hex('00 05 00 fa ff 48 65 6c 6c 6f 00'), 'Hello'],
  ['"Hello" in a final block', hex('f3 48 cd c9 c9 07 00 00'), 'Hello'],
  ['160 bytes in a dynamic block', deflate(Buffer.concat([LINE, LINE])), Buffer.concat([LINE, LINE])],
]) {
  messages('6.1', `${name} cut in two at every byte`, {
    send: Array.from({ length: payload.length + 1 }, (_, at) => zparts(TEXT, [payload.subarray(0, at), payload.subarray(at)])).flat(),
    echo: Array.from({ length: payload.length + 1 }, () => [TEXT, bytes]),
  });
  messages('6.1', `${name} in fragments of one byte`, {
    send: zparts(BIN, [...payload].map((byte) => Buffer.from([byte]))),
    echo: [[BIN, bytes]],
  });
  messages('6.1', `${name} in fragments of one byte with empty ones around each`, {
    send: zparts(TEXT, ['', ...[...payload].flatMap((byte) => [Buffer.from([byte]), ''])]),
    echo: [[TEXT, bytes]],
  });
}
messages('6.1', '"Hello" cut in three, everywhere', {
  send: Array.from({ length: 8 }, (_, a) => Array.from({ length: 8 - a }, (__, b) =>
    zparts(TEXT, [HELLO.subarray(0, a), HELLO.subarray(a, a + b), HELLO.subarray(a + b)]))).flat(2),
  echo: Array.from({ length: 36 }, () => [TEXT, 'Hello']),
});
messages('6.1', 'a ping between any two fragments, and its pong is not compressed', {
  send: [...HELLO].flatMap((byte, at) => [
    frame(at === 0 ? TEXT : CONT, Buffer.from([byte]), { rsv: at === 0 ? 4 : 0, fin: at === 6 }),
    frame(PING, at === 3 ? 'p'.repeat(125) : `ping ${at}`),
  ]),
  echo: [[TEXT, 'Hello']],
  pongs: Array.from({ length: 7 }, (_, at) => (at === 3 ? 'p'.repeat(125) : `ping ${at}`)),
});
messages('6.1', 'a pong between two fragments', {
  send: [zframe(BIN, HELLO.subarray(0, 4), { fin: false }), frame(PONG, HELLO), frame(CONT, HELLO.subarray(4))],
  echo: [[BIN, 'Hello']],
});
messages('6.1', 'a close between two fragments is answered, the message dropped', {
  send: [zframe(TEXT, HELLO.subarray(0, 4), { fin: false }), frame(CLOSE, closeBody(1000, 'enough'))],
  close: 1000,
});
messages('6', 'messages as they are between compressed ones', {
  send: [zframe(TEXT, HELLO), frame(TEXT, 'as it is'), zframe(BIN, HELLO), frame(BIN, HELLO), zframe(TEXT, hex('00')), frame(TEXT, ''), frame(TEXT, prose(1000)), zframe(TEXT, HELLO)],
  echo: [[TEXT, 'Hello'], [TEXT, 'as it is'], [BIN, 'Hello'], [BIN, HELLO], [TEXT, ''], [TEXT, ''], [TEXT, prose(1000)], [TEXT, 'Hello']],
});
messages('6', 'a fragmented message as it is, between compressed ones', {
  send: [zframe(TEXT, HELLO), frame(TEXT, 'as ', { fin: false }), frame(CONT, 'it ', { fin: false }), frame(CONT, 'is'), zframe(TEXT, HELLO)],
  echo: [[TEXT, 'Hello'], [TEXT, 'as it is'], [TEXT, 'Hello']],
});
messages('6', '300 compressed messages in one piece come back in order', {
  send: () => Array.from({ length: 300 }, (_, at) => zframe(at % 3 ? TEXT : BIN, deflate(Buffer.from(`message ${at} ${'-'.repeat(at)}`)))),
  echo: Array.from({ length: 300 }, (_, at) => [at % 3 ? TEXT : BIN, `message ${at} ${'-'.repeat(at)}`]),
});
messages('6', 'every frame has a mask of its own', {
  send: [
    zframe(TEXT, HELLO.subarray(0, 2), { fin: false, mask: hex('01020304') }),
    frame(CONT, HELLO.subarray(2, 5), { fin: false, mask: hex('ff00ff00') }),
    frame(CONT, HELLO.subarray(5), { mask: hex('00000000') }),
  ],
  echo: [[TEXT, 'Hello']],
});
for (const [name, behind, echo] of [
  ['a compressed message', [zframe(TEXT, HELLO)], [[TEXT, 'Hello']]],
  ['two, and one as it is', [zframe(TEXT, HELLO), frame(TEXT, 'plain'), zframe(BIN, deflate(prose(3000)))], [[TEXT, 'Hello'], [TEXT, 'plain'], [BIN, prose(3000)]]],
])
  test(`5 ${name} right behind the handshake's request, in the same piece`, async (t) => {
    const open = await openDeflate(t, { behind: Buffer.concat(behind) });
    await exchange(t, open, Buffer.alloc(0), { echo });
  });
test('5 half a compressed message behind the handshake, the rest later', async (t) => {
  const early = zframe(TEXT, deflate(prose(3000)));
  const open = await openDeflate(t, { behind: early.subarray(0, 300) });
  await exchange(t, open, early.subarray(300), { echo: [[TEXT, prose(3000)]] });
});

// --- 6, 7.2.2 reserved bits ---

const opcodes = { 0: 'a continuation', 1: 'text', 2: 'binary', 8: 'a close', 9: 'a ping', 10: 'a pong' };
for (let opcode = 0; opcode < 16; opcode++) {
  const what = opcodes[opcode] ?? `the reserved opcode ${opcode}`;
  const payload = opcode === CLOSE ? closeBody(1000) : HELLO;
  for (const [rsv, which] of [[4, 'RSV1'], [5, 'RSV1 and RSV3'], [6, 'RSV1 and RSV2'], [7, 'all three'], [2, 'RSV2'], [1, 'RSV3']]) {
    if (rsv === 4 && (opcode === TEXT || opcode === BIN)) continue;
    for (const fin of [true, false])
      messages('6', `${which} on ${what}, ${fin ? 'with' : 'without'} FIN: 1002`, {
        send: [zframe(TEXT, HELLO), frame(opcode, payload, { rsv, fin })],
        echo: [[TEXT, 'Hello']],
        close: 1002,
      });
    messages('6', `${which} on ${what} in the middle of a compressed message: 1002`, {
      send: [zframe(BIN, HELLO.subarray(0, 3), { fin: false }), frame(opcode, payload, { rsv })],
      close: 1002,
    });
    messages('6', `${which} on ${what} in the middle of a message as it is: 1002`, {
      send: [frame(BIN, 'a', { fin: false }), frame(opcode, payload, { rsv })],
      close: 1002,
    });
  }
}
for (const [opcode, kind] of [[TEXT, 'text'], [BIN, 'binary']])
  messages('6', `a new compressed ${kind} in the middle of a compressed message: 1002`, {
    send: [zframe(BIN, HELLO.subarray(0, 3), { fin: false }), zframe(opcode, HELLO)],
    close: 1002,
  });
messages('6', 'a message that is not marked is not inflated', {
  send: [frame(BIN, HELLO), frame(BIN, HELLO.subarray(0, 3), { fin: false }), frame(CONT, HELLO.subarray(3))],
  echo: [[BIN, HELLO], [BIN, HELLO]],
});
for (const opcode of [TEXT, BIN])
  test(`6 RSV1 on opcode ${opcode} where nothing was agreed: 1002`, async (t) => {
    await exchange(t, await openWs(t, server.port), zframe(opcode, HELLO), { close: 1002 });
  });

// --- 7.2.1, 7.2.2 blocks ---

const PAGE = prose(12_000);
const { Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE, Z_FILTERED } = zlib.constants;
for (const [name, options] of [
  ['level 0, all stored', { level: 0 }], ['level 1', { level: 1 }], ['level 9', { level: 9 }], ['fixed codes', { strategy: Z_FIXED }],
  ['no references', { strategy: Z_HUFFMAN_ONLY }], ['runs alone', { strategy: Z_RLE }], ['the filtered strategy', { strategy: Z_FILTERED }],
  ['a window of 9 bits', { windowBits: 9 }], ['a memory level of 1: many small blocks', { memLevel: 1 }],
]) {
  messages('7.2.1', `12 KB of text by zlib with ${name}`, {
    send: [zframe(TEXT, deflate(PAGE, { windowBits: 12, ...options }))],
    echo: [[TEXT, PAGE]],
  });
  messages('7.2.1', `3 KB of noise by zlib with ${name}`, {
    send: [zframe(BIN, deflate(noise(3000), { windowBits: 12, ...options }))],
    echo: [[BIN, noise(3000)]],
  });
}
for (const distance of [4096, 32_768])
  test(`7.1.2.2 a reference ${distance} bytes back, by a client that kept the largest window`, async (t) => {
    const bytes = noise(distance);
    const open = await openDeflate(t, { client: LARGE });
    await exchange(t, open, zframe(BIN, backBy(distance)), { echo: [[BIN, Buffer.concat([bytes, bytes.subarray(0, 3)])]] });
  });
for (const [name, make, echo] of [
  ['stored', (out, final) => out.stored('ebb ', { final }), 'ebb '],
  ['fixed', (out, final) => out.fixed('ebb ', { final }), 'ebb '],
  ['dynamic', (out, final) => out.dynamic({ letter: 101, times: 4, final }), 'eeee'],
  ['empty stored', (out, final) => out.stored('', { final }), ''],
  ['empty fixed', (out, final) => out.fixed('', { final }), ''],
  ['empty dynamic', (out, final) => out.dynamic({ final }), ''],
]) {
  for (const [which, make2, echo2] of [['a stored', (out) => out.stored('flow'), 'flow'], ['a fixed', (out) => out.fixed('flow'), 'flow'], ['a dynamic', (out) => out.dynamic({ letter: 102, times: 9 }), 'fffffffff']])
    messages('7.2.1', `one ${name} block and ${which} one`, {
      send: [zframe(TEXT, make2(make(bits(), false)).message().done())],
      echo: [[TEXT, echo + echo2]],
    });
  messages('7.2.3.4', `a final ${name} block in the middle of a message`, {
    send: [zframe(TEXT, make(bits().fixed('first '), true).fixed('last').message().done())],
    echo: [[TEXT, `first ${echo}last`]],
  });
  messages('7.2.3.4', `a final ${name} block at the end, and no more`, {
    send: [zframe(TEXT, make(bits().fixed('first '), true).done()), zframe(TEXT, HELLO)],
    echo: [[TEXT, `first ${echo}`], [TEXT, 'Hello']],
  });
  messages('7.2.3.4', `three final ${name} blocks, each in a fragment`, {
    send: zparts(TEXT, [make(bits(), true).done(), make(bits(), true).done(), make(bits(), true).message().done()]),
    echo: [[TEXT, echo.repeat(3)]],
  });
  messages('7.2.3.4', `a reserved block behind a final ${name} one: 1007`, {
    send: [zframe(BIN, make(bits(), true).block(3).done())],
    close: 1007,
  });
}
messages('7.2.3.4', 'behind a final block one may refer to what is before it', {
  send: [zframe(TEXT, bits().fixed('tide ', { final: true }).fixed('and ', { copies: [[5, 9]] }).message().done())],
  echo: [[TEXT, 'tide and tide ']],
});
messages('7.2.1', 'a reference that overlaps itself', {
  send: [zframe(TEXT, bits().fixed('ab', { copies: [[258, 2], [3, 1]] }).message().done())],
  echo: [[TEXT, `${'ab'.repeat(130)}bbb`]],
});
messages('7.2.1', 'references of every length, 3 to 258', {
  send: [zframe(TEXT, bits().fixed('godwit', { copies: Array.from({ length: 256 }, (_, at) => [at + 3, (at % 6) + 1]) }).message().done())],
  echo: [[TEXT, Array.from({ length: 256 }).reduce((text, _, at) => {
    for (let count = at + 3; count > 0; count--) text += text[text.length - 1 - (at % 6)];
    return text;
  }, 'godwit')]],
});
messages('7.2.1', 'a flush after every byte', {
  send: zparts(TEXT, [...prose(500)].map((byte, at) => (at === 499 ? deflate : flush)(Buffer.from([byte])))),
  echo: [[TEXT, prose(500)]],
});

// --- 7.2.2 what is no deflate data ---

for (const [name, payload] of [
  ['nothing at all', ''],
  ['a reserved kind of block', '06'],
  ['a reserved kind of block, final', '07'],
  ['a reserved kind of block behind a good one', 'f2 48 05 00 00 00 ff ff 06'],
  ['a stored length whose complement is wrong', '00 05 00 fb ff 48 65 6c 6c 6f 00'],
  ['a stored length of which half is missing', '00 05'],
  ['a stored block one byte short', '00 05 00 fa ff 48 65 6c 6c'],
  ['the tail left on', 'f2 48 cd c9 c9 07 00 00 00 ff ff'],
  ['the tail left on, and once more', 'f2 48 cd c9 c9 07 00 00 00 ff ff 00 00 ff ff'],
  ['a byte too many', 'f2 48 cd c9 c9 07 00 00'],
  ['the tail alone', '00 00 ff ff'],
  ['a reference to before the message', 'f2 00 11 00 00'],
  ['behind a final block, something reserved', 'f3 48 cd c9 c9 07 00 07'],
  ['behind a final block, a broken length', 'f3 48 cd c9 c9 07 00 00 01 00 ff ff 00'],
  ['behind a final block, half a block', 'f3 48 cd c9 c9 07 00 f2 48'],
  ['the data of zlib, with its header', '78 9c f2 48 cd c9 c9 07 00 00 00 ff ff'],
  ['the data of gzip', '1f 8b 08 00 00 00 00 00 00 03'],
  ['what is not compressed', '48 65 6c 6c 6f'],
])
  messages('7.2.2', `${name}: 1007`, { send: [zframe(BIN, HELLO), zframe(BIN, hex(payload))], echo: [[BIN, 'Hello']], close: 1007 });
for (const [name, make] of [
  ['a length that there is not, 286', () => bits().block(1).symbol(97).symbol(286).put(0, 5).symbol(256)],
  ['a length that there is not, 287', () => bits().block(1).symbol(97).symbol(287).put(0, 5).symbol(256)],
  ['a distance that there is not, 30', () => bits().block(1).symbol(97).symbol(257).code(30, 5).symbol(256)],
  ['a distance that there is not, 31', () => bits().block(1).symbol(97).symbol(257).code(31, 5).symbol(256)],
  ['a reference one byte too far', () => bits().fixed('abcd', { copies: [[3, 5]] })],
  ['a reference 32 KiB too far', () => bits().fixed('abcd', { copies: [[3, 32_768]] })],
  ['a reference in the first place', () => bits().fixed('', { copies: [[3, 1]] })],
  ['a dynamic block with 287 literals', () => bits().dynamicHead({ 1: 1, 18: 1 }, { literals: 287 })],
  ['a dynamic block with 31 distances', () => bits().dynamicHead({ 1: 1, 18: 1 }, { distances: 31 })],
  ['a dynamic block with too many codes', () => bits().dynamicHead({ 1: 1, 2: 1, 18: 1 })],
  ['a dynamic block with too few codes', () => bits().dynamicHead({ 1: 2, 18: 2 })],
  ['a dynamic block without any code', () => bits().dynamicHead({})],
  ['a dynamic block that repeats nothing', () => bits().dynamicHead({ 16: 1, 18: 1 }).code(0, 1).put(0, 2)],
  ['a dynamic block with more lengths than it has', () => bits().dynamicHead({ 1: 1, 18: 1 }).code(1, 1).put(127, 7).code(1, 1).put(127, 7)],
  ['a dynamic block that cannot end', () => bits().dynamicHead({ 1: 1, 18: 1 }).code(1, 1).put(126, 7).code(1, 1).put(107, 7).code(0, 1).code(0, 1)],
])
  messages('7.2.2', `${name}: 1007`, { send: [zframe(BIN, HELLO), zframe(BIN, make().message().done())], echo: [[BIN, 'Hello']], close: 1007 });
for (const [name, payload] of [['a reserved kind of block', '06'], ['a broken stored length', '00 05 00 fb ff'], ['a reference to nothing', 'f2 00 11 00 00'], ['a message that ended with a reserved block behind it', 'f3 48 cd c9 c9 07 00 07']])
  messages('7.2.2', `${name} fails at once, with most of its frame still to come: 1007`, {
    send: [zframe(BIN, hex(payload), { announce: 1000 })],
    close: 1007,
  });

/* A prefix is a message of its own only where our strict reader takes it for one; at a block's end it may be. */
const isMessage = (payload) => {
  try {
    return Boolean(inflate(payload));
  } catch {
    return false;
  }
};
for (const [name, payload] of [
  ['"Hello"', HELLO],
  ['"Hello" without compression', hex('00 05 00 fa ff 48 65 6c 6c 6f 00')],
  ['"Hello" in two blocks', hex('f2 48 05 00 00 00 ff ff ca c9 c9 07 00')],
])
  for (let at = 0; at < payload.length; at++) {
    if (isMessage(payload.subarray(0, at))) continue;
    messages('7.2.2', `${name} that ends after byte ${at}: 1007`, { send: [zframe(BIN, payload.subarray(0, at))], close: 1007 });
    messages('7.2.2', `${name} in fragments, that ends after byte ${at}: 1007`, {
      send: zparts(BIN, ['', payload.subarray(0, at), '']),
      close: 1007,
    });
  }
test('7.2.2 a dynamic block cut short at every byte: 1007', async (t) => {
  const payload = deflate(prose(400));
  for (let at = 0; at < payload.length; at++) {
    assert(!isMessage(payload.subarray(0, at)));
    const open = await openDeflate(t);
    open.wire.send(zframe(BIN, payload.subarray(0, at)));
    await expectClose(open.wire, open.ear, 1007);
    assert.equal(open.ear.messages.length, 0);
    open.wire.destroy();
  }
}, { seconds: 20 });

// --- 8.1 of RFC 6455: inflated text is UTF-8 ---

const BIRD = Buffer.from('🐦');
messages('8.1', 'a character of 4 bytes, each in a block of its own', {
  send: [zframe(TEXT, [...BIRD].reduce((out, byte) => out.stored([byte]), bits()).message().done()), zframe(TEXT, [...BIRD].reduce((out, byte) => out.fixed([byte]), bits()).message().done())],
  echo: [[TEXT, BIRD], [TEXT, BIRD]],
});
messages('8.1', 'a character of 4 bytes, each in a final block in a fragment', {
  send: zparts(TEXT, [...BIRD].map((byte) => bits().fixed([byte], { final: true }).done())),
  echo: [[TEXT, BIRD]],
});
messages('8.1', 'characters that references cut in two', {
  send: [zframe(TEXT, bits().fixed(BIRD, { copies: [[4, 4], [258, 4], [6, 4]] }).message().done())],
  echo: [[TEXT, '🐦'.repeat(68)]],
});
messages('8.1', 'a character that a reference leaves unfinished: 1007', {
  send: [zframe(TEXT, bits().fixed(BIRD, { copies: [[258, 4]] }).message().done())],
  close: 1007,
});
for (let at = 1; at < 4; at++) {
  messages('8.1', `a character that ends with its block after byte ${at}, and the message with it: 1007`, {
    send: [zframe(TEXT, bits().fixed('ok').fixed(BIRD.subarray(0, at), { final: true }).message().done())],
    close: 1007,
  });
  messages('8.1', `a character broken off after byte ${at} by the next block: 1007`, {
    send: [zframe(TEXT, bits().stored(BIRD.subarray(0, at)).fixed('a').message().done())],
    close: 1007,
  });
  messages('8.1', `a character cut after byte ${at} by a fragment, at a block's end and not`, {
    send: [
      ...zparts(TEXT, [flush(BIRD.subarray(0, at)), deflate(BIRD.subarray(at))]),
      ...zparts(TEXT, [deflate(BIRD).subarray(0, at), deflate(BIRD).subarray(at)]),
    ],
    echo: [[TEXT, BIRD], [TEXT, BIRD]],
  });
}
for (const [name, wrong] of [['FF', 'ff'], ['a lone continuation', '80'], ['a surrogate', 'ed a0 80'], ['an overlong slash', 'c0 af'], ['U+110000', 'f4 90 80 80']]) {
  messages('8.1', `${name} at the end of 10 KB of compressed text: 1007`, {
    send: () => [zframe(TEXT, deflate(Buffer.concat([prose(10_000), hex(wrong)])))],
    close: 1007,
  });
  messages('8.1', `${name} in compressed text fails at once, though its frame says that much is to come: 1007`, {
    send: () => [zframe(TEXT, flush(Buffer.concat([prose(500), hex(wrong)])), { announce: 60_000 })],
    close: 1007,
  });
  messages('8.1', `${name} is fine in compressed bytes`, {
    send: () => [zframe(BIN, deflate(Buffer.concat([prose(500), hex(wrong)])))],
    echo: [[BIN, Buffer.concat([prose(500), hex(wrong)])]],
  });
}
messages('8.1', 'what would be text on the wire, and inflates to none: 1007', {
  send: [zframe(TEXT, bits().stored(hex('c3 28')).message().done())],
  close: 1007,
});

// --- sizes ---

const contents = {
  text: (length) => [TEXT, prose(length)],
  noise: (length) => [BIN, noise(length, length)],
  zeros: (length) => [length % 2 ? TEXT : BIN, Buffer.alloc(length)],
};
for (const [kind, make] of Object.entries(contents))
  for (const length of [0, 1, 2, 125, 126, 127, 255, 256, 257, 1024, 4095, 4096, 4097, 16_384, 65_535, 65_536, 65_537]) {
    const [opcode, bytes] = make(length);
    const squeeze = () => deflate(bytes, honest(bytes, { windowBits: 12 }));
    const isTooLong = length > MESSAGE_MAX;
    const section = isTooLong ? '7.4.1' : '7.2';
    const verdict = isTooLong ? ': 1009' : ' come back';
    const expected = isTooLong
      ? { close: 1009 }
      : {
          echo: [[opcode, bytes]],
          check: (ear) => assert.equal(ear.messages[0].compressed, kind !== 'noise' && length >= 256),
        };
    messages(section, `${length} bytes of ${kind}${verdict}`, { send: () => [zframe(opcode, squeeze())], ...expected });
    messages(section, `${length} bytes of ${kind} in three fragments${verdict}`, {
      send: () => {
        const all = squeeze();
        return zparts(opcode, [all.subarray(0, all.length >> 1), '', all.subarray(all.length >> 1)]);
      },
      ...expected,
    });
  }
/* What repeats is so far back that a window of 12 bits ends before it, or after: the Ear looks at every reference. */
for (const distance of [2000, 3800, 4000, 4095, 4096, 4097, 4200, 4352, 5000, 8192, 20_000]) {
  const bytes = Buffer.concat([noise(distance), noise(distance), prose(2000), noise(distance).subarray(0, 900)]);
  messages('7.1.2.1', `noise that repeats after ${distance} bytes comes back by references of at most 4,096`, {
    send: () => [zframe(BIN, deflate(bytes, { windowBits: 12 }))],
    echo: [[BIN, bytes]],
    check: (ear) => assert(ear.messages[0].compressed),
  });
}
messages('7.2', '1 MiB of text to a server that takes so much', {
  port: roomy.port,
  send: () => [zframe(TEXT, deflate(prose(1024 * KIB), { windowBits: 12 }))],
  echo: [[TEXT, prose(1024 * KIB)]],
});
messages('7.4.1', '1 MiB + 1 of text to a server that takes 1 MiB: 1009', {
  port: roomy.port,
  send: () => [zframe(TEXT, deflate(prose(1024 * KIB + 1), { windowBits: 12 }))],
  close: 1009,
});

// --- limits ---

const LIMIT_SHAPES = [
  ['stored', (bytes) => deflate(bytes, { level: 0 })],
  ['in fixed blocks', (bytes) => deflate(bytes, { windowBits: 12, strategy: Z_FIXED })],
  ['in dynamic blocks', (bytes) => deflate(bytes, { windowBits: 12 })],
  ['flushed every 100 bytes', (bytes) => {
    const parts = [];
    for (let at = 0; at < bytes.length; at += 100)
      parts.push((at + 100 < bytes.length ? flush : deflate)(bytes.subarray(at, at + 100)));
    return Buffer.concat(parts);
  }],
];
for (const [shape, squeeze] of LIMIT_SHAPES)
  for (const [length, name, close] of [[MESSAGE_MAX - 1, 'the limit - 1'], [MESSAGE_MAX, 'the limit'], [MESSAGE_MAX + 1, 'the limit + 1', 1009], [MESSAGE_MAX + 258, 'the limit + 258', 1009]])
    messages('limits', `${name}, ${shape}, in 1,000 fragments${close ? `: ${close}` : ''}`, {
      send: () => {
        const all = squeeze(prose(length));
        const step = Math.ceil(all.length / 1000);
        return zparts(TEXT, Array.from({ length: 1000 }, (_, at) => all.subarray(at * step, (at + 1) * step)));
      },
      echo: close ? [] : [[TEXT, prose(length)]],
      close,
    });

messages('limits', '4 KiB of zeros in a few bytes are free of the ratio', {
  send: [zframe(BIN, deflate(Buffer.alloc(4096)))],
  echo: [[BIN, Buffer.alloc(4096)]],
});
messages('limits', '4 KiB + 1 of zeros in a few bytes are not: 1009', { send: [zframe(BIN, deflate(Buffer.alloc(4097)))], close: 1009 });
const exact = Array.from({ length: 100 }, (_, at) => 45 + at).filter((wire) => fillers(wire * 100, wire) !== null);
const beyond = exact.find((wire) => fillers(wire * 100 + 1, wire) !== null);
messages('limits', 'a ratio of exactly 100:1', {
  send: exact.map((wire) => zframe(BIN, zerosOf(wire * 100, wire))),
  echo: exact.map((wire) => [BIN, Buffer.alloc(wire * 100)]),
});
messages('limits', 'one byte more than a ratio of 100:1: 1009', {
  send: [zframe(BIN, zerosOf(beyond * 100, beyond)), zframe(BIN, zerosOf(beyond * 100 + 1, beyond))],
  echo: [[BIN, Buffer.alloc(beyond * 100)]],
  close: 1009,
});
messages('limits', 'a run of zeros in a message that is more than that', {
  send: () => [zframe(BIN, deflate(Buffer.concat([noise(1000), Buffer.alloc(40_000), noise(1000)])))],
  echo: [[BIN, Buffer.concat([noise(1000), Buffer.alloc(40_000), noise(1000)])]],
});
messages('limits', '1,024 fragments, flushed one by one', {
  send: () => zparts(TEXT, Array.from({ length: 1024 }, (_, at) => (at < 1023 ? flush : deflate)(Buffer.from('x')))),
  echo: [[TEXT, 'x'.repeat(1024)]],
});
messages('limits', 'the fragment after 1,024, flushed one by one: 1008', {
  send: () => zparts(TEXT, Array.from({ length: 1026 }, () => flush(Buffer.from('x')))).slice(0, 1025),
  close: 1008,
});

// --- control frames are never compressed ---

test('6.1 the pings of the server are not compressed', async (t) => {
  const own = await startServer({ args: ['--deflate=on', '--ping-interval=1s'] });
  t.after(() => own.stop());
  const { wire, ear } = await openDeflate(t, { port: own.port });
  await wire.until(() => ear.hear(wire).pings > 0);
  assert(ear.pings > 0, 'no ping came');
});
test('6.1 the close of a server that stops is not compressed', async (t) => {
  const own = await startServer({ args: ['--deflate=on'] });
  t.after(() => own.stop());
  const { wire, ear } = await openDeflate(t, { port: own.port });
  own.process.kill('SIGTERM');
  await expectClose(wire, ear, 1012);
  assert('retry_ms' in JSON.parse(ear.close.reason));
});

await run({ concurrency: 16 });
