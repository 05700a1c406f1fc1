// json_peer.mjs - format=json over real sockets: the npm package `ws` is the client, JSON.parse reads
// what comes, and a client that is cut anywhere comes back with the last position it has seen.
import assert from 'node:assert/strict';

import WebSocket from 'ws';

import { suiteServer } from '../lib/server.mjs';
import { run, test } from '../lib/tap.mjs';

const server = await suiteServer({ args: ['--deflate=on', '--history=1000', '--max-subscriptions=3'] });
let channels = 0;
const fresh = () => `json ${++channels} "é"`; // with what has to be encoded, and escaped
const url = (names) => names.map(encodeURIComponent).join(',');

/** A reader of envelopes: `messages` are the objects that came. */
function dial(t, names, query = '', options = {}) {
  const ws = new WebSocket(`ws://127.0.0.1:${server.port}/channels/${url(names)}?${query}`, options);
  const reader = { ws, messages: [], closed: null };
  const waiting = new Set();
  const note = (change) => (...args) => {
    change(...args);
    for (const check of waiting) check();
  };

  ws.on('message', note((data, binary) => {
    assert.equal(binary, false);
    reader.messages.push(JSON.parse(data.toString()));
  }));
  ws.on('close', note((code) => (reader.closed = code)));
  ws.on('error', note((error) => (reader.closed ??= error.message)));
  t.after(() => ws.terminate());
  /** Resolves with `count` messages, or when it is closed. */
  reader.got = (count, ms = 8000) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited for ${count}: ${JSON.stringify(reader.messages)}`)), ms);
      const check = () => {
        if (reader.messages.length < count && reader.closed === null) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve(reader.messages);
      };
      waiting.add(check);
      check();
    });
  return reader;
}

async function post(name, body, headers = {}) {
  const response = await fetch(`http://127.0.0.1:${server.port}/channels/${encodeURIComponent(name)}`, { method: 'POST', body, headers });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

/** The envelope without its time, which is checked here. */
function timeless({ time, ...rest }) {
  assert(Math.abs(time - Date.now()) < 60_000);
  return rest;
}

for (const perMessageDeflate of [false, true])
  test(`what is published comes in an envelope, ${perMessageDeflate ? 'compressed' : 'as it is'}`, async (t) => {
    const channel = fresh();
    const reader = dial(t, [channel], 'format=json', { perMessageDeflate });
    const [{ subscribed }] = await reader.got(1);
    assert.equal(subscribed.channel, channel);
    assert(!('recovered' in subscribed));
    const long = 'godwit '.repeat(3000);
    const object = { a: [1, 2.5, null], text: 'line\nend' };
    const answers = [
      await post(channel, 'plain "text"\u0000\n'),
      await post(channel, JSON.stringify(object), { 'Content-Type': 'application/json' }),
      await post(channel, Buffer.from([0, 255, 16]), { 'Content-Type': 'application/octet-stream' }),
      await post(channel, long, { 'Godwit-Event': 'tick' }),
    ];
    const bodies = [
      { data: 'plain "text"\u0000\n' },
      { data: object },
      { base64: 'AP8Q' },
      { event: 'tick', data: long },
    ];
    assert.deepEqual(
      (await reader.got(5)).slice(1).map(timeless),
      bodies.map((body, at) => ({ channel, offset: at + 1, position: answers[at].position, ...body })),
    );
  });

test('several channels on one connection, each from its own position', async (t) => {
  const [a, b] = [fresh(), fresh()];
  const first = await post(a, 'a1');
  await post(a, 'a2');
  const other = await post(b, 'b1');
  const since = encodeURIComponent(`${first.position},${other.position}`); // commas too, as URLSearchParams does
  const reader = dial(t, [a, b], `since=${since}`);
  await reader.got(3);
  const third = await post(b, 'b2');
  const [one, two, ...rest] = await reader.got(4);
  assert.deepEqual(one, { subscribed: { channel: a, position: first.position, recovered: true } });
  assert.deepEqual(two, { subscribed: { channel: b, position: other.position, recovered: true } });
  assert.deepEqual(rest.map(({ channel, offset, data }) => [channel, offset, data]), [[a, 2, 'a2'], [b, 2, 'b2']]);
  assert.equal(rest[1].position, third.position);
  reader.ws.send('whose?');
  await reader.got(99);
  assert.equal(reader.closed, 4403);
});

test('a position of another life is told, and it goes on', async (t) => {
  const channel = fresh();
  const head = await post(channel, 'old');
  const reader = dial(t, [channel], 'format=json&since=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA');
  assert.deepEqual(await reader.got(2), [
    { subscribed: { channel, position: head.position, recovered: false } },
    { reset: { channel, reason: 'epoch', position: head.position } },
  ]);
  await post(channel, 'new');
  assert.equal((await reader.got(3))[2].data, 'new');
});

for (const [names, query, code] of [
  [['a'], 'format=yaml', 4400],
  [['a', 'b'], 'format=raw', 4400],
  [['a', 'a'], '', 4400],
  [['a', 'b', 'c', 'd'], '', 4429],
])
  test(`${names} with "${query}": ${code}`, async (t) => {
    const reader = dial(t, names, query);
    assert.deepEqual(await reader.got(1), []);
    assert.equal(reader.closed, code);
  });

test('200 cuts, each followed by coming back: nothing lost, nothing twice', async (t) => {
  const names = [fresh(), fresh()];
  const seen = names.map(() => []);
  const last = names.map(() => '');
  const total = 400;
  let sent = 0;

  const take = (message) => {
    const { channel, position } = message.subscribed ?? message.reset ?? message;
    const at = names.indexOf(channel);
    assert(!message.reset, JSON.stringify(message));
    if (message.subscribed && last[at]) assert.deepEqual(message.subscribed, { channel, position: last[at], recovered: true });
    last[at] = position;
    if (!message.subscribed) seen[at].push(message.data);
  };

  for (let round = 0; round < 200 || seen.flat().length < total; round++) {
    const reader = dial(t, names, last[0] ? `since=${last.join(',')}` : 'since=all');
    if (sent < total) await Promise.all(names.map((name) => post(name, `message ${sent++}`)));
    const lacking = 2 + sent - seen.flat().length; // with the greeting
    await reader.got(round < 200 ? 1 + ((round * 7) % lacking) : lacking);
    reader.ws.terminate(); // whatever was on its way is lost with it
    reader.messages.forEach(take);
  }
  for (const at of [0, 1])
    assert.deepEqual(seen[at], Array.from({ length: total / 2 }, (_, k) => `message ${2 * k + at}`));
}, { seconds: 60 });

await run({ concurrency: 4 });
