/** What a transaction may spend (Core's CheckTxInputs). Shared by blocks and the mempool. */
import type { ChainParams } from '../params/chain-params.ts';
import { refuse } from '../rejects.ts';
import type { Coin, Height, Outpoint, OutpointKey, Reject, Sats, Tx, Verdict } from '../types.ts';
import { toOutpointKey } from '../types.ts';
import { MONEY_MAX } from './limits.ts';

/** Sum of outputs that were checked (checkTransaction): at most 21e14. */
export function outputSum(tx: Tx): Sats {
  let sum = 0;
  for (const { value } of tx.outputs) sum += Number(value);
  return sum as Sats;
}

/**
 * The fee, in a block at `height`. Rejects: `bad-txns-inputs-missingorspent`,
 * `bad-txns-premature-spend-of-coinbase`, `bad-txns-inputvalues-outofrange`, `bad-txns-in-belowout`.
 */
export function checkTxInputs(
  tx: Tx,
  coinOf: (outpoint: OutpointKey) => Coin | undefined,
  height: Height,
  params: ChainParams,
): Verdict<{ fee: Sats }> {
  const coins: Coin[] = [];
  for (const { prevout } of tx.inputs) {
    const coin = coinOf(toOutpointKey(prevout.txid, prevout.vout));
    if (coin === undefined) return missing(prevout);
    coins.push(coin);
  }
  const fee = checkCoins(tx, coins, height, params);
  return fee.ok ? { ok: true, value: { fee: fee.value } } : fee;
}

export const missing = ({ txid, vout }: Outpoint): { ok: false; reject: Reject } =>
  refuse('bad-txns-inputs-missingorspent', `${txid}:${vout}`);

/** As checkTxInputs, the coins in hand, one for each input; answers the fee. */
export function checkCoins(
  tx: Tx,
  coins: readonly Coin[],
  height: Height,
  params: ChainParams,
): Verdict<Sats> {
  let total = 0;
  for (const { value, coinbase, height: made } of coins) {
    if (coinbase && height - made < params.maturity) {
      return refuse('bad-txns-premature-spend-of-coinbase', `made at height ${made}`);
    }
    total += value;
    if (value < 0 || value > MONEY_MAX || total > MONEY_MAX) {
      return refuse('bad-txns-inputvalues-outofrange');
    }
  }
  const fee = total - outputSum(tx);
  return fee < 0 ? refuse('bad-txns-in-belowout') : { ok: true, value: fee as Sats };
}
