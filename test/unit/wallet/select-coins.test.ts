/** Which coins pay: nothing is lost or made, no fee beyond its rule and dust, always the same choice. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Sats, Txid } from '../../../lib/types.ts';
import { type Selection, selectCoins, type Wanted } from '../../../lib/wallet/select-coins.ts';
import { DUST_SATS, feeOf, INPUTS_MAX, txBytesMax } from '../../../lib/wallet/sizes.ts';
import type { SpendableCoin } from '../../../lib/wallet/types.ts';
import { FUZZ_RUNS, fuzzSeed } from '../../helpers/fuzz.ts';
import { must, reasonOf } from '../../helpers/vectors.ts';

const coin = (valueSats: number, index = 0): SpendableCoin => ({
  outpoint: { txid: index.toString(16).padStart(64, '0') as Txid, vout: index % 5 },
  valueSats: valueSats as Sats,
  scriptPubKey: new Uint8Array(25),
});
const coinsOf = (values: readonly number[]): SpendableCoin[] => values.map(coin);
const valuesOf = ({ coins }: Selection): number[] => coins.map(({ valueSats }) => valueSats);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const RATE = { rate: 1000 };

describe('selectCoins', () => {
  const table: readonly {
    readonly name: string;
    readonly coins: readonly number[];
    readonly wanted: Wanted;
    readonly takes: readonly number[];
    readonly feeSats: number;
    readonly changeSats: number;
  }[] = [
    {
      name: 'takes the smallest coin that suffices alone',
      coins: [5_000_000, 90_000, 200_000, 80_000],
      wanted: { amountSats: 85_000, fee: RATE },
      takes: [90_000],
      feeSats: 226,
      changeSats: 4774,
    },
    {
      name: 'takes as few coins as can be, the last of them small',
      coins: [10_000, 60_000, 50_000, 30_000, 20_000],
      wanted: { amountSats: 75_000, fee: RATE },
      takes: [60_000, 20_000],
      feeSats: 374,
      changeSats: 4626,
    },
    {
      name: 'pays without change where it comes out even',
      coins: [100_192, 100_500],
      wanted: { amountSats: 100_000, fee: RATE },
      takes: [100_192],
      feeSats: 192,
      changeSats: 0,
    },
    {
      name: 'rather breaks a larger coin than to lose dust',
      coins: [101_000, 100_500],
      wanted: { amountSats: 100_000, fee: RATE },
      takes: [101_000],
      feeSats: 226,
      changeSats: 774,
    },
    {
      name: 'gives dust to the fee where nothing else is there',
      coins: [100_500],
      wanted: { amountSats: 100_000, fee: RATE },
      takes: [100_500],
      feeSats: 500,
      changeSats: 0,
    },
    {
      name: 'pays the fee that was named, also none',
      coins: [5_000_000_000],
      wanted: { amountSats: 1_000_000_000, fee: { sats: 0 } },
      takes: [5_000_000_000],
      feeSats: 0,
      changeSats: 4_000_000_000,
    },
    {
      name: 'spends all',
      coins: [30_000, 20_000],
      wanted: { amountSats: 49_999, fee: { sats: 1 } },
      takes: [30_000, 20_000],
      feeSats: 1,
      changeSats: 0,
    },
  ];

  it.each(table)('$name', ({ coins, wanted, takes, feeSats, changeSats }) => {
    const made = must(selectCoins(coinsOf(coins), wanted));
    expect(valuesOf(made)).toEqual(takes);
    expect([made.feeSats, made.changeSats]).toEqual([feeSats, changeSats]);
  });

  it.each([
    { name: 'no coins', coins: [], amountSats: 1, fee: { sats: 0 } },
    { name: 'one sat too few', coins: [1000, 999], amountSats: 2000, fee: { sats: 0 } },
    { name: 'not enough for the fee', coins: [100_191], amountSats: 100_000, fee: RATE },
    { name: 'coins that cost more than they hold', coins: [100, 100], amountSats: 1, fee: RATE },
  ])('refuses $name', ({ coins, amountSats, fee }) => {
    const wanted = { amountSats, fee };
    expect(reasonOf(selectCoins(coinsOf(coins), wanted))).toBe('insufficient-funds');
  });

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 21e14 + 1])(
    'refuses the amount %d',
    (amountSats) => {
      const wanted = { amountSats, fee: { sats: 0 } };
      expect(reasonOf(selectCoins(coinsOf([1e9]), wanted))).toBe('invalid-amount');
    },
  );

  it.each([{ sats: -1 }, { sats: 0.5 }, { rate: -1 }, { rate: 1.5 }, { rate: Number.NaN }])(
    'refuses the fee %o',
    (fee) => {
      expect(reasonOf(selectCoins(coinsOf([1e9]), { amountSats: 1000, fee }))).toBe(
        'invalid-amount',
      );
    },
  );

  it('says when enough is there, but in too many pieces', () => {
    const crumbs = coinsOf(Array.from({ length: INPUTS_MAX + 50 }, () => 1000));
    const whole = { amountSats: (INPUTS_MAX + 20) * 1000, fee: { sats: 0 } };
    expect(reasonOf(selectCoins(crumbs, whole))).toBe('tx-size');
    expect(reasonOf(selectCoins(crumbs.slice(0, INPUTS_MAX), { ...whole, restSats: 50_000 }))).toBe(
      'tx-size',
    );
    const beyond = { amountSats: (INPUTS_MAX + 51) * 1000, fee: { sats: 0 } };
    expect(reasonOf(selectCoins(crumbs, beyond))).toBe('insufficient-funds');
    const most = { amountSats: INPUTS_MAX * 1000, fee: { sats: 0 } };
    expect(must(selectCoins(crumbs, most)).coins).toHaveLength(INPUTS_MAX);
    expect(txBytesMax(INPUTS_MAX, 2)).toBeLessThanOrEqual(100_000);
    expect(txBytesMax(INPUTS_MAX + 1, 2)).toBeGreaterThan(100_000);
  });

  it('counts a coin that is given twice once', () => {
    const twice = [coin(1000, 1), coin(1000, 1)];
    const wanted = { amountSats: 2000, fee: { sats: 0 } };
    expect(reasonOf(selectCoins(twice, wanted))).toBe('insufficient-funds');
  });

  const anyWanted = fc.record({
    amountSats: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 1e10 })),
    fee: fc.oneof(
      fc.record({ rate: fc.integer({ min: 0, max: 100_000 }) }),
      fc.record({ sats: fc.integer({ min: 0, max: 100_000 }) }),
    ),
  });
  const anyCoins = fc
    .array(fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 1e10 })), {
      maxLength: 120,
    })
    .map(coinsOf);

  it('conserves the sum, keeps its fee, and refuses only what cannot be paid', () => {
    const refusals = { seen: 0 };
    fc.assert(
      fc.property(anyCoins, anyWanted, (coins, wanted) => {
        const { amountSats, fee } = wanted;
        const choice = selectCoins(coins, wanted);
        if (!choice.ok) {
          refusals.seen++;
          // Whatever set one takes, largest first is the most that a count of inputs can give.
          const values = coins.map(({ valueSats }) => valueSats as number).sort((a, b) => b - a);
          values.forEach((_, i) => {
            const most = sum(values.slice(0, i + 1));
            expect(most).toBeLessThan(amountSats + feeOf(fee, txBytesMax(i + 1, 1)));
          });
          return;
        }
        const { coins: taken, feeSats, changeSats } = choice.value;
        expect(new Set(taken).size).toBe(taken.length);
        expect(taken.every((one) => coins.includes(one))).toBe(true);
        expect(sum(valuesOf(choice.value))).toBe(amountSats + feeSats + changeSats);
        expect(changeSats === 0 || changeSats >= DUST_SATS).toBe(true);
        const outputs = changeSats > 0 ? 2 : 1;
        expect(feeSats).toBeGreaterThanOrEqual(feeOf(fee, txBytesMax(taken.length, outputs)));
        expect(feeSats).toBeLessThan(feeOf(fee, txBytesMax(taken.length, 2)) + DUST_SATS);
        if (changeSats > 0) expect(feeSats).toBe(feeOf(fee, txBytesMax(taken.length, 2)));
        // No fewer coins would do.
        const values = coins.map(({ valueSats }) => valueSats as number).sort((a, b) => b - a);
        const fewer = taken.length - 1;
        const most = sum(values.slice(0, fewer));
        expect(fewer === 0 || most < amountSats + feeOf(fee, txBytesMax(fewer, 1))).toBe(true);
      }),
      { numRuns: FUZZ_RUNS, seed: fuzzSeed('coin selection') },
    );
    expect(refusals.seen).toBeGreaterThan(100);
    expect(refusals.seen).toBeLessThan(FUZZ_RUNS - 100);
  });

  it('chooses the same whatever the order', () => {
    fc.assert(
      fc.property(anyCoins, anyWanted, fc.infiniteStream(fc.nat()), (coins, wanted, order) => {
        const shuffled = coins
          .map((one) => ({ one, at: order.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one);
        expect(selectCoins(shuffled, wanted)).toEqual(selectCoins(coins, wanted));
      }),
      { numRuns: 1000, seed: fuzzSeed('order of coins') },
    );
  });
});
