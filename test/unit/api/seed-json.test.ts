import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockJson, coinsText, txJson } from '../../../lib/api/seed-json.ts';
import { decodeBlock, makeTx } from '../../../lib/codec/index.ts';
import { opReturnScript, p2pkhScript } from '../../../lib/script/index.ts';
import type { Txid } from '../../../lib/types.ts';

const vector = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../vectors/blocks/${name}.bin`, import.meta.url)));

function decoded(name: string) {
  const block = decodeBlock(vector(name));
  if (!block.ok) throw new Error(block.reject.reason);
  return block.value;
}

describe('coins', () => {
  const cases: readonly (readonly [bigint, string])[] = [
    [0n, '0'],
    [1n, '0.00000001'],
    [10n, '0.0000001'],
    [10_000_000n, '0.1'],
    [5_000_000_000n, '50'],
    [5_000_000_001n, '50.00000001'],
    [2_099_999_999_999_999n, '20999999.99999999'],
    [2_100_000_000_000_000n, '21000000'],
    [-150_000_000n, '-1.5'],
  ];
  it.each(cases)('%s is %s', (sats, text) => {
    expect(coinsText(sats)).toBe(text);
  });

  it('is exact, without exponent or trailing zeros, for every amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2_100_000_000_000_000n }), (sats) => {
        const text = coinsText(sats);
        expect(text).toMatch(/^(0|[1-9]\d*)(\.\d{0,7}[1-9])?$/);
        const [whole = '', places = ''] = text.split('.');
        expect(BigInt(whole + places.padEnd(8, '0'))).toBe(sats);
      }),
    );
  });
});

describe('a block in the seed’s form', () => {
  it('shows block 170 with its keys in order', () => {
    const json = JSON.stringify(blockJson(decoded('000170'), 170));
    const shown = JSON.parse(json);
    expect(Object.keys(shown)).toEqual([
      'hash',
      'prevHash',
      'timestamp',
      'height',
      'nonce',
      'merkleRoot',
      'txs',
    ]);
    expect(shown.hash).toBe('00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee');
    expect(shown.height).toBe(170);
    const [coinbase, payment] = shown.txs;
    expect(Object.keys(coinbase)).toEqual(['id', 'inputs', 'outputs']);
    expect(Object.keys(coinbase.inputs[0])).toEqual([
      'refTxId',
      'refOutIdx',
      'signature',
      'pubKey',
    ]);
    expect(coinbase.inputs[0]).toEqual({
      refTxId: '',
      refOutIdx: -1,
      signature: '0'.repeat(128),
      pubKey: '04ffff001d0102',
    });
    // Bare keys, as the first blocks paid: no hash, and the script instead.
    expect(Object.keys(payment.outputs[1])).toEqual(['idx', 'value', 'pubKeyHash', 'scriptPubKey']);
    expect(payment.outputs[1]).toMatchObject({ idx: 1, value: 40, pubKeyHash: '' });
  });

  it('shows both pushes of a P2PKH spend', () => {
    const block = decoded('255018');
    const shown = JSON.parse(JSON.stringify(blockJson(block, 255018)));
    const input = shown.txs[1].inputs[0];
    expect(input.signature).toMatch(/^30[0-9a-f]+01$/);
    expect(input.pubKey).toMatch(/^(0[23][0-9a-f]{64}|04[0-9a-f]{128})$/);
    expect(input.refTxId).toBe(block.txs[1]?.inputs[0]?.prevout.txid);
    expect(Object.keys(shown.txs[1].outputs[0])).toEqual(['idx', 'value', 'pubKeyHash']);
    expect(shown.txs[1].outputs[0].pubKeyHash).toMatch(/^[0-9a-f]{40}$/);
  });

  it('prints amounts digit by digit, indented or not', () => {
    const tx = makeTx({
      version: 1,
      inputs: [
        {
          prevout: { txid: 'ab'.repeat(32) as Txid, vout: 3 },
          scriptSig: Uint8Array.of(1, 2, 3),
          sequence: 0,
        },
      ],
      outputs: [
        { value: 1n, scriptPubKey: p2pkhScript(new Uint8Array(20).fill(7)) },
        { value: 0n, scriptPubKey: opReturnScript(Uint8Array.of(1)) },
      ],
      lockTime: 0,
    });
    const json = JSON.stringify(txJson(tx));
    expect(json).toContain('"value":0.00000001,"pubKeyHash":"0707');
    expect(json).toContain('"value":0,"pubKeyHash":"","scriptPubKey":"6a0101"');
    expect(JSON.stringify(txJson(tx), null, 2)).toContain('"value": 0.00000001,');
    // Not two whole pushes: shown as it is.
    expect(json).toContain('"signature":"","pubKey":"010203"');
  });
});
