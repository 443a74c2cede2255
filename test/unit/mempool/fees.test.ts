import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareFeeRates, feeAt, rateOf } from '../../../lib/mempool/fee-rate.ts';
import { floorAt, minFeeRate, raiseFloor } from '../../../lib/mempool/floor.ts';
import { Heap } from '../../../lib/mempool/heap.ts';
import { DEFAULT_POLICY as policy } from '../../../lib/mempool/policy.ts';

const HOUR_MS = 3_600_000;

describe('fee rates', () => {
  it('compares as exact fractions do', () => {
    const sum = fc.record({
      feeSats: fc.integer({ min: 0, max: 2_100_000_000_000_000 }),
      bytes: fc.integer({ min: 60, max: 1_000_000 }),
    });
    fc.assert(
      fc.property(sum, sum, (a, b) => {
        const exact = BigInt(a.feeSats) * BigInt(b.bytes) - BigInt(b.feeSats) * BigInt(a.bytes);
        expect(Math.sign(compareFeeRates(a, b))).toBe(exact < 0n ? -1 : exact > 0n ? 1 : 0);
      }),
    );
  });

  it.each([
    [1000, 250, 250],
    [1000, 1, 1],
    [1001, 1, 2],
    [1, 999, 1],
    [0, 500, 0],
    [21e14, 100_000, 21e16],
  ])('at %d sats per 1,000 bytes, %d bytes cost %d', (rate, bytes, fee) => {
    expect(feeAt(rate, bytes)).toBe(fee);
  });

  it('rounds a rate up, so that whoever pays it is above what was thrown out', () => {
    expect(rateOf({ feeSats: 1, bytes: 3 })).toBe(334);
    expect(rateOf({ feeSats: 300, bytes: 300 })).toBe(1000);
  });
});

describe('the floor', () => {
  const bytes = policy.bytesMax;

  it('rises to the rate of what went and a step, and never falls by another eviction', () => {
    const went = { feeSats: 500, bytes: 250 };
    expect(raiseFloor(0, went, { nowMs: 7 }, policy)).toEqual({ rate: 3000, atMs: 7 });
    expect(raiseFloor(9000, went, { nowMs: 7 }, policy).rate).toBe(9000);
  });

  it.each([
    ['a full mempool', 1, 12],
    ['one at half', 0.5, 12],
    ['one below half', 0.49, 6],
    ['one below a quarter', 0.24, 3],
  ])('halves in %s (%d of the cap) every %d hours', (_, share, hours) => {
    const at = (h: number) => ({ nowMs: h * HOUR_MS, bytes: bytes * share });
    const floor = { rate: 64_000, atMs: 0 };
    expect(floorAt(floor, at(0), policy)).toBe(64_000);
    expect(floorAt(floor, at(hours), policy)).toBe(32_000);
    expect(floorAt(floor, at(3 * hours), policy)).toBe(8_000);
  });

  it('is gone below half a step, and the relay floor stays', () => {
    const floor = { rate: 1000, atMs: 0 };
    expect(floorAt(floor, { nowMs: 11 * HOUR_MS, bytes }, policy)).toBeGreaterThan(500);
    expect(floorAt(floor, { nowMs: 13 * HOUR_MS, bytes }, policy)).toBe(0);
    expect(minFeeRate(0, policy)).toBe(1000);
    expect(minFeeRate(2500, policy)).toBe(2500);
  });

  it('does not grow when the clock is behind the one that wrote it', () => {
    expect(floorAt({ rate: 5000, atMs: 100 }, { nowMs: 0, bytes }, policy)).toBe(5000);
  });
});

describe('the heap', () => {
  it('gives all items in order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (items) => {
        const heap = new Heap<number>((a, b) => a < b);
        for (const item of items) heap.push(item);
        const out = Array.from({ length: heap.size }, () => heap.pop());
        expect(out).toEqual([...items].sort((a, b) => a - b));
        expect(heap.pop()).toBeUndefined();
      }),
    );
  });
});
