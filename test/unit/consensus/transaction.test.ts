import { describe, expect, it } from 'vitest';
import { decodeTx, makeTx, type TxFields } from '../../../lib/codec/tx.ts';
import { checkTransaction } from '../../../lib/consensus/check-transaction.ts';
import { checkOutput } from '../../../lib/consensus/connect.ts';
import { isFinal, sequenceLock } from '../../../lib/consensus/locks.ts';
import { subsidy } from '../../../lib/consensus/subsidy.ts';
import { mainnet, regtest } from '../../../lib/params/index.ts';
import { inputSignatureCheck } from '../../../lib/script/verify-input.ts';
import type { Tx, Txid } from '../../../lib/types.ts';
import { script, storyKey } from '../../helpers/chain-builder.ts';
import { bytes, must, reasonOf, vectorCases } from '../../helpers/vectors.ts';

interface CoreCase {
  readonly core: 'valid' | 'invalid';
  readonly flags: string;
  readonly tx: string;
  readonly txid: string;
  readonly prevouts: readonly { txid: string; vout: number; scriptPubKey: string }[];
  readonly structuralReason: string | null;
  readonly strictP2pkhValid?: boolean;
}

const cases = vectorCases<CoreCase>('tx_core');

describe("Core's transactions", () => {
  it.each(cases.map((one, row) => ({ ...one, row })))('row $row, $core, $flags', (one) => {
    const tx = must(decodeTx(bytes(one.tx)));
    expect(tx.txid).toBe(one.txid);
    expect(reasonOf(checkTransaction(tx)) ?? null).toBe(one.structuralReason);
    if (one.strictP2pkhValid === undefined) return;
    const scripts = new Map(
      one.prevouts.map(({ txid, vout, scriptPubKey }) => [`${txid}:${vout}`, bytes(scriptPubKey)]),
    );
    const isValid = tx.inputs.every(({ prevout }, index) => {
      const coin = scripts.get(`${prevout.txid}:${prevout.vout}`);
      return coin !== undefined && inputSignatureCheck(tx, index, coin).ok;
    });
    // All rows that have it are refused before the curve is asked.
    expect(isValid).toBe(one.strictP2pkhValid);
  });

  it('rows with a strict verdict are among them', () => {
    expect(cases.filter((one) => one.strictP2pkhValid !== undefined).length).toBeGreaterThan(5);
  });
});

const TXID = 'ab'.repeat(32) as Txid;
const NULL = { txid: '00'.repeat(32) as Txid, vout: 0xffff_ffff };
const COINS_MAX = 2_100_000_000_000_000n;
const alice = storyKey('alice');

const txOf = (fields: Partial<TxFields> = {}): Tx =>
  makeTx({
    version: 1,
    inputs: [{ prevout: { txid: TXID, vout: 0 }, scriptSig: bytes('51'), sequence: 0xffff_ffff }],
    outputs: [{ value: 1n, scriptPubKey: alice.script }],
    lockTime: 0,
    ...fields,
  });
const input = (prevout: { txid: Txid; vout: number }, scriptSig = '51') => ({
  prevout,
  scriptSig: bytes(scriptSig),
  sequence: 0,
});
const output = (value: bigint) => ({ value, scriptPubKey: alice.script });

describe('a transaction by itself', () => {
  const big = (length: number): Tx => {
    const rest = txOf({ outputs: [{ value: 0n, scriptPubKey: new Uint8Array(70_000) }] });
    return txOf({
      outputs: [{ value: 0n, scriptPubKey: new Uint8Array(70_000 + length - rest.raw.length) }],
    });
  };
  /** 500 inputs; each signs so many bytes, scriptSigs left out. */
  const hashing = (bytesEach: number, scriptSig: string): Tx => {
    const inputs = Array.from({ length: 500 }, (_, vout) => input({ txid: TXID, vout }, scriptSig));
    const padded = (length: number): Tx =>
      txOf({ inputs, outputs: [{ value: 0n, scriptPubKey: new Uint8Array(length) }] });
    const rest = padded(1000).raw.length - 500 * (scriptSig.length / 2);
    return padded(1000 + bytesEach - rest);
  };
  const table: readonly (readonly [string, Tx, string | undefined])[] = [
    ['good', txOf(), undefined],
    ['any version', txOf({ version: -5 }), undefined],
    ['no inputs', txOf({ inputs: [] }), 'bad-txns-vin-empty'],
    ['no outputs', txOf({ outputs: [] }), 'bad-txns-vout-empty'],
    ['1,000,000 bytes', big(1_000_000), undefined],
    ['1,000,001 bytes', big(1_000_001), 'bad-txns-oversize'],
    ['25,000,000 bytes to sign', hashing(50_000, '51'), undefined],
    ['25,000,500 bytes to sign', hashing(50_001, '51'), 'stack-sighash-bytes'],
    ['scriptSigs are not signed', hashing(50_000, '51'.repeat(200)), undefined],
    ['-1', txOf({ outputs: [output(-1n)] }), 'bad-txns-vout-negative'],
    ['least value', txOf({ outputs: [output(-(1n << 63n))] }), 'bad-txns-vout-negative'],
    ['21e14', txOf({ outputs: [output(COINS_MAX)] }), undefined],
    ['21e14 + 1', txOf({ outputs: [output(COINS_MAX + 1n)] }), 'bad-txns-vout-toolarge'],
    [
      'a sum of 21e14 + 1',
      txOf({ outputs: [output(COINS_MAX), output(1n)] }),
      'bad-txns-txouttotal-toolarge',
    ],
    [
      'one coin twice',
      txOf({ inputs: [input({ txid: TXID, vout: 1 }), input({ txid: TXID, vout: 1 }, '52')] }),
      'bad-txns-inputs-duplicate',
    ],
    [
      'two coins of one transaction',
      txOf({ inputs: [input({ txid: TXID, vout: 1 }), input({ txid: TXID, vout: 2 })] }),
      undefined,
    ],
    ['coinbase, 1 byte', txOf({ inputs: [input(NULL, '51')] }), 'bad-cb-length'],
    ['coinbase, 2 bytes', txOf({ inputs: [input(NULL, '5151')] }), undefined],
    ['coinbase, 100 bytes', txOf({ inputs: [input(NULL, '51'.repeat(100))] }), undefined],
    ['coinbase, 101 bytes', txOf({ inputs: [input(NULL, '51'.repeat(101))] }), 'bad-cb-length'],
    [
      'null among others',
      txOf({ inputs: [input({ txid: TXID, vout: 1 }), input(NULL)] }),
      'bad-txns-prevout-null',
    ],
    ['id 0, another index', txOf({ inputs: [input({ ...NULL, vout: 0 })] }), undefined],
    ['another id, index ffffffff', txOf({ inputs: [input({ ...NULL, txid: TXID })] }), undefined],
    [
      '64 bytes',
      txOf({
        inputs: [input({ txid: TXID, vout: 0 }, '51515151')],
        outputs: [{ value: 1n, scriptPubKey: new Uint8Array(0) }],
      }),
      'stack-64-bytes',
    ],
    [
      '63 bytes',
      txOf({
        inputs: [input({ txid: TXID, vout: 0 }, '515151')],
        outputs: [{ value: 1n, scriptPubKey: new Uint8Array(0) }],
      }),
      undefined,
    ],
  ];

  it.each(table)('%s', (_name, tx, reason) => {
    expect(reasonOf(checkTransaction(tx))).toBe(reason);
  });
});

describe('outputs', () => {
  const pushed = (length: number): string =>
    `${length.toString(16).padStart(2, '0')}${'aa'.repeat(length)}`;
  const hash = '11'.repeat(20);
  it.each([
    ['P2PKH', 5n, `76a914${hash}88ac`, undefined],
    ['P2PKH of nothing', 0n, `76a914${hash}88ac`, undefined],
    ['P2PKH and a byte', 5n, `76a914${hash}88ac51`, 'stack-output'],
    ['P2PKH by OP_PUSHDATA1', 5n, `76a94c14${hash}88ac`, 'stack-output'],
    ['P2PK', 5n, `21${'02'.repeat(33)}ac`, 'stack-output'],
    ['P2SH', 5n, `a914${hash}87`, 'stack-output'],
    ['P2WPKH', 5n, `0014${hash}`, 'stack-output'],
    ['nothing', 0n, '', 'stack-output'],
    ['anyone can spend', 5n, '51', 'stack-output'],
    ['6a alone', 0n, '6a', undefined],
    ['6a with a value', 1n, '6a', 'stack-op-return'],
    ['6a, 1 byte', 0n, `6a${pushed(1)}`, undefined],
    ['6a, an empty push', 0n, '6a00', 'stack-op-return'],
    ['6a, a number', 0n, '6a51', 'stack-op-return'],
    ['6a, 75 bytes', 0n, `6a${pushed(75)}`, undefined],
    ['6a, 75 bytes by OP_PUSHDATA1', 0n, `6a4c${pushed(75)}`, 'stack-op-return'],
    ['6a, 76 bytes', 0n, `6a4c${pushed(76)}`, undefined],
    ['6a, 80 bytes', 0n, `6a4c${pushed(80)}`, undefined],
    ['6a, 81 bytes', 0n, `6a4c${pushed(81)}`, 'stack-op-return'],
    ['6a, two pushes', 0n, `6a${pushed(1)}${pushed(1)}`, 'stack-op-return'],
    ['6a, a broken push', 0n, '6a05aaaa', 'stack-op-return'],
    ['6a, a push without a length', 0n, '6a4c', 'stack-op-return'],
    ['6a, OP_PUSHDATA2', 0n, `6a4d0100aa`, 'stack-op-return'],
  ])('%s', (_name, value, hex, reason) => {
    expect(reasonOf(checkOutput({ value, scriptPubKey: script(hex) }))).toBe(reason);
  });
});

describe('absolute lock times', () => {
  const locked = (lockTime: number, ...sequences: number[]): Tx =>
    txOf({
      lockTime,
      inputs: sequences.map((sequence, vout) => ({ ...input({ txid: TXID, vout }), sequence })),
    });
  const HEIGHT = 100;
  const MEDIAN = 1_600_000_000;
  it.each([
    ['none', 0, [0], true],
    ['below the height', 99, [0], true],
    ['the height', 100, [0], false],
    ['the height, but all final', 100, [0xffff_ffff, 0xffff_ffff], true],
    ['the height, one not final', 100, [0xffff_ffff, 0xffff_fffe], false],
    ['largest height', 499_999_999, [0], false],
    ['least time', 500_000_000, [0], true],
    ['below the median', MEDIAN - 1, [0], true],
    ['the median', MEDIAN, [0], false],
    ['largest', 0xffff_ffff, [0], false],
    ['largest, but final', 0xffff_ffff, [0xffff_ffff], true],
  ])('%s', (_name, lockTime, sequences, expected) => {
    expect(isFinal(locked(lockTime, ...sequences), HEIGHT, MEDIAN)).toBe(expected);
  });
});

describe('relative locks', () => {
  it.each([
    [0x0000_0000, { byTime: false, value: 0 }],
    [0x0000_ffff, { byTime: false, value: 65_535 }],
    [0x0001_0005, { byTime: false, value: 5 }],
    [0x0040_0005, { byTime: true, value: 5 }],
    [0x7fbf_0005, { byTime: false, value: 5 }],
    [0x7fff_ffff, { byTime: true, value: 65_535 }],
    [0x8000_0000, undefined],
    [0xffff_ffff, undefined],
  ])('sequence %i', (sequence, lock) => {
    expect(sequenceLock(sequence)).toEqual(lock);
  });
});

describe('subsidy', () => {
  it.each([
    [regtest, 0, 5_000_000_000],
    [regtest, 149, 5_000_000_000],
    [regtest, 150, 2_500_000_000],
    [regtest, 300, 1_250_000_000],
    [regtest, 32 * 150, 1],
    [regtest, 33 * 150, 0],
    [regtest, 64 * 150, 0],
    [mainnet, 209_999, 5_000_000_000],
    [mainnet, 210_000, 2_500_000_000],
    [mainnet, 6_929_999, 1],
    [mainnet, 6_930_000, 0],
  ])('%# of height %#', (params, height, sats) => {
    expect(subsidy(height, params)).toBe(sats);
  });

  it('all of it is 20,999,999.9769 coins', () => {
    let sum = 0;
    for (let era = 0; era < 70; era++) sum += subsidy(era * 210_000, mainnet) * 210_000;
    expect(sum).toBe(2_099_999_997_690_000);
  });
});
