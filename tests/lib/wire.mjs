// wire.mjs - a TCP connection that a test can hold in its hand: every byte sent on purpose, every
// byte received kept, and the end told apart: a clean end of stream, or a reset.
import net from 'node:net';

export class Wire {
  static connect(port, { host = '127.0.0.1' } = {}) {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host, noDelay: true, allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Wire(socket));
      });
    });
  }

  constructor(socket) {
    this.socket = socket;
    this.data = Buffer.alloc(0); // received and not yet taken
    this.ended = false; // the peer has ended its half in order
    this.error = null; // a reset, most likely
    this.waiting = new Set();
    const wake = () => {
      for (const check of this.waiting) check();
    };
    socket.on('data', (chunk) => {
      this.data = Buffer.concat([this.data, chunk]);
      wake();
    });
    socket.on('end', () => {
      this.ended = true;
      wake();
    });
    socket.on('error', (error) => {
      this.error = error;
      wake();
    });
    socket.on('close', wake);
  }

  get over() {
    return this.ended || this.error !== null;
  }

  /** Resolves to what `look()` finds, as soon as it finds something; null when time or the stream ends.
   * What `look()` throws, it rejects with. */
  until(look, ms = 5000) {
    return new Promise((resolve, reject) => {
      const check = () => {
        try {
          const found = look(this);
          if (found || this.over) done(resolve, found || null);
        } catch (error) {
          done(reject, error);
        }
      };
      const done = (settle, value) => {
        clearTimeout(timer);
        this.waiting.delete(check);
        settle(value);
      };
      const timer = setTimeout(() => done(resolve, null), ms);
      this.waiting.add(check);
      check();
    });
  }

  /** Resolves to true when the peer has ended its half in order, false on a reset or when time is up. */
  async untilEnd(ms = 5000) {
    await this.until(() => this.over, ms);
    return this.ended && !this.error;
  }

  send(data) {
    if (!this.over && this.socket.writable) this.socket.write(data);
  }

  /** Sends one byte at a time, giving the other side its turn between any two. The middle of a long
   * piece goes in pieces of an odd size, so that a big message does not take minutes. */
  async sendBytes(data, edge = 1024) {
    const pause = () => new Promise(setImmediate);
    for (let at = 0; at < data.length && !this.over; ) {
      const middle = at >= edge && at + 1021 <= data.length - edge;
      const size = middle ? 1021 : 1;
      this.send(data.subarray(at, at + size));
      at += size;
      await pause();
    }
  }

  /** Ends our half; the other still speaks. */
  end() {
    if (!this.socket.destroyed) this.socket.end();
  }

  destroy() {
    this.socket.destroy();
  }
}
