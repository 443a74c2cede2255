/**
 * Limits on chains of unconfirmed transactions: 25 ancestors and 25 descendants, 101,000 bytes
 * each, the transaction counted (Core's -limitancestorcount and its kin). They bound what an
 * eviction, a replacement or a template costs. Pure.
 */
import { refuse } from '../rejects.ts';
import type { Verdict } from '../types.ts';
import { valid } from '../types.ts';
import type { Pool } from './pool.ts';
import type { StoredTx } from './rows.ts';
import type { MempoolPolicy } from './types.ts';

/**
 * What a reorganisation returns may stand in longer chains, for its miner took it so; but a block
 * holds 5,000 one above the other, whose ancestors are read for each that comes in.
 */
const RETURNED_FACTOR = 4;

/** The policy as it is for what returns from a block. */
export const returnedLimits = (policy: MempoolPolicy): MempoolPolicy => ({
  ...policy,
  ancestorsMax: RETURNED_FACTOR * policy.ancestorsMax,
  descendantsMax: RETURNED_FACTOR * policy.descendantsMax,
  chainBytesMax: RETURNED_FACTOR * policy.chainBytesMax,
});

/** Rejects: `too-long-mempool-chain`. What is replaced at the same time does not count. */
export function checkChainLimits(
  pool: Pool,
  of: {
    readonly candidate: { readonly bytes: number };
    readonly ancestors: readonly StoredTx[];
    readonly evicted: readonly StoredTx[];
  },
  policy: MempoolPolicy,
): Verdict {
  const { candidate, ancestors } = of;
  const { ancestorsMax, descendantsMax, chainBytesMax } = policy;
  const bytes = ancestors.reduce((sum, entry) => sum + entry.bytes, candidate.bytes);
  if (ancestors.length + 1 > ancestorsMax) {
    return refuse('too-long-mempool-chain', `${ancestors.length + 1} ancestors`);
  }
  if (bytes > chainBytesMax) return refuse('too-long-mempool-chain', `ancestors of ${bytes} bytes`);
  const evicted = new Set(of.evicted.map(({ txid }) => txid));
  for (const { txid, bytes: own } of ancestors) {
    const below = [...pool.descendants(txid)].flatMap((id) =>
      evicted.has(id) ? [] : (pool.get(id) ?? []),
    );
    if (below.length + 2 > descendantsMax) {
      return refuse('too-long-mempool-chain', `${below.length + 2} descendants of ${txid}`);
    }
    const size = below.reduce((sum, entry) => sum + entry.bytes, own + candidate.bytes);
    if (size > chainBytesMax) {
      return refuse('too-long-mempool-chain', `descendants of ${txid} with ${size} bytes`);
    }
  }
  return valid();
}
