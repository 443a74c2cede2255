import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareFeeRates } from '../../../lib/mempool/fee-rate.ts';
import { checkChainLimits } from '../../../lib/mempool/limits.ts';
import { DEFAULT_POLICY } from '../../../lib/mempool/policy.ts';
import { Pool } from '../../../lib/mempool/pool.ts';
import type { StoredTx } from '../../../lib/mempool/rows.ts';
import { toOutpointKey } from '../../../lib/types.ts';
import { stored } from './stored.ts';

const poolOf = (...entries: StoredTx[]): Pool => {
  const pool = new Pool();
  for (const entry of entries) pool.add(entry);
  return pool;
};

describe('the pool as a graph', () => {
  it('knows parents, ancestors, children and descendants', () => {
    const a = stored({ fee: 1 });
    const b = stored({ fee: 1, parents: [a] });
    const c = stored({ fee: 1, parents: [a, b] });
    const d = stored({ fee: 1, parents: [c] });
    const pool = poolOf(d, c, b, a);
    expect([...pool.ancestors(d)].sort()).toEqual([a.txid, b.txid, c.txid].sort());
    expect([...pool.descendants(a.txid)].sort()).toEqual([b.txid, c.txid, d.txid].sort());
    expect([...pool.parents(c)].sort()).toEqual([a.txid, b.txid].sort());
    expect(pool.withDescendants(b.txid).count).toBe(3);
    pool.remove(c.txid);
    expect([...pool.descendants(a.txid)]).toEqual([b.txid]);
    expect([...pool.ancestors(d)]).toEqual([]);
    // A parent that comes back finds its children again.
    pool.add(c);
    expect([...pool.descendants(c.txid)]).toEqual([d.txid]);
  });

  it('holds one spender of an outpoint, and one admission of a transaction', () => {
    const outpoint = stored({ fee: 1 }).tx.inputs[0]!.prevout;
    const first = stored({ fee: 1, parents: [outpoint] });
    const second = stored({ fee: 2, parents: [outpoint], outputs: 2 });
    const pool = poolOf(first, second);
    expect(pool.get(first.txid)).toBeUndefined();
    expect(pool.spender(toOutpointKey(outpoint.txid, outpoint.vout))).toBe(second.txid);
    expect(pool.bytes).toBe(second.bytes);
    expect(pool.remove(second.txid, 'another nonce')).toBeUndefined();
    expect(pool.remove(second.txid, second.nonce)).toBe(second);
    expect(pool.bytes).toBe(0);
  });

  it('names the worst package as a plain search does, whatever comes and goes', () => {
    const step = fc.record({
      fee: fc.integer({ min: 0, max: 5000 }),
      padding: fc.integer({ min: 0, max: 400 }),
      parent: fc.nat(20),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const pool = new Pool();
        const made: StoredTx[] = [];
        for (const { fee, padding, parent, remove } of steps) {
          if (remove && made.length > 0) pool.remove(made[parent % made.length]!.txid);
          else {
            const on = made[parent];
            const entry = stored({ fee, padding, ...(on && { parents: [on] }) });
            made.push(entry);
            pool.add(entry);
          }
          const worst = pool.worst();
          const score = (entry: StoredTx) => {
            const whole = pool.withDescendants(entry.txid);
            return compareFeeRates(whole, entry) > 0 ? whole : entry;
          };
          const all = [...pool.all()];
          expect(worst === undefined).toBe(all.length === 0);
          for (const entry of all) {
            expect(compareFeeRates(worst!, score(entry))).toBeLessThanOrEqual(0);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('limits on chains', () => {
  const chain = (length: number, bytes = 0): StoredTx[] => {
    const entries: StoredTx[] = [];
    for (let i = 0; i < length; i++) {
      const last = entries.at(-1);
      entries.push(stored({ fee: 1, padding: bytes, ...(last && { parents: [last] }) }));
    }
    return entries;
  };
  const check = (
    pool: Pool,
    candidate: StoredTx,
    ancestors: StoredTx[],
    evicted: StoredTx[] = [],
  ) => {
    const verdict = checkChainLimits(pool, { candidate, ancestors, evicted }, DEFAULT_POLICY);
    return verdict.ok ? 'ok' : verdict.reject.reason;
  };

  it.each([
    [24, 'ok'],
    [25, 'too-long-mempool-chain'],
  ])('%d ancestors: %s', (length, expected) => {
    const ancestors = chain(length);
    const candidate = stored({ fee: 1, parents: [ancestors.at(-1)!] });
    expect(check(poolOf(...ancestors), candidate, ancestors)).toBe(expected);
  });

  it('101,000 bytes of ancestors, the transaction counted', () => {
    const ancestors = chain(2, 50_000 - 104);
    const total = ancestors.reduce((sum, { bytes }) => sum + bytes, 0);
    const fits = { ...stored({ fee: 1 }), bytes: 101_000 - total };
    const exceeds = { ...fits, bytes: fits.bytes + 1 };
    // Descendants of the first are the same bytes here.
    expect(check(poolOf(...ancestors), fits, ancestors)).toBe('ok');
    expect(check(poolOf(...ancestors), exceeds, ancestors)).toBe('too-long-mempool-chain');
  });

  it.each([
    [23, 'ok'],
    [24, 'too-long-mempool-chain'],
  ])('a parent with %d children: %s', (count, expected) => {
    const parent = stored({ fee: 1, outputs: 30 });
    const children = Array.from({ length: count }, () => stored({ fee: 1, parents: [parent] }));
    const candidate = stored({ fee: 1, parents: [parent] });
    const pool = poolOf(parent, ...children);
    expect(check(pool, candidate, [parent])).toBe(expected);
    // One that is replaced at the same time makes room.
    expect(check(pool, candidate, [parent], [children[0]!])).toBe('ok');
  });

  it('101,000 bytes of descendants', () => {
    const parent = stored({ fee: 1, outputs: 30 });
    const child = stored({ fee: 1, parents: [parent], padding: 90_000 });
    const pool = poolOf(parent, child);
    const room = 101_000 - parent.bytes - child.bytes;
    const candidate = stored({ fee: 1, parents: [parent] });
    expect(check(pool, { ...candidate, bytes: room }, [parent])).toBe('ok');
    expect(check(pool, { ...candidate, bytes: room + 1 }, [parent])).toBe('too-long-mempool-chain');
  });
});
