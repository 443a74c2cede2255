/**
 * SHA-256 on words, for the engines: constants, the parts that run once a header, and the last word
 * on a candidate. Nothing here is for the inner loop.
 */
import { hash256 } from '../crypto/hash.ts';

export const HEADER_BYTES = 80;
const NONCE_AT = 76;
/** The round after which e is the digest's last word but for one addition. */
export const LAST_NEEDED_ROUND = 60;
/** Length in bits of a header and of a digest, as padding writes it. */
export const HEADER_BITS = 640;
export const DIGEST_BITS = 256;
/** The first bit of the padding. */
export const PAD_WORD = 0x8000_0000 | 0;

/** FIPS 180-4: the first 32 bits of the fractions of the cube and square roots of the first primes. */
const PRIMES = firstPrimes(64);
export const K = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
export const IV = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

/** Words of a header (big-endian): `from` counts bytes. */
export function wordsOf(header: Uint8Array, from: number, count: number): Int32Array {
  const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
  return Int32Array.from({ length: count }, (_, i) => view.getInt32(from + 4 * i));
}

/** The state after the header's first 64 bytes, which no nonce changes. */
export function midstateOf(header: Uint8Array): Int32Array {
  const schedule = new Int32Array(64);
  schedule.set(wordsOf(header, 0, 16));
  expand(schedule);
  const state = IV.slice();
  rounds(state, schedule, 0, 64);
  for (let i = 0; i < 8; i++) state[i] = (state[i] as number) + (IV[i] as number);
  return state;
}

/** Words 16 to 63 of the schedule from the first sixteen. */
export function expand(w: Int32Array): void {
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] as number;
    const y = w[i - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16] as number) + s0 + (w[i - 7] as number) + s1;
  }
}

/** Rounds `from` to `to` (exclusive) on a state of eight words. Not for the inner loop. */
export function rounds(state: Int32Array, w: Int32Array, from: number, to: number): void {
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

export const rotate = (word: number, bits: number): number =>
  (word >>> bits) | (word << (32 - bits));

export const swap = (word: number): number =>
  (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);

/** The first 32 of the target's 256 bits; all ones where it has more. */
export const topWord = (target: bigint): number =>
  target < 0n ? -1 : Number(target >= 1n << 256n ? 0xffff_ffffn : target >> 224n);

/** The hash of a candidate, by the library and as a number: what is reported is sure. */
export function hashWithNonce(header: Uint8Array, nonce: number): bigint {
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
