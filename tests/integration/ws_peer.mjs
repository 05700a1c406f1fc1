// ws_peer.mjs - the npm package `ws`, which nobody here wrote, on the other end of the line: as the
// client of our server, and as the server of our client.
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';

import WebSocket, { WebSocketServer } from 'ws';

import { spawnGodwit, startServer, suiteServer } from '../lib/server.mjs';
import { run, test } from '../lib/tap.mjs';

const MIB = 1024 * 1024;
const server = await suiteServer({ args: ['--max-message=1MiB'] });
const deflating = await suiteServer({ args: ['--max-message=1MiB', '--deflate=on'] });
let channels = 0;
const fresh = () => `peer-${++channels}`;

/** A client with everything that happens to it written down from its first moment. */
class Peer {
  constructor(t, path, { port = server.port, protocols = [], options = {} } = {}) {
    this.messages = []; // strings, and Buffers where they were binary
    this.closed = null; // {code, reason}
    this.error = null;
    this.waiting = new Set();
    this.ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, options);
    const note = (change) => (...args) => {
      change(...args);
      for (const check of this.waiting) check();
    };
    this.ws.on('message', note((data, binary) => this.messages.push(binary ? data : data.toString())));
    this.ws.on('close', note((code, reason) => (this.closed = { code, reason: reason.toString() })));
    this.ws.on('error', note((error) => (this.error = error)));
    this.ws.on('open', note(() => (this.open = true)));
    t.after(() => this.ws.terminate());
  }

  until(look, what, ms = 8000) {
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(timer);
        this.waiting.delete(check);
        settle(value);
      };
      const check = () => {
        if (look()) done(resolve, this);
      };
      const timer = setTimeout(() => {
        const state = JSON.stringify({ got: this.messages.length, closed: this.closed, error: this.error?.message });
        done(reject, new Error(`waited in vain for ${what}: ${state}`));
      }, ms);
      this.waiting.add(check);
      check();
    });
  }

  async opened() {
    await this.until(() => this.open || this.error, 'the handshake');
    if (!this.open) throw this.error;
    return this;
  }

  async received(count) {
    await this.until(() => this.messages.length >= count || this.closed, `${count} messages`);
    assert.equal(this.messages.length, count, `closed: ${JSON.stringify(this.closed)}`);
    return this.messages;
  }

  async ended() {
    await this.until(() => this.closed, 'the close');
    return this.closed;
  }
}

const dial = (t, path, options) => new Peer(t, path, options).opened();

async function post(channel, body, { type, port = server.port } = {}) {
  const response = await fetch(`http://127.0.0.1:${port}/channels/${encodeURIComponent(channel)}`, {
    method: 'POST',
    body,
    headers: type ? { 'Content-Type': type } : {},
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

const fill = (length) => Buffer.from(Array.from({ length }, (_, at) => (at * 37 + length) & 0xff));
const letters = (length) => 'godwit κύμα 🐦 '.repeat(Math.ceil(length / 14)).slice(0, length).replace(/[\ud800-\udbff]$/, '-');

// --- our server, their client ---

for (const length of [0, 1, 125, 126, 127, 1000, 16_384, 65_535, 65_536, 65_537, 200_000, MIB])
  test(`echo of ${length} bytes, as text and as binary`, async (t) => {
    const peer = await dial(t, '/echo');
    const text = letters(Math.floor(length * 0.6)); // so many characters are not more bytes than that
    peer.ws.send(fill(length));
    peer.ws.send(text);
    const [binary, back] = await peer.received(2);
    assert(Buffer.isBuffer(binary) && binary.equals(fill(length)));
    assert.equal(back, text);
  });

test('above the raised limit: 1009', async (t) => {
  const peer = await dial(t, '/echo');
  peer.ws.send(Buffer.alloc(MIB + 1));
  assert.equal((await peer.ended()).code, 1009);
});

test('messages that ws has fragmented', async (t) => {
  const peer = await dial(t, '/echo');
  peer.ws.send('Hel', { fin: false });
  peer.ws.ping('between');
  peer.ws.send('', { fin: false });
  peer.ws.send('lo', { fin: true });
  peer.ws.send(fill(1000), { fin: false });
  peer.ws.send(fill(70_000), { fin: true });
  const [text, binary] = await peer.received(2);
  assert.equal(text, 'Hello');
  assert(binary.equals(Buffer.concat([fill(1000), fill(70_000)])));
});

test('1,000 echoes without waiting come back in order', async (t) => {
  const peer = await dial(t, '/echo');
  const sent = Array.from({ length: 1000 }, (_, at) => `message ${at}`);
  for (const one of sent) peer.ws.send(one);
  assert.deepEqual(await peer.received(1000), sent);
});

test('16 MiB through one echo while nobody reads for a moment', async (t) => {
  const peer = await dial(t, '/echo');
  peer.ws.pause();
  for (let at = 0; at < 64; at++) peer.ws.send(fill(256 * 1024));
  await new Promise((resolve) => setTimeout(resolve, 300));
  peer.ws.resume();
  const back = await peer.received(64);
  assert(back.every((one) => one.length === 256 * 1024));
  assert(back[63].equals(fill(256 * 1024)));
}, { seconds: 20 });

test('compression is off, and not chosen though it is offered', async (t) => {
  const peer = await dial(t, '/echo', { options: { perMessageDeflate: true } });
  assert.equal(peer.ws.extensions, '');
  peer.ws.send('x'.repeat(5000));
  assert.deepEqual(await peer.received(1), ['x'.repeat(5000)]);
});

test('a ping of ws has its pong', async (t) => {
  const peer = await dial(t, '/echo');
  const pong = once(peer.ws, 'pong');
  peer.ws.ping('are you there?');
  assert.equal((await pong)[0].toString(), 'are you there?');
});

for (const [code, reason] of [[1000, ''], [1000, 'the tide is out'], [1001, ''], [3000, 'library'], [4000, 'mine'], [4999, 'r'.repeat(123)]])
  test(`a close with ${code} ${JSON.stringify(reason.slice(0, 20))} is a clean one on both sides`, async (t) => {
    const peer = await dial(t, '/echo');
    peer.ws.close(code, reason);
    assert.equal((await peer.ended()).code, code);
    assert.equal(peer.error, null);
  });
test('a close without a code is a clean one', async (t) => {
  const peer = await dial(t, '/echo');
  peer.ws.close();
  assert([1005, 1000].includes((await peer.ended()).code));
});

for (const path of ['/echo', '/channels/peer-protocols']) {
  test(`the subprotocol godwit at ${path}`, async (t) => {
    for (const protocols of [['godwit'], ['chat', 'godwit'], ['godwit', 'chat']])
      assert.equal((await dial(t, path, { protocols })).ws.protocol, 'godwit');
    assert.equal((await dial(t, path)).ws.protocol, '');
  });
  test(`no subprotocol in common at ${path}: none is named, and ws gives up as the RFC says`, async (t) => {
    await assert.rejects(dial(t, path, { protocols: ['chat'] }), /subprotocol/);
  });
  test(`a foreign Origin at ${path} is a 403`, async (t) => {
    for (const origin of ['https://evil.example', 'null'])
      await assert.rejects(dial(t, path, { options: { origin } }), /403/);
    await dial(t, path, { options: { origin: 'http://localhost:3000' } });
  });
}

// --- compression ---

/* Text of which deflate makes about a third: it has to stay away from the ratio of a bomb. */
const story = (length) => Array.from({ length: Math.ceil(length / 20) }, (_, at) => `${(at * 7919) % 100_003}: the tide is ${at % 3 ? 'in' : 'out'}; `).join('').slice(0, length);

const dialDeflating = (t, path, perMessageDeflate, options = {}) =>
  dial(t, path, { port: deflating.port, options: { ...options, perMessageDeflate } });

/** What a client of ws can ask for, and whether it gets it. */
const WISHES = [
  ['nothing special', {}, true],
  ['no takeover by the server', { serverNoContextTakeover: true }, true],
  ['no takeover by the client', { clientNoContextTakeover: true }, true],
  ['no takeover at all', { serverNoContextTakeover: true, clientNoContextTakeover: true }, true],
  ['takeover by the server, if it likes', { serverNoContextTakeover: false }, true],
  ['a window of its own', { clientMaxWindowBits: false }, true],
  ...[8, 9, 10, 11, 12, 13, 14, 15].map((bits) => [`a client's window of ${bits}`, { clientMaxWindowBits: bits }, true]),
  ...[12, 13, 14, 15].map((bits) => [`a server's window of ${bits}`, { serverMaxWindowBits: bits }, true]),
  ['all of it', { serverNoContextTakeover: true, clientNoContextTakeover: true, clientMaxWindowBits: 10, serverMaxWindowBits: 13 }, true],
  ...[8, 9, 10, 11].map((bits) => [`a server's window of ${bits}`, { serverMaxWindowBits: bits }, false]),
  ...[1, 7, 16, 'twelve'].map((bits) => [`a client's window of ${bits}`, { clientMaxWindowBits: bits }, false]),
  ...[1, 7, 16, true, 'twelve'].map((bits) => [`a server's window of ${bits}`, { serverMaxWindowBits: bits }, false]),
];

for (const [name, wish, granted] of WISHES)
  for (const threshold of [0, 1024])
    test(`compression with ${name}, by ws from ${threshold} bytes on: ${granted ? 'agreed' : 'declined'}`, async (t) => {
      const peer = await dialDeflating(t, '/echo', { ...wish, threshold });
      assert.equal(peer.ws.extensions, granted ? 'permessage-deflate' : '');
      const sent = ['Hello', '', 'Hello', story(255), story(256), story(1023), story(20_000), Buffer.alloc(0), fill(300), story(20_000), fill(4096), story(100_000)];
      for (const one of sent) peer.ws.send(one);
      assert.deepEqual(await peer.received(sent.length), sent);
      const all = sent.reduce((sum, one) => sum + one.length, 0);
      const { bytesRead, bytesWritten } = peer.ws._socket;
      for (const bytes of [bytesRead, bytesWritten])
        assert.equal(bytes < all * 0.6, granted, `${all} bytes of messages were ${bytesWritten} there and ${bytesRead} back`);
      peer.ws.close(1000);
      assert.equal((await peer.ended()).code, 1000);
      assert.equal(peer.error, null);
    });

test('without an offer nothing is compressed', async (t) => {
  const peer = await dialDeflating(t, '/echo', false);
  assert.equal(peer.ws.extensions, '');
  peer.ws.send(story(20_000));
  assert.deepEqual(await peer.received(1), [story(20_000)]);
  assert(peer.ws._socket.bytesRead > 20_000);
});

test('ws refuses an answer that forbids its takeover where it insists on it', async (t) => {
  await assert.rejects(dialDeflating(t, '/echo', { clientNoContextTakeover: false }), /Sec-WebSocket-Extensions/);
});

test('ws refuses what inflates to more than it takes', async (t) => {
  const peer = await dialDeflating(t, `/channels/too-much-for-ws`, {}, { maxPayload: 10_000 });
  await post('too-much-for-ws', story(10_000), { port: deflating.port });
  assert.deepEqual(await peer.received(1), [story(10_000)]);
  await post('too-much-for-ws', story(10_001), { port: deflating.port });
  assert.equal((await peer.ended()).code, 1006);
  assert.match(peer.error.message, /Max payload size exceeded/);
});

test('compressed messages that ws has fragmented, pings between', async (t) => {
  const peer = await dialDeflating(t, '/echo', { threshold: 0 });
  const text = story(30_000);
  for (const end of [false, true]) {
    peer.ws.send(text.slice(0, 11), { fin: false });
    peer.ws.ping('between');
    peer.ws.send('', { fin: false });
    peer.ws.send(text.slice(11, 20_000), { fin: false });
    peer.ws.send(end ? '' : text.slice(20_000), { fin: true });
  }
  assert.deepEqual(await peer.received(2), [text, text.slice(0, 20_000)]);
});

test('compressed messages and others, by turns', async (t) => {
  const peer = await dialDeflating(t, '/echo', { threshold: 0 });
  const sent = Array.from({ length: 200 }, (_, at) => story((at * 31) % 2000));
  for (const [at, one] of sent.entries()) peer.ws.send(one, { compress: at % 2 === 0 });
  assert.deepEqual(await peer.received(200), sent);
});

test('1 MiB of text, compressed; and one byte more: 1009', async (t) => {
  const peer = await dialDeflating(t, '/echo', {});
  peer.ws.send(story(MIB));
  assert.deepEqual(await peer.received(1), [story(MIB)]);
  peer.ws.send(story(MIB + 1));
  assert.equal((await peer.ended()).code, 1009);
});

test('a megabyte of zeros is a bomb, in the compression of ws: 1009', async (t) => {
  const peer = await dialDeflating(t, '/echo', { threshold: 0 });
  peer.ws.send(Buffer.alloc(MIB));
  assert.equal((await peer.ended()).code, 1009);
});

test('a channel serves clients of ws with all kinds of wishes, the same messages', async (t) => {
  const channel = fresh();
  const wishes = [false, ...WISHES.map(([, wish]) => wish)];
  const peers = await Promise.all(wishes.map((wish) => dialDeflating(t, `/channels/${channel}`, wish)));
  const sent = ['short', story(256), story(50_000), fill(1000), JSON.stringify({ tide: story(700) })];
  await post(channel, sent[0], { port: deflating.port });
  await post(channel, sent[1], { port: deflating.port });
  peers[1].ws.send(sent[2]);
  await peers[0].received(3);
  await post(channel, sent[3], { port: deflating.port, type: 'application/octet-stream' });
  await post(channel, sent[4], { port: deflating.port, type: 'application/json' });
  for (const peer of peers) assert.deepEqual(await peer.received(5), sent);
  for (const peer of peers) {
    const isCompressed = peer.ws.extensions !== '';
    assert.equal(peer.ws._socket.bytesRead < 30_000, isCompressed, `${peer.ws._socket.bytesRead} bytes`);
  }
  const late = await dialDeflating(t, `/channels/${channel}?since=all`, {});
  assert.deepEqual(await late.received(5), sent);
});

// --- channels ---

test('what is posted arrives as it was: text, JSON, binary, empty', async (t) => {
  const channel = fresh();
  const peer = await dial(t, `/channels/${channel}`);
  const bytes = Buffer.from([0, 255, 192, 128, 10]);
  await post(channel, 'Grüße 🐦\r\nzwei Zeilen');
  await post(channel, '{"a": [1,  2]}', { type: 'application/json' });
  await post(channel, '{"a":\r\n1}', { type: 'application/json' });
  await post(channel, bytes, { type: 'application/octet-stream' });
  await post(channel, '');
  assert.deepEqual(await peer.received(5), ['Grüße 🐦\r\nzwei Zeilen', '{"a": [1,  2]}', '{"a":  1}', bytes, '']);
});

test('what one client sends, all of the channel have, the sender too', async (t) => {
  const channel = fresh();
  const peers = await Promise.all(Array.from({ length: 3 }, () => dial(t, `/channels/${channel}`)));
  const stranger = await dial(t, `/channels/${fresh()}`);
  peers[0].ws.send('from the page');
  await peers[1].received(1);
  peers[1].ws.send(Buffer.from([1, 2, 3]));
  for (const peer of peers) assert.deepEqual(await peer.received(2), ['from the page', Buffer.from([1, 2, 3])]);
  assert.equal((await post(channel, 'x')).offset, 3);
  assert.deepEqual(stranger.messages, []);
});

test('the answer to a POST counts the subscribers', async (t) => {
  const channel = fresh();
  assert.equal((await post(channel, 'a')).subscribers, 0);
  const peers = await Promise.all(Array.from({ length: 5 }, () => dial(t, `/channels/${channel}`)));
  assert.equal((await post(channel, 'b')).subscribers, 5);
  for (const peer of peers.slice(1)) peer.ws.close();
  for (const peer of peers.slice(1)) await peer.ended();
  let offset = 2; // a connection may be closed for its client a moment before it is for the server
  while ((await post(channel, 'c')).subscribers !== 1) assert(++offset < 200, 'those who left are still counted');
});

test('the subscription stands when the handshake is done', async (t) => {
  for (let round = 0; round < 50; round++) {
    const channel = fresh();
    const peer = await dial(t, `/channels/${channel}`);
    await post(channel, 'at once');
    assert.deepEqual(await peer.received(1), ['at once']);
    peer.ws.terminate();
  }
});

test('1,000 messages, four publishers, two subscribers: one order, that of the offsets', async (t) => {
  const channel = fresh();
  const peers = [await dial(t, `/channels/${channel}`), await dial(t, `/channels/${channel}`)];
  const order = [];
  const publisher = async (who) => {
    for (let at = 0; at < 250; at++) {
      const text = `${who} ${at}`;
      order[(await post(channel, text)).offset - 1] = text;
    }
  };
  await Promise.all(['a', 'b', 'c', 'd'].map(publisher));
  assert.equal(order.length, 1000);
  for (const peer of peers) assert.deepEqual(await peer.received(1000), order);
}, { seconds: 30 });

test('since: where to begin', async (t) => {
  const channel = fresh();
  for (const text of ['one', 'two', 'three']) await post(channel, text);
  const begun = [
    ['', []], ['?since=', []], ['?since=new', []], ['?since=all', ['one', 'two', 'three']], ['?since=last:2', ['two', 'three']],
    ['?since=last%3A2', ['two', 'three']], ['?since=last:1', ['three']], ['?since=last:3', ['one', 'two', 'three']], ['?since=last:1000', ['one', 'two', 'three']],
    ['?other=x&since=last:1', ['three']],
  ];
  const peers = [];
  for (const [query] of begun) peers.push(await dial(t, `/channels/${channel}${query}`));
  await post(channel, 'four');
  for (const [index, [query, before]] of begun.entries())
    assert.deepEqual(await peers[index].received(before.length + 1), [...before, 'four'], query);
});

test('since=all of a channel without history begins with what comes', async (t) => {
  const channel = fresh();
  const peer = await dial(t, `/channels/${channel}?since=all`);
  await post(channel, 'first');
  assert.deepEqual(await peer.received(1), ['first']);
});

test('history holds the newest 100', async (t) => {
  const channel = fresh();
  for (let at = 1; at <= 130; at++) await post(channel, `m${at}`);
  const peer = await dial(t, `/channels/${channel}?since=all`);
  assert.deepEqual(await peer.received(100), Array.from({ length: 100 }, (_, at) => `m${at + 31}`));
});

for (const since of ['bogus', 'last:', 'last:x', 'last:-1', 'last:1x', 'ALL', '%00', '%FF', 'x'.repeat(64), 'x'.repeat(1000), '0', '-1', 'a,b'])
  test(`since=${since.length > 20 ? `${since.length} letters` : since} is no position: 4410 unknown, after the handshake`, async (t) => {
    const channel = fresh();
    await post(channel, 'kept');
    const peer = await dial(t, `/channels/${channel}?since=${since}`);
    const { code, reason } = await peer.ended();
    assert.deepEqual({ code, reason }, { code: 4410, reason: 'unknown' });
    assert.deepEqual(peer.messages, []);
  });

for (const [what, name] of [['a NUL', 'a%00b'], ['a line feed', 'a%0Ab'], ['an encoded slash', 'a%2Fb'], ['bytes that are not UTF-8', '%FF'], ['256 bytes', 'n'.repeat(256)], ['a broken escape', 'a%zz']])
  test(`a channel's name with ${what}: 4400, after the handshake`, async (t) => {
    const peer = await dial(t, `/channels/${name}`);
    assert.equal((await peer.ended()).code, 4400);
  });

for (const query of ['since=all&since=new', 'format=raw&format=raw'])
  test(`?${query}, which can be read in two ways: 4400`, async (t) => {
    const peer = await dial(t, `/channels/${fresh()}?${query}`);
    assert.equal((await peer.ended()).code, 4400);
  });

for (const query of ['transport=sse', 'transport=poll'])
  test(`?${query}, which is not served yet: 4400, and not silence`, async (t) => {
    const peer = await dial(t, `/channels/${fresh()}?${query}`);
    const { code, reason } = await peer.ended();
    assert.equal(code, 4400);
    assert.match(reason, /not served yet|only \w+ is served yet/);
  });

test('a page that publishes too fast is cut: 4429', async (t) => {
  const channel = fresh();
  const listener = await dial(t, `/channels/${channel}`);
  const peer = await dial(t, `/channels/${channel}`);
  for (let at = 0; at < 400; at++) peer.ws.send(`${at}`);
  assert.equal((await peer.ended()).code, 4429);
  const got = listener.messages.length;
  assert(got >= 100 && got < 200, `${got} of 400 were published: the burst is 100`);
});

test('a message too long for a channel: 1009, and nothing published', async (t) => {
  const own = await startServer({});
  t.after(() => own.stop());
  const peer = await dial(t, '/channels/a', { port: own.port });
  peer.ws.send('x'.repeat(65_537));
  assert.equal((await peer.ended()).code, 1009);
  assert.equal((await post('a', 'first', { port: own.port })).offset, 1);
});

test('with open = off there is no echo and no publishing without a credential: 4403', async (t) => {
  const own = await startServer({ args: ['--open=off', '--api-keys=a-long-enough-key-for-tests'] });
  t.after(() => own.stop());
  assert.equal((await (await dial(t, '/echo', { port: own.port })).ended()).code, 4403);
  const wrong = await dial(t, '/channels/a?token=wrong', { port: own.port });
  assert.equal((await wrong.ended()).code, 4401);
  const headers = { Authorization: 'Bearer a-long-enough-key-for-tests' };
  const peer = await dial(t, '/channels/a', { port: own.port, options: { headers } });
  peer.ws.send('with a key');
  assert.deepEqual(await peer.received(1), ['with a key']);
});

// --- stopping ---

for (const signal of ['SIGTERM', 'SIGINT'])
  test(`${signal}: everybody is told 1012 and when to come back, and the server ends with 0`, async (t) => {
    const own = await startServer({});
    t.after(() => own.stop());
    const peers = await Promise.all(
      ['/echo', '/channels/a', '/channels/b', '/channels/b?since=all'].map((path) => dial(t, path, { port: own.port })));
    const begin = performance.now();
    own.process.kill(signal);
    for (const peer of peers) {
      const { code, reason } = await peer.ended();
      assert.equal(code, 1012);
      const { retry_ms: wait, ...rest } = JSON.parse(reason);
      assert(Number.isInteger(wait) && wait >= 0 && wait <= 60_000, `retry_ms: ${wait}`);
      assert.deepEqual(rest, {});
      assert.equal(peer.error, null);
    }
    const { code } = await own.process.exited;
    assert.equal(code, 0, own.stderr());
    t.note(`took ${performance.now() - begin} ms`);
  }, { seconds: 40 });

test('SIGTERM with nobody there: gone at once', async () => {
  const own = await startServer({});
  const begin = performance.now();
  assert.equal((await own.stop()).code, 0);
  assert(performance.now() - begin < 2000);
});

// --- our client, their server ---

/** A server of `ws`, and of plain POSTs: whichever way our client publishes, it is written down. */
async function theirServer(t) {
  const seen = { connections: [], published: [] };
  const web = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      seen.published.push({ path: request.url, text: Buffer.concat(parts).toString() });
      const body = JSON.stringify({ channel: 'tide', offset: seen.published.length, position: 'p', subscribers: 0, duplicate: false });
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length });
      response.end(body);
    });
  });
  const sockets = new WebSocketServer({ server: web, handleProtocols: (offered) => (offered.has('godwit') ? 'godwit' : false) });
  const connected = new Promise((resolve) => {
    sockets.on('connection', (ws, request) => {
      const one = { ws, path: request.url, headers: request.headers, closed: once(ws, 'close') };
      seen.connections.push(one);
      ws.on('message', (data) => seen.published.push({ path: request.url, text: data.toString() }));
      resolve(one);
    });
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.after(() => {
    for (const client of sockets.clients) client.terminate();
    web.closeAllConnections();
    web.close();
  });
  return { seen, connected, port: web.address().port };
}

function client(t, args, options) {
  const child = spawnGodwit(args, options);
  t.after(async () => {
    child.kill('SIGKILL');
    await child.exited;
  });
  return child;
}

test('godwit sub prints what a server of ws sends, a line each', async (t) => {
  const { connected, port } = await theirServer(t);
  const sub = client(t, ['sub', `--url=ws://127.0.0.1:${port}`, 'tide']);
  const { ws, path, headers } = await connected;
  assert.match(path, /^\/channels\/tide(\?|$)/);
  assert.equal(headers['sec-websocket-version'], '13');
  ws.send('one');
  ws.send('Grüße 🐦');
  ws.send('in ', { fin: false });
  ws.send('parts', { fin: true });
  ws.send('x'.repeat(30_000));
  const lines = ['one', 'Grüße 🐦', 'in parts', 'x'.repeat(30_000)];
  await sub.says(({ stdout }) => stdout === `${lines.join('\n')}\n`);
});

test('godwit sub answers the pings of ws, and its masks are not all the same', async (t) => {
  const { connected, port } = await theirServer(t);
  client(t, ['sub', `--url=ws://127.0.0.1:${port}`, 'tide']);
  const { ws } = await connected;
  const masks = new Set();
  ws._socket.on('data', (data) => {
    if (data.length >= 6) masks.add(data.readUInt32BE(2));
  });
  for (let at = 0; at < 5; at++) {
    const pong = once(ws, 'pong');
    ws.ping(`ping ${at}`);
    assert.equal((await pong)[0].toString(), `ping ${at}`);
  }
  assert.equal(masks.size, 5);
});

test('godwit sub goes in order when it is asked to', async (t) => {
  const { connected, port } = await theirServer(t);
  const sub = client(t, ['sub', `--url=ws://127.0.0.1:${port}`, 'tide']);
  const { ws, closed } = await connected;
  ws.send('one');
  await sub.says(({ stdout }) => stdout === 'one\n');
  sub.kill('SIGTERM');
  const [code] = await closed;
  assert([1000, 1001, 1005].includes(code), `closed with ${code}`);
  assert.notEqual((await sub.exited).code, null, 'it died of the signal');
});

test('godwit sub refuses a server that breaks the protocol', async (t) => {
  const { connected, port } = await theirServer(t);
  const sub = client(t, ['sub', `--url=ws://127.0.0.1:${port}`, 'tide']);
  const { ws, closed } = await connected;
  ws.on('error', () => {});
  ws._socket.write(Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x60, 0x60])); // a masked frame, from a server
  assert.equal((await closed)[0], 1002);
  assert.equal(sub.text.stdout, '');
});

for (const args of [
  ['serve', '--no-such-option=1'], ['serve', '--max-message=0'], ['serve', '--max-message=64XB'], ['serve', '--listen=127.0.0.1:99999'],
  ['serve', '--config=/no/such/file'], ['sub', '--no-such-option=1', 'tide'], ['pub', '--url=gopher://localhost', 'tide', 'x'], ['frobnicate'],
])
  test(`godwit ${args.join(' ')}: one line, status 2, nothing started`, async (t) => {
    const child = client(t, args);
    const { code } = await child.exited;
    assert.equal(code, 2, child.text.stderr);
    assert.match(child.text.stderr, /^[^\n]+\n$/);
    assert.equal(child.text.stdout, '');
  });

test('godwit sub and our server: history and what comes', async (t) => {
  const channel = fresh();
  await post(channel, 'before');
  const sub = client(t, ['sub', `--url=ws://127.0.0.1:${server.port}`, '--since=all', channel]);
  await sub.says(({ stdout }) => stdout === 'before\n');
  await post(channel, 'after');
  await sub.says(({ stdout }) => stdout === 'before\nafter\n');
});

test('godwit pub publishes a message', async (t) => {
  const channel = fresh();
  const peer = await dial(t, `/channels/${channel}`);
  const pub = client(t, ['pub', `--url=http://127.0.0.1:${server.port}`, channel, 'dinner is ready']);
  assert.deepEqual(await peer.received(1), ['dinner is ready']);
  assert.equal((await pub.exited).code, 0, pub.text.stderr);
});

test('godwit pub publishes the lines it reads, in order', async (t) => {
  const channel = fresh();
  const peer = await dial(t, `/channels/${channel}`);
  const pub = client(t, ['pub', `--url=http://127.0.0.1:${server.port}`, channel], { stdin: 'pipe' });
  pub.child.stdin.end('one\ntwo\nGrüße 🐦\n');
  assert.deepEqual(await peer.received(3), ['one', 'two', 'Grüße 🐦']);
  assert.equal((await pub.exited).code, 0, pub.text.stderr);
});

test('godwit pub to a server of others', async (t) => {
  const { seen, port } = await theirServer(t);
  const pub = client(t, ['pub', `--url=http://127.0.0.1:${port}`, 'tide', 'ebb']);
  assert.equal((await pub.exited).code, 0, pub.text.stderr);
  assert.deepEqual(seen.published.map(({ text }) => text), ['ebb']);
  assert.match(seen.published[0].path, /^\/channels\/tide(\?|$)/);
});

await run({ concurrency: 4 });
