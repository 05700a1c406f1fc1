// api.mjs - deleting, reading a history and publishing many at a time over real sockets, with nothing
// but fetch(): as an application beside the server would.
import assert from 'node:assert/strict';

import { suiteServer } from '../lib/server.mjs';
import { run, test } from '../lib/tap.mjs';

const key = '0123456789abcdef0123456789abcdef';
const server = await suiteServer({ args: ['--history=20000', '--history-bytes=16MiB', `--api-keys=${key}`] });
let channels = 0;
const fresh = () => `api ${++channels} "é"`; // with what has to be encoded, and escaped
const url = (path) => `http://127.0.0.1:${server.port}${path}`;
const path = (channel) => `/channels/${encodeURIComponent(channel)}`;
const bearer = { Authorization: `Bearer ${key}` };

async function ask(method, target, { headers = {}, body, status = 200 } = {}) {
  const response = await fetch(url(target), { method, headers, body });
  const text = await response.text();
  assert.equal(response.status, status, text);
  return { response, text };
}

async function json(method, target, options) {
  const { response, text } = await ask(method, target, options);
  return { head: response.headers, ...JSON.parse(text) };
}

const publish = (channel, body, headers) => json('POST', path(channel), { body, headers });
const history = (channel, query = '', options) => json('GET', `${path(channel)}/history${query}`, options);

async function publishLines(lines) {
  const body = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  const { response, text } = await ask('POST', '/channels', { body, headers: { 'Content-Type': 'application/x-ndjson' } });
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
  return text.split('\n').slice(0, -1).map((line) => JSON.parse(line));
}

test('a history is read from both ends, and on from a position', async () => {
  const channel = fresh();
  const answers = [];
  for (const text of ['one', 'two', 'three']) answers.push(await publish(channel, text));
  const all = await history(channel);
  assert.equal(all.head.get('content-type'), 'application/json');
  assert.equal(all.head.get('godwit-position'), answers[2].position);
  assert.equal(all.position, answers[2].position);
  assert.deepEqual(
    all.messages.map(({ time, ...rest }) => (assert(Math.abs(time - Date.now()) < 60_000), rest)),
    ['one', 'two', 'three'].map((data, at) => ({ channel, offset: at + 1, position: answers[at].position, data })),
  );
  const newest = await history(channel, '?reverse=1&limit=2');
  assert.deepEqual(newest.messages.map(({ data }) => data), ['three', 'two']);
  const behind = await history(channel, `?since=${answers[0].position}&limit=1`);
  assert.deepEqual(behind.messages.map(({ data }) => data), ['two']);
  assert.equal(behind.position, answers[1].position);
  assert.deepEqual((await history(channel, `?since=${all.position}`)).messages, []);
});

test('a history that was never written is empty, and gives a position to go on from', async () => {
  const channel = fresh();
  const empty = await history(channel);
  assert.deepEqual(empty.messages, []);
  await publish(channel, 'first');
  assert.deepEqual((await history(channel, `?since=${empty.position}`)).messages.map(({ data }) => data), ['first']);
});

test('HEAD of a history has its length and position', async () => {
  const channel = fresh();
  const { position } = await publish(channel, 'x');
  const { text } = await ask('GET', `${path(channel)}/history`);
  const { response } = await ask('HEAD', `${path(channel)}/history`);
  assert.equal(response.headers.get('content-length'), String(Buffer.byteLength(text)));
  assert.equal(response.headers.get('godwit-position'), position);
});

test('after a DELETE the stream starts over, and old positions are told so', async () => {
  const channel = fresh();
  const old = await publish(channel, 'old');
  await ask('DELETE', path(channel), { status: 401 });
  assert.equal((await history(channel)).messages.length, 1);
  const { head, ...deleted } = await json('DELETE', path(channel), { headers: bearer });
  assert.equal(head.get('godwit-position'), deleted.position);
  assert.deepEqual(deleted, { channel, position: deleted.position, subscribers: 0 });
  const gone = await history(channel, `?since=${old.position}`, { status: 410 });
  assert.equal(gone.head.get('content-type'), 'application/problem+json');
  assert.equal(gone.reason, 'epoch');
  assert.equal(gone.position, deleted.position);
  assert.equal((await publish(channel, 'new')).offset, 1);
  assert.deepEqual((await history(channel, `?since=${gone.position}`)).messages.map(({ data }) => data), ['new']);
});

test('lines are published in order, and each is answered', async () => {
  const [a, b] = [fresh(), fresh()];
  const answers = await publishLines([
    { channel: a, data: 'text' },
    '',
    { channel: b, data: { n: [1, 2] }, event: 'tick', id: '7' },
    'garbage',
    { channel: a, base64: 'AP8Q' },
    { channel: 'a/b', data: 1 },
    { channel: a, data: null },
  ]);
  assert.deepEqual(answers.map(({ channel, offset, status }) => [channel, offset, status]), [
    [a, 1, undefined], [b, 1, undefined], [undefined, undefined, 400], [a, 2, undefined], [undefined, undefined, 400], [a, 3, undefined],
  ]);
  assert.deepEqual((await history(a)).messages.map(({ data, base64 }) => [data, base64]), [['text', undefined], [undefined, 'AP8Q'], [null, undefined]]);
  const [{ event, id, data, position }] = (await history(b)).messages;
  assert.deepEqual({ event, id, data, position }, { event: 'tick', id: '7', data: { n: [1, 2] }, position: answers[1].position });
});

test('10,000 lines in one request, read back in pages of 1,000', async () => {
  const channel = fresh();
  const answers = await publishLines(Array.from({ length: 10_000 }, (_, at) => ({ channel, data: at })));
  assert.deepEqual(answers.map(({ offset }) => offset), Array.from({ length: 10_000 }, (_, at) => at + 1));
  const seen = [];
  for (let query = ''; ; ) {
    const page = await history(channel, query);
    if (page.messages.length === 0) break;
    assert(page.messages.length <= 1000);
    seen.push(...page.messages.map(({ data }) => data));
    query = `?since=${page.position}`;
  }
  assert.deepEqual(seen, Array.from({ length: 10_000 }, (_, at) => at));
}, { seconds: 60 });

test('a page of nearly 6 MiB comes whole', async () => {
  const channel = fresh();
  const text = '\u0001'.repeat(60_000);
  for (let at = 0; at < 17; at++) await publish(channel, text);
  const { messages } = await history(channel);
  assert.equal(messages.length, 17);
  for (const { data } of messages) assert(data === text);
}, { seconds: 60 });

for (const [headers, status] of [[{ 'Content-Type': 'application/json' }, 415], [{ 'Content-Type': 'application/x-ndjson', 'Idempotency-Key': 'a' }, 501]])
  test(`lines with ${JSON.stringify(headers)}: ${status}`, async () => {
    await ask('POST', '/channels', { headers, body: '{"channel":"c","data":1}', status });
  });

await run({ concurrency: 4 });
