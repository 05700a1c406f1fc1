// cli_test.mjs - the command line, as a person or a script meets it: what it prints, where, and its status.
//
// pub and sub talk to peers made here: node's HTTP server and the npm package ws, which are not ours.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { WebSocketServer } from 'ws';

import { program, spawnGodwit } from '../../lib/server.mjs';
import { cleanup, run, test } from '../../lib/tap.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'godwit-cli-'));
cleanup(() => fs.rmSync(folder, { recursive: true }));

let fileCount = 0;
function file(text) {
  const name = path.join(folder, `${++fileCount}.yaml`);
  fs.writeFileSync(name, text);
  return name;
}

/** Runs the program to its end: {code, stdout, stderr}. */
async function godwit(args, { env, input } = {}) {
  const process = spawnGodwit(args, { env, stdin: input === undefined ? 'ignore' : 'pipe' });
  if (input !== undefined) process.child.stdin.end(input);
  const { code, signal } = await process.exited;
  assert.equal(signal, null);
  return { code, ...process.text };
}

/** It was called wrongly: one line on stderr, nothing on stdout, status 2. */
async function isUsageError(args, line, options) {
  const { code, stdout, stderr } = await godwit(args, options);
  assert.deepEqual({ code, stdout, stderr }, { code: 2, stdout: '', stderr: `godwit: ${line}\n` });
}

// --- Help and verbs ---

test('--version says the name and the version', async () => {
  const { code, stdout, stderr } = await godwit(['--version']);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.match(stdout, /^godwit \d+\.\d+\.\d+\n$/);
});

const topics = ['serve', 'check', 'options', 'pub', 'sub'];
for (const args of [['--help'], ['-h'], ['help'], ...topics.map((topic) => ['help', topic]), ...topics
  .filter((topic) => topic !== 'options').map((verb) => [verb, '--help'])]) {
  test(`${args.join(' ')} fits 80 columns and says something`, async () => {
    const { code, stdout, stderr } = await godwit(args);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert(stdout.length > 400, stdout);
    for (const line of stdout.split('\n')) assert(line.length <= 80 && line === line.trimEnd(), line);
  });
}

test('every option that help names is one, with the default that help names', async () => {
  const { stdout } = await godwit(['help', 'options']);
  const overview = (await godwit(['--help'])).stdout;
  const found = [...stdout.matchAll(/^ {2}--([a-z-]+)=.*\n((?: {6}.*\n)+)/gm)];
  assert.equal(found.length, 42);
  for (const [, name, text] of found) {
    const normal = /; default ([^)]+)\)$/.exec(text.trim().replace(/\s+/g, ' '))[1];
    const set = await godwit(['check', `--${name}=${normal === 'none' ? '' : normal}`]);
    assert.deepEqual(set, { code: 0, stdout: 'configuration is good\n', stderr: '' }, name);
    assert(overview.includes(`--${name}`), name);
  }
}, { seconds: 30 });

test('what cannot be written is an error, unless the reader has gone', async () => {
  const full = fs.openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(program, ['help', 'options'], { stdio: ['ignore', full, 'pipe'] });
  fs.closeSync(full);
  assert.equal(status, 1);
  assert.equal(stderr.toString(), 'godwit: cannot write all to stdout: is the disk full?\n');
  const script = 'trap "" PIPE; exec 3> >(exit); wait $!; "$0" help options >&3; echo "status $?" >&2';
  assert.equal(spawnSync('bash', ['-c', script, program]).stderr.toString(), 'status 0\n');
});

test('closed standard files are no trouble', () => {
  const { status } = spawnSync('bash', ['-c', 'exec "$0" help options <&- >&- 2>&-', program]);
  assert.equal(status, 0);
});

test('an unknown verb is told which there are', () =>
  isUsageError(['frob'], 'there is no verb "frob": there are serve, check, pub, sub and help'));
test('an unknown topic is told which there are', () =>
  isUsageError(['help', 'frob'], 'there is no help about "frob": there are serve, check, options, pub and sub'));
test('a verb cannot forge a line', () =>
  isUsageError(['a\n\u001b[2J'], 'there is no verb "a\\x0a\\x1b[2J": there are serve, check, pub, sub and help'));

// --- Configuration ---

const range = 'expected a size from 1B to 16MiB';
const wrong = [
  [['--max-message=0'], {}, `--max-message: 0 is out of range: ${range}`],
  [['--max_mesage=1'], {}, '--max_mesage: there is no such option: did you mean --max-message?'],
  [['--echo', '--echo'], {}, '--echo: it is given twice: expected it only once'],
  [['--listen=0.0.0.0:0', '--open'], {},
    '--open: open mode is for loopback listeners only, and 0.0.0.0:0 is none: expected auto or off'],
  [[], { GODWIT_MAX_MESSAGE: '1TiB' }, `GODWIT_MAX_MESSAGE: ${range}, not "1TiB"`],
  [[], { GODWIT_ORIGIN: 'http://a' },
    'GODWIT_ORIGIN: there is no such option: did you mean GODWIT_ORIGINS?'],
  [['--config'], {}, '--config: it has no value: expected --config=FILE'],
  [['--config='], {}, '--config: it is empty: expected --config=FILE'],
  [['--config=a', '--config=b'], {}, '--config: it is given twice: expected one file'],
  [['--config=/nonexistent'], {}, '/nonexistent: it cannot be read: No such file or directory'],
];
const wrongFiles = [
  ['echo: on\nmax_message: 0\n', `2: max_message: 0 is out of range: ${range}`],
  ['echo: on\necho: on\n', '2: echo: it is set in line 1 already: expected each key only once'],
  ['echo: [on]\n', '1: echo: expected one value, not a list'],
  ['echo: on # \xff\n', '1: a byte that is not UTF-8: expected UTF-8 text'],
  ['listen: 0.0.0.0:0\nopen: on\n',
    '2: open: open mode is for loopback listeners only, and 0.0.0.0:0 is none: expected auto or off'],
];
for (const verb of ['serve', 'check']) {
  for (const [args, env, line] of wrong)
    test(`${verb} refuses: ${line}`, () => isUsageError([verb, ...args], line, { env }));
  for (const [text, line] of wrongFiles)
    test(`${verb} refuses a file: ${line}`, () => {
      const name = file(Buffer.from(text, 'latin1'));
      return isUsageError([verb, `--config=${name}`], `${name}:${line}`);
    });
  test(`${verb} takes no other argument`, () =>
    isUsageError([verb, 'now'], `${verb} takes no argument "now": expected --NAME=VALUE, see godwit help ${verb}`));
}
test('options without a verb are for serve', () =>
  isUsageError(['--frob'], '--frob: there is no such option: see godwit help options'));

test('a later source wins, and check says what came from where', async () => {
  const name = file('max_message: 1KiB\nmax_body: 2KiB\nmax_url: 3KiB\n' +
    'channels:\n  chat:\n    history: off\n');
  const { code, stdout, stderr } = await godwit(['check', `--config=${name}`, '--max-message=7KiB'],
    { env: { GODWIT_MAX_MESSAGE: '5KiB', GODWIT_MAX_BODY: '6KiB' } });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.deepEqual(stdout.trimEnd().split('\n').sort(), [
    `channels.chat.history = off    (${name}:6)`,
    'configuration is good',
    'max_body = 6KiB    (environment; default 1MiB)',
    'max_message = 7KiB    (command line; default 64KiB)',
    `max_url = 3KiB    (${name}:3; default 6KiB)`,
  ]);
});

test('a key is nowhere to be seen, right or wrong', async () => {
  const secret = 'sesame-open-yourself';
  const good = await godwit(['check', `--api-keys=${secret}`]);
  assert.deepEqual(good, {
    code: 0, stderr: '',
    stdout: 'configuration is good\napi_keys = 1, not shown    (command line; default none)\n',
  });
  const keys = file(`api_keys: [${secret}, short-sesame]\n`);
  for (const args of [[`--api-keys=${secret},short-sesame`], [`--config=${keys}`], [`--api_kys=${secret}`]]) {
    const bad = await godwit(['check', ...args]);
    assert.equal(bad.code, 2);
    assert.doesNotMatch(bad.stdout + bad.stderr, /sesame/);
  }
});

test('check tells when nobody could publish', async () => {
  const { code, stdout } = await godwit(['check', '--open=off']);
  assert.equal(code, 0);
  assert.match(stdout, /^note: nobody can publish: /m);
});

// --- pub ---

/** An HTTP server that notes its requests and answers with `answer(index)` -> {status, body, close}. */
async function publishServer(t, answer = () => ({})) {
  const self = { requests: [], connections: 0 };
  const server = http.createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => {
      const { status = 200, body = `{"offset":${self.requests.length + 1}}`, close = false } =
        answer(self.requests.length);
      self.requests.push({
        method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(pieces),
      });
      response.writeHead(status, close ? { Connection: 'close' } : {});
      response.end(body);
    });
  });
  server.on('connection', () => self.connections++);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => { server.closeAllConnections(); server.close(); });
  self.url = `http://127.0.0.1:${server.address().port}`;
  return self;
}

test('pub publishes its message and prints the answer', async (t) => {
  const server = await publishServer(t);
  const { code, stdout, stderr } = await godwit(
    ['pub', `--url=${server.url}`, '--key=sesame', 'chat:a b', 'dinner is ready']);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '{"offset":1}\n', stderr: '' });
  const [{ method, url, headers, body }] = server.requests;
  assert.deepEqual({ method, url, body: body.toString() },
    { method: 'POST', url: '/channels/chat:a%20b', body: 'dinner is ready' });
  assert.equal(headers.authorization, 'Bearer sesame');
});

test('an answer that ends in a line end is one line all the same', async (t) => {
  const server = await publishServer(t, () => ({ body: '{}\r\n' }));
  assert.equal((await godwit(['pub', `--url=${server.url}`, 'lobby'], { input: 'a\nb\n' })).stdout, '{}\n{}\n');
});

test('pub finds the server and the key in the environment, by a name too', async (t) => {
  const server = await publishServer(t);
  const env = { GODWIT_URL: server.url.replace('127.0.0.1', 'localhost'), GODWIT_KEY: 'from-env' };
  assert.equal((await godwit(['pub', 'lobby', '--', '--dashes'], { env })).code, 0);
  assert.equal((await godwit(['pub', '--key=from-flag', 'lobby', ''], { env })).code, 0);
  assert.deepEqual(server.requests.map(({ headers, body }) => [headers.authorization, body.toString()]),
    [['Bearer from-env', '--dashes'], ['Bearer from-flag', '']]);
});

test('pub publishes each line of stdin over one connection', async (t) => {
  const server = await publishServer(t);
  const long = 'x'.repeat(200_000);
  const { code, stdout } = await godwit(['pub', `--url=${server.url}`, 'log'],
    { input: Buffer.concat([Buffer.from(`one\n\n${long}\r\n`), Buffer.from([0xff, 10]), Buffer.from('last')]) });
  assert.equal(code, 0);
  assert.equal(stdout, [1, 2, 3, 4, 5].map((n) => `{"offset":${n}}\n`).join(''));
  assert.deepEqual(server.requests.map(({ body }) => body.toString('latin1')),
    ['one', '', `${long}\r`, '\xff', 'last']);
  assert.equal(server.requests[3].headers['content-type'], 'application/octet-stream');
  assert.equal(server.connections, 1);
});

test('pub publishes a line as soon as it is there', async (t) => {
  const server = await publishServer(t);
  const pub = spawnGodwit(['pub', `--url=${server.url}`, 'log'], { stdin: 'pipe' });
  for (let n = 1; n <= 3; n++) {
    pub.child.stdin.write(`line ${n}\n`);
    await pub.says(({ stdout }) => stdout.includes(`{"offset":${n}}\n`));
  }
  pub.child.stdin.end();
  assert.equal((await pub.exited).code, 0);
});

test('pub of no lines publishes nothing', async (t) => {
  const server = await publishServer(t);
  assert.deepEqual(await godwit(['pub', `--url=${server.url}`, 'log'], { input: '' }),
    { code: 0, stdout: '', stderr: '' });
  assert.equal(server.requests.length, 0);
});

test('pub connects again where the server closes after each answer', async (t) => {
  const server = await publishServer(t, () => ({ close: true }));
  assert.equal((await godwit(['pub', `--url=${server.url}`, 'log'], { input: 'a\nb\nc\n' })).code, 0);
  assert.equal(server.requests.length, 3);
  assert.equal(server.connections, 3);
});

test('pub stops at the first line that is refused, and names it', async (t) => {
  const server = await publishServer(t, (index) =>
    index === 1 ? { status: 413, body: '{"detail":"too much"}' } : {});
  const { code, stdout, stderr } = await godwit(['pub', `--url=${server.url}`, 'log'], { input: 'a\nb\nc\n' });
  assert.deepEqual({ code, stdout, stderr }, {
    code: 1,
    stdout: '{"offset":1}\n',
    stderr: "godwit: line 2 was refused: 413 Payload Too Large: too much; the server's max_body is the limit\n",
  });
  assert.equal(server.requests.length, 2);
});

test('pub does not send again what may have been published', async (t) => {
  let connections = 0;
  const server = net.createServer((socket) => {
    connections++;
    socket.on('error', () => {});
    socket.once('data', () => socket.end());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { code, stderr } = await godwit(['pub', `--url=http://127.0.0.1:${server.address().port}`, 'a', 'b']);
  assert.equal(code, 1);
  assert.equal(stderr, 'godwit: no answer about the message: the server closed the connection; ' +
    'it may have been published or not\n');
  assert.equal(connections, 1);
});

test('pub goes on when nobody reads its answers', async (t) => {
  const server = await publishServer(t);
  const pub = spawnGodwit(['pub', `--url=${server.url}`, 'log'], { stdin: 'pipe' });
  pub.child.stdout.destroy();
  pub.child.stdin.end('a\nb\n');
  assert.deepEqual(await pub.exited, { code: 0, signal: null });
  assert.equal(pub.text.stderr, '');
  assert.equal(server.requests.length, 2);
});

async function closedPort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

for (const args of [['pub', 'lobby', 'hi'], ['sub', 'lobby']]) {
  test(`${args[0]} says what to do when no server is there`, async () => {
    const port = await closedPort();
    const { code, stdout, stderr } = await godwit([...args, `--url=http://127.0.0.1:${port}`]);
    assert.deepEqual({ code, stdout, stderr }, {
      code: 1,
      stdout: '',
      stderr: `godwit: cannot connect to 127.0.0.1:${port}: connection refused; ` +
        'is the server running? start it with: godwit serve\n',
    });
  });
}

const noChannel = 'is no channel: expected 1 to 255 bytes of UTF-8 without control characters, "/" and ","';
for (const [args, line] of [
  [['pub'], 'expected: godwit pub CHANNEL [MESSAGE], with "..." around a message of several words; see godwit help pub'],
  [['pub', 'lobby', 'dinner', 'is', 'ready'],
    'expected: godwit pub CHANNEL [MESSAGE], with "..." around a message of several words; see godwit help pub'],
  [['pub', 'a/b', 'x'], `"a/b" ${noChannel}`],
  [['pub', '', 'x'], `"" ${noChannel}`],
  [['pub', 'a', 'b', '--frob=1'], '--frob: pub has no such flag: see godwit help pub'],
  [['pub', 'a', 'b', '--key'], '--key: it has no value: expected --key=VALUE'],
  [['pub', 'a', 'b', '--key=a b'], 'the key is none: expected printable characters without blanks'],
  [['pub', 'a', 'b', '--key=a\r\nX: y'], 'the key is none: expected printable characters without blanks'],
  [['pub', 'a', 'b', '--url=https://x'],
    'https and wss are not supported yet: expected http or ws, such as http://127.0.0.1:9880'],
  [['sub'], 'expected: godwit sub CHANNEL...; see godwit help sub'],
  [['sub', 'a', '--format=raw', 'b'], 'several channels come as --format=json only'],
  [['sub', 'a,b'], `"a,b" ${noChannel}`],
  [['sub', 'a', 'b/c'], `"b/c" ${noChannel}`],
  [['sub', 'a', '--format=yaml'], '--format=yaml: expected raw or json'],
  [['sub', 'a', '--token=a b'], 'the token is none: expected printable characters without blanks'],
]) {
  test(`refused: godwit ${JSON.stringify(args)}`, () => isUsageError(args, line));
}

// --- sub ---

/** A WebSocket server that calls `greet(socket, request)`; `closed` resolves to its client's code. */
async function streamServer(t, greet) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await new Promise((resolve) => server.on('listening', resolve));
  t.after(() => { for (const client of server.clients) client.terminate(); server.close(); });
  const closed = new Promise((resolve) => {
    server.on('connection', (socket, request) => {
      socket.on('close', (code) => resolve(code));
      greet(socket, request);
    });
  });
  return { url: `http://127.0.0.1:${server.address().port}`, closed };
}

test('sub prints each message as it comes, and Ctrl-C ends it with a closing handshake', async (t) => {
  let socket, request;
  const server = await streamServer(t, (...both) => { [socket, request] = both; socket.send('first'); });
  const sub = spawnGodwit(['sub', `--url=${server.url}`, '--token=sesame', '--since=last:3', 'a b']);
  await sub.says(({ stdout }) => stdout === 'first\n');
  assert.equal(request.url, '/channels/a%20b?since=last:3');
  assert.equal(request.headers.authorization, 'Bearer sesame');
  socket.send('second');
  await sub.says(({ stdout }) => stdout === 'first\nsecond\n');
  const pong = new Promise((resolve) => socket.once('pong', (data) => resolve(data.toString())));
  socket.ping('are you there');
  assert.equal(await pong, 'are you there');
  sub.kill('SIGINT');
  assert.deepEqual(await sub.exited, { code: 0, signal: null });
  assert.equal(await server.closed, 1000);
  assert.equal(sub.text.stderr, '');
});

for (const [words, target] of [
  [['a b'], '/channels/a%20b'],
  [['a', '--format=raw'], '/channels/a'],
  [['a b', '--format=json', '--since=all'], '/channels/a%20b?format=json&since=all'],
  [['a', 'é'], '/channels/a,%C3%A9?format=json'],
  [['--since=P,Q', 'a', 'b', '--format=json'], '/channels/a,b?format=json&since=P%2CQ'],
])
  test(`godwit sub ${words.join(' ')} asks for ${target}`, async (t) => {
    let asked;
    const server = await streamServer(t, (socket, { url }) => { asked = url; socket.close(1000); });
    assert.equal((await godwit(['sub', `--url=${server.url}`, ...words])).code, 0);
    assert.equal(asked, target);
  });

test('sub prints a burst and long messages whole', async (t) => {
  const lines = Array.from({ length: 2000 }, (_, index) => `${index}:${'y'.repeat(index % 300)}`);
  lines.push('z'.repeat(3_000_000), 'end');
  const server = await streamServer(t, (socket) => {
    for (const line of lines) socket.send(line);
    socket.close(1000);
  });
  const { code, stdout } = await godwit(['sub', `--url=${server.url}`, 'lobby']);
  assert.equal(code, 0);
  assert.equal(stdout, `${lines.join('\n')}\n`);
});

for (const [code, reason, status, line] of [
  [1000, 'done', 0, '1000 done'],
  [1001, '', 0, '1001'],
  [1012, '{"retry_ms":5}', 1, '1012 {"retry_ms":5}; the server restarts: try again'],
  [4401, '', 1, '4401; give a credential with --token or GODWIT_TOKEN'],
]) {
  test(`sub exits with ${status} when the server closes with ${code}`, async (t) => {
    const server = await streamServer(t, (socket) => socket.close(code, reason));
    assert.deepEqual(await godwit(['sub', 'lobby'], { env: { GODWIT_URL: server.url } }),
      { code: status, stdout: '', stderr: `godwit: closed by the server: ${line}\n` });
    assert.equal(await server.closed, code);
  });
}

test('sub ends quietly when nobody reads what it prints', async (t) => {
  const server = await streamServer(t, (socket) => socket.send('one'));
  const sub = spawnGodwit(['sub', `--url=${server.url}`, 'lobby']);
  await sub.says(({ stdout }) => stdout === 'one\n');
  sub.child.stdout.destroy(); // as `| head -1` does, and no more messages come
  assert.deepEqual(await sub.exited, { code: 0, signal: null });
  assert.equal(sub.text.stderr, '');
  assert.equal(await server.closed, 1000);
});

test('sub leaves a server that never answers its close', async (t) => {
  let socket;
  const server = await streamServer(t, (one, request) => { socket = request.socket; one.send('one'); });
  const sub = spawnGodwit(['sub', `--url=${server.url}`, 'lobby']);
  await sub.says(({ stdout }) => stdout === 'one\n');
  socket.pause();
  sub.kill('SIGTERM');
  assert.deepEqual(await sub.exited, { code: 0, signal: null });
});

test('sub tells a connection that breaks', async (t) => {
  const server = await streamServer(t, (socket) => { socket.send('one'); socket._socket.end(); });
  const { code, stdout, stderr } = await godwit(['sub', `--url=${server.url}`, 'lobby']);
  assert.deepEqual({ code, stdout, stderr },
    { code: 1, stdout: 'one\n', stderr: 'godwit: the connection is lost: the server closed the connection\n' });
});

test('sub tells what a server that is none of ours said', async (t) => {
  const server = await publishServer(t, () => ({ status: 404, body: 'nothing here' }));
  const { code, stdout, stderr } = await godwit(['sub', `--url=${server.url}`, 'lobby']);
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.equal(stderr,
    'godwit: the subscription was refused: 404 Not Found; is this the URL of a Godwit server?\n');
});

await run({ concurrency: 4 });
