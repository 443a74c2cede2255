import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTx, makeTx, toDisplay, toHex } from '../../../lib/codec/index.ts';
import { p2pkhScript, sighash, sighashAll } from '../../../lib/script/index.ts';
import type { Txid } from '../../../lib/types.ts';
import { fuzzSeed } from '../../helpers/fuzz.ts';
import { bytes, must, vectorCases } from '../../helpers/vectors.ts';

interface CoreCase {
  readonly tx: string;
  readonly script: string;
  readonly input: number;
  readonly hashType: number;
  readonly sighash: string;
  readonly behaves: string;
}

describe("Core's legacy signature hashes", () => {
  it.each(vectorCases<CoreCase>('sighash_core'))('$sighash $behaves', (one) => {
    const tx = must(decodeTx(bytes(one.tx)));
    expect(toDisplay(sighash(tx, one.input, bytes(one.script), one.hashType))).toBe(one.sighash);
  });
});

describe('ALL', () => {
  interface SpendCase {
    readonly txid: string;
    readonly tx: string;
    readonly inputs: { scriptPubKey: string; sighash?: string; hashType?: number }[];
  }
  it.each(vectorCases<SpendCase>('p2pkh_spends'))('$txid', (one) => {
    const tx = must(decodeTx(bytes(one.tx)));
    for (const [i, { scriptPubKey, sighash: digest, hashType }] of one.inputs.entries()) {
      if (digest === undefined || hashType === undefined) continue;
      const script = bytes(scriptPubKey);
      expect(toHex(sighash(tx, i, script, hashType))).toBe(digest);
      if (hashType === 1) expect(toHex(sighashAll(tx, i, script))).toBe(digest);
    }
  });

  it('of many inputs, in whatever order they are asked for, is what the general form computes', () => {
    const any32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const input = fc.record({
      prevout: fc.record({
        txid: any32.map((id) => toDisplay(id) as string as Txid),
        vout: fc.nat(),
      }),
      scriptSig: fc.uint8Array({ maxLength: 300 }),
      sequence: fc.nat(),
    });
    const output = fc.record({
      value: fc.bigInt(0n, 21n * 10n ** 14n),
      scriptPubKey: fc.uint8Array({ maxLength: 40 }),
    });
    const fields = fc.record({
      version: fc.integer(),
      inputs: fc.array(input, { minLength: 1, maxLength: 40, size: 'max' }),
      outputs: fc.array(output, { minLength: 1, maxLength: 3 }),
      lockTime: fc.nat(),
    });
    const asked = fc.array(fc.nat(), { minLength: 1, maxLength: 12 });
    const script = p2pkhScript(new Uint8Array(20).fill(7));
    const property = fc.property(fields, asked, (parts, indexes) => {
      const tx = makeTx(parts);
      for (const some of [...tx.inputs.keys(), ...indexes]) {
        const index = some % tx.inputs.length;
        expect(toHex(sighashAll(tx, index, script))).toBe(toHex(sighash(tx, index, script, 1)));
      }
    });
    fc.assert(property, { numRuns: 200, seed: fuzzSeed('sighashAll') });
  });

  it('signs the number one where SINGLE has no output to sign, as Bitcoin always has', () => {
    const tx = must(decodeTx(bytes(vectorCases<SpendCase>('p2pkh_spends')[0]?.tx ?? '')));
    const one = `01${'00'.repeat(31)}`;
    expect(toHex(sighash(tx, tx.inputs.length, new Uint8Array(), 1))).toBe(one);
    const lone = { ...tx, outputs: [] };
    expect(toHex(sighash(lone, 0, new Uint8Array(), 3))).toBe(one);
  });
});
