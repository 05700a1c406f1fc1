// deflate.mjs - compressed messages (RFC 7692 section 7.2): made by node's zlib, or laid out bit by bit
// where zlib would never write such a thing; and read back by a reader of our own.
//
// The reader is here because zlib cannot be asked what we want to know. It looks at a window smaller than
// its own only between two calls, so a reference that goes too far may pass; and it does not say whether
// the data ended where a message must end. `inflate()` answers both, after RFC 1951, and zlib has to agree.
import assert from 'node:assert/strict';
import zlib from 'node:zlib';

const { Z_SYNC_FLUSH, Z_HUFFMAN_ONLY } = zlib.constants;

/** What section 7.2.1 takes off the end of each message. */
export const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/* --- by zlib --- */

/** All of `bytes`, up to a byte's edge, with the tail: more may follow. `options` are zlib's. */
export function flush(bytes, options = {}) {
  if (bytes.length === 0) return Buffer.alloc(0);
  return zlib.deflateRawSync(bytes, { finishFlush: Z_SYNC_FLUSH, ...options });
}

/** The payload of a compressed message. */
export function deflate(bytes, options = {}) {
  const flushed = zlib.deflateRawSync(bytes, { finishFlush: Z_SYNC_FLUSH, ...options });
  assert(flushed.subarray(-4).equals(TAIL));
  return flushed.subarray(0, -4);
}

/** Options with which zlib keeps below the server's ratio of 100:1, whatever the bytes are. */
export function honest(bytes, options = {}) {
  const dense = bytes.length > 4096 && deflate(bytes, options).length * 80 < bytes.length;
  return dense ? { ...options, strategy: Z_HUFFMAN_ONLY } : options;
}

/** Can zlib make it so much shorter that the server must find it shorter too? */
export function isCompressible(payload) {
  return payload.length >= 256 && deflate(payload, { windowBits: 12, level: 1 }).length < payload.length * 0.9;
}

/* --- bit by bit --- */

const LENGTH_BASE = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
const DISTANCE_EXTRA = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Writes deflate data; every method returns the writer. `done()` yields the bytes, and with `message()`
 * before it they are a message's payload. */
export class Bits {
  constructor() {
    this.bytes = [];
    this.hold = 0;
    this.held = 0;
  }

  /** A number, its least bit first (RFC 1951 section 3.1.1). */
  put(value, count) {
    for (let at = 0; at < count; at++) {
      this.hold |= ((value >> at) & 1) << this.held;
      if (++this.held < 8) continue;
      this.bytes.push(this.hold);
      this.hold = 0;
      this.held = 0;
    }
    return this;
  }

  /** A Huffman code, its first bit first. */
  code(value, count) {
    for (let at = count - 1; at >= 0; at--) this.put(value >> at, 1);
    return this;
  }

  align() {
    return this.held > 0 ? this.put(0, 8 - this.held) : this;
  }

  block(kind, final = false) {
    return this.put(final ? 1 : 0, 1).put(kind, 2);
  }

  /** What follows a final block begins at the next byte (RFC 7692 section 7.2.3.4). */
  end(final) {
    return final ? this.align() : this;
  }

  /** `complement` is written where it should be another than the length's. */
  stored(data, { final = false, complement } = {}) {
    const bytes = Buffer.from(data);
    this.block(0, final).align().put(bytes.length, 16).put(complement ?? ~bytes.length & 0xffff, 16);
    for (const byte of bytes) this.put(byte, 8);
    return this.end(final);
  }

  /** A symbol of the fixed code for literals and lengths. */
  symbol(value) {
    if (value < 144) return this.code(0x30 + value, 8);
    if (value < 256) return this.code(0x190 + value - 144, 9);
    if (value < 280) return this.code(value - 256, 7);
    return this.code(0xc0 + value - 280, 8);
  }

  /** Within a fixed block: `length` bytes, 3 to 258, from `distance` back. */
  copy(length, distance) {
    const one = LENGTH_BASE.findLastIndex((base) => base <= length);
    const two = DISTANCE_BASE.findLastIndex((base) => base <= distance);
    return this.symbol(257 + one)
      .put(length - LENGTH_BASE[one], LENGTH_EXTRA[one])
      .code(two, 5)
      .put(distance - DISTANCE_BASE[two], DISTANCE_EXTRA[two]);
  }

  /** A fixed block: bytes, and [length, distance] pairs among them. */
  fixed(data, { final = false, copies = [] } = {}) {
    this.block(1, final);
    for (const byte of Buffer.from(data)) this.symbol(byte);
    for (const [length, distance] of copies) this.copy(length, distance);
    return this.symbol(256).end(final);
  }

  /** The head of a dynamic block: `lengths` are those of the code for code lengths, by symbol. */
  dynamicHead(lengths, { final = false, literals = 257, distances = 1 } = {}) {
    this.block(2, final).put(literals - 257, 5).put(distances - 1, 5).put(CODE_ORDER.length - 4, 4);
    for (const symbol of CODE_ORDER) this.put(lengths[symbol] ?? 0, 3);
    return this;
  }

  /** A dynamic block whose only symbols are the end (256) and, where there is one, `letter`, so many times. */
  dynamic({ letter, times = 0, final = false } = {}) {
    this.dynamicHead({ 1: 1, 18: 1 }, { final });
    const zeros = (count) => {
      for (; count > 138; count -= 127) this.code(1, 1).put(127 - 11, 7);
      if (count >= 11) this.code(1, 1).put(count - 11, 7);
      else assert.equal(count, 0, 'this writer has no shorter runs');
    };
    if (letter !== undefined) {
      zeros(letter);
      this.code(0, 1);
      zeros(255 - letter);
    } else {
      zeros(256);
    }
    this.code(0, 1).code(0, 1); // the end's code, and one for distances, of one bit each
    for (let at = 0; at < times; at++) this.code(0, 1);
    return this.code(letter === undefined ? 0 : 1, 1).end(final);
  }

  /** The beginning of the empty block that the tail completes. */
  message() {
    return this.block(0).align();
  }

  done() {
    this.align();
    return Buffer.from(this.bytes);
  }
}

/* --- reading --- */

class Source {
  constructor(data) {
    this.data = data;
    this.at = 0; // in bits
  }

  bit() {
    assert(this.at < this.data.length * 8, 'the data ends in the middle of something');
    const bit = (this.data[this.at >> 3] >> (this.at & 7)) & 1;
    this.at++;
    return bit;
  }

  bits(count) {
    let value = 0;
    for (let at = 0; at < count; at++) value |= this.bit() << at;
    return value;
  }

  align() {
    this.at = (this.at + 7) & ~7;
  }
}

/* RFC 1951 section 3.2.2: the codes follow from their lengths. */
function makeCode(lengths) {
  const counts = new Array(16).fill(0);
  for (const length of lengths) counts[length]++;
  counts[0] = 0;
  let left = 1;
  for (let length = 1; length < 16; length++) {
    left = left * 2 - counts[length];
    assert(left >= 0, 'more codes than there can be');
  }
  const symbols = [];
  for (let length = 1; length < 16; length++)
    lengths.forEach((one, symbol) => {
      if (one === length) symbols.push(symbol);
    });
  return { counts, symbols };
}

function readSymbol(source, { counts, symbols }) {
  let code = 0;
  let first = 0;
  let index = 0;
  for (let length = 1; length < 16; length++) {
    code |= source.bit();
    if (code - first < counts[length]) return symbols[index + code - first];
    index += counts[length];
    first = (first + counts[length]) << 1;
    code <<= 1;
  }
  return assert.fail('no such code');
}

const FIXED = [
  makeCode(Array.from({ length: 288 }, (_, at) => (at < 144 ? 8 : at < 256 ? 9 : at < 280 ? 7 : 8))),
  makeCode(new Array(30).fill(5)),
];

function readCodes(source) {
  const literals = source.bits(5) + 257;
  const distances = source.bits(5) + 1;
  const count = source.bits(4) + 4;
  assert(literals <= 286 && distances <= 30, 'more symbols than there are');
  const lengths = new Array(19).fill(0);
  for (let at = 0; at < count; at++) lengths[CODE_ORDER[at]] = source.bits(3);
  const code = makeCode(lengths);
  const all = [];
  while (all.length < literals + distances) {
    const symbol = readSymbol(source, code);
    if (symbol < 16) {
      all.push(symbol);
      continue;
    }
    assert(symbol !== 16 || all.length > 0, 'repeats nothing');
    const what = symbol === 16 ? all.at(-1) : 0;
    const times = symbol === 16 ? 3 + source.bits(2) : symbol === 17 ? 3 + source.bits(3) : 11 + source.bits(7);
    for (let at = 0; at < times; at++) all.push(what);
  }
  assert.equal(all.length, literals + distances, 'too many lengths');
  assert(all[256] > 0, 'a block that cannot end');
  return [makeCode(all.slice(0, literals)), makeCode(all.slice(literals))];
}

function readCoded(source, [literals, distances], out, windowBytes) {
  for (;;) {
    const symbol = readSymbol(source, literals);
    if (symbol === 256) return;
    if (symbol < 256) {
      out.push(symbol);
      continue;
    }
    assert(symbol <= 285, 'no such length');
    const length = LENGTH_BASE[symbol - 257] + source.bits(LENGTH_EXTRA[symbol - 257]);
    const two = readSymbol(source, distances);
    const distance = DISTANCE_BASE[two] + source.bits(DISTANCE_EXTRA[two]);
    assert(distance <= out.length, 'a reference to before the message');
    assert(distance <= windowBytes, `a reference ${distance} bytes back, in a window of ${windowBytes}`);
    for (let at = 0; at < length; at++) out.push(out[out.length - distance]);
  }
}

function readStored(source, out) {
  source.align();
  const length = source.bits(16);
  assert.equal(source.bits(16), ~length & 0xffff, 'a length and its complement differ');
  for (let at = 0; at < length; at++) out.push(source.bits(8));
  return length;
}

/** Inflates a message's payload as strictly as one can: no reference further back than 2^windowBits or
 * to before the message, and the tail (section 7.2.2) completes an empty block at the very end. */
export function inflate(payload, { windowBits = 15 } = {}) {
  const whole = Buffer.concat([payload, TAIL]);
  const source = new Source(whole);
  const out = [];
  let last;
  let hasFinal = false;
  do {
    const final = source.bit();
    const kind = source.bits(2);
    assert.notEqual(kind, 3, 'a reserved kind of block');
    if (kind === 0) last = readStored(source, out);
    else {
      last = -1;
      readCoded(source, kind === 1 ? FIXED : readCodes(source), out, 2 ** windowBits);
    }
    if (final) source.align();
    hasFinal ||= final === 1;
  } while (source.at < whole.length * 8);
  assert.equal(last, 0, 'the tail does not complete an empty block');
  const bytes = Buffer.from(out);
  if (!hasFinal) // zlib would go no further
    assert(zlib.inflateRawSync(whole, { finishFlush: Z_SYNC_FLUSH }).equals(bytes), 'zlib reads it differently');
  return bytes;
}
