/** Headers: by themselves (cheapest first: proof of work), then in their place. */
import type { ChainParams } from '../params/chain-params.ts';
import { refuse } from '../rejects.ts';
import { type BlockHeader, type UnixSeconds, type Verdict, valid } from '../types.ts';
import { childEntry, medianTimePast, nextBitsFor } from './context.ts';
import { BLOCK_VERSION_MIN } from './limits.ts';
import { decodeCompact } from './pow.ts';
import type { BlockEntry } from './types.ts';

/** The target that the bits name, undefined when it is none that this network allows. */
export function targetOf(bits: number, params: ChainParams): bigint | undefined {
  const { target, negative, overflow } = decodeCompact(bits);
  return negative || overflow || target === 0n || target > params.powLimit ? undefined : target;
}

/** Rejects: `high-hash`, also for bits that are no target of this network (as Core). */
export function checkHeader(header: BlockHeader, params: ChainParams): Verdict {
  const target = targetOf(header.bits, params);
  if (target === undefined) return refuse('high-hash', 'the bits are out of range');
  return BigInt(`0x${header.hash}`) <= target ? valid() : refuse('high-hash');
}

const hex8 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

/**
 * In its place above `parent`; answers its entry. Rejects: `bad-diffbits`, `time-too-old`,
 * `time-too-new` (early: a verdict of the moment), `bad-version(0x…)`, `checkpoint mismatch`.
 */
export function checkHeaderContext(
  header: BlockHeader,
  parent: BlockEntry,
  params: ChainParams,
  nowSeconds: UnixSeconds,
): Verdict<BlockEntry> {
  const expected = nextBitsFor(parent, params);
  if (header.bits !== expected) {
    return refuse('bad-diffbits', `${hex8(header.bits)}, expected ${hex8(expected)}`);
  }
  if (header.time <= medianTimePast(parent)) return refuse('time-too-old');
  if (header.time > nowSeconds + params.maxFutureSeconds) return refuse('time-too-new');
  // Signed, as Bitcoin compares it.
  if (header.version < BLOCK_VERSION_MIN) return refuse(`bad-version(0x${hex8(header.version)})`);
  const height = parent.height + 1;
  const checkpoint = params.checkpoints.find((point) => point.height === height);
  if (checkpoint !== undefined && checkpoint.hash !== header.hash) {
    return refuse('checkpoint mismatch', `height ${height}`);
  }
  return { ok: true, value: childEntry(header, parent, params) };
}
