import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeTx,
  encodeAddress,
  encodeTx,
  fromHex,
  makeTx,
  toHex,
} from '../../../lib/codec/index.ts';
import { matchP2pkh } from '../../../lib/script/p2pkh.ts';
import type { Hash, Tx, Txid } from '../../../lib/types.ts';
import { FUZZ_RUNS, fuzzSeed, mangled } from '../../helpers/fuzz.ts';
import { bytes, must, reasonOf, vectorCases } from '../../helpers/vectors.ts';

interface DecodeCase {
  readonly txid: string;
  readonly hex: string;
  readonly size: number;
  readonly version: number;
  readonly locktime: number;
  readonly vin: { txid: string; vout: number; scriptSig: string; sequence: number }[];
  readonly vout: { value: number; scriptPubKey: string; address?: string }[];
}

const decodeCases = vectorCases<DecodeCase>('tx_decode');
const coreCases = vectorCases<{ tx: string; txid: string }>('tx_core');

describe('transactions of the main network', () => {
  it.each(decodeCases)('$txid', (one) => {
    const raw = bytes(one.hex);
    const tx = must(decodeTx(raw));
    expect(tx.txid).toBe(one.txid);
    expect(tx.raw.length).toBe(one.size);
    expect(tx.version).toBe(one.version);
    expect(tx.lockTime).toBe(one.locktime);
    expect(
      tx.inputs.map(({ prevout, scriptSig, sequence }) => ({
        ...prevout,
        scriptSig: toHex(scriptSig),
        sequence,
      })),
    ).toEqual(
      one.vin.map(({ txid, vout, scriptSig, sequence }) => ({ txid, vout, scriptSig, sequence })),
    );
    expect(tx.outputs.map(({ value, scriptPubKey }) => [value, toHex(scriptPubKey)])).toEqual(
      one.vout.map(({ value, scriptPubKey }) => [BigInt(value), scriptPubKey]),
    );
    for (const [i, { address }] of one.vout.entries()) {
      const hash = matchP2pkh((tx.outputs[i] as Tx['outputs'][number]).scriptPubKey);
      if (address !== undefined && hash) expect(encodeAddress(hash, 0)).toBe(address);
    }
    expect(encodeTx(tx)).toEqual(raw);
    expect(makeTx(tx)).toEqual(tx);
  });
});

describe("Core's transactions", () => {
  it.each(coreCases)('$txid', ({ tx: hex, txid }) => {
    const tx = must(decodeTx(bytes(hex)));
    expect(tx.txid).toBe(txid);
    expect(toHex(encodeTx(tx))).toBe(hex);
  });
});

describe('what is no transaction', () => {
  const good = bytes((decodeCases[0] as DecodeCase).hex);

  it('is refused at every length but its own', () => {
    for (let length = 0; length < good.length; length++) {
      expect(reasonOf(decodeTx(good.subarray(0, length)))).toBe('tx-decode-failed');
    }
    expect(reasonOf(decodeTx(Uint8Array.of(...good, 0)))).toBe('stack-trailing-bytes');
  });

  const TAIL = '00000000';
  it.each([
    ['a count that is longer than need be', `01000000${'fd0000'}00${TAIL}`, 'tx-decode-failed'],
    [
      'a script length that is',
      `0100000001${'00'.repeat(36)}fd0000ffffffff00${TAIL}`,
      'tx-decode-failed',
    ],
    ['a count in nine bytes', `01000000ff0100000000000000${TAIL}`, 'tx-decode-failed'],
    ['2^64 - 1 inputs', `01000000ff${'ff'.repeat(8)}${TAIL}`, 'tx-decode-failed'],
    ['2^32 - 1 outputs', `0100000000feffffffff${TAIL}`, 'tx-decode-failed'],
    ['the witness form', `0100000000010100${'00'.repeat(80)}`, 'stack-witness'],
    ['no inputs and no outputs', `010000000000${TAIL}`, undefined],
    ['no inputs and one output', `010000000001${'00'.repeat(8)}0151${TAIL}`, undefined],
  ])('%s', (_, hex, reason) => {
    expect(reasonOf(decodeTx(bytes(hex)))).toBe(reason);
  });

  it('no allocation follows a count that the bytes left cannot hold', () => {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 1000; i++) decodeTx(bytes('01000000feffffff7f00000000'));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
  });
});

const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((value) => toHex(value) as Hash) as fc.Arbitrary<string>;
const script = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(252, 253, 400).map((length) => new Uint8Array(length).fill(0x51)),
);
const fields = fc.record({
  version: i32,
  inputs: fc.array(
    fc.record({
      prevout: fc.record({ txid: hash as fc.Arbitrary<Txid>, vout: u32 }),
      scriptSig: script,
      sequence: u32,
    }),
    { maxLength: 4 },
  ),
  outputs: fc.array(
    fc.record({
      value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      scriptPubKey: script,
    }),
    { maxLength: 4 },
  ),
  lockTime: u32,
});

describe('any transaction', () => {
  it('decode(encode(x)) is x', () => {
    const seed = fuzzSeed('makeTx');
    fc.assert(
      fc.property(fields, (value) => {
        const tx = makeTx(value);
        expect(must(decodeTx(tx.raw))).toEqual(tx);
      }),
      { seed, numRuns: 500 },
    );
  });

  it.each([65_535, 65_536])('a script of %d bytes', (length) => {
    const scriptPubKey = new Uint8Array(length).fill(0x51);
    const raw = makeTx({
      version: 1,
      inputs: [],
      outputs: [{ value: 0n, scriptPubKey }],
      lockTime: 0,
    });
    expect(must(decodeTx(raw.raw)).outputs[0]?.scriptPubKey.length).toBe(length);
  });

  it('is the same from a Buffer', () => {
    const raw = bytes((decodeCases[3] as DecodeCase).hex);
    const tx = must(decodeTx(Buffer.from(raw)));
    expect(tx).toEqual(must(decodeTx(raw)));
    expect(Buffer.isBuffer(tx.raw)).toBe(false);
    expect(Buffer.isBuffer(tx.inputs[0]?.scriptSig)).toBe(false);
  });

  it('any bytes are refused or kept byte for byte', () => {
    const messages = [
      ...decodeCases.slice(0, 30).map(({ hex }) => hex),
      ...coreCases.map(({ tx }) => tx),
    ]
      .map((hex) => fromHex(hex) as Uint8Array)
      .filter(({ length }) => length < 2000);
    fc.assert(
      fc.property(mangled(messages), (raw) => {
        const verdict = decodeTx(raw);
        if (verdict.ok) expect(toHex(encodeTx(verdict.value))).toBe(toHex(raw));
        else expect(verdict.reject.kind).toBe('mutated');
      }),
      { seed: fuzzSeed('decodeTx'), numRuns: FUZZ_RUNS },
    );
  });
});
