import { describe, expect, it } from 'vitest';
import { decodeTx, toDisplay, toHex } from '../../../lib/codec/index.ts';
import { sighash, sighashAll } from '../../../lib/script/index.ts';
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

  it('signs the number one where SINGLE has no output to sign, as Bitcoin always has', () => {
    const tx = must(decodeTx(bytes(vectorCases<SpendCase>('p2pkh_spends')[0]?.tx ?? '')));
    const one = `01${'00'.repeat(31)}`;
    expect(toHex(sighash(tx, tx.inputs.length, new Uint8Array(), 1))).toBe(one);
    const lone = { ...tx, outputs: [] };
    expect(toHex(sighash(lone, 0, new Uint8Array(), 3))).toBe(one);
  });
});
