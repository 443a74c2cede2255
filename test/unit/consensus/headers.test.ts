import { describe, expect, it } from 'vitest';
import { decodeHeader, makeHeader } from '../../../lib/codec/header.ts';
import { checkHeader, checkHeaderContext } from '../../../lib/consensus/check-header.ts';
import {
  childEntry,
  genesisEntry,
  medianTimePast,
  nextBitsFor,
} from '../../../lib/consensus/context.ts';
import { asertBits, work } from '../../../lib/consensus/pow.ts';
import type { BlockEntry } from '../../../lib/consensus/types.ts';
import { mainnet, regtest, stacknetBase } from '../../../lib/params/index.ts';
import type { BlockHeader } from '../../../lib/types.ts';
import { easyNetwork, mineHeader } from '../../helpers/chain-builder.ts';
import { must, reasonOf, vectorBytes, vectorCases } from '../../helpers/vectors.ts';

interface HeaderRun {
  readonly file: string;
  readonly firstHeight: number;
  readonly count: number;
  readonly lastHash: string;
  readonly boundaries: readonly { height: number; bits: string; hash: string }[];
  readonly chainworkFirst: string;
  readonly chainworkLast: string;
  readonly timesGoingBackwards: number;
}

/** A run in the middle of a chain has no history: its own times must do for the first headers. */
function rootOf(first: BlockHeader, run: HeaderRun): BlockEntry {
  return {
    hash: first.hash,
    header: first,
    height: run.firstHeight,
    chainwork: BigInt(`0x${run.chainworkFirst}`),
    times: [first.time],
    windowStartTime: first.time,
  };
}

describe('headers of the main network', () => {
  it.each(vectorCases<HeaderRun>('headers'))('$file', (run) => {
    expect(run.firstHeight % 2016).toBe(0);
    const file = vectorBytes(run.file);
    const headers = Array.from({ length: run.count }, (_, i) =>
      must(decodeHeader(file.subarray(i * 80, i * 80 + 80))),
    );
    let entry = rootOf(headers[0] as BlockHeader, run);
    const bitsAt = new Map([[entry.height, entry.header.bits]]);
    let backwards = 0;
    for (const header of headers.slice(1)) {
      must(checkHeader(header, mainnet));
      expect(header.prevHash).toBe(entry.hash);
      expect(header.bits).toBe(nextBitsFor(entry, mainnet));
      expect(header.time).toBeGreaterThan(medianTimePast(entry));
      // Version 1 is of a time before the soft forks that hold from block 1 here.
      const verdict = checkHeaderContext(header, entry, mainnet, header.time);
      expect(reasonOf(verdict)).toBe('bad-version(0x00000001)');
      if (header.time < entry.header.time) backwards++;
      entry = childEntry(header, entry, mainnet);
      bitsAt.set(entry.height, header.bits);
    }
    expect(entry.hash).toBe(run.lastHash);
    expect(entry.chainwork).toBe(BigInt(`0x${run.chainworkLast}`));
    expect(backwards).toBe(run.timesGoingBackwards);
    for (const { height, bits } of run.boundaries) {
      expect(bitsAt.get(height)?.toString(16)).toBe(bits);
    }
  });
});

const child = (parent: BlockEntry, fields: Partial<BlockHeader> = {}): BlockHeader =>
  mineHeader({
    version: 4,
    prevHash: parent.hash,
    merkleRoot: parent.header.merkleRoot,
    time: parent.header.time + 1,
    bits: parent.header.bits,
    nonce: 0,
    ...fields,
  });

describe('a header by itself', () => {
  const genesis = genesisEntry(regtest);

  it('meets its target', () => {
    expect(reasonOf(checkHeader(child(genesis), regtest))).toBeUndefined();
    const missed = mineHeader({ ...child(genesis), nonce: 0 }, false);
    expect(reasonOf(checkHeader(missed, regtest))).toBe('high-hash');
  });

  it.each([
    ['zero', 0x00000000],
    ['negative', 0x01fedcba],
    ['overflowing', 0xff123456],
    ['above the limit', 0x21008000],
    ['negative, of the size of the limit', 0x20ffffff],
  ])('bits that are %s', (_name, bits) => {
    const header = makeHeader({ ...child(genesis), bits });
    expect(reasonOf(checkHeader(header, regtest))).toBe('high-hash');
  });
});

describe('a header in its place', () => {
  const genesis = genesisEntry(regtest);
  const { time: start } = genesis.header;
  const reason = (fields: Partial<BlockHeader>, now = start + 600): string | undefined =>
    reasonOf(checkHeaderContext(child(genesis, fields), genesis, regtest, now));

  it('bits must be the expected ones in this very form', () => {
    // The same target written with another size: Bitcoin compares the number, not the target.
    expect(reason({ bits: 0x207fff00 })).toBe('bad-diffbits');
    expect(reason({})).toBeUndefined();
  });

  it('time above the median, at most the limit ahead', () => {
    expect(reason({ time: start })).toBe('time-too-old');
    expect(reason({ time: start + 1 })).toBeUndefined();
    expect(reason({ time: start + 600 + 7200 })).toBeUndefined();
    expect(reason({ time: start + 600 + 7201 })).toBe('time-too-new');
  });

  it('too new is a verdict of the moment', () => {
    const verdict = checkHeaderContext(child(genesis, { time: start + 9000 }), genesis, regtest, 0);
    expect(verdict.ok ? '' : verdict.reject.kind).toBe('early');
  });

  it.each([
    [3, 'bad-version(0x00000003)'],
    [0, 'bad-version(0x00000000)'],
    [-1, 'bad-version(0xffffffff)'],
    [-0x80000000, 'bad-version(0x80000000)'],
    [4, undefined],
    [0x20000000, undefined],
    [0x7fffffff, undefined],
  ])('version %i, signed', (version, expected) => {
    expect(reason({ version })).toBe(expected);
  });

  it('a checkpoint is a rule', () => {
    const good = child(genesis);
    const point = { height: 1, hash: good.hash };
    const params = { ...regtest, checkpoints: [point] };
    const other = child(genesis, { time: start + 2 });
    expect(reasonOf(checkHeaderContext(good, genesis, params, start))).toBeUndefined();
    expect(reasonOf(checkHeaderContext(other, genesis, params, start))).toBe('checkpoint mismatch');
  });

  it('the median is of the last 11, time may go back', () => {
    let entry = genesis;
    // Each as early as it may be or 40 s later: half of them lie before their parents.
    for (let i = 0; i < 30; i++) {
      const time = medianTimePast(entry) + (i % 2 === 0 ? 40 : 1);
      entry = must(checkHeaderContext(child(entry, { time }), entry, regtest, time));
    }
    expect(entry.times).toHaveLength(11);
    const sorted = [...entry.times].sort((a, b) => a - b);
    expect(sorted).not.toEqual(entry.times);
    expect(medianTimePast(entry)).toBe(sorted[5]);
    const at = (time: number): string | undefined =>
      reasonOf(checkHeaderContext(child(entry, { time }), entry, regtest, time));
    expect(at(sorted[5] as number)).toBe('time-too-old');
    expect(at((sorted[5] as number) + 1)).toBeUndefined();
  });

  it('the median of few is the upper of the middle', () => {
    const first = childEntry(child(genesis, { time: start + 10 }), genesis, regtest);
    expect(medianTimePast(first)).toBe(start + 10);
    expect(medianTimePast(childEntry(child(first, { time: start + 5 }), first, regtest))).toBe(
      start + 5,
    );
  });

  it('work adds up', () => {
    const one = childEntry(child(genesis), genesis, regtest);
    expect(one.chainwork).toBe(genesis.chainwork + work(0x207fffff));
    expect(one.height).toBe(1);
    expect(one.windowStartTime).toBe(0);
  });
});

describe('the bits of stacknet', () => {
  const params = easyNetwork({ time: 1_600_000_000 });
  const genesis = genesisEntry(params);
  const grown = (parent: BlockEntry, time: number): BlockEntry =>
    childEntry(child(parent, { time, bits: nextBitsFor(parent, params) }), parent, params);

  it('block 1 bears the bits of genesis, however old that is', () => {
    expect(nextBitsFor(genesis, params)).toBe(genesis.header.bits);
    const year = 365 * 86_400;
    const first = grown(genesis, genesis.header.time + year);
    // The sleep counts as 2,400 s, not as a year, and cannot pass the limit.
    expect(nextBitsFor(first, params)).toBe(params.powLimitBits);
  });

  it('follows the solve time of the parent, capped, negative times too', () => {
    const { retarget, powLimit } = params;
    if (retarget.kind !== 'asert') throw new Error('not asert');
    let entry = grown(genesis, genesis.header.time + 1);
    // Down from the limit first, so that there is room above.
    while (entry.height < 300) entry = grown(entry, entry.header.time + 1);
    for (const solve of [15, 14, 16, 0, -10, 600, 2400, 2401, 50_000]) {
      const next = grown(entry, entry.header.time + solve);
      const timeDiff = Math.min(solve, 2400);
      const input = { anchorBits: next.header.bits, timeDiff, heightDiff: 0, powLimit };
      const { spacing, halfLife } = retarget;
      expect(nextBitsFor(next, params)).toBe(asertBits({ ...input, spacing, halfLife }));
    }
    const [late, later] = [2400, 50_000].map((s) => grown(entry, entry.header.time + s));
    expect(nextBitsFor(late as BlockEntry, params)).toBe(nextBitsFor(later as BlockEntry, params));
  });

  it('has the constants of the design', () => {
    expect(stacknetBase.retarget).toEqual({
      kind: 'asert',
      spacing: 15,
      halfLife: 600,
      maxSolveSeconds: 2400,
    });
    expect(stacknetBase.maxFutureSeconds).toBe(60);
  });
});
