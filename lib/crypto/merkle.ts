/** The Merkle root of a block's transactions. */
import { fromDisplay, toDisplay } from '../codec/hex.ts';
import type { Hash, Txid } from '../types.ts';
import { hash256 } from './hash.ts';

const HASH_BYTES = 32;

export interface MerkleRoot {
  readonly root: Hash;
  /**
   * Two equal neighbours stand side by side on some level before padding: another list of
   * transactions has the same root (CVE-2012-2459).
   */
  readonly mutated: boolean;
}

const isEqualPair = (level: Uint8Array, at: number): boolean => {
  for (let i = 0; i < HASH_BYTES; i++) {
    if (level[at + i] !== level[at + HASH_BYTES + i]) return false;
  }
  return true;
};

/** Root over ids in display order; of no ids: 32 zero bytes, as in Bitcoin. */
export function merkleRoot(txids: readonly (Txid | Hash)[]): MerkleRoot {
  if (txids.length === 0) return { root: toDisplay(new Uint8Array(HASH_BYTES)), mutated: false };
  // One buffer, each level written over the one below it.
  const level = new Uint8Array((txids.length + 1) * HASH_BYTES);
  txids.forEach((txid, i) => {
    level.set(fromDisplay(txid), i * HASH_BYTES);
  });
  let mutated = false;
  for (let count = txids.length; count > 1; count = Math.ceil(count / 2)) {
    for (let i = 0; i + 1 < count; i += 2) mutated ||= isEqualPair(level, i * HASH_BYTES);
    if (count % 2 === 1) {
      level.copyWithin(count * HASH_BYTES, (count - 1) * HASH_BYTES, count * HASH_BYTES);
    }
    for (let i = 0; i < count; i += 2) {
      const pair = level.subarray(i * HASH_BYTES, (i + 2) * HASH_BYTES);
      level.set(hash256(pair), (i / 2) * HASH_BYTES);
    }
  }
  return { root: toDisplay(level.subarray(0, HASH_BYTES)), mutated };
}
