/** What a transaction must be by itself, in Core's order (CheckTransaction). */
import { refuse } from '../rejects.ts';
import { type Tx, toOutpointKey, type Verdict, valid } from '../types.ts';
import {
  AMBIGUOUS_TX_BYTES,
  COINBASE_SCRIPT_BYTES_MAX,
  COINBASE_SCRIPT_BYTES_MIN,
  MONEY_MAX,
  SIGHASH_BYTES_MAX,
  TX_BYTES_MAX,
} from './limits.ts';

const NULL_TXID = '0'.repeat(64);
const NULL_VOUT = 0xffff_ffff;
const MONEY_MAX_WIRE = BigInt(MONEY_MAX);

const isNullPrevout = ({ prevout }: Tx['inputs'][number]): boolean =>
  prevout.vout === NULL_VOUT && prevout.txid === NULL_TXID;

/** One input, with a null prevout. */
export function isCoinbase(tx: Tx): boolean {
  const [input] = tx.inputs;
  return tx.inputs.length === 1 && input !== undefined && isNullPrevout(input);
}

/**
 * Rejects: `bad-txns-vin-empty`, `bad-txns-vout-empty`, `bad-txns-oversize`,
 * `bad-txns-vout-negative`, `bad-txns-vout-toolarge`, `bad-txns-txouttotal-toolarge`,
 * `bad-txns-inputs-duplicate`, `bad-cb-length`, `bad-txns-prevout-null`, `stack-64-bytes`,
 * `stack-sighash-bytes`.
 */
export function checkTransaction(tx: Tx): Verdict {
  if (tx.inputs.length === 0) return refuse('bad-txns-vin-empty');
  if (tx.outputs.length === 0) return refuse('bad-txns-vout-empty');
  if (tx.raw.length > TX_BYTES_MAX) return refuse('bad-txns-oversize');
  const values = checkValues(tx);
  if (!values.ok) return values;
  if (tx.inputs.length > 1) {
    const seen = new Set(tx.inputs.map(({ prevout }) => toOutpointKey(prevout.txid, prevout.vout)));
    if (seen.size < tx.inputs.length) return refuse('bad-txns-inputs-duplicate');
  }
  const inputs = checkPrevouts(tx);
  if (!inputs.ok) return inputs;
  // Last: they are our rules beside Core's, and must not hide one of those.
  if (tx.raw.length === AMBIGUOUS_TX_BYTES) return refuse('stack-64-bytes');
  const hashed = sighashBytes(tx);
  return hashed > SIGHASH_BYTES_MAX ? refuse('stack-sighash-bytes', `${hashed}`) : valid();
}

/** Inputs times the bytes without scriptSigs: what all signatures hash, but for some bytes each. */
function sighashBytes({ raw, inputs }: Tx): number {
  const scripts = inputs.reduce((sum, { scriptSig }) => sum + scriptSig.length, 0);
  return inputs.length * (raw.length - scripts);
}

function checkValues(tx: Tx): Verdict {
  let total = 0n;
  for (const { value } of tx.outputs) {
    if (value < 0n) return refuse('bad-txns-vout-negative');
    if (value > MONEY_MAX_WIRE) return refuse('bad-txns-vout-toolarge');
    total += value;
    if (total > MONEY_MAX_WIRE) return refuse('bad-txns-txouttotal-toolarge');
  }
  return valid();
}

function checkPrevouts(tx: Tx): Verdict {
  if (!isCoinbase(tx)) {
    return tx.inputs.some(isNullPrevout) ? refuse('bad-txns-prevout-null') : valid();
  }
  const length = tx.inputs[0]?.scriptSig.length ?? 0;
  const fits = length >= COINBASE_SCRIPT_BYTES_MIN && length <= COINBASE_SCRIPT_BYTES_MAX;
  return fits ? valid() : refuse('bad-cb-length');
}
