import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { childEntry, genesisEntry } from '../../../lib/consensus/context.ts';
import {
  asertBits,
  decodeCompact,
  encodeCompact,
  nextBits,
  work,
} from '../../../lib/consensus/pow.ts';
import { mainnet, regtest, stacknetBase } from '../../../lib/params/index.ts';
import { fuzzSeed } from '../../helpers/fuzz.ts';
import { vectorCases } from '../../helpers/vectors.ts';

const bitsOf = (hex: string): number => Number.parseInt(hex, 16);
const hex8 = (bits: number): string => bits.toString(16).padStart(8, '0');
const hex64 = (value: bigint): string => value.toString(16).padStart(64, '0');
const seed = fuzzSeed('proof of work');

describe('compact bits', () => {
  interface CompactCase {
    readonly bits: string;
    readonly negative: boolean;
    readonly overflow: boolean;
    readonly target: string;
    readonly compactOfTarget: string;
    readonly work: string;
    readonly validForMainnet: boolean;
  }

  const all = vectorCases<CompactCase | Pick<CompactCase, 'target' | 'compactOfTarget'>>('compact');
  const decodings = all.filter((one): one is CompactCase => 'bits' in one);

  it('some rows only encode', () => {
    const encodings = all.filter((one) => !('bits' in one));
    expect(encodings.length).toBeGreaterThan(0);
    for (const { target, compactOfTarget } of encodings) {
      expect(hex8(encodeCompact(BigInt(`0x${target}`)))).toBe(compactOfTarget);
    }
  });

  it.each(decodings)('$bits', (one) => {
    const { target, negative, overflow } = decodeCompact(bitsOf(one.bits));
    expect({ negative, overflow }).toEqual({ negative: one.negative, overflow: one.overflow });
    if (!overflow) expect(hex64(target)).toBe(one.target);
    if (!overflow) expect(hex8(encodeCompact(target, negative))).toBe(one.compactOfTarget);
    expect(hex64(work(bitsOf(one.bits)))).toBe(one.work);
    const fits = !negative && !overflow && target > 0n && target <= mainnet.powLimit;
    expect(fits).toBe(one.validForMainnet);
  });

  it('every target keeps its top 15 bits or more and only loses', () => {
    const targets = fc.bigInt({ min: 1n, max: (1n << 256n) - 1n });
    fc.assert(
      fc.property(targets, (target) => {
        const bits = encodeCompact(target);
        const back = decodeCompact(bits);
        expect(back.negative || back.overflow).toBe(false);
        expect(back.target <= target).toBe(true);
        expect((target - back.target) * 32_768n <= target).toBe(true);
        expect(encodeCompact(back.target)).toBe(bits);
      }),
      { seed, numRuns: 2000 },
    );
  });

  it('no 32 bits break the decoder, and its work is never below 0', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (bits) => {
        const { target, negative, overflow } = decodeCompact(bits);
        expect(target >= 0n).toBe(true);
        expect(target >> 256n > 0n).toBe(overflow);
        const counts = !negative && !overflow && target > 0n;
        expect(work(bits)).toBe(counts ? (1n << 256n) / (target + 1n) : 0n);
      }),
      { seed, numRuns: 10_000 },
    );
  });
});

describe("Bitcoin's retarget", () => {
  interface RetargetCase {
    readonly height: number;
    readonly firstTime: number;
    readonly lastTime: number;
    readonly oldBits: string;
    readonly newBits: string;
  }

  it.each(vectorCases<RetargetCase>('retarget'))('height $height, $oldBits to $newBits', (one) => {
    const rule = { spacing: 600, window: 2016, powLimit: mainnet.powLimit };
    const bits = nextBits(bitsOf(one.oldBits), one.lastTime - one.firstTime, rule);
    expect(hex8(bits)).toBe(one.newBits);
  });

  it('clamps a time that ran backwards as the shortest', () => {
    const rule = { spacing: 600, window: 2016, powLimit: mainnet.powLimit };
    expect(nextBits(0x1b0404cb, -1, rule)).toBe(nextBits(0x1b0404cb, 302_400, rule));
  });
});

describe('chain work', () => {
  interface WorkCase {
    readonly height: number;
    readonly bits: string;
    readonly chainwork: string;
  }
  const cases = vectorCases<WorkCase>('chainwork');

  it('between retargets, 2015 blocks of the old work and one of the new', () => {
    let pairs = 0;
    for (const [i, { height, bits, chainwork }] of cases.entries()) {
      const next = cases[i + 1];
      if (next?.height !== height + 2016) continue;
      pairs++;
      const sum = BigInt(`0x${chainwork}`) + 2015n * work(bitsOf(bits)) + work(bitsOf(next.bits));
      expect(hex64(sum)).toBe(next.chainwork);
    }
    expect(pairs).toBeGreaterThan(20);
  });

  it('starts with the genesis block', () => {
    expect(hex64(genesisEntry(mainnet).chainwork)).toBe(cases[0]?.chainwork);
    expect(genesisEntry(regtest).chainwork).toBe(2n);
    const entry = genesisEntry(regtest);
    expect(childEntry(entry.header, entry, regtest).chainwork).toBe(4n);
  });
});

describe('aserti3-2d', () => {
  interface AsertRun {
    readonly run: number;
    readonly description: string;
    readonly anchorHeight: number;
    readonly anchorParentTime: number;
    readonly anchorBits: string;
    readonly rows: readonly (readonly [number, number, string])[];
  }
  const rule = { spacing: 600, halfLife: 172_800, powLimit: mainnet.powLimit };

  it.each(vectorCases<AsertRun>('asert'))('$description', (run) => {
    for (const [height, time, bits] of run.rows) {
      const found = asertBits({
        ...rule,
        anchorBits: bitsOf(run.anchorBits),
        timeDiff: time - run.anchorParentTime,
        heightDiff: height - run.anchorHeight,
      });
      expect(`${height} ${hex8(found)}`).toBe(`${height} ${bits}`);
    }
  });

  const stacknet = { spacing: 15, halfLife: 600, powLimit: stacknetBase.powLimit, heightDiff: 0 };
  const anchors = fc
    .bigInt({ min: 1n, max: stacknetBase.powLimit })
    .map((target) => encodeCompact(target));
  const times = fc.integer({ min: -200_000, max: 2400 });

  it('a slower block never makes the next harder', () => {
    fc.assert(
      fc.property(anchors, times, fc.nat(10_000), (anchorBits, timeDiff, more) => {
        const target = (time: number): bigint =>
          decodeCompact(asertBits({ ...stacknet, anchorBits, timeDiff: time })).target;
        expect(target(timeDiff + more) >= target(timeDiff)).toBe(true);
      }),
      { seed, numRuns: 3000 },
    );
  });

  it('stays within 1 and the limit, in its compact form', () => {
    fc.assert(
      fc.property(anchors, fc.integer(), (anchorBits, timeDiff) => {
        const bits = asertBits({ ...stacknet, anchorBits, timeDiff });
        const { target } = decodeCompact(bits);
        expect(target >= 1n && target <= stacknetBase.powLimit).toBe(true);
        expect(encodeCompact(target)).toBe(bits);
      }),
      { seed, numRuns: 3000 },
    );
  });

  it('a block on time changes nothing; a half-life more doubles, less halves', () => {
    fc.assert(
      fc.property(anchors, (anchorBits) => {
        const at = (timeDiff: number): bigint =>
          decodeCompact(asertBits({ ...stacknet, anchorBits, timeDiff, powLimit: 1n << 300n }))
            .target;
        const { target } = decodeCompact(anchorBits);
        const kept = (value: bigint): bigint => decodeCompact(encodeCompact(value)).target;
        expect(at(15)).toBe(target);
        expect(at(615)).toBe(kept(target * 2n));
        expect(at(-585)).toBe(kept(target > 1n ? target / 2n : 1n));
      }),
      { seed, numRuns: 1000 },
    );
  });

  it('a time that only a forger could name costs no memory', () => {
    const anchorBits = stacknetBase.powLimitBits;
    const far = (timeDiff: number): number => asertBits({ ...stacknet, anchorBits, timeDiff });
    expect(far(Number.MAX_SAFE_INTEGER)).toBe(stacknetBase.powLimitBits);
    expect(far(Number.MIN_SAFE_INTEGER)).toBe(0x01010000);
  });
});
