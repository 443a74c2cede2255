/**
 * Proofs that transactions are in a block: Electrum's path from a leaf up, and Bitcoin's merkleblock
 * (BIP37), which gettxoutproof and Esplora answer. Owns their forms; reads nothing.
 */
import {
  ByteReader,
  ByteWriter,
  decoded,
  fromDisplay,
  readHeader,
  toDisplay,
} from '../codec/index.ts';
import { hash256 } from '../crypto/hash.ts';
import type { Block, BlockHeader, Hash, Txid, Verdict } from '../types.ts';

const HASH_BYTES = 32;
/** No transaction is smaller: more leaves than this no block has (as Core bounds it). */
const TXS_MAX = 1_000_000 / 60;

/** All hashes of the tree, leaves first; an odd one is paired with itself. */
function levelsOf(txids: readonly (Txid | Hash)[]): Uint8Array[][] {
  const levels = [txids.map(fromDisplay)];
  for (let level = levels[0] ?? []; level.length > 1; levels.push(level)) {
    const below = level;
    level = Array.from({ length: Math.ceil(below.length / 2) }, (_, i) =>
      pairOf(below[2 * i] as Uint8Array, below[2 * i + 1]),
    );
  }
  return levels;
}

const pairOf = (left: Uint8Array, right: Uint8Array = left): Uint8Array => {
  const both = new Uint8Array(2 * HASH_BYTES);
  both.set(left);
  both.set(right, HASH_BYTES);
  return hash256(both);
};

/** Electrum's proof: the partner at each level, from the leaves up. */
export function merklePath(txids: readonly (Txid | Hash)[], position: number): Hash[] {
  let at = position;
  return levelsOf(txids)
    .slice(0, -1)
    .map((level) => {
      const partner = level[at % 2 === 0 ? Math.min(at + 1, level.length - 1) : at - 1];
      at = Math.floor(at / 2);
      return toDisplay(partner as Uint8Array);
    });
}

/** Bytes of a merkleblock that proves those of the block's transactions. */
export function encodeMerkleBlock(block: Block, proven: ReadonlySet<Txid>): Uint8Array {
  const levels = levelsOf(block.txs.map(({ txid }) => txid));
  // Which nodes have a proven leaf below them.
  let marks = block.txs.map(({ txid }) => proven.has(txid));
  const marked = levels.map((level, height) => {
    if (height > 0) marks = level.map((_, i) => marks[2 * i] || marks[2 * i + 1] || false);
    return marks;
  });
  const hashes: Uint8Array[] = [];
  const flags: boolean[] = [];
  const walk = (height: number, at: number): void => {
    const isMarked = marked[height]?.[at] ?? false;
    flags.push(isMarked);
    if (height === 0 || !isMarked) {
      hashes.push(levels[height]?.[at] as Uint8Array);
      return;
    }
    walk(height - 1, 2 * at);
    if (2 * at + 1 < (levels[height - 1]?.length ?? 0)) walk(height - 1, 2 * at + 1);
  };
  walk(levels.length - 1, 0);
  const to = new ByteWriter().bytes(block.header.raw).u32(block.txs.length);
  to.compactSize(hashes.length);
  for (const hash of hashes) to.bytes(hash);
  const bits = new Uint8Array(Math.ceil(flags.length / 8));
  for (const [i, flag] of flags.entries())
    if (flag) bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
  return to.varBytes(bits).done();
}

export interface MerkleBlock {
  readonly header: BlockHeader;
  readonly txCount: number;
  /** Undefined where the tree is not the header's, or has more or less than it needs. */
  readonly proven: readonly Txid[] | undefined;
}

/** Rejects what is no merkleblock. What follows one is not looked at, as by Core. */
export function decodeMerkleBlock(raw: Uint8Array): Verdict<MerkleBlock> {
  return decoded('block-decode-failed', () => {
    const from = new ByteReader(raw);
    const header = readHeader(from);
    const txCount = from.u32();
    const hashes = Array.from({ length: from.count(HASH_BYTES) }, () => from.hash());
    const bits = from.varBytes();
    return { header, txCount, proven: provenBy(header, txCount, { hashes, bits }) };
  });
}

function provenBy(
  header: BlockHeader,
  txCount: number,
  { hashes, bits }: { hashes: readonly Uint8Array[]; bits: Uint8Array },
): Txid[] | undefined {
  if (txCount === 0 || txCount > TXS_MAX || hashes.length > txCount) return undefined;
  if (bits.length * 8 < hashes.length) return undefined;
  const widthAt = (height: number): number => Math.ceil(txCount / 2 ** height);
  const proven: Txid[] = [];
  let hashesUsed = 0;
  let bitsUsed = 0;
  let isBad = false;
  const walk = (height: number, at: number): Uint8Array => {
    const flag = ((bits[bitsUsed >> 3] ?? 0) >> (bitsUsed & 7)) & 1;
    bitsUsed += 1;
    if (height === 0 || flag === 0) {
      const hash = hashes[hashesUsed++];
      if (hash === undefined || bitsUsed > bits.length * 8) isBad = true;
      if (hash !== undefined && height === 0 && flag === 1)
        proven.push(toDisplay(hash) as string as Txid);
      return hash ?? new Uint8Array(HASH_BYTES);
    }
    const left = walk(height - 1, 2 * at);
    if (2 * at + 1 >= widthAt(height - 1)) return pairOf(left);
    const right = walk(height - 1, 2 * at + 1);
    // Equal sides are how a list is padded unseen (CVE-2012-2459).
    if (toDisplay(left) === toDisplay(right)) isBad = true;
    return pairOf(left, right);
  };
  let height = 0;
  while (widthAt(height) > 1) height += 1;
  const root = toDisplay(walk(height, 0));
  const isWhole = hashesUsed === hashes.length && Math.ceil(bitsUsed / 8) === bits.length;
  return !isBad && isWhole && root === header.merkleRoot ? proven : undefined;
}
