/** Proofs of a place in a block, by both forms. */
import { describe, expect, it } from 'vitest';
import { decodeMerkleBlock, encodeMerkleBlock, merklePath } from '../../../lib/api/merkle-proof.ts';
import {
  fromDisplay,
  makeBlock,
  makeHeader,
  makeTx,
  toDisplay,
  toHex,
} from '../../../lib/codec/index.ts';
import { hash256 } from '../../../lib/crypto/hash.ts';
import { merkleRoot } from '../../../lib/crypto/merkle.ts';
import type { Block, BlockHash, Hash, Txid } from '../../../lib/types.ts';

/** A block of transactions that differ in their lock times alone. */
function blockOf(count: number): Block {
  const txs = Array.from({ length: count }, (_, lockTime) =>
    makeTx({
      version: 1,
      inputs: [
        {
          prevout: { txid: '11'.repeat(32) as Txid, vout: 0 },
          scriptSig: new Uint8Array(0),
          sequence: 0,
        },
      ],
      outputs: [{ value: 0n, scriptPubKey: Uint8Array.of(0x6a) }],
      lockTime,
    }),
  );
  const header = makeHeader({
    version: 4,
    prevHash: '00'.repeat(32) as BlockHash,
    merkleRoot: merkleRoot(txs.map((tx) => tx.txid)).root,
    time: 1,
    bits: 0x207fffff,
    nonce: 0,
  });
  return makeBlock(header, txs);
}

const idsOf = (block: Block): Txid[] => block.txs.map((tx) => tx.txid);

it('a path proves every place of every size of block', () => {
  for (let count = 1; count <= 17; count++) {
    const ids = Array.from({ length: count }, (_, i) => `${i + 1}`.padStart(64, '0') as Hash);
    ids.forEach((id, position) => {
      let at = position;
      let hash = fromDisplay(id);
      for (const partner of merklePath(ids, position)) {
        const other = fromDisplay(partner);
        const pair = at % 2 === 0 ? [...hash, ...other] : [...other, ...hash];
        hash = hash256(Uint8Array.from(pair));
        at = Math.floor(at / 2);
      }
      expect(toDisplay(hash)).toBe(merkleRoot(ids).root);
    });
  }
});

describe('a merkleblock', () => {
  it('is BIP37’s: the second of three', () => {
    const block = blockOf(3);
    const [first, second, third] = idsOf(block).map(fromDisplay) as Uint8Array[];
    const last = hash256(Uint8Array.of(...(third as Uint8Array), ...(third as Uint8Array)));
    // Marks from the root down, left first: root 1, left pair 1, its leaves 0 and 1, right pair 0.
    const wanted = `${toHex(block.header.raw)}0300000003${[first, second, last]
      .map((hash) => toHex(hash as Uint8Array))
      .join('')}010b`;
    expect(toHex(encodeMerkleBlock(block, new Set([idsOf(block)[1] as Txid])))).toBe(wanted);
  });

  it('proves any choice of any size of block', () => {
    for (let count = 1; count <= 9; count++) {
      const block = blockOf(count);
      for (let choice = 1; choice < 2 ** count; choice++) {
        const chosen = idsOf(block).filter((_, i) => (choice >> i) & 1);
        const read = decodeMerkleBlock(encodeMerkleBlock(block, new Set(chosen)));
        expect(read.ok && read.value).toMatchObject({ txCount: count, proven: chosen });
      }
    }
  });

  it('proves nothing once a byte of its hashes, its marks or its size is another', () => {
    const block = blockOf(7);
    const good = encodeMerkleBlock(block, new Set([idsOf(block)[4] as Txid]));
    for (let at = 36; at < good.length; at++) {
      if (at >= 68 && at < 80) continue;
      const bad = good.slice();
      bad[at] = (bad[at] ?? 0) ^ 1;
      const read = decodeMerkleBlock(bad);
      expect(read.ok ? read.value.proven : undefined, `byte ${at}`).toBeUndefined();
    }
    expect(decodeMerkleBlock(good.subarray(0, -1)).ok).toBe(false);
  });

  it('proves nothing by equal sides (CVE-2012-2459)', () => {
    const block = blockOf(3);
    const padded = makeBlock(block.header, [...block.txs, block.txs[2] as Block['txs'][number]]);
    const read = decodeMerkleBlock(encodeMerkleBlock(padded, new Set([idsOf(block)[2] as Txid])));
    expect(merkleRoot(idsOf(padded)).root).toBe(block.header.merkleRoot);
    expect(read.ok && read.value.proven).toBeUndefined();
  });
});
