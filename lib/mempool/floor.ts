/**
 * The floor that evictions raise (Core's rolling minimum fee): whoever wants in must pay more per
 * byte than what was thrown out. It halves every 12 hours, sooner when the mempool is far from full.
 */
import { type FeeSum, rateOf } from './fee-rate.ts';
import type { Floor } from './rows.ts';
import type { MempoolPolicy } from './types.ts';

const HALF_LIFE_MS = 12 * 3600 * 1000;

/** The floor's rate now, sats per 1,000 bytes; 0 once it is below half the relay step (Core). */
export function floorAt(
  floor: Floor,
  at: { readonly nowMs: number; readonly bytes: number },
  policy: MempoolPolicy,
): number {
  if (floor.rate === 0) return 0;
  const speed = at.bytes < policy.bytesMax / 4 ? 4 : at.bytes < policy.bytesMax / 2 ? 2 : 1;
  const halvings = (Math.max(0, at.nowMs - floor.atMs) * speed) / HALF_LIFE_MS;
  const rate = Math.ceil(floor.rate * 2 ** -halvings);
  return rate < policy.minRelayFeeRate / 2 ? 0 : rate;
}

/** The floor after `evicted` went, given what it was. */
export function raiseFloor(
  current: number,
  evicted: FeeSum,
  at: { readonly nowMs: number },
  policy: MempoolPolicy,
): Floor {
  return {
    rate: Math.max(current, rateOf(evicted) + policy.minRelayFeeRate),
    atMs: at.nowMs,
  };
}

/** What a transaction must pay per 1,000 bytes now. */
export const minFeeRate = (floorRate: number, policy: MempoolPolicy): number =>
  Math.max(floorRate, policy.minRelayFeeRate);
