/** Blocks: by themselves, in Core's order, then in their place. Blame: see the reject's kind. */
import { merkleRoot } from '../crypto/merkle.ts';
import type { ChainParams } from '../params/chain-params.ts';
import { refuse } from '../rejects.ts';
import { isWitnessCommitment } from '../script/op-return.ts';
import { countSigops } from '../script/sigops.ts';
import { type Block, type Height, type Tx, type Verdict, valid } from '../types.ts';
import { checkHeader } from './check-header.ts';
import { checkTransaction, isCoinbase } from './check-transaction.ts';
import { medianTimePast } from './context.ts';
import { AMBIGUOUS_TX_BYTES, BLOCK_BYTES_MAX, BLOCK_SIGOPS_MAX } from './limits.ts';
import { isFinal } from './locks.ts';
import type { BlockEntry } from './types.ts';

/** Legacy signature operations of a transaction, in its scriptSigs and scriptPubKeys. */
export function txSigops(tx: Tx): number {
  let count = 0;
  for (const { scriptSig } of tx.inputs) count += countSigops(scriptSig);
  for (const { scriptPubKey } of tx.outputs) count += countSigops(scriptPubKey);
  return count;
}

/**
 * Whether these are the transactions that the header stands for. What this refuses is laid on the
 * sender, never on the block's hash: another body may belong to it.
 */
function checkBody({ header, txs }: Block): Verdict {
  const { root, mutated } = merkleRoot(txs.map(({ txid }) => txid));
  if (root !== header.merkleRoot) return refuse('bad-txnmrklroot');
  if (mutated) return refuse('bad-txns-duplicate');
  // Two inner nodes of an honest tree, served as one "transaction", have the same root. Before any
  // rule whose breach would be remembered against the hash (Core's IsBlockMutated).
  const ambiguous = txs.find(({ raw }) => raw.length === AMBIGUOUS_TX_BYTES);
  return ambiguous === undefined ? valid() : refuse('stack-64-bytes', ambiguous.txid);
}

/**
 * By itself, in Core's order (CheckBlock). Rejects: `high-hash`; `bad-txnmrklroot`,
 * `bad-txns-duplicate`, `stack-64-bytes` (mutated: never remembered); `bad-blk-length`,
 * `bad-cb-missing`, `bad-cb-multiple`, checkTransaction's, `bad-blk-sigops`.
 */
export function checkBlock(
  block: Block,
  params: ChainParams,
  options: { readonly proofOfWork?: boolean } = {},
): Verdict {
  if (options.proofOfWork !== false) {
    const header = checkHeader(block.header, params);
    if (!header.ok) return header;
  }
  const body = checkBody(block);
  if (!body.ok) return body;
  const { txs } = block;
  if (txs.length === 0 || block.raw.length > BLOCK_BYTES_MAX) return refuse('bad-blk-length');
  if (!isCoinbase(txs[0] as Tx)) return refuse('bad-cb-missing');
  if (txs.some((tx, i) => i > 0 && isCoinbase(tx))) return refuse('bad-cb-multiple');
  let sigops = 0;
  for (const tx of txs) {
    const verdict = checkTransaction(tx);
    if (!verdict.ok) return { ...verdict, reject: { ...verdict.reject, detail: tx.txid } };
    sigops += txSigops(tx);
  }
  return sigops > BLOCK_SIGOPS_MAX ? refuse('bad-blk-sigops', `${sigops}`) : valid();
}

const OP_1_LESS_ONE = 0x50;
const OP_N_MAX = 16;

/** A height as a coinbase script begins (BIP34): 51..60 for 1..16, then the shortest signed push. */
export function heightPush(height: Height): Uint8Array {
  if (height === 0) return Uint8Array.of(0);
  if (height <= OP_N_MAX) return Uint8Array.of(OP_1_LESS_ONE + height);
  const digits: number[] = [];
  for (let rest = height; rest > 0; rest = Math.floor(rest / 256)) digits.push(rest % 256);
  // The top bit is the sign.
  if ((digits.at(-1) as number) >= 0x80) digits.push(0);
  return Uint8Array.of(digits.length, ...digits);
}

/**
 * In its place above `parent`. Rejects: `bad-txns-nonfinal`, `bad-cb-height`, and our own
 * `stack-commitment`: Bitcoin would want a witness.
 */
export function checkBlockContext(block: Block, entry: BlockEntry, parent: BlockEntry): Verdict {
  const medianTime = medianTimePast(parent);
  for (const tx of block.txs) {
    if (!isFinal(tx, entry.height, medianTime)) return refuse('bad-txns-nonfinal', tx.txid);
  }
  const [coinbase] = block.txs;
  const script = coinbase?.inputs[0]?.scriptSig;
  const push = heightPush(entry.height);
  if (script === undefined || push.some((byte, i) => script[i] !== byte)) {
    return refuse('bad-cb-height');
  }
  const commits = coinbase?.outputs.some(({ scriptPubKey }) => isWitnessCommitment(scriptPubKey));
  return commits === true ? refuse('stack-commitment') : valid();
}
