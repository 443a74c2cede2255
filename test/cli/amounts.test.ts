/** Amounts on the command line: text to integers and back, no float between. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCoins } from '../../cli/amounts.ts';
import { coinsText } from '../../lib/api/seed-json.ts';

const SATS_MAX = 2_100_000_000_000_000;

describe('parseCoins', () => {
  const good: readonly [string, number][] = [
    ['50', 5_000_000_000],
    ['0.1', 10_000_000],
    ['0.00000001', 1],
    ['1.50', 150_000_000],
    ['0', 0],
    ['007', 700_000_000],
    ['20999999.99999999', SATS_MAX - 1],
    ['21000000', SATS_MAX],
    ['0.29', 29_000_000],
  ];
  test.each(good)('%s is %d', (text, sats) => {
    expect(parseCoins(text)).toBe(sats);
  });

  const bad = [
    '',
    ' 1',
    '1 ',
    '-1',
    '+1',
    '1e3',
    '0x10',
    '.5',
    '1.',
    '1,5',
    '1.123456789',
    '0.000000001',
    '21000000.00000001',
    '99999999999',
    'NaN',
    'Infinity',
    '1_000',
    '1.2.3',
    '١',
  ];
  test.each(bad)('%j is no amount', (text) => {
    expect(parseCoins(text)).toBeUndefined();
  });

  test('is the inverse of coinsText for every amount', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: SATS_MAX }), (sats) => {
        const text = coinsText(sats);
        expect(text).toMatch(/^(0|[1-9][0-9]*)(\.[0-9]{0,7}[1-9])?$/);
        expect(parseCoins(text)).toBe(sats);
      }),
      { numRuns: 2_000 },
    );
  });
});
