/**
 * The policy of a public node and what a transaction by itself must fulfil under it (design
 * section 3). Names are Core's (policy/policy.cpp). A refusal here is never a ground for blame.
 */
import { refuse } from '../rejects.ts';
import { isOpReturn, matchP2pkh } from '../script/index.ts';
import type { Tx, Verdict } from '../types.ts';
import { valid } from '../types.ts';
import type { MempoolPolicy } from './types.ts';

/** A sequence below this signals that the transaction may be replaced (BIP125). */
export const REPLACEABLE_BELOW = 0xffff_fffe;

export const DEFAULT_POLICY: MempoolPolicy = {
  minRelayFeeRate: 1000,
  dustSats: 546,
  txBytesMin: 65,
  txBytesMax: 100_000,
  ancestorsMax: 25,
  descendantsMax: 25,
  chainBytesMax: 101_000,
  replacementsMax: 100,
  bytesMax: 300_000_000,
  expirySeconds: 72 * 3600,
  orphansMax: 100,
};

/** Rejects: `version`, `tx-size-small`, `tx-size`, `multi-op-return`, `dust`. */
export function checkPolicy(tx: Tx, policy: MempoolPolicy): Verdict {
  if (tx.version !== 1 && tx.version !== 2) return refuse('version', String(tx.version));
  if (tx.raw.length < policy.txBytesMin) return refuse('tx-size-small');
  if (tx.raw.length > policy.txBytesMax) return refuse('tx-size');
  let dataOutputs = 0;
  for (const [index, { value, scriptPubKey }] of tx.outputs.entries()) {
    if (isOpReturn(scriptPubKey)) dataOutputs += 1;
    else if (matchP2pkh(scriptPubKey) !== undefined && value < BigInt(policy.dustSats)) {
      const least = `an output takes at least ${policy.dustSats}`;
      return refuse(
        'dust',
        `output ${index}: ${value} sats, ${least}: less costs too much to spend`,
      );
    }
  }
  return dataOutputs > 1 ? refuse('multi-op-return') : valid();
}

/** Whether the transaction itself says that it may be replaced. */
export const signalsReplacement = (tx: Tx): boolean =>
  tx.inputs.some(({ sequence }) => sequence < REPLACEABLE_BELOW);
