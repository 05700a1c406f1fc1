// author.mjs - publishes numbered messages to one channel, over HTTP, one after the other, for as long as asked:
// 1, 2, 3 ... as the channel's offsets. What stands in a message follows from its number.
import assert from 'node:assert/strict';

/* Most are short, one of 16 has some kilobytes. */
function textOf(number) {
  const dice = Math.imul(number, 0x9e3779b1) >>> 0;
  return `${number} `.padEnd((dice >>> 8) % (dice % 16 === 0 ? 6000 : 300), 'godwit ');
}

/** The number of a message, all of which must be there. */
export function numberOf(text) {
  const number = parseInt(text, 10);
  assert(number > 0 && text === textOf(number), `a message that nobody published: ${JSON.stringify(text.slice(0, 40))}, ${text.length} long`);
  return number;
}

export class Author {
  started = 0; // the last that was sent
  answered = 0; // the last that was answered

  constructor(port, channel) {
    this.channel = channel;
    this.url = `http://127.0.0.1:${port}/channels/${channel}`;
  }

  async publish() {
    const body = textOf(++this.started);
    const response = await fetch(this.url, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body });
    const answer = await response.json();
    assert.equal(response.status, 200, JSON.stringify(answer));
    assert.equal(answer.offset, this.started, `the offset of message ${this.started} of ${this.channel}`);
    this.answered = this.started;
  }

  /** Publishes so many a second, but not while `waits()`, until stop(). */
  start(perSecond, waits = () => false) {
    this.running = true;
    this.done = (async () => {
      while (this.running) {
        if (!waits()) await this.publish();
        await new Promise((resolve) => setTimeout(resolve, 1000 / perSecond));
      }
    })();
    this.done.catch(() => {}); // stop() tells
  }

  async stop() {
    this.running = false;
    await this.done;
  }
}
