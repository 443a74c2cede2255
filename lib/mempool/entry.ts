/** A stored transaction as the rest of the node sees it. */
import type { Txid } from '../types.ts';
import type { StoredTx } from './rows.ts';
import type { MempoolEntry } from './types.ts';

export const toEntry = (stored: StoredTx, parents: readonly Txid[]): MempoolEntry => ({
  tx: stored.tx,
  txid: stored.txid,
  feeSats: stored.feeSats,
  bytes: stored.bytes,
  addedAt: Math.floor(stored.addedMs / 1000),
  nonce: stored.nonce,
  parents,
});
