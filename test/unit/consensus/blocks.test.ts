/** Real blocks: by themselves, changed, and connected to the coins that they spent. */
import { describe, expect, it } from 'vitest';
import { decodeBlock, makeBlock } from '../../../lib/codec/block.ts';
import { makeHeader } from '../../../lib/codec/header.ts';
import { toHex } from '../../../lib/codec/hex.ts';
import { checkBlock, heightPush } from '../../../lib/consensus/check-block.ts';
import { checkTxInputs, outputSum } from '../../../lib/consensus/check-inputs.ts';
import { connectBlock, signatureChecksOf } from '../../../lib/consensus/connect.ts';
import { genesisEntry } from '../../../lib/consensus/context.ts';
import { subsidy } from '../../../lib/consensus/subsidy.ts';
import type { BlockEntry, CoinView } from '../../../lib/consensus/types.ts';
import { merkleRoot } from '../../../lib/crypto/merkle.ts';
import { mainnet } from '../../../lib/params/index.ts';
import { matchP2pkh } from '../../../lib/script/p2pkh.ts';
import {
  type Block,
  type Coin,
  type OutpointKey,
  type Sats,
  toOutpointKey,
} from '../../../lib/types.ts';
import { bytes, must, reasonOf, vectorBytes, vectorCases } from '../../helpers/vectors.ts';

describe('mainnet blocks by themselves', () => {
  const files = vectorCases<{ height: number; file: string }>('blocks');
  it.each(files)('$height', ({ file }) => {
    const block = must(decodeBlock(vectorBytes(file)));
    expect(reasonOf(checkBlock(block, mainnet))).toBeUndefined();
  });

  it('the first 256', () => {
    const file = vectorBytes('early_0_255.bin');
    let count = 0;
    for (let at = 0; at < file.length; count++) {
      const length = new DataView(file.buffer, file.byteOffset).getUint32(at, true);
      const block = must(decodeBlock(file.subarray(at + 4, at + 4 + length)));
      expect(reasonOf(checkBlock(block, mainnet))).toBeUndefined();
      at += 4 + length;
    }
    expect(count).toBe(256);
  });
});

describe('blocks that were changed', () => {
  interface BadCase {
    readonly baseHeight: number;
    readonly edit: string;
    readonly block: string;
    readonly headerHash: string;
    readonly powOk: boolean;
    readonly reason: string | null;
  }

  it.each(vectorCases<BadCase>('block_bad'))('$baseHeight: $edit', (one) => {
    const decoded = decodeBlock(bytes(one.block));
    if (one.reason === 'decode') {
      expect(decoded.ok).toBe(false);
      return;
    }
    const block = must(decoded);
    expect(block.header.hash).toBe(one.headerHash);
    const proofOfWork = one.powOk || one.reason === 'high-hash';
    expect(reasonOf(checkBlock(block, mainnet, { proofOfWork })) ?? null).toBe(one.reason);
    const whole = reasonOf(checkBlock(block, mainnet)) ?? null;
    expect(whole).toBe(one.powOk ? one.reason : 'high-hash');
  });
});

interface ConnectCase {
  readonly height: number;
  readonly blockFile: string;
  readonly subsidy: number;
  readonly fees: number;
  readonly coinbaseValue: number;
  readonly spent: readonly (readonly (readonly [number, string, number, number])[])[];
}

/** What the file says that the block's transactions found, but for coins of the block itself. */
function spentBy(block: Block, one: ConnectCase): Map<OutpointKey, Coin> {
  const own = new Set(block.txs.map(({ txid }) => txid));
  const coins = new Map<OutpointKey, Coin>();
  block.txs.slice(1).forEach((tx, i) => {
    tx.inputs.forEach(({ prevout }, j) => {
      const [value, hex, height, coinbase] = one.spent[i]?.[j] ?? [0, '', 0, 0];
      if (own.has(prevout.txid)) return;
      const coin = {
        value: value as Sats,
        scriptPubKey: bytes(hex),
        height,
        coinbase: coinbase === 1,
      };
      coins.set(toOutpointKey(prevout.txid, prevout.vout), coin);
    });
  });
  return coins;
}

/** A parent whose median time is just before the block's. */
const parentOf = (block: Block, height: number): BlockEntry => ({
  ...genesisEntry(mainnet),
  hash: block.header.prevHash,
  height: height - 1,
  times: [block.header.time - 1],
});

describe('mainnet blocks connected', () => {
  const cases = vectorCases<ConnectCase>('block_connect');

  it.each(cases)('$height: inputs, fees, subsidy', (one) => {
    const block = must(decodeBlock(vectorBytes(one.blockFile)));
    const coins = spentBy(block, one);
    let fees = 0;
    for (const [i, tx] of block.txs.slice(1).entries()) {
      for (const [j, { prevout }] of tx.inputs.entries()) {
        const [value, hex] = one.spent[i]?.[j] ?? [];
        const coin = coins.get(toOutpointKey(prevout.txid, prevout.vout));
        expect([coin?.value, coin && toHex(coin.scriptPubKey)]).toEqual([value, hex]);
      }
      fees += must(checkTxInputs(tx, (key) => coins.get(key), one.height, mainnet)).fee;
      tx.outputs.forEach(({ value, scriptPubKey }, vout) => {
        const coin = { value: Number(value) as Sats, scriptPubKey, height: one.height };
        coins.set(toOutpointKey(tx.txid, vout), { ...coin, coinbase: false });
      });
    }
    expect(fees).toBe(one.fees);
    expect(subsidy(one.height, mainnet)).toBe(one.subsidy);
    const [coinbase] = block.txs;
    expect(coinbase && outputSum(coinbase)).toBe(one.coinbaseValue);
    expect(one.coinbaseValue).toBeLessThanOrEqual(one.subsidy + fees);
  });

  it.each(cases)('$height: what strict rules say', (one) => {
    const block = must(decodeBlock(vectorBytes(one.blockFile)));
    const coins = spentBy(block, one);
    const view: CoinView = { coin: (key) => coins.get(key), medianTimePast: () => 0 };
    const parent = parentOf(block, one.height);
    const entry = { ...parent, hash: block.header.hash, header: block.header, height: one.height };
    // None of these blocks follows all of the rules that hold from block 1 here.
    const first: Record<number, string> = {
      57043: 'bad-cb-height',
      150013: 'bad-cb-height',
      255018: 'stack-high-s',
      478558: 'stack-commitment',
    };
    expect(reasonOf(connectBlock(block, entry, parent, view, mainnet))).toBe(first[one.height]);
  });

  it('of block 255018, transactions with low S pass whole', () => {
    const one = cases.find(({ height }) => height === 255_018) as ConnectCase;
    const block = must(decodeBlock(vectorBytes(one.blockFile)));
    const coins = spentBy(block, one);
    const coinOf = (key: OutpointKey) => coins.get(key);
    const ids = new Set(block.txs.map(({ txid }) => txid));
    const good = block.txs.filter((tx, i) => {
      const outside = tx.inputs.every(({ prevout }) => !ids.has(prevout.txid));
      const outputs = tx.outputs.every(({ scriptPubKey }) => matchP2pkh(scriptPubKey));
      return i > 0 && outside && outputs && signatureChecksOf(tx, coinOf).ok;
    });
    expect(good.length).toBeGreaterThan(20);
    // The block that a strict miner would have made of them: less reward than its header's.
    const txs = [block.txs[0] as Block['txs'][number], ...good];
    const { root } = merkleRoot(txs.map(({ txid }) => txid));
    const header = makeHeader({ ...block.header, merkleRoot: root });
    const parent = parentOf(block, one.height);
    const entry = { ...parent, hash: header.hash, header, height: one.height };
    const view: CoinView = { coin: coinOf, medianTimePast: () => 0 };
    const strict = makeBlock(header, txs);
    const verdict = connectBlock(strict, entry, parent, view, mainnet);
    // Its coinbase still takes the fees of all.
    expect(reasonOf(verdict)).toBe('bad-cb-amount');
    const rich = { ...mainnet, subsidySats: (mainnet.subsidySats * 2) as Sats };
    const effects = must(connectBlock(strict, entry, parent, view, rich));
    const inputs = good.reduce((sum, { inputs: { length } }) => sum + length, 0);
    expect(effects.spent).toHaveLength(inputs);
    expect(effects.signatureChecks).toHaveLength(inputs);
    const outputs = txs.reduce((sum, tx) => sum + tx.outputs.length, 0);
    expect(effects.created).toHaveLength(outputs);
    const paid = good.reduce((sum, tx) => sum + outputSum(tx), 0);
    const taken = effects.spent.reduce((sum, { coin }) => sum + coin.value, 0);
    expect(effects.fees).toBe(taken - paid);
  });
});

describe('the height that a coinbase begins with', () => {
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
    [8_388_607, '03ffff7f'],
    [8_388_608, '0400008000'],
    [500_000, '0320a107'],
  ])('%i', (height, hex) => {
    expect(toHex(heightPush(height))).toBe(hex);
  });
});
