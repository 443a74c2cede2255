/**
 * The Engine port in plain JavaScript: SHA-256 over two blocks, with what does not change from nonce
 * to nonce done once. Loops, not straight-line code, which V8 finds too large to optimise.
 *
 *   80-byte header = 64 bytes (midstate) + tail: Merkle root's end, time, bits, nonce, padding
 *
 * What is saved: the first block's compression, rounds 0 to 2 of the second block's, and in the
 * second hash the last three rounds for all but the candidates.
 */
import type { Engine } from '../ports/engine.ts';
import {
  DIGEST_BITS,
  expand,
  HEADER_BITS,
  hashWithNonce,
  IV,
  K,
  LAST_NEEDED_ROUND,
  midstateOf,
  PAD_WORD,
  rounds,
  swap,
  topWord,
  wordsOf,
} from './sha256-words.ts';

export function createPlainEngine(): Engine {
  const schedule = new Int32Array(64);
  const second = new Int32Array(64);
  const midstate = new Int32Array(8);
  const afterThree = new Int32Array(8);

  return {
    name: 'plain',
    search(header, target, start, count) {
      prepare(header, schedule, midstate, afterThree);
      const limit = topWord(target);
      for (let i = 0; i < count; i++) {
        const nonce = start + i;
        firstHash(swap(nonce), schedule, midstate, afterThree, second);
        if (swap(lastWord(second)) >>> 0 > limit) continue;
        if (hashWithNonce(header, nonce) <= target) return nonce;
      }
      return -1;
    },
  };
}

/** Midstate, constant words of the second block, and the state after its first three rounds. */
function prepare(
  header: Uint8Array,
  schedule: Int32Array,
  midstate: Int32Array,
  afterThree: Int32Array,
): void {
  midstate.set(midstateOf(header));
  schedule.fill(0);
  schedule.set(wordsOf(header, 64, 3));
  schedule[4] = PAD_WORD;
  schedule[15] = HEADER_BITS;
  afterThree.set(midstate);
  rounds(afterThree, schedule, 0, 3);
}

/** The digest of the header with this nonce (big-endian word), padded, into the second schedule. */
function firstHash(
  nonceWord: number,
  w: Int32Array,
  midstate: Int32Array,
  afterThree: Int32Array,
  into: Int32Array,
): void {
  w[3] = nonceWord;
  expand(w);
  let a = afterThree[0] as number;
  let b = afterThree[1] as number;
  let c = afterThree[2] as number;
  let d = afterThree[3] as number;
  let e = afterThree[4] as number;
  let f = afterThree[5] as number;
  let g = afterThree[6] as number;
  let h = afterThree[7] as number;
  for (let i = 3; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + (g ^ (e & (f ^ g))) + (K[i] as number) + (w[i] as number)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  into[0] = a + (midstate[0] as number);
  into[1] = b + (midstate[1] as number);
  into[2] = c + (midstate[2] as number);
  into[3] = d + (midstate[3] as number);
  into[4] = e + (midstate[4] as number);
  into[5] = f + (midstate[5] as number);
  into[6] = g + (midstate[6] as number);
  into[7] = h + (midstate[7] as number);
  into[8] = PAD_WORD;
  for (let i = 9; i < 15; i++) into[i] = 0;
  into[15] = DIGEST_BITS;
}

/** The last word of the digest of a prepared second block: where a header's hash has its zeros. */
function lastWord(w: Int32Array): number {
  expand(w);
  let a = IV[0] as number;
  let b = IV[1] as number;
  let c = IV[2] as number;
  let d = IV[3] as number;
  let e = IV[4] as number;
  let f = IV[5] as number;
  let g = IV[6] as number;
  let h = IV[7] as number;
  for (let i = 0; i <= LAST_NEEDED_ROUND; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + (g ^ (e & (f ^ g))) + (K[i] as number) + (w[i] as number)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  return (e + (IV[7] as number)) | 0;
}
