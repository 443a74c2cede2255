import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeBlock,
  decodeHeader,
  encodeBlock,
  encodeHeader,
  encodeTx,
  makeBlock,
  makeHeader,
  toHex,
} from '../../../lib/codec/index.ts';
import { merkleRoot } from '../../../lib/crypto/merkle.ts';
import { FUZZ_RUNS, fuzzSeed, mangled } from '../../helpers/fuzz.ts';
import { bytes, must, reasonOf, vectorBytes, vectorCases } from '../../helpers/vectors.ts';

interface BlockCase {
  readonly height: number;
  readonly file: string;
  readonly size: number;
  readonly version: number;
  readonly prevBlock: string;
  readonly merkleRoot: string;
  readonly time: number;
  readonly bits: string;
  readonly nonce: number;
  readonly hash: string;
  readonly txCount: number;
  readonly txidsSha256: string;
  readonly totalOut: number;
}

const cases = vectorCases<BlockCase>('blocks');

describe('blocks of the main network', () => {
  it('one of more than 3,000 transactions is among them', () => {
    expect(Math.max(...cases.map(({ txCount }) => txCount))).toBeGreaterThan(3000);
  });

  it.each(cases)('$height', (one) => {
    const raw = vectorBytes(one.file);
    const { header, txs, raw: kept } = must(decodeBlock(raw));
    expect(kept).toEqual(raw);
    expect(raw.length).toBe(one.size);
    expect(header).toMatchObject({
      version: one.version,
      prevHash: one.prevBlock,
      merkleRoot: one.merkleRoot,
      time: one.time,
      bits: Number.parseInt(one.bits, 16),
      nonce: one.nonce,
      hash: one.hash,
    });
    expect(txs.length).toBe(one.txCount);
    const txids = txs.map(({ txid }) => txid);
    expect(createHash('sha256').update(txids.join('')).digest('hex')).toBe(one.txidsSha256);
    expect(merkleRoot(txids)).toEqual({ root: one.merkleRoot, mutated: false });
    const values = txs.flatMap(({ outputs }) => outputs.map(({ value }) => value));
    expect(values.reduce((sum, value) => sum + value, 0n)).toBe(BigInt(one.totalOut));
    expect(encodeHeader(header)).toEqual(raw.subarray(0, 80));
    for (const tx of txs) expect(encodeTx(tx)).toEqual(tx.raw);
    expect(encodeBlock(header, txs)).toEqual(raw);
    expect(makeHeader(header)).toEqual(header);
  });
});

it('the first 256 blocks are one chain', () => {
  const [{ count, lastHash, totalTx }] = vectorCases<{
    count: number;
    lastHash: string;
    totalTx: number;
  }>('early_chain') as [{ count: number; lastHash: string; totalTx: number }];
  const file = vectorBytes('early_0_255.bin');
  let tip = '0'.repeat(64);
  let blocks = 0;
  let txCount = 0;
  for (let at = 0; at < file.length; blocks++) {
    const length = new DataView(file.buffer).getUint32(at, true);
    const raw = file.subarray(at + 4, at + 4 + length);
    const block = must(decodeBlock(raw));
    expect(block.header.prevHash).toBe(tip);
    expect(encodeBlock(block.header, block.txs)).toEqual(raw);
    expect(merkleRoot(block.txs.map(({ txid }) => txid)).root).toBe(block.header.merkleRoot);
    tip = block.header.hash;
    txCount += block.txs.length;
    at += 4 + length;
  }
  expect({ blocks, tip, txCount }).toEqual({ blocks: count, tip: lastHash, txCount: totalTx });
});

it('a run of 8,064 headers links and keeps its bytes', () => {
  const [run] = vectorCases<{ count: number; file: string; lastHash: string; firstHash: string }>(
    'headers',
  );
  const file = vectorBytes('headers_28224_36287.bin');
  let tip: string | undefined;
  for (let at = 0; at < file.length; at += 80) {
    const header = must(decodeHeader(file.subarray(at, at + 80)));
    if (tip === undefined) expect(header.hash).toBe(run?.firstHash);
    else expect(header.prevHash).toBe(tip);
    tip = header.hash;
  }
  expect(file.length / 80).toBe(run?.count);
  expect(tip).toBe(run?.lastHash);
});

describe('changed blocks', () => {
  const bad = vectorCases<{
    edit: string;
    block: string;
    headerHash: string;
    reason: string | null;
  }>('block_bad');
  it.each(bad)('$edit', ({ block, headerHash, reason }) => {
    const raw = bytes(block);
    const verdict = decodeBlock(raw);
    expect(verdict.ok).toBe(reason !== 'decode');
    if (!verdict.ok) {
      expect(['block-decode-failed', 'stack-trailing-bytes']).toContain(verdict.reject.reason);
      expect(verdict.reject.kind).toBe('mutated');
      return;
    }
    const { header, txs } = verdict.value;
    expect(header.hash).toBe(headerHash);
    expect(encodeBlock(header, txs)).toEqual(raw);
    const { root, mutated } = merkleRoot(txs.map(({ txid }) => txid));
    if (reason === 'bad-txnmrklroot') expect(root).not.toBe(header.merkleRoot);
    if (reason === 'bad-txns-duplicate') {
      expect({ root, mutated }).toEqual({ root: header.merkleRoot, mutated: true });
    }
  });
});

describe('what is no block', () => {
  const small = vectorBytes('blocks/000170.bin');

  it('is refused at every length but its own', () => {
    for (let length = 0; length < small.length; length++) {
      expect(reasonOf(decodeBlock(small.subarray(0, length)))).toBe('block-decode-failed');
    }
    expect(reasonOf(decodeBlock(Uint8Array.of(...small, 0)))).toBe('stack-trailing-bytes');
  });

  it('a header has 80 bytes', () => {
    expect(reasonOf(decodeHeader(small.subarray(0, 79)))).toBe('header-decode-failed');
    expect(reasonOf(decodeHeader(small.subarray(0, 81)))).toBe('stack-trailing-bytes');
  });

  it('a transaction in witness form', () => {
    const witness = bytes(`0200000000010100${'00'.repeat(70)}`);
    const raw = Uint8Array.of(...small.subarray(0, 80), 1, ...witness);
    expect(reasonOf(decodeBlock(raw))).toBe('stack-witness');
  });

  it('a count of transactions that the bytes left cannot hold', () => {
    const raw = Uint8Array.of(...small.subarray(0, 80), 0xfe, 0xff, 0xff, 0xff, 0x7f);
    expect(reasonOf(decodeBlock(raw))).toBe('block-decode-failed');
  });

  it('any bytes are refused or kept byte for byte', () => {
    const messages = cases.filter(({ size }) => size < 3000).map(({ file }) => vectorBytes(file));
    fc.assert(
      fc.property(mangled(messages), (raw) => {
        const verdict = decodeBlock(raw);
        if (!verdict.ok) expect(verdict.reject.kind).toBe('mutated');
        else expect(toHex(makeBlock(verdict.value.header, verdict.value.txs).raw)).toBe(toHex(raw));
      }),
      { seed: fuzzSeed('decodeBlock'), numRuns: FUZZ_RUNS },
    );
  });

  it('any bytes are a header if they are 80', () => {
    const messages = [small.subarray(0, 80)];
    fc.assert(
      fc.property(mangled(messages), (raw) => {
        const verdict = decodeHeader(raw);
        expect(verdict.ok).toBe(raw.length === 80);
        if (verdict.ok) expect(toHex(encodeHeader(verdict.value))).toBe(toHex(raw));
      }),
      { seed: fuzzSeed('decodeHeader'), numRuns: FUZZ_RUNS },
    );
  });
});
