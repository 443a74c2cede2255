/**
 * The Engine port in plain JavaScript: SHA-256 over two blocks, with what does not change from nonce
 * to nonce done once. Loops, not straight-line code, which V8 finds too large to optimise.
 *
 *   80-byte header = 64 bytes (midstate) + tail: Merkle root's end, time, bits, nonce, padding
 *
 * What is saved: the first block's compression, rounds 0 to 2 of the second block's, and in the
 * second hash the last three rounds for all but the candidates.
 */
import { hash256 } from '../crypto/hash.ts';
import type { Engine } from '../ports/engine.ts';

const HEADER_BYTES = 80;
const NONCE_AT = 76;
/** The round after which e is the digest's last word but for one addition. */
const LAST_NEEDED_ROUND = 60;
/** Length in bits of a header and of a digest, as padding writes it. */
const HEADER_BITS = 640;
const DIGEST_BITS = 256;

/** FIPS 180-4: the first 32 bits of the fractions of the cube and square roots of the first primes. */
const PRIMES = firstPrimes(64);
const K = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const IV = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

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
  const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
  for (let i = 0; i < 16; i++) schedule[i] = view.getInt32(4 * i);
  expand(schedule);
  midstate.set(IV);
  rounds(midstate, schedule, 0, 64);
  for (let i = 0; i < 8; i++) midstate[i] = (midstate[i] as number) + (IV[i] as number);
  schedule.fill(0);
  for (let i = 0; i < 3; i++) schedule[i] = view.getInt32(64 + 4 * i);
  schedule[4] = 0x8000_0000;
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
  into[8] = 0x8000_0000;
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

/** Words 16 to 63 of the schedule from the first sixteen. */
function expand(w: Int32Array): void {
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] as number;
    const y = w[i - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16] as number) + s0 + (w[i - 7] as number) + s1;
  }
}

/** Rounds `from` to `to` (exclusive) on a state of eight words. Not for the inner loop. */
function rounds(state: Int32Array, w: Int32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const [a, b, c, d, e, f, g, h] = state as unknown as number[] as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + (g ^ (e & (f ^ g))) + (K[i] as number) + (w[i] as number)) | 0;
    const t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
    state.set([t1 + t2, a, b, c, d + t1, e, f, g]);
  }
}

const rotate = (word: number, bits: number): number => (word >>> bits) | (word << (32 - bits));

const swap = (word: number): number =>
  (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);

/** The first 32 of the target's 256 bits; all ones where it has more. */
const topWord = (target: bigint): number =>
  target < 0n ? -1 : Number(target >= 1n << 256n ? 0xffff_ffffn : target >> 224n);

/** The hash of a candidate, by the library and as a number: what is reported is sure. */
function hashWithNonce(header: Uint8Array, nonce: number): bigint {
  const candidate = new Uint8Array(header.subarray(0, HEADER_BYTES));
  new DataView(candidate.buffer).setUint32(NONCE_AT, nonce, true);
  let hex = '0x';
  for (const byte of hash256(candidate).reverse()) hex += byte.toString(16).padStart(2, '0');
  return BigInt(hex);
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) {
    if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  }
  return primes;
}

function fraction(root: number): number {
  return Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
}
