import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareFeeRates } from '../../../lib/mempool/fee-rate.ts';
import type { StoredTx } from '../../../lib/mempool/rows.ts';
import { type Selected, selectForBlock } from '../../../lib/mempool/select.ts';
import type { Txid } from '../../../lib/types.ts';
import { stored } from './stored.ts';

const ROOM = { bytesMax: 1_000_000, sigopsMax: 20_000 };
const ids = (selected: readonly Selected[]): Txid[] => selected.map(({ entry }) => entry.txid);

describe('what goes into a block', () => {
  it('orders by fee rate, the older of equals first', () => {
    const slow = stored({ fee: 100 });
    const fast = stored({ fee: 900 });
    const late = stored({ fee: 500, addedMs: 2 });
    const early = stored({ fee: 500, addedMs: 1 });
    const order = ids(selectForBlock([slow, late, fast, early], ROOM));
    expect(order).toEqual([fast.txid, early.txid, late.txid, slow.txid]);
  });

  it('takes a poor parent for the sake of its rich child, ahead of the middling', () => {
    const parent = stored({ fee: 0 });
    const child = stored({ fee: 3000, parents: [parent] });
    const middling = stored({ fee: 1000 });
    const selected = selectForBlock([middling, child, parent], ROOM);
    expect(ids(selected)).toEqual([parent.txid, child.txid, middling.txid]);
    expect(selected.map(({ depends }) => depends)).toEqual([[], [1], []]);
  });

  it('values a child by itself once its parent is in', () => {
    const parent = stored({ fee: 5000 });
    const poor = stored({ fee: 10, parents: [parent] });
    const middling = stored({ fee: 1000 });
    expect(ids(selectForBlock([poor, middling, parent], ROOM))).toEqual([
      parent.txid,
      middling.txid,
      poor.txid,
    ]);
  });

  it('passes over what does not fit and takes what does', () => {
    const large = stored({ fee: 100_000, padding: 900 });
    const small = stored({ fee: 100 });
    const order = ids(selectForBlock([large, small], { ...ROOM, bytesMax: 500 }));
    expect(order).toEqual([small.txid]);
  });

  it('takes a child whose package did not fit once its parent went in with another', () => {
    const parent = stored({ fee: 0, padding: 200 });
    const big = stored({ fee: 9000, parents: [parent], padding: 300 });
    const rich = stored({ fee: 4000, parents: [parent] });
    // big with parent: too large. rich brings the parent in; then big still does not fit, small does.
    const bytesMax = parent.bytes + rich.bytes + 100;
    const small = stored({ fee: 50, parents: [parent] });
    const order = ids(selectForBlock([big, rich, parent, small], { ...ROOM, bytesMax }));
    expect(order).toEqual([parent.txid, rich.txid, small.txid]);
  });

  it('counts sigops: one a P2PKH output', () => {
    const many = stored({ fee: 9000, outputs: 10 });
    const few = stored({ fee: 10, outputs: 2 });
    const selected = selectForBlock([many, few], { ...ROOM, sigopsMax: 9 });
    expect(ids(selected)).toEqual([few.txid]);
    expect(selected[0]?.sigops).toBe(2);
  });

  const arbitraryPool = fc
    .array(
      fc.record({
        fee: fc.integer({ min: 0, max: 9000 }),
        padding: fc.integer({ min: 0, max: 500 }),
        parents: fc.array(fc.nat(40), { maxLength: 3 }),
        outputs: fc.integer({ min: 1, max: 5 }),
      }),
      { maxLength: 40 },
    )
    .map((plans) => {
      const made: StoredTx[] = [];
      for (const { fee, padding, parents, outputs } of plans) {
        const on = [...new Set(parents)].flatMap((i) => made[i] ?? []);
        made.push(stored({ fee, padding, outputs, parents: on }));
      }
      return made;
    });

  it('keeps parents first, room and names, whatever the pool', () => {
    const room = fc.record({
      bytesMax: fc.integer({ min: 0, max: 8000 }),
      sigopsMax: fc.integer({ min: 0, max: 60 }),
    });
    fc.assert(
      fc.property(arbitraryPool, room, (entries, limits) => {
        const selected = selectForBlock([...entries].reverse(), limits);
        const places = new Map(selected.map(({ entry }, i) => [entry.txid, i + 1]));
        expect(places.size).toBe(selected.length);
        let bytes = 0;
        let sigops = 0;
        for (const [i, { entry, depends, sigops: own }] of selected.entries()) {
          bytes += entry.bytes;
          sigops += own;
          const parents = new Set(
            entry.tx.inputs
              .map(({ prevout }) => prevout.txid)
              .filter((txid) => entries.some((other) => other.txid === txid)),
          );
          expect(depends).toEqual(
            [...parents].map((txid) => places.get(txid)).sort((a, b) => a! - b!),
          );
          for (const place of depends) expect(place).toBeLessThanOrEqual(i);
        }
        expect(bytes).toBeLessThanOrEqual(limits.bytesMax);
        expect(sigops).toBeLessThanOrEqual(limits.sigopsMax);
      }),
      { numRuns: 300 },
    );
  });

  it('takes everything when there is room, the best package first', () => {
    fc.assert(
      fc.property(arbitraryPool, (entries) => {
        const selected = selectForBlock(entries, ROOM);
        expect(selected.length).toBe(entries.length);
        // No package of one transaction with its ancestors is better than the one that leads.
        const first = selected[0]?.entry;
        if (first === undefined) return;
        const packageOf = (entry: StoredTx): { feeSats: number; bytes: number } => {
          const seen = new Set<StoredTx>();
          const open = [entry];
          for (let at = open.pop(); at !== undefined; at = open.pop()) {
            if (seen.has(at)) continue;
            seen.add(at);
            const parents = at.tx.inputs.map(({ prevout }) => prevout.txid);
            open.push(...entries.filter(({ txid }) => parents.includes(txid)));
          }
          const all = [...seen];
          return {
            feeSats: all.reduce((sum, { feeSats }) => sum + feeSats, 0),
            bytes: all.reduce((sum, each) => sum + each.bytes, 0),
          };
        };
        const best = entries.map(packageOf).reduce((a, b) => (compareFeeRates(a, b) >= 0 ? a : b));
        const led = entries.filter((entry) => compareFeeRates(packageOf(entry), best) === 0);
        const withFirst = led.some((entry) => {
          const parents = new Set<Txid>();
          const open = [entry];
          for (let at = open.pop(); at !== undefined; at = open.pop()) {
            parents.add(at.txid);
            for (const { prevout } of at.tx.inputs) {
              const parent = entries.find(({ txid }) => txid === prevout.txid);
              if (parent !== undefined && !parents.has(parent.txid)) open.push(parent);
            }
          }
          return parents.has(first.txid);
        });
        expect(withFirst).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
