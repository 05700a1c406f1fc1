// recovery.mjs - the page in examples/recovery.html, in a real browser, is cut at random bytes and lists
// everything that was published.
//
//     node recovery.mjs chromium|firefox [--cuts=500] [--seed=N]
//
// Nothing of the page is changed but the address that it names. What comes of a ping is the browser's own
// doing. The page shows what it got; here it is read off, and must be every message from the first, in order,
// but that some come again behind a cut.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { Author, numberOf } from '../lib/author.mjs';
import { seeded } from '../lib/seeded.mjs';
import { startServer, suiteServer } from '../lib/server.mjs';
import { openWs } from '../lib/talk.mjs';
import { cleanup, run, test } from '../lib/tap.mjs';
import { until } from '../lib/until.mjs';
import { build, ways } from '../lib/ways.mjs';
import { launchChromium } from './chromium.mjs';
import { launchFirefox } from './firefox.mjs';
import { serve } from './serve.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { cuts: { type: 'string', default: '500' }, seed: { type: 'string', default: String(crypto.randomInt(2 ** 32)) } },
});
const CUTS = Number(values.cuts);
const SEED = Number(values.seed);
const [NAME] = positionals;
assert(['chromium', 'firefox'].includes(NAME), 'which browser? chromium or firefox');

const PAGE = fs.readFileSync(new URL('../../examples/recovery.html', import.meta.url), 'utf8');
const ADDRESS = 'localhost:9880/channels/lobby';
assert(PAGE.includes(`"ws://${ADDRESS}"`), 'the page does not name the address of the README');

const browser = await (NAME === 'firefox' ? launchFirefox() : launchChromium());
cleanup(() => browser.close());
const server = await suiteServer({ args: ['--history=20000', '--history-bytes=64MiB', '--deflate=on'] });
const told = [`${NAME}, seed ${SEED}`];

/** The page in a window of its own; list() is what it shows. */
async function openPage(t, port, channel) {
  const url = await serve(t, PAGE.replaceAll(ADDRESS, `localhost:${port}/channels/${channel}`));
  const page = await (NAME === 'firefox' ? browser.newPage(url) : openTab(url));
  t.after(() => page.close());
  page.origin = new URL(url).origin;
  page.count = () => page.evaluate('document.querySelectorAll("#list li").length');
  page.list = () => page.evaluate('Array.from(document.querySelectorAll("#list li"), (line) => line.textContent)');
  return page;
}

async function openTab(url) {
  const page = await browser.newPage(); // in a context of its own
  page.sockets = []; // URLs of its WebSockets
  page.on('websocket', (socket) => page.sockets.push(socket.url()));
  await page.goto(url);
  return page;
}

/** Every line is a message, from the first on, the next one or one that was there: returns how many were there. */
function assertWhole(lines, last) {
  let got = numberOf(lines[0]) - 1;
  let before = got;
  let again = 0;
  for (const line of lines) {
    const number = numberOf(line);
    assert(number === before + 1 || number <= got, `behind ${before} came ${number}, and up to ${got} was there`);
    again += number <= got ? 1 : 0;
    got = Math.max(got, number);
    before = number;
  }
  assert.equal(got, last, 'the newest message');
  return again;
}

for (const [at, way] of ways.entries()) {
  if (NAME === 'firefox' && way.proxy) continue;
  const cuts = NAME === 'firefox' ? CUTS : (CUTS * way.part) / 10;
  test(`${way.name}: the page lists everything`, async (t) => {
    const { cutter, port } = await build(t, way, server.port, seeded(SEED + at), { bytes: 16 * 1024, request: 600, calm: true });
    const author = new Author(server.port, `page${at}`);
    const pages = await Promise.all(Array.from({ length: 1 + way.part * (CUTS >= 100 ? 2 : 1) }, () => openPage(t, port, author.channel)));
    const all = async (condition) => (await Promise.all(pages.map(condition))).every(Boolean);
    author.start(20);
    t.after(() => author.stop());
    await until(() => all(async (page) => (await page.count()) > 0), () => 'the first message', 30_000);
    cutter.calm = false;
    const began = performance.now();
    await until(() => cutter.cuts >= cuts, () => `${cuts} cuts; there were ${cutter.cuts}`, 600_000);
    const seconds = (performance.now() - began) / 1000;
    cutter.rest();
    await author.stop();
    const has = async (page) => (await page.list()).some((line) => line.startsWith(`${author.answered} `));
    await until(() => all(has), () => 'the last message', 60_000);
    const lists = await Promise.all(pages.map((page) => page.list()));
    const again = lists.map((list) => assertWhole(list, author.answered)).reduce((sum, one) => sum + one);
    told.push(`${way.name}: ${cutter.cuts} cuts of ${pages.length} pages in ${seconds.toFixed(0)} s; ${author.answered} published, ` +
      `${lists.flat().length} listed, ${again} of them again`);
  }, { seconds: 700 });
}

if (NAME === 'chromium') // which tells the session
  test('when another takes the session over, the page says so and stays away', async (t) => {
    const page = await openPage(t, server.port, 'taken');
    const author = new Author(server.port, 'taken');
    await until(async () => {
      await author.publish();
      return page.count();
    }, () => 'the first message', 30_000);
    const target = new URL(page.sockets[0]);
    target.searchParams.set('attempt', '7');
    await openWs(t, server.port, { target: target.pathname + target.search, lines: [`Origin: ${page.origin}`] });
    await until(async () => (await page.list()).at(-1) === '(another page goes on with this session)', () => 'the page to say so');
    await sleep(3000);
    assert.equal(page.sockets.length, 1, 'it came back');
  }, { seconds: 30 });

test('when the server has forgotten the session, the page says so and begins anew', async (t) => {
  const first = await startServer();
  t.after(() => first.stop());
  const page = await openPage(t, first.port, 'forgotten');
  let author = new Author(first.port, 'forgotten');
  await until(async () => {
    await author.publish();
    return page.count();
  }, () => 'the first message', 30_000);
  await first.stop('SIGKILL');
  const second = await startServer({ listen: `127.0.0.1:${first.port}` });
  t.after(() => second.stop());
  await until(async () => (await page.list()).at(-1) === '(something may be missing here)', () => 'the page to say so', 30_000);
  author = new Author(first.port, 'forgotten');
  const lines = await page.count();
  await until(async () => {
    await author.publish();
    return (await page.count()) > lines;
  }, () => 'a message behind it', 30_000);
  const list = await page.list();
  assertWhole(list.slice(lines), numberOf(list.at(-1)));
}, { seconds: 90 });

cleanup(() => {
  for (const line of told) process.stdout.write(`# ${line}\n`);
});

await run({ concurrency: NAME === 'firefox' ? 1 : 8 });
