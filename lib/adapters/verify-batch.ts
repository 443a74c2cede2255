/**
 * Signature checks in memory that threads share: each takes the next few, so that none waits for a
 * slower one, and what lies behind a failure is left out. Owns the layout; checks nothing.
 */
import type { SignatureCheck } from '../types.ts';

/** 32-bit words: the next check to take, and the lowest that failed. */
const NEXT = 0;
const FAILED = 1;
const HEAD_BYTES = 8;
const DIGEST_BYTES = 32;
const SIGNATURE_BYTES = 64;
const KEY_BYTES_MAX = 65;
/** A check: the key's length, digest, signature, key. */
const CHECK_BYTES = 1 + DIGEST_BYTES + SIGNATURE_BYTES + KEY_BYTES_MAX;
/** What a thread takes at once: half a millisecond of native work. */
const TAKEN_AT_ONCE = 8;

/** Undefined for a check whose parts have not the lengths of SignatureCheck. */
export function packChecks(checks: readonly SignatureCheck[]): SharedArrayBuffer | undefined {
  const shared = new SharedArrayBuffer(HEAD_BYTES + checks.length * CHECK_BYTES);
  const bytes = new Uint8Array(shared);
  for (const [i, { digest, signature, publicKey }] of checks.entries()) {
    const isKnown = digest.length === DIGEST_BYTES && signature.length === SIGNATURE_BYTES;
    if (!isKnown || publicKey.length > KEY_BYTES_MAX) return undefined;
    const at = HEAD_BYTES + i * CHECK_BYTES;
    bytes[at] = publicKey.length;
    bytes.set(digest, at + 1);
    bytes.set(signature, at + 1 + DIGEST_BYTES);
    bytes.set(publicKey, at + 1 + DIGEST_BYTES + SIGNATURE_BYTES);
  }
  Atomics.store(new Int32Array(shared, 0, 2), FAILED, checks.length);
  return shared;
}

const countOf = (shared: SharedArrayBuffer): number =>
  (shared.byteLength - HEAD_BYTES) / CHECK_BYTES;

function unpack(shared: SharedArrayBuffer, from: number, to: number): SignatureCheck[] {
  return Array.from({ length: to - from }, (_, i) => {
    // A copy: libraries want memory of their own.
    const at = HEAD_BYTES + (from + i) * CHECK_BYTES;
    const bytes = new Uint8Array(shared, at, CHECK_BYTES).slice();
    const keyAt = 1 + DIGEST_BYTES + SIGNATURE_BYTES;
    return {
      digest: bytes.subarray(1, 1 + DIGEST_BYTES),
      signature: bytes.subarray(1 + DIGEST_BYTES, keyAt),
      publicKey: bytes.subarray(keyAt, keyAt + (bytes[0] as number)),
    };
  });
}

/** A thread's part in the work: it takes checks until there are none left, or none that matter. */
export async function workOff(
  shared: SharedArrayBuffer,
  firstInvalid: (checks: readonly SignatureCheck[]) => Promise<number>,
): Promise<void> {
  const words = new Int32Array(shared, 0, 2);
  const count = countOf(shared);
  for (;;) {
    const from = Atomics.add(words, NEXT, TAKEN_AT_ONCE);
    // Taken in order: all below the lowest failure are somebody's.
    if (from >= count || from > Atomics.load(words, FAILED)) return;
    const checks = unpack(shared, from, Math.min(from + TAKEN_AT_ONCE, count));
    const failed = await firstInvalid(checks);
    if (failed >= 0) lower(words, from + failed);
  }
}

function lower(words: Int32Array, index: number): void {
  for (let seen = Atomics.load(words, FAILED); index < seen; ) {
    const was = Atomics.compareExchange(words, FAILED, seen, index);
    if (was === seen) return;
    seen = was;
  }
}

/** The lowest index that failed, or -1, when all threads have worked it off. */
export function verdictOf(shared: SharedArrayBuffer): number {
  const failed = Atomics.load(new Int32Array(shared, 0, 2), FAILED);
  return failed === countOf(shared) ? -1 : failed;
}
