// frames.mjs - RFC 6455 frames, made by hand (wrong ones too) and read strictly.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';

export const CONT = 0x0;
export const TEXT = 0x1;
export const BIN = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

/** A client's frame. `rsv` is three bits, 4 for RSV1; `form` forces the length's encoding to 7, 16 or 64
 * bits; `announce` writes another length than the payload's; `mask` null leaves it unmasked. */
export function frame(opcode, payload = '', options = {}) {
  const { fin = true, rsv = 0, form, announce, mask = crypto.randomBytes(4) } = options;
  const bytes = Buffer.from(payload);
  const length = BigInt(announce ?? bytes.length);
  const bits = form ?? (length < 126n ? 7 : length < 65536n ? 16 : 64);
  const extra = bits === 7 ? 0 : bits / 8;
  const head = Buffer.alloc(2 + extra + (mask ? 4 : 0));
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (mask ? 0x80 : 0) | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127);
  if (bits === 16) head.writeUInt16BE(Number(length), 2);
  if (bits === 64) head.writeBigUInt64BE(length, 2);
  const body = Buffer.from(bytes);
  if (mask) {
    mask.copy(head, 2 + extra);
    for (let at = 0; at < body.length; at++) body[at] ^= mask[at & 3];
  }
  return Buffer.concat([head, body]);
}

export function closeBody(code, reason = '') {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** Reads the server's frame at the start of `data`: null when it is not complete. Asserts all that a
 * server's frame must be: unmasked, no reserved bits, the shortest length, known opcodes, short control. */
export function parseFrame(data) {
  if (data.length < 2) return null;
  const fin = (data[0] & 0x80) !== 0;
  const opcode = data[0] & 0x0f;
  assert.equal(data[0] & 0x70, 0, 'the server set a reserved bit');
  assert.equal(data[1] & 0x80, 0, 'the server masked a frame');
  assert([CONT, TEXT, BIN, CLOSE, PING, PONG].includes(opcode), `the server sent opcode ${opcode}`);
  let length = data[1] & 0x7f;
  let at = 2;
  if (length === 126) {
    if (data.length < 4) return null;
    length = data.readUInt16BE(2);
    at = 4;
    assert(length > 125, 'the server used 16 bits for a length that fits in 7');
  } else if (length === 127) {
    if (data.length < 10) return null;
    assert(data.readBigUInt64BE(2) < 1n << 53n, 'the server announced too much');
    length = Number(data.readBigUInt64BE(2));
    at = 10;
    assert(length > 65535, 'the server used 64 bits for a length that fits in 16');
  }
  if (opcode >= 8) assert(fin && length <= 125, 'the server sent a broken control frame');
  if (data.length < at + length) return null;
  return { fin, opcode, payload: data.subarray(at, at + length), length: at + length };
}

/** Gathers what a server said on one connection: messages (put together), pongs, and its close frame. */
export class Ear {
  constructor() {
    this.messages = []; // [{opcode, payload}]
    this.pongs = [];
    this.close = null; // {code, reason}; code 1005 where there was none
    this.parts = null;
  }

  /** Takes whole frames off the wire. */
  hear(wire) {
    for (;;) {
      if (this.close) {
        assert.equal(wire.data.length, 0, 'the server sent something after its close frame');
        return this;
      }
      const one = parseFrame(wire.data);
      if (!one) return this;
      this.take(one);
      wire.data = wire.data.subarray(one.length);
    }
  }

  take({ fin, opcode, payload }) {
    if (opcode === PONG) this.pongs.push(Buffer.from(payload));
    else if (opcode === CLOSE) this.close = readClose(payload);
    else if (opcode !== PING) this.gather(fin, opcode, payload);
  }

  gather(fin, opcode, payload) {
    assert.equal(opcode === CONT, this.parts !== null, 'the server fragmented wrongly');
    this.parts ??= { opcode, list: [] };
    this.parts.list.push(Buffer.from(payload));
    if (!fin) return;
    this.messages.push({ opcode: this.parts.opcode, payload: Buffer.concat(this.parts.list) });
    this.parts = null;
  }
}

function readClose(payload) {
  if (payload.length === 0) return { code: 1005, reason: '' };
  assert(payload.length >= 2, 'a close frame with one byte');
  const reason = new TextDecoder('utf-8', { fatal: true }).decode(payload.subarray(2));
  return { code: payload.readUInt16BE(0), reason };
}

export function acceptFor(key) {
  return crypto.createHash('sha1').update(key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
}
