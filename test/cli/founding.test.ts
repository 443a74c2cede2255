/** A new network's first block: its difficulty, its threads, its end when nobody waits any more. */
import { describe, expect, test } from 'vitest';
import { bitsForRate, foundOnThreads, measureHashRate } from '../../cli/host/pow-threads.ts';
import { parseGenesisBits } from '../../cli/host/prepare.ts';
import { work } from '../../lib/consensus/pow.ts';
import { stacknetBase } from '../../lib/params/index.ts';

describe('bitsForRate', () => {
  test.each([
    [1_000_000, 15],
    [250_000, 10],
    [1e9, 15],
    [1e15, 600],
  ])('%d hashes a second for %d s', (rate, seconds) => {
    const expected = Number(work(bitsForRate(rate, seconds)));
    expect(expected / (rate * seconds)).toBeGreaterThan(0.99);
    expect(expected / (rate * seconds)).toBeLessThan(1.01);
  });

  test.each([0, 1, 100])('is never easier than the limit (%d hashes a second)', (rate) => {
    expect(bitsForRate(rate, 10)).toBe(stacknetBase.powLimitBits);
  });
});

describe('parseGenesisBits', () => {
  test.each(['1e0fffff', '1d00ffff', '1E0FFFFE', '1d7fffff'])('%s is taken', (text) => {
    expect(parseGenesisBits(text)).toBe(Number.parseInt(text, 16));
  });

  test.each([
    '207fffff',
    '1e100000',
    '1e8fffff',
    '00000000',
    '1e000000',
    'ff123456',
    '1e0ffff',
    'x',
  ])('%s is refused', (text) => {
    expect(() => parseGenesisBits(text)).toThrow(/--genesis-bits/);
  });
});

describe('the threads', () => {
  test('count hashes, and find a block that the network’s rules take', async () => {
    expect(await measureHashRate(1)).toBeGreaterThan(1_000);
    const payTo = new Uint8Array(20).fill(7);
    const time = 1_700_000_000;
    const bits = stacknetBase.powLimitBits;
    const params = await foundOnThreads({ time, bits, payTo, threads: 2 });
    expect(params).toMatchObject({ name: 'stacknet', genesisSpendable: true });
    expect(params.genesisHash).toMatch(/^00000/);
  });

  test('end at once when they are told to, before or while they search', async () => {
    const controller = new AbortController();
    const hard = { time: 1_700_000_000, bits: 0x1800ffff, threads: 1, signal: controller.signal };
    const searching = foundOnThreads(hard);
    setTimeout(() => controller.abort(), 100);
    await expect(searching).rejects.toThrow(/ended early/);
    await expect(foundOnThreads(hard)).rejects.toThrow(/ended early/);
    await expect(measureHashRate(1, controller.signal)).rejects.toThrow(/ended early/);
  });
});
