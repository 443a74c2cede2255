import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countSigops,
  isWitnessCommitment,
  matchOpReturn,
  matchP2pkh,
  opReturnScript,
  p2pkhScript,
  scriptHash,
} from '../../../lib/script/index.ts';
import { bytes } from '../../helpers/vectors.ts';

const data = (length: number): string => 'aa'.repeat(length);

describe('P2PKH', () => {
  it('only the 25 bytes match', () => {
    const script = p2pkhScript(new Uint8Array(20).fill(9));
    expect(matchP2pkh(script)).toEqual(new Uint8Array(20).fill(9));
    for (const at of [0, 1, 2, 23, 24]) {
      const changed = script.slice();
      changed[at] = (changed[at] as number) ^ 1;
      expect(matchP2pkh(changed)).toBeUndefined();
    }
    expect(matchP2pkh(script.slice(0, 24))).toBeUndefined();
    expect(matchP2pkh(Uint8Array.of(...script, 0))).toBeUndefined();
  });

  it("Esplora's name of a script is its SHA-256, not reversed", () => {
    // The empty script.
    expect(scriptHash(new Uint8Array())).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
  });
});

describe('OP_RETURN', () => {
  it.each([
    ['6a', true],
    [`6a01${data(1)}`, true],
    [`6a4b${data(75)}`, true],
    [`6a4c4c${data(76)}`, true],
    [`6a4c50${data(80)}`, true],
    [`6a4c51${data(81)}`, false],
    [`6a4c4b${data(75)}`, false],
    [`6a4c01${data(1)}`, false],
    [`6a4d0100${data(1)}`, false],
    ['6a00', false],
    ['6a51', false],
    ['6a4c', false],
    ['6a4c4c', false],
    [`6a02${data(1)}`, false],
    [`6a01${data(2)}`, false],
    [`6a01${data(1)}01${data(1)}`, false],
    ['', false],
    ['51', false],
    ['6b', false],
  ])('%s: %s', (hex, matches) => {
    expect(matchOpReturn(bytes(hex))).toBe(matches);
  });

  it('what is made matches', () => {
    for (let length = 1; length <= 80; length++) {
      const script = opReturnScript(new Uint8Array(length));
      expect(matchOpReturn(script)).toBe(true);
      expect(script.length).toBe(1 + length + (length > 75 ? 2 : 1));
    }
  });

  it.each([
    [`6a24aa21a9ed${data(32)}`, true],
    [`6a24aa21a9ed${data(33)}`, true],
    [`6a24aa21a9ed${data(31)}`, false],
    [`6a24aa21a9ee${data(32)}`, false],
  ])('%s as a witness commitment: %s', (hex, is) => {
    expect(isWitnessCommitment(bytes(hex))).toBe(is);
  });
});

describe('signature operations', () => {
  it.each([
    ['', 0],
    [`76a914${data(20)}88ac`, 1],
    ['acad', 2],
    ['aeaf', 40],
    ['02acac', 0],
    ['01acac', 1],
    ['ac4c', 1],
    ['ac4c05acac', 1],
    ['4c02acacac', 1],
    ['4d0200acacac', 1],
    ['4e02000000acacac', 1],
    ['4effffffffacac', 0],
    ['4d01ac', 0],
    ['4b', 0],
    ['00ac4fac60ac', 3],
  ])('%s: %d', (hex, count) => {
    expect(countSigops(bytes(hex))).toBe(count);
  });

  it('any bytes have a count, and it ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (script) => {
        expect(countSigops(script)).toBeLessThanOrEqual(20 * script.length);
      }),
      { numRuns: 2000 },
    );
  });
});
