/** Lock times: absolute (BIP113) and relative (BIP68). */
import type { Coin, Height, Tx, UnixSeconds } from '../types.ts';
import { toOutpointKey } from '../types.ts';
import { LOCK_TIME_THRESHOLD, SEQUENCE_FINAL } from './limits.ts';
import type { CoinView } from './types.ts';

/** In a block at `height` whose parent has this median time past. */
export function isFinal(tx: Tx, height: Height, medianTime: UnixSeconds): boolean {
  const { lockTime } = tx;
  if (lockTime === 0) return true;
  if (lockTime < (lockTime < LOCK_TIME_THRESHOLD ? height : medianTime)) return true;
  return tx.inputs.every(({ sequence }) => sequence === SEQUENCE_FINAL);
}

const DISABLED = 0x8000_0000;
const BY_TIME = 0x0040_0000;
const VALUE_MASK = 0xffff;
const TIME_UNIT_SECONDS = 512;

/** Whether the version, read as unsigned, asks for relative locks. */
export const hasSequenceLocks = (tx: Tx): boolean => tx.version >>> 0 >= 2;

export interface SequenceLock {
  readonly byTime: boolean;
  /** Blocks, or units of 512 seconds. */
  readonly value: number;
}

/** The relative lock of a sequence, undefined when it has none. */
export function sequenceLock(sequence: number): SequenceLock | undefined {
  if (sequence >= DISABLED) return undefined;
  return { byTime: (sequence & BY_TIME) !== 0, value: sequence & VALUE_MASK };
}

export interface LockPlace {
  /** Of the block that the transaction stands in, or would. */
  readonly height: Height;
  readonly parentMedianTime: UnixSeconds;
}

/**
 * Whether every input is old enough for a block at `height`. The view must know the coins; a coin of
 * the same block counts as one of its height.
 */
export function checkSequenceLocks(tx: Tx, place: LockPlace, view: CoinView): boolean {
  if (!hasSequenceLocks(tx)) return true;
  const coins: Coin[] = [];
  for (const { prevout } of tx.inputs) {
    const coin = view.coin(toOutpointKey(prevout.txid, prevout.vout));
    if (coin === undefined) return false;
    coins.push(coin);
  }
  return areOldEnough(tx, coins, place, (height) => view.medianTimePast(height));
}

/** As checkSequenceLocks, the coins in hand, one for each input. */
export function areOldEnough(
  tx: Tx,
  coins: readonly Coin[],
  { height, parentMedianTime }: LockPlace,
  medianTimePast: (height: Height) => UnixSeconds,
): boolean {
  if (!hasSequenceLocks(tx)) return true;
  return tx.inputs.every(({ sequence }, i) => {
    const lock = sequenceLock(sequence);
    if (lock === undefined) return true;
    const { height: made } = coins[i] as Coin;
    if (!lock.byTime) return made + lock.value - 1 < height;
    // Of the block before the coin's, since that was known when the coin was made (BIP68).
    const before = Math.max(made - 1, 0);
    const since = before === height - 1 ? parentMedianTime : medianTimePast(before);
    return since + lock.value * TIME_UNIT_SECONDS - 1 < parentMedianTime;
  });
}
