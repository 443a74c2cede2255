import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSignatureEncoding, encodeDer, parseDer } from '../../../lib/crypto/der.ts';
import { reasonCode } from '../../../lib/rejects.ts';
import { FUZZ_RUNS, fuzzSeed, mangled } from '../../helpers/fuzz.ts';
import { bytes, must, reasonOf, vectorCases } from '../../helpers/vectors.ts';

interface DerCase {
  readonly sigWithHashType: string;
  readonly strictDer: boolean;
  readonly hashTypeIsAll: boolean;
  readonly inRange?: boolean;
  readonly lowS?: boolean;
  readonly acceptStrict: boolean;
  readonly why: string;
}

const cases = vectorCases<DerCase>('der');

/** The reason for which our rules refuse the case, in the order in which they look. */
function expectedReason(one: DerCase): string | undefined {
  if (!one.strictDer || !one.inRange) return 'block-script-verify-flag-failed';
  if (!one.lowS) return 'stack-high-s';
  return one.hashTypeIsAll ? undefined : 'stack-hash-type';
}

describe('signature encodings', () => {
  it.each(cases)('$sigWithHashType $why', (one) => {
    const verdict = checkSignatureEncoding(bytes(one.sigWithHashType));
    expect(verdict.ok).toBe(one.acceptStrict);
    const reason = reasonOf(verdict);
    expect(reason && reasonCode(reason)).toBe(expectedReason(one));
    const isDerFault = reason?.includes('Non-canonical DER signature') ?? false;
    expect(isDerFault).toBe(!one.strictDer);
  });

  interface WycheproofCase {
    readonly tcId: number;
    readonly sig: string;
    readonly valid: boolean;
    readonly comment: string;
  }
  it.each(vectorCases<WycheproofCase>('wycheproof_bitcoin'))('wycheproof $tcId $comment', (one) => {
    const verdict = parseDer(bytes(one.sig));
    if (one.valid) expect(verdict.ok).toBe(true);
    // What parses parses to itself: no two encodings give one signature.
    if (verdict.ok) expect(encodeDer(verdict.value)).toEqual(bytes(one.sig));
  });

  it('encode and parse are each other turned round', () => {
    const half = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((value) => {
      value[0] = (value[0] as number) & 0x3f;
      return value.some((byte) => byte !== 0);
    });
    fc.assert(
      fc.property(half, half, fc.nat(31), (r, s, zeros) => {
        r.fill(0, 0, zeros);
        r[31] = (r[31] as number) | 1;
        const signature = Uint8Array.of(...r, ...s);
        expect(must(parseDer(encodeDer(signature)))).toEqual(signature);
      }),
    );
  });

  const N = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';
  const HALF = '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0';
  const less = (hex: string): string => (BigInt(`0x${hex}`) - 1n).toString(16).padStart(64, '0');
  const more = (hex: string): string => (BigInt(`0x${hex}`) + 1n).toString(16).padStart(64, '0');
  const ZERO = '0'.repeat(64);
  it.each([
    ['s = n/2', less(N), HALF, undefined],
    ['s = n/2 + 1', less(N), more(HALF), 'stack-high-s'],
    ['s = n - 1', more(ZERO), less(N), 'stack-high-s'],
    ['s = n', more(ZERO), N, 'block-script-verify-flag-failed'],
    ['s = 0', more(ZERO), ZERO, 'block-script-verify-flag-failed'],
    ['r = n', N, more(ZERO), 'block-script-verify-flag-failed'],
    ['r = 0', ZERO, more(ZERO), 'block-script-verify-flag-failed'],
    ['r = 1, s = 1', more(ZERO), more(ZERO), undefined],
  ])('%s', (_, r, s, reason) => {
    const found = reasonOf(parseDer(encodeDer(bytes(r + s))));
    expect(found && reasonCode(found)).toBe(reason);
  });

  it('any bytes give a verdict, and what passes is canonical', () => {
    const messages = cases.map(({ sigWithHashType }) => bytes(sigWithHashType));
    fc.assert(
      fc.property(mangled(messages), (raw) => {
        const verdict = checkSignatureEncoding(raw);
        if (verdict.ok) expect(Uint8Array.of(...encodeDer(verdict.value), 1)).toEqual(raw);
      }),
      { seed: fuzzSeed('checkSignatureEncoding'), numRuns: FUZZ_RUNS },
    );
  });
});
