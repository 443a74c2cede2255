import { describe, expect, it } from 'vitest';
import {
  asMempoolReject,
  REJECTS,
  reasonCode,
  refuse,
  rejectOf,
  scriptFailure,
} from '../../../lib/rejects.ts';
import { vectorCases } from '../../helpers/vectors.ts';

describe('reject reasons', () => {
  it('what stands in brackets is kept, and the reason is looked up without it', () => {
    expect(rejectOf('bad-version(0x00000001)')).toEqual({
      reason: 'bad-version(0x00000001)',
      kind: 'consensus',
    });
    const { reject } = scriptFailure('Non-canonical DER signature');
    expect(reject.reason).toBe('block-script-verify-flag-failed (Non-canonical DER signature)');
    expect(reasonCode(reject.reason)).toBe('block-script-verify-flag-failed');
    expect(asMempoolReject(reject).reason).toBe(
      'mempool-script-verify-flag-failed (Non-canonical DER signature)',
    );
    expect(asMempoolReject(rejectOf('dust'))).toEqual(rejectOf('dust'));
  });

  it.each(['', 'no-such-reason', 'toString', '__proto__', '(x)'])('%j is a bug', (reason) => {
    expect(() => refuse(reason)).toThrow('assertion failed');
  });

  it('what lies between a sender and a hash never condemns the hash', () => {
    for (const reason of ['bad-txnmrklroot', 'bad-txns-duplicate', 'block-decode-failed']) {
      expect(rejectOf(reason).kind).toBe('mutated');
    }
    expect(rejectOf('time-too-new').kind).toBe('early');
    expect(rejectOf('prev-blk-not-found').kind).toBe('missing');
  });

  /** Reasons of the published table that no rule of ours can give, each with its cause. */
  const NEVER: Record<string, string> = {
    'time-timewarp-attack': 'a rule of testnet4',
    'time-invalid': 'BIP22; Core says time-too-old and time-too-new',
    'stale-work': 'our templates bear no work id',
    'bad-blk-weight': 'no witness',
    'bad-cb-flag': 'BIP22 mutations that we do not offer',
    'bad-cb-prefix': 'BIP22 mutations that we do not offer',
    'bad-txns': 'unspecific',
    'bad-txns-too-many-sigops': 'only templates, one sigop an output',
    'unknown-user': 'no users',
    'unknown-work': 'our templates bear no work id',
  };
  const published = vectorCases<{ reason: string }>('reject_reasons');
  it.each(published)('$reason is known, or cannot occur', ({ reason }) => {
    const isKnown = reasonCode(reason) in REJECTS;
    expect(isKnown !== reason in NEVER).toBe(true);
  });
});
