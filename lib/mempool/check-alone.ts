/** What a transaction must be before anything is read for it: cheapest first, no I/O. */
import { decodeTx } from '../codec/index.ts';
import { checkTransaction, isCoinbase } from '../consensus/check-transaction.ts';
import { checkOutputs } from '../consensus/connect.ts';
import { TX_BYTES_MAX } from '../consensus/limits.ts';
import { refuse } from '../rejects.ts';
import { isPublicKeyForm, parseScriptSig } from '../script/index.ts';
import type { Tx, Verdict } from '../types.ts';
import { valid } from '../types.ts';
import { checkPolicy } from './policy.ts';
import type { MempoolPolicy } from './types.ts';

/** The transaction in these bytes, which are copied. Rejects: decodeTx's, `bad-txns-oversize`. */
export const readTransaction = (raw: Uint8Array): Verdict<Tx> =>
  raw.length > TX_BYTES_MAX ? refuse('bad-txns-oversize') : decodeTx(raw.slice());

/**
 * `returned`: it was in a block, so it need not please us, only fit a row. Rejects:
 * checkTransaction's, `coinbase`, `stack-output`, `stack-op-return`, `stack-scriptsig`,
 * `stack-pubkey`, checkPolicy's.
 */
export function checkAlone(tx: Tx, policy: MempoolPolicy, returned = false): Verdict {
  const checks = [checkTransaction, checkNoCoinbase, checkOutputs, checkForms];
  for (const check of checks) {
    const verdict = check(tx);
    if (!verdict.ok) return verdict;
  }
  if (!returned) return checkPolicy(tx, policy);
  return tx.raw.length > policy.txBytesMax ? refuse('tx-size') : valid();
}

const checkNoCoinbase = (tx: Tx): Verdict => (isCoinbase(tx) ? refuse('coinbase') : valid());

/** The rows of the coins are found by the keys that the scriptSigs show. */
function checkForms(tx: Tx): Verdict {
  for (const { scriptSig } of tx.inputs) {
    const pushes = parseScriptSig(scriptSig);
    if (!pushes.ok) return pushes;
    if (!isPublicKeyForm(pushes.value.publicKey)) return refuse('stack-pubkey');
  }
  return valid();
}
