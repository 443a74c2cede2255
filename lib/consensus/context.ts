/** What a header's place in the chain says about its child: times and bits. */
import type { ChainParams } from '../params/chain-params.ts';
import { genesisBlock } from '../params/genesis.ts';
import type { BlockHeader, UnixSeconds } from '../types.ts';
import { MEDIAN_TIMES } from './limits.ts';
import { asertBits, nextBits, work } from './pow.ts';
import type { BlockEntry } from './types.ts';

/** Median of the times of the last 11 blocks, or of fewer at the start (BIP113). */
export function medianTimePast(entry: BlockEntry): UnixSeconds {
  const sorted = [...entry.times].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as UnixSeconds;
}

/** Bits that the child of `parent` must bear, in this very form. */
export function nextBitsFor(parent: BlockEntry, params: ChainParams): number {
  const { retarget, powLimit } = params;
  const { bits } = parent.header;
  if (retarget.kind === 'none') return bits;
  if (retarget.kind === 'bitcoin') {
    if ((parent.height + 1) % retarget.window !== 0) return bits;
    return nextBits(bits, parent.header.time - parent.windowStartTime, { ...retarget, powLimit });
  }
  // The first block after genesis has no solve time before it: genesis may be years old.
  if (parent.height === 0) return bits;
  const before = parent.times.at(-2) as UnixSeconds;
  return asertBits({
    anchorBits: bits,
    timeDiff: Math.min(parent.header.time - before, retarget.maxSolveSeconds),
    heightDiff: 0,
    spacing: retarget.spacing,
    halfLife: retarget.halfLife,
    powLimit,
  });
}

/** The entry of a header above its parent. Checks nothing. */
export function childEntry(
  header: BlockHeader,
  parent: BlockEntry,
  params: ChainParams,
): BlockEntry {
  const height = parent.height + 1;
  const { retarget } = params;
  const startsWindow = retarget.kind === 'bitcoin' && height % retarget.window === 0;
  return {
    hash: header.hash,
    header,
    height,
    chainwork: parent.chainwork + work(header.bits),
    times: [...parent.times, header.time].slice(-MEDIAN_TIMES),
    windowStartTime: startsWindow ? header.time : parent.windowStartTime,
  };
}

export function genesisEntry(params: ChainParams): BlockEntry {
  const { header } = genesisBlock(params);
  return {
    hash: header.hash,
    header,
    height: 0,
    chainwork: work(header.bits),
    times: [header.time],
    windowStartTime: params.retarget.kind === 'bitcoin' ? header.time : 0,
  };
}
