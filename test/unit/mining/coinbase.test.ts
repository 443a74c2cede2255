import { describe, expect, it } from 'vitest';
import { decodeTx, toHex } from '../../../lib/codec/index.ts';
import { checkTransaction, isCoinbase } from '../../../lib/consensus/check-transaction.ts';
import { coinbaseFlags, coinbaseScript, makeCoinbase } from '../../../lib/mining/coinbase.ts';
import { regtest } from '../../../lib/params/index.ts';
import { opReturnScript, p2pkhScript } from '../../../lib/script/index.ts';
import type { Sats } from '../../../lib/types.ts';

const flags = coinbaseFlags(regtest.genesisHash);
const payTo = p2pkhScript(new Uint8Array(20));
const nonce = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const make = (of: Partial<Parameters<typeof makeCoinbase>[0]> = {}) =>
  makeCoinbase({ height: 1, flags, extraNonce: nonce, payTo, value: 50 as Sats, ...of });

describe('the coinbase', () => {
  it.each([
    [1, '51'],
    [16, '60'],
    [17, '0111'],
    [127, '017f'],
    [128, '028000'],
    [255, '02ff00'],
    [256, '020001'],
    [32_767, '02ff7f'],
    [32_768, '03008000'],
    [1_000_000, '0340420f'],
  ])('of height %d begins with %s, then one push', (height, push) => {
    const script = toHex(coinbaseScript(height, flags, nonce));
    expect(script).toBe(`${push}10${flags}0102030405060708`);
  });

  it('bears the first bytes of the genesis hash as it is shown', () => {
    expect(flags).toBe('0f9188f13cb7b2c7');
  });

  it('is a coinbase by the rules, with an extra nonce of any fitting length', () => {
    for (const length of [0, 1, 8, 60, 66, 67, 80]) {
      const tx = make({ extraNonce: new Uint8Array(length), height: 70_000 });
      expect(isCoinbase(tx)).toBe(true);
      expect(checkTransaction(tx).ok).toBe(true);
      const again = decodeTx(tx.raw);
      expect(again.ok && again.value.txid).toBe(tx.txid);
    }
    expect(() => make({ extraNonce: new Uint8Array(95) })).toThrow('fits the coinbase');
  });

  it('pays all to one P2PKH script, or leaves it unclaimed in an OP_RETURN', () => {
    expect(make().outputs).toEqual([{ value: 50n, scriptPubKey: payTo }]);
    const data = opReturnScript(Uint8Array.of(9));
    expect(make({ payTo: data }).outputs).toEqual([{ value: 0n, scriptPubKey: data }]);
  });

  it('is never made with an output that the rules refuse', () => {
    expect(() => make({ payTo: Uint8Array.of(0x51) })).toThrow('P2PKH or OP_RETURN');
    // Bitcoin takes this for a commitment to a witness (BIP141).
    const commitment = opReturnScript(
      Uint8Array.from([0xaa, 0x21, 0xa9, 0xed, ...new Uint8Array(32)]),
    );
    expect(commitment.length).toBe(38);
    expect(() => make({ payTo: commitment })).toThrow('P2PKH or OP_RETURN');
  });
});
