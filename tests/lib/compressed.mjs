// compressed.mjs - what cases about compression share: the clients that agree on it, compressed frames, and
// things to say in them.
import assert from 'node:assert/strict';

import { deflate, isCompressible } from './deflate.mjs';
import { CONT, frame, hex } from './frames.mjs';
import { openWs } from './talk.mjs';

export const NAME = 'permessage-deflate';
/** What the 101 says, to the letter; and where the client lets the server choose its window. */
export const AGREED = `${NAME}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12`;
export const agreedWith = (bits) => `${AGREED}; client_max_window_bits=${bits}`;

/* A client that lets the server choose its window, and one that keeps the largest to itself. */
export const SMALL = { offer: `${NAME}; client_max_window_bits`, answer: agreedWith(12), windowBits: 12 };
export const LARGE = { offer: NAME, answer: AGREED, windowBits: 15 };

/** Shakes hands as `client`, and asserts that the server agrees to what it must. */
export async function openAs(t, client, port, rest = {}) {
  const open = await openWs(t, port, { offer: client.offer, ...rest });
  assert.equal(open.agreed, client.answer);
  return open;
}

/** What can be compressed was. */
export function assertCompressed(ear) {
  for (const { payload, compressed } of ear.messages)
    assert(compressed || !isCompressible(payload), `a message of ${payload.length} bytes came as it was`);
}

/** "Hello", as section 7.2.3.1 has it. */
export const HELLO = hex('f2 48 cd c9 c9 07 00');

/** A compressed message in one frame, or its first one; and all of it, a frame a part. */
export const zframe = (opcode, payload, options = {}) => frame(opcode, payload, { rsv: 4, ...options });

export function zparts(opcode, parts) {
  return parts.map((part, at) => frame(at === 0 ? opcode : CONT, part, { rsv: at === 0 ? 4 : 0, fin: at === parts.length - 1 }));
}

/** Bytes that are the same on every run, and in no order. */
export function noise(length, seed = 1) {
  const out = Buffer.alloc(length);
  let state = seed * 2654435761 + 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[at] = state >>> 11;
  }
  return out;
}

/** Text of which zlib makes about a third. */
export function prose(length) {
  const words = ['godwit', 'ebb', 'tide', 'flood', 'wader', 'κύμα', 'beak', 'alaska', 'firth', 'mudflat', 'kūaka', 'flight', 'non-stop'];
  let text = '';
  for (const one of noise(length)) {
    text += `${words[one % words.length]}${one & 64 ? ', ' : ' '}`;
    if (text.length > length) break;
  }
  const bytes = Buffer.from(text).subarray(0, length);
  for (let at = length - 1; at >= 0 && bytes[at] >= 0x80; at--) bytes[at] = 0x2e; // no half a character
  return bytes;
}

/** How many empty blocks make a message of `length` zeros take `wireLength` bytes; null where none do. */
export function fillers(length, wireLength) {
  const left = wireLength - deflate(Buffer.alloc(length)).length;
  return left >= 0 && left % 5 === 0 ? left / 5 : null;
}
export function zerosOf(length, wireLength) {
  const empties = Array.from({ length: fillers(length, wireLength) }, () => hex('00 00 00 ff ff'));
  return Buffer.concat([...empties, deflate(Buffer.alloc(length))]);
}

export const repeat = (bytes, times) => Buffer.alloc(bytes.length * times, bytes);
