/**
 * Which coins pay. Largest first, so that a payment has as few inputs as can be (a mempool on
 * DynamoDB takes up to some ninety in one step, and each costs 148 bytes); then the last coin is
 * exchanged for the smallest that does, so that large coins are not broken for nothing. The same
 * coins always give the same choice. Libraries that choose coins want keys or bigint weights with
 * them and know no bound on inputs; this is the part of them that is needed here. Pure.
 */
import { refuse } from '../rejects.ts';
import { toOutpointKey, type Verdict, valid } from '../types.ts';
import { DUST_SATS, type FeeRule, feeOf, INPUTS_MAX, SATS_MAX, txBytesMax } from './sizes.ts';
import type { SpendableCoin } from './types.ts';

export interface Wanted {
  readonly amountSats: number;
  readonly fee: FeeRule;
  /** Value of further coins that were not looked at, smaller than all that are given. */
  readonly restSats?: number;
}

export interface Selection {
  readonly coins: readonly SpendableCoin[];
  readonly feeSats: number;
  /** 0: there is no change output. */
  readonly changeSats: number;
}

/** Largest first, each once; equal ones by outpoint, so that the order is one. */
export function sortCoins(coins: readonly SpendableCoin[]): SpendableCoin[] {
  const keyed = coins.map((coin) => ({
    coin,
    key: toOutpointKey(coin.outpoint.txid, coin.outpoint.vout),
  }));
  keyed.sort((a, b) => b.coin.valueSats - a.coin.valueSats || (a.key < b.key ? -1 : 1));
  return keyed.filter(({ key }, i) => key !== keyed[i - 1]?.key).map(({ coin }) => coin);
}

/** Whether an amount is one: whole sats, more than none. */
export const isAmount = (sats: number): boolean =>
  Number.isSafeInteger(sats) && sats > 0 && sats <= SATS_MAX;

/**
 * Rejects: `invalid-amount`, `insufficient-funds`, `tx-size` (enough funds, but in too many coins
 * for one transaction).
 */
export function selectCoins(coins: readonly SpendableCoin[], wanted: Wanted): Verdict<Selection> {
  const { amountSats, fee } = wanted;
  const isFee =
    'rate' in fee ? Number.isSafeInteger(fee.rate) && fee.rate >= 0 : isAmountOrNone(fee);
  if (!isAmount(amountSats) || !isFee) return refuse('invalid-amount');
  const sorted = sortCoins(coins);
  let sum = 0;
  for (let count = 1; count <= Math.min(sorted.length, INPUTS_MAX); count++) {
    sum += sorted[count - 1]?.valueSats ?? 0;
    if (sum >= amountSats + feeOf(fee, txBytesMax(count, 1))) {
      return valid(settle(sorted, { count, sum }, wanted));
    }
  }
  return tooLittle(sorted, wanted);
}

const isAmountOrNone = ({ sats }: { readonly sats: number }): boolean =>
  sats === 0 || isAmount(sats);

function tooLittle(sorted: readonly SpendableCoin[], wanted: Wanted): Verdict<Selection> {
  const { amountSats, fee, restSats = 0 } = wanted;
  const least = feeOf(fee, txBytesMax(1, 1));
  const total = sorted.reduce((sum, { valueSats }) => sum + valueSats, restSats);
  const isScattered = sorted.length > INPUTS_MAX || restSats > 0;
  if (isScattered && total >= amountSats + least) {
    return refuse('tx-size', `more than ${INPUTS_MAX} coins would be needed: send less at a time`);
  }
  return refuse(
    'insufficient-funds',
    `${total} sats can be spent, ${amountSats + least} are needed`,
  );
}

/** The last coin may be any of the rest that suffices: the smallest that makes no dust. */
function settle(
  sorted: readonly SpendableCoin[],
  { count, sum }: { readonly count: number; readonly sum: number },
  wanted: Wanted,
): Selection {
  const first = sorted.slice(0, count - 1);
  const sumBefore = sum - (sorted[count - 1]?.valueSats ?? 0);
  let best: Selection | undefined;
  for (const coin of sorted.slice(count - 1)) {
    const made = withChange([...first, coin], sumBefore + coin.valueSats, wanted);
    if (made === undefined) break;
    const isCleaner = best === undefined || wasteOf(made, wanted) <= wasteOf(best, wanted);
    if (isCleaner) best = made;
  }
  if (best === undefined) throw new Error('assertion failed: these coins suffice');
  return best;
}

/** What the fee takes beyond its rule. */
const wasteOf = ({ coins, feeSats, changeSats }: Selection, { fee }: Wanted): number =>
  feeSats - feeOf(fee, txBytesMax(coins.length, changeSats > 0 ? 2 : 1));

/** Undefined: too little. Change that would be dust goes to the fee. */
function withChange(
  coins: readonly SpendableCoin[],
  sum: number,
  { amountSats, fee }: Wanted,
): Selection | undefined {
  const left = sum - amountSats;
  if (left < feeOf(fee, txBytesMax(coins.length, 1))) return undefined;
  const feeSats = feeOf(fee, txBytesMax(coins.length, 2));
  const changeSats = left - feeSats;
  return changeSats >= DUST_SATS
    ? { coins, feeSats, changeSats }
    : { coins, feeSats: left, changeSats: 0 };
}
