// recovery.mjs - pages with a bare WebSocket are cut at random bytes, ten thousand times, and lose nothing.
//
//     node recovery.mjs [--cuts=10000] [--seed=N]
//
// A page here does what the lines in examples/recovery.html do, and what a browser does for them: it makes up a
// session, counts its attempts, answers pings, and comes back when it is cut. It knows nothing of positions;
// what it was sent it knows by the numbers that its author wrote into the messages. A third of the pages have
// several channels, in envelopes.
//
// Pages come directly, through nginx and through HAProxy (examples/). A proxy of ours cuts them, in front of
// those, or between those and the server.
//
// The oracle knows more than a page. There is one ping in flight at a time: so when another comes, the pong
// before it was heard, and what stood before that ping is acknowledged. Whether the very last pong was heard, it
// learns when the page comes back. So a connection begins right behind what is known to be acknowledged, or
// right behind what the last pong said, nowhere else, and goes on without gap or repeat.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { Author, numberOf } from '../lib/author.mjs';
import { Ear, PING, PONG, frame } from '../lib/frames.mjs';
import { nextResponse } from '../lib/http.mjs';
import { seeded } from '../lib/seeded.mjs';
import { startServer, suiteServer } from '../lib/server.mjs';
import { expectClose, openWs, upgrade } from '../lib/talk.mjs';
import { cleanup, run, test } from '../lib/tap.mjs';
import { until } from '../lib/until.mjs';
import { build, ways } from '../lib/ways.mjs';
import { Wire } from '../lib/wire.mjs';

const { values } = parseArgs({
  options: { cuts: { type: 'string', default: '10000' }, seed: { type: 'string', default: String(crypto.randomInt(2 ** 32)) } },
});
const CUTS = Number(values.cuts);
const SEED = Number(values.seed);
const HOUR = 3600_000;
const LAG = 5000; // publications that a page may lack before its authors wait; the history holds more

// --- a page ---

/* What a page knows of one of its channels, and what we know of the server. */
class View {
  constructor(author) {
    this.author = author;
    this.got = 0; // the newest that came
    this.begins();
  }

  /* A new session: it begins somewhere behind what had been answered before. */
  begins() {
    this.marks = null; // where the server may be told to go on from: one place, or two until we know
    this.low = this.author.answered;
    this.high = undefined; // what had not been sent when the page was open must come
  }

  /* The first message of a connection says where the server went on. */
  resumes(number) {
    if (this.marks) assert(this.marks.includes(number - 1), `${this.author.channel}: acknowledged up to ${this.marks.join(' or ')}, got up to ${this.got}, and it goes on with ${number}`);
    else assert(number > this.low && number <= this.high + 1, `${this.author.channel}: it begins with ${number}, and not behind ${this.low} to ${this.high}`);
    this.pledged = Math.max(...(this.marks ?? [number - 1]));
    this.marks = [number - 1];
  }
}

/* One connection of a page: frames in their order. */
class PageEar extends Ear {
  constructor(page, wire) {
    super();
    Object.assign(this, { page, wire, last: new Map(), heard: null, owed: null });
  }

  take(one) {
    if (one.opcode === PING) this.asked(Buffer.from(one.payload));
    super.take(one);
    for (const { payload } of this.messages.splice(0)) this.page.message(this, payload.toString());
  }

  asked(nonce) {
    assert.equal(nonce.length, 8, 'the nonce of a ping');
    assert.equal(this.owed, null, 'a ping while another is in flight');
    for (const [view, number] of this.heard ?? []) view.marks = [number];
    this.heard = null;
    this.owed = { nonce, last: new Map(this.last) };
    this.page.count.pings++;
    const pause = this.page.slow ? this.page.random.below(500) : 0;
    if (pause) setTimeout(() => this.answer(), pause);
    else this.answer();
  }

  answer() {
    if (this.wire.over || this.wire.socket.destroyed || this.close) return;
    for (const [view, number] of this.owed.last) view.marks.push(number);
    this.wire.send(frame(PONG, this.owed.nonce));
    this.heard = this.owed.last;
    this.owed = null;
  }
}

class Page {
  constructor(port, authors, { random, count, slow }) {
    Object.assign(this, { port, random, count, slow, views: authors.map((author) => new View(author)), over: false });
    this.begin();
  }

  begin() {
    Object.assign(this, { id: crypto.randomBytes(12 + this.random.below(36)).toString('base64url'), attempt: 0, opened: false });
    for (const view of this.views) view.begins();
  }

  /** Until `over`. A cut page comes back at once, or a little later, or after seconds. */
  async live() {
    while (!this.over) {
      await this.connect();
      const dice = this.random.below(64);
      if (!this.over) await sleep(dice === 0 ? 1000 + this.random.below(3000) : dice < 32 ? this.random.below(50) : 0);
    }
  }

  async connect() {
    const channels = this.views.map((view) => view.author.channel).join(',');
    const wire = await Wire.connect(this.port);
    this.wire = wire;
    try {
      this.count.attempts++;
      wire.send(upgrade({ port: this.port, target: `/channels/${channels}?session=${this.id}&attempt=${this.attempt++}` }));
      if (await this.shaken(wire)) await this.listen(wire);
      else this.count.unopened++;
    } finally {
      wire.destroy();
    }
  }

  async shaken(wire) {
    const response = await nextResponse(wire, { ms: 30_000 }).catch((error) => {
      if (error.code === 'ERR_ASSERTION' || !wire.over) throw error;
    });
    if (!response) return false;
    assert([101, 502, 503, 504].includes(response.status), `the handshake was answered with ${response.status}: ${response.body}`);
    return response.status === 101;
  }

  /* Attempt 0 makes the session, and 101 says so. Later ones may be about to hear that there is none. */
  async listen(wire) {
    const ear = new PageEar(this, wire);
    for (const view of this.views) view.high ??= view.author.started;
    this.opened ||= this.attempt === 1;
    this.listening = true;
    await wire.until(() => ear.hear(wire).close, HOUR);
    this.listening = false;
    this.count.inFrame += wire.data.length > 0 ? 1 : 0;
    if (ear.close) this.refused(ear.close);
  }

  /* What never was open may be unknown: nothing was promised to it. */
  refused({ code, reason }) {
    const known = `${this.opened ? 'open before' : 'never open'}, attempt ${this.attempt - 1}`;
    assert(code === 4410 && reason === 'unknown' && !this.opened && this.attempt > 1, `closed with ${code} ${reason}, ${known}`);
    this.count.unknown++;
    this.begin();
  }

  message(ear, text) {
    const said = this.views.length > 1 ? JSON.parse(text) : { channel: this.views[0].author.channel, data: text };
    if (said.subscribed) {
      if (this.attempt > 1) assert.equal(said.subscribed.recovered, true, text);
      return;
    }
    assert('data' in said, `a page was told: ${text}`);
    this.opened = true;
    this.take(ear, this.views.find((view) => view.author.channel === said.channel), numberOf(said.data));
  }

  take(ear, view, number) {
    const last = ear.last.get(view);
    if (last === undefined) view.resumes(number);
    else assert.equal(number, last + 1, `${view.author.channel}: ${number} came behind ${last}`);
    ear.last.set(view, number);
    this.count.messages++;
    if (number > view.got) view.got = number;
    else if (number > view.pledged) this.count.unasked++;
    else this.count.unheard++;
  }
}

// --- the ways ---

const server = await suiteServer({ args: ['--history=20000', '--history-bytes=64MiB'] });
const told = [`seed ${SEED}`];

const CHANNELS = 4;

class Crowd {
  constructor(name, port, size, random) {
    this.count = { attempts: 0, unopened: 0, inFrame: 0, unknown: 0, pings: 0, messages: 0, unasked: 0, unheard: 0 };
    this.authors = Array.from({ length: CHANNELS }, (_, at) => new Author(server.port, `${name}-${at}`));
    this.pages = Array.from({ length: size }, (_, at) => {
      const first = random.below(CHANNELS);
      const authors = Array.from({ length: at % 3 === 0 ? 2 + (at % 2) : 1 }, (_, next) => this.authors[(first + next) % CHANNELS]);
      return new Page(port, authors, { random, count: this.count, slow: at % 4 === 1 });
    });
  }

  get views() {
    return this.pages.flatMap((page) => page.views);
  }

  start() {
    for (const author of this.authors) author.start(20, () => this.views.some((view) => view.author === author && author.answered - view.got > LAG));
    return Promise.all(this.pages.map((page) => page.live()));
  }

  end() {
    for (const page of this.pages) page.over = true;
  }

  stop() {
    return Promise.all(this.authors.map((author) => author.stop()));
  }

  /** Each page is open, and has something of each of its channels: or, `published`, all of it. */
  async settle(published) {
    const lacks = (view) => view.marks === null || (published && view.got !== view.author.answered);
    const told = ({ author, got, marks }) => `${got} of ${author.answered} of ${author.channel} (${marks})`;
    const late = () => this.pages.filter((page) => !page.listening || page.views.some(lacks));
    const named = (page) => `${page.id}, attempt ${page.attempt - 1}${page.listening ? '' : ', away'}: ${page.views.map(told).join(', ')}`;
    await until(() => late().length === 0, () => late().map(named).join('; '), 60_000);
  }
}

async function play(crowd, cutter, cuts) {
  const lives = crowd.start();
  const plot = async () => {
    await until(() => cutter.cuts >= cuts, () => `${cuts} cuts; there were ${cutter.cuts}`, 1_200_000);
    cutter.rest();
    await sleep(1000);
    await crowd.settle(false);
    await crowd.stop();
    await crowd.settle(true);
    await sleep(3000); // now the last pong was heard, too
    const { unasked, unheard } = crowd.count;
    cutter.drop();
    for (const author of crowd.authors) await author.publish();
    await crowd.settle(true);
    assert.deepEqual([crowd.count.unasked, crowd.count.unheard], [unasked, unheard], 'what was acknowledged came again');
    crowd.end();
    cutter.drop();
  };
  await Promise.all([lives, plot(), ...crowd.authors.map((author) => author.done)]).finally(() => crowd.end());
}

for (const [at, way] of ways.entries()) {
  test(`${way.name}: nothing is lost`, async (t) => {
    const random = seeded(SEED + at);
    const { cutter, port } = await build(t, way, server.port, random);
    const crowd = new Crowd(`way${at}`, port, way.part * (CUTS > 1000 ? 8 : 5), random);
    const began = performance.now();
    t.after(() => crowd.stop());
    await play(crowd, cutter, (CUTS * way.part) / 10);
    const { count, authors } = crowd;
    const published = authors.reduce((sum, author) => sum + author.answered, 0);
    told.push(
      `${way.name}: ${cutter.cuts} cuts of ${crowd.pages.length} pages in ${((performance.now() - began) / 1000).toFixed(0)} s; ` +
        `${count.attempts} attempts, ${count.unopened} cut in the handshake, ${count.inFrame} in a frame`,
      `  ${published} published, ${count.messages} delivered, ${count.unasked + count.unheard} of them again: ` +
        `${count.unasked} had not been acknowledged yet, of ${count.unheard} the pong was lost; ${count.pings} pings`,
      `  4410 ${count.unknown} times, to pages that never had been open`,
    );
  }, { seconds: 1500 });
}

test('a session that stays away for longer than session_ttl is unknown, and the page is told', async (t) => {
  const brief = await startServer({ args: ['--session-ttl=2s'] });
  t.after(() => brief.stop());
  const target = `/channels/brief?session=${crypto.randomBytes(12).toString('base64url')}&attempt=`;
  const first = await openWs(t, brief.port, { target: `${target}0` });
  first.wire.destroy();
  await sleep(5000);
  const second = await openWs(t, brief.port, { target: `${target}1` });
  await expectClose(second.wire, second.ear, 4410);
  assert.equal(second.ear.close.reason, 'unknown');
}, { seconds: 30 });

cleanup(() => {
  for (const line of told) process.stdout.write(`# ${line}\n`);
});

await run({ concurrency: 6 });
