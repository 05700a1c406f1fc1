// frames.mjs - RFC 6455 frames, made by hand (wrong ones too) and read strictly; compressed ones where
// RFC 7692 was agreed.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';

import { inflate } from './deflate.mjs';

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

export const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');

export function closeBody(code, reason = '') {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** Reads the server's frame at the start of `data`: null when it is not complete. Asserts all that a
 * server's frame must be: unmasked, no reserved bits (but RSV1 at the beginning of a message where
 * `compression` was agreed), the shortest length, known opcodes, short control. */
export function parseFrame(data, { compression = false } = {}) {
  if (data.length < 2) return null;
  const fin = (data[0] & 0x80) !== 0;
  const opcode = data[0] & 0x0f;
  const compressed = (data[0] & 0x40) !== 0;
  assert.equal(data[0] & 0x30, 0, 'the server set RSV2 or RSV3');
  if (compressed) assert(compression && [TEXT, BIN].includes(opcode), `the server set RSV1 on opcode ${opcode}`);
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
  return { fin, opcode, compressed, payload: data.subarray(at, at + length), length: at + length };
}

/** What godwit promises of the messages it compresses (docs/limits.md). */
export const DEFLATE_TERMS = { windowBits: 12, bytesMin: 256 };

/** Gathers what a server said on one connection: messages (put together and inflated), pongs, and its
 * close frame. `deflate` are the terms under which it may compress, or null; each compressed message must
 * stand for itself, as it does where nothing is taken over. */
export class Ear {
  constructor({ deflate = null } = {}) {
    this.deflate = deflate;
    this.messages = []; // [{opcode, payload, compressed, wire}], `wire` being the payload as it came
    this.pings = 0;
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
      const one = parseFrame(wire.data, { compression: this.deflate !== null });
      if (!one) return this;
      this.take(one);
      wire.data = wire.data.subarray(one.length);
    }
  }

  take({ fin, opcode, compressed, payload }) {
    if (opcode === PONG) this.pongs.push(Buffer.from(payload));
    else if (opcode === CLOSE) this.close = readClose(payload);
    else if (opcode === PING) this.pings++;
    else this.gather(fin, opcode, compressed, payload);
  }

  gather(fin, opcode, compressed, payload) {
    assert.equal(opcode === CONT, this.parts !== null, 'the server fragmented wrongly');
    this.parts ??= { opcode, compressed, list: [] };
    this.parts.list.push(Buffer.from(payload));
    if (!fin) return;
    const wire = Buffer.concat(this.parts.list);
    const message = { opcode: this.parts.opcode, payload: wire, compressed: this.parts.compressed, wire };
    if (message.compressed) message.payload = this.open(wire);
    this.messages.push(message);
    this.parts = null;
  }

  open(wire) {
    const payload = inflate(wire, { windowBits: this.deflate.windowBits });
    assert(payload.length >= this.deflate.bytesMin, `the server compressed a message of ${payload.length} bytes`);
    assert(wire.length < payload.length, `the server made ${wire.length} bytes of ${payload.length}`);
    return payload;
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
