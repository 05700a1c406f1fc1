// browser.mjs - a real browser: Debian's Chromium, driven by playwright-core.
//
// First the page of the README, unchanged, which names port 9880: so that port must be free. Then the
// page that the server has at `/`: what a newcomer does there, and how it looks; the pictures go into
// the folder that the environment's SHOTS names, else build/shots.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { startServer, suiteServer } from '../lib/server.mjs';
import { cleanup, run, test } from '../lib/tap.mjs';
import { until } from '../lib/until.mjs';
import { launchChromium } from './chromium.mjs';
import { serve } from './serve.mjs';

const PAGE = `<script>
  var ws = new WebSocket("ws://localhost:9880/channels/lobby");
  ws.onopen    = function ()  { ws.send("hello"); };
  ws.onmessage = function (e) { console.log(e.data); };
  ws.onerror   = function ()  { console.log("error"); };
  ws.onclose   = function (e) { console.log("closed", e.code, e.reason); };
</script>
`;

const shots = process.env.SHOTS || fileURLToPath(new URL('../../build/shots', import.meta.url));
fs.mkdirSync(shots, { recursive: true });
const shell = (line) => promisify(execFile)('/bin/sh', ['-c', line], { timeout: 10_000 });

const browser = await launchChromium();
cleanup(() => browser.close());
const server = await suiteServer({});
const home = `http://127.0.0.1:${server.port}`;

/** A tab that keeps what it logs, and what goes wrong in it. */
async function tab(t, { url, width = 1440, height = 900, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.logged = [];
  page.wrong = [];
  page.on('console', (message) => {
    page.logged.push(message.text());
    if (message.type() === 'error') page.wrong.push(message.text());
  });
  page.on('pageerror', (error) => page.wrong.push(error.message));
  if (url) await page.goto(url);
  return page;
}

const logs = (page, text) =>
  until(() => page.logged.includes(text), () => `${JSON.stringify(text)} in the console, which has ${JSON.stringify(page.logged)}`);

async function assertFree(port) {
  const probe = net.createServer();
  probe.listen(port, '127.0.0.1');
  const [error] = await Promise.race([once(probe, 'listening').then(() => []), once(probe, 'error')]).catch((caught) => [caught]);
  assert(!error, `port ${port} must be free for the page that names it: ${error?.message}`);
  probe.close();
  await once(probe, 'close');
}

test('the few lines of the README work, unchanged', async (t) => {
  await assertFree(9880);
  const own = await startServer({ listen: '127.0.0.1:9880' });
  t.after(() => own.stop());
  const page = await tab(t, { url: await serve(t, PAGE) });
  await logs(page, 'hello');
  const { stdout } = await shell("curl -sS -d 'dinner is ready' http://localhost:9880/channels/lobby");
  const { channel, offset, subscribers } = JSON.parse(stdout);
  assert.deepEqual({ channel, offset, subscribers }, { channel: 'lobby', offset: 2, subscribers: 1 });
  await logs(page, 'dinner is ready');
  const stopping = own.stop();
  await until(() => page.logged.some((line) => /^closed 1012 \{"retry_ms":\s*\d+\}$/.test(line)), () => `closed 1012 in ${JSON.stringify(page.logged)}`);
  assert.equal((await stopping).code, 0);
  assert.deepEqual(page.logged.slice(0, 2), ['hello', 'dinner is ready']);
  assert(!page.logged.includes('error'));
}, { seconds: 40, alone: true });

// --- the page at / ---

const pane = (page, name) => page.getByRole('group', { name });
const lines = (page, name) => pane(page, name).locator('.log .text').allTextContents();
const state = (page, name) => pane(page, name).getByRole('status').textContent();
const answer = (page) => page.locator('#answer').textContent();

async function atHome(t, options = {}) {
  const page = await tab(t, { url: options.url ?? `${home}/`, ...options });
  await listening(page);
  return page;
}

async function listening(page) {
  for (const name of ['Listener one', 'Listener two'])
    await until(async () => (await state(page, name)) === 'Listening', () => `${name} to listen`, 30_000);
}

async function both(page, expected) {
  for (const name of ['Listener one', 'Listener two'])
    await until(
      async () => JSON.stringify(await lines(page, name)) === JSON.stringify(expected), () => `${JSON.stringify(expected)} in ${name}`);
}

async function useChannel(page, name) {
  await page.getByLabel('Channel').fill(name);
  await page.getByLabel('Channel').blur();
  await listening(page);
}

test('a newcomer publishes, and both panes have it', async (t) => {
  const page = await atHome(t);
  await useChannel(page, 'newcomer');
  await page.getByRole('button', { name: 'Publish' }).click();
  await both(page, ['dinner is ready']);
  await page.getByLabel('Message').fill('');
  await page.getByLabel('Message').pressSequentially('the tide turns');
  await page.keyboard.press('Enter');
  await both(page, ['dinner is ready', 'the tide turns']);
  await until(async () => (await answer(page)) === 'Published as number 2 in newcomer, to 2 subscribers.', () => 'the answer');
  assert.match(await pane(page, 'Listener one').locator('time').first().textContent(), /^\d\d:\d\d:\d\d$/);
  assert.deepEqual(page.wrong, [], 'errors in the console');
});

test('what others publish arrives as well, and nothing in it is markup', async (t) => {
  const page = await atHome(t);
  await useChannel(page, 'others');
  await fetch(`${home}/channels/others`, { method: 'POST', body: '<img src=x onerror=alert(1)> & "co"' });
  await fetch(`${home}/channels/others`, { method: 'POST', body: new Uint8Array([1, 2, 255]), headers: { 'Content-Type': 'application/octet-stream' } });
  await fetch(`${home}/channels/others`, { method: 'POST', body: '' });
  await fetch(`${home}/channels/others`, { method: 'POST', body: 'x'.repeat(5000) });
  await both(page, ['<img src=x onerror=alert(1)> & "co"', '3 bytes of binary', 'an empty message', `${'x'.repeat(2000)} … and 3000 characters more`]);
  assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true);
  assert.deepEqual(page.wrong, []);
});

test('a pane is a subscriber of its own: one leaves, the other goes on', async (t) => {
  const page = await atHome(t);
  await useChannel(page, 'leaving');
  await pane(page, 'Listener one').getByRole('button', { name: 'Disconnect' }).click();
  assert.equal(await state(page, 'Listener one'), 'Disconnected');
  await until(async () => {
    await page.getByRole('button', { name: 'Publish' }).click();
    return /to 1 subscriber\.$/.test(await answer(page));
  }, () => 'one subscriber to be left');
  assert.deepEqual(await lines(page, 'Listener one'), []);
  await pane(page, 'Listener one').getByRole('button', { name: 'Connect' }).click();
  await listening(page);
  await page.getByLabel('Message').fill('both again');
  await page.getByRole('button', { name: 'Publish' }).click();
  for (const name of ['Listener one', 'Listener two'])
    await until(async () => (await lines(page, name)).at(-1) === 'both again', () => `the last message in ${name}`);
  assert.deepEqual(await lines(page, 'Listener one'), ['both again']);
});

test('another channel: panes and lines follow; a name that is none is explained', async (t) => {
  const page = await atHome(t);
  const field = page.getByLabel('Channel');
  await useChannel(page, "chat:ebb & flood's 🐦");
  const path = '/channels/chat%3Aebb%20%26%20flood%27s%20%F0%9F%90%A6';
  assert((await page.locator('#page-code').textContent()).includes(`"ws://127.0.0.1:${server.port}${path}"`));
  assert((await page.locator('#shell-code').textContent()).endsWith(`${home}${path}`));
  await page.getByRole('button', { name: 'Publish' }).click();
  await both(page, ['dinner is ready']);
  for (const name of ['', 'a/b', 'a,b', 'n'.repeat(256)]) {
    await field.fill(name);
    await page.getByRole('button', { name: 'Publish' }).click();
    assert.equal(await field.getAttribute('aria-invalid'), 'true', name);
    assert.match(await answer(page), /^A channel/);
    assert.equal(await field.evaluate((element) => element === document.activeElement), true);
  }
  await both(page, ['dinner is ready']);
  assert.deepEqual(page.wrong, []);
});

/* There is one clipboard for all tabs: these two run alone. */
test('the copy buttons copy lines that work as they are', async (t) => {
  const page = await atHome(t);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: home });
  const copied = async (id) => {
    const button = page.locator(`[data-copy=${id}]`);
    await button.click();
    await until(async () => (await button.textContent()) === 'Copied', () => 'the button to say so');
    return page.evaluate('navigator.clipboard.readText()');
  };
  await useChannel(page, 'copied');
  const code = await copied('page-code');
  assert.equal(code.trim(), PAGE.trim().replace('localhost:9880/channels/lobby', `127.0.0.1:${server.port}/channels/copied`));
  const theirs = await tab(t, { url: await serve(t, code) });
  await logs(theirs, 'hello');
  await both(page, ['hello']);
  await shell(await copied('shell-code'));
  await logs(theirs, 'dinner is ready');
  await both(page, ['hello', 'dinner is ready']);
}, { alone: true });

test('without a clipboard the lines are copied the old way', async (t) => {
  const page = await tab(t);
  await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await page.goto(`${home}/`);
  await page.locator('[data-copy=shell-code]').click();
  await until(async () => (await page.locator('[data-copy=shell-code]').textContent()) === 'Copied', () => 'Copied');
  assert.equal(await page.evaluate('String(getSelection())'), await page.locator('#shell-code').textContent());
}, { alone: true });

test('everything can be reached and done from the keyboard, in the order it stands', async (t) => {
  const page = await atHome(t);
  const order = [];
  for (let at = 0; at < 15; at++) {
    await page.keyboard.press('Tab');
    order.push(await page.evaluate(() => {
      const { activeElement: one } = document;
      return one.id || one.dataset.copy || one.textContent.trim();
    }));
  }
  assert.deepEqual(order.slice(0, 4), ['channel', 'message', 'Publish', 'Disconnect']);
  for (const wanted of ['page-code', 'shell-code', 'health', 'ready', 'version']) assert(order.includes(wanted), `${wanted} in ${order}`);
  const outlined = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== 'none');
  assert(outlined, 'the focus can be seen');
});

test('one voice: only the first pane and the answer are live', async (t) => {
  const page = await atHome(t);
  const spoken = await page.locator('[role=log], [role=status]').evaluateAll((all) => all.map((one) => `${one.getAttribute('role')} ${one.getAttribute('aria-live') ?? 'live'}`));
  assert.deepEqual(spoken.filter((one) => one.startsWith('log')), ['log live', 'log off']);
  for (const name of ['Try it', 'Take it with you']) await page.getByRole('region', { name }).waitFor();
  assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
});

test('the server goes and comes: both panes say so, and come back by themselves', async (t) => {
  const first = await startServer();
  t.after(() => first.stop());
  const page = await atHome(t, { url: `http://127.0.0.1:${first.port}/` });
  await first.stop();
  for (const name of ['Listener one', 'Listener two'])
    await until(async () => /^(Server restarting|Connection lost)$/.test(await state(page, name)), () => `${name} to notice`);
  await page.getByRole('button', { name: 'Publish' }).click();
  await until(async () => (await answer(page)) === 'Not published: the server does not answer. Is it running?', () => 'the answer');
  await until(async () => /next try in \d+ s/.test(await pane(page, 'Listener one').textContent()), () => 'the countdown');
  await page.screenshot({ path: `${shots}/lost-desk.png` });
  const second = await startServer({ listen: `127.0.0.1:${first.port}` });
  t.after(() => second.stop());
  await listening(page);
  assert.match(await pane(page, 'Listener two').textContent(), /Was away for \d+ s/);
  await page.getByLabel('Message').fill('back again');
  await page.getByRole('button', { name: 'Publish' }).click();
  await both(page, ['back again']);
}, { seconds: 60 });

test('with reduced motion nothing moves', async (t) => {
  const page = await atHome(t, { reducedMotion: 'reduce' });
  await useChannel(page, 'calm');
  await page.getByRole('button', { name: 'Publish' }).click();
  await both(page, ['dinner is ready']);
  assert.equal(await page.evaluate('document.getAnimations().length'), 0);
});

for (const [name, width, height] of [['desk', 1440, 900], ['phone', 360, 740]])
  for (const colorScheme of ['light', 'dark'])
    test(`the page on a ${name}, ${colorScheme}`, async (t) => {
      const page = await atHome(t, { width, height, colorScheme, hasTouch: name === 'phone' });
      await useChannel(page, `seen-${name}-${colorScheme}`);
      for (const text of ['dinner is ready', 'The tide turns at 06:12.']) {
        await page.getByLabel('Message').fill(text);
        await page.getByRole('button', { name: 'Publish' }).click();
        await until(async () => (await lines(page, 'Listener two')).at(-1) === text, () => text);
      }
      await both(page, ['dinner is ready', 'The tide turns at 06:12.']);
      await until(() => page.evaluate('document.getAnimations().length === 0'), () => 'the animations to end');
      const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      assert(wide <= 0, `${wide} pixels too wide`);
      const small = await page.locator('button, input').evaluateAll((all) => all.filter((one) => one.getBoundingClientRect().height < 36).map((one) => one.textContent));
      assert.deepEqual(small, [], 'too small to touch');
      await page.screenshot({ path: `${shots}/page-${name}-${colorScheme}.png` });
      await page.screenshot({ path: `${shots}/page-${name}-${colorScheme}-whole.png`, fullPage: true });
      assert.deepEqual(page.wrong, []);
    });

// --- What a page can do besides, with a server that compresses ---

const compressing = await suiteServer({ args: ['--deflate'] });

/** In the page: listens to `target`, lets `deed` happen, and lists what came until there are `count`. */
async function heard(t, target, count, deed) {
  const page = await tab(t, { url: `http://127.0.0.1:${compressing.port}/` });
  await page.evaluate(
    (url) =>
      new Promise((resolve, reject) => {
        window.got = [];
        window.socket = new WebSocket(url);
        window.socket.onmessage = (event) => window.got.push(event.data);
        window.socket.onopen = resolve;
        window.socket.onerror = reject;
      }),
    `ws://127.0.0.1:${compressing.port}${target}`,
  );
  assert.match(await page.evaluate(() => window.socket.extensions), /^permessage-deflate; server_no_context_takeover/);
  await deed(page);
  await until(async () => (await page.evaluate(() => window.got.length)) >= count, () => `${count} messages`);
  return page.evaluate(() => window.got);
}

const long = JSON.stringify(Array.from({ length: 400 }, (_, i) => ({ id: i, name: `user ${(i * 7919) % 1000}` })));
const post = (page, channel, body, headers = {}) =>
  page.evaluate(
    async ([path, sent, lines]) => (await fetch(path, { method: 'POST', body: sent, headers: lines })).json(),
    [`/channels/${channel}`, body, headers],
  );

test('a browser compresses and is compressed to: an echo, and a message of its channel', async (t) => {
  const echo = await heard(t, '/echo', 2, (page) =>
    page.evaluate((text) => (window.socket.send(text), window.socket.send('short')), long));
  assert.deepEqual(echo, [long, 'short']);
  const raw = await heard(t, '/channels/squeezed', 2, async (page) => {
    await post(page, 'squeezed', long);
    await page.evaluate((text) => window.socket.send(text), long);
  });
  assert.deepEqual(raw, [long, long]);
});

test('envelopes of several channels, a key used twice, and coming back by position', async (t) => {
  const keyed = { 'Idempotency-Key': 'once' };
  const first = (await heard(t, '/channels/red,blue', 4, async (page) => {
    assert.equal((await post(page, 'red', long, keyed)).duplicate, false);
    assert.equal((await post(page, 'red', long, keyed)).duplicate, true);
    await post(page, 'blue', '{"n":1}', { 'Content-Type': 'application/json' });
  })).map((text) => JSON.parse(text));
  assert.deepEqual(first.slice(0, 2).map(({ subscribed }) => subscribed.channel), ['red', 'blue']);
  assert.deepEqual(first.slice(2).map(({ channel, offset, data }) => [channel, offset, data]), [['red', 1, long], ['blue', 1, { n: 1 }]]);
  const since = `${first[2].position},${first[1].subscribed.position}`;
  const second = (await heard(t, `/channels/red,blue?since=${since}`, 4, (page) => post(page, 'red', 'more')))
    .map((text) => JSON.parse(text));
  assert.deepEqual(second.slice(0, 2).map(({ subscribed }) => subscribed.recovered), [true, true]);
  assert.deepEqual(second.slice(2).map(({ channel, offset }) => `${channel} ${offset}`).sort(), ['blue 1', 'red 2']);
});

await run({ concurrency: 2 });
