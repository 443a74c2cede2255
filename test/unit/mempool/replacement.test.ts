/** Each rule of BIP125 alone: the base case fulfils all, each row breaks one. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICY } from '../../../lib/mempool/policy.ts';
import { checkReplacement, type Replacement } from '../../../lib/mempool/replacement.ts';
import type { StoredTx } from '../../../lib/mempool/rows.ts';
import type { Sats, Txid } from '../../../lib/types.ts';
import { stored } from './stored.ts';

const OPT_IN = 0xffff_fffd;
const MAX_BIP125 = 0xffff_fffd;
const NOT_SIGNALLING = 0xffff_fffe;

const conflict = stored({ fee: 1000, sequence: OPT_IN });
const child = stored({ fee: 300, parents: [conflict] });
const candidate = stored({ fee: 5000 });

const base: Replacement = {
  candidate,
  parents: new Set(),
  ancestors: new Set(),
  conflicts: [{ entry: conflict, ancestors: [] }],
  evicted: [conflict, child],
};

const reasonOf = (changes: Partial<Replacement>): string => {
  const verdict = checkReplacement({ ...base, ...changes }, DEFAULT_POLICY);
  return verdict.ok ? 'ok' : verdict.reject.reason;
};
const many = (count: number): StoredTx[] =>
  Array.from({ length: count }, () => stored({ fee: 0, parents: [conflict] }));
const paying = (fee: number) => ({ ...candidate, feeSats: fee as Sats });
const signallingParent = stored({ fee: 1, sequence: OPT_IN });
const quiet = stored({ fee: 1000, sequence: NOT_SIGNALLING, parents: [signallingParent] });
const dense = stored({ fee: 100_000, sequence: OPT_IN });
const otherParent = stored({ fee: 1 });
const onParent = stored({ fee: 1000, sequence: OPT_IN, parents: [otherParent] });

describe('BIP125', () => {
  it.each<[string, Partial<Replacement>, string]>([
    ['all rules hold', {}, 'ok'],
    [
      'rule 1: the conflict does not signal',
      {
        conflicts: [{ entry: stored({ fee: 1, sequence: NOT_SIGNALLING }), ancestors: [] }],
      },
      'txn-mempool-conflict',
    ],
    [
      'rule 1: the highest sequence that signals',
      {
        conflicts: [{ entry: stored({ fee: 1, sequence: MAX_BIP125 }), ancestors: [] }],
      },
      'ok',
    ],
    [
      'rule 1: one of two conflicts does not signal',
      {
        conflicts: [
          { entry: conflict, ancestors: [] },
          { entry: stored({ fee: 1, sequence: 0xffff_ffff }), ancestors: [] },
        ],
      },
      'txn-mempool-conflict',
    ],
    [
      'rule 1: signalling is inherited from an unconfirmed ancestor',
      {
        conflicts: [{ entry: quiet, ancestors: [signallingParent] }],
      },
      'ok',
    ],
    [
      'it spends what it replaces',
      {
        ancestors: new Set([conflict.txid]),
      },
      'bad-txns-spends-conflicting-tx',
    ],
    [
      'rule 2: a new unconfirmed parent',
      {
        parents: new Set<Txid>([otherParent.txid]),
      },
      'replacement-adds-unconfirmed',
    ],
    [
      'rule 2: a parent that the conflict has too',
      {
        parents: new Set<Txid>([otherParent.txid]),
        conflicts: [{ entry: onParent, ancestors: [] }],
      },
      'ok',
    ],
    ['rule 3: less fee than all that goes', { candidate: paying(1299) }, 'insufficient fee'],
    ['rule 3: the same fee', { candidate: paying(1300) }, 'insufficient fee'],
    [
      'rule 4: one sat less than the step',
      {
        candidate: paying(1300 + candidate.bytes - 1),
      },
      'insufficient fee',
    ],
    ['rule 4: the step exactly', { candidate: paying(1300 + candidate.bytes) }, 'ok'],
    ['rule 5: 100 transactions go', { evicted: [conflict, ...many(99)] }, 'ok'],
    [
      'rule 5: 101 transactions go',
      {
        evicted: [conflict, ...many(100)],
      },
      'too many potential replacements',
    ],
    [
      'a fee rate not above a direct conflict',
      {
        candidate: { ...paying(200_000), bytes: 100_000 },
        conflicts: [{ entry: dense, ancestors: [] }],
        evicted: [dense],
      },
      'insufficient fee',
    ],
  ])('%s', (_, changes, expected) => {
    expect(reasonOf(changes)).toBe(expected);
  });
});
