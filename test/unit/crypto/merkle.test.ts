import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { merkleRoot } from '../../../lib/crypto/merkle.ts';
import type { Txid } from '../../../lib/types.ts';
import { vectorCases } from '../../helpers/vectors.ts';

interface MerkleCase {
  readonly height: number;
  readonly n: number;
  readonly derived?: string;
  readonly txids: Txid[];
  readonly root: string;
  readonly mutated: boolean;
}

describe('Merkle roots', () => {
  it.each(vectorCases<MerkleCase>('merkle'))('$height, $n ids $derived', (one) => {
    expect(merkleRoot(one.txids)).toEqual({ root: one.root, mutated: one.mutated });
  });

  it('of one id is the id, of none is zero', () => {
    const id = 'ab'.repeat(32) as Txid;
    expect(merkleRoot([id])).toEqual({ root: id, mutated: false });
    expect(merkleRoot([])).toEqual({ root: '0'.repeat(64), mutated: false });
  });

  it('agrees with the definition, written down once more', () => {
    const sha = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();
    const root = (level: Buffer[]): Buffer => {
      if (level.length === 1) return level[0] as Buffer;
      const next: Buffer[] = [];
      for (let i = 0; i < level.length; i += 2) {
        const left = level[i] as Buffer;
        next.push(sha(sha(Buffer.concat([left, level[i + 1] ?? left]))));
      }
      return root(next);
    };
    const id = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 40, selector: String }), (ids) => {
        const txids = ids.map((one) => Buffer.from(one).reverse().toString('hex') as Txid);
        const expected = root(ids.map((one) => Buffer.from(one)))
          .reverse()
          .toString('hex');
        expect(merkleRoot(txids)).toEqual({ root: expected, mutated: false });
      }),
    );
  });

  it('every twin of a list is caught (CVE-2012-2459)', () => {
    const ids = Array.from({ length: 64 }, (_, i) => String(i).padStart(64, '0') as Txid);
    let twins = 0;
    for (let count = 1; count <= 33; count++) {
      const list = ids.slice(0, count);
      for (let tail = 1; tail <= count; tail *= 2) {
        // Repeating the last 2^k of an odd number of groups of 2^k leaves the root as it is.
        if (count % tail !== 0 || (count / tail) % 2 === 0) continue;
        const twin = [...list, ...list.slice(count - tail)];
        if (merkleRoot(twin).root !== merkleRoot(list).root) continue;
        twins++;
        expect(merkleRoot(list).mutated).toBe(false);
        expect(merkleRoot(twin).mutated).toBe(true);
      }
    }
    expect(twins).toBeGreaterThan(20);
  });
});
