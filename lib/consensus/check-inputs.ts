/** What a transaction may spend (Core's CheckTxInputs). Shared by blocks and the mempool. */
import type { ChainParams } from '../params/chain-params.ts';
import { refuse } from '../rejects.ts';
import type { Coin, Height, OutpointKey, Sats, Tx, Verdict } from '../types.ts';
import { toOutpointKey } from '../types.ts';
import { MONEY_MAX } from './limits.ts';

/** Sum of outputs that were checked: at most 21e14. */
export const outputSum = (tx: Tx): Sats =>
  Number(tx.outputs.reduce((sum, { value }) => sum + value, 0n)) as Sats;

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
    if (coin === undefined) {
      return refuse('bad-txns-inputs-missingorspent', `${prevout.txid}:${prevout.vout}`);
    }
    coins.push(coin);
  }
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
  if (fee < 0) return refuse('bad-txns-in-belowout');
  return { ok: true, value: { fee: fee as Sats } };
}
