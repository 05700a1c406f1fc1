// cutter.mjs - a TCP proxy that breaks what passes through it: each connection after a random number of bytes
// of one of its directions, at each of its ends in a way of its own.
//
// An end is broken with a reset, with an end of stream as if all had been said, or not at all: then it stays
// open and nobody answers there any more, as when a phone leaves a network. A reset follows seconds later,
// since nothing but that would tell a bare WebSocket.
import net from 'node:net';
import { once } from 'node:events';

const WAYS = ['reset', 'ended', 'silent'];
const HEAD = 130; // about what the answer of a handshake takes

export class Cutter {
  /** Listens, and passes on to `port`. `bytes`: the most that come down a connection behind its handshake;
   * `request`: about as many as a handshake takes; `calm`: cuts nobody as long as that is so. */
  static async start(port, random, { bytes = 32 * 1024, request = 300, calm = false } = {}) {
    const cutter = new Cutter(port, random, { bytes, request, calm });
    cutter.listener.listen(0, '127.0.0.1');
    await once(cutter.listener, 'listening');
    cutter.port = cutter.listener.address().port;
    return cutter;
  }

  constructor(to, random, options) {
    Object.assign(this, { to, random, ...options, cuts: 0, pairs: new Set() });
    this.listener = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.join(client));
  }

  /* Where and how: of 16, four in what the client says, half of them in its request; two in the answer's head. */
  plan() {
    const dice = this.random.below(16);
    const up = dice < 4 ? 1 + this.random.below(2 * this.request) : Infinity;
    const down = dice < 4 ? Infinity : dice < 6 ? 1 + this.random.below(HEAD) : HEAD + this.random.size(this.bytes);
    const ways = { client: WAYS[this.random.below(3)], server: WAYS[this.random.below(3)] };
    return { left: { up, down }, ways, silence: 1000 + this.random.below(2000) };
  }

  join(client) {
    const server = net.connect({ port: this.to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const pair = { client, server, over: false, ...this.plan() };
    this.pairs.add(pair);
    this.pass(pair, 'up', client, server);
    this.pass(pair, 'down', server, client);
    const forget = () => client.destroyed && server.destroyed && this.pairs.delete(pair);
    client.on('close', forget);
    server.on('close', forget);
  }

  pass(pair, direction, from, to) {
    from.on('data', (data) => {
      if (pair.over) return;
      const left = this.calm ? Infinity : pair.left[direction];
      const part = data.subarray(0, Math.min(left, data.length));
      if (!this.calm) pair.left[direction] -= part.length;
      if (!to.write(part)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      if (part.length === left) this.cut(pair);
    });
    from.on('end', () => pair.over || to.end());
    from.on('error', () => pair.over || to.resetAndDestroy());
  }

  cut(pair) {
    pair.over = true;
    this.cuts++;
    for (const end of ['client', 'server']) {
      const socket = pair[end];
      if (pair.ways[end] === 'reset') socket.resetAndDestroy();
      else if (pair.ways[end] === 'ended') socket.end();
      socket.resume(); // what was held up goes nowhere
    }
    setTimeout(() => this.reset(pair), pair.silence);
  }

  reset({ client, server }) {
    for (const socket of [client, server]) if (!socket.destroyed) socket.resetAndDestroy();
  }

  /** From now on it cuts nobody, and whoever is left in silence is told. */
  rest() {
    this.calm = true;
    for (const pair of this.pairs) if (pair.over) this.reset(pair);
  }

  /** Resets every connection there is. */
  drop() {
    for (const pair of this.pairs) this.reset(pair);
  }

  stop() {
    this.listener.close();
    this.drop();
  }
}
