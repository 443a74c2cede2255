/**
 * Whether a transaction may replace others: BIP125's rules, each with Core's name of its refusal
 * (policy/rbf.cpp). Owns the rules; which transactions conflict, the caller found out. Pure.
 */
import { refuse } from '../rejects.ts';
import type { Txid, Verdict } from '../types.ts';
import { valid } from '../types.ts';
import { compareFeeRates, type FeeSum, feeAt } from './fee-rate.ts';
import { signalsReplacement } from './policy.ts';
import type { StoredTx } from './rows.ts';
import type { MempoolPolicy } from './types.ts';

export interface Replacement {
  /** The one that wants in. */
  readonly candidate: FeeSum & Pick<StoredTx, 'tx'>;
  /** Its parents that are unconfirmed, and all its unconfirmed ancestors. */
  readonly parents: ReadonlySet<Txid>;
  readonly ancestors: ReadonlySet<Txid>;
  /** What spends the same coins, each with its own unconfirmed ancestors. */
  readonly conflicts: readonly { readonly entry: StoredTx; readonly ancestors: StoredTx[] }[];
  /** The conflicts and all their descendants. */
  readonly evicted: readonly StoredTx[];
}

/**
 * Rule 1: each conflict signals, or an unconfirmed ancestor of it does. Rejects:
 * `txn-mempool-conflict`.
 */
export function checkSignals(conflicts: Replacement['conflicts']): Verdict {
  const fixed = conflicts.find(
    ({ entry, ancestors }) => ![entry, ...ancestors].some(({ tx }) => signalsReplacement(tx)),
  );
  return fixed === undefined ? valid() : refuse('txn-mempool-conflict', fixed.entry.txid);
}

/**
 * Rejects: `txn-mempool-conflict`, `bad-txns-spends-conflicting-tx`,
 * `replacement-adds-unconfirmed`, `too many potential replacements`, `insufficient fee`.
 */
export function checkReplacement(replacement: Replacement, policy: MempoolPolicy): Verdict {
  const { candidate, conflicts, ancestors, evicted } = replacement;
  const signals = checkSignals(conflicts);
  if (!signals.ok) return signals;
  const own = conflicts.find(({ entry }) => ancestors.has(entry.txid));
  if (own !== undefined) return refuse('bad-txns-spends-conflicting-tx', own.entry.txid);
  // Rule 3 of the design: a higher fee rate than each direct conflict (Core's PaysMoreThanConflicts).
  const dearer = conflicts.find(({ entry }) => compareFeeRates(candidate, entry) <= 0);
  if (dearer !== undefined) {
    return refuse('insufficient fee', `fee rate not above that of ${dearer.entry.txid}`);
  }
  if (evicted.length > policy.replacementsMax) {
    return refuse('too many potential replacements', String(evicted.length));
  }
  const added = newParent(replacement);
  if (added !== undefined) return refuse('replacement-adds-unconfirmed', added);
  const replacedSats = evicted.reduce((sum, { feeSats }) => sum + feeSats, 0);
  const step = feeAt(policy.minRelayFeeRate, candidate.bytes);
  if (candidate.feeSats < replacedSats + step) {
    return refuse('insufficient fee', `fee ${candidate.feeSats} below ${replacedSats} + ${step}`);
  }
  return valid();
}

/** Rule 2: an unconfirmed parent that no direct conflict has. */
function newParent({ parents, conflicts }: Replacement): Txid | undefined {
  const theirs = new Set(
    conflicts.flatMap(({ entry }) => entry.tx.inputs.map(({ prevout }) => prevout.txid)),
  );
  return [...parents].find((parent) => !theirs.has(parent));
}
